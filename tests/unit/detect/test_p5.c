/* SPDX-License-Identifier: Apache-2.0 */
/* test_p5.c - P5, a minor leaves without valid consent of those who hold parental authority. */
#include "world.h"

#include <string.h>

#define BRN        NUMBER("birth_registration", "2019B4")
#define AMINA      NAME("Amina", "Testperson")
#define MOTHER     NAME("Rosa", "Testperson") NUMBER("national_id", "1990") BORN("1990")
#define FATHER     NAME("Omar", "Testperson") NUMBER("national_id", "1988") BORN("1988-08-08")
#define BIRTH      PARTY("child", ROLE("child") AMINA BRN BORN("2019-05-07")) PARTY("mother", ROLE("mother") MOTHER)
#define BIRTH2     BIRTH PARTY("father", ROLE("father") FATHER)
#define CHILD      PARTY("child", ROLE("child") AMINA BRN BORN("2019-05-07"))
#define STRANGER   PARTY("escort", ROLE("escort") NAME("Mark", "Testunknown") NUMBER("passport", "ZZ55") BORN("1981-04-30"))
#define NO_CONSENT "<consentPresented>no</consentPresented>"
#define CITED      "<consentPresented>yes</consentPresented><consent><number>TC-9</number></consent>"

static uint64_t leaves(struct world *world, const char *direction, const char *parties, const char *more)
{
    char inner[3000];

    snprintf(
        inner, sizeof(inner),
        "%s<check><direction>%s</direction><outcome>attempted</outcome><destination><country>TZ</country></destination>%s</check>",
        parties, direction, more);
    return world_put(world, (struct spec){.event = "document_check", .inner = inner, .kind = 2});
}

static void births(struct world *world, const char *inner)
{
    world_start(world, NULL);
    world_put(world, (struct spec){.event = "live_birth", .id = "birth", .date = "2019-05-07", .inner = inner});
}

#define GIVER(who) PARTY("giver", ROLE("consent_giver") who)
#define TERMS(from, to, rest)                                                                                                      \
    "<travelConsent><number>TC-9</number><validFrom><value>" from "</value></validFrom><validTo><value>" to                        \
    "</value></validTo>" rest "</travelConsent>"

static uint64_t consent(struct world *world, const char *inner)
{
    return world_put(world, (struct spec){.event = "travel_consent_granted", .id = "tc", .date = "2026-07-01", .inner = inner});
}

/* The hit of a check with the consent that is given, or none. */
static void consented(const char *parties, const char *terms, const char *check_parties, const char *reason, uint32_t tier)
{
    struct world world;
    const struct kw_hit *hit;
    char inner[3000];
    uint64_t at;

    births(&world, BIRTH2);
    snprintf(inner, sizeof(inner), "%s%s", parties, terms);
    consent(&world, inner);
    at = leaves(&world, "out", check_parties, CITED);
    hit = world_hit(&world, "P5", at);
    if (reason == NULL) {
        assert_null(hit);
    } else {
        assert_non_null(hit);
        assert_string_equal(hit->reason, reason);
        assert_int_equal(hit->tier, tier);
    }
    world_stop(&world);
}

static void test_no_consent(void **state)
{
    struct world world;
    const struct kw_hit *hit;
    uint64_t at;

    births(&world, BIRTH2);
    at = leaves(&world, "out", CHILD STRANGER, NO_CONSENT);
    hit = world_hit(&world, "P5", at);
    assert_non_null(hit);
    assert_string_equal(hit->reason, "no-consent");
    assert_int_equal(hit->tier, KINWARD_TIER_A);
    assert_int_equal(hit->severity, KINWARD_MODERATE);
    assert_int_equal(world_cause(hit, "unregistered-father"), KINWARD_EXCLUDED);
    assert_int_equal(world_cause(hit, "is-adult"), KINWARD_EXCLUDED);
    assert_true(world_fact(hit, "escort-not-holder")->inferred);
    assert_int_equal(world.detection.answer, KW_ANSWER_REFER);
    assert_null(world_hit(&world, "P5", leaves(&world, "in", CHILD STRANGER, NO_CONSENT)));
    assert_null(
        world_hit(&world, "P5", leaves(&world, "out", CHILD STRANGER, "<consentPresented>not_required</consentPresented>")));
    assert_null(world_hit(&world, "P5", leaves(&world, "out", CHILD STRANGER, "<consentPresented>yes</consentPresented>")));
    assert_int_equal(world_hit(&world, "P5", leaves(&world, "out", CHILD STRANGER, ""))->tier, KINWARD_TIER_B);
    world_stop(&world);
}

