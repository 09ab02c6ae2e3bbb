/* SPDX-License-Identifier: Apache-2.0 */
/* pack.h - what the rules of this pack share. */
#ifndef PACK_H
#define PACK_H

#include "kinward/rules.h"

#include <stdbool.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

extern const struct kinward_rule rule_d5, rule_m3, rule_p5;
extern const struct kinward_rule_pack rules_child_protection;

/* A record and an element of it, as seen through the host. */
struct view {
    const struct kinward_rules_host *host;
    const struct kinward_record *record;
};

struct kinward_text text_at(struct view view, kinward_node from, const char *path);
bool text_is(struct kinward_text text, const char *wanted);
bool is_at(struct view view, kinward_node from, const char *path, const char *wanted);
bool has_role(struct view view, kinward_node party, const char *role);
bool has_one_role(struct view view, kinward_node party, const char *const *roles, size_t count);
kinward_node first_party(struct view view);
kinward_node next_party(struct view view, kinward_node party);
/* Persons of a check: not organizations, not officers. */
bool is_traveller(struct view view, kinward_node party);
bool days_at(struct view view, kinward_node from, const char *path, struct kinward_days *ret_days);
/* The day of the event; when it is missing, false. */
bool event_days(struct view view, struct kinward_days *ret_days);
bool is_check(struct view view);
/* The day on which a document was issued, else that of the event. */
bool issue_days(struct view view, struct kinward_days *ret_days);

enum childhood { ADULT, CHILD, PRESUMED_CHILD };
/* Under 18 on every day that both intervals allow: CHILD. Not shown to be 18: PRESUMED_CHILD, but an escort whose age is not
 * known is taken as ADULT. */
enum childhood childhood_of(struct view view, kinward_node party, struct kinward_days at);
int years_between(int32_t birth, int32_t at);

/* 2026-03-01, or 2026-03-01/2026-03-31 for an interval. */
#define DAYS_SIZE 32
void days_text(struct kinward_days days, char ret_text[DAYS_SIZE]);

/* Another record that concerns a person of the subject record, directly or through a document that was issued to the person. */
struct meeting {
    struct kinward_related with;          /* the record and its party */
    const struct kinward_record *through; /* the document's record; NULL when direct */
    bool exact;                           /* identifiers or documents all the way */
};
/* ret 0, or the first non-zero answer of visit, or a host's error. */
int meet(struct view view, kinward_node party, uint64_t events, int (*visit)(void *context, const struct meeting *meeting),
         void *context);

/* A hit under construction; arrays are bounded, what does not fit is left out from the end. */
struct draft {
    struct kinward_hit hit;
    struct kinward_fact facts[8];
    struct kinward_subject subjects[6];
    struct kinward_cause causes[10];
    struct kinward_threshold thresholds[4];
    struct kinward_text keys[4];
    struct kinward_pair pairs[24];
    char values[24][48];
    uint32_t pair_count;
};
void draft_fact(struct draft *draft, const char *code, const struct kinward_record *record, const char *role, bool inferred);
void draft_param(struct draft *draft, const char *name, struct kinward_text value); /* of the last fact */
void draft_param_days(struct draft *draft, const char *name, struct kinward_days days);
void draft_subject(struct draft *draft, const char *role, const struct kinward_record *record, kinward_node party);
void draft_cause(struct draft *draft, const char *code, enum kinward_cause_state state);
void draft_threshold(struct draft *draft, const char *name, int64_t value, int64_t limit);
void draft_key(struct draft *draft, struct kinward_text text); /* borrowed until draft_emit */
void draft_key_handle(struct draft *draft, struct view view, kinward_node party, char buffer[33]);
int draft_emit(struct draft *draft, const struct kinward_rules_host *host, enum kinward_tier tier, enum kinward_severity severity,
               const char *reason);

#endif
