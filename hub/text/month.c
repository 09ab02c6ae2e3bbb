/* SPDX-License-Identifier: Apache-2.0 */
/* month.c - names of months and eras as registers write them, folded so that spelling matters little. */
#include "text/month.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/udat.h>
#include <unicode/uscript.h>

#define NAMES_MOST 2048

/* From ICU: the calendars' months in the languages of the countries that use them. */
static const struct {
    const char *calendar, *library, *languages;
} sources[] = {
    {"gregorian", "gregorian", "en fr es pt de it ru uk tr sw id th hi ne bn ur fa am ar ar_IQ ar_DZ ar_MA ar_TN"},
    {"islamic", "islamic-civil", "en ar fa ur"},
    {"persian", "persian", "en fa fa_AF ps"},
    {"ethiopic", "ethiopic", "en am"},
    {"coptic", "coptic", "en ar"},
    {"hebrew", "hebrew", "en he fr"},
    {"indian", "indian", "en hi"},
};

/* Spellings that ICU lacks: months of a calendar, parted by commas, one spelling after another with blanks. */
static const struct {
    const char *calendar, *names[13];
} spellings[] = {
    {"islamic",
     {"muharam moharram", "saffar", "rabialawwal rabialawal rabiulawwal rabiulawal rabialula rabieawwal",
      "rabialthani rabiulthani rabiussani rabialakhir rabiulakhir ربيعالثاني",
      "jumadaalawwal jumadaalula jumadalawwal jumadalula jumadiulawwal جمادىالاول",
      "jumadaalthani jumadaalakhirah jumadaalakhira jumadalthani jumadalakhira jumadiussani جمادىالثانيه جمادىالثاني", "rajab",
      "shaaban shaban", "ramadhan ramazan ramzan", "shawal", "dhualqadah dhulqadah dhulqada zulqadah zulqada zilqad",
      "dhualhijjah dhulhijjah dhulhijja zulhijjah zulhijja zilhajj"}},
    {"persian",
     {"hamal", "sawr saur", "jawza jowza", "saratan", "amordad asad", "sonbola sunbula", "mizan", "aqrab", "qaws qows", "day jadi",
      "dalw dalwa", "hut"}},
    {"ethiopic",
     {"mäskäräm", "tikimt teqemt", "hidar ህዳር", "tahisas tahesas ታህሳስ", "tir", "yakatit", "megabit meggabit",
      "miyazya miyazia miazya", "ginbot", "sane", "hamle ሀምሌ", "nehase nehasie ነሀሴ", "pagume pagumien pagumiene ጳጉሜ"}},
    {"hebrew",
     {"tishrei", "cheshvan marcheshvan marheshvan מרחשון מרחשוון", "kislew", "teves", "shvat", "adaraleph adarrishon", "", "nissan",
      "iyyar", "siwan", "tammuz", "ab", "elul"}},
    {"bikram-sambat",
     {"baisakh baishakh vaishakh vaisakh बैशाख वैशाख", "jestha jeth jyeshtha जेठ ज्येष्ठ", "ashadh asadh asar ashar असार आषाढ",
      "shrawan srawan saun sawan साउन श्रावण", "bhadra bhadau भदौ भाद्र", "ashwin aswin asoj असोज आश्विन", "kartik कार्तिक कात्तिक",
      "mangsir mangshir marga मंसिर मङ्सिर मार्ग", "poush paush push pus पुष पौष पुस", "magh माघ",
      "falgun phalgun phagun fagun फागुन फाल्गुन", "chaitra chait चैत चैत्र"}},
};

static const struct {
    const char *names, *calendar;
    int era;
} eras[] = {
    {"be พศ พุทธศักราช", "buddhist", 0},
    {"ce ad คศ م ميلادي ميلاديه میلادی", "gregorian", 0},
    {"ah ه هج هجري هجريه هق", "islamic", 0},
    {"ap هش هجریشمسی", "persian", 0},
    {"ec ዓም", "ethiopic", 0},
    {"bs विसं", "bikram-sambat", 0},
    {"明治 meiji", "japanese", KW_ERA_MEIJI},
    {"大正 taisho taishō", "japanese", KW_ERA_TAISHO},
    {"昭和 showa shōwa", "japanese", KW_ERA_SHOWA},
    {"平成 heisei", "japanese", KW_ERA_HEISEI},
    {"令和 reiwa", "japanese", KW_ERA_REIWA},
    {"民國 民国 minguo roc", "roc", 0},
};

static struct name {
    char text[KW_WORD_SIZE];
    const char *calendar;
    int month; /* 0: an era; -1: names two months in two languages, and so none */
    int era;
} names[NAMES_MOST];
static size_t count;
static bool ready;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Letters that keyboards of neighbours write differently. */
static UChar32 same(UChar32 c)
{
    static const UChar32 pairs[][2] = {{0x6cc, 0x64a}, {0x649, 0x64a}, {0x6a9, 0x643},
                                       {0x629, 0x647}, {0x6c3, 0x647}, {0x6d5, 0x647}};
    for (size_t i = 0; i < KW_COUNT(pairs); i++)
        if (c == pairs[i][0])
            return pairs[i][1];
    return c;
}

