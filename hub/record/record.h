/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - the common record: one-pass validation, canonical bytes, record image, reading an image.
 *
 * The validator is generated from schemas/record.xsd at build (tools/). The
 * image is a flat copy of a valid record that the core reads without parsing
 * XML; it comes from a process that parsed hostile input, so that every
 * reader goes through kw_image_open, which checks all bounds once.
 */
#ifndef KINWARD_RECORD_H
#define KINWARD_RECORD_H

#include "base/base.h"
#include "record-names.h" /* generated: enum kw_name { KW_N_record, KW_N_birthDate, … }, one for each element and attribute name */

/* ---- validator ---------------------------------------------------------- */

struct kw_validator; /* one thread at a time; reused for any number of records */
KW_CHECKED int kw_validator_new(struct kw_validator **ret_validator);
void kw_validator_free(struct kw_validator *validator);
void kw_validator_freep(struct kw_validator **validator);

/* One pass: parse, schema, canonical bytes, image. On success ret_canonical and ret_image (each may be NULL) are replaced and
 * ret_is_canonical (may be NULL) tells whether text was the canonical bytes already. On refusal: -EBADMSG and a fault with
 * code, line, column, element (place: "sex", "name/@language") and rule (message), never a value; -ENOMEM. Canonical: exclusive
 * C14N, white space between
 * elements dropped. */
KW_CHECKED int kw_validate(struct kw_validator *validator, struct kw_view text, struct kw_buf *ret_canonical,
                           struct kw_buf *ret_image, bool *ret_is_canonical, struct kw_fault *fault);
/* The same for a file of <records>: visit is called for each; its non-zero answer stops. A single <record> is visited once.
 * A refusal ends the pass; records before it have been visited. */
KW_CHECKED int kw_validate_file(struct kw_validator *validator, struct kw_view text,
                                int (*visit)(void *context, struct kw_view canonical, struct kw_view image), void *context,
                                struct kw_fault *fault);

/* ---- image: 24-byte header, nodes of 20 bytes in document order, heap of text ------------- */

struct kw_image { /* borrowed from the bytes it was opened on */
    const uint8_t *nodes;
    const uint8_t *heap;
    uint32_t count, heap_size;
};
typedef uint32_t kw_node; /* 0 is the record element; KW_NONE is none */
#define KW_NONE UINT32_MAX

/* Checks magic, schema digest, counts, every link (parent before child, next after) and every text range. -EBADMSG. */
KW_CHECKED int kw_image_open(struct kw_view bytes, struct kw_image *ret_image);
/* Readers take any node number; one that is not there (KW_NONE) has the name KW_N_COUNT, no text and no relatives. Text of types
 * that collapse white space is collapsed; element content is empty text. Attributes stand before the elements of a parent. */
enum kw_name kw_image_name(const struct kw_image *image, kw_node node);
struct kw_view kw_image_text(const struct kw_image *image, kw_node node); /* text of a simple element or attribute */
bool kw_image_is_attribute(const struct kw_image *image, kw_node node);
kw_node kw_image_parent(const struct kw_image *image, kw_node node);
kw_node kw_image_child(const struct kw_image *image, kw_node parent, enum kw_name name); /* first, element or attribute */
kw_node kw_image_next(const struct kw_image *image, kw_node node, enum kw_name name);    /* next sibling of that name */
kw_node kw_image_first(const struct kw_image *image, kw_node parent);                    /* first child of any name */
kw_node kw_image_sibling(const struct kw_image *image, kw_node node);                    /* next sibling of any name */
/* Text at a path of child names, e.g. KW_PATH(KW_N_event, KW_N_date, KW_N_value); empty when there is none. */
struct kw_view kw_image_at(const struct kw_image *image, kw_node from, const enum kw_name *path, size_t depth);
#define KW_PATH(...) (const enum kw_name[]){__VA_ARGS__}, sizeof((enum kw_name[]){__VA_ARGS__}) / sizeof(enum kw_name)
/* The same with a textual path "event/date/value" or "name/@language" (rule packs); unknown names give an empty text. */
struct kw_view kw_image_path(const struct kw_image *image, kw_node from, const char *path);
const char *kw_name_text(enum kw_name name);
bool kw_name_parse(struct kw_view text, enum kw_name *ret_name);

/* ---- what every stage asks of a record ----------------------------------- */

struct kw_record_head {                                   /* borrowed texts */
    struct kw_view event_type, status, jurisdiction;      /* jurisdiction: ISO 3166-1 alpha-2 of the source registry */
    struct kw_view registry, source_id, source_version;   /* version: the source's, or the content hash where it has none */
    struct kw_view mapping_id, mapping_version, raw_hash; /* empty when there was no mapping */
};
KW_CHECKED int kw_record_head(const struct kw_image *image, struct kw_record_head *ret_head);

/* Origin leaf entry (DESIGN §8): u16 length ‖ source id ‖ u16 length ‖ version ‖ SHA-256 of the canonical record; appends. */
KW_CHECKED int kw_origin_leaf(struct kw_view source_id, struct kw_view version, const uint8_t record_hash[32],
                              struct kw_buf *ret_leaf);
/* The bytes under an origin signature (protocol.md §4); appends. */
KW_CHECKED int kw_origin_bytes(struct kw_view principal, struct kw_view jurisdiction, const uint8_t batch[16], uint32_t count,
                               const uint8_t root[32], struct kw_buf *ret_bytes);

#endif
