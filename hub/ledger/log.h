/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - part of ledger.h: the log store, its signer process, cosigning by witnesses, being a witness, the web process. */
#ifndef KINWARD_LEDGER_LOG_H
#define KINWARD_LEDGER_LOG_H

/* ---- the log store: ledger.db and the log's folder; one thread -------------------------------------- */

struct kw_log;
struct kw_log_item { /* something committed: kind is the caller's (its positions rise) */
    uint8_t kind;
    uint64_t position;
    kw_hash commitment;
};
/* Gives the signature line for a checkpoint's text. read serves subtree roots of that size, for the consistency proof from
 * what was signed last. kw_signer_sign is one, with a kw_signer as its context. */
typedef int (*kw_log_sign)(void *context, struct kw_view text, kw_merkle_read read, void *read_context, struct kw_buf *ret_line,
                           struct kw_fault *fault);
/* dir holds ledger.db and log/ (checkpoint, tile/); made when missing. origin is the log's name; the policy's log key of that
 * name verifies what is stored. Errors of the store pass through. */
KW_CHECKED int kw_log_open(const char *dir, const char *origin, struct kw_log **ret_log, struct kw_fault *fault);
void kw_log_close(struct kw_log *log);
/* The last position of that kind in a sealed batch; 0 when none is. */
KW_CHECKED int kw_log_last(struct kw_log *log, uint8_t kind, uint64_t *ret_position, struct kw_fault *fault);
/* One transaction: batch, leaf, tree edge, places and the checkpoint's text. -ENODATA for no items (an idle log gets no leaf),
 * -EINVAL when a position is not above the last of its kind. */
KW_CHECKED int kw_log_seal(struct kw_log *log, const struct kw_log_item *items, size_t count, int64_t now_ms, uint64_t *ret_leaf,
                           struct kw_fault *fault);
/* Signs the newest checkpoint, stores the note, writes its tiles. Redoes whatever a crash left undone; nothing to do is fine. */
KW_CHECKED int kw_log_publish(struct kw_log *log, kw_log_sign sign, void *context, struct kw_fault *fault);
/* The newest signed note, when it is not released yet; -ENODATA otherwise. Appends. */
KW_CHECKED int kw_log_unreleased(struct kw_log *log, struct kw_buf *ret_note, struct kw_fault *fault);
/* Stores a cosigned note that meets policy as the newest and writes the file `checkpoint`. -EAGAIN: no quorum. An older or
 * equal one than released is passed over unless it has more signatures. */
KW_CHECKED int kw_log_release(struct kw_log *log, const struct kw_policy *policy, struct kw_view note, struct kw_fault *fault);
/* Fills index, path, checkpoint, leaf, width, slot and batch path; salt and origin are the caller's. -ENOENT: that position was
 * passed over; -EAGAIN with KW_E_PENDING: not sealed or not cosigned yet. */
KW_CHECKED int kw_log_proof(struct kw_log *log, uint8_t kind, uint64_t position, struct kw_proof *ret_proof,
                            struct kw_fault *fault);
struct kw_log_status {
    uint64_t sealed, signed_size, released; /* sizes */
    int64_t released_ms;                    /* wall clock of the release in this process; 0 when none */
};
void kw_log_status(const struct kw_log *log, struct kw_log_status *ret_status);
const char *kw_log_folder(const struct kw_log *log); /* of checkpoint and tile/ */
/* The newest root, sealed or more: for kw_cosigner_guard. */
void kw_log_root(const struct kw_log *log, uint64_t *ret_size, kw_hash ret_root);

/* ---- cosigning: asks the policy's witnesses that have an address; a thread of its own for each ------- */

struct kw_cosigner;
/* folder: the log's, for proofs from its tiles. grace_ms: how long to wait for more once the quorum is there. */
KW_CHECKED int kw_cosigner_new(const struct kw_policy *policy, const char *origin, const char *folder, int grace_ms,
                               struct kw_cosigner **ret_cosigner, struct kw_fault *fault);
