/* SPDX-License-Identifier: Apache-2.0 */
/* pipe.c - messages over a stream socket pair to a child process.
 *
 * On the wire: u32 length of what follows ‖ verb, 16 bytes, NUL-padded ‖ request id, 8 bytes ‖ u32 header size ‖ header ‖
 * payload. Route and peer stay behind: a pipe has one other end. A message that breaks off in the middle shuts the pipe
 * for good, so that nobody takes its second half for a new one.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "private.h"

#define LENGTH   4
#define PREAMBLE (LENGTH + KW_VERB_SIZE + 8 + 4)
#define CHUNK    (64u << 10)

struct frame { /* a decoded preamble */
    char verb[KW_VERB_SIZE];
    uint8_t request[8];
    size_t header, payload;
};

struct kw_pipe {
    int fd;
    bool broken;
    struct kw_buf out; /* encoded, from out_done on not yet written */
    size_t out_done;
    struct kw_message partial; /* being received, when begun */
    struct frame frame;
    bool begun;
    size_t in_start, in_end;
    uint8_t in[CHUNK];
};

static uint32_t get_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void put_u32(uint8_t *bytes, size_t value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        bytes[i] = (uint8_t)value;
}

static int encode_preamble(const struct kw_message *message, uint8_t ret_bytes[PREAMBLE])
{
    size_t verb = strnlen(message->verb, KW_VERB_SIZE);
    assert(kw_verb_valid(message->verb, verb));
    size_t length = PREAMBLE - LENGTH + message->header.size + message->payload.size;
    if (message->header.size > KW_LIMIT_PIPE_MESSAGE || length > KW_LIMIT_PIPE_MESSAGE)
        return -EMSGSIZE;
    memset(ret_bytes, 0, PREAMBLE);
    put_u32(ret_bytes, length);
    memcpy(ret_bytes + LENGTH, message->verb, verb);
    memcpy(ret_bytes + LENGTH + KW_VERB_SIZE, message->request, sizeof message->request);
    put_u32(ret_bytes + PREAMBLE - 4, message->header.size);
    return 0;
}

static int decode_preamble(const uint8_t bytes[PREAMBLE], struct frame *ret_frame)
{
    size_t length = get_u32(bytes), header = get_u32(bytes + PREAMBLE - 4);
    struct frame frame = {.header = header};
    memcpy(frame.verb, bytes + LENGTH, KW_VERB_SIZE);
    memcpy(frame.request, bytes + LENGTH + KW_VERB_SIZE, sizeof frame.request);
    if (length < PREAMBLE - LENGTH || length > KW_LIMIT_PIPE_MESSAGE || header > length - (PREAMBLE - LENGTH) ||
        !kw_verb_valid(frame.verb, strnlen(frame.verb, KW_VERB_SIZE)))
        return -EBADMSG;
    frame.payload = length - (PREAMBLE - LENGTH) - header;
    *ret_frame = frame;
    return 0;
}

/* Room for the body, so that it can be read in place. */
static int prepare(struct kw_message *message, const struct frame *frame)
{
    message->header.size = message->payload.size = 0;
    int error = kw_buf_reserve(&message->header, frame->header + 1);
    if (!error)
        error = kw_buf_reserve(&message->payload, frame->payload + 1);
    if (error)
        return error;
    memcpy(message->verb, frame->verb, sizeof message->verb);
    memcpy(message->request, frame->request, sizeof message->request);
    message->peer[0] = 0;
    message->route_size = 0;
    message->header.data[frame->header] = 0;
    message->payload.data[frame->payload] = 0;
    return 0;
}

/* Where the next missing bytes of a body belong. */
static size_t body_parts(struct kw_message *message, const struct frame *frame, struct iovec ret_parts[2])
{
    ret_parts[0] = (struct iovec){message->header.data + message->header.size, frame->header - message->header.size};
    ret_parts[1] = (struct iovec){message->payload.data + message->payload.size, frame->payload - message->payload.size};
    return ret_parts[0].iov_len + ret_parts[1].iov_len;
}

static void body_arrived(struct kw_message *message, const struct frame *frame, size_t size)
{
    size_t header = frame->header - message->header.size;
    header = size < header ? size : header;
    message->header.size += header;
    message->payload.size += size - header;
}

