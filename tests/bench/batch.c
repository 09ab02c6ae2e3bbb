/* SPDX-License-Identifier: Apache-2.0 */
/* batch.c - origin leaves, their root, the origin signature: what an agent does before it sends. */
#include "batch.h"

#include <string.h>

#include "json/json.h"
#include "ledger/ledger.h"
#include "record/record.h"

void bench_batch_clear(struct bench_batch *batch)
{
    kw_buf_clear(&batch->payload);
    kw_buf_clear(&batch->leaves);
    *batch = (struct bench_batch){0};
}

void bench_batch_add(struct bench_batch *batch, const struct bench_records *records, enum bench_kind kind, uint64_t number,
                     uint64_t person)
{
    KW_AUTO(kw_buf_clear) struct kw_buf record = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf leaf = {0};
    uint8_t hash[KW_HASH_SIZE];
    char id[48];
    bench_record(records, kind, number, person, &record);
    bench_source(kind, number, id);
    kw_sha256_of(record.data, record.size, hash);
    bench_need(kw_origin_leaf(kw_view_text(id), kw_view_text(bench_version(records, kind)), hash, &leaf), "leaf", NULL);
    bench_need(kw_put_item(&batch->payload, leaf.data, leaf.size), "memory", NULL);
    bench_need(kw_put_item(&batch->payload, record.data, record.size), "memory", NULL);
    kw_merkle_leaf(kw_view_of(&leaf), hash);
    bench_need(kw_buf_append(&batch->leaves, hash, sizeof hash), "memory", NULL);
    batch->count++;
    batch->bytes += record.size;
}

void bench_batch_fill(struct bench_batch *batch, const struct bench_records *records, uint64_t first, uint32_t count)
{
    bench_need(kw_buf_reserve(&batch->payload, (size_t)count * 3072), "memory", NULL);
    for (uint64_t number = first; number < first + count; number++) {
        enum bench_kind kind = bench_kind_of(number);
        bench_batch_add(batch, records, kind, number, kind == BENCH_DOCUMENT ? number - 5 : number);
    }
}

void bench_batch_sign(struct bench_batch *batch, const struct bench_sender *sender, const char *verb, bool backfill,
                      uint64_t request, struct kw_message *ret_message)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    uint8_t id[16], root[KW_HASH_SIZE], signature[KW_SIGNATURE_SIZE];
    struct kw_message message = {.payload = batch->payload};
    struct kw_json_out json = {.out = &message.header};
    batch->payload = (struct kw_buf){0};
    strcpy(message.verb, verb);
    kw_request_set(&message, request);
    kw_random(id, sizeof id);
    kw_merkle_root((const kw_hash *)batch->leaves.data, batch->count, root);
    bench_need(kw_origin_bytes(kw_view_text(sender->principal), kw_view_text(sender->jurisdiction), id, batch->count, root, &bytes),
               "memory", NULL);
    kw_sign(sender->key, bytes.data, bytes.size, signature);
    kw_json_object(&json, NULL);
    kw_json_hex(&json, "batch", id, sizeof id);
    kw_json_string(&json, "principal", sender->principal);
    kw_json_string(&json, "jurisdiction", sender->jurisdiction);
    kw_json_integer(&json, "count", batch->count);
    kw_json_base64(&json, "root", root, sizeof root);
    kw_json_base64(&json, "signature", signature, sizeof signature);
    if (backfill)
        kw_json_boolean(&json, "backfill", true);
    kw_json_close(&json, '}');
    bench_need(kw_json_end(&json), "memory", NULL);
    bench_batch_clear(batch);
    *ret_message = message;
}
