/* SPDX-License-Identifier: Apache-2.0 */
/* apply.c - a detection becomes instances of situations, and those make, change or withdraw alerts. */
#include "alert/acts.h"

#include "kinward/rules.h"

/* ---- settle ---------------------------------------------------------------------------------- */

static int withdraw(struct kw_alerts *alerts, struct alert *alert, int64_t now_ms, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf last = {0};
    struct issue issue = {.type = KW_ALERT_CANCEL, .now_ms = now_ms};
    int r = 0;

    if (alert->sent == 0) {
        alert->standing = STANDING_DROPPED;
        return kw_alert_row_put(alerts->store, alert, fault);
    }
    r = kw_revision_read(alerts->store, &alerts->keys, alert->id, alert->sent, &last, NULL, &issue.core, fault);
    if (r == 0)
        r = kw_alert_issue(alerts, alert, &issue, fault);
    alert->standing = STANDING_CANCELLED;
    return r == 0 ? kw_alert_row_put(alerts->store, alert, fault) : r;
}

static void take_content(struct alert *alert, const struct alert *content)
{
    memcpy(alert->rule, content->rule, sizeof(alert->rule));
    memcpy(alert->registry, content->registry, sizeof(alert->registry));
    memcpy(alert->reason, content->reason, sizeof(alert->reason));
    memcpy(alert->jurisdictions, content->jurisdictions, sizeof(alert->jurisdictions));
    memcpy(alert->digest, content->digest, sizeof(alert->digest));
    alert->tier = content->tier;
    alert->count = content->count;
    alert->backfill = content->backfill;
    alert->first_ms = content->first_ms;
    alert->last_ms = content->last_ms;
}

static int say(struct kw_alerts *alerts, struct alert *alert, const struct alert *content, enum level level, struct kw_view core,
               int64_t now_ms, struct kw_fault *fault)
{
    static const enum standing standings[] = {0, STANDING_SHADOW, STANDING_REVIEW, STANDING_ACTIVE};
    struct issue issue = {.now_ms = now_ms, .core = core};
    int r;

    take_content(alert, content);
    alert->standing = alert->sent > 0 ? STANDING_ACTIVE : standings[level];
    if (alert->standing == STANDING_ACTIVE)
        issue.type = alert->sent > 0 ? KW_ALERT_UPDATE : KW_ALERT_ALERT;
    r = kw_alert_issue(alerts, alert, &issue, fault);
    return r == 0 ? kw_alert_row_put(alerts->store, alert, fault) : r;
}

static bool ended(const struct alert *alert)
{
    return alert->standing == STANDING_CANCELLED || alert->standing == STANDING_EXPIRED;
}

/* Whether what the instances say has been said. */
static bool said(const struct alert *alert, const struct alert *content, enum level level, bool added)
{
    static const enum level levels[] = {
        [STANDING_SHADOW] = LEVEL_SHADOW, [STANDING_REVIEW] = LEVEL_REVIEW, [STANDING_ACTIVE] = LEVEL_LIVE};
    bool same = memcmp(alert->digest, content->digest, sizeof(alert->digest)) == 0;

    if (alert->standing == STANDING_DROPPED)
        return same && !added;
    return same && alert->standing <= STANDING_ACTIVE && levels[alert->standing] == level;
}

int kw_alert_settle(struct kw_alerts *alerts, const uint8_t situation[KW_HASH_SIZE], bool added, int64_t now_ms,
                    struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf core = {0};
    struct alert alert = {0}, content = {0};
    enum level level = 0;
    int known = kw_alert_row_latest(alerts->store, situation, &alert, fault), r;

    if (known < 0)
        return known;
    if (known == 1 && alert.sent > 0 && alert.standing != STANDING_CANCELLED && !(ended(&alert) && added)) {
        r = kw_instances(alerts, situation, LEVEL_LIVE, &content, &level, &core, fault);
        if (r == 0)
            r = withdraw(alerts, &alert, now_ms, fault);
        else if (r == 1)
            return alert.standing == STANDING_EXPIRED || said(&alert, &content, level, added)
                       ? 0
                       : say(alerts, &alert, &content, level, kw_view_of(&core), now_ms, fault);
        if (r < 0)
            return r;
        added = true; /* what was not sent yet stands for itself now */
    }
    r = kw_instances(alerts, situation, 0, &content, &level, &core, fault);
    if (r < 0)
        return r;
    if (r == 0)
        return known == 1 && !ended(&alert) && alert.standing != STANDING_DROPPED ? withdraw(alerts, &alert, now_ms, fault) : 0;
    if (known == 0 || (ended(&alert) && added)) {
        uint32_t generation = known == 0 ? 1 : alert.generation + 1;

        alert = (struct alert){.generation = generation};
        memcpy(alert.situation, situation, sizeof(alert.situation));
        kw_alert_identify(&alerts->keys, &alert);
    } else if (ended(&alert) || said(&alert, &content, level, added)) {
        return 0;
    }
    return say(alerts, &alert, &content, level, kw_view_of(&core), now_ms, fault);
}

