/* SPDX-License-Identifier: Apache-2.0 */
/* sealer.c - the ledger actor: commitments of the journal and of alerts become leaves, checkpoints, proofs. Never on the
 * message path: what waits here is a proof, not a record. */
#include <errno.h>
#include <string.h>

#include "daemon/sealer.h"
#include "json/json.h"

#define SEAL_ITEMS 4096

/* ---- sealing ------------------------------------------------------------------- */

struct gather {
    struct kw_log_item *items;
    size_t count;
    uint8_t kind;
};

static int add(struct gather *gather, uint64_t position, const uint8_t commitment[KW_HASH_SIZE])
{
    struct kw_log_item *item = &gather->items[gather->count++];
    item->kind = gather->kind;
    item->position = position;
    memcpy(item->commitment, commitment, KW_HASH_SIZE);
    return gather->count == SEAL_ITEMS;
}

static int add_entry(void *context, uint64_t position, enum kw_entry_kind kind, const uint8_t commitment[KW_HASH_SIZE])
{
    return add(context, position, commitment);
}

static int add_alert(void *context, uint64_t number, const uint8_t commitment[KW_HASH_SIZE])
{
    return add(context, number, commitment);
}

static int gather_items(struct kw_sealer *sealer, struct gather *gather)
{
    uint64_t after;
    gather->kind = KW_SEALED_ALERT;
    int r = kw_log_last(sealer->log, KW_SEALED_ALERT, &after, &sealer->fault);
    if (r == 0)
        r = kw_alert_commitments(sealer->alerts, after, SEAL_ITEMS / 2, add_alert, gather, &sealer->fault);
    if (r < 0)
        return r;
    gather->kind = KW_SEALED_ENTRY;
    r = kw_log_last(sealer->log, KW_SEALED_ENTRY, &after, &sealer->fault);
    if (r == 0)
        r = kw_journal_scan_commitments(sealer->reader, after, (uint32_t)(SEAL_ITEMS - gather->count), add_entry, gather,
                                        &sealer->fault);
    return r < 0 ? r : 0;
}

/* -ENODATA: nothing was waiting. */
static int seal(struct kw_sealer *sealer)
{
    struct gather gather = {.items = kw_alloc(SEAL_ITEMS * sizeof *gather.items)};
    uint64_t leaf;
    int r = gather.items ? gather_items(sealer, &gather) : -ENOMEM;
    if (r == 0)
        r = kw_log_seal(sealer->log, gather.items, gather.count, kw_clock_wall_ms(), &leaf, &sealer->fault);
    sealer->full = r == 0 && gather.count == SEAL_ITEMS;
    kw_free(gather.items);
    return r;
}

static int ask_cosigners(struct kw_sealer *sealer)
{
    struct kw_message note = {.verb = "COSIGN"};
    if (sealer->cosigning)
        return 0;
    int r = kw_log_unreleased(sealer->log, &note.payload, &sealer->fault);
    if (r == 0)
        r = kw_send(kw_actor_pipe(sealer->cosigner), &note);
    sealer->cosigning = r == 0;
    kw_message_clear(&note);
    return r == -ENODATA ? 0 : r;
}

static void note_trouble(struct kw_sealer *sealer, int error)
{
    if (sealer->trouble != error)
        kw_log(KW_LOG_ERROR, "ledger", "seal.failed", "code=%s place=%s", kw_code_name(sealer->fault.code), sealer->fault.place);
    sealer->trouble = error;
}

/* Storage that is full or a signer that is restarting hold proofs up, nothing else: tried again with the next tick. A fork or
 * damage ends the actor. */
static int tick(struct kw_sealer *sealer)
{
    int r = seal(sealer);
    if (r == 0 || r == -ENODATA)
        r = kw_log_publish(sealer->log, kw_signer_sign, sealer->signer, &sealer->fault);
    if (r == 0)
        r = ask_cosigners(sealer);
    if (r == -EIO || (r == -EBADMSG && sealer->fault.code != KW_E_CHILD))
        return r;
    if (r < 0)
        note_trouble(sealer, r);
    else
        sealer->trouble = 0;
    return 0;
}

