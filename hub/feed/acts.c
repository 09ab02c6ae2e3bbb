/* SPDX-License-Identifier: Apache-2.0 */
/* acts.c - receipts, acknowledgements, feedback and proofs of an agency. */
#include <errno.h>
#include <string.h>

#include "feed/server.h"

static void pending_free(struct kw_pending *pending)
{
    kw_message_clear(&pending->request);
    kw_buf_clear(&pending->json);
    kw_free(pending);
}

void kw_feed_clear_pending(struct kw_feed *feed)
{
    while (feed->pending) {
        struct kw_pending *next = feed->pending->next;
        pending_free(feed->pending);
        feed->pending = next;
    }
}

static struct kw_pending *pending_new(struct kw_feed *feed, struct kw_message *request, const char *verb)
{
    struct kw_pending *pending = kw_alloc(sizeof *pending);
    if (!pending)
        return NULL;
    pending->request = *request;
    *request = (struct kw_message){0};
    strcpy(pending->verb, verb);
    pending->number = ++feed->next_number;
    pending->next = feed->pending;
    feed->pending = pending;
    return pending;
}

static struct kw_pending *pending_take(struct kw_feed *feed, uint64_t number, const struct kw_apply *change)
{
    for (struct kw_pending **item = &feed->pending; *item; item = &(*item)->next) {
        struct kw_pending *pending = *item;
        if (change ? &pending->change == change : pending->number == number) {
            *item = pending->next;
            return pending;
        }
    }
    return NULL;
}

/* Sends a question to another actor; the request waits for its answer. */
static int ask(struct kw_feed *feed, struct kw_socket *link, struct kw_message *question, struct kw_message *request,
               const char *answer, struct kw_fault *fault)
{
    kw_request_set(question, feed->next_number + 1);
    int r = kw_send(link, question);
    if (r < 0) {
        kw_message_clear(question);
        return kw_fail(fault, r, KW_E_BUSY, request->verb, "%s", kw_code_text(KW_E_BUSY));
    }
    return pending_new(feed, request, answer) ? 0 : kw_fail(fault, -ENOMEM, KW_E_MEMORY, "feed", "no memory");
}

void kw_feed_answered(struct kw_feed *feed, struct kw_message *answer)
{
    struct kw_pending *pending = pending_take(feed, kw_request_number(answer), NULL);
    struct kw_message reply = {0};
    if (!pending)
        return;
    kw_message_answer(&reply, &pending->request, strcmp(answer->verb, "ERROR") == 0 ? "ERROR" : pending->verb);
    reply.header = answer->header;
    reply.payload = answer->payload;
    answer->header = answer->payload = (struct kw_buf){0};
    if (!reply.header.size && kw_buf_text(&reply.header, "{}") < 0)
        reply.header.size = 0;
    kw_feed_reply(feed, &reply);
    kw_message_clear(&reply);
    pending_free(pending);
}

int kw_feed_received(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_message question = {.verb = "RECEIVED"};
    struct kw_view stream;
    int64_t epoch, upto;
    int r = kw_json_parse_header(kw_view_of(&request->header), &header, fault);
    if (r == 0)
        r = kw_json_get_text(header, "stream", KW_LIMIT_PRINCIPAL, &stream, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "epoch", 0, INT64_MAX, &epoch, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "upto", 0, INT64_MAX, &upto, fault);
    if (r < 0)
        return r;
    if (!kw_view_is(stream, agency->name))
        return kw_fail(fault, -EACCES, KW_E_STREAM, "stream", "%s", kw_code_text(KW_E_STREAM));
    r = kw_put_item(&question.payload, agency->name, strlen(agency->name));
    if (r == 0)
        r = kw_buf_u64(&question.payload, (uint64_t)epoch);
    if (r == 0)
        r = kw_buf_u64(&question.payload, (uint64_t)upto);
    if (r < 0) {
        kw_message_clear(&question);
        return kw_fail(fault, r, KW_E_MEMORY, "feed", "no memory");
    }
    feed->received++;
    return ask(feed, feed->setup->detect, &question, request, "OK", fault);
}

/* ---- into the journal ----------------------------------------------------------- */

struct about { /* what both acts name */
    uint8_t alert[KW_ALERT_ID_SIZE];
    int64_t revision;
};

static int read_about(struct kw_feed *feed, const struct kw_principal *agency, const struct kw_json *header,
                      struct about *ret_about, struct kw_fault *fault)
{
    int r = kw_json_get_hex(header, "alert", ret_about->alert, sizeof ret_about->alert, fault);
    if (r == 0)
        r = kw_json_get_integer(header, "revision", 1, UINT32_MAX, &ret_about->revision, fault);
    if (r < 0)
        return r;
    r = kw_alert_addressed(feed->alerts, ret_about->alert, (uint32_t)ret_about->revision, agency->name, fault);
    return r == -ENOENT ? kw_fail(fault, r, KW_E_NOT_FOUND, "alert", "%s", kw_code_text(KW_E_NOT_FOUND)) : r;
}

static int apply_entry(struct kw_journal *journal, void *context, struct kw_fault *fault)
{
    enum kw_code outcome;
    uint64_t position;
    return kw_journal_append(journal, context, &outcome, &position, fault);
}

