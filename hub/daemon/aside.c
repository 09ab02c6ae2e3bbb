/* SPDX-License-Identifier: Apache-2.0 */
/* aside.c - an entry whose inspection fails again and again is set aside, so that nothing behind it waits. */
#include <errno.h>
#include <string.h>

#include "daemon/detector.h"

#define ATTEMPTS 3
#define PAUSE_MS 100 /* between two */

bool kw_aside_blames_entry(const struct detector *detector, int error)
{
    if (!detector->failed.position || error == -EIO || error == -ENOSPC || error == -ENOMEM || error == -EBUSY)
        return false;
    /* rows of detect.db are not the entry's fault, and nothing could be put beside them */
    return !(detector->failed.alerts && (error == -EBADMSG || error == -EKEYREJECTED));
}

static int set_aside(struct detector *detector)
{
    uint64_t about = detector->failed.about;
    struct kw_aside aside = {.position = about ? about : detector->failed.position,
                             .kind = detector->failed.kind,
                             .attempts = about ? 1 : ATTEMPTS,
                             .code = detector->fault.code ? detector->fault.code : KW_E_INTERNAL,
                             .at_ms = kw_clock_wall_ms()};
    snprintf(aside.place, sizeof aside.place, "%s", detector->fault.place);
    int r = kw_alerts_set_aside(detector->alerts, &aside, detector->failed.position, &detector->fault);
    if (r == 0)
        kw_log(KW_LOG_ERROR, "detect", "detect.aside", "position=%llu kind=%u code=%s place=%s retry=%d",
               (unsigned long long)aside.position, aside.kind, kw_code_name(aside.code), aside.place, about != 0);
    return r;
}

int kw_aside_count(struct detector *detector)
{
    if (detector->suspect != detector->failed.position) {
        detector->suspect = detector->failed.position;
        detector->attempts = 0;
    }
    if (++detector->attempts >= ATTEMPTS)
        return set_aside(detector);
    kw_log(KW_LOG_WARNING, "detect", "detect.again", "position=%llu code=%s place=%s attempt=%u",
           (unsigned long long)detector->suspect, kw_code_name(detector->fault.code), detector->fault.place, detector->attempts);
    detector->pause_until_ms = kw_clock_monotonic_ms() + PAUSE_MS;
    return 0;
}

int kw_aside_retry(struct detector *detector, const struct kw_entry *act, uint64_t position, const char *by)
{
    struct kw_aside_retry retry = {
        .position = position, .detection = &detector->detection, .act = act->position, .act_ms = act->received_ms, .by = by};
    struct kw_entry entry;
    int r = kw_journal_read(detector->entries, position, &entry, &detector->fault);
    if (r < 0)
        return r;
    kw_detection_clear(&detector->detection);
    retry.kind = entry.kind;
    retry.json = entry.image.size ? (struct kw_view){0} : entry.record;
    if (!entry.erased && (entry.kind == KW_ENTRY_RECORD || entry.kind == KW_ENTRY_CHECK))
        r = kw_detect_again(detector->rules, position, entry.flags & KW_ENTRY_BACKFILL, retry.act_ms, &detector->detection,
                            &detector->fault);
    if (r < 0)
        return r;
    detector->hits += detector->detection.hit_count;
    r = kw_alerts_apply_again(detector->alerts, &retry, &detector->fault);
    detector->failed.alerts = r < 0;
    if (r == 0)
        kw_log(KW_LOG_NOTICE, "detect", "detect.retried", "position=%llu", (unsigned long long)position);
    return r;
}

void kw_aside_status(const struct detector *detector, struct kw_json_out *json)
{
    struct kw_fault fault;
    uint64_t open = 0, newest = 0;
    if (kw_alerts_aside_count(detector->alerts, &open, &newest, &fault) < 0)
        return;
    kw_json_integer(json, "aside", (int64_t)open);
    if (open)
        kw_json_integer(json, "aside_newest", (int64_t)newest);
}
