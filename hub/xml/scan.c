/* SPDX-License-Identifier: Apache-2.0 */
/* scan.c - one pass over a document without a tree: libxml2's SAX2 interface behind the recipe. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "xml/recipe.h"
#include "xml/xml.h"

/* The parser keeps every name it ever met; past this it is made afresh, so that strangers' names cannot fill memory. */
#define NAMES_MOST 4096

struct kw_xml_scanner {
    xmlParserCtxtPtr parser;
    const struct kw_xml_events *events;
    void *context;
    struct kw_view text;
    struct kw_fault *fault;
    unsigned long starved; /* failed allocations of the library before this document */
    size_t offset;         /* of the event being handled, or of the first error */
    size_t run;            /* bytes of text since the last tag */
    unsigned depth;
    int error; /* of a handler or a cap; 0: go on */
    int library_error;
    bool ended;
    struct kw_xml_attribute attributes[KW_LIMIT_ATTRIBUTES];
    struct kw_view space; /* of the last element: mostly that of the next */
    struct kw_buf plain;  /* values that held an ampersand */
};

static struct kw_view view_of(const xmlChar *text)
{
    return text ? (struct kw_view){text, strlen((const char *)text)} : (struct kw_view){0};
}

/* Bytes of the text that the parser has consumed. */
static size_t consumed(const xmlParserCtxt *parser)
{
    if (parser->input == NULL || parser->input->cur == NULL)
        return 0;
    return parser->input->consumed + (size_t)(parser->input->cur - parser->input->base);
}

/* After the first error the library may still hand over text. */
static bool ignoring(const struct kw_xml_scanner *scanner)
{
    return scanner->error != 0 || scanner->library_error != 0;
}

static void stop(struct kw_xml_scanner *scanner, int error)
{
    scanner->error = error;
    xmlStopParser(scanner->parser);
}

/* Adds the place to the fault just made, and stops. */
static void stop_here(struct kw_xml_scanner *scanner)
{
    if (scanner->fault)
        kw_recipe_place(scanner->text, scanner->offset, &scanner->fault->line, &scanner->fault->column);
    stop(scanner, -EBADMSG);
}

static void too_deep(struct kw_xml_scanner *scanner, const char *what, unsigned limit)
{
    kw_fail(scanner->fault, -EBADMSG, KW_E_TOO_DEEP, "", "%s %u", what, limit);
    stop_here(scanner);
}

static void too_large(struct kw_xml_scanner *scanner, const char *what)
{
    kw_fail(scanner->fault, -EBADMSG, KW_E_TOO_LARGE, "", "%s of more than %u bytes", what, KW_LIMIT_TEXT);
    stop_here(scanner);
}

/* The library hands over the start tag when its attributes are read, which may be lines below. In a well-formed start tag
 * no "<" follows the first. */
static size_t tag_start(const struct kw_xml_scanner *scanner)
{
    size_t at = consumed(scanner->parser);
    const uint8_t *tag = memrchr(scanner->text.data, '<', at < scanner->text.size ? at : scanner->text.size);
    return tag ? (size_t)(tag - scanner->text.data) : 0;
}

/* The library leaves an ampersand of a value as the character reference "&#38;" (and nothing else as a reference). */
static int plain_value(struct kw_xml_scanner *scanner, struct kw_view *value)
{
    const uint8_t *found = memchr(value->data, '&', value->size);
    if (found == NULL)
        return 0;
    struct kw_view rest = *value;
    size_t start = scanner->plain.size;
    int error = 0;
    for (; found != NULL && error == 0; found = memchr(rest.data, '&', rest.size)) {
        size_t before = (size_t)(found - rest.data) + 1;
        error = kw_buf_append(&scanner->plain, rest.data, before);
        size_t skip = rest.size - before >= 4 && memcmp(found + 1, "#38;", 4) == 0 ? before + 4 : before;
        rest = (struct kw_view){rest.data + skip, rest.size - skip};
    }
    if (error == 0)
        error = kw_buf_append(&scanner->plain, rest.data, rest.size);
    if (error == 0)
        *value = (struct kw_view){scanner->plain.data + start, scanner->plain.size - start};
    return error;
}

/* Values as views; plain has room for all of them before any is put there, so that it does not move. */
static int plain_values(struct kw_xml_scanner *scanner, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += scanner->attributes[i].value.size;
    scanner->plain.size = 0;
    int error = kw_buf_reserve(&scanner->plain, size);
    for (size_t i = 0; i < count && error == 0; i++)
        error = plain_value(scanner, &scanner->attributes[i].value);
    return error;
}

