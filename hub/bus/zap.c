/* SPDX-License-Identifier: Apache-2.0 */
/* zap.c - who may connect: the ZAP 1.0 handler (ZeroMQ RFC 27). What it does not know it refuses. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

struct entry {
    uint8_t key[KW_CURVE_KEY_SIZE];
    char user_id[KW_PEER_SIZE];
};

struct kw_zap {
    struct kw_actor *actor;
    void *socket; /* REP; the handler thread's */
    pthread_mutex_t lock;
    struct entry *entries; /* sorted by key; under lock */
    size_t count, capacity;
};

/* Index of key, or where it would stand. */
static size_t find(const struct kw_zap *zap, const uint8_t *key, bool *ret_found)
{
    size_t low = 0, high = zap->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(zap->entries[middle].key, key, KW_CURVE_KEY_SIZE);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = false;
    return low;
}

static int insert(struct kw_zap *zap, size_t index, const uint8_t *key)
{
    if (zap->count >= KW_LIMIT_PRINCIPALS)
        return -ENOSPC;
    if (zap->count == zap->capacity) {
        size_t capacity = zap->capacity ? zap->capacity * 2 : 16;
        struct entry *larger = kw_resize(zap->entries, capacity * sizeof *larger);
        if (!larger)
            return -ENOMEM;
        zap->entries = larger;
        zap->capacity = capacity;
    }
    memmove(&zap->entries[index + 1], &zap->entries[index], (zap->count - index) * sizeof *zap->entries);
    memcpy(zap->entries[index].key, key, KW_CURVE_KEY_SIZE);
    zap->count++;
    return 0;
}

int kw_zap_allow(struct kw_zap *zap, const uint8_t key[KW_CURVE_KEY_SIZE], const char *user_id)
{
    size_t size = strlen(user_id);
    if (size == 0 || size >= KW_PEER_SIZE)
        return -EINVAL;
    pthread_mutex_lock(&zap->lock);
    bool found;
    size_t index = find(zap, key, &found);
    int error = found ? 0 : insert(zap, index, key);
    if (!error)
        memcpy(zap->entries[index].user_id, user_id, size + 1);
    pthread_mutex_unlock(&zap->lock);
    return error;
}

int kw_zap_deny(struct kw_zap *zap, const uint8_t key[KW_CURVE_KEY_SIZE])
{
    pthread_mutex_lock(&zap->lock);
    bool found;
    size_t index = find(zap, key, &found);
    if (found) {
        zap->count--;
        memmove(&zap->entries[index], &zap->entries[index + 1], (zap->count - index) * sizeof *zap->entries);
    }
    pthread_mutex_unlock(&zap->lock);
    return found ? 0 : -ENOENT;
}

/* ---- the handler thread ---------------------------------------------------- */

/* version, request id, domain, address, routing id, mechanism, credentials */
enum { VERSION, REQUEST, DOMAIN, ADDRESS, ROUTING, MECHANISM, KEY, PARTS };

struct zap_request {
    uint8_t parts[PARTS][256];
    size_t sizes[PARTS];
    bool valid;
};

static int zap_receive(void *socket, struct zap_request *ret_request)
{
    int more = 1;
    size_t count = 0, size = sizeof more;
    ret_request->valid = true;
    memset(ret_request->sizes, 0, sizeof ret_request->sizes);
    for (; more; count++) {
        uint8_t spare[256];
        bool wanted = count < PARTS;
        int got = zmq_recv(socket, wanted ? ret_request->parts[count] : spare, sizeof spare, ZMQ_DONTWAIT);
        if (got < 0)
            return kw_zmq_error();
        if (!wanted || got > (int)sizeof spare)
            ret_request->valid = false;
        else
            ret_request->sizes[count] = (size_t)got;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) < 0)
            return kw_zmq_error();
    }
    ret_request->valid = ret_request->valid && count == PARTS;
    return 0;
}

static bool part_is(const struct zap_request *request, int part, const char *text)
{
    return request->sizes[part] == strlen(text) && !memcmp(request->parts[part], text, strlen(text));
}

