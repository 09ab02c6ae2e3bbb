/* SPDX-License-Identifier: Apache-2.0 */
/* scripted.h - an HTTP server on loopback that gives one answer after the other, each of them as it is told. */
#ifndef SCRIPTED_H
#define SCRIPTED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/base.h"

#define SCRIPTED_MAX 64

struct scripted {
    int fd;
    uint16_t port;
    pthread_t thread;
    struct kw_buf answers[SCRIPTED_MAX]; /* the bytes; empty: the connection stays open without one */
    size_t answer_count;
    atomic_size_t seen;                   /* requests */
    struct kw_buf requests[SCRIPTED_MAX]; /* NUL-terminated, as they came; those before seen may be read */
};

void scripted_start(struct scripted *server);
void scripted_stop(struct scripted *server);
/* Appends an answer; header: whole lines, or "". */
void scripted_answer(struct scripted *server, const char *status, const char *type, const char *header, const char *body);
void scripted_bytes(struct scripted *server, const void *bytes, size_t size);
/* The request of that number, counted from 0; fails the test when there was none. */
const char *scripted_request(struct scripted *server, size_t number);

#endif
