/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - host services over HTTP: the client, and the listener that answers after the durable spool. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define ANSWER_MS 20000 /* the longest wait of a webhook for the spool */

/* ---- client ---------------------------------------------------------------------------- */

/* "https://host:1/path" → "host:1", or with the scheme's port. */
static int host_of(const char *url, char *ret_host, size_t size)
{
    const char *begin = strstr(url, "://");
    if (!begin)
        return -EINVAL;
    begin += 3;
    size_t length = strcspn(begin, "/?#");
    bool port = memchr(begin, ':', length) != NULL && begin[length - 1] != ']';
    const char *usual = strncmp(url, "https:", 6) ? ":80" : ":443";
    int written = snprintf(ret_host, size, "%.*s%s", (int)length, begin, port ? "" : usual);
    return written < 0 || (size_t)written >= size || length == 0 ? -EINVAL : 0;
}

int kw_exchange_open(struct kw_instance *instance, struct kw_fault *fault)
{
    const struct kinward_plugin *descriptor = instance->settings.descriptor;
    char hosts[16][300];
    const char *list[KW_COUNT(hosts) + 1] = {NULL};
    size_t count = 0;
    bool plain = false;
    pthread_mutex_init(&instance->exchange, NULL);
    int error = kw_session_open(instance, fault);
    if (error || !(descriptor->capabilities & KINWARD_NETWORK))
        return error;
    for (uint32_t i = 0; i < descriptor->option_count && count < KW_COUNT(hosts); i++) {
        const char *url = kw_settings_text(&instance->settings, i);
        if (descriptor->options[i].type != KINWARD_URL || !url)
            continue;
        if (host_of(url, hosts[count], sizeof hosts[count]) < 0)
            return kw_fail(fault, -EINVAL, KW_E_OPTION, descriptor->options[i].name, "not a URL with a host");
        plain = plain || !strncmp(url, "http:", 5);
        list[count] = hosts[count];
        count++;
    }
    const char *patience = getenv("KINWARD_HTTP_MS");
    struct kw_http_options options = {.hosts = list,
                                      .plain = plain,
                                      .authorities = kw_instance_secret(instance, "tls-authorities"),
                                      .certificate = kw_instance_secret(instance, "tls-certificate"),
                                      .key = kw_instance_secret(instance, "tls-key"),
                                      .total_ms = patience ? atoi(patience) : 30000};
    return kw_http_client_new(&options, &instance->client, fault);
}

void kw_exchange_cancel(struct kw_instance *instance)
{
    if (instance->client)
        kw_http_cancel(instance->client);
}

void kw_exchange_close(struct kw_instance *instance)
{
    kw_http_server_stop(instance->server);
    instance->server = NULL;
    kw_http_client_free(instance->client);
    instance->client = NULL;
    kw_session_close(instance);
}

static kinward_verdict http(void *context, const struct kinward_request *request, int32_t *ret_status, int64_t *ret_retry_after_ms,
                            const struct kinward_out *body)
{
    struct kw_instance *instance = context;
    struct kw_fault fault = {0};
    struct kw_http_response response = {0};
    struct kw_http_request ours = {request->method, request->url, request->headers, kw_view_in(request->body)};
    if (!instance->client)
        return instance->host.fail(context, KINWARD_BROKEN, "the network is not among this plugin's capabilities");
    const bool taken = kw_guest_take();
    pthread_mutex_lock(&instance->exchange);
    int error = kw_http_send(instance->client, &ours, &response, &fault);
    pthread_mutex_unlock(&instance->exchange);
    kw_guest_give(taken);
    if (error == -ECANCELED)
        return KINWARD_IDLE;
    if (error)
        return instance->host.fail(context,
                                   error == -EMSGSIZE || error == -EACCES || error == -EINVAL ? KINWARD_REJECT : KINWARD_RETRY,
                                   "%s: %s", fault.place, fault.message);
    *ret_status = response.status;
    *ret_retry_after_ms = response.retry_after_ms;
    kinward_verdict verdict = response.body.size ? body->write(body->context, response.body.data, response.body.size) : KINWARD_OK;
    kw_http_response_clear(&response);
    return verdict;
}

