/* SPDX-License-Identifier: Apache-2.0 */
/* setting.c - short texts by name. */
#include "journal/private.h"

#include <assert.h>
#include <errno.h>

int kw_journal_setting(struct kw_journal_reader *reader, const char *name, struct kw_buf *ret_value, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, "SELECT value FROM setting WHERE name = ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_text(query, 1, name);
    int step = kw_query_step(query, fault);
    if (step == 1) {
        struct kw_view value = kw_column_text(query, 0);
        step = kw_buf_append(ret_value, value.data, value.size) < 0 ? kw_journal_no_memory(fault) : 0;
    } else if (step == 0) {
        step = kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, name, "this setting was never saved");
    }
    kw_query_reset(query);
    return step;
}

int kw_journal_setting_save(struct kw_journal *journal, const char *name, const char *value, struct kw_fault *fault)
{
    struct kw_query *query;
    assert(journal->open);
    int error = kw_query(journal->self.store,
                         "INSERT INTO setting(name, value) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
                         &query, fault);
    if (error < 0)
        return error;
    kw_bind_text(query, 1, name);
    kw_bind_text(query, 2, value);
    return kw_journal_doom(journal, kw_query_run(query, NULL, fault));
}
