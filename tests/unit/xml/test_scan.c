/* SPDX-License-Identifier: Apache-2.0 */
/* test_scan.c - the one-pass parse: what it refuses, and the places it names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "xml/xml.h"

struct seen {
    struct kw_xml_scanner *scanner;
    unsigned opened, closed, others, lines[16], columns[16];
    size_t text, prefixes;
    char value[64];
};

static int on_open(void *context, struct kw_view name, struct kw_view prefix, struct kw_view space,
                   const struct kw_xml_attribute *attributes, size_t count, size_t prefixes)
{
    struct seen *seen = context;
    (void)name, (void)prefix, (void)space;
    if (seen->opened < 16) {
        seen->lines[seen->opened] = kw_xml_scanner_line(seen->scanner);
        seen->columns[seen->opened] = kw_xml_scanner_column(seen->scanner);
    }
    seen->opened++;
    seen->prefixes += prefixes;
    for (size_t i = 0; i < count; i++)
        snprintf(seen->value, sizeof(seen->value), "%.*s", (int)attributes[i].value.size, (const char *)attributes[i].value.data);
    return 0;
}

static int on_close(void *context, struct kw_view name)
{
    (void)name;
    ((struct seen *)context)->closed++;
    return 0;
}

static int on_text(void *context, struct kw_view text, bool cdata)
{
    (void)cdata;
    ((struct seen *)context)->text += text.size;
    return 0;
}

static int on_other(void *context, const char *what)
{
    (void)what;
    ((struct seen *)context)->others++;
    return 0;
}

static const struct kw_xml_events events = {on_open, on_close, on_text, on_other};

static struct kw_xml_scanner *scanner;

static int scan(const void *text, size_t size, struct seen *seen, struct kw_fault *fault)
{
    *seen = (struct seen){.scanner = scanner};
    *fault = (struct kw_fault){0};
    return kw_xml_scan(scanner, (struct kw_view){text, size}, 1 << 20, &events, seen, fault);
}

static void refused(const char *text, size_t size, enum kw_code code, unsigned line)
{
    struct seen seen;
    struct kw_fault fault;
    assert_int_equal(scan(text, size, &seen, &fault), -EBADMSG);
    if (fault.code != code || (line && fault.line != line))
        fail_msg("%.60s: %s, line %u: %s", text, kw_code_name(fault.code), fault.line, fault.message);
    /* the scanner is as good as new */
    assert_int_equal(scan("<a/>", 4, &seen, &fault), 0);
    assert_int_equal(seen.closed, 1);
}

#define REFUSED(text, code, line) refused(text, sizeof(text) - 1, code, line)

static void the_recipe_refuses(void **state)
{
    (void)state;
    REFUSED("", KW_E_EMPTY, 0);
    REFUSED("<a>\0</a>", KW_E_ILL_FORMED, 1);
    REFUSED("<a/>\0<a/>", KW_E_ILL_FORMED, 1);
    REFUSED("<a>\n\xFF</a>", KW_E_ENCODING, 2);
    REFUSED("<a>\xC0\xAF</a>", KW_E_ENCODING, 1);
    REFUSED("<a>\xED\xA0\x80</a>", KW_E_ENCODING, 1);
    REFUSED("\xFE\xFF\0<\0a\0/\0>", KW_E_ENCODING, 1);
    REFUSED("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>", KW_E_ENCODING, 1);
    REFUSED("<?xml version='1.0' encoding='UTF-16'?><a/>", KW_E_ENCODING, 1);
    REFUSED("<?xml version=\"1.1\"?><a/>", KW_E_ILL_FORMED, 1);
    REFUSED("<?xml encoding=\"UTF-8\"?><a/>", KW_E_ILL_FORMED, 1);
    REFUSED("<!DOCTYPE a><a/>", KW_E_DOCTYPE, 1);
    REFUSED("\n\n<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", KW_E_DOCTYPE, 3);
    REFUSED("<a>&x;</a>", KW_E_ILL_FORMED, 1);
    REFUSED("<a><b></a>", KW_E_ILL_FORMED, 1);
    REFUSED("<a>", KW_E_ILL_FORMED, 1);
    REFUSED("<a/><a/>", KW_E_ILL_FORMED, 1);
    REFUSED("<a b='1' b='2'/>", KW_E_ILL_FORMED, 1);
    REFUSED("<p:a/>", KW_E_NAMESPACE, 1);
    REFUSED("<a xmlns:p='u' xmlns:q='u' p:x='' q:x=''/>", KW_E_NAMESPACE, 1);
    REFUSED("<a>&#1;</a>", KW_E_ILL_FORMED, 1);
    REFUSED("just text", KW_E_ILL_FORMED, 1);
}