/* ---- listener ---------------------------------------------------------------------------- */

static kinward_verdict write_body(void *context, const void *data, size_t size)
{
    struct kw_buf *body = context;
    if (body->size + size > KW_LIMIT_HTTP_BODY)
        return KINWARD_REJECT;
    return kw_buf_append(body, data, size) < 0 ? KINWARD_RETRY : KINWARD_OK;
}

/* Documents that were never answered must not find a call that is gone. */
static void forget(struct kw_instance *instance, const struct kw_call *call)
{
    for (struct kw_pending *pending = instance->pending; pending; pending = pending->next)
        if (pending->call == call)
            pending->call = NULL;
}

/* Waits for the spool; false: not all is durable. */
static bool await_durable(struct kw_instance *instance, struct kw_call *call)
{
    pthread_mutex_lock(&instance->lock);
    while (call->waiting > 0 && !call->failed && !instance->stopping && kw_clock_monotonic_ms() < call->end_ms) {
        struct timespec end = {.tv_sec = call->end_ms / 1000, .tv_nsec = call->end_ms % 1000 * 1000000};
        pthread_cond_clockwait(&instance->changed, &instance->lock, CLOCK_MONOTONIC, &end);
    }
    bool durable = call->waiting == 0 && !call->failed;
    forget(instance, call);
    pthread_mutex_unlock(&instance->lock);
    return durable;
}

static void handle(void *context, const struct kw_http_call *http_call, struct kw_http_answer *ret_answer)
{
    struct kw_instance *instance = context;
    struct kinward_out body = {&ret_answer->body, write_body};
    struct kw_call call = {.call = {sizeof call.call, http_call->method, http_call->path, kw_view_out(http_call->body)},
                           .http = http_call,
                           .end_ms = kw_clock_monotonic_ms() + ANSWER_MS};
    struct kw_guest guest = {0};
    kw_guest_enter(&instance->guests, &guest);
    kw_guest_give(true);
    int32_t status = instance->listener(instance->listener_context, &call.call, &body);
    kw_guest_leave(&instance->guests, &guest);
    bool durable = await_durable(instance, &call);
    ret_answer->content_type = "application/json";
    ret_answer->status = status;
    if (durable || status < 200 || status > 299)
        return;
    kw_buf_clear(&ret_answer->body);
    ret_answer->status = 503;
}

static kinward_verdict listen_at(void *context, const char *address, kinward_listener listener, void *listener_context,
                                 uint16_t *ret_port)
{
    struct kw_instance *instance = context;
    struct kw_fault fault = {0};
    char host[64];
    const char *colon = strrchr(address, ':');
    char *end = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 65536;
    if (!(instance->settings.descriptor->capabilities & KINWARD_LISTENER) || instance->server)
        return instance->host.fail(context, KINWARD_BROKEN,
                                   "a listener is not among this plugin's capabilities, or is there already");
    if (!colon || (size_t)(colon - address) >= sizeof host || end == colon + 1 || *end || port > 65535)
        return instance->host.fail(context, KINWARD_BROKEN, "the listener's address is not HOST:PORT");
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    instance->listener = listener;
    instance->listener_context = listener_context;
    struct kw_http_server_options options = {.address = host, .port = (uint16_t)port, .connections = 64, .waiting = true};
    if (kw_http_server_start(&options, handle, instance, &instance->server, &fault) < 0)
        return instance->host.fail(context, KINWARD_RETRY, "%s: %s", fault.place, fault.message);
    instance->port = kw_http_server_port(instance->server);
    *ret_port = instance->port;
    return KINWARD_OK;
}

static const struct kw_http_call *http_of(const struct kinward_call *call)
{
    return ((const struct kw_call *)call)->http;
}

static const char *header(void *context, const struct kinward_call *call, const char *name)
{
    return kw_http_header(http_of(call), name);
}

static const char *argument(void *context, const struct kinward_call *call, const char *name)
{
    return kw_http_argument(http_of(call), name);
}

void kw_services_exchange(struct kinward_host *host)
{
    host->http = http;
    host->listen = listen_at;
    host->header = header;
    host->argument = argument;
}
