/* SPDX-License-Identifier: Apache-2.0 */
/* merkle.c - RFC 6962 trees: append, roots, inclusion and consistency proofs. */
#include <errno.h>
#include <string.h>

#include "ledger/ledger.h"

void kw_merkle_leaf(struct kw_view entry, kw_hash ret_hash)
{
    struct kw_sha256 hash;

    kw_sha256_start(&hash);
    kw_sha256_add(&hash, "\x00", 1);
    kw_sha256_add(&hash, entry.data, entry.size);
    kw_sha256_end(&hash, ret_hash);
}

void kw_merkle_node(const kw_hash left, const kw_hash right, kw_hash ret_hash)
{
    uint8_t bytes[1 + 2 * KW_HASH_SIZE] = {0x01};

    memcpy(bytes + 1, left, KW_HASH_SIZE);
    memcpy(bytes + 1 + KW_HASH_SIZE, right, KW_HASH_SIZE);
    kw_sha256_of(bytes, sizeof bytes, ret_hash);
}

void kw_tree_add(struct kw_tree *tree, const kw_hash leaf)
{
    unsigned top = (unsigned)__builtin_popcountll(tree->size);
    kw_hash carry;

    memcpy(carry, leaf, KW_HASH_SIZE);
    for (uint64_t size = tree->size; size & 1; size >>= 1)
        kw_merkle_node(tree->edge[--top], carry, carry);
    memcpy(tree->edge[top], carry, KW_HASH_SIZE);
    tree->size++;
}

void kw_tree_root(const struct kw_tree *tree, kw_hash ret_root)
{
    unsigned top = (unsigned)__builtin_popcountll(tree->size);
    kw_hash root;

    if (top == 0) {
        kw_sha256_of(NULL, 0, ret_root);
        return;
    }
    memcpy(root, tree->edge[--top], KW_HASH_SIZE);
    while (top > 0)
        kw_merkle_node(tree->edge[--top], root, root);
    memcpy(ret_root, root, KW_HASH_SIZE);
}

void kw_merkle_root(const kw_hash *leaves, size_t count, kw_hash ret_root)
{
    struct kw_tree tree;

    tree.size = 0;
    for (size_t i = 0; i < count; i++)
        kw_tree_add(&tree, leaves[i]);
    kw_tree_root(&tree, ret_root);
}

/* ---- making proofs ---------------------------------------------------------------- */

struct source {
    kw_merkle_read read;
    void *context;
    kw_hash *path;
    size_t count;
};

