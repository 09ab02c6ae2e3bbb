/* SPDX-License-Identifier: Apache-2.0 */
/* mutate.c - the changes. */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

static const char *const texts[] = {
    "",
    " ",
    "  ",
    "\n",
    "\t",
    "x",
    " x",
    "x ",
    "a b",
    "a  b",
    "a\tb",
    "a\nb",
    "a\rb",
    "\r",
    "\xC2\xA0",
    "\xE3\x80\x80",
    "\xE2\x80\xA8",
    "\xC3\xA9",
    "\xE0\xA6\x86\xE0\xA6\xAE\xE0\xA6\xBF\xE0\xA6\xA8\xE0\xA6\xBE",
    "\xF0\x9F\x98\x80",
    "\xEF\xBF\xBD",
    "\x7F",
    "\xC2\x85",
    "0",
    "-0",
    "+0",
    "00",
    "1",
    "+1",
    "-1",
    "01",
    "1.",
    ".",
    ".5",
    "5.",
    "0.0",
    "1.5",
    "-1.50",
    "1e3",
    "1,5",
    "1 000",
    "0x10",
    "999999999",
    "1000000000",
    "2147483648",
    "18446744073709551616",
    "123456789012345678901234",
    "1234567890123456789012345",
    "0000000000000000000000000000001",
    "12345678901234567890.123456789",
    "0.00000000000000000000000001",
    "100.0",
    "99.99",
    "100.001",
    "NaN",
    "INF",
    "\xD9\xA1\xD9\xA2",
    "true",
    "false",
    "1",
    "0",
    "TRUE",
    "yes",
    "True ",
    "2019",
    "2019-05",
    "2019-05-07",
    "2019-02-28",
    "2019-02-29",
    "2020-02-29",
    "1900-02-29",
    "2000-02-29",
    "2019-13",
    "2019-00",
    "2019-04-31",
    "2019-12-31",
    "0000",
    "0000-01-01",
    "-2019",
    "19-05-07",
    "20190507",
    "2019-5-7",
    "2019-05-07T00:00:00Z",
    "2019-06-02T09:12:44.107Z",
    "2019-06-02T24:00:00Z",
    "2019-06-02T09:12:60Z",
    "2019-06-02T09:12:44+05:30",
    "2019-06-02T09:12:44",
    "09:12",
    "09:12:44",
    "24:00",
    "25:00",
    "Z",
    "+05:30",
    "-14:00",
    "+14:01",
    "Europe/Bucharest",
    "KE",
    "ke",
    "FAR",
    "XX",
    "XXA",
    "D",
    "GBD",
    "unknown",
    "male",
    "Male",
    "female ",
    "other",
    "en",
    "en-GB",
    "EN",
    "bn-Beng-BD",
    "x-klingon",
    "Latn",
    "latn",
    "registered",
    "declared",
    "live_birth",
    "death",
    "child",
    "mother",
    "a@b.c",
    "+40 21 123",
    "<",
    "&",
    "\"",
    "'",
    "]]>",
    "a&b<c>d\"e'f",
    "5d0f0c8fd6b5ab2b4f0c4e1d4e3b67a1c1a1f9f0b9c2f14c1d6e7a8b9c0d1e2f",
    "5D0F0C8FD6B5AB2B4F0C4E1D4E3B67A1C1A1F9F0B9C2F14C1D6E7A8B9C0D1E2F",
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "a-b_c.d",
    "-a",
    "a/b",
    "a:b",
    "[a]",
    "a]b",
    "{}",
    "a\\b",
    "^$",
    "|",
};

static const int lengths[] = {1,   2,   3,   4,   7,   8,   9,   15,  16,  17,  31,  32,  33,   63,   64,   65,   99,   100,  101,
                              127, 128, 129, 199, 200, 201, 255, 256, 257, 500, 501, 999, 1000, 1001, 2000, 2001, 3999, 4000, 4001};

static const char *const units[] = {"a", "A", "0", "9", " ", "\xC3\xA9", "\xE6\xBC\xA2", "\xF0\x9F\x98\x80", "a ", ".", "-"};

