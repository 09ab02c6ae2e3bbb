/* SPDX-License-Identifier: Apache-2.0 */
/* render.c - a statement as one screen of plain text, all words from the message catalogue. */
#include "alert/private.h"

#include "base/limits.h"
#include "xml/xml.h"

#define COLUMNS 100

struct page {
    const struct kw_xml_element *statement, *catalogue;
    struct kw_buf *out;
    struct kw_fault *fault;
    bool cancel;
};

/* ---- words --------------------------------------------------------------------------------------- */

/* The catalogue's text for group.code, appended; -ENOENT when it has none. */
static int find_message(const struct page *page, const char *group, const char *code, struct kw_buf *ret_text)
{
    char wanted[128];

    snprintf(wanted, sizeof(wanted), "%s.%s", group, code);
    for (const struct kw_xml_element *text = kw_xml_first(page->catalogue, "text"); text != NULL;
         text = kw_xml_next(text, "text")) {
        KW_AUTO(kw_buf_clear) struct kw_buf name = {0};
        int r = kw_xml_attribute(text, "code", &name);

        if (r < 0)
            return r;
        if (kw_view_is(kw_view_of(&name), wanted))
            return kw_xml_text(text, ret_text);
    }
    return -ENOENT;
}

static int message(const struct page *page, const char *group, const char *code, struct kw_buf *ret_text)
{
    int r = find_message(page, group, code, ret_text);

    if (r == -ENOENT)
        return kw_fail(page->fault, -ENOENT, KW_E_NOT_FOUND, "messages", "the catalogue has no text for %s.%s", group, code);
    return r;
}

static int child_text(const struct kw_xml_element *parent, const char *name, struct kw_buf *ret_text)
{
    const struct kw_xml_element *child = parent == NULL ? NULL : kw_xml_first(parent, name);

    return child == NULL ? 0 : kw_xml_text(child, ret_text);
}

static const char *words(const struct kw_buf *text)
{
    return text->data == NULL ? "" : (const char *)text->data;
}

/* The catalogue's word for a child element's code, or the code itself (dates, countries, registries). */
static int child_word(const struct page *page, const struct kw_xml_element *parent, const char *name, const char *group,
                      struct kw_buf *ret_text)
{
    KW_AUTO(kw_buf_clear) struct kw_buf code = {0};
    int r = child_text(parent, name, &code);

    if (r < 0 || code.size == 0)
        return r;
    r = find_message(page, group, words(&code), ret_text);
    return r == -ENOENT ? kw_buf_append(ret_text, code.data, code.size) : r;
}

