/* SPDX-License-Identifier: Apache-2.0 */
/* detector.h - state of the detect actor. Private to the room. */
#ifndef KINWARD_DAEMON_DETECTOR_H
#define KINWARD_DAEMON_DETECTOR_H

#include "daemon/private.h"
#include "json/json.h"

struct detector {
    const struct kw_detect_setup *setup;
    struct kw_journal_reader *reader;
    struct kw_journal_reader *entries; /* of those entries that are more than their keys */
    struct kw_journal_reader *source;  /* of earlier entries, for the rules */
    struct kw_alerts *alerts;
    struct kw_detector *rules;
    struct kw_detection detection;
    struct kw_message passed; /* being filled */
    uint64_t position;        /* last entry inspected */
    uint64_t quiet;           /* entries in the open transaction */
    int64_t quiet_since_ms;
    bool effect, stop; /* effect: the open transaction holds more than a cursor */
    bool answered;     /* the group holds a check */
    uint64_t hits, checks;
    struct {
        uint64_t position; /* the entry being inspected failed; 0: what failed was no entry */
        enum kw_entry_kind kind;
        uint64_t about; /* it asks for another inspection of this one; or 0 */
        bool alerts;    /* the error came from detect.db */
    } failed;
    uint64_t suspect;  /* failed before: what stands before it is committed first, then it is tried alone */
    unsigned attempts; /* at the suspect */
    int error_logged;
    int64_t pause_until_ms;
    struct kw_fault fault;
};

/* ---- entries that cannot be inspected (aside.c) ------------------------------------- */

/* Whether the failure is that of one entry, and not of the machine or of detect.db. */
bool kw_aside_blames_entry(const struct detector *detector, int error);
/* After the rollback: counts the attempt; the last one sets the entry aside, and the cursor goes on behind it. */
KW_CHECKED int kw_aside_count(struct detector *detector);
/* Inspects an entry that was set aside again; act: the entry of the journal that asks for it. */
KW_CHECKED int kw_aside_retry(struct detector *detector, const struct kw_entry *act, uint64_t position, const char *by);
void kw_aside_status(const struct detector *detector, struct kw_json_out *json);

#endif
