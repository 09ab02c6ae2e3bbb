/* SPDX-License-Identifier: Apache-2.0 */
/* test_threads.c - one writer, readers and the thread that copies the log, at once. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#define ENTRIES 6000

static atomic_bool stop;
static atomic_ulong wrong;

static int see(void *context, const struct kw_entry *entry)
{
    struct draft it;
    uint64_t *after = context;
    if (entry->position != ++*after || !kw_view_equal(entry->record, draft(&it, (int)entry->position, "a", NULL)->record))
        atomic_fetch_add(&wrong, 1);
    return 0;
}

/* Follows the journal as detection does: each entry once, in order, none missing; gives the last position seen. */
static void *follow(void *context)
{
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = NULL;
    uint64_t *after = context;
    if (kw_journal_reader_open(scratch, vault, &reader, NULL) < 0)
        atomic_fetch_add(&wrong, 1);
    while (reader && *after < ENTRIES && !atomic_load(&wrong))
        if (kw_journal_scan(reader, *after, 100, see, after, NULL) < 0)
            atomic_fetch_add(&wrong, 1);
    return NULL;
}

static void *copy_log(void *context)
{
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = NULL;
    uint64_t *copies = context;
    if (kw_journal_reader_open(scratch, vault, &reader, NULL) < 0)
        atomic_fetch_add(&wrong, 1);
    for (; reader && !atomic_load(&stop); ++*copies) {
        if (kw_journal_checkpoint(reader, NULL, NULL, NULL) < 0)
            atomic_fetch_add(&wrong, 1);
        usleep(1000);
    }
    return NULL;
}

static void readers_follow_a_busy_writer(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    pthread_t readers[2], copier;
    uint64_t seen[2] = {0}, copies = 0, position;
    assert_int_equal(pthread_create(&copier, NULL, copy_log, &copies), 0);
    for (size_t i = 0; i < KW_COUNT(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, follow, &seen[i]), 0);
    for (int i = 1; i <= ENTRIES;) {
        begin(journal);
        for (int k = 0; k < 40 && i <= ENTRIES; k++, i++)
            add(journal, i, "a", NULL, &position);
        if (i % 7 == 0) { /* taken back, and again */
            kw_journal_rollback(journal);
            i = (int)journal->kept.position + 1;
            begin(journal);
            add(journal, i, "a", NULL, &position);
            i++;
        }
        commit(journal);
    }
    for (size_t i = 0; i < KW_COUNT(readers); i++)
        pthread_join(readers[i], NULL); /* each ends with the last entry */
    atomic_store(&stop, true);
    pthread_join(copier, NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(seen[0], ENTRIES);
    assert_int_equal(seen[1], ENTRIES);
    assert_true(copies > 1);
    check_memory(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {IN_SCRATCH(readers_follow_a_busy_writer)};
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
