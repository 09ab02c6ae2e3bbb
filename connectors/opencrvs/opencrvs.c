/* SPDX-License-Identifier: Apache-2.0 */
/* opencrvs.c - the connector for OpenCRVS 1.x: webhooks as they come, and a search that finds what they missed. */
#include <stdlib.h>
#include <string.h>

#include "opencrvs.h"

#define SUBSCRIBE_AGAIN_MS 10000

static kinward_verdict choose_events(struct opencrvs *self)
{
    const struct kinward_host *host = self->host;
    const char *at = self->settings->events;
    for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " "), i = 0;
        while (i < EVENTS && (strlen(event_names[i]) != length || memcmp(at, event_names[i], length) != 0))
            i++;
        if (i == EVENTS)
            return host->fail(host->instance, KINWARD_BROKEN, "option events: wanted birth, death, marriage");
        self->is_wanted[i] = true;
        at += length;
    }
    for (size_t i = 0; i < EVENTS; i++)
        if (self->is_wanted[i])
            return KINWARD_OK;
    return host->fail(host->instance, KINWARD_BROKEN, "option events: wanted at least one");
}

static void destroy(void *argument)
{
    struct opencrvs *self = argument;
    if (!self)
        return;
    text_clear(&self->answer);
    text_clear(&self->request);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static kinward_verdict create(const struct kinward_host *host, const void *argument, void **ret_self)
{
    const struct settings *settings = argument;
    if (settings->listen && (!settings->webhooks || !settings->callback || !settings->webhook_secret))
        return host->fail(host->instance, KINWARD_BROKEN, "option listen: wants webhooks, callback and webhook-secret, too");
    struct opencrvs *self = calloc(1, sizeof *self);
    if (!self || pthread_mutex_init(&self->lock, NULL) != 0) {
        free(self);
        return host->fail(host->instance, KINWARD_RETRY, "no memory");
    }
    self->host = host;
    self->settings = settings;
    kinward_verdict verdict = choose_events(self);
    if (verdict == KINWARD_OK)
        verdict = place_load(self);
    if (verdict != KINWARD_OK) {
        destroy(self);
        return verdict;
    }
    *ret_self = self;
    return KINWARD_OK;
}

static kinward_verdict start(void *argument)
{
    struct opencrvs *self = argument;
    uint16_t port;
    if (!self->settings->listen || self->is_listening)
        return KINWARD_OK;
    kinward_verdict verdict = self->host->listen(self->host->instance, self->settings->listen, hook_called, self, &port);
    self->is_listening = verdict == KINWARD_OK;
    return verdict;
}

/* A subscription that fails is tried again; the search does not wait for it. */
static void keep_subscribed(struct opencrvs *self)
{
    const struct kinward_host *host = self->host;
    int64_t now = host->elapsed_ms(host->instance);
    if (!self->is_listening || now < self->next_subscribe_ms)
        return;
    kinward_verdict verdict = hook_subscribe(self);
    int64_t wait = self->settings->poll;
    if (verdict != KINWARD_OK) {
        host->log(host->instance, KINWARD_WARNING, "subscribe.failed", "verdict=%d", verdict);
        wait = wait < SUBSCRIBE_AGAIN_MS ? wait : SUBSCRIBE_AGAIN_MS;
    }
    self->next_subscribe_ms = host->elapsed_ms(host->instance) + wait;
}

/* Waits for the next thing to do, at most wait_ms; true: there is something. */
static bool is_due(struct opencrvs *self, uint32_t wait_ms)
{
    const struct kinward_host *host = self->host;
    int64_t now = host->elapsed_ms(host->instance), next = self->has_page ? now : self->next_search_ms;
    if (now >= next)
        return true;
    (void)host->pause(host->instance, next - now < wait_ms ? (uint32_t)(next - now) : wait_ms);
    return false;
}

static kinward_verdict pull(void *argument, uint32_t credit, uint32_t wait_ms)
{
    struct opencrvs *self = argument;
    uint32_t emitted = 0;
    kinward_verdict verdict = KINWARD_OK;
    keep_subscribed(self);
    if (!is_due(self, wait_ms))
        return KINWARD_IDLE;
    while (verdict == KINWARD_OK && emitted < credit)
        verdict = search_step(self, &emitted);
    return verdict == KINWARD_IDLE && emitted ? KINWARD_OK : verdict;
}

#define OPTION(member) .offset = offsetof(struct settings, member)
static const struct kinward_option options[] = {
    {.name = "auth",
     .type = KINWARD_URL,
     .flags = KINWARD_REQUIRED,
     OPTION(auth),
     .help = "Authorization server, https://auth.DOMAIN."},
    {.name = "gateway",
     .type = KINWARD_URL,
     .flags = KINWARD_REQUIRED,
     OPTION(gateway),
     .help = "Gateway, https://gateway.DOMAIN."},
    {.name = "webhooks", .type = KINWARD_URL, OPTION(webhooks), .help = "Webhook service, https://webhooks.DOMAIN."},
    {.name = "authentication",
     .type = KINWARD_TEXT,
     .fallback = "oauth2",
     OPTION(authentication),
     .help = "oauth2: client credentials, as OpenCRVS wants it."},
    {.name = "token-request",
     .type = KINWARD_TEXT,
     .fallback = "query",
     OPTION(token_request),
     .help = "Where client id and secret stand: query in OpenCRVS 1.x; form, basic."},
    {.name = "client-id",
     .type = KINWARD_TEXT,
     .flags = KINWARD_REQUIRED,
     OPTION(client_id),
     .help = "Of the integration in OpenCRVS."},
    {.name = "client-secret",
     .type = KINWARD_SECRET,
     .flags = KINWARD_REQUIRED,
     OPTION(client_secret),
     .help = "Of the same integration."},
    {.name = "webhook-secret",
     .type = KINWARD_SECRET,
     OPTION(webhook_secret),
     .help = "SHA secret of the integration: signs deliveries."},
    {.name = "listen", .type = KINWARD_TEXT, OPTION(listen), .help = "Address and port for deliveries; none are taken without."},
    {.name = "callback", .type = KINWARD_TEXT, OPTION(callback), .help = "URL by which OpenCRVS reaches that port."},
    {.name = "events", .type = KINWARD_TEXT, .fallback = "birth death marriage", OPTION(events), .help = "What is wanted."},
    {.name = "since",
     .type = KINWARD_TEXT,
     OPTION(since),
     .help = "First day of registration to catch up from; today unless given."},
    {.name = "window",
     .type = KINWARD_INTEGER,
     .fallback = "30",
     OPTION(window),
     .low = 1,
     .high = 3660,
     .help = "Days of one search."},
    {.name = "page-size",
     .type = KINWARD_INTEGER,
     .fallback = "50",
     OPTION(page_size),
     .low = 1,
     .high = PAGE_MAX,
     .help = "Rows of a page."},
    {.name = "poll",
     .type = KINWARD_DURATION,
     .fallback = "15m",
     OPTION(poll),
     .low = 100,
     .high = DAY_MS,
     .help = "Time between searches."},
    {.name = "overlap",
     .type = KINWARD_INTEGER,
     .fallback = "2",
     OPTION(overlap),
     .high = 3660,
     .help = "Days searched again each time."},
    {.name = "daily-limit",
     .type = KINWARD_INTEGER,
     .fallback = "2000",
     OPTION(daily_limit),
     .low = 1,
     .high = INT64_MAX,
     .help = "Requests in a day (UTC), tokens not counted."},
};
static const struct kinward_connector operations = {.start = start, .pull = pull};

KINWARD_EXPORT const struct kinward_plugin kinward_plugin = {
    KINWARD_PLUGIN_HEADER,
    .kind = KINWARD_CONNECTOR,
    .capabilities = KINWARD_NETWORK | KINWARD_LISTENER,
    .operations_size = sizeof operations,
    .operations = &operations,
    .name = "opencrvs",
    .version = "0.2.0",
    .summary = "OpenCRVS 1.x: births and deaths by webhook, and with marriages by search.",
    .license = "Apache-2.0",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct settings),
    .create = create,
    .destroy = destroy,
    .services = KINWARD_SESSION,
};
