/* SPDX-License-Identifier: Apache-2.0 */
/* item.c - one item: reading the message, its chain hash, and opening it. The order is the point: nothing is parsed that was not
 * signed by the hub, and no XML whose digest was not in what it signed. */
#include <errno.h>
#include <string.h>

#include "feed/inbox.h"
#include "json/json.h"

#define STATEMENT_MOST (64u << 10) /* the largest size class, its length in front included */
#define REVISION_MOST  UINT32_MAX

static int refuse(struct kw_fault *fault, enum kw_code code, const char *place, const char *message)
{
    return kw_fail(fault, -EKEYREJECTED, code, place, "%s", message);
}

/* ---- as it comes -------------------------------------------------------------------------- */

static int read_header(const struct kw_agency *agency, const struct kw_message *message, struct kw_item *item,
                       struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_view stream;
    int64_t epoch, number;
    int r = kw_json_parse(kw_view_of(&message->header), &header, fault);
    if (r == 0)
        r = kw_json_get_text(header, "stream", KW_LIMIT_PRINCIPAL, &stream, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "epoch", 0, INT64_MAX, &epoch, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "number", 1, INT64_MAX, &number, fault);
    if (r == 0)
        r = kw_json_get_hex(header, "previous", item->previous, sizeof item->previous, fault);
    if (r < 0)
        return r == -ENOMEM ? r : -EKEYREJECTED;
    if (!kw_view_is(stream, agency->name))
        return refuse(fault, KW_E_STREAM, "stream", "an item of another stream came");
    item->epoch = (uint64_t)epoch;
    item->number = (uint64_t)number;
    return 0;
}

int kw_item_read(const struct kw_agency *agency, const struct kw_message *message, struct kw_item *ret_item, struct kw_fault *fault)
{
    struct kw_item item = {0};
    struct kw_view *const parts[] = {&item.envelope, &item.signature, &item.key, &item.body};
    struct kw_view rest = kw_view_of(&message->payload);
    int r = read_header(agency, message, &item, fault);
    for (size_t i = 0; r == 0 && i < KW_COUNT(parts); i++) {
        if (kw_take_item(&rest, parts[i]) < 0)
            r = refuse(fault, KW_E_FRAMES, "payload", "is not four parts");
    }
    if (r == 0 && rest.size)
        r = refuse(fault, KW_E_FRAMES, "payload", "is more than four parts");
    if (r < 0)
        return r;
    kw_item_chain(&item);
    *ret_item = item;
    return 0;
}

void kw_item_chain(struct kw_item *item)
{
    struct kw_sha256 hash;
    uint8_t envelope[KW_HASH_SIZE], body[KW_HASH_SIZE], number[8];
    kw_sha256_of(item->envelope.data, item->envelope.size, envelope);
    kw_sha256_of(item->body.data, item->body.size, body);
    for (unsigned i = 0; i < sizeof number; i++)
        number[i] = (uint8_t)(item->number >> (56 - 8 * i));
    kw_sha256_start(&hash);
    kw_sha256_add(&hash, "kinward/item/v1\n", 16);
    kw_sha256_add(&hash, item->previous, sizeof item->previous);
    kw_sha256_add(&hash, number, sizeof number);
    kw_sha256_add(&hash, envelope, sizeof envelope);
    kw_sha256_add(&hash, body, sizeof body);
    kw_sha256_end(&hash, item->chain);
}

/* ---- the envelope --------------------------------------------------------------------------- */

static int check_signature(const struct kw_item *item, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf signed_text = {0};
    if (item->signature.size != KW_SIGNATURE_SIZE)
        return refuse(fault, KW_E_SIGNATURE, "signature", "has not the size of a signature");
    int r = kw_buf_text(&signed_text, "kinward/envelope/v1\n");
    if (r == 0)
        r = kw_buf_append(&signed_text, item->envelope.data, item->envelope.size);
    if (r < 0)
        return kw_fail(fault, r, KW_E_MEMORY, "signature", "no memory");
    if (!kw_verify(item->signer, signed_text.data, signed_text.size, item->signature.data))
        return refuse(fault, KW_E_SIGNATURE, "signature",
                      "does not verify with the key of the hub's card; when the hub has changed its key, get its new card");
    return 0;
}

static int get_time(const struct kw_json *json, const char *name, int64_t *ret_ms, struct kw_fault *fault)
{
    struct kw_view text;
    int r = kw_json_get_text(json, name, 40, &text, fault);
    if (r == 0 && kw_time_parse(text, ret_ms) < 0)
        r = kw_fail(fault, -EBADMSG, KW_E_JSON, name, "is not a time");
    return r;
}

