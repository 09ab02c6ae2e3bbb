/* SPDX-License-Identifier: Apache-2.0 */
/* detector.c - the detect actor: each entry of the journal through the rules, its outcome into detect.db, then on. */
#include <errno.h>
#include <string.h>

#include "daemon/detector.h"

#define GROUP        256  /* entries between two looks at the sockets */
#define QUIET_MAX    4096 /* entries without any effect that may wait for a commit of the cursor */
#define QUIET_MS     200
#define STOPPED      1   /* by visit */
#define PASSED_WAITS 300 /* tenths of a second */

struct recipients {
    struct kw_principal *principals;
    size_t count;
};

/* ---- one entry --------------------------------------------------------------- */

static int begin(struct detector *detector)
{
    if (detector->quiet++)
        return 0;
    detector->quiet_since_ms = kw_clock_monotonic_ms();
    return kw_alerts_begin(detector->alerts, &detector->fault);
}

static int put_answer(struct kw_message *passed, uint64_t position, enum kw_answer answer, const uint8_t reference[16])
{
    KW_AUTO(kw_buf_clear) struct kw_buf item = {0};
    uint8_t code = (uint8_t)answer;
    int r = kw_buf_u64(&item, position);
    if (r == 0)
        r = kw_buf_append(&item, &code, 1);
    if (r == 0)
        r = kw_buf_append(&item, reference, 16);
    return r < 0 ? r : kw_put_item(&passed->payload, item.data, item.size);
}

static int of_alerts(struct detector *detector, int r)
{
    detector->failed.alerts |= r < 0;
    return r;
}

static int inspect(struct detector *detector, const struct kw_entry *entry, const uint64_t *found, size_t count)
{
    struct kw_detect_entry subject = {.position = entry->position,
                                      .kind = entry->kind,
                                      .backfill = entry->flags & KW_ENTRY_BACKFILL,
                                      .received_ms = entry->received_ms,
                                      .image = entry->image,
                                      .found = found,
                                      .found_count = count};
    int r = kw_detect_inspect(detector->rules, &subject, &detector->detection, &detector->fault);
    if (r < 0)
        return r;
    detector->hits += detector->detection.hit_count;
    detector->checks += entry->kind == KW_ENTRY_CHECK;
    detector->effect |= detector->detection.hit_count || detector->detection.evaluated_count || entry->kind == KW_ENTRY_CHECK;
    return of_alerts(detector, kw_alerts_apply(detector->alerts, &subject, &detector->detection, &detector->fault));
}

static int act(struct detector *detector, const struct kw_entry *entry)
{
    char by[65];
    int r = 0;
    detector->effect = true;
    if (entry->kind == KW_ENTRY_ACT)
        r = of_alerts(detector,
                      kw_alerts_retry_asked(detector->alerts, entry->record, &detector->failed.about, by, &detector->fault));
    if (r == 1)
        return kw_aside_retry(detector, entry, detector->failed.about, by);
    return r < 0 ? r
                 : of_alerts(detector, kw_alerts_apply_act(detector->alerts, entry->position, entry->kind, entry->received_ms,
                                                           entry->record, &detector->fault));
}

static int take(struct detector *detector, const struct kw_entry *entry, const uint64_t *found, size_t count)
{
    int r = 0;
    if (!entry->erased && (entry->kind == KW_ENTRY_RECORD || entry->kind == KW_ENTRY_CHECK)) {
        r = inspect(detector, entry, found, count);
    } else {
        r = act(detector, entry);
    }
    if (r == 0 && entry->kind == KW_ENTRY_CHECK) {
        uint8_t reference[16] = {0};
        enum kw_answer answer = KW_ANSWER_UNKNOWN;
        r = of_alerts(detector, kw_alerts_answer(detector->alerts, entry->position, &answer, reference, &detector->fault));
        if (r == 0 || r == -ENOENT)
            r = put_answer(&detector->passed, entry->position, answer, reference);
    }
    return r;
}

