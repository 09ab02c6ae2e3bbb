/* SPDX-License-Identifier: Apache-2.0 */
/* test_pipe.c - messages over a socket pair: partial writes, big messages, both directions full, hostile bytes. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/limits.h"
#include "bus/bus.h"

struct ends {
    int fd[2];
};

static int open_ends(void **state)
{
    static struct ends ends;
    *state = &ends;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.fd);
}

static int close_ends(void **state)
{
    struct ends *ends = *state;
    for (int i = 0; i < 2; i++)
        if (ends->fd[i] >= 0)
            close(ends->fd[i]);
    return 0;
}

static void fill_message(struct kw_message *message, uint64_t number, size_t size)
{
    strcpy(message->verb, "ITEM");
    kw_request_set(message, number);
    message->header.size = message->payload.size = 0;
    assert_int_equal(kw_buf_format(&message->header, "{\"n\":%lu}", (unsigned long)number), 0);
    assert_int_equal(kw_buf_reserve(&message->payload, size + 1), 0);
    for (size_t i = 0; i < size; i++)
        message->payload.data[i] = (uint8_t)(i * 7 + number);
    message->payload.size = size;
}

static void check_message(const struct kw_message *message, uint64_t number, size_t size)
{
    char header[40];
    snprintf(header, sizeof header, "{\"n\":%lu}", (unsigned long)number);
    assert_string_equal(message->verb, "ITEM");
    assert_int_equal(kw_request_number(message), number);
    assert_string_equal((const char *)message->header.data, header);
    assert_int_equal(message->payload.size, size);
    for (size_t i = 0; i < size; i++)
        if (message->payload.data[i] != (uint8_t)(i * 7 + number))
            fail_msg("byte %zu differs", i);
}

static void a_small_message_passes_unchanged(void **state)
{
    struct ends *ends = *state;
    struct kw_message out = {0}, in = {0};
    fill_message(&out, 9, 10);
    assert_int_equal(kw_pipe_receive(ends->fd[1], &in, 0), -ETIMEDOUT);
    assert_int_equal(kw_pipe_send(ends->fd[0], &out, 1000), 0);
    assert_int_equal(kw_pipe_receive(ends->fd[1], &in, 1000), 0);
    check_message(&in, 9, 10);
    struct kw_message empty = {.verb = "STOP"};
    assert_int_equal(kw_pipe_send(ends->fd[0], &empty, 1000), 0);
    assert_int_equal(kw_pipe_receive(ends->fd[1], &in, 1000), 0);
    assert_string_equal(in.verb, "STOP");
    assert_int_equal(in.header.size + in.payload.size, 0);
    kw_message_clear(&out);
    kw_message_clear(&in);
}

static const size_t sizes[] = {0, 1, 1000, 65535, 65536, 65537, 200000, 3000000, 5};

static void *send_all(void *argument)
{
    struct kw_message out = {0};
    for (size_t i = 0; i < KW_COUNT(sizes); i++) {
        fill_message(&out, i, sizes[i]);
        assert_int_equal(kw_pipe_send(*(int *)argument, &out, 5000), 0);
    }
    kw_message_clear(&out);
    return NULL;
}

static void big_messages_pass_both_ways_of_reading(void **state)
{
    struct ends *ends = *state;
    struct kw_message in = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_all, &ends->fd[0]), 0);
    for (size_t i = 0; i < KW_COUNT(sizes); i++) {
        assert_int_equal(kw_pipe_receive(ends->fd[1], &in, 5000), 0);
        check_message(&in, i, sizes[i]);
    }
    pthread_join(thread, NULL);
    struct kw_pipe *pipe = NULL;
    assert_int_equal(kw_pipe_new(ends->fd[1], &pipe), 0);
    assert_int_equal(pthread_create(&thread, NULL, send_all, &ends->fd[0]), 0);
    for (size_t i = 0; i < KW_COUNT(sizes);) {
        int error = kw_pipe_get(pipe, &in);
        if (!error)
            check_message(&in, i, sizes[i]), i++;
        else
            assert_int_equal(error, -EAGAIN);
        struct pollfd item = {.fd = ends->fd[1], .events = POLLIN};
        if (error)
            poll(&item, 1, 1000);
    }
    pthread_join(thread, NULL);
    kw_pipe_free(pipe);
    kw_message_clear(&in);
}

/* A child that answers each message with itself, waiting at both ends. */
static void *echo(void *argument)
{
    struct kw_message message = {0};
    while (!kw_pipe_receive(*(int *)argument, &message, 5000) && strcmp(message.verb, "STOP") != 0)
        assert_int_equal(kw_pipe_send(*(int *)argument, &message, 5000), 0);
    kw_message_clear(&message);
    return NULL;
}