static int journal_act(struct kw_feed *feed, const struct kw_principal *agency, enum kw_entry_kind kind, struct kw_buf *json,
                       struct kw_message *request, struct kw_fault *fault)
{
    struct kw_pending *pending = pending_new(feed, request, "OK");
    if (!pending)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "feed", "no memory");
    pending->json = *json;
    *json = (struct kw_buf){0};
    pending->entry = (struct kw_entry_new){
        .kind = kind, .principal = agency->number, .received_ms = kw_clock_wall_ms(), .record = kw_view_of(&pending->json)};
    pending->change = (struct kw_apply){.apply = apply_entry, .context = &pending->entry};
    int r = kw_apply_send(feed->setup->writer, &pending->change);
    if (r < 0) {
        pending_take(feed, 0, &pending->change);
        *request = pending->request;
        pending->request = (struct kw_message){0};
        pending_free(pending);
        return kw_fail(fault, r, KW_E_BUSY, "journal", "%s", kw_code_text(KW_E_BUSY));
    }
    return 0;
}

void kw_feed_applied(struct kw_feed *feed, const struct kw_message *message)
{
    struct kw_apply *change = kw_apply_receive(message, "APPLIED");
    struct kw_pending *pending = change ? pending_take(feed, 0, change) : NULL;
    struct kw_message answer = {0};
    if (!pending)
        return;
    if (change->error) {
        if (change->error == -ENOSPC)
            kw_fail(&change->fault, -ENOSPC, KW_E_READ_ONLY, "journal", "%s", kw_code_text(KW_E_READ_ONLY));
        kw_feed_refuse(feed, &pending->request, &change->fault);
    } else {
        kw_message_answer(&answer, &pending->request, pending->verb);
        if (kw_buf_text(&answer.header, "{}") == 0)
            kw_feed_reply(feed, &answer);
        kw_message_clear(&answer);
    }
    pending_free(pending);
}

static int copy_token(const struct kw_json *header, const char *name, struct kw_json_out *json, struct kw_fault *fault)
{
    struct kw_view text;
    int r = kw_json_get_text(header, name, 64, &text, fault);
    if (r < 0)
        return r;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return kw_fail(fault, -EBADMSG, KW_E_HEADER, name, "must be a reference or code without blanks, no name");
    }
    if (!text.size)
        return kw_fail(fault, -EBADMSG, KW_E_HEADER, name, "must not be empty");
    kw_json_text(json, name, text);
    return 0;
}

static int act(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, enum kw_entry_kind kind,
               const char *const *names, bool cause, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_json_out json = {.out = &text};
    struct about about;
    int r = kw_json_parse_header(kw_view_of(&request->header), &header, fault);
    if (r == 0)
        r = read_about(feed, agency, header, &about, fault);
    if (r < 0)
        return r;
    kw_json_object(&json, NULL);
    kw_json_hex(&json, "alert", about.alert, sizeof about.alert);
    kw_json_integer(&json, "revision", about.revision);
    kw_json_string(&json, "principal", agency->name);
    for (size_t i = 0; r == 0 && names[i]; i++)
        r = copy_token(header, names[i], &json, fault);
    if (r == 0 && cause && kw_json_member(header, "cause"))
        r = copy_token(header, "cause", &json, fault);
    kw_json_close(&json, '}');
    if (r == 0 && (r = kw_json_end(&json)) < 0)
        kw_fail(fault, r, KW_E_MEMORY, "feed", "no memory");
    return r < 0 ? r : journal_act(feed, agency, kind, &text, request, fault);
}

int kw_feed_acknowledge(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault)
{
    static const char *const names[] = {"by", "role", NULL};
    return act(feed, agency, request, KW_ENTRY_ACKNOWLEDGEMENT, names, false, fault);
}

static int check_outcome(const struct kw_message *request, struct kw_fault *fault)
{
    static const char *const outcomes[] = {"confirmed-risk", "false-positive", "inconclusive",
                                           "duplicate",      "child-safe",     "data-corrected"};
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_view outcome;
    int r = kw_json_parse_header(kw_view_of(&request->header), &header, fault);
    if (r == 0)
        r = kw_json_get_text(header, "outcome", 32, &outcome, fault);
    if (r < 0)
        return r;
    if (kw_view_is(outcome, "false-positive") && !kw_json_member(header, "cause"))
        return kw_fail(fault, -EBADMSG, KW_E_HEADER, "cause", "is needed with false-positive");
    for (size_t i = 0; i < KW_COUNT(outcomes); i++) {
        if (kw_view_is(outcome, outcomes[i]))
            return 0;
    }
    return kw_fail(fault, -EBADMSG, KW_E_HEADER, "outcome", "is not an outcome of FEEDBACK");
}

int kw_feed_feedback(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault)
{
    static const char *const names[] = {"outcome", "role", NULL};
    int r = check_outcome(request, fault);
    return r < 0 ? r : act(feed, agency, request, KW_ENTRY_FEEDBACK, names, true, fault);
}

int kw_feed_proof(struct kw_feed *feed, const struct kw_principal *agency, struct kw_message *request, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_message question = {.verb = "PROOF"};
    struct about about;
    int r = kw_json_parse_header(kw_view_of(&request->header), &header, fault);
    if (r == 0)
        r = read_about(feed, agency, header, &about, fault);
    if (r < 0)
        return r;
    r = kw_buf_append(&question.payload, about.alert, sizeof about.alert);
    if (r == 0)
        r = kw_buf_u32(&question.payload, (uint32_t)about.revision);
    if (r < 0) {
        kw_message_clear(&question);
        return kw_fail(fault, r, KW_E_MEMORY, "feed", "no memory");
    }
    return ask(feed, feed->setup->ledger, &question, request, "PROOF", fault);
}
