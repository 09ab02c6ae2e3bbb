/* SPDX-License-Identifier: Apache-2.0 */
/* page.c - one page: its URL, the array of items in the answer, and where the next page is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_poll.h"

/* ---- paths ------------------------------------------------------------------------------ */

/* "a~1b" → "a/b"; false: longer than any name that is looked for. */
static bool take_step(const char **path, char ret_name[256])
{
    size_t size = 0;
    const char *at = *path + 1;
    for (; *at && *at != '/'; at++) {
        const bool escaped = at[0] == '~' && (at[1] == '0' || at[1] == '1');
        if (size == 255)
            return false;
        ret_name[size++] = escaped ? (at[1] == '1' ? '/' : '~') : *at;
        at += escaped;
    }
    ret_name[size] = 0;
    *path = at;
    return true;
}

const struct kinward_json *pointer(const struct http_poll *self, const struct kinward_json *value, const char *path)
{
    const struct kinward_host *host = self->host;
    char name[256];
    while (value && *path == '/') {
        if (!take_step(&path, name))
            return NULL;
        const struct kinward_json *member = host->json_member(host->instance, value, name);
        const bool number = name[0] && strspn(name, "0123456789") == strlen(name);
        value = member || !number ? member : host->json_at(host->instance, value, strtoul(name, NULL, 10));
    }
    return *path ? NULL : value;
}

static bool is_array(struct http_poll *self, const struct kinward_json *value)
{
    const struct kinward_out out = text_out(&self->item);
    if (!value || self->host->json_count(self->host->instance, value) > 0)
        return value != NULL;
    text_start(&self->item);
    return self->host->json_print(self->host->instance, value, &out) == KINWARD_OK && !strcmp(self->item.data, "[]");
}

/* ---- URL --------------------------------------------------------------------------------- */

static kinward_verdict add_argument(struct http_poll *self, const char *name, const char *value)
{
    const struct kinward_out out = text_out(&self->url);
    kinward_verdict verdict = text_add(&self->url, strchr(self->url.data, '?') ? "&" : "?");
    if (verdict == KINWARD_OK)
        verdict = self->host->uri_component(self->host->instance, view_of(name), &out);
    if (verdict == KINWARD_OK)
        verdict = text_add(&self->url, "=");
    return verdict == KINWARD_OK ? self->host->uri_component(self->host->instance, view_of(value), &out) : verdict;
}

static kinward_verdict add_number(struct http_poll *self, const char *name, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, value);
    return add_argument(self, name, digits);
}

/* Scheme, host and port, without what follows. */
static size_t origin_size(const char *url)
{
    const char *host = strstr(url, "://");
    return host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0;
}

/* A link of the registry, absolute or from its root or its query; OK only for the same host. */
static kinward_verdict put_link(struct http_poll *self, const char *link)
{
    const char *url = self->settings->url;
    size_t origin = origin_size(url), kept = link[0] == '/' ? origin : link[0] == '?' ? strcspn(url, "?#") : 0;
    const struct kinward_out out = text_out(&self->url);
    const bool same = kept ? strncmp(link, "//", 2) != 0 : origin_size(link) == origin && !strncmp(link, url, origin);
    if (!same)
        return self->host->fail(self->host->instance, KINWARD_RETRY, "the link to the next page is not one of the same host");
    kinward_verdict verdict = out.write(out.context, url, kept);
    return verdict == KINWARD_OK ? text_add(&self->url, link) : verdict;
}

static kinward_verdict add_since(struct http_poll *self)
{
    const struct settings *settings = self->settings;
    struct text since = {0};
    if (!settings->since_parameter || self->place.mark == NO_TIME)
        return KINWARD_OK;
    kinward_verdict verdict = time_put(self, self->place.mark - settings->overlap, &since);
    if (verdict == KINWARD_OK)
        verdict = add_argument(self, settings->since_parameter, since.data);
    text_clear(&since);
    return verdict;
}

static kinward_verdict put_url(struct http_poll *self)
{
    const struct settings *settings = self->settings;
    const struct place *place = &self->place;
    text_start(&self->url);
    if (self->paging == PAGING_NEXT && place->token.size)
        return put_link(self, place->token.data);
    kinward_verdict verdict = text_add(&self->url, settings->url);
    if (verdict == KINWARD_OK)
        verdict = add_since(self);
    if (verdict == KINWARD_OK && settings->size_parameter)
        verdict = add_number(self, settings->size_parameter, settings->page_size);
    if (verdict == KINWARD_OK && self->paging == PAGING_PAGE)
        verdict = add_number(self, settings->page_parameter, settings->first_page + place->page);
    if (verdict == KINWARD_OK && self->paging == PAGING_OFFSET)
        verdict = add_number(self, settings->page_parameter, place->page);
    if (verdict == KINWARD_OK && self->paging == PAGING_CURSOR && place->token.size)
        verdict = add_argument(self, settings->page_parameter, place->token.data);
    return verdict;
}

