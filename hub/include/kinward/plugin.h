/* SPDX-License-Identifier: Apache-2.0 */
/* kinward/plugin.h - the contract between Kinward and every plugin. ABI 0.2.
 *
 * A plugin is a shared object that exports one constant, kinward_plugin, so
 * that it can be inspected without running its code. Four rules cover
 * ownership, threads, errors and waiting:
 *  1. No memory crosses the boundary. Inputs are borrowed until the call
 *     returns; outputs are copied by kinward_out.write() before it returns.
 *  2. An instance is called by one thread at a time; only cancel() and
 *     listeners may run beside another call.
 *  3. A call that fails explains itself with host->fail() and returns a
 *     negative verdict; the verdict, not the text, decides what happens next.
 *  4. A connector waits inside the host: in pause(), http(), request(), emit(),
 *     however long. A call that stays in its own code for a minute, without
 *     returning and without one of these, folder(), read(), digest() or
 *     append(), hangs: its process is killed and started again from the saved
 *     cursor. Long work calls pause() with 0 now and then.
 *
 * Changes
 *  0.1  first
 *  0.2  sessions: services of the descriptor; request, renew, ahead and json_print of the host; accept of
 *       a request
 */
#ifndef KINWARD_PLUGIN_H
#define KINWARD_PLUGIN_H

#include "kinward/host.h"

/* Major must be equal. Minor grows when a member is appended; while major is 0 it must be equal, too. */
#define KINWARD_ABI_MAJOR 0u
#define KINWARD_ABI_MINOR 2u

enum kinward_kind {
    KINWARD_CONNECTOR = 1, /* reads a registry: raw documents come out. A process of its own. */
    KINWARD_ANCHOR,        /* puts a digest where others keep it. A process of its own. */
    KINWARD_SINK,          /* takes an alert outside. A process of its own. */
    KINWARD_RULES          /* rules over records; operations in kinward/rules.h. Inside the hub. */
};

enum kinward_capability {                             /* what the process may do; the signed manifest lists the same ones */
                          KINWARD_NETWORK = 1u << 0,  /* connect to the hosts of its URL options */
                          KINWARD_LISTENER = 1u << 1, /* be called over HTTP */
                          KINWARD_FOLDER = 1u << 2,   /* read the folders of its PATH options */
                          KINWARD_OUTPUTS = 1u << 3   /* append to the files of its OUTPUT options */
};

enum kinward_service { /* what the host does for a plugin that asks for it */
                       /* The options of a session (connectors/SESSION.md) join the plugin's own, for host->request(). One that
                        * the plugin has itself, of the same name and type, stands in place of the host's: another fallback, or
                        * required. With KINWARD_NETWORK only. */
                       KINWARD_SESSION = 1u << 0
};

/* ---- options: parsed, checked and documented by the host; create() gets the filled settings struct -------------- */

enum kinward_option_type {                   /* member of the settings struct */
                           KINWARD_TEXT = 1, /* const char *; NULL when absent */
                           KINWARD_URL,     /* const char *, http or https, without a slash at its end; its host may be contacted */
                           KINWARD_PATH,    /* const char *, an absolute folder that may be read */
                           KINWARD_OUTPUT,  /* const char *, an absolute file that is opened for appending */
                           KINWARD_SECRET,  /* const char *, "set" or NULL; the value comes from host->secret(name) */
                           KINWARD_INTEGER, /* int64_t */
                           KINWARD_BOOLEAN, /* int64_t, 0 or 1; "true" or "false" */
                           KINWARD_DURATION /* int64_t, milliseconds; "250ms", "10s", "5m", "2h", "1d" */
};
#define KINWARD_REQUIRED 1u

struct kinward_option {
    const char *name;     /* "page-size": a-z, 0-9, '-' */
    uint32_t type;        /* enum kinward_option_type */
    uint32_t flags;       /* KINWARD_REQUIRED */
    const char *fallback; /* the default as text, NULL for none */
    size_t offset;        /* offsetof(struct my_settings, page_size) */
    int64_t low, high;    /* of INTEGER and DURATION; both 0: any that is not negative */
    const char *help;     /* one sentence */
};

/* ---- operations, one table for each kind -------------------------------------------------------------------------- */

struct kinward_connector {
    /* Optional. Once, before the first pull: listens, subscribes. RETRY: called again later. */
    kinward_verdict (*start)(void *self);
    /* Emits at most credit documents, waiting at most wait_ms for the first. OK: some were emitted; IDLE: none now. What was
     * emitted may be asked for again after a restart, unless its cursor was saved. */
    kinward_verdict (*pull)(void *self, uint32_t credit, uint32_t wait_ms);
    /* Optional, any thread: makes a waiting call return soon with IDLE. Waits inside the host end by themselves. */
    void (*cancel)(void *self);
};

struct kinward_anchor { /* submit twice with one digest is safe */
    kinward_verdict (*submit)(void *self, const uint8_t digest[32], const struct kinward_out *receipt);
    kinward_verdict (*verify)(void *self, const uint8_t digest[32], struct kinward_view receipt);
};

struct kinward_sink { /* id repeats on redelivery */
    kinward_verdict (*deliver)(void *self, struct kinward_view id, struct kinward_view alert);
};

/* ---- the descriptor -------------------------------------------------------------------------------------------------- */

struct kinward_plugin {
    uint32_t abi_major, abi_minor;
    uint32_t size;            /* sizeof(struct kinward_plugin) */
    uint32_t kind;            /* enum kinward_kind */
    uint32_t capabilities;    /* enum kinward_capability bits */
    uint32_t operations_size; /* sizeof(struct kinward_connector), … */
    const void *operations;   /* the table of the kind */
    const char *name;         /* a-z, 0-9, '-' */
    const char *version;      /* "1.2.0": numbers and dots; an older one than was used before is refused */
    const char *summary, *license;
    const struct kinward_option *options;
    uint32_t option_count, settings_size;
    /* settings stay where they are until destroy() returns. Not called for rule packs. */
    kinward_verdict (*create)(const struct kinward_host *host, const void *settings, void **ret_self);
    void (*destroy)(void *self); /* accepts NULL */
    uint32_t services;           /* enum kinward_service bits; since 0.2 */
};

#define KINWARD_PLUGIN_SYMBOL "kinward_plugin"
#define KINWARD_PLUGIN_HEADER                                                                                                      \
    .abi_major = KINWARD_ABI_MAJOR, .abi_minor = KINWARD_ABI_MINOR, .size = (uint32_t)sizeof(struct kinward_plugin)
#define KINWARD_EXPORT __attribute__((visibility("default")))
extern KINWARD_EXPORT const struct kinward_plugin kinward_plugin;

#endif
