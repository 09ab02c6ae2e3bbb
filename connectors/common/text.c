/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - growing texts. */
#include <stdlib.h>
#include <string.h>

#include "text.h"

static kinward_verdict append(void *context, const void *data, size_t size)
{
    struct text *text = context;
    if (size >= SIZE_MAX / 4)
        return KINWARD_REJECT;
    if (text->size + size + 1 > text->capacity) {
        size_t capacity = 2 * (text->size + size + 1);
        char *larger = realloc(text->data, capacity);
        if (!larger)
            return KINWARD_RETRY;
        text->data = larger;
        text->capacity = capacity;
    }
    if (size)
        memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = 0;
    return KINWARD_OK;
}

void text_clear(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

void text_start(struct text *text)
{
    text->size = 0;
    if (text->data)
        text->data[0] = 0;
}

kinward_verdict text_add(struct text *text, const char *more)
{
    return append(text, more, strlen(more));
}

struct kinward_out text_out(struct text *text)
{
    return (struct kinward_out){text, append};
}

struct kinward_view view_of(const char *text)
{
    return (struct kinward_view){(const uint8_t *)text, strlen(text)};
}

struct kinward_view text_view(const struct text *text)
{
    return (struct kinward_view){(const uint8_t *)text->data, text->size};
}
