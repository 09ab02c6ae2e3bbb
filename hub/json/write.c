/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - JSON as a stream, in the order of the calls. */
#include "json/json.h"

#include "base/limits.h"

#include <errno.h>
#include <string.h>

static void put(struct kw_json_out *json, const char *text, size_t size)
{
    if (json->error == 0)
        json->error = kw_buf_append(json->out, text, size);
}

/* Length of the well-formed UTF-8 sequence at text (RFC 3629), 0 when there is none. */
static size_t sequence(struct kw_view text)
{
    const uint8_t *c = text.data;
    if (c[0] < 0x80)
        return 1;
    const size_t size = c[0] >= 0xc2 && c[0] <= 0xdf ? 2 : (c[0] & 0xf0) == 0xe0 ? 3 : c[0] >= 0xf0 && c[0] <= 0xf4 ? 4 : 0;
    if (size == 0 || size > text.size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    const bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    const bool outside = (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf4 && c[1] > 0x8f); /* surrogates; beyond U+10FFFF */
    return overlong || outside ? 0 : size;
}

static void put_escape(struct kw_json_out *json, uint8_t c)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char text[8];
    for (size_t i = 0; i + 1 < sizeof(letters); i += 2) {
        if (letters[i] == (char)c) {
            put(json, (const char[]){'\\', letters[i + 1]}, 2);
            return;
        }
    }
    snprintf(text, sizeof(text), "\\u%04x", c);
    put(json, text, 6);
}

static void put_text(struct kw_json_out *json, struct kw_view text)
{
    size_t plain = 0; /* start of the bytes that need no escape */
    put(json, "\"", 1);
    for (size_t i = 0; i < text.size && json->error == 0;) {
        const uint8_t c = text.data[i];
        const size_t size = sequence((struct kw_view){text.data + i, text.size - i});
        if (size == 0) {
            json->error = -EILSEQ;
            return;
        }
        if (c < 0x20 || c == '"' || c == '\\') {
            put(json, (const char *)text.data + plain, i - plain);
            put_escape(json, c);
            plain = i + 1;
        }
        i += size;
    }
    if (text.size > plain)
        put(json, (const char *)text.data + plain, text.size - plain);
    put(json, "\"", 1);
}

static void lead(struct kw_json_out *json, const char *name)
{
    if (json->comma)
        put(json, ",", 1);
    json->comma = true;
    if (name) {
        put_text(json, kw_view_text(name));
        put(json, ":", 1);
    }
}

static void open_with(struct kw_json_out *json, const char *name, const char *bracket)
{
    lead(json, name);
    put(json, bracket, 1);
    json->comma = false;
    if (++json->depth > KW_LIMIT_DEPTH && json->error == 0)
        json->error = -E2BIG;
}

void kw_json_object(struct kw_json_out *json, const char *name)
{
    open_with(json, name, "{");
}

void kw_json_array(struct kw_json_out *json, const char *name)
{
    open_with(json, name, "[");
}

void kw_json_close(struct kw_json_out *json, char bracket)
{
    if (json->depth == 0 && json->error == 0)
        json->error = -EINVAL;
    put(json, &bracket, 1);
    json->depth--;
    json->comma = true;
}

void kw_json_text(struct kw_json_out *json, const char *name, struct kw_view text)
{
    lead(json, name);
    put_text(json, text);
}

void kw_json_string(struct kw_json_out *json, const char *name, const char *text)
{
    kw_json_text(json, name, kw_view_text(text));
}

void kw_json_integer(struct kw_json_out *json, const char *name, int64_t value)
{
    char text[24];
    lead(json, name);
    put(json, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)value));
}

void kw_json_boolean(struct kw_json_out *json, const char *name, bool value)
{
    lead(json, name);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

void kw_json_null(struct kw_json_out *json, const char *name)
{
    lead(json, name);
    put(json, "null", 4);
}

void kw_json_value(struct kw_json_out *json, const char *name, const struct kw_json *value)
{
    lead(json, name);
    if (!json->error)
        json->error = kw_json_print(value, json->out);
}

void kw_json_base64(struct kw_json_out *json, const char *name, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *in = bytes;
    lead(json, name);
    put(json, "\"", 1);
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t bits = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
        put(json,
            (const char[]){digits[bits >> 18], digits[bits >> 12 & 63], left > 1 ? digits[bits >> 6 & 63] : '=',
                           left > 2 ? digits[bits & 63] : '='},
            4);
    }
    put(json, "\"", 1);
}

void kw_json_hex(struct kw_json_out *json, const char *name, const void *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    lead(json, name);
    put(json, "\"", 1);
    for (size_t i = 0; i < size; i++)
        put(json, (const char[]){digits[in[i] >> 4], digits[in[i] & 15]}, 2);
    put(json, "\"", 1);
}

int kw_json_end(struct kw_json_out *json)
{
    if (json->error == 0 && json->depth != 0)
        json->error = -EINVAL;
    return json->error;
}
