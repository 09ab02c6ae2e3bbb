/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - the detector's own parts: loaded records, watches, the evaluation under way. */
#ifndef KINWARD_DETECT_PRIVATE_H
#define KINWARD_DETECT_PRIVATE_H

#include "detect/detect.h"

struct kinward_record { /* one earlier entry, loaded for one evaluation */
    uint64_t position;
    int64_t received_ms;
    bool backfill;
    unsigned kind;
    uint32_t event, standing;
    int current; /* -1: not looked at; 0: superseded or voided; 1 */
    struct kw_buf bytes;
    struct kw_image image;
    struct kw_record_head head;
};

/* ---- watches ------------------------------------------------------------------- */

struct watched {
    uint64_t subject, digest; /* digest of the keys: the same ones are not added again */
    int64_t received_ms;
    bool backfill;
};
struct generation { /* watches of a stretch of time; dropped as a whole */
    struct kw_match_index *index;
    struct watched *list; /* watch number n is list[n - 1] */
    size_t count, room;
    int64_t since_ms;
};
struct watches {
    struct generation generations[2]; /* the one being filled, and the one before */
};
void kw_watches_clear(struct watches *watches);
KW_CHECKED int kw_watches_add(struct watches *watches, const struct kw_watch *watch);
/* Subjects that watch one of the keys, appended without repetition; free with kw_free. */
struct subjects {
    struct watched *list;
    size_t count, room;
};
KW_CHECKED int kw_watches_find(const struct watches *watches, const uint64_t *keys, size_t count, struct subjects *subjects);

/* ---- the detector ---------------------------------------------------------------- */

struct rule {
    const struct kinward_rule *rule;
    int64_t *values; /* of its parameters */
    int64_t lookback_ms;
};

struct keys {
    uint64_t *list;
    size_t count, room;
};
int kw_keys_take(void *context, uint64_t key); /* a kw_match_emit into struct keys */

struct kw_detector {
    struct rule *rules;
    size_t rule_count;
    uint64_t subjects, evidence; /* events that any rule asks for */
    struct kw_rule_setting *settings;
    size_t setting_count;
    uint8_t secret[32];  /* of match keys */
    uint8_t private[32]; /* of correlation keys and handles */
    struct kw_detect_source source;
    struct kw_match_index *index;
    uint8_t *events; /* event type by position; bit 7: a check */
    size_t event_room;
    uint64_t last; /* highest position in the index */
    struct watches watches;
    /* the evaluation under way */
    const struct kw_detect_entry *entry;
    struct kinward_record **loaded;
    size_t loaded_count, loaded_room;
    const struct rule *rule;
    struct kinward_record *subject;
    struct keys watching;
    struct kw_detection *detection;
    size_t hit_room, evaluated_room, watch_room;
    int error; /* first error inside a host function that cannot say so */
};

extern const struct kinward_rules_host kw_rules_host; /* context: struct kw_detector */

/* The record at a position, loaded once per evaluation. ret_record NULL: erased, or not a record. */
KW_CHECKED int kw_record_load(struct kw_detector *detector, uint64_t position, struct kinward_record **ret_record);
void kw_record_drop_all(struct kw_detector *detector);
/* Whether a record is neither superseded by a later version nor voided. */
KW_CHECKED int kw_record_current(struct kw_detector *detector, struct kinward_record *record, bool *ret_current);
bool kw_event_wanted(void *context, uint64_t position);
struct event_filter {
    const struct kw_detector *detector;
    uint64_t events;
    uint64_t except; /* position that is not wanted */
};
KW_CHECKED int kw_hit_emit(struct kw_detector *detector, const struct kinward_hit *hit);
KW_CHECKED int kw_detect_answer(struct kw_detector *detector, struct kinward_record *check, enum kw_answer *ret_answer);
enum kw_rule_state kw_rule_state_of(const struct kw_detector *detector, const char *rule, struct kw_view registry);
void kw_hit_clear(struct kw_hit *hit);

#endif
