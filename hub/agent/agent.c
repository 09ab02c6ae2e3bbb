/* SPDX-License-Identifier: Apache-2.0 */
/* agent.c - the agent's turn: take what came, commit it, then tell those who wait for it. */
#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/private.h"

#define IDLE_MS   20   /* a batch that could grow waits no longer than this */
#define GATHER_MS 10   /* nor does a transaction */
#define HEAL_MS   1000 /* between looks at a disk that was full */
#define TURN_MS   250  /* the line is looked at this often */
#define ITEMS     (2 * KW_AGENT_CONNECTORS + 5)

/* ---- opening ---------------------------------------------------------------------------- */

static int open_connectors(struct kw_agent *agent, struct kw_fault *fault)
{
    const size_t count = agent->settings.connector_count;
    agent->connectors = kw_alloc((count ? count : 1) * sizeof *agent->connectors);
    if (!agent->connectors)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "agent", "no memory");
    for (size_t i = 0; i < count; i++) {
        int r = kw_connector_open(&agent->connectors[i], &agent->settings, &agent->settings.connectors[i], fault);
        if (r < 0)
            return r;
        agent->connector_count++;
    }
    return 0;
}

static int open_mappers(struct kw_agent *agent, bool records, struct kw_fault *fault)
{
    const size_t count = agent->settings.connector_count;
    agent->mappers = kw_alloc((count + 1) * sizeof *agent->mappers);
    if (!agent->mappers)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "agent", "no memory");
    for (size_t i = 0; i < count + records; i++) {
        const struct kw_connector_settings *source = i < count ? &agent->settings.connectors[i] : NULL;
        int r = kw_mapper_open(&agent->mappers[i], &agent->settings, source, fault);
        if (r < 0)
            return r;
        agent->mapper_count++;
    }
    return 0;
}

int kw_agent_open(const char *config, const char *spool, bool records, struct kw_agent *agent, struct kw_fault *fault)
{
    *agent = (struct kw_agent){0};
    agent->spool.lock = -1;
    if (kw_crypto_init() < 0)
        return kw_fail(fault, -EIO, KW_E_INTERNAL, "agent", "the cryptographic library cannot start");
    int r = kw_agent_settings_load(config, true, &agent->settings, fault);
    if (r < 0)
        return r;
    agent->sender = (struct kw_sender){agent->settings.name, agent->settings.jurisdiction, agent->settings.origin};
    r = kw_spool_open(agent->settings.spool, spool, agent->settings.spool_limit, &agent->spool, fault);
    if (r == 0)
        r = kw_bus_new(&agent->bus, fault);
    if (r == 0)
        r = kw_line_open(&agent->line, agent->bus, &agent->settings, fault);
    if (r == 0)
        r = kw_line_reload(&agent->line, &agent->spool, fault);
    if (r == 0)
        r = open_mappers(agent, records, fault);
    if (r < 0)
        kw_agent_close(agent);
    return r;
}

void kw_agent_close(struct kw_agent *agent)
{
    if (!agent)
        return;
    for (size_t i = 0; i < agent->connector_count; i++)
        kw_connector_close(&agent->connectors[i]);
    kw_free(agent->connectors);
    for (size_t i = 0; i < agent->mapper_count; i++)
        kw_mapper_close(&agent->mappers[i]);
    kw_free(agent->mappers);
    kw_line_close(&agent->line);
    kw_bus_free(agent->bus);
    kw_spool_close(&agent->spool);
    kw_agent_settings_clear(&agent->settings);
    *agent = (struct kw_agent){0};
    agent->spool.lock = -1;
}

/* ---- waiting ------------------------------------------------------------------------------ */

static void watch_pipe(struct kw_poll *items, size_t *count, const struct kw_child *child, const struct kw_pipe *pipe)
{
    if (pipe)
        items[(*count)++] = (struct kw_poll){.fd = child->fd, .want_write = kw_pipe_queued(pipe) > 0};
}

