/* SPDX-License-Identifier: Apache-2.0 */
/* post.c - an agency's folder, items as a hub makes them, and a hub of the test's own that may err. */
#include "post.h"

#include "json/json.h"

/* ---- the agency's folder --------------------------------------------------------------------- */

static const char *path_of(const struct post *post, const char *name)
{
    static char path[KW_PATH_SIZE];
    assert_int_equal(kw_path_join(path, sizeof path, post->folder, name), 0);
    return path;
}

static void put_file(const struct post *post, const char *name, struct kw_view text)
{
    assert_int_equal(kw_file_replace(path_of(post, name), text, 0600, NULL), 0);
}

static void put_card(const struct post *post)
{
    struct kw_buf text = {0};
    struct kw_card card = {.name = HUB, .jurisdiction = "KE"};
    memcpy(card.sign, post->sign->public_key, sizeof card.sign);
    memcpy(card.curve, post->curve.public_key, sizeof card.curve);
    kw_time_format(0, card.made);
    assert_int_equal(kw_card_print(&card, post->sign, &text), 0);
    put_file(post, "hub.card", kw_view_of(&text));
    kw_buf_clear(&text);
}

static void put_agency(const struct post *post)
{
    struct kw_box_key *box = NULL;
    struct kw_curve curve;
    char text[1024];
    assert_int_equal(kw_box_key_new(&box), 0);
    assert_int_equal(kw_box_key_save(path_of(post, "box.key"), box, NULL), 0);
    kw_box_key_free(box);
    assert_int_equal(kw_curve_new(&curve), 0);
    assert_int_equal(kw_curve_save(path_of(post, "curve.key"), &curve, NULL), 0);
    assert_int_equal(kw_zap_allow(post->zap, curve.public_key, AGENCY), 0);
    kw_curve_clear(&curve);
    snprintf(text, sizeof text,
             "<agency xmlns=\"urn:kinward:config:1\" name=\"%s\" jurisdiction=\"KE\"><keys folder=\".\"/>"
             "<hub endpoint=\"%s\" card=\"hub.card\"/><inbox folder=\"inbox\"/></agency>",
             AGENCY, kw_socket_endpoint(post->router));
    put_file(post, "agency.xml", kw_view_text(text));
}

void post_start(struct post *post, const char *folder)
{
    struct kw_fault fault = {0};
    *post = (struct post){0};
    snprintf(post->folder, sizeof post->folder, "%s", folder);
    setenv("KINWARD_DATA", getenv("KINWARD_SOURCE"), 1);
    kw_log_threshold(KW_LOG_ERROR);
    assert_int_equal(kw_crypto_init(), 0);
    assert_int_equal(kw_sign_key_new(&post->sign), 0);
    assert_int_equal(kw_curve_new(&post->curve), 0);
    assert_int_equal(kw_bus_new(&post->bus, &fault), 0);
    assert_int_equal(kw_zap_start(post->bus, &post->zap, &fault), 0);
    assert_int_equal(kw_router_bind(post->bus, "tcp://127.0.0.1:0", &post->curve, &post->router, &fault), 0);
    put_card(post);
    put_agency(post);
    if (kw_agency_load(path_of(post, "agency.xml"), &post->agency, &fault) < 0)
        fail_msg("%s: %s", fault.place, fault.message);
}

void post_stop(struct post *post)
{
    kw_agency_clear(&post->agency);
    kw_socket_close(post->router);
    kw_zap_stop(post->zap);
    kw_bus_free(post->bus);
    kw_curve_clear(&post->curve);
    kw_sign_key_free(post->sign);
}

/* ---- items -------------------------------------------------------------------------------------- */

static void put_statement(const struct forge *forge, struct kw_buf *out)
{
    const char *rule = forge->rule ? forge->rule : "D5";
    char id[2 * KW_ALERT_ID_SIZE + 1];
    uint8_t alert[KW_ALERT_ID_SIZE];
    memset(alert, forge->alert, sizeof alert);
    kw_hex(id, alert, sizeof alert);
    assert_int_equal(kw_buf_text(out, "<statement xmlns=\"urn:kinward:alert:1\">"), 0);
    if (forge->inner)
        assert_int_equal(kw_buf_text(out, forge->inner), 0);
    else
        assert_int_equal(kw_buf_format(out,
                                       "<alert>%s</alert><revision>%u</revision><type>%s</type><status>Test</status><rule>"
                                       "<id>%s</id><version>1</version><tier>A</tier><reason>some-reason</reason></rule>",
                                       id, forge->revision, kw_alert_type_name(forge->type), rule),
                         0);
    assert_int_equal(kw_buf_text(out, "</statement>"), 0);
}

