/* SPDX-License-Identifier: Apache-2.0 */
/* hook.c - webhooks: subscribing, the challenge, and deliveries with their signature. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencrvs.h"

#define SIGNED_PREFIX "sha256="

/* ---- being called --------------------------------------------------------------------------- */

static bool is_topic(const struct opencrvs *self, const char *topic)
{
    for (size_t i = 0; topic && i < EVENTS; i++)
        if (self->is_wanted[i] && event_topics[i] && !strcmp(event_topics[i], topic))
            return true;
    return false;
}

/* OpenCRVS asks back before it takes a subscription; the names have no "hub." before them. */
static int32_t answer_challenge(struct opencrvs *self, const struct kinward_call *call, const struct kinward_out *body)
{
    const struct kinward_host *host = self->host;
    const char *mode = host->argument(host->instance, call, "mode"), *challenge = host->argument(host->instance, call, "challenge");
    if (!mode || strcmp(mode, "subscribe") != 0 || !challenge || !is_topic(self, host->argument(host->instance, call, "topic")))
        return 404;
    kinward_verdict verdict = body->write(body->context, "{\"challenge\":", 13);
    if (verdict == KINWARD_OK)
        verdict = host->json_quote(host->instance, view_of(challenge), body);
    if (verdict == KINWARD_OK)
        verdict = body->write(body->context, "}", 1);
    return verdict == KINWARD_OK ? 200 : 500;
}

/* HMAC-SHA256(secret, "sha256:" ‖ encodeURIComponent(body)) over the bytes as they came, in hex after "sha256=". */
static bool is_signed(struct opencrvs *self, const struct kinward_call *call)
{
    const struct kinward_host *host = self->host;
    const char *header = host->header(host->instance, call, "X-Hub-Signature");
    struct text secret = {0}, content = {0};
    const struct kinward_out secret_out = text_out(&secret), content_out = text_out(&content);
    char expected[sizeof SIGNED_PREFIX + 64] = SIGNED_PREFIX;
    uint8_t tag[32];
    kinward_verdict verdict = header ? host->secret(host->instance, "webhook-secret", &secret_out) : KINWARD_REJECT;
    if (verdict == KINWARD_OK)
        verdict = text_add(&content, "sha256:");
    if (verdict == KINWARD_OK)
        verdict = host->uri_component(host->instance, call->body, &content_out);
    if (verdict == KINWARD_OK) {
        host->hmac_sha256(host->instance, text_view(&secret), text_view(&content), tag);
        for (size_t i = 0; i < sizeof tag; i++)
            snprintf(expected + strlen(SIGNED_PREFIX) + 2 * i, 3, "%02x", tag[i]);
    }
    if (secret.data)
        explicit_bzero(secret.data, secret.capacity);
    text_clear(&secret);
    text_clear(&content);
    return verdict == KINWARD_OK && host->equal(host->instance, view_of(header), view_of(expected));
}

static const struct kinward_json *resource(const struct opencrvs *self, const struct kinward_json *bundle, const char *type)
{
    const struct kinward_host *host = self->host;
    const struct kinward_json *entries = host->json_member(host->instance, bundle, "entry");
    for (size_t i = 0; i < host->json_count(host->instance, entries); i++) {
        const struct kinward_json *one = host->json_member(host->instance, host->json_at(host->instance, entries, i), "resource");
        struct kinward_view found = host->json_text(host->instance, host->json_member(host->instance, one, "resourceType"));
        if (found.size == strlen(type) && !memcmp(found.data, type, found.size))
            return one;
    }
    return NULL;
}

/* The Composition's id and the Task's lastModified. The event stands alone or, as documented, below "payload". */
static bool read_version(const struct opencrvs *self, const struct kinward_json *root, char id[ID_SIZE], char stamp[STAMP_SIZE])
{
    const struct kinward_host *host = self->host;
    const struct kinward_json *payload = host->json_member(host->instance, root, "payload");
    const struct kinward_json *event = host->json_member(host->instance, payload ? payload : root, "event");
    const struct kinward_json *bundle = host->json_at(host->instance, host->json_member(host->instance, event, "context"), 0);
    stamp_of(self, host->json_member(host->instance, resource(self, bundle, "Task"), "lastModified"), stamp);
    return copy_text(self, host->json_member(host->instance, resource(self, bundle, "Composition"), "id"), id, ID_SIZE) && stamp[0];
}

static int32_t take_delivery(struct opencrvs *self, const struct kinward_call *call)
{
    const struct kinward_host *host = self->host;
    struct kinward_json *root = NULL;
    char id[ID_SIZE], stamp[STAMP_SIZE], key[ID_SIZE + STAMP_SIZE + 2];
    if (!is_signed(self, call)) {
        host->log(host->instance, KINWARD_WARNING, "delivery.unsigned", "size=%zu", call->body.size);
        return 401;
    }
    if (host->json_parse(host->instance, call->body, &root) != KINWARD_OK)
        return 400;
    bool understood = read_version(self, root, id, stamp);
    host->json_free(host->instance, root);
    if (understood) {
        snprintf(key, sizeof key, "%s@%s", id, stamp);
    } else { /* signed, so it is kept; the mapping says what is wrong with it */
        uint8_t digest[32];
        host->sha256(host->instance, call->body, digest);
        for (size_t i = 0; i < 16; i++)
            snprintf(key + 2 * i, 5, "%02x@1", digest[i]);
    }
    const struct kinward_document document = {
        .size = sizeof document, .bytes = call->body, .format = "webhook", .key = view_of(key)};
    if (host->emit(host->instance, call, &document) != KINWARD_OK)
        return 503; /* it is not sent again: the search finds it */
    if (understood)
        version_remember(self, id, stamp);
    return 200;
}

