/* SPDX-License-Identifier: Apache-2.0 */
/* trusted.c - schemas and stylesheets: read from files of the installation, with includes from their own folder only. */
#include "xml/document.h"

#include <errno.h>
#include <libxml/parser.h>
#include <limits.h>
#include <string.h>

#include "base/limits.h"
#include "xml/recipe.h"

static _Thread_local char folder[PATH_MAX]; /* with its last slash; empty: nothing may be loaded */
static _Thread_local size_t loaded;

#define FILES_MOST 64

/* libxml2 asks here for every file it wants. Only a plain name inside the trusted folder gets one. */
static xmlParserInputPtr load(const char *url, const char *id, xmlParserCtxtPtr parser)
{
    const size_t length = strlen(folder);
    const char *name = url && length > 0 && strncmp(url, folder, length) == 0 ? url + length : NULL;
    if (!name || !*name || strchr(name, '/') || name[0] == '.' || loaded >= FILES_MOST) {
        if (parser)
            parser->errNo = XML_IO_NETWORK_ATTEMPT;
        return NULL;
    }
    loaded++;
    struct kw_buf bytes = {0};
    if (kw_file_read(url, KW_LIMIT_CONFIG, &bytes, NULL) < 0)
        return NULL;
    struct kw_view text = kw_view_of(&bytes);
    xmlParserInputPtr input = NULL;
    if (kw_recipe_before(&text, KW_LIMIT_CONFIG, NULL) == 0) {
        xmlParserInputBufferPtr buffer =
            xmlParserInputBufferCreateMem((const char *)text.data, (int)text.size, XML_CHAR_ENCODING_UTF8);
        input = buffer ? xmlNewIOInputStream(parser, buffer, XML_CHAR_ENCODING_UTF8) : NULL;
        if (input)
            input->filename = (const char *)xmlStrdup((const xmlChar *)url);
        else
            xmlFreeParserInputBuffer(buffer);
    }
    kw_buf_clear(&bytes);
    return input;
}

int kw_trusted_begin(const char *path, xmlDocPtr *ret_tree, struct kw_fault *fault)
{
    struct kw_buf bytes = {0};
    xmlDocPtr tree = NULL;
    int error = kw_file_read(path, KW_LIMIT_CONFIG, &bytes, fault);
    if (error == 0)
        error = kw_xml_read_tree(kw_view_of(&bytes), KW_LIMIT_CONFIG, &tree, fault);
    kw_buf_clear(&bytes);
    if (error < 0) {
        if (fault && !fault->place[0])
            snprintf(fault->place, sizeof(fault->place), "%.127s", path);
        return error;
    }
    char *real = realpath(path, NULL);
    tree->URL = real ? xmlStrdup((const xmlChar *)real) : NULL;
    const char *slash = real ? strrchr(real, '/') : NULL;
    if (!tree->URL || !slash || (size_t)(slash - real) + 2 > sizeof(folder)) {
        free(real);
        xmlFreeDoc(tree);
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, path, "out of memory");
    }
    memcpy(folder, real, (size_t)(slash - real) + 1);
    folder[slash - real + 1] = 0;
    free(real);
    loaded = 0;
    xmlSetExternalEntityLoader(load);
    *ret_tree = tree;
    return 0;
}

void kw_trusted_end(void)
{
    folder[0] = 0;
}
