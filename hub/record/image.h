/* SPDX-License-Identifier: Apache-2.0 */
/* image.h - the bytes of a record image (private to hub/record; readers use record.h).
 *
 * Header: "KWI1", first 8 bytes of the schema's SHA-256, u32 nodes, u32 bytes of heap, u32 zero. Then the nodes in document
 * order, the attributes of an element before its children, then the heap. Numbers are little-endian. The first child of a
 * node is the node after it. Text is the value with its white space treated as its type says.
 */
#ifndef KINWARD_RECORD_IMAGE_H
#define KINWARD_RECORD_IMAGE_H

#include <stdint.h>

#define KW_IMAGE_HEADER    24
#define KW_IMAGE_MAGIC     "KWI1"
#define KW_IMAGE_ATTRIBUTE 1u /* flag: an attribute */
#define KW_IMAGE_PARENT    2u /* flag: has children */

struct kw_image_node {
    uint16_t name, flags;
    uint32_t next;   /* sibling; KW_NONE: the last */
    uint32_t parent; /* KW_NONE: the record */
    uint32_t text, size;
};
_Static_assert(sizeof(struct kw_image_node) == 20, "twenty bytes a node");

#endif
