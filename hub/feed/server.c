/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - the feed actor: one loop over the endpoint and its links. */
#include "feed/server.h"

#include <errno.h>
#include <string.h>

typedef int handler(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault);

void kw_feed_reply(struct kw_feed *feed, struct kw_message *answer)
{
    if (kw_send(feed->setup->router, answer) < 0) /* gone, or not reading: it asks again */
        kw_message_clear(answer);
}

void kw_feed_refuse(struct kw_feed *feed, const struct kw_message *request, const struct kw_fault *fault)
{
    struct kw_message answer = {0};
    char detail[sizeof fault->place + sizeof fault->message + 3];
    snprintf(detail, sizeof detail, "%s%s%s", fault->place, fault->place[0] ? ": " : "", fault->message);
    if (kw_message_error(&answer, request, fault->code ? fault->code : KW_E_INTERNAL, detail) == 0)
        kw_feed_reply(feed, &answer);
    kw_message_clear(&answer);
}

static int put_now(struct kw_json_out *json)
{
    char now[KW_TIME_SIZE];
    kw_time_format(kw_clock_wall_ms(), now);
    kw_json_string(json, "time", now);
    kw_json_close(json, '}');
    return kw_json_end(json);
}

static int answer_json(struct kw_feed *feed, struct kw_message *request, const char *verb, bool hello, struct kw_fault *fault)
{
    struct kw_message answer = {0};
    kw_message_answer(&answer, request, verb);
    struct kw_json_out json = {.out = &answer.header};
    kw_json_object(&json, NULL);
    if (hello) {
        kw_json_string(&json, "version", "KW1");
        kw_json_string(&json, "hub", feed->setup->hub);
        kw_json_integer(&json, "epoch", (int64_t)feed->setup->epoch);
    }
    int r = put_now(&json);
    if (r == 0)
        kw_feed_reply(feed, &answer);
    kw_message_clear(&answer);
    return r < 0 ? kw_fail(fault, r, KW_E_MEMORY, verb, "no memory") : 0;
}

static int hello(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault)
{
    return answer_json(feed, request, "HELLO", true, fault);
}

static int ping(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault)
{
    return answer_json(feed, request, "PONG", false, fault);
}

static const struct {
    const char *verb;
    handler *handle;
} verbs[] = {
    {"HELLO", hello},
    {"PING", ping},
    {"STREAMS", kw_feed_streams},
    {"SUBSCRIBE", kw_feed_subscribe},
    {"CREDIT", kw_feed_credit},
    {"RECEIVED", kw_feed_received},
    {"ACKNOWLEDGE", kw_feed_acknowledge},
    {"FEEDBACK", kw_feed_feedback},
    {"PROOF", kw_feed_proof},
};

static int handle(struct kw_feed *feed, struct kw_message *request, struct kw_fault *fault)
{
    const struct kw_principal *agency = NULL;
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL; /* also of verbs that need nothing of it */
    int r = kw_roster_admit(&feed->roster, request->peer, KW_ROLE_AGENCY, &agency, fault);
    if (r == 0)
        r = kw_json_parse_header(kw_view_of(&request->header), &header, fault);
    if (r < 0)
        return r;
    for (size_t i = 0; i < KW_COUNT(verbs); i++) {
        if (strcmp(verbs[i].verb, request->verb) == 0)
            return verbs[i].handle(feed, agency, request, fault);
    }
    return kw_fail(fault, -EINVAL, KW_E_VERB, "verb", "%s", kw_code_text(KW_E_VERB));
}

