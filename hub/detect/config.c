/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - which rule is in which state for which registry. */
#include "detect/private.h"

#include <string.h>

static const char *const names[] = {"off", "shadow", "review", "live"};

const char *kw_rule_state_name(enum kw_rule_state state)
{
    return names[state];
}

bool kw_rule_state_parse(struct kw_view name, enum kw_rule_state *ret_state)
{
    for (size_t i = 0; i < KW_COUNT(names); i++)
        if (kw_view_is(name, names[i])) {
            *ret_state = (enum kw_rule_state)i;
            return true;
        }
    return false;
}

enum kw_rule_state kw_rule_state_of(const struct kw_detector *detector, const char *rule, struct kw_view registry)
{
    enum kw_rule_state state = KW_RULE_LIVE;

    for (size_t i = 0; i < detector->setting_count; i++) {
        const struct kw_rule_setting *setting = &detector->settings[i];

        if ((strcmp(setting->rule, "*") == 0 || strcmp(setting->rule, rule) == 0) &&
            (setting->registry[0] == 0 || strcmp(setting->registry, "*") == 0 || kw_view_is(registry, setting->registry)))
            state = setting->state;
    }
    return state;
}

int kw_detect_rules(const struct kw_detector *detector,
                    int (*visit)(void *context, const struct kinward_rule *rule, enum kw_rule_state state, const int64_t *values),
                    void *context)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < detector->rule_count; i++) {
        const struct rule *rule = &detector->rules[i];

        r = visit(context, rule->rule, kw_rule_state_of(detector, rule->rule->id, (struct kw_view){0}), rule->values);
    }
    return r;
}
