/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h - what the journal holds in memory against what a new start reads (part of fixture.h). */
#ifndef KINWARD_TEST_JOURNAL_MEMORY_H
#define KINWARD_TEST_JOURNAL_MEMORY_H

static inline bool tagmap_has(const struct kw_tagmap *map, const struct kw_tag_slot *slot)
{
    uint32_t at = 0;
    uint64_t number;
    while ((number = kw_tagmap_find(map, slot->tag, &at)) != 0 && number != slot->number)
        ;
    return number != 0;
}

/* A sum over a memory hash that does not depend on the order of its slots; each of them must be found. */
static inline uint64_t tagmap_sum(const struct kw_tagmap *map, uint64_t *ret_count)
{
    uint64_t sum = 0, count = 0;
    for (size_t i = 0; i < TAGMAP_SHARDS; i++) {
        uint32_t used = 0;
        for (uint32_t k = 0; k < map->shards[i].capacity; k++) {
            const struct kw_tag_slot *slot = &map->shards[i].slots[k];
            used += slot->number != 0;
            assert_true(!slot->number || tagmap_has(map, slot));
            if (slot->number)
                sum += kw_siphash64((const uint8_t *)"a key of a test.", slot, sizeof(*slot));
        }
        assert_int_equal(used, map->shards[i].count);
        count += used;
    }
    *ret_count = count;
    return sum;
}

/* What the writer holds in memory must be what a new start would read. */
static inline void check_memory(struct kw_journal **journal)
{
    uint64_t counts[4];
    uint64_t sources = tagmap_sum(&(*journal)->sources, &counts[0]), batches = tagmap_sum(&(*journal)->batches, &counts[1]);
    struct kw_counters now = (*journal)->now, kept = (*journal)->kept;
    kw_journal_closep(journal);
    *journal = open_journal();
    assert_true(sources == tagmap_sum(&(*journal)->sources, &counts[2]) && counts[0] == counts[2]);
    assert_true(batches == tagmap_sum(&(*journal)->batches, &counts[3]) && counts[1] == counts[3]);
    assert_memory_equal(&now, &kept, sizeof(now));
    assert_memory_equal(&now, &(*journal)->now, sizeof(now));
}

#endif
