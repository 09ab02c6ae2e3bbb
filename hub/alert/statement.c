/* SPDX-License-Identifier: Apache-2.0 */
/* statement.c - the statement of an alert as canonical XML (schemas/alert.xsd), written in its canonical form at once. */
#include "alert/private.h"

#include "xml/xml.h"

#define MOST 16 /* of each list: a statement must fit the largest size class */

/* What XML cannot carry, as a text that was cut within a character, becomes the replacement character. */
static int escape(struct kw_buf *out, struct kw_view text, bool attribute)
{
    size_t before = out->size;
    int r = kw_xml_escape(out, text, attribute);

    if (r != -EILSEQ)
        return r;
    out->size = before;
    return kw_buf_text(out, "\xef\xbf\xbd");
}

static int element(struct kw_buf *out, const char *name, struct kw_view text)
{
    int r = kw_buf_format(out, "<%s>", name);

    if (r == 0)
        r = escape(out, text, false);
    return r == 0 ? kw_buf_format(out, "</%s>", name) : r;
}

static int element_text(struct kw_buf *out, const char *name, const char *text)
{
    return element(out, name, kw_view_text(text));
}

static int element_optional(struct kw_buf *out, const char *name, const char *text)
{
    return text[0] == 0 ? 0 : element_text(out, name, text);
}

static int element_time(struct kw_buf *out, const char *name, int64_t ms)
{
    char text[KW_TIME_SIZE];

    kw_time_format(ms, text);
    return element_text(out, name, text);
}

static int element_hex(struct kw_buf *out, const char *name, const uint8_t *bytes, size_t size)
{
    char text[2 * 32 + 1];

    kw_hex(text, bytes, size);
    return element_text(out, name, text);
}

static int element_number(struct kw_buf *out, const char *name, uint64_t number)
{
    return kw_buf_format(out, "<%s>%llu</%s>", name, (unsigned long long)number, name);
}

/* ---- core --------------------------------------------------------------------------------- */

static const char *term(const char *const *terms, size_t count, uint32_t number)
{
    return number < count && terms[number] != NULL ? terms[number] : "Unknown";
}

static int put_rule(const struct kw_hit *hit, struct kw_buf *out)
{
    static const char *const severities[] = {NULL, "Minor", "Moderate", "Severe", "Extreme"};
    static const char *const urgencies[] = {NULL, "Past", "Future", "Expected", "Immediate"};
    static const char *const certainties[] = {NULL, "Possible", "Likely", "Observed"};
    static const char *const tiers[] = {NULL, "A", "B", "C"};
    int r = kw_buf_text(out, "<rule>");

    if (r == 0)
        r = element_text(out, "id", hit->rule);
    if (r == 0)
        r = element_number(out, "version", hit->version);
    if (r == 0)
        r = element_text(out, "tier", term(tiers, KW_COUNT(tiers), hit->tier));
    if (r == 0)
        r = element_text(out, "reason", hit->reason);
    if (r == 0)
        r = kw_buf_text(out, "</rule>");
    if (r == 0)
        r = element_text(out, "category", hit->rule[0] == 'M' && hit->rule[1] == '3' ? "Rescue" : "Security");
    if (r == 0)
        r = element_text(out, "urgency", term(urgencies, KW_COUNT(urgencies), hit->urgency));
    if (r == 0)
        r = element_text(out, "severity", term(severities, KW_COUNT(severities), hit->severity));
    return r == 0 ? element_text(out, "certainty", term(certainties, KW_COUNT(certainties), hit->certainty)) : r;
}

/* The same person has the same handle within one situation, and another one in every other. */
static int put_subject(const struct keys *keys, const struct kw_hit *hit, const struct kw_hit_subject *subject, struct kw_buf *out)
{
    uint8_t handle[KW_HASH_SIZE];
    int r = kw_buf_text(out, "<subject>");

    kw_hmac_sha256((struct kw_view){keys->name, sizeof(keys->name)}, (struct kw_view){hit->key, sizeof(hit->key)},
                   (struct kw_view){subject->handle, sizeof(subject->handle)}, handle);
    if (r == 0)
        r = element_text(out, "role", subject->role);
    if (r == 0)
        r = element_hex(out, "handle", handle, 8);
    if (r == 0)
        r = element_text(out, "ageBand", subject->age_band);
    if (r == 0)
        r = element_text(out, "registry", subject->registry);
    return r == 0 ? kw_buf_text(out, "</subject>") : r;
}

