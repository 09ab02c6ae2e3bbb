/* SPDX-License-Identifier: Apache-2.0 */
/* faultpoint.c - kills, stalls or fails this process at a named place, for tests.
 *
 * KINWARD_FAULT is a comma-separated list of name:pass:action. pass counts
 * from 1; a '+' behind it means this pass and all later ones. The actions are
 * kill (SIGKILL, no clean-up), stall:MS and fail.
 */
#include "base/base.h"

#ifdef KINWARD_FAULT_POINTS

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POINTS 16

enum action { ACTION_KILL, ACTION_STALL, ACTION_FAIL };

struct point {
    char name[64];
    unsigned long pass;
    bool and_later;
    enum action action;
    unsigned long stall_ms;
    atomic_ulong passed;
};

static struct point points[POINTS];
static size_t point_count;
static pthread_once_t parsed = PTHREAD_ONCE_INIT;

static bool parse_point(char *text, struct point *point)
{
    char *rest = text, *end;
    const char *name = strsep(&rest, ":"), *pass = strsep(&rest, ":"), *action = strsep(&rest, ":");
    if (!name || !pass || !action || strlen(name) >= sizeof point->name)
        return false;
    strcpy(point->name, name);
    point->pass = strtoul(pass, &end, 10);
    point->and_later = *end == '+';
    if (end == pass || point->pass == 0 || end[point->and_later ? 1 : 0] != 0)
        return false;
    if (strcmp(action, "kill") == 0)
        point->action = ACTION_KILL;
    else if (strcmp(action, "fail") == 0)
        point->action = ACTION_FAIL;
    else if (strcmp(action, "stall") == 0 && rest)
        point->action = ACTION_STALL;
    else
        return false;
    if (point->action != ACTION_STALL)
        return rest == NULL;
    point->stall_ms = strtoul(rest, &end, 10);
    return end != rest && *end == 0;
}

static void parse_environment(void)
{
    const char *value = getenv("KINWARD_FAULT");
    char text[1024];
    if (!value || !*value)
        return;
    bool good = strlen(value) < sizeof text;
    if (good) {
        char *rest = strcpy(text, value), *item;
        while (good && (item = strsep(&rest, ",")) != NULL)
            good = point_count < POINTS && parse_point(item, &points[point_count]) && ++point_count > 0;
    }
    if (!good) {
        /* a test with a mistyped fault would pass without testing anything */
        fprintf(stderr, "kinward: KINWARD_FAULT: not name:pass:kill|stall:MS|fail\n");
        abort();
    }
}

static int act(const struct point *point)
{
    struct timespec left = {(time_t)(point->stall_ms / 1000), (long)(point->stall_ms % 1000) * 1000000};
    switch (point->action) {
    case ACTION_KILL:
        kill(getpid(), SIGKILL);
        abort(); /* not reached, unless a sandbox forbids kill */
    case ACTION_STALL:
        while (nanosleep(&left, &left) < 0 && errno == EINTR)
            ;
        return 0;
    case ACTION_FAIL:
        return -EIO;
    }
    return 0;
}

int kw_fault_point(const char *name)
{
    int r = 0;
    pthread_once(&parsed, parse_environment);
    for (size_t i = 0; i < point_count; i++) {
        if (strcmp(points[i].name, name) != 0)
            continue;
        unsigned long pass = atomic_fetch_add(&points[i].passed, 1) + 1;
        if (pass == points[i].pass || (points[i].and_later && pass > points[i].pass)) {
            int result = act(&points[i]);
            r = result < 0 ? result : r;
        }
    }
    return r;
}

#endif