static int read_facts(const struct kw_json *json, struct kw_alert_message *message, struct kw_fault *fault)
{
    struct kw_view type;
    int64_t revision;
    int r = kw_json_get_hex(json, "alert", message->alert, sizeof message->alert, fault);
    if (r == 0)
        r = kw_json_get_integer(json, "revision", 1, REVISION_MOST, &revision, fault);
    if (r == 0)
        r = kw_json_get_text(json, "type", 16, &type, fault);
    if (r == 0 && !kw_alert_type_parse(type, &message->type))
        r = kw_fail(fault, -EBADMSG, KW_E_JSON, "type", "is not alert, update or cancel");
    if (r == 0)
        r = get_time(json, "sent", &message->sent_ms, fault);
    if (r == 0)
        r = get_time(json, "expires", &message->expires_ms, fault);
    if (r == 0)
        r = kw_json_get_hex(json, "digest", message->digest, sizeof message->digest, fault);
    if (r == 0)
        message->revision = (uint32_t)revision;
    return r;
}

static int read_envelope(const struct kw_agency *agency, const struct kw_item *item, struct kw_alert_message *message,
                         struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *json = NULL;
    struct kw_view hub, key;
    char id[9];
    int64_t version;
    int r = kw_json_parse(item->envelope, &json, fault);
    if (r == 0)
        r = kw_json_get_integer(json, "v", 1, INT32_MAX, &version, fault);
    if (r == 0)
        r = kw_json_get_text(json, "hub", KW_LIMIT_PRINCIPAL, &hub, fault);
    if (r == 0)
        r = kw_json_get_text(json, "key", 8, &key, fault);
    if (r < 0)
        return r == -ENOMEM ? r : -EKEYREJECTED;
    kw_key_id(item->signer, id);
    if (version != 1)
        return refuse(fault, KW_E_VERSION, "v", "the envelope is of a later version than this program knows");
    if (!kw_view_is(key, id))
        return refuse(fault, KW_E_KEY, "key", "names another key than the one that signed");
    if (!kw_view_is(hub, agency->hub.name))
        return refuse(fault, KW_E_SIGNATURE, "hub", "names another hub than the card");
    r = read_facts(json, message, fault);
    return r == 0 || r == -ENOMEM ? r : -EKEYREJECTED;
}

/* ---- the statement ---------------------------------------------------------------------------- */

static int decrypt(const struct kw_agency *agency, const struct kw_item *item, struct kw_buf *ret_plain, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_wipe) struct kw_buf key = {0};
    int r = kw_unseal(agency->box, item->key, &key);
    if (r == -ENOMEM)
        return kw_fail(fault, r, KW_E_MEMORY, "key", "no memory");
    if (r < 0 || key.size != KW_KEY_SIZE)
        return refuse(fault, KW_E_DECRYPT, "key", "is not sealed to this agency's box key");
    if (item->body.size > STATEMENT_MOST + KW_AEAD_OVERHEAD)
        return refuse(fault, KW_E_TOO_LARGE, "statement", kw_code_text(KW_E_TOO_LARGE));
    r = kw_decrypt(key.data, kw_view_text("kinward/alert/v1"), item->body, ret_plain);
    if (r == -ENOMEM)
        return kw_fail(fault, r, KW_E_MEMORY, "statement", "no memory");
    return r < 0 ? refuse(fault, KW_E_DECRYPT, "statement", kw_code_text(KW_E_DECRYPT)) : 0;
}

static int open_statement(const struct kw_agency *agency, const struct kw_item *item, struct kw_letter *letter,
                          struct kw_fault *fault)
{
    KW_AUTO(kw_buf_wipe) struct kw_buf plain = {0};
    struct kw_view rest, statement;
    uint8_t digest[KW_HASH_SIZE];
    int r = decrypt(agency, item, &plain, fault);
    if (r < 0)
        return r;
    rest = kw_view_of(&plain);
    if (kw_take_item(&rest, &statement) < 0)
        return refuse(fault, KW_E_DECRYPT, "statement", "has no length in front");
    for (size_t i = 0; i < rest.size; i++) {
        if (rest.data[i])
            return refuse(fault, KW_E_DECRYPT, "statement", "is padded with something else than zeros");
    }
    kw_sha256_of(statement.data, statement.size, digest);
    if (memcmp(digest, letter->message.digest, sizeof digest) != 0)
        return refuse(fault, KW_E_SIGNATURE, "digest", "the statement is not the one that was signed for");
    r = kw_buf_append(&letter->statement, statement.data, statement.size);
    return r < 0 ? kw_fail(fault, r, KW_E_MEMORY, "statement", "no memory") : 0;
}

