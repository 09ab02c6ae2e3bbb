/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - the log store: sealing in one transaction, then signing and tiles, each redone after a crash.
 *
 * A seal commits batch, leaf, tree edge, places and the text of the checkpoint. Only then is that text signed: Ed25519 gives
 * the same bytes for the same text, so a signature that was made and lost in a crash is made again, never one for another
 * root. Tiles follow from the leaves; `published` says up to which size they are on disk.
 */
#include <errno.h>
#include <string.h>

#include "ledger/logstore.h"

static const char *const migrations[] = {
    "CREATE TABLE leaf(number INTEGER PRIMARY KEY, entry BLOB NOT NULL);"
    "CREATE TABLE batch(leaf INTEGER PRIMARY KEY, width INTEGER NOT NULL, hashes BLOB NOT NULL, slots BLOB NOT NULL);"
    /* a run of positions of one kind, in one batch: slots from `at` on */
    "CREATE TABLE place(kind INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, leaf INTEGER NOT NULL,"
    " at INTEGER NOT NULL, PRIMARY KEY(kind, first)) WITHOUT ROWID;"
    "CREATE TABLE state(one INTEGER PRIMARY KEY CHECK(one = 1), origin TEXT NOT NULL, size INTEGER NOT NULL, edge BLOB NOT NULL,"
    " text BLOB NOT NULL, note BLOB, published INTEGER NOT NULL, released INTEGER NOT NULL, cosigned BLOB);",
};

/* ---- opening ---------------------------------------------------------------------------- */

static int first_state(struct kw_log *log, struct kw_fault *fault)
{
    struct kw_query *query;
    kw_hash root;
    int r;

    log->released = -1;
    kw_tree_root(&log->tree, root);
    r = kw_checkpoint_text(log->origin, 0, root, &log->text);
    if (r == 0)
        r = kw_query(log->store,
                     "INSERT INTO state(one, origin, size, edge, text, published, released) VALUES(1, ?, 0, x'', ?, 0, -1)", &query,
                     fault);
    if (r < 0)
        return r;
    kw_bind_text(query, 1, log->origin);
    kw_bind_blob(query, 2, kw_view_of(&log->text));
    return kw_query_run(query, NULL, fault);
}

static int copy_blob(struct kw_query *query, int column, struct kw_buf *buf)
{
    struct kw_view blob = kw_column_blob(query, column);

    buf->size = 0;
    return kw_buf_append(buf, blob.data, blob.size);
}

static int read_columns(struct kw_log *log, struct kw_query *query, struct kw_fault *fault)
{
    struct kw_view edge = kw_column_blob(query, 2);
    int r;

    if (!kw_view_is(kw_column_text(query, 0), log->origin))
        return kw_fail(fault, -EINVAL, KW_E_CONFIG, "origin", "the database is of another log");
    log->tree.size = (uint64_t)kw_column_integer(query, 1);
    if (edge.size != (size_t)__builtin_popcountll(log->tree.size) * KW_HASH_SIZE)
        return kw_fail(fault, -EBADMSG, KW_E_CORRUPT, "ledger.db", "the tree's edge does not fit its size");
    if (edge.size > 0)
        memcpy(log->tree.edge, edge.data, edge.size);
    log->signed_already = !kw_column_is_null(query, 4);
    log->published = (uint64_t)kw_column_integer(query, 5);
    log->released = kw_column_integer(query, 6);
    r = copy_blob(query, 3, &log->text);
    if (r == 0)
        r = copy_blob(query, 4, &log->note);
    return r < 0 ? r : copy_blob(query, 7, &log->cosigned);
}

static int read_state(struct kw_log *log, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(log->store, "SELECT origin, size, edge, text, note, published, released, cosigned FROM state", &query, fault);

    if (r < 0)
        return r;
    r = kw_query_step(query, fault);
    if (r == 1)
        r = read_columns(log, query, fault);
    else if (r == 0)
        r = -ENODATA;
    kw_query_reset(query);
    return r == -ENODATA ? first_state(log, fault) : r;
}

