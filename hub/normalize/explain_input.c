/* SPDX-License-Identifier: Apache-2.0 */
/* explain_input.c - the values of a document, and ways to change one of them. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "normalize/explain.h"

struct walk {
    struct kw_inputs *inputs;
    struct kw_buf path; /* of the element at hand */
    struct kw_fault *fault;
    unsigned depth;
    bool rows; /* CSV */
};

static int add(struct walk *walk, const struct kw_xml_element *element, int attribute, struct kw_buf *value)
{
    struct kw_inputs *inputs = walk->inputs;
    if (value->size == 0)
        return 0; /* there is nothing to lose */
    if (inputs->count == KW_LIMIT_EXPLAINED)
        return kw_fail(walk->fault, -E2BIG, KW_E_TOO_LARGE, "", "a document of more than %d values is not explained",
                       KW_LIMIT_EXPLAINED);
    struct kw_input *input = &inputs->all[inputs->count];
    *input = (struct kw_input){.element = (struct kw_xml_element *)(uintptr_t)element, .attribute = attribute};
    int error = kw_buf_append(&input->path, walk->path.data, walk->path.size);
    if (error == 0 && attribute >= 0)
        error = kw_buf_format(&input->path, "/@%s", kw_xml_attribute_name(element, (size_t)attribute));
    input->value = *value;
    *value = (struct kw_buf){0};
    inputs->root = attribute < 0 && walk->depth == 0 ? inputs->count : inputs->root;
    inputs->count++;
    return error;
}

/* JSON by keys and numbers from 0, CSV by row and column, XML by names and, among several of one name, numbers from 1. */
static int enter(struct walk *walk, const struct kw_xml_element *element, const struct kw_xml_element *parent)
{
    struct kw_buf key = {0};
    const char *name = kw_xml_name(element);
    size_t before = 0, all = 0;
    const bool json = walk->inputs->json;
    const char *naming = json ? "key" : strcmp(name, "row") == 0 ? "n" : "name";
    int error = json || walk->rows ? kw_xml_attribute(element, naming, &key) : -ENOENT;
    if (error == 0)
        error = kw_buf_format(&walk->path, "/%.*s", (int)key.size, (const char *)key.data);
    else if (error == -ENOENT) {
        for (const struct kw_xml_element *at = kw_xml_first(parent, json ? NULL : name); at;
             at = kw_xml_next(at, json ? NULL : name)) {
            before = at == element ? all : before;
            all++;
        }
        error = json      ? kw_buf_format(&walk->path, "/%zu", before)
                : all > 1 ? kw_buf_format(&walk->path, "/%s[%zu]", name, before + 1)
                          : kw_buf_format(&walk->path, "/%s", name);
    }
    kw_buf_clear(&key);
    return error;
}

static int visit(struct walk *walk, const struct kw_xml_element *element, bool attributes)
{
    struct kw_buf value = {0};
    int error = 0;
    for (size_t i = 0; attributes && error == 0 && kw_xml_attribute_name(element, i); i++) {
        error = kw_xml_attribute_at(element, i, &value);
        if (error == 0)
            error = add(walk, element, (int)i, &value);
        kw_buf_clear(&value);
    }
    if (error == 0 && !kw_xml_first(element, NULL)) {
        error = kw_xml_text(element, &value);
        if (error == 0)
            error = add(walk, element, -1, &value);
        kw_buf_clear(&value);
    }
    for (const struct kw_xml_element *child = kw_xml_first(element, NULL); child && error == 0; child = kw_xml_next(child, NULL)) {
        const size_t size = walk->path.size;
        error = enter(walk, child, element);
        walk->depth++;
        if (error == 0)
            error = visit(walk, child, attributes);
        walk->depth--;
        walk->path.size = size;
    }
    return error;
}

