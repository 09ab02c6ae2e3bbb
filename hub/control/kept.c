/* SPDX-License-Identifier: Apache-2.0 */
/* kept.c - quarantine, and single records for a stated purpose. */
#include <errno.h>
#include <string.h>

#include "control/private.h"

static void put_refusal(struct kw_json_out *json, const struct kw_refusal *refusal)
{
    static const char *const states[] = {"open", "retried", "closed"};
    char at[KW_TIME_SIZE];
    kw_time_format(refusal->at_ms, at);
    kw_json_integer(json, "number", (int64_t)refusal->number);
    kw_json_string(json, "state", states[refusal->state]);
    kw_json_string(json, "code", kw_code_name(refusal->code));
    kw_json_string(json, "place", refusal->place);
    kw_json_integer(json, "principal", refusal->principal);
    kw_json_integer(json, "batch", (int64_t)refusal->batch);
    kw_json_integer(json, "slot", refusal->slot);
    kw_json_integer(json, "attempts", refusal->attempts);
    kw_json_string(json, "at", at);
    if (refusal->state != KW_QUARANTINE_OPEN) {
        kw_json_string(json, "by", refusal->closed_by);
        kw_json_string(json, "reason", refusal->reason);
    }
}

static int list_one(void *context, const struct kw_refusal *refusal)
{
    struct kw_json_out *json = context;
    kw_json_object(json, NULL);
    put_refusal(json, refusal);
    kw_json_close(json, '}');
    return json->error;
}

int kw_control_quarantine_list(struct kw_control_call *call, struct kw_fault *fault)
{
    struct kw_json_out json = {.out = &call->answer->header};
    bool all = kw_json_true(call->header, "all");
    kw_json_object(&json, NULL);
    kw_json_array(&json, "quarantine");
    int r = kw_journal_quarantine_list(call->hub->reader, !all, 0, 1000, list_one, &json, fault);
    kw_json_close(&json, ']');
    if (r == 0)
        r = kw_control_aside_list(call, all, &json, fault);
    kw_json_close(&json, '}');
    return r < 0 ? r : kw_json_end(&json);
}

/* By its position in the journal: not what intake kept, but what detection set aside. */
static bool is_aside(const struct kw_control_call *call)
{
    return kw_json_member(call->header, "position") != NULL;
}

static int read_number(struct kw_control_call *call, uint64_t *ret_number, struct kw_fault *fault)
{
    int64_t number;
    int r = kw_json_get_integer(call->header, "number", 1, INT64_MAX, &number, fault);
    if (r == 0)
        *ret_number = (uint64_t)number;
    return r;
}

static int apply_act(struct kw_journal *journal, void *context, struct kw_fault *fault)
{
    return kw_control_act(journal, *(const struct kw_view *)context, fault);
}

/* What was done to a quarantined record, and by whom. */
static int put_kept_act(const char *act, uint64_t number, const char *by, const char *reason, struct kw_buf *ret_json)
{
    struct kw_json_out json = {.out = ret_json};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "act", act);
    kw_json_integer(&json, "number", (int64_t)number);
    if (reason)
        kw_json_string(&json, "reason", reason);
    kw_json_string(&json, "by", by);
    kw_json_close(&json, '}');
    return kw_json_end(&json);
}

static int note_kept(struct kw_control_call *call, const char *act, uint64_t number, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf json = {0};
    int r = put_kept_act(act, number, call->operator, NULL, &json);
    struct kw_view bytes = kw_view_of(&json);
    return r < 0 ? r : kw_control_change(call, apply_act, &bytes, fault);
}

/* The body goes out only to whom the socket knows; that it was looked at is an act in the journal. */
int kw_control_quarantine_show(struct kw_control_call *call, struct kw_fault *fault)
{
    struct kw_refusal refusal;
    uint64_t number;
    if (is_aside(call))
        return kw_control_aside_show(call, fault);
    int r = read_number(call, &number, fault);
    if (r == 0)
        r = kw_journal_quarantine_show(call->hub->reader, number, &refusal, fault);
    if (r == 0)
        r = note_kept(call, "quarantine-shown", number, fault);
    if (r < 0)
        return r;
    struct kw_json_out json = {.out = &call->answer->header};
    kw_json_object(&json, NULL);
    put_refusal(&json, &refusal);
    kw_json_close(&json, '}');
    r = kw_json_end(&json);
    return r < 0 ? r : kw_put_item(&call->answer->payload, refusal.body.data, refusal.body.size);
}

struct settle {
    uint64_t number;
    const char *by;
    char reason[257];
};

static int apply_close(struct kw_journal *journal, void *context, struct kw_fault *fault)
{
    const struct settle *settle = context;
    KW_AUTO(kw_buf_clear) struct kw_buf act = {0};
    int r = kw_journal_quarantine_settle(journal, settle->number, KW_QUARANTINE_CLOSED, settle->by, settle->reason,
                                         kw_clock_wall_ms(), fault);
    if (r == 0)
        r = put_kept_act("quarantine-closed", settle->number, settle->by, settle->reason, &act);
    return r < 0 ? r : kw_control_act(journal, kw_view_of(&act), fault);
}

