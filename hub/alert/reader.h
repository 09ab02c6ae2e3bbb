/* SPDX-License-Identifier: Apache-2.0 */
/* reader.h - detect.db as the feed, ledger and control actors see it (part of alert.h, which includes it). */
#ifndef KINWARD_ALERT_READER_H
#define KINWARD_ALERT_READER_H

#include "base/base.h"
#include "crypto/crypto.h"

struct kw_alert_reader; /* one thread; sees committed rows only */
KW_CHECKED int kw_alert_reader_open(const char *dir, const uint8_t vault[32], struct kw_alert_reader **ret_reader,
                                    struct kw_fault *fault);
void kw_alert_reader_close(struct kw_alert_reader *reader);

/* ---- streams of recipients, by the agency's principal name ------------------- */

struct kw_alert_stream {
    uint64_t epoch, last, received; /* last and received: 0 when there is nothing yet */
};
KW_CHECKED int kw_alert_stream(struct kw_alert_reader *reader, const char *principal, struct kw_alert_stream *ret_stream,
                               struct kw_fault *fault);
struct kw_alert_item { /* borrowed during visit; the four parts as in protocol.md §6 */
    uint64_t number;
    uint8_t previous[KW_HASH_SIZE];
    struct kw_view envelope, signature, key, body;
};
/* Items from a number on, in order, at most limit. visit's non-zero answer stops and is returned. */
KW_CHECKED int kw_alert_items(struct kw_alert_reader *reader, const char *principal, uint64_t from, uint32_t limit,
                              int (*visit)(void *context, const struct kw_alert_item *item), void *context, struct kw_fault *fault);
/* Whether that revision was sent to the agency: 0 or -ENOENT. */
KW_CHECKED int kw_alert_addressed(struct kw_alert_reader *reader, const uint8_t alert[16], uint32_t revision, const char *principal,
                                  struct kw_fault *fault);

/* ---- for the ledger ------------------------------------------------------------ */

/* Commitments of released revisions after a dense number, in order, at most limit. */
KW_CHECKED int kw_alert_commitments(struct kw_alert_reader *reader, uint64_t after, uint32_t limit,
                                    int (*visit)(void *context, uint64_t number, const uint8_t commitment[KW_HASH_SIZE]),
                                    void *context, struct kw_fault *fault);
/* What a proof of one revision needs: its number, its salt, and the statement that was committed (canonical XML; appends). */
KW_CHECKED int kw_alert_committed(struct kw_alert_reader *reader, const uint8_t alert[16], uint32_t revision, uint64_t *ret_number,
                                  uint8_t ret_salt[KW_HASH_SIZE], struct kw_buf *ret_statement, struct kw_fault *fault);

/* ---- for reviewers --------------------------------------------------------------- */

struct kw_alert_review { /* borrowed during visit */
    uint8_t alert[16];
    uint32_t revision;
    const char *rule, *reason, *registry;
    int64_t since_ms;
    bool backfill;
};
KW_CHECKED int kw_alert_review_list(struct kw_alert_reader *reader,
                                    int (*visit)(void *context, const struct kw_alert_review *review), void *context,
                                    struct kw_fault *fault);
/* The statement that waits (canonical XML; appends). -ENOENT. */
KW_CHECKED int kw_alert_review_show(struct kw_alert_reader *reader, const uint8_t alert[16], uint32_t revision,
                                    struct kw_buf *ret_statement, struct kw_fault *fault);

/* ---- rendering ---------------------------------------------------------------------- */

/* A statement as a desk officer reads it, from the message catalogue schemas/messages/<language>.xml; plain text, appends. */
KW_CHECKED int kw_alert_render(struct kw_view statement, const char *catalogue_path, struct kw_buf *ret_text,
                               struct kw_fault *fault);

#endif
