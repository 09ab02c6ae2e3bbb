/* SPDX-License-Identifier: Apache-2.0 */
/* router.h - state of the intake actor. Private to the room. */
#ifndef KINWARD_INTAKE_ROUTER_H
#define KINWARD_INTAKE_ROUTER_H

#include "intake/delivery.h"
#include "intake/pool.h"

#define KW_CHECK_MS     900         /* a check is answered by then, with or without detection */
#define KW_NEAR_WINDOW  256         /* bulk records between admission and detection while checks come */
#define KW_NEAR_MS      2000        /* and for so long after one */
#define KW_QUEUE_BYTES  (64u << 20) /* of bulk waiting for admission; more is refused with window-full */
#define KW_QUEUE_SENDER (16u << 20) /* of it from one sender: the others find room */
#define KW_QUEUE_CHECKS 1024        /* checks on their way; more are refused with busy */
#define KW_UNDER_WAY    1024        /* buckets */

struct kw_span { /* bulk that is committed and not yet passed by detection */
    uint64_t position;
    uint32_t count;
};

struct kw_last { /* a principal's last durable batch */
    uint32_t principal;
    uint8_t id[16];
};

struct kw_proof_wait {
    struct kw_proof_wait *next;
    struct kw_message request;
    uint64_t number;
};

struct kw_router {
    const struct kw_intake_setup *setup;
    struct kw_journal_reader *reader;
    struct kw_roster roster;
    struct kw_pool pool;
    uint8_t match_secret[KW_KEY_SIZE];
    struct kw_delivery *checks, *bulk; /* waiting for a validator, oldest first */
    struct kw_delivery *asked;         /* checks committed, waiting for detection */
    struct kw_proof_wait *proofs;
    struct kw_last *last;
    size_t last_count;
    struct kw_span *spans; /* ring */
    size_t spans_first, spans_count, spans_capacity;
    uint64_t passed;
    uint32_t in_flight; /* bulk records admitted and not passed */
    int64_t near_ms;    /* until then checks are to be expected */
    size_t queued_bytes, writing;
    uint32_t check_count;                        /* of all that are not answered yet */
    struct kw_delivery *under_way[KW_UNDER_WAY]; /* bulk that is not answered yet, by batch id */
    uint64_t next_number, counts[KW_CODE_COUNT], answers[4];
    bool stop;
};

/* router.c: messages in and out */
KW_CHECKED int kw_router_reply(struct kw_router *router, struct kw_message *answer);
void kw_router_refuse(struct kw_router *router, const struct kw_message *request, const struct kw_fault *fault);
/* requests.c: what a sender may ask */
void kw_router_request(struct kw_router *router, struct kw_message *request);
void kw_router_proof(struct kw_router *router, struct kw_message *answer);
void kw_router_forget_proofs(struct kw_router *router);
void kw_router_status(struct kw_router *router, struct kw_message *answer);
/* flow.c: deliveries on their way */
void kw_flow_admit(struct kw_router *router, struct kw_delivery *delivery);
void kw_flow_dispatch(struct kw_router *router);
void kw_flow_worker(struct kw_router *router, struct kw_worker *worker);
void kw_flow_written(struct kw_router *router, struct kw_delivery *delivery);
void kw_flow_passed(struct kw_router *router, const struct kw_message *message);
void kw_flow_overdue(struct kw_router *router);
KW_CHECKED int kw_flow_note_last(struct kw_router *router, uint32_t principal, const uint8_t id[16]);
const struct kw_last *kw_flow_last(const struct kw_router *router, uint32_t principal);
KW_CHECKED int kw_flow_retry(struct kw_router *router, uint64_t number, struct kw_fault *fault);
void kw_flow_clear(struct kw_router *router);

#endif
