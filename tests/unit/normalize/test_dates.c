/* SPDX-License-Identifier: Apache-2.0 */
/* test_dates.c - dates as registers write them: what is known, never more. */
#include "normalize/private.h"
#include "text/text.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Children without their namespace declarations. */
static void plain(const struct kw_buf *children, char *ret_text, size_t size)
{
    static const char space[] = " xmlns=\"urn:kinward:record:1\"";
    const char *from = children->data ? (const char *)children->data : "";
    size_t at = 0;
    while (*from && at + 1 < size) {
        if (strncmp(from, space, sizeof(space) - 1) == 0)
            from += sizeof(space) - 1;
        else
            ret_text[at++] = *from++;
    }
    ret_text[at] = 0;
}

static void reads(const char *text, const char *hint, const char *wanted, const char *wanted_warning)
{
    struct kw_buf children = {0};
    const char *warning = NULL;
    char got[1024];
    assert_int_equal(kw_date_read(kw_view_text(text), kw_view_text(hint), &children, &warning), 0);
    plain(&children, got, sizeof(got));
    if (strcmp(got, wanted) != 0 || strcmp(warning ? warning : "", wanted_warning ? wanted_warning : "") != 0)
        fail_msg("'%s' [%s]: %s (%s)", text, hint, got, warning ? warning : "no warning");
    kw_buf_clear(&children);
}

static void exact(void **state)
{
    reads("2019-05-07", "", "<value>2019-05-07</value>", NULL);
    reads(" 2019-05-07 ", "", "<value>2019-05-07</value>", NULL);
    reads("20190507", "", "<value>2019-05-07</value><original>20190507</original>", NULL);
    reads("2019-5-7", "", "<value>2019-05-07</value><original>2019-5-7</original>", NULL);
    reads("2024-10-31T14:09:24.107Z", "", "<value>2024-10-31</value><time>14:09:24.107</time><offset>Z</offset>", NULL);
    reads("2024-10-31T14:09:24+03:00", "", "<value>2024-10-31</value><time>14:09:24</time><offset>+03:00</offset>", NULL);
    reads("2024-10-31 14:09", "", "<value>2024-10-31</value><time>14:09</time><original>2024-10-31 14:09</original>", NULL);
    reads("31/10/2024", "", "<value>2024-10-31</value><original>31/10/2024</original>", NULL);
    reads("07.05.2019", "dmy", "<value>2019-05-07</value><original>07.05.2019</original>", NULL);
    reads("05/07/2019", "mdy", "<value>2019-05-07</value><original>05/07/2019</original>", NULL);
    reads("7 May 2019", "", "<value>2019-05-07</value><original>7 May 2019</original>", NULL);
    reads("١٩٩٠-٠٥-٠٧", "", "<value>1990-05-07</value><original>١٩٩٠-٠٥-٠٧</original>", NULL);
    reads("2024-02-29", "", "<value>2024-02-29</value>", NULL);
}

static void partial(void **state)
{
    reads("2019", "", "<value>2019</value><precision>year</precision>", NULL);
    reads("2019-05", "", "<value>2019-05</value><precision>month</precision>", NULL);
    reads("05/2019", "", "<value>2019-05</value><original>05/2019</original><precision>month</precision>", NULL);
    reads("2019-05-00", "", "<value>2019-05</value><original>2019-05-00</original><precision>month</precision>", NULL);
    reads("2019-00-00", "", "<value>2019</value><original>2019-00-00</original><precision>year</precision>", NULL);
    reads("1990-99-99", "", "<value>1990</value><original>1990-99-99</original><precision>year</precision>", NULL);
    reads("XX/XX/1990", "", "<value>1990</value><original>XX/XX/1990</original><precision>year</precision>", NULL);
    reads("05/07/2019", "", "<value>2019</value><original>05/07/2019</original><precision>year</precision>", "date-ambiguous");
    reads("05/05/2019", "", "<value>2019-05-05</value><original>05/05/2019</original>", NULL);
}

