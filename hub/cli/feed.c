/* SPDX-License-Identifier: Apache-2.0 */
/* feed.c - kinward feed: an agency's alerts. Here fetch, follow and status; the others are in inbox.c and acts.c. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/desk.h"

#define DEFAULT_WAIT_S 30
#define STATUS_WAIT_MS 5000

static const char config_help[] = "the agency's configuration (agency.xml)";

struct stream { /* what a running client prints */
    struct kw_desk *desk;
    bool as_json;
    uint64_t told;
};

/* One line for each letter, out at once: whoever reads a pipe waits for it. */
static int print_letter(void *context, const struct kw_letter *letter)
{
    struct stream *stream = context;
    KW_AUTO(kw_buf_clear) struct kw_buf line = {0};
    const struct kw_alert_message *message = &letter->message;
    char name[KW_LETTER_NAME], sent[KW_TIME_SIZE];
    int r;
    if (stream->as_json) {
        struct kw_json_out json = {.out = &line};
        kw_json_object(&json, NULL);
        kw_desk_members(stream->desk, letter, &json);
        kw_json_close(&json, '}');
        r = kw_json_end(&json);
    } else {
        kw_letter_name(message, name);
        kw_time_format(message->sent_ms, sent);
        r = kw_buf_format(&line, "%llu %s %s %s ", (unsigned long long)letter->number, sent, kw_alert_type_name(message->type),
                          name);
        if (r == 0 && letter->trouble == KW_OK)
            r = kw_buf_format(&line, "%s %s %s: ", kw_alert_status_name(message->status), letter->rule, letter->tier);
        if (r == 0)
            r = kw_desk_title(stream->desk, letter, &line);
    }
    if (r == 0)
        r = kw_buf_text(&line, "\n");
    stream->told++;
    if (r == 0 && !kw_print_plain(&line, stream->as_json))
        r = kw_fail(&stream->desk->fault, -EPIPE, KW_E_FILE, "output", "cannot be written; the alerts are in the inbox");
    return r;
}

/* ---- fetch ------------------------------------------------------------------------------------- */

static bool complete(const struct kw_feed_client_state *state)
{
    return state->up && state->last == state->hub_last && state->confirmed == state->last;
}

static int give_up(struct kw_desk *desk, const struct kw_feed_client_state *state)
{
    if (state->up)
        kw_fail(&desk->fault, -ETIMEDOUT, KW_E_TIMEOUT, "hub", "stopped at item %llu of %llu; what came is stored, fetch again",
                (unsigned long long)state->last, (unsigned long long)state->hub_last);
    else
        kw_fail(&desk->fault, -ETIMEDOUT, KW_E_NETWORK, desk->agency.endpoint,
                "the hub cannot be reached, or does not know this agency's key");
    return kw_desk_error(desk, -ETIMEDOUT);
}

static int run_fetch(struct kw_desk *desk, struct kw_feed_client *client, bool draw, int64_t patience_ms)
{
    struct kw_progress progress = {.label = "fetch"};
    struct kw_feed_client_state state = {0}, before = {0};
    int64_t moved_ms = kw_clock_monotonic_ms();
    int r = 0;
    kw_feed_client_state(client, &before);
    const uint64_t first = before.last;
    while (!complete(&state)) {
        r = kw_feed_client_step(client, 200, -1, &desk->fault);
        if (r < 0)
            break;
        kw_feed_client_state(client, &state);
        if (draw && state.hub_last > first)
            kw_progress_update(&progress, state.last - first, state.hub_last - first);
        if (state.last != before.last || state.confirmed != before.confirmed || state.up != before.up)
            moved_ms = kw_clock_monotonic_ms();
        before = state;
        if (kw_clock_monotonic_ms() - moved_ms > patience_ms)
            break;
    }
    kw_progress_end(&progress);
    if (r < 0)
        return kw_desk_error(desk, r);
    return complete(&state) ? KW_EXIT_DONE : give_up(desk, &state);
}

