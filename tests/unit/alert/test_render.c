/* SPDX-License-Identifier: Apache-2.0 */
/* test_render.c - what a desk officer reads: one screen, every word from the catalogue. */
#include "desk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHILD  PARTY("c", ROLE("child") NAME("Ada", "Testchild") NUMBER("national_id", "501") BORN("2017-05-05") PASSPORT("ZC50"))
#define LEAVES "<check><direction>out</direction><outcome>attempted</outcome></check>"
#define BIRTH                                                                                                                      \
    PARTY("c", ROLE("child") NAME("Ada", "Testchild") NUMBER("national_id", "501") NUMBER("passport", "ZC50") BORN("2017-05-05"))  \
    PARTY("m", ROLE("mother") NAME("Eva", "Testmother") NUMBER("national_id", "502") BORN("1988-01-01"))
#define ESCORT PARTY("e", ROLE("escort") NAME("Ivo", "Testescort") NUMBER("national_id", "777") BORN("1970-01-01"))

static void render(struct kw_view statement, const char *language, struct kw_buf *ret_text)
{
    struct kw_fault fault = {0};
    char path[512];

    snprintf(path, sizeof(path), "%s/schemas/messages/%s.xml", getenv("KINWARD_SOURCE"), language);
    if (kw_alert_render(statement, path, ret_text, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
}

/* In the order given, each after the one before. */
static void expect_in_order(const struct kw_buf *text, const char *const *parts)
{
    const char *at = (const char *)text->data;

    for (size_t i = 0; parts[i] != NULL; i++) {
        const char *found = strstr(at, parts[i]);

        if (found == NULL)
            fail_msg("'%s' is not in, or not after what stands before:\n%s", parts[i], (const char *)text->data);
        at = found;
    }
}

static void expect_one_screen(const struct kw_buf *text)
{
    const char *line = (const char *)text->data;
    size_t lines = 0;

    while (*line != 0) {
        size_t size = strcspn(line, "\n");

        assert_true(size <= 110); /* 100 columns, and what no blank breaks */
        lines++;
        line += size + (line[size] != 0);
    }
    assert_true(lines <= 72);
    if (getenv("KINWARD_SHOW") != NULL)
        fputs((const char *)text->data, stderr);
}

static void test_document_of_the_dead(void **state)
{
    static const char *const parts[] = {"TEST - NO REAL CASE. ALERT: document used or issued after the death",
                                        "Rule D5, tier A",
                                        "WHAT THE RECORDS CONTRADICT",
                                        "A document was presented after the day on which its holder died",
                                        "WHO",
                                        "holder of the document, 18 or older, r.one",
                                        "FACTS",
                                        "  1. Document (passport) presented at a check on 2026-07-12. [r.one; KE; registered;",
                                        "Death on 2024-12-02, record is registered.",
                                        "WHY IT MATTERS",
                                        "INNOCENT CAUSES",
                                        "[x] The death record was joined to the wrong person - ruled out:",
                                        "[ ] The person is alive and the death was registered in error - not known",
                                        "WHAT TO DO",
                                        "Protect the child first",
                                        "DO NOT",
                                        "refuse entry",
                                        "WHOM TO ASK",
                                        "duty desk <+254 1> & co",
                                        "redress@example.org",
                                        "REFERENCE",
                                        "Case ",
                                        "Sent 2026-07-12T16:00:02.000Z, expires 2026-10-10",
                                        "TLP:RED",
                                        NULL};
    static const char *const withdrawn[] = {"WITHDRAWN: document used", "WITHDRAWN\n", "no longer contradict", "follows", NULL};
    struct kw_buf text = {0};
    struct desk desk;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, false);
    desk_death(&desk, "2", "voided");
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    render(kw_view_of(&desk.items[0].statement), "en", &text);
    expect_in_order(&text, parts);
    expect_one_screen(&text);
    kw_buf_clear(&text);
    render(kw_view_of(&desk.items[1].statement), "en", &text);
    expect_in_order(&text, withdrawn);
    assert_null(strstr((const char *)text.data, "WHAT TO DO"));
    expect_one_screen(&text);
    kw_buf_clear(&text);
    desk_stop(&desk);
}

static void test_missing_child(void **state)
{
    static const char *const parts[] = {"check meets an open notice about a child",
                                        "Severity extreme",
                                        "missing-child notice is open",
                                        "child, 6 to 11 years",
                                        "Child checked on 2026-07-12, direction leaving",
                                        "Notice open since 2026-07-01: child abducted.",
                                        "tell anybody where the child is",
                                        NULL};
    struct kw_buf text = {0};
    struct desk desk;

    desk_start(&desk, NULL);
    desk_put(&desk, (struct spec){.event = "missing_child_opened",
                                  .date = "2026-07-01",
                                  .inner = PARTY("c", ROLE("missing_child") NAME("Ada", "Testchild") NUMBER("passport", "ZC50")
                                                          BORN("2017-05-05")) "<notice><number>n1</number><kind>abducted</kind>"
                                                                              "<openedOn><value>2026-07-01</value></openedOn>"
                                                                              "</notice>"});
    desk_put(&desk, (struct spec){.event = "document_check", .inner = CHILD LEAVES, .kind = 2});
    assert_true(desk_read(&desk, "desk-one") > 0);
    render(kw_view_of(&desk.items[0].statement), "en", &text);
    expect_in_order(&text, parts);
    expect_one_screen(&text);
    kw_buf_clear(&text);
    desk_stop(&desk);
}

static void test_child_without_consent(void **state)
{
    static const char *const parts[] = {"without valid consent",  "no parental authority",
                                        "companion, 18 or older", "Holders of parental authority known / at least: 1 / 1",
                                        "[ ] A court order",      NULL};
    struct kw_alert_review review;
    struct kw_buf text = {0}, statement = {0};
    struct desk desk;

    desk_start(&desk, NULL);
    desk_put(&desk, (struct spec){.event = "live_birth", .date = "2017-05-05", .inner = BIRTH});
    desk_put(&desk, (struct spec){.event = "document_check", .inner = CHILD ESCORT LEAVES, .kind = 2});
    if (desk_read(&desk, "desk-one") > 0) {
        assert_int_equal(kw_buf_append(&statement, desk.items[0].statement.data, desk.items[0].statement.size), 0);
    } else {
        assert_int_equal(desk_waiting(&desk, &review), 1);
        assert_int_equal(kw_alert_review_show(desk.reader, review.alert, review.revision, &statement, NULL), 0);
    }
    render(kw_view_of(&statement), "en", &text);
    expect_in_order(&text, parts);
    expect_one_screen(&text);
    kw_buf_clear(&text);
    kw_buf_clear(&statement);
    desk_stop(&desk);
}

static void test_no_statement(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "<statement/>",
                                      "<record xmlns=\"urn:kinward:record:1\"/>",
                                      "<statement xmlns=\"urn:kinward:alert:1\"></statement>",
                                      ("<statement xmlns=\"urn:kinward:alert:1\"><status>Actual</status><type>alert</type>"
                                       "<rule><id>ZZ</id></rule></statement>")};
    struct kw_fault fault;
    char path[512];

    assert_int_equal(kw_xml_init(), 0);
    snprintf(path, sizeof(path), "%s/schemas/messages/en.xml", getenv("KINWARD_SOURCE"));
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        struct kw_buf text = {0};

        fault = (struct kw_fault){0};
        assert_true(kw_alert_render(kw_view_text(bad[i]), path, &text, &fault) < 0);
        assert_true(fault.code != KW_OK);
        assert_int_equal(text.size, 0);
        kw_buf_clear(&text);
    }
    assert_true(kw_alert_render(kw_view_text(bad[4]), "/nowhere/en.xml", &(struct kw_buf){0}, &fault) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_of_the_dead),
        cmocka_unit_test(test_missing_child),
        cmocka_unit_test(test_child_without_consent),
        cmocka_unit_test(test_no_statement),
    };

    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
