/* SPDX-License-Identifier: Apache-2.0 */
/* inbox.c - kinward feed list and show: what an agency has received, as a desk officer reads it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/desk.h"

static const char config_help[] = "the agency's configuration (agency.xml)";

/* ---- marks: what people here said -------------------------------------------------------------- */

struct marks {
    struct note {
        struct kw_mark mark;
        char by[128], role[128], outcome[128], cause[128];
    } * items;
    size_t count, capacity;
};

static int take_mark(void *context, const struct kw_mark *mark)
{
    struct marks *marks = context;
    if (marks->count == marks->capacity) {
        const size_t capacity = marks->capacity ? 2 * marks->capacity : 64;
        struct note *items = kw_resize(marks->items, capacity * sizeof *items);
        if (!items)
            return -ENOMEM;
        marks->items = items;
        marks->capacity = capacity;
    }
    struct note *note = &marks->items[marks->count++];
    note->mark = *mark;
    snprintf(note->by, sizeof note->by, "%s", mark->by);
    snprintf(note->role, sizeof note->role, "%s", mark->role);
    snprintf(note->outcome, sizeof note->outcome, "%s", mark->outcome);
    snprintf(note->cause, sizeof note->cause, "%s", mark->cause);
    return 0;
}

static bool concerns(const struct note *note, const struct kw_letter *letter)
{
    return memcmp(note->mark.alert, letter->message.alert, sizeof note->mark.alert) == 0;
}

static bool acknowledged(const struct marks *marks, const struct kw_letter *letter)
{
    for (size_t i = 0; i < marks->count; i++) {
        if (concerns(&marks->items[i], letter) && !marks->items[i].mark.feedback &&
            marks->items[i].mark.revision == letter->message.revision)
            return true;
    }
    return false;
}

static void put_marks(const struct marks *marks, const struct kw_letter *letter, bool feedback, struct kw_json_out *json)
{
    char at[KW_TIME_SIZE];
    kw_json_array(json, feedback ? "feedback" : "acknowledgements");
    for (size_t i = 0; i < marks->count; i++) {
        const struct note *note = &marks->items[i];
        if (!concerns(note, letter) || note->mark.feedback != feedback)
            continue;
        kw_time_format(note->mark.at_ms, at);
        kw_json_object(json, NULL);
        kw_json_integer(json, "revision", note->mark.revision);
        kw_json_string(json, "at", at);
        if (note->by[0])
            kw_json_string(json, "by", note->by);
        kw_json_string(json, "role", note->role);
        if (feedback)
            kw_json_string(json, "outcome", note->outcome);
        if (note->cause[0])
            kw_json_string(json, "cause", note->cause);
        kw_json_close(json, '}');
    }
    kw_json_close(json, ']');
}

/* ---- list ----------------------------------------------------------------------------------------- */

struct listing {
    struct kw_desk desk;
    struct kw_letters letters;
    struct marks marks;
    bool all, active, as_json;
};

static int put_row(const struct listing *listing, size_t index, struct kw_buf *out)
{
    const struct kw_letter *letter = &listing->letters.items[index];
    char sent[KW_TIME_SIZE], name[KW_LETTER_NAME];
    kw_time_format(letter->message.sent_ms, sent);
    sent[10] = ' ';
    kw_letter_name(&letter->message, name);
    int r = kw_buf_format(out, "%6llu  %-11s  %.16s  %-8s  %-4s %-4s  %-10s  %-5s  ", (unsigned long long)letter->number, name,
                          sent, letter->trouble ? "-" : kw_alert_status_name(letter->message.status), letter->rule, letter->tier,
                          kw_letters_state(&listing->letters, index), acknowledged(&listing->marks, letter) ? "yes" : "no");
    if (r == 0)
        r = kw_desk_title(&listing->desk, letter, out);
    return r == 0 ? kw_buf_text(out, "\n") : r;
}

static int put_object(const struct listing *listing, size_t index, struct kw_json_out *json)
{
    KW_AUTO(kw_buf_clear) struct kw_buf title = {0};
    const struct kw_letter *letter = &listing->letters.items[index];
    int r = kw_desk_title(&listing->desk, letter, &title);
    kw_json_object(json, NULL);
    kw_desk_members(&listing->desk, letter, json);
    kw_json_string(json, "state", kw_letters_state(&listing->letters, index));
    kw_json_boolean(json, "acknowledged", acknowledged(&listing->marks, letter));
    kw_json_text(json, "title", kw_view_of(&title));
    kw_json_close(json, '}');
    return r;
}

