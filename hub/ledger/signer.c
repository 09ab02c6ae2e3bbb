/* SPDX-License-Identifier: Apache-2.0 */
/* signer.c - the signer process: holds log and witness key, signs nothing that does not go on from what it signed last.
 *
 * On its pipe: LOGS (items: vkey texts to be a witness of) → DONE; SIGN (items: checkpoint text, hashes of the consistency
 * proof) → SIGNED (item: signature line), REFUSED (items: u64 size signed last, reason) or, with the same
 * items, UNSTORED: ask again; WITNESS (item: request body) and
 * HEAD (item: hex of the origin's hash) → ANSWER (items: u32 status, content type, body).
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "ledger/witness.h"
#include "sandbox/sandbox.h"

struct signer {
    const char *state, *origin, *log_key_path, *witness_name, *witness_key_path;
    struct kw_sign_key *log_key, *witness_key;
    struct kw_vkey log_vkey;
    struct kw_signed last; /* of the log */
    struct kw_witness witness;
};

static int put_text(struct kw_message *message, const char *text)
{
    return kw_put_item(&message->payload, text, strlen(text));
}

static int refuse(struct kw_message *answer, const struct kw_signed *last, const char *why)
{
    struct kw_buf size = {0};
    int r = kw_buf_u64(&size, last->seen ? last->size : 0);

    snprintf(answer->verb, sizeof answer->verb, "REFUSED");
    answer->payload.size = 0;
    if (r == 0)
        r = kw_put_item(&answer->payload, size.data, size.size);
    kw_buf_clear(&size);
    return r < 0 ? r : put_text(answer, why);
}

/* Check, store durably, only then let the signature out. */
static int sign_log(struct signer *signer, struct kw_view payload, struct kw_message *answer)
{
    kw_hash path[KW_PATH_MAX];
    struct kw_view text = {0}, hashes = {0};
    struct kw_checkpoint checkpoint;
    struct kw_buf note = {0};
    size_t text_size;
    int r;

    if (!signer->log_key)
        return refuse(answer, &signer->last, "there is no log key here");
    if (kw_take_item(&payload, &text) < 0 || kw_take_item(&payload, &hashes) < 0 || hashes.size % KW_HASH_SIZE > 0 ||
        hashes.size > sizeof path || kw_checkpoint_parse(text, &checkpoint, NULL) < 0 ||
        !kw_view_is(checkpoint.origin, signer->origin))
        return refuse(answer, &signer->last, "not a checkpoint of this log with a proof");
    if (hashes.size > 0)
        memcpy(path, hashes.data, hashes.size);
    if (kw_signed_follows(&signer->last, &checkpoint, (const kw_hash *)path, hashes.size / KW_HASH_SIZE) < 0)
        return refuse(answer, &signer->last, "it does not go on from what was signed last");
    r = kw_buf_append(&note, text.data, text.size);
    if (r == 0)
        r = kw_buf_text(&note, "\n");
    text_size = note.size;
    if (r == 0)
        r = kw_note_sign(text, &signer->log_vkey, signer->log_key, 0, &note);
    if (r == 0) {
        r = kw_signed_store(&signer->last, &checkpoint, kw_view_of(&note), NULL);
        if (r == 0)
            r = kw_fault_point("signer.stored");
        if (r < 0) {
            r = refuse(answer, &signer->last, "its state cannot be stored");
            snprintf(answer->verb, sizeof answer->verb, "UNSTORED");
        } else
            r = kw_put_item(&answer->payload, note.data + text_size, note.size - text_size);
    }
    kw_buf_clear(&note);
    return r;
}

static int put_answer(struct kw_message *message, struct kw_witness_answer *answer)
{
    struct kw_buf status = {0};
    int r = kw_buf_u32(&status, (uint32_t)answer->status);

    if (r == 0)
        r = kw_put_item(&message->payload, status.data, status.size);
    if (r == 0)
        r = put_text(message, answer->content_type);
    if (r == 0)
        r = kw_put_item(&message->payload, answer->body.data, answer->body.size);
    kw_buf_clear(&status);
    kw_buf_clear(&answer->body);
    return r;
}

static int be_witness(struct signer *signer, const struct kw_message *message, struct kw_message *answer)
{
    struct kw_witness_answer result = {0};
    struct kw_view payload = kw_view_of(&message->payload), item = {0};
    int r;

    if (!signer->witness_key || kw_take_item(&payload, &item) < 0) {
        result.status = 404;
        snprintf(result.content_type, sizeof result.content_type, "text/plain");
        r = 0;
    } else if (strcmp(message->verb, "HEAD") == 0) {
        r = kw_witness_head(&signer->witness, item, &result);
    } else {
        r = kw_witness_add_checkpoint(&signer->witness, item, (uint64_t)(kw_clock_wall_ms() / 1000), &result);
    }
    if (r < 0) {
        kw_buf_clear(&result.body);
        return r;
    }
    return put_answer(answer, &result);
}

