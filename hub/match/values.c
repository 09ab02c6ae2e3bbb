/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - what of a party or document is compared: identifiers, document numbers, names with birth date, in normal form. */
#include "match/match-private.h"
#include "text/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Identifiers that are the number of a document as well: one key, whichever way the source put it. */
static const char *const of_documents[] = {"passport", "driving_licence", "residence_permit"};
/* Identifiers that do not name one person. */
static const char *const of_nobody[] = {"none_declared", "other", "unknown",  "organization",          "facility",
                                        "professional",  "case",  "tracking", "marriage_registration", "divorce_registration"};
/* Documents whose number names one holder. */
static const char *const personal[] = {"passport",
                                       "diplomatic_passport",
                                       "service_passport",
                                       "emergency_passport",
                                       "refugee_travel_document",
                                       "stateless_travel_document",
                                       "alien_travel_document",
                                       "laissez_passer",
                                       "un_laissez_passer",
                                       "national_identity_card",
                                       "residence_permit",
                                       "visa",
                                       "border_crossing_card",
                                       "crew_certificate",
                                       "seafarer_identity",
                                       "driving_licence",
                                       "refugee_certificate",
                                       "asylum_seeker_card"};

static bool is_one_of(struct kw_view text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (kw_view_is(text, list[i]))
            return true;
    return false;
}

struct values {
    const struct kw_image *image;
    unsigned kinds;
    struct kw_buf *scratch;
    kw_value_visit visit;
    void *context;
    struct kw_view jurisdiction; /* of the record: the issuer where none is named; empty for a check, where papers are foreign */
};

static struct kw_view text_of(const struct kw_image *image, kw_node node, enum kw_name name)
{
    kw_node child = node == KW_NONE ? KW_NONE : kw_image_child(image, node, name);

    return child == KW_NONE ? (struct kw_view){0} : kw_image_text(image, child);
}

/* "type|country|NUMBER": nothing when the issuer is not known or the number is empty in normal form. */
static int number(struct values *values, enum kw_match_kind kind, struct kw_view type, struct kw_view country, struct kw_view value)
{
    size_t scope;
    int r;

    if ((values->kinds & KW_MATCH_BIT(kind)) == 0 || value.size == 0)
        return 0;
    if (country.size == 0 || kw_view_is(country, "unknown"))
        country = values->jurisdiction;
    if (country.size == 0)
        return 0;
    values->scratch->size = 0;
    if ((r = kw_buf_append(values->scratch, type.data, type.size)) < 0 || (r = kw_buf_text(values->scratch, "|")) < 0 ||
        (r = kw_buf_append(values->scratch, country.data, country.size)) < 0 || (r = kw_buf_text(values->scratch, "|")) < 0)
        return r;
    scope = values->scratch->size;
    r = kw_id_normal(value, values->scratch);
    if (r < 0 || values->scratch->size == scope)
        return r;
    return values->visit(values->context, kind, kw_view_of(values->scratch), scope);
}

static int identifier(struct values *values, kw_node node)
{
    struct kw_view type = text_of(values->image, node, KW_N_type), status = text_of(values->image, node, KW_N_status);
    enum kw_match_kind kind = KW_MATCH_IDENTIFIER;

    if (is_one_of(type, of_nobody, KW_COUNT(of_nobody)) || kw_view_is(status, "invalid"))
        return 0;
    if (is_one_of(type, of_documents, KW_COUNT(of_documents)))
        kind = KW_MATCH_DOCUMENT;
    return number(values, kind, type, text_of(values->image, node, KW_N_issuingCountry), text_of(values->image, node, KW_N_value));
}

static int document(struct values *values, kw_node node)
{
    struct kw_view type = text_of(values->image, node, KW_N_type);

    if (!is_one_of(type, personal, KW_COUNT(personal)))
        return 0;
    return number(values, KW_MATCH_DOCUMENT, type, text_of(values->image, node, KW_N_issuingCountry),
                  text_of(values->image, node, KW_N_number));
}