static int on_cosigner(struct kw_sealer *sealer)
{
    struct kw_message message = {0};
    int r = 0;
    while (r == 0 && kw_receive(kw_actor_pipe(sealer->cosigner), &message) == 0) {
        if (strcmp(message.verb, "COSIGNED") == 0) {
            sealer->cosigning = false;
            r = kw_log_release(sealer->log, sealer->policy, kw_view_of(&message.payload), &sealer->fault);
            sealer->awaiting = r == -EAGAIN;
            if (r == -EAGAIN || r == -ENOSPC)
                r = 0;
        } else if (strcmp(message.verb, "ENDED") == 0) {
            r = -EIO;
        }
        kw_message_clear(&message);
    }
    return r;
}

/* ---- cosigning: waits for witnesses, so that sealing does not --------------------- */

static int cosign_body(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    struct kw_cosigner *cosigner = argument;
    struct kw_message message = {0};
    bool stop = false;
    int r = kw_actor_ready(self);
    while (r == 0 && !stop) {
        r = kw_poll(&(struct kw_poll){.socket = pipe}, 1, -1);
        if (r == -EINTR)
            r = 0;
        while (r == 0 && !stop && kw_receive(pipe, &message) == 0) {
            struct kw_message answer = {.verb = "COSIGNED"};
            stop = strcmp(message.verb, "STOP") == 0;
            if (!stop && kw_cosigner_run(cosigner, kw_view_of(&message.payload), 5000, &answer.payload, fault) < 0 &&
                !answer.payload.size)
                (void)!kw_buf_append(&answer.payload, message.payload.data, message.payload.size);
            if (!stop)
                r = kw_send(pipe, &answer);
            kw_message_clear(&answer);
            kw_message_clear(&message);
        }
    }
    return r;
}

/* ---- questions ---------------------------------------------------------------------- */

static void put_witnesses(struct kw_sealer *sealer, struct kw_json_out *json)
{
    static const char *const states[] = {"unasked", "good", "unreachable", "refused", "ahead"};
    struct kw_witness_state state;
    kw_json_array(json, "witnesses");
    for (size_t i = 0; kw_cosigner_witness(sealer->cosign, i, &state); i++) {
        kw_json_object(json, NULL);
        kw_json_string(json, "name", state.name);
        kw_json_string(json, "state", states[state.state]);
        kw_json_integer(json, "size", (int64_t)state.size);
        kw_json_close(json, '}');
    }
    kw_json_close(json, ']');
}

static void put_status(struct kw_sealer *sealer, struct kw_buf *out)
{
    struct kw_log_status status;
    struct kw_json_out json = {.out = out};
    uint64_t entries = 0, alerts = 0;
    kw_log_status(sealer->log, &status);
    (void)!kw_log_last(sealer->log, KW_SEALED_ENTRY, &entries, NULL);
    (void)!kw_log_last(sealer->log, KW_SEALED_ALERT, &alerts, NULL);
    kw_json_object(&json, NULL);
    kw_json_string(&json, "origin", sealer->setup->config->origin);
    kw_json_integer(&json, "sealed", (int64_t)status.sealed);
    kw_json_integer(&json, "signed", (int64_t)status.signed_size);
    kw_json_integer(&json, "released", (int64_t)status.released);
    kw_json_integer(&json, "entries", (int64_t)entries);
    kw_json_integer(&json, "alerts", (int64_t)alerts);
    kw_json_boolean(&json, "awaiting_cosignatures", sealer->awaiting);
    put_witnesses(sealer, &json);
    kw_json_close(&json, '}');
    if (kw_json_end(&json) < 0)
        out->size = 0;
}

static int proof_asked(struct kw_sealer *sealer, struct kw_view question, struct kw_buf *ret_text, struct kw_fault *fault)
{
    uint8_t alert[KW_ALERT_ID_SIZE];
    struct kw_view id;
    uint64_t position;
    uint32_t revision;
    if (question.size == 8 && kw_take_u64(&question, &position) == 0)
        return kw_sealer_proof_entry(sealer, position, ret_text, fault);
    if (kw_take(&question, sizeof alert, &id) < 0 || kw_take_u32(&question, &revision) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_FRAMES, "PROOF", "%s", kw_code_text(KW_E_FRAMES));
    memcpy(alert, id.data, sizeof alert);
    return kw_sealer_proof_alert(sealer, alert, revision, ret_text, fault);
}

