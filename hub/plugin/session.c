/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - requests in a session: paced, counted, with token or key, and an answer that is data or a reason why not. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "session.h"

#define DAY_MS      INT64_C(86400000)
#define WAIT_MS     60000 /* where a 429 does not say how long */
#define HEADERS_MAX 32

/* ---- waiting ------------------------------------------------------------------------------- */

int64_t kw_session_wait_ms(struct kw_instance *instance)
{
    if (!instance->session)
        return 0;
    pthread_mutex_lock(&instance->lock);
    int64_t wait = instance->session->wait_end_ms - kw_clock_monotonic_ms();
    pthread_mutex_unlock(&instance->lock);
    return wait < 0 ? 0 : wait;
}

/* No request for so long; until_ms: the same as UTC, where it holds after a restart, too, or 0. */
static kinward_verdict wait_for(struct kw_instance *instance, int64_t ms, int64_t until_ms)
{
    struct kw_session *session = instance->session;
    pthread_mutex_lock(&instance->lock);
    session->not_before_ms = until_ms;
    session->wait_end_ms = kw_clock_monotonic_ms() + ms;
    const struct kinward_document nothing = {.size = sizeof nothing, .cursor = kw_view_out(kw_view_of(&session->cursor))};
    int error = kw_instance_enqueue(instance, NULL, &nothing);
    pthread_mutex_unlock(&instance->lock);
    return error ? KINWARD_RETRY : KINWARD_IDLE;
}

/* OK: the request is counted. IDLE: it would be one too many. */
static kinward_verdict count_request(struct kw_instance *instance)
{
    struct kw_session *session = instance->session;
    pthread_mutex_lock(&instance->lock);
    session->not_before_ms = 0;
    int64_t now = kw_clock_wall_ms(), limit = session->options.daily_limit;
    if (session->day != now / DAY_MS) {
        session->day = now / DAY_MS;
        session->used = 0;
    }
    const bool free = limit == 0 || session->used < limit;
    session->used += free;
    pthread_mutex_unlock(&instance->lock);
    if (free)
        return KINWARD_OK;
    instance->host.log(instance, KINWARD_WARNING, "daily.limit", "requests=%" PRId64, session->used);
    /* Found out again after a restart: the limit may be another then. */
    return wait_for(instance, (now / DAY_MS + 1) * DAY_MS - now, 0);
}

/* ---- one exchange ----------------------------------------------------------------------------- */

kinward_verdict kw_session_send(struct kw_instance *instance, const struct kw_http_request *request,
                                struct kw_http_response *ret_response)
{
    struct kw_session *session = instance->session;
    struct kw_fault fault = {0};
    int64_t now = kw_clock_monotonic_ms();
    if (session->next_ms > now && instance->host.pause(instance, (uint32_t)(session->next_ms - now)) != KINWARD_OK)
        return KINWARD_IDLE;
    if (session->options.minute_limit)
        session->next_ms = kw_clock_monotonic_ms() + 60000 / session->options.minute_limit;
    int error = kw_http_send(instance->client, request, ret_response, &fault);
    if (error == -ECANCELED)
        return KINWARD_IDLE;
    if (error)
        return instance->host.fail(instance, error == -EACCES || error == -EINVAL ? KINWARD_REJECT : KINWARD_RETRY, "%s: %s",
                                   fault.place, fault.message);
    return KINWARD_OK;
}

static bool type_is(const char *type, size_t size, const char *suffix)
{
    size_t length = strlen(suffix);
    return size >= length && !strncasecmp(type + size - length, suffix, length);
}

/* type: with its parameters. JSON's and XML's own suffixes (RFC 6839) are taken for them, but a page is not. */
static bool is_accepted(const char *accept, const char *type)
{
    size_t size = strcspn(type, "; \t");
    for (const char *at = accept; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        const bool json = length == 16 && !strncmp(at, "application/json", 16);
        const bool xml = length == 15 && !strncmp(at, "application/xml", 15);
        if ((length == size && !strncasecmp(at, type, size)) || (json && type_is(type, size, "+json")))
            return true;
        if (xml && ((type_is(type, size, "+xml") && !type_is(type, size, "/xhtml+xml")) ||
                    (size == 8 && !strncasecmp(type, "text/xml", 8))))
            return true;
        at += length;
    }
    return false;
}

static kinward_verdict told_to_wait(struct kw_instance *instance, const struct kw_http_response *response)
{
    int64_t wait = response->retry_after_ms >= 0 ? response->retry_after_ms : WAIT_MS;
    instance->host.log(instance, KINWARD_WARNING, "told.to.wait", "status=%d wait_ms=%" PRId64, response->status, wait);
    return wait_for(instance, wait, kw_clock_wall_ms() + wait);
}

kinward_verdict kw_session_judge(struct kw_instance *instance, const struct kw_http_response *response, const char *accept)
{
    const struct kinward_host *host = &instance->host;
    const int status = response->status;
    if (status == 429 || (status == 503 && response->retry_after_ms >= 0))
        return told_to_wait(instance, response);
    if (status >= 300 && status < 400)
        return host->fail(instance, KINWARD_RETRY, "it answered %d: redirects are not followed", status);
    if (status == 401)
        return host->fail(instance, KINWARD_RETRY, "it answered 401, to a new token, too: the client may lack the scope");
    if (status < 200 || status >= 500 || status == 403 || status == 408)
        return host->fail(instance, KINWARD_RETRY, "it answered %d", status);
    if (status >= 400)
        return host->fail(instance, KINWARD_REJECT, "it answered %d", status);
    if (response->body.size && !is_accepted(accept ? accept : "application/json", response->content_type))
        return host->fail(instance, KINWARD_RETRY, "it answered %d, but of a type that is not %s", status,
                          accept ? accept : "application/json");
    return KINWARD_OK;
}

