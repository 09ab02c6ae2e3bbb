/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - what the files of this room share. */
#ifndef KINWARD_PLUGIN_PRIVATE_H
#define KINWARD_PLUGIN_PRIVATE_H

#include <pthread.h>

#include "base/limits.h"
#include "bus/bus.h"
#include "crypto/crypto.h"
#include "http/http.h"
#include "json/json.h"
#include "plugin/guest.h"
#include "plugin/plugin.h"

#define KW_NAME_SIZE    64
#define KW_VERSION_SIZE 32
#define KW_PATH_SIZE    1024 /* as config.h says */

struct kw_manifest {
    char name[KW_NAME_SIZE], version[KW_VERSION_SIZE], abi[16], kind[16];
    uint32_t capabilities;
    uint8_t sha256[KW_HASH_SIZE];
    int64_t made_ms, expires_ms;
};
/* "x.so" → "x.manifest" */
KW_CHECKED int kw_manifest_path(const char *plugin, char *ret_path, size_t size);
KW_CHECKED int kw_manifest_write(const char *path, const struct kw_manifest *manifest, const struct kw_sign_key *key,
                                 struct kw_fault *fault);
/* Signature by a key of policy (real_path decides on the build tree's), then the fields, then expiry. */
KW_CHECKED int kw_manifest_read(const char *path, const char *real_path, const struct kw_plugin_policy *policy,
                                struct kw_manifest *ret_manifest, struct kw_fault *fault);
/* -ESTALE when version is older than the one remembered; remembers it otherwise. */
KW_CHECKED int kw_seen_check(const char *seen_file, const char *name, const char *version, struct kw_fault *fault);
int kw_version_compare(const char *a, const char *b); /* number by number */

const char *kw_kind_text(uint32_t kind); /* "connector"; NULL: unknown */
struct kw_named_bit {
    uint32_t bit;
    const char *name;
};
extern const struct kw_named_bit kw_capabilities[]; /* ends with name NULL */
extern const char *const kw_option_types[];         /* by enum kinward_option_type; [0] NULL */
#define KW_OPTION_TYPES 9

struct kw_plugin {
    struct kinward_plugin descriptor;
    _Alignas(max_align_t) uint8_t operations[512];
    size_t operations_size;
    struct kinward_option *options; /* with the session's, where it has one; else NULL */
    struct kw_manifest manifest;    /* when it is signed */
    bool is_signed, is_loaded;
    int fd; /* open for life once loaded: the loader goes by its name */
    char path[KW_PATH_SIZE];
};
/* The parts of loading that the inspection does otherwise. */
KW_CHECKED int kw_plugin_open(const char *path, struct kw_plugin *plugin, uint8_t ret_digest[KW_HASH_SIZE], struct kw_fault *fault);
KW_CHECKED int kw_plugin_enter(struct kw_plugin *plugin, struct kw_fault *fault);

/* ---- settings --------------------------------------------------------------------------------------------------------- */

struct kw_settings { /* the filled struct and the texts it points to */
    const struct kinward_plugin *descriptor;
    void *memory;
    char **texts; /* one for each option, or NULL */
};
/* options: JSON object of texts. Unknown, missing and ill-typed ones are refused with KW_E_OPTION and the option's name. secrets:
 * names of those that are set. */
KW_CHECKED int kw_settings_fill(const struct kinward_plugin *descriptor, const struct kw_json *options,
                                const struct kw_json *secrets, struct kw_settings *ret_settings, struct kw_fault *fault);
void kw_settings_clear(struct kw_settings *settings);
KW_CHECKED int kw_option_find(const struct kinward_plugin *descriptor, const char *name, uint32_t *ret_index); /* -ENOENT */
/* Checks the table itself. */
KW_CHECKED int kw_options_check(const char *place, const struct kinward_plugin *descriptor, struct kw_fault *fault);

/* ---- one running instance --------------------------------------------------------------------------------------------- */

struct kw_secret_value {
    char name[KW_NAME_SIZE];
    struct kw_buf value;
};
struct kw_output {
    char name[KW_NAME_SIZE];
    int fd;
};
struct kw_pending { /* an emitted document that has no answer yet */
    uint64_t token;
    struct kw_call *call; /* NULL: pulled */
    struct kw_pending *next;
};
struct kw_outgoing {
    struct kw_message message;
    struct kw_outgoing *next;
};
struct kw_instance {
    struct kw_plugin *plugin;
    struct kinward_host host;
    struct kw_settings settings;
    char name[KW_NAME_SIZE];
    void *self;
    const struct kinward_connector *operations;
    struct kw_buf cursor;
    struct kw_secret_value secrets[16];
    size_t secret_count;
    struct kw_output outputs[4];
    size_t output_count;
    pthread_mutex_t exchange; /* one request at a time */
    struct kw_http_client *client;
    struct kw_session *session; /* NULL without */
    struct kw_http_server *server;
    kinward_listener listener;
    void *listener_context;
    uint16_t port;
    struct kw_guests guests;

    pthread_mutex_t lock; /* what follows */
    pthread_cond_t changed;
    int wake; /* eventfd: something is in outgoing, or ended */
    bool stopping, ended;
    uint64_t credit, next_token, emitted, durable, failed, retries;
    struct kw_pending *pending;
    struct kw_outgoing *outgoing, **outgoing_end;
    struct kw_fault fault; /* the last one said */
};
struct kw_call { /* what a listener's struct kinward_call is the head of */
    struct kinward_call call;
    const struct kw_http_call *http;
    unsigned waiting; /* documents without an answer; under the instance's lock */
    bool failed;
    int64_t end_ms;
};

void kw_services_fill(struct kw_instance *instance);  /* services.c */
void kw_services_exchange(struct kinward_host *host); /* exchange.c */
void kw_services_values(struct kinward_host *host);   /* values.c */
KW_CHECKED int kw_outputs_open(struct kw_instance *instance, struct kw_fault *fault);
void kw_instance_signal(struct kw_instance *instance); /* with lock held: outgoing or ended has changed */
/* The value of the option at index: its text, or NULL. */
const char *kw_settings_text(const struct kw_settings *settings, uint32_t index);
static inline struct kw_view kw_view_in(struct kinward_view view)
{
    return (struct kw_view){view.data, view.size};
}
static inline struct kinward_view kw_view_out(struct kw_view view)
{
    return (struct kinward_view){view.data, view.size};
}

#endif
