/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - one check at a border: asked at once, repeated with the same bytes, the answer verified. */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/private.h"
#include "json/json.h"

#define REPEAT_MS 500 /* the same bytes again: the hub knows the batch id */

struct check {
    struct kw_agent_settings settings;
    struct kw_mapper mapper;
    struct kw_message request; /* as it is sent, each time */
    uint8_t batch[16];
    int64_t until_ms;
};

static int left(const struct check *check)
{
    const int64_t ms = check->until_ms - kw_clock_monotonic_ms();
    return ms > 0 ? (int)ms : 0;
}

static int prepare(struct check *check, const char *path, struct kw_fault *fault)
{
    KW_AUTO(kw_document_clear) struct kw_document document = {.stylesheet = KW_AGENT_RECORDS};
    KW_AUTO(kw_message_clear) struct kw_message answer = {0};
    const struct kw_sender sender = {check->settings.name, check->settings.jurisdiction, check->settings.origin};
    struct kw_view record, leaf;
    struct kw_mapped mapped;
    int r = kw_file_read(path, KW_LIMIT_RECORDS_FILE, &document.body, fault);
    if (r == 0)
        r = kw_mapper_ask(&check->mapper, &document, left(check), &answer, &mapped, fault);
    if (r < 0)
        return r;
    if (mapped.count != 1)
        return kw_fail(fault, -EBADMSG, KW_E_SEVERAL, path, "%s", kw_code_text(KW_E_SEVERAL));
    if (kw_take_item(&mapped.records, &record) < 0 || kw_take_item(&mapped.leaves, &leaf) < 0)
        return kw_fail(fault, -ECHILD, KW_E_CHILD, "mapper", "%s", kw_code_text(KW_E_CHILD));
    snprintf(check->request.verb, sizeof check->request.verb, "CHECK");
    return kw_batch_message(&sender, leaf, record, &check->request, check->batch, fault);
}

static int read_answer(const struct check *check, const struct kw_message *message, struct kw_check_answer *ret_answer,
                       struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_check_answer answer = {0};
    struct kw_view signature, text, at;
    uint8_t batch[16], reference[16];
    int64_t position;
    int r = kw_signed_by_hub(message, "kinward/answer/v1\n", &check->settings, &signature, fault);
    if (r == 0)
        r = kw_json_parse(kw_view_of(&message->header), &header, fault);
    if (r == 0)
        r = kw_json_get_hex(header, "batch", batch, sizeof batch, fault);
    if (r == 0)
        r = kw_json_get_text(header, "answer", sizeof answer.answer - 1, &text, fault);
    if (r == 0)
        r = kw_json_get_text(header, "at", sizeof answer.at - 1, &at, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "position", 1, INT64_MAX, &position, fault);
    if (r < 0)
        return r;
    if (memcmp(batch, check->batch, sizeof batch) != 0)
        return -EAGAIN; /* of another question */
    if (!kw_view_is(text, "known") && !kw_view_is(text, "refer") && !kw_view_is(text, "unknown"))
        return kw_fail(fault, -EBADMSG, KW_E_HEADER, "answer", "is not in the list");
    if (kw_view_is(text, "refer")) {
        r = kw_json_get_hex(header, "case", reference, sizeof reference, fault);
        if (r < 0)
            return r;
        kw_hex(answer.reference, reference, sizeof reference);
    }
    memcpy(answer.answer, text.data, text.size);
    memcpy(answer.at, at.data, at.size);
    kw_hex(answer.batch, batch, sizeof batch);
    answer.position = (uint64_t)position;
    answer.complete = !kw_json_member(header, "complete") || kw_json_true(header, "complete");
    *ret_answer = answer;
    return 0;
}

/* 0 answered; -EAGAIN go on waiting. */
static int take_message(const struct check *check, struct kw_socket *socket, struct kw_check_answer *ret_answer,
                        struct kw_fault *fault)
{
    KW_AUTO(kw_message_clear) struct kw_message message = {0};
    int r = kw_receive(socket, &message);
    if (r < 0)
        return r == -EBADMSG ? -EAGAIN : r;
    if (strcmp(message.verb, "ANSWER") == 0)
        return read_answer(check, &message, ret_answer, fault);
    if (strcmp(message.verb, "ERROR") != 0)
        return -EAGAIN;
    enum kw_code code;
    bool again;
    kw_error_read(&message, &code, &again);
    kw_fail(fault, -EREMOTEIO, code, "hub", "%s", kw_code_text(code));
    return again ? -EAGAIN : -EREMOTEIO;
}

