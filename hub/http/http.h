/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - HTTP client and server with bounds. The only room that calls libcurl and libmicrohttpd. */
#ifndef KINWARD_HTTP_H
#define KINWARD_HTTP_H

#include "base/base.h"

/* ---- client: one kept connection pool per client; one thread at a time ------ */

struct kw_http_options {
    const char *const *hosts;        /* allow-list "host" (any port) or "host:port", NULL-terminated; nothing else is contacted */
    bool plain;                      /* http:// allowed (loopback and tests); otherwise https only, TLS 1.2+ */
    struct kw_view authorities;      /* PEM; empty: the system's */
    struct kw_view certificate, key; /* client certificate and its key, PEM, or empty */
    int connect_ms, total_ms;        /* 0: 10 s and 60 s */
    size_t body_limit;               /* bytes after decoding; 0: KW_LIMIT_HTTP_BODY */
};

struct kw_http_request {
    const char *method, *url;
    const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
    struct kw_view body;
};

struct kw_http_response { /* zero-initialise, clear after use */
    int status;
    struct kw_buf body;
    char content_type[128];
    int64_t retry_after_ms; /* from Retry-After, -1 when absent; seconds and dates both read, capped at a day */
};

struct kw_http_client;
KW_CHECKED int kw_http_client_new(const struct kw_http_options *options, struct kw_http_client **ret_client,
                                  struct kw_fault *fault);
void kw_http_client_free(struct kw_http_client *client);
/* Any status is a success here. ret_response: empty, or an earlier one that is replaced. No redirects are followed.
 * -ECANCELED after kw_http_cancel, -ETIMEDOUT, -EMSGSIZE, -EACCES (host or scheme), -EINVAL (URL, header), -EIO (network). */
KW_CHECKED int kw_http_send(struct kw_http_client *client, const struct kw_http_request *request,
                            struct kw_http_response *ret_response, struct kw_fault *fault);
/* From any thread: ends a send in progress, and every later one. */
void kw_http_cancel(struct kw_http_client *client);
void kw_http_response_clear(struct kw_http_response *response);

/* ---- server: a bounded number of connections and bytes; handler runs in the server's threads ---- */

struct kw_http_call {
    const char *method, *path; /* decoded path without query */
    struct kw_view body;
    void *internal;
};
const char *kw_http_header(const struct kw_http_call *call, const char *name);   /* NULL when absent */
const char *kw_http_argument(const struct kw_http_call *call, const char *name); /* query argument, decoded */

struct kw_http_answer {       /* zero-initialised by the server */
    int status;               /* 0: the server answers 500 */
    const char *content_type; /* static text */
    const char *cache;        /* Cache-Control, static text, or NULL */
    struct kw_buf body;       /* taken by the server */
    int file;                 /* a descriptor to send in place of body (taken, closed); 0 for none */
};
typedef void (*kw_http_handler)(void *context, const struct kw_http_call *call, struct kw_http_answer *ret_answer);

struct kw_http_server;
struct kw_http_server_options {
    const char *address;      /* "127.0.0.1" */
    uint16_t port;            /* 0 takes a free one */
    int connections, threads; /* 0: 256 and 2 */
    bool waiting;             /* handlers may wait: a thread for each connection in place of threads */
    size_t body_limit;        /* 0: KW_LIMIT_HTTP_BODY; more is answered 413 */
    int idle_ms;              /* 0: 10 s */
};
KW_CHECKED int kw_http_server_start(const struct kw_http_server_options *options, kw_http_handler handler, void *context,
                                    struct kw_http_server **ret_server, struct kw_fault *fault);
uint16_t kw_http_server_port(const struct kw_http_server *server);
void kw_http_server_stop(struct kw_http_server *server);

/* Percent-encoding as JavaScript's encodeURIComponent: all but A-Z a-z 0-9 - _ . ! ~ * ' ( ); appends. */
KW_CHECKED int kw_uri_component(struct kw_view text, struct kw_buf *ret_text);

#endif
