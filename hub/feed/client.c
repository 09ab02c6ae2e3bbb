/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - the agency's client: one turn after the other, each what came, stored with one fsync, told, then confirmed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/line.h"

#define SILENCE_MS      15000 /* protocol.md §6 */
#define RETRY_FIRST_MS  100   /* protocol.md §2 */
#define RETRY_MOST_MS   30000
#define FULL_MS         5000 /* before what found no place on the disk is asked for again */
#define LOOK_MS         50   /* shorter than the pause of libzmq before it connects again: no new connection goes unnoticed */
#define CREDIT_LEAST    64   /* given back together */
#define MESSAGES_A_TURN 512  /* then they are stored: the fsync is shared, but nobody waits long */

/* ---- saying ---------------------------------------------------------------------------------- */

int kw_line_say(struct kw_feed_client *client, const char *verb, struct kw_buf *header, uint64_t *ret_request)
{
    struct kw_message message = {.header = *header};
    *header = (struct kw_buf){0};
    snprintf(message.verb, sizeof message.verb, "%s", verb);
    const uint64_t request = ++client->next_request;
    kw_request_set(&message, request);
    int r = client->socket ? kw_send(client->socket, &message) : -EHOSTUNREACH;
    kw_message_clear(&message);
    if (r == 0 && ret_request)
        *ret_request = request;
    return r;
}

static int say_empty(struct kw_feed_client *client, const char *verb)
{
    struct kw_buf header = {0};
    int r = kw_buf_text(&header, "{}");
    if (r == 0)
        r = kw_line_say(client, verb, &header, &client->request);
    kw_buf_clear(&header);
    return r;
}

int kw_line_ask_streams(struct kw_feed_client *client)
{
    int r = say_empty(client, "STREAMS");
    if (r == 0)
        client->state = KW_LINE_ASKING;
    return r;
}

/* SUBSCRIBE, CREDIT and RECEIVED: the stream and up to three numbers. */
static int say_stream(struct kw_feed_client *client, const char *verb, const char *const names[3], const uint64_t values[3],
                      uint64_t *ret_request)
{
    struct kw_buf header = {0};
    struct kw_json_out json = {.out = &header};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "stream", client->agency->name);
    for (size_t i = 0; i < 3 && names[i]; i++)
        kw_json_integer(&json, names[i], (int64_t)values[i]);
    kw_json_close(&json, '}');
    int r = kw_json_end(&json);
    if (r == 0)
        r = kw_line_say(client, verb, &header, ret_request);
    kw_buf_clear(&header);
    return r;
}

int kw_line_subscribe(struct kw_feed_client *client)
{
    static const char *const names[] = {"epoch", "from", "credit"};
    const uint64_t values[] = {kw_inbox_epoch(client->inbox), kw_inbox_last(client->inbox) + 1, KW_LINE_CREDIT};
    int r = say_stream(client, "SUBSCRIBE", names, values, &client->request);
    if (r == 0) {
        client->state = KW_LINE_SUBSCRIBING;
        client->used = client->beat_last = client->beat_here = 0;
    }
    return r;
}

static int give_credit(struct kw_feed_client *client)
{
    static const char *const names[] = {"credit", NULL, NULL};
    const uint64_t values[3] = {client->used};
    if (client->state != KW_LINE_UP || client->used < CREDIT_LEAST)
        return 0;
    int r = say_stream(client, "CREDIT", names, values, NULL);
    if (r == 0)
        client->used = 0;
    return r;
}

static int confirm(struct kw_feed_client *client)
{
    static const char *const names[] = {"epoch", "upto", NULL};
    const uint64_t last = kw_inbox_last(client->inbox), values[3] = {kw_inbox_epoch(client->inbox), last};
    const int64_t now = kw_clock_monotonic_ms();
    if (client->state != KW_LINE_UP || last <= client->confirmed)
        return 0;
    if (client->received_request && client->received_upto == last && now - client->received_ms < KW_LINE_ANSWER_MS)
        return 0;
    int r = say_stream(client, "RECEIVED", names, values, &client->received_request);
    if (r == 0) {
        client->received_upto = last;
        client->received_ms = now;
    }
    return r;
}

/* ---- the line ---------------------------------------------------------------------------------- */

