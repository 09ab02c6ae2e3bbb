/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c - the reason of a refusal, and the closed list of codes. */
#include "base/base.h"

#include <assert.h>
#include <string.h>

static const struct {
    const char *name, *text;
    bool retryable;
} codes[] = {
#define KW_CODE(identifier, name, retryable, sentence) [identifier] = {name, sentence, retryable},
    KW_CODES(KW_CODE)
#undef KW_CODE
};

/* A text cut at the end of its array may end inside a UTF-8 sequence, which JSON would refuse later. */
static void trim_to_characters(char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && length - start < 4 && ((uint8_t)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return;
    uint8_t lead = (uint8_t)text[start - 1];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (length - (start - 1) < wanted)
        text[start - 1] = 0;
}

int kw_fail(struct kw_fault *fault, int error, enum kw_code code, const char *place, const char *format, ...)
{
    assert(error < 0);
    if (!fault)
        return error;

    /* place or an argument of format may lie inside fault itself: build beside it */
    struct kw_fault built = {.code = code};
    int length = snprintf(built.place, sizeof built.place, "%s", place ? place : "");
    if (length >= (int)sizeof built.place)
        trim_to_characters(built.place, sizeof built.place - 1);

    va_list arguments;
    va_start(arguments, format);
    length = vsnprintf(built.message, sizeof built.message, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof built.message)
        trim_to_characters(built.message, sizeof built.message - 1);
    *fault = built;
    return error;
}

const char *kw_code_name(enum kw_code code)
{
    return (unsigned)code < KW_CODE_COUNT ? codes[code].name : "internal";
}

const char *kw_code_text(enum kw_code code)
{
    return (unsigned)code < KW_CODE_COUNT ? codes[code].text : codes[KW_E_INTERNAL].text;
}

bool kw_code_retryable(enum kw_code code)
{
    return (unsigned)code < KW_CODE_COUNT ? codes[code].retryable : true;
}

bool kw_code_parse(struct kw_view name, enum kw_code *ret_code)
{
    for (unsigned i = 0; i < KW_CODE_COUNT; i++) {
        if (kw_view_is(name, codes[i].name)) {
            *ret_code = (enum kw_code)i;
            return true;
        }
    }
    return false;
}
