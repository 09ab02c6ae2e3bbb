/* SPDX-License-Identifier: Apache-2.0 */
/* test_delivery.c - answers of a hostile validator, receipts that must fit, batches that come again while they are under way. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "intake/router.h"
#include "json/json.h"

#define RECORDS 4

static const uint8_t secret[32] = {3, 1, 4};
static const char text[] =
    "<record xmlns=\"urn:kinward:record:1\"><sourceRecord><registry>ke.test</registry><system>csv</system>"
    "<jurisdiction>KE</jurisdiction><id>T-1</id><version>1</version></sourceRecord><eventType>live_birth</eventType>"
    "<status>registered</status><event><date><value>2020-01-02</value></date></event><party id=\"child\"><role>child</role>"
    "<name><givenName>Amina</givenName><familyName>Testperson</familyName></name>"
    "<identifier><type>national_id</type><value>123456</value><issuingCountry>KE</issuingCountry></identifier>"
    "<dateOfBirth><value>2020-01-02</value></dateOfBirth></party></record>";

static struct kw_buf image;

static int make_image(void **state)
{
    struct kw_validator *validator = NULL;
    struct kw_fault fault = {0};
    bool canonical = false;
    assert_int_equal(kw_crypto_init(), 0);
    assert_int_equal(kw_validator_new(&validator), 0);
    if (kw_validate(validator, kw_view_text(text), NULL, &image, &canonical, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    kw_validator_free(validator);
    return 0;
}

static int drop_image(void **state)
{
    kw_buf_clear(&image);
    return 0;
}

static struct kw_delivery *make_delivery(uint32_t count)
{
    struct kw_delivery *delivery = kw_alloc(sizeof *delivery);
    assert_non_null(delivery);
    delivery->slots = kw_alloc(count * sizeof *delivery->slots);
    assert_non_null(delivery->slots);
    delivery->count = count;
    delivery->principal = 7;
    strcpy(delivery->request.verb, "SUBMIT");
    strcpy(delivery->name, "ke-test");
    strcpy(delivery->jurisdiction, "KE");
    for (uint32_t i = 0; i < count; i++) {
        delivery->slots[i].source_id = kw_view_text("T-1");
        delivery->slots[i].source_version = kw_view_text("1");
        delivery->slots[i].record = kw_view_text(text);
    }
    return delivery;
}

static void put_good(struct kw_message *answer, struct kw_view bytes)
{
    KW_AUTO(kw_buf_clear) struct kw_buf item = {0};
    const uint8_t head[] = {0, 1};
    assert_int_equal(kw_buf_append(&item, head, sizeof head), 0);
    assert_int_equal(kw_buf_append(&item, bytes.data, bytes.size), 0);
    assert_int_equal(kw_put_item(&answer->payload, item.data, item.size), 0);
}

static void put_refused(struct kw_message *answer, uint16_t code)
{
    KW_AUTO(kw_buf_clear) struct kw_buf item = {0};
    const uint8_t refused = 1, rest[12] = {0};
    assert_int_equal(kw_buf_append(&item, &refused, 1), 0);
    assert_int_equal(kw_buf_u16(&item, code), 0);
    assert_int_equal(kw_buf_append(&item, rest, sizeof rest), 0);
    assert_int_equal(kw_put_item(&answer->payload, item.data, item.size), 0);
}

static void assert_untouched(const struct kw_delivery *delivery)
{
    for (uint32_t i = 0; i < delivery->count; i++) {
        assert_true(kw_slot_undecided(&delivery->slots[i]));
        assert_int_equal(delivery->slots[i].found_count, 0);
    }
    assert_int_equal(delivery->found_count, 0);
}

/* ---- answers ------------------------------------------------------------------ */