static bool parse_seconds(const char *text, int64_t *ret_ms)
{
    char *end = NULL;
    const double seconds = text ? strtod(text, &end) : DEFAULT_WAIT_S;
    if ((text && (*end || end == text)) || !(seconds > 0 && seconds <= 86400)) {
        fprintf(stderr, "kinward: --wait: not a number of seconds (usage)\n");
        return false;
    }
    *ret_ms = (int64_t)(seconds * 1000);
    return true;
}

static int fetch(int argc, char **argv)
{
    const char *config = NULL, *wait = NULL;
    struct kw_desk desk;
    struct stream stream = {.desk = &desk};
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = config_help, .value = &config},
        {.name = "wait", .value_name = "SECONDS", .help = "how long nothing may move, 30", .value = &wait},
        {.name = "json", .help = "one JSON object for each alert", .flag = &stream.as_json},
        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward feed fetch [--config agency.xml] [--wait SECONDS] [--json]",
        .summary = "Fetches the alerts that there are, stores each durably, confirms it to the hub and prints a line for it. Exit\n"
                   "code 4 when an item cannot be verified: nothing from it on is stored or confirmed; 5 when the hub cannot be\n"
                   "reached.",
        .example = "kinward feed fetch --config agency/agency.xml",
        .options = options};
    struct kw_feed_client *client = NULL;
    int64_t patience_ms;
    int first, code, r;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    if (!parse_seconds(wait, &patience_ms))
        return KW_EXIT_USAGE;
    if (!kw_desk_open(&desk, "feed fetch", config, false, &code))
        return code;
    kw_log_threshold(KW_LOG_WARNING);
    r = kw_feed_client_open(&desk.agency, print_letter, &stream, &client, &desk.fault);
    code = r < 0 ? kw_desk_error(&desk, r) : run_fetch(&desk, client, !isatty(STDOUT_FILENO), patience_ms);
    if (code == KW_EXIT_DONE && !stream.as_json)
        printf("%llu new\n", (unsigned long long)stream.told);
    kw_feed_client_close(client);
    kw_desk_close(&desk);
    return code;
}

/* ---- follow ------------------------------------------------------------------------------------ */

static int stop_signals(struct kw_fault *fault)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    int fd = sigprocmask(SIG_BLOCK, &signals, NULL) < 0 ? -1 : signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? kw_fail(fault, -errno, KW_E_INTERNAL, "signals", "%s", strerror(errno)) : fd;
}

static int print_stored(void *context, const struct kw_item *item)
{
    struct stream *stream = context;
    struct kw_letter letter = {0};
    int r = kw_item_open(&stream->desk->agency, item, &letter, &stream->desk->fault);
    if (r == 0)
        r = print_letter(stream, &letter);
    kw_letter_clear(&letter);
    return r;
}

/* What the inbox has from a number on: for a reader that keeps its own place. The client is open, so nobody adds to it. */
static int replay(struct stream *stream, uint64_t from)
{
    struct kw_desk *desk = stream->desk;
    int r = kw_inbox_open_reader(&desk->agency, &desk->inbox, &desk->fault);
    if (r == 0)
        r = kw_inbox_items(desk->inbox, NULL, from, print_stored, stream, &desk->fault);
    kw_inbox_closep(&desk->inbox);
    return r;
}

static int run_follow(struct kw_desk *desk, struct kw_feed_client *client, int signals)
{
    struct signalfd_siginfo signal;
    for (;;) {
        int r = kw_feed_client_step(client, 1000, signals, &desk->fault);
        if (r == -ENOSPC) { /* what came was not confirmed, and comes again when there is space */
            kw_log(KW_LOG_ERROR, "feed", "inbox.full", "place=%s", desk->fault.place);
            desk->fault = (struct kw_fault){0};
        } else if (r < 0) {
            return kw_desk_error(desk, r);
        }
        if (read(signals, &signal, sizeof signal) == (ssize_t)sizeof signal)
            return KW_EXIT_DONE;
    }
}

