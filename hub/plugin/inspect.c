/* SPDX-License-Identifier: Apache-2.0 */
/* inspect.c - a plugin's descriptor as JSON, read in a child process that may do nothing; and the signing of plugins. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "sandbox/sandbox.h"

/* ---- the child --------------------------------------------------------------------------- */

static void put_option(struct kw_json_out *out, const struct kinward_option *option)
{
    kw_json_object(out, NULL);
    kw_json_string(out, "name", option->name);
    kw_json_string(out, "type", kw_option_types[option->type]);
    kw_json_boolean(out, "required", option->flags & KINWARD_REQUIRED);
    if (option->fallback)
        kw_json_string(out, "default", option->fallback);
    if (option->low || option->high) {
        kw_json_integer(out, "low", option->low);
        kw_json_integer(out, "high", option->high);
    }
    kw_json_string(out, "help", option->help);
    kw_json_close(out, '}');
}

static int put_descriptor(const struct kw_plugin *plugin, const uint8_t *digest, const char *manifest, struct kw_buf *ret_json)
{
    const struct kinward_plugin *descriptor = &plugin->descriptor;
    struct kw_json_out out = {.out = ret_json};
    char abi[32];
    snprintf(abi, sizeof abi, "%u.%u", descriptor->abi_major, descriptor->abi_minor);
    kw_json_object(&out, NULL);
    kw_json_string(&out, "name", descriptor->name);
    kw_json_string(&out, "version", descriptor->version);
    kw_json_string(&out, "abi", abi);
    kw_json_string(&out, "kind", kw_kind_text(descriptor->kind));
    kw_json_array(&out, "capabilities");
    for (const struct kw_named_bit *one = kw_capabilities; one->name; one++)
        if (descriptor->capabilities & one->bit)
            kw_json_string(&out, NULL, one->name);
    kw_json_close(&out, ']');
    kw_json_string(&out, "summary", descriptor->summary);
    kw_json_string(&out, "license", descriptor->license);
    kw_json_array(&out, "options");
    for (uint32_t i = 0; i < descriptor->option_count; i++)
        put_option(&out, &descriptor->options[i]);
    kw_json_close(&out, ']');
    kw_json_string(&out, "file", plugin->path);
    kw_json_hex(&out, "sha256", digest, KW_HASH_SIZE);
    kw_json_string(&out, "manifest", manifest);
    kw_json_close(&out, '}');
    return kw_json_end(&out);
}

/* "ok", or why it would not be loaded. */
static void judge_manifest(struct kw_plugin *plugin, const uint8_t *digest, const char *trust_file, struct kw_fault *ret_fault)
{
    const struct kw_plugin_policy policy = {.trust_file = trust_file};
    char path[KW_PATH_SIZE];
    int error = kw_manifest_path(plugin->path, path, sizeof path);
    if (error)
        kw_fail(ret_fault, error, KW_E_PLUGIN, plugin->path, "its name does not end in .so");
    else
        error = kw_manifest_read(path, plugin->path, &policy, &plugin->manifest, ret_fault);
    if (!error && memcmp(plugin->manifest.sha256, digest, KW_HASH_SIZE) != 0)
        error = kw_fail(ret_fault, -EKEYREJECTED, KW_E_MANIFEST, path, "sha256: the manifest speaks of another file");
    if (!error)
        strcpy(ret_fault->message, "ok");
}

int kw_plugin_inspect_child_main(int fd, int argc, char **argv)
{
    /* Constructors run when it is loaded: nothing can be written, connected to or started by then. */
    static const struct kw_sandbox_limits limits = {.memory_bytes = UINT64_C(1) << 30, .cpu_seconds = 10};
    struct kw_plugin *plugin = kw_alloc(sizeof *plugin);
    struct kw_message message = {.verb = "INSPECTED"};
    struct kw_fault fault = {0}, manifest = {0};
    uint8_t digest[KW_HASH_SIZE];
    if (!plugin || argc < 2 || kw_crypto_init() < 0)
        return 1;
    int error = kw_plugin_open(argv[1], plugin, digest, &fault);
    if (!error)
        judge_manifest(plugin, digest, argc > 2 ? argv[2] : NULL, &manifest);
    if (!error)
        error = kw_sandbox_enter(KW_SANDBOX_READ, &limits, &fault);
    if (!error)
        error = kw_plugin_enter(plugin, &fault);
    if (!error)
        error = put_descriptor(plugin, digest, manifest.message, &message.header);
    if (error) {
        struct kw_json_out out = {.out = &message.header};
        strcpy(message.verb, "REFUSED");
        message.header.size = 0;
        kw_json_object(&out, NULL);
        kw_json_string(&out, "code", kw_code_name(fault.code));
        kw_json_string(&out, "place", fault.place);
        kw_json_string(&out, "detail", fault.message);
        kw_json_close(&out, '}');
        error = kw_json_end(&out);
    }
    if (!error)
        error = kw_pipe_send(fd, &message, 10000);
    kw_message_clear(&message);
    kw_plugin_free(plugin);
    return error ? 1 : 0;
}

/* ---- the parent ---------------------------------------------------------------------------- */

