/* SPDX-License-Identifier: Apache-2.0 */
/* records.h - common records of invented people for the benchmarks, made by number: the same number, the same record. */
#ifndef KINWARD_BENCH_RECORDS_H
#define KINWARD_BENCH_RECORDS_H

#include "base/base.h"

enum bench_kind { BENCH_BIRTH, BENCH_DEATH, BENCH_DOCUMENT, BENCH_NOTICE, BENCH_CHECK, BENCH_KINDS };

#define BENCH_RECORD_MOST 4096 /* bytes of one record */

struct bench_records; /* the templates: tests/bench/records/<kind>.xml, made canonical */
struct bench_records *bench_records_new(const char *source);
void bench_records_free(struct bench_records *records);

/* Of ten numbers in a row six are births, two deaths, two documents issued to children born a few numbers before. */
enum bench_kind bench_kind_of(uint64_t number);
/* The number of a birth record: the last one at or before number. */
uint64_t bench_birth_before(uint64_t number);
/* Appends the canonical record. person: whose (the number of their birth record, for notices, checks and documents).
 */
void bench_record(const struct bench_records *records, enum bench_kind kind, uint64_t number, uint64_t person, struct kw_buf *out);
/* The record of a number, and its origin leaf. */
void bench_record_of(const struct bench_records *records, uint64_t number, struct kw_buf *out);

/* sourceRecord/id and version of a record that bench_record gives. */
void bench_source(enum bench_kind kind, uint64_t number, char ret_id[48]);
const char *bench_version(const struct bench_records *records, enum bench_kind kind);

/* Ends the program with what went wrong when error is negative. */
void bench_need(int error, const char *what, const struct kw_fault *fault);
double bench_now(void); /* seconds, monotonic */
/* The share (0 to 1) of values, which are put in order. */
double bench_quantile(double *values, size_t count, double share);

#endif
