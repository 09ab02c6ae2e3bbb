/* SPDX-License-Identifier: Apache-2.0 */
/* test_m3.c - M3, a check or a document event meets an open missing-child or at-risk notice. */
#include "world.h"

#include <string.h>

#define AMINA                      NAME("Amina", "Testperson")
#define MISSING                    ROLE("missing_child") ROLE("child")
#define LOST                       PARTY("child", MISSING AMINA NUMBER("passport", "ZZ42") BORN("2019-05-07"))
#define BY_NAME                    PARTY("child", ROLE("missing_child") AMINA BORN("2019-05-07"))
#define SHOWN                      PARTY("child", ROLE("child") AMINA BORN("2019-05-07") PASSPORT("ZZ42"))
#define NOTICE(number, kind, rest) "<notice><number>" number "</number><kind>" kind "</kind>" rest "</notice>"
#define OPENED(day)                "<openedOn><value>" day "</value></openedOn>"
#define CLOSED(day)                "<closedOn><value>" day "</value></closedOn>"

static uint64_t check(struct world *world, const char *date, const char *direction, const char *party)
{
    char inner[2048];

    snprintf(inner, sizeof(inner), "%s<check><direction>%s</direction><outcome>attempted</outcome></check>", party, direction);
    return world_put(world, (struct spec){.event = "document_check", .date = date, .inner = inner, .kind = 2});
}

static uint64_t open_notice(struct world *world, const char *inner)
{
    return world_put(world, (struct spec){.event = "missing_child_opened", .date = "2026-07-09", .inner = inner});
}

static void test_fires_by_document(void **state)
{
    struct world world;
    const struct kw_hit *hit;
    uint64_t at;

    world_start(&world, NULL);
    open_notice(&world, LOST NOTICE("MC-1", "missing", OPENED("2026-07-09")));
    at = check(&world, "2026-07-12", "in", SHOWN);
    hit = world_hit(&world, "M3", at);
    assert_non_null(hit);
    assert_int_equal(hit->tier, KINWARD_TIER_A);
    assert_int_equal(hit->severity, KINWARD_EXTREME);
    assert_int_equal(world_cause(hit, "namesake"), KINWARD_EXCLUDED);
    assert_int_equal(world_cause(hit, "child-fleeing-home"), KINWARD_UNKNOWN);
    assert_int_equal(world_cause(hit, "notice-not-withdrawn"), KINWARD_UNKNOWN);
    assert_int_equal(world.detection.answer, KW_ANSWER_REFER);
    world_stop(&world);
}

static void test_by_name_only_is_for_review(void **state)
{
    struct world world;

    world_start(&world, NULL);
    open_notice(&world, BY_NAME NOTICE("MC-1", "missing", OPENED("2026-07-09")));
    assert_int_equal(world_hit(&world, "M3", check(&world, "2026-07-12", "out", SHOWN))->tier, KINWARD_TIER_B);
    world_stop(&world);
}

static void test_reporter_may_be_the_danger(void **state)
{
    struct world world;
    uint64_t at;

    world_start(&world, NULL);
    open_notice(&world, LOST NOTICE("MC-1", "runaway", OPENED("2026-07-09") "<reporterMayBeDanger>true</reporterMayBeDanger>"));
    at = check(&world, "2026-07-12", "in", SHOWN);
    assert_int_equal(world_cause(world_hit(&world, "M3", at), "child-fleeing-home"), KINWARD_PRESENT);
    world_stop(&world);
}

static void test_suspected_companion_is_not_the_child(void **state)
{
    struct world world;

    world_start(&world, NULL);
    open_notice(&world, PARTY("child", ROLE("missing_child") NAME("Other", "Child"))
                            PARTY("man", ROLE("suspected_companion") AMINA NUMBER("passport", "ZZ42"))
                                NOTICE("MC-1", "missing", OPENED("2026-07-09")));
    assert_null(world_hit(&world, "M3", check(&world, "2026-07-12", "in", SHOWN)));
    world_stop(&world);
}

static void test_closed_before_does_not_fire(void **state)
{
    struct world world;

    world_start(&world, NULL);
    open_notice(&world, LOST NOTICE("MC-1", "missing", OPENED("2026-07-09")));
    world_put(&world, (struct spec){.event = "missing_child_closed",
                                    .date = "2026-07-10",
                                    .inner = BY_NAME NOTICE("MC-1", "missing", CLOSED("2026-07-10"))});
    assert_null(world_hit(&world, "M3", check(&world, "2026-07-12", "in", SHOWN)));
    world_stop(&world);
}

static void test_closing_of_another_notice_leaves_it_open(void **state)
{
    struct world world;

    world_start(&world, NULL);
    open_notice(&world, LOST NOTICE("MC-1", "missing", OPENED("2026-07-09")));
    world_put(&world, (struct spec){.event = "missing_child_closed",
                                    .date = "2026-07-10",
                                    .inner = LOST NOTICE("MC-2", "missing", CLOSED("2026-07-10"))});
    assert_non_null(world_hit(&world, "M3", check(&world, "2026-07-12", "in", SHOWN)));
    world_put(&world, (struct spec){.event = "at_risk_closed",
                                    .date = "2026-07-10",
                                    .inner = LOST "<notice><kind>at_risk_removal</kind>" CLOSED("2026-07-10") "</notice>"});
    assert_non_null(world_hit(&world, "M3", check(&world, "2026-07-12", "in", SHOWN)));
    world_stop(&world);
}

