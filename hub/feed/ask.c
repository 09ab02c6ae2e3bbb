/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - one question to the hub on a line of its own, beside a client that may follow the feed. */
#include <errno.h>
#include <string.h>

#include "feed/line.h"

#define REPEAT_MS      5000 /* without an answer; everything at the feed is safe to repeat */
#define LATER_FIRST_MS 100
#define LATER_MOST_MS  2000

struct question {
    struct kw_socket *socket;
    const char *verb;
    struct kw_view header;
    int64_t until_ms, send_ms; /* send_ms: when it is due (again) */
    unsigned later;
    bool connected;
};

static int say(struct question *question)
{
    struct kw_message message = {0};
    snprintf(message.verb, sizeof message.verb, "%s", question->verb);
    kw_request_set(&message, 1);
    int r = kw_buf_append(&message.header, question->header.data, question->header.size);
    if (r == 0)
        r = kw_send(question->socket, &message);
    kw_message_clear(&message);
    if (r == 0) {
        question->connected = true;
        question->send_ms = kw_clock_monotonic_ms() + REPEAT_MS;
    }
    return r == -EAGAIN || r == -EHOSTUNREACH ? 0 : r;
}

/* 1: said later; 0 never. */
static int refused(struct question *question, const struct kw_message *answer, struct kw_fault *fault)
{
    enum kw_code code;
    char detail[200];
    bool again;
    int64_t wait = LATER_FIRST_MS;
    kw_line_error(answer, &code, &again, detail, sizeof detail);
    (void)kw_fail(fault, -EPROTO, code, "hub", "%s", detail[0] ? detail : kw_code_text(code));
    if (!again || code == KW_E_PENDING)
        return code == KW_E_PENDING ? -EAGAIN : -EPROTO;
    for (unsigned i = question->later++; i > 0 && wait < LATER_MOST_MS; i--)
        wait *= 2;
    question->send_ms = kw_clock_monotonic_ms() + wait;
    return 1;
}

static int await(struct question *question, struct kw_message *ret_answer, struct kw_fault *fault)
{
    bool later = false;
    for (int64_t now = kw_clock_monotonic_ms(); now < question->until_ms; now = kw_clock_monotonic_ms()) {
        struct kw_poll item = {.socket = question->socket, .want_write = !question->connected};
        int64_t wait = question->until_ms - now;
        if (question->connected && question->send_ms - now < wait)
            wait = question->send_ms > now ? question->send_ms - now : 0;
        int r = kw_poll(&item, 1, (int)wait);
        if (r < 0 && r != -EINTR)
            return kw_fail(fault, r, KW_E_INTERNAL, "poll", "%s", strerror(-r));
        if (kw_receive(question->socket, ret_answer) == 0 && kw_request_number(ret_answer) == 1) {
            if (strcmp(ret_answer->verb, "ERROR") != 0)
                return 0;
            r = refused(question, ret_answer, fault);
            if (r < 0)
                return r;
            later = true;
        } else if (item.writable || (question->connected && kw_clock_monotonic_ms() >= question->send_ms)) {
            r = say(question);
            if (r < 0)
                return kw_fail(fault, r, KW_E_MEMORY, question->verb, "cannot be sent");
        }
    }
    if (later) /* fault has what it said */
        return -ETIMEDOUT;
    return kw_fail(fault, -ETIMEDOUT, KW_E_NETWORK, "hub",
                   question->connected ? "does not answer" : "cannot be reached, or does not know this agency's key");
}

int kw_agency_ask(const struct kw_agency *agency, const char *verb, struct kw_view header, int timeout_ms,
                  struct kw_message *ret_answer, struct kw_fault *fault)
{
    struct question question = {.verb = verb, .header = header, .until_ms = kw_clock_monotonic_ms() + timeout_ms};
    struct kw_message answer = {0};
    struct kw_bus *bus = NULL;
    int r = kw_bus_new(&bus, fault);
    if (r == 0)
        r = kw_dealer_connect(bus, agency->endpoint, &agency->curve, agency->hub.curve, &question.socket, fault);
    if (r == 0)
        r = await(&question, &answer, fault);
    kw_socket_close(question.socket);
    kw_bus_free(bus);
    if (r < 0)
        kw_message_clear(&answer);
    else
        *ret_answer = answer;
    return r;
}
