/* SPDX-License-Identifier: Apache-2.0 */
/* test_client.c - the client against a hub that errs: gaps, repetitions, forks, forgeries, another epoch, silence, refusals; and
 * killed at each step, it loses nothing that was confirmed. */
#include "post.h"

#include <signal.h>

static struct post post;
static struct hub hub;
static struct told told;
static struct kw_fault fault;

static int start(void **state)
{
    if (scratch_make(state) < 0)
        return -1;
    post_start(&post, scratch);
    told = (struct told){0};
    fault = (struct kw_fault){0};
    unsetenv("KINWARD_FEED_SILENCE_MS");
    return 0;
}

static int stop(void **state)
{
    hub_clear(&hub);
    post_stop(&post);
    return scratch_remove(state);
}

static struct kw_feed_client *open_client(void)
{
    struct kw_feed_client *client = NULL;
    if (kw_feed_client_open(&post.agency, post_tell, &told, &client, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    return client;
}

/* Each number once, in order. */
static void check_told(uint64_t first, uint64_t last)
{
    assert_int_equal(told.count, last - first + 1);
    for (uint64_t i = 0; i < told.count; i++)
        assert_int_equal(told.numbers[i], first + i);
}

static void fetches(void **state)
{
    hub_fill(&hub, &post, 1, 20);
    hub.last = 8;
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 8, &fault), 0);
    check_told(1, 8);
    assert_true(hub.confirms < 8); /* what comes together is stored and confirmed together */
    hub.last = 20;
    assert_int_equal(post_run(client, &hub, 20, &fault), 0);
    kw_feed_client_close(client);
    check_told(1, 20);
    assert_int_equal(hub.received, 20);
    assert_int_equal(hub.subscribes, 1);
    assert_int_equal(post_check(&post), 20);
    told.count = 0;
    client = open_client(); /* nothing is told twice */
    assert_int_equal(post_run(client, &hub, 20, &fault), 0);
    kw_feed_client_close(client);
    assert_int_equal(told.count, 0);
}

static void nothing_there(void **state)
{
    hub_fill(&hub, &post, 1, 0);
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 0, &fault), 0);
    kw_feed_client_close(client);
    assert_int_equal(hub.confirms, 0);
}

static void credit(void **state)
{
    hub_fill(&hub, &post, 1, HUB_ITEMS);
    struct kw_feed_client *client = open_client();
    for (int i = 0; i < 12; i++) { /* more than the credit in all: the same items again, which are ignored and paid for */
        assert_int_equal(post_run(client, &hub, HUB_ITEMS, &fault), 0);
        assert_true(hub.credit <= KW_LINE_CREDIT);
        hub.at = 1;
        hub_turn(&hub, 1);
        for (int turn = 0; turn < 20; turn++) {
            assert_int_equal(kw_feed_client_step(client, 2, -1, &fault), 0);
            hub_turn(&hub, 1);
        }
        assert_int_equal(hub.at, HUB_ITEMS + 1);
    }
    kw_feed_client_close(client);
    check_told(1, HUB_ITEMS);
}

static void gap(void **state)
{
    struct kw_feed_client_state now;
    hub_fill(&hub, &post, 1, 12);
    hub.skip = 5;
    hub.twice = 3;
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 12, &fault), 0);
    kw_feed_client_state(client, &now);
    kw_feed_client_close(client);
    assert_int_equal(now.gaps, 1);
    assert_int_equal(hub.subscribes, 2);
    check_told(1, 12);
    assert_int_equal(post_check(&post), 12);
}

/* The heartbeat announces what never comes: asked for again, but not at the first one. */
static void missing(void **state)
{
    struct kw_feed_client_state now;
    hub_fill(&hub, &post, 1, 6);
    hub.hold = 4;
    hub.patience_ms = 400;
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 4, &fault), -ETIME);
    hub.patience_ms = 0;
    check_told(1, 3);
    hub.beat = true;
    for (int i = 0; i < 20; i++) {
        hub_turn(&hub, 1);
        assert_int_equal(kw_feed_client_step(client, 1, -1, &fault), 0);
    }
    assert_int_equal(hub.subscribes, 1);
    hub.beat = true;
    hub.hold = 0;
    hub.at = 99; /* it has forgotten us */
    assert_int_equal(post_run(client, &hub, 6, &fault), 0);
    kw_feed_client_state(client, &now);
    assert_int_equal(now.gaps, 1);
    assert_int_equal(hub.subscribes, 2);
    kw_feed_client_close(client);
    check_told(1, 6);
}

