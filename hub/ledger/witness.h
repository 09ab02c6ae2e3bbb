/* SPDX-License-Identifier: Apache-2.0 */
/* witness.h - what the signer process remembers and decides; no process or network here. */
#ifndef KINWARD_LEDGER_WITNESS_H
#define KINWARD_LEDGER_WITNESS_H

#include "ledger/internal.h"

/* One note a file, <state>/<kind>-<hex SHA-256 of the origin>: the last one signed, durable before its signature leaves. */
struct kw_signed {
    char path[1200];
    bool seen; /* size, root and note are set */
    uint64_t size;
    kw_hash root;
    struct kw_buf note;
};
/* Reads what was signed last; vkey's own signature on it must be good. */
KW_CHECKED int kw_signed_open(const char *state, const char *kind, const char *origin, const struct kw_vkey *vkey,
                              struct kw_signed *ret_signed, struct kw_fault *fault);
KW_CHECKED int kw_signed_store(struct kw_signed *last, const struct kw_checkpoint *checkpoint, struct kw_view note,
                               struct kw_fault *fault);
/* Does checkpoint go on from what was signed last? -EBADMSG when not. */
KW_CHECKED int kw_signed_follows(const struct kw_signed *last, const struct kw_checkpoint *checkpoint, const kw_hash *path,
                                 size_t count);

#define KW_WITNESSED_MAX 64
struct kw_witnessed {
    struct kw_vkey vkeys[4]; /* while keys overlap a log has several */
    size_t count;
    char hash[2 * KW_HASH_SIZE + 1]; /* hex, of the origin */
    struct kw_signed last;
};
struct kw_witness {
    const char *state;
    struct kw_vkey vkey;
    const struct kw_sign_key *key;
    struct kw_witnessed logs[KW_WITNESSED_MAX];
    size_t count;
};
KW_CHECKED int kw_witness_add_log(struct kw_witness *witness, struct kw_view vkey, struct kw_fault *fault);
/* C2SP tlog-witness add-checkpoint; every outcome is an HTTP status in ret_answer. Negative only without memory. */
KW_CHECKED int kw_witness_add_checkpoint(struct kw_witness *witness, struct kw_view body, uint64_t now,
                                         struct kw_witness_answer *ret_answer);
KW_CHECKED int kw_witness_head(const struct kw_witness *witness, struct kw_view origin_hash, struct kw_witness_answer *ret_answer);
void kw_witness_clear(struct kw_witness *witness);

#endif
