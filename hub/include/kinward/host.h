/* SPDX-License-Identifier: Apache-2.0 */
/* kinward/host.h - what the hub's side offers a plugin: a table of functions, handed to create().
 *
 * Every function takes the table's instance first. Texts and bytes handed in
 * are borrowed until the call returns; results are handed out through a
 * struct kinward_out or ret_ parameters. Functions may be called from any
 * thread that the plugin was called from, at any time between create() and
 * the return of destroy().
 */
#ifndef KINWARD_HOST_H
#define KINWARD_HOST_H

#include <stddef.h>
#include <stdint.h>

typedef int32_t kinward_verdict;
#define KINWARD_OK     0    /* done */
#define KINWARD_IDLE   1    /* nothing now, or cancelled; ask again later */
#define KINWARD_RETRY  (-1) /* transient; the same, later */
#define KINWARD_REJECT (-2) /* this input is bad; later is no better */
#define KINWARD_BROKEN (-3) /* this instance is unusable; restart it */

struct kinward_view { /* borrowed bytes, not NUL-terminated */
    const uint8_t *data;
    size_t size;
};
struct kinward_out { /* where a call puts bytes; write may be called several times */
    void *context;
    kinward_verdict (*write)(void *context, const void *data, size_t size);
};

struct kinward_json; /* a value; alive until its root is freed */

struct kinward_request { /* of the HTTP client */
    uint32_t size;       /* sizeof */
    const char *method, *url;
    const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
    struct kinward_view body;
    const char *accept; /* of request(): types of an answer, parted by blanks; NULL: application/json */
};

struct kinward_call { /* a request to the listener; read only up to size */
    uint32_t size;
    const char *method, *path; /* decoded path without query */
    struct kinward_view body;  /* as received: what a signature is over */
};
/* Runs in a thread of the listener; several run side by side. Gives the HTTP status; the body of the answer goes to body. A
 * 2xx is sent only when every document that was emitted for this call is on stable storage; otherwise 503 is. */
typedef int32_t (*kinward_listener)(void *context, const struct kinward_call *call, const struct kinward_out *body);

struct kinward_document { /* one raw document of the registry */
    uint32_t size;        /* sizeof */
    struct kinward_view bytes;
    const char *format;      /* name of the stylesheet that reads it: "webhook" for webhook.xsl */
    struct kinward_view key; /* "id@version" at the source, opaque: one with a key that was kept before is dropped */
    /* Where to go on after this document; saved with it, in one act. Empty leaves the saved one as it is. With empty bytes only
     * the cursor is saved. At most KINWARD_CURSOR_MAX bytes, 80 less with KINWARD_SESSION. */
    struct kinward_view cursor;
};
#define KINWARD_CURSOR_MAX 4096u

enum kinward_level { KINWARD_ERROR = 3, KINWARD_WARNING = 4, KINWARD_NOTICE = 5, KINWARD_INFO = 6, KINWARD_DEBUG = 7 };

struct kinward_host {
    uint32_t size, abi_minor; /* check size before a field newer than your own minor */
    void *instance;

    /* event: a stable id such as "page.fetched"; format gives key=value pairs. Never personal data. */
    void (*log)(void *instance, int level, const char *event, const char *format, ...) __attribute__((format(printf, 4, 5)));
    /* Explains a failure, then gives verdict back: `return host->fail(host->instance, KINWARD_RETRY, "…");` No personal data. */
    kinward_verdict (*fail)(void *instance, kinward_verdict verdict, const char *format, ...) __attribute__((format(printf, 3, 4)));
    int64_t (*now_ms)(void *instance);                     /* UTC milliseconds since 1970, for data */
    int64_t (*elapsed_ms)(void *instance);                 /* never set back, for time-outs */
    kinward_verdict (*pause)(void *instance, uint32_t ms); /* IDLE: cancelled */
    kinward_verdict (*time_parse)(void *instance, struct kinward_view rfc3339, int64_t *ret_ms);
    void (*time_format)(void *instance, int64_t ms, char ret_text[25]); /* 2026-01-31T12:00:00.000Z */

    kinward_verdict (*secret)(void *instance, const char *option, const struct kinward_out *out);
    kinward_verdict (*cursor)(void *instance, const struct kinward_out *out); /* as saved; nothing at the first start */
    /* From pull() with call NULL, at most as often as the credit: OK when it is on its way. From a listener with its call: OK when
     * it is on stable storage. Waits for credit. IDLE: not taken (cancelled, or not in time). */
    kinward_verdict (*emit)(void *instance, const struct kinward_call *call, const struct kinward_document *document);