/* ---- instances of a detection --------------------------------------------------------------------- */

static void add_word(char *words, size_t size, const char *word)
{
    size_t used = strlen(words);

    if (word[0] != 0 && (used == 0 || !kw_mandate_covers(words, word)))
        snprintf(words + used, size - used, "%s%s", used > 0 ? " " : "", word);
}

static enum level level_of(const struct kw_hit *hit, const struct instance *known, const struct alert *alert)
{
    if (known != NULL && known->level == LEVEL_LIVE) /* told: what it becomes is told as well */
        return LEVEL_LIVE;
    if (hit->state == KW_RULE_SHADOW)
        return LEVEL_SHADOW;
    if (hit->backfill)
        return LEVEL_REVIEW;
    if (alert != NULL && alert->standing == STANDING_ACTIVE) /* more of what was released */
        return LEVEL_LIVE;
    return hit->state == KW_RULE_LIVE && hit->tier == KINWARD_TIER_A ? LEVEL_LIVE : LEVEL_REVIEW;
}

static void describe(const struct kw_hit *hit, enum level level, struct kw_view core, struct instance *instance)
{
    *instance = (struct instance){
        .level = level, .subject = hit->subject, .tier = hit->tier, .backfill = hit->backfill, .at_ms = hit->subject_ms};
    snprintf(instance->rule, sizeof(instance->rule), "%s", hit->rule);
    snprintf(instance->reason, sizeof(instance->reason), "%s", hit->reason);
    if (hit->fact_count > 0)
        snprintf(instance->registry, sizeof(instance->registry), "%s", hit->facts[0].registry);
    add_word(instance->jurisdictions, sizeof(instance->jurisdictions), hit->jurisdiction);
    for (size_t i = 0; i < hit->fact_count; i++)
        add_word(instance->jurisdictions, sizeof(instance->jurisdictions), hit->facts[i].jurisdiction);
    kw_sha256_of(core.data, core.size, instance->digest);
}

/* Situations that an entry touched: each is settled once, when all is known. */
struct touched {
    struct situation {
        uint8_t key[KW_HASH_SIZE];
        bool added;
    } * list;
    size_t count, room;
};

static void clear_touched(struct touched *touched)
{
    kw_free(touched->list);
}

static int touch(struct touched *touched, const uint8_t situation[KW_HASH_SIZE], bool added, struct kw_fault *fault)
{
    for (size_t i = 0; i < touched->count; i++)
        if (memcmp(touched->list[i].key, situation, KW_HASH_SIZE) == 0) {
            touched->list[i].added |= added;
            return 0;
        }
    if (touched->count == touched->room) {
        size_t room = touched->room == 0 ? 8 : 2 * touched->room;
        struct situation *list = kw_resize(touched->list, room * sizeof(*list));

        if (list == NULL)
            return kw_alert_trouble(-ENOMEM, fault);
        touched->list = list;
        touched->room = room;
    }
    memcpy(touched->list[touched->count].key, situation, KW_HASH_SIZE);
    touched->list[touched->count++].added = added;
    return 0;
}

static int take_hit(struct kw_alerts *alerts, const struct kw_hit *hit, struct touched *touched, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf core = {0};
    struct instance known, instance;
    struct alert alert;
    int found = kw_instance(alerts, hit->key, hit->subject, &known, fault), r;

    if (found < 0 || (found == 0 && hit->late))
        return found;
    r = kw_alert_row_latest(alerts->store, hit->key, &alert, fault);
    if (r < 0)
        return r;
    enum level level = level_of(hit, found == 1 ? &known : NULL, r == 1 ? &alert : NULL);
    r = kw_alert_trouble(kw_statement_core(&alerts->keys, hit, &core), fault);
    if (r < 0)
        return r;
    describe(hit, level, kw_view_of(&core), &instance);
    if (found == 1 && known.level == level && memcmp(known.digest, instance.digest, sizeof(known.digest)) == 0)
        return 0;
    r = kw_instance_put(alerts, hit->key, &instance, kw_view_of(&core), fault);
    return r == 0 ? touch(touched, hit->key, found == 0, fault) : r;
}

