/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h - what the files that explain a mapping share. */
#ifndef KINWARD_NORMALIZE_EXPLAIN_H
#define KINWARD_NORMALIZE_EXPLAIN_H

#include "normalize/private.h"

/* ---- values of the document: texts without elements in them, and attributes of XML ---- */

struct kw_input {
    struct kw_xml_element *element;
    int attribute; /* -1: the element's text */
    struct kw_buf path, value;
};
struct kw_inputs {
    struct kw_input *all;
    size_t count, root; /* root: which of them is the whole document; SIZE_MAX: none */
    bool json;
};
KW_CHECKED int kw_inputs_of(struct kw_xml *document, struct kw_inputs *ret_inputs, struct kw_fault *fault);
void kw_inputs_clear(struct kw_inputs *inputs);

/* Ways to change a value, each of the same kind (digits stay digits), then to empty it and to take it away. -ENOENT: that way is
 * none for this value. Undone by kw_input_restore. */
enum { KW_WAYS_OTHER = 7, KW_WAY_EMPTY = KW_WAYS_OTHER, KW_WAY_GONE, KW_WAYS };
KW_CHECKED int kw_input_change(const struct kw_inputs *inputs, size_t input, int way, struct kw_xml_place *ret_place);
KW_CHECKED int kw_input_restore(const struct kw_inputs *inputs, size_t input, int way, struct kw_xml_place place);

/* ---- fields of the records ---- */

struct kw_field {
    const struct kw_xml_element *element;
    const char *attribute; /* NULL: the element's text */
    struct kw_buf path, value;
    bool kept; /* by the profile */
};
struct kw_fields {
    struct kw_field *all;
    size_t count;
};
KW_CHECKED int kw_fields_of(const struct kw_xml *result, const struct kw_profile *profile, struct kw_fields *ret_fields);
void kw_fields_clear(struct kw_fields *fields);

enum kw_effect { KW_EFFECT_NONE, KW_EFFECT_PRESENCE, KW_EFFECT_VALUE };
/* Compares two results: effects[field] is raised to what became of the field; *ret_same: nothing differs at all. */
KW_CHECKED int kw_fields_compare(const struct kw_fields *fields, const struct kw_xml *before, const struct kw_xml *after,
                                 uint8_t *effects, bool *ret_same);

#endif
