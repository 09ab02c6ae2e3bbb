/* SPDX-License-Identifier: Apache-2.0 */
/* base.h - what every room stands on: bytes, faults, memory, clock, files, log.
 *
 * Conventions of the whole tree: functions return 0 or a negative errno;
 * results go through ret_ parameters that are written on success only; a
 * struct kw_fault explains a refusal to a person and may always be NULL.
 */
#ifndef KINWARD_BASE_H
#define KINWARD_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "kinward/codes.h"

#define KW_AUTO(clear)         __attribute__((cleanup(clear)))
#define KW_CHECKED             __attribute__((warn_unused_result))
#define KW_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define KW_COUNT(array)        (sizeof(array) / sizeof((array)[0]))

/* ---- bytes ------------------------------------------------------------- */

/* Borrowed bytes; not NUL-terminated. */
struct kw_view {
    const uint8_t *data;
    size_t size;
};

/* Owned, growing bytes. Zero-initialised is empty. After every append a NUL
 * follows data[size - 1], so that text can be used as a C string. */
struct kw_buf {
    uint8_t *data;
    size_t size, capacity;
};

struct kw_view kw_view_text(const char *text);
static inline struct kw_view kw_view_of(const struct kw_buf *buf)
{
    return (struct kw_view){buf->data, buf->size};
}
bool kw_view_equal(struct kw_view a, struct kw_view b);
bool kw_view_is(struct kw_view view, const char *text);
KW_CHECKED int kw_buf_reserve(struct kw_buf *buf, size_t more);
KW_CHECKED int kw_buf_append(struct kw_buf *buf, const void *data, size_t size);
KW_CHECKED int kw_buf_text(struct kw_buf *buf, const char *text);
KW_CHECKED int kw_buf_format(struct kw_buf *buf, const char *format, ...) KW_PRINTF(2, 3);
KW_CHECKED int kw_buf_u16(struct kw_buf *buf, uint16_t value); /* big-endian */
KW_CHECKED int kw_buf_u32(struct kw_buf *buf, uint32_t value);
KW_CHECKED int kw_buf_u64(struct kw_buf *buf, uint64_t value);
void kw_buf_clear(struct kw_buf *buf); /* frees; leaves it empty and usable */
void kw_buf_wipe(struct kw_buf *buf);  /* the same for secrets: zeroes first */
/* Cut a fixed width or length-prefixed (u32) item off the front of rest. -EBADMSG when it is too short. */
KW_CHECKED int kw_take(struct kw_view *rest, size_t size, struct kw_view *ret_bytes);
KW_CHECKED int kw_take_u16(struct kw_view *rest, uint16_t *ret_value);
KW_CHECKED int kw_take_u32(struct kw_view *rest, uint32_t *ret_value);
KW_CHECKED int kw_take_u64(struct kw_view *rest, uint64_t *ret_value);
KW_CHECKED int kw_take_item(struct kw_view *rest, struct kw_view *ret_item);
KW_CHECKED int kw_put_item(struct kw_buf *buf, const void *data, size_t size);

/* ---- faults ------------------------------------------------------------ */

/* By value, no allocation. place: file, element, field or option; never personal data. */
struct kw_fault {
    enum kw_code code;
    unsigned line, column; /* from 1; 0 where there is none */
    char place[128];
    char message[256];
};

/* Fill fault (when not NULL) and return error, a negative errno: `return kw_fail(fault, -EBADMSG, KW_E_SCHEMA, "birthDate",
 * "…");` */
int kw_fail(struct kw_fault *fault, int error, enum kw_code code, const char *place, const char *format, ...) KW_PRINTF(5, 6);
const char *kw_code_name(enum kw_code code); /* "schema" */
const char *kw_code_text(enum kw_code code); /* one sentence */
bool kw_code_retryable(enum kw_code code);
bool kw_code_parse(struct kw_view name, enum kw_code *ret_code);

/* ---- memory ------------------------------------------------------------ */

