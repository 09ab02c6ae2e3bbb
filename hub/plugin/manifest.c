/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.c - signed manifests, trusted keys, remembered versions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "sandbox/sandbox.h"

#define TRUST_FILE "/etc/kinward/plugin-trust"
#define DOMAIN     "kinward/plugin/v1\n"

const struct kw_named_bit kw_capabilities[] = {{KINWARD_NETWORK, "network"},
                                               {KINWARD_LISTENER, "listener"},
                                               {KINWARD_FOLDER, "folder"},
                                               {KINWARD_OUTPUTS, "outputs"},
                                               {0, NULL}};

const char *kw_kind_text(uint32_t kind)
{
    static const char *const texts[] = {NULL, "connector", "anchor", "sink", "rules"};
    return kind < KW_COUNT(texts) ? texts[kind] : NULL;
}

int kw_manifest_path(const char *plugin, char *ret_path, size_t size)
{
    size_t length = strlen(plugin);
    if (length < 4 || strcmp(plugin + length - 3, ".so") != 0)
        return -EINVAL;
    int written = snprintf(ret_path, size, "%.*s.manifest", (int)(length - 3), plugin);
    return written < 0 || (size_t)written >= size ? -ENAMETOOLONG : 0;
}

int kw_version_compare(const char *a, const char *b)
{
    for (;;) {
        char *a_end, *b_end;
        unsigned long a_number = strtoul(a, &a_end, 10), b_number = strtoul(b, &b_end, 10);
        if (a_number != b_number)
            return a_number < b_number ? -1 : 1;
        if (*a_end != '.' && *b_end != '.')
            return 0;
        a = *a_end == '.' ? a_end + 1 : a_end;
        b = *b_end == '.' ? b_end + 1 : b_end;
    }
}

/* ---- writing ---------------------------------------------------------------------- */

static int signed_text(struct kw_view line, struct kw_buf *ret_text)
{
    int error = kw_buf_text(ret_text, DOMAIN);
    return error ? error : kw_buf_append(ret_text, line.data, line.size);
}

int kw_manifest_write(const char *path, const struct kw_manifest *manifest, const struct kw_sign_key *key, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf line = {0}, text = {0};
    struct kw_json_out out = {.out = &line};
    char made[KW_TIME_SIZE], expires[KW_TIME_SIZE];
    kw_time_format(manifest->made_ms, made);
    kw_time_format(manifest->expires_ms, expires);
    kw_json_object(&out, NULL);
    kw_json_integer(&out, "kinward-plugin", 1);
    kw_json_string(&out, "name", manifest->name);
    kw_json_string(&out, "version", manifest->version);
    kw_json_string(&out, "abi", manifest->abi);
    kw_json_string(&out, "kind", manifest->kind);
    kw_json_array(&out, "capabilities");
    for (const struct kw_named_bit *one = kw_capabilities; one->name; one++)
        if (manifest->capabilities & one->bit)
            kw_json_string(&out, NULL, one->name);
    kw_json_close(&out, ']');
    kw_json_hex(&out, "sha256", manifest->sha256, sizeof manifest->sha256);
    kw_json_string(&out, "made", made);
    kw_json_string(&out, "expires", expires);
    kw_json_close(&out, '}');
    uint8_t signature[KW_SIGNATURE_SIZE];
    int error = kw_json_end(&out);
    if (!error)
        error = signed_text(kw_view_of(&line), &text);
    if (error)
        return error;
    kw_sign(key, text.data, text.size, signature);
    error = kw_buf_append(&line, "\n", 1);
    if (!error)
        error = kw_base64(&line, signature, sizeof signature);
    if (!error)
        error = kw_buf_append(&line, "\n", 1);
    return error ? error : kw_file_replace(path, kw_view_of(&line), 0644, fault);
}

/* ---- trusted keys ------------------------------------------------------------------- */

/* Cuts a line off the front of rest, without its end. */
static bool take_line(struct kw_view *rest, struct kw_view *ret_line)
{
    if (rest->size == 0)
        return false;
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    size_t size = end ? (size_t)(end - rest->data) : rest->size;
    *ret_line = (struct kw_view){rest->data, size};
    rest->data += size + !!end;
    rest->size -= size + !!end;
    return true;
}

