/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - strict parse through jansson, reading of values. */
#include "json/json.h"

#include "base/limits.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void)
{
    json_set_alloc_funcs(kw_alloc, kw_free);
}

static const json_t *in(const struct kw_json *value)
{
    return (const json_t *)(const void *)value;
}

static struct kw_json *out(json_t *value)
{
    return (struct kw_json *)(void *)value;
}

static int fail_at(struct kw_fault *fault, int error, enum kw_code code, unsigned line, unsigned column, const char *why)
{
    kw_fail(fault, error, code, "", "%s", why);
    if (fault) {
        fault->line = line;
        fault->column = column;
    }
    return error;
}

/* jansson allows 2048 levels, any number of values and NUL at the end; refused here before it builds anything. */
static int check_bounds(struct kw_view text, struct kw_fault *fault)
{
    size_t depth = 0, values = 1, line_start = 0;
    unsigned line = 1;
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"')
            quoted = true;
        else if (c == '[' || c == '{')
            depth++, values++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        else if (c == ',')
            values++;
        else if (c == '\n')
            line++, line_start = i + 1;
        if (c == 0) /* jansson would take it for the end */
            return fail_at(fault, -EBADMSG, KW_E_JSON, line, (unsigned)(i - line_start + 1), "a NUL byte");
        if (depth > KW_LIMIT_DEPTH)
            return fail_at(fault, -EBADMSG, KW_E_TOO_DEEP, line, (unsigned)(i - line_start + 1), "nested too deeply");
        if (values > KW_LIMIT_JSON_VALUES)
            return fail_at(fault, -EBADMSG, KW_E_TOO_LARGE, line, (unsigned)(i - line_start + 1), "too many values");
    }
    return 0;
}

static const char *why(const json_error_t *error)
{
    /* jansson's own text quotes the input; the sentence must not. */
    switch (json_error_code(error)) {
    case json_error_invalid_utf8:
        return "not UTF-8";
    case json_error_premature_end_of_input:
        return "the text ends too early";
    case json_error_end_of_input_expected:
        return "something follows the value";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a text has a NUL character";
    case json_error_duplicate_key:
        return "a member's name occurs twice";
    case json_error_numeric_overflow:
        return "a number is too large";
    default:
        return "not JSON";
    }
}

int kw_json_parse(struct kw_view text, struct kw_json **ret_value, struct kw_fault *fault)
{
    pthread_once(&once, start);
    if (text.size == 0)
        return fail_at(fault, -EBADMSG, KW_E_EMPTY, 0, 0, "empty");
    if (text.size > KW_LIMIT_DOCUMENT)
        return fail_at(fault, -EBADMSG, KW_E_TOO_LARGE, 0, 0, "larger than the limit");
    const int error = check_bounds(text, fault);
    if (error < 0)
        return error;
    json_error_t detail = {0};
    json_t *value = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &detail);
    if (!value) {
        const enum json_error_code code = json_error_code(&detail);
        const unsigned line = detail.line > 0 ? (unsigned)detail.line : 0, column = detail.column > 0 ? (unsigned)detail.column : 0;
        if (code == json_error_out_of_memory)
            return fail_at(fault, -ENOMEM, KW_E_MEMORY, 0, 0, "out of memory");
        return fail_at(fault, -EBADMSG, code == json_error_invalid_utf8 ? KW_E_ENCODING : KW_E_JSON, line, column, why(&detail));
    }
    *ret_value = out(value);
    return 0;
}

int kw_json_parse_header(struct kw_view text, struct kw_json **ret_value, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *value = NULL;
    int error = kw_json_parse(text, &value, fault);
    if (error == 0 && !json_is_object(in(value)))
        error = fail_at(fault, -EBADMSG, KW_E_JSON, 0, 0, "not an object");
    if (error == -EBADMSG && fault) {
        fault->code = KW_E_HEADER;
        snprintf(fault->place, sizeof fault->place, "header");
    }
    if (error < 0)
        return error;
    *ret_value = value;
    value = NULL;
    return 0;
}

