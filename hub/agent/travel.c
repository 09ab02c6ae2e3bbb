/* SPDX-License-Identifier: Apache-2.0 */
/* travel.c - a spool without a line: its signed batches go to an agent of the same keys in a file, the receipts come back in one.
 *
 * Nothing leaves the spool before its receipt is there: exported twice, imported twice, or sent from both places, a batch has one
 * effect, since the hub knows it by its id.
 */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/carry.h"
#include "agent/private.h"

#define BATCH       64 /* records: no hub was there to say what it takes; each takes so many */
#define COMMIT_EACH 64 /* items of an import */

struct travel {
    struct kw_agent_settings *settings;
    struct kw_spool spool;
    struct kw_carry carry;
    struct kw_buf item;
    struct kw_carried done;
};

static void travel_clear(struct travel *travel)
{
    kw_carry_close(&travel->carry);
    kw_spool_close(&travel->spool);
    kw_agent_settings_clear(travel->settings);
    kw_free(travel->settings);
    kw_buf_clear(&travel->item);
}

static int open_spool(struct travel *travel, const char *config, struct kw_fault *fault)
{
    *travel = (struct travel){.spool = {.lock = -1}, .settings = kw_alloc(sizeof *travel->settings)};
    if (!travel->settings)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "agent", "no memory");
    if (kw_crypto_init() < 0)
        return kw_fail(fault, -EIO, KW_E_INTERNAL, "agent", "the cryptographic library cannot start");
    int r = kw_agent_settings_load(config, true, travel->settings, fault);
    return r < 0 ? r : kw_spool_open(travel->settings->spool, "spool", travel->settings->spool_limit, &travel->spool, fault);
}

/* ---- out -------------------------------------------------------------------------------- */

static int sign_all(struct travel *travel, struct kw_fault *fault)
{
    const struct kw_sender sender = {travel->settings->name, travel->settings->jurisdiction, travel->settings->origin};
    struct kw_batch_row row;
    int r = 0;
    while (r == 0)
        r = kw_spool_batch_make(&travel->spool, &sender, BATCH, &row, fault);
    return r == -ENOENT ? kw_spool_commit(&travel->spool, fault) : r;
}

static int put_columns(struct travel *travel, struct kw_query *query, int count, struct kw_fault *fault)
{
    travel->item.size = 0;
    int r = kw_buf_u32(&travel->item, (uint32_t)kw_column_integer(query, 0));
    for (int column = 1; r == 0 && column < count; column++) {
        const struct kw_view bytes = kw_column_blob(query, column);
        r = kw_put_item(&travel->item, bytes.data, bytes.size);
    }
    if (r < 0)
        return kw_fail(fault, r, KW_E_MEMORY, "export", "no memory");
    travel->done.batches++;
    travel->done.records += (uint64_t)kw_column_integer(query, 0);
    return kw_carry_put(&travel->carry, kw_view_of(&travel->item), fault);
}

static int put_rows(struct travel *travel, const char *sql, int columns, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(travel->spool.store, sql, &query, fault);
    if (r < 0)
        return r;
    while ((r = kw_query_step(query, fault)) == 1 && (r = put_columns(travel, query, columns, fault)) == 0)
        continue;
    kw_query_reset(query);
    return r;
}

int kw_agent_export(const char *config, const char *path, bool receipts, struct kw_carried *ret_carried, struct kw_fault *fault)
{
    struct travel travel;
    int r = open_spool(&travel, config, fault);
    if (r == 0 && !receipts)
        r = sign_all(&travel, fault);
    if (r == 0)
        r = kw_carry_create(path, receipts ? KW_CARRY_RECEIPTS : KW_CARRY_BATCHES, travel.settings, &travel.carry, fault);
    if (r == 0 && receipts)
        r = put_rows(&travel, "SELECT count, batch, header, signature FROM receipt ORDER BY number", 4, fault);
    else if (r == 0)
        r = put_rows(&travel, "SELECT count, id, labels, header, payload FROM batch ORDER BY number", 5, fault);
    if (r == 0)
        r = kw_carry_finish(&travel.carry, fault);
    travel.done.documents = travel.spool.documents;
    if (r == 0)
        *ret_carried = travel.done;
    travel_clear(&travel);
    return r;
}

/* ---- in ---------------------------------------------------------------------------------- */

static int misshapen(const struct travel *travel, struct kw_fault *fault)
{
    return kw_fail(fault, -EBADMSG, KW_E_CORRUPT, travel->carry.path, "an item is not what kinward agent export writes");
}

/* The batch in this spool (1, with its row), or its receipt (2), or neither (0). */
static int find(struct travel *travel, struct kw_view id, struct kw_batch_row *ret_row, struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_query(travel->spool.store,
                     "SELECT 1, number, count FROM batch WHERE id = ?1 UNION ALL SELECT 2, 0, 0 FROM receipt WHERE batch = ?1",
                     &query, fault);
    if (r < 0)
        return r;
    kw_bind_blob(query, 1, id);
    r = kw_query_step(query, fault);
    if (r == 1) {
        r = (int)kw_column_integer(query, 0);
        *ret_row =
            (struct kw_batch_row){.number = (uint64_t)kw_column_integer(query, 1), .count = (uint32_t)kw_column_integer(query, 2)};
        memcpy(ret_row->id, id.data, sizeof ret_row->id);
    }
    kw_query_reset(query);
    return r;
}

