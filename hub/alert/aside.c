/* SPDX-License-Identifier: Apache-2.0 */
/* aside.c - entries that detection could not inspect: kept in a list, tried again or closed by an act in the journal. */
#include "alert/acts.h"

#include "json/json.h"

#define RETRIED "detection-retried"
#define CLOSED  "detection-closed"

/* ---- rows ----------------------------------------------------------------------------------------- */

#define COLUMNS "position,kind,code,place,at,attempts,state,by,reason,settled"

static void copy_text(struct kw_view text, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "%.*s", (int)text.size, text.size > 0 ? (const char *)text.data : "");
}

static void take_row(struct kw_query *query, struct kw_aside *ret_aside)
{
    struct kw_aside aside = {.position = (uint64_t)kw_column_integer(query, 0),
                             .kind = (unsigned)kw_column_integer(query, 1),
                             .at_ms = kw_column_integer(query, 4),
                             .attempts = (unsigned)kw_column_integer(query, 5),
                             .state = (enum kw_aside_state)kw_column_integer(query, 6),
                             .settled_ms = kw_column_integer(query, 9)};

    if (!kw_code_parse(kw_column_text(query, 2), &aside.code))
        aside.code = KW_E_INTERNAL; /* a code that this version does not know */
    copy_text(kw_column_text(query, 3), aside.place, sizeof(aside.place));
    copy_text(kw_column_text(query, 7), aside.by, sizeof(aside.by));
    copy_text(kw_column_text(query, 8), aside.reason, sizeof(aside.reason));
    *ret_aside = aside;
}

/* 1 found, 0 none. */
static int find(struct kw_store *store, uint64_t position, struct kw_aside *ret_aside, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(store, "SELECT " COLUMNS " FROM aside WHERE position=?1", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)position);
    r = kw_query_step(query, fault);
    if (r == 1)
        take_row(query, ret_aside);
    kw_query_reset(query);
    return r;
}

static int put(struct kw_alerts *alerts, const struct kw_aside *aside, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store,
                     "INSERT INTO aside(position,kind,code,place,at,attempts) VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT(position) "
                     "DO UPDATE SET code=?3,place=?4,at=?5,attempts=attempts+?6",
                     &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)aside->position);
    kw_bind_integer(query, 2, aside->kind);
    kw_bind_text(query, 3, kw_code_name(aside->code));
    kw_bind_text(query, 4, aside->place);
    kw_bind_integer(query, 5, aside->at_ms);
    kw_bind_integer(query, 6, aside->attempts);
    return kw_query_run(query, NULL, fault);
}

static int settle(struct kw_alerts *alerts, const struct kw_aside *aside, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, "UPDATE aside SET state=?2,by=?3,reason=?4,settled=?5 WHERE position=?1 AND state=0", &query,
                     fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)aside->position);
    kw_bind_integer(query, 2, aside->state);
    kw_bind_text(query, 3, aside->by);
    kw_bind_text(query, 4, aside->reason);
    kw_bind_integer(query, 5, aside->settled_ms);
    return kw_query_run(query, NULL, fault);
}

/* ---- writer ---------------------------------------------------------------------------------------- */

int kw_alerts_set_aside(struct kw_alerts *alerts, const struct kw_aside *aside, uint64_t passed, struct kw_fault *fault)
{
    int r = kw_alerts_begin(alerts, fault);

    if (r == 0)
        r = put(alerts, aside, fault);
    if (r < 0) {
        kw_alerts_rollback(alerts);
        return r;
    }
    alerts->cursor = passed;
    return kw_alerts_commit(alerts, fault);
}

static int take_text(const struct kw_json *json, const char *name, size_t size, char *ret_text)
{
    struct kw_view text = kw_json_text_of(kw_json_member(json, name));

    if (text.size >= size)
        return -EINVAL;
    copy_text(text, ret_text, size);
    return 0;
}

/* 1 for an act about an open entry; state: what is asked for. */
static int take_act(struct kw_alerts *alerts, struct kw_view text, struct kw_aside *ret_asked, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *json = NULL;
    struct kw_aside asked = {0}, known;
    int64_t position = 0;
    int r = kw_json_parse(text, &json, NULL);

    if (r == -ENOMEM)
        return kw_alert_trouble(r, fault);
    struct kw_view act = r == 0 ? kw_json_text_of(kw_json_member(json, "act")) : (struct kw_view){0};
    asked.state = kw_view_is(act, RETRIED) ? KW_ASIDE_RETRIED : kw_view_is(act, CLOSED) ? KW_ASIDE_CLOSED : KW_ASIDE_OPEN;
    if (asked.state == KW_ASIDE_OPEN || kw_json_get_integer(json, "position", 1, INT64_MAX, &position, NULL) < 0 ||
        take_text(json, "by", sizeof(asked.by), asked.by) < 0 || take_text(json, "reason", sizeof(asked.reason), asked.reason) < 0)
        return 0; /* about something else; it stays in the journal as it is */
    asked.position = (uint64_t)position;
    r = find(alerts->store, asked.position, &known, fault);
    *ret_asked = asked;
    return r == 1 ? known.state == KW_ASIDE_OPEN : r;
}

