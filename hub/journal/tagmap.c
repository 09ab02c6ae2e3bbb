/* SPDX-License-Identifier: Apache-2.0 */
/* tagmap.c - memory hash from a tag to row numbers, with changes that can be taken back. */
#include "journal/private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define FIRST_CAPACITY 16

static struct kw_tag_shard *shard_of(struct kw_tagmap *map, uint64_t tag)
{
    return &map->shards[tag >> 54]; /* the top ten bits; the place in the shard comes from the low ones */
}

static uint32_t home(const struct kw_tag_shard *shard, uint64_t tag)
{
    return (uint32_t)tag & (shard->capacity - 1);
}

static uint32_t next(const struct kw_tag_shard *shard, uint32_t at)
{
    return (at + 1) & (shard->capacity - 1);
}

static void place(struct kw_tag_shard *shard, uint64_t tag, uint64_t number)
{
    uint32_t at = home(shard, tag);
    while (shard->slots[at].number)
        at = next(shard, at);
    shard->slots[at] = (struct kw_tag_slot){tag, number};
    shard->count++;
}

static int grow(struct kw_tagmap *map, struct kw_tag_shard *shard, uint32_t capacity)
{
    struct kw_tag_shard bigger = {kw_alloc(capacity * sizeof(struct kw_tag_slot)), capacity, 0};
    if (!bigger.slots)
        return -ENOMEM;
    for (uint32_t i = 0; i < shard->capacity; i++)
        if (shard->slots[i].number)
            place(&bigger, shard->slots[i].tag, shard->slots[i].number);
    kw_free(shard->slots);
    atomic_fetch_add(&map->bytes, (capacity - shard->capacity) * sizeof(struct kw_tag_slot));
    *shard = bigger;
    return 0;
}

void kw_tagmap_clear(struct kw_tagmap *map)
{
    for (size_t i = 0; i < TAGMAP_SHARDS; i++)
        kw_free(map->shards[i].slots);
    kw_free(map->changes);
    memset(map, 0, sizeof(*map));
}

int kw_tagmap_reserve(struct kw_tagmap *map, uint64_t count)
{
    uint64_t each = count / TAGMAP_SHARDS + 1, capacity = FIRST_CAPACITY;
    while (capacity * 3 / 4 < each + each / 8)
        capacity *= 2;
    for (size_t i = 0; i < TAGMAP_SHARDS; i++)
        if (map->shards[i].capacity < capacity && grow(map, &map->shards[i], (uint32_t)capacity) < 0)
            return -ENOMEM;
    return 0;
}

int kw_tagmap_prepare(struct kw_tagmap *map, uint64_t tag)
{
    if (map->changed == map->room) {
        size_t room = map->room ? 2 * map->room : 64;
        struct kw_tag_change *more = kw_resize(map->changes, room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        map->changes = more;
        map->room = room;
    }
    struct kw_tag_shard *shard = shard_of(map, tag);
    if (shard->count + 1 <= shard->capacity - shard->capacity / 4)
        return 0;
    return grow(map, shard, shard->capacity ? 2 * shard->capacity : FIRST_CAPACITY);
}

static uint32_t locate(const struct kw_tag_shard *shard, uint64_t tag, uint64_t number)
{
    uint32_t at = home(shard, tag);
    while (shard->slots[at].tag != tag || shard->slots[at].number != number) {
        assert(shard->slots[at].number);
        at = next(shard, at);
    }
    return at;
}

/* Linear probing without tombstones: what follows moves up into the hole as long as that is not before its home. */
static void take_out(struct kw_tag_shard *shard, uint32_t hole)
{
    for (uint32_t at = next(shard, hole); shard->slots[at].number; at = next(shard, at)) {
        uint32_t mask = shard->capacity - 1, wanted = home(shard, shard->slots[at].tag);
        if (((at - wanted) & mask) < ((at - hole) & mask))
            continue;
        shard->slots[hole] = shard->slots[at];
        hole = at;
    }
    shard->slots[hole] = (struct kw_tag_slot){0};
    shard->count--;
}

void kw_tagmap_put(struct kw_tagmap *map, uint64_t tag, uint64_t number, uint64_t before)
{
    struct kw_tag_shard *shard = shard_of(map, tag);
    assert(number && map->changed < map->room);
    if (before)
        shard->slots[locate(shard, tag, before)].number = number;
    else
        place(shard, tag, number);
    map->changes[map->changed++] = (struct kw_tag_change){tag, number, before};
}

uint64_t kw_tagmap_find(const struct kw_tagmap *map, uint64_t tag, uint32_t *at)
{
    const struct kw_tag_shard *shard = &map->shards[tag >> 54];
    if (shard->capacity == 0)
        return 0;
    for (;;) { /* *at counts the slots looked at so far; there is always an empty one */
        const struct kw_tag_slot *slot = &shard->slots[(home(shard, tag) + *at) & (shard->capacity - 1)];
        if (!slot->number)
            return 0;
        ++*at;
        if (slot->tag == tag)
            return slot->number;
    }
}

void kw_tagmap_prefetch(const struct kw_tagmap *map, uint64_t tag)
{
    const struct kw_tag_shard *shard = &map->shards[tag >> 54];
    if (shard->capacity)
        __builtin_prefetch(&shard->slots[home(shard, tag)], 1);
}

void kw_tagmap_keep(struct kw_tagmap *map)
{
    map->changed = 0;
}

void kw_tagmap_undo(struct kw_tagmap *map)
{
    while (map->changed) {
        const struct kw_tag_change *change = &map->changes[--map->changed];
        struct kw_tag_shard *shard = shard_of(map, change->tag);
        uint32_t at = locate(shard, change->tag, change->number);
        if (change->before)
            shard->slots[at].number = change->before;
        else
            take_out(shard, at);
    }
}
