/* SPDX-License-Identifier: Apache-2.0 */
/* connector.c - a connector child: it is given credit, its documents are spooled, and only then it is told. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/private.h"
#include "json/json.h"
#include "plugin/plugin.h"

#define CREDIT   64    /* documents that may be on their way from one connector */
#define ANSWERS  1024  /* answers that wait for room in its pipe; nothing more is taken from it then */
#define START_MS 60000 /* loading, and the plugin's own create */
/* Of the process without a word, or of the plugin without coming back to the host: twice the longest request of the host's HTTP
 * client (30 s), so that nothing that is only slow is taken for hanging. Waiting inside the host does not count at all. */
#define HANG_MS   60000
#define ASK_PARTS 4 /* a PING each quarter of that */
#define KEY_MOST  4096

int kw_connector_open(struct kw_connector *connector, const struct kw_agent_settings *settings,
                      const struct kw_connector_settings *source, struct kw_fault *fault)
{
    char name[300], path[KW_PATH_SIZE];
    *connector = (struct kw_connector){.settings = settings, .source = source, .child = {.fd = -1}, .hang_ms = HANG_MS};
#ifdef KINWARD_FAULT_POINTS
    const char *hang = getenv("KINWARD_HANG_MS"); /* tests do not wait that long */
    if (hang)
        connector->hang_ms = atoi(hang);
#endif
    snprintf(name, sizeof name, "%.120s/%.120s.so", source->plugin, source->plugin);
    if (settings->plugins[0] && kw_path_join(path, sizeof path, settings->plugins, name) == 0 && access(path, R_OK) == 0) {
        memcpy(connector->plugin, path, sizeof path);
    } else {
        int r = kw_plugin_find(source->plugin, connector->plugin, sizeof connector->plugin, fault);
        if (r < 0)
            return r;
    }
    if (kw_path_join(connector->seen, sizeof connector->seen, settings->spool, "plugins-seen") < 0)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, settings->spool, "the path is too long");
    return 0;
}

/* Its pipe may end a moment before it does; one that hangs is killed. Both count for the back-off. */
void kw_child_end(struct kw_child *child)
{
    for (int i = 0; i < 20; i++) {
        if (kw_child_reap(child))
            return;
        usleep(1000);
    }
    if (kw_child_running(child))
        kill(child->pid, SIGKILL); /* not reaped yet: the number is still its own */
    while (kw_child_running(child) && !kw_child_reap(child))
        usleep(1000);
}

static void forget_child(struct kw_connector *connector)
{
    kw_pipe_free(connector->pipe);
    connector->pipe = NULL;
    connector->ready = connector->failing = connector->asked = connector->more = false;
    connector->asked_ms = connector->heard_ms = connector->away_ms = 0;
    connector->credit = 0;
    connector->answer_count = 0;
}

void kw_connector_close(struct kw_connector *connector)
{
    if (!connector)
        return;
    struct kw_message stop = {.verb = "STOP"};
    if (connector->pipe && kw_pipe_put(connector->pipe, &stop) == 0 && kw_pipe_flush(connector->pipe) == 0)
        kw_child_stop(&connector->child, 1000);
    kw_child_kill(&connector->child);
    forget_child(connector);
    kw_free(connector->answers);
    connector->answers = NULL;
    connector->answer_capacity = 0;
}

/* ---- starting --------------------------------------------------------------------------- */

static int put_options(const struct kw_connector *connector, struct kw_json_out *json, struct kw_fault *fault)
{
    const struct kw_config *file = &connector->settings->file;
    const struct kw_xml_element *item = kw_xml_first(connector->source->element, "option");
    kw_json_object(json, "options");
    for (; item; item = kw_xml_next(item, "option")) {
        char name[64], value[1024];
        int r = kw_config_text(file, item, "name", NULL, name, sizeof name, fault);
        if (r == 0)
            r = kw_config_text(file, item, "value", NULL, value, sizeof value, fault);
        if (r < 0)
            return r;
        kw_json_string(json, name, value);
    }
    kw_json_close(json, '}');
    return 0;
}

static int put_secret(const struct kw_connector *connector, const struct kw_xml_element *item, struct kw_json_out *json,
                      struct kw_buf *payload, struct kw_fault *fault)
{
    struct kw_buf value = {0};
    char name[64], path[KW_PATH_SIZE];
    int r = kw_config_text(&connector->settings->file, item, "name", NULL, name, sizeof name, fault);
    if (r == 0)
        r = kw_config_path(&connector->settings->file, item, "file", NULL, path, fault);
    if (r == 0)
        r = kw_file_read_secret(path, KW_LIMIT_SECRET, &value, fault);
    while (r == 0 && value.size && (value.data[value.size - 1] == '\n' || value.data[value.size - 1] == '\r'))
        value.size--;
    if (r == 0) {
        kw_json_string(json, NULL, name);
        r = kw_put_item(payload, value.data, value.size);
    }
    kw_buf_wipe(&value);
    return r;
}

