/* SPDX-License-Identifier: Apache-2.0 */
/* test_append.c - outcomes, batches, reading back, roll back: memory is always what a new start would read. */
#include "fixture.h"

static void an_entry_comes_back_whole(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = open_reader();
    struct kw_entry entry;
    struct kw_fault fault = {0};
    uint64_t position, last;
    begin(journal);
    for (int i = 1; i <= 300; i++) {
        assert_int_equal(add(journal, i, "a", NULL, &position), KW_ACCEPTED);
        assert_int_equal(position, i);
    }
    assert_int_equal(kw_journal_last(reader, &last, NULL), 0);
    assert_int_equal(last, 0);
    assert_int_equal(kw_journal_read(reader, 1, &entry, &fault), -ENOENT);
    assert_int_equal(fault.code, KW_E_NOT_FOUND);
    assert_int_equal(kw_journal_read(kw_journal_self(journal), 300, &entry, NULL), 0);
    commit(journal);
    for (int i = 300; i >= 1; i--) {
        assert_int_equal(kw_journal_read(reader, (uint64_t)i, &entry, NULL), 0);
        check_entry(&entry, (uint64_t)i, i, "a");
    }
    assert_int_equal(kw_journal_read(reader, 0, &entry, NULL), -ENOENT);
    assert_int_equal(kw_journal_read(reader, 301, &entry, NULL), -ENOENT);
    check_memory(&journal);
}

static void outcomes_follow_source_content_and_mapping(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    static const struct {
        int number;
        const char *content, *mapping;
        enum kw_code outcome;
        uint64_t position;
    } steps[] = {
        {1, "a", NULL, KW_ACCEPTED, 1}, {1, "a", NULL, KW_DUPLICATE, 1}, {1, "b", NULL, KW_CONFLICT, 1},
        {2, "a", "m1", KW_ACCEPTED, 2}, {2, "a", "m1", KW_DUPLICATE, 2}, {2, "a", "m2", KW_DUPLICATE, 2},
        {2, "b", "m1", KW_CONFLICT, 2}, /* the same mapping cannot give two results */
        {2, "b", "m2", KW_REMAPPED, 3}, {2, "b", "m2", KW_DUPLICATE, 3}, {2, "a", "m1", KW_DUPLICATE, 2},
        {2, "c", "m1", KW_CONFLICT, 3}, {2, "c", "m3", KW_REMAPPED, 4},  {2, "d", NULL, KW_CONFLICT, 4},
        {1, "c", "m1", KW_CONFLICT, 1},
    };
    for (int committed = 0; committed < 2; committed++) { /* first all in one transaction that is taken back */
        begin(journal);
        for (size_t i = 0; i < KW_COUNT(steps); i++) {
            uint64_t position;
            assert_int_equal(add(journal, steps[i].number, steps[i].content, steps[i].mapping, &position), steps[i].outcome);
            assert_int_equal(position, steps[i].position);
            if (committed) {
                commit(journal);
                check_memory(&journal);
                begin(journal);
            }
        }
        kw_journal_rollback(journal);
        check_memory(&journal);
    }
    struct kw_journal_counts counts;
    assert_int_equal(kw_journal_count(kw_journal_self(journal), &counts, NULL), 0);
    assert_int_equal(counts.entries, 4);
    assert_int_equal(counts.quarantined, 5); /* each conflict is kept */
    struct kw_refusal kept;
    assert_int_equal(kw_journal_quarantine_show(kw_journal_self(journal), 1, &kept, NULL), 0);
    assert_int_equal(kept.code, KW_CONFLICT);
    assert_true(kw_view_is(kept.body, "<record>1 b SECRETNAME</record>"));
    assert_true(kw_view_is(kept.origin_leaf, "leaf 1 b"));
}

static void acts_have_no_source(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    struct kw_entry_new act = {.kind = KW_ENTRY_ACT, .record = kw_view_text("{\"act\":1}"), .received_ms = 5};
    enum kw_code outcome;
    uint64_t position;
    begin(journal);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(kw_journal_append(journal, &act, &outcome, &position, NULL), 0);
        assert_int_equal(outcome, KW_ACCEPTED);
        assert_int_equal(position, i);
    }
    commit(journal);
    check_memory(&journal);
    struct kw_entry entry;
    assert_int_equal(kw_journal_read(kw_journal_self(journal), 3, &entry, NULL), 0);
    assert_int_equal(entry.kind, KW_ENTRY_ACT);
    assert_true(kw_view_is(entry.record, "{\"act\":1}"));
    assert_int_equal(entry.image.size + entry.origin_leaf.size, 0);
}

