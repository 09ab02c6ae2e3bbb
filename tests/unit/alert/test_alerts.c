/* SPDX-License-Identifier: Apache-2.0 */
/* test_alerts.c - from a hit to the agency: sent, updated, withdrawn, reviewed, addressed, committed. */
#include "desk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void alert_id(const char *statement, uint8_t ret_id[16], uint32_t *ret_revision)
{
    char text[256];

    desk_value(statement, "alert", text);
    assert_int_equal(kw_hex_parse(kw_view_text(text), ret_id, 16), 0);
    desk_value(statement, "revision", text);
    *ret_revision = (uint32_t)atoi(text);
}

static void expect(const struct desk *desk, size_t index, const char *element, const char *value)
{
    char text[256];

    desk_value(desk_statement(desk, index), element, text);
    assert_string_equal(text, value);
}

static void test_hit_reaches_the_agency(void **state)
{
    struct desk desk;
    uint8_t reference[16], id[16];
    char hex[33], text[256];
    enum kw_answer answer;
    uint32_t revision;
    uint64_t check;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    check = desk_check(&desk, USER, false);
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    assert_int_equal(desk_read(&desk, "desk-two"), 0);
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    expect(&desk, 0, "type", "alert");
    expect(&desk, 0, "status", "Test");
    expect(&desk, 0, "reason", "document-used-after-death");
    expect(&desk, 0, "tier", "A");
    expect(&desk, 0, "owner", "duty desk &lt;+254 1&gt; &amp; co");
    assert_null(strstr(desk_statement(&desk, 0), "Testperson"));
    assert_null(strstr(desk_statement(&desk, 0), "ZZ17"));
    assert_null(strstr(desk_statement(&desk, 0), "1990"));
    assert_int_equal(kw_alerts_answer(desk.alerts, check, &answer, reference, NULL), 0);
    assert_int_equal(answer, KW_ANSWER_REFER);
    kw_hex(hex, reference, sizeof(reference));
    expect(&desk, 0, "case", hex);
    desk_value(desk_statement(&desk, 0), "sent", text);
    alert_id(desk_statement(&desk, 0), id, &revision);
    assert_int_equal(kw_alert_addressed(desk.reader, id, revision, "desk-one", NULL), 0);
    assert_int_equal(kw_alert_addressed(desk.reader, id, revision, "desk-two", NULL), -ENOENT);
    assert_int_equal(kw_alert_addressed(desk.reader, id, revision + 1, "desk-one", NULL), -ENOENT);
    assert_int_equal(kw_alerts_answer(desk.alerts, check + 1, &answer, reference, NULL), -ENOENT);
    desk_stop(&desk);
}

static void test_update_then_cancel(void **state)
{
    struct desk desk;
    uint64_t check;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, false);
    check = desk_check(&desk, USER, false); /* one situation: one alert, another revision */
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    expect(&desk, 1, "type", "update");
    expect(&desk, 1, "revision", "2");
    expect(&desk, 1, "refers", "1");
    expect(&desk, 1, "count", "2");
    assert_memory_equal(strstr(desk_statement(&desk, 0), "<alert>"), strstr(desk_statement(&desk, 1), "<alert>"), 39);
    desk_death(&desk, "2", "voided");
    assert_int_equal(desk_read(&desk, "desk-one"), 3); /* both checks at once */
    expect(&desk, 2, "type", "cancel");
    expect(&desk, 2, "response", "AllClear");
    expect(&desk, 2, "refers", "2");
    desk_death(&desk, "3", "registered"); /* and again: a cancelled alert stays so, another one begins */
    assert_int_equal(desk_read(&desk, "desk-one"), 4);
    expect(&desk, 3, "type", "alert");
    expect(&desk, 3, "revision", "1");
    expect(&desk, 3, "count", "2");
    assert_memory_not_equal(strstr(desk_statement(&desk, 0), "<alert>"), strstr(desk_statement(&desk, 3), "<alert>"), 39);
    assert_true(check > 0);
    desk_stop(&desk);
}

static void test_same_again_says_nothing(void **state)
{
    struct desk desk;
    size_t before;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, false);
    before = desk_read(&desk, "desk-one");
    desk_put(&desk, (struct spec){.event = "death", .date = "2024-12-03", .inner = PARTY("d", ROLE("deceased") NAME("O", "P"))});
    assert_int_equal(kw_alerts_begin(desk.alerts, NULL), 0);
    assert_int_equal(desk_apply(&desk, 2, NULL), 0); /* below the cursor */
    assert_int_equal(kw_alerts_commit(desk.alerts, NULL), 0);
    assert_int_equal(desk_read(&desk, "desk-one"), before);
    desk_stop(&desk);
}