static void on_open(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *space, int declared,
                    const xmlChar **declarations, int count, int defaulted, const xmlChar **attributes)
{
    struct kw_xml_scanner *scanner = user;
    (void)defaulted;
    size_t prefixes = 0;
    bool ampersand = false;
    for (int i = 0; i < declared; i++)
        prefixes += declarations[i * 2] != NULL;
    if (ignoring(scanner))
        return;
    scanner->offset = tag_start(scanner);
    scanner->run = 0;
    if (++scanner->depth > KW_LIMIT_DEPTH) {
        too_deep(scanner, "elements nested deeper than", KW_LIMIT_DEPTH);
        return;
    }
    if (count + declared > KW_LIMIT_ATTRIBUTES) {
        too_deep(scanner, "attributes on one element: more than", KW_LIMIT_ATTRIBUTES);
        return;
    }
    for (int i = 0; i < count; i++) {
        const xmlChar **from = attributes + i * 5;
        struct kw_view value = {from[3], (size_t)(from[4] - from[3])};
        if (value.size > KW_LIMIT_TEXT) {
            too_large(scanner, "an attribute value");
            return;
        }
        ampersand = ampersand || memchr(value.data, '&', value.size) != NULL;
        scanner->attributes[i] = (struct kw_xml_attribute){view_of(from[0]), view_of(from[1]), view_of(from[2]), value};
    }
    int error = ampersand ? plain_values(scanner, (size_t)count) : 0;
    if (error != 0) {
        stop(scanner, kw_fail(scanner->fault, error, KW_E_MEMORY, "", "out of memory"));
        return;
    }
    if (space != scanner->space.data)
        scanner->space = view_of(space);
    error = scanner->events->open(scanner->context, view_of(name), view_of(prefix), scanner->space, scanner->attributes,
                                  (size_t)count, prefixes);
    if (error != 0)
        stop(scanner, error);
}

static void on_close(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *space)
{
    struct kw_xml_scanner *scanner = user;
    (void)prefix, (void)space;
    if (ignoring(scanner))
        return;
    scanner->offset = consumed(scanner->parser);
    scanner->run = 0;
    scanner->depth--;
    int error = scanner->events->close(scanner->context, view_of(name));
    if (error != 0)
        stop(scanner, error);
}

static void on_text(struct kw_xml_scanner *scanner, const xmlChar *text, int size, bool cdata)
{
    if (ignoring(scanner))
        return;
    scanner->offset = consumed(scanner->parser);
    scanner->run += (size_t)size;
    if (scanner->run > KW_LIMIT_TEXT) {
        too_large(scanner, "text");
        return;
    }
    int error = scanner->events->text(scanner->context, (struct kw_view){text, (size_t)size}, cdata);
    if (error != 0)
        stop(scanner, error);
}

static void on_characters(void *user, const xmlChar *text, int size)
{
    on_text(user, text, size, false);
}

static void on_cdata(void *user, const xmlChar *text, int size)
{
    on_text(user, text, size, true);
}

static void on_other(struct kw_xml_scanner *scanner, const char *what)
{
    if (ignoring(scanner) || scanner->events->other == NULL)
        return;
    scanner->offset = consumed(scanner->parser);
    int error = scanner->events->other(scanner->context, what);
    if (error != 0)
        stop(scanner, error);
}

static void on_comment(void *user, const xmlChar *text)
{
    (void)text;
    on_other(user, "comment");
}

static void on_instruction(void *user, const xmlChar *target, const xmlChar *data)
{
    (void)target, (void)data;
    on_other(user, "processing-instruction");
}

static void on_doctype(void *user, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    struct kw_xml_scanner *scanner = user;
    (void)name, (void)external, (void)system;
    scanner->offset = consumed(scanner->parser);
    kw_fail(scanner->fault, -EBADMSG, KW_E_DOCTYPE, "", "a document type declaration is never accepted");
    stop_here(scanner);
}

static void on_end(void *user)
{
    ((struct kw_xml_scanner *)user)->ended = true;
}

static void on_error(void *user, xmlErrorPtr error)
{
    struct kw_xml_scanner *scanner = user;
    if (error->level < XML_ERR_ERROR || ignoring(scanner))
        return;
    scanner->library_error = error->code;
    scanner->offset = consumed(scanner->parser);
}

