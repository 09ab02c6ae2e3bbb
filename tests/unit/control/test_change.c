/* SPDX-License-Identifier: Apache-2.0 */
/* test_change.c - changes that an operator's request asks the writer for: withdrawn, begun, done. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/control.h"

struct world {
    char folder[64];
    struct kw_bus *bus;
    struct kw_socket *asker, *writer;
    struct kw_journal *journal;
    unsigned answers; /* of the writer's thread */
};

static const uint8_t vault[KW_KEY_SIZE] = {9};

static int open_world(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    strcpy(world->folder, "/tmp/kinward-change-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    assert_int_equal(kw_crypto_init(), 0);
    assert_int_equal(kw_bus_new(&world->bus, NULL), 0);
    assert_int_equal(kw_link_new(world->bus, &world->asker, &world->writer, NULL), 0);
    assert_int_equal(kw_journal_open(world->folder, vault, &world->journal, NULL), 0);
    *state = world;
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    char command[128];
    kw_socket_close(world->asker);
    kw_socket_close(world->writer);
    kw_bus_free(world->bus);
    kw_journal_close(world->journal);
    snprintf(command, sizeof command, "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
    free(world);
    return 0;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int slowly(struct kw_journal *journal, void *context, struct kw_fault *fault)
{
    pause_ms(300);
    ++*(int *)context;
    return 0;
}

static int never(struct kw_journal *journal, void *context, struct kw_fault *fault)
{
    return kw_fail(fault, -EINVAL, KW_E_STATE, "here", "not possible");
}

/* The writer's part, until a change was run or withdrawn. */
static void *write_one(void *argument)
{
    struct world *world = argument;
    struct kw_message message = {0};
    while (kw_receive(world->writer, &message) == -EAGAIN)
        (void)!kw_poll(&(struct kw_poll){.socket = world->writer}, 1, 100);
    world->answers += kw_apply_run(world->journal, world->writer, kw_apply_receive(&message, "APPLY")) == 0;
    kw_message_clear(&message);
    return NULL;
}

static void a_change_is_withdrawn_before_it_is_begun(void **state)
{
    struct world *world = *state;
    int count = 0;
    {
        struct kw_apply change = {.apply = slowly, .context = &count};
        assert_int_equal(kw_apply_wait(world->asker, &change, 50), -ETIMEDOUT);
        memset(&change, 0xff, sizeof change); /* its place is used for other things now */
    }
    write_one(world);
    assert_int_equal(world->answers, 1);
    assert_int_equal(count, 0);
    struct kw_message message = {0};
    assert_int_equal(kw_receive(world->asker, &message), -EAGAIN); /* nor is it answered */
}

static void a_change_that_is_begun_is_waited_for(void **state)
{
    struct world *world = *state;
    pthread_t writer;
    int count = 0;
    struct kw_apply change = {.apply = slowly, .context = &count};
    assert_int_equal(pthread_create(&writer, NULL, write_one, world), 0);
    assert_int_equal(kw_apply_wait(world->asker, &change, 150), 0);
    assert_int_equal(count, 1);
    pthread_join(writer, NULL);
}

static void a_refusal_comes_back_with_its_reason(void **state)
{
    struct world *world = *state;
    pthread_t writer;
    struct kw_apply change = {.apply = never};
    assert_int_equal(pthread_create(&writer, NULL, write_one, world), 0);
    assert_int_equal(kw_apply_wait(world->asker, &change, 5000), -EINVAL);
    assert_int_equal(change.fault.code, KW_E_STATE);
    pthread_join(writer, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_is_withdrawn_before_it_is_begun, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_change_that_is_begun_is_waited_for, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_refusal_comes_back_with_its_reason, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
