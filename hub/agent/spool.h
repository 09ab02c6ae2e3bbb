/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h - what the agent keeps on disk until the hub has signed for it. Private to the room.
 *
 * One file, one process. Changes gather in one transaction that kw_spool_commit ends; nothing is told to a connector or to the
 * hub before. A full disk undoes the transaction: the caller then forgets what it had in memory and reads it again.
 */
#ifndef KINWARD_AGENT_SPOOL_H
#define KINWARD_AGENT_SPOOL_H

#include "base/base.h"
#include "base/limits.h"
#include "crypto/crypto.h"
#include "store/store.h"

#define KW_BATCH_BYTES   (900u << 10) /* of a payload: below KW_LIMIT_MESSAGE with room for the frames */
#define KW_RECEIPTS_KEPT 10000
#define KW_LABEL_SIZE    512

struct kw_spool {
    struct kw_store *store;
    int lock;
    bool begun;                           /* a transaction is open */
    int64_t begun_ms;                     /* monotonic */
    bool full;                            /* the disk was: nothing new is taken until there is space again */
    bool ballast;                         /* the reserve for receipts stands */
    uint64_t full_bytes;                  /* what was in the spool when the disk was full */
    uint64_t bytes, limit;                /* of bodies in documents, records and batches */
    uint64_t documents, records, batches; /* waiting */
    uint64_t unchecked;                   /* bytes written since the log was copied into the database */
};

struct kw_document { /* zero-initialised is empty; clear after use */
    uint64_t number;
    char stylesheet[64], format[16], label[KW_LABEL_SIZE];
    bool backfill;
    struct kw_buf parameters; /* items: name, value, … */
    struct kw_buf body;
};
void kw_document_clear(struct kw_document *document);

struct kw_sender {
    const char *name, *jurisdiction;
    const struct kw_sign_key *key;
};

struct kw_result { /* of one record in a receipt; borrowed */
    const char *label;
    struct kw_view leaf;
    enum kw_code outcome; /* KW_ACCEPTED … KW_QUARANTINED, or the reason of a rejection */
    bool rejected;
    uint64_t position; /* 0: none */
    struct kw_view place, detail;
    uint32_t line;
};

/* name: "spool", or "submit" for files from the command line. -EBUSY names the process that has it. */
KW_CHECKED int kw_spool_open(const char *folder, const char *name, uint64_t limit, struct kw_spool *ret_spool,
                             struct kw_fault *fault);
void kw_spool_close(struct kw_spool *spool);
KW_CHECKED int kw_spool_begin(struct kw_spool *spool, struct kw_fault *fault); /* every change does it by itself */
/* -ENOSPC, here or from a change before: undone, and spool->full is set; any other
 * error ends the agent. */
KW_CHECKED int kw_spool_commit(struct kw_spool *spool, struct kw_fault *fault);
void kw_spool_rollback(struct kw_spool *spool);
bool kw_spool_accepts(const struct kw_spool *spool); /* room for more documents */
/* Takes the ballast back when there is space again. */
void kw_spool_heal(struct kw_spool *spool);

/* ---- documents ---- */

/* -EEXIST: this source was spooled before (not written again). source empty: not compared. number is given. */
KW_CHECKED int kw_spool_document_add(struct kw_spool *spool, const char *connector, struct kw_view source,
                                     const struct kw_document *document, struct kw_fault *fault);
KW_CHECKED int kw_spool_seen(struct kw_spool *spool, const char *connector, struct kw_view source, bool *ret_seen,
                             struct kw_fault *fault);
/* The first document of connector after number `after`; -ENOENT. ret_document is replaced. */
KW_CHECKED int kw_spool_document_next(struct kw_spool *spool, const char *connector, uint64_t after,
                                      struct kw_document *ret_document, struct kw_fault *fault);
KW_CHECKED int kw_spool_document_drop(struct kw_spool *spool, const struct kw_document *document, struct kw_fault *fault);
/* Kept for the operator with the reason; the next one's turn comes. */
KW_CHECKED int kw_spool_quarantine(struct kw_spool *spool, const char *connector, const struct kw_document *document,
                                   const struct kw_fault *reason, struct kw_fault *fault);
/* Puts quarantined documents back in the queue: after a stylesheet was mended. */
KW_CHECKED int kw_spool_requeue(struct kw_spool *spool, uint64_t *ret_count, struct kw_fault *fault);
/* Small values that a connector keeps: cursors. Empty when there is none. ret_value is replaced. */
KW_CHECKED int kw_spool_cursor_save(struct kw_spool *spool, const char *connector, const char *name, struct kw_view value,
                                    struct kw_fault *fault);
KW_CHECKED int kw_spool_cursor_load(struct kw_spool *spool, const char *connector, const char *name, struct kw_buf *ret_value,
                                    struct kw_fault *fault);
KW_CHECKED int kw_spool_count(struct kw_spool *spool, const char *name, int64_t more, struct kw_fault *fault);
/* One document that the mapper warned of; a bounded number of kinds is told apart. */
KW_CHECKED int kw_spool_warning(struct kw_spool *spool, const char *connector, struct kw_view code, struct kw_view place,
                                struct kw_fault *fault);

/* ---- records and batches ---- */

KW_CHECKED int kw_spool_record_add(struct kw_spool *spool, struct kw_view leaf, struct kw_view body, const char *label,
                                   bool backfill, struct kw_fault *fault);

struct kw_batch_row {
    uint64_t number;
    uint8_t id[16];
    uint32_t count;
};
/* Signs the next records as one batch: at most count records and KW_BATCH_BYTES; live ones before history. -ENOENT: none. */
KW_CHECKED int kw_spool_batch_make(struct kw_spool *spool, const struct kw_sender *sender, uint32_t count,
                                   struct kw_batch_row *ret_batch, struct kw_fault *fault);
/* In order; a batch on hold from an earlier run is free again. */
KW_CHECKED int kw_spool_batch_each(struct kw_spool *spool, int (*visit)(void *context, const struct kw_batch_row *batch),
                                   void *context, struct kw_fault *fault);
/* The bytes exactly as first sent; both are replaced. */
KW_CHECKED int kw_spool_batch_read(struct kw_spool *spool, uint64_t number, struct kw_buf *ret_header, struct kw_buf *ret_payload,
                                   struct kw_fault *fault);
KW_CHECKED int kw_spool_batch_hold(struct kw_spool *spool, uint64_t number, enum kw_code code, struct kw_fault *fault);
/* Keeps the receipt and what was not taken, with its bytes, then lets the batch go. results: one for each record of the batch,
 * label and leaf are filled in. */
KW_CHECKED int kw_spool_batch_done(struct kw_spool *spool, const struct kw_batch_row *batch, struct kw_view header,
                                   struct kw_view signature, struct kw_result *results,
                                   void (*tell)(void *context, const struct kw_result *result), void *context,
                                   struct kw_fault *fault);

/* Records in receipts later than that of the batch (hex; empty or not known: in all that are kept). */
KW_CHECKED int kw_spool_receipts_after(struct kw_spool *spool, struct kw_view batch, uint64_t *ret_records, struct kw_fault *fault);

/* One JSON object for people and programs; from a reader beside the agent. */
KW_CHECKED int kw_spool_status(const char *folder, const char *name, struct kw_buf *ret_json, struct kw_fault *fault);

#endif
