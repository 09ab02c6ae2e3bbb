/* SPDX-License-Identifier: Apache-2.0 */
/* desk.c - what the commands of kinward feed share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/desk.h"
#include "sandbox/sandbox.h"

#define PREFIX_LEAST 4 /* digits of an alert's id */
#define NUMBER_MOST  7 /* digits; the list shows eight of an id, so that neither is taken for the other */

bool kw_desk_open(struct kw_desk *desk, const char *what, const char *config, bool inbox, int *ret_exit)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    *desk = (struct kw_desk){.what = what};
    int r = kw_sandbox_harden(&desk->fault); /* no core file with what an alert says */
    if (r == 0)
        r = kw_agency_load(config ? config : "agency.xml", &desk->agency, &desk->fault);
    if (r == 0)
        r = kw_file_read(desk->agency.catalogue, KW_LIMIT_CONFIG, &text, &desk->fault);
    if (r == 0)
        r = kw_xml_parse(kw_view_of(&text), KW_LIMIT_CONFIG, &desk->words, &desk->fault);
    if (r == 0 && inbox)
        r = kw_inbox_open_reader(&desk->agency, &desk->inbox, &desk->fault);
    if (r == 0 || (r == -ENOENT && desk->fault.code == KW_E_NOT_FOUND)) {
        desk->fault = (struct kw_fault){0};
        return true;
    }
    *ret_exit = kw_desk_error(desk, r);
    kw_desk_close(desk);
    return false;
}

void kw_desk_close(struct kw_desk *desk)
{
    kw_inbox_closep(&desk->inbox);
    kw_xml_freep(&desk->words);
    kw_agency_clear(&desk->agency);
}

int kw_desk_error(struct kw_desk *desk, int error)
{
    if (!desk->fault.code)
        return kw_cli_errno(desk->what, error);
    int code = kw_cli_error(desk->what, &desk->fault);
    return error == -EKEYREJECTED ? KW_EXIT_UNVERIFIED : code;
}

/* ---- looking up ------------------------------------------------------------------------------- */

struct search {
    struct kw_desk *desk;
    char prefix[2 * KW_ALERT_ID_SIZE + 1];
    uint64_t number, epoch; /* number 0: by prefix */
    uint32_t revision;      /* 0: the newest */
    struct kw_inbox_row found;
    bool any, other; /* other: of another alert */
};

static int look(void *context, const struct kw_inbox_row *row)
{
    struct search *search = context;
    char id[2 * KW_ALERT_ID_SIZE + 1];
    if (search->number) {
        if (row->number == search->number && row->epoch == search->epoch) {
            search->found = *row;
            search->any = true;
        }
        return 0;
    }
    kw_hex(id, row->alert, sizeof row->alert);
    if (strncmp(id, search->prefix, strlen(search->prefix)) != 0)
        return 0;
    if (search->any && memcmp(search->found.alert, row->alert, sizeof row->alert) != 0)
        search->other = true;
    const bool wanted =
        search->revision ? row->revision == search->revision : !search->any || row->revision >= search->found.revision;
    if (wanted) {
        search->found = *row;
        search->any = true;
    }
    return 0;
}

/* False: not of the form. */
static bool read_wanted(const char *text, struct search *search)
{
    const char *dot = strchr(text, '.');
    const size_t length = dot ? (size_t)(dot - text) : strlen(text);
    char *end = NULL;
    if (!dot && length > 0 && length <= NUMBER_MOST && strspn(text, "0123456789") == length) {
        search->number = strtoull(text, NULL, 10);
        return search->number > 0;
    }
    if (length < PREFIX_LEAST || length >= sizeof search->prefix)
        return false;
    for (size_t i = 0; i < length; i++)
        search->prefix[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] | 32 : text[i]);
    if (strspn(search->prefix, "0123456789abcdef") != length)
        return false;
    if (!dot)
        return true;
    const unsigned long revision = strtoul(dot + 1, &end, 10);
    if (!dot[1] || *end || revision < 1 || revision > UINT32_MAX || dot[1] == '-')
        return false;
    search->revision = (uint32_t)revision;
    return true;
}

