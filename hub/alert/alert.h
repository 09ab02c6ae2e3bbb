/* SPDX-License-Identifier: Apache-2.0 */
/* alert.h - from hits to alerts: lifecycle, addressing, outbox, review, answers, rendering.
 *
 * kw_alerts is the only writer of detect.db and belongs to the detect actor's
 * thread; kw_alert_reader serves the feed, ledger and control actors, one each.
 */
#ifndef KINWARD_ALERT_H
#define KINWARD_ALERT_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "alert/aside.h"
#include "alert/reader.h"
#include "detect/detect.h"

#define KW_ALERT_ID_SIZE 16

/* ---- lifecycle: one pure function ------------------------------------------ */

enum kw_alert_state { KW_ALERT_DRAFT, KW_ALERT_REVIEW, KW_ALERT_ACTIVE, KW_ALERT_SUPERSEDED, KW_ALERT_CANCELLED, KW_ALERT_EXPIRED };
enum kw_alert_type { KW_ALERT_ALERT = 1, KW_ALERT_UPDATE, KW_ALERT_CANCEL };
enum kw_alert_status { KW_STATUS_ACTUAL = 1, KW_STATUS_EXERCISE, KW_STATUS_SYSTEM, KW_STATUS_TEST };
const char *kw_alert_state_name(enum kw_alert_state state);
const char *kw_alert_type_name(enum kw_alert_type type);
const char *kw_alert_status_name(enum kw_alert_status status);
bool kw_alert_type_parse(struct kw_view name, enum kw_alert_type *ret_type);
bool kw_alert_status_parse(struct kw_view name, enum kw_alert_status *ret_status);

struct kw_alert_message { /* what a revision says about itself */
    uint8_t alert[KW_ALERT_ID_SIZE];
    uint32_t revision;
    enum kw_alert_type type;
    enum kw_alert_status status;
    int64_t sent_ms, expires_ms;
    bool draft, review;               /* not released */
    uint8_t digest[KW_HASH_SIZE];     /* of the statement */
    uint8_t refers[KW_ALERT_ID_SIZE]; /* update, cancel: the chain that it continues */
    uint32_t refers_revision;
};
/* Whether a message may join those known of its chain. -EALREADY: the same again, or a cancel of the cancelled (no-op).
 * -EEXIST: this id and revision with other content. -ELOOP: it refers to itself. -EINVAL: expires before sent, or no
 * reference. -EXDEV: another chain. -ESTALE: an update after the cancel. */
KW_CHECKED int kw_alert_join(const struct kw_alert_message *known, size_t count, const struct kw_alert_message *message);
/* State of one message among those known (in any order, of any chains) at a moment. Absence of messages says nothing. */
enum kw_alert_state kw_alert_state_of(const struct kw_alert_message *known, size_t count, const struct kw_alert_message *message,
                                      int64_t now_ms);
/* The one test for "active": the newest released message of the chain, neither cancelled nor expired nor draft. */
bool kw_alert_is_active(const struct kw_alert_message *known, size_t count, const uint8_t alert[KW_ALERT_ID_SIZE], int64_t now_ms);

/* ---- writer ------------------------------------------------------------------ */

struct kw_alert_config { /* borrowed while kw_alerts_open runs */
    const char *hub;     /* principal name of the hub */
    enum kw_alert_status status;
    const char *owner_contact, *redress_contact;
    uint64_t epoch;          /* of the streams */
    unsigned expire_days[4]; /* by tier, [0] unused; 0: A 90, B 30, C 365 */
};
struct kw_alert_recipient { /* an agency and its mandate, from the journal's principals */
    uint64_t number;        /* principal number; its stream has the principal's name */
    const char *name;
    bool active;
    uint8_t box[KW_KEY_SIZE];
    const char *rules, *jurisdictions; /* "*" or words parted by spaces */
};
struct kw_alerts;
/* dir: folder of detect.db. sign must live as long as the answer. */
KW_CHECKED int kw_alerts_open(const char *dir, const uint8_t vault[32], const struct kw_sign_key *sign,
                              const struct kw_alert_config *config, struct kw_alerts **ret_alerts, struct kw_fault *fault);
void kw_alerts_free(struct kw_alerts *alerts);
void kw_alerts_freep(struct kw_alerts **alerts);
uint64_t kw_alerts_cursor(const struct kw_alerts *alerts); /* last position applied and committed */
/* Who is addressed from now on; copied. Call it at start and when principals change. */
KW_CHECKED int kw_alerts_recipients(struct kw_alerts *alerts, const struct kw_alert_recipient *recipients, size_t count);

/* One transaction takes any number of entries: begin, apply in the order of positions, commit. A failed apply or commit rolls
 * everything back to the last commit. */
KW_CHECKED int kw_alerts_begin(struct kw_alerts *alerts, struct kw_fault *fault);
KW_CHECKED int kw_alerts_apply(struct kw_alerts *alerts, const struct kw_detect_entry *entry, const struct kw_detection *detection,
                               struct kw_fault *fault);
/* Kinds 3 (review decision), 4 (feedback), 5 (acknowledgement), 7 (clock tick: expiry), of 6 (administration) those that
 * close what was set aside; others only move the cursor.
 * json: the entry's body. A decision that no longer fits (released twice) is passed over, for good. */
KW_CHECKED int kw_alerts_apply_act(struct kw_alerts *alerts, uint64_t position, unsigned kind, int64_t received_ms,
                                   struct kw_view json, struct kw_fault *fault);
KW_CHECKED int kw_alerts_commit(struct kw_alerts *alerts, struct kw_fault *fault);
void kw_alerts_rollback(struct kw_alerts *alerts);
/* What a check was answered, the open transaction included; ret_case: the reference of "refer", zeros otherwise. -ENOENT. */
KW_CHECKED int kw_alerts_answer(struct kw_alerts *alerts, uint64_t position, enum kw_answer *ret_answer, uint8_t ret_case[16],
                                struct kw_fault *fault);
/* The watches of the detections applied, in order, those of the last KW_WATCH_DAYS, for kw_detect_restore_watch. A non-zero
 * answer of visit stops and is returned. */
KW_CHECKED int kw_alerts_watches(struct kw_alerts *alerts, int (*visit)(void *context, const struct kw_watch *watch), void *context,
                                 struct kw_fault *fault);
/* Machine receipt of a recipient, cumulative; own transaction or within one. -ENOENT: no such stream, epoch or number. */
KW_CHECKED int kw_alerts_received(struct kw_alerts *alerts, const char *principal, uint64_t epoch, uint64_t upto,
                                  struct kw_fault *fault);

/* The bodies of journal entries: review decision {"decision":"release"|"dismiss","alert","revision","by","role","reason"}. The
 * caller checks with this that it fits now (-ENOENT, KW_E_STATE) and appends the JSON to the journal. */
struct kw_alert_decision {
    uint8_t alert[KW_ALERT_ID_SIZE];
    uint32_t revision;
    bool release;
    const char *by, *role, *reason;
};
KW_CHECKED int kw_alert_decide(struct kw_alert_reader *reader, const struct kw_alert_decision *decision, struct kw_buf *ret_json,
                               struct kw_fault *fault);

#endif