/* ---- review --------------------------------------------------------------------------------------- */

static void act_on(struct desk *desk, const struct kw_alert_review *review, bool release)
{
    struct kw_alert_decision decision = {
        .revision = review->revision, .release = release, .by = "r7", .role = "reviewer", .reason = "looked at"};
    struct kw_buf json = {0};

    memcpy(decision.alert, review->alert, sizeof(decision.alert));
    assert_int_equal(kw_alert_decide(desk->reader, &decision, &json, NULL), 0);
    desk_act(desk, 3, (const char *)json.data);
    desk_act(desk, 3, (const char *)json.data); /* the same decision again is passed over */
    assert_int_equal(kw_alert_decide(desk->reader, &decision, &json, NULL), -ESTALE);
    kw_buf_clear(&json);
}

static void test_backfill_waits_for_a_reviewer(void **state)
{
    struct desk desk;
    struct kw_alert_review review;
    struct kw_buf statement = {0};

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, true);
    assert_int_equal(desk_read(&desk, "desk-one"), 0);
    assert_int_equal(desk_waiting(&desk, &review), 1);
    assert_true(review.backfill);
    assert_int_equal(kw_alert_review_show(desk.reader, review.alert, review.revision, &statement, NULL), 0);
    assert_non_null(strstr((const char *)statement.data, "document-used-after-death"));
    assert_int_equal(kw_alert_review_show(desk.reader, review.alert, review.revision + 1, &statement, NULL), -ENOENT);
    act_on(&desk, &review, true);
    assert_int_equal(desk_waiting(&desk, NULL), 0);
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    expect(&desk, 0, "type", "alert");
    assert_non_null(strstr(desk_statement(&desk, 0), "<review><decision>released</decision><role>reviewer</role>"));
    desk_check(&desk, USER, true); /* more history says nothing to a desk, not even of what was released */
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    desk_check(&desk, USER, false);
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    kw_buf_clear(&statement);
    desk_stop(&desk);
}

/* A decision about what has changed since it was looked at releases nothing. */
static void test_decision_comes_too_late(void **state)
{
    struct kw_alert_decision decision = {.release = true, .by = "r7", .role = "reviewer", .reason = ""};
    struct kw_alert_review review;
    struct kw_buf json = {0};
    struct desk desk;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, true);
    assert_int_equal(desk_waiting(&desk, &review), 1);
    memcpy(decision.alert, review.alert, sizeof(decision.alert));
    decision.revision = review.revision;
    assert_int_equal(kw_alert_decide(desk.reader, &decision, &json, NULL), 0);
    desk_check(&desk, USER, true);
    desk_act(&desk, 3, (const char *)json.data);
    assert_int_equal(desk_read(&desk, "desk-one"), 0);
    assert_int_equal(desk_waiting(&desk, &review), 1);
    assert_int_equal(review.revision, decision.revision + 1);
    kw_buf_clear(&json);
    desk_stop(&desk);
}

static void test_tier_b_waits_and_is_dismissed(void **state)
{
    struct desk desk;
    struct kw_alert_review review;

    desk_start(&desk, NULL);
    desk_put(&desk, (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED});
    desk_check(&desk, BY_NAME, false);
    assert_int_equal(desk_waiting(&desk, &review), 1);
    assert_false(review.backfill);
    assert_int_equal(desk_read(&desk, "desk-one"), 0);
    act_on(&desk, &review, false);
    assert_int_equal(desk_waiting(&desk, NULL), 0);
    assert_int_equal(desk_read(&desk, "desk-one"), 0);
    desk_stop(&desk);
}

static void test_live_check_lifts_what_waits(void **state)
{
    struct desk desk;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, true);
    assert_int_equal(desk_waiting(&desk, NULL), 1);
    desk_check(&desk, USER, false);
    assert_int_equal(desk_waiting(&desk, NULL), 0);
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    expect(&desk, 0, "type", "alert");
    expect(&desk, 0, "revision", "2");
    expect(&desk, 0, "count", "1"); /* the history is not part of what the desk is told */
    desk_death(&desk, "2", "voided");
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    expect(&desk, 1, "type", "cancel");
    assert_int_equal(desk_waiting(&desk, NULL), 0);
    desk_stop(&desk);
}

