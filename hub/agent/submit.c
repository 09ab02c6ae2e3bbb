/* SPDX-License-Identifier: Apache-2.0 */
/* submit.c - files from the command line through a spool of their own: the same way as a connector's documents. */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/private.h"

#define FILE_MOST (KW_LIMIT_DOCUMENT - (64u << 10)) /* it goes to the mapper in one message */

struct kw_submit {
    struct kw_agent agent;
    const char *connector; /* the spool's name for where documents come from */
    const char *stylesheet;
    bool backfill;
    void (*tell)(void *context, const struct kw_submit_line *line);
    void *context;
    uint64_t done;
};

static void told_by_hub(void *context, const struct kw_result *result)
{
    struct kw_submit *submit = context;
    const struct kw_submit_line line = {.label = result->label,
                                        .outcome = result->rejected ? "rejected" : kw_code_name(result->outcome),
                                        .code = result->outcome,
                                        .position = result->position,
                                        .place = result->place,
                                        .detail = result->detail,
                                        .line = result->line};
    submit->done++;
    submit->tell(submit->context, &line);
}

static void told_by_mapper(void *context, const char *label, const struct kw_fault *reason)
{
    struct kw_submit *submit = context;
    const struct kw_submit_line line = {.label = label,
                                        .outcome = "refused",
                                        .code = reason->code,
                                        .place = kw_view_text(reason->place),
                                        .detail = kw_view_text(reason->message),
                                        .line = reason->line};
    submit->done++;
    submit->tell(submit->context, &line);
}

/* By the connector's own name, or by that of its plugin. */
static int choose(struct kw_submit *submit, const char *connector, struct kw_fault *fault)
{
    const struct kw_agent_settings *settings = &submit->agent.settings;
    submit->connector = submit->stylesheet = KW_AGENT_RECORDS;
    if (!connector)
        return 0;
    submit->stylesheet = ""; /* the first that can read it */
    const struct kw_connector_settings *found = kw_agent_settings_connector(settings, connector);
    for (size_t i = 0; !found && i < settings->connector_count; i++)
        found = strcmp(settings->connectors[i].plugin, connector) == 0 ? &settings->connectors[i] : NULL;
    if (!found)
        return kw_fail(fault, -ENOENT, KW_E_USAGE, "--connector", "agent.xml has no such connector");
    submit->connector = found->name;
    return 0;
}

int kw_submit_open(const char *config, const char *connector, bool backfill,
                   void (*tell)(void *context, const struct kw_submit_line *line), void *context, struct kw_submit **ret_submit,
                   struct kw_fault *fault)
{
    struct kw_submit *submit = kw_alloc(sizeof *submit);
    if (!submit)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "submit", "no memory");
    submit->backfill = backfill;
    submit->tell = tell;
    submit->context = context;
    int r = kw_agent_open(config, "submit", true, &submit->agent, fault);
    if (r == 0)
        r = choose(submit, connector, fault);
    if (r < 0) {
        kw_submit_close(submit);
        return r;
    }
    submit->agent.line.tell = told_by_hub;
    submit->agent.line.context = submit;
    for (size_t i = 0; i < submit->agent.mapper_count; i++) {
        submit->agent.mappers[i].forgets = true; /* the file is still where it was */
        submit->agent.mappers[i].refused = told_by_mapper;
        submit->agent.mappers[i].context = submit;
    }
    *ret_submit = submit;
    return 0;
}

int kw_submit_add(struct kw_submit *submit, const char *path, struct kw_fault *fault)
{
    KW_AUTO(kw_document_clear) struct kw_document document = {.backfill = submit->backfill};
    snprintf(document.stylesheet, sizeof document.stylesheet, "%s", submit->stylesheet);
    snprintf(document.label, sizeof document.label, "%s", path);
    int r = kw_file_read(path, FILE_MOST, &document.body, fault);
    if (r == -EFBIG)
        return kw_fail(fault, r, KW_E_TOO_LARGE, path, "at most %u bytes a file: divide it", FILE_MOST);
    if (r == 0)
        r = kw_spool_document_add(&submit->agent.spool, submit->connector, (struct kw_view){NULL, 0}, &document, fault);
    const int committed = r < 0 && r != -ENOSPC ? 0 : kw_spool_commit(&submit->agent.spool, fault);
    return r < 0 ? r : committed;
}

int kw_submit_step(struct kw_submit *submit, int wait_ms, struct kw_fault *fault)
{
    struct kw_submit_state state;
    bool ended = false;
    int r = kw_agent_turn(&submit->agent, wait_ms, -1, -1, &ended, fault);
    if (r < 0)
        return r;
    kw_submit_state(submit, &state);
    return submit->agent.spool.begun || state.waiting > 0;
}

void kw_submit_state(const struct kw_submit *submit, struct kw_submit_state *ret_state)
{
    const struct kw_agent *agent = &submit->agent;
    const struct kw_line *line = &agent->line;
    struct kw_submit_state state = {.done = submit->done, .trouble = line->trouble};
    state.waiting = agent->spool.documents + agent->spool.records;
    for (size_t i = 0; i < line->count; i++) {
        state.waiting += line->sent[i].row.count;
        state.held += line->sent[i].held;
    }
    const int64_t since = line->heard_ms > line->idle_ms ? line->heard_ms : line->idle_ms;
    state.silent_ms = kw_clock_monotonic_ms() - since;
    *ret_state = state;
}

void kw_submit_close(struct kw_submit *submit)
{
    if (!submit)
        return;
    kw_agent_close(&submit->agent);
    kw_free(submit);
}

void kw_submit_closep(struct kw_submit **submit)
{
    kw_submit_close(*submit);
    *submit = NULL;
}

/* ---- the spool, from beside ----------------------------------------------------------- */

int kw_agent_status(const char *config, struct kw_buf *ret_json, struct kw_fault *fault)
{
    struct kw_agent_settings *settings = kw_alloc(sizeof *settings);
    if (!settings)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "agent", "no memory");
    int r = kw_agent_settings_load(config, false, settings, fault);
    if (r == 0)
        r = kw_spool_status(settings->spool, "spool", ret_json, fault);
    kw_agent_settings_clear(settings);
    kw_free(settings);
    return r;
}

int kw_agent_requeue(const char *config, uint64_t *ret_count, struct kw_fault *fault)
{
    struct kw_spool spool = {.lock = -1};
    struct kw_agent_settings *settings = kw_alloc(sizeof *settings);
    if (!settings)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "agent", "no memory");
    int r = kw_agent_settings_load(config, false, settings, fault);
    if (r == 0)
        r = kw_spool_open(settings->spool, "spool", settings->spool_limit, &spool, fault);
    if (r == 0)
        r = kw_spool_requeue(&spool, ret_count, fault);
    kw_spool_close(&spool);
    kw_agent_settings_clear(settings);
    kw_free(settings);
    return r;
}
