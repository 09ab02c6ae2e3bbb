/* SPDX-License-Identifier: Apache-2.0 */
/* records.c - earlier records for the rules: loading, standing, which version counts. */
#include "detect/private.h"

#include "journal/journal.h"

#include <errno.h>
#include <string.h>

static uint32_t standing_of(struct kw_view status)
{
    static const char *const registered[] = {"registered", "amended", "reinstated", "sealed"};
    static const char *const without[] = {"voided", "draft", "rejected", "archived"};

    for (size_t i = 0; i < KW_COUNT(registered); i++)
        if (kw_view_is(status, registered[i]))
            return KINWARD_REGISTERED;
    for (size_t i = 0; i < KW_COUNT(without); i++)
        if (kw_view_is(status, without[i]))
            return KINWARD_WITHOUT;
    return KINWARD_WAITING;
}

static void record_free(struct kinward_record *record)
{
    if (record == NULL)
        return;
    kw_buf_clear(&record->bytes);
    kw_free(record);
}

void kw_record_drop_all(struct kw_detector *detector)
{
    for (size_t i = 0; i < detector->loaded_count; i++)
        record_free(detector->loaded[i]);
    detector->loaded_count = 0;
}

static int read_bytes(struct kw_detector *detector, struct kinward_record *record)
{
    const struct kw_detect_entry *entry = detector->entry;

    if (entry == NULL || entry->position != record->position)
        return detector->source.read(detector->source.context, record->position, &record->bytes, &record->received_ms,
                                     &record->kind);
    record->received_ms = entry->received_ms;
    record->kind = entry->kind;
    record->backfill = entry->backfill;
    return kw_buf_append(&record->bytes, entry->image.data, entry->image.size);
}

static int record_read(struct kw_detector *detector, uint64_t position, struct kinward_record **ret_record)
{
    struct kinward_record *record = kw_alloc(sizeof(*record));
    int r;

    if (record == NULL)
        return -ENOMEM;
    record->position = position;
    record->current = -1;
    r = read_bytes(detector, record);
    if (r == 0)
        r = kw_image_open(kw_view_of(&record->bytes), &record->image);
    if (r == 0)
        r = kw_record_head(&record->image, &record->head);
    if (r < 0) {
        record_free(record);
        return r;
    }
    record->event = detector->events[position] & 0x7f;
    record->standing = standing_of(record->head.status);
    *ret_record = record;
    return 0;
}

int kw_record_load(struct kw_detector *detector, uint64_t position, struct kinward_record **ret_record)
{
    struct kinward_record *record;
    int r;

    for (size_t i = 0; i < detector->loaded_count; i++)
        if (detector->loaded[i]->position == position) {
            *ret_record = detector->loaded[i];
            return 0;
        }
    if (detector->loaded_count == detector->loaded_room) {
        size_t room = detector->loaded_room == 0 ? 32 : detector->loaded_room * 2;
        struct kinward_record **loaded = kw_resize(detector->loaded, room * sizeof(struct kinward_record *));

        if (loaded == NULL)
            return -ENOMEM;
        detector->loaded = loaded;
        detector->loaded_room = room;
    }
    r = record_read(detector, position, &record);
    if (r == -ENOENT) {
        *ret_record = NULL;
        return 0;
    }
    if (r < 0)
        return r;
    detector->loaded[detector->loaded_count++] = record;
    *ret_record = record;
    return 0;
}

/* ---- versions -------------------------------------------------------------------- */

static bool all_digits(struct kw_view text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.size > 0;
}

/* Versions that are numbers or times tell their order; else the one that came later counts. */
static bool is_later(const struct kinward_record *other, const struct kinward_record *than)
{
    struct kw_view a = other->head.source_version, b = than->head.source_version;
    int64_t x, y;

    if (kw_view_equal(a, b))
        return other->position > than->position;
    if (all_digits(a) && all_digits(b)) {
        while (a.size > 1 && a.data[0] == '0')
            a = (struct kw_view){a.data + 1, a.size - 1};
        while (b.size > 1 && b.data[0] == '0')
            b = (struct kw_view){b.data + 1, b.size - 1};
        return a.size != b.size ? a.size > b.size : memcmp(a.data, b.data, a.size) > 0;
    }
    if (kw_time_parse(a, &x) == 0 && kw_time_parse(b, &y) == 0 && x != y)
        return x > y;
    return other->position > than->position;
}

