/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - which earlier subject is to be looked at again when a record with some key comes. */
#include "detect/private.h"

#include <errno.h>
#include <stdlib.h>

#define STRETCH_MS (INT64_C(86400000) * KW_WATCH_DAYS)

static void generation_clear(struct generation *generation)
{
    kw_match_index_free(generation->index);
    kw_free(generation->list);
    *generation = (struct generation){0};
}

void kw_watches_clear(struct watches *watches)
{
    generation_clear(&watches->generations[0]);
    generation_clear(&watches->generations[1]);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t digest_of(const uint64_t *keys, size_t count)
{
    uint64_t digest = count;

    for (size_t i = 0; i < count; i++)
        digest = (digest ^ keys[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return digest;
}

struct lookup {
    const struct generation *generation;
    struct subjects *subjects;
    uint64_t subject, digest; /* or: is there this one already */
    bool there;
};

static int is_there(void *context, uint64_t number)
{
    struct lookup *lookup = context;
    const struct watched *watched = &lookup->generation->list[number - 1];

    lookup->there |= watched->subject == lookup->subject && watched->digest == lookup->digest;
    return lookup->there;
}

static int generation_start(struct watches *watches, int64_t now_ms)
{
    struct generation fresh = {.since_ms = now_ms};
    int r = kw_match_index_new(&fresh.index);

    if (r < 0)
        return r;
    generation_clear(&watches->generations[1]);
    watches->generations[1] = watches->generations[0];
    watches->generations[0] = fresh;
    return 0;
}

int kw_watches_add(struct watches *watches, const struct kw_watch *watch)
{
    struct generation *now = &watches->generations[0];
    uint64_t digest;
    int r;

    if (watch->count == 0)
        return 0;
    qsort(watch->keys, watch->count, sizeof(*watch->keys), by_value);
    digest = digest_of(watch->keys, watch->count);
    if (now->index == NULL || watch->received_ms - now->since_ms > STRETCH_MS) {
        r = generation_start(watches, watch->received_ms);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < 2; i++) {
        struct lookup lookup = {.generation = &watches->generations[i], .subject = watch->subject, .digest = digest};

        if (lookup.generation->index != NULL)
            kw_match_index_find(lookup.generation->index, watch->keys[0], is_there, &lookup);
        if (lookup.there)
            return -EALREADY;
    }
    if (now->count == now->room) {
        size_t room = now->room == 0 ? 64 : now->room * 2;
        struct watched *list = kw_resize(now->list, room * sizeof(*list));

        if (list == NULL)
            return -ENOMEM;
        now->list = list;
        now->room = room;
    }
    r = kw_match_index_add(now->index, now->count + 1, watch->keys, watch->count, NULL);
    if (r < 0)
        return r;
    now->list[now->count++] = (struct watched){watch->subject, digest, watch->received_ms, watch->backfill};
    return 0;
}

static int take(void *context, uint64_t number)
{
    struct lookup *lookup = context;
    struct subjects *subjects = lookup->subjects;
    const struct watched *watched = &lookup->generation->list[number - 1];

    for (size_t i = 0; i < subjects->count; i++)
        if (subjects->list[i].subject == watched->subject)
            return 0;
    if (subjects->count == subjects->room) {
        size_t room = subjects->room == 0 ? 16 : subjects->room * 2;
        struct watched *list = kw_resize(subjects->list, room * sizeof(*list));

        if (list == NULL)
            return -ENOMEM;
        subjects->list = list;
        subjects->room = room;
    }
    subjects->list[subjects->count++] = *watched;
    return 0;
}

int kw_watches_find(const struct watches *watches, const uint64_t *keys, size_t count, struct subjects *subjects)
{
    for (size_t i = 0; i < 2; i++) {
        struct lookup lookup = {.generation = &watches->generations[i], .subjects = subjects};
        int r = 0;

        if (lookup.generation->index == NULL)
            continue;
        for (size_t k = 0; r == 0 && k < count; k++)
            r = kw_match_index_find(lookup.generation->index, keys[k], take, &lookup);
        if (r < 0)
            return r;
    }
    return 0;
}
