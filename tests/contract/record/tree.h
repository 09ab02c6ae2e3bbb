/* SPDX-License-Identifier: Apache-2.0 */
/* tree.h - a small element tree to be mutated and written again, as XML or as ill as the mutation made it. */
#ifndef KINWARD_TEST_TREE_H
#define KINWARD_TEST_TREE_H

#include "xml/xml.h"

#define TREE_NODES      600
#define TREE_ATTRIBUTES 12
#define TREE_CHILDREN   64
#define TREE_TEXT       8192

struct element {
    char name[64];
    char attributes[TREE_ATTRIBUTES][2][128];
    int attribute_count;
    char *text;     /* of a leaf; NULL when it has none */
    char stray[16]; /* text before the first child */
    int children[TREE_CHILDREN];
    int child_count, parent;
};

struct tree {
    struct element elements[TREE_NODES];
    int count; /* element 0 is the root */
};

/* Deterministic numbers (xorshift64*). */
struct dice {
    uint64_t state;
};
uint64_t dice_next(struct dice *dice);
int dice_below(struct dice *dice, int limit);

void tree_clear(struct tree *tree);
void tree_read(struct tree *tree, const struct kw_xml *document);
void tree_set_text(struct tree *tree, int element, const char *text);
void tree_write(const struct tree *tree, const char *space, struct kw_buf *out);
int tree_copy(struct tree *tree, int from, int parent); /* the subtree, as the last child of parent; -1 when full */

#endif
