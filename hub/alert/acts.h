/* SPDX-License-Identifier: Apache-2.0 */
/* acts.h - what acts in the journal do to alerts and to entries set aside. Private to the room. */
#ifndef KINWARD_ALERT_ACTS_H
#define KINWARD_ALERT_ACTS_H

#include "alert/private.h"

/* What an entry of a kind from 3 on does, whatever the cursor. */
KW_CHECKED int kw_alert_act(struct kw_alerts *alerts, uint64_t position, unsigned kind, int64_t now_ms, struct kw_view json,
                            struct kw_fault *fault);
/* Closes an entry that was set aside, when the act says so. */
KW_CHECKED int kw_alert_close_aside(struct kw_alerts *alerts, struct kw_view json, int64_t received_ms, struct kw_fault *fault);
KW_CHECKED int kw_alert_settle_retried(struct kw_alerts *alerts, const struct kw_aside_retry *retry, struct kw_fault *fault);

#endif
