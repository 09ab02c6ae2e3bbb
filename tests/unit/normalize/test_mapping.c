/* SPDX-License-Identifier: Apache-2.0 */
/* test_mapping.c - JSON and CSV as XML, code lists, disclosure profile, a mapping from end to end. */
#include "normalize/private.h"

#include "base/limits.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/kw-map-XXXXXX";
static char sheet[64], part[64], profile[64], codes[512];

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void tree_is(int error, struct kw_xml *document, const char *wanted)
{
    struct kw_buf text = {0};
    assert_int_equal(error, 0);
    assert_int_equal(kw_xml_canonical(document, &text), 0);
    assert_string_equal((char *)text.data, wanted);
    kw_buf_clear(&text);
    kw_xml_free(document);
}

static void json_vocabulary(void **state)
{
    struct kw_xml *document = NULL;
    struct kw_fault fault = {0};
    int error = kw_json_tree(kw_view_text("{\"a\":\"x<y\",\"b\":[1,2.5,true,null,{}],\"k\\\"\":\"e\\u0301\"}"), &document, &fault);
    tree_is(
        error, document,
        "<map xmlns=\"http://www.w3.org/2005/xpath-functions\"><string key=\"a\">x&lt;y</string><array key=\"b\"><number>1</number>"
        "<number>2.5</number><boolean>true</boolean><null></null><map></map></array><string "
        "key=\"k&quot;\">\xc3\xa9</string></map>");
    assert_int_equal(kw_json_tree(kw_view_text("{\"a\":[{\"b\":\"ok\"},{\"b\":\"\\u0001\"}]}"), &document, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_ENCODING);
    assert_string_equal(fault.place, "/a/1/b");
    assert_int_equal(kw_json_tree(kw_view_text("{\"a\\u0008\":1}"), &document, &fault), -EBADMSG);
    assert_int_equal(kw_json_tree(kw_view_text("\"alone\""), &document, &fault), -EBADMSG);
}

static void csv_rows(void **state)
{
    struct kw_xml *document = NULL;
    struct kw_fault fault = {0};
    int error = kw_csv_tree(kw_view_text("\xef\xbb\xbf"
                                         "a,b\r\n1,\"x, \"\"y\"\"\r\nz\"\r\n\r\n,\n"),
                            5, &document, &fault);
    tree_is(error, document,
            "<rows><row n=\"5\"><cell name=\"a\">1</cell><cell name=\"b\">x, \"y\"&#xD;\nz</cell></row>"
            "<row n=\"6\"><cell name=\"a\"></cell><cell name=\"b\"></cell></row></rows>");
    static const struct {
        const char *text;
        unsigned line;
    } bad[] = {{"a,b\n1\n", 2},    {"a,b\n1,2\n1,2,3\n", 3}, {"a,a\n1,2\n", 1}, {"a,\n1,2\n", 1}, {"a\n\"x\n", 2},
               {"a\nx\"y\"\n", 2}, {"a\n\"x\"y\n", 2},       {"a\n\xff\n", 2},  {"a\nx\ry\n", 2}, {"a\n\x01\n", 2}};
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        if (kw_csv_tree(kw_view_text(bad[i].text), 1, &document, &fault) != -EBADMSG)
            fail_msg("accepted %s", bad[i].text);
        assert_int_equal(fault.line, bad[i].line);
    }
    assert_int_equal(kw_csv_tree((struct kw_view){(const uint8_t *)"a\nx\0y\n", 6}, 1, &document, &fault), -EBADMSG);
    assert_int_equal(kw_csv_tree(kw_view_text(""), 1, &document, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_EMPTY);
}

static void csv_corpus(void **state)
{
    static const char *const names[] = {"comma_in_quotes",
                                        "empty",
                                        "empty_crlf",
                                        "escaped_quotes",
                                        "json",
                                        "newlines",
                                        "newlines_crlf",
                                        "quotes_and_newlines",
                                        "simple",
                                        "simple_crlf",
                                        "utf8"};
    size_t read = 0;
    for (size_t i = 0; i < KW_COUNT(names); i++) {
        char path[512];
        struct kw_buf bytes = {0};
        struct kw_xml *document = NULL;
        struct kw_fault fault;
        snprintf(path, sizeof(path), "%s/data/hostile/csv/csv-spectrum/csvs/%s.csv", getenv("KINWARD_SHARED"), names[i]);
        if (kw_file_read(path, 1 << 20, &bytes, &fault) < 0)
            continue;
        if (kw_csv_tree(kw_view_of(&bytes), 1, &document, &fault) < 0)
            fail_msg("%s: %s", names[i], fault.message);
        read++;
        kw_xml_free(document);
        kw_buf_clear(&bytes);
    }
    if (read == 0) {
        print_message("# skipped: csv-spectrum is absent\n");
        skip();
    }
    print_message("# %zu files\n", read);
}

static void code_is(const struct kw_codes *lists, const char *list, const char *value, const char *wanted)
{
    const char *code = NULL;
    assert_int_equal(kw_codes_find(lists, kw_view_text(list), kw_view_text(value), &code), 0);
    if ((code == NULL) != (wanted == NULL) || (code && strcmp(code, wanted) != 0))
        fail_msg("%s %s: %s", list, value, code ? code : "none");
}

static void code_lists(void **state)
{
    struct kw_codes *lists;
    struct kw_sha256 hash;
    struct kw_fault fault = {0};
    const char *code;
    kw_sha256_start(&hash);
    assert_int_equal(kw_codes_load(codes, &hash, &lists, &fault), 0);
    code_is(lists, "sex", "male", "male");
    code_is(lists, "sex", "MALE", "male");
    code_is(lists, "sex", "2", "female");
    code_is(lists, "sex", "both", NULL);
    code_is(lists, "status", "CERTIFIED", "registered");
    code_is(lists, "status", "ISSUED", "registered");
    code_is(lists, "status", "WAITING_VALIDATION", "declared");
    code_is(lists, "country", "KEN", "KE");
    code_is(lists, "country", "FAR", NULL);
    code_is(lists, "identifier-type", "NATIONAL_ID", "national_id");
    assert_int_equal(kw_codes_find(lists, kw_view_text("none"), kw_view_text("x"), &code), -ENOENT);
    kw_codes_free(lists);
    assert_true(kw_codes_load(folder, &hash, &lists, &fault) < 0);
}

static void disclosure(void **state)
{
    struct kw_profile *allowed;
    struct kw_xml *record;
    struct kw_sha256 hash;
    struct kw_fault fault = {0};
    struct kw_buf text = {0};
    kw_sha256_start(&hash);
    write_text(profile, "<profile xmlns='urn:kinward:profile:1' id='t'><allow path='party/name/'/><allow path='party/role'/>"
                        "<allow path='eventType'/><allow path='death/certification/type'/></profile>");
    assert_int_equal(kw_profile_load(profile, &hash, &allowed, &fault), 0);
    assert_string_equal(kw_profile_id(allowed), "t");
    assert_int_equal(
        kw_xml_parse(kw_view_text("<record><eventType k='1'>x</eventType><party id='a'><role>r<deep/></role><name><given>g</given>"
                                  "</name><names/><religion>no</religion></party><party><religion>no</religion></party><death>"
                                  "<cause>no</cause><certification><type>t</type><date>no</date></certification></death>"
                                  "<event><date/></event></record>"),
                     9999, &record, &fault),
        0);
    kw_profile_apply(allowed, record);
    assert_int_equal(kw_xml_canonical(record, &text), 0);
    assert_string_equal((char *)text.data,
                        "<record><eventType k=\"1\">x</eventType><party id=\"a\"><role>r</role><name><given>g</given></name>"
                        "</party><death><certification><type>t</type></certification></death></record>");
    kw_buf_clear(&text);
    kw_xml_free(record);
    kw_profile_free(allowed);
    static const char *const bad[] = {"<profile xmlns='urn:kinward:profile:1'/>", "<profile id='x'/>",
                                      "<profile xmlns='urn:kinward:profile:1' id='t'><deny path='a'/></profile>",
                                      "<profile xmlns='urn:kinward:profile:1' id='t'><allow path='/a'/></profile>"};
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        write_text(profile, bad[i]);
        assert_true(kw_profile_load(profile, &hash, &allowed, &fault) < 0);
        assert_int_equal(fault.code, KW_E_CONFIG);
    }
}