int kw_log_open(const char *dir, const char *origin, struct kw_log **ret_log, struct kw_fault *fault)
{
    struct kw_log *log = kw_alloc(sizeof *log);
    char path[KW_LOG_PATH];
    int r;

    if (!log)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "ledger", "no memory");
    if (kw_path_join(log->folder, sizeof log->folder, dir, "log") < 0 || kw_path_join(path, sizeof path, dir, "ledger.db") < 0 ||
        snprintf(log->origin, sizeof log->origin, "%s", origin) >= (int)sizeof log->origin) {
        r = kw_fail(fault, -ENAMETOOLONG, KW_E_CONFIG, "ledger", "the folder's path or the origin is too long");
        goto fail;
    }
    r = kw_dir_make(log->folder, 0755, fault);
    if (r == 0)
        r = kw_store_open(path, migrations, KW_COUNT(migrations), &log->store, fault);
    if (r == 0)
        r = read_state(log, fault);
    if (r < 0)
        goto fail;
    *ret_log = log;
    return 0;
fail:
    kw_log_close(log);
    return r;
}

void kw_log_close(struct kw_log *log)
{
    if (!log)
        return;
    kw_tiles_free(log->tiles);
    kw_store_close(log->store);
    kw_buf_clear(&log->text);
    kw_buf_clear(&log->note);
    kw_buf_clear(&log->cosigned);
    kw_free(log);
}

const char *kw_log_folder(const struct kw_log *log)
{
    return log->folder;
}

void kw_log_root(const struct kw_log *log, uint64_t *ret_size, kw_hash ret_root)
{
    *ret_size = log->tree.size;
    kw_tree_root(&log->tree, ret_root);
}

void kw_log_status(const struct kw_log *log, struct kw_log_status *ret_status)
{
    *ret_status = (struct kw_log_status){.sealed = log->tree.size,
                                         .signed_size = log->signed_already ? log->tree.size : log->published,
                                         .released = log->released > 0 ? (uint64_t)log->released : 0,
                                         .released_ms = log->released_ms};
}

/* ---- sealing ------------------------------------------------------------------------------ */

int kw_log_last(struct kw_log *log, uint8_t kind, uint64_t *ret_position, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(log->store, "SELECT first + count - 1 FROM place WHERE kind = ? ORDER BY first DESC LIMIT 1", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, kind);
    r = kw_query_step(query, fault);
    if (r >= 0)
        *ret_position = r == 1 ? (uint64_t)kw_column_integer(query, 0) : 0;
    kw_query_reset(query);
    return r < 0 ? r : 0;
}

static int insert_places(struct kw_log *log, const struct kw_log_item *items, size_t count, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(log->store, "INSERT INTO place(kind, first, count, leaf, at) VALUES(?, ?, ?, ?, ?)", &query, fault);

    for (size_t i = 0, next; r == 0 && i < count; i = next) {
        uint64_t last = 0;

        for (next = i + 1;
             next < count && items[next].kind == items[i].kind && items[next].position == items[i].position + (next - i);)
            next++;
        r = kw_log_last(log, items[i].kind, &last, fault);
        if (r == 0 && items[i].position <= last)
            r = kw_fail(fault, -EINVAL, KW_E_STATE, "ledger", "a position is sealed already");
        if (r < 0)
            break;
        kw_bind_integer(query, 1, items[i].kind);
        kw_bind_integer(query, 2, (int64_t)items[i].position);
        kw_bind_integer(query, 3, (int64_t)(next - i));
        kw_bind_integer(query, 4, (int64_t)log->tree.size);
        kw_bind_integer(query, 5, (int64_t)i);
        r = kw_query_run(query, NULL, fault);
    }
    return r;
}

static int insert_batch(struct kw_log *log, const struct kw_batch *batch, size_t count, struct kw_fault *fault)
{
    struct kw_buf slots = {0};
    struct kw_query *query;
    int r = kw_query(log->store, "INSERT INTO batch(leaf, width, hashes, slots) VALUES(?, ?, ?, ?)", &query, fault);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = kw_buf_u32(&slots, batch->slots[i]);
    if (r == 0) {
        kw_bind_integer(query, 1, (int64_t)log->tree.size);
        kw_bind_integer(query, 2, batch->width);
        kw_bind_blob(query, 3, (struct kw_view){batch->leaves[0], ((size_t)1 << batch->width) * KW_HASH_SIZE});
        kw_bind_blob(query, 4, kw_view_of(&slots));
        r = kw_query_run(query, NULL, fault);
    }
    kw_buf_clear(&slots);
    return r;
}

