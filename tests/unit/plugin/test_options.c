/* SPDX-License-Identifier: Apache-2.0 */
/* test_options.c - texts become settings: types, ranges, defaults, refusals that name the option. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "plugin/private.h"

struct settings {
    const char *endpoint, *folder, *password;
    int64_t pages, strict, wait;
};
#define OPTION(member) .offset = offsetof(struct settings, member), .help = "help"
static const struct kinward_option options[] = {
    {.name = "endpoint", .type = KINWARD_URL, .flags = KINWARD_REQUIRED, OPTION(endpoint)},
    {.name = "folder", .type = KINWARD_PATH, OPTION(folder)},
    {.name = "password", .type = KINWARD_SECRET, OPTION(password)},
    {.name = "pages", .type = KINWARD_INTEGER, .fallback = "7", .low = 1, .high = 10, OPTION(pages)},
    {.name = "strict", .type = KINWARD_BOOLEAN, .fallback = "false", OPTION(strict)},
    {.name = "wait", .type = KINWARD_DURATION, .fallback = "5m", OPTION(wait)},
};
static const struct kinward_plugin descriptor = {
    .options = options, .option_count = KW_COUNT(options), .settings_size = sizeof(struct settings)};

static int fill(const char *given, const char *secrets, struct kw_settings *ret_settings, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *given_value = NULL;
    KW_AUTO(kw_json_freep) struct kw_json *secrets_value = NULL;
    assert_int_equal(kw_json_parse(kw_view_text(given), &given_value, NULL), 0);
    assert_int_equal(kw_json_parse(kw_view_text(secrets), &secrets_value, NULL), 0);
    return kw_settings_fill(&descriptor, given_value, secrets_value, ret_settings, fault);
}

static void values_and_defaults_fill_the_struct(void **state)
{
    struct kw_settings settings = {0};
    assert_int_equal(fill("{\"endpoint\":\"https://registry.example:8443/api\",\"strict\":\"true\",\"wait\":\"250ms\"}",
                          "[\"password\"]", &settings, NULL),
                     0);
    const struct settings *filled = settings.memory;
    assert_string_equal(filled->endpoint, "https://registry.example:8443/api");
    assert_null(filled->folder);
    assert_string_equal(filled->password, "set"); /* never its value */
    assert_int_equal(filled->pages, 7);
    assert_int_equal(filled->strict, 1);
    assert_int_equal(filled->wait, 250);
    kw_settings_clear(&settings);
    kw_settings_clear(&settings);
}

static void what_does_not_fit_is_refused_by_name(void **state)
{
    static const struct {
        const char *given, *secrets, *place;
    } cases[] = {
        {"{}", "[]", "endpoint"},
        {"{\"endpoint\":\"ftp://a\"}", "[]", "endpoint"},
        {"{\"endpoint\":\"https://a/\"}", "[]", "endpoint"},
        {"{\"endpoint\":1}", "[]", "endpoint"},
        {"{\"endpoint\":\"https://a\",\"endpiont\":\"x\"}", "[]", "endpiont"},
        {"{\"endpoint\":\"https://a\",\"folder\":\"relative\"}", "[]", "folder"},
        {"{\"endpoint\":\"https://a\",\"pages\":\"0\"}", "[]", "pages"},
        {"{\"endpoint\":\"https://a\",\"pages\":\"11\"}", "[]", "pages"},
        {"{\"endpoint\":\"https://a\",\"pages\":\"7x\"}", "[]", "pages"},
        {"{\"endpoint\":\"https://a\",\"pages\":\"\"}", "[]", "pages"},
        {"{\"endpoint\":\"https://a\",\"pages\":\"99999999999999999999\"}", "[]", "pages"},
        {"{\"endpoint\":\"https://a\",\"strict\":\"yes\"}", "[]", "strict"},
        {"{\"endpoint\":\"https://a\",\"wait\":\"5\"}", "[]", "wait"},
        {"{\"endpoint\":\"https://a\",\"wait\":\"-5s\"}", "[]", "wait"},
        {"{\"endpoint\":\"https://a\",\"wait\":\"9223372036854775807d\"}", "[]", "wait"},
        {"{\"endpoint\":\"https://a\",\"password\":\"in the open\"}", "[]", "password"},
        {"{\"endpoint\":\"https://a\"}", "[\"pages\"]", "pages"},
        {"{\"endpoint\":\"https://a\"}", "[\"other\"]", "other"},
    };
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        struct kw_settings settings = {0};
        struct kw_fault fault = {0};
        if (fill(cases[i].given, cases[i].secrets, &settings, &fault) >= 0)
            fail_msg("case %zu was taken", i);
        assert_int_equal(fault.code, KW_E_OPTION);
        assert_string_equal(fault.place, cases[i].place);
        assert_null(settings.memory);
    }
}

static void a_failed_allocation_leaves_nothing(void **state)
{
    for (long n = 0; n < 40; n++) {
        KW_AUTO(kw_json_freep) struct kw_json *given = NULL;
        struct kw_settings settings = {0};
        assert_int_equal(kw_json_parse(kw_view_text("{\"endpoint\":\"https://a\",\"folder\":\"/srv\"}"), &given, NULL), 0);
        kw_alloc_fail_after(n, false);
        int error = kw_settings_fill(&descriptor, given, NULL, &settings, NULL);
        kw_alloc_fail_after(-1, false);
        assert_true(error == 0 || error == -ENOMEM);
        assert_true((error == 0) == (settings.memory != NULL));
        kw_settings_clear(&settings);
    }
}

static void versions_are_compared_number_by_number(void **state)
{
    assert_true(kw_version_compare("1.10.0", "1.9.9") > 0);
    assert_true(kw_version_compare("1.2", "1.2.1") < 0);
    assert_true(kw_version_compare("2", "1.99") > 0);
    assert_int_equal(kw_version_compare("1.2.0", "1.2.0"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_defaults_fill_the_struct),
        cmocka_unit_test(what_does_not_fit_is_refused_by_name),
        cmocka_unit_test(a_failed_allocation_leaves_nothing),
        cmocka_unit_test(versions_are_compared_number_by_number),
    };
    return cmocka_run_group_tests_name("plugin options", tests, NULL, NULL);
}
