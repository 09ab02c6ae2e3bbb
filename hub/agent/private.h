/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - what the files of this room share: receipts, mappers, connectors, the agent itself. */
#ifndef KINWARD_AGENT_PRIVATE_H
#define KINWARD_AGENT_PRIVATE_H

#include "agent/line.h"
#include "agent/settings.h"
#include "agent/spool.h"
#include "bus/bus.h"
#include "sandbox/sandbox.h"

/* ---- what the hub signs ---- */

struct kw_json;
struct kw_receipt { /* zero-initialised is empty; clear after use */
    uint8_t batch[16];
    uint32_t count;
    struct kw_result *results; /* texts are borrowed from json */
    struct kw_view signature;  /* borrowed from the message */
    struct kw_json *json;
};
/* Signature by the hub's card, our name, outcomes that are in the list. */
KW_CHECKED int kw_receipt_check(const struct kw_message *message, const struct kw_agent_settings *settings,
                                struct kw_receipt *ret_receipt, struct kw_fault *fault);
void kw_receipt_clear(struct kw_receipt *receipt);
/* domain: "kinward/receipt/v1\n" or "kinward/answer/v1\n". ret_signature is borrowed. */
KW_CHECKED int kw_signed_by_hub(const struct kw_message *message, const char *domain, const struct kw_agent_settings *settings,
                                struct kw_view *ret_signature, struct kw_fault *fault);
/* An ERROR's code; one that is not in the list counts as internal. */
void kw_error_read(const struct kw_message *message, enum kw_code *ret_code, bool *ret_retryable);
/* A signed batch of one record, header and payload, that is not spooled. */
KW_CHECKED int kw_batch_message(const struct kw_sender *sender, struct kw_view leaf, struct kw_view record,
                                struct kw_message *ret_message, uint8_t ret_id[16], struct kw_fault *fault);

void kw_child_end(struct kw_child *child); /* of a child that failed: reaps or kills it, and it is not started again at once */

/* ---- mapper: one child, one document at a time ---- */

enum kw_mapper_state {
    KW_MAPPER_STOPPED,
    KW_MAPPER_STARTING, /* PING is under way: what fails now is no document's fault */
    KW_MAPPER_IDLE,
    KW_MAPPER_BUSY
};

struct kw_mapper {
    const char *connector; /* whose documents */
    char folder[KW_PATH_SIZE];
    const struct kw_agent_settings *settings;
    const struct kw_connector_settings *source; /* NULL: common records */
    struct kw_child child;
    struct kw_pipe *pipe;
    enum kw_mapper_state state;
    struct kw_document document; /* at work on, or to be tried again */
    bool pending;                /* document is to be tried (again) */
    unsigned crashes;            /* of this document */
    uint64_t after;              /* the last number that is done, perhaps not yet committed */
    int64_t asked_ms;
    bool forgets; /* refused documents are reported, not kept */
    void (*refused)(void *context, const char *label, const struct kw_fault *reason);
    void *context;
};
KW_CHECKED int kw_mapper_open(struct kw_mapper *mapper, const struct kw_agent_settings *settings,
                              const struct kw_connector_settings *source, struct kw_fault *fault);
void kw_mapper_close(struct kw_mapper *mapper);
void kw_mapper_reload(struct kw_mapper *mapper); /* after a rollback: from the first document again */
/* Starts the child, notices its end or hang, gives it the next document. */
KW_CHECKED int kw_mapper_drive(struct kw_mapper *mapper, struct kw_spool *spool, bool more, int *ret_wait_ms,
                               struct kw_fault *fault);
/* Takes what the child has said; records go into the spool's transaction. */
KW_CHECKED int kw_mapper_receive(struct kw_mapper *mapper, struct kw_spool *spool, struct kw_fault *fault);
KW_CHECKED int kw_mapper_question(const struct kw_mapper *mapper, const struct kw_document *document,
                                  struct kw_message *ret_message);

