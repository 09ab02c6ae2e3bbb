/* SPDX-License-Identifier: Apache-2.0 */
/* inbox.c - an agency's durable inbox.
 *
 * items.db in the inbox folder, kept by the store room: one row for each item, sealed as it came, so that the inbox at rest shows
 * no more than the hub's envelopes do; it is opened with the box key when somebody reads it. A database rather than files of our
 * own, because group commit, torn tails and the full disk are solved and tested there; the chain hash of the stream, kept with each
 * row and computed anew when the row is read, shows what a checksum would. One client writes, under a lock; any number of
 * processes read. An epoch is never removed: after a restore of the hub its old items stay beside the new ones. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "feed/inbox.h"
#include "store/store.h"

#define CHECKPOINT (8u << 20) /* bytes written after which the log is copied into the database */

static const char *const migrations[] = {
    "CREATE TABLE owner(stream TEXT NOT NULL, hub TEXT NOT NULL);"
    "CREATE TABLE epoch(place INTEGER PRIMARY KEY AUTOINCREMENT, epoch INTEGER NOT NULL UNIQUE, begun INTEGER NOT NULL,"
    " confirmed INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE item(place INTEGER NOT NULL REFERENCES epoch, number INTEGER NOT NULL, alert BLOB NOT NULL,"
    " revision INTEGER NOT NULL, received INTEGER NOT NULL, previous BLOB NOT NULL, chain BLOB NOT NULL, signer BLOB NOT NULL,"
    " envelope BLOB NOT NULL, signature BLOB NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY(place, number));",
};

struct kw_inbox {
    struct kw_store *store;
    int lock;
    bool begun, writer;
    uint64_t place, epoch, last, confirmed, noted; /* noted: confirmed as it is stored */
    uint8_t head[KW_HASH_SIZE];
    uint64_t unchecked; /* bytes since the log was copied */
};

static int in_folder(const struct kw_agency *agency, const char *name, char ret_path[KW_PATH_SIZE], struct kw_fault *fault)
{
    if (kw_path_join(ret_path, KW_PATH_SIZE, agency->inbox, name) < 0)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, agency->inbox, "the path is too long");
    return 0;
}

static int corrupt(struct kw_fault *fault, uint64_t number)
{
    return kw_fail(fault, -EBADMSG, KW_E_CORRUPT, "inbox", "item %llu is not what was stored", (unsigned long long)number);
}

