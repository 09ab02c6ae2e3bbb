/* SPDX-License-Identifier: Apache-2.0 */
/* test_actor.c - actors, their pipes and links. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "bus/bus.h"

static struct kw_bus *bus;

static int open_bus(void **state)
{
    return kw_bus_new(&bus, NULL);
}

static int close_bus(void **state)
{
    kw_bus_free(bus);
    return 0;
}

static int wait_receive(struct kw_socket *socket, struct kw_message *ret_message)
{
    struct kw_poll item = {.socket = socket};
    int error;
    while ((error = kw_receive(socket, ret_message)) == -EAGAIN)
        if (kw_poll(&item, 1, 2000) < 0 || !item.readable)
            return -ETIMEDOUT;
    return error;
}

/* Answers every message with its own content until STOP. */
static int echo(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    struct kw_message message = {0};
    int error = kw_actor_ready(self);
    while (!error && !(error = wait_receive(pipe, &message)) && strcmp(message.verb, "STOP") != 0)
        error = kw_send(pipe, &message);
    kw_message_clear(&message);
    return error ? error : *(int *)argument;
}

static void an_actor_echoes_and_stops_with_its_answer(void **state)
{
    int answer = 42;
    struct kw_actor *actor = NULL;
    assert_int_equal(kw_actor_start(bus, "echo", echo, &answer, &actor, NULL), 0);
    struct kw_message message = {.verb = "HALLO"};
    assert_int_equal(kw_buf_text(&message.payload, "payload"), 0);
    const uint8_t *bytes = message.payload.data;
    assert_int_equal(kw_send(kw_actor_pipe(actor), &message), 0);
    assert_int_equal(message.payload.size, 0);
    assert_int_equal(wait_receive(kw_actor_pipe(actor), &message), 0);
    assert_string_equal(message.verb, "HALLO");
    assert_ptr_equal(message.payload.data, bytes); /* changed hands, never copied */
    kw_message_clear(&message);
    assert_int_equal(kw_actor_stop(actor), 42);
}

static int fails(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    return kw_fail(fault, -ENOENT, KW_E_FILE, "journal.db", "not there");
}

static int fails_silently(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    return 0;
}

static void an_actor_that_fails_at_start_says_why(void **state)
{
    struct kw_actor *actor = NULL;
    struct kw_fault fault = {0};
    assert_int_equal(kw_actor_start(bus, "fails", fails, NULL, &actor, &fault), -ENOENT);
    assert_null(actor);
    assert_int_equal(fault.code, KW_E_FILE);
    assert_string_equal(fault.place, "journal.db");
    assert_true(kw_actor_start(bus, "silent", fails_silently, NULL, &actor, &fault) < 0);
    assert_null(actor);
}

static int ends(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    int error = kw_actor_ready(self);
    return error ? error : -EIO;
}

static void an_actor_that_ends_by_itself_is_noticed(void **state)
{
    struct kw_actor *actor = NULL;
    struct kw_message message = {0};
    assert_int_equal(kw_actor_start(bus, "ends", ends, NULL, &actor, NULL), 0);
    assert_int_equal(wait_receive(kw_actor_pipe(actor), &message), 0);
    assert_string_equal(message.verb, "ENDED");
    kw_message_clear(&message);
    assert_int_equal(kw_actor_stop(actor), -EIO);
}

static int slow(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    struct kw_message message = {0};
    int error = kw_actor_ready(self);
    long *count = argument;
    usleep(100000);
    while (!error && !(error = wait_receive(pipe, &message)) && strcmp(message.verb, "STOP") != 0)
        ++*count;
    kw_message_clear(&message);
    return error;
}

static void a_full_pipe_refuses_and_stop_still_comes_last(void **state)
{
    long count = 0, sent = 0;
    struct kw_actor *actor = NULL;
    assert_int_equal(kw_actor_start(bus, "slow", slow, &count, &actor, NULL), 0);
    struct kw_message message = {.verb = "WORK"};
    while (!kw_send(kw_actor_pipe(actor), &message))
        sent++;
    assert_true(sent >= 1000);
    assert_int_equal(kw_actor_stop(actor), 0);
    assert_int_equal(count, sent);
}

