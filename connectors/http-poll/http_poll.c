/* SPDX-License-Identifier: Apache-2.0 */
/* http_poll.c - the connector for a JSON API with pages: plugged in by configuration and a stylesheet, without code. */
#include <stdlib.h>
#include <string.h>

#include "http_poll.h"

/* One page, one item, or the end of a page; IDLE after the last one. */
static kinward_verdict step(struct http_poll *self, uint32_t *emitted)
{
    const struct kinward_host *host = self->host;
    if (!self->root)
        return page_fetch(self);
    if (self->index < self->count) {
        kinward_verdict verdict = item_take(self, host->json_at(host->instance, self->items, self->index), emitted);
        self->index += verdict == KINWARD_OK;
        return verdict;
    }
    const bool more = page_advance(self);
    page_free(self);
    if (more)
        return place_save(self);
    self->next_round_ms = host->elapsed_ms(host->instance) + self->settings->poll;
    kinward_verdict verdict = round_end(self);
    return verdict == KINWARD_OK ? KINWARD_IDLE : verdict;
}

static kinward_verdict pull(void *argument, uint32_t credit, uint32_t wait_ms)
{
    struct http_poll *self = argument;
    const struct kinward_host *host = self->host;
    uint32_t emitted = 0;
    int64_t left = self->next_round_ms - host->elapsed_ms(host->instance);
    kinward_verdict verdict = KINWARD_OK;
    if (left > 0) {
        (void)host->pause(host->instance, left < wait_ms ? (uint32_t)left : wait_ms);
        return KINWARD_IDLE;
    }
    while (verdict == KINWARD_OK && emitted < credit)
        verdict = step(self, &emitted);
    return verdict == KINWARD_IDLE && emitted ? KINWARD_OK : verdict;
}

/* ---- life ---------------------------------------------------------------------------------- */

static bool choose(const char *text, const char *const *names, int count, int *ret_index)
{
    for (*ret_index = 0; *ret_index < count; (*ret_index)++)
        if (!strcmp(names[*ret_index], text))
            return true;
    return false;
}

static bool is_path(const char *text)
{
    return !text || !*text || *text == '/';
}

static kinward_verdict check(struct http_poll *self)
{
    static const char *const pagings[] = {"none", "page", "offset", "next", "cursor"};
    static const char *const formats[] = {"instant", "seconds", "milliseconds", "day"};
    const struct settings *settings = self->settings;
    const struct kinward_host *host = self->host;
    int paging, format;
    if (!choose(settings->paging, pagings, PAGINGS, &paging))
        return host->fail(host->instance, KINWARD_BROKEN, "option paging: wanted none, page, offset, next or cursor");
    if (!choose(settings->since_format, formats, SINCE_FORMATS, &format))
        return host->fail(host->instance, KINWARD_BROKEN, "option since-format: wanted instant, seconds, milliseconds or day");
    self->paging = (enum paging)paging;
    self->since_format = (enum since_format)format;
    if (paging != PAGING_NONE && paging != PAGING_NEXT && !settings->page_parameter)
        return host->fail(host->instance, KINWARD_BROKEN, "option paging %s: wants page-parameter, too", settings->paging);
    if ((paging == PAGING_NEXT || paging == PAGING_CURSOR) && !settings->next)
        return host->fail(host->instance, KINWARD_BROKEN, "option paging %s: wants next, too", settings->paging);
    if (!settings->since_parameter != !settings->since_field)
        return host->fail(host->instance, KINWARD_BROKEN, "options since-parameter and since-field: wanted both or none");
    if (!is_path(settings->items) || !is_path(settings->id) || !is_path(settings->version) || !is_path(settings->next) ||
        !is_path(settings->total) || !is_path(settings->since_field))
        return host->fail(host->instance, KINWARD_BROKEN, "a path: wanted a JSON Pointer such as /data/items");
    return KINWARD_OK;
}

static void destroy(void *argument)
{
    struct http_poll *self = argument;
    if (!self)
        return;
    page_free(self);
    seen_clear(&self->round.now);
    seen_clear(&self->round.before);
    text_clear(&self->place.token);
    text_clear(&self->answer);
    text_clear(&self->item);
    text_clear(&self->url);
    free(self);
}

