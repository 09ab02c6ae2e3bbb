/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - transactions, readers, migrations, statements, damage and failures of the store. */
#include "store/store.h"

#include "../store/scratch.h"
#include <fcntl.h>
#include <signal.h>
#include <cmocka.h>

static const char *const schema[] = {
    "CREATE TABLE item(number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, body BLOB); CREATE TABLE other(a);",
    "ALTER TABLE item ADD COLUMN more INTEGER;",
};

static const char *database(void)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/x.db", scratch);
    return path;
}

static struct kw_store *open_store(void)
{
    struct kw_store *store = NULL;
    struct kw_fault fault = {0};
    int error = kw_store_open(database(), schema, 2, &store, &fault);
    if (error < 0)
        print_message("# open: %s\n", fault.message);
    assert_int_equal(error, 0);
    return store;
}

static int put_body(struct kw_store *store, int64_t number, struct kw_view body)
{
    struct kw_query *query;
    char name[32];
    snprintf(name, sizeof(name), "n%lld", (long long)number);
    int error = kw_query(store, "INSERT INTO item(number, name, body) VALUES(?, ?, ?)", &query, NULL);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, number);
    kw_bind_text(query, 2, name);
    kw_bind_blob(query, 3, body);
    return kw_query_run(query, NULL, NULL);
}

static int put(struct kw_store *store, int64_t number)
{
    return put_body(store, number, kw_view_text("some body"));
}

static int64_t count(struct kw_store *store)
{
    struct kw_query *query;
    assert_int_equal(kw_query(store, "SELECT count(*) FROM item", &query, NULL), 0);
    assert_int_equal(kw_query_step(query, NULL), 1);
    int64_t value = kw_column_integer(query, 0);
    kw_query_reset(query);
    return value;
}

static void readers_see_committed_rows_only(void **state)
{
    KW_AUTO(kw_store_closep) struct kw_store *store = open_store();
    KW_AUTO(kw_store_closep) struct kw_store *reader = NULL;
    assert_int_equal(kw_store_open_reader(database(), &reader, NULL), 0);
    assert_int_equal(kw_store_begin(store, NULL), 0);
    assert_int_equal(put(store, 1), 0);
    assert_int_equal(count(store), 1);
    assert_int_equal(count(reader), 0);
    assert_int_equal(kw_store_commit(store, NULL), 0);
    assert_int_equal(count(reader), 1);
    assert_int_equal(kw_store_begin(reader, NULL), 0); /* a snapshot */
    assert_int_equal(count(reader), 1);
    assert_int_equal(put(store, 2), 0);
    assert_int_equal(count(reader), 1);
    assert_int_equal(kw_store_commit(reader, NULL), 0);
    assert_int_equal(count(reader), 2);
    assert_int_equal(put(reader, 3), -EROFS);
    kw_store_rollback(store);
    kw_store_rollback(NULL);
    assert_int_equal(count(store), 2);
}

static void keeps_values_and_emptiness(void **state)
{
    KW_AUTO(kw_store_closep) struct kw_store *store = open_store();
    struct kw_query *query, *same;
    assert_int_equal(kw_query(store, "INSERT INTO item VALUES(?, ?, ?, ?)", &query, NULL), 0);
    kw_bind_integer(query, 1, INT64_MIN);
    kw_bind_text(query, 2, "");
    kw_bind_blob(query, 3, (struct kw_view){0});
    kw_bind_null(query, 4);
    int64_t changes = 0;
    assert_int_equal(kw_query_run(query, &changes, NULL), 0);
    assert_int_equal(changes, 1);
    assert_int_equal(kw_store_last_rowid(store), INT64_MIN);
    assert_int_equal(kw_query(store, "INSERT INTO item VALUES(?, ?, ?, ?)", &same, NULL), 0);
    assert_ptr_equal(query, same);
    assert_int_equal(kw_query(store, "SELECT number, name, body, more FROM item", &query, NULL), 0);
    assert_int_equal(kw_query_step(query, NULL), 1);
    assert_true(kw_column_integer(query, 0) == INT64_MIN);
    assert_int_equal(kw_column_text(query, 1).size, 0);
    assert_false(kw_column_is_null(query, 1));
    assert_false(kw_column_is_null(query, 2));
    assert_true(kw_column_is_null(query, 3));
    assert_int_equal(kw_query_step(query, NULL), 0);
    kw_query_reset(query);
    kw_bind_integer(same, 9, 1); /* no such parameter: told by the next step */
    assert_int_equal(kw_query_run(same, NULL, NULL), -EINVAL);
    assert_int_equal(kw_query(store, "SELECT nothing FROM nowhere", &query, NULL), -EINVAL);
    assert_int_equal(kw_query(store, "SELECT 1; SELECT 2", &query, NULL), -EINVAL);
}