static int write_start(struct kw_connector *connector, struct kw_spool *spool, struct kw_message *message, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf cursor = {0};
    struct kw_json_out json = {.out = &message->header};
    snprintf(message->verb, sizeof message->verb, "START");
    int r = kw_spool_cursor_load(spool, connector->source->name, "", &cursor, fault);
    if (r == 0)
        r = kw_put_item(&message->payload, cursor.data, cursor.size);
    kw_json_object(&json, NULL);
    kw_json_string(&json, "name", connector->source->name);
    if (r == 0)
        r = put_options(connector, &json, fault);
    kw_json_array(&json, "secrets");
    const struct kw_xml_element *item = kw_xml_first(connector->source->element, "secret");
    for (; r == 0 && item; item = kw_xml_next(item, "secret"))
        r = put_secret(connector, item, &json, &message->payload, fault);
    kw_json_close(&json, ']');
    kw_json_close(&json, '}');
    return r == 0 && kw_json_end(&json) < 0 ? kw_fail(fault, -ENOMEM, KW_E_MEMORY, "connector", "no memory") : r;
}

static int start(struct kw_connector *connector, struct kw_spool *spool, struct kw_fault *fault)
{
    const char *arguments[8] = {"connector", connector->plugin, "--seen", connector->seen};
    if (connector->settings->trust[0]) {
        arguments[4] = "--trust";
        arguments[5] = connector->settings->trust;
    }
    struct kw_message message = {0};
    int r = write_start(connector, spool, &message, fault);
    if (r == 0)
        r = kw_child_start(&connector->child, arguments, NULL, 0, fault);
    if (r == 0)
        r = kw_pipe_new(connector->child.fd, &connector->pipe);
    if (r == 0)
        r = kw_pipe_put(connector->pipe, &message);
    if (r == 0)
        r = kw_pipe_flush(connector->pipe);
    kw_buf_wipe(&message.payload); /* the registry's secrets */
    kw_message_clear(&message);
    connector->started_ms = kw_clock_monotonic_ms();
    if (r == 0 || r == -EAGAIN)
        return 0;
    kw_child_kill(&connector->child);
    forget_child(connector);
    return r;
}

/* ---- documents ----------------------------------------------------------------------------- */

static int note_answer(struct kw_connector *connector, uint64_t token, bool failed, bool delivered, struct kw_fault *fault)
{
    if (connector->answer_count == connector->answer_capacity) {
        size_t capacity = connector->answer_capacity ? 2 * connector->answer_capacity : CREDIT;
        struct kw_answer *answers = kw_resize(connector->answers, capacity * sizeof *answers);
        if (!answers)
            return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "connector", "no memory");
        connector->answers = answers;
        connector->answer_capacity = capacity;
    }
    connector->answers[connector->answer_count++] = (struct kw_answer){.token = token, .failed = failed, .delivered = delivered};
    return 0;
}

struct offer { /* a DOCUMENT; borrowed from its message */
    int64_t token;
    struct kw_view format, key, body, cursor;
    bool delivered;
};

static int read_offer(const struct kw_message *message, struct kw_json **ret_header, struct offer *offer)
{
    struct kw_view rest = kw_view_of(&message->payload);
    int r = kw_json_parse(kw_view_of(&message->header), ret_header, NULL);
    if (r == 0)
        r = kw_json_get_integer(*ret_header, "token", 1, INT64_MAX, &offer->token, NULL);
    if (r == 0)
        r = kw_take_item(&rest, &offer->body);
    if (r == 0)
        r = kw_take_item(&rest, &offer->cursor);
    if (r == 0 && offer->body.size)
        r = kw_json_get_text(*ret_header, "format", 63, &offer->format, NULL);
    if (r < 0)
        return -EBADMSG;
    offer->key = kw_json_text_of(kw_json_member(*ret_header, "key"));
    offer->delivered = kw_json_true(*ret_header, "delivered");
    return offer->key.size > KEY_MOST || offer->cursor.size > KINWARD_CURSOR_MAX || offer->body.size > KW_LIMIT_DOCUMENT ? -EBADMSG
                                                                                                                         : 0;
}

