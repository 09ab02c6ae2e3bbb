/* SPDX-License-Identifier: Apache-2.0 */
/* kept.c - kinward quarantine and kinward record: what a hub keeps, for those who may see it. */
#include <stdlib.h>

#include "cli/operator.h"

struct common {
    const char *config, *reason, *purpose, *reference, *registry;
    bool as_json, all, detection;
};

static int number_of(const char *text, int64_t *ret_number)
{
    char *end = NULL;
    *ret_number = strtoll(text, &end, 10);
    return *end || *ret_number < 1 ? -1 : 0;
}

static int usage_error(const char *what)
{
    struct kw_fault fault = {.code = KW_E_USAGE, .message = "must be a number from 1"};
    return kw_cli_error(what, &fault);
}

/* Prints the answer's header on stderr and the body, when there is one, on stdout. */
/* out: a file for the body, its bytes as they are; NULL: after the rest. */
static int print_body(struct kw_question *question, const char *out)
{
    struct kw_view rest, body;
    int r = kw_question_ask(question);
    if (r < 0)
        return question->fault.code ? kw_cli_error(question->verb, &question->fault) : kw_cli_errno(question->verb, r);
    rest = kw_view_of(&question->answer.payload);
    if (!rest.size || kw_take_item(&rest, &body) < 0)
        body = (struct kw_view){0};
    if (out && kw_file_replace(out, body, 0600, &question->fault) < 0)
        return kw_cli_error(question->verb, &question->fault);
    if (question->json)
        kw_print_lines(question->json, 0);
    if (!out && body.size)
        printf("%.*s\n", (int)body.size, (const char *)body.data);
    return KW_EXIT_DONE;
}

static int quarantine_list(int argc, char **argv)
{
    struct common c = {0};
    const struct kw_option options[] = {
        {.name = "all", .help = "settled ones too", .flag = &c.all},
        {.name = "config", .value_name = "FILE", .help = "of the running hub (hub.xml)", .value = &c.config},
        {.name = "json", .help = "as JSON", .flag = &c.as_json},
        {0}};
    const struct kw_usage usage = {.synopsis = "kinward quarantine list [--all] [--config hub.xml] [--json]",
                                   .summary =
                                       "Lists what the hub could not process: under quarantine what intake kept, by number; under "
                                       "detection entries that no rule could inspect, by position. Nothing in it is lost; nothing "
                                       "behind it waits.",
                                   .example = "kinward quarantine list --config hub.xml",
                                   .options = options};
    struct kw_question question;
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    kw_question_start(&question, c.config, "KEPT-LIST");
    kw_json_boolean(&question.header, "all", c.all);
    code = kw_question_print(&question, c.as_json);
    kw_question_clear(&question);
    return code;
}

static int quarantine_one(int argc, char **argv, const char *verb, const struct kw_usage *shape, bool reason)
{
    struct common c = {0};
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = "of the running hub (hub.xml)", .value = &c.config},
        {.name = "detection", .help = "NUMBER is the position of an entry that detection set aside", .flag = &c.detection},
        {.name = "reason", .value_name = "TEXT", .help = "why (close)", .value = &c.reason, .required = reason},
        {0}};
    struct kw_usage usage = *shape;
    struct kw_question question;
    int64_t number;
    int first, code;
    usage.options = options;
    usage.least = usage.most = 1;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    if (number_of(argv[first], &number) < 0)
        return usage_error(argv[first]);
    kw_question_start(&question, c.config, verb);
    kw_json_integer(&question.header, c.detection ? "position" : "number", number);
    if (c.reason)
        kw_json_string(&question.header, "reason", c.reason);
    code = print_body(&question, NULL);
    kw_question_clear(&question);
    return code;
}

static int quarantine_show(int argc, char **argv)
{
    return quarantine_one(argc, argv, "KEPT-SHOW",
                          &(struct kw_usage){.synopsis = "kinward quarantine show NUMBER [--detection] [--config hub.xml]",
                                             .summary = "Shows one with its body; of an entry that detection set aside, why: the "
                                                        "entry itself is shown by `kinward record get`.",
                                             .example = "kinward quarantine show 3"},
                          false);
}

