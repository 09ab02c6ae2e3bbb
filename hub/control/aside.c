/* SPDX-License-Identifier: Apache-2.0 */
/* aside.c - what detection set aside: the part of the quarantine whose entries stand in the journal already. */
#include <errno.h>
#include <string.h>

#include "control/private.h"

static void put_aside(struct kw_json_out *json, const struct kw_aside *aside)
{
    static const char *const states[] = {"open", "retried", "closed"};
    char at[KW_TIME_SIZE];
    kw_time_format(aside->at_ms, at);
    kw_json_integer(json, "position", (int64_t)aside->position);
    kw_json_integer(json, "kind", aside->kind);
    kw_json_string(json, "state", states[aside->state]);
    kw_json_string(json, "code", kw_code_name(aside->code));
    kw_json_string(json, "place", aside->place);
    kw_json_integer(json, "attempts", aside->attempts);
    kw_json_string(json, "at", at);
    if (aside->state != KW_ASIDE_OPEN)
        kw_json_string(json, "by", aside->by);
    if (aside->state == KW_ASIDE_CLOSED)
        kw_json_string(json, "reason", aside->reason);
}

static int list_one(void *context, const struct kw_aside *aside)
{
    struct kw_json_out *json = context;
    kw_json_object(json, NULL);
    put_aside(json, aside);
    kw_json_close(json, '}');
    return json->error;
}

int kw_control_aside_list(struct kw_control_call *call, bool all, struct kw_json_out *json, struct kw_fault *fault)
{
    kw_json_array(json, "detection");
    int r = kw_aside_list(call->hub->alerts, !all, 1000, list_one, json, fault);
    kw_json_close(json, ']');
    return r;
}

static int read_position(struct kw_control_call *call, uint64_t *ret_position, struct kw_fault *fault)
{
    int64_t position;
    int r = kw_json_get_integer(call->header, "position", 1, INT64_MAX, &position, fault);
    if (r == 0)
        *ret_position = (uint64_t)position;
    return r;
}

int kw_control_aside_show(struct kw_control_call *call, struct kw_fault *fault)
{
    struct kw_json_out json = {.out = &call->answer->header};
    struct kw_aside aside;
    uint64_t position;
    int r = read_position(call, &position, fault);
    if (r == 0)
        r = kw_aside_read(call->hub->alerts, position, &aside, fault);
    if (r < 0)
        return r;
    kw_json_object(&json, NULL);
    put_aside(&json, &aside);
    kw_json_close(&json, '}');
    return kw_json_end(&json);
}

static int apply_act(struct kw_journal *journal, void *context, struct kw_fault *fault)
{
    return kw_control_act(journal, kw_view_of(context), fault);
}

/* The act stands in the journal as any input of detection; detection does what it asks for when it comes to it. */
static int ask(struct kw_control_call *call, const char *reason, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf act = {0};
    uint64_t position;
    int r = read_position(call, &position, fault);
    if (r == 0)
        r = kw_aside_act(call->hub->alerts, position, call->operator, reason, &act, fault);
    return r < 0 ? r : kw_control_change(call, apply_act, &act, fault);
}

int kw_control_aside_retry(struct kw_control_call *call, struct kw_fault *fault)
{
    return ask(call, NULL, fault);
}

int kw_control_aside_close(struct kw_control_call *call, const char *reason, struct kw_fault *fault)
{
    return ask(call, reason, fault);
}
