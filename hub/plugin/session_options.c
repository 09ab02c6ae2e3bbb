/* SPDX-License-Identifier: Apache-2.0 */
/* session_options.c - the options of a session: they join the plugin's own, and are checked together. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define DAY_MS INT64_C(86400000)
#define STATE  "kinward-session 1 "

static const struct kinward_option session_options[] = {
    {.name = "authentication",
     .type = KINWARD_TEXT,
     .fallback = "none",
     .help = "none; oauth2: client credentials; key: the secret api-key in a header."},
    {.name = "auth", .type = KINWARD_URL, .help = "Authorization server."},
    {.name = "token-path", .type = KINWARD_TEXT, .fallback = "/token", .help = "Path of the token endpoint at that server."},
    {.name = "token-request",
     .type = KINWARD_TEXT,
     .fallback = "form",
     .help = "Where client id and secret stand: form, query, or basic (HTTP basic authentication)."},
    {.name = "token-scope", .type = KINWARD_TEXT, .help = "Scope that is asked for."},
    {.name = "token-style",
     .type = KINWARD_TEXT,
     .fallback = "bearer",
     .help = "How the token is shown: bearer (Authorization: Bearer), or cookie (Cookie: Authorization=)."},
    {.name = "token-life",
     .type = KINWARD_DURATION,
     .fallback = "10m",
     .low = 1000,
     .high = 86400000,
     .help = "How long a token is good that does not say so itself (expires_in, or exp of a JWT)."},
    {.name = "client-id", .type = KINWARD_TEXT, .help = "Of this client at the authorization server."},
    {.name = "client-secret", .type = KINWARD_SECRET, .help = "Of the same client."},
    {.name = "client-secret-next",
     .type = KINWARD_SECRET,
     .help = "While the secret is changed: tried when the other one is refused."},
    {.name = "api-key", .type = KINWARD_SECRET, .help = "Value of that header."},
    {.name = "api-key-header", .type = KINWARD_TEXT, .fallback = "X-API-Key", .help = "Name of the header of an API key."},
    {.name = "tls-certificate", .type = KINWARD_SECRET, .help = "Client certificate, and those between, PEM."},
    {.name = "tls-key", .type = KINWARD_SECRET, .help = "Key of that certificate, PEM."},
    {.name = "tls-authorities",
     .type = KINWARD_SECRET,
     .help = "Certificates of the authorities that are trusted, PEM; the system's unless given."},
    {.name = "minute-limit",
     .type = KINWARD_INTEGER,
     .fallback = "0",
     .high = 60000,
     .help = "Requests in a minute, evenly spread; 0: no limit."},
    {.name = "daily-limit",
     .type = KINWARD_INTEGER,
     .fallback = "0",
     .high = INT64_MAX,
     .help = "Requests in a day (UTC), tokens not counted; 0: no limit."},
    {.name = "clock-skew",
     .type = KINWARD_DURATION,
     .fallback = "10m",
     .low = 0,
     .high = 86400000,
     .help = "By how much the registry's clock may be ahead."},
};

/* ---- joining ---------------------------------------------------------------------------- */

static int join_one(struct kw_plugin *plugin, struct kinward_option *joined, const struct kinward_option *one,
                    struct kw_fault *fault)
{
    struct kinward_plugin *descriptor = &plugin->descriptor;
    uint32_t index;
    if (kw_option_find(descriptor, one->name, &index) == 0) {
        if (joined[index].type == one->type)
            return 0;
        return kw_fail(fault, -EBADMSG, KW_E_PLUGIN, plugin->path, "option %s: wanted the type of the session's, %s", one->name,
                       kw_option_types[one->type]);
    }
    _Static_assert(sizeof(int64_t) == 8 && sizeof(char *) <= 8, "one size for all values");
    joined[descriptor->option_count] = *one;
    joined[descriptor->option_count++].offset = descriptor->settings_size;
    descriptor->settings_size += 8;
    return 0;
}