static int quarantine_retry(int argc, char **argv)
{
    return quarantine_one(argc, argv, "KEPT-RETRY",
                          &(struct kw_usage){.synopsis = "kinward quarantine retry NUMBER [--detection] [--config hub.xml]",
                                             .summary = "Sends one through validation and journal again; an entry that detection "
                                                        "set aside through the rules, whose alerts go out as usual.",
                                             .example = "kinward quarantine retry 3"},
                          false);
}

static int quarantine_close(int argc, char **argv)
{
    return quarantine_one(
        argc, argv, "KEPT-CLOSE",
        &(struct kw_usage){.synopsis = "kinward quarantine close NUMBER --reason TEXT [--detection] [--config hub.xml]",
                           .summary = "Closes one, with the reason; it stays on record.",
                           .example = "kinward quarantine close 3 --reason \"sent again by the registry\""},
        true);
}

int kw_cmd_quarantine(int argc, char **argv)
{
    static const struct kw_command commands[] = {{"list", quarantine_list, "what could not be processed"},
                                                 {"show", quarantine_show, "one, with its body"},
                                                 {"retry", quarantine_retry, "once more through validation, or through the rules"},
                                                 {"close", quarantine_close, "settle one, with a reason"},
                                                 {0}};
    return kw_cli_group("kinward quarantine", commands, argc, argv);
}

static int record_get(int argc, char **argv)
{
    struct common c = {0};
    const char *out = NULL;
    const struct kw_option options[] = {
        {.name = "purpose", .value_name = "TEXT", .help = "what for", .value = &c.purpose, .required = true},
        {.name = "case", .value_name = "REF", .help = "the case it belongs to", .value = &c.reference, .required = true},
        {.name = "out", .value_name = "FILE", .help = "the record into a file, as it was signed", .value = &out},
        {.name = "config", .value_name = "FILE", .help = "of the running hub (hub.xml)", .value = &c.config},
        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward record get POSITION --purpose TEXT --case REF [--out FILE] [--config hub.xml]",
        .summary = "Shows a record. Who looked, what for and in which case stands in the journal before it is shown.",
        .example = "kinward record get 4711 --purpose \"court order\" --case 12-2026",
        .options = options,
        .least = 1,
        .most = 1};
    struct kw_question question;
    int64_t position;
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    if (number_of(argv[first], &position) < 0)
        return usage_error(argv[first]);
    kw_question_start(&question, c.config, "RECORD-GET");
    kw_json_integer(&question.header, "position", position);
    kw_json_string(&question.header, "purpose", c.purpose);
    kw_json_string(&question.header, "case", c.reference);
    code = print_body(&question, out);
    kw_question_clear(&question);
    return code;
}

static int record_history(int argc, char **argv)
{
    struct common c = {0};
    const struct kw_option options[] = {
        {.name = "registry", .value_name = "ID", .help = "the source registry", .value = &c.registry, .required = true},
        {.name = "purpose", .value_name = "TEXT", .help = "what for", .value = &c.purpose, .required = true},
        {.name = "case", .value_name = "REF", .help = "the case it belongs to", .value = &c.reference, .required = true},
        {.name = "config", .value_name = "FILE", .help = "of the running hub (hub.xml)", .value = &c.config},
        {.name = "json", .help = "as JSON", .flag = &c.as_json},
        {0}};
    const struct kw_usage usage = {.synopsis = "kinward record history SOURCE-ID --registry ID --purpose TEXT --case REF",
                                   .summary = "Lists the positions of all versions of a registry's record, oldest first.",
                                   .example = "kinward record history 0d1f7c7e --registry nd.civil --purpose audit --case 7",
                                   .options = options,
                                   .least = 1,
                                   .most = 1};
    struct kw_question question;
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    kw_question_start(&question, c.config, "RECORD-HISTORY");
    kw_json_string(&question.header, "registry", c.registry);
    kw_json_string(&question.header, "id", argv[first]);
    kw_json_string(&question.header, "purpose", c.purpose);
    kw_json_string(&question.header, "case", c.reference);
    code = kw_question_print(&question, c.as_json);
    kw_question_clear(&question);
    return code;
}

int kw_cmd_record(int argc, char **argv)
{
    static const struct kw_command commands[] = {{"get", record_get, "one record, for a stated purpose"},
                                                 {"history", record_history, "positions of a record's versions"},
                                                 {0}};
    return kw_cli_group("kinward record", commands, argc, argv);
}
