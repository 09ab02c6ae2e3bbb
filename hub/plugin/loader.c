/* SPDX-License-Identifier: Apache-2.0 */
/* loader.c - from a file to a checked descriptor. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/sandbox.h"
#include "session.h"

#define FILE_MAX (64 << 20)

static int refuse(const struct kw_plugin *plugin, struct kw_fault *fault, const char *field, const char *wanted, const char *found)
{
    return kw_fail(fault, -EBADMSG, KW_E_PLUGIN, plugin->path, "%s: wanted %s, found %s", field, wanted, found);
}

/* ---- the file ------------------------------------------------------------------------ */

static int check_file(int fd, const char *path, struct kw_fault *fault)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return kw_fail(fault, -errno, KW_E_FILE, path, "%s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return kw_fail(fault, -EACCES, KW_E_PLUGIN, path, "type: wanted a regular file, found another");
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return kw_fail(fault, -EACCES, KW_E_PLUGIN, path, "owner: wanted 0 or %u, found %u", geteuid(), status.st_uid);
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return kw_fail(fault, -EACCES, KW_E_PLUGIN, path, "mode: wanted no writing for group and others, found %04o",
                       status.st_mode & 07777);
    if (status.st_size > FILE_MAX)
        return kw_fail(fault, -EFBIG, KW_E_PLUGIN, path, "size: wanted at most %d, found %lld", FILE_MAX,
                       (long long)status.st_size);
    return 0;
}

