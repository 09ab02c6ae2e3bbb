/* SPDX-License-Identifier: Apache-2.0 */
/* test_token.c - the session's token and options: renewal, two secrets while one is changed, what does not fit together. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "running.h"

/* ---- tokens ------------------------------------------------------------------------------ */

static void a_token_is_taken_once_and_again_before_it_ends(void **state)
{
    struct running *running = *state;
    start_connector(running, OAUTH2);
    scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"one\",\"expires_in\":1}");
    scripted_answer(&running->server, OK_JSON, "[1]");
    scripted_answer(&running->server, OK_JSON, "[2]");
    scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"two\",\"expires_in\":\"7200\"}");
    scripted_answer(&running->server, OK_JSON, "[3]");
    const int64_t begin = kw_clock_monotonic_ms();
    assert_int_equal(ask(running), KINWARD_OK);
    assert_true(kw_view_is(kw_view_of(&running->body), "[1]"));
    assert_non_null(strstr(scripted_request(&running->server, 0), "POST /token HTTP"));
    assert_non_null(
        strstr(scripted_request(&running->server, 0), "grant_type=client_credentials&client_id=kinward&client_secret=old"));
    assert_non_null(strstr(scripted_request(&running->server, 1), "Authorization: Bearer one\r\n"));
    running->instance.session->renew_ms = begin + 60000; /* as if it had been given for longer */
    assert_int_equal(ask(running), KINWARD_OK);
    assert_int_equal(seen(running), 3);
    running->instance.session->renew_ms = kw_clock_monotonic_ms();
    assert_int_equal(ask(running), KINWARD_OK);
    assert_non_null(strstr(scripted_request(&running->server, 4), "Authorization: Bearer two\r\n"));
    assert_in_range(running->instance.session->renew_ms - kw_clock_monotonic_ms(), 6800000, 6900000); /* 5 minutes early */
}

static void a_tokens_life_is_what_it_says_of_itself(void **state)
{
    static const struct {
        const char *answer;
        int64_t life; /* until it is renewed, ms */
    } cases[] = {
        {"{\"access_token\":\"x\",\"expires_in\":100}", 90000},
        {"{\"access_token\":\"h.eyJpYXQiOjEwMDAsImV4cCI6NDYwMH0.s\"}", 3300000}, /* by its own clock, whatever ours says */
        {"{\"access_token\":\"h.eyJleHAiOjE3MDAwMDA2MDB9.s\"}", 540000},         /* 600 s from our now */
        {"{\"access_token\":\"h.bm8ganNvbg.s\"}", 1800000},                      /* token-life of 2000 s */
        {"{\"access_token\":\"opaque\"}", 1800000},
        {"{\"access_token\":\"opaque\",\"expires_in\":-5}", 1800000},
        {"{\"access_token\":\"opaque\",\"expires_in\":99999999999}", 86100000}, /* a day at most */
    };
    struct running *running = *state;
    kw_clock_fix(INT64_C(1700000000000));
    start_connector(running, OAUTH2 ",\"token-life\":\"2000s\"");
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        scripted_answer(&running->server, OK_JSON, cases[i].answer);
        kw_token_forget(running->instance.session);
        assert_int_equal(kw_token_ready(&running->instance), KINWARD_OK);
        int64_t life = running->instance.session->renew_ms - kw_clock_monotonic_ms();
        if (life > cases[i].life || life < cases[i].life - 20000)
            fail_msg("%s: %lld", cases[i].answer, (long long)life);
    }
}