static int start_follow(struct stream *stream, uint64_t from)
{
    struct kw_desk *desk = stream->desk;
    struct kw_feed_client *client = NULL;
    KW_AUTO(kw_closep) int signals = stop_signals(&desk->fault);
    int r = signals < 0 ? signals : kw_feed_client_open(&desk->agency, print_letter, stream, &client, &desk->fault);
    if (r == 0 && from)
        r = replay(stream, from);
    int code = r < 0 ? kw_desk_error(desk, r) : run_follow(desk, client, signals);
    kw_feed_client_close(client);
    return code;
}

static int follow(int argc, char **argv)
{
    const char *config = NULL, *from = NULL;
    struct kw_desk desk;
    struct stream stream = {.desk = &desk};
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = config_help, .value = &config},
        {.name = "from", .value_name = "NUMBER", .help = "first what the inbox has from this number on", .value = &from},
        {.name = "json", .help = "one JSON object a line for each alert", .flag = &stream.as_json},
        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward feed follow [--config agency.xml] [--from NUMBER] [--json]",
        .summary = "Stays on the line and prints a line for each alert as it arrives, after it is stored durably. Connects again\n"
                   "for ever; ends on SIGTERM or SIGINT. Exit code 4 when an item cannot be verified: nothing from it on is\n"
                   "stored or confirmed.",
        .example = "kinward feed follow --config agency/agency.xml --json\n"
                   "kinward feed follow --config agency/agency.xml --json --from 118    a program that has seen up to 117",
        .options = options};
    char *end = NULL;
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    const uint64_t number = from ? strtoull(from, &end, 10) : 0;
    if (from && (number < 1 || number > INT64_MAX || *end || from[0] == '-')) {
        fprintf(stderr, "kinward: --from: must be a number from 1 (usage)\n");
        return KW_EXIT_USAGE;
    }
    if (!kw_desk_open(&desk, "feed follow", config, false, &code))
        return code;
    code = start_follow(&stream, number);
    kw_desk_close(&desk);
    return code;
}

/* ---- status ------------------------------------------------------------------------------------- */

struct there { /* what the hub says */
    bool known;
    int64_t epoch, last, received;
};

static int ask_hub(struct kw_desk *desk, struct there *there)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_message answer = {0};
    struct kw_fault *fault = &desk->fault;
    int r = kw_agency_ask(&desk->agency, "STREAMS", kw_view_text("{}"), STATUS_WAIT_MS, &answer, fault);
    if (r == 0)
        r = kw_json_parse(kw_view_of(&answer.header), &header, fault);
    const struct kw_json *streams = r == 0 ? kw_json_member(header, "streams") : NULL;
    for (size_t i = 0; r == 0 && i < kw_json_count(streams); i++) {
        const struct kw_json *stream = kw_json_at(streams, i);
        if (!kw_view_is(kw_json_text_of(kw_json_member(stream, "stream")), desk->agency.name))
            continue;
        r = kw_json_get_integer(stream, "epoch", 0, INT64_MAX, &there->epoch, fault);
        if (r == 0)
            r = kw_json_get_integer(stream, "last", 0, INT64_MAX, &there->last, fault);
        if (r == 0)
            r = kw_json_get_integer(stream, "received", 0, INT64_MAX, &there->received, fault);
        there->known = r == 0;
    }
    kw_message_clear(&answer);
    if (r == 0 && !there->known)
        r = kw_fail(fault, -ENOENT, KW_E_STREAM, "stream", "the hub has none of the name in agency.xml for this agency's key");
    return r;
}

