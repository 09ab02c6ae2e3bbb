/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - entries as their readers see them: verified, or not at all. */
#include "journal/private.h"

#include <errno.h>
#include <string.h>

#define COLUMNS "position, kind, principal, batch, slot, flags, received_ms, commitment, wrapped_key, body"

int kw_journal_one_number(struct kw_journal_reader *reader, const char *sql, uint64_t *ret_number, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, sql, &query, fault);
    if (error < 0)
        return error;
    int step = kw_query_step(query, fault);
    uint64_t number = step == 1 ? (uint64_t)kw_column_integer(query, 0) : 0; /* max() of nothing is NULL, read as 0 */
    kw_query_reset(query);
    if (step < 0)
        return step;
    *ret_number = number;
    return 0;
}

int kw_journal_last(struct kw_journal_reader *reader, uint64_t *ret_position, struct kw_fault *fault)
{
    return kw_journal_one_number(reader, "SELECT max(position) FROM entry", ret_position, fault);
}

int kw_journal_count(struct kw_journal_reader *reader, struct kw_journal_counts *ret_counts, struct kw_fault *fault)
{
    static const char *const sql[] = {
        "SELECT max(position) FROM entry",
        "SELECT max(number) FROM batch",
        "SELECT max(number) FROM rejected",
        "SELECT max(number) FROM quarantine",
        "SELECT count(*) FROM quarantine INDEXED BY quarantine_open WHERE state = 0",
    };
    uint64_t numbers[KW_COUNT(sql)];
    for (size_t i = 0; i < KW_COUNT(sql); i++) {
        int error = kw_journal_one_number(reader, sql[i], &numbers[i], fault);
        if (error < 0)
            return error;
    }
    *ret_counts = (struct kw_journal_counts){numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
    return 0;
}

/* Memory errors stay what they are; everything else means that bytes changed. */
static int read_error(int error, uint64_t position, struct kw_fault *fault)
{
    return error == -ENOMEM ? kw_journal_no_memory(fault) : kw_journal_corrupt(fault, "entry", position);
}

static int open_body(struct kw_journal_reader *reader, struct kw_entry *entry, struct kw_view wrapped, struct kw_view body)
{
    uint8_t body_key[KW_KEY_SIZE];
    reader->context.size = 0;
    int error = kw_entry_key_context(entry->position, &reader->context);
    if (error == 0)
        error = kw_row_key_open(&reader->keys, kw_view_of(&reader->context), wrapped, body_key, entry->salt);
    if (error < 0)
        return error;
    reader->context.size = 0;
    error = kw_entry_body_context(entry, &reader->context);
    if (error == 0)
        error = kw_decrypt(body_key, kw_view_of(&reader->context), body, &reader->plain);
    kw_wipe(body_key, sizeof(body_key));
    return error;
}

static int verify(struct kw_journal_reader *reader, struct kw_entry *entry)
{
    struct kw_view rest = kw_view_of(&reader->plain);
    uint8_t digest[KW_HASH_SIZE], commitment[KW_HASH_SIZE];
    if (kw_take_item(&rest, &entry->record) < 0 || kw_take_item(&rest, &entry->image) < 0 ||
        kw_take_item(&rest, &entry->origin_leaf) < 0 || rest.size != 0)
        return -EBADMSG;
    kw_record_digest(entry->record, entry->origin_leaf, digest);
    kw_commitment(entry->salt, digest, commitment);
    return memcmp(commitment, entry->commitment, sizeof(commitment)) == 0 ? 0 : -EBADMSG;
}

static int take_entry(struct kw_journal_reader *reader, struct kw_query *query, struct kw_entry *ret_entry, struct kw_fault *fault)
{
    struct kw_entry entry = {.position = (uint64_t)kw_column_integer(query, 0),
                             .kind = (enum kw_entry_kind)kw_column_integer(query, 1),
                             .principal = (uint32_t)kw_column_integer(query, 2),
                             .batch = (uint64_t)kw_column_integer(query, 3),
                             .slot = (uint32_t)kw_column_integer(query, 4),
                             .flags = (uint32_t)kw_column_integer(query, 5),
                             .received_ms = kw_column_integer(query, 6),
                             .erased = kw_column_is_null(query, 8)};
    struct kw_view commitment = kw_column_blob(query, 7);
    reader->plain.size = 0;
    if (commitment.size != sizeof(entry.commitment))
        return kw_journal_corrupt(fault, "entry", entry.position);
    memcpy(entry.commitment, commitment.data, sizeof(entry.commitment));
    if (!entry.erased) {
        int error = open_body(reader, &entry, kw_column_blob(query, 8), kw_column_blob(query, 9));
        if (error == 0)
            error = verify(reader, &entry);
        if (error < 0)
            return read_error(error, entry.position, fault);
    }
    *ret_entry = entry;
    return 0;
}

int kw_journal_read(struct kw_journal_reader *reader, uint64_t position, struct kw_entry *ret_entry, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, "SELECT " COLUMNS " FROM entry WHERE position = ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)position);
    int step = kw_query_step(query, fault);
    if (step == 1)
        error = take_entry(reader, query, ret_entry, fault);
    kw_query_reset(query);
    if (step != 0)
        return step < 0 ? step : error;
    uint64_t last;
    error = kw_journal_last(reader, &last, fault);
    if (error < 0)
        return error;
    if (position >= 1 && position <= last)
        return kw_journal_corrupt(fault, "entry", position); /* positions are dense */
    return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "position", "the journal ends at %llu", (unsigned long long)last);
}

