/* SPDX-License-Identifier: Apache-2.0 */
/* test_cosign.c - log, signers, witnesses and web processes together over HTTP. */
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
#include "ledger/ledger.h"

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
    const struct CMUnitTest tests[] = {cmocka_unit_test(cosigned_over_http)};
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
