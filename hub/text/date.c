/* SPDX-License-Identifier: Apache-2.0 */
/* date.c - days, intervals of days. */
#include "text/text-private.h"

#include <errno.h>

#define YEAR_LOW  1
#define YEAR_HIGH 9999

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_length(int year, int month)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return lengths[month - 1] + (month == 2 && leap(year));
}

/* Days from 0001-01-01 to the first of year. */
static int32_t days_before(int year)
{
    const int past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400;
}

#define DAYS_TO_1970 719162

int kw_day_from_date(int year, int month, int day, int32_t *ret_day)
{
    if (year < YEAR_LOW || year > YEAR_HIGH || month < 1 || month > 12 || day < 1 || day > month_length(year, month))
        return -ERANGE;
    int32_t days = days_before(year) - DAYS_TO_1970 + day - 1;
    for (int m = 1; m < month; m++)
        days += month_length(year, m);
    *ret_day = days;
    return 0;
}

void kw_date_from_day(int32_t day, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t rest = (int64_t)day + DAYS_TO_1970;
    int year = (int)(rest * 400 / 146097) + 1;
    while (year > YEAR_LOW && days_before(year) > rest)
        year--;
    while (days_before(year + 1) <= rest)
        year++;
    rest -= days_before(year);
    int month = 1;
    while (rest >= month_length(year, month))
        rest -= month_length(year, month++);
    *ret_year = year;
    *ret_month = month;
    *ret_day = (int)rest + 1;
}

static bool digits(struct kw_view text, size_t from, size_t count, int *ret_number)
{
    int number = 0;
    for (size_t i = from; i < from + count; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (text.data[i] - '0');
    }
    *ret_number = number;
    return true;
}

int kw_date_parse(struct kw_view value, struct kw_date_range *ret_range)
{
    int year = 0, month = 1, day = 1;
    if (value.size != 4 && value.size != 7 && value.size != 10)
        return -EINVAL;
    bool right = digits(value, 0, 4, &year);
    if (value.size >= 7)
        right = right && value.data[4] == '-' && digits(value, 5, 2, &month);
    if (value.size == 10)
        right = right && value.data[7] == '-' && digits(value, 8, 2, &day);
    if (!right)
        return -EINVAL;
    struct kw_date_range range;
    if (kw_day_from_date(year, month, day, &range.first) < 0)
        return -ERANGE;
    range.last = range.first;
    if (value.size == 7)
        range.last += month_length(year, month) - 1;
    else if (value.size == 4)
        range.last += 364 + leap(year);
    *ret_range = range;
    return 0;
}

static int completed_years(int32_t birth, int32_t at)
{
    int y0, m0, d0, y1, m1, d1;
    kw_date_from_day(birth, &y0, &m0, &d0);
    kw_date_from_day(at, &y1, &m1, &d1);
    return y1 - y0 - (m1 < m0 || (m1 == m0 && d1 < d0));
}

void kw_age_range(struct kw_date_range birth, struct kw_date_range at, int *ret_least, int *ret_most)
{
    *ret_least = completed_years(birth.last, at.first);
    *ret_most = completed_years(birth.first, at.last);
}
