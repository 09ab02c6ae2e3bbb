/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.c - views, growing buffers, and cutting items off a view. */
#include "base/base.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

struct kw_view kw_view_text(const char *text)
{
    return (struct kw_view){(const uint8_t *)text, text ? strlen(text) : 0};
}

bool kw_view_equal(struct kw_view a, struct kw_view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool kw_view_is(struct kw_view view, const char *text)
{
    return kw_view_equal(view, kw_view_text(text));
}

int kw_buf_reserve(struct kw_buf *buf, size_t more)
{
    if (more >= SIZE_MAX / 2 - buf->size)
        return -ENOMEM;

    size_t wanted = buf->size + more + 1; /* and the NUL */
    if (wanted <= buf->capacity)
        return 0;

    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < wanted)
        capacity *= 2;

    uint8_t *data = kw_resize(buf->data, capacity);
    if (!data)
        return -ENOMEM;
    buf->data = data;
    buf->capacity = capacity;
    buf->data[buf->size] = 0;
    return 0;
}

int kw_buf_append(struct kw_buf *buf, const void *data, size_t size)
{
    int r = kw_buf_reserve(buf, size);
    if (r < 0)
        return r;
    if (size > 0)
        memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = 0;
    return 0;
}

int kw_buf_text(struct kw_buf *buf, const char *text)
{
    return kw_buf_append(buf, text, strlen(text));
}

int kw_buf_format(struct kw_buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return -EINVAL;

    int r = kw_buf_reserve(buf, (size_t)length);
    if (r < 0)
        return r;
    va_start(arguments, format);
    vsnprintf((char *)buf->data + buf->size, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buf->size += (size_t)length;
    return 0;
}

int kw_buf_u16(struct kw_buf *buf, uint16_t value)
{
    value = htobe16(value);
    return kw_buf_append(buf, &value, sizeof value);
}

int kw_buf_u32(struct kw_buf *buf, uint32_t value)
{
    value = htobe32(value);
    return kw_buf_append(buf, &value, sizeof value);
}

int kw_buf_u64(struct kw_buf *buf, uint64_t value)
{
    value = htobe64(value);
    return kw_buf_append(buf, &value, sizeof value);
}

void kw_buf_clear(struct kw_buf *buf)
{
    if (!buf)
        return;
    kw_free(buf->data);
    *buf = (struct kw_buf){0};
}

void kw_buf_wipe(struct kw_buf *buf)
{
    if (!buf)
        return;
    if (buf->data)
        explicit_bzero(buf->data, buf->capacity);
    kw_buf_clear(buf);
}

int kw_take(struct kw_view *rest, size_t size, struct kw_view *ret_bytes)
{
    if (rest->size < size)
        return -EBADMSG;
    *ret_bytes = (struct kw_view){rest->data, size};
    if (size > 0)
        rest->data += size;
    rest->size -= size;
    return 0;
}

static int take_fixed(struct kw_view *rest, void *bytes, size_t size)
{
    struct kw_view cut;
    int r = kw_take(rest, size, &cut);
    if (r < 0)
        return r;
    memcpy(bytes, cut.data, size);
    return 0;
}

int kw_take_u16(struct kw_view *rest, uint16_t *ret_value)
{
    uint16_t value;
    int r = take_fixed(rest, &value, sizeof value);
    if (r < 0)
        return r;
    *ret_value = be16toh(value);
    return 0;
}

int kw_take_u32(struct kw_view *rest, uint32_t *ret_value)
{
    uint32_t value;
    int r = take_fixed(rest, &value, sizeof value);
    if (r < 0)
        return r;
    *ret_value = be32toh(value);
    return 0;
}

int kw_take_u64(struct kw_view *rest, uint64_t *ret_value)
{
    uint64_t value;
    int r = take_fixed(rest, &value, sizeof value);
    if (r < 0)
        return r;
    *ret_value = be64toh(value);
    return 0;
}

int kw_take_item(struct kw_view *rest, struct kw_view *ret_item)
{
    struct kw_view tried = *rest; /* rest stays as it was when the item is cut short */
    uint32_t size;
    int r = kw_take_u32(&tried, &size);
    if (r < 0)
        return r;
    r = kw_take(&tried, size, ret_item);
    if (r < 0)
        return r;
    *rest = tried;
    return 0;
}

int kw_put_item(struct kw_buf *buf, const void *data, size_t size)
{
    if (size > UINT32_MAX)
        return -EMSGSIZE;
    int r = kw_buf_reserve(buf, sizeof(uint32_t) + size);
    if (r < 0)
        return r;
    r = kw_buf_u32(buf, (uint32_t)size);
    if (r < 0)
        return r;
    return kw_buf_append(buf, data, size);
}
