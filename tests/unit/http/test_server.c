/* SPDX-License-Identifier: Apache-2.0 */
/* test_server.c - server and client together, and raw bytes at the server. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "http/http.h"

static atomic_int running, most;

static void handle(void *context, const struct kw_http_call *call, struct kw_http_answer *ret_answer)
{
    int error = 0;
    ret_answer->status = 200;
    ret_answer->content_type = "text/plain";
    if (!strcmp(call->path, "/echo"))
        error = kw_buf_append(&ret_answer->body, call->body.data, call->body.size);
    else if (!strcmp(call->path, "/question"))
        error = kw_buf_format(&ret_answer->body, "%s %s %s %s", call->method, kw_http_argument(call, "challenge"),
                              kw_http_header(call, "x-hub-signature"), kw_http_argument(call, "none") ? "some" : "none");
    else if (!strcmp(call->path, "/file a"))
        ret_answer->file = open((const char *)context, O_RDONLY | O_CLOEXEC), ret_answer->cache = "max-age=60";
    else if (!strcmp(call->path, "/wait")) {
        int now = atomic_fetch_add(&running, 1) + 1;
        if (now > atomic_load(&most))
            atomic_store(&most, now);
        usleep(150000);
        atomic_fetch_sub(&running, 1);
    } else if (!strcmp(call->path, "/nothing"))
        ret_answer->status = 0;
    else
        ret_answer->status = 404;
    assert_int_equal(error, 0);
}

struct world {
    struct kw_http_server *server;
    struct kw_http_client *client;
    char base[64];
};

static int open_world(void **state)
{
    static struct world world;
    struct kw_http_server_options server = {.address = "127.0.0.1", .body_limit = 100000, .idle_ms = 1000, .connections = 8};
    const char *const hosts[] = {"127.0.0.1", NULL};
    struct kw_http_options client = {.hosts = hosts, .plain = true};
    assert_int_equal(kw_http_server_start(&server, handle, NULL, &world.server, NULL), 0);
    assert_int_equal(kw_http_client_new(&client, &world.client, NULL), 0);
    snprintf(world.base, sizeof world.base, "http://127.0.0.1:%u", kw_http_server_port(world.server));
    *state = &world;
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    kw_http_client_free(world->client);
    kw_http_server_stop(world->server);
    return 0;
}

static int ask(struct world *world, const char *method, const char *path, const char *const *headers, struct kw_view body,
               struct kw_http_response *ret_response)
{
    char url[300];
    snprintf(url, sizeof url, "%s%s", world->base, path);
    struct kw_http_request request = {.method = method, .url = url, .headers = headers, .body = body};
    return kw_http_send(world->client, &request, ret_response, NULL);
}

static void the_body_comes_back_byte_for_byte(void **state)
{
    struct kw_http_response response = {0};
    static uint8_t body[99999];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 31);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(*state, "POST", "/echo", NULL, (struct kw_view){body, sizeof body}, &response), 0);
        assert_int_equal(response.status, 200);
        assert_true(kw_view_equal(kw_view_of(&response.body), (struct kw_view){body, sizeof body}));
        assert_string_equal(response.content_type, "text/plain");
        assert_int_equal(response.retry_after_ms, -1);
    }
    assert_int_equal(ask(*state, "POST", "/echo", NULL, (struct kw_view){0}, &response), 0);
    assert_int_equal(response.body.size, 0);
    kw_http_response_clear(&response);
}

static void headers_and_arguments_are_decoded(void **state)
{
    struct kw_http_response response = {0};
    const char *const headers[] = {"X-Hub-Signature: sha256=00", NULL};
    assert_int_equal(ask(*state, "GET", "/question?mode=subscribe&challenge=a%2Bb%3D%3D", headers, (struct kw_view){0}, &response),
                     0);
    assert_string_equal((char *)response.body.data, "GET a+b== sha256=00 none");
    assert_int_equal(ask(*state, "DELETE", "/question?challenge=", headers, (struct kw_view){0}, &response), 0);
    assert_string_equal((char *)response.body.data, "DELETE  sha256=00 none");
    kw_http_response_clear(&response);
}

static void statuses_are_the_handlers(void **state)
{
    struct kw_http_response response = {0};
    assert_int_equal(ask(*state, "GET", "/nothing", NULL, (struct kw_view){0}, &response), 0);
    assert_int_equal(response.status, 500);
    assert_int_equal(ask(*state, "GET", "/other", NULL, (struct kw_view){0}, &response), 0);
    assert_int_equal(response.status, 404);
    assert_int_equal(ask(*state, "HEAD", "/echo", NULL, (struct kw_view){0}, &response), 0);
    assert_int_equal(response.status, 200);
    kw_http_response_clear(&response);
}

static void a_file_is_sent_from_its_descriptor(void **state)
{
    char path[] = "/tmp/kinward-http-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "tile bytes", 10), 10);
    close(fd);
    struct kw_http_server_options options = {.address = "127.0.0.1"};
    struct kw_http_server *server = NULL;
    struct kw_http_response response = {0};
    struct world *world = *state, other = *world;
    assert_int_equal(kw_http_server_start(&options, handle, path, &server, NULL), 0);
    snprintf(other.base, sizeof other.base, "http://127.0.0.1:%u", kw_http_server_port(server));
    assert_int_equal(ask(&other, "GET", "/file%20a", NULL, (struct kw_view){0}, &response), 0);
    assert_string_equal((char *)response.body.data, "tile bytes");
    unlink(path);
    assert_int_equal(ask(&other, "GET", "/file%20a", NULL, (struct kw_view){0}, &response), 0);
    assert_int_equal(response.body.size, 0); /* no such file: the handler's descriptor is negative */
    kw_http_response_clear(&response);
    kw_http_server_stop(server);
}

