/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool.c - the spool: once per source, cursors with documents, batches that keep their bytes, the full disk. */
#include "../store/scratch.h"

#include <cmocka.h>

#include "agent/private.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "record/record.h"

static struct kw_sign_key *key;
static struct kw_sender sender;
static struct kw_fault fault;

static struct kw_spool open_spool(uint64_t limit)
{
    struct kw_spool spool;
    if (kw_spool_open(scratch, "spool", limit, &spool, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    return spool;
}

static int add(struct kw_spool *spool, const char *source, const char *body)
{
    struct kw_document document = {.stylesheet = "sheet"};
    snprintf(document.label, sizeof document.label, "%s", source);
    assert_int_equal(kw_buf_text(&document.body, body), 0);
    int r = kw_spool_document_add(spool, "civil", kw_view_text(source), &document, &fault);
    kw_document_clear(&document);
    return r;
}

static void add_record(struct kw_spool *spool, const char *id, size_t size, bool backfill)
{
    struct kw_buf leaf = {0}, body = {0};
    uint8_t hash[KW_HASH_SIZE];
    while (body.size < size)
        assert_int_equal(kw_buf_text(&body, "<record/>"), 0);
    kw_sha256_of(body.data, body.size, hash);
    assert_int_equal(kw_origin_leaf(kw_view_text(id), kw_view_text("1"), hash, &leaf), 0);
    assert_int_equal(kw_spool_record_add(spool, kw_view_of(&leaf), kw_view_of(&body), id, backfill, &fault), 0);
    kw_buf_clear(&leaf);
    kw_buf_clear(&body);
}

/* However many kinds a mapper makes up, the list stays short and nothing goes uncounted. */
static void warnings_are_bounded(void **state)
{
    struct kw_spool spool = open_spool(1 << 20);
    struct kw_buf text = {0};
    struct kw_json *json = NULL;
    for (int i = 0; i < 700; i++) {
        char place[32];
        snprintf(place, sizeof place, "place/%d", i);
        assert_int_equal(kw_spool_warning(&spool, "civil", kw_view_text("unknown-code"), kw_view_text(place), &fault), 0);
    }
    assert_int_equal(kw_spool_warning(&spool, "civil", kw_view_text("unknown-code"), kw_view_text("place/3"), &fault), 0);
    assert_int_equal(kw_spool_commit(&spool, &fault), 0);
    assert_int_equal(kw_spool_status(scratch, "spool", &text, &fault), 0);
    assert_int_equal(kw_json_parse(kw_view_of(&text), &json, NULL), 0);
    const struct kw_json *list = kw_json_member(json, "warnings");
    int64_t documents;
    assert_int_equal(kw_json_count(list), 501);
    assert_true(kw_view_is(kw_json_text_of(kw_json_member(kw_json_at(list, 0), "code")), "(more)"));
    assert_int_equal(kw_json_get_integer(kw_json_at(list, 0), "documents", 0, INT64_MAX, &documents, NULL), 0);
    assert_int_equal(documents, 200);
    assert_true(kw_view_is(kw_json_text_of(kw_json_member(kw_json_at(list, 1), "place")), "place/3"));
    kw_json_free(json);
    kw_buf_clear(&text);
    kw_spool_close(&spool);
}

static void sources_and_cursors(void **state)
{
    struct kw_spool spool = open_spool(1 << 20);
    struct kw_document document = {0};
    struct kw_buf cursor = {0};
    bool seen = false;
    assert_int_equal(add(&spool, "a@1", "first"), 0);
    assert_int_equal(kw_spool_cursor_save(&spool, "civil", "", kw_view_text("page 1"), &fault), 0);
    assert_int_equal(kw_spool_commit(&spool, &fault), 0);
    assert_int_equal(add(&spool, "b@1", "second"), 0);
    assert_int_equal(kw_spool_cursor_save(&spool, "civil", "", kw_view_text("page 2"), &fault), 0);
    kw_spool_rollback(&spool); /* document and cursor go together */
    assert_int_equal(kw_spool_cursor_load(&spool, "civil", "", &cursor, &fault), 0);
    assert_true(kw_view_is(kw_view_of(&cursor), "page 1"));
    assert_int_equal(spool.documents, 1);
    assert_int_equal(spool.bytes, 5);
    assert_int_equal(add(&spool, "a@1", "in another form"), -EEXIST);
    assert_int_equal(add(&spool, "a@2", "a later version"), 0);
    assert_int_equal(kw_spool_commit(&spool, &fault), 0);
    kw_spool_close(&spool);

    spool = open_spool(1 << 20);
    assert_int_equal(kw_spool_document_next(&spool, "civil", 0, &document, &fault), 0);
    assert_true(kw_view_is(kw_view_of(&document.body), "first"));
    assert_string_equal(document.stylesheet, "sheet");
    assert_int_equal(kw_spool_document_next(&spool, "border", 0, &document, &fault), -ENOENT);
    assert_int_equal(kw_spool_document_drop(&spool, &document, &fault), 0);
    assert_int_equal(kw_spool_seen(&spool, "civil", kw_view_text("a@1"), &seen, &fault), 0);
    assert_true(seen); /* delivered or not: one form of a version */
    assert_int_equal(kw_spool_seen(&spool, "border", kw_view_text("a@1"), &seen, &fault), 0);
    assert_false(seen); /* another registry's names are its own */
    kw_document_clear(&document);
    kw_buf_clear(&cursor);
    kw_spool_close(&spool);
}

static void quarantine(void **state)
{
    struct kw_spool spool = open_spool(8);
    struct kw_fault reason = {.code = KW_E_MAPPING, .line = 3, .place = "child"};
    struct kw_document document = {0};
    struct kw_buf json = {0};
    uint64_t count = 0;
    assert_int_equal(add(&spool, "a@1", "unreadable"), 0);
    assert_int_equal(kw_spool_document_next(&spool, "civil", 0, &document, &fault), 0);
    assert_false(kw_spool_accepts(&spool)); /* 10 bytes of 8 */
    assert_int_equal(kw_spool_quarantine(&spool, "civil", &document, &reason, &fault), 0);
    assert_int_equal(kw_spool_commit(&spool, &fault), 0);
    assert_true(kw_spool_accepts(&spool));
    assert_int_equal(kw_spool_status(scratch, "spool", &json, &fault), 0);
    assert_non_null(strstr((char *)json.data, "\"quarantined\":1"));
    assert_non_null(strstr((char *)json.data, "\"quarantined_codes\":{\"mapping\":1}"));
    assert_int_equal(kw_spool_requeue(&spool, &count, &fault), 0);
    assert_int_equal(count, 1);
    assert_int_equal(kw_spool_document_next(&spool, "civil", 0, &document, &fault), 0);
    assert_true(kw_view_is(kw_view_of(&document.body), "unreadable"));
    kw_document_clear(&document);
    kw_buf_clear(&json);
    kw_spool_close(&spool);
}

static int same_row(void *context, const struct kw_batch_row *row)
{
    const struct kw_batch_row *wanted = context;
    return row->number == wanted->number && row->count == wanted->count && memcmp(row->id, wanted->id, 16) == 0 ? 0 : -EBADMSG;
}

/* Live records before history; the signature is over what is sent; the bytes outlive the process. */
static void batches(void **state)
{
    struct kw_spool spool = open_spool(1 << 20);
    struct kw_buf header = {0}, payload = {0}, again = {0}, unused = {0}, bytes = {0};
    struct kw_batch_row row, history;
    struct kw_json *json = NULL;
    uint8_t root[KW_HASH_SIZE], stated[KW_HASH_SIZE], signature[KW_SIGNATURE_SIZE];
    kw_hash leaves[2];
    add_record(&spool, "old", 9, true);
    add_record(&spool, "a", 9, false);
    add_record(&spool, "b", 18, false);
    assert_int_equal(kw_spool_batch_make(&spool, &sender, 10, &row, &fault), 0);
    assert_int_equal(row.count, 2);
    assert_int_equal(kw_spool_commit(&spool, &fault), 0);
    assert_int_equal(kw_spool_batch_read(&spool, row.number, &header, &payload, &fault), 0);
    struct kw_view rest = kw_view_of(&payload), leaf, record;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kw_take_item(&rest, &leaf) | kw_take_item(&rest, &record), 0);
        kw_merkle_leaf(leaf, leaves[i]);
    }
    assert_int_equal(rest.size, 0);
    kw_merkle_root(leaves, 2, root);
    assert_int_equal(kw_json_parse(kw_view_of(&header), &json, &fault), 0);
    assert_int_equal(kw_json_get_base64(json, "root", stated, sizeof stated, &fault), 0);
    assert_memory_equal(root, stated, sizeof root);
    assert_int_equal(kw_json_get_base64(json, "signature", signature, sizeof signature, &fault), 0);
    assert_false(kw_json_true(json, "backfill"));
    assert_int_equal(kw_origin_bytes(kw_view_text("ke-civil"), kw_view_text("KE"), row.id, 2, root, &bytes), 0);
    assert_true(kw_verify(key->public_key, bytes.data, bytes.size, signature));
    kw_spool_close(&spool);

