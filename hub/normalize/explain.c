/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - where each field of a record comes from, and what of a document no field comes from.
 *
 * XSLT has no way to tell what an expression read. What is said here of values is therefore measured: each value of the document
 * is changed, emptied and taken away, one after the other, and the stylesheet is run again each time. A field comes from the
 * values whose change changes it; a value that changes nothing was not used. Lines and templates come from watching one run.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "normalize/explain.h"
#include "text/text.h"

struct called { /* one call of a host function, as items: function, answer, warnings, arguments */
    struct kw_buf items;
    size_t count;
};

enum { USED = 1, REQUIRED = 2 }; /* required: another value made the stylesheet refuse the document */

struct explaining {
    struct kw_mapping *mapping;
    struct kw_xml *document, *result;
    struct kw_parameters parameters;
    struct kw_calls calls;
    struct kw_normalized normalized; /* warnings only */
    struct kw_trace *trace;
    struct kw_inputs inputs;
    struct kw_fields fields;
    uint8_t *effects; /* of input i on field f at i * fields.count + f */
    uint8_t *used;    /* of input i: a bit of what was seen */
    struct called called;
    struct kw_buf recent; /* warnings of the call under way */
};

/* ---- runs ---- */

static void note_call(void *context, const char *function, const struct kw_view *arguments, int count, struct kw_view answer)
{
    struct kw_calls *calls = context;
    struct called *called = calls->watcher;
    struct kw_buf all = {0};
    int error = 0;
    for (int i = 0; i < count && error == 0; i++)
        error = kw_put_item(&all, arguments[i].data, arguments[i].size);
    if (error == 0)
        error = kw_put_item(&called->items, function, strlen(function));
    if (error == 0)
        error = kw_put_item(&called->items, answer.data, answer.size);
    if (error == 0)
        error = kw_put_item(&called->items, calls->recent->data, calls->recent->size);
    if (error == 0)
        error = kw_put_item(&called->items, all.data, all.size);
    kw_buf_clear(&all);
    calls->recent->size = 0;
    called->count++;
    if (error < 0)
        calls->error = error;
}

static int run_again(struct explaining *work, struct kw_xml **ret_result)
{
    struct kw_normalized nothing = {0};
    struct kw_calls calls = {.codes = work->mapping->codes, .normalized = &nothing};
    const int error = kw_transform_run(work->mapping->transform, work->document, work->parameters.all, &calls, ret_result, NULL);
    kw_normalized_clear(&nothing);
    return error == 0 ? calls.error : error;
}

/* One change of one value. A run that is refused shows that the value is used. */
static int try_way(struct explaining *work, size_t input, int way)
{
    KW_AUTO(kw_xml_freep) struct kw_xml *after = NULL;
    KW_AUTO(kw_freep) uint8_t *effects = kw_alloc(work->fields.count + 1);
    struct kw_xml_place place = {0};
    bool same = false;
    int error = effects ? kw_input_change(&work->inputs, input, way, &place) : -ENOMEM;
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    const int run = run_again(work, &after);
    error = kw_input_restore(&work->inputs, input, way, place);
    if (run == -ENOMEM)
        error = run;
    if (error == 0 && run == 0)
        error = kw_fields_compare(&work->fields, work->result, after, effects, &same);
    work->used[input] |= (uint8_t)((same ? 0 : USED) | (run < 0 ? REQUIRED : 0));
    for (size_t f = 0; f < work->fields.count; f++) {
        uint8_t *effect = &work->effects[input * work->fields.count + f];
        const uint8_t found = way >= KW_WAYS_OTHER && effects[f] ? KW_EFFECT_PRESENCE : effects[f];
        *effect = found > *effect ? found : *effect;
    }
    return error;
}

static int measure(struct explaining *work, bool fields)
{
    int error = 0;
    for (size_t i = 0; i < work->inputs.count && error == 0; i++) {
        for (int way = KW_WAYS - 1; way >= 0 && error == 0; way--) {
            if (!fields && work->used[i])
                break;
            error = try_way(work, i, way);
        }
    }
    return error;
}

/* ---- what is said of a field ---- */

static bool contains(struct kw_view text, struct kw_view part)
{
    return part.size > 0 && text.size >= part.size && memmem(text.data, text.size, part.data, part.size);
}

