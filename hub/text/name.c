/* SPDX-License-Identifier: Apache-2.0 */
/* name.c - the form of a name for comparing: romanised by language, then by script. */
#include "text/text-private.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>
#include <unicode/utrans.h>

/* Romanisation (BGN/PCGN where ICU has it) by language, and by script for a name without one. Any-Latin takes what is left. */
static const struct {
    const char *language, *script, *rules, *sample;
} ways[] = {
    {"ru", "Cyrl", "ru-ru_Latn/BGN", "Ж"},
    {"uk", NULL, "uk-uk_Latn/BGN", "Ї"},
    {"be", NULL, "be-be_Latn/BGN", "Ў"},
    {"bg", NULL, "bg-bg_Latn/BGN", "Щ"},
    {"mk", NULL, "mk-mk_Latn/BGN", "Ѓ"},
    {"sr", NULL, "sr-sr_Latn/BGN", "Ђ"},
    {"kk", NULL, "kk-kk_Latn/BGN", "Қ"},
    {"ky", NULL, "ky-ky_Latn/BGN", "Ң"},
    {"mn", NULL, "mn-mn_Latn/BGN", "Ө"},
    {"ar", "Arab", "ar-ar_Latn/BGN", "ع"},
    {"fa", NULL, "fa-fa_Latn/BGN", "پ"},
    {"ps", NULL, "ps-ps_Latn/BGN", "ښ"},
    {"am", "Ethi", "am-am_Latn/BGN", "ሀ"},
    {"ti", NULL, "am-am_Latn/BGN", "ሀ"},
    {"el", "Grek", "el-el_Latn/BGN", "Ω"},
    {"hy", "Armn", "hy-hy_Latn/BGN", "Ա"},
    {"ka", "Geor", "ka-ka_Latn/BGN", "ა"},
    {"he", "Hebr", "he-he_Latn/BGN", "א"},
    {"ko", "Hang", "ko-ko_Latn/BGN", "한"},
    {"my", "Mymr", "my-my_Latn", "က"},
    {"si", "Sinh", "si-si_Latn", "ක"},
    {"dv", "Thaa", "dv-dv_Latn/BGN", "ދ"},
    {"de", NULL, "de-ASCII", "ö"},
    {"", NULL, "Any-Null", "বদककਕકକகతಕമไ字あアㄅᐁ"}, /* the last: scripts that Any-Latin knows */
};

/* An ICU transliterator may not be shared between threads while it works. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static UTransliterator *opened[KW_COUNT(ways)];

static int transliterator(size_t way, UTransliterator **ret_transliterator)
{
    if (!opened[way]) {
        char id[128];
        UChar units[128];
        int32_t count = 0;
        UErrorCode status = U_ZERO_ERROR;
        snprintf(id, sizeof(id), "%s; Any-Latin; Latin-ASCII; Any-Lower", ways[way].rules);
        u_strFromUTF8(units, KW_COUNT(units), &count, id, -1, &status);
        opened[way] = utrans_openU(units, count, UTRANS_FORWARD, NULL, 0, NULL, &status);
        if (U_FAILURE(status)) {
            opened[way] = NULL;
            return status == U_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EIO;
        }
    }
    *ret_transliterator = opened[way];
    return 0;
}

static size_t choose(struct kw_view name, struct kw_view language)
{
    size_t primary = 0;
    while (primary < language.size && language.data[primary] != '-' && language.data[primary] != '_')
        primary++;
    const struct kw_view tag = {language.data, primary};
    for (size_t i = 0; tag.size > 0 && i < KW_COUNT(ways); i++)
        if (kw_view_is(tag, ways[i].language))
            return i;
    char script[5];
    kw_script_of(name, script);
    for (size_t i = 0; i < KW_COUNT(ways); i++)
        if (ways[i].script && strcmp(ways[i].script, script) == 0)
            return i;
    return KW_COUNT(ways) - 1;
}

/* Lower-case letters and digits, words parted by one space; an apostrophe joins, anything else parts. */
static int squeeze(const UChar *units, int32_t count, struct kw_buf *text)
{
    bool gap = false;
    const size_t before = text->size;
    int error = 0;
    for (int32_t i = 0; error == 0 && i < count;) {
        UChar32 c;
        U16_NEXT(units, i, count, c);
        const int8_t kind = u_charType(c);
        if (u_isalnum(c) || kind == U_NON_SPACING_MARK || kind == U_COMBINING_SPACING_MARK) {
            UChar pair[2];
            int32_t size = 0;
            if (gap && text->size > before)
                error = kw_buf_text(text, " ");
            gap = false;
            c = u_tolower(c);
            U16_APPEND_UNSAFE(pair, size, c);
            if (error == 0)
                error = kw_append_units(text, pair, size);
        } else if (c != '\'' && c != '`' && c != 0x2019 && kind != U_FORMAT_CHAR && kind != U_MODIFIER_SYMBOL)
            gap = true;
    }
    return error;
}

