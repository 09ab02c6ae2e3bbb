/* SPDX-License-Identifier: Apache-2.0 */
/* test_d5.c - D5, a document used or issued after its holder's death. */
#include "world.h"

#include <string.h>

#define PETER    NAME("Peter", "Testperson")
#define DECEASED PARTY("deceased", ROLE("deceased") PETER NUMBER("national_id", "77") NUMBER("passport", "ZZ17") BORN("1990-02-02"))
#define BY_NAME  PARTY("deceased", ROLE("deceased") PETER BORN("1990-02-02"))
#define USER     PARTY("p", ROLE("document_holder") PETER BORN("1990-02-02") PASSPORT("ZZ17"))
#define CHECK    "<check><direction>in</direction><outcome>attempted</outcome></check>"

static uint64_t check_on(struct world *world, const char *date, const char *party)
{
    char inner[2048];

    snprintf(inner, sizeof(inner), "%s%s", party, CHECK);
    return world_put(world, (struct spec){.event = "document_check", .date = date, .inner = inner, .kind = 2});
}

static void test_fires_by_document(void **state)
{
    struct world world;
    const struct kw_hit *hit;
    uint64_t check;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED});
    assert_int_equal(world.detection.evaluated_count, 0);
    check = check_on(&world, "2026-07-12", USER);
    hit = world_hit(&world, "D5", check);
    assert_non_null(hit);
    assert_int_equal(hit->tier, KINWARD_TIER_A);
    assert_int_equal(hit->severity, KINWARD_SEVERE);
    assert_int_equal(hit->certainty, KINWARD_LIKELY);
    assert_int_equal(hit->state, KW_RULE_LIVE);
    assert_string_equal(hit->reason, "document-used-after-death");
    assert_int_equal(world.detection.answer, KW_ANSWER_REFER);
    assert_int_equal(world_cause(hit, "namesake"), KINWARD_EXCLUDED);
    assert_int_equal(world_cause(hit, "wrong-death-link"), KINWARD_EXCLUDED);
    assert_int_equal(world_cause(hit, "erroneous-death-registration"), KINWARD_UNKNOWN);
    assert_int_equal(world_fact(hit, "death-recorded")->position, 1);
    assert_string_equal(world_fact(hit, "death-recorded")->params, "on=2024-12-02\nstatus=registered\n");
    assert_string_equal(hit->subjects[0].age_band, "18+");
    world_stop(&world);
}

static void test_child_is_extreme(void **state)
{
    struct world world;
    uint64_t check;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death",
                                    .date = "2020-01-01",
                                    .inner = PARTY("d", ROLE("deceased") NUMBER("passport", "ZZ18") BORN("2015-01-01"))});
    check = check_on(&world, "2026-07-12", PARTY("c", ROLE("child") NAME("A", "B") PASSPORT("ZZ18")));
    assert_int_equal(world_hit(&world, "D5", check)->severity, KINWARD_EXTREME);
    assert_string_equal(world_hit(&world, "D5", check)->subjects[0].age_band, "unknown");
    world_stop(&world);
}

static void test_edge_of_the_margin(void **state)
{
    struct world world;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .date = "2026-07-10", .inner = DECEASED});
    assert_null(world_hit(&world, "D5", check_on(&world, "2026-07-10", USER)));
    assert_null(world_hit(&world, "D5", check_on(&world, "2026-07-11", USER)));
    assert_non_null(world_hit(&world, "D5", check_on(&world, "2026-07-12", USER)));
    world_stop(&world);
}

/* It has to hold for every day that the partial date allows. */
static void test_partial_dates(void **state)
{
    struct world world;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .date = "2026-06", .inner = DECEASED});
    assert_null(world_hit(&world, "D5", check_on(&world, "2026-06-20", USER)));
    assert_null(world_hit(&world, "D5", check_on(&world, "2026-06", USER)));
    assert_non_null(world_hit(&world, "D5", check_on(&world, "2026-07-12", USER)));
    assert_null(world_hit(&world, "D5", check_on(&world, "2026", USER)));
    world_stop(&world);
}

