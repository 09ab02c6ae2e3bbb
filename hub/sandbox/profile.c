/* SPDX-License-Identifier: Apache-2.0 */
/* profile.c - the system calls of each profile, as a seccomp filter. */
#include "sandbox/private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Work on what is open, memory, time, own signals, the end. sysinfo: qsort asks it for the size of memory. */
static const char *const pure[] = {"read",
                                   "write",
                                   "readv",
                                   "writev",
                                   "recvmsg",
                                   "sendmsg",
                                   "recvfrom",
                                   "sendto",
                                   "poll",
                                   "ppoll",
                                   "select",
                                   "pselect6",
                                   "epoll_create1",
                                   "epoll_ctl",
                                   "epoll_wait",
                                   "epoll_pwait",
                                   "futex",
                                   "munmap",
                                   "mremap",
                                   "brk",
                                   "madvise",
                                   "clock_gettime",
                                   "clock_getres",
                                   "clock_nanosleep",
                                   "nanosleep",
                                   "gettimeofday",
                                   "time",
                                   "getpid",
                                   "getppid",
                                   "gettid",
                                   "rt_sigaction",
                                   "rt_sigprocmask",
                                   "rt_sigreturn",
                                   "rt_sigtimedwait",
                                   "sigaltstack",
                                   "exit",
                                   "exit_group",
                                   "close",
                                   "fstat",
                                   "lseek",
                                   "getrandom",
                                   "sched_yield",
                                   "restart_syscall",
                                   "shutdown",
                                   "sysinfo",
                                   "sched_getaffinity",
                                   "membarrier",
                                   "rseq",
                                   "set_robust_list",
                                   "getrusage",
                                   "times",
                                   NULL};

static const char *const threads[] = {"set_tid_address",
                                      "sched_getparam",
                                      "sched_setscheduler",
                                      "sched_getscheduler",
                                      "sched_setaffinity",
                                      "getcpu",
                                      "eventfd2",
                                      "pipe",
                                      "pipe2",
                                      "dup",
                                      "dup2",
                                      "dup3",
                                      "fcntl",
                                      "timerfd_create",
                                      "timerfd_settime",
                                      "timerfd_gettime",
                                      "signalfd4",
                                      "uname",
                                      "getuid",
                                      "geteuid",
                                      "getgid",
                                      "getegid",
                                      "prctl",
                                      NULL};

static const char *const files_read[] = {"stat",     "lstat",      "newfstatat", "statx",  "access",      "faccessat", "faccessat2",
                                         "readlink", "readlinkat", "getdents64", "getcwd", "pread64",     "preadv",    "statfs",
                                         "fstatfs",  "fadvise64",  "flock",      "umask",  "close_range", "chdir",     NULL};

static const char *const files_write[] = {"open",   "openat",   "creat",     "pwrite64", "pwritev",  "fsync",     "fdatasync",
                                          "rename", "renameat", "renameat2", "unlink",   "unlinkat", "ftruncate", "fallocate",
                                          "fchmod", "mkdir",    "mkdirat",   "rmdir",    NULL};

static const char *const network[] = {"connect",    "bind",       "listen",      "accept",      "accept4",
                                      "getsockopt", "setsockopt", "getsockname", "getpeername", "sendmmsg",
                                      "recvmmsg",   "socketpair", NULL};

/* What no honest code here ever tries: ends the process where other calls get an error. */
static const char *const hostile[] = {"execve",
                                      "execveat",
                                      "ptrace",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "bpf",
                                      "mount",
                                      "umount2",
                                      "pivot_root",
                                      "chroot",
                                      "init_module",
                                      "finit_module",
                                      "kexec_load",
                                      "keyctl",
                                      "add_key",
                                      "request_key",
                                      "userfaultfd",
                                      "io_uring_setup",
                                      "perf_event_open",
                                      "unshare",
                                      "setns",
                                      "open_by_handle_at",
                                      "clock_settime",
                                      "settimeofday",
                                      "adjtimex",
                                      "clock_adjtime",
                                      "reboot",
                                      "swapon",
                                      "personality",
                                      NULL};

static int add_rule(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned count, const struct scmp_arg_cmp *arguments)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return 0; /* not a system call of this architecture */
    return seccomp_rule_add_array(filter, action, number, count, arguments);
}

static int add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
    int r = 0;
    for (; r == 0 && *names; names++)
        r = add_rule(filter, action, *names, 0, NULL);
    return r;
}

/* Allow name when argument & mask == value. */
static int allow_masked(scmp_filter_ctx filter, const char *name, unsigned argument, uint64_t mask, uint64_t value)
{
    const struct scmp_arg_cmp condition = SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, value);
    return add_rule(filter, SCMP_ACT_ALLOW, name, 1, &condition);
}

static int allow_equal(scmp_filter_ctx filter, const char *name, unsigned argument, uint64_t value)
{
    const struct scmp_arg_cmp condition = SCMP_CMP64(argument, SCMP_CMP_EQ, value);
    return add_rule(filter, SCMP_ACT_ALLOW, name, 1, &condition);
}