void kw_json_free(struct kw_json *value)
{
    if (value)
        json_decref((json_t *)(void *)value);
}

void kw_json_freep(struct kw_json **value)
{
    kw_json_free(*value);
    *value = NULL;
}

/* ---- reading ---- */

enum kw_json_type kw_json_type(const struct kw_json *value)
{
    switch (json_typeof(in(value))) {
    case JSON_OBJECT:
        return KW_JSON_OBJECT;
    case JSON_ARRAY:
        return KW_JSON_ARRAY;
    case JSON_STRING:
        return KW_JSON_TEXT;
    case JSON_INTEGER:
        return KW_JSON_INTEGER;
    case JSON_REAL:
        return KW_JSON_REAL;
    case JSON_TRUE:
        return KW_JSON_TRUE;
    case JSON_FALSE:
        return KW_JSON_FALSE;
    case JSON_NULL:
        break;
    }
    return KW_JSON_NULL;
}

struct kw_json *kw_json_member(const struct kw_json *object, const char *name)
{
    return object ? out(json_object_get(in(object), name)) : NULL;
}

size_t kw_json_count(const struct kw_json *value)
{
    if (!value)
        return 0;
    return json_is_array(in(value)) ? json_array_size(in(value)) : json_object_size(in(value));
}

struct kw_json *kw_json_at(const struct kw_json *array, size_t index)
{
    return array ? out(json_array_get(in(array), index)) : NULL;
}

int kw_json_each(const struct kw_json *object, int (*visit)(void *context, const char *name, struct kw_json *value), void *context)
{
    /* The iterator takes a non-const object but does not change it. */
    json_t *members = (json_t *)(uintptr_t)in(object);
    for (void *at = json_object_iter(members); at; at = json_object_iter_next(members, at)) {
        const int answer = visit(context, json_object_iter_key(at), out(json_object_iter_value(at)));
        if (answer != 0)
            return answer;
    }
    return 0;
}

struct kw_view kw_json_text_of(const struct kw_json *value)
{
    if (!value || !json_is_string(in(value)))
        return (struct kw_view){NULL, 0};
    return (struct kw_view){(const uint8_t *)json_string_value(in(value)), json_string_length(in(value))};
}

int kw_json_integer_of(const struct kw_json *value, int64_t *ret_value)
{
    if (!value || !json_is_integer(in(value)))
        return -EBADMSG;
    *ret_value = json_integer_value(in(value));
    return 0;
}

int kw_json_number_text(const struct kw_json *value, struct kw_buf *ret_text)
{
    if (json_is_integer(in(value)))
        return kw_buf_format(ret_text, "%lld", (long long)json_integer_value(in(value)));
    if (!json_is_real(in(value)))
        return -EBADMSG;
    char text[64];
    const double number = json_real_value(in(value));
    /* The shortest decimal that reads back as the same number. */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    return kw_buf_text(ret_text, text);
}

int kw_json_get_text(const struct kw_json *object, const char *name, size_t limit, struct kw_view *ret_text, struct kw_fault *fault)
{
    const json_t *value = in(kw_json_member(object, name));
    if (!value)
        return kw_fail(fault, -EBADMSG, KW_E_JSON, name, "missing");
    if (!json_is_string(value))
        return kw_fail(fault, -EBADMSG, KW_E_JSON, name, "not a text");
    if (json_string_length(value) > limit)
        return kw_fail(fault, -EBADMSG, KW_E_JSON, name, "longer than %zu bytes", limit);
    *ret_text = (struct kw_view){(const uint8_t *)json_string_value(value), json_string_length(value)};
    return 0;
}

