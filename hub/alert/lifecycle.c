/* SPDX-License-Identifier: Apache-2.0 */
/* lifecycle.c - draft, review, active, superseded, cancelled, expired: what a set of messages makes of an alert. */
#include "alert/alert.h"

#include <errno.h>
#include <string.h>

static const char *const state_names[] = {"draft", "review", "active", "superseded", "cancelled", "expired"};
static const char *const type_names[] = {"", "alert", "update", "cancel"};
static const char *const status_names[] = {"", "Actual", "Exercise", "System", "Test"};

const char *kw_alert_state_name(enum kw_alert_state state)
{
    return state_names[state];
}

const char *kw_alert_type_name(enum kw_alert_type type)
{
    return type_names[type];
}

const char *kw_alert_status_name(enum kw_alert_status status)
{
    return status_names[status];
}

static bool parse(struct kw_view name, const char *const *names, size_t count, unsigned *ret_number)
{
    for (size_t i = 1; i < count; i++)
        if (kw_view_is(name, names[i])) {
            *ret_number = (unsigned)i;
            return true;
        }
    return false;
}

bool kw_alert_type_parse(struct kw_view name, enum kw_alert_type *ret_type)
{
    unsigned number;
    bool known = parse(name, type_names, KW_COUNT(type_names), &number);

    if (known)
        *ret_type = (enum kw_alert_type)number;
    return known;
}

bool kw_alert_status_parse(struct kw_view name, enum kw_alert_status *ret_status)
{
    unsigned number;
    bool known = parse(name, status_names, KW_COUNT(status_names), &number);

    if (known)
        *ret_status = (enum kw_alert_status)number;
    return known;
}

static bool same_chain(const struct kw_alert_message *message, const uint8_t alert[KW_ALERT_ID_SIZE])
{
    return memcmp(message->alert, alert, KW_ALERT_ID_SIZE) == 0;
}

static bool released(const struct kw_alert_message *message)
{
    return !message->draft && !message->review;
}

int kw_alert_join(const struct kw_alert_message *known, size_t count, const struct kw_alert_message *message)
{
    bool refers_known = false, cancelled = false, newer = false;

    if (message->revision == 0 || message->expires_ms <= message->sent_ms)
        return -EINVAL;
    if (message->type != KW_ALERT_ALERT) {
        if (message->refers_revision == 0)
            return -EINVAL;
        if (!same_chain(message, message->refers))
            return -EXDEV;
        if (message->refers_revision >= message->revision)
            return -ELOOP;
    }
    for (size_t i = 0; i < count; i++) {
        if (!same_chain(&known[i], message->alert))
            continue;
        if (known[i].revision == message->revision)
            return memcmp(known[i].digest, message->digest, KW_HASH_SIZE) == 0 ? -EALREADY : -EEXIST;
        if (released(&known[i]) && known[i].type == KW_ALERT_CANCEL)
            cancelled = true;
        refers_known |= known[i].revision == message->refers_revision;
        newer |= known[i].revision > message->revision;
    }
    if (cancelled)
        return message->type == KW_ALERT_CANCEL ? -EALREADY : -ESTALE;
    if (message->type == KW_ALERT_ALERT && newer)
        return -ESTALE;
    return message->type == KW_ALERT_ALERT || refers_known ? 0 : -EXDEV;
}

enum kw_alert_state kw_alert_state_of(const struct kw_alert_message *known, size_t count, const struct kw_alert_message *message,
                                      int64_t now_ms)
{
    bool superseded = false;

    if (message->draft)
        return KW_ALERT_DRAFT;
    if (message->review)
        return KW_ALERT_REVIEW;
    if (message->type == KW_ALERT_CANCEL)
        return KW_ALERT_CANCELLED;
    for (size_t i = 0; i < count; i++) {
        if (!same_chain(&known[i], message->alert) || !released(&known[i]))
            continue;
        if (known[i].type == KW_ALERT_CANCEL) /* beats every update, whichever came first */
            return KW_ALERT_CANCELLED;
        superseded |= known[i].revision > message->revision;
    }
    if (superseded)
        return KW_ALERT_SUPERSEDED;
    return now_ms >= message->expires_ms ? KW_ALERT_EXPIRED : KW_ALERT_ACTIVE;
}

bool kw_alert_is_active(const struct kw_alert_message *known, size_t count, const uint8_t alert[KW_ALERT_ID_SIZE], int64_t now_ms)
{
    for (size_t i = 0; i < count; i++)
        if (same_chain(&known[i], alert) && kw_alert_state_of(known, count, &known[i], now_ms) == KW_ALERT_ACTIVE)
            return true;
    return false;
}
