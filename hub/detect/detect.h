/* SPDX-License-Identifier: Apache-2.0 */
/* detect.h - the rule host: follows the journal, asks the rules, says what they found and what a check is answered.
 *
 * Deterministic: it uses the entries, the configuration and nothing else; the clock of an evaluation is the received_ms of its
 * entry. A replay from the first position gives the same detections. */
#ifndef KINWARD_DETECT_H
#define KINWARD_DETECT_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "kinward/rules.h"
#include "match/match.h"

/* ---- configuration -------------------------------------------------------- */
/* off: not asked. shadow: hits are stored, nobody is told. review: hits wait for a reviewer. live: hits become alerts. */
enum kw_rule_state { KW_RULE_OFF, KW_RULE_SHADOW, KW_RULE_REVIEW, KW_RULE_LIVE };
const char *kw_rule_state_name(enum kw_rule_state state);
bool kw_rule_state_parse(struct kw_view name, enum kw_rule_state *ret_state);

struct kw_rule_setting { /* the last setting that fits counts */
    char rule[8];        /* "D5", or "*" */
    char registry[80];   /* registry of the subject record, or "*" */
    enum kw_rule_state state;
};
struct kw_rule_parameter {
    char rule[8];
    char name[32];
    int64_t value;
};
struct kw_detect_config { /* borrowed while kw_detector_new runs. Without a setting a rule is live. */
    const struct kw_rule_setting *settings;
    size_t setting_count;
    const struct kw_rule_parameter *parameters;
    size_t parameter_count;
};

/* ---- input ---------------------------------------------------------------- */
struct kw_detect_entry { /* one entry of the journal; borrowed */
    uint64_t position;
    unsigned kind; /* 1 record, 2 check; others only advance */
    bool backfill;
    int64_t received_ms;
    struct kw_view image;
    const uint64_t *found; /* match keys as stored; NULL: taken from the image */
    size_t found_count;
};
/* How earlier entries are read; the image is appended to ret_image. -ENOENT: erased, or no record. */
struct kw_detect_source {
    void *context;
    int (*read)(void *context, uint64_t position, struct kw_buf *ret_image, int64_t *ret_received_ms, unsigned *ret_kind);
};

struct kw_journal_reader;
struct kw_detect_source kw_detect_from_journal(struct kw_journal_reader *reader); /* a reader of the detector's own */

/* ---- output ---------------------------------------------------------------- */
struct kw_fact {
    char code[48];
    char role[24];     /* whom it is about; empty for nobody */
    uint64_t position; /* the record that says it */
    char registry[80]; /* its source registry and country */
    char jurisdiction[4];
    char status[24];               /* registered, declared, … */
    char recorded[40];             /* registration date as in the record, may be empty */
    int64_t as_of_ms;              /* when the hub had it */
    bool inferred;                 /* by the rule, not stated by the owner */
    char reliability, credibility; /* admiralty scale: A-F, 1-6 */
    char params[256];              /* name=value lines, each ended by a newline */
};
struct kw_hit_subject {
    char role[24];
    uint8_t handle[16]; /* keyed; the same person has the same in every hit; never leaves the hub as it is */
    char age_band[8];   /* 0-5, 6-11, 12-15, 16-17, 18+, unknown (presumed child) */
    char registry[80];
};
struct kw_hit {
    char rule[8], reason[48], title[96];
    unsigned version;
    enum kw_rule_state state;
    uint32_t tier, severity, urgency, certainty; /* kinward/rules.h */
    uint64_t subject;                            /* position of the check or document that was inspected */
    int64_t subject_ms;                          /* its received_ms */
    bool backfill;                               /* the subject came as history */
    bool late;                                   /* the rule looks no longer so far back: keeps an alert, makes none */
    char jurisdiction[4];                        /* of the subject record */
    char event_at[40], country[4];
    uint8_t key[KW_HASH_SIZE]; /* keyed hash of the correlation key: one situation, one value */
    struct kw_hit_subject *subjects;
    struct kw_fact *facts;
    struct kw_hit_cause {
        char code[48];
        uint32_t state;
    } * causes;
    struct kw_hit_threshold {
        char name[32];
        int64_t value, limit;
    } * thresholds;
    size_t subject_count, fact_count, cause_count, threshold_count;
};
enum kw_answer { KW_ANSWER_NONE, KW_ANSWER_UNKNOWN, KW_ANSWER_KNOWN, KW_ANSWER_REFER };
struct kw_detection {     /* zero-initialise; reused by the next inspect */
    struct kw_evaluated { /* a rule was asked about a subject: what it said before and does not say now is withdrawn */
        char rule[8];
        uint64_t subject;
    } * evaluated;
    struct kw_hit *hits;
    struct kw_watch { /* a subject, and the keys whose next record makes the rules look at it again; to be kept for a restart */
        uint64_t subject;
        int64_t received_ms;
        bool backfill;
        uint64_t *keys;
        size_t count;
    } * watches;
    size_t evaluated_count, hit_count, watch_count;
    enum kw_answer answer; /* NONE unless the entry is a check */
};
void kw_detection_clear(struct kw_detection *detection);

/* ---- the detector: one thread ------------------------------------------------ */
struct kw_detector;
/* packs: rule packs, linked or from kw_plugin_load; they must live as long as the detector. */
KW_CHECKED int kw_detector_new(const struct kinward_rule_pack *const *packs, size_t pack_count,
                               const struct kw_detect_config *config, const uint8_t vault[32], struct kw_detect_source source,
                               struct kw_detector **ret_detector, struct kw_fault *fault);
void kw_detector_free(struct kw_detector *detector);
void kw_detector_freep(struct kw_detector **detector);
/* At start: only takes the keys of an entry that was inspected before (cursor and below), in the order of positions. */
KW_CHECKED int kw_detect_restore(struct kw_detector *detector, uint64_t position, unsigned kind, const uint64_t *found,
                                 size_t count);
/* The same for the watches of kw_detection, in the order in which they came, those of the last KW_WATCH_DAYS. */
KW_CHECKED int kw_detect_restore_watch(struct kw_detector *detector, const struct kw_watch *watch);
#define KW_WATCH_DAYS 90
/* Takes the next entry (positions ascend) and evaluates what it touches. An entry that touches nothing costs its index
 * insert. On failure nothing is taken: the same entry can be given again. */
KW_CHECKED int kw_detect_inspect(struct kw_detector *detector, const struct kw_detect_entry *entry, struct kw_detection *detection,
                                 struct kw_fault *fault);
/* Evaluates an entry that kw_detect_restore took, and what it touches, as of now_ms. */
KW_CHECKED int kw_detect_again(struct kw_detector *detector, uint64_t position, bool backfill, int64_t now_ms,
                               struct kw_detection *detection, struct kw_fault *fault);
/* For `kinward detect rules`: visits rules with their parameters' values in force and the state for all registries. */
int kw_detect_rules(const struct kw_detector *detector,
                    int (*visit)(void *context, const struct kinward_rule *rule, enum kw_rule_state state, const int64_t *values),
                    void *context);
/* Whether no rule asks about an entry with these stored keys and it touches nothing: kw_detect_restore does, its image unread. */
KW_CHECKED int kw_detect_quiet(const struct kw_detector *detector, unsigned kind, const uint64_t *found, size_t count,
                               bool *ret_quiet);
size_t kw_detect_bytes(const struct kw_detector *detector); /* resident memory of the index */

#endif
