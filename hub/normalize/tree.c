/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c - JSON as XML: the vocabulary of W3C XPath and XQuery Functions 3.1, §17.4.2. */
#include "normalize/private.h"

#include "base/limits.h"
#include "json/json.h"
#include "text/text.h"

#include <errno.h>
#include <string.h>

struct walk {
    struct kw_fault *fault;
    struct kw_xml_element *parent;
    char path[112]; /* names and numbers from the root; cut where too long */
    size_t size;
    struct kw_buf scratch;
};

static int add_value(struct walk *walk, const char *key, const struct kw_json *value);

static int add(struct walk *walk, const char *kind, const char *key, struct kw_view text, struct kw_xml_element **ret_element)
{
    struct kw_xml_element *element;
    int error = kw_xml_add(walk->parent, kind, text, &element);
    if (error == 0 && key) {
        walk->scratch.size = 0;
        error = kw_to_nfc(kw_view_text(key), &walk->scratch);
        if (error == 0)
            error = kw_xml_set(element, "key", kw_view_of(&walk->scratch));
    }
    if (error == 0 && ret_element)
        *ret_element = element;
    return error;
}

static void enter(struct walk *walk, const char *name)
{
    const int size = snprintf(walk->path + walk->size, sizeof(walk->path) - walk->size, "/%s", name);
    walk->size += size > 0 ? (size_t)size : 0;
    if (walk->size < sizeof(walk->path))
        return;
    walk->size = sizeof(walk->path) - 1;
    while (walk->size > 0 && (walk->path[walk->size - 1] & 0x80)) /* no half character at the cut */
        walk->path[--walk->size] = 0;
}

static int add_member(void *context, const char *name, struct kw_json *value)
{
    struct walk *walk = context;
    const size_t size = walk->size;
    enter(walk, name);
    const int error = add_value(walk, name, value);
    if (error == 0) {
        walk->size = size;
        walk->path[size] = 0;
    }
    return error;
}

static int add_items(struct walk *walk, const struct kw_json *array)
{
    const size_t size = walk->size;
    int error = 0;
    for (size_t i = 0; error == 0 && i < kw_json_count(array); i++) {
        char number[24];
        snprintf(number, sizeof(number), "%zu", i);
        enter(walk, number);
        error = add_value(walk, NULL, kw_json_at(array, i));
        if (error == 0) {
            walk->size = size;
            walk->path[size] = 0;
        }
    }
    return error;
}

static int add_group(struct walk *walk, const char *kind, const char *key, const struct kw_json *value)
{
    struct kw_xml_element *above = walk->parent, *element;
    int error = add(walk, kind, key, (struct kw_view){NULL, 0}, &element);
    if (error < 0)
        return error;
    walk->parent = element;
    error = kind[0] == 'm' ? kw_json_each(value, add_member, walk) : add_items(walk, value);
    walk->parent = above;
    return error;
}

static int add_text(struct walk *walk, const char *key, const struct kw_json *value)
{
    struct kw_buf text = {0};
    const struct kw_view raw = kw_json_text_of(value);
    int error = kw_is_nfc(raw) ? 0 : kw_to_nfc(raw, &text);
    if (error == 0)
        error = add(walk, "string", key, text.size > 0 ? kw_view_of(&text) : raw, NULL);
    kw_buf_clear(&text);
    return error;
}

static int add_number(struct walk *walk, const char *key, const struct kw_json *value)
{
    struct kw_buf text = {0};
    int error = kw_json_number_text(value, &text);
    if (error == 0)
        error = add(walk, "number", key, kw_view_of(&text), NULL);
    kw_buf_clear(&text);
    return error;
}

static int add_value(struct walk *walk, const char *key, const struct kw_json *value)
{
    switch (kw_json_type(value)) {
    case KW_JSON_OBJECT:
        return add_group(walk, "map", key, value);
    case KW_JSON_ARRAY:
        return add_group(walk, "array", key, value);
    case KW_JSON_TEXT:
        return add_text(walk, key, value);
    case KW_JSON_INTEGER:
    case KW_JSON_REAL:
        return add_number(walk, key, value);
    case KW_JSON_TRUE:
        return add(walk, "boolean", key, kw_view_text("true"), NULL);
    case KW_JSON_FALSE:
        return add(walk, "boolean", key, kw_view_text("false"), NULL);
    case KW_JSON_NULL:
        break;
    }
    return add(walk, "null", key, (struct kw_view){NULL, 0}, NULL);
}

int kw_json_tree(struct kw_view raw, struct kw_xml **ret_document, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *value = NULL;
    KW_AUTO(kw_xml_freep) struct kw_xml *document = NULL;
    struct walk walk = {.fault = fault};
    int error = kw_json_parse(raw, &value, fault);
    if (error < 0)
        return error;
    const enum kw_json_type type = kw_json_type(value);
    if (type != KW_JSON_OBJECT && type != KW_JSON_ARRAY)
        return kw_fail(fault, -EBADMSG, KW_E_JSON, "", "neither an object nor an array");
    error = kw_xml_new(KW_JSON_SPACE, type == KW_JSON_OBJECT ? "map" : "array", &document, &walk.parent);
    if (error == 0)
        error = type == KW_JSON_OBJECT ? kw_json_each(value, add_member, &walk) : add_items(&walk, value);
    kw_buf_clear(&walk.scratch);
    if (error == -EILSEQ)
        return kw_fail(fault, -EBADMSG, KW_E_ENCODING, walk.path, "a text with a character that XML cannot carry");
    if (error < 0)
        return kw_fail(fault, error, KW_E_MEMORY, "", "out of memory");
    *ret_document = document;
    document = NULL;
    return 0;
}
