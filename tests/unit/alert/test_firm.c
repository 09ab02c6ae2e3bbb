/* SPDX-License-Identifier: Apache-2.0 */
/* test_firm.c - alerts when things go wrong: rollback, an end between two steps, no memory, bytes that were altered. */
#include "desk.h"

#include "alert/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Death, two checks, a void, and again: every kind of revision. */
static void put_story(struct desk *desk)
{
    desk_death(desk, "1", "registered");
    desk_check(desk, USER, true);
    desk_check(desk, USER, false);
    desk_check(desk, USER, false);
    desk_check(desk, BY_NAME, false);
    desk_death(desk, "2", "voided");
    desk_death(desk, "3", "registered");
}

static void test_replay_gives_the_same_statements(void **state)
{
    struct desk one, two;

    desk_start(&one, NULL);
    desk_start(&two, NULL);
    put_story(&one);
    put_story(&two);
    assert_true(desk_read(&one, "desk-one") >= 4);
    assert_int_equal(desk_read(&two, "desk-one"), one.item_count);
    for (size_t i = 0; i < one.item_count; i++) {
        assert_string_equal(desk_statement(&one, i), desk_statement(&two, i));
        assert_string_equal((const char *)one.items[i].envelope.data, (const char *)two.items[i].envelope.data);
    }
    desk_stop(&one);
    desk_stop(&two);
}

static void test_rollback_leaves_nothing(void **state)
{
    struct desk desk;
    uint8_t reference[16];
    enum kw_answer answer;
    uint64_t check;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    check = world_put(&desk.world, (struct spec){.event = "document_check", .inner = USER CHECK, .kind = 2});
    assert_int_equal(kw_alerts_begin(desk.alerts, NULL), 0);
    assert_int_equal(desk_apply(&desk, check, NULL), 0);
    assert_int_equal(kw_alerts_answer(desk.alerts, check, &answer, reference, NULL), 0); /* the open transaction included */
    assert_int_equal(answer, KW_ANSWER_REFER);
    assert_int_equal(desk_last(&desk, "desk-one"), 0); /* but nobody else sees it */
    kw_alerts_rollback(desk.alerts);
    assert_int_equal(kw_alerts_cursor(desk.alerts), 1);
    assert_int_equal(kw_alerts_answer(desk.alerts, check, &answer, reference, NULL), -ENOENT);
    for (int i = 0; i < 2; i++) { /* the same again, and once more */
        assert_int_equal(kw_alerts_begin(desk.alerts, NULL), 0);
        assert_int_equal(desk_apply(&desk, check, NULL), 0);
        assert_int_equal(kw_alerts_commit(desk.alerts, NULL), 0);
    }
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    desk_stop(&desk);
}

/* A process ends in the middle of its transaction; the next one starts at the last commit. */
static void test_killed_between(void **state)
{
    struct desk desk;
    uint64_t check;
    pid_t child;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, false);
    check = world_put(&desk.world, (struct spec){.event = "document_check", .inner = USER CHECK, .kind = 2});
    kw_alert_reader_close(desk.reader);
    desk.reader = NULL;
    kw_alerts_freep(&desk.alerts);
    child = fork();
    if (child == 0) {
        desk_open(&desk);
        if (kw_alerts_begin(desk.alerts, NULL) < 0 || desk_apply(&desk, check, NULL) < 0)
            _exit(1);
        _exit(42);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 42);
    desk_open(&desk);
    assert_int_equal(kw_alerts_cursor(desk.alerts), check - 1);
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    assert_int_equal(kw_alerts_begin(desk.alerts, NULL), 0);
    assert_int_equal(desk_apply(&desk, check, NULL), 0);
    assert_int_equal(kw_alerts_commit(desk.alerts, NULL), 0);
    assert_int_equal(desk_read(&desk, "desk-one"), 2);
    desk_stop(&desk);
}

