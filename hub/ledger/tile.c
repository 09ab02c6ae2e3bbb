/* SPDX-License-Identifier: Apache-2.0 */
/* tile.c - C2SP tlog-tiles on disk: writing, removal of superseded partial tiles, subtree roots from them. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ledger/internal.h"

void kw_tile_path(char ret_path[KW_TILE_PATH], int level, uint64_t number, unsigned width)
{
    char digits[40] = "", next[40];
    size_t at;

    snprintf(digits, sizeof digits, "%03u", (unsigned)(number % 1000));
    while (number >= 1000) {
        number /= 1000;
        snprintf(next, sizeof next, "x%03u/%.*s", (unsigned)(number % 1000), 32, digits);
        memcpy(digits, next, sizeof digits);
    }
    if (level == KW_TILE_ENTRIES)
        at = (size_t)snprintf(ret_path, KW_TILE_PATH, "tile/entries/%s", digits);
    else
        at = (size_t)snprintf(ret_path, KW_TILE_PATH, "tile/%d/%s", level, digits);
    if (width < KW_TILE_WIDTH)
        snprintf(ret_path + at, KW_TILE_PATH - at, ".p/%u", width);
}

static int full_path(char *ret_path, size_t size, const char *dir, int level, uint64_t number, unsigned width)
{
    char path[KW_TILE_PATH];

    kw_tile_path(path, level, number, width);
    return kw_path_join(ret_path, size, dir, path);
}

/* ---- writing ---------------------------------------------------------------------- */

static int write_tile(const struct kw_tiles *tiles, int level, uint64_t number, unsigned width, struct kw_view bytes,
                      struct kw_fault *fault)
{
    char path[2048], folder[2048];
    int r = full_path(path, sizeof path, tiles->dir, level, number, width);

    if (r == 0)
        r = kw_fault_point("ledger.tile");
    if (r < 0)
        return kw_fail(fault, r, KW_E_FILE, tiles->dir, "cannot name or write a tile");
    r = kw_file_replace(path, bytes, 0644, NULL);
    if (r == -ENOENT) {
        snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
        r = kw_dir_make(folder, 0755, fault);
        if (r == 0)
            r = kw_file_replace(path, bytes, 0644, fault);
    } else if (r < 0) {
        r = kw_file_replace(path, bytes, 0644, fault); /* once more, for the reason */
    }
    return r;
}

