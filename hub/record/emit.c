/* SPDX-License-Identifier: Apache-2.0 */
/* emit.c - writes canonical bytes and image nodes while the validator runs. */
#include <endian.h>
#include <errno.h>

#include "record/engine.h"
#include "record/record.h"

/* bit 0: escaped in text, bit 1: escaped in attribute values, bit 2: beyond ASCII */
static const uint8_t kinds[256] = {
    ['&'] = 3, ['<'] = 3, ['>'] = 1, ['"'] = 2, ['\r'] = 3, ['\t'] = 2, ['\n'] = 2, [0x80 ... 0xFF] = 4,
};

unsigned kw_emit_scan(struct kw_view text, bool attribute)
{
    unsigned seen = 0;
    for (size_t i = 0; i < text.size; i++)
        seen |= kinds[text.data[i]];
    return (seen & (attribute ? 2u : 1u) ? KW_TEXT_SPECIAL : 0u) | (seen & 4u ? KW_TEXT_BEYOND_ASCII : 0u);
}

static const char *escape_of(uint8_t byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#x9;";
    case '\n':
        return "&#xA;";
    default:
        return "&#xD;";
    }
}

int kw_emit_escaped(struct kw_buf *out, struct kw_view text, bool attribute)
{
    const uint8_t bit = attribute ? 2 : 1;
    size_t from = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!(kinds[text.data[i]] & bit))
            continue;
        int error = kw_emit(out, text.data + from, i - from);
        if (error == 0)
            error = kw_buf_text(out, escape_of(text.data[i]));
        if (error != 0)
            return error;
        from = i + 1;
    }
    return kw_emit(out, text.data + from, text.size - from);
}

static struct kw_image_node *node_of(struct kw_engine *engine, uint32_t number)
{
    return (struct kw_image_node *)(void *)engine->nodes.data + number;
}

int kw_emit_node(struct kw_engine *engine, struct kw_level *parent, uint16_t name, bool attribute, uint32_t *ret_node)
{
    if (engine->node_count >= KW_LIMIT_NODES)
        return -E2BIG;
    int error = kw_buf_reserve(&engine->nodes, sizeof(struct kw_image_node));
    if (error != 0)
        return error;
    uint32_t number = engine->node_count++;
    engine->nodes.size += sizeof(struct kw_image_node);
    *node_of(engine, number) = (struct kw_image_node){
        .name = htole16(name),
        .flags = htole16(attribute ? KW_IMAGE_ATTRIBUTE : 0),
        .next = htole32(KW_NONE),
        .parent = htole32(parent ? parent->node : KW_NONE),
    };
    if (parent && parent->last_child == KW_NONE)
        node_of(engine, parent->node)->flags |= htole16(KW_IMAGE_PARENT);
    else if (parent)
        node_of(engine, parent->last_child)->next = htole32(number);
    if (parent)
        parent->last_child = number;
    *ret_node = number;
    return 0;
}

void kw_emit_node_text(struct kw_engine *engine, uint32_t node, uint32_t text, uint32_t size)
{
    node_of(engine, node)->text = htole32(text);
    node_of(engine, node)->size = htole32(size);
}

int kw_emit_image(struct kw_engine *engine)
{
    const uint32_t numbers[3] = {htole32(engine->node_count), htole32((uint32_t)engine->heap.size), 0};
    engine->image.size = 0;
    int error = kw_buf_reserve(&engine->image, KW_IMAGE_HEADER + engine->nodes.size + engine->heap.size);
    if (error != 0)
        return error;
    error = kw_emit(&engine->image, KW_IMAGE_MAGIC, 4);
    if (error == 0)
        error = kw_emit(&engine->image, engine->tables->digest, 8);
    if (error == 0)
        error = kw_emit(&engine->image, numbers, sizeof(numbers));
    if (error == 0)
        error = kw_emit(&engine->image, engine->nodes.data, engine->nodes.size);
    return error != 0 ? error : kw_emit(&engine->image, engine->heap.data, engine->heap.size);
}
