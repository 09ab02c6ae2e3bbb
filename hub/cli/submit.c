/* SPDX-License-Identifier: Apache-2.0 */
/* submit.c - kinward submit: files through the spool to the hub; kinward check: one question at a border. */
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "cli/cli.h"
#include "json/json.h"

#define DEFAULT_WAIT_S  30 /* without a word from the hub */
#define DEFAULT_CHECK_S 2

struct report {
    bool as_json;
    uint64_t good, refused;
    enum kw_code worst; /* of files that cannot be read */
};

static void print_line_json(const struct kw_submit_line *line)
{
    struct kw_buf text = {0};
    struct kw_json_out json = {.out = &text};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "record", line->label);
    kw_json_string(&json, "outcome", line->outcome);
    if (line->position)
        kw_json_integer(&json, "position", (int64_t)line->position);
    if (strcmp(line->outcome, "refused") == 0 || strcmp(line->outcome, "rejected") == 0)
        kw_json_string(&json, "code", kw_code_name(line->code));
    if (line->place.size)
        kw_json_text(&json, "place", line->place);
    if (line->line)
        kw_json_integer(&json, "line", line->line);
    if (line->detail.size)
        kw_json_text(&json, "detail", line->detail);
    kw_json_close(&json, '}');
    if (kw_json_end(&json) == 0)
        printf("%s\n", (const char *)text.data);
    kw_buf_clear(&text);
}

static void print_refused(const struct kw_submit_line *line)
{
    const char *code = strcmp(line->outcome, "conflict") == 0 ? "conflict" : kw_code_name(line->code);
    fprintf(stderr, "kinward: %s: %s:", line->label, line->outcome);
    if (line->place.size)
        fprintf(stderr, " %.*s:", (int)line->place.size, (const char *)line->place.data);
    if (line->detail.size)
        fprintf(stderr, " %.*s (%s)\n", (int)line->detail.size, (const char *)line->detail.data, code);
    else
        fprintf(stderr, " %s (%s)\n", kw_code_text(line->code), code);
}

static void tell(void *context, const struct kw_submit_line *line)
{
    struct report *report = context;
    const bool refused =
        line->code == KW_CONFLICT || strcmp(line->outcome, "rejected") == 0 || strcmp(line->outcome, "refused") == 0;
    *(refused ? &report->refused : &report->good) += 1;
    if (report->as_json)
        print_line_json(line);
    else if (refused)
        print_refused(line);
    else
        printf("%s: %s %llu\n", line->label, line->outcome, (unsigned long long)line->position);
}

static int add_files(struct kw_submit *submit, int count, char **paths)
{
    int worst = KW_EXIT_DONE;
    for (int i = 0; i < count; i++) {
        struct kw_fault fault = {0};
        if (kw_submit_add(submit, paths[i], &fault) == 0)
            continue;
        int code = kw_cli_error(paths[i], &fault);
        worst = worst == KW_EXIT_DONE ? code : worst;
    }
    return worst;
}

static int give_up(const char *endpoint, const struct kw_submit_state *state)
{
    struct kw_fault fault = {.code = state->trouble != KW_OK ? state->trouble : KW_E_NETWORK};
    snprintf(fault.message, sizeof fault.message, "%llu records have no receipt; they stay in the spool, submit again to go on",
             (unsigned long long)state->waiting);
    const int code = kw_cli_error(endpoint, &fault);
    return state->held && state->held == state->waiting ? code : KW_EXIT_UNAVAILABLE;
}

static int drain(struct kw_submit *submit, const struct report *report, int64_t patience_ms)
{
    struct kw_progress progress = {.label = "submit"};
    struct kw_submit_state state = {0};
    struct kw_fault fault = {0};
    int r;
    while ((r = kw_submit_step(submit, 200, &fault)) > 0) {
        kw_submit_state(submit, &state);
        if (!(report->as_json && state.done == 0))
            kw_progress_update(&progress, state.done, state.done + state.waiting);
        const bool refused = state.trouble != KW_OK && !kw_code_retryable(state.trouble);
        if (state.silent_ms > patience_ms || refused)
            break;
    }
    kw_progress_end(&progress);
    if (r < 0)
        return kw_cli_error("submit", &fault);
    if (r == 0)
        return KW_EXIT_DONE;
    return give_up("hub", &state);
}

static int finish(struct kw_submit *submit, struct report *report, int first_code, int64_t patience_ms)
{
    const int code = drain(submit, report, patience_ms);
    fflush(stdout);
    if (!report->as_json)
        printf("%llu records taken, %llu refused\n", (unsigned long long)report->good, (unsigned long long)report->refused);
    if (code != KW_EXIT_DONE)
        return code;
    return first_code != KW_EXIT_DONE ? first_code : report->refused ? KW_EXIT_REFUSED : KW_EXIT_DONE;
}

static bool parse_seconds(const char *text, int fallback, int64_t *ret_ms)
{
    char *end = NULL;
    const double seconds = text ? strtod(text, &end) : fallback;
    if ((text && (*end || end == text)) || !(seconds > 0 && seconds <= 86400))
        return false;
    *ret_ms = (int64_t)(seconds * 1000);
    return true;
}