static void test_states_of_rules(void **state)
{
    const struct kw_rule_setting shadow = {"*", "*", KW_RULE_SHADOW}, review = {"D5", "*", KW_RULE_REVIEW};
    const struct kw_detect_config configs[] = {{.settings = &shadow, .setting_count = 1},
                                               {.settings = &review, .setting_count = 1}};
    struct desk desk;

    for (size_t i = 0; i < 2; i++) {
        desk_start(&desk, &configs[i]);
        desk_death(&desk, "1", "registered");
        desk_check(&desk, USER, false);
        assert_int_equal(desk_read(&desk, "desk-one"), 0);
        assert_int_equal(desk_waiting(&desk, NULL), i);
        desk_death(&desk, "2", "voided");
        assert_int_equal(desk_waiting(&desk, NULL), 0);
        assert_int_equal(desk_read(&desk, "desk-one"), 0);
        desk_stop(&desk);
    }
}

/* ---- whom ------------------------------------------------------------------------------------------- */

static void test_mandates(void **state)
{
    static const struct {
        const char *rules, *jurisdictions;
        bool active;
        size_t items;
    } cases[] = {{"*", "*", true, 1},     {"D5", "KE", true, 1},   {"P5 D5 M3", "MD KE RO", true, 1},
                 {"P5 M3", "*", true, 0}, {"*", "RO MD", true, 0}, {"", "*", true, 0},
                 {"D", "K", true, 0},     {"D55", "KEN", true, 0}, {"*", "*", false, 0}};
    struct desk desk;

    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        desk_start(&desk, NULL);
        desk.recipients[1].rules = cases[i].rules;
        desk.recipients[1].jurisdictions = cases[i].jurisdictions;
        desk.recipients[1].active = cases[i].active;
        assert_int_equal(kw_alerts_recipients(desk.alerts, desk.recipients, 2), 0);
        desk_death(&desk, "1", "registered");
        desk_check(&desk, USER, false);
        assert_int_equal(desk_read(&desk, "desk-two"), cases[i].items);
        assert_int_equal(desk_read(&desk, "desk-one"), 1);
        desk_stop(&desk);
    }
}

/* Who was told is told of the withdrawal, whatever the mandate is now; who was not told is not. */
static void test_cancel_follows_the_alert(void **state)
{
    struct desk desk;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, false);
    desk.recipients[0].rules = "P5";
    desk.recipients[1].jurisdictions = "*";
    assert_int_equal(kw_alerts_recipients(desk.alerts, desk.recipients, 2), 0);
    desk_death(&desk, "2", "voided");
    assert_int_equal(desk_read(&desk, "desk-two"), 0);
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    expect(&desk, 1, "type", "cancel");
    desk_stop(&desk);
}

static void test_receipts_and_epochs(void **state)
{
    struct desk desk;
    struct kw_alert_stream stream;

    desk_start(&desk, NULL);
    assert_int_equal(kw_alert_stream(desk.reader, "desk-one", &stream, NULL), 0);
    assert_int_equal(stream.last + stream.received, 0);
    assert_int_equal(kw_alerts_received(desk.alerts, "desk-one", 7, 1, NULL), -ENOENT);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, false);
    desk_check(&desk, USER, false);
    assert_int_equal(kw_alerts_received(desk.alerts, "desk-one", 7, 3, NULL), -ENOENT);
    assert_int_equal(kw_alerts_received(desk.alerts, "desk-one", 8, 1, NULL), -ENOENT);
    assert_int_equal(kw_alerts_received(desk.alerts, "desk-two", 7, 1, NULL), -ENOENT);
    assert_int_equal(kw_alerts_received(desk.alerts, "desk-one", 7, 2, NULL), 0);
    assert_int_equal(kw_alerts_received(desk.alerts, "desk-one", 7, 1, NULL), 0);
    assert_int_equal(kw_alert_stream(desk.reader, "desk-one", &stream, NULL), 0);
    assert_int_equal(stream.received, 2);
    desk.epoch = 8;
    desk_open(&desk);
    assert_int_equal(kw_alert_stream(desk.reader, "desk-one", &stream, NULL), 0);
    assert_int_equal(stream.received, 0);
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    desk_stop(&desk);
}

/* ---- ledger, acts, time ----------------------------------------------------------------------------------- */

struct found {
    uint64_t count;
    uint8_t commitments[8][KW_HASH_SIZE];
};

static int take_commitment(void *context, uint64_t number, const uint8_t commitment[KW_HASH_SIZE])
{
    struct found *found = context;

    assert_int_equal(number, found->count + 1);
    memcpy(found->commitments[found->count++], commitment, KW_HASH_SIZE);
    return 0;
}

