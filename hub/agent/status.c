/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - what the mapper warned of, and what a person may ask of the spool. */
#include "agent/spool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "json/json.h"

#define WARNINGS_MOST "500" /* kinds; what a mapper says is not to be trusted with more */

static void copy_text(struct kw_view text, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "%.*s", (int)text.size, (const char *)text.data);
}

/* ---- warnings ------------------------------------------------------------------------------- */

int kw_spool_warning(struct kw_spool *spool, const char *connector, struct kw_view code, struct kw_view place,
                     struct kw_fault *fault)
{
    struct kw_query *query;
    char code_text[40], place_text[160];
    int r = kw_spool_begin(spool, fault);
    if (r == 0)
        r = kw_query(spool->store,
                     "INSERT INTO warning SELECT ?1, iif(few, ?2, '(more)'), iif(few, ?3, '(more)'), 1 FROM"
                     " (SELECT EXISTS(SELECT 1 FROM warning WHERE connector = ?1 AND code = ?2 AND place = ?3)"
                     " OR (SELECT count(*) FROM warning) < " WARNINGS_MOST " AS few) WHERE true"
                     " ON CONFLICT(connector, code, place) DO UPDATE SET documents = documents + 1",
                     &query, fault);
    if (r < 0)
        return r;
    kw_bind_text(query, 1, connector);
    copy_text(code, code_text, sizeof code_text);
    copy_text(place, place_text, sizeof place_text);
    kw_bind_text(query, 2, code_text);
    kw_bind_text(query, 3, place_text);
    return kw_query_run(query, NULL, fault);
}

/* ---- status ------------------------------------------------------------------------------- */

static int put_number(struct kw_store *store, struct kw_json_out *json, const char *name, const char *sql, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(store, sql, &query, fault);
    if (r < 0)
        return r;
    r = kw_query_step(query, fault);
    if (r == 1 && kw_column_is_null(query, 0))
        kw_json_null(json, name);
    else if (r == 1)
        kw_json_integer(json, name, kw_column_integer(query, 0));
    kw_query_reset(query);
    return r < 0 ? r : 0;
}

static int put_pairs(struct kw_store *store, struct kw_json_out *json, const char *name, const char *sql, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(store, sql, &query, fault);
    if (r < 0)
        return r;
    kw_json_object(json, name);
    while ((r = kw_query_step(query, fault)) == 1) {
        const struct kw_view key = kw_column_text(query, 0);
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)key.size, (const char *)key.data);
        kw_json_integer(json, text, kw_column_integer(query, 1));
    }
    kw_json_close(json, '}');
    kw_query_reset(query);
    return r;
}

/* Most frequent first. */
static int put_warnings(struct kw_store *store, struct kw_json_out *json, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(store, "SELECT connector, code, place, documents FROM warning ORDER BY documents DESC, connector, code, place",
                     &query, fault);
    if (r < 0)
        return r;
    kw_json_array(json, "warnings");
    while ((r = kw_query_step(query, fault)) == 1) {
        static const char *const names[] = {"connector", "code", "place"};
        char text[160];
        kw_json_object(json, NULL);
        for (int i = 0; i < 3; i++) {
            copy_text(kw_column_text(query, i), text, sizeof text);
            kw_json_string(json, names[i], text);
        }
        kw_json_integer(json, "documents", kw_column_integer(query, 3));
        kw_json_close(json, '}');
    }
    kw_json_close(json, ']');
    kw_query_reset(query);
    return r;
}