static void well_formed_passes(void **state)
{
    static const char text[] = "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a xmlns='u' xmlns:p='v'><!--c--><?pi?>"
                               "<b x='1&amp;2&lt;&#38;amp;'/>t&#x41;<![CDATA[<]]></a>\n";
    struct seen seen;
    struct kw_fault fault;
    (void)state;
    assert_int_equal(scan(text, sizeof(text) - 1, &seen, &fault), 0);
    assert_int_equal(seen.opened, 2);
    assert_int_equal(seen.closed, 2);
    assert_int_equal(seen.others, 2);
    assert_int_equal(seen.prefixes, 1);
    assert_int_equal(seen.text, 3);
    assert_string_equal(seen.value, "1&2<&amp;");
}

static void places_are_those_of_the_start_tag(void **state)
{
    static const char text[] = "<a\n  x='1'\n  y='2'>\n é<b\n\n z='\n'\n/><c\nd='e'></c>\n</a>";
    struct seen seen;
    struct kw_fault fault;
    (void)state;
    assert_int_equal(scan(text, sizeof(text) - 1, &seen, &fault), 0);
    assert_int_equal(seen.opened, 3);
    assert_int_equal(seen.lines[0], 1);
    assert_int_equal(seen.columns[0], 1);
    assert_int_equal(seen.lines[1], 4);
    assert_int_equal(seen.columns[1], 3); /* characters, not bytes */
    assert_int_equal(seen.lines[2], 8);
    assert_int_equal(seen.columns[2], 3);
}