static int put_listing(const struct listing *listing, struct kw_buf *out)
{
    struct kw_json_out json = {.out = out};
    int r = 0;
    if (listing->as_json)
        kw_json_array(&json, NULL);
    else
        r = kw_buf_text(out, "NUMBER  ALERT.REV    SENT (UTC)        STATUS    RULE TIER  STATE       TAKEN  TITLE\n");
    for (size_t i = 0; r == 0 && i < listing->letters.count; i++) {
        if (!listing->all && !kw_letters_newest(&listing->letters, i))
            continue;
        if (listing->active && strcmp(kw_letters_state(&listing->letters, i), "active") != 0)
            continue;
        r = listing->as_json ? put_object(listing, i, &json) : put_row(listing, i, out);
    }
    if (listing->as_json) {
        kw_json_close(&json, ']');
        r = r == 0 ? kw_json_end(&json) : r;
        r = r == 0 ? kw_buf_text(out, "\n") : r;
    }
    return r;
}

static int print_listing(struct listing *listing)
{
    KW_AUTO(kw_buf_clear) struct kw_buf out = {0};
    int r = kw_desk_letters(&listing->desk, NULL, false, &listing->letters);
    if (r == 0)
        r = kw_mark_each(&listing->desk.agency, take_mark, &listing->marks, &listing->desk.fault);
    if (r == 0)
        r = put_listing(listing, &out);
    if (r < 0)
        return kw_desk_error(&listing->desk, r);
    if (!kw_print_plain(&out, listing->as_json))
        return KW_EXIT_FAILED;
    return listing->letters.refused ? KW_EXIT_UNVERIFIED : KW_EXIT_DONE;
}

int kw_feed_list(int argc, char **argv)
{
    struct listing listing = {0};
    const char *config = NULL;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = config_help, .value = &config},
        {.name = "all", .help = "every revision, not only the newest of each alert", .flag = &listing.all},
        {.name = "active", .help = "only what stands: not cancelled, expired or superseded", .flag = &listing.active},
        {.name = "json", .help = "as a JSON array", .flag = &listing.as_json},
        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward feed list [--all] [--active] [--config agency.xml] [--json]",
        .summary = "Lists the alerts of the inbox, in the order in which they came. TAKEN says whether a person here has\n"
                   "acknowledged that revision. Asks nobody: what the hub has is fetched with feed fetch or feed follow.",
        .example = "kinward feed list --config agency/agency.xml --active",
        .options = options};
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code) || !kw_desk_open(&listing.desk, "feed list", config, true, &code))
        return code;
    code = print_listing(&listing);
    kw_letters_clear(&listing.letters);
    kw_free(listing.marks.items);
    kw_desk_close(&listing.desk);
    return code;
}

/* ---- show -------------------------------------------------------------------------------------------- */

struct showing {
    struct kw_desk desk;
    struct kw_letters letters;
    struct marks marks;
    size_t index; /* of the one to show */
    const char *out;
};

static const struct kw_letter *shown(const struct showing *showing)
{
    return &showing->letters.items[showing->index];
}

/* What became of it comes before what it says. */
static int put_standing(const struct showing *showing, struct kw_buf *text)
{
    const char *state = kw_letters_state(&showing->letters, showing->index);
    const struct kw_letter *newest = shown(showing);
    char name[KW_LETTER_NAME];
    for (size_t i = 0; i < showing->letters.count; i++) {
        if (kw_letters_newest(&showing->letters, i))
            newest = &showing->letters.items[i];
    }
    kw_letter_name(&newest->message, name);
    if (strcmp(state, "active") == 0)
        return 0;
    if (newest != shown(showing))
        return kw_buf_format(text, "*** %s: a later revision stands, show %s ***\n\n",
                             strcmp(state, "cancelled") == 0 ? "CANCELLED" : "SUPERSEDED", name);
    return strcmp(state, "expired") == 0 ? kw_buf_text(text, "*** EXPIRED: it stands no longer ***\n\n") : 0;
}

static int put_here(const struct showing *showing, struct kw_buf *text)
{
    const struct kw_letter *letter = shown(showing);
    char at[KW_TIME_SIZE];
    kw_time_format(letter->received_ms, at);
    int r = kw_buf_format(text, "\nHERE\nItem %llu of epoch %llu, received %s, signature verified; state: %s\n",
                          (unsigned long long)letter->number, (unsigned long long)letter->epoch, at,
                          kw_letters_state(&showing->letters, showing->index));
    for (size_t i = 0; r == 0 && i < showing->marks.count; i++) {
        const struct note *note = &showing->marks.items[i];
        if (!concerns(note, letter))
            continue;
        kw_time_format(note->mark.at_ms, at);
        if (note->mark.feedback)
            r = kw_buf_format(text, "Feedback on revision %u at %s, by role %s: %s %s\n", note->mark.revision, at, note->role,
                              note->outcome, note->cause);
        else
            r = kw_buf_format(text, "Revision %u acknowledged at %s by %s, role %s\n", note->mark.revision, at, note->by,
                              note->role);
    }
    return r;
}

