/* SPDX-License-Identifier: Apache-2.0 */
/* p5.c - P5, a minor leaves without valid consent of those who hold parental authority. */
#include "p5.h"

#include <string.h>

static const struct {
    const char *reason, *fact, *role;
    enum kinward_severity severity;
} flaws[] = {
    [FLAW_SIGNER_DEAD] = {"signer-dead", "death-recorded", "signer", KINWARD_SEVERE},
    [FLAW_REVOKED] = {"consent-revoked", "consent-revoked", NULL, KINWARD_MODERATE},
    [FLAW_OTHER_CHILD] = {"consent-for-other-child", NULL, NULL, KINWARD_MODERATE},
    [FLAW_SIGNER_NOT_PARENT] = {"signer-not-parent", NULL, NULL, KINWARD_MODERATE},
    [FLAW_SIGNER_ENDED] = {"signer-authority-ended", "authority-ended", "signer", KINWARD_MODERATE},
    [FLAW_EXPIRED] = {"consent-expired", NULL, NULL, KINWARD_MODERATE},
    [FLAW_NOT_YET_VALID] = {"consent-not-yet-valid", NULL, NULL, KINWARD_MODERATE},
    [FLAW_OTHER_DESTINATION] = {"consent-for-other-destination", NULL, NULL, KINWARD_MODERATE},
    [FLAW_OTHER_ESCORT] = {"consent-for-other-escort", NULL, NULL, KINWARD_MODERATE},
    [FLAW_NONE] = {"no-consent", NULL, NULL, KINWARD_MODERATE},
};

struct companions { /* of the child at the check */
    kinward_node first;
    bool any, holder; /* one of them holds parental authority */
    bool strangers;   /* none of them is a holder, for certain */
    bool firm;
    bool claims_parent, relative;
};

struct question {
    struct family family;
    struct consents consents;
    struct companions companions;
    enum childhood childhood;
};

static bool declared_as(struct view view, kinward_node party, const char *const *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_at(view, party, "relationship/type", types[i]))
            return true;
    return false;
}

static void look_at_companions(struct question *question)
{
    static const char *const parents[] = {"mother", "father", "parent"};
    static const char *const relatives[] = {"grandmother", "grandfather", "grandparent",     "aunt",         "uncle",
                                            "brother",     "sister",      "sibling",         "step_mother",  "step_father",
                                            "step_parent", "cousin",      "extended_family", "family_member"};
    struct companions *with = &question->companions;
    const struct family *family = &question->family;
    struct view subject = family->subject;

    *with = (struct companions){.first = KINWARD_NO_NODE, .strangers = true, .firm = true};
    for (kinward_node party = first_party(subject); party != KINWARD_NO_NODE; party = next_party(subject, party)) {
        const struct holder *holder;
        bool firm;

        if (!is_escort(subject, party, family->child))
            continue;
        if (!with->any)
            with->first = party;
        with->any = true;
        with->claims_parent |=
            declared_as(subject, party, parents, COUNT(parents)) || has_one_role(subject, party, parents, COUNT(parents));
        with->relative |= declared_as(subject, party, relatives, COUNT(relatives));
        switch (family_place(family, subject.record, party, &holder, &firm)) {
        case HOLDS:
            with->holder = true;
            with->strangers = false;
            break;
        case NOT_TOLD:
            with->strangers = false;
            break;
        default:
            with->firm &= firm;
        }
    }
}

/* The parents by birth are known in full when the birth record names two persons. */
static uint32_t birth_parents(const struct family *family)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < family->holder_count; i++)
        count += family->holders[i].birth;
    return count;
}

