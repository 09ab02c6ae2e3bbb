/* SPDX-License-Identifier: Apache-2.0 */
/* running.h - a connector's host with a session, as in its process, and the registry that it asks. */
#ifndef RUNNING_H
#define RUNNING_H

#include "plugin/session.h"
#include "scripted.h"

#define OK_JSON "200 OK", "application/json", ""
#define OAUTH2  "\"authentication\":\"oauth2\",\"client-id\":\"kinward\""

struct running { /* a connector's host, and the registry */
    struct scripted server;
    struct kw_plugin plugin;
    struct kw_instance instance;
    struct kw_buf body;
    int32_t status;
};

int start_registry(void **state); /* a set-up of cmocka: *state is a struct running */
int stop_registry(void **state);
void add_secret(struct kw_instance *instance, const char *name, const char *value);
/* more: further options as JSON members, or "". With the client's secret "old", unless there are secrets already. */
int try_connector(struct running *running, const char *more, struct kw_fault *fault);
void start_connector(struct running *running, const char *more);
void stop_connector(struct running *running);
void restart(struct running *running, const char *more); /* from the cursor that the agent would have kept */
void emit_cursor(struct running *running, const char *text);

kinward_verdict ask_for(struct running *running, const char *accept); /* GET /items */
kinward_verdict ask(struct running *running);
kinward_verdict keep(void *context, const void *data, size_t size); /* of a struct kinward_out: into a struct kw_buf */
size_t seen(struct running *running);                               /* requests */

#endif
