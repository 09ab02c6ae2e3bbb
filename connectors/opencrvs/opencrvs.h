/* SPDX-License-Identifier: Apache-2.0 */
/* opencrvs.h - what the files of this connector share. */
#ifndef OPENCRVS_H
#define OPENCRVS_H

#include <pthread.h>
#include <stdbool.h>

#include "common/text.h"
#include "kinward/plugin.h"

#define DAY_MS     INT64_C(86400000)
#define EVENTS     3
#define PAGE_MAX   200
#define ID_SIZE    256
#define STAMP_SIZE 64
#define KNOWN      65536 /* versions remembered, so that they are not fetched again */

struct settings {
    const char *gateway, *webhooks, *webhook_secret, *listen, *callback, *events, *since;
    const char *auth, *authentication, *token_request, *client_id, *client_secret; /* of the session; only the host reads them */
    int64_t window, page_size, poll, overlap, daily_limit;
};

struct place {    /* of the catch-up; the cursor */
    int64_t from; /* first day of the window, since 1970 */
    uint32_t event, skip;
};

struct row { /* one result of a search */
    char id[ID_SIZE], stamp[STAMP_SIZE];
};

struct opencrvs {
    const struct kinward_host *host;
    const struct settings *settings;
    pthread_mutex_t lock;  /* of known: the listener's threads use it, too */
    uint64_t known[KNOWN]; /* by its low bits; 0: none */
    bool is_wanted[EVENTS];
    struct text answer, request;
    int64_t next_subscribe_ms, next_search_ms;
    bool is_listening;
    struct place place;
    struct row rows[PAGE_MAX];
    uint32_t row_count, row_next; /* of the page that is being worked off */
    int64_t total;
    bool has_page;
    unsigned failures; /* of the row at row_next */
};

extern const char *const event_names[EVENTS];  /* "birth", … as the search calls them */
extern const char *const event_topics[EVENTS]; /* of the webhooks; NULL: there is none */
extern const char *const fetch_names[EVENTS];  /* operations */
extern const char *const fetch_queries[EVENTS];
extern const char search_query[];

/* ---- requests (session.c) --------------------------------------------------------------------- */
/* In the host's session; what is refused is tried again, too. The answer's text is in self->answer. */
kinward_verdict session_send(struct opencrvs *self, const char *method, const char *url, struct kinward_view body,
                             int32_t *ret_status);
/* A GraphQL operation. variables: JSON. The answer's text is in self->answer. */
kinward_verdict session_query(struct opencrvs *self, const char *name, const char *query, const char *variables,
                              struct kinward_json **ret_root);

/* ---- webhooks (hook.c) --------------------------------------------------------------------------- */
int32_t hook_called(void *context, const struct kinward_call *call, const struct kinward_out *body);
kinward_verdict hook_subscribe(struct opencrvs *self); /* to the topics that are not there */

/* ---- catch-up (search.c) --------------------------------------------------------------------------- */
kinward_verdict place_load(struct opencrvs *self);
kinward_verdict search_step(struct opencrvs *self, uint32_t *emitted); /* one page or one record; IDLE when it has caught up */
int64_t today(const struct opencrvs *self);

/* ---- versions (version.c) ------------------------------------------------------------------------------ */
/* A time of the registry in one form, or as it is where it cannot be read: RFC 3339, or milliseconds as text or number. */
void stamp_of(const struct opencrvs *self, const struct kinward_json *value, char ret_stamp[STAMP_SIZE]);
/* The newest registration.status[].timestamp of a fetched registration; false: there is none. */
bool stamp_of_registration(const struct opencrvs *self, const struct kinward_json *registration, char ret_stamp[STAMP_SIZE]);
bool version_known(struct opencrvs *self, const char *id, const char *stamp);
void version_remember(struct opencrvs *self, const char *id, const char *stamp);
/* Copies a text value; false: it is none, or too long. */
bool copy_text(const struct opencrvs *self, const struct kinward_json *value, char *ret_text, size_t size);

#endif
