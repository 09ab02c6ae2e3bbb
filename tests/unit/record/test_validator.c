/* SPDX-License-Identifier: Apache-2.0 */
/* test_validator.c - the validator on the examples, on forms it refuses, out of memory, and on hostile documents. */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "record/record.h"

static struct kw_validator *validator;

static void load(struct kw_buf *text, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/schemas/examples/%s", getenv("KINWARD_SOURCE"), name);
    text->size = 0;
    assert_int_equal(kw_file_read(path, KW_LIMIT_RECORD, text, NULL), 0);
}

/* ---- examples -------------------------------------------------------------------- */

static void valid_examples_become_canonical(void **state)
{
    char pattern[4096];
    glob_t found;
    size_t seen = 0;
    (void)state;
    snprintf(pattern, sizeof(pattern), "%s/schemas/examples/valid/*.xml", getenv("KINWARD_SOURCE"));
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct kw_buf text = {0}, canonical = {0}, again = {0}, image = {0}, same = {0};
        struct kw_fault fault = {0};
        bool is_canonical = true;
        assert_int_equal(kw_file_read(found.gl_pathv[i], KW_LIMIT_RECORD, &text, NULL), 0);
        int error = kw_validate(validator, kw_view_of(&text), &canonical, &image, &is_canonical, &fault);
        if (strstr(found.gl_pathv[i], "/records.xml")) {
            assert_int_equal(error, -EBADMSG);
            assert_int_equal(fault.code, KW_E_SEVERAL);
        } else {
            if (error != 0)
                fail_msg("%s:%u: %s", found.gl_pathv[i], fault.line, fault.message);
            assert_false(is_canonical);
            assert_int_equal(kw_validate(validator, kw_view_of(&canonical), &again, &same, &is_canonical, &fault), 0);
            assert_true(is_canonical);
            assert_true(kw_view_equal(kw_view_of(&canonical), kw_view_of(&again)));
            assert_true(kw_view_equal(kw_view_of(&image), kw_view_of(&same)));
            seen++;
        }
        kw_buf_clear(&text);
        kw_buf_clear(&canonical);
        kw_buf_clear(&again);
        kw_buf_clear(&image);
        kw_buf_clear(&same);
    }
    globfree(&found);
    assert_true(seen > 20);
}

/* The index names line and element; an element of unknown name is told as one of its parent. */
static void invalid_examples_name_line_and_element(void **state)
{
    struct kw_buf index = {0}, text = {0};
    unsigned checked = 0;
    (void)state;
    load(&index, "invalid/INDEX");
    for (char *line = strtok((char *)index.data, "\n"); line; line = strtok(NULL, "\n")) {
        char file[200], path[256], element[100], rule[100];
        unsigned number;
        if (sscanf(line, "%199[^\t]\t%u\t%99[^\t]\t%99s", file, &number, element, rule) != 4)
            continue;
        struct kw_fault fault = {0};
        snprintf(path, sizeof(path), "invalid/%s", file);
        load(&text, path);
        assert_int_equal(kw_validate_file(validator, kw_view_of(&text), NULL, NULL, &fault), -EBADMSG);
        bool elsewhere = strcmp(rule, "text-not-allowed") == 0; /* where the text ends, not where its element starts */
        if ((fault.line != number && !elsewhere) || fault.line == 0)
            fail_msg("%s: line %u, not %u: %s", file, fault.line, number, fault.message);
        enum kw_name known;
        char plain[100];
        snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(element, "/"), element);
        bool unknown = strstr(element, "/@") != NULL || strcmp(rule, "root") == 0 || strstr(file, "namespace") ||
                       !kw_name_parse(kw_view_text(plain), &known);
        if (!unknown && strcmp(fault.place, element) != 0)
            fail_msg("%s: element %s, not %s", file, fault.place, element);
        checked++;
    }
    kw_buf_clear(&index);
    kw_buf_clear(&text);
    assert_true(checked > 40);
}

/* ---- forms ------------------------------------------------------------------------ */

/* The live birth with the first `from` replaced by `to`. */
static void changed(struct kw_buf *out, const char *from, const char *to)
{
    struct kw_buf text = {0};
    load(&text, "valid/live-birth.xml");
    const char *at = strstr((const char *)text.data, from);
    assert_non_null(at);
    size_t before = (size_t)(at - (const char *)text.data);
    out->size = 0;
    assert_int_equal(kw_buf_append(out, text.data, before), 0);
    assert_int_equal(kw_buf_text(out, to), 0);
    assert_int_equal(kw_buf_text(out, at + strlen(from)), 0);
    kw_buf_clear(&text);
}

