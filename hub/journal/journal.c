/* SPDX-License-Identifier: Apache-2.0 */
/* journal.c - opening, the schema, transactions, rebuilding the memory hashes. */
#include "journal/private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char *const migrations[] = {
    "CREATE TABLE entry(position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, principal INTEGER NOT NULL, batch INTEGER NOT NULL,"
    " slot INTEGER NOT NULL, flags INTEGER NOT NULL, received_ms INTEGER NOT NULL, commitment BLOB NOT NULL, wrapped_key BLOB,"
    " body BLOB NOT NULL);"
    /* packed: keyed hashes of source, content, raw document and mapping, the superseded position, match keys, and a mark */
    "CREATE TABLE key(position INTEGER PRIMARY KEY, packed BLOB NOT NULL);"
    "CREATE TABLE batch(number INTEGER PRIMARY KEY, principal INTEGER NOT NULL, id BLOB NOT NULL, digest BLOB NOT NULL,"
    " signature BLOB NOT NULL, root BLOB NOT NULL, count INTEGER NOT NULL, at_ms INTEGER NOT NULL, mark INTEGER NOT NULL);"
    "CREATE TABLE receipt(number INTEGER PRIMARY KEY, leaves BLOB NOT NULL, receipt BLOB NOT NULL);"
    "CREATE TABLE rejected(number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, principal INTEGER NOT NULL, batch INTEGER NOT NULL,"
    " slot INTEGER NOT NULL, code TEXT NOT NULL, place TEXT NOT NULL, hash BLOB NOT NULL, at_ms INTEGER NOT NULL);"
    "CREATE TABLE quarantine(number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, principal INTEGER NOT NULL,"
    " batch INTEGER NOT NULL, slot INTEGER NOT NULL, flags INTEGER NOT NULL, attempts INTEGER NOT NULL, code TEXT NOT NULL,"
    " place TEXT NOT NULL, at_ms INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0, closed_by TEXT NOT NULL DEFAULT '',"
    " reason TEXT NOT NULL DEFAULT '', closed_ms INTEGER NOT NULL DEFAULT 0, wrapped_key BLOB, body BLOB NOT NULL);"
    "CREATE INDEX quarantine_open ON quarantine(number) WHERE state = 0;"
    "CREATE TABLE principal(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, curve BLOB UNIQUE, fields BLOB NOT NULL,"
    " mark BLOB NOT NULL);"
    "CREATE TABLE principal_key(principal INTEGER NOT NULL, until_ms INTEGER NOT NULL, curve BLOB, sign BLOB, box BLOB,"
    " PRIMARY KEY(principal, until_ms)) WITHOUT ROWID;"
    "CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;",
};

static int reader_init(struct kw_journal_reader *reader, const char *dir, const uint8_t vault[KW_KEY_SIZE], bool writer,
                       struct kw_fault *fault)
{
    char path[4096];
    int error = kw_path_join(path, sizeof(path), dir, "journal.db");
    if (error < 0)
        return kw_fail(fault, error, KW_E_FILE, dir, "the name is too long");
    error = kw_journal_keys_init(&reader->keys, vault);
    if (error < 0)
        return kw_journal_no_memory(fault);
    return writer ? kw_store_open(path, migrations, KW_COUNT(migrations), &reader->store, fault)
                  : kw_store_open_reader(path, &reader->store, fault);
}

static void reader_clear(struct kw_journal_reader *reader)
{
    kw_store_close(reader->store);
    kw_journal_keys_clear(&reader->keys);
    kw_buf_wipe(&reader->plain);
    kw_buf_clear(&reader->context);
}

