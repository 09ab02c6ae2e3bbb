/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c - W3C XML Schema through libxml2, from trusted files, for configuration and tests. */
#include "xml/document.h"

#include <errno.h>
#include <libxml/xmlschemas.h>
#include <string.h>

struct kw_schema {
    xmlSchemaPtr schema;
    xmlDocPtr tree;
};

/* The first error's words, cut of their line feed. */
static void note(void *context, xmlErrorPtr error)
{
    struct kw_fault *fault = context;
    if (!fault || fault->code != KW_OK || error->level < XML_ERR_ERROR)
        return;
    const xmlNode *node = error->node;
    const char *place = node && node->name ? (const char *)node->name : "";
    const char *message = error->message ? error->message : "not valid";
    kw_fail(fault, -EBADMSG, KW_E_SCHEMA, place, "%.*s", (int)strcspn(message, "\n"), message);
    fault->line = error->line > 0 ? (unsigned)error->line : 0;
}

int kw_schema_load(const char *path, struct kw_schema **ret_schema, struct kw_fault *fault)
{
    struct kw_fault first = {0};
    struct kw_schema *schema = kw_alloc(sizeof(*schema));
    if (!schema)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, path, "out of memory");
    const int error = kw_trusted_begin(path, &schema->tree, fault);
    if (error < 0) {
        kw_free(schema);
        return error;
    }
    xmlSchemaParserCtxtPtr parser = xmlSchemaNewDocParserCtxt(schema->tree);
    if (parser) {
        xmlSchemaSetParserStructuredErrors(parser, note, &first);
        schema->schema = xmlSchemaParse(parser);
        xmlSchemaFreeParserCtxt(parser);
    }
    kw_trusted_end();
    if (!schema->schema || first.code != KW_OK) {
        kw_schema_free(schema);
        kw_fail(fault, -EBADMSG, KW_E_SCHEMA, path, "%s", first.message[0] ? first.message : "not a schema");
        if (fault)
            fault->line = first.line;
        return -EBADMSG;
    }
    *ret_schema = schema;
    return 0;
}

void kw_schema_free(struct kw_schema *schema)
{
    if (!schema)
        return;
    if (schema->schema)
        xmlSchemaFree(schema->schema);
    xmlFreeDoc(schema->tree);
    kw_free(schema);
}

int kw_schema_check(struct kw_schema *schema, const struct kw_xml *document, struct kw_fault *fault)
{
    struct kw_fault first = {0};
    xmlSchemaValidCtxtPtr check = xmlSchemaNewValidCtxt(schema->schema);
    if (!check)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "", "out of memory");
    xmlSchemaSetValidStructuredErrors(check, note, &first);
    const int answer = xmlSchemaValidateDoc(check, document->tree);
    xmlSchemaFreeValidCtxt(check);
    if (answer == 0)
        return 0;
    if (first.code == KW_OK)
        return kw_fail(fault, -EIO, KW_E_INTERNAL, "", "the schema check failed inside libxml2");
    if (fault)
        *fault = first;
    return -EBADMSG;
}
