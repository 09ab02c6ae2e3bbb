/* SPDX-License-Identifier: Apache-2.0 */
/* test_vectors.c - Wycheproof and CCTV through our wrappers. */
#include <errno.h>

#include "vectors.h"

static void ed25519(void **state)
{
    struct kw_buf text = {0}, key = {0}, message = {0}, signature = {0};
    char name[64];
    struct kw_view value;
    unsigned run = 0, valid = 0;

    if (!vectors_load("hostile/crypto/wycheproof/testvectors_v1/ed25519_test.json", &text))
        return; /* TAP of cmocka turns skip() into a failure */
    for (const char *at = (const char *)text.data; vectors_next(&at, name, &value);) {
        if (strcmp(name, "pk") == 0)
            vectors_hex(value, &key);
        else if (strcmp(name, "msg") == 0)
            vectors_hex(value, &message);
        else if (strcmp(name, "sig") == 0)
            vectors_hex(value, &signature);
        if (strcmp(name, "result") != 0)
            continue;
        bool good = signature.size == KW_SIGNATURE_SIZE && kw_verify(key.data, message.data, message.size, signature.data);
        assert_int_equal(good, kw_view_is(value, "valid"));
        run++;
        valid += good;
    }
    assert_int_equal(run, 151);
    assert_int_equal(valid, 88);
    kw_buf_clear(&text), kw_buf_clear(&key), kw_buf_clear(&message), kw_buf_clear(&signature);
}

static void hmac_sha256(void **state)
{
    struct kw_buf text = {0}, key = {0}, message = {0}, tag = {0};
    char name[64];
    struct kw_view value;
    unsigned run = 0;

    if (!vectors_load("hostile/crypto/wycheproof/testvectors_v1/hmac_sha256_test.json", &text))
        return; /* TAP of cmocka turns skip() into a failure */
    for (const char *at = (const char *)text.data; vectors_next(&at, name, &value);) {
        uint8_t ours[32], split[32];

        if (strcmp(name, "key") == 0)
            vectors_hex(value, &key);
        else if (strcmp(name, "msg") == 0)
            vectors_hex(value, &message);
        else if (strcmp(name, "tag") == 0)
            vectors_hex(value, &tag);
        if (strcmp(name, "result") != 0)
            continue;
        kw_hmac_sha256(kw_view_of(&key), kw_view_of(&message), (struct kw_view){0}, ours);
        kw_hmac_sha256(kw_view_of(&key), (struct kw_view){message.data, message.size / 2},
                       (struct kw_view){message.data + message.size / 2, message.size - message.size / 2}, split);
        assert_memory_equal(ours, split, 32);
        assert_true(tag.size <= 32);
        assert_int_equal(memcmp(ours, tag.data, tag.size) == 0, kw_view_is(value, "valid"));
        run++;
    }
    assert_int_equal(run, 174);
    kw_buf_clear(&text), kw_buf_clear(&key), kw_buf_clear(&message), kw_buf_clear(&tag);
}

/* Decryption of nonce, text and tag must give the message or nothing. */
static void xchacha20_poly1305(void **state)
{
    struct kw_buf text = {0}, key = {0}, nonce = {0}, aad = {0}, message = {0}, cipher = {0}, tag = {0}, sealed = {0}, plain = {0};
    char name[64];
    struct kw_view value;
    unsigned run = 0;

    if (!vectors_load("hostile/crypto/wycheproof/testvectors_v1/xchacha20_poly1305_test.json", &text))
        return; /* TAP of cmocka turns skip() into a failure */
    for (const char *at = (const char *)text.data; vectors_next(&at, name, &value);) {
        const char *names[] = {"key", "iv", "aad", "msg", "ct", "tag"};
        struct kw_buf *fields[] = {&key, &nonce, &aad, &message, &cipher, &tag};

        for (size_t i = 0; i < KW_COUNT(names); i++) {
            if (strcmp(name, names[i]) == 0)
                vectors_hex(value, fields[i]);
        }
        if (strcmp(name, "result") != 0 || nonce.size != 24)
            continue;
        sealed.size = plain.size = 0;
        assert_int_equal(kw_buf_append(&sealed, nonce.data, nonce.size), 0);
        assert_int_equal(kw_buf_append(&sealed, cipher.data, cipher.size), 0);
        assert_int_equal(kw_buf_append(&sealed, tag.data, tag.size), 0);
        int r = kw_decrypt(key.data, kw_view_of(&aad), kw_view_of(&sealed), &plain);
        assert_int_equal(r, kw_view_is(value, "valid") ? 0 : -EKEYREJECTED);
        assert_true(r < 0 || kw_view_equal(kw_view_of(&plain), kw_view_of(&message)));
        run++;
    }
    assert_true(run > 200);
    struct kw_buf *all[] = {&text, &key, &nonce, &aad, &message, &cipher, &tag, &sealed, &plain};
    for (size_t i = 0; i < KW_COUNT(all); i++)
        kw_buf_clear(all[i]);
}