static void both_directions_full_still_move(void **state)
{
    struct ends *ends = *state;
    struct kw_message out = {0}, in = {0};
    struct kw_pipe *pipe = NULL;
    pthread_t thread;
    assert_int_equal(kw_pipe_new(ends->fd[0], &pipe), 0);
    uint64_t sent = 0, got = 0;
    int error = 0;
    while (!error) { /* nobody reads yet: the queue has a bound */
        fill_message(&out, sent, 700000);
        error = kw_pipe_put(pipe, &out);
        sent += !error;
    }
    assert_int_equal(error, -EAGAIN);
    assert_in_range(sent, 10, 13);
    assert_int_equal(pthread_create(&thread, NULL, echo, &ends->fd[1]), 0);
    while (got < 60) {
        if (sent < 60) {
            fill_message(&out, sent, 700000);
            error = kw_pipe_put(pipe, &out);
            assert_true(error == 0 || error == -EAGAIN);
            sent += !error;
        }
        while (!kw_pipe_get(pipe, &in))
            check_message(&in, got++, 700000);
        struct kw_poll item = {.fd = ends->fd[0], .want_write = kw_pipe_queued(pipe) > 0};
        assert_int_equal(kw_poll(&item, 1, sent < 60 ? 1 : 1000), 0);
        if (item.writable) {
            error = kw_pipe_flush(pipe);
            assert_true(error == 0 || error == -EAGAIN);
        }
    }
    struct kw_message stop = {.verb = "STOP"};
    assert_int_equal(kw_pipe_put(pipe, &stop), 0);
    pthread_join(thread, NULL);
    kw_pipe_free(pipe);
    kw_message_clear(&out);
    kw_message_clear(&in);
}

static void many_messages_in_one_read(void **state)
{
    struct ends *ends = *state;
    struct kw_message out = {0}, in = {0};
    struct kw_pipe *pipe = NULL;
    assert_int_equal(kw_pipe_new(ends->fd[1], &pipe), 0);
    for (uint64_t i = 0; i < 100; i++) {
        fill_message(&out, i, (size_t)i);
        assert_int_equal(kw_pipe_send(ends->fd[0], &out, 100), 0);
    }
    close(ends->fd[0]);
    ends->fd[0] = -1;
    for (uint64_t i = 0; i < 100; i++) { /* the end comes after all that was sent */
        assert_int_equal(kw_pipe_get(pipe, &in), 0);
        check_message(&in, i, (size_t)i);
    }
    assert_int_equal(kw_pipe_get(pipe, &in), -EPIPE);
    assert_int_equal(kw_pipe_put(pipe, &out), -EPIPE);
    kw_pipe_free(pipe);
    kw_message_clear(&out);
    kw_message_clear(&in);
}

