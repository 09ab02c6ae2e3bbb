/* SPDX-License-Identifier: Apache-2.0 */
/* place.c - where it stands: the mark, the page, and what a round of pages proves. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_poll.h"

/* ---- times ------------------------------------------------------------------------------- */

int64_t time_of(const struct http_poll *self, const struct kinward_json *value)
{
    const struct kinward_host *host = self->host;
    struct kinward_view text = host->json_text(host->instance, value);
    char copy[40];
    int64_t number, ms;
    if (text.size >= sizeof copy || (text.size && memchr(text.data, 0, text.size)))
        return NO_TIME;
    snprintf(copy, sizeof copy, "%.*s", (int)text.size, (const char *)text.data);
    if (self->since_format == SINCE_SECONDS || self->since_format == SINCE_MILLISECONDS) {
        char *end = copy;
        const bool is_number = host->json_integer(host->instance, value, &number);
        if (!is_number)
            number = strtoll(copy, &end, 10);
        const int64_t unit = self->since_format == SINCE_SECONDS ? 1000 : 1;
        return (!is_number && (end == copy || *end)) || __builtin_mul_overflow(number, unit, &ms) ? NO_TIME : ms;
    }
    if (strlen(copy) == 10)
        strcat(copy, "T00:00:00Z");
    return host->time_parse(host->instance, view_of(copy), &ms) == KINWARD_OK ? ms : NO_TIME;
}

kinward_verdict time_put(const struct http_poll *self, int64_t ms, struct text *ret_text)
{
    char text[25];
    if (self->since_format == SINCE_SECONDS || self->since_format == SINCE_MILLISECONDS)
        snprintf(text, sizeof text, "%" PRId64, self->since_format == SINCE_SECONDS ? ms / 1000 : ms);
    else
        self->host->time_format(self->host->instance, ms, text);
    if (self->since_format == SINCE_DAY)
        text[10] = 0;
    return text_add(ret_text, text);
}

/* ---- the cursor --------------------------------------------------------------------------- */

static kinward_verdict read_cursor(struct http_poll *self, const struct text *text)
{
    struct place *place = &self->place;
    int used = 0;
    if (sscanf(text->data, "1 %" SCNd64 " %" SCNd64 " %n", &place->mark, &place->page, &used) != 2 || !used)
        return self->host->fail(self->host->instance, KINWARD_BROKEN, "the saved cursor is of another kind");
    return text_add(&place->token, text->data + used);
}

static kinward_verdict first_mark(struct http_poll *self)
{
    const struct kinward_host *host = self->host;
    char since[40];
    if (!self->settings->since)
        return KINWARD_OK;
    snprintf(since, sizeof since, strlen(self->settings->since) == 10 ? "%.10sT00:00:00Z" : "%.39s", self->settings->since);
    if (host->time_parse(host->instance, view_of(since), &self->place.mark) != KINWARD_OK)
        return host->fail(host->instance, KINWARD_BROKEN, "option since: wanted a day or an instant such as 2026-01-31T12:00:00Z");
    return KINWARD_OK;
}

kinward_verdict place_load(struct http_poll *self)
{
    struct text text = {0};
    const struct kinward_out out = text_out(&text);
    self->place.mark = self->round.high = self->round.candidate = NO_TIME;
    self->round.total = -1;
    kinward_verdict verdict = self->host->cursor(self->host->instance, &out);
    if (verdict == KINWARD_OK)
        verdict = text.size ? read_cursor(self, &text) : first_mark(self);
    text_clear(&text);
    return verdict;
}

kinward_verdict place_put(struct http_poll *self, struct text *ret_cursor)
{
    const struct place *place = &self->place;
    char numbers[64];
    snprintf(numbers, sizeof numbers, "1 %" PRId64 " %" PRId64 " ", place->mark, place->page);
    kinward_verdict verdict = text_add(ret_cursor, numbers);
    return verdict == KINWARD_OK && place->token.size ? text_add(ret_cursor, place->token.data) : verdict;
}

kinward_verdict place_save(struct http_poll *self)
{
    struct text cursor = {0};
    kinward_verdict verdict = place_put(self, &cursor);
    const struct kinward_document nothing = {.size = sizeof nothing, .format = "", .cursor = text_view(&cursor)};
    if (verdict == KINWARD_OK)
        verdict = self->host->emit(self->host->instance, NULL, &nothing);
    text_clear(&cursor);
    return verdict;
}

/* ---- rounds ----------------------------------------------------------------------------------- */

void round_begin(struct http_poll *self)
{
    struct round *round = &self->round;
    page_free(self);
    self->place.page = 0;
    text_start(&self->place.token);
    round->is_late = round->is_doubtful = false;
    round->fingerprint = 0;
    round->high = NO_TIME;
    round->total = -1;
}

kinward_verdict round_end(struct http_poll *self)
{
    struct round *round = &self->round;
    struct place *place = &self->place;
    const bool whole = !round->is_doubtful && round->total >= 0 && round->now.count == (uint64_t)round->total;
    const bool proven = !round->is_doubtful && !round->is_late && round->now.count >= round->before.count;
    int64_t reached = whole ? round->high : proven ? round->candidate : NO_TIME;
    if (reached > place->mark) {
        place->mark = reached;
        self->host->log(self->host->instance, KINWARD_INFO, "since.moved", "items=%zu", round->now.count);
    }
    round->candidate = round->is_doubtful ? NO_TIME : round->high;
    seen_clear(&round->before);
    round->before = round->now;
    round->now = (struct seen){0};
    round_begin(self);
    return place_save(self);
}
