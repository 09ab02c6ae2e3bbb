/* SPDX-License-Identifier: Apache-2.0 */
/* inbox.h - the writing side of the inbox, and items as they come. Private to the room. */
#ifndef KINWARD_FEED_INBOX_H
#define KINWARD_FEED_INBOX_H

#include "feed/feed.h"

/* An ITEM message: header and four parts, borrowed from it; signer and received_ms are not set. The stream's name is compared
 * with the agency's. -EKEYREJECTED: not an item. */
KW_CHECKED int kw_item_read(const struct kw_agency *agency, const struct kw_message *message, struct kw_item *ret_item,
                            struct kw_fault *fault);
/* Sets item->chain from the rest of it (protocol.md §6). */
void kw_item_chain(struct kw_item *item);

/* Takes the lock of the folder. -EBUSY. */
KW_CHECKED int kw_inbox_open(const struct kw_agency *agency, struct kw_inbox **ret_inbox, struct kw_fault *fault);
/* The newest epoch and its last item, 0 when there is none. What is not committed counts. */
bool kw_inbox_begun(const struct kw_inbox *inbox); /* there is an epoch */
uint64_t kw_inbox_epoch(const struct kw_inbox *inbox);
uint64_t kw_inbox_last(const struct kw_inbox *inbox);
/* Begins an epoch of the stream, on stable storage when it returns; what earlier ones hold is kept. -EEXIST: it is an earlier
 * one. */
KW_CHECKED int kw_inbox_epoch_add(struct kw_inbox *inbox, uint64_t epoch, struct kw_fault *fault);
/* What an item is to the inbox: 0 the next one, 1 a repetition, 2 beyond the next one. -EKEYREJECTED, KW_E_FORK: it contradicts
 * what is stored. */
enum { KW_ITEM_NEXT, KW_ITEM_AGAIN, KW_ITEM_BEYOND };
KW_CHECKED int kw_inbox_place(struct kw_inbox *inbox, const struct kw_item *item, struct kw_fault *fault);
/* Adds the next one to the open transaction; begins one when there is none. */
KW_CHECKED int kw_inbox_add(struct kw_inbox *inbox, const struct kw_item *item, const struct kw_letter *letter,
                            struct kw_fault *fault);
void kw_inbox_confirmed(struct kw_inbox *inbox, uint64_t upto); /* stored with the next commit, or the close */
/* 0 only when all that was added is on stable storage. -ENOSPC: nothing of it is there. */
KW_CHECKED int kw_inbox_commit(struct kw_inbox *inbox, struct kw_fault *fault);
KW_CHECKED int kw_inbox_rollback(struct kw_inbox *inbox, struct kw_fault *fault);

#endif
