/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h - the one-pass validator over any generated tables (private to hub/record). */
#ifndef KINWARD_RECORD_ENGINE_H
#define KINWARD_RECORD_ENGINE_H

#include <string.h>

#include "base/base.h"
#include "base/limits.h"
#include "record/image.h"
#include "record/tables.h"
#include "xml/xml.h"

struct kw_level { /* an open element */
    const struct kw_table_type *type;
    uint16_t name;
    uint16_t state;
    uint32_t node, last_child; /* in the image; KW_NONE: none */
    size_t offset;             /* of its start tag in the document */
};

struct kw_engine {
    const struct kw_tables *tables;
    struct kw_xml_scanner *scanner;
    uint16_t item, list; /* names of the element that makes an image, and of the one that may hold several of it */
    bool several;        /* list is accepted */
    int (*visit)(void *context, struct kw_view canonical, struct kw_view image); /* at the end of each item; may be NULL */
    void *context;
    struct kw_fault *fault;

    const uint8_t *space; /* the last element's namespace that was right: one string of the parser for a whole document */
    struct kw_buf canonical, nodes, heap, image;
    uint32_t node_count, text_start;
    unsigned depth, emit_from; /* levels from emit_from on belong to an item; UINT_MAX outside of one */
    struct kw_level levels[KW_LIMIT_DEPTH + 1];
};

KW_CHECKED int kw_engine_init(struct kw_engine *engine, const struct kw_tables *tables, uint16_t item, uint16_t list);
void kw_engine_clear(struct kw_engine *engine);
/* Afterwards canonical and image hold the last item. */
KW_CHECKED int kw_engine_run(struct kw_engine *engine, struct kw_view text, size_t limit, struct kw_fault *fault);

/* ---- emit.c: canonical bytes and image nodes; -ENOMEM, or -E2BIG when a limit of the image is passed ------------------ */

enum { KW_TEXT_SPECIAL = 1, KW_TEXT_BEYOND_ASCII = 2 }; /* what kw_emit_scan finds */
unsigned kw_emit_scan(struct kw_view text, bool attribute);
/* Appends; leaves out the NUL of kw_buf_append. */
KW_CHECKED static inline int kw_emit(struct kw_buf *out, const void *data, size_t size)
{
    if (out->capacity - out->size <= size)
        return kw_buf_append(out, data, size);
    if (size > 0)
        memcpy(out->data + out->size, data, size);
    out->size += size;
    return 0;
}
KW_CHECKED int kw_emit_escaped(struct kw_buf *out, struct kw_view text, bool attribute); /* canonical XML 1.0 §2.3 */
KW_CHECKED int kw_emit_node(struct kw_engine *engine, struct kw_level *parent, uint16_t name, bool attribute, uint32_t *ret_node);
void kw_emit_node_text(struct kw_engine *engine, uint32_t node, uint32_t text, uint32_t size);
KW_CHECKED int kw_emit_image(struct kw_engine *engine); /* header, nodes and heap joined in engine->image */

#endif