static void on_endpoint(struct kw_feed *feed)
{
    for (int i = 0; i < 64; i++) {
        struct kw_message request = {0};
        struct kw_fault fault = {0};
        int r = kw_receive(feed->setup->router, &request);
        if (r == -EAGAIN)
            return;
        if (r == -EBADMSG)
            kw_fail(&fault, r, KW_E_FRAMES, "frames", "%s", kw_code_text(KW_E_FRAMES));
        if (r == -EPROTONOSUPPORT)
            kw_fail(&fault, r, KW_E_VERSION, "frames", "%s", kw_code_text(KW_E_VERSION));
        if (r == 0)
            r = handle(feed, &request, &fault);
        if (r < 0 && fault.code == KW_E_JSON)
            fault.code = KW_E_HEADER;
        if (r < 0)
            kw_feed_refuse(feed, &request, &fault);
        kw_message_clear(&request);
    }
}

static void on_links(struct kw_feed *feed)
{
    struct kw_message message = {0};
    while (kw_receive(feed->setup->detect, &message) == 0) {
        if (strcmp(message.verb, "NEWS") != 0)
            kw_feed_answered(feed, &message);
        kw_message_clear(&message);
    }
    while (kw_receive(feed->setup->ledger, &message) == 0) {
        kw_feed_answered(feed, &message);
        kw_message_clear(&message);
    }
    while (kw_receive(feed->setup->writer, &message) == 0) {
        kw_feed_applied(feed, &message);
        kw_message_clear(&message);
    }
}

static void put_status(const struct kw_feed *feed, struct kw_buf *out)
{
    struct kw_json_out json = {.out = out};
    kw_json_object(&json, NULL);
    kw_json_integer(&json, "subscribers", (int64_t)feed->subscriber_count);
    kw_json_integer(&json, "items_sent", (int64_t)feed->sent);
    kw_json_integer(&json, "received", (int64_t)feed->received);
    kw_json_close(&json, '}');
    if (kw_json_end(&json) < 0)
        out->size = 0;
}

static int on_pipe(struct kw_feed *feed, struct kw_socket *pipe)
{
    struct kw_message message = {0}, answer = {0};
    struct kw_fault fault;
    int r = 0;
    while (r == 0 && kw_receive(pipe, &message) == 0) {
        kw_message_answer(&answer, &message, message.verb);
        if (strcmp(message.verb, "STOP") == 0) {
            feed->stop = true;
        } else if (strcmp(message.verb, "PRINCIPALS") == 0) {
            r = kw_roster_load(feed->reader, &feed->roster, &fault);
            kw_feed_drop_revoked(feed);
        } else if (strcmp(message.verb, "STATUS") == 0) {
            put_status(feed, &answer.header);
        }
        if (!feed->stop && kw_send(pipe, &answer) < 0)
            r = -EIO;
        kw_message_clear(&answer);
        kw_message_clear(&message);
    }
    return r;
}

static int turn(struct kw_feed *feed, struct kw_socket *pipe)
{
    const struct kw_feed_setup *setup = feed->setup;
    struct kw_poll items[] = {{.socket = pipe},
                              {.socket = setup->router},
                              {.socket = setup->detect},
                              {.socket = setup->ledger},
                              {.socket = setup->writer}};
    int r = kw_poll(items, KW_COUNT(items), feed->more ? 0 : 1000);
    if (r < 0)
        return r == -EINTR ? 0 : r;
    on_links(feed);
    on_endpoint(feed);
    feed->more = kw_feed_push(feed);
    kw_feed_heartbeats(feed);
    return on_pipe(feed, pipe);
}

int kw_feed_body(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    struct kw_feed feed = {.setup = argument};
    int r = kw_journal_reader_open(feed.setup->data_dir, feed.setup->vault, &feed.reader, fault);
    if (r == 0)
        r = kw_alert_reader_open(feed.setup->data_dir, feed.setup->vault, &feed.alerts, fault);
    if (r == 0)
        r = kw_roster_load(feed.reader, &feed.roster, fault);
    if (r == 0)
        r = kw_actor_ready(self);
    while (r == 0 && !feed.stop)
        r = turn(&feed, pipe);
    kw_feed_clear_subscribers(&feed);
    kw_feed_clear_pending(&feed);
    kw_roster_clear(&feed.roster);
    kw_alert_reader_close(feed.alerts);
    kw_journal_reader_close(feed.reader);
    return r;
}