/* Most entries touch nothing: their keys are indexed, and their body is not read. */
static int take_quiet(struct detector *detector, uint64_t position, enum kw_entry_kind kind, const uint64_t *found, size_t count)
{
    const struct kw_detect_entry subject = {.position = position, .kind = kind};
    int r = kw_detect_restore(detector->rules, position, kind, found, count);
    if (r < 0)
        return kw_fail(&detector->fault, r, r == -ENOMEM ? KW_E_MEMORY : KW_E_INTERNAL, "detect", "the index took no entry");
    kw_detection_clear(&detector->detection);
    return of_alerts(detector, kw_alerts_apply(detector->alerts, &subject, &detector->detection, &detector->fault));
}

static int look(struct detector *detector, uint64_t position, enum kw_entry_kind kind, const uint64_t *found, size_t count)
{
    struct kw_entry entry;
    bool quiet = false;
    int r = kw_detect_quiet(detector->rules, kind, found, count, &quiet);
    if (r == 0 && quiet)
        return take_quiet(detector, position, kind, found, count);
    if (r == 0)
        r = kw_journal_read(detector->entries, position, &entry, &detector->fault);
    return r < 0 ? r : take(detector, &entry, found, count);
}

/* STOPPED: the entry is left for the next scan. An answer does not wait for the bulk that came after its check. */
static int visit(void *context, uint64_t position, enum kw_entry_kind kind, const uint64_t *found, size_t count)
{
    struct detector *detector = context;
    if (detector->answered && kind != KW_ENTRY_CHECK)
        return STOPPED;
    detector->answered |= kind == KW_ENTRY_CHECK;
    int r = begin(detector);
    if (r < 0)
        return r;
    detector->failed.about = 0;
    detector->failed.alerts = false;
    r = look(detector, position, kind, found, count);
    if (r == 0) {
        detector->position = position;
    } else {
        detector->failed.position = position;
        detector->failed.kind = kind;
    }
    return r;
}

/* ---- groups -------------------------------------------------------------------- */

static void tell(struct kw_socket *socket, struct kw_message *message)
{
    if (kw_send(socket, message) < 0)
        kw_message_clear(message);
}

static int start_passed(struct detector *detector)
{
    kw_message_clear(&detector->passed);
    strcpy(detector->passed.verb, "PASSED");
    KW_AUTO(kw_buf_clear) struct kw_buf item = {0};
    int r = kw_buf_u64(&item, 0); /* filled in when it is known */
    return r < 0 ? r : kw_put_item(&detector->passed.payload, item.data, item.size);
}

/* Waits while intake has no room, but not when intake is gone because the hub ends. */
static void send_passed(struct detector *detector)
{
    struct kw_buf *payload = &detector->passed.payload;
    for (unsigned i = 0; i < 8; i++)
        payload->data[4 + i] = (uint8_t)(detector->position >> (56 - 8 * i));
    struct kw_poll item = {.socket = detector->setup->intake, .want_write = true};
    for (int waited = 0; kw_send(detector->setup->intake, &detector->passed) == -EAGAIN && waited < PASSED_WAITS; waited++)
        (void)!kw_poll(&item, 1, 100);
    kw_message_clear(&detector->passed);
}

static int commit(struct detector *detector)
{
    if (!detector->quiet)
        return 0;
    int r = kw_fault_point("detect.commit");
    if (r == 0)
        r = kw_alerts_commit(detector->alerts, &detector->fault);
    detector->quiet = 0;
    if (r == 0 && detector->effect)
        tell(detector->setup->feed, &(struct kw_message){.verb = "NEWS"});
    detector->effect = false;
    return r;
}

/* ---- start and recovery ------------------------------------------------------------ */

static int restore_one(void *context, uint64_t position, enum kw_entry_kind kind, const uint64_t *found, size_t count)
{
    struct detector *detector = context;
    return kw_detect_restore(detector->rules, position, kind, found, count);
}

