/* SPDX-License-Identifier: Apache-2.0 */
/* post.h - an agency's folder in the scratch folder, items as a hub makes them, and a hub of the test's own that may err. */
#ifndef POST_H
#define POST_H

#include "../store/scratch.h"

#include <cmocka.h>

#include "feed/inbox.h"
#include "feed/line.h"

#define AGENCY "desk.test"
#define HUB    "hub.test"

struct post { /* what the hub of a test knows, and the agency that is loaded from its files */
    char folder[64];
    struct kw_agency agency;
    struct kw_sign_key *sign;
    struct kw_curve curve; /* of the hub */
    struct kw_bus *bus;
    struct kw_zap *zap;
    struct kw_socket *router;
};
/* Keys, card and agency.xml in a folder, and the agency loaded from them; the router is bound. */
void post_start(struct post *post, const char *folder);
void post_stop(struct post *post);

struct forge {     /* one item: absent members are as they should be */
    uint8_t alert; /* all bytes of the id */
    uint32_t revision;
    enum kw_alert_type type;
    const char *rule, *hub, *key, *inner; /* inner: instead of the statement's head and rule */
    const struct kw_sign_key *sign;
    const uint8_t *box;
    int64_t version;
    bool bad_signature, bad_digest, bad_padding, bad_body, no_length;
};
struct posted {
    struct kw_buf envelope, signature, key, body;
    struct kw_item item; /* its views are of these */
};
/* previous: the item before it, or NULL. */
void post_make(const struct post *post, const struct forge *forge, uint64_t epoch, uint64_t number, const struct kw_item *previous,
               struct posted *ret_posted);
void posted_clear(struct posted *posted);

/* ---- a hub ---------------------------------------------------------------------- */

#define HUB_ITEMS 64
struct hub {
    struct post *post;
    struct posted items[HUB_ITEMS];
    uint64_t epoch, last;        /* last: announced and sent */
    uint64_t received, confirms; /* RECEIVED: the highest, and how many */
    uint64_t subscribes, at, credit;
    struct kw_message subscription;
    uint64_t skip, hold;  /* skip: this number once; hold: nothing from this number on */
    uint64_t twice;       /* this number is sent twice */
    unsigned patience_ms; /* of post_run; 0: 10 s */
    unsigned a_turn;      /* items sent in one turn; 0: all */
    enum kw_code refuse;  /* SUBSCRIBE is answered with this once */
    enum kw_code refuse_received;
    uint64_t announce; /* instead of last in STREAMS, SUBSCRIBED, HEARTBEAT when not 0 */
    bool silent, beat; /* says nothing; a heartbeat is due */
    bool together;     /* what was sent arrives before the client looks */
    bool lockstep;     /* sends the next item when the one before was confirmed */
};
/* Items 1 to count of the epoch, each an alert of its own. */
void hub_fill(struct hub *hub, struct post *post, uint64_t epoch, uint64_t count);
void hub_clear(struct hub *hub);
void hub_turn(struct hub *hub, int wait_ms); /* takes what was asked, sends what is due */

struct told { /* the client's letters */
    uint64_t count, numbers[4 * HUB_ITEMS];
    struct kw_alert_message last;
};
int post_tell(void *context, const struct kw_letter *letter);
/* Client and hub by turns until the client is up and has and has confirmed `last`, or ends with an error, which is given; -ETIME
 * after the hub's patience. */
int post_run(struct kw_feed_client *client, struct hub *hub, uint64_t last, struct kw_fault *fault);
/* All of the inbox: contiguous from 1 in the newest epoch, each opens; gives the last number. */
uint64_t post_check(const struct post *post);

#endif
