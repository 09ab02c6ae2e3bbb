/* SPDX-License-Identifier: Apache-2.0 */
/* world.c - a small world for the tests of rules. */
#include "world.h"

#include "pack.h"

#include <errno.h>
#include <string.h>

const uint8_t world_vault[32] = {7, 7, 7, 1};

static int world_read(void *context, uint64_t position, struct kw_buf *ret_image, int64_t *ret_received_ms, unsigned *ret_kind)
{
    struct world *world = context;
    struct world_entry *entry;

    if (position == 0 || position > world->count)
        return -ENOENT;
    entry = &world->entries[position - 1];
    *ret_received_ms = entry->received_ms;
    *ret_kind = entry->kind;
    return kw_buf_append(ret_image, entry->image.data, entry->image.size);
}

static void make_detector(struct world *world)
{
    static const struct kinward_rule_pack *const packs[] = {&rules_child_protection};
    struct kw_detect_source source = {world, world_read};
    struct kw_fault fault = {0};

    if (kw_detector_new(packs, 1, &world->config, world_vault, source, &world->detector, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
}

void world_start(struct world *world, const struct kw_detect_config *config)
{
    memset(world, 0, sizeof(*world));
    world->now_ms = INT64_C(1783872000000); /* 2026-07-12T16:00:00Z */
    if (config != NULL)
        world->config = *config;
    assert_int_equal(kw_crypto_init(), 0);
    assert_int_equal(kw_validator_new(&world->validator), 0);
    make_detector(world);
}

static void drop_watches(struct world *world)
{
    for (size_t i = 0; i < world->watch_count; i++)
        kw_free(world->watches[i].keys);
    world->watch_count = 0;
}

void world_stop(struct world *world)
{
    kw_detector_freep(&world->detector);
    kw_detection_clear(&world->detection);
    for (uint64_t i = 0; i < world->count; i++)
        kw_buf_clear(&world->entries[i].image);
    drop_watches(world);
    kw_validator_freep(&world->validator);
}

void world_restart(struct world *world, uint64_t upto)
{
    kw_detector_freep(&world->detector);
    make_detector(world);
    for (uint64_t i = 1; i <= upto; i++)
        assert_int_equal(kw_detect_restore(world->detector, i, world->entries[i - 1].kind, world->entries[i - 1].found,
                                           world->entries[i - 1].found_count),
                         0);
    for (size_t i = 0; i < world->watch_count; i++)
        assert_int_equal(kw_detect_restore_watch(world->detector, &world->watches[i]), 0);
}

static int take_key(void *context, uint64_t key)
{
    struct world_entry *entry = context;

    assert_true(entry->found_count < KW_COUNT(entry->found));
    entry->found[entry->found_count++] = key;
    return 0;
}

static void keep_watches(struct world *world)
{
    for (size_t i = 0; i < world->detection.watch_count; i++) {
        const struct kw_watch *from = &world->detection.watches[i];
        struct kw_watch *to = &world->watches[world->watch_count++];

        assert_true(world->watch_count < KW_COUNT(world->watches));
        *to = *from;
        to->keys = kw_alloc((from->count + 1) * sizeof(*to->keys));
        memcpy(to->keys, from->keys, from->count * sizeof(*to->keys));
    }
}

uint64_t world_replay(struct world *world, uint64_t position)
{
    struct world_entry *entry = &world->entries[position - 1];
    struct kw_detect_entry given = {.position = position,
                                    .kind = entry->kind,
                                    .backfill = entry->backfill,
                                    .received_ms = entry->received_ms,
                                    .image = kw_view_of(&entry->image)};
    struct kw_fault fault = {0};

    if (position % 2 == 0) { /* both ways of giving the keys */
        given.found = entry->found;
        given.found_count = entry->found_count;
    }
    bool quiet;
    assert_int_equal(kw_detect_quiet(world->detector, entry->kind, entry->found, entry->found_count, &quiet), 0);
    if (kw_detect_inspect(world->detector, &given, &world->detection, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    if (quiet) { /* what need not be looked at has nothing to say */
        const struct kw_detection *said = &world->detection;
        assert_int_equal(said->hit_count + said->evaluated_count + said->watch_count + said->answer, 0);
    }
    return position;
}

static void validate(struct world *world, const struct spec *spec, struct kw_buf *ret_image)
{
    struct kw_buf text = {0};
    struct kw_fault fault = {0};
    const char *date = spec->date ? spec->date : "2026-07-12";
    char id[32], when[128];

    snprintf(id, sizeof(id), "r-%u", (unsigned)world->count + 1);
    if (strcmp(date, "-") == 0)
        snprintf(when, sizeof(when), "<absentReason>unknown</absentReason>");
    else
        snprintf(when, sizeof(when), "<value>%s</value>", date);
    assert_int_equal(
        kw_buf_format(&text,
                      "<record xmlns=\"urn:kinward:record:1\"><sourceRecord><registry>r.one</registry><system>s</system>"
                      "<jurisdiction>KE</jurisdiction><id>%s</id><version>%s</version></sourceRecord>"
                      "<eventType>%s</eventType><status>%s</status>"
                      "<event><date>%s</date></event>%s</record>",
                      spec->id ? spec->id : id, spec->version ? spec->version : "1", spec->event,
                      spec->status ? spec->status : "registered", when, spec->inner ? spec->inner : ""),
        0);
    if (kw_validate(world->validator, kw_view_of(&text), NULL, ret_image, NULL, &fault) < 0)
        fail_msg("%s: %s: %s", spec->event, fault.place, fault.message);
    kw_buf_clear(&text);
}

uint64_t world_put(struct world *world, struct spec spec)
{
    struct world_entry *entry = &world->entries[world->count];
    struct kw_image image;
    uint8_t secret[32];

    assert_true(world->count < KW_COUNT(world->entries));
    validate(world, &spec, &entry->image);
    entry->kind = spec.kind ? spec.kind : 1;
    entry->backfill = spec.backfill;
    entry->received_ms = world->now_ms;
    kw_derive(world_vault, "kwmatch\0", 1, secret);
    assert_int_equal(kw_image_open(kw_view_of(&entry->image), &image), 0);
    assert_int_equal(kw_match_keys(&image, secret, take_key, entry), 0);
    world->count++;
    world_replay(world, world->count);
    keep_watches(world);
    return world->count;
}

const struct kw_hit *world_hit(const struct world *world, const char *rule, uint64_t subject)
{
    for (size_t i = 0; i < world->detection.hit_count; i++)
        if (strcmp(world->detection.hits[i].rule, rule) == 0 && world->detection.hits[i].subject == subject)
            return &world->detection.hits[i];
    return NULL;
}

bool world_evaluated(const struct world *world, const char *rule, uint64_t subject)
{
    for (size_t i = 0; i < world->detection.evaluated_count; i++)
        if (strcmp(world->detection.evaluated[i].rule, rule) == 0 && world->detection.evaluated[i].subject == subject)
            return true;
    return false;
}

uint32_t world_cause(const struct kw_hit *hit, const char *code)
{
    for (size_t i = 0; i < hit->cause_count; i++)
        if (strcmp(hit->causes[i].code, code) == 0)
            return hit->causes[i].state;
    return 99;
}

const struct kw_fact *world_fact(const struct kw_hit *hit, const char *code)
{
    for (size_t i = 0; i < hit->fact_count; i++)
        if (strcmp(hit->facts[i].code, code) == 0)
            return &hit->facts[i];
    return NULL;
}
