/* SPDX-License-Identifier: Apache-2.0 */
/* line.h - the line to the hub's intake: greeting, batches under way, receipts. Private to the room. */
#ifndef KINWARD_AGENT_LINE_H
#define KINWARD_AGENT_LINE_H

#include "agent/settings.h"
#include "agent/spool.h"
#include "bus/bus.h"

enum kw_line_state {
    KW_LINE_DOWN,     /* no connection */
    KW_LINE_GREETING, /* HELLO is under way */
    KW_LINE_UP
};

struct kw_sent { /* a batch in the spool without a receipt */
    struct kw_batch_row row;
    uint64_t request; /* of the last try; 0: none on this line */
    int64_t due_ms;   /* monotonic: when to send, or to send again */
    unsigned tries;
    bool under_way; /* counts against the window */
    bool held;
};

struct kw_line {
    struct kw_socket *socket;
    struct kw_bus *bus;
    const struct kw_agent_settings *settings;
    enum kw_line_state state;
    uint64_t next_request, hello;
    int64_t hello_ms;          /* sent, or not before */
    int64_t heard_ms, idle_ms; /* monotonic: a word from the hub; nothing waited for one */
    int64_t stood_ms;          /* when the connection last stood, or the socket was made */
    int64_t silence_ms;        /* after which everything is repeated */
    uint32_t window, batch_limit, under_way;
    enum kw_code trouble; /* the hub's last error; KW_OK after a receipt */
    struct kw_sent *sent; /* in order */
    size_t count, capacity;
    void (*tell)(void *context, const struct kw_result *result);
    void *context;
};

KW_CHECKED int kw_line_open(struct kw_line *line, struct kw_bus *bus, const struct kw_agent_settings *settings,
                            struct kw_fault *fault);
void kw_line_close(struct kw_line *line);
/* Reads the batches of the spool anew; all are sent again after the next greeting. At the start and after a rollback. */
KW_CHECKED int kw_line_reload(struct kw_line *line, struct kw_spool *spool, struct kw_fault *fault);
KW_CHECKED int kw_line_add(struct kw_line *line, const struct kw_batch_row *batch, struct kw_fault *fault);
/* How many more records may be on their way. */
uint32_t kw_line_room(const struct kw_line *line);
/* Takes every message that is there. Receipts change the spool: commit before the next kw_line_send. */
KW_CHECKED int kw_line_receive(struct kw_line *line, struct kw_spool *spool, struct kw_fault *fault);
/* Sends what is due; only committed batches may be in the list. ret_wait_ms: until something is due, lowered where needed. */
KW_CHECKED int kw_line_send(struct kw_line *line, struct kw_spool *spool, int *ret_wait_ms, struct kw_fault *fault);

#endif
