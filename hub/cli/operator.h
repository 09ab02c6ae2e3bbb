/* SPDX-License-Identifier: Apache-2.0 */
/* operator.h - what the commands that ask a running hub share. */
#ifndef KINWARD_CLI_OPERATOR_H
#define KINWARD_CLI_OPERATOR_H

#include "bus/bus.h"
#include "cli/cli.h"
#include "json/json.h"

struct kw_question {
    const char *config; /* hub.xml */
    const char *verb;
    struct kw_json_out header; /* an object, opened by kw_question_start; members are added before kw_question_ask */
    struct kw_buf text, payload;
    struct kw_message answer;
    struct kw_json *json; /* header of the answer */
    struct kw_fault fault;
};
void kw_question_start(struct kw_question *question, const char *config, const char *verb);
KW_CHECKED int kw_question_ask(struct kw_question *question);
void kw_question_clear(struct kw_question *question);
/* Asks, and prints the answer's JSON with as_json, else indented as `name: value` lines; an exit code. */
int kw_question_print(struct kw_question *question, bool as_json);
/* A JSON value as indented lines for a person. */
void kw_print_lines(const struct kw_json *value, int indent);

#endif
