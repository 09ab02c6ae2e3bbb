/* SPDX-License-Identifier: Apache-2.0 */
/* test_feed.c - client and hub's side together, over CURVE: real alerts, a real journal, the feed actor in its thread. */
#include "post.h"

#include <pthread.h>
#include <stdatomic.h>

#include "../alert/desk.h"

#define STREAM "desk-one"

static struct hub_side { /* what the daemon does for the actor, in a thread */
    struct kw_journal *journal;
    struct kw_socket *writer, *detect, *ledger, *actor_writer, *actor_detect, *actor_ledger;
    struct kw_feed_setup setup;
    struct kw_actor *actor;
    pthread_t thread;
    pthread_mutex_t lock; /* of desk and journal */
    atomic_bool stop, news, sealed;
    uint64_t acts;
} side;
static struct desk desk;
static struct post post;
static struct told told;
static struct kw_fault fault;

/* ---- the rest of the hub ------------------------------------------------------------------------ */

static void on_received(struct kw_message *message)
{
    struct kw_message answer = {0};
    struct kw_view rest = kw_view_of(&message->payload), name;
    struct kw_fault why = {0};
    char principal[65];
    uint64_t epoch, upto;
    int r = kw_take_item(&rest, &name);
    if (r == 0)
        r = kw_take_u64(&rest, &epoch);
    if (r == 0)
        r = kw_take_u64(&rest, &upto);
    snprintf(principal, sizeof principal, "%.*s", (int)name.size, (const char *)name.data);
    if (r == 0)
        r = kw_alerts_received(desk.alerts, principal, epoch, upto, &why);
    kw_message_answer(&answer, message, "RECEIVED");
    if (r < 0)
        r = kw_message_error(&answer, message, why.code, why.message);
    (void)!kw_send(side.detect, &answer);
    kw_message_clear(&answer);
}

static void on_proof(struct kw_message *message)
{
    struct kw_message answer = {0};
    int r;
    if (side.sealed) {
        kw_message_answer(&answer, message, "PROOF");
        r = kw_put_item(&answer.payload, "a proof", 7);
    } else {
        r = kw_message_error(&answer, message, KW_E_PENDING, "not sealed yet");
    }
    if (r == 0)
        (void)!kw_send(side.ledger, &answer);
    kw_message_clear(&answer);
}

static void pump(void)
{
    struct kw_message message = {0};
    while (kw_receive(side.detect, &message) == 0)
        on_received(&message);
    while (kw_receive(side.ledger, &message) == 0)
        on_proof(&message);
    while (kw_receive(side.writer, &message) == 0) {
        struct kw_apply *change = kw_apply_receive(&message, "APPLY");
        side.acts += change && kw_apply_run(side.journal, side.writer, change) == 0;
    }
    kw_message_clear(&message);
}

static void *run_side(void *unused)
{
    while (!side.stop) {
        struct kw_poll items[] = {{.socket = side.detect}, {.socket = side.ledger}, {.socket = side.writer}};
        struct kw_message news = {.verb = "NEWS"};
        (void)!kw_poll(items, KW_COUNT(items), 5);
        pthread_mutex_lock(&side.lock);
        pump();
        pthread_mutex_unlock(&side.lock);
        if (atomic_exchange(&side.news, false))
            (void)!kw_send(side.detect, &news);
        kw_message_clear(&news);
    }
    return unused;
}

static void add_principal(void)
{
    struct kw_principal principal = {.roles = KW_ROLE_AGENCY,
                                     .has_curve = true,
                                     .has_sign = true,
                                     .has_box = true,
                                     .name = STREAM,
                                     .jurisdiction = "KE",
                                     .rules = "*",
                                     .jurisdictions = "*"};
    uint32_t number;
    memcpy(principal.curve, post.agency.curve.public_key, sizeof principal.curve);
    memcpy(principal.box, post.agency.box->public_key, sizeof principal.box);
    assert_int_equal(kw_journal_open(desk.dir, world_vault, &side.journal, &fault), 0);
    assert_int_equal(kw_journal_begin(side.journal, &fault), 0);
    assert_int_equal(kw_journal_principal_add(side.journal, &principal, &number, &fault), 0);
    assert_int_equal(kw_journal_commit(side.journal, &fault), 0);
}

