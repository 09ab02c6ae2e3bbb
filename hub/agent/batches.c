/* SPDX-License-Identifier: Apache-2.0 */
/* batches.c - normalised records in the spool, and the signed batches they become: made once, repeated byte for byte. */
#include "agent/private.h"

#include <errno.h>
#include <string.h>

#include "json/json.h"
#include "ledger/ledger.h"
#include "record/record.h"

int kw_spool_record_add(struct kw_spool *spool, struct kw_view leaf, struct kw_view body, const char *label, bool backfill,
                        struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_spool_begin(spool, fault);
    if (r == 0)
        r = kw_query(spool->store, "INSERT INTO record(leaf, label, backfill, at, body) VALUES(?1, ?2, ?3, ?4, ?5)", &query, fault);
    if (r < 0)
        return r;
    kw_bind_blob(query, 1, leaf);
    kw_bind_text(query, 2, label);
    kw_bind_integer(query, 3, backfill);
    kw_bind_integer(query, 4, kw_clock_wall_ms());
    kw_bind_blob(query, 5, body);
    r = kw_query_run(query, NULL, fault);
    if (r < 0)
        return r;
    spool->records++;
    spool->bytes += body.size;
    spool->unchecked += body.size;
    return 0;
}

/* ---- making ------------------------------------------------------------------------- */

struct draft {
    uint8_t id[16];
    uint32_t count;
    bool backfill;
    uint64_t last, bytes; /* number of the last record; of the bodies */
    struct kw_buf labels, payload, header;
    struct kw_buf leaves; /* 32-byte leaf hashes */
};

static void draft_clear(struct draft *draft)
{
    kw_buf_clear(&draft->labels);
    kw_buf_clear(&draft->payload);
    kw_buf_clear(&draft->header);
    kw_buf_clear(&draft->leaves);
}

static int add_row(struct draft *draft, struct kw_query *query)
{
    const struct kw_view leaf = kw_column_blob(query, 1), label = kw_column_text(query, 2), body = kw_column_blob(query, 3);
    uint8_t hash[KW_HASH_SIZE];
    kw_merkle_leaf(leaf, hash);
    int r = kw_buf_append(&draft->leaves, hash, sizeof hash);
    if (r == 0)
        r = kw_put_item(&draft->labels, label.data, label.size);
    if (r == 0)
        r = kw_put_item(&draft->payload, leaf.data, leaf.size);
    if (r == 0)
        r = kw_put_item(&draft->payload, body.data, body.size);
    draft->last = (uint64_t)kw_column_integer(query, 0);
    draft->bytes += body.size;
    draft->count++;
    return r;
}

static bool fits(const struct draft *draft, struct kw_query *query)
{
    return draft->count == 0 ||
           draft->payload.size + kw_column_blob(query, 1).size + kw_column_blob(query, 3).size + 8 <= KW_BATCH_BYTES;
}

static int gather(struct kw_spool *spool, struct draft *draft, uint32_t count, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(spool->store, "SELECT number, leaf, label, body FROM record WHERE backfill = ?1 ORDER BY number LIMIT ?2",
                     &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, draft->backfill);
    kw_bind_integer(query, 2, count);
    while ((r = kw_query_step(query, fault)) == 1 && fits(draft, query)) {
        if (add_row(draft, query) < 0) {
            r = kw_fail(fault, -ENOMEM, KW_E_MEMORY, "batch", "no memory");
            break;
        }
    }
    kw_query_reset(query);
    return r < 0 ? r : 0;
}

static int sign_draft(struct draft *draft, const struct kw_sender *sender, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    uint8_t root[KW_HASH_SIZE], signature[KW_SIGNATURE_SIZE];
    struct kw_json_out json = {.out = &draft->header};
    kw_random(draft->id, sizeof draft->id);
    kw_merkle_root((const kw_hash *)draft->leaves.data, draft->count, root);
    int r = kw_origin_bytes(kw_view_text(sender->name), kw_view_text(sender->jurisdiction), draft->id, draft->count, root, &bytes);
    if (r < 0)
        return kw_fail(fault, r, KW_E_MEMORY, "batch", "no memory");
    kw_sign(sender->key, bytes.data, bytes.size, signature);
    kw_json_object(&json, NULL);
    kw_json_hex(&json, "batch", draft->id, sizeof draft->id);
    kw_json_string(&json, "principal", sender->name);
    kw_json_string(&json, "jurisdiction", sender->jurisdiction);
    kw_json_integer(&json, "count", draft->count);
    kw_json_base64(&json, "root", root, sizeof root);
    kw_json_base64(&json, "signature", signature, sizeof signature);
    if (draft->backfill)
        kw_json_boolean(&json, "backfill", true);
    kw_json_close(&json, '}');
    r = kw_json_end(&json);
    return r < 0 ? kw_fail(fault, r, KW_E_MEMORY, "batch", "no memory") : 0;
}

