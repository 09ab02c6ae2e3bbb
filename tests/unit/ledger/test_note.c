/* SPDX-License-Identifier: Apache-2.0 */
/* test_note.c - notes, keys, checkpoints, policies, leaves and proofs; the sample log of Go's sumdb; hostile variants. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ledger/ledger.h"

static bool load(const char *name, struct kw_buf *ret_text)
{
    const char *shared = getenv("KINWARD_SHARED");
    char path[4096];

    snprintf(path, sizeof path, "%s/data/ledger/%s", shared ? shared : "../shared", name);
    if (kw_file_read(path, 1u << 20, ret_text, NULL) == 0)
        return true;
    print_message("# skipped: no %s\n", path);
    return false;
}

static void example_note(void **state)
{
    struct kw_buf text = {0}, key = {0}, again = {0};
    struct kw_vkey vkey;
    struct kw_note note;

    if (!load("c2sp-signed-note-example.txt", &text) || !load("c2sp-signed-note-example.vkey", &key))
        return;
    if (key.data[key.size - 1] == '\n')
        key.size--;
    assert_int_equal(kw_vkey_parse(kw_view_of(&key), &vkey, NULL), 0);
    assert_int_equal(kw_vkey_text(&vkey, &again), 0);
    assert_true(kw_view_equal(kw_view_of(&key), kw_view_of(&again)));
    assert_int_equal(kw_note_parse(kw_view_of(&text), &note, NULL), 0);
    assert_true(kw_view_is(note.text, "This is an example message.\n"));
    assert_int_equal(kw_note_verify(&note, &vkey, NULL), 1);
    for (size_t i = 0; i < text.size * 8; i++) { /* each bit matters, also of the key id and of the base64's tail */
        text.data[i / 8] ^= (uint8_t)(1u << (i % 8));
        assert_true(kw_note_parse(kw_view_of(&text), &note, NULL) < 0 || kw_note_verify(&note, &vkey, NULL) < 1);
        text.data[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    for (size_t i = 0; i < key.size * 8; i++) {
        key.data[i / 8] ^= (uint8_t)(1u << (i % 8));
        assert_true(kw_vkey_parse(kw_view_of(&key), &vkey, NULL) < 0);
        key.data[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    kw_buf_clear(&text), kw_buf_clear(&key), kw_buf_clear(&again);
}

static void note_shapes(void **state)
{
    static const char *bad[] = {"",
                                "\n",
                                "\n\n",
                                "a\n",
                                "a\n\n",
                                "a\n\nb\n",
                                "a\n\xe2\x80\x94 n AAAAAAA=\n",
                                "a\n\n\xe2\x80\x94 n AAAAAAA=",
                                "a\n\n\xe2\x80\x94  AAAAAAA=\n",
                                "a\n\n\xe2\x80\x94 n AAAA\n",
                                "a\n\n\xe2\x80\x94 n+x AAAAAAA=\n",
                                "a\n\n\xe2\x80\x94 n\xc2\xa0x AAAAAAA=\n",
                                "a\r\n\n\xe2\x80\x94 n AAAAAAA=\n",
                                "a\xff\n\n\xe2\x80\x94 n AAAAAAA=\n",
                                "a\xc0\xaf\n\n\xe2\x80\x94 n AAAAAAA=\n",
                                "a\n\n- n AAAAAAA=\n",
                                "a\n\n\xe2\x80\x94 n AAAAAAA=\n\n",
                                "a\n\n\xe2\x80\x94 n AAAAAAA= \n"};
    struct kw_fault fault;
    struct kw_buf many = {0};
    struct kw_note note;

    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        fault.code = KW_OK;
        assert_int_equal(kw_note_parse(kw_view_text(bad[i]), &note, &fault), -EBADMSG);
        assert_int_equal(fault.code, KW_E_NOTE);
    }
    /* the text is split off at the last empty line */
    assert_int_equal(kw_note_parse(kw_view_text("a\n\nb\n\n\xe2\x80\x94 n AAAAAAA=\n"), &note, NULL), 0);
    assert_true(kw_view_is(note.text, "a\n\nb\n"));
    assert_int_equal(kw_buf_text(&many, "a\n\n"), 0);
    for (int i = 0; i < KW_NOTE_LINES; i++)
        assert_int_equal(kw_buf_text(&many, "\xe2\x80\x94 n AAAAAAA=\n"), 0);
    assert_int_equal(kw_note_parse(kw_view_of(&many), &note, NULL), 0);
    assert_int_equal(kw_buf_text(&many, "\xe2\x80\x94 n AAAAAAA=\n"), 0);
    assert_int_equal(kw_note_parse(kw_view_of(&many), &note, NULL), -EBADMSG);
    kw_buf_clear(&many);
}

static void checkpoints(void **state)
{
    static const char *bad[] = {"o\n1\n",
                                "\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
                                "o\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
                                "o\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
                                "o\n18446744073709551616\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
                                "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n",
                                "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore\n",
                                "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    const kw_hash root = {0};
    struct kw_checkpoint checkpoint;
    struct kw_buf text = {0};

    for (size_t i = 0; i < KW_COUNT(bad); i++)
        assert_int_equal(kw_checkpoint_parse(kw_view_text(bad[i]), &checkpoint, NULL), -EBADMSG);
    assert_int_equal(kw_checkpoint_text("o", UINT64_MAX, root, &text), 0);
    assert_true(kw_view_is(kw_view_of(&text), "o\n18446744073709551615\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"));
    assert_int_equal(kw_checkpoint_parse(kw_view_of(&text), &checkpoint, NULL), 0);
    assert_true(checkpoint.size == UINT64_MAX);
    kw_buf_clear(&text);
}

/* ---- policies ---------------------------------------------------------------------- */

struct cast { /* a log and four witnesses */
    struct kw_sign_key *keys[5];
    struct kw_vkey vkeys[5];
    struct kw_buf texts[5];
};

static void cast_make(struct cast *cast)
{
    for (uint8_t i = 0; i < 5; i++) {
        uint8_t seed[32] = {i};
        char name[16];

        snprintf(name, sizeof name, i ? "w%u.example" : "log.example", i);
        cast->texts[i] = (struct kw_buf){0};
        assert_int_equal(kw_sign_key_from_seed(seed, &cast->keys[i]), 0);
        assert_int_equal(kw_vkey_make(name, i ? KW_NOTE_COSIGNATURE : KW_NOTE_ED25519, cast->keys[i]->public_key, &cast->vkeys[i]),
                         0);
        assert_int_equal(kw_vkey_text(&cast->vkeys[i], &cast->texts[i]), 0);
    }
}

static void cast_clear(struct cast *cast)
{
    for (size_t i = 0; i < 5; i++) {
        kw_sign_key_free(cast->keys[i]);
        kw_buf_clear(&cast->texts[i]);
    }
}

/* signers: bits of the cast */
static void cast_note(const struct cast *cast, unsigned signers, struct kw_buf *ret_note)
{
    const kw_hash root = {1, 2, 3};
    struct kw_buf text = {0};

    ret_note->size = 0;
    assert_int_equal(kw_checkpoint_text("log.example", 7, root, &text), 0);
    assert_int_equal(kw_buf_append(ret_note, text.data, text.size), 0);
    assert_int_equal(kw_buf_text(ret_note, "\n"), 0);
    for (size_t i = 0; i < 5; i++) {
        if (signers >> i & 1)
            assert_int_equal(kw_note_sign(kw_view_of(&text), &cast->vkeys[i], cast->keys[i], 1700000000 + i, ret_note), 0);
    }
    kw_buf_clear(&text);
}

/* %0 … %4 stand for the keys of the cast. */
static int parse_policy(const struct cast *cast, const char *pattern, struct kw_policy **ret_policy, struct kw_fault *fault)
{
    struct kw_buf text = {0};
    int r;

    for (const char *at = pattern; *at; at++) {
        if (*at == '%')
            assert_int_equal(kw_buf_text(&text, (const char *)cast->texts[*++at - '0'].data), 0);
        else
            assert_int_equal(kw_buf_append(&text, at, 1), 0);
    }
    r = kw_policy_parse(kw_view_of(&text), ret_policy, fault);
    kw_buf_clear(&text);
    return r;
}

#define ALL "log %0 http://x\n# all\n\t witness a %1 http://a\nwitness b %2\nwitness c\t%3\nwitness d %4 \n"

static void quorums(void **state)
{
    static const struct {
        const char *tail;
        unsigned enough, lacking; /* signers */
    } cases[] = {
        {"quorum none\n", 1, 0},
        {"quorum a\n", 1 | 2, 1 | 4 | 8 | 16},
        {"group g any a b\nquorum g\n", 1 | 4, 1 | 8},
        {"group g all a b\nquorum g\n", 1 | 2 | 4, 1 | 2},
        {"group g 2 a b c\nquorum g\n", 1 | 2 | 8, 1 | 2 | 16},
        {"group g 2 a b c\ngroup h all g d\nquorum h\n", 1 | 2 | 4 | 16, 1 | 2 | 4 | 8},
    };
    struct kw_buf note = {0};
    struct cast cast;

    cast_make(&cast);
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        struct kw_policy *policy = NULL;
        struct kw_checkpoint checkpoint = {0};
        struct kw_fault fault = {0};
        char pattern[512];

        snprintf(pattern, sizeof pattern, "%s%s", ALL, cases[i].tail);
        assert_int_equal(parse_policy(&cast, pattern, &policy, &fault), 0);
        cast_note(&cast, cases[i].enough, &note);
        assert_int_equal(kw_policy_check(policy, kw_view_of(&note), true, &checkpoint, &fault), 0);
        assert_true(checkpoint.size == 7);
        cast_note(&cast, cases[i].lacking, &note);
        int r = kw_policy_check(policy, kw_view_of(&note), true, &checkpoint, &fault);
        if (cases[i].lacking & 1) {
            assert_int_equal(r, -EAGAIN);
            assert_int_equal(fault.code, KW_E_QUORUM);
        } else {
            assert_int_equal(r, -EBADMSG);
        }
        cast_note(&cast, 31 & ~1u, &note); /* the log itself did not sign */
        assert_int_equal(kw_policy_check(policy, kw_view_of(&note), true, &checkpoint, &fault), -EBADMSG);
        kw_policy_free(policy);
    }
    struct kw_policy *policy = NULL; /* a stranger's line: passed over, or refused */
    assert_int_equal(parse_policy(&cast, "log %0\nwitness a %1\nquorum a\n", &policy, NULL), 0);
    struct kw_checkpoint checkpoint;
    cast_note(&cast, 7, &note);
    assert_int_equal(kw_policy_check(policy, kw_view_of(&note), false, &checkpoint, NULL), 0);
    assert_int_equal(kw_policy_check(policy, kw_view_of(&note), true, &checkpoint, NULL), -EBADMSG);
    kw_policy_free(policy);
    kw_buf_clear(&note);
    cast_clear(&cast);
}

static void bad_policies(void **state)
{
    static const char *bad[] = {"",
                                "quorum none",
                                "log %0\n",
                                ALL "quorum x\n",
                                ALL "quorum a\nquorum a\n",
                                ALL "quorum a b\n",
                                "log %1\nquorum none\n",
                                "witness a %0\nquorum none\n",
                                "log %0\nlog %0\nquorum none\n",
                                ALL "witness e %1\nquorum none\n",
                                "witness a %1\nwitness a %2\nquorum none\n",
                                "witness none %1\nquorum none\n",
                                ALL "group g 0 a b\nquorum g\n",
                                ALL "group g 3 a b\nquorum g\n",
                                ALL "group g 01 a b\nquorum g\n",
                                ALL "group g any a a\nquorum g\n",
                                ALL "group g any none\nquorum g\n",
                                ALL "group g any h\ngroup h any a\nquorum g\n",
                                ALL "group g any\nquorum none\n",
                                ALL "group g any a\ngroup h any a b\nquorum g\n",
                                ALL "group a any b\nquorum a\n",
                                ALL "mirror x\nquorum none\n",
                                ALL "quorum none\r\n",
                                "log %0 u v\nquorum none\n",
                                "witness\nquorum none\n",
                                "log\nquorum none\n"};
    struct cast cast;

    cast_make(&cast);
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        struct kw_policy *policy = NULL;
        struct kw_fault fault = {0};

        assert_int_equal(parse_policy(&cast, bad[i], &policy, &fault), -EBADMSG);
        assert_null(policy);
        assert_true(fault.code == KW_E_CONFIG || fault.code == KW_E_KEY);
    }
    cast_clear(&cast);
}

