/* SPDX-License-Identifier: Apache-2.0 */
/* principal.c - who may speak to the hub. Each row carries a keyed mark, so that nobody gains a role by editing the file. */
#include "journal/private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const struct {
    enum kw_role role;
    const char *name;
} role_names[] = {{KW_ROLE_REGISTRY, "registry"},
                  {KW_ROLE_BORDER, "border"},
                  {KW_ROLE_AGENCY, "agency"},
                  {KW_ROLE_AUDITOR, "auditor"},
                  {KW_ROLE_WITNESS, "witness"}};

const char *kw_role_name(enum kw_role role)
{
    for (size_t i = 0; i < KW_COUNT(role_names); i++)
        if (role_names[i].role == role)
            return role_names[i].name;
    return "";
}

int kw_roles_parse(const char *text, unsigned *ret_roles, struct kw_fault *fault)
{
    unsigned roles = 0;
    for (size_t size; *text; text += size) {
        size = strcspn(text, " ,");
        size_t i = 0;
        while (i < KW_COUNT(role_names) && (strlen(role_names[i].name) != size || memcmp(role_names[i].name, text, size) != 0))
            i++;
        if (size && i == KW_COUNT(role_names))
            return kw_fail(fault, -EINVAL, KW_E_OPTION, "role", "roles are registry, border, agency, auditor, witness");
        if (size)
            roles |= role_names[i].role;
        size += strspn(text + size, " ,");
    }
    if (roles == 0)
        return kw_fail(fault, -EINVAL, KW_E_OPTION, "role", "at least one role is needed");
    *ret_roles = roles;
    return 0;
}

bool kw_mandate_covers(const char *list, const char *name)
{
    size_t size = strlen(name);
    if (strcmp(list, "*") == 0)
        return true;
    for (const char *at = list; *at; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if (word == size && memcmp(at, name, size) == 0)
            return true;
        at += word;
    }
    return false;
}

/* All but number, name and curve key, in the order of the columns' meaning; the mark is over those too. */
static int pack(const struct kw_principal *principal, struct kw_buf *ret_fields)
{
    const char *const texts[] = {principal->name,          principal->jurisdiction, principal->contact,    principal->rules,
                                 principal->jurisdictions, principal->log_key,      principal->witness_key};
    const int64_t times[] = {principal->added_ms, principal->rotated_ms, principal->revoked_ms};
    unsigned flags = (principal->revoked ? 1u : 0) | (principal->has_curve ? 2u : 0) | (principal->has_sign ? 4u : 0) |
                     (principal->has_box ? 8u : 0);
    int error = kw_buf_u32(ret_fields, principal->roles);
    if (error == 0)
        error = kw_buf_u32(ret_fields, flags);
    for (size_t i = 0; i < KW_COUNT(texts) && error == 0; i++)
        error = kw_put_item(ret_fields, texts[i], strlen(texts[i]));
    for (size_t i = 0; i < KW_COUNT(times) && error == 0; i++)
        error = kw_buf_u64(ret_fields, (uint64_t)times[i]);
    const uint8_t *const keys[] = {principal->curve, principal->sign, principal->box};
    for (size_t i = 0; i < KW_COUNT(keys) && error == 0; i++)
        error = kw_buf_append(ret_fields, keys[i], KW_KEY_SIZE);
    return error < 0 ? error : kw_buf_append(ret_fields, principal->fingerprint, sizeof(principal->fingerprint));
}

static int take_text(struct kw_view *rest, char *ret_text, size_t size)
{
    struct kw_view item;
    if (kw_take_item(rest, &item) < 0 || item.size >= size)
        return -EBADMSG;
    memcpy(ret_text, item.data, item.size);
    ret_text[item.size] = 0;
    return 0;
}

static int unpack(struct kw_view rest, struct kw_principal *principal)
{
    uint32_t roles, flags;
    if (kw_take_u32(&rest, &roles) < 0 || kw_take_u32(&rest, &flags) < 0 ||
        take_text(&rest, principal->name, sizeof(principal->name)) < 0 ||
        take_text(&rest, principal->jurisdiction, sizeof(principal->jurisdiction)) < 0 ||
        take_text(&rest, principal->contact, sizeof(principal->contact)) < 0 ||
        take_text(&rest, principal->rules, sizeof(principal->rules)) < 0 ||
        take_text(&rest, principal->jurisdictions, sizeof(principal->jurisdictions)) < 0 ||
        take_text(&rest, principal->log_key, sizeof(principal->log_key)) < 0 ||
        take_text(&rest, principal->witness_key, sizeof(principal->witness_key)) < 0)
        return -EBADMSG;
    int64_t *const times[] = {&principal->added_ms, &principal->rotated_ms, &principal->revoked_ms};
    for (size_t i = 0; i < KW_COUNT(times); i++) {
        uint64_t value;
        if (kw_take_u64(&rest, &value) < 0)
            return -EBADMSG;
        *times[i] = (int64_t)value;
    }
    uint8_t *const keys[] = {principal->curve, principal->sign, principal->box, principal->fingerprint};
    for (size_t i = 0; i < KW_COUNT(keys); i++) {
        struct kw_view bytes;
        size_t size = i < 3 ? KW_KEY_SIZE : sizeof(principal->fingerprint);
        if (kw_take(&rest, size, &bytes) < 0)
            return -EBADMSG;
        memcpy(keys[i], bytes.data, size);
    }
    principal->roles = roles;
    principal->revoked = flags & 1;
    principal->has_curve = flags & 2;
    principal->has_sign = flags & 4;
    principal->has_box = flags & 8;
    return rest.size == 0 ? 0 : -EBADMSG;
}

