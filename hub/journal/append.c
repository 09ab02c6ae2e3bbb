/* SPDX-License-Identifier: Apache-2.0 */
/* append.c - the hot path: one row into entry, one into key, one slot in memory. */
#include "journal/private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define CHAIN_LIMIT 64 /* mappings of one source version that are looked at */

/* An entry on its way in. */
struct append {
    const struct kw_entry_new *from;
    struct kw_key_row row;
    uint8_t digest[KW_HASH_SIZE];
    uint64_t tag; /* 0: no source */
};

static int prepare(struct kw_journal *journal, const struct kw_entry_new *from, struct append *append)
{
    const struct kw_journal_keys *keys = &journal->self.keys;
    struct kw_key_row *row = &append->row;
    append->from = from;
    append->tag = 0;
    memset(row, 0, offsetof(struct kw_key_row, found));
    row->kind = (uint8_t)from->kind;
    row->found_count = from->found_count;
    if (from->found_count)
        memcpy(row->found, from->found, from->found_count * sizeof(uint64_t));
    kw_record_digest(from->record, from->origin_leaf, append->digest);
    kw_siphash128(keys->content, append->digest, sizeof(append->digest), row->content);
    if (from->source_id.size == 0)
        return 0;
    int error = kw_journal_source(keys, from->registry, from->source_id, from->source_version, row->source, &row->series);
    if (error < 0)
        return error;
    append->tag = kw_source_tag(row->source);
    if (append->tag == 0) { /* one in 2^64; zero means none */
        row->source[7] = 1;
        append->tag = 1;
    }
    if (from->raw_hash.size) {
        row->has_raw = 1;
        kw_siphash128(keys->content, from->raw_hash.data, from->raw_hash.size, row->raw);
        row->mapping = kw_siphash64(keys->content, from->mapping.data, from->mapping.size);
    }
    return kw_tagmap_prepare(&journal->sources, append->tag);
}

/* The newest stored row of this source; -ENOENT when there is none. */
static int find_source(struct kw_journal *journal, const struct append *append, struct kw_key_row *ret_row, struct kw_fault *fault)
{
    uint32_t at = 0;
    uint64_t position;
    while ((position = kw_tagmap_find(&journal->sources, append->tag, &at)) != 0) {
        int error = kw_key_row_read(&journal->self, position, ret_row, fault);
        if (error < 0)
            return error;
        if (memcmp(ret_row->source, append->row.source, sizeof(ret_row->source)) == 0)
            return 0;
    }
    return -ENOENT;
}

/* Compares with every stored mapping of the source, from the newest (in row, overwritten) back. */
static int compare(struct kw_journal *journal, struct append *append, struct kw_key_row *row, enum kw_code *ret_outcome,
                   uint64_t *ret_position, struct kw_fault *fault)
{
    uint64_t newest = row->position;
    bool remapped = append->row.has_raw;
    for (int i = 0; i < CHAIN_LIMIT; i++) {
        if (memcmp(row->content, append->row.content, sizeof(row->content)) == 0) {
            *ret_outcome = KW_DUPLICATE;
            *ret_position = row->position;
            return 0;
        }
        remapped = remapped && row->has_raw && row->mapping != append->row.mapping &&
                   memcmp(row->raw, append->row.raw, sizeof(row->raw)) == 0;
        if (row->previous == 0)
            break;
        int error = kw_key_row_read(&journal->self, row->previous, row, fault);
        if (error < 0)
            return error;
    }
    *ret_outcome = remapped ? KW_REMAPPED : KW_CONFLICT;
    *ret_position = newest;
    return 0;
}

/* Fills the journal's buffers with the wrapped key and the sealed body; entry's commitment is set. */
static int seal(struct kw_journal *journal, const struct append *append, struct kw_entry *entry)
{
    uint8_t body_key[KW_KEY_SIZE];
    struct kw_buf *plain = &journal->self.plain, *context = &journal->self.context;
    plain->size = context->size = journal->sealed.size = journal->wrapped.size = 0;
    int error = kw_entry_key_context(entry->position, context);
    if (error == 0)
        error = kw_row_key_new(&journal->self.keys, kw_view_of(context), &journal->wrapped, body_key, entry->salt);
    if (error < 0)
        return error;
    kw_commitment(entry->salt, append->digest, entry->commitment);
    context->size = 0;
    error = kw_entry_body_context(entry, context);
    const struct kw_view *items[] = {&append->from->record, &append->from->image, &append->from->origin_leaf};
    for (size_t i = 0; i < KW_COUNT(items) && error == 0; i++)
        error = kw_put_item(plain, items[i]->data, items[i]->size);
    if (error == 0)
        error = kw_encrypt(body_key, kw_view_of(context), kw_view_of(plain), &journal->sealed);
    kw_wipe(body_key, sizeof(body_key));
    return error;
}

