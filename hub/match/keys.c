/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - the keyed hashes of a record: its event type, its links, its parties and documents. */
#include "match/match-private.h"

#include "crypto/crypto.h"
#include "kinward/events.h"

#include <errno.h>
#include <string.h>

static uint64_t key_of(const uint8_t secret[32], enum kw_match_kind kind, struct kw_view text)
{
    uint8_t tweaked[16];

    for (size_t i = 0; i < sizeof(tweaked); i++)
        tweaked[i] = secret[i];
    tweaked[0] ^= (uint8_t)kind;
    return ((uint64_t)kind << 56) | (kw_siphash64(tweaked, text.data, text.size) & UINT64_C(0x00ffffffffffffff));
}

struct collect {
    const uint8_t *secret;
    kw_match_emit emit;
    void *context;
    size_t count;
};

static int give(struct collect *collect, uint64_t key)
{
    if (++collect->count > KW_LIMIT_MATCH_KEYS)
        return -E2BIG;
    return collect->emit(collect->context, key);
}

static int give_value(void *context, enum kw_match_kind kind, struct kw_view text, size_t scope)
{
    struct collect *collect = context;

    return give(collect, key_of(collect->secret, kind, text));
}

int kw_match_node_keys(const struct kw_image *image, kw_node node, const uint8_t secret[32], unsigned kinds, kw_match_emit emit,
                       void *context)
{
    struct collect collect = {secret, emit, context, 0};
    KW_AUTO(kw_buf_clear) struct kw_buf scratch = {0};

    return kw_match_values(image, node, kinds, &scratch, give_value, &collect);
}

/* ---- links ------------------------------------------------------------------ */

/* The parts are hashed one by one, so that no two pairs run together. */
static uint64_t link_key(const uint8_t secret[32], char what, struct kw_view a, struct kw_view b)
{
    struct {
        uint64_t a, b, what;
    } pair = {kw_siphash64(secret, a.data, a.size), kw_siphash64(secret, b.data, b.size), (uint64_t)what};

    return key_of(secret, KW_MATCH_RECORD, (struct kw_view){(const uint8_t *)&pair, sizeof(pair)});
}

static int give_link(struct collect *collect, char what, struct kw_view a, struct kw_view b)
{
    return b.size == 0 ? 0 : give(collect, link_key(collect->secret, what, a, b));
}

static struct kw_view text_of(const struct kw_image *image, kw_node node, enum kw_name name)
{
    kw_node child = kw_image_child(image, node, name);

    return child == KW_NONE ? (struct kw_view){0} : kw_image_text(image, child);
}

static int record_link(struct collect *collect, const struct kw_image *image, kw_node link)
{
    struct kw_view registry = text_of(image, link, KW_N_registry), country = text_of(image, link, KW_N_jurisdiction);
    int r;

    if (registry.size == 0)
        registry = kw_image_at(image, 0, KW_PATH(KW_N_sourceRecord, KW_N_registry));
    if (country.size == 0)
        country = kw_image_at(image, 0, KW_PATH(KW_N_sourceRecord, KW_N_jurisdiction));
    r = give_link(collect, 'r', registry, text_of(image, link, KW_N_id));
    return r == 0 ? give_link(collect, 'n', country, text_of(image, link, KW_N_registrationNumber)) : r;
}

int kw_match_link_keys(const struct kw_image *image, kw_node node, const uint8_t secret[32], kw_match_emit emit, void *context)
{
    struct collect collect = {secret, emit, context, 0};
    enum kw_name name = kw_image_name(image, node);
    kw_node link;
    int r = 0;

    if (name == KW_N_consent) {
        r = give_link(&collect, 'c', (struct kw_view){0}, text_of(image, node, KW_N_number));
        link = kw_image_child(image, node, KW_N_record);
        return r == 0 && link != KW_NONE ? record_link(&collect, image, link) : r;
    }
    if (name == KW_N_travelConsent)
        return give_link(&collect, 'c', (struct kw_view){0}, text_of(image, node, KW_N_number));
    if (name == KW_N_notice)
        return give_link(&collect, 'm', kw_image_at(image, 0, KW_PATH(KW_N_sourceRecord, KW_N_jurisdiction)),
                         text_of(image, node, KW_N_number));
    if (name == KW_N_relatedRecord) {
        link = kw_image_child(image, node, KW_N_record);
        return link != KW_NONE ? record_link(&collect, image, link) : 0;
    }
    if (name == KW_N_record)
        return node != 0 ? record_link(&collect, image, node) : 0;
    return record_link(&collect, image, node);
}

uint64_t kw_match_record_key(const uint8_t secret[32], struct kw_view registry, struct kw_view source_id)
{
    return link_key(secret, 'r', registry, source_id);
}