static int64_t back_off(unsigned tries)
{
    int64_t wait = RETRY_FIRST_MS;
    while (tries-- > 0 && wait < RETRY_MOST_MS)
        wait *= 2;
    return wait < RETRY_MOST_MS ? wait : RETRY_MOST_MS;
}

void kw_line_drop(struct kw_feed_client *client, const char *event, const char *why)
{
    const int64_t wait = back_off(client->tries++);
    kw_log(KW_LOG_NOTICE, "feed", event, "here=%llu again_ms=%lld%s%s", (unsigned long long)kw_inbox_last(client->inbox),
           (long long)wait, why[0] ? " why=" : "", why);
    kw_socket_closep(&client->socket);
    client->state = KW_LINE_DOWN;
    client->request = client->received_request = 0;
    client->retry_ms = kw_clock_monotonic_ms() + wait;
}

static bool connected(struct kw_feed_client *client)
{
    struct kw_poll item = {.socket = client->socket, .want_write = true};
    return kw_poll(&item, 1, 0) >= 0 && item.writable;
}

static int keep_line(struct kw_feed_client *client, struct kw_fault *fault)
{
    const struct kw_agency *agency = client->agency;
    const int64_t now = kw_clock_monotonic_ms();
    if (client->state != KW_LINE_DOWN && now - client->heard_ms >= client->silence_ms)
        kw_line_drop(client, "line.silent", "");
    else if (client->state != KW_LINE_DOWN && !connected(client))
        kw_line_drop(client, "line.lost", "");
    /* a heartbeat is overdue: when the hub was started again in between, it knows of no subscription */
    if (client->state == KW_LINE_UP && now - client->heard_ms >= client->silence_ms / 2) {
        int r = kw_line_subscribe(client);
        if (r < 0 && r != -EAGAIN && r != -EHOSTUNREACH)
            return r;
    }
    if (client->state != KW_LINE_DOWN || now < client->retry_ms)
        return 0;
    /* libzmq gives up an address whose handshake was refused, as before the hub had this agency's card */
    if (client->socket && now - client->made_ms >= client->silence_ms && !connected(client))
        kw_socket_closep(&client->socket);
    if (!client->socket) {
        int r = kw_dealer_connect(client->bus, agency->endpoint, &agency->curve, agency->hub.curve, &client->socket, fault);
        if (r < 0)
            return r;
        client->made_ms = now;
    }
    if (!connected(client))
        return 0;
    client->heard_ms = now;
    int r = say_empty(client, "HELLO");
    if (r == 0)
        client->state = KW_LINE_GREETING;
    return r == -EAGAIN || r == -EHOSTUNREACH ? 0 : r;
}

static int wait_for(const struct kw_feed_client *client, int wait_ms)
{
    const int64_t now = kw_clock_monotonic_ms();
    int64_t wait = client->state == KW_LINE_DOWN ? client->retry_ms - now : client->heard_ms + client->silence_ms - now;
    if (wait <= 0) /* down and not refused: until there is a connection */
        wait = client->state == KW_LINE_DOWN ? wait_ms : 0;
    if (client->state != KW_LINE_DOWN && wait > LOOK_MS)
        wait = LOOK_MS;
    return wait < wait_ms ? (int)wait : wait_ms;
}

static int await(struct kw_feed_client *client, int wait_ms, int wake_fd, struct kw_fault *fault)
{
    struct kw_poll items[2] = {0};
    size_t count = 0;
    if (client->socket)
        items[count++] = (struct kw_poll){.socket = client->socket, .want_write = client->state == KW_LINE_DOWN};
    if (wake_fd >= 0)
        items[count++] = (struct kw_poll){.fd = wake_fd};
    int r = kw_poll(items, count, wait_for(client, wait_ms));
    return r < 0 && r != -EINTR ? kw_fail(fault, r, KW_E_INTERNAL, "poll", "%s", strerror(-r)) : 0;
}

/* ---- a turn -------------------------------------------------------------------------------------- */

static void forget_letters(struct kw_feed_client *client)
{
    for (size_t i = 0; i < client->letter_count; i++)
        kw_letter_clear(&client->letters[i]);
    client->letter_count = 0;
}

