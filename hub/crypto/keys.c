/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - text forms and key files. */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/limits.h"
#include "crypto/crypto.h"

/* ---- text forms -------------------------------------------------------------------- */

int kw_base64(struct kw_buf *ret_text, const void *data, size_t size)
{
    size_t room = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL); /* with the NUL */
    int r = kw_buf_reserve(ret_text, room);

    if (r < 0)
        return r;
    (void)sodium_bin2base64((char *)ret_text->data + ret_text->size, room, data, size, sodium_base64_VARIANT_ORIGINAL);
    ret_text->size += room - 1;
    return 0;
}

static int base64_parse(struct kw_view text, int variant, struct kw_buf *ret_bytes)
{
    size_t size = 0;
    int r = kw_buf_reserve(ret_bytes, text.size / 4 * 3 + 3);

    if (r < 0)
        return r;
    for (size_t i = 0; i < text.size; i++) { /* libsodium 1.0.18 takes some bytes above 0x7f for letters */
        if (text.data[i] >= 0x80)
            return -EBADMSG;
    }
    if (text.size > 0 && sodium_base642bin(ret_bytes->data + ret_bytes->size, text.size / 4 * 3 + 3, (const char *)text.data,
                                           text.size, NULL, &size, NULL, variant) != 0)
        return -EBADMSG;
    ret_bytes->size += size;
    ret_bytes->data[ret_bytes->size] = 0;
    return 0;
}

int kw_base64_parse(struct kw_view text, struct kw_buf *ret_bytes)
{
    return base64_parse(text, sodium_base64_VARIANT_ORIGINAL, ret_bytes);
}

int kw_base64url_parse(struct kw_view text, struct kw_buf *ret_bytes)
{
    return base64_parse(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING, ret_bytes);
}

void kw_hex(char *ret_text, const void *data, size_t size)
{
    (void)sodium_bin2hex(ret_text, size * 2 + 1, data, size);
}

int kw_hex_parse(struct kw_view text, uint8_t *ret_bytes, size_t size)
{
    uint8_t bytes[64];
    size_t got;

    if (text.size != size * 2 || size > sizeof bytes)
        return -EBADMSG;
    if (size > 0 && (sodium_hex2bin(bytes, size, (const char *)text.data, text.size, NULL, &got, NULL) != 0 || got != size))
        return -EBADMSG;
    memcpy(ret_bytes, bytes, size);
    sodium_memzero(bytes, sizeof bytes);
    return 0;
}

void kw_key_id(const uint8_t public_key[KW_KEY_SIZE], char ret_id[9])
{
    uint8_t digest[KW_HASH_SIZE];

    kw_sha256_of(public_key, KW_KEY_SIZE, digest);
    kw_hex(ret_id, digest, 4);
}

/* ---- key files ----------------------------------------------------------------------- */

/* Reads `kinward-<kind>-key:v1:<base64 of 32 bytes>` and nothing else. */
static int load(const char *path, const char *kind, uint8_t ret_bytes[32], struct kw_fault *fault)
{
    struct kw_buf text = {0}, prefix = {0}, bytes = {0};
    int r = kw_file_read_secret(path, KW_LIMIT_KEY_FILE, &text, fault);

    if (r < 0)
        goto out;
    r = kw_buf_format(&prefix, "kinward-%s-key:v1:", kind);
    if (r < 0)
        goto out;
    if (text.size > 0 && text.data[text.size - 1] == '\n')
        text.size--;
    r = -EBADMSG;
    if (text.size > prefix.size && memcmp(text.data, prefix.data, prefix.size) == 0)
        r = kw_base64_parse((struct kw_view){text.data + prefix.size, text.size - prefix.size}, &bytes);
    if (r == 0 && bytes.size != 32)
        r = -EBADMSG;
    if (r == 0)
        memcpy(ret_bytes, bytes.data, 32);
    else if (r == -EBADMSG)
        kw_fail(fault, r, KW_E_KEY, path, "not one line kinward-%s-key:v1:<base64 of 32 bytes>", kind);
out:
    kw_buf_wipe(&bytes);
    kw_buf_wipe(&text);
    kw_buf_clear(&prefix);
    return r;
}

static int save(const char *path, const char *kind, const uint8_t bytes[32], struct kw_fault *fault)
{
    struct kw_buf text = {0};
    int r = kw_buf_reserve(&text, 128); /* no growth: a moved buffer would leave the secret behind */

    if (r == 0)
        r = kw_buf_format(&text, "kinward-%s-key:v1:", kind);
    if (r == 0)
        r = kw_base64(&text, bytes, 32);
    if (r == 0)
        r = kw_buf_text(&text, "\n");
    if (r == 0)
        r = kw_file_replace(path, kw_view_of(&text), 0600, fault);
    kw_buf_wipe(&text);
    return r;
}

int kw_sign_key_load(const char *path, struct kw_sign_key **ret_key, struct kw_fault *fault)
{
    uint8_t seed[32];
    int r = load(path, "sign", seed, fault);

    if (r == 0)
        r = kw_sign_key_from_seed(seed, ret_key);
    sodium_memzero(seed, sizeof seed);
    return r;
}

int kw_sign_key_save(const char *path, const struct kw_sign_key *key, struct kw_fault *fault)
{
    return save(path, "sign", key->secret, fault); /* the seed stands in front */
}

int kw_box_key_load(const char *path, struct kw_box_key **ret_key, struct kw_fault *fault)
{
    struct kw_box_key *key = sodium_malloc(sizeof *key);
    int r;

    if (!key)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, path, "no locked memory for the key");
    r = load(path, "box", key->secret, fault);
    if (r == 0 && crypto_scalarmult_base(key->public_key, key->secret) != 0)
        r = kw_fail(fault, -EBADMSG, KW_E_KEY, path, "not a usable key");
    if (r < 0) {
        sodium_free(key);
        return r;
    }
    *ret_key = key;
    return 0;
}

int kw_box_key_save(const char *path, const struct kw_box_key *key, struct kw_fault *fault)
{
    return save(path, "box", key->secret, fault);
}

int kw_secret_new(uint8_t **ret_secret)
{
    uint8_t *secret = sodium_malloc(32);

    if (!secret)
        return -ENOMEM;
    kw_random(secret, 32);
    *ret_secret = secret;
    return 0;
}

int kw_secret_load(const char *path, uint8_t **ret_secret, struct kw_fault *fault)
{
    uint8_t *secret = sodium_malloc(32);
    int r;

    if (!secret)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, path, "no locked memory for the key");
    r = load(path, "secret", secret, fault);
    if (r < 0) {
        sodium_free(secret);
        return r;
    }
    *ret_secret = secret;
    return 0;
}

int kw_secret_save(const char *path, const uint8_t secret[32], struct kw_fault *fault)
{
    return save(path, "secret", secret, fault);
}

void kw_secret_free(uint8_t *secret)
{
    sodium_free(secret);
}
