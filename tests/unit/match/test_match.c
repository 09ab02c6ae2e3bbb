/* SPDX-License-Identifier: Apache-2.0 */
/* test_match.c - keys, index, candidates and comparison of the match room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "match/match.h"

static const uint8_t secret[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};

/* ---- making images -------------------------------------------------------- */

struct made {
    struct kw_buf bytes;
    struct kw_image image;
};

static void make(struct made *made, const char *event, const char *id, const char *inner)
{
    struct kw_validator *validator = NULL;
    struct kw_buf text = {0};
    struct kw_fault fault = {0};

    memset(made, 0, sizeof(*made));
    assert_int_equal(
        kw_buf_format(&text,
                      "<record xmlns=\"urn:kinward:record:1\"><sourceRecord><registry>r.one</registry><system>s</system>"
                      "<jurisdiction>KE</jurisdiction><id>%s</id><version>1</version></sourceRecord>"
                      "<eventType>%s</eventType><status>registered</status>"
                      "<event><date><value>2026-07-12</value></date></event>%s</record>",
                      id, event, inner),
        0);
    assert_int_equal(kw_validator_new(&validator), 0);
    if (kw_validate(validator, kw_view_of(&text), NULL, &made->bytes, NULL, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    kw_validator_free(validator);
    kw_buf_clear(&text);
    assert_int_equal(kw_image_open(kw_view_of(&made->bytes), &made->image), 0);
}

static kw_node party(const struct made *made, unsigned number)
{
    kw_node node = kw_image_child(&made->image, 0, KW_N_party);

    while (number-- > 0)
        node = kw_image_next(&made->image, node, KW_N_party);
    return node;
}

struct keys {
    uint64_t list[KW_LIMIT_MATCH_KEYS];
    size_t count;
};

static int take(void *context, uint64_t key)
{
    struct keys *keys = context;

    keys->list[keys->count++] = key;
    return 0;
}

static bool shared(const struct keys *a, const struct keys *b, enum kw_match_kind kind)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            if (a->list[i] == b->list[k] && kw_match_key_kind(a->list[i]) == kind)
                return true;
    return false;
}

static void keys_of(const struct made *made, struct keys *keys)
{
    keys->count = 0;
    assert_int_equal(kw_match_keys(&made->image, secret, take, keys), 0);
}

#define PERSON(role, rest)   "<party><role>" role "</role>" rest "</party>"
#define NAMED(given, family) "<name><givenName>" given "</givenName><familyName>" family "</familyName></name>"
#define BORN(day)            "<dateOfBirth><value>" day "</value></dateOfBirth>"
#define NUMBER(type, value)                                                                                                        \
    "<identifier><type>" type "</type><value>" value "</value><issuingCountry>KE</issuingCountry></identifier>"

/* ---- keys ------------------------------------------------------------------- */

static void test_event_key_comes_first(void **state)
{
    struct made made;
    struct keys keys;

    make(&made, "death", "d1", PERSON("deceased", NUMBER("national_id", "1")));
    keys_of(&made, &keys);
    assert_int_equal(kw_match_key_kind(keys.list[0]), KW_MATCH_EVENT);
    assert_int_equal(keys.list[0] & 0xff, 3);
    assert_int_equal(keys.list[1], kw_match_record_key(secret, kw_view_text("r.one"), kw_view_text("d1")));
    kw_buf_clear(&made.bytes);
}

static void test_identifiers_meet_in_any_spelling(void **state)
{
    struct made a, b, c;
    struct keys x, y, z;

    make(&a, "death", "d1", PERSON("deceased", NUMBER("national_id", "19-90 0101")));
    make(&b, "document_check", "c1", PERSON("child", NUMBER("national_id", "19900101")));
    make(&c, "document_check", "c2", PERSON("child", NUMBER("tax", "19900101")));
    keys_of(&a, &x);
    keys_of(&b, &y);
    keys_of(&c, &z);
    assert_true(shared(&x, &y, KW_MATCH_IDENTIFIER));
    assert_false(shared(&x, &z, KW_MATCH_IDENTIFIER));
    kw_buf_clear(&a.bytes);
    kw_buf_clear(&b.bytes);
    kw_buf_clear(&c.bytes);
}

static void test_passport_is_one_key_as_identifier_and_as_document(void **state)
{
    struct made a, b;
    struct keys x, y;

    make(&a, "death", "d1", PERSON("deceased", NUMBER("passport", "ZZ0000017")));
    make(&b, "document_check", "c1",
         PERSON("child",
                "<document><type>passport</type><number>zz 0000017</number><issuingCountry>KE</issuingCountry></document>"));
    keys_of(&a, &x);
    keys_of(&b, &y);
    assert_true(shared(&x, &y, KW_MATCH_DOCUMENT));
    kw_buf_clear(&a.bytes);
    kw_buf_clear(&b.bytes);
}

/* A foreign paper without its issuer could be anybody's; a registry's own number is its country's. */
static void test_number_without_issuer(void **state)
{
    struct made a, b, c;
    struct keys x, y, z;

    make(&a, "document_check", "c1", PERSON("child", "<identifier><type>national_id</type><value>77</value></identifier>"));
    make(&b, "live_birth", "b1", PERSON("child", "<identifier><type>national_id</type><value>77</value></identifier>"));
    make(&c, "live_birth", "b2", PERSON("child", NUMBER("national_id", "77")));
    keys_of(&a, &x);
    keys_of(&b, &y);
    keys_of(&c, &z);
    assert_false(shared(&x, &z, KW_MATCH_IDENTIFIER));
    assert_true(shared(&y, &z, KW_MATCH_IDENTIFIER));
    kw_buf_clear(&a.bytes);
    kw_buf_clear(&b.bytes);
    kw_buf_clear(&c.bytes);
}

static void test_name_and_birth(void **state)
{
    struct made a, b, c, d;
    struct keys x, y, z, w;

    make(&a, "live_birth", "b1", PERSON("child", NAMED("Amina", "Testperson") BORN("2019-05-07")));
    make(&b, "document_check", "c1", PERSON("child", NAMED("TESTPERSON", "AMINA") BORN("2019-05-07")));
    make(&c, "document_check", "c2", PERSON("child", NAMED("Amina", "Testperson") BORN("2019-05")));
    make(&d, "document_check", "c3",
         PERSON("child",
                NAMED("Amina",
                      "Testperson") "<dateOfBirth><value>2019-05-07</value><qualifier>approximate</qualifier></dateOfBirth>"));
    keys_of(&a, &x);
    keys_of(&b, &y);
    keys_of(&c, &z);
    keys_of(&d, &w);
    assert_true(shared(&x, &y, KW_MATCH_NAME_BIRTH));
    assert_false(shared(&x, &z, KW_MATCH_NAME_BIRTH));
    assert_false(shared(&x, &w, KW_MATCH_NAME_BIRTH));
    kw_buf_clear(&a.bytes);
    kw_buf_clear(&b.bytes);
    kw_buf_clear(&c.bytes);
    kw_buf_clear(&d.bytes);
}

static void test_links(void **state)
{
    struct made granted, revoked, check, voids;
    struct keys g, r, c, v;

    make(&granted, "travel_consent_granted", "t1",
         PERSON("child", NUMBER("national_id", "1")) "<travelConsent><number>TC-9</number></travelConsent>");
    make(&revoked, "travel_consent_revoked", "t2",
         PERSON("child", NUMBER("national_id", "2")) "<travelConsent><number>TC-9</number></travelConsent>");
    make(&check, "document_check", "c1",
         PERSON("child", NUMBER("national_id", "3")) "<check><direction>out</direction><outcome>attempted</"
                                                     "outcome><consent><number>TC-9</number></consent></check>");
    make(&voids, "registration_voided", "v1", "<voiding><reason>error</reason></voiding><voids><id>t1</id></voids>");
    keys_of(&granted, &g);
    keys_of(&revoked, &r);
    keys_of(&check, &c);
    keys_of(&voids, &v);
    assert_true(shared(&g, &r, KW_MATCH_RECORD));
    assert_true(shared(&g, &c, KW_MATCH_RECORD));
    assert_true(shared(&g, &v, KW_MATCH_RECORD));
    assert_false(shared(&r, &v, KW_MATCH_RECORD));
    kw_buf_clear(&granted.bytes);
    kw_buf_clear(&revoked.bytes);
    kw_buf_clear(&check.bytes);
    kw_buf_clear(&voids.bytes);
}

static void test_secret_changes_every_key(void **state)
{
    static const uint8_t other[32] = {9};
    struct made made;
    struct keys x, y = {.count = 0};

    make(&made, "death", "d1", PERSON("deceased", NAMED("Ada", "Testperson") NUMBER("national_id", "1") BORN("1990-01-02")));
    keys_of(&made, &x);
    assert_int_equal(kw_match_keys(&made.image, other, take, &y), 0);
    assert_int_equal(x.count, y.count);
    for (size_t i = 1; i < x.count; i++)
        assert_int_not_equal(x.list[i], y.list[i]);
    kw_buf_clear(&made.bytes);
}

/* ---- index --------------------------------------------------------------------- */

struct seen {
    uint64_t list[64];
    size_t count;
};

static int see(void *context, uint64_t position)
{
    struct seen *seen = context;

    seen->list[seen->count++] = position;
    return 0;
}

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 31)) * UINT64_C(0x7fb5d329728ea185);
    value = (value ^ (value >> 27)) * UINT64_C(0x81dadef4bc2dd44d);
    return (UINT64_C(3) << 56) | ((value ^ (value >> 33)) & UINT64_C(0x00ffffffffffffff));
}