/* Whether one of the file's keys made the signature. A file that is not there trusts nobody. */
static int signed_by(const char *trust_file, struct kw_view text, const uint8_t *signature, bool *ret_found, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    if (access(trust_file, F_OK) < 0)
        return 0;
    int error = kw_file_read(trust_file, KW_LIMIT_CONFIG, &bytes, fault);
    struct kw_view rest = kw_view_of(&bytes), line;
    while (!error && !*ret_found && take_line(&rest, &line)) {
        KW_AUTO(kw_buf_clear) struct kw_buf key = {0};
        if (line.size == 0 || line.data[0] == '#')
            continue;
        const uint8_t *space = memchr(line.data, ' ', line.size); /* a comment may follow */
        line.size = space ? (size_t)(space - line.data) : line.size;
        if (kw_base64_parse(line, &key) < 0 || key.size != KW_KEY_SIZE)
            return kw_fail(fault, -EBADMSG, KW_E_KEY, trust_file, "a line is no base64 Ed25519 public key");
        *ret_found = kw_verify(key.data, text.data, text.size, signature);
    }
    return error;
}

/* Is path below the folder of the running program? */
static bool in_program_folder(const char *path, char *ret_trust, size_t size)
{
    const char *program = kw_program_path(), *slash = strrchr(program, '/');
    size_t length = slash ? (size_t)(slash - program) + 1 : 0;
    int written = snprintf(ret_trust, size, "%.*splugin-trust", (int)length, program);
    return length > 0 && written > 0 && (size_t)written < size && !strncmp(path, program, length);
}

static int check_signature(struct kw_view line, struct kw_view encoded, const char *place, const char *real_path,
                           const struct kw_plugin_policy *policy, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf signature = {0}, text = {0};
    char local[KW_PATH_SIZE];
    bool found = false;
    if (kw_base64_parse(encoded, &signature) < 0 || signature.size != KW_SIGNATURE_SIZE)
        return kw_fail(fault, -EBADMSG, KW_E_MANIFEST, place, "signature: wanted 64 bytes of base64 in line 2");
    int error = signed_text(line, &text);
    if (!error)
        error = signed_by(policy->trust_file ? policy->trust_file : TRUST_FILE, kw_view_of(&text), signature.data, &found, fault);
    if (!error && !found && !policy->trust_file && in_program_folder(real_path, local, sizeof local))
        error = signed_by(local, kw_view_of(&text), signature.data, &found, fault);
    if (!error && !found)
        error = kw_fail(fault, -EKEYREJECTED, KW_E_MANIFEST, place, "signature: wanted one by a trusted key (%s), found none",
                        policy->trust_file ? policy->trust_file : TRUST_FILE);
    return error;
}

/* ---- reading ---------------------------------------------------------------------------- */

static int get_text(const struct kw_json *root, const char *name, char *ret_text, size_t size, struct kw_fault *fault)
{
    struct kw_view text;
    int error = kw_json_get_text(root, name, size - 1, &text, fault);
    if (error)
        return error;
    memcpy(ret_text, text.data, text.size);
    ret_text[text.size] = 0;
    return 0;
}

static int get_capabilities(const struct kw_json *root, uint32_t *ret_bits, struct kw_fault *fault)
{
    const struct kw_json *list = kw_json_member(root, "capabilities");
    *ret_bits = 0;
    for (size_t i = 0; i < kw_json_count(list); i++) {
        const struct kw_named_bit *one = kw_capabilities;
        while (one->name && !kw_view_is(kw_json_text_of(kw_json_at(list, i)), one->name))
            one++;
        if (!one->name)
            return kw_fail(fault, -EBADMSG, KW_E_MANIFEST, "capabilities", "an unknown capability");
        *ret_bits |= one->bit;
    }
    return 0;
}

static int get_time(const struct kw_json *root, const char *name, int64_t *ret_ms, struct kw_fault *fault)
{
    struct kw_view text;
    int error = kw_json_get_text(root, name, 64, &text, fault);
    if (!error && kw_time_parse(text, ret_ms) < 0)
        error = kw_fail(fault, -EBADMSG, KW_E_MANIFEST, name, "not a time");
    return error;
}

