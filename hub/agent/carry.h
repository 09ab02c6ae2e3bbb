/* SPDX-License-Identifier: Apache-2.0 */
/* carry.h - the file in which a spool travels: sealed items in order, complete or refused. Private to the room.
 *
 * "kinward-carry/1\n", u8 kind, u64 number of the key, then items: u32 length, sealed bytes (kw_encrypt). The key derives from
 * the agent's CURVE secret, so that only an agent with the same keys reads it. Each item is bound to principal, kind and place;
 * the last one says that it is the last.
 */
#ifndef KINWARD_AGENT_CARRY_H
#define KINWARD_AGENT_CARRY_H

#include <stdio.h>

#include "agent/settings.h"

enum kw_carry_kind { KW_CARRY_BATCHES = 1, KW_CARRY_RECEIPTS };

struct kw_carry { /* zero-initialised is closed; close after use */
    FILE *file;
    char path[KW_PATH_SIZE], part[KW_PATH_SIZE]; /* part: being written */
    const char *principal;
    uint8_t key[KW_KEY_SIZE];
    enum kw_carry_kind kind;
    uint64_t items;
    struct kw_buf sealed, context;
};

/* -EEXIST when path is there. settings: with keys, as long as the file is open. */
KW_CHECKED int kw_carry_create(const char *path, enum kw_carry_kind kind, const struct kw_agent_settings *settings,
                               struct kw_carry *ret_carry, struct kw_fault *fault);
KW_CHECKED int kw_carry_put(struct kw_carry *carry, struct kw_view item, struct kw_fault *fault);
KW_CHECKED int kw_carry_finish(struct kw_carry *carry, struct kw_fault *fault); /* on stable storage, under its name */

KW_CHECKED int kw_carry_open(const char *path, const struct kw_agent_settings *settings, struct kw_carry *ret_carry,
                             struct kw_fault *fault);
/* ret_item is replaced. -ENODATA: that was the last one, and the file ends there. -EBADMSG: damaged, cut, or of other keys. */
KW_CHECKED int kw_carry_next(struct kw_carry *carry, struct kw_buf *ret_item, struct kw_fault *fault);
void kw_carry_close(struct kw_carry *carry); /* what is not finished is removed */

#endif