static int pick(struct dice *dice, const struct tree *tree)
{
    return dice_below(dice, tree->count);
}

static int pick_leaf(struct dice *dice, const struct tree *tree)
{
    for (int i = 0; i < 50; i++) {
        int number = pick(dice, tree);
        if (tree->elements[number].text)
            return number;
    }
    return 0;
}

static void random_text(struct dice *dice, char *out)
{
    out[0] = 0;
    if (dice_below(dice, 4) > 0) {
        snprintf(out, TREE_TEXT, "%s", texts[dice_below(dice, (int)KW_COUNT(texts))]);
        return;
    }
    const char *unit = units[dice_below(dice, (int)KW_COUNT(units))];
    int count = lengths[dice_below(dice, (int)KW_COUNT(lengths))];
    size_t size = strlen(unit), used = 0;
    for (int i = 0; i < count && used + size < TREE_TEXT - 1; i++, used += size)
        memcpy(out + used, unit, size);
    out[used] = 0;
}

/* One character of text changed, put in or taken out; bytes beyond ASCII are left alone. */
static void edit_text(struct dice *dice, char *text)
{
    static const char letters[] = "0123456789abzABZ -_.:/+TZ\t\n<&";
    size_t size = strlen(text);
    char letter = letters[dice_below(dice, (int)sizeof(letters) - 1)];
    if (size == 0) {
        text[0] = letter, text[1] = 0;
        return;
    }
    size_t at = (size_t)dice_below(dice, (int)size);
    if ((unsigned char)text[at] >= 128 || size + 2 > TREE_TEXT || size > 120)
        return;
    switch (dice_below(dice, 3)) {
    case 0:
        text[at] = letter;
        break;
    case 1:
        memmove(text + at, text + at + 1, size - at);
        break;
    default:
        memmove(text + at + 1, text + at, size - at + 1);
        text[at] = letter;
    }
}

/* A text that stands in an element of the same name somewhere: mostly valid. */
static void borrow_text(struct dice *dice, struct tree *work, int leaf, const struct tree *seeds, int seed_count)
{
    for (int i = 0; i < 200; i++) {
        const struct tree *other = &seeds[dice_below(dice, seed_count)];
        const struct element *element = &other->elements[pick(dice, other)];
        if (element->text && strcmp(element->name, work->elements[leaf].name) == 0) {
            tree_set_text(work, leaf, element->text);
            return;
        }
    }
}

/* The type of an element by its path from the root; NULL when the schema has no such path. */
static const struct kw_table_type *type_of(const struct kw_tables *tables, const struct tree *tree, int number)
{
    const char *text = tree->elements[number].name;
    uint16_t name = kw_tables_name(tables, (const uint8_t *)text, strlen(text));
    if (name == KW_TABLE_NONE)
        return NULL;
    if (number == 0)
        return tables->roots[name] == KW_TABLE_NONE ? NULL : &tables->types[tables->roots[name]];
    const struct kw_table_type *above = type_of(tables, tree, tree->elements[number].parent);
    if (above == NULL || above->content != KW_CONTENT_ELEMENTS || above->columns[name] == 0)
        return NULL;
    return &tables->types[above->children[above->columns[name] - 1]];
}

static size_t put_code_point(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6), out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12), out[1] = (char)(0x80 | (code >> 6 & 0x3F)), out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18), out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F)), out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

static bool xml_character(uint32_t code)
{
    return code == 9 || code == 10 || code == 13 || (code >= 32 && code < 0xD800) || (code > 0xDFFF && code < 0xFFFE) ||
           (code > 0xFFFF && code < 0x110000);
}