static int insert_entry(struct kw_journal *journal, const struct kw_entry *entry, struct kw_fault *fault)
{
    struct kw_query *query;
    int error =
        kw_query(journal->self.store,
                 "INSERT INTO entry(position, kind, principal, batch, slot, flags, received_ms, commitment, wrapped_key, body)"
                 " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)entry->position);
    kw_bind_integer(query, 2, entry->kind);
    kw_bind_integer(query, 3, entry->principal);
    kw_bind_integer(query, 4, (int64_t)entry->batch);
    kw_bind_integer(query, 5, entry->slot);
    kw_bind_integer(query, 6, entry->flags);
    kw_bind_integer(query, 7, entry->received_ms);
    kw_bind_blob(query, 8, (struct kw_view){entry->commitment, sizeof(entry->commitment)});
    kw_bind_blob(query, 9, kw_view_of(&journal->wrapped));
    kw_bind_blob(query, 10, kw_view_of(&journal->sealed));
    return kw_query_run(query, NULL, fault);
}

static int insert_key(struct kw_journal *journal, const struct kw_key_row *row, struct kw_fault *fault)
{
    struct kw_query *query;
    uint8_t packed[KW_KEY_ROW_MAX];
    int error = kw_query(journal->self.store, "INSERT INTO key(position, packed) VALUES(?, ?)", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)row->position);
    kw_bind_blob(query, 2, (struct kw_view){packed, kw_key_row_pack(&journal->self.keys, row, packed)});
    return kw_query_run(query, NULL, fault);
}

static int store_entry(struct kw_journal *journal, struct append *append, uint64_t previous, struct kw_fault *fault)
{
    const struct kw_entry_new *from = append->from;
    struct kw_entry entry = {.position = journal->now.position + 1,
                             .batch = from->batch,
                             .kind = from->kind,
                             .principal = from->principal,
                             .slot = from->slot,
                             .flags = from->flags,
                             .received_ms = from->received_ms};
    if (seal(journal, append, &entry) < 0)
        return kw_journal_no_memory(fault);
    kw_wipe(entry.salt, sizeof(entry.salt));
    append->row.position = entry.position;
    append->row.previous = previous;
    int error = insert_entry(journal, &entry, fault);
    if (error == 0 && (error = kw_fault_point("journal.append")) < 0)
        return kw_fail(fault, error, KW_E_STORE, "append", "write failed");
    if (error == 0)
        error = insert_key(journal, &append->row, fault);
    if (error < 0)
        return error;
    if (append->tag)
        kw_tagmap_put(&journal->sources, append->tag, entry.position, previous);
    journal->now.position = entry.position;
    return 0;
}

static int keep_conflict(struct kw_journal *journal, const struct kw_entry_new *from, struct kw_fault *fault)
{
    struct kw_refusal refusal = {.kind = from->kind,
                                 .principal = from->principal,
                                 .slot = from->slot,
                                 .flags = from->flags,
                                 .batch = from->batch,
                                 .code = KW_CONFLICT,
                                 .at_ms = from->received_ms,
                                 .place = "journal",
                                 .body = from->record,
                                 .origin_leaf = from->origin_leaf};
    uint64_t number;
    return kw_journal_quarantine(journal, &refusal, &number, fault);
}

static int decide(struct kw_journal *journal, struct append *append, enum kw_code *ret_outcome, uint64_t *ret_position,
                  struct kw_fault *fault)
{
    struct kw_key_row row;
    int error = append->tag ? find_source(journal, append, &row, fault) : -ENOENT;
    if (error == 0)
        return compare(journal, append, &row, ret_outcome, ret_position, fault);
    if (error != -ENOENT)
        return error;
    *ret_outcome = KW_ACCEPTED;
    *ret_position = 0;
    return 0;
}

static int append_entry(struct kw_journal *journal, const struct kw_entry_new *from, enum kw_code *ret_outcome,
                        uint64_t *ret_position, struct kw_fault *fault)
{
    struct append append;
    enum kw_code outcome;
    uint64_t position;
    if (from->kind < KW_ENTRY_RECORD || from->kind >= KW_ENTRY_KIND_END || from->found_count > KW_FOUND_MAX ||
        from->record.size == 0)
        return kw_fail(fault, -EINVAL, KW_E_INTERNAL, "append", "not an entry");
    int error = prepare(journal, from, &append);
    if (error < 0)
        return error == -E2BIG ? kw_fail(fault, error, KW_E_TOO_LARGE, "source", "registry, id and version are too long")
                               : kw_journal_no_memory(fault);
    error = decide(journal, &append, &outcome, &position, fault);
    if (error == 0 && outcome == KW_CONFLICT)
        error = keep_conflict(journal, from, fault);
    if (error == 0 && (outcome == KW_ACCEPTED || outcome == KW_REMAPPED)) {
        error = store_entry(journal, &append, position, fault);
        position = journal->now.position;
    }
    if (error < 0)
        return error;
    *ret_outcome = outcome;
    *ret_position = position;
    return 0;
}

int kw_journal_append(struct kw_journal *journal, const struct kw_entry_new *entry, enum kw_code *ret_outcome,
                      uint64_t *ret_position, struct kw_fault *fault)
{
    assert(journal->open);
    if (journal->failed)
        return kw_fail(fault, journal->failed, KW_E_STORE, "append", "the transaction failed before");
    return kw_journal_doom(journal, append_entry(journal, entry, ret_outcome, ret_position, fault));
}
