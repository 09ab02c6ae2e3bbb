/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - the services that a rule gets (kinward/rules.h), and what the evaluation learns from its questions. */
#include "detect/private.h"

#include "crypto/crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

int kw_keys_take(void *context, uint64_t key)
{
    struct keys *keys = context;

    for (size_t i = 0; i < keys->count; i++)
        if (keys->list[i] == key)
            return 0;
    if (keys->count == keys->room) {
        size_t room = keys->room == 0 ? 32 : keys->room * 2;
        uint64_t *list = kw_resize(keys->list, room * sizeof(*list));

        if (list == NULL)
            return -ENOMEM;
        keys->list = list;
        keys->room = room;
    }
    keys->list[keys->count++] = key;
    return 0;
}

/* ---- reading ------------------------------------------------------------------------ */

/* The element at a path, or KW_NONE. */
static kw_node walk(const struct kinward_record *record, kw_node from, const char *path)
{
    while (from != KW_NONE && *path != 0) {
        const char *end = strchrnul(path, '/');
        enum kw_name name;

        if (!kw_name_parse((struct kw_view){(const uint8_t *)path, (size_t)(end - path)}, &name))
            return KW_NONE;
        from = kw_image_child(&record->image, from, name);
        path = *end == 0 ? end : end + 1;
    }
    return from;
}

static struct kinward_text host_text(void *context, const struct kinward_record *record, kinward_node from, const char *path)
{
    kw_node node = walk(record, from, path);
    struct kw_view text = node == KW_NONE ? (struct kw_view){0} : kw_image_text(&record->image, node);

    return (struct kinward_text){(const char *)text.data, text.size};
}

static kinward_node host_find(void *context, const struct kinward_record *record, kinward_node from, const char *path)
{
    return walk(record, from, path);
}

static kinward_node host_next(void *context, const struct kinward_record *record, kinward_node node)
{
    return kw_image_next(&record->image, node, kw_image_name(&record->image, node));
}

static int host_days(void *context, const struct kinward_record *record, kinward_node from, const char *path,
                     struct kinward_days *ret_days)
{
    kw_node node = walk(record, from, path);
    struct kw_date_range range;

    if (node == KW_NONE || kw_match_date(&record->image, node, &range) != 1)
        return 0;
    *ret_days = (struct kinward_days){range.first, range.last};
    return 1;
}

static uint32_t host_event(const struct kinward_record *record)
{
    return record->event;
}

static uint32_t host_standing(const struct kinward_record *record)
{
    return record->standing;
}

static uint64_t host_position(const struct kinward_record *record)
{
    return record->position;
}

static int32_t host_today(void *context)
{
    const struct kw_detector *detector = context;
    int64_t ms = detector->entry->received_ms;

    return (int32_t)(ms >= 0 ? ms / DAY_MS : (ms - DAY_MS + 1) / DAY_MS);
}

static int64_t host_parameter(void *context, const char *name)
{
    const struct kw_detector *detector = context;
    const struct rule *rule = detector->rule;

    for (uint32_t i = 0; i < rule->rule->parameter_count; i++)
        if (strcmp(rule->rule->parameters[i].name, name) == 0)
            return rule->values[i];
    return 0;
}

/* ---- other records ----------------------------------------------------------------------- */

struct relay {
    struct kw_detector *detector;
    const struct kinward_record *from;
    kw_node node;
    uint32_t bases;
    int (*visit)(void *context, const struct kinward_related *related);
    void *context;
};

static unsigned kinds_of(uint32_t bases)
{
    unsigned kinds = 0;

    if (bases & KINWARD_BASIS_BIT(KINWARD_BASIS_IDENTIFIER))
        kinds |= KW_MATCH_BIT(KW_MATCH_IDENTIFIER);
    if (bases & KINWARD_BASIS_BIT(KINWARD_BASIS_DOCUMENT))
        kinds |= KW_MATCH_BIT(KW_MATCH_DOCUMENT);
    if (bases & KINWARD_BASIS_BIT(KINWARD_BASIS_NAME_BIRTH))
        kinds |= KW_MATCH_BIT(KW_MATCH_NAME_BIRTH);
    return kinds;
}

static uint32_t basis_of(enum kw_match_kind kind)
{
    switch (kind) {
    case KW_MATCH_IDENTIFIER:
        return KINWARD_BASIS_IDENTIFIER;
    case KW_MATCH_DOCUMENT:
        return KINWARD_BASIS_DOCUMENT;
    case KW_MATCH_NAME_BIRTH:
        return KINWARD_BASIS_NAME_BIRTH;
    default:
        return 0;
    }
}