static int squeeze_ascii(struct kw_view name, struct kw_buf *text)
{
    bool gap = false;
    const size_t before = text->size;
    int error = kw_buf_reserve(text, name.size + 1);
    for (size_t i = 0; error == 0 && i < name.size; i++) {
        uint8_t c = name.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            if (gap && text->size > before)
                error = kw_buf_append(text, " ", 1);
            if (error == 0)
                error = kw_buf_append(text, &c, 1);
            gap = false;
        } else if (c != '\'' && c != '`')
            gap = true;
    }
    return error;
}

static int romanise(size_t way, const UChar *units, int32_t count, UChar **ret_units, int32_t *ret_count)
{
    UTransliterator *rules = NULL;
    const int32_t capacity = count * 12 + 64;
    UChar *roman = kw_alloc((size_t)capacity * sizeof(UChar));
    if (!roman)
        return -ENOMEM;
    memcpy(roman, units, (size_t)count * sizeof(UChar));
    UErrorCode status = U_ZERO_ERROR;
    int32_t size = count, limit = count;
    pthread_mutex_lock(&lock);
    int error = transliterator(way, &rules);
    if (error == 0)
        utrans_transUChars(rules, roman, &size, capacity, 0, &limit, &status);
    pthread_mutex_unlock(&lock);
    if (error == 0 && U_FAILURE(status))
        error = status == U_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -E2BIG;
    if (error < 0) {
        kw_free(roman);
        return error;
    }
    *ret_units = roman;
    *ret_count = size;
    return 0;
}

int kw_name_normal(struct kw_view name, struct kw_view language, struct kw_buf *ret_text)
{
    bool ascii = true;
    for (size_t i = 0; ascii && i < name.size; i++)
        ascii = name.data[i] < 0x80;
    if (ascii)
        return squeeze_ascii(name, ret_text);
    KW_AUTO(kw_freep) UChar *units = NULL;
    KW_AUTO(kw_freep) UChar *normal = NULL;
    KW_AUTO(kw_freep) UChar *roman = NULL;
    int32_t count, size, roman_size;
    int error = kw_to_units(name, &units, &count);
    if (error < 0)
        return error;
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfkc = unorm2_getNFKCInstance(&status);
    if (U_FAILURE(status))
        return -EIO;
    error = kw_normalise_units(nfkc, units, count, &normal, &size);
    if (error == 0)
        error = romanise(choose(name, language), normal, size, &roman, &roman_size);
    return error < 0 ? error : squeeze(roman, roman_size, ret_text);
}

int kw_text_preload(void)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < KW_COUNT(ways); i++) {
        struct kw_buf text = {0};
        error = kw_name_normal(kw_view_text(ways[i].sample), kw_view_text(ways[i].language), &text);
        kw_buf_clear(&text);
    }
    if (error == 0)
        error = kw_calendars_preload();
    return error < 0 ? error : kw_months_preload();
}
