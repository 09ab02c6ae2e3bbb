/* SPDX-License-Identifier: Apache-2.0 */
/* aside.h - entries that detection could not inspect (part of alert.h, which includes it). */
#ifndef KINWARD_ALERT_ASIDE_H
#define KINWARD_ALERT_ASIDE_H

#include "alert/reader.h"

struct kw_alerts;

enum kw_aside_state { KW_ASIDE_OPEN = 0, KW_ASIDE_RETRIED, KW_ASIDE_CLOSED };
struct kw_aside {
    uint64_t position;
    unsigned kind, attempts;
    enum kw_code code; /* of the last attempt */
    char place[128];
    int64_t at_ms, settled_ms; /* wall clock; received_ms of the act that settled it */
    enum kw_aside_state state;
    char by[65], reason[257]; /* retried: who asked; closed: who and why */
};

/* ---- writer -------------------------------------------------------------------- */

/* A transaction of its own: the entry is in the list and the cursor at passed, which is the entry itself, or the act that asked
 * for a retry that failed (attempts are added). A check has no answer then. */
KW_CHECKED int kw_alerts_set_aside(struct kw_alerts *alerts, const struct kw_aside *aside, uint64_t passed, struct kw_fault *fault);
/* Within a transaction: 1 when an administrative act asks for another inspection of an open entry; by[65]: who. Else 0. */
KW_CHECKED int kw_alerts_retry_asked(struct kw_alerts *alerts, struct kw_view json, uint64_t *ret_position, char *ret_by,
                                     struct kw_fault *fault);
struct kw_detect_entry;
struct kw_detection;
/* What kw_alerts_apply and kw_alerts_apply_act do, for an entry that was set aside, at the act that asked for it: the cursor moves
 * to the act, whose time counts. The entry leaves the list. detection: empty but for records and checks. */
struct kw_aside_retry {
    uint64_t position; /* of the entry */
    unsigned kind;
    struct kw_view json; /* its body, of kinds from 3 on */
    const struct kw_detection *detection;
    uint64_t act;
    int64_t act_ms;
    const char *by;
};
KW_CHECKED int kw_alerts_apply_again(struct kw_alerts *alerts, const struct kw_aside_retry *retry, struct kw_fault *fault);
KW_CHECKED int kw_alerts_aside_count(struct kw_alerts *alerts, uint64_t *ret_open, uint64_t *ret_newest, struct kw_fault *fault);

/* ---- readers -------------------------------------------------------------------- */

KW_CHECKED int kw_aside_list(struct kw_alert_reader *reader, bool open_only, uint32_t limit,
                             int (*visit)(void *context, const struct kw_aside *aside), void *context, struct kw_fault *fault);
KW_CHECKED int kw_aside_read(struct kw_alert_reader *reader, uint64_t position, struct kw_aside *ret_aside, struct kw_fault *fault);
/* The body of the act that asks for a retry, or that closes (reason), of an open entry; the caller appends it to the journal and
 * detection does it when it passes. -ENOENT; -EINVAL KW_E_STATE when it is settled. */
KW_CHECKED int kw_aside_act(struct kw_alert_reader *reader, uint64_t position, const char *by, const char *reason,
                            struct kw_buf *ret_json, struct kw_fault *fault);

#endif
