/* SPDX-License-Identifier: Apache-2.0 */
/* proof.h - part of ledger.h: C2SP tlog-proof with Kinward's extra (kinward/ledger.md §3), offline verification, audit. */
#ifndef KINWARD_LEDGER_PROOF_H
#define KINWARD_LEDGER_PROOF_H

/* What the origin signed (kinward/protocol.md §4), and the place of one record in it. */
struct kw_origin {
    struct kw_buf leaf; /* origin leaf entry; empty: no origin (an alert, an act of the hub) and the rest is not used */
    uint32_t index, count;
    kw_hash path[16];
    size_t path_count;
    char principal[KW_LIMIT_PRINCIPAL + 1], jurisdiction[3];
    uint8_t batch[16], signature[KW_SIGNATURE_SIZE], key_id[4];
};
/* "kinward/origin/v1\n" ‖ u16 len ‖ principal ‖ u16 len ‖ jurisdiction ‖ batch[16] ‖ u32 count ‖ root[32]; appends. Agents sign it,
 * intake and proofs verify it. */
KW_CHECKED int kw_origin_statement(const char *principal, const char *jurisdiction, const uint8_t batch[16], uint32_t count,
                                   const kw_hash root, struct kw_buf *ret_bytes);

struct kw_proof { /* zero-initialise, clear after use */
    uint64_t index;
    kw_hash path[KW_PATH_MAX];
    size_t path_count;
    struct kw_buf checkpoint; /* the note with its cosignatures, verbatim */
    bool has_record;          /* extra is there: the members below are set */
    uint8_t leaf[KW_LEAF_BATCH_SIZE], width;
    uint32_t slot;
    kw_hash batch_path[KW_BATCH_WIDTH_MAX];
    uint8_t salt[32];
    struct kw_origin origin;
};
void kw_proof_clear(struct kw_proof *proof);
KW_CHECKED int kw_proof_write(const struct kw_proof *proof, struct kw_buf *ret_text); /* appends */
KW_CHECKED int kw_proof_parse(struct kw_view text, struct kw_proof *ret_proof, struct kw_fault *fault);
/* The outer part: entry is in the tree whose checkpoint policy accepts. Errors and all_known as kw_policy_check, -EBADMSG with
 * KW_E_PROOF. ret_checkpoint's origin borrows from proof; it may be NULL. */
KW_CHECKED int kw_proof_verify_entry(const struct kw_proof *proof, struct kw_view entry, const struct kw_policy *policy,
                                     bool all_known, struct kw_checkpoint *ret_checkpoint, struct kw_fault *fault);
/* The inner part, then the outer one: record's canonical bytes → commitment → batch → leaf → checkpoint. origin_key (the
 * sender's card) may be NULL: then the origin signature is not checked. */
KW_CHECKED int kw_proof_verify_record(const struct kw_proof *proof, struct kw_view record, const uint8_t *origin_key,
                                      const struct kw_policy *policy, struct kw_checkpoint *ret_checkpoint, struct kw_fault *fault);

/* Index, path and checkpoint of one entry from a log's own files (checkpoint, tile/), without Kinward's extra. -ENOENT: the
 * checkpoint is of a smaller log. Nothing is verified: that is the reader's part. */
KW_CHECKED int kw_proof_from_files(const char *dir, uint64_t index, struct kw_proof *ret_proof, struct kw_fault *fault);

struct kw_audit { /* counts of what was checked */
    uint64_t size;
    char origin[256];
    unsigned checkpoints, tiles, partial_tiles, bundles, partial_bundles, proofs, leaves, others;
};
/* A whole log from its files: every file below dir must be of a known kind and right (kinward/ledger.md §5). policy_bytes are
 * those of the policy given; a file `policy` in dir must be the same. The fault names the file and the place in it. progress
 * may be NULL. */
KW_CHECKED int kw_ledger_audit(const char *dir, const struct kw_policy *policy, struct kw_view policy_bytes,
                               void (*progress)(void *context, uint64_t done, uint64_t total), void *context,
                               struct kw_audit *ret_audit, struct kw_fault *fault);

#endif