int kw_alerts_retry_asked(struct kw_alerts *alerts, struct kw_view json, uint64_t *ret_position, char *ret_by,
                          struct kw_fault *fault)
{
    struct kw_aside asked;
    int r = take_act(alerts, json, &asked, fault);

    if (r <= 0 || asked.state != KW_ASIDE_RETRIED)
        return r < 0 ? r : 0;
    *ret_position = asked.position;
    memcpy(ret_by, asked.by, sizeof(asked.by));
    return 1;
}

int kw_alert_close_aside(struct kw_alerts *alerts, struct kw_view json, int64_t received_ms, struct kw_fault *fault)
{
    struct kw_aside asked;
    int r = take_act(alerts, json, &asked, fault);

    if (r <= 0 || asked.state != KW_ASIDE_CLOSED)
        return r < 0 ? r : 0;
    asked.settled_ms = received_ms;
    return settle(alerts, &asked, fault);
}

int kw_alert_settle_retried(struct kw_alerts *alerts, const struct kw_aside_retry *retry, struct kw_fault *fault)
{
    struct kw_aside aside = {.position = retry->position, .state = KW_ASIDE_RETRIED, .settled_ms = retry->act_ms};

    snprintf(aside.by, sizeof(aside.by), "%s", retry->by);
    return settle(alerts, &aside, fault);
}

int kw_alerts_aside_count(struct kw_alerts *alerts, uint64_t *ret_open, uint64_t *ret_newest, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, "SELECT count(*),max(position) FROM aside INDEXED BY aside_open WHERE state=0", &query, fault);

    if (r < 0)
        return r;
    r = kw_query_step(query, fault);
    if (r == 1) {
        *ret_open = (uint64_t)kw_column_integer(query, 0);
        *ret_newest = (uint64_t)kw_column_integer(query, 1);
    }
    kw_query_reset(query);
    return r < 0 ? r : 0;
}

/* ---- readers ----------------------------------------------------------------------------------------- */

int kw_aside_list(struct kw_alert_reader *reader, bool open_only, uint32_t limit,
                  int (*visit)(void *context, const struct kw_aside *aside), void *context, struct kw_fault *fault)
{
    struct kw_query *query;
    struct kw_aside aside;
    int r = kw_query(reader->store,
                     open_only ? "SELECT " COLUMNS " FROM aside WHERE state=0 ORDER BY position LIMIT ?1"
                               : "SELECT " COLUMNS " FROM aside ORDER BY position LIMIT ?1",
                     &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, limit);
    while ((r = kw_query_step(query, fault)) == 1) {
        take_row(query, &aside);
        r = visit(context, &aside);
        if (r != 0)
            break;
    }
    kw_query_reset(query);
    return r;
}

int kw_aside_read(struct kw_alert_reader *reader, uint64_t position, struct kw_aside *ret_aside, struct kw_fault *fault)
{
    int r = find(reader->store, position, ret_aside, fault);

    if (r == 0)
        return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "detection", "entry %llu was not set aside", (unsigned long long)position);
    return r < 0 ? r : 0;
}

int kw_aside_act(struct kw_alert_reader *reader, uint64_t position, const char *by, const char *reason, struct kw_buf *ret_json,
                 struct kw_fault *fault)
{
    struct kw_json_out json = {.out = ret_json};
    struct kw_aside aside;
    int r = kw_aside_read(reader, position, &aside, fault);

    if (r == 0 && aside.state != KW_ASIDE_OPEN)
        r = kw_fail(fault, -EINVAL, KW_E_STATE, "detection", "it is not open any more");
    if (r < 0)
        return r;
    kw_json_object(&json, NULL);
    kw_json_string(&json, "act", reason == NULL ? RETRIED : CLOSED);
    kw_json_integer(&json, "position", (int64_t)position);
    if (reason != NULL)
        kw_json_string(&json, "reason", reason);
    kw_json_string(&json, "by", by);
    kw_json_close(&json, '}');
    return kw_alert_trouble(kw_json_end(&json), fault);
}
