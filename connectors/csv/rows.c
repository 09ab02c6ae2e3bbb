/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - RFC 4180 records of a file. */
#include "rows.h"

#include <string.h>

static kinward_verdict put(void *context, const void *data, size_t size)
{
    struct rows *rows = context;
    if (size > sizeof rows->buffer - rows->end)
        return KINWARD_REJECT;
    memcpy(rows->buffer + rows->end, data, size);
    rows->end += size;
    return KINWARD_OK;
}

/* Moves what is left to the front and fills up. */
static kinward_verdict fill(struct rows *rows)
{
    memmove(rows->buffer, rows->buffer + rows->begin, rows->end - rows->begin);
    rows->offset += rows->begin;
    rows->end -= rows->begin;
    rows->begin = 0;
    size_t before = rows->end;
    const struct kinward_out out = {rows, put};
    const struct kinward_host *host = rows->host;
    kinward_verdict verdict =
        host->read(host->instance, rows->folder, rows->name, rows->offset + rows->end, sizeof rows->buffer - rows->end, &out);
    rows->at_end = verdict == KINWARD_OK && rows->end == before;
    return verdict;
}

void rows_open(struct rows *rows, const struct kinward_host *host, const char *folder, const char *name, uint64_t offset,
               uint64_t line)
{
    rows->host = host;
    rows->folder = folder;
    rows->name = name;
    rows->offset = offset;
    rows->line = line;
    rows->begin = rows->end = 0;
    rows->at_end = false;
}

/* Bytes of a UTF-8 character at text (RFC 3629), 0: none. */
static size_t character(const uint8_t *text, size_t size)
{
    uint8_t first = text[0];
    size_t length = first < 0x80                    ? 1
                    : first >= 0xc2 && first < 0xe0 ? 2
                    : (first & 0xf0) == 0xe0        ? 3
                    : first >= 0xf0 && first < 0xf5 ? 4
                                                    : 0;
    if (length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool bad = (first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) || (first == 0xf0 && text[1] < 0x90) ||
               (first == 0xf4 && text[1] > 0x8f);
    return bad ? 0 : length;
}

struct scan { /* how far a record has been looked at */
    size_t at;
    bool quoted, closed, begun; /* within quotes; after the closing one; the cell has characters */
    unsigned lines;
};

static void blame(struct row *row, const char *code)
{
    if (!row->code) {
        row->code = code;
        row->column = row->cells;
    }
}

/* One character; true at the end of the record. */
static bool step(const struct rows *rows, struct scan *scan, struct row *row)
{
    const uint8_t *text = rows->buffer + rows->begin + scan->at;
    size_t left = rows->end - rows->begin - scan->at;
    uint8_t byte = text[0];
    bool lost = row->code && strcmp(row->code, "text") != 0; /* which quotes belong together: a line's end ends it */
    bool quoted = scan->quoted && !lost;
    if (byte == '\n' && !quoted)
        return true;
    scan->lines += byte == '\n';
    size_t length = character(text, left);
    if (length == 0 || (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f)
        blame(row, "text");
    if (byte == '"' && scan->quoted) {
        scan->quoted = false;
        scan->closed = true;
    } else if (byte == '"' && scan->closed) { /* doubled: it was none */
        scan->quoted = true;
        scan->closed = false;
    } else if (byte == '"' && !scan->begun) {
        scan->quoted = scan->begun = true;
    } else if (byte == ',' && !scan->quoted) {
        scan->begun = scan->closed = false;
        row->cells++;
    } else if (!scan->quoted) {
        bool line_end = byte == '\r' && left > 1 && text[1] == '\n';
        if (byte == '"' || (scan->closed && !line_end))
            blame(row, "quote");
        scan->begun = true;
    }
    scan->at += length ? length : 1;
    return false;
}

/* A record that is larger than the buffer: the rest of its line goes unread. */
static kinward_verdict pass_over(struct rows *rows, struct row *row)
{
    blame(row, "size");
    for (;;) {
        uint8_t *found = memchr(rows->buffer + rows->begin, '\n', rows->end - rows->begin);
        rows->begin = found ? (size_t)(found - rows->buffer) + 1 : rows->end;
        if (found)
            break;
        kinward_verdict verdict = fill(rows);
        if (verdict != KINWARD_OK || rows->at_end)
            return verdict;
    }
    rows->line++;
    return KINWARD_OK;
}

static kinward_verdict read_record(struct rows *rows, struct row *row)
{
    struct scan scan = {0};
    *row = (struct row){.line = rows->line, .cells = 1};
    for (;;) {
        /* four bytes ahead, so that neither a character nor a CR LF is torn */
        bool short_of = rows->end - rows->begin - scan.at < 4 && !rows->at_end;
        if (short_of && rows->end - rows->begin == sizeof rows->buffer)
            return pass_over(rows, row);
        if (short_of) {
            kinward_verdict verdict = fill(rows);
            if (verdict != KINWARD_OK)
                return verdict;
            continue;
        }
        if (scan.at == rows->end - rows->begin || step(rows, &scan, row))
            break;
    }
    if (scan.quoted)
        blame(row, "quote");
    bool ended = scan.at < rows->end - rows->begin;
    row->bytes = (struct kinward_view){rows->buffer + rows->begin, scan.at};
    while (row->bytes.size && row->bytes.data[row->bytes.size - 1] == '\r')
        row->bytes.size--;
    rows->begin += scan.at + ended;
    rows->line += scan.lines + ended;
    return KINWARD_OK;
}

kinward_verdict rows_next(struct rows *rows, struct row *ret_row)
{
    for (;;) {
        bool first = rows->offset + rows->begin == 0;
        if (rows->end - rows->begin < 4 && !rows->at_end) {
            kinward_verdict verdict = fill(rows);
            if (verdict != KINWARD_OK)
                return verdict;
        }
        if (first && rows->end >= 3 && !memcmp(rows->buffer, "\xef\xbb\xbf", 3))
            rows->begin = 3;
        if (rows->begin == rows->end && rows->at_end)
            return KINWARD_IDLE;
        if (rows->begin == rows->end)
            continue;
        kinward_verdict verdict = read_record(rows, ret_row);
        ret_row->next = rows->offset + rows->begin;
        if (verdict != KINWARD_OK || ret_row->bytes.size > 0 || ret_row->code)
            return verdict;
    }
}
