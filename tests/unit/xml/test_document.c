/* SPDX-License-Identifier: Apache-2.0 */
/* test_document.c - safe parse over hostile files, reading, canonical form, building, schema. */
#include "xml/xml.h"

#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int parse(const char *text, struct kw_fault *fault)
{
    struct kw_xml *document = NULL;
    const int error = kw_xml_parse(kw_view_text(text), 1 << 20, &document, fault);
    kw_xml_free(document);
    return error;
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        enum kw_code code;
    } bad[] = {
        {"", KW_E_EMPTY},
        {"<a>", KW_E_ILL_FORMED},
        {"<a/><b/>", KW_E_ILL_FORMED},
        {"<!DOCTYPE a><a/>", KW_E_DOCTYPE},
        {"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><a>&x;</a>", KW_E_DOCTYPE},
        {"<a>&x;</a>", KW_E_ILL_FORMED},
        {"<a>\xff</a>", KW_E_ENCODING},
        {"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xc3\xa9</a>", KW_E_ENCODING},
        {"<?xml version='1.1'?><a/>", KW_E_ILL_FORMED},
        {"<p:a/>", KW_E_NAMESPACE},
    };
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        struct kw_fault fault = {0};
        assert_int_equal(parse(bad[i].text, &fault), -EBADMSG);
        if (fault.code != bad[i].code)
            fail_msg("%s: %s", bad[i].text, fault.message);
    }
    struct kw_xml *document;
    assert_int_equal(kw_xml_parse((struct kw_view){(const uint8_t *)"<a/>\0<a/>", 9}, 99, &document, NULL), -EBADMSG);
    assert_int_equal(kw_xml_parse(kw_view_text("<a>12</a>"), 8, &document, NULL), -EBADMSG);
}

static void caps(void **state)
{
    struct kw_buf text = {0};
    struct kw_fault fault;
    for (int i = 0; i < KW_LIMIT_DEPTH + 1; i++)
        assert_int_equal(kw_buf_text(&text, "<a>"), 0);
    for (int i = 0; i < KW_LIMIT_DEPTH + 1; i++)
        assert_int_equal(kw_buf_text(&text, "</a>"), 0);
    assert_int_equal(parse((char *)text.data, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_TOO_DEEP);
    text.data[text.size - 4] = 0; /* one level less */
    assert_int_equal(parse((char *)text.data + 3, &fault), 0);
    text.size = 0;
    assert_int_equal(kw_buf_text(&text, "<a"), 0);
    for (int i = 0; i <= KW_LIMIT_ATTRIBUTES; i++)
        assert_int_equal(kw_buf_format(&text, " a%d=''", i), 0);
    assert_int_equal(kw_buf_text(&text, "/>"), 0);
    assert_int_equal(parse((char *)text.data, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_TOO_DEEP);
    text.size = 0;
    assert_int_equal(kw_buf_format(&text, "<a>%*s</a>", KW_LIMIT_TEXT + 1, ""), 0);
    assert_int_equal(parse((char *)text.data, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_TOO_LARGE);
    assert_string_equal(fault.place, "a");
    kw_buf_clear(&text);
}

static int try_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    int accepted = 0;
    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[1024];
        struct kw_buf bytes = {0};
        struct kw_xml *document = NULL;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || kw_file_read(path, 1 << 20, &bytes, NULL) < 0)
            continue;
        if (kw_xml_parse(kw_view_of(&bytes), 1 << 20, &document, NULL) == 0)
            accepted++;
        if (memmem(bytes.data, bytes.size, "<!DOCTYPE", 9) && document)
            fail_msg("%s was accepted", path);
        kw_xml_free(document);
        kw_buf_clear(&bytes);
    }
    closedir(dir);
    return accepted;
}

static void hostile_files(void **state)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/data/hostile/xml/defusedxml/xmltestdata", getenv("KINWARD_SHARED"));
    const int accepted = try_folder(path);
    if (accepted < 0) {
        print_message("# skipped: %s is absent\n", path);
        skip();
    }
    snprintf(path, sizeof(path), "%s/data/hostile/xml/patt-xxe/XXE Injection/Files", getenv("KINWARD_SHARED"));
    print_message("# %d harmless files accepted, %d of the XXE list\n", accepted, try_folder(path));
    assert_true(accepted >= 1);
}

static void reading(void **state)
{
    struct kw_xml *document;
    struct kw_buf text = {0};
    assert_int_equal(kw_xml_parse(kw_view_text("<a xmlns='urn:x' k='v&lt;'>\n<b>AB<!-- x -->1<![CDATA[<]]>2</b> <c/><b>z</b></a>"),
                                  999, &document, NULL),
                     0);
    const struct kw_xml_element *root = kw_xml_root(document), *b = kw_xml_first(root, "b");
    assert_string_equal(kw_xml_name(root), "a");
    assert_string_equal(kw_xml_space(root), "urn:x");
    assert_string_equal(kw_xml_attribute_name(root, 0), "k");
    assert_null(kw_xml_attribute_name(root, 1));
    assert_int_equal(kw_xml_line(b), 2);
    assert_int_equal(kw_xml_text(b, &text), 0);
    assert_string_equal((char *)text.data, "AB1<2");
    text.size = 0;
    assert_int_equal(kw_xml_attribute(root, "k", &text), 0);
    assert_string_equal((char *)text.data, "v<");
    assert_int_equal(kw_xml_attribute(root, "none", &text), -ENOENT);
    assert_string_equal(kw_xml_name(kw_xml_next(b, NULL)), "c");
    assert_non_null(kw_xml_next(b, "b"));
    assert_null(kw_xml_first(root, "z"));
    kw_buf_clear(&text);
    kw_xml_free(document);
}

