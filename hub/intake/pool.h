/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - validator children. A child serves one principal at a time: before it serves another it is started anew, so that
 * what one sender's bytes may have done to it never meets another sender's. Private to the room. */
#ifndef KINWARD_INTAKE_POOL_H
#define KINWARD_INTAKE_POOL_H

#include "bus/bus.h"
#include "intake/delivery.h"
#include "sandbox/sandbox.h"

#define KW_POOL_MAX     16
#define KW_POOL_EXPRESS 2    /* for checks: one that hangs does not hold up those of another border service */
#define KW_VALIDATE_MS  5000 /* a question that takes longer has hung the child */

struct kw_worker {
    struct kw_child child;
    struct kw_pipe *pipe;         /* to the running child; never waits: a child that hangs must not hold up the others */
    uint32_t principal;           /* 0: none yet */
    struct kw_delivery *delivery; /* at work on; NULL: idle */
    int64_t asked_ms, used_ms;
    bool express; /* for checks only */
};
struct kw_pool {
    struct kw_worker workers[KW_POOL_MAX];
    size_t count; /* the last ones are express */
    uint64_t restarts, failures;
};

void kw_pool_init(struct kw_pool *pool, unsigned validators);
void kw_pool_clear(struct kw_pool *pool);
/* An idle worker for this principal, started when need be; NULL when there is none now. */
struct kw_worker *kw_pool_take(struct kw_pool *pool, uint32_t principal, bool express);
/* Hands delivery to worker. Negative: the child failed at once; the delivery stays with the caller. */
KW_CHECKED int kw_worker_ask(struct kw_pool *pool, struct kw_worker *worker, struct kw_delivery *delivery);
/* Writes and reads what is possible without waiting, or finds the child dead or hung. 0: ret_delivery is validated; -EAGAIN: not
 * yet; -ECHILD: the child failed on it. Idle children that died are reaped (ret_delivery NULL). */
KW_CHECKED int kw_worker_take(struct kw_pool *pool, struct kw_worker *worker, const uint8_t match_secret[32],
                              struct kw_delivery **ret_delivery);
bool kw_worker_hung(const struct kw_worker *worker, int64_t now_ms);
bool kw_worker_wants_write(const struct kw_worker *worker);

#endif
