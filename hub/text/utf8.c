/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c - well-formed UTF-8, normal form C, script of a text. */
#include "text/text-private.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uclean.h>
#include <unicode/udata.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void)
{
    /* ICU's data is in its own library; it must not look for files, least of all inside a sandbox. */
    UErrorCode status = U_ZERO_ERROR;
    udata_setFileAccess(UDATA_NO_FILES, &status);
    u_init(&status);
}

void kw_text_start(void)
{
    pthread_once(&once, start);
}

static bool xml_character(UChar32 c)
{
    return c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) || c >= 0x10000;
}

int kw_utf8_check(struct kw_view text, size_t *ret_offset)
{
    for (size_t i = 0; i < text.size;) {
        const size_t at = i;
        UChar32 c;
        U8_NEXT(text.data, i, text.size, c);
        if (c < 0 || !xml_character(c)) {
            if (ret_offset)
                *ret_offset = at;
            return -EILSEQ;
        }
    }
    return 0;
}

int kw_to_units(struct kw_view text, UChar **ret_units, int32_t *ret_count)
{
    if (text.size > INT32_MAX / 4)
        return -E2BIG;
    kw_text_start();
    UChar *units = kw_alloc((text.size + 1) * sizeof(UChar));
    if (!units)
        return -ENOMEM;
    UErrorCode status = U_ZERO_ERROR;
    int32_t count = 0;
    if (text.size > 0)
        u_strFromUTF8(units, (int32_t)text.size + 1, &count, (const char *)text.data, (int32_t)text.size, &status);
    if (U_FAILURE(status)) {
        kw_free(units);
        return status == U_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EILSEQ;
    }
    *ret_units = units;
    *ret_count = count;
    return 0;
}

int kw_append_units(struct kw_buf *text, const UChar *units, int32_t count)
{
    const size_t room = (size_t)count * 3 + 1;
    const int error = kw_buf_reserve(text, room);
    if (error < 0)
        return error;
    UErrorCode status = U_ZERO_ERROR;
    int32_t size = 0;
    u_strToUTF8((char *)text->data + text->size, (int32_t)room, &size, units, count, &status);
    if (U_FAILURE(status))
        return -EILSEQ;
    text->size += (size_t)size;
    text->data[text->size] = 0;
    return 0;
}

int kw_normalise_units(const UNormalizer2 *form, const UChar *units, int32_t count, UChar **ret_units, int32_t *ret_count)
{
    UErrorCode status = U_ZERO_ERROR;
    const int32_t size = unorm2_normalize(form, units, count, NULL, 0, &status);
    if (status != U_BUFFER_OVERFLOW_ERROR && U_FAILURE(status))
        return -EILSEQ;
    UChar *normal = kw_alloc(((size_t)size + 1) * sizeof(UChar));
    if (!normal)
        return -ENOMEM;
    status = U_ZERO_ERROR;
    *ret_count = unorm2_normalize(form, units, count, normal, size + 1, &status);
    if (U_FAILURE(status)) {
        kw_free(normal);
        return -EILSEQ;
    }
    *ret_units = normal;
    return 0;
}

/* Below U+0300 every text is in NFC; its lead byte in UTF-8 is below 0xcc. */
static bool plain(struct kw_view text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] >= 0xcc)
            return false;
    return true;
}

int kw_nfc_check(struct kw_view text)
{
    if (plain(text))
        return 0;
    KW_AUTO(kw_freep) UChar *units = NULL;
    int32_t count;
    const int error = kw_to_units(text, &units, &count);
    if (error < 0)
        return error;
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
    const bool normal = U_SUCCESS(status) && unorm2_isNormalized(nfc, units, count, &status);
    if (status == U_MEMORY_ALLOCATION_ERROR)
        return -ENOMEM;
    return normal && U_SUCCESS(status) ? 0 : -EILSEQ;
}

bool kw_is_nfc(struct kw_view text)
{
    return kw_nfc_check(text) == 0;
}

int kw_to_nfc(struct kw_view text, struct kw_buf *ret_text)
{
    if (plain(text)) /* well-formedness is still checked: the bytes may come from anywhere */
        return kw_utf8_check(text, NULL) < 0 ? -EILSEQ : kw_buf_append(ret_text, text.data, text.size);
    KW_AUTO(kw_freep) UChar *units = NULL;
    KW_AUTO(kw_freep) UChar *normal = NULL;
    int32_t count, size;
    int error = kw_to_units(text, &units, &count);
    if (error < 0)
        return error;
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
    if (U_FAILURE(status))
        return -EIO;
    error = kw_normalise_units(nfc, units, count, &normal, &size);
    return error < 0 ? error : kw_append_units(ret_text, normal, size);
}