static int copy(struct kw_view from, uint8_t *ret_bytes, size_t size)
{
    if (from.size != size)
        return -EBADMSG;
    memcpy(ret_bytes, from.data, size);
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

#define COLUMNS                                                                                                                    \
    "SELECT epoch.epoch, item.number, item.received, item.previous, item.chain, item.signer, item.envelope, item.signature,"       \
    " item.key, item.body FROM item JOIN epoch USING(place)"

static int read_item(struct kw_query *query, struct kw_item *ret_item, struct kw_fault *fault)
{
    uint8_t chain[KW_HASH_SIZE];
    struct kw_item item = {.epoch = (uint64_t)kw_column_integer(query, 0),
                           .number = (uint64_t)kw_column_integer(query, 1),
                           .received_ms = kw_column_integer(query, 2),
                           .envelope = kw_column_blob(query, 6),
                           .signature = kw_column_blob(query, 7),
                           .key = kw_column_blob(query, 8),
                           .body = kw_column_blob(query, 9)};
    int r = copy(kw_column_blob(query, 3), item.previous, sizeof item.previous);
    if (r == 0)
        r = copy(kw_column_blob(query, 4), chain, sizeof chain);
    if (r == 0)
        r = copy(kw_column_blob(query, 5), item.signer, sizeof item.signer);
    if (r == 0)
        kw_item_chain(&item);
    if (r < 0 || memcmp(chain, item.chain, sizeof chain) != 0)
        return corrupt(fault, item.number);
    *ret_item = item;
    return 0;
}

int kw_inbox_items(struct kw_inbox *inbox, const uint8_t *alert, uint64_t from,
                   int (*visit)(void *context, const struct kw_item *item), void *context, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(inbox->store,
                     COLUMNS " WHERE (?1 IS NULL OR item.alert = ?1) AND (?2 = 0 OR (item.number >= ?2 AND item.place ="
                             " (SELECT max(place) FROM epoch))) ORDER BY item.place, item.number",
                     &query, fault);
    if (r < 0)
        return r;
    if (alert)
        kw_bind_blob(query, 1, (struct kw_view){alert, KW_ALERT_ID_SIZE});
    else
        kw_bind_null(query, 1);
    kw_bind_integer(query, 2, (int64_t)from);
    while ((r = kw_query_step(query, fault)) == 1) {
        struct kw_item item;
        r = read_item(query, &item, fault);
        if (r == 0)
            r = visit(context, &item);
        if (r)
            break;
    }
    kw_query_reset(query);
    return r;
}

int kw_inbox_rows(struct kw_inbox *inbox, int (*visit)(void *context, const struct kw_inbox_row *row), void *context,
                  struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(inbox->store,
                     "SELECT epoch.epoch, item.number, item.alert, item.revision FROM item JOIN epoch USING(place)"
                     " ORDER BY item.place, item.number",
                     &query, fault);
    if (r < 0)
        return r;
    while ((r = kw_query_step(query, fault)) == 1) {
        struct kw_inbox_row row = {.epoch = (uint64_t)kw_column_integer(query, 0),
                                   .number = (uint64_t)kw_column_integer(query, 1),
                                   .revision = (uint32_t)kw_column_integer(query, 3)};
        r = copy(kw_column_blob(query, 2), row.alert, sizeof row.alert) < 0 ? corrupt(fault, row.number) : visit(context, &row);
        if (r)
            break;
    }
    kw_query_reset(query);
    return r;
}

int kw_inbox_state(struct kw_inbox *inbox, struct kw_inbox_state *ret_state, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(inbox->store,
                     "SELECT epoch.epoch, (SELECT coalesce(max(number), 0) FROM item WHERE item.place = epoch.place), confirmed,"
                     " (SELECT count(*) FROM item WHERE item.place < epoch.place) FROM epoch ORDER BY place DESC LIMIT 1",
                     &query, fault);
    if (r < 0)
        return r;
    r = kw_query_step(query, fault);
    *ret_state = (struct kw_inbox_state){0};
    if (r == 1) {
        ret_state->epoch = (uint64_t)kw_column_integer(query, 0);
        ret_state->last = (uint64_t)kw_column_integer(query, 1);
        ret_state->confirmed = (uint64_t)kw_column_integer(query, 2);
        ret_state->older = (uint64_t)kw_column_integer(query, 3);
    }
    kw_query_reset(query);
    return r < 0 ? r : 0;
}

/* ---- opening ---------------------------------------------------------------------------------- */

static int last_of(void *context, const struct kw_item *item)
{
    struct kw_inbox *inbox = context;
    memcpy(inbox->head, item->chain, sizeof inbox->head);
    return 0;
}

/* Where the stream goes on. The last item is read, so that a changed one is noticed before anything is put behind it. */
static int read_head(struct kw_inbox *inbox, struct kw_fault *fault)
{
    struct kw_inbox_state state;
    struct kw_query *query;
    int r = kw_inbox_state(inbox, &state, fault);
    if (r < 0)
        return r;
    inbox->epoch = state.epoch;
    inbox->last = state.last;
    inbox->confirmed = inbox->noted = state.confirmed;
    memset(inbox->head, 0, sizeof inbox->head);
    r = kw_query(inbox->store, "SELECT coalesce(max(place), 0) FROM epoch", &query, fault);
    if (r < 0)
        return r;
    r = kw_query_step(query, fault);
    inbox->place = r == 1 ? (uint64_t)kw_column_integer(query, 0) : 0;
    kw_query_reset(query);
    if (r < 0 || !inbox->last)
        return r < 0 ? r : 0;
    return kw_inbox_items(inbox, NULL, inbox->last, last_of, inbox, fault);
}

/* An inbox belongs to one stream of one hub: two in one would look like a fork. */
static int check_owner(struct kw_inbox *inbox, const struct kw_agency *agency, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(inbox->store, "SELECT stream, hub FROM owner", &query, fault);
    if (r < 0)
        return r;
    r = kw_query_step(query, fault);
    bool known = r == 1, same = known && kw_view_is(kw_column_text(query, 0), agency->name) &&
                                kw_view_is(kw_column_text(query, 1), agency->hub.name);
    kw_query_reset(query);
    if (r < 0)
        return r;
    if (known && !same)
        return kw_fail(fault, -EINVAL, KW_E_CONFIG, agency->inbox, "is the inbox of another stream or hub; name another folder");
    if (known || !inbox->writer)
        return 0;
    r = kw_store_begin(inbox->store, fault);
    if (r == 0)
        r = kw_query(inbox->store, "INSERT INTO owner VALUES(?1, ?2)", &query, fault);
    if (r < 0)
        return r;
    kw_bind_text(query, 1, agency->name);
    kw_bind_text(query, 2, agency->hub.name);
    r = kw_query_run(query, NULL, fault);
    return r == 0 ? kw_store_commit(inbox->store, fault) : r;
}

static int open_store(const struct kw_agency *agency, struct kw_inbox *inbox, struct kw_fault *fault)
{
    char path[KW_PATH_SIZE];
    int r = in_folder(agency, "items.db", path, fault);
    if (r < 0)
        return r;
    if (inbox->writer)
        r = kw_store_open(path, migrations, KW_COUNT(migrations), &inbox->store, fault);
    else if (access(path, F_OK) < 0)
        r = kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "inbox", "nothing was fetched yet: kinward feed fetch");
    else
        r = kw_store_open_reader(path, &inbox->store, fault);
    return r == 0 ? check_owner(inbox, agency, fault) : r;
}

