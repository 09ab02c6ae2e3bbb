/* SPDX-License-Identifier: Apache-2.0 */
/* signer_client.c - the other end of the signer's pipe: starts it, asks it, starts it again after its end. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "bus/bus.h"
#include "ledger/internal.h"
#include "sandbox/sandbox.h"

#define WAIT_MS 5000

struct kw_signer {
    pthread_mutex_t lock;
    struct kw_child child;
    char *state, *log_key, *origin, *witness_key, *witness_name;
    struct kw_buf logs; /* payload of LOGS */
    uint64_t requests;
    uint64_t signed_size; /* what it signed last, as far as known */
};

static int copy_text(const char *text, char **ret_copy)
{
    if (!text)
        return 0;
    *ret_copy = kw_strdup(text);
    return *ret_copy ? 0 : -ENOMEM;
}

static int copy_options(struct kw_signer *signer, const struct kw_signer_options *options)
{
    int r = copy_text(options->state, &signer->state);

    if (r == 0)
        r = copy_text(options->log_key, &signer->log_key);
    if (r == 0)
        r = copy_text(options->origin, &signer->origin);
    if (r == 0)
        r = copy_text(options->witness_key, &signer->witness_key);
    if (r == 0)
        r = copy_text(options->witness_name, &signer->witness_name);
    for (const char *const *log = options->logs; r == 0 && log && *log; log++)
        r = kw_put_item(&signer->logs, *log, strlen(*log));
    return r;
}

static int start_child(struct kw_signer *signer, struct kw_fault *fault)
{
    const char *arguments[16] = {"signer", "--state", signer->state};
    size_t count = 3;

    if (signer->log_key) {
        arguments[count++] = "--log-key";
        arguments[count++] = signer->log_key;
        arguments[count++] = "--origin";
        arguments[count++] = signer->origin;
    }
    if (signer->witness_key) {
        arguments[count++] = "--witness-key";
        arguments[count++] = signer->witness_key;
        arguments[count++] = "--witness-name";
        arguments[count++] = signer->witness_name;
    }
    return kw_child_start(&signer->child, arguments, NULL, 0, fault);
}

/* One question, one answer. A child that does not answer is ended: what it signed is in its state, so asking again is safe. */
static int exchange(struct kw_signer *signer, const char *verb, const struct kw_buf *payload, struct kw_message *ret_answer,
                    struct kw_fault *fault)
{
    struct kw_message question = {0};
    int r;

    snprintf(question.verb, sizeof question.verb, "%s", verb);
    kw_request_set(&question, ++signer->requests);
    question.payload = *payload; /* lent: not cleared here */
    r = kw_pipe_send(signer->child.fd, &question, WAIT_MS);
    while (r == 0) {
        kw_message_clear(ret_answer);
        r = kw_pipe_receive(signer->child.fd, ret_answer, WAIT_MS);
        if (r == 0 && kw_request_number(ret_answer) == signer->requests)
            return 0;
    }
    kw_message_clear(ret_answer);
    kw_child_kill(&signer->child);
    return kw_fail(fault, -EAGAIN, KW_E_CHILD, "signer", "does not answer: %s", strerror(-r));
}

/* REFUSED as a fault, with the size that was signed last. */
static int read_refusal(struct kw_signer *signer, const struct kw_message *answer, struct kw_fault *fault)
{
    struct kw_view payload = kw_view_of(&answer->payload), size = {0}, why = {0};

    if (kw_take_item(&payload, &size) < 0 || kw_take_u64(&size, &signer->signed_size) < 0 || kw_take_item(&payload, &why) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_CHILD, "signer", "its answer is malformed");
    if (strcmp(answer->verb, "UNSTORED") == 0)
        return kw_fail(fault, -EAGAIN, KW_E_READ_ONLY, "signer", "%.*s", (int)why.size, (const char *)why.data);
    return kw_fail(fault, -EKEYREJECTED, KW_E_FORK, "signer", "refuses: %.*s", (int)why.size, (const char *)why.data);
}

static int ensure_child(struct kw_signer *signer, struct kw_fault *fault)
{
    struct kw_message answer = {0};
    int r;

    kw_child_reap(&signer->child);
    if (kw_child_running(&signer->child))
        return 0;
    if (kw_clock_monotonic_ms() < signer->child.not_before_ms)
        return kw_fail(fault, -EAGAIN, KW_E_CHILD, "signer", "ended and is not started again yet");
    r = start_child(signer, fault);
    if (r < 0)
        return r;
    r = exchange(signer, "LOGS", &signer->logs, &answer, fault);
    if (r == 0 && strcmp(answer.verb, "DONE") != 0)
        r = read_refusal(signer, &answer, fault);
    kw_message_clear(&answer);
    return r;
}

static int ask(struct kw_signer *signer, const char *verb, const struct kw_buf *payload, struct kw_message *ret_answer,
               struct kw_fault *fault)
{
    int r = ensure_child(signer, fault);

    return r < 0 ? r : exchange(signer, verb, payload, ret_answer, fault);
}

int kw_signer_start(const struct kw_signer_options *options, struct kw_signer **ret_signer, struct kw_fault *fault)
{
    struct kw_signer *signer = kw_alloc(sizeof *signer);
    int r;

    if (!signer)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "signer", "no memory");
    pthread_mutex_init(&signer->lock, NULL);
    signer->child.fd = -1;
    r = copy_options(signer, options);
    if (r < 0)
        kw_fail(fault, r, KW_E_MEMORY, "signer", "no memory");
    else
        r = ensure_child(signer, fault);
    if (r < 0) {
        kw_signer_stop(signer);
        return r;
    }
    *ret_signer = signer;
    return 0;
}

