/* SPDX-License-Identifier: Apache-2.0 */
/* hub.c - starts the hub's parts in order, supervises them, stops them in the other order. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "daemon/private.h"
#include "json/json.h"

#define AGENTS  32                     /* connectors beside the hub */
#define TICK_MS (INT64_C(3600) * 1000) /* expiry counts in days, so an hour late is soon enough; 24 rows a day cost nothing */

enum {
    INTAKE_WRITER,
    DETECT_WRITER,
    CONTROL_WRITER,
    FEED_WRITER,
    INTAKE_DETECT,
    FEED_DETECT,
    INTAKE_SEALER,
    FEED_SEALER,
    KEEPER_WRITER,
    LINKS
};

struct hub {
    struct kw_hub_config config;
    struct kw_hub_keys keys;
    uint64_t epoch;
    int lock, signals;
    struct kw_bus *bus;
    struct kw_zap *zap;
    struct kw_journal *journal;
    struct kw_journal_reader *reader; /* of control */
    struct kw_alert_reader *alerts;
    const struct kinward_rule_pack *pack;
    struct kw_socket *intake_router, *feed_router;
    struct kw_socket *links[LINKS][2];
    struct kw_child agents[AGENTS];
    char agent_configs[AGENTS][KW_PATH_SIZE];
    size_t agent_count;
    struct kw_actor *intake, *writer, *detect, *feed, *sealer, *keeper;
    struct kw_intake_setup intake_setup;
    struct kw_writer_setup writer_setup;
    struct kw_detect_setup detect_setup;
    struct kw_feed_setup feed_setup;
    struct kw_seal_setup seal_setup;
    struct kw_keeper_setup keeper_setup;
    struct kw_socket *writer_others[3], *writer_wake[1];
    struct kw_control_hub control_hub;
    struct kw_control_server *control;
    bool stop;
    int failure;
};

/* ---- parts that hold the process together ------------------------------------------ */

static int open_folders(struct hub *hub, struct kw_fault *fault)
{
    char path[KW_PATH_SIZE];
    int r = kw_dir_make(hub->config.data, 0700, fault);
    if (r == 0)
        r = kw_dir_make(hub->config.run, 0711, fault);
    if (r == 0)
        r = kw_path_join(path, sizeof path, hub->config.data, "hub.lock");
    return r < 0 ? r : kw_lock_take(path, &hub->lock, fault);
}

static int open_signals(struct hub *hub, struct kw_fault *fault)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return kw_fail(fault, -errno, KW_E_INTERNAL, "signals", "%s", strerror(errno));
    hub->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return hub->signals < 0 ? kw_fail(fault, -errno, KW_E_INTERNAL, "signals", "%s", strerror(errno)) : 0;
}

static int read_epoch(struct hub *hub, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    int r = kw_journal_setting(kw_journal_self(hub->journal), "epoch", &text, fault);
    if (r == 0) {
        hub->epoch = strtoull((const char *)text.data, NULL, 10);
        return 0;
    }
    if (r != -ENOENT)
        return r;
    hub->epoch = 1;
    r = kw_journal_begin(hub->journal, fault);
    if (r == 0)
        r = kw_journal_setting_save(hub->journal, "epoch", "1", fault);
    if (r == 0)
        r = kw_journal_commit(hub->journal, fault);
    if (r < 0)
        kw_journal_rollback(hub->journal);
    return r;
}

static int allow(void *context, const struct kw_principal *principal)
{
    struct hub *hub = context;
    return principal->revoked || !principal->has_curve ? 0 : kw_zap_allow(hub->zap, principal->curve, principal->name);
}

static int open_bus(struct hub *hub, struct kw_fault *fault)
{
    const uint8_t *key = hub->keys.curve.public_key;
    int r = kw_bus_new(&hub->bus, fault);
    if (r == 0)
        r = kw_zap_start(hub->bus, &hub->zap, fault);
    if (r == 0)
        r = kw_journal_principal_list(hub->reader, allow, hub, fault);
    if (r == 0)
        r = kw_router_bind(hub->bus, hub->config.intake, &hub->keys.curve, &hub->intake_router, fault);
    if (r == 0)
        r = kw_router_bind(hub->bus, hub->config.feed, &hub->keys.curve, &hub->feed_router, fault);
    if (r == 0)
        r = kw_curve_self_test(hub->bus, kw_socket_endpoint(hub->intake_router), key, 10000, fault);
    if (r == 0)
        r = kw_curve_self_test(hub->bus, kw_socket_endpoint(hub->feed_router), key, 10000, fault);
    for (size_t i = 0; r == 0 && i < LINKS; i++)
        r = kw_link_new(hub->bus, &hub->links[i][0], &hub->links[i][1], fault);
    return r;
}

