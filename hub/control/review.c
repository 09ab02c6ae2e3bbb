/* SPDX-License-Identifier: Apache-2.0 */
/* review.c - hits that wait for a person: listed, shown, released or dismissed. The decision is an entry of the journal. */
#include <errno.h>
#include <string.h>

#include "control/private.h"

#define DECISION_MS 5000 /* for detection to take a decision */

static int list_one(void *context, const struct kw_alert_review *review)
{
    struct kw_json_out *json = context;
    char since[KW_TIME_SIZE];
    kw_time_format(review->since_ms, since);
    kw_json_object(json, NULL);
    kw_json_hex(json, "alert", review->alert, sizeof review->alert);
    kw_json_integer(json, "revision", review->revision);
    kw_json_string(json, "rule", review->rule);
    kw_json_string(json, "reason", review->reason);
    kw_json_string(json, "registry", review->registry);
    kw_json_string(json, "since", since);
    kw_json_boolean(json, "backfill", review->backfill);
    kw_json_close(json, '}');
    return json->error;
}

int kw_control_review_list(struct kw_control_call *call, struct kw_fault *fault)
{
    struct kw_json_out json = {.out = &call->answer->header};
    kw_json_object(&json, NULL);
    kw_json_array(&json, "review");
    int r = kw_alert_review_list(call->hub->alerts, list_one, &json, fault);
    kw_json_close(&json, ']');
    kw_json_close(&json, '}');
    return r < 0 ? r : kw_json_end(&json);
}

static int read_alert(struct kw_control_call *call, uint8_t ret_alert[KW_ALERT_ID_SIZE], uint32_t *ret_revision,
                      struct kw_fault *fault)
{
    int64_t revision;
    int r = kw_json_get_hex(call->header, "alert", ret_alert, KW_ALERT_ID_SIZE, fault);
    if (r == 0)
        r = kw_json_get_integer(call->header, "revision", 1, UINT32_MAX, &revision, fault);
    if (r == 0)
        *ret_revision = (uint32_t)revision;
    return r;
}

int kw_control_review_show(struct kw_control_call *call, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf statement = {0};
    uint8_t alert[KW_ALERT_ID_SIZE];
    uint32_t revision;
    int r = read_alert(call, alert, &revision, fault);
    if (r == 0)
        r = kw_alert_review_show(call->hub->alerts, alert, revision, &statement, fault);
    return r < 0 ? r : kw_put_item(&call->answer->payload, statement.data, statement.size);
}

static int apply_decision(struct kw_journal *journal, void *context, struct kw_fault *fault)
{
    enum kw_code outcome;
    uint64_t position;
    struct kw_entry_new entry = {.kind = KW_ENTRY_REVIEW, .received_ms = kw_clock_wall_ms(), .record = kw_view_of(context)};
    return kw_journal_append(journal, &entry, &outcome, &position, fault);
}

/* Until detection has taken the decision, which it does at once unless it is held up: whoever decides next sees it. */
static void await_decision(struct kw_control_call *call, const struct kw_alert_decision *decision)
{
    int64_t end = kw_clock_monotonic_ms() + DECISION_MS;
    int r = 0;
    while (r == 0 && kw_clock_monotonic_ms() < end) {
        KW_AUTO(kw_buf_clear) struct kw_buf json = {0};
        r = kw_alert_decide(call->hub->alerts, decision, &json, NULL);
        if (r == 0)
            (void)!kw_poll(NULL, 0, 5);
    }
}

static int read_person(struct kw_control_call *call, const char *name, char *ret_text, size_t size, struct kw_fault *fault)
{
    struct kw_view text;
    int r = kw_json_get_text(call->header, name, size - 1, &text, fault);
    if (r == 0 && !text.size)
        r = kw_fail(fault, -EINVAL, KW_E_OPTION, name, "a decision names who took it, and why");
    if (r == 0)
        snprintf(ret_text, size, "%.*s", (int)text.size, (const char *)text.data);
    return r;
}

int kw_control_review_decide(struct kw_control_call *call, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf json = {0};
    struct kw_alert_decision decision = {.role = "reviewer"};
    char by[65], reason[201];
    int r = read_alert(call, decision.alert, &decision.revision, fault);
    if (r == 0)
        r = read_person(call, "by", by, sizeof by, fault);
    if (r == 0)
        r = read_person(call, "reason", reason, sizeof reason, fault);
    if (r < 0)
        return r;
    decision.by = by;
    decision.reason = reason;
    decision.release = kw_json_true(call->header, "release");
    r = kw_alert_decide(call->hub->alerts, &decision, &json, fault);
    if (r == 0)
        r = kw_control_change(call, apply_decision, &json, fault);
    if (r == 0)
        await_decision(call, &decision);
    return r;
}
