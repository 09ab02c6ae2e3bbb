/* SPDX-License-Identifier: Apache-2.0 */
/* test_audit.c - the audit passes on the sample log and catches every one-bit flip, missing, foreign and moved file. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "ledger/ledger.h"

static char source[2048], copy[64];
static char *files[256];
static off_t sizes[256];
static size_t file_count;
static struct kw_policy *policy;
static struct kw_buf policy_bytes;

static int copy_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    char target[4096];
    struct kw_buf bytes = {0};

    snprintf(target, sizeof target, "%s%s", copy, path + strlen(source));
    if (kind == FTW_D)
        return mkdir(target, 0755) < 0 && errno != EEXIST ? -1 : 0;
    assert_int_equal(kw_file_read(path, 1u << 24, &bytes, NULL), 0);
    int fd = open(target, O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_true(fd >= 0 && write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size);
    close(fd);
    assert_true(file_count < KW_COUNT(files));
    sizes[file_count] = status->st_size;
    files[file_count++] = kw_strdup(target);
    kw_buf_clear(&bytes);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    return remove(path);
}

static int audit(struct kw_fault *fault)
{
    struct kw_audit counts;

    *fault = (struct kw_fault){0};
    return kw_ledger_audit(copy, policy, kw_view_of(&policy_bytes), NULL, NULL, &counts, fault);
}

static bool make_copy(void)
{
    char path[4096];

    snprintf(source, sizeof source, "%s/data/ledger/sample-1000",
             getenv("KINWARD_SHARED") ? getenv("KINWARD_SHARED") : "../shared");
    snprintf(path, sizeof path, "%s/policy", source);
    if (kw_file_read(path, 1u << 20, &policy_bytes, NULL) < 0) {
        print_message("# skipped: no %s\n", path);
        return false;
    }
    assert_int_equal(kw_policy_parse(kw_view_of(&policy_bytes), &policy, NULL), 0);
    snprintf(copy, sizeof copy, "/tmp/kw-audit-XXXXXX");
    assert_non_null(mkdtemp(copy));
    assert_int_equal(nftw(source, copy_one, 16, FTW_PHYS), 0);
    return true;
}

static void flip(size_t file, off_t bit)
{
    uint8_t byte = 0;
    int fd = open(files[file], O_RDWR);

    assert_true(fd >= 0 && pread(fd, &byte, 1, bit / 8) == 1);
    byte ^= (uint8_t)(1u << (bit % 8));
    assert_int_equal(pwrite(fd, &byte, 1, bit / 8), 1);
    close(fd);
}

static uint32_t seed = 20180122;
static uint32_t next_random(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static void sample_is_whole(void **state)
{
    struct kw_audit counts = {0};
    struct kw_fault fault = {0};

    if (!policy)
        return;
    assert_int_equal(kw_ledger_audit(copy, policy, kw_view_of(&policy_bytes), NULL, NULL, &counts, &fault), 0);
    assert_true(counts.size == 1000);
    assert_int_equal(counts.checkpoints, 15);
    assert_int_equal(counts.checkpoints + counts.tiles + counts.partial_tiles + counts.bundles + counts.partial_bundles +
                         counts.proofs + counts.leaves + counts.others,
                     file_count); /* no file was passed over */
}

/* Half of the flips fall on files by their number, half by their size. */
static void flips_are_caught(void **state)
{
    unsigned missed = 0;
    off_t total = 0;

    if (!policy)
        return;
    for (size_t i = 0; i < file_count; i++)
        total += sizes[i];
    for (unsigned i = 0; i < 200; i++) {
        struct kw_fault fault;
        size_t file = next_random() % file_count;
        off_t bit;

        if (i % 2 == 0) {
            off_t at = (off_t)next_random() % total;

            for (file = 0; at >= sizes[file]; file++)
                at -= sizes[file];
        }
        bit = (off_t)next_random() % (sizes[file] * 8);
        flip(file, bit);
        if (audit(&fault) != -EBADMSG || !fault.place[0] || !fault.message[0]) {
            print_message("# missed: %s bit %ld\n", files[file], (long)bit);
            missed++;
        }
        flip(file, bit);
    }
    assert_int_equal(missed, 0);
}

static void with_file(const char *name, const char *content, enum kw_code code)
{
    char path[4096];
    struct kw_fault fault;
    int fd;

    snprintf(path, sizeof path, "%s/%s", copy, name);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_true(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
    close(fd);
    assert_int_equal(audit(&fault), -EBADMSG);
    assert_string_equal(fault.place, name);
    assert_int_equal(fault.code, code);
    unlink(path);
}

static void foreign_files_are_refused(void **state)
{
    if (!policy)
        return;
    with_file("README", "x", KW_E_FILE);
    with_file("tile/0/000.p/256", "x", KW_E_FILE);
    with_file("tile/0/000.p/03", "x", KW_E_FILE);
    with_file("tile/0/000.p/7", "x", KW_E_TILE);
    with_file("tile/0/003.p/233", "x", KW_E_FILE);
    with_file("tile/0/004", "x", KW_E_FILE);
    with_file("checkpoint.7", "x", KW_E_NOTE);
    with_file("proofs/1000.leaf", "x", KW_E_FILE);
    with_file("proofs/0-of-3.tlog-proof", "x", KW_E_PROOF);
    with_file("keys/x.seed", "00\n", KW_E_FILE);
}

static void missing_files_are_told(void **state)
{
    static const char *needed[] = {"checkpoint",     "tile/0/001",       "tile/entries/002",
                                   "tile/1/000.p/3", "tile/0/003.p/232", "tile/entries/003.p/232"};

    if (!policy)
        return;
    for (size_t i = 0; i < KW_COUNT(needed); i++) {
        char path[4096], aside[4096];
        struct kw_fault fault;

        snprintf(path, sizeof path, "%s/%s", copy, needed[i]);
        snprintf(aside, sizeof aside, "%s.aside", copy);
        assert_int_equal(rename(path, aside), 0);
        assert_true(audit(&fault) < 0);
        assert_string_equal(fault.place, needed[i]);
        assert_int_equal(rename(aside, path), 0);
    }
}

static void shorter_log_is_a_failure(void **state)
{
    char path[4096], small[4096], aside[4096];
    struct kw_fault fault;

    if (!policy)
        return;
    snprintf(path, sizeof path, "%s/checkpoint", copy);
    snprintf(small, sizeof small, "%s/checkpoint.512", copy);
    snprintf(aside, sizeof aside, "%s.aside", copy);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(link(small, path), 0);
    assert_int_equal(audit(&fault), -EBADMSG);
    assert_int_equal(rename(aside, path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sample_is_whole), cmocka_unit_test(flips_are_caught),
                                       cmocka_unit_test(foreign_files_are_refused), cmocka_unit_test(missing_files_are_told),
                                       cmocka_unit_test(shorter_log_is_a_failure)};
    bool there;
    int failed;

    if (kw_crypto_init() < 0)
        return 1;
    there = make_copy();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (there)
        (void)nftw(copy, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < file_count; i++)
        kw_free(files[i]);
    kw_policy_free(policy);
    kw_buf_clear(&policy_bytes);
    return failed;
}