/* ---- actors ------------------------------------------------------------------------------ */

static void wire(struct hub *hub)
{
    struct kw_socket *(*links)[2] = hub->links;
    hub->intake_setup = (struct kw_intake_setup){.bus = hub->bus,
                                                 .journal = hub->journal,
                                                 .router = hub->intake_router,
                                                 .hub = hub->config.name,
                                                 .data_dir = hub->config.data,
                                                 .epoch = hub->epoch,
                                                 .vault = hub->keys.vault,
                                                 .sign = hub->keys.sign,
                                                 .window = (uint32_t)hub->config.window,
                                                 .validators = (unsigned)hub->config.validators,
                                                 .writer = links[INTAKE_WRITER][0],
                                                 .detect = links[INTAKE_DETECT][0],
                                                 .ledger = links[INTAKE_SEALER][0]};
    hub->writer_others[0] = links[CONTROL_WRITER][1];
    hub->writer_others[1] = links[FEED_WRITER][1];
    hub->writer_others[2] = links[KEEPER_WRITER][1];
    hub->writer_wake[0] = links[DETECT_WRITER][1];
    hub->writer_setup = (struct kw_writer_setup){.journal = hub->journal,
                                                 .sign = hub->keys.sign,
                                                 .hub = hub->config.name,
                                                 .epoch = hub->epoch,
                                                 .intake = links[INTAKE_WRITER][1],
                                                 .others = hub->writer_others,
                                                 .others_count = KW_COUNT(hub->writer_others),
                                                 .wake = hub->writer_wake,
                                                 .wake_count = 1,
                                                 .tick_ms = TICK_MS};
    hub->detect_setup = (struct kw_detect_setup){.config = &hub->config,
                                                 .keys = &hub->keys,
                                                 .epoch = hub->epoch,
                                                 .pack = hub->pack,
                                                 .writer = links[DETECT_WRITER][0],
                                                 .intake = links[INTAKE_DETECT][1],
                                                 .feed = links[FEED_DETECT][1]};
    hub->feed_setup = (struct kw_feed_setup){.router = hub->feed_router,
                                             .hub = hub->config.name,
                                             .data_dir = hub->config.data,
                                             .epoch = hub->epoch,
                                             .vault = hub->keys.vault,
                                             .writer = links[FEED_WRITER][0],
                                             .detect = links[FEED_DETECT][0],
                                             .ledger = links[FEED_SEALER][0]};
    hub->keeper_setup =
        (struct kw_keeper_setup){.data_dir = hub->config.data, .vault = hub->keys.vault, .writer = links[KEEPER_WRITER][0]};
    hub->seal_setup = (struct kw_seal_setup){.config = &hub->config,
                                             .keys = &hub->keys,
                                             .bus = hub->bus,
                                             .intake = links[INTAKE_SEALER][1],
                                             .feed = links[FEED_SEALER][1]};
}

static int start_actors(struct hub *hub, struct kw_fault *fault)
{
    int r = kw_actor_start(hub->bus, "detect", kw_detect_body, &hub->detect_setup, &hub->detect, fault);
    hub->intake_setup.passed = hub->detect_setup.position;
    if (r == 0)
        r = kw_actor_start(hub->bus, "intake", kw_intake_body, &hub->intake_setup, &hub->intake, fault);
    if (r == 0)
        r = kw_actor_start(hub->bus, "writer", kw_writer_body, &hub->writer_setup, &hub->writer, fault);
    if (r == 0)
        r = kw_actor_start(hub->bus, "feed", kw_feed_body, &hub->feed_setup, &hub->feed, fault);
    if (r == 0)
        r = kw_actor_start(hub->bus, "keeper", kw_keeper_body, &hub->keeper_setup, &hub->keeper, fault);
    return r < 0 ? r : kw_actor_start(hub->bus, "sealer", kw_seal_body, &hub->seal_setup, &hub->sealer, fault);
}

/* ---- connectors beside the hub ---------------------------------------------------------- */