struct kw_mapped { /* borrowed from the answer */
    uint32_t count;
    struct kw_view records, leaves; /* items */
};
/* -EBADMSG: refused, with the reason; -EPROTO: not what a mapper says. */
KW_CHECKED int kw_mapped_read(const struct kw_message *message, struct kw_mapped *ret_mapped, struct kw_fault *reason);
/* What the answer warns of, each once; what is no code and place is passed over. An answer of visit that is not 0 stops. */
KW_CHECKED int kw_mapped_warnings(const struct kw_message *message,
                                  int (*visit)(void *context, struct kw_view code, struct kw_view place), void *context);
/* One document at once, without a spool, in a child of its own, within timeout_ms. */
KW_CHECKED int kw_mapper_ask(struct kw_mapper *mapper, const struct kw_document *document, int timeout_ms,
                             struct kw_message *ret_answer, struct kw_mapped *ret_mapped, struct kw_fault *fault);

/* ---- connector: a child that brings documents ---- */

struct kw_answer { /* due to the connector after the commit */
    uint64_t token;
    bool failed, delivered;
};
struct kw_connector {
    const struct kw_agent_settings *settings;
    const struct kw_connector_settings *source;
    char plugin[KW_PATH_SIZE], seen[KW_PATH_SIZE];
    struct kw_child child;
    struct kw_pipe *pipe; /* NULL: not running */
    bool ready, failing;  /* failing: pulled documents are refused until it was started again */
    uint32_t credit;      /* given and not used */
    int64_t started_ms;
    int hang_ms;                         /* longer without a sign of life: it hangs */
    bool asked, more;                    /* a PING has no PONG yet; receiving broke off before the pipe was empty */
    int64_t asked_ms, heard_ms, away_ms; /* the last PING, the last message, what the last PONG said */
    struct kw_answer *answers;
    size_t answer_count, answer_capacity;
};
KW_CHECKED int kw_connector_open(struct kw_connector *connector, const struct kw_agent_settings *settings,
                                 const struct kw_connector_settings *source, struct kw_fault *fault);
void kw_connector_close(struct kw_connector *connector);
/* Takes what the child has said; documents and cursors go into the spool's transaction. */
KW_CHECKED int kw_connector_receive(struct kw_connector *connector, struct kw_spool *spool, struct kw_fault *fault);
void kw_connector_undone(struct kw_connector *connector);        /* the transaction was rolled back */
bool kw_connector_listens(const struct kw_connector *connector); /* receiving from it makes sense now */
/* After the commit: answers, credit, PING; ends one that hangs, starts it again. */
KW_CHECKED int kw_connector_drive(struct kw_connector *connector, struct kw_spool *spool, int *ret_wait_ms, struct kw_fault *fault);

/* ---- the agent ---- */

struct kw_agent {
    struct kw_agent_settings settings;
    struct kw_sender sender;
    struct kw_bus *bus;
    struct kw_spool spool;
    struct kw_line line;
    struct kw_connector *connectors; /* as many as in settings, or none */
    size_t connector_count;
    struct kw_mapper *mappers; /* one for each connector; for files from the command line one of common records, too */
    size_t mapper_count;
    int64_t idle_since_ms; /* of the oldest record that waits for a batch; 0: none */
    int64_t healed_ms;
    int next_ms; /* until something is due */
};
/* records: for files from the command line. */
KW_CHECKED int kw_agent_open(const char *config, const char *spool, bool records, struct kw_agent *agent, struct kw_fault *fault);
void kw_agent_close(struct kw_agent *agent);
/* One turn: waits at most wait_ms for something, takes it, commits, then tells those who wait. ret_ended: stop_fd ended or
 * signal_fd has a signal. */
KW_CHECKED int kw_agent_turn(struct kw_agent *agent, int wait_ms, int stop_fd, int signal_fd, bool *ret_ended,
                             struct kw_fault *fault);

#endif
