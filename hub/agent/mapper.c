/* SPDX-License-Identifier: Apache-2.0 */
/* mapper.c - the mapper child: one document at a time, so that a crash or hang costs that one and no other. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/private.h"
#include "json/json.h"

#define MAP_MS   5000  /* a document that takes longer hangs */
#define START_MS 20000 /* stylesheets and code lists */
#define CRASHES  2     /* of one document, each in a fresh child, before it is quarantined */
#define AHEAD    2048  /* normalised records that may wait for a batch */

int kw_mapper_open(struct kw_mapper *mapper, const struct kw_agent_settings *settings, const struct kw_connector_settings *source,
                   struct kw_fault *fault)
{
    char name[256];
    *mapper = (struct kw_mapper){.settings = settings, .source = source, .child = {.fd = -1}};
    mapper->connector = source ? source->name : KW_AGENT_RECORDS;
    const char *folder = source ? source->plugin : KW_AGENT_RECORDS;
    struct stat status;
    /* a ministry's own folder of connectors goes first: its stylesheets are its own */
    if (source && settings->plugins[0] && kw_path_join(mapper->folder, sizeof mapper->folder, settings->plugins, folder) == 0 &&
        stat(mapper->folder, &status) == 0 && S_ISDIR(status.st_mode))
        return 0;
    snprintf(name, sizeof name, "connectors/%.200s", folder);
    if (kw_data_path(name, mapper->folder) < 0)
        return kw_fail(fault, -ENOENT, KW_E_MAPPING, name, "there is no such connector");
    return 0;
}

static void forget_child(struct kw_mapper *mapper)
{
    kw_pipe_free(mapper->pipe);
    mapper->pipe = NULL;
    mapper->state = KW_MAPPER_STOPPED;
}

void kw_mapper_close(struct kw_mapper *mapper)
{
    if (!mapper)
        return;
    kw_child_kill(&mapper->child);
    forget_child(mapper);
    kw_document_clear(&mapper->document);
}

void kw_mapper_reload(struct kw_mapper *mapper)
{
    mapper->after = 0;
    mapper->pending = false;
    if (mapper->state == KW_MAPPER_BUSY) { /* its answer belongs to what was undone */
        kw_child_kill(&mapper->child);
        forget_child(mapper);
    }
}

/* ---- asking --------------------------------------------------------------------------- */

static int put_parameters(const struct kw_mapper *mapper, const struct kw_document *document, struct kw_json_out *json)
{
    struct kw_view rest = kw_view_of(&document->parameters), name, value;
    kw_json_object(json, "parameters");
    kw_json_string(json, "jurisdiction", mapper->settings->jurisdiction);
    if (mapper->source) {
        kw_json_string(json, "registry", mapper->source->registry);
        kw_json_string(json, "system", mapper->source->system);
    }
    while (rest.size) {
        char text[64];
        if (kw_take_item(&rest, &name) < 0 || kw_take_item(&rest, &value) < 0 || name.size >= sizeof text)
            return -EBADMSG;
        snprintf(text, sizeof text, "%.*s", (int)name.size, (const char *)name.data);
        kw_json_text(json, text, value);
    }
    kw_json_close(json, '}');
    return 0;
}

int kw_mapper_question(const struct kw_mapper *mapper, const struct kw_document *document, struct kw_message *message)
{
    struct kw_json_out json = {.out = &message->header};
    snprintf(message->verb, sizeof message->verb, "MAP");
    kw_request_set(message, document->number);
    kw_json_object(&json, NULL);
    kw_json_string(&json, "stylesheet", document->stylesheet);
    if (document->format[0])
        kw_json_string(&json, "format", document->format);
    int r = put_parameters(mapper, document, &json);
    kw_json_close(&json, '}');
    if (r == 0)
        r = kw_json_end(&json);
    return r < 0 ? r : kw_put_item(&message->payload, document->body.data, document->body.size);
}

static int put(struct kw_mapper *mapper, struct kw_message *message)
{
    int r = kw_pipe_put(mapper->pipe, message);
    if (r == 0)
        r = kw_pipe_flush(mapper->pipe);
    mapper->asked_ms = kw_clock_monotonic_ms();
    return r == -EAGAIN ? 0 : r; /* the rest goes out when the pipe takes it */
}

