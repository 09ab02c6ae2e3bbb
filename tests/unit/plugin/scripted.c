/* SPDX-License-Identifier: Apache-2.0 */
/* scripted.c - the server: one connection after the other, one request on each. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "scripted.h"

/* Header and the body that it speaks of. */
static bool read_request(int fd, struct kw_buf *request)
{
    for (;;) {
        char chunk[4096];
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got <= 0 || kw_buf_append(request, chunk, (size_t)got) < 0 || kw_buf_append(request, "", 1) < 0)
            return false;
        request->size--;
        const char *text = (const char *)request->data, *end = strstr(text, "\r\n\r\n");
        const char *length = strcasestr(text, "\r\nContent-Length:");
        size_t body = length && end && length < end ? strtoul(length + 17, NULL, 10) : 0;
        if (end && request->size >= (size_t)(end + 4 - text) + body)
            return true;
    }
}

static void *serve(void *argument)
{
    struct scripted *server = argument;
    int held[SCRIPTED_MAX];
    size_t held_count = 0;
    for (int fd; (fd = accept(server->fd, NULL, NULL)) >= 0;) {
        size_t number = atomic_load(&server->seen);
        if (number < server->answer_count && read_request(fd, &server->requests[number])) {
            const struct kw_buf *answer = &server->answers[number];
            atomic_fetch_add(&server->seen, 1);
            for (size_t sent = 0; sent < answer->size;) {
                ssize_t now = send(fd, answer->data + sent, answer->size - sent, MSG_NOSIGNAL);
                if (now <= 0)
                    break;
                sent += (size_t)now;
            }
            if (answer->size == 0) {
                held[held_count++] = fd;
                continue;
            }
        }
        close(fd);
    }
    while (held_count > 0)
        close(held[--held_count]);
    return NULL;
}

void scripted_start(struct scripted *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    *server = (struct scripted){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->fd, 16), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &length), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

void scripted_stop(struct scripted *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    for (size_t i = 0; i < SCRIPTED_MAX; i++) {
        kw_buf_clear(&server->answers[i]);
        kw_buf_clear(&server->requests[i]);
    }
}

void scripted_bytes(struct scripted *server, const void *bytes, size_t size)
{
    assert_true(server->answer_count < SCRIPTED_MAX);
    assert_int_equal(kw_buf_append(&server->answers[server->answer_count], bytes, size), 0);
    server->answer_count++;
}

void scripted_answer(struct scripted *server, const char *status, const char *type, const char *header, const char *body)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    assert_int_equal(
        kw_buf_format(&text, "HTTP/1.1 %s\r\nConnection: close\r\n%sContent-Length: %zu\r\n", status, header, strlen(body)), 0);
    if (*type)
        assert_int_equal(kw_buf_format(&text, "Content-Type: %s\r\n", type), 0);
    assert_int_equal(kw_buf_format(&text, "\r\n%s", body), 0);
    scripted_bytes(server, text.data, text.size);
}

const char *scripted_request(struct scripted *server, size_t number)
{
    assert_true(number < atomic_load(&server->seen));
    return (const char *)server->requests[number].data;
}