static void absent(void **state)
{
    reads("", "", "<absentReason>unknown</absentReason>", NULL);
    reads("unknown", "", "<absentReason>unknown</absentReason><original>unknown</original>", NULL);
    reads("2023-02-30", "", "<absentReason>unknown</absentReason><original>2023-02-30</original>", "date-not-read");
    reads("2023-13-01", "", "<absentReason>unknown</absentReason><original>2023-13-01</original>", "date-not-read");
    reads("07/05/19", "", "<absentReason>unknown</absentReason><original>07/05/19</original>", "date-not-read");
    reads("before the flood", "", "<absentReason>unknown</absentReason><original>before the flood</original>", "date-not-read");
    reads("2024-10-31T25:00Z", "", "<absentReason>unknown</absentReason><original>2024-10-31T25:00Z</original>", "date-not-read");
    reads("<&>", "", "<absentReason>unknown</absentReason><original>&lt;&amp;&gt;</original>", "date-not-read");
    reads("9999-99-99", "", "<absentReason>unknown</absentReason><original>9999-99-99</original>", NULL);
}

static void other_calendars(void **state)
{
    reads("2012-01-01", "ethiopic", "<value>2019-09-12</value><calendar>ethiopic</calendar><original>2012-01-01</original>", NULL);
    reads("2012-13-06", "ethiopic",
          "<absentReason>unknown</absentReason><calendar>ethiopic</calendar><original>2012-13-06</original>", "date-not-read");
    reads("2012", "ethiopic",
          "<absentReason>unknown</absentReason><earliest>2019-09-12</earliest><latest>2020-09-10</latest>"
          "<calendar>ethiopic</calendar><original>2012</original><precision>year</precision>",
          NULL);
    reads("1400-02", "persian",
          "<value>2021</value><earliest>2021-04-21</earliest><latest>2021-05-21</latest><calendar>persian</calendar>"
          "<original>1400-02</original><precision>month</precision>",
          NULL);
    reads("1445-01-01", "hijri_umalqura",
          "<value>2023-07-19</value><calendar>hijri_umalqura</calendar><original>1445-01-01</original>", NULL);
}

