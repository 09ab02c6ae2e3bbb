/* SPDX-License-Identifier: Apache-2.0 */
/* test_child.c - this test program is its own child: `kinward child <role>`. */
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

extern char **environ;

/* ---- the roles ---------------------------------------------------------- */

static int say(const char *text)
{
    size_t length = strlen(text);
    return write(KW_CHILD_FD, text, length) == (ssize_t)length ? 0 : 1;
}

/* "0 1 2 3 …|KINWARD_A=…|SIGPIPE default, nothing blocked" */
static int describe(void)
{
    char text[1024] = "";
    size_t length = 0;
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            length += (size_t)snprintf(text + length, sizeof text - length, "%d ", fd);
    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "ASAN_", 5) != 0 && strncmp(*variable, "UBSAN_", 6) != 0)
            length += (size_t)snprintf(text + length, sizeof text - length, "|%s", *variable);
    sigset_t blocked;
    struct sigaction pipe_action;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    sigaction(SIGPIPE, NULL, &pipe_action);
    if (pipe_action.sa_handler != SIG_DFL || sigismember(&blocked, SIGTERM))
        length += (size_t)snprintf(text + length, sizeof text - length, "|signals");
    char byte;
    if (read(STDIN_FILENO, &byte, 1) != 0)
        length += (size_t)snprintf(text + length, sizeof text - length, "|stdin");
    (void)length;
    return say(text);
}

static int echo_passed(int argc, char **argv)
{
    char byte;
    for (int fd = KW_CHILD_FD + 1; fd < KW_CHILD_FD + 1 + atoi(argv[3]); fd++)
        if (read(fd, &byte, 1) != 1 || write(KW_CHILD_FD, &byte, 1) != 1)
            return 1;
    return 0;
}

/* Starts a child of its own, tells its number, and waits to be killed. */
static int be_parent(void)
{
    const char *const arguments[] = {"sleep", NULL};
    struct kw_child child = {0};
    char text[32];
    if (kw_child_start(&child, arguments, NULL, 0, NULL) < 0)
        return 1;
    snprintf(text, sizeof text, "%ld", (long)child.pid);
    if (say(text))
        return 1;
    pause();
    return 0;
}

static int play(int argc, char **argv)
{
    const char *role = argv[2];
    if (strcmp(role, "describe") == 0)
        return describe();
    if (strcmp(role, "passed") == 0)
        return echo_passed(argc, argv);
    if (strcmp(role, "parent") == 0)
        return be_parent();
    if (strcmp(role, "stubborn") == 0)
        signal(SIGTERM, SIG_IGN);
    if (strcmp(role, "exit") == 0)
        return atoi(argv[3]);
    if (say("r") == 0)
        for (;;)
            pause();
    return 1;
}

/* ---- the tests ---------------------------------------------------------- */

