/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - an agency's side of the feed: its configuration, items and their checks, the inbox, the line (part of feed.h). */
#ifndef KINWARD_FEED_CLIENT_H
#define KINWARD_FEED_CLIENT_H

#include "alert/alert.h"
#include "bus/bus.h"
#include "card/card.h"
#include "config/config.h"

struct kw_agency { /* agency.xml and the keys that it names; zero-initialised is empty, clear after use */
    struct kw_config file;
    char name[KW_LIMIT_PRINCIPAL + 1]; /* of the stream, too */
    char endpoint[256], language[16];
    char inbox[KW_PATH_SIZE], catalogue[KW_PATH_SIZE]; /* folder; schemas/messages/<language>.xml */
    struct kw_card hub;
    struct kw_box_key *box;
    struct kw_curve curve;
};
KW_CHECKED int kw_agency_load(const char *path, struct kw_agency *ret_agency, struct kw_fault *fault);
void kw_agency_clear(struct kw_agency *agency);

/* ---- items: sealed as they came, and opened ------------------------------------ */

struct kw_item { /* parts as in protocol.md §6, borrowed */
    uint64_t epoch, number;
    uint8_t previous[KW_HASH_SIZE], chain[KW_HASH_SIZE];
    struct kw_view envelope, signature, key, body;
    uint8_t signer[KW_KEY_SIZE]; /* whose signature it is: the hub's key, of the card at the time it came */
    int64_t received_ms;
};

struct kw_letter { /* an opened item; zero-initialised is empty, clear after use */
    uint64_t epoch, number;
    int64_t received_ms;
    struct kw_alert_message message; /* status 0: not readable */
    char rule[81], tier[81], reason[81];
    enum kw_code trouble;    /* KW_OK, or why the statement, which is the hub's own, cannot be read: kept all the same */
    struct kw_buf statement; /* canonical XML, the bytes that were committed */
};
void kw_letter_clear(struct kw_letter *letter);
/* Signature of the envelope by item->signer and its key id, hub's name, content key, body, padding, digest: only when all of that
 * holds the statement is looked at. -EKEYREJECTED: nothing of it may be used (KW_E_SIGNATURE, KW_E_DECRYPT, KW_E_KEY, …). */
KW_CHECKED int kw_item_open(const struct kw_agency *agency, const struct kw_item *item, struct kw_letter *ret_letter,
                            struct kw_fault *fault);
/* "1f2e3d4c.2": enough of an alert's id for people, and the revision. */
#define KW_LETTER_NAME 24
void kw_letter_name(const struct kw_alert_message *message, char ret_name[KW_LETTER_NAME]);

/* ---- the inbox, read beside a client that may run -------------------------------- */

struct kw_inbox;
/* -ENOENT, KW_E_NOT_FOUND: nothing was fetched yet. */
KW_CHECKED int kw_inbox_open_reader(const struct kw_agency *agency, struct kw_inbox **ret_inbox, struct kw_fault *fault);
void kw_inbox_close(struct kw_inbox *inbox);
void kw_inbox_closep(struct kw_inbox **inbox);
struct kw_inbox_state {
    uint64_t epoch, last, confirmed; /* of the newest epoch; confirmed: as the hub answered, perhaps a little behind */
    uint64_t older;                  /* items of earlier epochs */
};
KW_CHECKED int kw_inbox_state(struct kw_inbox *inbox, struct kw_inbox_state *ret_state, struct kw_fault *fault);
struct kw_inbox_row { /* what the envelopes say, for looking something up */
    uint64_t epoch, number;
    uint8_t alert[KW_ALERT_ID_SIZE];
    uint32_t revision;
};
/* Both in the order in which they came; a non-zero answer of visit stops and is returned. alert NULL: of all; from: only of the
 * newest epoch and from that number on, 0: everything. */
KW_CHECKED int kw_inbox_rows(struct kw_inbox *inbox, int (*visit)(void *context, const struct kw_inbox_row *row), void *context,
                             struct kw_fault *fault);
KW_CHECKED int kw_inbox_items(struct kw_inbox *inbox, const uint8_t *alert, uint64_t from,
                              int (*visit)(void *context, const struct kw_item *item), void *context, struct kw_fault *fault);

/* What people here said about an alert and the hub has taken; kept beside the items. */
struct kw_mark {
    uint8_t alert[KW_ALERT_ID_SIZE];
    uint32_t revision;
    bool feedback; /* else an acknowledgement */
    int64_t at_ms;
    const char *by, *role, *outcome, *cause; /* "" where there is none */
};
KW_CHECKED int kw_mark_add(const struct kw_agency *agency, const struct kw_mark *mark, struct kw_fault *fault);
KW_CHECKED int kw_mark_each(const struct kw_agency *agency, int (*visit)(void *context, const struct kw_mark *mark), void *context,
                            struct kw_fault *fault);

/* ---- the line: everything there is, stored, confirmed, told ------------------------ */

struct kw_feed_client;
/* Takes the inbox for itself: -EBUSY, KW_E_LOCKED when another client has it. tell is called for each new letter after it is on
 * stable storage; a negative answer ends the step with it. */
KW_CHECKED int kw_feed_client_open(const struct kw_agency *agency, int (*tell)(void *context, const struct kw_letter *letter),
                                   void *context, struct kw_feed_client **ret_client, struct kw_fault *fault);
void kw_feed_client_close(struct kw_feed_client *client);
/* One turn; waits at most wait_ms for the hub or for wake_fd (-1: none). Broken and silent lines are made anew with back-off. Ends
 * with: -EKEYREJECTED an item that cannot be verified, or two histories: nothing from it on is stored or confirmed; -EACCES the
 * hub does not want this agency; -ENOSPC the disk is full: what came is not confirmed, and comes again when the step is called
 * again; other errors are of the inbox. */
KW_CHECKED int kw_feed_client_step(struct kw_feed_client *client, int wait_ms, int wake_fd, struct kw_fault *fault);
struct kw_feed_client_state {
    bool up;                                   /* subscribed */
    uint64_t epoch, last, confirmed, hub_last; /* last: durable here */
    int64_t silent_ms;                         /* since the hub's last word, or since the start */
    uint64_t gaps;                             /* numbers that were missing and asked for again */
};
void kw_feed_client_state(const struct kw_feed_client *client, struct kw_feed_client_state *ret_state);

/* One question on a line of its own; header is a JSON object. Repeated while the hub says "later", but for "pending". An ERROR is
 * told in fault with the hub's code; KW_E_NETWORK when no answer comes within timeout_ms. */
KW_CHECKED int kw_agency_ask(const struct kw_agency *agency, const char *verb, struct kw_view header, int timeout_ms,
                             struct kw_message *ret_answer, struct kw_fault *fault);

#endif
