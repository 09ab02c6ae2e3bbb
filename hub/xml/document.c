/* SPDX-License-Identifier: Apache-2.0 */
/* document.c - documents as trees: safe parse, reading, canonical form. */
#include "xml/document.h"

#include <errno.h>
#include <libxml/c14n.h>
#include <string.h>

#include "base/limits.h"
#include "xml/recipe.h"

static const xmlNode *node_of(const struct kw_xml_element *element)
{
    return (const xmlNode *)(const void *)element;
}

static const struct kw_xml_element *element_of(const xmlNode *node)
{
    return (const struct kw_xml_element *)(const void *)node;
}

int kw_xml_wrap(xmlDocPtr tree, struct kw_xml **ret_document)
{
    struct kw_xml *document = kw_alloc(sizeof(*document));
    if (!document)
        return -ENOMEM;
    document->tree = tree;
    *ret_document = document;
    return 0;
}

static int fail_at(struct kw_fault *fault, const xmlNode *node, enum kw_code code, const char *why)
{
    kw_fail(fault, -EBADMSG, code, (const char *)node->name, "%s", why);
    if (fault) {
        const long line = xmlGetLineNo(node);
        fault->line = line > 0 ? (unsigned)line : 0;
    }
    return -EBADMSG;
}

static size_t text_size(const xmlNode *first)
{
    size_t size = 0;
    for (const xmlNode *child = first; child; child = child->next)
        if ((child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) && child->content)
            size += strlen((const char *)child->content);
    return size;
}

static int check_element(const xmlNode *node, struct kw_fault *fault)
{
    size_t count = 0;
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next)
        if (++count > KW_LIMIT_ATTRIBUTES)
            return fail_at(fault, node, KW_E_TOO_DEEP, "too many attributes");
        else if (text_size(attribute->children) > KW_LIMIT_TEXT)
            return fail_at(fault, node, KW_E_TOO_LARGE, "an attribute is longer than the limit");
    if (text_size(node->children) > KW_LIMIT_TEXT)
        return fail_at(fault, node, KW_E_TOO_LARGE, "text is longer than the limit");
    return 0;
}

/* The caps that the library does not know. Not recursive: a tree may be as deep as the library allows. */
static int check_tree(const xmlDoc *tree, struct kw_fault *fault)
{
    const xmlNode *node = xmlDocGetRootElement((xmlDocPtr)(uintptr_t)tree);
    size_t depth = 1;
    while (node) {
        if (node->type == XML_ELEMENT_NODE) {
            if (depth > KW_LIMIT_DEPTH)
                return fail_at(fault, node, KW_E_TOO_DEEP, "nested too deeply");
            const int error = check_element(node, fault);
            if (error < 0)
                return error;
        }
        if (node->type == XML_ELEMENT_NODE && node->children) {
            node = node->children;
            depth++;
            continue;
        }
        while (node && !node->next) {
            node = node->parent && node->parent->type == XML_ELEMENT_NODE ? node->parent : NULL;
            depth--;
        }
        if (node)
            node = node->next;
    }
    return 0;
}

int kw_xml_read_tree(struct kw_view text, size_t limit, xmlDocPtr *ret_tree, struct kw_fault *fault)
{
    int error = kw_xml_init();
    if (error < 0)
        return kw_fail(fault, error, KW_E_INTERNAL, "", "libxml2 cannot start");
    error = kw_recipe_before(&text, limit, fault);
    if (error < 0)
        return error;
    if (text.size > INT32_MAX)
        return kw_fail(fault, -EBADMSG, KW_E_TOO_LARGE, "", "larger than the limit");
    const unsigned long failures = kw_recipe_failures();
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    if (!parser)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "", "out of memory");
    xmlDocPtr tree = xmlCtxtReadMemory(parser, (const char *)text.data, (int)text.size, NULL, NULL, KW_RECIPE_OPTIONS);
    error = kw_recipe_after(parser, fault);
    if (kw_recipe_failures() != failures)
        error = kw_fail(fault, -ENOMEM, KW_E_MEMORY, "", "out of memory");
    else if (error == 0 && (!tree || tree->intSubset || !xmlDocGetRootElement(tree)))
        error = kw_fail(fault, -EBADMSG, KW_E_ILL_FORMED, "", "no element");
    xmlFreeParserCtxt(parser);
    if (error == 0)
        error = check_tree(tree, fault);
    if (error < 0) {
        xmlFreeDoc(tree);
        return error;
    }
    *ret_tree = tree;
    return 0;
}

