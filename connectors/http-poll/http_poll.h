/* SPDX-License-Identifier: Apache-2.0 */
/* http_poll.h - what the files of this connector share. */
#ifndef HTTP_POLL_H
#define HTTP_POLL_H

#include <stdbool.h>

#include "common/text.h"
#include "kinward/plugin.h"

#define NO_TIME   INT64_MIN
#define KEY_SIZE  386  /* id, '@', version, as the host takes them */
#define TOKEN_MAX 3000 /* of a link or cursor: it has to fit into ours */

struct settings {
    const char *url, *items, *id, *version, *mapping, *header;
    const char *paging, *page_parameter, *size_parameter, *next, *total;
    const char *since_parameter, *since_field, *since_format, *since;
    int64_t first_page, page_size, overlap, poll;
};

enum paging { PAGING_NONE, PAGING_PAGE, PAGING_OFFSET, PAGING_NEXT, PAGING_CURSOR, PAGINGS };
enum since_format { SINCE_INSTANT, SINCE_SECONDS, SINCE_MILLISECONDS, SINCE_DAY, SINCE_FORMATS };

struct seen { /* hashes of keys, open addressing; 0: free */
    uint64_t *slots;
    size_t capacity, count;
};

struct place {         /* the cursor */
    int64_t mark;      /* all that the registry changed up to then was emitted; NO_TIME: none yet */
    int64_t page;      /* pages read in this round, or rows with an offset */
    struct text token; /* link or cursor of the page; empty: the first */
};

/* A round reads all pages from the first; what it finds that was not emitted before is emitted. The mark moves up to where a
 * round came when the next one finds nothing older that is new, or at once when a round had as many items as the registry says
 * that there are. So a page that comes empty, short, twice or in another order costs a round, and nothing else. */
struct round {
    struct seen now, before; /* keys of this round, and of the one before */
    int64_t high;            /* the latest change of this round's items, those ahead of the clock not counted */
    int64_t candidate;       /* the same of the one before; NO_TIME: there is none */
    int64_t total;           /* as the registry says; -1: it does not */
    bool is_late;            /* something new was not later than the candidate */
    bool is_doubtful;        /* a page came twice */
    uint64_t fingerprint;    /* of the page before */
};

struct http_poll {
    const struct kinward_host *host;
    const struct settings *settings;
    enum paging paging;
    enum since_format since_format;
    struct place place;
    struct round round;
    struct text answer, item, url;
    struct kinward_json *root; /* of the page that is worked off; NULL: none */
    const struct kinward_json *items;
    size_t count, index;
    uint64_t fingerprint; /* of its keys so far */
    int64_t next_round_ms;
    bool was_unreadable; /* told of once */
};

/* ---- pages (page.c) ---------------------------------------------------------------------------- */
/* RFC 6901; "" is value itself. NULL: it is not there. */
const struct kinward_json *pointer(const struct http_poll *self, const struct kinward_json *value, const char *path);
kinward_verdict page_fetch(struct http_poll *self);
void page_free(struct http_poll *self);
/* After a page: the place of the next one. False: it was the last. */
bool page_advance(struct http_poll *self);

/* ---- items (item.c) ------------------------------------------------------------------------------ */
kinward_verdict item_take(struct http_poll *self, const struct kinward_json *item, uint32_t *emitted);
bool seen_has(const struct seen *seen, uint64_t hash);
kinward_verdict seen_add(struct seen *seen, uint64_t hash); /* RETRY: no memory */
void seen_clear(struct seen *seen);

/* ---- place and time (place.c) ---------------------------------------------------------------------- */
kinward_verdict place_load(struct http_poll *self);
kinward_verdict place_put(struct http_poll *self, struct text *ret_cursor);
kinward_verdict place_save(struct http_poll *self);
int64_t time_of(const struct http_poll *self, const struct kinward_json *value); /* NO_TIME: it cannot be read */
kinward_verdict time_put(const struct http_poll *self, int64_t ms, struct text *ret_text);
void round_begin(struct http_poll *self); /* again from the first page */
kinward_verdict round_end(struct http_poll *self);

#endif
