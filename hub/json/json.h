/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - strict JSON (RFC 8259): duplicates, NUL, bad UTF-8, depth and size beyond limits are refused.
 * The only room that calls jansson. */
#ifndef KINWARD_JSON_H
#define KINWARD_JSON_H

#include "base/base.h"

struct kw_json; /* a reference to a value; object, array, text, number, true, false, null */

/* Parses one value that fills the text. Fault has line and column, never content. */
KW_CHECKED int kw_json_parse(struct kw_view text, struct kw_json **ret_value, struct kw_fault *fault);
/* The header of a message: an object; whatever is wrong with it is KW_E_HEADER. */
KW_CHECKED int kw_json_parse_header(struct kw_view text, struct kw_json **ret_value, struct kw_fault *fault);
void kw_json_free(struct kw_json *value); /* drops this reference */
void kw_json_freep(struct kw_json **value);

/* ---- reading: borrowed values, alive as long as their root -------------- */

enum kw_json_type {
    KW_JSON_NULL,
    KW_JSON_FALSE,
    KW_JSON_TRUE,
    KW_JSON_INTEGER,
    KW_JSON_REAL,
    KW_JSON_TEXT,
    KW_JSON_ARRAY,
    KW_JSON_OBJECT
};
enum kw_json_type kw_json_type(const struct kw_json *value);
struct kw_json *kw_json_member(const struct kw_json *object, const char *name); /* NULL when absent or not an object */
size_t kw_json_count(const struct kw_json *value);                              /* of an array or object */
struct kw_json *kw_json_at(const struct kw_json *array, size_t index);
/* Visits the members of an object in the order of the text. A non-zero answer stops and is returned. */
int kw_json_each(const struct kw_json *object, int (*visit)(void *context, const char *name, struct kw_json *value), void *context);
struct kw_view kw_json_text_of(const struct kw_json *value);                              /* empty unless a text */
KW_CHECKED int kw_json_integer_of(const struct kw_json *value, int64_t *ret_value);       /* -EBADMSG unless a whole number */
KW_CHECKED int kw_json_number_text(const struct kw_json *value, struct kw_buf *ret_text); /* shortest decimal; appends */

/* Required members with type and range; -EBADMSG and fault KW_E_JSON naming the member. */
KW_CHECKED int kw_json_get_text(const struct kw_json *object, const char *name, size_t limit, struct kw_view *ret_text,
                                struct kw_fault *fault);
KW_CHECKED int kw_json_get_integer(const struct kw_json *object, const char *name, int64_t low, int64_t high, int64_t *ret_value,
                                   struct kw_fault *fault);
KW_CHECKED int kw_json_get_base64(const struct kw_json *object, const char *name, void *ret_bytes, size_t size,
                                  struct kw_fault *fault);
KW_CHECKED int kw_json_get_hex(const struct kw_json *object, const char *name, void *ret_bytes, size_t size,
                               struct kw_fault *fault);
/* An optional member: false when absent, -EBADMSG when it is no boolean. */
KW_CHECKED int kw_json_get_boolean(const struct kw_json *object, const char *name, bool *ret_value, struct kw_fault *fault);
bool kw_json_true(const struct kw_json *object, const char *name); /* false when absent */

/* ---- writing: a stream writer, compact, in the order of the calls -------- */

/* Zero-initialise, with out set. Errors stick: check once with kw_json_end. name is NULL inside an array. */
struct kw_json_out {
    struct kw_buf *out;
    int error;
    unsigned depth;
    bool comma;
};
void kw_json_object(struct kw_json_out *json, const char *name);
void kw_json_array(struct kw_json_out *json, const char *name);
void kw_json_close(struct kw_json_out *json, char bracket); /* '}' or ']' */
void kw_json_text(struct kw_json_out *json, const char *name, struct kw_view text);
void kw_json_string(struct kw_json_out *json, const char *name, const char *text);
void kw_json_integer(struct kw_json_out *json, const char *name, int64_t value);
void kw_json_boolean(struct kw_json_out *json, const char *name, bool value);
void kw_json_null(struct kw_json_out *json, const char *name);
void kw_json_value(struct kw_json_out *json, const char *name, const struct kw_json *value); /* a parsed value as it is */
void kw_json_base64(struct kw_json_out *json, const char *name, const void *bytes, size_t size);
void kw_json_hex(struct kw_json_out *json, const char *name, const void *bytes, size_t size);
KW_CHECKED int kw_json_end(struct kw_json_out *json); /* 0, or the first error */

/* The whole value, compact, appended to out. */
KW_CHECKED int kw_json_print(const struct kw_json *value, struct kw_buf *out);

#endif