int kw_xml_parse(struct kw_view text, size_t limit, struct kw_xml **ret_document, struct kw_fault *fault)
{
    xmlDocPtr tree = NULL;
    int error = kw_xml_read_tree(text, limit, &tree, fault);
    if (error < 0)
        return error;
    error = kw_xml_wrap(tree, ret_document);
    if (error < 0) {
        xmlFreeDoc(tree);
        return kw_fail(fault, error, KW_E_MEMORY, "", "out of memory");
    }
    return 0;
}

void kw_xml_free(struct kw_xml *document)
{
    if (!document)
        return;
    xmlFreeDoc(document->tree);
    kw_free(document);
}

void kw_xml_freep(struct kw_xml **document)
{
    kw_xml_free(*document);
    *document = NULL;
}

/* ---- reading ---- */

const struct kw_xml_element *kw_xml_root(const struct kw_xml *document)
{
    return element_of(xmlDocGetRootElement(document->tree));
}

const char *kw_xml_name(const struct kw_xml_element *element)
{
    return (const char *)node_of(element)->name;
}

const char *kw_xml_space(const struct kw_xml_element *element)
{
    const xmlNode *node = node_of(element);
    return node->ns && node->ns->href ? (const char *)node->ns->href : "";
}

static const struct kw_xml_element *element_from(const xmlNode *node, const char *name)
{
    while (node && (node->type != XML_ELEMENT_NODE || (name && strcmp((const char *)node->name, name) != 0)))
        node = node->next;
    return element_of(node);
}

const struct kw_xml_element *kw_xml_first(const struct kw_xml_element *parent, const char *name)
{
    return parent ? element_from(node_of(parent)->children, name) : NULL;
}

const struct kw_xml_element *kw_xml_next(const struct kw_xml_element *element, const char *name)
{
    return element_from(node_of(element)->next, name);
}

unsigned kw_xml_line(const struct kw_xml_element *element)
{
    const long line = xmlGetLineNo(node_of(element));
    return line > 0 ? (unsigned)line : 0;
}

static int append_text(const xmlNode *first, struct kw_buf *text)
{
    int error = 0;
    for (const xmlNode *node = first; node && error == 0; node = node->next)
        if ((node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) && node->content)
            error = kw_buf_text(text, (const char *)node->content);
        else if (node->type == XML_ELEMENT_NODE) /* as deep as the checked tree */
            error = append_text(node->children, text);
    return error;
}

int kw_xml_attribute(const struct kw_xml_element *element, const char *name, struct kw_buf *ret_text)
{
    for (const xmlAttr *attribute = node_of(element)->properties; attribute; attribute = attribute->next)
        if (strcmp((const char *)attribute->name, name) == 0)
            return append_text(attribute->children, ret_text);
    return -ENOENT;
}

const char *kw_xml_attribute_name(const struct kw_xml_element *element, size_t index)
{
    const xmlAttr *attribute = node_of(element)->properties;
    while (attribute && index-- > 0)
        attribute = attribute->next;
    return attribute ? (const char *)attribute->name : NULL;
}

int kw_xml_text(const struct kw_xml_element *element, struct kw_buf *ret_text)
{
    return append_text(node_of(element)->children, ret_text);
}

/* ---- canonical form ---- */

static int write_bytes(void *context, const char *bytes, int size)
{
    return kw_buf_append(context, bytes, (size_t)size) < 0 ? -1 : size;
}

static int close_bytes(void *context)
{
    return 0;
}

int kw_xml_canonical(const struct kw_xml *document, struct kw_buf *ret_bytes)
{
    struct kw_buf bytes = {0};
    const unsigned long failures = kw_recipe_failures();
    xmlOutputBufferPtr out = xmlOutputBufferCreateIO(write_bytes, close_bytes, &bytes, NULL);
    if (!out)
        return -ENOMEM;
    const int made = xmlC14NExecute(document->tree, NULL, NULL, XML_C14N_EXCLUSIVE_1_0, NULL, 0, out);
    const int closed = xmlOutputBufferClose(out);
    int error = made < 0 || closed < 0 || kw_recipe_failures() != failures ? -ENOMEM : 0;
    if (error == 0)
        error = kw_buf_append(ret_bytes, bytes.data, bytes.size);
    kw_buf_clear(&bytes);
    return error;
}
