/* SPDX-License-Identifier: Apache-2.0 */
/* hear.c - what the hub says: greeting, streams, items, heartbeats, errors. */
#include <errno.h>
#include <string.h>

#include "feed/line.h"

typedef unsigned long long number;

static int parse(const struct kw_message *message, struct kw_json **ret_header, struct kw_fault *fault)
{
    return kw_json_parse(kw_view_of(&message->header), ret_header, fault);
}

/* The hub answers something that is no answer: as if the line had broken. */
static int nonsense(struct kw_feed_client *client, int error, const struct kw_fault *fault)
{
    if (error == -ENOMEM)
        return error;
    kw_line_drop(client, "hub.invalid", fault->place);
    return 0;
}

static int sent(struct kw_feed_client *client, int error)
{
    if (error == -EAGAIN || error == -EHOSTUNREACH) {
        kw_line_drop(client, "line.lost", "");
        return 0;
    }
    return error;
}

/* The hub names another epoch than STREAMS did. When it does so again and again, not without a pause. */
static int other_epoch(struct kw_feed_client *client)
{
    if (client->tries++ < 2)
        return sent(client, kw_line_ask_streams(client));
    kw_line_drop(client, "hub.epochs", "");
    return 0;
}

static int fork_found(struct kw_fault *fault, const char *what)
{
    return kw_fail(fault, -EKEYREJECTED, KW_E_FORK, "stream", "%s; keep the inbox and tell the hub's owner", what);
}

static int greeted(struct kw_feed_client *client, const struct kw_message *message, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_fault why = {0};
    struct kw_view version, hub;
    int r = parse(message, &header, &why);
    if (r == 0)
        r = kw_json_get_text(header, "version", 16, &version, &why);
    if (r == 0)
        r = kw_json_get_text(header, "hub", KW_LIMIT_PRINCIPAL, &hub, &why);
    if (r < 0)
        return nonsense(client, r, &why);
    if (!kw_view_is(version, "KW1"))
        return kw_fail(fault, -EACCES, KW_E_VERSION, "hub", "%s", kw_code_text(KW_E_VERSION));
    if (!kw_view_is(hub, client->agency->hub.name))
        return kw_fail(fault, -EACCES, KW_E_KEY, "hub", "calls itself otherwise than its card");
    return sent(client, kw_line_ask_streams(client));
}

/* ---- streams -------------------------------------------------------------------------------- */

struct position {
    uint64_t epoch, last, received;
};

static int read_position(const struct kw_json *object, bool received, struct position *ret_position, struct kw_fault *fault)
{
    int64_t epoch, last, upto = 0;
    int r = kw_json_get_integer(object, "epoch", 0, INT64_MAX, &epoch, fault);
    if (r == 0)
        r = kw_json_get_integer(object, "last", 0, INT64_MAX, &last, fault);
    if (r == 0 && received)
        r = kw_json_get_integer(object, "received", 0, INT64_MAX, &upto, fault);
    if (r == 0)
        *ret_position = (struct position){(uint64_t)epoch, (uint64_t)last, (uint64_t)upto};
    return r;
}

static int find_stream(const struct kw_feed_client *client, const struct kw_json *header, struct position *ret_position,
                       struct kw_fault *fault)
{
    const struct kw_json *streams = kw_json_member(header, "streams");
    for (size_t i = 0; i < kw_json_count(streams); i++) {
        const struct kw_json *stream = kw_json_at(streams, i);
        if (kw_view_is(kw_json_text_of(kw_json_member(stream, "stream")), client->agency->name))
            return read_position(stream, true, ret_position, fault);
    }
    return kw_fail(fault, -EACCES, KW_E_STREAM, "stream", "the hub has none of the name in agency.xml for this agency's key");
}

static int new_epoch(struct kw_feed_client *client, const struct position *there, struct kw_fault *fault)
{
    const bool restored = kw_inbox_begun(client->inbox);
    const number before = kw_inbox_epoch(client->inbox), kept = kw_inbox_last(client->inbox);
    int r = kw_inbox_epoch_add(client->inbox, there->epoch, fault);
    if (r == -EEXIST)
        return fork_found(fault, "the hub went back to an earlier epoch");
    if (r == 0 && restored)
        kw_log(KW_LOG_WARNING, "feed", "stream.restored",
               "epoch=%llu before=%llu kept=%llu last=%llu advice=\"the hub was restored from a backup: its stream starts again at "
               "1, what the inbox has is kept\"",
               (number)there->epoch, before, kept, (number)there->last);
    client->confirmed = 0;
    return r;
}