    /* Only hosts of options of type URL are contacted, no redirect is followed, sizes and times are bounded. OK with any
     * status; RETRY for the network, REJECT for a host or size that is not allowed, IDLE cancelled. ret_retry_after_ms: from
     * Retry-After, -1 when absent. */
    kinward_verdict (*http)(void *instance, const struct kinward_request *request, int32_t *ret_status, int64_t *ret_retry_after_ms,
                            const struct kinward_out *body);
    /* Once, from start(). address "127.0.0.1:7710"; port 0 takes a free one. */
    kinward_verdict (*listen)(void *instance, const char *address, kinward_listener listener, void *context, uint16_t *ret_port);
    const char *(*header)(void *instance, const struct kinward_call *call, const char *name);   /* NULL: absent */
    const char *(*argument)(void *instance, const struct kinward_call *call, const char *name); /* of the query; NULL: absent */

    /* Regular files of a folder (the value of an option of type PATH) whose name ends in suffix, in the order of their names.
     * A non-zero answer of visit stops. modified_ms: last change. */
    kinward_verdict (*folder)(void *instance, const char *folder, const char *suffix,
                              int (*visit)(void *context, const char *name, uint64_t size, int64_t modified_ms), void *context);
    /* At most limit bytes of a file of such a folder, from offset. */
    kinward_verdict (*read)(void *instance, const char *folder, const char *name, uint64_t offset, size_t limit,
                            const struct kinward_out *out);
    kinward_verdict (*digest)(void *instance, const char *folder, const char *name, uint8_t ret_sha256[32]); /* of such a file */
    kinward_verdict (*append)(void *instance, const char *option, struct kinward_view bytes); /* to a file of type OUTPUT */

    kinward_verdict (*json_parse)(void *instance, struct kinward_view text, struct kinward_json **ret_root); /* strict */
    void (*json_free)(void *instance, struct kinward_json *root);                                            /* accepts NULL */
    /* NULL when absent or not an object; value may be NULL. */
    struct kinward_json *(*json_member)(void *instance, const struct kinward_json *value, const char *name);
    struct kinward_json *(*json_at)(void *instance, const struct kinward_json *value, size_t index); /* of an array */
    size_t (*json_count)(void *instance, const struct kinward_json *value);                          /* 0 when not an array */
    struct kinward_view (*json_text)(void *instance, const struct kinward_json *value);              /* empty unless a text */
    int (*json_integer)(void *instance, const struct kinward_json *value, int64_t *ret_value);       /* 1 when it is one */
    kinward_verdict (*json_quote)(void *instance, struct kinward_view text, const struct kinward_out *out); /* "…", escaped */

    kinward_verdict (*base64)(void *instance, struct kinward_view bytes, const struct kinward_out *out);
    kinward_verdict (*base64_parse)(void *instance, struct kinward_view text, const struct kinward_out *out);
    kinward_verdict (*uri_component)(void *instance, struct kinward_view text, const struct kinward_out *out);
    void (*sha256)(void *instance, struct kinward_view bytes, uint8_t ret_digest[32]);
    void (*hmac_sha256)(void *instance, struct kinward_view key, struct kinward_view bytes, uint8_t ret_tag[32]);
    int (*equal)(void *instance, struct kinward_view a, struct kinward_view b); /* in constant time */
    /* JWS compact form, RS256 or EdDSA; gives the payload. */
    kinward_verdict (*jws_verify)(void *instance, struct kinward_view compact, struct kinward_view public_key_pem,
                                  const struct kinward_out *payload);

    /* http in the session that the options describe (KINWARD_SESSION): with token or key, renewed when it ends, within the limits
     * of requests. OK only with 2xx and an answer that is whole and of an accepted type. IDLE: told to wait, at a limit, or
     * cancelled; until that time further ones give IDLE at once, and pull is not asked. RETRY: transient (network, 3xx, 401, 403,
     * 408, 5xx, another type, an answer that is too large). REJECT: another 4xx, or a host that is not allowed. ret_status: 0
     * when there was no answer. The body is given with OK only. */
    kinward_verdict (*request)(void *instance, const struct kinward_request *request, int32_t *ret_status,
                               const struct kinward_out *body);
    void (*renew)(void *instance);            /* an answer said that the token is refused: the next request takes a new one */
    int (*ahead)(void *instance, int64_t ms); /* 1: later than now by more than the option clock-skew */
    kinward_verdict (*json_print)(void *instance, const struct kinward_json *value, const struct kinward_out *out); /* compact */
};

#endif
