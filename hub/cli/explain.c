/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - what kinward normalize --explain and --unmapped print, from what kw_explain found. */
#include <errno.h>
#include <string.h>

#include "cli/normalize.h"
#include "json/json.h"

static struct kw_view text_of(const struct kw_json *object, const char *name)
{
    return kw_json_text_of(kw_json_member(object, name));
}

static int put_input(struct kw_buf *out, const char *before, const struct kw_json *input)
{
    const struct kw_view path = text_of(input, "path"), value = text_of(input, "value");
    return kw_buf_format(out, "%s%.*s = %.*s\n", before, (int)path.size, (const char *)path.data, (int)value.size,
                         (const char *)value.data);
}

static int put_words(struct kw_buf *out, const char *before, const struct kw_json *list, const char *prefix)
{
    int error = 0;
    for (size_t i = 0; i < kw_json_count(list) && error == 0; i++) {
        const struct kw_view word = kw_json_text_of(kw_json_at(list, i));
        error = kw_buf_format(out, "%s%s%.*s\n", before, prefix, (int)word.size, (const char *)word.data);
    }
    return error;
}

static int put_made(struct kw_buf *out, const struct kw_json *field)
{
    const struct kw_view file = text_of(field, "file"), template = text_of(field, "template");
    int64_t line = 0;
    if (kw_json_integer_of(kw_json_member(field, "line"), &line) < 0)
        return 0;
    return kw_buf_format(out, "    by       %.*s:%d, template %.*s\n", (int)file.size, (const char *)file.data, (int)line,
                         (int)template.size, (const char *)template.data);
}

static int put_field(struct kw_buf *out, const struct kw_json *field)
{
    const struct kw_json *from = kw_json_member(field, "from");
    const size_t others = kw_json_count(kw_json_member(field, "dependsOn"));
    int error = put_input(out, "", field);
    if (error == 0 && !kw_json_true(field, "kept"))
        error = kw_buf_text(out, "    the disclosure profile keeps it at home\n");
    for (size_t i = 0; i < kw_json_count(from) && error == 0; i++)
        error = put_input(out, "    from     ", kw_json_at(from, i));
    if (error == 0 && kw_json_count(from) == 0)
        error = kw_buf_text(out, "    from     no value of the document: the stylesheet's own text, or a parameter\n");
    if (error == 0)
        error = put_words(out, "    through  ", kw_json_member(field, "functions"), "kw:");
    if (error == 0)
        error = put_made(out, field);
    if (error == 0 && others > 0)
        error = kw_buf_format(out, "    is there because of %zu more %s (--json names them)\n", others,
                              others == 1 ? "value" : "values");
    return error < 0 ? error : put_words(out, "    warning  ", kw_json_member(field, "warnings"), "");
}

static int put_fields(struct kw_buf *out, const struct kw_json *fields)
{
    int error = 0;
    for (size_t i = 0; i < kw_json_count(fields) && error == 0; i++)
        error = put_field(out, kw_json_at(fields, i));
    return error;
}

static int put_unmapped(struct kw_buf *out, const struct kw_json *answer)
{
    const struct kw_json *unmapped = kw_json_member(answer, "unmapped");
    int64_t values = 0;
    int error = kw_json_integer_of(kw_json_member(answer, "values"), &values);
    if (!unmapped || error < 0)
        return error;
    error = kw_buf_format(out, "%zu of %d values of the document are not used:\n", kw_json_count(unmapped), (int)values);
    for (size_t i = 0; i < kw_json_count(unmapped) && error == 0; i++)
        error = put_input(out, "    ", kw_json_at(unmapped, i));
    return error;
}

static int put_readable(struct kw_buf *out, struct kw_view json)
{
    KW_AUTO(kw_json_freep) struct kw_json *answer = NULL;
    int error = kw_json_parse(json, &answer, NULL);
    if (error == 0)
        error = put_fields(out, kw_json_member(answer, "fields"));
    const struct kw_json *required = kw_json_member(answer, "required");
    if (error == 0 && kw_json_count(required) > 0)
        error = kw_buf_text(out, "the stylesheet refuses the document without these values, or with others:\n");
    if (error == 0)
        error = put_words(out, "    ", required, "");
    return error < 0 ? error : put_unmapped(out, answer);
}

int kw_cli_explanation(const char *path, struct kw_buf *json, bool as_json)
{
    struct kw_buf text = {0};
    int error = as_json ? kw_buf_text(json, "\n") : put_readable(&text, kw_view_of(json));
    if (error == 0 && !kw_print_plain(as_json ? json : &text, as_json))
        error = -EIO;
    kw_buf_clear(&text);
    return error < 0 ? kw_cli_errno(path, error) : KW_EXIT_DONE;
}
