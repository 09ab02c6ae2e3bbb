/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.h - loading plugins by their signed manifest, and the process that runs a connector.
 *
 * The only room that calls dlopen. A plugin's contract is kinward/plugin.h.
 */
#ifndef KINWARD_PLUGIN_ROOM_H
#define KINWARD_PLUGIN_ROOM_H

#include "base/base.h"
#include "kinward/plugin.h"

/* ---- loading -------------------------------------------------------------------------------------------------- */

struct kw_plugin_policy { /* zero-initialised: the default */
    /* Keys that may sign: a base64 Ed25519 public key a line, '#' for comments. NULL: /etc/kinward/plugin-trust, and for files
     * below the running program's folder also plugin-trust there (a build tree trusts what it built). */
    const char *trust_file;
    const char *seen_file; /* remembers the highest version of each name; NULL: not remembered */
    uint32_t kind;         /* enum kinward_kind that is wanted; 0: any */
    bool dev;              /* load without a manifest, too; kw_plugin_signed then says false */
};

struct kw_plugin;
/* Opens the file once; checks, in this order: regular file, owner (root or this user), mode (not writable for group and others),
 * manifest signature, expiry, digest; only then loads it (which runs its constructors); then symbol, ABI, manifest against
 * descriptor, remembered version, kind, options. Never unloaded. Refusals: -EACCES, -EKEYREJECTED, -EBADMSG, …; the fault names
 * the file (place), the field, what was wanted and what was found. Before the process enters a sandbox. */
KW_CHECKED int kw_plugin_load(const char *path, const struct kw_plugin_policy *policy, struct kw_plugin **ret_plugin,
                              struct kw_fault *fault);
void kw_plugin_free(struct kw_plugin *plugin); /* the code stays loaded, its descriptor open */
/* A copy of the descriptor: members that the plugin is too old for are zero. */
const struct kinward_plugin *kw_plugin_descriptor(const struct kw_plugin *plugin);
/* The operations table, at least size bytes of it; -ENOTSUP when the plugin's is shorter. */
KW_CHECKED int kw_plugin_operations(const struct kw_plugin *plugin, size_t size, const void **ret_operations);
bool kw_plugin_signed(const struct kw_plugin *plugin);
/* A path is itself; a name is looked for below the program's folder (connectors/NAME/NAME.so, plugins/NAME/NAME.so), then below
 * ../lib/kinward. -ENOENT. */
KW_CHECKED int kw_plugin_find(const char *name_or_path, char *ret_path, size_t size, struct kw_fault *fault);
/* The paths of all installed plugins, sorted: items of kw_take_item. */
KW_CHECKED int kw_plugin_list(struct kw_buf *ret_paths);

/* ---- looking at one without running it, and signing ---------------------------------------------------------------- */

/* Loads the file in a child process without network, keys or writing, calls no operation, and gives its descriptor as JSON:
 * {"name","version","abi","kind","capabilities":[…],"summary","license","options":[…],"file","sha256","manifest":"ok"|reason}.
 * The manifest need not be there. */
KW_CHECKED int kw_plugin_inspect(const char *path, const struct kw_plugin_policy *policy, struct kw_buf *ret_json,
                                 struct kw_fault *fault);
int kw_plugin_inspect_child_main(int fd, int argc, char **argv); /* `kinward child inspect FILE` */
/* Makes the key file unless it is there, and writes its public key to a new trust file. */
KW_CHECKED int kw_plugin_key(const char *key_file, const char *trust_file, struct kw_fault *fault);
/* Writes FILE's manifest (FILE with .manifest for .so): {"kinward-plugin":1,"name","version","abi","kind","capabilities",
 * "sha256","made","expires"} in line 1, base64 Ed25519 signature over "kinward/plugin/v1\n" and line 1 in line 2. */
KW_CHECKED int kw_plugin_sign(const char *path, const char *key_file, int days, struct kw_fault *fault);

/* ---- the connector process: `kinward child connector FILE [--trust FILE] [--seen FILE] [--dev]` ----------------------
 *
 * Messages over its pipe (descriptor 3). It loads the plugin, takes START, opens OUTPUT files, locks itself in
 * (KW_SANDBOX_NETWORK), creates the instance and works until STOP or the end of the pipe. It logs to stderr itself.
 *
 *  parent → child
 *   START    {"name", "options":{name:text,…}, "secrets":[option,…]}; items: cursor, then one for each secret
 *   CREDIT   {"n"}             so many more documents may come (pulled or delivered; saved cursors do not count)
 *   DURABLE  {"token"}         on stable storage with its cursor, or known before: a waiting webhook is answered 2xx
 *   FAILED   {"token","code"}  not kept: a webhook is answered 503; for a pulled document the process ends, to be started
 *                              again from the saved cursor
 *   PING     {}                answered PONG
 *   STATUS   {}                answered STATUS {"emitted","durable","failed","credit","waiting","retries","port"}
 *   STOP     {}                ends the process with 0
 *  child → parent
 *   READY    as STATUS, after START; port is that of the listener once it stands, else 0
 *   DOCUMENT {"token","format","key","delivered"}; items: document, cursor. delivered: by webhook. Tokens count from 1. The
 *            parent drops a document whose key it has kept (still DURABLE). Cursor empty: the saved one stays. Document empty:
 *            only a cursor to be saved (DURABLE is due, too).
 *   PONG     {"away_ms"}       for how long the plugin has kept a thread (pulling, or of the listener) in its own code; 0: all
 *            are in the host or wait there. The agent ends a connector that is away, or gives no sign at all, for a minute.
 *   ENDED    {"code","place","detail"}  why it gives up; the process then ends with 1
 */
int kw_connector_child_main(int fd, int argc, char **argv);

#endif