static void canonical(void **state)
{
    struct kw_xml *document, *part;
    struct kw_buf text = {0};
    assert_int_equal(
        kw_xml_parse(kw_view_text("<?xml version='1.0'?><!-- c --><p:a xmlns:p='urn:x' xmlns:q='urn:y' z='1' b=\"&quot;&#9;\">"
                                  "<p:e/>&gt;&amp;\r\n<![CDATA[<]]></p:a>"),
                     999, &document, NULL),
        0);
    assert_int_equal(kw_xml_canonical(document, &text), 0);
    assert_string_equal((char *)text.data, "<p:a xmlns:p=\"urn:x\" b=\"&quot;&#x9;\" z=\"1\"><p:e></p:e>&gt;&amp;\n&lt;</p:a>");
    text.size = 0;
    assert_int_equal(kw_xml_copy(kw_xml_first(kw_xml_root(document), NULL), &part), 0);
    assert_int_equal(kw_xml_canonical(part, &text), 0);
    assert_string_equal((char *)text.data, "<p:e xmlns:p=\"urn:x\"></p:e>");
    kw_buf_clear(&text);
    kw_xml_free(part);
    kw_xml_free(document);
}

static void building(void **state)
{
    struct kw_xml *document;
    struct kw_xml_element *root, *child;
    struct kw_buf text = {0};
    assert_int_equal(kw_xml_new("urn:x", "map", &document, &root), 0);
    assert_int_equal(kw_xml_add(root, "string", kw_view_text("a<&\xc3\xa9"), &child), 0);
    assert_int_equal(kw_xml_set(child, "key", kw_view_text("k&amp;\"")), 0);
    assert_int_equal(kw_xml_add(root, "null", kw_view_text(""), NULL), 0);
    assert_int_equal(kw_xml_add(root, "string", kw_view_text("\x01"), NULL), -EILSEQ);
    assert_int_equal(kw_xml_add(root, "string", kw_view_text("\xef\xbf\xbf"), NULL), -EILSEQ);
    assert_int_equal(kw_xml_set(child, "key2", kw_view_text("\xed\xa0\x80")), -EILSEQ);
    assert_int_equal(kw_xml_canonical(document, &text), 0);
    assert_string_equal((char *)text.data,
                        "<map xmlns=\"urn:x\"><string key=\"k&amp;amp;&quot;\">a&lt;&amp;\xc3\xa9</string><null></null></map>");
    kw_xml_remove_attribute(child, "key");
    kw_xml_remove(kw_xml_next(child, NULL));
    text.size = 0;
    assert_int_equal(kw_xml_canonical(document, &text), 0);
    assert_string_equal((char *)text.data, "<map xmlns=\"urn:x\"><string>a&lt;&amp;\xc3\xa9</string></map>");
    kw_xml_free(document);

    text.size = 0;
    assert_int_equal(kw_xml_escape(&text, kw_view_text("<\"&>\t"), false), 0);
    assert_int_equal(kw_xml_escape(&text, kw_view_text("<\"&>\t"), true), 0);
    assert_string_equal((char *)text.data, "&lt;\"&amp;&gt;\t&lt;&quot;&amp;>&#x9;");
    assert_int_equal(kw_xml_escape(&text, (struct kw_view){(const uint8_t *)"a\0", 2}, false), -EILSEQ);
    kw_buf_clear(&text);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void schema(void **state)
{
    char path[] = "/tmp/kw-xsd-XXXXXX";
    const int fd = mkstemp(path);
    close(fd);
    write_text(path, "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='n' type='xs:int'/></xs:schema>");
    struct kw_schema *rules;
    struct kw_xml *document;
    struct kw_fault fault;
    assert_int_equal(kw_schema_load(path, &rules, &fault), 0);
    assert_int_equal(kw_xml_parse(kw_view_text("<n>5</n>"), 99, &document, NULL), 0);
    assert_int_equal(kw_schema_check(rules, document, &fault), 0);
    kw_xml_free(document);
    assert_int_equal(kw_xml_parse(kw_view_text("\n<n>x</n>"), 99, &document, NULL), 0);
    assert_int_equal(kw_schema_check(rules, document, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_SCHEMA);
    assert_int_equal(fault.line, 2);
    assert_string_equal(fault.place, "n");
    kw_xml_free(document);
    kw_schema_free(rules);
    write_text(path,
               "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:include schemaLocation='/etc/hostname'/></xs:schema>");
    assert_int_equal(kw_schema_load(path, &rules, &fault), -EBADMSG);
    write_text(path, "<no/>");
    assert_int_equal(kw_schema_load(path, &rules, &fault), -EBADMSG);
    unlink(path);
    assert_true(kw_schema_load(path, &rules, &fault) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),   cmocka_unit_test(caps),     cmocka_unit_test(hostile_files), cmocka_unit_test(reading),
        cmocka_unit_test(canonical), cmocka_unit_test(building), cmocka_unit_test(schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
