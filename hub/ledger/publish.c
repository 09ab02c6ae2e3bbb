/* SPDX-License-Identifier: Apache-2.0 */
/* publish.c - from a sealed leaf to a signed note, tiles, a cosigned checkpoint and proofs. */
#include <errno.h>
#include <string.h>

#include "ledger/logstore.h"

/* ---- tiles from the stored leaves --------------------------------------------------------- */

static int add_leaves(struct kw_log *log, struct kw_tiles *tiles, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(log->store, "SELECT number, entry FROM leaf WHERE number >= ? ORDER BY number", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)tiles->size);
    while ((r = kw_query_step(query, fault)) == 1) {
        if ((uint64_t)kw_column_integer(query, 0) != tiles->size) {
            r = kw_fail(fault, -EBADMSG, KW_E_CORRUPT, "ledger.db", "leaf %llu is missing", (unsigned long long)tiles->size);
            break;
        }
        r = kw_tiles_add(tiles, kw_column_blob(query, 1), fault);
        if (r < 0)
            break;
    }
    kw_query_reset(query);
    if (r == 0 && tiles->size != log->tree.size)
        r = kw_fail(fault, -EBADMSG, KW_E_CORRUPT, "ledger.db", "there are fewer leaves than the tree has");
    return r;
}

/* Tiles as published; where partial ones are not there (a crash came after they were superseded, a lost disk), from the last
 * full tile of some level on, at worst from nothing. */
static int open_tiles(struct kw_log *log, struct kw_fault *fault)
{
    uint64_t size = log->published;
    int r = kw_tiles_open(log->folder, size, &log->tiles, fault);

    for (unsigned shift = 8; (r == -ENOENT || r == -EBADMSG) && size > 0; shift += 8) {
        size = shift < 64 ? size >> shift << shift : 0;
        r = kw_tiles_open(log->folder, size, &log->tiles, fault);
    }
    return r;
}

/* Brings the tiles in memory up to the tree; what fills up on the way is written. */
static int catch_up(struct kw_log *log, struct kw_fault *fault)
{
    const bool fresh = !log->tiles;
    int r = fresh ? open_tiles(log, fault) : 0;

    if (r == 0)
        r = add_leaves(log, log->tiles, fault);
    if (r == 0 && fresh)
        kw_tiles_sweep(log->tiles);
    if (r < 0) {
        kw_tiles_free(log->tiles);
        log->tiles = NULL;
    }
    return r;
}

/* Subtree roots of the sealed tree: full tiles from disk, the right edge from memory. */
struct edge_reader {
    struct kw_tile_reader reader;
    const struct kw_tiles *tiles;
};

static int read_edge(void *context, unsigned level, uint64_t index, kw_hash ret_hash)
{
    struct edge_reader *edge = context;
    unsigned tile_level = level / 8;
    uint64_t first = index << (level % 8), count = tile_level < KW_TILE_LEVELS ? edge->tiles->size >> (8 * tile_level) : 0;
    size_t at = (size_t)(first % KW_TILE_WIDTH), width = (size_t)1 << (level % 8);

    if (tile_level < KW_TILE_LEVELS && first / KW_TILE_WIDTH == count / KW_TILE_WIDTH) {
        if (at + width > count % KW_TILE_WIDTH)
            return -EINVAL;
        kw_merkle_root((const kw_hash *)edge->tiles->part[tile_level] + at, width, ret_hash);
        return 0;
    }
    return kw_tile_read(&edge->reader, level, index, ret_hash);
}

/* ---- publishing ------------------------------------------------------------------------------ */

