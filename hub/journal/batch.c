/* SPDX-License-Identifier: Apache-2.0 */
/* batch.c - batches and their receipts: the same batch again gets the same bytes. */
#include "journal/private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static uint64_t batch_tag(const struct kw_journal *journal, uint32_t principal, const uint8_t id[16])
{
    uint8_t text[20];
    memcpy(text, &principal, 4); /* in memory only: byte order does not matter */
    memcpy(text + 4, id, 16);
    return kw_siphash64(journal->self.keys.source, text, sizeof(text));
}

/* Over every column of both rows, so that a receipt is given again unchanged or not at all. */
static int batch_mark(const struct kw_journal_keys *keys, const struct kw_journal_batch *batch, int64_t *ret_mark)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    int error = kw_buf_u64(&bytes, batch->number);
    if (error == 0)
        error = kw_buf_u32(&bytes, batch->principal);
    if (error == 0)
        error = kw_buf_u32(&bytes, batch->count);
    if (error == 0)
        error = kw_buf_u64(&bytes, (uint64_t)batch->at_ms);
    const struct kw_view parts[] = {{batch->id, sizeof(batch->id)},
                                    {batch->digest, sizeof(batch->digest)},
                                    {batch->signature, sizeof(batch->signature)},
                                    {batch->root, sizeof(batch->root)},
                                    batch->leaves,
                                    batch->receipt};
    for (size_t i = 0; i < KW_COUNT(parts) && error == 0; i++)
        error = kw_put_item(&bytes, parts[i].data, parts[i].size);
    if (error == 0)
        *ret_mark = (int64_t)kw_siphash64(keys->mark, bytes.data, bytes.size);
    return error;
}

static int insert_batch(struct kw_journal *journal, const struct kw_journal_batch *batch, int64_t mark, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(journal->self.store,
                         "INSERT INTO batch(number, principal, id, digest, signature, root, count, at_ms, mark)"
                         " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)batch->number);
    kw_bind_integer(query, 2, batch->principal);
    kw_bind_blob(query, 3, (struct kw_view){batch->id, sizeof(batch->id)});
    kw_bind_blob(query, 4, (struct kw_view){batch->digest, sizeof(batch->digest)});
    kw_bind_blob(query, 5, (struct kw_view){batch->signature, sizeof(batch->signature)});
    kw_bind_blob(query, 6, (struct kw_view){batch->root, sizeof(batch->root)});
    kw_bind_integer(query, 7, batch->count);
    kw_bind_integer(query, 8, batch->at_ms);
    kw_bind_integer(query, 9, mark);
    error = kw_query_run(query, NULL, fault);
    if (error < 0)
        return error;
    error = kw_query(journal->self.store, "INSERT INTO receipt(number, leaves, receipt) VALUES(?, ?, ?)", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)batch->number);
    kw_bind_blob(query, 2, batch->leaves);
    kw_bind_blob(query, 3, batch->receipt);
    return kw_query_run(query, NULL, fault);
}

