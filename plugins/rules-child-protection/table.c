/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - the rules of this pack. */
#include "pack.h"

static const struct kinward_rule *const rules[] = {&rule_d5, &rule_m3, &rule_p5};

const struct kinward_rule_pack rules_child_protection = {
    .size = sizeof(struct kinward_rule_pack),
    .major = KINWARD_RULES_MAJOR,
    .minor = KINWARD_RULES_MINOR,
    .rules = rules,
    .rule_count = COUNT(rules),
};
