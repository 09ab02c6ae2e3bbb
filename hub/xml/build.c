/* SPDX-License-Identifier: Apache-2.0 */
/* build.c - documents made by the program: new, add, copy, remove; escaping of text. */
#include "xml/document.h"

#include <errno.h>
#include <libxml/parserInternals.h>
#include <string.h>

#include "xml/recipe.h"

static xmlNodePtr node_of(struct kw_xml_element *element)
{
    return (xmlNodePtr)(void *)element;
}

static int check_text(struct kw_view text)
{
    for (size_t at = 0; at < text.size;) {
        int size = (int)(text.size - at > 4 ? 4 : text.size - at);
        const int c = xmlGetUTF8Char(text.data + at, &size);
        if (c < 0 || !xmlIsCharQ((unsigned)c))
            return -EILSEQ;
        at += (size_t)size;
    }
    return 0;
}

int kw_xml_new(const char *space, const char *name, struct kw_xml **ret_document, struct kw_xml_element **ret_root)
{
    int error = kw_xml_init();
    if (error < 0)
        return error;
    const unsigned long failures = kw_recipe_failures();
    xmlDocPtr tree = xmlNewDoc((const xmlChar *)"1.0");
    xmlNodePtr root = tree ? xmlNewDocNode(tree, NULL, (const xmlChar *)name, NULL) : NULL;
    if (root)
        xmlDocSetRootElement(tree, root);
    error = -ENOMEM;
    if (root && (!space || (root->ns = xmlNewNs(root, (const xmlChar *)space, NULL))) && kw_recipe_failures() == failures)
        error = kw_xml_wrap(tree, ret_document);
    if (error < 0)
        xmlFreeDoc(tree);
    else
        *ret_root = (struct kw_xml_element *)(void *)root;
    return error;
}

int kw_xml_add(struct kw_xml_element *parent, const char *name, struct kw_view text, struct kw_xml_element **ret_element)
{
    xmlNodePtr above = node_of(parent);
    int error = check_text(text);
    if (error < 0)
        return error;
    if (text.size > INT32_MAX)
        return -E2BIG;
    const unsigned long failures = kw_recipe_failures();
    xmlNodePtr node = xmlNewDocNode(above->doc, above->ns, (const xmlChar *)name, NULL);
    if (node && text.size > 0) {
        xmlNodePtr content = xmlNewDocTextLen(above->doc, text.data, (int)text.size);
        if (content)
            xmlAddChild(node, content);
    }
    if (kw_recipe_failures() != failures) { /* a node may lack its name or its text */
        xmlFreeNode(node);
        return -ENOMEM;
    }
    xmlAddChild(above, node);
    if (ret_element)
        *ret_element = (struct kw_xml_element *)(void *)node;
    return 0;
}

int kw_xml_set(struct kw_xml_element *element, const char *name, struct kw_view value)
{
    int error = check_text(value);
    if (error < 0)
        return error;
    const unsigned long failures = kw_recipe_failures();
    xmlChar *text = xmlStrndup(value.data ? value.data : (const xmlChar *)"", (int)value.size);
    if (!text)
        return -ENOMEM;
    /* xmlNewProp takes the value as it is: "&" is no reference */
    error = xmlNewProp(node_of(element), (const xmlChar *)name, text) && kw_recipe_failures() == failures ? 0 : -ENOMEM;
    xmlFree(text);
    return error;
}

int kw_xml_copy(const struct kw_xml_element *element, struct kw_xml **ret_document)
{
    const unsigned long failures = kw_recipe_failures();
    xmlDocPtr tree = xmlNewDoc((const xmlChar *)"1.0");
    xmlNodePtr copy = tree ? xmlDocCopyNode((xmlNodePtr)(uintptr_t)element, tree, 1) : NULL;
    int error = -ENOMEM;
    if (copy) {
        xmlDocSetRootElement(tree, copy);
        error = kw_recipe_failures() == failures ? kw_xml_wrap(tree, ret_document) : -ENOMEM;
    }
    if (error < 0)
        xmlFreeDoc(tree);
    return error;
}

