/* SPDX-License-Identifier: Apache-2.0 */
/* act.c - what people did and what time does: review decisions, acknowledgements, feedback, expiry. */
#include "alert/acts.h"

#include "json/json.h"

#define KEEP_WATCH_MS (INT64_C(86400000) * KW_WATCH_DAYS)
enum kind { KIND_REVIEW = 3, KIND_FEEDBACK = 4, KIND_ACKNOWLEDGEMENT = 5, KIND_ACT = 6, KIND_TICK = 7 };

struct act {
    uint64_t position;
    int64_t at_ms;
    const struct kw_json *json;
    uint8_t alert[KW_ALERT_ID_SIZE];
    int64_t revision;
};

static int run_two(struct kw_alerts *alerts, const char *sql, int64_t value, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, sql, &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, value);
    return kw_query_run(query, NULL, fault);
}

static int bind_token(struct kw_query *query, int index, const struct act *act, const char *name, struct kw_buf *token)
{
    struct kw_view text = kw_json_text_of(kw_json_member(act->json, name));
    int r = kw_buf_append(token, text.data, text.size);

    if (r == 0 && token->size == 0)
        r = kw_buf_text(token, "");
    kw_bind_text(query, index, token->data == NULL ? "" : (const char *)token->data);
    return r;
}

/* One row about an alert: position, alert, revision, at, then the named texts. */
static int put_act(struct kw_alerts *alerts, const struct act *act, const char *sql, const char *const names[3],
                   struct kw_fault *fault)
{
    struct kw_buf tokens[3] = {0};
    struct kw_query *query;
    int r = kw_query(alerts->store, sql, &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)act->position);
    kw_bind_blob(query, 2, (struct kw_view){act->alert, sizeof(act->alert)});
    kw_bind_integer(query, 3, act->revision);
    kw_bind_integer(query, 4, act->at_ms);
    for (int i = 0; r == 0 && i < 3; i++)
        r = bind_token(query, 5 + i, act, names[i], &tokens[i]);
    if (r == 0)
        r = kw_query_run(query, NULL, fault);
    else
        kw_query_reset(query);
    for (size_t i = 0; i < KW_COUNT(tokens); i++)
        kw_buf_clear(&tokens[i]);
    return kw_alert_trouble(r, fault);
}

static int put_feedback(struct kw_alerts *alerts, const struct act *act, struct kw_fault *fault)
{
    static const char *const names[] = {"principal", "outcome", "role"};
    KW_AUTO(kw_buf_clear) struct kw_buf cause = {0};
    struct kw_view text = kw_json_text_of(kw_json_member(act->json, "cause"));
    struct kw_query *query;
    int r =
        put_act(alerts, act,
                "INSERT OR IGNORE INTO feedback(position,alert,revision,at,principal,outcome,role) VALUES(?1,?2,?3,?4,?5,?6,?7)",
                names, fault);

    if (r < 0 || text.size == 0)
        return r;
    r = kw_alert_trouble(kw_buf_append(&cause, text.data, text.size), fault);
    if (r == 0)
        r = kw_query(alerts->store, "UPDATE feedback SET cause=?2 WHERE position=?1", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)act->position);
    kw_bind_text(query, 2, (const char *)cause.data);
    return kw_query_run(query, NULL, fault);
}

static int put_acknowledgement(struct kw_alerts *alerts, const struct act *act, struct kw_fault *fault)
{
    static const char *const names[] = {"principal", "by", "role"};

    return put_act(
        alerts, act,
        "INSERT OR IGNORE INTO acknowledgement(position,alert,revision,at,principal,person,role) VALUES(?1,?2,?3,?4,?5,?6,?7)",
        names, fault);
}

/* ---- review ------------------------------------------------------------------------------------- */

static int raise_instances(struct kw_alerts *alerts, const struct alert *alert, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, "UPDATE instance SET level=?3 WHERE situation=?1 AND level=?2", &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){alert->situation, sizeof(alert->situation)});
    kw_bind_integer(query, 2, LEVEL_REVIEW);
    kw_bind_integer(query, 3, LEVEL_LIVE);
    return kw_query_run(query, NULL, fault);
}