static int parse_fields(struct kw_view line, struct kw_manifest *manifest, struct kw_fault *fault)
{
    struct kw_json *root = NULL;
    int64_t one;
    int error = kw_json_parse(line, &root, fault);
    if (!error)
        error = kw_json_get_integer(root, "kinward-plugin", 1, 1, &one, fault);
    if (!error)
        error = get_text(root, "name", manifest->name, sizeof manifest->name, fault);
    if (!error)
        error = get_text(root, "version", manifest->version, sizeof manifest->version, fault);
    if (!error)
        error = get_text(root, "abi", manifest->abi, sizeof manifest->abi, fault);
    if (!error)
        error = get_text(root, "kind", manifest->kind, sizeof manifest->kind, fault);
    if (!error)
        error = get_capabilities(root, &manifest->capabilities, fault);
    if (!error)
        error = kw_json_get_hex(root, "sha256", manifest->sha256, sizeof manifest->sha256, fault);
    if (!error)
        error = get_time(root, "made", &manifest->made_ms, fault);
    if (!error)
        error = get_time(root, "expires", &manifest->expires_ms, fault);
    kw_json_free(root);
    return error;
}

int kw_manifest_read(const char *path, const char *real_path, const struct kw_plugin_policy *policy,
                     struct kw_manifest *ret_manifest, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    struct kw_manifest manifest = {0};
    if (access(path, F_OK) < 0)
        return kw_fail(fault, -ENOENT, KW_E_MANIFEST, path, "wanted a manifest, found none; kinward plugin sign makes one");
    int error = kw_file_read(path, KW_LIMIT_KEY_FILE, &bytes, fault);
    if (error)
        return error;
    struct kw_view rest = kw_view_of(&bytes), line, signature;
    if (!take_line(&rest, &line) || !take_line(&rest, &signature) || rest.size > 0)
        return kw_fail(fault, -EBADMSG, KW_E_MANIFEST, path, "wanted two lines: fields and signature");
    error = check_signature(line, signature, path, real_path, policy, fault);
    if (error)
        return error;
    struct kw_fault field = {0};
    error = parse_fields(line, &manifest, &field);
    if (error)
        return kw_fail(fault, error, KW_E_MANIFEST, path, "%s: %s", field.place, field.message);
    int64_t now = kw_clock_wall_ms();
    char expires[KW_TIME_SIZE], today[KW_TIME_SIZE];
    kw_time_format(manifest.expires_ms, expires);
    kw_time_format(now, today);
    if (now >= manifest.expires_ms)
        return kw_fail(fault, -EKEYEXPIRED, KW_E_MANIFEST, path, "expires: wanted later than %s, found %s", today, expires);
    *ret_manifest = manifest;
    return 0;
}

/* ---- remembered versions: lines "name version" -------------------------------------------- */

int kw_seen_check(const char *seen_file, const char *name, const char *version, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf old = {0}, new = {0};
    int error = access(seen_file, F_OK) < 0 ? 0 : kw_file_read(seen_file, KW_LIMIT_CONFIG, &old, fault);
    struct kw_view rest = kw_view_of(&old), line;
    size_t length = strlen(name);
    while (!error && take_line(&rest, &line)) {
        char seen[KW_VERSION_SIZE];
        if (line.size <= length || memcmp(line.data, name, length) != 0 || line.data[length] != ' ') {
            error = kw_buf_append(&new, line.data, line.size);
            error = error ? error : kw_buf_append(&new, "\n", 1);
            continue;
        }
        snprintf(seen, sizeof seen, "%.*s", (int)(line.size - length - 1), (const char *)line.data + length + 1);
        int order = kw_version_compare(version, seen);
        if (order < 0)
            return kw_fail(fault, -ESTALE, KW_E_PLUGIN, name, "version: wanted at least %s, which was used before; found %s", seen,
                           version);
        if (order == 0)
            return 0;
    }
    if (!error)
        error = kw_buf_format(&new, "%s %s\n", name, version);
    return error ? error : kw_file_replace(seen_file, kw_view_of(&new), 0600, fault);
}
