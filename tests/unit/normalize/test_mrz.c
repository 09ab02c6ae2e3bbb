/* SPDX-License-Identifier: Apache-2.0 */
/* test_mrz.c - machine-readable zones and check digits: the specimens that ICAO and the standards print. */
#include "normalize/private.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPACE " xmlns=\"urn:kinward:record:1\""
#define TD3   "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
#define TD1   "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
#define TD2   "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
#define BORN  "<dateOfBirth" SPACE "><value>1974-08-12</value><original>740812</original></dateOfBirth>"
#define ENDS  "<expiresOn" SPACE "><value>2012-04-15</value><original>120415</original></expiresOn>"
#define NAMES "<primary>ERIKSSON</primary><secondary>ANNA MARIA</secondary>"
#define HELD  "<check part=\"birth\">true</check><check part=\"expiry\">true</check>"

static void zone_is(const char *lines, const char *at, const char *wanted, const char *wanted_warning)
{
    struct kw_buf elements = {0};
    const char *warning;
    assert_int_equal(kw_mrz_read(kw_view_text(lines), kw_view_text(at), &elements, &warning), 0);
    const char *got = elements.data ? (const char *)elements.data : "";
    if (strcmp(got, wanted) != 0 || strcmp(warning ? warning : "", wanted_warning) != 0)
        fail_msg("%s: %s (%s)", lines, got, warning ? warning : "no warning");
    kw_buf_clear(&elements);
}

static void has(const char *lines, const char *at, const char *wanted)
{
    struct kw_buf elements = {0};
    const char *warning;
    assert_int_equal(kw_mrz_read(kw_view_text(lines), kw_view_text(at), &elements, &warning), 0);
    if (!elements.data || !strstr((char *)elements.data, wanted))
        fail_msg("%s: %s is not in %s", lines, wanted, elements.data ? (char *)elements.data : "nothing");
    kw_buf_clear(&elements);
}

/* Doc 9303, parts 4 to 7. */
static void specimens(void **state)
{
    zone_is(TD3, "2010-01-01",
            "<form>TD3</form><code>P</code><state>UTO</state>" NAMES "<number>L898902C3</number><check part=\"number\">true</check>"
            "<optional>ZE184226B</optional><nationality>UTO</nationality>" BORN "<sex>F</sex>" ENDS HELD
            "<check part=\"optional\">true</check><check part=\"composite\">true</check><valid>true</valid>",
            "");
    zone_is(TD1, "2010-01-01",
            "<form>TD1</form><code>I</code><state>UTO</state>" NAMES "<number>D23145890</number><check part=\"number\">true</check>"
            "<nationality>UTO</nationality>" BORN "<sex>F</sex>" ENDS HELD
            "<check part=\"composite\">true</check><valid>true</valid>",
            "");
    zone_is(TD2, "2010-01-01",
            "<form>TD2</form><code>I</code><state>UTO</state>" NAMES "<number>D23145890</number><check part=\"number\">true</check>"
            "<nationality>UTO</nationality>" BORN "<sex>F</sex>" ENDS HELD
            "<check part=\"composite\">true</check><valid>true</valid>",
            "");
    has("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L8988901C4XXX4009078F96121096ZE184226B<<<<<<", "1995-05-05",
        "<number>L8988901C</number><check part=\"number\">true</check><optional>6ZE184226B</optional><nationality>XXX</nationality>"
        "<dateOfBirth" SPACE "><value>1940-09-07</value><original>400907</original></dateOfBirth>");
    has("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<", "1995-05-05", HELD "<valid>true</valid>");
    has("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<", "1995-05-05", "<form>MRV-B</form>");
    /* part 5: a number of more than nine signs */
    has("I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<", "1990-01-01",
        "<number>D23145890734</number><check part=\"number\">true</check><nationality>UTO</nationality>");
    has("I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<", "1990-01-01",
        "<check part=\"composite\">true</check><valid>true</valid>");
}

/* A single wrong sign is seen, wherever it stands under a check digit. */
static void wrong_signs(void **state)
{
    static const char *const zones[] = {TD1, TD2, TD3};
    static const struct {
        size_t first, last;
    } checked[][3] = {{{5, 29}, {31, 37}, {39, 45}}, {{37, 46}, {50, 56}, {58, 64}}, {{45, 54}, {58, 64}, {66, 72}}};
    for (size_t z = 0; z < KW_COUNT(zones); z++) {
        for (size_t part = 0; part < 3; part++) {
            for (size_t i = checked[z][part].first; i <= checked[z][part].last; i++) {
                char text[100];
                snprintf(text, sizeof(text), "%s", zones[z]);
                text[i] = text[i] == '<' ? '1' : text[i] == '9' ? '8' : (char)(text[i] + 1);
                has(text, "2010-01-01", "<valid>false</valid>");
            }
        }
    }
    has("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408121F1204159ZE184226B<<<<<10", "2010-01-01",
        "<check part=\"birth\">false</check><check part=\"expiry\">true</check>");
}

