/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c - the log store with its signer process: sealing, tiles, proofs, and a crash at every step. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "ledger/ledger.h"

#define ORIGIN "kinward.example/ro/2026"
#define KIND   1

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    return remove(path);
}

static void remove_tree(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A hub's folder: key, log, the signer's state. */
struct hub {
    char dir[64], key_path[128], state[128];
    struct kw_sign_key *key;
    struct kw_policy *policy;
    struct kw_buf policy_text;
    struct kw_signer *signer;
    struct kw_log *log;
};

static void hub_open(struct hub *hub)
{
    struct kw_signer_options options = {.state = hub->state, .log_key = hub->key_path, .origin = ORIGIN};
    struct kw_fault fault = {0};

    assert_int_equal(kw_signer_start(&options, &hub->signer, &fault), 0);
    assert_int_equal(kw_log_open(hub->dir, ORIGIN, &hub->log, &fault), 0);
}

static void hub_close(struct hub *hub)
{
    kw_log_close(hub->log);
    kw_signer_stop(hub->signer);
    hub->log = NULL;
    hub->signer = NULL;
}

static void hub_load(struct hub *hub, const char *dir)
{
    struct kw_vkey vkey;

    snprintf(hub->dir, sizeof hub->dir, "%s", dir);
    snprintf(hub->key_path, sizeof hub->key_path, "%s/log.key", dir);
    snprintf(hub->state, sizeof hub->state, "%s/signer", dir);
    assert_int_equal(kw_sign_key_load(hub->key_path, &hub->key, NULL), 0);
    assert_int_equal(kw_vkey_make(ORIGIN, KW_NOTE_ED25519, hub->key->public_key, &vkey), 0);
    assert_int_equal(kw_buf_text(&hub->policy_text, "log "), 0);
    assert_int_equal(kw_vkey_text(&vkey, &hub->policy_text), 0);
    assert_int_equal(kw_buf_text(&hub->policy_text, "\nquorum none\n"), 0);
    assert_int_equal(kw_policy_parse(kw_view_of(&hub->policy_text), &hub->policy, NULL), 0);
}

static void hub_make(struct hub *hub)
{
    struct kw_sign_key *key;
    char dir[] = "/tmp/kw-log-XXXXXX", path[64];

    *hub = (struct hub){.log = NULL};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/log.key", dir);
    assert_int_equal(kw_sign_key_new(&key), 0);
    assert_int_equal(kw_sign_key_save(path, key, NULL), 0);
    kw_sign_key_free(key);
    hub_load(hub, dir);
}

static void hub_remove(struct hub *hub)
{
    hub_close(hub);
    kw_sign_key_free(hub->key);
    kw_policy_free(hub->policy);
    kw_buf_clear(&hub->policy_text);
    remove_tree(hub->dir);
}

static void salt_of(uint64_t position, uint8_t ret_salt[32])
{
    memset(ret_salt, 0, 32);
    memcpy(ret_salt, &position, sizeof position);
}

static void record_of(uint64_t position, char ret_text[64])
{
    snprintf(ret_text, 64, "<record xmlns=\"urn:kinward:record:1\">%llu</record>", (unsigned long long)position);
}

static void commit_to(uint64_t position, kw_hash ret_commitment)
{
    uint8_t salt[32];
    char text[64];
    kw_hash digest;

    salt_of(position, salt);
    record_of(position, text);
    kw_record_digest(kw_view_text(text), (struct kw_view){0}, digest);
    kw_commitment(salt, digest, ret_commitment);
}

/* Negative when a step fails, as a fault point wants. */
static int seal(struct hub *hub, uint64_t first, size_t count)
{
    struct kw_log_item *items = kw_alloc(count * sizeof *items);
    uint64_t leaf;
    int r;

    assert_non_null(items);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct kw_log_item){.kind = KIND, .position = first + i};
        commit_to(first + i, items[i].commitment);
    }
    r = kw_log_seal(hub->log, items, count, 1700000040000, &leaf, NULL);
    kw_free(items);
    return r;
}

static int publish(struct hub *hub)
{
    struct kw_buf note = {0};
    struct kw_fault fault = {0};
    int r = kw_log_publish(hub->log, kw_signer_sign, hub->signer, &fault);

    if (r == 0)
        r = kw_log_unreleased(hub->log, &note, &fault);
    if (r == 0)
        r = kw_log_release(hub->log, hub->policy, kw_view_of(&note), &fault);
    if (r < 0 && r != -ENODATA)
        print_message("# publish: %s: %s\n", fault.place, fault.message);
    kw_buf_clear(&note);
    return r;
}