static int keep(struct kw_connector *connector, struct kw_spool *spool, const struct offer *offer, struct kw_fault *fault)
{
    KW_AUTO(kw_document_clear) struct kw_document document = {.backfill = connector->source->backfill && !offer->delivered};
    int r = 0;
    if (offer->body.size) {
        snprintf(document.stylesheet, sizeof document.stylesheet, "%.*s", (int)offer->format.size,
                 (const char *)offer->format.data);
        r = kw_buf_append(&document.body, offer->body.data, offer->body.size);
        if (r < 0)
            return kw_fail(fault, r, KW_E_MEMORY, "document", "no memory");
        r = kw_spool_document_add(spool, connector->source->name, offer->key, &document, fault);
        if (r == -EEXIST)
            r = kw_spool_count(spool, "known", 1, fault); /* spooled or delivered in another form: kept once */
    }
    if (r == 0 && offer->cursor.size)
        r = kw_spool_cursor_save(spool, connector->source->name, "", offer->cursor, fault);
    return r;
}

/* What was pulled after a failed document has a later cursor: it must not be kept either, or the failed one would be lost. */
static bool refuses(const struct kw_connector *connector, const struct kw_spool *spool, const struct offer *offer)
{
    return spool->full || (connector->failing && !offer->delivered);
}

static int take_document(struct kw_connector *connector, struct kw_spool *spool, const struct kw_message *message,
                         struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct offer offer = {0};
    int r = read_offer(message, &header, &offer);
    if (r < 0)
        return r;
    if (offer.body.size && connector->credit)
        connector->credit--;
    (void)kw_fault_point("agent.document");
    const bool refused = refuses(connector, spool, &offer);
    if (refused && !offer.delivered)
        connector->failing = true;
    if (!refused)
        r = keep(connector, spool, &offer, fault);
    if (r < 0 && r != -ENOSPC)
        return r;
    /* after -ENOSPC the commit fails, and kw_connector_undone turns this into a failure */
    int noted = note_answer(connector, (uint64_t)offer.token, refused, offer.delivered, fault);
    return noted < 0 ? noted : r;
}

static void ended(struct kw_connector *connector, const struct kw_message *message)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    enum kw_code code;
    if (kw_json_parse(kw_view_of(&message->header), &header, NULL) < 0 ||
        !kw_code_parse(kw_json_text_of(kw_json_member(header, "code")), &code))
        code = KW_E_CHILD;
    kw_log(KW_LOG_ERROR, "agent", "connector.gave-up", "connector=%s code=%s", connector->source->name, kw_code_name(code));
}

static int ponged(struct kw_connector *connector, const struct kw_message *message)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    int r = kw_json_parse(kw_view_of(&message->header), &header, NULL);
    if (r == 0)
        r = kw_json_get_integer(header, "away_ms", 0, INT64_MAX, &connector->away_ms, NULL);
    connector->asked = false;
    return r < 0 ? -EBADMSG : 0;
}

static void started(struct kw_connector *connector, const struct kw_message *message)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    int64_t port = 0;
    connector->ready = true;
    if (kw_json_parse(kw_view_of(&message->header), &header, NULL) == 0)
        (void)!kw_json_get_integer(header, "port", 0, 65535, &port, NULL);
    kw_log(KW_LOG_NOTICE, "agent", "connector.ready", "connector=%s port=%lld", connector->source->name, (long long)port);
}

static void child_failed(struct kw_connector *connector)
{
    kw_child_end(&connector->child);
    kw_log(KW_LOG_WARNING, "agent", "connector.ended", "connector=%s status=%d restarts=%u", connector->source->name,
           connector->child.last_status, connector->child.restarts);
    forget_child(connector);
}

int kw_connector_receive(struct kw_connector *connector, struct kw_spool *spool, struct kw_fault *fault)
{
    struct kw_message message = {0};
    int r = 0;
    while (connector->pipe && connector->answer_count < ANSWERS && (r = kw_pipe_get(connector->pipe, &message)) == 0) {
        connector->heard_ms = kw_clock_monotonic_ms();
        if (strcmp(message.verb, "DOCUMENT") == 0)
            r = take_document(connector, spool, &message, fault);
        else if (strcmp(message.verb, "READY") == 0)
            started(connector, &message);
        else if (strcmp(message.verb, "ENDED") == 0)
            ended(connector, &message);
        else if (strcmp(message.verb, "PONG") == 0)
            r = ponged(connector, &message);
        if (r < 0)
            break;
    }
    kw_message_clear(&message);
    connector->more = connector->answer_count >= ANSWERS;
    if (r == -EPIPE || r == -EBADMSG) {
        child_failed(connector);
        return 0;
    }
    return r == -EAGAIN ? 0 : r;
}

bool kw_connector_listens(const struct kw_connector *connector)
{
    return connector->answer_count < ANSWERS;
}

void kw_connector_undone(struct kw_connector *connector)
{
    for (size_t i = 0; i < connector->answer_count; i++) {
        connector->answers[i].failed = true;
        connector->failing |= !connector->answers[i].delivered;
    }
}