static int insert_leaf(struct kw_log *log, struct kw_view entry, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(log->store, "INSERT INTO leaf(number, entry) VALUES(?, ?)", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)log->tree.size);
    kw_bind_blob(query, 2, entry);
    return kw_query_run(query, NULL, fault);
}

static int update_state(struct kw_log *log, const struct kw_tree *tree, struct kw_view text, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(log->store, "UPDATE state SET size = ?, edge = ?, text = ?, note = NULL", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)tree->size);
    kw_bind_blob(query, 2, (struct kw_view){tree->edge[0], (size_t)__builtin_popcountll(tree->size) * KW_HASH_SIZE});
    kw_bind_blob(query, 3, text);
    return kw_query_run(query, NULL, fault);
}

/* Everything of one seal, between begin and commit. */
static int seal_rows(struct kw_log *log, const struct kw_log_item *items, size_t count, const struct kw_batch *batch,
                     struct kw_view entry, const struct kw_tree *tree, struct kw_buf *text, struct kw_fault *fault)
{
    kw_hash root;
    int r = insert_places(log, items, count, fault);

    if (r == 0)
        r = insert_batch(log, batch, count, fault);
    if (r == 0)
        r = insert_leaf(log, entry, fault);
    kw_tree_root(tree, root);
    if (r == 0)
        r = kw_checkpoint_text(log->origin, tree->size, root, text);
    return r < 0 ? r : update_state(log, tree, kw_view_of(text), fault);
}

static int make_batch(const struct kw_log_item *items, size_t count, struct kw_batch *ret_batch)
{
    kw_hash *commitments = kw_alloc(count * sizeof *commitments);
    int r;

    if (!commitments)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        memcpy(commitments[i], items[i].commitment, KW_HASH_SIZE);
    r = kw_batch_make((const kw_hash *)commitments, count, ret_batch);
    kw_free(commitments);
    return r;
}

static int commit_seal(struct kw_log *log, const struct kw_log_item *items, size_t count, const struct kw_batch *batch,
                       struct kw_view entry, struct kw_fault *fault)
{
    struct kw_tree tree = log->tree;
    struct kw_buf text = {0};
    kw_hash hash;
    int r = kw_store_begin(log->store, fault);

    kw_merkle_leaf(entry, hash);
    kw_tree_add(&tree, hash);
    if (r == 0)
        r = seal_rows(log, items, count, batch, entry, &tree, &text, fault);
    if (r == 0)
        r = kw_fault_point("ledger.seal");
    if (r == 0)
        r = kw_store_commit(log->store, fault);
    if (r < 0) {
        kw_store_rollback(log->store);
        kw_buf_clear(&text);
        return r;
    }
    log->tree = tree;
    log->signed_already = false;
    kw_buf_clear(&log->text);
    log->text = text;
    return 0;
}

int kw_log_seal(struct kw_log *log, const struct kw_log_item *items, size_t count, int64_t now_ms, uint64_t *ret_leaf,
                struct kw_fault *fault)
{
    struct kw_leaf leaf = {.type = KW_LEAF_BATCH, .sealed_minute = (uint64_t)(now_ms / 1000)};
    struct kw_batch batch = {0};
    struct kw_buf entry = {0};
    uint64_t number = log->tree.size;
    int r;

    if (count == 0)
        return -ENODATA;
    r = make_batch(items, count, &batch);
    if (r < 0)
        return kw_fail(fault, r, r == -ENOMEM ? KW_E_MEMORY : KW_E_TOO_LARGE, "ledger", "no batch of %zu", count);
    leaf.batch.width = (uint8_t)batch.width;
    memcpy(leaf.batch.root, batch.root, KW_HASH_SIZE);
    r = kw_leaf_write(&leaf, &entry);
    if (r == 0)
        r = commit_seal(log, items, count, &batch, kw_view_of(&entry), fault);
    kw_batch_clear(&batch);
    kw_buf_clear(&entry);
    if (r == 0)
        *ret_leaf = number;
    return r;
}