/* Did the call give this field: is its answer the value, or elements with it? */
static bool gives(struct kw_view answer, const struct kw_field *field)
{
    struct kw_buf wanted = {0};
    bool found = kw_view_equal(answer, kw_view_of(&field->value));
    if (!found && answer.size > 0 && answer.data[0] == '<') {
        int error = kw_buf_text(&wanted, field->attribute ? "\"" : ">");
        if (error == 0)
            error = kw_xml_escape(&wanted, kw_view_of(&field->value), field->attribute != NULL);
        if (error == 0)
            error = kw_buf_text(&wanted, field->attribute ? "\"" : "<");
        found = error == 0 && contains(answer, kw_view_of(&wanted));
    }
    kw_buf_clear(&wanted);
    return found;
}

/* Was the call made with a value that the field comes from? */
static bool made_of(const struct explaining *work, size_t field, struct kw_view arguments)
{
    for (size_t i = 0; i < work->inputs.count; i++)
        if (work->effects[i * work->fields.count + field] == KW_EFFECT_VALUE &&
            contains(arguments, kw_view_of(&work->inputs.all[i].value)))
            return true;
    return false;
}

static bool listed(struct kw_buf *list, struct kw_view text, int *ret_error)
{
    struct kw_view rest = kw_view_of(list), item;
    while (rest.size > 0 && kw_take_item(&rest, &item) == 0)
        if (kw_view_equal(item, text))
            return true;
    *ret_error = kw_put_item(list, text.data, text.size);
    return false;
}

static int put_list(struct kw_json_out *json, const char *name, const struct kw_buf *list)
{
    struct kw_view rest = kw_view_of(list), item;
    kw_json_array(json, name);
    while (rest.size > 0 && kw_take_item(&rest, &item) == 0)
        kw_json_text(json, NULL, item);
    kw_json_close(json, ']');
    return 0;
}

static int put_calls(struct explaining *work, size_t field, struct kw_json_out *json)
{
    struct kw_buf functions = {0}, warnings = {0};
    struct kw_view rest = kw_view_of(&work->called.items), function, answer, warned, arguments, warning;
    int error = 0;
    while (rest.size > 0 && error == 0) {
        if (kw_take_item(&rest, &function) < 0 || kw_take_item(&rest, &answer) < 0 || kw_take_item(&rest, &warned) < 0 ||
            kw_take_item(&rest, &arguments) < 0)
            break;
        if (!gives(answer, &work->fields.all[field]) || !made_of(work, field, arguments))
            continue;
        listed(&functions, function, &error);
        while (error == 0 && warned.size > 0 && kw_take_item(&warned, &warning) == 0)
            listed(&warnings, warning, &error);
    }
    if (error == 0) {
        put_list(json, "functions", &functions);
        put_list(json, "warnings", &warnings);
    }
    kw_buf_clear(&functions);
    kw_buf_clear(&warnings);
    return error;
}

static void put_inputs(const struct explaining *work, size_t field, enum kw_effect effect, const char *name, bool values,
                       struct kw_json_out *json)
{
    kw_json_array(json, name);
    for (size_t i = 0; i < work->inputs.count; i++) {
        if (work->effects[i * work->fields.count + field] != effect)
            continue;
        if (!values) {
            kw_json_text(json, NULL, kw_view_of(&work->inputs.all[i].path));
            continue;
        }
        kw_json_object(json, NULL);
        kw_json_text(json, "path", kw_view_of(&work->inputs.all[i].path));
        kw_json_text(json, "value", kw_view_of(&work->inputs.all[i].value));
        kw_json_close(json, '}');
    }
    kw_json_close(json, ']');
}

static int put_field(struct explaining *work, size_t number, struct kw_json_out *json)
{
    const struct kw_field *field = &work->fields.all[number];
    const struct kw_made *made = kw_trace_maker(work->trace, field->element);
    kw_json_object(json, NULL);
    kw_json_text(json, "path", kw_view_of(&field->path));
    kw_json_text(json, "value", kw_view_of(&field->value));
    kw_json_boolean(json, "kept", field->kept);
    put_inputs(work, number, KW_EFFECT_VALUE, "from", true, json);
    put_inputs(work, number, KW_EFFECT_PRESENCE, "dependsOn", false, json);
    const int error = put_calls(work, number, json);
    if (made) {
        kw_json_string(json, "file", made->file);
        kw_json_integer(json, "line", made->line);
        kw_json_string(json, "template", made->template);
    }
    kw_json_close(json, '}');
    return error;
}

