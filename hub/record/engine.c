/* SPDX-License-Identifier: Apache-2.0 */
/* engine.c - schema, canonical bytes and image in the events of one parse, driven by the generated tables. */
#include "record/engine.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "record/record.h"
#include "record/simple.h"
#include "text/text.h"

static struct kw_level *top(struct kw_engine *engine)
{
    return &engine->levels[engine->depth - 1];
}

static bool emitting(const struct kw_engine *engine)
{
    return engine->depth > engine->emit_from;
}

static const char *name_text(const struct kw_engine *engine, uint16_t name)
{
    return name == KW_TABLE_NONE ? "" : engine->tables->names[name].text;
}

/* Fills the fault with the place of offset and refuses. */
KW_PRINTF(5, 6)
static int refuse(struct kw_engine *engine, size_t offset, enum kw_code code, const char *place, const char *format, ...)
{
    char message[sizeof(engine->fault->message)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    kw_fail(engine->fault, -EBADMSG, code, place, "%s", message);
    if (engine->fault)
        kw_xml_scanner_place(engine->scanner, offset, &engine->fault->line, &engine->fault->column);
    return -EBADMSG;
}

static int refuse_here(struct kw_engine *engine, enum kw_code code, const char *message)
{
    const char *place = engine->depth > 0 ? name_text(engine, top(engine)->name) : "";
    return refuse(engine, kw_xml_scanner_offset(engine->scanner), code, place, "%s", message);
}

/* -ENOMEM or -E2BIG of emit.c, told. */
static int emit_failed(struct kw_engine *engine, int error)
{
    if (error == -E2BIG)
        return refuse_here(engine, KW_E_TOO_LARGE, "more elements and attributes than one record may have");
    return kw_fail(engine->fault, error, KW_E_MEMORY, "", "out of memory");
}

/* ---- content models -------------------------------------------------------------- */

/* What may stand next in an element, for a message. */
static void list_expected(const struct kw_engine *engine, const struct kw_level *level, char *text, size_t size)
{
    const struct kw_table_type *type = level->type;
    size_t used = 0, more = 0;
    text[0] = 0;
    for (unsigned column = 0; column < type->width; column++) {
        if (type->next[(size_t)level->state * type->width + column] == 0)
            continue;
        const char *name = name_text(engine, type->names[column]);
        if (used + strlen(name) + 24 < size)
            used += (size_t)snprintf(text + used, size - used, "%s<%s>", used ? ", " : "", name);
        else
            more++;
    }
    if (more > 0)
        snprintf(text + used, size - used, " and %zu more", more);
    else if (used == 0)
        snprintf(text, size, "the end of the element");
}

static int unexpected(struct kw_engine *engine, uint16_t name)
{
    const struct kw_level *level = top(engine);
    size_t offset = kw_xml_scanner_offset(engine->scanner);
    const char *parent = name_text(engine, level->name);
    char expected[160];
    if (level->type->content != KW_CONTENT_ELEMENTS)
        return refuse(engine, offset, KW_E_SCHEMA, parent, "no element may stand in it");
    list_expected(engine, level, expected, sizeof(expected));
    if (name == KW_TABLE_NONE)
        return refuse(engine, offset, KW_E_SCHEMA, parent, "holds an element of unknown name; possible here: %s", expected);
    return refuse(engine, offset, KW_E_SCHEMA, name_text(engine, name), "not possible here in <%s>; possible: %s", parent,
                  expected);
}

/* The type of a child of that name in the present state, which moves on. */
static int step(struct kw_engine *engine, uint16_t name, const struct kw_table_type **ret_type)
{
    struct kw_level *level = top(engine);
    const struct kw_table_type *type = level->type;
    unsigned column = type->content == KW_CONTENT_ELEMENTS && name != KW_TABLE_NONE ? type->columns[name] : 0;
    unsigned next = column ? type->next[(size_t)level->state * type->width + column - 1] : 0;
    if (next == 0)
        return unexpected(engine, name);
    level->state = (uint16_t)(next - 1);
    *ret_type = &engine->tables->types[type->children[column - 1]];
    return 0;
}

static int root_type(struct kw_engine *engine, uint16_t name, const struct kw_table_type **ret_type)
{
    size_t offset = kw_xml_scanner_offset(engine->scanner);
    if (name == engine->list && name != KW_TABLE_NONE && !engine->several)
        return refuse(engine, offset, KW_E_SEVERAL, name_text(engine, name), "one <%s> is wanted here",
                      name_text(engine, engine->item));
    if (name == KW_TABLE_NONE || (name != engine->item && name != engine->list))
        return refuse(engine, offset, KW_E_SCHEMA, name_text(engine, name), "the outermost element must be <%s>",
                      name_text(engine, engine->item));
    *ret_type = &engine->tables->types[engine->tables->roots[name]];
    return 0;
}

/* ---- values ---------------------------------------------------------------------- */

/* The last size bytes of the heap are a raw value: form, canonical bytes, white space, facets. ret_size: bytes of the value
 * that stay. attribute: its name, or KW_TABLE_NONE for an element's text. */
static int take_value(struct kw_engine *engine, uint16_t simple_number, uint16_t attribute, size_t size, uint32_t *ret_size)
{
    const struct kw_table_simple *simple = &engine->tables->simples[simple_number];
    const struct kw_level *level = top(engine);
    struct kw_view raw = {engine->heap.data + engine->heap.size - size, size};
    char place[sizeof(engine->fault->place)], rule[sizeof(engine->fault->message)];
    bool is_attribute = attribute != KW_TABLE_NONE;
    unsigned seen = kw_emit_scan(raw, is_attribute);
    enum kw_code code = KW_E_NOT_NFC;
    snprintf(rule, sizeof(rule), "text is not in Unicode normalisation form C");
    int error = seen & KW_TEXT_BEYOND_ASCII ? kw_nfc_check(raw) : 0;
    if (error == -ENOMEM)
        return emit_failed(engine, error);
    /* U+0338 after the ">" of a tag would compose with it */
    if (error == 0 && size > 1 && raw.data[0] == 0xCC && raw.data[1] == 0xB8)
        error = -EILSEQ;
    if (error == 0 && emitting(engine)) {
        int failed = seen & KW_TEXT_SPECIAL ? kw_emit_escaped(&engine->canonical, raw, is_attribute)
                                            : kw_emit(&engine->canonical, raw.data, raw.size);
        if (failed != 0)
            return emit_failed(engine, failed);
    }
    if (error == 0) {
        code = KW_E_SCHEMA;
        raw.size = kw_simple_space(simple, engine->heap.data + engine->heap.size - size, size);
        error = kw_simple_check(simple, raw, rule, sizeof(rule));
    }
    if (error == 0) {
        *ret_size = (uint32_t)raw.size;
        return 0;
    }
    snprintf(place, sizeof(place), "%s%s%s", name_text(engine, level->name), is_attribute ? "/@" : "",
             name_text(engine, attribute));
    return refuse(engine, level->offset, code, place, "%s", rule);
}

/* The attributes as given, put in the order of the type's table (that of canonical XML). */
static int sort_attributes(struct kw_engine *engine, const struct kw_xml_attribute *given, size_t count,
                           const struct kw_xml_attribute **ret_sorted)
{
    const struct kw_level *level = top(engine);
    const struct kw_table_type *type = level->type;
    for (size_t i = 0; i < count; i++) {
        const char *place = name_text(engine, level->name);
        if (given[i].prefix.size > 0 || given[i].space.size > 0)
            return refuse(engine, level->offset, KW_E_NAMESPACE, place, "an attribute in a namespace, such as xsi: or xml:");
        size_t at = 0;
        for (; at < type->attribute_count; at++) {
            const struct kw_table_value *name = &engine->tables->names[type->attributes[at].name];
            if (name->size == given[i].name.size && memcmp(name->text, given[i].name.data, name->size) == 0)
                break;
        }
        if (at < type->attribute_count) {
            ret_sorted[at] = &given[i];
            continue;
        }
        uint16_t name = kw_tables_name(engine->tables, given[i].name.data, given[i].name.size);
        return refuse(engine, level->offset, KW_E_SCHEMA, place, "attribute %s is not possible here",
                      name == KW_TABLE_NONE ? "of unknown name" : name_text(engine, name));
    }
    return 0;
}

static int take_attribute(struct kw_engine *engine, const struct kw_table_attribute *declared, struct kw_view value)
{
    const struct kw_table_value *name = &engine->tables->names[declared->name];
    uint32_t node = 0, start = (uint32_t)engine->heap.size, size;
    int error = kw_emit(&engine->heap, value.data, value.size);
    if (error == 0 && emitting(engine)) {
        error = kw_emit(&engine->canonical, " ", 1);
        if (error == 0)
            error = kw_emit(&engine->canonical, name->text, name->size);
        if (error == 0)
            error = kw_emit(&engine->canonical, "=\"", 2);
        if (error == 0)
            error = kw_emit_node(engine, top(engine), declared->name, true, &node);
    }
    if (error != 0)
        return emit_failed(engine, error);
    error = take_value(engine, declared->simple, declared->name, value.size, &size);
    if (error != 0)
        return error;
    engine->heap.size = emitting(engine) ? start + size : start;
    if (!emitting(engine))
        return 0;
    kw_emit_node_text(engine, node, start, size);
    error = kw_emit(&engine->canonical, "\"", 1);
    return error != 0 ? emit_failed(engine, error) : 0;
}

static int take_attributes(struct kw_engine *engine, const struct kw_xml_attribute *given, size_t count)
{
    const struct kw_table_type *type = top(engine)->type;
    if (count == 0 && !type->wants_attributes)
        return 0;
    const struct kw_xml_attribute *sorted[KW_LIMIT_ATTRIBUTES];
    memset(sorted, 0, type->attribute_count * sizeof(sorted[0]));
    int error = sort_attributes(engine, given, count, sorted);
    for (size_t i = 0; i < type->attribute_count && error == 0; i++) {
        const struct kw_table_attribute *declared = &type->attributes[i];
        if (sorted[i])
            error = take_attribute(engine, declared, sorted[i]->value);
        else if (declared->required)
            error = refuse(engine, top(engine)->offset, KW_E_SCHEMA, name_text(engine, top(engine)->name),
                           "attribute %s is missing", name_text(engine, declared->name));
    }
    return error;
}

/* ---- events ---------------------------------------------------------------------- */

static void start_item(struct kw_engine *engine)
{
    engine->canonical.size = engine->nodes.size = engine->heap.size = 0;
    engine->node_count = 0;
    engine->emit_from = engine->depth;
}

static int emit_start(struct kw_engine *engine, struct kw_level *parent)
{
    struct kw_level *level = top(engine);
    const struct kw_table_value *name = &engine->tables->names[level->name];
    int error = kw_emit_node(engine, parent, level->name, false, &level->node);
    if (error == 0)
        error = kw_emit(&engine->canonical, "<", 1);
    if (error == 0)
        error = kw_emit(&engine->canonical, name->text, name->size);
    if (error == 0 && parent == NULL)
        error = kw_buf_format(&engine->canonical, " xmlns=\"%s\"", engine->tables->space);
    return error;
}

static int on_open(void *context, struct kw_view name, struct kw_view prefix, struct kw_view space,
                   const struct kw_xml_attribute *attributes, size_t count, size_t prefixes)
{
    struct kw_engine *engine = context;
    size_t offset = kw_xml_scanner_offset(engine->scanner);
    if (prefix.size > 0 || prefixes > 0)
        return refuse_here(engine, KW_E_NAMESPACE, "a namespace prefix");
    if (space.data != engine->space || engine->space == NULL) {
        if (!kw_view_is(space, engine->tables->space))
            return refuse_here(engine, KW_E_NAMESPACE, "an element that is not in the record's namespace");
        engine->space = space.data;
    }
    const struct kw_table_type *type = NULL;
    uint16_t number = kw_tables_name(engine->tables, name.data, name.size);
    int error = engine->depth == 0 ? root_type(engine, number, &type) : step(engine, number, &type);
    if (error != 0)
        return error;
    if (number == engine->item && engine->emit_from == UINT_MAX)
        start_item(engine);
    struct kw_level *parent = engine->depth > engine->emit_from ? top(engine) : NULL;
    engine->levels[engine->depth++] =
        (struct kw_level){.type = type, .name = number, .node = KW_NONE, .last_child = KW_NONE, .offset = offset};
    if (emitting(engine)) {
        error = emit_start(engine, parent);
        if (error != 0)
            return emit_failed(engine, error);
    }
    error = take_attributes(engine, attributes, count);
    if (error != 0)
        return error;
    engine->text_start = (uint32_t)engine->heap.size;
    error = emitting(engine) ? kw_emit(&engine->canonical, ">", 1) : 0;
    return error != 0 ? emit_failed(engine, error) : 0;
}

static int on_text(void *context, struct kw_view text, bool cdata)
{
    struct kw_engine *engine = context;
    if (cdata)
        return refuse_here(engine, KW_E_NOT_CANONICAL, "a CDATA section");
    switch (top(engine)->type->content) {
    case KW_CONTENT_SIMPLE: {
        int error = kw_emit(&engine->heap, text.data, text.size);
        return error != 0 ? emit_failed(engine, error) : 0;
    }
    case KW_CONTENT_ELEMENTS:
        for (size_t i = 0; i < text.size; i++)
            if (text.data[i] != ' ' && text.data[i] != '\n' && text.data[i] != '\t' && text.data[i] != '\r')
                return refuse_here(engine, KW_E_SCHEMA, "text may not stand between its elements");
        return 0;
    default:
        return refuse_here(engine, KW_E_SCHEMA, "nothing may stand in it");
    }
}

static int on_other(void *context, const char *what)
{
    struct kw_engine *engine = context;
    return refuse_here(engine, KW_E_NOT_CANONICAL, what[0] == 'c' ? "a comment" : "a processing instruction");
}

static int finish_item(struct kw_engine *engine)
{
    engine->emit_from = UINT_MAX;
    if (engine->canonical.size > KW_LIMIT_RECORD)
        return refuse_here(engine, KW_E_TOO_LARGE, "the record's canonical form is larger than the limit");
    int error = kw_emit_image(engine);
    if (error != 0)
        return emit_failed(engine, error);
    return engine->visit ? engine->visit(engine->context, kw_view_of(&engine->canonical), kw_view_of(&engine->image)) : 0;
}

static int close_simple(struct kw_engine *engine, const struct kw_level *level)
{
    uint32_t size;
    int error = take_value(engine, level->type->simple, KW_TABLE_NONE, engine->heap.size - engine->text_start, &size);
    if (error != 0)
        return error;
    engine->heap.size = engine->text_start + (emitting(engine) ? size : 0);
    if (emitting(engine))
        kw_emit_node_text(engine, level->node, engine->text_start, size);
    return 0;
}

static int on_close(void *context, struct kw_view name_unused)
{
    struct kw_engine *engine = context;
    const struct kw_level *level = top(engine);
    const struct kw_table_value *name = &engine->tables->names[level->name];
    int error = 0;
    (void)name_unused;
    if (level->type->content == KW_CONTENT_SIMPLE)
        error = close_simple(engine, level);
    else if (level->type->content == KW_CONTENT_ELEMENTS && !level->type->accept[level->state]) {
        char expected[160];
        list_expected(engine, level, expected, sizeof(expected));
        return refuse(engine, level->offset, KW_E_SCHEMA, name->text, "something is missing at its end; possible: %s", expected);
    }
    if (error != 0)
        return error;
    if (emitting(engine)) {
        error = kw_emit(&engine->canonical, "</", 2);
        if (error == 0)
            error = kw_emit(&engine->canonical, name->text, name->size);
        if (error == 0)
            error = kw_emit(&engine->canonical, ">", 1);
        if (error != 0)
            return emit_failed(engine, error);
    }
    engine->depth--;
    if (engine->depth == engine->emit_from)
        return finish_item(engine);
    return 0;
}

/* ---- one document ----------------------------------------------------------------- */

int kw_engine_init(struct kw_engine *engine, const struct kw_tables *tables, uint16_t item, uint16_t list)
{
    *engine = (struct kw_engine){.tables = tables, .item = item, .list = list};
    struct kw_buf *buffers[] = {&engine->canonical, &engine->nodes, &engine->heap, &engine->image};
    for (size_t i = 0; i < KW_COUNT(buffers); i++) {
        int error = kw_buf_reserve(buffers[i], 8192);
        if (error != 0)
            return error;
    }
    return kw_xml_scanner_new(&engine->scanner);
}

void kw_engine_clear(struct kw_engine *engine)
{
    kw_xml_scanner_free(engine->scanner);
    kw_buf_clear(&engine->canonical);
    kw_buf_clear(&engine->nodes);
    kw_buf_clear(&engine->heap);
    kw_buf_clear(&engine->image);
}

int kw_engine_run(struct kw_engine *engine, struct kw_view text, size_t limit, struct kw_fault *fault)
{
    static const struct kw_xml_events events = {on_open, on_close, on_text, on_other};
    engine->fault = fault;
    engine->space = NULL;
    engine->depth = 0;
    engine->emit_from = UINT_MAX;
    engine->canonical.size = engine->nodes.size = engine->heap.size = engine->image.size = 0;
    engine->node_count = 0;
    int error = kw_xml_scan(engine->scanner, text, limit, &events, engine, fault);
    if (error != 0 && fault && fault->place[0] == 0 && engine->depth > 0)
        snprintf(fault->place, sizeof(fault->place), "%s", name_text(engine, top(engine)->name));
    engine->fault = NULL;
    return error;
}
