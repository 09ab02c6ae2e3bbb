/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.c - dates of other calendars as intervals of days, through ICU; a day that does not exist is never rolled over. */
#include "text/text-private.h"

#include <errno.h>
#include <string.h>
#include <unicode/ucal.h>

#define ADAR_I 6
#define ADAR   7

/* Whose years are given as ICU counts them and within what range the calendar is in use or published. */
static const struct calendar {
    const char *name;
    int months, first_year, last_year, sample;
} calendars[] = {
    {"ethiopic", 13, 1, 9000, 1400},      {"coptic", 13, 1, 9000, 1400},
    {"persian", 12, 1, 9000, 1400},       {"islamic-civil", 12, 1, 9600, 1400},
    {"hebrew", 13, 5561, 5805, 5780},     {"indian", 12, 1, 9000, 1940},
    {"buddhist", 12, 2127, 9999, 2560},   {"roc", 12, 1, 8000, 100},
    {"japanese", 12, 1873, 9999, 2000},   {"julian", 12, 1, 9999, 2000},
    {"bikram-sambat", 12, 1, 9999, 2075}, {"islamic-umalqura", 12, 1300, 1600, 1400}, /* what ICU has a table for */
};
/* Hebrew: ICU 72 begins 5560 and 5807 a day late (it puts off the new year of a Sunday for a reason that holds on Mondays). */

static const struct calendar *find(const char *name)
{
    for (size_t i = 0; i < KW_COUNT(calendars); i++)
        if (strcmp(calendars[i].name, name) == 0)
            return &calendars[i];
    return NULL;
}

static int open_calendar(const char *name, UCalendar **ret_calendar)
{
    static const UChar utc[] = {'U', 'T', 'C', 0};
    char locale[64];
    UErrorCode status = U_ZERO_ERROR;
    kw_text_start();
    snprintf(locale, sizeof(locale), "en@calendar=%s", name);
    UCalendar *reading = ucal_open(utc, 3, locale, UCAL_TRADITIONAL, &status);
    if (U_FAILURE(status))
        return status == U_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EIO;
    ucal_setAttribute(reading, UCAL_LENIENT, 0);
    ucal_clear(reading);
    *ret_calendar = reading;
    return 0;
}

static int day_of(UCalendar *reading, int32_t *ret_day)
{
    UErrorCode status = U_ZERO_ERROR;
    const double days = ucal_getMillis(reading, &status) / 86400000.0;
    if (U_FAILURE(status))
        return -ERANGE;
    *ret_day = (int32_t)(days >= 0 ? days : days - 0.999999);
    return 0;
}

static int julian_day(int year, int month, int day, int32_t *ret_day)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month > 12 || day > lengths[month - 1] + (month == 2 && year % 4 == 0))
        return -ERANGE;
    int32_t days = (year - 1) * 365 + (year - 1) / 4 - 719164 + day - 1; /* 1 January 1 is two days before the Gregorian one */
    for (int m = 1; m < month; m++)
        days += lengths[m - 1] + (m == 2 && year % 4 == 0);
    *ret_day = days;
    return 0;
}

static int one_day(const struct calendar *calendar, int year, int month, int day, int32_t *ret_day)
{
    UCalendar *reading;
    if (year < calendar->first_year || year > calendar->last_year || month > calendar->months || day > 32)
        return -ERANGE;
    if (strcmp(calendar->name, "bikram-sambat") == 0)
        return kw_bikram_day(year, month, day, ret_day);
    if (strcmp(calendar->name, "julian") == 0)
        return julian_day(year, month, day, ret_day);
    int error = open_calendar(calendar->name, &reading);
    if (error < 0)
        return error;
    ucal_set(reading, strcmp(calendar->name, "japanese") == 0 ? UCAL_EXTENDED_YEAR : UCAL_YEAR, year);
    ucal_set(reading, UCAL_MONTH, month - 1);
    ucal_set(reading, UCAL_DATE, day);
    error = day_of(reading, ret_day);
    ucal_close(reading);
    return error;
}

static int whole_month(const struct calendar *calendar, int year, int month, struct kw_date_range *ret_range)
{
    struct kw_date_range range;
    int error = one_day(calendar, year, month, 1, &range.first);
    if (error < 0)
        return error;
    error = -ERANGE;
    for (int day = 32; day > 0 && error == -ERANGE; day--) /* the last day that there is */
        error = one_day(calendar, year, month, day, &range.last);
    if (error == 0)
        *ret_range = range;
    return error;
}

