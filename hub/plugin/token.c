/* SPDX-License-Identifier: Apache-2.0 */
/* token.c - OAuth 2.0 client credentials (RFC 6749 §4.4): asked for, timed, renewed; two secrets while one is changed. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define EARLY_MAX_MS (5 * 60000) /* most that a token is renewed before it ends */

bool kw_token_wanted(const struct kw_session *session)
{
    return !strcmp(session->options.authentication, "oauth2");
}

void kw_token_forget(struct kw_session *session)
{
    kw_buf_wipe(&session->token);
}

/* ---- asking ------------------------------------------------------------------------------ */

struct question { /* all of it is secret */
    struct kw_buf url, body, basic;
};

static void question_wipe(struct question *question)
{
    kw_buf_wipe(&question->url);
    kw_buf_wipe(&question->body);
    kw_buf_wipe(&question->basic);
}

static int put_parameter(struct kw_buf *text, const char *name, struct kw_view value)
{
    int error = kw_buf_format(text, "&%s=", name);
    return error ? error : kw_uri_component(value, text);
}

/* RFC 6749 §2.3.1: both are encoded before they are joined. */
static int put_basic(struct kw_buf *header, struct kw_view id, struct kw_view secret)
{
    KW_AUTO(kw_buf_wipe) struct kw_buf both = {0};
    int error = kw_uri_component(id, &both);
    if (!error)
        error = kw_buf_append(&both, ":", 1);
    if (!error)
        error = kw_uri_component(secret, &both);
    if (!error)
        error = kw_buf_text(header, "Authorization: Basic ");
    if (!error)
        error = kw_base64(header, both.data, both.size);
    return error ? error : kw_buf_append(header, "", 1);
}

static int put_question(const struct kw_session *session, struct kw_view secret, struct question *question)
{
    const bool query = !strcmp(session->options.token_request, "query"), basic = !strcmp(session->options.token_request, "basic");
    struct kw_view id = kw_view_text(session->options.client_id);
    int error = kw_buf_format(&question->url, "%s%s%s", session->options.auth, session->options.token_path, query ? "?" : "");
    struct kw_buf *parameters = query ? &question->url : &question->body;
    if (!error)
        error = kw_buf_text(parameters, "grant_type=client_credentials");
    if (!error && basic)
        error = put_basic(&question->basic, id, secret);
    if (!error && !basic)
        error = put_parameter(parameters, "client_id", id);
    if (!error && !basic)
        error = put_parameter(parameters, "client_secret", secret);
    if (!error && session->options.token_scope)
        error = put_parameter(parameters, "scope", kw_view_text(session->options.token_scope));
    return error ? error : kw_buf_append(&question->url, "", 1);
}

static kinward_verdict ask(struct kw_instance *instance, const char *secret_name, struct kw_http_response *ret_response)
{
    KW_AUTO(question_wipe) struct question question = {0};
    if (put_question(instance->session, kw_instance_secret(instance, secret_name), &question) < 0)
        return KINWARD_RETRY;
    const char *headers[4] = {"Accept: application/json"};
    size_t count = 1;
    if (question.body.size)
        headers[count++] = "Content-Type: application/x-www-form-urlencoded";
    if (question.basic.size)
        headers[count++] = (const char *)question.basic.data;
    const struct kw_http_request request = {"POST", (const char *)question.url.data, headers, kw_view_of(&question.body)};
    return kw_session_send(instance, &request, ret_response);
}

/* ---- the answer ---------------------------------------------------------------------------- */

/* A number, or one that stands as a text. */
static bool take_number(const struct kw_json *object, const char *name, int64_t *ret_value)
{
    const struct kw_json *value = kw_json_member(object, name);
    struct kw_view text = value ? kw_json_text_of(value) : (struct kw_view){0};
    char digits[20];
    if (value && kw_json_integer_of(value, ret_value) == 0)
        return *ret_value >= 0;
    snprintf(digits, sizeof digits, "%.*s", (int)(text.size < 15 ? text.size : 0), (const char *)text.data);
    *ret_value = strtoll(digits, NULL, 10);
    return digits[0] && strspn(digits, "0123456789") == strlen(digits);
}