int kw_journal_scan(struct kw_journal_reader *reader, uint64_t after, uint32_t limit,
                    int (*visit)(void *context, const struct kw_entry *entry), void *context, struct kw_fault *fault)
{
    struct kw_query *query;
    int error =
        kw_query(reader->store, "SELECT " COLUMNS " FROM entry WHERE position > ? ORDER BY position LIMIT ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)after);
    kw_bind_integer(query, 2, limit);
    int step;
    while (error == 0 && (step = kw_query_step(query, fault)) != 0) {
        struct kw_entry entry;
        error = step < 0 ? step : take_entry(reader, query, &entry, fault);
        if (error == 0 && entry.position != ++after)
            error = kw_journal_corrupt(fault, "entry", after);
        if (error == 0)
            error = visit(context, &entry);
    }
    kw_query_reset(query);
    return error;
}

int kw_journal_scan_keys(struct kw_journal_reader *reader, uint64_t after, uint64_t upto, kw_keys_visit *visit, void *context,
                         struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, "SELECT position, packed FROM key WHERE position > ? AND position <= ? ORDER BY position",
                         &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)after);
    kw_bind_integer(query, 2, (int64_t)upto);
    int step;
    while (error == 0 && (step = kw_query_step(query, fault)) != 0) {
        struct kw_key_row row;
        error = step < 0 ? step
                         : kw_key_row_unpack(&reader->keys, (uint64_t)kw_column_integer(query, 0), kw_column_blob(query, 1), &row,
                                             fault);
        if (error == 0 && row.position != ++after)
            error = kw_journal_corrupt(fault, "key", after);
        if (error == 0)
            error = visit(context, row.position, (enum kw_entry_kind)row.kind, row.found, row.found_count);
    }
    kw_query_reset(query);
    return error;
}

int kw_journal_scan_commitments(struct kw_journal_reader *reader, uint64_t after, uint32_t limit, kw_commitment_visit *visit,
                                void *context, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, "SELECT position, kind, commitment FROM entry WHERE position > ? ORDER BY position LIMIT ?",
                         &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)after);
    kw_bind_integer(query, 2, limit);
    int step;
    while (error == 0 && (step = kw_query_step(query, fault)) != 0) {
        struct kw_view commitment = step == 1 ? kw_column_blob(query, 2) : (struct kw_view){0};
        error = step < 0 ? step : 0;
        if (error == 0 && ((uint64_t)kw_column_integer(query, 0) != ++after || commitment.size != KW_HASH_SIZE))
            error = kw_journal_corrupt(fault, "entry", after);
        if (error == 0)
            error = visit(context, after, (enum kw_entry_kind)kw_column_integer(query, 1), commitment.data);
    }
    kw_query_reset(query);
    return error;
}

int kw_journal_history(struct kw_journal_reader *reader, struct kw_view registry, struct kw_view source_id,
                       int (*visit)(void *context, uint64_t position), void *context, struct kw_fault *fault)
{
    struct kw_query *query;
    uint8_t source[16];
    uint64_t series;
    int error = kw_journal_source(&reader->keys, registry, source_id, (struct kw_view){0}, source, &series);
    if (error < 0)
        return kw_fail(fault, error, KW_E_TOO_LARGE, "source", "registry and id are too long");
    error = kw_query(reader->store, "SELECT position, packed FROM key ORDER BY position", &query, fault);
    if (error < 0)
        return error;
    int step;
    while (error == 0 && (step = kw_query_step(query, fault)) != 0) {
        struct kw_key_row row;
        error = step < 0 ? step
                         : kw_key_row_unpack(&reader->keys, (uint64_t)kw_column_integer(query, 0), kw_column_blob(query, 1), &row,
                                             fault);
        if (error == 0 && row.series == series && kw_source_tag(row.source) != 0)
            error = visit(context, row.position);
    }
    kw_query_reset(query);
    return error;
}

int kw_journal_checkpoint(struct kw_journal_reader *reader, uint32_t *ret_copied, uint32_t *ret_left, struct kw_fault *fault)
{
    return kw_store_checkpoint(reader->store, false, ret_copied, ret_left, fault);
}

void kw_journal_copied(struct kw_journal *journal, uint32_t pages)
{
    kw_store_copied(journal->self.store, pages);
}

int kw_journal_backup(struct kw_journal_reader *reader, const char *path, struct kw_fault *fault)
{
    return kw_store_backup(reader->store, path, fault);
}
