/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - catch-up: windows of registration days, in each the events, page by page, and each registration that is not known. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "opencrvs.h"

#define CURSOR_SIZE 160
#define TRIES       3 /* of one registration that the gateway cannot give */

int64_t today(const struct opencrvs *self)
{
    return self->host->now_ms(self->host->instance) / DAY_MS;
}

static void day_text(const struct opencrvs *self, int64_t day, char ret_text[11])
{
    char text[25];
    self->host->time_format(self->host->instance, day * DAY_MS, text);
    memcpy(ret_text, text, 10);
    ret_text[10] = 0;
}

/* ---- the cursor ------------------------------------------------------------------------------ */

kinward_verdict place_load(struct opencrvs *self)
{
    const struct kinward_host *host = self->host;
    struct text text = {0};
    const struct kinward_out out = text_out(&text);
    struct place *place = &self->place;
    kinward_verdict verdict = host->cursor(host->instance, &out);
    place->from = today(self) - self->settings->overlap;
    if (verdict == KINWARD_OK && text.size) {
        if (sscanf(text.data, "1 %" SCNd64 " %" SCNu32 " %" SCNu32, &place->from, &place->event, &place->skip) != 3 ||
            place->event >= EVENTS)
            verdict = host->fail(host->instance, KINWARD_BROKEN, "the saved cursor is of another kind");
    } else if (verdict == KINWARD_OK && self->settings->since) {
        char since[40];
        int64_t ms;
        snprintf(since, sizeof since, "%.10sT00:00:00Z", self->settings->since);
        if (strlen(self->settings->since) != 10 || host->time_parse(host->instance, view_of(since), &ms) != KINWARD_OK)
            verdict = host->fail(host->instance, KINWARD_BROKEN, "option since: wanted a day such as 2026-01-31");
        else
            place->from = ms / DAY_MS;
    }
    text_clear(&text);
    return verdict;
}

static struct kinward_view put_place(const struct opencrvs *self, uint32_t skip, char text[CURSOR_SIZE])
{
    const struct place *place = &self->place;
    snprintf(text, CURSOR_SIZE, "1 %" PRId64 " %" PRIu32 " %" PRIu32, place->from, place->event, skip);
    return view_of(text);
}

static kinward_verdict save_place(struct opencrvs *self)
{
    char text[CURSOR_SIZE];
    const struct kinward_document nothing = {
        .size = sizeof nothing, .format = "", .cursor = put_place(self, self->place.skip, text)};
    return self->host->emit(self->host->instance, NULL, &nothing);
}

/* ---- pages -------------------------------------------------------------------------------------- */

static bool take_row(struct opencrvs *self, const struct kinward_json *found)
{
    const struct kinward_host *host = self->host;
    struct row *row = &self->rows[self->row_count];
    if (!copy_text(self, host->json_member(host->instance, found, "id"), row->id, sizeof row->id))
        return false;
    for (const char *at = row->id; *at; at++) /* it goes into a request */
        if ((unsigned char)*at < 0x21 || *at == '"' || *at == '\\')
            return false;
    stamp_of(self, host->json_member(host->instance, host->json_member(host->instance, found, "registration"), "modifiedAt"),
             row->stamp);
    self->row_count++;
    return true;
}

static kinward_verdict take_page(struct opencrvs *self, const struct kinward_json *root)
{
    const struct kinward_host *host = self->host;
    const struct kinward_json *found =
        host->json_member(host->instance, host->json_member(host->instance, root, "data"), "searchEvents");
    const struct kinward_json *results = host->json_member(host->instance, found, "results");
    size_t count = host->json_count(host->instance, results);
    if (!host->json_integer(host->instance, host->json_member(host->instance, found, "totalItems"), &self->total))
        return host->fail(host->instance, KINWARD_RETRY, "the search answered without totalItems");
    self->row_count = self->row_next = 0;
    for (size_t i = 0; i < count && i < PAGE_MAX; i++)
        if (!take_row(self, host->json_at(host->instance, results, i)))
            return host->fail(host->instance, KINWARD_RETRY, "the search answered a row without an id that can be used");
    self->has_page = true;
    host->log(host->instance, KINWARD_INFO, "page.fetched", "event=%s skip=%u rows=%u of=%" PRId64, event_names[self->place.event],
              self->place.skip, self->row_count, self->total);
    return KINWARD_OK;
}

