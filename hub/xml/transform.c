/* SPDX-License-Identifier: Apache-2.0 */
/* transform.c - XSLT 1.0 through libxslt, with host functions and without any way outside. */
#include "xml/document.h"

#include <errno.h>
#include <libxml/xpathInternals.h>
#include <libxslt/extensions.h>
#include <libxslt/security.h>
#include <libxslt/transform.h>
#include <libxslt/variables.h>
#include <libxslt/xsltInternals.h>
#include <libxslt/xsltutils.h>
#include <string.h>

#include "base/limits.h"
#include "xml/recipe.h"
#include "xml/trace.h"

#define HOST_SPACE "urn:kinward:mapping:1"

struct kw_transform {
    xsltStylesheetPtr sheet;
    xsltSecurityPrefsPtr denied;
    const struct kw_host_function *functions;
    size_t count;
};

struct words { /* what the library said, as far as there is room */
    char text[220];
    size_t size;
    bool failed; /* an XPath error; libxslt goes on after some of them */
};

struct run {
    const struct kw_transform *transform;
    void *context;
    kw_called called; /* NULL: nobody watches */
    struct words words;
    int error; /* the first of a host function */
};

KW_PRINTF(2, 3) static void note(void *context, const char *format, ...)
{
    struct words *words = context;
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(words->text + words->size, sizeof(words->text) - words->size, format, arguments);
    va_end(arguments);
    if (size > 0)
        words->size += (size_t)size < sizeof(words->text) - words->size ? (size_t)size : sizeof(words->text) - words->size - 1;
    if (words->size == sizeof(words->text) - 1) /* no half character at the cut */
        while (words->size > 0 && (words->text[words->size - 1] & 0x80))
            words->text[--words->size] = 0;
    for (char *at = words->text; *at; at++)
        if (*at == '\n')
            *at = ' ';
}

static void note_error(void *context, xmlErrorPtr error)
{
    struct words *words = context;
    words->failed = words->failed || error->level >= XML_ERR_ERROR;
    note(context, "%s ", error->message ? error->message : "error");
}

/* Libraries do not write to stderr. */
static void quiet(void *context, const char *format, ...) {}

static void trim(struct words *words)
{
    while (words->size > 0 && words->text[words->size - 1] == ' ')
        words->text[--words->size] = 0;
}

/* ---- host functions ---- */

static void fail_call(xmlXPathParserContextPtr parser, struct run *run, int error)
{
    if (run->error == 0)
        run->error = error;
    xmlXPathSetError(parser, XPATH_EXPR_ERROR);
}

/* Elements of the fragment become nodes of a document that the transformation frees. */
static int push_fragment(xmlXPathParserContextPtr parser, xsltTransformContextPtr transform, struct kw_view fragment)
{
    struct kw_buf text = {0};
    xmlDocPtr tree = NULL, result = xsltCreateRVT(transform);
    xmlXPathObjectPtr nodes = xmlXPathNewNodeSet(NULL);
    int error = result && nodes ? kw_buf_text(&text, "<f>") : -ENOMEM;
    if (result)
        xsltRegisterLocalRVT(transform, result);
    if (error == 0)
        error = kw_buf_append(&text, fragment.data, fragment.size);
    if (error == 0)
        error = kw_buf_text(&text, "</f>");
    if (error == 0)
        error = kw_xml_read_tree(kw_view_of(&text), KW_LIMIT_RECORD, &tree, NULL);
    kw_buf_clear(&text);
    for (xmlNodePtr child = error == 0 ? xmlDocGetRootElement(tree)->children : NULL; child && error == 0; child = child->next) {
        xmlNodePtr copy = xmlDocCopyNode(child, result, 1);
        if (!copy || !xmlAddChild((xmlNodePtr)result, copy))
            error = -ENOMEM;
        else
            xmlXPathNodeSetAdd(nodes->nodesetval, copy);
    }
    xmlFreeDoc(tree);
    if (error < 0)
        xmlXPathFreeObject(nodes);
    else
        valuePush(parser, nodes);
    return error;
}

static const struct kw_host_function *find(const struct run *run, const xmlChar *name)
{
    for (size_t i = 0; i < run->transform->count; i++)
        if (strcmp(run->transform->functions[i].name, (const char *)name) == 0)
            return &run->transform->functions[i];
    return NULL;
}

