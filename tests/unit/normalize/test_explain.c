/* SPDX-License-Identifier: Apache-2.0 */
/* test_explain.c - where fields come from and what is not used, on documents small enough to know it. */
#include "normalize/private.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

#include <cmocka.h>

/* clang-format off */
#define HEAD(format) \
    "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform' xmlns:kw='urn:kinward:mapping:1'" \
    " xmlns:j='http://www.w3.org/2005/xpath-functions' xmlns='urn:kinward:record:1' exclude-result-prefixes='kw j'>" \
    "<kw:mapping id='m' format='" format "'/><xsl:param name='registry'/>\n"
#define SHEET HEAD("json") \
    "<xsl:template match='/j:map'>\n" \
    "<xsl:if test=\"j:string[@key='kind'] != 'birth'\"><xsl:message terminate='yes'>no birth</xsl:message></xsl:if>\n" \
    "<xsl:variable name='copy'><xsl:value-of select=\"kw:upper(j:string[@key='name'])\"/></xsl:variable>\n" \
    "<record><sourceRecord><registry><xsl:value-of select='$registry'/></registry></sourceRecord>\n" \
    "<event><date><xsl:copy-of select=\"kw:date(j:string[@key='on'])\"/></date></event>\n" \
    "<party id='a'><name><fullName><xsl:value-of select='$copy'/></fullName></name>\n" \
    "<xsl:apply-templates select=\"j:string[@key='sex']\" mode='coded'/>" \
    "<xsl:if test=\"j:boolean[@key='twin'] = 'true'\"><note>twin of <xsl:value-of select=\"j:number[@key='n']\"/></note></xsl:if></party>\n" \
    "</record></xsl:template>\n" \
    "<xsl:template match='j:string' mode='coded'><xsl:copy-of select=\"kw:coded('sex','sex',.)\"/></xsl:template></xsl:stylesheet>"
#define DOCUMENT "{\"kind\":\"birth\",\"on\":\"2019-05-07T10:00Z\",\"name\":\"Ana\",\"sex\":\"both\",\"twin\":true,\"n\":3,\"unused\":\"x\"," \
    "\"deep\":{\"list\":[\"a\",\"\",{\"b\":1}]},\"nothing\":null}"
#define ROWS HEAD("csv") \
    "<xsl:template match='/rows'><records><xsl:for-each select='row'><record><event><date>" \
    "<xsl:copy-of select=\"kw:date(cell[@name='on'])\"/></date></event></record></xsl:for-each></records></xsl:template></xsl:stylesheet>"
#define ELEMENTS HEAD("xml") \
    "<xsl:template match='/'><record><note><xsl:value-of select='a/b[2]'/></note><note><xsl:value-of select='a/@c'/></note></record>" \
    "</xsl:template></xsl:stylesheet>"
/* clang-format on */

static char folder[] = "/tmp/kw-explain-XXXXXX";
static char sheet[64], profile[64], codes[512];

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int explain(const char *stylesheet, const char *document, const char *with, bool fields, bool unmapped, struct kw_buf *json)
{
    static const char *const parameters[] = {"registry", "reg", NULL};
    struct kw_mapping *mapping;
    struct kw_fault fault = {0};
    write_text(sheet, stylesheet);
    assert_int_equal(kw_mapping_load(sheet, codes, with, &mapping, &fault), 0);
    const int error = kw_explain(mapping, kw_view_text(document), NULL, parameters, fields, unmapped, json, &fault);
    kw_mapping_free(mapping);
    return error;
}

static void says(const struct kw_buf *json, const char *wanted)
{
    if (!strstr((const char *)json->data, wanted))
        fail_msg("%s is not in %s", wanted, (const char *)json->data);
}

