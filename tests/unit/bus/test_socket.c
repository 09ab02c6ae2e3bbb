/* SPDX-License-Identifier: Apache-2.0 */
/* test_socket.c - CURVE sockets: strangers are refused, bounds hold, nothing blocks, a vanished peer is told. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zmq.h>

#include "base/limits.h"
#include "bus/bus.h"
#include "crypto/crypto.h"

struct world {
    struct kw_bus *bus;
    struct kw_zap *zap;
    struct kw_curve server, client;
    struct kw_socket *router;
};

static int open_world(void **state)
{
    static struct world world;
    world = (struct world){0};
    assert_int_equal(kw_bus_new(&world.bus, NULL), 0);
    assert_int_equal(kw_curve_new(&world.server), 0);
    assert_int_equal(kw_curve_new(&world.client), 0);
    assert_int_equal(kw_zap_start(world.bus, &world.zap, NULL), 0);
    assert_int_equal(kw_zap_allow(world.zap, world.client.public_key, "ro-civil"), 0);
    assert_int_equal(kw_router_bind(world.bus, "tcp://127.0.0.1:0", &world.server, &world.router, NULL), 0);
    *state = &world;
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    kw_socket_close(world->router);
    kw_zap_stop(world->zap);
    kw_bus_free(world->bus);
    kw_curve_clear(&world->server);
    kw_curve_clear(&world->client);
    return 0;
}

static struct kw_socket *connect_with(struct world *world, const struct kw_curve *key)
{
    struct kw_socket *dealer = NULL;
    struct kw_fault fault;
    assert_int_equal(
        kw_dealer_connect(world->bus, kw_socket_endpoint(world->router), key, world->server.public_key, &dealer, &fault), 0);
    return dealer;
}

static int send_soon(struct kw_socket *socket, struct kw_message *message, int timeout_ms)
{
    int64_t end = kw_clock_monotonic_ms() + timeout_ms;
    int error;
    while ((error = kw_send(socket, message)) == -EAGAIN && kw_clock_monotonic_ms() < end) {
        struct kw_poll item = {.socket = socket, .want_write = true};
        assert_int_equal(kw_poll(&item, 1, 50), 0);
    }
    return error;
}

static int receive_soon(struct kw_socket *socket, struct kw_message *ret_message, int timeout_ms)
{
    int64_t end = kw_clock_monotonic_ms() + timeout_ms;
    int error;
    while ((error = kw_receive(socket, ret_message)) == -EAGAIN && kw_clock_monotonic_ms() < end) {
        struct kw_poll item = {.socket = socket};
        assert_int_equal(kw_poll(&item, 1, 50), 0);
    }
    return error;
}

static void a_known_peer_is_heard_by_its_name(void **state)
{
    struct world *world = *state;
    struct kw_socket *dealer = connect_with(world, &world->client);
    struct kw_message out = {.verb = "PING"}, in = {0}, answer = {0};
    kw_request_set(&out, 0x0102030405060708);
    assert_int_equal(kw_buf_text(&out.header, "{}"), 0);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(kw_put_item(&out.payload, "0123456789", 10), 0);
    assert_int_equal(send_soon(dealer, &out, 3000), 0);
    assert_int_equal(out.header.size, 0); /* taken */
    assert_null(out.payload.data);
    assert_int_equal(receive_soon(world->router, &in, 3000), 0);
    assert_string_equal(in.verb, "PING");
    assert_string_equal(in.peer, "ro-civil");
    assert_int_equal(kw_request_number(&in), 0x0102030405060708);
    assert_true(kw_view_is(kw_view_of(&in.header), "{}"));
    assert_int_equal(in.payload.size, 20000 * 14);
    assert_int_equal(kw_message_error(&answer, &in, KW_E_BUSY, "say \"please\"\n"), 0);
    assert_int_equal(kw_send(world->router, &answer), 0);
    assert_int_equal(receive_soon(dealer, &out, 3000), 0);
    assert_string_equal(out.verb, "ERROR");
    assert_int_equal(kw_request_number(&out), 0x0102030405060708);
    assert_string_equal((char *)out.header.data, "{\"code\":\"busy\",\"detail\":\"say \\\"please\\\"?\",\"retryable\":true}");
    kw_message_clear(&in);
    kw_message_clear(&out);
    kw_socket_close(dealer);
}

