/* SPDX-License-Identifier: Apache-2.0 */
/* proof.c - C2SP tlog-proof with Kinward's extra (kinward/ledger.md §3): writing, parsing, offline verification. */
#include <errno.h>
#include <string.h>

#include "ledger/internal.h"

#define EXTRA_VERSION 1
static const char first_line[] = "c2sp.org/tlog-proof@v1";

void kw_proof_clear(struct kw_proof *proof)
{
    if (!proof)
        return;
    kw_buf_clear(&proof->checkpoint);
    kw_buf_clear(&proof->origin.leaf);
    kw_wipe(proof->salt, sizeof proof->salt);
    *proof = (struct kw_proof){0};
}

int kw_origin_statement(const char *principal, const char *jurisdiction, const uint8_t batch[16], uint32_t count,
                        const kw_hash root, struct kw_buf *ret_bytes)
{
    int r = kw_buf_text(ret_bytes, "kinward/origin/v1\n");

    if (r == 0)
        r = kw_buf_u16(ret_bytes, (uint16_t)strlen(principal));
    if (r == 0)
        r = kw_buf_text(ret_bytes, principal);
    if (r == 0)
        r = kw_buf_u16(ret_bytes, (uint16_t)strlen(jurisdiction));
    if (r == 0)
        r = kw_buf_text(ret_bytes, jurisdiction);
    if (r == 0)
        r = kw_buf_append(ret_bytes, batch, 16);
    if (r == 0)
        r = kw_buf_u32(ret_bytes, count);
    return r < 0 ? r : kw_buf_append(ret_bytes, root, KW_HASH_SIZE);
}

/* ---- extra -------------------------------------------------------------------------- */

static int put_short(struct kw_buf *buf, struct kw_view bytes)
{
    int r = bytes.size > UINT16_MAX ? -EMSGSIZE : kw_buf_u16(buf, (uint16_t)bytes.size);

    return r < 0 ? r : kw_buf_append(buf, bytes.data, bytes.size);
}

static int put_u8(struct kw_buf *buf, size_t value)
{
    uint8_t byte = (uint8_t)value;

    return value > UINT8_MAX ? -EINVAL : kw_buf_append(buf, &byte, 1);
}

static int write_origin(const struct kw_origin *origin, struct kw_buf *out)
{
    int r = put_short(out, kw_view_of(&origin->leaf));

    if (r < 0 || origin->leaf.size == 0)
        return r;
    r = kw_buf_u32(out, origin->index);
    if (r == 0)
        r = kw_buf_u32(out, origin->count);
    if (r == 0)
        r = put_u8(out, origin->path_count);
    if (r == 0)
        r = kw_buf_append(out, origin->path, origin->path_count * KW_HASH_SIZE);
    if (r == 0)
        r = put_short(out, kw_view_text(origin->principal));
    if (r == 0)
        r = put_short(out, kw_view_text(origin->jurisdiction));
    if (r == 0)
        r = kw_buf_append(out, origin->batch, sizeof origin->batch);
    if (r == 0)
        r = kw_buf_append(out, origin->signature, sizeof origin->signature);
    return r < 0 ? r : kw_buf_append(out, origin->key_id, sizeof origin->key_id);
}

static int write_extra(const struct kw_proof *proof, struct kw_buf *out)
{
    int r = put_u8(out, EXTRA_VERSION);

    if (r == 0)
        r = kw_buf_append(out, proof->leaf, sizeof proof->leaf);
    if (r == 0)
        r = put_u8(out, proof->width);
    if (r == 0)
        r = kw_buf_u32(out, proof->slot);
    if (r == 0)
        r = kw_buf_append(out, proof->batch_path, (size_t)proof->width * KW_HASH_SIZE);
    if (r == 0)
        r = kw_buf_append(out, proof->salt, sizeof proof->salt);
    return r < 0 ? r : write_origin(&proof->origin, out);
}

static int take_fixed(struct kw_view *rest, void *ret_bytes, size_t size)
{
    struct kw_view bytes;
    int r = kw_take(rest, size, &bytes);

    if (r == 0 && size > 0)
        memcpy(ret_bytes, bytes.data, size);
    return r;
}

/* u16 length and text without NUL that fits size with its own NUL. */
static int take_name(struct kw_view *rest, char *ret_text, size_t size)
{
    uint16_t length = 0;
    int r = kw_take_u16(rest, &length);

    if (r == 0 && length >= size)
        r = -EBADMSG;
    if (r == 0)
        r = take_fixed(rest, ret_text, length);
    if (r == 0) {
        ret_text[length] = 0;
        r = strlen(ret_text) == length ? 0 : -EBADMSG;
    }
    return r;
}