/* What registers write, and in which calendar: the original stays, nothing becomes more exact, nothing is rolled over. */
static void written_out(void **state)
{
    reads("15 Rabiʻ II 1440", "hijri_umalqura",
          "<value>2018-12-22</value><calendar>hijri_umalqura</calendar><original>15 Rabiʻ II 1440</original>", NULL);
    reads("١٥ ربيع الآخر ١٤٤٠ هـ", "hijri_civil",
          "<value>2018-12-24</value><calendar>hijri_civil</calendar><original>١٥ ربيع الآخر ١٤٤٠ هـ</original>", NULL);
    reads("1440 AH", "", "<absentReason>unknown</absentReason><original>1440 AH</original>", "date-not-read");
    reads("1440", "hijri_civil",
          "<absentReason>unknown</absentReason><earliest>2018-09-12</earliest><latest>2019-08-31</latest>"
          "<calendar>hijri_civil</calendar><original>1440</original><precision>year</precision>",
          NULL);
    reads("30 Safar 1440", "hijri_civil",
          "<absentReason>unknown</absentReason><calendar>hijri_civil</calendar><original>30 Safar 1440</original>",
          "date-not-read");
    reads("۱۵ فروردین ۱۳۹۸", "persian", "<value>2019-04-04</value><calendar>persian</calendar><original>۱۵ فروردین ۱۳۹۸</original>",
          NULL);
    reads("2019-05-07 CE", "persian", "<value>2019-05-07</value><original>2019-05-07 CE</original>", NULL);
    reads("7 พฤษภาคม พ.ศ. ๒๕๖๒", "",
          "<value>2019-05-07</value><calendar>buddhist</calendar><original>7 พฤษภาคม พ.ศ. ๒๕๖๒</original>", NULL);
    reads("05/2562", "buddhist",
          "<value>2019-05</value><earliest>2019-05-01</earliest><latest>2019-05-31</latest><calendar>buddhist</calendar>"
          "<original>05/2562</original><precision>month</precision>",
          NULL);
    reads("平成31年4月30日", "", "<value>2019-04-30</value><calendar>japanese</calendar><original>平成31年4月30日</original>",
          NULL);
    reads("平成31年5月1日", "",
          "<absentReason>unknown</absentReason><calendar>japanese</calendar><original>平成31年5月1日</original>", "date-not-read");
    reads("令和元年", "",
          "<value>2019</value><earliest>2019-05-01</earliest><latest>2019-12-31</latest><calendar>japanese</calendar>"
          "<original>令和元年</original><precision>year</precision>",
          NULL);
    reads("5 Adar 5784", "hebrew",
          "<value>2024</value><earliest>2024-02-14</earliest><latest>2024-03-15</latest><calendar>hebrew</calendar>"
          "<original>5 Adar 5784</original>",
          "date-ambiguous");
    reads("१५ चैत २०७३", "bikram_sambat",
          "<value>2017-03-28</value><calendar>bikram_sambat</calendar><original>१५ चैत २०७३</original>", NULL);
    reads("1995-01-01", "bikram_sambat",
          "<absentReason>unknown</absentReason><calendar>bikram_sambat</calendar><original>1995-01-01</original>", "date-not-read");
    reads("2019-05-07", "other", "<absentReason>unknown</absentReason><calendar>other</calendar><original>2019-05-07</original>",
          "date-not-read");
    reads("1917-10-25", "julian", "<value>1917-11-07</value><calendar>julian</calendar><original>1917-10-25</original>", NULL);
    reads("7 March 1400", "persian",
          "<absentReason>unknown</absentReason><calendar>persian</calendar><original>7 March 1400</original>", "date-not-read");
    reads("7 février 2019", "", "<value>2019-02-07</value><original>7 février 2019</original>", NULL);
    reads("May 7, 2019", "", "<value>2019-05-07</value><original>May 7, 2019</original>", NULL);
    reads("Sept 2019", "", "<value>2019-09</value><original>Sept 2019</original><precision>month</precision>", NULL);
    reads("5784-14-05", "hebrew", "<absentReason>unknown</absentReason><calendar>hebrew</calendar><original>5784-14-05</original>",
          "date-not-read");
    reads("0 #5 2019", "", "<absentReason>unknown</absentReason><original>0 #5 2019</original>", "date-not-read");
}

/* Completed years or months of somebody born on birth, on day at; born on 29 February: on 1 March (kw_age_range). */
static int completed(int32_t birth, int32_t at, bool months)
{
    int y0, m0, d0, y1, m1, d1;
    kw_date_from_day(birth, &y0, &m0, &d0);
    kw_date_from_day(at, &y1, &m1, &d1);
    const int whole = (y1 - y0) * 12 + m1 - m0 - (d1 < d0);
    return months ? whole : (whole < 0 ? whole - 11 : whole) / 12;
}

static void children_are(const char *number, const char *unit, const char *at, int32_t first, int32_t last)
{
    struct kw_buf children = {0};
    const char *warning;
    char wanted[2][48];
    int y, m, d;
    assert_int_equal(kw_date_from_age(kw_view_text(number), kw_view_text(unit), kw_view_text(at), &children, &warning), 0);
    for (int i = 0; i < 2; i++) {
        kw_date_from_day(i ? last : first, &y, &m, &d);
        snprintf(wanted[i], sizeof(wanted[i]), "%04d-%02d-%02d</%s>", y, m, d, first == last ? "value" : i ? "latest" : "earliest");
        if (!strstr((char *)children.data, wanted[i]))
            fail_msg("%s %s at %s: %s is not in %s", number, unit, at, wanted[i], (char *)children.data);
    }
    kw_buf_clear(&children);
}

