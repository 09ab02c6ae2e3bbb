/* SPDX-License-Identifier: Apache-2.0 */
/* p5-family.c - who holds parental authority over a child on the day of a check, from the records that are known. */
#include "p5.h"

#include <string.h>

static struct view as_view(const struct family *family, const struct kinward_record *record)
{
    return (struct view){family->subject.host, record};
}

static int on_record(void *context, const struct meeting *meeting)
{
    struct family *family = context;
    struct view view = as_view(family, meeting->with.record);

    if (!has_role(view, meeting->with.party, "child"))
        return 0;
    for (uint32_t i = 0; i < family->record_count; i++)
        if (family->records[i] == meeting->with.record) {
            family->exact[i] |= meeting->exact;
            return 0;
        }
    if (family->record_count == COUNT(family->records)) {
        family->uncertain = true;
        return 0;
    }
    family->records[family->record_count] = meeting->with.record;
    family->children[family->record_count] = meeting->with.party;
    family->exact[family->record_count++] = meeting->exact;
    return 0;
}

/* One birth record, by exact identifiers before name and birth date; several of the same strength tell nothing. */
static void choose_birth(struct family *family)
{
    for (uint32_t i = 0; i < family->record_count; i++) {
        if (family->subject.host->event(family->records[i]) != KINWARD_EVENT_LIVE_BIRTH)
            continue;
        if (family->birth != NULL && family->birth_exact == family->exact[i]) {
            family->ambiguous = true;
        } else if (family->birth == NULL || family->exact[i]) {
            family->birth = family->records[i];
            family->birth_child = family->children[i];
            family->birth_exact = family->exact[i];
            family->ambiguous = false;
        }
    }
}

static struct holder *holder_of(struct family *family, const struct kinward_record *record, kinward_node party)
{
    const struct kinward_rules_host *host = family->subject.host;
    uint32_t basis;

    for (uint32_t i = 0; i < family->holder_count; i++)
        if (host->compare(host->context, record, party, family->holders[i].record, family->holders[i].party, &basis) ==
            KINWARD_SAME)
            return &family->holders[i];
    return NULL;
}

static bool is_named(struct view view, kinward_node party)
{
    return view.host->find(view.host->context, view.record, party, "name") != KINWARD_NO_NODE ||
           view.host->find(view.host->context, view.record, party, "identifier") != KINWARD_NO_NODE;
}

/* Suspended, withdrawn or ended on the day of the check, by the record's own word on this party. */
static bool authority_gone(struct view view, kinward_node party, struct kinward_days at)
{
    kinward_node node = view.host->find(view.host->context, view.record, party, "parentalAuthority");

    for (; node != KINWARD_NO_NODE; node = view.host->next(view.host->context, view.record, node)) {
        struct kinward_days until;

        if (is_at(view, node, "status", "withdrawn") || is_at(view, node, "status", "ended") ||
            is_at(view, node, "status", "suspended"))
            return true;
        if (days_at(view, node, "until", &until) && until.last < at.first)
            return true;
    }
    return false;
}

static void add_holder(struct family *family, const struct kinward_record *record, kinward_node party, bool exact, bool birth)
{
    struct view view = as_view(family, record);
    struct holder *holder = holder_of(family, record, party);

    if (!is_named(view, party))
        return;
    if (holder == NULL) {
        if (family->holder_count == COUNT(family->holders)) {
            family->uncertain = true;
            return;
        }
        holder = &family->holders[family->holder_count++];
        *holder = (struct holder){.record = record, .party = party, .birth = birth};
    }
    holder->firm |= exact && view.host->standing(record) == KINWARD_REGISTERED;
    holder->ended = authority_gone(view, party, family->at);
    holder->end = holder->ended ? record : NULL;
}

/* In force on the day of the check: 1, not yet 0; where the day leaves it open the family is uncertain. */
static bool in_force(struct family *family, struct view view)
{
    struct kinward_days from, until;
    bool known = days_at(view, 0, "guardianship/validFrom", &from) || days_at(view, 0, "decision/effectiveFrom", &from) ||
                 event_days(view, &from);

    if (!known || (from.last > family->at.first && from.first <= family->at.last))
        family->uncertain = true;
    if (!known || from.last > family->at.first)
        return false;
    return !days_at(view, 0, "guardianship/validTo", &until) || until.last >= family->at.first;
}

