/* SPDX-License-Identifier: Apache-2.0 */
/* delivery.c - from the frames of a SUBMIT or CHECK to slots with match keys. */
#include "intake/delivery.h"

#include <errno.h>
#include <string.h>

#include "json/json.h"
#include "ledger/ledger.h"
#include "match/match.h"

void kw_delivery_free(struct kw_delivery *delivery)
{
    if (!delivery)
        return;
    for (uint32_t i = 0; i < delivery->answers_count; i++)
        kw_buf_clear(&delivery->answers[i]);
    kw_free(delivery->answers);
    kw_free(delivery->slots);
    kw_free(delivery->found);
    kw_buf_clear(&delivery->leaves);
    kw_buf_clear(&delivery->receipt);
    kw_message_clear(&delivery->request);
    kw_free(delivery);
}

void kw_delivery_freep(struct kw_delivery **delivery)
{
    kw_delivery_free(*delivery);
    *delivery = NULL;
}

static int read_identity(const struct kw_json *header, const struct kw_principal *sender, struct kw_fault *fault)
{
    struct kw_view text;
    int r = kw_json_get_text(header, "principal", KW_LIMIT_PRINCIPAL, &text, fault);
    if (r < 0)
        return r;
    if (!kw_view_is(text, sender->name))
        return kw_fail(fault, -EACCES, KW_E_FORBIDDEN, "principal", "is not the one that this connection belongs to");
    r = kw_json_get_text(header, "jurisdiction", 2, &text, fault);
    if (r < 0)
        return r;
    if (!kw_view_is(text, sender->jurisdiction))
        return kw_fail(fault, -EACCES, KW_E_JURISDICTION, "jurisdiction", "is not the sender's");
    return 0;
}

static int read_header(struct kw_delivery *delivery, const struct kw_principal *sender, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    int64_t count;
    bool backfill = false;
    int r = kw_json_parse_header(kw_view_of(&delivery->request.header), &header, fault);
    if (r == 0)
        r = read_identity(header, sender, fault);
    if (r == 0)
        r = kw_json_get_hex(header, "batch", delivery->id, sizeof delivery->id, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "count", 1, delivery->check ? 1 : KW_LIMIT_BATCH, &count, fault);
    if (r == 0)
        r = kw_json_get_base64(header, "root", delivery->root, sizeof delivery->root, fault);
    if (r == 0)
        r = kw_json_get_base64(header, "signature", delivery->signature, sizeof delivery->signature, fault);
    if (r == 0)
        r = kw_json_get_boolean(header, "backfill", &backfill, fault);
    if (r == -EBADMSG && fault && fault->code == KW_E_JSON)
        fault->code = KW_E_HEADER;
    if (r < 0)
        return r;
    delivery->count = (uint32_t)count;
    delivery->backfill = !delivery->check && backfill;
    return 0;
}

static int read_leaf(struct kw_slot *slot, struct kw_fault *fault)
{
    struct kw_view rest = slot->leaf, hash;
    uint16_t size;
    int r = kw_take_u16(&rest, &size);
    if (r == 0)
        r = kw_take(&rest, size, &slot->source_id);
    if (r == 0)
        r = kw_take_u16(&rest, &size);
    if (r == 0)
        r = kw_take(&rest, size, &slot->source_version);
    if (r == 0)
        r = kw_take(&rest, KW_HASH_SIZE, &hash);
    if (r < 0 || rest.size || !slot->source_id.size || slot->source_id.size > KW_LIMIT_SOURCE_ID ||
        slot->source_version.size > KW_LIMIT_SOURCE_VERSION)
        return kw_fail(fault, -EBADMSG, KW_E_BATCH, "payload", "an origin leaf is not id, version and hash");
    kw_sha256_of(slot->record.data, slot->record.size, slot->hash);
    if (memcmp(hash.data, slot->hash, KW_HASH_SIZE) != 0) {
        kw_fail(&slot->fault, -EBADMSG, KW_E_ORIGIN, "record", "is not the one whose hash is in the origin leaf");
        slot->outcome = KW_E_ORIGIN;
    } else if (!slot->record.size || slot->record.size > KW_LIMIT_RECORD) {
        slot->outcome = slot->record.size ? KW_E_TOO_LARGE : KW_E_EMPTY;
        kw_fail(&slot->fault, -EMSGSIZE, slot->outcome, "record", "%s", kw_code_text(slot->outcome));
    }
    return 0;
}

