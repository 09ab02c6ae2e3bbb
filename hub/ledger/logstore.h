/* SPDX-License-Identifier: Apache-2.0 */
/* logstore.h - the log store's state, shared by its halves: sealing (log.c) and publishing (publish.c). */
#ifndef KINWARD_LEDGER_LOGSTORE_H
#define KINWARD_LEDGER_LOGSTORE_H

#include "ledger/internal.h"
#include "store/store.h"

#define KW_LOG_PATH 1024
struct kw_log {
    struct kw_store *store;
    char folder[KW_LOG_PATH], origin[256];
    struct kw_tree tree;    /* sealed */
    struct kw_buf text;     /* checkpoint of tree.size */
    bool signed_already;    /* note holds its signature */
    struct kw_buf note;     /* the newest signed note */
    uint64_t published;     /* tiles of this size are on disk */
    struct kw_tiles *tiles; /* made when first needed; dropped after an error and read again */
    int64_t released;       /* size of the newest cosigned note; -1: none */
    struct kw_buf cosigned;
    int64_t released_ms;
};

#endif
