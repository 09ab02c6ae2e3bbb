/* SPDX-License-Identifier: Apache-2.0 */
/* words.c - a date as a register writes it, with its words made plain, so that whoever reads it needs no language. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "text/month.h"

#define PIECES_MOST 48
#define WORDS_MOST  4 /* of a month's name */

enum kind { DIGITS, WORD, SIGN, OTHER };

struct piece {
    enum kind kind;
    UChar32 first;
    size_t at, size;
};

struct work {
    struct kw_buf clean;
    struct piece pieces[PIECES_MOST];
    size_t count;
    struct kw_date_words words;
    size_t size;
    const char *calendar;
    bool gap; /* something was taken away: what follows stands apart */
};

static enum kind kind_of(UChar32 c)
{
    if (c >= '0' && c <= '9')
        return DIGITS;
    if (c == 0x5e74 || c == 0x6708 || c == 0x65e5 || c == 0x5143) /* year, month, day, first */
        return SIGN;
    return u_isalpha(c) || (U_GET_GC_MASK(c) & U_GC_M_MASK) ? WORD : OTHER;
}

/* Apostrophes and joiners stand inside names. */
static bool inside(UChar32 c)
{
    return c == '\'' || c == 0x2019 || c == 0x5f3 || c == 0x5f4 || c == 0x200c || c == 0x200d || c == 0x640;
}

static int cut(struct work *work)
{
    const struct kw_view text = kw_view_of(&work->clean);
    for (size_t i = 0; i < text.size;) {
        const size_t at = i;
        UChar32 c;
        U8_NEXT(text.data, i, text.size, c);
        struct piece *last = work->count > 0 ? &work->pieces[work->count - 1] : NULL;
        const enum kind kind = kind_of(c);
        if (last && ((kind == last->kind && kind <= WORD) || (last->kind == WORD && inside(c)))) {
            last->size += i - at;
            continue;
        }
        if (work->count == PIECES_MOST)
            return -E2BIG;
        work->pieces[work->count++] = (struct piece){kind, c, at, i - at};
    }
    return 0;
}

static bool joins(const struct piece *piece)
{
    return piece->kind == OTHER && (piece->first == ' ' || piece->first == '.' || piece->first == '-');
}

/* The longest run of words from piece on that find() knows; ret_next: the piece behind it. */
static int longest(const struct work *work, size_t piece, bool era, size_t *ret_next, const char **ret_calendar, int *ret_number)
{
    size_t ends[WORDS_MOST], found = 0;
    for (size_t i = piece; i < work->count && found < WORDS_MOST; i++) {
        if (work->pieces[i].kind == WORD)
            ends[found++] = i;
        else if (!joins(&work->pieces[i]))
            break;
    }
    while (found-- > 0) {
        char folded[KW_WORD_SIZE];
        const struct piece *first = &work->pieces[piece], *last = &work->pieces[ends[found]];
        const int error = kw_word_fold((struct kw_view){work->clean.data + first->at, last->at + last->size - first->at}, folded);
        if (error < 0 && error != -E2BIG)
            return error;
        if (error == 0 && era)
            *ret_calendar = kw_era_named(folded, ret_number);
        else if (error == 0)
            *ret_number = kw_month_named(folded, work->calendar);
        *ret_next = ends[found] + 1;
        if (error == 0 && (era ? *ret_calendar != NULL : *ret_number > 0))
            return 0;
    }
    return -ENOENT;
}

/* H31.4.30: the letters of Japanese forms. */
static int era_letter(const struct work *work)
{
    static const char letters[] = "MTSHR";
    const struct piece *first = &work->pieces[0];
    if (work->count < 2 || first->kind != WORD || first->size != 1 || work->pieces[1].kind != DIGITS ||
        strcmp(work->calendar, "japanese") != 0)
        return 0;
    const char *at = strchr(letters, u_toupper(first->first));
    return at && first->first < 0x80 ? KW_ERA_MEIJI + (int)(at - letters) : 0;
}

/* Where the era stands; count when none does. */
static int find_era(struct work *work, size_t *ret_from, size_t *ret_next)
{
    int error = -ENOENT;
    *ret_from = work->count;
    if ((work->words.era = era_letter(work)) > 0) {
        *ret_from = 0;
        *ret_next = 1;
        work->words.calendar = work->calendar;
        return 0;
    }
    for (size_t i = 0; i < work->count && error == -ENOENT; i++)
        if (work->pieces[i].kind == WORD) {
            error = longest(work, i, true, ret_next, &work->words.calendar, &work->words.era);
            *ret_from = i;
        }
    if (error == -ENOENT)
        *ret_from = work->count;
    return error == -ENOENT ? 0 : error;
}

static void put(struct work *work, const char *text, size_t size)
{
    char *out = work->words.text;
    if (work->gap && work->size > 0 && work->size + 1 < sizeof(work->words.text) && text[0] != ' ' && out[work->size - 1] != ' ')
        out[work->size++] = ' ';
    work->gap = false;
    for (size_t i = 0; i < size && work->size + 1 < sizeof(work->words.text); i++)
        out[work->size++] = text[i];
}

