/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - one line on stderr for each event, in the form that journald reads. */
#include "base/base.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 1024

static atomic_int threshold = KW_LOG_INFO;

void kw_log_threshold(enum kw_log_level level)
{
    atomic_store(&threshold, (int)level);
}

void kw_log(enum kw_log_level level, const char *stage, const char *event, const char *format, ...)
{
    if ((int)level > atomic_load_explicit(&threshold, memory_order_relaxed))
        return;

    int saved = errno;
    char line[LINE_SIZE];
    int head = snprintf(line, sizeof line, "<%d>kinward %s %s ", (int)level, stage, event);
    size_t length = head < 0 ? 0 : (size_t)head < sizeof line - 1 ? (size_t)head : sizeof line - 2;
    va_list arguments;
    va_start(arguments, format);
    int body = vsnprintf(line + length, sizeof line - length, format, arguments);
    va_end(arguments);
    if (body > 0)
        length = (size_t)body < sizeof line - length ? length + (size_t)body : sizeof line - 1;

    /* a value must not be able to start a line of its own */
    for (size_t i = 0; i < length; i++)
        if ((uint8_t)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    while (length > 0 && line[length - 1] == ' ')
        length--;
    line[length] = '\n';
    ssize_t written = write(STDERR_FILENO, line, length + 1); /* one call: lines of threads do not mix */
    (void)written;                                            /* there is nobody left to tell */
    errno = saved;
}
