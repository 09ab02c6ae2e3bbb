/* SPDX-License-Identifier: Apache-2.0 */
/* test_hangs.c - a connector child that hangs: what counts as a sign of life, and what an unread pipe may cost the agent. */
#include "../store/scratch.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "agent/private.h"

#define HANG_MS  300
#define PATIENCE 30000

/* A process that does nothing stands for the child; this program has the other end of its pipe. */
struct scene {
    struct kw_spool spool;
    struct kw_connector_settings source;
    struct kw_connector connector;
    pid_t pid;
    int peer;
};

static struct kw_fault fault;

static pid_t start_idler(void)
{
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* a test that fails leaves none */
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    return pid;
}

static void open_scene(struct scene *scene)
{
    int ends[2];
    *scene = (struct scene){.source = {.name = "one"}};
    assert_int_equal(kw_spool_open(scratch, "spool", 1 << 30, &scene->spool, &fault), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    scene->pid = start_idler();
    scene->peer = ends[1];
    scene->connector = (struct kw_connector){.source = &scene->source,
                                             .child = {.pid = scene->pid, .fd = ends[0], .started_ms = kw_clock_monotonic_ms()},
                                             .hang_ms = HANG_MS};
    assert_int_equal(kw_pipe_new(ends[0], &scene->connector.pipe), 0);
}

static void close_scene(struct scene *scene)
{
    kw_connector_close(&scene->connector);
    kw_spool_close(&scene->spool);
    close(scene->peer);
}

static void turn(struct scene *scene)
{
    int wait_ms = 0;
    assert_int_equal(kw_connector_receive(&scene->connector, &scene->spool, &fault), 0);
    assert_int_equal(kw_spool_commit(&scene->spool, &fault), 0);
    if (scene->connector.pipe) /* ended: it is not started again here */
        assert_int_equal(kw_connector_drive(&scene->connector, &scene->spool, &wait_ms, &fault), 0);
}

static void say(struct scene *scene, const char *verb, const char *header)
{
    struct kw_message message = {0};
    snprintf(message.verb, sizeof message.verb, "%s", verb);
    assert_int_equal(kw_buf_text(&message.header, header), 0);
    assert_int_equal(kw_pipe_send(scene->peer, &message, PATIENCE), 0);
    kw_message_clear(&message);
}

/* Turns until it asks; what else it says is read and left. */
static void await_ping(struct scene *scene)
{
    const int64_t end = kw_clock_monotonic_ms() + PATIENCE;
    struct kw_message message = {0};
    while (strcmp(message.verb, "PING") != 0) {
        assert_true(kw_clock_monotonic_ms() < end);
        turn(scene);
        const int r = kw_pipe_receive(scene->peer, &message, 10);
        assert_true(r == 0 || r == -ETIMEDOUT);
    }
    kw_message_clear(&message);
}

static void await_end(struct scene *scene)
{
    const int64_t end = kw_clock_monotonic_ms() + PATIENCE;
    while (scene->connector.pipe) {
        assert_true(kw_clock_monotonic_ms() < end);
        turn(scene);
        usleep(1000);
    }
    assert_true(WIFSIGNALED(scene->connector.child.last_status));
    assert_int_equal(WTERMSIG(scene->connector.child.last_status), SIGKILL);
    assert_int_equal(kill(scene->pid, 0), -1);
    assert_true(scene->connector.child.failures == 1 && scene->connector.child.not_before_ms > 0);
}

static void answers_and_works(void **state)
{
    struct scene scene;
    open_scene(&scene);
    say(&scene, "READY", "{\"port\":0}");
    const int64_t begun = kw_clock_monotonic_ms();
    while (kw_clock_monotonic_ms() - begun < 4 * HANG_MS) {
        await_ping(&scene);
        say(&scene, "PONG", "{\"away_ms\":0}");
    }
    turn(&scene);
    assert_non_null(scene.connector.pipe);
    await_ping(&scene);
    say(&scene, "PONG", "{\"away_ms\":301}"); /* the process answers, the plugin does not come back */
    turn(&scene);
    assert_null(scene.connector.pipe);
    await_end(&scene);
    close_scene(&scene);
    (void)state;
}

static void stopped(void **state)
{
    struct scene scene;
    open_scene(&scene);
    say(&scene, "READY", "{\"port\":0}");
    await_ping(&scene);
    assert_int_equal(kill(scene.pid, SIGSTOP), 0);
    await_end(&scene);
    close_scene(&scene);
    (void)state;
}

/* As many documents as go into the pipe; each takes an answer. False: it is full. */
static bool offer(struct scene *scene, unsigned long token)
{
    struct kw_message message = {.verb = "DOCUMENT"};
    assert_int_equal(kw_buf_format(&message.header, "{\"token\":%lu,\"key\":\"\"}", token), 0);
    assert_int_equal(kw_put_item(&message.payload, NULL, 0), 0);
    assert_int_equal(kw_put_item(&message.payload, "here", 4), 0);
    const int r = kw_pipe_send(scene->peer, &message, 0);
    kw_message_clear(&message);
    return r == 0;
}

static void unread(void **state)
{
    struct scene scene;
    unsigned long token = 0;
    open_scene(&scene);
    scene.connector.hang_ms = PATIENCE * 10;
    say(&scene, "READY", "{\"port\":0}");
    while (kw_connector_listens(&scene.connector) && token < 200000) {
        while (token < 200000 && offer(&scene, token + 1))
            token++;
        turn(&scene);
    }
    const size_t queued = kw_pipe_queued(scene.connector.pipe), waiting = scene.connector.answer_count;
    assert_true(token < 200000);
    assert_in_range(queued, 1, 256 << 10);
    for (int i = 0; i < 100; i++) { /* however much it offers, no more is taken */
        while (token < 200000 && offer(&scene, token + 1))
            token++;
        turn(&scene);
    }
    assert_int_equal(scene.connector.answer_count, waiting);
    assert_int_equal(kw_pipe_queued(scene.connector.pipe), queued);
    scene.connector.hang_ms = HANG_MS;
    await_end(&scene);
    close_scene(&scene);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_and_works, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(stopped, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(unread, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
