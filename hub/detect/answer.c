/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - what a check is answered: refer, known, or unknown. */
#include "detect/private.h"

#include <string.h>

#define CIVIL                                                                                                                      \
    (KINWARD_EVENT_BIT(LIVE_BIRTH) | KINWARD_EVENT_BIT(ADOPTION) | KINWARD_EVENT_BIT(DOCUMENT_ISSUED) |                            \
     KINWARD_EVENT_BIT(DOCUMENT_RENEWED) | KINWARD_EVENT_BIT(RECOGNITION) | KINWARD_EVENT_BIT(NAME_CHANGE))

static bool has_role(const struct kw_image *image, kw_node party, const char *role)
{
    for (kw_node node = kw_image_child(image, party, KW_N_role); node != KW_NONE; node = kw_image_next(image, node, KW_N_role))
        if (kw_view_is(kw_image_text(image, node), role))
            return true;
    return false;
}

/* Whom the check is about: the child, else the holder of the paper, else the first person. */
static kw_node checked_person(const struct kw_image *image)
{
    static const char *const roles[] = {"child", "document_holder", "subject"};

    for (size_t i = 0; i < KW_COUNT(roles); i++)
        for (kw_node party = kw_image_child(image, 0, KW_N_party); party != KW_NONE;
             party = kw_image_next(image, party, KW_N_party))
            if (has_role(image, party, roles[i]))
                return party;
    return kw_image_child(image, 0, KW_N_party);
}

struct persons {
    struct kw_detector *detector;
    struct {
        const struct kinward_record *record;
        kinward_node party;
    } seen[32];
    size_t count;
    bool several;
};

static int see(void *context, const struct kinward_related *related)
{
    struct persons *persons = context;

    if (related->record->standing != KINWARD_REGISTERED || related->party == KINWARD_NO_NODE)
        return 0;
    for (size_t i = 0; i < persons->count; i++) {
        uint32_t basis, likeness = kw_rules_host.compare(persons->detector, related->record, related->party,
                                                         persons->seen[i].record, persons->seen[i].party, &basis);

        if (likeness == KINWARD_DIFFERENT)
            persons->several = true;
    }
    if (persons->count == KW_COUNT(persons->seen))
        return 0;
    persons->seen[persons->count].record = related->record;
    persons->seen[persons->count++].party = related->party;
    return 0;
}

int kw_detect_answer(struct kw_detector *detector, struct kinward_record *check, enum kw_answer *ret_answer)
{
    struct persons persons = {.detector = detector};
    const struct kw_detection *detection = detector->detection;
    kw_node person = checked_person(&check->image);
    bool fires = false;
    int r = 0;

    *ret_answer = KW_ANSWER_UNKNOWN;
    for (size_t i = 0; i < detection->hit_count; i++) {
        const struct kw_hit *hit = &detection->hits[i];

        if (hit->subject != check->position || hit->late || hit->state < KW_RULE_REVIEW)
            continue;
        fires = true;
        if (hit->tier <= KINWARD_TIER_B)
            *ret_answer = KW_ANSWER_REFER;
    }
    if (fires || person == KW_NONE)
        return 0;
    r = kw_rules_host.related(detector, check, person, CIVIL, KINWARD_BASIS_ANY, see, &persons);
    if (r == 0 && persons.count > 0 && !persons.several)
        *ret_answer = KW_ANSWER_KNOWN;
    return r;
}
