/* SPDX-License-Identifier: Apache-2.0 */
/* functions.c - the host functions that stylesheets call, namespace urn:kinward:mapping:1 (connectors/MAPPING.md). */
#include "normalize/private.h"

#include "text/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void kw_warn(struct kw_calls *calls, const char *code, struct kw_view place)
{
    char text[128];
    struct kw_normalized *normalized = calls->normalized;
    struct kw_view rest = kw_view_of(&normalized->warnings), listed;
    size_t count = 0;
    snprintf(text, sizeof(text), "%s %.*s", code, (int)(place.size < 64 ? place.size : 64),
             place.data ? (const char *)place.data : "");
    normalized->warning_count++;
    if (calls->recent && kw_put_item(calls->recent, text, strlen(text)) < 0)
        calls->error = -ENOMEM;
    for (; rest.size > 0 && kw_take_item(&rest, &listed) == 0; count++)
        if (kw_view_is(listed, text))
            return;
    if (count < KW_WARNINGS_LISTED && kw_put_item(&normalized->warnings, text, strlen(text)) < 0)
        calls->error = -ENOMEM;
}

/* kw:text(value): one line, NFC, blanks joined and trimmed. */
static int call_text(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    return kw_text_clean(arguments[0], false, ret_answer);
}

/* kw:name(value): as kw:text; nothing for what only says that there is no name. */
static int call_name(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    const int error = kw_text_clean(arguments[0], false, ret_answer);
    bool letter = false;
    for (size_t i = 0; i < ret_answer->size; i++)
        letter = letter || ret_answer->data[i] >= 0x80 || isalnum(ret_answer->data[i]);
    if (error == 0 && !letter)
        ret_answer->size = 0;
    if (ret_answer->data)
        ret_answer->data[ret_answer->size] = 0;
    return error;
}

/* kw:script(value): ISO 15924 code. */
static int call_script(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    char code[5];
    kw_script_of(arguments[0], code);
    return kw_buf_text(ret_answer, code);
}

static int call_upper(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    return kw_text_case(arguments[0], true, ret_answer);
}

static int call_lower(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    return kw_text_case(arguments[0], false, ret_answer);
}

/* kw:id(part, …): 32 hex digits, the same for the same parts. */
static int call_id(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    struct kw_buf parts = {0};
    uint8_t digest[KW_HASH_SIZE];
    char text[33];
    int error = 0;
    for (int i = 0; i < count && error == 0; i++)
        error = kw_put_item(&parts, arguments[i].data, arguments[i].size);
    kw_sha256_of(parts.data, parts.size, digest);
    kw_buf_clear(&parts);
    kw_hex(text, digest, 16);
    return error < 0 ? error : kw_buf_text(ret_answer, text);
}

static int find_code(struct kw_calls *calls, struct kw_view list, struct kw_view value, const char **ret_code)
{
    const int error = kw_codes_find(calls->codes, list, value, ret_code);
    if (error == 0 && !*ret_code) {
        kw_warn(calls, "unknown-code", list);
        *ret_code = "unknown";
    }
    return error;
}

/* kw:code(list, value): the code; "unknown" and a warning when the list has none for it; nothing for an empty value. */
static int call_code(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    struct kw_buf value = {0};
    const char *code = "";
    int error = kw_text_clean(arguments[1], false, &value);
    if (error == 0 && value.size > 0)
        error = find_code(context, arguments[0], kw_view_of(&value), &code);
    kw_buf_clear(&value);
    return error < 0 ? error : kw_buf_text(ret_answer, code);
}

static bool is_name(struct kw_view text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!isalpha(text.data[i]))
            return false;
    return text.size > 0;
}

