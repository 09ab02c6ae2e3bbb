/* SPDX-License-Identifier: Apache-2.0 */
/* csv.c - RFC 4180 text as rows of named cells. */
#include "normalize/private.h"

#include "base/limits.h"
#include "text/text.h"

#include <errno.h>
#include <string.h>

#define COLUMNS_MOST 512

struct reader {
    struct kw_view text;
    size_t at;
    unsigned line;
    struct kw_buf cells; /* items */
    size_t count;
    struct kw_buf cell;
};

static int fail_at(struct kw_fault *fault, unsigned line, unsigned column, const char *why)
{
    kw_fail(fault, -EBADMSG, KW_E_MAPPING, "", "%s", why);
    if (fault) {
        fault->line = line;
        fault->column = column;
    }
    return -EBADMSG;
}

/* After the opening quote, up to and with the closing one. */
static int read_quoted(struct reader *reader, struct kw_fault *fault)
{
    const unsigned line = reader->line;
    while (reader->at < reader->text.size) {
        const uint8_t c = reader->text.data[reader->at++];
        if (c == '"') {
            if (reader->at >= reader->text.size || reader->text.data[reader->at] != '"')
                return 0;
            reader->at++;
        } else if (c == '\n')
            reader->line++;
        const int error = kw_buf_append(&reader->cell, &c, 1);
        if (error < 0)
            return error;
    }
    return fail_at(fault, line, (unsigned)reader->count + 1, "a quoted cell is not closed");
}

static int read_plain(struct reader *reader, struct kw_fault *fault)
{
    const size_t start = reader->at;
    while (reader->at < reader->text.size &&
           (reader->text.data[reader->at] == 0 || !strchr(",\r\n", reader->text.data[reader->at]))) {
        if (reader->text.data[reader->at] == '"')
            return fail_at(fault, reader->line, (unsigned)reader->count + 1, "a quote inside a cell that does not start with one");
        if (reader->text.data[reader->at] == 0)
            return fail_at(fault, reader->line, (unsigned)reader->count + 1, "a NUL byte");
        reader->at++;
    }
    return kw_buf_append(&reader->cell, reader->text.data + start, reader->at - start);
}

/* One record into cells; *ret_more is false at the end of the text. */
static int read_record(struct reader *reader, bool *ret_more, struct kw_fault *fault)
{
    reader->cells.size = 0;
    reader->count = 0;
    *ret_more = reader->at < reader->text.size;
    while (*ret_more) {
        reader->cell.size = 0;
        const bool quoted = reader->at < reader->text.size && reader->text.data[reader->at] == '"';
        reader->at += quoted;
        int error = quoted ? read_quoted(reader, fault) : read_plain(reader, fault);
        if (error == 0)
            error = kw_put_item(&reader->cells, reader->cell.data ? reader->cell.data : (const uint8_t *)"", reader->cell.size);
        if (error < 0)
            return error;
        if (++reader->count > COLUMNS_MOST)
            return fail_at(fault, reader->line, COLUMNS_MOST, "too many cells");
        const uint8_t c = reader->at < reader->text.size ? reader->text.data[reader->at] : '\n';
        if (c == ',') {
            reader->at++;
            continue;
        }
        if (c == '\r' && (reader->at + 1 >= reader->text.size || reader->text.data[reader->at + 1] != '\n'))
            return fail_at(fault, reader->line, (unsigned)reader->count, "a carriage return without a line feed");
        if (c != '\r' && c != '\n')
            return fail_at(fault, reader->line, (unsigned)reader->count, "text after a closing quote");
        reader->at += c == '\r' ? 2 : 1;
        reader->line++;
        return 0;
    }
    return 0;
}

static bool is_blank(const struct reader *reader)
{
    return reader->count == 1 && reader->cells.size == 4;
}

static int check_names(struct kw_view names, struct kw_fault *fault)
{
    struct kw_view rest = names, name, other;
    for (unsigned column = 1; rest.size > 0; column++) {
        if (kw_take_item(&rest, &name) < 0 || name.size == 0)
            return fail_at(fault, 1, column, "a column without a name");
        for (struct kw_view after = rest; after.size > 0;)
            if (kw_take_item(&after, &other) < 0 || kw_view_equal(name, other))
                return fail_at(fault, 1, column, "two columns of the same name");
    }
    return 0;
}

