/* SPDX-License-Identifier: Apache-2.0 */
/* test_merkle.c - trees, proofs and batches, with the vectors of transparency-dev/merkle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "json/json.h"
#include "ledger/ledger.h"

static bool load(const char *name, struct kw_json **ret_json)
{
    const char *shared = getenv("KINWARD_SHARED");
    struct kw_buf text = {0};
    char path[4096];
    int r;

    snprintf(path, sizeof path, "%s/data/ledger/%s", shared ? shared : "../shared", name);
    r = kw_file_read(path, 8u << 20, &text, NULL);
    if (r < 0)
        print_message("# skipped: no %s\n", path);
    for (char *at; r == 0 && (at = strstr((char *)text.data, "18446744073709551615"));) /* beyond what kw_json takes */
        memcpy(at, "-1                  ", 20);
    if (r == 0)
        assert_int_equal(kw_json_parse(kw_view_of(&text), ret_json, NULL), 0);
    kw_buf_clear(&text);
    return r == 0;
}

/* A hash of any length as the vectors have them, in a buffer. */
static size_t base64_member(const struct kw_json *object, const char *name, uint8_t *bytes)
{
    struct kw_buf buf = {0};
    size_t size;

    assert_int_equal(kw_base64_parse(kw_json_text_of(kw_json_member(object, name)), &buf), 0);
    assert_true(buf.size <= 64);
    size = buf.size;
    memset(bytes, 0, 64);
    if (size > 0)
        memcpy(bytes, buf.data, size);
    kw_buf_clear(&buf);
    return size;
}

/* The proof's hashes; -1 when one has not 32 bytes, which our types cannot even express. */
static long read_path(const struct kw_json *vector, kw_hash *path)
{
    const struct kw_json *proof = kw_json_member(vector, "proof");
    long count = 0;

    for (size_t i = 0; i < kw_json_count(proof); i++) {
        struct kw_buf buf = {0};
        bool fits;

        assert_int_equal(kw_base64_parse(kw_json_text_of(kw_json_at(proof, i)), &buf), 0);
        fits = buf.size == KW_HASH_SIZE && count < 128;
        if (fits)
            memcpy(path[count++], buf.data, KW_HASH_SIZE);
        kw_buf_clear(&buf);
        if (!fits)
            return -1;
    }
    return count;
}

static uint64_t number(const struct kw_json *vector, const char *name)
{
    int64_t value = 0;

    assert_int_equal(kw_json_get_integer(vector, name, INT64_MIN, INT64_MAX, &value, NULL), 0);
    return (uint64_t)value;
}

static void inclusion_vectors(void **state)
{
    struct kw_json *all = NULL;
    unsigned good = 0;

    if (!load("merkle-inclusion.json", &all))
        return;
    for (size_t i = 0; i < kw_json_count(all); i++) {
        const struct kw_json *vector = kw_json_at(all, i);
        uint8_t root[64], leaf[64];
        kw_hash path[128];
        bool whole = base64_member(vector, "root", root) == 32;
        long count = read_path(vector, path);
        int r = -1;

        whole &= base64_member(vector, "leafHash", leaf) == 32;
        if (whole && count >= 0)
            r = kw_inclusion_verify(number(vector, "leafIdx"), number(vector, "treeSize"), leaf, (const kw_hash *)path,
                                    (size_t)count, root);
        assert_int_equal(r < 0, kw_json_true(vector, "wantErr"));
        good += r == 0;
    }
    assert_int_equal(kw_json_count(all), 53);
    assert_int_equal(good, 4);
    kw_json_free(all);
}

static void consistency_vectors(void **state)
{
    struct kw_json *all = NULL;
    unsigned good = 0;

    if (!load("merkle-consistency.json", &all))
        return;
    for (size_t i = 0; i < kw_json_count(all); i++) {
        const struct kw_json *vector = kw_json_at(all, i);
        uint8_t old_root[64], root[64];
        kw_hash path[128];
        bool whole = base64_member(vector, "root1", old_root) == 32;
        long count = read_path(vector, path);
        int r = -1;

        whole &= base64_member(vector, "root2", root) == 32;
        if (whole && count >= 0)
            r = kw_consistency_verify(number(vector, "size1"), number(vector, "size2"), old_root, root, (const kw_hash *)path,
                                      (size_t)count);
        assert_int_equal(r < 0, kw_json_true(vector, "wantErr"));
        good += r == 0;
    }
    assert_int_equal(kw_json_count(all), 43);
    assert_int_equal(good, 3);
    kw_json_free(all);
}

/* ---- our own: every proof of every small tree ------------------------------------------------ */

#define SMALL 70
static kw_hash leaves[SMALL];

/* RFC 6962 §2.1 word by word. */
static void naive_root(size_t low, size_t high, kw_hash ret_root)
{
    kw_hash left, right;
    size_t k = 1;

    if (high - low == 1) {
        memcpy(ret_root, leaves[low], KW_HASH_SIZE);
        return;
    }
    while (k * 2 < high - low)
        k *= 2;
    naive_root(low, low + k, left);
    naive_root(low + k, high, right);
    kw_merkle_node(left, right, ret_root);
}

