/* SPDX-License-Identifier: Apache-2.0 */
/* sealer.h - state of the ledger actor. Private to the room. */
#ifndef KINWARD_DAEMON_SEALER_H
#define KINWARD_DAEMON_SEALER_H

#include "daemon/private.h"

enum { KW_SEALED_ENTRY = 1, KW_SEALED_ALERT = 2 }; /* kinds of kw_log_item: journal positions, alerts' numbers */

struct kw_sealer {
    struct kw_seal_setup *setup;
    struct kw_journal_reader *reader;
    struct kw_alert_reader *alerts;
    struct kw_policy *policy;
    struct kw_log *log;
    struct kw_signer *signer;
    struct kw_cosigner *cosign;
    struct kw_ledger_web *web;
    struct kw_actor *cosigner;
    int64_t tick_ms;
    bool full, cosigning, awaiting, stop; /* full: more waits than one batch takes */
    int trouble;
    struct kw_fault fault;
};

/* proofs.c */
KW_CHECKED int kw_sealer_open(struct kw_sealer *sealer);
void kw_sealer_close(struct kw_sealer *sealer);
KW_CHECKED int kw_sealer_proof_entry(struct kw_sealer *sealer, uint64_t position, struct kw_buf *ret_text, struct kw_fault *fault);
KW_CHECKED int kw_sealer_proof_alert(struct kw_sealer *sealer, const uint8_t alert[KW_ALERT_ID_SIZE], uint32_t revision,
                                     struct kw_buf *ret_text, struct kw_fault *fault);

#endif
