/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - state of the feed actor. Private to the room. */
#ifndef KINWARD_FEED_SERVER_H
#define KINWARD_FEED_SERVER_H

#include "base/limits.h"
#include "feed/feed.h"
#include "json/json.h"

#define KW_FEED_CREDIT       1000
#define KW_FEED_SUBSCRIBERS  4096
#define KW_FEED_HEARTBEAT_MS 5000

struct kw_subscriber { /* one connection that reads its stream; a new SUBSCRIBE of the same route replaces it */
    struct kw_subscriber *next;
    struct kw_message request; /* route and request id for its items */
    char stream[KW_LIMIT_PRINCIPAL + 1];
    uint64_t at, credit;  /* at: next number to send */
    int64_t heartbeat_ms; /* monotonic: when the next one is due */
};

struct kw_pending { /* a request that another actor works on */
    struct kw_pending *next;
    struct kw_message request;
    uint64_t number;
    struct kw_apply change; /* acknowledgement, feedback */
    struct kw_entry_new entry;
    struct kw_buf json;
    char verb[KW_VERB_SIZE]; /* of the answer */
};

struct kw_feed {
    const struct kw_feed_setup *setup;
    struct kw_journal_reader *reader;
    struct kw_alert_reader *alerts;
    struct kw_roster roster;
    struct kw_subscriber *subscribers;
    struct kw_pending *pending;
    uint64_t next_number, sent, received, subscriber_count;
    bool stop, more;
};

/* server.c */
void kw_feed_reply(struct kw_feed *feed, struct kw_message *answer);
void kw_feed_refuse(struct kw_feed *feed, const struct kw_message *request, const struct kw_fault *fault);
/* streams.c: numbers and items */
int kw_feed_streams(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault);
int kw_feed_subscribe(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault);
int kw_feed_credit(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault);
bool kw_feed_push(struct kw_feed *feed); /* true: more could go at once */
void kw_feed_heartbeats(struct kw_feed *feed);
void kw_feed_drop_revoked(struct kw_feed *feed);
void kw_feed_clear_subscribers(struct kw_feed *feed);
/* acts.c: what an agency tells */
int kw_feed_received(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault);
int kw_feed_acknowledge(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request,
                        struct kw_fault *fault);
int kw_feed_feedback(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault);
int kw_feed_proof(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault);
void kw_feed_answered(struct kw_feed *feed, struct kw_message *answer);       /* by detect or ledger */
void kw_feed_applied(struct kw_feed *feed, const struct kw_message *message); /* by the writer */
void kw_feed_clear_pending(struct kw_feed *feed);

#endif