int32_t hook_called(void *context, const struct kinward_call *call, const struct kinward_out *body)
{
    if (!strcmp(call->method, "GET"))
        return answer_challenge(context, call, body);
    return !strcmp(call->method, "POST") ? take_delivery(context, call) : 405;
}

/* ---- subscribing ---------------------------------------------------------------------------------- */

static bool is_subscribed(const struct opencrvs *self, const struct kinward_json *root, const char *topic)
{
    const struct kinward_host *host = self->host;
    const struct kinward_json *entries = host->json_member(host->instance, root, "entries");
    for (size_t i = 0; i < host->json_count(host->instance, entries); i++) {
        const struct kinward_json *one = host->json_at(host->instance, entries, i);
        struct kinward_view callback = host->json_text(host->instance, host->json_member(host->instance, one, "callback"));
        struct kinward_view its = host->json_text(host->instance, host->json_member(host->instance, one, "topic"));
        if (its.size == strlen(topic) && !memcmp(its.data, topic, its.size) && callback.size == strlen(self->settings->callback) &&
            !memcmp(callback.data, self->settings->callback, callback.size))
            return true;
    }
    return false;
}

static kinward_verdict put_subscription(struct opencrvs *self, const char *topic)
{
    const struct kinward_host *host = self->host;
    struct text *request = &self->request, secret = {0};
    const struct kinward_out out = text_out(request), secret_out = text_out(&secret);
    text_start(request);
    kinward_verdict verdict = host->secret(host->instance, "webhook-secret", &secret_out);
    if (verdict == KINWARD_OK)
        verdict = text_add(request, "{\"hub\":{\"mode\":\"subscribe\",\"topic\":\"");
    if (verdict == KINWARD_OK)
        verdict = text_add(request, topic);
    if (verdict == KINWARD_OK)
        verdict = text_add(request, "\",\"callback\":");
    if (verdict == KINWARD_OK)
        verdict = host->json_quote(host->instance, view_of(self->settings->callback), &out);
    if (verdict == KINWARD_OK)
        verdict = text_add(request, ",\"secret\":");
    if (verdict == KINWARD_OK)
        verdict = host->json_quote(host->instance, text_view(&secret), &out);
    if (secret.data)
        explicit_bzero(secret.data, secret.capacity);
    text_clear(&secret);
    return verdict == KINWARD_OK ? text_add(request, "}}") : verdict;
}

static kinward_verdict subscribe_to(struct opencrvs *self, const char *url, const char *topic)
{
    const struct kinward_host *host = self->host;
    int32_t status = 0;
    kinward_verdict verdict = put_subscription(self, topic);
    if (verdict == KINWARD_OK)
        verdict = session_send(self, "POST", url, text_view(&self->request), &status);
    if (self->request.data)
        explicit_bzero(self->request.data, self->request.capacity);
    if (verdict == KINWARD_OK && status != 202)
        verdict = host->fail(host->instance, KINWARD_RETRY, "the subscription to %s was refused with %d", topic, status);
    if (verdict == KINWARD_OK)
        host->log(host->instance, KINWARD_NOTICE, "subscribed", "topic=%s", topic);
    return verdict;
}

/* Others may delete a subscription of ours, so they are listed again and again; those of others are left alone. */
kinward_verdict hook_subscribe(struct opencrvs *self)
{
    const struct kinward_host *host = self->host;
    const struct kinward_view nothing = {0};
    struct kinward_json *root = NULL;
    struct text url = {0};
    int32_t status = 0;
    kinward_verdict verdict = text_add(&url, self->settings->webhooks);
    if (verdict == KINWARD_OK)
        verdict = text_add(&url, "/webhooks");
    if (verdict == KINWARD_OK)
        verdict = session_send(self, "GET", url.data, nothing, &status);
    if (verdict == KINWARD_OK && (status != 200 || host->json_parse(host->instance, text_view(&self->answer), &root) != KINWARD_OK))
        verdict = host->fail(host->instance, KINWARD_RETRY, "the list of subscriptions: %d, and no JSON that can be read", status);
    for (size_t i = 0; verdict == KINWARD_OK && i < EVENTS; i++)
        if (self->is_wanted[i] && event_topics[i] && !is_subscribed(self, root, event_topics[i]))
            verdict = subscribe_to(self, url.data, event_topics[i]);
    host->json_free(host->instance, root);
    text_clear(&url);
    return verdict;
}
