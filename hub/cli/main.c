/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - finds the subcommand, or the role of a child process, and runs it. */
#include "agent/agent.h"
#include "cli/cli.h"
#include "intake/intake.h"
#include "ledger/ledger.h"
#include "normalize/normalize.h"
#include "plugin/plugin.h"

#include <signal.h>
#include <string.h>

static const struct kw_command commands[] = {
    /* name, function, one line of help; in the order of a user's way */
    {"normalize", kw_cmd_normalize, "turn documents of a registry into common records"},
    {"init", kw_cmd_init, "make the folder of a hub, agent, agency or witness"},
    {"hub", kw_cmd_hub, "run a hub"},
    {"status", kw_cmd_status, "what a running hub does"},
    {"card", kw_cmd_card, "public keys: give out one's own, check another's"},
    {"principal", kw_cmd_principal, "who is known to a hub"},
    {"quarantine", kw_cmd_quarantine, "what a hub could not process"},
    {"review", kw_cmd_review, "hits that wait for a person before anybody is told"},
    {"record", kw_cmd_record, "single records, for a stated purpose"},
    {"connector", kw_cmd_connector, "a registry's connectors: run them, list them, look into one"},
    {"plugin", kw_cmd_plugin, "sign plugins, so that this installation loads them"},
    {"submit", kw_cmd_submit, "send files of records to the hub"},
    {"check", kw_cmd_check, "ask about one check at a border"},
    {"agent", kw_cmd_agent, "an agent's spool: what waits, what was refused"},
    {"feed", kw_cmd_feed, "an agency's alerts: fetch or follow them, read, acknowledge, report"},
    {"validate", kw_cmd_validate, "check common records against the schema, with line numbers"},
    {"verify", kw_cmd_verify, "verify one proof, offline"},
    {"ledger", kw_cmd_ledger, "audit a log from its files; its state, checkpoint and proofs"},
    {"witness", kw_cmd_witness, "cosign the checkpoints of other hubs' logs"},
    {NULL, NULL, NULL},
};

static const struct kw_child_role roles[] = {
    /* role, function */
    {"agent", kw_agent_child_main},
    {"connector", kw_connector_child_main},
    {"inspect", kw_plugin_inspect_child_main},
    {"ledger-web", kw_ledger_web_role},
    {"mapper", kw_mapper_child_main},
    {"signer", kw_signer_role},
    {"validator", kw_validator_child_main},
    {NULL, NULL},
};

static int run_child(int argc, char **argv)
{
    for (const struct kw_child_role *role = roles; argc > 2 && role->name; role++)
        if (strcmp(role->name, argv[2]) == 0)
            return role->run(3, argc - 2, argv + 2);
    fprintf(stderr, "kinward: child: no such role (usage)\n");
    return KW_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return run_child(argc, argv);
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts("kinward " KINWARD_VERSION);
        return KW_EXIT_DONE;
    }
    return kw_cli_group("kinward", commands, argc, argv);
}