static int apply_once(struct desk *desk, uint64_t position)
{
    struct kw_fault fault = {0};
    int r = kw_alerts_begin(desk->alerts, &fault);

    if (r == 0)
        r = desk_apply(desk, position, &fault);
    if (r == 0)
        r = kw_alerts_commit(desk->alerts, &fault);
    if (r < 0)
        assert_true(fault.code != KW_OK);
    return r;
}

static void test_every_allocation_may_fail(void **state)
{
    struct desk desk;
    uint64_t check;
    long n = 0;
    int r;

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    check = world_put(&desk.world, (struct spec){.event = "document_check", .inner = USER CHECK, .kind = 2});
    do {
        kw_alloc_fail_after(n++, false);
        r = apply_once(&desk, check);
        kw_alloc_fail_after(-1, false);
        if (r < 0) {
            assert_int_equal(r, -ENOMEM);
            kw_alerts_rollback(desk.alerts);
            assert_int_equal(kw_alerts_cursor(desk.alerts), check - 1);
            assert_int_equal(desk_last(&desk, "desk-one"), 0);
        }
    } while (r < 0 && n < 500);
    assert_true(n > 10);
    assert_int_equal(desk_read(&desk, "desk-one"), 1);
    desk_stop(&desk);
}

static void test_opening_without_memory(void **state)
{
    struct desk desk;
    const struct kw_alert_config config = {.hub = "h", .owner_contact = "o", .redress_contact = "r", .epoch = 7};
    long n = 0;
    int r;

    desk_start(&desk, NULL);
    kw_alerts_freep(&desk.alerts);
    do {
        kw_alloc_fail_after(n++, false);
        r = kw_alerts_open(desk.dir, world_vault, desk.sign, &config, &desk.alerts, NULL);
        kw_alloc_fail_after(-1, false);
    } while (r == -ENOMEM && n < 500);
    assert_int_equal(r, 0);
    assert_true(n > 3);
    desk_stop(&desk);
}

/* ---- altered bytes ---------------------------------------------------------------------------------- */

static void alter(struct desk *desk, const char *sql)
{
    struct kw_store *store;
    struct kw_query *query;
    char path[128];
    int64_t changes = 0;

    snprintf(path, sizeof(path), "%s/detect.db", desk->dir);
    kw_alerts_freep(&desk->alerts);
    assert_int_equal(kw_store_open(path, kw_alert_migrations, kw_alert_migration_count, &store, NULL), 0);
    assert_int_equal(kw_query(store, sql, &query, NULL), 0);
    assert_int_equal(kw_query_run(query, &changes, NULL), 0);
    assert_true(changes > 0);
    kw_store_close(store);
    desk_open(desk);
}

static int read_back(struct desk *desk, const uint8_t id[16], uint32_t revision)
{
    struct kw_buf statement = {0};
    uint8_t salt[32];
    uint64_t number;
    int r = kw_alert_committed(desk->reader, id, revision, &number, salt, &statement, NULL);

    kw_buf_clear(&statement);
    return r;
}

static void test_altered_rows_are_seen(void **state)
{
    static const char *const changes[] = {"UPDATE revision SET body=zeroblob(length(body))",
                                          "UPDATE revision SET wrapped=(SELECT wrapped FROM revision r WHERE r.revision=2)",
                                          ("UPDATE revision SET body=(SELECT body FROM revision r WHERE r.revision=2), "
                                           "wrapped=(SELECT wrapped FROM revision r WHERE r.revision=2)"),
                                          "UPDATE revision SET core_size=1000000", "UPDATE revision SET body=x''"};
    uint8_t id[16];
    char text[256];

    for (size_t i = 0; i < KW_COUNT(changes); i++) {
        struct desk desk;

        desk_start(&desk, NULL);
        desk_death(&desk, "1", "registered");
        desk_check(&desk, USER, false);
        desk_check(&desk, USER, false);
        desk_read(&desk, "desk-one");
        desk_value(desk_statement(&desk, 0), "alert", text);
        assert_int_equal(kw_hex_parse(kw_view_text(text), id, sizeof(id)), 0);
        assert_int_equal(read_back(&desk, id, 1), 0);
        alter(&desk, changes[i]);
        assert_true(read_back(&desk, id, 1) < 0);
        desk_stop(&desk);
    }
}

