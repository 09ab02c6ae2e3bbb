/* SPDX-License-Identifier: Apache-2.0 */
/* line.h - state of an agency's line to the hub. Private to the room. */
#ifndef KINWARD_FEED_LINE_H
#define KINWARD_FEED_LINE_H

#include "feed/inbox.h"
#include "json/json.h"

#define KW_LINE_CREDIT    256   /* items that may be on their way: some MiB */
#define KW_LINE_ANSWER_MS 10000 /* RECEIVED without an answer is sent again */

enum kw_line_state {
    KW_LINE_DOWN,     /* no connection, or not before retry_ms */
    KW_LINE_GREETING, /* HELLO is under way */
    KW_LINE_ASKING,   /* STREAMS is */
    KW_LINE_SUBSCRIBING,
    KW_LINE_UP
};

struct kw_feed_client {
    const struct kw_agency *agency;
    struct kw_bus *bus;
    struct kw_socket *socket; /* NULL: to be connected anew */
    struct kw_inbox *inbox;
    int (*tell)(void *context, const struct kw_letter *letter);
    void *context;
    struct kw_letter *letters; /* stored in the open transaction, not yet told */
    size_t letter_count, letter_capacity;

    enum kw_line_state state;
    uint64_t next_request, request; /* request: of the greeting, question or subscription */
    int64_t heard_ms, retry_ms;     /* monotonic; heard_ms: on this line; retry_ms: nothing is sent before, when down */
    int64_t made_ms;                /* when the socket was made */
    int64_t word_ms;                /* the hub's last word on any line */
    unsigned tries;
    uint64_t hub_last, used, gaps;
    uint64_t beat_last, beat_here; /* of the heartbeat before: the hub's number, and ours */
    uint64_t received_request, received_upto, confirmed;
    int64_t received_ms; /* when it was sent; 0: to be sent */
    int64_t silence_ms;  /* after which a line is dead */
};

/* hear.c: one message of the hub. Negative ends the step, as in kw_feed_client_step. */
KW_CHECKED int kw_line_hear(struct kw_feed_client *client, const struct kw_message *message, struct kw_fault *fault);
/* An ERROR's code; one that is not in the list counts as internal. detail: plain text. */
void kw_line_error(const struct kw_message *message, enum kw_code *ret_code, bool *ret_retryable, char *ret_detail, size_t size);

/* client.c */
/* Sends a verb with a JSON header; ret_request may be NULL. -EAGAIN, -EHOSTUNREACH. */
KW_CHECKED int kw_line_say(struct kw_feed_client *client, const char *verb, struct kw_buf *header, uint64_t *ret_request);
void kw_line_drop(struct kw_feed_client *client, const char *event, const char *why); /* and connect anew, with back-off */
KW_CHECKED int kw_line_ask_streams(struct kw_feed_client *client);
KW_CHECKED int kw_line_subscribe(struct kw_feed_client *client);
/* Commits what came and tells it. */
KW_CHECKED int kw_line_flush(struct kw_feed_client *client, struct kw_fault *fault);

#endif