/* PROOF is answered with the text as one item; the control pipe wants the same verb also when it is not there yet. */
static void answer_proof(struct kw_sealer *sealer, struct kw_socket *socket, const struct kw_message *request, bool same_verb)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_message answer = {0};
    struct kw_fault fault = {0};
    kw_message_answer(&answer, request, "PROOF");
    int r = proof_asked(sealer, kw_view_of(&request->payload), &text, &fault);
    if (r == 0)
        r = kw_put_item(&answer.payload, text.data, text.size);
    if (r == 0)
        r = kw_buf_text(&answer.header, "{}");
    if (r < 0 && !same_verb) {
        kw_message_clear(&answer);
        r = kw_message_error(&answer, request, fault.code ? fault.code : KW_E_INTERNAL, fault.message);
    }
    if (kw_send(socket, &answer) < 0)
        kw_message_clear(&answer);
}

static void on_link(struct kw_sealer *sealer, struct kw_socket *link)
{
    struct kw_message message = {0};
    while (kw_receive(link, &message) == 0) {
        answer_proof(sealer, link, &message, false);
        kw_message_clear(&message);
    }
}

static void on_pipe(struct kw_sealer *sealer, struct kw_socket *pipe)
{
    struct kw_message message = {0}, answer = {0};
    while (kw_receive(pipe, &message) == 0) {
        kw_message_answer(&answer, &message, message.verb);
        if (strcmp(message.verb, "STOP") == 0) {
            sealer->stop = true;
        } else if (strcmp(message.verb, "PROOF") == 0) {
            answer_proof(sealer, pipe, &message, true);
        } else {
            put_status(sealer, &answer.header);
            if (kw_send(pipe, &answer) < 0)
                kw_message_clear(&answer);
        }
        kw_message_clear(&answer);
        kw_message_clear(&message);
    }
}

/* ---- the actor ------------------------------------------------------------------------ */

static int turn(struct kw_sealer *sealer, struct kw_socket *pipe)
{
    const struct kw_seal_setup *setup = sealer->setup;
    int64_t now = kw_clock_monotonic_ms();
    int r = 0;
    if (now >= sealer->tick_ms || sealer->full) {
        sealer->tick_ms = now + setup->config->seal_ms;
        r = tick(sealer);
    }
    int web = kw_ledger_web_fd(sealer->web);
    struct kw_poll items[] = {{.socket = pipe},
                              {.socket = setup->intake},
                              {.socket = setup->feed},
                              {.socket = kw_actor_pipe(sealer->cosigner)},
                              {.fd = web}};
    int64_t left = sealer->tick_ms - kw_clock_monotonic_ms();
    int polled = r == 0 ? kw_poll(items, web < 0 ? 4 : 5, sealer->full || left < 0 ? 0 : (int)left) : r;
    if (polled < 0 && polled != -EINTR)
        return polled;
    r = on_cosigner(sealer);
    on_link(sealer, setup->intake);
    on_link(sealer, setup->feed);
    if (kw_ledger_web_work(sealer->web, sealer->signer, &sealer->fault) < 0)
        note_trouble(sealer, -ECHILD);
    on_pipe(sealer, pipe);
    return r;
}

int kw_seal_body(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    struct kw_sealer sealer = {.setup = argument};
    kw_thread_background(); /* its children inherit it */
    int r = kw_sealer_open(&sealer);
    if (r == 0)
        r = kw_actor_start(sealer.setup->bus, "cosigner", cosign_body, sealer.cosign, &sealer.cosigner, &sealer.fault);
    if (r == 0)
        r = kw_actor_ready(self);
    while (r == 0 && !sealer.stop)
        r = turn(&sealer, pipe);
    if (r < 0) {
        kw_log(KW_LOG_ERROR, "ledger", "actor.failed", "code=%s place=%s", kw_code_name(sealer.fault.code), sealer.fault.place);
        *fault = sealer.fault;
    }
    if (sealer.cosigner)
        (void)kw_actor_stop(sealer.cosigner);
    kw_sealer_close(&sealer);
    return r;
}
