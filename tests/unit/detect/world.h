/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - a small world for the tests of rules: records as text, one detector over them. */
#ifndef WORLD_H
#define WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "detect/detect.h"

#define DAY_MS INT64_C(86400000)

struct world {
    struct kw_detector *detector;
    struct kw_detection detection; /* of the last entry */
    struct world_entry {
        struct kw_buf image;
        int64_t received_ms;
        unsigned kind;
        bool backfill;
        uint64_t found[64];
        size_t found_count;
    } entries[128];
    uint64_t count;
    int64_t now_ms;
    struct kw_watch watches[256];
    size_t watch_count;
    struct kw_validator *validator;
    struct kw_detect_config config;
};

struct spec { /* absent members have the defaults in brackets */
    const char *event;
    const char *status;  /* [registered] */
    const char *id;      /* [r-N] */
    const char *version; /* [1] */
    const char *date;    /* value of event/date [2026-07-12]; "-" for one that is not known */
    const char *inner;   /* party* document* decision* block links, in the order of the schema */
    unsigned kind;       /* [1] */
    bool backfill;
};

extern const uint8_t world_vault[32];

void world_start(struct world *world, const struct kw_detect_config *config);
void world_stop(struct world *world);
/* A fresh detector over the same entries up to a position, from keys and watches alone. */
void world_restart(struct world *world, uint64_t upto);
uint64_t world_put(struct world *world, struct spec spec);
uint64_t world_replay(struct world *world, uint64_t position); /* gives a stored entry to the detector again */
const struct kw_hit *world_hit(const struct world *world, const char *rule, uint64_t subject);
bool world_evaluated(const struct world *world, const char *rule, uint64_t subject);
uint32_t world_cause(const struct kw_hit *hit, const char *code); /* 99 when it is not listed */
const struct kw_fact *world_fact(const struct kw_hit *hit, const char *code);

#define ROLE(role)        "<role>" role "</role>"
#define NAME(given, last) "<name><givenName>" given "</givenName><familyName>" last "</familyName></name>"
#define NUMBER(type, value)                                                                                                        \
    "<identifier><type>" type "</type><value>" value "</value><issuingCountry>KE</issuingCountry></identifier>"
#define BORN(day)        "<dateOfBirth><value>" day "</value></dateOfBirth>"
#define IS(type)         "<relationship><type>" type "</type></relationship>"
#define PARTY(id, text)  "<party id=\"" id "\">" text "</party>"
#define PASSPORT(number) "<document><type>passport</type><number>" number "</number><issuingCountry>KE</issuingCountry></document>"

#endif
