/* SPDX-License-Identifier: Apache-2.0 */
/* upkeep.c - schema versions, the check after an unclean end, the log, backups, the ballast. */
#include "store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int kw_store_pragma(struct kw_store *store, const char *sql, int64_t *ret_value, struct kw_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(statement, 0);
    else if (code == SQLITE_DONE)
        *ret_value = 0;
    int error = code == SQLITE_ROW || code == SQLITE_DONE ? 0 : kw_store_fail(store, code, fault);
    sqlite3_finalize(statement);
    return error;
}

/* Interrupts the check when its time is over; a progress handler is not asked while SQLite walks a tree. */
struct watch {
    sqlite3 *db;
    int ended, limit_ms;
};

static void *interrupt_late(void *context)
{
    const struct watch *watch = context;
    struct pollfd item = {.fd = watch->ended, .events = POLLIN};
    for (int wait_ms = watch->limit_ms; poll(&item, 1, wait_ms) == 0; wait_ms = 50)
        sqlite3_interrupt(watch->db);
    return NULL;
}

static int check_structure(struct kw_store *store, struct kw_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    int error = 0;
    if (code == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
        error = kw_fail(fault, -EBADMSG, KW_E_CORRUPT, store->path, "the database's structure is damaged; restore a backup");
    else if (code != SQLITE_ROW && code != SQLITE_INTERRUPT)
        error = kw_store_fail(store, code, fault);
    sqlite3_finalize(statement);
    return error;
}

int kw_store_check(struct kw_store *store, int limit_ms, struct kw_fault *fault)
{
    KW_AUTO(kw_closep) int ended = eventfd(0, EFD_CLOEXEC);
    struct watch watch = {store->db, ended, limit_ms};
    pthread_t thread;
    int code = ended < 0 ? errno : pthread_create(&thread, NULL, interrupt_late, &watch);
    if (code != 0)
        return kw_fail(fault, -code, KW_E_STORE, store->path, "cannot start the check: %s", strerror(code));
    int error = check_structure(store, fault);
    const uint64_t one = 1;
    (void)!write(ended, &one, sizeof(one));
    pthread_join(thread, NULL);
    return error;
}

static int apply(struct kw_store *store, const char *script, size_t version, struct kw_fault *fault)
{
    int error = kw_store_begin(store, fault);
    if (error < 0)
        return error;
    char pragma[64];
    snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%zu", version);
    error = kw_store_execute(store, script, fault);
    if (error == 0)
        error = kw_store_execute(store, pragma, fault);
    if (error < 0) {
        kw_store_rollback(store);
        return error;
    }
    return kw_store_commit(store, fault);
}

int kw_store_migrate(struct kw_store *store, const char *const *migrations, size_t count, struct kw_fault *fault)
{
    int64_t version;
    int error = kw_store_pragma(store, "PRAGMA user_version", &version, fault);
    if (error < 0)
        return error;
    if (version < 0 || (uint64_t)version > count)
        return kw_fail(fault, -EPROTO, KW_E_STORE, store->path, "the database has version %lld, this program knows up to %zu",
                       (long long)version, count);
    for (size_t i = (size_t)version; i < count && error == 0; i++)
        error = apply(store, migrations[i], i + 1, fault);
    return error;
}

/* SQLite syncs the database only with the log's very last page. What was copied so far is synced here, so that the pass that
 * reaches the end, in the writer, finds little left. */
static int sync_database(struct kw_store *store, struct kw_fault *fault)
{
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code == SQLITE_OK)
        code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    return code == SQLITE_OK ? 0 : kw_fail(fault, -EIO, KW_E_STORE, store->path, "cannot be synced (SQLite %d)", code);
}

int kw_store_checkpoint(struct kw_store *store, bool truncate, uint32_t *ret_copied, uint32_t *ret_left, struct kw_fault *fault)
{
    int pages = 0, copied = 0;
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &pages,
                                         &copied);
    if ((code & 0xff) == SQLITE_BUSY)
        return truncate ? -EBUSY : 0;
    if (code != SQLITE_OK)
        return kw_store_fail(store, code, fault);
    if (ret_copied)
        *ret_copied = copied > 0 ? (uint32_t)copied : 0;
    if (ret_left)
        *ret_left = pages > copied ? (uint32_t)(pages - copied) : 0;
    return truncate ? 0 : sync_database(store, fault);
}

static int copy_pages(struct kw_store *store, const char *path, struct kw_fault *fault)
{
    sqlite3 *copy = NULL;
    int code = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_backup *backup = sqlite3_backup_init(copy, "main", store->db, "main");
        if (backup) {
            sqlite3_backup_step(backup, -1);
            sqlite3_backup_finish(backup);
        }
        code = sqlite3_errcode(copy);
    }
    int error = 0;
    if (code != SQLITE_OK) {
        bool full = (code & 0xff) == SQLITE_FULL || sqlite3_system_errno(copy) == ENOSPC;
        error = kw_fail(fault, full ? -ENOSPC : -EIO, full ? KW_E_READ_ONLY : KW_E_STORE, path, "backup: %s", sqlite3_errmsg(copy));
    }
    sqlite3_close(copy);
    return error;
}

int kw_store_backup(struct kw_store *store, const char *path, struct kw_fault *fault)
{
    char part[4096];
    if ((size_t)snprintf(part, sizeof(part), "%s.part", path) >= sizeof(part))
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, path, "the name is too long");
    if (access(path, F_OK) == 0)
        return kw_fail(fault, -EEXIST, KW_E_FILE, path, "the backup exists already");
    unlink(part);
    int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return kw_fail(fault, -errno, KW_E_FILE, path, "cannot make the backup: %s", strerror(errno));
    close(fd); /* before SQLite opens it: closing any descriptor of a file drops the process's locks on it */
    int error = copy_pages(store, part, fault);
    if (error == 0 && rename(part, path) < 0)
        error = kw_fail(fault, -errno, KW_E_FILE, path, "cannot name the backup: %s", strerror(errno));
    if (error < 0)
        unlink(part);
    return error;
}

int kw_store_ballast(struct kw_store *store, uint64_t size, struct kw_fault *fault)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof(path), "%s-ballast", store->path) >= sizeof(path))
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, store->path, "the name is too long");
    if (size == 0)
        return unlink(path) == 0 || errno == ENOENT ? 0 : kw_fail(fault, -errno, KW_E_FILE, path, "%s", strerror(errno));
    KW_AUTO(kw_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return kw_fail(fault, -errno, KW_E_FILE, path, "cannot make the ballast: %s", strerror(errno));
    int code = posix_fallocate(fd, 0, (off_t)size);
    if (code != 0) {
        unlink(path);
        return kw_fail(fault, -code, code == ENOSPC ? KW_E_READ_ONLY : KW_E_FILE, path, "%s", strerror(code));
    }
    return 0;
}
