/* SPDX-License-Identifier: Apache-2.0 */
/* acts.c - kinward feed ack, feedback and proof: what an agency asks and tells the hub about one alert. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "cli/desk.h"
#include "ledger/ledger.h"

#define ANSWER_MS 15000

static const char config_help[] = "the agency's configuration (agency.xml)";

struct act {
    struct kw_desk desk;
    struct kw_inbox_row row;
    struct kw_message answer;
    const char *config, *by, *role, *outcome, *cause;
};

/* References and codes, not names or sentences: the hub takes no others. */
static bool check_token(const char *option, const char *text)
{
    if (!text)
        return true;
    const size_t size = strlen(text);
    bool fits = size >= 1 && size <= 64;
    for (size_t i = 0; fits && i < size; i++)
        fits = text[i] > ' ' && text[i] <= '~';
    if (!fits)
        fprintf(stderr, "kinward: --%s: must be a reference or code of 1 to 64 characters without blanks, no name (usage)\n",
                option);
    return fits;
}

static int ask(struct act *act, const char *verb)
{
    KW_AUTO(kw_buf_clear) struct kw_buf header = {0};
    struct kw_json_out json = {.out = &header};
    const char *const members[][2] = {{"by", act->by}, {"role", act->role}, {"outcome", act->outcome}, {"cause", act->cause}};
    kw_json_object(&json, NULL);
    kw_json_hex(&json, "alert", act->row.alert, sizeof act->row.alert);
    kw_json_integer(&json, "revision", act->row.revision);
    for (size_t i = 0; i < KW_COUNT(members); i++) {
        if (members[i][1])
            kw_json_string(&json, members[i][0], members[i][1]);
    }
    kw_json_close(&json, '}');
    int r = kw_json_end(&json);
    if (r == 0)
        r = kw_agency_ask(&act->desk.agency, verb, kw_view_of(&header), ANSWER_MS, &act->answer, &act->desk.fault);
    return r;
}

static const char *or_nothing(const char *text)
{
    return text ? text : "";
}

static int say(struct act *act, const char *what, const char *alert, bool feedback)
{
    struct kw_alert_message message = {0};
    char name[KW_LETTER_NAME];
    int code;
    if (!kw_desk_open(&act->desk, what, act->config, true, &code))
        return code;
    int r = kw_desk_find(&act->desk, alert, &act->row);
    if (r == 0)
        r = ask(act, feedback ? "FEEDBACK" : "ACKNOWLEDGE");
    if (r == 0) {
        struct kw_mark mark = {.revision = act->row.revision,
                               .feedback = feedback,
                               .at_ms = kw_clock_wall_ms(),
                               .by = or_nothing(act->by),
                               .role = or_nothing(act->role),
                               .outcome = or_nothing(act->outcome),
                               .cause = or_nothing(act->cause)};
        memcpy(mark.alert, act->row.alert, sizeof mark.alert);
        r = kw_mark_add(&act->desk.agency, &mark, &act->desk.fault);
    }
    memcpy(message.alert, act->row.alert, sizeof message.alert);
    message.revision = act->row.revision;
    kw_letter_name(&message, name);
    if (r == 0)
        printf("%s: the hub has %s\n", name, feedback ? act->outcome : "noted that it is taken");
    code = r < 0 ? kw_desk_error(&act->desk, r) : KW_EXIT_DONE;
    kw_message_clear(&act->answer);
    kw_desk_close(&act->desk);
    return code;
}

int kw_feed_ack(int argc, char **argv)
{
    struct act act = {0};
    const struct kw_option options[] = {
        {.name = "by", .value_name = "REF", .help = "staff reference of who takes it, no name", .value = &act.by, .required = true},
        {.name = "role", .value_name = "ROLE", .help = "in which role, such as duty-officer", .value = &act.role, .required = true},
        {.name = "config", .value_name = "FILE", .help = config_help, .value = &act.config},
        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward feed ack ALERT[.REVISION] | NUMBER --by REF --role ROLE [--config agency.xml]",
        .summary = "Tells the hub that a person has taken an alert, the newest revision unless one is given. It is in the hub's\n"
                   "journal when the command ends with 0.",
        .example = "kinward feed ack 1f2e3d4c --by D-117 --role duty-officer --config agency/agency.xml",
        .options = options,
        .least = 1,
        .most = 1};
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    if (!check_token("by", act.by) || !check_token("role", act.role))
        return KW_EXIT_USAGE;
    return say(&act, "feed ack", argv[first], false);
}

static bool check_outcome(const struct act *act)
{
    static const char *const outcomes[] = {"confirmed-risk", "false-positive", "inconclusive",
                                           "duplicate",      "child-safe",     "data-corrected"};
    bool known = false;
    for (size_t i = 0; i < KW_COUNT(outcomes); i++)
        known |= strcmp(act->outcome, outcomes[i]) == 0;
    if (!known)
        fprintf(stderr, "kinward: --outcome: there are confirmed-risk, false-positive, inconclusive, duplicate, child-safe and "
                        "data-corrected (usage)\n");
    else if (strcmp(act->outcome, "false-positive") == 0 && !act->cause)
        fprintf(stderr, "kinward: --cause: is needed with false-positive: the innocent cause's code (usage)\n");
    else
        return true;
    return false;
}

