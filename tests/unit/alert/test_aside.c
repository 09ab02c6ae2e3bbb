/* SPDX-License-Identifier: Apache-2.0 */
/* test_aside.c - entries that could not be inspected: the list, the cursor behind them, another try, the end. */
#include "desk.h"

#include <errno.h>
#include <string.h>

/* A record that comes in and whose inspection fails: the rules have its keys and nothing else. */
static uint64_t put_failing(struct desk *desk, struct spec spec)
{
    size_t watches = desk->world.watch_count;
    struct kw_fault fault = {0};

    desk->world.now_ms += 1000;
    struct kw_aside aside = {.position = world_put(&desk->world, spec),
                             .kind = spec.kind ? spec.kind : 1,
                             .attempts = 3,
                             .code = KW_E_CORRUPT,
                             .place = "entry",
                             .at_ms = desk->world.now_ms};
    while (desk->world.watch_count > watches)
        kw_free(desk->world.watches[--desk->world.watch_count].keys);
    world_restart(&desk->world, desk->world.count);
    if (kw_alerts_set_aside(desk->alerts, &aside, aside.position, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    return aside.position;
}

static const struct spec user = {.event = "document_check", .inner = USER CHECK, .kind = 2};

static void expect_open(struct desk *desk, uint64_t open, uint64_t newest)
{
    uint64_t found = 99, last = 99;

    assert_int_equal(kw_alerts_aside_count(desk->alerts, &found, &last, NULL), 0);
    assert_int_equal(found, open);
    assert_int_equal(last, newest);
}

static struct kw_aside read_row(struct desk *desk, uint64_t position)
{
    struct kw_aside aside;

    assert_int_equal(kw_aside_read(desk->reader, position, &aside, NULL), 0);
    return aside;
}

/* An act as control puts it into the journal. */
static void ask(struct desk *desk, uint64_t position, const char *reason, struct kw_buf *ret_json)
{
    struct kw_fault fault = {0};

    if (kw_aside_act(desk->reader, position, "uid 7", reason, ret_json, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
}

/* What detection does when it comes to an act that asks for a retry. */
static void retry(struct desk *desk, struct kw_view json)
{
    struct kw_fault fault = {0};
    struct kw_detection detection = {0};
    struct world_entry *act = &desk->world.entries[desk->world.count++];
    uint64_t position;
    char by[65];

    desk->world.now_ms += DAY_MS;
    *act = (struct world_entry){.kind = 6, .received_ms = desk->world.now_ms};
    assert_int_equal(kw_alerts_begin(desk->alerts, &fault), 0);
    assert_int_equal(kw_alerts_retry_asked(desk->alerts, json, &position, by, &fault), 1);
    assert_string_equal(by, "uid 7");
    struct kw_aside_retry again = {.position = position,
                                   .kind = desk->world.entries[position - 1].kind,
                                   .detection = &detection,
                                   .act = desk->world.count,
                                   .act_ms = act->received_ms,
                                   .by = by};
    bool backfill = desk->world.entries[position - 1].backfill;
    if (kw_detect_again(desk->world.detector, position, backfill, again.act_ms, &detection, &fault) < 0 ||
        kw_alerts_apply_again(desk->alerts, &again, &fault) < 0 || kw_alerts_commit(desk->alerts, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    kw_detection_clear(&detection);
    assert_int_equal(kw_alerts_cursor(desk->alerts), desk->world.count);
}

static int count_row(void *context, const struct kw_aside *aside)
{
    ++*(size_t *)context;
    return 0;
}

static size_t listed(struct desk *desk, bool open_only)
{
    size_t count = 0;

    assert_int_equal(kw_aside_list(desk->reader, open_only, 100, count_row, &count, NULL), 0);
    return count;
}

static void test_set_aside_and_passed(void **state)
{
    struct desk desk;
    enum kw_answer answer = KW_ANSWER_NONE;
    uint8_t reference[16];

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    expect_open(&desk, 0, 0);
    uint64_t position = put_failing(&desk, user);
    assert_int_equal(kw_alerts_cursor(desk.alerts), position);
    expect_open(&desk, 1, position);
    struct kw_aside row = read_row(&desk, position);
    assert_int_equal(row.state, KW_ASIDE_OPEN);
    assert_int_equal(row.kind, 2);
    assert_int_equal(row.attempts, 3);
    assert_int_equal(row.code, KW_E_CORRUPT);
    assert_string_equal(row.place, "entry");
    assert_int_equal(kw_alerts_answer(desk.alerts, position, &answer, reference, NULL), -ENOENT); /* neither known nor anything */
    assert_int_equal(desk_read(&desk, "desk-one"), 0);
    uint64_t next = desk_check(&desk, USER, false); /* what comes behind is inspected */
    assert_int_equal(kw_alerts_answer(desk.alerts, next, &answer, reference, NULL), 0);
    assert_int_equal(answer, KW_ANSWER_REFER);
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    desk_open(&desk);
    expect_open(&desk, 1, position);
    assert_int_equal(kw_alerts_cursor(desk.alerts), next);
    desk_stop(&desk);
}

static void test_a_check_again(void **state)
{
    struct desk desk;
    struct kw_buf json = {0};
    enum kw_answer answer = KW_ANSWER_NONE;
    uint8_t reference[16];
    uint64_t position;
    char by[65];

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    uint64_t check = put_failing(&desk, user);
    ask(&desk, check, NULL, &json);
    retry(&desk, kw_view_of(&json));
    expect_open(&desk, 0, 0);
    struct kw_aside row = read_row(&desk, check);
    assert_int_equal(row.state, KW_ASIDE_RETRIED);
    assert_string_equal(row.by, "uid 7");
    assert_int_equal(row.settled_ms, desk.world.now_ms);
    assert_int_equal(kw_alerts_answer(desk.alerts, check, &answer, reference, NULL), 0);
    assert_int_equal(answer, KW_ANSWER_REFER);
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    char sent[256], wanted[KW_TIME_SIZE];
    desk_value(desk_statement(&desk, 0), "sent", sent);
    kw_time_format(desk.world.now_ms, wanted);
    assert_string_equal(sent, wanted); /* now, and not when the check came */
    assert_int_equal(kw_alerts_retry_asked(desk.alerts, kw_view_of(&json), &position, by, NULL), 0); /* settled */
    json.size = 0;
    assert_int_equal(kw_aside_act(desk.reader, check, "uid 7", NULL, &json, NULL), -EINVAL);
    desk_death(&desk, "2", "voided"); /* its watch is kept: what the retry found is withdrawn */
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    kw_buf_clear(&json);
    desk_stop(&desk);
}

static void test_evidence_again(void **state)
{
    struct desk desk;
    struct kw_buf json = {0};

    desk_start(&desk, NULL);
    uint64_t death = put_failing(
        &desk, (struct spec){.event = "death", .id = "d1", .status = "registered", .date = "2024-12-02", .inner = DECEASED});
    ask(&desk, death, NULL, &json);
    retry(&desk, kw_view_of(&json));
    assert_int_equal(desk_read(&desk, "desk-one"), 0);
    json.size = 0;
    uint64_t check = desk_check(&desk, USER, false);
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    uint64_t voided = put_failing(
        &desk,
        (struct spec){.event = "death", .id = "d1", .version = "2", .status = "voided", .date = "2024-12-02", .inner = DECEASED});
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    ask(&desk, voided, NULL, &json);
    retry(&desk, kw_view_of(&json)); /* the earlier check that it touches is looked at again */
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    assert_true(check < voided);
    kw_buf_clear(&json);
    desk_stop(&desk);
}

static void test_failed_again_and_closed(void **state)
{
    struct desk desk;
    struct kw_buf json = {0};

    desk_start(&desk, NULL);
    uint64_t check = put_failing(&desk, user), other = put_failing(&desk, user);
    expect_open(&desk, 2, other);
    ask(&desk, check, NULL, &json);
    desk.world.entries[desk.world.count++] = (struct world_entry){.kind = 6}; /* the act whose retry fails */
    struct kw_aside again = {.position = check, .kind = 6, .attempts = 1, .code = KW_E_INTERNAL, .place = "detect", .at_ms = 5};
    assert_int_equal(kw_alerts_set_aside(desk.alerts, &again, desk.world.count, NULL), 0);
    assert_int_equal(kw_alerts_cursor(desk.alerts), desk.world.count);
    struct kw_aside row = read_row(&desk, check);
    assert_int_equal(row.attempts, 4);
    assert_int_equal(row.code, KW_E_INTERNAL);
    assert_int_equal(row.kind, 2);
    assert_int_equal(row.state, KW_ASIDE_OPEN);
    json.size = 0;
    ask(&desk, check, "asked by telephone", &json);
    desk_act(&desk, 6, (const char *)json.data);
    row = read_row(&desk, check);
    assert_int_equal(row.state, KW_ASIDE_CLOSED);
    assert_string_equal(row.by, "uid 7");
    assert_string_equal(row.reason, "asked by telephone");
    expect_open(&desk, 1, other);
    assert_int_equal(listed(&desk, true), 1);
    assert_int_equal(listed(&desk, false), 2);
    desk_act(&desk, 6, "{\"act\":\"record-shown\",\"position\":2,\"by\":\"uid 7\"}"); /* about something else */
    desk_act(&desk, 6, "{\"act\":\"detection-closed\",\"position\":77,\"reason\":\"x\",\"by\":\"uid 7\"}");
    desk_act(&desk, 6, "no json");
    expect_open(&desk, 1, other);
    assert_int_equal(kw_aside_act(desk.reader, 77, "uid 7", "x", &json, NULL), -ENOENT);
    kw_buf_clear(&json);
    desk_stop(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_set_aside_and_passed), cmocka_unit_test(test_a_check_again),
                                       cmocka_unit_test(test_evidence_again), cmocka_unit_test(test_failed_again_and_closed)};

    return cmocka_run_group_tests_name("aside", tests, NULL, NULL);
}
