/* SPDX-License-Identifier: Apache-2.0 */
/* test_agree.c - the generated validator against libxml2's XSD validation, on mutated documents.
 *
 * usage: test-agree record|sample COUNT SEED. Prints the counts; any disagreement is printed in full and fails.
 */
#include <assert.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "record/engine.h"
#include "record/record.h"
#include "sample-names.h"

extern const struct kw_tables kw_sample_tables;

struct counts {
    long valid, invalid, form, disagreements, canonical;
};

/* The tables of one schema, libxml2's view of the same file, and documents to start from. */
struct subject {
    struct kw_engine engine;
    struct kw_schema *schema;
    struct tree *seeds;
    size_t seed_count;
    struct counts counts;
};

static void complain(struct subject *subject, const char *what, const struct kw_buf *text, const struct kw_fault *ours,
                     const struct kw_fault *theirs)
{
    if (subject->counts.disagreements++ > 5)
        return;
    printf("# %s\n# ours: <%s> %s (%u:%u)\n# libxml2: %s (%u)\n%.1500s\n", what, ours->place, ours->message, ours->line,
           ours->column, theirs->message, theirs->line, (const char *)text->data);
}

static size_t blank_size(const struct kw_buf *text, size_t at)
{
    if (at < text->size && strchr(" \n\t", text->data[at]))
        return 1;
    return text->size - at >= 5 && memcmp(text->data + at, "&#xD;", 5) == 0 ? 5 : 0;
}

/* Is ours the library's C14N with nothing but blanks between two tags left out? */
static bool same_but_blanks(const struct kw_buf *theirs, const struct kw_buf *ours)
{
    size_t at = 0, own = 0;
    while (at < theirs->size) {
        if (own < ours->size && theirs->data[at] == ours->data[own]) {
            at++, own++;
            continue;
        }
        size_t start = at, size;
        while ((size = blank_size(theirs, at)) > 0)
            at += size;
        if (at == start || theirs->data[start - 1] != '>' || at == theirs->size || theirs->data[at] != '<')
            return false;
    }
    return own == ours->size;
}

static void check_canonical(struct subject *subject, const struct kw_buf *text, const struct kw_xml *document)
{
    struct kw_buf theirs = {0}, ours = {0};
    struct kw_fault fault = {0};
    if (kw_xml_canonical(document, &theirs) != 0 ||
        kw_buf_append(&ours, subject->engine.canonical.data, subject->engine.canonical.size) != 0)
        abort();
    if (!same_but_blanks(&theirs, &ours))
        complain(subject, "canonical bytes differ from libxml2's", text, &fault, &fault);
    struct kw_buf image = {0};
    if (kw_buf_append(&image, subject->engine.image.data, subject->engine.image.size) != 0)
        abort();
    if (kw_engine_run(&subject->engine, kw_view_of(&ours), KW_LIMIT_RECORD, &fault) != 0 ||
        !kw_view_equal(kw_view_of(&subject->engine.canonical), kw_view_of(&ours)) ||
        !kw_view_equal(kw_view_of(&subject->engine.image), kw_view_of(&image)))
        complain(subject, "the canonical form is not its own canonical form", text, &fault, &fault);
    subject->counts.canonical++;
    kw_buf_clear(&image);
    kw_buf_clear(&theirs);
    kw_buf_clear(&ours);
}

static void compare(struct subject *subject, const struct kw_buf *text)
{
    struct kw_fault ours = {0}, theirs = {0};
    struct kw_xml *document = NULL;
    int error = kw_engine_run(&subject->engine, kw_view_of(text), KW_LIMIT_RECORD, &ours);
    if (error != 0 && ours.code != KW_E_SCHEMA) {
        subject->counts.form++;
        return;
    }
    if (kw_xml_parse(kw_view_of(text), KW_LIMIT_RECORD, &document, &theirs) != 0) {
        if (error == 0)
            complain(subject, "only the tree parser refuses", text, &ours, &theirs);
        subject->counts.form++;
        return;
    }
    int verdict = kw_schema_check(subject->schema, document, &theirs);
    if ((error == 0) != (verdict == 0))
        complain(subject, error == 0 ? "only libxml2 refuses" : "only the validator refuses", text, &ours, &theirs);
    else if (error == 0) {
        subject->counts.valid++;
        check_canonical(subject, text, document);
    } else
        subject->counts.invalid++;
    kw_xml_free(document);
}