/* Files of the folder of a tile's partial ones; only those whose name ends with suffix. */
static void remove_files(const struct kw_tiles *tiles, int level, uint64_t number, const char *suffix)
{
    char path[2048], file[2304];
    struct dirent *entry;
    DIR *dir;

    if (full_path(path, sizeof path, tiles->dir, level, number, 1) < 0)
        return;
    *strrchr(path, '/') = 0;
    dir = opendir(path);
    if (!dir)
        return;
    while ((entry = readdir(dir)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (entry->d_name[0] != '.' && length >= strlen(suffix) && strcmp(entry->d_name + length - strlen(suffix), suffix) == 0 &&
            kw_path_join(file, sizeof file, path, entry->d_name) == 0)
            (void)unlink(file);
    }
    closedir(dir);
    (void)rmdir(path); /* when it is empty */
}

/* Superseded partial tiles only cost room; a failure here is met again at the next full tile's audit, not hidden as data loss. */
static void remove_partials(const struct kw_tiles *tiles, int level, uint64_t number)
{
    remove_files(tiles, level, number, "");
}

void kw_tiles_sweep(const struct kw_tiles *tiles)
{
    uint64_t count = tiles->size / KW_TILE_WIDTH;

    remove_files(tiles, KW_TILE_ENTRIES, count, ".tmp");
    for (unsigned level = 0; level < KW_TILE_LEVELS; level++, count /= KW_TILE_WIDTH)
        remove_files(tiles, (int)level, count, ".tmp");
}

static int write_full(struct kw_tiles *tiles, int level, uint64_t number, struct kw_view bytes, struct kw_fault *fault)
{
    int r = write_tile(tiles, level, number, KW_TILE_WIDTH, bytes, fault);

    if (r == 0)
        remove_partials(tiles, level, number);
    return r;
}

int kw_tiles_add(struct kw_tiles *tiles, struct kw_view entry, struct kw_fault *fault)
{
    uint64_t count = tiles->size;
    kw_hash hash;
    int r;

    if (entry.size > UINT16_MAX)
        return kw_fail(fault, -EMSGSIZE, KW_E_TOO_LARGE, "entry", "a log entry has at most 65535 bytes");
    r = kw_buf_u16(&tiles->bundle, (uint16_t)entry.size);
    if (r == 0)
        r = kw_buf_append(&tiles->bundle, entry.data, entry.size);
    if (r < 0)
        return kw_fail(fault, r, KW_E_MEMORY, "entry", "no memory for the bundle");
    kw_merkle_leaf(entry, hash);
    for (unsigned level = 0; level < KW_TILE_LEVELS; level++) {
        unsigned at = (unsigned)(count % KW_TILE_WIDTH);

        memcpy(tiles->part[level][at], hash, KW_HASH_SIZE);
        if (at + 1 < KW_TILE_WIDTH)
            break;
        count /= KW_TILE_WIDTH;
        if (level == 0)
            r = write_full(tiles, KW_TILE_ENTRIES, count, kw_view_of(&tiles->bundle), fault);
        if (r == 0)
            r = write_full(tiles, (int)level, count, (struct kw_view){tiles->part[level][0], sizeof tiles->part[level]}, fault);
        if (r < 0)
            return r;
        if (level == 0)
            tiles->bundle.size = 0;
        tiles->flushed[level] = 0;
        kw_merkle_root((const kw_hash *)tiles->part[level], KW_TILE_WIDTH, hash);
    }
    tiles->size++;
    return 0;
}

int kw_tiles_flush(struct kw_tiles *tiles, struct kw_fault *fault)
{
    uint64_t count = tiles->size;

    for (unsigned level = 0; level < KW_TILE_LEVELS; level++, count /= KW_TILE_WIDTH) {
        unsigned width = (unsigned)(count % KW_TILE_WIDTH);
        int r = 0;

        if (width == 0 || width == tiles->flushed[level])
            continue;
        if (level == 0)
            r = write_tile(tiles, KW_TILE_ENTRIES, count / KW_TILE_WIDTH, width, kw_view_of(&tiles->bundle), fault);
        if (r == 0)
            r = write_tile(tiles, (int)level, count / KW_TILE_WIDTH, width,
                           (struct kw_view){tiles->part[level][0], (size_t)width * KW_HASH_SIZE}, fault);
        if (r < 0)
            return r;
        tiles->flushed[level] = width;
    }
    return 0;
}

static int load_part(struct kw_tiles *tiles, int level, uint64_t number, unsigned width, struct kw_buf *ret_bytes,
                     struct kw_fault *fault)
{
    char path[2048];
    int r = full_path(path, sizeof path, tiles->dir, level, number, width);

    return r < 0 ? r : kw_file_read(path, KW_TILE_BUNDLE_MAX, ret_bytes, fault);
}

int kw_tiles_open(const char *dir, uint64_t size, struct kw_tiles **ret_tiles, struct kw_fault *fault)
{
    struct kw_tiles *tiles = kw_alloc(sizeof *tiles);
    struct kw_buf bytes = {0};
    uint64_t count = size;
    int r = 0;

    if (!tiles)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, dir, "no memory for tiles");
    if (snprintf(tiles->dir, sizeof tiles->dir, "%s", dir) >= (int)sizeof tiles->dir)
        r = kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, "log folder", "its path is too long");
    tiles->size = size;
    for (unsigned level = 0; r == 0 && level < KW_TILE_LEVELS; level++, count /= KW_TILE_WIDTH) {
        unsigned width = (unsigned)(count % KW_TILE_WIDTH);

        if (width == 0)
            continue;
        if (level == 0)
            r = load_part(tiles, KW_TILE_ENTRIES, count / KW_TILE_WIDTH, width, &tiles->bundle, fault);
        if (r == 0)
            r = load_part(tiles, (int)level, count / KW_TILE_WIDTH, width, &bytes, fault);
        if (r == 0 && bytes.size != (size_t)width * KW_HASH_SIZE)
            r = kw_fail(fault, -EBADMSG, KW_E_TILE, dir, "partial tile of level %u has a wrong size", level);
        if (r == 0) {
            memcpy(tiles->part[level], bytes.data, bytes.size);
            tiles->flushed[level] = width;
        }
    }
    kw_buf_clear(&bytes);
    if (r < 0) {
        kw_tiles_free(tiles);
        return r;
    }
    *ret_tiles = tiles;
    return 0;
}

