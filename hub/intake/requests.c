/* SPDX-License-Identifier: Apache-2.0 */
/* requests.c - the verbs of the intake endpoint. */
#include <errno.h>
#include <string.h>

#include "intake/router.h"
#include "json/json.h"

#define ANY_ROLE (KW_ROLE_REGISTRY | KW_ROLE_BORDER | KW_ROLE_AGENCY | KW_ROLE_AUDITOR | KW_ROLE_WITNESS)

static void put_last_batch(const struct kw_router *router, const struct kw_principal *sender, struct kw_json_out *json)
{
    const struct kw_last *last = kw_flow_last(router, sender->number);
    if (last)
        kw_json_hex(json, "last_batch", last->id, sizeof last->id);
    else
        kw_json_null(json, "last_batch");
}

static int send_json(struct kw_router *router, struct kw_json_out *json, struct kw_message *answer, struct kw_fault *fault)
{
    int r = kw_json_end(json);
    if (r == 0)
        (void)!kw_router_reply(router, answer);
    kw_message_clear(answer);
    return r < 0 ? kw_fail(fault, r, KW_E_MEMORY, "answer", "no memory") : 0;
}

static int hello(struct kw_router *router, const struct kw_principal *sender, struct kw_message *request, struct kw_fault *fault)
{
    const struct kw_intake_setup *setup = router->setup;
    struct kw_message answer = {0};
    char now[KW_TIME_SIZE];
    kw_message_answer(&answer, request, "HELLO");
    kw_time_format(kw_clock_wall_ms(), now);
    struct kw_json_out json = {.out = &answer.header};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "version", "KW1");
    kw_json_string(&json, "hub", setup->hub);
    kw_json_integer(&json, "epoch", (int64_t)setup->epoch);
    kw_json_integer(&json, "window", setup->window);
    kw_json_integer(&json, "batch_limit", KW_LIMIT_BATCH);
    put_last_batch(router, sender, &json);
    kw_json_string(&json, "time", now);
    kw_json_close(&json, '}');
    return send_json(router, &json, &answer, fault);
}

static int ping(struct kw_router *router, struct kw_message *request, struct kw_fault *fault)
{
    struct kw_message answer = {0};
    char now[KW_TIME_SIZE];
    kw_message_answer(&answer, request, "PONG");
    kw_time_format(kw_clock_wall_ms(), now);
    struct kw_json_out json = {.out = &answer.header};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "time", now);
    kw_json_close(&json, '}');
    return send_json(router, &json, &answer, fault);
}

static int submit(struct kw_router *router, const struct kw_principal *sender, struct kw_message *request, struct kw_fault *fault)
{
    struct kw_delivery *delivery = NULL;
    struct kw_message kept = *request; /* the delivery takes the bytes also when it refuses: the route is needed for the ERROR */
    kept.header = kept.payload = (struct kw_buf){0};
    int r = kw_delivery_new(request, sender, &delivery, fault);
    if (r == 0)
        kw_flow_admit(router, delivery);
    else
        *request = kept;
    return r;
}

/* A principal's own positions only; an auditor's are all. */
static int may_prove(struct kw_router *router, const struct kw_principal *sender, uint64_t position, struct kw_fault *fault)
{
    struct kw_entry entry;
    int r = kw_journal_read(router->reader, position, &entry, fault);
    if (r < 0)
        return r;
    if (entry.principal != sender->number && !(sender->roles & KW_ROLE_AUDITOR))
        return kw_fail(fault, -EACCES, KW_E_NOT_FOUND, "position", "%s", kw_code_text(KW_E_NOT_FOUND));
    return 0;
}

static int proof(struct kw_router *router, const struct kw_principal *sender, const struct kw_json *header,
                 struct kw_message *request, struct kw_fault *fault)
{
    int64_t position;
    int r = kw_json_get_integer(header, "position", 1, INT64_MAX, &position, fault);
    if (r < 0) {
        if (fault->code == KW_E_JSON)
            fault->code = KW_E_HEADER;
        return r;
    }
    r = may_prove(router, sender, (uint64_t)position, fault);
    if (r < 0)
        return r;
    struct kw_proof_wait *wait = kw_alloc(sizeof *wait);
    struct kw_message question = {.verb = "PROOF"};
    if (!wait || kw_buf_u64(&question.payload, (uint64_t)position) < 0) {
        kw_free(wait);
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "PROOF", "no memory");
    }
    wait->number = ++router->next_number;
    kw_request_set(&question, wait->number);
    r = kw_send(router->setup->ledger, &question);
    if (r < 0) {
        kw_message_clear(&question);
        kw_free(wait);
        return kw_fail(fault, r, KW_E_BUSY, "PROOF", "%s", kw_code_text(KW_E_BUSY));
    }
    wait->request = *request;
    *request = (struct kw_message){0};
    wait->next = router->proofs;
    router->proofs = wait;
    return 0;
}