static int parse_origin(struct kw_view *rest, struct kw_origin *origin)
{
    uint16_t size = 0;
    uint8_t count = 0;
    struct kw_view leaf = {0};
    int r = kw_take_u16(rest, &size);

    if (r < 0 || size == 0)
        return r;
    r = kw_take(rest, size, &leaf);
    if (r == 0)
        r = kw_buf_append(&origin->leaf, leaf.data, leaf.size);
    if (r == 0)
        r = kw_take_u32(rest, &origin->index);
    if (r == 0)
        r = kw_take_u32(rest, &origin->count);
    if (r == 0)
        r = take_fixed(rest, &count, 1);
    if (r == 0 && count > KW_COUNT(origin->path))
        r = -EBADMSG;
    if (r == 0) {
        origin->path_count = count;
        r = take_fixed(rest, origin->path, (size_t)count * KW_HASH_SIZE);
    }
    if (r == 0)
        r = take_name(rest, origin->principal, sizeof origin->principal);
    if (r == 0)
        r = take_name(rest, origin->jurisdiction, sizeof origin->jurisdiction);
    if (r == 0)
        r = take_fixed(rest, origin->batch, sizeof origin->batch);
    if (r == 0)
        r = take_fixed(rest, origin->signature, sizeof origin->signature);
    return r < 0 ? r : take_fixed(rest, origin->key_id, sizeof origin->key_id);
}

static int parse_extra(struct kw_view rest, struct kw_proof *proof)
{
    uint8_t version = 0;
    int r = take_fixed(&rest, &version, 1);

    if (r == 0 && version != EXTRA_VERSION)
        r = -EBADMSG;
    if (r == 0)
        r = take_fixed(&rest, proof->leaf, sizeof proof->leaf);
    if (r == 0)
        r = take_fixed(&rest, &proof->width, 1);
    if (r == 0 && proof->width > KW_BATCH_WIDTH_MAX)
        r = -EBADMSG;
    if (r == 0)
        r = kw_take_u32(&rest, &proof->slot);
    if (r == 0)
        r = take_fixed(&rest, proof->batch_path, (size_t)proof->width * KW_HASH_SIZE);
    if (r == 0)
        r = take_fixed(&rest, proof->salt, sizeof proof->salt);
    if (r == 0)
        r = parse_origin(&rest, &proof->origin);
    return r < 0 ? r : rest.size > 0 ? -EBADMSG : 0;
}

/* ---- the text -------------------------------------------------------------------------- */

int kw_proof_write(const struct kw_proof *proof, struct kw_buf *ret_text)
{
    struct kw_buf extra = {0};
    int r = kw_buf_format(ret_text, "%s\n", first_line);

    if (r == 0 && proof->has_record) {
        r = write_extra(proof, &extra);
        if (r == 0)
            r = kw_buf_text(ret_text, "extra ");
        if (r == 0)
            r = kw_base64(ret_text, extra.data, extra.size);
        if (r == 0)
            r = kw_buf_text(ret_text, "\n");
    }
    if (r == 0)
        r = kw_buf_format(ret_text, "index %llu\n", (unsigned long long)proof->index);
    for (size_t i = 0; r == 0 && i < proof->path_count; i++) {
        r = kw_base64(ret_text, proof->path[i], KW_HASH_SIZE);
        if (r == 0)
            r = kw_buf_text(ret_text, "\n");
    }
    if (r == 0)
        r = kw_buf_text(ret_text, "\n");
    if (r == 0)
        r = kw_buf_append(ret_text, proof->checkpoint.data, proof->checkpoint.size);
    kw_buf_wipe(&extra);
    return r;
}

static int refuse(struct kw_fault *fault, const char *why)
{
    return kw_fail(fault, -EBADMSG, KW_E_PROOF, "proof", "%s", why);
}

static int parse_extra_line(struct kw_view line, struct kw_proof *proof, struct kw_fault *fault)
{
    struct kw_buf extra = {0};
    int r = kw_base64_parse((struct kw_view){line.data + 6, line.size - 6}, &extra);

    if (r == 0)
        r = parse_extra(kw_view_of(&extra), proof);
    proof->has_record = r == 0;
    kw_buf_wipe(&extra);
    return r == -EBADMSG ? refuse(fault, "its extra is not one of version 1") : r;
}

static int parse_text(struct kw_view text, struct kw_proof *proof, struct kw_fault *fault)
{
    struct kw_view line;
    int r = 0;

    if (text.size > KW_LIMIT_PROOF || kw_line(&text, &line) < 0 || !kw_view_is(line, first_line))
        return refuse(fault, "too large, or its first line is not that of a proof");
    if (kw_line(&text, &line) < 0)
        return refuse(fault, "it ends after the first line");
    if (kw_view_starts(line, "extra ")) {
        r = parse_extra_line(line, proof, fault);
        if (r < 0)
            return r;
        if (kw_line(&text, &line) < 0)
            return refuse(fault, "it ends after extra");
    }
    if (!kw_view_starts(line, "index ") || kw_decimal((struct kw_view){line.data + 6, line.size - 6}, &proof->index) < 0)
        return refuse(fault, "there is no index line");
    for (;;) {
        if (kw_line(&text, &line) < 0)
            return refuse(fault, "it ends before the checkpoint");
        if (line.size == 0)
            break;
        if (proof->path_count == KW_PATH_MAX || kw_base64_exact(line, proof->path[proof->path_count], KW_HASH_SIZE) < 0)
            return refuse(fault, "a line of its path is no hash, or there are too many");
        proof->path_count++;
    }
    return kw_buf_append(&proof->checkpoint, text.data, text.size);
}