/* A month that the year does not have (Adar I) is no reason to end the year. */
static int whole_year(const struct calendar *calendar, int year, struct kw_date_range *ret_range)
{
    struct kw_date_range range, last;
    int error = one_day(calendar, year, 1, 1, &range.first);
    if (error < 0)
        return error;
    error = -ERANGE;
    for (int month = calendar->months; month > 0 && error == -ERANGE; month--)
        error = whole_month(calendar, year, month, &last);
    if (error == 0)
        *ret_range = (struct kw_date_range){range.first, last.last};
    return error;
}

static int span(const struct calendar *calendar, int year, int month, int day, struct kw_date_range *ret_range)
{
    if (month == 0)
        return whole_year(calendar, year, ret_range);
    if (day == 0)
        return whole_month(calendar, year, month, ret_range);
    const int error = one_day(calendar, year, month, day, &ret_range->first);
    ret_range->last = ret_range->first;
    return error;
}

/* "Adar" is one month in a common year and either of two in a leap year. */
static int adar(const struct calendar *calendar, int year, int month, int day, struct kw_date_range *ret_range)
{
    struct kw_date_range first, second;
    const int leap = span(calendar, year, ADAR_I, 1, &first);
    if (leap == -ERANGE)
        return month == KW_MONTH_ADAR_II ? -ERANGE : span(calendar, year, ADAR, day, ret_range);
    int error = leap < 0 ? leap : span(calendar, year, ADAR, day, &second);
    if (month == KW_MONTH_ADAR_II || (error < 0 && error != -ERANGE)) {
        if (error == 0)
            *ret_range = second;
        return error;
    }
    const bool both = error == 0; /* the 30th is in the first only */
    error = span(calendar, year, ADAR_I, day, &first);
    if (error == 0)
        *ret_range = (struct kw_date_range){first.first, both ? second.last : first.last};
    return error;
}

/* First day of a Japanese era; -ERANGE when ICU knows none of that number. */
static int era_start(int era, int32_t *ret_day)
{
    UCalendar *reading;
    int error = open_calendar("japanese", &reading);
    if (error < 0)
        return error;
    UErrorCode status = U_ZERO_ERROR;
    const int last = ucal_getLimit(reading, UCAL_ERA, UCAL_MAXIMUM, &status);
    ucal_set(reading, UCAL_ERA, era);
    ucal_set(reading, UCAL_YEAR, 1);
    error = U_FAILURE(status) || era > last ? -ERANGE : day_of(reading, ret_day);
    ucal_close(reading);
    return error;
}

/* Year 1 of an era and its last year are shorter than a year. */
static int in_era(const struct calendar *calendar, int era, int year, int month, int day, struct kw_date_range *ret_range)
{
    int32_t start, next;
    int first_year, unused;
    int error = era_start(era, &start);
    if (error < 0)
        return error;
    kw_date_from_day(start, &first_year, &unused, &unused);
    if (year < 1 || year > 999)
        return -ERANGE;
    error = span(calendar, first_year + year - 1, month, day, ret_range);
    if (error < 0)
        return error;
    const int ended = era_start(era + 1, &next);
    if (ended < 0 && ended != -ERANGE)
        return ended;
    if (ret_range->first < start)
        ret_range->first = start;
    if (ended == 0 && ret_range->last >= next)
        ret_range->last = next - 1;
    return ret_range->first <= ret_range->last ? 0 : -ERANGE;
}

int kw_date_span(const char *calendar, int era, int year, int month, int day, struct kw_date_range *ret_range)
{
    const struct calendar *known = find(calendar);
    struct kw_date_range range, all;
    int error;
    if (!known)
        return -EINVAL;
    if (year < 1 || month < 0 || day < 0 || (month == 0 && day > 0) || kw_day_from_date(1, 1, 1, &all.first) < 0 ||
        kw_day_from_date(9999, 12, 31, &all.last) < 0)
        return -ERANGE;
    if (era > 0)
        error = in_era(known, era, year, month, day, &range);
    else if (strcmp(calendar, "hebrew") == 0 && (month == KW_MONTH_ADAR || month == KW_MONTH_ADAR_II))
        error = adar(known, year, month, day, &range);
    else
        error = span(known, year, month, day, &range);
    if (error == 0 && (range.first < all.first || range.last > all.last))
        error = -ERANGE;
    if (error == 0)
        *ret_range = range;
    return error;
}

int kw_calendars_preload(void)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < KW_COUNT(calendars); i++) {
        struct kw_date_range range;
        error = kw_date_span(calendars[i].name, 0, calendars[i].sample, 1, 1, &range);
    }
    int32_t day;
    return error < 0 ? error : era_start(KW_ERA_HEISEI, &day);
}
