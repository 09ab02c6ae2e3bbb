/* SPDX-License-Identifier: Apache-2.0 */
/* batch.c - commitments, padded with random fillers to a power of two and shuffled. */
#include <errno.h>
#include <string.h>

#include "ledger/ledger.h"

/* Uniform below bound, from a pool that is refilled in bulk. */
struct dice {
    uint32_t pool[256];
    unsigned left;
};

static uint32_t roll(struct dice *dice, uint32_t bound)
{
    uint32_t threshold = -bound % bound, value;

    do {
        if (dice->left == 0) {
            kw_random(dice->pool, sizeof dice->pool);
            dice->left = KW_COUNT(dice->pool);
        }
        value = dice->pool[--dice->left];
    } while (value < threshold);
    return value % bound;
}

/* slots becomes a random permutation of 0 … count - 1 (Fisher and Yates). */
static void shuffle(uint32_t *slots, uint32_t count)
{
    struct dice dice = {.left = 0};

    for (uint32_t i = 0; i < count; i++)
        slots[i] = i;
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = roll(&dice, i), swap = slots[i - 1];

        slots[i - 1] = slots[j];
        slots[j] = swap;
    }
}

int kw_batch_make(const kw_hash *commitments, size_t count, struct kw_batch *ret_batch)
{
    struct kw_batch batch = {.width = KW_BATCH_WIDTH_MIN};
    size_t size;

    if (count == 0 || count > (size_t)1 << KW_BATCH_WIDTH_MAX)
        return -EINVAL;
    while ((size_t)1 << batch.width < count)
        batch.width++;
    size = (size_t)1 << batch.width;
    batch.leaves = kw_alloc(size * sizeof *batch.leaves);
    batch.slots = kw_alloc(size * sizeof *batch.slots);
    if (!batch.leaves || !batch.slots) {
        kw_batch_clear(&batch);
        return -ENOMEM;
    }
    shuffle(batch.slots, (uint32_t)size);
    for (size_t i = 0; i < size; i++) {
        kw_hash filler;
        const uint8_t *entry = filler;

        if (i < count)
            entry = commitments[i];
        else
            kw_random(filler, sizeof filler);
        kw_merkle_leaf((struct kw_view){entry, KW_HASH_SIZE}, batch.leaves[batch.slots[i]]);
    }
    kw_merkle_root(batch.leaves, size, batch.root);
    *ret_batch = batch;
    return 0;
}

void kw_batch_clear(struct kw_batch *batch)
{
    if (!batch)
        return;
    kw_free(batch->leaves);
    kw_free(batch->slots);
    *batch = (struct kw_batch){0};
}