static void a_failed_statement_dooms_its_transaction(void **state)
{
    KW_AUTO(kw_store_closep) struct kw_store *store = open_store();
    struct kw_query *query;
    assert_int_equal(kw_store_commit(store, NULL), -EALREADY);
    assert_int_equal(kw_store_begin(store, NULL), 0);
    assert_int_equal(kw_store_begin(store, NULL), -EALREADY);
    assert_int_equal(put(store, 1), 0);
    assert_int_equal(put(store, 1), -EEXIST); /* this alone dooms nothing */
    assert_int_equal(put(store, 2), 0);
    assert_int_equal(kw_query(store, "INSERT INTO item(number) VALUES(9)", &query, NULL), 0);
    assert_int_equal(kw_query_run(query, NULL, NULL), -EINVAL);
    assert_int_equal(put(store, 3), -EINVAL);
    assert_int_equal(kw_store_commit(store, NULL), -EINVAL);
    assert_int_equal(count(store), 0);
    assert_int_equal(kw_store_begin(store, NULL), 0);
    assert_int_equal(put(store, 3), 0);
    assert_int_equal(kw_store_commit(store, NULL), 0);
    assert_int_equal(count(store), 1);
}

static void schema_versions_go_forward_only(void **state)
{
    const char *const bad[] = {schema[0], schema[1], "CREATE TABLE third(a); CREATE TABLE item(b);"};
    struct kw_store *store = NULL;
    struct kw_fault fault = {0};
    assert_int_equal(kw_store_open(database(), schema, 1, &store, NULL), 0);
    assert_int_equal(put(store, 1), 0);
    kw_store_closep(&store);
    assert_int_equal(kw_store_open(database(), bad, 3, &store, &fault), -EINVAL);
    assert_null(store);
    store = open_store(); /* the second version stood, nothing of the third */
    struct kw_query *query;
    assert_int_equal(kw_query(store, "SELECT a FROM third", &query, NULL), -EINVAL);
    assert_int_equal(count(store), 1);
    kw_store_closep(&store);
    assert_int_equal(kw_store_open(database(), schema, 1, &store, &fault), -EPROTO);
    assert_int_equal(fault.code, KW_E_STORE);
    assert_int_equal(kw_store_open("/nowhere/at/all.db", schema, 1, &store, NULL), -ENOENT);
    assert_int_equal(kw_store_open_reader("/tmp/not-there.db", &store, NULL), -ENOENT);
}

