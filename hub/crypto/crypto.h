/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h - hashing, signatures, commitments, sealing, keys.
 *
 * The only room that calls libsodium and libcrypto. SHA-256 and HMAC-SHA-256
 * are libcrypto's (SHA-NI), all else libsodium's. Secrets live in memory
 * that is locked and wiped (struct kw_secret).
 */
#ifndef KINWARD_CRYPTO_H
#define KINWARD_CRYPTO_H

#include "base/base.h"

#define KW_HASH_SIZE      32
#define KW_KEY_SIZE       32
#define KW_SIGNATURE_SIZE 64
#define KW_SEAL_OVERHEAD  48        /* crypto_box_seal */
#define KW_AEAD_OVERHEAD  (24 + 16) /* XChaCha20-Poly1305: nonce in front, tag behind */

/* Once per process, before anything else. -EIO when the library cannot start. */
KW_CHECKED int kw_crypto_init(void);
void kw_random(void *ret_bytes, size_t size);
bool kw_equal_secret(const void *a, const void *b, size_t size); /* constant time */
void kw_wipe(void *bytes, size_t size);

/* ---- SHA-256 (FIPS 180-4) and HMAC (RFC 2104) -------------------------- */

struct kw_sha256 {
    _Alignas(8) unsigned char state[128];
};
void kw_sha256_start(struct kw_sha256 *hash);
void kw_sha256_add(struct kw_sha256 *hash, const void *data, size_t size);
void kw_sha256_end(struct kw_sha256 *hash, uint8_t ret_digest[KW_HASH_SIZE]);
void kw_sha256_of(const void *data, size_t size, uint8_t ret_digest[KW_HASH_SIZE]);
/* HMAC-SHA-256 over up to two parts; b may be empty. */
void kw_hmac_sha256(struct kw_view key, struct kw_view a, struct kw_view b, uint8_t ret_tag[KW_HASH_SIZE]);
/* Keyed 64-bit and 128-bit hashes of short inputs for in-memory tables: SipHash-2-4. */
uint64_t kw_siphash64(const uint8_t key[16], const void *data, size_t size);
void kw_siphash128(const uint8_t key[16], const void *data, size_t size, uint8_t ret_hash[16]);

/* ---- Ed25519 (RFC 8032; libsodium's rule: small-order keys and non-canonical S are refused) ---- */

struct kw_sign_key { /* lives in locked memory; made by kw_sign_key_new or _load */
    uint8_t public_key[KW_KEY_SIZE];
    uint8_t secret[64];
};
KW_CHECKED int kw_sign_key_new(struct kw_sign_key **ret_key);
KW_CHECKED int kw_sign_key_from_seed(const uint8_t seed[32], struct kw_sign_key **ret_key);
void kw_sign_key_free(struct kw_sign_key *key);
void kw_sign_key_freep(struct kw_sign_key **key);
void kw_sign(const struct kw_sign_key *key, const void *data, size_t size, uint8_t ret_signature[KW_SIGNATURE_SIZE]);
bool kw_verify(const uint8_t public_key[KW_KEY_SIZE], const void *data, size_t size, const uint8_t signature[KW_SIGNATURE_SIZE]);

/* ---- X25519 sealing (crypto_box_seal) ---------------------------------- */

struct kw_box_key {
    uint8_t public_key[KW_KEY_SIZE];
    uint8_t secret[KW_KEY_SIZE];
};
KW_CHECKED int kw_box_key_new(struct kw_box_key **ret_key);
void kw_box_key_free(struct kw_box_key *key);
void kw_box_key_freep(struct kw_box_key **key);
KW_CHECKED int kw_seal(const uint8_t recipient[KW_KEY_SIZE], struct kw_view plain, struct kw_buf *ret_sealed);
KW_CHECKED int kw_unseal(const struct kw_box_key *key, struct kw_view sealed, struct kw_buf *ret_plain);

