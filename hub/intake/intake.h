/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h - the hub's side of the intake endpoint: the ROUTER actor, the journal's writer actor, validator children.
 *
 *   sender ─ SUBMIT, CHECK ─▶ intake ─▶ validator child ─▶ intake ─▶ writer ─ COMMIT ─▶ intake ─ RECEIPT, ANSWER ─▶ sender
 *
 * Checks go ahead of bulk at each step; bulk is admitted only as far as detection has come (window).
 */
#ifndef KINWARD_INTAKE_H
#define KINWARD_INTAKE_H

#include "base/base.h"
#include "bus/bus.h"
#include "crypto/crypto.h"
#include "detect/detect.h"
#include "journal/journal.h"

/* ---- roles of children ---------------------------------------------------- */

/* `kinward child validator`: request VALIDATE with record texts as items; answer VALIDATED with one item per record: u8 0 and u8
 * canonical and the image, or u8 1, u16 code, u32 line, u32 column, u16 length and place, u16 length and message. */
int kw_validator_child_main(int fd, int argc, char **argv);

/* ---- the journal's writer ---------------------------------------------------- */

struct kw_writer_setup { /* borrowed for the actor's life */
    struct kw_journal *journal;
    const struct kw_sign_key *sign;
    const char *hub;
    uint64_t epoch;
    struct kw_socket *intake;        /* deliveries */
    struct kw_socket *const *others; /* APPLY from control and feed; COPIED {u32 pages of the log} from who copies it */
    size_t others_count;
    struct kw_socket *const *wake; /* told WAKE after each commit; level-triggered, may be dropped */
    size_t wake_count;
    int64_t tick_ms; /* a clock tick into the journal at start and then so often, when nothing waits; 0: none */
};
int kw_writer_body(struct kw_actor *self, struct kw_socket *pipe, void *setup, struct kw_fault *fault);

/* ---- the endpoint -------------------------------------------------------------- */

struct kw_intake_setup { /* borrowed for the actor's life */
    struct kw_bus *bus;
    struct kw_journal *journal; /* used before the actor is ready only; the writer starts after it */
    struct kw_socket *router;   /* bound; owned by the actor from its start */
    const char *hub, *data_dir;
    uint64_t epoch;
    const uint8_t *vault;
    const struct kw_sign_key *sign;
    uint32_t window;                            /* bulk records between admission and detection */
    unsigned validators;                        /* children for bulk; checks have two of their own beside */
    struct kw_socket *writer, *detect, *ledger; /* links */
    uint64_t passed;                            /* detection's position at start */
};
/* Link detect, from it: PASSED, items: u64 position passed, then any number of {u64 position, u8 enum kw_answer, case[16]}; to it:
 * ANSWER {u64 position}, for a check that is repeated. Link ledger: PROOF {u64 position} → PROOF with the text, or ERROR.
 * On pipe: PRINCIPALS: read them anew (answered PRINCIPALS); STATUS: answered with a JSON header of counters. */
int kw_intake_body(struct kw_actor *self, struct kw_socket *pipe, void *setup, struct kw_fault *fault);

const char *kw_answer_name(enum kw_answer answer);

#endif