static int sign_text(struct kw_log *log, kw_log_sign sign, void *context, struct kw_fault *fault)
{
    struct edge_reader *edge = kw_alloc(sizeof *edge);
    struct kw_buf note = {0};
    struct kw_query *query;
    int r;

    if (!edge)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "ledger", "no memory");
    edge->reader.dir = log->folder;
    edge->reader.size = log->tree.size;
    edge->tiles = log->tiles;
    r = kw_buf_append(&note, log->text.data, log->text.size);
    if (r == 0)
        r = kw_buf_text(&note, "\n");
    if (r == 0)
        r = sign(context, kw_view_of(&log->text), read_edge, edge, &note, fault);
    if (r == 0)
        r = kw_fault_point("ledger.signed");
    if (r == 0)
        r = kw_query(log->store, "UPDATE state SET note = ?", &query, fault);
    if (r == 0) {
        kw_bind_blob(query, 1, kw_view_of(&note));
        r = kw_query_run(query, NULL, fault);
    }
    kw_free(edge);
    if (r < 0) {
        kw_buf_clear(&note);
        return r;
    }
    kw_buf_clear(&log->note);
    log->note = note;
    log->signed_already = true;
    return 0;
}

static int flush_tiles(struct kw_log *log, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_tiles_flush(log->tiles, fault);

    if (r == 0)
        r = kw_fault_point("ledger.published");
    if (r == 0)
        r = kw_query(log->store, "UPDATE state SET published = ?", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)log->tree.size);
    r = kw_query_run(query, NULL, fault);
    if (r == 0)
        log->published = log->tree.size;
    return r;
}

static int write_checkpoint(const struct kw_log *log, struct kw_view note, struct kw_fault *fault)
{
    char path[KW_LOG_PATH + 16];
    int r = kw_path_join(path, sizeof path, log->folder, "checkpoint");

    return r < 0 ? r : kw_file_replace(path, note, 0644, fault);
}

/* The file follows the database: a crash may have come between the two. */
static int restore_checkpoint(struct kw_log *log, struct kw_fault *fault)
{
    char path[KW_LOG_PATH + 16];
    struct kw_buf there = {0};
    int r = kw_path_join(path, sizeof path, log->folder, "checkpoint");

    if (r == 0 && log->released >= 0 &&
        (kw_file_read(path, KW_LIMIT_NOTE, &there, NULL) < 0 || !kw_view_equal(kw_view_of(&there), kw_view_of(&log->cosigned))))
        r = write_checkpoint(log, kw_view_of(&log->cosigned), fault);
    kw_buf_clear(&there);
    return r;
}

int kw_log_publish(struct kw_log *log, kw_log_sign sign, void *context, struct kw_fault *fault)
{
    bool fresh = !log->tiles;
    int r;

    if (log->signed_already && log->published == log->tree.size && !fresh)
        return 0;
    r = catch_up(log, fault);
    if (r == 0 && !log->signed_already)
        r = sign_text(log, sign, context, fault);
    if (r == 0)
        r = flush_tiles(log, fault);
    if (r == 0 && fresh)
        r = restore_checkpoint(log, fault);
    if (r < 0) {
        kw_tiles_free(log->tiles);
        log->tiles = NULL;
    }
    return r;
}

/* ---- releasing ---------------------------------------------------------------------------------- */

int kw_log_unreleased(struct kw_log *log, struct kw_buf *ret_note, struct kw_fault *fault)
{
    if (!log->signed_already || log->published != log->tree.size || log->released == (int64_t)log->tree.size)
        return -ENODATA;
    return kw_buf_append(ret_note, log->note.data, log->note.size);
}

static size_t signatures_of(struct kw_view bytes)
{
    struct kw_note note;

    return kw_note_parse(bytes, &note, NULL) < 0 ? 0 : note.count;
}

