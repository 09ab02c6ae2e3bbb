/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - reads record images, which come from a process that parsed hostile input. */
#include "record/image.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "record/record.h"
#include "record/tables.h"
#include "text/text.h"

static struct kw_image_node node_at(const struct kw_image *image, kw_node number)
{
    struct kw_image_node node;
    memcpy(&node, image->nodes + (size_t)number * sizeof(node), sizeof(node));
    return (struct kw_image_node){le16toh(node.name),   le16toh(node.flags), le32toh(node.next),
                                  le32toh(node.parent), le32toh(node.text),  le32toh(node.size)};
}

static bool on_boundary(const struct kw_image *image, uint32_t offset)
{
    return offset == image->heap_size || (image->heap[offset] & 0xC0) != 0x80;
}

static bool node_sound(const struct kw_image *image, kw_node number)
{
    struct kw_image_node node = node_at(image, number);
    if (node.name >= KW_N_COUNT || (node.flags & ~(KW_IMAGE_ATTRIBUTE | KW_IMAGE_PARENT)) != 0)
        return false;
    if (node.text > image->heap_size || node.size > image->heap_size - node.text)
        return false;
    if (!on_boundary(image, node.text) || !on_boundary(image, node.text + node.size))
        return false;
    if (number == 0 ? node.parent != KW_NONE || node.next != KW_NONE : node.parent >= number)
        return false;
    if (number > 0 && !(node_at(image, node.parent).flags & KW_IMAGE_PARENT))
        return false;
    if (node.next != KW_NONE &&
        (node.next <= number || node.next >= image->count || node_at(image, node.next).parent != node.parent))
        return false;
    if (!(node.flags & KW_IMAGE_PARENT))
        return true;
    return !(node.flags & KW_IMAGE_ATTRIBUTE) && number + 1 < image->count && node_at(image, number + 1).parent == number;
}

int kw_image_open(struct kw_view bytes, struct kw_image *ret_image)
{
    struct kw_view rest = bytes, head;
    uint32_t numbers[3];
    if (bytes.size < KW_IMAGE_HEADER)
        return -EBADMSG;
    if (kw_take(&rest, KW_IMAGE_HEADER, &head) != 0)
        return -EBADMSG;
    memcpy(numbers, head.data + 12, sizeof(numbers));
    uint32_t count = le32toh(numbers[0]), heap_size = le32toh(numbers[1]);
    if (memcmp(head.data, KW_IMAGE_MAGIC, 4) != 0 || memcmp(head.data + 4, kw_record_tables.digest, 8) != 0 || numbers[2] != 0)
        return -EBADMSG;
    if (count == 0 || count > KW_LIMIT_NODES || heap_size > KW_LIMIT_RECORD)
        return -EBADMSG;
    if (rest.size != (size_t)count * sizeof(struct kw_image_node) + heap_size)
        return -EBADMSG;
    struct kw_image image = {rest.data, rest.data + (size_t)count * sizeof(struct kw_image_node), count, heap_size};
    size_t bad;
    if (kw_utf8_check((struct kw_view){image.heap, heap_size}, &bad) != 0)
        return -EBADMSG;
    for (kw_node number = 0; number < count; number++)
        if (!node_sound(&image, number))
            return -EBADMSG;
    if (node_at(&image, 0).name != KW_N_record)
        return -EBADMSG;
    *ret_image = image;
    return 0;
}

enum kw_name kw_image_name(const struct kw_image *image, kw_node node)
{
    return node < image->count ? (enum kw_name)node_at(image, node).name : KW_N_COUNT;
}

bool kw_image_is_attribute(const struct kw_image *image, kw_node node)
{
    return node < image->count && (node_at(image, node).flags & KW_IMAGE_ATTRIBUTE);
}

struct kw_view kw_image_text(const struct kw_image *image, kw_node node)
{
    if (node >= image->count)
        return (struct kw_view){0};
    struct kw_image_node found = node_at(image, node);
    return (struct kw_view){image->heap + found.text, found.size};
}

kw_node kw_image_parent(const struct kw_image *image, kw_node node)
{
    return node < image->count ? node_at(image, node).parent : KW_NONE;
}

kw_node kw_image_first(const struct kw_image *image, kw_node parent)
{
    return parent < image->count && (node_at(image, parent).flags & KW_IMAGE_PARENT) ? parent + 1 : KW_NONE;
}

kw_node kw_image_sibling(const struct kw_image *image, kw_node node)
{
    return node < image->count ? node_at(image, node).next : KW_NONE;
}

static kw_node find_from(const struct kw_image *image, kw_node node, enum kw_name name)
{
    while (node < image->count) {
        struct kw_image_node found = node_at(image, node);
        if (found.name == (uint16_t)name)
            return node;
        node = found.next;
    }
    return KW_NONE;
}

kw_node kw_image_child(const struct kw_image *image, kw_node parent, enum kw_name name)
{
    return find_from(image, kw_image_first(image, parent), name);
}

kw_node kw_image_next(const struct kw_image *image, kw_node node, enum kw_name name)
{
    return find_from(image, kw_image_sibling(image, node), name);
}

struct kw_view kw_image_at(const struct kw_image *image, kw_node from, const enum kw_name *path, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        from = kw_image_child(image, from, path[i]);
    return kw_image_text(image, from);
}

struct kw_view kw_image_path(const struct kw_image *image, kw_node from, const char *path)
{
    while (*path) {
        if (*path == '@')
            path++;
        size_t size = strcspn(path, "/");
        enum kw_name name;
        if (!kw_name_parse((struct kw_view){(const uint8_t *)path, size}, &name))
            return (struct kw_view){0};
        from = kw_image_child(image, from, name);
        path += size + (path[size] == '/');
    }
    return kw_image_text(image, from);
}
