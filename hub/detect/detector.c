/* SPDX-License-Identifier: Apache-2.0 */
/* detector.c - one entry after the other: into the index, then the rules about what it touches. */
#include "detect/private.h"

#include "crypto/crypto.h"

#include <errno.h>
#include <string.h>

#define DAY_MS     INT64_C(86400000)
#define KIND_CHECK 2u
#define CHECK_BIT  0x80u

/* ---- making ---------------------------------------------------------------------------- */

static int take_parameters(struct rule *rule, const struct kw_detect_config *config, struct kw_fault *fault)
{
    const struct kinward_rule *known = rule->rule;

    rule->values = kw_alloc((known->parameter_count + 1) * sizeof(*rule->values));
    if (rule->values == NULL)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, known->id, "no memory for its parameters");
    rule->lookback_ms = 30 * DAY_MS;
    for (uint32_t i = 0; i < known->parameter_count; i++) {
        const struct kinward_rule_parameter *parameter = &known->parameters[i];

        rule->values[i] = parameter->fallback;
        for (size_t k = 0; k < config->parameter_count; k++) {
            const struct kw_rule_parameter *set = &config->parameters[k];

            if (strcmp(set->rule, known->id) != 0 || strcmp(set->name, parameter->name) != 0)
                continue;
            if (set->value < parameter->low || set->value > parameter->high)
                return kw_fail(fault, -EINVAL, KW_E_CONFIG, set->name, "threshold of %s: must be from %lld to %lld", known->id,
                               (long long)parameter->low, (long long)parameter->high);
            rule->values[i] = set->value;
        }
        if (strcmp(parameter->name, "lookback_days") == 0)
            rule->lookback_ms = rule->values[i] * DAY_MS;
    }
    return 0;
}

static const struct rule *find_rule(const struct kw_detector *detector, const char *id)
{
    for (size_t i = 0; i < detector->rule_count; i++)
        if (strcmp(detector->rules[i].rule->id, id) == 0)
            return &detector->rules[i];
    return NULL;
}

/* A setting or threshold that fits nothing is an error of the configuration, not to be passed over. */
static int check_config(const struct kw_detector *detector, const struct kw_detect_config *config, struct kw_fault *fault)
{
    for (size_t i = 0; i < config->setting_count; i++)
        if (strcmp(config->settings[i].rule, "*") != 0 && find_rule(detector, config->settings[i].rule) == NULL)
            return kw_fail(fault, -EINVAL, KW_E_CONFIG, config->settings[i].rule, "no loaded rule pack has this rule");
    for (size_t i = 0; i < config->parameter_count; i++) {
        const struct rule *rule = find_rule(detector, config->parameters[i].rule);
        bool known = false;

        for (uint32_t k = 0; rule != NULL && k < rule->rule->parameter_count; k++)
            known |= strcmp(rule->rule->parameters[k].name, config->parameters[i].name) == 0;
        if (!known)
            return kw_fail(fault, -EINVAL, KW_E_CONFIG, config->parameters[i].name, "rule %s has no threshold of this name",
                           config->parameters[i].rule);
    }
    return 0;
}

static int take_pack(struct kw_detector *detector, const struct kinward_rule_pack *pack, const struct kw_detect_config *config,
                     struct kw_fault *fault)
{
    struct rule *rules;

    if (pack->size < sizeof(*pack) || pack->major != KINWARD_RULES_MAJOR || pack->minor > KINWARD_RULES_MINOR)
        return kw_fail(fault, -EINVAL, KW_E_PLUGIN, "rules", "rule ABI %u.%u is wanted, the pack has %u.%u", KINWARD_RULES_MAJOR,
                       KINWARD_RULES_MINOR, pack->major, pack->minor);
    rules = kw_resize(detector->rules, (detector->rule_count + pack->rule_count + 1) * sizeof(*rules));
    if (rules == NULL)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "rules", "no memory for the rules");
    detector->rules = rules;
    for (uint32_t i = 0; i < pack->rule_count; i++) {
        const struct kinward_rule *rule = pack->rules[i];
        int r;

        if (rule->size < sizeof(*rule) || strlen(rule->id) >= sizeof(((struct kw_hit *)0)->rule) || find_rule(detector, rule->id))
            return kw_fail(fault, -EINVAL, KW_E_PLUGIN, rule->id, "not a rule of this ABI, or there twice");
        rules[detector->rule_count++] = (struct rule){.rule = rule};
        r = take_parameters(&rules[detector->rule_count - 1], config, fault);
        if (r < 0)
            return r;
        detector->subjects |= rule->subjects;
        detector->evidence |= rule->evidence;
    }
    return 0;
}