int kw_word_fold(struct kw_view word, char ret_text[KW_WORD_SIZE])
{
    KW_AUTO(kw_freep) UChar *units = NULL;
    KW_AUTO(kw_freep) UChar *normal = NULL;
    int32_t size, total;
    size_t at = 0;
    UErrorCode status = U_ZERO_ERROR;
    int error = kw_to_units(word, &units, &size);
    const UNormalizer2 *form = unorm2_getNFKDInstance(&status);
    if (error == 0)
        error = U_FAILURE(status) ? -EIO : kw_normalise_units(form, units, size, &normal, &total);
    for (int32_t i = 0; error == 0 && i < total;) {
        UChar32 c;
        U16_NEXT(normal, i, total, c);
        const bool mark = (U_GET_GC_MASK(c) & U_GC_M_MASK) && uscript_getScript(c, &status) != USCRIPT_INHERITED;
        if ((!u_isalpha(c) && !mark) || u_charType(c) == U_MODIFIER_LETTER)
            continue; /* vowel signs of Indic scripts stay, accents and Arabic points go */
        c = same(u_foldCase(c, U_FOLD_CASE_DEFAULT));
        if (at + 5 > KW_WORD_SIZE)
            return -E2BIG;
        U8_APPEND_UNSAFE((uint8_t *)ret_text, at, c);
    }
    ret_text[at] = 0;
    return error;
}

static int add(const char *word, size_t size, const char *calendar, int month, int era)
{
    char text[KW_WORD_SIZE];
    const int error = kw_word_fold((struct kw_view){(const uint8_t *)word, size}, text);
    if (error < 0 || strlen(text) < 2)
        return error;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i].text, text) != 0 || strcmp(names[i].calendar, calendar) != 0)
            continue;
        if (names[i].month != month)
            names[i].month = -1;
        return 0;
    }
    if (count == NAMES_MOST)
        return -E2BIG;
    names[count] = (struct name){.calendar = calendar, .month = month, .era = era};
    memcpy(names[count++].text, text, sizeof(text));
    return 0;
}

static int add_all(const char *words, const char *calendar, int month, int era)
{
    int error = 0;
    while (error == 0 && *words) {
        const size_t size = strcspn(words, " ");
        error = add(words, size, calendar, month, era);
        words += size + (words[size] == ' ');
    }
    return error;
}

/* ICU's Hebrew months: the seventh is Adar, the fourteenth Adar II. */
static int number_of(const char *calendar, int index)
{
    if (strcmp(calendar, "hebrew") != 0 || (index != 6 && index != 13))
        return index + 1;
    return index == 6 ? KW_MONTH_ADAR : KW_MONTH_ADAR_II;
}

static int add_language(const char *calendar, const char *library, const char *language, size_t size)
{
    static const UDateFormatSymbolType kinds[] = {UDAT_MONTHS, UDAT_SHORT_MONTHS, UDAT_STANDALONE_MONTHS};
    char locale[64];
    UErrorCode status = U_ZERO_ERROR;
    snprintf(locale, sizeof(locale), "%.*s@calendar=%s", (int)size, language, library);
    UDateFormat *format = udat_open(UDAT_LONG, UDAT_LONG, locale, NULL, 0, NULL, 0, &status);
    if (U_FAILURE(status))
        return status == U_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EIO;
    int error = 0;
    for (size_t k = 0; k < KW_COUNT(kinds); k++) {
        const int32_t months = udat_countSymbols(format, kinds[k]);
        for (int32_t i = 0; i < months && error == 0; i++) {
            UChar units[KW_WORD_SIZE];
            struct kw_buf text = {0};
            const int32_t length = udat_getSymbols(format, kinds[k], i, units, KW_COUNT(units), &status);
            error = U_FAILURE(status) ? -EIO : kw_append_units(&text, units, length);
            if (error == 0)
                error = add((const char *)text.data, text.size, calendar, number_of(calendar, i), 0);
            kw_buf_clear(&text);
        }
    }
    udat_close(format);
    return error;
}

static int add_source(size_t source)
{
    int error = 0;
    for (const char *at = sources[source].languages; *at && error == 0;) {
        const size_t size = strcspn(at, " ");
        error = add_language(sources[source].calendar, sources[source].library, at, size);
        at += size + (at[size] == ' ');
    }
    return error;
}

static int load(void)
{
    int error = 0;
    count = 0;
    for (size_t i = 0; i < KW_COUNT(sources) && error == 0; i++)
        error = add_source(i);
    for (size_t i = 0; i < KW_COUNT(spellings) && error == 0; i++)
        for (int month = 0; month < 13 && spellings[i].names[month] && error == 0; month++)
            error = add_all(spellings[i].names[month], spellings[i].calendar, month + 1, 0);
    for (size_t i = 0; i < KW_COUNT(eras) && error == 0; i++)
        error = add_all(eras[i].names, eras[i].calendar, 0, eras[i].era);
    return error;
}

int kw_months_preload(void)
{
    kw_text_start();
    pthread_mutex_lock(&lock);
    const int error = ready ? 0 : load();
    ready = error == 0;
    pthread_mutex_unlock(&lock);
    return error;
}

/* Whose months a calendar has. */
static const char *months_of(const char *calendar)
{
    static const char *const gregorian[] = {"buddhist", "japanese", "roc", "julian"};
    for (size_t i = 0; i < KW_COUNT(gregorian); i++)
        if (strcmp(calendar, gregorian[i]) == 0)
            return "gregorian";
    return strncmp(calendar, "islamic", 7) == 0 ? "islamic" : calendar;
}

int kw_month_named(const char *folded, const char *calendar)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].month > 0 && strcmp(names[i].text, folded) == 0 && strcmp(names[i].calendar, months_of(calendar)) == 0)
            return names[i].month;
    return 0;
}

const char *kw_era_named(const char *folded, int *ret_era)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].month == 0 && strcmp(names[i].text, folded) == 0) {
            *ret_era = names[i].era;
            return names[i].calendar;
        }
    }
    return NULL;
}