static void a_good_answer_decides(void **state)
{
    struct kw_delivery *delivery = make_delivery(RECORDS);
    struct kw_message answer = {.verb = "VALIDATED"};
    for (int i = 0; i < RECORDS - 1; i++)
        put_good(&answer, kw_view_of(&image));
    put_refused(&answer, KW_E_SCHEMA);
    assert_int_equal(kw_delivery_validated(delivery, &answer, secret), 0);
    assert_true(delivery->slots[0].validated && delivery->slots[0].outcome == KW_OK && delivery->slots[0].found_count > 2);
    assert_int_equal(delivery->slots[RECORDS - 1].outcome, KW_E_SCHEMA);
    kw_delivery_free(delivery);
    kw_message_clear(&answer);
}

static void of_half_an_answer_nothing_is_kept(void **state)
{
    for (int bad = 0; bad < 5; bad++) {
        struct kw_delivery *delivery = make_delivery(RECORDS);
        struct kw_message answer = {.verb = "VALIDATED"};
        put_good(&answer, kw_view_of(&image));
        put_refused(&answer, KW_E_SCHEMA);
        if (bad == 0)
            put_good(&answer, (struct kw_view){image.data, image.size - 1});
        else if (bad == 1)
            put_refused(&answer, KW_ACCEPTED); /* a child does not accept */
        else if (bad == 2)
            put_refused(&answer, KW_CODE_COUNT);
        else if (bad == 3)
            for (int i = 0; i < 3; i++)
                put_good(&answer, kw_view_of(&image)); /* one more than were asked for */
        assert_int_equal(kw_delivery_validated(delivery, &answer, secret), -EBADMSG);
        assert_untouched(delivery);
        kw_delivery_free(delivery);
        kw_message_clear(&answer);
    }
}

static void answers_of_any_bytes_are_survived(void **state)
{
    srandom(20260712);
    unsigned taken = 0;
    for (int turn = 0; turn < 20000; turn++) {
        struct kw_delivery *delivery = make_delivery(2);
        struct kw_message answer = {.verb = "VALIDATED"};
        put_good(&answer, kw_view_of(&image));
        put_good(&answer, kw_view_of(&image));
        for (long flips = random() % 4; flips >= 0; flips--)
            answer.payload.data[random() % (long)answer.payload.size] ^= (uint8_t)(1u << random() % 8);
        int r = kw_delivery_validated(delivery, &answer, secret);
        assert_true(r == 0 || r == -EBADMSG);
        if (r < 0)
            assert_untouched(delivery);
        taken += r == 0;
        kw_delivery_free(delivery);
        kw_message_clear(&answer);
    }
    assert_true(taken > 0 && taken < 20000); /* both ways were gone */
}

/* ---- receipts ------------------------------------------------------------------- */

static void the_receipt_of_a_full_batch_fits_its_header(void **state)
{
    struct kw_sign_key *key = NULL;
    struct kw_message message = {0};
    assert_int_equal(kw_sign_key_new(&key), 0);
    for (int size = 0; size < 3; size++) {
        struct kw_delivery *delivery = make_delivery(KW_LIMIT_BATCH);
        for (uint32_t i = 0; i < delivery->count; i++) {
            struct kw_fault *fault = &delivery->slots[i].fault;
            delivery->slots[i].outcome = KW_E_JURISDICTION;
            fault->line = fault->column = 4000000000u;
            memset(fault->place, '"', size ? sizeof fault->place - 1 : 3); /* two bytes each in JSON */
            memset(fault->message, size == 2 ? '\1' : 'x', sizeof fault->message - 1);
        }
        assert_int_equal(kw_receipt_make(delivery, "hub.ke", 1, 0, key), 0);
        assert_int_equal(kw_receipt_message(&delivery->request, kw_view_of(&delivery->receipt), &message), 0);
        assert_true(message.header.size <= KW_LIMIT_HEADER);
        KW_AUTO(kw_json_freep) struct kw_json *json = NULL;
        assert_int_equal(kw_json_parse(kw_view_of(&message.header), &json, NULL), 0);
        const struct kw_json *results = kw_json_member(json, "results");
        assert_non_null(kw_json_at(results, KW_LIMIT_BATCH - 1));
        assert_true(kw_view_is(kw_json_text_of(kw_json_member(kw_json_at(results, 0), "code")), "foreign-jurisdiction"));
        kw_message_clear(&message);
        kw_delivery_free(delivery);
    }
    kw_sign_key_free(key);
}

