/* SPDX-License-Identifier: Apache-2.0 */
/* explain_fields.c - the fields of a stylesheet's result, and what became of them in another one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "normalize/explain.h"

#define FIELDS_MOST 4096
#define DEPTH_MOST  32

struct walk {
    struct kw_fields *fields;
    const struct kw_profile *profile;
    struct kw_buf path;    /* with numbers */
    struct kw_buf allowed; /* below the record, without */
};

static int add(struct walk *walk, const struct kw_xml_element *element, const char *attribute)
{
    struct kw_fields *fields = walk->fields;
    if (fields->count == FIELDS_MOST)
        return -E2BIG;
    struct kw_field *field = &fields->all[fields->count++];
    *field = (struct kw_field){.element = element, .attribute = attribute};
    field->kept = !walk->profile || walk->allowed.size == 0 || kw_profile_keeps(walk->profile, (const char *)walk->allowed.data);
    int error = kw_buf_format(&field->path, "%.*s%s%s", (int)walk->path.size, (const char *)walk->path.data, attribute ? "/@" : "",
                              attribute ? attribute : "");
    if (error < 0)
        return error;
    return attribute ? kw_xml_attribute(element, attribute, &field->value) : kw_xml_text(element, &field->value);
}

static int enter(struct walk *walk, const struct kw_xml_element *element, const struct kw_xml_element *parent)
{
    const char *name = kw_xml_name(element);
    size_t before = 0, all = 0;
    for (const struct kw_xml_element *at = kw_xml_first(parent, name); at; at = kw_xml_next(at, name)) {
        before = at == element ? all : before;
        all++;
    }
    const bool record = strcmp(name, "record") == 0;
    int error = all > 1 ? kw_buf_format(&walk->path, "/%s[%zu]", name, before + 1) : kw_buf_format(&walk->path, "/%s", name);
    if (error == 0 && !record)
        error = kw_buf_format(&walk->allowed, "%s%s", walk->allowed.size > 0 ? "/" : "", name);
    return error;
}

/* An attribute of an element with parts stays where any of them does. */
static int visit(struct walk *walk, const struct kw_xml_element *element, unsigned depth)
{
    const size_t first = walk->fields->count;
    int error = depth == DEPTH_MOST ? -E2BIG : 0;
    size_t attributes = 0;
    for (const char *name; error == 0 && (name = kw_xml_attribute_name(element, attributes)); attributes++)
        error = add(walk, element, name);
    const struct kw_xml_element *child = kw_xml_first(element, NULL);
    if (error == 0 && !child)
        return add(walk, element, NULL);
    for (; child && error == 0; child = kw_xml_next(child, NULL)) {
        const size_t size = walk->path.size, allowed = walk->allowed.size;
        error = enter(walk, child, element);
        if (error == 0)
            error = visit(walk, child, depth + 1);
        walk->path.size = size;
        walk->allowed.size = allowed;
        if (walk->allowed.data)
            walk->allowed.data[allowed] = 0;
    }
    for (size_t i = first; i < first + attributes && error == 0; i++)
        for (size_t part = first + attributes; part < walk->fields->count; part++)
            walk->fields->all[i].kept = walk->fields->all[i].kept || walk->fields->all[part].kept;
    return error;
}

int kw_fields_of(const struct kw_xml *result, const struct kw_profile *profile, struct kw_fields *ret_fields)
{
    struct kw_fields fields = {0};
    struct walk walk = {.fields = &fields, .profile = profile};
    fields.all = kw_alloc(FIELDS_MOST * sizeof(*fields.all));
    int error = fields.all ? kw_buf_text(&walk.path, kw_xml_name(kw_xml_root(result))) : -ENOMEM;
    if (error == 0)
        error = visit(&walk, kw_xml_root(result), 0);
    kw_buf_clear(&walk.path);
    kw_buf_clear(&walk.allowed);
    if (error < 0)
        kw_fields_clear(&fields);
    else
        *ret_fields = fields;
    return error;
}

void kw_fields_clear(struct kw_fields *fields)
{
    for (size_t i = 0; fields->all && i < fields->count; i++) {
        kw_buf_clear(&fields->all[i].path);
        kw_buf_clear(&fields->all[i].value);
    }
    kw_free(fields->all);
    *fields = (struct kw_fields){0};
}

/* ---- comparing ---- */

struct comparison {
    const struct kw_fields *fields;
    uint8_t *effects;
    bool same;
    int error;
};

static bool equal_texts(struct comparison *compared, const struct kw_xml_element *a, const struct kw_xml_element *b,
                        const char *name)
{
    struct kw_buf texts[2] = {0};
    int first = name ? kw_xml_attribute(a, name, &texts[0]) : kw_xml_text(a, &texts[0]);
    int second = name ? kw_xml_attribute(b, name, &texts[1]) : kw_xml_text(b, &texts[1]);
    if (first == -ENOMEM || second == -ENOMEM)
        compared->error = -ENOMEM;
    const bool equal = first == second && kw_view_equal(kw_view_of(&texts[0]), kw_view_of(&texts[1]));
    kw_buf_clear(&texts[0]);
    kw_buf_clear(&texts[1]);
    return equal;
}

static size_t attributes_of(const struct kw_xml_element *element)
{
    size_t count = 0;
    while (kw_xml_attribute_name(element, count))
        count++;
    return count;
}

