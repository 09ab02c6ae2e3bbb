/* SPDX-License-Identifier: Apache-2.0 */
/* recipe.h - what every parse in this room does before and after the library (private to hub/xml). */
#ifndef KINWARD_XML_RECIPE_H
#define KINWARD_XML_RECIPE_H

#include <libxml/parser.h>

#include "xml/xml.h"

#define KW_RECIPE_OPTIONS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)

/* Before: size, NUL, well-formed UTF-8, XML declaration (1.0, UTF-8 or none), no "<!DOCTYPE", attributes of a tag within
 * KW_LIMIT_ATTRIBUTES. Takes a byte order mark off the front of text. Bytes that pass may go to xmlCtxtReadMemory with
 * encoding NULL: nothing is left that libxml2 could read in another encoding. */
KW_CHECKED int kw_recipe_before(struct kw_view *text, size_t limit, struct kw_fault *fault);

/* After: 0 only when well-formed, namespace-well-formed and no error at all was reported; else -EBADMSG (-ENOMEM) with the
 * first error in plain words. libxml2's own message is not used: it may quote the document. */
KW_CHECKED int kw_recipe_after(const xmlParserCtxt *parser, struct kw_fault *fault);
/* The fault of a libxml2 error code without a position. */
int kw_recipe_error(int library_code, struct kw_fault *fault);

/* How many allocations of the libraries have failed on this thread. A result of theirs is whole only when none did meanwhile. */
unsigned long kw_recipe_failures(void);

/* Line and column (in characters), both from 1, of a byte of text. */
void kw_recipe_place(struct kw_view text, size_t offset, unsigned *ret_line, unsigned *ret_column);

#endif
