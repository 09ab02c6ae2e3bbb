/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - HTTP server: a bounded number of connections and bytes; the body is handed over as it was received. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "http/http.h"

struct kw_http_server {
    struct MHD_Daemon *daemon;
    kw_http_handler handler;
    void *context;
    size_t body_limit;
    int64_t body_ms; /* a body must be complete in so long */
    uint16_t port;
};

struct request {
    struct kw_buf body;
    size_t discarded;
    int64_t end_ms;
    bool too_large, no_memory;
};

/* ---- what a handler may ask -------------------------------------------------- */

const char *kw_http_header(const struct kw_http_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->internal, MHD_HEADER_KIND, name);
}

const char *kw_http_argument(const struct kw_http_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->internal, MHD_GET_ARGUMENT_KIND, name);
}

/* ---- answering -------------------------------------------------------------------- */

static struct MHD_Response *make_response(struct kw_http_answer *answer)
{
    struct stat status;
    struct MHD_Response *response;
    if (answer->file > 0) {
        if (fstat(answer->file, &status) < 0 || !S_ISREG(status.st_mode))
            return NULL;
        response = MHD_create_response_from_fd64((uint64_t)status.st_size, answer->file);
        if (response)
            answer->file = 0; /* MHD closes it */
        return response;
    }
    static char nothing[1];
    if (!answer->body.data)
        return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    response = MHD_create_response_from_buffer_with_free_callback(answer->body.size, answer->body.data, kw_free);
    if (response)
        answer->body = (struct kw_buf){0};
    return response;
}

static enum MHD_Result respond(struct MHD_Connection *connection, struct kw_http_answer *answer)
{
    unsigned status = answer->status >= 200 && answer->status <= 599 ? (unsigned)answer->status : 500;
    struct MHD_Response *response = make_response(answer);
    enum MHD_Result result = MHD_NO;
    if (response) {
        if (answer->content_type)
            MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
        if (answer->cache)
            MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, answer->cache);
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        result = MHD_queue_response(connection, status, response);
        MHD_destroy_response(response);
    }
    kw_buf_clear(&answer->body);
    if (answer->file > 0)
        close(answer->file);
    return result;
}

static enum MHD_Result respond_status(struct MHD_Connection *connection, int status)
{
    struct kw_http_answer answer = {.status = status};
    return respond(connection, &answer);
}

/* ---- receiving ---------------------------------------------------------------------- */

/* A declared length beyond the limit is refused before a byte of the body is read. */
static bool declared_too_large(struct MHD_Connection *connection, size_t limit)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    size_t value = 0;
    for (; length && *length >= '0' && *length <= '9'; length++) {
        value = value * 10 + (size_t)(*length - '0');
        if (value > limit)
            return true;
    }
    return false;
}

static enum MHD_Result begin(struct kw_http_server *server, struct MHD_Connection *connection, void **state)
{
    struct request *request = kw_alloc(sizeof *request);
    if (!request)
        return MHD_NO;
    request->end_ms = kw_clock_monotonic_ms() + server->body_ms;
    *state = request;
    return declared_too_large(connection, server->body_limit) ? respond_status(connection, 413) : MHD_YES;
}

static enum MHD_Result take_body(struct kw_http_server *server, struct request *request, const char *data, size_t size)
{
    if (kw_clock_monotonic_ms() > request->end_ms)
        return MHD_NO;
    if (request->too_large || size > server->body_limit - request->body.size) {
        /* The answer can be heard only when the sender has done sending; one that never does is cut. */
        request->too_large = true;
        kw_buf_clear(&request->body);
        request->discarded += size;
        return request->discarded > server->body_limit ? MHD_NO : MHD_YES;
    }
    if (kw_buf_append(&request->body, data, size) < 0)
        request->no_memory = true;
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *data, size_t *size, void **state)
{
    struct kw_http_server *server = context;
    struct request *request = *state;
    if (!request)
        return begin(server, connection, state);
    if (*size > 0) {
        enum MHD_Result result = take_body(server, request, data, *size);
        *size = 0;
        return result;
    }
    if (request->too_large || request->no_memory)
        return respond_status(connection, request->too_large ? 413 : 503);
    struct kw_http_call call = {.method = method, .path = path, .body = kw_view_of(&request->body), .internal = connection};
    struct kw_http_answer answer = {0};
    server->handler(server->context, &call, &answer);
    return respond(connection, &answer);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
    struct request *request = *state;
    if (!request)
        return;
    kw_buf_clear(&request->body);
    kw_free(request);
    *state = NULL;
}

/* ---- starting ------------------------------------------------------------------------- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int parse_address(const char *text, uint16_t port, union address *ret_address)
{
    *ret_address = (union address){0};
    if (inet_pton(AF_INET, text, &ret_address->v4.sin_addr) == 1) {
        ret_address->v4.sin_family = AF_INET;
        ret_address->v4.sin_port = htons(port);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &ret_address->v6.sin6_addr) == 1) {
        ret_address->v6.sin6_family = AF_INET6;
        ret_address->v6.sin6_port = htons(port);
        return 0;
    }
    return -EINVAL;
}

static struct MHD_Daemon *start(const struct kw_http_server_options *options, const union address *address,
                                struct kw_http_server *server)
{
    unsigned flags = address->any.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0;
    unsigned connections = options->connections ? (unsigned)options->connections : 256;
    unsigned seconds = (unsigned)((options->idle_ms ? options->idle_ms : 10000) + 999) / 1000;
    unsigned pool = options->waiting ? 0 : options->threads ? (unsigned)options->threads : 2;
    flags |= options->waiting ? MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC
                              : MHD_USE_AUTO_INTERNAL_THREAD;
    struct MHD_OptionItem several[] = {
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)(connections < pool ? pool : connections), NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)seconds, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, KW_LIMIT_HTTP_HEADERS, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {pool > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)pool, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR, &address->any,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_ARRAY, several, MHD_OPTION_END);
}

int kw_http_server_start(const struct kw_http_server_options *options, kw_http_handler handler, void *context,
                         struct kw_http_server **ret_server, struct kw_fault *fault)
{
    union address address;
    if (parse_address(options->address, options->port, &address) < 0)
        return kw_fail(fault, -EINVAL, KW_E_CONFIG, options->address, "not an IP address");
    struct kw_http_server *server = kw_alloc(sizeof *server);
    if (!server)
        return -ENOMEM;
    server->handler = handler;
    server->context = context;
    server->body_limit = options->body_limit ? options->body_limit : KW_LIMIT_HTTP_BODY;
    server->body_ms = 6 * (int64_t)(options->idle_ms ? options->idle_ms : 10000);
    errno = 0;
    server->daemon = start(options, &address, server);
    if (!server->daemon) {
        int error = errno ? -errno : -EIO;
        kw_free(server);
        return kw_fail(fault, error, KW_E_NETWORK, options->address, "port %u cannot be served: %s", options->port,
                       strerror(-error));
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info ? info->port : options->port;
    *ret_server = server;
    return 0;
}

uint16_t kw_http_server_port(const struct kw_http_server *server)
{
    return server->port;
}

void kw_http_server_stop(struct kw_http_server *server)
{
    if (!server)
        return;
    MHD_stop_daemon(server->daemon);
    kw_free(server);
}