static int await(struct kw_agent *agent, int wait_ms, int stop_fd, int signal_fd, bool *ret_ended, struct kw_fault *fault)
{
    struct kw_poll items[ITEMS] = {
        {.socket = agent->line.socket, .want_write = agent->line.state == KW_LINE_DOWN && agent->line.hello_ms == 0}};
    size_t count = 1;
    if (stop_fd >= 0)
        items[count++] = (struct kw_poll){.fd = stop_fd};
    if (signal_fd >= 0)
        items[count++] = (struct kw_poll){.fd = signal_fd};
    const size_t ends = count;
    for (size_t i = 0; i < agent->connector_count; i++)
        if (kw_connector_listens(&agent->connectors[i]))
            watch_pipe(items, &count, &agent->connectors[i].child, agent->connectors[i].pipe);
    for (size_t i = 0; i < agent->mapper_count; i++)
        watch_pipe(items, &count, &agent->mappers[i].child, agent->mappers[i].pipe);
    int r = kw_poll(items, count, wait_ms);
    if (r < 0 && r != -EINTR)
        return kw_fail(fault, r, KW_E_INTERNAL, "agent", "cannot wait: %s", strerror(-r));
    for (size_t i = 1; r >= 0 && i < ends; i++)
        *ret_ended |= items[i].readable;
    return 0;
}

/* ---- a turn ---------------------------------------------------------------------------------- */

static int take(struct kw_agent *agent, struct kw_fault *fault)
{
    struct kw_spool *spool = &agent->spool;
    int r = kw_line_receive(&agent->line, spool, fault);
    for (size_t i = 0; r == 0 && i < agent->connector_count; i++)
        r = kw_connector_receive(&agent->connectors[i], spool, fault);
    for (size_t i = 0; r == 0 && i < agent->mapper_count; i++)
        r = kw_mapper_receive(&agent->mappers[i], spool, fault);
    return r;
}

static int map(struct kw_agent *agent, int *wait_ms, struct kw_fault *fault)
{
    struct kw_spool *spool = &agent->spool;
    const bool more = spool->documents > 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < agent->mapper_count; i++)
        r = kw_mapper_drive(&agent->mappers[i], spool, more, wait_ms, fault);
    return r;
}

static bool is_mapping(const struct kw_agent *agent)
{
    bool busy = false;
    for (size_t i = 0; !busy && i < agent->mapper_count; i++)
        busy = agent->mappers[i].state == KW_MAPPER_BUSY;
    return busy;
}

static int make_batches(struct kw_agent *agent, int *wait_ms, struct kw_fault *fault)
{
    const int64_t now = kw_clock_monotonic_ms();
    if (agent->spool.records == 0)
        agent->idle_since_ms = 0;
    else if (agent->idle_since_ms == 0)
        agent->idle_since_ms = now;
    while (agent->spool.records) {
        struct kw_batch_row batch;
        const uint32_t room = kw_line_room(&agent->line);
        const bool whole = agent->spool.records >= room, waited = now - agent->idle_since_ms >= IDLE_MS || !is_mapping(agent);
        if (room == 0)
            return 0;
        if (!whole && !waited) {
            if (*wait_ms > IDLE_MS)
                *wait_ms = IDLE_MS;
            return 0;
        }
        int r = kw_spool_batch_make(&agent->spool, &agent->sender, room, &batch, fault);
        if (r == 0)
            r = kw_line_add(&agent->line, &batch, fault);
        if (r < 0)
            return r == -ENOENT ? 0 : r;
        agent->idle_since_ms = now;
    }
    return 0;
}

/* The transaction may wait a little for more, unless a connector waits for it, or nothing more is coming. */
static bool may_gather(const struct kw_agent *agent)
{
    for (size_t i = 0; i < agent->connector_count; i++)
        if (agent->connectors[i].answer_count)
            return false;
    return is_mapping(agent) && kw_clock_monotonic_ms() - agent->spool.begun_ms < GATHER_MS;
}

static int undo(struct kw_agent *agent, struct kw_fault *fault)
{
    kw_log(KW_LOG_ERROR, "agent", "spool.full", "documents=%llu batches=%llu", (unsigned long long)agent->spool.documents,
           (unsigned long long)agent->spool.batches);
    for (size_t i = 0; i < agent->connector_count; i++)
        kw_connector_undone(&agent->connectors[i]);
    for (size_t i = 0; i < agent->mapper_count; i++)
        kw_mapper_reload(&agent->mappers[i]);
    agent->healed_ms = kw_clock_monotonic_ms();
    int r = kw_line_reload(&agent->line, &agent->spool, fault);
    agent->line.hello_ms = agent->healed_ms + HEAL_MS;
    return r;
}

