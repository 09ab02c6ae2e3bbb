/* SPDX-License-Identifier: Apache-2.0 */
/* test_session.c - requests in a session, against a registry that does as it is told: bad answers, waits, limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "running.h"

/* ---- answers ------------------------------------------------------------------------------- */

static void only_a_whole_answer_of_the_right_type_is_data(void **state)
{
    static const struct {
        const char *status, *type, *body, *accept;
        kinward_verdict verdict;
    } cases[] = {
        {"200 OK", "application/json", "[]", NULL, KINWARD_OK},
        {"201 Created", "Application/JSON; charset=utf-8", "[]", NULL, KINWARD_OK},
        {"200 OK", "application/fhir+json", "[]", NULL, KINWARD_OK},
        {"204 No Content", "", "", NULL, KINWARD_OK},
        {"202 Accepted", "text/html", "", NULL, KINWARD_OK},
        {"200 OK", "text/html", "<html>", NULL, KINWARD_RETRY},
        {"200 OK", "", "[]", NULL, KINWARD_RETRY},
        {"200 OK", "application/jsonx", "[]", NULL, KINWARD_RETRY},
        {"200 OK", "application/xml", "<a/>", NULL, KINWARD_RETRY},
        {"200 OK", "application/xml", "<a/>", "application/xml", KINWARD_OK},
        {"200 OK", "text/xml;charset=utf-8", "<a/>", "text/csv application/xml", KINWARD_OK},
        {"200 OK", "application/xhtml+xml", "<a/>", "application/xml", KINWARD_RETRY},
        {"200 OK", "text/csv", "a,b", "application/xml text/csv", KINWARD_OK},
        {"301 Moved", "application/json", "[]", NULL, KINWARD_RETRY},
        {"400 Bad Request", "application/json", "{}", NULL, KINWARD_REJECT},
        {"401 Unauthorized", "application/json", "{}", NULL, KINWARD_RETRY},
        {"403 Forbidden", "application/json", "{}", NULL, KINWARD_RETRY},
        {"404 Not Found", "text/html", "<html>", NULL, KINWARD_REJECT},
        {"408 Timeout", "", "", NULL, KINWARD_RETRY},
        {"422 Unprocessable", "application/json", "{}", NULL, KINWARD_REJECT},
        {"500 Error", "application/json", "[]", NULL, KINWARD_RETRY},
        {"502 Bad Gateway", "text/html", "<html>", NULL, KINWARD_RETRY},
        {"503 Unavailable", "", "", NULL, KINWARD_RETRY},
    };
    struct running *running = *state;
    start_connector(running, "");
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        scripted_answer(&running->server, cases[i].status, cases[i].type, "", cases[i].body);
        kinward_verdict verdict = ask_for(running, cases[i].accept);
        if (verdict != cases[i].verdict || running->status != atoi(cases[i].status))
            fail_msg("%s %s: %d, status %d", cases[i].status, cases[i].type, verdict, running->status);
        assert_true(kw_view_is(kw_view_of(&running->body), verdict == KINWARD_OK ? cases[i].body : ""));
    }
    assert_non_null(strstr(scripted_request(&running->server, 10), "\r\nAccept: text/csv, application/xml\r\n"));
}