static void forms_are_refused_each_with_its_code(void **state)
{
    static const struct {
        const char *from, *to;
        enum kw_code code;
    } cases[] = {
        {"<eventType>", "<!-- x --><eventType>", KW_E_NOT_CANONICAL},
        {"<eventType>", "<?x y?><eventType>", KW_E_NOT_CANONICAL},
        {"<sex>female", "<sex><![CDATA[female]]>", KW_E_NOT_CANONICAL},
        {"<record ", "<record xmlns:p=\"urn:p\" ", KW_E_NAMESPACE},
        {"<record ", "<record xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"a b\" ", KW_E_NAMESPACE},
        {"<record ", "<record xml:lang=\"en\" ", KW_E_NAMESPACE},
        {"urn:kinward:record:1", "urn:kinward:record:2", KW_E_NAMESPACE},
        {"<sex>", "<sex xmlns=\"\">", KW_E_NAMESPACE},
        {"<record ", "<!DOCTYPE record><record ", KW_E_DOCTYPE},
        {"<familyName>", "<familyName>e\xCC\x81", KW_E_NOT_NFC},
        {"<familyName>", "<familyName>\xCC\xB8", KW_E_NOT_NFC},
        {"<sex>", "<sex original=\"e\xCC\x81\">", KW_E_NOT_NFC},
        {"<familyName>", "<familyName>\xC3", KW_E_ENCODING},
        {"</sex>", "</sx>", KW_E_ILL_FORMED},
        {"<sex>female", "<sex>\n", KW_E_SCHEMA},
        {"<party id=\"child\">", "<party id=\"child\">x", KW_E_SCHEMA},
    };
    struct kw_buf text = {0}, canonical = {0}, image = {0};
    (void)state;
    assert_int_equal(kw_buf_text(&canonical, "kept"), 0);
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        struct kw_fault fault = {0};
        bool is_canonical = false;
        changed(&text, cases[i].from, cases[i].to);
        assert_int_equal(kw_validate(validator, kw_view_of(&text), &canonical, &image, &is_canonical, &fault), -EBADMSG);
        if (fault.code != cases[i].code || fault.line == 0)
            fail_msg("case %zu: %s (%u): %s", i, kw_code_name(fault.code), fault.line, fault.message);
        assert_int_equal(canonical.size, 4); /* written on success only */
        assert_int_equal(image.size, 0);
    }
    kw_buf_clear(&text);
    kw_buf_clear(&canonical);
    kw_buf_clear(&image);
}

static void rules_are_told_in_words_without_the_value(void **state)
{
    struct kw_buf text = {0};
    struct kw_fault fault = {0};
    (void)state;
    changed(&text, "<sex>female", "<sex>Kimberley");
    assert_int_equal(kw_validate(validator, kw_view_of(&text), NULL, NULL, NULL, &fault), -EBADMSG);
    assert_string_equal(fault.place, "sex");
    assert_string_equal(fault.message, "value not in the list: female, male, other, unknown");
    changed(&text, "<sex>female", "<sex>female</sex><Kimberley/><sex>female");
    assert_int_equal(kw_validate(validator, kw_view_of(&text), NULL, NULL, NULL, &fault), -EBADMSG);
    assert_null(strstr(fault.message, "Kimberley"));
    assert_null(strstr(fault.place, "Kimberley"));
    kw_buf_clear(&text);
}

static void canonical_bytes_escape_and_sort(void **state)
{
    struct kw_buf text = {0}, canonical = {0};
    struct kw_fault fault;
    (void)state;
    changed(&text, "<sex>female</sex>", "<sex originalSystem='a&amp;\"&lt;' original='>'>female</sex>");
    assert_int_equal(kw_validate(validator, kw_view_of(&text), &canonical, NULL, NULL, &fault), 0);
    assert_non_null(strstr((char *)canonical.data, "<sex original=\">\" originalSystem=\"a&amp;&quot;&lt;"));
    assert_int_equal(strncmp((char *)canonical.data, "<record xmlns=\"urn:kinward:record:1\"", 36), 0);
    assert_null(strstr((char *)canonical.data, ">\n"));
    kw_buf_clear(&text);
    kw_buf_clear(&canonical);
}

/* ---- several records ---------------------------------------------------------------- */

struct visits {
    unsigned count, stop_at;
};

static int visit(void *context, struct kw_view canonical, struct kw_view image)
{
    struct visits *visits = context;
    struct kw_image opened;
    assert_int_equal(kw_image_open(image, &opened), 0);
    assert_int_equal(strncmp((const char *)canonical.data, "<record xmlns=\"urn:kinward:record:1\"", 36), 0);
    return ++visits->count == visits->stop_at ? -ECANCELED : 0;
}

