/* SPDX-License-Identifier: Apache-2.0 */
/* spool.c - the spool's file: opening, transactions, the full disk, documents and cursors. */
#include "agent/spool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BALLAST    (8u << 20)
#define CHECKPOINT (8u << 20) /* bytes written after which the log is copied into the database */

static const char *const migrations[] = {
    "CREATE TABLE document(number INTEGER PRIMARY KEY AUTOINCREMENT, connector TEXT NOT NULL, stylesheet TEXT NOT NULL,"
    " format TEXT NOT NULL, parameters BLOB NOT NULL, label TEXT NOT NULL, backfill INTEGER NOT NULL, at INTEGER NOT NULL,"
    " body BLOB NOT NULL);"
    "CREATE INDEX document_order ON document(connector, number);"
    "CREATE TABLE seen(source BLOB PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE cursor(connector TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY(connector, name))"
    " WITHOUT ROWID;"
    "CREATE TABLE record(number INTEGER PRIMARY KEY AUTOINCREMENT, leaf BLOB NOT NULL, label TEXT NOT NULL,"
    " backfill INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE INDEX record_order ON record(backfill, number);"
    "CREATE TABLE batch(number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, count INTEGER NOT NULL,"
    " held TEXT NOT NULL DEFAULT '', at INTEGER NOT NULL, labels BLOB NOT NULL, header BLOB NOT NULL, payload BLOB NOT NULL);"
    "CREATE TABLE receipt(number INTEGER PRIMARY KEY AUTOINCREMENT, batch BLOB NOT NULL UNIQUE, count INTEGER NOT NULL,"
    " at INTEGER NOT NULL, header BLOB NOT NULL, signature BLOB NOT NULL);"
    "CREATE TABLE refused(number INTEGER PRIMARY KEY AUTOINCREMENT, batch BLOB NOT NULL, slot INTEGER NOT NULL,"
    " outcome TEXT NOT NULL, code TEXT NOT NULL, place TEXT NOT NULL, line INTEGER NOT NULL, detail TEXT NOT NULL,"
    " label TEXT NOT NULL, at INTEGER NOT NULL, leaf BLOB NOT NULL, body BLOB NOT NULL);"
    "CREATE TABLE quarantine(number INTEGER PRIMARY KEY AUTOINCREMENT, connector TEXT NOT NULL, stylesheet TEXT NOT NULL,"
    " format TEXT NOT NULL, parameters BLOB NOT NULL, label TEXT NOT NULL, backfill INTEGER NOT NULL, at INTEGER NOT NULL,"
    " body BLOB NOT NULL, code TEXT NOT NULL, place TEXT NOT NULL, line INTEGER NOT NULL, column INTEGER NOT NULL,"
    " detail TEXT NOT NULL);"
    "CREATE TABLE tally(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",
    "CREATE TABLE warning(connector TEXT NOT NULL, code TEXT NOT NULL, place TEXT NOT NULL, documents INTEGER NOT NULL,"
    " PRIMARY KEY(connector, code, place)) WITHOUT ROWID;",
};

void kw_document_clear(struct kw_document *document)
{
    if (!document)
        return;
    kw_buf_clear(&document->parameters);
    kw_buf_clear(&document->body);
    *document = (struct kw_document){0};
}

/* ---- opening and transactions ------------------------------------------------------- */

static int measure(struct kw_spool *spool, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(spool->store,
                     "SELECT (SELECT count(*) FROM document), (SELECT count(*) FROM record), (SELECT count(*) FROM batch),"
                     " (SELECT coalesce(sum(length(body)), 0) FROM document) + (SELECT coalesce(sum(length(body)), 0) FROM record)"
                     " + (SELECT coalesce(sum(length(payload)), 0) FROM batch)",
                     &query, fault);
    if (r < 0)
        return r;
    r = kw_query_step(query, fault);
    if (r == 1) {
        spool->documents = (uint64_t)kw_column_integer(query, 0);
        spool->records = (uint64_t)kw_column_integer(query, 1);
        spool->batches = (uint64_t)kw_column_integer(query, 2);
        spool->bytes = (uint64_t)kw_column_integer(query, 3);
    }
    kw_query_reset(query);
    return r < 0 ? r : 0;
}

