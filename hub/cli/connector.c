/* SPDX-License-Identifier: Apache-2.0 */
/* connector.c - kinward connector: what concerns connectors as such. */
#include "cli/cli.h"

int kw_cmd_connector(int argc, char **argv)
{
    static const struct kw_command commands[] = {
        {"run", kw_cmd_connector_run, "run an agent with its connectors"},
        {NULL, NULL, NULL},
    };
    return kw_cli_group("kinward connector", commands, argc, argv);
}