/* Room to remember the batch in memory, so that nothing can fail after it is stored. */
static int prepare_memory(struct kw_journal *journal, uint32_t principal, uint64_t tag)
{
    if (principal >= journal->last_batch_count) {
        size_t count = principal + 64;
        uint64_t *more = kw_resize(journal->last_batch, count * sizeof(*more));
        if (!more)
            return -ENOMEM;
        memset(more + journal->last_batch_count, 0, (count - journal->last_batch_count) * sizeof(*more));
        journal->last_batch = more;
        journal->last_batch_count = count;
    }
    if (journal->last_changed == journal->last_room) {
        size_t room = journal->last_room ? 2 * journal->last_room : 64;
        struct kw_last_change *more = kw_resize(journal->last_changes, room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        journal->last_changes = more;
        journal->last_room = room;
    }
    return kw_tagmap_prepare(&journal->batches, tag);
}

static void remember(struct kw_journal *journal, uint32_t principal, uint64_t number, uint64_t tag)
{
    kw_tagmap_put(&journal->batches, tag, number, 0);
    journal->last_changes[journal->last_changed++] = (struct kw_last_change){principal, number};
}

void kw_batches_keep(struct kw_journal *journal)
{
    for (size_t i = 0; i < journal->last_changed; i++)
        journal->last_batch[journal->last_changes[i].principal] = journal->last_changes[i].number;
    journal->last_changed = 0;
}

int kw_batches_rebuild(struct kw_journal *journal, struct kw_fault *fault)
{
    struct kw_query *query;
    uint64_t number = 0;
    if (kw_tagmap_reserve(&journal->batches, journal->kept.batch) < 0)
        return kw_journal_no_memory(fault);
    int error = kw_query(journal->self.store, "SELECT number, principal, id FROM batch ORDER BY number", &query, fault);
    if (error < 0)
        return error;
    int step;
    while (error == 0 && (step = kw_query_step(query, fault)) != 0) {
        struct kw_view id = step == 1 ? kw_column_blob(query, 2) : (struct kw_view){0};
        int64_t principal = step == 1 ? kw_column_integer(query, 1) : 0;
        error = step < 0 ? step : 0;
        if (error == 0 && ((uint64_t)kw_column_integer(query, 0) != ++number || id.size != 16 || principal < 0 ||
                           principal > KW_LIMIT_PRINCIPALS))
            error = kw_journal_corrupt(fault, "batch", number);
        uint64_t tag = error == 0 ? batch_tag(journal, (uint32_t)principal, id.data) : 0;
        if (error == 0 && prepare_memory(journal, (uint32_t)principal, tag) < 0)
            error = kw_journal_no_memory(fault);
        if (error < 0)
            break;
        remember(journal, (uint32_t)principal, number, tag);
        kw_tagmap_keep(&journal->batches);
        kw_batches_keep(journal);
    }
    kw_query_reset(query);
    return error;
}

uint64_t kw_journal_batch_next(const struct kw_journal *journal)
{
    return journal->now.batch + 1;
}

static int add_batch(struct kw_journal *journal, const struct kw_journal_batch *batch, struct kw_fault *fault)
{
    struct kw_journal_batch stored = *batch;
    int64_t mark;
    if (batch->principal > KW_LIMIT_PRINCIPALS || batch->leaves.size != (size_t)batch->count * KW_HASH_SIZE || !batch->receipt.size)
        return kw_fail(fault, -EINVAL, KW_E_INTERNAL, "batch", "not a batch");
    stored.number = journal->now.batch + 1;
    uint64_t tag = batch_tag(journal, batch->principal, batch->id);
    if (prepare_memory(journal, batch->principal, tag) < 0 || batch_mark(&journal->self.keys, &stored, &mark) < 0)
        return kw_journal_no_memory(fault);
    int error = insert_batch(journal, &stored, mark, fault);
    if (error < 0)
        return error;
    remember(journal, batch->principal, stored.number, tag);
    journal->now.batch = stored.number;
    return 0;
}

int kw_journal_batch_add(struct kw_journal *journal, const struct kw_journal_batch *batch, struct kw_fault *fault)
{
    assert(journal->open);
    if (journal->failed)
        return kw_fail(fault, journal->failed, KW_E_STORE, "batch", "the transaction failed before");
    return kw_journal_doom(journal, add_batch(journal, batch, fault));
}

static int copy(uint8_t *ret_bytes, size_t size, struct kw_view bytes)
{
    if (bytes.size != size)
        return -EBADMSG;
    memcpy(ret_bytes, bytes.data, size);
    return 0;
}

static int take_batch(struct kw_journal_reader *reader, struct kw_query *query, uint64_t number, struct kw_journal_batch *ret_batch)
{
    struct kw_journal_batch batch = {.number = number,
                                     .principal = (uint32_t)kw_column_integer(query, 0),
                                     .count = (uint32_t)kw_column_integer(query, 5),
                                     .at_ms = kw_column_integer(query, 6)};
    struct kw_view leaves = kw_column_blob(query, 8), receipt = kw_column_blob(query, 9);
    int64_t mark = 0;
    if (copy(batch.id, sizeof(batch.id), kw_column_blob(query, 1)) < 0 ||
        copy(batch.digest, sizeof(batch.digest), kw_column_blob(query, 2)) < 0 ||
        copy(batch.signature, sizeof(batch.signature), kw_column_blob(query, 3)) < 0 ||
        copy(batch.root, sizeof(batch.root), kw_column_blob(query, 4)) < 0)
        return -EBADMSG;
    reader->plain.size = 0;
    if (kw_buf_append(&reader->plain, leaves.data, leaves.size) < 0 ||
        kw_buf_append(&reader->plain, receipt.data, receipt.size) < 0)
        return -ENOMEM;
    batch.leaves = (struct kw_view){reader->plain.data, leaves.size};
    batch.receipt = (struct kw_view){reader->plain.data + leaves.size, receipt.size};
    if (batch_mark(&reader->keys, &batch, &mark) < 0)
        return -ENOMEM;
    if (mark != kw_column_integer(query, 7))
        return -EBADMSG;
    *ret_batch = batch;
    return 0;
}

int kw_journal_batch_read(struct kw_journal_reader *reader, uint64_t number, struct kw_journal_batch *ret_batch,
                          struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store,
                         "SELECT principal, id, digest, signature, root, count, at_ms, mark, leaves, receipt"
                         " FROM batch JOIN receipt USING(number) WHERE number = ?",
                         &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)number);
    int step = kw_query_step(query, fault);
    if (step == 1)
        error = take_batch(reader, query, number, ret_batch);
    kw_query_reset(query);
    if (step < 0)
        return step;
    if (step == 0)
        return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "batch", "there is no batch %llu", (unsigned long long)number);
    if (error == -EBADMSG)
        return kw_journal_corrupt(fault, "batch", number);
    return error < 0 ? kw_journal_no_memory(fault) : 0;
}