static void put_envelope(const struct post *post, const struct forge *forge, const struct kw_buf *statement, struct kw_buf *out)
{
    const struct kw_sign_key *sign = forge->sign ? forge->sign : post->sign;
    struct kw_json_out json = {.out = out};
    uint8_t alert[KW_ALERT_ID_SIZE], digest[KW_HASH_SIZE];
    char key[9];
    memset(alert, forge->alert, sizeof alert);
    kw_sha256_of(statement->data, statement->size, digest);
    digest[0] ^= forge->bad_digest;
    kw_key_id(sign->public_key, key);
    kw_json_object(&json, NULL);
    kw_json_integer(&json, "v", forge->version ? forge->version : 1);
    kw_json_hex(&json, "alert", alert, sizeof alert);
    kw_json_integer(&json, "revision", forge->revision);
    kw_json_string(&json, "type", kw_alert_type_name(forge->type));
    kw_json_string(&json, "hub", forge->hub ? forge->hub : HUB);
    kw_json_string(&json, "sent", "2026-07-12T16:00:00.000Z");
    kw_json_string(&json, "expires", "2036-07-12T16:00:00.000Z");
    kw_json_string(&json, "key", forge->key ? forge->key : key);
    kw_json_hex(&json, "digest", digest, sizeof digest);
    kw_json_close(&json, '}');
    assert_int_equal(kw_json_end(&json), 0);
}

static void put_signature(const struct post *post, const struct forge *forge, struct posted *posted)
{
    const struct kw_sign_key *sign = forge->sign ? forge->sign : post->sign;
    uint8_t signature[KW_SIGNATURE_SIZE];
    struct kw_buf text = {0};
    assert_int_equal(kw_buf_text(&text, "kinward/envelope/v1\n"), 0);
    assert_int_equal(kw_buf_append(&text, posted->envelope.data, posted->envelope.size), 0);
    kw_sign(sign, text.data, text.size, signature);
    signature[5] ^= forge->bad_signature;
    assert_int_equal(kw_buf_append(&posted->signature, signature, sizeof signature), 0);
    kw_buf_clear(&text);
}

static void put_body(const struct post *post, const struct forge *forge, const struct kw_buf *statement, struct posted *posted)
{
    struct kw_buf plain = {0};
    uint8_t key[KW_KEY_SIZE];
    kw_random(key, sizeof key);
    if (forge->no_length)
        assert_int_equal(kw_buf_u32(&plain, 1 << 20), 0);
    else
        assert_int_equal(kw_put_item(&plain, statement->data, statement->size), 0);
    while (plain.size < 1024)
        assert_int_equal(kw_buf_append(&plain, "", 1), 0);
    plain.data[plain.size - 1] |= forge->bad_padding;
    assert_int_equal(kw_encrypt(key, kw_view_text("kinward/alert/v1"), kw_view_of(&plain), &posted->body), 0);
    posted->body.data[posted->body.size / 2] ^= forge->bad_body;
    const uint8_t *box = forge->box ? forge->box : post->agency.box->public_key;
    assert_int_equal(kw_seal(box, (struct kw_view){key, sizeof key}, &posted->key), 0);
    kw_buf_clear(&plain);
}

void post_make(const struct post *post, const struct forge *asked, uint64_t epoch, uint64_t number, const struct kw_item *previous,
               struct posted *ret_posted)
{
    struct forge forge = *asked;
    struct kw_buf statement = {0};
    forge.revision = forge.revision ? forge.revision : 1;
    forge.type = forge.type ? forge.type : KW_ALERT_ALERT;
    *ret_posted = (struct posted){0};
    put_statement(&forge, &statement);
    put_envelope(post, &forge, &statement, &ret_posted->envelope);
    put_signature(post, &forge, ret_posted);
    put_body(post, &forge, &statement, ret_posted);
    kw_buf_clear(&statement);
    struct kw_item *item = &ret_posted->item;
    *item = (struct kw_item){.epoch = epoch,
                             .number = number,
                             .envelope = kw_view_of(&ret_posted->envelope),
                             .signature = kw_view_of(&ret_posted->signature),
                             .key = kw_view_of(&ret_posted->key),
                             .body = kw_view_of(&ret_posted->body),
                             .received_ms = 1};
    memcpy(item->signer, post->sign->public_key, sizeof item->signer);
    if (previous)
        memcpy(item->previous, previous->chain, sizeof item->previous);
    kw_item_chain(item);
}