static kinward_verdict fetch_page(struct opencrvs *self)
{
    const struct place *place = &self->place;
    char variables[512], from[11], until[11];
    struct kinward_json *root = NULL;
    day_text(self, place->from, from);
    day_text(self, place->from + self->settings->window - 1, until);
    snprintf(variables, sizeof variables,
             "{\"advancedSearchParameters\":{\"event\":\"%s\",\"registrationStatuses\":[\"REGISTERED\",\"CERTIFIED\",\"ISSUED\"],"
             "\"dateOfRegistrationStart\":\"%s\",\"dateOfRegistrationEnd\":\"%s\"},\"sort\":\"asc\",\"count\":%" PRId64
             ",\"skip\":%" PRIu32 "}",
             event_names[place->event], from, until, self->settings->page_size, place->skip);
    kinward_verdict verdict = session_query(self, "searchEvents", search_query, variables, &root);
    if (verdict == KINWARD_OK)
        verdict = take_page(self, root);
    self->host->json_free(self->host->instance, root);
    return verdict;
}

/* After the last page of an event the next one; after the last event the next window; IDLE when that lies in the future. */
static kinward_verdict end_page(struct opencrvs *self)
{
    struct place *place = &self->place;
    const struct kinward_host *host = self->host;
    bool more = self->row_count > 0 && (int64_t)place->skip < self->total;
    bool caught_up = false;
    self->has_page = false;
    if (!more) {
        place->skip = 0;
        place->event++;
    }
    while (place->event < EVENTS && !self->is_wanted[place->event])
        place->event++;
    if (place->event >= EVENTS) {
        place->event = 0;
        place->from += self->settings->window;
        caught_up = place->from > today(self);
        if (caught_up) { /* what came late, or was missed by the webhook, is looked for again */
            place->from = today(self) - self->settings->overlap;
            self->next_search_ms = host->elapsed_ms(host->instance) + self->settings->poll;
        }
    }
    kinward_verdict verdict = save_place(self);
    return verdict == KINWARD_OK && caught_up ? KINWARD_IDLE : verdict;
}

/* ---- one registration ------------------------------------------------------------------------------ */

static kinward_verdict emit_answer(struct opencrvs *self, const char *id, const char *stamp)
{
    char key[ID_SIZE + STAMP_SIZE + 2], cursor[CURSOR_SIZE];
    snprintf(key, sizeof key, "%s@%s", id, stamp);
    const struct kinward_document document = {.size = sizeof document,
                                              .bytes = text_view(&self->answer),
                                              .format = "search",
                                              .key = view_of(key),
                                              .cursor = put_place(self, self->place.skip + 1, cursor)};
    return self->host->emit(self->host->instance, NULL, &document);
}

/* The answer as it is, even one without the registration: then the mapping refuses it, and it waits, visibly, in quarantine. */
static kinward_verdict take_answer(struct opencrvs *self, const struct row *row, const struct kinward_json *root)
{
    const struct kinward_host *host = self->host;
    const struct kinward_json *data = host->json_member(host->instance, root, "data");
    const struct kinward_json *registration = host->json_member(host->instance, data, fetch_names[self->place.event]);
    char stamp[STAMP_SIZE];
    bool whole = stamp_of_registration(self, registration, stamp);
    if (!whole && ++self->failures < TRIES)
        return host->fail(host->instance, KINWARD_RETRY, "the gateway gives no %s of a row that it found",
                          fetch_names[self->place.event]);
    if (!whole) {
        host->log(host->instance, KINWARD_WARNING, "registration.unreadable", "event=%s tries=%u", event_names[self->place.event],
                  self->failures);
        snprintf(stamp, sizeof stamp, "unread-%" PRId64, today(self)); /* not its version: it may be had another day */
    }
    kinward_verdict verdict = emit_answer(self, row->id, stamp);
    if (verdict == KINWARD_OK && whole) {
        version_remember(self, row->id, stamp);
        version_remember(self, row->id, row->stamp);
    }
    return verdict;
}

static kinward_verdict fetch_row(struct opencrvs *self, const struct row *row)
{
    char variables[ID_SIZE + 16];
    struct kinward_json *root = NULL;
    snprintf(variables, sizeof variables, "{\"id\":\"%s\"}", row->id);
    const uint32_t event = self->place.event;
    kinward_verdict verdict = session_query(self, fetch_names[event], fetch_queries[event], variables, &root);
    if (verdict == KINWARD_OK)
        verdict = take_answer(self, row, root);
    self->host->json_free(self->host->instance, root);
    return verdict;
}

kinward_verdict search_step(struct opencrvs *self, uint32_t *emitted)
{
    if (!self->is_wanted[self->place.event] || (self->has_page && self->row_next == self->row_count))
        return end_page(self);
    if (!self->has_page)
        return fetch_page(self);
    const struct row *row = &self->rows[self->row_next];
    kinward_verdict verdict = KINWARD_OK;
    if (!row->stamp[0] || !version_known(self, row->id, row->stamp)) {
        verdict = fetch_row(self, row);
        *emitted += verdict == KINWARD_OK;
    }
    if (verdict == KINWARD_OK) {
        self->failures = 0;
        self->row_next++;
        self->place.skip++;
    }
    return verdict;
}
