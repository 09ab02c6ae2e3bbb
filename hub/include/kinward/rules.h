/* SPDX-License-Identifier: Apache-2.0 */
/* kinward/rules.h - the contract between the hub and a rule pack (plugin kind "rule pack"; may change until 2.0).
 *
 * A rule is pure: what it sees is the subject record, earlier records that
 * the host relates to it, its parameters, and the time at which the entry
 * under evaluation entered the journal. The same journal gives the same hits.
 * It states what records contradict. It never sees nationality, ethnicity or
 * the origin of a name as a reason: no such field may be asked for.
 *
 * All texts and records are borrowed until inspect returns. A rule may call
 * the host only from within inspect, from the same thread.
 */
#ifndef KINWARD_RULES_H
#define KINWARD_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "kinward/events.h"

#define KINWARD_RULES_MAJOR 0u /* must be equal */
#define KINWARD_RULES_MINOR 1u /* grows when a member is appended */

enum kinward_tier { KINWARD_TIER_A = 1, KINWARD_TIER_B, KINWARD_TIER_C };
/* Common Alerting Protocol 1.2 terms. */
enum kinward_severity { KINWARD_MINOR = 1, KINWARD_MODERATE, KINWARD_SEVERE, KINWARD_EXTREME };
enum kinward_urgency { KINWARD_PAST = 1, KINWARD_FUTURE, KINWARD_EXPECTED, KINWARD_IMMEDIATE };
enum kinward_certainty { KINWARD_POSSIBLE = 1, KINWARD_LIKELY, KINWARD_OBSERVED };
enum kinward_cause_state { KINWARD_UNKNOWN = 0, KINWARD_EXCLUDED, KINWARD_PRESENT };
/* What two records have in common; a lower number is stronger. 0: nothing that can be compared. */
enum kinward_basis { KINWARD_BASIS_IDENTIFIER = 1, KINWARD_BASIS_DOCUMENT = 2, KINWARD_BASIS_NAME_BIRTH = 3 };
#define KINWARD_BASIS_BIT(basis) (1u << (basis))
#define KINWARD_BASIS_EXACT      (KINWARD_BASIS_BIT(KINWARD_BASIS_IDENTIFIER) | KINWARD_BASIS_BIT(KINWARD_BASIS_DOCUMENT))
#define KINWARD_BASIS_ANY        (KINWARD_BASIS_EXACT | KINWARD_BASIS_BIT(KINWARD_BASIS_NAME_BIRTH))
/* Whether a record proves something. */
enum kinward_standing {
    KINWARD_REGISTERED = 1, /* registered or amended: a fact of its registry */
    KINWARD_WAITING = 2,    /* declared, notified: proves nothing in tier A */
    KINWARD_WITHOUT = 3     /* voided, draft, archived */
};
enum kinward_likeness { KINWARD_SAME = 1, KINWARD_DIFFERENT = 2, KINWARD_NOT_KNOWN = 3 };

struct kinward_text { /* UTF-8, not NUL-terminated */
    const char *data;
    size_t size;
};
struct kinward_days { /* inclusive days since 1970-01-01: a date with its precision */
    int32_t first, last;
};
struct kinward_record;         /* one version of one event */
typedef uint32_t kinward_node; /* an element of it; 0 is the record */
#define KINWARD_NO_NODE UINT32_MAX

struct kinward_related {
    const struct kinward_record *record;
    uint32_t basis;     /* enum kinward_basis */
    kinward_node party; /* the party that agrees; KINWARD_NO_NODE when only a document does */
};

