/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - what the files of the store room share. */
#ifndef KINWARD_STORE_PRIVATE_H
#define KINWARD_STORE_PRIVATE_H

#include <sqlite3.h>

#include "store/store.h"

struct kw_query {
    struct kw_store *store;
    sqlite3_stmt *statement;
    int bind_error; /* first SQLite code of a failed binding, told by the next step */
};

struct kw_store {
    sqlite3 *db;
    char *path;
    bool reader;
    bool dead;     /* a sync or write failed: what is on disk is not known any more */
    int doomed;    /* negative errno of the open transaction's first failure */
    int wal_pages; /* length of the log after the last commit */
    int wal_next;  /* the writer copies the log itself from this length on */
    int copied;    /* pages of the log that another connection copied */
    bool kept;     /* there is such a connection */
    struct kw_query **queries;
    size_t count, capacity;
};

/* Maps an SQLite code to a negative errno, fills fault, and marks the store dead or its transaction doomed. */
int kw_store_fail(struct kw_store *store, int code, struct kw_fault *fault);
KW_CHECKED int kw_store_execute(struct kw_store *store, const char *sql, struct kw_fault *fault);
/* First column of the first row of a PRAGMA; 0 when there is none. */
KW_CHECKED int kw_store_pragma(struct kw_store *store, const char *sql, int64_t *ret_value, struct kw_fault *fault);
KW_CHECKED int kw_store_migrate(struct kw_store *store, const char *const *migrations, size_t count, struct kw_fault *fault);
/* The structure of all tables, as far as it is looked at within the limit: 0, or -EBADMSG. */
KW_CHECKED int kw_store_check(struct kw_store *store, int limit_ms, struct kw_fault *fault);

#endif