static int read_agents(struct hub *hub, struct kw_fault *fault)
{
    const struct kw_xml_element *item = kw_config_child(&hub->config.file, "connector");
    for (; item; item = kw_xml_next(item, "connector")) {
        if (hub->agent_count == AGENTS)
            return kw_fail(fault, -E2BIG, KW_E_CONFIG, hub->config.file.path, "more than %d connectors", AGENTS);
        int r = kw_config_path(&hub->config.file, item, "config", NULL, hub->agent_configs[hub->agent_count], fault);
        if (r < 0)
            return r;
        hub->agents[hub->agent_count++].fd = -1;
    }
    return 0;
}

static void keep_agents(struct hub *hub)
{
    for (size_t i = 0; i < hub->agent_count; i++) {
        struct kw_child *child = &hub->agents[i];
        const char *const arguments[] = {"agent", hub->agent_configs[i], NULL};
        struct kw_fault fault = {0};
        if (kw_child_running(child) && kw_child_reap(child))
            kw_log(KW_LOG_ERROR, "hub", "connector.ended", "config=%zu status=%d restarts=%u", i, child->last_status,
                   child->restarts);
        if (!kw_child_running(child) && kw_clock_monotonic_ms() >= child->not_before_ms &&
            kw_child_start(child, arguments, NULL, 0, &fault) < 0)
            kw_log(KW_LOG_ERROR, "hub", "connector.failed", "config=%zu code=%s", i, kw_code_name(fault.code));
    }
}

static int put_agents(void *context, struct kw_buf *ret_json)
{
    const struct hub *hub = context;
    struct kw_json_out json = {.out = ret_json};
    kw_json_array(&json, NULL);
    for (size_t i = 0; i < hub->agent_count; i++) {
        kw_json_object(&json, NULL);
        kw_json_string(&json, "config", hub->agent_configs[i]);
        kw_json_boolean(&json, "running", kw_child_running(&hub->agents[i]));
        kw_json_integer(&json, "restarts", hub->agents[i].restarts);
        kw_json_close(&json, '}');
    }
    kw_json_close(&json, ']');
    return kw_json_end(&json);
}

/* ---- control ------------------------------------------------------------------------------ */

static int open_control(struct hub *hub, struct kw_fault *fault)
{
    char path[KW_PATH_SIZE];
    int r = kw_path_join(path, sizeof path, hub->config.run, "control.sock");
    if (r == 0)
        r = kw_alert_reader_open(hub->config.data, hub->keys.vault, &hub->alerts, fault);
    if (r < 0)
        return r;
    hub->control_hub = (struct kw_control_hub){.name = hub->config.name,
                                               .jurisdiction = hub->config.jurisdiction,
                                               .data_dir = hub->config.data,
                                               .epoch = hub->epoch,
                                               .started_ms = kw_clock_wall_ms(),
                                               .bus = hub->bus,
                                               .zap = hub->zap,
                                               .journal = hub->journal,
                                               .reader = hub->reader,
                                               .alerts = hub->alerts,
                                               .writer = hub->links[CONTROL_WRITER][0],
                                               .intake = kw_actor_pipe(hub->intake),
                                               .feed = kw_actor_pipe(hub->feed),
                                               .detect = kw_actor_pipe(hub->detect),
                                               .sealer = kw_actor_pipe(hub->sealer),
                                               .children = put_agents,
                                               .context = hub};
    return kw_control_listen(path, &hub->config.file, &hub->control_hub, &hub->control, fault);
}

static int print_ready(struct hub *hub)
{
    KW_AUTO(kw_buf_clear) struct kw_buf line = {0};
    struct kw_json_out json = {.out = &line};
    char web[96];
    snprintf(web, sizeof web, "http://%s:%u", hub->config.web_address, (unsigned)hub->seal_setup.web_port);
    kw_json_object(&json, NULL);
    kw_json_boolean(&json, "ready", true);
    kw_json_string(&json, "hub", hub->config.name);
    kw_json_string(&json, "intake", kw_socket_endpoint(hub->intake_router));
    kw_json_string(&json, "feed", kw_socket_endpoint(hub->feed_router));
    kw_json_string(&json, "ledger", web);
    kw_json_close(&json, '}');
    int r = kw_json_end(&json);
    if (r == 0 && (puts((const char *)line.data) < 0 || fflush(stdout) != 0))
        r = -EIO;
    return r;
}

/* ---- life ----------------------------------------------------------------------------------- */