static void a_small_receipt_explains(void **state)
{
    struct kw_sign_key *key = NULL;
    assert_int_equal(kw_sign_key_new(&key), 0);
    struct kw_delivery *delivery = make_delivery(1);
    delivery->slots[0].outcome = KW_E_SCHEMA;
    kw_fail(&delivery->slots[0].fault, -EBADMSG, KW_E_SCHEMA, "birthDate", "is no date");
    assert_int_equal(kw_receipt_make(delivery, "hub.ke", 1, 0, key), 0);
    assert_non_null(memmem(delivery->receipt.data, delivery->receipt.size, "is no date", 10));
    kw_delivery_free(delivery);
    kw_sign_key_free(key);
}

/* ---- admission -------------------------------------------------------------------- */

struct admission {
    struct kw_bus *bus;
    struct kw_socket *hub, *sender;
    struct kw_intake_setup setup;
    struct kw_router router;
};

static int open_admission(void **state)
{
    struct admission *admission = kw_alloc(sizeof *admission);
    assert_non_null(admission);
    assert_int_equal(kw_bus_new(&admission->bus, NULL), 0);
    assert_int_equal(kw_link_new(admission->bus, &admission->hub, &admission->sender, NULL), 0);
    admission->setup = (struct kw_intake_setup){.router = admission->hub, .window = 1};
    admission->router.setup = &admission->setup;
    admission->router.in_flight = 1; /* the window is full: everything waits */
    *state = admission;
    return 0;
}

static int close_admission(void **state)
{
    struct admission *admission = *state;
    kw_flow_clear(&admission->router);
    kw_socket_close(admission->hub);
    kw_socket_close(admission->sender);
    kw_bus_free(admission->bus);
    kw_free(admission);
    return 0;
}

static struct kw_delivery *batch(uint8_t id, uint64_t request)
{
    struct kw_delivery *delivery = make_delivery(1);
    delivery->id[1] = id;
    delivery->digest[0] = id;
    kw_request_set(&delivery->request, request);
    assert_int_equal(kw_put_item(&delivery->request.payload, "body", 4), 0);
    return delivery;
}

static unsigned length(const struct kw_delivery *queue)
{
    unsigned count = 0;
    for (; queue; queue = queue->next)
        count++;
    return count;
}

static void a_batch_again_joins_the_one_under_way(void **state)
{
    struct admission *admission = *state;
    struct kw_router *router = &admission->router;
    kw_flow_admit(router, batch(1, 100));
    kw_flow_admit(router, batch(2, 101));
    size_t bytes = router->queued_bytes;
    for (uint64_t request = 200; request < 260; request++)
        kw_flow_admit(router, batch(1, request));
    assert_int_equal(length(router->bulk), 2);
    assert_int_equal(router->queued_bytes, bytes);
    assert_int_equal(kw_request_number(&router->bulk->request), 259); /* the last asker gets the receipt */
    assert_int_equal(router->bulk->request.payload.size, 8);
    struct kw_delivery *other = batch(1, 300); /* another sender, and other bytes, are other batches */
    other->principal = 8;
    kw_flow_admit(router, other);
    other = batch(1, 301);
    other->digest[9] = 1;
    kw_flow_admit(router, other);
    assert_int_equal(length(router->bulk), 4);
}

static void too_many_checks_are_refused_as_busy(void **state)
{
    struct admission *admission = *state;
    struct kw_router *router = &admission->router;
    struct kw_message answer = {0};
    for (uint32_t i = 0; i <= KW_QUEUE_CHECKS; i++) {
        struct kw_delivery *check = batch((uint8_t)i, i);
        check->check = true;
        kw_flow_admit(router, check);
    }
    assert_int_equal(length(router->checks), KW_QUEUE_CHECKS);
    assert_int_equal(kw_receive(admission->sender, &answer), 0);
    assert_string_equal(answer.verb, "ERROR");
    assert_non_null(memmem(answer.header.data, answer.header.size, "\"busy\"", 6));
    assert_int_equal(kw_request_number(&answer), KW_QUEUE_CHECKS);
    kw_message_clear(&answer);
}

