/* SPDX-License-Identifier: Apache-2.0 */
/* receipt.c - what the hub signs for a sender: receipts and answers (protocol.md §5). */
#include <errno.h>
#include <string.h>

#include "intake/delivery.h"
#include "json/json.h"

const char *kw_answer_name(enum kw_answer answer)
{
    return answer == KW_ANSWER_KNOWN ? "known" : answer == KW_ANSWER_REFER ? "refer" : "unknown";
}

static int sign_header(const char *domain, struct kw_view header, const struct kw_sign_key *key,
                       uint8_t ret_signature[KW_SIGNATURE_SIZE])
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    int r = kw_buf_text(&bytes, domain);
    if (r == 0)
        r = kw_buf_append(&bytes, header.data, header.size);
    if (r == 0)
        kw_sign(key, bytes.data, bytes.size, ret_signature);
    return r;
}

static void put_common(struct kw_json_out *json, const struct kw_delivery *delivery, const char *hub, uint64_t epoch, int64_t at_ms,
                       const struct kw_sign_key *key)
{
    char at[KW_TIME_SIZE], key_id[9];
    kw_time_format(at_ms, at);
    kw_key_id(key->public_key, key_id);
    kw_json_object(json, NULL);
    kw_json_hex(json, "batch", delivery->id, sizeof delivery->id);
    kw_json_string(json, "principal", delivery->name);
    kw_json_string(json, "hub", hub);
    kw_json_integer(json, "epoch", (int64_t)epoch);
    kw_json_string(json, "at", at);
    kw_json_string(json, "key", key_id);
}

/* How much a result explains. */
enum depth { CODE_ONLY, WITH_PLACE, WITH_DETAIL };

static void put_result(struct kw_json_out *json, const struct kw_slot *slot, enum depth depth)
{
    bool stored = slot->outcome == KW_ACCEPTED || slot->outcome == KW_DUPLICATE || slot->outcome == KW_REMAPPED;
    bool kept = slot->outcome == KW_CONFLICT || slot->outcome == KW_QUARANTINED;
    kw_json_object(json, NULL);
    kw_json_string(json, "outcome", stored || kept ? kw_code_name(slot->outcome) : "rejected");
    if (stored)
        kw_json_integer(json, "position", (int64_t)slot->position);
    if (!stored && !kept) {
        kw_json_string(json, "code", kw_code_name(slot->outcome));
        if (slot->fault.place[0] && depth >= WITH_PLACE)
            kw_json_string(json, "place", slot->fault.place);
        if (slot->fault.line) {
            kw_json_integer(json, "line", slot->fault.line);
            kw_json_integer(json, "column", slot->fault.column);
        }
        if (slot->fault.message[0] && depth >= WITH_DETAIL)
            kw_json_string(json, "detail", slot->fault.message);
    }
    kw_json_close(json, '}');
}

static int put_receipt(struct kw_delivery *delivery, const char *hub, uint64_t epoch, int64_t at_ms, const struct kw_sign_key *key,
                       enum depth depth)
{
    struct kw_json_out json = {.out = &delivery->receipt};
    delivery->receipt.size = 0;
    put_common(&json, delivery, hub, epoch, at_ms, key);
    kw_json_array(&json, "results");
    for (uint32_t i = 0; i < delivery->count; i++)
        put_result(&json, &delivery->slots[i], depth);
    kw_json_close(&json, ']');
    kw_json_close(&json, '}');
    return kw_json_end(&json);
}

/* A header holds the codes of a full batch, but not always all that there is to say of it: what does not fit is left out, since a
 * receipt that cannot be sent would be asked for again for ever. */
int kw_receipt_make(struct kw_delivery *delivery, const char *hub, uint64_t epoch, int64_t at_ms, const struct kw_sign_key *key)
{
    uint8_t signature[KW_SIGNATURE_SIZE];
    struct kw_buf *receipt = &delivery->receipt;
    int depth = WITH_DETAIL;
    int r = put_receipt(delivery, hub, epoch, at_ms, key, WITH_DETAIL);
    while (r == 0 && receipt->size > KW_LIMIT_HEADER && depth > CODE_ONLY)
        r = put_receipt(delivery, hub, epoch, at_ms, key, (enum depth)-- depth);
    if (r == 0)
        r = sign_header("kinward/receipt/v1\n", kw_view_of(receipt), key, signature);
    return r < 0 ? r : kw_buf_append(receipt, signature, sizeof signature);
}

int kw_receipt_message(const struct kw_message *request, struct kw_view receipt, struct kw_message *ret_message)
{
    struct kw_message message;
    if (receipt.size <= KW_SIGNATURE_SIZE)
        return -EBADMSG;
    size_t header = receipt.size - KW_SIGNATURE_SIZE;
    kw_message_answer(&message, request, "RECEIPT");
    int r = kw_buf_append(&message.header, receipt.data, header);
    if (r == 0)
        r = kw_put_item(&message.payload, receipt.data + header, KW_SIGNATURE_SIZE);
    if (r < 0)
        kw_message_clear(&message);
    else
        *ret_message = message;
    return r;
}

int kw_answer_message(const struct kw_delivery *delivery, const char *hub, uint64_t epoch, enum kw_answer answer,
                      const uint8_t case_reference[16], bool complete, const struct kw_sign_key *key,
                      struct kw_message *ret_message)
{
    uint8_t signature[KW_SIGNATURE_SIZE];
    struct kw_message message;
    kw_message_answer(&message, &delivery->request, "ANSWER");
    struct kw_json_out json = {.out = &message.header};
    put_common(&json, delivery, hub, epoch, kw_clock_wall_ms(), key);
    kw_json_integer(&json, "position", (int64_t)delivery->position);
    kw_json_string(&json, "answer", kw_answer_name(answer));
    if (answer == KW_ANSWER_REFER)
        kw_json_hex(&json, "case", case_reference, 16);
    else
        kw_json_null(&json, "case");
    kw_json_boolean(&json, "complete", complete);
    kw_json_close(&json, '}');
    int r = kw_json_end(&json);
    if (r == 0)
        r = sign_header("kinward/answer/v1\n", kw_view_of(&message.header), key, signature);
    if (r == 0)
        r = kw_put_item(&message.payload, signature, sizeof signature);
    if (r < 0)
        kw_message_clear(&message);
    else
        *ret_message = message;
    return r;
}

int kw_receipt_position(struct kw_view receipt, uint64_t *ret_position)
{
    KW_AUTO(kw_json_freep) struct kw_json *json = NULL;
    int64_t position;
    if (receipt.size <= KW_SIGNATURE_SIZE)
        return -EBADMSG;
    receipt.size -= KW_SIGNATURE_SIZE;
    int r = kw_json_parse(receipt, &json, NULL);
    if (r < 0)
        return r;
    const struct kw_json *result = kw_json_at(kw_json_member(json, "results"), 0);
    if (kw_json_get_integer(result, "position", 1, INT64_MAX, &position, NULL) < 0)
        return -ENOENT;
    *ret_position = (uint64_t)position;
    return 0;
}
