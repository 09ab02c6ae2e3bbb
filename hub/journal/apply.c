/* SPDX-License-Identifier: Apache-2.0 */
/* apply.c - changes that travel to the writer's thread and back. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "journal/journal.h"

enum { WAITING, BEGUN, WITHDRAWN };

/* Whose the change is: it outlives an asker that gave up. */
struct kw_apply_ticket {
    struct kw_apply change;
    atomic_int state;
};

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

/* Whether it was withdrawn: the writer frees it then. */
static bool withdraw(struct kw_apply_ticket *ticket)
{
    int waiting = WAITING;
    return atomic_compare_exchange_strong(&ticket->state, &waiting, WITHDRAWN);
}

static int await_return(struct kw_socket *writer, struct kw_apply_ticket *ticket, int timeout_ms)
{
    int64_t deadline = kw_clock_monotonic_ms() + timeout_ms;
    for (;;) {
        struct kw_message message = {0};
        int r = kw_receive(writer, &message);
        bool done = r == 0 && kw_apply_receive(&message, "APPLIED") == &ticket->change;
        kw_message_clear(&message);
        if (done)
            return 0;
        int64_t left = deadline - kw_clock_monotonic_ms();
        if (r == -EAGAIN && (left > 0 || !withdraw(ticket)))
            r = kw_poll(&(struct kw_poll){.socket = writer}, 1, left > 0 ? (int)left : 100);
        else if (r == -EAGAIN)
            return -ETIMEDOUT;
        if (r < 0 && r != -EINTR)
            return withdraw(ticket) ? r : -EPIPE;
    }
}

int kw_apply_wait(struct kw_socket *writer, struct kw_apply *change, int timeout_ms)
{
    struct kw_apply_ticket *ticket = kw_alloc(sizeof *ticket);
    if (!ticket)
        return -ENOMEM;
    ticket->change = *change;
    ticket->change.ticket = ticket;
    int r = kw_apply_send(writer, &ticket->change);
    if (r < 0) {
        kw_free(ticket);
        return r;
    }
    r = await_return(writer, ticket, timeout_ms);
    if (r < 0)
        return r;
    *change = ticket->change;
    change->ticket = NULL;
    kw_free(ticket);
    return change->error;
}

/* Whether it is still wanted. */
static bool begin(struct kw_apply *change)
{
    int waiting = WAITING;
    struct kw_apply_ticket *ticket = change->ticket;
    if (!ticket || atomic_compare_exchange_strong(&ticket->state, &waiting, BEGUN))
        return true;
    kw_free(ticket);
    return false;
}

int kw_apply_run(struct kw_journal *journal, struct kw_socket *asker, struct kw_apply *change)
{
    if (!begin(change))
        return 0;
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