static int restore_watch(void *context, const struct kw_watch *watch)
{
    struct detector *detector = context;
    return kw_detect_restore_watch(detector->rules, watch);
}

/* The rules' memory as of the last commit; what came later is read and inspected again. */
static int load_rules(struct detector *detector)
{
    const struct kw_hub_config *config = detector->setup->config;
    const struct kw_detect_config settings = {.settings = config->settings,
                                              .setting_count = config->setting_count,
                                              .parameters = config->parameters,
                                              .parameter_count = config->parameter_count};
    kw_detector_freep(&detector->rules);
    detector->position = kw_alerts_cursor(detector->alerts);
    int r = kw_detector_new(&detector->setup->pack, 1, &settings, detector->setup->keys->vault,
                            kw_detect_from_journal(detector->source), &detector->rules, &detector->fault);
    if (r == 0)
        r = kw_journal_scan_keys(detector->reader, 0, detector->position, restore_one, detector, &detector->fault);
    return r < 0 ? r : kw_alerts_watches(detector->alerts, restore_watch, detector, &detector->fault);
}

static int recover(struct detector *detector, int error)
{
    kw_alerts_rollback(detector->alerts);
    detector->quiet = 0;
    detector->effect = false;
    if (kw_aside_blames_entry(detector, error)) {
        error = kw_aside_count(detector);
        if (error == 0)
            error = load_rules(detector);
        if (error == 0 && detector->position >= detector->failed.position && (error = start_passed(detector)) == 0)
            send_passed(detector);
    }
    detector->failed.position = 0;
    if (error == 0 || error == -EIO || error == -EBADMSG)
        return error;
    if (detector->error_logged != error)
        kw_log(KW_LOG_ERROR, "detect", error == -ENOSPC ? "disk.full" : "detect.failed", "code=%s place=%s position=%llu",
               kw_code_name(detector->fault.code), detector->fault.place, (unsigned long long)detector->position);
    detector->error_logged = error;
    detector->pause_until_ms = kw_clock_monotonic_ms() + 500;
    return load_rules(detector);
}

/* -EAGAIN: the journal has no more. */
static int follow(struct detector *detector)
{
    uint64_t before = detector->position, upto = before + GROUP;
    bool suspect = detector->suspect > before && detector->suspect <= upto;
    int r = start_passed(detector);
    if (suspect)
        upto = detector->suspect > before + 1 ? detector->suspect - 1 : detector->suspect;
    detector->answered = false;
    if (r == 0)
        r = kw_journal_scan_keys(detector->reader, before, upto, visit, detector, &detector->fault);
    if (r == STOPPED)
        r = 0;
    if (r == 0 && (detector->effect || suspect || detector->quiet >= QUIET_MAX))
        r = commit(detector);
    if (r < 0)
        return r;
    if (detector->position != before)
        send_passed(detector);
    return detector->position == before ? -EAGAIN : 0;
}

/* ---- messages ---------------------------------------------------------------------- */

static int add_recipient(void *context, const struct kw_principal *principal)
{
    struct recipients *list = context;
    if (!(principal->roles & KW_ROLE_AGENCY))
        return 0;
    struct kw_principal *kept = kw_resize(list->principals, (list->count + 1) * sizeof *kept);
    if (!kept)
        return -ENOMEM;
    list->principals = kept;
    kept[list->count++] = *principal;
    return 0;
}

static int load_recipients(struct detector *detector)
{
    struct recipients list = {0};
    int r = kw_journal_principal_list(detector->reader, add_recipient, &list, &detector->fault);
    struct kw_alert_recipient *recipients = r == 0 ? kw_alloc((list.count + 1) * sizeof *recipients) : NULL;
    if (r == 0 && !recipients)
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < list.count; i++) {
        const struct kw_principal *principal = &list.principals[i];
        recipients[i] = (struct kw_alert_recipient){.number = principal->number,
                                                    .name = principal->name,
                                                    .active = !principal->revoked,
                                                    .rules = principal->rules,
                                                    .jurisdictions = principal->jurisdictions};
        memcpy(recipients[i].box, principal->box, sizeof recipients[i].box);
    }
    if (r == 0)
        r = kw_alerts_recipients(detector->alerts, recipients, list.count);
    kw_free(recipients);
    kw_free(list.principals);
    return r;
}

