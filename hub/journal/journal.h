/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h - every accepted record, check and act in one dense order; principals, batches, quarantine, settings.
 *
 * One writer thread (struct kw_journal), any number of readers with a thread
 * each (struct kw_journal_reader), which see committed entries only. Every
 * negative answer inside a transaction dooms it: roll back. -ENOSPC: nothing
 * of the transaction is kept, try again later. -EIO: stop the process.
 */
#ifndef KINWARD_JOURNAL_H
#define KINWARD_JOURNAL_H

#include "crypto/crypto.h"
#include "journal/apply.h"
#include "journal/principal.h"
#include "journal/roster.h"

struct kw_journal;
struct kw_journal_reader;

/* clang-format off */
enum kw_entry_kind { /* from KW_ENTRY_REVIEW on, the record slot holds JSON and there is no image; a tick's is {"at": its time} */
    KW_ENTRY_RECORD = 1, KW_ENTRY_CHECK, KW_ENTRY_REVIEW, KW_ENTRY_FEEDBACK, KW_ENTRY_ACKNOWLEDGEMENT, KW_ENTRY_ACT,
    KW_ENTRY_TICK, KW_ENTRY_COVERAGE, KW_ENTRY_KIND_END
};
/* clang-format on */
#define KW_ENTRY_BACKFILL 1u  /* flag: never alerts live desks */
#define KW_FOUND_MAX      512 /* match keys of one entry */

/* ---- writer --------------------------------------------------------------- */

/* dir/journal.db is made when absent; vault is copied. Rebuilds the memory hashes from the key table (about 2 s at 10^7). */
KW_CHECKED int kw_journal_open(const char *dir, const uint8_t vault[KW_KEY_SIZE], struct kw_journal **ret_journal,
                               struct kw_fault *fault);
void kw_journal_close(struct kw_journal *journal);
void kw_journal_closep(struct kw_journal **journal);
KW_CHECKED int kw_journal_begin(struct kw_journal *journal, struct kw_fault *fault);
/* 0 only when all of it is on stable storage; otherwise nothing of it is there and the memory hashes are as before. */
KW_CHECKED int kw_journal_commit(struct kw_journal *journal, struct kw_fault *fault);
void kw_journal_rollback(struct kw_journal *journal); /* harmless without a transaction */
/* Bytes of the memory hashes; from any thread. */
size_t kw_journal_index_bytes(const struct kw_journal *journal);
/* The writer's own reading side, for its thread only; sees the open transaction. Not to be closed. */
struct kw_journal_reader *kw_journal_self(struct kw_journal *journal);

struct kw_entry_new {
    enum kw_entry_kind kind;
    uint32_t principal, slot, flags; /* principal 0: the hub itself; slot: place in the batch, from 0 */
    uint64_t batch;                  /* kw_journal_batch_next(), or 0 */
    int64_t received_ms;
    struct kw_view record, image, origin_leaf;          /* record: canonical bytes or JSON */
    struct kw_view registry, source_id, source_version; /* empty source_id: never a duplicate (kinds from KW_ENTRY_REVIEW on) */
    struct kw_view raw_hash, mapping; /* mapping: id and version together; both empty where there was no mapping */
    const uint64_t *found;            /* match keys, at most KW_FOUND_MAX */
    size_t found_count;
};
/* Outcome KW_ACCEPTED or KW_REMAPPED (a new position; remapped supersedes the stored one), KW_DUPLICATE (position of the stored
 * one) or KW_CONFLICT (position of the stored one; the new content is kept in quarantine with that code). */
KW_CHECKED int kw_journal_append(struct kw_journal *journal, const struct kw_entry_new *entry, enum kw_code *ret_outcome,
                                 uint64_t *ret_position, struct kw_fault *fault);

/* ---- batches: the same (principal, id) again gets the same bytes --------------- */

struct kw_journal_batch {
    uint64_t number; /* dense from 1 */
    uint32_t principal, count;
    uint8_t id[16], digest[KW_HASH_SIZE]; /* SHA-256 of the SUBMIT header and payload */
    uint8_t signature[KW_SIGNATURE_SIZE], root[KW_HASH_SIZE];
    int64_t at_ms;
    struct kw_view leaves;  /* count RFC 6962 leaf hashes of 32 bytes under root, refused records too: gives the origin path */
    struct kw_view receipt; /* what was answered */
};
uint64_t kw_journal_batch_next(const struct kw_journal *journal); /* the number that the next kw_journal_batch_add gives */
/* Appends the stored receipt. -ENOENT: a new batch. -EEXIST, KW_E_BATCH_REUSED: same id with another digest. */
KW_CHECKED int kw_journal_batch_find(struct kw_journal *journal, uint32_t principal, const uint8_t id[16],
                                     const uint8_t digest[KW_HASH_SIZE], struct kw_buf *ret_receipt, struct kw_fault *fault);
KW_CHECKED int kw_journal_batch_add(struct kw_journal *journal, const struct kw_journal_batch *batch, struct kw_fault *fault);
/* Last committed batch of a principal; -ENOENT when there is none. */
KW_CHECKED int kw_journal_last_batch(struct kw_journal *journal, uint32_t principal, uint8_t ret_id[16]);
/* leaves and receipt are borrowed until the reader's next call. */
KW_CHECKED int kw_journal_batch_read(struct kw_journal_reader *reader, uint64_t number, struct kw_journal_batch *ret_batch,
                                     struct kw_fault *fault);

/* ---- refused and kept --------------------------------------------------------- */