static void test_missing_dates(void **state)
{
    struct world world;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .date = "-", .inner = DECEASED});
    assert_null(world_hit(&world, "D5", check_on(&world, "2026-07-12", USER)));
    world_put(&world, (struct spec){.event = "death", .date = "2024-01-01", .inner = DECEASED});
    assert_null(world_hit(&world, "D5", check_on(&world, "-", USER)));
    world_stop(&world);
}

static void test_by_name_only_is_for_review(void **state)
{
    struct world world;
    const struct kw_hit *hit;
    uint64_t check;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .date = "2024-12-02", .inner = BY_NAME});
    check = check_on(&world, "2026-07-12", USER);
    hit = world_hit(&world, "D5", check);
    assert_int_equal(hit->tier, KINWARD_TIER_B);
    assert_int_equal(hit->certainty, KINWARD_POSSIBLE);
    assert_int_equal(world_cause(hit, "namesake"), KINWARD_UNKNOWN);
    assert_int_equal(world.detection.answer, KW_ANSWER_REFER);
    world_stop(&world);
}

static void test_declared_death_proves_nothing_in_tier_a(void **state)
{
    struct world world;
    uint64_t check;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .status = "declared", .date = "2024-12-02", .inner = DECEASED});
    check = check_on(&world, "2026-07-12", USER);
    assert_int_equal(world_hit(&world, "D5", check)->tier, KINWARD_TIER_B);
    assert_int_equal(world_cause(world_hit(&world, "D5", check), "death-not-yet-registered"), KINWARD_PRESENT);
    world_stop(&world);
}

static void test_presumed_death_is_an_innocent_cause(void **state)
{
    struct world world;
    uint64_t check;

    world_start(&world, NULL);
    world_put(&world,
              (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED "<death><presumed>true</presumed></death>"});
    check = check_on(&world, "2026-07-12", USER);
    assert_int_equal(world_cause(world_hit(&world, "D5", check), "presumed-death"), KINWARD_PRESENT);
    world_stop(&world);
}

static void test_informant_of_the_death_is_alive(void **state)
{
    struct world world;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death",
                                    .date = "2024-12-02",
                                    .inner = PARTY("d", ROLE("deceased") NUMBER("national_id", "78"))
                                        PARTY("i", ROLE("informant") ROLE("spouse") PETER NUMBER("passport", "ZZ17"))});
    assert_null(world_hit(&world, "D5", check_on(&world, "2026-07-12", USER)));
    world_stop(&world);
}

#define ISSUED(purpose, day)                                                                                                       \
    PARTY("holder", ROLE("document_holder") PETER NUMBER("national_id", "77"))                                                     \
    "<document><type>passport</type><number>ZZ99</number><issuingCountry>KE</issuingCountry><issuedOn><value>" day                 \
    "</value></issuedOn></document><documentEvent><purpose>" purpose "</purpose></documentEvent>"

static void test_issued_after_death(void **state)
{
    struct world world;
    uint64_t issue;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .date = "2026-07-10", .inner = DECEASED});
    issue = world_put(&world, (struct spec){.event = "document_issued", .inner = ISSUED("ordinary", "2026-07-10")});
    assert_null(world_hit(&world, "D5", issue));
    issue = world_put(&world, (struct spec){.event = "document_issued", .inner = ISSUED("ordinary", "2026-07-11")});
    assert_int_equal(world_hit(&world, "D5", issue)->tier, KINWARD_TIER_A);
    assert_int_equal(world.detection.answer, KW_ANSWER_NONE);
    issue = world_put(&world, (struct spec){.event = "document_issued", .inner = ISSUED("commemorative", "2026-07-12")});
    assert_null(world_hit(&world, "D5", issue));
    world_stop(&world);
}

