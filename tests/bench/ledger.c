/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - the tree beside the bare hashes that it stands on, batches, durable seals, and proofs checked, in one run.
 *
 * usage: bench-ledger [DIR]: DIR is a folder on the disk that counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ledger/ledger.h"

#define LEAVES  (1u << 20)
#define COUNT   4096u /* commitments of a seal */
#define SEALS   50u
#define ORIGIN  "bench.example/log"
#define SECONDS 1.0

static double now_s(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void need(int error, const char *what, const struct kw_fault *fault)
{
    if (error >= 0)
        return;
    fprintf(stderr, "bench-ledger: %s: %s\n", what, fault && fault->message[0] ? fault->message : strerror(-error));
    exit(1);
}

/* n leaf hashes of 45-byte entries and n node hashes of 65 bytes: what a tree of n leaves cannot do without. */
static double bare_hashes(void)
{
    uint8_t leaf[46] = {0}, node[65] = {1};
    double start = now_s();

    for (uint32_t i = 0; i < LEAVES; i++) {
        memcpy(leaf + 1, &i, sizeof i);
        kw_sha256_of(leaf, sizeof leaf, node + 1);
        kw_sha256_of(node, sizeof node, node + 33);
    }
    return LEAVES / (now_s() - start);
}

static double tree_leaves(void)
{
    struct kw_tree tree = {0};
    uint8_t entry[45] = {0};
    kw_hash hash;
    double start = now_s();

    for (uint32_t i = 0; i < LEAVES; i++) {
        memcpy(entry, &i, sizeof i);
        kw_merkle_leaf((struct kw_view){entry, sizeof entry}, hash);
        kw_tree_add(&tree, hash);
    }
    kw_tree_root(&tree, hash);
    return LEAVES / (now_s() - start);
}

static double batches(const kw_hash *commitments)
{
    double start = now_s(), spent = 0;
    unsigned rounds = 0;

    for (; spent < SECONDS; rounds++, spent = now_s() - start) {
        struct kw_batch batch = {0};

        need(kw_batch_make(commitments, COUNT, &batch), "batch", NULL);
        kw_batch_clear(&batch);
    }
    return rounds * (double)COUNT / spent;
}

struct key { /* the log's own key, in this process: the signer's pipe is not what is measured */
    struct kw_vkey vkey;
    struct kw_sign_key *key;
};

static int sign(void *context, struct kw_view text, kw_merkle_read read, void *read_context, struct kw_buf *ret_line,
                struct kw_fault *fault)
{
    struct key *key = context;

    return kw_note_sign(text, &key->vkey, key->key, 0, ret_line);
}

/* Commitments computed, sealed in one transaction, signed, tiles on disk: records a second. */
static double seals(struct kw_log *log, struct key *key)
{
    struct kw_log_item *items = kw_alloc(COUNT * sizeof *items);
    struct kw_fault fault = {0};
    uint8_t salt[32] = {1};
    kw_hash digest = {2};
    double start;

    need(items ? 0 : -ENOMEM, "seal", NULL);
    start = now_s();
    for (unsigned round = 0; round < SEALS; round++) {
        uint64_t leaf;

        for (unsigned i = 0; i < COUNT; i++) {
            items[i].kind = 1;
            items[i].position = (uint64_t)round * COUNT + i + 1;
            memcpy(salt, &items[i].position, sizeof items[i].position);
            kw_commitment(salt, digest, items[i].commitment);
        }
        need(kw_log_seal(log, items, COUNT, kw_clock_wall_ms(), &leaf, &fault), "seal", &fault);
        need(kw_log_publish(log, sign, key, &fault), "publish", &fault);
    }
    start = now_s() - start;
    kw_free(items);
    return SEALS * (double)COUNT / start;
}

static double verifications(struct kw_log *log, struct key *key)
{
    struct kw_policy *policy = NULL;
    struct kw_proof proof = {0};
    struct kw_buf text = {0}, note = {0};
    struct kw_fault fault = {0};
    struct kw_view entry;
    unsigned rounds = 0;
    double start, spent = 0;

    need(kw_buf_text(&text, "log "), "policy", NULL);
    need(kw_vkey_text(&key->vkey, &text), "policy", NULL);
    need(kw_buf_text(&text, "\nquorum none\n"), "policy", NULL);
    need(kw_policy_parse(kw_view_of(&text), &policy, &fault), "policy", &fault);
    need(kw_log_unreleased(log, &note, &fault), "note", &fault);
    need(kw_log_release(log, policy, kw_view_of(&note), &fault), "release", &fault);
    need(kw_log_proof(log, 1, COUNT + 1, &proof, &fault), "proof", &fault);
    entry = (struct kw_view){proof.leaf, sizeof proof.leaf};
    start = now_s();
    for (; spent < SECONDS; rounds++, spent = now_s() - start)
        need(kw_proof_verify_entry(&proof, entry, policy, true, NULL, &fault), "verify", &fault);
    kw_proof_clear(&proof);
    kw_policy_free(policy);
    kw_buf_clear(&text);
    kw_buf_clear(&note);
    return rounds / spent;
}

int main(int argc, char **argv)
{
    char dir[4096], command[4200];
    kw_hash *commitments;
    struct kw_log *log = NULL;
    struct kw_fault fault = {0};
    struct key key = {.key = NULL};
    double bare, tree;

    snprintf(dir, sizeof dir, "%s/kw-bench-ledger-XXXXXX", argc > 1 ? argv[1] : "/var/tmp");
    need(kw_crypto_init(), "crypto", NULL);
    need(mkdtemp(dir) ? 0 : -errno, dir, NULL);
    commitments = kw_alloc(COUNT * sizeof *commitments);
    need(commitments ? 0 : -ENOMEM, "memory", NULL);
    kw_random(commitments, COUNT * sizeof *commitments);
    bare = bare_hashes();
    tree = tree_leaves();
    printf("bare SHA-256 (leaf and node)   %10.0f /s\n", bare);
    printf("tree, leaves in memory         %10.0f /s   ratio %.2f\n", tree, tree / bare);
    printf("batches of %u, commitments    %8.0f /s\n", COUNT, batches((const kw_hash *)commitments));
    need(kw_sign_key_new(&key.key), "key", NULL);
    need(kw_vkey_make(ORIGIN, KW_NOTE_ED25519, key.key->public_key, &key.vkey), "key", NULL);
    need(kw_log_open(dir, ORIGIN, &log, &fault), "log", &fault);
    printf("sealed durably, %u a batch    %10.0f records/s\n", COUNT, seals(log, &key));
    printf("proofs checked, 1 signature    %10.0f /s\n", verifications(log, &key));
    kw_log_close(log);
    kw_sign_key_free(key.key);
    kw_free(commitments);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 ? 0 : 1;
}