static int child_text(const struct kw_xml_element *parent, const char *name, char *ret_text, size_t size)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    const struct kw_xml_element *child = parent ? kw_xml_first(parent, name) : NULL;
    int r = child ? kw_xml_text(child, &text) : -EBADMSG;
    if (r == 0 && (text.size == 0 || text.size >= size))
        r = -EBADMSG;
    if (r == 0)
        memcpy(ret_text, text.data, text.size + 1);
    return r;
}

/* The envelope stands for the statement where only it is seen: they must say the same. */
static int agree(const struct kw_letter *letter, const struct kw_xml_element *root)
{
    const struct kw_alert_message *message = &letter->message;
    char id[2 * KW_ALERT_ID_SIZE + 1], text[64], revision[16];
    kw_hex(id, message->alert, sizeof message->alert);
    snprintf(revision, sizeof revision, "%u", message->revision);
    int r = child_text(root, "alert", text, sizeof text);
    if (r == 0 && strcmp(text, id) != 0)
        r = -EBADMSG;
    if (r == 0)
        r = child_text(root, "revision", text, sizeof text);
    if (r == 0 && strcmp(text, revision) != 0)
        r = -EBADMSG;
    if (r == 0)
        r = child_text(root, "type", text, sizeof text);
    return r == 0 && strcmp(text, kw_alert_type_name(message->type)) != 0 ? -EBADMSG : r;
}

static int read_statement(struct kw_letter *letter, enum kw_code *ret_trouble)
{
    KW_AUTO(kw_xml_freep) struct kw_xml *document = NULL;
    struct kw_alert_message *message = &letter->message;
    enum kw_alert_status status = 0;
    struct kw_fault fault = {0};
    char text[32];
    int r = kw_xml_parse(kw_view_of(&letter->statement), STATEMENT_MOST, &document, &fault);
    *ret_trouble = r < 0 ? fault.code : KW_E_SCHEMA;
    const struct kw_xml_element *root = r == 0 ? kw_xml_root(document) : NULL;
    const struct kw_xml_element *rule = root ? kw_xml_first(root, "rule") : NULL;
    if (r == 0 && strcmp(kw_xml_space(root), "urn:kinward:alert:1") != 0)
        r = -EBADMSG;
    if (r == 0)
        r = agree(letter, root);
    if (r == 0)
        r = child_text(root, "status", text, sizeof text);
    if (r == 0 && !kw_alert_status_parse(kw_view_text(text), &status))
        r = -EBADMSG;
    if (r == 0)
        r = child_text(rule, "id", letter->rule, sizeof letter->rule);
    if (r == 0)
        r = child_text(rule, "tier", letter->tier, sizeof letter->tier);
    if (r == 0)
        r = child_text(rule, "reason", letter->reason, sizeof letter->reason);
    if (r == 0)
        message->status = status;
    return r;
}

/* A statement that is the hub's but cannot be read is its mistake, or of a later version: it is kept and told, and does not hold
 * up the alerts behind it. */
static int look_at_statement(struct kw_letter *letter, struct kw_fault *fault)
{
    enum kw_code trouble = KW_OK;
    int r = read_statement(letter, &trouble);
    if (r == -ENOMEM)
        return kw_fail(fault, r, KW_E_MEMORY, "statement", "no memory");
    letter->trouble = r < 0 ? trouble : KW_OK;
    if (r < 0)
        letter->rule[0] = letter->tier[0] = letter->reason[0] = 0;
    return 0;
}

int kw_item_open(const struct kw_agency *agency, const struct kw_item *item, struct kw_letter *ret_letter, struct kw_fault *fault)
{
    struct kw_letter letter = {.epoch = item->epoch, .number = item->number, .received_ms = item->received_ms};
    int r = item->envelope.size > KW_LIMIT_HEADER ? refuse(fault, KW_E_TOO_LARGE, "envelope", kw_code_text(KW_E_TOO_LARGE)) : 0;
    if (r == 0)
        r = check_signature(item, fault);
    if (r == 0)
        r = read_envelope(agency, item, &letter.message, fault);
    if (r == 0)
        r = open_statement(agency, item, &letter, fault);
    if (r == 0)
        r = look_at_statement(&letter, fault);
    if (r < 0) {
        kw_letter_clear(&letter);
        return r;
    }
    *ret_letter = letter;
    return 0;
}

void kw_letter_clear(struct kw_letter *letter)
{
    if (!letter)
        return;
    kw_buf_wipe(&letter->statement);
    *letter = (struct kw_letter){0};
}

void kw_letter_name(const struct kw_alert_message *message, char ret_name[KW_LETTER_NAME])
{
    char id[9];
    kw_hex(id, message->alert, 4);
    snprintf(ret_name, KW_LETTER_NAME, "%s.%u", id, message->revision);
}