static int store_batch(struct travel *travel, uint32_t count, const struct kw_view parts[4], struct kw_fault *fault)
{
    struct kw_query *query;
    int r = kw_spool_begin(&travel->spool, fault);
    if (r == 0)
        r = kw_query(travel->spool.store,
                     "INSERT INTO batch(id, count, at, labels, header, payload) VALUES(?1, ?2, ?3, ?4, ?5, ?6)", &query, fault);
    if (r < 0)
        return r;
    kw_bind_blob(query, 1, parts[0]);
    kw_bind_integer(query, 2, count);
    kw_bind_integer(query, 3, kw_clock_wall_ms());
    for (int i = 1; i < 4; i++)
        kw_bind_blob(query, 3 + i, parts[i]);
    return kw_query_run(query, NULL, fault);
}

static int take_batch(struct travel *travel, struct kw_fault *fault)
{
    struct kw_view rest = kw_view_of(&travel->item), parts[4];
    struct kw_batch_row row;
    uint32_t count;
    int r = kw_take_u32(&rest, &count);
    for (size_t i = 0; r == 0 && i < KW_COUNT(parts); i++)
        r = kw_take_item(&rest, &parts[i]);
    if (r < 0 || rest.size || parts[0].size != sizeof row.id || count == 0 || count > KW_LIMIT_BATCH)
        return misshapen(travel, fault);
    r = find(travel, parts[0], &row, fault);
    if (r != 0) {
        travel->done.known += r > 0;
        return r < 0 ? r : 0;
    }
    travel->done.batches++;
    travel->done.records += count;
    return store_batch(travel, count, parts, fault);
}

/* As if the hub had sent it: its signature counts, not where it comes from. */
static int take_receipt(struct travel *travel, struct kw_fault *fault)
{
    struct kw_view rest = kw_view_of(&travel->item), id, header, signature;
    struct kw_message message = {.verb = "RECEIPT"};
    struct kw_receipt receipt = {0};
    struct kw_batch_row row;
    uint32_t count;
    if (kw_take_u32(&rest, &count) < 0 || kw_take_item(&rest, &id) < 0 || kw_take_item(&rest, &header) < 0 ||
        kw_take_item(&rest, &signature) < 0 || rest.size || id.size != sizeof row.id)
        return misshapen(travel, fault);
    int r = find(travel, id, &row, fault);
    if (r != 1) {
        travel->done.known += r >= 0;
        return r < 0 ? r : 0;
    }
    r = kw_buf_append(&message.header, header.data, header.size);
    if (r == 0)
        r = kw_put_item(&message.payload, signature.data, signature.size);
    r = r < 0 ? kw_fail(fault, r, KW_E_MEMORY, "import", "no memory")
              : kw_receipt_check(&message, travel->settings, &receipt, fault);
    if (r == 0 && (memcmp(receipt.batch, row.id, sizeof row.id) != 0 || receipt.count != row.count))
        r = kw_fail(fault, -EBADMSG, KW_E_BATCH, travel->carry.path, "a receipt is not that of its batch");
    if (r == 0)
        r = kw_spool_batch_done(&travel->spool, &row, header, signature, receipt.results, NULL, NULL, fault);
    travel->done.batches += r == 0;
    travel->done.records += r == 0 ? row.count : 0;
    kw_receipt_clear(&receipt);
    kw_message_clear(&message);
    return r;
}

static int take_all(struct travel *travel, struct kw_fault *fault)
{
    int r;
    while ((r = kw_carry_next(&travel->carry, &travel->item, fault)) == 0) {
        r = travel->carry.kind == KW_CARRY_RECEIPTS ? take_receipt(travel, fault) : take_batch(travel, fault);
        if (r == 0 && travel->carry.items % COMMIT_EACH == 0)
            r = kw_spool_commit(&travel->spool, fault);
        if (r < 0)
            break;
    }
    /* what came before damage is good: it is kept, and known when the file is imported again */
    const int committed = r == -ENODATA || r == -EBADMSG ? kw_spool_commit(&travel->spool, fault) : 0;
    return r == -ENODATA ? committed : r;
}

int kw_agent_import(const char *config, const char *path, struct kw_carried *ret_carried, struct kw_fault *fault)
{
    struct travel travel;
    int r = open_spool(&travel, config, fault);
    if (r == 0)
        r = kw_carry_open(path, travel.settings, &travel.carry, fault);
    if (r == 0)
        r = take_all(&travel, fault);
    travel.done.receipts = travel.carry.kind == KW_CARRY_RECEIPTS;
    if (r == 0)
        *ret_carried = travel.done;
    travel_clear(&travel);
    return r;
}
