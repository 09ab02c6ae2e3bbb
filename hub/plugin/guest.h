/* SPDX-License-Identifier: Apache-2.0 */
/* guest.h - threads that run the plugin's code, and for how long each has not come back to the host. */
#ifndef KINWARD_PLUGIN_GUEST_H
#define KINWARD_PLUGIN_GUEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct kw_guest {
    _Atomic int64_t since_ms; /* in the plugin's own code since then; 0: in the host's */
    struct kw_guest *next;
};
struct kw_guests {
    pthread_mutex_t lock;
    struct kw_guest *first;
};

/* The calling thread is about to run the plugin's code; until kw_guest_give it is still in the host. */
void kw_guest_enter(struct kw_guests *guests, struct kw_guest *guest);
void kw_guest_leave(struct kw_guests *guests, struct kw_guest *guest);
/* Around what may take long inside the host: take says whether the plugin had the thread, and give gives it back if so. Without
 * effect in a thread of the plugin's own. */
bool kw_guest_take(void);
void kw_guest_give(bool back);
int64_t kw_guests_away_ms(struct kw_guests *guests); /* of the one that is longest away from the host; 0: none is */

#endif