static void forged(void **state)
{
    const struct {
        struct forge forge;
        enum kw_code code;
    } cases[] = {
        {{.alert = 4, .bad_signature = true}, KW_E_SIGNATURE},
        {{.alert = 4, .bad_digest = true}, KW_E_SIGNATURE},
        {{.alert = 4, .bad_body = true}, KW_E_DECRYPT},
        {{.alert = 4, .key = "12345678"}, KW_E_KEY},
    };
    hub_fill(&hub, &post, 1, 6);
    hub.together = true;
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        posted_clear(&hub.items[3]);
        post_make(&post, &cases[i].forge, 1, 4, &hub.items[2].item, &hub.items[3]);
        struct kw_feed_client *client = open_client();
        fault = (struct kw_fault){0};
        assert_int_equal(post_run(client, &hub, 6, &fault), -EKEYREJECTED);
        assert_int_equal(fault.code, cases[i].code);
        assert_non_null(strstr(fault.message, "item 4"));
        for (int turn = 0; turn < 20; turn++)
            hub_turn(&hub, 1);
        kw_feed_client_close(client);
        assert_int_equal(hub.received, 3); /* what came before was good; nothing from it on is confirmed */
        assert_int_equal(post_check(&post), 3);
    }
    check_told(1, 3);
}

static void fork_of_the_stream(void **state)
{
    struct posted other;
    hub_fill(&hub, &post, 1, 5);
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 5, &fault), 0);
    post_make(&post, &(struct forge){.alert = 77}, 1, 5, &hub.items[3].item, &other);
    posted_clear(&hub.items[4]);
    hub.items[4] = other;
    hub.at = 5;
    assert_int_equal(post_run(client, &hub, 99, &fault), -EKEYREJECTED);
    assert_int_equal(fault.code, KW_E_FORK);
    kw_feed_client_close(client);
    hub.last = 3; /* items are gone, and no new epoch is named */
    client = open_client();
    assert_int_equal(post_run(client, &hub, 99, &fault), -EKEYREJECTED);
    assert_int_equal(fault.code, KW_E_FORK);
    kw_feed_client_close(client);
    assert_int_equal(post_check(&post), 5);
}

static void restored(void **state)
{
    struct kw_inbox *inbox = NULL;
    struct kw_inbox_state kept;
    hub_fill(&hub, &post, 1, 5);
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 5, &fault), 0);
    hub_clear(&hub);
    hub_fill(&hub, &post, 2, 3); /* on the same line: the next heartbeat names the epoch */
    kw_log_threshold(0);
    for (int i = 0; i < 50 && hub.received < 3; i++) {
        hub.subscription.route_size = 0;
        hub_turn(&hub, 2);
        assert_int_equal(kw_feed_client_step(client, 2, -1, &fault), 0);
        if (i == 3) { /* as a hub that was started again: the line breaks */
            kw_feed_client_close(client);
            client = open_client();
        }
    }
    assert_int_equal(post_run(client, &hub, 3, &fault), 0);
    kw_feed_client_close(client);
    assert_int_equal(post_check(&post), 3);
    assert_int_equal(kw_inbox_open_reader(&post.agency, &inbox, &fault), 0);
    assert_int_equal(kw_inbox_state(inbox, &kept, &fault), 0);
    kw_inbox_close(inbox);
    assert_int_equal(kept.epoch, 2);
    assert_int_equal(kept.older, 5);
    hub.epoch = 1;
    client = open_client();
    assert_int_equal(post_run(client, &hub, 3, &fault), -EKEYREJECTED); /* back to an epoch that had ended */
    assert_int_equal(fault.code, KW_E_FORK);
    kw_feed_client_close(client);
}