static void end_birth_parents(struct family *family, const struct kinward_record *by)
{
    for (uint32_t i = 0; i < family->holder_count; i++)
        if (family->holders[i].birth) {
            family->holders[i].ended = true;
            family->holders[i].end = by;
        }
}

static void take_adoption(struct family *family, struct view view, bool exact)
{
    static const char *const adopters[] = {"adoptive_mother", "adoptive_father", "adoptive_parent"};

    if (!in_force(family, view))
        return;
    if (!is_at(view, 0, "adoption/parentalLinksEnded", "false") && !is_at(view, 0, "adoption/relation", "step_parent"))
        end_birth_parents(family, view.record);
    for (kinward_node party = first_party(view); party != KINWARD_NO_NODE; party = next_party(view, party))
        if (has_one_role(view, party, adopters, COUNT(adopters)))
            add_holder(family, view.record, party, exact, false);
}

static bool covers_travel(struct view view)
{
    static const char *const wide[] = {"full", "person", "residence", "travel", "legal_representation", "unknown"};
    kinward_node scope = view.host->find(view.host->context, view.record, 0, "guardianship/scope");
    bool any = scope != KINWARD_NO_NODE;

    for (; scope != KINWARD_NO_NODE; scope = view.host->next(view.host->context, view.record, scope))
        for (size_t i = 0; i < COUNT(wide); i++)
            if (text_is(text_at(view, scope, ""), wide[i]))
                return true;
    return !any;
}

static void take_order(struct family *family, struct view view, bool exact)
{
    static const char *const holders[] = {"guardian", "custodian"};

    if (!in_force(family, view))
        return;
    for (kinward_node party = first_party(view); party != KINWARD_NO_NODE; party = next_party(view, party)) {
        struct holder *holder = holder_of(family, view.record, party);

        if (has_one_role(view, party, holders, COUNT(holders)) && covers_travel(view)) {
            add_holder(family, view.record, party, exact, false);
        } else if (holder != NULL && (authority_gone(view, party, family->at) || has_role(view, party, "former_parent"))) {
            holder->ended = true;
            holder->end = view.record;
        }
    }
}

static void take_end(struct family *family, struct view view)
{
    static const char *const former[] = {"former_guardian", "former_parent", "guardian", "custodian"};
    struct kinward_days at;

    if (!days_at(view, 0, "guardianship/validTo", &at) && !event_days(view, &at))
        return;
    if (at.last > family->at.first) {
        family->uncertain |= at.first <= family->at.last;
        return;
    }
    for (kinward_node party = first_party(view); party != KINWARD_NO_NODE; party = next_party(view, party)) {
        struct holder *holder = has_one_role(view, party, former, COUNT(former)) ? holder_of(family, view.record, party) : NULL;

        if (holder != NULL) {
            holder->ended = true;
            holder->end = view.record;
        }
    }
    if (view.host->event(view.record) == KINWARD_EVENT_ADOPTION_REVOKED)
        family->uncertain = true; /* whether the parents by birth hold authority again is for a court to say */
}

static void take_parents(struct family *family, struct view view, bool exact)
{
    static const char *const parents[] = {"mother", "father", "parent", "birth_mother", "birth_father", "birth_parent"};

    for (kinward_node party = first_party(view); party != KINWARD_NO_NODE; party = next_party(view, party))
        if (has_one_role(view, party, parents, COUNT(parents)))
            add_holder(family, view.record, party, exact, true);
}

static void take(struct family *family, uint32_t number, uint32_t event)
{
    struct view view = as_view(family, family->records[number]);
    bool exact = family->exact[number];
    struct kinward_days at;

    if (view.host->event(view.record) != event || (event == KINWARD_EVENT_LIVE_BIRTH && view.record != family->birth))
        return;
    switch (event) {
    case KINWARD_EVENT_RECOGNITION:
    case KINWARD_EVENT_LEGITIMATION:
        if (!event_days(view, &at) || at.last > family->at.first || is_at(view, 0, "filiation/suspended", "true"))
            return;
        take_parents(family, view, exact);
        return;
    case KINWARD_EVENT_LIVE_BIRTH:
        take_parents(family, view, exact);
        return;
    case KINWARD_EVENT_ADOPTION:
        take_adoption(family, view, exact);
        return;
    case KINWARD_EVENT_GUARDIANSHIP_GRANTED:
    case KINWARD_EVENT_CUSTODY_ORDER:
        take_order(family, view, exact);
        return;
    default:
        take_end(family, view);
    }
}

