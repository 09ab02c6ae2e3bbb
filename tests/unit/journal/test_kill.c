/* SPDX-License-Identifier: Apache-2.0 */
/* test_kill.c - SIGKILL, a failed sync and a full disk at each step: nothing receipted is lost, nothing half is kept. */
#include "fixture.h"

#define GROUP 3

static int told_file(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/told", scratch);
    return open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

static uint64_t told(void)
{
    char path[128];
    struct stat status;
    snprintf(path, sizeof(path), "%s/told", scratch);
    return stat(path, &status) < 0 ? 0 : (uint64_t)status.st_size;
}

/* One group of records and its batch; entry n of batch b carries the number 3 b + n. */
static int submit(struct kw_journal *journal, int batch_number)
{
    struct kw_journal_batch batch = batch_of(1, batch_number, "receipt");
    struct draft it;
    enum kw_code outcome;
    uint64_t position;
    int error = kw_journal_begin(journal, NULL);
    for (int i = 0; i < GROUP && error == 0; i++)
        error = kw_journal_append(journal, draft(&it, GROUP * batch_number + i, "a", NULL), &outcome, &position, NULL);
    if (error == 0)
        error = kw_journal_batch_add(journal, &batch, NULL);
    if (error == 0)
        return kw_journal_commit(journal, NULL);
    kw_journal_rollback(journal);
    return error;
}

/* Stores batches until something ends it; each is told only after its commit, as a receipt is. */
static int child(void)
{
    snprintf(scratch, sizeof(scratch), "%s", getenv("SCRATCH"));
    int fd = told_file();
    if (kw_crypto_init() < 0)
        return 1;
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    for (int batch = (int)kw_journal_batch_next(journal); batch < 500; batch++) {
        if (submit(journal, batch) < 0)
            return 42;
        if (write(fd, "x", 1) != 1)
            return 1;
    }
    return 0;
}

/* After each end: whole batches only, all that were told, and a resubmission changes nothing. */
static uint64_t check_store(uint64_t at_least)
{
    struct kw_journal *journal = open_journal();
    struct kw_journal_counts counts;
    assert_int_equal(kw_journal_count(kw_journal_self(journal), &counts, NULL), 0);
    assert_int_equal(counts.entries, GROUP * counts.batches);
    assert_in_range(counts.batches, at_least, at_least + 1);
    for (uint64_t i = 1; i <= counts.entries; i++) {
        struct kw_entry entry;
        assert_int_equal(kw_journal_read(kw_journal_self(journal), i, &entry, NULL), 0);
        struct draft it;
        assert_true(kw_view_equal(entry.record, draft(&it, GROUP + (int)i - 1, "a", NULL)->record));
    }
    begin(journal);
    for (uint64_t i = 1; i <= counts.entries; i++) {
        uint64_t position;
        assert_int_equal(add(journal, GROUP + (int)i - 1, "a", NULL, &position), KW_DUPLICATE);
        assert_int_equal(position, i);
    }
    kw_journal_rollback(journal);
    for (uint64_t i = 1; i <= counts.batches; i++) {
        struct kw_journal_batch batch = batch_of(1, (int)i, "");
        KW_AUTO(kw_buf_clear) struct kw_buf receipt = {0};
        assert_int_equal(kw_journal_batch_find(journal, 1, batch.id, batch.digest, &receipt, NULL), 0);
        assert_true(kw_view_is(kw_view_of(&receipt), "receipt"));
    }
    check_memory(&journal);
    kw_journal_close(journal);
    return counts.batches;
}

#ifdef KINWARD_FAULT_POINTS
static void what_was_told_survives_a_kill(void **state)
{
    static const char *const points[] = {"journal.append", "journal.commit", "store.commit", "store.committed"};
    unsigned kills = 0;
    uint64_t stored = 0;
    for (int pass = 4; pass < 12; pass++) {
        for (size_t i = 0; i < KW_COUNT(points); i++, kills++) {
            char fault[64];
            uint64_t before = told();
            snprintf(fault, sizeof(fault), "%s:%d:kill", points[i], pass);
            int status = scratch_child(fault);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            stored = check_store(stored + told() - before);
        }
    }
    print_message("# %u kills, %llu batches, none lost\n", kills, (unsigned long long)stored);
    assert_true(stored > 60);
}

static void a_failed_sync_keeps_nothing_of_it(void **state)
{
    static const char *const points[] = {"journal.append", "journal.commit", "store.commit"};
    uint64_t stored = 0;
    for (size_t i = 0; i < KW_COUNT(points); i++) {
        char fault[64];
        snprintf(fault, sizeof(fault), "%s:7:fail", points[i]);
        int status = scratch_child(fault);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 42);
        stored = check_store(told());
        assert_int_equal(stored, told());
    }
}
#endif

static void a_full_disk_refuses_and_heals(void **state)
{
    pid_t pid = fork();
    if (pid == 0) {
        char filler[128];
        static uint8_t zeros[256 << 10];
        if (!scratch_small_disk("size=2m"))
            _exit(77);
        snprintf(filler, sizeof(filler), "%s/filler", scratch);
        int fd = open(filler, O_WRONLY | O_CREAT, 0600), error = 0, batch = 1;
        if (write(fd, zeros, sizeof(zeros)) != sizeof(zeros))
            _exit(1);
        struct kw_journal *journal = open_journal();
        while (error == 0 && batch < 5000)
            error = submit(journal, batch++);
        if (error != -ENOSPC)
            _exit(2);
        batch -= 2; /* the last one that is stored */
        if (submit(journal, batch + 1) != -ENOSPC || journal->kept.batch != (uint64_t)batch ||
            journal->now.position != GROUP * (uint64_t)batch)
            _exit(3);
        struct kw_journal_reader *reader = open_reader();
        struct kw_entry entry;
        if (kw_journal_read(reader, GROUP * (uint64_t)batch, &entry, NULL) < 0)
            _exit(4);
        if (unlink(filler) < 0 || close(fd) < 0 || submit(journal, batch + 1) < 0 || submit(journal, batch + 2) < 0)
            _exit(5);
        kw_journal_reader_close(reader);
        check_memory(&journal);
        kw_journal_close(journal);
        check_store((uint64_t)batch + 2);
        _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("# no small disk: mounting is not allowed here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return child();
    const struct CMUnitTest tests[] = {
#ifdef KINWARD_FAULT_POINTS
        IN_SCRATCH(what_was_told_survives_a_kill),
        IN_SCRATCH(a_failed_sync_keeps_nothing_of_it),
#endif
        IN_SCRATCH(a_full_disk_refuses_and_heals),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