static void what_is_cut_or_late_or_too_large_is_no_data(void **state)
{
    static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[1,2";
    static const char chunk[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[1,2\r\n";
    struct running *running = *state;
    KW_AUTO(kw_buf_clear) struct kw_buf large = {0};
    setenv("KINWARD_HTTP_MS", "400", 1);
    start_connector(running, "");
    unsetenv("KINWARD_HTTP_MS");
    scripted_bytes(&running->server, cut, sizeof cut - 1);
    scripted_bytes(&running->server, chunk, sizeof chunk - 1);
    scripted_bytes(&running->server, "", 0); /* no answer */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(running), KINWARD_RETRY);
        assert_int_equal(running->status, 0);
        assert_int_equal(running->body.size, 0);
    }
    stop_connector(running);
    start_connector(running, "");
    assert_int_equal(kw_buf_format(&large, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10485760\r\n\r\n"),
                     0);
    assert_int_equal(kw_buf_reserve(&large, 10485760), 0);
    memset(large.data + large.size, ' ', 10485760);
    large.size += 10485760;
    scripted_bytes(&running->server, large.data, large.size);
    assert_int_equal(ask(running), KINWARD_RETRY);
    assert_non_null(strstr(running->instance.fault.message, "larger"));
    assert_int_equal(running->body.size, 0);
}

/* Bits from the lowest on; of a Huffman code, its first bit first (RFC 1951 §3.1.1). */
static void put_bits(struct kw_buf *out, unsigned *at, unsigned bits, unsigned count)
{
    for (unsigned i = 0; i < count; i++, (*at)++) {
        if (*at % 8 == 0)
            assert_int_equal(kw_buf_append(out, "", 1), 0);
        out->data[out->size - 1] |= (uint8_t)((bits >> i & 1) << *at % 8);
    }
}

static void a_small_body_that_unpacks_to_a_large_one_is_no_data(void **state)
{
    static const uint8_t header[10] = {0x1f, 0x8b, 8};
    struct running *running = *state;
    KW_AUTO(kw_buf_clear) struct kw_buf bomb = {0}, answer = {0};
    unsigned at = 0;
    assert_int_equal(kw_buf_append(&bomb, header, sizeof header), 0);
    put_bits(&bomb, &at, 3, 3);       /* last block, fixed codes */
    put_bits(&bomb, &at, 0x0a, 8);    /* ' ', as 0x50 the other way round */
    for (int i = 0; i < 40000; i++) { /* 10 MB of them: length 258, distance 1 */
        put_bits(&bomb, &at, 0xa3, 8);
        put_bits(&bomb, &at, 0, 5);
    }
    assert_int_equal(kw_buf_format(&answer,
                                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
                                   "Content-Length: %zu\r\n\r\n",
                                   bomb.size),
                     0);
    assert_int_equal(kw_buf_append(&answer, bomb.data, bomb.size), 0);
    start_connector(running, "");
    scripted_bytes(&running->server, answer.data, answer.size);
    assert_int_equal(ask(running), KINWARD_RETRY);
    assert_non_null(strstr(running->instance.fault.message, "larger"));
    assert_int_equal(running->body.size, 0);
}

static void another_host_is_not_asked(void **state)
{
    struct running *running = *state;
    const struct kinward_out out = {&running->body, keep};
    const struct kinward_request request = {.size = sizeof request, .method = "GET", .url = "http://127.0.0.2/items"};
    start_connector(running, "");
    scripted_answer(&running->server, "302 Found", "", "Location: http://127.0.0.2/items\r\n", "");
    scripted_answer(&running->server, OK_JSON, "[]");
    assert_int_equal(ask(running), KINWARD_RETRY);
    assert_int_equal(seen(running), 1);
    assert_int_equal(running->instance.host.request(&running->instance, &request, &running->status, &out), KINWARD_REJECT);
    assert_int_equal(running->status, 0);
}

/* ---- waits and limits ------------------------------------------------------------------------- */

static void told_to_wait_it_waits_over_a_restart_too(void **state)
{
    struct running *running = *state;
    struct kw_buf cursor = {0};
    const struct kinward_out out = {&cursor, keep};
    start_connector(running, "");
    emit_cursor(running, "page 7");
    scripted_answer(&running->server, "429 Slow", "", "Retry-After: 2\r\n", "");
    scripted_answer(&running->server, OK_JSON, "[1]");
    assert_int_equal(ask(running), KINWARD_IDLE);
    assert_int_equal(running->status, 429);
    assert_in_range(kw_session_wait_ms(&running->instance), 1, 2000);
    assert_int_equal(ask(running), KINWARD_IDLE);
    assert_int_equal(seen(running), 1);
    restart(running, "");
    assert_int_equal(running->instance.host.cursor(&running->instance, &out), KINWARD_OK);
    assert_true(kw_view_is(kw_view_of(&cursor), "page 7")); /* its own, as it was */
    kw_buf_clear(&cursor);
    assert_in_range(kw_session_wait_ms(&running->instance), 1, 2000);
    assert_int_equal(ask(running), KINWARD_IDLE);
    assert_int_equal(seen(running), 1);
    for (int64_t left; (left = kw_session_wait_ms(&running->instance)) > 0;)
        assert_int_equal(running->instance.host.pause(&running->instance, (uint32_t)left), KINWARD_OK);
    assert_int_equal(ask(running), KINWARD_OK);
    emit_cursor(running, "page 8");
    restart(running, "");
    assert_true(kw_view_is(kw_view_of(&running->instance.cursor), "page 8"));
    assert_int_equal(kw_session_wait_ms(&running->instance), 0);
}

static void a_wait_may_be_a_date_or_not_said(void **state)
{
    struct running *running = *state;
    char header[100];
    time_t then = time(NULL) + 40;
    struct tm parts;
    strftime(header, sizeof header, "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&then, &parts));
    start_connector(running, "");
    scripted_answer(&running->server, "503 Busy", "", header, "");
    assert_int_equal(ask(running), KINWARD_IDLE);
    assert_in_range(kw_session_wait_ms(&running->instance), 20000, 41000);
    stop_connector(running);
    start_connector(running, "");
    scripted_answer(&running->server, "429 Slow", "", "", "");
    assert_int_equal(ask(running), KINWARD_IDLE);
    assert_in_range(kw_session_wait_ms(&running->instance), 50000, 60000);
}

static void the_limit_of_a_day_holds_over_a_restart(void **state)
{
    const int64_t noon = INT64_C(1700000000000) / 86400000 * 86400000 + 43200000;
    struct running *running = *state;
    kw_clock_fix(noon);
    start_connector(running, OAUTH2 ",\"daily-limit\":\"2\"");
    scripted_answer(&running->server, OK_JSON, "{\"access_token\":\"t\"}"); /* does not count */
    for (int i = 0; i < 2; i++)
        scripted_answer(&running->server, OK_JSON, "[1]");
    assert_int_equal(ask(running), KINWARD_OK);
    assert_int_equal(ask(running), KINWARD_OK);
    assert_int_equal(ask(running), KINWARD_IDLE);
    assert_in_range(kw_session_wait_ms(&running->instance), 43100000, 43200000); /* until midnight UTC */
    assert_int_equal(seen(running), 3);
    restart(running, "\"daily-limit\":\"2\"");
    assert_int_equal(ask(running), KINWARD_IDLE);
    assert_int_equal(seen(running), 3);
    restart(running, "\"daily-limit\":\"3\"");
    scripted_answer(&running->server, OK_JSON, "[1]");
    assert_int_equal(ask(running), KINWARD_OK);
    assert_int_equal(ask(running), KINWARD_IDLE);
    kw_clock_fix(noon + 86400000);
    restart(running, "\"daily-limit\":\"1\"");
    scripted_answer(&running->server, OK_JSON, "[1]");
    assert_int_equal(ask(running), KINWARD_OK);
    assert_int_equal(ask(running), KINWARD_IDLE);
    assert_int_equal(seen(running), 5);
}

static void requests_keep_the_pace_of_the_minute(void **state)
{
    struct running *running = *state;
    start_connector(running, "\"minute-limit\":\"300\"");
    const int64_t begin = kw_clock_monotonic_ms();
    for (int i = 0; i < 3; i++) {
        scripted_answer(&running->server, OK_JSON, "[1]");
        assert_int_equal(ask(running), KINWARD_OK);
    }
    assert_true(kw_clock_monotonic_ms() - begin >= 400); /* two gaps of 200 ms */
}

static void what_is_ahead_of_the_clock_is_said(void **state)
{
    struct running *running = *state;
    kw_clock_fix(1000000);
    start_connector(running, "\"clock-skew\":\"10s\"");
    const struct kinward_host *host = &running->instance.host;
    assert_int_equal(host->ahead(host->instance, 999999), 0);
    assert_int_equal(host->ahead(host->instance, 1010000), 0);
    assert_int_equal(host->ahead(host->instance, 1010001), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_registry, stop_registry)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_a_whole_answer_of_the_right_type_is_data),
        TEST(what_is_cut_or_late_or_too_large_is_no_data),
        TEST(a_small_body_that_unpacks_to_a_large_one_is_no_data),
        TEST(another_host_is_not_asked),
        TEST(told_to_wait_it_waits_over_a_restart_too),
        TEST(a_wait_may_be_a_date_or_not_said),
        TEST(the_limit_of_a_day_holds_over_a_restart),
        TEST(requests_keep_the_pace_of_the_minute),
        TEST(what_is_ahead_of_the_clock_is_said),
    };
    return kw_crypto_init() < 0 ? 1 : cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
