/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - validator children. A child serves one principal only: before it serves another it is started anew, so that what
 * one sender's bytes may have done to it never meets another sender's. Children of several principals stay warm beside each
 * other; how many of them work at once is bounded. Private to the room. */
#ifndef KINWARD_INTAKE_POOL_H
#define KINWARD_INTAKE_POOL_H

#include "bus/bus.h"
#include "intake/delivery.h"
#include "sandbox/sandbox.h"

#define KW_POOL_EXPRESS 6  /* children for checks */
#define KW_POOL_BULK    16 /* children for bulk */
#define KW_POOL_MAX     (KW_POOL_EXPRESS + KW_POOL_BULK)
#define KW_VALIDATE_MS  5000 /* a question that takes longer has hung the child */
#define KW_EXPRESS_MS   400  /* the same for one check, so that a second attempt is in time */

struct kw_worker {
    struct kw_child child;
    struct kw_pipe *pipe;         /* to the running child */
    uint32_t principal;           /* 0: none yet */
    struct kw_delivery *delivery; /* at work on; NULL: idle */
    int64_t asked_ms, used_ms;
    bool express, fresh; /* express: for checks only; fresh: has answered nothing since its start */
};
struct kw_pool {
    struct kw_worker workers[KW_POOL_MAX];
    unsigned bulk_most; /* that work at once */
    uint64_t restarts, failures;
};

void kw_pool_init(struct kw_pool *pool, unsigned validators);
void kw_pool_clear(struct kw_pool *pool);
/* An idle worker for this principal, started when need be; NULL when there is none now. */
struct kw_worker *kw_pool_take(struct kw_pool *pool, uint32_t principal, bool express);
/* Hands delivery to worker; never waits. Negative: the child failed at once; the delivery stays with the caller. */
KW_CHECKED int kw_worker_ask(struct kw_pool *pool, struct kw_worker *worker, struct kw_delivery *delivery);
/* After the worker's descriptor was ready, or when it hangs: sends what is left of the question, reads what there is of the
 * answer. 0: ret_delivery went on; -EAGAIN: not yet; -ECHILD: the child failed on it, or died idle (ret_delivery NULL). */
KW_CHECKED int kw_worker_take(struct kw_pool *pool, struct kw_worker *worker, const uint8_t match_secret[32],
                              struct kw_delivery **ret_delivery);
bool kw_worker_hung(const struct kw_worker *worker, int64_t now_ms);

#endif
