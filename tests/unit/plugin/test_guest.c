/* SPDX-License-Identifier: Apache-2.0 */
/* test_guest.c - how long a thread has been in the plugin's code: the host's own time is not counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/base.h"
#include "plugin/guest.h"

static struct kw_guests guests = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void await_away(void)
{
    const int64_t end = kw_clock_monotonic_ms() + 10000;
    while (kw_guests_away_ms(&guests) == 0)
        assert_true(kw_clock_monotonic_ms() < end);
}

static void taken_and_given(void **state)
{
    struct kw_guest guest = {0};
    kw_guest_enter(&guests, &guest);
    assert_false(kw_guest_take()); /* the host has it still */
    kw_guest_give(false);
    assert_int_equal(kw_guests_away_ms(&guests), 0);
    kw_guest_give(true);
    await_away();
    assert_true(kw_guest_take());
    assert_false(kw_guest_take()); /* a host service that calls another */
    kw_guest_give(false);
    assert_int_equal(guest.since_ms, 0);
    kw_guest_give(true);
    await_away();
    kw_guest_leave(&guests, &guest);
    assert_int_equal(kw_guests_away_ms(&guests), 0);
    assert_null(guests.first);
    (void)state;
}

static void *call_host(void *argument)
{
    struct kw_guest guest = {0};
    const bool stranger = kw_guest_take(); /* a thread of the plugin's own changes nothing */
    kw_guest_give(true);
    kw_guest_enter(&guests, &guest);
    kw_guest_give(true);
    (void)kw_guest_take();
    kw_guest_leave(&guests, &guest);
    *(bool *)argument = stranger;
    return NULL;
}

/* What one thread does is no sign of life of another. */
static void side_by_side(void **state)
{
    struct kw_guest guest = {0};
    pthread_t other;
    bool stranger = true;
    kw_guest_enter(&guests, &guest);
    kw_guest_give(true);
    const int64_t since = guest.since_ms;
    assert_int_equal(pthread_create(&other, NULL, call_host, &stranger), 0);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_false(stranger);
    assert_int_equal(guest.since_ms, since);
    assert_ptr_equal(guests.first, &guest);
    await_away();
    kw_guest_leave(&guests, &guest);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(taken_and_given), cmocka_unit_test(side_by_side)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