/* ---- leaves --------------------------------------------------------------------------- */

static void leaves(void **state)
{
    static const uint8_t bytes[104 * 2 + 64] = {1, 2, 3};
    struct kw_leaf all[] = {
        {.type = KW_LEAF_BATCH, .sealed_minute = 1700000040, .batch = {.width = 12}},
        {.type = KW_LEAF_HEADS, .heads = {.count = 2, .heads = {bytes, 208}}},
        {.type = KW_LEAF_KEY, .key = {1, {bytes, 50}, {bytes, 64}, {bytes, 64}}},
        {.type = KW_LEAF_ANCHOR, .anchor = {2, 9, {bytes, 32}, {bytes, 100}}},
        {.type = KW_LEAF_POLICY, .policy = {3, {bytes, 33}}},
        {.type = 0xfe, .unknown = {bytes, 5}},
    };

    for (size_t i = 0; i < KW_COUNT(all); i++) {
        struct kw_buf entry = {0}, again = {0};
        struct kw_leaf leaf;

        assert_int_equal(kw_leaf_write(&all[i], &entry), 0);
        assert_true(all[i].type != KW_LEAF_BATCH || entry.size == KW_LEAF_BATCH_SIZE);
        assert_int_equal(kw_leaf_parse(kw_view_of(&entry), &leaf, NULL), 0);
        assert_int_equal(leaf.type, all[i].type);
        assert_int_equal(kw_leaf_write(&leaf, &again), 0);
        assert_true(kw_view_equal(kw_view_of(&entry), kw_view_of(&again)));
        for (size_t size = 0; size < entry.size && all[i].type < 0x80; size++)
            assert_int_equal(kw_leaf_parse((struct kw_view){entry.data, size}, &leaf, NULL), -EBADMSG);
        assert_int_equal(kw_buf_append(&entry, "x", 1), 0);
        if (all[i].type < 0x80)
            assert_int_equal(kw_leaf_parse(kw_view_of(&entry), &leaf, NULL), -EBADMSG);
        kw_buf_clear(&entry), kw_buf_clear(&again);
    }
}

