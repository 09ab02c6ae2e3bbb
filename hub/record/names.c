/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - element and attribute names to numbers and back. */
#include <endian.h>
#include <string.h>

#include "record/record.h"
#include "record/tables.h"

/* Three numbers made of the name; tools/genwrite.py has the same function. */
static uint64_t name_hash(const uint8_t *text, size_t size)
{
    uint64_t head = 0, tail = 0;
    if (size >= 8) {
        memcpy(&head, text, 8);
        memcpy(&tail, text + size - 8, 8);
    } else if (size >= 4) {
        memcpy(&head, text, 4);
        memcpy(&tail, text + size - 4, 4);
    } else {
        head = text[0] | (uint64_t)text[size >> 1] << 8 | (uint64_t)text[size - 1] << 16;
    }
    return le64toh(head) ^ le64toh(tail) * 0x9E3779B97F4A7C15u ^ size;
}

uint16_t kw_tables_name(const struct kw_tables *tables, const uint8_t *text, size_t size)
{
    if (size == 0)
        return KW_TABLE_NONE;
    size_t at = (name_hash(text, size) * tables->multiplier) >> tables->shift;
    for (; tables->slots[at] != KW_TABLE_NONE; at = (at + 1) & tables->slot_mask) {
        const struct kw_table_value *name = &tables->names[tables->slots[at]];
        if (name->size == size && memcmp(name->text, text, size) == 0)
            return tables->slots[at];
    }
    return KW_TABLE_NONE;
}

const char *kw_name_text(enum kw_name name)
{
    return (unsigned)name < kw_record_tables.name_count ? kw_record_tables.names[name].text : "";
}

bool kw_name_parse(struct kw_view text, enum kw_name *ret_name)
{
    uint16_t name = kw_tables_name(&kw_record_tables, text.data, text.size);
    if (name == KW_TABLE_NONE)
        return false;
    *ret_name = (enum kw_name)name;
    return true;
}
