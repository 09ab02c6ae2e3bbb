/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - wall and monotonic time, and RFC 3339 instants. */
#include "base/base.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#define MS_PER_SECOND 1000
#define MS_YEAR_0     INT64_C(-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define MS_YEAR_9999  INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

static atomic_bool fixed;
static _Atomic int64_t fixed_ms;

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / 1000000;
}

int64_t kw_clock_wall_ms(void)
{
    return atomic_load(&fixed) ? atomic_load(&fixed_ms) : read_clock(CLOCK_REALTIME);
}

int64_t kw_clock_monotonic_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void kw_clock_fix(int64_t wall_ms)
{
    atomic_store(&fixed_ms, wall_ms);
    atomic_store(&fixed, wall_ms >= 0);
}

void kw_time_format(int64_t wall_ms, char ret_text[KW_TIME_SIZE])
{
    if (wall_ms < MS_YEAR_0)
        wall_ms = MS_YEAR_0;
    if (wall_ms > MS_YEAR_9999)
        wall_ms = MS_YEAR_9999;

    int64_t milliseconds = wall_ms % MS_PER_SECOND;
    if (milliseconds < 0)
        milliseconds += MS_PER_SECOND;
    time_t seconds = (wall_ms - milliseconds) / MS_PER_SECOND;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t length = 0;
    const int parts[] = {
        (utc.tm_year + 1900) / 100, (utc.tm_year + 1900) % 100, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec};
    static const char after[] = {0, '-', '-', 'T', ':', ':', '.'};
    for (size_t i = 0; i < KW_COUNT(parts); i++) {
        ret_text[length++] = (char)('0' + parts[i] / 10);
        ret_text[length++] = (char)('0' + parts[i] % 10);
        if (after[i])
            ret_text[length++] = after[i];
    }
    ret_text[length++] = (char)('0' + milliseconds / 100);
    ret_text[length++] = (char)('0' + milliseconds / 10 % 10);
    ret_text[length++] = (char)('0' + milliseconds % 10);
    ret_text[length++] = 'Z';
    ret_text[length] = 0;
}

/* Exactly count digits, then the character after (0: nothing). */
static bool take_number(struct kw_view *rest, unsigned count, char after, int *ret_number)
{
    if (rest->size < count + (after ? 1 : 0))
        return false;
    int number = 0;
    for (unsigned i = 0; i < count; i++) {
        if (rest->data[i] < '0' || rest->data[i] > '9')
            return false;
        number = number * 10 + (rest->data[i] - '0');
    }
    rest->data += count, rest->size -= count;
    if (after) {
        uint8_t found = rest->data[0];
        if (found != (uint8_t)after && !(after == 'T' && found == 't'))
            return false;
        rest->data++, rest->size--;
    }
    *ret_number = number;
    return true;
}

/* ".5" -> 500; digits below a millisecond are dropped. */
static bool take_fraction(struct kw_view *rest, int *ret_milliseconds)
{
    int milliseconds = 0, weight = 100;
    if (rest->size == 0 || rest->data[0] != '.') {
        *ret_milliseconds = 0;
        return true;
    }
    size_t used = 1;
    for (; used < rest->size && rest->data[used] >= '0' && rest->data[used] <= '9'; used++) {
        milliseconds += (rest->data[used] - '0') * weight;
        weight /= 10;
    }
    rest->data += used, rest->size -= used;
    *ret_milliseconds = milliseconds;
    return used > 1;
}

static bool take_offset(struct kw_view *rest, int *ret_minutes)
{
    if (rest->size == 0)
        return false;
    char sign = (char)rest->data[0];
    rest->data++, rest->size--;
    if (sign == 'Z' || sign == 'z') {
        *ret_minutes = 0;
        return true;
    }
    int hours, minutes;
    if ((sign != '+' && sign != '-') || !take_number(rest, 2, ':', &hours) || !take_number(rest, 2, 0, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *ret_minutes = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

int kw_time_parse(struct kw_view text, int64_t *ret_wall_ms)
{
    int year, month, day, hour, minute, second, milliseconds, offset;
    if (!take_number(&text, 4, '-', &year) || !take_number(&text, 2, '-', &month) || !take_number(&text, 2, 'T', &day) ||
        !take_number(&text, 2, ':', &hour) || !take_number(&text, 2, ':', &minute) || !take_number(&text, 2, 0, &second) ||
        !take_fraction(&text, &milliseconds) || !take_offset(&text, &offset) || text.size != 0)
        return -EBADMSG;
    /* 60 is a leap second (RFC 3339 section 5.7); it counts as the first second after it */
    if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) || hour > 23 || minute > 59 || second > 60)
        return -EBADMSG;

    struct tm utc = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    *ret_wall_ms = (int64_t)timegm(&utc) * MS_PER_SECOND +
                   ((int64_t)hour * 3600 + (int64_t)(minute - offset) * 60 + second) * MS_PER_SECOND + milliseconds;
    return 0;
}
