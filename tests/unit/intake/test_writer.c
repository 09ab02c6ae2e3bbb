/* SPDX-License-Identifier: Apache-2.0 */
/* test_writer.c - the clock ticks of the journal's writer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "intake/intake.h"

#define PATIENCE_MS 20000

struct world {
    char folder[64];
    struct kw_bus *bus;
    struct kw_socket *intake[2], *other[2], *bell[2]; /* [1]: the writer's end */
    struct kw_socket *others[1], *wake[1];
    struct kw_journal *journal;
    struct kw_journal_reader *reader;
    struct kw_actor *writer;
    struct kw_writer_setup setup;
};

static const uint8_t vault[KW_KEY_SIZE] = {7};

static int open_world(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    strcpy(world->folder, "/tmp/kinward-writer-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    assert_int_equal(kw_crypto_init(), 0);
    assert_int_equal(kw_bus_new(&world->bus, NULL), 0);
    assert_int_equal(kw_link_new(world->bus, &world->intake[0], &world->intake[1], NULL), 0);
    assert_int_equal(kw_link_new(world->bus, &world->other[0], &world->other[1], NULL), 0);
    assert_int_equal(kw_link_new(world->bus, &world->bell[0], &world->bell[1], NULL), 0);
    assert_int_equal(kw_journal_open(world->folder, vault, &world->journal, NULL), 0);
    assert_int_equal(kw_journal_reader_open(world->folder, vault, &world->reader, NULL), 0);
    world->others[0] = world->other[1];
    world->wake[0] = world->bell[1];
    world->setup = (struct kw_writer_setup){.journal = world->journal,
                                            .hub = "hub.test",
                                            .epoch = 1,
                                            .intake = world->intake[1],
                                            .others = world->others,
                                            .others_count = 1,
                                            .wake = world->wake,
                                            .wake_count = 1};
    *state = world;
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    char command[128];
    if (world->writer)
        assert_int_equal(kw_actor_stop(world->writer), 0);
    for (size_t i = 0; i < 2; i++) {
        kw_socket_close(world->intake[i]);
        kw_socket_close(world->other[i]);
        kw_socket_close(world->bell[i]);
    }
    kw_bus_free(world->bus);
    kw_journal_reader_close(world->reader);
    kw_journal_close(world->journal);
    snprintf(command, sizeof command, "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
    free(world);
    return 0;
}

static void start(struct world *world, int64_t tick_ms)
{
    world->setup.tick_ms = tick_ms;
    assert_int_equal(kw_actor_start(world->bus, "writer", kw_writer_body, &world->setup, &world->writer, NULL), 0);
}

/* Waits for the doorbell until the journal has that position. */
static void await(struct world *world, uint64_t wanted)
{
    int64_t end = kw_clock_monotonic_ms() + PATIENCE_MS;
    uint64_t last = 0;
    while (last < wanted) {
        struct kw_message message = {0};
        assert_true(kw_clock_monotonic_ms() < end);
        (void)!kw_poll(&(struct kw_poll){.socket = world->bell[0]}, 1, 100);
        if (kw_receive(world->bell[0], &message) < 0)
            continue;
        assert_string_equal(message.verb, "WAKE");
        kw_message_clear(&message);
        assert_int_equal(kw_journal_last(world->reader, &last, NULL), 0);
    }
}

static void check_tick(struct world *world, uint64_t position)
{
    struct kw_entry entry;
    char at[KW_TIME_SIZE], wanted[64];
    assert_int_equal(kw_journal_read(world->reader, position, &entry, NULL), 0);
    assert_int_equal(entry.kind, KW_ENTRY_TICK);
    assert_int_equal(entry.principal, 0);
    assert_int_equal(entry.image.size, 0);
    kw_time_format(entry.received_ms, at);
    snprintf(wanted, sizeof wanted, "{\"at\":\"%s\"}", at);
    assert_true(kw_view_is(entry.record, wanted));
}

static int put_act(struct kw_journal *journal, void *context, struct kw_fault *fault)
{
    const struct kw_entry_new entry = {.kind = KW_ENTRY_ACT, .received_ms = 1, .record = kw_view_text("{}")};
    enum kw_code outcome;
    return kw_journal_append(journal, &entry, &outcome, context, fault);
}

static uint64_t act(struct world *world)
{
    uint64_t position = 0;
    struct kw_apply change = {.apply = put_act, .context = &position};
    assert_int_equal(kw_apply_wait(world->other[0], &change, PATIENCE_MS), 0);
    return position;
}

static void ticks_come_at_start_and_then_each_period(void **state)
{
    struct world *world = *state;
    int64_t before = kw_clock_wall_ms();
    struct kw_entry entry;
    start(world, 30);
    await(world, 3);
    for (uint64_t position = 1; position <= 3; position++)
        check_tick(world, position);
    assert_int_equal(kw_journal_read(world->reader, 1, &entry, NULL), 0);
    assert_in_range(entry.received_ms, before, kw_clock_wall_ms());
}

static void the_first_tick_does_not_wait_for_a_period(void **state)
{
    struct world *world = *state;
    start(world, INT64_C(3600) * 1000);
    await(world, 1);
    check_tick(world, 1);
    assert_int_equal(act(world), 2); /* and nothing holds up what comes behind */
    assert_int_equal(act(world), 3);
}

static void no_period_no_ticks(void **state)
{
    struct world *world = *state;
    start(world, 0);
    assert_int_equal(act(world), 1);
    assert_int_equal(act(world), 2);
}

/* Somebody else holds the database's write lock: a tick that cannot be written waits for the next period. */
static void a_tick_that_fails_ends_nothing(void **state)
{
    struct world *world = *state;
    struct kw_journal *holder;
    assert_int_equal(kw_journal_open(world->folder, vault, &holder, NULL), 0);
    assert_int_equal(kw_journal_begin(holder, NULL), 0);
    start(world, 30);
    struct kw_apply change = {.apply = put_act, .context = &(uint64_t){0}};
    assert_int_equal(kw_apply_wait(world->other[0], &change, PATIENCE_MS), -EBUSY); /* behind the tick, which failed too */
    kw_journal_rollback(holder);
    await(world, 2);
    check_tick(world, 1);
    check_tick(world, 2);
    kw_journal_close(holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ticks_come_at_start_and_then_each_period, open_world, close_world),
        cmocka_unit_test_setup_teardown(the_first_tick_does_not_wait_for_a_period, open_world, close_world),
        cmocka_unit_test_setup_teardown(no_period_no_ticks, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_tick_that_fails_ends_nothing, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
