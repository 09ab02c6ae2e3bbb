/* SPDX-License-Identifier: Apache-2.0 */
/* simple.c - values of simple types against their facets. What is right is what libxml2's XSD validation says. */
#include "record/simple.h"

#include <errno.h>
#include <string.h>

#define PATTERN_SHOWN 100 /* characters of a pattern that still help a reader */
#define DIGITS_MOST   24  /* of integer and decimal: libxml2 takes no more, leading zeros not counted */

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

size_t kw_simple_space(const struct kw_table_simple *simple, uint8_t *text, size_t size)
{
    if (simple->space == KW_SPACE_PRESERVE)
        return size;
    if (simple->space == KW_SPACE_REPLACE) {
        for (size_t i = 0; i < size; i++)
            text[i] = is_blank(text[i]) ? ' ' : text[i];
        return size;
    }
    size_t kept = 0;
    for (size_t i = 0; i < size; i++) {
        if (!is_blank(text[i]))
            text[kept++] = text[i];
        else if (kept > 0 && text[kept - 1] != ' ')
            text[kept++] = ' ';
    }
    return kept > 0 && text[kept - 1] == ' ' ? kept - 1 : kept;
}

static uint32_t character_count(struct kw_view value)
{
    uint32_t count = 0;
    for (size_t i = 0; i < value.size; i++)
        count += (value.data[i] & 0xC0) != 0x80;
    return count;
}

/* ---- patterns ------------------------------------------------------------------ */

/* The code point at *at, which moves on; the text is well-formed UTF-8. */
static uint32_t next_code_point(struct kw_view value, size_t *at)
{
    uint8_t lead = value.data[(*at)++];
    unsigned more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    uint32_t code = more == 0 ? lead : lead & (0x3Fu >> more);
    for (; more > 0 && *at < value.size; more--)
        code = code << 6 | (value.data[(*at)++] & 0x3Fu);
    return code;
}

static unsigned class_of(const struct kw_table_pattern *pattern, uint32_t code)
{
    if (code < 128)
        return pattern->ascii[code];
    size_t low = 0, high = pattern->range_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (pattern->starts[middle] <= code)
            low = middle;
        else
            high = middle;
    }
    return pattern->classes[low];
}

static bool pattern_matches(const struct kw_table_pattern *pattern, struct kw_view value)
{
    const uint16_t *next = pattern->next;
    const uint8_t *ascii = pattern->ascii, *data = value.data;
    unsigned state = pattern->class_count;
    for (size_t at = 0; at < value.size && state != 0;) {
        if (data[at] < 128)
            state = next[state + ascii[data[at++]]];
        else
            state = next[state + class_of(pattern, next_code_point(value, &at))];
    }
    return pattern->accept[state / pattern->class_count];
}

/* ---- numbers ------------------------------------------------------------------- */

struct number {
    bool negative;
    struct kw_view whole, fraction; /* without outer zeros */
};

static bool read_number(struct kw_view text, bool with_fraction, struct number *ret_number)
{
    struct number number = {0};
    size_t at = 0;
    if (at < text.size && (text.data[at] == '-' || text.data[at] == '+'))
        number.negative = text.data[at++] == '-';
    size_t digits = 0, start = at;
    while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9')
        at++, digits++;
    number.whole = (struct kw_view){text.data + start, at - start};
    while (number.whole.size > 0 && *number.whole.data == '0')
        number.whole.data++, number.whole.size--;
    if (with_fraction && at < text.size && text.data[at] == '.') {
        start = ++at;
        while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9')
            at++, digits++;
        number.fraction = (struct kw_view){text.data + start, at - start};
    }
    if (at != text.size || digits == 0 || number.whole.size + number.fraction.size > DIGITS_MOST)
        return false;
    while (number.fraction.size > 0 && number.fraction.data[number.fraction.size - 1] == '0')
        number.fraction.size--;
    if (number.whole.size + number.fraction.size == 0)
        number.negative = false;
    *ret_number = number;
    return true;
}