/* The note must be of this log's own history: its root is that of the tiles at its size. */
static int check_root(struct kw_log *log, const struct kw_checkpoint *checkpoint, struct kw_fault *fault)
{
    kw_hash root, path[KW_PATH_MAX];
    struct kw_tile_reader *reader;
    size_t count;
    int r;

    if (!kw_view_is(checkpoint->origin, log->origin) || checkpoint->size > log->published)
        return kw_fail(fault, -EINVAL, KW_E_STATE, "ledger", "the note is not of this log as published");
    kw_tree_root(&log->tree, root);
    if (checkpoint->size == log->tree.size || checkpoint->size == 0)
        return checkpoint->size == 0 || memcmp(root, checkpoint->root, KW_HASH_SIZE) == 0
                   ? 0
                   : kw_fail(fault, -EBADMSG, KW_E_FORK, "ledger", "the note's root is another than the log's");
    reader = kw_alloc(sizeof *reader);
    if (!reader)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "ledger", "no memory");
    reader->dir = log->folder;
    reader->size = log->tree.size;
    r = log->published == log->tree.size
            ? kw_merkle_consistency(kw_tile_read, reader, checkpoint->size, log->tree.size, path, &count)
            : -EAGAIN;
    if (r == 0)
        r = kw_consistency_verify(checkpoint->size, log->tree.size, checkpoint->root, root, (const kw_hash *)path, count);
    kw_free(reader);
    return r < 0 ? kw_fail(fault, r, r == -EAGAIN ? KW_E_PENDING : KW_E_FORK, "ledger", "the note is not shown to be of this log")
                 : 0;
}

static int store_release(struct kw_log *log, const struct kw_checkpoint *checkpoint, struct kw_view note, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(log->store, "UPDATE state SET released = ?, cosigned = ?", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)checkpoint->size);
    kw_bind_blob(query, 2, note);
    r = kw_query_run(query, NULL, fault);
    if (r < 0)
        return r;
    log->released = (int64_t)checkpoint->size;
    log->released_ms = kw_clock_wall_ms();
    log->cosigned.size = 0;
    return kw_buf_append(&log->cosigned, note.data, note.size);
}

int kw_log_release(struct kw_log *log, const struct kw_policy *policy, struct kw_view note, struct kw_fault *fault)
{
    struct kw_checkpoint checkpoint;
    int r = kw_policy_check(policy, note, true, &checkpoint, fault);

    if (r == 0)
        r = check_root(log, &checkpoint, fault);
    if (r < 0)
        return r;
    if ((int64_t)checkpoint.size < log->released ||
        ((int64_t)checkpoint.size == log->released && signatures_of(note) <= signatures_of(kw_view_of(&log->cosigned))))
        return 0;
    r = kw_fault_point("ledger.release");
    if (r == 0)
        r = store_release(log, &checkpoint, note, fault);
    if (r == 0)
        r = kw_fault_point("ledger.released");
    return r < 0 ? r : write_checkpoint(log, note, fault);
}

/* ---- proofs ------------------------------------------------------------------------------------------ */

struct place {
    uint64_t leaf;
    size_t at; /* among the batch's slots */
};

static int find_place(struct kw_log *log, uint8_t kind, uint64_t position, struct place *ret_place, struct kw_fault *fault)
{
    struct kw_query *query;
    uint64_t first = 0, count = 0, last = 0;
    int r =
        kw_query(log->store, "SELECT first, count, leaf, at FROM place WHERE kind = ? AND first <= ? ORDER BY first DESC LIMIT 1",
                 &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, kind);
    kw_bind_integer(query, 2, (int64_t)position);
    r = kw_query_step(query, fault);
    if (r == 1) {
        first = (uint64_t)kw_column_integer(query, 0);
        count = (uint64_t)kw_column_integer(query, 1);
        ret_place->leaf = (uint64_t)kw_column_integer(query, 2);
        ret_place->at = (size_t)kw_column_integer(query, 3) + (size_t)(position - first);
    }
    kw_query_reset(query);
    if (r < 0)
        return r;
    if (position - first < count)
        return 0;
    r = kw_log_last(log, kind, &last, fault);
    if (r < 0)
        return r;
    return position > last ? kw_fail(fault, -EAGAIN, KW_E_PENDING, "proof", "not sealed yet")
                           : kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "proof", "nothing was committed at this position");
}

