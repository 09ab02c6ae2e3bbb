/* SPDX-License-Identifier: Apache-2.0 */
/* send.c - envelope, sealed statement and numbered items of each recipient (protocol.md §6). */
#include "alert/private.h"

#include "json/json.h"

struct parcel { /* what all recipients get alike */
    struct kw_buf envelope, body;
    uint8_t signature[KW_SIGNATURE_SIZE], content_key[KW_KEY_SIZE];
    uint8_t envelope_hash[KW_HASH_SIZE], body_hash[KW_HASH_SIZE];
};

static void clear_parcel(struct parcel *parcel)
{
    kw_buf_clear(&parcel->envelope);
    kw_buf_clear(&parcel->body);
    kw_wipe(parcel->content_key, sizeof(parcel->content_key));
}

static int write_envelope(const struct kw_alerts *alerts, const struct alert *alert, const struct issue *issue,
                          struct kw_view statement, struct kw_buf *ret_envelope)
{
    struct kw_json_out json = {.out = ret_envelope};
    uint8_t digest[KW_HASH_SIZE];
    char time[KW_TIME_SIZE], id[9];

    kw_json_object(&json, NULL);
    kw_json_integer(&json, "v", 1);
    kw_json_hex(&json, "alert", alert->id, sizeof(alert->id));
    kw_json_integer(&json, "revision", alert->revision);
    kw_json_string(&json, "type", kw_alert_type_name(issue->type));
    kw_json_string(&json, "hub", alerts->hub);
    kw_time_format(issue->now_ms, time);
    kw_json_string(&json, "sent", time);
    kw_time_format(alert->expires_ms, time);
    kw_json_string(&json, "expires", time);
    kw_key_id(alerts->sign->public_key, id);
    kw_json_string(&json, "key", id);
    kw_sha256_of(statement.data, statement.size, digest);
    kw_json_hex(&json, "digest", digest, sizeof(digest));
    kw_json_close(&json, '}');
    return kw_json_end(&json);
}

static int sign_envelope(const struct kw_alerts *alerts, struct parcel *parcel)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    int r = kw_buf_text(&text, "kinward/envelope/v1\n");

    if (r == 0)
        r = kw_buf_append(&text, parcel->envelope.data, parcel->envelope.size);
    if (r == 0)
        kw_sign(alerts->sign, text.data, text.size, parcel->signature);
    return r;
}

/* The length shows only its class. */
static int pad(struct kw_view statement, struct kw_buf *ret_plain)
{
    static const size_t classes[] = {1u << 10, 4u << 10, 16u << 10, 64u << 10};
    size_t i = 0;
    int r;

    while (i < KW_COUNT(classes) && statement.size + 4 > classes[i])
        i++;
    if (i == KW_COUNT(classes))
        return -EFBIG;
    r = kw_buf_reserve(ret_plain, classes[i] + 1);
    if (r == 0)
        r = kw_put_item(ret_plain, statement.data, statement.size);
    if (r == 0) {
        memset(ret_plain->data + ret_plain->size, 0, classes[i] - ret_plain->size);
        ret_plain->size = classes[i];
    }
    return r;
}

static int pack(const struct kw_alerts *alerts, const struct alert *alert, const struct issue *issue, struct kw_view statement,
                struct parcel *parcel)
{
    KW_AUTO(kw_buf_clear) struct kw_buf plain = {0};
    int r = write_envelope(alerts, alert, issue, statement, &parcel->envelope);

    if (r == 0)
        r = sign_envelope(alerts, parcel);
    if (r == 0)
        r = pad(statement, &plain);
    kw_random(parcel->content_key, sizeof(parcel->content_key));
    if (r == 0)
        r = kw_encrypt(parcel->content_key, kw_view_text("kinward/alert/v1"), kw_view_of(&plain), &parcel->body);
    if (r < 0)
        return r;
    kw_sha256_of(parcel->envelope.data, parcel->envelope.size, parcel->envelope_hash);
    kw_sha256_of(parcel->body.data, parcel->body.size, parcel->body_hash);
    return 0;
}

/* ---- streams ----------------------------------------------------------------------------------- */

static int read_head(struct kw_alerts *alerts, const struct recipient *recipient, uint64_t *ret_last,
                     uint8_t ret_head[KW_HASH_SIZE], struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, "SELECT last,head FROM stream WHERE principal=?1", &query, fault);

    *ret_last = 0;
    memset(ret_head, 0, KW_HASH_SIZE);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)recipient->number);
    r = kw_query_step(query, fault);
    if (r == 1) {
        struct kw_view head = kw_column_blob(query, 1);

        *ret_last = (uint64_t)kw_column_integer(query, 0);
        if (head.size == KW_HASH_SIZE)
            memcpy(ret_head, head.data, KW_HASH_SIZE);
        else
            r = kw_alert_trouble(-EBADMSG, fault);
    }
    kw_query_reset(query);
    return r < 0 ? r : 0;
}

