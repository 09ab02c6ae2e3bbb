/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c - two parties by their normal values: the same, different, or not to be told. */
#include "match/match-private.h"

#include <errno.h>
#include <string.h>

/* Start weights of the matching reference, section 4.3; name and birth date: a full date and a name of common frequency. */
unsigned kw_match_bits(enum kw_match_kind kind)
{
    switch (kind) {
    case KW_MATCH_IDENTIFIER:
    case KW_MATCH_DOCUMENT:
        return 20;
    case KW_MATCH_NAME_BIRTH:
        return 18;
    default:
        return 0;
    }
}

struct list { /* kind, scope, text: one after the other */
    struct kw_buf bytes;
};

static int remember(void *context, enum kw_match_kind kind, struct kw_view text, size_t scope)
{
    struct list *list = context;
    int r = kw_buf_u16(&list->bytes, (uint16_t)kind);

    if (r == 0)
        r = kw_buf_u32(&list->bytes, (uint32_t)scope);
    return r == 0 ? kw_put_item(&list->bytes, text.data, text.size) : r;
}

struct against {
    struct kw_view list; /* of the other party */
    enum kw_match_kind same;
    unsigned agree;
    bool scope_differs; /* the same type and issuer, other number */
};

static int weigh(void *context, enum kw_match_kind kind, struct kw_view text, size_t scope)
{
    struct against *against = context;
    struct kw_view rest = against->list;
    bool comparable = false, equal = false;

    while (rest.size > 0) {
        struct kw_view other;
        uint16_t other_kind;
        uint32_t other_scope;

        if (kw_take_u16(&rest, &other_kind) < 0 || kw_take_u32(&rest, &other_scope) < 0 || kw_take_item(&rest, &other) < 0)
            return -EBADMSG;
        if (other_kind != kind)
            continue;
        if (kw_view_equal(other, text))
            equal = true;
        else if (scope > 0 && other_scope == scope && memcmp(other.data, text.data, scope) == 0)
            comparable = true;
    }
    if (equal)
        against->agree |= KW_MATCH_BIT(kind);
    if (equal && (against->same == 0 || kind < against->same))
        against->same = kind;
    if (comparable && !equal && kind == KW_MATCH_IDENTIFIER) /* a person may hold several documents, not several numbers */
        against->scope_differs = true;
    return 0;
}

static bool share_word(struct kw_view a, struct kw_view b)
{
    size_t start = 0;

    for (size_t i = 0; i <= a.size; i++) {
        size_t from = 0;

        if (i < a.size && a.data[i] != ' ')
            continue;
        for (size_t k = 0; k <= b.size; k++) {
            if (k < b.size && b.data[k] != ' ')
                continue;
            if (k > from && k - from == i - start && memcmp(a.data + start, b.data + from, k - from) == 0)
                return true;
            from = k + 1;
        }
        start = i + 1;
    }
    return false;
}

/* ret_both: both have a name; ret_shared: some word of some name is in both; ret_equal: some name is word for word the same. */
static int compare_names(const struct kw_image *a, kw_node a_node, const struct kw_image *b, kw_node b_node, bool *ret_both,
                         bool *ret_shared, bool *ret_equal)
{
    KW_AUTO(kw_buf_clear) struct kw_buf one = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf other = {0};
    int r;

    *ret_both = *ret_shared = *ret_equal = false;
    for (kw_node x = kw_image_child(a, a_node, KW_N_name); x != KW_NONE; x = kw_image_next(a, x, KW_N_name)) {
        one.size = 0;
        if ((r = kw_match_name(a, x, &one)) < 0)
            return r;
        for (kw_node y = kw_image_child(b, b_node, KW_N_name); one.size > 0 && y != KW_NONE; y = kw_image_next(b, y, KW_N_name)) {
            other.size = 0;
            if ((r = kw_match_name(b, y, &other)) < 0)
                return r;
            *ret_both |= other.size > 0;
            *ret_equal |= kw_view_equal(kw_view_of(&one), kw_view_of(&other));
            *ret_shared |= share_word(kw_view_of(&one), kw_view_of(&other));
        }
    }
    return 0;
}

int kw_match_compare(const struct kw_image *a, kw_node a_node, const struct kw_image *b, kw_node b_node,
                     struct kw_match_comparison *ret_comparison)
{
    struct list list = {0};
    struct against against = {0};
    struct kw_match_comparison result = {KW_LIKE_NOT_KNOWN, 0, 0, 0};
    struct kw_date_range x, y;
    KW_AUTO(kw_buf_clear) struct kw_buf scratch = {0};
    bool both = false, shared = false, equal = false, dates;
    int r;

    r = kw_match_values(b, b_node, ~0u, &scratch, remember, &list);
    against.list = kw_view_of(&list.bytes);
    if (r == 0)
        r = kw_match_values(a, a_node, ~0u, &scratch, weigh, &against);
    kw_buf_clear(&list.bytes);
    if (r == 0)
        r = compare_names(a, a_node, b, b_node, &both, &shared, &equal);
    if (r < 0)
        return r;
    dates = kw_match_birth(a, a_node, &x) == 1 && kw_match_birth(b, b_node, &y) == 1;
    if (against.same == KW_MATCH_IDENTIFIER || against.same == KW_MATCH_DOCUMENT)
        result = (struct kw_match_comparison){KW_LIKE_SAME, against.same, kw_match_bits(against.same), 0};
    else if (against.scope_differs)
        result = (struct kw_match_comparison){KW_LIKE_DIFFERENT, KW_MATCH_IDENTIFIER, 0, 0};
    else if (against.same == KW_MATCH_NAME_BIRTH)
        result = (struct kw_match_comparison){KW_LIKE_SAME, against.same, kw_match_bits(against.same), 0};
    else if (dates && (x.last < y.first || y.last < x.first))
        result = (struct kw_match_comparison){KW_LIKE_DIFFERENT, KW_MATCH_NAME_BIRTH, 0, 0};
    else if (both && !shared)
        result = (struct kw_match_comparison){KW_LIKE_DIFFERENT, 0, 0, 0};
    result.agree = against.agree;
    *ret_comparison = result;
    return 0;
}

int kw_match_party(const struct kw_image *image, kw_node node, const struct kw_image *other, unsigned kinds, kw_node *ret_party,
                   struct kw_match_comparison *ret_comparison)
{
    struct kw_match_comparison best = {KW_LIKE_NOT_KNOWN, 0, 0, 0};
    kw_node party = KW_NONE;

    for (kw_node at = kw_image_child(other, 0, KW_N_party); at != KW_NONE; at = kw_image_next(other, at, KW_N_party)) {
        struct kw_match_comparison one;
        int r = kw_match_compare(image, node, other, at, &one);

        if (r < 0)
            return r;
        if (one.likeness != KW_LIKE_SAME || (one.agree & kinds) == 0)
            continue;
        one.basis = (enum kw_match_kind)__builtin_ctz(one.agree & kinds); /* a lower number is stronger */
        one.bits = kw_match_bits(one.basis);
        if (party == KW_NONE || one.basis < best.basis) {
            best = one;
            party = at;
        }
    }
    *ret_party = party;
    *ret_comparison = best;
    return 0;
}