void kw_tiles_free(struct kw_tiles *tiles)
{
    if (!tiles)
        return;
    kw_buf_clear(&tiles->bundle);
    kw_free(tiles);
}

/* ---- reading ------------------------------------------------------------------------ */

static int hold_tile(struct kw_tile_reader *reader, unsigned level, uint64_t number)
{
    uint64_t count = reader->size >> (8 * level);
    unsigned width = number < count / KW_TILE_WIDTH ? KW_TILE_WIDTH : (unsigned)(count % KW_TILE_WIDTH);
    struct kw_buf bytes = {0};
    char path[2048];
    int r;

    if (number > count / KW_TILE_WIDTH || width == 0)
        return -EINVAL;
    if (reader->held[level].width == width && reader->held[level].number == number)
        return 0;
    r = full_path(path, sizeof path, reader->dir, (int)level, number, width);
    if (r == 0)
        r = kw_file_read(path, sizeof reader->held[level].hashes, &bytes, NULL);
    if (r == -ENOENT && width < KW_TILE_WIDTH) { /* a partial tile goes when its full one is there */
        r = full_path(path, sizeof path, reader->dir, (int)level, number, KW_TILE_WIDTH);
        if (r == 0)
            r = kw_file_read(path, sizeof reader->held[level].hashes, &bytes, NULL);
    }
    if (r == 0 && bytes.size < (size_t)width * KW_HASH_SIZE)
        r = -EBADMSG;
    if (r == 0) {
        memcpy(reader->held[level].hashes, bytes.data, (size_t)width * KW_HASH_SIZE);
        reader->held[level].number = number;
        reader->held[level].width = width;
    }
    kw_buf_clear(&bytes);
    return r;
}

int kw_tile_read(void *context, unsigned level, uint64_t index, kw_hash ret_hash)
{
    struct kw_tile_reader *reader = context;
    unsigned tile_level = level / 8, height = level % 8;
    uint64_t first = index << height;
    size_t at = (size_t)(first % KW_TILE_WIDTH), count = (size_t)1 << height;
    int r;

    if (tile_level >= KW_TILE_LEVELS)
        return -EINVAL;
    r = hold_tile(reader, tile_level, first / KW_TILE_WIDTH);
    if (r < 0)
        return r;
    if (at + count > reader->held[tile_level].width)
        return -EINVAL;
    kw_merkle_root((const kw_hash *)reader->held[tile_level].hashes + at, count, ret_hash);
    return 0;
}

static int path_from_files(const char *dir, uint64_t index, struct kw_proof *proof, struct kw_fault *fault)
{
    struct kw_checkpoint checkpoint;
    struct kw_tile_reader *reader;
    struct kw_note note;
    char path[2048];
    int r = kw_path_join(path, sizeof path, dir, "checkpoint");

    if (r == 0)
        r = kw_file_read(path, KW_LIMIT_NOTE, &proof->checkpoint, fault);
    if (r == 0)
        r = kw_note_parse(kw_view_of(&proof->checkpoint), &note, fault);
    if (r == 0)
        r = kw_checkpoint_parse(note.text, &checkpoint, fault);
    if (r < 0)
        return r;
    if (index >= checkpoint.size)
        return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, path, "the log has %llu entries", (unsigned long long)checkpoint.size);
    reader = kw_alloc(sizeof *reader);
    if (!reader)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, dir, "no memory");
    reader->dir = dir;
    reader->size = checkpoint.size;
    r = kw_merkle_inclusion(kw_tile_read, reader, index, checkpoint.size, proof->path, &proof->path_count);
    kw_free(reader);
    proof->index = index;
    return r < 0 ? kw_fail(fault, r, KW_E_TILE, dir, "a tile is missing or too short") : 0;
}

int kw_proof_from_files(const char *dir, uint64_t index, struct kw_proof *ret_proof, struct kw_fault *fault)
{
    struct kw_proof proof = {0};
    int r = path_from_files(dir, index, &proof, fault);

    if (r < 0) {
        kw_proof_clear(&proof);
        return r;
    }
    *ret_proof = proof;
    return 0;
}