/* All rooms allocate through these, so that a test can fail the n-th one. */
void *kw_alloc(size_t size); /* zeroed; NULL on failure */
void *kw_resize(void *old, size_t size);
char *kw_strdup(const char *text);
void kw_free(void *memory);
void kw_freep(void *pointer_to_pointer); /* for KW_AUTO */
void kw_closep(int *fd);                 /* for KW_AUTO: closes fd >= 0 and sets -1 */
/* At the start of a process that handles many messages: memory that is freed stays with the process for the next one, up to some
 * ten MiB, instead of going back to the kernel and coming again page by page. */
void kw_memory_keep(void);
/* Tests: countdown allocations succeed, the next one (for_ever: each later one) gives NULL. -1 switches off. */
void kw_alloc_fail_after(long countdown, bool for_ever);

/* ---- clock ------------------------------------------------------------- */

int64_t kw_clock_wall_ms(void);      /* UTC milliseconds since 1970: data only */
int64_t kw_clock_monotonic_ms(void); /* for time-outs and durations */
void kw_clock_fix(int64_t wall_ms);  /* tests; negative gives the real one back */
#define KW_TIME_SIZE 25
void kw_time_format(int64_t wall_ms, char ret_text[KW_TIME_SIZE]);       /* 2026-01-31T12:00:00.000Z */
KW_CHECKED int kw_time_parse(struct kw_view text, int64_t *ret_wall_ms); /* RFC 3339 with any offset */

/* From here on this thread, and the processes that it starts, give way to the others where the processor is short. */
void kw_thread_background(void);

/* ---- files ------------------------------------------------------------- */

/* ret_bytes: what it held is freed. A full disk gives -ENOSPC with KW_E_READ_ONLY, more than limit bytes -EFBIG. */
KW_CHECKED int kw_file_read(const char *path, size_t limit, struct kw_buf *ret_bytes, struct kw_fault *fault);
/* As kw_file_read, but refuses a file that others than its owner may read. */
KW_CHECKED int kw_file_read_secret(const char *path, size_t limit, struct kw_buf *ret_bytes, struct kw_fault *fault);
/* Temporary file (path.tmp, locked), fsync, rename, fsync of the folder: there in full or not at all. */
KW_CHECKED int kw_file_replace(const char *path, struct kw_view bytes, mode_t mode, struct kw_fault *fault);
KW_CHECKED int kw_dir_make(const char *path, mode_t mode, struct kw_fault *fault); /* with parents; existing is fine */
/* dir/name; an absolute name stands for itself, as paths in a configuration do. Never for names from outside. */
KW_CHECKED int kw_path_join(char *ret_path, size_t size, const char *dir, const char *name);
/* Exclusive lock on path for the life of the process; -EBUSY names the holder's process id in fault. */
KW_CHECKED int kw_lock_take(const char *path, int *ret_fd, struct kw_fault *fault);

/* ---- fault points ------------------------------------------------------ */

/* Named places where a test build (-Dfault_points=true) can kill, stall or fail the process:
 * KINWARD_FAULT="journal.commit:3:kill" acts on the third pass, "…:3+:fail" on that and all later ones, "…:1:stall:200"
 * waits 200 ms; several are separated by commas. Returns 0, or -EIO for "fail". */
#ifdef KINWARD_FAULT_POINTS
int kw_fault_point(const char *name);
#else
static inline int kw_fault_point(const char *name)
{
    (void)name;
    return 0;
}
#endif

/* ---- log --------------------------------------------------------------- */

enum kw_log_level { KW_LOG_ERROR = 3, KW_LOG_WARNING = 4, KW_LOG_NOTICE = 5, KW_LOG_INFO = 6, KW_LOG_DEBUG = 7 };

/* One line on stderr: `<5>kinward intake batch.accepted principal=ro-civil count=64`. event is a stable id; format gives
 * key=value pairs without personal data. Only the stage that handles an error logs it; libraries do not log. */
void kw_log(enum kw_log_level level, const char *stage, const char *event, const char *format, ...) KW_PRINTF(4, 5);
void kw_log_threshold(enum kw_log_level level);

#endif