int kw_spool_open(const char *folder, const char *name, uint64_t limit, struct kw_spool *ret_spool, struct kw_fault *fault)
{
    struct kw_spool spool = {.lock = -1, .limit = limit};
    char path[4096], file[128];
    int r = kw_dir_make(folder, 0700, fault);
    if (r < 0)
        return r;
    snprintf(file, sizeof file, "%s.lock", name);
    if (kw_path_join(path, sizeof path, folder, file) < 0)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, folder, "the path is too long");
    r = kw_lock_take(path, &spool.lock, fault);
    if (r < 0)
        return r;
    snprintf(file, sizeof file, "%s.db", name);
    r = kw_path_join(path, sizeof path, folder, file);
    if (r == 0)
        r = kw_store_open(path, migrations, KW_COUNT(migrations), &spool.store, fault);
    if (r == 0)
        r = measure(&spool, fault);
    if (r < 0) {
        kw_spool_close(&spool);
        return r;
    }
    spool.ballast = kw_store_ballast(spool.store, BALLAST, NULL) == 0;
    spool.full = !spool.ballast && spool.bytes > 0;
    spool.full_bytes = spool.bytes;
    *ret_spool = spool;
    return 0;
}

void kw_spool_close(struct kw_spool *spool)
{
    if (!spool || !spool->store) {
        if (spool)
            kw_closep(&spool->lock);
        return;
    }
    kw_store_rollback(spool->store);
    kw_store_closep(&spool->store);
    kw_closep(&spool->lock);
}

static int begin(struct kw_spool *spool, struct kw_fault *fault)
{
    if (spool->begun)
        return 0;
    int r = kw_store_begin(spool->store, fault);
    if (r < 0)
        return r;
    spool->begun = true;
    spool->begun_ms = kw_clock_monotonic_ms();
    return 0;
}

int kw_spool_begin(struct kw_spool *spool, struct kw_fault *fault)
{
    return begin(spool, fault);
}

void kw_spool_rollback(struct kw_spool *spool)
{
    kw_store_rollback(spool->store);
    spool->begun = false;
    (void)!measure(spool, NULL);
}

static void checkpoint(struct kw_spool *spool)
{
    if (spool->unchecked < CHECKPOINT)
        return;
    (void)!kw_store_checkpoint(spool->store, false, NULL, NULL, NULL); /* when it fails the log grows until the next time */
    spool->unchecked = 0;
}

int kw_spool_commit(struct kw_spool *spool, struct kw_fault *fault)
{
    if (!spool->begun)
        return 0;
    (void)kw_fault_point("agent.commit");
    int r = kw_store_commit(spool->store, fault);
    if (r == 0) {
        (void)kw_fault_point("agent.committed");
        spool->begun = false;
        checkpoint(spool);
        return 0;
    }
    if (r == -ENOSPC) {
        kw_spool_rollback(spool);
        spool->full = true;
        spool->full_bytes = spool->bytes;
        spool->ballast = false;
        (void)!kw_store_ballast(spool->store, 0, NULL); /* space for the receipts that will make more */
    }
    return r;
}

bool kw_spool_accepts(const struct kw_spool *spool)
{
    return !spool->full && spool->bytes < spool->limit;
}

/* Twice the ballast, so that there is still space when it stands. Else what was drained: the file does not shrink, but its
 * free pages are used again. */
void kw_spool_heal(struct kw_spool *spool)
{
    if (spool->begun || (spool->ballast && !spool->full))
        return;
    (void)!kw_store_checkpoint(spool->store, true, NULL, NULL, NULL);
    if (!spool->ballast && kw_store_ballast(spool->store, 2 * BALLAST, NULL) == 0)
        spool->ballast = kw_store_ballast(spool->store, 0, NULL) == 0 && kw_store_ballast(spool->store, BALLAST, NULL) == 0;
    if (spool->ballast || spool->bytes < spool->full_bytes / 2)
        spool->full = false;
}

int kw_spool_count(struct kw_spool *spool, const char *name, int64_t more, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = begin(spool, fault);
    if (r == 0)
        r = kw_query(spool->store, "INSERT INTO tally VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = value + ?2", &query,
                     fault);
    if (r < 0)
        return r;
    kw_bind_text(query, 1, name);
    kw_bind_integer(query, 2, more);
    return kw_query_run(query, NULL, fault);
}