/* The check shows a passport number that only the passport register ties to the dead person's identity number. */
static void test_through_the_passport_register(void **state)
{
    struct world world;
    uint64_t check;
    const struct kw_hit *hit;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "document_issued", .date = "2020-01-01", .inner = ISSUED("ordinary", "2020-01-01")});
    world_put(&world, (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED});
    check = check_on(&world, "2026-07-12", PARTY("p", ROLE("document_holder") PASSPORT("ZZ99")));
    hit = world_hit(&world, "D5", check);
    assert_int_equal(hit->tier, KINWARD_TIER_A);
    assert_non_null(world_fact(hit, "document-belongs-to"));
    world_stop(&world);
}

static void test_death_that_comes_later(void **state)
{
    struct world world;
    uint64_t check, death;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "document_issued", .date = "2020-01-01", .inner = ISSUED("ordinary", "2020-01-01")});
    check = check_on(&world, "2026-07-12", PARTY("p", ROLE("document_holder") PASSPORT("ZZ99")));
    assert_null(world_hit(&world, "D5", check));
    world.now_ms += 29 * DAY_MS;
    world_restart(&world, check);
    death = world_put(&world, (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED});
    assert_int_equal(death, 3);
    assert_non_null(world_hit(&world, "D5", check));
    assert_false(world_hit(&world, "D5", check)->late);
    world.now_ms += 3 * DAY_MS;
    world_put(&world, (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED});
    assert_true(world_hit(&world, "D5", check)->late);
    world.now_ms += 90 * DAY_MS;
    world_put(&world, (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED});
    assert_false(world_evaluated(&world, "D5", check));
    world_stop(&world);
}

static void test_later_version_and_void_withdraw(void **state)
{
    struct world world;
    uint64_t check;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .id = "d1", .date = "2024-12-02", .inner = DECEASED});
    check = check_on(&world, "2026-07-12", USER);
    assert_non_null(world_hit(&world, "D5", check));
    world_put(
        &world,
        (struct spec){.event = "death", .id = "d1", .version = "2", .status = "amended", .date = "2026-07-12", .inner = BY_NAME});
    assert_true(world_evaluated(&world, "D5", check));
    assert_null(world_hit(&world, "D5", check));
    world_put(
        &world,
        (struct spec){.event = "death", .id = "d1", .version = "3", .status = "amended", .date = "2025-01-01", .inner = DECEASED});
    assert_non_null(world_hit(&world, "D5", check));
    world_put(&world, (struct spec){.event = "registration_voided",
                                    .inner = "<voiding><reason>wrong_person</reason></voiding><voids><id>d1</id></voids>"});
    assert_true(world_evaluated(&world, "D5", check));
    assert_null(world_hit(&world, "D5", check));
    world_stop(&world);
}

static void test_old_version_that_comes_late_changes_nothing(void **state)
{
    struct world world;
    uint64_t check;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .id = "d1", .version = "10", .date = "2024-12-02", .inner = DECEASED});
    world_put(
        &world,
        (struct spec){.event = "death", .id = "d1", .version = "9", .status = "voided", .date = "2024-12-02", .inner = DECEASED});
    check = check_on(&world, "2026-07-12", USER);
    assert_non_null(world_hit(&world, "D5", check));
    world_stop(&world);
}

static void test_states(void **state)
{
    static const struct kw_rule_setting settings[] = {{"*", "*", KW_RULE_OFF}, {"D5", "r.one", KW_RULE_SHADOW}};
    struct kw_detect_config config = {.settings = settings, .setting_count = 1};
    struct world world;
    uint64_t check;

    world_start(&world, &config);
    world_put(&world, (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED});
    check = check_on(&world, "2026-07-12", USER);
    assert_int_equal(world.detection.evaluated_count, 0);
    world_stop(&world);
    config.setting_count = 2;
    world_start(&world, &config);
    world_put(&world, (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED});
    check = check_on(&world, "2026-07-12", USER);
    assert_int_equal(world_hit(&world, "D5", check)->state, KW_RULE_SHADOW);
    assert_int_equal(world.detection.answer, KW_ANSWER_UNKNOWN);
    world_stop(&world);
}

