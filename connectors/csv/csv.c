/* SPDX-License-Identifier: Apache-2.0 */
/* csv.c - the connector for CSV files of a watched folder: file by file in the order of their sequence, row by row. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "kinward/plugin.h"
#include "rows.h"

#define HEADER_MAX  (32u << 10)
#define CURSOR_SIZE 128
#define KEY_SIZE    80

struct settings {
    const char *folder, *rejects, *mapping;
    int64_t first, poll, settle;
};

struct place { /* where to go on */
    int64_t sequence;
    uint64_t row, offset, line; /* rows read of that file, and what follows them; offset 0: at its beginning */
};

struct csv {
    const struct kinward_host *host;
    const struct settings *settings;
    struct place place;
    struct folder folder;
    int64_t next_look_ms;
    int64_t told_sequence; /* of which a waiting was logged */
    uint64_t seen_size;    /* of a file that was not whole at the last look */
    int64_t seen_modified_ms, seen_manifest_ms;
    bool is_open;
    struct manifest open;
    uint8_t header[HEADER_MAX];
    size_t header_size;
    unsigned header_cells;
    struct rows rows;
    uint8_t document[HEADER_MAX + ROW_MAX + 8];
};

/* ---- where it stands -------------------------------------------------------------------- */

static kinward_verdict keep_cursor(void *context, const void *data, size_t size)
{
    char *text = context;
    size_t length = strlen(text);
    if (size >= CURSOR_SIZE - length)
        return KINWARD_REJECT;
    memcpy(text + length, data, size);
    text[length + size] = 0;
    return KINWARD_OK;
}

static kinward_verdict load_place(struct csv *csv)
{
    char text[CURSOR_SIZE] = "";
    const struct kinward_host *host = csv->host;
    const struct kinward_out out = {text, keep_cursor};
    struct place *place = &csv->place;
    kinward_verdict verdict = host->cursor(host->instance, &out);
    *place = (struct place){.sequence = csv->settings->first};
    if (verdict == KINWARD_OK && text[0] &&
        sscanf(text, "1 %" SCNd64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &place->sequence, &place->row, &place->offset,
               &place->line) != 4)
        verdict = host->fail(host->instance, KINWARD_BROKEN, "the saved cursor is of another kind");
    return verdict;
}

static struct kinward_view put_place(const struct place *place, char text[CURSOR_SIZE])
{
    int size = snprintf(text, CURSOR_SIZE, "1 %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64, place->sequence, place->row,
                        place->offset, place->line);
    return (struct kinward_view){(uint8_t *)text, (size_t)size};
}

static kinward_verdict save_place(struct csv *csv)
{
    char text[CURSOR_SIZE];
    const struct kinward_document nothing = {.size = sizeof nothing, .format = "", .cursor = put_place(&csv->place, text)};
    return csv->host->emit(csv->host->instance, NULL, &nothing);
}

/* ---- finding a whole file ------------------------------------------------------------------- */

static void tell_once(struct csv *csv, const char *event, int64_t sequence)
{
    if (csv->told_sequence != csv->place.sequence)
        csv->host->log(csv->host->instance, KINWARD_WARNING, event, "wanted=%" PRId64 " found=%" PRId64, csv->place.sequence,
                       sequence);
    csv->told_sequence = csv->place.sequence;
}

struct seen {
    const char *name;
    uint64_t size;
    int64_t modified_ms;
    bool found;
};

static int see(void *context, const char *name, uint64_t size, int64_t modified_ms)
{
    struct seen *seen = context;
    if (strcmp(name, seen->name) != 0)
        return 0;
    seen->size = size;
    seen->modified_ms = modified_ms;
    seen->found = true;
    return 1;
}

/* OK: the file is what its manifest says. IDLE: not yet. */
static kinward_verdict check_whole(struct csv *csv, const struct manifest *manifest)
{
    const struct kinward_host *host = csv->host;
    struct seen seen = {.name = manifest->file};
    uint8_t digest[32];
    kinward_verdict verdict = host->folder(host->instance, csv->settings->folder, manifest->file, see, &seen);
    if (verdict != KINWARD_OK)
        return verdict;
    bool same = seen.found && seen.size == csv->seen_size && seen.modified_ms == csv->seen_modified_ms &&
                manifest->modified_ms == csv->seen_manifest_ms;
    if (!seen.found || same) { /* nothing has come since it was found not to be whole */
        if (host->now_ms(host->instance) - (seen.found ? seen.modified_ms : manifest->modified_ms) > csv->settings->settle)
            tell_once(csv, "file.incomplete", manifest->sequence);
        return KINWARD_IDLE;
    }
    verdict = host->digest(host->instance, csv->settings->folder, manifest->file, digest);
    if (verdict == KINWARD_OK && memcmp(digest, manifest->sha256, sizeof digest) != 0) {
        csv->seen_size = seen.size;
        csv->seen_modified_ms = seen.modified_ms;
        csv->seen_manifest_ms = manifest->modified_ms;
        verdict = KINWARD_IDLE;
    }
    return verdict;
}