static void a_refused_token_is_renewed_once(void **state)
{
    struct running *running = *state;
    start_connector(running, OAUTH2);
    scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"one\"}");
    scripted_answer(&running->server, OK_JSON, "[1]");
    scripted_answer(&running->server, "401 Unauthorized", "application/json", "", "{}");
    scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"two\"}");
    scripted_answer(&running->server, OK_JSON, "[2]");
    assert_int_equal(ask(running), KINWARD_OK);
    assert_int_equal(ask(running), KINWARD_OK); /* it ended in the middle */
    assert_true(kw_view_is(kw_view_of(&running->body), "[2]"));
    assert_non_null(strstr(scripted_request(&running->server, 4), "Bearer two\r\n"));
    scripted_answer(&running->server, "401 Unauthorized", "application/json", "", "{}");
    scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"three\"}");
    scripted_answer(&running->server, "401 Unauthorized", "application/json", "", "{}");
    assert_int_equal(ask(running), KINWARD_RETRY);
    assert_int_equal(running->status, 401);
    assert_int_equal(seen(running), 8);
    scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"four\"}");
    scripted_answer(&running->server, OK_JSON, "[3]");
    assert_int_equal(ask(running), KINWARD_OK); /* with a new one: that one is not trusted any more */
    running->instance.host.renew(&running->instance);
    scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"five\"}");
    scripted_answer(&running->server, OK_JSON, "[4]");
    assert_int_equal(ask(running), KINWARD_OK);
    assert_non_null(strstr(scripted_request(&running->server, 11), "Bearer five\r\n"));
}

static void two_secrets_are_good_while_one_is_changed(void **state)
{
    struct running *running = *state;
    add_secret(&running->instance, "client-secret", "old");
    add_secret(&running->instance, "client-secret-next", "new");
    start_connector(running, OAUTH2);
    scripted_answer(&running->server, "401 Unauthorized", "application/json", "", "{\"error\":\"invalid_client\"}");
    scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"one\"}");
    scripted_answer(&running->server, OK_JSON, "[1]");
    assert_int_equal(ask(running), KINWARD_OK);
    assert_non_null(strstr(scripted_request(&running->server, 0), "client_secret=old"));
    assert_non_null(strstr(scripted_request(&running->server, 1), "client_secret=new"));
    kw_token_forget(running->instance.session);
    scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"two\"}");
    scripted_answer(&running->server, OK_JSON, "[2]");
    assert_int_equal(ask(running), KINWARD_OK); /* the one that was accepted, first */
    assert_non_null(strstr(scripted_request(&running->server, 3), "client_secret=new"));
    kw_token_forget(running->instance.session);
    scripted_answer(&running->server, "400 Bad Request", "application/json", "", "{}");
    scripted_answer(&running->server, "400 Bad Request", "application/json", "", "{}");
    assert_int_equal(ask(running), KINWARD_RETRY);
    assert_non_null(strstr(scripted_request(&running->server, 6), "client_secret=old"));
    assert_int_equal(running->status, 0);
    assert_null(strstr(running->instance.fault.message, "new"));
    assert_non_null(strstr(running->instance.fault.message, "not good"));
}

static void a_token_is_asked_for_and_shown_as_the_registry_wants(void **state)
{
    static const struct {
        const char *more, *asked, *shown;
    } cases[] = {
        {"\"token-request\":\"query\"", "POST /token?grant_type=client_credentials&client_id=kinward&client_secret=a%3Ab%26 HTTP",
         "\r\nAuthorization: Bearer t\r\n"},
        {"\"token-request\":\"basic\",\"token-path\":\"/realms/x/token\",\"token-scope\":\"read all\"",
         "\r\nAuthorization: Basic a2lud2FyZDphJTNBYiUyNg==\r\n", "\r\nAuthorization: Bearer t\r\n"},
        {"\"token-scope\":\"read all\"",
         "\r\n\r\ngrant_type=client_credentials&client_id=kinward&client_secret=a%3Ab%26&scope=read%20all",
         "\r\nAuthorization: Bearer t\r\n"},
        {"\"token-style\":\"cookie\"", "client_secret=a%3Ab%26", "\r\nCookie: Authorization=t\r\n"},
    };
    struct running *running = *state;
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        char more[300];
        snprintf(more, sizeof more, OAUTH2 ",%s", cases[i].more);
        add_secret(&running->instance, "client-secret", "a:b&");
        start_connector(running, more);
        size_t before = seen(running);
        scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"t\"}");
        scripted_answer(&running->server, OK_JSON, "[1]");
        assert_int_equal(ask(running), KINWARD_OK);
        const char *asked = scripted_request(&running->server, before), *shown = scripted_request(&running->server, before + 1);
        if (!strstr(asked, cases[i].asked) || !strstr(shown, cases[i].shown))
            fail_msg("%s: %s\n%s", more, asked, shown);
        stop_connector(running);
    }
    add_secret(&running->instance, "api-key", "k-1");
    start_connector(running, "\"authentication\":\"key\",\"api-key-header\":\"Ocp-Key\"");
    scripted_answer(&running->server, OK_JSON, "[1]");
    assert_int_equal(ask(running), KINWARD_OK);
    assert_non_null(strstr(scripted_request(&running->server, seen(running) - 1), "\r\nOcp-Key: k-1\r\n"));
    stop_connector(running);
    start_connector(running, "");
    scripted_answer(&running->server, OK_JSON, "[1]");
    assert_int_equal(ask(running), KINWARD_OK);
    assert_null(strstr(scripted_request(&running->server, seen(running) - 1), "Authorization"));
}

