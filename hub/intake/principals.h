/* SPDX-License-Identifier: Apache-2.0 */
/* principals.h - the actor's own copy of the principals, by name. Private to the room. */
#ifndef KINWARD_INTAKE_PRINCIPALS_H
#define KINWARD_INTAKE_PRINCIPALS_H

#include "journal/journal.h"

struct kw_principals {
    struct kw_principal *items; /* sorted by name */
    size_t count, capacity;
};
KW_CHECKED int kw_principals_load(struct kw_journal_reader *reader, struct kw_principals *ret_principals, struct kw_fault *fault);
void kw_principals_clear(struct kw_principals *principals);
/* The sender of a message: unauthenticated, unknown, revoked and without any of roles each have their code. */
KW_CHECKED int kw_principals_admit(const struct kw_principals *principals, const char *peer, unsigned roles,
                                   const struct kw_principal **ret_principal, struct kw_fault *fault);

#endif