static void test_index_against_plain(void **state)
{
    struct kw_match_index *index = NULL;
    const uint64_t records = 50000;
    bool any;

    assert_int_equal(kw_match_index_new(&index), 0);
    for (uint64_t position = 1; position <= records; position++) { /* key k is carried by k, k + 7 and 3k */
        uint64_t keys[3] = {mix(position), mix(position > 7 ? position - 7 : position),
                            mix(position % 3 ? position : position / 3)};

        assert_int_equal(kw_match_index_add(index, position, keys, 3, &any), 0);
    }
    for (uint64_t key = 100; key < 5000; key++) {
        struct seen seen = {.count = 0};

        assert_int_equal(kw_match_index_find(index, mix(key), see, &seen), 0);
        assert_int_equal(seen.count, 3);
        assert_int_equal(seen.list[0], key * 3);
        assert_int_equal(seen.list[1], key + 7);
        assert_int_equal(seen.list[2], key);
    }
    for (uint64_t key = records + 1; key < records + 5000; key++) {
        struct seen seen = {.count = 0};

        assert_int_equal(kw_match_index_find(index, mix(key), see, &seen), 0);
        assert_int_equal(seen.count, 0);
    }
    assert_true(kw_match_index_bytes(index) < records * 3 * 24 + (1u << 20));
    kw_match_index_free(index);
}

