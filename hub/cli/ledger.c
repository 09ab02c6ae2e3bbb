/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - kinward ledger: a log's files and state. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "json/json.h"
#include "ledger/ledger.h"

/* ---- audit --------------------------------------------------------------------------- */

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    kw_progress_update(context, done, total);
}

static void print_audit(const char *dir, const struct kw_audit *audit, bool as_json)
{
    struct kw_buf line = {0};
    struct kw_json_out json = {.out = &line};

    if (!as_json) {
        printf("%s: %s is whole at size %llu: %u checkpoints, %u full and %u partial tiles, %u full and %u partial entry bundles, "
               "%u proofs, %u leaves recomputed; every signature known and good\n",
               dir, audit->origin, (unsigned long long)audit->size, audit->checkpoints, audit->tiles, audit->partial_tiles,
               audit->bundles, audit->partial_bundles, audit->proofs, audit->leaves);
        return;
    }
    kw_json_object(&json, NULL);
    kw_json_string(&json, "log", dir);
    kw_json_boolean(&json, "whole", true);
    kw_json_string(&json, "origin", audit->origin);
    kw_json_integer(&json, "size", (int64_t)audit->size);
    kw_json_integer(&json, "checkpoints", audit->checkpoints);
    kw_json_integer(&json, "tiles", audit->tiles);
    kw_json_integer(&json, "partial_tiles", audit->partial_tiles);
    kw_json_integer(&json, "bundles", audit->bundles);
    kw_json_integer(&json, "partial_bundles", audit->partial_bundles);
    kw_json_integer(&json, "proofs", audit->proofs);
    kw_json_integer(&json, "leaves", audit->leaves);
    kw_json_close(&json, '}');
    if (kw_json_end(&json) == 0)
        printf("%s\n", (const char *)line.data);
    kw_buf_clear(&line);
}

static int run_audit(const char *dir, const char *policy_path, bool as_json)
{
    KW_AUTO(kw_policy_freep) struct kw_policy *policy = NULL;
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_progress progress = {.label = "audit"};
    struct kw_fault fault = {0};
    struct kw_audit audit;
    int r, leave;

    if (kw_file_read(policy_path, KW_LIMIT_CONFIG, &text, &fault) < 0 || kw_policy_parse(kw_view_of(&text), &policy, &fault) < 0)
        return kw_cli_error(policy_path, &fault);
    r = kw_ledger_audit(dir, policy, kw_view_of(&text), show_progress, &progress, &audit, &fault);
    kw_progress_end(&progress);
    if (r < 0) {
        leave = kw_cli_error(dir, &fault);
        return r == -EBADMSG ? KW_EXIT_UNVERIFIED : leave;
    }
    print_audit(dir, &audit, as_json);
    return KW_EXIT_DONE;
}

static int cmd_audit(int argc, char **argv)
{
    const char *policy = NULL;
    bool as_json = false;
    const struct kw_option options[] = {
        {.name = "policy",
         .value_name = "FILE",
         .help = "trusted log and witnesses (C2SP tlog-policy)",
         .value = &policy,
         .required = true},
        {.name = "json", .help = "print one JSON object", .flag = &as_json},
        {.name = NULL},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward ledger audit LOGDIR --policy FILE [--json]",
        .summary =
            "Recomputes every tile of a log from its entries, superseded partial ones too, and checks every checkpoint: each "
            "signature must be known and good. A file that belongs to no log is a failure. Exit 4: something is wrong.",
        .example = "kinward ledger audit data/log --policy policy",
        .options = options,
        .least = 1,
        .most = 1,
    };
    int first, leave;

    if (!kw_cli_options(&usage, argc, argv, &first, &leave))
        return leave;
    if (kw_crypto_init() < 0)
        return kw_cli_errno("ledger audit", -EIO);
    return run_audit(argv[first], policy, as_json);
}

int kw_cmd_ledger(int argc, char **argv)
{
    static const struct kw_command commands[] = {
        {"audit", cmd_audit, "check a whole log from its files"},
        {NULL, NULL, NULL},
    };

    return kw_cli_group("kinward ledger", commands, argc, argv);
}
