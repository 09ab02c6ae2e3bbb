/* SPDX-License-Identifier: Apache-2.0 */
/* flow.c - admission, validators, the writer, detection: the way of a delivery until its receipt or answer. */
#include <errno.h>
#include <string.h>

#include "intake/router.h"

static void push(struct kw_delivery **queue, struct kw_delivery *delivery)
{
    while (*queue)
        queue = &(*queue)->next;
    delivery->next = NULL;
    *queue = delivery;
}

static size_t delivery_bytes(const struct kw_delivery *delivery)
{
    return delivery->request.payload.size + delivery->request.header.size;
}

static void settle_bulk(struct kw_router *router, const struct kw_delivery *delivery)
{
    if (!delivery->check)
        router->in_flight -= delivery->count;
}

/* ---- batches under way ---------------------------------------------------------- */

static struct kw_delivery **bucket(struct kw_router *router, const uint8_t id[16])
{
    return &router->under_way[(id[0] << 8 | id[1]) % KW_UNDER_WAY];
}

static bool is_same(const struct kw_delivery *a, const struct kw_delivery *b)
{
    return a->principal == b->principal && memcmp(a->id, b->id, sizeof a->id) == 0 &&
           memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

/* A batch that is sent again while it is under way is not done twice: the last asker gets its receipt. Else a sender that waits
 * longer than its patience would make the queue that it waits for ever longer. */
static bool join_earlier(struct kw_router *router, const struct kw_delivery *delivery)
{
    const struct kw_message *request = &delivery->request;
    for (struct kw_delivery *other = *bucket(router, delivery->id); other; other = other->alike) {
        if (!is_same(other, delivery))
            continue;
        /* where to, and nothing else: the bytes may be in the writer's hands just now */
        memcpy(other->request.request, request->request, sizeof request->request);
        memcpy(other->request.route, request->route, request->route_size);
        other->request.route_size = request->route_size;
        return true;
    }
    return false;
}

static void note_under_way(struct kw_router *router, struct kw_delivery *delivery)
{
    struct kw_delivery **first = bucket(router, delivery->id);
    delivery->alike = *first;
    *first = delivery;
}

static void end_delivery(struct kw_router *router, struct kw_delivery *delivery)
{
    router->check_count -= delivery->check;
    for (struct kw_delivery **item = bucket(router, delivery->id); *item; item = &(*item)->alike) {
        if (*item != delivery)
            continue;
        *item = delivery->alike;
        break;
    }
    kw_delivery_free(delivery);
}

static void refuse_at_once(struct kw_router *router, struct kw_delivery *delivery, enum kw_code code, const char *place)
{
    struct kw_fault fault;
    kw_fail(&fault, -EAGAIN, code, place, "%s", kw_code_text(code));
    kw_router_refuse(router, &delivery->request, &fault);
    kw_delivery_free(delivery);
}

static void finish_refused(struct kw_router *router, struct kw_delivery *delivery, const struct kw_fault *fault)
{
    settle_bulk(router, delivery);
    kw_router_refuse(router, &delivery->request, fault);
    end_delivery(router, delivery);
}

static bool no_room(const struct kw_router *router, uint32_t principal)
{
    size_t own = 0;
    for (const struct kw_delivery *other = router->bulk; other; other = other->next)
        own += other->principal == principal ? delivery_bytes(other) : 0;
    return own > KW_QUEUE_SENDER || router->queued_bytes > KW_QUEUE_BYTES;
}

void kw_flow_admit(struct kw_router *router, struct kw_delivery *delivery)
{
    if (delivery->check && router->check_count >= KW_QUEUE_CHECKS) {
        refuse_at_once(router, delivery, KW_E_BUSY, "checks");
    } else if (delivery->check) {
        router->check_count++;
        router->near_ms = kw_clock_monotonic_ms() + KW_NEAR_MS;
        push(&router->checks, delivery);
    } else if (!delivery->retry && join_earlier(router, delivery)) {
        kw_delivery_free(delivery);
    } else if (no_room(router, delivery->principal)) {
        refuse_at_once(router, delivery, KW_E_WINDOW, "window");
    } else {
        router->queued_bytes += delivery_bytes(delivery);
        note_under_way(router, delivery);
        push(&router->bulk, delivery);
    }
    kw_flow_dispatch(router);
}

static void write_delivery(struct kw_router *router, struct kw_delivery *delivery)
{
    if (kw_delivery_send(router->setup->writer, "WRITE", delivery) == 0) {
        router->writing++;
        return;
    }
    struct kw_fault fault;
    kw_fail(&fault, -EAGAIN, KW_E_UNAVAILABLE, "journal", "%s", kw_code_text(KW_E_UNAVAILABLE));
    finish_refused(router, delivery, &fault);
}

static bool next_alone(struct kw_delivery *delivery)
{
    while (delivery->at < delivery->count && !kw_slot_undecided(&delivery->slots[delivery->at]))
        delivery->at++;
    return delivery->at < delivery->count;
}

static bool needs_validator(struct kw_delivery *delivery)
{
    if (delivery->alone)
        return next_alone(delivery);
    for (uint32_t i = 0; i < delivery->count; i++) {
        if (kw_slot_undecided(&delivery->slots[i]))
            return true;
    }
    return false;
}

/* The child failed on this delivery: one record of several is at fault, so they go one by one; one alone is quarantined. */
static void child_failed(struct kw_router *router, struct kw_delivery *delivery)
{
    kw_log(KW_LOG_ERROR, "intake", "validator.failed", "principal=%s records=%u alone=%d", delivery->name, delivery->count,
           delivery->alone);
    if (delivery->alone || delivery->count == 1) {
        struct kw_slot *slot = &delivery->slots[delivery->at];
        if (delivery->alone) {
            slot->outcome = KW_QUARANTINED;
            kw_fail(&slot->fault, -ECHILD, KW_E_CHILD, "validator", "%s", kw_code_text(KW_E_CHILD));
        }
    }
    delivery->alone = true;
    struct kw_delivery **queue = delivery->check ? &router->checks : &router->bulk;
    delivery->next = *queue;
    *queue = delivery;
    if (!delivery->check) {
        router->in_flight -= delivery->count; /* admitted again from the queue's head */
        router->queued_bytes += delivery_bytes(delivery);
    }
}

/* False: no validator is free for it now. */
static bool start(struct kw_router *router, struct kw_delivery *delivery)
{
    if (!needs_validator(delivery)) {
        write_delivery(router, delivery);
        return true;
    }
    struct kw_worker *worker = kw_pool_take(&router->pool, delivery->principal, delivery->check);
    if (!worker)
        return false;
    if (kw_worker_ask(&router->pool, worker, delivery) < 0)
        child_failed(router, delivery);
    return true;
}

static struct kw_delivery *pop(struct kw_delivery **queue)
{
    struct kw_delivery *delivery = *queue;
    *queue = delivery->next;
    delivery->next = NULL;
    return delivery;
}

static bool start_first(struct kw_router *router, struct kw_delivery **queue)
{
    struct kw_delivery *delivery = pop(queue);
    if (!delivery->check) {
        router->in_flight += delivery->count;
        router->queued_bytes -= delivery_bytes(delivery);
    }
    if (start(router, delivery))
        return true;
    if (!delivery->check) {
        router->in_flight -= delivery->count;
        router->queued_bytes += delivery_bytes(delivery);
    }
    delivery->next = *queue;
    *queue = delivery;
    return false;
}

/* The oldest delivery of a principal that is not being served, so that one sender's backfill does not starve the others. */
static struct kw_delivery **fairest(struct kw_router *router)
{
    for (struct kw_delivery **item = &router->bulk; *item; item = &(*item)->next) {
        bool served = false;
        for (size_t i = 0; i < KW_POOL_MAX; i++)
            served |= router->pool.workers[i].delivery && router->pool.workers[i].principal == (*item)->principal;
        if (!served)
            return item;
    }
    return &router->bulk;
}

/* A check is answered behind the bulk that was written before it. Where checks come, that is kept short; what is not admitted
 * waits in its queue. */
static uint32_t window_now(const struct kw_router *router)
{
    uint32_t window = router->setup->window;
    return window > KW_NEAR_WINDOW && kw_clock_monotonic_ms() < router->near_ms ? KW_NEAR_WINDOW : window;
}

void kw_flow_dispatch(struct kw_router *router)
{
    while (router->checks && start_first(router, &router->checks))
        continue;
    while (router->bulk) {
        struct kw_delivery **item = fairest(router);
        if (router->in_flight && router->in_flight + (*item)->count > window_now(router))
            return;
        if (!start_first(router, item))
            return;
    }
}

void kw_flow_worker(struct kw_router *router, struct kw_worker *worker)
{
    struct kw_delivery *delivery = NULL;
    int r = kw_worker_take(&router->pool, worker, router->match_secret, &delivery);
    if (!delivery) /* not yet, or idle and dead */
        return;
    if (r < 0)
        child_failed(router, delivery);
    else if (!start(router, delivery)) { /* alone: the next one; the worker was just freed, so this waits only for a restart */
        delivery->next = delivery->check ? router->checks : router->bulk;
        *(delivery->check ? &router->checks : &router->bulk) = delivery;
        if (!delivery->check) {
            router->in_flight -= delivery->count;
            router->queued_bytes += delivery_bytes(delivery);
        }
    }
}

/* ---- after the commit ------------------------------------------------------------- */

static int add_span(struct kw_router *router, uint64_t position, uint32_t count)
{
    if (router->spans_count == router->spans_capacity) {
        size_t capacity = router->spans_capacity ? 2 * router->spans_capacity : 256;
        struct kw_span *spans = kw_alloc(capacity * sizeof *spans);
        if (!spans)
            return -ENOMEM;
        for (size_t i = 0; i < router->spans_count; i++)
            spans[i] = router->spans[(router->spans_first + i) % router->spans_capacity];
        kw_free(router->spans);
        router->spans = spans;
        router->spans_capacity = capacity;
        router->spans_first = 0;
    }
    router->spans[(router->spans_first + router->spans_count++) % router->spans_capacity] = (struct kw_span){position, count};
    return 0;
}

const struct kw_last *kw_flow_last(const struct kw_router *router, uint32_t principal)
{
    for (size_t i = 0; i < router->last_count; i++) {
        if (router->last[i].principal == principal)
            return &router->last[i];
    }
    return NULL;
}

int kw_flow_note_last(struct kw_router *router, uint32_t principal, const uint8_t id[16])
{
    struct kw_last *last = (struct kw_last *)kw_flow_last(router, principal);
    if (!last) {
        struct kw_last *grown = kw_resize(router->last, (router->last_count + 1) * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        router->last = grown;
        last = &grown[router->last_count++];
        last->principal = principal;
    }
    memcpy(last->id, id, sizeof last->id);
    return 0;
}

static void count_outcomes(struct kw_router *router, const struct kw_delivery *delivery)
{
    for (uint32_t i = 0; i < delivery->count; i++)
        router->counts[delivery->slots[i].outcome]++;
}

static void send_receipt(struct kw_router *router, const struct kw_delivery *delivery)
{
    struct kw_message answer = {0};
    if (kw_receipt_message(&delivery->request, kw_view_of(&delivery->receipt), &answer) == 0)
        (void)!kw_router_reply(router, &answer);
    kw_message_clear(&answer);
}

static void send_answer(struct kw_router *router, const struct kw_delivery *delivery, enum kw_answer answer,
                        const uint8_t *reference, bool complete)
{
    const struct kw_intake_setup *setup = router->setup;
    struct kw_message message = {0};
    router->answers[answer]++;
    if (kw_answer_message(delivery, setup->hub, setup->epoch, answer, reference, complete, setup->sign, &message) == 0)
        (void)!kw_router_reply(router, &message);
    kw_message_clear(&message);
}

static void await_detection(struct kw_router *router, struct kw_delivery *delivery)
{
    struct kw_message question = {.verb = "ANSWER"};
    delivery->deadline_ms = delivery->arrived_ms + KW_CHECK_MS;
    push(&router->asked, delivery);
    if (kw_buf_u64(&question.payload, delivery->position) < 0 || kw_send(router->setup->detect, &question) < 0)
        kw_message_clear(&question);
}

int kw_flow_retry(struct kw_router *router, uint64_t number, struct kw_fault *fault)
{
    struct kw_refusal refusal;
    struct kw_delivery *delivery = NULL;
    struct kw_principal sender;
    int r = kw_journal_quarantine_show(router->reader, number, &refusal, fault);
    if (r == 0 && refusal.state != KW_QUARANTINE_OPEN)
        r = kw_fail(fault, -EINVAL, KW_E_STATE, "quarantine", "is settled already");
    if (r == 0) {
        const struct kw_principal *found = kw_roster_number(&router->roster, refusal.principal);
        if (!found)
            return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "principal", "%s", kw_code_text(KW_E_NOT_FOUND));
        sender = *found;
        r = kw_delivery_again(&refusal, &sender, &delivery, fault);
    }
    if (r == 0)
        kw_flow_admit(router, delivery);
    return r;
}

void kw_flow_written(struct kw_router *router, struct kw_delivery *delivery)
{
    router->writing--;
    if (delivery->retry) {
        kw_log(KW_LOG_NOTICE, "intake", "quarantine.retried", "number=%llu outcome=%s", (unsigned long long)delivery->retry,
               kw_code_name(delivery->error ? delivery->fault.code : delivery->slots[0].outcome));
        settle_bulk(router, delivery);
        end_delivery(router, delivery);
        return;
    }
    if (delivery->error) {
        if (delivery->error == -ENOSPC)
            kw_fail(&delivery->fault, -ENOSPC, KW_E_READ_ONLY, "journal", "%s", kw_code_text(KW_E_READ_ONLY));
        finish_refused(router, delivery, &delivery->fault);
        return;
    }
    count_outcomes(router, delivery);
    (void)!kw_flow_note_last(router, delivery->principal, delivery->id); /* without memory a sender repeats more than it must */
    if (delivery->check && delivery->position) {
        await_detection(router, delivery);
        return;
    }
    if (delivery->check) {
        const struct kw_slot *slot = &delivery->slots[0];
        struct kw_fault fault = slot->fault;
        fault.code = slot->outcome == KW_QUARANTINED ? KW_E_INTERNAL : slot->outcome == KW_OK ? KW_E_STATE : slot->outcome;
        kw_router_refuse(router, &delivery->request, &fault);
    } else {
        send_receipt(router, delivery);
        if (delivery->position <= router->passed || add_span(router, delivery->position, delivery->count) < 0)
            settle_bulk(router, delivery);
    }
    end_delivery(router, delivery);
}

/* ---- detection ---------------------------------------------------------------------- */

static void answer_asked(struct kw_router *router, uint64_t position, enum kw_answer answer, const uint8_t *reference)
{
    for (struct kw_delivery **item = &router->asked; *item;) {
        struct kw_delivery *delivery = *item;
        if (delivery->position != position) {
            item = &delivery->next;
            continue;
        }
        *item = delivery->next;
        send_answer(router, delivery, answer, reference, true);
        end_delivery(router, delivery);
    }
}

void kw_flow_passed(struct kw_router *router, const struct kw_message *message)
{
    struct kw_view rest = kw_view_of(&message->payload), item, code, reference;
    uint64_t position;
    if (kw_take_item(&rest, &item) < 0 || kw_take_u64(&item, &position) < 0)
        return;
    if (position > router->passed)
        router->passed = position;
    while (rest.size && kw_take_item(&rest, &item) == 0) {
        if (kw_take_u64(&item, &position) == 0 && kw_take(&item, 1, &code) == 0 && kw_take(&item, 16, &reference) == 0)
            answer_asked(router, position, (enum kw_answer)code.data[0], reference.data);
    }
    while (router->spans_count && router->spans[router->spans_first].position <= router->passed) {
        router->in_flight -= router->spans[router->spans_first].count;
        router->spans_first = (router->spans_first + 1) % router->spans_capacity;
        router->spans_count--;
    }
    kw_flow_dispatch(router);
}

void kw_flow_overdue(struct kw_router *router)
{
    static const uint8_t none[16];
    int64_t now = kw_clock_monotonic_ms();
    for (struct kw_delivery **item = &router->asked; *item;) {
        struct kw_delivery *delivery = *item;
        if (now < delivery->deadline_ms) {
            item = &delivery->next;
            continue;
        }
        *item = delivery->next;
        kw_log(KW_LOG_WARNING, "intake", "check.late", "position=%llu", (unsigned long long)delivery->position);
        send_answer(router, delivery, KW_ANSWER_UNKNOWN, none, false);
        end_delivery(router, delivery);
    }
    for (size_t i = 0; i < KW_POOL_MAX; i++) {
        if (kw_worker_hung(&router->pool.workers[i], now))
            kw_flow_worker(router, &router->pool.workers[i]);
    }
    kw_flow_dispatch(router);
}

static void drop(struct kw_delivery *queue)
{
    while (queue) {
        struct kw_delivery *next = queue->next;
        kw_delivery_free(queue);
        queue = next;
    }
}

void kw_flow_clear(struct kw_router *router)
{
    drop(router->checks);
    drop(router->bulk);
    drop(router->asked);
    kw_pool_clear(&router->pool);
    kw_router_forget_proofs(router);
    kw_free(router->spans);
    kw_free(router->last);
}
