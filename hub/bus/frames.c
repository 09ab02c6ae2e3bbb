/* SPDX-License-Identifier: Apache-2.0 */
/* frames.c - messages as frames: sending and receiving without ever waiting. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "private.h"

enum place { ROUTE, MAGIC, VERB, REQUEST, HEADER, PAYLOAD, PLACES };

#define LENT_FROM 8192 /* a payload of at least so many bytes is lent to ZeroMQ instead of copied */

static int receive_frame(struct kw_socket *socket, zmq_msg_t *frame)
{
    int received;
    do
        received = zmq_msg_recv(frame, socket->raw, ZMQ_DONTWAIT);
    while (received < 0 && zmq_errno() == EINTR);
    return received < 0 ? kw_zmq_error() : 0;
}

/* Sends count frames in turn. All were made before, so that only the line itself can break a message off: then ZeroMQ
 * takes back the frames that it has. */
static int send_frames(struct kw_socket *socket, zmq_msg_t *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int sent;
        do
            sent = zmq_msg_send(&frames[i], socket->raw, ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0));
        while (sent < 0 && zmq_errno() == EINTR);
        if (sent < 0)
            return kw_zmq_error();
    }
    return 0;
}

/* ---- links: the message itself changes hands ---------------------------- */

static void free_boxed(void *data, void *hint)
{
    kw_message_clear(data);
    kw_free(data);
}

static int send_link(struct kw_socket *link, struct kw_message *message)
{
    struct kw_message *boxed = kw_alloc(sizeof *boxed);
    if (!boxed)
        return -ENOMEM;
    zmq_msg_t frame;
    if (zmq_msg_init_data(&frame, boxed, sizeof *boxed, free_boxed, NULL) < 0) {
        kw_free(boxed);
        return -ENOMEM;
    }
    *boxed = *message;
    int error = send_frames(link, &frame, 1);
    if (error) {
        *boxed = (struct kw_message){0};
        zmq_msg_close(&frame);
        return error;
    }
    message->header = message->payload = (struct kw_buf){0};
    return 0;
}

static int receive_link(struct kw_socket *link, struct kw_message *ret_message)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    int error = receive_frame(link, &frame);
    if (error)
        return error;
    assert(zmq_msg_size(&frame) == sizeof(struct kw_message));
    struct kw_message *boxed = zmq_msg_data(&frame);
    kw_message_clear(ret_message);
    *ret_message = *boxed;
    *boxed = (struct kw_message){0};
    zmq_msg_close(&frame);
    return 0;
}

/* ---- the wire ------------------------------------------------------------ */

struct lent { /* who frees the payload is decided after the send */
    void *data;
};

static void free_lent(void *data, void *hint)
{
    struct lent *lent = hint;
    kw_free(lent->data);
    kw_free(lent);
}

static int lend_frame(zmq_msg_t *ret_frame, const struct kw_buf *payload, struct lent **ret_lent)
{
    struct lent *lent = kw_alloc(sizeof *lent);
    if (!lent)
        return -ENOMEM;
    if (zmq_msg_init_data(ret_frame, payload->data, payload->size, free_lent, lent) < 0) {
        kw_free(lent);
        return -ENOMEM;
    }
    *ret_lent = lent;
    return 0;
}

static int make_frame(zmq_msg_t *ret_frame, const void *data, size_t size)
{
    if (zmq_msg_init_size(ret_frame, size) < 0)
        return -ENOMEM;
    if (size)
        memcpy(zmq_msg_data(ret_frame), data, size);
    return 0;
}

static int send_wire(struct kw_socket *socket, struct kw_message *message)
{
    zmq_msg_t frames[PLACES];
    size_t count = 0;
    struct lent *lent = NULL;
    int error = 0;
    if (socket->kind == KW_SOCKET_ROUTER && !(error = make_frame(&frames[count], message->route, message->route_size)))
        count++;
    if (!error && !(error = make_frame(&frames[count], KW_MAGIC, KW_MAGIC_SIZE)))
        count++;
    if (!error && !(error = make_frame(&frames[count], message->verb, strlen(message->verb))))
        count++;
    if (!error && !(error = make_frame(&frames[count], message->request, sizeof message->request)))
        count++;
    if (!error && !(error = make_frame(&frames[count], message->header.data, message->header.size)))
        count++;
    if (!error)
        error = message->payload.size >= LENT_FROM ? lend_frame(&frames[count], &message->payload, &lent)
                                                   : make_frame(&frames[count], message->payload.data, message->payload.size);
    if (!error) {
        count++;
        if (lent)
            lent->data = message->payload.data;
        error = send_frames(socket, frames, count);
        if (error && lent)
            lent->data = NULL; /* the frame is still ours */
        if (!error && lent)
            message->payload = (struct kw_buf){0};
    }
    for (size_t i = 0; i < count; i++)
        zmq_msg_close(&frames[i]);
    return error;
}