static void mark(const struct kw_journal_keys *keys, uint32_t number, struct kw_view fields, uint8_t ret_mark[KW_HASH_SIZE])
{
    uint8_t place[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
    kw_hmac_sha256((struct kw_view){keys->principal, sizeof(keys->principal)}, (struct kw_view){place, sizeof(place)}, fields,
                   ret_mark);
}

static int store_row(struct kw_journal *journal, const char *sql, const struct kw_principal *principal, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf fields = {0};
    uint8_t tag[KW_HASH_SIZE];
    struct kw_query *query;
    if (pack(principal, &fields) < 0)
        return kw_journal_no_memory(fault);
    mark(&journal->self.keys, principal->number, kw_view_of(&fields), tag);
    int error = kw_query(journal->self.store, sql, &query, fault);
    if (error < 0)
        return error;
    kw_bind_text(query, 1, principal->name);
    if (principal->has_curve)
        kw_bind_blob(query, 2, (struct kw_view){principal->curve, KW_KEY_SIZE});
    else
        kw_bind_null(query, 2);
    kw_bind_blob(query, 3, kw_view_of(&fields));
    kw_bind_blob(query, 4, (struct kw_view){tag, sizeof(tag)});
    kw_bind_integer(query, 5, principal->number);
    error = kw_query_run(query, NULL, fault);
    return error == -EEXIST ? kw_fail(fault, error, KW_E_STATE, "principal", "the name or the curve key is in use") : error;
}

int kw_journal_principal_add(struct kw_journal *journal, const struct kw_principal *principal, uint32_t *ret_number,
                             struct kw_fault *fault)
{
    struct kw_principal stored = *principal;
    uint64_t last;
    assert(journal->open);
    if (!*principal->name || !principal->roles || strlen(principal->jurisdiction) != 2)
        return kw_fail(fault, -EINVAL, KW_E_OPTION, "principal", "name, role and jurisdiction are needed");
    int error = kw_journal_one_number(&journal->self, "SELECT max(number) FROM principal", &last, fault);
    if (error < 0)
        return error;
    if (last >= KW_LIMIT_PRINCIPALS)
        return kw_fail(fault, -E2BIG, KW_E_TOO_LARGE, "principal", "there are %u principals", KW_LIMIT_PRINCIPALS);
    stored.number = (uint32_t)last + 1;
    stored.revoked = false;
    stored.rotated_ms = stored.revoked_ms = 0;
    error = store_row(journal, "INSERT INTO principal(name, curve, fields, mark, number) VALUES(?, ?, ?, ?, ?)", &stored, fault);
    if (error == 0)
        *ret_number = stored.number;
    return error == -EEXIST ? error : kw_journal_doom(journal, error);
}

static int keep_old_keys(struct kw_journal *journal, const struct kw_principal *old, int64_t until_ms, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(journal->self.store,
                         "INSERT INTO principal_key(principal, until_ms, curve, sign, box) VALUES(?, ?, ?, ?, ?)", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, old->number);
    kw_bind_integer(query, 2, until_ms);
    kw_bind_blob(query, 3, (struct kw_view){old->curve, old->has_curve ? KW_KEY_SIZE : 0});
    kw_bind_blob(query, 4, (struct kw_view){old->sign, old->has_sign ? KW_KEY_SIZE : 0});
    kw_bind_blob(query, 5, (struct kw_view){old->box, old->has_box ? KW_KEY_SIZE : 0});
    return kw_query_run(query, NULL, fault);
}

#define UPDATE "UPDATE principal SET name = ?, curve = ?, fields = ?, mark = ? WHERE number = ?"

int kw_journal_principal_rotate(struct kw_journal *journal, const struct kw_principal *principal, int64_t at_ms,
                                struct kw_fault *fault)
{
    struct kw_principal old, stored = *principal;
    assert(journal->open);
    int error = kw_journal_principal(&journal->self, principal->number, &old, fault);
    if (error < 0)
        return error;
    if (old.revoked)
        return kw_fail(fault, -EINVAL, KW_E_REVOKED, "principal", "%s", kw_code_text(KW_E_REVOKED));
    memcpy(stored.name, old.name, sizeof(stored.name));
    memcpy(stored.jurisdiction, old.jurisdiction, sizeof(stored.jurisdiction));
    memcpy(stored.rules, old.rules, sizeof(stored.rules));
    memcpy(stored.jurisdictions, old.jurisdictions, sizeof(stored.jurisdictions));
    stored.roles = old.roles;
    stored.revoked = false;
    stored.added_ms = old.added_ms;
    stored.revoked_ms = 0;
    stored.rotated_ms = at_ms;
    error = store_row(journal, UPDATE, &stored, fault);
    if (error == -EEXIST)
        return error;
    if (error == 0)
        error = keep_old_keys(journal, &old, at_ms, fault);
    return kw_journal_doom(journal, error);
}

int kw_journal_principal_revoke(struct kw_journal *journal, uint32_t number, int64_t at_ms, struct kw_fault *fault)
{
    struct kw_principal principal;
    assert(journal->open);
    int error = kw_journal_principal(&journal->self, number, &principal, fault);
    if (error < 0 || principal.revoked)
        return error;
    principal.revoked = true;
    principal.revoked_ms = at_ms;
    return kw_journal_doom(journal, store_row(journal, UPDATE, &principal, fault));
}

/* Columns number, name, curve, fields, mark. */
static int take_principal(struct kw_journal_reader *reader, struct kw_query *query, struct kw_principal *ret_principal,
                          struct kw_fault *fault)
{
    struct kw_principal principal = {.number = (uint32_t)kw_column_integer(query, 0)};
    struct kw_view name = kw_column_text(query, 1), curve = kw_column_blob(query, 2), fields = kw_column_blob(query, 3);
    struct kw_view stored = kw_column_blob(query, 4);
    uint8_t wanted[KW_HASH_SIZE];
    mark(&reader->keys, principal.number, fields, wanted);
    if (stored.size != sizeof(wanted) || !kw_equal_secret(stored.data, wanted, sizeof(wanted)) || unpack(fields, &principal) < 0 ||
        !kw_view_is(name, principal.name) || curve.size != (principal.has_curve ? KW_KEY_SIZE : 0) ||
        (principal.has_curve && memcmp(curve.data, principal.curve, KW_KEY_SIZE) != 0))
        return kw_journal_corrupt(fault, "principal", principal.number);
    *ret_principal = principal;
    return 0;
}

/* Runs a bound query for one principal, and resets it. */
static int find_one(struct kw_journal_reader *reader, struct kw_query *query, struct kw_principal *ret_principal,
                    struct kw_fault *fault)
{
    int step = kw_query_step(query, fault);
    if (step == 0)
        step = kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "principal", "there is no such principal");
    else if (step == 1)
        step = take_principal(reader, query, ret_principal, fault);
    kw_query_reset(query);
    return step;
}

