/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c - UTF-8, normal forms, dates. */
#include "text/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool xml_forbids(struct kw_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return true;
        if (c == 0xef && i + 2 < text.size && text.data[i + 1] == 0xbf && text.data[i + 2] >= 0xbe)
            return true;
    }
    return false;
}

/* Lines `number:valid:bytes` and `number:invalid:bytes`; the bytes may hold line feeds only where hex says so in the text file. */
static void utf8_corpus(void **state)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/data/hostile/utf8/utf8tests/utf8tests.txt", getenv("KINWARD_SHARED"));
    FILE *file = fopen(path, "r");
    if (!file) {
        print_message("# skipped: %s is absent\n", path);
        skip();
    }
    char line[4096];
    int valid = 0, invalid = 0;
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\r\n")] = 0;
        char *kind = strchr(line, ':');
        char *value = kind ? strchr(kind + 1, ':') : NULL;
        if (line[0] == '#' || !value)
            continue;
        *value++ = 0;
        const bool good = strncmp(kind + 1, "valid", 5) == 0;
        struct kw_buf bytes = {0};
        if (strstr(kind + 1, "hex")) {
            for (char *at = value; *at && *at != ':';) {
                const char pair[3] = {at[0], at[0] ? at[1] : 0, 0};
                const uint8_t byte = (uint8_t)strtoul(pair, NULL, 16);
                assert_int_equal(kw_buf_append(&bytes, &byte, 1), 0);
                at += 2;
                at += strspn(at, " ");
            }
        } else
            assert_int_equal(kw_buf_text(&bytes, value), 0);
        const int error = kw_utf8_check(kw_view_of(&bytes), NULL);
        if ((error == 0) != (good && !xml_forbids(kw_view_of(&bytes))))
            fail_msg("test %s: %d", line, error);
        good ? valid++ : invalid++;
        kw_buf_clear(&bytes);
    }
    fclose(file);
    print_message("# %d valid, %d invalid\n", valid, invalid);
    assert_true(valid > 20 && invalid > 40);
}

static void utf8_offset(void **state)
{
    size_t offset = 99;
    assert_int_equal(kw_utf8_check((struct kw_view){(const uint8_t *)"ab\xc3\xa9\x00z", 6}, &offset), -EILSEQ);
    assert_int_equal(offset, 4);
}

static void nfc(void **state)
{
    struct kw_buf text = {0};
    assert_true(kw_is_nfc(kw_view_text("Zo\xc3\xab")));
    assert_false(kw_is_nfc(kw_view_text("Zoe\xcc\x88")));
    assert_false(kw_is_nfc(kw_view_text("\xe2\x84\xab"))); /* ANGSTROM SIGN */
    assert_int_equal(kw_to_nfc(kw_view_text("Zoe\xcc\x88"), &text), 0);
    assert_string_equal((char *)text.data, "Zo\xc3\xab");
    assert_int_equal(kw_to_nfc(kw_view_text("\xcc"), &text), -EILSEQ);
    assert_int_equal(kw_to_nfc(kw_view_text("\xc3"), &text), -EILSEQ);
    assert_string_equal((char *)text.data, "Zo\xc3\xab");
    kw_buf_clear(&text);
}

static void name_is(const char *name, const char *language, const char *wanted)
{
    struct kw_buf text = {0};
    assert_int_equal(kw_name_normal(kw_view_text(name), kw_view_text(language), &text), 0);
    assert_string_equal(text.data ? (char *)text.data : "", wanted);
    kw_buf_clear(&text);
}

static void names(void **state)
{
    name_is("  O'Brien-Smith  ", "en", "obrien smith");
    name_is("O\xe2\x80\x99"
            "Brien",
            "", "obrien");
    name_is("José María", "es", "jose maria");
    name_is("JÖRG", "de", "joerg");
    name_is("JÖRG", "", "jorg");
    name_is("Юлія", "uk", "yuliya");
    name_is("Щука", "bg", "shtuka");
    name_is("Щука", "ru-RU", "shchuka");
    name_is("Щука", "", "shchuka");
    name_is("ＡＢＣ", "", "abc"); /* full width */
    name_is("ﬁ", "", "fi");       /* ligature */
    name_is("'--'", "", "");
    name_is("12 ter", "", "12 ter");
    struct kw_buf text = {0}, again = {0};
    static const char *const scripts[] = {"محمد", "ሀብታሙ", "বাংলা", "김", "王", "ไทย", "Γιώργος", "დავით"};
    for (size_t i = 0; i < KW_COUNT(scripts); i++) {
        text.size = again.size = 0;
        assert_int_equal(kw_name_normal(kw_view_text(scripts[i]), kw_view_text(""), &text), 0);
        assert_true(text.size > 0);
        for (size_t k = 0; k < text.size; k++)
            assert_true(text.data[k] < 0x80);
        assert_int_equal(kw_name_normal(kw_view_of(&text), kw_view_text(""), &again), 0); /* a normal form is its own normal form */
        assert_true(kw_view_equal(kw_view_of(&text), kw_view_of(&again)));
    }
    assert_int_equal(kw_name_normal(kw_view_text("\xff"), kw_view_text(""), &text), -EILSEQ);
    kw_buf_clear(&text);
    kw_buf_clear(&again);
}

static void identifiers(void **state)
{
    struct kw_buf text = {0};
    assert_int_equal(kw_id_normal(kw_view_text(" ab-12/३४ ٥ é"), &text), 0);
    assert_string_equal((char *)text.data, "AB12345\xc3\x89");
    kw_buf_clear(&text);
    char script[5];
    kw_script_of(kw_view_text("12 বাংলা"), script);
    assert_string_equal(script, "Beng");
    kw_script_of(kw_view_text("12 -"), script);
    assert_string_equal(script, "Zyyy");
}