static void epoch_in_a_heartbeat(void **state)
{
    hub_fill(&hub, &post, 1, 5);
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 5, &fault), 0);
    struct kw_message subscription = hub.subscription;
    hub.subscription = (struct kw_message){0};
    hub_clear(&hub);
    hub_fill(&hub, &post, 2, 3);
    hub.subscription = subscription;
    hub.beat = true;
    hub.at = 99;
    assert_int_equal(post_run(client, &hub, 3, &fault), 0);
    kw_feed_client_close(client);
    assert_int_equal(post_check(&post), 3);
    assert_int_equal(told.count, 8);
}

/* A hub that sends items of another epoch than it names: asked anew, but with pauses. */
static void two_epochs(void **state)
{
    hub_fill(&hub, &post, 1, 3);
    for (size_t i = 0; i < 3; i++)
        hub.items[i].item.epoch = 5;
    hub.patience_ms = 700;
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 3, &fault), -ETIME);
    assert_true(hub.subscribes < 15);
    assert_int_equal(post_check(&post), 0);
    for (size_t i = 0; i < 3; i++)
        hub.items[i].item.epoch = 1;
    hub.patience_ms = 0;
    assert_int_equal(post_run(client, &hub, 3, &fault), 0);
    kw_feed_client_close(client);
    check_told(1, 3);
}

static void silence(void **state)
{
#ifndef KINWARD_FAULT_POINTS
    skip();
#endif
    setenv("KINWARD_FEED_SILENCE_MS", "150", 1);
    hub_fill(&hub, &post, 1, 4);
    hub.last = 2;
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 2, &fault), 0);
    hub.silent = true;
    const int64_t since = kw_clock_monotonic_ms();
    while (kw_clock_monotonic_ms() - since < 400) {
        hub_turn(&hub, 2);
        assert_int_equal(kw_feed_client_step(client, 10, -1, &fault), 0);
    }
    struct kw_feed_client_state now;
    kw_feed_client_state(client, &now);
    assert_false(now.up);
    assert_true(now.silent_ms >= 150);
    hub.silent = false;
    hub.last = 4;
    assert_int_equal(post_run(client, &hub, 4, &fault), 0);
    assert_true(hub.subscribes >= 2);
    kw_feed_client_close(client);
    check_told(1, 4);
}

/* The hub was started again and has forgotten the subscription, and the line did not even break. */
static void forgotten(void **state)
{
#ifndef KINWARD_FAULT_POINTS
    skip();
#endif
    setenv("KINWARD_FEED_SILENCE_MS", "1000", 1);
    hub_fill(&hub, &post, 1, 4);
    hub.last = 2;
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 2, &fault), 0);
    hub.last = 4;
    hub.at = 99;
    hub.patience_ms = 950; /* sooner than the silence */
    assert_int_equal(post_run(client, &hub, 4, &fault), 0);
    assert_int_equal(hub.subscribes, 2);
    kw_feed_client_close(client);
    check_told(1, 4);
}

static void refusals(void **state)
{
    hub_fill(&hub, &post, 1, 4);
    hub.refuse = KW_E_BUSY;
    hub.refuse_received = KW_E_READ_ONLY;
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 4, &fault), 0); /* both are said again */
    kw_feed_client_close(client);
    hub.refuse = KW_E_REVOKED;
    client = open_client();
    assert_int_equal(post_run(client, &hub, 4, &fault), -EACCES);
    assert_int_equal(fault.code, KW_E_REVOKED);
    kw_feed_client_close(client);
}

/* The inbox is of an older backup than the hub's memory of it: everything comes again. */
static void inbox_behind(void **state)
{
    hub_fill(&hub, &post, 1, 6);
    hub.received = 4;
    struct kw_feed_client *client = open_client();
    assert_int_equal(post_run(client, &hub, 6, &fault), 0);
    kw_feed_client_close(client);
    check_told(1, 6);
}

/* ---- killed --------------------------------------------------------------------------------------- */

/* The inbox on a small disk that something else fills, nearly; its path. */
static const char *fill_disk(const struct kw_agency *agency)
{
    static const uint8_t block[360 << 10] = {1};
    static char filler[KW_PATH_SIZE];
    snprintf(scratch, sizeof scratch, "%.60s", agency->inbox);
    if (kw_dir_make(scratch, 0700, NULL) < 0 || !scratch_small_disk("size=512k"))
        exit(77);
    snprintf(filler, sizeof filler, "%s/filler", scratch);
    if (kw_file_replace(filler, (struct kw_view){block, sizeof block}, 0600, NULL) < 0)
        exit(4);
    return filler;
}

