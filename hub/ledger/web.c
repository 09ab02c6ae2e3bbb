/* SPDX-License-Identifier: Apache-2.0 */
/* web.c - the ledger's web process: serves tiles and checkpoint, passes witness requests to its parent, holds nothing.
 *
 * On its pipe: READY (item: u32 port) once; then WITNESS and HEAD as in signer.c, answered by ANSWER.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/bus.h"
#include "http/http.h"
#include "ledger/web.h"
#include "sandbox/sandbox.h"

#define WAIT_MS 8000

struct web {
    const char *address, *folder;
    uint16_t port;
    int fd;
    pthread_mutex_t lock;
    pthread_cond_t ended; /* the pipe broke */
    bool broken;
    uint64_t requests;
};

/* ---- files ------------------------------------------------------------------------------ */

static bool take_group(const char **at, bool inner)
{
    if (inner && *(*at)++ != 'x')
        return false;
    for (int i = 0; i < 3; i++) {
        if (**at < '0' || **at > '9')
            return false;
        ++*at;
    }
    return true;
}

/* "tile/<0-7 or entries>/<groups>[.p/<1-255>]": nothing else names a file. */
bool kw_web_tile_path(const char *path)
{
    unsigned width = 0;

    if (strncmp(path, "tile/", 5) != 0)
        return false;
    path += 5;
    if (strncmp(path, "entries/", 8) == 0) {
        path += 8;
    } else {
        if (*path < '0' || *path > '7' || path[1] != '/')
            return false;
        path += 2;
    }
    while (*path == 'x') {
        if (!take_group(&path, true) || *path++ != '/')
            return false;
    }
    if (!take_group(&path, false))
        return false;
    if (*path == 0)
        return true;
    if (strncmp(path, ".p/", 3) != 0 || path[3] == '0')
        return false;
    for (path += 3; *path >= '0' && *path <= '9' && width < 256; path++)
        width = width * 10 + (unsigned)(*path - '0');
    return *path == 0 && width >= 1 && width <= 255;
}

static void say(struct kw_http_answer *answer, int status, const char *why)
{
    answer->status = status;
    answer->content_type = "text/plain; charset=utf-8";
    (void)!kw_buf_text(&answer->body, why); /* without memory an empty body */
}

static void serve_file(const struct web *web, const char *path, const char *type, const char *cache, struct kw_http_answer *answer)
{
    char whole[4096];
    int fd = -1;

    if (web->folder && kw_path_join(whole, sizeof whole, web->folder, path) == 0)
        fd = open(whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        say(answer, 404, "there is no such tile or checkpoint\n");
        return;
    }
    answer->status = 200;
    answer->content_type = type;
    answer->cache = cache;
    answer->file = fd;
}

/* ---- requests that the signer answers ------------------------------------------------------ */

static const char *known_type(struct kw_view type)
{
    return kw_view_is(type, "text/x.tlog.size") ? "text/x.tlog.size" : "text/plain; charset=utf-8";
}

static int exchange(struct web *web, const char *verb, struct kw_view item, struct kw_message *ret_answer)
{
    struct kw_message question = {0};
    int r;

    snprintf(question.verb, sizeof question.verb, "%s", verb);
    r = kw_put_item(&question.payload, item.data, item.size);
    pthread_mutex_lock(&web->lock);
    kw_request_set(&question, ++web->requests);
    if (r == 0)
        r = web->broken ? -EPIPE : kw_pipe_send(web->fd, &question, WAIT_MS);
    while (r == 0) {
        kw_message_clear(ret_answer);
        r = kw_pipe_receive(web->fd, ret_answer, WAIT_MS);
        if (r == 0 && kw_request_number(ret_answer) == web->requests)
            break;
    }
    if (r == -EPIPE || r == -EBADMSG || r == -ETIMEDOUT) { /* the parent starts another one of us */
        web->broken = true;
        pthread_cond_signal(&web->ended);
    }
    pthread_mutex_unlock(&web->lock);
    kw_message_clear(&question);
    return r;
}

