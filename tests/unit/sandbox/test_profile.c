/* SPDX-License-Identifier: Apache-2.0 */
/* test_profile.c - what a locked process can and cannot do; each attempt in a forked child of its own. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Each attempt returns 0, or the errno that it met. */
typedef int attempt(void);

static int result(long r)
{
    return r < 0 ? errno : 0;
}

/* The wait status of a child that locks itself in and tries. */
static int status_of(enum kw_sandbox profile, const struct kw_sandbox_limits *limits, attempt *tried)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (kw_sandbox_enter(profile, limits, NULL) < 0)
            _exit(200);
        _exit(tried());
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void expect_errno(enum kw_sandbox profile, attempt *tried, int wanted)
{
    int status = status_of(profile, NULL, tried);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), wanted);
}

static void expect_killed(enum kw_sandbox profile, attempt *tried)
{
    int status = status_of(profile, NULL, tried);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int opens(void)
{
    return result(open("/etc/hostname", O_RDONLY | O_CLOEXEC));
}
static int opens_to_write(void)
{
    return result(open("/tmp/kinward-sandbox-written", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}
static int opens_to_truncate(void)
{
    return result(open("/dev/null", O_RDONLY | O_TRUNC | O_CLOEXEC));
}
static int makes_nameless(void)
{
    return result(open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
}
static int unlinks(void)
{
    return result(unlink("/tmp/kinward-sandbox-none"));
}
static int connects(void)
{
    return result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}
static int connects_locally(void)
{
    return result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}
static int executes(void)
{
    char *const none[] = {NULL};
    return result(execve("/bin/true", none, none));
}
static int forks(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return result(pid);
}
static int traces(void)
{
    return result(ptrace(PTRACE_ATTACH, getppid(), 0, 0));
}
static int kills_another(void)
{
    return result(kill(getppid(), 0));
}
static int maps_code(void)
{
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return code == MAP_FAILED ? errno : 0;
}
static int maps_writable_code(void)
{
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return code == MAP_FAILED ? errno : 0;
}
static int turns_data_to_code(void)
{
    void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return data == MAP_FAILED ? 150 : result(mprotect(data, 4096, PROT_READ | PROT_EXEC));
}
static int sets_the_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return result(syscall(SYS_clock_settime, CLOCK_REALTIME, &now));
}
static int raises_a_limit(void)
{
    const struct rlimit limit = {4096, 4096};
    return result(prlimit(0, RLIMIT_CORE, &limit, NULL));
}

static void *nothing(void *argument)
{
    return argument;
}
static int starts_a_thread(void)
{
    pthread_t thread;
    int r = pthread_create(&thread, NULL, nothing, NULL);
    return r ? r : pthread_join(thread, NULL);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 1);
}

/* What a validator does: pipe in, memory, sorting, the clock, pipe out. */
static int works(void)
{
    int pair[2] = {-1, -1};
    char *large = malloc(1 << 20), byte = 0;
    struct pollfd ready = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (!large)
        return 1;
    for (size_t i = 0; i < 1 << 20; i++)
        large[i] = (char)(i * 7);
    qsort(large, 1 << 20, 1, compare);
    large = realloc(large, 16 << 20);
    if (!large)
        return 2;
    free(large);
    if (poll(&ready, 1, 0) < 0 || kw_clock_wall_ms() < 1 || read(STDIN_FILENO, &byte, 1) != 0)
        return 3;
    kw_log(KW_LOG_DEBUG, "test", "sandbox.works", "pair=%d", pair[0]);
    return 0;
}

static void pure_works(void **state)
{
    expect_errno(KW_SANDBOX_PURE, works, 0);
    expect_errno(KW_SANDBOX_NETWORK, works, 0);
    expect_errno(KW_SANDBOX_STATE, works, 0);
}

static void pure_kills(void **state)
{
    static attempt *const attempts[] = {
        opens,          opens_to_write, unlinks,        connects,  connects_locally,   executes,
        forks,          traces,         kills_another,  maps_code, maps_writable_code, turns_data_to_code,
        sets_the_clock, raises_a_limit, starts_a_thread};
    for (size_t i = 0; i < KW_COUNT(attempts); i++) {
        int status = status_of(KW_SANDBOX_PURE, NULL, attempts[i]);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("attempt %zu was not refused: status %x", i, (unsigned)status);
    }
}

static int aborts(void)
{
    abort();
}

static void can_still_abort(void **state)
{
    int status = status_of(KW_SANDBOX_PURE, NULL, aborts);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void network_reads_and_connects_only(void **state)
{
    expect_errno(KW_SANDBOX_NETWORK, opens, access("/etc/hostname", R_OK) == 0 ? 0 : ENOENT);
    expect_errno(KW_SANDBOX_NETWORK, connects, 0);
    expect_errno(KW_SANDBOX_NETWORK, starts_a_thread, 0);
    expect_errno(KW_SANDBOX_NETWORK, connects_locally, EPERM);
    expect_errno(KW_SANDBOX_NETWORK, opens_to_write, EPERM);
    expect_errno(KW_SANDBOX_NETWORK, opens_to_truncate, EPERM);
    expect_errno(KW_SANDBOX_NETWORK, makes_nameless, EPERM);
    expect_errno(KW_SANDBOX_NETWORK, unlinks, EPERM);
    expect_errno(KW_SANDBOX_NETWORK, forks, EPERM);
    expect_errno(KW_SANDBOX_NETWORK, kills_another, EPERM);
    expect_errno(KW_SANDBOX_NETWORK, maps_writable_code, EPERM);
    expect_errno(KW_SANDBOX_NETWORK, turns_data_to_code, EPERM);
    expect_errno(KW_SANDBOX_NETWORK, raises_a_limit, EPERM);
    expect_killed(KW_SANDBOX_NETWORK, executes);
    expect_killed(KW_SANDBOX_NETWORK, traces);
    expect_killed(KW_SANDBOX_NETWORK, sets_the_clock);
}

static int replaces_a_file(void)
{
    struct kw_fault fault;
    struct kw_buf bytes = {0};
    const char *path = getenv("KINWARD_TEST_FILE");
    if (kw_file_replace(path, kw_view_text("state"), 0600, &fault) < 0 || kw_file_read(path, 10, &bytes, &fault) < 0)
        return 1;
    kw_buf_clear(&bytes);
    return result(unlink(path));
}

static void state_writes_but_has_no_network(void **state)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/kinward-sandbox-%ld", (long)getpid());
    setenv("KINWARD_TEST_FILE", path, 1);
    expect_errno(KW_SANDBOX_STATE, replaces_a_file, 0);
    expect_errno(KW_SANDBOX_STATE, starts_a_thread, 0);
    expect_errno(KW_SANDBOX_STATE, connects, EPERM);
    expect_errno(KW_SANDBOX_STATE, connects_locally, EPERM);
    expect_killed(KW_SANDBOX_STATE, executes);
}

static void read_reads_only(void **state)
{
    expect_errno(KW_SANDBOX_READ, opens, access("/etc/hostname", R_OK) == 0 ? 0 : ENOENT);
    expect_errno(KW_SANDBOX_READ, starts_a_thread, 0);
    expect_errno(KW_SANDBOX_READ, connects, EPERM);
    expect_errno(KW_SANDBOX_READ, connects_locally, EPERM);
    expect_errno(KW_SANDBOX_READ, opens_to_write, EPERM);
    expect_errno(KW_SANDBOX_READ, opens_to_truncate, EPERM);
    expect_errno(KW_SANDBOX_READ, makes_nameless, EPERM);
    expect_errno(KW_SANDBOX_READ, unlinks, EPERM);
    expect_errno(KW_SANDBOX_READ, forks, EPERM);
    expect_killed(KW_SANDBOX_READ, executes);
}

static int takes_64_mib(void)
{
    return malloc(64 << 20) ? 0 : errno;
}

static void memory_has_an_end(void **state)
{
    const struct kw_sandbox_limits small = {.memory_bytes = 32 << 20}, large = {.memory_bytes = 512 << 20};
    if (SANITIZED) {
        print_message("# no memory limit with a sanitizer\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status_of(KW_SANDBOX_PURE, &small, takes_64_mib)), ENOMEM);
    assert_int_equal(WEXITSTATUS(status_of(KW_SANDBOX_PURE, &large, takes_64_mib)), 0);
}

static int spins(void)
{
    for (volatile unsigned i = 0;; i++)
        ;
    return 0;
}

static void processor_time_has_an_end(void **state)
{
    const struct kw_sandbox_limits limits = {.cpu_seconds = 1};
    int status = status_of(KW_SANDBOX_PURE, &limits, spins);
    assert_true(WIFSIGNALED(status));
    assert_true(WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL);
}

static int opens_five(void)
{
    for (int i = 0; i < 5; i++)
        if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
            return errno;
    return 0;
}

static int writes_too_much(void)
{
    int fd = open(getenv("KINWARD_TEST_FILE"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    unlink(getenv("KINWARD_TEST_FILE"));
    return write(fd, "12345678", 8) == 8 && write(fd, "9", 1) < 0 ? errno : 0;
}

static void files_have_an_end(void **state)
{
    const struct kw_sandbox_limits few = {.descriptors = 6}, more = {.descriptors = 256}, small = {.file_bytes = 8};
    assert_int_equal(WEXITSTATUS(status_of(KW_SANDBOX_NETWORK, &few, opens_five)), EMFILE);
    assert_int_equal(WEXITSTATUS(status_of(KW_SANDBOX_NETWORK, &more, opens_five)), 0);
    int status = status_of(KW_SANDBOX_STATE, &small, writes_too_much);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EFBIG);
}

/* A process that others of its user must not look into, and one that they may. */
static bool can_be_traced(bool hardened)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (hardened && kw_sandbox_harden(NULL) < 0)
            _exit(1);
        if (write(ready[1], "r", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    bool traced = ptrace(PTRACE_ATTACH, pid, 0, 0) == 0;
    int status;
    if (traced)
        waitpid(pid, &status, 0);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    close(ready[0]);
    close(ready[1]);
    return traced;
}

static void hides_its_memory(void **state)
{
    pid_t pid = fork(); /* root may trace anybody: become nobody */
    if (pid == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
            _exit(9);
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        _exit((can_be_traced(false) ? 0 : 1) | (can_be_traced(true) ? 2 : 0));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void leaves_no_core(void **state)
{
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit large = {1 << 20, 1 << 20};
        struct rlimit limit;
        char byte;
        setrlimit(RLIMIT_CORE, &large);
        if (kw_sandbox_harden(NULL) < 0 || getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_cur != 0 || limit.rlim_max != 0)
            _exit(1);
        if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
            _exit(2);
        if (read(STDIN_FILENO, &byte, 1) != 0)
            _exit(3);
        abort();
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_false(WCOREDUMP(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pure_works),
        cmocka_unit_test(pure_kills),
        cmocka_unit_test(can_still_abort),
        cmocka_unit_test(network_reads_and_connects_only),
        cmocka_unit_test(state_writes_but_has_no_network),
        cmocka_unit_test(read_reads_only),
        cmocka_unit_test(memory_has_an_end),
        cmocka_unit_test(processor_time_has_an_end),
        cmocka_unit_test(files_have_an_end),
        cmocka_unit_test(hides_its_memory),
        cmocka_unit_test(leaves_no_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
