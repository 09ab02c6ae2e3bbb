/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.c - the keeper actor: copies the journal's write-ahead log into the database beside the writer. Not in the background:
 * what it leaves for later, a commit waits for. */
#include <errno.h>
#include <string.h>

#include "daemon/private.h"

#define IDLE_MS  200
#define BUSY_MS  50               /* while the log is being written */
#define HURRY    (16 << 20 >> 12) /* pages of the log: from here on the writer waits for the rest of it to be little */
#define HURRY_MS 10

struct log {
    uint32_t copied, left; /* pages */
};

static int wait_ms(const struct log *before, const struct log *now)
{
    if (now->copied == before->copied && !now->left)
        return IDLE_MS;
    return now->copied < HURRY ? BUSY_MS : HURRY_MS;
}

static void tell_writer(struct kw_socket *writer, const struct log *log)
{
    struct kw_message message = {.verb = "COPIED"};
    if (kw_buf_u32(&message.payload, log->copied) < 0 || kw_send(writer, &message) < 0)
        kw_message_clear(&message); /* the next pass tells more */
}

/* -ENOSPC and -EBUSY: later. */
static int copy(struct kw_keeper_setup *setup, struct kw_journal_reader *reader, struct log *log, struct kw_fault *fault)
{
    uint32_t before = log->copied;
    int r = kw_journal_checkpoint(reader, &log->copied, &log->left, fault);
    if (r == 0 && log->copied != before)
        tell_writer(setup->writer, log);
    return r == -ENOSPC || r == -EBUSY ? 0 : r;
}

int kw_keeper_body(struct kw_actor *self, struct kw_socket *pipe, void *argument, struct kw_fault *fault)
{
    struct kw_keeper_setup *setup = argument;
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = NULL;
    struct kw_message message = {0};
    struct log before = {0}, now = {0};
    int r = kw_journal_reader_open(setup->data_dir, setup->vault, &reader, fault);
    if (r == 0)
        r = kw_actor_ready(self);
    while (r == 0) {
        (void)!kw_poll(&(struct kw_poll){.socket = pipe}, 1, wait_ms(&before, &now));
        if (kw_receive(pipe, &message) == 0 && strcmp(message.verb, "STOP") == 0)
            break;
        before = now;
        r = copy(setup, reader, &now, fault);
    }
    kw_message_clear(&message);
    return r;
}