/* The header, and as many rows as the manifest says: only then is anything sent. */
static kinward_verdict check_rows(struct csv *csv, const struct manifest *manifest)
{
    const struct kinward_host *host = csv->host;
    struct row row;
    int64_t count = -1;
    kinward_verdict verdict;
    rows_open(&csv->rows, host, csv->settings->folder, manifest->file, 0, 1);
    while ((verdict = rows_next(&csv->rows, &row)) == KINWARD_OK) {
        if (count++ >= 0)
            continue;
        if (row.code || row.bytes.size > HEADER_MAX)
            return host->fail(host->instance, KINWARD_RETRY, "sequence %" PRId64 ": its header is no CSV record (%s)",
                              manifest->sequence, row.code ? row.code : "size");
        memcpy(csv->header, row.bytes.data, row.bytes.size);
        csv->header_size = row.bytes.size;
        csv->header_cells = row.cells;
    }
    if (verdict != KINWARD_IDLE)
        return verdict;
    if (count != manifest->rows)
        return host->fail(host->instance, KINWARD_RETRY, "sequence %" PRId64 ": wanted %" PRId64 " rows, found %" PRId64,
                          manifest->sequence, manifest->rows, count);
    return KINWARD_OK;
}

static kinward_verdict open_next(struct csv *csv)
{
    const struct kinward_host *host = csv->host;
    const struct manifest *later, *unread;
    kinward_verdict verdict = folder_look(&csv->folder, host, csv->settings->folder);
    if (verdict != KINWARD_OK)
        return verdict;
    const struct manifest *manifest = folder_find(&csv->folder, csv->place.sequence, &later, &unread);
    if (!manifest && later && host->now_ms(host->instance) - later->modified_ms > csv->settings->settle)
        tell_once(csv, "sequence.missing", later->sequence);
    else if (!manifest && unread && host->now_ms(host->instance) - unread->modified_ms > csv->settings->settle)
        tell_once(csv, "manifest.unreadable", 0);
    if (!manifest)
        return KINWARD_IDLE;
    verdict = check_whole(csv, manifest);
    if (verdict == KINWARD_OK)
        verdict = check_rows(csv, manifest);
    if (verdict != KINWARD_OK)
        return verdict;
    csv->open = *manifest;
    struct row header;
    rows_open(&csv->rows, host, csv->settings->folder, csv->open.file, csv->place.offset, csv->place.offset ? csv->place.line : 1);
    csv->is_open = true;
    csv->seen_size = 0;
    csv->told_sequence = 0;
    host->log(host->instance, KINWARD_INFO, "file.opened", "sequence=%" PRId64 " rows=%" PRId64 " from=%" PRIu64,
              csv->open.sequence, csv->open.rows, csv->place.row);
    return csv->place.offset ? KINWARD_OK : rows_next(&csv->rows, &header);
}

/* ---- rows --------------------------------------------------------------------------------------- */

/* A line in the rejects file: where and why, never what. After a crash it may stand there twice. */
static kinward_verdict reject(struct csv *csv, const struct row *row, const char *code, unsigned column)
{
    const struct kinward_host *host = csv->host;
    char line[FILE_NAME + 100];
    int size = snprintf(line, sizeof line, "%s,%" PRIu64 ",%u,%s\r\n", csv->open.file, row->line, column, code);
    host->log(host->instance, KINWARD_WARNING, "row.rejected", "sequence=%" PRId64 " line=%" PRIu64 " column=%u code=%s",
              csv->open.sequence, row->line, column, code);
    kinward_verdict verdict = host->append(host->instance, "rejects", (struct kinward_view){(uint8_t *)line, (size_t)size});
    return verdict == KINWARD_IDLE ? KINWARD_OK : verdict;
}

