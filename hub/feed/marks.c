/* SPDX-License-Identifier: Apache-2.0 */
/* marks.c - what people here said about alerts, in marks.db beside the items: a client that follows the feed has those locked. A
 * mark is written after the hub has taken it; killed in between it is missing here, and saying it again is harmless. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "feed/feed.h"
#include "store/store.h"

#define LOCK_MS 5000 /* two officers at once: the second waits for the first */

static const char *const migrations[] = {
    "CREATE TABLE mark(number INTEGER PRIMARY KEY AUTOINCREMENT, alert BLOB NOT NULL, revision INTEGER NOT NULL,"
    " feedback INTEGER NOT NULL, at INTEGER NOT NULL, person TEXT NOT NULL, role TEXT NOT NULL, outcome TEXT NOT NULL,"
    " cause TEXT NOT NULL);",
};

static int in_folder(const struct kw_agency *agency, const char *name, char ret_path[KW_PATH_SIZE], struct kw_fault *fault)
{
    if (kw_path_join(ret_path, KW_PATH_SIZE, agency->inbox, name) < 0)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, agency->inbox, "the path is too long");
    return 0;
}

static int take_lock(const struct kw_agency *agency, int *ret_lock, struct kw_fault *fault)
{
    const int64_t until = kw_clock_monotonic_ms() + LOCK_MS;
    char path[KW_PATH_SIZE];
    int r = kw_dir_make(agency->inbox, 0700, fault);
    if (r == 0)
        r = in_folder(agency, "marks.lock", path, fault);
    if (r < 0)
        return r;
    while ((r = kw_lock_take(path, ret_lock, fault)) == -EBUSY && kw_clock_monotonic_ms() < until)
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    return r;
}

static int insert(struct kw_store *store, const struct kw_mark *mark, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_store_begin(store, fault);
    if (r == 0)
        r = kw_query(store,
                     "INSERT INTO mark(alert, revision, feedback, at, person, role, outcome, cause)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                     &query, fault);
    if (r < 0)
        return r;
    kw_bind_blob(query, 1, (struct kw_view){mark->alert, sizeof mark->alert});
    kw_bind_integer(query, 2, mark->revision);
    kw_bind_integer(query, 3, mark->feedback);
    kw_bind_integer(query, 4, mark->at_ms);
    kw_bind_text(query, 5, mark->by);
    kw_bind_text(query, 6, mark->role);
    kw_bind_text(query, 7, mark->outcome);
    kw_bind_text(query, 8, mark->cause);
    r = kw_query_run(query, NULL, fault);
    return r == 0 ? kw_store_commit(store, fault) : r;
}

int kw_mark_add(const struct kw_agency *agency, const struct kw_mark *mark, struct kw_fault *fault)
{
    KW_AUTO(kw_closep) int lock = -1;
    KW_AUTO(kw_store_closep) struct kw_store *store = NULL;
    char path[KW_PATH_SIZE];
    int r = take_lock(agency, &lock, fault);
    if (r == 0)
        r = in_folder(agency, "marks.db", path, fault);
    if (r == 0)
        r = kw_store_open(path, migrations, KW_COUNT(migrations), &store, fault);
    return r == 0 ? insert(store, mark, fault) : r;
}

static int read_mark(struct kw_query *query, int (*visit)(void *context, const struct kw_mark *mark), void *context,
                     struct kw_fault *fault)
{
    char texts[4][128];
    const struct kw_view alert = kw_column_blob(query, 0);
    if (alert.size != KW_ALERT_ID_SIZE)
        return kw_fail(fault, -EBADMSG, KW_E_CORRUPT, "marks", "%s", kw_code_text(KW_E_CORRUPT));
    for (int i = 0; i < 4; i++) {
        const struct kw_view text = kw_column_text(query, 4 + i);
        snprintf(texts[i], sizeof texts[i], "%.*s", (int)text.size, (const char *)text.data);
    }
    struct kw_mark mark = {.revision = (uint32_t)kw_column_integer(query, 1),
                           .feedback = kw_column_integer(query, 2) != 0,
                           .at_ms = kw_column_integer(query, 3),
                           .by = texts[0],
                           .role = texts[1],
                           .outcome = texts[2],
                           .cause = texts[3]};
    for (size_t i = 0; i < alert.size; i++)
        mark.alert[i] = alert.data[i];
    return visit(context, &mark);
}

int kw_mark_each(const struct kw_agency *agency, int (*visit)(void *context, const struct kw_mark *mark), void *context,
                 struct kw_fault *fault)
{
    KW_AUTO(kw_store_closep) struct kw_store *store = NULL;
    struct kw_query *query;
    char path[KW_PATH_SIZE];
    int r = in_folder(agency, "marks.db", path, fault);
    if (r < 0)
        return r;
    if (access(path, F_OK) < 0)
        return 0;
    r = kw_store_open_reader(path, &store, fault);
    if (r == 0)
        r = kw_query(store, "SELECT alert, revision, feedback, at, person, role, outcome, cause FROM mark ORDER BY number", &query,
                     fault);
    if (r < 0)
        return r;
    while ((r = kw_query_step(query, fault)) == 1 && (r = read_mark(query, visit, context, fault)) == 0)
        ;
    kw_query_reset(query);
    return r;
}
