/* SPDX-License-Identifier: Apache-2.0 */
/* refuse.c - what was rejected (cause and hash) and what is quarantined (with its body, sealed). */
#include "journal/private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static int body_context(uint64_t number, bool key, struct kw_buf *ret_context)
{
    ret_context->size = 0;
    int error = kw_buf_text(ret_context, key ? "kinward/quarantine-key/v1" : "kinward/quarantine/v1");
    return error < 0 ? error : kw_buf_u64(ret_context, number);
}

static int reject(struct kw_journal *journal, const struct kw_refusal *refusal, struct kw_fault *fault)
{
    struct kw_query *query;
    uint64_t number = journal->now.rejected + 1;
    int error = kw_query(journal->self.store,
                         "INSERT INTO rejected(number, kind, principal, batch, slot, code, place, hash, at_ms)"
                         " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)number);
    kw_bind_integer(query, 2, refusal->kind);
    kw_bind_integer(query, 3, refusal->principal);
    kw_bind_integer(query, 4, (int64_t)refusal->batch);
    kw_bind_integer(query, 5, refusal->slot);
    kw_bind_text(query, 6, kw_code_name(refusal->code));
    kw_bind_text(query, 7, refusal->place);
    kw_bind_blob(query, 8, (struct kw_view){refusal->hash, sizeof(refusal->hash)});
    kw_bind_integer(query, 9, refusal->at_ms);
    error = kw_query_run(query, NULL, fault);
    if (error == 0)
        journal->now.rejected = number;
    return error;
}

int kw_journal_reject(struct kw_journal *journal, const struct kw_refusal *refusal, struct kw_fault *fault)
{
    assert(journal->open);
    return kw_journal_doom(journal, reject(journal, refusal, fault));
}

static int seal_body(struct kw_journal *journal, const struct kw_refusal *refusal, uint64_t number)
{
    uint8_t body_key[KW_KEY_SIZE], salt[KW_KEY_SIZE];
    struct kw_buf *plain = &journal->self.plain, *context = &journal->self.context;
    plain->size = journal->wrapped.size = journal->sealed.size = 0;
    int error = body_context(number, true, context);
    if (error == 0)
        error = kw_row_key_new(&journal->self.keys, kw_view_of(context), &journal->wrapped, body_key, salt);
    if (error < 0)
        return error;
    error = body_context(number, false, context);
    if (error == 0)
        error = kw_put_item(plain, refusal->body.data, refusal->body.size);
    if (error == 0)
        error = kw_put_item(plain, refusal->origin_leaf.data, refusal->origin_leaf.size);
    if (error == 0)
        error = kw_encrypt(body_key, kw_view_of(context), kw_view_of(plain), &journal->sealed);
    kw_wipe(body_key, sizeof(body_key));
    kw_wipe(salt, sizeof(salt));
    return error;
}

static int quarantine(struct kw_journal *journal, const struct kw_refusal *refusal, uint64_t *ret_number, struct kw_fault *fault)
{
    struct kw_query *query;
    uint64_t number = journal->now.quarantined + 1;
    if (seal_body(journal, refusal, number) < 0)
        return kw_journal_no_memory(fault);
    int error = kw_query(journal->self.store,
                         "INSERT INTO quarantine(number, kind, principal, batch, slot, flags, attempts, code, place, at_ms,"
                         " wrapped_key, body) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)number);
    kw_bind_integer(query, 2, refusal->kind);
    kw_bind_integer(query, 3, refusal->principal);
    kw_bind_integer(query, 4, (int64_t)refusal->batch);
    kw_bind_integer(query, 5, refusal->slot);
    kw_bind_integer(query, 6, refusal->flags);
    kw_bind_integer(query, 7, refusal->attempts);
    kw_bind_text(query, 8, kw_code_name(refusal->code));
    kw_bind_text(query, 9, refusal->place);
    kw_bind_integer(query, 10, refusal->at_ms);
    kw_bind_blob(query, 11, kw_view_of(&journal->wrapped));
    kw_bind_blob(query, 12, kw_view_of(&journal->sealed));
    error = kw_query_run(query, NULL, fault);
    if (error < 0)
        return error;
    journal->now.quarantined = number;
    *ret_number = number;
    return 0;
}

int kw_journal_quarantine(struct kw_journal *journal, const struct kw_refusal *refusal, uint64_t *ret_number,
                          struct kw_fault *fault)
{
    assert(journal->open);
    return kw_journal_doom(journal, quarantine(journal, refusal, ret_number, fault));
}

/* 0 when it is there and open; nothing is written, so that nothing is doomed. */
static int need_open(struct kw_journal *journal, uint64_t number, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(journal->self.store, "SELECT state FROM quarantine WHERE number = ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)number);
    int step = kw_query_step(query, fault);
    int64_t state = step == 1 ? kw_column_integer(query, 0) : 0;
    kw_query_reset(query);
    if (step < 0)
        return step;
    if (step == 0)
        return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "quarantine", "there is no number %llu", (unsigned long long)number);
    return state == KW_QUARANTINE_OPEN ? 0 : kw_fail(fault, -EINVAL, KW_E_STATE, "quarantine", "it is not open any more");
}

int kw_journal_quarantine_attempt(struct kw_journal *journal, uint64_t number, struct kw_fault *fault)
{
    struct kw_query *query;
    assert(journal->open);
    int error = need_open(journal, number, fault);
    if (error == 0)
        error = kw_query(journal->self.store, "UPDATE quarantine SET attempts = attempts + 1 WHERE number = ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)number);
    return kw_journal_doom(journal, kw_query_run(query, NULL, fault));
}

int kw_journal_quarantine_settle(struct kw_journal *journal, uint64_t number, enum kw_quarantine_state state, const char *by,
                                 const char *reason, int64_t at_ms, struct kw_fault *fault)
{
    struct kw_query *query;
    assert(journal->open && state != KW_QUARANTINE_OPEN);
    if (!*reason || !*by || strlen(reason) > 256 || strlen(by) > 64)
        return kw_fail(fault, -EINVAL, KW_E_STATE, "reason", "who and why are needed, of at most 64 and 256 bytes");
    int error = need_open(journal, number, fault);
    if (error == 0)
        error =
            kw_query(journal->self.store,
                     "UPDATE quarantine SET state = ?, closed_by = ?, reason = ?, closed_ms = ? WHERE number = ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, state);
    kw_bind_text(query, 2, by);
    kw_bind_text(query, 3, reason);
    kw_bind_integer(query, 4, at_ms);
    kw_bind_integer(query, 5, (int64_t)number);
    return kw_journal_doom(journal, kw_query_run(query, NULL, fault));
}

static void copy_text(char *ret_text, size_t size, struct kw_view text)
{
    snprintf(ret_text, size, "%.*s", (int)text.size, text.data ? (const char *)text.data : "");
}

/* Columns that both tables begin with: number, kind, principal, batch, slot, code, place, at_ms. */
static void take_common(struct kw_query *query, struct kw_refusal *refusal)
{
    memset(refusal, 0, sizeof(*refusal));
    refusal->number = (uint64_t)kw_column_integer(query, 0);
    refusal->kind = (enum kw_entry_kind)kw_column_integer(query, 1);
    refusal->principal = (uint32_t)kw_column_integer(query, 2);
    refusal->batch = (uint64_t)kw_column_integer(query, 3);
    refusal->slot = (uint32_t)kw_column_integer(query, 4);
    if (!kw_code_parse(kw_column_text(query, 5), &refusal->code))
        refusal->code = KW_E_INTERNAL; /* a code that this version does not know */
    copy_text(refusal->place, sizeof(refusal->place), kw_column_text(query, 6));
    refusal->at_ms = kw_column_integer(query, 7);
}

#define QUARANTINE_COLUMNS                                                                                                         \
    "number, kind, principal, batch, slot, code, place, at_ms, flags, attempts, state, closed_by, reason, closed_ms"

static void take_quarantined(struct kw_query *query, struct kw_refusal *refusal)
{
    take_common(query, refusal);
    refusal->flags = (uint32_t)kw_column_integer(query, 8);
    refusal->attempts = (uint32_t)kw_column_integer(query, 9);
    refusal->state = (enum kw_quarantine_state)kw_column_integer(query, 10);
    copy_text(refusal->closed_by, sizeof(refusal->closed_by), kw_column_text(query, 11));
    copy_text(refusal->reason, sizeof(refusal->reason), kw_column_text(query, 12));
    refusal->closed_ms = kw_column_integer(query, 13);
}

static int list(struct kw_journal_reader *reader, const char *sql, bool quarantined, uint64_t after, uint32_t limit,
                kw_refusal_visit *visit, void *context, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, sql, &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)after);
    kw_bind_integer(query, 2, limit);
    int step;
    while (error == 0 && (step = kw_query_step(query, fault)) != 0) {
        struct kw_refusal refusal;
        if (step < 0) {
            error = step;
            break;
        }
        if (quarantined)
            take_quarantined(query, &refusal);
        else
            take_common(query, &refusal);
        struct kw_view hash = quarantined ? (struct kw_view){0} : kw_column_blob(query, 8);
        if (hash.size == sizeof(refusal.hash))
            memcpy(refusal.hash, hash.data, hash.size);
        error = visit(context, &refusal);
    }
    kw_query_reset(query);
    return error;
}

int kw_journal_rejected_list(struct kw_journal_reader *reader, uint64_t after, uint32_t limit, kw_refusal_visit *visit,
                             void *context, struct kw_fault *fault)
{
    return list(reader,
                "SELECT number, kind, principal, batch, slot, code, place, at_ms, hash FROM rejected WHERE number > ?"
                " ORDER BY number LIMIT ?",
                false, after, limit, visit, context, fault);
}

int kw_journal_quarantine_list(struct kw_journal_reader *reader, bool open_only, uint64_t after, uint32_t limit,
                               kw_refusal_visit *visit, void *context, struct kw_fault *fault)
{
    return list(reader,
                open_only ? "SELECT " QUARANTINE_COLUMNS " FROM quarantine WHERE state = 0 AND number > ? ORDER BY number LIMIT ?"
                          : "SELECT " QUARANTINE_COLUMNS " FROM quarantine WHERE number > ? ORDER BY number LIMIT ?",
                true, after, limit, visit, context, fault);
}

static int open_body(struct kw_journal_reader *reader, struct kw_refusal *refusal, struct kw_view wrapped, struct kw_view body)
{
    uint8_t body_key[KW_KEY_SIZE], salt[KW_KEY_SIZE];
    reader->plain.size = 0;
    int error = body_context(refusal->number, true, &reader->context);
    if (error == 0)
        error = kw_row_key_open(&reader->keys, kw_view_of(&reader->context), wrapped, body_key, salt);
    if (error < 0)
        return error;
    error = body_context(refusal->number, false, &reader->context);
    if (error == 0)
        error = kw_decrypt(body_key, kw_view_of(&reader->context), body, &reader->plain);
    kw_wipe(body_key, sizeof(body_key));
    kw_wipe(salt, sizeof(salt));
    struct kw_view rest = kw_view_of(&reader->plain);
    if (error == 0 && (kw_take_item(&rest, &refusal->body) < 0 || kw_take_item(&rest, &refusal->origin_leaf) < 0))
        error = -EBADMSG;
    return error;
}

int kw_journal_quarantine_show(struct kw_journal_reader *reader, uint64_t number, struct kw_refusal *ret_refusal,
                               struct kw_fault *fault)
{
    struct kw_query *query;
    struct kw_refusal refusal;
    int error =
        kw_query(reader->store, "SELECT " QUARANTINE_COLUMNS ", wrapped_key, body FROM quarantine WHERE number = ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)number);
    int step = kw_query_step(query, fault);
    if (step == 1) {
        take_quarantined(query, &refusal);
        if (!kw_column_is_null(query, 14)) /* else erased */
            error = open_body(reader, &refusal, kw_column_blob(query, 14), kw_column_blob(query, 15));
    }
    kw_query_reset(query);
    if (step < 0)
        return step;
    if (step == 0)
        return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "quarantine", "there is no number %llu", (unsigned long long)number);
    if (error < 0)
        return error == -ENOMEM ? kw_journal_no_memory(fault) : kw_journal_corrupt(fault, "quarantine", number);
    *ret_refusal = refusal;
    return 0;
}