static int streams(struct kw_feed_client *client, const struct kw_message *message, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_fault why = {0};
    struct position there = {0};
    int r = parse(message, &header, &why);
    if (r == 0)
        r = find_stream(client, header, &there, &why);
    if (r == -EACCES)
        return kw_fail(fault, r, why.code, why.place, "%s", why.message);
    if (r < 0)
        return nonsense(client, r, &why);
    r = kw_line_flush(client, fault); /* of the epoch before */
    if (r < 0)
        return r;
    if (!kw_inbox_begun(client->inbox) || kw_inbox_epoch(client->inbox) != there.epoch)
        r = new_epoch(client, &there, fault);
    if (r < 0)
        return r;
    const uint64_t here = kw_inbox_last(client->inbox);
    if (there.last < here)
        return fork_found(fault, "the hub has fewer items than it sent before, and names no new epoch");
    if (there.received > here)
        kw_log(KW_LOG_WARNING, "feed", "inbox.behind",
               "here=%llu confirmed=%llu advice=\"this inbox lacks items that were confirmed; they are fetched again\"",
               (number)here, (number)there.received);
    client->hub_last = there.last;
    client->confirmed = there.received;
    kw_inbox_confirmed(client->inbox, there.received < here ? there.received : here);
    return sent(client, kw_line_subscribe(client));
}

/* The answer to SUBSCRIBE, and every heartbeat. */
static int position(struct kw_feed_client *client, const struct kw_message *message, bool beat, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_fault why = {0};
    struct position there = {0};
    const uint64_t here = kw_inbox_last(client->inbox);
    int r = parse(message, &header, &why);
    if (r == 0)
        r = read_position(header, false, &there, &why);
    if (r < 0)
        return nonsense(client, r, &why);
    if (there.epoch != kw_inbox_epoch(client->inbox))
        return other_epoch(client);
    if (there.last < here)
        return fork_found(fault, "the hub has fewer items than it sent before, and names no new epoch");
    client->hub_last = there.last;
    client->state = KW_LINE_UP;
    if (!beat) {
        kw_log(KW_LOG_INFO, "feed", "line.up", "here=%llu there=%llu", (number)here, (number)there.last);
        return 0;
    }
    /* an item may be on its way: only what was announced a heartbeat ago and is still not here is missing */
    const bool missing = client->beat_last > here && client->beat_here == here;
    client->beat_last = there.last;
    client->beat_here = here;
    if (!missing) {
        client->tries = 0;
        return 0;
    }
    client->gaps++;
    kw_log(KW_LOG_WARNING, "feed", "stream.missing", "here=%llu there=%llu", (number)here, (number)there.last);
    return sent(client, kw_line_subscribe(client));
}

/* ---- items ------------------------------------------------------------------------------------ */

static int keep(struct kw_feed_client *client, struct kw_item *item, struct kw_fault *fault)
{
    if (client->letter_count == client->letter_capacity) {
        size_t capacity = client->letter_capacity ? 2 * client->letter_capacity : 64;
        struct kw_letter *letters = kw_resize(client->letters, capacity * sizeof *letters);
        if (!letters)
            return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "items", "no memory");
        client->letters = letters;
        client->letter_capacity = capacity;
    }
    struct kw_letter *letter = &client->letters[client->letter_count];
    memcpy(item->signer, client->agency->hub.sign, sizeof item->signer);
    item->received_ms = kw_clock_wall_ms();
    int r = kw_item_open(client->agency, item, letter, fault);
    if (r < 0)
        return r;
    client->letter_count++;
    return kw_inbox_add(client->inbox, item, letter, fault);
}

static int gap(struct kw_feed_client *client, uint64_t came)
{
    client->gaps++;
    kw_log(KW_LOG_WARNING, "feed", "stream.gap", "wanted=%llu came=%llu", (number)kw_inbox_last(client->inbox) + 1, (number)came);
    if (client->tries++ == 0)
        return sent(client, kw_line_subscribe(client));
    kw_line_drop(client, "line.gaps", ""); /* again and again: not without a pause */
    return 0;
}

