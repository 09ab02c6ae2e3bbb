/* SPDX-License-Identifier: Apache-2.0 */
/* test_client.c - the client against servers that misbehave: canned bytes from a socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "http/http.h"

/* Answers every connection with the same bytes, then closes it, or holds it open. */
struct canned {
    int fd;
    uint16_t port;
    pthread_t thread;
    const void *bytes;
    size_t size;
    bool hold;
    atomic_int connections;
};

static void *serve(void *argument)
{
    struct canned *canned = argument;
    int held[64];
    size_t count = 0;
    for (int fd; (fd = accept(canned->fd, NULL, NULL)) >= 0;) {
        char request[4096];
        atomic_fetch_add(&canned->connections, 1);
        if (recv(fd, request, sizeof request, 0) > 0)
            send(fd, canned->bytes, canned->size, MSG_NOSIGNAL);
        if (canned->hold && count < KW_COUNT(held))
            held[count++] = fd;
        else
            close(fd);
    }
    while (count > 0)
        close(held[--count]);
    return NULL;
}

static void start(struct canned *canned, const void *bytes, size_t size, bool hold)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    *canned = (struct canned){.bytes = bytes, .size = size, .hold = hold};
    canned->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(canned->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(canned->fd, 16), 0);
    assert_int_equal(getsockname(canned->fd, (struct sockaddr *)&address, &length), 0);
    canned->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&canned->thread, NULL, serve, canned), 0);
}

static void stop(struct canned *canned)
{
    shutdown(canned->fd, SHUT_RDWR);
    pthread_join(canned->thread, NULL);
    close(canned->fd);
}

static struct kw_http_client *client_with(const char *host, int total_ms, size_t body_limit)
{
    const char *const hosts[] = {host, NULL};
    struct kw_http_options options = {.hosts = hosts, .plain = true, .total_ms = total_ms, .body_limit = body_limit};
    struct kw_http_client *client = NULL;
    assert_int_equal(kw_http_client_new(&options, &client, NULL), 0);
    return client;
}

static int get(struct kw_http_client *client, uint16_t port, struct kw_http_response *ret_response, struct kw_fault *fault)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    struct kw_http_request request = {.method = "GET", .url = url};
    return kw_http_send(client, &request, ret_response, fault);
}

/* One request against canned bytes. */
static int against(const void *bytes, size_t size, bool hold, struct kw_http_response *ret_response, struct kw_fault *fault)
{
    struct canned canned;
    start(&canned, bytes, size, hold);
    struct kw_http_client *client = client_with("127.0.0.1", 500, 1000);
    int error = get(client, canned.port, ret_response, fault);
    kw_http_client_free(client);
    stop(&canned);
    return error;
}

static int against_text(const char *text, struct kw_http_response *ret_response, struct kw_fault *fault)
{
    return against(text, strlen(text), false, ret_response, fault);
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
    struct kw_http_response response = {0};
    assert_int_equal(
        against_text("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", &response, NULL), 0);
    assert_int_equal(response.status, 302);
    kw_http_response_clear(&response);
}

static void a_cut_body_is_no_answer(void **state)
{
    struct kw_http_response response = {0};
    struct kw_fault fault = {0};
    assert_int_equal(against_text("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", &response, &fault), -EIO);
    assert_int_equal(fault.code, KW_E_NETWORK);
    assert_null(response.body.data);
    assert_int_equal(against_text("nonsense\r\n\r\n", &response, &fault), -EIO);
    assert_int_equal(against_text("", &response, &fault), -EIO);
}

static void a_hanging_server_costs_the_time_limit(void **state)
{
    struct kw_http_response response = {0};
    struct kw_fault fault = {0};
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc";
    int64_t begin = kw_clock_monotonic_ms();
    assert_int_equal(against(text, sizeof text - 1, true, &response, &fault), -ETIMEDOUT);
    assert_in_range(kw_clock_monotonic_ms() - begin, 400, 3000);
    assert_int_equal(fault.code, KW_E_TIMEOUT);
}

/* 5000 zero bytes, compressed with gzip. */
static const uint8_t bomb[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x31, 0x01,
                               0x00, 0x00, 0x00, 0xc2, 0xa0, 0xf5, 0x4f, 0x6d, 0x0a, 0x3f, 0xa0, 0x00, 0x00, 0x00,
                               0x00, 0x80, 0xb7, 0x01, 0xa8, 0x0e, 0xe5, 0xd8, 0x88, 0x13, 0x00, 0x00};

static void a_compressed_body_is_counted_after_decoding(void **state)
{
    struct kw_http_response response = {0};
    struct kw_fault fault = {0};
    char bytes[300];
    int head =
        snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", sizeof bomb);
    memcpy(bytes + head, bomb, sizeof bomb);
    assert_int_equal(against(bytes, (size_t)head + sizeof bomb, false, &response, &fault), -EMSGSIZE);
    assert_int_equal(fault.code, KW_E_TOO_LARGE);
    assert_int_equal(against_text("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", &response, &fault), -EIO);
}

static void a_body_of_just_the_limit_passes(void **state)
{
    struct kw_http_response response = {0};
    char bytes[1100];
    int head = snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    memset(bytes + head, 'x', 1000);
    assert_int_equal(against(bytes, (size_t)head + 1000, false, &response, NULL), 0);
    assert_int_equal(response.body.size, 1000);
    memcpy(bytes, "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", (size_t)head);
    assert_int_equal(against(bytes, (size_t)head + 1001, false, &response, NULL), -EMSGSIZE);
    kw_http_response_clear(&response);
}