int kw_send(struct kw_socket *socket, struct kw_message *message)
{
    assert(kw_verb_valid(message->verb, strnlen(message->verb, KW_VERB_SIZE)));
    if (socket->kind == KW_SOCKET_LINK)
        return send_link(socket, message);
    if (message->header.size > KW_LIMIT_HEADER || message->payload.size > KW_LIMIT_MESSAGE)
        return -EMSGSIZE;
    int error = send_wire(socket, message);
    if (error)
        return error;
    kw_buf_clear(&message->header);
    kw_buf_clear(&message->payload);
    return 0;
}

/* Drops what is left of a message that has too many frames or a wrong one. */
static void drop_rest(struct kw_socket *socket)
{
    int more = 0;
    size_t size = sizeof more;
    while (zmq_getsockopt(socket->raw, ZMQ_RCVMORE, &more, &size) == 0 && more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        int error = receive_frame(socket, &frame);
        zmq_msg_close(&frame);
        if (error)
            return;
    }
}

/* Replaces the bytes of buf; keeps its capacity. */
static int copy_frame(struct kw_buf *buf, zmq_msg_t *frame)
{
    buf->size = 0;
    return kw_buf_append(buf, zmq_msg_data(frame), zmq_msg_size(frame));
}

/* User-Id as ZAP set it on this very frame; nothing else names a peer. */
static int take_peer(struct kw_message *message, zmq_msg_t *frame)
{
    const char *peer = zmq_msg_gets(frame, "User-Id");
    size_t size = peer ? strlen(peer) : 0;
    if (size == 0 || size >= KW_PEER_SIZE)
        return -EBADMSG;
    memcpy(message->peer, peer, size + 1);
    return 0;
}

static int take_frame(struct kw_message *message, enum place place, zmq_msg_t *frame, bool router)
{
    const void *data = zmq_msg_data(frame);
    size_t size = zmq_msg_size(frame);
    switch (place) {
    case ROUTE:
        assert(size <= sizeof message->route);
        memcpy(message->route, data, size);
        message->route_size = (uint8_t)size;
        return 0;
    case MAGIC:
        if (router && take_peer(message, frame) < 0)
            return -EBADMSG;
        if (size == KW_MAGIC_SIZE && !memcmp(data, KW_MAGIC, size))
            return 0;
        return router && size > 2 && !memcmp(data, KW_MAGIC, 2) ? -EPROTONOSUPPORT : -EBADMSG;
    case VERB:
        if (!kw_verb_valid(data, size))
            return -EBADMSG;
        memcpy(message->verb, data, size);
        return 0;
    case REQUEST:
        if (size != sizeof message->request)
            return -EBADMSG;
        memcpy(message->request, data, size);
        return 0;
    case HEADER:
        return size <= KW_LIMIT_HEADER ? copy_frame(&message->header, frame) : -EBADMSG;
    default:
        return copy_frame(&message->payload, frame);
    }
}

static void reset(struct kw_message *message)
{
    message->header.size = message->payload.size = 0;
    memset(message->verb, 0, sizeof message->verb);
    memset(message->request, 0, sizeof message->request);
    message->peer[0] = 0;
    message->route_size = 0;
}

static int receive_frames(struct kw_socket *socket, struct kw_message *message)
{
    bool router = socket->kind == KW_SOCKET_ROUTER;
    int error = 0;
    bool more = true, begun = false;
    for (enum place place = router ? ROUTE : MAGIC; place < PLACES && more && !error; place++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        error = receive_frame(socket, &frame);
        if (error) {
            zmq_msg_close(&frame);
            return begun && error == -EAGAIN ? -EBADMSG : error;
        }
        if (!begun)
            reset(message);
        begun = true;
        more = zmq_msg_more(&frame);
        error = take_frame(message, place, &frame, router);
        if (!error && more != (place < PAYLOAD))
            error = -EBADMSG;
        zmq_msg_close(&frame);
    }
    if (error) {
        drop_rest(socket);
        memset(message->verb, 0, sizeof message->verb);
    }
    return error;
}

int kw_receive(struct kw_socket *socket, struct kw_message *ret_message)
{
    return socket->kind == KW_SOCKET_LINK ? receive_link(socket, ret_message) : receive_frames(socket, ret_message);
}
