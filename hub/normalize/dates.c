/* SPDX-License-Identifier: Apache-2.0 */
/* dates.c - reads what registers write as dates, and never more than they say. */
#include "normalize/dates.h"

#include "text/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MOST 256

/* Calendars of the record and what kw_date_span calls them. */
static const struct {
    const char *name, *library;
} calendars[] = {
    {"ethiopic", "ethiopic"},
    {"coptic", "coptic"},
    {"persian", "persian"},
    {"hijri_umalqura", "islamic-umalqura"},
    {"hijri_civil", "islamic-civil"},
    {"hebrew", "hebrew"},
    {"buddhist", "buddhist"},
    {"roc", "roc"},
    {"saka", "indian"},
    {"japanese", "japanese"},
    {"julian", "julian"},
    {"bikram_sambat", "bikram-sambat"},
    {"other", NULL},
    {"unknown", NULL},
};

static bool has_word(const char *hint, const char *word)
{
    const size_t size = strlen(word);
    for (const char *at = strstr(hint, word); at; at = strstr(at + 1, word))
        if ((at == hint || at[-1] == ' ') && (at[size] == 0 || at[size] == ' '))
            return true;
    return false;
}

static struct kw_date_hint read_hint(struct kw_view text)
{
    char words[128];
    struct kw_date_hint hint = {0};
    snprintf(words, sizeof(words), "%.*s", (int)text.size, text.data ? (const char *)text.data : "");
    hint.day_first = has_word(words, "dmy");
    hint.month_first = has_word(words, "mdy");
    for (size_t i = 0; i < KW_COUNT(calendars); i++) {
        if (has_word(words, calendars[i].name)) {
            hint.calendar = calendars[i].name;
            hint.library = calendars[i].library;
        }
    }
    return hint;
}

/* What the text itself says of its calendar goes before the hint. "AH" alone does not say which of the two it is. */
static bool follow_era(struct kw_date_hint *hint, const char *calendar)
{
    if (!calendar || (strcmp(calendar, "islamic") == 0 && hint->library && strncmp(hint->library, "islamic", 7) == 0))
        return true;
    if (strcmp(calendar, "islamic") == 0)
        return false;
    hint->calendar = hint->library = NULL;
    for (size_t i = 0; i < KW_COUNT(calendars); i++) {
        if (calendars[i].library && strcmp(calendars[i].library, calendar) == 0) {
            hint->calendar = calendars[i].name;
            hint->library = calendars[i].library;
        }
    }
    return true;
}

static bool has_gregorian_months(const struct kw_date_hint *hint)
{
    static const char *const like[] = {"buddhist", "japanese", "roc", "julian"};
    for (size_t i = 0; i < KW_COUNT(like); i++)
        if (hint->library && strcmp(hint->library, like[i]) == 0)
            return true;
    return !hint->calendar;
}