/* The largest power of two below n > 1. */
static uint64_t split(uint64_t n)
{
    return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

/* MTH of leaves [low, high), low being a multiple of the power of two that holds them: perfect pieces from the left, folded
 * from the right. */
static int range_root(const struct source *source, uint64_t low, uint64_t high, kw_hash ret_root)
{
    kw_hash pieces[64];
    unsigned count = 0;
    int r;

    while (low < high) {
        unsigned level = 63 - (unsigned)__builtin_clzll(high - low);

        r = source->read(source->context, level, low >> level, pieces[count]);
        if (r < 0)
            return r;
        count++;
        low += (uint64_t)1 << level;
    }
    while (--count > 0)
        kw_merkle_node(pieces[count - 1], pieces[count], pieces[count - 1]);
    memcpy(ret_root, pieces[0], KW_HASH_SIZE);
    return 0;
}

static void reverse(kw_hash *path, size_t count)
{
    kw_hash swap;

    for (size_t i = 0; i < count / 2; i++) {
        memcpy(swap, path[i], sizeof swap);
        memcpy(path[i], path[count - 1 - i], sizeof swap);
        memcpy(path[count - 1 - i], swap, sizeof swap);
    }
}

int kw_merkle_inclusion(kw_merkle_read read, void *context, uint64_t index, uint64_t size, kw_hash *ret_path, size_t *ret_count)
{
    struct source source = {read, context, ret_path, 0};
    uint64_t low = 0, high = size;
    int r;

    if (index >= size)
        return -EINVAL;
    while (high - low > 1) {
        uint64_t middle = low + split(high - low);

        if (index < middle)
            r = range_root(&source, middle, high, ret_path[source.count]);
        else
            r = range_root(&source, low, middle, ret_path[source.count]);
        if (r < 0)
            return r;
        source.count++;
        if (index < middle)
            high = middle;
        else
            low = middle;
    }
    reverse(ret_path, source.count);
    *ret_count = source.count;
    return 0;
}

/* RFC 6962 §2.1.2, SUBPROOF unrolled from the root down. */
int kw_merkle_consistency(kw_merkle_read read, void *context, uint64_t old_size, uint64_t size, kw_hash *ret_path,
                          size_t *ret_count)
{
    struct source source = {read, context, ret_path, 0};
    uint64_t low = 0, high = size;
    bool whole = true; /* the old tree is a subtree whose root the verifier has */
    int r;

    if (old_size == 0 || old_size > size)
        return -EINVAL;
    while (old_size != high) {
        uint64_t middle = low + split(high - low);

        if (old_size <= middle)
            r = range_root(&source, middle, high, ret_path[source.count]);
        else
            r = range_root(&source, low, middle, ret_path[source.count]);
        if (r < 0)
            return r;
        source.count++;
        if (old_size <= middle) {
            high = middle;
        } else {
            low = middle;
            whole = false;
        }
    }
    if (!whole) {
        r = range_root(&source, low, high, ret_path[source.count]);
        if (r < 0)
            return r;
        source.count++;
    }
    reverse(ret_path, source.count);
    *ret_count = source.count;
    return 0;
}

struct held {
    const kw_hash *leaves;
    size_t count;
};

static int read_held(void *context, unsigned level, uint64_t index, kw_hash ret_hash)
{
    const struct held *held = context;
    size_t width = (size_t)1 << level;

    if ((index + 1) * width > held->count)
        return -EINVAL;
    kw_merkle_root(held->leaves + index * width, width, ret_hash);
    return 0;
}

int kw_merkle_path(const kw_hash *leaves, size_t count, size_t index, kw_hash *ret_path, size_t *ret_count)
{
    struct held held = {leaves, count};

    return kw_merkle_inclusion(read_held, &held, index, count, ret_path, ret_count);
}

/* ---- checking proofs ----------------------------------------------------------------- */

static unsigned bit_length(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

static int path_root(uint64_t index, uint64_t size, const kw_hash leaf, const kw_hash *path, size_t count, kw_hash ret_root)
{
    unsigned inner, border;

    if (index >= size)
        return -EBADMSG;
    inner = bit_length(index ^ (size - 1));
    border = inner < 64 ? (unsigned)__builtin_popcountll(index >> inner) : 0;
    if (count != inner + border)
        return -EBADMSG;
    memmove(ret_root, leaf, KW_HASH_SIZE);
    for (unsigned k = 0; k < count; k++) {
        if (k >= inner || index >> k & 1)
            kw_merkle_node(path[k], ret_root, ret_root);
        else
            kw_merkle_node(ret_root, path[k], ret_root);
    }
    return 0;
}

int kw_merkle_path_root(struct kw_view entry, uint64_t index, uint64_t size, const kw_hash *path, size_t count, kw_hash ret_root)
{
    kw_hash leaf;

    kw_merkle_leaf(entry, leaf);
    return path_root(index, size, leaf, path, count, ret_root);
}

int kw_inclusion_verify(uint64_t index, uint64_t size, const kw_hash leaf, const kw_hash *path, size_t count, const kw_hash root)
{
    kw_hash hash;

    if (path_root(index, size, leaf, path, count, hash) < 0 || memcmp(hash, root, KW_HASH_SIZE) != 0)
        return -EBADMSG;
    return 0;
}

int kw_consistency_verify(uint64_t old_size, uint64_t size, const kw_hash old_root, const kw_hash root, const kw_hash *path,
                          size_t count)
{
    unsigned shift, inner, border, at = 0;
    kw_hash old_hash, new_hash;
    uint64_t mask;

    if (old_size == 0 || old_size > size)
        return -EBADMSG;
    if (old_size == size)
        return count == 0 && memcmp(old_root, root, KW_HASH_SIZE) == 0 ? 0 : -EBADMSG;
    shift = (unsigned)__builtin_ctzll(old_size);
    inner = bit_length((old_size - 1) ^ (size - 1)) - shift;
    border = inner + shift < 64 ? (unsigned)__builtin_popcountll((old_size - 1) >> (inner + shift)) : 0;
    if (old_size != (uint64_t)1 << shift)
        at = 1;
    if (count != at + inner + border)
        return -EBADMSG;
    memcpy(old_hash, at ? path[0] : old_root, KW_HASH_SIZE);
    memcpy(new_hash, old_hash, KW_HASH_SIZE);
    mask = (old_size - 1) >> shift;
    for (unsigned k = 0; k < inner + border; k++) {
        if (k >= inner || mask >> k & 1) {
            kw_merkle_node(path[at + k], old_hash, old_hash);
            kw_merkle_node(path[at + k], new_hash, new_hash);
        } else {
            kw_merkle_node(new_hash, path[at + k], new_hash);
        }
    }
    return memcmp(old_hash, old_root, KW_HASH_SIZE) == 0 && memcmp(new_hash, root, KW_HASH_SIZE) == 0 ? 0 : -EBADMSG;
}
