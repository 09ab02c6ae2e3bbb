/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - rows of detect.db: alerts, and the subjects that make them. */
#include "alert/private.h"

int kw_alert_trouble(int error, struct kw_fault *fault)
{
    if (error < 0 && fault != NULL && fault->code == KW_OK)
        (void)kw_fail(fault, error,
                      error == -ENOMEM                              ? KW_E_MEMORY
                      : error == -EBADMSG || error == -EKEYREJECTED ? KW_E_CORRUPT
                                                                    : KW_E_INTERNAL,
                      KW_ALERT_DB, "alerts: error %d", -error);
    return error;
}

void kw_alert_keys(const uint8_t vault[32], struct keys *ret_keys)
{
    kw_derive(vault, "kwalert ", 1, ret_keys->name);
    kw_derive(vault, "kwalert ", 2, ret_keys->wrap);
}

int kw_row_context(struct kw_buf *ret_context, char what, struct kw_view id, uint64_t number)
{
    int r = kw_buf_text(ret_context, "kwalert");

    if (r == 0)
        r = kw_buf_append(ret_context, &what, 1);
    if (r == 0)
        r = kw_buf_append(ret_context, id.data, id.size);
    return r == 0 ? kw_buf_u64(ret_context, number) : r;
}

/* ---- alerts --------------------------------------------------------------------------------- */

void kw_alert_identify(const struct keys *keys, struct alert *alert)
{
    uint8_t number[4] = {(uint8_t)(alert->generation >> 24), (uint8_t)(alert->generation >> 16), (uint8_t)(alert->generation >> 8),
                         (uint8_t)alert->generation};
    uint8_t tag[KW_HASH_SIZE];

    kw_hmac_sha256((struct kw_view){keys->name, sizeof(keys->name)}, (struct kw_view){alert->situation, sizeof(alert->situation)},
                   (struct kw_view){number, sizeof(number)}, tag);
    memcpy(alert->id, tag, sizeof(alert->id));
}

void kw_alert_case(const struct keys *keys, const uint8_t id[KW_ALERT_ID_SIZE], uint8_t ret_case[16])
{
    uint8_t tag[KW_HASH_SIZE];

    kw_hmac_sha256((struct kw_view){keys->name, sizeof(keys->name)}, kw_view_text("kinward/case/v1\n"),
                   (struct kw_view){id, KW_ALERT_ID_SIZE}, tag);
    memcpy(ret_case, tag, 16);
}

static void take_text(struct kw_query *query, int column, char *to, size_t size)
{
    struct kw_view text = kw_column_text(query, column);

    snprintf(to, size, "%.*s", (int)text.size, text.size > 0 ? (const char *)text.data : "");
}

static int take_bytes(struct kw_query *query, int column, uint8_t *to, size_t size)
{
    struct kw_view bytes = kw_column_blob(query, column);

    if (bytes.size != size)
        return -EBADMSG;
    memcpy(to, bytes.data, size);
    return 0;
}

#define ALERT_COLUMNS                                                                                                              \
    "id,situation,generation,revision,sent,standing,rule,registry,reason,jurisdictions,tier,count,backfill,first,last,expires,"    \
    "digest"

static int take_alert(struct kw_query *query, struct alert *ret_alert)
{
    struct alert alert = {0};
    int r = take_bytes(query, 0, alert.id, sizeof(alert.id));

    if (r == 0)
        r = take_bytes(query, 1, alert.situation, sizeof(alert.situation));
    if (r == 0)
        r = take_bytes(query, 16, alert.digest, sizeof(alert.digest));
    if (r < 0)
        return r;
    alert.generation = (uint32_t)kw_column_integer(query, 2);
    alert.revision = (uint32_t)kw_column_integer(query, 3);
    alert.sent = (uint32_t)kw_column_integer(query, 4);
    alert.standing = (enum standing)kw_column_integer(query, 5);
    take_text(query, 6, alert.rule, sizeof(alert.rule));
    take_text(query, 7, alert.registry, sizeof(alert.registry));
    take_text(query, 8, alert.reason, sizeof(alert.reason));
    take_text(query, 9, alert.jurisdictions, sizeof(alert.jurisdictions));
    alert.tier = (uint32_t)kw_column_integer(query, 10);
    alert.count = (uint32_t)kw_column_integer(query, 11);
    alert.backfill = kw_column_integer(query, 12) != 0;
    alert.first_ms = kw_column_integer(query, 13);
    alert.last_ms = kw_column_integer(query, 14);
    alert.expires_ms = kw_column_integer(query, 15);
    *ret_alert = alert;
    return 0;
}

