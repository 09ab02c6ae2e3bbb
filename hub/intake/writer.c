/* SPDX-License-Identifier: Apache-2.0 */
/* writer.c - the journal's only writer: one commit takes whatever was queued during the one before, checks first. */
#include <errno.h>
#include <string.h>

#include "intake/delivery.h"
#include "json/json.h"

#define GROUP_RECORDS 256 /* of bulk in one commit, so that a check never waits for a long one */

struct writer {
    const struct kw_writer_setup *setup;
    struct kw_actor *self;
    struct kw_delivery *checks, *bulk; /* queues, oldest first */
    int64_t tick_ms;                   /* monotonic: when the next clock tick is due */
    bool stop;
};

/* ---- pointers through messages ------------------------------------------------ */

int kw_delivery_send(struct kw_socket *socket, const char *verb, struct kw_delivery *delivery)
{
    return kw_pointer_send(socket, verb, delivery);
}

struct kw_delivery *kw_delivery_receive(const struct kw_message *message)
{
    return kw_pointer_receive(message);
}

/* ---- one delivery in a transaction ---------------------------------------------- */

static int quarantine(struct kw_journal *journal, const struct kw_delivery *delivery, uint32_t index, uint64_t batch, int64_t now,
                      struct kw_fault *fault)
{
    const struct kw_slot *slot = &delivery->slots[index];
    uint64_t number;
    struct kw_refusal refusal = {.kind = delivery->check ? KW_ENTRY_CHECK : KW_ENTRY_RECORD,
                                 .principal = delivery->principal,
                                 .slot = index,
                                 .flags = delivery->backfill ? KW_ENTRY_BACKFILL : 0,
                                 .attempts = 2,
                                 .batch = batch,
                                 .code = slot->fault.code,
                                 .at_ms = now,
                                 .body = slot->record,
                                 .origin_leaf = slot->leaf};
    memcpy(refusal.place, slot->fault.place, sizeof refusal.place);
    memcpy(refusal.hash, slot->hash, sizeof refusal.hash);
    return kw_journal_quarantine(journal, &refusal, &number, fault);
}

static int reject(struct kw_journal *journal, const struct kw_delivery *delivery, uint32_t index, uint64_t batch, int64_t now,
                  struct kw_fault *fault)
{
    const struct kw_slot *slot = &delivery->slots[index];
    struct kw_refusal refusal = {.kind = delivery->check ? KW_ENTRY_CHECK : KW_ENTRY_RECORD,
                                 .principal = delivery->principal,
                                 .slot = index,
                                 .batch = batch,
                                 .code = slot->outcome,
                                 .at_ms = now};
    memcpy(refusal.place, slot->fault.place, sizeof refusal.place);
    memcpy(refusal.hash, slot->hash, sizeof refusal.hash);
    return kw_journal_reject(journal, &refusal, fault);
}

static int append(struct kw_journal *journal, struct kw_delivery *delivery, uint32_t index, uint64_t batch, int64_t now,
                  struct kw_fault *fault)
{
    struct kw_slot *slot = &delivery->slots[index];
    char mapping[512];
    snprintf(mapping, sizeof mapping, "%.*s@%.*s", (int)slot->head.mapping_id.size, (const char *)slot->head.mapping_id.data,
             (int)slot->head.mapping_version.size, (const char *)slot->head.mapping_version.data);
    struct kw_entry_new entry = {.kind = delivery->check ? KW_ENTRY_CHECK : KW_ENTRY_RECORD,
                                 .principal = delivery->principal,
                                 .slot = delivery->slot + index,
                                 .flags = delivery->backfill ? KW_ENTRY_BACKFILL : 0,
                                 .batch = batch,
                                 .received_ms = now,
                                 .record = slot->record,
                                 .image = slot->image,
                                 .origin_leaf = slot->leaf,
                                 .registry = slot->head.registry,
                                 .source_id = slot->source_id,
                                 .source_version = slot->source_version,
                                 .raw_hash = slot->head.raw_hash,
                                 .mapping = slot->head.mapping_id.size ? kw_view_text(mapping) : (struct kw_view){0},
                                 .found = delivery->found + slot->found_start,
                                 .found_count = slot->found_count};
    int r = kw_journal_append(journal, &entry, &slot->outcome, &slot->position, fault);
    if (r == 0 && slot->outcome != KW_CONFLICT && slot->position > delivery->position)
        delivery->position = slot->position;
    return r;
}

