/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c - which instruction of a stylesheet made what of the result: libxslt tells a debugger of each instruction before it is
 * carried out, and what has come to the result by then is the work of the one before. Not for two threads at once. */
#include "xml/trace.h"

#include <errno.h>
#include <libxslt/xsltutils.h>
#include <string.h>

struct kw_trace {
    struct kw_buf makers; /* struct kw_made, one behind the other */
    size_t count;
    xmlDocPtr result;    /* NULL: nothing was written yet */
    struct kw_made last; /* the instruction under way */
    bool pending;
    int error;
};

static struct kw_trace *active;

static xmlNodePtr deepest(xmlNodePtr node)
{
    while ((node->type == XML_ELEMENT_NODE || node->type == XML_DOCUMENT_NODE) && node->last)
        node = node->last;
    return node;
}

/* A result grows at its end: what carries no number yet, from the end on, was made since the last call. Numbers begin at 1. */
static void finish(struct kw_trace *trace)
{
    if (!trace->pending || trace->error < 0 || !trace->result)
        return;
    trace->pending = false;
    xmlNodePtr node = deepest((xmlNodePtr)trace->result);
    if (node == (xmlNodePtr)trace->result || node->_private)
        return;
    trace->error = kw_buf_append(&trace->makers, &trace->last, sizeof(trace->last));
    if (trace->error < 0)
        return;
    trace->count++;
    while (node != (xmlNodePtr)trace->result && !node->_private) {
        node->_private = (void *)(uintptr_t)trace->count;
        node = node->prev ? deepest(node->prev) : node->parent;
    }
}

static void describe(struct kw_made *made, const xmlNode *instruction, const xsltTemplate *template)
{
    const char *path = instruction->doc && instruction->doc->URL ? (const char *)instruction->doc->URL : "";
    const char *slash = strrchr(path, '/');
    snprintf(made->file, sizeof(made->file), "%s", slash ? slash + 1 : path);
    made->line = (unsigned)xmlGetLineNo((xmlNodePtr)(uintptr_t)instruction);
    made->template[0] = 0;
    if (!template)
        return;
    if (template->name)
        snprintf(made->template, sizeof(made->template), "name=\"%s\"", template->name);
    else
        snprintf(made->template, sizeof(made->template), "match=\"%s\"%s%s%s", template->match ? (const char *)template->match : "",
                 template->mode ? " mode=\"" : "", template->mode ? (const char *)template->mode : "", template->mode ? "\"" : "");
}

static void on_instruction(xmlNodePtr instruction, xmlNodePtr node, xsltTemplatePtr template, xsltTransformContextPtr running)
{
    struct kw_trace *trace = active;
    if (!trace || !instruction)
        return;
    finish(trace);
    /* fragments in variables come and go; what is copied from them is made by the copying */
    if (!running->insert || !running->insert->doc || XSLT_IS_RES_TREE_FRAG(running->insert->doc))
        return;
    trace->result = running->insert->doc;
    trace->pending = true;
    describe(&trace->last, instruction, running->templ ? running->templ : template);
}

static int on_call(xsltTemplatePtr template, xmlNodePtr source)
{
    return 0;
}

static void on_return(void) {}

int kw_trace_begin(struct kw_trace **ret_trace)
{
    /* as libxslt declares it in xsltutils.c */
    struct {
        xsltHandleDebuggerCallback handler;
        xsltAddCallCallback add;
        xsltDropCallCallback drop;
    } callbacks = {on_instruction, on_call, on_return};
    struct kw_trace *trace = kw_alloc(sizeof(*trace));
    if (!trace)
        return -ENOMEM;
    if (xsltSetDebuggerCallbacks(3, &callbacks) != 0) {
        kw_free(trace);
        return -ENOTSUP;
    }
    xsltSetDebuggerStatus(XSLT_DEBUG_STEP);
    active = trace;
    *ret_trace = trace;
    return 0;
}

/* complete: the result still stands. */
int kw_trace_end(struct kw_trace *trace, bool complete)
{
    if (complete)
        finish(trace);
    active = NULL;
    xsltSetDebuggerStatus(XSLT_DEBUG_NONE);
    return trace->error;
}

void kw_trace_free(struct kw_trace *trace)
{
    if (!trace)
        return;
    kw_buf_clear(&trace->makers);
    kw_free(trace);
}

const struct kw_made *kw_trace_maker(const struct kw_trace *trace, const struct kw_xml_element *element)
{
    const xmlNode *node = (const xmlNode *)(const void *)element;
    size_t number = (size_t)(uintptr_t)node->_private;
    for (const xmlNode *child = node->children; child; child = child->next)
        if (child->type == XML_TEXT_NODE && child->_private)
            number = (size_t)(uintptr_t)child->_private;
    const struct kw_made *makers = (const void *)trace->makers.data;
    return number > 0 && number <= trace->count ? &makers[number - 1] : NULL;
}