static kinward_verdict create(const struct kinward_host *host, const void *settings, void **ret_self)
{
    struct http_poll *self = calloc(1, sizeof *self);
    if (!self)
        return host->fail(host->instance, KINWARD_RETRY, "no memory");
    self->host = host;
    self->settings = settings;
    kinward_verdict verdict = check(self);
    if (verdict == KINWARD_OK)
        verdict = place_load(self);
    if (verdict != KINWARD_OK) {
        destroy(self);
        return verdict;
    }
    *ret_self = self;
    return KINWARD_OK;
}

#define OPTION(member) .offset = offsetof(struct settings, member)
static const struct kinward_option options[] = {
    {.name = "url",
     .type = KINWARD_URL,
     .flags = KINWARD_REQUIRED,
     OPTION(url),
     .help = "Of the list, with arguments that never change."},
    {.name = "items",
     .type = KINWARD_TEXT,
     .fallback = "",
     OPTION(items),
     .help = "Where the array of items stands in an answer, a JSON Pointer such as /data/items; the answer itself unless given."},
    {.name = "id", .type = KINWARD_TEXT, .flags = KINWARD_REQUIRED, OPTION(id), .help = "Where an item's id stands in it, /id."},
    {.name = "version",
     .type = KINWARD_TEXT,
     OPTION(version),
     .help = "Where its version stands, which changes with the item; the hash of its content unless given."},
    {.name = "mapping",
     .type = KINWARD_TEXT,
     .flags = KINWARD_REQUIRED,
     OPTION(mapping),
     .help = "Stylesheet that reads an item, without .xsl."},
    {.name = "header", .type = KINWARD_TEXT, OPTION(header), .help = "A further header of each request, \"Name: value\"."},
    {.name = "paging",
     .type = KINWARD_TEXT,
     .fallback = "none",
     OPTION(paging),
     .help = "none, page, offset, next (a link) or cursor."},
    {.name = "page-parameter",
     .type = KINWARD_TEXT,
     OPTION(page_parameter),
     .help = "Of the page's number, the offset or the cursor."},
    {.name = "first-page",
     .type = KINWARD_INTEGER,
     .fallback = "1",
     OPTION(first_page),
     .high = 1,
     .help = "Number of the first page."},
    {.name = "size-parameter",
     .type = KINWARD_TEXT,
     OPTION(size_parameter),
     .help = "Of the page size; none is sent unless given."},
    {.name = "page-size",
     .type = KINWARD_INTEGER,
     .fallback = "100",
     OPTION(page_size),
     .low = 1,
     .high = 100000,
     .help = "Items of a page."},
    {.name = "next",
     .type = KINWARD_TEXT,
     OPTION(next),
     .help = "Where the link to the next page, or its cursor, stands in an answer."},
    {.name = "total",
     .type = KINWARD_TEXT,
     OPTION(total),
     .help = "Where an answer says how many items there are in all pages together."},
    {.name = "since-parameter",
     .type = KINWARD_TEXT,
     OPTION(since_parameter),
     .help = "Of the time from which changes are wanted."},
    {.name = "since-field", .type = KINWARD_TEXT, OPTION(since_field), .help = "Where an item says when it was changed."},
    {.name = "since-format",
     .type = KINWARD_TEXT,
     .fallback = "instant",
     OPTION(since_format),
     .help = "Of both: instant (RFC 3339), seconds or milliseconds since 1970, or day."},
    {.name = "since", .type = KINWARD_TEXT, OPTION(since), .help = "From when on at the first start; everything unless given."},
    {.name = "overlap",
     .type = KINWARD_DURATION,
     .fallback = "10m",
     OPTION(overlap),
     .low = 0,
     .high = INT64_C(86400000) * 3660,
     .help = "How far each round goes back behind what is known to be complete."},
    {.name = "poll",
     .type = KINWARD_DURATION,
     .fallback = "5m",
     OPTION(poll),
     .low = 50,
     .high = 86400000,
     .help = "Time between two rounds."},
};
static const struct kinward_connector operations = {.pull = pull};

KINWARD_EXPORT const struct kinward_plugin kinward_plugin = {
    KINWARD_PLUGIN_HEADER,
    .kind = KINWARD_CONNECTOR,
    .capabilities = KINWARD_NETWORK,
    .operations_size = sizeof operations,
    .operations = &operations,
    .name = "http-poll",
    .version = "0.1.0",
    .summary = "Any JSON API with pages: configuration and a stylesheet, no code.",
    .license = "Apache-2.0",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct settings),
    .create = create,
    .destroy = destroy,
    .services = KINWARD_SESSION,
};