static bool equal(struct comparison *compared, const struct kw_xml_element *a, const struct kw_xml_element *b)
{
    const char *name;
    if (strcmp(kw_xml_name(a), kw_xml_name(b)) != 0 || attributes_of(a) != attributes_of(b))
        return false;
    for (size_t i = 0; (name = kw_xml_attribute_name(a, i)); i++)
        if (!equal_texts(compared, a, b, name))
            return false;
    const struct kw_xml_element *x = kw_xml_first(a, NULL), *y = kw_xml_first(b, NULL);
    if (!x && !y)
        return equal_texts(compared, a, b, NULL);
    for (; x && y; x = kw_xml_next(x, NULL), y = kw_xml_next(y, NULL))
        if (!equal(compared, x, y))
            return false;
    return !x && !y;
}

static void raise(struct comparison *compared, const struct kw_xml_element *element, const char *attribute, enum kw_effect effect)
{
    compared->same = false;
    for (size_t i = 0; i < compared->fields->count; i++) {
        const struct kw_field *field = &compared->fields->all[i];
        const bool named = attribute ? field->attribute && strcmp(field->attribute, attribute) == 0 : !field->attribute;
        if (field->element == element && named && compared->effects[i] < effect)
            compared->effects[i] = (uint8_t)effect;
    }
}

static void gone(struct comparison *compared, const struct kw_xml_element *element)
{
    const char *name;
    for (size_t i = 0; (name = kw_xml_attribute_name(element, i)); i++)
        raise(compared, element, name, KW_EFFECT_PRESENCE);
    raise(compared, element, NULL, KW_EFFECT_PRESENCE);
    for (const struct kw_xml_element *child = kw_xml_first(element, NULL); child; child = kw_xml_next(child, NULL))
        gone(compared, child);
}

static void compare(struct comparison *compared, const struct kw_xml_element *a, const struct kw_xml_element *b);

/* Parts that are the same are paired first, whatever their place; then those of one name in their order. */
static void compare_parts(struct comparison *compared, const struct kw_xml_element *a, const struct kw_xml_element *b, size_t parts)
{
    KW_AUTO(kw_freep) const struct kw_xml_element **taken = kw_alloc((parts + 1) * sizeof(*taken));
    KW_AUTO(kw_freep) const struct kw_xml_element **left = kw_alloc((parts + 1) * sizeof(*left));
    size_t count = 0, rest = 0;
    if (!taken || !left) {
        compared->error = -ENOMEM;
        return;
    }
    for (int round = 0; round < 2; round++) {
        const struct kw_xml_element *x = kw_xml_first(a, NULL);
        for (size_t i = 0; round == 0 ? x != NULL : i < rest; i++, x = round == 0 ? kw_xml_next(x, NULL) : x) {
            const struct kw_xml_element *part = round == 0 ? x : left[i], *found = NULL;
            for (const struct kw_xml_element *y = kw_xml_first(b, kw_xml_name(part)); y && !found;
                 y = kw_xml_next(y, kw_xml_name(part))) {
                size_t at = 0;
                while (at < count && taken[at] != y)
                    at++;
                found = at == count && (round == 1 || equal(compared, part, y)) ? y : NULL;
            }
            if (found)
                taken[count++] = found;
            if (found && round == 1)
                compare(compared, part, found);
            else if (!found && round == 1)
                gone(compared, part);
            else if (!found)
                left[rest++] = part;
        }
    }
}

static size_t parts_of(const struct kw_xml_element *element)
{
    size_t count = 0;
    for (const struct kw_xml_element *child = kw_xml_first(element, NULL); child; child = kw_xml_next(child, NULL))
        count++;
    return count;
}

static void compare(struct comparison *compared, const struct kw_xml_element *a, const struct kw_xml_element *b)
{
    struct kw_buf text = {0};
    const char *name;
    if (compared->error < 0 || equal(compared, a, b))
        return;
    compared->same = false;
    for (size_t i = 0; (name = kw_xml_attribute_name(a, i)); i++) {
        const int error = kw_xml_attribute(b, name, &text);
        if (error < 0 || !equal_texts(compared, a, b, name))
            raise(compared, a, name, error < 0 ? KW_EFFECT_PRESENCE : KW_EFFECT_VALUE);
        text.size = 0;
    }
    kw_buf_clear(&text);
    const size_t parts = parts_of(a);
    if (parts > 0)
        compare_parts(compared, a, b, parts);
    else if (parts_of(b) > 0)
        raise(compared, a, NULL, KW_EFFECT_PRESENCE);
    else if (!equal_texts(compared, a, b, NULL))
        raise(compared, a, NULL, KW_EFFECT_VALUE);
}

int kw_fields_compare(const struct kw_fields *fields, const struct kw_xml *before, const struct kw_xml *after, uint8_t *effects,
                      bool *ret_same)
{
    struct comparison compared = {.fields = fields, .effects = effects, .same = true};
    const struct kw_xml_element *a = kw_xml_root(before), *b = kw_xml_root(after);
    if (strcmp(kw_xml_name(a), kw_xml_name(b)) == 0)
        compare(&compared, a, b);
    else
        gone(&compared, a);
    *ret_same = compared.same;
    return compared.error;
}