static int read_batch(struct kw_log *log, const struct place *place, struct kw_proof *proof, struct kw_fault *fault)
{
    struct kw_query *query;
    struct kw_view hashes, slots;
    size_t count = 0;
    int r = kw_query(log->store, "SELECT width, hashes, slots FROM batch WHERE leaf = ?", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)place->leaf);
    r = kw_query_step(query, fault);
    if (r == 1) {
        proof->width = (uint8_t)kw_column_integer(query, 0);
        hashes = kw_column_blob(query, 1);
        slots = kw_column_blob(query, 2);
        r = proof->width > KW_BATCH_WIDTH_MAX || hashes.size != (size_t)KW_HASH_SIZE << proof->width ||
                    slots.size < (place->at + 1) * 4
                ? -EBADMSG
                : 0;
        if (r == 0) {
            slots.data += place->at * 4;
            r = kw_take_u32(&slots, &proof->slot);
        }
        if (r == 0)
            r = kw_merkle_path((const kw_hash *)(const void *)hashes.data, (size_t)1 << proof->width, proof->slot,
                               proof->batch_path, &count);
    } else if (r == 0) {
        r = -EBADMSG;
    }
    kw_query_reset(query);
    return r == -EBADMSG ? kw_fail(fault, r, KW_E_CORRUPT, "ledger.db", "the batch is missing or damaged") : r;
}

static int read_leaf(struct kw_log *log, uint64_t number, struct kw_proof *proof, struct kw_fault *fault)
{
    struct kw_query *query;
    struct kw_view entry;
    int r = kw_query(log->store, "SELECT entry FROM leaf WHERE number = ?", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)number);
    r = kw_query_step(query, fault);
    entry = r == 1 ? kw_column_blob(query, 0) : (struct kw_view){0};
    if (r >= 0 && entry.size != sizeof proof->leaf)
        r = kw_fail(fault, -EBADMSG, KW_E_CORRUPT, "ledger.db", "the leaf is missing or damaged");
    if (r == 1)
        memcpy(proof->leaf, entry.data, sizeof proof->leaf);
    kw_query_reset(query);
    return r < 0 ? r : 0;
}

static int fill_proof(struct kw_log *log, const struct place *place, struct kw_proof *proof, struct kw_fault *fault)
{
    struct kw_tile_reader *reader;
    int r = read_batch(log, place, proof, fault);

    if (r == 0)
        r = read_leaf(log, place->leaf, proof, fault);
    if (r == 0)
        r = kw_buf_append(&proof->checkpoint, log->cosigned.data, log->cosigned.size);
    if (r < 0)
        return r;
    reader = kw_alloc(sizeof *reader);
    if (!reader)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "proof", "no memory");
    reader->dir = log->folder;
    reader->size = (uint64_t)log->released;
    r = kw_merkle_inclusion(kw_tile_read, reader, place->leaf, reader->size, proof->path, &proof->path_count);
    kw_free(reader);
    proof->index = place->leaf;
    proof->has_record = true;
    return r < 0 ? kw_fail(fault, r, KW_E_TILE, "proof", "the log's tiles do not give a path") : 0;
}

int kw_log_proof(struct kw_log *log, uint8_t kind, uint64_t position, struct kw_proof *ret_proof, struct kw_fault *fault)
{
    struct kw_proof proof = {0};
    struct place place = {0};
    int r = find_place(log, kind, position, &place, fault);

    if (r < 0)
        return r;
    if (log->released < 0 || place.leaf >= (uint64_t)log->released)
        return kw_fail(fault, -EAGAIN, KW_E_PENDING, "proof", "sealed; cosignatures are awaited");
    r = fill_proof(log, &place, &proof, fault);
    if (r < 0) {
        kw_proof_clear(&proof);
        return r;
    }
    *ret_proof = proof;
    return 0;
}
