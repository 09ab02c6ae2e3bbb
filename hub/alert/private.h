/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - detect.db and the parts of the alert room that share it. */
#ifndef KINWARD_ALERT_PRIVATE_H
#define KINWARD_ALERT_PRIVATE_H

#include "alert/alert.h"
#include "journal/journal.h"
#include "store/store.h"

#include <errno.h>
#include <string.h>

#define KW_ALERT_DB "detect.db"
extern const char *const kw_alert_migrations[];
extern const size_t kw_alert_migration_count;

/* State of an alert as a whole; the state of its messages follows from kw_alert_state_of. */
enum standing {
    STANDING_SHADOW = 1, /* stored, nobody is told */
    STANDING_REVIEW,     /* waits for a reviewer */
    STANDING_ACTIVE,     /* sent */
    STANDING_CANCELLED,  /* withdrawn after it was sent */
    STANDING_DROPPED,    /* withdrawn, dismissed or expired before it was sent */
    STANDING_EXPIRED
};

struct keys {                  /* derived from the vault */
    uint8_t name[KW_KEY_SIZE]; /* alert ids, cases, handles */
    uint8_t wrap[KW_KEY_SIZE]; /* record keys of revisions, cores of instances */
};
void kw_alert_keys(const uint8_t vault[32], struct keys *ret_keys);

struct recipient {
    uint64_t number;
    char *name, *rules, *jurisdictions;
    bool active;
    uint8_t box[KW_KEY_SIZE];
};

struct kw_alerts {
    struct kw_store *store;
    const struct kw_sign_key *sign;
    struct keys keys;
    char *hub, *owner, *redress;
    enum kw_alert_status status;
    uint64_t epoch, cursor, committed;
    int64_t expire_ms[4];
    struct recipient *recipients;
    size_t recipient_count;
    bool open; /* a transaction */
};

struct alert {                                                                   /* one row: one generation of a situation */
    uint8_t id[KW_ALERT_ID_SIZE], situation[KW_HASH_SIZE], digest[KW_HASH_SIZE]; /* digest: of what the latest revision says */
    uint32_t generation, revision, sent; /* latest revision; latest one that was sent, 0 for none */
    enum standing standing;
    char rule[8], registry[80], reason[48], jurisdictions[128];
    uint32_t tier, count;
    bool backfill;
    int64_t first_ms, last_ms, expires_ms;
};

enum level { LEVEL_SHADOW = 1, LEVEL_REVIEW, LEVEL_LIVE };

struct instance { /* one subject in a situation */
    enum level level;
    uint64_t subject;
    char rule[8], registry[80], reason[48], jurisdictions[128];
    uint32_t tier;
    bool backfill;
    int64_t at_ms;
    uint8_t digest[KW_HASH_SIZE]; /* of the core */
};

struct review_note { /* of a released alert */
    const char *role;
    int64_t at_ms;
};

/* Fills the fault when a lower room did not, and returns the error. */
int kw_alert_trouble(int error, struct kw_fault *fault);

/* ---- rows ------------------------------------------------------------------------------ */

/* The latest generation of a situation, or a row by id: 1 found, 0 none. */
KW_CHECKED int kw_alert_row_latest(struct kw_store *store, const uint8_t situation[KW_HASH_SIZE], struct alert *ret_alert,
                                   struct kw_fault *fault);
KW_CHECKED int kw_alert_row(struct kw_store *store, const uint8_t id[KW_ALERT_ID_SIZE], struct alert *ret_alert,
                            struct kw_fault *fault);
KW_CHECKED int kw_alert_row_put(struct kw_store *store, const struct alert *alert, struct kw_fault *fault);
/* Identity of a generation, and the reference that people quote. */
void kw_alert_identify(const struct keys *keys, struct alert *alert);
void kw_alert_case(const struct keys *keys, const uint8_t id[KW_ALERT_ID_SIZE], uint8_t ret_case[16]);

/* 1 found, 0 none. */
KW_CHECKED int kw_instance(struct kw_alerts *alerts, const uint8_t situation[KW_HASH_SIZE], uint64_t subject,
                           struct instance *ret_instance, struct kw_fault *fault);
KW_CHECKED int kw_instance_put(struct kw_alerts *alerts, const uint8_t situation[KW_HASH_SIZE], const struct instance *instance,
                               struct kw_view core, struct kw_fault *fault);
KW_CHECKED int kw_instance_remove(struct kw_alerts *alerts, const uint8_t situation[KW_HASH_SIZE], uint64_t subject,
                                  struct kw_fault *fault);
/* The instances of one level, 0 for the highest: 1 with what they say together (count, first, last, and the core of the
 * strongest and latest, appended), 0 when there is none. */
KW_CHECKED int kw_instances(struct kw_alerts *alerts, const uint8_t situation[KW_HASH_SIZE], enum level level,
                            struct alert *ret_content, enum level *ret_level, struct kw_buf *ret_core, struct kw_fault *fault);

/* ---- statement ---------------------------------------------------------------------------- */

/* What a hit says, without the alert's own head: canonical XML elements, appended. */
KW_CHECKED int kw_statement_core(const struct keys *keys, const struct kw_hit *hit, struct kw_buf *ret_core);
/* The whole statement of one revision. */
KW_CHECKED int kw_statement(const struct kw_alerts *alerts, const struct alert *alert, enum kw_alert_type type, int64_t sent_ms,
                            const struct review_note *review, struct kw_view core, struct kw_buf *ret_statement,
                            size_t *ret_core_at);

/* ---- issue ---------------------------------------------------------------------------------- */

/* Stores the next revision (alert->revision + 1, or the same again) and, when type is not 0, sends it: envelope, outbox of each
 * recipient, commitment. Type 0: kept for a reviewer or in the shadow. Updates alert; the caller puts the row. */
struct issue {
    enum kw_alert_type type;
    bool again;
    int64_t now_ms;
    const struct review_note *review;
    struct kw_view core;
};
KW_CHECKED int kw_alert_issue(struct kw_alerts *alerts, struct alert *alert, const struct issue *issue, struct kw_fault *fault);
/* Puts a sent revision into the streams of those whom it concerns. */
KW_CHECKED int kw_alert_send(struct kw_alerts *alerts, const struct alert *alert, const struct issue *issue,
                             struct kw_view statement, struct kw_fault *fault);
/* A stored revision's statement (appends); the other results may be NULL. -ENOENT. */
KW_CHECKED int kw_revision_read(struct kw_store *store, const struct keys *keys, const uint8_t alert[KW_ALERT_ID_SIZE],
                                uint32_t revision, struct kw_buf *ret_statement, uint8_t ret_salt[KW_HASH_SIZE],
                                struct kw_view *ret_core, struct kw_fault *fault);
/* "kwalert" ‖ what ‖ id ‖ u64 number: ties a ciphertext to its row. */
KW_CHECKED int kw_row_context(struct kw_buf *ret_context, char what, struct kw_view id, uint64_t number);

/* ---- settle ----------------------------------------------------------------------------------- */

/* Brings the alert of a situation in line with its instances. added: one of them is new. */
KW_CHECKED int kw_alert_settle(struct kw_alerts *alerts, const uint8_t situation[KW_HASH_SIZE], bool added, int64_t now_ms,
                               struct kw_fault *fault);

struct kw_alert_reader {
    struct kw_store *store;
    struct keys keys;
};

#endif