static bool says_unknown(const char *text)
{
    static const char *const words[] = {"unknown",   "unk",        "n/a", "na", "none", "null",
                                        "not known", "not stated", "?",   "-",  "--",   "0"};
    for (size_t i = 0; i < KW_COUNT(words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

/* ---- writing ---- */

static int put(struct kw_buf *out, const char *name, const char *text)
{
    int error = kw_buf_format(out, "<%s xmlns=\"" KW_RECORD_SPACE "\">", name);
    if (error == 0)
        error = kw_xml_escape(out, kw_view_text(text), false);
    return error < 0 ? error : kw_buf_format(out, "</%s>", name);
}

static void day_text(int32_t day, char text[16])
{
    int year, month, date;
    kw_date_from_day(day, &year, &month, &date);
    snprintf(text, 16, "%04d-%02d-%02d", year, month, date);
}

static int put_absent(struct kw_buf *out, const char *calendar, const char *original)
{
    int error = put(out, "absentReason", "unknown");
    if (error == 0 && calendar)
        error = put(out, "calendar", calendar);
    if (error == 0 && original[0])
        error = put(out, "original", original);
    return error;
}

static const char *precision_of(const struct kw_date_reading *reading)
{
    return reading->month == 0 ? "year" : reading->day == 0 ? "month" : NULL;
}

static int put_gregorian(struct kw_buf *out, const struct kw_date_reading *reading, const char *original)
{
    char value[48], whole[96];
    if (reading->month == 0)
        snprintf(value, sizeof(value), "%04d", reading->year);
    else if (reading->day == 0)
        snprintf(value, sizeof(value), "%04d-%02d", reading->year, reading->month);
    else
        snprintf(value, sizeof(value), "%04d-%02d-%02d", reading->year, reading->month, reading->day);
    snprintf(whole, sizeof(whole), "%s%s%s%s", value, reading->time[0] ? "T" : "", reading->time, reading->offset);
    int error = put(out, "value", value);
    if (error == 0 && reading->time[0])
        error = put(out, "time", reading->time);
    if (error == 0 && reading->offset[0])
        error = put(out, "offset", reading->offset);
    if (error == 0 && strcmp(whole, original) != 0)
        error = put(out, "original", original);
    if (error == 0 && precision_of(reading))
        error = put(out, "precision", precision_of(reading));
    return error;
}

static bool is_month(const char *first, const char *last, int32_t last_day)
{
    char next[16];
    day_text(last_day + 1, next);
    return strncmp(first, last, 7) == 0 && strcmp(first + 8, "01") == 0 && strcmp(next + 8, "01") == 0;
}

static int put_interval(struct kw_buf *out, int32_t first, int32_t last)
{
    char from[16], until[16];
    day_text(first, from);
    day_text(last, until);
    int error = 0;
    if (first == last)
        return put(out, "value", from);
    const size_t same = is_month(from, until, last) ? 7 : strncmp(from, until, 4) == 0 ? 4 : 0;
    if (same > 0) { /* one Gregorian month or year: that much is known */
        until[same] = 0;
        error = put(out, "value", until);
        until[same] = '-';
    } else
        error = put(out, "absentReason", "unknown");
    if (error == 0)
        error = put(out, "earliest", from);
    return error < 0 ? error : put(out, "latest", until);
}

static int put_other(struct kw_buf *out, const struct kw_date_hint *hint, const struct kw_date_reading *reading, int era,
                     const char *original, const char **ret_warning)
{
    struct kw_date_range range;
    int error = hint->library ? kw_date_span(hint->library, era, reading->year, reading->month, reading->day, &range) : -EINVAL;
    if (error < 0)
        return error;
    if (reading->day && range.first < range.last)
        *ret_warning = "date-ambiguous";
    error = put_interval(out, range.first, range.last);
    if (error == 0)
        error = put(out, "calendar", hint->calendar);
    if (error == 0)
        error = put(out, "original", original);
    if (error == 0 && precision_of(reading))
        error = put(out, "precision", precision_of(reading));
    return error;
}

static bool is_day(const struct kw_date_reading *reading)
{
    int32_t day;
    return reading->month >= 0 &&
           kw_day_from_date(reading->year, reading->month ? reading->month : 1, reading->day ? reading->day : 1, &day) == 0;
}

/* One line of at most TEXT_MOST bytes; empty when it is longer. */
static int one_line(struct kw_view text, bool plain_digits, char ret_line[TEXT_MOST + 1], bool *ret_fits)
{
    struct kw_buf clean = {0};
    const int error = kw_text_clean(text, plain_digits, &clean);
    *ret_fits = clean.size <= TEXT_MOST;
    snprintf(ret_line, TEXT_MOST + 1, "%s", *ret_fits && clean.data ? (const char *)clean.data : "");
    kw_buf_clear(&clean);
    return error;
}

static int put_read(struct kw_buf *out, struct kw_date_words *words, struct kw_date_hint *hint, const char *original,
                    const char **ret_warning)
{
    struct kw_date_reading reading = {0};
    const bool told = follow_era(hint, words->calendar);
    hint->gregorian_months = has_gregorian_months(hint);
    const bool read = told && kw_date_fields(words->text, hint, &reading);
    const size_t before = out->size;
    if (reading.several)
        *ret_warning = "date-ambiguous";
    if (read && reading.year == 0)
        return put_absent(out, hint->calendar, original);
    if (read && hint->calendar) {
        const int error = put_other(out, hint, &reading, words->era, original, ret_warning);
        if (error != -ERANGE && error != -EINVAL)
            return error;
        out->size = before;
    } else if (read && is_day(&reading))
        return put_gregorian(out, &reading, original);
    *ret_warning = "date-not-read";
    return put_absent(out, hint->calendar, original);
}

int kw_date_read(struct kw_view text, struct kw_view hint_text, struct kw_buf *ret_children, const char **ret_warning)
{
    char original[TEXT_MOST + 1], plain[TEXT_MOST + 1];
    bool fits, plain_fits;
    struct kw_date_words words;
    struct kw_date_hint hint = read_hint(hint_text);
    *ret_warning = NULL;
    int error = one_line(text, false, original, &fits);
    if (error == 0)
        error = one_line(text, true, plain, &plain_fits);
    if (error < 0)
        return error;
    if (!plain[0] || says_unknown(plain)) {
        *ret_warning = fits ? NULL : "date-not-read";
        return put_absent(ret_children, NULL, original);
    }
    error = kw_date_words(text, hint.library ? hint.library : "gregorian", &words);
    if (error == 0)
        return put_read(ret_children, &words, &hint, original, ret_warning);
    *ret_warning = "date-not-read";
    return error == -E2BIG ? put_absent(ret_children, hint.calendar, original) : error;
}

/* ---- ages ---- */

/* The day months before day, or the last of a month that has no such day. */
static int32_t months_before(int32_t day, int months)
{
    int year, month, date;
    kw_date_from_day(day, &year, &month, &date);
    const int total = year * 12 + month - 1 - months;
    int32_t then = day;
    while (kw_day_from_date(total / 12, total % 12 + 1, date, &then) == -ERANGE && date > 28)
        date--;
    return then;
}

/* Births that make somebody that old on a day of when. The hour of birth is not known: an age in hours or minutes holds on two
 * days or more. */
static struct kw_date_range births(int age, const char *unit, struct kw_date_range when)
{
    const bool months = strcmp(unit, "months") == 0;
    if (months || strcmp(unit, "years") == 0) {
        const int step = months ? 1 : 12;
        return (struct kw_date_range){months_before(when.first, (age + 1) * step) + 1, months_before(when.last, age * step)};
    }
    if (strcmp(unit, "weeks") == 0)
        return (struct kw_date_range){when.first - (7 * age + 6), when.last - 7 * age};
    if (strcmp(unit, "days") == 0)
        return (struct kw_date_range){when.first - age, when.last - age};
    const int days = strcmp(unit, "hours") == 0 ? age / 24 : age / (24 * 60);
    return (struct kw_date_range){when.first - days - 1, when.last - days};
}

static const char *unit_of(struct kw_view unit)
{
    static const char *const units[] = {"years", "months", "weeks", "days", "hours", "minutes"};
    for (size_t i = 0; i < KW_COUNT(units); i++)
        if (kw_view_is(unit, units[i]))
            return units[i];
    return NULL;
}

static int put_age(struct kw_buf *out, int age, const char *unit, struct kw_view at)
{
    struct kw_date_range when;
    const bool dated = kw_date_parse(at, &when) == 0;
    int error;
    if (dated && (strcmp(unit, "years") != 0 || age < 200))
        error = put_interval(out, births(age, unit, when).first, births(age, unit, when).last);
    else
        error = put(out, "absentReason", "unknown");
    if (error == 0)
        error = put(out, "qualifier", "estimated_from_age");
    if (error == 0)
        error = kw_buf_format(out, "<statedAge xmlns=\"" KW_RECORD_SPACE "\"><value>%d</value><unit>%s</unit>", age, unit);
    if (error == 0 && dated && at.size == 10)
        error = kw_buf_format(out, "<atDate>%.10s</atDate>", (const char *)at.data);
    return error < 0 ? error : kw_buf_text(out, "</statedAge>");
}

int kw_date_from_age(struct kw_view number, struct kw_view unit, struct kw_view at, struct kw_buf *ret_children,
                     const char **ret_warning)
{
    char text[TEXT_MOST + 1];
    bool fits;
    *ret_warning = NULL;
    const int error = one_line(number, true, text, &fits);
    if (error < 0)
        return error;
    const size_t size = strlen(text);
    if (unit_of(unit) && size > 0 && size <= 4 && strspn(text, "0123456789") == size)
        return put_age(ret_children, atoi(text), unit_of(unit), at);
    *ret_warning = size == 0 && fits ? NULL : "age-not-read";
    return put_absent(ret_children, NULL, "");
}