static void put_other(struct work *work, const struct piece *piece)
{
    static const struct {
        UChar32 from, until;
        char plain;
    } signs[] = {{',', ',', ' '},       {'#', '#', '!'},       {0x60c, 0x60c, ' '},   {0x3001, 0x3001, ' '},
                 {0x1361, 0x1361, ' '}, {0xff0f, 0xff0f, '/'}, {0xff0e, 0xff0e, '.'}, {0x2010, 0x2015, '-'},
                 {0x200b, 0x200f, 0},   {0x61c, 0x61c, 0},     {0x202a, 0x202e, 0},   {0x2066, 0x2069, 0}};
    char plain = piece->first < 0x80 ? (char)piece->first : '!';
    for (size_t i = 0; i < KW_COUNT(signs); i++)
        if (piece->first >= signs[i].from && piece->first <= signs[i].until)
            plain = signs[i].plain;
    const char last = work->size > 0 ? work->words.text[work->size - 1] : ' ';
    if (plain == 0 || (plain == ' ' && (last == ' ' || last == '.')))
        return;
    put(work, &plain, 1);
}

/* The year of an era that counts from one. */
static bool put_short_year(struct work *work, const struct piece *piece)
{
    char year[16];
    if (piece->kind == SIGN && piece->first == 0x5143)
        snprintf(year, sizeof(year), "0001");
    else if (piece->kind == DIGITS && piece->size < 4)
        snprintf(year, sizeof(year), "%04d", atoi((const char *)work->clean.data + piece->at));
    else
        return false;
    put(work, year, 4);
    return true;
}

static void put_piece(struct work *work, size_t i)
{
    const struct piece *piece = &work->pieces[i];
    if (piece->kind == OTHER)
        put_other(work, piece);
    else if (piece->kind == SIGN && (piece->first == 0x65e5 || (piece->first != 0x5143 && i + 1 == work->count)))
        work->gap = i + 1 < work->count;
    else if (piece->kind == SIGN)
        put(work, piece->first == 0x5143 ? "!" : "-", 1);
    else if (piece->kind == DIGITS || piece->first < 0x80)
        put(work, (const char *)work->clean.data + piece->at, piece->size);
    else
        put(work, "!", 1);
}

/* Takes the era away and, where its years are few, writes the year in four digits. */
static size_t skip_era(struct work *work, size_t next)
{
    const char *calendar = work->words.calendar;
    while (work->size > 0 && work->words.text[work->size - 1] == ' ')
        work->size--;
    while (next < work->count && work->pieces[next].kind == OTHER && joins(&work->pieces[next]) && work->pieces[next].first != '-')
        next++;
    work->gap = true;
    if (next < work->count && (work->words.era > 0 || strcmp(calendar, "roc") == 0) && put_short_year(work, &work->pieces[next]))
        next++;
    return next;
}

static int write_plain(struct work *work, size_t era, size_t behind)
{
    for (size_t i = 0; i < work->count;) {
        size_t next = i + 1;
        int month = 0, error = -ENOENT;
        if (i == era) {
            i = skip_era(work, behind);
            continue;
        }
        if (work->pieces[i].kind == WORD)
            error = longest(work, i, false, &next, NULL, &month);
        if (error < 0 && error != -ENOENT)
            return error;
        if (error == 0) {
            char text[8];
            work->gap = work->gap || (work->size > 0 && u_isdigit(work->words.text[work->size - 1]));
            put(work, text, (size_t)snprintf(text, sizeof(text), "#%d", month));
            work->gap = next < work->count && work->pieces[next].kind == DIGITS;
            while (next + 1 < work->count && work->pieces[next].first == '.' && work->pieces[next + 1].first == ' ')
                next++; /* the full stop of a short form */
        } else {
            put_piece(work, i);
            next = i + 1;
        }
        i = next;
    }
    while (work->size > 0 && work->words.text[work->size - 1] == ' ')
        work->size--;
    work->words.text[work->size] = 0;
    return 0;
}

int kw_date_words(struct kw_view text, const char *calendar, struct kw_date_words *ret_words)
{
    struct work work = {.calendar = calendar};
    size_t era = 0, behind = 0;
    int error = kw_months_preload();
    if (error == 0)
        error = kw_text_clean(text, true, &work.clean);
    if (error == 0)
        error = work.clean.size >= sizeof(ret_words->text) ? -E2BIG : cut(&work);
    if (error == 0)
        error = find_era(&work, &era, &behind);
    if (error == 0 && work.words.calendar)
        work.calendar = work.words.calendar;
    if (error == 0)
        error = write_plain(&work, era, behind);
    kw_buf_clear(&work.clean);
    if (error == 0)
        *ret_words = work.words;
    return error;
}