static void test_index_order_and_seen(void **state)
{
    struct kw_match_index *index = NULL;
    uint64_t keys[2] = {mix(1), mix(1)};
    struct seen seen = {.count = 0};
    bool any = true;

    assert_int_equal(kw_match_index_new(&index), 0);
    assert_int_equal(kw_match_index_add(index, 5, keys, 2, &any), 0);
    assert_false(any);
    assert_int_equal(kw_match_index_add(index, 5, keys, 2, &any), -EINVAL);
    assert_int_equal(kw_match_index_add(index, 9, keys, 1, &any), 0);
    assert_true(any);
    assert_int_equal(kw_match_index_find(index, mix(1), see, &seen), 0);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.list[0], 9);
    assert_int_equal(seen.list[1], 5);
    kw_match_index_free(index);
}

static void test_index_out_of_memory_keeps_all_or_none(void **state)
{
    for (long countdown = 0;; countdown++) {
        struct kw_match_index *index = NULL;
        struct seen seen = {.count = 0};
        uint64_t keys[8];
        int r;

        for (size_t i = 0; i < KW_COUNT(keys); i++)
            keys[i] = mix(i + 1);
        assert_int_equal(kw_match_index_new(&index), 0);
        kw_alloc_fail_after(countdown, false);
        r = kw_match_index_add(index, 1, keys, KW_COUNT(keys), NULL);
        kw_alloc_fail_after(-1, false);
        if (r == 0) {
            kw_match_index_free(index);
            assert_true(countdown > 2);
            return;
        }
        assert_int_equal(r, -ENOMEM);
        for (size_t i = 0; i < KW_COUNT(keys); i++)
            assert_int_equal(kw_match_index_find(index, keys[i], see, &seen), 0);
        assert_int_equal(seen.count, 0);
        assert_int_equal(kw_match_index_add(index, 1, keys, KW_COUNT(keys), NULL), 0);
        kw_match_index_free(index);
    }
}

/* ---- candidates and comparison --------------------------------------------------- */

static bool not_third(void *context, uint64_t position)
{
    return position != 3;
}