static void too_much_is_refused_with_413(void **state)
{
    struct kw_http_response response = {0};
    static uint8_t body[150000];
    assert_int_equal(ask(*state, "POST", "/echo", NULL, (struct kw_view){body, 100000}, &response), 0);
    assert_int_equal(response.status, 200);
    const char *const chunked[] = {"Transfer-Encoding: chunked", NULL};
    assert_int_equal(ask(*state, "POST", "/echo", chunked, (struct kw_view){body, 100001}, &response), 0);
    assert_int_equal(response.status, 413);
    kw_http_response_clear(&response);
}

/* Sends text as it is; gives what comes back, until the server closes. */
static size_t raw(struct world *world, const char *text, char *ret_answer, size_t size)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(kw_http_server_port(world->server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    size_t got = 0;
    for (ssize_t some = 1; some > 0 && got + 1 < size; got += some > 0 ? (size_t)some : 0)
        some = recv(fd, ret_answer + got, size - 1 - got, 0);
    ret_answer[got] = 0;
    close(fd);
    return got;
}

static void a_declared_length_beyond_the_limit_is_refused_at_once(void **state)
{
    char answer[1000];
    raw(*state, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", answer, sizeof answer);
    assert_true(strstr(answer, " 413 ") || strstr(answer, " 400 "));
    raw(*state, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, " 413 "));
}

static void a_silent_peer_is_cut(void **state)
{
    char answer[1000];
    int64_t begin = kw_clock_monotonic_ms();
    assert_int_equal(raw(*state, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", answer, sizeof answer), 0);
    assert_in_range(kw_clock_monotonic_ms() - begin, 500, 5000);
}

static void *ask_and_wait(void *argument)
{
    struct world world = *(struct world *)argument;
    const char *const hosts[] = {"127.0.0.1", NULL};
    struct kw_http_options options = {.hosts = hosts, .plain = true};
    struct kw_http_response response = {0};
    assert_int_equal(kw_http_client_new(&options, &world.client, NULL), 0);
    assert_int_equal(ask(&world, "GET", "/wait", NULL, (struct kw_view){0}, &response), 0);
    assert_int_equal(response.status, 200);
    kw_http_client_free(world.client);
    return NULL;
}

static void waiting_handlers_run_side_by_side(void **state)
{
    struct kw_http_server_options options = {.address = "127.0.0.1", .waiting = true, .connections = 16};
    struct kw_http_server *server = NULL;
    struct world world = {0};
    pthread_t threads[6];
    assert_int_equal(kw_http_server_start(&options, handle, NULL, &server, NULL), 0);
    snprintf(world.base, sizeof world.base, "http://127.0.0.1:%u", kw_http_server_port(server));
    atomic_store(&most, 0);
    for (size_t i = 0; i < KW_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_and_wait, &world), 0);
    for (size_t i = 0; i < KW_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&most) >= 3);
    kw_http_server_stop(server);
}

static void a_port_in_use_is_explained(void **state)
{
    struct world *world = *state;
    struct kw_http_server *server = NULL;
    struct kw_fault fault = {0};
    struct kw_http_server_options options = {.address = "127.0.0.1", .port = kw_http_server_port(world->server)};
    assert_true(kw_http_server_start(&options, handle, NULL, &server, &fault) < 0);
    assert_int_equal(fault.code, KW_E_NETWORK);
    options.address = "localhost";
    assert_int_equal(kw_http_server_start(&options, handle, NULL, &server, &fault), -EINVAL);
}

static void a_component_is_encoded_as_javascript_does(void **state)
{
    struct kw_buf text = {0};
    assert_int_equal(kw_uri_component(kw_view_text("aZ09-_.!~*'() {\"\xC3\xA9\":/?}\n"), &text), 0);
    assert_string_equal((char *)text.data, "aZ09-_.!~*'()%20%7B%22%C3%A9%22%3A%2F%3F%7D%0A");
    text.size = 0;
    assert_int_equal(kw_uri_component((struct kw_view){(const uint8_t *)"\0", 1}, &text), 0);
    assert_string_equal((char *)text.data, "%00");
    kw_buf_clear(&text);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        WORLD(the_body_comes_back_byte_for_byte),
        WORLD(headers_and_arguments_are_decoded),
        WORLD(statuses_are_the_handlers),
        WORLD(a_file_is_sent_from_its_descriptor),
        WORLD(too_much_is_refused_with_413),
        WORLD(a_declared_length_beyond_the_limit_is_refused_at_once),
        WORLD(a_silent_peer_is_cut),
        cmocka_unit_test(waiting_handlers_run_side_by_side),
        WORLD(a_port_in_use_is_explained),
        cmocka_unit_test(a_component_is_encoded_as_javascript_does),
    };
    return cmocka_run_group_tests_name("http server", tests, NULL, NULL);
}