/* The interval of an age has every birth that gives this age on that day, and no other. */
static void age_intervals(void **state)
{
    static const char *const days[] = {"2020-02-29", "2019-02-28", "2020-02-28", "2021-03-01", "2019-03-31",
                                       "2019-05-31", "2020-03-30", "2019-12-31", "2020-01-01", "2024-07-15"};
    for (size_t i = 0; i < KW_COUNT(days); i++) {
        for (int age = 0; age < 30; age++) {
            for (int months = 0; months < 2; months++) {
                struct kw_date_range at;
                char number[8];
                int32_t first = INT32_MAX, last = INT32_MIN;
                assert_int_equal(kw_date_parse(kw_view_text(days[i]), &at), 0);
                for (int32_t birth = at.first - 12000; birth <= at.first; birth++) {
                    if (completed(birth, at.first, months) != age)
                        continue;
                    first = birth < first ? birth : first;
                    last = birth;
                }
                snprintf(number, sizeof(number), "%d", age);
                children_are(number, months ? "months" : "years", days[i], first, last);
            }
        }
    }
}

static void aged(const char *number, const char *unit, const char *at, const char *wanted)
{
    struct kw_buf children = {0};
    const char *warning = NULL;
    char got[1024];
    assert_int_equal(kw_date_from_age(kw_view_text(number), kw_view_text(unit), kw_view_text(at), &children, &warning), 0);
    plain(&children, got, sizeof(got));
    if (strcmp(got, wanted) != 0)
        fail_msg("%s %s at %s: %s", number, unit, at, got);
    kw_buf_clear(&children);
}

static void ages(void **state)
{
    aged("29", "years", "2019-05-07",
         "<absentReason>unknown</absentReason><earliest>1989-05-08</earliest><latest>1990-05-07</latest>"
         "<qualifier>estimated_from_age</qualifier><statedAge><value>29</value><unit>years</unit><atDate>2019-05-07</atDate></"
         "statedAge>");
    aged("0", "years", "2020-02-29",
         "<absentReason>unknown</absentReason><earliest>2019-03-01</earliest><latest>2020-02-29</latest>"
         "<qualifier>estimated_from_age</qualifier><statedAge><value>0</value><unit>years</unit><atDate>2020-02-29</atDate></"
         "statedAge>");
    aged("10", "days", "2019-05-17",
         "<value>2019-05-07</value><qualifier>estimated_from_age</qualifier>"
         "<statedAge><value>10</value><unit>days</unit><atDate>2019-05-17</atDate></statedAge>");
    aged("29", "years", "",
         "<absentReason>unknown</absentReason><qualifier>estimated_from_age</qualifier>"
         "<statedAge><value>29</value><unit>years</unit></statedAge>");
    aged("many", "years", "2019", "<absentReason>unknown</absentReason>");
    aged("3", "moons", "2019-05-17", "<absentReason>unknown</absentReason>");
    aged("١٠", "days", "2019-05-17",
         "<value>2019-05-07</value><qualifier>estimated_from_age</qualifier>"
         "<statedAge><value>10</value><unit>days</unit><atDate>2019-05-17</atDate></statedAge>");
    aged("3", "weeks", "2019-05-22",
         "<value>2019</value><earliest>2019-04-25</earliest><latest>2019-05-01</latest><qualifier>estimated_from_age</qualifier>"
         "<statedAge><value>3</value><unit>weeks</unit><atDate>2019-05-22</atDate></statedAge>");
    aged("5", "hours", "2019-05-07", /* born the evening before, or that day */
         "<value>2019</value><earliest>2019-05-06</earliest><latest>2019-05-07</latest><qualifier>estimated_from_age</qualifier>"
         "<statedAge><value>5</value><unit>hours</unit><atDate>2019-05-07</atDate></statedAge>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact),       cmocka_unit_test(partial),       cmocka_unit_test(absent), cmocka_unit_test(other_calendars),
        cmocka_unit_test(written_out), cmocka_unit_test(age_intervals), cmocka_unit_test(ages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
