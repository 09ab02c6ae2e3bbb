/* SPDX-License-Identifier: Apache-2.0 */
/* batch.h - signed SUBMIT and CHECK messages, made before any clock runs. */
#ifndef KINWARD_BENCH_BATCH_H
#define KINWARD_BENCH_BATCH_H

#include "bus/bus.h"
#include "crypto/crypto.h"
#include "records.h"

struct bench_sender {
    const char *principal, *jurisdiction;
    const struct kw_sign_key *key;
};

struct bench_batch { /* growing; make it one with bench_batch_sign */
    struct kw_buf payload, leaves;
    uint32_t count;
    uint64_t bytes; /* of the records */
};
void bench_batch_clear(struct bench_batch *batch);
void bench_batch_add(struct bench_batch *batch, const struct bench_records *records, enum bench_kind kind, uint64_t number,
                     uint64_t person);
/* Records first … first + count - 1. */
void bench_batch_fill(struct bench_batch *batch, const struct bench_records *records, uint64_t first, uint32_t count);
/* Moves batch into a message. request: its number, which the answer repeats. */
void bench_batch_sign(struct bench_batch *batch, const struct bench_sender *sender, const char *verb, bool backfill,
                      uint64_t request, struct kw_message *ret_message);

#endif