static void assert_stranger_unheard(struct world *world)
{
    struct kw_curve key;
    assert_int_equal(kw_curve_new(&key), 0);
    struct kw_socket *dealer = connect_with(world, &key);
    struct kw_message out = {.verb = "PING"}, in = {0};
    (void)send_soon(dealer, &out, 400);
    assert_int_equal(receive_soon(world->router, &in, 300), -EAGAIN);
    kw_message_clear(&out);
    kw_socket_close(dealer);
    kw_curve_clear(&key);
}

static void a_stranger_is_refused(void **state)
{
    struct world *world = *state;
    assert_stranger_unheard(world);
    struct kw_fault fault = {0};
    assert_int_equal(kw_curve_self_test(world->bus, kw_socket_endpoint(world->router), world->server.public_key, 3000, &fault), 0);
}

static size_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* A monitor whose reader has gone would hold the thread that closes sockets, or the one that serves them. */
static void the_self_test_leaves_nothing_behind(void **state)
{
    struct world *world = *state;
    struct kw_fault fault = {0};
    size_t before = count_descriptors();
    for (int i = 0; i < 100; i++)
        assert_int_equal(kw_curve_self_test(world->bus, kw_socket_endpoint(world->router), world->server.public_key, 9000, &fault),
                         0);
    for (int i = 0; i < 20; i++)
        kw_socket_close(connect_with(world, &world->client));
    int64_t end = kw_clock_monotonic_ms() + 9000;
    while (count_descriptors() > before + 8 && kw_clock_monotonic_ms() < end)
        assert_int_equal(kw_poll(NULL, 0, 20), 0);
    assert_in_range(count_descriptors(), 0, before + 8);
}

static void a_stranger_is_refused_when_the_handler_is_gone(void **state)
{
    struct world *world = *state;
    kw_zap_stop(world->zap);
    world->zap = NULL;
    assert_stranger_unheard(world);
    /* The self-test fails, too: nobody is there to refuse. */
    struct kw_fault fault = {0};
    assert_int_equal(kw_curve_self_test(world->bus, kw_socket_endpoint(world->router), world->server.public_key, 400, &fault),
                     -ETIMEDOUT);
}

