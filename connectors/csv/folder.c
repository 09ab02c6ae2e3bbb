/* SPDX-License-Identifier: Apache-2.0 */
/* folder.c - the manifests of a watched folder. */
#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANIFEST_MAX 4096

struct look {
    const struct folder *old;
    struct folder found;
    const struct kinward_host *host;
    const char *path;
    size_t next; /* of the old ones: both are in the order of their names */
    int failed;
};

struct text {
    uint8_t data[MANIFEST_MAX];
    size_t size;
};

static kinward_verdict keep(void *context, const void *data, size_t size)
{
    struct text *text = context;
    if (size > sizeof text->data - text->size)
        return KINWARD_REJECT;
    memcpy(text->data + text->size, data, size);
    text->size += size;
    return KINWARD_OK;
}

static int hex_digit(uint8_t digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static int parse_digest(struct kinward_view text, uint8_t ret_digest[32])
{
    if (text.size != 64)
        return -1;
    for (size_t i = 0; i < 32; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        ret_digest[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static int take_members(const struct kinward_host *host, const struct kinward_json *root, struct manifest *manifest)
{
    void *instance = host->instance;
    struct kinward_view file = host->json_text(instance, host->json_member(instance, root, "file"));
    if (file.size == 0 || file.size >= sizeof manifest->file || memchr(file.data, '/', file.size) ||
        memchr(file.data, 0, file.size) || file.data[0] == '.')
        return -1;
    memcpy(manifest->file, file.data, file.size);
    if (!host->json_integer(instance, host->json_member(instance, root, "rows"), &manifest->rows) || manifest->rows < 0 ||
        parse_digest(host->json_text(instance, host->json_member(instance, root, "sha256")), manifest->sha256) < 0)
        return -1;
    return host->json_integer(instance, host->json_member(instance, root, "sequence"), &manifest->sequence) &&
                   manifest->sequence > 0
               ? 0
               : -1;
}

/* A manifest that cannot be read yet keeps sequence 0 and is read again when it has changed. */
static void read_manifest(const struct kinward_host *host, const char *path, struct manifest *manifest)
{
    struct text text = {.size = 0};
    const struct kinward_out out = {&text, keep};
    struct kinward_json *root = NULL;
    if (host->read(host->instance, path, manifest->name, 0, MANIFEST_MAX, &out) != KINWARD_OK ||
        host->json_parse(host->instance, (struct kinward_view){text.data, text.size}, &root) != KINWARD_OK)
        return;
    if (take_members(host, root, manifest) < 0)
        manifest->sequence = 0;
    host->json_free(host->instance, root);
}

static int visit(void *context, const char *name, uint64_t size, int64_t modified_ms)
{
    struct look *look = context;
    if (strlen(name) >= FILE_NAME)
        return 0;
    if (look->found.count == look->found.capacity) {
        size_t capacity = look->found.capacity ? 2 * look->found.capacity : 16;
        struct manifest *larger = realloc(look->found.manifests, capacity * sizeof *larger);
        if (!larger)
            return look->failed = 1;
        look->found.manifests = larger;
        look->found.capacity = capacity;
    }
    struct manifest *manifest = &look->found.manifests[look->found.count++];
    while (look->next < look->old->count && strcmp(look->old->manifests[look->next].name, name) < 0)
        look->next++;
    const struct manifest *before = look->next < look->old->count ? &look->old->manifests[look->next] : NULL;
    if (before && !strcmp(before->name, name) && before->modified_ms == modified_ms && before->size == size && before->sequence) {
        *manifest = *before;
        return 0;
    }
    *manifest = (struct manifest){.modified_ms = modified_ms, .size = size};
    snprintf(manifest->name, sizeof manifest->name, "%s", name);
    read_manifest(look->host, look->path, manifest);
    return 0;
}

kinward_verdict folder_look(struct folder *folder, const struct kinward_host *host, const char *path)
{
    struct look look = {.old = folder, .host = host, .path = path};
    kinward_verdict verdict = host->folder(host->instance, path, ".manifest", visit, &look);
    if (verdict != KINWARD_OK || look.failed) {
        folder_clear(&look.found);
        return verdict != KINWARD_OK ? verdict : host->fail(host->instance, KINWARD_RETRY, "no memory");
    }
    folder_clear(folder);
    *folder = look.found;
    return KINWARD_OK;
}

const struct manifest *folder_find(const struct folder *folder, int64_t sequence, const struct manifest **ret_later,
                                   const struct manifest **ret_unread)
{
    const struct manifest *found = NULL;
    *ret_later = *ret_unread = NULL;
    for (size_t i = 0; i < folder->count; i++) {
        const struct manifest *one = &folder->manifests[i];
        if (one->sequence == 0)
            *ret_unread = one;
        else if (one->sequence == sequence && !found)
            found = one;
        else if (one->sequence > sequence && (!*ret_later || one->sequence < (*ret_later)->sequence))
            *ret_later = one;
    }
    return found;
}

void folder_clear(struct folder *folder)
{
    free(folder->manifests);
    *folder = (struct folder){0};
}
