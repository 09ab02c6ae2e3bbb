/* SPDX-License-Identifier: Apache-2.0 */
/* recipe.c - what every parse does before and after the library: bounds, encoding, declaration, acceptance. */
#include "xml/recipe.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"

/* Documents below this are parsed without counting their attributes first: libxml2 compares attributes pairwise, and so
 * few bytes cannot make that slow. */
#define COUNT_ATTRIBUTES_FROM 8192

static xmlParserInputPtr refuse_entity(const char *url, const char *id, xmlParserCtxtPtr parser)
{
    (void)url, (void)id;
    if (parser)
        parser->errNo = XML_IO_NETWORK_ATTEMPT;
    return NULL;
}

/* libxml2 and libxslt go on after some failed allocations and leave something out of their result; whoever uses a result compares
 * this before and after. */
static _Thread_local unsigned long failures;

unsigned long kw_recipe_failures(void)
{
    return failures;
}

static void *library_alloc(size_t size)
{
    void *memory = kw_alloc(size ? size : 1);
    failures += memory == NULL;
    return memory;
}

static void *library_resize(void *old, size_t size)
{
    void *memory = kw_resize(old, size);
    failures += memory == NULL && size > 0;
    return memory;
}

static char *library_strdup(const char *text)
{
    char *copy = kw_strdup(text);
    failures += copy == NULL && text != NULL;
    return copy;
}

KW_PRINTF(2, 3)
static void say_nothing(void *context, const char *format, ...)
{
    (void)context, (void)format;
}

int kw_xml_init(void)
{
    static bool done;
    if (done)
        return 0;
    if (xmlMemSetup(kw_free, library_alloc, library_resize, library_strdup) != 0)
        return -EINVAL;
    /* this thread's, and that of threads to come: what is wrong is told through faults */
    xmlInitParser();
    xmlSetGenericErrorFunc(NULL, say_nothing);
    xmlThrDefSetGenericErrorFunc(NULL, say_nothing);
    xmlSetExternalEntityLoader(refuse_entity);
    done = true;
    return 0;
}

/* ---- before ------------------------------------------------------------------- */

static bool continued(const uint8_t *at, size_t count)
{
    for (size_t i = 1; i <= count; i++)
        if ((at[i] & 0xC0) != 0x80)
            return false;
    return true;
}

/* Bytes of the UTF-8 character at (RFC 3629: shortest form, no surrogates, up to U+10FFFF); 0: ill-formed. */
static size_t character_size(const uint8_t *at, size_t left)
{
    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xC2 && at[0] <= 0xDF)
        return left >= 2 && continued(at, 1) ? 2 : 0;
    if (at[0] >= 0xE0 && at[0] <= 0xEF) {
        if (left < 3 || !continued(at, 2) || (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F))
            return 0;
        return 3;
    }
    if (at[0] >= 0xF0 && at[0] <= 0xF4) {
        if (left < 4 || !continued(at, 3) || (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F))
            return 0;
        return 4;
    }
    return 0;
}

/* Eight bytes at once that are all ASCII and none NUL. */
static bool plain_word(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    uint64_t low = 0x0101010101010101u, high = 0x8080808080808080u;
    return ((word | (word - low)) & high) == 0;
}

