/* SPDX-License-Identifier: Apache-2.0 */
/* test_clock.c - instants in and out of RFC 3339. */
#include "base/base.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static int64_t parsed(const char *text)
{
    int64_t instant;
    assert_int_equal(kw_time_parse(kw_view_text(text), &instant), 0);
    return instant;
}

static void formats(void **state)
{
    static const struct {
        int64_t instant;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(1769860800123), "2026-01-31T12:00:00.123Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };
    char text[KW_TIME_SIZE];
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        kw_time_format(cases[i].instant, text);
        assert_string_equal(text, cases[i].text);
        if (cases[i].instant != INT64_MAX && cases[i].instant != INT64_MIN)
            assert_true(parsed(text) == cases[i].instant);
    }
}

static void parses_the_examples_of_rfc_3339(void **state)
{
    /* section 5.8 */
    assert_true(parsed("1985-04-12T23:20:50.52Z") == INT64_C(482196050520));
    assert_true(parsed("1996-12-19T16:39:57-08:00") == parsed("1996-12-20T00:39:57Z"));
    assert_true(parsed("1990-12-31T23:59:60Z") == parsed("1991-01-01T00:00:00Z"));
    assert_true(parsed("1990-12-31T15:59:60-08:00") == parsed("1991-01-01T00:00:00Z"));
    assert_true(parsed("1937-01-01T12:00:27.87+00:20") == parsed("1937-01-01T11:40:27.870Z"));
    assert_true(parsed("2026-01-31t12:00:00.123999z") == INT64_C(1769860800123));
}

static void refuses_other_texts(void **state)
{
    static const char *const texts[] = {
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-02-29T12:00:00Z",
        "1900-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-00-01T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:61Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+01:60",
        "2026-01-31T12:00:00Zx",
        "+026-01-31T12:00:00Z",
        "2026-01-31T12:00:00+1",
        "2026-1-31T12:00:00Z",
    };
    int64_t instant = 42;
    for (size_t i = 0; i < KW_COUNT(texts); i++)
        if (kw_time_parse(kw_view_text(texts[i]), &instant) != -EBADMSG)
            fail_msg("accepted: %s", texts[i]);
    assert_true(instant == 42);
}

static void can_be_fixed(void **state)
{
    kw_clock_fix(1000);
    assert_true(kw_clock_wall_ms() == 1000);
    kw_clock_fix(-1);
    assert_true(kw_clock_wall_ms() > INT64_C(1600000000000));
    int64_t before = kw_clock_monotonic_ms();
    assert_true(kw_clock_monotonic_ms() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(parses_the_examples_of_rfc_3339),
        cmocka_unit_test(refuses_other_texts),
        cmocka_unit_test(can_be_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