/* ---- proofs ------------------------------------------------------------------------------ */

static void sample_proofs(void **state)
{
    struct kw_buf text = {0}, entry = {0};
    struct kw_policy *policy = NULL;
    struct kw_fault fault = {0};
    char folder[4096], name[600];
    unsigned count = 0;
    DIR *dir;

    if (!load("sample-1000/policy", &text))
        return;
    assert_int_equal(kw_policy_parse(kw_view_of(&text), &policy, &fault), 0);
    snprintf(folder, sizeof folder, "%s/data/ledger/sample-1000/proofs", getenv("KINWARD_SHARED"));
    dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *file; (file = readdir(dir)) != NULL;) {
        struct kw_proof proof = {0};
        struct kw_checkpoint checkpoint;
        unsigned index, size;

        if (sscanf(file->d_name, "%u-of-%u.tlog-proof", &index, &size) != 2)
            continue;
        snprintf(name, sizeof name, "sample-1000/proofs/%s", file->d_name);
        assert_true(load(name, &text));
        snprintf(name, sizeof name, "sample-1000/proofs/%u.leaf", index);
        assert_true(load(name, &entry));
        assert_int_equal(kw_proof_parse(kw_view_of(&text), &proof, &fault), 0);
        assert_int_equal(kw_proof_verify_entry(&proof, kw_view_of(&entry), policy, true, &checkpoint, &fault), 0);
        assert_true(proof.index == index && checkpoint.size == size);
        entry.data[count % entry.size] ^= 4;
        assert_int_equal(kw_proof_verify_entry(&proof, kw_view_of(&entry), policy, true, &checkpoint, &fault), -EBADMSG);
        kw_proof_clear(&proof);
        count++;
    }
    closedir(dir);
    assert_true(count > 20);
    kw_policy_free(policy);
    kw_buf_clear(&text), kw_buf_clear(&entry);
}

