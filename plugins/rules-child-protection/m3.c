/* SPDX-License-Identifier: Apache-2.0 */
/* m3.c - M3, a check or a document event meets an open missing-child or at-risk notice. */
#include "pack.h"

#include <string.h>

#define OPENED (KINWARD_EVENT_BIT(MISSING_CHILD_OPENED) | KINWARD_EVENT_BIT(AT_RISK_OPENED))

struct inspection {
    struct view subject;
    kinward_node party;
    struct kinward_days at;
    int64_t lookback;
};

struct closing {
    struct view notice;
    struct kinward_days opened;
    bool at_risk, closed, similar;
};

/* A closing counts when it names the notice, or is about the same child by exact identifiers and not older than the opening. */
static int on_closing(struct closing *closing, const struct kinward_related *related, bool named)
{
    struct view view = {closing->notice.host, related->record};
    bool at_risk = view.host->event(view.record) == KINWARD_EVENT_AT_RISK_CLOSED;
    struct kinward_days closed;

    if (at_risk != closing->at_risk || view.host->standing(view.record) != KINWARD_REGISTERED)
        return 0;
    if (!days_at(view, 0, "notice/closedOn", &closed) && !event_days(view, &closed))
        return 0;
    if (closed.last < closing->opened.first)
        return 0;
    if (named || related->basis == KINWARD_BASIS_IDENTIFIER || related->basis == KINWARD_BASIS_DOCUMENT)
        closing->closed = true;
    else
        closing->similar = true;
    return 0;
}

static int on_named_closing(void *context, const struct kinward_related *related)
{
    return on_closing(context, related, true);
}

static int on_child_closing(void *context, const struct kinward_related *related)
{
    struct closing *closing = context;
    struct view view = {closing->notice.host, related->record};
    struct kinward_text one = text_at(closing->notice, 0, "notice/number"), other = text_at(view, 0, "notice/number");

    /* Two numbers that differ are two notices about one child. */
    if (one.size > 0 && other.size > 0 && (one.size != other.size || memcmp(one.data, other.data, one.size) != 0))
        return 0;
    return on_closing(closing, related, false);
}

static int find_closing(struct view notice, kinward_node child, struct closing *closing)
{
    const uint64_t events = KINWARD_EVENT_BIT(MISSING_CHILD_CLOSED) | KINWARD_EVENT_BIT(AT_RISK_CLOSED);
    kinward_node node = notice.host->find(notice.host->context, notice.record, 0, "notice");
    struct kinward_days closed;
    int r = 0;

    if (days_at(notice, 0, "notice/closedOn", &closed))
        closing->closed = true;
    if (node != KINWARD_NO_NODE)
        r = notice.host->linked(notice.host->context, notice.record, node, events, on_named_closing, closing);
    if (r == 0 && !closing->closed)
        r = notice.host->related(notice.host->context, notice.record, child, events, KINWARD_BASIS_ANY, on_child_closing, closing);
    return r;
}

static int tell(const struct inspection *in, const struct meeting *meeting, const struct closing *closing)
{
    struct view subject = in->subject, notice = closing->notice;
    bool firm = meeting->exact && notice.host->standing(notice.record) == KINWARD_REGISTERED;
    struct draft draft = {0};

    draft_fact(&draft, is_check(subject) ? "child-checked" : "document-requested", subject.record, "child", false);
    draft_param_days(&draft, "on", in->at);
    draft_param(&draft, "direction", text_at(subject, 0, "check/direction"));
    draft_param(&draft, "country", text_at(subject, 0, "event/place/country"));
    if (meeting->through != NULL)
        draft_fact(&draft, "document-belongs-to", meeting->through, "child", false);
    draft_fact(&draft, closing->at_risk ? "at-risk-notice-open" : "missing-child-notice-open", notice.record, "child", false);
    draft_param_days(&draft, "since", closing->opened);
    draft_param(&draft, "kind", text_at(notice, 0, "notice/kind"));
    draft_param(&draft, "action", text_at(notice, 0, "notice/action"));
    draft_subject(&draft, "child", subject.record, in->party);
    draft_cause(&draft, "notice-not-withdrawn", closing->similar ? KINWARD_PRESENT : KINWARD_UNKNOWN);
    draft_cause(&draft, "namesake", meeting->exact ? KINWARD_EXCLUDED : KINWARD_UNKNOWN);
    draft_cause(&draft, "child-fleeing-home",
                is_at(notice, 0, "notice/reporterMayBeDanger", "true") ? KINWARD_PRESENT : KINWARD_UNKNOWN);
    draft_key(&draft, text_at(notice, 0, "sourceRecord/registry"));
    draft_key(&draft, text_at(notice, 0, "sourceRecord/id"));
    return draft_emit(&draft, subject.host, firm ? KINWARD_TIER_A : KINWARD_TIER_B, KINWARD_EXTREME,
                      closing->at_risk ? "at-risk-child-met" : "missing-child-met");
}