static void files_of_records_are_visited_one_by_one(void **state)
{
    struct kw_buf text = {0};
    struct visits visits = {0};
    struct kw_fault fault;
    (void)state;
    load(&text, "valid/records.xml");
    assert_int_equal(kw_validate_file(validator, kw_view_of(&text), visit, &visits, &fault), 0);
    assert_true(visits.count > 1);
    visits = (struct visits){.stop_at = 1};
    assert_int_equal(kw_validate_file(validator, kw_view_of(&text), visit, &visits, &fault), -ECANCELED);
    assert_int_equal(visits.count, 1);
    visits = (struct visits){0};
    load(&text, "valid/death.xml");
    assert_int_equal(kw_validate_file(validator, kw_view_of(&text), visit, &visits, &fault), 0);
    assert_int_equal(visits.count, 1);
    kw_buf_clear(&text);
}

/* ---- out of memory -------------------------------------------------------------------- */

static void a_failing_allocation_is_never_a_verdict(void **state)
{
    struct kw_buf text = {0}, wanted = {0}, wanted_image = {0};
    struct kw_fault fault;
    long failed = 0, passed = 0;
    (void)state;
    load(&text, "valid/live-birth.xml"); /* has names beyond ASCII */
    assert_int_equal(kw_validate(validator, kw_view_of(&text), &wanted, &wanted_image, NULL, &fault), 0);
    for (long n = 0; passed < 3; n++) {
        struct kw_buf canonical = {0}, image = {0};
        struct kw_validator *fresh = NULL;
        kw_alloc_fail_after(n, false);
        int error = kw_validator_new(&fresh);
        if (error == 0)
            error = kw_validate(fresh, kw_view_of(&text), &canonical, &image, NULL, &fault);
        kw_alloc_fail_after(-1, false);
        if (error == 0) {
            assert_true(kw_view_equal(kw_view_of(&canonical), kw_view_of(&wanted)));
            assert_true(kw_view_equal(kw_view_of(&image), kw_view_of(&wanted_image)));
            passed++;
        } else {
            assert_int_equal(error, -ENOMEM);
            assert_int_equal(canonical.size, 0);
            assert_int_equal(image.size, 0);
            failed++, passed = 0;
            if (fresh) { /* and it works again */
                assert_int_equal(kw_validate(fresh, kw_view_of(&text), &canonical, &image, NULL, &fault), 0);
                assert_true(kw_view_equal(kw_view_of(&canonical), kw_view_of(&wanted)));
            }
        }
        kw_validator_free(fresh);
        kw_buf_clear(&canonical);
        kw_buf_clear(&image);
    }
    assert_true(failed > 20);
    kw_buf_clear(&text);
    kw_buf_clear(&wanted);
    kw_buf_clear(&wanted_image);
}

/* ---- hostile documents ------------------------------------------------------------------ */

static unsigned refuse_all(const char *pattern)
{
    glob_t found;
    unsigned count = 0;
    if (glob(pattern, 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct kw_buf text = {0};
        struct kw_fault fault = {0};
        if (kw_file_read(found.gl_pathv[i], KW_LIMIT_RECORD, &text, NULL) == 0) {
            assert_int_equal(kw_validate(validator, kw_view_of(&text), NULL, NULL, NULL, &fault), -EBADMSG);
            assert_true(fault.code >= KW_E_EMPTY);
            count++;
        }
        kw_buf_clear(&text);
    }
    globfree(&found);
    return count;
}

static void hostile_documents_are_refused(void **state)
{
    static const char *const folders[] = {"defusedxml/xmltestdata/*", "patt-xxe/*/Files/*", "patt-xxe/*/Intruders/*",
                                          "patt-xxe/*/Files/*/*"};
    char pattern[4096];
    unsigned count = 0;
    (void)state;
    for (size_t i = 0; i < KW_COUNT(folders); i++) {
        snprintf(pattern, sizeof(pattern), "%s/data/hostile/xml/%s", getenv("KINWARD_SHARED"), folders[i]);
        count += refuse_all(pattern);
    }
    if (count == 0) {
        print_message("# skipped: no hostile documents at %s\n", pattern);
        skip();
    }
    print_message("# %u hostile documents refused\n", count);
    assert_true(count > 15);
}

static int start(void **state)
{
    (void)state;
    return kw_validator_new(&validator);
}

static int stop(void **state)
{
    (void)state;
    kw_validator_freep(&validator);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_examples_become_canonical),         cmocka_unit_test(invalid_examples_name_line_and_element),
        cmocka_unit_test(forms_are_refused_each_with_its_code),    cmocka_unit_test(rules_are_told_in_words_without_the_value),
        cmocka_unit_test(canonical_bytes_escape_and_sort),         cmocka_unit_test(files_of_records_are_visited_one_by_one),
        cmocka_unit_test(a_failing_allocation_is_never_a_verdict), cmocka_unit_test(hostile_documents_are_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
