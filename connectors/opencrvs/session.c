/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - requests to OpenCRVS: the token and its renewal, being told to wait, the limit of the day. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "opencrvs.h"

#define TOKEN_MS (9 * 60000) /* of the ten minutes that it is good */
#define WAIT_MS  60000       /* where a 429 does not say how long */

static kinward_verdict add_argument(struct opencrvs *self, struct text *url, const char *name, struct kinward_view value)
{
    const struct kinward_out out = text_out(url);
    kinward_verdict verdict = text_add(url, name);
    return verdict == KINWARD_OK ? self->host->uri_component(self->host->instance, value, &out) : verdict;
}

/* Parameters stand in the query, as the authorization server of OpenCRVS 1.x wants them. */
static kinward_verdict token_url(struct opencrvs *self, struct text *url)
{
    const struct kinward_host *host = self->host;
    struct text secret = {0};
    const struct kinward_out out = text_out(&secret);
    kinward_verdict verdict = host->secret(host->instance, "client-secret", &out);
    if (verdict == KINWARD_OK)
        verdict = text_add(url, self->settings->auth);
    if (verdict == KINWARD_OK)
        verdict = add_argument(self, url, "/token?client_id=", view_of(self->settings->client_id));
    if (verdict == KINWARD_OK)
        verdict = add_argument(self, url, "&client_secret=", text_view(&secret));
    if (verdict == KINWARD_OK)
        verdict = text_add(url, "&grant_type=client_credentials");
    if (secret.data)
        explicit_bzero(secret.data, secret.capacity);
    text_clear(&secret);
    return verdict;
}

/* IDLE: no request before the time that the server gave. */
static kinward_verdict told_to_wait(struct opencrvs *self, int32_t status, int64_t retry_after_ms)
{
    const struct kinward_host *host = self->host;
    int64_t wait = retry_after_ms >= 0 ? retry_after_ms : WAIT_MS;
    self->not_before_ms = host->elapsed_ms(host->instance) + wait;
    host->log(host->instance, KINWARD_WARNING, "told.to.wait", "status=%d wait_ms=%" PRId64, status, wait);
    return KINWARD_IDLE;
}

static kinward_verdict judge(struct opencrvs *self, int32_t status, int64_t retry_after_ms)
{
    const struct kinward_host *host = self->host;
    if (status == 429 || (status == 503 && retry_after_ms >= 0))
        return told_to_wait(self, status, retry_after_ms);
    if (status >= 300 && status < 400)
        return host->fail(host->instance, KINWARD_RETRY, "it answered %d: redirects are not followed", status);
    if (status < 200 || status >= 500)
        return host->fail(host->instance, KINWARD_RETRY, "it answered %d", status);
    return KINWARD_OK;
}

static kinward_verdict take_token(struct opencrvs *self)
{
    const struct kinward_host *host = self->host;
    struct kinward_json *root = NULL;
    kinward_verdict verdict = host->json_parse(host->instance, text_view(&self->answer), &root);
    struct kinward_view token = host->json_text(host->instance, host->json_member(host->instance, root, "access_token"));
    if (verdict != KINWARD_OK || token.size == 0 || memchr(token.data, '\r', token.size) || memchr(token.data, '\n', token.size)) {
        verdict = host->fail(host->instance, KINWARD_RETRY, "the authorization server's answer has no access_token");
    } else {
        const struct kinward_out out = text_out(&self->token);
        verdict = out.write(out.context, token.data, token.size);
        self->token_ms = host->elapsed_ms(host->instance);
    }
    host->json_free(host->instance, root);
    return verdict;
}

static kinward_verdict fetch_token(struct opencrvs *self)
{
    const struct kinward_host *host = self->host;
    struct text url = {0};
    int32_t status = 0;
    int64_t retry_after_ms = -1;
    text_start(&self->answer);
    text_start(&self->token);
    const struct kinward_out out = text_out(&self->answer);
    kinward_verdict verdict = token_url(self, &url);
    if (verdict == KINWARD_OK) {
        const struct kinward_request request = {.size = sizeof request, .method = "POST", .url = url.data};
        verdict = host->http(host->instance, &request, &status, &retry_after_ms, &out);
        verdict = verdict == KINWARD_REJECT ? KINWARD_RETRY : verdict;
    }
    if (url.data)
        explicit_bzero(url.data, url.capacity);
    text_clear(&url);
    if (verdict == KINWARD_OK)
        verdict = judge(self, status, retry_after_ms);
    if (verdict == KINWARD_OK && status != 200)
        verdict = host->fail(host->instance, KINWARD_RETRY,
                             "the authorization server answered %d: client id or secret are not good", status);
    return verdict == KINWARD_OK ? take_token(self) : verdict;
}