/* Bytes moved, -EAGAIN, or -EPIPE when the other side is gone. */
static ssize_t write_some(int fd, struct iovec *parts, size_t count)
{
    struct msghdr out = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t done;
    do
        done = sendmsg(fd, &out, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (done < 0 && errno == EINTR);
    if (done >= 0)
        return done;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : -EPIPE;
}

static ssize_t read_some(int fd, struct iovec *parts, size_t count)
{
    struct msghdr in = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t done;
    do
        done = recvmsg(fd, &in, MSG_DONTWAIT);
    while (done < 0 && errno == EINTR);
    if (done > 0)
        return done;
    return done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? -EAGAIN : -EPIPE;
}

/* ---- waiting: for a process that has nothing else to do ----------------------- */

static int await(int fd, short events, int64_t end)
{
    for (;;) {
        int64_t left = end < 0 ? -1 : end - kw_clock_monotonic_ms();
        if (end >= 0 && left <= 0)
            return -ETIMEDOUT;
        struct pollfd item = {.fd = fd, .events = events};
        int ready = poll(&item, 1, (int)left);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return -errno;
    }
}

static void advance(struct iovec *parts, size_t count, size_t done)
{
    for (size_t i = 0; i < count && done > 0; i++) { /* an empty part may be NULL, which has no offset */
        size_t here = done < parts[i].iov_len ? done : parts[i].iov_len;
        if (here == 0)
            continue;
        parts[i].iov_base = (uint8_t *)parts[i].iov_base + here;
        parts[i].iov_len -= here;
        done -= here;
    }
}

/* Moves all bytes of parts. begun: the message has passed in part, its rest must follow. */
static int move_all(int fd, struct iovec *parts, size_t count, bool writing, int64_t end, bool begun)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        left += parts[i].iov_len;
    while (left > 0) {
        ssize_t done = writing ? write_some(fd, parts, count) : read_some(fd, parts, count);
        if (done > 0) {
            advance(parts, count, (size_t)done);
            left -= (size_t)done;
            begun = true;
            continue;
        }
        int error = done == -EAGAIN ? await(fd, writing ? POLLOUT : POLLIN, end) : (int)done;
        if (error) {
            if (begun)
                shutdown(fd, SHUT_RDWR);
            return error == -ETIMEDOUT || !begun ? error : -EPIPE;
        }
    }
    return 0;
}

static int64_t end_of(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : kw_clock_monotonic_ms() + timeout_ms;
}

int kw_pipe_send(int fd, const struct kw_message *message, int timeout_ms)
{
    uint8_t preamble[PREAMBLE];
    int error = encode_preamble(message, preamble);
    if (error)
        return error;
    struct iovec parts[] = {
        {preamble, PREAMBLE}, {message->header.data, message->header.size}, {message->payload.data, message->payload.size}};
    return move_all(fd, parts, KW_COUNT(parts), true, end_of(timeout_ms), false);
}

int kw_pipe_receive(int fd, struct kw_message *ret_message, int timeout_ms)
{
    uint8_t preamble[PREAMBLE];
    struct frame frame;
    int64_t end = end_of(timeout_ms);
    struct iovec parts[2] = {{preamble, PREAMBLE}};
    int error = move_all(fd, parts, 1, false, end, false);
    if (error)
        return error;
    error = decode_preamble(preamble, &frame);
    if (!error)
        error = prepare(ret_message, &frame);
    if (error) {
        shutdown(fd, SHUT_RDWR);
        return error;
    }
    body_parts(ret_message, &frame, parts);
    error = move_all(fd, parts, 2, false, end, true);
    if (!error)
        body_arrived(ret_message, &frame, frame.header + frame.payload);
    return error;
}

/* ---- never waiting: for an event loop ------------------------------------------- */

int kw_pipe_new(int fd, struct kw_pipe **ret_pipe)
{
    struct kw_pipe *pipe = kw_alloc(sizeof *pipe);
    if (!pipe)
        return -ENOMEM;
    pipe->fd = fd;
    *ret_pipe = pipe;
    return 0;
}

void kw_pipe_free(struct kw_pipe *pipe)
{
    if (!pipe)
        return;
    kw_message_clear(&pipe->partial);
    kw_buf_clear(&pipe->out);
    kw_free(pipe);
}

static int break_off(struct kw_pipe *pipe, int error)
{
    pipe->broken = true;
    shutdown(pipe->fd, SHUT_RDWR);
    return error;
}

size_t kw_pipe_queued(const struct kw_pipe *pipe)
{
    return pipe->out.size - pipe->out_done;
}

int kw_pipe_flush(struct kw_pipe *pipe)
{
    while (!pipe->broken && kw_pipe_queued(pipe) > 0) {
        struct iovec part = {pipe->out.data + pipe->out_done, kw_pipe_queued(pipe)};
        ssize_t done = write_some(pipe->fd, &part, 1);
        if (done == -EAGAIN)
            return -EAGAIN;
        if (done < 0)
            return break_off(pipe, -EPIPE);
        pipe->out_done += (size_t)done;
    }
    pipe->out.size = pipe->out_done = 0;
    return pipe->broken ? -EPIPE : 0;
}

