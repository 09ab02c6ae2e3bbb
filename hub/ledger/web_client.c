/* SPDX-License-Identifier: Apache-2.0 */
/* web_client.c - the parent's end of the web process: starts it, passes its requests to the signer, starts it again. */
#include <errno.h>
#include <string.h>

#include "bus/bus.h"
#include "ledger/internal.h"
#include "sandbox/sandbox.h"

#define READY_MS 10000

struct kw_ledger_web {
    struct kw_child child;
    struct kw_pipe *pipe;
    char address[64], folder[1024], port_text[8];
    uint16_t port;
    bool has_folder;
};

static int receive_port(struct kw_ledger_web *web, struct kw_fault *fault)
{
    struct kw_message ready = {0};
    struct kw_view payload, item;
    uint32_t port = 0;
    int r = kw_pipe_receive(web->child.fd, &ready, READY_MS);

    payload = kw_view_of(&ready.payload);
    if (r == 0 && (strcmp(ready.verb, "READY") != 0 || kw_take_item(&payload, &item) < 0 || kw_take_u32(&item, &port) < 0 ||
                   port > UINT16_MAX))
        r = -EBADMSG;
    kw_message_clear(&ready);
    if (r < 0)
        return kw_fail(fault, r, KW_E_CHILD, "ledger web", "did not start on %s port %u: see the log", web->address, web->port);
    web->port = (uint16_t)port;
    return 0;
}

static int start_child(struct kw_ledger_web *web, struct kw_fault *fault)
{
    const char *arguments[] = {"ledger-web", "--address", web->address, "--port", web->port_text, "--folder", web->folder, NULL};
    int r;

    if (!web->has_folder)
        arguments[5] = NULL;
    snprintf(web->port_text, sizeof web->port_text, "%u", web->port);
    r = kw_child_start(&web->child, arguments, NULL, 0, fault);
    if (r == 0)
        r = receive_port(web, fault);
    if (r == 0)
        r = kw_pipe_new(web->child.fd, &web->pipe);
    if (r < 0 && kw_child_running(&web->child))
        kw_child_kill(&web->child);
    return r;
}

int kw_ledger_web_start(const struct kw_ledger_web_options *options, struct kw_ledger_web **ret_web, struct kw_fault *fault)
{
    struct kw_ledger_web *web = kw_alloc(sizeof *web);
    int r;

    if (!web)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "ledger web", "no memory");
    web->child.fd = -1;
    web->port = options->port;
    web->has_folder = options->folder != NULL;
    if (snprintf(web->address, sizeof web->address, "%s", options->address) >= (int)sizeof web->address ||
        snprintf(web->folder, sizeof web->folder, "%s", options->folder ? options->folder : "") >= (int)sizeof web->folder)
        r = kw_fail(fault, -ENAMETOOLONG, KW_E_CONFIG, "ledger web", "address or folder is too long");
    else
        r = start_child(web, fault);
    if (r < 0) {
        kw_ledger_web_stop(web);
        return r;
    }
    *ret_web = web;
    return 0;
}

void kw_ledger_web_stop(struct kw_ledger_web *web)
{
    if (!web)
        return;
    kw_pipe_free(web->pipe);
    if (kw_child_running(&web->child))
        kw_child_stop(&web->child, 1000);
    kw_free(web);
}

uint16_t kw_ledger_web_port(const struct kw_ledger_web *web)
{
    return web->port;
}

int kw_ledger_web_fd(const struct kw_ledger_web *web)
{
    return web->pipe ? web->child.fd : -1;
}

/* ---- requests ------------------------------------------------------------------------------- */

static int put_answer(struct kw_ledger_web *web, const struct kw_message *question, const struct kw_witness_answer *answer)
{
    struct kw_message message = {0};
    struct kw_buf status = {0};
    int r = kw_buf_u32(&status, (uint32_t)answer->status);

    kw_message_answer(&message, question, "ANSWER");
    if (r == 0)
        r = kw_put_item(&message.payload, status.data, status.size);
    if (r == 0)
        r = kw_put_item(&message.payload, answer->content_type, strlen(answer->content_type));
    if (r == 0)
        r = kw_put_item(&message.payload, answer->body.data, answer->body.size);
    if (r == 0)
        r = kw_pipe_put(web->pipe, &message);
    kw_buf_clear(&status);
    kw_message_clear(&message);
    return r;
}

/* What the signer cannot answer is the asker's 503, not ours to fail on. */
static int pass_on(struct kw_ledger_web *web, struct kw_signer *signer, const struct kw_message *question)
{
    struct kw_witness_answer answer = {.status = 404, .content_type = "text/plain"};
    struct kw_view payload = kw_view_of(&question->payload), item = {0};
    int r = kw_take_item(&payload, &item);

    if (r < 0)
        return r;
    if (signer && strcmp(question->verb, "WITNESS") == 0)
        r = kw_signer_witness(signer, item, &answer, NULL);
    else if (signer && strcmp(question->verb, "HEAD") == 0)
        r = kw_signer_head(signer, item, &answer, NULL);
    if (r < 0) {
        answer.status = 503;
        answer.body.size = 0;
    }
    r = put_answer(web, question, &answer);
    kw_buf_clear(&answer.body);
    return r;
}

static int work_pipe(struct kw_ledger_web *web, struct kw_signer *signer)
{
    int r = 0;

    while (r == 0) {
        struct kw_message question = {0};

        r = kw_pipe_get(web->pipe, &question);
        if (r == 0)
            r = pass_on(web, signer, &question);
        kw_message_clear(&question);
    }
    if (r == -EAGAIN)
        r = kw_pipe_queued(web->pipe) > 0 ? kw_pipe_flush(web->pipe) : 0;
    return r == -EAGAIN ? 0 : r;
}

int kw_ledger_web_work(struct kw_ledger_web *web, struct kw_signer *signer, struct kw_fault *fault)
{
    if (web->pipe && work_pipe(web, signer) < 0) {
        kw_pipe_free(web->pipe);
        web->pipe = NULL;
        if (kw_child_running(&web->child) && !kw_child_reap(&web->child))
            kw_child_kill(&web->child);
    }
    if (web->pipe)
        return 0;
    kw_child_reap(&web->child);
    if (kw_child_running(&web->child) || kw_clock_monotonic_ms() < web->child.not_before_ms)
        return 0;
    return start_child(web, fault);
}
