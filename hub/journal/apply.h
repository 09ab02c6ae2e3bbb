/* SPDX-License-Identifier: Apache-2.0 */
/* apply.h - changes of the journal that other actors ask its writer for (part of journal.h, which includes it). */
#ifndef KINWARD_JOURNAL_APPLY_H
#define KINWARD_JOURNAL_APPLY_H

#include "bus/bus.h"

struct kw_journal;

/* apply runs in a transaction of its own, in the writer's thread. Sent as verb APPLY with the pointer as payload; comes back as
 * APPLIED after the commit, with error and fault set. The sender keeps it alive until then. */
struct kw_apply {
    int (*apply)(struct kw_journal *journal, void *context, struct kw_fault *fault);
    void *context;
    int error;
    struct kw_fault fault;
    struct kw_apply_ticket *ticket; /* of kw_apply_wait */
};
KW_CHECKED int kw_apply_send(struct kw_socket *writer, struct kw_apply *change);
/* The change that a message brings; NULL when it is another message. */
struct kw_apply *kw_apply_receive(const struct kw_message *message, const char *verb);
/* Sends and waits for its return: for actors that have nothing else to do meanwhile. After timeout_ms a change that the writer has
 * not begun is withdrawn (-ETIMEDOUT: it never happens); one that it has begun is waited for. */
KW_CHECKED int kw_apply_wait(struct kw_socket *writer, struct kw_apply *change, int timeout_ms);
/* The writer's part: begin, apply, commit or rollback, and back to the asker. -EIO: the process must stop. */
KW_CHECKED int kw_apply_run(struct kw_journal *journal, struct kw_socket *asker, struct kw_apply *change);
/* A pointer to another actor; waits while the queue is full. */
KW_CHECKED int kw_pointer_send(struct kw_socket *socket, const char *verb, void *pointer);
void *kw_pointer_receive(const struct kw_message *message);

#endif