/* ---- fetching -------------------------------------------------------------------------------- */

static kinward_verdict take_answer(struct http_poll *self)
{
    const struct kinward_host *host = self->host;
    kinward_verdict verdict = host->json_parse(host->instance, text_view(&self->answer), &self->root);
    if (verdict != KINWARD_OK)
        return KINWARD_RETRY;
    self->items = pointer(self, self->root, self->settings->items);
    if (!is_array(self, self->items)) {
        page_free(self);
        return host->fail(host->instance, KINWARD_RETRY, "the answer has no array at %s", self->settings->items);
    }
    self->count = host->json_count(host->instance, self->items);
    if (!self->settings->total ||
        !host->json_integer(host->instance, pointer(self, self->root, self->settings->total), &self->round.total))
        self->round.total = -1;
    host->log(host->instance, KINWARD_INFO, "page.fetched", "page=%" PRId64 " items=%zu", self->place.page, self->count);
    return KINWARD_OK;
}

/* The registry does not know the page: after the last one, or a link that is no longer good. */
static kinward_verdict refused(struct http_poll *self, int32_t status)
{
    const struct kinward_host *host = self->host;
    const bool numbered = self->paging == PAGING_PAGE || self->paging == PAGING_OFFSET;
    if (self->place.page == 0 && !self->place.token.size)
        return KINWARD_RETRY;
    if (numbered && status == 404) { /* some say so in place of an empty page */
        text_start(&self->answer);
        self->count = 0;
        return host->json_parse(host->instance, view_of("[]"), &self->root);
    }
    host->log(host->instance, KINWARD_WARNING, "place.lost", "page=%" PRId64 " status=%d", self->place.page, status);
    round_begin(self);
    return KINWARD_RETRY;
}

kinward_verdict page_fetch(struct http_poll *self)
{
    const struct kinward_host *host = self->host;
    const char *const headers[] = {self->settings->header, NULL};
    const struct kinward_out out = text_out(&self->answer);
    int32_t status = 0;
    page_free(self);
    text_start(&self->answer);
    kinward_verdict verdict = put_url(self);
    if (verdict != KINWARD_OK)
        return verdict;
    const struct kinward_request request = {
        .size = sizeof request, .method = "GET", .url = self->url.data, .headers = self->settings->header ? headers : NULL};
    verdict = host->request(host->instance, &request, &status, &out);
    if (verdict == KINWARD_REJECT)
        return refused(self, status);
    return verdict == KINWARD_OK ? take_answer(self) : verdict;
}

void page_free(struct http_poll *self)
{
    self->host->json_free(self->host->instance, self->root);
    self->root = NULL;
    self->items = NULL;
    self->count = self->index = 0;
    self->fingerprint = 0;
}

/* ---- the next one ------------------------------------------------------------------------------- */

static void told_twice(struct http_poll *self)
{
    self->round.is_doubtful = true;
    self->host->log(self->host->instance, KINWARD_WARNING, "page.repeated", "page=%" PRId64, self->place.page);
}

static bool advance_number(struct http_poll *self)
{
    if (self->count == 0)
        return false;
    if (self->fingerprint == self->round.fingerprint) { /* or it does not know the parameter, and would give it for ever */
        told_twice(self);
        return false;
    }
    self->round.fingerprint = self->fingerprint;
    self->place.page += self->paging == PAGING_PAGE ? 1 : (int64_t)self->count;
    return true;
}

static bool advance_token(struct http_poll *self)
{
    const struct kinward_host *host = self->host;
    const struct kinward_json *next = pointer(self, self->root, self->settings->next);
    struct kinward_view text = host->json_text(host->instance, next);
    char digits[24];
    int64_t number;
    if (host->json_integer(host->instance, next, &number)) {
        snprintf(digits, sizeof digits, "%" PRId64, number);
        text = view_of(digits);
    }
    if (text.size == 0)
        return false;
    struct text *token = &self->place.token;
    if (text.size > TOKEN_MAX || memchr(text.data, 0, text.size) || memchr(text.data, '\n', text.size) ||
        (text.size == token->size && !memcmp(text.data, token->data, text.size))) {
        told_twice(self);
        return false;
    }
    text_start(token);
    const struct kinward_out out = text_out(token);
    self->place.page++;
    return out.write(out.context, text.data, text.size) == KINWARD_OK;
}

bool page_advance(struct http_poll *self)
{
    if (self->paging == PAGING_NONE)
        return false;
    return self->paging == PAGING_PAGE || self->paging == PAGING_OFFSET ? advance_number(self) : advance_token(self);
}
