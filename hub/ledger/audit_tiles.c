/* SPDX-License-Identifier: Apache-2.0 */
/* audit_tiles.c - recomputes every tile of a log from its entries, in one pass. */
#include <errno.h>
#include <string.h>

#include "ledger/audit.h"

struct stream {
    struct audit *audit;
    struct kw_tree tree;
    struct kw_buf bundle, file;
    size_t ends[KW_TILE_WIDTH]; /* of each entry in the bundle */
    kw_hash part[KW_TILE_LEVELS][KW_TILE_WIDTH];
    size_t next_head;
};

static int wrong(const struct stream *stream, const char *path, const char *why, uint64_t where)
{
    return kw_fail(stream->audit->fault, -EBADMSG, KW_E_TILE, path, "%s (%llu)", why, (unsigned long long)where);
}

/* One file must be there with these very bytes. */
static int check_bytes(struct stream *stream, const char *path, struct kw_view bytes)
{
    int r;

    if (!kw_audit_take(stream->audit, path))
        return kw_fail(stream->audit->fault, -EBADMSG, KW_E_TILE, path, "is missing");
    r = kw_audit_read(stream->audit, path, &stream->file);
    if (r < 0)
        return r;
    if (stream->file.size != bytes.size)
        return wrong(stream, path, "has another size than its entries give; bytes wanted", bytes.size);
    for (size_t i = 0; i < bytes.size; i++) {
        if (stream->file.data[i] != bytes.data[i])
            return wrong(stream, path, "is not what its entries hash to; first wrong byte", i);
    }
    return 0;
}

/* The tile of width must be there, and every narrower one that is there must be its beginning. */
static int check_tile(struct stream *stream, int level, uint64_t number, unsigned width)
{
    struct audit *audit = stream->audit;
    unsigned *full = level == KW_TILE_ENTRIES ? &audit->counts.bundles : &audit->counts.tiles;
    unsigned *partial = level == KW_TILE_ENTRIES ? &audit->counts.partial_bundles : &audit->counts.partial_tiles;
    char path[KW_TILE_PATH];

    for (unsigned w = 1; w <= width; w++) {
        size_t size = level == KW_TILE_ENTRIES ? stream->ends[w - 1] : (size_t)w * KW_HASH_SIZE;
        const uint8_t *bytes = level == KW_TILE_ENTRIES ? stream->bundle.data : stream->part[level][0];
        size_t at;
        int r;

        kw_tile_path(path, level, number, w);
        at = kw_audit_find(audit, path);
        if (w < width && (at == audit->file_count || strcmp(audit->files[at].path, path) != 0))
            continue;
        r = check_bytes(stream, path, (struct kw_view){bytes, size});
        if (r < 0)
            return r;
        if (w == KW_TILE_WIDTH)
            ++*full;
        else
            ++*partial;
    }
    return 0;
}

static int check_heads(struct stream *stream)
{
    struct audit *audit = stream->audit;

    while (stream->next_head < audit->head_count && audit->heads[stream->next_head].size == stream->tree.size) {
        const struct audit_head *head = &audit->heads[stream->next_head++];
        kw_hash root;

        kw_tree_root(&stream->tree, root);
        if (memcmp(root, head->root, KW_HASH_SIZE) != 0)
            return kw_fail(audit->fault, -EBADMSG, KW_E_FORK, head->path, "its root is not that of the first %llu entries",
                           (unsigned long long)head->size);
    }
    return 0;
}

/* Splits the bundle into width entries. */
static int split_bundle(struct stream *stream, const char *path, unsigned width)
{
    struct kw_view rest = kw_view_of(&stream->bundle), entry;

    for (unsigned i = 0; i < width; i++) {
        uint16_t size;

        if (kw_take_u16(&rest, &size) < 0 || kw_take(&rest, size, &entry) < 0)
            return wrong(stream, path, "ends inside an entry", i);
        stream->ends[i] = stream->bundle.size - rest.size;
    }
    return rest.size > 0 ? wrong(stream, path, "has bytes after its last entry", stream->ends[width - 1]) : 0;
}

