/* SPDX-License-Identifier: Apache-2.0 */
/* issue.c - a revision is stored, committed to, and put into the streams of its recipients (protocol.md §6). */
#include "alert/private.h"

/* ---- revisions --------------------------------------------------------------------------------- */

struct sealed {
    struct kw_buf wrapped, body;
    uint8_t commitment[KW_HASH_SIZE];
};

static void clear_sealed(struct sealed *sealed)
{
    kw_buf_clear(&sealed->wrapped);
    kw_buf_clear(&sealed->body);
}

static int seal_revision(const struct keys *keys, const struct alert *alert, struct kw_view statement, struct sealed *ret_sealed)
{
    KW_AUTO(kw_buf_clear) struct kw_buf wrap = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf context = {0};
    uint8_t record_key[32], body_key[32], salt[32], digest[KW_HASH_SIZE];
    struct kw_view id = {alert->id, sizeof(alert->id)};
    int r = kw_row_context(&wrap, 'k', id, alert->revision);

    if (r == 0)
        r = kw_row_context(&context, 'r', id, alert->revision);
    kw_random(record_key, sizeof(record_key));
    kw_record_keys(record_key, body_key, salt);
    if (r == 0)
        r = kw_encrypt(keys->wrap, kw_view_of(&wrap), (struct kw_view){record_key, sizeof(record_key)}, &ret_sealed->wrapped);
    if (r == 0)
        r = kw_encrypt(body_key, kw_view_of(&context), statement, &ret_sealed->body);
    kw_record_digest(statement, (struct kw_view){0}, digest);
    kw_commitment(salt, digest, ret_sealed->commitment);
    kw_wipe(record_key, sizeof(record_key));
    kw_wipe(body_key, sizeof(body_key));
    return r;
}

static int put_commitment(struct kw_alerts *alerts, const struct alert *alert, const struct sealed *sealed, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store,
                     "INSERT INTO commitment(number,alert,revision,commitment) "
                     "SELECT coalesce(max(number),0)+1,?1,?2,?3 FROM commitment",
                     &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){alert->id, sizeof(alert->id)});
    kw_bind_integer(query, 2, alert->revision);
    kw_bind_blob(query, 3, (struct kw_view){sealed->commitment, sizeof(sealed->commitment)});
    return kw_query_run(query, NULL, fault);
}

static int put_revision(struct kw_alerts *alerts, const struct alert *alert, const struct issue *issue, size_t core_at,
                        const struct sealed *sealed, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store,
                     "INSERT OR REPLACE INTO revision(alert,revision,type,at,core_at,core_size,wrapped,body) "
                     "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
                     &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){alert->id, sizeof(alert->id)});
    kw_bind_integer(query, 2, alert->revision);
    kw_bind_integer(query, 3, issue->type);
    kw_bind_integer(query, 4, issue->now_ms);
    kw_bind_integer(query, 5, (int64_t)core_at);
    kw_bind_integer(query, 6, (int64_t)issue->core.size);
    kw_bind_blob(query, 7, kw_view_of(&sealed->wrapped));
    kw_bind_blob(query, 8, kw_view_of(&sealed->body));
    return kw_query_run(query, NULL, fault);
}

static int open_revision(const struct keys *keys, struct kw_view id, uint32_t revision, struct kw_query *query,
                         struct kw_buf *ret_statement, uint8_t ret_salt[KW_HASH_SIZE], struct kw_view *ret_core)
{
    KW_AUTO(kw_buf_clear) struct kw_buf wrap = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf context = {0};
    KW_AUTO(kw_buf_wipe) struct kw_buf record_key = {0};
    uint8_t body_key[32], salt[32];
    size_t before = ret_statement->size, at = (size_t)kw_column_integer(query, 0), size = (size_t)kw_column_integer(query, 1);
    int r = kw_row_context(&wrap, 'k', id, revision);

    if (r == 0)
        r = kw_row_context(&context, 'r', id, revision);
    if (r == 0)
        r = kw_decrypt(keys->wrap, kw_view_of(&wrap), kw_column_blob(query, 2), &record_key);
    if (r == 0 && record_key.size != 32)
        r = -EBADMSG;
    if (r < 0)
        return r;
    kw_record_keys(record_key.data, body_key, salt);
    r = kw_decrypt(body_key, kw_view_of(&context), kw_column_blob(query, 3), ret_statement);
    kw_wipe(body_key, sizeof(body_key));
    if (r == 0)
        r = kw_buf_append(ret_statement, "", 0); /* ends it with NUL */
    if (r == 0 && (at > ret_statement->size - before || size > ret_statement->size - before - at))
        r = -EBADMSG;
    if (r == 0 && ret_core != NULL)
        *ret_core = (struct kw_view){ret_statement->data + before + at, size};
    if (r == 0 && ret_salt != NULL)
        memcpy(ret_salt, salt, sizeof(salt));
    return r;
}

int kw_revision_read(struct kw_store *store, const struct keys *keys, const uint8_t alert[KW_ALERT_ID_SIZE], uint32_t revision,
                     struct kw_buf *ret_statement, uint8_t ret_salt[KW_HASH_SIZE], struct kw_view *ret_core, struct kw_fault *fault)
{
    struct kw_view id = {alert, KW_ALERT_ID_SIZE};
    struct kw_query *query;
    int r = kw_query(store, "SELECT core_at,core_size,wrapped,body FROM revision WHERE alert=?1 AND revision=?2", &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, id);
    kw_bind_integer(query, 2, revision);
    r = kw_query_step(query, fault);
    if (r == 1)
        r = kw_alert_trouble(open_revision(keys, id, revision, query, ret_statement, ret_salt, ret_core), fault);
    else if (r == 0)
        r = kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "alert", "%s", kw_code_text(KW_E_NOT_FOUND));
    kw_query_reset(query);
    return r;
}

int kw_alert_issue(struct kw_alerts *alerts, struct alert *alert, const struct issue *issue, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf statement = {0};
    KW_AUTO(clear_sealed) struct sealed sealed = {0};
    size_t core_at;
    int r;

    if (!issue->again)
        alert->revision++;
    alert->expires_ms = issue->now_ms + alerts->expire_ms[alert->tier <= 3 ? alert->tier : 3];
    r = kw_statement(alerts, alert, issue->type, issue->now_ms, issue->review, issue->core, &statement, &core_at);
    if (r == 0)
        r = seal_revision(&alerts->keys, alert, kw_view_of(&statement), &sealed);
    if (r < 0)
        return kw_alert_trouble(r, fault);
    r = put_revision(alerts, alert, issue, core_at, &sealed, fault);
    if (r < 0 || issue->type == 0)
        return r;
    alert->sent = alert->revision;
    r = put_commitment(alerts, alert, &sealed, fault);
    return r == 0 ? kw_alert_send(alerts, alert, issue, kw_view_of(&statement), fault) : r;
}