static int read_payload(struct kw_delivery *delivery, struct kw_fault *fault)
{
    struct kw_view rest = kw_view_of(&delivery->request.payload);
    delivery->slots = kw_alloc(delivery->count * sizeof *delivery->slots);
    if (!delivery->slots || kw_buf_reserve(&delivery->leaves, delivery->count * KW_HASH_SIZE) < 0)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "payload", "no memory");
    for (uint32_t i = 0; i < delivery->count; i++) {
        struct kw_slot *slot = &delivery->slots[i];
        uint8_t hash[KW_HASH_SIZE];
        if (kw_take_item(&rest, &slot->leaf) < 0 || kw_take_item(&rest, &slot->record) < 0)
            return kw_fail(fault, -EBADMSG, KW_E_BATCH, "payload", "has fewer items than two for each of %u records",
                           delivery->count);
        int r = read_leaf(slot, fault);
        if (r < 0)
            return r;
        kw_merkle_leaf(slot->leaf, hash);
        r = kw_buf_append(&delivery->leaves, hash, sizeof hash);
        if (r < 0)
            return kw_fail(fault, r, KW_E_MEMORY, "payload", "no memory");
    }
    if (rest.size)
        return kw_fail(fault, -EBADMSG, KW_E_BATCH, "payload", "has more items than two for each of %u records", delivery->count);
    return 0;
}

static int check_signature(const struct kw_delivery *delivery, const struct kw_principal *sender, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    uint8_t root[KW_HASH_SIZE];
    kw_merkle_root((const kw_hash *)delivery->leaves.data, delivery->count, root);
    if (memcmp(root, delivery->root, sizeof root) != 0)
        return kw_fail(fault, -EBADMSG, KW_E_BATCH, "root", "is not the root of the batch's origin leaves");
    int r = kw_origin_bytes(kw_view_text(sender->name), kw_view_text(sender->jurisdiction), delivery->id, delivery->count, root,
                            &bytes);
    if (r < 0)
        return kw_fail(fault, r, KW_E_MEMORY, "signature", "no memory");
    if (!sender->has_sign || !kw_verify(sender->sign, bytes.data, bytes.size, delivery->signature))
        return kw_fail(fault, -EKEYREJECTED, KW_E_SIGNATURE, "signature", "does not verify with the key of the sender's card");
    return 0;
}

static void digest_of(struct kw_delivery *delivery)
{
    struct kw_sha256 hash;
    kw_sha256_start(&hash);
    kw_sha256_add(&hash, delivery->request.verb, strlen(delivery->request.verb) + 1);
    kw_sha256_add(&hash, delivery->request.header.data, delivery->request.header.size);
    kw_sha256_add(&hash, delivery->root, sizeof delivery->root);
    kw_sha256_end(&hash, delivery->digest);
}

int kw_delivery_new(struct kw_message *request, const struct kw_principal *sender, struct kw_delivery **ret_delivery,
                    struct kw_fault *fault)
{
    KW_AUTO(kw_delivery_freep) struct kw_delivery *delivery = kw_alloc(sizeof *delivery);
    if (!delivery)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, request->verb, "no memory");
    delivery->request = *request;
    request->header = request->payload = (struct kw_buf){0};
    delivery->check = strcmp(delivery->request.verb, "CHECK") == 0;
    delivery->principal = sender->number;
    strcpy(delivery->name, sender->name);
    strcpy(delivery->jurisdiction, sender->jurisdiction);
    delivery->arrived_ms = kw_clock_monotonic_ms();
    int r = read_header(delivery, sender, fault);
    if (r == 0)
        r = read_payload(delivery, fault);
    if (r == 0)
        r = check_signature(delivery, sender, fault);
    if (r < 0)
        return r;
    digest_of(delivery);
    *ret_delivery = delivery;
    delivery = NULL;
    return 0;
}

