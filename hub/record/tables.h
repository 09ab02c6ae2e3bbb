/* SPDX-License-Identifier: Apache-2.0 */
/* tables.h - the shape of what tools/genvalidator.py makes of a schema (private to hub/record). */
#ifndef KINWARD_RECORD_TABLES_H
#define KINWARD_RECORD_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KW_TABLE_NONE  0xFFFFu     /* no such name, type or simple type */
#define KW_TABLE_BOUND 0xFFFFFFFFu /* no limit of length */

enum kw_table_content { KW_CONTENT_EMPTY, KW_CONTENT_SIMPLE, KW_CONTENT_ELEMENTS };
enum kw_table_kind { KW_KIND_STRING, KW_KIND_INTEGER, KW_KIND_DECIMAL, KW_KIND_BOOLEAN };
enum kw_table_space { KW_SPACE_PRESERVE, KW_SPACE_REPLACE, KW_SPACE_COLLAPSE };

struct kw_table_value { /* an enumerated value; sorted by size, then bytes */
    const char *text;
    uint32_t size;
};

/* A deterministic automaton over classes of code points. A state is the offset of its row in next: 0 is dead, class_count the
 * start. */
struct kw_table_pattern {
    const char *text;       /* as in the schema, for messages */
    const uint8_t *ascii;   /* class of each code point below 128 */
    const uint32_t *starts; /* ascending first code points of ranges; the first is 0 */
    const uint8_t *classes; /* class of each range */
    const uint16_t *next;   /* next[state + class] */
    const uint8_t *accept;  /* by state / class_count */
    uint16_t range_count, class_count;
};

struct kw_table_simple {
    const char *name; /* as in the schema */
    uint8_t kind, space;
    uint16_t value_count, pattern_count;
    uint32_t least, most; /* characters */
    const struct kw_table_value *values;
    const struct kw_table_pattern *const *patterns; /* all must hold */
    const char *low, *high;                         /* inclusive bounds as decimal text; NULL: none */
    const char *list;                               /* the enumerated values for a message; NULL when they are many */
};

struct kw_table_attribute { /* of a type, in the order of names */
    uint16_t name, simple;
    bool required;
};

struct kw_table_type {
    uint8_t content, attribute_count;
    bool wants_attributes; /* at least one is required */
    uint16_t simple;
    uint16_t width; /* columns: different child names */
    uint16_t state_count;
    const struct kw_table_attribute *attributes;
    const uint8_t *columns;   /* by name: column + 1, or 0 when the name never stands here */
    const uint16_t *names;    /* by column: the name */
    const uint16_t *children; /* by column: type of the child */
    const uint8_t *next;      /* next[state * width + column]: state + 1, or 0; the start is state 0 */
    const uint8_t *accept;    /* by state: may end here */
};

struct kw_tables {
    const char *space;                  /* namespace URI */
    uint8_t digest[32];                 /* SHA-256 of the schema's bytes */
    const struct kw_table_value *names; /* by number, sorted by bytes, so that C14N's order of attributes is that of numbers */
    uint16_t name_count, slot_mask;
    uint64_t multiplier;
    uint8_t shift;
    const uint16_t *slots; /* open addressing: number of a name, or KW_TABLE_NONE */
    const uint16_t *roots; /* by name: type of the global element, or KW_TABLE_NONE */
    const struct kw_table_type *types;
    const struct kw_table_simple *simples;
};

extern const struct kw_tables kw_record_tables;

/* Number of a name, or KW_TABLE_NONE. */
uint16_t kw_tables_name(const struct kw_tables *tables, const uint8_t *text, size_t size);

#endif
