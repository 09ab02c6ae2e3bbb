/* SPDX-License-Identifier: Apache-2.0 */
/* xml.h - safe parse, schema, canonical form, transform.
 *
 * The only room that calls libxml2 and libxslt. Every parse goes through one
 * recipe (reference: reliability.md §2): bounded memory buffer, no NUL, UTF-8
 * only, a DOCTYPE stops before any tree exists, no entity but the five and
 * character references, no network, no files, caps on depth, attributes and
 * text, and acceptance only when the library reports no error at all.
 */
#ifndef KINWARD_XML_H
#define KINWARD_XML_H

#include "base/base.h"

KW_CHECKED int kw_xml_init(void); /* once per process */

/* ---- events: one pass without a tree (the validator stands on this) ------ */

struct kw_xml_attribute {
    struct kw_view name;   /* local name */
    struct kw_view prefix; /* empty when none */
    struct kw_view space;  /* namespace URI, empty when none */
    struct kw_view value;  /* normalised, entities resolved */
};

/* A handler's non-zero answer stops the parse and is returned by kw_xml_scan. */
struct kw_xml_events {
    int (*open)(void *context, struct kw_view name, struct kw_view prefix, struct kw_view space,
                const struct kw_xml_attribute *attributes, size_t count,
                size_t prefixes); /* declared here, the default not counted */
    int (*close)(void *context, struct kw_view name);
    int (*text)(void *context, struct kw_view text, bool cdata); /* may come in pieces */
    int (*other)(void *context, const char *what);               /* "comment", "processing-instruction" */
};

struct kw_xml_scanner; /* reusable parser; one thread at a time */
KW_CHECKED int kw_xml_scanner_new(struct kw_xml_scanner **ret_scanner);
void kw_xml_scanner_free(struct kw_xml_scanner *scanner);
/* Line and column of the event being handled, from 1. */
unsigned kw_xml_scanner_line(const struct kw_xml_scanner *scanner);
unsigned kw_xml_scanner_column(const struct kw_xml_scanner *scanner);
/* The same as an offset in the text (a start tag's "<"), to be turned into a place later, while the text is still there. */
size_t kw_xml_scanner_offset(const struct kw_xml_scanner *scanner);
void kw_xml_scanner_place(const struct kw_xml_scanner *scanner, size_t offset, unsigned *ret_line, unsigned *ret_column);
KW_CHECKED int kw_xml_scan(struct kw_xml_scanner *scanner, struct kw_view text, size_t limit, const struct kw_xml_events *events,
                           void *context, struct kw_fault *fault);

/* ---- documents ---------------------------------------------------------- */

struct kw_xml; /* a parsed document */
KW_CHECKED int kw_xml_parse(struct kw_view text, size_t limit, struct kw_xml **ret_document, struct kw_fault *fault);
void kw_xml_free(struct kw_xml *document);
void kw_xml_freep(struct kw_xml **document);

/* Elements of a document: borrowed, alive as long as it. Names are local names; NULL where there is none. */
struct kw_xml_element;
const struct kw_xml_element *kw_xml_root(const struct kw_xml *document);
const char *kw_xml_name(const struct kw_xml_element *element);
const struct kw_xml_element *kw_xml_first(const struct kw_xml_element *parent, const char *name); /* name NULL: any */
const struct kw_xml_element *kw_xml_next(const struct kw_xml_element *element, const char *name);
unsigned kw_xml_line(const struct kw_xml_element *element);
KW_CHECKED int kw_xml_attribute(const struct kw_xml_element *element, const char *name, struct kw_buf *ret_text); /* -ENOENT */
KW_CHECKED int kw_xml_text(const struct kw_xml_element *element, struct kw_buf *ret_text);                        /* joined text */
const char *kw_xml_space(const struct kw_xml_element *element);                        /* namespace URI, "" when none */
const char *kw_xml_attribute_name(const struct kw_xml_element *element, size_t index); /* local name; NULL past the last */

/* Making documents. space NULL: no namespace; added elements take their parent's. -EILSEQ where XML cannot carry the text. */
KW_CHECKED int kw_xml_new(const char *space, const char *name, struct kw_xml **ret_document, struct kw_xml_element **ret_root);
KW_CHECKED int kw_xml_add(struct kw_xml_element *parent, const char *name, struct kw_view text,
                          struct kw_xml_element **ret_element); /* ret_element may be NULL */
