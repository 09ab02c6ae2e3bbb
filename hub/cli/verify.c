/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - kinward verify: one proof, offline, against a policy. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "card/card.h"
#include "cli/cli.h"
#include "json/json.h"
#include "ledger/ledger.h"

struct request {
    const char *record, *leaf, *policy, *card;
    bool as_json;
};

static void print_answer(const struct request *request, const char *path, const struct kw_proof *proof,
                         const struct kw_checkpoint *checkpoint)
{
    struct kw_leaf leaf = {0};
    struct kw_buf line = {0};
    struct kw_json_out json = {.out = &line};
    char sealed[KW_TIME_SIZE] = "";

    if (proof->has_record && kw_leaf_parse((struct kw_view){proof->leaf, sizeof proof->leaf}, &leaf, NULL) == 0)
        kw_time_format((int64_t)leaf.sealed_minute * 1000, sealed);
    if (!request->as_json) {
        printf("%s: verified: entry %llu of %.*s at size %llu", path, (unsigned long long)proof->index,
               (int)checkpoint->origin.size, (const char *)checkpoint->origin.data, (unsigned long long)checkpoint->size);
        if (request->record)
            printf("; sealed %.16sZ", sealed);
        if (request->record && proof->origin.leaf.size > 0)
            printf("; from %s (%s), origin signature %s", proof->origin.principal, proof->origin.jurisdiction,
                   request->card ? "verified" : "not checked: give --card");
        printf("\n");
        return;
    }
    kw_json_object(&json, NULL);
    kw_json_string(&json, "proof", path);
    kw_json_boolean(&json, "verified", true);
    kw_json_text(&json, "origin", checkpoint->origin);
    kw_json_integer(&json, "index", (int64_t)proof->index);
    kw_json_integer(&json, "size", (int64_t)checkpoint->size);
    if (*sealed)
        kw_json_string(&json, "sealed", sealed);
    if (request->record && proof->origin.leaf.size > 0) {
        kw_json_string(&json, "principal", proof->origin.principal);
        kw_json_string(&json, "jurisdiction", proof->origin.jurisdiction);
        kw_json_boolean(&json, "origin_signature_checked", request->card != NULL);
    }
    kw_json_close(&json, '}');
    if (kw_json_end(&json) == 0)
        printf("%s\n", (const char *)line.data);
    kw_buf_clear(&line);
}

static int refuse(const char *path, int error, const struct kw_fault *fault)
{
    int code = kw_cli_error(path, fault);

    if (fault->code == KW_E_FILE || fault->code == KW_E_MEMORY || fault->code == KW_E_CONFIG)
        return code;
    return error == -EAGAIN ? KW_EXIT_PENDING : KW_EXIT_UNVERIFIED;
}

static int verify(const struct request *request, const char *path)
{
    KW_AUTO(kw_policy_freep) struct kw_policy *policy = NULL;
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0}, subject = {0};
    KW_AUTO(kw_proof_clear) struct kw_proof proof = {0};
    struct kw_checkpoint checkpoint = {0};
    struct kw_fault fault = {0};
    struct kw_card card;
    struct kw_view bytes;
    int r;

    if (kw_policy_load(request->policy, &policy, &fault) < 0)
        return kw_cli_error(request->policy, &fault);
    if (request->card && kw_card_load(request->card, &card, &fault) < 0)
        return kw_cli_error(request->card, &fault);
    if (kw_file_read(request->record ? request->record : request->leaf, KW_LIMIT_RECORD, &subject, &fault) < 0)
        return kw_cli_error(request->record ? request->record : request->leaf, &fault);
    if (kw_file_read(path, KW_LIMIT_PROOF, &text, &fault) < 0)
        return kw_cli_error(path, &fault);
    bytes = kw_view_of(&subject);
    if (request->record && bytes.size > 0 && bytes.data[bytes.size - 1] == '\n')
        bytes.size--; /* of the line that a command printed; canonical XML ends with its last tag */
    r = kw_proof_parse(kw_view_of(&text), &proof, &fault);
    if (r == 0 && request->record)
        r = kw_proof_verify_record(&proof, bytes, request->card ? card.sign : NULL, policy, &checkpoint, &fault);
    else if (r == 0)
        r = kw_proof_verify_entry(&proof, bytes, policy, false, &checkpoint, &fault);
    if (r < 0)
        return refuse(path, r, &fault);
    print_answer(request, path, &proof, &checkpoint);
    return KW_EXIT_DONE;
}

int kw_cmd_verify(int argc, char **argv)
{
    struct request request = {0};
    const struct kw_option options[] = {
        {.name = "record",
         .value_name = "FILE",
         .help = "the canonical record (or statement) that the proof is of",
         .value = &request.record},
        {.name = "leaf", .value_name = "FILE", .help = "the log entry that the proof is of", .value = &request.leaf},
        {.name = "policy",
         .value_name = "FILE",
         .help = "trusted log and witnesses (C2SP tlog-policy)",
         .value = &request.policy,
         .required = true},
        {.name = "card",
         .value_name = "CARD",
         .help = "the sender's card: its origin signature is verified as well",
         .value = &request.card},
        {.name = "json", .help = "print one JSON object", .flag = &request.as_json},
        {.name = NULL},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward verify PROOF (--record FILE [--card CARD] | --leaf FILE) --policy FILE [--json]",
        .summary =
            "Verifies, offline, that a record or a log entry stands in a log that the policy's witnesses cosigned. Exit 4: it does "
            "not; 6: cosignatures are still missing.",
        .example = "kinward verify 17.tlog-proof --record birth.xml --policy policy",
        .options = options,
        .least = 1,
        .most = 1,
    };
    int first, leave;

    if (!kw_cli_options(&usage, argc, argv, &first, &leave))
        return leave;
    if (!request.record == !request.leaf || (request.card && !request.record)) {
        fprintf(stderr, "kinward: verify: give either --record FILE, perhaps with --card, or --leaf FILE (usage)\n");
        return KW_EXIT_USAGE;
    }
    if (kw_crypto_init() < 0)
        return kw_cli_errno("verify", -EIO);
    return verify(&request, argv[first]);
}