/* ---- documents ------------------------------------------------------------------------ */

static void source_key(const char *connector, struct kw_view source, uint8_t ret_key[KW_HASH_SIZE])
{
    struct kw_sha256 hash;
    kw_sha256_start(&hash);
    kw_sha256_add(&hash, connector, strlen(connector) + 1);
    kw_sha256_add(&hash, source.data, source.size);
    kw_sha256_end(&hash, ret_key); /* its first 16 bytes are kept */
}

static int mark_seen(struct kw_spool *spool, const char *connector, struct kw_view source, struct kw_fault *fault)
{
    struct kw_query *query;
    uint8_t key[KW_HASH_SIZE];
    int64_t changes = 0;
    int r = kw_query(spool->store, "INSERT OR IGNORE INTO seen VALUES(?1)", &query, fault);
    if (r < 0)
        return r;
    source_key(connector, source, key);
    kw_bind_blob(query, 1, (struct kw_view){key, 16});
    r = kw_query_run(query, &changes, fault);
    return r == 0 && changes == 0 ? -EEXIST : r;
}

int kw_spool_seen(struct kw_spool *spool, const char *connector, struct kw_view source, bool *ret_seen, struct kw_fault *fault)
{
    struct kw_query *query;
    uint8_t key[KW_HASH_SIZE];
    int r = kw_query(spool->store, "SELECT 1 FROM seen WHERE source = ?1", &query, fault);
    if (r < 0)
        return r;
    source_key(connector, source, key);
    kw_bind_blob(query, 1, (struct kw_view){key, 16});
    r = kw_query_step(query, fault);
    kw_query_reset(query);
    if (r < 0)
        return r;
    *ret_seen = r == 1;
    return 0;
}

static void bind_document(struct kw_query *query, const char *connector, const struct kw_document *document)
{
    kw_bind_text(query, 1, connector);
    kw_bind_text(query, 2, document->stylesheet);
    kw_bind_text(query, 3, document->format);
    kw_bind_blob(query, 4, kw_view_of(&document->parameters));
    kw_bind_text(query, 5, document->label);
    kw_bind_integer(query, 6, document->backfill);
    kw_bind_integer(query, 7, kw_clock_wall_ms());
    kw_bind_blob(query, 8, kw_view_of(&document->body));
}

int kw_spool_document_add(struct kw_spool *spool, const char *connector, struct kw_view source, const struct kw_document *document,
                          struct kw_fault *fault)
{
    struct kw_query *query;
    int r = begin(spool, fault);
    if (r == 0 && source.size)
        r = mark_seen(spool, connector, source, fault);
    if (r == 0)
        r = kw_query(spool->store,
                     "INSERT INTO document(connector, stylesheet, format, parameters, label, backfill, at, body)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                     &query, fault);
    if (r < 0)
        return r;
    bind_document(query, connector, document);
    r = kw_query_run(query, NULL, fault);
    if (r < 0)
        return r;
    spool->documents++;
    spool->bytes += document->body.size;
    spool->unchecked += document->body.size;
    return 0;
}

static int copy_text(char *ret_text, size_t size, struct kw_view text)
{
    if (text.size >= size)
        return -EBADMSG;
    memcpy(ret_text, text.data, text.size);
    ret_text[text.size] = 0;
    return 0;
}

static int copy_bytes(struct kw_buf *buf, struct kw_view bytes)
{
    buf->size = 0;
    return kw_buf_append(buf, bytes.data, bytes.size);
}

static int read_document(struct kw_query *query, struct kw_document *document)
{
    document->number = (uint64_t)kw_column_integer(query, 0);
    document->backfill = kw_column_integer(query, 5) != 0;
    int r = copy_text(document->stylesheet, sizeof document->stylesheet, kw_column_text(query, 1));
    if (r == 0)
        r = copy_text(document->format, sizeof document->format, kw_column_text(query, 2));
    if (r == 0)
        r = copy_bytes(&document->parameters, kw_column_blob(query, 3));
    if (r == 0)
        r = copy_text(document->label, sizeof document->label, kw_column_text(query, 4));
    return r < 0 ? r : copy_bytes(&document->body, kw_column_blob(query, 6));
}

int kw_spool_document_next(struct kw_spool *spool, const char *connector, uint64_t after, struct kw_document *ret_document,
                           struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(spool->store,
                     "SELECT number, stylesheet, format, parameters, label, backfill, body FROM document"
                     " WHERE connector = ?1 AND number > ?2 ORDER BY number LIMIT 1",
                     &query, fault);
    if (r < 0)
        return r;
    kw_bind_text(query, 1, connector);
    kw_bind_integer(query, 2, (int64_t)after);
    r = kw_query_step(query, fault);
    if (r == 1) {
        r = read_document(query, ret_document);
        if (r < 0)
            kw_fail(fault, r, r == -ENOMEM ? KW_E_MEMORY : KW_E_CORRUPT, "document", "cannot be read back");
    } else if (r == 0) {
        r = -ENOENT;
    }
    kw_query_reset(query);
    return r;
}

int kw_spool_document_drop(struct kw_spool *spool, const struct kw_document *document, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = begin(spool, fault);
    if (r == 0)
        r = kw_query(spool->store, "DELETE FROM document WHERE number = ?1", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)document->number);
    r = kw_query_run(query, NULL, fault);
    if (r < 0)
        return r;
    spool->documents--;
    spool->bytes -= document->body.size;
    spool->unchecked += document->body.size;
    return 0;
}