int kw_feed_tell(int argc, char **argv)
{
    struct act act = {0};
    const struct kw_option options[] = {
        {.name = "outcome",
         .value_name = "CODE",
         .help = "confirmed-risk, false-positive, inconclusive, duplicate, child-safe, data-corrected",
         .value = &act.outcome,
         .required = true},
        {.name = "cause",
         .value_name = "CODE",
         .help = "with false-positive: the innocent cause, such as namesake",
         .value = &act.cause},
        {.name = "role", .value_name = "ROLE", .help = "who says so, by role", .value = &act.role, .required = true},
        {.name = "config", .value_name = "FILE", .help = config_help, .value = &act.config},
        {0}};
    const struct kw_usage usage = {
        .synopsis =
            "kinward feed feedback ALERT[.REVISION] | NUMBER --outcome CODE [--cause CODE] --role ROLE [--config agency.xml]",
        .summary = "Tells the hub what became of an alert. It is in the hub's journal when the command ends with 0.",
        .example = "kinward feed feedback 1f2e3d4c --outcome false-positive --cause namesake --role investigator",
        .options = options,
        .least = 1,
        .most = 1};
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    if (!check_outcome(&act) || !check_token("cause", act.cause) || !check_token("role", act.role))
        return KW_EXIT_USAGE;
    return say(&act, "feed feedback", argv[first], true);
}

/* ---- proof ------------------------------------------------------------------------------------------ */

struct outputs {
    const char *proof, *statement, *leaf;
};

static int write_leaf(struct act *act, const char *path, struct kw_view text)
{
    struct kw_proof proof = {0};
    struct kw_fault *fault = &act->desk.fault;
    int r = kw_proof_parse(text, &proof, fault);
    if (r == 0 && !proof.has_record)
        r = kw_fail(fault, -EBADMSG, KW_E_PROOF, "proof", "has no leaf");
    if (r == 0)
        r = kw_file_replace(path, (struct kw_view){proof.leaf, sizeof proof.leaf}, 0644, fault);
    kw_proof_clear(&proof);
    return r;
}

static int write_statement(struct act *act, const char *path)
{
    struct kw_letters letters = {0};
    int r = kw_desk_letters(&act->desk, act->row.alert, true, &letters);
    if (r < 0)
        return r;
    r = kw_fail(&act->desk.fault, -EKEYREJECTED, KW_E_DECRYPT, "alert", "does not open");
    for (size_t i = 0; i < letters.count; i++) {
        if (letters.messages[i].revision == act->row.revision)
            r = kw_file_replace(path, kw_view_of(&letters.items[i].statement), 0600, &act->desk.fault);
    }
    kw_letters_clear(&letters);
    return r;
}

static int write_outputs(struct act *act, const struct outputs *outputs)
{
    struct kw_view rest = kw_view_of(&act->answer.payload), text;
    int r = kw_take_item(&rest, &text);
    if (r < 0 || text.size > KW_LIMIT_PROOF)
        return kw_fail(&act->desk.fault, -EBADMSG, KW_E_FRAMES, "hub", "the answer is not one proof");
    if (outputs->leaf)
        r = write_leaf(act, outputs->leaf, text);
    if (r == 0 && outputs->statement)
        r = write_statement(act, outputs->statement);
    if (r == 0 && outputs->proof)
        r = kw_file_replace(outputs->proof, text, 0644, &act->desk.fault);
    else if (r == 0) {
        KW_AUTO(kw_buf_clear) struct kw_buf copy = {0};
        r = kw_buf_append(&copy, text.data, text.size);
        if (r == 0 && !kw_print_plain(&copy, false))
            r = -EIO;
    }
    return r;
}

int kw_feed_prove(int argc, char **argv)
{
    struct act act = {0};
    struct outputs outputs = {0};
    const struct kw_option options[] = {
        {.name = "out", .value_name = "FILE", .help = "the proof into a file", .value = &outputs.proof},
        {.name = "statement", .value_name = "FILE", .help = "and the statement that it is of", .value = &outputs.statement},
        {.name = "leaf", .value_name = "FILE", .help = "and the log entry that it leads through", .value = &outputs.leaf},
        {.name = "config", .value_name = "FILE", .help = config_help, .value = &act.config},
        {0}};
    const struct kw_usage usage = {
        .synopsis =
            "kinward feed proof ALERT[.REVISION] | NUMBER [--out FILE] [--statement FILE] [--leaf FILE] [--config agency.xml]",
        .summary = "Gets the proof that an alert's revision stands in the hub's ledger, for kinward verify. Exit code 6 while\n"
                   "cosignatures are awaited.",
        .example = "kinward feed proof 1f2e3d4c.1 --out alert.tlog-proof --statement alert.xml\n"
                   "kinward verify alert.tlog-proof --record alert.xml --policy policy    offline, without the hub",
        .options = options,
        .least = 1,
        .most = 1};
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code) || !kw_desk_open(&act.desk, "feed proof", act.config, true, &code))
        return code;
    int r = kw_desk_find(&act.desk, argv[first], &act.row);
    if (r == 0)
        r = ask(&act, "PROOF");
    if (r == 0)
        r = write_outputs(&act, &outputs);
    code = r < 0 ? kw_desk_error(&act.desk, r) : KW_EXIT_DONE;
    kw_message_clear(&act.answer);
    kw_desk_close(&act.desk);
    return code;
}