static void what_is_no_entry_dooms_the_transaction(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    struct kw_entry_new bad = {.kind = KW_ENTRY_KIND_END, .record = kw_view_text("x")};
    static uint64_t found[KW_FOUND_MAX + 1];
    static char text[2000];
    enum kw_code outcome;
    uint64_t position;
    for (int i = 0; i < 4; i++) {
        begin(journal);
        assert_int_equal(add(journal, 1, "a", NULL, &position), KW_ACCEPTED);
        assert_true(kw_journal_append(journal, &bad, &outcome, &position, NULL) < 0);
        assert_true(kw_journal_append(journal, &bad, &outcome, &position, NULL) < 0);
        assert_true(kw_journal_commit(journal, NULL) < 0);
        check_memory(&journal);
        bad.kind = KW_ENTRY_RECORD;
        bad.found = found;
        bad.found_count = i == 0 ? KW_FOUND_MAX + 1 : 0;
        if (i == 1)
            bad.record.size = 0;
        if (i == 2) {
            memset(text, 'i', sizeof(text) - 1);
            bad.record = bad.source_id = kw_view_text(text);
        }
    }
    struct kw_entry entry;
    assert_int_equal(kw_journal_read(kw_journal_self(journal), 1, &entry, NULL), -ENOENT);
}

static void batches_give_the_same_bytes(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    struct kw_journal_batch one = batch_of(1, 1, "receipt one"), two = batch_of(1, 2, "receipt two"),
                            other = batch_of(70, 1, "of another");
    struct kw_fault fault = {0};
    uint8_t id[16];
    assert_int_equal(kw_journal_last_batch(journal, 1, id), -ENOENT);
    begin(journal);
    assert_int_equal(kw_journal_batch_next(journal), 1);
    assert_int_equal(kw_journal_batch_add(journal, &one, NULL), 0);
    kw_journal_rollback(journal);
    check_memory(&journal);
    begin(journal);
    assert_int_equal(kw_journal_batch_add(journal, &one, NULL), 0);
    assert_int_equal(kw_journal_batch_add(journal, &other, NULL), 0);
    assert_int_equal(kw_journal_batch_add(journal, &two, NULL), 0);
    assert_int_equal(kw_journal_last_batch(journal, 1, id), -ENOENT); /* not committed */
    commit(journal);
    check_memory(&journal);
    assert_int_equal(kw_journal_last_batch(journal, 1, id), 0);
    assert_memory_equal(id, two.id, sizeof(id));
    assert_int_equal(kw_journal_last_batch(journal, 70, id), 0);
    assert_memory_equal(id, other.id, sizeof(id));
    assert_int_equal(kw_journal_last_batch(journal, 71, id), -ENOENT);
    KW_AUTO(kw_buf_clear) struct kw_buf receipt = {0};
    assert_int_equal(kw_journal_batch_find(journal, 1, one.id, one.digest, &receipt, &fault), 0);
    assert_true(kw_view_is(kw_view_of(&receipt), "receipt one"));
    assert_int_equal(kw_journal_batch_find(journal, 1, one.id, two.digest, &receipt, &fault), -EEXIST);
    assert_int_equal(fault.code, KW_E_BATCH_REUSED);
    assert_int_equal(kw_journal_batch_find(journal, 2, one.id, one.digest, &receipt, &fault), -ENOENT);
    struct kw_journal_batch back;
    assert_int_equal(kw_journal_batch_read(kw_journal_self(journal), 2, &back, NULL), 0);
    assert_true(kw_view_equal(back.receipt, other.receipt) && kw_view_equal(back.leaves, other.leaves));
    assert_memory_equal(back.signature, other.signature, sizeof(back.signature));
    assert_memory_equal(back.root, other.root, sizeof(back.root));
    assert_int_equal(back.count, 1);
    assert_int_equal(kw_journal_batch_read(kw_journal_self(journal), 4, &back, NULL), -ENOENT);
}

struct seen {
    uint64_t next;
    int stop_at, answer;
};

static int see_entry(void *context, const struct kw_entry *entry)
{
    struct seen *seen = context;
    check_entry(entry, ++seen->next, (int)entry->position, "a");
    return entry->position == (uint64_t)seen->stop_at ? seen->answer : 0;
}

static int see_keys(void *context, uint64_t position, enum kw_entry_kind kind, const uint64_t *found, size_t count)
{
    struct seen *seen = context;
    assert_true(position == ++seen->next && kind == KW_ENTRY_RECORD && count == position % 4);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(found[i], position * 1000 + i);
    return 0;
}

static int see_commitment(void *context, uint64_t position, enum kw_entry_kind kind, const uint8_t commitment[KW_HASH_SIZE])
{
    struct seen *seen = context;
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = open_reader();
    struct kw_entry entry;
    assert_int_equal(kw_journal_read(reader, position, &entry, NULL), 0);
    assert_memory_equal(entry.commitment, commitment, KW_HASH_SIZE);
    assert_true(position == ++seen->next && kind == KW_ENTRY_RECORD);
    return 0;
}

static int see_position(void *context, uint64_t position)
{
    struct seen *seen = context;
    seen->next = seen->next * 100 + position;
    return 0;
}

