/* SPDX-License-Identifier: Apache-2.0 */
/* desk.h - a world of records, the alerts over it, and two agencies that open what they are sent. */
#ifndef DESK_H
#define DESK_H

#include "world.h"

#include "alert/alert.h"
#include "xml/xml.h"

#define PERSON   NAME("Peter", "Testperson")
#define DECEASED PARTY("deceased", ROLE("deceased") PERSON NUMBER("passport", "ZZ17") BORN("1990-02-02"))
#define USER     PARTY("p", ROLE("document_holder") PERSON BORN("1990-02-02") PASSPORT("ZZ17"))
#define BY_NAME  PARTY("p", ROLE("document_holder") PERSON BORN("1990-02-02") PASSPORT("ZZ99"))
#define CHECK    "<check><direction>in</direction><outcome>attempted</outcome></check>"

struct desk_item { /* opened as a client of protocol.md opens it */
    uint64_t number;
    struct kw_buf statement, envelope;
};
struct desk {
    struct world world;
    char dir[64];
    struct kw_sign_key *sign;
    struct kw_alerts *alerts;
    struct kw_alert_reader *reader;
    struct kw_box_key *boxes[2];
    struct kw_alert_recipient recipients[2]; /* "desk-one": everything; "desk-two": nothing until a test says so */
    struct desk_item items[64];
    size_t item_count;
    uint64_t epoch;
};

void desk_start(struct desk *desk, const struct kw_detect_config *config);
void desk_stop(struct desk *desk);
void desk_open(struct desk *desk); /* alerts and reader over the folder; closes them first */
/* A record through the rules and the alerts, with one commit. */
uint64_t desk_put(struct desk *desk, struct spec spec);
int desk_apply(struct desk *desk, uint64_t position, struct kw_fault *fault); /* within a transaction */
uint64_t desk_death(struct desk *desk, const char *version, const char *status);
uint64_t desk_check(struct desk *desk, const char *party, bool backfill);
/* Another entry of the journal: takes the next position. */
void desk_act(struct desk *desk, unsigned kind, const char *json);
/* Opens all items of an agency, each with every check of protocol.md; gives their number. */
size_t desk_read(struct desk *desk, const char *principal);
const char *desk_statement(const struct desk *desk, size_t index);
void desk_value(const char *statement, const char *element, char ret_text[256]); /* first element of that name; "" */
uint64_t desk_last(struct desk *desk, const char *principal);
size_t desk_waiting(struct desk *desk, struct kw_alert_review *ret_first); /* length of the review queue */

#endif