/* A year of two digits stays open unless a day of reading settles its century. */
static void centuries(void **state)
{
    has(TD3, "",
        "<dateOfBirth" SPACE "><absentReason>unknown</absentReason><earliest>1974-08-12</earliest><latest>2074-08-12</latest>"
        "<original>740812</original></dateOfBirth>");
    has("I<UTOD231458907<<<<<<<<<<<<<<<\n1205078F3004159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<", "2026-01-01",
        "<absentReason>unknown</absentReason><earliest>1912-05-07</earliest><latest>2012-05-07</latest><original>120507</"
        "original>");
    has("I<UTOD231458907<<<<<<<<<<<<<<<\n1205078F3004159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<", "2012-05-06",
        "<dateOfBirth" SPACE "><value>1912-05-07</value>");
    has("I<UTOD231458907<<<<<<<<<<<<<<<\n1205078F3004159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<", "2026-01-01",
        "<expiresOn" SPACE "><value>2030-04-15</value><original>300415</original></expiresOn>");
    has("I<UTOD231458907<<<<<<<<<<<<<<<\n0002298F9804159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<", "2026-01-01",
        "<dateOfBirth" SPACE "><value>2000-02-29</value>"); /* 1900 had no such day */
    has("I<UTOD231458907<<<<<<<<<<<<<<<\n0002298F9804159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<", "2026-01-01",
        "<expiresOn" SPACE "><value>1998-04-15</value>");
    has("I<UTOD231458907<<<<<<<<<<<<<<<\n74<<<<8<1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<", "2010-01-01",
        "<dateOfBirth" SPACE "><value>1974</value><original>74&lt;&lt;&lt;&lt;</original><precision>year</precision></dateOfBirth>"
        "<expiresOn");
    has("I<UTOD231458907<<<<<<<<<<<<<<<\n<<<<<<0F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<", "2010-01-01",
        "<dateOfBirth" SPACE "><absentReason>unknown</absentReason></dateOfBirth>");
    has("I<UTOD231458907<<<<<<<<<<<<<<<\n7413128F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<", "2010-01-01",
        "<dateOfBirth" SPACE "><absentReason>unknown</absentReason><original>741312</original></dateOfBirth>");
}

static void names_and_refusals(void **state)
{
    has("P<UTOVAN<DER<MUELLEN<<PIETER<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10", "",
        "<primary>VAN DER MUELLEN</primary><secondary>PIETER</secondary><number>");
    has("P<UTOARKFREITH<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10", "",
        "<primary>ARKFREITH</primary><number>");
    has("P<UTONILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K\nL898902C36UTO7408122F1204159ZE184226B<<<<<10", "",
        "<secondary>CHAYAPA DEJTHAMRONG K</secondary><cut>true</cut>");
    has("P<D<<ERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36D<<7408122F1204159<<<<<<<<<<<<<<<0", "", "<state>D</state>");
    has("P<D<<ERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36D<<7408122F1204159<<<<<<<<<<<<<<<0", "",
        "<check part=\"optional\">true</check>");
    zone_is("", "", "", "");
    zone_is(" \n", "", "", "");
    zone_is("P<UTO", "", "", "mrz-not-read");
    zone_is("p<utoeriksson<<anna<maria<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10", "", "", "mrz-not-read");
    zone_is("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<101", "", "", "mrz-not-read");
    zone_is(TD3 "<", "", "", "mrz-not-read");
}

static void digits(void **state)
{
    static const struct {
        const char *scheme, *value;
        bool holds;
    } cases[] = {
        {"icao9303", "L898902C36", true},
        {"icao9303", "L898902C37", false},
        {"icao9303", "D23145890743<9", false},
        {"icao9303", "D231458907349", true},
        {"luhn", "79927398713", true},
        {"luhn", "7992-7398-713", true},
        {"luhn", "4539578763621486", true},
        {"luhn", "79927398710", false},
        {"luhn", "7992739871A", false},
        {"verhoeff", "2363", true},
        {"verhoeff", "2364", false},
        {"verhoeff", "758722", true},
        {"mod11-2", "07940", true},
        {"mod11-2", "0794X", false},
        {"mod11-2", "000000021825009X", false},
        {"mod11-2", "0000000218250097", true},
        {"mod11-2", "000000012281955X", true},
        {"mod11-10", "69435151530", true},
        {"mod11-10", "69435151531", false},
        {"mod97-10", "79444", true},
        {"mod97-10", "79445", false},
        {"mod97-10", "3214282912345698765432161182", true},
        {"luhn", "0", false},
        {"mod97-10", "WEST 12345698765432 GB82", true},
    };
    bool holds;
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        assert_int_equal(kw_check_digit(kw_view_text(cases[i].scheme), kw_view_text(cases[i].value), &holds), 0);
        if (holds != cases[i].holds)
            fail_msg("%s %s", cases[i].scheme, cases[i].value);
    }
    assert_int_equal(kw_check_digit(kw_view_text("luhm"), kw_view_text("1"), &holds), -EINVAL);
    char long_value[80];
    memset(long_value, '0', sizeof(long_value));
    assert_int_equal(kw_check_digit(kw_view_text("luhn"), (struct kw_view){(const uint8_t *)long_value, 80}, &holds), 0);
    assert_false(holds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(specimens), cmocka_unit_test(wrong_signs), cmocka_unit_test(centuries),
                                       cmocka_unit_test(names_and_refusals), cmocka_unit_test(digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