/* A record in an origin batch of three, in a ledger batch, in a log of one leaf. */
static void make_record_proof(const struct cast *cast, struct kw_view record, struct kw_proof *proof)
{
    kw_hash origin_leaves[3] = {{0}}, commitment, digest, root, log_root;
    struct kw_batch batch = {0};
    struct kw_leaf leaf = {.type = KW_LEAF_BATCH, .sealed_minute = 1700000040};
    struct kw_buf entry = {0}, statement = {0};
    struct kw_origin *origin = &proof->origin;
    char id[9];
    size_t count;

    kw_sha256_of(record.data, record.size, digest);
    assert_int_equal(kw_buf_append(&origin->leaf, "\0\1a\0\1b", 6), 0);
    assert_int_equal(kw_buf_append(&origin->leaf, digest, 32), 0);
    kw_merkle_leaf(kw_view_of(&origin->leaf), origin_leaves[2]);
    origin->index = 2, origin->count = 3;
    assert_int_equal(kw_merkle_path((const kw_hash *)origin_leaves, 3, 2, origin->path, &origin->path_count), 0);
    kw_merkle_root((const kw_hash *)origin_leaves, 3, root);
    snprintf(origin->principal, sizeof origin->principal, "ro-civil");
    snprintf(origin->jurisdiction, sizeof origin->jurisdiction, "RO");
    assert_int_equal(kw_origin_statement("ro-civil", "RO", origin->batch, 3, root, &statement), 0);
    kw_sign(cast->keys[4], statement.data, statement.size, origin->signature);
    kw_key_id(cast->keys[4]->public_key, id);
    assert_int_equal(kw_hex_parse(kw_view_text(id), origin->key_id, 4), 0);

    memset(proof->salt, 9, sizeof proof->salt);
    kw_record_digest(record, kw_view_of(&origin->leaf), digest);
    kw_commitment(proof->salt, digest, commitment);
    assert_int_equal(kw_batch_make((const kw_hash *)&commitment, 1, &batch), 0);
    leaf.batch.width = (uint8_t)batch.width;
    memcpy(leaf.batch.root, batch.root, 32);
    assert_int_equal(kw_leaf_write(&leaf, &entry), 0);
    memcpy(proof->leaf, entry.data, sizeof proof->leaf);
    proof->width = (uint8_t)batch.width;
    proof->slot = batch.slots[0];
    assert_int_equal(kw_merkle_path((const kw_hash *)batch.leaves, 16, proof->slot, proof->batch_path, &count), 0);
    proof->has_record = true;

    kw_merkle_leaf(kw_view_of(&entry), log_root);
    struct kw_buf text = {0};
    assert_int_equal(kw_checkpoint_text("log.example", 1, log_root, &text), 0);
    assert_int_equal(kw_buf_append(&proof->checkpoint, text.data, text.size), 0);
    assert_int_equal(kw_buf_text(&proof->checkpoint, "\n"), 0);
    assert_int_equal(kw_note_sign(kw_view_of(&text), &cast->vkeys[0], cast->keys[0], 0, &proof->checkpoint), 0);
    assert_int_equal(kw_note_sign(kw_view_of(&text), &cast->vkeys[1], cast->keys[1], 1700000100, &proof->checkpoint), 0);
    kw_batch_clear(&batch);
    kw_buf_clear(&entry), kw_buf_clear(&text), kw_buf_clear(&statement);
}

