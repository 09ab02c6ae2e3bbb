/* SPDX-License-Identifier: Apache-2.0 */
/* guest.c - threads that run the plugin's code: the pulling one and those of the listener, timed by themselves. */
#include "guest.h"

#include <stddef.h>

#include "base/base.h"

static _Thread_local struct kw_guest *here;

void kw_guest_enter(struct kw_guests *guests, struct kw_guest *guest)
{
    guest->since_ms = 0;
    pthread_mutex_lock(&guests->lock);
    guest->next = guests->first;
    guests->first = guest;
    pthread_mutex_unlock(&guests->lock);
    here = guest;
}

void kw_guest_leave(struct kw_guests *guests, struct kw_guest *guest)
{
    here = NULL;
    pthread_mutex_lock(&guests->lock);
    struct kw_guest **link = &guests->first;
    while (*link != guest)
        link = &(*link)->next;
    *link = guest->next;
    pthread_mutex_unlock(&guests->lock);
}

bool kw_guest_take(void)
{
    if (!here || here->since_ms == 0)
        return false;
    here->since_ms = 0;
    return true;
}

void kw_guest_give(bool back)
{
    if (here && back)
        here->since_ms = kw_clock_monotonic_ms();
}

int64_t kw_guests_away_ms(struct kw_guests *guests)
{
    int64_t longest = 0;
    pthread_mutex_lock(&guests->lock);
    for (const struct kw_guest *guest = guests->first; guest; guest = guest->next) {
        const int64_t since = guest->since_ms, away = since ? kw_clock_monotonic_ms() - since : 0;
        longest = away > longest ? away : longest;
    }
    pthread_mutex_unlock(&guests->lock);
    return longest;
}
