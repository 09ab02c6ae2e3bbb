/* SPDX-License-Identifier: Apache-2.0 */
/* limits.c - resource limits, core files, capabilities; entering the sandbox. */
#include "sandbox/private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int refuse(struct kw_fault *fault, const char *what)
{
    int error = errno;
    return kw_fail(fault, -error, KW_E_CHILD, what, "%s", strerror(error));
}

#if SANITIZED
/* The leak check at exit traces the process, which a locked one forbids. */
static atomic_bool locked;
int __lsan_is_turned_off(void);
__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
    return atomic_load(&locked);
}
#endif

int kw_sandbox_harden(struct kw_fault *fault)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return refuse(fault, "core files");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return refuse(fault, "dumpable");

    KW_AUTO(kw_closep) int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
        return refuse(fault, "/dev/null");
    if (fd == STDIN_FILENO)
        fd = -1;
#if SANITIZED
    atomic_store(&locked, true);
#endif
    return 0;
}

static int set_limit(int resource, uint64_t value)
{
    const struct rlimit limit = {value, value};
    return value ? setrlimit((__rlimit_resource_t)resource, &limit) : 0;
}

int kw_sandbox_set_limits(const struct kw_sandbox_limits *limits, struct kw_fault *fault)
{
    /* the default action of SIGXFSZ would end the process where write can return EFBIG */
    if (limits->file_bytes && signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
        return refuse(fault, "file limit");
    if (!SANITIZED && set_limit(RLIMIT_DATA, limits->memory_bytes) < 0)
        return refuse(fault, "memory limit");
    if (set_limit(RLIMIT_CPU, limits->cpu_seconds) < 0)
        return refuse(fault, "processor limit");
    if (set_limit(RLIMIT_FSIZE, limits->file_bytes) < 0)
        return refuse(fault, "file limit");
    if (set_limit(RLIMIT_NOFILE, limits->descriptors) < 0)
        return refuse(fault, "descriptor limit");
    return 0;
}

int kw_sandbox_drop_capabilities(bool keep_low_ports, struct kw_fault *fault)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = {{0}}, kept[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capget, &header, held) < 0)
        return refuse(fault, "capabilities");
    if (keep_low_ports) {
        kept[0].effective = held[0].effective & (1u << CAP_NET_BIND_SERVICE);
        kept[0].permitted = held[0].permitted & (1u << CAP_NET_BIND_SERVICE);
    }
    if (syscall(SYS_capset, &header, kept) < 0)
        return refuse(fault, "capabilities");
    return 0;
}

int kw_sandbox_enter(enum kw_sandbox profile, const struct kw_sandbox_limits *limits, struct kw_fault *fault)
{
    static const struct kw_sandbox_limits unlimited;
    int r = kw_sandbox_harden(fault);
    if (r < 0)
        return r;
    r = kw_sandbox_set_limits(limits ? limits : &unlimited, fault);
    if (r < 0)
        return r;
    r = kw_sandbox_drop_capabilities(profile == KW_SANDBOX_NETWORK, fault);
    if (r < 0)
        return r;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return refuse(fault, "no new privileges");
    return kw_sandbox_load_filter(profile, fault);
}
