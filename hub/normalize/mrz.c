/* SPDX-License-Identifier: Apache-2.0 */
/* mrz.c - the machine-readable zone of travel documents: ICAO Doc 9303, parts 3 (check digits), 4 (TD3), 5 (TD1), 6 (TD2) and
 * 7 (visas). */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "normalize/private.h"
#include "text/text.h"

#define TEXT_MOST    90
#define OLDEST_YEARS 125 /* nobody is known to have lived longer */

struct part {
    uint8_t at, size; /* in the zone, its lines put together; size 0: it has none */
};

/* Where each form has what. The check digit of number, birth and expiry stands behind it. */
static const struct form {
    const char *name;
    size_t lines, width;
    bool visa;
    struct part names, number, nationality, birth, sex, expiry, optional, second, composite[4];
} forms[] = {
    {"TD1",
     3,
     30,
     false,
     {60, 30},
     {5, 9},
     {45, 3},
     {30, 6},
     {37, 1},
     {38, 6},
     {15, 15},
     {48, 11},
     {{5, 25}, {30, 7}, {38, 7}, {48, 11}}},
    {"TD2", 2, 36, false, {5, 31}, {36, 9}, {46, 3}, {49, 6}, {56, 1}, {57, 6}, {64, 7}, {0, 0}, {{36, 10}, {49, 7}, {57, 14}}},
    {"TD3", 2, 44, false, {5, 39}, {44, 9}, {54, 3}, {57, 6}, {64, 1}, {65, 6}, {72, 14}, {0, 0}, {{44, 10}, {57, 7}, {65, 22}}},
    {"MRV-A", 2, 44, true, {5, 39}, {44, 9}, {54, 3}, {57, 6}, {64, 1}, {65, 6}, {72, 16}, {0, 0}, {{0, 0}}},
    {"MRV-B", 2, 36, true, {5, 31}, {36, 9}, {46, 3}, {49, 6}, {56, 1}, {57, 6}, {64, 8}, {0, 0}, {{0, 0}}},
};

struct zone {
    const struct form *form;
    char text[TEXT_MOST + 1];
    struct kw_buf *out;
    bool valid;
};

static bool read_zone(struct kw_view lines, struct zone *zone)
{
    size_t size = 0, line = 0, widest = 0, count = 0;
    for (size_t i = 0; i < lines.size; i++) {
        const uint8_t c = lines.data[i];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
            line = 0;
            continue;
        }
        if ((!isupper(c) && !isdigit(c) && c != '<') || size == TEXT_MOST)
            return false;
        zone->text[size++] = (char)c;
        count += line == 0;
        widest = ++line > widest ? line : widest;
    }
    for (size_t i = 0; i < KW_COUNT(forms); i++) {
        const struct form *form = &forms[i];
        const bool whole = count == 1 || (count == form->lines && widest == form->width);
        if (size == form->lines * form->width && whole && (zone->text[0] == 'V') == form->visa)
            zone->form = form;
    }
    return zone->form != NULL;
}

/* ---- elements: without a namespace, as the stylesheet picks them ---- */

static int put_text(struct zone *zone, const char *name, const char *text, size_t size)
{
    return size == 0 ? 0 : kw_buf_format(zone->out, "<%s>%.*s</%s>", name, (int)size, text, name);
}

/* Without the fillers behind it. */
static size_t filled(const char *text, size_t size)
{
    while (size > 0 && text[size - 1] == '<')
        size--;
    return size;
}

static int put_part(struct zone *zone, const char *name, struct part part)
{
    return put_text(zone, name, zone->text + part.at, filled(zone->text + part.at, part.size));
}

static int put_check(struct zone *zone, const char *name, bool holds)
{
    zone->valid = zone->valid && holds;
    return kw_buf_format(zone->out, "<check part=\"%s\">%s</check>", name, holds ? "true" : "false");
}

static int put_names(struct zone *zone)
{
    char names[TEXT_MOST + 1];
    const struct part part = zone->form->names;
    const size_t size = filled(zone->text + part.at, part.size);
    snprintf(names, sizeof(names), "%.*s", (int)size, zone->text + part.at);
    char *given = strstr(names, "<<");
    if (given) {
        *given = 0;
        given += 2;
    }
    for (char *at = names; at < names + size; at++)
        if (*at == '<')
            *at = ' ';
    int error = put_text(zone, "primary", names, strlen(names));
    if (error == 0 && given)
        error = put_text(zone, "secondary", given, strlen(given));
    if (error == 0 && size == part.size) /* no filler left: the name may go on in the document */
        error = kw_buf_text(zone->out, "<cut>true</cut>");
    return error;
}