static void test_another_vault_opens_nothing(void **state)
{
    struct desk desk;
    uint8_t vault[32] = {9}, id[16];
    char text[256];

    desk_start(&desk, NULL);
    desk_death(&desk, "1", "registered");
    desk_check(&desk, USER, false);
    desk_read(&desk, "desk-one");
    desk_value(desk_statement(&desk, 0), "alert", text);
    assert_int_equal(kw_hex_parse(kw_view_text(text), id, sizeof(id)), 0);
    kw_alert_reader_close(desk.reader);
    assert_int_equal(kw_alert_reader_open(desk.dir, vault, &desk.reader, NULL), 0);
    assert_true(read_back(&desk, id, 1) < 0);
    desk_stop(&desk);
}

/* What detect.db holds of people is encrypted. */
static void test_nothing_in_clear(void **state)
{
    struct desk desk;
    char command[256];

    desk_start(&desk, NULL);
    put_story(&desk);
    snprintf(command, sizeof(command), "grep -aqE 'document-presented|18\\+|2024-12-02' %s/detect.db*", desk.dir);
    assert_int_not_equal(system(command), 0);
    snprintf(command, sizeof(command), "grep -aq document-used-after-death %s/detect.db*", desk.dir); /* the queue's columns */
    assert_int_equal(system(command), 0);
    desk_stop(&desk);
}

/* ---- hits as another rule pack may make them ---------------------------------------------------------- */

static void fill(char *text, size_t size, const char *with)
{
    for (size_t i = 0; i + 1 < size; i++)
        text[i] = with[i % strlen(with)];
    text[size - 1] = 0;
}