static int put_params(const char *params, struct kw_buf *out)
{
    int r = 0;

    while (r == 0 && *params != 0) {
        const char *equal = strchr(params, '='), *end = strchr(params, '\n');

        if (equal == NULL || end == NULL)
            return -EINVAL;
        r = kw_buf_text(out, "<param name=\"");
        if (r == 0)
            r = escape(out, (struct kw_view){(const uint8_t *)params, (size_t)(equal - params)}, true);
        if (r == 0)
            r = kw_buf_text(out, "\">");
        if (r == 0)
            r = escape(out, (struct kw_view){(const uint8_t *)equal + 1, (size_t)(end - equal - 1)}, false);
        if (r == 0)
            r = kw_buf_text(out, "</param>");
        params = end + 1;
    }
    return r;
}

static int put_fact(const struct kw_fact *fact, size_t number, struct kw_buf *out)
{
    char mark[2] = {0};
    int r = kw_buf_format(out, "<fact number=\"%zu\">", number);

    if (r == 0)
        r = element_text(out, "code", fact->code);
    if (r == 0)
        r = element_optional(out, "about", fact->role);
    if (r == 0)
        r = element_text(out, "registry", fact->registry);
    if (r == 0)
        r = element_text(out, "jurisdiction", fact->jurisdiction);
    if (r == 0)
        r = element_number(out, "record", fact->position);
    if (r == 0)
        r = element_text(out, "recordStatus", fact->status);
    if (r == 0)
        r = element_optional(out, "recorded", fact->recorded);
    if (r == 0)
        r = element_time(out, "asOf", fact->as_of_ms);
    mark[0] = fact->reliability;
    if (r == 0)
        r = element_text(out, "reliability", mark);
    mark[0] = fact->credibility;
    if (r == 0)
        r = element_text(out, "credibility", mark);
    if (r == 0)
        r = element_text(out, "assertedBy", fact->inferred ? "rule" : "owner");
    if (r == 0)
        r = put_params(fact->params, out);
    return r == 0 ? kw_buf_text(out, "</fact>") : r;
}

static int put_threshold(const struct kw_hit_threshold *threshold, struct kw_buf *out)
{
    int r = kw_buf_format(out, "<threshold limit=\"%lld\" name=\"", (long long)threshold->limit);

    if (r == 0)
        r = escape(out, kw_view_text(threshold->name), true);
    return r == 0 ? kw_buf_format(out, "\" value=\"%lld\"></threshold>", (long long)threshold->value) : r;
}

static int put_limits(const struct kw_hit *hit, struct kw_buf *out)
{
    static const char *const states[] = {"unknown", "excluded", "present"};
    int r = 0;

    for (size_t i = 0; r == 0 && i < hit->threshold_count && i < MOST; i++)
        r = put_threshold(&hit->thresholds[i], out);
    for (size_t i = 0; r == 0 && i < hit->cause_count && i < MOST; i++) {
        r = kw_buf_format(out, "<cause state=\"%s\">", states[hit->causes[i].state % 3]);
        if (r == 0)
            r = escape(out, kw_view_text(hit->causes[i].code), false);
        if (r == 0)
            r = kw_buf_text(out, "</cause>");
    }
    return r;
}

int kw_statement_core(const struct keys *keys, const struct kw_hit *hit, struct kw_buf *ret_core)
{
    int r = put_rule(hit, ret_core);

    if (r == 0)
        r = kw_buf_text(ret_core, "<event>");
    if (r == 0)
        r = element_optional(ret_core, "at", hit->event_at);
    if (r == 0)
        r = element_optional(ret_core, "country", hit->country);
    if (r == 0)
        r = element_text(ret_core, "jurisdiction", hit->jurisdiction);
    if (r == 0)
        r = kw_buf_text(ret_core, "</event>");
    for (size_t i = 0; r == 0 && i < hit->subject_count && i < MOST; i++)
        r = put_subject(keys, hit, &hit->subjects[i], ret_core);
    for (size_t i = 0; r == 0 && i < hit->fact_count && i < MOST; i++)
        r = put_fact(&hit->facts[i], i + 1, ret_core);
    return r == 0 ? put_limits(hit, ret_core) : r;
}