static void check_audit(struct hub *hub, uint64_t size)
{
    struct kw_audit counts = {0};
    struct kw_fault fault = {0};
    int r = kw_ledger_audit(kw_log_folder(hub->log), hub->policy, kw_view_of(&hub->policy_text), NULL, NULL, &counts, &fault);

    if (r < 0)
        print_message("# audit: %s: %s\n", fault.place, fault.message);
    assert_int_equal(r, 0);
    assert_true(counts.size == size);
}

static void check_proof(struct hub *hub, uint64_t position)
{
    struct kw_proof proof = {0}, parsed = {0};
    struct kw_checkpoint checkpoint;
    struct kw_buf text = {0};
    struct kw_fault fault = {0};
    char record[64];

    assert_int_equal(kw_log_proof(hub->log, KIND, position, &proof, &fault), 0);
    salt_of(position, proof.salt);
    assert_int_equal(kw_proof_write(&proof, &text), 0);
    assert_int_equal(kw_proof_parse(kw_view_of(&text), &parsed, &fault), 0);
    record_of(position, record);
    assert_int_equal(kw_proof_verify_record(&parsed, kw_view_text(record), NULL, hub->policy, &checkpoint, &fault), 0);
    record_of(position + 1, record);
    assert_int_equal(kw_proof_verify_record(&parsed, kw_view_text(record), NULL, hub->policy, &checkpoint, &fault), -EBADMSG);
    kw_proof_clear(&proof);
    kw_proof_clear(&parsed);
    kw_buf_clear(&text);
}

/* ---- the ordinary way ------------------------------------------------------------------ */

static void seals_and_proves(void **state)
{
    struct kw_log_item item = {.kind = KIND, .position = 5};
    struct kw_log_status status;
    struct kw_proof proof = {0};
    struct kw_fault fault = {0};
    struct hub hub;
    uint64_t leaf, last;

    hub_make(&hub);
    hub_open(&hub);
    assert_int_equal(kw_log_seal(hub.log, NULL, 0, 0, &leaf, NULL), -ENODATA);
    assert_int_equal(publish(&hub), 0); /* the empty log is signed too */
    check_audit(&hub, 0);
    assert_int_equal(seal(&hub, 1, 20), 0);
    assert_int_equal(kw_log_proof(hub.log, KIND, 3, &proof, &fault), -EAGAIN);
    assert_int_equal(fault.code, KW_E_PENDING);
    assert_int_equal(publish(&hub), 0);
    assert_int_equal(publish(&hub), -ENODATA);
    check_audit(&hub, 1);
    check_proof(&hub, 1);
    check_proof(&hub, 20);
    assert_int_equal(kw_log_proof(hub.log, KIND, 21, &proof, &fault), -EAGAIN);
    assert_int_equal(kw_log_proof(hub.log, KIND + 1, 1, &proof, &fault), -EAGAIN);
    assert_int_equal(kw_log_seal(hub.log, &item, 1, 0, &leaf, &fault), -EINVAL); /* sealed already */
    assert_int_equal(fault.code, KW_E_STATE);
    assert_int_equal(seal(&hub, 30, 1), 0); /* 21 … 29 had nothing to commit */
    assert_int_equal(publish(&hub), 0);
    check_proof(&hub, 30);
    assert_int_equal(kw_log_proof(hub.log, KIND, 25, &proof, &fault), -ENOENT);
    hub_close(&hub);
    hub_open(&hub);
    assert_int_equal(kw_log_last(hub.log, KIND, &last, &fault), 0);
    assert_true(last == 30);
    kw_log_status(hub.log, &status);
    assert_true(status.sealed == 2 && status.signed_size == 2 && status.released == 2);
    check_proof(&hub, 7);
    hub_remove(&hub);
}