int kw_desk_find(struct kw_desk *desk, const char *text, struct kw_inbox_row *ret_row)
{
    struct search search = {.desk = desk};
    struct kw_inbox_state state = {0};
    int r = 0;
    if (!read_wanted(text, &search))
        return kw_fail(&desk->fault, -EINVAL, KW_E_USAGE, "alert",
                       "must be a number of the list, or an alert's id or its beginning, perhaps with .REVISION");
    if (desk->inbox)
        r = kw_inbox_state(desk->inbox, &state, &desk->fault);
    search.epoch = state.epoch;
    if (r == 0 && desk->inbox)
        r = kw_inbox_rows(desk->inbox, look, &search, &desk->fault);
    if (r < 0)
        return r;
    if (search.other)
        return kw_fail(&desk->fault, -EINVAL, KW_E_USAGE, "alert", "several alerts begin so; give more of the id");
    if (!search.any)
        return kw_fail(&desk->fault, -ENOENT, KW_E_NOT_FOUND, "alert", "is not in this inbox");
    *ret_row = search.found;
    return 0;
}

/* ---- letters ------------------------------------------------------------------------------------ */

struct opening {
    struct kw_desk *desk;
    struct kw_letters *letters;
    bool keep;
    struct kw_progress progress;
};

static int room_for_one(struct kw_letters *letters)
{
    if (letters->count < letters->capacity)
        return 0;
    const size_t capacity = letters->capacity ? 2 * letters->capacity : 64;
    struct kw_letter *items = kw_resize(letters->items, capacity * sizeof *items);
    if (!items)
        return -ENOMEM;
    letters->items = items;
    struct kw_alert_message *messages = kw_resize(letters->messages, capacity * sizeof *messages);
    if (!messages)
        return -ENOMEM;
    letters->messages = messages;
    letters->capacity = capacity;
    return 0;
}

/* Items come in the order of their epochs: only one of an earlier epoch can be the same again. */
static size_t slot_for(const struct kw_letters *letters, const struct kw_letter *letter)
{
    for (size_t i = 0; i < letters->count && letters->items[i].epoch != letter->epoch; i++) {
        const struct kw_alert_message *message = &letters->messages[i];
        if (message->revision == letter->message.revision &&
            memcmp(message->alert, letter->message.alert, sizeof message->alert) == 0)
            return i;
    }
    return letters->count;
}

static int open_one(void *context, const struct kw_item *item)
{
    struct opening *opening = context;
    struct kw_letters *letters = opening->letters;
    struct kw_letter letter;
    struct kw_fault fault = {0};
    int r = room_for_one(letters);
    if (r == 0)
        r = kw_item_open(&opening->desk->agency, item, &letter, &fault);
    if (r == -EKEYREJECTED) { /* the others can be read all the same */
        char what[64];
        snprintf(what, sizeof what, "%s: item %llu", opening->desk->what, (unsigned long long)item->number);
        kw_cli_error(what, &fault);
        letters->refused++;
        return 0;
    }
    if (r < 0)
        return r;
    if (!opening->keep)
        kw_buf_wipe(&letter.statement);
    const size_t slot = slot_for(letters, &letter);
    if (slot < letters->count)
        kw_letter_clear(&letters->items[slot]);
    else
        letters->count++;
    letters->items[slot] = letter;
    letters->messages[slot] = letter.message;
    kw_progress_update(&opening->progress, letters->count, 0);
    return 0;
}

static int by_alert(const void *a, const void *b)
{
    const struct kw_alert_message *one = a, *other = b;
    return memcmp(one->alert, other->alert, sizeof one->alert);
}

static int sort_chains(struct kw_letters *letters)
{
    letters->chains = letters->count ? kw_alloc(letters->count * sizeof *letters->chains) : NULL;
    if (!letters->chains)
        return letters->count ? -ENOMEM : 0;
    memcpy(letters->chains, letters->messages, letters->count * sizeof *letters->chains);
    qsort(letters->chains, letters->count, sizeof *letters->chains, by_alert);
    return 0;
}

/* All messages of the alert of one. */
static const struct kw_alert_message *chain_of(const struct kw_letters *letters, size_t index, size_t *ret_count)
{
    size_t low = 0, high = letters->count, end;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (by_alert(&letters->chains[middle], &letters->messages[index]) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < letters->count && by_alert(&letters->chains[end], &letters->messages[index]) == 0; end++)
        ;
    *ret_count = end - low;
    return &letters->chains[low];
}