int kw_journal_batch_find(struct kw_journal *journal, uint32_t principal, const uint8_t id[16], const uint8_t digest[KW_HASH_SIZE],
                          struct kw_buf *ret_receipt, struct kw_fault *fault)
{
    uint32_t at = 0;
    uint64_t number, tag = batch_tag(journal, principal, id);
    while ((number = kw_tagmap_find(&journal->batches, tag, &at)) != 0) {
        struct kw_journal_batch batch;
        int error = kw_journal_batch_read(&journal->self, number, &batch, fault);
        if (error < 0)
            return error == -ENOENT ? kw_journal_corrupt(fault, "batch", number) : error;
        if (batch.principal != principal || memcmp(batch.id, id, sizeof(batch.id)) != 0)
            continue;
        if (memcmp(batch.digest, digest, sizeof(batch.digest)) != 0)
            return kw_fail(fault, -EEXIST, KW_E_BATCH_REUSED, "batch", "%s", kw_code_text(KW_E_BATCH_REUSED));
        error = kw_buf_append(ret_receipt, batch.receipt.data, batch.receipt.size);
        return error < 0 ? kw_journal_no_memory(fault) : 0;
    }
    return -ENOENT;
}

int kw_journal_last_batch(struct kw_journal *journal, uint32_t principal, uint8_t ret_id[16])
{
    struct kw_journal_batch batch;
    if (principal >= journal->last_batch_count || journal->last_batch[principal] == 0)
        return -ENOENT;
    int error = kw_journal_batch_read(&journal->self, journal->last_batch[principal], &batch, NULL);
    if (error == 0)
        memcpy(ret_id, batch.id, sizeof(batch.id));
    return error;
}