static int own_keys(struct collect *collect, const struct kw_image *image)
{
    int r = give_link(collect, 'r', kw_image_at(image, 0, KW_PATH(KW_N_sourceRecord, KW_N_registry)),
                      kw_image_at(image, 0, KW_PATH(KW_N_sourceRecord, KW_N_id)));

    return r == 0 ? give_link(collect, 'n', kw_image_at(image, 0, KW_PATH(KW_N_sourceRecord, KW_N_jurisdiction)),
                              kw_image_at(image, 0, KW_PATH(KW_N_registration, KW_N_number)))
                  : r;
}

int kw_match_own_keys(const struct kw_image *image, const uint8_t secret[32], kw_match_emit emit, void *context)
{
    struct collect collect = {secret, emit, context, 0};

    return own_keys(&collect, image);
}

/* ---- handle -------------------------------------------------------------------- */

struct strongest {
    enum kw_match_kind kind;
    struct kw_buf text;
};

static int stronger(void *context, enum kw_match_kind kind, struct kw_view text, size_t scope)
{
    struct strongest *best = context;
    size_t common = text.size < best->text.size ? text.size : best->text.size;
    int order = common == 0 ? 0 : memcmp(text.data, best->text.data, common);

    if (best->kind != 0 &&
        (kind > best->kind || (kind == best->kind && (order > 0 || (order == 0 && text.size >= best->text.size)))))
        return 0;
    best->kind = kind;
    best->text.size = 0;
    return kw_buf_append(&best->text, text.data, text.size);
}

int kw_match_handle(const struct kw_image *image, kw_node node, const uint8_t secret[32], uint8_t ret_handle[16])
{
    KW_AUTO(kw_buf_clear) struct kw_buf scratch = {0};
    struct strongest best = {0};
    int r = kw_match_values(image, node, ~0u, &scratch, stronger, &best);

    if (r == 0 && best.kind == 0) {
        struct kw_view registry = kw_image_at(image, 0, KW_PATH(KW_N_sourceRecord, KW_N_registry));
        struct kw_view id = kw_image_at(image, 0, KW_PATH(KW_N_sourceRecord, KW_N_id));

        if ((r = kw_put_item(&best.text, registry.data, registry.size)) == 0 &&
            (r = kw_put_item(&best.text, id.data, id.size)) == 0)
            r = kw_buf_u32(&best.text, node);
    }
    if (r == 0)
        kw_siphash128(secret + 16, best.text.data, best.text.size, ret_handle);
    kw_buf_clear(&best.text);
    return r;
}

/* ---- the whole record --------------------------------------------------------- */

static uint64_t event_key(struct kw_view event)
{
    static const struct {
        unsigned number;
        const char *text;
    } events[] = {
#define KINWARD_EVENT(number, name, text) {number, text},
        KINWARD_EVENTS(KINWARD_EVENT)
#undef KINWARD_EVENT
    };

    for (size_t i = 0; i < KW_COUNT(events); i++)
        if (kw_view_is(event, events[i].text))
            return ((uint64_t)KW_MATCH_EVENT << 56) | events[i].number;
    return (uint64_t)KW_MATCH_EVENT << 56;
}

static int node_keys(struct collect *collect, const struct kw_image *image, kw_node node, struct kw_buf *scratch)
{
    switch (kw_image_name(image, node)) {
    case KW_N_supersedes:
    case KW_N_voids:
    case KW_N_travelConsent:
    case KW_N_notice:
    case KW_N_relatedRecord:
        return kw_match_link_keys(image, node, collect->secret, collect->emit, collect->context);
    case KW_N_check: {
        int r = 0;

        for (kw_node consent = kw_image_child(image, node, KW_N_consent); r == 0 && consent != KW_NONE;
             consent = kw_image_next(image, consent, KW_N_consent))
            r = kw_match_link_keys(image, consent, collect->secret, collect->emit, collect->context);
        return r;
    }
    case KW_N_party:
    case KW_N_document:
        return kw_match_values(image, node, ~0u, scratch, give_value, collect);
    default:
        return 0;
    }
}

static int count_and_give(void *context, uint64_t key)
{
    return give(context, key);
}

int kw_match_keys(const struct kw_image *image, const uint8_t secret[32], kw_match_emit emit, void *context)
{
    struct collect bound = {secret, emit, context, 0};
    struct collect collect = {secret, count_and_give, &bound, 0};
    KW_AUTO(kw_buf_clear) struct kw_buf scratch = {0};
    int r;

    r = give(&bound, event_key(kw_image_at(image, 0, KW_PATH(KW_N_eventType))));
    if (r == 0)
        r = own_keys(&collect, image);
    for (kw_node node = kw_image_first(image, 0); r == 0 && node != KW_NONE; node = kw_image_sibling(image, node))
        r = node_keys(&collect, image, node, &scratch);
    return r;
}