void kw_xml_remove(const struct kw_xml_element *element)
{
    xmlNodePtr node = (xmlNodePtr)(uintptr_t)element;
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}

struct kw_xml_place kw_xml_take_out(struct kw_xml_element *element)
{
    xmlNodePtr node = node_of(element);
    const struct kw_xml_place place = {node->parent, node->next};
    xmlUnlinkNode(node);
    return place;
}

void kw_xml_put_back(struct kw_xml_element *element, struct kw_xml_place place)
{
    if (place.next)
        xmlAddPrevSibling(place.next, node_of(element));
    else
        xmlAddChild(place.parent, node_of(element));
}

/* children: of an element or an attribute. */
static int set_content(xmlDocPtr tree, xmlNodePtr parent, struct kw_view text, xmlNodePtr *children, xmlNodePtr *last)
{
    const int error = check_text(text);
    if (error < 0)
        return error;
    const unsigned long failures = kw_recipe_failures();
    xmlNodePtr content = text.size > 0 ? xmlNewDocTextLen(tree, text.data, (int)text.size) : NULL;
    if (kw_recipe_failures() != failures)
        return -ENOMEM;
    xmlFreeNodeList(*children);
    *children = *last = content;
    if (content)
        content->parent = parent;
    return 0;
}

int kw_xml_set_text(struct kw_xml_element *element, struct kw_view text)
{
    xmlNodePtr node = node_of(element);
    return set_content(node->doc, node, text, &node->children, &node->last);
}

static xmlAttrPtr attribute_at(struct kw_xml_element *element, size_t index)
{
    xmlAttrPtr attribute = node_of(element)->properties;
    while (attribute && index-- > 0)
        attribute = attribute->next;
    return attribute;
}

int kw_xml_set_attribute_at(struct kw_xml_element *element, size_t index, struct kw_view value)
{
    xmlAttrPtr attribute = attribute_at(element, index);
    if (!attribute)
        return -ENOENT;
    return set_content(attribute->doc, (xmlNodePtr)attribute, value, &attribute->children, &attribute->last);
}

int kw_xml_attribute_at(const struct kw_xml_element *element, size_t index, struct kw_buf *ret_text)
{
    const xmlAttr *attribute = attribute_at((struct kw_xml_element *)(uintptr_t)element, index);
    const unsigned long failures = kw_recipe_failures();
    if (!attribute)
        return -ENOENT;
    xmlChar *text = xmlNodeListGetString(attribute->doc, attribute->children, 1);
    const int error = kw_recipe_failures() != failures ? -ENOMEM : text ? kw_buf_text(ret_text, (const char *)text) : 0;
    xmlFree(text);
    return error;
}

void kw_xml_remove_attribute(const struct kw_xml_element *element, const char *name)
{
    xmlUnsetProp((xmlNodePtr)(uintptr_t)element, (const xmlChar *)name);
}

int kw_xml_escape(struct kw_buf *out, struct kw_view text, bool attribute)
{
    int error = check_text(text);
    size_t plain = 0;
    for (size_t i = 0; i < text.size && error == 0; i++) {
        const char *escaped = NULL;
        switch (text.data[i]) {
        case '&':
            escaped = "&amp;";
            break;
        case '<':
            escaped = "&lt;";
            break;
        case '>':
            escaped = attribute ? NULL : "&gt;";
            break;
        case '"':
            escaped = attribute ? "&quot;" : NULL;
            break;
        case '\t':
            escaped = attribute ? "&#x9;" : NULL;
            break;
        case '\n':
            escaped = attribute ? "&#xA;" : NULL;
            break;
        case '\r':
            escaped = "&#xD;";
            break;
        default:
            break;
        }
        if (!escaped)
            continue;
        error = kw_buf_append(out, text.data + plain, i - plain);
        if (error == 0)
            error = kw_buf_text(out, escaped);
        plain = i + 1;
    }
    if (error == 0 && text.size > plain)
        error = kw_buf_append(out, text.data + plain, text.size - plain);
    return error;
}
