/* SPDX-License-Identifier: Apache-2.0 */
/* p5.h - between the parts of rule P5: who holds parental authority, what a consent is worth. */
#ifndef P5_H
#define P5_H

#include "pack.h"

struct holder { /* of parental authority, or once a holder */
    const struct kinward_record *record;
    kinward_node party;
    bool firm;                        /* registered, and about this child by exact identifiers */
    bool birth;                       /* a parent by birth or recognition; adopters and guardians are not */
    bool ended;                       /* withdrawn, ended by adoption or order, on the day of the check */
    bool dead;                        /* died for certain before the check */
    const struct kinward_record *end; /* the record that says so */
};

struct family {
    struct view subject;
    kinward_node child;
    struct kinward_days at;
    const struct kinward_record *birth; /* the child's only birth record; NULL: parentage is not known */
    kinward_node birth_child;
    bool birth_exact, ambiguous, uncertain;
    const struct kinward_record *records[32]; /* family records about the child */
    kinward_node children[32];
    bool exact[32];
    uint32_t record_count;
    struct holder holders[16];
    uint32_t holder_count;
};
#define FAMILY_EVENTS                                                                                                              \
    (KINWARD_EVENT_BIT(LIVE_BIRTH) | KINWARD_EVENT_BIT(RECOGNITION) | KINWARD_EVENT_BIT(LEGITIMATION) |                            \
     KINWARD_EVENT_BIT(ADOPTION) | KINWARD_EVENT_BIT(ADOPTION_REVOKED) | KINWARD_EVENT_BIT(GUARDIANSHIP_GRANTED) |                 \
     KINWARD_EVENT_BIT(GUARDIANSHIP_ENDED) | KINWARD_EVENT_BIT(CUSTODY_ORDER))

int family_find(struct family *family);

enum place { HOLDS, HELD, NEVER, NOT_TOLD };
/* What a person is to the child: a holder now, one once, none of those known, or not to be told. ret_holder: which one (HOLDS,
 * HELD). ret_firm: NEVER and HELD rest on identifiers or birth dates, not on names alone. */
enum place family_place(const struct family *family, const struct kinward_record *record, kinward_node party,
                        const struct holder **ret_holder, bool *ret_firm);
/* A death record of the person, by exact identifiers, with the last possible day before `before`. */
int find_death(struct view view, kinward_node party, int32_t before, const struct kinward_record **ret_death);

enum flaw { /* hardest first */
            FLAW_SIGNER_DEAD,
            FLAW_REVOKED,
            FLAW_OTHER_CHILD,
            FLAW_SIGNER_NOT_PARENT,
            FLAW_SIGNER_ENDED,
            FLAW_EXPIRED,
            FLAW_NOT_YET_VALID,
            FLAW_OTHER_DESTINATION,
            FLAW_OTHER_ESCORT,
            FLAW_NONE /* nothing speaks against it, or it cannot be told */
};
struct consent {
    const struct kinward_record *record; /* granted; NULL when there is only a revocation */
    const struct kinward_record *second; /* revocation, death or order behind the flaw */
    enum flaw flaw;
    bool cited, firm;
};
struct consents {
    const struct family *family;
    struct consent list[16];
    uint32_t count;
    bool citing; /* the consent under way is one that the check names */
};
int consents_find(struct consents *consents);
/* A person who travels with the child. */
bool is_escort(struct view subject, kinward_node party, kinward_node child);

#endif