static void the_self_test_notices_an_open_door(void **state)
{
    struct world *world = *state;
    kw_zap_stop(world->zap);
    world->zap = NULL;
    void *context = zmq_ctx_new(), *open = zmq_socket(context, ZMQ_ROUTER); /* a server without ZAP lets everybody in */
    char endpoint[128];
    size_t size = sizeof endpoint;
    int on = 1;
    assert_int_equal(zmq_setsockopt(open, ZMQ_CURVE_SERVER, &on, sizeof on), 0);
    assert_int_equal(zmq_setsockopt(open, ZMQ_CURVE_SECRETKEY, world->server.secret, 32), 0);
    assert_int_equal(zmq_bind(open, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(open, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    struct kw_fault fault = {0};
    assert_int_equal(kw_curve_self_test(world->bus, endpoint, world->server.public_key, 3000, &fault), -EACCES);
    assert_int_equal(fault.code, KW_E_UNAUTHENTICATED);
    zmq_close(open);
    zmq_ctx_term(context);
}

static void a_denied_key_is_refused_at_its_next_connection(void **state)
{
    struct world *world = *state;
    assert_int_equal(kw_zap_deny(world->zap, world->client.public_key), 0);
    assert_int_equal(kw_zap_deny(world->zap, world->client.public_key), -ENOENT);
    struct kw_socket *dealer = connect_with(world, &world->client);
    struct kw_message out = {.verb = "PING"}, in = {0};
    (void)send_soon(dealer, &out, 300);
    assert_int_equal(receive_soon(world->router, &in, 300), -EAGAIN);
    kw_socket_close(dealer);
}

static void many_keys_are_told_apart(void **state)
{
    struct world *world = *state;
    for (uint32_t i = 0; i < 1000; i++) {
        uint8_t key[32] = {(uint8_t)(i * 37), (uint8_t)(i >> 8), (uint8_t)i};
        char name[32];
        snprintf(name, sizeof name, "peer-%u", i);
        assert_int_equal(kw_zap_allow(world->zap, key, name), 0);
        assert_int_equal(kw_zap_allow(world->zap, key, name), 0); /* again is fine */
    }
    for (uint32_t i = 0; i < 1000; i += 2) {
        uint8_t key[32] = {(uint8_t)(i * 37), (uint8_t)(i >> 8), (uint8_t)i};
        assert_int_equal(kw_zap_deny(world->zap, key), 0);
    }
    struct kw_socket *dealer = connect_with(world, &world->client);
    struct kw_message out = {.verb = "PING"}, in = {0};
    assert_int_equal(send_soon(dealer, &out, 3000), 0);
    assert_int_equal(receive_soon(world->router, &in, 3000), 0);
    assert_string_equal(in.peer, "ro-civil");
    kw_message_clear(&in);
    kw_socket_close(dealer);
    uint8_t key[32] = {1};
    char name[KW_PEER_SIZE + 1];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(kw_zap_allow(world->zap, key, name), -EINVAL);
    assert_int_equal(kw_zap_allow(world->zap, key, ""), -EINVAL);
}

/* A client of its own making, with the same key. */
static void *raw_dealer(struct world *world, void *context)
{
    void *raw = zmq_socket(context, ZMQ_DEALER);
    int zero = 0;
    zmq_setsockopt(raw, ZMQ_LINGER, &zero, sizeof zero);
    assert_int_equal(zmq_setsockopt(raw, ZMQ_CURVE_SERVERKEY, world->server.public_key, 32), 0);
    assert_int_equal(zmq_setsockopt(raw, ZMQ_CURVE_PUBLICKEY, world->client.public_key, 32), 0);
    assert_int_equal(zmq_setsockopt(raw, ZMQ_CURVE_SECRETKEY, world->client.secret, 32), 0);
    assert_int_equal(zmq_connect(raw, kw_socket_endpoint(world->router)), 0);
    return raw;
}

static void send_frames(void *raw, const char *const *frames)
{
    for (size_t i = 0; frames[i]; i++)
        assert_true(zmq_send(raw, frames[i], strlen(frames[i]), frames[i + 1] ? ZMQ_SNDMORE : 0) >= 0);
}

static void wrong_frames_are_refused_with_route_and_peer(void **state)
{
    struct world *world = *state;
    static const char *const cases[][9] = {
        {"KW1", NULL},
        {"KW1", "PING", "1234567", "{}", "", NULL},
        {"KW1", "PING", "12345678", "{}", NULL},
        {"KW1", "PING", "12345678", "{}", "", "more", "and more", NULL},
        {"KW1", "ping", "12345678", "{}", "", NULL},
        {"KW1", "PINGPINGPINGPING", "12345678", "{}", "", NULL},
        {"KW1", "", "12345678", "{}", "", NULL},
    };
    void *context = zmq_ctx_new(), *raw = raw_dealer(world, context);
    struct kw_message in = {0};
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        send_frames(raw, cases[i]);
        assert_int_equal(receive_soon(world->router, &in, 3000), -EBADMSG);
        assert_string_equal(in.verb, "");
        assert_string_equal(in.peer, "ro-civil");
        assert_true(in.route_size > 0);
    }
    send_frames(raw, (const char *const[]){"KW2", "PING", "12345678", "{}", "", NULL});
    assert_int_equal(receive_soon(world->router, &in, 3000), -EPROTONOSUPPORT);
    assert_string_equal(in.peer, "ro-civil");
    struct kw_message answer = {0}; /* it can be told so */
    assert_int_equal(kw_message_error(&answer, &in, KW_E_FRAMES, ""), 0);
    assert_int_equal(kw_send(world->router, &answer), 0);
    send_frames(raw, (const char *const[]){"KW1", "PING", "12345678", "{}", "", NULL});
    assert_int_equal(receive_soon(world->router, &in, 3000), 0);
    char *header = kw_alloc(KW_LIMIT_HEADER + 2);
    memset(header, 'h', KW_LIMIT_HEADER + 1);
    send_frames(raw, (const char *const[]){"KW1", "PING", "12345678", header, "", NULL});
    assert_int_equal(receive_soon(world->router, &in, 3000), -EBADMSG);
    kw_free(header);
    kw_message_clear(&in);
    zmq_close(raw);
    zmq_ctx_term(context);
}

static void a_frame_beyond_the_limit_cuts_the_peer(void **state)
{
    struct world *world = *state;
    void *context = zmq_ctx_new(), *raw = raw_dealer(world, context);
    static uint8_t big[KW_LIMIT_MESSAGE + 1024];
    send_frames(raw, (const char *const[]){"KW1", "PING", "12345678", "{}", "", NULL});
    struct kw_message in = {0};
    assert_int_equal(receive_soon(world->router, &in, 3000), 0);
    struct kw_message late = {0};
    kw_message_answer(&late, &in, "LATE");
    const char *const start[] = {"KW1", "BIG", "12345678", "{}"};
    for (size_t i = 0; i < KW_COUNT(start); i++)
        assert_true(zmq_send(raw, start[i], strlen(start[i]), ZMQ_SNDMORE) >= 0);
    assert_int_equal(zmq_send(raw, big, sizeof big, 0), sizeof big);
    assert_int_equal(receive_soon(world->router, &in, 300), -EAGAIN);
    int error = 0;
    for (int i = 0; i < 20 && error != -EHOSTUNREACH; i++) { /* the line was cut: its route is gone */
        error = kw_send(world->router, &late);
        (void)receive_soon(world->router, &in, 50);
    }
    assert_int_equal(error, -EHOSTUNREACH);
    kw_message_clear(&in);
    zmq_close(raw);
    zmq_ctx_term(context);
    struct kw_message wide = {.verb = "BIG"}; /* our own side does not even try */
    assert_int_equal(kw_buf_append(&wide.payload, big, KW_LIMIT_MESSAGE + 1), 0);
    assert_int_equal(kw_send(world->router, &wide), -EMSGSIZE);
    assert_int_equal(wide.payload.size, KW_LIMIT_MESSAGE + 1);
    kw_message_clear(&wide);
}

static void the_largest_message_passes(void **state)
{
    struct world *world = *state;
    struct kw_socket *dealer = connect_with(world, &world->client);
    struct kw_message out = {.verb = "BIG"}, in = {0};
    static uint8_t big[KW_LIMIT_MESSAGE];
    big[KW_LIMIT_MESSAGE - 1] = 7;
    assert_int_equal(kw_buf_append(&out.payload, big, sizeof big), 0);
    assert_int_equal(send_soon(dealer, &out, 3000), 0);
    assert_int_equal(receive_soon(world->router, &in, 3000), 0);
    assert_int_equal(in.payload.size, sizeof big);
    assert_int_equal(in.payload.data[KW_LIMIT_MESSAGE - 1], 7);
    kw_message_clear(&in);
    kw_socket_close(dealer);
}

static void a_vanished_peer_is_told(void **state)
{
    struct world *world = *state;
    struct kw_socket *dealer = connect_with(world, &world->client);
    struct kw_message out = {.verb = "PING"}, in = {0}, answer = {0};
    assert_int_equal(send_soon(dealer, &out, 3000), 0);
    assert_int_equal(receive_soon(world->router, &in, 3000), 0);
    kw_socket_close(dealer);
    int error = 0;
    for (int i = 0; i < 40 && error != -EHOSTUNREACH; i++) {
        kw_message_clear(&answer);
        kw_message_answer(&answer, &in, "PONG");
        assert_int_equal(kw_buf_text(&answer.header, "{}"), 0);
        error = kw_send(world->router, &answer);
        struct kw_message none = {0};
        (void)receive_soon(world->router, &none, 50);
    }
    assert_int_equal(error, -EHOSTUNREACH);
    assert_string_equal((char *)answer.header.data, "{}"); /* still ours */
    kw_message_clear(&answer);
    kw_message_clear(&in);
}

static void a_full_queue_refuses_and_keeps_the_message(void **state)
{
    struct world *world = *state;
    struct kw_socket *dealer = connect_with(world, &world->client);
    struct kw_message out = {.verb = "PING"}, in = {0};
    assert_int_equal(send_soon(dealer, &out, 3000), 0);
    assert_int_equal(receive_soon(world->router, &in, 3000), 0);
    int error = 0;
    long sent = 0;
    struct kw_message answer = {0};
    for (; sent < 200000 && !error; sent++) { /* the dealer does not read */
        kw_message_answer(&answer, &in, "ITEM");
        assert_int_equal(kw_buf_reserve(&answer.payload, 20000), 0);
        memset(answer.payload.data, 1, 20000);
        answer.payload.size = 20000;
        error = kw_send(world->router, &answer);
    }
    assert_int_equal(error, -EAGAIN);
    assert_int_equal(answer.payload.size, 20000);
    kw_message_clear(&answer);
    long got = 0;
    while (!receive_soon(dealer, &out, 300))
        got++;
    assert_int_equal(got, sent - 1); /* none was lost */
    kw_message_clear(&out);
    kw_message_clear(&in);
    kw_socket_close(dealer);
}

static void a_dealer_without_a_line_refuses_at_once(void **state)
{
    struct world *world = *state;
    struct kw_socket *dealer = NULL;
    assert_int_equal(kw_dealer_connect(world->bus, "tcp://127.0.0.1:1", &world->client, world->server.public_key, &dealer, NULL),
                     0);
    struct kw_message out = {.verb = "PING"};
    assert_int_equal(kw_buf_text(&out.header, "{}"), 0);
    assert_int_equal(kw_send(dealer, &out), -EAGAIN);
    assert_int_equal(out.header.size, 2);
    kw_message_clear(&out);
    kw_socket_close(dealer);
    struct kw_fault fault = {0};
    assert_true(kw_dealer_connect(world->bus, "nonsense", &world->client, world->server.public_key, &dealer, &fault) < 0);
    assert_true(kw_router_bind(world->bus, kw_socket_endpoint(world->router), &world->server, &dealer, &fault) == -EADDRINUSE);
    assert_int_equal(fault.code, KW_E_NETWORK);
}

static void a_key_file_gives_the_same_key(void **state)
{
    struct world *world = *state;
    char path[] = "/tmp/kinward-curve-XXXXXX";
    char file[64];
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/key", path);
    assert_int_equal(kw_curve_save(file, &world->client, NULL), 0);
    struct kw_curve again = {0};
    assert_int_equal(kw_curve_load(file, &again, NULL), 0);
    assert_memory_equal(again.public_key, world->client.public_key, 32);
    kw_curve_clear(&again);
    remove(file);
    remove(path);
    struct kw_fault fault = {0};
    assert_true(kw_curve_load(file, &again, &fault) < 0);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        WORLD(a_known_peer_is_heard_by_its_name),
        WORLD(a_stranger_is_refused),
        WORLD(a_stranger_is_refused_when_the_handler_is_gone),
        WORLD(the_self_test_leaves_nothing_behind),
        WORLD(the_self_test_notices_an_open_door),
        WORLD(a_denied_key_is_refused_at_its_next_connection),
        WORLD(many_keys_are_told_apart),
        WORLD(wrong_frames_are_refused_with_route_and_peer),
        WORLD(a_frame_beyond_the_limit_cuts_the_peer),
        WORLD(the_largest_message_passes),
        WORLD(a_vanished_peer_is_told),
        WORLD(a_full_queue_refuses_and_keeps_the_message),
        WORLD(a_dealer_without_a_line_refuses_at_once),
        WORLD(a_key_file_gives_the_same_key),
    };
    if (kw_crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("bus socket", tests, NULL, NULL);
}