static int start(struct hub *hub, struct kw_fault *fault)
{
    kw_memory_keep();
    int r = kw_sandbox_harden(fault);
    if (r == 0)
        r = open_folders(hub, fault);
    if (r == 0)
        r = open_signals(hub, fault);
    if (r == 0)
        r = kw_hub_keys_load(hub->config.keys, &hub->keys, fault);
    if (r == 0)
        r = kw_hub_pack_load(&hub->config, &hub->pack, fault);
    if (r == 0)
        r = kw_journal_open(hub->config.data, hub->keys.vault, &hub->journal, fault);
    if (r == 0)
        r = read_epoch(hub, fault);
    if (r == 0)
        r = kw_journal_reader_open(hub->config.data, hub->keys.vault, &hub->reader, fault);
    if (r == 0)
        r = read_agents(hub, fault);
    if (r == 0)
        r = open_bus(hub, fault);
    if (r == 0) {
        wire(hub);
        r = start_actors(hub, fault);
    }
    if (r == 0)
        r = open_control(hub, fault);
    return r;
}

static void read_signals(struct hub *hub)
{
    struct signalfd_siginfo info;
    while (read(hub->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP)
            hub->stop = true;
    }
}

static bool actor_ended(struct hub *hub)
{
    struct kw_actor *const actors[] = {hub->intake, hub->writer, hub->detect, hub->feed, hub->keeper, hub->sealer};
    for (size_t i = 0; i < KW_COUNT(actors); i++) {
        if (kw_actor_ended(actors[i]))
            return true;
    }
    return kw_zap_ended(hub->zap);
}

static int serve(struct hub *hub)
{
    struct kw_poll items[1 + KW_CONTROL_DESCRIPTORS];
    int r = 0;
    while (!hub->stop) {
        items[0] = (struct kw_poll){.fd = hub->signals};
        size_t count = 1 + kw_control_descriptors(hub->control, items + 1);
        keep_agents(hub);
        r = kw_poll(items, count, 500);
        if (r < 0 && r != -EINTR)
            return r;
        if (items[0].readable)
            read_signals(hub);
        kw_control_serve(hub->control, items + 1, count - 1);
        if (actor_ended(hub)) { /* a part that cannot go on takes the hub down; the start brings all back from storage */
            kw_log(KW_LOG_ERROR, "hub", "part.ended", "action=stop");
            return -EIO;
        }
    }
    return 0;
}

static void stop(struct hub *hub)
{
    struct kw_actor **const order[] = {&hub->feed, &hub->intake, &hub->writer, &hub->detect, &hub->sealer, &hub->keeper};
    for (size_t i = 0; i < hub->agent_count; i++)
        kw_child_stop(&hub->agents[i], 5000);
    kw_control_close(hub->control);
    for (size_t i = 0; i < KW_COUNT(order); i++) {
        if (*order[i])
            (void)kw_actor_stop(*order[i]);
    }
    for (size_t i = 0; i < LINKS; i++) {
        kw_socket_close(hub->links[i][0]);
        kw_socket_close(hub->links[i][1]);
    }
    kw_socket_close(hub->intake_router);
    kw_socket_close(hub->feed_router);
    kw_zap_stop(hub->zap);
    kw_bus_free(hub->bus);
    kw_alert_reader_close(hub->alerts);
    kw_journal_reader_close(hub->reader);
    kw_journal_close(hub->journal);
    kw_hub_keys_clear(&hub->keys);
    kw_closep(&hub->signals);
    kw_closep(&hub->lock);
    kw_hub_config_clear(&hub->config);
}

int kw_hub_run(const char *config_path, struct kw_fault *fault)
{
    struct hub *hub = kw_alloc(sizeof *hub);
    if (!hub)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "hub", "no memory");
    hub->lock = hub->signals = -1;
    int r = kw_crypto_init();
    if (r == 0)
        r = kw_xml_init();
    if (r == 0)
        r = kw_hub_config_load(config_path, &hub->config, fault);
    if (r == 0)
        r = start(hub, fault);
    if (r == 0)
        r = print_ready(hub);
    if (r == 0) {
        kw_log(KW_LOG_NOTICE, "hub", "hub.started", "name=%s epoch=%llu", hub->config.name, (unsigned long long)hub->epoch);
        r = serve(hub);
        if (r < 0)
            kw_fail(fault, r, KW_E_STORE, "hub", "a part of the hub ended; the log says which and why");
    }
    stop(hub);
    kw_free(hub);
    return r;
}
