/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - the descriptor by which the hub loads this rule pack. */
#include "kinward/plugin.h"
#include "pack.h"

KINWARD_EXPORT const struct kinward_plugin kinward_plugin = {
    KINWARD_PLUGIN_HEADER,
    .kind = KINWARD_RULES,
    .operations_size = sizeof rules_child_protection,
    .operations = &rules_child_protection,
    .name = "rules-child-protection",
    .version = "0.1.0",
    .summary = "What registers and checks contradict where a child may be taken away: D5, P5, M3.",
    .license = "Apache-2.0",
};
