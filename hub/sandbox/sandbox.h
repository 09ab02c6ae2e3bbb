/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.h - child processes and what they may do. The only room that calls libseccomp. */
#ifndef KINWARD_SANDBOX_H
#define KINWARD_SANDBOX_H

#include "base/base.h"

/* What a child may still do after kw_sandbox_enter. All: no new privileges, no core file, not dumpable, limits set. */
enum kw_sandbox {
    KW_SANDBOX_PURE = 1, /* read, write, poll on descriptors that are open; memory; exit. No files, no sockets, no clock change */
    KW_SANDBOX_NETWORK,  /* PURE, threads, sockets, name resolution, reading files; no execve, no ptrace, no writing of files */
    KW_SANDBOX_STATE     /* PURE, threads, and files below folders opened before (signer) */
};
struct kw_sandbox_limits { /* 0: no limit of that kind */
    uint64_t memory_bytes, cpu_seconds, file_bytes;
    unsigned descriptors;
};
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
    int last_status;       /* as waitpid gave it */
};
#define KW_CHILD_FD 3
/* arguments: after "kinward child", NULL-terminated. pass: more descriptors to inherit, given as 4, 5, … (NULL and 0 for none). */
KW_CHECKED int kw_child_start(struct kw_child *child, const char *const *arguments, const int *pass, size_t pass_count,
                              struct kw_fault *fault);
bool kw_child_running(const struct kw_child *child);
/* Has it ended? Reaps it, closes fd, sets the back-off (100 ms doubling to 10 s, cleared after 30 s of health). */
bool kw_child_reap(struct kw_child *child);
/* SIGTERM, then SIGKILL after grace_ms; reaps. */
void kw_child_stop(struct kw_child *child, int grace_ms);
void kw_child_kill(struct kw_child *child); /* SIGKILL at once; reaps */
const char *kw_program_path(void);          /* absolute path of the running program */

#endif
