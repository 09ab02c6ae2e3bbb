/* SPDX-License-Identifier: Apache-2.0 */
/* feed.h - the two sides of the feed endpoint: the hub's actor, and an agency's client with its inbox. */
#ifndef KINWARD_FEED_H
#define KINWARD_FEED_H

#include "alert/alert.h"
#include "base/base.h"
#include "bus/bus.h"
#include "feed/client.h"
#include "journal/journal.h"

/* ---- the hub's side --------------------------------------------------------- */

struct kw_feed_setup {        /* borrowed for the actor's life */
    struct kw_socket *router; /* bound; owned by the main thread, used by the actor */
    const char *hub, *data_dir;
    uint64_t epoch;
    const uint8_t *vault;
    struct kw_socket *writer; /* APPLY: acknowledgements, feedback */
    struct kw_socket *detect; /* from it NEWS; RECEIVED {item principal, u64 epoch, u64 upto} → RECEIVED or ERROR */
    struct kw_socket *ledger; /* PROOF {u8[16] alert, u32 revision} → PROOF with the text, or ERROR */
};
/* On pipe: PRINCIPALS and STATUS, as kw_intake_body. */
int kw_feed_body(struct kw_actor *self, struct kw_socket *pipe, void *setup, struct kw_fault *fault);

#endif
