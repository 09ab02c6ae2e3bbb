/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - kinward ledger: a log's files and state. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "cli/operator.h"
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

/* ---- status ---------------------------------------------------------------------------- */

static void print_cosigners(const struct kw_policy *policy, const struct kw_note *note, struct kw_json_out *json)
{
    const struct kw_policy_key *witness;

    if (json)
        kw_json_array(json, "witnesses");
    for (size_t i = 0; (witness = kw_policy_witness(policy, i)) != NULL; i++) {
        uint64_t time = 0;
        char text[KW_TIME_SIZE] = "none";

        if (kw_note_verify(note, &witness->vkey, &time) == 1 && time <= (uint64_t)INT64_MAX / 1000)
            kw_time_format((int64_t)time * 1000, text);
        if (!json) {
            printf("  %s: %s\n", witness->name, text);
            continue;
        }
        kw_json_object(json, NULL);
        kw_json_string(json, "name", witness->name);
        kw_json_string(json, "cosigned", text);
        kw_json_close(json, '}');
    }
    if (json)
        kw_json_close(json, ']');
}

static void print_status(const struct kw_policy *policy, const struct kw_note *note, const struct kw_checkpoint *checkpoint,
                         bool quorum, bool as_json)
{
    struct kw_buf line = {0};
    struct kw_json_out json = {.out = &line};

    if (!as_json) {
        printf("origin: %.*s\nsize: %llu\nquorum: %s\nwitnesses:\n", (int)checkpoint->origin.size,
               (const char *)checkpoint->origin.data, (unsigned long long)checkpoint->size, quorum ? "met" : "not met");
        print_cosigners(policy, note, NULL);
        return;
    }
    kw_json_object(&json, NULL);
    kw_json_text(&json, "origin", checkpoint->origin);
    kw_json_integer(&json, "size", (int64_t)checkpoint->size);
    kw_json_boolean(&json, "quorum", quorum);
    print_cosigners(policy, note, &json);
    kw_json_close(&json, '}');
    if (kw_json_end(&json) == 0)
        printf("%s\n", (const char *)line.data);
    kw_buf_clear(&line);
}

static int file_status(const char *dir, const char *policy_path, bool as_json)
{
    KW_AUTO(kw_policy_freep) struct kw_policy *policy = NULL;
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    struct kw_checkpoint checkpoint;
    struct kw_fault fault = {0};
    struct kw_note note;
    char path[4096];
    int r = kw_path_join(path, sizeof path, dir, "checkpoint");

    if (r < 0)
        return kw_cli_errno(dir, r);
    if (kw_policy_load(policy_path, &policy, &fault) < 0)
        return kw_cli_error(policy_path, &fault);
    if (kw_file_read(path, KW_LIMIT_NOTE, &bytes, &fault) < 0)
        return kw_cli_error(path, &fault);
    r = kw_policy_check(policy, kw_view_of(&bytes), false, &checkpoint, &fault);
    if ((r < 0 && r != -EAGAIN) || kw_note_parse(kw_view_of(&bytes), &note, &fault) < 0)
        return kw_cli_error(path, &fault);
    print_status(policy, &note, &checkpoint, r == 0, as_json);
    return r == 0 ? KW_EXIT_DONE : KW_EXIT_PENDING;
}

static int cmd_status(int argc, char **argv)
{
    const char *policy = NULL, *config = NULL;
    bool as_json = false;
    const struct kw_option options[] = {
        {.name = "policy", .value_name = "FILE", .help = "with LOGDIR: trusted log and witnesses", .value = &policy},
        {.name = "config", .value_name = "FILE", .help = "without LOGDIR: of the running hub (hub.xml)", .value = &config},
        {.name = "json", .help = "print one JSON object", .flag = &as_json},
        {.name = NULL},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward ledger status [LOGDIR --policy FILE | --config hub.xml] [--json]",
        .summary =
            "How far a log is and who cosigned it: from its files, or asked of the running hub. Exit 6: the checkpoint in the "
            "files lacks cosignatures.",
        .example = "kinward ledger status --config hub.xml\nkinward ledger status data/log --policy policy",
        .options = options,
        .most = 1,
    };
    struct kw_question question;
    int first, code;

    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    if ((first < argc) != (policy != NULL) || (policy && config)) {
        fprintf(stderr, "kinward: ledger status: give LOGDIR with --policy, or ask a running hub with --config (usage)\n");
        return KW_EXIT_USAGE;
    }
    if (kw_crypto_init() < 0)
        return kw_cli_errno("ledger status", -EIO);
    if (first < argc)
        return file_status(argv[first], policy, as_json);
    kw_question_start(&question, config, "LEDGER");
    code = kw_question_print(&question, as_json);
    kw_question_clear(&question);
    return code;
}

/* ---- checkpoint ---------------------------------------------------------------------------- */