/* Appends what was not written at once; all or nothing. */
static int queue_rest(struct kw_pipe *pipe, const struct iovec *parts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (pipe->out_done > 0) {
        memmove(pipe->out.data, pipe->out.data + pipe->out_done, kw_pipe_queued(pipe));
        pipe->out.size -= pipe->out_done;
        pipe->out_done = 0;
    }
    int error = kw_buf_reserve(&pipe->out, size + 1);
    for (size_t i = 0; i < count && !error; i++)
        if (parts[i].iov_len)
            error = kw_buf_append(&pipe->out, parts[i].iov_base, parts[i].iov_len);
    return error;
}

int kw_pipe_put(struct kw_pipe *pipe, const struct kw_message *message)
{
    uint8_t preamble[PREAMBLE];
    int error = encode_preamble(message, preamble);
    if (error)
        return error;
    error = kw_pipe_flush(pipe);
    if (error == -EPIPE)
        return error;
    size_t size = PREAMBLE + message->header.size + message->payload.size;
    if (kw_pipe_queued(pipe) > 0 && kw_pipe_queued(pipe) + size > KW_LIMIT_PIPE_MESSAGE)
        return -EAGAIN;
    struct iovec parts[] = {
        {preamble, PREAMBLE}, {message->header.data, message->header.size}, {message->payload.data, message->payload.size}};
    ssize_t done = kw_pipe_queued(pipe) > 0 ? -EAGAIN : write_some(pipe->fd, parts, KW_COUNT(parts));
    if (done == -EPIPE)
        return break_off(pipe, -EPIPE);
    if (done > 0)
        advance(parts, KW_COUNT(parts), (size_t)done);
    error = done == (ssize_t)size ? 0 : queue_rest(pipe, parts, KW_COUNT(parts));
    return error && done > 0 ? break_off(pipe, -EPIPE) : error;
}

/* Takes what the chunk has for the message that is being received. */
static int take_chunk(struct kw_pipe *pipe)
{
    if (!pipe->begun && pipe->in_end - pipe->in_start >= PREAMBLE) {
        int error = decode_preamble(pipe->in + pipe->in_start, &pipe->frame);
        if (!error)
            error = prepare(&pipe->partial, &pipe->frame);
        if (error)
            return break_off(pipe, error);
        pipe->in_start += PREAMBLE;
        pipe->begun = true;
    }
    if (!pipe->begun)
        return -EAGAIN;
    struct iovec parts[2];
    size_t missing = body_parts(&pipe->partial, &pipe->frame, parts), here = pipe->in_end - pipe->in_start;
    here = here < missing ? here : missing;
    size_t first = here < parts[0].iov_len ? here : parts[0].iov_len;
    memcpy(parts[0].iov_base, pipe->in + pipe->in_start, first);
    memcpy(parts[1].iov_base, pipe->in + pipe->in_start + first, here - first);
    pipe->in_start += here;
    body_arrived(&pipe->partial, &pipe->frame, here);
    return here == missing ? 0 : -EAGAIN;
}

/* Reads once: a long body in place, all else into the chunk. */
static int fill(struct kw_pipe *pipe)
{
    struct iovec parts[3];
    size_t body = pipe->begun ? body_parts(&pipe->partial, &pipe->frame, parts) : 0;
    if (pipe->in_start > 0) {
        memmove(pipe->in, pipe->in + pipe->in_start, pipe->in_end - pipe->in_start);
        pipe->in_end -= pipe->in_start;
        pipe->in_start = 0;
    }
    size_t count = pipe->begun ? 2 : 0;
    parts[count++] = (struct iovec){pipe->in + pipe->in_end, CHUNK - pipe->in_end};
    ssize_t done = read_some(pipe->fd, parts, count);
    if (done < 0)
        return done == -EAGAIN ? -EAGAIN : break_off(pipe, -EPIPE);
    size_t direct = (size_t)done < body ? (size_t)done : body;
    if (pipe->begun)
        body_arrived(&pipe->partial, &pipe->frame, direct);
    pipe->in_end += (size_t)done - direct;
    return 0;
}

int kw_pipe_get(struct kw_pipe *pipe, struct kw_message *ret_message)
{
    int error = take_chunk(pipe);
    while (error == -EAGAIN) {
        error = pipe->broken ? -EPIPE : fill(pipe);
        if (error)
            return error;
        error = take_chunk(pipe);
    }
    if (error)
        return error;
    struct kw_message spent = *ret_message; /* its memory serves the next message */
    *ret_message = pipe->partial;
    pipe->partial = spent;
    pipe->begun = false;
    return 0;
}