static void a_link_carries_what_was_sent_before_its_end_closed(void **state)
{
    struct kw_socket *a = NULL, *b = NULL;
    assert_int_equal(kw_link_new(bus, &a, &b, NULL), 0);
    struct kw_message message = {.verb = "LAST"};
    assert_int_equal(kw_buf_text(&message.payload, "words"), 0);
    assert_int_equal(kw_send(a, &message), 0);
    kw_socket_closep(&a);
    assert_null(a);
    assert_int_equal(wait_receive(b, &message), 0);
    assert_true(kw_view_is(kw_view_of(&message.payload), "words"));
    assert_int_equal(kw_receive(b, &message), -EAGAIN);
    int error = 0;
    for (int i = 0; i < 200 && !error; i++) { /* closing takes effect in the background; then: nobody there, kept */
        message.payload.size = 0;
        assert_int_equal(kw_buf_text(&message.payload, "words"), 0);
        error = kw_send(b, &message);
        usleep(1000);
    }
    assert_int_equal(error, -EAGAIN);
    assert_int_equal(message.payload.size, 5);
    kw_message_clear(&message);
    kw_socket_close(b);
}

static void unread_messages_are_freed_with_their_link(void **state)
{
    struct kw_socket *a = NULL, *b = NULL;
    assert_int_equal(kw_link_new(bus, &a, &b, NULL), 0);
    struct kw_message message = {.verb = "LOST"};
    assert_int_equal(kw_buf_text(&message.payload, "freed; the address sanitizer would tell"), 0);
    assert_int_equal(kw_send(a, &message), 0);
    kw_socket_close(a);
    kw_socket_close(b);
}

static void poll_watches_sockets_and_descriptors_together(void **state)
{
    struct kw_socket *a = NULL, *b = NULL;
    int fds[2];
    assert_int_equal(kw_link_new(bus, &a, &b, NULL), 0);
    assert_int_equal(pipe(fds), 0);
    struct kw_poll items[] = {{.socket = b}, {.fd = fds[0]}, {.fd = fds[1], .want_write = true}};
    assert_int_equal(kw_poll(items, 2, 0), 0);
    assert_false(items[0].readable || items[1].readable);
    struct kw_message message = {.verb = "GO"};
    assert_int_equal(kw_send(a, &message), 0);
    assert_int_equal(kw_poll(items, 3, 1000), 0);
    assert_true(items[0].readable);
    assert_false(items[1].readable);
    assert_true(items[2].writable);
    assert_int_equal(kw_receive(b, &message), 0);
    assert_int_equal(kw_receive(b, &message), -EAGAIN);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(kw_poll(items, 2, 1000), 0);
    assert_true(!items[0].readable && items[1].readable);
    char byte;
    assert_int_equal(read(fds[0], &byte, 1), 1);
    close(fds[1]);
    assert_int_equal(kw_poll(items, 2, 1000), 0);
    assert_true(items[1].readable); /* its end is something to read */
    close(fds[0]);
    kw_socket_close(a);
    kw_socket_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_actor_echoes_and_stops_with_its_answer),
        cmocka_unit_test(an_actor_that_fails_at_start_says_why),
        cmocka_unit_test(an_actor_that_ends_by_itself_is_noticed),
        cmocka_unit_test(a_full_pipe_refuses_and_stop_still_comes_last),
        cmocka_unit_test(a_link_carries_what_was_sent_before_its_end_closed),
        cmocka_unit_test(unread_messages_are_freed_with_their_link),
        cmocka_unit_test(poll_watches_sockets_and_descriptors_together),
    };
    return cmocka_run_group_tests_name("bus actor", tests, open_bus, close_bus);
}
