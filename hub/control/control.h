/* SPDX-License-Identifier: Apache-2.0 */
/* control.h - what an operator asks of a running hub, over a UNIX socket whose peer the kernel names.
 *
 * The main thread owns the server: it polls kw_control_descriptors and calls
 * kw_control_serve. One request and one answer are messages of the bus's
 * pipes; an answer's verb is OK with a JSON header, or ERROR.
 */
#ifndef KINWARD_CONTROL_H
#define KINWARD_CONTROL_H

#include "alert/alert.h"
#include "base/base.h"
#include "bus/bus.h"
#include "config/config.h"
#include "journal/journal.h"

enum kw_operator { KW_OPERATOR_ADMIN = 1, KW_OPERATOR_OPERATOR = 2, KW_OPERATOR_REVIEWER = 4, KW_OPERATOR_AUDITOR = 8 };

/* What the requests act on; borrowed for the server's life. Pipes are the actors'; each question on one is answered with the
 * same verb. */
struct kw_control_hub {
    const char *name, *jurisdiction, *data_dir;
    uint64_t epoch;
    int64_t started_ms; /* wall clock */
    struct kw_bus *bus;
    struct kw_zap *zap;
    const struct kw_journal *journal; /* the writer's: for the size of its index */
    struct kw_journal_reader *reader;
    struct kw_alert_reader *alerts;
    struct kw_socket *writer, *ledger;                       /* links */
    struct kw_socket *intake, *feed, *detect, *sealer;       /* actors' pipes */
    int (*children)(void *context, struct kw_buf *ret_json); /* a JSON array of child processes for STATUS */
    void *context;
};

struct kw_control_server;
/* path: of the socket; config: its <control> element names operators; the hub's own user and root are admins. */
KW_CHECKED int kw_control_listen(const char *path, const struct kw_config *config, const struct kw_control_hub *hub,
                                 struct kw_control_server **ret_server, struct kw_fault *fault);
void kw_control_close(struct kw_control_server *server);
/* Descriptors to poll for reading, at most 17. */
#define KW_CONTROL_DESCRIPTORS 17
size_t kw_control_descriptors(const struct kw_control_server *server, struct kw_poll *ret_items);
void kw_control_serve(struct kw_control_server *server, const struct kw_poll *items, size_t count);

/* ---- the asker's side ------------------------------------------------------- */

/* Asks the hub of a configuration file. ret_answer: header and payload of OK. An ERROR becomes a fault. -ECONNREFUSED with
 * KW_E_UNAVAILABLE when no hub runs there. */
KW_CHECKED int kw_control_ask(const char *hub_config, const char *verb, struct kw_view header, struct kw_view payload,
                              struct kw_message *ret_answer, struct kw_fault *fault);

#endif
