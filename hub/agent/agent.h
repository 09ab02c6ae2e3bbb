/* SPDX-License-Identifier: Apache-2.0 */
/* agent.h - the ministry's side: connectors and mappers as children, a durable spool, the signed way to the hub.
 *
 * The agent holds the origin key and the CURVE key. It parses the hub's answers and its own configuration, nothing else: raw
 * documents and records go through a mapper process without keys. What the disclosure profile does not allow never reaches
 * the signature.
 */
#ifndef KINWARD_AGENT_H
#define KINWARD_AGENT_H

#include "base/base.h"

/* Runs the agent of a configuration file until SIGTERM or SIGINT, or until the other end of stop_fd (-1: none) closes. ready (may
 * be NULL) is called once, when the spool is open and the children are being started. */
KW_CHECKED int kw_agent_run(const char *config, int stop_fd, void (*ready)(void *context), void *context, struct kw_fault *fault);

/* `kinward child agent CONFIG`: an agent beside the hub, under its supervision. Ends when the pipe ends. */
int kw_agent_child_main(int fd, int argc, char **argv);

/* ---- files from the command line ------------------------------------------------------ */

struct kw_submit_line { /* what became of one record, or of a file that could not become one */
    const char *label;  /* "births.xml" or "births.xml#3" */
    const char *
        outcome; /* "accepted", "duplicate", "remapped", "conflict", "rejected", "quarantined", or "refused": by the mapper, here */
    enum kw_code code;
    uint64_t position; /* 0: none */
    struct kw_view place, detail;
    uint32_t line;
};
struct kw_submit;
/* connector NULL: common records. The spool is apart from a running agent's; what an interrupted submit left is sent first. */
KW_CHECKED int kw_submit_open(const char *config, const char *connector, bool backfill,
                              void (*tell)(void *context, const struct kw_submit_line *line), void *context,
                              struct kw_submit **ret_submit, struct kw_fault *fault);
KW_CHECKED int kw_submit_add(struct kw_submit *submit, const char *path, struct kw_fault *fault);
/* One step of at most wait_ms. 1: more to do, 0: everything is receipted or refused. Negative: cannot go on. */
KW_CHECKED int kw_submit_step(struct kw_submit *submit, int wait_ms, struct kw_fault *fault);
struct kw_submit_state {
    uint64_t waiting, done; /* records; documents that are not mapped yet count as one */
    int64_t silent_ms;      /* that records have waited for a word from the hub */
    enum kw_code trouble;   /* the last error the hub gave, KW_OK when it went well since */
    uint64_t held;          /* batches the hub does not take in any case; they stay in the spool */
};
void kw_submit_state(const struct kw_submit *submit, struct kw_submit_state *ret_state);
void kw_submit_close(struct kw_submit *submit); /* what is not receipted stays in the spool */
void kw_submit_closep(struct kw_submit **submit);

/* ---- one check at a border ---------------------------------------------------------------- */

struct kw_check_answer {
    char answer[8];     /* "known", "refer", "unknown" */
    char reference[33]; /* hex, with "refer" */
    bool complete;
    uint64_t position;
    char at[40], batch[33];
};
/* Asks, and repeats the same bytes after silence, until timeout_ms have passed in all: -ETIMEDOUT, then it is not known whether
 * the hub has it. -EKEYREJECTED: the answer is not the hub's. Another fault: the hub's refusal with its code. */
KW_CHECKED int kw_agent_check(const char *config, const char *path, int timeout_ms, struct kw_check_answer *ret_answer,
                              struct kw_fault *fault);

/* ---- the spool, from beside --------------------------------------------------------------- */

KW_CHECKED int kw_agent_status(const char *config, struct kw_buf *ret_json, struct kw_fault *fault); /* one JSON object */
/* Puts quarantined documents back into the queue; the agent must not run. */
KW_CHECKED int kw_agent_requeue(const char *config, uint64_t *ret_count, struct kw_fault *fault);

/* Where there is no line: what waits is signed and written to a file, sealed for agents with the same keys; one that has a line
 * imports and sends it; its receipts go back in a file, too, and only they empty the spool at home. The agent must not run. */
struct kw_carried {
    uint64_t batches, records; /* written; of an import: new here, or receipted */
    uint64_t known;            /* of an import: batches that were here or receipted before, receipts without a batch here */
    uint64_t documents;        /* of an export: still to be mapped, by the running agent */
    bool receipts;
};
KW_CHECKED int kw_agent_export(const char *config, const char *path, bool receipts, struct kw_carried *ret_carried,
                               struct kw_fault *fault);
KW_CHECKED int kw_agent_import(const char *config, const char *path, struct kw_carried *ret_carried, struct kw_fault *fault);

#endif
