/* SPDX-License-Identifier: Apache-2.0 */
/* test_witness.c - every status of the witness protocol, its memory, and which paths name a tile. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "ledger/web.h"
#include "ledger/witness.h"

#define ORIGIN "log.example"

static char folder[] = "/tmp/kw-witness-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    return remove(path);
}

static const char *below(const char *name)
{
    static char path[8][128];
    static unsigned next;

    next = (next + 1) % KW_COUNT(path);
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

/* ---- the handler ------------------------------------------------------------------------- */

#define SMALL 9
static kw_hash leaves[SMALL], roots[SMALL + 1];

static int read_small(void *context, unsigned level, uint64_t index, kw_hash ret_hash)
{
    kw_merkle_root((const kw_hash *)leaves + (index << level), (size_t)1 << level, ret_hash);
    return 0;
}

struct scene {
    struct kw_sign_key *log_key, *witness_key, *stranger;
    struct kw_vkey log, stranger_vkey;
    struct kw_witness *witness;
    const char *state;
};

static void scene_open(struct scene *scene)
{
    struct kw_buf text = {0};

    scene->witness = kw_alloc(sizeof *scene->witness);
    assert_non_null(scene->witness);
    scene->witness->state = scene->state;
    scene->witness->key = scene->witness_key;
    assert_int_equal(kw_vkey_make("w.example", KW_NOTE_COSIGNATURE, scene->witness_key->public_key, &scene->witness->vkey), 0);
    assert_int_equal(kw_vkey_text(&scene->log, &text), 0);
    assert_int_equal(kw_witness_add_log(scene->witness, kw_view_of(&text), NULL), 0);
    assert_int_equal(kw_witness_add_log(scene->witness, kw_view_of(&text), NULL), 0); /* the same again is fine */
    assert_int_equal(scene->witness->count, 1);
    kw_buf_clear(&text);
}

static void scene_make(struct scene *scene, const char *state)
{
    for (size_t i = 0; i < SMALL; i++) {
        kw_merkle_leaf((struct kw_view){(const uint8_t *)&i, 1}, leaves[i]);
        kw_merkle_root((const kw_hash *)leaves, i + 1, roots[i + 1]);
    }
    kw_merkle_root(NULL, 0, roots[0]);
    *scene = (struct scene){.state = state};
    assert_int_equal(kw_dir_make(state, 0700, NULL), 0);
    assert_int_equal(kw_sign_key_new(&scene->log_key), 0);
    assert_int_equal(kw_sign_key_new(&scene->witness_key), 0);
    assert_int_equal(kw_sign_key_new(&scene->stranger), 0);
    assert_int_equal(kw_vkey_make(ORIGIN, KW_NOTE_ED25519, scene->log_key->public_key, &scene->log), 0);
    assert_int_equal(kw_vkey_make(ORIGIN, KW_NOTE_ED25519, scene->stranger->public_key, &scene->stranger_vkey), 0);
    scene_open(scene);
}

static void scene_close(struct scene *scene)
{
    kw_witness_clear(scene->witness);
    kw_free(scene->witness);
    scene->witness = NULL;
}

static void scene_clear(struct scene *scene)
{
    scene_close(scene);
    kw_sign_key_free(scene->log_key);
    kw_sign_key_free(scene->witness_key);
    kw_sign_key_free(scene->stranger);
}

struct wish { /* of one request; the defaults are those of an honest log */
    uint64_t old, size;
    const char *origin;  /* NULL: the log's */
    const uint8_t *root; /* NULL: the right one */
    bool no_proof, by_stranger, by_both;
    unsigned lines; /* more proof lines than there should be */
};

static void put_hash(struct kw_buf *out, const uint8_t *hash)
{
    assert_int_equal(kw_base64(out, hash, KW_HASH_SIZE), 0);
    assert_int_equal(kw_buf_text(out, "\n"), 0);
}

static void make_request(const struct scene *scene, const struct wish *wish, struct kw_buf *out)
{
    kw_hash path[KW_PATH_MAX];
    struct kw_buf text = {0};
    size_t count = 0;

    assert_int_equal(kw_buf_format(out, "old %llu\n", (unsigned long long)wish->old), 0);
    if (wish->old > 0 && wish->old < wish->size && !wish->no_proof)
        assert_int_equal(kw_merkle_consistency(read_small, NULL, wish->old, wish->size, path, &count), 0);
    for (size_t i = 0; i < count; i++)
        put_hash(out, path[i]);
    for (unsigned i = 0; i < wish->lines; i++)
        put_hash(out, roots[1]);
    assert_int_equal(kw_buf_text(out, "\n"), 0);
    assert_int_equal(
        kw_checkpoint_text(wish->origin ? wish->origin : ORIGIN, wish->size, wish->root ? wish->root : roots[wish->size], &text),
        0);
    assert_int_equal(kw_buf_append(out, text.data, text.size), 0);
    assert_int_equal(kw_buf_text(out, "\n"), 0);
    if (!wish->by_stranger)
        assert_int_equal(kw_note_sign(kw_view_of(&text), &scene->log, scene->log_key, 0, out), 0);
    if (wish->by_stranger || wish->by_both)
        assert_int_equal(kw_note_sign(kw_view_of(&text), &scene->stranger_vkey, scene->stranger, 0, out), 0);
    kw_buf_clear(&text);
}