/* A number longer than nine: a filler stands for its check digit, its rest and that digit begin the optional data. */
static int put_number(struct zone *zone)
{
    const struct form *form = zone->form;
    char number[TEXT_MOST + 1], optional[TEXT_MOST + 1];
    const char *digit = zone->text + form->number.at + form->number.size;
    snprintf(number, sizeof(number), "%.*s", form->number.size, zone->text + form->number.at);
    snprintf(optional, sizeof(optional), "%.*s", form->optional.size, zone->text + form->optional.at);
    size_t size = form->number.size;
    const size_t rest = strcspn(optional, "<");
    const bool full = filled(number, size) == size;
    const char *behind = optional;
    if (*digit == '<' && full && rest > 1 && !form->visa && form->width < 44) {
        memcpy(number + size, optional, rest - 1);
        size += rest - 1;
        digit = optional + rest - 1;
        behind = optional + rest;
    }
    int error = put_text(zone, "number", number, filled(number, size));
    if (error == 0)
        error = put_check(zone, "number", kw_icao_check(number, size) == *digit);
    behind += strspn(behind, "<");
    return error < 0 ? error : put_text(zone, "optional", behind, filled(behind, strlen(behind)));
}

/* ---- dates: YYMMDD, any of it a filler where it is not known ---- */

/* The days of the date in a century. */
static bool in_century(const char *date, int century, char ret_value[16], struct kw_date_range *ret_range)
{
    const size_t size = filled(date, 6);
    if (size < 2 || size % 2 != 0 || strspn(date, "0123456789") < size)
        return false;
    snprintf(ret_value, 16, "%02d%.2s%s%.2s%s%.2s", century, date, size > 2 ? "-" : "", size > 2 ? date + 2 : "",
             size > 4 ? "-" : "", size > 4 ? date + 4 : "");
    return kw_date_parse(kw_view_text(ret_value), ret_range) == 0;
}

static void shift_years(int32_t day, int years, int32_t *ret_day)
{
    int year, month, date;
    kw_date_from_day(day, &year, &month, &date);
    if (kw_day_from_date(year + years, month, date > 28 ? 28 : date, ret_day) < 0)
        *ret_day = day;
}

struct window {
    int32_t first, last; /* days that the date can be */
    int century;         /* the earlier of the two that come into question */
};

/* Births are not after the day of reading and at most OLDEST_YEARS before it; an expiry is at most 50 years away. Without a day
 * of reading the years 1900 to 2099 come into question. */
static struct window window_of(const struct kw_date_range *at, bool birth)
{
    struct window window = {INT32_MIN, INT32_MAX, 19};
    int year, unused;
    if (!at)
        return window;
    kw_date_from_day(at->last, &year, &unused, &unused);
    window.last = at->last;
    if (!birth)
        shift_years(at->last, 50, &window.last);
    shift_years(at->first, birth ? -OLDEST_YEARS : -50, &window.first);
    window.century = year / 100 - (birth || year % 100 < 50);
    return window;
}

static int put_values(struct kw_buf *out, const char *const *values, const struct kw_date_range *ranges, size_t count)
{
    char days[2][16];
    int year, month, date;
    if (count == 0)
        return kw_buf_text(out, "<absentReason>unknown</absentReason>");
    if (count == 1)
        return kw_buf_format(out, "<value>%s</value>", values[0]);
    for (size_t i = 0; i < 2; i++) {
        kw_date_from_day(i == 0 ? ranges[0].first : ranges[1].last, &year, &month, &date);
        snprintf(days[i], sizeof(days[i]), "%04d-%02d-%02d", year, month, date);
    }
    return kw_buf_format(out, "<absentReason>unknown</absentReason><earliest>%s</earliest><latest>%s</latest>", days[0], days[1]);
}