static int cmd_checkpoint(int argc, char **argv)
{
    const struct kw_option options[] = {{.name = NULL}};
    const struct kw_usage usage = {
        .synopsis = "kinward ledger checkpoint LOGDIR",
        .summary = "Prints the newest released checkpoint with its cosignatures, as it is. kinward ledger audit checks it.",
        .example = "kinward ledger checkpoint data/log",
        .options = options,
        .least = 1,
        .most = 1,
    };
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    struct kw_fault fault = {0};
    char path[4096];
    int first, code, r;

    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    r = kw_path_join(path, sizeof path, argv[first], "checkpoint");
    if (r < 0)
        return kw_cli_errno(argv[first], r);
    if (kw_file_read(path, KW_LIMIT_NOTE, &bytes, &fault) < 0)
        return kw_cli_error(path, &fault);
    return fwrite(bytes.data, 1, bytes.size, stdout) == bytes.size && fflush(stdout) == 0 ? KW_EXIT_DONE
                                                                                          : kw_cli_errno("stdout", -EIO);
}

/* ---- proof ------------------------------------------------------------------------------------ */

static int print_proof(struct kw_view text, const char *out)
{
    struct kw_fault fault = {0};

    if (out)
        return kw_file_replace(out, text, 0600, &fault) < 0 ? kw_cli_error(out, &fault) : KW_EXIT_DONE;
    return fwrite(text.data, 1, text.size, stdout) == text.size && fflush(stdout) == 0 ? KW_EXIT_DONE
                                                                                       : kw_cli_errno("stdout", -EIO);
}

static int ask_proof(const char *config, int64_t position, const char *out)
{
    struct kw_question question;
    struct kw_view payload, text = {0};
    int r, code;

    kw_question_start(&question, config, "PROOF");
    kw_json_integer(&question.header, "position", position);
    r = kw_question_ask(&question);
    payload = kw_view_of(&question.answer.payload);
    if (r == 0 && kw_take_item(&payload, &text) < 0)
        r = kw_fail(&question.fault, -EBADMSG, KW_E_FRAMES, "PROOF", "%s", kw_code_text(KW_E_FRAMES));
    if (r < 0)
        code = question.fault.code ? kw_cli_error("ledger proof", &question.fault) : kw_cli_errno("ledger proof", r);
    else
        code = print_proof(text, out);
    kw_question_clear(&question);
    return code;
}

static int file_proof(const char *dir, int64_t index, const char *out)
{
    KW_AUTO(kw_proof_clear) struct kw_proof proof = {0};
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_fault fault = {0};
    int r = kw_proof_from_files(dir, (uint64_t)index, &proof, &fault);

    if (r < 0)
        return kw_cli_error(dir, &fault);
    r = kw_proof_write(&proof, &text);
    return r < 0 ? kw_cli_errno(dir, r) : print_proof(kw_view_of(&text), out);
}

static bool parse_number(const char *text, int64_t *ret_number)
{
    char *end;

    errno = 0;
    *ret_number = strtoll(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == 0;
}

static int cmd_proof(int argc, char **argv)
{
    const char *config = NULL, *log = NULL, *out = NULL;
    const struct kw_option options[] = {
        {.name = "config",
         .value_name = "FILE",
         .help = "of the running hub (hub.xml): NUMBER is a record's position",
         .value = &config},
        {.name = "log",
         .value_name = "LOGDIR",
         .help = "a log's files: NUMBER is an entry's index, the proof is of its leaf",
         .value = &log},
        {.name = "out", .value_name = "FILE", .help = "write it there in place of standard output", .value = &out},
        {.name = NULL},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward ledger proof NUMBER [--config hub.xml | --log LOGDIR] [--out FILE]",
        .summary = "Gives a proof (C2SP tlog-proof) for kinward verify. Exit 6: cosignatures are awaited, ask again.",
        .example = "kinward ledger proof 17 --config hub.xml --out 17.tlog-proof\nkinward ledger proof 0 --log data/log",
        .options = options,
        .least = 1,
        .most = 1,
    };
    int64_t number;
    int first, code;

    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    if ((config && log) || !parse_number(argv[first], &number)) {
        fprintf(stderr, "kinward: ledger proof: give a number, and one of --config and --log (usage)\n");
        return KW_EXIT_USAGE;
    }
    return log ? file_proof(log, number, out) : ask_proof(config, number, out);
}

int kw_cmd_ledger(int argc, char **argv)
{
    static const struct kw_command commands[] = {
        {"status", cmd_status, "how far a log is and who cosigned it"},
        {"checkpoint", cmd_checkpoint, "the newest released checkpoint"},
        {"proof", cmd_proof, "a proof of one record or log entry"},
        {"audit", cmd_audit, "check a whole log from its files"},
        {NULL, NULL, NULL},
    };

    return kw_cli_group("kinward ledger", commands, argc, argv);
}