/* A full tile's root is a hash of the level above, and so on up. */
static int carry(struct stream *stream)
{
    uint64_t count = stream->tree.size;

    for (unsigned level = 0; level < KW_TILE_LEVELS && count % KW_TILE_WIDTH == 0; level++) {
        int r;

        count /= KW_TILE_WIDTH;
        if (level == 0) {
            r = check_tile(stream, KW_TILE_ENTRIES, count - 1, KW_TILE_WIDTH);
            if (r < 0)
                return r;
        }
        r = check_tile(stream, (int)level, count - 1, KW_TILE_WIDTH);
        if (r < 0)
            return r;
        if (level + 1 < KW_TILE_LEVELS)
            kw_merkle_root((const kw_hash *)stream->part[level], KW_TILE_WIDTH,
                           stream->part[level + 1][(count - 1) % KW_TILE_WIDTH]);
    }
    return 0;
}

static int read_bundle(struct stream *stream, uint64_t number, unsigned width)
{
    char path[KW_TILE_PATH];
    int r;

    kw_tile_path(path, KW_TILE_ENTRIES, number, width);
    r = kw_audit_read(stream->audit, path, &stream->bundle);
    if (r == 0)
        r = split_bundle(stream, path, width);
    for (unsigned i = 0; r == 0 && i < width; i++) {
        size_t start = i > 0 ? stream->ends[i - 1] + 2 : 2;

        kw_merkle_leaf((struct kw_view){stream->bundle.data + start, stream->ends[i] - start}, stream->part[0][i]);
        kw_tree_add(&stream->tree, stream->part[0][i]);
        r = check_heads(stream);
    }
    return r;
}

static int run(struct stream *stream)
{
    struct audit *audit = stream->audit;
    uint64_t size = audit->counts.size, count = size;
    int r = check_heads(stream);

    while (r == 0 && stream->tree.size < size) {
        uint64_t left = size - stream->tree.size;

        r = read_bundle(stream, stream->tree.size / KW_TILE_WIDTH, left < KW_TILE_WIDTH ? (unsigned)left : KW_TILE_WIDTH);
        if (r == 0 && left >= KW_TILE_WIDTH)
            r = carry(stream);
        if (audit->progress)
            audit->progress(audit->context, stream->tree.size, size);
    }
    if (r == 0 && size % KW_TILE_WIDTH > 0)
        r = check_tile(stream, KW_TILE_ENTRIES, size / KW_TILE_WIDTH, (unsigned)(size % KW_TILE_WIDTH));
    for (unsigned level = 0; r == 0 && level < KW_TILE_LEVELS; level++, count /= KW_TILE_WIDTH) {
        if (count % KW_TILE_WIDTH > 0)
            r = check_tile(stream, (int)level, count / KW_TILE_WIDTH, (unsigned)(count % KW_TILE_WIDTH));
    }
    return r;
}

int kw_audit_tiles(struct audit *audit)
{
    struct stream *stream = kw_alloc(sizeof *stream);
    int r;

    if (!stream)
        return kw_fail(audit->fault, -ENOMEM, KW_E_MEMORY, audit->dir, "no memory for the audit");
    stream->audit = audit;
    r = run(stream);
    kw_buf_clear(&stream->bundle);
    kw_buf_clear(&stream->file);
    kw_free(stream);
    return r;
}

int kw_audit_entry(const struct audit *audit, uint64_t index, struct kw_buf *ret_entry)
{
    uint64_t number = index / KW_TILE_WIDTH, left = audit->counts.size - number * KW_TILE_WIDTH;
    struct kw_view rest, entry = {0};
    struct kw_buf bundle = {0};
    char path[KW_TILE_PATH];
    int r;

    if (index >= audit->counts.size)
        return -ENOENT;
    kw_tile_path(path, KW_TILE_ENTRIES, number, left < KW_TILE_WIDTH ? (unsigned)left : KW_TILE_WIDTH);
    r = kw_audit_read(audit, path, &bundle);
    rest = kw_view_of(&bundle);
    for (uint64_t i = 0; r == 0 && i <= index % KW_TILE_WIDTH; i++) {
        uint16_t size = 0;

        r = kw_take_u16(&rest, &size);
        if (r == 0)
            r = kw_take(&rest, size, &entry);
    }
    if (r == 0)
        r = kw_buf_append(ret_entry, entry.data, entry.size);
    kw_buf_clear(&bundle);
    return r;
}
