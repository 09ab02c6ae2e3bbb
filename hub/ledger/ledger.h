/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h - tree, batches, tiles, notes, policies, proofs, the log store, its signer and its witnesses.
 *
 * Bytes are those of C2SP tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature, tlog-witness, tlog-proof and tlog-policy;
 * what is Kinward's own (batch, leaf, extra) is written down in kinward/ledger.md. Integers big-endian, hashes SHA-256.
 */
#ifndef KINWARD_LEDGER_H
#define KINWARD_LEDGER_H

#include "base/base.h"
#include "base/limits.h"
#include "crypto/crypto.h"

/* ---- Merkle trees (RFC 6962 §2.1). Paths: leaf's sibling first; at most 64 hashes. -------------- */

typedef uint8_t kw_hash[KW_HASH_SIZE];
#define KW_PATH_MAX 64
struct kw_tree { /* the right edge: roots of perfect subtrees, largest first; zero-initialised is the empty tree */
    uint64_t size;
    kw_hash edge[64];
};
void kw_merkle_leaf(struct kw_view entry, kw_hash ret_hash);
void kw_merkle_node(const kw_hash left, const kw_hash right, kw_hash ret_hash);
void kw_tree_add(struct kw_tree *tree, const kw_hash leaf);
void kw_tree_root(const struct kw_tree *tree, kw_hash ret_root);
/* Over leaf hashes held in memory: batches, origin batches. */
void kw_merkle_root(const kw_hash *leaves, size_t count, kw_hash ret_root);
KW_CHECKED int kw_merkle_path(const kw_hash *leaves, size_t count, size_t index, kw_hash *ret_path, size_t *ret_count);
/* Over a source of subtree roots: read gives MTH of leaves [index << level, (index + 1) << level). */
typedef int (*kw_merkle_read)(void *context, unsigned level, uint64_t index, kw_hash ret_hash);
KW_CHECKED int kw_merkle_inclusion(kw_merkle_read read, void *context, uint64_t index, uint64_t size, kw_hash *ret_path,
                                   size_t *ret_count);
KW_CHECKED int kw_merkle_consistency(kw_merkle_read read, void *context, uint64_t old_size, uint64_t size, kw_hash *ret_path,
                                     size_t *ret_count);
/* -EBADMSG unless path has the exact length and leads to root. The second refuses old_size 0, the caller's case. */
KW_CHECKED int kw_inclusion_verify(uint64_t index, uint64_t size, const kw_hash leaf, const kw_hash *path, size_t count,
                                   const kw_hash root);
/* The root that a path of the exact length leads to. */
KW_CHECKED int kw_merkle_path_root(struct kw_view entry, uint64_t index, uint64_t size, const kw_hash *path, size_t count,
                                   kw_hash ret_root);
KW_CHECKED int kw_consistency_verify(uint64_t old_size, uint64_t size, const kw_hash old_root, const kw_hash root,
                                     const kw_hash *path, size_t count);

/* ---- batch: 2^width commitments, real ones and random fillers, shuffled -------------------------- */

#define KW_BATCH_WIDTH_MIN 4
#define KW_BATCH_WIDTH_MAX 16
struct kw_batch { /* zero-initialise, clear after use */
    unsigned width;
    kw_hash *leaves; /* 2^width leaf hashes by slot */
    uint32_t *slots; /* slot of each commitment given */
    kw_hash root;
};
KW_CHECKED int kw_batch_make(const kw_hash *commitments, size_t count, struct kw_batch *ret_batch);
void kw_batch_clear(struct kw_batch *batch);

/* ---- log entries: head of 12 bytes, then by type ---------------------------------------------------- */

