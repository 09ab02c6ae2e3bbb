/* SPDX-License-Identifier: Apache-2.0 */
/* running.c - a connector's host made, asked, ended, and started again from its cursor. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "running.h"

struct settings {
    const char *url;
};
static const struct kinward_option options[] = {
    {.name = "url", .type = KINWARD_URL, .flags = KINWARD_REQUIRED, .offset = offsetof(struct settings, url), .help = "A server."}};

void add_secret(struct kw_instance *instance, const char *name, const char *value)
{
    struct kw_secret_value *secret = &instance->secrets[instance->secret_count++];
    snprintf(secret->name, sizeof secret->name, "%s", name);
    assert_int_equal(kw_buf_text(&secret->value, value), 0);
}

static int open_settings(struct running *running, const char *more, struct kw_fault *fault)
{
    struct kw_instance *instance = &running->instance;
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0}, names = {0};
    KW_AUTO(kw_json_freep) struct kw_json *given = NULL;
    KW_AUTO(kw_json_freep) struct kw_json *secrets = NULL;
    assert_int_equal(kw_buf_format(&text, "{\"url\":\"http://127.0.0.1:%u\",\"auth\":\"http://127.0.0.1:%u\"%s%s}",
                                   running->server.port, running->server.port, *more ? "," : "", more),
                     0);
    for (size_t i = 0; i < instance->secret_count; i++)
        assert_int_equal(kw_buf_format(&names, "%s\"%s\"", i ? "," : "[", instance->secrets[i].name), 0);
    assert_int_equal(kw_buf_text(&names, instance->secret_count ? "]" : "[]"), 0);
    assert_int_equal(kw_json_parse(kw_view_of(&text), &given, NULL), 0);
    assert_int_equal(kw_json_parse(kw_view_of(&names), &secrets, NULL), 0);
    int error = kw_settings_fill(&running->plugin.descriptor, given, secrets, &instance->settings, fault);
    return error ? error : kw_exchange_open(instance, fault);
}

/* With the client's secret "old", unless there are secrets already. */
int try_connector(struct running *running, const char *more, struct kw_fault *fault)
{
    struct kw_instance *instance = &running->instance;
    running->plugin = (struct kw_plugin){.descriptor = {.capabilities = KINWARD_NETWORK,
                                                        .services = KINWARD_SESSION,
                                                        .options = options,
                                                        .option_count = KW_COUNT(options),
                                                        .settings_size = sizeof(struct settings)}};
    assert_int_equal(kw_session_extend(&running->plugin, NULL), 0);
    instance->plugin = &running->plugin;
    pthread_mutex_init(&instance->lock, NULL);
    pthread_cond_init(&instance->changed, NULL);
    instance->outgoing_end = &instance->outgoing;
    instance->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!instance->secret_count)
        add_secret(instance, "client-secret", "old");
    kw_services_fill(instance);
    return open_settings(running, more, fault);
}

void start_connector(struct running *running, const char *more)
{
    assert_int_equal(try_connector(running, more, NULL), 0);
}

void stop_connector(struct running *running)
{
    struct kw_instance *instance = &running->instance;
    kw_exchange_close(instance);
    kw_settings_clear(&instance->settings);
    while (instance->outgoing) {
        struct kw_outgoing *next = instance->outgoing->next;
        kw_message_clear(&instance->outgoing->message);
        kw_free(instance->outgoing);
        instance->outgoing = next;
    }
    while (instance->pending) {
        struct kw_pending *next = instance->pending->next;
        kw_free(instance->pending);
        instance->pending = next;
    }
    for (size_t i = 0; i < instance->secret_count; i++)
        kw_buf_clear(&instance->secrets[i].value);
    kw_buf_clear(&instance->cursor);
    close(instance->wake);
    kw_free(running->plugin.options);
    kw_buf_clear(&running->body);
    running->instance = (struct kw_instance){0};
}

int start_registry(void **state)
{
    static struct running running;
    running = (struct running){0};
    scripted_start(&running.server);
    *state = &running;
    return 0;
}

int stop_registry(void **state)
{
    struct running *running = *state;
    stop_connector(running);
    scripted_stop(&running->server);
    kw_clock_fix(-1);
    return 0;
}

kinward_verdict keep(void *context, const void *data, size_t size)
{
    return kw_buf_append(context, data, size) < 0 ? KINWARD_RETRY : KINWARD_OK;
}

kinward_verdict ask_for(struct running *running, const char *accept)
{
    char url[64];
    const struct kinward_out out = {&running->body, keep};
    snprintf(url, sizeof url, "http://127.0.0.1:%u/items", running->server.port);
    const struct kinward_request request = {.size = sizeof request, .method = "GET", .url = url, .accept = accept};
    running->body.size = 0;
    return running->instance.host.request(&running->instance, &request, &running->status, &out);
}

kinward_verdict ask(struct running *running)
{
    return ask_for(running, NULL);
}

size_t seen(struct running *running)
{
    return atomic_load(&running->server.seen);
}

/* What the agent would have kept: the cursor of the last message. */
static void take_cursor(struct running *running, struct kw_buf *ret_cursor)
{
    struct kw_view rest = {0}, item = {0};
    assert_non_null(running->instance.outgoing);
    for (struct kw_outgoing *one = running->instance.outgoing; one; one = one->next)
        rest = kw_view_of(&one->message.payload);
    assert_int_equal(kw_take_item(&rest, &item), 0);
    assert_int_equal(kw_take_item(&rest, &item), 0);
    assert_int_equal(kw_buf_append(ret_cursor, item.data, item.size), 0);
}

/* Ends it, and starts another with the cursor that was kept. */
void restart(struct running *running, const char *more)
{
    struct kw_buf cursor = {0};
    take_cursor(running, &cursor);
    stop_connector(running);
    running->instance.cursor = cursor;
    start_connector(running, more);
}

void emit_cursor(struct running *running, const char *text)
{
    const struct kinward_document nothing = {.size = sizeof nothing, .cursor = kw_view_out(kw_view_text(text))};
    assert_int_equal(running->instance.host.emit(&running->instance, NULL, &nothing), KINWARD_OK);
}