static void test_find(void **state)
{
    struct kw_match_index *index = NULL;
    struct made made[4];
    struct kw_match_candidate *list = NULL;
    struct keys keys;
    size_t count = 0;

    make(&made[0], "live_birth", "b1", PERSON("child", NAMED("Amina", "Testperson") NUMBER("national_id", "5") BORN("2019-05-07")));
    make(&made[1], "live_birth", "b2", PERSON("child", NAMED("Amina", "Testperson") BORN("2019-05-07")));
    make(&made[2], "live_birth", "b3", PERSON("child", NUMBER("national_id", "5")));
    make(&made[3], "document_check", "c",
         PERSON("child", NAMED("Amina", "Testperson") NUMBER("national_id", "5") BORN("2019-05-07")));
    assert_int_equal(kw_match_index_new(&index), 0);
    for (uint64_t i = 0; i < 3; i++) {
        keys_of(&made[i], &keys);
        assert_int_equal(kw_match_index_add(index, i + 1, keys.list, keys.count, NULL), 0);
    }
    struct kw_match_query query = {.image = &made[3].image, .node = party(&made[3], 0), .secret = secret, .kinds = ~0u};
    assert_int_equal(kw_match_find(index, &query, &list, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(list[0].position, 1);
    assert_int_equal(list[0].basis, KW_MATCH_IDENTIFIER);
    assert_int_equal(list[1].basis, KW_MATCH_NAME_BIRTH);
    assert_true(list[0].bits > list[1].bits);
    kw_free(list);
    query.kinds = KW_MATCH_BIT(KW_MATCH_IDENTIFIER);
    query.wanted = not_third;
    assert_int_equal(kw_match_find(index, &query, &list, &count), 0);
    assert_int_equal(count, 1);
    kw_free(list);
    kw_match_index_free(index);
    for (size_t i = 0; i < 4; i++)
        kw_buf_clear(&made[i].bytes);
}

static void compared(const char *a, const char *b, enum kw_likeness likeness, enum kw_match_kind basis)
{
    struct made x, y;
    struct kw_match_comparison result;

    make(&x, "live_birth", "a", a);
    make(&y, "live_birth", "b", b);
    assert_int_equal(kw_match_compare(&x.image, party(&x, 0), &y.image, party(&y, 0), &result), 0);
    assert_int_equal(result.likeness, likeness);
    assert_int_equal(result.basis, basis);
    assert_int_equal(kw_match_compare(&y.image, party(&y, 0), &x.image, party(&x, 0), &result), 0);
    assert_int_equal(result.likeness, likeness);
    kw_buf_clear(&x.bytes);
    kw_buf_clear(&y.bytes);
}

static void test_compare(void **state)
{
    compared(PERSON("mother", NUMBER("national_id", "1")), PERSON("mother", NUMBER("national_id", "1")), KW_LIKE_SAME,
             KW_MATCH_IDENTIFIER);
    compared(PERSON("mother", NAMED("A B", "C") NUMBER("national_id", "1") BORN("1990-01-01")),
             PERSON("mother", NAMED("A B", "C") NUMBER("national_id", "2") BORN("1990-01-01")), KW_LIKE_DIFFERENT,
             KW_MATCH_IDENTIFIER);
    compared(PERSON("mother", NAMED("Eva", "Testperson") NUMBER("passport", "1")),
             PERSON("mother", NAMED("Eva", "Testother") NUMBER("passport", "2")), KW_LIKE_NOT_KNOWN, 0);
    compared(PERSON("mother", NAMED("Eva", "Testperson") BORN("1990-01-01")),
             PERSON("mother", NAMED("Eva", "Testperson") BORN("1990-01-01")), KW_LIKE_SAME, KW_MATCH_NAME_BIRTH);
    compared(PERSON("mother", NAMED("Eva", "Testperson") BORN("1990-01-01")),
             PERSON("mother", NAMED("Eva", "Testperson") BORN("1991")), KW_LIKE_DIFFERENT, KW_MATCH_NAME_BIRTH);
    compared(PERSON("mother", NAMED("Eva", "Testperson") BORN("1990-01-01")),
             PERSON("mother", NAMED("Eva", "Testperson") BORN("1990")), KW_LIKE_NOT_KNOWN, 0);
    compared(PERSON("mother", NAMED("Eva", "Testperson")), PERSON("mother", NAMED("Lena", "Testaunt")), KW_LIKE_DIFFERENT, 0);
    compared(PERSON("mother", NAMED("Eva", "Testperson")), PERSON("mother", NUMBER("tax", "3")), KW_LIKE_NOT_KNOWN, 0);
}

static void test_handle(void **state)
{
    struct made a, b, c;
    uint8_t x[16], y[16], z[16];

    make(&a, "live_birth", "a", PERSON("child", NAMED("Amina", "Testperson") NUMBER("national_id", "5") BORN("2019-05-07")));
    make(&b, "death", "b", PERSON("deceased", NUMBER("national_id", "5")));
    make(&c, "death", "c", PERSON("deceased", NAMED("Nobody", "Known")));
    assert_int_equal(kw_match_handle(&a.image, party(&a, 0), secret, x), 0);
    assert_int_equal(kw_match_handle(&b.image, party(&b, 0), secret, y), 0);
    assert_int_equal(kw_match_handle(&c.image, party(&c, 0), secret, z), 0);
    assert_memory_equal(x, y, 16);
    assert_memory_not_equal(x, z, 16);
    kw_buf_clear(&a.bytes);
    kw_buf_clear(&b.bytes);
    kw_buf_clear(&c.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_key_comes_first),
        cmocka_unit_test(test_identifiers_meet_in_any_spelling),
        cmocka_unit_test(test_passport_is_one_key_as_identifier_and_as_document),
        cmocka_unit_test(test_number_without_issuer),
        cmocka_unit_test(test_name_and_birth),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_secret_changes_every_key),
        cmocka_unit_test(test_index_against_plain),
        cmocka_unit_test(test_index_order_and_seen),
        cmocka_unit_test(test_index_out_of_memory_keeps_all_or_none),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_handle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