static kinward_verdict send_row(struct csv *csv, const struct row *row, const struct place *after)
{
    const struct kinward_host *host = csv->host;
    char cursor[CURSOR_SIZE], key[KEY_SIZE];
    uint8_t digest[32];
    size_t size = 0;
    memcpy(csv->document, csv->header, csv->header_size);
    size += csv->header_size;
    memcpy(csv->document + size, "\r\n", 2);
    memcpy(csv->document + size + 2, row->bytes.data, row->bytes.size);
    size += 2 + row->bytes.size;
    memcpy(csv->document + size, "\r\n", 2);
    const struct kinward_view bytes = {csv->document, size + 2};
    host->sha256(host->instance, bytes, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(key + 2 * i, 3, "%02x", digest[i]);
    strcpy(key + 64, "@1"); /* the content is its own version: what comes again unchanged is dropped */
    const struct kinward_document document = {.size = sizeof document,
                                              .bytes = bytes,
                                              .format = csv->settings->mapping,
                                              .key = {(uint8_t *)key, 66},
                                              .cursor = put_place(after, cursor)};
    return host->emit(host->instance, NULL, &document);
}

static kinward_verdict close_file(struct csv *csv)
{
    csv->is_open = false;
    csv->host->log(csv->host->instance, KINWARD_INFO, "file.done", "sequence=%" PRId64 " rows=%" PRIu64, csv->open.sequence,
                   csv->place.row);
    csv->place = (struct place){.sequence = csv->open.sequence + 1};
    csv->next_look_ms = 0;
    return save_place(csv);
}

/* One row: sent or rejected. IDLE after the last one, with the file closed. */
static kinward_verdict take_row(struct csv *csv, uint32_t *sent)
{
    struct row row;
    kinward_verdict verdict = rows_next(&csv->rows, &row);
    if (verdict == KINWARD_IDLE) {
        verdict = close_file(csv);
        return verdict == KINWARD_OK ? KINWARD_IDLE : verdict;
    }
    if (verdict != KINWARD_OK)
        return verdict;
    struct place after = {csv->place.sequence, csv->place.row + 1, row.next, csv->rows.line};
    if (row.code)
        verdict = reject(csv, &row, row.code, row.column);
    else if (row.cells != csv->header_cells)
        verdict = reject(csv, &row, "cells", row.cells);
    else if ((verdict = send_row(csv, &row, &after)) == KINWARD_OK)
        (*sent)++;
    if (verdict == KINWARD_OK)
        csv->place = after;
    return verdict;
}

static kinward_verdict wait_for_file(struct csv *csv, uint32_t wait_ms)
{
    const struct kinward_host *host = csv->host;
    if (host->elapsed_ms(host->instance) < csv->next_look_ms) {
        int64_t left = csv->next_look_ms - host->elapsed_ms(host->instance);
        (void)host->pause(host->instance, left < wait_ms ? (uint32_t)left : wait_ms);
        return KINWARD_IDLE;
    }
    kinward_verdict verdict = open_next(csv);
    if (verdict != KINWARD_OK)
        csv->next_look_ms = host->elapsed_ms(host->instance) + csv->settings->poll;
    return verdict;
}

static kinward_verdict pull(void *self, uint32_t credit, uint32_t wait_ms)
{
    struct csv *csv = self;
    uint32_t sent = 0;
    kinward_verdict verdict = csv->is_open ? KINWARD_OK : wait_for_file(csv, wait_ms);
    while (verdict == KINWARD_OK && sent < credit)
        verdict = take_row(csv, &sent);
    if (verdict < KINWARD_OK)
        csv->is_open = false; /* read again from the last row that was taken */
    return verdict == KINWARD_IDLE && sent ? KINWARD_OK : verdict;
}

/* ---- life ------------------------------------------------------------------------------------------ */

static kinward_verdict create(const struct kinward_host *host, const void *settings, void **ret_self)
{
    struct csv *csv = calloc(1, sizeof *csv);
    if (!csv)
        return host->fail(host->instance, KINWARD_RETRY, "no memory");
    csv->host = host;
    csv->settings = settings;
    kinward_verdict verdict = load_place(csv);
    if (verdict != KINWARD_OK) {
        free(csv);
        return verdict;
    }
    *ret_self = csv;
    return KINWARD_OK;
}

static void destroy(void *self)
{
    struct csv *csv = self;
    if (csv)
        folder_clear(&csv->folder);
    free(csv);
}

#define OPTION(member) .offset = offsetof(struct settings, member)
static const struct kinward_option options[] = {
    {.name = "folder",
     .type = KINWARD_PATH,
     .flags = KINWARD_REQUIRED,
     OPTION(folder),
     .help = "Watched for NAME.manifest and NAME.csv."},
    {.name = "rejects",
     .type = KINWARD_OUTPUT,
     OPTION(rejects),
     .help = "File that gets a line for each ill-formed row: file, line, column, code."},
    {.name = "mapping", .type = KINWARD_TEXT, .fallback = "border", OPTION(mapping), .help = "Stylesheet that reads a row."},
    {.name = "first",
     .type = KINWARD_INTEGER,
     .fallback = "1",
     OPTION(first),
     .low = 1,
     .high = INT64_MAX,
     .help = "Sequence of the first file ever; later its own cursor says where to go on."},
    {.name = "poll",
     .type = KINWARD_DURATION,
     .fallback = "2s",
     OPTION(poll),
     .low = 50,
     .high = 3600000,
     .help = "Time between two looks at the folder."},
    {.name = "settle",
     .type = KINWARD_DURATION,
     .fallback = "1m",
     OPTION(settle),
     .low = 0,
     .high = 86400000,
     .help = "After so long an incomplete file or a missing sequence is warned of."},
};
static const struct kinward_connector operations = {.pull = pull};

KINWARD_EXPORT const struct kinward_plugin kinward_plugin = {
    KINWARD_PLUGIN_HEADER,
    .kind = KINWARD_CONNECTOR,
    .capabilities = KINWARD_FOLDER | KINWARD_OUTPUTS,
    .operations_size = sizeof operations,
    .operations = &operations,
    .name = "csv",
    .version = "0.1.0",
    .summary = "CSV files of a border service: a watched folder, each file with a manifest.",
    .license = "Apache-2.0",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct settings),
    .create = create,
    .destroy = destroy,
};