static void test_with_a_parent(void **state)
{
    struct world world;

    births(&world, BIRTH2);
    assert_null(world_hit(&world, "P5", leaves(&world, "out", CHILD PARTY("e", ROLE("escort") FATHER), NO_CONSENT)));
    world_stop(&world);
}

/* Nothing is known of who holds authority: no hit from missing coverage. */
static void test_parentage_not_known(void **state)
{
    struct world world;

    world_start(&world, NULL);
    assert_null(world_hit(&world, "P5", leaves(&world, "out", CHILD STRANGER, NO_CONSENT)));
    world_stop(&world);
    births(&world, PARTY("child", ROLE("child") AMINA BRN BORN("2019-05-07"))
                       PARTY("f", ROLE("father") "<detailsNotAvailable><reason>not_recorded</reason></detailsNotAvailable>"));
    assert_null(world_hit(&world, "P5", leaves(&world, "out", CHILD STRANGER, NO_CONSENT)));
    world_stop(&world);
}

/* An escort who cannot be told from the mother is no contradiction. */
static void test_escort_cannot_be_told(void **state)
{
    struct world world;

    births(&world, BIRTH2);
    assert_null(
        world_hit(&world, "P5", leaves(&world, "out", CHILD PARTY("e", ROLE("escort") NAME("R", "Testperson")), NO_CONSENT)));
    assert_int_equal(
        world_hit(&world, "P5", leaves(&world, "out", CHILD PARTY("e", ROLE("escort") NAME("Lena", "Testaunt")), NO_CONSENT))->tier,
        KINWARD_TIER_B); /* by name alone */
    world_stop(&world);
}

static void test_unregistered_father(void **state)
{
    struct world world;
    const struct kw_hit *hit;
    uint64_t at;

    births(&world, BIRTH);
    at = leaves(&world, "out", CHILD PARTY("e", ROLE("escort") NAME("Mark", "Testunknown") BORN("1981-04-30") IS("father")),
                NO_CONSENT);
    hit = world_hit(&world, "P5", at);
    assert_int_equal(hit->tier, KINWARD_TIER_B);
    assert_int_equal(world_cause(hit, "unregistered-father"), KINWARD_PRESENT);
    world_put(&world, (struct spec){.event = "recognition",
                                    .date = "2026-07-01",
                                    .inner = CHILD PARTY("f", ROLE("father") NAME("Mark", "Testunknown") BORN("1981-04-30"))});
    assert_true(world_evaluated(&world, "P5", at));
    assert_null(world_hit(&world, "P5", at));
    world_stop(&world);
}

static void test_declared_birth_proves_nothing_in_tier_a(void **state)
{
    struct world world;

    world_start(&world, NULL);
    world_put(&world, (struct spec){.event = "live_birth", .status = "declared", .date = "2019-05-07", .inner = BIRTH2});
    assert_int_equal(world_hit(&world, "P5", leaves(&world, "out", CHILD STRANGER, NO_CONSENT))->tier, KINWARD_TIER_B);
    world_stop(&world);
}

static void test_age(void **state)
{
    struct world world;
    char inner[2000];

    for (int i = 0; i < 4; i++) { /* 18 on the day of the check; 18 the day after; some day of 2008; not known */
        static const char *const born[] = {BORN("2008-07-12"), BORN("2008-07-13"), BORN("2008"), ""};
        static const uint32_t tiers[] = {0, KINWARD_TIER_A, KINWARD_TIER_B, KINWARD_TIER_B};
        const struct kw_hit *hit;
        char check[1500];

        snprintf(inner, sizeof(inner),
                 "<party id=\"child\">" ROLE("child") AMINA BRN "%s</party>" PARTY("m", ROLE("mother") MOTHER), born[i]);
        births(&world, inner);
        snprintf(check, sizeof(check), "<party id=\"child\">" ROLE("child") AMINA BRN "%s</party>" STRANGER, born[i]);
        hit = world_hit(&world, "P5", leaves(&world, "out", check, NO_CONSENT));
        assert_int_equal(hit == NULL ? 0 : hit->tier, tiers[i]);
        world_stop(&world);
    }
}

