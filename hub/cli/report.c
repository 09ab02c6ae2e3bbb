/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - error lines, exit codes, the progress bar and safe text of all subcommands. */
#include "cli/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int kw_cli_exit(enum kw_code code)
{
    switch (code) {
    case KW_OK:
        return KW_EXIT_DONE;
    case KW_E_USAGE:
    case KW_E_OPTION:
        return KW_EXIT_USAGE;
    case KW_E_SIGNATURE:
    case KW_E_NOTE:
    case KW_E_PROOF:
    case KW_E_QUORUM:
    case KW_E_FORK:
    case KW_E_TILE:
        return KW_EXIT_UNVERIFIED;
    case KW_E_WINDOW:
    case KW_E_BUSY:
    case KW_E_READ_ONLY:
    case KW_E_TIMEOUT:
    case KW_E_UNAVAILABLE:
    case KW_E_NETWORK:
    case KW_E_HTTP:
        return KW_EXIT_UNAVAILABLE;
    case KW_E_PENDING:
        return KW_EXIT_PENDING;
    default:
        return KW_EXIT_FAILED;
    }
}

int kw_cli_error(const char *what, const struct kw_fault *fault)
{
    fprintf(stderr, "kinward: %s: ", what);
    if (fault->place[0] && strcmp(fault->place, what) != 0)
        fprintf(stderr, fault->line ? "%s:" : "%s: ", fault->place);
    if (fault->line)
        fprintf(stderr, "%u: ", fault->line);
    fprintf(stderr, "%s (%s)\n", fault->message[0] ? fault->message : kw_code_text(fault->code), kw_code_name(fault->code));
    return kw_cli_exit(fault->code);
}

int kw_cli_errno(const char *what, int error)
{
    struct kw_fault fault = {.code = error == -ENOMEM ? KW_E_MEMORY : KW_E_INTERNAL};
    snprintf(fault.message, sizeof(fault.message), "%s", strerror(-error));
    return kw_cli_error(what, &fault);
}

void kw_progress_update(struct kw_progress *progress, uint64_t done, uint64_t total)
{
    int64_t now = kw_clock_monotonic_ms();
    if (progress->started_ms == 0)
        progress->started_ms = now;
    if (now - progress->started_ms < 1000 || now - progress->drawn_ms < 100 || !isatty(STDERR_FILENO))
        return;
    progress->drawn_ms = now;
    double rate = (double)done * 1000.0 / (double)(now - progress->started_ms);
    if (total == 0) {
        fprintf(stderr, "\r%s: %llu, %.0f/s\033[K", progress->label, (unsigned long long)done, rate);
        return;
    }
    char bar[31] = {0};
    memset(bar, '.', 30);
    memset(bar, '#', (size_t)(30.0 * (double)(done < total ? done : total) / (double)total));
    fprintf(stderr, "\r%s [%s] %llu of %llu, %.0f/s\033[K", progress->label, bar, (unsigned long long)done,
            (unsigned long long)total, rate);
}

void kw_progress_end(struct kw_progress *progress)
{
    if (progress->drawn_ms != 0)
        fputs("\r\033[K", stderr);
    progress->started_ms = progress->drawn_ms = 0;
}

/* ---- safe text -------------------------------------------------------------------------------------- */

/* Length of a sequence that must not reach a terminal, and its code point; 0: it may. */
static size_t hostile(const struct kw_buf *text, size_t at, unsigned *ret_point)
{
    const uint8_t *c = text->data + at;
    const size_t left = text->size - at;
    if ((c[0] < ' ' && c[0] != '\n' && c[0] != '\t') || c[0] == 0x7f) {
        *ret_point = c[0];
        return 1;
    }
    if (c[0] == 0xc2 && left > 1 && c[1] >= 0x80 && c[1] <= 0x9f) { /* C1 controls */
        *ret_point = c[1];
        return 2;
    }
    if (c[0] == 0xe2 && left > 2 &&
        ((c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) ||  /* separators, embeddings and overrides */
         (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9))) { /* isolates */
        *ret_point = 0x2000u | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
        return 3;
    }
    return 0;
}

bool kw_print_plain(const struct kw_buf *text, bool as_json)
{
    size_t plain = 0;
    for (size_t i = 0; i < text->size;) {
        unsigned point;
        const size_t size = hostile(text, i, &point);
        if (size == 0) {
            i++;
            continue;
        }
        fwrite(text->data + plain, 1, i - plain, stdout);
        printf(as_json ? "\\u%04x" : "\xef\xbf\xbd", point);
        plain = i += size;
    }
    fwrite(text->data + plain, 1, text->size - plain, stdout);
    return fflush(stdout) == 0 && !ferror(stdout);
}
