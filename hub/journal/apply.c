/* SPDX-License-Identifier: Apache-2.0 */
/* apply.c - changes that travel to the writer's thread and back. */
#include <errno.h>
#include <string.h>

#include "journal/journal.h"

int kw_pointer_send(struct kw_socket *socket, const char *verb, void *pointer)
{
    struct kw_message message = {0};
    strcpy(message.verb, verb);
    int r = kw_buf_append(&message.payload, &pointer, sizeof pointer);
    while (r == 0 && (r = kw_send(socket, &message)) == -EAGAIN)
        r = kw_poll(&(struct kw_poll){.socket = socket, .want_write = true}, 1, 1000);
    kw_message_clear(&message);
    return r;
}

void *kw_pointer_receive(const struct kw_message *message)
{
    void *pointer = NULL;
    if (message->payload.size == sizeof pointer)
        memcpy(&pointer, message->payload.data, sizeof pointer);
    return pointer;
}

int kw_apply_send(struct kw_socket *writer, struct kw_apply *change)
{
    return kw_pointer_send(writer, "APPLY", change);
}

struct kw_apply *kw_apply_receive(const struct kw_message *message, const char *verb)
{
    return strcmp(message->verb, verb) == 0 ? kw_pointer_receive(message) : NULL;
}

int kw_apply_wait(struct kw_socket *writer, struct kw_apply *change, int timeout_ms)
{
    int64_t deadline = kw_clock_monotonic_ms() + timeout_ms;
    int r = kw_apply_send(writer, change);
    while (r == 0) {
        struct kw_message message = {0};
        r = kw_receive(writer, &message);
        bool done = r == 0 && kw_apply_receive(&message, "APPLIED") == change;
        kw_message_clear(&message);
        if (done)
            return change->error;
        if (r == -EAGAIN) {
            int64_t left = deadline - kw_clock_monotonic_ms();
            r = left <= 0 ? -ETIMEDOUT : kw_poll(&(struct kw_poll){.socket = writer}, 1, (int)left);
            r = r == -EINTR ? 0 : r;
        }
    }
    return r;
}

int kw_apply_run(struct kw_journal *journal, struct kw_socket *asker, struct kw_apply *change)
{
    change->fault = (struct kw_fault){0};
    int r = kw_journal_begin(journal, &change->fault);
    if (r == 0)
        r = change->apply(journal, change->context, &change->fault);
    if (r == 0)
        r = kw_journal_commit(journal, &change->fault);
    if (r < 0)
        kw_journal_rollback(journal);
    change->error = r;
    int sent = kw_pointer_send(asker, "APPLIED", change);
    return r == -EIO ? r : sent;
}
