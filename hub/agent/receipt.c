/* SPDX-License-Identifier: Apache-2.0 */
/* receipt.c - reading what the hub signs: receipts; the signature of answers; errors. */
#include <errno.h>
#include <string.h>

#include "agent/private.h"
#include "json/json.h"

int kw_signed_by_hub(const struct kw_message *message, const char *domain, const struct kw_agent_settings *settings,
                     struct kw_view *ret_signature, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    struct kw_view rest = kw_view_of(&message->payload), signature;
    if (kw_take_item(&rest, &signature) < 0 || signature.size != KW_SIGNATURE_SIZE || rest.size)
        return kw_fail(fault, -EKEYREJECTED, KW_E_SIGNATURE, "payload", "is not one signature");
    int r = kw_buf_text(&bytes, domain);
    if (r == 0)
        r = kw_buf_append(&bytes, message->header.data, message->header.size);
    if (r < 0)
        return kw_fail(fault, r, KW_E_MEMORY, "signature", "no memory");
    if (!kw_verify(settings->hub.sign, bytes.data, bytes.size, signature.data))
        return kw_fail(fault, -EKEYREJECTED, KW_E_SIGNATURE, "signature", "does not verify with the key of the hub's card");
    *ret_signature = signature;
    return 0;
}

void kw_receipt_clear(struct kw_receipt *receipt)
{
    if (!receipt)
        return;
    kw_free(receipt->results);
    kw_json_free(receipt->json);
    *receipt = (struct kw_receipt){0};
}

static int read_result(const struct kw_json *json, struct kw_result *result, struct kw_fault *fault)
{
    struct kw_view text;
    int64_t number;
    int r = kw_json_get_text(json, "outcome", 32, &text, fault);
    if (r < 0)
        return r;
    result->rejected = kw_view_is(text, "rejected");
    if (result->rejected)
        r = kw_json_get_text(json, "code", 32, &text, fault);
    if (r < 0)
        return r;
    if (!kw_code_parse(text, &result->outcome) && result->rejected)
        result->outcome = KW_E_INTERNAL; /* a reason of a later version; its text is kept in the receipt */
    else if (!result->rejected && (result->outcome < KW_ACCEPTED || result->outcome > KW_QUARANTINED))
        return kw_fail(fault, -EBADMSG, KW_E_HEADER, "results", "an outcome is not in the list");
    if (kw_json_member(json, "position") && kw_json_get_integer(json, "position", 1, INT64_MAX, &number, fault) == 0)
        result->position = (uint64_t)number;
    if (kw_json_member(json, "line") && kw_json_get_integer(json, "line", 0, INT32_MAX, &number, fault) == 0)
        result->line = (uint32_t)number;
    result->place = kw_json_text_of(kw_json_member(json, "place"));
    result->detail = kw_json_text_of(kw_json_member(json, "detail"));
    return 0;
}

static int read_results(struct kw_receipt *receipt, struct kw_fault *fault)
{
    const struct kw_json *list = kw_json_member(receipt->json, "results");
    const size_t count = kw_json_count(list);
    if (!list || kw_json_type(list) != KW_JSON_ARRAY || count == 0 || count > KW_LIMIT_BATCH)
        return kw_fail(fault, -EBADMSG, KW_E_HEADER, "results", "not a list of 1 to %d", KW_LIMIT_BATCH);
    receipt->results = kw_alloc(count * sizeof *receipt->results);
    if (!receipt->results)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "results", "no memory");
    receipt->count = (uint32_t)count;
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = read_result(kw_json_at(list, i), &receipt->results[i], fault);
    return r;
}

int kw_receipt_check(const struct kw_message *message, const struct kw_agent_settings *settings, struct kw_receipt *ret_receipt,
                     struct kw_fault *fault)
{
    struct kw_receipt receipt = {0};
    struct kw_view principal;
    int r = kw_signed_by_hub(message, "kinward/receipt/v1\n", settings, &receipt.signature, fault);
    if (r == 0)
        r = kw_json_parse(kw_view_of(&message->header), &receipt.json, fault);
    if (r == 0)
        r = kw_json_get_hex(receipt.json, "batch", receipt.batch, sizeof receipt.batch, fault);
    if (r == 0)
        r = kw_json_get_text(receipt.json, "principal", KW_LIMIT_PRINCIPAL, &principal, fault);
    if (r == 0 && !kw_view_is(principal, settings->name))
        r = kw_fail(fault, -EBADMSG, KW_E_HEADER, "principal", "is another one");
    if (r == 0)
        r = read_results(&receipt, fault);
    if (r < 0)
        kw_receipt_clear(&receipt);
    else
        *ret_receipt = receipt;
    return r;
}

void kw_error_read(const struct kw_message *message, enum kw_code *ret_code, bool *ret_retryable)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_view code;
    *ret_code = KW_E_INTERNAL;
    *ret_retryable = true; /* what cannot be read is no reason to give up */
    if (kw_json_parse(kw_view_of(&message->header), &header, NULL) < 0 || kw_json_get_text(header, "code", 32, &code, NULL) < 0)
        return;
    (void)kw_code_parse(code, ret_code);
    *ret_retryable = kw_json_true(header, "retryable");
}