int kw_inbox_open(const struct kw_agency *agency, struct kw_inbox **ret_inbox, struct kw_fault *fault)
{
    KW_AUTO(kw_inbox_closep) struct kw_inbox *inbox = kw_alloc(sizeof *inbox);
    char path[KW_PATH_SIZE];
    if (!inbox)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "inbox", "no memory");
    inbox->lock = -1;
    inbox->writer = true;
    int r = kw_dir_make(agency->inbox, 0700, fault);
    if (r == 0)
        r = in_folder(agency, "items.lock", path, fault);
    if (r == 0)
        r = kw_lock_take(path, &inbox->lock, fault);
    if (r == 0)
        r = open_store(agency, inbox, fault);
    if (r == 0)
        r = read_head(inbox, fault);
    if (r < 0)
        return r;
    *ret_inbox = inbox;
    inbox = NULL;
    return 0;
}

int kw_inbox_open_reader(const struct kw_agency *agency, struct kw_inbox **ret_inbox, struct kw_fault *fault)
{
    KW_AUTO(kw_inbox_closep) struct kw_inbox *inbox = kw_alloc(sizeof *inbox);
    if (!inbox)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "inbox", "no memory");
    inbox->lock = -1;
    int r = open_store(agency, inbox, fault);
    if (r < 0)
        return r;
    *ret_inbox = inbox;
    inbox = NULL;
    return 0;
}

void kw_inbox_close(struct kw_inbox *inbox)
{
    if (!inbox)
        return;
    if (inbox->store) {
        if (inbox->begun)
            kw_store_rollback(inbox->store); /* never half a turn; what was confirmed was committed before */
        else if (inbox->noted < inbox->confirmed)
            (void)!kw_inbox_commit(inbox, NULL);
    }
    kw_store_closep(&inbox->store);
    kw_closep(&inbox->lock);
    kw_free(inbox);
}

void kw_inbox_closep(struct kw_inbox **inbox)
{
    kw_inbox_close(*inbox);
    *inbox = NULL;
}

/* ---- writing ------------------------------------------------------------------------------------ */

bool kw_inbox_begun(const struct kw_inbox *inbox)
{
    return inbox->place != 0;
}

uint64_t kw_inbox_epoch(const struct kw_inbox *inbox)
{
    return inbox->epoch;
}

uint64_t kw_inbox_last(const struct kw_inbox *inbox)
{
    return inbox->last;
}

static int begin(struct kw_inbox *inbox, struct kw_fault *fault)
{
    if (inbox->begun)
        return 0;
    int r = kw_store_begin(inbox->store, fault);
    inbox->begun = r == 0;
    return r;
}

int kw_inbox_epoch_add(struct kw_inbox *inbox, uint64_t epoch, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = begin(inbox, fault);
    if (r == 0)
        r = kw_query(inbox->store, "INSERT INTO epoch(epoch, begun) VALUES(?1, ?2)", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)epoch);
    kw_bind_integer(query, 2, kw_clock_wall_ms());
    r = kw_query_run(query, NULL, fault);
    if (r == 0)
        r = kw_inbox_commit(inbox, fault);
    else
        (void)!kw_inbox_rollback(inbox, NULL);
    return r == 0 ? read_head(inbox, fault) : r;
}