static void test_consent_that_is_good(void **state)
{
    consented(CHILD GIVER(MOTHER), TERMS("2026-07-01", "2026-08-01", ""), CHILD STRANGER, NULL, 0);
    consented(CHILD GIVER(MOTHER), TERMS("2026-07-01", "2026-07-12", "<destination>TZ</destination>"), CHILD STRANGER, NULL, 0);
    consented(CHILD GIVER(MOTHER) PARTY("e", ROLE("escort") NUMBER("passport", "ZZ55")), TERMS("2026-07-12", "2026-08-01", ""),
              CHILD STRANGER, NULL, 0);
    consented(CHILD GIVER(MOTHER) PARTY("e", ROLE("escort") NAME("Lena", "Testaunt")),
              TERMS("2026-07-01", "2026-08-01", "<anyCompanion>true</anyCompanion>"), CHILD STRANGER, NULL, 0);
}

static void test_consent_flaws(void **state)
{
    consented(CHILD GIVER(MOTHER), TERMS("2026-07-01", "2026-07-11", ""), CHILD STRANGER, "consent-expired", KINWARD_TIER_A);
    consented(CHILD GIVER(MOTHER), TERMS("2026-07-13", "2026-08-11", ""), CHILD STRANGER, "consent-not-yet-valid", KINWARD_TIER_A);
    consented(CHILD GIVER(MOTHER), TERMS("2026-07-01", "2026-08-01", "<destination>UG</destination>"), CHILD STRANGER,
              "consent-for-other-destination", KINWARD_TIER_A);
    consented(CHILD GIVER(MOTHER) PARTY("e", ROLE("escort") NAME("Lena", "Testaunt") BORN("1987-01-01")),
              TERMS("2026-07-01", "2026-08-01", ""), CHILD STRANGER, "consent-for-other-escort", KINWARD_TIER_A);
    consented(PARTY("child", ROLE("child") NAME("Other", "Child") NUMBER("birth_registration", "X1")) GIVER(MOTHER),
              TERMS("2026-07-01", "2026-08-01", ""), CHILD STRANGER, "consent-for-other-child", KINWARD_TIER_A);
    consented(CHILD GIVER(NAME("Eva", "Nobody") NUMBER("national_id", "4711")), TERMS("2026-07-01", "2026-08-01", ""),
              CHILD STRANGER, "signer-not-parent", KINWARD_TIER_A);
    consented(CHILD GIVER(NAME("Eva", "Nobody")), TERMS("2026-07-01", "2026-08-01", ""), CHILD STRANGER, "signer-not-parent",
              KINWARD_TIER_B);
    consented(CHILD GIVER(NAME("Rosa", "Other")), TERMS("2026-07-01", "2026-08-01", ""), CHILD STRANGER, NULL, 0);
}

static uint64_t with_good_consent(struct world *world, const char *escort)
{
    char parties[2000];

    births(world, BIRTH2);
    consent(world, CHILD GIVER(MOTHER) TERMS("2026-07-01", "2026-08-01", ""));
    snprintf(parties, sizeof(parties), "%s%s", CHILD, escort);
    return leaves(world, "out", parties, CITED);
}

static void revoke(struct world *world, const char *day)
{
    char inner[2000];

    snprintf(inner, sizeof(inner),
             CHILD GIVER(MOTHER) "<travelConsent><number>TC-9</number><revokedOn><value>%s</value></revokedOn></travelConsent>",
             day);
    world_put(world, (struct spec){.event = "travel_consent_revoked", .date = "2026-07-11", .inner = inner});
}

static void test_revocation_that_comes_later(void **state)
{
    static const struct {
        const char *day;
        uint32_t tier;
    } days[] = {{"2026-07-11", KINWARD_TIER_A}, {"2026-07-12", KINWARD_TIER_B}, {"2026-07-13", 0}};
    struct world world;

    for (size_t i = 0; i < KW_COUNT(days); i++) {
        uint64_t at = with_good_consent(&world, STRANGER);
        const struct kw_hit *hit;

        assert_null(world_hit(&world, "P5", at));
        world_restart(&world, at);
        revoke(&world, days[i].day);
        assert_true(world_evaluated(&world, "P5", at));
        hit = world_hit(&world, "P5", at);
        assert_int_equal(hit == NULL ? 0 : hit->tier, days[i].tier);
        if (hit != NULL)
            assert_string_equal(hit->reason, "consent-revoked");
        world_stop(&world);
    }
}

