/* SPDX-License-Identifier: Apache-2.0 */
/* line.h - a client of the hub's two endpoints: intake with any number of messages on their way, and the feed's numbers. */
#ifndef KINWARD_BENCH_LINE_H
#define KINWARD_BENCH_LINE_H

#include "batch.h"
#include "card/card.h"
#include "config/config.h"

struct bench_line {
    struct kw_bus *bus;
    struct kw_socket *intake, *feed; /* feed NULL: no agency */
    char name[KW_LIMIT_PRINCIPAL + 1], jurisdiction[3];
    struct kw_card hub;
    struct kw_sign_key *origin;
    struct bench_sender sender;
    uint32_t window;
    char stream[KW_LIMIT_PRINCIPAL + 1]; /* the agency's */
    uint64_t items;                      /* of the agency's stream that have come */
};
/* agency: folder of an agency, or NULL. Subscribes and takes what its stream already holds. */
void bench_line_open(struct bench_line *line, const char *config, const char *agency, const char *feed);
void bench_line_close(struct bench_line *line);
/* Waits for the answer to the only message on its way; an ERROR or another verb ends the program. */
void bench_line_ask(struct bench_line *line, struct kw_message *message, const char *verb, struct kw_message *ret_answer);
/* Waits for one more item of the stream. */
void bench_line_item(struct bench_line *line);
/* The hub's signature over what it answered; ends the program when it does not verify. */
void bench_line_verify(const struct bench_line *line, const char *domain, const struct kw_message *answer);
unsigned bench_count(const struct kw_buf *text, const char *what); /* how often what stands in text */

#endif
