/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - what all subcommands share: tables, options, help, exit codes, error lines.
 *
 * A subcommand lives in hub/cli/<name>.c, declares `int kw_cmd_<name>(int argc, char **argv)` below and has its line in
 * main.c. argv[0] is its own name; the answer is an exit code. Its first act is kw_cli_options with a struct kw_usage.
 */
#ifndef KINWARD_CLI_H
#define KINWARD_CLI_H

#include "base/base.h"

enum kw_exit {
    KW_EXIT_DONE = 0,
    KW_EXIT_FAILED = 1,
    KW_EXIT_USAGE = 2,
    KW_EXIT_REFUSED = 3,     /* some input was refused; one line for each */
    KW_EXIT_UNVERIFIED = 4,  /* verification failed */
    KW_EXIT_UNAVAILABLE = 5, /* try again */
    KW_EXIT_PENDING = 6      /* not yet: cosignatures are awaited */
};

/* ---- tables: end with a line whose name is NULL ------------------------------ */

struct kw_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* one line */
};
/* Runs argv[1] of a group such as `kinward card export`; path is "kinward card". Prints the group's help with --help. */
int kw_cli_group(const char *path, const struct kw_command *commands, int argc, char **argv);

/* Hidden `kinward child ROLE …`: the process that kw_child_start made. fd is KW_CHILD_FD; argv[0] is the role. */
struct kw_child_role {
    const char *name;
    int (*run)(int fd, int argc, char **argv);
};

/* ---- options: getopt_long(3) with one table for parsing and help --------------- */

#define KW_CLI_LIST 64
struct kw_cli_list { /* of an option that may stand several times; borrowed from argv */
    const char *items[KW_CLI_LIST];
    size_t count;
};
struct kw_option {          /* exactly one of flag, value, list is set */
    const char *name;       /* without the dashes */
    const char *value_name; /* "FILE"; NULL for a flag */
    const char *help;       /* one line */
    bool *flag;
    const char **value;
    struct kw_cli_list *list;
    bool required;
};
struct kw_usage {
    const char *synopsis;            /* "kinward validate FILE… [--json]" */
    const char *summary;             /* a sentence or two */
    const char *example;             /* one line or more, each a command with its purpose */
    const struct kw_option *options; /* ends with name NULL; --help is added */
    int least, most;                 /* operands; most -1: any number */
};
/* True: go on, argv[*ret_first] to argv[argc - 1] are the operands (options may stand anywhere). False: leave with *ret_exit;
 * help or the usage error has been printed. */
bool kw_cli_options(const struct kw_usage *usage, int argc, char **argv, int *ret_first, int *ret_exit);

/* ---- answers ------------------------------------------------------------------ */

/* Prints `kinward: <what>: <place>:<line>: <why> (<code>)` on stderr and returns the exit code that fits fault's code. what:
 * a file, an option, a subcommand; never personal data. */
int kw_cli_error(const char *what, const struct kw_fault *fault);
/* The same from a bare negative errno of a function without a fault. */
int kw_cli_errno(const char *what, int error);
int kw_cli_exit(enum kw_code code);

/* Prints text that came from outside: bytes that steer a terminal, or turn the direction of what follows, are replaced; in JSON
 * they are escaped. False when stdout does not take it. */
bool kw_print_plain(const struct kw_buf *text, bool as_json);

/* A progress bar on stderr, drawn only on a terminal and only when the work takes over a second. Zero-initialised with a label. */
struct kw_progress {
    const char *label;
    int64_t started_ms, drawn_ms;
};
void kw_progress_update(struct kw_progress *progress, uint64_t done, uint64_t total); /* total 0: unknown */
void kw_progress_end(struct kw_progress *progress);

/* ---- subcommands ---------------------------------------------------------------- */

int kw_cmd_agent(int argc, char **argv);
int kw_cmd_check(int argc, char **argv);
int kw_cmd_connector(int argc, char **argv);
int kw_cmd_connector_run(int argc, char **argv);
int kw_cmd_normalize(int argc, char **argv);
int kw_cmd_card(int argc, char **argv);
int kw_cmd_feed(int argc, char **argv);
int kw_cmd_hub(int argc, char **argv);
int kw_cmd_init(int argc, char **argv);
int kw_cmd_plugin(int argc, char **argv);
int kw_cmd_principal(int argc, char **argv);
int kw_cmd_quarantine(int argc, char **argv);
int kw_cmd_record(int argc, char **argv);
int kw_cmd_review(int argc, char **argv);
int kw_cmd_status(int argc, char **argv);
int kw_cmd_submit(int argc, char **argv);
int kw_cmd_validate(int argc, char **argv);
int kw_cmd_verify(int argc, char **argv);
int kw_cmd_ledger(int argc, char **argv);
int kw_cmd_witness(int argc, char **argv);

#endif