int kw_spool_quarantine(struct kw_spool *spool, const char *connector, const struct kw_document *document,
                        const struct kw_fault *reason, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = begin(spool, fault);
    if (r == 0)
        r = kw_query(spool->store,
                     "INSERT INTO quarantine(connector, stylesheet, format, parameters, label, backfill, at, body, code, place,"
                     " line, column, detail) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                     &query, fault);
    if (r < 0)
        return r;
    bind_document(query, connector, document);
    kw_bind_text(query, 9, kw_code_name(reason->code));
    kw_bind_text(query, 10, reason->place);
    kw_bind_integer(query, 11, reason->line);
    kw_bind_integer(query, 12, reason->column);
    kw_bind_text(query, 13, reason->message);
    r = kw_query_run(query, NULL, fault);
    if (r == 0)
        r = kw_spool_count(spool, "quarantined-here", 1, fault);
    return r < 0 ? r : kw_spool_document_drop(spool, document, fault);
}

int kw_spool_requeue(struct kw_spool *spool, uint64_t *ret_count, struct kw_fault *fault)
{
    static const char *const steps[] = {
        "INSERT INTO document(connector, stylesheet, format, parameters, label, backfill, at, body)"
        " SELECT connector, stylesheet, format, parameters, label, backfill, at, body FROM quarantine ORDER BY number",
        "DELETE FROM quarantine",
    };
    int64_t changes = 0;
    int r = begin(spool, fault);
    for (size_t i = 0; r == 0 && i < KW_COUNT(steps); i++) {
        struct kw_query *query;
        r = kw_query(spool->store, steps[i], &query, fault);
        if (r == 0)
            r = kw_query_run(query, &changes, fault);
    }
    if (r == 0)
        r = kw_spool_commit(spool, fault);
    if (r == 0)
        r = measure(spool, fault);
    if (r == 0)
        *ret_count = (uint64_t)changes;
    return r;
}

int kw_spool_cursor_save(struct kw_spool *spool, const char *connector, const char *name, struct kw_view value,
                         struct kw_fault *fault)
{
    struct kw_query *query;
    int r = begin(spool, fault);
    if (r == 0)
        r = kw_query(spool->store, "INSERT OR REPLACE INTO cursor VALUES(?1, ?2, ?3)", &query, fault);
    if (r < 0)
        return r;
    kw_bind_text(query, 1, connector);
    kw_bind_text(query, 2, name);
    kw_bind_blob(query, 3, value);
    return kw_query_run(query, NULL, fault);
}

int kw_spool_cursor_load(struct kw_spool *spool, const char *connector, const char *name, struct kw_buf *ret_value,
                         struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(spool->store, "SELECT value FROM cursor WHERE connector = ?1 AND name = ?2", &query, fault);
    if (r < 0)
        return r;
    kw_bind_text(query, 1, connector);
    kw_bind_text(query, 2, name);
    r = kw_query_step(query, fault);
    if (r == 1)
        r = copy_bytes(ret_value, kw_column_blob(query, 0));
    else if (r == 0)
        ret_value->size = 0;
    kw_query_reset(query);
    return r;
}