/* The status; body and type are checked where they are part of the protocol. */
static int ask(struct scene *scene, struct wish wish, struct kw_buf *ret_body)
{
    struct kw_witness_answer answer = {0};
    struct kw_buf request = {0};

    make_request(scene, &wish, &request);
    assert_int_equal(kw_witness_add_checkpoint(scene->witness, kw_view_of(&request), 1700000000, &answer), 0);
    assert_string_equal(answer.content_type, answer.status == 409 ? "text/x.tlog.size" : "text/plain; charset=utf-8");
    if (ret_body) {
        ret_body->size = 0;
        assert_int_equal(kw_buf_append(ret_body, answer.body.data, answer.body.size), 0);
    }
    kw_buf_clear(&answer.body);
    kw_buf_clear(&request);
    return answer.status;
}

static void check_cosignature(const struct scene *scene, uint64_t size, struct kw_view line)
{
    struct kw_buf note = {0};
    struct kw_note parsed;
    uint64_t time = 0;

    assert_int_equal(kw_checkpoint_text(ORIGIN, size, roots[size], &note), 0);
    assert_int_equal(kw_buf_text(&note, "\n"), 0);
    assert_int_equal(kw_buf_append(&note, line.data, line.size), 0);
    assert_int_equal(kw_note_parse(kw_view_of(&note), &parsed, NULL), 0);
    assert_int_equal(parsed.count, 1);
    assert_int_equal(kw_note_verify(&parsed, &scene->witness->vkey, &time), 1);
    assert_true(time == 1700000000);
    kw_buf_clear(&note);
}

static void statuses(void **state)
{
    struct scene scene;
    struct kw_buf body = {0};

    scene_make(&scene, below("statuses"));
    assert_int_equal(ask(&scene, (struct wish){.size = 3, .origin = "other.example"}, NULL), 404);
    assert_int_equal(ask(&scene, (struct wish){.size = 3, .by_stranger = true}, NULL), 403);
    assert_int_equal(ask(&scene, (struct wish){.old = 4, .size = 3}, NULL), 400);
    assert_int_equal(ask(&scene, (struct wish){.size = 3, .lines = 1}, NULL), 422); /* a proof from nothing */
    assert_int_equal(ask(&scene, (struct wish){.size = 3, .lines = 64}, NULL), 400);
    assert_int_equal(ask(&scene, (struct wish){.size = 0, .root = roots[1]}, NULL), 422);
    assert_int_equal(ask(&scene, (struct wish){.size = 3, .by_both = true}, &body), 200);
    check_cosignature(&scene, 3, kw_view_of(&body));
    assert_int_equal(ask(&scene, (struct wish){.size = 5}, &body), 409);
    assert_true(kw_view_is(kw_view_of(&body), "3\n"));
    assert_int_equal(ask(&scene, (struct wish){.old = 2, .size = 5}, NULL), 409);
    assert_int_equal(ask(&scene, (struct wish){.old = 3, .size = 5, .no_proof = true}, NULL), 422);
    assert_int_equal(ask(&scene, (struct wish){.old = 3, .size = 5, .lines = 1}, NULL), 422);
    assert_int_equal(ask(&scene, (struct wish){.old = 3, .size = 5, .root = roots[6]}, NULL), 422);
    assert_int_equal(ask(&scene, (struct wish){.old = 3, .size = 3, .root = roots[6]}, NULL), 422);
    assert_int_equal(ask(&scene, (struct wish){.old = 3, .size = 3, .lines = 1}, NULL), 422);
    assert_int_equal(ask(&scene, (struct wish){.old = 3, .size = 3}, &body), 200); /* the same again, a new time */
    assert_int_equal(ask(&scene, (struct wish){.old = 3, .size = 9}, &body), 200);
    check_cosignature(&scene, 9, kw_view_of(&body));
    assert_int_equal(ask(&scene, (struct wish){.old = 3, .size = 5}, NULL), 409); /* never back */
    kw_buf_clear(&body);
    scene_clear(&scene);
}