int kw_session_extend(struct kw_plugin *plugin, struct kw_fault *fault)
{
    struct kinward_plugin *descriptor = &plugin->descriptor;
    int error = 0;
    if (!(descriptor->services & KINWARD_SESSION))
        return 0;
    if (!(descriptor->capabilities & KINWARD_NETWORK))
        return kw_fail(fault, -EBADMSG, KW_E_PLUGIN, plugin->path, "services: wanted the capability network for a session");
    plugin->options = kw_alloc((descriptor->option_count + KW_COUNT(session_options)) * sizeof *plugin->options);
    if (!plugin->options)
        return -ENOMEM;
    if (descriptor->option_count)
        memcpy(plugin->options, descriptor->options, descriptor->option_count * sizeof *plugin->options);
    descriptor->options = plugin->options;
    descriptor->settings_size = (descriptor->settings_size + 7) & ~7u;
    for (size_t i = 0; i < KW_COUNT(session_options) && !error; i++)
        error = join_one(plugin, plugin->options, &session_options[i], fault);
    return error ? error : kw_options_check(plugin->path, descriptor, fault);
}

/* ---- reading ------------------------------------------------------------------------------ */

static const char *text_of(const struct kw_instance *instance, const char *name)
{
    uint32_t index;
    return kw_option_find(instance->settings.descriptor, name, &index) < 0 ? NULL : kw_settings_text(&instance->settings, index);
}

static int64_t number_of(const struct kw_instance *instance, const char *name)
{
    uint32_t index;
    int64_t value = 0;
    if (kw_option_find(instance->settings.descriptor, name, &index) == 0)
        memcpy(&value, (const uint8_t *)instance->settings.memory + instance->settings.descriptor->options[index].offset,
               sizeof value);
    return value;
}

static void read_options(const struct kw_instance *instance, struct kw_session *session)
{
    session->options.authentication = text_of(instance, "authentication");
    session->options.auth = text_of(instance, "auth");
    session->options.token_path = text_of(instance, "token-path");
    session->options.token_request = text_of(instance, "token-request");
    session->options.token_style = text_of(instance, "token-style");
    session->options.token_scope = text_of(instance, "token-scope");
    session->options.client_id = text_of(instance, "client-id");
    session->options.api_key_header = text_of(instance, "api-key-header");
    session->options.token_life = number_of(instance, "token-life");
    session->options.minute_limit = number_of(instance, "minute-limit");
    session->options.daily_limit = number_of(instance, "daily-limit");
    session->options.clock_skew = number_of(instance, "clock-skew");
}

static int check_choice(const struct kw_instance *instance, const char *name, const char *choices, struct kw_fault *fault)
{
    const char *text = text_of(instance, name);
    size_t length = text ? strlen(text) : 0;
    for (const char *at = choices; *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (strcspn(at, " ") == length && !strncmp(at, text, length))
            return 0;
    return kw_fail(fault, -EINVAL, KW_E_OPTION, name, "wanted one of: %s", choices);
}

/* What one option needs of others. */
static int check_needed(const struct kw_instance *instance, const char *const *names, const char *why, struct kw_fault *fault)
{
    for (; *names; names++)
        if (!text_of(instance, *names))
            return kw_fail(fault, -EINVAL, KW_E_OPTION, *names, "required with %s", why);
    return 0;
}

static bool is_token(const char *text) /* RFC 9110 §5.6.2, for the name of a header */
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!#$%&'*+^`|~";
    return text && *text && strspn(text, allowed) == strlen(text);
}

