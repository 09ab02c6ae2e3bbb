/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - error lines, exit codes and the progress bar of all subcommands. */
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
