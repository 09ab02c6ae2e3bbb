/* SPDX-License-Identifier: Apache-2.0 */
/* bare.c - the journal's two tables with nothing around them: bare calls of SQLite, hash and encryption. */
#include "bare.h"

#include <stdio.h>
#include <stdlib.h>

static int note_pages(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct bare *)context)->pages = pages;
    return SQLITE_OK;
}

static void need(struct bare *bare, int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE)
        return;
    fprintf(stderr, "bench: bare: %s\n", sqlite3_errmsg(bare->db));
    exit(1);
}

void bare_open(struct bare *bare, const char *path)
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
}

void bare_close(struct bare *bare)
{
    sqlite3_finalize(bare->entry);
    sqlite3_finalize(bare->key);
    sqlite3_close(bare->db);
}

void bare_begin(struct bare *bare)
{
    need(bare, sqlite3_exec(bare->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
}

void bare_commit(struct bare *bare)
{
    need(bare, sqlite3_exec(bare->db, "COMMIT", NULL, NULL, NULL));
    if (bare->pages >= 16384)
        sqlite3_wal_checkpoint_v2(bare->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void bare_insert(struct bare *bare, uint64_t position, const struct bare_row *row)
{
    const struct kw_view blobs[] = {row->commitment, row->wrapped_key, row->body};
    sqlite3_bind_int64(bare->entry, 1, (int64_t)position);
    for (int i = 2; i <= 7; i++)
        sqlite3_bind_int64(bare->entry, i, i == 7 ? 1700000000000 : 1);
    for (int i = 0; i < 3; i++)
        sqlite3_bind_blob(bare->entry, 8 + i, blobs[i].data, (int)blobs[i].size, SQLITE_STATIC);
    need(bare, sqlite3_step(bare->entry));
    sqlite3_reset(bare->entry);
    sqlite3_bind_int64(bare->key, 1, (int64_t)position);
    sqlite3_bind_blob(bare->key, 2, row->packed.data, (int)row->packed.size, SQLITE_STATIC);
    need(bare, sqlite3_step(bare->key));
    sqlite3_reset(bare->key);
}
