/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h - a temporary folder, a small disk, and children of this very program that faults may kill. */
#ifndef KINWARD_TEST_SCRATCH_H
#define KINWARD_TEST_SCRATCH_H

#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[64];

static inline int scratch_make(void **state)
{
    (void)state;
    strcpy(scratch, "/tmp/kinward-test-XXXXXX");
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A tmpfs on the scratch folder, in mounts of this process only; false where that is not allowed. */
static inline bool scratch_small_disk(const char *options)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", scratch, "tmpfs", 0, options) == 0;
}

/* Runs this program again as `program child` with KINWARD_FAULT and SCRATCH set; gives its wait status. */
static inline int scratch_child(const char *fault)
{
    pid_t child = fork();
    if (child == 0) {
        setenv("KINWARD_FAULT", fault, 1);
        setenv("SCRATCH", scratch, 1);
        execl("/proc/self/exe", "child", "child", (char *)NULL);
        _exit(127);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

#endif
