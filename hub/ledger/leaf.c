/* SPDX-License-Identifier: Apache-2.0 */
/* leaf.c - log entries: head of 12 bytes, then by type (kinward/ledger.md §2). */
#include <errno.h>
#include <string.h>

#include "ledger/ledger.h"

#define LEAF_VERSION 1
#define HEAD_SIZE    104 /* of one head: origin hash, size, root, note hash */

static int take_u8(struct kw_view *rest, uint8_t *ret_value)
{
    struct kw_view byte;
    int r = kw_take(rest, 1, &byte);

    if (r == 0)
        *ret_value = byte.data[0];
    return r;
}

/* u16 length, then so many bytes. */
static int take_short(struct kw_view *rest, struct kw_view *ret_bytes)
{
    uint16_t size;
    int r = kw_take_u16(rest, &size);

    return r < 0 ? r : kw_take(rest, size, ret_bytes);
}

static int put_short(struct kw_buf *buf, struct kw_view bytes)
{
    int r = bytes.size > UINT16_MAX ? -EMSGSIZE : kw_buf_u16(buf, (uint16_t)bytes.size);

    return r < 0 ? r : kw_buf_append(buf, bytes.data, bytes.size);
}

static int parse_batch(struct kw_view *rest, struct kw_leaf *leaf)
{
    struct kw_view root;
    int r = take_u8(rest, &leaf->batch.width);

    if (r == 0 && (leaf->batch.width < KW_BATCH_WIDTH_MIN || leaf->batch.width > KW_BATCH_WIDTH_MAX))
        r = -EBADMSG;
    if (r == 0)
        r = kw_take(rest, KW_HASH_SIZE, &root);
    if (r == 0)
        memcpy(leaf->batch.root, root.data, KW_HASH_SIZE);
    return r;
}

static int parse_key(struct kw_view *rest, struct kw_leaf *leaf)
{
    int r = take_u8(rest, &leaf->key.action);

    if (r == 0 && (leaf->key.action < 1 || leaf->key.action > 3))
        r = -EBADMSG;
    if (r == 0)
        r = take_short(rest, &leaf->key.vkey);
    if (r == 0)
        r = kw_take(rest, KW_SIGNATURE_SIZE, &leaf->key.old_signature);
    return r < 0 ? r : kw_take(rest, KW_SIGNATURE_SIZE, &leaf->key.new_signature);
}

static int parse_anchor(struct kw_view *rest, struct kw_leaf *leaf)
{
    int r = take_u8(rest, &leaf->anchor.kind);

    if (r == 0)
        r = kw_take_u64(rest, &leaf->anchor.size);
    if (r == 0)
        r = kw_take(rest, KW_HASH_SIZE, &leaf->anchor.note_hash);
    return r < 0 ? r : take_short(rest, &leaf->anchor.proof);
}

static int parse_body(struct kw_view *rest, struct kw_leaf *leaf)
{
    int r;

    switch (leaf->type) {
    case KW_LEAF_BATCH:
        return parse_batch(rest, leaf);
    case KW_LEAF_HEADS:
        r = kw_take_u16(rest, &leaf->heads.count);
        return r < 0 ? r : kw_take(rest, (size_t)leaf->heads.count * HEAD_SIZE, &leaf->heads.heads);
    case KW_LEAF_KEY:
        return parse_key(rest, leaf);
    case KW_LEAF_ANCHOR:
        return parse_anchor(rest, leaf);
    case KW_LEAF_POLICY:
        r = kw_take_u32(rest, &leaf->policy.version);
        return r < 0 ? r : take_short(rest, &leaf->policy.text);
    default:
        return kw_take(rest, rest->size, &leaf->unknown);
    }
}

int kw_leaf_parse(struct kw_view entry, struct kw_leaf *ret_leaf, struct kw_fault *fault)
{
    struct kw_leaf leaf = {0};
    struct kw_view rest = entry;
    uint8_t version = 0;
    uint16_t flags = 0;
    int r = entry.size > UINT16_MAX ? -EBADMSG : take_u8(&rest, &version);

    if (r == 0)
        r = take_u8(&rest, &leaf.type);
    if (r == 0)
        r = kw_take_u16(&rest, &flags);
    if (r == 0)
        r = kw_take_u64(&rest, &leaf.sealed_minute);
    if (r == 0 && (version != LEAF_VERSION || flags != 0 || leaf.sealed_minute % 60 != 0))
        r = -EBADMSG;
    if (r == 0)
        r = parse_body(&rest, &leaf);
    if (r < 0 || rest.size > 0)
        return kw_fail(fault, -EBADMSG, KW_E_PROOF, "leaf", "not a leaf of version 1 with the length of its type");
    *ret_leaf = leaf;
    return 0;
}

static int write_body(const struct kw_leaf *leaf, struct kw_buf *out)
{
    int r;

    switch (leaf->type) {
    case KW_LEAF_BATCH:
        r = kw_buf_append(out, &leaf->batch.width, 1);
        return r < 0 ? r : kw_buf_append(out, leaf->batch.root, KW_HASH_SIZE);
    case KW_LEAF_HEADS:
        r = leaf->heads.heads.size == (size_t)leaf->heads.count * HEAD_SIZE ? kw_buf_u16(out, leaf->heads.count) : -EINVAL;
        return r < 0 ? r : kw_buf_append(out, leaf->heads.heads.data, leaf->heads.heads.size);
    case KW_LEAF_KEY:
        if (leaf->key.old_signature.size != KW_SIGNATURE_SIZE || leaf->key.new_signature.size != KW_SIGNATURE_SIZE)
            return -EINVAL;
        r = kw_buf_append(out, &leaf->key.action, 1);
        if (r == 0)
            r = put_short(out, leaf->key.vkey);
        if (r == 0)
            r = kw_buf_append(out, leaf->key.old_signature.data, KW_SIGNATURE_SIZE);
        return r < 0 ? r : kw_buf_append(out, leaf->key.new_signature.data, KW_SIGNATURE_SIZE);
    case KW_LEAF_ANCHOR:
        r = leaf->anchor.note_hash.size == KW_HASH_SIZE ? kw_buf_append(out, &leaf->anchor.kind, 1) : -EINVAL;
        if (r == 0)
            r = kw_buf_u64(out, leaf->anchor.size);
        if (r == 0)
            r = kw_buf_append(out, leaf->anchor.note_hash.data, KW_HASH_SIZE);
        return r < 0 ? r : put_short(out, leaf->anchor.proof);
    case KW_LEAF_POLICY:
        r = kw_buf_u32(out, leaf->policy.version);
        return r < 0 ? r : put_short(out, leaf->policy.text);
    default:
        return kw_buf_append(out, leaf->unknown.data, leaf->unknown.size);
    }
}

int kw_leaf_write(const struct kw_leaf *leaf, struct kw_buf *ret_entry)
{
    const uint8_t head[4] = {LEAF_VERSION, leaf->type, 0, 0};
    size_t before = ret_entry->size;
    int r = kw_buf_append(ret_entry, head, sizeof head);

    if (r == 0)
        r = kw_buf_u64(ret_entry, leaf->sealed_minute / 60 * 60);
    if (r == 0)
        r = write_body(leaf, ret_entry);
    if (r == 0 && ret_entry->size - before > UINT16_MAX)
        r = -EMSGSIZE;
    if (r < 0)
        ret_entry->size = before;
    return r;
}