int kw_batch_message(const struct kw_sender *sender, struct kw_view leaf, struct kw_view record, struct kw_message *ret_message,
                     uint8_t ret_id[16], struct kw_fault *fault)
{
    struct draft draft = {.count = 1};
    kw_hash hash;
    kw_merkle_leaf(leaf, hash);
    int r = kw_buf_append(&draft.leaves, hash, sizeof hash);
    if (r == 0)
        r = kw_put_item(&draft.payload, leaf.data, leaf.size);
    if (r == 0)
        r = kw_put_item(&draft.payload, record.data, record.size);
    if (r < 0)
        kw_fail(fault, r, KW_E_MEMORY, "batch", "no memory");
    else
        r = sign_draft(&draft, sender, fault);
    if (r == 0) {
        ret_message->header = draft.header;
        ret_message->payload = draft.payload;
        memcpy(ret_id, draft.id, 16);
        draft.header = draft.payload = (struct kw_buf){0};
    }
    draft_clear(&draft);
    return r;
}

static int store_draft(struct kw_spool *spool, const struct draft *draft, struct kw_batch_row *ret_batch, struct kw_fault *fault)
{
    struct kw_query *insert, *drop;
    int r = kw_query(spool->store, "INSERT INTO batch(id, count, at, labels, header, payload) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                     &insert, fault);
    if (r == 0)
        r = kw_query(spool->store, "DELETE FROM record WHERE backfill = ?1 AND number <= ?2", &drop, fault);
    if (r < 0)
        return r;
    kw_bind_blob(insert, 1, (struct kw_view){draft->id, sizeof draft->id});
    kw_bind_integer(insert, 2, draft->count);
    kw_bind_integer(insert, 3, kw_clock_wall_ms());
    kw_bind_blob(insert, 4, kw_view_of(&draft->labels));
    kw_bind_blob(insert, 5, kw_view_of(&draft->header));
    kw_bind_blob(insert, 6, kw_view_of(&draft->payload));
    r = kw_query_run(insert, NULL, fault);
    if (r < 0)
        return r;
    *ret_batch = (struct kw_batch_row){.number = (uint64_t)kw_store_last_rowid(spool->store), .count = draft->count};
    memcpy(ret_batch->id, draft->id, sizeof draft->id);
    kw_bind_integer(drop, 1, draft->backfill);
    kw_bind_integer(drop, 2, (int64_t)draft->last);
    return kw_query_run(drop, NULL, fault);
}

int kw_spool_batch_make(struct kw_spool *spool, const struct kw_sender *sender, uint32_t count, struct kw_batch_row *ret_batch,
                        struct kw_fault *fault)
{
    struct draft draft = {0};
    struct kw_batch_row batch;
    int r = kw_spool_begin(spool, fault);
    if (r == 0)
        r = gather(spool, &draft, count, fault);
    if (r == 0 && draft.count == 0) {
        draft.backfill = true;
        r = gather(spool, &draft, count, fault);
    }
    if (r == 0 && draft.count == 0)
        r = -ENOENT;
    if (r == 0)
        r = sign_draft(&draft, sender, fault);
    if (r == 0)
        r = store_draft(spool, &draft, &batch, fault);
    if (r == 0) {
        spool->records -= draft.count;
        spool->batches++;
        spool->bytes += draft.payload.size - draft.bytes;
        spool->unchecked += 2 * draft.payload.size;
        *ret_batch = batch;
    }
    draft_clear(&draft);
    return r;
}

/* ---- reading back ----------------------------------------------------------------------- */

int kw_spool_batch_each(struct kw_spool *spool, int (*visit)(void *context, const struct kw_batch_row *batch), void *context,
                        struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(spool->store, "SELECT number, id, count FROM batch ORDER BY number", &query, fault);
    if (r < 0)
        return r;
    while ((r = kw_query_step(query, fault)) == 1) {
        struct kw_batch_row row = {.number = (uint64_t)kw_column_integer(query, 0), .count = (uint32_t)kw_column_integer(query, 2)};
        const struct kw_view id = kw_column_blob(query, 1);
        if (id.size != sizeof row.id)
            r = kw_fail(fault, -EBADMSG, KW_E_CORRUPT, "batch", "its id is not 16 bytes");
        else
            memcpy(row.id, id.data, sizeof row.id);
        if (r == 1)
            r = visit(context, &row);
        if (r != 0)
            break;
    }
    kw_query_reset(query);
    return r;
}

int kw_spool_batch_read(struct kw_spool *spool, uint64_t number, struct kw_buf *ret_header, struct kw_buf *ret_payload,
                        struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(spool->store, "SELECT header, payload FROM batch WHERE number = ?1", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)number);
    r = kw_query_step(query, fault);
    if (r == 1) {
        const struct kw_view header = kw_column_blob(query, 0), payload = kw_column_blob(query, 1);
        ret_header->size = ret_payload->size = 0;
        r = kw_buf_append(ret_header, header.data, header.size);
        if (r == 0)
            r = kw_buf_append(ret_payload, payload.data, payload.size);
    } else if (r == 0) {
        r = kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "batch", "%s", kw_code_text(KW_E_NOT_FOUND));
    }
    kw_query_reset(query);
    return r;
}

int kw_spool_batch_hold(struct kw_spool *spool, uint64_t number, enum kw_code code, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_spool_begin(spool, fault);
    if (r == 0)
        r = kw_query(spool->store, "UPDATE batch SET held = ?1 WHERE number = ?2", &query, fault);
    if (r < 0)
        return r;
    kw_bind_text(query, 1, kw_code_name(code));
    kw_bind_integer(query, 2, (int64_t)number);
    return kw_query_run(query, NULL, fault);
}