static int put_all(struct explaining *work, bool fields, bool unmapped, struct kw_buf *out)
{
    struct kw_json_out json = {.out = out};
    int error = 0;
    kw_json_object(&json, NULL);
    kw_json_string(&json, "mapping", work->mapping->id);
    kw_json_integer(&json, "values", (int64_t)work->inputs.count);
    if (fields) {
        kw_json_array(&json, "fields");
        for (size_t f = 0; f < work->fields.count && error == 0; f++)
            error = put_field(work, f, &json);
        kw_json_close(&json, ']');
        put_list(&json, "warnings", &work->normalized.warnings);
        kw_json_array(&json, "required");
        for (size_t i = 0; i < work->inputs.count; i++)
            if (work->used[i] & REQUIRED)
                kw_json_text(&json, NULL, kw_view_of(&work->inputs.all[i].path));
        kw_json_close(&json, ']');
    }
    if (unmapped) {
        kw_json_array(&json, "unmapped");
        for (size_t i = 0; i < work->inputs.count; i++) {
            if (work->used[i])
                continue;
            kw_json_object(&json, NULL);
            kw_json_text(&json, "path", kw_view_of(&work->inputs.all[i].path));
            kw_json_text(&json, "value", kw_view_of(&work->inputs.all[i].value));
            kw_json_close(&json, '}');
        }
        kw_json_close(&json, ']');
    }
    kw_json_close(&json, '}');
    return error < 0 ? error : kw_json_end(&json);
}

/* ---- the whole ---- */

static int first_run(struct explaining *work, struct kw_fault *fault)
{
    work->calls = (struct kw_calls){
        .codes = work->mapping->codes, .normalized = &work->normalized, .watcher = &work->called, .recent = &work->recent};
    int error = kw_transform_watch(work->mapping->transform, work->document, work->parameters.all, &work->calls, note_call,
                                   &work->trace, &work->result, fault);
    if (error == 0 && work->calls.error < 0)
        error = kw_fail(fault, work->calls.error, KW_E_MEMORY, "", "out of memory");
    return error;
}

static int explain(struct explaining *work, bool fields, bool unmapped, struct kw_buf *ret_json, struct kw_fault *fault)
{
    int error = first_run(work, fault);
    if (error < 0)
        return error;
    error = kw_inputs_of(work->document, &work->inputs, fault);
    if (error < 0)
        return error;
    error = kw_fields_of(work->result, work->mapping->profile, &work->fields);
    if (error == -E2BIG)
        return kw_fail(fault, error, KW_E_TOO_LARGE, "", "the records have more fields than are explained");
    if (error == 0) {
        work->effects = kw_alloc(work->inputs.count * work->fields.count + 1);
        work->used = kw_alloc(work->inputs.count + 1);
        error = work->effects && work->used ? measure(work, fields) : -ENOMEM;
    }
    if (error == 0)
        error = put_all(work, fields, unmapped, ret_json);
    return error < 0 ? kw_fail(fault, error, KW_E_MEMORY, "", "out of memory") : 0;
}

int kw_explain(struct kw_mapping *mapping, struct kw_view raw, const char *format, const char *const *parameters, bool fields,
               bool unmapped, struct kw_buf *ret_json, struct kw_fault *fault)
{
    struct explaining *work = kw_alloc(sizeof(*work));
    if (!work)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "", "out of memory");
    work->mapping = mapping;
    int error = kw_mapping_tree(mapping, raw, format, parameters, &work->document, fault);
    if (error == 0)
        error = kw_mapping_parameters(mapping, raw, parameters, &work->parameters, fault);
    if (error == 0)
        error = explain(work, fields, unmapped, ret_json, fault);
    kw_inputs_clear(&work->inputs);
    kw_fields_clear(&work->fields);
    kw_normalized_clear(&work->normalized);
    kw_trace_free(work->trace);
    kw_xml_free(work->document);
    kw_xml_free(work->result);
    kw_buf_clear(&work->called.items);
    kw_buf_clear(&work->recent);
    kw_free(work->effects);
    kw_free(work->used);
    kw_free(work);
    return error;
}
