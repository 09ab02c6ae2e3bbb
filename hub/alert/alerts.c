/* SPDX-License-Identifier: Apache-2.0 */
/* alerts.c - the writer of detect.db: schema, opening, recipients, transactions, receipts. */
#include "alert/private.h"

#include "base/limits.h"

#define DAY_MS INT64_C(86400000)

const char *const kw_alert_migrations[] = {
    "CREATE TABLE state(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO state VALUES('cursor',0),('epoch',0);"
    "CREATE TABLE alert(id BLOB PRIMARY KEY, situation BLOB NOT NULL, generation INTEGER NOT NULL, revision INTEGER NOT NULL,"
    " sent INTEGER NOT NULL, standing INTEGER NOT NULL, rule TEXT NOT NULL, registry TEXT NOT NULL, reason TEXT NOT NULL,"
    " jurisdictions TEXT NOT NULL, tier INTEGER NOT NULL, count INTEGER NOT NULL, backfill INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, expires INTEGER NOT NULL, digest BLOB NOT NULL,"
    " UNIQUE(situation, generation)) WITHOUT ROWID;"
    "CREATE INDEX alert_due ON alert(expires) WHERE standing <= 3;"
    "CREATE INDEX alert_review ON alert(last) WHERE standing = 2;"
    "CREATE TABLE instance(situation BLOB NOT NULL, subject INTEGER NOT NULL, level INTEGER NOT NULL, rule TEXT NOT NULL,"
    " registry TEXT NOT NULL, reason TEXT NOT NULL, jurisdictions TEXT NOT NULL, tier INTEGER NOT NULL,"
    " backfill INTEGER NOT NULL, at INTEGER NOT NULL, digest BLOB NOT NULL, core BLOB NOT NULL,"
    " PRIMARY KEY(situation, subject));"
    "CREATE INDEX instance_subject ON instance(subject, rule);"
    "CREATE TABLE revision(alert BLOB NOT NULL, revision INTEGER NOT NULL, type INTEGER NOT NULL, at INTEGER NOT NULL,"
    " core_at INTEGER NOT NULL, core_size INTEGER NOT NULL, wrapped BLOB NOT NULL, body BLOB NOT NULL,"
    " PRIMARY KEY(alert, revision));"
    "CREATE TABLE commitment(number INTEGER PRIMARY KEY, alert BLOB NOT NULL, revision INTEGER NOT NULL,"
    " commitment BLOB NOT NULL, UNIQUE(alert, revision));"
    "CREATE TABLE stream(principal INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last INTEGER NOT NULL,"
    " received INTEGER NOT NULL, head BLOB NOT NULL);"
    "CREATE TABLE outbox(stream INTEGER NOT NULL, number INTEGER NOT NULL, previous BLOB NOT NULL, alert BLOB NOT NULL,"
    " revision INTEGER NOT NULL, envelope BLOB NOT NULL, signature BLOB NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL,"
    " UNIQUE(stream, number));"
    "CREATE INDEX outbox_alert ON outbox(alert, stream);"
    "CREATE TABLE answer(position INTEGER PRIMARY KEY, answer INTEGER NOT NULL, reference BLOB NOT NULL);"
    "CREATE TABLE acknowledgement(position INTEGER PRIMARY KEY, alert BLOB NOT NULL, revision INTEGER NOT NULL,"
    " principal TEXT NOT NULL, person TEXT NOT NULL, role TEXT NOT NULL, at INTEGER NOT NULL);"
    "CREATE TABLE feedback(position INTEGER PRIMARY KEY, alert BLOB NOT NULL, revision INTEGER NOT NULL,"
    " principal TEXT NOT NULL, outcome TEXT NOT NULL, cause TEXT, role TEXT NOT NULL, at INTEGER NOT NULL);"
    "CREATE TABLE decision(position INTEGER PRIMARY KEY, alert BLOB NOT NULL, revision INTEGER NOT NULL,"
    " decision TEXT NOT NULL, person TEXT NOT NULL, role TEXT NOT NULL, at INTEGER NOT NULL);"
    "CREATE TABLE watch(number INTEGER PRIMARY KEY, subject INTEGER NOT NULL, received INTEGER NOT NULL,"
    " backfill INTEGER NOT NULL, keys BLOB NOT NULL);"
    "CREATE INDEX watch_received ON watch(received);",
    /* entries that could not be inspected (aside.h) */
    "CREATE TABLE aside(position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, code TEXT NOT NULL, place TEXT NOT NULL,"
    " at INTEGER NOT NULL, attempts INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0, by TEXT NOT NULL DEFAULT '',"
    " reason TEXT NOT NULL DEFAULT '', settled INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX aside_open ON aside(position) WHERE state = 0;",
};
const size_t kw_alert_migration_count = KW_COUNT(kw_alert_migrations);