static bool still_hit(const struct kw_detection *detection, const struct kw_evaluated *evaluated,
                      const uint8_t situation[KW_HASH_SIZE])
{
    for (size_t i = 0; i < detection->hit_count; i++)
        if (detection->hits[i].subject == evaluated->subject && strcmp(detection->hits[i].rule, evaluated->rule) == 0 &&
            memcmp(detection->hits[i].key, situation, KW_HASH_SIZE) == 0)
            return true;
    return false;
}

/* A situation in which the rule saw the subject before and does not now: 1 and the situation, 0 when there is none more. */
static int find_gone(struct kw_alerts *alerts, const struct kw_detection *detection, const struct kw_evaluated *evaluated,
                     uint8_t ret_situation[KW_HASH_SIZE], struct kw_fault *fault)
{
    struct kw_query *query;
    bool gone = false;
    int r =
        kw_query(alerts->store, "SELECT situation FROM instance WHERE subject=?1 AND rule=?2 ORDER BY situation", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)evaluated->subject);
    kw_bind_text(query, 2, evaluated->rule);
    while (!gone && (r = kw_query_step(query, fault)) == 1) {
        struct kw_view situation = kw_column_blob(query, 0);

        gone = situation.size == KW_HASH_SIZE && !still_hit(detection, evaluated, situation.data);
        if (gone)
            memcpy(ret_situation, situation.data, KW_HASH_SIZE);
    }
    kw_query_reset(query);
    return r < 0 ? r : gone;
}

static int withdraw_gone(struct kw_alerts *alerts, const struct kw_detection *detection, const struct kw_evaluated *evaluated,
                         struct touched *touched, struct kw_fault *fault)
{
    uint8_t situation[KW_HASH_SIZE];
    int r;

    while ((r = find_gone(alerts, detection, evaluated, situation, fault)) == 1) {
        r = kw_instance_remove(alerts, situation, evaluated->subject, fault);
        if (r == 0)
            r = touch(touched, situation, false, fault);
        if (r < 0)
            return r;
    }
    return r;
}

/* ---- answers and watches ------------------------------------------------------------------------------ */

/* The case of the alert that a referred check belongs to: of its strongest hit. */
static int find_case(struct kw_alerts *alerts, const struct kw_detect_entry *entry, const struct kw_detection *detection,
                     uint8_t ret_case[16], struct kw_fault *fault)
{
    const struct kw_hit *best = NULL;
    struct alert alert;
    int r;

    for (size_t i = 0; i < detection->hit_count; i++) {
        const struct kw_hit *hit = &detection->hits[i];

        if (hit->subject == entry->position && !hit->late && hit->state >= KW_RULE_REVIEW &&
            (best == NULL || hit->tier < best->tier))
            best = hit;
    }
    if (best == NULL)
        return 0;
    r = kw_alert_row_latest(alerts->store, best->key, &alert, fault);
    if (r == 1)
        kw_alert_case(&alerts->keys, alert.id, ret_case);
    return r < 0 ? r : 0;
}

static int put_answer(struct kw_alerts *alerts, const struct kw_detect_entry *entry, const struct kw_detection *detection,
                      struct kw_fault *fault)
{
    uint8_t reference[16] = {0};
    struct kw_query *query;
    int r = 0;

    if (detection->answer == KW_ANSWER_NONE)
        return 0;
    if (detection->answer == KW_ANSWER_REFER)
        r = find_case(alerts, entry, detection, reference, fault);
    if (r == 0)
        r = kw_query(alerts->store, "INSERT OR REPLACE INTO answer(position,answer,reference) VALUES(?1,?2,?3)", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)entry->position);
    kw_bind_integer(query, 2, detection->answer);
    kw_bind_blob(query, 3, (struct kw_view){reference, sizeof(reference)});
    return kw_query_run(query, NULL, fault);
}

int kw_alerts_answer(struct kw_alerts *alerts, uint64_t position, enum kw_answer *ret_answer, uint8_t ret_case[16],
                     struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(alerts->store, "SELECT answer,reference FROM answer WHERE position=?1", &query, fault);

    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)position);
    r = kw_query_step(query, fault);
    if (r == 1) {
        struct kw_view reference = kw_column_blob(query, 1);

        *ret_answer = (enum kw_answer)kw_column_integer(query, 0);
        if (reference.size == 16)
            memcpy(ret_case, reference.data, 16);
        r = reference.size == 16 ? 0 : kw_alert_trouble(-EBADMSG, fault);
    } else if (r == 0) {
        r = kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "position", "%s", kw_code_text(KW_E_NOT_FOUND));
    }
    kw_query_reset(query);
    return r;
}