/* The same consent, withdrawn in the second version of its own record. */
static void test_revocation_as_a_version(void **state)
{
    struct world world;
    uint64_t at = with_good_consent(&world, STRANGER);

    world_put(&world, (struct spec){.event = "travel_consent_revoked",
                                    .id = "tc",
                                    .version = "2",
                                    .date = "2026-07-10",
                                    .inner = CHILD GIVER(MOTHER) "<travelConsent><number>TC-9</number></travelConsent>"});
    assert_non_null(world_hit(&world, "P5", at));
    assert_string_equal(world_hit(&world, "P5", at)->reason, "consent-revoked");
    assert_int_equal(world_hit(&world, "P5", at)->tier, KINWARD_TIER_A);
    world_stop(&world);
}

static void test_revocation_with_a_parent_along(void **state)
{
    struct world world;
    uint64_t at = with_good_consent(&world, PARTY("e", ROLE("escort") FATHER));

    revoke(&world, "2026-07-10");
    assert_non_null(world_hit(&world, "P5", at));
    world_stop(&world);
}

static void test_dead_signer(void **state)
{
    struct world world;
    const struct kw_hit *hit;
    uint64_t at = with_good_consent(&world, STRANGER);

    assert_null(world_hit(&world, "P5", at));
    world_put(&world,
              (struct spec){.event = "death", .id = "d", .date = "2026-06-30", .inner = PARTY("d", ROLE("deceased") MOTHER)});
    hit = world_hit(&world, "P5", at);
    assert_non_null(hit);
    assert_string_equal(hit->reason, "signer-dead");
    assert_int_equal(hit->severity, KINWARD_SEVERE);
    assert_int_equal(hit->tier, KINWARD_TIER_A);
    assert_string_equal(world_fact(hit, "death-recorded")->role, "signer");
    world_put(&world,
              (struct spec){
                  .event = "death", .id = "d", .version = "2", .date = "2026-07-01", .inner = PARTY("d", ROLE("deceased") MOTHER)});
    hit = world_hit(&world, "P5", at); /* she may have signed on the day she died, but was dead at the check */
    assert_non_null(hit);
    assert_string_equal(hit->reason, "signer-authority-ended");
    assert_int_equal(hit->tier, KINWARD_TIER_B);
    world_put(&world, (struct spec){.event = "registration_voided",
                                    .inner = "<voiding><reason>error</reason></voiding><voids><id>d</id></voids>"});
    assert_true(world_evaluated(&world, "P5", at));
    assert_null(world_hit(&world, "P5", at));
    world_stop(&world);
}

static void test_adoption_ends_the_authority_of_parents_by_birth(void **state)
{
    struct world world;
    uint64_t at = with_good_consent(&world, STRANGER);

    world_put(
        &world,
        (struct spec){.event = "adoption",
                      .date = "2026-06-01",
                      .inner = CHILD PARTY(
                          "a", ROLE("adoptive_mother") NAME("Eva", "Testadopter") NUMBER(
                                   "national_id",
                                   "85")) "<adoption><kind>full</kind><parentalLinksEnded>true</parentalLinksEnded></adoption>"});
    assert_non_null(world_hit(&world, "P5", at));
    assert_string_equal(world_hit(&world, "P5", at)->reason, "signer-authority-ended");
    assert_null(world_hit(
        &world, "P5",
        leaves(&world, "out", CHILD PARTY("e", ROLE("escort") NAME("Eva", "T") NUMBER("national_id", "85")), NO_CONSENT)));
    world_stop(&world);
}

#define GUARDIAN NAME("Lena", "Testaunt") NUMBER("national_id", "1987")