/* What could not be stored is as if it had not come: it is asked for again on a new line. */
static int take_back(struct kw_feed_client *client, int error)
{
    int r = kw_inbox_rollback(client->inbox, NULL);
    forget_letters(client);
    if (error != -ENOSPC || r < 0)
        return error;
    kw_line_drop(client, "inbox.full", "");
    client->retry_ms = kw_clock_monotonic_ms() + FULL_MS;
    return error;
}

int kw_line_flush(struct kw_feed_client *client, struct kw_fault *fault)
{
    if (client->letter_count == 0)
        return 0;
    int r = kw_inbox_commit(client->inbox, fault);
    if (r < 0)
        return take_back(client, r);
    for (size_t i = 0; r == 0 && i < client->letter_count; i++)
        r = client->tell(client->context, &client->letters[i]);
    forget_letters(client);
    return r;
}

static int listen_to(struct kw_feed_client *client, struct kw_fault *fault)
{
    struct kw_message message = {0};
    int r = 0;
    for (int i = 0; r == 0 && client->socket && i < MESSAGES_A_TURN; i++) {
        const int got = kw_receive(client->socket, &message);
        if (got == -EAGAIN)
            break;
        client->heard_ms = client->word_ms = kw_clock_monotonic_ms();
        if (got == 0)
            r = kw_line_hear(client, &message, fault);
        else
            kw_line_drop(client, "hub.frames", "");
    }
    kw_message_clear(&message);
    return r;
}

int kw_feed_client_step(struct kw_feed_client *client, int wait_ms, int wake_fd, struct kw_fault *fault)
{
    struct kw_fault later = {0};
    int r = keep_line(client, fault);
    if (r == 0)
        r = await(client, wait_ms, wake_fd, fault);
    if (r < 0)
        return r;
    r = listen_to(client, fault);
    const bool stored = r == 0 || r == -EKEYREJECTED || r == -EACCES;
    /* what came before an item that is refused was good: it is stored and confirmed */
    int flushed = stored ? kw_line_flush(client, &later) : take_back(client, r);
    if (stored && flushed == 0)
        flushed = confirm(client);
    if (stored && flushed == 0)
        flushed = give_credit(client);
    if (flushed == -EAGAIN || flushed == -EHOSTUNREACH)
        flushed = 0; /* the line just broke: the next turn notices */
    if (r == 0 && flushed < 0 && fault)
        *fault = later;
    return r < 0 ? r : flushed;
}

/* ---- opening ----------------------------------------------------------------------------------------- */

int kw_feed_client_open(const struct kw_agency *agency, int (*tell)(void *context, const struct kw_letter *letter), void *context,
                        struct kw_feed_client **ret_client, struct kw_fault *fault)
{
    struct kw_feed_client *client = kw_alloc(sizeof *client);
    if (!client)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "feed", "no memory");
    *client = (struct kw_feed_client){.agency = agency, .tell = tell, .context = context, .silence_ms = SILENCE_MS};
    client->word_ms = kw_clock_monotonic_ms();
#ifdef KINWARD_FAULT_POINTS
    const char *silence = getenv("KINWARD_FEED_SILENCE_MS"); /* tests do not wait that long */
    if (silence)
        client->silence_ms = atoi(silence);
#endif
    int r = kw_inbox_open(agency, &client->inbox, fault);
    if (r == 0)
        r = kw_bus_new(&client->bus, fault);
    if (r < 0) {
        kw_feed_client_close(client);
        return r;
    }
    *ret_client = client;
    return 0;
}

void kw_feed_client_close(struct kw_feed_client *client)
{
    if (!client)
        return;
    kw_socket_closep(&client->socket);
    kw_bus_free(client->bus);
    forget_letters(client);
    kw_free(client->letters);
    kw_inbox_close(client->inbox);
    kw_free(client);
}

void kw_feed_client_state(const struct kw_feed_client *client, struct kw_feed_client_state *ret_state)
{
    const uint64_t last = kw_inbox_last(client->inbox);
    *ret_state = (struct kw_feed_client_state){.up = client->state == KW_LINE_UP,
                                               .epoch = kw_inbox_epoch(client->inbox),
                                               .last = last,
                                               .confirmed = client->confirmed < last ? client->confirmed : last,
                                               .hub_last = client->hub_last,
                                               .silent_ms = kw_clock_monotonic_ms() - client->word_ms,
                                               .gaps = client->gaps};
}