static void scans_go_in_order(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = open_reader();
    struct seen seen = {0};
    uint64_t position;
    begin(journal);
    for (int i = 1; i <= 50; i++)
        add(journal, i, "a", NULL, &position);
    commit(journal);
    assert_int_equal(kw_journal_scan(reader, 0, 1000, see_entry, &seen, NULL), 0);
    assert_int_equal(seen.next, 50);
    seen = (struct seen){.next = 10, .stop_at = 20, .answer = 7};
    assert_int_equal(kw_journal_scan(reader, 10, 1000, see_entry, &seen, NULL), 7);
    assert_int_equal(seen.next, 20);
    seen = (struct seen){.next = 10};
    assert_int_equal(kw_journal_scan(reader, 10, 5, see_entry, &seen, NULL), 0);
    assert_int_equal(seen.next, 15);
    seen = (struct seen){.next = 10};
    assert_int_equal(kw_journal_scan_keys(reader, 10, 30, see_keys, &seen, NULL), 0);
    assert_int_equal(seen.next, 30);
    seen = (struct seen){0};
    assert_int_equal(kw_journal_scan_commitments(reader, 0, 9, see_commitment, &seen, NULL), 0);
    assert_int_equal(seen.next, 9);
    begin(journal);
    struct draft it;
    enum kw_code outcome;
    draft(&it, 7, "later", NULL)->source_version = kw_view_text("v9");
    assert_int_equal(kw_journal_append(journal, &it.entry, &outcome, &position, NULL), 0);
    commit(journal);
    seen = (struct seen){0};
    assert_int_equal(kw_journal_history(reader, kw_view_text("civil"), kw_view_text("id-7"), see_position, &seen, NULL), 0);
    assert_int_equal(seen.next, 751);
    seen = (struct seen){0};
    assert_int_equal(kw_journal_history(reader, kw_view_text("other"), kw_view_text("id-7"), see_position, &seen, NULL), 0);
    assert_int_equal(seen.next, 0);
}

static void no_failed_allocation_leaves_a_trace(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool done = false;
        for (int n = 0; n < 200 && !done; n++) {
            struct draft it;
            enum kw_code outcome;
            uint64_t position, before = journal->kept.position;
            struct kw_journal_batch batch = batch_of(3, 50 * for_ever + n, "receipt");
            kw_alloc_fail_after(n, for_ever);
            int error = kw_journal_begin(journal, NULL);
            for (int i = 0; i < 40 && error == 0; i++)
                error = kw_journal_append(journal, draft(&it, 1000 * for_ever + 10 * n + i, "a", "m"), &outcome, &position, NULL);
            if (error == 0)
                error = kw_journal_batch_add(journal, &batch, NULL);
            if (error == 0)
                error = kw_journal_commit(journal, NULL);
            kw_alloc_fail_after(-1, false);
            done = error == 0 && n > 0;
            assert_true(error == 0 || error == -ENOMEM);
            if (error < 0) {
                kw_journal_rollback(journal);
                assert_int_equal(journal->now.position, before);
            }
            check_memory(&journal);
        }
        assert_true(done);
    }
}

/* Transactions of any size, every third taken back, in few shards with few homes: probes are long, wrap around, and the shards
 * grow between a change and its undoing. */
static void the_memory_hash_takes_back_everything(void **state)
{
    struct kw_tagmap *map = kw_alloc(sizeof(*map));
    uint64_t seed = 7, number = 0, count, sum;
    for (int round = 0; round < 60; round++) {
        sum = tagmap_sum(map, &count);
        for (int i = 0; i < round * 3; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint64_t tag = (seed >> 62) << 62 | (0xffffffff - (seed >> 40) % 97), found; /* homes at the end of any capacity */
            uint32_t at = 0;
            assert_int_equal(kw_tagmap_prepare(map, tag), 0);
            uint64_t before = i % 3 == 0 ? kw_tagmap_find(map, tag, &at) : 0;
            kw_tagmap_put(map, tag, ++number, before);
            at = 0;
            while ((found = kw_tagmap_find(map, tag, &at)) != 0 && found != number)
                assert_int_not_equal(found, before);
            assert_int_equal(found, number);
        }
        if (round % 3 == 0) {
            kw_tagmap_undo(map);
            assert_true(sum == tagmap_sum(map, &count));
        } else {
            kw_tagmap_keep(map);
        }
    }
    assert_true(count > 1000);
    size_t slots = 0;
    for (size_t i = 0; i < TAGMAP_SHARDS; i++)
        slots += map->shards[i].capacity;
    assert_int_equal(map->bytes, slots * sizeof(struct kw_tag_slot));
    kw_tagmap_clear(map);
    kw_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(an_entry_comes_back_whole),
        IN_SCRATCH(outcomes_follow_source_content_and_mapping),
        IN_SCRATCH(acts_have_no_source),
        IN_SCRATCH(what_is_no_entry_dooms_the_transaction),
        IN_SCRATCH(batches_give_the_same_bytes),
        IN_SCRATCH(scans_go_in_order),
        IN_SCRATCH(no_failed_allocation_leaves_a_trace),
        cmocka_unit_test(the_memory_hash_takes_back_everything),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