static void endless_headers_are_refused(void **state)
{
    struct kw_http_response response = {0};
    struct kw_buf text = {0};
    assert_int_equal(kw_buf_text(&text, "HTTP/1.1 200 OK\r\n"), 0);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(kw_buf_format(&text, "X-Header-%d: 0123456789012345678901234567890123456789\r\n", i), 0);
    assert_int_equal(kw_buf_text(&text, "Content-Length: 0\r\n\r\n"), 0);
    assert_int_equal(against(text.data, text.size, false, &response, NULL), -EMSGSIZE);
    kw_buf_clear(&text);
}

static void retry_after_is_read_in_both_forms(void **state)
{
    struct kw_http_response response = {0};
    assert_int_equal(against_text("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", &response, NULL), 0);
    assert_int_equal(response.status, 429);
    assert_int_equal(response.retry_after_ms, 7000);
    assert_int_equal(against_text("HTTP/1.1 503 Slow\r\nretry-after: 0\r\nContent-Length: 0\r\n\r\n", &response, NULL), 0);
    assert_int_equal(response.retry_after_ms, 0);
    assert_int_equal(against_text("HTTP/1.1 503 Slow\r\nRetry-After: Fri, 31 Dec 2099 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n",
                                  &response, NULL),
                     0);
    assert_int_equal(response.retry_after_ms, 24 * 60 * 60 * 1000);
    kw_http_response_clear(&response);
}

static void only_listed_hosts_are_contacted(void **state)
{
    struct canned canned;
    struct kw_http_response response = {0};
    struct kw_fault fault = {0};
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    start(&canned, text, sizeof text - 1, false);
    char with_port[64];
    snprintf(with_port, sizeof with_port, "127.0.0.1:%u", canned.port);
    struct kw_http_client *right = client_with(with_port, 500, 0), *wrong = client_with("registry.example", 500, 0);
    assert_int_equal(get(right, canned.port, &response, NULL), 0);
    assert_int_equal(get(right, (uint16_t)(canned.port + 1), &response, &fault), -EACCES);
    assert_int_equal(get(wrong, canned.port, &response, &fault), -EACCES);
    assert_int_equal(fault.code, KW_E_FORBIDDEN);
    static const char *const urls[] = {"http://registry.example@127.0.0.1/",
                                       "http://127.0.0.1#@registry.example/",
                                       "ftp://registry.example/",
                                       "file:///etc/hostname",
                                       "registry.example",
                                       ""};
    for (size_t i = 0; i < KW_COUNT(urls); i++) {
        struct kw_http_request request = {.method = "GET", .url = urls[i]};
        int error = kw_http_send(wrong, &request, &response, &fault);
        if (error != -EACCES && error != -EINVAL)
            fail_msg("%s: %d", urls[i], error);
    }
    assert_int_equal(atomic_load(&canned.connections), 1);
    kw_http_client_free(right);
    kw_http_client_free(wrong);
    stop(&canned);
}

static void plain_http_needs_permission(void **state)
{
    const char *const hosts[] = {"127.0.0.1", NULL};
    struct kw_http_options options = {.hosts = hosts};
    struct kw_http_client *client = NULL;
    struct kw_http_response response = {0};
    struct kw_fault fault = {0};
    assert_int_equal(kw_http_client_new(&options, &client, NULL), 0);
    assert_int_equal(get(client, 1, &response, &fault), -EACCES);
    kw_http_client_free(client);
}

static void a_header_cannot_carry_another(void **state)
{
    struct kw_http_client *client = client_with("127.0.0.1", 500, 0);
    const char *const headers[] = {"X-A: b\r\nX-C: d", NULL};
    struct kw_http_request request = {.method = "GET", .url = "http://127.0.0.1:1/", .headers = headers};
    struct kw_http_response response = {0};
    assert_int_equal(kw_http_send(client, &request, &response, NULL), -EINVAL);
    kw_http_client_free(client);
}

static void *cancel_soon(void *argument)
{
    usleep(100000);
    kw_http_cancel(argument);
    return NULL;
}

static void cancel_ends_a_wait(void **state)
{
    struct canned canned;
    struct kw_http_response response = {0};
    pthread_t thread;
    start(&canned, "", 0, true);
    struct kw_http_client *client = client_with("127.0.0.1", 20000, 0);
    int64_t begin = kw_clock_monotonic_ms();
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, client), 0);
    assert_int_equal(get(client, canned.port, &response, NULL), -ECANCELED);
    assert_in_range(kw_clock_monotonic_ms() - begin, 50, 2000);
    pthread_join(thread, NULL);
    assert_int_equal(get(client, canned.port, &response, NULL), -ECANCELED);
    kw_http_client_free(client);
    stop(&canned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_redirect_is_an_answer_and_not_followed),
        cmocka_unit_test(a_cut_body_is_no_answer),
        cmocka_unit_test(a_hanging_server_costs_the_time_limit),
        cmocka_unit_test(a_compressed_body_is_counted_after_decoding),
        cmocka_unit_test(a_body_of_just_the_limit_passes),
        cmocka_unit_test(endless_headers_are_refused),
        cmocka_unit_test(retry_after_is_read_in_both_forms),
        cmocka_unit_test(only_listed_hosts_are_contacted),
        cmocka_unit_test(plain_http_needs_permission),
        cmocka_unit_test(a_header_cannot_carry_another),
        cmocka_unit_test(cancel_ends_a_wait),
    };
    return cmocka_run_group_tests_name("http client", tests, NULL, NULL);
}