/* Of a hundred documents that were sent: how many were not taken (by the mapper or the hub), how many had warnings. */
static int put_grade(struct kw_store *store, struct kw_json_out *json, struct kw_fault *fault)
{
    static const struct {
        const char *grade;
        int64_t failed, warned; /* in 10,000, at most */
    } grades[] = {{"A", 10, 100}, {"B", 100, 1000}, {"C", 500, 5000}, {"D", 10000, 10000}};
    struct kw_query *query;
    int r = kw_query(store,
                     "SELECT coalesce(sum(value) FILTER (WHERE name IN ('mapped', 'quarantined-here')), 0),"
                     " coalesce(sum(value) FILTER (WHERE name IN ('quarantined-here', 'rejected', 'conflict', 'quarantined')), 0),"
                     " coalesce(sum(value) FILTER (WHERE name = 'mapped-warned'), 0) FROM tally",
                     &query, fault);
    if (r < 0)
        return r;
    r = kw_query_step(query, fault);
    const int64_t all = r == 1 ? kw_column_integer(query, 0) : 0;
    if (r == 1 && all == 0)
        kw_json_null(json, "grade");
    for (size_t i = 0; r == 1 && all && i < KW_COUNT(grades); i++) {
        if (i + 1 < KW_COUNT(grades) && (kw_column_integer(query, 1) * 10000 > grades[i].failed * all ||
                                         kw_column_integer(query, 2) * 10000 > grades[i].warned * all))
            continue;
        kw_json_string(json, "grade", grades[i].grade);
        break;
    }
    kw_query_reset(query);
    return r < 0 ? r : 0;
}

int kw_spool_status(const char *folder, const char *name, struct kw_buf *ret_json, struct kw_fault *fault)
{
    static const char *const numbers[][2] = {
        {"documents", "SELECT count(*) FROM document"},
        {"records", "SELECT count(*) FROM record"},
        {"batches", "SELECT count(*) FROM batch"},
        {"records_sent", "SELECT coalesce(sum(count), 0) FROM batch"},
        {"batches_held", "SELECT count(*) FROM batch WHERE held <> ''"},
        {"oldest_ms", "SELECT min(at) FROM (SELECT min(at) AS at FROM document UNION ALL SELECT min(at) FROM record"
                      " UNION ALL SELECT min(at) FROM batch)"},
        {"quarantined", "SELECT count(*) FROM quarantine"},
        {"refused", "SELECT count(*) FROM refused"},
        {"receipts", "SELECT count(*) FROM receipt"},
        {"last_receipt_ms", "SELECT max(at) FROM receipt"},
        {"mapped", "SELECT coalesce(max(value), 0) FROM tally WHERE name = 'mapped'"},
        {"mapped_warned", "SELECT coalesce(max(value), 0) FROM tally WHERE name = 'mapped-warned'"},
    };
    KW_AUTO(kw_store_closep) struct kw_store *store = NULL;
    char path[4096], file[64];
    snprintf(file, sizeof file, "%s.db", name);
    if (kw_path_join(path, sizeof path, folder, file) < 0)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, folder, "the path is too long");
    if (access(path, F_OK) < 0)
        return kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, path, "there is no spool here yet");
    int r = kw_store_open_reader(path, &store, fault);
    struct kw_json_out json = {.out = ret_json};
    kw_json_object(&json, NULL);
    for (size_t i = 0; r == 0 && i < KW_COUNT(numbers); i++)
        r = put_number(store, &json, numbers[i][0], numbers[i][1], fault);
    if (r == 0)
        r = put_pairs(store, &json, "outcomes", "SELECT name, value FROM tally WHERE name NOT LIKE 'mapped%' ORDER BY name", fault);
    if (r == 0)
        r = put_pairs(store, &json, "refused_codes", "SELECT code, count(*) FROM refused GROUP BY code ORDER BY code", fault);
    if (r == 0)
        r = put_pairs(store, &json, "quarantined_codes", "SELECT code, count(*) FROM quarantine GROUP BY code ORDER BY code",
                      fault);
    if (r == 0)
        r = put_warnings(store, &json, fault);
    if (r == 0)
        r = put_grade(store, &json, fault);
    kw_json_close(&json, '}');
    if (r == 0 && kw_json_end(&json) < 0)
        r = kw_fail(fault, -ENOMEM, KW_E_MEMORY, "status", "no memory");
    return r;
}