    spool = open_spool(1 << 20);
    assert_int_equal(spool.batches, 1);
    assert_int_equal(kw_spool_batch_each(&spool, same_row, &row, &fault), 0);
    assert_int_equal(kw_spool_batch_read(&spool, row.number, &unused, &again, &fault), 0);
    assert_true(kw_view_equal(kw_view_of(&again), kw_view_of(&payload)) && kw_view_equal(kw_view_of(&unused), kw_view_of(&header)));
    assert_int_equal(kw_spool_batch_make(&spool, &sender, 10, &history, &fault), 0);
    assert_int_equal(kw_spool_batch_read(&spool, history.number, &header, &payload, &fault), 0);
    assert_non_null(strstr((char *)header.data, "\"backfill\":true"));
    assert_int_equal(kw_spool_batch_make(&spool, &sender, 10, &history, &fault), -ENOENT);
    kw_json_free(json);
    kw_buf_clear(&header), kw_buf_clear(&payload), kw_buf_clear(&again), kw_buf_clear(&unused), kw_buf_clear(&bytes);
    kw_spool_close(&spool);
}

static unsigned told;
static void tell(void *context, const struct kw_result *result)
{
    assert_string_equal(result->label, told++ ? "b" : "a");
}

/* A receipt ends a batch; what was rejected is kept with its bytes, under the code. */
static void receipts(void **state)
{
    struct kw_spool spool = open_spool(1 << 20);
    struct kw_batch_row row;
    struct kw_buf json = {0};
    struct kw_result results[2] = {{.outcome = KW_ACCEPTED, .position = 7},
                                   {.outcome = KW_E_SCHEMA, .rejected = true, .place = kw_view_text("sex")}};
    add_record(&spool, "a", 9, false);
    add_record(&spool, "b", 9, false);
    assert_int_equal(kw_spool_batch_make(&spool, &sender, 10, &row, &fault), 0);
    told = 0;
    assert_int_equal(kw_spool_batch_done(&spool, &row, kw_view_text("{}"), kw_view_text("signature"), results, tell, NULL, &fault),
                     0);
    assert_int_equal(told, 2);
    assert_int_equal(kw_spool_commit(&spool, &fault), 0);
    assert_int_equal(spool.batches + spool.records + spool.bytes, 0);
    assert_int_equal(kw_spool_status(scratch, "spool", &json, &fault), 0);
    assert_non_null(strstr((char *)json.data, "\"outcomes\":{\"accepted\":1,\"rejected\":1}"));
    assert_non_null(strstr((char *)json.data, "\"refused_codes\":{\"schema\":1}"));
    assert_non_null(strstr((char *)json.data, "\"receipts\":1"));
    kw_buf_clear(&json);
    kw_spool_close(&spool);
}

