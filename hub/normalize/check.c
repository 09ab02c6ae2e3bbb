/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - check digits and characters of identifiers. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "normalize/private.h"

static int value_of(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isupper((unsigned char)c) ? c - 'A' + 10 : -1;
}

/* Part 3, 4.9: weights 7, 3, 1; a filler counts nothing. */
char kw_icao_check(const char *text, size_t size)
{
    static const int weights[] = {7, 3, 1};
    int sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += text[i] == '<' ? 0 : value_of(text[i]) * weights[i % 3];
    return (char)('0' + sum % 10);
}

static bool icao(const char *text, size_t size)
{
    return size > 1 && kw_icao_check(text, size - 1) == text[size - 1];
}

/* ISO/IEC 7812-1, annex B. */
static bool luhn(const char *text, size_t size)
{
    int sum = 0;
    for (size_t i = 0; i < size; i++) {
        const int digit = text[size - 1 - i] - '0';
        sum += i % 2 == 0 ? digit : digit * 2 - (digit > 4 ? 9 : 0);
    }
    return size > 1 && sum % 10 == 0;
}

/* J. Verhoeff, Error Detecting Decimal Codes (1969): products in the dihedral group of the pentagon. */
static int dihedral(int a, int b)
{
    if (a < 5)
        return b < 5 ? (a + b) % 5 : (a + b - 5) % 5 + 5;
    return b < 5 ? (a - 5 - b + 5) % 5 + 5 : (a - b + 5) % 5;
}

static bool verhoeff(const char *text, size_t size)
{
    static const uint8_t shuffle[] = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
    int check = 0;
    for (size_t i = 0; i < size; i++) {
        int digit = text[size - 1 - i] - '0';
        for (size_t times = i % 8; times > 0; times--)
            digit = shuffle[digit];
        check = dihedral(check, digit);
    }
    return size > 1 && check == 0;
}

/* ISO/IEC 7064: pure systems (the last sign may be X where the modulus is 11) and the hybrid system 11,10. */
static bool mod11_2(const char *text, size_t size)
{
    int sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (sum * 2 + (text[i] == 'X' ? 10 : text[i] - '0')) % 11;
    return size > 1 && sum == 1;
}

static bool mod97_10(const char *text, size_t size)
{
    int rest = 0;
    for (size_t i = 0; i < size; i++) {
        const int value = value_of(text[i]);
        rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
    }
    return size > 2 && rest == 1;
}

static bool mod11_10(const char *text, size_t size)
{
    int product = 10;
    for (size_t i = 0; i + 1 < size; i++) {
        const int sum = (product + text[i] - '0') % 10;
        product = (sum == 0 ? 10 : sum) * 2 % 11;
    }
    return size > 1 && (product + text[size - 1] - '0') % 10 == 1;
}

static const struct {
    const char *name, *signs, *last; /* last: what the last sign may be beside */
    bool (*holds)(const char *text, size_t size);
} schemes[] = {
    {"icao9303", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<", "", icao},
    {"luhn", "0123456789", "", luhn},
    {"verhoeff", "0123456789", "", verhoeff},
    {"mod11-2", "0123456789", "X", mod11_2},
    {"mod11-10", "0123456789", "", mod11_10},
    {"mod97-10", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "", mod97_10},
};

int kw_check_digit(struct kw_view scheme, struct kw_view value, bool *ret_holds)
{
    char text[65];
    size_t size = 0, known = 0;
    while (known < KW_COUNT(schemes) && !kw_view_is(scheme, schemes[known].name))
        known++;
    if (known == KW_COUNT(schemes))
        return -EINVAL;
    for (size_t i = 0; i < value.size; i++) { /* blanks and hyphens only part the signs */
        if (value.data[i] == ' ' || value.data[i] == '-')
            continue;
        if (size + 1 == sizeof(text)) { /* no identifier is that long */
            *ret_holds = false;
            return 0;
        }
        text[size++] = (char)value.data[i];
    }
    text[size] = 0;
    const size_t right = strspn(text, schemes[known].signs);
    const bool last = right + 1 == size && strchr(schemes[known].last, text[right]) && *schemes[known].last;
    *ret_holds = size > 0 && (right == size || last) && schemes[known].holds(text, size);
    return 0;
}
