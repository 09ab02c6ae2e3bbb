/* SPDX-License-Identifier: Apache-2.0 */
/* uri.c - percent-encoding of one component. */
#include <string.h>

#include "http/http.h"

int kw_uri_component(struct kw_view text, struct kw_buf *ret_text)
{
    static const char hex[] = "0123456789ABCDEF";
    int error = kw_buf_reserve(ret_text, text.size * 3 + 1);
    for (size_t i = 0; i < text.size && !error; i++) {
        uint8_t byte = text.data[i];
        bool plain = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                     (byte && strchr("-_.!~*'()", byte));
        const char escaped[3] = {'%', hex[byte >> 4], hex[byte & 15]};
        error = plain ? kw_buf_append(ret_text, &byte, 1) : kw_buf_append(ret_text, escaped, 3);
    }
    return error;
}