int kw_desk_letters(struct kw_desk *desk, const uint8_t *alert, bool keep, struct kw_letters *ret_letters)
{
    struct kw_letters letters = {0};
    struct opening opening = {.desk = desk, .letters = &letters, .keep = keep, .progress = {.label = "open"}};
    int r = desk->inbox ? kw_inbox_items(desk->inbox, alert, 0, open_one, &opening, &desk->fault) : 0;
    kw_progress_end(&opening.progress);
    if (r == 0)
        r = sort_chains(&letters);
    if (r < 0) {
        kw_letters_clear(&letters);
        return r;
    }
    *ret_letters = letters;
    return 0;
}

void kw_letters_clear(struct kw_letters *letters)
{
    for (size_t i = 0; i < letters->count; i++)
        kw_letter_clear(&letters->items[i]);
    kw_free(letters->items);
    kw_free(letters->messages);
    kw_free(letters->chains);
    *letters = (struct kw_letters){0};
}

const char *kw_letters_state(const struct kw_letters *letters, size_t index)
{
    size_t count;
    const struct kw_alert_message *chain = chain_of(letters, index, &count);
    return kw_alert_state_name(kw_alert_state_of(chain, count, &letters->messages[index], kw_clock_wall_ms()));
}

bool kw_letters_newest(const struct kw_letters *letters, size_t index)
{
    size_t count;
    const struct kw_alert_message *chain = chain_of(letters, index, &count);
    for (size_t i = 0; i < count; i++) {
        if (chain[i].revision > letters->messages[index].revision)
            return false;
    }
    return true;
}

/* ---- words ---------------------------------------------------------------------------------------- */

int kw_desk_title(const struct kw_desk *desk, const struct kw_letter *letter, struct kw_buf *ret_text)
{
    char wanted[96];
    if (letter->trouble != KW_OK)
        return kw_buf_format(ret_text, "cannot be read (%s); show --format xml has it as it came", kw_code_name(letter->trouble));
    snprintf(wanted, sizeof wanted, "rule.%s", letter->rule);
    for (const struct kw_xml_element *text = kw_xml_first(kw_xml_root(desk->words), "text"); text;
         text = kw_xml_next(text, "text")) {
        KW_AUTO(kw_buf_clear) struct kw_buf code = {0};
        int r = kw_xml_attribute(text, "code", &code);
        if (r == 0 && kw_view_is(kw_view_of(&code), wanted))
            return kw_xml_text(text, ret_text);
        if (r == -ENOMEM)
            return r;
    }
    return kw_buf_format(ret_text, "rule %s", letter->rule);
}

static void put_time(struct kw_json_out *json, const char *name, int64_t ms)
{
    char text[KW_TIME_SIZE];
    kw_time_format(ms, text);
    kw_json_string(json, name, text);
}

void kw_desk_members(const struct kw_desk *desk, const struct kw_letter *letter, struct kw_json_out *json)
{
    const struct kw_alert_message *message = &letter->message;
    kw_json_string(json, "stream", desk->agency.name);
    kw_json_integer(json, "epoch", (int64_t)letter->epoch);
    kw_json_integer(json, "number", (int64_t)letter->number);
    kw_json_hex(json, "alert", message->alert, sizeof message->alert);
    kw_json_integer(json, "revision", message->revision);
    kw_json_string(json, "type", kw_alert_type_name(message->type));
    kw_json_string(json, "hub", desk->agency.hub.name);
    put_time(json, "sent", message->sent_ms);
    put_time(json, "expires", message->expires_ms);
    kw_json_hex(json, "digest", message->digest, sizeof message->digest);
    if (letter->trouble != KW_OK) {
        kw_json_string(json, "trouble", kw_code_name(letter->trouble));
        return;
    }
    kw_json_string(json, "status", kw_alert_status_name(message->status));
    kw_json_string(json, "rule", letter->rule);
    kw_json_string(json, "tier", letter->tier);
    kw_json_string(json, "reason", letter->reason);
}
