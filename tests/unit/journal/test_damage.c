/* SPDX-License-Identifier: Apache-2.0 */
/* test_damage.c - flipped bytes, another vault key, erased keys: an error, never a wrong record. */
#include "fixture.h"

#define ENTRIES 60

static void fill(void)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    struct kw_journal_batch batch = batch_of(1, 1, "receipt of the damaged journal");
    struct kw_principal principal = {
        .roles = KW_ROLE_REGISTRY, .name = "civil", .jurisdiction = "RO", .has_curve = true, .curve = {1, 2, 3}};
    uint64_t position;
    uint32_t number;
    begin(journal);
    for (int i = 1; i <= ENTRIES; i++)
        add(journal, i, "a", NULL, &position);
    assert_int_equal(kw_journal_batch_add(journal, &batch, NULL), 0);
    assert_int_equal(kw_journal_principal_add(journal, &principal, &number, NULL), 0);
    commit(journal);
}

static void run_sql(const char *sql)
{
    char path[128];
    struct kw_store *store = NULL;
    struct kw_query *query;
    snprintf(path, sizeof(path), "%s/journal.db", scratch);
    /* as anybody could who holds the file: the schema's version stays */
    static const char *const none[] = {""};
    assert_int_equal(kw_store_open(path, none, 1, &store, NULL), 0);
    assert_int_equal(kw_query(store, sql, &query, NULL), 0);
    int64_t changes;
    assert_int_equal(kw_query_run(query, &changes, NULL), 0);
    assert_true(changes > 0);
    kw_store_close(store);
}

struct rebuilt {
    struct kw_journal_reader *reader;
    unsigned refused, right;
};

static int see_principal(void *context, const struct kw_principal *principal)
{
    const uint8_t curve[KW_KEY_SIZE] = {1, 2, 3};
    assert_string_equal(principal->name, "civil");
    assert_int_equal(principal->roles, KW_ROLE_REGISTRY);
    assert_memory_equal(principal->curve, curve, sizeof(curve));
    return 0;
}

static int see_key(void *context, uint64_t position, enum kw_entry_kind kind, const uint64_t *found, size_t count)
{
    assert_true(position <= ENTRIES && kind == KW_ENTRY_RECORD && count == position % 4);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(found[i], position * 1000 + i);
    return 0;
}

/* Reads everything through a reader: each answer is the written one or an error. */
static void read_all(struct rebuilt *rebuilt)
{
    struct kw_journal_reader *reader = NULL;
    if (kw_journal_reader_open(scratch, vault, &reader, NULL) < 0) {
        rebuilt->refused++;
        return;
    }
    for (int i = 1; i <= ENTRIES; i++) {
        struct kw_entry entry;
        struct kw_fault fault = {0};
        int error = kw_journal_read(reader, (uint64_t)i, &entry, &fault);
        if (error == 0)
            check_entry(&entry, (uint64_t)i, i, "a");
        else
            assert_true(error == -EBADMSG || error == -ENOENT || error == -EINVAL || error == -EIO);
        assert_null(strstr(fault.message, "SECRETNAME"));
        *(error == 0 ? &rebuilt->right : &rebuilt->refused) += 1;
    }
    struct kw_journal_batch batch, written = batch_of(1, 1, "receipt of the damaged journal");
    if (kw_journal_batch_read(reader, 1, &batch, NULL) == 0) {
        assert_true(kw_view_equal(batch.receipt, written.receipt));
        assert_memory_equal(batch.digest, written.digest, sizeof(batch.digest));
    }
    (void)!kw_journal_principal_list(reader, see_principal, NULL, NULL);
    (void)!kw_journal_scan_keys(reader, 0, ENTRIES, see_key, NULL, NULL);
    kw_journal_reader_close(reader);
}

