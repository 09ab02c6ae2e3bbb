/* SPDX-License-Identifier: Apache-2.0 */
/* d5.c - D5, a document is used, or was issued, after the death of its holder. */
#include "pack.h"

#include <string.h>

struct seen {
    struct view subject;
    kinward_node party;
    struct kinward_days at; /* day of the check or of the issue */
    int64_t margin;
    struct meeting best; /* the strongest death record, the earliest among equals */
    struct kinward_days death;
    bool found, firm, name_agrees;
};

static bool death_days(struct view death, kinward_node deceased, struct kinward_days *ret_days)
{
    return days_at(death, deceased, "dateOfDeath", ret_days) || event_days(death, ret_days);
}

static int on_death(void *context, const struct meeting *meeting)
{
    struct seen *seen = context;
    struct view death = {seen->subject.host, meeting->with.record};
    struct kinward_days days;
    bool firm;

    if (!has_role(death, meeting->with.party, "deceased") || !death_days(death, meeting->with.party, &days))
        return 0;
    if ((int64_t)days.last >= (int64_t)seen->at.first - seen->margin)
        return 0;
    firm = meeting->exact && death.host->standing(death.record) == KINWARD_REGISTERED;
    if (seen->found && (seen->firm || !firm))
        return 0;
    seen->found = true;
    seen->firm = firm;
    seen->best = *meeting;
    seen->death = days;
    return 0;
}

static int on_name(void *context, const struct kinward_related *related)
{
    struct seen *seen = context;

    if (seen->found && related->record == seen->best.with.record)
        seen->name_agrees = true;
    return 0;
}

static enum kinward_cause_state presumed(struct view death)
{
    if (is_at(death, 0, "death/presumed", "true"))
        return KINWARD_PRESENT;
    return is_at(death, 0, "death/presumed", "false") ? KINWARD_EXCLUDED : KINWARD_UNKNOWN;
}

static int tell(const struct seen *seen, bool issued)
{
    struct view subject = seen->subject, death = {subject.host, seen->best.with.record};
    bool child = !issued && childhood_of(subject, seen->party, seen->at) != ADULT;
    enum kinward_tier tier = seen->firm ? KINWARD_TIER_A : KINWARD_TIER_B;
    struct draft draft = {0};
    char handle[33];

    draft_fact(&draft, issued ? "document-issued" : "document-presented", subject.record, "holder", false);
    draft_param_days(&draft, "on", seen->at);
    draft_param(&draft, "document", text_at(subject, issued ? 0 : seen->party, "document/type"));
    if (seen->best.through != NULL) {
        struct view through = {subject.host, seen->best.through};
        struct kinward_days days;

        draft_fact(&draft, "document-belongs-to", through.record, "holder", false);
        if (issue_days(through, &days))
            draft_param_days(&draft, "issued", days);
    }
    draft_fact(&draft, "death-recorded", death.record, "holder", false);
    draft_param_days(&draft, "on", seen->death);
    draft_param(&draft, "status", text_at(death, 0, "status"));
    draft_subject(&draft, child ? "child" : "holder", subject.record, seen->party);
    draft_threshold(&draft, "margin_days", (int64_t)seen->at.first - seen->death.last, seen->margin);
    draft_cause(&draft, "wrong-death-link", seen->best.exact && seen->name_agrees ? KINWARD_EXCLUDED : KINWARD_UNKNOWN);
    draft_cause(&draft, "namesake", seen->best.exact ? KINWARD_EXCLUDED : KINWARD_UNKNOWN);
    draft_cause(&draft, "erroneous-death-registration", KINWARD_UNKNOWN);
    draft_cause(&draft, "presumed-death", presumed(death));
    draft_cause(&draft, "death-not-yet-registered",
                death.host->standing(death.record) == KINWARD_REGISTERED ? KINWARD_EXCLUDED : KINWARD_PRESENT);
    draft_key_handle(&draft, death, seen->best.with.party, handle);
    return draft_emit(&draft, subject.host, tier, child ? KINWARD_EXTREME : KINWARD_SEVERE,
                      issued ? "document-issued-after-death" : "document-used-after-death");
}

static int inspect_party(struct view subject, kinward_node party, struct kinward_days at, bool issued)
{
    struct seen seen = {.subject = subject, .party = party, .at = at};
    int r;

    seen.margin = subject.host->parameter(subject.host->context, issued ? "issue_margin_days" : "margin_days");
    r = meet(subject, party, KINWARD_EVENT_BIT(DEATH), on_death, &seen);
    if (r == 0 && seen.found)
        r = subject.host->related(subject.host->context, subject.record, party, KINWARD_EVENT_BIT(DEATH),
                                  KINWARD_BASIS_BIT(KINWARD_BASIS_NAME_BIRTH), on_name, &seen);
    return r == 0 && seen.found ? tell(&seen, issued) : r;
}

static int inspect(const struct kinward_rules_host *host, const struct kinward_record *record)
{
    struct view subject = {host, record};
    bool check = is_check(subject);
    struct kinward_days at;
    int r = 0;

    /* Copies for an estate or in memory of the dead are made after death by their nature. */
    if (!check &&
        (is_at(subject, 0, "documentEvent/purpose", "commemorative") || is_at(subject, 0, "documentEvent/purpose", "estate")))
        return 0;
    if (!(check ? event_days(subject, &at) : issue_days(subject, &at)))
        return 0;
    for (kinward_node party = first_party(subject); r == 0 && party != KINWARD_NO_NODE; party = next_party(subject, party))
        if (check ? is_traveller(subject, party) : has_role(subject, party, "document_holder"))
            r = inspect_party(subject, party, at, !check);
    return r;
}

static const struct kinward_rule_parameter parameters[] = {
    {"margin_days", 1, 0, 365, "days between the latest possible day of death and the check that are let pass"},
    {"issue_margin_days", 0, 0, 365, "the same for the day of issue"},
    {"lookback_days", 30, 0, 90, "days for which an earlier check is looked at again when a record comes"},
};

const struct kinward_rule rule_d5 = {
    .size = sizeof(struct kinward_rule),
    .id = "D5",
    .version = 1,
    .title = "Document used or issued after its holder's death",
    .tier = KINWARD_TIER_A,
    .subjects = KINWARD_EVENT_BIT(DOCUMENT_CHECK) | KINWARD_EVENT_BIT(BORDER_CROSSING) | KINWARD_EVENT_BIT(DOCUMENT_ISSUED) |
                KINWARD_EVENT_BIT(DOCUMENT_RENEWED),
    .evidence = KINWARD_EVENT_BIT(DEATH) | KINWARD_EVENT_BIT(DOCUMENT_ISSUED) | KINWARD_EVENT_BIT(DOCUMENT_RENEWED),
    .parameters = parameters,
    .parameter_count = COUNT(parameters),
    .inspect = inspect,
};
