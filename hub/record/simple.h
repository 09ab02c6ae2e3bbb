/* SPDX-License-Identifier: Apache-2.0 */
/* simple.h - simple types: white space, facets, patterns (private to hub/record). */
#ifndef KINWARD_RECORD_SIMPLE_H
#define KINWARD_RECORD_SIMPLE_H

#include "base/base.h"
#include "record/tables.h"

/* White space as the type wants it (XML Schema 1.0 part 2 §4.3.6), in place; returns the new size, which is not larger. */
size_t kw_simple_space(const struct kw_table_simple *simple, uint8_t *text, size_t size);
/* Is the value, its white space treated, of the type? -EBADMSG: the rule that it breaks is in rule, without the value. */
KW_CHECKED int kw_simple_check(const struct kw_table_simple *simple, struct kw_view value, char *rule, size_t rule_size);

#endif