#define HEAD                                                                                                                       \
    "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform' xmlns:kw='urn:kinward:mapping:1'"              \
    " xmlns:j='http://www.w3.org/2005/xpath-functions' xmlns='urn:kinward:record:1' exclude-result-prefixes='kw j'>"
#define BODY                                                                                                                       \
    "<xsl:include href='part.xsl'/><xsl:param name='registry'/><xsl:param name='raw-hash'/><xsl:param name='mapping-version'/>"    \
    "<xsl:template match='/j:map'><records><xsl:for-each select=\"j:array[@key='list']/j:map\"><record><sourceRecord><registry>"   \
    "<xsl:value-of select='$registry'/></registry><system>s</system><jurisdiction>KE</jurisdiction><id>"                           \
    "<xsl:value-of select=\"kw:id('a', j:string[@key='id'])\"/></id><version>1</version><rawHash><xsl:value-of "                   \
    "select='$raw-hash'/>"                                                                                                         \
    "</rawHash><mapping><id>m</id><version><xsl:value-of select='$mapping-version'/></version></mapping></sourceRecord>"           \
    "<eventType>live_birth</eventType><status>declared</status><event><date><xsl:copy-of "                                         \
    "select=\"kw:date(j:string[@key='on'])\"/>"                                                                                    \
    "</date></event><party id='child'><role>child</role><xsl:copy-of select=\"kw:coded('sex','sex',j:string[@key='sex'])\"/>"      \
    "<religion>r</religion></party></record></xsl:for-each></records></xsl:template></xsl:stylesheet>"
