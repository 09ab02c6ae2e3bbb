/* SPDX-License-Identifier: Apache-2.0 */
/* hub.c - kinward hub and kinward status: running a hub and looking at it. */
#include <unistd.h>

#include "cli/operator.h"
#include "daemon/daemon.h"

int kw_cmd_hub(int argc, char **argv)
{
    const char *config = NULL;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = "hub.xml", .value = &config, .required = true}, {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward hub --config DIR/hub.xml",
        .summary = "Runs a hub in the foreground until SIGTERM. Prints one JSON line when all endpoints are bound.",
        .example = "kinward hub --config /srv/kinward/hub.xml",
        .options = options};
    struct kw_fault fault = {0};
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    return kw_hub_run(config, &fault) < 0 ? kw_cli_error("hub", &fault) : KW_EXIT_DONE;
}

static int ask_status(const char *config, bool as_json)
{
    struct kw_question question;
    kw_question_start(&question, config, "STATUS");
    int code = kw_question_print(&question, as_json);
    kw_question_clear(&question);
    return code;
}

int kw_cmd_status(int argc, char **argv)
{
    const char *config = NULL;
    bool as_json = false, watch = false;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = "of the running hub (hub.xml)", .value = &config},
        {.name = "json", .help = "as JSON", .flag = &as_json},
        {.name = "watch", .help = "again each second", .flag = &watch},
        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward status [--config hub.xml] [--watch] [--json]",
        .summary = "Shows what a running hub does: records, checks, quarantine, entries that detection set aside, "
                   "children, ledger.",
        .example = "kinward status --config hub.xml --watch",
        .options = options};
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    code = ask_status(config, as_json);
    while (watch && code == KW_EXIT_DONE) {
        sleep(1);
        if (isatty(STDOUT_FILENO) && !as_json)
            fputs("\033[H\033[2J", stdout);
        code = ask_status(config, as_json);
        fflush(stdout);
    }
    return code;
}
