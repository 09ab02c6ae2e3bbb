/* SPDX-License-Identifier: Apache-2.0 */
/* row.c - keyed hashes of a source, and the narrow row that the memory hashes are rebuilt from. */
#include "journal/private.h"

#include <errno.h>
#include <string.h>

int kw_journal_corrupt(struct kw_fault *fault, const char *table, uint64_t number)
{
    return kw_fail(fault, -EBADMSG, KW_E_CORRUPT, table, "row %llu: the stored bytes are not what was written",
                   (unsigned long long)number);
}

int kw_journal_no_memory(struct kw_fault *fault)
{
    return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "journal", "out of memory");
}

int kw_journal_keys_init(struct kw_journal_keys *keys, const uint8_t vault[KW_KEY_SIZE])
{
    uint8_t key[KW_KEY_SIZE];
    int error = kw_secret_new(&keys->wrap);
    if (error < 0)
        return error;
    kw_derive(vault, "kwjournl", 1, keys->wrap);
    kw_derive(vault, "kwjournl", 2, keys->principal);
    kw_derive(vault, "kwjournl", 3, key);
    memcpy(keys->mark, key, sizeof(keys->mark));
    kw_derive(vault, "kwsource", 1, key);
    memcpy(keys->source, key, sizeof(keys->source));
    memcpy(keys->content, key + 16, sizeof(keys->content));
    kw_wipe(key, sizeof(key));
    return 0;
}

void kw_journal_keys_clear(struct kw_journal_keys *keys)
{
    kw_secret_free(keys->wrap);
    kw_wipe(keys, sizeof(*keys));
}

static uint8_t *put_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (56 - 8 * i));
    return at + 8;
}

static uint64_t get_u64(const uint8_t **at)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | (*at)[i];
    *at += 8;
    return value;
}

/* Layout: mark (over all that follows and, at its own place, the position), previous, mapping, series, kind, has_raw, source,
 * content, raw, found. */
size_t kw_key_row_pack(const struct kw_journal_keys *keys, const struct kw_key_row *row, uint8_t ret_bytes[KW_KEY_ROW_MAX])
{
    uint8_t *at = put_u64(ret_bytes, row->position); /* hashed at the mark's place */
    at = put_u64(at, row->previous);
    at = put_u64(at, row->mapping);
    at = put_u64(at, row->series);
    *at++ = row->kind;
    *at++ = row->has_raw;
    memcpy(at, row->source, 16);
    memcpy(at + 16, row->content, 16);
    memcpy(at + 32, row->raw, 16);
    at += 48;
    for (size_t i = 0; i < row->found_count; i++)
        at = put_u64(at, row->found[i]);
    size_t size = (size_t)(at - ret_bytes);
    put_u64(ret_bytes, kw_siphash64(keys->mark, ret_bytes, size));
    return size;
}

int kw_key_row_unpack(const struct kw_journal_keys *keys, uint64_t position, struct kw_view bytes, struct kw_key_row *ret_row,
                      struct kw_fault *fault)
{
    uint8_t copy[KW_KEY_ROW_MAX];
    if (bytes.size < KW_KEY_ROW_HEAD || bytes.size > sizeof(copy) || (bytes.size - KW_KEY_ROW_HEAD) % 8 != 0)
        return kw_journal_corrupt(fault, "key", position);
    memcpy(copy, bytes.data, bytes.size);
    const uint8_t *at = copy;
    uint64_t mark = get_u64(&at);
    put_u64(copy, position);
    if (kw_siphash64(keys->mark, copy, bytes.size) != mark)
        return kw_journal_corrupt(fault, "key", position);
    ret_row->position = position;
    ret_row->previous = get_u64(&at);
    ret_row->mapping = get_u64(&at);
    ret_row->series = get_u64(&at);
    ret_row->kind = *at++;
    ret_row->has_raw = *at++;
    memcpy(ret_row->source, at, 16);
    memcpy(ret_row->content, at + 16, 16);
    memcpy(ret_row->raw, at + 32, 16);
    at += 48;
    ret_row->found_count = (bytes.size - KW_KEY_ROW_HEAD) / 8;
    for (size_t i = 0; i < ret_row->found_count; i++)
        ret_row->found[i] = get_u64(&at);
    return 0;
}

int kw_key_row_read(struct kw_journal_reader *reader, uint64_t position, struct kw_key_row *ret_row, struct kw_fault *fault)
{
    struct kw_query *query;
    int error = kw_query(reader->store, "SELECT packed FROM key WHERE position = ?", &query, fault);
    if (error < 0)
        return error;
    kw_bind_integer(query, 1, (int64_t)position);
    int step = kw_query_step(query, fault);
    if (step == 1)
        step = kw_key_row_unpack(&reader->keys, position, kw_column_blob(query, 0), ret_row, fault);
    else if (step == 0)
        step = kw_journal_corrupt(fault, "key", position);
    kw_query_reset(query);
    return step;
}

int kw_journal_source(const struct kw_journal_keys *keys, struct kw_view registry, struct kw_view source_id, struct kw_view version,
                      uint8_t ret_source[16], uint64_t *ret_series)
{
    uint8_t text[3 * KW_LIMIT_SOURCE_ID + KW_LIMIT_SOURCE_VERSION];
    if (registry.size + source_id.size + version.size + 2 > sizeof(text))
        return -E2BIG;
    size_t size = 0;
    const struct kw_view parts[] = {registry, source_id, version};
    for (size_t i = 0; i < KW_COUNT(parts); i++) {
        if (parts[i].size)
            memcpy(text + size, parts[i].data, parts[i].size);
        size += parts[i].size;
        if (i == 1)
            *ret_series = kw_siphash64(keys->content, text, size);
        if (i < 2)
            text[size++] = 0;
    }
    kw_siphash128(keys->source, text, size, ret_source);
    return 0;
}

uint64_t kw_source_tag(const uint8_t source[16])
{
    const uint8_t *at = source;
    return get_u64(&at);
}