static void test_closing_that_comes_later_withdraws(void **state)
{
    struct world world;
    uint64_t at;

    world_start(&world, NULL);
    open_notice(&world, LOST NOTICE("MC-1", "missing", OPENED("2026-07-09")));
    at = check(&world, "2026-07-12", "in", SHOWN);
    assert_non_null(world_hit(&world, "M3", at));
    world_put(&world, (struct spec){.event = "missing_child_closed",
                                    .date = "2026-07-13",
                                    .inner = BY_NAME NOTICE("MC-1", "missing", CLOSED("2026-07-13"))});
    assert_true(world_evaluated(&world, "M3", at));
    assert_null(world_hit(&world, "M3", at));
    world_stop(&world);
}

/* The same record id, closed in its second version. */
static void test_later_version_closes(void **state)
{
    struct world world;
    uint64_t at;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "missing_child_opened",
                                    .id = "mc",
                                    .date = "2026-07-09",
                                    .inner = LOST NOTICE("MC-1", "missing", OPENED("2026-07-09"))});
    at = check(&world, "2026-07-12", "in", SHOWN);
    assert_non_null(world_hit(&world, "M3", at));
    world_put(&world, (struct spec){.event = "missing_child_closed",
                                    .id = "mc",
                                    .version = "2",
                                    .date = "2026-07-13",
                                    .inner = LOST NOTICE("MC-1", "missing", CLOSED("2026-07-13"))});
    assert_true(world_evaluated(&world, "M3", at));
    assert_null(world_hit(&world, "M3", at));
    world_stop(&world);
}

static void test_notice_that_comes_later(void **state)
{
    struct world world;
    uint64_t at, late;

    world_start(&world, NULL);
    late = check(&world, "2026-06-08", "out", SHOWN);
    at = check(&world, "2026-06-09", "out", SHOWN);
    assert_null(world_hit(&world, "M3", at));
    open_notice(&world, LOST NOTICE("MC-1", "missing", OPENED("2026-07-09")));
    assert_non_null(world_hit(&world, "M3", at)); /* 30 days before the opening */
    assert_null(world_hit(&world, "M3", late));   /* 31 */
    world_stop(&world);
}

static void test_at_risk_is_about_leaving(void **state)
{
    struct world world;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "at_risk_opened",
                                    .date = "2026-06-20",
                                    .inner = LOST NOTICE("AR-1", "at_risk_removal",
                                                         OPENED("2026-06-20") "<validTo><value>2026-07-20</value></validTo>")});
    assert_null(world_hit(&world, "M3", check(&world, "2026-07-12", "in", SHOWN)));
    assert_non_null(world_hit(&world, "M3", check(&world, "2026-07-20", "out", SHOWN)));
    assert_null(world_hit(&world, "M3", check(&world, "2026-07-21", "out", SHOWN)));
    assert_null(world_hit(&world, "M3", check(&world, "-", "out", SHOWN)));
    world_stop(&world);
}

static void test_unregistered_notice_proves_nothing_in_tier_a(void **state)
{
    struct world world;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "missing_child_opened",
                                    .status = "declared",
                                    .date = "2026-07-09",
                                    .inner = LOST NOTICE("MC-1", "missing", OPENED("2026-07-09"))});
    assert_int_equal(world_hit(&world, "M3", check(&world, "2026-07-12", "in", SHOWN))->tier, KINWARD_TIER_B);
    world_stop(&world);
}

static void test_document_requested_for_a_missing_child(void **state)
{
    struct world world;
    uint64_t at;

    world_start(&world, NULL);
    open_notice(&world, PARTY("child", ROLE("missing_child") NUMBER("birth_registration", "B9"))
                            NOTICE("MC-1", "missing", OPENED("2026-07-09")));
    at = world_put(&world,
                   (struct spec){.event = "document_issued",
                                 .inner = PARTY("h", ROLE("document_holder") NUMBER("birth_registration", "B9")) PASSPORT("ZZ43")});
    assert_string_equal(world_hit(&world, "M3", at)->facts[0].code, "document-requested");
    at = check(&world, "2026-07-13", "out", PARTY("c", ROLE("child") PASSPORT("ZZ43")));
    assert_int_equal(world_hit(&world, "M3", at)->tier, KINWARD_TIER_A);
    assert_non_null(world_fact(world_hit(&world, "M3", at), "document-belongs-to"));
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fires_by_document),
        cmocka_unit_test(test_by_name_only_is_for_review),
        cmocka_unit_test(test_reporter_may_be_the_danger),
        cmocka_unit_test(test_suspected_companion_is_not_the_child),
        cmocka_unit_test(test_closed_before_does_not_fire),
        cmocka_unit_test(test_closing_of_another_notice_leaves_it_open),
        cmocka_unit_test(test_closing_that_comes_later_withdraws),
        cmocka_unit_test(test_later_version_closes),
        cmocka_unit_test(test_notice_that_comes_later),
        cmocka_unit_test(test_at_risk_is_about_leaving),
        cmocka_unit_test(test_unregistered_notice_proves_nothing_in_tier_a),
        cmocka_unit_test(test_document_requested_for_a_missing_child),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
