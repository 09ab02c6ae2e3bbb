/* SPDX-License-Identifier: Apache-2.0 */
/* bare.c - nothing but SQLite: open, insert, commit, copy the log. */
#include "bare.h"

#include <stdlib.h>
#include <unistd.h>

#define LOG_PAGES (64 << 20 >> 12) /* as the store's: from here on the writer copies what is left */

static void need(struct bench_bare *bare, int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE)
        return;
    fprintf(stderr, "bench: bare: %s\n", sqlite3_errmsg(bare->db));
    exit(1);
}

static int note_pages(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct bench_bare *)context)->pages = pages;
    return SQLITE_OK;
}

static void *copy_log(void *context)
{
    struct bench_bare *bare = context;
    for (int i = 1; !atomic_load(&bare->stop); i++) {
        usleep(50000);
        if (i % 20 == 0) /* each second, as the hub's keeper */
            sqlite3_wal_checkpoint_v2(bare->copying, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
    return NULL;
}

void bench_bare_open(struct bench_bare *bare, const char *path)
{
    need(bare, sqlite3_open(path, &bare->db));
    need(bare, sqlite3_exec(bare->db,
                            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
                            "PRAGMA cell_size_check=ON; PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=0;"
                            "PRAGMA journal_size_limit=67108864;"
                            "CREATE TABLE entry(position INTEGER PRIMARY KEY, kind, principal, batch, slot, flags, received_ms,"
                            " commitment, wrapped_key, body); CREATE TABLE key(position INTEGER PRIMARY KEY, packed);",
                            NULL, NULL, NULL));
    need(bare, sqlite3_prepare_v3(bare->db, "INSERT INTO entry VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", -1, SQLITE_PREPARE_PERSISTENT,
                                  &bare->entry, NULL));
    need(bare, sqlite3_prepare_v3(bare->db, "INSERT INTO key VALUES(?, ?)", -1, SQLITE_PREPARE_PERSISTENT, &bare->key, NULL));
    sqlite3_wal_hook(bare->db, note_pages, bare);
    need(bare, sqlite3_open(path, &bare->copying));
    if (pthread_create(&bare->copier, NULL, copy_log, bare) != 0)
        exit(1);
}

void bench_bare_close(struct bench_bare *bare)
{
    atomic_store(&bare->stop, true);
    pthread_join(bare->copier, NULL);
    sqlite3_finalize(bare->entry);
    sqlite3_finalize(bare->key);
    sqlite3_close(bare->copying);
    sqlite3_close(bare->db);
}

void bench_bare_begin(struct bench_bare *bare)
{
    need(bare, sqlite3_exec(bare->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
}

void bench_bare_insert(struct bench_bare *bare, uint64_t position, const struct bench_row *row)
{
    const struct kw_view *sealed[] = {&row->commitment, &row->wrapped_key, &row->body};
    sqlite3_bind_int64(bare->entry, 1, (int64_t)position);
    for (int i = 2; i <= 7; i++)
        sqlite3_bind_int64(bare->entry, i, i == 7 ? 1700000000000 : 1);
    for (int i = 0; i < 3; i++)
        sqlite3_bind_blob(bare->entry, 8 + i, sealed[i]->data, (int)sealed[i]->size, SQLITE_STATIC);
    need(bare, sqlite3_step(bare->entry));
    sqlite3_reset(bare->entry);
    sqlite3_bind_int64(bare->key, 1, (int64_t)position);
    sqlite3_bind_blob(bare->key, 2, row->packed.data, (int)row->packed.size, SQLITE_STATIC);
    need(bare, sqlite3_step(bare->key));
    sqlite3_reset(bare->key);
}

void bench_bare_commit(struct bench_bare *bare)
{
    need(bare, sqlite3_exec(bare->db, "COMMIT", NULL, NULL, NULL));
    if (bare->pages >= LOG_PAGES)
        sqlite3_wal_checkpoint_v2(bare->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}
