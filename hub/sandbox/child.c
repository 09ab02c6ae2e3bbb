/* SPDX-License-Identifier: Apache-2.0 */
/* child.c - this program started again in a role, watched, and ended. */
#include "sandbox/private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS      30
#define BACK_OFF_FIRST 100
#define BACK_OFF_LAST  10000
#define HEALTHY        30000

/* Everything the child needs between fork and exec, where it may not allocate. */
struct plan {
    const char *arguments[ARGUMENTS + 3];
    char **environment;
    const int *pass;
    size_t pass_count;
    int channel, null, report; /* descriptors: its end, /dev/null, where a failed exec writes errno */
    pid_t parent;
};

static char program[PATH_MAX];

static void find_program(void)
{
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = 0;
}

const char *kw_program_path(void)
{
    static pthread_once_t found = PTHREAD_ONCE_INIT;
    pthread_once(&found, find_program);
    return program;
}

static bool child_may_see(const char *variable)
{
    static const char *const sanitizers[] = {"ASAN_OPTIONS=", "UBSAN_OPTIONS=", "ASAN_SYMBOLIZER_PATH="};
    if (strncmp(variable, "KINWARD_", 8) == 0)
        return true;
    for (size_t i = 0; SANITIZED && i < KW_COUNT(sanitizers); i++)
        if (strncmp(variable, sanitizers[i], strlen(sanitizers[i])) == 0)
            return true;
    return false;
}

static int plan_environment(struct plan *plan)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    plan->environment = kw_alloc((count + 1) * sizeof *plan->environment);
    if (!plan->environment)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (child_may_see(environ[i]))
            plan->environment[kept++] = environ[i];
    return 0;
}

