/* SPDX-License-Identifier: Apache-2.0 */
/* test_witness.c - every status of the witness protocol, and log, witnesses and web processes together over HTTP. */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "http/http.h"
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

/* ---- processes ------------------------------------------------------------------------------- */

struct witness_process { /* what `kinward witness` runs, in a thread of the test */
    struct kw_signer *signer;
    struct kw_ledger_web *web;
    pthread_t thread;
    atomic_bool stop;
    struct kw_buf vkey;
};

static void *serve(void *argument)
{
    struct witness_process *process = argument;

    while (!atomic_load(&process->stop)) {
        struct pollfd item = {.fd = kw_ledger_web_fd(process->web), .events = POLLIN};

        poll(&item, 1, 20);
        (void)!kw_ledger_web_work(process->web, process->signer, NULL);
    }
    return NULL;
}

static void process_start(struct witness_process *process, const char *name, const char *log_vkey, const char *log_folder)
{
    const char *logs[] = {log_vkey, NULL};
    struct kw_sign_key *key;
    struct kw_vkey vkey;
    struct kw_fault fault = {0};
    char key_path[128], state[128];

    *process = (struct witness_process){.stop = false};
    snprintf(key_path, sizeof key_path, "%s/%s.key", folder, name);
    snprintf(state, sizeof state, "%s/%s-state", folder, name);
    assert_int_equal(kw_sign_key_new(&key), 0);
    assert_int_equal(kw_sign_key_save(key_path, key, NULL), 0);
    assert_int_equal(kw_vkey_make(name, KW_NOTE_COSIGNATURE, key->public_key, &vkey), 0);
    assert_int_equal(kw_vkey_text(&vkey, &process->vkey), 0);
    kw_sign_key_free(key);
    assert_int_equal(
        kw_signer_start(&(struct kw_signer_options){.state = state, .witness_key = key_path, .witness_name = name, .logs = logs},
                        &process->signer, &fault),
        0);
    assert_int_equal(
        kw_ledger_web_start(&(struct kw_ledger_web_options){.address = "127.0.0.1", .folder = log_folder}, &process->web, &fault),
        0);
    assert_int_equal(pthread_create(&process->thread, NULL, serve, process), 0);
}

static void process_stop(struct witness_process *process)
{
    atomic_store(&process->stop, true);
    pthread_join(process->thread, NULL);
    kw_ledger_web_stop(process->web);
    kw_signer_stop(process->signer);
    kw_buf_clear(&process->vkey);
}

static int get(uint16_t port, const char *path, struct kw_http_response *response)
{
    const char *const hosts[] = {"127.0.0.1", NULL};
    struct kw_http_client *client = NULL;
    char url[256];
    int r;

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
    assert_int_equal(kw_http_client_new(&(struct kw_http_options){.hosts = hosts, .plain = true}, &client, NULL), 0);
    r = kw_http_send(client, &(struct kw_http_request){.method = "GET", .url = url}, response, NULL);
    kw_http_client_free(client);
    assert_int_equal(r, 0);
    return response->status;
}

static void seal_and_publish(struct kw_log *log, struct kw_signer *signer, uint64_t position, struct kw_buf *ret_note)
{
    struct kw_log_item item = {.kind = 1, .position = position};
    struct kw_fault fault = {0};
    uint64_t leaf;

    ret_note->size = 0;
    assert_int_equal(kw_log_seal(log, &item, 1, 1700000000000, &leaf, &fault), 0);
    assert_int_equal(kw_log_publish(log, kw_signer_sign, signer, &fault), 0);
    assert_int_equal(kw_log_unreleased(log, ret_note, &fault), 0);
}

struct stage { /* a log, two witnesses of which both are wanted, a third address where nobody is */
    struct kw_signer *signer;
    struct kw_log *log;
    struct kw_policy *policy;
    struct kw_cosigner *cosigner;
    struct witness_process witnesses[2];
    struct kw_buf log_vkey;
};

