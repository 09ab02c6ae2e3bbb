/* SPDX-License-Identifier: Apache-2.0 */
/* router.c - the intake actor: one loop over the endpoint, the links and the validators. */
#include "intake/router.h"

#include <errno.h>
#include <string.h>

#include "json/json.h"

int kw_router_reply(struct kw_router *router, struct kw_message *answer)
{
    int r = kw_send(router->setup->router, answer);
    if (r < 0) /* the peer is gone or does not read: it asks again */
        kw_message_clear(answer);
    return r;
}

void kw_router_refuse(struct kw_router *router, const struct kw_message *request, const struct kw_fault *fault)
{
    struct kw_message answer = {0};
    char detail[sizeof fault->place + sizeof fault->message + 3];
    snprintf(detail, sizeof detail, "%s%s%s", fault->place, fault->place[0] ? ": " : "", fault->message);
    router->counts[fault->code]++;
    if (kw_message_error(&answer, request, fault->code, detail) == 0)
        (void)!kw_router_reply(router, &answer);
    kw_message_clear(&answer);
}

static void on_endpoint(struct kw_router *router)
{
    for (int i = 0; i < 64; i++) { /* then the other sources have their turn */
        struct kw_message request = {0};
        int r = kw_receive(router->setup->router, &request);
        if (r == -EAGAIN)
            return;
        if (r == 0) {
            kw_router_request(router, &request);
        } else if (r == -EBADMSG || r == -EPROTONOSUPPORT) {
            struct kw_fault fault = {0};
            enum kw_code code = r == -EBADMSG ? KW_E_FRAMES : KW_E_VERSION;
            kw_fail(&fault, r, code, "frames", "%s", kw_code_text(code));
            kw_router_refuse(router, &request, &fault);
        }
        kw_message_clear(&request);
    }
}

static void on_writer(struct kw_router *router)
{
    struct kw_message message = {0};
    while (kw_receive(router->setup->writer, &message) == 0) {
        struct kw_delivery *delivery = kw_delivery_receive(&message);
        kw_message_clear(&message);
        if (delivery)
            kw_flow_written(router, delivery);
    }
    kw_flow_dispatch(router);
}

static void on_detect(struct kw_router *router)
{
    struct kw_message message = {0};
    while (kw_receive(router->setup->detect, &message) == 0) {
        if (strcmp(message.verb, "PASSED") == 0)
            kw_flow_passed(router, &message);
        kw_message_clear(&message);
    }
}

static void on_ledger(struct kw_router *router)
{
    struct kw_message message = {0};
    while (kw_receive(router->setup->ledger, &message) == 0) {
        kw_router_proof(router, &message);
        kw_message_clear(&message);
    }
}

/* The answer's header says whether it is on its way, or why not. */
static void retry(struct kw_router *router, const struct kw_message *message, struct kw_message *answer)
{
    struct kw_view rest = kw_view_of(&message->payload);
    struct kw_json_out json = {.out = &answer->header};
    struct kw_fault fault = {0};
    uint64_t number;
    bool queued = kw_take_u64(&rest, &number) == 0 && kw_flow_retry(router, number, &fault) == 0;
    kw_json_object(&json, NULL);
    kw_json_boolean(&json, "queued", queued);
    if (!queued)
        kw_json_string(&json, "code", kw_code_name(fault.code));
    kw_json_close(&json, '}');
    if (kw_json_end(&json) < 0)
        answer->header.size = 0;
}

static int on_pipe(struct kw_router *router, struct kw_socket *pipe)
{
    struct kw_message message = {0}, answer = {0};
    struct kw_fault fault;
    int r = 0;
    while (r == 0 && kw_receive(pipe, &message) == 0) {
        kw_message_answer(&answer, &message, message.verb);
        if (strcmp(message.verb, "STOP") == 0)
            router->stop = true;
        else if (strcmp(message.verb, "PRINCIPALS") == 0)
            r = kw_roster_load(router->reader, &router->roster, &fault);
        else if (strcmp(message.verb, "STATUS") == 0)
            kw_router_status(router, &answer);
        else if (strcmp(message.verb, "RETRY") == 0)
            retry(router, &message, &answer);
        if (!router->stop && kw_send(pipe, &answer) < 0)
            r = -EIO;
        kw_message_clear(&answer);
        kw_message_clear(&message);
    }
    return r;
}

static int wait_ms(const struct kw_router *router)
{
    if (!router->asked && !router->checks && !router->bulk)
        for (size_t i = 0;; i++) {
            if (i == KW_POOL_MAX)
                return 1000;
            if (router->pool.workers[i].delivery)
                break;
        }
    return 50;
}

static int turn(struct kw_router *router, struct kw_socket *pipe)
{
    struct kw_poll items[5 + KW_POOL_MAX] = {{.socket = pipe},
                                             {.socket = router->setup->router},
                                             {.socket = router->setup->writer},
                                             {.socket = router->setup->detect},
                                             {.socket = router->setup->ledger}};
    struct kw_worker *workers[KW_POOL_MAX];
    size_t count = 5;
    for (size_t i = 0; i < KW_POOL_MAX; i++) {
        struct kw_worker *worker = &router->pool.workers[i];
        if (!kw_child_running(&worker->child))
            continue;
        workers[count - 5] = worker;
        items[count++] = (struct kw_poll){.fd = worker->child.fd, .want_write = kw_pipe_queued(worker->pipe) > 0};
    }
    int r = kw_poll(items, count, wait_ms(router));
    if (r < 0)
        return r == -EINTR ? 0 : r;
    for (size_t i = 5; i < count; i++) {
        if (items[i].readable || items[i].writable)
            kw_flow_worker(router, workers[i - 5]);
    }
    if (items[2].readable)
        on_writer(router);
    if (items[3].readable)
        on_detect(router);
    if (items[4].readable)
        on_ledger(router);
    if (items[1].readable)
        on_endpoint(router);
    kw_flow_overdue(router);
    return items[0].readable ? on_pipe(router, pipe) : 0;
}

static int load_last(struct kw_router *router)
{
    for (size_t i = 0; i < router->roster.count; i++) {
        uint8_t id[16];
        uint32_t number = router->roster.items[i].number;
        int r = kw_journal_last_batch(router->setup->journal, number, id);
        if (r == 0)
            r = kw_flow_note_last(router, number, id);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

int kw_intake_body(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    struct kw_router router = {.setup = argument};
    router.passed = router.setup->passed;
    kw_derive(router.setup->vault, "kwmatch", 1, router.match_secret);
    kw_pool_init(&router.pool, router.setup->validators);
    int r = kw_journal_reader_open(router.setup->data_dir, router.setup->vault, &router.reader, fault);
    if (r == 0)
        r = kw_roster_load(router.reader, &router.roster, fault);
    if (r == 0)
        r = load_last(&router);
    if (r == 0)
        r = kw_actor_ready(self);
    while (r == 0 && !router.stop)
        r = turn(&router, pipe);
    kw_flow_clear(&router);
    kw_roster_clear(&router.roster);
    kw_journal_reader_close(router.reader);
    kw_wipe(router.match_secret, sizeof router.match_secret);
    return r;
}
