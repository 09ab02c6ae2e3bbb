/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - what a running hub says of itself, and of its ledger. */
#include <errno.h>
#include <string.h>

#include "control/private.h"

static int put_actor(struct kw_json_out *json, struct kw_socket *pipe, const char *name)
{
    struct kw_message answer = {0};
    struct kw_fault fault;
    KW_AUTO(kw_json_freep) struct kw_json *state = NULL;
    int r = kw_control_actor(pipe, "STATUS", (struct kw_view){0}, &answer, &fault);
    if (r == 0)
        r = kw_json_parse(kw_view_of(&answer.header), &state, NULL);
    kw_message_clear(&answer);
    if (r < 0) {
        kw_json_string(json, name, "does not answer");
        return 0;
    }
    kw_json_value(json, name, state);
    return 0;
}

static int put_journal(struct kw_json_out *json, const struct kw_control_hub *hub, struct kw_fault *fault)
{
    struct kw_journal_counts counts;
    int r = kw_journal_count(hub->reader, &counts, fault);
    if (r < 0)
        return r;
    kw_json_object(json, "journal");
    kw_json_integer(json, "entries", (int64_t)counts.entries);
    kw_json_integer(json, "batches", (int64_t)counts.batches);
    kw_json_integer(json, "rejected", (int64_t)counts.rejected);
    kw_json_integer(json, "quarantined", (int64_t)counts.quarantined);
    kw_json_integer(json, "quarantine_open", (int64_t)counts.quarantine_open);
    kw_json_integer(json, "index_bytes", (int64_t)kw_journal_index_bytes(hub->journal));
    kw_json_close(json, '}');
    return 0;
}

int kw_control_status(struct kw_control_call *call, struct kw_fault *fault)
{
    const struct kw_control_hub *hub = call->hub;
    KW_AUTO(kw_buf_clear) struct kw_buf children = {0};
    KW_AUTO(kw_json_freep) struct kw_json *list = NULL;
    char started[KW_TIME_SIZE];
    struct kw_json_out json = {.out = &call->answer->header};
    kw_time_format(hub->started_ms, started);
    kw_json_object(&json, NULL);
    kw_json_string(&json, "hub", hub->name);
    kw_json_string(&json, "jurisdiction", hub->jurisdiction);
    kw_json_integer(&json, "epoch", (int64_t)hub->epoch);
    kw_json_string(&json, "started", started);
    int r = put_journal(&json, hub, fault);
    if (r == 0)
        r = put_actor(&json, hub->intake, "intake");
    if (r == 0)
        r = put_actor(&json, hub->detect, "detect");
    if (r == 0)
        r = put_actor(&json, hub->feed, "feed");
    if (r == 0)
        r = put_actor(&json, hub->sealer, "ledger");
    if (r == 0)
        r = hub->children(hub->context, &children);
    if (r == 0)
        r = kw_json_parse(kw_view_of(&children), &list, fault);
    if (r < 0)
        return r;
    kw_json_value(&json, "children", list);
    kw_json_close(&json, '}');
    return kw_json_end(&json);
}

int kw_control_ledger(struct kw_control_call *call, struct kw_fault *fault)
{
    struct kw_message answer = {0};
    int r = kw_control_actor(call->hub->sealer, "STATUS", (struct kw_view){0}, &answer, fault);
    if (r == 0)
        r = kw_buf_append(&call->answer->header, answer.header.data, answer.header.size);
    kw_message_clear(&answer);
    return r;
}

int kw_control_proof(struct kw_control_call *call, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf question = {0};
    struct kw_message answer = {0};
    int64_t position;
    int r = kw_json_get_integer(call->header, "position", 1, INT64_MAX, &position, fault);
    if (r == 0)
        r = kw_buf_u64(&question, (uint64_t)position);
    if (r == 0)
        r = kw_control_actor(call->hub->sealer, "PROOF", kw_view_of(&question), &answer, fault);
    if (r == 0 && !answer.payload.size) {
        struct kw_fault pending = {0};
        r = kw_fail(&pending, -EAGAIN, KW_E_PENDING, "proof", "%s", kw_code_text(KW_E_PENDING));
        *fault = pending;
    }
    if (r == 0)
        r = kw_buf_append(&call->answer->payload, answer.payload.data, answer.payload.size);
    kw_message_clear(&answer);
    return r;
}
