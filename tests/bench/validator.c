/* SPDX-License-Identifier: Apache-2.0 */
/* validator.c - what one record costs: the library's bare SAX2 pass, the validator, the library's tree with XSD; one run.
 *
 * usage: bench-validator [SECONDS-EACH]   (KINWARD_SOURCE: the repository). Thread CPU time; medians of five rounds.
 */
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "record/record.h"

#define ROUNDS 5

struct bench {
    struct kw_view text;
    struct kw_validator *validator;
    struct kw_buf canonical, image;
    xmlParserCtxtPtr sax, dom;
    xmlSchemaValidCtxtPtr schema;
    unsigned long seen;
};

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void on_open(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *space, int declared,
                    const xmlChar **declarations, int count, int defaulted, const xmlChar **attributes)
{
    (void)name, (void)prefix, (void)space, (void)declared, (void)declarations, (void)defaulted, (void)attributes;
    ((struct bench *)user)->seen += 1 + (unsigned)count;
}

static void on_close(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *space)
{
    (void)name, (void)prefix, (void)space;
    ((struct bench *)user)->seen++;
}

static void on_text(void *user, const xmlChar *text, int size)
{
    (void)text;
    ((struct bench *)user)->seen += (unsigned)size;
}

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench-validator: %s failed\n", what);
    exit(1);
}

static void bare_sax(struct bench *bench)
{
    xmlCtxtReadMemory(bench->sax, (const char *)bench->text.data, (int)bench->text.size, NULL, NULL, XML_PARSE_NONET);
    must(bench->sax->wellFormed, "SAX2");
}

static void validator(struct bench *bench)
{
    bool canonical;
    struct kw_fault fault;
    must(kw_validate(bench->validator, bench->text, &bench->canonical, &bench->image, &canonical, &fault) == 0, "kw_validate");
}

static void image_open(struct bench *bench)
{
    struct kw_image image;
    struct kw_record_head head;
    must(kw_image_open(kw_view_of(&bench->image), &image) == 0 && kw_record_head(&image, &head) == 0, "kw_image_open");
}

static void tree_and_schema(struct bench *bench)
{
    xmlDocPtr document = xmlCtxtReadMemory(bench->dom, (const char *)bench->text.data, (int)bench->text.size, NULL, NULL,
                                           XML_PARSE_NONET | XML_PARSE_COMPACT);
    must(document != NULL && xmlSchemaValidateDoc(bench->schema, document) == 0, "tree and XSD");
    xmlFreeDoc(document);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure(struct bench *bench, void (*work)(struct bench *), double seconds)
{
    double rounds[ROUNDS];
    for (int i = 0; i < 200; i++)
        work(bench);
    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_ns(), now = start;
        unsigned long count = 0;
        while (now - start < seconds * 1e9 / ROUNDS) {
            for (int i = 0; i < 100; i++)
                work(bench);
            count += 100;
            now = cpu_ns();
        }
        rounds[round] = (now - start) / (double)count;
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
    return rounds[ROUNDS / 2];
}

static void start(struct bench *bench, const char *source)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/schemas/record.xsd", source);
    must(kw_validator_new(&bench->validator) == 0, "kw_validator_new");
    bench->sax = xmlNewParserCtxt();
    bench->dom = xmlNewParserCtxt();
    must(bench->sax && bench->dom, "xmlNewParserCtxt");
    *bench->sax->sax = (xmlSAXHandler){.startElementNs = on_open,
                                       .endElementNs = on_close,
                                       .characters = on_text,
                                       .ignorableWhitespace = on_text,
                                       .initialized = XML_SAX2_MAGIC};
    bench->sax->userData = bench;
    /* the schema is a file of ours: for it alone the library's own loader */
    xmlExternalEntityLoader loader = xmlGetExternalEntityLoader();
    struct kw_buf text = {0};
    must(kw_file_read(path, 1 << 20, &text, NULL) == 0, path);
    xmlSchemaPtr schema = xmlSchemaParse(xmlSchemaNewMemParserCtxt((const char *)text.data, (int)text.size));
    must(schema != NULL && xmlGetExternalEntityLoader() == loader, "the schema");
    bench->schema = xmlSchemaNewValidCtxt(schema);
}

int main(int argc, char **argv)
{
    static const char *const records[] = {"live-birth", "death", "document-check", "border-crossing", "travel-consent-granted"};
    const char *source = getenv("KINWARD_SOURCE") ? getenv("KINWARD_SOURCE") : ".";
    double seconds = argc > 1 ? atof(argv[1]) : 0.5;
    struct bench bench = {0};
    start(&bench, source);
    printf("%-24s %6s %6s %9s %10s %6s %12s %11s\n", "record", "bytes", "canon", "SAX2 ns", "ours ns", "ratio", "tree+XSD ns",
           "image open");
    for (size_t i = 0; i < KW_COUNT(records); i++) {
        char path[4096];
        struct kw_buf text = {0};
        snprintf(path, sizeof(path), "%s/schemas/examples/valid/%s.xml", source, records[i]);
        must(kw_file_read(path, KW_LIMIT_RECORD, &text, NULL) == 0, path);
        bench.text = kw_view_of(&text);
        validator(&bench);
        size_t indented = text.size;
        text.size = 0;
        must(kw_buf_append(&text, bench.canonical.data, bench.canonical.size) == 0, "memory");
        bench.text = kw_view_of(&text); /* what crosses the wire is canonical */
        double sax = measure(&bench, bare_sax, seconds), ours = measure(&bench, validator, seconds);
        double tree = measure(&bench, tree_and_schema, seconds), opened = measure(&bench, image_open, seconds);
        printf("%-24s %6zu %6zu %9.0f %10.0f %6.2f %12.0f %11.0f\n", records[i], indented, text.size, sax, ours, ours / sax, tree,
               opened);
        kw_buf_clear(&text);
    }
    return 0;
}
