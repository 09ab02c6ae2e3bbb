/* SPDX-License-Identifier: Apache-2.0 */
/* bare.h - the journal's two large tables by bare SQLite calls, with the journal's settings and a thread that copies the log. */
#ifndef KINWARD_BENCH_BARE_H
#define KINWARD_BENCH_BARE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "base/base.h"

struct bench_bare {
    sqlite3 *db, *copying;
    sqlite3_stmt *entry, *key;
    int pages; /* in the log */
    pthread_t copier;
    atomic_bool stop;
};
struct bench_row {
    struct kw_view commitment, wrapped_key, body, packed;
};
void bench_bare_open(struct bench_bare *bare, const char *path);
void bench_bare_close(struct bench_bare *bare);
void bench_bare_begin(struct bench_bare *bare);
void bench_bare_insert(struct bench_bare *bare, uint64_t position, const struct bench_row *row);
void bench_bare_commit(struct bench_bare *bare); /* and bounds the log, as the store does */

#endif