static int check_options(const struct kw_instance *instance, const struct kw_session *session, struct kw_fault *fault)
{
    static const char *const client[] = {"auth", "client-id", "client-secret", NULL};
    static const char *const key[] = {"api-key", NULL}, *const tls_key[] = {"tls-key", NULL};
    int error = check_choice(instance, "authentication", "none oauth2 key", fault);
    if (!error)
        error = check_choice(instance, "token-request", "form query basic", fault);
    if (!error)
        error = check_choice(instance, "token-style", "bearer cookie", fault);
    if (!error && !strcmp(session->options.authentication, "oauth2"))
        error = check_needed(instance, client, "authentication oauth2", fault);
    if (!error && !strcmp(session->options.authentication, "key"))
        error = check_needed(instance, key, "authentication key", fault);
    if (!error && text_of(instance, "tls-certificate"))
        error = check_needed(instance, tls_key, "tls-certificate", fault);
    if (!error && session->options.token_path[0] != '/')
        error = kw_fail(fault, -EINVAL, KW_E_OPTION, "token-path", "wanted one that begins with a slash");
    if (!error && !is_token(session->options.api_key_header))
        error = kw_fail(fault, -EINVAL, KW_E_OPTION, "api-key-header", "not the name of a header");
    return error;
}

/* ---- state, in front of the cursor --------------------------------------------------------- */

static int take_state(struct kw_instance *instance, struct kw_session *session)
{
    struct kw_view saved = kw_view_of(&instance->cursor);
    const uint8_t *end = saved.size ? memchr(saved.data, '\n', saved.size) : NULL;
    char line[80];
    if (!end || saved.size < strlen(STATE) || memcmp(saved.data, STATE, strlen(STATE)) != 0)
        return kw_buf_append(&session->cursor, saved.data, saved.size);
    snprintf(line, sizeof line, "%.*s", (int)(end - saved.data), (const char *)saved.data);
    if (sscanf(line, STATE "%" SCNd64 " %" SCNd64 " %" SCNd64, &session->day, &session->used, &session->not_before_ms) != 3)
        return -EBADMSG;
    int64_t left = session->not_before_ms - kw_clock_wall_ms();
    session->wait_end_ms = kw_clock_monotonic_ms() + (left < 0 ? 0 : left < DAY_MS ? left : DAY_MS);
    int error = kw_buf_append(&session->cursor, end + 1, saved.size - (size_t)(end + 1 - saved.data));
    if (!error) {
        kw_buf_clear(&instance->cursor);
        error = kw_buf_append(&instance->cursor, session->cursor.data, session->cursor.size);
    }
    return error;
}

int kw_session_cursor(struct kw_session *session, struct kinward_view cursor, struct kw_buf *ret_bytes)
{
    if (cursor.data != session->cursor.data) {
        session->cursor.size = 0;
        int error = kw_buf_append(&session->cursor, cursor.data, cursor.size);
        if (error)
            return error;
    }
    int error = 0;
    if (session->options.daily_limit || session->not_before_ms)
        error = kw_buf_format(ret_bytes, STATE "%" PRId64 " %" PRId64 " %" PRId64 "\n", session->day, session->used,
                              session->not_before_ms);
    return error ? error : kw_buf_append(ret_bytes, cursor.data, cursor.size);
}

/* ---- life ------------------------------------------------------------------------------------ */

int kw_session_open(struct kw_instance *instance, struct kw_fault *fault)
{
    if (!(instance->settings.descriptor->services & KINWARD_SESSION))
        return 0;
    struct kw_session *session = instance->session = kw_alloc(sizeof *session);
    if (!session)
        return -ENOMEM;
    read_options(instance, session);
    int error = check_options(instance, session, fault);
    if (!error && (error = take_state(instance, session)) == -EBADMSG)
        kw_fail(fault, error, KW_E_PLUGIN, instance->name, "the saved cursor is of another kind");
    return error;
}

void kw_session_close(struct kw_instance *instance)
{
    if (!instance->session)
        return;
    kw_buf_wipe(&instance->session->token);
    kw_buf_clear(&instance->session->cursor);
    kw_free(instance->session);
    instance->session = NULL;
}
