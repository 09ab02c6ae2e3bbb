/* SPDX-License-Identifier: Apache-2.0 */
/* seal.c - start-up, randomness, signatures, sealing, encryption and key derivation. */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "crypto/crypto.h"

_Static_assert(KW_SEAL_OVERHEAD == crypto_box_SEALBYTES, "overhead of a sealed box");
_Static_assert(KW_AEAD_OVERHEAD == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "overhead of an encrypted text");
_Static_assert(sizeof(((struct kw_sign_key *)0)->secret) == crypto_sign_SECRETKEYBYTES, "Ed25519 secret key");

int kw_crypto_init(void)
{
    return sodium_init() < 0 ? -EIO : 0;
}

void kw_random(void *ret_bytes, size_t size)
{
    randombytes_buf(ret_bytes, size);
}

bool kw_equal_secret(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

void kw_wipe(void *bytes, size_t size)
{
    sodium_memzero(bytes, size);
}

/* ---- Ed25519 ------------------------------------------------------------------- */

int kw_sign_key_from_seed(const uint8_t seed[32], struct kw_sign_key **ret_key)
{
    struct kw_sign_key *key = sodium_malloc(sizeof *key);

    if (!key)
        return -ENOMEM;
    (void)crypto_sign_seed_keypair(key->public_key, key->secret, seed);
    *ret_key = key;
    return 0;
}

int kw_sign_key_new(struct kw_sign_key **ret_key)
{
    uint8_t seed[32];
    int r;

    kw_random(seed, sizeof seed);
    r = kw_sign_key_from_seed(seed, ret_key);
    sodium_memzero(seed, sizeof seed);
    return r;
}

void kw_sign_key_free(struct kw_sign_key *key)
{
    sodium_free(key); /* wipes, unlocks; NULL is fine */
}

void kw_sign_key_freep(struct kw_sign_key **key)
{
    kw_sign_key_free(*key);
    *key = NULL;
}

void kw_sign(const struct kw_sign_key *key, const void *data, size_t size, uint8_t ret_signature[KW_SIGNATURE_SIZE])
{
    (void)crypto_sign_detached(ret_signature, NULL, data, size, key->secret);
}

bool kw_verify(const uint8_t public_key[KW_KEY_SIZE], const void *data, size_t size, const uint8_t signature[KW_SIGNATURE_SIZE])
{
    return crypto_sign_verify_detached(signature, data, size, public_key) == 0;
}

/* ---- X25519 sealing -------------------------------------------------------------- */

int kw_box_key_new(struct kw_box_key **ret_key)
{
    struct kw_box_key *key = sodium_malloc(sizeof *key);

    if (!key)
        return -ENOMEM;
    (void)crypto_box_keypair(key->public_key, key->secret);
    *ret_key = key;
    return 0;
}

void kw_box_key_free(struct kw_box_key *key)
{
    sodium_free(key);
}

void kw_box_key_freep(struct kw_box_key **key)
{
    kw_box_key_free(*key);
    *key = NULL;
}

int kw_seal(const uint8_t recipient[KW_KEY_SIZE], struct kw_view plain, struct kw_buf *ret_sealed)
{
    int r = kw_buf_reserve(ret_sealed, plain.size + KW_SEAL_OVERHEAD);

    if (r < 0)
        return r;
    if (crypto_box_seal(ret_sealed->data + ret_sealed->size, plain.data, plain.size, recipient) != 0)
        return -EINVAL; /* a key of small order */
    ret_sealed->size += plain.size + KW_SEAL_OVERHEAD;
    return 0;
}

int kw_unseal(const struct kw_box_key *key, struct kw_view sealed, struct kw_buf *ret_plain)
{
    int r;

    if (sealed.size < KW_SEAL_OVERHEAD)
        return -EKEYREJECTED;
    r = kw_buf_reserve(ret_plain, sealed.size - KW_SEAL_OVERHEAD);
    if (r < 0)
        return r;
    if (crypto_box_seal_open(ret_plain->data + ret_plain->size, sealed.data, sealed.size, key->public_key, key->secret) != 0)
        return -EKEYREJECTED;
    ret_plain->size += sealed.size - KW_SEAL_OVERHEAD;
    return 0;
}

/* ---- authenticated encryption ----------------------------------------------------- */

int kw_encrypt(const uint8_t key[KW_KEY_SIZE], struct kw_view context, struct kw_view plain, struct kw_buf *ret_sealed)
{
    uint8_t *nonce;
    int r = kw_buf_reserve(ret_sealed, plain.size + KW_AEAD_OVERHEAD);

    if (r < 0)
        return r;
    nonce = ret_sealed->data + ret_sealed->size;
    kw_random(nonce, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, NULL, plain.data,
                                                     plain.size, context.data, context.size, NULL, nonce, key);
    ret_sealed->size += plain.size + KW_AEAD_OVERHEAD;
    return 0;
}

int kw_decrypt(const uint8_t key[KW_KEY_SIZE], struct kw_view context, struct kw_view sealed, struct kw_buf *ret_plain)
{
    const size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
    int r;

    if (sealed.size < KW_AEAD_OVERHEAD)
        return -EKEYREJECTED;
    r = kw_buf_reserve(ret_plain, sealed.size - KW_AEAD_OVERHEAD);
    if (r < 0)
        return r;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(ret_plain->data + ret_plain->size, NULL, NULL, sealed.data + nonce_size,
                                                   sealed.size - nonce_size, context.data, context.size, sealed.data, key) != 0)
        return -EKEYREJECTED;
    ret_plain->size += sealed.size - KW_AEAD_OVERHEAD;
    return 0;
}

void kw_derive(const uint8_t key[KW_KEY_SIZE], const char context[8], uint64_t number, uint8_t ret_key[KW_KEY_SIZE])
{
    (void)crypto_kdf_derive_from_key(ret_key, KW_KEY_SIZE, number, context, key);
}

void kw_record_keys(const uint8_t record_key[32], uint8_t ret_body_key[32], uint8_t ret_salt[32])
{
    kw_derive(record_key, "kwrecord", 1, ret_body_key);
    kw_derive(record_key, "kwrecord", 2, ret_salt);
}