/* count times unit between head and tail */
static void repeated(struct kw_buf *text, const char *head, const char *unit, unsigned count, const char *tail)
{
    text->size = 0;
    assert_int_equal(kw_buf_text(text, head), 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(kw_buf_text(text, unit), 0);
    assert_int_equal(kw_buf_text(text, tail), 0);
}

static void caps_hold(void **state)
{
    struct kw_buf text = {0};
    struct seen seen;
    struct kw_fault fault;
    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        text.size = 0;
        for (unsigned i = 0; i < KW_LIMIT_DEPTH + over; i++)
            assert_int_equal(kw_buf_text(&text, "<a>"), 0);
        for (unsigned i = 0; i < KW_LIMIT_DEPTH + over; i++)
            assert_int_equal(kw_buf_text(&text, "</a>"), 0);
        assert_int_equal(scan(text.data, text.size, &seen, &fault), over ? -EBADMSG : 0);
        assert_int_equal(fault.code, over ? KW_E_TOO_DEEP : KW_OK);
        text.size = 0;
        assert_int_equal(kw_buf_text(&text, "<a"), 0);
        for (unsigned i = 0; i < KW_LIMIT_ATTRIBUTES + over; i++)
            assert_int_equal(kw_buf_format(&text, " x%u=''", i), 0);
        assert_int_equal(kw_buf_text(&text, "/>"), 0);
        assert_int_equal(scan(text.data, text.size, &seen, &fault), over ? -EBADMSG : 0);
        assert_int_equal(fault.code, over ? KW_E_TOO_DEEP : KW_OK);
        repeated(&text, "<a>", "t", KW_LIMIT_TEXT + over, "</a>");
        assert_int_equal(scan(text.data, text.size, &seen, &fault), over ? -EBADMSG : 0);
        assert_int_equal(fault.code, over ? KW_E_TOO_LARGE : KW_OK);
        repeated(&text, "<a b='", "t", KW_LIMIT_TEXT + over, "'/>");
        assert_int_equal(scan(text.data, text.size, &seen, &fault), over ? -EBADMSG : 0);
        assert_int_equal(fault.code, over ? KW_E_TOO_LARGE : KW_OK);
    }
    repeated(&text, "<a>", "t", 1 << 20, "</a>");
    assert_int_equal(scan(text.data, text.size, &seen, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_TOO_LARGE);
    kw_buf_clear(&text);
}

/* The library compares attributes pairwise: very many must be refused before it sees them. */
static void very_many_attributes_are_quickly_refused(void **state)
{
    struct kw_buf text = {0};
    struct seen seen;
    struct kw_fault fault;
    (void)state;
    assert_int_equal(kw_buf_text(&text, "<!-- ' --><a"), 0);
    for (unsigned i = 0; i < 60000; i++)
        assert_int_equal(kw_buf_format(&text, " x%u=''", i), 0);
    assert_int_equal(kw_buf_text(&text, "/>"), 0);
    int64_t start = kw_clock_monotonic_ms();
    assert_int_equal(scan(text.data, text.size, &seen, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_TOO_DEEP);
    assert_true(kw_clock_monotonic_ms() - start < 500);
    kw_buf_clear(&text);
}

/* New names in each document: the parser's dictionary must not keep them all. */
static void strangers_names_do_not_fill_memory(void **state)
{
    char text[128];
    struct seen seen;
    struct kw_fault fault;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        int size = snprintf(text, sizeof(text), "<n%u a%u='1'/>", i, i);
        assert_int_equal(scan(text, (size_t)size, &seen, &fault), 0);
        assert_int_equal(seen.closed, 1);
    }
}

static void a_failing_allocation_is_an_error_or_nothing(void **state)
{
    static const char text[] = "<?xml version=\"1.0\"?><a xmlns='u' b='1&amp;'><b>text</b><c d='e'/><b>more &#65;</b></a>";
    struct kw_fault fault;
    (void)state;
    long failed = 0;
    for (long n = 0;; n++) {
        struct kw_xml_scanner *fresh = NULL;
        struct seen seen = {0};
        kw_alloc_fail_after(n, false);
        int error = kw_xml_scanner_new(&fresh);
        seen.scanner = fresh;
        if (error == 0)
            error = kw_xml_scan(fresh, kw_view_text(text), 1 << 20, &events, &seen, &fault);
        kw_alloc_fail_after(-1, false);
        if (error == 0) {
            assert_int_equal(seen.opened, 4);
            assert_int_equal(seen.closed, 4);
        } else {
            assert_int_equal(error, -ENOMEM);
            failed++;
            if (fresh) { /* and it works again */
                seen = (struct seen){.scanner = fresh};
                assert_int_equal(kw_xml_scan(fresh, kw_view_text(text), 1 << 20, &events, &seen, &fault), 0);
            }
        }
        kw_xml_scanner_free(fresh);
        if (error == 0 && n > 200)
            break;
    }
    assert_true(failed > 10);
}

static int new_scanner(void **state)
{
    (void)state;
    return kw_xml_scanner_new(&scanner);
}

static int free_scanner(void **state)
{
    (void)state;
    kw_xml_scanner_free(scanner);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recipe_refuses),
        cmocka_unit_test(well_formed_passes),
        cmocka_unit_test(places_are_those_of_the_start_tag),
        cmocka_unit_test(caps_hold),
        cmocka_unit_test(very_many_attributes_are_quickly_refused),
        cmocka_unit_test(strangers_names_do_not_fill_memory),
        cmocka_unit_test(a_failing_allocation_is_an_error_or_nothing),
    };
    return cmocka_run_group_tests(tests, new_scanner, free_scanner);
}