static void malformed_requests(void **state)
{
    static const char *bad[] = {"",
                                "\n",
                                "old\n\n",
                                "old 0\n",
                                "old 0\n\n",
                                "old 00\n\nx",
                                "old -1\n\nx",
                                "old 1 \n\nx",
                                "old 0\nxx\n\nx",
                                "old 0\n\nlog.example\n1\nAAAA\n\n",
                                "old 18446744073709551616\n\nx"};
    struct kw_buf request = {0};
    struct scene scene;

    scene_make(&scene, below("malformed"));
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        struct kw_witness_answer answer = {0};

        assert_int_equal(kw_witness_add_checkpoint(scene.witness, kw_view_text(bad[i]), 0, &answer), 0);
        assert_int_equal(answer.status, 400);
        kw_buf_clear(&answer.body);
    }
    make_request(&scene, &(struct wish){.size = 3}, &request);
    for (size_t i = 0; i < request.size * 8; i++) { /* no flipped bit is cosigned, and nothing is remembered of it */
        struct kw_witness_answer answer = {0};

        request.data[i / 8] ^= (uint8_t)(1u << (i % 8));
        assert_int_equal(kw_witness_add_checkpoint(scene.witness, kw_view_of(&request), 0, &answer), 0);
        assert_true(answer.status >= 400 && answer.status < 500);
        request.data[i / 8] ^= (uint8_t)(1u << (i % 8));
        kw_buf_clear(&answer.body);
    }
    assert_false(scene.witness->logs[0].last.seen);
    kw_buf_clear(&request);
    scene_clear(&scene);
}

static void state_outlives_the_process(void **state)
{
    struct kw_witness_answer answer = {0};
    struct scene scene;
    struct kw_note note;
    struct kw_buf broken = {0};

    scene_make(&scene, below("memory"));
    assert_int_equal(ask(&scene, (struct wish){.size = 3, .by_both = true}, NULL), 200);
    scene_close(&scene);
    scene_open(&scene);
    assert_int_equal(ask(&scene, (struct wish){.size = 5}, NULL), 409);
    assert_int_equal(ask(&scene, (struct wish){.old = 3, .size = 5}, NULL), 200);

    assert_int_equal(kw_witness_head(scene.witness, kw_view_text(scene.witness->logs[0].hash), &answer), 0);
    assert_int_equal(answer.status, 200);
    assert_int_equal(kw_note_parse(kw_view_of(&answer.body), &note, NULL), 0);
    assert_int_equal(note.count, 2); /* the log's line and ours; no stranger's */
    assert_int_equal(kw_note_verify(&note, &scene.log, NULL), 1);
    assert_int_equal(kw_note_verify(&note, &scene.witness->vkey, NULL), 1);
    assert_int_equal(kw_witness_head(scene.witness, kw_view_text("00"), &answer), 0);
    assert_int_equal(answer.status, 404);

    char path[1200]; /* a changed state is no state to go on from */
    snprintf(path, sizeof path, "%s", scene.witness->logs[0].last.path);
    assert_int_equal(kw_file_read(path, 1u << 16, &broken, NULL), 0);
    broken.data[12] ^= 1;
    assert_int_equal(kw_file_replace(path, kw_view_of(&broken), 0600, NULL), 0);
    scene_close(&scene);
    scene.witness = kw_alloc(sizeof *scene.witness);
    scene.witness->state = scene.state;
    scene.witness->key = scene.witness_key;
    assert_int_equal(kw_vkey_make("w.example", KW_NOTE_COSIGNATURE, scene.witness_key->public_key, &scene.witness->vkey), 0);
    broken.size = 0;
    assert_int_equal(kw_vkey_text(&scene.log, &broken), 0);
    assert_int_equal(kw_witness_add_log(scene.witness, kw_view_of(&broken), NULL), -EBADMSG);
    kw_buf_clear(&broken);
    kw_buf_clear(&answer.body);
    scene_clear(&scene);
}

static void tile_paths(void **state)
{
    static const char *good[] = {"tile/0/000", "tile/entries/000", "tile/7/x001/x234/067", "tile/0/000.p/1",
                                 "tile/entries/x001/000.p/255"};
    static const char *bad[] = {"tile/",
                                "tile/8/000",
                                "tile/0/00",
                                "tile/0/0000",
                                "tile/0/000/",
                                "tile/0/000.p/0",
                                "tile/0/000.p/256",
                                "tile/0/000.p/01",
                                "tile/0/000.p/",
                                "tile/0/000.p/1x",
                                "tile/0/x001",
                                "tile/0/x001/",
                                "tile/0/001/002",
                                "tile/0/../../checkpoint",
                                "tile/entries/../0/000",
                                "tile/0/000.p/../1",
                                "tile/0/x001/../000",
                                "tile/00/000"};
    char path[KW_TILE_PATH];

    for (size_t i = 0; i < KW_COUNT(good); i++)
        assert_true(kw_web_tile_path(good[i]));
    for (size_t i = 0; i < KW_COUNT(bad); i++)
        assert_false(kw_web_tile_path(bad[i]));
    kw_tile_path(path, 0, 1234067, 256);
    assert_string_equal(path, "tile/0/x001/x234/067");
    kw_tile_path(path, KW_TILE_ENTRIES, 999, 3);
    assert_string_equal(path, "tile/entries/999.p/3");
    kw_tile_path(path, 7, UINT64_MAX, 255);
    assert_true(kw_web_tile_path(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(statuses), cmocka_unit_test(malformed_requests),
                                       cmocka_unit_test(state_outlives_the_process), cmocka_unit_test(tile_paths)};
    int failed;

    if (kw_crypto_init() < 0 || !mkdtemp(folder))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return failed;
}
