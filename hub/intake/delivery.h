/* SPDX-License-Identifier: Apache-2.0 */
/* delivery.h - one SUBMIT or CHECK on its way through intake, validator and writer. Private to the room. */
#ifndef KINWARD_INTAKE_DELIVERY_H
#define KINWARD_INTAKE_DELIVERY_H

#include "base/limits.h"
#include "intake/intake.h"
#include "record/record.h"

struct kw_slot {                 /* one record of a delivery */
    struct kw_view leaf, record; /* borrowed from request.payload */
    struct kw_view image;        /* borrowed from validated, or own */
    uint8_t hash[KW_HASH_SIZE];
    enum kw_code
        outcome; /* KW_OK until decided; else accepted, duplicate, remapped, conflict, quarantined or a reason of rejection */
    struct kw_fault fault;
    uint64_t position;
    uint32_t found_start, found_count;
    uint32_t answer; /* the validator's answer that decided it, from 1 */
    struct kw_record_head head;
    struct kw_view source_id, source_version; /* as the origin leaf has them */
    bool validated;
};

struct kw_delivery {
    struct kw_delivery *next;      /* in a queue of intake or of the writer */
    struct kw_delivery *alike;     /* intake's: in the same bucket of those under way */
    struct kw_message request;     /* SUBMIT or CHECK as received */
    bool check, backfill, alone;   /* alone: its records are validated one by one, after a child failed on all of them */
    uint32_t principal, count, at; /* at: the record being validated alone */
    char name[KW_LIMIT_PRINCIPAL + 1], jurisdiction[3];
    uint8_t id[16], digest[KW_HASH_SIZE], root[KW_HASH_SIZE], signature[KW_SIGNATURE_SIZE];
    struct kw_slot *slots;
    struct kw_buf leaves;   /* count leaf hashes */
    struct kw_buf *answers; /* payloads of validator answers that images are borrowed from */
    uint32_t answers_count;
    uint64_t *found;
    uint32_t found_count, found_capacity;
    uint64_t retry, batch; /* retry: number in quarantine that this is another try of; batch and slot: where it came in */
    uint32_t slot;
    struct kw_buf receipt; /* header ‖ signature, set by the writer */
    uint64_t position;     /* highest position given */
    int error;             /* of the writer: the whole delivery failed */
    struct kw_fault fault;
    int64_t arrived_ms; /* monotonic */
    int64_t deadline_ms;
};

/* Takes the message's bytes. The sender is known and allowed; everything about the batch as a whole is checked here: header,
 * count, leaves, root, signature. Refusals carry the code for an ERROR. */
KW_CHECKED int kw_delivery_new(struct kw_message *request, const struct kw_principal *sender, struct kw_delivery **ret_delivery,
                               struct kw_fault *fault);
/* Another try of what stands in quarantine; its signature was checked when it came in. */
KW_CHECKED int kw_delivery_again(const struct kw_refusal *refusal, const struct kw_principal *sender,
                                 struct kw_delivery **ret_delivery, struct kw_fault *fault);
void kw_delivery_free(struct kw_delivery *delivery);
void kw_delivery_freep(struct kw_delivery **delivery);
/* Records that the validator is to see: all undecided ones, or the one at `at`. */
KW_CHECKED int kw_delivery_question(const struct kw_delivery *delivery, struct kw_message *ret_question);
/* Takes the validator's answer: refusals, heads, jurisdiction, origin, match keys. -EBADMSG when it is not an answer to that
 * question (the child is then not to be trusted any more). */
KW_CHECKED int kw_delivery_validated(struct kw_delivery *delivery, struct kw_message *answer, const uint8_t match_secret[32]);
bool kw_slot_undecided(const struct kw_slot *slot);

/* Header bytes of the receipt, and its signature behind; replaces delivery->receipt. */
KW_CHECKED int kw_receipt_make(struct kw_delivery *delivery, const char *hub, uint64_t epoch, int64_t at_ms,
                               const struct kw_sign_key *key);
/* RECEIPT message from stored bytes. */
KW_CHECKED int kw_receipt_message(const struct kw_message *request, struct kw_view receipt, struct kw_message *ret_message);
/* ANSWER message to a check. */
KW_CHECKED int kw_answer_message(const struct kw_delivery *delivery, const char *hub, uint64_t epoch, enum kw_answer answer,
                                 const uint8_t case_reference[16], bool complete, const struct kw_sign_key *key,
                                 struct kw_message *ret_message);
/* Deliveries change hands between the two actors by pointer: WRITE to the writer, WRITTEN back. */
KW_CHECKED int kw_delivery_send(struct kw_socket *socket, const char *verb, struct kw_delivery *delivery);
struct kw_delivery *kw_delivery_receive(const struct kw_message *message);
/* Position of the only record in a stored receipt; -ENOENT when it was not stored. */
KW_CHECKED int kw_receipt_position(struct kw_view receipt, uint64_t *ret_position);

#endif