static int send_request(struct check *check, struct kw_socket *socket, uint64_t number)
{
    KW_AUTO(kw_message_clear) struct kw_message copy = {0};
    memcpy(copy.verb, check->request.verb, sizeof copy.verb);
    kw_request_set(&copy, number);
    int r = kw_buf_append(&copy.header, check->request.header.data, check->request.header.size);
    if (r == 0)
        r = kw_buf_append(&copy.payload, check->request.payload.data, check->request.payload.size);
    return r == 0 ? kw_send(socket, &copy) : r;
}

static int ask(struct check *check, struct kw_socket *socket, struct kw_check_answer *ret_answer, struct kw_fault *fault)
{
    int64_t again_ms = 0;
    uint64_t number = 0;
    kw_fail(fault, -ETIMEDOUT, KW_E_TIMEOUT, check->settings.endpoint, "the hub did not answer in time");
    while (left(check) > 0) {
        const int64_t now = kw_clock_monotonic_ms();
        struct kw_poll item = {.socket = socket};
        if (now >= again_ms) {
            int r = send_request(check, socket, number + 1);
            if (r < 0 && r != -EAGAIN && r != -EHOSTUNREACH)
                return kw_fail(fault, r, KW_E_NETWORK, check->settings.endpoint, "%s", strerror(-r));
            number += r == 0;
            again_ms = r == 0 ? now + REPEAT_MS : 0;
        }
        item.want_write = again_ms == 0;
        const int wait = again_ms ? (int)(again_ms - now) : left(check);
        int r = kw_poll(&item, 1, wait < left(check) ? wait : left(check));
        if (r >= 0 && item.readable) {
            r = take_message(check, socket, ret_answer, fault);
            if (r == 0)
                return 0;
        }
        if (r < 0 && r != -EAGAIN && r != -EINTR)
            return r;
    }
    return fault && fault->code != KW_E_TIMEOUT && kw_code_retryable(fault->code) ? -EAGAIN : -ETIMEDOUT;
}

static void check_clear(struct check *check)
{
    kw_mapper_close(&check->mapper);
    kw_message_clear(&check->request);
    kw_agent_settings_clear(&check->settings);
}

static int connect_and_ask(struct check *check, struct kw_check_answer *ret_answer, struct kw_fault *fault)
{
    struct kw_bus *bus = NULL;
    struct kw_socket *socket = NULL;
    int r = kw_bus_new(&bus, fault);
    if (r < 0)
        return r;
    r = kw_dealer_connect(bus, check->settings.endpoint, &check->settings.curve, check->settings.hub.curve, &socket, fault);
    if (r == 0)
        r = ask(check, socket, ret_answer, fault);
    kw_socket_close(socket);
    kw_bus_free(bus);
    return r;
}

int kw_agent_check(const char *config, const char *path, int timeout_ms, struct kw_check_answer *ret_answer, struct kw_fault *fault)
{
    struct kw_fault own = {0};
    struct check *check = kw_alloc(sizeof *check);
    if (!check)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "check", "no memory");
    fault = fault ? fault : &own;
    check->until_ms = kw_clock_monotonic_ms() + timeout_ms;
    int r = kw_crypto_init() < 0 ? kw_fail(fault, -EIO, KW_E_INTERNAL, "check", "the cryptographic library cannot start") : 0;
    if (r == 0)
        r = kw_agent_settings_load(config, true, &check->settings, fault);
    if (r == 0)
        r = kw_mapper_open(&check->mapper, &check->settings, NULL, fault);
    if (r == 0)
        r = prepare(check, path, fault);
    if (r == 0)
        r = connect_and_ask(check, ret_answer, fault);
    check_clear(check);
    kw_free(check);
    return r;
}