int kw_cmd_submit(int argc, char **argv)
{
    const char *config = NULL, *connector = NULL, *wait = NULL;
    struct report report = {0};
    bool backfill = false;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = "the agent's configuration", .value = &config, .required = true},
        {.name = "connector", .value_name = "NAME", .help = "the files are raw documents of this connector", .value = &connector},
        {.name = "backfill", .help = "history: evaluated, but never alerts a desk in service", .flag = &backfill},
        {.name = "wait", .value_name = "SECONDS", .help = "how long the hub may be silent, 30", .value = &wait},
        {.name = "json", .help = "one JSON object for each record", .flag = &report.as_json},
        {0},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward submit --config agent.xml [--connector NAME] [--backfill] [FILE…] [--json]",
        .summary = "Puts files into a spool, signs their records and sends them. Common records (one <record>, or several in\n"
                   "<records>) unless a connector is named. What has no receipt stays in the spool: without a FILE, submit goes\n"
                   "on with that. Exit code 3 when some input was refused, 5 when the hub cannot be reached.",
        .example = "kinward submit --config agent/agent.xml births.xml\n"
                   "kinward submit --config agent/agent.xml --connector opencrvs --backfill bundle-*.json",
        .options = options,
        .least = 0,
        .most = -1,
    };
    struct kw_submit *submit = NULL;
    struct kw_fault fault = {0};
    int64_t patience_ms;
    int first, exit_code;
    if (!kw_cli_options(&usage, argc, argv, &first, &exit_code))
        return exit_code;
    if (!parse_seconds(wait, DEFAULT_WAIT_S, &patience_ms)) {
        fprintf(stderr, "kinward: --wait: not a number of seconds (usage)\n");
        return KW_EXIT_USAGE;
    }
    kw_log_threshold(KW_LOG_WARNING);
    if (kw_submit_open(config, connector, backfill, tell, &report, &submit, &fault) < 0)
        return kw_cli_error("submit", &fault);
    exit_code = add_files(submit, argc - first, argv + first);
    exit_code = finish(submit, &report, exit_code, patience_ms);
    kw_submit_close(submit);
    return exit_code;
}

/* ---- check --------------------------------------------------------------------------------- */

static void print_answer(const struct kw_check_answer *answer)
{
    if (strcmp(answer->answer, "refer") == 0)
        printf("refer: records contradict the papers; refer to trained staff, case %s\n", answer->reference);
    else if (strcmp(answer->answer, "known") == 0)
        printf("known: one person resolves, nothing contradicts\n");
    else
        printf("unknown: %s\n", answer->complete ? "no one person resolves; this says nothing against them"
                                                 : "detection did not finish in time; an alert may follow");
}

static void print_answer_json(const struct kw_check_answer *answer)
{
    struct kw_buf text = {0};
    struct kw_json_out json = {.out = &text};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "answer", answer->answer);
    if (answer->reference[0])
        kw_json_string(&json, "case", answer->reference);
    else
        kw_json_null(&json, "case");
    kw_json_boolean(&json, "complete", answer->complete);
    kw_json_integer(&json, "position", (int64_t)answer->position);
    kw_json_string(&json, "at", answer->at);
    kw_json_string(&json, "batch", answer->batch);
    kw_json_close(&json, '}');
    if (kw_json_end(&json) == 0)
        printf("%s\n", (const char *)text.data);
    kw_buf_clear(&text);
}

/* A check that the hub refuses is refused input, like a record. */
static int check_exit(const char *path, const struct kw_fault *fault)
{
    const int code = kw_cli_error(path, fault);
    const bool refused = fault->code >= KW_E_EMPTY && fault->code <= KW_E_ORIGIN;
    return refused || fault->code == KW_E_MAPPING ? KW_EXIT_REFUSED : code;
}

int kw_cmd_check(int argc, char **argv)
{
    const char *config = NULL, *wait = NULL;
    bool as_json = false;
    const struct kw_option options[] = {
        {.name = "config",
         .value_name = "FILE",
         .help = "the border service's agent configuration",
         .value = &config,
         .required = true},
        {.name = "wait", .value_name = "SECONDS", .help = "for the answer, in all, 2", .value = &wait},
        {.name = "json", .help = "one JSON object", .flag = &as_json},
        {0},
    };
    const struct kw_usage usage = {
        .synopsis = "kinward check --config agent.xml FILE [--json]",
        .summary = "Asks the hub about one document check or border crossing (a common record) and prints known, refer with a\n"
                   "case reference, or unknown. The attempt is recorded before the answer. Exit code 0 for all three answers,\n"
                   "3 when the record is refused, 4 when the answer is not signed by the hub, 5 when there is none in time.",
        .example = "kinward check --config border/agent.xml check.xml",
        .options = options,
        .least = 1,
        .most = 1,
    };
    struct kw_check_answer answer;
    struct kw_fault fault = {0};
    int64_t wait_ms;
    int first, exit_code;
    if (!kw_cli_options(&usage, argc, argv, &first, &exit_code))
        return exit_code;
    if (!parse_seconds(wait, DEFAULT_CHECK_S, &wait_ms)) {
        fprintf(stderr, "kinward: --wait: not a number of seconds (usage)\n");
        return KW_EXIT_USAGE;
    }
    kw_log_threshold(KW_LOG_WARNING);
    if (kw_agent_check(config, argv[first], (int)wait_ms, &answer, &fault) < 0)
        return check_exit(argv[first], &fault);
    if (as_json)
        print_answer_json(&answer);
    else
        print_answer(&answer);
    return KW_EXIT_DONE;
}