static void test_replay_gives_the_same(void **state)
{
    struct world world;
    struct kw_hit first;
    uint64_t check;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED});
    check = check_on(&world, "2026-07-12", USER);
    first = *world_hit(&world, "D5", check);
    uint8_t key[KW_HASH_SIZE], handle[16];
    memcpy(key, first.key, sizeof(key));
    memcpy(handle, first.subjects[0].handle, sizeof(handle));
    world_restart(&world, 0);
    world_replay(&world, 1);
    world_replay(&world, 2);
    assert_memory_equal(world_hit(&world, "D5", check)->key, key, sizeof(key));
    assert_memory_equal(world_hit(&world, "D5", check)->subjects[0].handle, handle, sizeof(handle));
    world_replay(&world, 2); /* the same entry once more */
    assert_memory_equal(world_hit(&world, "D5", check)->key, key, sizeof(key));
    world_stop(&world);
}

static void test_known(void **state)
{
    struct world world;

    world_start(&world, NULL);
    check_on(&world, "2026-07-12", USER);
    assert_int_equal(world.detection.answer, KW_ANSWER_UNKNOWN);
    world_put(&world, (struct spec){.event = "document_issued",
                                    .date = "2020-01-01",
                                    .inner = PARTY("h", ROLE("document_holder") PETER NUMBER("national_id", "77")
                                                            BORN("1990-02-02")) PASSPORT("ZZ17")});
    check_on(&world, "2026-07-12", USER);
    assert_int_equal(world.detection.answer, KW_ANSWER_KNOWN);
    world_put(&world, (struct spec){.event = "live_birth",
                                    .date = "1990-02-02",
                                    .inner = PARTY("c", ROLE("child") PETER NUMBER("national_id", "88") BORN("1990-02-02"))});
    check_on(&world, "2026-07-12", USER);
    assert_int_equal(world.detection.answer, KW_ANSWER_UNKNOWN);
    world_stop(&world);
}

static void test_allocation_failures(void **state)
{
    struct world world;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "death", .date = "2024-12-02", .inner = DECEASED});
    check_on(&world, "2026-07-12", USER);
    for (long countdown = 0;; countdown++) {
        struct kw_detect_entry entry = {
            .position = 2, .kind = 2, .received_ms = world.now_ms, .image = kw_view_of(&world.entries[1].image)};
        int r;

        world_restart(&world, 1);
        kw_alloc_fail_after(countdown, false);
        r = kw_detect_inspect(world.detector, &entry, &world.detection, NULL);
        kw_alloc_fail_after(-1, false);
        if (r == 0) {
            assert_non_null(world_hit(&world, "D5", 2));
            assert_true(countdown > 10);
            break;
        }
        assert_int_equal(r, -12);
        world_replay(&world, 2);
        assert_non_null(world_hit(&world, "D5", 2));
    }
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fires_by_document),
        cmocka_unit_test(test_child_is_extreme),
        cmocka_unit_test(test_edge_of_the_margin),
        cmocka_unit_test(test_partial_dates),
        cmocka_unit_test(test_missing_dates),
        cmocka_unit_test(test_by_name_only_is_for_review),
        cmocka_unit_test(test_declared_death_proves_nothing_in_tier_a),
        cmocka_unit_test(test_presumed_death_is_an_innocent_cause),
        cmocka_unit_test(test_informant_of_the_death_is_alive),
        cmocka_unit_test(test_issued_after_death),
        cmocka_unit_test(test_through_the_passport_register),
        cmocka_unit_test(test_death_that_comes_later),
        cmocka_unit_test(test_later_version_and_void_withdraw),
        cmocka_unit_test(test_old_version_that_comes_late_changes_nothing),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_replay_gives_the_same),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
