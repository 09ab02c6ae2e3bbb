/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - connecting, greeting, asking, subscribing. */
#include "line.h"

#include <errno.h>
#include <string.h>

#include "json/json.h"

#define WAIT_MS 30000
#define CREDIT  1000

static void expect(const struct kw_message *message, const char *verb)
{
    if (strcmp(message->verb, verb) == 0)
        return;
    fprintf(stderr, "bench: %s instead of %s: %.*s\n", message->verb, verb, (int)message->header.size,
            (const char *)message->header.data);
    bench_need(-EPROTO, "answer", NULL);
}

static void wait_for(struct kw_socket *socket, struct kw_message *ret_message)
{
    int r = kw_receive(socket, ret_message);
    while (r == -EAGAIN) {
        struct kw_poll item = {.socket = socket};
        bench_need(kw_poll(&item, 1, WAIT_MS), "poll", NULL);
        bench_need(item.readable ? 0 : -ETIMEDOUT, "answer", NULL);
        r = kw_receive(socket, ret_message);
    }
    bench_need(r, "receive", NULL);
}

static void send_all(struct kw_socket *socket, struct kw_message *message)
{
    int r = kw_send(socket, message);
    while (r == -EAGAIN) { /* at first there is no line yet */
        struct kw_poll item = {.socket = socket, .want_write = true};
        bench_need(kw_poll(&item, 1, WAIT_MS), "poll", NULL);
        bench_need(item.writable ? 0 : -ETIMEDOUT, "connection", NULL);
        r = kw_send(socket, message);
    }
    bench_need(r, "send", NULL);
}

void bench_line_ask(struct bench_line *line, struct kw_message *message, const char *verb, struct kw_message *ret_answer)
{
    send_all(line->intake, message);
    wait_for(line->intake, ret_answer);
    expect(ret_answer, verb);
}

static int64_t number_of(const struct kw_json *json, const char *name)
{
    struct kw_fault fault = {0};
    int64_t number = 0;
    bench_need(kw_json_get_integer(json, name, 0, INT64_MAX, &number, &fault), name, &fault);
    return number;
}

static void greet(struct bench_line *line)
{
    KW_AUTO(kw_json_freep) struct kw_json *json = NULL;
    struct kw_message hello = {.verb = "HELLO"}, answer = {0};
    bench_need(kw_buf_text(&hello.header, "{}"), "memory", NULL);
    bench_line_ask(line, &hello, "HELLO", &answer);
    bench_need(kw_json_parse(kw_view_of(&answer.header), &json, NULL), "HELLO", NULL);
    line->window = (uint32_t)number_of(json, "window");
    kw_message_clear(&answer);
}

void bench_line_item(struct bench_line *line)
{
    struct kw_message message = {0};
    while (strcmp(message.verb, "ITEM") != 0) /* a HEARTBEAT may come between */
        wait_for(line->feed, &message);
    line->items++;
    kw_message_clear(&message);
    if (line->items % (CREDIT / 2) == 0) {
        bench_need(kw_buf_format(&message.header, "{\"stream\":\"%s\",\"credit\":%d}", line->stream, CREDIT / 2), "memory", NULL);
        strcpy(message.verb, "CREDIT");
        send_all(line->feed, &message);
    }
}

static void subscribe(struct bench_line *line, const char *agency, const char *endpoint)
{
    KW_AUTO(kw_json_freep) struct kw_json *json = NULL;
    struct kw_curve curve = {0};
    struct kw_fault fault = {0};
    char path[KW_PATH_SIZE];
    struct kw_message message = {.verb = "STREAMS"}, answer = {0};
    snprintf(path, sizeof path, "%s/keys/curve.key", agency);
    bench_need(kw_curve_load(path, &curve, &fault), path, &fault);
    bench_need(kw_dealer_connect(line->bus, endpoint, &curve, line->hub.curve, &line->feed, &fault), endpoint, &fault);
    kw_curve_clear(&curve);
    bench_need(kw_buf_text(&message.header, "{}"), "memory", NULL);
    send_all(line->feed, &message);
    wait_for(line->feed, &answer);
    expect(&answer, "STREAMS");
    bench_need(kw_json_parse(kw_view_of(&answer.header), &json, NULL), "STREAMS", NULL);
    const struct kw_json *stream = kw_json_at(kw_json_member(json, "streams"), 0);
    struct kw_view name = kw_json_text_of(kw_json_member(stream, "stream"));
    snprintf(line->stream, sizeof line->stream, "%.*s", (int)name.size, (const char *)name.data);
    int64_t last = number_of(stream, "last");
    strcpy(message.verb, "SUBSCRIBE");
    bench_need(kw_buf_format(&message.header, "{\"stream\":\"%s\",\"epoch\":%lld,\"from\":%lld,\"credit\":%d}", line->stream,
                             (long long)number_of(stream, "epoch"), (long long)last + 1, CREDIT),
               "memory", NULL);
    send_all(line->feed, &message);
    wait_for(line->feed, &answer);
    expect(&answer, "SUBSCRIBED");
    kw_message_clear(&answer);
}