/* A client in a process of its own, until all there is was confirmed. */
static int child(const char *disk)
{
    static struct kw_agency agency;
    struct kw_feed_client *client = NULL;
    struct kw_feed_client_state now = {0};
    const char *filler = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/agency.xml", getenv("SCRATCH"));
    kw_log_threshold(KW_LOG_ERROR);
    if (kw_agency_load(path, &agency, NULL) < 0)
        return 3;
    if (strcmp(disk, "full") == 0)
        filler = fill_disk(&agency);
    if (kw_feed_client_open(&agency, post_tell, &told, &client, NULL) < 0)
        return 3;
    int r = 0, full = 0;
    while (r == 0 && !(now.up && now.last == now.hub_last && now.confirmed == now.last)) {
        r = kw_feed_client_step(client, 100, -1, NULL);
        kw_feed_client_state(client, &now);
        if (r == -ENOSPC && filler && unlink(filler) == 0) {
            full = now.last < now.hub_last ? 50 : 0;
            r = 0;
        }
    }
    kw_feed_client_close(client);
    if (post_check(&(struct post){.agency = agency}) != now.last)
        return 5;
    kw_agency_clear(&agency);
    return r < 0 ? 42 : full;
}

static int run_child_on(const char *disk, const char *point)
{
    const int64_t until = kw_clock_monotonic_ms() + 20000;
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        setenv("KINWARD_FAULT", point, 1);
        setenv("SCRATCH", scratch, 1);
        execl("/proc/self/exe", "child", disk, (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        hub_turn(&hub, 2);
        if (kw_clock_monotonic_ms() > until) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            fail_msg("%s: the client did not end", point);
        }
    }
    for (int i = 0; i < 5; i++)
        hub_turn(&hub, 2);
    return status;
}

static int run_child(const char *point)
{
    return run_child_on("", point);
}

static void killed(void **state)
{
    static const char *const points[] = {"feed.store", "store.commit", "store.committed", "feed.stored", "feed.confirmed"};
#ifndef KINWARD_FAULT_POINTS
    skip();
#endif
    uint64_t epoch = 0;
    for (size_t i = 0; i < KW_COUNT(points); i++) {
        for (int pass = 1; pass <= 3; pass++) {
            char text[64];
            snprintf(text, sizeof text, "%s:%d:kill", points[i], pass);
            hub_clear(&hub);
            hub_fill(&hub, &post, ++epoch, 6);
            hub.lockstep = true;
            int status = run_child(text);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            if (hub.received > 0)
                assert_true(post_check(&post) >= hub.received); /* nothing that was confirmed is lost */
            status = run_child("");
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            assert_int_equal(post_check(&post), 6);
            assert_int_equal(hub.received, 6);
        }
    }
}

static void failed_write(void **state)
{
#ifndef KINWARD_FAULT_POINTS
    skip();
#endif
    hub_fill(&hub, &post, 1, 6);
    hub.lockstep = true;
    const int status = run_child("feed.store:4:fail");
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    assert_true(hub.received < 6);
    assert_true(post_check(&post) >= hub.received);
    assert_true(post_check(&post) < 6);
}

/* A full disk: refused whole, not confirmed, and it goes on by itself when there is space. */
static void full_disk(void **state)
{
    hub_fill(&hub, &post, 1, 40);
    hub.a_turn = 3;
    const int status = run_child_on("full", "");
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("# no small disk: mounting is not allowed here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 50);
    assert_int_equal(hub.received, 40);
    assert_true(hub.subscribes >= 2);
}

#define ALONE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {ALONE(fetches),
                                       ALONE(nothing_there),
                                       ALONE(credit),
                                       ALONE(gap),
                                       ALONE(missing),
                                       ALONE(forged),
                                       ALONE(fork_of_the_stream),
                                       ALONE(restored),
                                       ALONE(epoch_in_a_heartbeat),
                                       ALONE(silence),
                                       ALONE(forgotten),
                                       ALONE(two_epochs),
                                       ALONE(refusals),
                                       ALONE(inbox_behind),
                                       ALONE(killed),
                                       ALONE(failed_write),
                                       ALONE(full_disk)};
    if (argc > 1)
        return child(argv[1]);
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