static void a_message_sent_byte_by_byte_arrives(void **state)
{
    struct ends *ends = *state;
    int other[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
    struct kw_message out = {0}, in = {0};
    struct kw_pipe *pipe = NULL;
    uint8_t bytes[200];
    fill_message(&out, 3, 50);
    assert_int_equal(kw_pipe_send(other[0], &out, 100), 0);
    ssize_t size = read(other[1], bytes, sizeof bytes);
    assert_int_equal(kw_pipe_new(ends->fd[1], &pipe), 0);
    for (ssize_t i = 0; i < size; i++) {
        assert_int_equal(kw_pipe_get(pipe, &in), -EAGAIN);
        assert_int_equal(write(ends->fd[0], bytes + i, 1), 1);
    }
    assert_int_equal(kw_pipe_get(pipe, &in), 0);
    check_message(&in, 3, 50);
    kw_pipe_free(pipe);
    kw_message_clear(&out);
    kw_message_clear(&in);
    close(other[0]);
    close(other[1]);
}

static void a_message_that_breaks_off_shuts_the_pipe(void **state)
{
    struct ends *ends = *state;
    struct kw_message out = {0}, in = {0};
    fill_message(&out, 1, 2000000);
    assert_int_equal(kw_pipe_send(ends->fd[0], &out, 50), -ETIMEDOUT); /* nobody reads */
    assert_int_equal(kw_pipe_send(ends->fd[0], &out, 50), -EPIPE);
    assert_int_equal(kw_pipe_receive(ends->fd[1], &in, 50), -EPIPE);
    kw_message_clear(&out);
    kw_message_clear(&in);
}

static void hostile_bytes_are_refused(void **state)
{
    static const struct {
        uint8_t bytes[32];
    } cases[] = {
        {{0, 0, 0, 5, 'S', 'T', 'O', 'P'}},             /* shorter than a preamble */
        {{0xff, 0xff, 0xff, 0xff, 'S', 'T', 'O', 'P'}}, /* 4 GiB */
        {{0, 0, 0, 28, 's', 't', 'o', 'p'}},            /* no verb */
        {{0, 0, 0, 28}},                                /* an empty one */
        {{0, 0, 0, 28, 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A'}}, /* an endless one */
        {{[3] = 28, [4] = 'A', [31] = 1}},                                                               /* header beyond the end */
    };
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        int fd[2];
        struct kw_message in = {0};
        struct kw_pipe *pipe = NULL;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
        assert_int_equal(write(fd[0], cases[i].bytes, 32), 32);
        assert_int_equal(kw_pipe_receive(fd[1], &in, 100), -EBADMSG);
        close(fd[0]);
        close(fd[1]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
        assert_int_equal(write(fd[0], cases[i].bytes, 32), 32);
        assert_int_equal(kw_pipe_new(fd[1], &pipe), 0);
        assert_int_equal(kw_pipe_get(pipe, &in), -EBADMSG);
        assert_true(kw_pipe_get(pipe, &in) < 0);
        kw_pipe_free(pipe);
        kw_message_clear(&in);
        close(fd[0]);
        close(fd[1]);
    }
}

static void too_large_is_refused_before_a_byte_is_sent(void **state)
{
    struct ends *ends = *state;
    struct kw_message out = {0}, in = {0};
    fill_message(&out, 1, KW_LIMIT_PIPE_MESSAGE);
    assert_int_equal(kw_pipe_send(ends->fd[0], &out, 50), -EMSGSIZE);
    assert_int_equal(kw_pipe_receive(ends->fd[1], &in, 0), -ETIMEDOUT);
    kw_message_clear(&out);
}

int main(void)
{
#define ENDS(test) cmocka_unit_test_setup_teardown(test, open_ends, close_ends)
    const struct CMUnitTest tests[] = {
        ENDS(a_small_message_passes_unchanged),      ENDS(big_messages_pass_both_ways_of_reading),
        ENDS(both_directions_full_still_move),       ENDS(many_messages_in_one_read),
        ENDS(a_message_sent_byte_by_byte_arrives),   ENDS(a_message_that_breaks_off_shuts_the_pipe),
        cmocka_unit_test(hostile_bytes_are_refused), ENDS(too_large_is_refused_before_a_byte_is_sent),
    };
    return cmocka_run_group_tests_name("bus pipe", tests, NULL, NULL);
}