/* ---- whole ----------------------------------------------------------------------------------- */

static int put_head(const struct kw_alerts *alerts, const struct alert *alert, enum kw_alert_type type, int64_t sent_ms,
                    struct kw_buf *out)
{
    uint8_t reference[16];
    int r = kw_buf_text(out, "<statement xmlns=\"urn:kinward:alert:1\">");

    kw_alert_case(&alerts->keys, alert->id, reference);
    if (r == 0)
        r = element_hex(out, "alert", alert->id, sizeof(alert->id));
    if (r == 0)
        r = element_number(out, "revision", alert->revision);
    if (r == 0)
        r = element_text(out, "type", kw_alert_type_name(type));
    if (r == 0)
        r = element_text(out, "status", kw_alert_status_name(alerts->status));
    if (r == 0)
        r = element_text(out, "scope", "Private");
    if (r == 0)
        r = element_text(out, "hub", alerts->hub);
    if (r == 0)
        r = element_time(out, "sent", sent_ms);
    if (r == 0)
        r = element_time(out, "expires", alert->expires_ms);
    if (r == 0 && type != KW_ALERT_ALERT)
        r = element_number(out, "refers", alert->sent);
    if (r == 0)
        r = element_hex(out, "case", reference, sizeof(reference));
    if (r == 0)
        r = element_number(out, "count", alert->count);
    if (r == 0)
        r = element_time(out, "firstSeen", alert->first_ms);
    if (r == 0)
        r = element_time(out, "lastSeen", alert->last_ms);
    return r == 0 ? element_text(out, "response", type == KW_ALERT_CANCEL ? "AllClear" : "Assess") : r;
}

static int put_tail(const struct kw_alerts *alerts, const struct alert *alert, const struct review_note *review, struct kw_buf *out)
{
    static const char *const tail = "<instruction>protect-first</instruction><instruction>ask-owner</instruction>"
                                    "<instruction>talk-separately</instruction><instruction>treat-as-child</instruction>"
                                    "<prohibited>refuse</prohibited><prohibited>detain</prohibited><prohibited>return</prohibited>"
                                    "<prohibited>publish</prohibited><prohibited>immigration-enforcement</prohibited>";
    int r = kw_buf_text(out, tail);

    if (r == 0 && strcmp(alert->rule, "M3") == 0)
        r = kw_buf_text(out, "<prohibited>tell-location</prohibited>");
    if (r == 0 && review != NULL) {
        r = kw_buf_text(out, "<review>");
        if (r == 0)
            r = element_text(out, "decision", "released");
        if (r == 0)
            r = element_text(out, "role", review->role);
        if (r == 0)
            r = element_time(out, "at", review->at_ms);
        if (r == 0)
            r = kw_buf_text(out, "</review>");
    }
    if (r == 0)
        r = element_text(out, "owner", alerts->owner);
    if (r == 0)
        r = element_text(out, "redress", alerts->redress);
    if (r == 0)
        r = kw_buf_text(out, "<purpose>child-protection</purpose><handling>TLP:RED</handling><handling>PAP:RED</handling>");
    return r == 0 ? kw_buf_text(out, "</statement>") : r;
}

int kw_statement(const struct kw_alerts *alerts, const struct alert *alert, enum kw_alert_type type, int64_t sent_ms,
                 const struct review_note *review, struct kw_view core, struct kw_buf *ret_statement, size_t *ret_core_at)
{
    int r = put_head(alerts, alert, type == 0 ? KW_ALERT_ALERT : type, sent_ms, ret_statement);

    *ret_core_at = ret_statement->size;
    if (r == 0)
        r = kw_buf_append(ret_statement, core.data, core.size);
    return r == 0 ? put_tail(alerts, alert, review, ret_statement) : r;
}