static void one_process(void **state)
{
    struct kw_spool spool = open_spool(1 << 20), other;
    assert_int_equal(kw_spool_open(scratch, "spool", 1 << 20, &other, &fault), -EBUSY);
    assert_int_equal(kw_spool_open(scratch, "submit", 1 << 20, &other, &fault), 0);
    kw_spool_close(&other);
    kw_spool_close(&spool);
}

/* A full disk: what was committed stays, what was not is undone; receipts make space again, and then the spool takes more. */
static void full_disk(void **state)
{
    static char large[100001];
    struct kw_batch_row row;
    unsigned kept = 0;
    int r = 0;
    if (!scratch_small_disk("size=16m")) {
        print_message("# no small disk: mounting is not allowed here\n");
        skip();
    }
    struct kw_spool spool = open_spool(1 << 30);
    memset(large, 'x', sizeof large - 1);
    add_record(&spool, "a", 200000, false);
    assert_int_equal(kw_spool_batch_make(&spool, &sender, 10, &row, &fault), 0);
    assert_int_equal(kw_spool_commit(&spool, &fault), 0);
    for (; kept < 1000 && r == 0; kept += r == 0) {
        char source[16];
        snprintf(source, sizeof source, "%u", kept);
        r = add(&spool, source, large);
        const int committed = kw_spool_commit(&spool, &fault);
        r = r < 0 ? r : committed;
    }
    assert_int_equal(r, -ENOSPC);
    assert_true(spool.full && !kw_spool_accepts(&spool) && !spool.begun);
    assert_in_range(kept, 10, 160);
    assert_int_equal(spool.documents, kept);
    struct kw_result result = {.outcome = KW_ACCEPTED, .position = 1};
    assert_int_equal(kw_spool_batch_done(&spool, &row, kw_view_text("{}"), kw_view_text("s"), &result, NULL, NULL, &fault), 0);
    assert_int_equal(kw_spool_commit(&spool, &fault), 0);
    struct kw_document document = {0};
    for (unsigned i = 0; i < 1000 && kw_spool_document_next(&spool, "civil", 0, &document, &fault) == 0; i++) {
        r = kw_spool_document_drop(&spool, &document, &fault);
        const int committed = kw_spool_commit(&spool, &fault);
        if (r < 0 || committed < 0)
            assert_true(r == -ENOSPC || committed == -ENOSPC);
        kw_spool_heal(&spool);
    }
    assert_int_equal(spool.documents, 0);
    assert_true(kw_spool_accepts(&spool));
    kw_document_clear(&document);
    assert_int_equal(add(&spool, "after", "small"), 0);
    assert_int_equal(kw_spool_commit(&spool, &fault), 0);
    kw_spool_close(&spool);
    umount(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sources_and_cursors, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(warnings_are_bounded, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(quarantine, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(batches, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(receipts, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(one_process, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(full_disk, scratch_make, scratch_remove),
    };
    if (kw_crypto_init() < 0 || kw_sign_key_new(&key) < 0)
        return 1;
    sender = (struct kw_sender){"ke-civil", "KE", key};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kw_sign_key_free(key);
    return failed;
}