static void test_largest_hit_fits(void **state)
{
    static struct kw_hit_subject subjects[64];
    static struct kw_fact facts[64];
    static struct kw_hit_cause causes[64];
    static struct kw_hit_threshold thresholds[64];
    struct kw_hit hit = {.rule = "X1", .reason = "strange", .state = KW_RULE_LIVE, .tier = 1, .subject = 1, .jurisdiction = "KE"};
    struct kw_detection detection = {.hits = &hit, .hit_count = 1};
    struct kw_detect_entry entry = {.position = 1, .kind = 2, .received_ms = 1000};
    struct kw_buf statement = {0}, canonical = {0};
    struct kw_xml *document = NULL;
    struct kw_alert_stream stream;
    struct kw_fault fault = {0};
    struct alert alert;
    struct desk desk;

    hit.subjects = subjects;
    hit.facts = facts;
    hit.causes = causes;
    hit.thresholds = thresholds;
    hit.subject_count = hit.fact_count = hit.cause_count = hit.threshold_count = 64;
    for (size_t i = 0; i < 64; i++) {
        fill(subjects[i].registry, sizeof(subjects[i].registry), "&");
        fill(facts[i].code, sizeof(facts[i].code), "<");
        fill(facts[i].registry, sizeof(facts[i].registry), "&");
        fill(facts[i].params, sizeof(facts[i].params) - 1, "\"=&\xc3\n"); /* cut characters, marks of XML */
        facts[i].params[strlen(facts[i].params) - 1] = '\n';
        facts[i].reliability = 'A';
        facts[i].credibility = '1';
        facts[i].position = 1;
        fill(causes[i].code, sizeof(causes[i].code), "]]>");
        fill(thresholds[i].name, sizeof(thresholds[i].name), "\"<");
    }
    desk_start(&desk, NULL);
    assert_int_equal(kw_alerts_begin(desk.alerts, NULL), 0);
    if (kw_alerts_apply(desk.alerts, &entry, &detection, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    assert_int_equal(kw_alerts_commit(desk.alerts, NULL), 0);
    assert_int_equal(kw_alert_stream(desk.reader, "desk-one", &stream, NULL), 0);
    assert_int_equal(stream.last, 1);
    assert_int_equal(kw_alert_row_latest(desk.alerts->store, hit.key, &alert, NULL), 1);
    assert_int_equal(kw_revision_read(desk.alerts->store, &desk.alerts->keys, alert.id, 1, &statement, NULL, NULL, NULL), 0);
    if (kw_xml_parse(kw_view_of(&statement), 1 << 20, &document, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    assert_int_equal(kw_xml_canonical(document, &canonical), 0);
    assert_true(kw_view_equal(kw_view_of(&canonical), kw_view_of(&statement)));
    kw_xml_free(document);
    kw_buf_clear(&canonical);
    kw_buf_clear(&statement);
    desk_stop(&desk);
}

/* A hit beyond the rule's look-back keeps an alert that is there, and makes none. */
static void test_late_hit_makes_no_alert(void **state)
{
    struct kw_hit hit = {.rule = "X1", .reason = "strange", .state = KW_RULE_LIVE, .tier = 1, .subject = 1, .late = true};
    struct kw_evaluated evaluated = {.rule = "X1", .subject = 1};
    struct kw_detection detection = {.hits = &hit, .hit_count = 1, .evaluated = &evaluated, .evaluated_count = 1};
    struct kw_detect_entry entry = {.kind = 1, .received_ms = 1000};
    static const struct {
        bool late;
        size_t hits;
        uint64_t last;
    } steps[] = {{true, 1, 0}, {false, 1, 1}, {true, 1, 1}, {true, 0, 2}};
    struct desk desk;

    desk_start(&desk, NULL);
    for (size_t i = 0; i < KW_COUNT(steps); i++) {
        entry.position = i + 1;
        hit.late = steps[i].late;
        detection.hit_count = steps[i].hits;
        assert_int_equal(kw_alerts_begin(desk.alerts, NULL), 0);
        assert_int_equal(kw_alerts_apply(desk.alerts, &entry, &detection, NULL), 0);
        assert_int_equal(kw_alerts_commit(desk.alerts, NULL), 0);
        assert_int_equal(desk_last(&desk, "desk-one"), steps[i].last);
    }
    desk_stop(&desk);
}

/* ---- watches ------------------------------------------------------------------------------------------- */

static int take_watch(void *context, const struct kw_watch *watch)
{
    struct world *world = context;
    const struct kw_watch *expected = &world->watches[world->now_ms++];

    assert_int_equal(watch->subject, expected->subject);
    assert_int_equal(watch->received_ms, expected->received_ms);
    assert_int_equal(watch->backfill, expected->backfill);
    assert_int_equal(watch->count, expected->count);
    assert_memory_equal(watch->keys, expected->keys, watch->count * sizeof(*watch->keys));
    return 0;
}

static void test_watches_are_kept(void **state)
{
    struct desk desk;

    desk_start(&desk, NULL);
    put_story(&desk);
    assert_true(desk.world.watch_count > 2);
    desk_open(&desk);
    desk.world.now_ms = 0; /* counts the visits */
    assert_int_equal(kw_alerts_watches(desk.alerts, take_watch, &desk.world, NULL), 0);
    assert_int_equal(desk.world.now_ms, desk.world.watch_count);
    desk_stop(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay_gives_the_same_statements),
        cmocka_unit_test(test_rollback_leaves_nothing),
        cmocka_unit_test(test_killed_between),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_opening_without_memory),
        cmocka_unit_test(test_altered_rows_are_seen),
        cmocka_unit_test(test_another_vault_opens_nothing),
        cmocka_unit_test(test_nothing_in_clear),
        cmocka_unit_test(test_largest_hit_fits),
        cmocka_unit_test(test_late_hit_makes_no_alert),
        cmocka_unit_test(test_watches_are_kept),
    };

    return cmocka_run_group_tests_name("firm", tests, NULL, NULL);
}