static int digest_file(int fd, uint8_t ret_digest[KW_HASH_SIZE])
{
    struct kw_sha256 hash;
    uint8_t chunk[16384];
    off_t offset = 0;
    kw_sha256_start(&hash);
    for (;;) {
        ssize_t got = pread(fd, chunk, sizeof chunk, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        kw_sha256_add(&hash, chunk, (size_t)got);
        offset += got;
    }
    kw_sha256_end(&hash, ret_digest);
    return 0;
}

int kw_plugin_open(const char *path, struct kw_plugin *plugin, uint8_t ret_digest[KW_HASH_SIZE], struct kw_fault *fault)
{
    char link[64];
    plugin->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold it up */
    if (plugin->fd < 0)
        return kw_fail(fault, -errno, KW_E_FILE, path, "%s", strerror(errno));
    int error = check_file(plugin->fd, path, fault);
    if (error)
        return error;
    snprintf(link, sizeof link, "/proc/self/fd/%d", plugin->fd);
    ssize_t length = readlink(link, plugin->path, sizeof plugin->path - 1);
    if (length <= 0)
        return kw_fail(fault, -EIO, KW_E_FILE, path, "its real path cannot be read");
    plugin->path[length] = 0;
    error = digest_file(plugin->fd, ret_digest);
    return error ? kw_fail(fault, error, KW_E_FILE, path, "%s", strerror(-error)) : 0;
}

/* ---- the descriptor --------------------------------------------------------------------- */

static bool plain_text(const char *text, size_t limit, const char *allowed)
{
    size_t length = text ? strnlen(text, limit + 1) : 0;
    return length > 0 && length <= limit && (!allowed || strspn(text, allowed) == length);
}

static int check_texts(const struct kw_plugin *plugin, struct kw_fault *fault)
{
    const struct kinward_plugin *descriptor = &plugin->descriptor;
    if (!plain_text(descriptor->name, KW_NAME_SIZE - 1, "abcdefghijklmnopqrstuvwxyz0123456789-"))
        return refuse(plugin, fault, "name", "a-z, 0-9 and '-'", "another");
    if (!plain_text(descriptor->version, KW_VERSION_SIZE - 1, "0123456789."))
        return refuse(plugin, fault, "version", "numbers and dots", "another");
    if (!plain_text(descriptor->summary, 500, NULL) || !plain_text(descriptor->license, 100, NULL))
        return refuse(plugin, fault, "summary and license", "texts", "none");
    return 0;
}

static int check_operations(const struct kw_plugin *plugin, struct kw_fault *fault)
{
    const struct kinward_plugin *descriptor = &plugin->descriptor;
    const struct kinward_connector *connector = (const void *)plugin->operations;
    const struct kinward_anchor *anchor = (const void *)plugin->operations;
    const struct kinward_sink *sink = (const void *)plugin->operations;
    bool complete = descriptor->kind == KINWARD_CONNECTOR ? connector->pull != NULL
                    : descriptor->kind == KINWARD_ANCHOR  ? anchor->submit && anchor->verify
                    : descriptor->kind == KINWARD_SINK    ? sink->deliver != NULL
                                                          : descriptor->operations != NULL;
    if (!complete)
        return refuse(plugin, fault, "operations", "all mandatory ones of its kind", "one missing");
    if (descriptor->kind != KINWARD_RULES && !descriptor->create)
        return refuse(plugin, fault, "create", "a function", "none");
    return 0;
}

static int check_descriptor(struct kw_plugin *plugin, struct kw_fault *fault)
{
    char wanted[32], found[32];
    const struct kinward_plugin *descriptor = &plugin->descriptor;
    snprintf(wanted, sizeof wanted, "%u.%u", KINWARD_ABI_MAJOR, KINWARD_ABI_MINOR);
    snprintf(found, sizeof found, "%u.%u", descriptor->abi_major, descriptor->abi_minor);
    bool fits = KINWARD_ABI_MAJOR ? descriptor->abi_minor <= KINWARD_ABI_MINOR : descriptor->abi_minor == KINWARD_ABI_MINOR;
    if (descriptor->abi_major != KINWARD_ABI_MAJOR || !fits)
        return refuse(plugin, fault, "abi", wanted, found);
    snprintf(found, sizeof found, "%u", descriptor->kind);
    if (!kw_kind_text(descriptor->kind))
        return refuse(plugin, fault, "kind", "1 to 4", found);
    int error = check_texts(plugin, fault);
    if (!error)
        error = check_operations(plugin, fault);
    if (!error)
        error = kw_options_check(plugin->path, descriptor, fault);
    return error ? error : kw_session_extend(plugin, fault);
}

/* Loads the open file and copies its descriptor and operations; nothing of the plugin is called but its constructors. */
int kw_plugin_enter(struct kw_plugin *plugin, struct kw_fault *fault)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", plugin->fd);
    void *handle = dlopen(link, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle)
        return kw_fail(fault, -ENOEXEC, KW_E_PLUGIN, plugin->path, "cannot be loaded: %s", dlerror());
    plugin->is_loaded = true;
    const struct kinward_plugin *theirs = dlsym(handle, KINWARD_PLUGIN_SYMBOL);
    if (!theirs)
        return refuse(plugin, fault, "symbol", KINWARD_PLUGIN_SYMBOL, "none");
    if (theirs->size < offsetof(struct kinward_plugin, kind))
        return refuse(plugin, fault, "size", "a descriptor", "less");
    size_t size = theirs->size < sizeof plugin->descriptor ? theirs->size : sizeof plugin->descriptor;
    memcpy(&plugin->descriptor, theirs, size);
    if (plugin->descriptor.operations) {
        size = plugin->descriptor.operations_size;
        plugin->operations_size = size < sizeof plugin->operations ? size : sizeof plugin->operations;
        memcpy(plugin->operations, plugin->descriptor.operations, plugin->operations_size);
    }
    return check_descriptor(plugin, fault);
}

/* ---- loading -------------------------------------------------------------------------------- */

/* The manifest speaks of this very file. */
static int check_digest(struct kw_plugin *plugin, const uint8_t *digest, struct kw_fault *fault)
{
    char wanted[2 * KW_HASH_SIZE + 1], found[2 * KW_HASH_SIZE + 1];
    if (!memcmp(plugin->manifest.sha256, digest, KW_HASH_SIZE))
        return 0;
    kw_hex(wanted, plugin->manifest.sha256, KW_HASH_SIZE);
    kw_hex(found, digest, KW_HASH_SIZE);
    return kw_fail(fault, -EKEYREJECTED, KW_E_MANIFEST, plugin->path, "sha256: wanted %s, found %s", wanted, found);
}

