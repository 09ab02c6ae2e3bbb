/* SPDX-License-Identifier: Apache-2.0 */
/* records.c - templates cut at their tokens, and what stands in the tokens' place for each number. */
#include "records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "record/record.h"

#define PIECES 64

enum token { SOURCE, HASH, CHILD, ADULT, PASSPORT, DEATH, GIVEN, FAMILY, MOTHER, BENGALI, BORN, BORN_BEFORE, DIED, TOKENS };

static const char *const tokens[TOKENS] = {
    [SOURCE] = "TokenSource",     [HASH] = "7e577e577e577e577e577e577e577e577e577e577e577e577e577e577e577e57",
    [CHILD] = "TokenChild",       [ADULT] = "TokenAdult",
    [PASSPORT] = "TokenPassport", [DEATH] = "TokenDeath",
    [GIVEN] = "TokenGiven",       [FAMILY] = "TokenFamily",
    [MOTHER] = "TokenMother",     [BENGALI] = "TokenBengali",
    [BORN] = "1911-01-01",        [BORN_BEFORE] = "1911-02-02",
    [DIED] = "1911-03-03",
};

struct template
{
    struct kw_buf text;
    struct piece {
        struct kw_view literal; /* before the token */
        enum token token;       /* TOKENS: nothing follows */
    } pieces[PIECES];
    size_t count;
    char version[64];
};

struct bench_records {
    struct template templates[BENCH_KINDS];
};

/* ---- measuring ---------------------------------------------------------------- */

void bench_need(int error, const char *what, const struct kw_fault *fault)
{
    if (error >= 0)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, fault && fault->message[0] ? fault->message : strerror(-error));
    exit(1);
}

double bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t count, double share)
{
    if (!count)
        return 0;
    qsort(values, count, sizeof *values, by_value);
    size_t at = (size_t)(share * (double)count);
    return values[at < count ? at : count - 1];
}

/* ---- templates ------------------------------------------------------------------ */

static const char *next_token(const char *from, enum token *ret_token)
{
    const char *first = NULL;
    for (enum token token = 0; token < TOKENS; token++) {
        const char *found = strstr(from, tokens[token]);
        if (found && (!first || found < first)) {
            first = found;
            *ret_token = token;
        }
    }
    return first;
}

static void cut(struct template *template)
{
    const char *at = (const char *)template->text.data;
    while (at) {
        struct piece *piece = &template->pieces[template->count++];
        bench_need(template->count < PIECES ? 0 : -E2BIG, "template", NULL);
        piece->token = TOKENS;
        const char *found = next_token(at, &piece->token);
        piece->literal = (struct kw_view){(const uint8_t *)at, found ? (size_t)(found - at) : strlen(at)};
        at = found ? found + strlen(tokens[piece->token]) : NULL;
    }
}

static void read_template(struct template *template, struct kw_validator *validator, const char *source, const char *name)
{
    char path[4096];
    struct kw_buf text = {0};
    struct kw_fault fault = {0};
    snprintf(path, sizeof path, "%s/tests/bench/records/%s.xml", source, name);
    bench_need(kw_file_read(path, KW_LIMIT_RECORD, &text, &fault), path, &fault);
    bench_need(kw_validate(validator, kw_view_of(&text), &template->text, NULL, NULL, &fault), path, &fault);
    kw_buf_clear(&text);
    const char *version = strstr((const char *)template->text.data, "<version>");
    bench_need(version && sscanf(version, "<version>%63[^<]", template->version) == 1 ? 0 : -EBADMSG, path, NULL);
    cut(template);
}

struct bench_records *bench_records_new(const char *source)
{
    static const char *const names[BENCH_KINDS] = {"birth", "death", "document", "notice", "check"};
    struct bench_records *records = kw_alloc(sizeof *records);
    KW_AUTO(kw_validator_freep) struct kw_validator *validator = NULL;
    bench_need(records ? kw_validator_new(&validator) : -ENOMEM, "validator", NULL);
    for (size_t i = 0; i < BENCH_KINDS; i++)
        read_template(&records->templates[i], validator, source, names[i]);
    return records;
}

void bench_records_free(struct bench_records *records)
{
    for (size_t i = 0; records && i < BENCH_KINDS; i++)
        kw_buf_clear(&records->templates[i].text);
    kw_free(records);
}

/* ---- people ------------------------------------------------------------------------- */

/* Spreads numbers evenly, so that what is next to each other by number has nothing else in common (splitmix64). */
static uint64_t spread(uint64_t number, uint64_t what)
{
    uint64_t z = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) + what * UINT64_C(0xd1b54a32d192ed03);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 32 * 32 names of two or 32,768 of three syllables. */
