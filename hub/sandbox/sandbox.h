/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.h - child processes and what they may do. The only room that calls libseccomp. */
#ifndef KINWARD_SANDBOX_H
#define KINWARD_SANDBOX_H

#include "base/base.h"

/* What a child may still do after kw_sandbox_enter. All: no new privileges, no core file, not dumpable, limits set. */
enum kw_sandbox {
    KW_SANDBOX_PURE = 1, /* read, write, poll on descriptors that are open; memory; exit. No files, no sockets, no clock change */
    KW_SANDBOX_NETWORK,  /* PURE, threads, sockets, name resolution, reading files; no execve, no ptrace, no writing of files */
    KW_SANDBOX_STATE,    /* PURE, threads, files (which ones: their owner and mode say), no sockets, no execve (signer) */
    KW_SANDBOX_READ      /* PURE, threads, reading files; no sockets, no execve, no writing of files (a plugin is looked at) */
};
/* A system call that PURE forbids ends the process with SIGSYS; the others answer -EPERM, but end it for execve, ptrace,
 * mounting and the like. All threads are bound. Open before entering whatever is needed later: in PURE even localtime(), a
 * first getenv-driven catalogue or a log file would be an open(). */
struct kw_sandbox_limits { /* 0: no limit of that kind */
    uint64_t memory_bytes, cpu_seconds, file_bytes;
    unsigned descriptors;
};
/* memory_bytes bounds writable memory (RLIMIT_DATA; not with sanitizers, whose shadow is larger than any limit). A file past
 * file_bytes gives -EFBIG, not a signal. Cannot be undone; on an error the process should end. Capabilities are given up. */
KW_CHECKED int kw_sandbox_enter(enum kw_sandbox profile, const struct kw_sandbox_limits *limits, struct kw_fault *fault);
/* Only the limits: core files off, not dumpable, stdin to /dev/null. For processes that hold keys. */
KW_CHECKED int kw_sandbox_harden(struct kw_fault *fault);

/* ---- children ---------------------------------------------------------------- */

/* A child is this program's own file run again: `kinward child <role> …`, with one end of a socket pair as descriptor 3,
 * stdin from /dev/null, stdout and stderr as the parent's, an environment of KINWARD_* only, and death with its parent. */
struct kw_child { /* zero-initialised: not running */
    pid_t pid;
    int fd;                /* the parent's end; -1 when not running */
    unsigned failures;     /* in a row, for the back-off */
    unsigned restarts;     /* in all */
    int64_t not_before_ms; /* monotonic: earliest next start */
    int64_t started_ms;    /* monotonic */
    int last_status;       /* as waitpid gave it */
};
#define KW_CHILD_FD   3
#define KW_CHILD_PASS 16 /* most descriptors passed */
/* arguments: after "kinward child", NULL-terminated. pass: more descriptors to inherit, given as 4, 5, … (NULL and 0 for none).
 * -EAGAIN before not_before_ms, -EALREADY when running. The child dies with the thread that started it: call from a thread
 * that lasts as long as the child should. */
KW_CHECKED int kw_child_start(struct kw_child *child, const char *const *arguments, const int *pass, size_t pass_count,
                              struct kw_fault *fault);
bool kw_child_running(const struct kw_child *child);
/* Has it ended? Reaps it, closes fd, sets the back-off (100 ms doubling to 10 s, cleared after 30 s of health). */
bool kw_child_reap(struct kw_child *child);
/* SIGTERM, then SIGKILL after grace_ms; reaps. Neither this nor kw_child_kill counts as a failure: no back-off. */
void kw_child_stop(struct kw_child *child, int grace_ms);
void kw_child_kill(struct kw_child *child); /* SIGKILL at once; reaps */
const char *kw_program_path(void);          /* absolute path of the running program */

#endif