static void load_seeds(struct subject *subject, const char *pattern)
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) {
        printf("Bail out! no documents at %s\n", pattern);
        exit(1);
    }
    subject->seeds = calloc(found.gl_pathc, sizeof(*subject->seeds));
    assert(subject->seeds != NULL);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct kw_buf text = {0};
        struct kw_fault fault;
        struct kw_xml *document;
        if (kw_file_read(found.gl_pathv[i], KW_LIMIT_RECORD, &text, &fault) != 0 ||
            kw_xml_parse(kw_view_of(&text), KW_LIMIT_RECORD, &document, &fault) != 0) {
            printf("Bail out! %s: %s\n", found.gl_pathv[i], fault.message);
            exit(1);
        }
        if (strcmp(kw_xml_name(kw_xml_root(document)), "records") != 0) {
            tree_read(&subject->seeds[subject->seed_count++], document);
            compare(subject, &text);
        }
        kw_xml_free(document);
        kw_buf_clear(&text);
    }
    globfree(&found);
}

static void run(struct subject *subject, long count, uint64_t seed)
{
    struct dice dice = {seed * 2 + 1};
    struct tree *work = calloc(1, sizeof(*work));
    assert(work != NULL);
    for (long i = 0; i < count; i++) {
        struct kw_buf text = {0};
        mutate(work, subject->seeds, (int)subject->seed_count, subject->engine.tables, &dice);
        tree_write(work, subject->engine.tables->space, &text);
        compare(subject, &text);
        kw_buf_clear(&text);
        tree_clear(work);
    }
    free(work);
}

int main(int argc, char **argv)
{
    assert(argc == 4);
    struct subject subject = {0};
    struct kw_fault fault = {0};
    char pattern[4096], schema[4096];
    bool sample = strcmp(argv[1], "sample") == 0;
    const char *source = getenv("KINWARD_SOURCE");
    snprintf(pattern, sizeof(pattern), sample ? "%s/tests/contract/record/sample*.xml" : "%s/schemas/examples/valid/*.xml", source);
    snprintf(schema, sizeof(schema), sample ? "%s/tests/contract/record/sample.xsd" : "%s/schemas/record.xsd", source);
    int error = sample ? kw_engine_init(&subject.engine, &kw_sample_tables, SAMPLE_sample, KW_TABLE_NONE)
                       : kw_engine_init(&subject.engine, &kw_record_tables, KW_N_record, KW_N_records);
    if (error != 0 || kw_schema_load(schema, &subject.schema, &fault) != 0) {
        printf("Bail out! %s\n", fault.message);
        return 1;
    }
    load_seeds(&subject, pattern);
    if (subject.counts.valid != (long)subject.seed_count)
        subject.counts.disagreements++;
    run(&subject, atol(argv[2]), strtoull(argv[3], NULL, 10));
    const struct counts *counts = &subject.counts;
    printf("# %s: %ld valid, %ld invalid, %ld refused for their form, %ld canonical forms compared, %ld disagreements\n", argv[1],
           counts->valid, counts->invalid, counts->form, counts->canonical, counts->disagreements);
    bool good = counts->disagreements == 0 && counts->valid > 1000 && counts->invalid > 1000;
    printf("1..1\n%s 1 - the validator agrees with libxml2\n", good ? "ok" : "not ok");
    for (size_t i = 0; i < subject.seed_count; i++)
        tree_clear(&subject.seeds[i]);
    free(subject.seeds);
    kw_engine_clear(&subject.engine);
    kw_schema_free(subject.schema);
    return good ? 0 : 1;
}
