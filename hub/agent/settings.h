/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - what agent.xml says, and the keys it names. Private to the room. */
#ifndef KINWARD_AGENT_SETTINGS_H
#define KINWARD_AGENT_SETTINGS_H

#include "bus/bus.h"
#include "card/card.h"
#include "config/config.h"
#include "crypto/crypto.h"

#define KW_AGENT_CONNECTORS 16
#define KW_AGENT_RECORDS    "record" /* the mapping of common records: only the profile and the validator act on them */

struct kw_connector_settings {
    char name[KW_LIMIT_PRINCIPAL + 1]; /* this connector's own, cursors and sources are kept under it */
    char plugin[128], registry[256], system[256];
    bool backfill;                        /* what it pulls is history; what is delivered to it is not */
    const struct kw_xml_element *element; /* options and secrets */
};

struct kw_agent_settings { /* zero-initialised is empty; clear after use */
    struct kw_config file;
    char name[KW_LIMIT_PRINCIPAL + 1], jurisdiction[3];
    char endpoint[256];
    char spool[KW_PATH_SIZE], profile[KW_PATH_SIZE], codes[KW_PATH_SIZE];
    char plugins[KW_PATH_SIZE], trust[KW_PATH_SIZE]; /* empty: the program's own */
    uint64_t spool_limit;                            /* bytes */
    struct kw_connector_settings connectors[KW_AGENT_CONNECTORS];
    size_t connector_count;
    struct kw_card hub;
    struct kw_sign_key *origin;
    struct kw_curve curve;
};
/* keys: also load keys and the hub's card. */
KW_CHECKED int kw_agent_settings_load(const char *path, bool keys, struct kw_agent_settings *ret_settings, struct kw_fault *fault);
void kw_agent_settings_clear(struct kw_agent_settings *settings);
const struct kw_connector_settings *kw_agent_settings_connector(const struct kw_agent_settings *settings, const char *name);

#endif