static int check_characters(struct kw_view text, struct kw_fault *fault)
{
    for (size_t at = 0; at < text.size;) {
        if (text.size - at >= 8 && plain_word(text.data + at)) {
            at += 8;
            continue;
        }
        size_t size = character_size(text.data + at, text.size - at);
        if (size > 0 && text.data[at] != 0) {
            at += size;
            continue;
        }
        kw_fail(fault, -EBADMSG, size > 0 ? KW_E_ILL_FORMED : KW_E_ENCODING, "",
                size > 0 ? "there is a NUL byte" : "not well-formed UTF-8");
        if (fault)
            kw_recipe_place(text, at, &fault->line, &fault->column);
        return -EBADMSG;
    }
    return 0;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Cuts `name="value"` of an XML declaration off the front. */
static bool take_pseudo_attribute(struct kw_view *rest, const char *name, struct kw_view *ret_value)
{
    struct kw_view left = *rest;
    while (left.size > 0 && is_space(*left.data))
        left.data++, left.size--;
    size_t length = strlen(name);
    if (left.data == rest->data || left.size < length || memcmp(left.data, name, length) != 0)
        return false;
    left.data += length, left.size -= length;
    while (left.size > 0 && (is_space(*left.data) || *left.data == '='))
        left.data++, left.size--;
    if (left.size == 0 || (*left.data != '"' && *left.data != '\''))
        return false;
    const uint8_t *end = memchr(left.data + 1, *left.data, left.size - 1);
    if (end == NULL)
        return false;
    *ret_value = (struct kw_view){left.data + 1, (size_t)(end - left.data) - 1};
    *rest = (struct kw_view){end + 1, left.size - (size_t)(end + 1 - left.data)};
    return true;
}

/* libxml2 judges the declaration's grammar; here only what it would be lenient about. */
static int check_declaration(struct kw_view text, struct kw_fault *fault)
{
    if (text.size < 6 || memcmp(text.data, "<?xml", 5) != 0 || !is_space(text.data[5]))
        return 0;
    struct kw_view rest = {text.data + 5, text.size - 5}, value;
    if (!take_pseudo_attribute(&rest, "version", &value) || !kw_view_is(value, "1.0")) {
        kw_fail(fault, -EBADMSG, KW_E_ILL_FORMED, "", "the XML version is not 1.0");
        goto place;
    }
    if (take_pseudo_attribute(&rest, "encoding", &value) &&
        (value.size != 5 || strncasecmp((const char *)value.data, "UTF-8", 5) != 0)) {
        kw_fail(fault, -EBADMSG, KW_E_ENCODING, "", "the declared encoding is not UTF-8");
        goto place;
    }
    return 0;
place:
    if (fault)
        fault->line = fault->column = 1;
    return -EBADMSG;
}

/* The end of a comment, CDATA section or processing instruction that starts at text.data[at]; at itself for a tag. */
static size_t skip_other(struct kw_view text, size_t at)
{
    static const struct {
        const char *open, *close;
    } kinds[] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};
    for (size_t i = 0; i < KW_COUNT(kinds); i++) {
        size_t open = strlen(kinds[i].open);
        if (text.size - at < open || memcmp(text.data + at, kinds[i].open, open) != 0)
            continue;
        const uint8_t *end = memmem(text.data + at + open, text.size - at - open, kinds[i].close, strlen(kinds[i].close));
        return end ? (size_t)(end - text.data) + strlen(kinds[i].close) : text.size;
    }
    return at;
}

static int check_attribute_counts(struct kw_view text, struct kw_fault *fault)
{
    for (size_t at = 0; at < text.size;) {
        const uint8_t *tag = memchr(text.data + at, '<', text.size - at);
        if (tag == NULL)
            return 0;
        size_t start = (size_t)(tag - text.data);
        at = skip_other(text, start);
        if (at != start)
            continue;
        unsigned values = 0;
        for (at++; at < text.size && text.data[at] != '>'; at++) {
            if (text.data[at] != '"' && text.data[at] != '\'')
                continue;
            const uint8_t *end = memchr(text.data + at + 1, text.data[at], text.size - at - 1);
            if (end == NULL)
                return 0;
            at = (size_t)(end - text.data);
            if (++values <= KW_LIMIT_ATTRIBUTES)
                continue;
            kw_fail(fault, -EBADMSG, KW_E_TOO_DEEP, "", "more than %d attributes on one element", KW_LIMIT_ATTRIBUTES);
            if (fault)
                kw_recipe_place(text, start, &fault->line, &fault->column);
            return -EBADMSG;
        }
    }
    return 0;
}

int kw_recipe_before(struct kw_view *text, size_t limit, struct kw_fault *fault)
{
    if (text->size == 0)
        return kw_fail(fault, -EBADMSG, KW_E_EMPTY, "", "there are no bytes");
    if (text->size > limit)
        return kw_fail(fault, -EBADMSG, KW_E_TOO_LARGE, "", "larger than %zu bytes", limit);
    int error = check_characters(*text, fault);
    if (error != 0)
        return error;
    if (text->size >= 3 && memcmp(text->data, "\xEF\xBB\xBF", 3) == 0)
        *text = (struct kw_view){text->data + 3, text->size - 3};
    error = check_declaration(*text, fault);
    if (error != 0)
        return error;
    const uint8_t *doctype = memmem(text->data, text->size, "<!DOCTYPE", 9);
    if (doctype) {
        kw_fail(fault, -EBADMSG, KW_E_DOCTYPE, "", "a document type declaration is never accepted");
        if (fault)
            kw_recipe_place(*text, (size_t)(doctype - text->data), &fault->line, &fault->column);
        return -EBADMSG;
    }
    return text->size < COUNT_ATTRIBUTES_FROM ? 0 : check_attribute_counts(*text, fault);
}

/* ---- after -------------------------------------------------------------------- */