static void stage_make(struct stage *stage)
{
    const char *key_path = below("log.key"), *dir = below("hub"), *state = below("hub-signer");
    struct kw_buf policy = {0};
    struct kw_sign_key *key;
    struct kw_vkey vkey;
    struct kw_fault fault = {0};

    *stage = (struct stage){.log = NULL};
    assert_int_equal(kw_sign_key_new(&key), 0);
    assert_int_equal(kw_sign_key_save(key_path, key, NULL), 0);
    assert_int_equal(kw_vkey_make(ORIGIN, KW_NOTE_ED25519, key->public_key, &vkey), 0);
    assert_int_equal(kw_vkey_text(&vkey, &stage->log_vkey), 0);
    assert_int_equal(
        kw_signer_start(&(struct kw_signer_options){.state = state, .log_key = key_path, .origin = ORIGIN}, &stage->signer, &fault),
        0);
    assert_int_equal(kw_log_open(dir, ORIGIN, &stage->log, &fault), 0);
    assert_int_equal(kw_buf_format(&policy, "log %s\n", (const char *)stage->log_vkey.data), 0);
    for (int i = 0; i < 2; i++) {
        process_start(&stage->witnesses[i], i ? "w1.example" : "w0.example", (const char *)stage->log_vkey.data,
                      i ? kw_log_folder(stage->log) : NULL);
        assert_int_equal(kw_buf_format(&policy, "witness w%d %s http://127.0.0.1:%u\n", i,
                                       (const char *)stage->witnesses[i].vkey.data, kw_ledger_web_port(stage->witnesses[i].web)),
                         0);
    }
    key->public_key[0] ^= 1; /* some other key: of a witness that is not there */
    assert_int_equal(kw_vkey_make("gone.example", KW_NOTE_COSIGNATURE, key->public_key, &vkey), 0);
    assert_int_equal(kw_buf_text(&policy, "witness gone "), 0);
    assert_int_equal(kw_vkey_text(&vkey, &policy), 0);
    assert_int_equal(kw_buf_text(&policy, " http://127.0.0.1:1\ngroup g 2 w0 w1 gone\nquorum g\n"), 0);
    assert_int_equal(kw_policy_parse(kw_view_of(&policy), &stage->policy, &fault), 0);
    assert_int_equal(kw_cosigner_new(stage->policy, ORIGIN, kw_log_folder(stage->log), 50, &stage->cosigner, &fault), 0);
    kw_sign_key_free(key);
    kw_buf_clear(&policy);
}

static void stage_clear(struct stage *stage)
{
    kw_cosigner_free(stage->cosigner);
    kw_log_close(stage->log);
    kw_signer_stop(stage->signer);
    kw_policy_free(stage->policy);
    kw_buf_clear(&stage->log_vkey);
    for (int i = 0; i < 2; i++)
        process_stop(&stage->witnesses[i]);
}

static void check_web(struct stage *stage)
{
    uint16_t with_log = kw_ledger_web_port(stage->witnesses[1].web), without = kw_ledger_web_port(stage->witnesses[0].web);
    struct kw_http_response response = {0};
    char path[128], hex[65];
    kw_hash hash;

    assert_int_equal(get(with_log, "/checkpoint", &response), 200);
    assert_string_equal(response.content_type, "text/plain; charset=utf-8");
    assert_int_equal(get(without, "/checkpoint", &response), 404);
    assert_int_equal(get(with_log, "/tile/0/000.p/3", &response), 200);
    assert_string_equal(response.content_type, "application/octet-stream");
    assert_int_equal(response.body.size, 96);
    assert_int_equal(get(with_log, "/tile/entries/000.p/3", &response), 200);
    assert_int_equal(response.body.size, 3 * 47);
    assert_int_equal(get(with_log, "/tile/0/001", &response), 404);
    assert_int_equal(get(with_log, "/../ledger.db", &response), 404);
    assert_int_equal(get(with_log, "/tile/..%2f..%2fledger.db", &response), 404);
    assert_int_equal(get(with_log, "/add-checkpoint", &response), 405);
    kw_sha256_of(ORIGIN, strlen(ORIGIN), hash);
    kw_hex(hex, hash, 32);
    snprintf(path, sizeof path, "/%s/checkpoint", hex);
    assert_int_equal(get(without, path, &response), 200);
    path[1] ^= 1;
    assert_int_equal(get(without, path, &response), 404);
    kw_http_response_clear(&response);
}