static void put_name(struct kw_buf *out, uint64_t random, unsigned syllables)
{
    static const char *const parts[32] = {"ba", "ke", "ri", "mo", "nu", "sha", "le", "ti", "wa", "jo", "mu",
                                          "fa", "ne", "si", "do", "ra", "chi", "pe", "lo", "za", "ku", "me",
                                          "ni", "ta", "yo", "ha", "be", "li",  "go", "sa", "tu", "ne"};
    char name[16] = "";
    for (unsigned i = 0; i < syllables; i++, random >>= 5)
        strcat(name, parts[random & 31]);
    name[0] = (char)(name[0] - 'a' + 'A');
    bench_need(kw_buf_text(out, name), "memory", NULL);
}

static void put_bengali(struct kw_buf *out, uint64_t random)
{
    static const char *const parts[16] = {"আ",  "মি", "না", "রা", "সা", "লি", "কা", "তা",
                                          "বি", "নু",  "মা", "জা", "রি", "শা", "পা", "দে"};
    for (unsigned i = 0; i < 4; i++, random >>= 4)
        bench_need(kw_buf_text(out, parts[random & 15]), "memory", NULL);
}

static void put_day(struct kw_buf *out, uint64_t random, unsigned first_year, unsigned years)
{
    unsigned day = (unsigned)(random % (years * 336));
    bench_need(kw_buf_format(out, "%u-%02u-%02u", first_year + day / 336, day % 336 / 28 + 1, day % 28 + 1), "memory", NULL);
}

static void put_hash(struct kw_buf *out, uint64_t number)
{
    for (uint64_t i = 0; i < 4; i++)
        bench_need(kw_buf_format(out, "%016llx", (unsigned long long)spread(number, 100 + i)), "memory", NULL);
}

static void put_token(struct kw_buf *out, enum token token, enum bench_kind kind, uint64_t number, unsigned long long person)
{
    char id[48];
    switch (token) {
    case SOURCE:
        bench_source(kind, number, id);
        bench_need(kw_buf_text(out, id), "memory", NULL);
        break;
    case HASH:
        put_hash(out, number);
        break;
    case CHILD:
    case ADULT:
    case PASSPORT:
    case DEATH:
        bench_need(kw_buf_format(out, "%s%09llu",
                                 token == CHILD      ? "2019B"
                                 : token == ADULT    ? "19"
                                 : token == PASSPORT ? "ZZ"
                                                     : "2026D",
                                 person),
                   "memory", NULL);
        break;
    case GIVEN:
    case MOTHER:
        put_name(out, spread(person, token), 2);
        break;
    case FAMILY:
        put_name(out, spread(person, token), 3);
        break;
    case BENGALI:
        put_bengali(out, spread(person, token));
        break;
    case BORN:
        put_day(out, spread(person, token), 2010, 15);
        break;
    case BORN_BEFORE:
        put_day(out, spread(person, token), 1960, 30);
        break;
    default:
        put_day(out, spread(person, token), 2024, 2);
    }
}

/* ---- records ---------------------------------------------------------------------------- */

enum bench_kind bench_kind_of(uint64_t number)
{
    return number % 10 < 6 ? BENCH_BIRTH : number % 10 < 8 ? BENCH_DEATH : BENCH_DOCUMENT;
}

uint64_t bench_birth_before(uint64_t number)
{
    return number % 10 < 6 ? number : number - number % 10 + 5;
}

void bench_source(enum bench_kind kind, uint64_t number, char ret_id[48])
{
    snprintf(ret_id, 48, "%08x-52a4-4f2e-9a5d-%012llx", (unsigned)kind, (unsigned long long)number);
}

const char *bench_version(const struct bench_records *records, enum bench_kind kind)
{
    return records->templates[kind].version;
}

void bench_record(const struct bench_records *records, enum bench_kind kind, uint64_t number, uint64_t person, struct kw_buf *out)
{
    const struct template *template = &records->templates[kind];
    for (size_t i = 0; i < template->count; i++) {
        const struct piece *piece = &template->pieces[i];
        bench_need(kw_buf_append(out, piece->literal.data, piece->literal.size), "memory", NULL);
        if (piece->token < TOKENS)
            put_token(out, piece->token, kind, number, person);
    }
}

void bench_record_of(const struct bench_records *records, uint64_t number, struct kw_buf *out)
{
    enum bench_kind kind = bench_kind_of(number);
    bench_record(records, kind, number, kind == BENCH_DOCUMENT ? number - 5 : number, out);
}
