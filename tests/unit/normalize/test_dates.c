/* SPDX-License-Identifier: Apache-2.0 */
/* test_dates.c - dates as registers write them: what is known, never more. */
#include "normalize/private.h"

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
         "<absentReason>unknown</absentReason><earliest>2019-03-02</earliest><latest>2020-02-29</latest>"
         "<qualifier>estimated_from_age</qualifier><statedAge><value>0</value><unit>years</unit><atDate>2020-02-29</atDate></"
         "statedAge>");
    aged("10", "days", "2019-05-17",
         "<value>2019-05-07</value><qualifier>estimated_from_age</qualifier>"
         "<statedAge><value>10</value><unit>days</unit><atDate>2019-05-17</atDate></statedAge>");
    aged("29", "years", "",
         "<absentReason>unknown</absentReason><qualifier>estimated_from_age</qualifier>"
         "<statedAge><value>29</value><unit>years</unit></statedAge>");
    aged("many", "years", "2019", "<absentReason>unknown</absentReason>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact), cmocka_unit_test(partial), cmocka_unit_test(absent),
                                       cmocka_unit_test(other_calendars), cmocka_unit_test(ages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