#define SELECT "SELECT number, name, curve, fields, mark FROM principal "

int kw_journal_principal(struct kw_journal_reader *reader, uint32_t number, struct kw_principal *ret_principal,
                         struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, SELECT "WHERE number = ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, number);
    return find_one(reader, query, ret_principal, fault);
}

int kw_journal_principal_by_name(struct kw_journal_reader *reader, const char *name, struct kw_principal *ret_principal,
                                 struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, SELECT "WHERE name = ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_text(query, 1, name);
    return find_one(reader, query, ret_principal, fault);
}

int kw_journal_principal_by_curve(struct kw_journal_reader *reader, const uint8_t curve[KW_KEY_SIZE],
                                  struct kw_principal *ret_principal, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, SELECT "WHERE curve = ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_blob(query, 1, (struct kw_view){curve, KW_KEY_SIZE});
    return find_one(reader, query, ret_principal, fault);
}

int kw_journal_principal_list(struct kw_journal_reader *reader, int (*visit)(void *context, const struct kw_principal *principal),
                              void *context, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, SELECT "ORDER BY number", &query, fault);
    if (error < 0)
        return error;
    int step;
    while (error == 0 && (step = kw_query_step(query, fault)) != 0) {
        struct kw_principal principal;
        error = step < 0 ? step : take_principal(reader, query, &principal, fault);
        if (error == 0)
            error = visit(context, &principal);
    }
    kw_query_reset(query);
    return error;
}

int kw_journal_principal_sign_at(struct kw_journal_reader *reader, uint32_t number, int64_t at_ms, uint8_t ret_sign[KW_KEY_SIZE],
                                 struct kw_fault *fault)
{
    struct kw_query *query;
    struct kw_principal now;
    int error = kw_journal_principal(reader, number, &now, fault);
    if (error == 0)
        error =
            kw_query(reader->store, "SELECT sign FROM principal_key WHERE principal = ? AND until_ms > ? ORDER BY until_ms LIMIT 1",
                     &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, number);
    kw_bind_integer(query, 2, at_ms);
    int step = kw_query_step(query, fault);
    struct kw_view old = step == 1 ? kw_column_blob(query, 0) : (struct kw_view){0};
    if (old.size == KW_KEY_SIZE)
        memcpy(now.sign, old.data, KW_KEY_SIZE);
    bool has = step == 1 ? old.size == KW_KEY_SIZE : now.has_sign;
    kw_query_reset(query);
    if (step < 0)
        return step;
    if (!has)
        return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "principal", "it has no sign key");
    memcpy(ret_sign, now.sign, KW_KEY_SIZE);
    return 0;
}
