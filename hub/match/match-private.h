/* SPDX-License-Identifier: Apache-2.0 */
/* match-private.h - the normal values that keys and comparisons are made of. */
#ifndef KINWARD_MATCH_PRIVATE_H
#define KINWARD_MATCH_PRIVATE_H

#include "match/match.h"

/* One normal value of a node: its kind and a text that is equal exactly when two records mean the same thing. scope: what has
 * to be equal for two values to be comparable at all (type and issuer of an identifier); a prefix of text of that size. */
typedef int (*kw_value_visit)(void *context, enum kw_match_kind kind, struct kw_view text, size_t scope);

/* Values of a party or a document; scratch is cleared for each value. */
KW_CHECKED int kw_match_values(const struct kw_image *image, kw_node node, unsigned kinds, struct kw_buf *scratch,
                               kw_value_visit visit, void *context);
/* Appends "given family" words of a name, normal and sorted; nothing when nothing is left. */
KW_CHECKED int kw_match_name(const struct kw_image *image, kw_node name, struct kw_buf *ret_text);
/* Bits of evidence of one kind of key. */
unsigned kw_match_bits(enum kw_match_kind kind);

#endif