static int put_coded(struct kw_buf *out, struct kw_view element, const char *code, struct kw_view value, struct kw_view system)
{
    int error = kw_buf_format(out, "<%.*s xmlns=\"" KW_RECORD_SPACE "\"", (int)element.size, (const char *)element.data);
    if (error == 0 && !kw_view_is(value, code)) {
        error = kw_buf_text(out, " original=\"");
        if (error == 0)
            error = kw_xml_escape(out, value, true);
        if (error == 0)
            error = kw_buf_text(out, "\"");
        if (error == 0 && system.size > 0 && (error = kw_buf_text(out, " originalSystem=\"")) == 0 &&
            (error = kw_xml_escape(out, system, true)) == 0)
            error = kw_buf_text(out, "\"");
    }
    return error < 0 ? error : kw_buf_format(out, ">%s</%.*s>", code, (int)element.size, (const char *)element.data);
}

/* kw:coded(element, list, value[, system]): <element original="value" originalSystem="system">code</element>, the attributes
 * where the value is not the code itself; nothing for an empty value. */
static int call_coded(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    struct kw_buf value = {0};
    const char *code = NULL;
    *ret_fragment = true;
    int error = is_name(arguments[0]) ? kw_text_clean(arguments[2], false, &value) : -EINVAL;
    if (error == 0 && value.size > 0)
        error = find_code(context, arguments[1], kw_view_of(&value), &code);
    if (error == 0 && code)
        error = put_coded(ret_answer, arguments[0], code, kw_view_of(&value), count > 3 ? arguments[3] : (struct kw_view){NULL, 0});
    kw_buf_clear(&value);
    return error;
}

/* kw:date(value[, hint]): the children of a date element. */
static int call_date(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    const char *warning;
    *ret_fragment = true;
    const int error = kw_date_read(arguments[0], count > 1 ? arguments[1] : (struct kw_view){NULL, 0}, ret_answer, &warning);
    if (error == 0 && warning)
        kw_warn(context, warning, kw_view_text("date"));
    return error;
}

/* kw:age(number, unit[, at]): the children of a date of birth that is known by an age only. */
static int call_age(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    const char *warning;
    *ret_fragment = true;
    const int error =
        kw_date_from_age(arguments[0], arguments[1], count > 2 ? arguments[2] : (struct kw_view){NULL, 0}, ret_answer, &warning);
    if (error == 0 && warning)
        kw_warn(context, warning, kw_view_text("age"));
    return error;
}

/* kw:days(from, until): whole days between two days; nothing unless both are days in that order. */
static int call_days(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    struct kw_date_range from, until;
    if (kw_date_parse(arguments[0], &from) < 0 || kw_date_parse(arguments[1], &until) < 0 || from.first != from.last ||
        until.first != until.last || until.first < from.first)
        return 0;
    return kw_buf_format(ret_answer, "%d", (int)(until.first - from.first));
}

/* kw:instant(value): RFC 3339 in UTC; value is RFC 3339 with any offset, or milliseconds since 1970. */
static int call_instant(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    char text[KW_TIME_SIZE], digits[24];
    struct kw_buf value = {0};
    int64_t instant = 0;
    int error = kw_text_clean(arguments[0], false, &value);
    if (error == 0 && value.size > 0) {
        snprintf(digits, sizeof(digits), "%.*s", (int)(value.size < 16 ? value.size : 16), (const char *)value.data);
        bool read = kw_time_parse(kw_view_of(&value), &instant) == 0;
        if (!read && strlen(digits) >= 11 && strlen(digits) <= 14 && strspn(digits, "0123456789") == value.size) {
            instant = strtoll(digits, NULL, 10);
            read = true;
        }
        if (read) {
            kw_time_format(instant, text);
            error = kw_buf_text(ret_answer, text);
        } else
            kw_warn(context, "instant-not-read", kw_view_text("instant"));
    }
    kw_buf_clear(&value);
    return error;
}

/* kw:mrz(lines[, day]): what a machine-readable zone says. */
static int call_mrz(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    const char *warning;
    *ret_fragment = true;
    const int error = kw_mrz_read(arguments[0], count > 1 ? arguments[1] : (struct kw_view){NULL, 0}, ret_answer, &warning);
    if (error == 0 && warning)
        kw_warn(context, warning, kw_view_text("mrz"));
    return error;
}

