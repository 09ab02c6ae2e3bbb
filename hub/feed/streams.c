/* SPDX-License-Identifier: Apache-2.0 */
/* streams.c - an agency's stream: numbers, items with credit, heartbeats. A slow reader costs a cursor, no memory. */
#include <errno.h>
#include <string.h>

#include "feed/server.h"

int kw_feed_streams(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault)
{
    struct kw_alert_stream stream;
    struct kw_message answer = {0};
    int r = kw_alert_stream(feed->alerts, agency->name, &stream, fault);
    if (r < 0)
        return r;
    kw_message_answer(&answer, request, "STREAMS");
    struct kw_json_out json = {.out = &answer.header};
    kw_json_object(&json, NULL);
    kw_json_array(&json, "streams");
    kw_json_object(&json, NULL);
    kw_json_string(&json, "stream", agency->name);
    kw_json_integer(&json, "epoch", (int64_t)stream.epoch);
    kw_json_integer(&json, "last", (int64_t)stream.last);
    kw_json_integer(&json, "received", (int64_t)stream.received);
    kw_json_close(&json, '}');
    kw_json_close(&json, ']');
    kw_json_close(&json, '}');
    r = kw_json_end(&json);
    if (r == 0)
        kw_feed_reply(feed, &answer);
    kw_message_clear(&answer);
    return r < 0 ? kw_fail(fault, r, KW_E_MEMORY, "feed", "no memory") : 0;
}

static struct kw_subscriber *find(struct kw_feed *feed, const struct kw_message *request)
{
    for (struct kw_subscriber *item = feed->subscribers; item; item = item->next) {
        if (item->request.route_size == request->route_size &&
            memcmp(item->request.route, request->route, request->route_size) == 0)
            return item;
    }
    return NULL;
}

static void drop(struct kw_feed *feed, struct kw_subscriber *subscriber)
{
    for (struct kw_subscriber **item = &feed->subscribers; *item; item = &(*item)->next) {
        if (*item == subscriber) {
            *item = subscriber->next;
            kw_message_clear(&subscriber->request);
            kw_free(subscriber);
            feed->subscriber_count--;
            return;
        }
    }
}

void kw_feed_clear_subscribers(struct kw_feed *feed)
{
    while (feed->subscribers)
        drop(feed, feed->subscribers);
}

void kw_feed_drop_revoked(struct kw_feed *feed)
{
    for (struct kw_subscriber *item = feed->subscribers, *next; item; item = next) {
        const struct kw_principal *agency;
        struct kw_fault fault;
        next = item->next;
        if (kw_roster_admit(&feed->roster, item->stream, KW_ROLE_AGENCY, &agency, &fault) < 0) {
            kw_feed_refuse(feed, &item->request, &fault);
            drop(feed, item);
        }
    }
}

/* Header {"stream","epoch","last"} under a verb, with the subscription's request id. */
static int send_position(struct kw_feed *feed, const struct kw_subscriber *subscriber, const char *verb)
{
    struct kw_alert_stream stream;
    struct kw_message answer = {0};
    int r = kw_alert_stream(feed->alerts, subscriber->stream, &stream, NULL);
    if (r < 0)
        return r;
    kw_message_answer(&answer, &subscriber->request, verb);
    struct kw_json_out json = {.out = &answer.header};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "stream", subscriber->stream);
    kw_json_integer(&json, "epoch", (int64_t)stream.epoch);
    kw_json_integer(&json, "last", (int64_t)stream.last);
    kw_json_close(&json, '}');
    r = kw_json_end(&json);
    if (r == 0)
        r = kw_send(feed->setup->router, &answer);
    kw_message_clear(&answer);
    return r;
}

static int read_subscribe(const struct kw_json *header, const struct kw_principal *agency, const struct kw_alert_stream *stream,
                          int64_t *ret_from, int64_t *ret_credit, struct kw_fault *fault)
{
    struct kw_view name;
    int64_t epoch;
    int r = kw_json_get_text(header, "stream", KW_LIMIT_PRINCIPAL, &name, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "epoch", 0, INT64_MAX, &epoch, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "from", 1, INT64_MAX, ret_from, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "credit", 1, KW_FEED_CREDIT, ret_credit, fault);
    if (r < 0)
        return r;
    if (!kw_view_is(name, agency->name))
        return kw_fail(fault, -EACCES, KW_E_STREAM, "stream", "is not one of this agency");
    if ((uint64_t)epoch != stream->epoch)
        return kw_fail(fault, -ESTALE, KW_E_STREAM, "epoch", "is now %llu: ask STREAMS", (unsigned long long)stream->epoch);
    if ((uint64_t)*ret_from > stream->last + 1)
        return kw_fail(fault, -ERANGE, KW_E_STREAM, "from", "the last number is %llu", (unsigned long long)stream->last);
    return 0;
}