static int read_small(void *context, unsigned level, uint64_t index, kw_hash ret_hash)
{
    kw_merkle_root((const kw_hash *)leaves + (index << level), (size_t)1 << level, ret_hash);
    return 0;
}

static void small_trees(void **state)
{
    kw_hash roots[SMALL + 1], path[KW_PATH_MAX], wrong;
    struct kw_tree tree = {0};
    size_t count;

    for (size_t i = 0; i < SMALL; i++) {
        char entry[16];

        snprintf(entry, sizeof entry, "entry %zu", i);
        kw_merkle_leaf(kw_view_text(entry), leaves[i]);
        kw_tree_add(&tree, leaves[i]);
        kw_tree_root(&tree, roots[i + 1]);
        naive_root(0, i + 1, wrong);
        assert_memory_equal(wrong, roots[i + 1], KW_HASH_SIZE);
    }
    for (size_t size = 1; size <= SMALL; size++) {
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(kw_merkle_path((const kw_hash *)leaves, size, i, path, &count), 0);
            assert_int_equal(kw_inclusion_verify(i, size, leaves[i], (const kw_hash *)path, count, roots[size]), 0);
            assert_true(kw_inclusion_verify(i, size, leaves[(i + 1) % SMALL], (const kw_hash *)path, count, roots[size]) < 0);
            assert_true(kw_inclusion_verify(i, size, leaves[i], (const kw_hash *)path, count + 1, roots[size]) < 0);
            if (count > 0) {
                path[count - 1][31] ^= 1;
                assert_true(kw_inclusion_verify(i, size, leaves[i], (const kw_hash *)path, count, roots[size]) < 0);
            }
        }
        for (size_t old = 1; old <= size; old++) {
            assert_int_equal(kw_merkle_consistency(read_small, NULL, old, size, path, &count), 0);
            assert_int_equal(kw_consistency_verify(old, size, roots[old], roots[size], (const kw_hash *)path, count), 0);
            memcpy(wrong, roots[old], sizeof wrong);
            wrong[0] ^= 0x80;
            assert_true(kw_consistency_verify(old, size, wrong, roots[size], (const kw_hash *)path, count) < 0);
            wrong[0] ^= 0x80;
            if (old < size)
                assert_true(kw_consistency_verify(old, size, roots[old], wrong, (const kw_hash *)path, count) < 0);
        }
        assert_true(kw_merkle_consistency(read_small, NULL, 0, size, path, &count) < 0);
        assert_true(kw_merkle_consistency(read_small, NULL, size + 1, size, path, &count) < 0);
    }
}

static void huge_sizes(void **state)
{
    kw_hash path[KW_PATH_MAX + 1] = {{0}}, leaf = {0};

    for (size_t count = 0; count <= KW_PATH_MAX; count++) {
        assert_true(kw_inclusion_verify(UINT64_MAX - 1, UINT64_MAX, leaf, (const kw_hash *)path, count, leaf) < 0);
        assert_true(kw_consistency_verify((uint64_t)1 << 63, UINT64_MAX, leaf, leaf, (const kw_hash *)path, count) < 0);
        assert_true(kw_consistency_verify(UINT64_MAX - 1, UINT64_MAX, leaf, leaf, (const kw_hash *)path, count) < 0);
    }
}

static void batches(void **state)
{
    const size_t counts[] = {1, 2, 15, 16, 17, 100, 4096};
    kw_hash *commitments = kw_alloc(4096 * sizeof *commitments);
    kw_hash path[KW_PATH_MAX], leaf;
    size_t count, moved = 0;

    assert_non_null(commitments);
    kw_random(commitments, 4096 * sizeof *commitments);
    for (size_t i = 0; i < KW_COUNT(counts); i++) {
        struct kw_batch batch = {0}, other = {0};

        assert_int_equal(kw_batch_make((const kw_hash *)commitments, counts[i], &batch), 0);
        assert_true(batch.width >= 4 && (size_t)1 << batch.width >= counts[i] && ((size_t)1 << batch.width) < 2 * counts[i] + 16);
        for (size_t j = 0; j < counts[i]; j += 1 + counts[i] / 50) {
            moved += batch.slots[j] != j;
            kw_merkle_leaf((struct kw_view){commitments[j], KW_HASH_SIZE}, leaf);
            assert_int_equal(kw_merkle_path((const kw_hash *)batch.leaves, (size_t)1 << batch.width, batch.slots[j], path, &count),
                             0);
            assert_int_equal(count, batch.width);
            assert_int_equal(
                kw_inclusion_verify(batch.slots[j], (uint64_t)1 << batch.width, leaf, (const kw_hash *)path, count, batch.root), 0);
        }
        assert_int_equal(kw_batch_make((const kw_hash *)commitments, counts[i], &other), 0);
        assert_memory_not_equal(batch.root, other.root, KW_HASH_SIZE);
        kw_batch_clear(&batch);
        kw_batch_clear(&other);
    }
    assert_true(moved > 20);
    kw_free(commitments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(inclusion_vectors), cmocka_unit_test(consistency_vectors),
                                       cmocka_unit_test(small_trees), cmocka_unit_test(huge_sizes), cmocka_unit_test(batches)};

    if (kw_crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
