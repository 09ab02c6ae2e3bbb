/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - sending batches, repeating them byte for byte, and checking what the hub signs. */
#include "agent/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/private.h"
#include "json/json.h"

#define SILENCE_MS      10000 /* protocol.md §7 */
#define SILENCE_MOST_MS 60000
#define RETRY_FIRST_MS  100 /* protocol.md §2 */
#define RETRY_MOST_MS   30000
#define REFUSED_MS      30000 /* the hub does not want to know us: ask again later */

int kw_line_open(struct kw_line *line, struct kw_bus *bus, const struct kw_agent_settings *settings, struct kw_fault *fault)
{
    const int64_t now = kw_clock_monotonic_ms();
    *line = (struct kw_line){.bus = bus, .settings = settings, .silence_ms = SILENCE_MS, .idle_ms = now, .stood_ms = now};
#ifdef KINWARD_FAULT_POINTS
    const char *silence = getenv("KINWARD_SILENCE_MS"); /* tests do not wait that long */
    if (silence)
        line->silence_ms = atoi(silence);
#endif
    return kw_dealer_connect(bus, settings->endpoint, &settings->curve, settings->hub.curve, &line->socket, fault);
}

void kw_line_close(struct kw_line *line)
{
    if (!line)
        return;
    kw_socket_closep(&line->socket);
    kw_free(line->sent);
    line->sent = NULL;
    line->count = line->capacity = 0;
}

int kw_line_add(struct kw_line *line, const struct kw_batch_row *batch, struct kw_fault *fault)
{
    if (line->count == line->capacity) {
        size_t capacity = line->capacity ? 2 * line->capacity : 64;
        struct kw_sent *sent = kw_resize(line->sent, capacity * sizeof *sent);
        if (!sent)
            return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "batches", "no memory");
        line->sent = sent;
        line->capacity = capacity;
    }
    line->sent[line->count++] = (struct kw_sent){.row = *batch};
    return 0;
}

struct reload {
    struct kw_line *line;
    struct kw_fault *fault;
};

static int add_row(void *context, const struct kw_batch_row *batch)
{
    struct reload *reload = context;
    return kw_line_add(reload->line, batch, reload->fault);
}

int kw_line_reload(struct kw_line *line, struct kw_spool *spool, struct kw_fault *fault)
{
    line->count = 0;
    line->under_way = 0;
    line->state = KW_LINE_DOWN;
    line->hello_ms = 0;
    return kw_spool_batch_each(spool, add_row, &(struct reload){line, fault}, fault);
}

uint32_t kw_line_room(const struct kw_line *line)
{
    uint32_t pending = 0;
    for (size_t i = 0; i < line->count; i++)
        pending += line->sent[i].held ? 0 : line->sent[i].row.count;
    if (line->state != KW_LINE_UP || pending >= line->window)
        return 0;
    const uint32_t room = line->window - pending;
    return room < line->batch_limit ? room : line->batch_limit;
}

/* ---- hearing ------------------------------------------------------------------------------ */

static void release(struct kw_line *line, struct kw_sent *sent)
{
    if (sent->under_way)
        line->under_way -= sent->row.count;
    sent->under_way = false;
}

static struct kw_sent *find_id(struct kw_line *line, const uint8_t id[16])
{
    for (size_t i = 0; i < line->count; i++) {
        if (memcmp(line->sent[i].row.id, id, 16) == 0)
            return &line->sent[i];
    }
    return NULL;
}

static struct kw_sent *find_request(struct kw_line *line, uint64_t request)
{
    for (size_t i = 0; i < line->count; i++) {
        if (line->sent[i].request == request && request)
            return &line->sent[i];
    }
    return NULL;
}

/* Another epoch: the hub was restored from a backup. What it signed for since is not there any more, and was let go here. */
static int note_epoch(struct kw_line *line, struct kw_spool *spool, int64_t epoch, struct kw_view last_batch,
                      struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf known = {0};
    char text[24];
    uint64_t lost = 0;
    snprintf(text, sizeof text, "%lld", (long long)epoch);
    int r = kw_spool_cursor_load(spool, "", "epoch", &known, fault);
    if (r < 0 || kw_view_is(kw_view_of(&known), text))
        return r;
    if (known.size) {
        r = kw_spool_receipts_after(spool, last_batch, &lost, fault);
        kw_log(KW_LOG_ERROR, "agent", "hub.restored", "epoch=%s before=%s records=%llu advice=\"submit these again\"", text,
               (const char *)known.data, (unsigned long long)lost);
    }
    return r < 0 ? r : kw_spool_cursor_save(spool, "", "epoch", kw_view_text(text), fault);
}