/* A walk through the automaton of a pattern: mostly to an accepting state, at times off the path. */
static void walk_pattern(struct dice *dice, const struct kw_table_pattern *pattern, char *out)
{
    size_t used = 0;
    unsigned state = pattern->class_count;
    for (int tries = 0; tries < 400 && used < 300; tries++) {
        if (pattern->accept[state / pattern->class_count] && dice_below(dice, 6) == 0)
            break;
        int range = dice_below(dice, pattern->range_count);
        uint32_t low = pattern->starts[range];
        uint32_t high = range + 1 < pattern->range_count ? pattern->starts[range + 1] : 0x110000;
        uint32_t code = low + (uint32_t)dice_below(dice, (int)(high - low < 200 ? high - low : 200));
        unsigned next = pattern->next[state + pattern->classes[range]];
        if (!xml_character(code) || code == 0x300 || (next == 0 && dice_below(dice, 200) > 0))
            continue;
        used += put_code_point(out + used, code);
        if (next == 0)
            break;
        state = next;
    }
    out[used] = 0;
}

static void follow_type(struct dice *dice, struct tree *work, const struct kw_tables *tables, int leaf)
{
    static char text[TREE_TEXT];
    const struct kw_table_type *type = type_of(tables, work, leaf);
    if (type == NULL || type->content != KW_CONTENT_SIMPLE)
        return;
    const struct kw_table_simple *simple = &tables->simples[type->simple];
    if (simple->value_count > 0)
        snprintf(text, sizeof(text), "%s", simple->values[dice_below(dice, simple->value_count)].text);
    else if (simple->pattern_count > 0)
        walk_pattern(dice, simple->patterns[dice_below(dice, simple->pattern_count)], text);
    else
        return;
    if (dice_below(dice, 4) == 0)
        edit_text(dice, text);
    tree_set_text(work, leaf, text);
}

static void change_text(struct dice *dice, struct tree *work, const struct tree *seeds, int seed_count,
                        const struct kw_tables *tables)
{
    static char text[TREE_TEXT];
    int leaf = pick_leaf(dice, work);
    switch (dice_below(dice, 8)) {
    case 0:
    case 1:
        random_text(dice, text);
        tree_set_text(work, leaf, text);
        break;
    case 2:
    case 3:
        snprintf(text, sizeof(text), "%s", work->elements[leaf].text ? work->elements[leaf].text : "");
        edit_text(dice, text);
        tree_set_text(work, leaf, text);
        break;
    case 4:
        borrow_text(dice, work, leaf, seeds, seed_count);
        break;
    default:
        follow_type(dice, work, tables, leaf);
    }
}

static const char *some_name(struct dice *dice, const struct kw_tables *tables)
{
    static const char *const strangers[] = {"x", "Record", "sexx", "birthDate", "a-b", "_", "naïve", "name1"};
    if (dice_below(dice, 6) == 0)
        return strangers[dice_below(dice, (int)KW_COUNT(strangers))];
    return tables->names[dice_below(dice, tables->name_count)].text;
}

static void change_attribute(struct dice *dice, struct tree *work, const struct kw_tables *tables)
{
    static const char *const usual[] = {"original", "provenance", "confidence", "language",      "script",
                                        "use",      "id",         "to",         "originalSystem"};
    static char text[TREE_TEXT];
    struct element *element = &work->elements[pick(dice, work)];
    int kind = dice_below(dice, 4), at = element->attribute_count;
    if (kind > 0 && at > 0)
        at = dice_below(dice, at);
    if (at == TREE_ATTRIBUTES)
        return;
    if (kind == 1 && at < element->attribute_count) {
        memmove(element->attributes[at], element->attributes[at + 1],
                sizeof(element->attributes[0]) * (size_t)(element->attribute_count - at - 1));
        element->attribute_count--;
        return;
    }
    bool fresh = at == element->attribute_count;
    if (fresh || kind == 2) {
        const char *name = dice_below(dice, 3) ? usual[dice_below(dice, (int)KW_COUNT(usual))] : some_name(dice, tables);
        for (int i = 0; i < element->attribute_count; i++)
            if (strcmp(element->attributes[i][0], name) == 0)
                return;
        snprintf(element->attributes[at][0], sizeof(element->attributes[at][0]), "%s", name);
    }
    if (fresh)
        element->attribute_count++;
    if (fresh || kind == 3) {
        random_text(dice, text);
        if (strlen(text) < sizeof(element->attributes[at][1]))
            snprintf(element->attributes[at][1], sizeof(element->attributes[at][1]), "%s", text);
    }
}

