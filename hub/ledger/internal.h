/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of the ledger room share. */
#ifndef KINWARD_LEDGER_INTERNAL_H
#define KINWARD_LEDGER_INTERNAL_H

#include "base/limits.h"
#include "ledger/ledger.h"

/* Cuts the next line, without its newline, off the front of rest. -EBADMSG when there is no newline. */
KW_CHECKED int kw_line(struct kw_view *rest, struct kw_view *ret_line);
/* Decimal without leading zeroes or sign, that fills text. */
KW_CHECKED int kw_decimal(struct kw_view text, uint64_t *ret_value);
/* Base64 of exactly size (at most 128) bytes. */
KW_CHECKED int kw_base64_exact(struct kw_view text, uint8_t *ret_bytes, size_t size);
bool kw_view_starts(struct kw_view view, const char *text);

/* ---- tiles (C2SP tlog-tiles) ------------------------------------------------------------------------ */

#define KW_TILE_WIDTH   256
#define KW_TILE_LEVELS  8
#define KW_TILE_ENTRIES (-1) /* the level of entry bundles */
#define KW_TILE_PATH    96
/* "tile/0/x001/x234/067.p/12"; width 256 is the full tile. */
void kw_tile_path(char ret_path[KW_TILE_PATH], int level, uint64_t number, unsigned width);
/* The widest bundle: 256 entries of 65,535 bytes with their lengths. */
#define KW_TILE_BUNDLE_MAX ((size_t)KW_TILE_WIDTH * (UINT16_MAX + 2))

/* Writer: the right edge in memory, full tiles written as they fill up, partial ones by kw_tiles_flush. */
struct kw_tiles {
    char dir[1024];
    uint64_t size;
    kw_hash part[KW_TILE_LEVELS][KW_TILE_WIDTH];
    struct kw_buf bundle;             /* entries of the rightmost bundle */
    unsigned flushed[KW_TILE_LEVELS]; /* width of the partial tile that is on disk */
};
/* Continues a log of `size` entries from the partial tiles on disk; -ENOENT when one is not there. */
KW_CHECKED int kw_tiles_open(const char *dir, uint64_t size, struct kw_tiles **ret_tiles, struct kw_fault *fault);
void kw_tiles_free(struct kw_tiles *tiles);
KW_CHECKED int kw_tiles_add(struct kw_tiles *tiles, struct kw_view entry, struct kw_fault *fault);
KW_CHECKED int kw_tiles_flush(struct kw_tiles *tiles, struct kw_fault *fault);
/* Removes what a crash left half-written at the right edge: elsewhere the same name is written again, or its folder goes. */
void kw_tiles_sweep(const struct kw_tiles *tiles);

/* Reader of one size of a log: a kw_merkle_read with its context. */
struct kw_tile_reader {
    const char *dir;
    uint64_t size;
    struct {
        uint64_t number;
        unsigned width; /* 0: nothing is held */
        kw_hash hashes[KW_TILE_WIDTH];
    } held[KW_TILE_LEVELS];
};
int kw_tile_read(void *reader, unsigned level, uint64_t index, kw_hash ret_hash);

#endif