/* Loads a candidate; a version that does not count is left out, but what replaces the record is waited for. */
static int load_current(struct kw_detector *detector, uint64_t position, struct kinward_record **ret_record)
{
    struct kinward_record *record;
    bool current = false;
    int r = kw_record_load(detector, position, &record);

    if (r == 0 && record != NULL)
        r = kw_match_own_keys(&record->image, detector->secret, kw_keys_take, &detector->watching);
    if (r == 0 && record != NULL)
        r = kw_record_current(detector, record, &current);
    *ret_record = current ? record : NULL;
    return r;
}

static int visit_candidate(const struct relay *relay, uint64_t position)
{
    struct kinward_related related = {0};
    struct kw_match_comparison comparison;
    struct kinward_record *record;
    kw_node party;
    int r = load_current(relay->detector, position, &record);

    if (r < 0 || record == NULL)
        return r;
    r = kw_match_party(&relay->from->image, relay->node, &record->image, kinds_of(relay->bases), &party, &comparison);
    if (r < 0 || party == KW_NONE)
        return r;
    related.record = record;
    related.party = party;
    related.basis = basis_of(comparison.basis);
    return relay->visit(relay->context, &related);
}

static int host_related(void *context, const struct kinward_record *record, kinward_node node, uint64_t events, uint32_t bases,
                        int (*visit)(void *visit_context, const struct kinward_related *related), void *visit_context)
{
    struct kw_detector *detector = context;
    struct relay relay = {detector, record, node, bases, visit, visit_context};
    struct event_filter filter = {detector, events, record->position};
    struct kw_match_query query = {&record->image, node, detector->secret, kinds_of(bases), kw_event_wanted, &filter};
    struct kw_match_candidate *candidates = NULL;
    size_t count = 0;
    int r = kw_match_node_keys(&record->image, node, detector->secret, query.kinds, kw_keys_take, &detector->watching);

    if (r == 0)
        r = kw_match_find(detector->index, &query, &candidates, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = visit_candidate(&relay, candidates[i].position);
    kw_free(candidates);
    return r;
}

static int by_position(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static int host_linked(void *context, const struct kinward_record *record, kinward_node link, uint64_t events,
                       int (*visit)(void *visit_context, const struct kinward_related *related), void *visit_context)
{
    struct kw_detector *detector = context;
    struct event_filter filter = {detector, events, record->position};
    struct keys keys = {0}, found = {0};
    int r = kw_match_link_keys(&record->image, link, detector->secret, kw_keys_take, &keys);

    for (size_t i = 0; r == 0 && i < keys.count; i++) {
        r = kw_keys_take(&detector->watching, keys.list[i]);
        if (r == 0)
            r = kw_match_index_find(detector->index, keys.list[i], kw_keys_take, &found);
    }
    if (found.count > 1)
        qsort(found.list, found.count, sizeof(*found.list), by_position);
    for (size_t i = 0; r == 0 && i < found.count; i++) {
        struct kinward_related related = {.party = KINWARD_NO_NODE};
        struct kinward_record *other;

        if (!kw_event_wanted(&filter, found.list[i]))
            continue;
        r = load_current(detector, found.list[i], &other);
        if (r == 0 && other != NULL) {
            related.record = other;
            r = visit(visit_context, &related);
        }
    }
    kw_free(keys.list);
    kw_free(found.list);
    return r;
}

static uint32_t host_compare(void *context, const struct kinward_record *a, kinward_node a_party, const struct kinward_record *b,
                             kinward_node b_party, uint32_t *ret_basis)
{
    struct kw_detector *detector = context;
    struct kw_match_comparison result = {KW_LIKE_NOT_KNOWN, 0, 0, 0};
    int r = kw_match_compare(&a->image, a_party, &b->image, b_party, &result);

    if (r < 0 && detector->error == 0)
        detector->error = r;
    *ret_basis = basis_of(result.basis);
    return (uint32_t)result.likeness;
}

static void host_handle(void *context, const struct kinward_record *record, kinward_node party, char ret_handle[33])
{
    struct kw_detector *detector = context;
    uint8_t handle[16] = {0};
    int r = kw_match_handle(&record->image, party, detector->private, handle);

    if (r < 0 && detector->error == 0)
        detector->error = r;
    kw_hex(ret_handle, handle, sizeof(handle));
}

static int host_emit(void *context, const struct kinward_hit *hit)
{
    return kw_hit_emit(context, hit);
}

const struct kinward_rules_host kw_rules_host = {
    .size = sizeof(kw_rules_host),
    .minor = KINWARD_RULES_MINOR,
    .text = host_text,
    .find = host_find,
    .next = host_next,
    .days = host_days,
    .event = host_event,
    .standing = host_standing,
    .position = host_position,
    .today = host_today,
    .parameter = host_parameter,
    .related = host_related,
    .linked = host_linked,
    .compare = host_compare,
    .handle = host_handle,
    .emit = host_emit,
};