static void drop(struct tree *work, int number)
{
    struct element *parent = &work->elements[work->elements[number].parent];
    for (int i = 0; i < parent->child_count; i++)
        if (parent->children[i] == number) {
            memmove(&parent->children[i], &parent->children[i + 1], sizeof(int) * (size_t)(parent->child_count - i - 1));
            parent->child_count--;
            return;
        }
}

/* The last child of parent goes to place at. */
static void place_last(struct element *parent, int at)
{
    int last = parent->children[parent->child_count - 1];
    memmove(&parent->children[at + 1], &parent->children[at], sizeof(int) * (size_t)(parent->child_count - 1 - at));
    parent->children[at] = last;
}

static void change_structure(struct dice *dice, struct tree *work, const struct kw_tables *tables)
{
    int number = pick(dice, work), kind = dice_below(dice, 9);
    struct element *element = &work->elements[number];
    struct element *parent = number > 0 ? &work->elements[element->parent] : NULL;
    if (kind == 0)
        snprintf(element->name, sizeof(element->name), "%s", some_name(dice, tables));
    else if (kind == 1 && parent)
        drop(work, number);
    else if (kind == 2 && parent) { /* twice, side by side or not */
        if (tree_copy(work, number, element->parent) >= 0 && dice_below(dice, 3))
            for (int i = 0; i < parent->child_count; i++)
                if (parent->children[i] == number) {
                    place_last(parent, i);
                    break;
                }
    } else if (kind == 3 && parent && parent->child_count > 1) { /* swapped */
        int a = dice_below(dice, parent->child_count - 1), kept = parent->children[a];
        parent->children[a] = parent->children[a + 1];
        parent->children[a + 1] = kept;
    } else if (kind == 4 && parent) { /* a copy under another parent */
        int other = pick(dice, work), above = other;
        while (above > 0 && above != number)
            above = work->elements[above].parent;
        if (above != number)
            tree_copy(work, number, other);
    } else if (kind == 5) {
        static const char *const strays[] = {" ", "\n\t", "x", "0", "\r", "\xC2\xA0", "&"};
        snprintf(element->stray, sizeof(element->stray), "%s", strays[dice_below(dice, (int)KW_COUNT(strays))]);
    } else if (kind == 6 && element->child_count > 0)
        element->child_count = dice_below(dice, element->child_count);
    else if (kind == 7) { /* emptied, with or without text */
        element->child_count = 0;
        if (dice_below(dice, 2))
            tree_set_text(work, number, "");
    } else if (kind == 8 && element->child_count > 0 && element->child_count < TREE_CHILDREN) {
        /* a child of a name that is in the schema, at a random place */
        int child = tree_copy(work, element->children[dice_below(dice, element->child_count)], number);
        if (child >= 0) {
            snprintf(work->elements[child].name, sizeof(work->elements[child].name), "%s", some_name(dice, tables));
            place_last(element, dice_below(dice, element->child_count));
        }
    }
}

void mutate(struct tree *work, struct tree *seeds, int seed_count, const struct kw_tables *tables, struct dice *dice)
{
    struct tree *seed = &seeds[dice_below(dice, seed_count)];
    tree_clear(work);
    memcpy(work, seed, sizeof(*work));
    for (int i = 0; i < work->count; i++) {
        work->elements[i].text = NULL;
        if (seed->elements[i].text)
            tree_set_text(work, i, seed->elements[i].text);
    }
    for (int changes = 1 + dice_below(dice, 3); changes > 0; changes--) {
        int kind = dice_below(dice, 10);
        if (kind < 5)
            change_text(dice, work, seeds, seed_count, tables);
        else if (kind < 7)
            change_attribute(dice, work, tables);
        else
            change_structure(dice, work, tables);
    }
}