static int tell(struct kw_agent *agent, int *wait_ms, struct kw_fault *fault)
{
    int r = kw_line_send(&agent->line, &agent->spool, wait_ms, fault);
    for (size_t i = 0; r == 0 && i < agent->connector_count; i++)
        r = kw_connector_drive(&agent->connectors[i], &agent->spool, wait_ms, fault);
    return r;
}

static void heal(struct kw_agent *agent)
{
    const int64_t now = kw_clock_monotonic_ms();
    const bool was_full = agent->spool.full;
    if ((!was_full && agent->spool.ballast) || now - agent->healed_ms < HEAL_MS)
        return;
    agent->healed_ms = now;
    kw_spool_heal(&agent->spool);
    if (was_full && !agent->spool.full)
        kw_log(KW_LOG_NOTICE, "agent", "spool.healed", "documents=%llu", (unsigned long long)agent->spool.documents);
}

static int work(struct kw_agent *agent, int *wait_ms, struct kw_fault *fault)
{
    int r = take(agent, fault);
    if (r == 0)
        r = map(agent, wait_ms, fault);
    return r == 0 ? make_batches(agent, wait_ms, fault) : r;
}

int kw_agent_turn(struct kw_agent *agent, int wait_ms, int stop_fd, int signal_fd, bool *ret_ended, struct kw_fault *fault)
{
    int wait = agent->next_ms < wait_ms ? agent->next_ms : wait_ms;
    int r = await(agent, wait, stop_fd, signal_fd, ret_ended, fault);
    if (r < 0)
        return r;
    wait = TURN_MS;
    r = work(agent, &wait, fault);
    if (r < 0 && r != -ENOSPC)
        return r;
    if (r == 0 && agent->spool.begun && may_gather(agent)) {
        agent->next_ms = GATHER_MS;
        return 0;
    }
    r = kw_spool_commit(&agent->spool, fault);
    if (r == -ENOSPC)
        r = undo(agent, fault);
    if (r == 0)
        r = tell(agent, &wait, fault);
    heal(agent);
    if (agent->spool.records == 0 && agent->line.count == 0)
        agent->line.idle_ms = kw_clock_monotonic_ms();
    agent->next_ms = wait;
    return r;
}

/* ---- running ---------------------------------------------------------------------------------- */

static int catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int run(struct kw_agent *agent, int stop_fd, int signal_fd, struct kw_fault *fault)
{
    bool is_ended = false;
    int r = 0;
    while (r == 0 && !is_ended)
        r = kw_agent_turn(agent, TURN_MS, stop_fd, signal_fd, &is_ended, fault);
    if (r == 0)
        r = kw_spool_commit(&agent->spool, fault);
    return r == -ENOSPC ? 0 : r;
}

int kw_agent_run(const char *config, int stop_fd, void (*ready)(void *context), void *context, struct kw_fault *fault)
{
    struct kw_agent *agent = kw_alloc(sizeof *agent);
    KW_AUTO(kw_closep) int signal_fd = catch_signals(); /* before any thread starts */
    if (!agent || signal_fd < 0) {
        kw_free(agent);
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "agent", "no memory");
    }
    int r = kw_agent_open(config, "spool", false, agent, fault);
    if (r == 0)
        r = open_connectors(agent, fault);
    if (r == 0 && ready)
        ready(context);
    if (r == 0)
        r = run(agent, stop_fd, signal_fd, fault);
    kw_agent_close(agent);
    kw_free(agent);
    return r;
}

int kw_agent_child_main(int fd, int argc, char **argv)
{
    struct kw_fault fault = {0};
    if (argc != 2) {
        kw_log(KW_LOG_ERROR, "agent", "agent.usage", "arguments=%d", argc);
        return 2;
    }
    if (kw_sandbox_harden(&fault) < 0 || kw_agent_run(argv[1], fd, NULL, NULL, &fault) < 0) {
        kw_log(KW_LOG_ERROR, "agent", "agent.ended", "code=%s place=%s detail=\"%s\"", kw_code_name(fault.code), fault.place,
               fault.message);
        return 1;
    }
    return 0;
}