void kw_cosigner_free(struct kw_cosigner *cosigner);
/* Asks all in parallel for at most timeout_ms; the note with the cosignatures that came. -EAGAIN with KW_E_QUORUM: ask again
 * (ret_note is set too, for kw_log_release later). */
KW_CHECKED int kw_cosigner_run(struct kw_cosigner *cosigner, struct kw_view note, int timeout_ms, struct kw_buf *ret_note,
                               struct kw_fault *fault);
/* Before the first signature after a start: what did the witnesses see? -EBADMSG with KW_E_FORK when one cosigned more than
 * size, or another root: a restored copy must not sign. ret_answers: how many witnesses answered. */
KW_CHECKED int kw_cosigner_guard(struct kw_cosigner *cosigner, uint64_t size, const kw_hash root, unsigned *ret_answers,
                                 struct kw_fault *fault);
struct kw_witness_state {
    const char *name;
    enum { KW_WITNESS_UNASKED, KW_WITNESS_GOOD, KW_WITNESS_UNREACHABLE, KW_WITNESS_REFUSED, KW_WITNESS_AHEAD } state;
    uint64_t size;    /* it cosigned last */
    int64_t since_ms; /* monotonic: of this state */
};
bool kw_cosigner_witness(struct kw_cosigner *cosigner, size_t index, struct kw_witness_state *ret_state); /* false past the end */

/* ---- signer process (`kinward child signer`): holds the keys; any thread may call ------------------- */

struct kw_signer;
struct kw_signer_options {        /* copied */
    const char *state;            /* folder of its own */
    const char *log_key, *origin; /* or NULL */
    const char *witness_key, *witness_name;
    const char *const *logs; /* vkey texts it is a witness of, NULL-terminated, or NULL */
};
KW_CHECKED int kw_signer_start(const struct kw_signer_options *options, struct kw_signer **ret_signer, struct kw_fault *fault);
void kw_signer_stop(struct kw_signer *signer);
/* A kw_log_sign. -EKEYREJECTED with KW_E_FORK: text does not go on from what was signed last. -EAGAIN: the child is being started
 * again (KW_E_CHILD) or cannot store (KW_E_READ_ONLY). */
KW_CHECKED int kw_signer_sign(void *signer, struct kw_view text, kw_merkle_read read, void *read_context, struct kw_buf *ret_line,
                              struct kw_fault *fault);
struct kw_witness_answer { /* an HTTP answer; zero-initialise, clear body */
    int status;
    char content_type[64];
    struct kw_buf body;
};
/* The body of an add-checkpoint request; any status is a success. */
KW_CHECKED int kw_signer_witness(struct kw_signer *signer, struct kw_view body, struct kw_witness_answer *ret_answer,
                                 struct kw_fault *fault);
/* The last cosigned checkpoint of the log whose SHA-256 of the origin is this hex text. */
KW_CHECKED int kw_signer_head(struct kw_signer *signer, struct kw_view origin_hash, struct kw_witness_answer *ret_answer,
                              struct kw_fault *fault);
int kw_signer_role(int fd, int argc, char **argv); /* exit code */

/* ---- web process (`kinward child ledger-web`): holds nothing ------------------------------------------ */

struct kw_ledger_web;
struct kw_ledger_web_options { /* copied */
    const char *address;
    uint16_t port;      /* 0 takes a free one and keeps it */
    const char *folder; /* of checkpoint and tile/, or NULL: a witness without a log */
};
KW_CHECKED int kw_ledger_web_start(const struct kw_ledger_web_options *options, struct kw_ledger_web **ret_web,
                                   struct kw_fault *fault);
void kw_ledger_web_stop(struct kw_ledger_web *web);
uint16_t kw_ledger_web_port(const struct kw_ledger_web *web);
int kw_ledger_web_fd(const struct kw_ledger_web *web); /* -1 while it is down: call kw_ledger_web_work now and then */
/* Passes waiting requests on to signer (NULL: 404), answers them, restarts the child after its end. */
KW_CHECKED int kw_ledger_web_work(struct kw_ledger_web *web, struct kw_signer *signer, struct kw_fault *fault);
int kw_ledger_web_role(int fd, int argc, char **argv); /* exit code */

#endif