static int put_date(struct zone *zone, const char *name, struct part part, const struct kw_date_range *at, bool birth)
{
    const char *date = zone->text + part.at;
    const struct window window = window_of(at, birth);
    char texts[2][16];
    const char *values[2];
    struct kw_date_range ranges[2];
    size_t count = 0;
    for (int century = window.century; century <= window.century + 1; century++) {
        if (!in_century(date, century, texts[count], &ranges[count]) || ranges[count].first > window.last ||
            ranges[count].last < window.first)
            continue;
        values[count] = texts[count];
        count++;
    }
    struct kw_buf *out = zone->out;
    int error = kw_buf_format(out, "<%s xmlns=\"" KW_RECORD_SPACE "\">", name);
    if (error == 0)
        error = put_values(out, values, ranges, count);
    if (error == 0) {
        const bool blank = filled(date, 6) == 0;
        struct kw_buf original = {0};
        error = blank ? 0 : kw_xml_escape(&original, (struct kw_view){(const uint8_t *)date, 6}, false);
        if (error == 0 && !blank)
            error = kw_buf_format(out, "<original>%s</original>", (const char *)original.data);
        kw_buf_clear(&original);
    }
    if (error == 0 && count == 1 && strlen(values[0]) < 10)
        error = kw_buf_format(out, "<precision>%s</precision>", strlen(values[0]) == 4 ? "year" : "month");
    return error < 0 ? error : kw_buf_format(out, "</%s>", name);
}

/* ---- the whole ---- */

static bool digit_holds(const struct zone *zone, struct part part)
{
    return kw_icao_check(zone->text + part.at, part.size) == zone->text[part.at + part.size];
}

/* The personal number of a passport may go without its digit where there is none. */
static int put_composite(struct zone *zone)
{
    const struct form *form = zone->form;
    char all[TEXT_MOST + 1];
    size_t size = 0;
    int error = 0;
    if (form->visa)
        return 0;
    if (form->width == 44) {
        const char digit = zone->text[form->optional.at + form->optional.size];
        const bool none = filled(zone->text + form->optional.at, form->optional.size) == 0 && digit == '<';
        error = put_check(zone, "optional", none || digit_holds(zone, form->optional));
    }
    for (size_t i = 0; i < KW_COUNT(form->composite); i++) {
        memcpy(all + size, zone->text + form->composite[i].at, form->composite[i].size);
        size += form->composite[i].size;
    }
    const char digit = zone->text[form->width == 30 ? 59 : form->lines * form->width - 1];
    return error < 0 ? error : put_check(zone, "composite", kw_icao_check(all, size) == digit);
}

static int put_zone(struct zone *zone, const struct kw_date_range *at)
{
    const struct form *form = zone->form;
    int error = put_text(zone, "form", form->name, strlen(form->name));
    if (error == 0)
        error = put_part(zone, "code", (struct part){0, 2});
    if (error == 0)
        error = put_part(zone, "state", (struct part){2, 3});
    if (error == 0)
        error = put_names(zone);
    if (error == 0)
        error = put_number(zone);
    if (error == 0)
        error = put_part(zone, "nationality", form->nationality);
    if (error == 0)
        error = put_date(zone, "dateOfBirth", form->birth, at, true);
    if (error == 0)
        error = put_part(zone, "sex", form->sex);
    if (error == 0)
        error = put_date(zone, "expiresOn", form->expiry, at, false);
    if (error == 0)
        error = put_part(zone, "second", form->second);
    if (error == 0)
        error = put_check(zone, "birth", digit_holds(zone, form->birth));
    if (error == 0)
        error = put_check(zone, "expiry", digit_holds(zone, form->expiry));
    if (error == 0)
        error = put_composite(zone);
    return error < 0 ? error : kw_buf_format(zone->out, "<valid>%s</valid>", zone->valid ? "true" : "false");
}

int kw_mrz_read(struct kw_view lines, struct kw_view at, struct kw_buf *ret_elements, const char **ret_warning)
{
    struct zone zone = {.out = ret_elements, .valid = true};
    struct kw_date_range day;
    const bool dated = kw_date_parse(at, &day) == 0;
    size_t blanks = 0;
    while (blanks < lines.size && isspace(lines.data[blanks]))
        blanks++;
    *ret_warning = NULL;
    if (blanks == lines.size)
        return 0;
    if (read_zone(lines, &zone))
        return put_zone(&zone, dated ? &day : NULL);
    *ret_warning = "mrz-not-read";
    return 0;
}