static void admit_mebibyte(struct kw_router *router, uint32_t principal, uint8_t id)
{
    KW_AUTO(kw_freep) uint8_t *body = kw_alloc(1 << 20);
    struct kw_delivery *delivery = batch(id, id);
    delivery->principal = principal;
    assert_int_equal(kw_buf_append(&delivery->request.payload, body, 1 << 20), 0);
    kw_flow_admit(router, delivery);
}

static void one_sender_leaves_room_for_the_others(void **state)
{
    struct admission *admission = *state;
    struct kw_router *router = &admission->router;
    struct kw_message answer = {0};
    for (uint8_t id = 0; id < 20; id++)
        admit_mebibyte(router, 7, id);
    assert_int_equal(length(router->bulk), 16);
    for (unsigned refused = 16; refused < 20; refused++) {
        assert_int_equal(kw_receive(admission->sender, &answer), 0);
        assert_non_null(memmem(answer.header.data, answer.header.size, "\"window-full\"", 13));
        assert_int_equal(kw_request_number(&answer), refused);
        kw_message_clear(&answer);
    }
    for (uint32_t principal = 8; principal < 12; principal++)
        for (uint8_t id = 0; id < 16; id++)
            admit_mebibyte(router, principal, id);
    assert_in_range(router->queued_bytes, 64 << 20, 65 << 20); /* and all together are bounded */
}

static struct kw_delivery *decided_batch(uint8_t id)
{
    struct kw_delivery *delivery = batch(id, id);
    delivery->slots[0].outcome = KW_E_SCHEMA; /* needs no validator */
    return delivery;
}

static void drop_written(struct admission *admission, unsigned count)
{
    struct kw_message message = {0};
    for (; count; count--) {
        assert_int_equal(kw_receive(admission->sender, &message), 0);
        assert_string_equal(message.verb, "WRITE");
        kw_delivery_free(kw_delivery_receive(&message));
        kw_message_clear(&message);
    }
    assert_int_equal(kw_receive(admission->sender, &message), -EAGAIN);
}

static void where_checks_come_little_bulk_is_before_them(void **state)
{
    struct admission *admission = *state;
    struct kw_router *router = &admission->router;
    admission->setup.window = 1024;
    admission->setup.writer = admission->hub;
    router->in_flight = KW_NEAR_WINDOW;
    kw_flow_admit(router, decided_batch(1));
    drop_written(admission, 1);
    struct kw_delivery *check = batch(2, 2);
    check->check = true;
    kw_flow_admit(router, check);
    kw_flow_admit(router, decided_batch(3));
    kw_flow_admit(router, decided_batch(4));
    drop_written(admission, 0);
    router->in_flight = KW_NEAR_WINDOW - 1;
    kw_flow_dispatch(router);
    drop_written(admission, 1);
    router->near_ms = kw_clock_monotonic_ms(); /* the last check is long ago */
    kw_flow_dispatch(router);
    drop_written(admission, 1);
    assert_int_equal(length(router->bulk), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_answer_decides),
        cmocka_unit_test(of_half_an_answer_nothing_is_kept),
        cmocka_unit_test(answers_of_any_bytes_are_survived),
        cmocka_unit_test(the_receipt_of_a_full_batch_fits_its_header),
        cmocka_unit_test(a_small_receipt_explains),
        cmocka_unit_test_setup_teardown(a_batch_again_joins_the_one_under_way, open_admission, close_admission),
        cmocka_unit_test_setup_teardown(too_many_checks_are_refused_as_busy, open_admission, close_admission),
        cmocka_unit_test_setup_teardown(one_sender_leaves_room_for_the_others, open_admission, close_admission),
        cmocka_unit_test_setup_teardown(where_checks_come_little_bulk_is_before_them, open_admission, close_admission),
    };
    return cmocka_run_group_tests(tests, make_image, drop_image);
}
