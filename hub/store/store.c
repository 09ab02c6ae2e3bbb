/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - opening, closing and transactions. */
#include "store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_MS 5000 /* a database of any size opens in bounded time; records are verified again when they are read */

/* Pages of the log. A writer alone copies it at ALONE; one whose log is copied by another thread copies the rest when the log
 * is past KEPT and only LEFT of it remains, so that what waits for a commit does not wait long; at MOST, whatever remains. */
#define WAL_ALONE (4 << 20 >> 12)
#define WAL_KEPT  (24 << 20 >> 12)
#define WAL_LEFT  (4 << 20 >> 12)
#define WAL_MOST  (256 << 20 >> 12)
#define WAL_RETRY (4 << 20 >> 12)

static const char writer_pragmas[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
                                     "PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF;"
                                     "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA cache_size=-4096;"
                                     "PRAGMA journal_size_limit=67108864; PRAGMA wal_autocheckpoint=0;";
static const char reader_pragmas[] = "PRAGMA query_only=ON; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF;"
                                     "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA cache_size=-1024;"
                                     "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;";

static int note_wal(void *context, sqlite3 *db, const char *name, int pages)
{
    struct kw_store *store = context;
    (void)db;
    (void)name;
    if (pages < store->wal_pages) { /* started anew */
        store->wal_next = 0;
        store->copied = 0;
    }
    store->wal_pages = pages;
    return SQLITE_OK;
}

static int configure(struct kw_store *store, struct kw_fault *fault)
{
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, 5000);
    int code = sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    if (code != SQLITE_OK)
        return kw_store_fail(store, code, fault);
    return kw_store_execute(store, store->reader ? reader_pragmas : writer_pragmas, fault);
}

/* The file is made here with its mode, which SQLite gives to its log and index too. */
static int make_file(const char *path, struct kw_fault *fault)
{
    KW_AUTO(kw_closep) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : kw_fail(fault, -errno, KW_E_FILE, path, "cannot make the database: %s", strerror(errno));
    char folder[4096];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    KW_AUTO(kw_closep) int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir) < 0)
        return kw_fail(fault, -errno, KW_E_FILE, path, "cannot sync the folder: %s", strerror(errno));
    return 0;
}

/* The last connection that closes well deletes the log: one that is there tells that the last end was none. */
static bool ended_well(const char *path)
{
    char log[4096];
    struct stat status;
    snprintf(log, sizeof(log), "%s-wal", path);
    return stat(log, &status) < 0 || status.st_size == 0;
}

static int open_database(const char *path, bool reader, struct kw_store **ret_store, struct kw_fault *fault)
{
    KW_AUTO(kw_store_closep) struct kw_store *store = kw_alloc(sizeof(*store));
    if (!store || !(store->path = kw_strdup(path)))
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, path, "out of memory");
    store->reader = reader;
    int code = sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return kw_store_fail(store, code, fault);
    int error = configure(store, fault);
    if (error < 0)
        return error;
    *ret_store = store;
    store = NULL;
    return 0;
}

int kw_store_open(const char *path, const char *const *migrations, size_t count, struct kw_store **ret_store,
                  struct kw_fault *fault)
{
    bool check = !ended_well(path);
    int error = make_file(path, fault);
    if (error < 0)
        return error;
    KW_AUTO(kw_store_closep) struct kw_store *store = NULL;
    error = open_database(path, false, &store, fault);
    if (error < 0)
        return error;
    int64_t synchronous;
    error = kw_store_pragma(store, "PRAGMA synchronous", &synchronous, fault);
    if (error < 0)
        return error;
    if (synchronous != 2 || sqlite3_db_readonly(store->db, "main") != 0)
        return kw_fail(fault, -EROFS, KW_E_STORE, path, "the database cannot be written with full synchronisation");
    sqlite3_wal_hook(store->db, note_wal, store);
    if (check)
        error = kw_store_check(store, CHECK_MS, fault);
    if (error == 0)
        error = kw_store_migrate(store, migrations, count, fault);
    if (error < 0)
        return error;
    *ret_store = store;
    store = NULL;
    return 0;
}

int kw_store_open_reader(const char *path, struct kw_store **ret_store, struct kw_fault *fault)
{
    return open_database(path, true, ret_store, fault);
}

void kw_store_close(struct kw_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->count; i++) {
        sqlite3_finalize(store->queries[i]->statement);
        kw_free(store->queries[i]);
    }
    kw_free(store->queries);
    sqlite3_close_v2(store->db);
    kw_free(store->path);
    kw_free(store);
}

void kw_store_closep(struct kw_store **store)
{
    kw_store_close(*store);
    *store = NULL;
}

static int run_text(struct kw_store *store, const char *sql, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(store, sql, &query, fault);
    return error < 0 ? error : kw_query_run(query, NULL, fault);
}

int kw_store_begin(struct kw_store *store, struct kw_fault *fault)
{
    if (store->dead)
        return kw_fail(fault, -EIO, KW_E_STORE, "begin", "an earlier write or sync failed");
    if (!sqlite3_get_autocommit(store->db) || store->doomed)
        return kw_fail(fault, -EALREADY, KW_E_STORE, "begin", "a transaction is open");
    return run_text(store, store->reader ? "BEGIN" : "BEGIN IMMEDIATE", fault);
}

static bool log_is_due(const struct kw_store *store)
{
    int pages = store->wal_pages;
    if (pages < store->wal_next)
        return false;
    if (!store->kept)
        return pages >= WAL_ALONE;
    return pages >= WAL_MOST || (pages >= WAL_KEPT && pages - store->copied <= WAL_LEFT);
}

/* After a commit: bounds the log. A failure here takes nothing back; the next begin tells it. */
static void copy_log(struct kw_store *store)
{
    if (!log_is_due(store))
        return;
    int copied = 0;
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, &copied);
    if ((code & 0xff) == SQLITE_BUSY) /* the other thread is at it */
        return;
    if (code != SQLITE_OK)
        (void)kw_store_fail(store, code, NULL);
    store->doomed = 0;
    store->copied = copied;
    store->wal_next = store->wal_pages + WAL_RETRY; /* a reader may have held it up */
}

void kw_store_copied(struct kw_store *store, uint32_t pages)
{
    store->kept = true;
    if (pages <= (uint32_t)store->wal_pages) /* otherwise of a log before this one */
        store->copied = (int)pages;
}

int kw_store_commit(struct kw_store *store, struct kw_fault *fault)
{
    int error = store->doomed;
    if (error < 0)
        (void)kw_fail(fault, error, error == -ENOSPC ? KW_E_READ_ONLY : KW_E_STORE, "commit", "the transaction failed before");
    else if (sqlite3_get_autocommit(store->db))
        return kw_fail(fault, -EALREADY, KW_E_STORE, "commit", "no transaction is open");
    if (error == 0 && (error = kw_fault_point("store.commit")) < 0) {
        store->dead = true;
        (void)kw_fail(fault, error, KW_E_STORE, "commit", "sync failed");
    }
    if (error == 0)
        error = run_text(store, "COMMIT", fault);
    if (error < 0) {
        kw_store_rollback(store);
        return error;
    }
    if (!store->reader) {
        (void)!kw_fault_point("store.committed");
        copy_log(store);
    }
    return 0;
}

void kw_store_rollback(struct kw_store *store)
{
    if (!store)
        return;
    store->doomed = 0;
    for (size_t i = 0; i < store->count; i++)
        kw_query_reset(store->queries[i]);
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

int64_t kw_store_last_rowid(const struct kw_store *store)
{
    return sqlite3_last_insert_rowid(store->db);
}
