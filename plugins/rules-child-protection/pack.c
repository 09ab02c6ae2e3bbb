/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c - reading records through the host, and building hits. */
#include "pack.h"

#include <stdio.h>
#include <string.h>

struct kinward_text text_at(struct view view, kinward_node from, const char *path)
{
    return view.host->text(view.host->context, view.record, from, path);
}

bool text_is(struct kinward_text text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

bool is_at(struct view view, kinward_node from, const char *path, const char *wanted)
{
    return text_is(text_at(view, from, path), wanted);
}

bool has_one_role(struct view view, kinward_node party, const char *const *roles, size_t count)
{
    kinward_node role = view.host->find(view.host->context, view.record, party, "role");

    for (; role != KINWARD_NO_NODE; role = view.host->next(view.host->context, view.record, role))
        for (size_t i = 0; i < count; i++)
            if (text_is(text_at(view, role, ""), roles[i]))
                return true;
    return false;
}

bool has_role(struct view view, kinward_node party, const char *role)
{
    return has_one_role(view, party, &role, 1);
}

kinward_node first_party(struct view view)
{
    return view.host->find(view.host->context, view.record, 0, "party");
}

kinward_node next_party(struct view view, kinward_node party)
{
    return view.host->next(view.host->context, view.record, party);
}

bool is_traveller(struct view view, kinward_node party)
{
    static const char *const others[] = {"inspecting_officer", "carrier", "registrar", "interpreter",
                                         "contact_person",     "notary",  "reporter"};

    return !is_at(view, party, "kind", "organization") && !has_one_role(view, party, others, COUNT(others));
}

bool days_at(struct view view, kinward_node from, const char *path, struct kinward_days *ret_days)
{
    return view.host->days(view.host->context, view.record, from, path, ret_days) == 1;
}

bool event_days(struct view view, struct kinward_days *ret_days)
{
    return days_at(view, 0, "event/date", ret_days);
}

bool is_check(struct view view)
{
    uint32_t event = view.host->event(view.record);

    return event == KINWARD_EVENT_DOCUMENT_CHECK || event == KINWARD_EVENT_BORDER_CROSSING;
}

bool issue_days(struct view view, struct kinward_days *ret_days)
{
    return days_at(view, 0, "document/issuedOn", ret_days) || event_days(view, ret_days);
}

/* Civil date of a day number (proleptic Gregorian; the well-known era arithmetic on 400-year cycles). */
static void civil(int32_t day, int *year, int *month, int *of_month)
{
    int64_t z = (int64_t)day + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;

    *of_month = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

int years_between(int32_t birth, int32_t at)
{
    int from[3], to[3];

    civil(birth, &from[0], &from[1], &from[2]);
    civil(at, &to[0], &to[1], &to[2]);
    return to[0] - from[0] - (to[1] < from[1] || (to[1] == from[1] && to[2] < from[2]));
}

enum childhood childhood_of(struct view view, kinward_node party, struct kinward_days at)
{
    static const char *const adults[] = {"escort", "document_applicant", "consent_giver"};
    static const char *const children[] = {"child", "missing_child"};
    struct kinward_days birth;

    if (days_at(view, party, "dateOfBirth", &birth)) {
        if (years_between(birth.first, at.last) < 18)
            return CHILD;
        return years_between(birth.last, at.first) >= 18 ? ADULT : PRESUMED_CHILD;
    }
    if (!has_one_role(view, party, children, COUNT(children)) && has_one_role(view, party, adults, COUNT(adults)))
        return ADULT;
    return PRESUMED_CHILD;
}

void days_text(struct kinward_days days, char ret_text[DAYS_SIZE])
{
    int a[3], b[3];

    civil(days.first, &a[0], &a[1], &a[2]);
    civil(days.last, &b[0], &b[1], &b[2]);
    if (days.first == days.last)
        snprintf(ret_text, DAYS_SIZE, "%04d-%02d-%02d", a[0], a[1], a[2]);
    else
        snprintf(ret_text, DAYS_SIZE, "%04d-%02d-%02d/%04d-%02d-%02d", a[0], a[1], a[2], b[0], b[1], b[2]);
}

/* ---- meeting another record, directly or through a document ---------------------- */

struct walk {
    struct view view;
    uint64_t events;
    int (*visit)(void *context, const struct meeting *meeting);
    void *context;
    const struct kinward_record *through;
    bool exact;
};

static bool is_exact(const struct kinward_related *related)
{
    return related->basis == KINWARD_BASIS_IDENTIFIER || related->basis == KINWARD_BASIS_DOCUMENT;
}

static int met(void *context, const struct kinward_related *related)
{
    struct walk *walk = context;
    struct meeting meeting = {*related, walk->through, walk->exact && is_exact(related)};

    return related->party == KINWARD_NO_NODE ? 0 : walk->visit(walk->context, &meeting);
}

static int met_document(void *context, const struct kinward_related *related)
{
    const struct walk *walk = context;
    struct walk further = *walk;
    struct view view = {walk->view.host, related->record};

    if (related->party == KINWARD_NO_NODE || related->record == walk->view.record ||
        !has_role(view, related->party, "document_holder") || view.host->standing(related->record) != KINWARD_REGISTERED)
        return 0;
    further.through = related->record;
    return view.host->related(view.host->context, related->record, related->party, walk->events, KINWARD_BASIS_ANY, met, &further);
}

int meet(struct view view, kinward_node party, uint64_t events, int (*visit)(void *context, const struct meeting *meeting),
         void *context)
{
    const uint64_t documents = KINWARD_EVENT_BIT(DOCUMENT_ISSUED) | KINWARD_EVENT_BIT(DOCUMENT_RENEWED);
    struct walk walk = {view, events, visit, context, NULL, true};
    int r = view.host->related(view.host->context, view.record, party, events, KINWARD_BASIS_ANY, met, &walk);

    if (r == 0)
        r = view.host->related(view.host->context, view.record, party, documents, KINWARD_BASIS_EXACT, met_document, &walk);
    return r;
}

/* ---- drafting a hit ---------------------------------------------------------------- */

void draft_fact(struct draft *draft, const char *code, const struct kinward_record *record, const char *role, bool inferred)
{
    if (draft->hit.fact_count < COUNT(draft->facts))
        draft->facts[draft->hit.fact_count++] =
            (struct kinward_fact){code, record, role, inferred, draft->pairs + draft->pair_count, 0};
}

void draft_param(struct draft *draft, const char *name, struct kinward_text value)
{
    uint32_t at = draft->pair_count;

    if (draft->hit.fact_count == 0 || at == COUNT(draft->pairs) || value.size == 0)
        return;
    snprintf(draft->values[at], sizeof(draft->values[at]), "%.*s", (int)value.size, value.data);
    draft->pairs[at] = (struct kinward_pair){name, draft->values[at]};
    draft->pair_count++;
    draft->facts[draft->hit.fact_count - 1].param_count++;
}

void draft_param_days(struct draft *draft, const char *name, struct kinward_days days)
{
    char text[DAYS_SIZE];

    days_text(days, text);
    draft_param(draft, name, (struct kinward_text){text, strlen(text)});
}

void draft_subject(struct draft *draft, const char *role, const struct kinward_record *record, kinward_node party)
{
    if (draft->hit.subject_count < COUNT(draft->subjects))
        draft->subjects[draft->hit.subject_count++] = (struct kinward_subject){role, record, party};
}

void draft_cause(struct draft *draft, const char *code, enum kinward_cause_state state)
{
    if (draft->hit.cause_count < COUNT(draft->causes))
        draft->causes[draft->hit.cause_count++] = (struct kinward_cause){code, state};
}

void draft_threshold(struct draft *draft, const char *name, int64_t value, int64_t limit)
{
    if (draft->hit.threshold_count < COUNT(draft->thresholds))
        draft->thresholds[draft->hit.threshold_count++] = (struct kinward_threshold){name, value, limit};
}

void draft_key(struct draft *draft, struct kinward_text text)
{
    if (draft->hit.key_count < COUNT(draft->keys))
        draft->keys[draft->hit.key_count++] = text;
}

void draft_key_handle(struct draft *draft, struct view view, kinward_node party, char buffer[33])
{
    view.host->handle(view.host->context, view.record, party, buffer);
    draft_key(draft, (struct kinward_text){buffer, 32});
}

int draft_emit(struct draft *draft, const struct kinward_rules_host *host, enum kinward_tier tier, enum kinward_severity severity,
               const char *reason)
{
    draft->hit.size = sizeof(draft->hit);
    draft->hit.tier = tier;
    draft->hit.severity = severity;
    draft->hit.urgency = KINWARD_IMMEDIATE;
    draft->hit.certainty = tier == KINWARD_TIER_A ? KINWARD_LIKELY : KINWARD_POSSIBLE;
    draft->hit.reason = reason;
    draft->hit.key = draft->keys;
    draft->hit.subjects = draft->subjects;
    draft->hit.facts = draft->facts;
    draft->hit.thresholds = draft->thresholds;
    draft->hit.causes = draft->causes;
    return host->emit(host->context, &draft->hit);
}