static int check_manifest(struct kw_plugin *plugin, const uint8_t *digest, const struct kw_plugin_policy *policy,
                          struct kw_fault *fault)
{
    char path[KW_PATH_SIZE];
    int error = kw_manifest_path(plugin->path, path, sizeof path);
    if (error)
        return kw_fail(fault, error, KW_E_PLUGIN, plugin->path, "name: wanted one that ends in .so, found another");
    error = kw_manifest_read(path, plugin->path, policy, &plugin->manifest, fault);
    if (error == -ENOENT && policy->dev)
        return 0;
    if (!error)
        error = check_digest(plugin, digest, fault);
    plugin->is_signed = !error;
    return error;
}

static int compare_manifest(const struct kw_plugin *plugin, struct kw_fault *fault)
{
    const struct kinward_plugin *descriptor = &plugin->descriptor;
    const struct kw_manifest *manifest = &plugin->manifest;
    char abi[16], wanted[16], found[16];
    snprintf(abi, sizeof abi, "%u.%u", descriptor->abi_major, descriptor->abi_minor);
    if (strcmp(manifest->name, descriptor->name) != 0)
        return refuse(plugin, fault, "name", manifest->name, descriptor->name);
    if (strcmp(manifest->version, descriptor->version) != 0)
        return refuse(plugin, fault, "version", manifest->version, descriptor->version);
    if (strcmp(manifest->abi, abi) != 0)
        return refuse(plugin, fault, "abi", manifest->abi, abi);
    if (strcmp(manifest->kind, kw_kind_text(descriptor->kind)) != 0)
        return refuse(plugin, fault, "kind", manifest->kind, kw_kind_text(descriptor->kind));
    snprintf(wanted, sizeof wanted, "0x%x", manifest->capabilities);
    snprintf(found, sizeof found, "0x%x", descriptor->capabilities);
    if (descriptor->capabilities & ~manifest->capabilities)
        return refuse(plugin, fault, "capabilities", wanted, found);
    return 0;
}

static int load(struct kw_plugin *plugin, const char *path, const struct kw_plugin_policy *policy, struct kw_fault *fault)
{
    uint8_t digest[KW_HASH_SIZE];
    int error = kw_plugin_open(path, plugin, digest, fault);
    if (!error)
        error = check_manifest(plugin, digest, policy, fault);
    if (!error)
        error = kw_plugin_enter(plugin, fault);
    if (!error && plugin->is_signed)
        error = compare_manifest(plugin, fault);
    if (!error && policy->kind && plugin->descriptor.kind != policy->kind)
        error = refuse(plugin, fault, "kind", kw_kind_text(policy->kind), kw_kind_text(plugin->descriptor.kind));
    if (!error && policy->seen_file && plugin->is_signed)
        error = kw_seen_check(policy->seen_file, plugin->descriptor.name, plugin->descriptor.version, fault);
    return error;
}

int kw_plugin_load(const char *path, const struct kw_plugin_policy *policy, struct kw_plugin **ret_plugin, struct kw_fault *fault)
{
    static const struct kw_plugin_policy usual;
    struct kw_plugin *plugin = kw_alloc(sizeof *plugin);
    if (!plugin)
        return -ENOMEM;
    int error = load(plugin, path, policy ? policy : &usual, fault);
    if (error) { /* a loaded file's descriptor stays open: the loader would take another file of its number for the same */
        if (plugin->fd >= 0 && !plugin->is_loaded)
            close(plugin->fd);
        kw_plugin_free(plugin);
        return error;
    }
    *ret_plugin = plugin;
    return 0;
}

void kw_plugin_free(struct kw_plugin *plugin)
{
    if (plugin)
        kw_free(plugin->options);
    kw_free(plugin);
}

const struct kinward_plugin *kw_plugin_descriptor(const struct kw_plugin *plugin)
{
    return &plugin->descriptor;
}

int kw_plugin_operations(const struct kw_plugin *plugin, size_t size, const void **ret_operations)
{
    if (plugin->operations_size < size)
        return -ENOTSUP;
    *ret_operations = plugin->operations;
    return 0;
}

bool kw_plugin_signed(const struct kw_plugin *plugin)
{
    return plugin->is_signed;
}