static int verify_text(struct kw_view text, struct kw_view record, const uint8_t *key, const struct kw_policy *policy)
{
    struct kw_proof proof = {0};
    struct kw_checkpoint checkpoint;
    struct kw_fault fault;
    int r = kw_proof_parse(text, &proof, &fault);

    if (r == 0)
        r = kw_proof_verify_record(&proof, record, key, policy, &checkpoint, &fault);
    kw_proof_clear(&proof);
    return r;
}

static void record_proofs(void **state)
{
    struct kw_view record = kw_view_text("<record xmlns=\"urn:kinward:record:1\"/>");
    struct kw_policy *policy = NULL, *stricter = NULL;
    struct kw_proof proof = {0}, parsed = {0};
    struct kw_buf text = {0}, again = {0};
    struct cast cast;

    cast_make(&cast);
    assert_int_equal(parse_policy(&cast, "log %0\nwitness a %1\nquorum a\n", &policy, NULL), 0);
    assert_int_equal(parse_policy(&cast, "log %0\nwitness a %1\nwitness b %2\ngroup g all a b\nquorum g\n", &stricter, NULL), 0);
    make_record_proof(&cast, record, &proof);
    assert_int_equal(kw_proof_write(&proof, &text), 0);
    assert_int_equal(kw_proof_parse(kw_view_of(&text), &parsed, NULL), 0);
    assert_int_equal(kw_proof_write(&parsed, &again), 0);
    assert_true(kw_view_equal(kw_view_of(&text), kw_view_of(&again)));

    const uint8_t *key = cast.keys[4]->public_key;
    assert_int_equal(verify_text(kw_view_of(&text), record, key, policy), 0);
    assert_int_equal(verify_text(kw_view_of(&text), record, NULL, policy), 0);
    assert_int_equal(verify_text(kw_view_of(&text), record, cast.keys[3]->public_key, policy), -EBADMSG);
    assert_int_equal(verify_text(kw_view_of(&text), kw_view_text("<record/>"), NULL, policy), -EBADMSG);
    assert_int_equal(verify_text(kw_view_of(&text), record, key, stricter), -EAGAIN);
    for (size_t size = 0; size < text.size; size++) /* cut at a line of its cosignatures it may be good and pending */
        assert_true(verify_text((struct kw_view){text.data, size}, record, key, policy) < 0);
    for (size_t i = 0; i < text.size * 8; i++) {
        text.data[i / 8] ^= (uint8_t)(1u << (i % 8));
        assert_true(verify_text(kw_view_of(&text), record, key, policy) < 0);
        text.data[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    kw_proof_clear(&proof), kw_proof_clear(&parsed);
    kw_policy_free(policy), kw_policy_free(stricter);
    kw_buf_clear(&text), kw_buf_clear(&again);
    cast_clear(&cast);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(example_note),  cmocka_unit_test(note_shapes),
                                       cmocka_unit_test(checkpoints),   cmocka_unit_test(quorums),
                                       cmocka_unit_test(bad_policies),  cmocka_unit_test(leaves),
                                       cmocka_unit_test(sample_proofs), cmocka_unit_test(record_proofs)};

    if (kw_crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