static kinward_verdict send_once(struct opencrvs *self, const char *method, const char *url, struct kinward_view body,
                                 int32_t *ret_status, int64_t *ret_retry_after_ms)
{
    const struct kinward_host *host = self->host;
    struct text bearer = {0};
    bool old = host->elapsed_ms(host->instance) - self->token_ms > TOKEN_MS;
    kinward_verdict verdict = self->token.size == 0 || old ? fetch_token(self) : KINWARD_OK;
    if (verdict == KINWARD_OK)
        verdict = text_add(&bearer, "Authorization: Bearer ");
    if (verdict == KINWARD_OK)
        verdict = text_add(&bearer, self->token.data);
    text_start(&self->answer);
    if (verdict == KINWARD_OK) {
        const char *const headers[] = {bearer.data, "Content-Type: application/json", "Accept: application/json", NULL};
        const struct kinward_request request = {
            .size = sizeof request, .method = method, .url = url, .headers = headers, .body = body};
        const struct kinward_out out = text_out(&self->answer);
        verdict = host->http(host->instance, &request, ret_status, ret_retry_after_ms, &out);
        verdict = verdict == KINWARD_REJECT ? KINWARD_RETRY : verdict; /* one bad answer must not end the connector */
    }
    if (bearer.data)
        explicit_bzero(bearer.data, bearer.capacity);
    text_clear(&bearer);
    return verdict;
}

kinward_verdict session_send(struct opencrvs *self, const char *method, const char *url, struct kinward_view body,
                             int32_t *ret_status)
{
    const struct kinward_host *host = self->host;
    int64_t retry_after_ms = -1;
    kinward_verdict verdict = send_once(self, method, url, body, ret_status, &retry_after_ms);
    if (verdict == KINWARD_OK && *ret_status == 401) {
        text_start(&self->token);
        host->log(host->instance, KINWARD_INFO, "token.renewed", "status=401");
        verdict = send_once(self, method, url, body, ret_status, &retry_after_ms);
        if (verdict == KINWARD_OK && *ret_status == 401)
            verdict = host->fail(host->instance, KINWARD_RETRY, "it refuses a new token: the client may lack the scope");
    }
    return verdict == KINWARD_OK ? judge(self, *ret_status, retry_after_ms) : verdict;
}

/* ---- GraphQL ------------------------------------------------------------------------------------ */

/* IDLE: the limit of the day is reached. */
static kinward_verdict count_request(struct opencrvs *self)
{
    const struct kinward_host *host = self->host;
    struct place *place = &self->place;
    int64_t now = host->now_ms(host->instance);
    if (place->day != now / DAY_MS) {
        place->day = now / DAY_MS;
        place->used = 0;
    }
    if (place->used++ < self->settings->daily_limit)
        return KINWARD_OK;
    place->used--;
    self->not_before_ms = host->elapsed_ms(host->instance) + (place->day + 1) * DAY_MS - now;
    host->log(host->instance, KINWARD_WARNING, "daily.limit", "requests=%" PRId64, place->used);
    return KINWARD_IDLE;
}

static kinward_verdict put_request(struct opencrvs *self, const char *name, const char *query, const char *variables)
{
    struct text *request = &self->request;
    const struct kinward_out out = text_out(request);
    text_start(request);
    kinward_verdict verdict = text_add(request, "{\"operationName\":\"");
    if (verdict == KINWARD_OK)
        verdict = text_add(request, name);
    if (verdict == KINWARD_OK)
        verdict = text_add(request, "\",\"query\":");
    if (verdict == KINWARD_OK)
        verdict = self->host->json_quote(self->host->instance, view_of(query), &out);
    if (verdict == KINWARD_OK)
        verdict = text_add(request, ",\"variables\":");
    if (verdict == KINWARD_OK)
        verdict = text_add(request, variables);
    return verdict == KINWARD_OK ? text_add(request, "}") : verdict;
}

/* The gateway says so with status 200, too. */
static bool is_unauthenticated(const struct opencrvs *self, const struct kinward_json *root)
{
    const struct kinward_host *host = self->host;
    const struct kinward_json *error = host->json_at(host->instance, host->json_member(host->instance, root, "errors"), 0);
    const struct kinward_json *code =
        host->json_member(host->instance, host->json_member(host->instance, error, "extensions"), "code");
    char text[32];
    return copy_text(self, code, text, sizeof text) && !strcmp(text, "UNAUTHENTICATED");
}

static kinward_verdict query_once(struct opencrvs *self, struct kinward_json **ret_root)
{
    const struct kinward_host *host = self->host;
    struct text url = {0};
    int32_t status = 0;
    kinward_verdict verdict = count_request(self);
    if (verdict == KINWARD_OK)
        verdict = text_add(&url, self->settings->gateway);
    if (verdict == KINWARD_OK)
        verdict = text_add(&url, "/graphql");
    if (verdict == KINWARD_OK)
        verdict = session_send(self, "POST", url.data, text_view(&self->request), &status);
    text_clear(&url);
    if (verdict == KINWARD_OK &&
        (status != 200 || host->json_parse(host->instance, text_view(&self->answer), ret_root) != KINWARD_OK))
        verdict = host->fail(host->instance, KINWARD_RETRY, "the gateway answered %d, and no JSON that can be read", status);
    return verdict;
}

kinward_verdict session_query(struct opencrvs *self, const char *name, const char *query, const char *variables,
                              struct kinward_json **ret_root)
{
    kinward_verdict verdict = put_request(self, name, query, variables);
    if (verdict == KINWARD_OK)
        verdict = query_once(self, ret_root);
    if (verdict != KINWARD_OK || !is_unauthenticated(self, *ret_root))
        return verdict;
    self->host->json_free(self->host->instance, *ret_root);
    *ret_root = NULL;
    text_start(&self->token);
    return query_once(self, ret_root);
}