static int add_logs(struct signer *signer, struct kw_view payload, struct kw_message *answer)
{
    struct kw_fault fault = {0};
    struct kw_view item;

    while (payload.size > 0) {
        if (kw_take_item(&payload, &item) < 0)
            return -EBADMSG;
        if (!signer->witness_key || kw_witness_add_log(&signer->witness, item, &fault) < 0)
            return refuse(answer, &signer->last, signer->witness_key ? fault.message : "there is no witness key here");
    }
    return 0;
}

static int serve_one(struct signer *signer, int fd, struct kw_message *message)
{
    struct kw_message answer = {0};
    int r;

    if (strcmp(message->verb, "SIGN") == 0) {
        kw_message_answer(&answer, message, "SIGNED");
        r = sign_log(signer, kw_view_of(&message->payload), &answer);
    } else if (strcmp(message->verb, "WITNESS") == 0 || strcmp(message->verb, "HEAD") == 0) {
        kw_message_answer(&answer, message, "ANSWER");
        r = be_witness(signer, message, &answer);
    } else {
        kw_message_answer(&answer, message, "DONE");
        r = strcmp(message->verb, "LOGS") == 0 ? add_logs(signer, kw_view_of(&message->payload), &answer)
                                               : refuse(&answer, &signer->last, "not a verb");
    }
    if (r == 0)
        r = kw_pipe_send(fd, &answer, 5000);
    kw_message_clear(&answer);
    return r;
}

static int load_keys(struct signer *signer, struct kw_fault *fault)
{
    int r = 0;

    if (signer->log_key_path) {
        r = kw_sign_key_load(signer->log_key_path, &signer->log_key, fault);
        if (r == 0 && kw_vkey_make(signer->origin, KW_NOTE_ED25519, signer->log_key->public_key, &signer->log_vkey) < 0)
            r = kw_fail(fault, -EINVAL, KW_E_CONFIG, "origin", "is no name for a key");
        if (r == 0)
            r = kw_signed_open(signer->state, "log", signer->origin, &signer->log_vkey, &signer->last, fault);
    }
    if (r == 0 && signer->witness_key_path) {
        r = kw_sign_key_load(signer->witness_key_path, &signer->witness_key, fault);
        if (r == 0 &&
            kw_vkey_make(signer->witness_name, KW_NOTE_COSIGNATURE, signer->witness_key->public_key, &signer->witness.vkey) < 0)
            r = kw_fail(fault, -EINVAL, KW_E_CONFIG, "witness name", "is no name for a key");
        signer->witness.key = signer->witness_key;
        signer->witness.state = signer->state;
    }
    return r;
}

static bool parse_arguments(struct signer *signer, int argc, char **argv)
{
    static const struct option options[] = {
        {"state", required_argument, NULL, 's'},        {"log-key", required_argument, NULL, 'l'},
        {"origin", required_argument, NULL, 'o'},       {"witness-key", required_argument, NULL, 'w'},
        {"witness-name", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
    const char **targets[] = {&signer->state, &signer->log_key_path, &signer->origin, &signer->witness_key_path,
                              &signer->witness_name};
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        const char *at = strchr("slown", option);

        if (!at || option == '?')
            return false;
        *targets[at - "slown"] = optarg;
    }
    return signer->state && !signer->log_key_path == !signer->origin && !signer->witness_key_path == !signer->witness_name;
}

int kw_signer_role(int fd, int argc, char **argv)
{
    struct signer *signer = kw_alloc(sizeof *signer);
    struct kw_message message = {0};
    struct kw_fault fault = {0};
    int r = signer && parse_arguments(signer, argc, argv) ? kw_crypto_init() : -EINVAL;

    if (r == 0)
        r = kw_sandbox_harden(&fault);
    if (r == 0)
        r = kw_dir_make(signer->state, 0700, &fault);
    if (r == 0)
        r = load_keys(signer, &fault);
    if (r == 0)
        r = kw_sandbox_enter(KW_SANDBOX_STATE, &(struct kw_sandbox_limits){.memory_bytes = 256u << 20, .descriptors = 64}, &fault);
    if (r < 0)
        kw_log(KW_LOG_ERROR, "signer", "signer.start", "place=\"%s\" why=\"%s\"", fault.place, fault.message);
    while (r == 0) {
        r = kw_pipe_receive(fd, &message, -1);
        if (r == 0)
            r = serve_one(signer, fd, &message);
        kw_message_clear(&message);
    }
    if (signer) {
        kw_witness_clear(&signer->witness);
        kw_buf_clear(&signer->last.note);
        kw_sign_key_free(signer->log_key);
        kw_sign_key_free(signer->witness_key);
    }
    kw_free(signer);
    return r == -EPIPE ? 0 : 1;
}