int kw_id_normal(struct kw_view value, struct kw_buf *ret_text)
{
    KW_AUTO(kw_freep) UChar *units = NULL;
    KW_AUTO(kw_freep) UChar *normal = NULL;
    int32_t count, size;
    int error = kw_to_units(value, &units, &count);
    if (error < 0)
        return error;
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfkc = unorm2_getNFKCInstance(&status);
    if (U_FAILURE(status))
        return -EIO;
    error = kw_normalise_units(nfkc, units, count, &normal, &size);
    for (int32_t i = 0; error == 0 && i < size;) {
        UChar32 c;
        U16_NEXT(normal, i, size, c);
        const int32_t digit = u_charDigitValue(c);
        if (digit >= 0)
            error = kw_buf_append(ret_text, &"0123456789"[digit], 1);
        else if (u_isalpha(c)) {
            UChar pair[2];
            int32_t pair_size = 0;
            c = u_toupper(c);
            U16_APPEND_UNSAFE(pair, pair_size, c);
            error = kw_append_units(ret_text, pair, pair_size);
        }
    }
    return error;
}

int kw_text_clean(struct kw_view text, bool plain_digits, struct kw_buf *ret_text)
{
    struct kw_buf normal = {0};
    bool gap = false;
    const size_t before = ret_text->size;
    int error = kw_to_nfc(text, &normal);
    for (size_t i = 0; i < normal.size && error == 0;) {
        const size_t start = i;
        UChar32 c;
        U8_NEXT(normal.data, i, normal.size, c);
        const int32_t digit = plain_digits && c >= 0x80 ? u_charDigitValue(c) : -1;
        if (u_isUWhiteSpace(c) || u_iscntrl(c)) {
            gap = ret_text->size > before;
            continue;
        }
        if (gap)
            error = kw_buf_append(ret_text, " ", 1);
        gap = false;
        if (error == 0)
            error = digit >= 0 ? kw_buf_append(ret_text, &"0123456789"[digit], 1)
                               : kw_buf_append(ret_text, normal.data + start, i - start);
    }
    kw_buf_clear(&normal);
    return error;
}

int kw_text_case(struct kw_view text, bool upper, struct kw_buf *ret_text)
{
    KW_AUTO(kw_freep) UChar *units = NULL;
    KW_AUTO(kw_freep) UChar *changed = NULL;
    int32_t count;
    int error = kw_to_units(text, &units, &count);
    if (error < 0)
        return error;
    const int32_t capacity = 3 * count + 1; /* no character becomes more than three */
    changed = kw_alloc((size_t)capacity * sizeof(UChar));
    if (!changed)
        return -ENOMEM;
    UErrorCode status = U_ZERO_ERROR;
    count = upper ? u_strToUpper(changed, capacity, units, count, "", &status)
                  : u_strToLower(changed, capacity, units, count, "", &status);
    return U_FAILURE(status) ? -EIO : kw_append_units(ret_text, changed, count);
}

static bool script_of(UChar32 c, char ret_code[5])
{
    UErrorCode status = U_ZERO_ERROR;
    if (c < 0 || !u_isalpha(c))
        return false;
    const UScriptCode script = uscript_getScript(c, &status);
    const char *name = U_SUCCESS(status) && script > USCRIPT_INHERITED ? uscript_getShortName(script) : NULL;
    if (!name || strlen(name) != 4)
        return false;
    memcpy(ret_code, name, 5);
    return true;
}

void kw_script_of(struct kw_view text, char ret_code[5])
{
    memcpy(ret_code, "Zyyy", 5);
    for (size_t i = 0; i < text.size;) {
        UChar32 c;
        U8_NEXT(text.data, i, text.size, c);
        if (script_of(c, ret_code))
            return;
    }
}

/* Whether a letter goes on in the writing; it may turn out to be one that has several scripts. */
static bool same_writing(char writing[5], const char *script)
{
    static const char *const mixed[][2] = {{"Hira", "Jpan"}, {"Kana", "Jpan"}, {"Hang", "Kore"}};
    if (!writing[0])
        memcpy(writing, script, 5);
    if (strcmp(writing, script) == 0)
        return true;
    const char *other = strcmp(script, "Hani") == 0 ? writing : script; /* one of the two, or both, beside Chinese characters */
    for (size_t i = 0; i < KW_COUNT(mixed); i++) {
        const bool japanese = strcmp(writing, mixed[i][1]) == 0 || strcmp(writing, "Hani") == 0 || strcmp(script, "Hani") == 0 ||
                              (i < 2 && (strcmp(writing, "Hira") == 0 || strcmp(writing, "Kana") == 0));
        if (japanese && (strcmp(other, mixed[i][0]) == 0 || strcmp(other, mixed[i][1]) == 0)) {
            memcpy(writing, mixed[i][1], 5);
            return true;
        }
    }
    return false;
}

bool kw_script_take(struct kw_view *text, struct kw_view *ret_part, char ret_code[5])
{
    size_t first = 0, behind = 0, i = 0;
    char writing[5] = "", script[5];
    while (i < text->size) {
        const size_t at = i;
        UChar32 c;
        U8_NEXT(text->data, i, text->size, c);
        const bool letter = script_of(c, script);
        if (letter && !writing[0])
            first = at;
        if (letter && !same_writing(writing, script)) {
            i = at;
            break;
        }
        if (letter || (writing[0] && c >= 0 && (U_GET_GC_MASK(c) & U_GC_M_MASK)))
            behind = i;
    }
    if (!writing[0])
        return false;
    *ret_part = (struct kw_view){text->data + first, behind - first};
    *text = (struct kw_view){text->data + i, text->size - i};
    memcpy(ret_code, writing, 5);
    return true;
}
