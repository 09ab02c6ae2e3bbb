/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - what is OpenCRVS's own about requests: GraphQL, and a token that is refused inside a good answer. */
#include <string.h>

#include "opencrvs.h"

kinward_verdict session_send(struct opencrvs *self, const char *method, const char *url, struct kinward_view body,
                             int32_t *ret_status)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    const struct kinward_host *host = self->host;
    const struct kinward_out out = text_out(&self->answer);
    const struct kinward_request request = {
        .size = sizeof request, .method = method, .url = url, .headers = body.size ? headers : NULL, .body = body};
    text_start(&self->answer);
    kinward_verdict verdict = host->request(host->instance, &request, ret_status, &out);
    return verdict == KINWARD_REJECT ? KINWARD_RETRY : verdict; /* one bad answer must not end the connector */
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
    kinward_verdict verdict = text_add(&url, self->settings->gateway);
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
    self->host->renew(self->host->instance);
    return query_once(self, ret_root);
}
