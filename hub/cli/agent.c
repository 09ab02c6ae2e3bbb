/* SPDX-License-Identifier: Apache-2.0 */
/* agent.c - kinward connector run: the ministry's agent in the foreground; kinward agent: its spool. */
#include <string.h>

#include "agent/agent.h"
#include "cli/cli.h"
#include "sandbox/sandbox.h"

static void print_ready(void *context)
{
    (void)context;
    printf("{\"ready\":\"agent\"}\n");
    fflush(stdout);
}

int kw_cmd_connector_run(int argc, char **argv)
{
    const char *config = NULL;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = "the agent's configuration", .value = &config, .required = true},
        {0},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward connector run --config agent.xml",
        .summary =
            "Runs the agent with its connectors in the foreground until SIGTERM: documents are spooled durably, normalised,\n"
            "signed and sent until the hub has signed for them. Prints one JSON line when the spool is open.",
        .example = "kinward connector run --config agent/agent.xml",
        .options = options,
    };
    struct kw_fault fault = {0};
    int first, exit_code;
    if (!kw_cli_options(&usage, argc, argv, &first, &exit_code))
        return exit_code;
    if (kw_sandbox_harden(&fault) < 0 || kw_agent_run(config, -1, print_ready, NULL, &fault) < 0)
        return kw_cli_error("connector run", &fault);
    return KW_EXIT_DONE;
}

static const char *config_option(const char *synopsis, const char *summary, const char *example, int argc, char **argv,
                                 int *ret_exit)
{
    const char *config = NULL;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = "the agent's configuration", .value = &config, .required = true},
        {0},
    };
    const struct kw_usage usage = {.synopsis = synopsis, .summary = summary, .example = example, .options = options};
    int first;
    return kw_cli_options(&usage, argc, argv, &first, ret_exit) ? config : NULL;
}

static int run_status(int argc, char **argv)
{
    struct kw_fault fault = {0};
    struct kw_buf json = {0};
    int exit_code;
    const char *config =
        config_option("kinward agent status --config agent.xml",
                      "Prints one JSON object: what waits in the spool and since when, receipts, what the hub\n"
                      "refused, what the mapper could not read, and what it warned of by connector, code and place.\n"
                      "grade: A when at most 0.1 % of the documents were not taken, here or by the hub, and 1 %\n"
                      "had warnings; B 1 % and 10 %; C 5 % and 50 %; else D; null before the first.",
                      "kinward agent status --config agent/agent.xml", argc, argv, &exit_code);
    if (!config)
        return exit_code;
    if (kw_agent_status(config, &json, &fault) < 0) {
        kw_buf_clear(&json);
        return kw_cli_error("agent status", &fault);
    }
    printf("%s\n", (const char *)json.data);
    kw_buf_clear(&json);
    return KW_EXIT_DONE;
}

static int run_requeue(int argc, char **argv)
{
    struct kw_fault fault = {0};
    uint64_t count = 0;
    int exit_code;
    const char *config = config_option("kinward agent requeue --config agent.xml",
                                       "Puts the documents that the mapper could not read back into the queue, after a\n"
                                       "stylesheet was mended. The agent must not run.",
                                       "kinward agent requeue --config agent/agent.xml", argc, argv, &exit_code);
    if (!config)
        return exit_code;
    if (kw_agent_requeue(config, &count, &fault) < 0)
        return kw_cli_error("agent requeue", &fault);
    printf("%llu documents queued again\n", (unsigned long long)count);
    return KW_EXIT_DONE;
}

static int run_export(int argc, char **argv)
{
    const char *config = NULL, *out = NULL;
    bool receipts = false;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = "the agent's configuration", .value = &config, .required = true},
        {.name = "out", .value_name = "FILE", .help = "the file to write; it must not be there", .value = &out, .required = true},
        {.name = "receipts", .help = "the hub's receipts, back to where the batches came from", .flag = &receipts},
        {0},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward agent export --config agent.xml --out FILE [--receipts]",
        .summary =
            "For a place without a line: signs what waits in the spool and writes it to a file, which only an agent with the\n"
            "same keys can read. There it is imported and sent; its receipts come back the same way. Nothing leaves the\n"
            "spool before. The agent must not run.",
        .example = "kinward agent export --config agent/agent.xml --out /media/stick/ke-civil.kwc",
        .options = options,
    };
    struct kw_fault fault = {0};
    struct kw_carried carried = {0};
    int first, exit_code;
    if (!kw_cli_options(&usage, argc, argv, &first, &exit_code))
        return exit_code;
    if (kw_agent_export(config, out, receipts, &carried, &fault) < 0)
        return kw_cli_error("agent export", &fault);
    printf(receipts ? "receipts of %llu batches, %llu records\n" : "%llu batches, %llu records\n",
           (unsigned long long)carried.batches, (unsigned long long)carried.records);
    if (carried.documents && !receipts)
        printf("%llu documents are not mapped yet: let the agent run a while, then export again\n",
               (unsigned long long)carried.documents);
    return KW_EXIT_DONE;
}

static int run_import(int argc, char **argv)
{
    const char *config = NULL;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = "the agent's configuration", .value = &config, .required = true},
        {0},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward agent import --config agent.xml FILE",
        .summary = "Takes a file of kinward agent export: batches into the spool, to be sent when the agent runs; or the hub's\n"
                   "receipts for batches of this spool, which then leave it. Importing a file twice changes nothing more. The\n"
                   "agent must not run.",
        .example = "kinward agent import --config agent/agent.xml /media/stick/ke-civil.kwc",
        .options = options,
        .least = 1,
        .most = 1,
    };
    struct kw_fault fault = {0};
    struct kw_carried carried = {0};
    int first, exit_code;
    if (!kw_cli_options(&usage, argc, argv, &first, &exit_code))
        return exit_code;
    if (kw_agent_import(config, argv[first], &carried, &fault) < 0)
        return kw_cli_error("agent import", &fault);
    printf(carried.receipts ? "receipts of %llu batches, %llu records; %llu not waited for\n"
                            : "%llu batches, %llu records; %llu batches known before\n",
           (unsigned long long)carried.batches, (unsigned long long)carried.records, (unsigned long long)carried.known);
    return KW_EXIT_DONE;
}

int kw_cmd_agent(int argc, char **argv)
{
    static const struct kw_command commands[] = {
        {"status", run_status, "what waits in the spool, what was refused"},
        {"requeue", run_requeue, "quarantined documents again, after a stylesheet was mended"},
        {"export", run_export, "what waits, or receipts, into a file to be carried"},
        {"import", run_import, "a file of export"},
        {NULL, NULL, NULL},
    };
    return kw_cli_group("kinward agent", commands, argc, argv);
}