static const xmlSAXHandler handlers = {
    .internalSubset = on_doctype,
    .startElementNs = on_open,
    .endElementNs = on_close,
    .characters = on_characters,
    .ignorableWhitespace = on_characters,
    .cdataBlock = on_cdata,
    .comment = on_comment,
    .processingInstruction = on_instruction,
    .endDocument = on_end,
    .serror = on_error,
    .initialized = XML_SAX2_MAGIC,
};

static int make_parser(struct kw_xml_scanner *scanner)
{
    xmlFreeParserCtxt(scanner->parser);
    scanner->parser = xmlNewParserCtxt();
    if (scanner->parser == NULL)
        return -ENOMEM;
    *scanner->parser->sax = handlers;
    scanner->parser->userData = scanner;
    return 0;
}

int kw_xml_scanner_new(struct kw_xml_scanner **ret_scanner)
{
    int error = kw_xml_init();
    if (error != 0)
        return error;
    struct kw_xml_scanner *scanner = kw_alloc(sizeof(*scanner));
    if (scanner == NULL)
        return -ENOMEM;
    error = make_parser(scanner);
    if (error != 0) {
        kw_xml_scanner_free(scanner);
        return error;
    }
    *ret_scanner = scanner;
    return 0;
}

void kw_xml_scanner_free(struct kw_xml_scanner *scanner)
{
    if (scanner == NULL)
        return;
    xmlFreeParserCtxt(scanner->parser);
    kw_buf_clear(&scanner->plain);
    kw_free(scanner);
}

size_t kw_xml_scanner_offset(const struct kw_xml_scanner *scanner)
{
    return scanner->offset;
}

void kw_xml_scanner_place(const struct kw_xml_scanner *scanner, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
    kw_recipe_place(scanner->text, offset, ret_line, ret_column);
}

unsigned kw_xml_scanner_line(const struct kw_xml_scanner *scanner)
{
    unsigned line, column;
    kw_recipe_place(scanner->text, scanner->offset, &line, &column);
    return line;
}

unsigned kw_xml_scanner_column(const struct kw_xml_scanner *scanner)
{
    unsigned line, column;
    kw_recipe_place(scanner->text, scanner->offset, &line, &column);
    return column;
}

/* The library's own verdict, and the proof that it came to the end: out of memory it may stop early and still call the
 * document well-formed. */
static int verdict(struct kw_xml_scanner *scanner, struct kw_fault *fault)
{
    if (kw_recipe_failures() != scanner->starved)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "", "out of memory");
    if (scanner->error != 0)
        return scanner->error;
    const xmlParserCtxt *parser = scanner->parser;
    bool clean = parser->wellFormed && parser->nsWellFormed && parser->errNo == XML_ERR_OK &&
                 parser->lastError.level < XML_ERR_ERROR && scanner->library_error == 0;
    if (clean && scanner->ended && scanner->depth == 0)
        return 0;
    int code = scanner->library_error ? scanner->library_error : parser->errNo;
    if (parser->errNo == XML_ERR_NO_MEMORY || parser->lastError.code == XML_ERR_NO_MEMORY)
        code = XML_ERR_NO_MEMORY;
    int error = kw_recipe_error(code, fault);
    if (fault && error == -EBADMSG)
        kw_recipe_place(scanner->text, scanner->offset, &fault->line, &fault->column);
    return error;
}

int kw_xml_scan(struct kw_xml_scanner *scanner, struct kw_view text, size_t limit, const struct kw_xml_events *events,
                void *context, struct kw_fault *fault)
{
    int error = kw_recipe_before(&text, limit, fault);
    if (error != 0)
        return error;
    if (scanner->parser == NULL || xmlDictSize(scanner->parser->dict) > NAMES_MOST) {
        error = make_parser(scanner);
        if (error != 0)
            return kw_fail(fault, error, KW_E_MEMORY, "", "out of memory");
    }
    scanner->starved = kw_recipe_failures();
    scanner->events = events;
    scanner->context = context;
    scanner->text = text;
    scanner->fault = fault;
    scanner->offset = scanner->run = 0;
    scanner->depth = 0;
    scanner->error = scanner->library_error = 0;
    scanner->ended = false;
    scanner->space = (struct kw_view){0};
    xmlDocPtr document = xmlCtxtReadMemory(scanner->parser, (const char *)text.data, (int)text.size, NULL, NULL, KW_RECIPE_OPTIONS);
    xmlFreeDoc(document); /* none is built; only errors in the library could leave one */
    error = verdict(scanner, fault);
    scanner->fault = NULL;
    if (error == -ENOMEM)
        xmlFreeParserCtxt(scanner->parser), scanner->parser = NULL;
    return error;
}