static size_t columns_of(const char *text, size_t size)
{
    size_t columns = 0;

    for (size_t i = 0; i < size; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}

/* lead, then text broken at blanks, the further lines indented by the width of lead. */
static int paragraph(struct kw_buf *out, const char *lead, const char *text)
{
    size_t indent = columns_of(lead, strlen(lead)), column = indent;
    int r = kw_buf_text(out, lead);

    while (r == 0 && *text != 0) {
        size_t size = strcspn(text, " \n"), width = columns_of(text, size);

        if (column > indent && column + 1 + width > COLUMNS) {
            r = kw_buf_format(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            r = kw_buf_text(out, " ");
            column++;
        }
        if (r == 0)
            r = kw_buf_append(out, text, size);
        column += width;
        text += size + strspn(text + size, " \n");
    }
    return r == 0 ? kw_buf_text(out, "\n") : r;
}

static int heading(const struct page *page, const char *code)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    int r = message(page, "heading", code, &text);

    return r == 0 ? kw_buf_format(page->out, "\n%s\n", words(&text)) : r;
}

/* ---- head ------------------------------------------------------------------------------------------ */

static int put_headline(const struct page *page)
{
    KW_AUTO(kw_buf_clear) struct kw_buf rule = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf status = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf type = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf line = {0};
    int r = child_text(kw_xml_first(page->statement, "rule"), "id", &rule);

    if (r == 0)
        r = child_text(page->statement, "status", &status);
    if (r == 0)
        r = child_text(page->statement, "type", &type);
    if (r == 0)
        r = message(page, "status", words(&status), &line);
    if (r == 0 && line.size > 0)
        r = kw_buf_text(&line, " ");
    if (r == 0)
        r = message(page, "type", words(&type), &line);
    if (r == 0)
        r = kw_buf_text(&line, " ");
    if (r == 0)
        r = message(page, "rule", words(&rule), &line);
    return r == 0 ? paragraph(page->out, "", words(&line)) : r;
}

/* Title: word, title: word … of the elements named. */
static int put_terms(const struct page *page, const struct kw_xml_element *parent, const char *const (*terms)[2], size_t count)
{
    KW_AUTO(kw_buf_clear) struct kw_buf line = {0};
    int r = 0;

    for (size_t i = 0; r == 0 && parent != NULL && i < count; i++) {
        KW_AUTO(kw_buf_clear) struct kw_buf word = {0};

        r = child_word(page, parent, terms[i][0], terms[i][1], &word);
        if (r < 0 || word.size == 0)
            continue;
        if (line.size > 0)
            r = kw_buf_text(&line, ", ");
        if (r == 0)
            r = message(page, "label", terms[i][0], &line);
        if (r == 0)
            r = kw_buf_format(&line, " %s", words(&word));
    }
    return r == 0 && line.size > 0 ? paragraph(page->out, "", words(&line)) : r;
}

static int put_head(const struct page *page)
{
    static const char *const grade[][2] = {{"id", ""}, {"tier", "tier"}};
    static const char *const terms[][2] = {{"severity", "severity"}, {"urgency", "urgency"}, {"certainty", "certainty"}};
    int r = put_headline(page);

    if (r == 0)
        r = put_terms(page, kw_xml_first(page->statement, "rule"), grade, KW_COUNT(grade));
    return r == 0 ? put_terms(page, page->statement, terms, KW_COUNT(terms)) : r;
}

static int put_subjects(const struct page *page)
{
    int r = heading(page, "who");

    for (const struct kw_xml_element *subject = kw_xml_first(page->statement, "subject"); r == 0 && subject != NULL;
         subject = kw_xml_next(subject, "subject")) {
        KW_AUTO(kw_buf_clear) struct kw_buf line = {0};

        r = child_word(page, subject, "role", "role", &line);
        if (r == 0)
            r = kw_buf_text(&line, ", ");
        if (r == 0)
            r = child_word(page, subject, "ageBand", "age", &line);
        if (r == 0)
            r = kw_buf_text(&line, ", ");
        if (r == 0)
            r = child_text(subject, "registry", &line);
        if (r == 0)
            r = kw_buf_text(&line, ", #");
        if (r == 0)
            r = child_text(subject, "handle", &line);
        if (r == 0)
            r = paragraph(page->out, "  - ", words(&line));
    }
    return r;
}

/* ---- facts -------------------------------------------------------------------------------------------- */

/* The value of a fact's parameter, in the catalogue's words where it is a code. */
static int put_param(const struct page *page, const struct kw_xml_element *fact, const char *name, struct kw_buf *out)
{
    char group[64];

    snprintf(group, sizeof(group), "value.%s", name);
    for (const struct kw_xml_element *param = kw_xml_first(fact, "param"); param != NULL; param = kw_xml_next(param, "param")) {
        KW_AUTO(kw_buf_clear) struct kw_buf known = {0};
        KW_AUTO(kw_buf_clear) struct kw_buf value = {0};
        int r = kw_xml_attribute(param, "name", &known);

        if (r < 0)
            return r;
        if (!kw_view_is(kw_view_of(&known), name))
            continue;
        r = kw_xml_text(param, &value);
        if (r == 0)
            r = find_message(page, group, words(&value), out);
        return r == -ENOENT ? kw_buf_append(out, value.data, value.size) : r;
    }
    return message(page, "label", "absent", out);
}

/* A template with {name} for each parameter. */
static int fill(const struct page *page, const struct kw_xml_element *fact, const char *template, struct kw_buf *out)
{
    int r = 0;

    while (r == 0 && *template != 0) {
        size_t plain = strcspn(template, "{"), size;
        char name[32];

        r = kw_buf_append(out, template, plain);
        template += plain;
        if (r < 0 || *template == 0)
            break;
        size = strcspn(template, "}");
        if (template[size] == 0)
            return kw_fail(page->fault, -EBADMSG, KW_E_CONFIG, "messages", "a parameter's name is not closed");
        snprintf(name, sizeof(name), "%.*s", (int)size - 1, template + 1);
        r = put_param(page, fact, name, out);
        template += size + 1;
    }
    return r;
}

static int put_source(const struct page *page, const struct kw_xml_element *fact, struct kw_buf *out)
{
    static const char *const parts[][2] = {
        {"registry", ""}, {"jurisdiction", ""},           {"recordStatus", "value.status"}, {"recorded", ""},
        {"asOf", ""},     {"reliability", "reliability"}, {"credibility", "credibility"},   {"assertedBy", "asserted"}};
    bool first = true;
    int r = kw_buf_text(out, " [");

    for (size_t i = 0; r == 0 && i < KW_COUNT(parts); i++) {
        KW_AUTO(kw_buf_clear) struct kw_buf word = {0};

        r = child_word(page, fact, parts[i][0], parts[i][1], &word);
        if (r < 0 || word.size == 0)
            continue;
        if (!first)
            r = kw_buf_text(out, "; ");
        first = false;
        if (r == 0 && (strcmp(parts[i][0], "recorded") == 0 || strcmp(parts[i][0], "asOf") == 0)) {
            r = message(page, "label", parts[i][0], out);
            if (r == 0)
                r = kw_buf_text(out, " ");
        }
        if (r == 0)
            r = kw_buf_text(out, words(&word));
    }
    return r == 0 ? kw_buf_text(out, "]") : r;
}

static int put_fact(const struct page *page, const struct kw_xml_element *fact, unsigned number)
{
    KW_AUTO(kw_buf_clear) struct kw_buf code = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf template = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf line = {0};
    char lead[16];
    int r = child_text(fact, "code", &code);

    if (r == 0)
        r = message(page, "fact", words(&code), &template);
    if (r == 0)
        r = fill(page, fact, words(&template), &line);
    if (r == 0)
        r = put_source(page, fact, &line);
    snprintf(lead, sizeof(lead), "%3u. ", number);
    return r == 0 ? paragraph(page->out, lead, words(&line)) : r;
}

static int put_facts(const struct page *page)
{
    unsigned number = 1;
    int r = heading(page, "facts");

    for (const struct kw_xml_element *fact = kw_xml_first(page->statement, "fact"); r == 0 && fact != NULL;
         fact = kw_xml_next(fact, "fact"))
        r = put_fact(page, fact, number++);
    for (const struct kw_xml_element *threshold = kw_xml_first(page->statement, "threshold"); r == 0 && threshold != NULL;
         threshold = kw_xml_next(threshold, "threshold")) {
        KW_AUTO(kw_buf_clear) struct kw_buf name = {0};
        KW_AUTO(kw_buf_clear) struct kw_buf line = {0};

        r = kw_xml_attribute(threshold, "name", &name);
        if (r == 0)
            r = message(page, "threshold", words(&name), &line);
        if (r == 0)
            r = kw_buf_text(&line, " ");
        if (r == 0)
            r = kw_xml_attribute(threshold, "value", &line);
        if (r == 0)
            r = kw_buf_text(&line, " / ");
        if (r == 0)
            r = kw_xml_attribute(threshold, "limit", &line);
        if (r == 0)
            r = paragraph(page->out, "   = ", words(&line));
    }
    return r;
}

/* ---- causes, advice, tail --------------------------------------------------------------------------------- */

static int put_cause(const struct page *page, const struct kw_xml_element *cause)
{
    KW_AUTO(kw_buf_clear) struct kw_buf state = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf code = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf line = {0};
    bool excluded;
    int r = kw_xml_attribute(cause, "state", &state);

    if (r == 0)
        r = kw_xml_text(cause, &code);
    if (r == 0)
        r = message(page, "cause", words(&code), &line);
    if (r == 0)
        r = kw_buf_text(&line, " - ");
    excluded = kw_view_is(kw_view_of(&state), "excluded");
    if (r == 0) /* how it was excluded, else what is known about it */
        r = excluded ? message(page, "excluded", words(&code), &line) : message(page, "state", words(&state), &line);
    if (r < 0)
        return r;
    return paragraph(page->out,
                     excluded                                    ? "  [x] "
                     : kw_view_is(kw_view_of(&state), "present") ? "  [!] "
                                                                 : "  [ ] ",
                     words(&line));
}

static int put_list(const struct page *page, const char *head, const char *name)
{
    int r = heading(page, head);

    for (const struct kw_xml_element *item = kw_xml_first(page->statement, name); r == 0 && item != NULL;
         item = kw_xml_next(item, name)) {
        KW_AUTO(kw_buf_clear) struct kw_buf code = {0};
        KW_AUTO(kw_buf_clear) struct kw_buf line = {0};

        r = kw_xml_text(item, &code);
        if (r == 0)
            r = message(page, name, words(&code), &line);
        if (r == 0)
            r = paragraph(page->out, "  - ", words(&line));
    }
    return r;
}

static int put_message(const struct page *page, const char *head, const char *group, const char *code)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    int r = heading(page, head);

    if (r == 0)
        r = message(page, group, code, &text);
    return r == 0 ? paragraph(page->out, "  ", words(&text)) : r;
}