static bool look_up(struct kw_zap *zap, const struct zap_request *request, char ret_user_id[KW_PEER_SIZE])
{
    if (!request->valid || !part_is(request, VERSION, "1.0") || !part_is(request, DOMAIN, KW_ZAP_DOMAIN) ||
        !part_is(request, MECHANISM, "CURVE") || request->sizes[KEY] != KW_CURVE_KEY_SIZE)
        return false;
    bool found;
    pthread_mutex_lock(&zap->lock);
    size_t index = find(zap, request->parts[KEY], &found);
    if (found)
        strcpy(ret_user_id, zap->entries[index].user_id);
    pthread_mutex_unlock(&zap->lock);
    return found;
}

static int zap_answer(void *socket, const struct zap_request *request, bool allowed, const char *user_id)
{
    const struct {
        const void *data;
        size_t size;
    } parts[] = {
        {"1.0", 3},
        {request->parts[REQUEST], request->sizes[REQUEST]},
        {allowed ? "200" : "400", 3},
        {allowed ? "OK" : "unknown key", allowed ? 2 : 11},
        {user_id, strlen(user_id)},
        {"", 0},
    };
    for (size_t i = 0; i < KW_COUNT(parts); i++)
        if (zmq_send(socket, parts[i].data, parts[i].size, i + 1 < KW_COUNT(parts) ? ZMQ_SNDMORE : 0) < 0)
            return kw_zmq_error();
    return 0;
}

static int zap_serve(struct kw_zap *zap)
{
    struct zap_request request;
    int error;
    while (!(error = zap_receive(zap->socket, &request))) {
        char user_id[KW_PEER_SIZE] = "";
        bool allowed = look_up(zap, &request, user_id);
        error = zap_answer(zap->socket, &request, allowed, user_id);
        if (error)
            return error;
    }
    return error == -EAGAIN || error == -EINTR ? 0 : error;
}

static int zap_body(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    struct kw_zap *zap = argument;
    struct kw_socket own = {.raw = zap->socket, .kind = KW_SOCKET_ROUTER};
    struct kw_message message = {0};
    bool stop = false;
    int error = kw_actor_ready(self);
    while (!error && !stop) {
        struct kw_poll items[] = {{.socket = pipe}, {.socket = &own}};
        error = kw_poll(items, KW_COUNT(items), -1);
        if (!error && items[1].readable && !(error = kw_fault_point("zap.serve")))
            error = zap_serve(zap);
        if (!error && items[0].readable && !kw_receive(pipe, &message))
            stop = !strcmp(message.verb, "STOP");
        if (error == -EINTR)
            error = 0;
    }
    kw_message_clear(&message);
    zmq_close(zap->socket);
    zap->socket = NULL;
    return error;
}

int kw_zap_start(struct kw_bus *bus, struct kw_zap **ret_zap, struct kw_fault *fault)
{
    struct kw_zap *zap = kw_alloc(sizeof *zap);
    if (!zap)
        return -ENOMEM;
    pthread_mutex_init(&zap->lock, NULL);
    zap->socket = zmq_socket(bus->context, ZMQ_REP);
    int error = zap->socket && zmq_bind(zap->socket, KW_ZAP_ENDPOINT) == 0 ? 0 : kw_zmq_error();
    if (!error)
        error = kw_socket_option(zap->socket, ZMQ_LINGER, 0);
    if (error)
        kw_fail(fault, error, KW_E_INTERNAL, "zap", "no handler: %s", zmq_strerror(-error));
    else
        error = kw_actor_start(bus, "zap", zap_body, zap, &zap->actor, fault);
    if (error) {
        kw_zap_stop(zap);
        return error;
    }
    *ret_zap = zap;
    return 0;
}

bool kw_zap_ended(const struct kw_zap *zap)
{
    return kw_actor_ended(zap->actor);
}

void kw_zap_stop(struct kw_zap *zap)
{
    if (!zap)
        return;
    if (zap->actor)
        (void)kw_actor_stop(zap->actor);
    if (zap->socket)
        zmq_close(zap->socket);
    pthread_mutex_destroy(&zap->lock);
    kw_free(zap->entries);
    kw_free(zap);
}