static void print_status(const struct kw_desk *desk, const struct kw_inbox_state *here, const struct there *there)
{
    printf("stream     %s\nhub        %s at %s\n", desk->agency.name, desk->agency.hub.name, desk->agency.endpoint);
    printf("line       %s\nepoch      %llu\n", there->known ? "up" : "down", (unsigned long long)here->epoch);
    printf("last here  %llu\n", (unsigned long long)here->last);
    if (here->older)
        printf("older      %llu, of earlier epochs\n", (unsigned long long)here->older);
    if (there->known && (uint64_t)there->epoch != here->epoch)
        printf("epoch now  %lld at the hub: fetch\n", (long long)there->epoch);
    if (there->known)
        printf("last there %lld\n", (long long)there->last);
    printf("confirmed  %llu\n", there->known ? (unsigned long long)there->received : (unsigned long long)here->confirmed);
}

static int print_status_json(const struct kw_desk *desk, const struct kw_inbox_state *here, const struct there *there)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_json_out json = {.out = &text};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "stream", desk->agency.name);
    kw_json_string(&json, "hub", desk->agency.hub.name);
    kw_json_string(&json, "endpoint", desk->agency.endpoint);
    kw_json_string(&json, "line", there->known ? "up" : "down");
    kw_json_integer(&json, "epoch", (int64_t)here->epoch);
    kw_json_integer(&json, "last", (int64_t)here->last);
    kw_json_integer(&json, "older", (int64_t)here->older);
    kw_json_integer(&json, "confirmed", there->known ? there->received : (int64_t)here->confirmed);
    if (there->known) {
        kw_json_integer(&json, "hub_epoch", there->epoch);
        kw_json_integer(&json, "hub_last", there->last);
    }
    kw_json_close(&json, '}');
    int r = kw_json_end(&json);
    if (r == 0)
        printf("%s\n", (const char *)text.data);
    return r;
}

static int status(int argc, char **argv)
{
    const char *config = NULL;
    bool as_json = false;
    const struct kw_option options[] = {{.name = "config", .value_name = "FILE", .help = config_help, .value = &config},
                                        {.name = "json", .help = "as JSON", .flag = &as_json},
                                        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward feed status [--config agency.xml] [--json]",
        .summary = "What is here, what is at the hub, and what was confirmed to it. Exit code 5 when the hub cannot be reached.",
        .example = "kinward feed status --config agency/agency.xml",
        .options = options};
    struct kw_inbox_state here = {0};
    struct there there = {0};
    struct kw_desk desk;
    int first, code = KW_EXIT_DONE;
    if (!kw_cli_options(&usage, argc, argv, &first, &code) || !kw_desk_open(&desk, "feed status", config, true, &code))
        return code;
    int r = desk.inbox ? kw_inbox_state(desk.inbox, &here, &desk.fault) : 0;
    if (r == 0) {
        r = ask_hub(&desk, &there);
        if (as_json)
            r = r < 0 ? (void)!print_status_json(&desk, &here, &there), r : print_status_json(&desk, &here, &there);
        else
            print_status(&desk, &here, &there);
    }
    code = r < 0 ? kw_desk_error(&desk, r) : KW_EXIT_DONE;
    kw_desk_close(&desk);
    return code;
}

int kw_cmd_feed(int argc, char **argv)
{
    static const struct kw_command commands[] = {{"fetch", fetch, "get the alerts that there are, and confirm them"},
                                                 {"follow", follow, "stay on the line; a line for each alert as it arrives"},
                                                 {"list", kw_feed_list, "the alerts of the inbox and how they stand"},
                                                 {"show", kw_feed_show, "one alert in full"},
                                                 {"ack", kw_feed_ack, "tell the hub that a person has taken an alert"},
                                                 {"feedback", kw_feed_tell, "tell the hub what became of an alert"},
                                                 {"proof", kw_feed_prove, "the proof that an alert stands in the hub's ledger"},
                                                 {"status", status, "what is here, at the hub, and confirmed"},
                                                 {0}};
    return kw_cli_group("kinward feed", commands, argc, argv);
}
