/* SPDX-License-Identifier: Apache-2.0 */
/* index.c - from a key to the positions that carry it, in memory.
 *
 * 4096 tables of slots {tag, value}, chosen by 12 bits of the key; the tag is
 * 32 other bits and also gives the home slot, so that a table grows without
 * the key. A value is a position, or the head of a chain of postings. Small
 * tables keep the pause of growing one below a tenth of a millisecond.
 */
#include "match/match.h"

#include <errno.h>
#include <string.h>

enum { TABLE_BITS = 12, TABLES = 1 << TABLE_BITS, CHUNK = 1 << 14, TABLE_LEAST = 16 };
#define CHAIN     0x80000000u /* the value is a posting's number */
#define LAST      UINT32_MAX  /* no next posting */
#define EMPTY     0u          /* position 0 does not exist */
#define FULL_PER8 6u          /* a table grows beyond six eighths */

struct slot {
    uint32_t tag, value;
};

struct table {
    struct slot *slots;
    uint32_t capacity, used;
};

struct posting {
    uint32_t position, next;
};

struct kw_match_index {
    struct table tables[TABLES];
    struct posting **chunks;
    size_t chunk_count, chunk_room;
    uint32_t postings;
    uint64_t last;
    size_t bytes;
};

int kw_match_index_new(struct kw_match_index **ret_index)
{
    struct kw_match_index *index = kw_alloc(sizeof(*index));

    if (index == NULL)
        return -ENOMEM;
    index->bytes = sizeof(*index);
    *ret_index = index;
    return 0;
}

void kw_match_index_free(struct kw_match_index *index)
{
    if (index == NULL)
        return;
    for (size_t i = 0; i < TABLES; i++)
        kw_free(index->tables[i].slots);
    for (size_t i = 0; i < index->chunk_count; i++)
        kw_free(index->chunks[i]);
    kw_free(index->chunks);
    kw_free(index);
}

void kw_match_index_freep(struct kw_match_index **index)
{
    kw_match_index_free(*index);
    *index = NULL;
}

static uint32_t table_of(uint64_t key)
{
    return (uint32_t)(key >> 32) & (TABLES - 1);
}

static struct posting *posting_at(const struct kw_match_index *index, uint32_t number)
{
    return &index->chunks[number / CHUNK][number % CHUNK];
}

/* The slot that holds tag, or the empty one where it would go. The table has an empty slot always. */
static struct slot *slot_find(const struct table *table, uint32_t tag)
{
    uint32_t at = (uint32_t)(((uint64_t)tag * table->capacity) >> 32);

    while (table->slots[at].value != EMPTY && table->slots[at].tag != tag)
        at = at + 1 == table->capacity ? 0 : at + 1;
    return &table->slots[at];
}

static int table_reserve(struct kw_match_index *index, struct table *table, uint32_t more)
{
    struct table grown = {0};
    uint32_t capacity = table->capacity < TABLE_LEAST ? TABLE_LEAST : table->capacity;

    if ((uint64_t)(table->used + more) * 8 <= (uint64_t)table->capacity * FULL_PER8)
        return 0;
    while ((uint64_t)(table->used + more) * 8 > (uint64_t)capacity * FULL_PER8)
        capacity += capacity / 2;
    grown.slots = kw_alloc((size_t)capacity * sizeof(*grown.slots));
    if (grown.slots == NULL)
        return -ENOMEM;
    grown.capacity = capacity;
    grown.used = table->used;
    for (uint32_t i = 0; i < table->capacity; i++)
        if (table->slots[i].value != EMPTY)
            *slot_find(&grown, table->slots[i].tag) = table->slots[i];
    index->bytes += (size_t)(capacity - table->capacity) * sizeof(*grown.slots);
    kw_free(table->slots);
    *table = grown;
    return 0;
}

static int postings_reserve(struct kw_match_index *index, size_t more)
{
    if (index->postings + more >= CHAIN)
        return -EOVERFLOW;
    while (index->chunk_count * CHUNK < index->postings + more) {
        struct posting *chunk;

        if (index->chunk_count == index->chunk_room) {
            size_t room = index->chunk_room == 0 ? 16 : index->chunk_room * 2;
            struct posting **chunks = kw_resize(index->chunks, room * sizeof(struct posting *));

            if (chunks == NULL)
                return -ENOMEM;
            index->bytes += (room - index->chunk_room) * sizeof(struct posting *);
            index->chunks = chunks;
            index->chunk_room = room;
        }
        chunk = kw_alloc(CHUNK * sizeof(*chunk));
        if (chunk == NULL)
            return -ENOMEM;
        index->chunks[index->chunk_count++] = chunk;
        index->bytes += CHUNK * sizeof(*chunk);
    }
    return 0;
}

static uint32_t posting_add(struct kw_match_index *index, uint32_t position, uint32_t next)
{
    uint32_t number = index->postings++;

    *posting_at(index, number) = (struct posting){position, next};
    return number;
}

/* Room was reserved before. True when an earlier record carries the key. */
static bool key_add(struct kw_match_index *index, uint64_t key, uint32_t position)
{
    struct table *table = &index->tables[table_of(key)];
    struct slot *slot = slot_find(table, (uint32_t)key);
    uint32_t newest;

    if (slot->value == EMPTY) {
        *slot = (struct slot){(uint32_t)key, position};
        table->used++;
        return false;
    }
    newest = (slot->value & CHAIN) ? posting_at(index, slot->value & ~CHAIN)->position : slot->value;
    if (newest == position) /* twice in one record */
        return (slot->value & CHAIN) != 0;
    if ((slot->value & CHAIN) == 0)
        slot->value = CHAIN | posting_add(index, slot->value, LAST);
    slot->value = CHAIN | posting_add(index, position, slot->value & ~CHAIN);
    return true;
}

int kw_match_index_add(struct kw_match_index *index, uint64_t position, const uint64_t *keys, size_t count, bool *ret_seen)
{
    bool seen = false;
    int r;

    if (position <= index->last)
        return -EINVAL;
    if (position >= CHAIN)
        return -EOVERFLOW;
    if (count > KW_LIMIT_MATCH_KEYS)
        return -E2BIG;
    r = postings_reserve(index, 2 * count);
    for (size_t i = 0; r == 0 && i < count; i++) {
        uint32_t same = 0; /* keys of this record that fall into the same table */

        for (size_t k = i; k < count; k++)
            same += table_of(keys[k]) == table_of(keys[i]);
        r = table_reserve(index, &index->tables[table_of(keys[i])], same);
    }
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        if (kw_match_key_kind(keys[i]) != KW_MATCH_EVENT && key_add(index, keys[i], (uint32_t)position))
            seen = true;
    index->last = position;
    if (ret_seen != NULL)
        *ret_seen = seen;
    return 0;
}

int kw_match_index_find(const struct kw_match_index *index, uint64_t key, int (*visit)(void *context, uint64_t position),
                        void *context)
{
    const struct table *table = &index->tables[table_of(key)];
    const struct slot *slot;
    int r = 0;

    if (table->capacity == 0)
        return 0;
    slot = slot_find(table, (uint32_t)key);
    if (slot->value == EMPTY)
        return 0;
    if ((slot->value & CHAIN) == 0)
        return visit(context, slot->value);
    for (uint32_t at = slot->value & ~CHAIN; r == 0 && at != LAST; at = posting_at(index, at)->next)
        r = visit(context, posting_at(index, at)->position);
    return r;
}

size_t kw_match_index_bytes(const struct kw_match_index *index)
{
    return index->bytes;
}
