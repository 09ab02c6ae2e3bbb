/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - prepared statements, kept by the store, and the mapping of SQLite's codes. */
#include "store/private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static bool is_space_error(int code, int system)
{
    if (code == SQLITE_FULL)
        return true;
    if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
        return false; /* after a failed sync nothing is known, whatever its reason */
    return ((code & 0xff) == SQLITE_IOERR || code == SQLITE_CANTOPEN) && (system == ENOSPC || system == EDQUOT);
}

static int map(int code, int system, enum kw_code *ret_code)
{
    *ret_code = KW_E_STORE;
    if (is_space_error(code, system)) {
        *ret_code = KW_E_READ_ONLY;
        return -ENOSPC;
    }
    if (code == SQLITE_IOERR_NOMEM || (code & 0xff) == SQLITE_NOMEM) {
        *ret_code = KW_E_MEMORY;
        return -ENOMEM;
    }
    if (code == SQLITE_IOERR_CORRUPTFS || (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB) {
        *ret_code = KW_E_CORRUPT;
        return -EBADMSG;
    }
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        *ret_code = KW_E_BUSY;
        return -EBUSY;
    case SQLITE_CONSTRAINT:
        *ret_code = KW_E_STATE;
        return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID
                   ? -EEXIST
                   : -EINVAL;
    case SQLITE_CANTOPEN:
        *ret_code = KW_E_FILE;
        return system ? -system : -ENOENT;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_IOERR:
        return -EIO;
    case SQLITE_TOOBIG:
        *ret_code = KW_E_TOO_LARGE;
        return -E2BIG;
    case SQLITE_INTERRUPT:
        return -EINTR;
    default:
        return -EINVAL;
    }
}

int kw_store_fail(struct kw_store *store, int code, struct kw_fault *fault)
{
    enum kw_code kind;
    int error = map(code, store->db ? sqlite3_system_errno(store->db) : 0, &kind);
    if (error == -EIO && !store->reader)
        store->dead = true;
    const char *name = strrchr(store->path, '/');
    /* SQLite's own sentence names tables and columns, never values. */
    return kw_fail(fault, error, kind, name ? name + 1 : store->path, "%s (SQLite %d)",
                   store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code), code);
}

int kw_store_execute(struct kw_store *store, const char *sql, struct kw_fault *fault)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : kw_store_fail(store, code, fault);
}

static int remember(struct kw_store *store, struct kw_query *query)
{
    if (store->count == store->capacity) {
        size_t capacity = store->capacity ? 2 * store->capacity : 16;
        struct kw_query **more = kw_resize(store->queries, capacity * sizeof(struct kw_query *));
        if (!more)
            return -ENOMEM;
        store->queries = more;
        store->capacity = capacity;
    }
    store->queries[store->count++] = query;
    return 0;
}

int kw_query(struct kw_store *store, const char *sql, struct kw_query **ret_query, struct kw_fault *fault)
{
    for (size_t i = 0; i < store->count; i++) {
        if (strcmp(sqlite3_sql(store->queries[i]->statement), sql) == 0) {
            *ret_query = store->queries[i];
            return 0;
        }
    }
    struct kw_query *query = kw_alloc(sizeof(*query));
    if (!query)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "statement", "out of memory");
    query->store = store;
    const char *tail = NULL;
    int code = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &query->statement, &tail);
    int error = code == SQLITE_OK ? 0 : kw_store_fail(store, code, fault);
    if (error == 0 && (!query->statement || (tail && *tail)))
        error = kw_fail(fault, -EINVAL, KW_E_STORE, "statement", "not one statement");
    if (error == 0 && remember(store, query) < 0)
        error = kw_fail(fault, -ENOMEM, KW_E_MEMORY, "statement", "out of memory");
    if (error < 0) {
        sqlite3_finalize(query->statement);
        kw_free(query);
        return error;
    }
    *ret_query = query;
    return 0;
}

static void bound(struct kw_query *query, int code)
{
    if (code != SQLITE_OK && query->bind_error == SQLITE_OK)
        query->bind_error = code;
}

void kw_bind_integer(struct kw_query *query, int index, int64_t value)
{
    bound(query, sqlite3_bind_int64(query->statement, index, value));
}

void kw_bind_blob(struct kw_query *query, int index, struct kw_view bytes)
{
    /* A NULL pointer would bind NULL: an empty blob is one all the same. */
    bound(query,
          sqlite3_bind_blob64(query->statement, index, bytes.data ? (const void *)bytes.data : "", bytes.size, SQLITE_STATIC));
}

void kw_bind_text(struct kw_query *query, int index, const char *text)
{
    bound(query, sqlite3_bind_text64(query->statement, index, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8));
}

void kw_bind_null(struct kw_query *query, int index)
{
    bound(query, sqlite3_bind_null(query->statement, index));
}

int kw_query_step(struct kw_query *query, struct kw_fault *fault)
{
    struct kw_store *store = query->store;
    /* SQLite may have rolled back by itself: going on would commit single statements. */
    if (store->doomed)
        return kw_fail(fault, store->doomed, KW_E_STORE, "transaction", "the transaction failed before");
    if (store->dead)
        return kw_fail(fault, -EIO, KW_E_STORE, "transaction", "an earlier write or sync failed");
    bool inside = !sqlite3_get_autocommit(store->db);
    int code = query->bind_error != SQLITE_OK ? query->bind_error : sqlite3_step(query->statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE)
        return 0;
    int error = kw_store_fail(store, code, fault);
    if (inside && error != -EEXIST)
        store->doomed = error;
    return error;
}

int64_t kw_column_integer(struct kw_query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

struct kw_view kw_column_blob(struct kw_query *query, int column)
{
    const void *data = sqlite3_column_blob(query->statement, column);
    return (struct kw_view){data, data ? (size_t)sqlite3_column_bytes(query->statement, column) : 0};
}

struct kw_view kw_column_text(struct kw_query *query, int column)
{
    const void *data = sqlite3_column_text(query->statement, column);
    return (struct kw_view){data, data ? (size_t)sqlite3_column_bytes(query->statement, column) : 0};
}

bool kw_column_is_null(struct kw_query *query, int column)
{
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

void kw_query_reset(struct kw_query *query)
{
    sqlite3_reset(query->statement); /* repeats the last step's code, which was told then */
    sqlite3_clear_bindings(query->statement);
    query->bind_error = SQLITE_OK;
}

int kw_query_run(struct kw_query *query, int64_t *ret_changes, struct kw_fault *fault)
{
    int step = kw_query_step(query, fault);
    assert(step <= 0);
    kw_query_reset(query);
    if (step < 0)
        return step;
    if (ret_changes)
        *ret_changes = sqlite3_changes64(query->store->db);
    return 0;
}
