/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c - which threads give way. */
#include "base/base.h"

#include <sys/resource.h>
#include <unistd.h>

#define BACKGROUND 10 /* nice(2) */

void kw_thread_background(void)
{
    (void)!setpriority(PRIO_PROCESS, (id_t)gettid(), BACKGROUND); /* Linux: of a thread; without it all goes on, only slower */
}