enum kw_entry_type { KW_LEAF_BATCH = 1, KW_LEAF_HEADS = 2, KW_LEAF_KEY = 3, KW_LEAF_ANCHOR = 4, KW_LEAF_POLICY = 5 };
#define KW_LEAF_BATCH_SIZE 45
struct kw_leaf { /* views borrow from the entry */
    uint8_t type;
    uint64_t sealed_minute; /* seconds since 1970, rounded down to the minute */
    union {
        struct {
            uint8_t width;
            kw_hash root;
        } batch;
        struct {
            uint16_t count;
            struct kw_view heads;
        } heads; /* count × (origin hash, u64 size, root, note hash): 104 bytes */
        struct {
            uint8_t action;
            struct kw_view vkey, old_signature, new_signature;
        } key;
        struct {
            uint8_t kind;
            uint64_t size;
            struct kw_view note_hash, proof;
        } anchor;
        struct {
            uint32_t version;
            struct kw_view text;
        } policy;
        struct kw_view unknown; /* other types: kept, never interpreted */
    };
};
KW_CHECKED int kw_leaf_parse(struct kw_view entry, struct kw_leaf *ret_leaf, struct kw_fault *fault);
KW_CHECKED int kw_leaf_write(const struct kw_leaf *leaf, struct kw_buf *ret_entry); /* appends */

/* ---- notes, keys, checkpoints ------------------------------------------------------------------------ */

enum kw_note_key { KW_NOTE_ED25519 = 1, KW_NOTE_COSIGNATURE = 4 };
struct kw_vkey {
    char name[256];
    uint8_t id[4], type, key[KW_KEY_SIZE];
};
KW_CHECKED int kw_vkey_make(const char *name, uint8_t type, const uint8_t key[KW_KEY_SIZE], struct kw_vkey *ret_vkey);
KW_CHECKED int kw_vkey_parse(struct kw_view text, struct kw_vkey *ret_vkey, struct kw_fault *fault);
KW_CHECKED int kw_vkey_text(const struct kw_vkey *vkey, struct kw_buf *ret_text); /* appends */

#define KW_NOTE_LINES 64
struct kw_note {         /* borrows from the parsed bytes */
    struct kw_view text; /* with its final newline */
    size_t count;
    struct kw_note_line {
        struct kw_view line, name, base64;
        uint8_t id[4];
    } lines[KW_NOTE_LINES];
};
KW_CHECKED int kw_note_parse(struct kw_view bytes, struct kw_note *ret_note, struct kw_fault *fault);
/* 1 when a line of vkey is there and good (cosignature: ret_time in seconds, may be NULL), 0 when there is none, -EBADMSG when
 * one is bad. */
KW_CHECKED int kw_note_verify(const struct kw_note *note, const struct kw_vkey *vkey, uint64_t *ret_time);
/* Appends the signature line of key under vkey's name to out. text is the note's text; time is for cosignatures. */
KW_CHECKED int kw_note_sign(struct kw_view text, const struct kw_vkey *vkey, const struct kw_sign_key *key, uint64_t time,
                            struct kw_buf *out);

struct kw_checkpoint {
    struct kw_view origin; /* borrowed */
    uint64_t size;
    kw_hash root;
};
KW_CHECKED int kw_checkpoint_parse(struct kw_view text, struct kw_checkpoint *ret_checkpoint, struct kw_fault *fault);
KW_CHECKED int kw_checkpoint_text(const char *origin, uint64_t size, const kw_hash root, struct kw_buf *ret_text); /* appends */

/* ---- policy ------------------------------------------------------------------------------------------- */

struct kw_policy;
KW_CHECKED int kw_policy_parse(struct kw_view text, struct kw_policy **ret_policy, struct kw_fault *fault);
KW_CHECKED int kw_policy_load(const char *path, struct kw_policy **ret_policy, struct kw_fault *fault);
void kw_policy_free(struct kw_policy *policy);
void kw_policy_freep(struct kw_policy **policy);
struct kw_policy_key {
    struct kw_vkey vkey;
    const char *name, *url;
};                                                                                       /* url NULL when absent */
const struct kw_policy_key *kw_policy_log(const struct kw_policy *policy, size_t index); /* NULL past the end */
const struct kw_policy_key *kw_policy_witness(const struct kw_policy *policy, size_t index);
/* Checkpoint signed by its log: -EBADMSG with KW_E_NOTE when no listed log of that origin signed it or any known signature is bad;
 * -EAGAIN with KW_E_QUORUM when only cosignatures are missing (ret_checkpoint is set then too). all_known: lines of unknown keys
 * are refused as well. */
KW_CHECKED int kw_policy_check(const struct kw_policy *policy, struct kw_view note, bool all_known,
                               struct kw_checkpoint *ret_checkpoint, struct kw_fault *fault);

#include "ledger/proof.h"
#include "ledger/log.h"

#endif
