/* SPDX-License-Identifier: Apache-2.0 */
/* test_inbox.c - the inbox: order, forks, epochs, one writer, torn tails, changed bytes, a full disk, failing memory; marks. */
#include "post.h"

#include "store/store.h"

#define COUNT 6

static struct post post;
static struct posted items[COUNT + 1];
static struct kw_fault fault;

static int start(void **state)
{
    if (scratch_make(state) < 0)
        return -1;
    post_start(&post, scratch);
    for (uint64_t i = 0; i < COUNT + 1; i++)
        post_make(&post, &(struct forge){.alert = (uint8_t)(i + 1)}, 1, i + 1, i ? &items[i - 1].item : NULL, &items[i]);
    return 0;
}

static int stop(void **state)
{
    for (size_t i = 0; i < COUNT + 1; i++)
        posted_clear(&items[i]);
    post_stop(&post);
    return scratch_remove(state);
}

static struct kw_inbox *open_inbox(void)
{
    struct kw_inbox *inbox = NULL;
    if (kw_inbox_open(&post.agency, &inbox, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    return inbox;
}

static int add(struct kw_inbox *inbox, const struct kw_item *item)
{
    struct kw_letter letter = {0};
    int r = kw_item_open(&post.agency, item, &letter, &fault);
    if (r == 0)
        r = kw_inbox_add(inbox, item, &letter, &fault);
    kw_letter_clear(&letter);
    return r;
}

/* Epoch 1 with the first items, each in a commit of its own. */
static void fill(struct kw_inbox *inbox, uint64_t count)
{
    if (!kw_inbox_begun(inbox))
        assert_int_equal(kw_inbox_epoch_add(inbox, 1, &fault), 0);
    for (uint64_t i = kw_inbox_last(inbox); i < count; i++) {
        assert_int_equal(kw_inbox_place(inbox, &items[i].item, &fault), KW_ITEM_NEXT);
        assert_int_equal(add(inbox, &items[i].item), 0);
        assert_int_equal(kw_inbox_commit(inbox, &fault), 0);
    }
}

static void in_order(void **state)
{
    struct kw_inbox *inbox = NULL, *other = NULL;
    struct posted forked, detached;
    assert_int_equal(kw_inbox_open_reader(&post.agency, &inbox, &fault), -ENOENT);
    assert_int_equal(fault.code, KW_E_NOT_FOUND);
    inbox = open_inbox();
    assert_false(kw_inbox_begun(inbox));
    fill(inbox, 3);
    assert_int_equal(kw_inbox_place(inbox, &items[4].item, &fault), KW_ITEM_BEYOND);
    assert_int_equal(kw_inbox_place(inbox, &items[0].item, &fault), KW_ITEM_AGAIN);
    assert_int_equal(kw_inbox_place(inbox, &items[2].item, &fault), KW_ITEM_AGAIN);
    post_make(&post, &(struct forge){.alert = 99}, 1, 2, &items[0].item, &forked);
    assert_int_equal(kw_inbox_place(inbox, &forked.item, &fault), -EKEYREJECTED);
    assert_int_equal(fault.code, KW_E_FORK);
    post_make(&post, &(struct forge){.alert = 4}, 1, 4, &forked.item, &detached);
    assert_int_equal(kw_inbox_place(inbox, &detached.item, &fault), -EKEYREJECTED);
    assert_int_equal(fault.code, KW_E_FORK);
    assert_int_equal(kw_inbox_open(&post.agency, &other, &fault), -EBUSY);
    assert_int_equal(fault.code, KW_E_LOCKED);
    assert_int_equal(post_check(&post), 3); /* read while it is written */
    kw_inbox_close(inbox);
    inbox = open_inbox();
    assert_int_equal(kw_inbox_last(inbox), 3);
    fill(inbox, 4);
    kw_inbox_close(inbox);
    assert_int_equal(post_check(&post), 4);
    posted_clear(&forked);
    posted_clear(&detached);
}

/* What is not committed is not there; what is taken back leaves the place as it was. */
static void transactions(void **state)
{
    struct kw_inbox *inbox = open_inbox();
    fill(inbox, 1);
    assert_int_equal(add(inbox, &items[1].item), 0);
    assert_int_equal(add(inbox, &items[2].item), 0);
    assert_int_equal(kw_inbox_last(inbox), 3);
    assert_int_equal(post_check(&post), 1);
    assert_int_equal(kw_inbox_rollback(inbox, &fault), 0);
    assert_int_equal(kw_inbox_last(inbox), 1);
    assert_int_equal(kw_inbox_place(inbox, &items[1].item, &fault), KW_ITEM_NEXT);
    assert_int_equal(add(inbox, &items[1].item), 0);
    kw_inbox_close(inbox);
    assert_int_equal(post_check(&post), 1);
}

static int count_row(void *context, const struct kw_inbox_row *row)
{
    (void)row;
    ++*(unsigned *)context;
    return 0;
}

static void epochs(void **state)
{
    struct kw_inbox *inbox = open_inbox();
    struct kw_inbox_state now;
    struct posted first;
    unsigned rows = 0;
    fill(inbox, 2);
    kw_inbox_confirmed(inbox, 2);
    assert_int_equal(kw_inbox_epoch_add(inbox, 9, &fault), 0);
    assert_int_equal(kw_inbox_last(inbox), 0);
    post_make(&post, &(struct forge){.alert = 1}, 9, 1, NULL, &first);
    assert_int_equal(kw_inbox_place(inbox, &first.item, &fault), KW_ITEM_NEXT);
    assert_int_equal(add(inbox, &first.item), 0);
    assert_int_equal(kw_inbox_commit(inbox, &fault), 0);
    assert_int_equal(kw_inbox_epoch_add(inbox, 1, &fault), -EEXIST);
    assert_int_equal(kw_inbox_epoch(inbox), 9);
    assert_int_equal(kw_inbox_last(inbox), 1);
    kw_inbox_close(inbox);
    assert_int_equal(post_check(&post), 1);
    assert_int_equal(kw_inbox_open_reader(&post.agency, &inbox, &fault), 0);
    assert_int_equal(kw_inbox_state(inbox, &now, &fault), 0);
    assert_int_equal(now.epoch, 9);
    assert_int_equal(now.older, 2);
    assert_int_equal(kw_inbox_rows(inbox, count_row, &rows, &fault), 0);
    assert_int_equal(rows, 3);
    kw_inbox_close(inbox);
    posted_clear(&first);
}

/* Two hubs in one inbox would look like a fork. */
static void owner(void **state)
{
    struct kw_inbox *inbox = open_inbox();
    kw_inbox_close(inbox);
    strcpy(post.agency.hub.name, "hub.other");
    assert_int_equal(kw_inbox_open(&post.agency, &inbox, &fault), -EINVAL);
    assert_int_equal(fault.code, KW_E_CONFIG);
}

static void path_in(char ret_path[KW_PATH_SIZE], const char *name)
{
    assert_int_equal(kw_path_join(ret_path, KW_PATH_SIZE, post.agency.inbox, name), 0);
}

static void copy_file(const char *from, const char *to, size_t size)
{
    struct kw_buf bytes = {0};
    assert_int_equal(kw_file_read(from, 64 << 20, &bytes, &fault), 0);
    assert_int_equal(kw_file_replace(to, (struct kw_view){bytes.data, size < bytes.size ? size : bytes.size}, 0600, &fault), 0);
    kw_buf_clear(&bytes);
}

/* A power cut leaves the log cut anywhere: whole items up to some number, and the stream goes on from there. */
static void torn_tail(void **state)
{
    char db[KW_PATH_SIZE], wal[KW_PATH_SIZE], saved_db[KW_PATH_SIZE], saved_wal[KW_PATH_SIZE], index[KW_PATH_SIZE];
    struct kw_inbox *inbox = open_inbox();
    struct stat log;
    uint64_t least = 0;
    fill(inbox, COUNT);
    path_in(db, "items.db");
    path_in(wal, "items.db-wal");
    path_in(index, "items.db-shm");
    path_in(saved_db, "saved.db");
    path_in(saved_wal, "saved.wal");
    copy_file(db, saved_db, SIZE_MAX);
    copy_file(wal, saved_wal, SIZE_MAX);
    kw_inbox_close(inbox);
    assert_int_equal(stat(saved_wal, &log), 0);
    for (size_t size = 0, end = (size_t)log.st_size; size <= end; size = size + 1009 < end - 64 ? size + 1009
                                                                         : size < end - 64      ? end - 64
                                                                                                : size + 1) {
        copy_file(saved_db, db, SIZE_MAX);
        copy_file(saved_wal, wal, size);
        unlink(index);
        inbox = open_inbox();
        const uint64_t last = kw_inbox_last(inbox);
        assert_true(last >= least && last <= COUNT); /* more of the log, never fewer items */
        least = last;
        fill(inbox, last + 1);
        kw_inbox_close(inbox);
        assert_int_equal(post_check(&post), last + 1);
    }
    assert_int_equal(least, COUNT);
}

static void spoil(const char *sql)
{
    struct kw_store *store = NULL;
    struct kw_query *query;
    char path[KW_PATH_SIZE];
    path_in(path, "items.db");
    assert_int_equal(kw_store_open(path, NULL, 1, &store, &fault), 0);
    assert_int_equal(kw_store_begin(store, &fault), 0);
    assert_int_equal(kw_query(store, sql, &query, &fault), 0);
    assert_int_equal(kw_query_run(query, NULL, &fault), 0);
    assert_int_equal(kw_store_commit(store, &fault), 0);
    kw_store_close(store);
}

static int pass(void *context, const struct kw_item *item)
{
    (void)item;
    ++*(uint64_t *)context;
    return 0;
}

static void changed_at_rest(void **state)
{
    struct kw_inbox *inbox = open_inbox();
    uint64_t passed = 0;
    fill(inbox, 3);
    kw_inbox_close(inbox);
    spoil("UPDATE item SET body = zeroblob(length(body)) WHERE number = 2");
    assert_int_equal(kw_inbox_open_reader(&post.agency, &inbox, &fault), 0);
    assert_int_equal(kw_inbox_items(inbox, NULL, 0, pass, &passed, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_CORRUPT);
    assert_int_equal(passed, 1);
    kw_inbox_close(inbox);
    spoil("UPDATE item SET previous = zeroblob(32) WHERE number = 3");
    assert_int_equal(kw_inbox_open(&post.agency, &inbox, &fault), -EBADMSG); /* nothing is put behind it */
    assert_int_equal(fault.code, KW_E_CORRUPT);
}

/* Sealed at rest: nothing of the statement stands in the files. */
static void sealed_at_rest(void **state)
{
    struct kw_inbox *inbox = open_inbox();
    struct kw_buf bytes = {0};
    char path[KW_PATH_SIZE];
    fill(inbox, COUNT);
    for (int i = 0; i < 2; i++) {
        path_in(path, i ? "items.db-wal" : "items.db");
        assert_int_equal(kw_file_read(path, 64 << 20, &bytes, &fault), 0);
        assert_true(bytes.size > 1024);
        assert_null(memmem(bytes.data, bytes.size, "urn:kinward:alert", 17));
        assert_null(memmem(bytes.data, bytes.size, "some-reason", 11));
    }
    kw_buf_clear(&bytes);
    kw_inbox_close(inbox);
}

static void without_memory(void **state)
{
    struct kw_inbox *inbox = NULL;
    struct kw_letter letter = {0};
    int r = -ENOMEM;
    for (long n = 0; r < 0; n++) {
        assert_true(n < 10000);
        kw_alloc_fail_after(n, false);
        r = kw_inbox_open(&post.agency, &inbox, &fault);
        kw_alloc_fail_after(-1, false);
        assert_true(r == 0 || r == -ENOMEM);
    }
    fill(inbox, 1);
    assert_int_equal(kw_item_open(&post.agency, &items[1].item, &letter, &fault), 0);
    r = -ENOMEM;
    for (long n = 0; r < 0; n++) {
        assert_true(n < 10000);
        kw_alloc_fail_after(n, false);
        r = kw_inbox_add(inbox, &items[1].item, &letter, &fault);
        if (r == 0)
            r = kw_inbox_commit(inbox, &fault);
        kw_alloc_fail_after(-1, false);
        assert_true(r == 0 || r == -ENOMEM);
        if (r < 0)
            assert_int_equal(kw_inbox_rollback(inbox, &fault), 0);
        assert_int_equal(kw_inbox_last(inbox), r < 0 ? 1 : 2);
    }
    kw_letter_clear(&letter);
    fill(inbox, COUNT);
    kw_inbox_close(inbox);
    assert_int_equal(post_check(&post), COUNT);
}

struct marks {
    unsigned count;
    char text[256];
};

static int take_mark(void *context, const struct kw_mark *mark)
{
    struct marks *marks = context;
    marks->count++;
    snprintf(marks->text, sizeof marks->text, "%02x.%u %d %s %s %s %s", mark->alert[0], mark->revision, mark->feedback, mark->by,
             mark->role, mark->outcome, mark->cause);
    return 0;
}

static void marks(void **state)
{
    struct kw_inbox *inbox = open_inbox(); /* a client that runs is not in the way */
    struct kw_mark mark = {.alert = {0xab}, .revision = 2, .at_ms = 5, .by = "D-1", .role = "duty", .outcome = "", .cause = ""};
    struct marks marks = {0};
    assert_int_equal(kw_mark_each(&post.agency, take_mark, &marks, &fault), 0);
    assert_int_equal(marks.count, 0);
    assert_int_equal(kw_mark_add(&post.agency, &mark, &fault), 0);
    mark.feedback = true;
    mark.outcome = "false-positive";
    mark.cause = "namesake";
    assert_int_equal(kw_mark_add(&post.agency, &mark, &fault), 0);
    assert_int_equal(kw_mark_each(&post.agency, take_mark, &marks, &fault), 0);
    assert_int_equal(marks.count, 2);
    assert_string_equal(marks.text, "ab.2 1 D-1 duty false-positive namesake");
    kw_inbox_close(inbox);
}

#define ALONE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {ALONE(in_order),       ALONE(transactions),   ALONE(epochs),
                                       ALONE(owner),          ALONE(torn_tail),      ALONE(changed_at_rest),
                                       ALONE(sealed_at_rest), ALONE(without_memory), ALONE(marks)};
    return cmocka_run_group_tests_name("inbox", tests, NULL, NULL);
}
