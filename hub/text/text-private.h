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
KW_CHECKED int kw_months_preload(void);
/* ICU's numbers of the eras since Meiji (i18n/japancal.h). */
enum { KW_ERA_MEIJI = 232, KW_ERA_TAISHO, KW_ERA_SHOWA, KW_ERA_HEISEI, KW_ERA_REIWA };
/* Days of a month of Bikram Sambat; 0 where no table tells. */
int kw_bikram_length(int year, int month);
KW_CHECKED int kw_bikram_day(int year, int month, int day, int32_t *ret_day);

#endif