void posted_clear(struct posted *posted)
{
    kw_buf_clear(&posted->envelope);
    kw_buf_clear(&posted->signature);
    kw_buf_clear(&posted->key);
    kw_buf_clear(&posted->body);
}

/* ---- a hub ---------------------------------------------------------------------------------------- */

void hub_fill(struct hub *hub, struct post *post, uint64_t epoch, uint64_t count)
{
    *hub = (struct hub){.post = post, .epoch = epoch, .last = count};
    assert_true(count <= HUB_ITEMS);
    for (uint64_t i = 0; i < count; i++)
        post_make(post, &(struct forge){.alert = (uint8_t)(i + 1)}, epoch, i + 1, i ? &hub->items[i - 1].item : NULL,
                  &hub->items[i]);
}

void hub_clear(struct hub *hub)
{
    for (size_t i = 0; i < HUB_ITEMS; i++)
        posted_clear(&hub->items[i]);
    kw_message_clear(&hub->subscription);
}

static void reply(struct hub *hub, const struct kw_message *request, const char *verb, const char *header)
{
    struct kw_message answer = {0};
    kw_message_answer(&answer, request, verb);
    assert_int_equal(kw_buf_text(&answer.header, header), 0);
    (void)!kw_send(hub->post->router, &answer);
    kw_message_clear(&answer);
}

static void refuse(struct hub *hub, const struct kw_message *request, enum kw_code code)
{
    struct kw_message answer = {0};
    assert_int_equal(kw_message_error(&answer, request, code, "as the test wants it"), 0);
    (void)!kw_send(hub->post->router, &answer);
    kw_message_clear(&answer);
}

static void position(struct hub *hub, const struct kw_message *request, const char *verb)
{
    char text[160];
    snprintf(text, sizeof text, "{\"stream\":\"%s\",\"epoch\":%llu,\"last\":%llu}", AGENCY, (unsigned long long)hub->epoch,
             (unsigned long long)(hub->announce ? hub->announce : hub->last));
    reply(hub, request, verb, text);
}

static int64_t number_of(const struct kw_message *message, const char *name)
{
    struct kw_json *json = NULL;
    int64_t value = 0;
    assert_int_equal(kw_json_parse(kw_view_of(&message->header), &json, NULL), 0);
    assert_int_equal(kw_json_get_integer(json, name, 0, INT64_MAX, &value, NULL), 0);
    kw_json_free(json);
    return value;
}

static void subscribed(struct hub *hub, struct kw_message *request)
{
    if (hub->refuse) {
        refuse(hub, request, hub->refuse);
        hub->refuse = KW_OK;
        return;
    }
    hub->subscribes++;
    hub->at = (uint64_t)number_of(request, "from");
    hub->credit = (uint64_t)number_of(request, "credit");
    assert_true(hub->at >= 1 && hub->at <= hub->last + 1);
    kw_message_clear(&hub->subscription);
    kw_message_answer(&hub->subscription, request, "ITEM");
    position(hub, request, "SUBSCRIBED");
}

static void received(struct hub *hub, const struct kw_message *request)
{
    assert_int_equal(number_of(request, "epoch"), hub->epoch);
    if (hub->refuse_received) {
        refuse(hub, request, hub->refuse_received);
        hub->refuse_received = KW_OK;
        return;
    }
    const uint64_t upto = (uint64_t)number_of(request, "upto");
    assert_true(upto >= hub->received && upto <= hub->last);
    hub->received = upto;
    hub->confirms++;
    reply(hub, request, "OK", "{}");
}

static void answer(struct hub *hub, struct kw_message *request)
{
    char text[160];
    assert_string_equal(request->peer, AGENCY);
    if (strcmp(request->verb, "HELLO") == 0) {
        reply(hub, request, "HELLO", "{\"version\":\"KW1\",\"hub\":\"" HUB "\",\"epoch\":1,\"time\":\"2026-07-12T16:00:00.000Z\"}");
    } else if (strcmp(request->verb, "STREAMS") == 0) {
        snprintf(text, sizeof text, "{\"streams\":[{\"stream\":\"%s\",\"epoch\":%llu,\"last\":%llu,\"received\":%llu}]}", AGENCY,
                 (unsigned long long)hub->epoch, (unsigned long long)(hub->announce ? hub->announce : hub->last),
                 (unsigned long long)hub->received);
        reply(hub, request, "STREAMS", text);
    } else if (strcmp(request->verb, "SUBSCRIBE") == 0) {
        subscribed(hub, request);
    } else if (strcmp(request->verb, "RECEIVED") == 0) {
        received(hub, request);
    } else if (strcmp(request->verb, "CREDIT") == 0) {
        hub->credit += (uint64_t)number_of(request, "credit");
    } else {
        fail_msg("verb %s", request->verb);
    }
}

