/* SPDX-License-Identifier: Apache-2.0 */
/* mapped.c - what a mapper answers, checked: it has read bytes from outside and may say anything. */
#include <errno.h>
#include <string.h>

#include "agent/private.h"
#include "json/json.h"

/* u16 length ‖ id ‖ u16 length ‖ version ‖ hash of the record. */
static bool leaf_fits(struct kw_view leaf, struct kw_view record)
{
    uint8_t hash[KW_HASH_SIZE];
    struct kw_view part;
    uint16_t size;
    if (kw_take_u16(&leaf, &size) < 0 || size == 0 || size > KW_LIMIT_SOURCE_ID || kw_take(&leaf, size, &part) < 0 ||
        kw_take_u16(&leaf, &size) < 0 || size > KW_LIMIT_SOURCE_VERSION || kw_take(&leaf, size, &part) < 0 ||
        leaf.size != KW_HASH_SIZE)
        return false;
    kw_sha256_of(record.data, record.size, hash);
    return memcmp(hash, leaf.data, KW_HASH_SIZE) == 0;
}

static int read_refusal(const struct kw_json *header, struct kw_fault *reason)
{
    struct kw_view code, place, detail;
    enum kw_code known;
    int64_t line, column;
    if (kw_json_get_text(header, "code", 32, &code, NULL) < 0 || kw_json_get_text(header, "place", 127, &place, NULL) < 0 ||
        kw_json_get_text(header, "detail", 255, &detail, NULL) < 0 ||
        kw_json_get_integer(header, "line", 0, UINT32_MAX, &line, NULL) < 0 ||
        kw_json_get_integer(header, "column", 0, UINT32_MAX, &column, NULL) < 0 || !kw_code_parse(code, &known) || known == KW_OK)
        return -EPROTO;
    *reason = (struct kw_fault){.code = known, .line = (unsigned)line, .column = (unsigned)column};
    snprintf(reason->place, sizeof reason->place, "%.*s", (int)place.size, (const char *)place.data);
    snprintf(reason->message, sizeof reason->message, "%.*s", (int)detail.size, (const char *)detail.data);
    return -EBADMSG;
}

int kw_mapped_read(const struct kw_message *message, struct kw_mapped *ret_mapped, struct kw_fault *reason)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_view rest = kw_view_of(&message->payload), record, leaf;
    int64_t count;
    if (kw_json_parse(kw_view_of(&message->header), &header, NULL) < 0)
        return -EPROTO;
    if (strcmp(message->verb, "REFUSED") == 0)
        return read_refusal(header, reason);
    if (strcmp(message->verb, "MAPPED") != 0 || kw_json_get_integer(header, "count", 0, INT32_MAX, &count, NULL) < 0)
        return -EPROTO;
    struct kw_mapped mapped = {.count = (uint32_t)count, .records = rest};
    for (int64_t i = 0; i < count; i++)
        if (kw_take_item(&rest, &record) < 0)
            return -EPROTO;
    mapped.leaves = rest;
    struct kw_view records = mapped.records;
    for (int64_t i = 0; i < count; i++)
        if (kw_take_item(&records, &record) < 0 || kw_take_item(&rest, &leaf) < 0 || !leaf_fits(leaf, record) ||
            record.size > KW_LIMIT_RECORD)
            return -EPROTO;
    if (rest.size)
        return -EPROTO;
    *ret_mapped = mapped;
    return 0;
}

#define WARNINGS 64 /* of one document that are told apart */

static bool is_plain(struct kw_view text, size_t most)
{
    if (text.size == 0 || text.size > most)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    }
    return true;
}

int kw_mapped_warnings(const struct kw_message *message, int (*visit)(void *context, struct kw_view code, struct kw_view place),
                       void *context)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    int r = kw_json_parse(kw_view_of(&message->header), &header, NULL);
    const struct kw_json *list = r == 0 ? kw_json_member(header, "warnings") : NULL;
    for (size_t i = 0; r == 0 && i < kw_json_count(list) && i < WARNINGS; i++) {
        const struct kw_view text = kw_json_text_of(kw_json_at(list, i));
        const uint8_t *blank = text.size ? memchr(text.data, ' ', text.size) : NULL;
        const size_t length = blank ? (size_t)(blank - text.data) : text.size;
        const struct kw_view code = {text.data, length},
                             place = {blank ? blank + 1 : text.data, blank ? text.size - length - 1 : 0};
        if (is_plain(code, 32) && (place.size == 0 || is_plain(place, 127)))
            r = visit(context, code, place);
    }
    return r;
}

int kw_mapper_ask(struct kw_mapper *mapper, const struct kw_document *document, int timeout_ms, struct kw_message *ret_answer,
                  struct kw_mapped *ret_mapped, struct kw_fault *fault)
{
    const char *const arguments[] = {"mapper", mapper->folder, mapper->settings->codes, mapper->settings->profile, NULL};
    const int64_t until = kw_clock_monotonic_ms() + timeout_ms;
    KW_AUTO(kw_message_clear) struct kw_message message = {0};
    int r = kw_child_start(&mapper->child, arguments, NULL, 0, fault);
    if (r < 0)
        return r;
    r = kw_mapper_question(mapper, document, &message);
    if (r == 0)
        r = kw_pipe_send(mapper->child.fd, &message, timeout_ms);
    const int64_t left = until - kw_clock_monotonic_ms();
    if (r == 0)
        r = kw_pipe_receive(mapper->child.fd, ret_answer, left > 0 ? (int)left : 0);
    struct kw_fault reason = {0};
    if (r == 0)
        r = kw_mapped_read(ret_answer, ret_mapped, &reason);
    kw_child_kill(&mapper->child);
    if (r == -EBADMSG && reason.code != KW_OK) {
        if (fault)
            *fault = reason;
        return r;
    }
    if (r == -ETIMEDOUT)
        return kw_fail(fault, r, KW_E_TIMEOUT, "mapper", "the record was not read in time");
    return r < 0 ? kw_fail(fault, -ECHILD, KW_E_CHILD, "mapper", "%s", kw_code_text(KW_E_CHILD)) : 0;
}
