/* SPDX-License-Identifier: Apache-2.0 */
/* text-private.h - UTF-16 helpers shared inside the room. */
#ifndef KINWARD_TEXT_PRIVATE_H
#define KINWARD_TEXT_PRIVATE_H

#include "text/text.h"

#include <unicode/unorm2.h>
#include <unicode/ustring.h>

void kw_text_start(void); /* once per process: ICU without files */
/* UTF-8 to UTF-16; owned, free with kw_free. -EILSEQ when not well-formed. */
KW_CHECKED int kw_to_units(struct kw_view text, UChar **ret_units, int32_t *ret_count);
KW_CHECKED int kw_append_units(struct kw_buf *text, const UChar *units, int32_t count);
KW_CHECKED int kw_normalise_units(const UNormalizer2 *form, const UChar *units, int32_t count, UChar **ret_units,
                                  int32_t *ret_count);
KW_CHECKED int kw_calendars_preload(void);

#endif