/* Signals to itself only (abort, raise); descriptor flags; isatty answers no. */
static int add_own_process(scmp_filter_ctx filter)
{
    const uint64_t self = (uint64_t)getpid();
    static const int commands[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL};
    const struct scmp_arg_cmp terminal = SCMP_CMP64(1, SCMP_CMP_EQ, TCGETS);
    int r = allow_equal(filter, "kill", 0, self);
    r = r ? r : allow_equal(filter, "tgkill", 0, self);
    for (size_t i = 0; r == 0 && i < KW_COUNT(commands); i++)
        r = allow_equal(filter, "fcntl", 1, (uint64_t)commands[i]);
    r = r ? r : add_rule(filter, SCMP_ACT_ERRNO(ENOTTY), "ioctl", 1, &terminal);
    /* fstat of an open descriptor */
    return r ? r : allow_masked(filter, "newfstatat", 3, AT_EMPTY_PATH, AT_EMPTY_PATH);
}

static int add_memory(scmp_filter_ctx filter, enum kw_sandbox profile)
{
    int r;
    if (profile == KW_SANDBOX_PURE) {
        /* shared memory is not counted by the memory limit */
        const struct scmp_arg_cmp private[] = {SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                                               SCMP_CMP64(3, SCMP_CMP_MASKED_EQ, MAP_SHARED, 0)};
        r = add_rule(filter, SCMP_ACT_ALLOW, "mmap", KW_COUNT(private), private);
        return r ? r : allow_masked(filter, "mprotect", 2, PROT_EXEC, 0);
    }
    /* code may be loaded (name service modules), but no memory is both writable and executable */
    r = allow_masked(filter, "mmap", 2, PROT_EXEC, 0);
    r = r ? r : allow_masked(filter, "mmap", 2, PROT_EXEC | PROT_WRITE, PROT_EXEC);
    return r ? r : allow_masked(filter, "mprotect", 2, PROT_EXEC, 0);
}

/* Threads, not processes. The flags of clone3 lie in memory, where no filter sees them: ENOSYS makes libc use clone. */
static int add_threads(scmp_filter_ctx filter)
{
    int r = add_names(filter, SCMP_ACT_ALLOW, threads);
    r = r ? r : add_rule(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);
    r = r ? r : allow_masked(filter, "clone", 0, CLONE_THREAD, CLONE_THREAD);
    /* reading a limit, not setting one */
    r = r ? r : allow_equal(filter, "prlimit64", 2, 0);
    return r ? r : add_names(filter, SCMP_ACT_ALLOW, (const char *const[]){"getrlimit", NULL});
}

static int add_reading(scmp_filter_ctx filter)
{
    const uint64_t writes = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    int r = add_names(filter, SCMP_ACT_ALLOW, files_read);
    r = r ? r : allow_masked(filter, "open", 1, writes, 0);
    return r ? r : allow_masked(filter, "openat", 2, writes, 0);
}

static int add_network(scmp_filter_ctx filter)
{
    static const unsigned requests[] = {FIONREAD, FIONBIO};
    const struct scmp_arg_cmp routes[] = {SCMP_CMP64(0, SCMP_CMP_EQ, AF_NETLINK), SCMP_CMP64(2, SCMP_CMP_EQ, NETLINK_ROUTE)};
    int r = add_names(filter, SCMP_ACT_ALLOW, network);
    r = r ? r : add_reading(filter);
    /* no AF_UNIX: the hub's control socket would take this process for its operator */
    r = r ? r : allow_equal(filter, "socket", 0, AF_INET);
    r = r ? r : allow_equal(filter, "socket", 0, AF_INET6);
    r = r ? r : add_rule(filter, SCMP_ACT_ALLOW, "socket", KW_COUNT(routes), routes);
    for (size_t i = 0; r == 0 && i < KW_COUNT(requests); i++)
        r = allow_equal(filter, "ioctl", 1, requests[i]);
    return r;
}

static int add_profile(scmp_filter_ctx filter, enum kw_sandbox profile)
{
    int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    r = r ? r : seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    r = r ? r : add_names(filter, SCMP_ACT_ALLOW, pure);
    r = r ? r : add_own_process(filter);
    r = r ? r : add_memory(filter, profile);
    if (r < 0 || profile == KW_SANDBOX_PURE)
        return r;

    r = add_names(filter, SCMP_ACT_KILL_PROCESS, hostile);
    r = r ? r : add_threads(filter);
    if (r == 0 && profile == KW_SANDBOX_NETWORK)
        return add_network(filter);
    if (r == 0 && profile == KW_SANDBOX_READ)
        return add_reading(filter);
    r = r ? r : add_names(filter, SCMP_ACT_ALLOW, files_read);
    return r ? r : add_names(filter, SCMP_ACT_ALLOW, files_write);
}

int kw_sandbox_load_filter(enum kw_sandbox profile, struct kw_fault *fault)
{
    uint32_t otherwise = profile == KW_SANDBOX_PURE ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
    scmp_filter_ctx filter = seccomp_init(otherwise);
    if (!filter)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "seccomp", "out of memory");
    int r = add_profile(filter, profile);
    r = r ? r : seccomp_load(filter);
    seccomp_release(filter);
    return r < 0 ? kw_fail(fault, r, KW_E_CHILD, "seccomp", "%s", strerror(-r)) : 0;
}
