/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - starting, asking and replacing validator children. */
#include "intake/pool.h"

#include <errno.h>
#include <string.h>

void kw_pool_init(struct kw_pool *pool, unsigned validators)
{
    *pool = (struct kw_pool){.count = validators + KW_POOL_EXPRESS};
    if (pool->count > KW_POOL_MAX)
        pool->count = KW_POOL_MAX;
    for (size_t i = 0; i < pool->count; i++) {
        pool->workers[i].child.fd = -1;
        pool->workers[i].express = i + KW_POOL_EXPRESS >= pool->count;
    }
}

static void end_child(struct kw_worker *worker)
{
    kw_pipe_free(worker->pipe);
    worker->pipe = NULL;
    if (!kw_child_reap(&worker->child))
        kw_child_kill(&worker->child);
}

void kw_pool_clear(struct kw_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        kw_delivery_free(pool->workers[i].delivery);
        pool->workers[i].delivery = NULL;
        end_child(&pool->workers[i]);
    }
}

static bool start_child(struct kw_worker *worker)
{
    static const char *const arguments[] = {"validator", NULL};
    if (kw_clock_monotonic_ms() < worker->child.not_before_ms || kw_child_start(&worker->child, arguments, NULL, 0, NULL) < 0)
        return false;
    if (kw_pipe_new(worker->child.fd, &worker->pipe) == 0)
        return true;
    end_child(worker);
    return false;
}

static bool ready_for(struct kw_pool *pool, struct kw_worker *worker, uint32_t principal)
{
    if (worker->principal != principal && kw_child_running(&worker->child)) {
        end_child(worker);
        worker->child.failures = 0;
        worker->child.not_before_ms = 0;
        pool->restarts++;
    }
    worker->principal = principal;
    return kw_child_running(&worker->child) || start_child(worker);
}

struct kw_worker *kw_pool_take(struct kw_pool *pool, uint32_t principal, bool express)
{
    struct kw_worker *oldest = NULL;
    for (size_t i = 0; i < pool->count; i++) {
        struct kw_worker *worker = &pool->workers[i];
        if (worker->delivery || worker->express != express)
            continue;
        if (worker->principal == principal)
            return ready_for(pool, worker, principal) ? worker : NULL;
        if (!oldest || worker->used_ms < oldest->used_ms)
            oldest = worker;
    }
    return oldest && ready_for(pool, oldest, principal) ? oldest : NULL;
}

int kw_worker_ask(struct kw_pool *pool, struct kw_worker *worker, struct kw_delivery *delivery)
{
    struct kw_message question = {0};
    int r = kw_delivery_question(delivery, &question);
    if (r == 0)
        r = kw_pipe_put(worker->pipe, &question);
    kw_message_clear(&question);
    if (r < 0) {
        pool->failures++;
        end_child(worker);
        return r;
    }
    worker->delivery = delivery;
    worker->asked_ms = worker->used_ms = kw_clock_monotonic_ms();
    return 0;
}

int kw_worker_take(struct kw_pool *pool, struct kw_worker *worker, const uint8_t match_secret[32],
                   struct kw_delivery **ret_delivery)
{
    struct kw_message answer = {0};
    struct kw_delivery *delivery = worker->delivery;
    int r = kw_worker_hung(worker, kw_clock_monotonic_ms()) ? -ETIMEDOUT : kw_pipe_flush(worker->pipe);
    *ret_delivery = NULL;
    if (r == 0 || r == -EAGAIN)
        r = kw_pipe_get(worker->pipe, &answer);
    if (r == -EAGAIN) {
        kw_message_clear(&answer);
        return r;
    }
    if (r == 0 && delivery)
        r = kw_delivery_validated(delivery, &answer, match_secret);
    kw_message_clear(&answer);
    worker->delivery = NULL;
    *ret_delivery = delivery;
    if (r == 0 && delivery)
        return 0;
    /* dead, hung, or it said what no validator says: its bytes are not to be trusted any more */
    pool->failures++;
    end_child(worker);
    return -ECHILD;
}

bool kw_worker_wants_write(const struct kw_worker *worker)
{
    return worker->pipe && kw_pipe_queued(worker->pipe) > 0;
}

bool kw_worker_hung(const struct kw_worker *worker, int64_t now_ms)
{
    return worker->delivery && now_ms - worker->asked_ms > KW_VALIDATE_MS;
}
