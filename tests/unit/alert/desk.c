/* SPDX-License-Identifier: Apache-2.0 */
/* desk.c - a world of records, the alerts over it, and two agencies that open what they are sent. */
#include "desk.h"

#include "json/json.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t seed[32] = {1, 2, 3};

void desk_open(struct desk *desk)
{
    const struct kw_alert_config config = {.hub = "hub.test",
                                           .status = KW_STATUS_TEST,
                                           .owner_contact = "duty desk <+254 1> & co",
                                           .redress_contact = "redress@example.org",
                                           .epoch = desk->epoch};
    struct kw_fault fault = {0};

    kw_alert_reader_close(desk->reader);
    kw_alerts_freep(&desk->alerts);
    if (kw_alerts_open(desk->dir, world_vault, desk->sign, &config, &desk->alerts, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    if (kw_alert_reader_open(desk->dir, world_vault, &desk->reader, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    assert_int_equal(kw_alerts_recipients(desk->alerts, desk->recipients, 2), 0);
}

void desk_start(struct desk *desk, const struct kw_detect_config *config)
{
    static const char *const names[] = {"desk-one", "desk-two"};

    memset(desk, 0, sizeof(*desk));
    world_start(&desk->world, config);
    assert_int_equal(kw_xml_init(), 0);
    snprintf(desk->dir, sizeof(desk->dir), "/tmp/kw-alert-XXXXXX");
    assert_non_null(mkdtemp(desk->dir));
    assert_int_equal(kw_sign_key_from_seed(seed, &desk->sign), 0);
    desk->epoch = 7;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(kw_box_key_new(&desk->boxes[i]), 0);
        desk->recipients[i] = (struct kw_alert_recipient){.number = i + 11, .name = names[i], .active = true, .rules = "*"};
        desk->recipients[i].jurisdictions = i == 0 ? "*" : "";
        memcpy(desk->recipients[i].box, desk->boxes[i]->public_key, KW_KEY_SIZE);
    }
    desk_open(desk);
}

static void drop_items(struct desk *desk)
{
    for (size_t i = 0; i < desk->item_count; i++) {
        kw_buf_clear(&desk->items[i].statement);
        kw_buf_clear(&desk->items[i].envelope);
    }
    desk->item_count = 0;
}

void desk_stop(struct desk *desk)
{
    char command[96];

    drop_items(desk);
    kw_alert_reader_close(desk->reader);
    kw_alerts_free(desk->alerts);
    kw_sign_key_free(desk->sign);
    kw_box_key_free(desk->boxes[0]);
    kw_box_key_free(desk->boxes[1]);
    world_stop(&desk->world);
    snprintf(command, sizeof(command), "rm -rf %s", desk->dir);
    assert_int_equal(system(command), 0);
}

/* ---- entries ------------------------------------------------------------------------------------- */

int desk_apply(struct desk *desk, uint64_t position, struct kw_fault *fault)
{
    const struct world_entry *entry = &desk->world.entries[position - 1];
    struct kw_detect_entry given = {
        .position = position, .kind = entry->kind, .backfill = entry->backfill, .received_ms = entry->received_ms};

    return kw_alerts_apply(desk->alerts, &given, &desk->world.detection, fault);
}

uint64_t desk_put(struct desk *desk, struct spec spec)
{
    struct kw_fault fault = {0};
    uint64_t position;

    desk->world.now_ms += 1000;
    position = world_put(&desk->world, spec);
    if (kw_alerts_begin(desk->alerts, &fault) < 0 || desk_apply(desk, position, &fault) < 0 ||
        kw_alerts_commit(desk->alerts, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    assert_int_equal(kw_alerts_cursor(desk->alerts), position);
    return position;
}

uint64_t desk_death(struct desk *desk, const char *version, const char *status)
{
    return desk_put(
        desk,
        (struct spec){.event = "death", .id = "d1", .version = version, .status = status, .date = "2024-12-02", .inner = DECEASED});
}

uint64_t desk_check(struct desk *desk, const char *party, bool backfill)
{
    char inner[2048];

    snprintf(inner, sizeof(inner), "%s%s", party, CHECK);
    return desk_put(desk, (struct spec){.event = "document_check", .inner = inner, .kind = 2, .backfill = backfill});
}

void desk_act(struct desk *desk, unsigned kind, const char *json)
{
    struct world_entry *entry = &desk->world.entries[desk->world.count++];
    struct kw_fault fault = {0};

    desk->world.now_ms += 1000;
    entry->kind = kind;
    entry->received_ms = desk->world.now_ms;
    if (kw_alerts_begin(desk->alerts, &fault) < 0 ||
        kw_alerts_apply_act(desk->alerts, desk->world.count, kind, entry->received_ms, kw_view_text(json), &fault) < 0 ||
        kw_alerts_commit(desk->alerts, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
}

/* ---- what an agency does -------------------------------------------------------------------------------- */

struct opening {
    struct desk *desk;
    const struct kw_box_key *box;
    uint8_t head[KW_HASH_SIZE];
};

static void check_chain(struct opening *opening, const struct kw_alert_item *item)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    uint8_t hash[KW_HASH_SIZE];

    assert_memory_equal(item->previous, opening->head, KW_HASH_SIZE);
    assert_int_equal(kw_buf_text(&text, "kinward/item/v1\n"), 0);
    assert_int_equal(kw_buf_append(&text, item->previous, KW_HASH_SIZE), 0);
    assert_int_equal(kw_buf_u64(&text, item->number), 0);
    kw_sha256_of(item->envelope.data, item->envelope.size, hash);
    assert_int_equal(kw_buf_append(&text, hash, sizeof(hash)), 0);
    kw_sha256_of(item->body.data, item->body.size, hash);
    assert_int_equal(kw_buf_append(&text, hash, sizeof(hash)), 0);
    kw_sha256_of(text.data, text.size, opening->head);
}

static void check_signature(const struct desk *desk, const struct kw_alert_item *item)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};

    assert_int_equal(kw_buf_text(&text, "kinward/envelope/v1\n"), 0);
    assert_int_equal(kw_buf_append(&text, item->envelope.data, item->envelope.size), 0);
    assert_int_equal(item->signature.size, KW_SIGNATURE_SIZE);
    assert_true(kw_verify(desk->sign->public_key, text.data, text.size, item->signature.data));
}

static void check_statement(const struct desk_item *item)
{
    static struct kw_schema *schema;
    struct kw_xml *document = NULL;
    struct kw_buf canonical = {0};
    struct kw_fault fault = {0};
    char path[512];

    if (schema == NULL) {
        snprintf(path, sizeof(path), "%s/schemas/alert.xsd", getenv("KINWARD_SOURCE"));
        if (kw_schema_load(path, &schema, &fault) < 0)
            fail_msg("%s: %s", fault.place, fault.message);
    }
    assert_int_equal(kw_xml_parse(kw_view_of(&item->statement), 1 << 20, &document, &fault), 0);
    if (kw_schema_check(schema, document, &fault) < 0)
        fail_msg("%s: %s in %s", fault.place, fault.message, (const char *)item->statement.data);
    assert_int_equal(kw_xml_canonical(document, &canonical), 0);
    assert_string_equal((const char *)canonical.data, (const char *)item->statement.data);
    kw_buf_clear(&canonical);
    kw_xml_free(document);
}

/* Every text that the envelope and the statement both have is the same; the digest is the statement's. */
static void check_envelope(const struct desk *desk, const struct desk_item *item)
{
    static const char *const same[] = {"alert", "type", "hub", "sent", "expires"};
    struct kw_json *json = NULL;
    uint8_t digest[KW_HASH_SIZE], found[KW_HASH_SIZE];
    char text[256];
    int64_t number;

    assert_int_equal(kw_json_parse(kw_view_of(&item->envelope), &json, NULL), 0);
    for (size_t i = 0; i < KW_COUNT(same); i++) {
        desk_value((const char *)item->statement.data, same[i], text);
        assert_true(kw_view_is(kw_json_text_of(kw_json_member(json, same[i])), text));
    }
    desk_value((const char *)item->statement.data, "revision", text);
    assert_int_equal(kw_json_get_integer(json, "revision", 1, 1000, &number, NULL), 0);
    assert_int_equal(number, atoi(text));
    assert_int_equal(kw_json_get_hex(json, "digest", found, sizeof(found), NULL), 0);
    kw_sha256_of(item->statement.data, item->statement.size, digest);
    assert_memory_equal(digest, found, sizeof(digest));
    kw_key_id(desk->sign->public_key, text);
    assert_true(kw_view_is(kw_json_text_of(kw_json_member(json, "key")), text));
    kw_json_free(json);
}

static int open_item(void *context, const struct kw_alert_item *item)
{
    struct opening *opening = context;
    struct desk *desk = opening->desk;
    struct desk_item *opened = &desk->items[desk->item_count];
    struct kw_buf key = {0}, plain = {0};
    struct kw_view rest, statement;

    assert_int_equal(item->number, desk->item_count + 1);
    assert_true(desk->item_count < KW_COUNT(desk->items));
    *opened = (struct desk_item){.number = item->number};
    check_chain(opening, item);
    check_signature(desk, item);
    assert_int_equal(kw_unseal(opening->box, item->key, &key), 0);
    assert_int_equal(key.size, KW_KEY_SIZE);
    assert_int_equal(kw_decrypt(key.data, kw_view_text("kinward/alert/v1"), item->body, &plain), 0);
    assert_true(plain.size == 1024 || plain.size == 4096 || plain.size == 16384 || plain.size == 65536);
    rest = kw_view_of(&plain);
    assert_int_equal(kw_take_item(&rest, &statement), 0);
    for (size_t i = 0; i < rest.size; i++)
        assert_int_equal(rest.data[i], 0);
    assert_int_equal(kw_buf_append(&opened->statement, statement.data, statement.size), 0);
    assert_int_equal(kw_buf_append(&opened->envelope, item->envelope.data, item->envelope.size), 0);
    desk->item_count++;
    check_statement(opened);
    check_envelope(desk, opened);
    kw_buf_clear(&key);
    kw_buf_clear(&plain);
    return 0;
}

size_t desk_read(struct desk *desk, const char *principal)
{
    struct opening opening = {.desk = desk, .box = desk->boxes[strcmp(principal, "desk-one") != 0]};
    struct kw_fault fault = {0};

    drop_items(desk);
    if (kw_alert_items(desk->reader, principal, 1, 1000, open_item, &opening, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    assert_int_equal(desk_last(desk, principal), desk->item_count);
    return desk->item_count;
}

const char *desk_statement(const struct desk *desk, size_t index)
{
    assert_true(index < desk->item_count);
    return (const char *)desk->items[index].statement.data;
}

void desk_value(const char *statement, const char *element, char ret_text[256])
{
    char open[64];
    const char *at;

    snprintf(open, sizeof(open), "<%s>", element);
    at = strstr(statement, open);
    ret_text[0] = 0;
    if (at != NULL)
        snprintf(ret_text, 256, "%.*s", (int)strcspn(at + strlen(open), "<"), at + strlen(open));
}

uint64_t desk_last(struct desk *desk, const char *principal)
{
    struct kw_alert_stream stream;

    assert_int_equal(kw_alert_stream(desk->reader, principal, &stream, NULL), 0);
    assert_int_equal(stream.epoch, desk->epoch);
    return stream.last;
}

struct queue {
    size_t count;
    struct kw_alert_review *first;
};

static int take_review(void *context, const struct kw_alert_review *review)
{
    struct queue *queue = context;

    if (queue->count++ == 0 && queue->first != NULL)
        *queue->first = *review;
    return 0;
}

size_t desk_waiting(struct desk *desk, struct kw_alert_review *ret_first)
{
    struct queue queue = {.first = ret_first};

    assert_int_equal(kw_alert_review_list(desk->reader, take_review, &queue, NULL), 0);
    return queue.count;
}
