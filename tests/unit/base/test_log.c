/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c - the lines on stderr. */
#include "base/base.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* What logging wrote, with stderr put aside meanwhile. */
static void captured(char *text, size_t size, enum kw_log_level level, const char *value)
{
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    errno = EPERM;
    kw_log(level, "intake", "batch.accepted", "count=%s", value);
    assert_int_equal(errno, EPERM);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t got = read(ends[0], text, size - 1);
    close(ends[0]);
    assert_true(got >= 0);
    text[got] = 0;
}

static void writes_one_line(void **state)
{
    char text[4096];
    captured(text, sizeof text, KW_LOG_NOTICE, "64");
    assert_string_equal(text, "<5>kinward intake batch.accepted count=64\n");
    captured(text, sizeof text, KW_LOG_ERROR, "1\n<0>kinward forged\x1b[2J");
    assert_string_equal(text, "<3>kinward intake batch.accepted count=1?<0>kinward forged?[2J\n");
}

static void cuts_a_long_line(void **state)
{
    char text[4096], value[3000];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = 0;
    captured(text, sizeof text, KW_LOG_NOTICE, value);
    assert_int_equal(strlen(text), 1024);
    assert_int_equal(text[1023], '\n');
}

static void keeps_the_threshold(void **state)
{
    char text[4096];
    captured(text, sizeof text, KW_LOG_DEBUG, "1");
    assert_string_equal(text, "");
    kw_log_threshold(KW_LOG_DEBUG);
    captured(text, sizeof text, KW_LOG_DEBUG, "1");
    assert_string_equal(text, "<7>kinward intake batch.accepted count=1\n");
    kw_log_threshold(KW_LOG_ERROR);
    captured(text, sizeof text, KW_LOG_WARNING, "1");
    assert_string_equal(text, "");
    kw_log_threshold(KW_LOG_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_one_line),
        cmocka_unit_test(cuts_a_long_line),
        cmocka_unit_test(keeps_the_threshold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