int kw_delivery_again(const struct kw_refusal *refusal, const struct kw_principal *sender, struct kw_delivery **ret_delivery,
                      struct kw_fault *fault)
{
    KW_AUTO(kw_delivery_freep) struct kw_delivery *delivery = kw_alloc(sizeof *delivery);
    if (!delivery)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "quarantine", "no memory");
    delivery->retry = refusal->number;
    delivery->batch = refusal->batch;
    delivery->slot = refusal->slot;
    delivery->check = refusal->kind == KW_ENTRY_CHECK;
    delivery->backfill = refusal->flags & KW_ENTRY_BACKFILL;
    delivery->principal = sender->number;
    delivery->count = 1;
    strcpy(delivery->name, sender->name);
    strcpy(delivery->jurisdiction, sender->jurisdiction);
    delivery->arrived_ms = kw_clock_monotonic_ms();
    int r = kw_put_item(&delivery->request.payload, refusal->origin_leaf.data, refusal->origin_leaf.size);
    if (r == 0)
        r = kw_put_item(&delivery->request.payload, refusal->body.data, refusal->body.size);
    if (r == 0)
        r = read_payload(delivery, fault);
    if (r < 0)
        return r;
    *ret_delivery = delivery;
    delivery = NULL;
    return 0;
}

bool kw_slot_undecided(const struct kw_slot *slot)
{
    return slot->outcome == KW_OK && !slot->validated;
}

int kw_delivery_question(const struct kw_delivery *delivery, struct kw_message *ret_question)
{
    struct kw_message question = {.verb = "VALIDATE"};
    if (kw_buf_reserve(&question.payload, delivery->alone ? 0 : delivery->request.payload.size) < 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < delivery->count; i++) {
        const struct kw_slot *slot = &delivery->slots[i];
        if (!kw_slot_undecided(slot) || (delivery->alone && i != delivery->at))
            continue;
        int r = kw_put_item(&question.payload, slot->record.data, slot->record.size);
        if (r < 0) {
            kw_message_clear(&question);
            return r;
        }
    }
    *ret_question = question;
    return 0;
}

static int take_refusal(struct kw_slot *slot, struct kw_view rest)
{
    uint16_t code, size;
    uint32_t line, column;
    struct kw_view place, message;
    if (kw_take_u16(&rest, &code) < 0 || kw_take_u32(&rest, &line) < 0 || kw_take_u32(&rest, &column) < 0 ||
        kw_take_u16(&rest, &size) < 0 || kw_take(&rest, size, &place) < 0 || kw_take_u16(&rest, &size) < 0 ||
        kw_take(&rest, size, &message) < 0 || rest.size || code < KW_E_EMPTY || code >= KW_CODE_COUNT)
        return -EBADMSG;
    slot->outcome = (enum kw_code)code;
    slot->fault.code = slot->outcome;
    slot->fault.line = line;
    slot->fault.column = column;
    snprintf(slot->fault.place, sizeof slot->fault.place, "%.*s", (int)place.size, (const char *)place.data);
    snprintf(slot->fault.message, sizeof slot->fault.message, "%.*s", (int)message.size, (const char *)message.data);
    return 0;
}

struct emit {
    struct kw_delivery *delivery;
    struct kw_slot *slot;
};

static int emit_key(void *context, uint64_t key)
{
    struct emit *emit = context;
    struct kw_delivery *delivery = emit->delivery;
    if (delivery->found_count == delivery->found_capacity) {
        uint32_t capacity = delivery->found_capacity ? 2 * delivery->found_capacity : 16 * delivery->count;
        uint64_t *found = kw_resize(delivery->found, capacity * sizeof *found);
        if (!found)
            return -ENOMEM;
        delivery->found = found;
        delivery->found_capacity = capacity;
    }
    delivery->found[delivery->found_count++] = key;
    emit->slot->found_count++;
    return 0;
}