static int put_text(struct showing *showing, struct kw_buf *text)
{
    struct kw_fault *fault = &showing->desk.fault;
    int r = put_standing(showing, text);
    if (r == 0)
        r = kw_alert_render(kw_view_of(&shown(showing)->statement), showing->desk.agency.catalogue, text, fault);
    if (r < 0 && fault->code) {
        struct kw_fault why = *fault;
        return kw_fail(fault, r, why.code, why.place, "%.160s; --format xml shows it as it came", why.message);
    }
    return r == 0 ? put_here(showing, text) : r;
}

static int put_json(const struct showing *showing, struct kw_buf *text)
{
    KW_AUTO(kw_buf_clear) struct kw_buf title = {0};
    struct kw_json_out json = {.out = text};
    const struct kw_letter *letter = shown(showing);
    char at[KW_TIME_SIZE];
    int r = kw_desk_title(&showing->desk, letter, &title);
    kw_time_format(letter->received_ms, at);
    kw_json_object(&json, NULL);
    kw_desk_members(&showing->desk, letter, &json);
    kw_json_text(&json, "title", kw_view_of(&title));
    kw_json_string(&json, "state", kw_letters_state(&showing->letters, showing->index));
    kw_json_string(&json, "received", at);
    put_marks(&showing->marks, letter, false, &json);
    put_marks(&showing->marks, letter, true, &json);
    kw_json_text(&json, "statement", kw_view_of(&letter->statement));
    kw_json_close(&json, '}');
    r = r == 0 ? kw_json_end(&json) : r;
    return r == 0 ? kw_buf_text(text, "\n") : r;
}

static int print_shown(struct showing *showing, const char *format)
{
    KW_AUTO(kw_buf_wipe) struct kw_buf text = {0};
    const struct kw_buf *statement = &shown(showing)->statement;
    const bool xml = strcmp(format, "xml") == 0, as_json = strcmp(format, "json") == 0;
    int r = xml       ? kw_buf_append(&text, statement->data, statement->size)
            : as_json ? put_json(showing, &text)
                      : put_text(showing, &text);
    if (r == 0 && showing->out)
        r = kw_file_replace(showing->out, kw_view_of(&text), 0600, &showing->desk.fault);
    if (r < 0)
        return kw_desk_error(&showing->desk, r);
    if (showing->out)
        return KW_EXIT_DONE;
    /* the very bytes, so that a proof of them verifies; a terminal is no place for that */
    if (xml && !isatty(STDOUT_FILENO))
        return fwrite(text.data, 1, text.size, stdout) == text.size && fflush(stdout) == 0 ? KW_EXIT_DONE : KW_EXIT_FAILED;
    bool printed = kw_print_plain(&text, as_json);
    if (xml)
        putchar('\n');
    return printed ? KW_EXIT_DONE : KW_EXIT_FAILED;
}

static int find_shown(struct showing *showing, const char *wanted)
{
    struct kw_fault *fault = &showing->desk.fault;
    struct kw_inbox_row row;
    int r = kw_desk_find(&showing->desk, wanted, &row);
    if (r == 0)
        r = kw_desk_letters(&showing->desk, row.alert, true, &showing->letters);
    if (r == 0)
        r = kw_mark_each(&showing->desk.agency, take_mark, &showing->marks, fault);
    if (r < 0)
        return r;
    while (showing->index < showing->letters.count && showing->letters.messages[showing->index].revision != row.revision)
        showing->index++;
    if (showing->index == showing->letters.count)
        return kw_fail(fault, -EKEYREJECTED, KW_E_DECRYPT, "alert", "does not open");
    return 0;
}

int kw_feed_show(int argc, char **argv)
{
    struct showing showing = {0};
    const char *config = NULL, *format = "text";
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = config_help, .value = &config},
        {.name = "format", .value_name = "FORMAT", .help = "text, json or xml (the statement's own bytes)", .value = &format},
        {.name = "out", .value_name = "FILE", .help = "into a file that only its owner may read", .value = &showing.out},
        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward feed show ALERT[.REVISION] | NUMBER [--format text|json|xml] [--out FILE] [--config agency.xml]",
        .summary = "Shows one alert in full, after verifying it anew. ALERT is an id or its beginning; without a revision the\n"
                   "newest one is shown. A NUMBER is of the stream's present epoch.",
        .example = "kinward feed show 1f2e3d4c --config agency/agency.xml\n"
                   "kinward feed show 1f2e3d4c.1 --format xml --out statement.xml    for kinward verify --record",
        .options = options,
        .least = 1,
        .most = 1};
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0 && strcmp(format, "xml") != 0) {
        fprintf(stderr, "kinward: --format: there are text, json and xml (usage)\n");
        return KW_EXIT_USAGE;
    }
    if (!kw_desk_open(&showing.desk, "feed show", config, true, &code))
        return code;
    int r = find_shown(&showing, argv[first]);
    code = r < 0 ? kw_desk_error(&showing.desk, r) : print_shown(&showing, format);
    kw_letters_clear(&showing.letters);
    kw_free(showing.marks.items);
    kw_desk_close(&showing.desk);
    return code;
}
