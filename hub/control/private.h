/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - requests of the control endpoint. Private to the room. */
#ifndef KINWARD_CONTROL_PRIVATE_H
#define KINWARD_CONTROL_PRIVATE_H

#include "control/control.h"
#include "json/json.h"

struct kw_control_call {
    const struct kw_control_hub *hub;
    const struct kw_message *request;
    const struct kw_json *header; /* of the request; NULL when it has none */
    enum kw_operator role;
    char operator[32]; /* "uid 1000" */
    struct kw_message *answer;
};
struct kw_control_verb {
    const char *verb;
    unsigned roles; /* who may; admins always */
    int (*run)(struct kw_control_call *call, struct kw_fault *fault);
};

/* Runs a change in the writer's thread and waits for its commit. */
KW_CHECKED int kw_control_change(struct kw_control_call *call, int (*apply)(struct kw_journal *, void *, struct kw_fault *),
                                 void *context, struct kw_fault *fault);
/* Appends an administrative act to the journal, within apply: JSON {"act",…,"by"}. */
KW_CHECKED int kw_control_act(struct kw_journal *journal, struct kw_view json, struct kw_fault *fault);
/* Asks an actor on its pipe and waits for its answer with the same verb; ret_answer may be NULL. */
KW_CHECKED int kw_control_actor(struct kw_socket *pipe, const char *verb, struct kw_view payload, struct kw_message *ret_answer,
                                struct kw_fault *fault);

int kw_control_status(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_principal_add(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_principal_list(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_principal_revoke(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_quarantine_list(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_quarantine_show(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_quarantine_close(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_quarantine_retry(struct kw_control_call *call, struct kw_fault *fault);
/* The same for entries that detection set aside, asked for by "position" instead of "number"; list: a member of json. */
int kw_control_aside_list(struct kw_control_call *call, bool all, struct kw_json_out *json, struct kw_fault *fault);
int kw_control_aside_show(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_aside_close(struct kw_control_call *call, const char *reason, struct kw_fault *fault);
int kw_control_aside_retry(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_record_get(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_record_history(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_review_list(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_review_show(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_review_decide(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_ledger(struct kw_control_call *call, struct kw_fault *fault);
int kw_control_proof(struct kw_control_call *call, struct kw_fault *fault);

#endif
