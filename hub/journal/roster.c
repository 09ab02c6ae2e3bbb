/* SPDX-License-Identifier: Apache-2.0 */
/* roster.c - who may say what at an endpoint. */
#include "journal/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct kw_principal *)a)->name, ((const struct kw_principal *)b)->name);
}

static int add(void *context, const struct kw_principal *principal)
{
    struct kw_roster *principals = context;
    if (principals->count == principals->capacity) {
        size_t capacity = principals->capacity ? 2 * principals->capacity : 16;
        struct kw_principal *items = kw_resize(principals->items, capacity * sizeof *items);
        if (!items)
            return -ENOMEM;
        principals->items = items;
        principals->capacity = capacity;
    }
    principals->items[principals->count++] = *principal;
    return 0;
}

int kw_roster_load(struct kw_journal_reader *reader, struct kw_roster *ret_roster, struct kw_fault *fault)
{
    struct kw_roster principals = {0};
    int r = kw_journal_principal_list(reader, add, &principals, fault);
    if (r < 0) {
        kw_free(principals.items);
        return r;
    }
    if (principals.count)
        qsort(principals.items, principals.count, sizeof *principals.items, compare);
    kw_roster_clear(ret_roster);
    *ret_roster = principals;
    return 0;
}

void kw_roster_clear(struct kw_roster *principals)
{
    kw_free(principals->items);
    *principals = (struct kw_roster){0};
}

static int by_name(const void *name, const void *item)
{
    return strcmp(name, ((const struct kw_principal *)item)->name);
}

int kw_roster_admit(const struct kw_roster *principals, const char *peer, unsigned roles, const struct kw_principal **ret_principal,
                    struct kw_fault *fault)
{
    const struct kw_principal *found = NULL;
    if (!peer[0])
        return kw_fail(fault, -EACCES, KW_E_UNAUTHENTICATED, "peer", "%s", kw_code_text(KW_E_UNAUTHENTICATED));
    if (principals->count)
        found = bsearch(peer, principals->items, principals->count, sizeof *principals->items, by_name);
    if (!found)
        return kw_fail(fault, -EACCES, KW_E_FORBIDDEN, "peer", "is no principal of this hub");
    if (found->revoked)
        return kw_fail(fault, -EACCES, KW_E_REVOKED, "peer", "%s", kw_code_text(KW_E_REVOKED));
    if (!(found->roles & roles))
        return kw_fail(fault, -EACCES, KW_E_FORBIDDEN, "role", "%s", kw_code_text(KW_E_FORBIDDEN));
    *ret_principal = found;
    return 0;
}

const struct kw_principal *kw_roster_number(const struct kw_roster *principals, uint32_t number)
{
    for (size_t i = 0; i < principals->count; i++) {
        if (principals->items[i].number == number)
            return &principals->items[i];
    }
    return NULL;
}