struct own {
    uint64_t keys[4];
    size_t count;
};

static int own_take(void *context, uint64_t key)
{
    struct own *own = context;

    if (own->count < KW_COUNT(own->keys))
        own->keys[own->count++] = key;
    return 0;
}

static int names_it(void *context, uint64_t key)
{
    const struct own *own = context;

    for (size_t i = 0; i < own->count; i++)
        if (own->keys[i] == key)
            return 1;
    return 0;
}

/* A later version of the same record, or one that supersedes or voids it. */
static int replaces(struct kw_detector *detector, const struct kinward_record *other, const struct kinward_record *record,
                    const struct own *own)
{
    static const enum kw_name links[] = {KW_N_supersedes, KW_N_voids};
    struct kw_view voided = kw_image_at(&other->image, 0, KW_PATH(KW_N_voiding, KW_N_voidedEventType));

    if (kw_view_equal(other->head.registry, record->head.registry) && kw_view_equal(other->head.source_id, record->head.source_id))
        return is_later(other, record) && !(other->standing == KINWARD_WAITING && record->standing == KINWARD_REGISTERED);
    if (other->standing != KINWARD_REGISTERED || (voided.size > 0 && !kw_view_equal(voided, record->head.event_type)))
        return 0;
    for (size_t i = 0; i < KW_COUNT(links); i++)
        for (kw_node link = kw_image_child(&other->image, 0, links[i]); link != KW_NONE;
             link = kw_image_next(&other->image, link, links[i])) {
            int r = kw_match_link_keys(&other->image, link, detector->secret, names_it, (void *)(uintptr_t)own);

            if (r != 0)
                return r;
        }
    return 0;
}

struct positions {
    uint64_t list[64];
    size_t count;
};

static int position_take(void *context, uint64_t position)
{
    struct positions *positions = context;

    if (positions->count < KW_COUNT(positions->list))
        positions->list[positions->count++] = position;
    return 0;
}

int kw_record_current(struct kw_detector *detector, struct kinward_record *record, bool *ret_current)
{
    struct positions positions = {.count = 0};
    struct own own = {.count = 0};
    int r = 0, replaced = 0;

    if (record->current < 0) {
        r = kw_match_own_keys(&record->image, detector->secret, own_take, &own);
        for (size_t i = 0; r == 0 && i < own.count; i++)
            r = kw_match_index_find(detector->index, own.keys[i], position_take, &positions);
        for (size_t i = 0; r == 0 && replaced == 0 && i < positions.count; i++) {
            struct kinward_record *other;

            if (positions.list[i] == record->position)
                continue;
            r = kw_record_load(detector, positions.list[i], &other);
            if (r == 0 && other != NULL)
                replaced = replaces(detector, other, record, &own);
        }
        if (r < 0 || replaced < 0)
            return r < 0 ? r : replaced;
        record->current = replaced == 0 && record->standing != KINWARD_WITHOUT;
    }
    *ret_current = record->current == 1;
    return 0;
}

bool kw_event_wanted(void *context, uint64_t position)
{
    const struct event_filter *filter = context;

    return position != filter->except && position <= filter->detector->last &&
           (filter->events >> (filter->detector->events[position] & 0x3f) & 1) != 0;
}

/* ---- a journal as the source -------------------------------------------------------- */

static int journal_read(void *context, uint64_t position, struct kw_buf *ret_image, int64_t *ret_received_ms, unsigned *ret_kind)
{
    struct kw_entry entry;
    int r = kw_journal_read(context, position, &entry, NULL);

    if (r < 0)
        return r;
    if (entry.erased || entry.image.size == 0)
        return -ENOENT;
    *ret_received_ms = entry.received_ms;
    *ret_kind = entry.kind;
    return kw_buf_append(ret_image, entry.image.data, entry.image.size);
}

struct kw_detect_source kw_detect_from_journal(struct kw_journal_reader *reader)
{
    return (struct kw_detect_source){reader, journal_read};
}
