/* SPDX-License-Identifier: Apache-2.0 */
/* witness.c - kinward witness: cosigns the checkpoints of other hubs' logs over HTTP. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/cli.h"
#include "config/config.h"
#include "crypto/crypto.h"
#include "json/json.h"
#include "ledger/ledger.h"

#define LOGS_MAX 64

struct settings {
    char name[256], key[KW_PATH_SIZE], state[KW_PATH_SIZE], address[64];
    char vkeys[LOGS_MAX][512];
    const char *logs[LOGS_MAX + 1];
    uint16_t port;
};

static int read_logs(const struct kw_config *config, struct settings *settings, struct kw_fault *fault)
{
    const struct kw_xml_element *log = kw_xml_first(config->root, "log");
    size_t count = 0;

    for (; log; log = kw_xml_next(log, "log"), count++) {
        int r;

        if (count == LOGS_MAX)
            return kw_fail(fault, -EINVAL, KW_E_CONFIG, config->path, "more than %d logs", LOGS_MAX);
        r = kw_config_text(config, log, "vkey", NULL, settings->vkeys[count], sizeof settings->vkeys[count], fault);
        if (r < 0)
            return r;
        settings->logs[count] = settings->vkeys[count];
    }
    return 0;
}

static int read_settings(const char *path, struct settings *settings, struct kw_fault *fault)
{
    struct kw_config config = {0};
    char keys[KW_PATH_SIZE];
    int64_t port = 0;
    int r = kw_config_load(path, "witness", &config, fault);

    if (r < 0)
        return r;
    r = kw_config_text(&config, config.root, "name", NULL, settings->name, sizeof settings->name, fault);
    if (r == 0)
        r = kw_config_path(&config, kw_config_child(&config, "keys"), "folder", NULL, keys, fault);
    if (r == 0)
        r = kw_config_path(&config, kw_config_child(&config, "state"), "folder", NULL, settings->state, fault);
    if (r == 0)
        r = kw_config_text(&config, kw_config_child(&config, "listen"), "address", NULL, settings->address,
                           sizeof settings->address, fault);
    if (r == 0)
        r = kw_config_integer(&config, kw_config_child(&config, "listen"), "port", 0, 0, 65535, &port, fault);
    if (r == 0)
        r = kw_path_join(settings->key, sizeof settings->key, keys, "witness.key");
    if (r == 0)
        r = read_logs(&config, settings, fault);
    settings->port = (uint16_t)port;
    kw_config_clear(&config);
    return r;
}

static void print_ready(const struct settings *settings, uint16_t port)
{
    struct kw_buf line = {0};
    struct kw_json_out json = {.out = &line};
    char http[96];

    snprintf(http, sizeof http, "%s:%u", settings->address, port);
    kw_json_object(&json, NULL);
    kw_json_boolean(&json, "ready", true);
    kw_json_string(&json, "witness", settings->name);
    kw_json_string(&json, "http", http);
    kw_json_close(&json, '}');
    if (kw_json_end(&json) == 0) {
        printf("%s\n", (const char *)line.data);
        fflush(stdout);
    }
    kw_buf_clear(&line);
}

/* Until a signal: requests come through the web child, answers from the signer child. */
static int serve(struct kw_ledger_web *web, struct kw_signer *signer, int signals, struct kw_fault *fault)
{
    for (;;) {
        struct pollfd items[2] = {{.fd = signals, .events = POLLIN}, {.fd = kw_ledger_web_fd(web), .events = POLLIN}};

        if (poll(items, 2, items[1].fd < 0 ? 200 : 1000) < 0 && errno != EINTR)
            return -errno;
        if (items[0].revents)
            return 0;
        if (kw_ledger_web_work(web, signer, fault) < 0)
            kw_log(KW_LOG_WARNING, "witness", "web.restart", "why=\"%s\"", fault->message);
    }
}

static int run(const char *path)
{
    struct settings *settings = kw_alloc(sizeof *settings);
    struct kw_signer_options signer_options = {0};
    struct kw_ledger_web_options web_options = {0};
    struct kw_signer *signer = NULL;
    struct kw_ledger_web *web = NULL;
    struct kw_fault fault = {0};
    KW_AUTO(kw_closep) int signals = -1;
    sigset_t mask;
    int r = settings ? read_settings(path, settings, &fault) : -ENOMEM;

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signals = signalfd(-1, &mask, SFD_CLOEXEC);
    if (r == 0) {
        signer_options = (struct kw_signer_options){
            .state = settings->state, .witness_key = settings->key, .witness_name = settings->name, .logs = settings->logs};
        r = kw_signer_start(&signer_options, &signer, &fault);
    }
    if (r == 0) {
        web_options = (struct kw_ledger_web_options){.address = settings->address, .port = settings->port};
        r = kw_ledger_web_start(&web_options, &web, &fault);
    }
    if (r == 0) {
        print_ready(settings, kw_ledger_web_port(web));
        r = serve(web, signer, signals, &fault);
    }
    kw_ledger_web_stop(web);
    kw_signer_stop(signer);
    kw_free(settings);
    if (r < 0)
        return fault.code ? kw_cli_error("witness", &fault) : kw_cli_errno("witness", r);
    return KW_EXIT_DONE;
}

int kw_cmd_witness(int argc, char **argv)
{
    const char *config = NULL;
    const struct kw_option options[] = {
        {.name = "config",
         .value_name = "FILE",
         .help = "witness.xml as kinward init makes it",
         .value = &config,
         .required = true},
        {.name = NULL},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward witness --config FILE",
        .summary =
            "Cosigns checkpoints of the logs in its configuration that go on from what it cosigned before (C2SP tlog-witness). "
            "Runs in the foreground; prints one JSON line when it is bound.",
        .example = "kinward witness --config witness/witness.xml",
        .options = options,
    };
    int first, leave;

    if (!kw_cli_options(&usage, argc, argv, &first, &leave))
        return leave;
    if (kw_crypto_init() < 0)
        return kw_cli_errno("witness", -EIO);
    return run(config);
}
