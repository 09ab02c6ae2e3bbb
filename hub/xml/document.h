/* SPDX-License-Identifier: Apache-2.0 */
/* document.h - a parsed document as this room's files see it (private to hub/xml). */
#ifndef KINWARD_XML_DOCUMENT_H
#define KINWARD_XML_DOCUMENT_H

#include <libxml/tree.h>

#include "xml/xml.h"

struct kw_xml {
    xmlDocPtr tree;
};

/* The recipe and the caps of limits.h. */
KW_CHECKED int kw_xml_read_tree(struct kw_view text, size_t limit, xmlDocPtr *ret_tree, struct kw_fault *fault);
/* Takes tree on success only. */
KW_CHECKED int kw_xml_wrap(xmlDocPtr tree, struct kw_xml **ret_document);

/* A trusted file (schema, stylesheet), and until kw_trusted_end on this thread the library may load files of its folder. */
KW_CHECKED int kw_trusted_begin(const char *path, xmlDocPtr *ret_tree, struct kw_fault *fault);
void kw_trusted_end(void);

#endif