/* What is stored under a number of this epoch, or a fork. */
static int same_as(void *context, const struct kw_item *item)
{
    const struct kw_item *came = context;
    return memcmp(item->chain, came->chain, sizeof item->chain) == 0 ? 1 : -EKEYREJECTED;
}

int kw_inbox_place(struct kw_inbox *inbox, const struct kw_item *item, struct kw_fault *fault)
{
    if (item->number > inbox->last + 1)
        return KW_ITEM_BEYOND;
    if (item->number == inbox->last + 1) {
        if (memcmp(item->previous, inbox->head, sizeof inbox->head) == 0)
            return KW_ITEM_NEXT;
    } else {
        int r = kw_inbox_items(inbox, NULL, item->number, same_as, (void *)(uintptr_t)item, fault);
        if (r != -EKEYREJECTED)
            return r == 1 ? KW_ITEM_AGAIN : r < 0 ? r : corrupt(fault, item->number);
    }
    return kw_fail(
        fault, -EKEYREJECTED, KW_E_FORK, "stream",
        "item %llu does not fit what is stored here: the hub shows two histories; keep the inbox and tell the hub's owner",
        (unsigned long long)item->number);
}

int kw_inbox_add(struct kw_inbox *inbox, const struct kw_item *item, const struct kw_letter *letter, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = begin(inbox, fault);
    if (r == 0)
        r = kw_query(inbox->store, "INSERT INTO item VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)inbox->place);
    kw_bind_integer(query, 2, (int64_t)item->number);
    kw_bind_blob(query, 3, (struct kw_view){letter->message.alert, KW_ALERT_ID_SIZE});
    kw_bind_integer(query, 4, letter->message.revision);
    kw_bind_integer(query, 5, item->received_ms);
    kw_bind_blob(query, 6, (struct kw_view){item->previous, KW_HASH_SIZE});
    kw_bind_blob(query, 7, (struct kw_view){item->chain, KW_HASH_SIZE});
    kw_bind_blob(query, 8, (struct kw_view){item->signer, KW_KEY_SIZE});
    kw_bind_blob(query, 9, item->envelope);
    kw_bind_blob(query, 10, item->signature);
    kw_bind_blob(query, 11, item->key);
    kw_bind_blob(query, 12, item->body);
    r = kw_query_run(query, NULL, fault);
    if (r < 0)
        return r;
    inbox->last = item->number;
    memcpy(inbox->head, item->chain, sizeof inbox->head);
    inbox->unchecked += item->envelope.size + item->body.size + 512;
    return 0;
}

void kw_inbox_confirmed(struct kw_inbox *inbox, uint64_t upto)
{
    inbox->confirmed = upto;
}

static int put_confirmed(struct kw_inbox *inbox, struct kw_fault *fault)
{
    struct kw_query *query;
    if (inbox->noted == inbox->confirmed || !inbox->place)
        return 0;
    int r = begin(inbox, fault);
    if (r == 0)
        r = kw_query(inbox->store, "UPDATE epoch SET confirmed = ?1 WHERE place = ?2", &query, fault);
    if (r < 0)
        return r;
    kw_bind_integer(query, 1, (int64_t)inbox->confirmed);
    kw_bind_integer(query, 2, (int64_t)inbox->place);
    return kw_query_run(query, NULL, fault);
}

int kw_inbox_commit(struct kw_inbox *inbox, struct kw_fault *fault)
{
    int r = put_confirmed(inbox, fault);
    if (r < 0 || !inbox->begun)
        return r;
    if (kw_fault_point("feed.store") < 0)
        return kw_fail(fault, -EIO, KW_E_STORE, "inbox", "a write failed");
    r = kw_store_commit(inbox->store, fault);
    if (r < 0)
        return r;
    inbox->begun = false;
    inbox->noted = inbox->confirmed;
    (void)kw_fault_point("feed.stored");
    if (inbox->unchecked >= CHECKPOINT) {
        (void)!kw_store_checkpoint(inbox->store, false, NULL, NULL, NULL); /* when it fails the log grows until the next time */
        inbox->unchecked = 0;
    }
    return 0;
}

int kw_inbox_rollback(struct kw_inbox *inbox, struct kw_fault *fault)
{
    kw_store_rollback(inbox->store);
    inbox->begun = false;
    return read_head(inbox, fault);
}