/* ---- recipients ------------------------------------------------------------------------------ */

static void drop_recipients(struct recipient *recipients, size_t count)
{
    for (size_t i = 0; recipients != NULL && i < count; i++) {
        kw_free(recipients[i].name);
        kw_free(recipients[i].rules);
        kw_free(recipients[i].jurisdictions);
    }
    kw_free(recipients);
}

int kw_alerts_recipients(struct kw_alerts *alerts, const struct kw_alert_recipient *recipients, size_t count)
{
    struct recipient *copy = kw_alloc((count + 1) * sizeof(*copy));

    if (copy == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        copy[i].number = recipients[i].number;
        copy[i].active = recipients[i].active;
        memcpy(copy[i].box, recipients[i].box, sizeof(copy[i].box));
        copy[i].name = kw_strdup(recipients[i].name);
        copy[i].rules = kw_strdup(recipients[i].rules == NULL ? "" : recipients[i].rules);
        copy[i].jurisdictions = kw_strdup(recipients[i].jurisdictions == NULL ? "" : recipients[i].jurisdictions);
        if (copy[i].name == NULL || copy[i].rules == NULL || copy[i].jurisdictions == NULL) {
            drop_recipients(copy, count);
            return -ENOMEM;
        }
    }
    drop_recipients(alerts->recipients, alerts->recipient_count);
    alerts->recipients = copy;
    alerts->recipient_count = count;
    return 0;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static int read_state(struct kw_alerts *alerts, const char *name, uint64_t *ret_value, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, "SELECT value FROM state WHERE name=?1", &query, fault);

    if (r < 0)
        return r;
    kw_bind_text(query, 1, name);
    r = kw_query_step(query, fault);
    if (r == 1)
        *ret_value = (uint64_t)kw_column_integer(query, 0);
    kw_query_reset(query);
    return r == 0 ? kw_alert_trouble(-EBADMSG, fault) : r < 0 ? r : 0;
}

static int write_state(struct kw_alerts *alerts, const char *name, uint64_t value, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, "UPDATE state SET value=?2 WHERE name=?1", &query, fault);

    if (r < 0)
        return r;
    kw_bind_text(query, 1, name);
    kw_bind_integer(query, 2, (int64_t)value);
    return kw_query_run(query, NULL, fault);
}

/* Another epoch: the same items count from number 1 again for every recipient, none of them as received. */
static int set_epoch(struct kw_alerts *alerts, struct kw_fault *fault)
{
    uint64_t epoch;
    struct kw_query *query;
    int r = read_state(alerts, "epoch", &epoch, fault);

    if (r < 0 || epoch == alerts->epoch)
        return r;
    r = kw_store_begin(alerts->store, fault);
    if (r == 0)
        r = write_state(alerts, "epoch", alerts->epoch, fault);
    if (r == 0)
        r = kw_query(alerts->store, "UPDATE stream SET received=0", &query, fault);
    if (r == 0)
        r = kw_query_run(query, NULL, fault);
    if (r == 0)
        return kw_store_commit(alerts->store, fault);
    kw_store_rollback(alerts->store);
    return r;
}

static int take_config(struct kw_alerts *alerts, const struct kw_alert_config *config)
{
    static const unsigned days[4] = {0, 90, 30, 365};

    alerts->hub = kw_strdup(config->hub);
    alerts->owner = kw_strdup(config->owner_contact == NULL ? "" : config->owner_contact);
    alerts->redress = kw_strdup(config->redress_contact == NULL ? "" : config->redress_contact);
    alerts->status = config->status == 0 ? KW_STATUS_ACTUAL : config->status;
    alerts->epoch = config->epoch;
    for (size_t i = 1; i < KW_COUNT(days); i++)
        alerts->expire_ms[i] = DAY_MS * (int64_t)(config->expire_days[i] == 0 ? days[i] : config->expire_days[i]);
    return alerts->hub == NULL || alerts->owner == NULL || alerts->redress == NULL ? -ENOMEM : 0;
}

