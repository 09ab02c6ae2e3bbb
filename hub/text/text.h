/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - UTF-8, normal forms, scripts, transliteration, calendars. The only room that calls ICU. */
#ifndef KINWARD_TEXT_H
#define KINWARD_TEXT_H

#include "base/base.h"

/* Loads all that ICU loads on first use, so that a child can be locked in afterwards. Takes some 50 ms. */
KW_CHECKED int kw_text_preload(void);

/* Well-formed UTF-8 (RFC 3629) of characters that XML 1.0 allows. ret_offset: the first bad byte. */
KW_CHECKED int kw_utf8_check(struct kw_view text, size_t *ret_offset);
KW_CHECKED int kw_nfc_check(struct kw_view text);                       /* 0, -EILSEQ: not in form C, -ENOMEM: not known */
bool kw_is_nfc(struct kw_view text);                                    /* quick for ASCII and Latin-1 */
KW_CHECKED int kw_to_nfc(struct kw_view text, struct kw_buf *ret_text); /* appends */

/* For comparing names: NFKC, romanised by language then by script, Latin-ASCII, lower case, letters and digits only, words
 * parted by one space. Empty when nothing is left. language: BCP 47 or empty. Appends. */
KW_CHECKED int kw_name_normal(struct kw_view name, struct kw_view language, struct kw_buf *ret_text);
/* For comparing identifiers: upper case, letters and digits only (any script's digits as 0-9). Appends. */
KW_CHECKED int kw_id_normal(struct kw_view value, struct kw_buf *ret_text);
/* One line: white space and controls of any kind as one blank, none at the ends, NFC; with plain_digits any script's digits
 * as 0-9. Appends. */
KW_CHECKED int kw_text_clean(struct kw_view text, bool plain_digits, struct kw_buf *ret_text);
/* Upper (or lower) case by Unicode's rules without a language. Appends. */
KW_CHECKED int kw_text_case(struct kw_view text, bool upper, struct kw_buf *ret_text);
/* ISO 15924 code of the first script letter, "Zyyy" when there is none. */
void kw_script_of(struct kw_view text, char ret_code[5]);
/* Takes the next stretch of one writing off text, without signs and blanks at its ends; Chinese characters go with the Japanese
 * or Korean letters beside them (Jpan, Kore). false: no letter is left. */
bool kw_script_take(struct kw_view *text, struct kw_view *ret_part, char ret_code[5]);

/* ---- dates -------------------------------------------------------------- */

/* Days since 1970-01-01 in the proleptic Gregorian calendar. */
KW_CHECKED int kw_day_from_date(int year, int month, int day, int32_t *ret_day); /* -ERANGE when there is no such day */
void kw_date_from_day(int32_t day, int *ret_year, int *ret_month, int *ret_day);

/* A date of the record: interval of days with precision. value is ISO 8601 with unknown parts left out: 2019, 2019-05,
 * 2019-05-07. */
struct kw_date_range {
    int32_t first, last; /* inclusive days since 1970-01-01 */
};
KW_CHECKED int kw_date_parse(struct kw_view value, struct kw_date_range *ret_range);
/* The days that a date of another calendar can mean. calendar: ethiopic, coptic, persian, islamic-umalqura (1300 to 1600),
 * islamic-civil, hebrew (5561 to 5805), buddhist, roc, indian, japanese, julian, bikram-sambat (2000 to 2083). era: 0, or for
 * japanese ICU's number of an era that year counts in; without it the year is as in the Gregorian calendar. month and day 0: not
 * known. Hebrew months count from Tishri, Adar I is 6. -EINVAL: no such calendar; -ERANGE: no such day. */
KW_CHECKED int kw_date_span(const char *calendar, int era, int year, int month, int day, struct kw_date_range *ret_range);
#define KW_MONTH_ADAR    14 /* the name alone: either Adar in a leap year */
#define KW_MONTH_ADAR_II 15 /* in a leap year only */

/* A date's words made plain: digits of any script as 0-9, a month by its name in one of the calendar's languages as "#7", the
 * name of an era taken away and its year in four digits, Chinese signs for year, month and day as "-". */
struct kw_date_words {
    char text[128];
    const char *calendar; /* that the era belongs to: as above, or gregorian, or islamic; NULL where none is stated */
    int era;
};
/* calendar as above or gregorian: whose months are looked for where no era says otherwise. -E2BIG: too long for a date. */
KW_CHECKED int kw_date_words(struct kw_view text, const char *calendar, struct kw_date_words *ret_words);

/* Age in completed years on a day, as a range over both intervals; negative before birth. Born on 29 February: on 1 March. */
void kw_age_range(struct kw_date_range birth, struct kw_date_range at, int *ret_least, int *ret_most);

#endif
