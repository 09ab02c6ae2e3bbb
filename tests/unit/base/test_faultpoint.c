/* SPDX-License-Identifier: Apache-2.0 */
/* test_faultpoint.c - kill, stall and fail at named places; each in a child, as the environment is read once. */
#include "base/base.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* A child passes "a" five times; its exit status has a bit for each pass that failed. */
static int status_of(const char *fault)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(STDERR_FILENO);
        if (fault)
            setenv("KINWARD_FAULT", fault, 1);
        else
            unsetenv("KINWARD_FAULT");
        int failed = 0;
        for (int i = 0; i < 5; i++) {
            int r = kw_fault_point("a");
            if (r != 0 && r != -EIO)
                _exit(100);
            failed |= r ? 1 << i : 0;
            if (kw_fault_point("b") != 0)
                _exit(101);
        }
        _exit(failed);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void does_nothing_unasked(void **state)
{
    assert_int_equal(status_of(NULL), 0);
    assert_int_equal(status_of(""), 0);
    assert_int_equal(status_of("c:1:kill"), 0);
    assert_int_equal(status_of("a:6:kill"), 0);
}

static void fails_on_the_named_pass(void **state)
{
    assert_int_equal(WEXITSTATUS(status_of("a:3:fail")), 1 << 2);
    assert_int_equal(WEXITSTATUS(status_of("a:4+:fail")), 1 << 3 | 1 << 4);
    assert_int_equal(WEXITSTATUS(status_of("a:1:fail,c:1:kill,a:5:fail")), 1 | 1 << 4);
}

static void kills_itself(void **state)
{
    int status = status_of("a:2:kill");
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void stalls(void **state)
{
    int64_t before = kw_clock_monotonic_ms();
    assert_int_equal(status_of("b:2:stall:120"), 0);
    assert_in_range(kw_clock_monotonic_ms() - before, 120, 5000);
}

static void refuses_a_mistyped_fault(void **state)
{
    static const char *const texts[] = {"a",         "a:1",        "a:0:kill",      "a:x:kill",      "a:1:explode",
                                        "a:1:stall", "a:1:stall:", "a:1:stall:10x", "a:1:kill:more", "a:1++:kill"};
    for (size_t i = 0; i < KW_COUNT(texts); i++) {
        int status = status_of(texts[i]);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
            fail_msg("accepted: %s", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_nothing_unasked),
        cmocka_unit_test(fails_on_the_named_pass),
        cmocka_unit_test(kills_itself),
        cmocka_unit_test(stalls),
        cmocka_unit_test(refuses_a_mistyped_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
