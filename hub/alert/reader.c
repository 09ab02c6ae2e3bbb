/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c - detect.db for the feed, ledger and control actors: streams, commitments, review. */
#include "alert/private.h"

#include "json/json.h"

int kw_alert_reader_open(const char *dir, const uint8_t vault[32], struct kw_alert_reader **ret_reader, struct kw_fault *fault)
{
    struct kw_alert_reader *reader = kw_alloc(sizeof(*reader));
    char path[4096];
    int r;

    if (reader == NULL)
        return kw_alert_trouble(-ENOMEM, fault);
    kw_alert_keys(vault, &reader->keys);
    r = kw_alert_trouble(kw_path_join(path, sizeof(path), dir, KW_ALERT_DB), fault);
    if (r == 0)
        r = kw_store_open_reader(path, &reader->store, fault);
    if (r < 0) {
        kw_alert_reader_close(reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

void kw_alert_reader_close(struct kw_alert_reader *reader)
{
    if (reader == NULL)
        return;
    kw_store_close(reader->store);
    kw_wipe(&reader->keys, sizeof(reader->keys));
    kw_free(reader);
}

/* ---- streams ------------------------------------------------------------------------------------ */

int kw_alert_stream(struct kw_alert_reader *reader, const char *principal, struct kw_alert_stream *ret_stream,
                    struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(reader->store,
                     "SELECT state.value,coalesce(stream.last,0),coalesce(stream.received,0) FROM state "
                     "LEFT JOIN stream ON stream.name=?1 WHERE state.name='epoch'",
                     &query, fault);

    if (r < 0)
        return r;
    kw_bind_text(query, 1, principal);
    r = kw_query_step(query, fault);
    if (r == 1)
        *ret_stream = (struct kw_alert_stream){(uint64_t)kw_column_integer(query, 0), (uint64_t)kw_column_integer(query, 1),
                                               (uint64_t)kw_column_integer(query, 2)};
    kw_query_reset(query);
    return r == 1 ? 0 : r < 0 ? r : kw_alert_trouble(-EBADMSG, fault);
}

static int take_item(struct kw_query *query, struct kw_alert_item *ret_item)
{
    struct kw_view previous = kw_column_blob(query, 1);

    if (previous.size != KW_HASH_SIZE)
        return -EBADMSG;
    ret_item->number = (uint64_t)kw_column_integer(query, 0);
    memcpy(ret_item->previous, previous.data, KW_HASH_SIZE);
    ret_item->envelope = kw_column_blob(query, 2);
    ret_item->signature = kw_column_blob(query, 3);
    ret_item->key = kw_column_blob(query, 4);
    ret_item->body = kw_column_blob(query, 5);
    return 0;
}

int kw_alert_items(struct kw_alert_reader *reader, const char *principal, uint64_t from, uint32_t limit,
                   int (*visit)(void *context, const struct kw_alert_item *item), void *context, struct kw_fault *fault)
{
    struct kw_query *query;
    struct kw_alert_item item;
    int r = kw_query(reader->store,
                     "SELECT number,previous,envelope,signature,key,body FROM outbox "
                     "WHERE stream=(SELECT principal FROM stream WHERE name=?1) AND number>=?2 ORDER BY number LIMIT ?3",
                     &query, fault);

    if (r < 0)
        return r;
    kw_bind_text(query, 1, principal);
    kw_bind_integer(query, 2, from > INT64_MAX ? INT64_MAX : (int64_t)from);
    kw_bind_integer(query, 3, limit);
    while ((r = kw_query_step(query, fault)) == 1) {
        r = kw_alert_trouble(take_item(query, &item), fault);
        if (r == 0)
            r = visit(context, &item);
        if (r != 0)
            break;
    }
    kw_query_reset(query);
    return r;
}

int kw_alert_addressed(struct kw_alert_reader *reader, const uint8_t alert[16], uint32_t revision, const char *principal,
                       struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(reader->store,
                     "SELECT 1 FROM outbox WHERE alert=?1 AND revision=?2 AND stream=(SELECT principal FROM stream WHERE name=?3)",
                     &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){alert, KW_ALERT_ID_SIZE});
    kw_bind_integer(query, 2, revision);
    kw_bind_text(query, 3, principal);
    r = kw_query_step(query, fault);
    kw_query_reset(query);
    return r == 1 ? 0 : r == 0 ? kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "alert", "%s", kw_code_text(KW_E_NOT_FOUND)) : r;
}

/* ---- commitments ---------------------------------------------------------------------------------- */

int kw_alert_commitments(struct kw_alert_reader *reader, uint64_t after, uint32_t limit,
                         int (*visit)(void *context, uint64_t number, const uint8_t commitment[KW_HASH_SIZE]), void *context,
                         struct kw_fault *fault)
{
    struct kw_query *query;
    int r =
        kw_query(reader->store, "SELECT number,commitment FROM commitment WHERE number>?1 ORDER BY number LIMIT ?2", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, after > INT64_MAX ? INT64_MAX : (int64_t)after);
    kw_bind_integer(query, 2, limit);
    while ((r = kw_query_step(query, fault)) == 1) {
        struct kw_view commitment = kw_column_blob(query, 1);

        r = commitment.size == KW_HASH_SIZE ? visit(context, (uint64_t)kw_column_integer(query, 0), commitment.data)
                                            : kw_alert_trouble(-EBADMSG, fault);
        if (r != 0)
            break;
    }
    kw_query_reset(query);
    return r;
}

int kw_alert_committed(struct kw_alert_reader *reader, const uint8_t alert[16], uint32_t revision, uint64_t *ret_number,
                       uint8_t ret_salt[KW_HASH_SIZE], struct kw_buf *ret_statement, struct kw_fault *fault)
{
    struct kw_query *query;
    uint64_t number = 0;
    int r = kw_query(reader->store, "SELECT number FROM commitment WHERE alert=?1 AND revision=?2", &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){alert, KW_ALERT_ID_SIZE});
    kw_bind_integer(query, 2, revision);
    r = kw_query_step(query, fault);
    if (r == 1)
        number = (uint64_t)kw_column_integer(query, 0);
    kw_query_reset(query);
    if (r < 1)
        return r < 0 ? r : kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "alert", "%s", kw_code_text(KW_E_NOT_FOUND));
    r = kw_revision_read(reader->store, &reader->keys, alert, revision, ret_statement, ret_salt, NULL, fault);
    if (r == 0)
        *ret_number = number;
    return r;
}