static int put_watch(struct kw_alerts *alerts, const struct kw_watch *watch, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf keys = {0};
    struct kw_query *query;
    int r = 0;

    for (size_t i = 0; r == 0 && i < watch->count; i++)
        r = kw_buf_u64(&keys, watch->keys[i]);
    if (r < 0)
        return kw_alert_trouble(r, fault);
    r = kw_query(alerts->store, "INSERT INTO watch(subject,received,backfill,keys) VALUES(?1,?2,?3,?4)", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)watch->subject);
    kw_bind_integer(query, 2, watch->received_ms);
    kw_bind_integer(query, 3, watch->backfill);
    kw_bind_blob(query, 4, kw_view_of(&keys));
    return kw_query_run(query, NULL, fault);
}

static int take_watch(struct kw_query *query, uint64_t *keys, size_t room, struct kw_watch *ret_watch)
{
    struct kw_view rest = kw_column_blob(query, 3);
    size_t count = rest.size / 8;

    if (rest.size % 8 != 0 || count > room)
        return -EBADMSG;
    for (size_t i = 0; i < count; i++)
        if (kw_take_u64(&rest, &keys[i]) < 0)
            return -EBADMSG;
    *ret_watch = (struct kw_watch){(uint64_t)kw_column_integer(query, 0), kw_column_integer(query, 1),
                                   kw_column_integer(query, 2) != 0, keys, count};
    return 0;
}

int kw_alerts_watches(struct kw_alerts *alerts, int (*visit)(void *context, const struct kw_watch *watch), void *context,
                      struct kw_fault *fault)
{
    KW_AUTO(kw_freep) uint64_t *keys = kw_alloc(KW_LIMIT_MATCH_KEYS * sizeof(*keys));
    struct kw_query *query;
    struct kw_watch watch;
    int r = keys == NULL
                ? kw_alert_trouble(-ENOMEM, fault)
                : kw_query(alerts->store, "SELECT subject,received,backfill,keys FROM watch ORDER BY number", &query, fault);

    if (r < 0)
        return r;
    while ((r = kw_query_step(query, fault)) == 1) {
        r = take_watch(query, keys, KW_LIMIT_MATCH_KEYS, &watch);
        r = r < 0 ? kw_alert_trouble(r, fault) : visit(context, &watch);
        if (r != 0)
            break;
    }
    kw_query_reset(query);
    return r;
}

/* ---- apply ------------------------------------------------------------------------------------------------ */

static int apply(struct kw_alerts *alerts, const struct kw_detect_entry *entry, const struct kw_detection *detection,
                 struct kw_fault *fault)
{
    KW_AUTO(clear_touched) struct touched touched = {0};
    int r = 0;

    for (size_t i = 0; r == 0 && i < detection->hit_count; i++)
        r = take_hit(alerts, &detection->hits[i], &touched, fault);
    for (size_t i = 0; r == 0 && i < detection->evaluated_count; i++)
        r = withdraw_gone(alerts, detection, &detection->evaluated[i], &touched, fault);
    for (size_t i = 0; r == 0 && i < touched.count; i++)
        r = kw_alert_settle(alerts, touched.list[i].key, touched.list[i].added, entry->received_ms, fault);
    for (size_t i = 0; r == 0 && i < detection->watch_count; i++)
        r = put_watch(alerts, &detection->watches[i], fault);
    return r == 0 ? put_answer(alerts, entry, detection, fault) : r;
}

int kw_alerts_apply(struct kw_alerts *alerts, const struct kw_detect_entry *entry, const struct kw_detection *detection,
                    struct kw_fault *fault)
{
    int r;

    if (entry->position <= alerts->cursor)
        return 0;
    r = apply(alerts, entry, detection, fault);
    if (r < 0) {
        kw_alerts_rollback(alerts);
        return r;
    }
    alerts->cursor = entry->position;
    return 0;
}

int kw_alerts_apply_again(struct kw_alerts *alerts, const struct kw_aside_retry *retry, struct kw_fault *fault)
{
    const struct kw_detect_entry entry = {.position = retry->position, .kind = retry->kind, .received_ms = retry->act_ms};
    int r;

    if (retry->act <= alerts->cursor)
        return 0;
    r = kw_alert_act(alerts, retry->position, retry->kind, retry->act_ms, retry->json, fault);
    if (r == 0)
        r = apply(alerts, &entry, retry->detection, fault);
    if (r == 0)
        r = kw_alert_settle_retried(alerts, retry, fault);
    if (r < 0) {
        kw_alerts_rollback(alerts);
        return r;
    }
    alerts->cursor = retry->act;
    return 0;
}