#define ARGUMENTS_MOST 8

static void call(xmlXPathParserContextPtr parser, int count)
{
    xsltTransformContextPtr transform = xsltXPathGetTransformContext(parser);
    struct run *run = transform->_private;
    const struct kw_host_function *function = find(run, parser->context->function);
    xmlChar *texts[ARGUMENTS_MOST] = {0};
    struct kw_view arguments[ARGUMENTS_MOST];
    struct kw_buf answer = {0};
    bool fragment = false;
    if (!function || count < function->low || count > function->high || count > ARGUMENTS_MOST) {
        note(&run->words, "wrong number of arguments of kw:%s()", parser->context->function);
        xmlXPathSetError(parser, XPATH_INVALID_ARITY);
        return;
    }
    int error = 0;
    for (int i = count - 1; i >= 0; i--) {
        texts[i] = xmlXPathPopString(parser);
        if (!texts[i])
            error = -ENOMEM;
        arguments[i] = (struct kw_view){texts[i], texts[i] ? strlen((const char *)texts[i]) : 0};
    }
    if (error == 0)
        error = function->call(run->context, arguments, count, &answer, &fragment);
    if (error == 0 && run->called)
        run->called(run->context, function->name, arguments, count, kw_view_of(&answer));
    if (error == 0 && fragment)
        error = push_fragment(parser, transform, kw_view_of(&answer));
    else if (error == 0)
        valuePush(parser, xmlXPathNewCString(answer.data ? (const char *)answer.data : ""));
    if (error < 0) {
        note(&run->words, "kw:%s() failed", function->name);
        fail_call(parser, run, error);
    }
    kw_buf_clear(&answer);
    for (int i = 0; i < count; i++)
        xmlFree(texts[i]);
}

/* ---- loading ---- */

static int deny_all(struct kw_transform *transform)
{
    static const xsltSecurityOption options[] = {XSLT_SECPREF_READ_FILE, XSLT_SECPREF_WRITE_FILE, XSLT_SECPREF_CREATE_DIRECTORY,
                                                 XSLT_SECPREF_READ_NETWORK, XSLT_SECPREF_WRITE_NETWORK};
    transform->denied = xsltNewSecurityPrefs();
    if (!transform->denied)
        return -ENOMEM;
    for (size_t i = 0; i < KW_COUNT(options); i++)
        if (xsltSetSecurityPrefs(transform->denied, options[i], xsltSecurityForbid) != 0)
            return -EIO;
    return 0;
}

int kw_transform_load(const char *path, const struct kw_host_function *functions, size_t count, struct kw_transform **ret_transform,
                      struct kw_fault *fault)
{
    struct words words = {0};
    xmlDocPtr tree = NULL;
    struct kw_transform *transform = kw_alloc(sizeof(*transform));
    if (!transform)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, path, "out of memory");
    int error = kw_trusted_begin(path, &tree, fault);
    if (error < 0) {
        kw_free(transform);
        return error;
    }
    xsltSetGenericErrorFunc(&words, note);
    xmlSetStructuredErrorFunc(&words, note_error);
    transform->sheet = xsltParseStylesheetDoc(tree);
    xmlSetStructuredErrorFunc(NULL, NULL);
    xsltSetGenericErrorFunc(NULL, quiet);
    kw_trusted_end();
    if (!transform->sheet)
        xmlFreeDoc(tree);
    trim(&words);
    if (!transform->sheet || transform->sheet->errors > 0 || words.size > 0)
        error = kw_fail(fault, -EBADMSG, KW_E_MAPPING, path, "%s", words.text[0] ? words.text : "not a stylesheet");
    else if ((error = deny_all(transform)) < 0)
        error = kw_fail(fault, error, KW_E_MEMORY, path, "out of memory");
    if (error < 0) {
        kw_transform_free(transform);
        return error;
    }
    transform->functions = functions;
    transform->count = count;
    *ret_transform = transform;
    return 0;
}

void kw_transform_free(struct kw_transform *transform)
{
    if (!transform)
        return;
    if (transform->sheet)
        xsltFreeStylesheet(transform->sheet);
    if (transform->denied)
        xsltFreeSecurityPrefs(transform->denied);
    kw_free(transform);
}

