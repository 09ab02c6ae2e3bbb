/* SPDX-License-Identifier: Apache-2.0 */
/* bus.c - the ZeroMQ context, sockets and waiting for them. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

int kw_zmq_error(void)
{
    int error = zmq_errno();
    return error ? -error : -EIO;
}

int kw_bus_new(struct kw_bus **ret_bus, struct kw_fault *fault)
{
    if (!zmq_has("curve"))
        return kw_fail(fault, -ENOTSUP, KW_E_INTERNAL, "libzmq", "this libzmq was built without CURVE");
    struct kw_bus *bus = kw_alloc(sizeof *bus);
    if (!bus)
        return -ENOMEM;
    bus->context = zmq_ctx_new();
    if (!bus->context) {
        kw_free(bus);
        return kw_fail(fault, kw_zmq_error(), KW_E_INTERNAL, "libzmq", "no context");
    }
    zmq_ctx_set(bus->context, ZMQ_MAX_SOCKETS, 4096);
    *ret_bus = bus;
    return 0;
}

void kw_bus_free(struct kw_bus *bus)
{
    if (!bus)
        return;
    while (zmq_ctx_term(bus->context) < 0 && zmq_errno() == EINTR)
        ;
    kw_free(bus);
}

/* ---- sockets ----------------------------------------------------------- */

int kw_socket_option(void *raw, int option, int value)
{
    return zmq_setsockopt(raw, option, &value, sizeof value) < 0 ? kw_zmq_error() : 0;
}

int kw_socket_bounds(void *raw)
{
    /* Milliseconds. The TTL makes the other side give up on us, too. LINGER lets the last answers leave. */
    static const struct {
        int option, value;
    } bounds[] = {
        {ZMQ_SNDHWM, KW_QUEUE},        {ZMQ_RCVHWM, KW_QUEUE},         {ZMQ_LINGER, 500},          {ZMQ_HANDSHAKE_IVL, 5000},
        {ZMQ_HEARTBEAT_IVL, 5000},     {ZMQ_HEARTBEAT_TIMEOUT, 15000}, {ZMQ_HEARTBEAT_TTL, 30000}, {ZMQ_RECONNECT_IVL, 100},
        {ZMQ_RECONNECT_IVL_MAX, 5000}, {ZMQ_CONNECT_TIMEOUT, 5000},
    };
    for (size_t i = 0; i < KW_COUNT(bounds); i++) {
        int error = kw_socket_option(raw, bounds[i].option, bounds[i].value);
        if (error)
            return error;
    }
    int64_t limit = KW_LIMIT_MESSAGE + 64; /* a CURVE frame is 33 bytes longer than what it carries */
    return zmq_setsockopt(raw, ZMQ_MAXMSGSIZE, &limit, sizeof limit) < 0 ? kw_zmq_error() : 0;
}

int kw_socket_wrap(void *raw, enum kw_socket_kind kind, struct kw_socket **ret_socket)
{
    struct kw_socket *wrapped = kw_alloc(sizeof *wrapped);
    if (!wrapped) {
        zmq_close(raw);
        return -ENOMEM;
    }
    wrapped->raw = raw;
    wrapped->kind = kind;
    *ret_socket = wrapped;
    return 0;
}

/* "tcp://host:0" asks for a free port as "tcp://host:*" does. */
static int bind_address(char *ret_text, size_t size, const char *endpoint)
{
    size_t length = strlen(endpoint);
    if (length + 1 > size)
        return -ENAMETOOLONG;
    memcpy(ret_text, endpoint, length + 1);
    if (length > 2 && !strcmp(endpoint + length - 2, ":0"))
        ret_text[length - 1] = '*';
    return 0;
}