/* ---- answering ------------------------------------------------------------------------------- */

static int send_answer(struct kw_connector *connector, const struct kw_answer *answer)
{
    struct kw_message message = {0};
    snprintf(message.verb, sizeof message.verb, answer->failed ? "FAILED" : "DURABLE");
    int r = answer->failed ? kw_buf_format(&message.header, "{\"token\":%llu,\"code\":\"%s\"}", (unsigned long long)answer->token,
                                           kw_code_name(KW_E_READ_ONLY))
                           : kw_buf_format(&message.header, "{\"token\":%llu}", (unsigned long long)answer->token);
    if (r == 0)
        r = kw_pipe_put(connector->pipe, &message);
    kw_message_clear(&message);
    return r;
}

static int send_answers(struct kw_connector *connector)
{
    size_t done = 0;
    int r = 0;
    while (done < connector->answer_count && (r = send_answer(connector, &connector->answers[done])) == 0)
        done++;
    connector->answer_count -= done;
    if (done && connector->answer_count)
        memmove(connector->answers, connector->answers + done, connector->answer_count * sizeof *connector->answers);
    return r;
}

static int send_credit(struct kw_connector *connector)
{
    struct kw_message message = {.verb = "CREDIT"};
    const uint32_t more = CREDIT - connector->credit;
    int r = kw_buf_format(&message.header, "{\"n\":%u}", more);
    if (r == 0)
        r = kw_pipe_put(connector->pipe, &message);
    if (r == 0)
        connector->credit += more;
    kw_message_clear(&message);
    return r;
}

/* ---- driving ----------------------------------------------------------------------------------- */

static int ask(struct kw_connector *connector)
{
    struct kw_message ping = {.verb = "PING"};
    const int64_t now = kw_clock_monotonic_ms();
    if (!connector->ready || connector->asked || now - connector->asked_ms < connector->hang_ms / ASK_PARTS)
        return 0;
    connector->asked = true;
    connector->asked_ms = now;
    return kw_pipe_put(connector->pipe, &ping);
}

/* The pipe was read before this in the same turn: however long ours took, what it said meanwhile has been heard. */
static bool hangs(const struct kw_connector *connector)
{
    const int64_t now = kw_clock_monotonic_ms();
    const int64_t heard = connector->heard_ms > connector->asked_ms ? connector->heard_ms : connector->asked_ms;
    if (!connector->ready)
        return now - connector->started_ms > START_MS;
    return connector->away_ms > connector->hang_ms || (connector->asked && now - heard > connector->hang_ms);
}

static int tell(struct kw_connector *connector, const struct kw_spool *spool)
{
    int r = kw_pipe_flush(connector->pipe);
    if (r == 0) /* else it does not read: what is due to it waits here, and is bounded */
        r = send_answers(connector);
    if (r == 0 && connector->ready && !connector->failing && connector->credit <= CREDIT / 2 && kw_spool_accepts(spool))
        r = send_credit(connector);
    if (r == 0 || r == -EAGAIN)
        r = ask(connector);
    return r == -EAGAIN ? 0 : r;
}

int kw_connector_drive(struct kw_connector *connector, struct kw_spool *spool, int *ret_wait_ms, struct kw_fault *fault)
{
    if (!connector->pipe) {
        struct kw_fault why = {0};
        int r = kw_clock_monotonic_ms() < connector->child.not_before_ms ? -EAGAIN : start(connector, spool, &why);
        if (r == -ENOMEM)
            return kw_fail(fault, r, KW_E_MEMORY, "connector", "no memory");
        if (*ret_wait_ms > 200)
            *ret_wait_ms = 200;
        if (r < 0 && r != -EAGAIN) {
            kw_log(KW_LOG_ERROR, "agent", "connector.start", "connector=%s code=%s place=%s detail=\"%s\"", connector->source->name,
                   kw_code_name(why.code), why.place, why.message);
            connector->child.not_before_ms = kw_clock_monotonic_ms() + 5000;
        }
        return 0;
    }
    int r = tell(connector, spool);
    if (r == -ENOMEM)
        return kw_fail(fault, r, KW_E_MEMORY, "connector", "no memory");
    const bool hanging = r == 0 && hangs(connector);
    if (hanging)
        kw_log(KW_LOG_ERROR, "agent", "connector.hangs", "connector=%s ready=%d away_ms=%lld", connector->source->name,
               connector->ready, (long long)connector->away_ms);
    if (r < 0 || hanging)
        child_failed(connector); /* answers that did not reach it: it asks again from its cursor */
    else if (connector->more && kw_connector_listens(connector))
        *ret_wait_ms = 0;
    return 0;
}