/* Copies the child's reason: texts of another process, bounded. */
static int take_refusal(const struct kw_message *message, struct kw_fault *fault)
{
    struct kw_json *root = NULL;
    struct kw_view code, place, detail;
    enum kw_code number;
    int error = kw_json_parse(kw_view_of(&message->header), &root, NULL);
    if (!error)
        error = kw_json_get_text(root, "code", 64, &code, NULL);
    if (!error)
        error = kw_json_get_text(root, "place", 1024, &place, NULL);
    if (!error)
        error = kw_json_get_text(root, "detail", 1024, &detail, NULL);
    if (!error)
        error = kw_fail(fault, -EBADMSG, kw_code_parse(code, &number) ? number : KW_E_PLUGIN, "", "%.*s", (int)detail.size,
                        (const char *)detail.data);
    else
        error = kw_fail(fault, -EBADMSG, KW_E_PLUGIN, "", "it could not be inspected");
    if (fault && error == -EBADMSG && root)
        snprintf(fault->place, sizeof fault->place, "%.*s", (int)place.size, (const char *)place.data);
    kw_json_free(root);
    return error;
}

int kw_plugin_inspect(const char *path, const struct kw_plugin_policy *policy, struct kw_buf *ret_json, struct kw_fault *fault)
{
    struct kw_child child = {.fd = -1};
    struct kw_message message = {0};
    const char *const arguments[] = {"inspect", path, policy ? policy->trust_file : NULL, NULL};
    if (access(path, R_OK) < 0)
        return kw_fail(fault, -errno, KW_E_FILE, path, "%s", strerror(errno));
    int error = kw_child_start(&child, arguments, NULL, 0, fault);
    if (error)
        return error;
    error = kw_pipe_receive(child.fd, &message, 15000);
    kw_child_stop(&child, 100);
    if (error)
        error = kw_fail(fault, -EBADMSG, KW_E_PLUGIN, path, "the process that loaded it ended or hung");
    else if (strcmp(message.verb, "INSPECTED") != 0)
        error = take_refusal(&message, fault);
    else
        error = kw_buf_append(ret_json, message.header.data, message.header.size);
    kw_message_clear(&message);
    return error;
}

/* ---- signing ----------------------------------------------------------------------------------- */

static int copy_text(const struct kw_json *root, const char *name, char *ret_text, size_t size, struct kw_fault *fault)
{
    struct kw_view text;
    int error = kw_json_get_text(root, name, size - 1, &text, fault);
    if (!error)
        snprintf(ret_text, size, "%.*s", (int)text.size, (const char *)text.data);
    return error;
}

static int manifest_from(const struct kw_json *root, struct kw_manifest *manifest, struct kw_fault *fault)
{
    int error = copy_text(root, "name", manifest->name, sizeof manifest->name, fault);
    if (!error)
        error = copy_text(root, "version", manifest->version, sizeof manifest->version, fault);
    if (!error)
        error = copy_text(root, "abi", manifest->abi, sizeof manifest->abi, fault);
    if (!error)
        error = copy_text(root, "kind", manifest->kind, sizeof manifest->kind, fault);
    if (!error)
        error = kw_json_get_hex(root, "sha256", manifest->sha256, sizeof manifest->sha256, fault);
    const struct kw_json *list = kw_json_member(root, "capabilities");
    for (size_t i = 0; i < kw_json_count(list); i++)
        for (const struct kw_named_bit *one = kw_capabilities; one->name; one++)
            if (kw_view_is(kw_json_text_of(kw_json_at(list, i)), one->name))
                manifest->capabilities |= one->bit;
    return error;
}

int kw_plugin_sign(const char *path, const char *key_file, int days, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf json = {0};
    KW_AUTO(kw_sign_key_freep) struct kw_sign_key *key = NULL;
    struct kw_json *root = NULL;
    struct kw_manifest manifest = {.made_ms = kw_clock_wall_ms()};
    char manifest_path[KW_PATH_SIZE];
    manifest.expires_ms = manifest.made_ms + days * INT64_C(86400000);
    int error = kw_manifest_path(path, manifest_path, sizeof manifest_path);
    if (error)
        return kw_fail(fault, error, KW_E_PLUGIN, path, "name: wanted one that ends in .so, found another");
    error = kw_sign_key_load(key_file, &key, fault);
    if (!error)
        error = kw_plugin_inspect(path, NULL, &json, fault);
    if (!error)
        error = kw_json_parse(kw_view_of(&json), &root, fault);
    if (!error)
        error = manifest_from(root, &manifest, fault);
    kw_json_free(root);
    return error ? error : kw_manifest_write(manifest_path, &manifest, key, fault);
}

int kw_plugin_key(const char *key_file, const char *trust_file, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf line = {0};
    KW_AUTO(kw_sign_key_freep) struct kw_sign_key *key = NULL;
    bool is_new = access(key_file, F_OK) < 0;
    int error = is_new ? kw_sign_key_new(&key) : kw_sign_key_load(key_file, &key, fault);
    if (!error && is_new)
        error = kw_sign_key_save(key_file, key, fault);
    if (!error)
        error = kw_base64(&line, key->public_key, KW_KEY_SIZE);
    if (!error)
        error = kw_buf_text(&line, "\n");
    return error ? error : kw_file_replace(trust_file, kw_view_of(&line), 0644, fault);
}