static void a_flipped_bit_is_an_error_or_nothing(void **state)
{
    fill();
    char path[128];
    struct stat status;
    struct rebuilt rebuilt = {0};
    snprintf(path, sizeof(path), "%s/journal.db", scratch);
    assert_int_equal(stat(path, &status), 0);
    for (int i = 0; i < 400; i++) {
        off_t at = (off_t)((uint64_t)i * 2654435761u % (uint64_t)status.st_size);
        uint8_t byte, flipped;
        int fd = open(path, O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        flipped = byte ^ (uint8_t)(1u << i % 8);
        assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
        read_all(&rebuilt);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
    }
    print_message("# 400 flips: %u reads right, %u refused\n", rebuilt.right, rebuilt.refused);
    assert_true(rebuilt.refused > 50 && rebuilt.right > 10000);
    struct rebuilt whole = {0};
    read_all(&whole);
    assert_int_equal(whole.right, ENTRIES);
}

static void no_column_can_change_unseen(void **state)
{
    static const char *const changes[] = {
        "UPDATE entry SET kind = 2 WHERE position = 9",
        "UPDATE entry SET principal = 7 WHERE position = 9",
        "UPDATE entry SET batch = 7 WHERE position = 9",
        "UPDATE entry SET slot = 7 WHERE position = 9",
        "UPDATE entry SET flags = 0 WHERE position = 9",
        "UPDATE entry SET received_ms = received_ms + 1 WHERE position = 9",
        "UPDATE entry SET commitment = (SELECT commitment FROM entry WHERE position = 8) WHERE position = 9",
        "UPDATE entry SET wrapped_key = (SELECT wrapped_key FROM entry WHERE position = 8) WHERE position = 9",
        ("UPDATE entry SET (commitment, wrapped_key, body) = (SELECT commitment, wrapped_key, body FROM entry WHERE position = 8)"
         " WHERE position = 9"),
        "DELETE FROM entry WHERE position = 9",
    };
    for (size_t i = 0; i < KW_COUNT(changes); i++) {
        struct kw_entry entry;
        struct kw_fault fault = {0};
        fill();
        run_sql(changes[i]);
        struct kw_journal_reader *reader = open_reader();
        assert_int_equal(kw_journal_read(reader, 8, &entry, NULL), 0);
        assert_int_equal(kw_journal_read(reader, 9, &entry, &fault), -EBADMSG);
        assert_int_equal(fault.code, KW_E_CORRUPT);
        kw_journal_reader_close(reader);
        scratch_remove(NULL);
        mkdir(scratch, 0700);
    }
}

static void damaged_narrow_rows_stop_the_start(void **state)
{
    static const char *const changes[] = {
        "UPDATE key SET packed = (SELECT packed FROM key WHERE position = 8) WHERE position = 9",
        "DELETE FROM key WHERE position = 60",
        "DELETE FROM key WHERE position = 9",
        "DELETE FROM entry WHERE position = 60",
        "UPDATE batch SET id = x'00'",
    };
    for (size_t i = 0; i < KW_COUNT(changes); i++) {
        struct kw_fault fault = {0};
        struct kw_journal *journal = NULL;
        fill();
        run_sql(changes[i]);
        assert_int_equal(kw_journal_open(scratch, vault, &journal, &fault), -EBADMSG);
        assert_int_equal(fault.code, KW_E_CORRUPT);
        assert_null(journal);
        scratch_remove(NULL);
        mkdir(scratch, 0700);
    }
}

static void a_changed_receipt_is_not_given_again(void **state)
{
    static const char *const changes[] = {
        "UPDATE receipt SET receipt = 'another receipt'",
        "UPDATE receipt SET leaves = zeroblob(31) || x'01'",
        "UPDATE batch SET root = zeroblob(32)",
        "UPDATE batch SET digest = zeroblob(32)",
        "UPDATE batch SET signature = zeroblob(64)",
        "UPDATE batch SET count = 2",
        "UPDATE batch SET at_ms = 2",
        "UPDATE batch SET principal = 2",
    };
    for (size_t i = 0; i < KW_COUNT(changes); i++) {
        struct kw_journal_batch batch;
        struct kw_fault fault = {0};
        fill();
        run_sql(changes[i]);
        struct kw_journal_reader *reader = open_reader();
        assert_int_equal(kw_journal_batch_read(reader, 1, &batch, &fault), -EBADMSG);
        assert_int_equal(fault.code, KW_E_CORRUPT);
        kw_journal_reader_close(reader);
        scratch_remove(NULL);
        mkdir(scratch, 0700);
    }
}

static void nobody_gains_a_role_by_editing_the_file(void **state)
{
    struct kw_principal principal;
    struct kw_fault fault = {0};
    fill();
    run_sql("UPDATE principal SET fields = x'0000001f' || substr(fields, 5)");
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = open_reader();
    assert_int_equal(kw_journal_principal(reader, 1, &principal, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_CORRUPT);
}

static void deleting_the_key_erases(void **state)
{
    struct kw_entry entry;
    fill();
    run_sql("UPDATE entry SET wrapped_key = NULL WHERE position = 9");
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    assert_int_equal(kw_journal_read(kw_journal_self(journal), 9, &entry, NULL), 0);
    assert_true(entry.erased && entry.position == 9);
    assert_int_equal(entry.record.size + entry.image.size + entry.origin_leaf.size, 0);
    assert_int_equal(kw_journal_read(kw_journal_self(journal), 10, &entry, NULL), 0);
    check_entry(&entry, 10, 10, "a");
    begin(journal); /* its source stays known */
    uint64_t position;
    assert_int_equal(add(journal, 9, "a", NULL, &position), KW_DUPLICATE);
    assert_int_equal(position, 9);
}

static void another_vault_key_opens_nothing(void **state)
{
    static const uint8_t other[KW_KEY_SIZE] = "another";
    struct kw_journal *journal = NULL;
    struct kw_fault fault = {0};
    struct kw_entry entry;
    fill();
    assert_int_equal(kw_journal_open(scratch, other, &journal, &fault), -EKEYREJECTED);
    assert_int_equal(fault.code, KW_E_KEY);
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = NULL;
    assert_int_equal(kw_journal_reader_open(scratch, other, &reader, NULL), 0);
    assert_int_equal(kw_journal_read(reader, 1, &entry, NULL), -EBADMSG);
}

/* Neither the database nor its log may show a name, an id or a registry. */
static void nothing_readable_is_on_disk(void **state)
{
    static const char *const words[] = {"SECRETNAME", "id-7", "image of", "leaf 7"};
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    uint64_t position;
    begin(journal);
    add(journal, 7, "a", NULL, &position);
    add(journal, 7, "b", NULL, &position); /* and one in quarantine */
    commit(journal);
    char path[128];
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    snprintf(path, sizeof(path), "%s/journal.db-wal", scratch);
    assert_int_equal(kw_file_read(path, 64 << 20, &bytes, NULL), 0);
    assert_true(bytes.size > 4096);
    for (size_t i = 0; i < KW_COUNT(words); i++)
        assert_null(memmem(bytes.data, bytes.size, words[i], strlen(words[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_flipped_bit_is_an_error_or_nothing),    IN_SCRATCH(no_column_can_change_unseen),
        IN_SCRATCH(damaged_narrow_rows_stop_the_start),      IN_SCRATCH(a_changed_receipt_is_not_given_again),
        IN_SCRATCH(nobody_gains_a_role_by_editing_the_file), IN_SCRATCH(deleting_the_key_erases),
        IN_SCRATCH(another_vault_key_opens_nothing),         IN_SCRATCH(nothing_readable_is_on_disk),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
