/* SPDX-License-Identifier: Apache-2.0 */
/* bus.h - messages, sockets with CURVE and ZAP, actors, pipes to child processes.
 *
 * The only room that calls ZeroMQ. A message is the same five frames on every
 * carrier: "KW1", verb, request id (8 bytes), header (JSON), payload (items,
 * each u32 big-endian length and bytes). Between threads it goes over inproc
 * PAIR sockets, between machines over CURVE, to a child process over an
 * inherited socket pair (so that there is no address a stranger could use).
 */
#ifndef KINWARD_BUS_H
#define KINWARD_BUS_H

#include "base/base.h"

#define KW_VERB_SIZE      16
#define KW_PEER_SIZE      65
#define KW_CURVE_KEY_SIZE 32

struct kw_message { /* zero-initialised is empty; clear after use */
    char verb[KW_VERB_SIZE];
    uint8_t request[8];
    struct kw_buf header;    /* JSON text; may be empty inside the hub */
    struct kw_buf payload;   /* items: kw_put_item, kw_take_item */
    char peer[KW_PEER_SIZE]; /* ROUTER, receiving: the ZAP User-Id of this very message */
    uint8_t route[255];      /* ROUTER: routing id to answer to */
    uint8_t route_size;
};
void kw_message_clear(struct kw_message *message);
/* Makes an empty answer to request: same request id and route. */
void kw_message_answer(struct kw_message *ret_answer, const struct kw_message *request, const char *verb);
/* Answer ERROR with header {"code","detail","retryable"}. */
KW_CHECKED int kw_message_error(struct kw_message *ret_answer, const struct kw_message *request, enum kw_code code,
                                const char *detail);
uint64_t kw_request_number(const struct kw_message *message);
void kw_request_set(struct kw_message *message, uint64_t number);

/* ---- bus ------------------------------------------------------------------ */

struct kw_bus; /* one per process */
KW_CHECKED int kw_bus_new(struct kw_bus **ret_bus, struct kw_fault *fault);
void kw_bus_free(struct kw_bus *bus); /* every socket must be closed before */

struct kw_curve { /* a CURVE key pair (X25519), raw bytes; secret in locked memory */
    uint8_t public_key[KW_CURVE_KEY_SIZE];
    uint8_t *secret;
};
KW_CHECKED int kw_curve_new(struct kw_curve *ret_key);
KW_CHECKED int kw_curve_load(const char *path, struct kw_curve *ret_key, struct kw_fault *fault); /* kw_secret file */
KW_CHECKED int kw_curve_save(const char *path, const struct kw_curve *key, struct kw_fault *fault);
void kw_curve_clear(struct kw_curve *key);

/* ZAP: the handler thread of a server process. Keys not allowed are refused; when the handler is gone all are (option 93). */
struct kw_zap;
KW_CHECKED int kw_zap_start(struct kw_bus *bus, struct kw_zap **ret_zap, struct kw_fault *fault);
KW_CHECKED int kw_zap_allow(struct kw_zap *zap, const uint8_t key[KW_CURVE_KEY_SIZE], const char *user_id);
KW_CHECKED int kw_zap_deny(struct kw_zap *zap, const uint8_t key[KW_CURVE_KEY_SIZE]);
bool kw_zap_ended(const struct kw_zap *zap); /* by itself: from then on every new connection is refused */
void kw_zap_stop(struct kw_zap *zap);

/* ---- sockets: owned by one thread ----------------------------------------- */

struct kw_socket;
/* Binds a ROUTER (mandatory, CURVE server, domain enforced). endpoint "tcp://127.0.0.1:7701"; port 0 or * takes a free one. */
KW_CHECKED int kw_router_bind(struct kw_bus *bus, const char *endpoint, const struct kw_curve *key, struct kw_socket **ret_socket,
                              struct kw_fault *fault);
KW_CHECKED int kw_dealer_connect(struct kw_bus *bus, const char *endpoint, const struct kw_curve *key,
                                 const uint8_t server_key[KW_CURVE_KEY_SIZE], struct kw_socket **ret_socket,
                                 struct kw_fault *fault);
