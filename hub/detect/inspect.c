/* SPDX-License-Identifier: Apache-2.0 */
/* inspect.c - what an entry touches: itself as a subject, and earlier subjects that watch one of its keys. */
#include "detect/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_MS (INT64_C(86400000) * KW_WATCH_DAYS)

static int grow(void **list, size_t *room, size_t count, size_t size)
{
    size_t wanted = *room == 0 ? 8 : *room * 2;
    void *grown;

    if (count < *room)
        return 0;
    grown = kw_resize(*list, wanted * size);
    if (grown == NULL)
        return -ENOMEM;
    *list = grown;
    *room = wanted;
    return 0;
}

static int run_rule(struct kw_detector *detector, const struct rule *rule)
{
    struct kw_detection *detection = detector->detection;
    struct kinward_rules_host host = kw_rules_host;
    struct kw_evaluated *evaluated;
    bool current;
    int r =
        grow((void **)&detection->evaluated, &detector->evaluated_room, detection->evaluated_count, sizeof(*detection->evaluated));

    if (r < 0)
        return r;
    evaluated = &detection->evaluated[detection->evaluated_count++];
    snprintf(evaluated->rule, sizeof(evaluated->rule), "%s", rule->rule->id);
    evaluated->subject = detector->subject->position;
    r = kw_record_current(detector, detector->subject, &current);
    if (r < 0 || !current) /* a version that counts no more: nothing is said about it, what was said is withdrawn */
        return r;
    detector->rule = rule;
    detector->error = 0;
    host.context = detector;
    r = rule->rule->inspect(&host, detector->subject);
    return r < 0 ? r : detector->error;
}

static int keep_watch(struct kw_detector *detector)
{
    struct kw_detection *detection = detector->detection;
    const struct kinward_record *subject = detector->subject;
    struct kw_watch *watch;
    int r = kw_match_own_keys(&subject->image, detector->secret, kw_keys_take, &detector->watching);

    if (r == 0)
        r = grow((void **)&detection->watches, &detector->watch_room, detection->watch_count, sizeof(*detection->watches));
    if (r < 0)
        return r;
    if (detector->watching.count > KW_LIMIT_MATCH_KEYS)
        detector->watching.count = KW_LIMIT_MATCH_KEYS;
    watch = &detection->watches[detection->watch_count];
    *watch = (struct kw_watch){subject->position, subject->received_ms, subject->backfill, detector->watching.list,
                               detector->watching.count};
    r = kw_watches_add(&detector->watches, watch);
    if (r == -EALREADY) /* the keys stay the detector's */
        return 0;
    if (r < 0)
        return r;
    detection->watch_count++;
    detector->watching = (struct keys){0};
    return 0;
}

static int evaluate(struct kw_detector *detector, struct kinward_record *subject)
{
    uint64_t event = UINT64_C(1) << subject->event;
    bool asked = false;
    int r = 0;

    detector->subject = subject;
    detector->watching.count = 0;
    for (size_t i = 0; r == 0 && i < detector->rule_count; i++) {
        const struct rule *rule = &detector->rules[i];

        if ((rule->rule->subjects & event) == 0 ||
            kw_rule_state_of(detector, rule->rule->id, subject->head.registry) == KW_RULE_OFF)
            continue;
        asked = true;
        r = run_rule(detector, rule);
    }
    return r == 0 && asked ? keep_watch(detector) : r;
}

/* Evidence is looked up by all its keys, any other record only as a version or voider of what was seen. */
static int find_touched(const struct kw_detector *detector, uint64_t event, const uint64_t *found, size_t count,
                        struct subjects *subjects)
{
    struct keys keys = {0};
    int r = 0;

    if ((detector->evidence & event) != 0)
        return kw_watches_find(&detector->watches, found, count, subjects);
    for (size_t i = 0; r == 0 && i < count; i++)
        if (kw_match_key_kind(found[i]) == KW_MATCH_RECORD)
            r = kw_keys_take(&keys, found[i]);
    /* a check cites consents that other checks cite as well: only its own key, the first, makes it a version */
    if (r == 0 && keys.count > 0)
        r = kw_watches_find(&detector->watches, keys.list, (detector->subjects & event) != 0 ? 1 : keys.count, subjects);
    kw_free(keys.list);
    return r;
}

static int by_subject(const void *a, const void *b)
{
    const struct watched *x = a, *y = b;

    return (x->subject > y->subject) - (x->subject < y->subject);
}

/* except: the entry that touches them, evaluated by itself. */
static int evaluate_touched(struct kw_detector *detector, uint64_t except, struct subjects *subjects)
{
    int r = 0;

    if (subjects->count > 1)
        qsort(subjects->list, subjects->count, sizeof(*subjects->list), by_subject);
    for (size_t i = 0; r == 0 && i < subjects->count; i++) {
        const struct watched *watched = &subjects->list[i];
        struct kinward_record *subject;

        if (watched->subject == except || detector->entry->received_ms - watched->received_ms > WATCH_MS)
            continue;
        r = kw_record_load(detector, watched->subject, &subject);
        if (r == 0 && subject != NULL) {
            subject->backfill = watched->backfill;
            r = evaluate(detector, subject);
        }
    }
    return r;
}