static void files_are_their_owners(void **state)
{
    static const char *const names[] = {"x.db", "x.db-wal", "x.db-shm"};
    KW_AUTO(kw_store_closep) struct kw_store *store = open_store();
    assert_non_null(store);
    for (size_t i = 0; i < KW_COUNT(names); i++) {
        char path[128];
        struct stat status;
        snprintf(path, sizeof(path), "%s/%s", scratch, names[i]);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

static off_t size_of(const char *suffix)
{
    char path[160];
    struct stat status;
    snprintf(path, sizeof(path), "%s%s", database(), suffix);
    return stat(path, &status) < 0 ? -1 : status.st_size;
}

/* count rows of 4 MiB, each in a transaction of its own. */
static void put_much(struct kw_store *store, int first, int count)
{
    KW_AUTO(kw_freep) uint8_t *body = kw_alloc(4 << 20);
    for (int i = first; i < first + count; i++)
        assert_int_equal(
            kw_store_begin(store, NULL) | put_body(store, i, (struct kw_view){body, 4 << 20}) | kw_store_commit(store, NULL), 0);
}

static void bounds_the_log_without_help(void **state)
{
    KW_AUTO(kw_store_closep) struct kw_store *store = open_store();
    KW_AUTO(kw_store_closep) struct kw_store *reader = NULL;
    assert_int_equal(kw_store_open_reader(database(), &reader, NULL), 0);
    put_much(store, 0, 40);
    assert_in_range(size_of("-wal"), 1, 12 << 20); /* 160 MiB were written */
    assert_int_equal(kw_store_checkpoint(reader, false, NULL, NULL, NULL), 0);
    assert_int_equal(kw_store_checkpoint(reader, true, NULL, NULL, NULL), 0);
    assert_int_equal(size_of("-wal"), 0);
    assert_int_equal(count(reader), 40);
}

/* Nobody who waits for a commit waits for what another thread is copying, unless that one falls far behind. */
static void leaves_the_log_to_its_keeper(void **state)
{
    KW_AUTO(kw_store_closep) struct kw_store *store = open_store();
    KW_AUTO(kw_store_closep) struct kw_store *reader = NULL;
    uint32_t copied = 0, left = 1;
    assert_int_equal(kw_store_open_reader(database(), &reader, NULL), 0);
    kw_store_copied(store, 0);
    put_much(store, 0, 20);
    assert_in_range(size_of("-wal"), 80 << 20, 96 << 20);
    assert_int_equal(kw_store_checkpoint(reader, false, &copied, &left, NULL), 0);
    assert_int_equal(left, 0);
    assert_in_range(copied, 80 << 20 >> 12, 96 << 20 >> 12);
    kw_store_copied(store, copied);
    assert_int_equal(kw_store_begin(store, NULL) | put(store, 1000) | kw_store_commit(store, NULL), 0); /* copies the rest */
    put_much(store, 20, 20);
    assert_in_range(size_of("-wal"), 64 << 20, 96 << 20); /* started anew */
    put_much(store, 40, 80);
    assert_in_range(size_of("-wal"), 1, 300 << 20); /* the keeper is gone, and 320 MiB were written */
}

static void copies_while_in_use(void **state)
{
    struct kw_store *store = open_store(), *reader = NULL, *copy = NULL;
    char path[128];
    snprintf(path, sizeof(path), "%s/copy.db", scratch);
    assert_int_equal(put(store, 1), 0);
    assert_int_equal(kw_store_open_reader(database(), &reader, NULL), 0);
    assert_int_equal(kw_store_begin(store, NULL), 0);
    assert_int_equal(put(store, 2), 0);
    assert_int_equal(kw_store_backup(reader, path, NULL), 0);
    assert_int_equal(kw_store_backup(reader, path, NULL), -EEXIST);
    assert_int_equal(kw_store_commit(store, NULL), 0);
    assert_int_equal(kw_store_open(path, schema, 2, &copy, NULL), 0);
    assert_int_equal(count(copy), 1);
    assert_int_equal(count(store), 2);
    kw_store_close(copy);
    kw_store_close(reader);
    kw_store_close(store);
    kw_store_close(NULL);
}

static void damage(const char *suffix, off_t offset, const char *bytes)
{
    char path[160];
    snprintf(path, sizeof(path), "%s%s", database(), suffix);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, strlen(bytes), offset), strlen(bytes));
    close(fd);
}