void kw_socket_close(struct kw_socket *socket);
void kw_socket_closep(struct kw_socket **socket);
const char *kw_socket_endpoint(const struct kw_socket *socket); /* the bound address, with its port */
/* Connects with a random key and succeeds only when the server refuses it within timeout_ms. */
KW_CHECKED int kw_curve_self_test(struct kw_bus *bus, const char *endpoint, const uint8_t server_key[KW_CURVE_KEY_SIZE],
                                  int timeout_ms, struct kw_fault *fault);

/* Never blocks: -EAGAIN when the queue is full, -EHOSTUNREACH when the peer is gone. Takes header and payload of message
 * (empty afterwards) on success only. */
KW_CHECKED int kw_send(struct kw_socket *socket, struct kw_message *message);
/* -EAGAIN when there is none. ret_message: empty, or an earlier one that is replaced. A message with wrong frames gives -EBADMSG
 * with verb empty and route and peer set; at a ROUTER, one of another protocol version -EPROTONOSUPPORT in the same way. */
KW_CHECKED int kw_receive(struct kw_socket *socket, struct kw_message *ret_message);

/* Wait for any of sockets or descriptors. */
struct kw_poll {
    struct kw_socket *socket; /* or NULL and fd */
    int fd;
    bool want_write, readable, writable;
};
KW_CHECKED int kw_poll(struct kw_poll *items, size_t count, int timeout_ms); /* -EINTR passes through */

/* ---- actors: a thread with one pipe to its parent --------------------------- */

struct kw_actor;
/* body runs in the thread; it calls kw_actor_ready once, then loops until it receives verb "STOP" on pipe. */
typedef int (*kw_actor_body)(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault);
/* Returns when the body said ready, or with its fault. */
KW_CHECKED int kw_actor_start(struct kw_bus *bus, const char *name, kw_actor_body body, void *argument, struct kw_actor **ret_actor,
                              struct kw_fault *fault);
KW_CHECKED int kw_actor_ready(struct kw_actor *self);
/* The parent's end. Verb ENDED comes last when the body returns, asked or not. */
struct kw_socket *kw_actor_pipe(struct kw_actor *actor);
bool kw_actor_ended(const struct kw_actor *actor);
int kw_actor_stop(struct kw_actor *actor); /* sends STOP, joins, frees; the body's answer */
/* A one-to-one inproc link between two actors; each end is handed to its thread before that thread starts. */
KW_CHECKED int kw_link_new(struct kw_bus *bus, struct kw_socket **ret_a, struct kw_socket **ret_b, struct kw_fault *fault);

/* ---- pipes: the same messages over a stream socket pair ------------------------ */

/* Waiting, for a process that has nothing else to do (a child). Negative timeout_ms: for ever. After -ETIMEDOUT or -EPIPE in the
 * middle of a message the pipe is shut on both sides. When both directions are full, two waiting sides would wait for each
 * other: therefore the parent uses struct kw_pipe, which never waits and always reads. Messages up to KW_LIMIT_PIPE_MESSAGE. */
KW_CHECKED int kw_pipe_send(int fd, const struct kw_message *message, int timeout_ms);  /* -ETIMEDOUT, -EPIPE, -EMSGSIZE */
KW_CHECKED int kw_pipe_receive(int fd, struct kw_message *ret_message, int timeout_ms); /* -ETIMEDOUT, -EPIPE, -EBADMSG */

/* Never waiting, for an event loop: keeps what is half sent and half received. The descriptor stays the caller's. */
struct kw_pipe;
KW_CHECKED int kw_pipe_new(int fd, struct kw_pipe **ret_pipe);
void kw_pipe_free(struct kw_pipe *pipe);
/* Copies message out. -EAGAIN: more than KW_LIMIT_PIPE_MESSAGE waits already; try after a flush. -EPIPE. */
KW_CHECKED int kw_pipe_put(struct kw_pipe *pipe, const struct kw_message *message);
size_t kw_pipe_queued(const struct kw_pipe *pipe);  /* bytes that wait: poll with want_write when not 0 */
KW_CHECKED int kw_pipe_flush(struct kw_pipe *pipe); /* 0: all is out; -EAGAIN, -EPIPE */
/* -EAGAIN: no whole message yet. Call until it says so: a descriptor is readable only once. -EPIPE, -EBADMSG. */
KW_CHECKED int kw_pipe_get(struct kw_pipe *pipe, struct kw_message *ret_message);

#endif
