/* SPDX-License-Identifier: Apache-2.0 */
/* dates.c - reads what registers write as dates, and never more than they say. */
#include "normalize/private.h"

#include "text/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIELDS_MOST 3
#define TEXT_MOST   256

struct reading {
    int year, month, day; /* 0: not known */
    char time[20], offset[8];
    bool several; /* day and month could be either way round */
};

/* Calendars of the record and what ICU calls them. */
static const struct {
    const char *name, *library;
} calendars[] = {
    {"gregorian", NULL},
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
};

struct hint {
    bool day_first, month_first;
    const char *calendar; /* of the record; NULL: gregorian */
    const char *library;
};

static bool has_word(const char *hint, const char *word)
{
    const size_t size = strlen(word);
    for (const char *at = strstr(hint, word); at; at = strstr(at + 1, word))
        if ((at == hint || at[-1] == ' ') && (at[size] == 0 || at[size] == ' '))
            return true;
    return false;
}

static struct hint read_hint(struct kw_view text)
{
    char words[128];
    struct hint hint = {0};
    snprintf(words, sizeof(words), "%.*s", (int)text.size, text.data ? (const char *)text.data : "");
    hint.day_first = has_word(words, "dmy");
    hint.month_first = has_word(words, "mdy");
    for (size_t i = 1; i < KW_COUNT(calendars); i++) {
        if (has_word(words, calendars[i].name)) {
            hint.calendar = calendars[i].name;
            hint.library = calendars[i].library;
        }
    }
    return hint;
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

/* ---- fields ---- */

struct field {
    char text[16];
    int number; /* 0: unknown part; -1: not a part of a date */
    size_t size;
};

static int month_by_name(const char *text)
{
    static const char *const names[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};
    const size_t size = strlen(text);
    for (int month = 0; size >= 3 && month < 12; month++)
        if (size <= strlen(names[month]) && strncasecmp(text, names[month], size) == 0)
            return month + 1;
    return -1;
}

static int number_of(const char *text)
{
    const size_t size = strlen(text);
    if (strspn(text, "0123456789") == size && size > 0 && size <= 4)
        return strcmp(text, "9999") == 0 || (size == 2 && strcmp(text, "99") == 0) ? 0 : atoi(text);
    if (size > 0 && (strspn(text, "XxUu?*_") == size))
        return 0;
    return month_by_name(text);
}

/* Cuts "2019-05-07" at its separators. 0 when it is no such thing. */
static size_t split(const char *text, struct field fields[FIELDS_MOST])
{
    size_t count = 0;
    while (*text) {
        const size_t size = strcspn(text, "-/. ");
        if (size == 0 || size >= sizeof(fields[0].text) || count == FIELDS_MOST)
            return 0;
        memcpy(fields[count].text, text, size);
        fields[count].text[size] = 0;
        fields[count].size = size;
        fields[count].number = number_of(fields[count].text);
        if (fields[count++].number < 0)
            return 0;
        text += size;
        if (*text) {
            text++;
            if (!*text)
                return 0;
        }
    }
    return count;
}

static void order_day_and_month(struct reading *reading, int first, int second, const struct hint *hint)
{
    const bool day_first = hint->day_first || (!hint->month_first && first > 12);
    const bool month_first = hint->month_first || (!hint->day_first && second > 12);
    if (!day_first && !month_first && first != second && first > 0 && second > 0) {
        reading->several = true; /* 05/07/2019 with nothing that tells: only the year is certain */
        return;
    }
    reading->day = month_first ? second : first;
    reading->month = month_first ? first : second;
}

static bool read_day(const char *text, const struct hint *hint, struct reading *reading)
{
    struct field fields[FIELDS_MOST];
    char spread[11];
    if (strlen(text) == 8 && strspn(text, "0123456789") == 8) {
        snprintf(spread, sizeof(spread), "%.4s-%.2s-%.2s", text, text + 4, text + 6);
        text = spread;
    }
    const size_t count = split(text, fields);
    if (count == 1 && fields[0].size == 4 && fields[0].number > 0) {
        reading->year = fields[0].number;
        return true;
    }
    if (count < 2)
        return count == 1 && fields[0].size == 4; /* XXXX: nothing known */
    const struct field *last = &fields[count - 1];
    if (fields[0].size == 4) {
        reading->year = fields[0].number;
        reading->month = fields[1].number;
        reading->day = count == 3 ? fields[2].number : 0;
        return count == 3 || fields[1].size <= 2 || isalpha((unsigned char)fields[1].text[0]);
    }
    if (last->size != 4)
        return false; /* a year of two digits could be of any century */
    reading->year = last->number;
    if (count == 2)
        reading->month = fields[0].number;
    else if (isalpha((unsigned char)fields[1].text[0]) && fields[1].number > 0)
        reading->day = fields[0].number, reading->month = fields[1].number;
    else if (isalpha((unsigned char)fields[0].text[0]) && fields[0].number > 0)
        reading->day = fields[1].number, reading->month = fields[0].number;
    else
        order_day_and_month(reading, fields[0].number, fields[1].number, hint);
    return true;
}

/* "T14:09:24.107Z" or " 14:09" behind a day. */
static bool read_time(const char *text, struct reading *reading)
{
    int hour, minute, used = 0;
    if (sscanf(text, "%2d:%2d%n", &hour, &minute, &used) != 2 || used != 5 || hour > 23 || minute > 59 || hour < 0 || minute < 0)
        return false;
    size_t size = 5;
    if (text[size] == ':' && isdigit((unsigned char)text[size + 1]) && isdigit((unsigned char)text[size + 2]) &&
        text[size + 1] <= '5') {
        size += 3;
        if (text[size] == '.') {
            const size_t digits = strspn(text + size + 1, "0123456789");
            if (digits == 0)
                return false;
            memcpy(reading->time, text, size + 1 + (digits > 6 ? 6 : digits));
            size += 1 + digits;
        }
    }
    if (!reading->time[0])
        memcpy(reading->time, text, size);
    const char *rest = text + size;
    if (strcmp(rest, "Z") == 0 || strcmp(rest, "z") == 0)
        snprintf(reading->offset, sizeof(reading->offset), "Z");
    else if ((rest[0] == '+' || rest[0] == '-') && sscanf(rest + 1, "%2d:%2d%n", &hour, &minute, &used) == 2 && used == 5 &&
             !rest[6] && hour <= 14 && minute <= 59)
        memcpy(reading->offset, rest, 7);
    else if (*rest)
        return false;
    return true;
}

static bool read_all(char *text, const struct hint *hint, struct reading *reading)
{
    char *time = strchr(text, 'T');
    if (time && (time == text || !isdigit((unsigned char)time[-1]) || !isdigit((unsigned char)time[1])))
        time = NULL;
    if (!time && (time = strrchr(text, ' ')) && !strchr(time, ':'))
        time = NULL;
    if (time) {
        *time++ = 0;
        if (!read_time(time, reading))
            return false;
    }
    if (!read_day(text, hint, reading))
        return false;
    if (reading->month == 0)
        reading->day = 0; /* a day of an unknown month says nothing that a date can hold; the original keeps it */
    return true;
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

static const char *precision_of(const struct reading *reading)
{
    return reading->month == 0 ? "year" : reading->day == 0 ? "month" : NULL;
}

static int put_gregorian(struct kw_buf *out, const struct reading *reading, const char *original)
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

/* First and last day of what another calendar's date can mean. */
static int convert(const struct hint *hint, const struct reading *reading, int32_t *ret_first, int32_t *ret_last)
{
    int32_t next;
    int error = kw_date_convert(hint->library, reading->year, reading->month ? reading->month : 1, reading->day ? reading->day : 1,
                                ret_first);
    *ret_last = *ret_first;
    if (error < 0 || reading->day)
        return error;
    error = reading->month ? kw_date_convert(hint->library, reading->year, reading->month + 1, 1, &next) : -ERANGE;
    if (error < 0)
        error = kw_date_convert(hint->library, reading->year + 1, 1, 1, &next);
    if (error == 0)
        *ret_last = next - 1;
    return error;
}

static int put_interval(struct kw_buf *out, int32_t first, int32_t last)
{
    char from[16], until[16];
    day_text(first, from);
    day_text(last, until);
    int error = 0;
    if (first == last)
        return put(out, "value", from);
    if (strncmp(from, until, 4) == 0) { /* one Gregorian year: that much is known */
        until[4] = 0;
        error = put(out, "value", until);
        until[4] = '-';
    } else
        error = put(out, "absentReason", "unknown");
    if (error == 0)
        error = put(out, "earliest", from);
    return error < 0 ? error : put(out, "latest", until);
}

static int put_other(struct kw_buf *out, const struct hint *hint, const struct reading *reading, const char *original)
{
    int32_t first, last;
    int error = convert(hint, reading, &first, &last);
    if (error < 0)
        return error;
    error = put_interval(out, first, last);
    if (error == 0)
        error = put(out, "calendar", hint->calendar);
    if (error == 0)
        error = put(out, "original", original);
    if (error == 0 && precision_of(reading))
        error = put(out, "precision", precision_of(reading));
    return error;
}

static bool is_day(const struct reading *reading)
{
    int32_t day;
    return reading->month >= 0 &&
           kw_day_from_date(reading->year, reading->month ? reading->month : 1, reading->day ? reading->day : 1, &day) == 0;
}

int kw_date_read(struct kw_view text, struct kw_view hint_text, struct kw_buf *ret_children, const char **ret_warning)
{
    char original[TEXT_MOST + 1], copy[TEXT_MOST + 1];
    struct kw_buf clean = {0}, plain = {0};
    struct reading reading = {0};
    const struct hint hint = read_hint(hint_text);
    *ret_warning = NULL;
    int error = kw_text_clean(text, false, &clean);
    if (error == 0)
        error = kw_text_clean(text, true, &plain);
    const bool fits = clean.size <= TEXT_MOST && plain.size <= TEXT_MOST;
    snprintf(original, sizeof(original), "%s", fits && clean.data ? (const char *)clean.data : "");
    snprintf(copy, sizeof(copy), "%s", fits && plain.data ? (const char *)plain.data : "");
    kw_buf_clear(&clean);
    kw_buf_clear(&plain);
    if (error < 0)
        return error;
    if (!copy[0] || says_unknown(copy)) {
        *ret_warning = fits ? NULL : "date-not-read";
        return put_absent(ret_children, NULL, original);
    }
    const bool read = read_all(copy, &hint, &reading);
    if (reading.several)
        *ret_warning = "date-ambiguous";
    if (read && reading.year == 0)
        return put_absent(ret_children, hint.calendar, original);
    if (read && hint.calendar) {
        const size_t before = ret_children->size;
        error = put_other(ret_children, &hint, &reading, original);
        if (error != -ERANGE && error != -EINVAL)
            return error;
        ret_children->size = before;
    } else if (read && is_day(&reading))
        return put_gregorian(ret_children, &reading, original);
    *ret_warning = "date-not-read";
    return put_absent(ret_children, hint.calendar, original);
}

/* The day years (or months) before day; 29 February gives 1 March. */
static int32_t years_before(int32_t day, int months)
{
    int year, month, date;
    kw_date_from_day(day, &year, &month, &date);
    const int total = year * 12 + month - 1 - months;
    int32_t then;
    if (kw_day_from_date(total / 12, total % 12 + 1, date, &then) < 0 &&
        kw_day_from_date(total / 12, total % 12 + 1, 28, &then) == 0)
        then += date - 28;
    return then;
}

int kw_date_from_age(struct kw_view number, struct kw_view unit, struct kw_view at, struct kw_buf *ret_children,
                     const char **ret_warning)
{
    char text[16];
    struct kw_date_range when;
    *ret_warning = NULL;
    snprintf(text, sizeof(text), "%.*s", (int)(number.size < 5 ? number.size : 5), number.data ? (const char *)number.data : "");
    const size_t size = strlen(text);
    const int age = atoi(text);
    if (size == 0 || size > 4 || strspn(text, "0123456789") != size || age > 150 * 365) {
        *ret_warning = size == 0 ? NULL : "age-not-read";
        return put_absent(ret_children, NULL, "");
    }
    const bool days = kw_view_is(unit, "days"), months = kw_view_is(unit, "months"), dated = kw_date_parse(at, &when) == 0;
    const int step = months ? 1 : 12;
    int error;
    snprintf(text, sizeof(text), "%d", age);
    if (dated && (days || age * step < 12 * 200))
        error = put_interval(ret_children, days ? when.first - age : years_before(when.first, (age + 1) * step) + 1,
                             days ? when.last - age : years_before(when.last, age * step));
    else
        error = put(ret_children, "absentReason", "unknown");
    if (error == 0)
        error = put(ret_children, "qualifier", "estimated_from_age");
    if (error == 0)
        error = kw_buf_format(ret_children, "<statedAge xmlns=\"" KW_RECORD_SPACE "\"><value>%s</value><unit>%s</unit>", text,
                              days     ? "days"
                              : months ? "months"
                                       : "years");
    if (error == 0 && dated && at.size == 10)
        error = kw_buf_format(ret_children, "<atDate>%.10s</atDate>", (const char *)at.data);
    return error < 0 ? error : kw_buf_text(ret_children, "</statedAge>");
}