/* The agency is the desk's first one; its hub is the desk's. */
static void join_desk(void)
{
    strcpy(post.agency.name, STREAM);
    memcpy(post.agency.hub.sign, desk.sign->public_key, KW_KEY_SIZE);
    memcpy(desk.recipients[0].box, post.agency.box->public_key, KW_KEY_SIZE);
    desk_open(&desk);
    assert_int_equal(kw_zap_deny(post.zap, post.agency.curve.public_key), 0);
    assert_int_equal(kw_zap_allow(post.zap, post.agency.curve.public_key, STREAM), 0);
}

static int start(void **state)
{
    if (scratch_make(state) < 0)
        return -1;
    memset(&side, 0, sizeof side);
    told = (struct told){0};
    fault = (struct kw_fault){0};
    desk_start(&desk, NULL);
    post_start(&post, scratch);
    join_desk();
    add_principal();
    assert_int_equal(kw_link_new(post.bus, &side.writer, &side.actor_writer, &fault), 0);
    assert_int_equal(kw_link_new(post.bus, &side.detect, &side.actor_detect, &fault), 0);
    assert_int_equal(kw_link_new(post.bus, &side.ledger, &side.actor_ledger, &fault), 0);
    side.setup = (struct kw_feed_setup){.router = post.router,
                                        .hub = HUB,
                                        .data_dir = desk.dir,
                                        .epoch = desk.epoch,
                                        .vault = world_vault,
                                        .writer = side.actor_writer,
                                        .detect = side.actor_detect,
                                        .ledger = side.actor_ledger};
    if (kw_actor_start(post.bus, "feed", kw_feed_body, &side.setup, &side.actor, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    pthread_mutex_init(&side.lock, NULL);
    assert_int_equal(pthread_create(&side.thread, NULL, run_side, NULL), 0);
    return 0;
}

static int stop(void **state)
{
    assert_int_equal(kw_actor_stop(side.actor), 0);
    side.stop = true;
    pthread_join(side.thread, NULL);
    struct kw_socket *const sockets[] = {side.writer,       side.detect,       side.ledger,
                                         side.actor_writer, side.actor_detect, side.actor_ledger};
    for (size_t i = 0; i < KW_COUNT(sockets); i++)
        kw_socket_close(sockets[i]);
    kw_journal_close(side.journal);
    post_stop(&post);
    desk_stop(&desk);
    return scratch_remove(state);
}

/* ---- the agency ----------------------------------------------------------------------------------- */

static struct kw_feed_client *open_client(void)
{
    struct kw_feed_client *client = NULL;
    if (kw_feed_client_open(&post.agency, post_tell, &told, &client, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    return client;
}

static int run_until(struct kw_feed_client *client, uint64_t last)
{
    const int64_t until = kw_clock_monotonic_ms() + 10000;
    struct kw_feed_client_state now = {0};
    while (kw_clock_monotonic_ms() < until) {
        int r = kw_feed_client_step(client, 20, -1, &fault);
        if (r < 0)
            return r;
        kw_feed_client_state(client, &now);
        if (now.up && now.last == last && now.confirmed == last)
            return 0;
    }
    return -ETIME;
}

/* A document of a dead person is used; the death is then voided: an alert, and its cancel. */
static void make_alert(void)
{
    pthread_mutex_lock(&side.lock);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, false);
    pthread_mutex_unlock(&side.lock);
    side.news = true;
}

static void make_cancel(void)
{
    pthread_mutex_lock(&side.lock);
    desk_death(&desk, "2", "voided");
    pthread_mutex_unlock(&side.lock);
    side.news = true;
}

static uint64_t received_at_hub(void)
{
    struct kw_alert_stream stream;
    assert_int_equal(kw_alert_stream(desk.reader, STREAM, &stream, &fault), 0);
    return stream.received;
}

static void alert_and_cancel(void **state)
{
    struct kw_feed_client *client = open_client();
    assert_int_equal(run_until(client, 0), 0);
    make_alert();
    assert_int_equal(run_until(client, 1), 0);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.last.type, KW_ALERT_ALERT);
    assert_int_equal(told.last.status, KW_STATUS_TEST);
    assert_int_equal(received_at_hub(), 1);
    make_cancel();
    assert_int_equal(run_until(client, 2), 0);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.last.type, KW_ALERT_CANCEL);
    kw_feed_client_close(client);
    assert_int_equal(received_at_hub(), 2);
    client = open_client();
    assert_int_equal(run_until(client, 2), 0);
    assert_int_equal(told.count, 2);
    kw_feed_client_close(client);
    /* another folder: the same again, for one who has lost the first */
    strcat(post.agency.inbox, "-other");
    client = open_client();
    assert_int_equal(run_until(client, 2), 0);
    assert_int_equal(told.count, 4);
    kw_feed_client_close(client);
}

static int ask(const char *verb, const char *members)
{
    struct kw_message answer = {0};
    struct kw_buf header = {0};
    char id[2 * KW_ALERT_ID_SIZE + 1];
    kw_hex(id, told.last.alert, sizeof told.last.alert);
    assert_int_equal(kw_buf_format(&header, "{\"alert\":\"%s\",\"revision\":%u%s}", id, told.last.revision, members), 0);
    fault = (struct kw_fault){0};
    int r = kw_agency_ask(&post.agency, verb, kw_view_of(&header), 5000, &answer, &fault);
    if (r == 0 && strcmp(verb, "PROOF") == 0)
        assert_int_equal(answer.payload.size, 4 + 7);
    kw_buf_clear(&header);
    kw_message_clear(&answer);
    return r;
}

static void acts(void **state)
{
    struct kw_feed_client *client = open_client();
    make_alert();
    assert_int_equal(run_until(client, 1), 0);
    assert_int_equal(ask("ACKNOWLEDGE", ",\"by\":\"D-1\",\"role\":\"duty\""), 0); /* beside the client that follows */
    assert_int_equal(ask("FEEDBACK", ",\"outcome\":\"child-safe\",\"role\":\"duty\""), 0);
    assert_int_equal(side.acts, 2);
    assert_true(ask("FEEDBACK", ",\"outcome\":\"false-positive\",\"role\":\"duty\"") < 0);
    assert_int_equal(fault.code, KW_E_HEADER);
    assert_true(ask("ACKNOWLEDGE", ",\"by\":\"A Name\",\"role\":\"duty\"") < 0);
    assert_int_equal(side.acts, 2);
    assert_int_equal(ask("PROOF", ""), -EAGAIN);
    assert_int_equal(fault.code, KW_E_PENDING);
    side.sealed = true;
    assert_int_equal(ask("PROOF", ""), 0);
    told.last.revision = 9;
    assert_true(ask("PROOF", "") < 0);
    assert_int_equal(fault.code, KW_E_NOT_FOUND);
    kw_feed_client_close(client);
}

static void unknown_key(void **state)
{
    struct kw_message answer = {0};
    assert_int_equal(kw_zap_deny(post.zap, post.agency.curve.public_key), 0);
    assert_int_equal(kw_agency_ask(&post.agency, "STREAMS", kw_view_text("{}"), 500, &answer, &fault), -ETIMEDOUT);
    assert_int_equal(fault.code, KW_E_NETWORK);
}

static void revoked(void **state)
{
    struct kw_message principals = {.verb = "PRINCIPALS"};
    struct kw_feed_client *client = open_client();
    assert_int_equal(run_until(client, 0), 0);
    pthread_mutex_lock(&side.lock);
    assert_int_equal(kw_journal_begin(side.journal, &fault), 0);
    assert_int_equal(kw_journal_principal_revoke(side.journal, 1, 1, &fault), 0);
    assert_int_equal(kw_journal_commit(side.journal, &fault), 0);
    pthread_mutex_unlock(&side.lock);
    assert_int_equal(kw_send(kw_actor_pipe(side.actor), &principals), 0);
    assert_int_equal(run_until(client, 99), -EACCES);
    assert_int_equal(fault.code, KW_E_REVOKED);
    kw_feed_client_close(client);
    kw_message_clear(&principals);
    while (kw_receive(kw_actor_pipe(side.actor), &principals) == 0)
        kw_message_clear(&principals);
}

#define ALONE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {ALONE(alert_and_cancel), ALONE(acts), ALONE(unknown_key), ALONE(revoked)};
    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