static int find_alert(struct kw_store *store, const char *sql, struct kw_view key, struct alert *ret_alert, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(store, sql, &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, key);
    r = kw_query_step(query, fault);
    if (r == 1 && take_alert(query, ret_alert) < 0)
        r = kw_alert_trouble(-EBADMSG, fault);
    kw_query_reset(query);
    return r;
}

int kw_alert_row_latest(struct kw_store *store, const uint8_t situation[KW_HASH_SIZE], struct alert *ret_alert,
                        struct kw_fault *fault)
{
    return find_alert(store, "SELECT " ALERT_COLUMNS " FROM alert WHERE situation=?1 ORDER BY generation DESC LIMIT 1",
                      (struct kw_view){situation, KW_HASH_SIZE}, ret_alert, fault);
}

int kw_alert_row(struct kw_store *store, const uint8_t id[KW_ALERT_ID_SIZE], struct alert *ret_alert, struct kw_fault *fault)
{
    return find_alert(store, "SELECT " ALERT_COLUMNS " FROM alert WHERE id=?1", (struct kw_view){id, KW_ALERT_ID_SIZE}, ret_alert,
                      fault);
}

int kw_alert_row_put(struct kw_store *store, const struct alert *alert, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(store,
                     "INSERT OR REPLACE INTO alert(" ALERT_COLUMNS ") "
                     "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
                     &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){alert->id, sizeof(alert->id)});
    kw_bind_blob(query, 2, (struct kw_view){alert->situation, sizeof(alert->situation)});
    kw_bind_integer(query, 3, alert->generation);
    kw_bind_integer(query, 4, alert->revision);
    kw_bind_integer(query, 5, alert->sent);
    kw_bind_integer(query, 6, alert->standing);
    kw_bind_text(query, 7, alert->rule);
    kw_bind_text(query, 8, alert->registry);
    kw_bind_text(query, 9, alert->reason);
    kw_bind_text(query, 10, alert->jurisdictions);
    kw_bind_integer(query, 11, alert->tier);
    kw_bind_integer(query, 12, alert->count);
    kw_bind_integer(query, 13, alert->backfill);
    kw_bind_integer(query, 14, alert->first_ms);
    kw_bind_integer(query, 15, alert->last_ms);
    kw_bind_integer(query, 16, alert->expires_ms);
    kw_bind_blob(query, 17, (struct kw_view){alert->digest, sizeof(alert->digest)});
    return kw_query_run(query, NULL, fault);
}

/* ---- instances -------------------------------------------------------------------------------- */

#define INSTANCE_COLUMNS "subject,level,rule,registry,reason,jurisdictions,tier,backfill,at,digest"

static int take_instance(struct kw_query *query, struct instance *ret_instance)
{
    struct instance instance = {0};
    int r = take_bytes(query, 9, instance.digest, sizeof(instance.digest));

    if (r < 0)
        return r;
    instance.subject = (uint64_t)kw_column_integer(query, 0);
    instance.level = (enum level)kw_column_integer(query, 1);
    take_text(query, 2, instance.rule, sizeof(instance.rule));
    take_text(query, 3, instance.registry, sizeof(instance.registry));
    take_text(query, 4, instance.reason, sizeof(instance.reason));
    take_text(query, 5, instance.jurisdictions, sizeof(instance.jurisdictions));
    instance.tier = (uint32_t)kw_column_integer(query, 6);
    instance.backfill = kw_column_integer(query, 7) != 0;
    instance.at_ms = kw_column_integer(query, 8);
    *ret_instance = instance;
    return 0;
}

int kw_instance(struct kw_alerts *alerts, const uint8_t situation[KW_HASH_SIZE], uint64_t subject, struct instance *ret_instance,
                struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, "SELECT " INSTANCE_COLUMNS " FROM instance WHERE situation=?1 AND subject=?2", &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){situation, KW_HASH_SIZE});
    kw_bind_integer(query, 2, (int64_t)subject);
    r = kw_query_step(query, fault);
    if (r == 1 && take_instance(query, ret_instance) < 0)
        r = kw_alert_trouble(-EBADMSG, fault);
    kw_query_reset(query);
    return r;
}