#define ALL                                                                                                                        \
    "<profile xmlns='urn:kinward:profile:1' id='t'><allow path='sourceRecord/'/><allow path='eventType'/><allow path='status'/>"   \
    "<allow path='event/'/><allow path='party/role'/><allow path='party/sex'/></profile>"

static void end_to_end(void **state)
{
    struct kw_mapping *mapping;
    struct kw_normalized made = {0};
    struct kw_fault fault = {0};
    struct kw_view rest, record;
    const char *const parameters[] = {"registry", "reg", NULL};
    char version[96];
    write_text(part, HEAD "</xsl:stylesheet>");
    write_text(sheet, HEAD "<kw:mapping id='m' version='7' format='json'/>" BODY);
    write_text(profile, ALL);
    assert_int_equal(kw_mapping_load(sheet, codes, profile, &mapping, &fault), 0);
    assert_string_equal(kw_mapping_id(mapping), "m");
    snprintf(version, sizeof(version), "%s", kw_mapping_version(mapping));
    assert_int_equal(strlen(version), 18);
    assert_memory_equal(version, "7.", 2);
    assert_int_equal(kw_mapping_warm(mapping, &fault), 0);
    assert_int_equal(
        kw_normalize(mapping,
                     kw_view_text("{\"list\":[{\"id\":\"1\",\"on\":\"2019-05-07\",\"sex\":\"male\"},{\"id\":\"2\",\"on\":\"soon\","
                                  "\"sex\":\"both\"}]}"),
                     NULL, parameters, &made, &fault),
        0);
    assert_int_equal(made.count, 2);
    rest = kw_view_of(&made.records);
    assert_int_equal(kw_take_item(&rest, &record), 0);
    assert_non_null(memmem(record.data, record.size, "<sex>male</sex></party></record>", 32));
    assert_non_null(memmem(record.data, record.size, version, strlen(version)));
    assert_int_equal(kw_take_item(&rest, &record), 0);
    assert_non_null(memmem(record.data, record.size, "<sex original=\"both\">unknown</sex>", 34));
    assert_int_equal(made.warning_count, 2);
    rest = kw_view_of(&made.warnings);
    assert_int_equal(kw_take_item(&rest, &record), 0);
    assert_true(kw_view_is(record, "date-not-read date"));
    assert_int_equal(kw_take_item(&rest, &record), 0);
    assert_true(kw_view_is(record, "unknown-code sex"));
    kw_normalized_clear(&made);
    assert_int_equal(kw_normalize(mapping, kw_view_text("{\"list\":[]}"), NULL, parameters, &made, &fault), 0);
    assert_int_equal(made.count, 0);
    kw_normalized_clear(&made);
    assert_int_equal(kw_normalize(mapping, kw_view_text("{\"list\":[}"), NULL, parameters, &made, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_JSON);
    assert_int_equal(kw_normalize(mapping, kw_view_text("{}"), "yaml", parameters, &made, &fault), -EBADMSG);
    kw_mapping_free(mapping);
}

/* A document that stands as a text inside another is a tree; what is none is warned of. */
static void json_inside(void **state)
{
    struct kw_mapping *mapping;
    struct kw_normalized made = {0};
    struct kw_fault fault = {0};
    struct kw_view rest, item;
    write_text(sheet, HEAD "<kw:mapping id='m' version='7' format='json'/><xsl:template match='/j:map'><records><xsl:for-each "
                           "select=\"kw:json(j:string[@key='m'])/j:array[@key='list']/j:map\"><record><sourceRecord>"
                           "<registry>r</registry><system>s</system><jurisdiction>KE</jurisdiction>"
                           "<id><xsl:value-of select=\"j:string[@key='id']\"/></id><version>1</version></sourceRecord>"
                           "<eventType>death</eventType><status>declared</status><event><date>"
                           "<value>2020</value></date></event></record></xsl:for-each></records></xsl:template></xsl:stylesheet>");
    assert_int_equal(kw_mapping_load(sheet, codes, NULL, &mapping, &fault), 0);
    static const char two[] = "{\"m\":\"{\\\"list\\\":[{\\\"id\\\":\\\"a\\\"},{\\\"id\\\":\\\"<b\\\"}]}\"}";
    assert_int_equal(kw_normalize(mapping, kw_view_text(two), NULL, NULL, &made, &fault), 0);
    assert_int_equal(made.count, 2);
    rest = kw_view_of(&made.records);
    assert_int_equal(kw_take_item(&rest, &item), 0);
    assert_non_null(memmem(item.data, item.size, "<id>a</id>", 10));
    assert_int_equal(kw_take_item(&rest, &item), 0);
    assert_non_null(memmem(item.data, item.size, "<id>&lt;b</id>", 14));
    kw_normalized_clear(&made);
    static const char *const none[] = {"{\"m\":\"{\"}", "{\"m\":\"\"}", "{\"m\":\"7\"}",
                                       "{\"m\":\"{\\\"a\\\":\\\"\\\\u0001\\\"}\"}"};
    for (size_t i = 0; i < KW_COUNT(none); i++) {
        assert_int_equal(kw_normalize(mapping, kw_view_text(none[i]), NULL, NULL, &made, &fault), 0);
        assert_int_equal(made.count, 0);
        rest = kw_view_of(&made.warnings);
        assert_int_equal(kw_take_item(&rest, &item), 0);
        assert_true(kw_view_is(item, "json-not-read json"));
        kw_normalized_clear(&made);
    }
    kw_mapping_free(mapping);
}

static void version_and_refusal(void **state)
{
    struct kw_mapping *mapping;
    struct kw_normalized made = {0};
    struct kw_fault fault = {0};
    char version[96];
    write_text(part, HEAD "</xsl:stylesheet>");
    write_text(profile, ALL);
    assert_int_equal(kw_mapping_load(sheet, codes, profile, &mapping, &fault), 0);
    snprintf(version, sizeof(version), "%s", kw_mapping_version(mapping));
    kw_mapping_free(mapping);

    /* any part that changes what is sent changes the version */
    write_text(part, HEAD "<!-- changed --></xsl:stylesheet>");
    assert_int_equal(kw_mapping_load(sheet, codes, profile, &mapping, &fault), 0);
    assert_string_not_equal(kw_mapping_version(mapping), version);
    snprintf(version, sizeof(version), "%s", kw_mapping_version(mapping));
    kw_mapping_free(mapping);
    write_text(profile,
               "<profile xmlns='urn:kinward:profile:1' id='t'><allow path='sourceRecord/'/><allow path='status'/></profile>");
    assert_int_equal(kw_mapping_load(sheet, codes, profile, &mapping, &fault), 0);
    assert_string_not_equal(kw_mapping_version(mapping), version);
    /* a required element that the profile takes away is refused, not filled in */
    assert_int_equal(kw_normalize(mapping, kw_view_text("{\"list\":[{\"id\":\"1\"}]}"), NULL, NULL, &made, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_SCHEMA);
    kw_mapping_free(mapping);
}

static void refused_sheets(void **state)
{
    struct kw_mapping *mapping;
    struct kw_fault fault = {0};
    write_text(sheet, HEAD "</xsl:stylesheet>");
    assert_int_equal(kw_mapping_load(sheet, codes, NULL, &mapping, &fault), -ENOENT);
    write_text(sheet, HEAD "<kw:mapping id='m'/></xsl:stylesheet>");
    assert_int_equal(kw_mapping_load(sheet, codes, NULL, &mapping, &fault), -EBADMSG);
    write_text(sheet, HEAD "<kw:mapping id='m' format='json'/><xsl:include href='sheet.xsl'/></xsl:stylesheet>");
    assert_int_equal(kw_mapping_load(sheet, codes, NULL, &mapping, &fault), -EBADMSG);
    write_text(sheet, HEAD "<kw:mapping id='m' format='json'/><xsl:include href='../x.xsl'/></xsl:stylesheet>");
    assert_int_equal(kw_mapping_load(sheet, codes, NULL, &mapping, &fault), -EBADMSG);
    write_text(sheet, HEAD "<kw:mapping id='m' format='json'/><xsl:template match='/'><other/></xsl:template></xsl:stylesheet>");
    assert_int_equal(kw_mapping_load(sheet, codes, NULL, &mapping, &fault), 0);
    struct kw_normalized made;
    assert_int_equal(kw_normalize(mapping, kw_view_text("{}"), NULL, NULL, &made, &fault), -EBADMSG);
    kw_mapping_free(mapping);
}

static const char *const registry[] = {"registry", "reg", NULL};

/* 0 the same records, 1 refused, 3 others: that must never be. libxml2 and libxslt may crash when memory fails; the mapper is a
 * process of its own for that. */
static int with_failure(struct kw_mapping *mapping, const char *document, const struct kw_normalized *wanted, long countdown)
{
    const pid_t child = fork();
    if (child == 0) {
        struct kw_normalized made = {0};
        fclose(stderr);
        for (int number = 1; number < 32; number++) /* not cmocka's handlers */
            signal(number, SIG_DFL);
        kw_alloc_fail_after(countdown, false);
        const int error = kw_normalize(mapping, kw_view_text(document), NULL, registry, &made, NULL);
        kw_alloc_fail_after(-1, false);
        _exit(error < 0 ? 1 : kw_view_equal(kw_view_of(&made.records), kw_view_of(&wanted->records)) ? 0 : 3);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) <= 3 ? WEXITSTATUS(status) : 1;
}

static void memory_failures(void **state)
{
    static const char document[] = "{\"list\":[{\"id\":\"1\",\"on\":\"2019-05-07\",\"sex\":\"male\"},{\"id\":\"2\",\"on\":\"x\"}]}";
    struct kw_mapping *mapping;
    struct kw_normalized wanted = {0};
    struct kw_fault fault = {0};
    long refused = 0, countdown = 0;
    write_text(part, HEAD "</xsl:stylesheet>");
    write_text(sheet, HEAD "<kw:mapping id='m' format='json'/>" BODY);
    write_text(profile, ALL);
    assert_int_equal(kw_mapping_load(sheet, codes, profile, &mapping, &fault), 0);
    assert_int_equal(kw_mapping_warm(mapping, &fault), 0);
    assert_int_equal(kw_normalize(mapping, kw_view_text(document), NULL, registry, &wanted, &fault), 0);
    for (int same = 0; same < 20 && countdown < 100000; countdown += 1 + countdown / 100) {
        const int outcome = with_failure(mapping, document, &wanted, countdown);
        if (outcome == 3)
            fail_msg("other records when allocation %ld fails", countdown);
        refused += outcome == 1;
        same = outcome == 0 ? same + 1 : 0;
    }
    print_message("# %ld failures refused\n", refused);
    assert_true(refused > 100);
    kw_normalized_clear(&wanted);
    kw_mapping_free(mapping);
}

static int start(void **state)
{
    assert_non_null(mkdtemp(folder));
    snprintf(sheet, sizeof(sheet), "%s/sheet.xsl", folder);
    snprintf(part, sizeof(part), "%s/part.xsl", folder);
    snprintf(profile, sizeof(profile), "%s/profile", folder);
    snprintf(codes, sizeof(codes), "%s/schemas/codes", getenv("KINWARD_SOURCE"));
    return kw_xml_init();
}

static int end(void **state)
{
    unlink(sheet);
    unlink(part);
    unlink(profile);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(json_vocabulary),     cmocka_unit_test(csv_rows),
                                       cmocka_unit_test(csv_corpus),          cmocka_unit_test(code_lists),
                                       cmocka_unit_test(disclosure),          cmocka_unit_test(end_to_end),
                                       cmocka_unit_test(version_and_refusal), cmocka_unit_test(refused_sheets),
                                       cmocka_unit_test(memory_failures),     cmocka_unit_test(json_inside)};
    return cmocka_run_group_tests(tests, start, end);
}