int kw_inputs_of(struct kw_xml *document, struct kw_inputs *ret_inputs, struct kw_fault *fault)
{
    const struct kw_xml_element *root = kw_xml_root(document);
    struct kw_inputs inputs = {.root = SIZE_MAX, .json = strcmp(kw_xml_space(root), KW_JSON_SPACE) == 0};
    const bool rows = strcmp(kw_xml_name(root), "rows") == 0 && kw_xml_space(root)[0] == 0;
    struct walk walk = {.inputs = &inputs, .fault = fault, .rows = rows};
    inputs.all = kw_alloc(KW_LIMIT_EXPLAINED * sizeof(*inputs.all));
    int error = inputs.all ? 0 : -ENOMEM;
    if (error == 0 && !inputs.json && !rows)
        error = kw_buf_format(&walk.path, "/%s", kw_xml_name(root));
    if (error == 0)
        error = visit(&walk, root, !inputs.json && !rows);
    kw_buf_clear(&walk.path);
    if (error < 0) {
        kw_inputs_clear(&inputs);
        return error == -E2BIG ? error : kw_fail(fault, error, KW_E_MEMORY, "", "out of memory");
    }
    *ret_inputs = inputs;
    return 0;
}

void kw_inputs_clear(struct kw_inputs *inputs)
{
    for (size_t i = 0; inputs->all && i < inputs->count; i++) {
        kw_buf_clear(&inputs->all[i].path);
        kw_buf_clear(&inputs->all[i].value);
    }
    kw_free(inputs->all);
    *inputs = (struct kw_inputs){0};
}

/* ---- changes ---- */

static void shift(uint8_t *sign, int by)
{
    const int first = isdigit(*sign) ? '0' : isupper(*sign) ? 'A' : 'a', count = isdigit(*sign) ? 10 : 26;
    *sign = (uint8_t)(first + (*sign - first + count + by) % count);
}

/* Which sign a way shifts: the last, the first, the tenth (it ends the day of a date with a time), the last digit. */
static size_t sign_of(const struct kw_buf *text, int way)
{
    size_t first = text->size, last = text->size, digit = text->size;
    for (size_t i = text->size; i-- > 0;) {
        if (text->data[i] >= 0x80 || !isalnum(text->data[i]))
            continue;
        first = i;
        last = last == text->size ? i : last;
        digit = digit == text->size && isdigit(text->data[i]) ? i : digit;
    }
    const size_t tenth = text->size > 10 && isdigit(text->data[9]) ? 9 : text->size;
    return way < 2 ? last : way == 2 ? first : way < 5 ? tenth : digit == last ? text->size : digit;
}

static int other_text(struct kw_buf *text, int way)
{
    const size_t sign = sign_of(text, way);
    if (sign == text->size)
        return way == 0 ? kw_buf_text(text, "a") : -ENOENT; /* no sign that could be shifted */
    shift(&text->data[sign], way == 1 || way == 4 || way == 6 ? -1 : 1);
    return 0;
}

static int set(const struct kw_input *input, struct kw_view value)
{
    return input->attribute < 0 ? kw_xml_set_text(input->element, value)
                                : kw_xml_set_attribute_at(input->element, (size_t)input->attribute, value);
}

int kw_input_change(const struct kw_inputs *inputs, size_t number, int way, struct kw_xml_place *ret_place)
{
    const struct kw_input *input = &inputs->all[number];
    const bool boolean = inputs->json && strcmp(kw_xml_name(input->element), "boolean") == 0;
    struct kw_buf text = {0};
    if (way == KW_WAY_GONE) {
        if (input->attribute >= 0 || number == inputs->root)
            return -ENOENT;
        *ret_place = kw_xml_take_out(input->element);
        return 0;
    }
    if (way == KW_WAY_EMPTY)
        return set(input, (struct kw_view){NULL, 0});
    if (boolean)
        return way > 0 ? -ENOENT : set(input, kw_view_text(kw_view_is(kw_view_of(&input->value), "true") ? "false" : "true"));
    int error = kw_buf_append(&text, input->value.data, input->value.size);
    if (error == 0)
        error = other_text(&text, way);
    if (error == 0)
        error = set(input, kw_view_of(&text));
    kw_buf_clear(&text);
    return error;
}

int kw_input_restore(const struct kw_inputs *inputs, size_t number, int way, struct kw_xml_place place)
{
    const struct kw_input *input = &inputs->all[number];
    if (way != KW_WAY_GONE)
        return set(input, kw_view_of(&input->value));
    kw_xml_put_back(input->element, place);
    return 0;
}
