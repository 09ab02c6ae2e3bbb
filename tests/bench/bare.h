/* SPDX-License-Identifier: Apache-2.0 */
/* bare.h - the journal's two tables with nothing around them, as the floor that the journal is measured against. */
#ifndef KINWARD_BENCH_BARE_H
#define KINWARD_BENCH_BARE_H

#include <sqlite3.h>

#include "base/base.h"

struct bare {
    sqlite3 *db;
    sqlite3_stmt *entry, *key;
    int pages; /* of the write-ahead log */
};
struct bare_row {
    struct kw_view commitment, wrapped_key, body, packed;
};
/* All end the program with SQLite's message on an error. */
void bare_open(struct bare *bare, const char *path);
void bare_close(struct bare *bare);
void bare_begin(struct bare *bare);
void bare_insert(struct bare *bare, uint64_t position, const struct bare_row *row);
void bare_commit(struct bare *bare); /* and a checkpoint where the log has grown */

#endif