int kw_json_get_integer(const struct kw_json *object, const char *name, int64_t low, int64_t high, int64_t *ret_value,
                        struct kw_fault *fault)
{
    const json_t *value = in(kw_json_member(object, name));
    if (!value)
        return kw_fail(fault, -EBADMSG, KW_E_JSON, name, "missing");
    if (!json_is_integer(value))
        return kw_fail(fault, -EBADMSG, KW_E_JSON, name, "not a whole number");
    const int64_t number = json_integer_value(value);
    if (number < low || number > high)
        return kw_fail(fault, -EBADMSG, KW_E_JSON, name, "not between %lld and %lld", (long long)low, (long long)high);
    *ret_value = number;
    return 0;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 §4, strict: padding in place, unused bits zero. */
static bool base64_read(struct kw_view text, uint8_t *bytes, size_t size)
{
    const size_t pad = (3 - size % 3) % 3;
    if (text.size != (size + 2) / 3 * 4)
        return false;
    uint32_t bits = 0;
    size_t at = 0;
    for (size_t i = 0; i < text.size; i++) {
        const bool padding = i >= text.size - pad;
        const int digit = padding ? 0 : base64_digit(text.data[i]);
        if (digit < 0 || (padding && text.data[i] != '='))
            return false;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 3)
            continue;
        for (int shift = 16; shift >= 0; shift -= 8) {
            const uint8_t byte = (uint8_t)(bits >> shift);
            if (at < size)
                bytes[at++] = byte;
            else if (byte != 0)
                return false;
        }
        bits = 0;
    }
    return true;
}

int kw_json_get_base64(const struct kw_json *object, const char *name, void *ret_bytes, size_t size, struct kw_fault *fault)
{
    struct kw_view text;
    const int error = kw_json_get_text(object, name, (size + 2) / 3 * 4, &text, fault);
    if (error < 0)
        return error;
    uint8_t *bytes = kw_alloc(size + 1);
    if (!bytes)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, name, "out of memory");
    const bool right = base64_read(text, bytes, size);
    if (right)
        memcpy(ret_bytes, bytes, size);
    kw_free(bytes);
    return right ? 0 : kw_fail(fault, -EBADMSG, KW_E_JSON, name, "not %zu bytes in base64", size);
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int kw_json_get_hex(const struct kw_json *object, const char *name, void *ret_bytes, size_t size, struct kw_fault *fault)
{
    struct kw_view text;
    const int error = kw_json_get_text(object, name, 2 * size, &text, fault);
    if (error < 0)
        return error;
    bool right = text.size == 2 * size;
    for (size_t i = 0; right && i < text.size; i++)
        right = hex_digit(text.data[i]) >= 0;
    if (!right)
        return kw_fail(fault, -EBADMSG, KW_E_JSON, name, "not %zu bytes in lower-case hex", size);
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)ret_bytes)[i] = (uint8_t)(hex_digit(text.data[2 * i]) << 4 | hex_digit(text.data[2 * i + 1]));
    return 0;
}

int kw_json_get_boolean(const struct kw_json *object, const char *name, bool *ret_value, struct kw_fault *fault)
{
    const struct kw_json *value = kw_json_member(object, name);
    if (value && !json_is_boolean(in(value)))
        return kw_fail(fault, -EBADMSG, KW_E_JSON, name, "neither true nor false");
    *ret_value = value && json_is_true(in(value));
    return 0;
}

bool kw_json_true(const struct kw_json *object, const char *name)
{
    const struct kw_json *value = kw_json_member(object, name);
    return value && json_is_true(in(value));
}

static int append(const char *text, size_t size, void *context)
{
    return kw_buf_append(context, text, size) < 0 ? -1 : 0;
}

int kw_json_print(const struct kw_json *value, struct kw_buf *ret_text)
{
    struct kw_buf text = {0};
    int error = json_dump_callback(in(value), append, &text, JSON_COMPACT | JSON_ENCODE_ANY) == 0 ? 0 : -ENOMEM;
    if (error == 0)
        error = kw_buf_append(ret_text, text.data, text.size);
    kw_buf_clear(&text);
    return error;
}
