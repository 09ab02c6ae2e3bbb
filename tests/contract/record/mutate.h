/* SPDX-License-Identifier: Apache-2.0 */
/* mutate.h - one to three changes of a document, such as a wrong mapping or a hostile sender would make. */
#ifndef KINWARD_TEST_MUTATE_H
#define KINWARD_TEST_MUTATE_H

#include "record/tables.h"
#include "tree.h"

/* work becomes a changed copy of one of the seeds; new names come from tables. */
void mutate(struct tree *work, struct tree *seeds, int seed_count, const struct kw_tables *tables, struct dice *dice);

#endif