static int on_notice(void *context, const struct meeting *meeting)
{
    static const char *const roles[] = {"missing_child", "child", "subject"};
    const struct inspection *in = context;
    struct view notice = {in->subject.host, meeting->with.record};
    struct closing closing = {.notice = notice};
    struct kinward_days until;
    int r;

    if (!has_one_role(notice, meeting->with.party, roles, COUNT(roles)))
        return 0;
    closing.at_risk = notice.host->event(notice.record) == KINWARD_EVENT_AT_RISK_OPENED;
    if (closing.at_risk && is_check(in->subject) &&
        (is_at(in->subject, 0, "check/direction", "in") || is_at(in->subject, 0, "check/direction", "inland")))
        return 0; /* a risk of removal is about leaving */
    if (!days_at(notice, 0, "notice/openedOn", &closing.opened) && !event_days(notice, &closing.opened))
        return 0;
    if ((int64_t)closing.opened.first - in->at.last > in->lookback)
        return 0;
    if (days_at(notice, 0, "notice/validTo", &until) && until.last < in->at.first)
        return 0;
    r = find_closing(notice, meeting->with.party, &closing);
    if (r < 0 || closing.closed)
        return r;
    return tell(in, meeting, &closing);
}

static int inspect(const struct kinward_rules_host *host, const struct kinward_record *record)
{
    struct inspection in = {.subject = {host, record}, .lookback = host->parameter(host->context, "lookback_days")};
    bool check = is_check(in.subject);
    int r = 0;

    if (!(check ? event_days(in.subject, &in.at) : issue_days(in.subject, &in.at)))
        return 0;
    for (in.party = first_party(in.subject); r == 0 && in.party != KINWARD_NO_NODE; in.party = next_party(in.subject, in.party))
        if (check ? is_traveller(in.subject, in.party) : has_role(in.subject, in.party, "document_holder"))
            r = meet(in.subject, in.party, OPENED, on_notice, &in);
    return r;
}

static const struct kinward_rule_parameter parameters[] = {
    {"lookback_days", 30, 0, 90, "days for which an earlier check is looked at again when a notice comes"},
};

const struct kinward_rule rule_m3 = {
    .size = sizeof(struct kinward_rule),
    .id = "M3",
    .version = 1,
    .title = "Check meets an open missing-child or at-risk notice",
    .tier = KINWARD_TIER_A,
    .subjects = KINWARD_EVENT_BIT(DOCUMENT_CHECK) | KINWARD_EVENT_BIT(BORDER_CROSSING) | KINWARD_EVENT_BIT(DOCUMENT_ISSUED) |
                KINWARD_EVENT_BIT(DOCUMENT_RENEWED),
    .evidence = OPENED | KINWARD_EVENT_BIT(MISSING_CHILD_CLOSED) | KINWARD_EVENT_BIT(AT_RISK_CLOSED) |
                KINWARD_EVENT_BIT(DOCUMENT_ISSUED) | KINWARD_EVENT_BIT(DOCUMENT_RENEWED),
    .parameters = parameters,
    .parameter_count = COUNT(parameters),
    .inspect = inspect,
};