/* ---- AEAD (XChaCha20-Poly1305-IETF, random nonce in front) and key derivation (crypto_kdf, BLAKE2b) ---- */

KW_CHECKED int kw_encrypt(const uint8_t key[KW_KEY_SIZE], struct kw_view context, struct kw_view plain,
                          struct kw_buf *ret_sealed); /* appends */
KW_CHECKED int kw_decrypt(const uint8_t key[KW_KEY_SIZE], struct kw_view context, struct kw_view sealed,
                          struct kw_buf *ret_plain); /* appends; -EKEYREJECTED */
/* Subkey `number` of a 32-byte key; context is 8 characters, e.g. "kwrecord". */
void kw_derive(const uint8_t key[KW_KEY_SIZE], const char context[8], uint64_t number, uint8_t ret_key[KW_KEY_SIZE]);

/* ---- record commitment (DESIGN §10) ------------------------------------ */

/* digest = SHA-256(0x01 || u32 length || canonical record || origin leaf entry) */
void kw_record_digest(struct kw_view record, struct kw_view origin_leaf, uint8_t ret_digest[KW_HASH_SIZE]);
/* commitment = HMAC-SHA-256(salt, "kinward/commit/v1" || digest) */
void kw_commitment(const uint8_t salt[32], const uint8_t digest[KW_HASH_SIZE], uint8_t ret_commitment[KW_HASH_SIZE]);
/* The two keys that derive from a record key: body key (number 1) and salt (number 2), context "kwrecord". */
void kw_record_keys(const uint8_t record_key[32], uint8_t ret_body_key[32], uint8_t ret_salt[32]);

/* ---- text forms -------------------------------------------------------- */

KW_CHECKED int kw_base64(struct kw_buf *ret_text, const void *data, size_t size);  /* RFC 4648 §4; appends */
KW_CHECKED int kw_base64_parse(struct kw_view text, struct kw_buf *ret_bytes);     /* strict; appends */
KW_CHECKED int kw_base64url_parse(struct kw_view text, struct kw_buf *ret_bytes);  /* §5, no padding; appends */
void kw_hex(char *ret_text, const void *data, size_t size);                        /* 2 * size + NUL, lower case */
KW_CHECKED int kw_hex_parse(struct kw_view text, uint8_t *ret_bytes, size_t size); /* exactly size bytes */

/* ---- key files: one line `kinward-<kind>-key:v1:<base64>`, mode 0600 ---- */

KW_CHECKED int kw_sign_key_load(const char *path, struct kw_sign_key **ret_key, struct kw_fault *fault);
KW_CHECKED int kw_sign_key_save(const char *path, const struct kw_sign_key *key, struct kw_fault *fault);
KW_CHECKED int kw_box_key_load(const char *path, struct kw_box_key **ret_key, struct kw_fault *fault);
KW_CHECKED int kw_box_key_save(const char *path, const struct kw_box_key *key, struct kw_fault *fault);
/* 32 random bytes (vault key); in locked memory, free with kw_secret_free. */
KW_CHECKED int kw_secret_new(uint8_t **ret_secret);
KW_CHECKED int kw_secret_load(const char *path, uint8_t **ret_secret, struct kw_fault *fault);
KW_CHECKED int kw_secret_save(const char *path, const uint8_t secret[32], struct kw_fault *fault);
void kw_secret_free(uint8_t *secret);
/* First 4 bytes of SHA-256(public key) as 8 hex digits + NUL: the key id used in receipts and envelopes. */
void kw_key_id(const uint8_t public_key[KW_KEY_SIZE], char ret_id[9]);

/* ---- tokens from outside ----------------------------------------------- */

/* JWS (RFC 7515) RS256 or EdDSA with a PEM public key: checks the signature and gives the payload. Needs libcrypto. */
KW_CHECKED int kw_jws_verify(struct kw_view compact, struct kw_view public_key_pem, struct kw_buf *ret_payload,
                             struct kw_fault *fault);

#endif