static int add_cell(struct kw_xml_element *row, struct kw_view name, struct kw_view text)
{
    struct kw_buf normal = {0};
    struct kw_xml_element *cell;
    int error = kw_utf8_check(text, NULL) < 0 ? -EILSEQ : kw_is_nfc(text) ? 0 : kw_to_nfc(text, &normal);
    if (error == 0)
        error = kw_xml_add(row, "cell", normal.size > 0 ? kw_view_of(&normal) : text, &cell);
    if (error == 0)
        error = kw_xml_set(cell, "name", name);
    kw_buf_clear(&normal);
    return error;
}

static int add_row(struct kw_xml_element *rows, unsigned long number, struct kw_view names, struct kw_view cells, unsigned line,
                   struct kw_fault *fault)
{
    char text[24];
    struct kw_xml_element *row;
    struct kw_view name, cell;
    snprintf(text, sizeof(text), "%lu", number);
    int error = kw_xml_add(rows, "row", (struct kw_view){NULL, 0}, &row);
    if (error == 0)
        error = kw_xml_set(row, "n", kw_view_text(text));
    for (unsigned column = 1; error == 0 && names.size > 0; column++) {
        if (kw_take_item(&names, &name) < 0 || kw_take_item(&cells, &cell) < 0)
            return fail_at(fault, line, column, "fewer cells than columns");
        error = add_cell(row, name, cell);
        if (error == -EILSEQ) {
            fail_at(fault, line, column, "not UTF-8, or a character that XML cannot carry");
            if (fault)
                fault->code = KW_E_ENCODING;
            return -EBADMSG;
        }
    }
    if (error == 0 && cells.size > 0)
        return fail_at(fault, line, 0, "more cells than columns");
    return error;
}

static int read_rows(struct reader *reader, unsigned long first_row, struct kw_buf *names, struct kw_xml_element *rows,
                     struct kw_fault *fault)
{
    bool more;
    int error = read_record(reader, &more, fault);
    if (error == 0 && !more)
        return fail_at(fault, 1, 1, "no header");
    if (error == 0)
        error = check_names(kw_view_of(&reader->cells), fault);
    if (error == 0)
        error = kw_buf_append(names, reader->cells.data, reader->cells.size);
    for (unsigned long number = first_row; error == 0;) {
        const unsigned line = reader->line;
        error = read_record(reader, &more, fault);
        if (error < 0 || !more)
            break;
        if (!is_blank(reader))
            error = add_row(rows, number++, kw_view_of(names), kw_view_of(&reader->cells), line, fault);
    }
    return error;
}

int kw_csv_tree(struct kw_view raw, unsigned long first_row, struct kw_xml **ret_document, struct kw_fault *fault)
{
    KW_AUTO(kw_xml_freep) struct kw_xml *document = NULL;
    struct kw_xml_element *rows;
    struct kw_buf names = {0};
    struct reader reader = {.text = raw, .line = 1};
    if (raw.size == 0)
        return kw_fail(fault, -EBADMSG, KW_E_EMPTY, "", "empty");
    if (raw.size > KW_LIMIT_DOCUMENT)
        return kw_fail(fault, -EBADMSG, KW_E_TOO_LARGE, "", "larger than the limit");
    if (raw.size >= 3 && memcmp(raw.data, "\xef\xbb\xbf", 3) == 0)
        reader.at = 3;
    int error = kw_xml_new(NULL, "rows", &document, &rows);
    if (error == 0)
        error = read_rows(&reader, first_row, &names, rows, fault);
    kw_buf_clear(&names);
    kw_buf_clear(&reader.cells);
    kw_buf_clear(&reader.cell);
    if (error == -ENOMEM)
        kw_fail(fault, error, KW_E_MEMORY, "", "out of memory");
    if (error < 0)
        return error;
    *ret_document = document;
    document = NULL;
    return 0;
}