static int item(struct kw_feed_client *client, const struct kw_message *message, struct kw_fault *fault)
{
    struct kw_item item;
    int r = kw_item_read(client->agency, message, &item, fault);
    if (r < 0)
        return r;
    if (item.epoch != kw_inbox_epoch(client->inbox))
        return other_epoch(client);
    client->used++;
    r = kw_inbox_place(client->inbox, &item, fault);
    if (r == KW_ITEM_BEYOND)
        return gap(client, item.number);
    if (r == KW_ITEM_NEXT) {
        r = keep(client, &item, fault);
        client->tries = r == 0 ? 0 : client->tries;
        if (r == 0 && item.number > client->hub_last)
            client->hub_last = item.number;
    }
    if (r == -EKEYREJECTED && fault && fault->code != KW_E_FORK) {
        struct kw_fault cause = *fault;
        kw_fail(fault, r, cause.code, "stream", "item %llu: %s: %.200s", (number)item.number, cause.place, cause.message);
    }
    return r < 0 ? r : 0;
}

/* ---- errors ------------------------------------------------------------------------------------- */

void kw_line_error(const struct kw_message *message, enum kw_code *ret_code, bool *ret_retryable, char *ret_detail, size_t size)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_view code, detail;
    *ret_code = KW_E_INTERNAL;
    *ret_retryable = true; /* what cannot be read is no reason to give up */
    ret_detail[0] = 0;
    if (parse(message, &header, NULL) < 0 || kw_json_get_text(header, "code", 32, &code, NULL) < 0)
        return;
    (void)kw_code_parse(code, ret_code);
    *ret_retryable = kw_json_true(header, "retryable");
    detail = kw_json_text_of(kw_json_member(header, "detail"));
    snprintf(ret_detail, size, "%.*s", (int)detail.size, (const char *)detail.data);
    for (char *c = ret_detail; *c; c++) { /* it may go to a terminal */
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
}

/* These concern us, not the one message. */
static bool is_about_agency(enum kw_code code)
{
    return code == KW_E_FORBIDDEN || code == KW_E_REVOKED || code == KW_E_UNAUTHENTICATED || code == KW_E_VERSION ||
           code == KW_E_VERB;
}

static int refused(struct kw_feed_client *client, const struct kw_message *message, struct kw_fault *fault)
{
    const bool receipt = kw_request_number(message) == client->received_request;
    enum kw_code code;
    char detail[200];
    bool again;
    kw_line_error(message, &code, &again, detail, sizeof detail);
    if (is_about_agency(code))
        return kw_fail(fault, -EACCES, code, "hub", "%s", detail[0] ? detail : kw_code_text(code));
    if (receipt && again) {
        client->received_ms = kw_clock_monotonic_ms() - KW_LINE_ANSWER_MS + 1000; /* again in a second */
        return 0;
    }
    if (code == KW_E_STREAM && client->state == KW_LINE_SUBSCRIBING)
        return other_epoch(client);
    kw_line_drop(client, "hub.refused", kw_code_name(code));
    return 0;
}

static int confirmed(struct kw_feed_client *client)
{
    client->confirmed = client->received_upto;
    client->received_request = 0;
    kw_inbox_confirmed(client->inbox, client->confirmed);
    (void)kw_fault_point("feed.confirmed");
    return 0;
}

int kw_line_hear(struct kw_feed_client *client, const struct kw_message *message, struct kw_fault *fault)
{
    const uint64_t request = kw_request_number(message);
    const char *verb = message->verb;
    if (strcmp(verb, "ERROR") == 0)
        return refused(client, message, fault);
    if (strcmp(verb, "OK") == 0)
        return request == client->received_request ? confirmed(client) : 0;
    if (request != client->request)
        return 0; /* of a subscription that was replaced: it comes again */
    if (strcmp(verb, "ITEM") == 0 && (client->state == KW_LINE_UP || client->state == KW_LINE_SUBSCRIBING))
        return item(client, message, fault);
    if (strcmp(verb, "HELLO") == 0 && client->state == KW_LINE_GREETING)
        return greeted(client, message, fault);
    if (strcmp(verb, "STREAMS") == 0 && client->state == KW_LINE_ASKING)
        return streams(client, message, fault);
    if (strcmp(verb, "SUBSCRIBED") == 0 && client->state == KW_LINE_SUBSCRIBING)
        return position(client, message, false, fault);
    if (strcmp(verb, "HEARTBEAT") == 0 && client->state == KW_LINE_UP)
        return position(client, message, true, fault);
    return 0;
}
