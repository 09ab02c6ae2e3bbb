/* SPDX-License-Identifier: Apache-2.0 */
/* hit.c - a hit of a rule, copied out of the evaluation and completed from the records. */
#include "detect/private.h"

#include "crypto/crypto.h"

#include <errno.h>
#include <string.h>

void kw_hit_clear(struct kw_hit *hit)
{
    kw_free(hit->subjects);
    kw_free(hit->facts);
    kw_free(hit->causes);
    kw_free(hit->thresholds);
    memset(hit, 0, sizeof(*hit));
}

void kw_detection_clear(struct kw_detection *detection)
{
    for (size_t i = 0; i < detection->hit_count; i++)
        kw_hit_clear(&detection->hits[i]);
    for (size_t i = 0; i < detection->watch_count; i++)
        kw_free(detection->watches[i].keys);
    kw_free(detection->hits);
    kw_free(detection->evaluated);
    kw_free(detection->watches);
    memset(detection, 0, sizeof(*detection));
}

static void put(char *to, size_t size, struct kw_view text)
{
    size_t count = text.size < size ? text.size : size - 1;

    while (count > 0 && count < text.size && (text.data[count] & 0xc0) == 0x80) /* not within a character */
        count--;
    if (count > 0)
        memcpy(to, text.data, count);
    to[count] = 0;
}

static void put_text(char *to, size_t size, const char *text)
{
    put(to, size, text == NULL ? (struct kw_view){0} : kw_view_text(text));
}

static struct kw_view at(const struct kinward_record *record, const char *path)
{
    return kw_image_path(&record->image, 0, path);
}

static void copy_fact(struct kw_fact *to, const struct kinward_fact *from)
{
    const struct kinward_record *record = from->record;
    struct kw_view recorded = at(record, "registration/date/value");
    size_t used = 0;

    put_text(to->code, sizeof(to->code), from->code);
    put_text(to->role, sizeof(to->role), from->role);
    to->position = record->position;
    put(to->registry, sizeof(to->registry), record->head.registry);
    put(to->jurisdiction, sizeof(to->jurisdiction), record->head.jurisdiction);
    put(to->status, sizeof(to->status), record->head.status);
    put(to->recorded, sizeof(to->recorded), recorded.size > 0 ? recorded : at(record, "sourceRecord/recordedAt"));
    to->as_of_ms = record->received_ms;
    to->inferred = from->inferred != 0;
    to->reliability = record->standing == KINWARD_REGISTERED ? 'A' : 'C';
    to->credibility = from->inferred ? '3' : record->standing == KINWARD_REGISTERED ? '2' : '3';
    for (uint32_t i = 0; i < from->param_count; i++) {
        int size = snprintf(to->params + used, sizeof(to->params) - used, "%s=%s\n", from->params[i].name, from->params[i].value);

        if (size < 0 || (size_t)size >= sizeof(to->params) - used) {
            to->params[used] = 0; /* the rest does not fit */
            break;
        }
        used += (size_t)size;
    }
}

static const char *band(int least, int most)
{
    static const struct {
        int low, high;
        const char *name;
    } bands[] = {{0, 5, "0-5"}, {6, 11, "6-11"}, {12, 15, "12-15"}, {16, 17, "16-17"}, {18, 200, "18+"}};

    for (size_t i = 0; i < KW_COUNT(bands); i++)
        if (least >= bands[i].low && most <= bands[i].high)
            return bands[i].name;
    return "unknown";
}

static int copy_subject(struct kw_detector *detector, struct kw_hit_subject *to, const struct kinward_subject *from)
{
    const struct kinward_record *record = from->record;
    kw_node event = kw_image_child(&record->image, 0, KW_N_event);
    kw_node date = event == KW_NONE ? KW_NONE : kw_image_child(&record->image, event, KW_N_date);
    struct kw_date_range birth, day;
    int least, most;

    put_text(to->role, sizeof(to->role), from->role);
    put(to->registry, sizeof(to->registry), record->head.registry);
    put_text(to->age_band, sizeof(to->age_band), "unknown");
    if (kw_match_birth(&record->image, from->party, &birth) == 1 && kw_match_date(&record->image, date, &day) == 1) {
        kw_age_range(birth, day, &least, &most);
        put_text(to->age_band, sizeof(to->age_band), band(least, most));
    }
    return kw_match_handle(&record->image, from->party, detector->private, to->handle);
}