struct dead {
    struct view view;
    int32_t before;
    const struct kinward_record *death;
};

static int on_death(void *context, const struct kinward_related *related)
{
    struct dead *dead = context;
    struct view death = {dead->view.host, related->record};
    struct kinward_days days;

    if (related->party == KINWARD_NO_NODE || !has_role(death, related->party, "deceased") ||
        death.host->standing(death.record) != KINWARD_REGISTERED)
        return 0;
    if ((days_at(death, related->party, "dateOfDeath", &days) || event_days(death, &days)) && days.last < dead->before)
        dead->death = related->record;
    return 0;
}

int find_death(struct view view, kinward_node party, int32_t before, const struct kinward_record **ret_death)
{
    struct dead dead = {view, before, NULL};
    int r =
        view.host->related(view.host->context, view.record, party, KINWARD_EVENT_BIT(DEATH), KINWARD_BASIS_EXACT, on_death, &dead);

    *ret_death = dead.death;
    return r;
}

static int find_deaths(struct family *family)
{
    for (uint32_t i = 0; i < family->holder_count; i++) {
        struct holder *holder = &family->holders[i];
        const struct kinward_record *death;
        int r = find_death(as_view(family, holder->record), holder->party, family->at.first, &death);

        if (r < 0)
            return r;
        if (death != NULL) {
            holder->dead = true;
            holder->end = death;
        }
    }
    return 0;
}

static int on_related(void *context, const struct kinward_related *related)
{
    struct family *family = context;
    struct meeting meeting = {*related, NULL, family->birth_exact && related->basis != KINWARD_BASIS_NAME_BIRTH};

    return related->party == KINWARD_NO_NODE ? 0 : on_record(family, &meeting);
}

int family_find(struct family *family)
{
    static const uint32_t order[] = {KINWARD_EVENT_LIVE_BIRTH,         KINWARD_EVENT_RECOGNITION,
                                     KINWARD_EVENT_LEGITIMATION,       KINWARD_EVENT_ADOPTION,
                                     KINWARD_EVENT_ADOPTION_REVOKED,   KINWARD_EVENT_GUARDIANSHIP_GRANTED,
                                     KINWARD_EVENT_GUARDIANSHIP_ENDED, KINWARD_EVENT_CUSTODY_ORDER};
    struct view subject = family->subject;
    int r = meet(subject, family->child, FAMILY_EVENTS, on_record, family);

    if (r < 0)
        return r;
    choose_birth(family);
    if (family->birth == NULL || family->ambiguous)
        return 0;
    r = subject.host->related(subject.host->context, family->birth, family->birth_child,
                              FAMILY_EVENTS & ~KINWARD_EVENT_BIT(LIVE_BIRTH), KINWARD_BASIS_ANY, on_related, family);
    for (size_t i = 0; r == 0 && i < COUNT(order); i++)
        for (uint32_t k = 0; k < family->record_count; k++)
            take(family, k, order[i]);
    return r < 0 ? r : find_deaths(family);
}

enum place family_place(const struct family *family, const struct kinward_record *record, kinward_node party,
                        const struct holder **ret_holder, bool *ret_firm)
{
    const struct kinward_rules_host *host = family->subject.host;
    enum place place = family->holder_count > 0 ? NEVER : NOT_TOLD;

    *ret_holder = NULL;
    *ret_firm = true;
    for (uint32_t i = 0; i < family->holder_count; i++) {
        const struct holder *holder = &family->holders[i];
        uint32_t basis = 0, likeness = host->compare(host->context, record, party, holder->record, holder->party, &basis);

        if (likeness == KINWARD_SAME) {
            *ret_holder = holder;
            *ret_firm = holder->firm && basis != KINWARD_BASIS_NAME_BIRTH;
            return holder->dead || holder->ended ? HELD : HOLDS;
        }
        if (likeness == KINWARD_NOT_KNOWN)
            place = NOT_TOLD;
        else if (basis == 0 || !holder->firm)
            *ret_firm = false;
    }
    return place;
}
