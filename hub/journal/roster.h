/* SPDX-License-Identifier: Apache-2.0 */
/* roster.h - an actor's own copy of the principals, by name (part of journal.h, which includes it). */
#ifndef KINWARD_JOURNAL_ROSTER_H
#define KINWARD_JOURNAL_ROSTER_H

#include "journal/principal.h"

struct kw_roster {
    struct kw_principal *items; /* sorted by name */
    size_t count, capacity;
};
KW_CHECKED int kw_roster_load(struct kw_journal_reader *reader, struct kw_roster *ret_roster, struct kw_fault *fault);
void kw_roster_clear(struct kw_roster *principals);
/* The sender of a message: unauthenticated, unknown, revoked and without any of roles each have their code. */
KW_CHECKED int kw_roster_admit(const struct kw_roster *principals, const char *peer, unsigned roles,
                               const struct kw_principal **ret_principal, struct kw_fault *fault);

const struct kw_principal *kw_roster_number(const struct kw_roster *principals, uint32_t number); /* NULL: none */

#endif