static void start(struct kw_child *child, const char *role, const char *argument, const int *pass, size_t count)
{
    const char *const arguments[] = {role, argument, NULL};
    struct kw_fault fault = {0};
    if (kw_child_start(child, arguments, pass, count, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    assert_true(kw_child_running(child));
}

static void expect_text(int fd, const char *wanted)
{
    char text[1024];
    size_t length = 0;
    ssize_t got;
    while (length < sizeof text - 1 && (got = read(fd, text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = 0;
    assert_string_equal(text, wanted);
}

static void wait_until_reaped(struct kw_child *child)
{
    int64_t until = kw_clock_monotonic_ms() + 10000;
    while (!kw_child_reap(child)) {
        assert_true(kw_clock_monotonic_ms() < until);
        poll(NULL, 0, 5);
    }
    assert_false(kw_child_running(child));
    assert_int_equal(child->fd, -1);
}

static void gets_nothing_but_its_channel(void **state)
{
    struct kw_child child = {0};
    sigset_t some, before;
    setenv("KINWARD_A", "1", 1);
    setenv("SECRET", "2", 1);
    sigemptyset(&some);
    sigaddset(&some, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &some, &before);
    signal(SIGPIPE, SIG_IGN);
    int open_here = open("/dev/null", O_RDONLY); /* not close-on-exec, on purpose */
    char **saved = environ, *reduced[] = {(char *)"KINWARD_A=1", (char *)"SECRET=2", (char *)"KINWARDX=3", NULL};
    environ = reduced;
    start(&child, "describe", NULL, NULL, 0);
    environ = saved;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    expect_text(child.fd, "0 1 2 3 |KINWARD_A=1");
    close(open_here);
    wait_until_reaped(&child);
    assert_int_equal(child.last_status, 0);
}

static void inherits_what_is_passed(void **state)
{
    struct kw_child child = {0};
    int pass[3], ends[3][2];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pipe2(ends[i], O_CLOEXEC), 0);
        assert_int_equal(write(ends[i][1], &"abc"[i], 1), 1);
        pass[2 - i] = ends[i][0]; /* descending numbers, overlapping their targets */
    }
    start(&child, "passed", "3", pass, 3);
    expect_text(child.fd, "cba");
    wait_until_reaped(&child);
    for (int i = 0; i < 3; i++) {
        close(ends[i][0]);
        close(ends[i][1]);
    }
}

static void tells_its_end_and_backs_off(void **state)
{
    struct kw_child child = {0};
    struct kw_fault fault = {0};
    const char *const arguments[] = {"exit", "7", NULL};
    static const int64_t waits[] = {100, 200, 400};
    for (unsigned i = 0; i < KW_COUNT(waits); i++) {
        child.not_before_ms = 0;
        start(&child, "exit", "7", NULL, 0);
        assert_int_equal(kw_child_start(&child, arguments, NULL, 0, &fault), -EALREADY);
        wait_until_reaped(&child);
        assert_true(WIFEXITED(child.last_status));
        assert_int_equal(WEXITSTATUS(child.last_status), 7);
        assert_int_equal(child.failures, i + 1);
        assert_int_equal(child.restarts, i);
        assert_in_range(child.not_before_ms - kw_clock_monotonic_ms(), waits[i] - 60, waits[i]);
    }
    assert_int_equal(kw_child_start(&child, arguments, NULL, 0, &fault), -EAGAIN);
    assert_false(kw_child_reap(&child));

    child.failures = 50;
    child.not_before_ms = 0;
    start(&child, "exit", "7", NULL, 0);
    wait_until_reaped(&child);
    assert_in_range(child.not_before_ms - kw_clock_monotonic_ms(), 9900, 10000);
    child.not_before_ms = 0;
    start(&child, "exit", "7", NULL, 0);
    child.started_ms -= 30000; /* as if it had been well for that long */
    wait_until_reaped(&child);
    assert_int_equal(child.failures, 1);
}

static void stops_with_grace(void **state)
{
    struct kw_child child = {0};
    char byte;
    start(&child, "sleep", NULL, NULL, 0);
    assert_int_equal(read(child.fd, &byte, 1), 1);
    int64_t before = kw_clock_monotonic_ms();
    kw_child_stop(&child, 5000);
    assert_true(kw_clock_monotonic_ms() - before < 2000);
    assert_int_equal(WTERMSIG(child.last_status), SIGTERM);
    assert_false(kw_child_running(&child));
    assert_int_equal(child.not_before_ms, 0);

    start(&child, "stubborn", NULL, NULL, 0);
    assert_int_equal(read(child.fd, &byte, 1), 1);
    before = kw_clock_monotonic_ms();
    kw_child_stop(&child, 100);
    assert_true(kw_clock_monotonic_ms() - before >= 100);
    assert_int_equal(WTERMSIG(child.last_status), SIGKILL);

    start(&child, "sleep", NULL, NULL, 0);
    kw_child_kill(&child);
    assert_int_equal(WTERMSIG(child.last_status), SIGKILL);
    kw_child_kill(&child);
    kw_child_stop(&child, 10);
}

static void dies_with_its_parent(void **state)
{
    struct kw_child parent = {0};
    char text[32] = "";
    /* orphans come to this process, which can then see the end */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    start(&parent, "parent", NULL, NULL, 0);
    assert_true(read(parent.fd, text, sizeof text - 1) > 0);
    pid_t grandchild = (pid_t)atol(text);
    assert_true(grandchild > 0);
    assert_int_equal(kill(grandchild, 0), 0);
    kw_child_kill(&parent);
    int status = 0;
    pid_t ended = 0;
    for (int64_t until = kw_clock_monotonic_ms() + 5000; ended == 0 && kw_clock_monotonic_ms() < until; poll(NULL, 0, 5))
        ended = waitpid(grandchild, &status, WNOHANG);
    assert_int_equal(ended, grandchild);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void survives_each_failed_allocation(void **state)
{
    const char *const arguments[] = {"exit", "0", NULL};
    struct kw_child child = {0};
    struct kw_fault fault = {0};
    kw_alloc_fail_after(0, true);
    int r = kw_child_start(&child, arguments, NULL, 0, &fault);
    kw_alloc_fail_after(-1, false);
    assert_int_equal(r, -ENOMEM);
    assert_false(kw_child_running(&child));
    int too_many[KW_CHILD_PASS + 1] = {0};
    assert_int_equal(kw_child_start(&child, arguments, too_many, KW_COUNT(too_many), &fault), -E2BIG);
    int closed = 900;
    assert_int_equal(kw_child_start(&child, arguments, &closed, 1, &fault), -EBADF);
    assert_false(kw_child_running(&child));
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "child") == 0)
        return play(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets_nothing_but_its_channel), cmocka_unit_test(inherits_what_is_passed),
        cmocka_unit_test(tells_its_end_and_backs_off),  cmocka_unit_test(stops_with_grace),
        cmocka_unit_test(dies_with_its_parent),         cmocka_unit_test(survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