int kw_router_bind(struct kw_bus *bus, const char *endpoint, const struct kw_curve *key, struct kw_socket **ret_socket,
                   struct kw_fault *fault)
{
    char address[160];
    int error = bind_address(address, sizeof address, endpoint);
    if (error)
        return kw_fail(fault, error, KW_E_CONFIG, "endpoint", "the endpoint is too long");
    void *raw = zmq_socket(bus->context, ZMQ_ROUTER);
    if (!raw)
        return kw_fail(fault, kw_zmq_error(), KW_E_INTERNAL, "libzmq", "no socket: %s", zmq_strerror(zmq_errno()));
    struct kw_socket *made = NULL;
    error = kw_socket_wrap(raw, KW_SOCKET_ROUTER, &made);
    if (error)
        return error;
    error = kw_socket_bounds(raw);
    if (!error)
        error = kw_socket_option(raw, ZMQ_ROUTER_MANDATORY, 1);
    if (!error)
        error = kw_socket_option(raw, ZMQ_CURVE_SERVER, 1);
    if (!error && zmq_setsockopt(raw, ZMQ_CURVE_SECRETKEY, key->secret, KW_CURVE_KEY_SIZE) < 0)
        error = kw_zmq_error();
    if (!error && zmq_setsockopt(raw, ZMQ_ZAP_DOMAIN, KW_ZAP_DOMAIN, strlen(KW_ZAP_DOMAIN)) < 0)
        error = kw_zmq_error();
    if (!error) /* without it, a dead ZAP handler lets everybody in */
        error = kw_socket_option(raw, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    if (!error && zmq_bind(raw, address) < 0)
        error = kw_zmq_error();
    size_t size = sizeof made->endpoint;
    if (!error && zmq_getsockopt(raw, ZMQ_LAST_ENDPOINT, made->endpoint, &size) < 0)
        error = kw_zmq_error();
    if (error) {
        kw_socket_close(made);
        return kw_fail(fault, error, KW_E_NETWORK, endpoint, "cannot be bound: %s", zmq_strerror(-error));
    }
    *ret_socket = made;
    return 0;
}

int kw_dealer_make(struct kw_bus *bus, const struct kw_curve *key, const uint8_t server_key[KW_CURVE_KEY_SIZE],
                   struct kw_socket **ret_socket)
{
    void *raw = zmq_socket(bus->context, ZMQ_DEALER);
    if (!raw)
        return kw_zmq_error();
    struct kw_socket *made = NULL;
    int error = kw_socket_wrap(raw, KW_SOCKET_DEALER, &made);
    if (error)
        return error;
    error = kw_socket_bounds(raw);
    if (!error) /* queue only for a line that stands: the sender keeps what is not sent */
        error = kw_socket_option(raw, ZMQ_IMMEDIATE, 1);
    if (!error && (zmq_setsockopt(raw, ZMQ_CURVE_SERVERKEY, server_key, KW_CURVE_KEY_SIZE) < 0 ||
                   zmq_setsockopt(raw, ZMQ_CURVE_PUBLICKEY, key->public_key, KW_CURVE_KEY_SIZE) < 0 ||
                   zmq_setsockopt(raw, ZMQ_CURVE_SECRETKEY, key->secret, KW_CURVE_KEY_SIZE) < 0))
        error = kw_zmq_error();
    if (error) {
        kw_socket_close(made);
        return error;
    }
    *ret_socket = made;
    return 0;
}

int kw_dealer_connect(struct kw_bus *bus, const char *endpoint, const struct kw_curve *key,
                      const uint8_t server_key[KW_CURVE_KEY_SIZE], struct kw_socket **ret_socket, struct kw_fault *fault)
{
    struct kw_socket *made = NULL;
    int error = kw_dealer_make(bus, key, server_key, &made);
    if (!error && (size_t)snprintf(made->endpoint, sizeof made->endpoint, "%s", endpoint) >= sizeof made->endpoint)
        error = -ENAMETOOLONG;
    if (!error && zmq_connect(made->raw, endpoint) < 0)
        error = kw_zmq_error();
    if (error) {
        kw_socket_close(made);
        return kw_fail(fault, error, KW_E_NETWORK, endpoint, "cannot be connected: %s", zmq_strerror(-error));
    }
    *ret_socket = made;
    return 0;
}

void kw_socket_close(struct kw_socket *socket)
{
    if (!socket)
        return;
    zmq_close(socket->raw);
    kw_free(socket);
}

void kw_socket_closep(struct kw_socket **socket)
{
    kw_socket_close(*socket);
    *socket = NULL;
}

const char *kw_socket_endpoint(const struct kw_socket *socket)
{
    return socket->endpoint;
}

int kw_link_new(struct kw_bus *bus, struct kw_socket **ret_a, struct kw_socket **ret_b, struct kw_fault *fault)
{
    struct kw_socket *ends[2] = {NULL, NULL};
    char address[64];
    int error = 0;
    snprintf(address, sizeof address, "inproc://link-%lu", atomic_fetch_add(&bus->names, 1));
    for (int i = 0; i < 2 && !error; i++) {
        void *raw = zmq_socket(bus->context, ZMQ_PAIR);
        error = raw ? kw_socket_wrap(raw, KW_SOCKET_LINK, &ends[i]) : kw_zmq_error();
        if (!error)
            error = kw_socket_bounds(raw);
        if (!error && (i == 0 ? zmq_bind(raw, address) : zmq_connect(raw, address)) < 0)
            error = kw_zmq_error();
    }
    if (error) {
        kw_socket_close(ends[0]);
        kw_socket_close(ends[1]);
        return kw_fail(fault, error, KW_E_INTERNAL, "libzmq", "no link: %s", zmq_strerror(-error));
    }
    *ret_a = ends[0];
    *ret_b = ends[1];
    return 0;
}

/* ---- waiting ----------------------------------------------------------- */

static void poll_result(struct kw_poll *items, const zmq_pollitem_t *raw, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool broken = raw[i].revents & ZMQ_POLLERR; /* hang-up: let the caller's read or write find out */
        items[i].readable = broken || (raw[i].revents & ZMQ_POLLIN);
        items[i].writable = items[i].want_write && (broken || (raw[i].revents & ZMQ_POLLOUT));
    }
}

int kw_poll(struct kw_poll *items, size_t count, int timeout_ms)
{
    zmq_pollitem_t few[32], *raw = few;
    if (count > KW_COUNT(few)) {
        raw = kw_alloc(count * sizeof *raw);
        if (!raw)
            return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        raw[i] = (zmq_pollitem_t){.socket = items[i].socket ? items[i].socket->raw : NULL,
                                  .fd = items[i].fd,
                                  .events = (short)(ZMQ_POLLIN | (items[i].want_write ? ZMQ_POLLOUT : 0))};
        items[i].readable = items[i].writable = false;
    }
    int error = zmq_poll(raw, (int)count, timeout_ms) < 0 ? kw_zmq_error() : 0;
    if (!error)
        poll_result(items, raw, count);
    if (raw != few)
        kw_free(raw);
    return error;
}