/* kw:check-digit(scheme, value): "true" or "false"; nothing for an empty value. */
static int call_check_digit(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer,
                            bool *ret_fragment)
{
    struct kw_buf value = {0};
    bool holds;
    int error = kw_text_clean(arguments[1], true, &value);
    if (error == 0)
        error = kw_check_digit(arguments[0], kw_view_of(&value), &holds);
    if (error == 0 && value.size > 0)
        error = kw_buf_text(ret_answer, holds ? "true" : "false");
    kw_buf_clear(&value);
    return error;
}

/* kw:scripts(value): an <item script="…"> for each stretch of one writing. */
static int call_scripts(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    struct kw_buf value = {0};
    struct kw_view part;
    char script[5];
    *ret_fragment = true;
    int error = kw_text_clean(arguments[0], false, &value);
    struct kw_view rest = kw_view_of(&value);
    while (error == 0 && kw_script_take(&rest, &part, script)) {
        error = kw_buf_format(ret_answer, "<item script=\"%s\">", script);
        if (error == 0)
            error = kw_xml_escape(ret_answer, part, false);
        if (error == 0)
            error = kw_buf_text(ret_answer, "</item>");
    }
    kw_buf_clear(&value);
    return error;
}

/* kw:split(value, separator): one <item> for each part that is not blank. */
static int call_split(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    *ret_fragment = true;
    const uint8_t separator = arguments[1].size == 1 ? arguments[1].data[0] : 0;
    if (separator == 0 || separator >= 0x80)
        return -EINVAL;
    struct kw_buf part = {0};
    int error = 0;
    for (size_t at = 0; at <= arguments[0].size && error == 0;) {
        size_t end = at;
        while (end < arguments[0].size && arguments[0].data[end] != separator)
            end++;
        part.size = 0;
        error = kw_text_clean((struct kw_view){arguments[0].data + at, end - at}, false, &part);
        if (error == 0 && part.size > 0 && (error = kw_buf_text(ret_answer, "<item>")) == 0 &&
            (error = kw_xml_escape(ret_answer, kw_view_of(&part), false)) == 0)
            error = kw_buf_text(ret_answer, "</item>");
        at = end + 1;
    }
    kw_buf_clear(&part);
    return error;
}

/* kw:json(text): the tree of a document that stands as a text inside another; nothing and a warning where it is no JSON. */
static int call_json(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    KW_AUTO(kw_xml_freep) struct kw_xml *document = NULL;
    struct kw_fault fault = {0};
    *ret_fragment = true;
    int error = kw_json_tree(arguments[0], &document, &fault);
    if (error == 0)
        return kw_xml_canonical(document, ret_answer);
    if (error == -EBADMSG)
        kw_warn(context, "json-not-read", kw_view_text("json"));
    return error == -EBADMSG ? 0 : error;
}

/* kw:warn(code, place): a warning of the stylesheet's own. Never a value of the document. */
static int call_warn(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    char code[64];
    snprintf(code, sizeof(code), "%.*s", (int)(arguments[0].size < 60 ? arguments[0].size : 60),
             arguments[0].data ? (const char *)arguments[0].data : "");
    kw_warn(context, code, arguments[1]);
    return 0;
}

const struct kw_host_function kw_functions[] = {
    {"age", 2, 3, call_age},       {"check-digit", 2, 2, call_check_digit},
    {"code", 2, 2, call_code},     {"coded", 3, 4, call_coded},
    {"date", 1, 2, call_date},     {"days", 2, 2, call_days},
    {"id", 1, 8, call_id},         {"instant", 1, 1, call_instant},
    {"json", 1, 1, call_json},     {"lower", 1, 1, call_lower},
    {"mrz", 1, 2, call_mrz},       {"name", 1, 1, call_name},
    {"script", 1, 1, call_script}, {"scripts", 1, 1, call_scripts},
    {"split", 2, 2, call_split},   {"text", 1, 1, call_text},
    {"upper", 1, 1, call_upper},   {"warn", 2, 2, call_warn},
};
const size_t kw_function_count = KW_COUNT(kw_functions);
