/* SPDX-License-Identifier: Apache-2.0 */
/* test_item.c - one item: what is opened, and what is refused before anything of it is used. */
#include "post.h"

static struct post post;

static int start(void **state)
{
    if (scratch_make(state) < 0)
        return -1;
    post_start(&post, scratch);
    return 0;
}

static int stop(void **state)
{
    post_stop(&post);
    return scratch_remove(state);
}

static int open_forged(const struct forge *forge, struct kw_letter *ret_letter, struct kw_fault *fault)
{
    struct posted posted;
    post_make(&post, forge, 1, 1, NULL, &posted);
    int r = kw_item_open(&post.agency, &posted.item, ret_letter, fault);
    posted_clear(&posted);
    return r;
}

static void agency(void **state)
{
    assert_string_equal(post.agency.name, AGENCY);
    assert_string_equal(post.agency.hub.name, HUB);
    assert_string_equal(post.agency.language, "en");
    assert_non_null(strstr(post.agency.catalogue, "schemas/messages/en.xml"));
}

static void good(void **state)
{
    struct kw_letter letter = {0};
    char name[KW_LETTER_NAME];
    assert_int_equal(open_forged(&(struct forge){.alert = 0xab, .revision = 3, .type = KW_ALERT_UPDATE}, &letter, NULL), 0);
    assert_int_equal(letter.trouble, KW_OK);
    assert_int_equal(letter.message.alert[15], 0xab);
    assert_int_equal(letter.message.revision, 3);
    assert_int_equal(letter.message.type, KW_ALERT_UPDATE);
    assert_int_equal(letter.message.status, KW_STATUS_TEST);
    assert_string_equal(letter.rule, "D5");
    assert_string_equal(letter.tier, "A");
    assert_string_equal(letter.reason, "some-reason");
    assert_non_null(strstr((const char *)letter.statement.data, "<id>D5</id>"));
    kw_letter_name(&letter.message, name);
    assert_string_equal(name, "abababab.3");
    kw_letter_clear(&letter);
}

static void refused(void **state)
{
    KW_AUTO(kw_sign_key_freep) struct kw_sign_key *other = NULL;
    KW_AUTO(kw_box_key_freep) struct kw_box_key *stranger = NULL;
    assert_int_equal(kw_sign_key_new(&other), 0);
    assert_int_equal(kw_box_key_new(&stranger), 0);
    const struct {
        struct forge forge;
        enum kw_code code;
    } cases[] = {
        {{.bad_signature = true}, KW_E_SIGNATURE},
        {{.sign = other}, KW_E_SIGNATURE},
        {{.key = "00000000"}, KW_E_KEY},
        {{.hub = "hub.other"}, KW_E_SIGNATURE},
        {{.version = 2}, KW_E_VERSION},
        {{.box = stranger->public_key}, KW_E_DECRYPT},
        {{.bad_body = true}, KW_E_DECRYPT},
        {{.bad_padding = true}, KW_E_DECRYPT},
        {{.no_length = true}, KW_E_DECRYPT},
        {{.bad_digest = true}, KW_E_SIGNATURE},
    };
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        struct kw_fault fault = {0};
        struct kw_letter letter = {.number = 77};
        assert_int_equal(open_forged(&cases[i].forge, &letter, &fault), -EKEYREJECTED);
        if (fault.code != cases[i].code)
            fail_msg("case %zu: %s: %s", i, kw_code_name(fault.code), fault.message);
        assert_int_equal(letter.number, 77); /* results are written on success only */
    }
}

/* Any changed byte of any part is noticed, by a refusal or by the chain hash. */
static void every_byte(void **state)
{
    struct posted posted;
    post_make(&post, &(struct forge){.alert = 1}, 1, 1, NULL, &posted);
    struct kw_buf *const parts[] = {&posted.envelope, &posted.signature, &posted.key, &posted.body};
    for (size_t part = 0; part < KW_COUNT(parts); part++) {
        for (size_t i = 0; i < parts[part]->size; i++) {
            struct kw_letter letter = {0};
            parts[part]->data[i] ^= 0x20;
            assert_int_equal(kw_item_open(&post.agency, &posted.item, &letter, NULL), -EKEYREJECTED);
            parts[part]->data[i] ^= 0x20;
        }
    }
    posted_clear(&posted);
}

/* The hub's own mistake is kept, and does not hold up the alerts behind it. */
static void not_readable(void **state)
{
    static const char *const inner[] = {
        "", "<broken>", "<!DOCTYPE x><a/>",
        /* says something else than its envelope */
        "<alert>02020202020202020202020202020202</alert><revision>1</revision><type>alert</type><status>Test</status>"
        "<rule><id>D5</id><tier>A</tier><reason>r</reason></rule>",
        "<alert>01010101010101010101010101010101</alert><revision>2</revision><type>alert</type><status>Test</status>"
        "<rule><id>D5</id><tier>A</tier><reason>r</reason></rule>",
        "<alert>01010101010101010101010101010101</alert><revision>1</revision><type>cancel</type><status>Test</status>"
        "<rule><id>D5</id><tier>A</tier><reason>r</reason></rule>",
        "<alert>01010101010101010101010101010101</alert><revision>1</revision><type>alert</type><status>Later</status>"
        "<rule><id>D5</id><tier>A</tier><reason>r</reason></rule>"};
    for (size_t i = 0; i < KW_COUNT(inner); i++) {
        struct kw_letter letter = {0};
        assert_int_equal(open_forged(&(struct forge){.alert = 1, .inner = inner[i]}, &letter, NULL), 0);
        assert_int_not_equal(letter.trouble, KW_OK);
        assert_int_equal(letter.message.status, 0);
        assert_string_equal(letter.rule, "");
        assert_non_null(strstr((const char *)letter.statement.data, inner[i]));
        kw_letter_clear(&letter);
    }
}

static void without_memory(void **state)
{
    struct posted posted;
    int r = -ENOMEM;
    post_make(&post, &(struct forge){.alert = 1}, 1, 1, NULL, &posted);
    for (long n = 0; r == -ENOMEM; n++) {
        struct kw_letter letter = {0};
        struct kw_fault fault = {0};
        kw_alloc_fail_after(n, false);
        r = kw_item_open(&post.agency, &posted.item, &letter, &fault);
        kw_alloc_fail_after(-1, false);
        if (r == -EKEYREJECTED && fault.code == KW_E_JSON)
            r = -ENOMEM; /* jansson's lexer takes it for a mistake of the text */
        assert_true(r == 0 || r == -ENOMEM);
        assert_true(r < 0 || letter.trouble == KW_OK);
        kw_letter_clear(&letter);
        assert_true(n < 10000);
    }
    posted_clear(&posted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agency),       cmocka_unit_test(good),
                                       cmocka_unit_test(refused),      cmocka_unit_test(every_byte),
                                       cmocka_unit_test(not_readable), cmocka_unit_test(without_memory)};
    return cmocka_run_group_tests_name("item", tests, start, stop);
}
