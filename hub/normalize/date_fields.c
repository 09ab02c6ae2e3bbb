/* SPDX-License-Identifier: Apache-2.0 */
/* date_fields.c - year, month, day and time in a date whose words are plain already (kw_date_words). */
#include "normalize/dates.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIELDS_MOST 3

struct field {
    char text[16];
    int number; /* 0: unknown part; -1: not a part of a date */
    size_t size;
    bool named; /* a month by its name */
};

/* English, shortened anywhere. */
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

static int number_of(const char *text, bool gregorian_months, bool *ret_named)
{
    const size_t size = strlen(text);
    if (text[0] == '#') {
        *ret_named = true;
        return atoi(text + 1);
    }
    if (strspn(text, "0123456789") == size && size > 0 && size <= 4)
        return strcmp(text, "9999") == 0 || (size == 2 && strcmp(text, "99") == 0) ? 0 : atoi(text);
    if (size > 0 && (strspn(text, "XxUu?*_") == size))
        return 0;
    *ret_named = true;
    return gregorian_months ? month_by_name(text) : -1;
}

/* Cuts "2019-05-07" at its separators. 0 when it is no such thing. */
static size_t split(const char *text, bool gregorian_months, struct field fields[FIELDS_MOST])
{
    size_t count = 0;
    memset(fields, 0, FIELDS_MOST * sizeof(fields[0]));
    while (*text) {
        const size_t size = strcspn(text, "-/. ");
        if (size == 0 || size >= sizeof(fields[0].text) || count == FIELDS_MOST)
            return 0;
        memcpy(fields[count].text, text, size);
        fields[count].text[size] = 0;
        fields[count].size = size;
        fields[count].number = number_of(fields[count].text, gregorian_months, &fields[count].named);
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

static void order_day_and_month(struct kw_date_reading *reading, int first, int second, const struct kw_date_hint *hint)
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

static bool read_day(const char *text, const struct kw_date_hint *hint, struct kw_date_reading *reading)
{
    struct field fields[FIELDS_MOST];
    char spread[11];
    if (strlen(text) == 8 && strspn(text, "0123456789") == 8) {
        snprintf(spread, sizeof(spread), "%.4s-%.2s-%.2s", text, text + 4, text + 6);
        text = spread;
    }
    const size_t count = split(text, hint->gregorian_months, fields);
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
        return count == 3 || fields[1].size <= 2 || fields[1].named;
    }
    if (last->size != 4)
        return false; /* a year of two digits could be of any century */
    reading->year = last->number;
    if (count == 2)
        reading->month = fields[0].number;
    else if (fields[1].named && fields[1].number > 0)
        reading->day = fields[0].number, reading->month = fields[1].number;
    else if (fields[0].named && fields[0].number > 0)
        reading->day = fields[1].number, reading->month = fields[0].number;
    else
        order_day_and_month(reading, fields[0].number, fields[1].number, hint);
    return true;
}

/* "T14:09:24.107Z" or " 14:09" behind a day. */
static bool read_time(const char *text, struct kw_date_reading *reading)
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

bool kw_date_fields(char *text, const struct kw_date_hint *hint, struct kw_date_reading *reading)
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
    const bool named = strchr(text, '#') != NULL; /* some names have numbers beyond those of months */
    if (!read_day(text, hint, reading) || (!named && reading->month > 13))
        return false;
    if (reading->month == 0)
        reading->day = 0; /* a day of an unknown month says nothing that a date can hold; the original keeps it */
    return true;
}