static int store_slots(struct kw_journal *journal, struct kw_delivery *delivery, uint64_t batch, int64_t now,
                       struct kw_fault *fault)
{
    for (uint32_t i = 0; i < delivery->count; i++) {
        struct kw_slot *slot = &delivery->slots[i];
        int r;
        if (slot->outcome == KW_QUARANTINED)
            r = quarantine(journal, delivery, i, batch, now, fault);
        else if (slot->outcome >= KW_E_EMPTY)
            r = reject(journal, delivery, i, batch, now, fault);
        else
            r = append(journal, delivery, i, batch, now, fault);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A record from quarantine keeps the batch, slot and origin that it came with; refused again, it stays there. */
static int store_again(struct kw_journal *journal, struct kw_delivery *delivery, int64_t now, struct kw_fault *fault)
{
    struct kw_slot *slot = &delivery->slots[0];
    if (slot->outcome != KW_OK)
        return kw_journal_quarantine_attempt(journal, delivery->retry, fault);
    int r = append(journal, delivery, 0, delivery->batch, now, fault);
    return r < 0 ? r
                 : kw_journal_quarantine_settle(journal, delivery->retry, KW_QUARANTINE_RETRIED, "hub", kw_code_name(slot->outcome),
                                                now, fault);
}

static int store(struct writer *writer, struct kw_delivery *delivery, struct kw_fault *fault)
{
    const struct kw_writer_setup *setup = writer->setup;
    int64_t now = kw_clock_wall_ms();
    uint64_t number = kw_journal_batch_next(setup->journal);
    if (delivery->retry)
        return store_again(setup->journal, delivery, now, fault);
    delivery->receipt.size = 0;
    int r = kw_journal_batch_find(setup->journal, delivery->principal, delivery->id, delivery->digest, &delivery->receipt, fault);
    if (r == 0)
        return delivery->check ? kw_receipt_position(kw_view_of(&delivery->receipt), &delivery->position) == -EBADMSG ? -EBADMSG : 0
                               : 0;
    if (r != -ENOENT)
        return r;
    r = store_slots(setup->journal, delivery, number, now, fault);
    if (r == 0)
        r = kw_receipt_make(delivery, setup->hub, setup->epoch, now, setup->sign);
    if (r < 0)
        return r;
    struct kw_journal_batch batch = {.number = number,
                                     .principal = delivery->principal,
                                     .count = delivery->count,
                                     .at_ms = now,
                                     .leaves = kw_view_of(&delivery->leaves),
                                     .receipt = kw_view_of(&delivery->receipt)};
    memcpy(batch.id, delivery->id, sizeof batch.id);
    memcpy(batch.digest, delivery->digest, sizeof batch.digest);
    memcpy(batch.signature, delivery->signature, sizeof batch.signature);
    memcpy(batch.root, delivery->root, sizeof batch.root);
    return kw_journal_batch_add(setup->journal, &batch, fault);
}

/* ---- groups ------------------------------------------------------------------------ */

static void forget_outcomes(struct kw_delivery *delivery)
{
    delivery->position = 0;
    for (uint32_t i = 0; i < delivery->count; i++) {
        struct kw_slot *slot = &delivery->slots[i];
        if (slot->outcome != KW_QUARANTINED && slot->outcome < KW_E_EMPTY)
            slot->outcome = KW_OK;
    }
}

static struct kw_delivery *cut_group(struct kw_delivery **queue, uint32_t limit)
{
    struct kw_delivery *group = *queue, **end = queue;
    uint32_t records = 0;
    while (*end && (records == 0 || records + (*end)->count <= limit)) {
        records += (*end)->count;
        end = &(*end)->next;
    }
    *queue = *end;
    *end = NULL;
    return group;
}

static int drain(struct writer *writer, struct kw_socket *socket);

/* A check that came meanwhile does not wait for the rest of a group of bulk. */
static int let_checks_pass(struct writer *writer, struct kw_delivery *delivery)
{
    if (delivery->check || !delivery->next)
        return 0;
    int r = drain(writer, writer->setup->intake);
    if (r < 0 || !writer->checks)
        return r;
    struct kw_delivery **end = &delivery->next;
    while (*end)
        end = &(*end)->next;
    *end = writer->bulk;
    writer->bulk = delivery->next;
    delivery->next = NULL;
    return 0;
}

static int commit_group(struct writer *writer, struct kw_delivery *group, struct kw_fault *fault)
{
    struct kw_journal *journal = writer->setup->journal;
    int r = kw_journal_begin(journal, fault);
    for (struct kw_delivery *delivery = group; r == 0 && delivery; delivery = delivery->next) {
        r = store(writer, delivery, fault);
        if (r == 0 && (r = kw_fault_point("intake.append")) < 0)
            kw_fail(fault, r, KW_E_STORE, "journal", "fault point");
        if (r == 0)
            r = let_checks_pass(writer, delivery);
        if (r < 0) {
            delivery->error = r;
            delivery->fault = *fault;
        }
    }
    if (r == 0)
        r = kw_journal_commit(journal, fault);
    if (r < 0)
        kw_journal_rollback(journal);
    return r;
}

static void wake(struct writer *writer)
{
    for (size_t i = 0; i < writer->setup->wake_count; i++) {
        struct kw_message message = {.verb = "WAKE"};
        if (kw_send(writer->setup->wake[i], &message) < 0)
            kw_message_clear(&message); /* a doorbell: the cursor finds the entries at its next look */
    }
}

static int give_back(struct writer *writer, struct kw_delivery *group, int error, const struct kw_fault *fault)
{
    while (group) {
        struct kw_delivery *delivery = group;
        group = group->next;
        delivery->next = NULL;
        if (error < 0 && !delivery->error) {
            delivery->error = error;
            delivery->fault = *fault;
        }
        int r = kw_delivery_send(writer->setup->intake, "WRITTEN", delivery);
        if (r < 0)
            return r;
    }
    return 0;
}

static int fatal(const struct kw_fault *fault)
{
    kw_log(KW_LOG_ERROR, "journal", "write.failed", "code=%s place=%s", kw_code_name(fault->code), fault->place);
    return -EIO;
}

/* Commits a group; when one delivery spoils it, each is tried alone so that the others go through. */
static int write_group(struct writer *writer, struct kw_delivery *group)
{
    struct kw_fault fault = {0};
    int r = commit_group(writer, group, &fault);
    if (r == 0) {
        const bool is_check = group->check; /* its answer waits for detection, a receipt does not */
        if (is_check)
            wake(writer);
        r = give_back(writer, group, 0, NULL);
        if (!is_check)
            wake(writer);
        return r;
    }
    if (r == -EIO)
        return fatal(&fault);
    if (r == -ENOSPC || !group->next) {
        if (r == -ENOSPC)
            kw_log(KW_LOG_ERROR, "journal", "disk.full", "deliveries=refused");
        return give_back(writer, group, r, &fault);
    }
    while (group) {
        struct kw_delivery *one = group;
        group = group->next;
        one->next = NULL;
        one->error = 0;
        forget_outcomes(one);
        r = write_group(writer, one);
        if (r < 0)
            return r;
    }
    return 0;
}

static int apply(struct writer *writer, struct kw_socket *socket, struct kw_apply *change)
{
    int r = kw_apply_run(writer->setup->journal, socket, change);
    if (r == 0)
        wake(writer);
    else if (r == -EIO)
        kw_log(KW_LOG_ERROR, "journal", "write.failed", "during=apply");
    return r;
}

/* ---- clock ticks ------------------------------------------------------------------------ */

/* The body has the moment as well: the entry's commitment covers bodies only. */
static int append_tick(struct kw_journal *journal, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf body = {0};
    struct kw_json_out json = {.out = &body};
    struct kw_entry_new entry = {.kind = KW_ENTRY_TICK, .received_ms = kw_clock_wall_ms()};
    char at[KW_TIME_SIZE];
    enum kw_code outcome;
    uint64_t position;
    kw_time_format(entry.received_ms, at);
    kw_json_object(&json, NULL);
    kw_json_string(&json, "at", at);
    kw_json_close(&json, '}');
    int r = kw_json_end(&json);
    if (r < 0)
        return kw_fail(fault, r, KW_E_MEMORY, "tick", "no memory");
    entry.record = kw_view_of(&body);
    return kw_journal_append(journal, &entry, &outcome, &position, fault);
}

/* One that could not be written is not missed: the next says all that it would have said. */
static int write_tick(struct writer *writer)
{
    struct kw_journal *journal = writer->setup->journal;
    struct kw_fault fault = {0};
    int r = kw_journal_begin(journal, &fault);
    if (r == 0)
        r = append_tick(journal, &fault);
    if (r == 0)
        r = kw_journal_commit(journal, &fault);
    if (r < 0)
        kw_journal_rollback(journal);
    else
        wake(writer);
    writer->tick_ms = kw_clock_monotonic_ms() + writer->setup->tick_ms;
    return r == -EIO ? fatal(&fault) : 0;
}

/* A tick waits for a free turn, but bulk without end does not hold it up for more than a period. */
static bool tick_due(const struct writer *writer)
{
    int64_t late = kw_clock_monotonic_ms() - writer->tick_ms;
    if (!writer->setup->tick_ms || writer->checks || late < 0)
        return false;
    return !writer->bulk || late >= writer->setup->tick_ms;
}

static int wait_ms(const struct writer *writer)
{
    int64_t left = writer->tick_ms - kw_clock_monotonic_ms();
    if (!writer->setup->tick_ms)
        return -1;
    return left < 0 ? 0 : (int)(left < INT32_MAX ? left : INT32_MAX);
}

/* ---- the actor ------------------------------------------------------------------------ */

static void queue(struct kw_delivery **end, struct kw_delivery *delivery)
{
    while (*end)
        end = &(*end)->next;
    delivery->next = NULL;
    *end = delivery;
}

static void note_copied(struct writer *writer, struct kw_view rest)
{
    uint32_t pages;
    if (kw_take_u32(&rest, &pages) == 0)
        kw_journal_copied(writer->setup->journal, pages);
}

static int drain(struct writer *writer, struct kw_socket *socket)
{
    for (;;) {
        struct kw_message message = {0};
        int r = kw_receive(socket, &message);
        if (r == -EAGAIN)
            return 0;
        if (r < 0)
            return r;
        if (strcmp(message.verb, "STOP") == 0) {
            writer->stop = true;
        } else if (strcmp(message.verb, "APPLY") == 0) {
            r = apply(writer, socket, kw_pointer_receive(&message));
        } else if (strcmp(message.verb, "COPIED") == 0) {
            note_copied(writer, kw_view_of(&message.payload));
        } else if (strcmp(message.verb, "WRITE") == 0) {
            struct kw_delivery *delivery = kw_pointer_receive(&message);
            queue(delivery->check ? &writer->checks : &writer->bulk, delivery);
        }
        kw_message_clear(&message);
        if (r < 0)
            return r;
    }
}

static int drain_all(struct writer *writer, struct kw_socket *pipe)
{
    int r = drain(writer, writer->setup->intake);
    for (size_t i = 0; r == 0 && i < writer->setup->others_count; i++)
        r = drain(writer, writer->setup->others[i]);
    return r == 0 ? drain(writer, pipe) : r;
}

static int work(struct writer *writer)
{
    if (tick_due(writer))
        return write_tick(writer);
    if (writer->checks)
        return write_group(writer, cut_group(&writer->checks, GROUP_RECORDS));
    return write_group(writer, cut_group(&writer->bulk, GROUP_RECORDS));
}

static void drop_queue(struct kw_delivery *queue)
{
    while (queue) {
        struct kw_delivery *next = queue->next;
        kw_delivery_free(queue);
        queue = next;
    }
}

int kw_writer_body(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    struct writer writer = {.setup = argument, .self = self, .tick_ms = kw_clock_monotonic_ms()};
    struct kw_poll items[16] = {{.socket = pipe}, {.socket = writer.setup->intake}};
    size_t count = 2;
    for (size_t i = 0; i < writer.setup->others_count && count < KW_COUNT(items); i++)
        items[count++].socket = writer.setup->others[i];
    int r = kw_actor_ready(self);
    while (r == 0 && !writer.stop) {
        r = drain_all(&writer, pipe);
        if (r == 0 && (writer.checks || writer.bulk || tick_due(&writer)))
            r = work(&writer);
        else if (r == 0 && !writer.stop)
            r = kw_poll(items, count, wait_ms(&writer));
        if (r == -EINTR)
            r = 0;
    }
    drop_queue(writer.checks); /* they have no receipt: their senders repeat them */
    drop_queue(writer.bulk);
    return r;
}