static void put_status(const struct detector *detector, struct kw_buf *out)
{
    struct kw_json_out json = {.out = out};
    kw_json_object(&json, NULL);
    kw_json_integer(&json, "position", (int64_t)detector->position);
    kw_json_integer(&json, "hits", (int64_t)detector->hits);
    kw_json_integer(&json, "checks", (int64_t)detector->checks);
    kw_json_integer(&json, "index_bytes", (int64_t)kw_detect_bytes(detector->rules));
    kw_json_boolean(&json, "halted", detector->error_logged != 0);
    kw_aside_status(detector, &json);
    kw_json_close(&json, '}');
    if (kw_json_end(&json) < 0)
        out->size = 0;
}

static int on_pipe(struct detector *detector, struct kw_socket *pipe)
{
    struct kw_message message = {0}, answer = {0};
    int r = 0;
    while (r == 0 && kw_receive(pipe, &message) == 0) {
        kw_message_answer(&answer, &message, message.verb);
        if (strcmp(message.verb, "STOP") == 0)
            detector->stop = true;
        else if (strcmp(message.verb, "PRINCIPALS") == 0)
            r = load_recipients(detector);
        else if (strcmp(message.verb, "STATUS") == 0)
            put_status(detector, &answer.header);
        if (!detector->stop)
            tell(pipe, &answer);
        kw_message_clear(&answer);
        kw_message_clear(&message);
    }
    return r;
}

/* A check that was asked again after its answer was given. */
static int on_intake(struct detector *detector)
{
    struct kw_message message = {0};
    int r = 0;
    while (r == 0 && kw_receive(detector->setup->intake, &message) == 0) {
        struct kw_view rest = kw_view_of(&message.payload);
        uint64_t position;
        uint8_t reference[16] = {0};
        enum kw_answer answer;
        if (kw_take_u64(&rest, &position) == 0 && position <= kw_alerts_cursor(detector->alerts) &&
            kw_alerts_answer(detector->alerts, position, &answer, reference, NULL) == 0) {
            r = start_passed(detector);
            if (r == 0)
                r = put_answer(&detector->passed, position, answer, reference);
            if (r == 0)
                send_passed(detector);
        }
        kw_message_clear(&message);
    }
    return r;
}

static int received(struct detector *detector, struct kw_view rest, struct kw_fault *fault)
{
    struct kw_view name;
    char principal[KW_LIMIT_PRINCIPAL + 1];
    uint64_t epoch, upto;
    if (kw_take_item(&rest, &name) < 0 || kw_take_u64(&rest, &epoch) < 0 || kw_take_u64(&rest, &upto) < 0 ||
        name.size >= sizeof principal)
        return kw_fail(fault, -EBADMSG, KW_E_FRAMES, "RECEIVED", "%s", kw_code_text(KW_E_FRAMES));
    memcpy(principal, name.data, name.size);
    principal[name.size] = 0;
    return kw_alerts_received(detector->alerts, principal, epoch, upto, fault);
}

static int on_feed(struct detector *detector)
{
    struct kw_message message = {0};
    while (kw_receive(detector->setup->feed, &message) == 0) {
        struct kw_fault fault = {0};
        struct kw_message answer = {0};
        int r = commit(detector); /* a receipt stands in a transaction of its own */
        if (r == 0)
            r = received(detector, kw_view_of(&message.payload), &fault);
        kw_message_answer(&answer, &message, "RECEIVED");
        if (r < 0) {
            kw_message_clear(&answer);
            r = kw_message_error(&answer, &message,
                                 r == -ENOSPC ? KW_E_READ_ONLY
                                 : fault.code ? fault.code
                                              : KW_E_INTERNAL,
                                 fault.message);
        }
        tell(detector->setup->feed, &answer);
        kw_message_clear(&answer);
        kw_message_clear(&message);
        if (r == -EIO)
            return r;
    }
    return 0;
}