/* A journal answers to one vault key: another one would write what nobody could read. */
static int check_vault(struct kw_journal *journal, const uint8_t vault[KW_KEY_SIZE], struct kw_fault *fault)
{
    uint8_t key[KW_KEY_SIZE];
    char wanted[2 * KW_KEY_SIZE + 1];
    KW_AUTO(kw_buf_clear) struct kw_buf stored = {0};
    kw_derive(vault, "kwjournl", 4, key);
    kw_hex(wanted, key, sizeof(key));
    int error = kw_journal_setting(&journal->self, "vault-check", &stored, fault);
    if (error == 0 && !kw_view_is(kw_view_of(&stored), wanted))
        return kw_fail(fault, -EKEYREJECTED, KW_E_KEY, "vault", "this is not the vault key of the journal");
    if (error != -ENOENT)
        return error;
    error = kw_journal_begin(journal, fault);
    if (error == 0)
        error = kw_journal_setting_save(journal, "vault-check", wanted, fault);
    return error < 0 ? error : kw_journal_commit(journal, fault);
}

static int read_counters(struct kw_journal *journal, struct kw_fault *fault)
{
    const struct {
        const char *sql;
        uint64_t *number;
    } counters[] = {
        {"SELECT max(position) FROM entry", &journal->kept.position},
        {"SELECT max(number) FROM batch", &journal->kept.batch},
        {"SELECT max(number) FROM rejected", &journal->kept.rejected},
        {"SELECT max(number) FROM quarantine", &journal->kept.quarantined},
    };
    for (size_t i = 0; i < KW_COUNT(counters); i++) {
        int error = kw_journal_one_number(&journal->self, counters[i].sql, counters[i].number, fault);
        if (error < 0)
            return error;
    }
    journal->now = journal->kept;
    return 0;
}

/* Rows between their reading and their place in memory, which is a cache miss each: those of many rows overlap. */
#define AHEAD 32
struct ahead {
    struct waiting {
        uint64_t tag, position, previous;
    } rows[AHEAD];
    uint64_t put, taken;
};

static int place_source(struct kw_journal *journal, struct ahead *ahead)
{
    const struct waiting *row = &ahead->rows[ahead->put++ % AHEAD];
    if (kw_tagmap_prepare(&journal->sources, row->tag) < 0)
        return -ENOMEM;
    kw_tagmap_put(&journal->sources, row->tag, row->position, row->previous);
    kw_tagmap_keep(&journal->sources);
    return 0;
}

static int take_source(struct kw_journal *journal, struct ahead *ahead, uint64_t position, struct kw_view packed,
                       struct kw_fault *fault)
{
    struct kw_key_row row;
    int error = kw_key_row_unpack(&journal->self.keys, position, packed, &row, fault);
    if (error < 0)
        return error;
    uint64_t tag = kw_source_tag(row.source);
    if (tag == 0) /* no source */
        return 0;
    if (row.previous >= position)
        return kw_journal_corrupt(fault, "key", position);
    if (ahead->taken - ahead->put == AHEAD && place_source(journal, ahead) < 0)
        return kw_journal_no_memory(fault);
    ahead->rows[ahead->taken++ % AHEAD] = (struct waiting){tag, position, row.previous};
    kw_tagmap_prefetch(&journal->sources, tag);
    return 0;
}

static int rebuild_sources(struct kw_journal *journal, struct kw_fault *fault)
{
    struct kw_query *query;
    struct ahead ahead = {0};
    uint64_t position = 0;
    if (kw_tagmap_reserve(&journal->sources, journal->kept.position) < 0)
        return kw_journal_no_memory(fault);
    int error = kw_query(journal->self.store, "SELECT position, packed FROM key ORDER BY position", &query, fault);
    if (error < 0)
        return error;
    int step;
    while ((step = kw_query_step(query, fault)) == 1) {
        if ((uint64_t)kw_column_integer(query, 0) != ++position)
            step = kw_journal_corrupt(fault, "key", position);
        else
            step = take_source(journal, &ahead, position, kw_column_blob(query, 1), fault);
        if (step < 0)
            break;
    }
    kw_query_reset(query);
    if (step == 0 && position != journal->kept.position)
        step = kw_journal_corrupt(fault, "key", position + 1);
    while (step == 0 && ahead.put < ahead.taken)
        if (place_source(journal, &ahead) < 0)
            step = kw_journal_no_memory(fault);
    return step;
}

