/* SPDX-License-Identifier: Apache-2.0 */
/* review.c - kinward review: hits that wait for a person before anybody is told. */
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "cli/operator.h"
#include "config/config.h"

static const char config_help[] = "of the running hub (hub.xml)";

static int review_list(int argc, char **argv)
{
    const char *config = NULL;
    bool as_json = false;
    const struct kw_option options[] = {{.name = "config", .value_name = "FILE", .help = config_help, .value = &config},
                                        {.name = "json", .help = "as JSON", .flag = &as_json},
                                        {0}};
    const struct kw_usage usage = {.synopsis = "kinward review list [--config hub.xml] [--json]",
                                   .summary = "Lists the hits that wait for a reviewer.",
                                   .example = "kinward review list --config hub.xml",
                                   .options = options};
    struct kw_question question;
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    kw_question_start(&question, config, "REVIEW-LIST");
    code = kw_question_print(&question, as_json);
    kw_question_clear(&question);
    return code;
}

/* ALERT or ALERT.REVISION; the revision is 1 unless said. */
static void put_alert(struct kw_question *question, const char *text)
{
    const char *dot = strchr(text, '.');
    char alert[64];
    snprintf(alert, sizeof alert, "%.*s", dot ? (int)(dot - text) : (int)strlen(text), text);
    kw_json_string(&question->header, "alert", alert);
    kw_json_integer(&question->header, "revision", dot ? strtol(dot + 1, NULL, 10) : 1);
}

static int print_statement(struct kw_question *question, const char *language, bool as_xml)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_view rest, statement;
    char name[64], path[KW_PATH_SIZE];
    int r = kw_question_ask(question);
    if (r < 0)
        return kw_cli_error("review", &question->fault);
    rest = kw_view_of(&question->answer.payload);
    r = kw_take_item(&rest, &statement);
    if (r < 0)
        return kw_cli_errno("review", r);
    if (as_xml) {
        printf("%.*s\n", (int)statement.size, (const char *)statement.data);
        return KW_EXIT_DONE;
    }
    snprintf(name, sizeof name, "schemas/messages/%.8s.xml", language);
    if (kw_data_path(name, path) < 0) {
        kw_fail(&question->fault, -1, KW_E_FILE, name, "there is no such message catalogue");
        return kw_cli_error("review", &question->fault);
    }
    r = kw_alert_render(statement, path, &text, &question->fault);
    if (r < 0)
        return kw_cli_error("review", &question->fault);
    return kw_print_plain(&text, false) ? KW_EXIT_DONE : KW_EXIT_FAILED;
}

static int review_show(int argc, char **argv)
{
    const char *config = NULL, *language = "en";
    bool as_xml = false;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = config_help, .value = &config},
        {.name = "language", .value_name = "CODE", .help = "of the message catalogue (en)", .value = &language},
        {.name = "xml", .help = "the statement itself", .flag = &as_xml},
        {0}};
    const struct kw_usage usage = {.synopsis = "kinward review show ALERT[.REVISION] [--config hub.xml]",
                                   .summary = "Shows one as a desk officer would see it.",
                                   .example = "kinward review show 1f2e…",
                                   .options = options,
                                   .least = 1,
                                   .most = 1};
    struct kw_question question;
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    kw_question_start(&question, config, "REVIEW-SHOW");
    put_alert(&question, argv[first]);
    code = print_statement(&question, language, as_xml);
    kw_question_clear(&question);
    return code;
}

static int decide(int argc, char **argv, bool release, const char *synopsis, const char *summary)
{
    const char *config = NULL, *by = NULL, *reason = NULL;
    const struct kw_option options[] = {
        {.name = "by", .value_name = "REF", .help = "staff reference of the reviewer, no name", .value = &by, .required = true},
        {.name = "reason", .value_name = "TEXT", .help = "why; no personal data", .value = &reason, .required = true},
        {.name = "config", .value_name = "FILE", .help = config_help, .value = &config},
        {0}};
    const struct kw_usage usage = {
        .synopsis = synopsis, .summary = summary, .example = synopsis, .options = options, .least = 1, .most = 1};
    struct kw_question question;
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    kw_question_start(&question, config, "REVIEW-DECIDE");
    put_alert(&question, argv[first]);
    kw_json_boolean(&question.header, "release", release);
    kw_json_string(&question.header, "by", by);
    kw_json_string(&question.header, "reason", reason);
    code = kw_question_print(&question, false);
    kw_question_clear(&question);
    return code;
}

static int review_release(int argc, char **argv)
{
    return decide(argc, argv, true, "kinward review release ALERT[.REVISION] --by REF --reason TEXT",
                  "Releases one: it goes to the agencies whose mandate covers it.");
}

static int review_dismiss(int argc, char **argv)
{
    return decide(argc, argv, false, "kinward review dismiss ALERT[.REVISION] --by REF --reason TEXT",
                  "Dismisses one: nobody is told; hit and decision stay on record.");
}

int kw_cmd_review(int argc, char **argv)
{
    static const struct kw_command commands[] = {{"list", review_list, "what waits"},
                                                 {"show", review_show, "one, as a desk officer sees it"},
                                                 {"release", review_release, "let it go out"},
                                                 {"dismiss", review_dismiss, "nobody is told"},
                                                 {0}};
    return kw_cli_group("kinward review", commands, argc, argv);
}