int kw_proof_parse(struct kw_view text, struct kw_proof *ret_proof, struct kw_fault *fault)
{
    struct kw_proof proof = {0};
    int r = parse_text(text, &proof, fault);

    if (r < 0) {
        kw_proof_clear(&proof);
        return r;
    }
    *ret_proof = proof;
    return 0;
}

/* ---- verification -------------------------------------------------------------------------- */

int kw_proof_verify_entry(const struct kw_proof *proof, struct kw_view entry, const struct kw_policy *policy, bool all_known,
                          struct kw_checkpoint *ret_checkpoint, struct kw_fault *fault)
{
    struct kw_checkpoint checkpoint;
    int quorum = kw_policy_check(policy, kw_view_of(&proof->checkpoint), all_known, &checkpoint, fault);
    kw_hash leaf;

    if (quorum < 0 && quorum != -EAGAIN)
        return quorum;
    kw_merkle_leaf(entry, leaf);
    if (kw_inclusion_verify(proof->index, checkpoint.size, leaf, proof->path, proof->path_count, checkpoint.root) < 0)
        return refuse(fault, "the entry is not at its index in the tree of the checkpoint");
    if (quorum == 0 && ret_checkpoint)
        *ret_checkpoint = checkpoint;
    return quorum;
}

static int verify_origin(const struct kw_origin *origin, struct kw_view record, const uint8_t *key, struct kw_fault *fault)
{
    struct kw_buf statement = {0};
    kw_hash hash, root;
    char id[9], wanted[9];
    int r;

    kw_sha256_of(record.data, record.size, hash);
    if (origin->leaf.size < KW_HASH_SIZE || memcmp(origin->leaf.data + origin->leaf.size - KW_HASH_SIZE, hash, KW_HASH_SIZE) != 0)
        return refuse(fault, "the origin signed another record");
    if (!key)
        return 0;
    kw_key_id(key, id);
    kw_hex(wanted, origin->key_id, sizeof origin->key_id);
    if (strcmp(id, wanted) != 0)
        return kw_fail(fault, -EBADMSG, KW_E_KEY, "origin key", "it is %s; the proof names %s", id, wanted);
    if (kw_merkle_path_root(kw_view_of(&origin->leaf), origin->index, origin->count, origin->path, origin->path_count, root) < 0)
        return refuse(fault, "its origin path has a wrong length");
    r = kw_origin_statement(origin->principal, origin->jurisdiction, origin->batch, origin->count, root, &statement);
    if (r == 0 && !kw_verify(key, statement.data, statement.size, origin->signature))
        r = kw_fail(fault, -EBADMSG, KW_E_SIGNATURE, "proof", "the origin signature does not verify");
    kw_buf_clear(&statement);
    return r;
}

int kw_proof_verify_record(const struct kw_proof *proof, struct kw_view record, const uint8_t *origin_key,
                           const struct kw_policy *policy, struct kw_checkpoint *ret_checkpoint, struct kw_fault *fault)
{
    struct kw_view entry = {proof->leaf, sizeof proof->leaf};
    kw_hash digest, commitment, hash;
    struct kw_leaf leaf;
    int r;

    if (!proof->has_record)
        return refuse(fault, "it has no extra, so it can only be checked with its leaf");
    if (proof->origin.leaf.size == 0 && origin_key)
        return refuse(fault, "it names no origin");
    if (proof->origin.leaf.size > 0) {
        r = verify_origin(&proof->origin, record, origin_key, fault);
        if (r < 0)
            return r;
    }
    r = kw_leaf_parse(entry, &leaf, fault);
    if (r < 0)
        return r;
    if (leaf.type != KW_LEAF_BATCH || leaf.batch.width != proof->width)
        return refuse(fault, "its leaf is no batch of that width");
    kw_record_digest(record, kw_view_of(&proof->origin.leaf), digest);
    kw_commitment(proof->salt, digest, commitment);
    kw_merkle_leaf((struct kw_view){commitment, sizeof commitment}, hash);
    if (kw_inclusion_verify(proof->slot, (uint64_t)1 << proof->width, hash, proof->batch_path, proof->width, leaf.batch.root) < 0)
        return refuse(fault, "the record is not in the batch: other bytes, or another proof");
    return kw_proof_verify_entry(proof, entry, policy, false, ret_checkpoint, fault);
}