/* ---- a request of the plugin --------------------------------------------------------------------- */

struct headers {
    const char *list[HEADERS_MAX + 3];
    struct kw_buf accept, secret;
};

static void headers_wipe(struct headers *headers)
{
    kw_buf_clear(&headers->accept);
    kw_buf_wipe(&headers->secret);
}

static int put_secret(struct kw_instance *instance, struct kw_buf *ret_header)
{
    const struct kw_session *session = instance->session;
    const char *method = session->options.authentication;
    if (!strcmp(method, "oauth2"))
        return kw_buf_format(ret_header, "%s%s",
                             !strcmp(session->options.token_style, "cookie") ? "Cookie: Authorization=" : "Authorization: Bearer ",
                             (const char *)session->token.data);
    struct kw_view key = kw_instance_secret(instance, "api-key");
    return !strcmp(method, "key")
               ? kw_buf_format(ret_header, "%s: %.*s", session->options.api_key_header, (int)key.size, (const char *)key.data)
               : 0;
}

static int put_headers(struct kw_instance *instance, const struct kinward_request *request, const char *accept,
                       struct headers *headers)
{
    size_t count = 0;
    for (; request->headers && request->headers[count]; count++) {
        if (count == HEADERS_MAX)
            return -E2BIG;
        headers->list[count] = request->headers[count];
    }
    int error = kw_buf_text(&headers->accept, "Accept: ");
    for (const char *at = accept; *at && !error; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        error = kw_buf_format(&headers->accept, "%s%.*s", at == accept ? "" : ", ", (int)length, at);
        at += length;
    }
    if (!error)
        error = kw_buf_append(&headers->accept, "", 1);
    if (!error)
        error = put_secret(instance, &headers->secret);
    if (!error && headers->secret.size)
        error = kw_buf_append(&headers->secret, "", 1);
    headers->list[count++] = (const char *)headers->accept.data;
    if (headers->secret.size)
        headers->list[count] = (const char *)headers->secret.data;
    return error;
}

static kinward_verdict send_once(struct kw_instance *instance, const struct kinward_request *request, const char *accept,
                                 struct kw_http_response *ret_response)
{
    KW_AUTO(headers_wipe) struct headers headers = {0};
    kinward_verdict verdict = kw_session_wait_ms(instance) > 0 ? KINWARD_IDLE : kw_token_ready(instance);
    if (verdict == KINWARD_OK)
        verdict = count_request(instance);
    if (verdict != KINWARD_OK)
        return verdict;
    int error = put_headers(instance, request, accept, &headers);
    if (error)
        return instance->host.fail(instance, error == -E2BIG ? KINWARD_REJECT : KINWARD_RETRY, "its headers cannot be made");
    const struct kw_http_request ours = {request->method, request->url, headers.list, kw_view_in(request->body)};
    return kw_session_send(instance, &ours, ret_response);
}

static kinward_verdict send_renewed(struct kw_instance *instance, const struct kinward_request *request, const char *accept,
                                    struct kw_http_response *ret_response)
{
    kinward_verdict verdict = send_once(instance, request, accept, ret_response);
    if (verdict == KINWARD_OK && ret_response->status == 401 && kw_token_wanted(instance->session)) {
        instance->host.log(instance, KINWARD_INFO, "token.renewed", "status=401");
        kw_token_forget(instance->session);
        verdict = send_once(instance, request, accept, ret_response);
        if (verdict == KINWARD_OK && ret_response->status == 401)
            kw_token_forget(instance->session);
    }
    return verdict == KINWARD_OK ? kw_session_judge(instance, ret_response, accept) : verdict;
}

static kinward_verdict request(void *context, const struct kinward_request *request, int32_t *ret_status,
                               const struct kinward_out *body)
{
    struct kw_instance *instance = context;
    struct kw_http_response response = {0};
    const char *accept = request->size >= sizeof *request && request->accept ? request->accept : "application/json";
    *ret_status = 0;
    if (!instance->session || !instance->client)
        return instance->host.fail(context, KINWARD_BROKEN, "a session is not among this plugin's services");
    const bool taken = kw_guest_take();
    pthread_mutex_lock(&instance->exchange);
    kinward_verdict verdict = send_renewed(instance, request, accept, &response);
    pthread_mutex_unlock(&instance->exchange);
    kw_guest_give(taken);
    *ret_status = response.status;
    if (verdict == KINWARD_OK && response.body.size)
        verdict = body->write(body->context, response.body.data, response.body.size);
    kw_http_response_clear(&response);
    return verdict;
}

static void renew(void *context)
{
    struct kw_instance *instance = context;
    if (!instance->session)
        return;
    pthread_mutex_lock(&instance->exchange);
    kw_token_forget(instance->session);
    pthread_mutex_unlock(&instance->exchange);
}

static int ahead(void *context, int64_t ms)
{
    const struct kw_instance *instance = context;
    int64_t latest = kw_clock_wall_ms() + (instance->session ? instance->session->options.clock_skew : 0);
    return ms > latest;
}

void kw_services_session(struct kinward_host *host)
{
    host->request = request;
    host->renew = renew;
    host->ahead = ahead;
}