static bool has_role(const struct kw_image *image, kw_node party, const char *role)
{
    for (kw_node node = kw_image_child(image, party, KW_N_role); node != KW_NONE; node = kw_image_next(image, node, KW_N_role))
        if (kw_view_is(kw_image_text(image, node), role))
            return true;
    return false;
}

/* The party's own birth registration number, where it stands apart from the identifiers. */
static int birth_number(struct values *values, kw_node party)
{
    const struct kw_view type = kw_view_text("birth_registration");
    kw_node link = kw_image_child(values->image, party, KW_N_birthRecord);
    int r = 0;

    if (link != KW_NONE)
        r = number(values, KW_MATCH_IDENTIFIER, type, text_of(values->image, link, KW_N_jurisdiction),
                   text_of(values->image, link, KW_N_registrationNumber));
    if (r == 0 && kw_view_is(text_of(values->image, 0, KW_N_eventType), "live_birth") && has_role(values->image, party, "child"))
        r = number(values, KW_MATCH_IDENTIFIER, type, (struct kw_view){0},
                   kw_image_at(values->image, 0, KW_PATH(KW_N_registration, KW_N_number)));
    return r;
}

int kw_match_date(const struct kw_image *image, kw_node date, struct kw_date_range *ret_range)
{
    static const char *const loose[] = {"approximate", "uncertain", "estimated_from_age"};
    struct kw_date_range range, bound;
    struct kw_view qualifier;
    bool bounded = false;

    if (date == KW_NONE || kw_date_parse(text_of(image, date, KW_N_value), &range) < 0)
        return 0;
    qualifier = text_of(image, date, KW_N_qualifier);
    if (kw_date_parse(text_of(image, date, KW_N_earliest), &bound) == 0) {
        range.first = bound.first;
        bounded = true;
    }
    if (kw_date_parse(text_of(image, date, KW_N_latest), &bound) == 0) {
        range.last = bound.last;
        bounded = true;
    }
    if (kw_view_is(qualifier, "before"))
        range.first = range.first < -KW_DATE_FAR ? range.first : -KW_DATE_FAR;
    else if (kw_view_is(qualifier, "after"))
        range.last = range.last > KW_DATE_FAR ? range.last : KW_DATE_FAR;
    else if (!bounded && (is_one_of(qualifier, loose, KW_COUNT(loose)) || kw_view_is(qualifier, "conventional"))) {
        range.first -= 366; /* a year either way */
        range.last += 366;
    }
    if (range.last < range.first)
        return 0;
    *ret_range = range;
    return 1;
}

int kw_match_birth(const struct kw_image *image, kw_node party, struct kw_date_range *ret_range)
{
    return kw_match_date(image, kw_image_child(image, party, KW_N_dateOfBirth), ret_range);
}

static int compare_words(const void *a, const void *b)
{
    const struct kw_view *x = a, *y = b;
    size_t size = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->data, y->data, size);

    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

/* Sorted words: "Testperson, Amina" of a machine-readable zone is "Amina Testperson". */
static int sort_words(struct kw_view normal, struct kw_buf *ret_text)
{
    struct kw_view words[64];
    size_t count = 0, start = 0;
    int r;

    for (size_t i = 0; i <= normal.size; i++) {
        if (i < normal.size && normal.data[i] != ' ')
            continue;
        if (i > start && count < KW_COUNT(words))
            words[count++] = (struct kw_view){normal.data + start, i - start};
        start = i + 1;
    }
    qsort(words, count, sizeof(words[0]), compare_words);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (r = kw_buf_text(ret_text, " ")) < 0)
            return r;
        if ((r = kw_buf_append(ret_text, words[i].data, words[i].size)) < 0)
            return r;
    }
    return 0;
}