static void tell_causes(struct draft *draft, const struct question *question)
{
    const struct companions *with = &question->companions;
    struct view subject = question->family.subject;
    bool group = is_at(subject, 0, "check/accompanied", "with_group") || text_at(subject, 0, "check/groupAuthorization").size > 0;
    bool two = birth_parents(&question->family) >= 2;

    draft_cause(draft, "order-not-yet-recorded", KINWARD_UNKNOWN);
    draft_cause(draft, "customary-care", KINWARD_UNKNOWN);
    draft_cause(draft, "relative", with->relative ? KINWARD_PRESENT : KINWARD_UNKNOWN);
    draft_cause(draft, "unregistered-father", two ? KINWARD_EXCLUDED : with->claims_parent ? KINWARD_PRESENT : KINWARD_UNKNOWN);
    draft_cause(draft, "foster-care", KINWARD_UNKNOWN);
    draft_cause(draft, "school-group", group ? KINWARD_PRESENT : KINWARD_UNKNOWN);
    draft_cause(draft, "is-adult", question->childhood == CHILD ? KINWARD_EXCLUDED : KINWARD_UNKNOWN);
    draft_cause(draft, "namesake", question->family.birth_exact ? KINWARD_EXCLUDED : KINWARD_UNKNOWN);
}

static void tell_facts(struct draft *draft, const struct question *question, const struct consent *consent, enum flaw flaw)
{
    const struct family *family = &question->family;
    struct view subject = family->subject;
    struct kinward_days days;

    draft_fact(draft, "child-leaves", subject.record, "child", false);
    draft_param_days(draft, "on", family->at);
    draft_param(draft, "destination", text_at(subject, 0, "check/destination/country"));
    draft_param(draft, "consent", text_at(subject, 0, "check/consentPresented"));
    if (consent != NULL && consent->record != NULL) {
        struct view view = {subject.host, consent->record};

        draft_fact(draft, "consent-recorded", consent->record, "signer", false);
        if (days_at(view, 0, "travelConsent/validFrom", &days))
            draft_param_days(draft, "from", days);
        if (days_at(view, 0, "travelConsent/validTo", &days))
            draft_param_days(draft, "until", days);
        draft_param(draft, "destination", text_at(view, 0, "travelConsent/destination"));
    }
    if (consent != NULL && consent->second != NULL && flaws[flaw].fact != NULL) {
        struct view view = {subject.host, consent->second};

        draft_fact(draft, flaws[flaw].fact, consent->second, flaws[flaw].role, false);
        if (days_at(view, 0, flaw == FLAW_REVOKED ? "travelConsent/revokedOn" : "event/date", &days) || event_days(view, &days))
            draft_param_days(draft, "on", days);
    }
    if (family->birth != NULL && !family->ambiguous) {
        struct view view = {subject.host, family->birth};

        draft_fact(draft, "parentage-recorded", family->birth, "child", false);
        draft_param(draft, "status", text_at(view, 0, "status"));
    }
    if (question->companions.any && question->companions.strangers)
        draft_fact(draft, "escort-not-holder", subject.record, "escort", true);
}

static int tell(const struct question *question, const struct consent *consent, enum flaw flaw, bool firm)
{
    const struct family *family = &question->family;
    struct view subject = family->subject;
    struct draft draft = {0};
    char child[33], escort[33];

    tell_facts(&draft, question, consent, flaw);
    draft_subject(&draft, "child", subject.record, family->child);
    if (question->companions.any)
        draft_subject(&draft, "escort", subject.record, question->companions.first);
    draft_threshold(&draft, "holders_known", family->holder_count, 1);
    tell_causes(&draft, question);
    if (family->birth != NULL && !family->ambiguous)
        draft_key_handle(&draft, (struct view){subject.host, family->birth}, family->birth_child, child);
    else
        draft_key_handle(&draft, subject, family->child, child);
    if (question->companions.any)
        draft_key_handle(&draft, subject, question->companions.first, escort);
    return draft_emit(&draft, subject.host, firm ? KINWARD_TIER_A : KINWARD_TIER_B, flaws[flaw].severity, flaws[flaw].reason);
}

/* Nobody who is known to hold parental authority goes along, and no consent is known. */
static int without_consent(const struct question *question)
{
    const struct family *family = &question->family;
    struct view subject = family->subject;
    bool refused = is_at(subject, 0, "check/consentPresented", "no");
    bool settled = family->birth != NULL && !family->ambiguous && family->holder_count > 0;
    bool firm;

    /* One that was shown, but is not in these registers, is no contradiction; nor is a law that asks for none. */
    if (!settled || is_at(subject, 0, "check/consentPresented", "yes") ||
        is_at(subject, 0, "check/consentPresented", "not_required"))
        return 0;
    if (!question->companions.any)
        return refused && is_at(subject, 0, "check/accompanied", "alone") ? tell(question, NULL, FLAW_NONE, false) : 0;
    if (!question->companions.strangers)
        return 0;
    firm = refused && family->birth_exact && subject.host->standing(family->birth) == KINWARD_REGISTERED && !family->uncertain &&
           question->companions.firm && question->childhood == CHILD &&
           !(question->companions.claims_parent && birth_parents(family) < 2);
    return tell(question, NULL, FLAW_NONE, firm);
}

