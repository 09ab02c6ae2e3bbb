/* SPDX-License-Identifier: Apache-2.0 */
/* item.c - one item of a page: its key, its time, and whether it was emitted before. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_poll.h"

#define ID_MAX      256 /* as the host takes them */
#define VERSION_MAX 128

/* ---- keys that were seen ----------------------------------------------------------------- */

bool seen_has(const struct seen *seen, uint64_t hash)
{
    for (size_t i = hash; seen->capacity; i++) {
        uint64_t slot = seen->slots[i % seen->capacity];
        if (slot == hash || slot == 0)
            return slot == hash;
    }
    return false;
}

static void put(struct seen *seen, uint64_t hash)
{
    size_t i = hash % seen->capacity;
    while (seen->slots[i])
        i = (i + 1) % seen->capacity;
    seen->slots[i] = hash;
    seen->count++;
}

kinward_verdict seen_add(struct seen *seen, uint64_t hash)
{
    if (2 * (seen->count + 1) > seen->capacity) {
        struct seen larger = {.capacity = seen->capacity ? 2 * seen->capacity : 1024};
        larger.slots = calloc(larger.capacity, sizeof *larger.slots);
        if (!larger.slots)
            return KINWARD_RETRY;
        for (size_t i = 0; i < seen->capacity; i++)
            if (seen->slots[i])
                put(&larger, seen->slots[i]);
        seen_clear(seen);
        *seen = larger;
    }
    put(seen, hash);
    return KINWARD_OK;
}

void seen_clear(struct seen *seen)
{
    free(seen->slots);
    *seen = (struct seen){0};
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* A text or whole number; false: it is neither, or not one for a key. */
static bool take_part(const struct http_poll *self, const struct kinward_json *value, size_t limit, char *ret_text)
{
    const struct kinward_host *host = self->host;
    struct kinward_view text = host->json_text(host->instance, value);
    int64_t number;
    if (host->json_integer(host->instance, value, &number)) {
        snprintf(ret_text, limit, "%" PRId64, number);
        return true;
    }
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20)
            return false;
    if (text.size == 0 || text.size > limit)
        return false;
    memcpy(ret_text, text.data, text.size);
    ret_text[text.size] = 0;
    return true;
}

/* id@version. Without a version the content's hash is it; without an id the key is the hash: it is emitted all the same, and the
 * mapping says what is wrong with it. */
static void make_key(const struct http_poll *self, const struct kinward_json *item, char ret_key[KEY_SIZE])
{
    const struct settings *settings = self->settings;
    char id[ID_MAX + 1], version[VERSION_MAX + 1], hash[33];
    uint8_t digest[32];
    self->host->sha256(self->host->instance, text_view(&self->item), digest);
    for (size_t i = 0; i < 16; i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
    if (!take_part(self, pointer(self, item, settings->id), ID_MAX, id)) {
        self->host->log(self->host->instance, KINWARD_WARNING, "item.without.id", "page=%" PRId64, self->place.page);
        snprintf(ret_key, KEY_SIZE, "%s@1", hash);
        return;
    }
    const bool has = settings->version && take_part(self, pointer(self, item, settings->version), VERSION_MAX, version);
    snprintf(ret_key, KEY_SIZE, "%s@%s", id, has ? version : hash);
}

/* The first 8 bytes of its SHA-256, never 0. */
static uint64_t hash_of(const struct http_poll *self, const char *key)
{
    uint8_t digest[32];
    uint64_t hash;
    self->host->sha256(self->host->instance, view_of(key), digest);
    memcpy(&hash, digest, sizeof hash);
    return hash ? hash : 1;
}

/* ---- emitting --------------------------------------------------------------------------------- */

static void look_at_time(struct http_poll *self, int64_t time, bool is_new)
{
    const struct kinward_host *host = self->host;
    struct round *round = &self->round;
    if (!self->settings->since_field)
        return;
    if (is_new && round->candidate != NO_TIME && (time == NO_TIME || time <= round->candidate))
        round->is_late = true;
    if (time == NO_TIME && !self->was_unreadable) {
        host->log(host->instance, KINWARD_WARNING, "since.unreadable", "page=%" PRId64, self->place.page);
        self->was_unreadable = true;
    }
    if (time != NO_TIME && time > round->high && !host->ahead(host->instance, time))
        round->high = time;
}

static kinward_verdict emit(struct http_poll *self, const char *key)
{
    const struct kinward_host *host = self->host;
    struct text cursor = {0};
    kinward_verdict verdict = place_put(self, &cursor);
    if (verdict == KINWARD_OK) {
        const struct kinward_document document = {.size = sizeof document,
                                                  .bytes = text_view(&self->item),
                                                  .format = self->settings->mapping,
                                                  .key = view_of(key),
                                                  .cursor = text_view(&cursor)};
        verdict = host->emit(host->instance, NULL, &document);
    }
    text_clear(&cursor);
    return verdict;
}

kinward_verdict item_take(struct http_poll *self, const struct kinward_json *item, uint32_t *emitted)
{
    const struct kinward_host *host = self->host;
    struct round *round = &self->round;
    char key[KEY_SIZE];
    const struct kinward_out out = text_out(&self->item);
    text_start(&self->item);
    kinward_verdict verdict = host->json_print(host->instance, item, &out);
    if (verdict != KINWARD_OK)
        return KINWARD_RETRY;
    make_key(self, item, key);
    const uint64_t hash = hash_of(self, key);
    const bool is_now = seen_has(&round->now, hash), is_new = !is_now && !seen_has(&round->before, hash);
    if (is_new)
        verdict = emit(self, key);
    if (verdict == KINWARD_OK && !is_now)
        verdict = seen_add(&round->now, hash);
    if (verdict != KINWARD_OK)
        return verdict;
    look_at_time(self, self->settings->since_field ? time_of(self, pointer(self, item, self->settings->since_field)) : NO_TIME,
                 is_new);
    *emitted += is_new;
    self->fingerprint = self->fingerprint * UINT64_C(1099511628211) + hash;
    return KINWARD_OK;
}