static void fields(void **state)
{
    struct kw_buf json = {0};
    assert_int_equal(explain(SHEET, DOCUMENT, NULL, true, true, &json), 0);
    says(&json, "{\"mapping\":\"m\",\"values\":9,\"fields\":[");
    says(&json,
         "{\"path\":\"record/sourceRecord/registry\",\"value\":\"reg\",\"kept\":true,\"from\":[],\"dependsOn\":[],\"functions\":[],"
         "\"warnings\":[],\"file\":\"sheet.xsl\",\"line\":5,\"template\":\"match=\\\"/j:map\\\"\"}");
    says(&json,
         "{\"path\":\"record/event/date/value\",\"value\":\"2019-05-07\",\"kept\":true,\"from\":[{\"path\":\"/on\",\"value\":"
         "\"2019-05-07T10:00Z\"}],\"dependsOn\":[],\"functions\":[\"date\"],\"warnings\":[],\"file\":\"sheet.xsl\",\"line\":6,");
    says(&json, "{\"path\":\"record/event/date/time\",\"value\":\"10:00\",\"kept\":true,\"from\":[{\"path\":\"/on\"");
    says(&json, "\"value\":\"ANA\",\"kept\":true,\"from\":[{\"path\":\"/"
                "name\",\"value\":\"Ana\"}],\"dependsOn\":[],\"functions\":[\"upper\"],"
                "\"warnings\":[],\"file\":\"sheet.xsl\",\"line\":7,");
    says(&json, "{\"path\":\"record/party/sex\",\"value\":\"unknown\",\"kept\":true,\"from\":[],\"dependsOn\":[\"/sex\"]");
    says(&json, "{\"path\":\"record/party/sex/@original\",\"value\":\"both\",\"kept\":true,\"from\":[{\"path\":\"/"
                "sex\",\"value\":\"both\"}],"
                "\"dependsOn\":[],\"functions\":[\"coded\"],\"warnings\":[\"unknown-code sex\"],\"file\":\"sheet.xsl\",\"line\":10,"
                "\"template\":\"match=\\\"j:string\\\" mode=\\\"coded\\\"\"}");
    says(&json,
         "{\"path\":\"record/party/note\",\"value\":\"twin of 3\",\"kept\":true,\"from\":[{\"path\":\"/n\",\"value\":\"3\"}],"
         "\"dependsOn\":[\"/twin\"]");
    says(&json, "\"warnings\":[\"unknown-code sex\"],\"required\":[\"/kind\"],");
    says(&json, "\"unmapped\":[{\"path\":\"/unused\",\"value\":\"x\"},{\"path\":\"/deep/list/0\",\"value\":\"a\"},"
                "{\"path\":\"/deep/list/2/b\",\"value\":\"1\"}]}");
    kw_buf_clear(&json);
}

/* What the profile takes away is told, and counts as used. */
static void disclosure(void **state)
{
    struct kw_buf json = {0};
    write_text(profile, "<profile xmlns='urn:kinward:profile:1' id='t'><allow path='event/'/><allow path='party/sex'/></profile>");
    assert_int_equal(explain(SHEET, DOCUMENT, profile, true, true, &json), 0);
    says(&json, "\"path\":\"record/event/date/value\",\"value\":\"2019-05-07\",\"kept\":true");
    says(&json, "\"path\":\"record/party/name/fullName\",\"value\":\"ANA\",\"kept\":false");
    says(&json, "\"path\":\"record/party/sex\",\"value\":\"unknown\",\"kept\":true");
    says(&json, "\"path\":\"record/party/@id\",\"value\":\"a\",\"kept\":true");
    says(&json, "\"unmapped\":[{\"path\":\"/unused\"");
    kw_buf_clear(&json);
}

static void other_formats(void **state)
{
    struct kw_buf json = {0};
    assert_int_equal(explain(ROWS, "on,left\n2019-05-07,over\n2020-01-01,\n", NULL, true, true, &json), 0);
    says(&json,
         "\"path\":\"records/record[2]/event/date/value\",\"value\":\"2020-01-01\",\"kept\":true,\"from\":[{\"path\":\"/2/on\",");
    says(&json, "\"unmapped\":[{\"path\":\"/1/left\",\"value\":\"over\"}]}");
    kw_buf_clear(&json);
    assert_int_equal(explain(ELEMENTS, "<a c='1' d='2'><b>x</b><b>y</b><e>z</e></a>", NULL, false, true, &json), 0);
    /* without the first b there is no second */
    says(&json, "\"values\":5,\"unmapped\":[{\"path\":\"/a/@d\",\"value\":\"2\"},{\"path\":\"/a/e\",\"value\":\"z\"}]}");
    kw_buf_clear(&json);
}

static void refusals(void **state)
{
    struct kw_buf json = {0}, big = {0};
    assert_int_equal(explain(SHEET, "{\"kind\":\"death\"}", NULL, true, true, &json), -EBADMSG);
    assert_int_equal(explain(SHEET, "{\"kind\":", NULL, true, true, &json), -EBADMSG);
    assert_int_equal(kw_buf_text(&big, "{\"kind\":\"birth\",\"a\":[0"), 0);
    for (int i = 0; i < KW_LIMIT_EXPLAINED; i++)
        assert_int_equal(kw_buf_text(&big, ",1"), 0);
    assert_int_equal(kw_buf_text(&big, "]}"), 0);
    assert_int_equal(explain(SHEET, (const char *)big.data, NULL, true, true, &json), -E2BIG);
    assert_int_equal(json.size, 0);
    kw_buf_clear(&big);
    kw_buf_clear(&json);
}

static int start(void **state)
{
    assert_non_null(mkdtemp(folder));
    snprintf(sheet, sizeof(sheet), "%s/sheet.xsl", folder);
    snprintf(profile, sizeof(profile), "%s/profile", folder);
    snprintf(codes, sizeof(codes), "%s/schemas/codes", getenv("KINWARD_SOURCE"));
    return kw_xml_init();
}

static int end(void **state)
{
    unlink(sheet);
    unlink(profile);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields), cmocka_unit_test(disclosure), cmocka_unit_test(other_formats),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, start, end);
}