/* ---- review ------------------------------------------------------------------------------------------ */

static int take_review(struct kw_query *query, char texts[3][80], struct kw_alert_review *ret_review)
{
    struct kw_view id = kw_column_blob(query, 0);

    if (id.size != KW_ALERT_ID_SIZE)
        return -EBADMSG;
    for (int i = 0; i < 3; i++) {
        struct kw_view text = kw_column_text(query, 2 + i);

        snprintf(texts[i], 80, "%.*s", (int)text.size, text.size > 0 ? (const char *)text.data : "");
    }
    memcpy(ret_review->alert, id.data, id.size);
    ret_review->revision = (uint32_t)kw_column_integer(query, 1);
    ret_review->rule = texts[0];
    ret_review->reason = texts[1];
    ret_review->registry = texts[2];
    ret_review->since_ms = kw_column_integer(query, 5);
    ret_review->backfill = kw_column_integer(query, 6) != 0;
    return 0;
}

int kw_alert_review_list(struct kw_alert_reader *reader, int (*visit)(void *context, const struct kw_alert_review *review),
                         void *context, struct kw_fault *fault)
{
    struct kw_alert_review review;
    struct kw_query *query;
    char texts[3][80];
    int r = kw_query(reader->store,
                     "SELECT alert.id,alert.revision,rule,reason,registry,revision.at,backfill FROM alert "
                     "JOIN revision ON revision.alert=alert.id AND revision.revision=alert.revision "
                     "WHERE standing=2 ORDER BY tier,revision.at,alert.id",
                     &query, fault);

    if (r < 0)
        return r;
    while ((r = kw_query_step(query, fault)) == 1) {
        r = kw_alert_trouble(take_review(query, texts, &review), fault);
        if (r == 0)
            r = visit(context, &review);
        if (r != 0)
            break;
    }
    kw_query_reset(query);
    return r;
}

/* The row of an alert that waits with that revision. */
static int find_waiting(struct kw_alert_reader *reader, const uint8_t alert[16], uint32_t revision, struct kw_fault *fault)
{
    struct alert row;
    int r = kw_alert_row(reader->store, alert, &row, fault);

    if (r == 0)
        return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "alert", "%s", kw_code_text(KW_E_NOT_FOUND));
    if (r == 1 && (row.standing != STANDING_REVIEW || row.revision != revision))
        return kw_fail(fault, -ESTALE, KW_E_STATE, "alert", "this revision does not wait for a review");
    return r < 0 ? r : 0;
}

int kw_alert_review_show(struct kw_alert_reader *reader, const uint8_t alert[16], uint32_t revision, struct kw_buf *ret_statement,
                         struct kw_fault *fault)
{
    int r = find_waiting(reader, alert, revision, fault);

    if (r == -ESTALE)
        return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "alert", "%s", kw_code_text(KW_E_NOT_FOUND));
    return r == 0 ? kw_revision_read(reader->store, &reader->keys, alert, revision, ret_statement, NULL, NULL, fault) : r;
}

int kw_alert_decide(struct kw_alert_reader *reader, const struct kw_alert_decision *decision, struct kw_buf *ret_json,
                    struct kw_fault *fault)
{
    struct kw_json_out json = {.out = ret_json};
    size_t before = ret_json->size;
    int r = find_waiting(reader, decision->alert, decision->revision, fault);

    if (r < 0)
        return r;
    kw_json_object(&json, NULL);
    kw_json_string(&json, "decision", decision->release ? "release" : "dismiss");
    kw_json_hex(&json, "alert", decision->alert, sizeof(decision->alert));
    kw_json_integer(&json, "revision", decision->revision);
    kw_json_string(&json, "by", decision->by);
    kw_json_string(&json, "role", decision->role);
    kw_json_string(&json, "reason", decision->reason == NULL ? "" : decision->reason);
    kw_json_close(&json, '}');
    r = kw_json_end(&json);
    if (r < 0)
        ret_json->size = before;
    return kw_alert_trouble(r, fault);
}
