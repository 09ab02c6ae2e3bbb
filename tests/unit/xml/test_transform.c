/* SPDX-License-Identifier: Apache-2.0 */
/* test_transform.c - stylesheets: host functions, parameters, no way outside. */
#include "xml/xml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD                                                                                                                       \
    "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform' xmlns:kw='urn:kinward:mapping:1'"              \
    " exclude-result-prefixes='kw'>"
#define TAIL "</xsl:stylesheet>"

static char folder[] = "/tmp/kw-xsl-XXXXXX";
static char sheet[64], part[64];

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int call(void *context, const struct kw_view *arguments, int count, struct kw_buf *ret_answer, bool *ret_fragment)
{
    ++*(int *)context;
    if (kw_view_is(arguments[0], "fail"))
        return -ERANGE;
    if (count == 2) {
        *ret_fragment = true;
        return kw_buf_format(ret_answer, "<d xmlns=\"urn:r\"><v>%s</v></d><d xmlns=\"urn:r\"/>", (const char *)arguments[1].data);
    }
    return kw_buf_format(ret_answer, "[%s]", (const char *)arguments[0].data);
}

static const struct kw_host_function functions[] = {{"test", 1, 2, call}};

static int run(const char *body, const char *const *parameters, struct kw_buf *result, struct kw_fault *fault)
{
    struct kw_transform *transform;
    struct kw_xml *document, *made;
    int calls = 0;
    write_text(sheet, body);
    int error = kw_transform_load(sheet, functions, 1, &transform, fault);
    if (error < 0)
        return error;
    assert_int_equal(kw_xml_parse(kw_view_text("<in><x>1</x><x>2</x></in>"), 99, &document, NULL), 0);
    for (int pass = 0; pass < 2 && error == 0; pass++) { /* a transform is used again */
        error = kw_transform_run(transform, document, parameters, &calls, &made, fault);
        result->size = 0;
        if (error == 0) {
            assert_int_equal(kw_xml_canonical(made, result), 0);
            kw_xml_free(made);
        }
    }
    kw_xml_free(document);
    kw_transform_free(transform);
    return error;
}

static void functions_and_parameters(void **state)
{
    struct kw_buf text = {0};
    struct kw_fault fault = {0};
    const char *const parameters[] = {"p", "it's \"q\" {x} concat(1)", NULL};
    assert_int_equal(run(HEAD
                         "<xsl:param name='p'/><xsl:template match='/'><r xmlns='urn:r'><xsl:for-each select='in/x'>"
                         "<xsl:value-of select='kw:test(.)'/></xsl:for-each><xsl:variable name='d' select=\"kw:test('a', 'b')\"/>"
                         "<xsl:copy-of select='$d'/><xsl:value-of select='count($d)'/><p><xsl:value-of select='$p'/></p></r>"
                         "</xsl:template>" TAIL,
                         parameters, &text, &fault),
                     0);
    assert_string_equal((char *)text.data, "<r xmlns=\"urn:r\">[1][2]<d><v>b</v></d><d></d>2<p>it's \"q\" {x} concat(1)</p></r>");
    kw_buf_clear(&text);
}

static void includes(void **state)
{
    struct kw_buf text = {0};
    struct kw_fault fault = {0};
    write_text(part, HEAD "<xsl:template name='t'>ok</xsl:template>" TAIL);
    assert_int_equal(run(HEAD "<xsl:include href='part.xsl'/><xsl:template match='/'><r><xsl:call-template name='t'/></r>"
                              "</xsl:template>" TAIL,
                         NULL, &text, &fault),
                     0);
    assert_string_equal((char *)text.data, "<r>ok</r>");
    static const char *const bad[] = {"/etc/hostname", "../part.xsl", "none.xsl", "http://127.0.0.1:9/x.xsl"};
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        char body[1024];
        snprintf(body, sizeof(body), HEAD "<xsl:include href='%s'/><xsl:template match='/'><r/></xsl:template>" TAIL, bad[i]);
        assert_int_equal(run(body, NULL, &text, &fault), -EBADMSG);
        assert_int_equal(fault.code, KW_E_MAPPING);
    }
    kw_buf_clear(&text);
}

static void no_way_outside(void **state)
{
    static const char *const bad[] = {
        HEAD "<xsl:template match='/'><r><xsl:value-of select=\"document('/etc/hostname')\"/></r></xsl:template>" TAIL,
        HEAD "<xsl:template match='/'><r><xsl:copy-of select=\"document('part.xsl')\"/></r></xsl:template>" TAIL,
        HEAD "<xsl:template match='/'><r><xsl:copy-of select=\"document('http://127.0.0.1:9/')\"/></r></xsl:template>" TAIL,
        HEAD "<xsl:template match='/'><xsl:document xmlns:xsl='http://www.w3.org/1999/XSL/Transform' "
             "href='/tmp/kw-out'/></xsl:template>" TAIL,
        HEAD "<xsl:template match='/'><r><xsl:value-of select='kw:none()'/></r></xsl:template>" TAIL,
        HEAD "<xsl:template match='/'><r><xsl:value-of select='kw:test()'/></r></xsl:template>" TAIL,
        HEAD "<xsl:template match='/'><r><xsl:value-of select='kw:test(1,2,3)'/></r></xsl:template>" TAIL,
        HEAD "<xsl:template match='/'><r/><xsl:message terminate='yes'>no task</xsl:message></xsl:template>" TAIL,
        HEAD "<xsl:template match='/' name='t'><xsl:call-template name='t'/></xsl:template>" TAIL,
        HEAD "<xsl:template match='/'>text only</xsl:template>" TAIL,
        HEAD "<xsl:template match='['/>" TAIL,
        "<no-stylesheet/>",
    };
    struct kw_buf text = {0};
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        struct kw_fault fault = {0};
        const int error = run(bad[i], NULL, &text, &fault);
        if (error == 0)
            fail_msg("case %zu gave %s", i, (char *)text.data);
        assert_int_equal(fault.code, KW_E_MAPPING);
        if (strstr(bad[i], "terminate"))
            assert_string_equal(fault.message, "no task");
    }
    struct kw_fault fault = {0};
    assert_int_equal(run(HEAD "<xsl:template match='/'><r><xsl:value-of select=\"kw:test('fail')\"/></r></xsl:template>" TAIL, NULL,
                         &text, &fault),
                     -ERANGE);
    assert_true(access("/tmp/kw-out", F_OK) != 0);
    kw_buf_clear(&text);
}

static int start(void **state)
{
    assert_non_null(mkdtemp(folder));
    snprintf(sheet, sizeof(sheet), "%s/sheet.xsl", folder);
    snprintf(part, sizeof(part), "%s/part.xsl", folder);
    return 0;
}

static int end(void **state)
{
    unlink(sheet);
    unlink(part);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(functions_and_parameters), cmocka_unit_test(includes),
                                       cmocka_unit_test(no_way_outside)};
    return cmocka_run_group_tests(tests, start, end);
}