static void refuse(struct kw_slot *slot, enum kw_code code, const char *place)
{
    slot->outcome = code;
    kw_fail(&slot->fault, -EBADMSG, code, place, "%s", kw_code_text(code));
}

static bool is_check_event(struct kw_view event)
{
    return kw_view_is(event, "document_check") || kw_view_is(event, "border_crossing");
}

static int take_image(struct kw_delivery *delivery, struct kw_slot *slot, struct kw_view rest, const uint8_t match_secret[32])
{
    struct kw_view canonical;
    struct kw_image image;
    if (kw_take(&rest, 1, &canonical) < 0 || kw_image_open(rest, &image) < 0 || kw_record_head(&image, &slot->head) < 0)
        return -EBADMSG;
    slot->image = rest;
    if (!canonical.data[0])
        refuse(slot, KW_E_NOT_CANONICAL, "record");
    else if (!kw_view_is(slot->head.jurisdiction, delivery->jurisdiction))
        refuse(slot, KW_E_JURISDICTION, "sourceRecord/jurisdiction");
    else if (!kw_view_equal(slot->head.source_id, slot->source_id) ||
             !kw_view_equal(slot->head.source_version, slot->source_version))
        refuse(slot, KW_E_ORIGIN, "sourceRecord");
    else if (delivery->check && !is_check_event(slot->head.event_type))
        refuse(slot, KW_E_WRONG_EVENT, "eventType");
    if (slot->outcome != KW_OK)
        return 0;
    slot->found_start = delivery->found_count;
    slot->found_count = 0;
    int r = kw_match_keys(&image, match_secret, emit_key, &(struct emit){delivery, slot});
    if (r == -E2BIG) {
        refuse(slot, KW_E_TOO_LARGE, "party");
        r = 0;
    }
    slot->validated = r == 0; /* not before all its keys are there: another child may have to do it again */
    return r;
}

static int keep_answer(struct kw_delivery *delivery, struct kw_message *answer, struct kw_view *ret_bytes)
{
    struct kw_buf *answers = kw_resize(delivery->answers, (delivery->answers_count + 1) * sizeof *answers);
    if (!answers)
        return -ENOMEM;
    delivery->answers = answers;
    answers[delivery->answers_count] = answer->payload;
    answer->payload = (struct kw_buf){0};
    *ret_bytes = kw_view_of(&answers[delivery->answers_count++]);
    return 0;
}

static bool is_asked(const struct kw_delivery *delivery, uint32_t index)
{
    return kw_slot_undecided(&delivery->slots[index]) && !(delivery->alone && index != delivery->at);
}

/* Nothing that a child said is kept when a part of it was no answer. */
static void forget(struct kw_delivery *delivery, uint32_t answer)
{
    for (uint32_t i = 0; i < delivery->count; i++) {
        struct kw_slot *slot = &delivery->slots[i];
        if (slot->answer != answer)
            continue;
        slot->outcome = KW_OK;
        slot->fault = (struct kw_fault){0};
        slot->validated = false;
        slot->answer = slot->found_count = 0;
    }
}

int kw_delivery_validated(struct kw_delivery *delivery, struct kw_message *answer, const uint8_t match_secret[32])
{
    struct kw_view rest, item, outcome;
    if (strcmp(answer->verb, "VALIDATED") != 0)
        return -EBADMSG;
    uint32_t found = delivery->found_count;
    int r = keep_answer(delivery, answer, &rest);
    if (r < 0)
        return r;
    for (uint32_t i = 0; r == 0 && i < delivery->count; i++) {
        struct kw_slot *slot = &delivery->slots[i];
        if (!is_asked(delivery, i))
            continue;
        slot->answer = delivery->answers_count;
        r = kw_take_item(&rest, &item);
        if (r == 0)
            r = kw_take(&item, 1, &outcome);
        if (r == 0)
            r = outcome.data[0] ? take_refusal(slot, item) : take_image(delivery, slot, item, match_secret);
    }
    if (r == 0 && rest.size)
        r = -EBADMSG;
    if (r < 0) {
        forget(delivery, delivery->answers_count);
        delivery->found_count = found;
    }
    return r;
}