static int put_what(const struct page *page)
{
    KW_AUTO(kw_buf_clear) struct kw_buf reason = {0};
    int r = child_text(kw_xml_first(page->statement, "rule"), "reason", &reason);

    return r == 0 ? put_message(page, "what", "what", words(&reason)) : r;
}

static int put_why(const struct page *page)
{
    KW_AUTO(kw_buf_clear) struct kw_buf rule = {0};
    int r = child_text(kw_xml_first(page->statement, "rule"), "id", &rule);

    if (r == 0)
        r = put_message(page, "why", "why", words(&rule));
    if (r == 0)
        r = heading(page, "causes");
    for (const struct kw_xml_element *cause = kw_xml_first(page->statement, "cause"); r == 0 && cause != NULL;
         cause = kw_xml_next(cause, "cause"))
        r = put_cause(page, cause);
    return r;
}

static int put_tail(const struct page *page)
{
    static const char *const contacts[][2] = {{"owner", ""}, {"redress", ""}};
    static const char *const reviewed[][2] = {{"role", ""}};
    static const char *const references[][2] = {{"case", ""}, {"alert", ""}, {"revision", ""}, {"refers", ""}};
    static const char *const times[][2] = {{"sent", ""}, {"expires", ""}, {"hub", ""}, {"count", ""}};
    int r = heading(page, "ask");

    for (size_t i = 0; r == 0 && i < KW_COUNT(contacts); i++)
        r = put_terms(page, page->statement, &contacts[i], 1);
    if (r == 0)
        r = put_terms(page, kw_xml_first(page->statement, "review"), reviewed, KW_COUNT(reviewed));
    if (r == 0)
        r = heading(page, "reference");
    if (r == 0)
        r = put_terms(page, page->statement, references, KW_COUNT(references));
    if (r == 0)
        r = put_terms(page, page->statement, times, KW_COUNT(times));
    return r == 0 ? put_list(page, "handling", "handling") : r;
}