static int greeted(struct kw_line *line, struct kw_spool *spool, const struct kw_message *message, struct kw_fault *why)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_fault fault = {0};
    int64_t window, limit, epoch;
    int r = kw_json_parse(kw_view_of(&message->header), &header, &fault);
    if (r == 0)
        r = kw_json_get_integer(header, "window", 1, UINT32_MAX, &window, &fault);
    if (r == 0)
        r = kw_json_get_integer(header, "batch_limit", 1, UINT32_MAX, &limit, &fault);
    if (r == 0)
        r = kw_json_get_integer(header, "epoch", 0, INT64_MAX, &epoch, &fault);
    if (r < 0) {
        kw_log(KW_LOG_WARNING, "agent", "hub.hello-invalid", "place=%s", fault.place);
        return 0;
    }
    line->window = (uint32_t)window;
    line->batch_limit = limit < KW_LIMIT_BATCH ? (uint32_t)limit : KW_LIMIT_BATCH;
    line->state = KW_LINE_UP;
    for (size_t i = 0; i < line->count; i++) {
        release(line, &line->sent[i]);
        line->sent[i].due_ms = 0;
        line->sent[i].request = 0;
    }
    kw_log(KW_LOG_INFO, "agent", "hub.greeted", "window=%u limit=%u batches=%zu", line->window, line->batch_limit, line->count);
    return note_epoch(line, spool, epoch, kw_json_text_of(kw_json_member(header, "last_batch")), why);
}

static int received(struct kw_line *line, struct kw_spool *spool, const struct kw_message *message, struct kw_fault *fault)
{
    struct kw_fault why = {0};
    struct kw_receipt receipt = {0};
    int r = kw_receipt_check(message, line->settings, &receipt, &why);
    struct kw_sent *sent = r == 0 ? find_id(line, receipt.batch) : NULL;
    if (r == 0 && sent && receipt.count != sent->row.count)
        r = kw_fail(&why, -EBADMSG, KW_E_BATCH, "results", "not one for each record");
    if (r < 0)
        kw_log(KW_LOG_ERROR, "agent", "receipt.refused", "code=%s place=%s", kw_code_name(why.code), why.place);
    if (r == 0 && sent) { /* else a repetition: done already */
        (void)kw_fault_point("agent.receipt");
        r = kw_spool_batch_done(spool, &sent->row, kw_view_of(&message->header), receipt.signature, receipt.results, line->tell,
                                line->context, fault);
        if (r == 0) {
            release(line, sent);
            memmove(sent, sent + 1, (size_t)(line->sent + line->count - sent - 1) * sizeof *sent);
            line->count--;
            line->trouble = KW_OK;
        }
    } else {
        r = r == -ENOMEM ? r : 0; /* as if it had not come: the batch is repeated after silence */
    }
    kw_receipt_clear(&receipt);
    return r;
}

static int64_t back_off(unsigned tries, int64_t first, int64_t most)
{
    int64_t wait = first;
    while (tries-- > 0 && wait < most)
        wait *= 2;
    return wait < most ? wait : most;
}

/* These concern us, not the one batch: all wait. */
static bool is_about_sender(enum kw_code code)
{
    return code == KW_E_FORBIDDEN || code == KW_E_REVOKED || code == KW_E_UNAUTHENTICATED || code == KW_E_VERSION ||
           code == KW_E_JURISDICTION || code == KW_E_VERB || code == KW_E_FRAMES;
}

static int refused(struct kw_line *line, struct kw_spool *spool, const struct kw_message *message, struct kw_fault *fault)
{
    const uint64_t request = kw_request_number(message);
    const int64_t now = kw_clock_monotonic_ms();
    enum kw_code code = KW_E_INTERNAL;
    bool again = true;
    kw_error_read(message, &code, &again);
    line->trouble = code;
    struct kw_sent *sent = find_request(line, request);
    if (line->hello == request || is_about_sender(code)) {
        kw_log(KW_LOG_ERROR, "agent", "hub.refused", "code=%s", kw_code_name(code));
        line->state = KW_LINE_DOWN;
        line->hello_ms = now + (again ? 1000 : REFUSED_MS);
        return 0;
    }
    if (!sent)
        return 0;
    release(line, sent);
    sent->request = 0;
    if (again) {
        sent->due_ms = now + back_off(sent->tries++, RETRY_FIRST_MS, RETRY_MOST_MS);
        kw_log(KW_LOG_NOTICE, "agent", "batch.later", "code=%s tries=%u", kw_code_name(code), sent->tries);
        return 0;
    }
    sent->held = true;
    kw_log(KW_LOG_ERROR, "agent", "batch.held", "code=%s count=%u", kw_code_name(code), sent->row.count);
    return kw_spool_batch_hold(spool, sent->row.number, code, fault);
}

int kw_line_receive(struct kw_line *line, struct kw_spool *spool, struct kw_fault *fault)
{
    struct kw_message message = {0};
    int r;
    while ((r = kw_receive(line->socket, &message)) == 0 || r == -EBADMSG) {
        const bool good = r == 0;
        r = 0;
        line->heard_ms = kw_clock_monotonic_ms();
        if (!good)
            kw_log(KW_LOG_WARNING, "agent", "hub.frames", "code=frames");
        else if (strcmp(message.verb, "HELLO") == 0 && kw_request_number(&message) == line->hello)
            r = greeted(line, spool, &message, fault);
        else if (strcmp(message.verb, "RECEIPT") == 0)
            r = received(line, spool, &message, fault);
        else if (strcmp(message.verb, "ERROR") == 0)
            r = refused(line, spool, &message, fault);
        if (r < 0)
            break;
    }
    kw_message_clear(&message);
    return r == -EAGAIN ? 0 : r;
}

