/* SPDX-License-Identifier: Apache-2.0 */
/* test_lifecycle.c - faults of updates and cancels that were seen in alert systems, each with what is made of it here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "alert/alert.h"

#include <errno.h>
#include <string.h>

#define DAY INT64_C(86400000)

static struct kw_alert_message message(uint8_t alert, uint32_t revision, enum kw_alert_type type, uint32_t refers)
{
    struct kw_alert_message made = {.revision = revision,
                                    .type = type,
                                    .status = KW_STATUS_ACTUAL,
                                    .sent_ms = revision * 1000,
                                    .expires_ms = revision * 1000 + DAY,
                                    .refers_revision = refers};

    memset(made.alert, alert, sizeof(made.alert));
    if (type != KW_ALERT_ALERT)
        memset(made.refers, alert, sizeof(made.refers));
    memset(made.digest, (int)(revision * 16 + type), sizeof(made.digest));
    return made;
}

static void test_chain(void **state)
{
    struct kw_alert_message known[] = {message(1, 1, KW_ALERT_ALERT, 0), message(1, 2, KW_ALERT_UPDATE, 1),
                                       message(1, 4, KW_ALERT_CANCEL, 2)};

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(kw_alert_join(known, i, &known[i]), 0);
    assert_int_equal(kw_alert_state_of(known, 1, &known[0], 5000), KW_ALERT_ACTIVE);
    assert_true(kw_alert_is_active(known, 1, known[0].alert, 5000));
    assert_int_equal(kw_alert_state_of(known, 2, &known[0], 5000), KW_ALERT_SUPERSEDED);
    assert_int_equal(kw_alert_state_of(known, 2, &known[1], 5000), KW_ALERT_ACTIVE);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(kw_alert_state_of(known, 3, &known[i], 5000), KW_ALERT_CANCELLED);
    assert_false(kw_alert_is_active(known, 3, known[0].alert, 5000));
}

/* A cancel that names an alert cancelled already does nothing; one that names another chain is an error. */
static void test_cancel_again_and_across(void **state)
{
    struct kw_alert_message known[] = {message(1, 1, KW_ALERT_ALERT, 0), message(1, 2, KW_ALERT_CANCEL, 1),
                                       message(2, 1, KW_ALERT_ALERT, 0)};
    struct kw_alert_message again = message(1, 3, KW_ALERT_CANCEL, 1), across = message(2, 2, KW_ALERT_CANCEL, 1);
    struct kw_alert_message unknown = message(3, 2, KW_ALERT_CANCEL, 1), update = message(1, 3, KW_ALERT_UPDATE, 1);

    assert_int_equal(kw_alert_join(known, 3, &again), -EALREADY);
    assert_int_equal(kw_alert_join(known, 3, &update), -ESTALE);
    memset(across.refers, 1, sizeof(across.refers));
    assert_int_equal(kw_alert_join(known, 3, &across), -EXDEV);
    assert_int_equal(kw_alert_join(known, 3, &unknown), -EXDEV);
    assert_true(kw_alert_is_active(known, 3, known[2].alert, 5000)); /* the other chain goes on */
}

static void test_same_identifier_reused(void **state)
{
    struct kw_alert_message known = message(1, 1, KW_ALERT_ALERT, 0), other = known;

    assert_int_equal(kw_alert_join(&known, 1, &known), -EALREADY);
    other.digest[5] ^= 1;
    assert_int_equal(kw_alert_join(&known, 1, &other), -EEXIST);
}

static void test_refers_to_itself(void **state)
{
    struct kw_alert_message known = message(1, 1, KW_ALERT_ALERT, 0), self = message(1, 2, KW_ALERT_UPDATE, 2);

    assert_int_equal(kw_alert_join(&known, 1, &self), -ELOOP);
    self.refers_revision = 3;
    assert_int_equal(kw_alert_join(&known, 1, &self), -ELOOP);
    self.refers_revision = 0;
    assert_int_equal(kw_alert_join(&known, 1, &self), -EINVAL);
}

