/* SPDX-License-Identifier: Apache-2.0 */
/* seal.c - the random key of each row, and what sealed bytes are bound to. */
#include "journal/private.h"

#include <errno.h>

int kw_row_key_new(const struct kw_journal_keys *keys, struct kw_view context, struct kw_buf *ret_wrapped,
                   uint8_t ret_body_key[KW_KEY_SIZE], uint8_t ret_salt[KW_KEY_SIZE])
{
    uint8_t key[KW_KEY_SIZE];
    kw_random(key, sizeof(key));
    int error = kw_encrypt(keys->wrap, context, (struct kw_view){key, sizeof(key)}, ret_wrapped);
    if (error == 0)
        kw_record_keys(key, ret_body_key, ret_salt);
    kw_wipe(key, sizeof(key));
    return error;
}

int kw_row_key_open(const struct kw_journal_keys *keys, struct kw_view context, struct kw_view wrapped,
                    uint8_t ret_body_key[KW_KEY_SIZE], uint8_t ret_salt[KW_KEY_SIZE])
{
    struct kw_buf key = {0};
    int error = kw_decrypt(keys->wrap, context, wrapped, &key);
    if (error == 0 && key.size != KW_KEY_SIZE)
        error = -EKEYREJECTED;
    if (error == 0)
        kw_record_keys(key.data, ret_body_key, ret_salt);
    kw_buf_wipe(&key);
    return error;
}

int kw_entry_key_context(uint64_t position, struct kw_buf *ret_context)
{
    int error = kw_buf_text(ret_context, "kinward/key/v1");
    return error < 0 ? error : kw_buf_u64(ret_context, position);
}

/* Every column of the row is bound, so that none can change unseen. */
int kw_entry_body_context(const struct kw_entry *entry, struct kw_buf *ret_context)
{
    const uint64_t fields[] = {
        entry->position, entry->kind, entry->principal, entry->batch, entry->slot, entry->flags, (uint64_t)entry->received_ms};
    int error = kw_buf_text(ret_context, "kinward/body/v1");
    for (size_t i = 0; i < KW_COUNT(fields) && error == 0; i++)
        error = kw_buf_u64(ret_context, fields[i]);
    return error < 0 ? error : kw_buf_append(ret_context, entry->commitment, sizeof(entry->commitment));
}