/* The revision that was reviewed is the one that is sent, with the decision in it. */
static int release(struct kw_alerts *alerts, struct alert *alert, const struct act *act, const char *role, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf waiting = {0};
    struct review_note note = {.role = role, .at_ms = act->at_ms};
    struct issue issue = {.type = KW_ALERT_ALERT, .again = true, .now_ms = act->at_ms, .review = &note};
    int r = kw_revision_read(alerts->store, &alerts->keys, alert->id, alert->revision, &waiting, NULL, &issue.core, fault);

    if (r == 0)
        r = raise_instances(alerts, alert, fault);
    if (r == 0)
        r = kw_alert_issue(alerts, alert, &issue, fault);
    alert->standing = STANDING_ACTIVE;
    return r;
}

static int decide(struct kw_alerts *alerts, const struct act *act, struct kw_fault *fault)
{
    static const char *const names[] = {"role", "by", "decision"};
    KW_AUTO(kw_buf_clear) struct kw_buf role = {0};
    struct kw_view decision = kw_json_text_of(kw_json_member(act->json, "decision"));
    struct kw_view text = kw_json_text_of(kw_json_member(act->json, "role"));
    struct alert alert;
    int r = kw_alert_row(alerts->store, act->alert, &alert, fault);

    if (r <= 0 || alert.standing != STANDING_REVIEW || alert.revision != act->revision)
        return r < 0 ? r : 0;
    r = kw_alert_trouble(kw_buf_append(&role, text.data, text.size), fault);
    if (r == 0 && kw_view_is(decision, "release"))
        r = release(alerts, &alert, act, role.size > 0 ? (const char *)role.data : "reviewer", fault);
    else if (r == 0 && kw_view_is(decision, "dismiss"))
        alert.standing = STANDING_DROPPED;
    if (r == 0)
        r = kw_alert_row_put(alerts->store, &alert, fault);
    return r == 0 ? put_act(alerts, act,
                            "INSERT OR IGNORE INTO decision(position,alert,revision,at,role,person,decision) "
                            "VALUES(?1,?2,?3,?4,?5,?6,?7)",
                            names, fault)
                  : r;
}

/* ---- time ------------------------------------------------------------------------------------------ */

static int tick(struct kw_alerts *alerts, int64_t now_ms, struct kw_fault *fault)
{
    /* 3 active to 6 expired; 1 and 2, never sent, to 5 dropped. An alert that is expired can still be withdrawn. */
    int r = run_two(alerts, "UPDATE alert SET standing=CASE standing WHEN 3 THEN 6 ELSE 5 END WHERE standing<=3 AND expires<=?1",
                    now_ms, fault);

    return r == 0 ? run_two(alerts, "DELETE FROM watch WHERE received<?1", now_ms - KEEP_WATCH_MS, fault) : r;
}

static int take_act(struct kw_alerts *alerts, unsigned kind, struct act *act, struct kw_view text, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *json = NULL;
    int r = kw_json_parse(text, &json, NULL);

    if (r == 0)
        r = kw_json_get_hex(json, "alert", act->alert, sizeof(act->alert), NULL);
    if (r == 0)
        r = kw_json_get_integer(json, "revision", 1, UINT32_MAX, &act->revision, NULL);
    if (r == -ENOMEM)
        return kw_alert_trouble(r, fault);
    if (r < 0)
        return 0; /* no act about an alert; it stays in the journal as it is */
    act->json = json;
    if (kind == KIND_REVIEW)
        return decide(alerts, act, fault);
    return kind == KIND_FEEDBACK ? put_feedback(alerts, act, fault) : put_acknowledgement(alerts, act, fault);
}

int kw_alert_act(struct kw_alerts *alerts, uint64_t position, unsigned kind, int64_t now_ms, struct kw_view json,
                 struct kw_fault *fault)
{
    struct act act = {.position = position, .at_ms = now_ms};

    if (kind == KIND_TICK)
        return tick(alerts, now_ms, fault);
    if (kind == KIND_ACT)
        return kw_alert_close_aside(alerts, json, now_ms, fault);
    return kind >= KIND_REVIEW && kind <= KIND_ACKNOWLEDGEMENT ? take_act(alerts, kind, &act, json, fault) : 0;
}

int kw_alerts_apply_act(struct kw_alerts *alerts, uint64_t position, unsigned kind, int64_t received_ms, struct kw_view json,
                        struct kw_fault *fault)
{
    int r;

    if (position <= alerts->cursor)
        return 0;
    r = kw_alert_act(alerts, position, kind, received_ms, json, fault);
    if (r < 0) {
        kw_alerts_rollback(alerts);
        return r;
    }
    alerts->cursor = position;
    return 0;
}
