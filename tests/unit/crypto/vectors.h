/* SPDX-License-Identifier: Apache-2.0 */
/* vectors.h - walks the "name": "text" members of a JSON vector file in their order; enough for vectors of hex texts. */
#ifndef KINWARD_TEST_VECTORS_H
#define KINWARD_TEST_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base.h"
#include "crypto/crypto.h"

/* False, after saying why, where the shared data is absent: the caller skips. */
static inline bool vectors_load(const char *name, struct kw_buf *ret_text)
{
    const char *shared = getenv("KINWARD_SHARED");
    char path[4096];

    snprintf(path, sizeof path, "%s/data/%s", shared ? shared : "../shared", name);
    if (kw_file_read(path, 64u << 20, ret_text, NULL) == 0)
        return true;
    print_message("# skipped: no %s\n", path);
    return false;
}

static inline bool vectors_next(const char **at, char ret_name[64], struct kw_view *ret_text)
{
    for (;;) {
        const char *open = strchr(*at, '"'), *close = open ? strchr(open + 1, '"') : NULL, *next;

        if (!close)
            return false;
        *at = close + 1;
        next = close + 1 + strspn(close + 1, " ");
        if (*next != ':')
            continue;
        snprintf(ret_name, 64, "%.*s", (int)(close - open - 1), open + 1);
        next += 1 + strspn(next + 1, " ");
        if (*next != '"')
            continue;
        close = strchr(next + 1, '"');
        assert_non_null(close);
        *ret_text = (struct kw_view){(const uint8_t *)next + 1, (size_t)(close - next - 1)};
        *at = close + 1;
        return true;
    }
}

static inline void vectors_hex(struct kw_view text, struct kw_buf *ret_bytes)
{
    uint8_t byte;

    ret_bytes->size = 0;
    assert_int_equal(kw_buf_reserve(ret_bytes, 1), 0);
    for (size_t i = 0; i + 1 < text.size; i += 2) {
        assert_int_equal(kw_hex_parse((struct kw_view){text.data + i, 2}, &byte, 1), 0);
        assert_int_equal(kw_buf_append(ret_bytes, &byte, 1), 0);
    }
}

#endif
