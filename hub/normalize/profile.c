/* SPDX-License-Identifier: Apache-2.0 */
/* profile.c - disclosure profile: the paths of a record that may leave the house. */
#include "normalize/private.h"

#include "base/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MOST 256

struct kw_profile {
    char *id;
    char **paths; /* sorted; "party/name/" is that element with all below, "party/role" only its own text */
    size_t count;
};

void kw_profile_free(struct kw_profile *profile)
{
    if (!profile)
        return;
    for (size_t i = 0; i < profile->count; i++)
        kw_free(profile->paths[i]);
    kw_free(profile->paths);
    kw_free(profile->id);
    kw_free(profile);
}

const char *kw_profile_id(const struct kw_profile *profile)
{
    return profile->id;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_path(struct kw_profile *profile, const struct kw_xml_element *allow)
{
    struct kw_buf path = {0};
    char **grown = kw_resize(profile->paths, (profile->count + 1) * sizeof(*grown));
    int error = grown ? kw_xml_attribute(allow, "path", &path) : -ENOMEM;
    if (grown)
        profile->paths = grown;
    if (error == 0 && (path.size == 0 || path.size >= PATH_MOST || path.data[0] == '/'))
        error = -EBADMSG;
    if (error == 0 && !(profile->paths[profile->count] = kw_strdup((const char *)path.data)))
        error = -ENOMEM;
    profile->count += error == 0;
    kw_buf_clear(&path);
    return error;
}

static int read_profile(struct kw_profile *profile, const struct kw_xml *document, const char *path, struct kw_fault *fault)
{
    const struct kw_xml_element *root = kw_xml_root(document);
    struct kw_buf id = {0};
    int error = strcmp(kw_xml_name(root), "profile") == 0 && strcmp(kw_xml_space(root), KW_PROFILE_SPACE) == 0
                    ? kw_xml_attribute(root, "id", &id)
                    : -EBADMSG;
    if (error == 0 && !(profile->id = kw_strdup((const char *)id.data)))
        error = -ENOMEM;
    kw_buf_clear(&id);
    for (const struct kw_xml_element *allow = kw_xml_first(root, NULL); allow && error == 0; allow = kw_xml_next(allow, NULL)) {
        error = strcmp(kw_xml_name(allow), "allow") == 0 ? add_path(profile, allow) : -EBADMSG;
        if (error < 0 && fault)
            fault->line = kw_xml_line(allow);
    }
    const unsigned line = fault ? fault->line : 0;
    if (error < 0) {
        kw_fail(fault, error, KW_E_CONFIG, path, "not a disclosure profile: <profile id><allow path/>…</profile>");
        if (fault)
            fault->line = line;
    }
    return error;
}

int kw_profile_load(const char *path, struct kw_sha256 *hash, struct kw_profile **ret_profile, struct kw_fault *fault)
{
    struct kw_buf bytes = {0};
    KW_AUTO(kw_xml_freep) struct kw_xml *document = NULL;
    struct kw_profile *profile = kw_alloc(sizeof(*profile));
    int error = profile ? 0 : kw_fail(fault, -ENOMEM, KW_E_MEMORY, path, "out of memory");
    if (error == 0)
        error = kw_file_read(path, KW_LIMIT_CONFIG, &bytes, fault);
    if (error == 0)
        error = kw_xml_parse(kw_view_of(&bytes), KW_LIMIT_CONFIG, &document, fault);
    if (error == 0) {
        kw_sha256_add(hash, bytes.data, bytes.size);
        if (fault)
            fault->line = 0;
        error = read_profile(profile, document, path, fault);
    }
    kw_buf_clear(&bytes);
    if (error < 0) {
        kw_profile_free(profile);
        return error;
    }
    qsort(profile->paths, profile->count, sizeof(*profile->paths), compare);
    *ret_profile = profile;
    return 0;
}

/* Is there an allowed path that starts with these size bytes, and with nothing more when whole? */
static bool has(const struct kw_profile *profile, const char *path, size_t size, bool whole)
{
    size_t low = 0, high = profile->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (strncmp(profile->paths[middle], path, size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < profile->count && strncmp(profile->paths[low], path, size) == 0 && (!whole || profile->paths[low][size] == 0);
}

static bool is_empty(const struct kw_xml_element *element)
{
    return !kw_xml_first(element, NULL);
}

/* path: of parent, with its last slash; size of it. */
static void apply_below(const struct kw_profile *profile, const struct kw_xml_element *parent, char path[PATH_MOST], size_t size)
{
    const struct kw_xml_element *child = kw_xml_first(parent, NULL);
    while (child) {
        const struct kw_xml_element *next = kw_xml_next(child, NULL);
        const int added = snprintf(path + size, PATH_MOST - size, "%s/", kw_xml_name(child));
        const size_t end = size + (size_t)(added > 0 ? added : 0);
        if (end >= PATH_MOST) {
            kw_xml_remove(child); /* deeper than any path that can be allowed */
        } else if (!has(profile, path, end, true)) {
            const bool itself = has(profile, path, end - 1, true);
            const bool parts = has(profile, path, end, false);
            if (parts || (itself && !is_empty(child)))
                apply_below(profile, child, path, end);
            if (!itself && (!parts || is_empty(child)))
                kw_xml_remove(child);
        }
        child = next;
    }
}

void kw_profile_apply(const struct kw_profile *profile, struct kw_xml *record)
{
    char path[PATH_MOST];
    apply_below(profile, kw_xml_root(record), path, 0);
}

bool kw_profile_keeps(const struct kw_profile *profile, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
        if (has(profile, path, (size_t)(slash - path) + 1, true))
            return true;
    char whole[PATH_MOST];
    const int size = snprintf(whole, sizeof(whole), "%s/", path);
    return size > 0 && (size_t)size < sizeof(whole) &&
           (has(profile, whole, (size_t)size, true) || has(profile, path, strlen(path), true));
}