static int judge(const struct question *question)
{
    const struct consents *consents = &question->consents;
    const struct consent *worst = NULL;
    struct view subject = question->family.subject;
    bool shown = is_at(subject, 0, "check/consentPresented", "yes");

    for (uint32_t i = 0; i < consents->count; i++) {
        const struct consent *consent = &consents->list[i];

        if (consent->flaw == FLAW_NONE)
            return 0; /* one consent against which nothing speaks is enough */
        if (worst == NULL || (consent->cited && !worst->cited) || (consent->cited == worst->cited && consent->flaw < worst->flaw))
            worst = consent;
    }
    if (worst == NULL)
        return without_consent(question);
    /* With a holder along, only the withdrawal of a consent that was shown contradicts anything. */
    if (question->companions.holder && !(worst->cited && worst->flaw == FLAW_REVOKED))
        return 0;
    /* The paper that was shown may be another than those on file. */
    if (!worst->cited && subject.host->find(subject.host->context, subject.record, 0, "check/consent") != KINWARD_NO_NODE)
        return 0;
    return tell(question, worst, worst->flaw,
                worst->firm && (worst->cited || !shown) && question->childhood == CHILD &&
                    (question->family.birth_exact || worst->cited));
}

static int inspect_child(struct view subject, kinward_node child, struct kinward_days at, enum childhood childhood)
{
    struct question question = {.childhood = childhood};
    struct family *family = &question.family;
    int r;

    family->subject = subject;
    family->child = child;
    family->at = at;
    r = family_find(family);
    if (r < 0)
        return r;
    /* The registered birth date counts before the one on the paper. */
    if (family->birth != NULL && !family->ambiguous)
        question.childhood = childhood_of((struct view){subject.host, family->birth}, family->birth_child, at);
    if (question.childhood == ADULT)
        return 0;
    question.consents.family = family;
    r = consents_find(&question.consents);
    if (r < 0)
        return r;
    look_at_companions(&question);
    return judge(&question);
}

static int inspect(const struct kinward_rules_host *host, const struct kinward_record *record)
{
    struct view subject = {host, record};
    struct kinward_days at;
    int r = 0;

    if (!is_at(subject, 0, "check/direction", "out") || !event_days(subject, &at))
        return 0;
    for (kinward_node party = first_party(subject); r == 0 && party != KINWARD_NO_NODE; party = next_party(subject, party)) {
        enum childhood childhood;

        if (!is_traveller(subject, party))
            continue;
        childhood = childhood_of(subject, party, at);
        if (childhood != ADULT)
            r = inspect_child(subject, party, at, childhood);
    }
    return r;
}

static const struct kinward_rule_parameter parameters[] = {
    {"lookback_days", 30, 0, 90, "days for which an earlier check is looked at again when a record comes"},
};

const struct kinward_rule rule_p5 = {
    .size = sizeof(struct kinward_rule),
    .id = "P5",
    .version = 1,
    .title = "Minor leaves without valid consent of those who hold parental authority",
    .tier = KINWARD_TIER_A,
    .subjects = KINWARD_EVENT_BIT(DOCUMENT_CHECK) | KINWARD_EVENT_BIT(BORDER_CROSSING),
    .evidence = FAMILY_EVENTS | KINWARD_EVENT_BIT(DEATH) | KINWARD_EVENT_BIT(TRAVEL_CONSENT_GRANTED) |
                KINWARD_EVENT_BIT(TRAVEL_CONSENT_REVOKED) | KINWARD_EVENT_BIT(DOCUMENT_ISSUED) |
                KINWARD_EVENT_BIT(DOCUMENT_RENEWED),
    .parameters = parameters,
    .parameter_count = COUNT(parameters),
    .inspect = inspect,
};