struct kinward_pair {
    const char *name, *value;
};
struct kinward_fact {
    const char *code; /* of the message catalogue, "death-registered" */
    const struct kinward_record *record;
    const char *role;                  /* whom it is about, "holder"; NULL for nobody */
    uint32_t inferred;                 /* 1: drawn by the rule from several records; 0: stated by the record's registry */
    const struct kinward_pair *params; /* dates and codes; never a name, number or place of a person */
    uint32_t param_count;
};
struct kinward_subject {
    const char *role; /* "child", "escort", "signer", "holder" */
    const struct kinward_record *record;
    kinward_node party;
};
struct kinward_cause {
    const char *code;
    uint32_t state; /* enum kinward_cause_state */
};
struct kinward_threshold {
    const char *name;
    int64_t value, limit;
};
struct kinward_hit {
    uint32_t size; /* sizeof */
    uint32_t tier, severity, urgency, certainty;
    const char *reason;             /* variant within the rule, "consent-revoked" */
    const struct kinward_text *key; /* correlation: what makes two hits the same situation */
    const struct kinward_subject *subjects;
    const struct kinward_fact *facts; /* the first is the subject record's */
    const struct kinward_threshold *thresholds;
    const struct kinward_cause *causes;
    uint32_t key_count, subject_count, fact_count, threshold_count, cause_count;
};

/* Services. Paths are element names parted by '/', from an element of the record. */
struct kinward_rules_host {
    uint32_t size;
    uint32_t minor;
    void *context;
    struct kinward_text (*text)(void *context, const struct kinward_record *record, kinward_node from, const char *path);
    kinward_node (*find)(void *context, const struct kinward_record *record, kinward_node from, const char *path);
    kinward_node (*next)(void *context, const struct kinward_record *record, kinward_node node); /* next of the same name */
    /* 1 and the interval of days at path (a date, or an instant on the day of its own offset); 0 when there is none. */
    int (*days)(void *context, const struct kinward_record *record, kinward_node from, const char *path,
                struct kinward_days *ret_days);
    uint32_t (*event)(const struct kinward_record *record);
    uint32_t (*standing)(const struct kinward_record *record);
    uint64_t (*position)(const struct kinward_record *record);
    /* The day on which the entry under evaluation came in: the only clock. */
    int32_t (*today)(void *context);
    int64_t (*parameter)(void *context, const char *name);
    /* Current versions (not superseded, not voided) of earlier records of these events (mask of 1 << event) that share an
     * identifier, a document or name and birth date (mask of 1 << basis) with a party or a document; ascending by position;
     * never the record itself. A non-zero answer of visit stops and is returned. Negative: give it up and return it. */
    int (*related)(void *context, const struct kinward_record *record, kinward_node node, uint64_t events, uint32_t bases,
                   int (*visit)(void *visit_context, const struct kinward_related *related), void *visit_context);
    /* Current records of these events that share a link with an element: a RecordLink, a consent of a check, a notice, a
     * travelConsent. */
    int (*linked)(void *context, const struct kinward_record *record, kinward_node link, uint64_t events,
                  int (*visit)(void *visit_context, const struct kinward_related *related), void *visit_context);
    /* enum kinward_likeness of two parties; ret_basis: what it rests on, 0 for names alone. */
    uint32_t (*compare)(void *context, const struct kinward_record *a, kinward_node a_party, const struct kinward_record *b,
                        kinward_node b_party, uint32_t *ret_basis);
    /* A stable keyed handle of the person, for correlation: 32 hex digits and NUL. */
    void (*handle)(void *context, const struct kinward_record *record, kinward_node party, char ret_handle[33]);
    int (*emit)(void *context, const struct kinward_hit *hit); /* copies */
};

struct kinward_rule_parameter {
    const char *name;
    int64_t fallback, low, high;
    const char *help; /* with the unit */
};
struct kinward_rule {
    uint32_t size;
    const char *id; /* "D5" */
    uint32_t version;
    const char *title;
    uint32_t tier;
    uint64_t subjects; /* events that it inspects */
    uint64_t evidence; /* events whose arrival makes it inspect earlier subjects of the same persons again */
    const struct kinward_rule_parameter *parameters;
    uint32_t parameter_count;
    /* 0 (with or without hits), or a negative answer of the host. */
    int (*inspect)(const struct kinward_rules_host *host, const struct kinward_record *subject);
};
/* Operations table of the plugin. */
struct kinward_rule_pack {
    uint32_t size, major, minor;
    const struct kinward_rule *const *rules;
    uint32_t rule_count;
};

#endif