int kw_alerts_open(const char *dir, const uint8_t vault[32], const struct kw_sign_key *sign, const struct kw_alert_config *config,
                   struct kw_alerts **ret_alerts, struct kw_fault *fault)
{
    KW_AUTO(kw_alerts_freep) struct kw_alerts *alerts = kw_alloc(sizeof(*alerts));
    char path[4096];
    int r;

    if (alerts == NULL)
        return kw_alert_trouble(-ENOMEM, fault);
    kw_alert_keys(vault, &alerts->keys);
    alerts->sign = sign;
    r = take_config(alerts, config);
    if (r == 0)
        r = kw_path_join(path, sizeof(path), dir, KW_ALERT_DB);
    if (r < 0)
        return kw_alert_trouble(r, fault);
    r = kw_store_open(path, kw_alert_migrations, kw_alert_migration_count, &alerts->store, fault);
    if (r == 0)
        r = set_epoch(alerts, fault);
    if (r == 0)
        r = read_state(alerts, "cursor", &alerts->cursor, fault);
    if (r < 0)
        return r;
    alerts->committed = alerts->cursor;
    *ret_alerts = alerts;
    alerts = NULL;
    return 0;
}

void kw_alerts_free(struct kw_alerts *alerts)
{
    if (alerts == NULL)
        return;
    kw_alerts_rollback(alerts);
    kw_store_close(alerts->store);
    drop_recipients(alerts->recipients, alerts->recipient_count);
    kw_free(alerts->hub);
    kw_free(alerts->owner);
    kw_free(alerts->redress);
    kw_wipe(&alerts->keys, sizeof(alerts->keys));
    kw_free(alerts);
}

void kw_alerts_freep(struct kw_alerts **alerts)
{
    kw_alerts_free(*alerts);
    *alerts = NULL;
}

uint64_t kw_alerts_cursor(const struct kw_alerts *alerts)
{
    return alerts->committed;
}

/* ---- transactions ---------------------------------------------------------------------------------- */

int kw_alerts_begin(struct kw_alerts *alerts, struct kw_fault *fault)
{
    int r = kw_store_begin(alerts->store, fault);

    if (r == 0)
        alerts->open = true;
    return r;
}

void kw_alerts_rollback(struct kw_alerts *alerts)
{
    if (alerts->open)
        kw_store_rollback(alerts->store);
    alerts->open = false;
    alerts->cursor = alerts->committed;
}

int kw_alerts_commit(struct kw_alerts *alerts, struct kw_fault *fault)
{
    int r = alerts->cursor == alerts->committed ? 0 : write_state(alerts, "cursor", alerts->cursor, fault);

    if (r == 0)
        r = kw_store_commit(alerts->store, fault);
    if (r < 0) {
        kw_alerts_rollback(alerts);
        return r;
    }
    alerts->open = false;
    alerts->committed = alerts->cursor;
    return 0;
}

/* ---- receipts ---------------------------------------------------------------------------------------- */

int kw_alerts_received(struct kw_alerts *alerts, const char *principal, uint64_t epoch, uint64_t upto, struct kw_fault *fault)
{
    struct kw_query *query;
    int64_t changes = 0;
    int r;

    if (epoch != alerts->epoch || upto > INT64_MAX)
        return kw_fail(fault, -ENOENT, KW_E_STREAM, "epoch", "%s", kw_code_text(KW_E_STREAM));
    r = kw_query(alerts->store, "UPDATE stream SET received=max(received,?2) WHERE name=?1 AND last>=?2", &query, fault);
    if (r < 0)
        return r;
    kw_bind_text(query, 1, principal);
    kw_bind_integer(query, 2, (int64_t)upto);
    r = kw_query_run(query, &changes, fault);
    if (r == 0 && changes == 0 && upto > 0)
        r = kw_fail(fault, -ENOENT, KW_E_STREAM, "upto", "%s", kw_code_text(KW_E_STREAM));
    return r;
}