/* ---- the actor ------------------------------------------------------------------------ */

static int open_all(struct detector *detector)
{
    const struct kw_hub_config *config = detector->setup->config;
    const uint8_t *vault = detector->setup->keys->vault;
    const struct kw_alert_config alert = {.hub = config->name,
                                          .status = config->status,
                                          .owner_contact = config->contact,
                                          .redress_contact = config->contact,
                                          .epoch = detector->setup->epoch};
    struct kw_fault *fault = &detector->fault;
    int r = kw_journal_reader_open(config->data, vault, &detector->reader, fault);
    if (r == 0)
        r = kw_journal_reader_open(config->data, vault, &detector->entries, fault);
    if (r == 0)
        r = kw_journal_reader_open(config->data, vault, &detector->source, fault);
    if (r == 0)
        r = kw_alerts_open(config->data, vault, detector->setup->keys->sign, &alert, &detector->alerts, fault);
    if (r == 0)
        r = load_recipients(detector);
    return r == 0 ? load_rules(detector) : r;
}

static int wait_ms(const struct detector *detector, int followed)
{
    int64_t now = kw_clock_monotonic_ms();
    if (now < detector->pause_until_ms)
        return (int)(detector->pause_until_ms - now);
    if (followed == 0)
        return 0;
    return detector->quiet ? QUIET_MS : 1000;
}

static int turn(struct detector *detector, struct kw_socket *pipe)
{
    const struct kw_detect_setup *setup = detector->setup;
    int followed = kw_clock_monotonic_ms() < detector->pause_until_ms ? -EAGAIN : follow(detector);
    if (followed == 0)
        detector->error_logged = 0;
    int r = followed == 0 || followed == -EAGAIN ? 0 : followed;
    if (r == 0 && detector->quiet && kw_clock_monotonic_ms() - detector->quiet_since_ms >= QUIET_MS)
        r = commit(detector);
    if (r == 0)
        r = on_intake(detector);
    if (r == 0)
        r = on_feed(detector);
    if (r < 0) {
        r = recover(detector, r);
        followed = 0; /* on at once, or after the pause */
    }
    struct kw_poll items[] = {{.socket = pipe}, {.socket = setup->writer}, {.socket = setup->intake}, {.socket = setup->feed}};
    int polled = r == 0 ? kw_poll(items, KW_COUNT(items), wait_ms(detector, followed)) : 0;
    struct kw_message bell = {0};
    while (r == 0 && kw_receive(setup->writer, &bell) == 0)
        kw_message_clear(&bell);
    if (r == 0 && polled < 0 && polled != -EINTR)
        r = polled;
    return r == 0 ? on_pipe(detector, pipe) : r;
}

int kw_detect_body(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    struct kw_detect_setup *setup = argument;
    struct detector detector = {.setup = setup};
    int r = open_all(&detector);
    if (r == 0) {
        setup->position = detector.position;
        r = kw_actor_ready(self);
    }
    while (r == 0 && !detector.stop)
        r = turn(&detector, pipe);
    if (r == 0)
        r = commit(&detector);
    if (r < 0) {
        kw_log(KW_LOG_ERROR, "detect", "actor.failed", "code=%s place=%s", kw_code_name(detector.fault.code), detector.fault.place);
        *fault = detector.fault;
    }
    kw_message_clear(&detector.passed);
    kw_detection_clear(&detector.detection);
    kw_detector_free(detector.rules);
    kw_alerts_free(detector.alerts);
    kw_journal_reader_close(detector.source);
    kw_journal_reader_close(detector.entries);
    kw_journal_reader_close(detector.reader);
    return r;
}