/* The claims of a JWT, which is not checked: it is for the registry, which does. Life by its own clock where it says iat. */
static int64_t life_of_jwt(struct kw_view token)
{
    KW_AUTO(kw_buf_wipe) struct kw_buf claims = {0};
    KW_AUTO(kw_json_freep) struct kw_json *root = NULL;
    const uint8_t *first = memchr(token.data, '.', token.size);
    const uint8_t *last = first ? memchr(first + 1, '.', token.size - (size_t)(first + 1 - token.data)) : NULL;
    int64_t end, begin;
    if (!last || kw_base64url_parse((struct kw_view){first + 1, (size_t)(last - first - 1)}, &claims) < 0 ||
        kw_json_parse(kw_view_of(&claims), &root, NULL) < 0 || !take_number(root, "exp", &end))
        return 0;
    if (!take_number(root, "iat", &begin))
        begin = kw_clock_wall_ms() / 1000;
    return end > begin ? (end - begin < 86400 ? end - begin : 86400) * 1000 : 0;
}

static int64_t life_of(const struct kw_session *session, const struct kw_json *answer, struct kw_view token)
{
    int64_t seconds, life;
    if (take_number(answer, "expires_in", &seconds) && seconds > 0)
        return (seconds < 86400 ? seconds : 86400) * 1000;
    life = life_of_jwt(token);
    return life > 0 ? life : session->options.token_life;
}

static bool is_printable(struct kw_view text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x21 || text.data[i] > 0x7e)
            return false;
    return text.size > 0;
}

static kinward_verdict take_token(struct kw_instance *instance, const struct kw_http_response *response)
{
    struct kw_session *session = instance->session;
    KW_AUTO(kw_json_freep) struct kw_json *root = NULL;
    const struct kw_json *member =
        kw_json_parse(kw_view_of(&response->body), &root, NULL) < 0 ? NULL : kw_json_member(root, "access_token");
    struct kw_view token = member ? kw_json_text_of(member) : (struct kw_view){0};
    if (!is_printable(token))
        return instance->host.fail(instance, KINWARD_RETRY, "the authorization server's answer has no access_token");
    if (kw_buf_append(&session->token, token.data, token.size) < 0 || kw_buf_append(&session->token, "", 1) < 0) {
        kw_token_forget(session);
        return KINWARD_RETRY;
    }
    int64_t life = life_of(session, root, token), early = life / 10 < EARLY_MAX_MS ? life / 10 : EARLY_MAX_MS;
    session->renew_ms = kw_clock_monotonic_ms() + life - early;
    return KINWARD_OK;
}

/* ---- two secrets ------------------------------------------------------------------------------ */

static bool is_refusal(const struct kw_http_response *response)
{
    return response->status == 400 || response->status == 401 || response->status == 403;
}

static kinward_verdict ask_with_both(struct kw_instance *instance, struct kw_http_response *ret_response)
{
    static const char *const names[] = {"client-secret", "client-secret-next"};
    struct kw_session *session = instance->session;
    const bool both = kw_instance_secret(instance, names[1]).size > 0, first = both && session->uses_next;
    kinward_verdict verdict = ask(instance, names[first], ret_response);
    if (verdict != KINWARD_OK || !both || !is_refusal(ret_response))
        return verdict;
    instance->host.log(instance, KINWARD_WARNING, "secret.refused", "secret=%s status=%d", names[first], ret_response->status);
    verdict = ask(instance, names[!first], ret_response);
    if (verdict == KINWARD_OK && !is_refusal(ret_response)) {
        session->uses_next = !first;
        instance->host.log(instance, KINWARD_NOTICE, "secret.accepted", "secret=%s", names[!first]);
    }
    return verdict;
}

kinward_verdict kw_token_ready(struct kw_instance *instance)
{
    struct kw_session *session = instance->session;
    struct kw_http_response response = {0};
    if (!kw_token_wanted(session) || (session->token.size && kw_clock_monotonic_ms() < session->renew_ms))
        return KINWARD_OK;
    kw_token_forget(session);
    kinward_verdict verdict = ask_with_both(instance, &response);
    if (verdict == KINWARD_OK && is_refusal(&response))
        verdict = instance->host.fail(instance, KINWARD_RETRY,
                                      "the authorization server answered %d: client id or secret are not good", response.status);
    else if (verdict == KINWARD_OK)
        verdict = kw_session_judge(instance, &response, NULL);
    verdict = verdict == KINWARD_REJECT ? KINWARD_RETRY : verdict;
    if (verdict == KINWARD_OK)
        verdict = take_token(instance, &response);
    kw_buf_wipe(&response.body);
    kw_http_response_clear(&response);
    return verdict;
}
