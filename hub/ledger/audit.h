/* SPDX-License-Identifier: Apache-2.0 */
/* audit.h - what the two halves of the audit share. */
#ifndef KINWARD_LEDGER_AUDIT_H
#define KINWARD_LEDGER_AUDIT_H

#include "ledger/internal.h"

struct audit_file {
    char *path; /* below the log's folder */
    bool checked;
};
struct audit_head { /* a signed root that the tree must have at that size */
    uint64_t size;
    kw_hash root;
    const char *path; /* the file that says so */
};
struct audit {
    const char *dir;
    const struct kw_policy *policy;
    struct kw_view policy_bytes;
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
    struct audit_file *files; /* in the order of their paths */
    size_t file_count, file_room;
    struct audit_head *heads;
    size_t head_count, head_room;
    struct kw_audit counts;
    struct kw_fault *fault;
};
/* Index of the first file whose path is not below the text. */
size_t kw_audit_find(const struct audit *audit, const char *path);
/* Marks the file as checked; false when there is none of that path. */
bool kw_audit_take(struct audit *audit, const char *path);
KW_CHECKED int kw_audit_read(const struct audit *audit, const char *path, struct kw_buf *ret_bytes);
/* Streams all entries: bundles, tiles of every level with their partial ones, and the roots at every head. */
KW_CHECKED int kw_audit_tiles(struct audit *audit);
/* The bytes of one entry, from its bundle; appends nothing on failure. */
KW_CHECKED int kw_audit_entry(const struct audit *audit, uint64_t index, struct kw_buf *ret_entry);

#endif
