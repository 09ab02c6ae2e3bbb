/* SPDX-License-Identifier: Apache-2.0 */
/* find.c - candidates for a party from the index. */
#include "match/match-private.h"

#include <errno.h>
#include <stdlib.h>

struct found {
    const struct kw_match_query *query;
    const struct kw_match_index *index;
    struct kw_match_candidate *list;
    size_t count, room;
    enum kw_match_kind kind;
};

static int add(void *context, uint64_t position)
{
    struct found *found = context;

    if (found->query->wanted != NULL && !found->query->wanted(found->query->context, position))
        return 0;
    if (found->count == found->room) {
        size_t room = found->room == 0 ? 16 : found->room * 2;
        struct kw_match_candidate *list = kw_resize(found->list, room * sizeof(*list));

        if (list == NULL)
            return -ENOMEM;
        found->list = list;
        found->room = room;
    }
    found->list[found->count++] = (struct kw_match_candidate){position, found->kind, kw_match_bits(found->kind)};
    return 0;
}

static int look(void *context, uint64_t key)
{
    struct found *found = context;

    found->kind = kw_match_key_kind(key);
    return kw_match_index_find(found->index, key, add, found);
}

static int by_position(const void *a, const void *b)
{
    const struct kw_match_candidate *x = a, *y = b;

    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return (x->basis > y->basis) - (x->basis < y->basis);
}

int kw_match_find(const struct kw_match_index *index, const struct kw_match_query *query,
                  struct kw_match_candidate **ret_candidates, size_t *ret_count)
{
    struct found found = {.query = query, .index = index};
    size_t kept = 0;
    int r;

    r = kw_match_node_keys(query->image, query->node, query->secret, query->kinds, look, &found);
    if (r < 0) {
        kw_free(found.list);
        return r;
    }
    if (found.count > 1)
        qsort(found.list, found.count, sizeof(*found.list), by_position);
    for (size_t i = 0; i < found.count; i++)
        if (kept == 0 || found.list[kept - 1].position != found.list[i].position)
            found.list[kept++] = found.list[i];
    *ret_candidates = found.list;
    *ret_count = kept;
    return 0;
}