static void grows_past_a_tile(void **state)
{
    struct kw_fault fault = {0};
    struct hub hub;
    char path[256];

    hub_make(&hub);
    hub_open(&hub);
    for (uint64_t i = 0; i < 530; i++) {
        assert_int_equal(seal(&hub, i * 2 + 1, 2), 0);
        if (i % 83 == 0 || i == 254 || i == 255 || i == 256) {
            assert_int_equal(publish(&hub), 0);
            check_audit(&hub, i + 1);
            check_proof(&hub, i + 1);
        }
        if (i % 200 == 150) { /* go on from what is on disk */
            hub_close(&hub);
            hub_open(&hub);
        }
    }
    assert_int_equal(publish(&hub), 0);
    check_audit(&hub, 530);
    snprintf(path, sizeof path, "%s/tile/0/000.p", kw_log_folder(hub.log));
    assert_int_equal(access(path, F_OK), -1); /* superseded partial tiles are gone */
    snprintf(path, sizeof path, "%s/tile", kw_log_folder(hub.log));
    remove_tree(path); /* a lost folder is made again from the database */
    hub_close(&hub);
    hub_open(&hub);
    assert_int_equal(kw_log_publish(hub.log, kw_signer_sign, hub.signer, &fault), 0);
    check_audit(&hub, 530);
    hub_remove(&hub);
}

static void put_file(const struct hub *hub, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", kw_log_folder(hub->log), name);
    assert_int_equal(kw_file_replace(path, kw_view_text("half"), 0644, NULL), 0);
}

/* A kill between the writing of a tile and its renaming; the same name may never be written again. */
static void half_written_tiles_go(void **state)
{
    struct hub hub;

    hub_make(&hub);
    hub_open(&hub);
    for (uint64_t i = 0; i < 258; i++)
        assert_int_equal(seal(&hub, i + 1, 1), 0);
    assert_int_equal(publish(&hub), 0);
    put_file(&hub, "tile/0/001.p/1.tmp");
    put_file(&hub, "tile/1/000.p/1.tmp");
    put_file(&hub, "tile/entries/001.p/2.tmp");
    hub_close(&hub);
    hub_open(&hub);
    assert_int_equal(seal(&hub, 259, 1), 0);
    assert_int_equal(publish(&hub), 0);
    check_audit(&hub, 259);
    hub_remove(&hub);
}

/* ---- the signer ---------------------------------------------------------------------------- */

static int no_reader(void *context, unsigned level, uint64_t index, kw_hash ret_hash)
{
    return -EINVAL;
}

static int sign_plain(struct hub *hub, uint64_t size, const kw_hash root, kw_merkle_read read)
{
    struct kw_buf text = {0}, line = {0};
    struct kw_fault fault = {0};
    int r;

    assert_int_equal(kw_checkpoint_text(ORIGIN, size, root, &text), 0);
    r = kw_signer_sign(hub->signer, kw_view_of(&text), read, NULL, &line, &fault);
    kw_buf_clear(&text);
    kw_buf_clear(&line);
    return r;
}

static void signer_refuses_forks(void **state)
{
    kw_hash leaf, other, root;
    struct hub hub;

    kw_merkle_leaf(kw_view_text("a"), leaf);
    kw_merkle_leaf(kw_view_text("b"), other);
    kw_merkle_node(leaf, other, root);
    hub_make(&hub);
    hub_open(&hub);
    assert_int_equal(sign_plain(&hub, 1, leaf, no_reader), 0);
    assert_int_equal(sign_plain(&hub, 1, leaf, no_reader), 0);
    assert_int_equal(sign_plain(&hub, 1, other, no_reader), -EKEYREJECTED);
    assert_true(sign_plain(&hub, 2, root, no_reader) < 0); /* no proof */
    for (int i = 0; i < 2; i++) {                          /* it remembers over its own end */
        assert_int_equal(sign_plain(&hub, 1, other, no_reader), -EKEYREJECTED);
        assert_int_equal(sign_plain(&hub, 0, other, no_reader), -EKEYREJECTED);
        hub_close(&hub);
        hub_open(&hub);
    }
    hub_remove(&hub);
}

/* No signature leaves that is not stored; when there is space again the same is signed. */
static void signer_without_space(void **state)
{
    char kept[160];
    kw_hash leaf;
    struct hub hub;

    kw_merkle_leaf(kw_view_text("a"), leaf);
    hub_make(&hub);
    hub_open(&hub);
    snprintf(kept, sizeof kept, "%s.aside", hub.state);
    assert_int_equal(rename(hub.state, kept), 0);
    assert_int_equal(sign_plain(&hub, 1, leaf, no_reader), -EAGAIN);
    assert_int_equal(rename(kept, hub.state), 0);
    assert_int_equal(sign_plain(&hub, 1, leaf, no_reader), 0);
    hub_remove(&hub);
}

