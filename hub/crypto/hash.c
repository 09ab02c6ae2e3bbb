/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - SHA-256, HMAC, SipHash and the record commitment. */
#define OPENSSL_SUPPRESS_DEPRECATED /* the low-level SHA-256 is four times faster on short inputs than fetching a digest */
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#include "crypto/crypto.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(((struct kw_sha256 *)0)->state), "the library's state fits ours");
_Static_assert(_Alignof(SHA256_CTX) <= 8, "and its alignment");

void kw_sha256_start(struct kw_sha256 *hash)
{
    (void)SHA256_Init((SHA256_CTX *)(void *)hash->state);
}

void kw_sha256_add(struct kw_sha256 *hash, const void *data, size_t size)
{
    if (size > 0)
        (void)SHA256_Update((SHA256_CTX *)(void *)hash->state, data, size);
}

void kw_sha256_end(struct kw_sha256 *hash, uint8_t ret_digest[KW_HASH_SIZE])
{
    (void)SHA256_Final(ret_digest, (SHA256_CTX *)(void *)hash->state);
}

void kw_sha256_of(const void *data, size_t size, uint8_t ret_digest[KW_HASH_SIZE])
{
    struct kw_sha256 hash;

    kw_sha256_start(&hash);
    kw_sha256_add(&hash, data, size);
    kw_sha256_end(&hash, ret_digest);
}

/* RFC 2104 §2 over the streaming hash: libcrypto's own HMAC allocates and fetches for each tag. */
void kw_hmac_sha256(struct kw_view key, struct kw_view a, struct kw_view b, uint8_t ret_tag[KW_HASH_SIZE])
{
    struct kw_sha256 hash;
    uint8_t block[64] = {0}, pad[64], inner[KW_HASH_SIZE];

    if (key.size > sizeof block)
        kw_sha256_of(key.data, key.size, block);
    else if (key.size > 0)
        memcpy(block, key.data, key.size);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] = block[i] ^ 0x36;
    kw_sha256_start(&hash);
    kw_sha256_add(&hash, pad, sizeof pad);
    kw_sha256_add(&hash, a.data, a.size);
    kw_sha256_add(&hash, b.data, b.size);
    kw_sha256_end(&hash, inner);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] = block[i] ^ 0x5c;
    kw_sha256_start(&hash);
    kw_sha256_add(&hash, pad, sizeof pad);
    kw_sha256_add(&hash, inner, sizeof inner);
    kw_sha256_end(&hash, ret_tag);
    sodium_memzero(block, sizeof block);
    sodium_memzero(pad, sizeof pad);
    sodium_memzero(&hash, sizeof hash);
}

uint64_t kw_siphash64(const uint8_t key[16], const void *data, size_t size)
{
    uint64_t value;
    uint8_t hash[crypto_shorthash_siphash24_BYTES];

    (void)crypto_shorthash_siphash24(hash, data, size, key);
    memcpy(&value, hash, sizeof value);
    return value;
}

void kw_siphash128(const uint8_t key[16], const void *data, size_t size, uint8_t ret_hash[16])
{
    (void)crypto_shorthash_siphashx24(ret_hash, data, size, key);
}

void kw_record_digest(struct kw_view record, struct kw_view origin_leaf, uint8_t ret_digest[KW_HASH_SIZE])
{
    struct kw_sha256 hash;
    const uint8_t head[5] = {0x01, (uint8_t)(record.size >> 24), (uint8_t)(record.size >> 16), (uint8_t)(record.size >> 8),
                             (uint8_t)record.size};

    kw_sha256_start(&hash);
    kw_sha256_add(&hash, head, sizeof head);
    kw_sha256_add(&hash, record.data, record.size);
    kw_sha256_add(&hash, origin_leaf.data, origin_leaf.size);
    kw_sha256_end(&hash, ret_digest);
}

void kw_commitment(const uint8_t salt[32], const uint8_t digest[KW_HASH_SIZE], uint8_t ret_commitment[KW_HASH_SIZE])
{
    kw_hmac_sha256((struct kw_view){salt, 32}, kw_view_text("kinward/commit/v1"), (struct kw_view){digest, KW_HASH_SIZE},
                   ret_commitment);
}