/* A point of small order (the shared secret is zero) must not be sealed to; every other point must. */
static void x25519(void **state)
{
    struct kw_buf text = {0}, point = {0}, shared = {0}, sealed = {0};
    const uint8_t zero[32] = {0};
    char name[64];
    struct kw_view value;
    unsigned run = 0, refused = 0;

    if (!vectors_load("hostile/crypto/wycheproof/testvectors_v1/x25519_test.json", &text))
        return; /* TAP of cmocka turns skip() into a failure */
    for (const char *at = (const char *)text.data; vectors_next(&at, name, &value);) {
        if (strcmp(name, "public") == 0)
            vectors_hex(value, &point);
        else if (strcmp(name, "shared") == 0)
            vectors_hex(value, &shared);
        if (strcmp(name, "result") != 0 || point.size != 32)
            continue;
        bool small = memcmp(shared.data, zero, 32) == 0;
        sealed.size = 0;
        assert_int_equal(kw_seal(point.data, kw_view_text("x"), &sealed), small ? -EINVAL : 0);
        refused += small;
        run++;
    }
    assert_int_equal(run, 518);
    assert_true(refused > 0);
    kw_buf_clear(&text), kw_buf_clear(&point), kw_buf_clear(&shared), kw_buf_clear(&sealed);
}

/* CCTV's edge cases have no right answer, only one that every hub must share. Ours, written down: bit i (from the least
 * significant) of byte n is the answer for vector 8n + i. It is libsodium's rule: no key and no R of small order, canonical S
 * and canonical key, the equation without cofactor. */
static const char cctv_answers[] =
    "80000020000004000000000000002000000800000200400000000000000000020000000000000200000000000000000000000008000240"
    "00000002020202028000200004000020202020200008000240000000020202020280002000040000202020202000000000010000000000"
    "0000080000";

static void cctv(void **state)
{
    struct kw_buf text = {0}, key = {0}, message = {0}, signature = {0};
    char name[64], hex[2 * 115 + 1];
    uint8_t answers[115] = {0};
    struct kw_view value;
    unsigned run = 0;

    if (!vectors_load("ledger/cctv-ed25519.json", &text))
        return; /* TAP of cmocka turns skip() into a failure */
    for (const char *at = (const char *)text.data; vectors_next(&at, name, &value);) {
        if (strcmp(name, "key") == 0)
            vectors_hex(value, &key);
        else if (strcmp(name, "sig") == 0)
            vectors_hex(value, &signature);
        if (strcmp(name, "msg") != 0)
            continue;
        if (kw_verify(key.data, value.data, value.size, signature.data))
            answers[run / 8] |= (uint8_t)(1u << (run % 8));
        run++;
    }
    assert_int_equal(run, 914);
    kw_hex(hex, answers, sizeof answers);
    assert_string_equal(hex, cctv_answers);
    kw_buf_clear(&text), kw_buf_clear(&key), kw_buf_clear(&message), kw_buf_clear(&signature);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ed25519), cmocka_unit_test(hmac_sha256),
                                       cmocka_unit_test(xchacha20_poly1305), cmocka_unit_test(x25519), cmocka_unit_test(cctv)};

    if (kw_crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