void kw_router_proof(struct kw_router *router, struct kw_message *answer)
{
    for (struct kw_proof_wait **item = &router->proofs; *item; item = &(*item)->next) {
        struct kw_proof_wait *wait = *item;
        if (wait->number != kw_request_number(answer))
            continue;
        *item = wait->next;
        struct kw_message reply = {0};
        kw_message_answer(&reply, &wait->request, answer->verb);
        reply.header = answer->header;
        reply.payload = answer->payload;
        answer->header = answer->payload = (struct kw_buf){0};
        (void)!kw_router_reply(router, &reply);
        kw_message_clear(&reply);
        kw_message_clear(&wait->request);
        kw_free(wait);
        return;
    }
}

void kw_router_forget_proofs(struct kw_router *router)
{
    while (router->proofs) {
        struct kw_proof_wait *wait = router->proofs;
        router->proofs = wait->next;
        kw_message_clear(&wait->request);
        kw_free(wait);
    }
}

static int handle(struct kw_router *router, struct kw_message *request, struct kw_fault *fault)
{
    const struct kw_principal *sender = NULL;
    bool is_submit = strcmp(request->verb, "SUBMIT") == 0, is_check = strcmp(request->verb, "CHECK") == 0;
    unsigned roles = is_submit ? KW_ROLE_REGISTRY | KW_ROLE_BORDER : is_check ? KW_ROLE_BORDER : ANY_ROLE;
    int r = kw_roster_admit(&router->roster, request->peer, roles, &sender, fault);
    if (r < 0)
        return r;
    if (is_submit || is_check)
        return submit(router, sender, request, fault);
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    r = kw_json_parse_header(kw_view_of(&request->header), &header, fault);
    if (r < 0)
        return r;
    if (strcmp(request->verb, "HELLO") == 0)
        return hello(router, sender, request, fault);
    if (strcmp(request->verb, "PROOF") == 0)
        return proof(router, sender, header, request, fault);
    if (strcmp(request->verb, "PING") == 0)
        return ping(router, request, fault);
    return kw_fail(fault, -EINVAL, KW_E_VERB, "verb", "%s", kw_code_text(KW_E_VERB));
}

void kw_router_request(struct kw_router *router, struct kw_message *request)
{
    struct kw_fault fault = {0};
    if (handle(router, request, &fault) < 0)
        kw_router_refuse(router, request, &fault);
}

void kw_router_status(struct kw_router *router, struct kw_message *answer)
{
    struct kw_json_out json = {.out = &answer->header};
    kw_json_object(&json, NULL);
    kw_json_integer(&json, "in_flight", router->in_flight);
    kw_json_integer(&json, "queued_bytes", (int64_t)router->queued_bytes);
    kw_json_integer(&json, "passed", (int64_t)router->passed);
    kw_json_integer(&json, "validator_failures", (int64_t)router->pool.failures);
    kw_json_integer(&json, "validator_restarts", (int64_t)router->pool.restarts);
    kw_json_object(&json, "outcomes");
    for (int code = 1; code < KW_CODE_COUNT; code++) {
        if (router->counts[code])
            kw_json_integer(&json, kw_code_name((enum kw_code)code), (int64_t)router->counts[code]);
    }
    kw_json_close(&json, '}');
    kw_json_object(&json, "answers");
    for (int answered = KW_ANSWER_UNKNOWN; answered <= KW_ANSWER_REFER; answered++)
        kw_json_integer(&json, kw_answer_name((enum kw_answer)answered), (int64_t)router->answers[answered]);
    kw_json_close(&json, '}');
    kw_json_close(&json, '}');
    if (kw_json_end(&json) < 0)
        answer->header.size = 0;
}
