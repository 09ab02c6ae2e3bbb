/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - the actors that join rooms of different groups. Private to the room. */
#ifndef KINWARD_DAEMON_PRIVATE_H
#define KINWARD_DAEMON_PRIVATE_H

#include "alert/alert.h"
#include "bus/bus.h"
#include "config/config.h"
#include "control/control.h"
#include "crypto/crypto.h"
#include "daemon/daemon.h"
#include "detect/detect.h"
#include "feed/feed.h"
#include "intake/intake.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "plugin/plugin.h"
#include "sandbox/sandbox.h"

#define KW_HUB_RULES 128

/* ---- configuration (config.c) ------------------------------------------------ */

struct kw_hub_config {
    struct kw_config file;
    char name[KW_LIMIT_PRINCIPAL + 1], jurisdiction[3];
    char keys[KW_PATH_SIZE], data[KW_PATH_SIZE], run[KW_PATH_SIZE];
    char intake[256], feed[256], origin[256], policy[KW_PATH_SIZE], web_address[64], pack[KW_PATH_SIZE];
    char plugins[KW_PATH_SIZE], trust[KW_PATH_SIZE];
    char contact[201]; /* whom to ask about an alert, and for a correction */
    int64_t window, validators, web_port, seal_ms;
    enum kw_alert_status status;
    struct kw_rule_setting settings[KW_HUB_RULES];
    struct kw_rule_parameter parameters[KW_HUB_RULES];
    size_t setting_count, parameter_count;
};
KW_CHECKED int kw_hub_config_load(const char *path, struct kw_hub_config *ret_config, struct kw_fault *fault);
void kw_hub_config_clear(struct kw_hub_config *config);

struct kw_hub_keys {
    struct kw_curve curve;
    struct kw_sign_key *sign;
    uint8_t *vault;
};
KW_CHECKED int kw_hub_keys_load(const char *folder, struct kw_hub_keys *ret_keys, struct kw_fault *fault);
void kw_hub_keys_clear(struct kw_hub_keys *keys);

/* The rule pack of the configuration, or the one of this installation; it stays loaded (packs.c). */
KW_CHECKED int kw_hub_pack_load(const struct kw_hub_config *config, const struct kinward_rule_pack **ret_pack,
                                struct kw_fault *fault);

/* ---- the journal's log (keeper.c) -------------------------------------------------- */

struct kw_keeper_setup { /* borrowed for the actor's life */
    const char *data_dir;
    const uint8_t *vault;
    struct kw_socket *writer; /* told COPIED (intake.h) */
};
int kw_keeper_body(struct kw_actor *self, struct kw_socket *pipe, void *setup, struct kw_fault *fault);

/* ---- detection (detector.c): follows the journal, writes detect.db --------------- */

struct kw_detect_setup { /* borrowed for the actor's life */
    const struct kw_hub_config *config;
    const struct kw_hub_keys *keys;
    uint64_t epoch;
    const struct kinward_rule_pack *pack;
    struct kw_socket *writer; /* its doorbell */
    struct kw_socket *intake; /* PASSED, ANSWER (intake.h) */
    struct kw_socket *feed;   /* to it NEWS; from it RECEIVED {text principal, u64 epoch, u64 upto} → RECEIVED or ERROR */
    uint64_t position;        /* set before the actor is ready: the cursor at start */
};
int kw_detect_body(struct kw_actor *self, struct kw_socket *pipe, void *setup, struct kw_fault *fault);

/* ---- sealing (sealer.c): commitments of journal and alerts into the log ----------- */

struct kw_seal_setup { /* borrowed for the actor's life */
    const struct kw_hub_config *config;
    const struct kw_hub_keys *keys;
    struct kw_bus *bus;
    struct kw_socket *intake, *feed; /* PROOF */
    uint16_t web_port;               /* set before the actor is ready */
};
int kw_seal_body(struct kw_actor *self, struct kw_socket *pipe, void *setup, struct kw_fault *fault);

#endif