enum kw_quarantine_state { KW_QUARANTINE_OPEN = 0, KW_QUARANTINE_RETRIED, KW_QUARANTINE_CLOSED };
struct kw_refusal {  /* rejected: cause and hash only; quarantined: with the body, encrypted */
    uint64_t number; /* dense from 1 in each of both tables; ignored when new */
    enum kw_entry_kind kind;
    uint32_t principal, slot, flags, attempts;
    uint64_t batch;
    enum kw_code code;
    int64_t at_ms;
    char place[128];                  /* element or stage */
    uint8_t hash[KW_HASH_SIZE];       /* rejected: SHA-256 of what was sent */
    struct kw_view body, origin_leaf; /* quarantined: as sent; from show only */
    enum kw_quarantine_state state;
    char closed_by[65], reason[257];
    int64_t closed_ms;
};
typedef int kw_refusal_visit(void *context, const struct kw_refusal *refusal); /* non-zero stops and is returned */
KW_CHECKED int kw_journal_reject(struct kw_journal *journal, const struct kw_refusal *refusal, struct kw_fault *fault);
KW_CHECKED int kw_journal_quarantine(struct kw_journal *journal, const struct kw_refusal *refusal, uint64_t *ret_number,
                                     struct kw_fault *fault);
KW_CHECKED int kw_journal_quarantine_attempt(struct kw_journal *journal, uint64_t number, struct kw_fault *fault); /* counts one */
/* Retried or closed, with who and why. -ENOENT KW_E_NOT_FOUND; -EINVAL KW_E_STATE when not open or without a reason. */
KW_CHECKED int kw_journal_quarantine_settle(struct kw_journal *journal, uint64_t number, enum kw_quarantine_state state,
                                            const char *by, const char *reason, int64_t at_ms, struct kw_fault *fault);
KW_CHECKED int kw_journal_rejected_list(struct kw_journal_reader *reader, uint64_t after, uint32_t limit, kw_refusal_visit *visit,
                                        void *context, struct kw_fault *fault);
KW_CHECKED int kw_journal_quarantine_list(struct kw_journal_reader *reader, bool open_only, uint64_t after, uint32_t limit,
                                          kw_refusal_visit *visit, void *context, struct kw_fault *fault);
KW_CHECKED int kw_journal_quarantine_show(struct kw_journal_reader *reader, uint64_t number, struct kw_refusal *ret_refusal,
                                          struct kw_fault *fault); /* body borrowed until the reader's next call */

/* ---- readers -------------------------------------------------------------------- */

struct kw_entry { /* texts are borrowed until the reader's next call; verified: commitment, keys and fields agree */
    uint64_t position, batch;
    enum kw_entry_kind kind;
    uint32_t principal, slot, flags;
    int64_t received_ms;
    bool erased; /* its key is gone: record, image, origin leaf and salt are empty */
    uint8_t commitment[KW_HASH_SIZE], salt[KW_HASH_SIZE];
    struct kw_view record, image, origin_leaf;
};
struct kw_journal_counts {
    uint64_t entries, batches, rejected, quarantined, quarantine_open;
};
KW_CHECKED int kw_journal_reader_open(const char *dir, const uint8_t vault[KW_KEY_SIZE], struct kw_journal_reader **ret_reader,
                                      struct kw_fault *fault);
void kw_journal_reader_close(struct kw_journal_reader *reader);
void kw_journal_reader_closep(struct kw_journal_reader **reader);
KW_CHECKED int kw_journal_last(struct kw_journal_reader *reader, uint64_t *ret_position, struct kw_fault *fault); /* 0: empty */
KW_CHECKED int kw_journal_count(struct kw_journal_reader *reader, struct kw_journal_counts *ret_counts, struct kw_fault *fault);
/* -ENOENT KW_E_NOT_FOUND; -EBADMSG KW_E_CORRUPT when stored bytes changed: never another record. */
KW_CHECKED int kw_journal_read(struct kw_journal_reader *reader, uint64_t position, struct kw_entry *ret_entry,
                               struct kw_fault *fault);
/* Entries after a position in order, at most limit; visit must not use this reader. Its non-zero answer stops and is returned. */
KW_CHECKED int kw_journal_scan(struct kw_journal_reader *reader, uint64_t after, uint32_t limit,
                               int (*visit)(void *context, const struct kw_entry *entry), void *context, struct kw_fault *fault);
/* The match keys of positions after..upto, from the narrow table; and commitments, without reading bodies. */
typedef int kw_keys_visit(void *context, uint64_t position, enum kw_entry_kind kind, const uint64_t *found, size_t count);
KW_CHECKED int kw_journal_scan_keys(struct kw_journal_reader *reader, uint64_t after, uint64_t upto, kw_keys_visit *visit,
                                    void *context, struct kw_fault *fault);
typedef int kw_commitment_visit(void *context, uint64_t position, enum kw_entry_kind kind, const uint8_t commitment[KW_HASH_SIZE]);
KW_CHECKED int kw_journal_scan_commitments(struct kw_journal_reader *reader, uint64_t after, uint32_t limit,
                                           kw_commitment_visit *visit, void *context, struct kw_fault *fault);
/* Positions of all versions of a registry's record, oldest first: a scan of the key table, for people's questions. */
KW_CHECKED int kw_journal_history(struct kw_journal_reader *reader, struct kw_view registry, struct kw_view source_id,
                                  int (*visit)(void *context, uint64_t position), void *context, struct kw_fault *fault);
/* Moves the write-ahead log into the database; call it again and again from a thread that is not the writer's, and tell the
 * writer what it gave, so that it starts the log anew (kw_store_copied says how). */
KW_CHECKED int kw_journal_checkpoint(struct kw_journal_reader *reader, uint32_t *ret_copied, uint32_t *ret_left,
                                     struct kw_fault *fault);
void kw_journal_copied(struct kw_journal *journal, uint32_t pages);
KW_CHECKED int kw_journal_backup(struct kw_journal_reader *reader, const char *path, struct kw_fault *fault);

#endif