int kw_match_name(const struct kw_image *image, kw_node name, struct kw_buf *ret_text)
{
    static const enum kw_name parts[] = {KW_N_givenName, KW_N_patronymicName, KW_N_matronymicName, KW_N_familyName};
    struct kw_view language = text_of(image, name, KW_N_language), whole = text_of(image, name, KW_N_fullName);
    KW_AUTO(kw_buf_clear) struct kw_buf joined = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf normal = {0};
    bool some = false;
    int r;

    for (size_t i = 0; i < KW_COUNT(parts); i++)
        for (kw_node node = kw_image_child(image, name, parts[i]); node != KW_NONE; node = kw_image_next(image, node, parts[i])) {
            struct kw_view part = kw_image_text(image, node);

            if ((some && (r = kw_buf_text(&joined, " ")) < 0) || (r = kw_buf_append(&joined, part.data, part.size)) < 0)
                return r;
            some = true;
        }
    if (!some && (r = kw_buf_append(&joined, whole.data, whole.size)) < 0)
        return r;
    if ((r = kw_name_normal(kw_view_of(&joined), language, &normal)) < 0)
        return r;
    return sort_words(kw_view_of(&normal), ret_text);
}

/* "yyyy-day|words", for each name, when the birth date is one day. */
static int names(struct values *values, kw_node party)
{
    struct kw_date_range birth;
    int r = 0;

    if ((values->kinds & KW_MATCH_BIT(KW_MATCH_NAME_BIRTH)) == 0 || kw_match_birth(values->image, party, &birth) != 1 ||
        birth.first != birth.last)
        return 0;
    for (kw_node name = kw_image_child(values->image, party, KW_N_name); r == 0 && name != KW_NONE;
         name = kw_image_next(values->image, name, KW_N_name)) {
        size_t start;

        values->scratch->size = 0;
        if ((r = kw_buf_format(values->scratch, "%d|", (int)birth.first)) < 0)
            return r;
        start = values->scratch->size;
        if ((r = kw_match_name(values->image, name, values->scratch)) < 0)
            return r;
        if (memchr(values->scratch->data + start, ' ', values->scratch->size - start) != NULL) /* one word is no full name */
            r = values->visit(values->context, KW_MATCH_NAME_BIRTH, kw_view_of(values->scratch), 0);
    }
    return r;
}

static int party_values(struct values *values, kw_node party)
{
    const struct kw_image *image = values->image;
    int r = 0;

    for (kw_node node = kw_image_child(image, party, KW_N_identifier); r == 0 && node != KW_NONE;
         node = kw_image_next(image, node, KW_N_identifier))
        r = identifier(values, node);
    if (r == 0)
        r = birth_number(values, party);
    for (kw_node node = kw_image_child(image, party, KW_N_document); r == 0 && node != KW_NONE;
         node = kw_image_next(image, node, KW_N_document))
        r = document(values, node);
    if (r == 0 && has_role(image, party, "document_holder"))
        for (kw_node node = kw_image_child(image, 0, KW_N_document); r == 0 && node != KW_NONE;
             node = kw_image_next(image, node, KW_N_document))
            r = document(values, node);
    return r == 0 ? names(values, party) : r;
}

int kw_match_values(const struct kw_image *image, kw_node node, unsigned kinds, struct kw_buf *scratch, kw_value_visit visit,
                    void *context)
{
    struct values values = {image, kinds, scratch, visit, context, {0}};
    struct kw_view event = text_of(image, 0, KW_N_eventType);

    if (!kw_view_is(event, "document_check") && !kw_view_is(event, "border_crossing"))
        values.jurisdiction = kw_image_at(image, 0, KW_PATH(KW_N_sourceRecord, KW_N_jurisdiction));
    if (kw_image_name(image, node) == KW_N_document)
        return document(&values, node);
    if (kw_image_name(image, node) == KW_N_party)
        return party_values(&values, node);
    return 0;
}
