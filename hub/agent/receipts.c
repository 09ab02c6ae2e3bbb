/* SPDX-License-Identifier: Apache-2.0 */
/* receipts.c - what becomes of a batch that the hub has signed for. */
#include "agent/spool.h"

#include <errno.h>
#include <string.h>

#include "json/json.h"

static int keep_receipt(struct kw_spool *spool, const struct kw_batch_row *batch, struct kw_view header, struct kw_view signature,
                        struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(spool->store, "INSERT OR REPLACE INTO receipt(batch, count, at, header, signature) VALUES(?1, ?2, ?3, ?4, ?5)",
                     &query, fault);
    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){batch->id, sizeof batch->id});
    kw_bind_integer(query, 2, batch->count);
    kw_bind_integer(query, 3, kw_clock_wall_ms());
    kw_bind_blob(query, 4, header);
    kw_bind_blob(query, 5, signature);
    r = kw_query_run(query, NULL, fault);
    if (r == 0)
        r = kw_query(spool->store, "DELETE FROM receipt WHERE number <= ?1", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, kw_store_last_rowid(spool->store) - KW_RECEIPTS_KEPT);
    return kw_query_run(query, NULL, fault);
}

/* With the bytes as they were sent: the hub keeps none of what it rejects. */
static int keep_refused(struct kw_spool *spool, const struct kw_batch_row *batch, uint32_t slot, const struct kw_result *result,
                        struct kw_view body, struct kw_fault *fault)
{
    struct kw_query *query;
    char place[128], detail[256];
    int r = kw_query(spool->store,
                     "INSERT INTO refused(batch, slot, outcome, code, place, line, detail, label, at, leaf, body)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                     &query, fault);
    if (r < 0)
        return r;
    snprintf(place, sizeof place, "%.*s", (int)(result->place.size < 120 ? result->place.size : 120),
             (const char *)result->place.data);
    snprintf(detail, sizeof detail, "%.*s", (int)(result->detail.size < 250 ? result->detail.size : 250),
             (const char *)result->detail.data);
    kw_bind_blob(query, 1, (struct kw_view){batch->id, sizeof batch->id});
    kw_bind_integer(query, 2, slot);
    kw_bind_text(query, 3, result->rejected ? "rejected" : kw_code_name(result->outcome));
    kw_bind_text(query, 4, kw_code_name(result->outcome));
    kw_bind_text(query, 5, place);
    kw_bind_integer(query, 6, result->line);
    kw_bind_text(query, 7, detail);
    kw_bind_text(query, 8, result->label);
    kw_bind_integer(query, 9, kw_clock_wall_ms());
    kw_bind_blob(query, 10, result->leaf);
    kw_bind_blob(query, 11, body);
    return kw_query_run(query, NULL, fault);
}

static int drop_batch(struct kw_spool *spool, uint64_t number, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(spool->store, "DELETE FROM batch WHERE number = ?1", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)number);
    return kw_query_run(query, NULL, fault);
}

struct contents { /* copies: the statements below run while they are read */
    struct kw_buf labels, payload;
};

static void contents_clear(struct contents *contents)
{
    kw_buf_clear(&contents->labels);
    kw_buf_clear(&contents->payload);
}

static int read_contents(struct kw_spool *spool, uint64_t number, struct contents *contents, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(spool->store, "SELECT labels, payload FROM batch WHERE number = ?1", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)number);
    r = kw_query_step(query, fault);
    if (r == 1) {
        const struct kw_view labels = kw_column_blob(query, 0), payload = kw_column_blob(query, 1);
        r = kw_buf_append(&contents->labels, labels.data, labels.size);
        if (r == 0)
            r = kw_buf_append(&contents->payload, payload.data, payload.size);
    } else if (r == 0) {
        r = kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "batch", "%s", kw_code_text(KW_E_NOT_FOUND));
    }
    kw_query_reset(query);
    return r;
}

int kw_spool_batch_done(struct kw_spool *spool, const struct kw_batch_row *batch, struct kw_view header, struct kw_view signature,
                        struct kw_result *results, void (*tell)(void *context, const struct kw_result *result), void *context,
                        struct kw_fault *fault)
{
    KW_AUTO(contents_clear) struct contents contents = {0};
    uint32_t counts[KW_CODE_COUNT] = {0}, rejected = 0;
    int r = kw_spool_begin(spool, fault);
    if (r == 0)
        r = read_contents(spool, batch->number, &contents, fault);
    struct kw_view labels = kw_view_of(&contents.labels), payload = kw_view_of(&contents.payload), label, body;
    for (uint32_t i = 0; r == 0 && i < batch->count; i++) {
        char text[KW_LABEL_SIZE];
        if (kw_take_item(&labels, &label) < 0 || kw_take_item(&payload, &results[i].leaf) < 0 || kw_take_item(&payload, &body) < 0)
            return kw_fail(fault, -EBADMSG, KW_E_CORRUPT, "batch", "%s", kw_code_text(KW_E_CORRUPT));
        snprintf(text, sizeof text, "%.*s", (int)label.size, (const char *)label.data);
        results[i].label = text;
        rejected += results[i].rejected;
        counts[results[i].outcome] += !results[i].rejected;
        if (results[i].rejected || results[i].outcome == KW_CONFLICT)
            r = keep_refused(spool, batch, i, &results[i], body, fault);
        if (r == 0 && tell)
            tell(context, &results[i]);
        results[i].label = NULL;
    }
    for (int code = KW_ACCEPTED; r == 0 && code <= KW_QUARANTINED; code++)
        r = counts[code] ? kw_spool_count(spool, kw_code_name((enum kw_code)code), counts[code], fault) : 0;
    if (r == 0 && rejected)
        r = kw_spool_count(spool, "rejected", rejected, fault);
    if (r == 0)
        r = keep_receipt(spool, batch, header, signature, fault);
    if (r == 0)
        r = drop_batch(spool, batch->number, fault);
    if (r < 0)
        return r;
    spool->batches--;
    spool->bytes -= contents.payload.size;
    spool->unchecked += contents.payload.size;
    return 0;
}

int kw_spool_receipts_after(struct kw_spool *spool, struct kw_view batch, uint64_t *ret_records, struct kw_fault *fault)
{
    struct kw_query *query;
    uint8_t id[16] = {0};
    int r = kw_query(spool->store,
                     "SELECT coalesce(sum(count), 0) FROM receipt"
                     " WHERE number > coalesce((SELECT number FROM receipt WHERE batch = ?1), 0)",
                     &query, fault);
    if (r < 0)
        return r;
    (void)!kw_hex_parse(batch, id, sizeof id);
    kw_bind_blob(query, 1, (struct kw_view){id, sizeof id});
    r = kw_query_step(query, fault);
    if (r == 1)
        *ret_records = (uint64_t)kw_column_integer(query, 0);
    kw_query_reset(query);
    return r < 0 ? r : 0;
}