/* ---- options ------------------------------------------------------------------------------------- */

static void options_that_do_not_fit_together_are_refused(void **state)
{
    static const struct {
        const char *more, *place;
    } cases[] = {
        {"\"authentication\":\"oauth\"", "authentication"},
        {"\"authentication\":\"oauth2\"", "client-id"},
        {"\"authentication\":\"key\"", "api-key"},
        {"\"token-request\":\"body\"", "token-request"},
        {"\"token-style\":\"basic\"", "token-style"},
        {"\"token-path\":\"token\"", "token-path"},
        {"\"api-key-header\":\"X-Key: a\"", "api-key-header"},
        {"\"api-key-header\":\"\"", "api-key-header"},
        {"\"clock-skew\":\"2d\"", "clock-skew"},
    };
    struct running *running = *state;
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        struct kw_fault fault = {0};
        assert_int_not_equal(try_connector(running, cases[i].more, &fault), 0);
        assert_string_equal(fault.place, cases[i].place);
        assert_int_equal(fault.code, KW_E_OPTION);
        stop_connector(running);
    }
    struct kw_fault fault = {0};
    add_secret(&running->instance, "tls-certificate", "-----BEGIN CERTIFICATE-----");
    assert_int_not_equal(try_connector(running, "", &fault), 0);
    assert_string_equal(fault.place, "tls-key");
}

static void the_plugins_own_option_stands_in_place_of_the_sessions(void **state)
{
    static const struct kinward_option own[] = {
        {.name = "daily-limit", .type = KINWARD_INTEGER, .fallback = "77", .low = 1, .high = 99, .offset = 8, .help = "Own."},
        {.name = "auth", .type = KINWARD_TEXT, .offset = 0, .help = "Of another type."}};
    struct kw_plugin plugin = {
        .descriptor = {
            .capabilities = KINWARD_NETWORK, .services = KINWARD_SESSION, .options = own, .option_count = 1, .settings_size = 16}};
    struct kw_fault fault = {0};
    uint32_t index;
    assert_int_equal(kw_session_extend(&plugin, &fault), 0);
    assert_int_equal(kw_option_find(&plugin.descriptor, "daily-limit", &index), 0);
    assert_int_equal(index, 0);
    assert_string_equal(plugin.descriptor.options[index].fallback, "77");
    assert_int_equal(kw_option_find(&plugin.descriptor, "token-life", &index), 0);
    assert_true(plugin.descriptor.options[index].offset >= 16);
    kw_free(plugin.options);
    plugin = (struct kw_plugin){
        .descriptor = {
            .capabilities = KINWARD_NETWORK, .services = KINWARD_SESSION, .options = own, .option_count = 2, .settings_size = 16}};
    assert_int_equal(kw_session_extend(&plugin, &fault), -EBADMSG);
    assert_non_null(strstr(fault.message, "auth"));
    kw_free(plugin.options);
    plugin = (struct kw_plugin){.descriptor = {.services = KINWARD_SESSION}};
    assert_int_equal(kw_session_extend(&plugin, &fault), -EBADMSG);
    assert_non_null(strstr(fault.message, "network"));
    (void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_registry, stop_registry)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_taken_once_and_again_before_it_ends),
        TEST(a_tokens_life_is_what_it_says_of_itself),
        TEST(a_refused_token_is_renewed_once),
        TEST(two_secrets_are_good_while_one_is_changed),
        TEST(a_token_is_asked_for_and_shown_as_the_registry_wants),
        TEST(options_that_do_not_fit_together_are_refused),
        cmocka_unit_test(the_plugins_own_option_stands_in_place_of_the_sessions),
    };
    return kw_crypto_init() < 0 ? 1 : cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