/* ---- running ---- */

static int prepare(struct run *run, xsltTransformContextPtr transform, const char *const *parameters)
{
    transform->_private = run;
    xsltSetTransformErrorFunc(transform, &run->words, note);
    transform->xpathCtxt->error = note_error;
    transform->xpathCtxt->userData = &run->words;
    if (xsltSetCtxtSecurityPrefs(run->transform->denied, transform) != 0)
        return -EIO;
    for (size_t i = 0; i < run->transform->count; i++)
        if (xsltRegisterExtFunction(transform, (const xmlChar *)run->transform->functions[i].name, (const xmlChar *)HOST_SPACE,
                                    call) != 0)
            return -ENOMEM;
    if (parameters && xsltQuoteUserParams(transform, (const char **)(uintptr_t)parameters) != 0)
        return -EINVAL;
    return 0;
}

static int transform_run(struct run *run, const struct kw_xml *document, const char *const *parameters, xmlDocPtr *ret_result)
{
    struct kw_transform *transform = (struct kw_transform *)(uintptr_t)run->transform;
    xsltTransformContextPtr running = xsltNewTransformContext(transform->sheet, document->tree);
    if (!running)
        return -ENOMEM;
    int error = prepare(run, running, parameters);
    if (error == 0) {
        xmlSetStructuredErrorFunc(&run->words, note_error);
        xmlSetGenericErrorFunc(NULL, quiet);
        *ret_result = xsltApplyStylesheetUser(transform->sheet, document->tree, NULL, NULL, NULL, running);
        xmlSetStructuredErrorFunc(NULL, NULL);
        if (!*ret_result || running->state != XSLT_STATE_OK || run->error < 0 || run->words.failed)
            error = -EBADMSG;
    }
    xsltFreeTransformContext(running);
    trim(&run->words);
    return error;
}

/* failures: of memory, before the run. result is taken. */
static int answer(const struct run *run, int error, unsigned long failures, xmlDocPtr result, struct kw_xml **ret_result,
                  struct kw_fault *fault)
{
    if (error == -ENOMEM || kw_recipe_failures() != failures)
        error = kw_fail(fault, -ENOMEM, KW_E_MEMORY, "", "out of memory");
    else if (error == 0 && !xmlDocGetRootElement(result))
        error = kw_fail(fault, -ENODATA, KW_E_MAPPING, "", "the stylesheet made no element");
    else if (error == 0 && (error = kw_xml_wrap(result, ret_result)) < 0)
        kw_fail(fault, error, KW_E_MEMORY, "", "out of memory");
    else if (error < 0)
        kw_fail(fault, error = run->error < 0 ? run->error : error, KW_E_MAPPING, "", "%s",
                run->words.text[0] ? run->words.text : "the stylesheet stopped");
    if (error < 0)
        xmlFreeDoc(result);
    return error;
}

int kw_transform_run(struct kw_transform *transform, const struct kw_xml *document, const char *const *parameters, void *context,
                     struct kw_xml **ret_result, struct kw_fault *fault)
{
    struct run run = {.transform = transform, .context = context};
    xmlDocPtr result = NULL;
    const unsigned long failures = kw_recipe_failures();
    const int error = transform_run(&run, document, parameters, &result);
    return answer(&run, error, failures, result, ret_result, fault);
}

int kw_transform_watch(struct kw_transform *transform, const struct kw_xml *document, const char *const *parameters, void *context,
                       kw_called called, struct kw_trace **ret_trace, struct kw_xml **ret_result, struct kw_fault *fault)
{
    struct run run = {.transform = transform, .context = context, .called = called};
    struct kw_trace *trace;
    xmlDocPtr result = NULL;
    const unsigned long failures = kw_recipe_failures();
    int error = kw_trace_begin(&trace);
    if (error < 0)
        return kw_fail(fault, error, KW_E_INTERNAL, "", "the transformation cannot be watched");
    error = transform_run(&run, document, parameters, &result);
    const int traced = kw_trace_end(trace, result != NULL);
    error = answer(&run, error < 0 ? error : traced, failures, result, ret_result, fault);
    if (error < 0)
        kw_trace_free(trace);
    else
        *ret_trace = trace;
    return error;
}