static void ask_parent(struct web *web, const char *verb, struct kw_view item, struct kw_http_answer *answer)
{
    struct kw_message message = {0};
    struct kw_view payload, status = {0}, type = {0}, body = {0};
    uint32_t number = 0;
    int r = exchange(web, verb, item, &message);

    payload = kw_view_of(&message.payload);
    if (r == 0 && (kw_take_item(&payload, &status) < 0 || kw_take_u32(&status, &number) < 0 || kw_take_item(&payload, &type) < 0 ||
                   kw_take_item(&payload, &body) < 0))
        r = -EBADMSG;
    if (r == 0)
        r = kw_buf_append(&answer->body, body.data, body.size);
    if (r == 0) {
        answer->status = (int)number;
        answer->content_type = known_type(type);
        answer->cache = "no-store";
    } else {
        say(answer, 503, "the witness does not answer now\n");
    }
    kw_message_clear(&message);
}

static void handle(void *context, const struct kw_http_call *call, struct kw_http_answer *answer)
{
    struct web *web = context;
    const char *path = call->path[0] == '/' ? call->path + 1 : call->path;
    bool get = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;

    if (strcmp(path, "add-checkpoint") == 0) {
        if (strcmp(call->method, "POST") == 0)
            ask_parent(web, "WITNESS", call->body, answer);
        else
            say(answer, 405, "POST only\n");
    } else if (!get) {
        say(answer, 405, "GET only\n");
    } else if (strcmp(path, "checkpoint") == 0) {
        serve_file(web, path, "text/plain; charset=utf-8", "no-cache", answer);
    } else if (kw_web_tile_path(path)) {
        serve_file(web, path, "application/octet-stream", "public, max-age=31536000, immutable", answer);
    } else if (strlen(path) == 2 * KW_HASH_SIZE + strlen("/checkpoint") && strcmp(path + 2 * KW_HASH_SIZE, "/checkpoint") == 0) {
        ask_parent(web, "HEAD", (struct kw_view){(const uint8_t *)path, 2 * KW_HASH_SIZE}, answer);
    } else {
        say(answer, 404, "there is no such thing here\n");
    }
}

/* ---- the process ------------------------------------------------------------------------------ */

static bool parse_arguments(struct web *web, int argc, char **argv)
{
    static const struct option options[] = {{"address", required_argument, NULL, 'a'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"folder", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'a')
            web->address = optarg;
        else if (option == 'p')
            web->port = (uint16_t)strtoul(optarg, NULL, 10);
        else if (option == 'f')
            web->folder = optarg;
        else
            return false;
    }
    return web->address != NULL;
}

static int say_ready(const struct web *web, const struct kw_http_server *server)
{
    struct kw_message ready = {.verb = "READY"};
    struct kw_buf port = {0};
    int r = kw_buf_u32(&port, kw_http_server_port(server));

    if (r == 0)
        r = kw_put_item(&ready.payload, port.data, port.size);
    if (r == 0)
        r = kw_pipe_send(web->fd, &ready, WAIT_MS);
    kw_buf_clear(&port);
    kw_message_clear(&ready);
    return r;
}

int kw_ledger_web_role(int fd, int argc, char **argv)
{
    struct web web = {.fd = fd, .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    struct kw_http_server_options options = {.connections = 128, .waiting = true, .body_limit = KW_LIMIT_NOTE + 8192};
    struct kw_http_server *server = NULL;
    struct kw_fault fault = {0};
    int r = parse_arguments(&web, argc, argv) ? kw_sandbox_harden(&fault) : -EINVAL;

    options.address = web.address;
    options.port = web.port;
    if (r == 0)
        r = kw_sandbox_enter(KW_SANDBOX_NETWORK, &(struct kw_sandbox_limits){.memory_bytes = 512u << 20, .descriptors = 512},
                             &fault);
    if (r == 0)
        r = kw_http_server_start(&options, handle, &web, &server, &fault);
    if (r == 0)
        r = say_ready(&web, server);
    if (r < 0) {
        kw_log(KW_LOG_ERROR, "ledger-web", "web.start", "place=\"%s\" why=\"%s\"", fault.place, fault.message);
        return 1;
    }
    pthread_mutex_lock(&web.lock);
    while (!web.broken) /* the parent's end kills this process otherwise */
        pthread_cond_wait(&web.ended, &web.lock);
    pthread_mutex_unlock(&web.lock);
    kw_http_server_stop(server);
    return 1;
}
