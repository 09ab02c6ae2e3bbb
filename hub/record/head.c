/* SPDX-License-Identifier: Apache-2.0 */
/* head.c - what every stage asks of a record, and its origin leaf. */
#include <errno.h>

#include "base/limits.h"
#include "record/record.h"

int kw_record_head(const struct kw_image *image, struct kw_record_head *ret_head)
{
    kw_node source = kw_image_child(image, 0, KW_N_sourceRecord);
    kw_node mapping = kw_image_child(image, source, KW_N_mapping);
    struct kw_record_head head = {
        .event_type = kw_image_at(image, 0, KW_PATH(KW_N_eventType)),
        .status = kw_image_at(image, 0, KW_PATH(KW_N_status)),
        .jurisdiction = kw_image_at(image, source, KW_PATH(KW_N_jurisdiction)),
        .registry = kw_image_at(image, source, KW_PATH(KW_N_registry)),
        .source_id = kw_image_at(image, source, KW_PATH(KW_N_id)),
        .source_version = kw_image_at(image, source, KW_PATH(KW_N_version)),
        .raw_hash = kw_image_at(image, source, KW_PATH(KW_N_rawHash)),
        .mapping_id = kw_image_at(image, mapping, KW_PATH(KW_N_id)),
        .mapping_version = kw_image_at(image, mapping, KW_PATH(KW_N_version)),
    };
    /* the schema asks for all of these; an image that lacks one was not made by the validator */
    const struct kw_view wanted[] = {head.event_type, head.status,    head.jurisdiction,
                                     head.registry,   head.source_id, head.source_version};
    for (size_t i = 0; i < KW_COUNT(wanted); i++)
        if (wanted[i].size == 0)
            return -EBADMSG;
    if (head.source_id.size > KW_LIMIT_SOURCE_ID || head.source_version.size > KW_LIMIT_SOURCE_VERSION)
        return -EBADMSG;
    *ret_head = head;
    return 0;
}

int kw_origin_leaf(struct kw_view source_id, struct kw_view version, const uint8_t record_hash[32], struct kw_buf *ret_leaf)
{
    if (source_id.size > KW_LIMIT_SOURCE_ID || version.size > KW_LIMIT_SOURCE_VERSION)
        return -ERANGE;
    int error = kw_buf_reserve(ret_leaf, 4 + source_id.size + version.size + 32);
    if (error != 0)
        return error;
    error = kw_buf_u16(ret_leaf, (uint16_t)source_id.size);
    if (error == 0)
        error = kw_buf_append(ret_leaf, source_id.data, source_id.size);
    if (error == 0)
        error = kw_buf_u16(ret_leaf, (uint16_t)version.size);
    if (error == 0)
        error = kw_buf_append(ret_leaf, version.data, version.size);
    return error != 0 ? error : kw_buf_append(ret_leaf, record_hash, 32);
}
