/* SPDX-License-Identifier: Apache-2.0 */
/* actor.c - a thread with one pipe to its parent. Nothing else is shared. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "private.h"

struct kw_actor {
    pthread_t thread;
    struct kw_socket *parent, *own;
    kw_actor_body body;
    void *argument;
    char name[16];
    bool ready; /* the actor's thread only, until it is joined */
    int answer; /* likewise */
    struct kw_fault fault;
    atomic_bool ended;
};

static int say(struct kw_actor *self, const char *verb)
{
    struct kw_message message = {0};
    strcpy(message.verb, verb);
    return kw_send(self->own, &message);
}

int kw_actor_ready(struct kw_actor *self)
{
    assert(!self->ready);
    int error = say(self, "READY");
    self->ready = !error;
    return error;
}

static void *run(void *argument)
{
    struct kw_actor *self = argument;
    pthread_setname_np(pthread_self(), self->name);
    self->answer = self->body(self, self->own, self->argument, &self->fault);
    if (!self->ready && self->answer == 0)
        self->answer = -ECANCELED;
    /* The parent finds out through its poll; a full pipe or no memory cannot hide it, the join tells, too. */
    (void)say(self, "ENDED");
    atomic_store(&self->ended, true);
    kw_socket_close(self->own);
    self->own = NULL;
    return NULL;
}

static int spawn(struct kw_actor *actor)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's business */
    int error = pthread_create(&actor->thread, NULL, run, actor);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

/* READY, or the end of the thread. */
static bool await_ready(struct kw_actor *actor)
{
    struct kw_message message = {0};
    bool ready = false, ended = false;
    while (!ready && !ended) {
        struct kw_poll item = {.socket = actor->parent};
        if (kw_poll(&item, 1, 100) < 0 || kw_receive(actor->parent, &message) < 0)
            ended = atomic_load(&actor->ended) && kw_receive(actor->parent, &message) < 0;
        ready = !strcmp(message.verb, "READY");
        ended = ended || !strcmp(message.verb, "ENDED");
    }
    kw_message_clear(&message);
    return ready;
}

static void actor_free(struct kw_actor *actor)
{
    kw_socket_close(actor->parent);
    kw_socket_close(actor->own);
    kw_free(actor);
}

int kw_actor_start(struct kw_bus *bus, const char *name, kw_actor_body body, void *argument, struct kw_actor **ret_actor,
                   struct kw_fault *fault)
{
    struct kw_actor *actor = kw_alloc(sizeof *actor);
    if (!actor)
        return -ENOMEM;
    actor->body = body;
    actor->argument = argument;
    snprintf(actor->name, sizeof actor->name, "%s", name);
    int error = kw_link_new(bus, &actor->parent, &actor->own, fault);
    if (!error && (error = spawn(actor)))
        kw_fail(fault, error, KW_E_INTERNAL, name, "no thread: %s", strerror(-error));
    if (error) {
        actor_free(actor);
        return error;
    }
    if (await_ready(actor)) {
        *ret_actor = actor;
        return 0;
    }
    pthread_join(actor->thread, NULL);
    error = actor->answer;
    if (fault && actor->fault.message[0])
        *fault = actor->fault;
    else
        kw_fail(fault, error, KW_E_INTERNAL, name, "did not start: %s", strerror(-error));
    actor_free(actor);
    return error;
}

struct kw_socket *kw_actor_pipe(struct kw_actor *actor)
{
    return actor->parent;
}

bool kw_actor_ended(const struct kw_actor *actor)
{
    return atomic_load(&actor->ended);
}

int kw_actor_stop(struct kw_actor *actor)
{
    if (!actor)
        return 0;
    struct kw_message stop = {.verb = "STOP"}, dropped = {0};
    while (!atomic_load(&actor->ended) && kw_send(actor->parent, &stop) < 0) {
        /* Its queue is full: let it work, and take what it says, so that it never waits for us. */
        struct kw_poll item = {.socket = actor->parent, .want_write = true};
        if (kw_poll(&item, 1, 10) < 0)
            continue;
        while (!kw_receive(actor->parent, &dropped))
            ;
    }
    pthread_join(actor->thread, NULL);
    int answer = actor->answer;
    kw_message_clear(&dropped);
    actor_free(actor);
    return answer;
}