KW_CHECKED int kw_xml_set(struct kw_xml_element *element, const char *name, struct kw_view value);
KW_CHECKED int kw_xml_copy(const struct kw_xml_element *element, struct kw_xml **ret_document); /* the subtree, on its own */
void kw_xml_remove(const struct kw_xml_element *element); /* and all below; invalid afterwards */
/* Takes the element out of its document and puts it back where it was; it stays alive in between. */
struct kw_xml_place {
    void *parent, *next;
};
struct kw_xml_place kw_xml_take_out(struct kw_xml_element *element);
void kw_xml_put_back(struct kw_xml_element *element, struct kw_xml_place place);
KW_CHECKED int kw_xml_attribute_at(const struct kw_xml_element *element, size_t index, struct kw_buf *ret_text); /* appends */
KW_CHECKED int kw_xml_set_attribute_at(struct kw_xml_element *element, size_t index, struct kw_view value);
KW_CHECKED int kw_xml_set_text(struct kw_xml_element *element, struct kw_view text); /* in place of all that is in it */
void kw_xml_remove_attribute(const struct kw_xml_element *element, const char *name);

/* Exclusive C14N (W3C xml-exc-c14n, no comments) of the whole document; appends. */
KW_CHECKED int kw_xml_canonical(const struct kw_xml *document, struct kw_buf *ret_bytes);

/* ---- schema: from trusted files only (configuration, tests); imports are not followed over a network ---- */

struct kw_schema;
KW_CHECKED int kw_schema_load(const char *path, struct kw_schema **ret_schema, struct kw_fault *fault);
void kw_schema_free(struct kw_schema *schema);
KW_CHECKED int kw_schema_check(struct kw_schema *schema, const struct kw_xml *document, struct kw_fault *fault);

/* ---- transform: XSLT 1.0, every security preference denied, no EXSLT ------ */

/* A host function kw:name(...) of namespace urn:kinward:mapping:1. Arguments arrive as strings (the string value of each
 * argument); the answer is either text, or a fragment of XML (well-formed elements, no prefix) when as_fragment is set. */
struct kw_host_function {
    const char *name;
    int low, high; /* number of arguments */
    int (*call)(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment);
};

struct kw_transform;
/* Compiles the stylesheet; xsl:include and xsl:import only of files in the stylesheet's own folder. */
KW_CHECKED int kw_transform_load(const char *path, const struct kw_host_function *functions, size_t count,
                                 struct kw_transform **ret_transform, struct kw_fault *fault);
void kw_transform_free(struct kw_transform *transform);
/* Not for two threads at once with one transform. Runs over document; context is handed to the host functions; parameters: name,
 * value, ..., NULL (plain strings). Result is
 * a new document. xsl:message terminate="yes" and every library error end as -EBADMSG with KW_E_MAPPING. */
KW_CHECKED int kw_transform_run(struct kw_transform *transform, const struct kw_xml *document, const char *const *parameters,
                                void *context, struct kw_xml **ret_result, struct kw_fault *fault);

/* The same, watched: which instruction made each element of the result. called: each call of a host function, may be NULL. Slow,
 * and for one thread of the process only. */
struct kw_trace;
struct kw_made { /* by the instruction on this line of the stylesheet, in this template */
    char file[128], template[128];
    unsigned line;
};
typedef void (*kw_called)(void *context, const char *function, const struct kw_view *arguments, int count, struct kw_view answer);
KW_CHECKED int kw_transform_watch(struct kw_transform *transform, const struct kw_xml *document, const char *const *parameters,
                                  void *context, kw_called called, struct kw_trace **ret_trace, struct kw_xml **ret_result,
                                  struct kw_fault *fault);
/* Who wrote the element's text or, where it has none, the element. NULL: not known. */
const struct kw_made *kw_trace_maker(const struct kw_trace *trace, const struct kw_xml_element *element);
void kw_trace_free(struct kw_trace *trace);

/* Escapes text for an XML text node or attribute value and appends it; -EILSEQ where XML 1.0 cannot carry it. */
KW_CHECKED int kw_xml_escape(struct kw_buf *out, struct kw_view text, bool attribute);

#endif