static void cleaning(void **state)
{
    struct kw_buf text = {0};
    assert_int_equal(kw_text_clean(kw_view_text(" \t a\xc2\xa0\r\n b e\xcc\x81 \xd9\xa3\n"), true, &text), 0);
    assert_string_equal((char *)text.data, "a b \xc3\xa9 3");
    text.size = 0;
    assert_int_equal(kw_text_clean(kw_view_text(" \xd9\xa3 "), false, &text), 0);
    assert_string_equal((char *)text.data, "\xd9\xa3");
    assert_int_equal(kw_text_clean(kw_view_text("\xff"), false, &text), -EILSEQ);
    text.size = 0;
    assert_int_equal(kw_text_clean(kw_view_text("  "), false, &text), 0);
    assert_int_equal(text.size, 0);
    assert_int_equal(kw_text_case(kw_view_text("stra\xc3\x9f"
                                               "e \xd0\xb6"),
                                  true, &text),
                     0);
    assert_int_equal(kw_text_case(kw_view_text(" \xc3\x89"), false, &text), 0);
    assert_string_equal((char *)text.data, "STRASSE \xd0\x96 \xc3\xa9");
    kw_buf_clear(&text);
}

static void days(void **state)
{
    int32_t day;
    int y, m, d;
    assert_int_equal(kw_day_from_date(1970, 1, 1, &day), 0);
    assert_int_equal(day, 0);
    assert_int_equal(kw_day_from_date(2000, 2, 29, &day), 0);
    assert_int_equal(day, 11016);
    assert_int_equal(kw_day_from_date(1900, 2, 29, &day), -ERANGE);
    assert_int_equal(kw_day_from_date(2023, 4, 31, &day), -ERANGE);
    assert_int_equal(kw_day_from_date(2023, 0, 1, &day), -ERANGE);
    assert_int_equal(kw_day_from_date(1, 1, 1, &day), 0);
    for (int32_t n = day; n < 2932897; n += 1 + (n & 127)) { /* to 9999-12-31 */
        int32_t back;
        kw_date_from_day(n, &y, &m, &d);
        assert_int_equal(kw_day_from_date(y, m, d, &back), 0);
        assert_int_equal(back, n);
    }
}

static void intervals(void **state)
{
    struct kw_date_range range;
    int32_t first, last;
    assert_int_equal(kw_date_parse(kw_view_text("2024"), &range), 0);
    assert_int_equal(range.last - range.first, 365);
    assert_int_equal(kw_date_parse(kw_view_text("2023-02"), &range), 0);
    assert_int_equal(kw_day_from_date(2023, 2, 1, &first), 0);
    assert_int_equal(kw_day_from_date(2023, 2, 28, &last), 0);
    assert_int_equal(range.first, first);
    assert_int_equal(range.last, last);
    assert_int_equal(kw_date_parse(kw_view_text("2023-02-28"), &range), 0);
    assert_int_equal(range.first, range.last);
    static const char *const bad[] = {"", "202", "2023-2", "2023-13", "2023-02-30", "2023/02/01", "+2023", "2023-02-1x", "0000"};
    for (size_t i = 0; i < KW_COUNT(bad); i++)
        assert_true(kw_date_parse(kw_view_text(bad[i]), &range) < 0);
}

static void stretches(const char *text, const char *wanted)
{
    struct kw_view rest = kw_view_text(text), part;
    char script[5], got[256] = "";
    while (kw_script_take(&rest, &part, script)) {
        const size_t size = strlen(got);
        snprintf(got + size, sizeof(got) - size, "%s[%.*s]", script, (int)part.size, (const char *)part.data);
    }
    assert_string_equal(got, wanted);
}

static void scripts(void **state)
{
    stretches("Anna Maria", "Latn[Anna Maria]");
    stretches("Абай (Abai)", "Cyrl[Абай]Latn[Abai]");
    stretches("মা সামি / Ma Sami", "Beng[মা সামি]Latn[Ma Sami]");
    stretches("山田 はなこ Yamada", "Jpan[山田 はなこ]Latn[Yamada]");
    stretches("ハナコ はな子", "Jpan[ハナコ はな子]");
    stretches("金민수 Kim", "Kore[金민수]Latn[Kim]");
    stretches("王小明", "Hani[王小明]");
    stretches("민수 はな", "Hang[민수]Hira[はな]");
    stretches("محمد2 Mohammed-2", "Arab[محمد]Latn[Mohammed]");
    stretches("12 - 3", "");
}

static void ages(void **state)
{
    struct kw_date_range birth, at;
    int least, most;
    assert_int_equal(kw_date_parse(kw_view_text("2008-02-29"), &birth), 0);
    assert_int_equal(kw_date_parse(kw_view_text("2026-02-28"), &at), 0);
    kw_age_range(birth, at, &least, &most);
    assert_int_equal(least, 17);
    assert_int_equal(most, 17);
    assert_int_equal(kw_date_parse(kw_view_text("2008"), &birth), 0);
    kw_age_range(birth, at, &least, &most);
    assert_int_equal(least, 17);
    assert_int_equal(most, 18);
}

static void preload(void **state)
{
    assert_int_equal(kw_text_preload(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preload),   cmocka_unit_test(utf8_corpus), cmocka_unit_test(utf8_offset), cmocka_unit_test(nfc),
        cmocka_unit_test(names),     cmocka_unit_test(identifiers), cmocka_unit_test(days),        cmocka_unit_test(cleaning),
        cmocka_unit_test(intervals), cmocka_unit_test(ages),        cmocka_unit_test(scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