static int compare_digits(struct kw_view a, struct kw_view b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_numbers(const struct number *a, const struct number *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    int order = (a->whole.size > b->whole.size) - (a->whole.size < b->whole.size);
    if (order == 0)
        order = compare_digits(a->whole, b->whole);
    if (order == 0)
        order = compare_digits(a->fraction, b->fraction);
    return a->negative ? -order : order;
}

static int check_number(const struct kw_table_simple *simple, struct kw_view value, char *rule, size_t rule_size)
{
    struct number number, bound;
    if (!read_number(value, simple->kind == KW_KIND_DECIMAL, &number)) {
        snprintf(rule, rule_size,
                 simple->kind == KW_KIND_DECIMAL ? "value is not a decimal number" : "value is not a whole number");
        return -EBADMSG;
    }
    if (simple->low && read_number(kw_view_text(simple->low), true, &bound) && compare_numbers(&number, &bound) < 0) {
        snprintf(rule, rule_size, "value is below %s", simple->low);
        return -EBADMSG;
    }
    if (simple->high && read_number(kw_view_text(simple->high), true, &bound) && compare_numbers(&number, &bound) > 0) {
        snprintf(rule, rule_size, "value is above %s", simple->high);
        return -EBADMSG;
    }
    return 0;
}

/* ---- all facets ---------------------------------------------------------------- */

static bool in_list(const struct kw_table_simple *simple, struct kw_view value)
{
    size_t low = 0, high = simple->value_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct kw_table_value *entry = &simple->values[middle];
        int order = (value.size > entry->size) - (value.size < entry->size);
        if (order == 0)
            order = memcmp(value.data, entry->text, value.size);
        if (order == 0)
            return true;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static int check_lengths(const struct kw_table_simple *simple, struct kw_view value, char *rule, size_t rule_size)
{
    /* a character has one to four bytes, so that most values need no counting */
    if (value.size <= simple->most && value.size / 4 >= simple->least)
        return 0;
    uint32_t count = character_count(value);
    if (count < simple->least) {
        if (count == 0)
            snprintf(rule, rule_size, "value is empty");
        else
            snprintf(rule, rule_size, "value is shorter than %u characters", simple->least);
        return -EBADMSG;
    }
    if (count > simple->most) {
        snprintf(rule, rule_size, "value is longer than %u characters", simple->most);
        return -EBADMSG;
    }
    return 0;
}

int kw_simple_check(const struct kw_table_simple *simple, struct kw_view value, char *rule, size_t rule_size)
{
    int error = 0;
    if (simple->kind == KW_KIND_STRING)
        error = check_lengths(simple, value, rule, rule_size);
    else if (simple->kind == KW_KIND_BOOLEAN) {
        if (!kw_view_is(value, "true") && !kw_view_is(value, "false") && !kw_view_is(value, "1") && !kw_view_is(value, "0")) {
            snprintf(rule, rule_size, "value is not true or false");
            return -EBADMSG;
        }
    } else
        error = check_number(simple, value, rule, rule_size);
    if (error != 0)
        return error;
    if (simple->value_count > 0 && !in_list(simple, value)) {
        if (simple->list)
            snprintf(rule, rule_size, "value not in the list: %s", simple->list);
        else
            snprintf(rule, rule_size, "value not in the list of %u codes", simple->value_count);
        return -EBADMSG;
    }
    for (size_t i = 0; i < simple->pattern_count; i++)
        if (!pattern_matches(simple->patterns[i], value)) {
            bool shown = strlen(simple->patterns[i]->text) <= PATTERN_SHOWN;
            snprintf(rule, rule_size, "value does not have the form %s%s", shown ? "" : "of the schema's type ",
                     shown ? simple->patterns[i]->text : simple->name);
            return -EBADMSG;
        }
    return 0;
}