static void test_expires_before_sent(void **state)
{
    struct kw_alert_message made = message(1, 1, KW_ALERT_ALERT, 0);

    made.expires_ms = made.sent_ms;
    assert_int_equal(kw_alert_join(NULL, 0, &made), -EINVAL);
    made.expires_ms = made.sent_ms + 1;
    assert_int_equal(kw_alert_join(NULL, 0, &made), 0);
    assert_int_equal(kw_alert_state_of(&made, 1, &made, made.sent_ms), KW_ALERT_ACTIVE);
    assert_int_equal(kw_alert_state_of(&made, 1, &made, made.expires_ms), KW_ALERT_EXPIRED);
    assert_false(kw_alert_is_active(&made, 1, made.alert, made.expires_ms));
}

/* The states are distinct: cancelled is not shown as expired, nor the other way round. */
static void test_cancelled_is_not_expired(void **state)
{
    struct kw_alert_message known[] = {message(1, 1, KW_ALERT_ALERT, 0), message(1, 2, KW_ALERT_CANCEL, 1)};

    assert_int_equal(kw_alert_state_of(known, 2, &known[0], 9 * DAY), KW_ALERT_CANCELLED);
    assert_int_equal(kw_alert_state_of(known, 1, &known[0], 9 * DAY), KW_ALERT_EXPIRED);
}

/* The order of arrival does not matter, nor what stands beside it. */
static void test_any_order(void **state)
{
    struct kw_alert_message known[] = {message(2, 1, KW_ALERT_ALERT, 0), message(1, 3, KW_ALERT_UPDATE, 2),
                                       message(1, 1, KW_ALERT_ALERT, 0), message(1, 2, KW_ALERT_UPDATE, 1)};

    assert_int_equal(kw_alert_state_of(known, 4, &known[1], 5000), KW_ALERT_ACTIVE);
    assert_int_equal(kw_alert_state_of(known, 4, &known[2], 5000), KW_ALERT_SUPERSEDED);
    assert_int_equal(kw_alert_state_of(known, 4, &known[3], 5000), KW_ALERT_SUPERSEDED);
    assert_int_equal(kw_alert_state_of(known, 4, &known[0], 5000), KW_ALERT_ACTIVE);
}

/* An alert that is missing from a list says nothing about itself: an empty list cancels nothing. */
static void test_absence_says_nothing(void **state)
{
    struct kw_alert_message known = message(1, 1, KW_ALERT_ALERT, 0);

    assert_int_equal(kw_alert_state_of(NULL, 0, &known, 5000), KW_ALERT_ACTIVE);
}

static void test_not_released(void **state)
{
    struct kw_alert_message known[] = {message(1, 1, KW_ALERT_ALERT, 0), message(1, 2, KW_ALERT_UPDATE, 1)};

    known[1].review = true;
    assert_int_equal(kw_alert_state_of(known, 2, &known[1], 5000), KW_ALERT_REVIEW);
    assert_int_equal(kw_alert_state_of(known, 2, &known[0], 5000), KW_ALERT_ACTIVE);
    known[1].draft = true;
    assert_int_equal(kw_alert_state_of(known, 2, &known[1], 5000), KW_ALERT_DRAFT);
    known[1] = message(1, 2, KW_ALERT_CANCEL, 1);
    known[1].review = true;
    assert_true(kw_alert_is_active(known, 2, known[0].alert, 5000)); /* a cancel that waits cancels nothing */
}

static void test_names(void **state)
{
    enum kw_alert_type type;
    enum kw_alert_status status;

    for (int i = KW_ALERT_ALERT; i <= KW_ALERT_CANCEL; i++) {
        assert_true(kw_alert_type_parse(kw_view_text(kw_alert_type_name((enum kw_alert_type)i)), &type));
        assert_int_equal(type, i);
    }
    for (int i = KW_STATUS_ACTUAL; i <= KW_STATUS_TEST; i++) {
        assert_true(kw_alert_status_parse(kw_view_text(kw_alert_status_name((enum kw_alert_status)i)), &status));
        assert_int_equal(status, i);
    }
    assert_false(kw_alert_type_parse(kw_view_text(""), &type));
    assert_false(kw_alert_status_parse(kw_view_text("actual"), &status));
    assert_string_equal(kw_alert_state_name(KW_ALERT_EXPIRED), "expired");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_cancel_again_and_across),
        cmocka_unit_test(test_same_identifier_reused),
        cmocka_unit_test(test_refers_to_itself),
        cmocka_unit_test(test_expires_before_sent),
        cmocka_unit_test(test_cancelled_is_not_expired),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_absence_says_nothing),
        cmocka_unit_test(test_not_released),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests_name("lifecycle", tests, NULL, NULL);
}