static void send_item(struct hub *hub, const struct kw_item *item)
{
    const struct kw_view parts[] = {item->envelope, item->signature, item->key, item->body};
    struct kw_message message = {0};
    char previous[2 * KW_HASH_SIZE + 1];
    kw_message_answer(&message, &hub->subscription, "ITEM");
    kw_hex(previous, item->previous, sizeof item->previous);
    assert_int_equal(kw_buf_format(&message.header, "{\"stream\":\"%s\",\"epoch\":%llu,\"number\":%llu,\"previous\":\"%s\"}",
                                   AGENCY, (unsigned long long)item->epoch, (unsigned long long)item->number, previous),
                     0);
    for (size_t i = 0; i < KW_COUNT(parts); i++)
        assert_int_equal(kw_put_item(&message.payload, parts[i].data, parts[i].size), 0);
    (void)!kw_send(hub->post->router, &message);
    kw_message_clear(&message);
}

static void push(struct hub *hub)
{
    for (unsigned sent = 0; hub->credit && hub->at <= hub->last && (!hub->a_turn || sent < hub->a_turn); sent++) {
        if ((hub->hold && hub->at >= hub->hold) || (hub->lockstep && hub->at > hub->received + 1))
            return;
        const struct kw_item *item = &hub->items[hub->at - 1].item;
        if (hub->skip == hub->at) {
            hub->skip = 0;
        } else {
            send_item(hub, item);
            if (hub->twice == hub->at)
                send_item(hub, item);
        }
        hub->at++;
        hub->credit--;
    }
}

void hub_turn(struct hub *hub, int wait_ms)
{
    struct kw_poll item = {.socket = hub->post->router};
    struct kw_message message = {0};
    assert_true(kw_poll(&item, 1, wait_ms) >= 0 || errno == EINTR);
    while (kw_receive(hub->post->router, &message) == 0) {
        if (!hub->silent)
            answer(hub, &message);
    }
    kw_message_clear(&message);
    if (hub->silent)
        return;
    push(hub);
    if (hub->beat && hub->subscription.route_size)
        position(hub, &hub->subscription, "HEARTBEAT");
    hub->beat = false;
}

/* ---- by turns ---------------------------------------------------------------------------------------- */

int post_tell(void *context, const struct kw_letter *letter)
{
    struct told *told = context;
    assert_true(told->count < KW_COUNT(told->numbers));
    told->numbers[told->count++] = letter->number;
    told->last = letter->message;
    return 0;
}

int post_run(struct kw_feed_client *client, struct hub *hub, uint64_t last, struct kw_fault *fault)
{
    const int64_t until = kw_clock_monotonic_ms() + (hub->patience_ms ? hub->patience_ms : 10000);
    struct kw_feed_client_state state = {0};
    while (kw_clock_monotonic_ms() < until) {
        hub_turn(hub, 2);
        if (hub->together)
            (void)!usleep(30000);
        int r = kw_feed_client_step(client, 2, -1, fault);
        if (r < 0)
            return r;
        kw_feed_client_state(client, &state);
        if (state.up && state.last == last && state.confirmed == last)
            return 0;
    }
    return -ETIME;
}

struct checking {
    const struct post *post;
    uint64_t epoch, last;
};

static int check_one(void *context, const struct kw_item *item)
{
    struct checking *checking = context;
    struct kw_letter letter = {0};
    if (item->epoch != checking->epoch)
        return 0;
    assert_int_equal(item->number, checking->last + 1);
    assert_int_equal(kw_item_open(&checking->post->agency, item, &letter, NULL), 0);
    assert_int_equal(letter.message.alert[7], (uint8_t)item->number);
    kw_letter_clear(&letter);
    checking->last++;
    return 0;
}

uint64_t post_check(const struct post *post)
{
    struct checking checking = {.post = post};
    struct kw_inbox *inbox = NULL;
    struct kw_inbox_state state;
    struct kw_fault fault = {0};
    int r = kw_inbox_open_reader(&post->agency, &inbox, &fault);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        fail_msg("%s: %s", fault.place, fault.message);
    assert_int_equal(kw_inbox_state(inbox, &state, &fault), 0);
    checking.epoch = state.epoch;
    assert_int_equal(kw_inbox_items(inbox, NULL, 0, check_one, &checking, &fault), 0);
    assert_int_equal(checking.last, state.last);
    kw_inbox_close(inbox);
    return checking.last;
}
