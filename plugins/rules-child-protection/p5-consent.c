/* SPDX-License-Identifier: Apache-2.0 */
/* p5-consent.c - the travel consents that concern a check, and what speaks against each. */
#include "p5.h"

#include <string.h>

static kinward_node party_with(struct view view, const char *role)
{
    kinward_node party = first_party(view);

    while (party != KINWARD_NO_NODE && !has_role(view, party, role))
        party = next_party(view, party);
    return party;
}

struct revocation {
    struct view consent;
    kinward_node child, giver;
    const struct kinward_record *record;
    struct kinward_days on;
};

static void take_revocation(struct revocation *revocation, const struct kinward_record *record)
{
    struct view view = {revocation->consent.host, record};
    struct kinward_days on;

    if (view.host->standing(record) != KINWARD_REGISTERED ||
        (!days_at(view, 0, "travelConsent/revokedOn", &on) && !event_days(view, &on)))
        return;
    if (revocation->record == NULL || on.last < revocation->on.last) {
        revocation->record = record;
        revocation->on = on;
    }
}

static int on_linked_revocation(void *context, const struct kinward_related *related)
{
    take_revocation(context, related->record);
    return 0;
}

/* Finds when a consent was withdrawn: by its own later version, or by a record that names it. */
static int find_revocation(struct view consent, struct revocation *revocation)
{
    kinward_node node = consent.host->find(consent.host->context, consent.record, 0, "travelConsent");

    *revocation = (struct revocation){.consent = consent};
    if (consent.host->event(consent.record) == KINWARD_EVENT_TRAVEL_CONSENT_REVOKED ||
        consent.host->find(consent.host->context, consent.record, 0, "travelConsent/revokedOn") != KINWARD_NO_NODE)
        take_revocation(revocation, consent.record);
    if (node == KINWARD_NO_NODE)
        return 0;
    return consent.host->linked(consent.host->context, consent.record, node, KINWARD_EVENT_BIT(TRAVEL_CONSENT_REVOKED),
                                on_linked_revocation, revocation);
}

static bool destination_differs(const struct family *family, struct view consent)
{
    struct kinward_text to = text_at(family->subject, 0, "check/destination/country");
    kinward_node node = consent.host->find(consent.host->context, consent.record, 0, "travelConsent/destination");

    if (to.size == 0 || text_is(to, "unknown") || node == KINWARD_NO_NODE)
        return false;
    for (; node != KINWARD_NO_NODE; node = consent.host->next(consent.host->context, consent.record, node)) {
        struct kinward_text allowed = text_at(consent, node, "");

        if (text_is(allowed, "unknown") || (allowed.size == to.size && memcmp(allowed.data, to.data, to.size) == 0))
            return false;
    }
    return true;
}

bool is_escort(struct view subject, kinward_node party, kinward_node child)
{
    static const char *const roles[] = {"escort", "companion", "mother", "father", "parent", "guardian"};

    return party != child && is_traveller(subject, party) && has_one_role(subject, party, roles, COUNT(roles)) &&
           !has_role(subject, party, "child");
}

/* Every companion of the child differs from every escort that the consent names. */
static bool escort_differs(const struct family *family, struct view consent, bool *firm)
{
    struct view subject = family->subject;
    bool named = false, travelling = false;

    if (is_at(consent, 0, "travelConsent/anyCompanion", "true"))
        return false;
    for (kinward_node escort = first_party(subject); escort != KINWARD_NO_NODE; escort = next_party(subject, escort)) {
        if (!is_escort(subject, escort, family->child))
            continue;
        travelling = true;
        for (kinward_node party = first_party(consent); party != KINWARD_NO_NODE; party = next_party(consent, party)) {
            uint32_t basis = 0, likeness;

            if (!has_role(consent, party, "escort"))
                continue;
            named = true;
            likeness = consent.host->compare(consent.host->context, subject.record, escort, consent.record, party, &basis);
            if (likeness != KINWARD_DIFFERENT)
                return false;
            if (basis == 0)
                *firm = false;
        }
    }
    return travelling && named;
}

static int signer_flaw(const struct family *family, struct consent *consent, kinward_node giver)
{
    struct view view = {family->subject.host, consent->record};
    const struct kinward_record *death;
    const struct holder *holder;
    struct kinward_days given;
    bool firm;
    int r;

    if (giver == KINWARD_NO_NODE || has_role(view, giver, "court") || is_at(view, 0, "travelConsent/form", "court"))
        return 0;
    if (!event_days(view, &given))
        given = family->at;
    r = find_death(view, giver, given.first, &death);
    if (r < 0)
        return r;
    if (death != NULL) {
        consent->flaw = FLAW_SIGNER_DEAD;
        consent->second = death;
        return 0;
    }
    if (family->birth == NULL || family->ambiguous)
        return 0;
    switch (family_place(family, consent->record, giver, &holder, &firm)) {
    case HELD:
        consent->flaw = FLAW_SIGNER_ENDED;
        consent->second = holder->end;
        consent->firm &= firm;
        if (holder->dead) /* alive when signing: the consent of one who has died since is not a forgery */
            consent->firm = false;
        break;
    case NEVER:
        consent->flaw = FLAW_SIGNER_NOT_PARENT;
        consent->firm &= firm && !family->uncertain;
        break;
    default:
        break;
    }
    return 0;
}