/* ---- sending -------------------------------------------------------------------------------- */

static bool connected(struct kw_line *line)
{
    struct kw_poll item = {.socket = line->socket, .want_write = true};
    return kw_poll(&item, 1, 0) >= 0 && item.writable;
}

static void greet(struct kw_line *line, int64_t now)
{
    struct kw_message message = {.verb = "HELLO"};
    line->hello = ++line->next_request;
    kw_request_set(&message, line->hello);
    if (kw_buf_text(&message.header, "{}") == 0 && kw_send(line->socket, &message) == 0) {
        line->state = KW_LINE_GREETING;
        line->hello_ms = now;
    }
    kw_message_clear(&message);
}

static int send_batch(struct kw_line *line, struct kw_spool *spool, struct kw_sent *sent, int64_t now, struct kw_fault *fault)
{
    struct kw_message message = {.verb = "SUBMIT"};
    int r = kw_spool_batch_read(spool, sent->row.number, &message.header, &message.payload, fault);
    if (r == 0) {
        const uint64_t request = ++line->next_request;
        kw_request_set(&message, request);
        r = kw_send(line->socket, &message);
        if (r == 0) {
            (void)kw_fault_point("agent.sent");
            sent->request = request;
            sent->under_way = true;
            sent->due_ms = now + back_off(sent->tries, line->silence_ms, SILENCE_MOST_MS);
            line->under_way += sent->row.count;
        } else if (r == -EAGAIN || r == -EHOSTUNREACH) {
            r = 1; /* the line is full or just broke */
        }
    }
    kw_message_clear(&message);
    return r;
}

/* Silence on a batch: the line may be dead without our knowing. The greeting repeats everything when it is answered. */
static void check_silence(struct kw_line *line, int64_t now)
{
    for (size_t i = 0; i < line->count && line->state == KW_LINE_UP; i++) {
        struct kw_sent *sent = &line->sent[i];
        if (!sent->under_way || now < sent->due_ms)
            continue;
        sent->tries++;
        line->state = KW_LINE_DOWN;
        line->hello_ms = 0;
        kw_log(KW_LOG_NOTICE, "agent", "hub.silent", "batches=%zu", line->count);
    }
}

/* libzmq connects a socket no more once its handshake was refused; the key may be known by now. */
static int renew_socket(struct kw_line *line, int64_t now, struct kw_fault *fault)
{
    const struct kw_agent_settings *settings = line->settings;
    struct kw_socket *made = NULL;
    int r = kw_dealer_connect(line->bus, settings->endpoint, &settings->curve, settings->hub.curve, &made, fault);
    if (r < 0)
        return r;
    kw_socket_close(line->socket);
    line->socket = made;
    line->stood_ms = now;
    return 0;
}

static int keep_line(struct kw_line *line, int64_t now, struct kw_fault *fault)
{
    const bool stands = connected(line);
    if (stands)
        line->stood_ms = now;
    if (!stands && line->state != KW_LINE_DOWN) {
        line->state = KW_LINE_DOWN;
        line->hello_ms = 0;
        kw_log(KW_LOG_NOTICE, "agent", "hub.lost", "batches=%zu", line->count);
    }
    check_silence(line, now);
    if (line->state == KW_LINE_GREETING && now - line->hello_ms >= line->silence_ms)
        line->state = KW_LINE_DOWN;
    if (stands && line->state == KW_LINE_DOWN && now >= line->hello_ms)
        greet(line, now);
    return !stands && now - line->stood_ms >= line->silence_ms ? renew_socket(line, now, fault) : 0;
}

static void lower(int *wait_ms, int64_t until_ms)
{
    const int64_t left = until_ms < 0 ? 0 : until_ms;
    if (left < *wait_ms)
        *wait_ms = (int)left;
}

int kw_line_send(struct kw_line *line, struct kw_spool *spool, int *ret_wait_ms, struct kw_fault *fault)
{
    const int64_t now = kw_clock_monotonic_ms();
    int kept = keep_line(line, now, fault);
    if (kept < 0)
        return kept;
    for (size_t i = 0; i < line->count && line->state == KW_LINE_UP; i++) {
        struct kw_sent *sent = &line->sent[i];
        if (sent->held)
            continue;
        if (!sent->under_way && now >= sent->due_ms) {
            if (line->under_way && line->under_way + sent->row.count > line->window)
                break;
            int r = send_batch(line, spool, sent, now, fault);
            if (r < 0)
                return r;
            if (r > 0)
                break;
        }
        lower(ret_wait_ms, sent->due_ms - now);
    }
    if (line->state == KW_LINE_DOWN)
        lower(ret_wait_ms, line->hello_ms > now ? line->hello_ms - now : 50);
    return 0;
}