/* Parts of the correlation key, each with its length, after the rule: no two situations run together. */
static int correlate(const struct kw_detector *detector, const struct kinward_hit *hit, uint8_t ret_key[KW_HASH_SIZE])
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    int r = kw_put_item(&text, detector->rule->rule->id, strlen(detector->rule->rule->id));

    for (uint32_t i = 0; r == 0 && i < hit->key_count; i++)
        r = kw_put_item(&text, hit->key[i].data, hit->key[i].size);
    if (r == 0)
        kw_hmac_sha256((struct kw_view){detector->private, sizeof(detector->private)}, kw_view_text("kinward/correlation/v1\n"),
                       kw_view_of(&text), ret_key);
    return r;
}

static int copy_lists(struct kw_detector *detector, struct kw_hit *to, const struct kinward_hit *from)
{
    to->subjects = kw_alloc((from->subject_count + 1) * sizeof(*to->subjects));
    to->facts = kw_alloc((from->fact_count + 1) * sizeof(*to->facts));
    to->causes = kw_alloc((from->cause_count + 1) * sizeof(*to->causes));
    to->thresholds = kw_alloc((from->threshold_count + 1) * sizeof(*to->thresholds));
    if (to->subjects == NULL || to->facts == NULL || to->causes == NULL || to->thresholds == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < from->subject_count; i++) {
        int r = copy_subject(detector, &to->subjects[to->subject_count++], &from->subjects[i]);

        if (r < 0)
            return r;
    }
    for (uint32_t i = 0; i < from->fact_count; i++)
        copy_fact(&to->facts[to->fact_count++], &from->facts[i]);
    for (uint32_t i = 0; i < from->cause_count; i++) {
        put_text(to->causes[i].code, sizeof(to->causes[i].code), from->causes[i].code);
        to->causes[to->cause_count++].state = from->causes[i].state;
    }
    for (uint32_t i = 0; i < from->threshold_count; i++) {
        put_text(to->thresholds[i].name, sizeof(to->thresholds[i].name), from->thresholds[i].name);
        to->thresholds[i].value = from->thresholds[i].value;
        to->thresholds[to->threshold_count++].limit = from->thresholds[i].limit;
    }
    return 0;
}

static int fill(struct kw_detector *detector, struct kw_hit *to, const struct kinward_hit *from)
{
    const struct kinward_record *subject = detector->subject;

    put_text(to->rule, sizeof(to->rule), detector->rule->rule->id);
    put_text(to->reason, sizeof(to->reason), from->reason);
    put_text(to->title, sizeof(to->title), detector->rule->rule->title);
    to->version = detector->rule->rule->version;
    to->state = kw_rule_state_of(detector, to->rule, subject->head.registry);
    to->tier = from->tier;
    to->severity = from->severity;
    to->urgency = from->urgency;
    to->certainty = from->tier == KINWARD_TIER_A || from->certainty < KINWARD_LIKELY ? from->certainty : KINWARD_POSSIBLE;
    to->subject = subject->position;
    to->subject_ms = subject->received_ms;
    to->backfill = subject->backfill;
    to->late = detector->entry->received_ms - subject->received_ms > detector->rule->lookback_ms;
    put(to->jurisdiction, sizeof(to->jurisdiction), subject->head.jurisdiction);
    put(to->event_at, sizeof(to->event_at), at(subject, "event/date/value"));
    put(to->country, sizeof(to->country), at(subject, "event/place/country"));
    return copy_lists(detector, to, from);
}

/* One situation of one subject is told once: the stronger tier stays. */
int kw_hit_emit(struct kw_detector *detector, const struct kinward_hit *hit)
{
    struct kw_detection *detection = detector->detection;
    struct kw_hit made = {0};
    int r = correlate(detector, hit, made.key);

    if (r == 0)
        r = fill(detector, &made, hit);
    for (size_t i = 0; r == 0 && i < detection->hit_count; i++) {
        struct kw_hit *known = &detection->hits[i];

        if (known->subject != made.subject || strcmp(known->rule, made.rule) != 0 ||
            memcmp(known->key, made.key, sizeof(made.key)) != 0)
            continue;
        if (made.tier < known->tier) {
            kw_hit_clear(known);
            *known = made;
        } else {
            kw_hit_clear(&made);
        }
        return 0;
    }
    if (r == 0 && detection->hit_count == detector->hit_room) {
        size_t room = detector->hit_room == 0 ? 8 : detector->hit_room * 2;
        struct kw_hit *hits = kw_resize(detection->hits, room * sizeof(*hits));

        if (hits == NULL) {
            r = -ENOMEM;
        } else {
            detection->hits = hits;
            detector->hit_room = room;
        }
    }
    if (r < 0) {
        kw_hit_clear(&made);
        return r;
    }
    detection->hits[detection->hit_count++] = made;
    return 0;
}