/* What agent.xml says of the hub, and the keys beside it. */
static void connect_intake(struct bench_line *line, const char *path)
{
    struct kw_config file = {0};
    struct kw_fault fault = {0};
    struct kw_curve curve = {0};
    char endpoint[256], card[KW_PATH_SIZE], folder[KW_PATH_SIZE], key[KW_PATH_SIZE];
    bench_need(kw_config_load(path, "agent", &file, &fault), path, &fault);
    const struct kw_xml_element *hub = kw_config_child(&file, "hub"), *keys = kw_config_child(&file, "keys");
    int r = kw_config_text(&file, file.root, "name", NULL, line->name, sizeof line->name, &fault);
    if (r == 0)
        r = kw_config_text(&file, file.root, "jurisdiction", NULL, line->jurisdiction, sizeof line->jurisdiction, &fault);
    if (r == 0)
        r = kw_config_text(&file, hub, "endpoint", NULL, endpoint, sizeof endpoint, &fault);
    if (r == 0)
        r = kw_config_path(&file, hub, "card", NULL, card, &fault);
    if (r == 0)
        r = kw_config_path(&file, keys, "folder", NULL, folder, &fault);
    bench_need(r, path, &fault);
    kw_config_clear(&file);
    bench_need(kw_card_load(card, &line->hub, &fault), card, &fault);
    bench_need(kw_path_join(key, sizeof key, folder, "origin.key"), folder, NULL);
    bench_need(kw_sign_key_load(key, &line->origin, &fault), key, &fault);
    bench_need(kw_path_join(key, sizeof key, folder, "curve.key"), folder, NULL);
    bench_need(kw_curve_load(key, &curve, &fault), key, &fault);
    bench_need(kw_dealer_connect(line->bus, endpoint, &curve, line->hub.curve, &line->intake, &fault), endpoint, &fault);
    kw_curve_clear(&curve);
    line->sender = (struct bench_sender){line->name, line->jurisdiction, line->origin};
}

void bench_line_open(struct bench_line *line, const char *config, const char *agency, const char *feed)
{
    struct kw_fault fault = {0};
    *line = (struct bench_line){0};
    bench_need(kw_crypto_init(), "crypto", NULL);
    bench_need(kw_bus_new(&line->bus, &fault), "bus", &fault);
    connect_intake(line, config);
    greet(line);
    if (agency)
        subscribe(line, agency, feed);
}

void bench_line_close(struct bench_line *line)
{
    kw_socket_close(line->intake);
    kw_socket_close(line->feed);
    kw_bus_free(line->bus);
    kw_sign_key_free(line->origin);
}

void bench_line_verify(const struct bench_line *line, const char *domain, const struct kw_message *answer)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    struct kw_view rest = kw_view_of(&answer->payload), signature;
    bench_need(kw_buf_text(&bytes, domain), "memory", NULL);
    bench_need(kw_buf_append(&bytes, answer->header.data, answer->header.size), "memory", NULL);
    bench_need(kw_take_item(&rest, &signature) == 0 && signature.size == KW_SIGNATURE_SIZE &&
                       kw_verify(line->hub.sign, bytes.data, bytes.size, signature.data)
                   ? 0
                   : -EKEYREJECTED,
               "the hub's signature", NULL);
}

unsigned bench_count(const struct kw_buf *text, const char *what)
{
    unsigned count = 0;
    for (const char *at = (const char *)text->data; at && (at = strstr(at, what)) != NULL; at += strlen(what))
        count++;
    return count;
}