static int evaluate_entry(struct kw_detector *detector, uint64_t event)
{
    const struct kw_detect_entry *entry = detector->entry;
    struct kinward_record *subject;
    int r = kw_record_load(detector, entry->position, &subject);

    if (r < 0 || subject == NULL)
        return r;
    if ((detector->subjects & event) != 0)
        r = evaluate(detector, subject);
    return r == 0 && entry->kind == 2 ? kw_detect_answer(detector, subject, &detector->detection->answer) : r;
}

/* The keys as stored, or from the image. */
static int keys_of(struct kw_detector *detector, const struct kw_detect_entry *entry, struct keys *keys)
{
    struct kw_image image;
    int r;

    if (entry->found != NULL) {
        *keys = (struct keys){(uint64_t *)(uintptr_t)entry->found, entry->found_count, 0};
        return 0;
    }
    r = kw_image_open(entry->image, &image);
    return r < 0 ? r : kw_match_keys(&image, detector->secret, kw_keys_take, keys);
}

static void start(struct kw_detector *detector, const struct kw_detect_entry *entry, struct kw_detection *detection)
{
    kw_detection_clear(detection);
    detector->entry = entry;
    detector->detection = detection;
    detector->hit_room = detector->evaluated_room = detector->watch_room = 0;
}

static int finish(struct kw_detector *detector, int error, struct kw_fault *fault)
{
    enum kw_code code = error == -ENOMEM ? KW_E_MEMORY : error == -EBADMSG ? KW_E_CORRUPT : KW_E_INTERNAL;

    kw_record_drop_all(detector);
    detector->entry = NULL;
    if (error >= 0)
        return 0;
    kw_detection_clear(detector->detection);
    return kw_fail(fault, error, code, "detect", "the rules could not be run: error %d", -error);
}

static int inspect(struct kw_detector *detector, const struct kw_detect_entry *entry, const struct keys *keys)
{
    struct subjects subjects = {0};
    uint64_t event = 1;
    int r;

    r = kw_detect_restore(detector, entry->position, entry->kind, keys->list, keys->count);
    if (r == 0)
        event = UINT64_C(1) << (detector->events[entry->position] & 0x3f);
    if (r == 0)
        r = find_touched(detector, event, keys->list, keys->count, &subjects);
    if (r == 0 && ((detector->subjects & event) != 0 || entry->kind == 2))
        r = evaluate_entry(detector, event);
    if (r == 0 && subjects.count > 0)
        r = evaluate_touched(detector, entry->position, &subjects);
    kw_free(subjects.list);
    return r;
}

static int inspect_again(struct kw_detector *detector, uint64_t position, bool backfill)
{
    struct subjects subjects = {0};
    struct keys keys = {0};
    struct kinward_record *subject;
    uint64_t event = UINT64_C(1) << (detector->events[position] & 0x3f);
    int r = kw_record_load(detector, position, &subject);

    if (r < 0 || subject == NULL)
        return r;
    subject->backfill = backfill;
    r = kw_match_keys(&subject->image, detector->secret, kw_keys_take, &keys);
    if (r == 0)
        r = find_touched(detector, event, keys.list, keys.count, &subjects);
    if (r == 0 && (detector->subjects & event) != 0)
        r = evaluate(detector, subject);
    if (r == 0 && subject->kind == 2)
        r = kw_detect_answer(detector, subject, &detector->detection->answer);
    if (r == 0)
        r = evaluate_touched(detector, position, &subjects);
    kw_free(subjects.list);
    kw_free(keys.list);
    return r;
}

int kw_detect_quiet(const struct kw_detector *detector, unsigned kind, const uint64_t *found, size_t count, bool *ret_quiet)
{
    struct subjects subjects = {0};
    uint64_t event = 1;
    int r = 0;

    if (count > 0 && kw_match_key_kind(found[0]) == KW_MATCH_EVENT)
        event = UINT64_C(1) << (found[0] & 0x3f);
    if (kind != 1 || (detector->subjects & event) != 0) {
        *ret_quiet = false;
        return 0;
    }
    r = find_touched(detector, event, found, count, &subjects);
    if (r == 0)
        *ret_quiet = subjects.count == 0;
    kw_free(subjects.list);
    return r;
}

int kw_detect_inspect(struct kw_detector *detector, const struct kw_detect_entry *entry, struct kw_detection *detection,
                      struct kw_fault *fault)
{
    struct keys keys = {0};
    int r = 0;

    start(detector, entry, detection);
    if (entry->kind == 1 || entry->kind == 2)
        r = keys_of(detector, entry, &keys);
    if (r == 0 && (entry->kind == 1 || entry->kind == 2))
        r = inspect(detector, entry, &keys);
    if (entry->found == NULL)
        kw_free(keys.list);
    return finish(detector, r, fault);
}

int kw_detect_again(struct kw_detector *detector, uint64_t position, bool backfill, int64_t now_ms, struct kw_detection *detection,
                    struct kw_fault *fault)
{
    const struct kw_detect_entry clock = {.received_ms = now_ms};

    start(detector, &clock, detection);
    return finish(detector, position == 0 || position > detector->last ? -EINVAL : inspect_again(detector, position, backfill),
                  fault);
}