static int put_page(const struct page *page)
{
    int r = put_head(page);

    if (r == 0 && page->cancel)
        r = put_message(page, "withdrawn", "cancel", "meaning");
    if (r == 0)
        r = put_what(page);
    if (r == 0)
        r = put_subjects(page);
    if (r == 0)
        r = put_facts(page);
    if (r == 0 && !page->cancel)
        r = put_why(page);
    if (r == 0 && !page->cancel)
        r = put_list(page, "do", "instruction");
    if (r == 0)
        r = put_list(page, "not", "prohibited");
    return r == 0 ? put_tail(page) : r;
}

int kw_alert_render(struct kw_view statement, const char *catalogue_path, struct kw_buf *ret_text, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf file = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf type = {0};
    KW_AUTO(kw_xml_freep) struct kw_xml *document = NULL;
    KW_AUTO(kw_xml_freep) struct kw_xml *catalogue = NULL;
    struct page page = {.out = ret_text, .fault = fault};
    size_t before = ret_text->size;
    int r = kw_file_read(catalogue_path, KW_LIMIT_CONFIG, &file, fault);

    if (r == 0)
        r = kw_xml_parse(kw_view_of(&file), KW_LIMIT_CONFIG, &catalogue, fault);
    if (r == 0)
        r = kw_xml_parse(statement, KW_LIMIT_RECORD, &document, fault);
    if (r < 0)
        return r;
    page.statement = kw_xml_root(document);
    page.catalogue = kw_xml_root(catalogue);
    if (strcmp(kw_xml_space(page.statement), "urn:kinward:alert:1") != 0)
        return kw_fail(fault, -EBADMSG, KW_E_NAMESPACE, kw_xml_name(page.statement), "not the statement of an alert");
    r = child_text(page.statement, "type", &type);
    page.cancel = kw_view_is(kw_view_of(&type), "cancel");
    if (r == 0)
        r = put_page(&page);
    if (r < 0)
        ret_text->size = before;
    return kw_alert_trouble(r, fault);
}
