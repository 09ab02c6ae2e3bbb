/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - what the files of this room share. */
#ifndef KINWARD_BUS_PRIVATE_H
#define KINWARD_BUS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <zmq.h>

#include "base/limits.h"
#include "bus/bus.h"

/* Stable in the library, behind ZMQ_BUILD_DRAFT_API in its header. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#define KW_ZAP_DOMAIN   "kinward"
#define KW_ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define KW_MAGIC        "KW1"
#define KW_MAGIC_SIZE   3
#define KW_QUEUE        1000 /* messages in each direction of a socket */

struct kw_bus {
    void *context;
    atomic_ulong names; /* for unique inproc addresses */
};

enum kw_socket_kind { KW_SOCKET_ROUTER, KW_SOCKET_DEALER, KW_SOCKET_LINK };

struct kw_socket {
    void *raw;
    enum kw_socket_kind kind;
    char endpoint[160];
};

/* Wraps raw; closes it on failure. */
KW_CHECKED int kw_socket_wrap(void *raw, enum kw_socket_kind kind, struct kw_socket **ret_socket);
/* A DEALER for key and server, not yet connected. */
KW_CHECKED int kw_dealer_make(struct kw_bus *bus, const struct kw_curve *key, const uint8_t server_key[KW_CURVE_KEY_SIZE],
                              struct kw_socket **ret_socket);
/* Limits, queues, heartbeats of every socket that leaves the process. */
KW_CHECKED int kw_socket_bounds(void *raw);
KW_CHECKED int kw_socket_option(void *raw, int option, int value);
/* 1 to 15 of A-Z, 0-9 and '-'. */
bool kw_verb_valid(const void *text, size_t size);
int kw_zmq_error(void); /* the negative errno of the last ZeroMQ call */

#endif
