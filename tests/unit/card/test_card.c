/* SPDX-License-Identifier: Apache-2.0 */
/* test_card.c - cards round-trip, and every change of one is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "card/card.h"

static struct kw_sign_key *key;

static void make(struct kw_buf *ret_text)
{
    struct kw_card card = {.name = "ut-civil-registry", .jurisdiction = "UT", .contact = "duty desk, +00 0000", .has_box = true};
    memset(card.curve, 1, sizeof card.curve);
    memset(card.box, 2, sizeof card.box);
    memcpy(card.sign, key->public_key, sizeof card.sign);
    kw_time_format(0, card.made);
    assert_int_equal(kw_card_print(&card, key, ret_text), 0);
}

static void round_trip(void **state)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_card card;
    struct kw_fault fault;
    make(&text);
    assert_int_equal(kw_card_parse(kw_view_of(&text), &card, &fault), 0);
    assert_string_equal(card.name, "ut-civil-registry");
    assert_true(card.has_box && card.box[0] == 2 && card.curve[31] == 1);
    assert_string_equal(card.log, "");
    assert_string_equal(card.made, "1970-01-01T00:00:00.000Z");
}

static void every_flip_is_refused(void **state)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_card card;
    make(&text);
    for (size_t i = 0; i + 1 < text.size; i++) {
        text.data[i] ^= 1;
        assert_int_not_equal(kw_card_parse(kw_view_of(&text), &card, NULL), 0);
        text.data[i] ^= 1;
    }
}

static void fingerprints(void **state)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    char fingerprint[KW_FINGERPRINT_SIZE];
    make(&text);
    kw_card_fingerprint(kw_view_of(&text), fingerprint);
    assert_int_equal(strlen(fingerprint), 49);
    assert_true(kw_card_fingerprint_equal("ab12-cd34", "AB12 CD34"));
    assert_false(kw_card_fingerprint_equal("ab12-cd34", "ab12-cd3"));
    assert_false(kw_card_fingerprint_equal("ab12-cd34", ""));
    text.data[20] ^= 1;
    char other[KW_FINGERPRINT_SIZE];
    kw_card_fingerprint(kw_view_of(&text), other);
    assert_string_not_equal(fingerprint, other);
}

static void names(void **state)
{
    assert_true(kw_card_name_valid(kw_view_text("a.b-c9")));
    const char *bad[] = {"", "ab", "-abc", "abc-", "Abc", "a b c", "a/b/c", "abc\n"};
    for (size_t i = 0; i < KW_COUNT(bad); i++)
        assert_false(kw_card_name_valid(kw_view_text(bad[i])));
}

static int begin(void **state)
{
    return kw_crypto_init() < 0 || kw_sign_key_new(&key) < 0;
}

static int end(void **state)
{
    kw_sign_key_freep(&key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(every_flip_is_refused),
                                       cmocka_unit_test(fingerprints), cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, begin, end);
}
