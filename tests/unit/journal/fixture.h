/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a journal in a temporary folder, and entries made from a number. */
#ifndef KINWARD_TEST_JOURNAL_FIXTURE_H
#define KINWARD_TEST_JOURNAL_FIXTURE_H

#include "../store/scratch.h"
#include "journal/private.h"

#include <fcntl.h>
#include <signal.h>
#include <cmocka.h>

static const uint8_t vault[KW_KEY_SIZE] = "a vault key for the journal test";

static inline struct kw_journal *open_journal(void)
{
    struct kw_journal *journal = NULL;
    struct kw_fault fault = {0};
    int error = kw_journal_open(scratch, vault, &journal, &fault);
    if (error < 0)
        print_message("# open: %s: %s\n", fault.place, fault.message);
    assert_int_equal(error, 0);
    return journal;
}

static inline struct kw_journal_reader *open_reader(void)
{
    struct kw_journal_reader *reader = NULL;
    assert_int_equal(kw_journal_reader_open(scratch, vault, &reader, NULL), 0);
    return reader;
}

/* The texts of an entry; what differs between two of them is what the test says. */
struct draft {
    char id[32], version[16], record[128], image[64], leaf[32], raw[32], mapping[16];
    uint64_t found[3];
    struct kw_entry_new entry;
};

static inline struct kw_entry_new *draft(struct draft *draft, int number, const char *content, const char *mapping)
{
    memset(draft, 0, sizeof(*draft));
    snprintf(draft->id, sizeof(draft->id), "id-%d", number);
    snprintf(draft->version, sizeof(draft->version), "v%d", number % 3);
    snprintf(draft->record, sizeof(draft->record), "<record>%d %s SECRETNAME</record>", number, content);
    snprintf(draft->image, sizeof(draft->image), "image of %d %s", number, content);
    snprintf(draft->leaf, sizeof(draft->leaf), "leaf %d %s", number, content);
    snprintf(draft->mapping, sizeof(draft->mapping), "%s", mapping ? mapping : "");
    snprintf(draft->raw, sizeof(draft->raw), mapping ? "raw-of-%d" : "", number);
    for (size_t i = 0; i < KW_COUNT(draft->found); i++)
        draft->found[i] = (uint64_t)number * 1000 + i;
    draft->entry = (struct kw_entry_new){.kind = KW_ENTRY_RECORD,
                                         .principal = 2,
                                         .slot = (uint32_t)number,
                                         .batch = 1,
                                         .flags = number % 2 ? KW_ENTRY_BACKFILL : 0,
                                         .received_ms = 1700000000000 + number,
                                         .record = kw_view_text(draft->record),
                                         .image = kw_view_text(draft->image),
                                         .origin_leaf = kw_view_text(draft->leaf),
                                         .registry = kw_view_text("civil"),
                                         .source_id = kw_view_text(draft->id),
                                         .source_version = kw_view_text(draft->version),
                                         .raw_hash = kw_view_text(draft->raw),
                                         .mapping = kw_view_text(draft->mapping),
                                         .found = draft->found,
                                         .found_count = (size_t)number % 4};
    return &draft->entry;
}

static inline enum kw_code add(struct kw_journal *journal, int number, const char *content, const char *mapping,
                               uint64_t *ret_position)
{
    struct draft it;
    enum kw_code outcome = KW_OK;
    *ret_position = 0;
    assert_int_equal(kw_journal_append(journal, draft(&it, number, content, mapping), &outcome, ret_position, NULL), 0);
    return outcome;
}

/* Whether the entry at position is exactly the draft of number. */
static inline void check_entry(const struct kw_entry *entry, uint64_t position, int number, const char *content)
{
    struct draft it;
    const struct kw_entry_new *from = draft(&it, number, content, NULL);
    assert_true(entry->position == position && entry->kind == from->kind && entry->principal == from->principal);
    assert_true(entry->slot == from->slot && entry->flags == from->flags && entry->batch == from->batch);
    assert_true(entry->received_ms == from->received_ms && !entry->erased);
    assert_true(kw_view_equal(entry->record, from->record));
    assert_true(kw_view_equal(entry->image, from->image));
    assert_true(kw_view_equal(entry->origin_leaf, from->origin_leaf));
}

static inline void begin(struct kw_journal *journal)
{
    assert_int_equal(kw_journal_begin(journal, NULL), 0);
}

static inline void commit(struct kw_journal *journal)
{
    assert_int_equal(kw_journal_commit(journal, NULL), 0);
}

/* A batch of one leaf whose bytes come from the number. */
static inline struct kw_journal_batch batch_of(uint32_t principal, int number, const char *receipt)
{
    static uint8_t leaf[KW_HASH_SIZE];
    struct kw_journal_batch batch = {
        .principal = principal, .count = 1, .at_ms = number, .leaves = {leaf, sizeof(leaf)}, .receipt = kw_view_text(receipt)};
    snprintf((char *)batch.id, sizeof(batch.id), "batch-%d", number);
    memset(batch.digest, number, sizeof(batch.digest));
    memset(batch.signature, number + 1, sizeof(batch.signature));
    memset(batch.root, number + 2, sizeof(batch.root));
    return batch;
}

static inline int start_crypto(void **state)
{
    (void)state;
    return kw_crypto_init();
}

#include "memory.h"

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

#endif
