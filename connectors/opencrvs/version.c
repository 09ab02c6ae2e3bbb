/* SPDX-License-Identifier: Apache-2.0 */
/* version.c - versions of registrations: one form of their times, and those that were taken before. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencrvs.h"

bool copy_text(const struct opencrvs *self, const struct kinward_json *value, char *ret_text, size_t size)
{
    struct kinward_view text = self->host->json_text(self->host->instance, value);
    if (text.size == 0 || text.size >= size || memchr(text.data, 0, text.size))
        return false;
    memcpy(ret_text, text.data, text.size);
    ret_text[text.size] = 0;
    return true;
}

void stamp_of(const struct opencrvs *self, const struct kinward_json *value, char ret_stamp[STAMP_SIZE])
{
    const struct kinward_host *host = self->host;
    struct kinward_view text = host->json_text(host->instance, value);
    int64_t ms;
    ret_stamp[0] = 0;
    if (host->json_integer(host->instance, value, &ms) || host->time_parse(host->instance, text, &ms) == KINWARD_OK) {
        host->time_format(host->instance, ms, ret_stamp);
        return;
    }
    if (!copy_text(self, value, ret_stamp, STAMP_SIZE))
        return;
    size_t digits = strspn(ret_stamp, "0123456789");
    if (digits == 13 && ret_stamp[digits] == 0)
        host->time_format(host->instance, strtoll(ret_stamp, NULL, 10), ret_stamp);
}

bool stamp_of_registration(const struct opencrvs *self, const struct kinward_json *registration, char ret_stamp[STAMP_SIZE])
{
    const struct kinward_host *host = self->host;
    const struct kinward_json *states =
        host->json_member(host->instance, host->json_member(host->instance, registration, "registration"), "status");
    size_t count = host->json_count(host->instance, states);
    ret_stamp[0] = 0;
    for (size_t i = 0; i < count; i++) {
        char stamp[STAMP_SIZE];
        stamp_of(self, host->json_member(host->instance, host->json_at(host->instance, states, i), "timestamp"), stamp);
        if (strcmp(stamp, ret_stamp) > 0) /* of one form, their order is that of time */
            memcpy(ret_stamp, stamp, sizeof stamp);
    }
    return ret_stamp[0] != 0;
}

/* The first 8 bytes of SHA-256(id ‖ '@' ‖ stamp), never 0. */
static uint64_t mark_of(const struct opencrvs *self, const char *id, const char *stamp)
{
    char text[ID_SIZE + STAMP_SIZE + 2];
    uint8_t digest[32];
    uint64_t mark;
    snprintf(text, sizeof text, "%s@%s", id, stamp);
    self->host->sha256(self->host->instance, view_of(text), digest);
    memcpy(&mark, digest, sizeof mark);
    return mark ? mark : 1;
}

bool version_known(struct opencrvs *self, const char *id, const char *stamp)
{
    uint64_t mark = mark_of(self, id, stamp);
    pthread_mutex_lock(&self->lock);
    bool known = self->known[mark % KNOWN] == mark;
    pthread_mutex_unlock(&self->lock);
    return known;
}

void version_remember(struct opencrvs *self, const char *id, const char *stamp)
{
    uint64_t mark = mark_of(self, id, stamp);
    pthread_mutex_lock(&self->lock);
    self->known[mark % KNOWN] = mark;
    pthread_mutex_unlock(&self->lock);
}