static void finds_a_damaged_structure_after_an_unclean_end(void **state)
{
    struct kw_store *store = open_store();
    struct kw_fault fault = {0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(put(store, i), 0);
    kw_store_closep(&store);
    assert_int_equal(size_of("-wal"), -1);
    damage("", 4096 + 1, "\xff\xff\xff\xff\xff\xff\xff");
    damage("-wal", 0, "left over");
    assert_int_equal(kw_store_open(database(), schema, 2, &store, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_CORRUPT);
    damage("", 0, "not a database");
    assert_int_equal(kw_store_open(database(), schema, 2, &store, &fault), -EBADMSG);
}

static void a_full_disk_refuses_keeps_and_heals(void **state)
{
    pid_t child = fork();
    if (child == 0) {
        if (!scratch_small_disk("size=1m"))
            _exit(77);
        struct kw_store *store = NULL, *reader = NULL;
        if (kw_store_open(database(), schema, 2, &store, NULL) < 0 || kw_store_ballast(store, 128 << 10, NULL) < 0 ||
            kw_store_open_reader(database(), &reader, NULL) < 0)
            _exit(1);
        int64_t kept = 0;
        uint8_t body[3000] = {0};
        int error = 0;
        while (error == 0 && kept < 100000) {
            error = kw_store_begin(store, NULL);
            if (error == 0)
                error = put_body(store, kept, (struct kw_view){body, sizeof(body)});
            if (error < 0)
                kw_store_rollback(store);
            else
                error = kw_store_commit(store, NULL);
            kept += error == 0;
        }
        if (error != -ENOSPC || kept < 20 || count(store) != kept || count(reader) != kept)
            _exit(2);
        kw_store_closep(&reader);
        kw_store_closep(&store);
        if (kw_store_open(database(), schema, 2, &store, NULL) < 0 || count(store) != kept) /* still full */
            _exit(3);
        error = 0;
        for (int64_t more = 0; more < 200 && error == 0; more++) { /* until it is full again, now in the database file */
            error = put_body(store, kept, (struct kw_view){body, sizeof(body)});
            kept += error == 0;
        }
        if (error != -ENOSPC || kw_store_ballast(store, 0, NULL) < 0 || put(store, kept++) < 0 || count(store) != kept)
            _exit(4);
        kw_store_close(store);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("# no small disk: mounting is not allowed here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

static void every_failed_allocation_is_told(void **state)
{
    bool done = false;
    for (int n = 0; n < 100 && !done; n++) {
        struct kw_store *store = NULL;
        kw_alloc_fail_after(n, true);
        int error = kw_store_open(database(), schema, 2, &store, NULL);
        int written = error < 0 ? error : put(store, n);
        kw_alloc_fail_after(-1, false);
        done = written == 0;
        assert_true(done || written == -ENOMEM);
        kw_store_close(store);
    }
    assert_true(done);
}

#ifdef KINWARD_FAULT_POINTS
/* Commits rows one by one, each written to the file `told` only after its commit, as a receipt would be. */
static int child(void)
{
    snprintf(scratch, sizeof(scratch), "%s", getenv("SCRATCH"));
    char path[128];
    snprintf(path, sizeof(path), "%s/told", scratch);
    int told = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    struct kw_store *store = open_store();
    int error = 0;
    for (int64_t i = count(store); error == 0 && i < 1000; i++) {
        if (kw_store_begin(store, NULL) < 0 || put(store, i) < 0)
            return 1;
        error = kw_store_commit(store, NULL);
        if (error == 0 && write(told, "x", 1) != 1)
            return 1;
    }
    int again = kw_store_begin(store, NULL);
    kw_store_close(store);
    return error == -EIO && again == -EIO ? 42 : 2; /* a failed sync stops all writing */
}

static int64_t told(void)
{
    char path[128];
    struct stat status;
    snprintf(path, sizeof(path), "%s/told", scratch);
    return stat(path, &status) < 0 ? 0 : status.st_size;
}

static void what_was_told_survives_a_kill(void **state)
{
    static const char *const points[] = {"store.commit", "store.committed"};
    int64_t rows = 0;
    for (int pass = 3; pass < 15; pass++) {
        for (size_t i = 0; i < KW_COUNT(points); i++) {
            char fault[64];
            int64_t before = told();
            snprintf(fault, sizeof(fault), "%s:%d:kill", points[i], pass);
            int status = scratch_child(fault);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            struct kw_store *store = open_store();
            int64_t more = count(store) - rows, said = told() - before;
            assert_true(said > 0 || pass < 5);
            assert_int_equal(more - said, i); /* killed after the commit: there, but not told */
            rows += more;
            kw_store_close(store);
        }
    }
    int status = scratch_child("store.commit:2:fail");
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}
#endif

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(int argc, char **argv)
{
#ifdef KINWARD_FAULT_POINTS
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return child();
#endif
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(readers_see_committed_rows_only),
        IN_SCRATCH(keeps_values_and_emptiness),
        IN_SCRATCH(a_failed_statement_dooms_its_transaction),
        IN_SCRATCH(schema_versions_go_forward_only),
        IN_SCRATCH(files_are_their_owners),
        IN_SCRATCH(bounds_the_log_without_help),
        IN_SCRATCH(leaves_the_log_to_its_keeper),
        IN_SCRATCH(copies_while_in_use),
        IN_SCRATCH(finds_a_damaged_structure_after_an_unclean_end),
        IN_SCRATCH(a_full_disk_refuses_keeps_and_heals),
        IN_SCRATCH(every_failed_allocation_is_told),
#ifdef KINWARD_FAULT_POINTS
        IN_SCRATCH(what_was_told_survives_a_kill),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