static void cosigned_over_http(void **state)
{
    struct kw_buf note = {0}, cosigned = {0};
    struct kw_witness_state seen;
    struct kw_fault fault = {0};
    struct stage stage;
    unsigned answers = 0;
    uint64_t size;
    kw_hash root;

    stage_make(&stage);
    for (uint64_t i = 1; i <= 3; i++) {
        seal_and_publish(stage.log, stage.signer, i, &note);
        assert_int_equal(kw_cosigner_run(stage.cosigner, kw_view_of(&note), 5000, &cosigned, &fault), 0);
        assert_int_equal(kw_log_release(stage.log, stage.policy, kw_view_of(&note), &fault), -EAGAIN);
        assert_int_equal(kw_log_release(stage.log, stage.policy, kw_view_of(&cosigned), &fault), 0);
    }
    assert_true(kw_cosigner_witness(stage.cosigner, 1, &seen) && seen.state == KW_WITNESS_GOOD && seen.size == 3);
    assert_true(kw_cosigner_witness(stage.cosigner, 2, &seen) && seen.state == KW_WITNESS_UNREACHABLE);
    assert_false(kw_cosigner_witness(stage.cosigner, 3, &seen));
    check_web(&stage);

    kw_log_root(stage.log, &size, root);
    assert_int_equal(kw_cosigner_guard(stage.cosigner, size, root, &answers, &fault), 0);
    assert_int_equal(answers, 2);
    assert_int_equal(kw_cosigner_guard(stage.cosigner, size - 1, root, &answers, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_FORK);
    root[0] ^= 1;
    assert_int_equal(kw_cosigner_guard(stage.cosigner, size, root, &answers, &fault), -EBADMSG);

    process_stop(&stage.witnesses[1]); /* one of two is gone: no quorum, and the log goes on */
    seal_and_publish(stage.log, stage.signer, 4, &note);
    assert_int_equal(kw_cosigner_run(stage.cosigner, kw_view_of(&note), 3000, &cosigned, &fault), -EAGAIN);
    assert_int_equal(fault.code, KW_E_QUORUM);
    assert_int_equal(kw_log_release(stage.log, stage.policy, kw_view_of(&cosigned), &fault), -EAGAIN);
    struct kw_proof proof = {0};
    assert_int_equal(kw_log_proof(stage.log, 1, 3, &proof, &fault), 0);
    kw_proof_clear(&proof);
    assert_int_equal(kw_log_proof(stage.log, 1, 4, &proof, &fault), -EAGAIN);
    process_start(&stage.witnesses[1], "w2.example", (const char *)stage.log_vkey.data, NULL);
    kw_buf_clear(&note);
    kw_buf_clear(&cosigned);
    stage_clear(&stage);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(statuses), cmocka_unit_test(malformed_requests),
                                       cmocka_unit_test(state_outlives_the_process), cmocka_unit_test(tile_paths),
                                       cmocka_unit_test(cosigned_over_http)};
    int failed;

    if (kw_crypto_init() < 0)
        return 1;
    if (argc > 2 && strcmp(argv[1], "child") == 0)
        return strcmp(argv[2], "signer") == 0 ? kw_signer_role(3, argc - 2, argv + 2) : kw_ledger_web_role(3, argc - 2, argv + 2);
    if (!mkdtemp(folder))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return failed;
}