void kw_signer_stop(struct kw_signer *signer)
{
    if (!signer)
        return;
    if (kw_child_running(&signer->child))
        kw_child_stop(&signer->child, 1000);
    pthread_mutex_destroy(&signer->lock);
    kw_free(signer->state);
    kw_free(signer->log_key);
    kw_free(signer->origin);
    kw_free(signer->witness_key);
    kw_free(signer->witness_name);
    kw_buf_clear(&signer->logs);
    kw_free(signer);
}

/* ---- signing ------------------------------------------------------------------------------ */

static int sign_from(struct kw_signer *signer, struct kw_view text, uint64_t size, kw_merkle_read read, void *context,
                     struct kw_buf *ret_line, struct kw_fault *fault)
{
    kw_hash path[KW_PATH_MAX];
    struct kw_message answer = {0};
    struct kw_view items, line = {0};
    struct kw_buf payload = {0};
    size_t count = 0;
    int r = 0;

    if (signer->signed_size > 0 && signer->signed_size < size)
        r = kw_merkle_consistency(read, context, signer->signed_size, size, path, &count);
    if (r < 0)
        return kw_fail(fault, r, KW_E_TILE, "signer", "no consistency proof from size %llu",
                       (unsigned long long)signer->signed_size);
    r = kw_put_item(&payload, text.data, text.size);
    if (r == 0)
        r = kw_put_item(&payload, path, count * KW_HASH_SIZE);
    if (r == 0)
        r = ask(signer, "SIGN", &payload, &answer, fault);
    if (r == 0 && strcmp(answer.verb, "SIGNED") != 0)
        r = read_refusal(signer, &answer, fault);
    items = kw_view_of(&answer.payload);
    if (r == 0 && kw_take_item(&items, &line) < 0)
        r = kw_fail(fault, -EBADMSG, KW_E_CHILD, "signer", "its answer is malformed");
    if (r == 0)
        r = kw_buf_append(ret_line, line.data, line.size);
    if (r == 0)
        signer->signed_size = size;
    kw_message_clear(&answer);
    kw_buf_clear(&payload);
    return r;
}

int kw_signer_sign(void *context, struct kw_view text, kw_merkle_read read, void *read_context, struct kw_buf *ret_line,
                   struct kw_fault *fault)
{
    struct kw_signer *signer = context;
    struct kw_checkpoint checkpoint;
    uint64_t assumed;
    int r = kw_checkpoint_parse(text, &checkpoint, fault);

    if (r < 0)
        return r;
    pthread_mutex_lock(&signer->lock);
    assumed = signer->signed_size;
    r = sign_from(signer, text, checkpoint.size, read, read_context, ret_line, fault);
    if (r == -EKEYREJECTED && signer->signed_size != assumed) /* it told us how far it was */
        r = sign_from(signer, text, checkpoint.size, read, read_context, ret_line, fault);
    pthread_mutex_unlock(&signer->lock);
    return r;
}

/* ---- witness requests ------------------------------------------------------------------------ */

static int read_answer(const struct kw_message *message, struct kw_witness_answer *ret_answer)
{
    struct kw_view payload = kw_view_of(&message->payload), status = {0}, type = {0}, body = {0};
    uint32_t number = 0;

    if (strcmp(message->verb, "ANSWER") != 0 || kw_take_item(&payload, &status) < 0 || kw_take_u32(&status, &number) < 0 ||
        kw_take_item(&payload, &type) < 0 || kw_take_item(&payload, &body) < 0 || type.size >= sizeof ret_answer->content_type)
        return -EBADMSG;
    ret_answer->status = (int)number;
    snprintf(ret_answer->content_type, sizeof ret_answer->content_type, "%.*s", (int)type.size, (const char *)type.data);
    ret_answer->body.size = 0;
    return kw_buf_append(&ret_answer->body, body.data, body.size);
}

static int ask_witness(struct kw_signer *signer, const char *verb, struct kw_view item, struct kw_witness_answer *ret_answer,
                       struct kw_fault *fault)
{
    struct kw_message answer = {0};
    struct kw_buf payload = {0};
    int r = kw_put_item(&payload, item.data, item.size);

    pthread_mutex_lock(&signer->lock);
    if (r == 0)
        r = ask(signer, verb, &payload, &answer, fault);
    pthread_mutex_unlock(&signer->lock);
    if (r == 0 && read_answer(&answer, ret_answer) < 0)
        r = kw_fail(fault, -EBADMSG, KW_E_CHILD, "signer", "its answer is malformed");
    kw_message_clear(&answer);
    kw_buf_clear(&payload);
    return r;
}

int kw_signer_witness(struct kw_signer *signer, struct kw_view body, struct kw_witness_answer *ret_answer, struct kw_fault *fault)
{
    return ask_witness(signer, "WITNESS", body, ret_answer, fault);
}

int kw_signer_head(struct kw_signer *signer, struct kw_view origin_hash, struct kw_witness_answer *ret_answer,
                   struct kw_fault *fault)
{
    return ask_witness(signer, "HEAD", origin_hash, ret_answer, fault);
}