/* A database restored from before the last signature: the signer does not sign another history. */
static void restored_copy_cannot_fork(void **state)
{
    struct hub hub;
    char from[128], to[128], command[400];

    hub_make(&hub);
    hub_open(&hub);
    assert_int_equal(seal(&hub, 1, 3), 0);
    assert_int_equal(publish(&hub), 0);
    hub_close(&hub);
    snprintf(from, sizeof from, "%s/ledger.db", hub.dir);
    snprintf(to, sizeof to, "%s/old.db", hub.dir);
    snprintf(command, sizeof command, "cp %s %s", from, to);
    assert_int_equal(system(command), 0);
    hub_open(&hub);
    assert_int_equal(seal(&hub, 4, 3), 0);
    assert_int_equal(publish(&hub), 0);
    hub_close(&hub);
    snprintf(command, sizeof command, "rm -f %s*; cp %s %s", from, to, from);
    assert_int_equal(system(command), 0);
    hub_open(&hub);
    assert_int_equal(seal(&hub, 4, 3), 0);
    assert_true(publish(&hub) < 0);
    hub_remove(&hub);
}

/* ---- a crash at every step ---------------------------------------------------------------------- */

/* Runs in a process of its own with KINWARD_FAULT set; errors end it like a kill would. */
static int crash_run(const char *dir)
{
    struct hub hub = {.log = NULL};
    uint64_t last = 0;

    hub_load(&hub, dir);
    hub_open(&hub);
    for (int i = 0; i < 4; i++) {
        if (kw_log_last(hub.log, KIND, &last, NULL) < 0 || seal(&hub, last + 1, 3) < 0 || publish(&hub) < 0)
            _exit(3);
    }
    _exit(0);
}

static int run_with_fault(const struct hub *hub, const char *fault)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        setenv("KINWARD_FAULT", fault, 1);
        execl("/proc/self/exe", "test-ledger-log", "crash", hub->dir, NULL);
        _exit(127);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static void crashes_are_redone(void **state)
{
    static const char *points[] = {"ledger.seal",     "ledger.signed", "ledger.tile",   "ledger.published", "ledger.release",
                                   "ledger.released", "signer.store",  "signer.stored", "store.commit",     "store.committed"};
    unsigned died = 0;
    struct hub hub;

#ifndef KINWARD_FAULT_POINTS
    print_message("# skipped: this build has no fault points\n");
    return;
#endif
    hub_make(&hub);
    for (size_t i = 0; i < KW_COUNT(points); i++) {
        for (int pass = 1; pass <= 3; pass++) {
            struct kw_log_status status;
            uint64_t last = 0;
            char fault[64];
            int r;

            snprintf(fault, sizeof fault, "%s:%d:kill", points[i], pass);
            died += run_with_fault(&hub, fault) != 0;
            hub_open(&hub);
            r = publish(&hub); /* redo */
            assert_true(r == 0 || r == -ENODATA);
            assert_int_equal(kw_log_last(hub.log, KIND, &last, NULL), 0);
            assert_int_equal(seal(&hub, last + 1, 1), 0);
            assert_int_equal(publish(&hub), 0);
            kw_log_status(hub.log, &status);
            assert_true(status.sealed == status.released);
            check_audit(&hub, status.released);
            check_proof(&hub, last + 1);
            check_proof(&hub, 1);
            hub_close(&hub);
        }
    }
    assert_true(died >= 24); /* a killed signer is started again, which may save the run */
    hub_remove(&hub);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(seals_and_proves),          cmocka_unit_test(grows_past_a_tile),
                                       cmocka_unit_test(half_written_tiles_go),     cmocka_unit_test(signer_refuses_forks),
                                       cmocka_unit_test(restored_copy_cannot_fork), cmocka_unit_test(signer_without_space),
                                       cmocka_unit_test(crashes_are_redone)};

    if (kw_crypto_init() < 0)
        return 1;
    if (argc > 2 && strcmp(argv[1], "child") == 0 && strcmp(argv[2], "signer") == 0)
        return kw_signer_role(3, argc - 2, argv + 2);
    if (argc > 2 && strcmp(argv[1], "crash") == 0)
        return crash_run(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
