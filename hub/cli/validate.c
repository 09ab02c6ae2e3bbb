/* SPDX-License-Identifier: Apache-2.0 */
/* validate.c - kinward validate: common records against the schema, with line numbers. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "json/json.h"
#include "record/record.h"

struct report {
    bool as_json;
    size_t records, refused;
};

struct found { /* of one file */
    size_t records;
};

static int count_record(void *context, struct kw_view canonical, struct kw_view image)
{
    (void)canonical, (void)image;
    ((struct found *)context)->records++;
    return 0;
}

static void print_json(const char *path, const struct found *found, const struct kw_fault *fault)
{
    struct kw_buf line = {0};
    struct kw_json_out json = {.out = &line};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "file", path);
    kw_json_integer(&json, "records", (int64_t)found->records);
    kw_json_boolean(&json, "valid", fault == NULL);
    if (fault) {
        kw_json_string(&json, "code", kw_code_name(fault->code));
        kw_json_integer(&json, "line", fault->line);
        kw_json_integer(&json, "column", fault->column);
        kw_json_string(&json, "element", fault->place);
        kw_json_string(&json, "rule", fault->message);
    }
    kw_json_close(&json, '}');
    if (kw_json_end(&json) == 0)
        printf("%s\n", (const char *)line.data);
    kw_buf_clear(&line);
}

/* A refused document: where, which element, which rule; never the value. */
static void print_refusal(const char *path, const struct kw_fault *fault)
{
    fprintf(stderr, "kinward: %s:", path);
    if (fault->line)
        fprintf(stderr, "%u:%u:", fault->line, fault->column);
    if (fault->place[0])
        fprintf(stderr, " <%s>:", fault->place);
    fprintf(stderr, " %s (%s)\n", fault->message, kw_code_name(fault->code));
}

/* 0, KW_EXIT_REFUSED, or the exit code of a file that cannot be read. */
static int validate_file(struct kw_validator *validator, const char *path, struct report *report)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_fault fault = {0};
    struct found found = {0};
    if (kw_file_read(path, KW_LIMIT_RECORDS_FILE, &text, &fault) != 0) {
        if (report->as_json)
            print_json(path, &found, &fault);
        return kw_cli_error(path, &fault);
    }
    int error = kw_validate_file(validator, kw_view_of(&text), count_record, &found, &fault);
    report->records += found.records;
    if (report->as_json)
        print_json(path, &found, error != 0 ? &fault : NULL);
    if (error == 0)
        return KW_EXIT_DONE;
    report->refused++;
    if (error == -ENOMEM)
        return kw_cli_error(path, &fault);
    if (!report->as_json)
        print_refusal(path, &fault);
    return KW_EXIT_REFUSED;
}

int kw_cmd_validate(int argc, char **argv)
{
    struct report report = {0};
    const struct kw_option options[] = {
        {.name = "json", .help = "one JSON object for each file", .flag = &report.as_json},
        {0},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward validate FILE… [--json]",
        .summary = "Checks common records (one <record>, or several in <records>) against schemas/record.xsd. Each refused file\n"
                   "gets one line with place, element and rule; values are never shown. Exit code 3 when a file was refused.",
        .example = "kinward validate birth.xml           one file\n"
                   "kinward validate --json *.xml        for a program",
        .options = options,
        .least = 1,
        .most = -1,
    };
    int first, exit_code;
    if (!kw_cli_options(&usage, argc, argv, &first, &exit_code))
        return exit_code;
    struct kw_validator *validator;
    int error = kw_validator_new(&validator);
    if (error != 0)
        return kw_cli_errno("validate", error);
    struct kw_progress progress = {.label = "validate"};
    int worst = KW_EXIT_DONE;
    for (int i = first; i < argc; i++) {
        int code = validate_file(validator, argv[i], &report);
        if (worst == KW_EXIT_DONE || code == KW_EXIT_FAILED)
            worst = code != KW_EXIT_DONE ? code : worst;
        kw_progress_update(&progress, (uint64_t)i - (uint64_t)first + 1, (uint64_t)argc - (uint64_t)first);
    }
    kw_progress_end(&progress);
    kw_validator_free(validator);
    if (!report.as_json)
        printf("%zu record%s valid, %zu file%s refused\n", report.records, report.records == 1 ? "" : "s", report.refused,
               report.refused == 1 ? "" : "s");
    return worst;
}