int kw_journal_open(const char *dir, const uint8_t vault[KW_KEY_SIZE], struct kw_journal **ret_journal, struct kw_fault *fault)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = kw_alloc(sizeof(*journal));
    if (!journal)
        return kw_journal_no_memory(fault);
    int error = reader_init(&journal->self, dir, vault, true, fault);
    if (error == 0)
        error = check_vault(journal, vault, fault);
    if (error == 0)
        error = read_counters(journal, fault);
    if (error == 0)
        error = rebuild_sources(journal, fault);
    if (error == 0)
        error = kw_batches_rebuild(journal, fault);
    if (error < 0)
        return error;
    *ret_journal = journal;
    journal = NULL;
    return 0;
}

void kw_journal_close(struct kw_journal *journal)
{
    if (!journal)
        return;
    kw_store_rollback(journal->self.store);
    kw_tagmap_clear(&journal->sources);
    kw_tagmap_clear(&journal->batches);
    kw_free(journal->last_batch);
    kw_free(journal->last_changes);
    kw_buf_clear(&journal->sealed);
    kw_buf_clear(&journal->wrapped);
    reader_clear(&journal->self);
    kw_free(journal);
}

void kw_journal_closep(struct kw_journal **journal)
{
    kw_journal_close(*journal);
    *journal = NULL;
}

size_t kw_journal_index_bytes(const struct kw_journal *journal)
{
    return atomic_load(&journal->sources.bytes) + atomic_load(&journal->batches.bytes);
}

struct kw_journal_reader *kw_journal_self(struct kw_journal *journal)
{
    return &journal->self;
}

int kw_journal_begin(struct kw_journal *journal, struct kw_fault *fault)
{
    int error = kw_store_begin(journal->self.store, fault);
    if (error == 0)
        journal->open = true;
    return error;
}

int kw_journal_commit(struct kw_journal *journal, struct kw_fault *fault)
{
    assert(journal->open);
    int error = journal->failed;
    if (error < 0)
        (void)kw_fail(fault, error, error == -ENOSPC ? KW_E_READ_ONLY : KW_E_STORE, "commit", "the transaction failed before");
    else if ((error = kw_fault_point("journal.commit")) < 0)
        (void)kw_fail(fault, error, KW_E_STORE, "commit", "sync failed");
    else
        error = kw_store_commit(journal->self.store, fault);
    if (error < 0) {
        kw_journal_rollback(journal);
        return error;
    }
    journal->open = false;
    journal->kept = journal->now;
    kw_tagmap_keep(&journal->sources);
    kw_tagmap_keep(&journal->batches);
    kw_batches_keep(journal);
    return 0;
}

void kw_journal_rollback(struct kw_journal *journal)
{
    if (!journal)
        return;
    kw_store_rollback(journal->self.store);
    kw_tagmap_undo(&journal->sources);
    kw_tagmap_undo(&journal->batches);
    journal->last_changed = 0;
    journal->now = journal->kept;
    journal->open = false;
    journal->failed = 0;
}

int kw_journal_doom(struct kw_journal *journal, int error)
{
    if (error < 0 && journal->open && !journal->failed)
        journal->failed = error;
    return error;
}

int kw_journal_reader_open(const char *dir, const uint8_t vault[KW_KEY_SIZE], struct kw_journal_reader **ret_reader,
                           struct kw_fault *fault)
{
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = kw_alloc(sizeof(*reader));
    if (!reader)
        return kw_journal_no_memory(fault);
    int error = reader_init(reader, dir, vault, false, fault);
    if (error < 0)
        return error;
    *ret_reader = reader;
    reader = NULL;
    return 0;
}

void kw_journal_reader_close(struct kw_journal_reader *reader)
{
    if (!reader)
        return;
    reader_clear(reader);
    kw_free(reader);
}

void kw_journal_reader_closep(struct kw_journal_reader **reader)
{
    kw_journal_reader_close(*reader);
    *reader = NULL;
}