static int start(struct kw_mapper *mapper, struct kw_fault *fault)
{
    const char *const arguments[] = {"mapper", mapper->folder, mapper->settings->codes, mapper->settings->profile, NULL};
    struct kw_message ping = {.verb = "PING"};
    int r = kw_child_start(&mapper->child, arguments, NULL, 0, fault);
    if (r < 0)
        return r == -EAGAIN ? 0 : r;
    r = kw_pipe_new(mapper->child.fd, &mapper->pipe);
    if (r == 0)
        r = put(mapper, &ping);
    if (r < 0) {
        kw_child_kill(&mapper->child);
        forget_child(mapper);
        return r == -ENOMEM ? kw_fail(fault, r, KW_E_MEMORY, "mapper", "no memory") : 0;
    }
    mapper->state = KW_MAPPER_STARTING;
    return 0;
}

/* ---- what came of a document ------------------------------------------------------------ */

static int give_up(struct kw_mapper *mapper, struct kw_spool *spool, const struct kw_fault *reason, struct kw_fault *fault)
{
    const struct kw_document *document = &mapper->document;
    int r;
    if (mapper->forgets) {
        r = kw_spool_document_drop(spool, document, fault);
        if (r == 0)
            mapper->refused(mapper->context, document->label, reason);
    } else {
        r = kw_spool_quarantine(spool, mapper->connector, document, reason, fault);
        kw_log(KW_LOG_WARNING, "agent", "document.quarantined", "connector=%s stylesheet=%s code=%s", mapper->connector,
               document->stylesheet, kw_code_name(reason->code));
    }
    mapper->pending = false;
    mapper->after = document->number;
    return r;
}

static int child_failed(struct kw_mapper *mapper, struct kw_spool *spool, struct kw_fault *fault)
{
    const bool busy = mapper->state == KW_MAPPER_BUSY;
    kw_child_end(&mapper->child);
    kw_log(KW_LOG_WARNING, "agent", "mapper.failed", "connector=%s status=%d busy=%d", mapper->connector, mapper->child.last_status,
           busy);
    forget_child(mapper);
    if (!busy)
        return 0;
    mapper->child.failures = 0; /* the document is to blame, and it is counted: no waiting */
    mapper->child.not_before_ms = 0;
    if (++mapper->crashes < CRASHES)
        return 0;
    struct kw_fault reason = {0};
    kw_fail(&reason, -ECHILD, KW_E_CHILD, "mapper", "%s", kw_code_text(KW_E_CHILD));
    return give_up(mapper, spool, &reason, fault);
}

static int keep_mapped(struct kw_mapper *mapper, struct kw_spool *spool, const struct kw_mapped *mapped, struct kw_fault *fault)
{
    const struct kw_document *document = &mapper->document;
    struct kw_view records = mapped->records, leaves = mapped->leaves, record, leaf;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < mapped->count; i++) {
        char label[KW_LABEL_SIZE + 16];
        if (kw_take_item(&records, &record) < 0 || kw_take_item(&leaves, &leaf) < 0)
            return -EBADMSG;
        snprintf(label, sizeof label, mapped->count > 1 && document->label[0] ? "%s#%u" : "%s", document->label, i + 1);
        r = kw_spool_record_add(spool, leaf, record, label, document->backfill, fault);
    }
    if (r == 0)
        r = kw_spool_document_drop(spool, document, fault);
    (void)kw_fault_point("agent.mapped");
    mapper->pending = false;
    mapper->after = document->number;
    return r;
}

struct warned {
    struct kw_mapper *mapper;
    struct kw_spool *spool;
    struct kw_fault *fault;
    unsigned count;
};

static int take_warning(void *context, struct kw_view code, struct kw_view place)
{
    struct warned *warned = context;
    warned->count++;
    return kw_spool_warning(warned->spool, warned->mapper->connector, code, place, warned->fault);
}

static int count_mapped(struct kw_mapper *mapper, struct kw_spool *spool, const struct kw_message *message, struct kw_fault *fault)
{
    struct warned warned = {mapper, spool, fault, 0};
    int r = kw_mapped_warnings(message, take_warning, &warned);
    if (r == 0)
        r = kw_spool_count(spool, "mapped", 1, fault);
    return r == 0 && warned.count ? kw_spool_count(spool, "mapped-warned", 1, fault) : r;
}