static void chain(const uint8_t previous[KW_HASH_SIZE], uint64_t number, const struct parcel *parcel,
                  uint8_t ret_head[KW_HASH_SIZE])
{
    struct kw_sha256 hash;
    uint8_t bytes[8];

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    kw_sha256_start(&hash);
    kw_sha256_add(&hash, "kinward/item/v1\n", 16);
    kw_sha256_add(&hash, previous, KW_HASH_SIZE);
    kw_sha256_add(&hash, bytes, sizeof(bytes));
    kw_sha256_add(&hash, parcel->envelope_hash, KW_HASH_SIZE);
    kw_sha256_add(&hash, parcel->body_hash, KW_HASH_SIZE);
    kw_sha256_end(&hash, ret_head);
}

static int write_head(struct kw_alerts *alerts, const struct recipient *recipient, uint64_t last, const uint8_t head[KW_HASH_SIZE],
                      struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store,
                     "INSERT INTO stream(principal,name,last,received,head) VALUES(?1,?2,?3,0,?4) "
                     "ON CONFLICT(principal) DO UPDATE SET last=excluded.last,head=excluded.head",
                     &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)recipient->number);
    kw_bind_text(query, 2, recipient->name);
    kw_bind_integer(query, 3, (int64_t)last);
    kw_bind_blob(query, 4, (struct kw_view){head, KW_HASH_SIZE});
    return kw_query_run(query, NULL, fault);
}

static int write_item(struct kw_alerts *alerts, const struct recipient *recipient, const struct alert *alert, uint64_t number,
                      const uint8_t previous[KW_HASH_SIZE], const struct parcel *parcel, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf key = {0};
    struct kw_query *query;
    int r = kw_seal(recipient->box, (struct kw_view){parcel->content_key, sizeof(parcel->content_key)}, &key);

    if (r < 0)
        return kw_alert_trouble(r, fault);
    r = kw_query(alerts->store,
                 "INSERT INTO outbox(stream,number,previous,alert,revision,envelope,signature,key,body) "
                 "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
                 &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)recipient->number);
    kw_bind_integer(query, 2, (int64_t)number);
    kw_bind_blob(query, 3, (struct kw_view){previous, KW_HASH_SIZE});
    kw_bind_blob(query, 4, (struct kw_view){alert->id, sizeof(alert->id)});
    kw_bind_integer(query, 5, alert->revision);
    kw_bind_blob(query, 6, kw_view_of(&parcel->envelope));
    kw_bind_blob(query, 7, (struct kw_view){parcel->signature, sizeof(parcel->signature)});
    kw_bind_blob(query, 8, kw_view_of(&key));
    kw_bind_blob(query, 9, kw_view_of(&parcel->body));
    return kw_query_run(query, NULL, fault);
}

static int send_one(struct kw_alerts *alerts, const struct recipient *recipient, const struct alert *alert,
                    const struct parcel *parcel, struct kw_fault *fault)
{
    uint8_t previous[KW_HASH_SIZE], head[KW_HASH_SIZE];
    uint64_t last;
    int r = read_head(alerts, recipient, &last, previous, fault);

    if (r < 0)
        return r;
    chain(previous, last + 1, parcel, head);
    r = write_item(alerts, recipient, alert, last + 1, previous, parcel, fault);
    return r == 0 ? write_head(alerts, recipient, last + 1, head, fault) : r;
}

/* ---- whom ------------------------------------------------------------------------------------------ */

static bool mandated(const struct recipient *recipient, const struct alert *alert)
{
    char words[sizeof(alert->jurisdictions)], *rest = words, *word;

    if (!kw_mandate_covers(recipient->rules, alert->rule))
        return false;
    snprintf(words, sizeof(words), "%s", alert->jurisdictions);
    while ((word = strsep(&rest, " ")) != NULL)
        if (kw_mandate_covers(recipient->jurisdictions, word))
            return true;
    return false;
}

/* Whether it has the alert already: who was told is told what became of it. 1 or 0. */
static int told(struct kw_alerts *alerts, const struct recipient *recipient, const struct alert *alert, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, "SELECT 1 FROM outbox WHERE alert=?1 AND stream=?2 LIMIT 1", &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){alert->id, sizeof(alert->id)});
    kw_bind_integer(query, 2, (int64_t)recipient->number);
    r = kw_query_step(query, fault);
    kw_query_reset(query);
    return r;
}

int kw_alert_send(struct kw_alerts *alerts, const struct alert *alert, const struct issue *issue, struct kw_view statement,
                  struct kw_fault *fault)
{
    KW_AUTO(clear_parcel) struct parcel parcel = {0};
    int r = kw_alert_trouble(pack(alerts, alert, issue, statement, &parcel), fault);

    for (size_t i = 0; r == 0 && i < alerts->recipient_count; i++) {
        const struct recipient *recipient = &alerts->recipients[i];
        int concerned = recipient->active ? told(alerts, recipient, alert, fault) : 0;

        if (concerned == 0 && recipient->active && issue->type != KW_ALERT_CANCEL)
            concerned = mandated(recipient, alert);
        r = concerned == 1 ? send_one(alerts, recipient, alert, &parcel, fault) : concerned;
    }
    return r;
}
