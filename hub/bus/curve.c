/* SPDX-License-Identifier: Apache-2.0 */
/* curve.c - CURVE keys, and the proof at start that strangers are refused. */
#include <errno.h>
#include <string.h>

#include "crypto/crypto.h"
#include "private.h"

#define Z85_SIZE (KW_CURVE_KEY_SIZE * 5 / 4 + 1)

/* The public half; libzmq offers it in Z85 only. */
static int derive_public(const uint8_t *secret, uint8_t ret_public[KW_CURVE_KEY_SIZE])
{
    char text[Z85_SIZE], other[Z85_SIZE];
    int error = -EIO;
    if (zmq_z85_encode(text, secret, KW_CURVE_KEY_SIZE) && zmq_curve_public(other, text) == 0 && zmq_z85_decode(ret_public, other))
        error = 0;
    kw_wipe(text, sizeof text);
    return error;
}

static int complete(uint8_t *secret, struct kw_curve *ret_key)
{
    struct kw_curve key = {.secret = secret};
    int error = derive_public(secret, key.public_key);
    if (error) {
        kw_secret_free(secret);
        return error;
    }
    *ret_key = key;
    return 0;
}

int kw_curve_new(struct kw_curve *ret_key)
{
    uint8_t *secret = NULL;
    int error = kw_secret_new(&secret);
    return error ? error : complete(secret, ret_key);
}

int kw_curve_load(const char *path, struct kw_curve *ret_key, struct kw_fault *fault)
{
    uint8_t *secret = NULL;
    int error = kw_secret_load(path, &secret, fault);
    if (error)
        return error;
    error = complete(secret, ret_key);
    return error ? kw_fail(fault, error, KW_E_KEY, path, "not a CURVE key") : 0;
}

int kw_curve_save(const char *path, const struct kw_curve *key, struct kw_fault *fault)
{
    return kw_secret_save(path, key->secret, fault);
}

void kw_curve_clear(struct kw_curve *key)
{
    if (!key)
        return;
    kw_secret_free(key->secret);
    *key = (struct kw_curve){0};
}

/* ---- self-test ----------------------------------------------------------- */

/* One monitor event: number and value. -EAGAIN when none is there. */
static int monitor_event(struct kw_socket *monitor, uint16_t *ret_event, uint32_t *ret_value)
{
    uint8_t bytes[6];
    char address[256];
    if (zmq_recv(monitor->raw, bytes, sizeof bytes, ZMQ_DONTWAIT) < 0)
        return kw_zmq_error();
    (void)zmq_recv(monitor->raw, address, sizeof address, ZMQ_DONTWAIT);
    memcpy(ret_event, bytes, sizeof *ret_event);
    memcpy(ret_value, bytes + sizeof *ret_event, sizeof *ret_value);
    return 0;
}

/* Waits for the end of the handshake. Only a refusal by ZAP counts: a line that breaks may have any cause. */
static int await_refusal(struct kw_socket *monitor, const char *endpoint, int timeout_ms, struct kw_fault *fault)
{
    int64_t end = kw_clock_monotonic_ms() + timeout_ms;
    for (int64_t left = timeout_ms; left > 0; left = end - kw_clock_monotonic_ms()) {
        struct kw_poll item = {.socket = monitor};
        int error = kw_poll(&item, 1, (int)left);
        if (error && error != -EINTR)
            return error;
        uint16_t event;
        uint32_t value;
        while (!error && !monitor_event(monitor, &event, &value)) {
            if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
                return kw_fail(fault, -EACCES, KW_E_UNAUTHENTICATED, endpoint, "a random key was let in");
            if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
                return 0;
        }
    }
    return kw_fail(fault, -ETIMEDOUT, KW_E_TIMEOUT, endpoint, "a random key was not refused within %d ms", timeout_ms);
}

int kw_curve_self_test(struct kw_bus *bus, const char *endpoint, const uint8_t server_key[KW_CURVE_KEY_SIZE], int timeout_ms,
                       struct kw_fault *fault)
{
    struct kw_curve stranger = {0};
    struct kw_socket *dealer = NULL, *monitor = NULL;
    char address[64];
    int error = kw_curve_new(&stranger);
    if (error)
        return kw_fail(fault, error, KW_E_KEY, endpoint, "no random key could be made");
    snprintf(address, sizeof address, "inproc://monitor-%lu", atomic_fetch_add(&bus->names, 1));
    error = kw_dealer_make(bus, &stranger, server_key, &dealer);
    if (!error && zmq_socket_monitor(dealer->raw, address, ZMQ_EVENT_ALL) < 0)
        error = kw_zmq_error();
    void *raw = error ? NULL : zmq_socket(bus->context, ZMQ_PAIR);
    if (!error)
        error = raw ? kw_socket_wrap(raw, KW_SOCKET_LINK, &monitor) : kw_zmq_error();
    if (!error && (zmq_connect(raw, address) < 0 || zmq_connect(dealer->raw, endpoint) < 0))
        error = kw_zmq_error();
    error = error ? kw_fail(fault, error, KW_E_NETWORK, endpoint, "no self-test: %s", zmq_strerror(-error))
                  : await_refusal(monitor, endpoint, timeout_ms, fault);
    /* Before the monitor's reader goes: the context's I/O thread would wait for it forever with its next event. */
    if (dealer)
        (void)zmq_socket_monitor(dealer->raw, NULL, 0);
    kw_socket_close(dealer);
    kw_socket_close(monitor);
    kw_curve_clear(&stranger);
    return error;
}
