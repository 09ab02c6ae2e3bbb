/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - starting, asking and replacing validator children. */
#include "intake/pool.h"

#include <errno.h>
#include <string.h>

void kw_pool_init(struct kw_pool *pool, unsigned validators)
{
    *pool = (struct kw_pool){.bulk_most = validators};
    for (size_t i = 0; i < KW_POOL_MAX; i++) {
        pool->workers[i].child.fd = -1;
        pool->workers[i].express = i < KW_POOL_EXPRESS;
    }
}

static void end_child(struct kw_worker *worker, bool failed)
{
    kw_pipe_free(worker->pipe);
    worker->pipe = NULL;
    if (!failed || !kw_child_reap(&worker->child)) /* reaping counts a failure, for the back-off */
        kw_child_kill(&worker->child);
}

void kw_pool_clear(struct kw_pool *pool)
{
    for (size_t i = 0; i < KW_POOL_MAX; i++) {
        kw_delivery_free(pool->workers[i].delivery);
        pool->workers[i].delivery = NULL;
        end_child(&pool->workers[i], false);
    }
}

static int start_child(struct kw_worker *worker)
{
    static const char *const express[] = {"validator", NULL}, *const bulk[] = {"validator", "bulk", NULL};
    if (kw_clock_monotonic_ms() < worker->child.not_before_ms)
        return -EAGAIN;
    int r = kw_child_start(&worker->child, worker->express ? express : bulk, NULL, 0, NULL);
    if (r == 0)
        r = kw_pipe_new(worker->child.fd, &worker->pipe);
    if (r < 0)
        end_child(worker, false);
    worker->fresh = true;
    return r;
}

static bool ready_for(struct kw_pool *pool, struct kw_worker *worker, uint32_t principal)
{
    if (worker->principal != principal) {
        pool->restarts += kw_child_running(&worker->child);
        end_child(worker, false);
        worker->child.failures = 0;
        worker->child.not_before_ms = 0;
        worker->principal = principal;
    }
    return kw_child_running(&worker->child) || start_child(worker) == 0;
}

struct kw_worker *kw_pool_take(struct kw_pool *pool, uint32_t principal, bool express)
{
    struct kw_worker *own = NULL, *oldest = NULL;
    unsigned busy = 0;
    for (size_t i = 0; i < KW_POOL_MAX; i++) {
        struct kw_worker *worker = &pool->workers[i];
        if (worker->express != express)
            continue;
        if (worker->delivery)
            busy++;
        else if (worker->principal == principal)
            own = own ? own : worker;
        else if (!oldest || worker->used_ms < oldest->used_ms) /* a place that was never used is the oldest */
            oldest = worker;
    }
    struct kw_worker *worker = own ? own : oldest;
    if (!worker || busy >= (express ? KW_POOL_EXPRESS : pool->bulk_most))
        return NULL;
    return ready_for(pool, worker, principal) ? worker : NULL;
}

int kw_worker_ask(struct kw_pool *pool, struct kw_worker *worker, struct kw_delivery *delivery)
{
    struct kw_message question = {0};
    int r = kw_delivery_question(delivery, &question);
    if (r == 0)
        r = kw_pipe_put(worker->pipe, &question);
    if (r == 0 && kw_pipe_flush(worker->pipe) == -EPIPE)
        r = -EPIPE;
    kw_message_clear(&question);
    if (r < 0) {
        pool->failures++;
        end_child(worker, true);
        return r;
    }
    worker->delivery = delivery;
    worker->asked_ms = worker->used_ms = kw_clock_monotonic_ms();
    return 0;
}

static int read_answer(struct kw_worker *worker, const uint8_t match_secret[32])
{
    struct kw_message answer = {0};
    if (kw_worker_hung(worker, kw_clock_monotonic_ms()))
        return -ETIMEDOUT;
    int r = kw_pipe_flush(worker->pipe);
    if (r == 0 || r == -EAGAIN)
        r = kw_pipe_get(worker->pipe, &answer);
    if (r == 0)
        r = worker->delivery ? kw_delivery_validated(worker->delivery, &answer, match_secret) : -EBADMSG;
    kw_message_clear(&answer);
    return r;
}

int kw_worker_take(struct kw_pool *pool, struct kw_worker *worker, const uint8_t match_secret[32],
                   struct kw_delivery **ret_delivery)
{
    int r = read_answer(worker, match_secret);
    *ret_delivery = NULL;
    if (r == -EAGAIN)
        return r;
    *ret_delivery = worker->delivery;
    worker->delivery = NULL;
    if (r == 0) {
        worker->fresh = false;
        return 0;
    }
    /* dead, hung, or it said what no validator says: its bytes are not to be trusted any more */
    pool->failures++;
    end_child(worker, true);
    return -ECHILD;
}

bool kw_worker_hung(const struct kw_worker *worker, int64_t now_ms)
{
    int64_t most = worker->express && !worker->fresh ? KW_EXPRESS_MS : KW_VALIDATE_MS; /* a start takes its time */
    return worker->delivery && now_ms - worker->asked_ms > most;
}
