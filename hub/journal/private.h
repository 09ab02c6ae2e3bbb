/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - what the files of the journal room share: rows, memory hashes, keys. */
#ifndef KINWARD_JOURNAL_PRIVATE_H
#define KINWARD_JOURNAL_PRIVATE_H

#include <stdatomic.h>

#include "journal/journal.h"
#include "store/store.h"

/* ---- memory hash: 64-bit tag -> number from 1 (tagmap.c) --------------------- */

/* Open addressing in many small shards, each growing alone, so that no growth stalls an append. 16 bytes a slot: a tag is only
 * a hint, the row behind the number decides. Changes since the last kw_tagmap_keep can be taken back. */
#define TAGMAP_SHARDS 1024
struct kw_tag_slot {
    uint64_t tag, number; /* number 0: empty */
};
struct kw_tag_change {
    uint64_t tag, number, before;
};
struct kw_tagmap {
    struct kw_tag_shard {
        struct kw_tag_slot *slots;
        uint32_t capacity, count; /* capacity: a power of two, or 0 */
    } shards[TAGMAP_SHARDS];
    struct kw_tag_change *changes;
    size_t changed, room;
    atomic_size_t bytes; /* of all slots; any thread may read it */
};
void kw_tagmap_clear(struct kw_tagmap *map);
KW_CHECKED int kw_tagmap_reserve(struct kw_tagmap *map, uint64_t count); /* memory for so many, before a rebuild */
/* Makes the next put of this tag unable to fail. */
KW_CHECKED int kw_tagmap_prepare(struct kw_tagmap *map, uint64_t tag);
/* before: the number of this tag that is replaced, or 0. */
void kw_tagmap_put(struct kw_tagmap *map, uint64_t tag, uint64_t number, uint64_t before);
/* The numbers with this tag, one a call; *at is 0 for the first. 0: no more. */
uint64_t kw_tagmap_find(const struct kw_tagmap *map, uint64_t tag, uint32_t *at);
/* Fetches a tag's place from memory, for a put that comes soon. */
void kw_tagmap_prefetch(const struct kw_tagmap *map, uint64_t tag);
void kw_tagmap_keep(struct kw_tagmap *map);
void kw_tagmap_undo(struct kw_tagmap *map);

/* ---- the narrow row of an entry (row.c) ---------------------------------------- */

struct kw_key_row {
    uint64_t position, previous; /* previous: the position that this one supersedes, or 0 */
    uint64_t mapping, series;    /* hashes of the mapping, and of registry and source id */
    uint8_t kind, has_raw;
    uint8_t source[16], content[16], raw[16]; /* keyed hashes; all zero where there is none */
    size_t found_count;
    uint64_t found[KW_FOUND_MAX];
};
#define KW_KEY_ROW_HEAD 82 /* packed, without found */
#define KW_KEY_ROW_MAX  (KW_KEY_ROW_HEAD + 8 * KW_FOUND_MAX)

struct kw_journal_keys {
    uint8_t *wrap; /* in locked memory: wraps the keys of entries */
    uint8_t source[16], content[16], mark[16];
    uint8_t principal[KW_KEY_SIZE];
};

struct kw_journal_reader {
    struct kw_store *store;
    struct kw_journal_keys keys;
    struct kw_buf plain, context; /* of the entry last read */
};

struct kw_journal {
    struct kw_journal_reader self; /* the writer's own connection */
    bool open;                     /* a transaction */
    int failed;                    /* its first failure */
    struct kw_tagmap sources, batches;
    struct kw_counters {
        uint64_t position, batch, rejected, quarantined;
    } now, kept;          /* last numbers given; kept: the committed ones */
    uint64_t *last_batch; /* by principal: number of its last committed batch */
    size_t last_batch_count;
    struct kw_last_change {
        uint32_t principal;
        uint64_t number;
    } * last_changes; /* of the open transaction */
    size_t last_changed, last_room;
    struct kw_buf sealed, wrapped;
};

KW_CHECKED int kw_journal_keys_init(struct kw_journal_keys *keys, const uint8_t vault[KW_KEY_SIZE]);
void kw_journal_keys_clear(struct kw_journal_keys *keys);

/* Packs a row with its mark; returns the size. */
size_t kw_key_row_pack(const struct kw_journal_keys *keys, const struct kw_key_row *row, uint8_t ret_bytes[KW_KEY_ROW_MAX]);
/* -EBADMSG KW_E_CORRUPT when the mark does not agree with bytes and position. */
KW_CHECKED int kw_key_row_unpack(const struct kw_journal_keys *keys, uint64_t position, struct kw_view bytes,
                                 struct kw_key_row *ret_row, struct kw_fault *fault);
KW_CHECKED int kw_key_row_read(struct kw_journal_reader *reader, uint64_t position, struct kw_key_row *ret_row,
                               struct kw_fault *fault);
KW_CHECKED int kw_journal_source(const struct kw_journal_keys *keys, struct kw_view registry, struct kw_view source_id,
                                 struct kw_view version, uint8_t ret_source[16], uint64_t *ret_series);
uint64_t kw_source_tag(const uint8_t source[16]);
int kw_journal_corrupt(struct kw_fault *fault, const char *table, uint64_t number);
int kw_journal_no_memory(struct kw_fault *fault);

/* ---- sealing: a random key for each row, wrapped, and a body bound to its row (seal.c) --- */

/* Fills wrapped with the wrapped key and sealed with the body, and gives the salt. context: what the body is bound to. */
KW_CHECKED int kw_row_key_new(const struct kw_journal_keys *keys, struct kw_view context, struct kw_buf *ret_wrapped,
                              uint8_t ret_body_key[KW_KEY_SIZE], uint8_t ret_salt[KW_KEY_SIZE]);
KW_CHECKED int kw_row_key_open(const struct kw_journal_keys *keys, struct kw_view context, struct kw_view wrapped,
                               uint8_t ret_body_key[KW_KEY_SIZE], uint8_t ret_salt[KW_KEY_SIZE]);
KW_CHECKED int kw_entry_key_context(uint64_t position, struct kw_buf *ret_context);
KW_CHECKED int kw_entry_body_context(const struct kw_entry *entry, struct kw_buf *ret_context);

/* Remembers the transaction's first failure, so that the commit refuses; gives error back. */
int kw_journal_doom(struct kw_journal *journal, int error);
KW_CHECKED int kw_journal_one_number(struct kw_journal_reader *reader, const char *sql, uint64_t *ret_number,
                                     struct kw_fault *fault);
KW_CHECKED int kw_batches_rebuild(struct kw_journal *journal, struct kw_fault *fault);
void kw_batches_keep(struct kw_journal *journal);

#endif
