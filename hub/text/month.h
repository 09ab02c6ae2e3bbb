/* SPDX-License-Identifier: Apache-2.0 */
/* month.h - names of months and eras (private to hub/text). */
#ifndef KINWARD_TEXT_MONTH_H
#define KINWARD_TEXT_MONTH_H

#include "text/text-private.h"

#define KW_WORD_SIZE 64

/* Small letters of a word and the vowel signs that belong to them, nothing else. */
KW_CHECKED int kw_word_fold(struct kw_view word, char ret_text[KW_WORD_SIZE]);
/* After kw_months_preload. 0: names no month of the calendar. */
int kw_month_named(const char *folded, const char *calendar);
/* The calendar that an era belongs to, NULL when it is none; ret_era as in struct kw_date_words. */
const char *kw_era_named(const char *folded, int *ret_era);

#endif