static int answered(struct kw_mapper *mapper, struct kw_spool *spool, const struct kw_message *message, struct kw_fault *fault)
{
    struct kw_mapped mapped;
    struct kw_fault reason = {0};
    if (mapper->state == KW_MAPPER_STARTING && strcmp(message->verb, "PONG") == 0) {
        mapper->state = KW_MAPPER_IDLE;
        return 0;
    }
    if (mapper->state != KW_MAPPER_BUSY || kw_request_number(message) != mapper->document.number)
        return child_failed(mapper, spool, fault);
    int r = kw_mapped_read(message, &mapped, &reason);
    if (r == -EPROTO) /* it said what no mapper says */
        return child_failed(mapper, spool, fault);
    mapper->state = KW_MAPPER_IDLE;
    if (r < 0)
        return give_up(mapper, spool, &reason, fault);
    r = keep_mapped(mapper, spool, &mapped, fault);
    return r == 0 ? count_mapped(mapper, spool, message, fault) : r;
}

int kw_mapper_receive(struct kw_mapper *mapper, struct kw_spool *spool, struct kw_fault *fault)
{
    struct kw_message message = {0};
    int r = 0;
    if (mapper->pipe && kw_pipe_queued(mapper->pipe))
        r = kw_pipe_flush(mapper->pipe); /* a large document goes out in pieces */
    if (r < 0 && r != -EAGAIN)
        return child_failed(mapper, spool, fault);
    while (mapper->pipe && (r = kw_pipe_get(mapper->pipe, &message)) == 0) {
        r = answered(mapper, spool, &message, fault);
        if (r < 0)
            break;
    }
    kw_message_clear(&message);
    if (r == -EPIPE || (r == -EBADMSG && mapper->pipe))
        return child_failed(mapper, spool, fault);
    return r == -EAGAIN ? 0 : r;
}

/* ---- driving ------------------------------------------------------------------------------ */

static int give_next(struct kw_mapper *mapper, struct kw_spool *spool, struct kw_fault *fault)
{
    KW_AUTO(kw_message_clear) struct kw_message message = {0};
    if (!mapper->pending) {
        int r = kw_spool_document_next(spool, mapper->connector, mapper->after, &mapper->document, fault);
        if (r < 0)
            return r;
        mapper->pending = true;
        mapper->crashes = 0;
    }
    int r = kw_mapper_question(mapper, &mapper->document, &message);
    if (r == 0)
        r = put(mapper, &message);
    if (r == -ENOMEM)
        return kw_fail(fault, r, KW_E_MEMORY, "mapper", "no memory");
    mapper->state = KW_MAPPER_BUSY;
    if (r == -EMSGSIZE) {
        struct kw_fault reason = {0};
        mapper->state = KW_MAPPER_IDLE;
        kw_fail(&reason, r, KW_E_TOO_LARGE, "document", "%s", kw_code_text(KW_E_TOO_LARGE));
        return give_up(mapper, spool, &reason, fault);
    }
    return r < 0 ? child_failed(mapper, spool, fault) : 0;
}

static bool has_room(const struct kw_spool *spool)
{
    return spool->records < AHEAD;
}

int kw_mapper_drive(struct kw_mapper *mapper, struct kw_spool *spool, bool more, int *ret_wait_ms, struct kw_fault *fault)
{
    const int64_t now = kw_clock_monotonic_ms();
    int r = 0;
    if (mapper->state == KW_MAPPER_STOPPED) {
        if (!more && !mapper->pending)
            return 0;
        r = start(mapper, fault);
        if (r == 0 && mapper->state == KW_MAPPER_STOPPED && *ret_wait_ms > 100)
            *ret_wait_ms = 100;
    }
    const int64_t limit = mapper->state == KW_MAPPER_STARTING ? START_MS : MAP_MS;
    if (mapper->state == KW_MAPPER_STARTING || mapper->state == KW_MAPPER_BUSY) {
        if (now - mapper->asked_ms > limit)
            return child_failed(mapper, spool, fault);
        if (*ret_wait_ms > 250)
            *ret_wait_ms = 250;
    }
    if (r == 0 && mapper->state == KW_MAPPER_IDLE && has_room(spool)) {
        r = give_next(mapper, spool, fault);
        r = r == -ENOENT ? 0 : r;
    }
    return r;
}