int kw_feed_subscribe(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_alert_stream stream;
    int64_t from, credit;
    int r = kw_json_parse_header(kw_view_of(&request->header), &header, fault);
    if (r == 0)
        r = kw_alert_stream(feed->alerts, agency->name, &stream, fault);
    if (r == 0)
        r = read_subscribe(header, agency, &stream, &from, &credit, fault);
    if (r < 0)
        return r;
    struct kw_subscriber *subscriber = find(feed, request);
    if (!subscriber && feed->subscriber_count == KW_FEED_SUBSCRIBERS)
        return kw_fail(fault, -EAGAIN, KW_E_BUSY, "feed", "%s", kw_code_text(KW_E_BUSY));
    if (!subscriber) {
        subscriber = kw_alloc(sizeof *subscriber);
        if (!subscriber)
            return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "feed", "no memory");
        subscriber->next = feed->subscribers;
        feed->subscribers = subscriber;
        feed->subscriber_count++;
    }
    kw_message_answer(&subscriber->request, request, "ITEM");
    strcpy(subscriber->stream, agency->name);
    subscriber->at = (uint64_t)from;
    subscriber->credit = (uint64_t)credit;
    subscriber->heartbeat_ms = kw_clock_monotonic_ms() + KW_FEED_HEARTBEAT_MS;
    if (send_position(feed, subscriber, "SUBSCRIBED") < 0)
        drop(feed, subscriber);
    return 0;
}

int kw_feed_credit(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    int64_t credit;
    int r = kw_json_parse_header(kw_view_of(&request->header), &header, fault);
    struct kw_view name;
    if (r == 0)
        r = kw_json_get_text(header, "stream", KW_LIMIT_PRINCIPAL, &name, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "credit", 1, KW_FEED_CREDIT, &credit, fault);
    if (r < 0)
        return r;
    if (!kw_view_is(name, agency->name))
        return kw_fail(fault, -EACCES, KW_E_STREAM, "stream", "is not one of this agency");
    struct kw_subscriber *subscriber = find(feed, request);
    if (!subscriber || strcmp(subscriber->stream, agency->name) != 0)
        return kw_fail(fault, -ENOENT, KW_E_STATE, "stream", "is not subscribed to on this connection");
    subscriber->credit += (uint64_t)credit;
    if (subscriber->credit > KW_FEED_CREDIT)
        subscriber->credit = KW_FEED_CREDIT;
    return 0;
}

/* ---- items --------------------------------------------------------------------- */

struct push {
    struct kw_feed *feed;
    struct kw_subscriber *subscriber;
    uint64_t epoch;
};

static int send_item(void *context, const struct kw_alert_item *item)
{
    const struct push *push = context;
    struct kw_subscriber *subscriber = push->subscriber;
    struct kw_message message = {0};
    if (item->number != subscriber->at)
        return -EBADMSG; /* a hole would be a fault of ours: stop rather than pass over it */
    kw_message_answer(&message, &subscriber->request, "ITEM");
    struct kw_json_out json = {.out = &message.header};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "stream", subscriber->stream);
    kw_json_integer(&json, "epoch", (int64_t)push->epoch);
    kw_json_integer(&json, "number", (int64_t)item->number);
    kw_json_hex(&json, "previous", item->previous, sizeof item->previous);
    kw_json_close(&json, '}');
    int r = kw_json_end(&json);
    const struct kw_view parts[] = {item->envelope, item->signature, item->key, item->body};
    for (size_t i = 0; r == 0 && i < KW_COUNT(parts); i++)
        r = kw_put_item(&message.payload, parts[i].data, parts[i].size);
    if (r == 0)
        r = kw_send(push->feed->setup->router, &message);
    kw_message_clear(&message);
    if (r < 0)
        return r;
    subscriber->at++;
    subscriber->credit--;
    push->feed->sent++;
    return subscriber->credit ? 0 : 1;
}

/* True: there is more that could go at once. */
static bool push_one(struct kw_feed *feed, struct kw_subscriber *subscriber)
{
    struct kw_alert_stream stream;
    struct kw_fault fault = {0};
    int r = kw_alert_stream(feed->alerts, subscriber->stream, &stream, &fault);
    if (r < 0 || subscriber->at > stream.last)
        return false;
    struct push push = {.feed = feed, .subscriber = subscriber, .epoch = stream.epoch};
    r = kw_alert_items(feed->alerts, subscriber->stream, subscriber->at, 64, send_item, &push, &fault);
    if (r == -EHOSTUNREACH) {
        drop(feed, subscriber);
    } else if (r < 0 && r != -EAGAIN) {
        kw_log(KW_LOG_ERROR, "feed", "item.failed", "stream=%s number=%llu code=%s", subscriber->stream,
               (unsigned long long)subscriber->at, kw_code_name(fault.code));
        drop(feed, subscriber);
    } else {
        return r == 0 && subscriber->at <= stream.last && subscriber->credit;
    }
    return false;
}

bool kw_feed_push(struct kw_feed *feed)
{
    bool more = false;
    for (struct kw_subscriber *item = feed->subscribers, *next; item; item = next) {
        next = item->next;
        if (item->credit)
            more |= push_one(feed, item);
    }
    return more;
}

void kw_feed_heartbeats(struct kw_feed *feed)
{
    int64_t now = kw_clock_monotonic_ms();
    for (struct kw_subscriber *item = feed->subscribers, *next; item; item = next) {
        next = item->next;
        if (now < item->heartbeat_ms)
            continue;
        item->heartbeat_ms = now + KW_FEED_HEARTBEAT_MS;
        if (send_position(feed, item, "HEARTBEAT") == -EHOSTUNREACH)
            drop(feed, item);
    }
}
