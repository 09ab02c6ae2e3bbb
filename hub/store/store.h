/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - transactions over an embedded database: WAL, FULL, DEFENSIVE, secure_delete, checked at open.
 *
 * The only room that calls SQLite. A database has one writer (kw_store_open)
 * and any number of readers (kw_store_open_reader), each owned by one thread.
 * Errors: -ENOSPC (disk full: nothing of the transaction is there; try again
 * later), -EIO (a sync or write failed: the process must stop), -EBUSY,
 * -EEXIST (unique), -EBADMSG (corrupt).
 */
#ifndef KINWARD_STORE_H
#define KINWARD_STORE_H

#include "base/base.h"

struct kw_store;
struct kw_query;

/* After an unclean end (a log is there) the structure is checked first, for at most some seconds. A failed statement dooms its
 * transaction: each later step and the commit repeat the error until the rollback, but for -EEXIST.
 * migrations: one SQL script per schema version, applied in order, each in its own transaction with the version number. A
 * database of a later version is refused. */
KW_CHECKED int kw_store_open(const char *path, const char *const *migrations, size_t count, struct kw_store **ret_store,
                             struct kw_fault *fault);
KW_CHECKED int kw_store_open_reader(const char *path, struct kw_store **ret_store, struct kw_fault *fault);
void kw_store_close(struct kw_store *store);
void kw_store_closep(struct kw_store **store);

KW_CHECKED int kw_store_begin(struct kw_store *store, struct kw_fault *fault);
KW_CHECKED int kw_store_commit(struct kw_store *store, struct kw_fault *fault); /* 0 only when it is on stable storage */
void kw_store_rollback(struct kw_store *store);                                 /* harmless without a transaction */
/* Copies WAL pages into the database and syncs it, off the writer's path: called from another thread with its own reader.
 * ret_copied and ret_left may be NULL: pages of the log that are in the database now, and those that are not (a reader may hold
 * them); both unchanged when another connection is at it. */
KW_CHECKED int kw_store_checkpoint(struct kw_store *store, bool truncate, uint32_t *ret_copied, uint32_t *ret_left,
                                   struct kw_fault *fault);
/* Tells a writer how far another connection has come. A log starts anew only when it is copied to its end, which under writes
 * without a pause only its writer can do: it does so at the end of a commit when little is left. A writer that is never told
 * copies all itself, each few MiB. */
void kw_store_copied(struct kw_store *store, uint32_t pages);
/* A consistent copy while in use, by a reader, there in full or not at all. -EEXIST when path is there. */
KW_CHECKED int kw_store_backup(struct kw_store *store, const char *path, struct kw_fault *fault);

/* Keeps a file of size bytes beside the database, or removes it (0): space for the last writes when the disk is full. -ENOSPC. */
KW_CHECKED int kw_store_ballast(struct kw_store *store, uint64_t size, struct kw_fault *fault);

/* ---- statements: prepared once, kept by the store (the same SQL text gives the same one) ---- */

KW_CHECKED int kw_query(struct kw_store *store, const char *sql, struct kw_query **ret_query, struct kw_fault *fault);
/* Bind in order from 1; the bytes must live until the next kw_query_reset. */
void kw_bind_integer(struct kw_query *query, int index, int64_t value);
void kw_bind_blob(struct kw_query *query, int index, struct kw_view bytes);
void kw_bind_text(struct kw_query *query, int index, const char *text);
void kw_bind_null(struct kw_query *query, int index);
/* 1 a row, 0 no more rows, negative an error. Binding errors surface here. */
KW_CHECKED int kw_query_step(struct kw_query *query, struct kw_fault *fault);
int64_t kw_column_integer(struct kw_query *query, int column);     /* columns from 0 */
struct kw_view kw_column_blob(struct kw_query *query, int column); /* alive until the next step or reset */
struct kw_view kw_column_text(struct kw_query *query, int column);
bool kw_column_is_null(struct kw_query *query, int column);
void kw_query_reset(struct kw_query *query); /* ready for another run, bindings dropped; always call after the last step */
/* Runs a statement that gives no rows; resets it. ret_changes may be NULL. */
KW_CHECKED int kw_query_run(struct kw_query *query, int64_t *ret_changes, struct kw_fault *fault);
int64_t kw_store_last_rowid(const struct kw_store *store);

#endif