static void test_commitments_open(void **state)
{
    struct desk desk;
    struct found found = {0}, later = {.count = 1};
    uint8_t id[16], salt[32], digest[32], commitment[32];
    uint32_t revision;
    uint64_t number;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, true); /* waits: not committed to */
    desk_check(&desk, USER, false);
    desk_check(&desk, USER, false);
    assert_int_equal(kw_alert_commitments(desk.reader, 0, 100, take_commitment, &found, NULL), 0);
    assert_int_equal(found.count, 2);
    assert_int_equal(kw_alert_commitments(desk.reader, 1, 1, take_commitment, &later, NULL), 0);
    assert_int_equal(later.count, 2);
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    for (size_t i = 0; i < 2; i++) {
        struct kw_buf statement = {0};

        alert_id(desk_statement(&desk, i), id, &revision);
        assert_int_equal(kw_alert_committed(desk.reader, id, revision, &number, salt, &statement, NULL), 0);
        assert_int_equal(number, i + 1);
        assert_true(kw_view_equal(kw_view_of(&statement), kw_view_of(&desk.items[i].statement)));
        kw_record_digest(kw_view_of(&statement), (struct kw_view){0}, digest);
        kw_commitment(salt, digest, commitment);
        assert_memory_equal(commitment, found.commitments[i], 32);
        kw_buf_clear(&statement);
    }
    assert_int_equal(kw_alert_committed(desk.reader, id, 1, &number, salt, &(struct kw_buf){0}, NULL), -ENOENT);
    desk_stop(&desk);
}

static void test_acts_are_kept(void **state)
{
    static const char *const acts[] = {
        "{\"alert\":\"00000000000000000000000000000001\",\"revision\":1,\"principal\":\"desk-one\",\"by\":\"s4\",\"role\":"
        "\"duty\"}",
        "{\"alert\":\"00000000000000000000000000000001\",\"revision\":1,\"principal\":\"desk-one\",\"outcome\":\"false-positive\","
        "\"role\":\"duty\",\"cause\":\"namesake\"}",
        "{}",
        "",
        "[",
        "{\"alert\":\"00000000000000000000000000000001\",\"revision\":1}"};
    struct desk desk;

    desk_start(&desk, NULL);
    desk_act(&desk, 5, acts[0]);
    for (size_t i = 1; i < KW_COUNT(acts); i++)
        desk_act(&desk, 4, acts[i]);
    desk_act(&desk, 3, acts[0]);
    desk_act(&desk, 6, "whatever");
    assert_int_equal(kw_alerts_cursor(desk.alerts), desk.world.count);
    desk_stop(&desk);
}

static void test_expiry(void **state)
{
    struct desk desk;
    struct kw_alert_review review;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, true);
    assert_int_equal(desk_waiting(&desk, &review), 1);
    desk.world.now_ms += 89 * DAY_MS;
    desk_act(&desk, 7, "");
    assert_int_equal(desk_waiting(&desk, NULL), 1);
    desk.world.now_ms += DAY_MS;
    desk_act(&desk, 7, "");
    assert_int_equal(desk_waiting(&desk, NULL), 0);
    desk_check(&desk, USER, false);
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    desk.world.now_ms += 91 * DAY_MS;
    desk_act(&desk, 7, "");
    desk_check(&desk, USER, false); /* an expired alert is not continued */
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    expect(&desk, 1, "type", "alert");
    assert_memory_not_equal(strstr(desk_statement(&desk, 0), "<alert>"), strstr(desk_statement(&desk, 1), "<alert>"), 39);
    desk_stop(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hit_reaches_the_agency),
                                       cmocka_unit_test(test_update_then_cancel),
                                       cmocka_unit_test(test_same_again_says_nothing),
                                       cmocka_unit_test(test_backfill_waits_for_a_reviewer),
                                       cmocka_unit_test(test_decision_comes_too_late),
                                       cmocka_unit_test(test_tier_b_waits_and_is_dismissed),
                                       cmocka_unit_test(test_live_check_lifts_what_waits),
                                       cmocka_unit_test(test_states_of_rules),
                                       cmocka_unit_test(test_mandates),
                                       cmocka_unit_test(test_cancel_follows_the_alert),
                                       cmocka_unit_test(test_receipts_and_epochs),
                                       cmocka_unit_test(test_commitments_open),
                                       cmocka_unit_test(test_acts_are_kept),
                                       cmocka_unit_test(test_expiry)};

    return cmocka_run_group_tests_name("alerts", tests, NULL, NULL);
}