static int weigh(const struct family *family, struct consent *consent, kinward_node child, bool other_child)
{
    struct view view = {family->subject.host, consent->record};
    struct revocation revocation;
    struct kinward_days from, until;
    int r = find_revocation(view, &revocation);

    if (r < 0)
        return r;
    if (revocation.record != NULL && revocation.on.first <= family->at.last) {
        consent->flaw = FLAW_REVOKED;
        consent->second = revocation.record;
        consent->firm &= revocation.on.last < family->at.first;
        return 0;
    }
    if (other_child) {
        consent->flaw = FLAW_OTHER_CHILD;
        return 0;
    }
    r = signer_flaw(family, consent, party_with(view, "consent_giver"));
    if (r < 0 || consent->flaw != FLAW_NONE)
        return r;
    if (days_at(view, 0, "travelConsent/validTo", &until) && until.last < family->at.first)
        consent->flaw = FLAW_EXPIRED;
    else if (days_at(view, 0, "travelConsent/validFrom", &from) && from.first > family->at.last)
        consent->flaw = FLAW_NOT_YET_VALID;
    else if (destination_differs(family, view))
        consent->flaw = FLAW_OTHER_DESTINATION;
    else if (escort_differs(family, view, &consent->firm))
        consent->flaw = FLAW_OTHER_ESCORT;
    return 0;
}

static int add(struct consents *consents, const struct kinward_record *record)
{
    const struct family *family = consents->family;
    struct view view = {family->subject.host, record};
    kinward_node child = party_with(view, "child");
    uint32_t basis = 0, likeness = KINWARD_NOT_KNOWN;
    struct consent *consent;

    for (uint32_t i = 0; i < consents->count; i++)
        if (consents->list[i].record == record)
            return 0;
    if (consents->count == COUNT(consents->list))
        return 0;
    if (child != KINWARD_NO_NODE)
        likeness = view.host->compare(view.host->context, family->subject.record, family->child, record, child, &basis);
    /* The passport of the check and the birth number of the consent meet in the child's birth record. */
    if (child != KINWARD_NO_NODE && likeness != KINWARD_SAME && family->birth != NULL) {
        uint32_t through = 0,
                 by_birth = view.host->compare(view.host->context, family->birth, family->birth_child, record, child, &through);

        if (by_birth != KINWARD_NOT_KNOWN) {
            likeness = by_birth;
            basis = through;
        }
    }
    consent = &consents->list[consents->count++];
    *consent = (struct consent){.record = record, .flaw = FLAW_NONE, .cited = consents->citing};
    consent->firm = view.host->standing(record) == KINWARD_REGISTERED &&
                    (consents->citing || basis == KINWARD_BASIS_IDENTIFIER || basis == KINWARD_BASIS_DOCUMENT);
    if (likeness == KINWARD_DIFFERENT && basis == 0)
        consent->firm = false;
    return weigh(family, consent, child, likeness == KINWARD_DIFFERENT);
}

static int on_cited(void *context, const struct kinward_related *related)
{
    return add(context, related->record);
}

static int on_birth(void *context, const struct kinward_related *related)
{
    const struct consents *consents = context;
    struct view view = {consents->family->subject.host, related->record};

    return related->party != KINWARD_NO_NODE && has_role(view, related->party, "child") ? add(context, related->record) : 0;
}

static int on_child(void *context, const struct meeting *meeting)
{
    const struct consents *consents = context;
    struct view view = {consents->family->subject.host, meeting->with.record};

    return has_role(view, meeting->with.party, "child") ? add(context, meeting->with.record) : 0;
}

int consents_find(struct consents *consents)
{
    const uint64_t granted = KINWARD_EVENT_BIT(TRAVEL_CONSENT_GRANTED), revoked = KINWARD_EVENT_BIT(TRAVEL_CONSENT_REVOKED);
    struct view subject = consents->family->subject;
    kinward_node node = subject.host->find(subject.host->context, subject.record, 0, "check/consent");
    int r = 0;

    consents->citing = true;
    for (; r == 0 && node != KINWARD_NO_NODE; node = subject.host->next(subject.host->context, subject.record, node)) {
        r = subject.host->linked(subject.host->context, subject.record, node, granted, on_cited, consents);
        if (r == 0 && consents->count == 0) /* a later version of the consent itself may be its revocation */
            r = subject.host->linked(subject.host->context, subject.record, node, revoked, on_cited, consents);
    }
    consents->citing = false;
    if (r == 0)
        r = meet(subject, consents->family->child, granted, on_child, consents);
    if (r == 0 && consents->family->birth != NULL && !consents->family->ambiguous)
        r = subject.host->related(subject.host->context, consents->family->birth, consents->family->birth_child, granted,
                                  KINWARD_BASIS_EXACT, on_birth, consents);
    return r;
}
