/* SPDX-License-Identifier: Apache-2.0 */
/* test_crypto.c - wrappers: sealing, keys, text forms, tokens, commitments. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vectors.h"

static struct kw_view text_view(const char *text)
{
    return kw_view_text(text);
}

static void hashes(void **state)
{
    uint8_t digest[32];
    char hex[65];

    kw_sha256_of("abc", 3, digest); /* FIPS 180-4 example */
    kw_hex(hex, digest, 32);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    kw_sha256_of(NULL, 0, digest);
    kw_hex(hex, digest, 32);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

    uint8_t key[16], data[15], wide[16]; /* the SipHash paper's example */
    for (uint8_t i = 0; i < 16; i++)
        key[i] = i;
    for (uint8_t i = 0; i < 15; i++)
        data[i] = i;
    assert_true(kw_siphash64(key, data, 15) == 0xa129ca6149be45e5u);
    kw_siphash128(key, "", 0, wide);
    kw_hex(hex, wide, 16);
    assert_string_equal(hex, "a3817f04ba25a8e66df67214c7550293");
}

static void commitments(void **state)
{
    const uint8_t record_key[32] = {7};
    uint8_t body[32], salt[32], digest[32], other[32], commitment[32], expected[32];
    struct kw_buf bytes = {0};

    kw_record_keys(record_key, body, salt);
    assert_memory_not_equal(body, salt, 32);
    kw_derive(record_key, "kwrecord", 2, other);
    assert_memory_equal(salt, other, 32);

    kw_record_digest(text_view("<record/>"), text_view("leaf"), digest);
    assert_int_equal(kw_buf_append(&bytes, "\x01\x00\x00\x00\x09<record/>leaf", 18), 0);
    kw_sha256_of(bytes.data, bytes.size, other);
    assert_memory_equal(digest, other, 32);
    kw_record_digest(text_view("<record/>l"), text_view("eaf"), other); /* the length says where the record ends */
    assert_memory_not_equal(digest, other, 32);

    kw_commitment(salt, digest, commitment);
    bytes.size = 0;
    assert_int_equal(kw_buf_text(&bytes, "kinward/commit/v1"), 0);
    assert_int_equal(kw_buf_append(&bytes, digest, 32), 0);
    kw_hmac_sha256((struct kw_view){salt, 32}, kw_view_of(&bytes), (struct kw_view){0}, expected);
    assert_memory_equal(commitment, expected, 32);
    kw_buf_clear(&bytes);
}

static void sealing(void **state)
{
    struct kw_box_key *key = NULL, *stranger = NULL;
    struct kw_buf sealed = {0}, plain = {0};

    assert_int_equal(kw_box_key_new(&key), 0);
    assert_int_equal(kw_box_key_new(&stranger), 0);
    assert_int_equal(kw_seal(key->public_key, text_view("content key"), &sealed), 0);
    assert_int_equal(sealed.size, 11 + KW_SEAL_OVERHEAD);
    assert_int_equal(kw_unseal(stranger, kw_view_of(&sealed), &plain), -EKEYREJECTED);
    assert_int_equal(plain.size, 0);
    assert_int_equal(kw_unseal(key, kw_view_of(&sealed), &plain), 0);
    assert_true(kw_view_is(kw_view_of(&plain), "content key"));
    assert_int_equal(kw_unseal(key, (struct kw_view){sealed.data, 47}, &plain), -EKEYREJECTED);
    kw_box_key_freep(&key), kw_box_key_freep(&stranger);
    kw_buf_clear(&sealed), kw_buf_clear(&plain);
}

static void encryption(void **state)
{
    const uint8_t key[32] = {1}, other[32] = {2};
    struct kw_buf sealed = {0}, plain = {0};

    assert_int_equal(kw_encrypt(key, text_view("context"), text_view("body"), &sealed), 0);
    assert_int_equal(sealed.size, 4 + KW_AEAD_OVERHEAD);
    assert_int_equal(kw_decrypt(other, text_view("context"), kw_view_of(&sealed), &plain), -EKEYREJECTED);
    assert_int_equal(kw_decrypt(key, text_view("contexts"), kw_view_of(&sealed), &plain), -EKEYREJECTED);
    for (size_t i = 0; i < sealed.size; i++) {
        sealed.data[i] ^= 0x10;
        assert_int_equal(kw_decrypt(key, text_view("context"), kw_view_of(&sealed), &plain), -EKEYREJECTED);
        sealed.data[i] ^= 0x10;
    }
    assert_int_equal(kw_decrypt(key, text_view("context"), kw_view_of(&sealed), &plain), 0);
    assert_true(kw_view_is(kw_view_of(&plain), "body"));
    kw_buf_clear(&sealed), kw_buf_clear(&plain);
}