int kw_instance_put(struct kw_alerts *alerts, const uint8_t situation[KW_HASH_SIZE], const struct instance *instance,
                    struct kw_view core, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf context = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf sealed = {0};
    struct kw_view id = {situation, KW_HASH_SIZE};
    struct kw_query *query;
    int r = kw_row_context(&context, 'i', id, instance->subject);

    if (r == 0)
        r = kw_encrypt(alerts->keys.wrap, kw_view_of(&context), core, &sealed);
    if (r < 0)
        return kw_alert_trouble(r, fault);
    r = kw_query(alerts->store,
                 "INSERT OR REPLACE INTO instance(" INSTANCE_COLUMNS ",situation,core) "
                 "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
                 &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)instance->subject);
    kw_bind_integer(query, 2, instance->level);
    kw_bind_text(query, 3, instance->rule);
    kw_bind_text(query, 4, instance->registry);
    kw_bind_text(query, 5, instance->reason);
    kw_bind_text(query, 6, instance->jurisdictions);
    kw_bind_integer(query, 7, instance->tier);
    kw_bind_integer(query, 8, instance->backfill);
    kw_bind_integer(query, 9, instance->at_ms);
    kw_bind_blob(query, 10, (struct kw_view){instance->digest, sizeof(instance->digest)});
    kw_bind_blob(query, 11, id);
    kw_bind_blob(query, 12, kw_view_of(&sealed));
    return kw_query_run(query, NULL, fault);
}

int kw_instance_remove(struct kw_alerts *alerts, const uint8_t situation[KW_HASH_SIZE], uint64_t subject, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, "DELETE FROM instance WHERE situation=?1 AND subject=?2", &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){situation, KW_HASH_SIZE});
    kw_bind_integer(query, 2, (int64_t)subject);
    return kw_query_run(query, NULL, fault);
}

/* Count, first and last of a level; level 0 becomes the highest there is. 1 or 0. */
static int measure(struct kw_alerts *alerts, struct kw_view situation, enum level *level, struct alert *content,
                   struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store,
                     "SELECT level,count(*),min(at),max(at) FROM instance WHERE situation=?1 AND (?2=0 OR level=?2) "
                     "GROUP BY level ORDER BY level DESC LIMIT 1",
                     &query, fault);

    if (r < 0)
        return r;
    kw_bind_blob(query, 1, situation);
    kw_bind_integer(query, 2, *level);
    r = kw_query_step(query, fault);
    if (r == 1) {
        *level = (enum level)kw_column_integer(query, 0);
        content->count = (uint32_t)kw_column_integer(query, 1);
        content->first_ms = kw_column_integer(query, 2);
        content->last_ms = kw_column_integer(query, 3);
    }
    kw_query_reset(query);
    return r;
}

static int open_core(struct kw_alerts *alerts, struct kw_view situation, struct kw_query *query, struct instance *ret_instance,
                     struct kw_buf *ret_core)
{
    KW_AUTO(kw_buf_clear) struct kw_buf context = {0};
    int r = take_instance(query, ret_instance);

    if (r == 0)
        r = kw_row_context(&context, 'i', situation, ret_instance->subject);
    return r == 0 ? kw_decrypt(alerts->keys.wrap, kw_view_of(&context), kw_column_blob(query, 10), ret_core) : r;
}

/* What makes two revisions say the same. */
static void digest_content(const struct instance *instance, struct alert *content)
{
    struct kw_sha256 hash;
    char numbers[96];
    int size = snprintf(numbers, sizeof(numbers), "%u %lld %lld", content->count, (long long)content->first_ms,
                        (long long)content->last_ms);

    kw_sha256_start(&hash);
    kw_sha256_add(&hash, instance->digest, sizeof(instance->digest));
    kw_sha256_add(&hash, numbers, (size_t)size);
    kw_sha256_end(&hash, content->digest);
}

int kw_instances(struct kw_alerts *alerts, const uint8_t situation[KW_HASH_SIZE], enum level level, struct alert *ret_content,
                 enum level *ret_level, struct kw_buf *ret_core, struct kw_fault *fault)
{
    struct kw_view id = {situation, KW_HASH_SIZE};
    struct instance instance = {0};
    struct kw_query *query;
    int r = measure(alerts, id, &level, ret_content, fault);

    if (r <= 0)
        return r;
    r = kw_query(alerts->store,
                 "SELECT " INSTANCE_COLUMNS
                 ",core FROM instance WHERE situation=?1 AND level=?2 ORDER BY tier,subject DESC LIMIT 1",
                 &query, fault);
    if (r < 0)
        return r;
    kw_bind_blob(query, 1, id);
    kw_bind_integer(query, 2, level);
    r = kw_query_step(query, fault);
    if (r == 1)
        r = kw_alert_trouble(open_core(alerts, id, query, &instance, ret_core), fault);
    kw_query_reset(query);
    if (r < 0)
        return r;
    memcpy(ret_content->rule, instance.rule, sizeof(instance.rule));
    memcpy(ret_content->registry, instance.registry, sizeof(instance.registry));
    memcpy(ret_content->reason, instance.reason, sizeof(instance.reason));
    memcpy(ret_content->jurisdictions, instance.jurisdictions, sizeof(instance.jurisdictions));
    ret_content->tier = instance.tier;
    ret_content->backfill = instance.backfill;
    digest_content(&instance, ret_content);
    *ret_level = level;
    return 1;
}