static int plan_arguments(struct plan *plan, const char *const *arguments)
{
    size_t count = 0;
    plan->arguments[count++] = "kinward";
    plan->arguments[count++] = "child";
    for (; *arguments; arguments++) {
        if (count == KW_COUNT(plan->arguments) - 1)
            return -E2BIG;
        plan->arguments[count++] = *arguments;
    }
    return 0;
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* fails for the few that cannot be changed */
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A source may have the number of another one's target: all move up first. */
static int move_descriptors(struct plan *plan)
{
    int above = KW_CHILD_FD + 1 + (int)plan->pass_count, moved[KW_CHILD_PASS];
    plan->report = fcntl(plan->report, F_DUPFD_CLOEXEC, above);
    plan->null = fcntl(plan->null, F_DUPFD_CLOEXEC, above);
    plan->channel = fcntl(plan->channel, F_DUPFD_CLOEXEC, above);
    if (plan->report < 0 || plan->null < 0 || plan->channel < 0)
        return -errno;
    for (size_t i = 0; i < plan->pass_count; i++) {
        moved[i] = fcntl(plan->pass[i], F_DUPFD_CLOEXEC, above);
        if (moved[i] < 0)
            return -errno;
    }
    if (dup2(plan->null, STDIN_FILENO) < 0 || dup2(plan->channel, KW_CHILD_FD) < 0)
        return -errno;
    for (size_t i = 0; i < plan->pass_count; i++)
        if (dup2(moved[i], KW_CHILD_FD + 1 + (int)i) < 0)
            return -errno;
    /* to be closed by exec, not now: the report is among them */
    return close_range((unsigned)above, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

/* After fork in a process with threads: async-signal-safe functions only. */
static _Noreturn void become_child(struct plan *plan)
{
    int r = 0;
    reset_signals();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        r = -errno;
    if (getppid() != plan->parent)
        _exit(127); /* the parent died before the line above */
    if (r == 0)
        r = move_descriptors(plan);
    if (r == 0) {
        execve("/proc/self/exe", (char *const *)plan->arguments, plan->environment);
        r = -errno;
    }
    ssize_t written = write(plan->report, &r, sizeof r);
    (void)written; /* the exit status tells it too */
    _exit(127);
}

static int reap_now(pid_t pid, int *ret_status)
{
    while (waitpid(pid, ret_status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

/* Waits for the exec: nothing comes when it was done, errno when it failed. */
static int fork_and_exec(struct plan *plan, pid_t *ret_pid)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    KW_AUTO(kw_closep) int heard = ends[0];
    plan->report = ends[1];
    plan->parent = getpid();

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of the parent may run in the child */
    pid_t pid = fork();
    if (pid == 0)
        become_child(plan);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(plan->report);
    if (pid < 0)
        return -error;

    int r = 0, status;
    ssize_t got;
    do {
        got = read(heard, &r, sizeof r);
    } while (got < 0 && errno == EINTR);
    if (got == (ssize_t)sizeof r) {
        reap_now(pid, &status);
        return r;
    }
    *ret_pid = pid;
    return 0;
}

static int start_planned(struct kw_child *child, struct plan *plan)
{
    int pair[2];
    KW_AUTO(kw_closep) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0)
        return -errno;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    KW_AUTO(kw_closep) int ours = pair[0];
    KW_AUTO(kw_closep) int theirs = pair[1];
    plan->null = null;
    plan->channel = theirs;

    pid_t pid = 0;
    int r = fork_and_exec(plan, &pid);
    if (r < 0)
        return r;
    child->restarts += child->started_ms ? 1 : 0;
    child->pid = pid;
    child->fd = ours;
    child->started_ms = kw_clock_monotonic_ms();
    ours = -1;
    return 0;
}

int kw_child_start(struct kw_child *child, const char *const *arguments, const int *pass, size_t pass_count, struct kw_fault *fault)
{
    const char *role = arguments[0] ? arguments[0] : "child";
    if (child->pid > 0)
        return kw_fail(fault, -EALREADY, KW_E_STATE, role, "is running");
    if (kw_clock_monotonic_ms() < child->not_before_ms)
        return kw_fail(fault, -EAGAIN, KW_E_UNAVAILABLE, role, "failed %u times in a row; not yet started again", child->failures);
    if (pass_count > KW_CHILD_PASS)
        return kw_fail(fault, -E2BIG, KW_E_CHILD, role, "more than %d descriptors to pass", KW_CHILD_PASS);

    struct plan plan = {.pass = pass, .pass_count = pass_count};
    int r = plan_arguments(&plan, arguments);
    if (r == 0)
        r = plan_environment(&plan);
    if (r == 0)
        r = start_planned(child, &plan);
    kw_free(plan.environment);
    return r < 0 ? kw_fail(fault, r, KW_E_CHILD, role, "cannot start: %s", strerror(-r)) : 0;
}

bool kw_child_running(const struct kw_child *child)
{
    return child->pid > 0;
}

static void forget(struct kw_child *child, int status)
{
    kw_closep(&child->fd);
    child->pid = 0;
    child->last_status = status;
}

bool kw_child_reap(struct kw_child *child)
{
    int status = 0;
    if (child->pid <= 0)
        return false;
    pid_t pid = waitpid(child->pid, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return false;

    int64_t now = kw_clock_monotonic_ms(), wait = BACK_OFF_FIRST;
    if (now - child->started_ms >= HEALTHY)
        child->failures = 0;
    for (unsigned i = 0; i < child->failures && wait < BACK_OFF_LAST; i++)
        wait *= 2;
    child->failures++;
    child->not_before_ms = now + (wait < BACK_OFF_LAST ? wait : BACK_OFF_LAST);
    forget(child, status);
    return true;
}

void kw_child_kill(struct kw_child *child)
{
    int status = 0;
    if (child->pid <= 0)
        return;
    kill(child->pid, SIGKILL);
    reap_now(child->pid, &status);
    forget(child, status);
}

static void wait_for_end(pid_t pid, int grace_ms)
{
    KW_AUTO(kw_closep) int process = pidfd_open(pid, 0);
    if (process < 0)
        return;
    int64_t until = kw_clock_monotonic_ms() + grace_ms, left = grace_ms;
    while (left > 0) {
        struct pollfd ended = {.fd = process, .events = POLLIN};
        if (poll(&ended, 1, (int)left) > 0)
            return;
        left = until - kw_clock_monotonic_ms();
    }
}

void kw_child_stop(struct kw_child *child, int grace_ms)
{
    if (child->pid <= 0)
        return;
    kill(child->pid, SIGTERM);
    wait_for_end(child->pid, grace_ms);
    kw_child_kill(child); /* no harm to one that has ended: it is not reaped yet, so its number is still its own */
}