static const struct {
    int library_code;
    enum kw_code code;
    const char *words;
} errors[] = {
    {XML_ERR_DOCUMENT_EMPTY, KW_E_ILL_FORMED, "there is no element"},
    {XML_ERR_DOCUMENT_END, KW_E_ILL_FORMED, "something stands after the end of the document, or the end is missing"},
    {XML_ERR_INVALID_CHAR, KW_E_ILL_FORMED, "a character that XML does not allow"},
    {XML_ERR_INVALID_CHARREF, KW_E_ILL_FORMED, "a reference to a character that XML does not allow"},
    {XML_ERR_INVALID_DEC_CHARREF, KW_E_ILL_FORMED, "a malformed character reference"},
    {XML_ERR_INVALID_HEX_CHARREF, KW_E_ILL_FORMED, "a malformed character reference"},
    {XML_ERR_UNDECLARED_ENTITY, KW_E_ILL_FORMED, "an entity other than the five of XML"},
    {XML_ERR_ENTITYREF_SEMICOL_MISSING, KW_E_ILL_FORMED, "an ampersand that starts no reference"},
    {XML_ERR_NAME_REQUIRED, KW_E_ILL_FORMED, "a name is missing"},
    {XML_ERR_LT_IN_ATTRIBUTE, KW_E_ILL_FORMED, "a less-than sign inside an attribute value"},
    {XML_ERR_ATTRIBUTE_NOT_STARTED, KW_E_ILL_FORMED, "an attribute value without quotes"},
    {XML_ERR_ATTRIBUTE_NOT_FINISHED, KW_E_ILL_FORMED, "an attribute value without its closing quote"},
    {XML_ERR_ATTRIBUTE_REDEFINED, KW_E_ILL_FORMED, "the same attribute twice"},
    {XML_ERR_ATTRIBUTE_WITHOUT_VALUE, KW_E_ILL_FORMED, "an attribute without a value"},
    {XML_ERR_TAG_NAME_MISMATCH, KW_E_ILL_FORMED, "the end tag is of another element than the start tag"},
    {XML_ERR_TAG_NOT_FINISHED, KW_E_ILL_FORMED, "the end tag of an element is missing"},
    {XML_ERR_GT_REQUIRED, KW_E_ILL_FORMED, "a tag is not closed"},
    {XML_ERR_SPACE_REQUIRED, KW_E_ILL_FORMED, "white space is missing between attributes"},
    {XML_ERR_MISPLACED_CDATA_END, KW_E_ILL_FORMED, "]]> inside text"},
    {XML_ERR_COMMENT_NOT_FINISHED, KW_E_ILL_FORMED, "a comment is not closed"},
    {XML_ERR_CDATA_NOT_FINISHED, KW_E_ILL_FORMED, "a CDATA section is not closed"},
    {XML_ERR_RESERVED_XML_NAME, KW_E_ILL_FORMED, "an XML declaration that is not at the start"},
    {XML_ERR_INTERNAL_ERROR, KW_E_TOO_DEEP, "deeper or longer than the parser's own bound"},
    {XML_ERR_INVALID_ENCODING, KW_E_ENCODING, "not well-formed UTF-8"},
    {XML_ERR_UNSUPPORTED_ENCODING, KW_E_ENCODING, "the declared encoding is not UTF-8"},
    {XML_NS_ERR_UNDEFINED_NAMESPACE, KW_E_NAMESPACE, "a prefix that is not declared"},
    {XML_NS_ERR_ATTRIBUTE_REDEFINED, KW_E_NAMESPACE, "the same attribute twice, under two prefixes"},
    {XML_NS_ERR_XML_NAMESPACE, KW_E_NAMESPACE, "a namespace declaration that XML does not allow"},
};

int kw_recipe_error(int library_code, struct kw_fault *fault)
{
    if (library_code == XML_ERR_NO_MEMORY || library_code == XML_ERR_OK)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "", "out of memory");
    for (size_t i = 0; i < KW_COUNT(errors); i++)
        if (errors[i].library_code == library_code)
            return kw_fail(fault, -EBADMSG, errors[i].code, "", "%s", errors[i].words);
    return kw_fail(fault, -EBADMSG, KW_E_ILL_FORMED, "", "not well-formed XML (libxml2 error %d)", library_code);
}

int kw_recipe_after(const xmlParserCtxt *parser, struct kw_fault *fault)
{
    if (parser->wellFormed && parser->nsWellFormed && parser->errNo == XML_ERR_OK && parser->lastError.level < XML_ERR_ERROR)
        return 0;
    int code = parser->errNo != XML_ERR_OK ? parser->errNo : parser->lastError.code;
    int error = kw_recipe_error(code, fault);
    if (fault && parser->lastError.line > 0) {
        fault->line = (unsigned)parser->lastError.line;
        fault->column = parser->lastError.int2 > 0 ? (unsigned)parser->lastError.int2 : 0;
    }
    return error;
}

void kw_recipe_place(struct kw_view text, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < offset && i < text.size; i++) {
        if (text.data[i] == '\n')
            line++, column = 1;
        else if ((text.data[i] & 0xC0) != 0x80)
            column++;
    }
    *ret_line = line;
    *ret_column = column;
}