static void text_forms(void **state)
{
    struct kw_buf buf = {0};
    uint8_t bytes[2];
    const char *bad[] = {"A", "AA", "AAA", "AA=", "AAA=A", "AB==", "AA==\n", " AA==", "AA_-", "AA== ", "===="};

    assert_int_equal(kw_base64(&buf, "\xff\xfe\xfd", 2), 0);
    assert_true(kw_view_is(kw_view_of(&buf), "//4="));
    buf.size = 0;
    assert_int_equal(kw_base64_parse(text_view("//4="), &buf), 0);
    assert_int_equal(buf.size, 2);
    for (size_t i = 0; i < KW_COUNT(bad); i++)
        assert_int_equal(kw_base64_parse(text_view(bad[i]), &buf), -EBADMSG);
    assert_int_equal(kw_base64_parse(text_view(""), &buf), 0);
    assert_int_equal(buf.size, 2);
    assert_int_equal(kw_base64url_parse(text_view("__4"), &buf), 0);
    assert_int_equal(buf.size, 4);
    assert_memory_equal(buf.data, "\xff\xfe\xff\xfe", 4);
    assert_int_equal(kw_base64url_parse(text_view("__4="), &buf), -EBADMSG);
    for (unsigned c = 0; c < 256; c++) {
        const uint8_t four[4] = {'A', (uint8_t)c, 'A', 'A'}, two[2] = {'0', (uint8_t)c};
        const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        assert_int_equal(kw_base64_parse((struct kw_view){four, 4}, &buf), c && strchr(letters, (int)c) ? 0 : -EBADMSG);
        assert_int_equal(kw_hex_parse((struct kw_view){two, 2}, bytes, 1),
                         c && strchr("0123456789abcdefABCDEF", (int)c) ? 0 : -EBADMSG);
    }
    assert_int_equal(kw_hex_parse(text_view("0aff"), bytes, 2), 0);
    assert_memory_equal(bytes, "\x0a\xff", 2);
    assert_int_equal(kw_hex_parse(text_view("0af"), bytes, 2), -EBADMSG);
    assert_int_equal(kw_hex_parse(text_view("0afg"), bytes, 2), -EBADMSG);
    kw_buf_clear(&buf);
}

