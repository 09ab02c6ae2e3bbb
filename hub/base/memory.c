/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - allocation that a test can fail at the n-th call. */
#include "base/base.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long fail_countdown = -1;
static atomic_bool fail_for_ever;

void kw_alloc_fail_after(long countdown, bool for_ever)
{
    atomic_store(&fail_for_ever, for_ever);
    atomic_store(&fail_countdown, countdown < 0 ? -1 : countdown);
}

static bool must_fail(void)
{
    long left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    for (;;) {
        if (left < 0)
            return false;
        if (left == 0 && atomic_load(&fail_for_ever))
            return true;
        if (atomic_compare_exchange_weak(&fail_countdown, &left, left - 1))
            return left == 0;
    }
}

#define KEEP_FREE   (32 << 20)
#define OWN_MAPPING (4 << 20) /* larger blocks are mapped, and unmapped, one by one */

void kw_memory_keep(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_FREE);
    (void)mallopt(M_MMAP_THRESHOLD, OWN_MAPPING);
}

void *kw_alloc(size_t size)
{
    return must_fail() ? NULL : calloc(1, size ? size : 1);
}

void *kw_resize(void *old, size_t size)
{
    return must_fail() ? NULL : realloc(old, size ? size : 1);
}

char *kw_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = kw_alloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

void kw_free(void *memory)
{
    free(memory);
}

void kw_freep(void *pointer_to_pointer)
{
    void *memory;
    memcpy(&memory, pointer_to_pointer, sizeof memory);
    kw_free(memory);
    memory = NULL;
    memcpy(pointer_to_pointer, &memory, sizeof memory);
}

void kw_closep(int *fd)
{
    if (*fd < 0)
        return;
    int saved = errno;
    close(*fd);
    errno = saved;
    *fd = -1;
}
