/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - what a connector shares with its registry's API: options, token, limits of requests, and being told to wait. */
#ifndef KINWARD_PLUGIN_SESSION_H
#define KINWARD_PLUGIN_SESSION_H

#include "plugin/private.h"

struct kw_session {
    struct { /* of the options; texts of the settings */
        const char *authentication, *auth, *token_path, *token_request, *token_style, *token_scope, *client_id, *api_key_header;
        int64_t token_life, minute_limit, daily_limit, clock_skew;
    } options;
    /* Under the instance's exchange lock. */
    struct kw_buf token; /* NUL-terminated; empty: none */
    int64_t renew_ms;    /* monotonic: when to take another */
    int64_t next_ms;     /* monotonic: the earliest next request by the rate */
    bool uses_next;      /* client-secret-next was the one that was accepted */
    /* Under the instance's lock: kept in front of the plugin's cursor. */
    int64_t not_before_ms; /* UTC: no request before; 0: none such */
    int64_t wait_end_ms;   /* monotonic: the same, whatever becomes of the clock */
    int64_t day, used;     /* requests made on that day (UTC) */
    struct kw_buf cursor;  /* the plugin's last */
};

/* ---- options (session_options.c) ---------------------------------------------------------------------------------- */
/* The plugin's table and the session's after it; those that the plugin has itself are the plugin's. */
KW_CHECKED int kw_session_extend(struct kw_plugin *plugin, struct kw_fault *fault);
/* Reads and checks them; takes the state off the front of the instance's cursor. Without KINWARD_SESSION nothing is made. */
KW_CHECKED int kw_session_open(struct kw_instance *instance, struct kw_fault *fault);
void kw_session_close(struct kw_instance *instance);

/* ---- the token (token.c) --------------------------------------------------------------------------------------------- */
bool kw_token_wanted(const struct kw_session *session);
void kw_token_forget(struct kw_session *session);
/* OK: there is one that is good for a while. */
kinward_verdict kw_token_ready(struct kw_instance *instance);

/* ---- requests (session.c) ---------------------------------------------------------------------------------------------- */
/* At the pace of the rate. An answer of any status. */
kinward_verdict kw_session_send(struct kw_instance *instance, const struct kw_http_request *request,
                                struct kw_http_response *ret_response);
kinward_verdict kw_session_judge(struct kw_instance *instance, const struct kw_http_response *response, const char *accept);
void kw_services_session(struct kinward_host *host);
int64_t kw_session_wait_ms(struct kw_instance *instance); /* until the next request may be made; 0: now */
/* With the instance's lock held: the plugin's cursor with the state in front, appended; remembers it. */
KW_CHECKED int kw_session_cursor(struct kw_session *session, struct kinward_view cursor, struct kw_buf *ret_bytes);

/* ---- the HTTP client below (exchange.c) ---------------------------------------------------------------------------------- */
KW_CHECKED int kw_exchange_open(struct kw_instance *instance, struct kw_fault *fault); /* with its session */
void kw_exchange_cancel(struct kw_instance *instance);
void kw_exchange_close(struct kw_instance *instance);

/* ---- of the instance (services.c) ---------------------------------------------------------------------------------------- */
/* With its lock held. */
KW_CHECKED int kw_instance_enqueue(struct kw_instance *instance, struct kw_call *call, const struct kinward_document *document);
struct kw_view kw_instance_secret(const struct kw_instance *instance, const char *name); /* empty: not set */

#endif