int kw_control_quarantine_close(struct kw_control_call *call, struct kw_fault *fault)
{
    struct settle settle = {.by = call->operator};
    struct kw_view reason;
    int r = is_aside(call) ? 0 : read_number(call, &settle.number, fault);
    if (r == 0)
        r = kw_json_get_text(call->header, "reason", sizeof settle.reason - 1, &reason, fault);
    if (r == 0 && !reason.size)
        r = kw_fail(fault, -EINVAL, KW_E_OPTION, "reason", "nothing is closed without a reason");
    if (r < 0)
        return r;
    memcpy(settle.reason, reason.data, reason.size);
    if (is_aside(call))
        return kw_control_aside_close(call, settle.reason, fault);
    return kw_control_change(call, apply_close, &settle, fault);
}

int kw_control_quarantine_retry(struct kw_control_call *call, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf question = {0};
    struct kw_message answer = {0};
    uint64_t number;
    if (is_aside(call))
        return kw_control_aside_retry(call, fault);
    int r = read_number(call, &number, fault);
    if (r == 0)
        r = kw_buf_u64(&question, number);
    if (r == 0)
        r = note_kept(call, "quarantine-retried", number, fault);
    if (r == 0)
        r = kw_control_actor(call->hub->intake, "RETRY", kw_view_of(&question), &answer, fault);
    if (r == 0)
        r = kw_buf_append(&call->answer->header, answer.header.data, answer.header.size);
    kw_message_clear(&answer);
    return r;
}

/* ---- records ---------------------------------------------------------------- */

/* Who looked, at what, what for: in the journal before anything is handed out. positions: a JSON array. */
static int note_look(struct kw_control_call *call, struct kw_view positions, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *list = NULL;
    KW_AUTO(kw_buf_clear) struct kw_buf act = {0};
    struct kw_view purpose, reference;
    int r = kw_json_parse(positions, &list, fault);
    if (r == 0)
        r = kw_json_get_text(call->header, "purpose", 200, &purpose, fault);
    if (r == 0)
        r = kw_json_get_text(call->header, "case", 100, &reference, fault);
    if (r < 0)
        return r;
    if (!purpose.size || !reference.size)
        return kw_fail(fault, -EINVAL, KW_E_OPTION, "purpose", "a record is shown for a stated purpose and case only");
    struct kw_json_out json = {.out = &act};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "act", "record-shown");
    kw_json_value(&json, "positions", list);
    kw_json_text(&json, "purpose", purpose);
    kw_json_text(&json, "case", reference);
    kw_json_string(&json, "by", call->operator);
    kw_json_close(&json, '}');
    r = kw_json_end(&json);
    struct kw_view bytes = kw_view_of(&act);
    return r < 0 ? r : kw_control_change(call, apply_act, &bytes, fault);
}

int kw_control_record_get(struct kw_control_call *call, struct kw_fault *fault)
{
    struct kw_entry entry;
    char at[KW_TIME_SIZE];
    char list[32];
    int64_t position = 0;
    int r = kw_json_get_integer(call->header, "position", 1, INT64_MAX, &position, fault);
    snprintf(list, sizeof list, "[%lld]", (long long)position);
    if (r == 0)
        r = note_look(call, kw_view_text(list), fault);
    if (r == 0)
        r = kw_journal_read(call->hub->reader, (uint64_t)position, &entry, fault);
    if (r < 0)
        return r;
    if (entry.erased)
        return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "position", "the record was erased");
    struct kw_json_out json = {.out = &call->answer->header};
    kw_time_format(entry.received_ms, at);
    kw_json_object(&json, NULL);
    kw_json_integer(&json, "position", position);
    kw_json_integer(&json, "kind", entry.kind);
    kw_json_integer(&json, "principal", entry.principal);
    kw_json_string(&json, "received", at);
    kw_json_hex(&json, "commitment", entry.commitment, sizeof entry.commitment);
    kw_json_close(&json, '}');
    r = kw_json_end(&json);
    return r < 0 ? r : kw_put_item(&call->answer->payload, entry.record.data, entry.record.size);
}

static int put_position(void *context, uint64_t position)
{
    struct kw_json_out *json = context;
    kw_json_integer(json, NULL, (int64_t)position);
    return json->error;
}

int kw_control_record_history(struct kw_control_call *call, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf list = {0};
    KW_AUTO(kw_json_freep) struct kw_json *positions = NULL;
    struct kw_view registry, id;
    struct kw_json_out found = {.out = &list}, json = {.out = &call->answer->header};
    int r = kw_json_get_text(call->header, "registry", 100, &registry, fault);
    if (r == 0)
        r = kw_json_get_text(call->header, "id", KW_LIMIT_SOURCE_ID, &id, fault);
    kw_json_array(&found, NULL);
    if (r == 0)
        r = kw_journal_history(call->hub->reader, registry, id, put_position, &found, fault);
    kw_json_close(&found, ']');
    if (r == 0)
        r = kw_json_end(&found);
    if (r == 0)
        r = note_look(call, kw_view_of(&list), fault);
    if (r == 0)
        r = kw_json_parse(kw_view_of(&list), &positions, fault);
    if (r < 0)
        return r;
    kw_json_object(&json, NULL);
    kw_json_value(&json, "positions", positions);
    kw_json_close(&json, '}');
    return kw_json_end(&json);
}