static void key_files(void **state)
{
    char path[64];
    struct kw_sign_key *sign = NULL, *sign_again = NULL;
    struct kw_box_key *box = NULL, *box_again = NULL;
    uint8_t *secret = NULL, *secret_again = NULL;
    struct kw_fault fault = {0};

    snprintf(path, sizeof path, "/tmp/kw-test-key.%d", (int)getpid());
    assert_int_equal(kw_sign_key_new(&sign), 0);
    assert_int_equal(kw_sign_key_save(path, sign, &fault), 0);
    assert_int_equal(kw_sign_key_load(path, &sign_again, &fault), 0);
    assert_memory_equal(sign, sign_again, sizeof *sign);
    assert_int_equal(kw_box_key_load(path, &box_again, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_KEY);
    assert_int_equal(kw_box_key_new(&box), 0);
    assert_int_equal(kw_box_key_save(path, box, &fault), 0);
    assert_int_equal(kw_box_key_load(path, &box_again, &fault), 0);
    assert_memory_equal(box, box_again, sizeof *box);
    assert_int_equal(kw_secret_new(&secret), 0);
    assert_int_equal(kw_secret_save(path, secret, &fault), 0);
    assert_int_equal(kw_secret_load(path, &secret_again, &fault), 0);
    assert_memory_equal(secret, secret_again, 32);
    assert_int_equal(chmod(path, 0644), 0);
    kw_secret_free(secret_again);
    assert_true(kw_secret_load(path, &secret_again, &fault) < 0);
    assert_int_equal(fault.code, KW_E_SECRET_MODE);
    unlink(path);
    kw_sign_key_free(sign), kw_sign_key_free(sign_again), kw_box_key_free(box), kw_box_key_free(box_again);
    kw_secret_free(secret);
}

/* Keys and tokens made once with openssl; the private halves are gone. */
static const char rsa_key[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvmHlbRxiw5OP0s8TT8/3\n"
                              "FaH9V+PzqwYz58ToY1obSsKKmF4huwyjfGnBLTskqyi1l8Vhg26S/+3gzIVFbG8v\n"
                              "k1Ek5nVw0uaX3CUo9jplcKh6aoHpJzRqfTlXjjzWbQRhRkD13s/sUA+tNgbVYsw+\n"
                              "OR75MgP2SJazOv0Mp0nU2N0P2EFc/PIjsNuipF8oeIxnEV5LFWwicvOxPAbVBGyK\n"
                              "FvA0utfj/vHiV8zWLccx+9yYSthRex9IAurIa5w/5kkBLCbTrTltUrZl+9W5JMH5\n"
                              "HX/ZRLAN2K0yid4Nk3UKSG0zepF9BPyRPAbvJSRhm1U/zBqAlLEkbZsx36jthrNE\n"
                              "YwIDAQAB\n"
                              "-----END PUBLIC KEY-----\n";
static const char short_rsa_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCnnGHdv9mmrwgUTG1LZbd5ApYL\n"
                                    "2KybwbjLt4GzzHY9tBk1n8sa7/w2eaTaLTUjZi8I2bGQgOQI8EVXw/s/dF6bFwCt\n"
                                    "nODmC0Hm/FGlLWrWjSxllSAyLD6jfs30f6NSmA2mX+95C8PSWjC//A9lSNWac2HR\n"
                                    "0/vuv8Z767+AN9RhmQIDAQAB\n"
                                    "-----END PUBLIC KEY-----\n";
static const char ed25519_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                  "MCowBQYDK2VwAyEAEDJCwEKtaI2n6eK5s73mWlU3xhEiijcIV4yCLTX/PFU=\n"
                                  "-----END PUBLIC KEY-----\n";
static const char token_rs256[] =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.iZ_KdbbbhPZRHs2dRvQmTMF6_ZThPScw749PmoxFdyBAb7k5kCBNTCLR5"
    "wo9ZAWp3Ae-SspPYx0DGQhZ2xnVyLYK5kkaS5fzbMVKEmrgcQcw9rHObs44VnFxVJpHNX1HDrzzE4MRKeLX_mvVEPpXT-BxGdb3EG4uRRGFv-C"
    "KWjn_6kgrnWmChlSKgkt1IbF3kNpdefjCk43pxdwDNTzDclEvqwG_qnjlJmDTETi4JIDhju3taxdHpttg1qQAareUJg32cjadtBbJAwbvFf1lF"
    "VyPTGNLxpfwF4HUHP027FsswuvMq9-hQta8iQIEaSwAco2SMiebLNjS2gP2uOseVQ";
static const char token_eddsa[] =
    "eyAiYWxnIiA6ICJFZERTQSIsICJ4Ijp7ImFsZyI6Im5vbmUiLCJ5IjpbMSwiXX0iXX0gfQ.eyJzdWIiOiJ4In0.ieSxTVlYJz3GxagxEdOu8Bh"
    "hO4gafLsYbjD9y9TkgH--SYps5SpKXuhYTu80YzhToC0vVqy6Z6wPKO5d9s1LCg";
static const char token_lying[] =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.RClxV8JRsLoOw8CwY2TbAnKTslK8S8Fnefrum5Mp4TLxfSqkG6FNX6jGf96onXR-nCr-PpDJg"
    "815uSXL5lQD-"
    "26ZIl3PsaAgd6ZasoPQSJc1QLdjOW75zMldVQAWNRQgfSQR2i4YmIW2oZjzDoYnvR6miEQmdRRsLTksV6SwYzWAJS8qmdQElCOUtx9qb-Dlrgh"
    "yXVKOxZzNz30yDrWRIuv9nl4pu_12hHhzQRVU5hZiHBuSQzhZT4hw8reGYL82HSmxc6kiSNjPS0DUraF18tL6O3_tXm4VXwHl5Q8DoITSFV-"
    "0OzGbpbyzcAbUbsOaoc0UqTHRDaxtyytNCBNmJg";
static const char token_none[] = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.FmyIWBl5C8huIM7J88LFpwJwxPP-"
                                 "SzRAsBIPwHQ2dyZG2sUXqmHFIDuZCVnELK1RfJ2JhlebKWsq6rGACozwCg";
static const char token_critical[] =
    "eyJhbGciOiJSUzI1NiIsImNyaXQiOlsiYjY0Il0sImI2NCI6ZmFsc2V9.eyJzdWIiOiJ4In0.B5pwVjK1vSyVdPTwzSi1hLTXUf0JvC59LbLoZ"
    "Ui8P1FhCUbbofttEvzpPmx3qHo2xPajGS2xxJ6bAT6fvJMs6IUceOSh4A1dsC9BV1Eci_Z1EnRC5mhv5ikKgpPuayjfLcDYQszbY0nJHDqyTWi"
    "QZDbu8VkoewKawREuWyLYblIwGLU8KPhVNcokkB8Toz4tUgOURHjbRQDsJ6pL2mA1KpJRxpDFucEMabka_PRyItNd6O_5Tlp_i7tlHfnrz5HJF"
    "cai08klCn6DijUB17ufnG1Kuu-iqeq4-t2FtmtOiQnXVY3Jc3sls0yjxgVI4wV9u8vD2mfEFL1nnkWCZXKO0A";
static const char token_twice[] =
    "eyJhbGciOiJSUzI1NiIsImFsZyI6IlJTMjU2In0.eyJzdWIiOiJ4In0.diPakufkxvJHnHpx0m-nX-V-O0UpmnViMYj-bt304CGHzAeoLAHSwl"
    "AmvECflHoKwKUajNeglSp5lFVp90BLj67DxeOkrmVnFWQFmOQVSEQFAYNSAlLStFIlQ5F0_tCiYhGMiqtY0ZyEFz0w82jOMRW4-"
    "zUCgDoFsISgif1RQH9_NMNjO_rci5_PAXf8MyNpBS0IA6I9vmCo2ybaUoTiOSeCkU4zMNtEzJEgF67YMvY6zTV5wWogwNZtZoz5KUUGD5AwcxC"
    "xYQfUuZv4h9eCvTxopO8PhaCX_UkOpxATIA5vQa-2pGNeUVbC54bO8rL9l-e7-lQ3PgVo7gY29M-LoA";
static const char token_unsaid[] =
    "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJ4In0.uWz268oYfrHtJKZBnlFrcLSzmv7BdsPeMZqFdw4F2HRhvFRsG7p90_mObSmakTkxmek04ooGdoI"
    "AIZg7TTr2QkeuZY19sYL2afL-2isdsbaVaHFlWXlMa2BUkK8c-"
    "mzLSTvZ0PONEnKDb2BHuFsMatmoHsVixyHAP4zN3VK45KhjYiZnpfacJ170ZR2_EJO-"
    "wXoOqyWhlWXLKSkzdwsiMWz1ll_muikeqIdkpD2-lh7lLqUkXzsW-"
    "rk0zZuUYfHj-0A8DXUR5NcPPor4FNZO6VZk29cm_hcjW-4_h8e312uX6OtlhA97hDvyTf_DWPerbyaT3Ey5aTXbMdRMGAr4pQ";
static const char token_escaped[] =
    "eyJhbGciOiJSUzI1NiIsImNyXHUwMDY5dCI6WyJiNjQiXX0.eyJzdWIiOiJ4In0.lRJ11f_Yk31yow4lf19faFh7YkJINTdvsimmufFsSeSR7R"
    "_rMoRzGHjN23OeK3X3dElr2bZ58B8CDtbLfQx7Qw0fTkAdNlETg8-NYS0_AEI2ySpRBlmu_O3BxVegAy8Dkrvn-HTinTeHiaZt0rELMfmn6qRx"
    "FrDq96p0UfUyJJF_yiL5-"
    "OGEZrAXl52IjIG_xUkfXRmNtzkiEczXjzTzkFsPbmO2ndp7oARHOkto5X4QU73PqZn2DUlr_wLTXt4BXJymasC4VjR8_jCJMiON10of3Hvb3yA"
    "vNF-9kNcIgvGFBoCYdM4g7RfNHRmfaaEalOFC2bRSZKcaK79Obfb3Hw";

static void tokens(void **state)
{
    struct kw_buf payload = {0};
    struct kw_fault fault = {0};
    const char *refused[] = {token_lying, token_critical, token_twice, token_unsaid, token_escaped, token_eddsa, "",
                             ".",         "..",           "...",       "a.b.c.d"};
    char changed[sizeof token_rs256];

    assert_int_equal(kw_jws_verify(text_view(token_rs256), text_view(rsa_key), &payload, &fault), 0);
    assert_true(kw_view_is(kw_view_of(&payload), "{\"sub\":\"x\"}"));
    payload.size = 0;
    assert_int_equal(kw_jws_verify(text_view(token_eddsa), text_view(ed25519_key), &payload, &fault), 0);
    assert_true(kw_view_is(kw_view_of(&payload), "{\"sub\":\"x\"}"));
    payload.size = 0;
    for (size_t i = 0; i < KW_COUNT(refused); i++)
        assert_true(kw_jws_verify(text_view(refused[i]), text_view(rsa_key), &payload, &fault) < 0);
    assert_true(kw_jws_verify(text_view(token_none), text_view(ed25519_key), &payload, &fault) < 0);
    assert_int_equal(kw_jws_verify(text_view(token_rs256), text_view(short_rsa_key), &payload, &fault), -EINVAL);
    assert_int_equal(kw_jws_verify(text_view(token_rs256), text_view("no key"), &payload, &fault), -EINVAL);
    for (size_t i = 0; i + 1 < sizeof changed; i += 7) {
        memcpy(changed, token_rs256, sizeof changed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_true(kw_jws_verify(text_view(changed), text_view(rsa_key), &payload, &fault) < 0);
    }
    assert_int_equal(payload.size, 0);
    kw_buf_clear(&payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hashes),     cmocka_unit_test(commitments), cmocka_unit_test(sealing),
                                       cmocka_unit_test(encryption), cmocka_unit_test(text_forms),  cmocka_unit_test(key_files),
                                       cmocka_unit_test(tokens)};

    if (kw_crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
