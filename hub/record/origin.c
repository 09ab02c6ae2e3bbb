/* SPDX-License-Identifier: Apache-2.0 */
/* origin.c - the bytes that a ministry's origin key signs. */
#include <errno.h>

#include "record/record.h"

int kw_origin_bytes(struct kw_view principal, struct kw_view jurisdiction, const uint8_t batch[16], uint32_t count,
                    const uint8_t root[32], struct kw_buf *ret_bytes)
{
    if (principal.size > UINT16_MAX || jurisdiction.size > UINT16_MAX)
        return -EMSGSIZE;
    int r = kw_buf_text(ret_bytes, "kinward/origin/v1\n");
    if (r == 0)
        r = kw_buf_u16(ret_bytes, (uint16_t)principal.size);
    if (r == 0)
        r = kw_buf_append(ret_bytes, principal.data, principal.size);
    if (r == 0)
        r = kw_buf_u16(ret_bytes, (uint16_t)jurisdiction.size);
    if (r == 0)
        r = kw_buf_append(ret_bytes, jurisdiction.data, jurisdiction.size);
    if (r == 0)
        r = kw_buf_append(ret_bytes, batch, 16);
    if (r == 0)
        r = kw_buf_u32(ret_bytes, count);
    return r < 0 ? r : kw_buf_append(ret_bytes, root, 32);
}