static int take_config(struct kw_detector *detector, const struct kinward_rule_pack *const *packs, size_t pack_count,
                       const struct kw_detect_config *config, struct kw_fault *fault)
{
    int r = 0;

    detector->settings = kw_alloc((config->setting_count + 1) * sizeof(*detector->settings));
    if (detector->settings == NULL)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "rules", "no memory for their settings");
    if (config->setting_count > 0)
        memcpy(detector->settings, config->settings, config->setting_count * sizeof(*detector->settings));
    detector->setting_count = config->setting_count;
    for (size_t i = 0; r == 0 && i < pack_count; i++)
        r = take_pack(detector, packs[i], config, fault);
    if (r == 0)
        r = check_config(detector, config, fault);
    if (r == 0 && kw_match_index_new(&detector->index) < 0)
        r = kw_fail(fault, -ENOMEM, KW_E_MEMORY, "rules", "no memory for the index");
    return r;
}

int kw_detector_new(const struct kinward_rule_pack *const *packs, size_t pack_count, const struct kw_detect_config *config,
                    const uint8_t vault[32], struct kw_detect_source source, struct kw_detector **ret_detector,
                    struct kw_fault *fault)
{
    struct kw_detector *detector = kw_alloc(sizeof(*detector));
    int r;

    if (detector == NULL)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "rules", "no memory for the detector");
    kw_derive(vault, "kwmatch\0", 1, detector->secret);
    kw_derive(vault, "kwdetect", 1, detector->private);
    detector->source = source;
    r = take_config(detector, packs, pack_count, config, fault);
    if (r < 0) {
        kw_detector_free(detector);
        return r;
    }
    *ret_detector = detector;
    return 0;
}

void kw_detector_free(struct kw_detector *detector)
{
    if (detector == NULL)
        return;
    kw_record_drop_all(detector);
    kw_watches_clear(&detector->watches);
    kw_match_index_free(detector->index);
    for (size_t i = 0; i < detector->rule_count; i++)
        kw_free(detector->rules[i].values);
    kw_free(detector->rules);
    kw_free(detector->settings);
    kw_free(detector->events);
    kw_free(detector->loaded);
    kw_free(detector->watching.list);
    kw_wipe(detector->secret, sizeof(detector->secret));
    kw_wipe(detector->private, sizeof(detector->private));
    kw_free(detector);
}

void kw_detector_freep(struct kw_detector **detector)
{
    kw_detector_free(*detector);
    *detector = NULL;
}

size_t kw_detect_bytes(const struct kw_detector *detector)
{
    size_t bytes = kw_match_index_bytes(detector->index) + detector->event_room;

    for (size_t i = 0; i < 2; i++)
        if (detector->watches.generations[i].index != NULL)
            bytes += kw_match_index_bytes(detector->watches.generations[i].index) +
                     detector->watches.generations[i].room * sizeof(struct watched);
    return bytes;
}

/* ---- taking entries ------------------------------------------------------------------------- */

static int take_keys(struct kw_detector *detector, uint64_t position, unsigned kind, const uint64_t *found, size_t count)
{
    uint8_t event = 0;
    int r;

    if (position <= detector->last)
        return position == detector->last ? 0 : -EINVAL;
    if (position >= detector->event_room) {
        size_t room = detector->event_room == 0 ? 4096 : detector->event_room;
        uint8_t *events;

        while (room <= position)
            room += room / 2;
        events = kw_resize(detector->events, room);
        if (events == NULL)
            return -ENOMEM;
        memset(events + detector->event_room, 0, room - detector->event_room);
        detector->events = events;
        detector->event_room = room;
    }
    if (count > 0 && kw_match_key_kind(found[0]) == KW_MATCH_EVENT)
        event = (uint8_t)(found[0] & 0x3f);
    r = kw_match_index_add(detector->index, position, found, count, NULL);
    if (r < 0)
        return r;
    detector->events[position] = (uint8_t)(event | (kind == KIND_CHECK ? CHECK_BIT : 0));
    detector->last = position;
    return 0;
}

int kw_detect_restore(struct kw_detector *detector, uint64_t position, unsigned kind, const uint64_t *found, size_t count)
{
    return take_keys(detector, position, kind, found, count);
}

int kw_detect_restore_watch(struct kw_detector *detector, const struct kw_watch *watch)
{
    struct kw_watch copy = *watch;
    int r;

    copy.keys = kw_alloc((watch->count + 1) * sizeof(*copy.keys));
    if (copy.keys == NULL)
        return -ENOMEM;
    if (watch->count > 0)
        memcpy(copy.keys, watch->keys, watch->count * sizeof(*copy.keys));
    r = kw_watches_add(&detector->watches, &copy);
    kw_free(copy.keys);
    return r == -EALREADY ? 0 : r;
}