static void test_guardian(void **state)
{
    struct world world;
    uint64_t at;

    births(&world, BIRTH2);
    at = leaves(&world, "out", CHILD PARTY("e", ROLE("escort") GUARDIAN BORN("1987-07-07")), NO_CONSENT);
    assert_non_null(world_hit(&world, "P5", at));
    world_put(&world,
              (struct spec){.event = "guardianship_granted",
                            .date = "2025-11-03",
                            .inner = CHILD PARTY(
                                "g", ROLE("guardian")
                                         GUARDIAN) "<guardianship><kind>guardianship</kind><scope>person</scope></guardianship>"});
    assert_true(world_evaluated(&world, "P5", at));
    assert_null(world_hit(&world, "P5", at));
    world_put(&world,
              (struct spec){.event = "guardianship_ended",
                            .date = "2026-05-04",
                            .inner = CHILD PARTY("g", ROLE("former_guardian")
                                                          GUARDIAN) "<guardianship><kind>guardianship</kind></guardianship>"});
    assert_non_null(world_hit(&world, "P5", at));
    world_stop(&world);
}

static void test_guardian_of_property_only(void **state)
{
    struct world world;

    births(&world, BIRTH2);
    world_put(&world, (struct spec){
                          .event = "guardianship_granted",
                          .date = "2025-11-03",
                          .inner = CHILD PARTY(
                              "g", ROLE("guardian")
                                       GUARDIAN) "<guardianship><kind>guardianship</kind><scope>property</scope></guardianship>"});
    assert_non_null(
        world_hit(&world, "P5", leaves(&world, "out", CHILD PARTY("e", ROLE("escort") GUARDIAN BORN("1987-07-07")), NO_CONSENT)));
    world_stop(&world);
}

/* Birth, then the check: and the birth that comes after the check. */
static void test_birth_that_comes_later(void **state)
{
    struct world world;
    uint64_t at;

    world_start(&world, NULL);
    at = leaves(&world, "out", CHILD STRANGER, NO_CONSENT);
    assert_null(world_hit(&world, "P5", at));
    world_put(&world, (struct spec){.event = "live_birth", .date = "2019-05-07", .inner = BIRTH2});
    assert_non_null(world_hit(&world, "P5", at));
    world_stop(&world);
}

/* The check has only a passport; the passport register knows the birth registration number. */
static void test_through_the_passport_register(void **state)
{
    struct world world;
    uint64_t at;

    births(&world, BIRTH2);
    world_put(&world, (struct spec){.event = "document_issued",
                                    .date = "2026-03-02",
                                    .inner = PARTY("h", ROLE("document_holder") BRN) PASSPORT("ZZ42")});
    at = leaves(&world, "out", PARTY("c", ROLE("child") PASSPORT("ZZ42")) STRANGER, NO_CONSENT);
    assert_int_equal(world_hit(&world, "P5", at)->tier, KINWARD_TIER_A);
    world_stop(&world);
}

static void test_allocation_failures(void **state)
{
    struct world world;
    uint64_t at = with_good_consent(&world, STRANGER);

    revoke(&world, "2026-07-11");
    world_restart(&world, at);
    for (long countdown = 0;; countdown++) {
        struct kw_detect_entry entry = {
            .position = at + 1, .kind = 1, .received_ms = world.now_ms, .image = kw_view_of(&world.entries[at].image)};
        int r;

        kw_alloc_fail_after(countdown, false);
        r = kw_detect_inspect(world.detector, &entry, &world.detection, NULL);
        kw_alloc_fail_after(-1, false);
        if (r == 0) {
            assert_non_null(world_hit(&world, "P5", at));
            assert_true(countdown > 10);
            break;
        }
        assert_int_equal(r, -12);
    }
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_consent),
        cmocka_unit_test(test_with_a_parent),
        cmocka_unit_test(test_parentage_not_known),
        cmocka_unit_test(test_escort_cannot_be_told),
        cmocka_unit_test(test_unregistered_father),
        cmocka_unit_test(test_declared_birth_proves_nothing_in_tier_a),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_consent_that_is_good),
        cmocka_unit_test(test_consent_flaws),
        cmocka_unit_test(test_revocation_that_comes_later),
        cmocka_unit_test(test_revocation_as_a_version),
        cmocka_unit_test(test_revocation_with_a_parent_along),
        cmocka_unit_test(test_dead_signer),
        cmocka_unit_test(test_adoption_ends_the_authority_of_parents_by_birth),
        cmocka_unit_test(test_guardian),
        cmocka_unit_test(test_guardian_of_property_only),
        cmocka_unit_test(test_birth_that_comes_later),
        cmocka_unit_test(test_through_the_passport_register),
        cmocka_unit_test(test_allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
