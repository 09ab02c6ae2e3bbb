/* SPDX-License-Identifier: Apache-2.0 */
/* codes.c - the code lists of schemas/codes: look-up of what a source wrote. */
#include "normalize/private.h"

#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct entry {
    char *text;       /* a code or a synonym */
    const char *code; /* text of the entry of the code itself */
    bool is_code;
};

struct list {
    char *name;
    struct entry *entries;
    size_t count, capacity;
};

struct kw_codes {
    struct list *lists;
    size_t count;
};

static void list_clear(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        kw_free(list->entries[i].text);
    kw_free(list->entries);
    kw_free(list->name);
}

void kw_codes_free(struct kw_codes *codes)
{
    if (!codes)
        return;
    for (size_t i = 0; i < codes->count; i++)
        list_clear(&codes->lists[i]);
    kw_free(codes->lists);
    kw_free(codes);
}

static int add_entry(struct list *list, struct kw_buf *text, const char *code)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? 2 * list->capacity : 32;
        struct entry *grown = kw_resize(list->entries, capacity * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        list->entries = grown;
        list->capacity = capacity;
    }
    struct entry *entry = &list->entries[list->count];
    entry->text = kw_strdup(text->data ? (const char *)text->data : "");
    if (!entry->text)
        return -ENOMEM;
    entry->is_code = code == NULL;
    entry->code = code ? code : entry->text;
    list->count++;
    return 0;
}

/* Without case; among equals a code before a synonym. */
static int compare(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    const int order = strcasecmp(left->text, right->text);
    return order != 0 ? order : (int)right->is_code - (int)left->is_code;
}

static int read_code(struct list *list, const struct kw_xml_element *code, struct kw_buf *text)
{
    text->size = 0;
    int error = kw_xml_attribute(code, "value", text);
    if (error == 0)
        error = add_entry(list, text, NULL);
    const char *own = error == 0 ? list->entries[list->count - 1].text : NULL;
    for (const struct kw_xml_element *synonym = kw_xml_first(code, "synonym"); synonym && error == 0;
         synonym = kw_xml_next(synonym, "synonym")) {
        text->size = 0;
        error = kw_xml_text(synonym, text);
        if (error == 0)
            error = add_entry(list, text, own);
    }
    return error;
}

static int read_list(struct list *list, const struct kw_xml *document)
{
    const struct kw_xml_element *root = kw_xml_root(document);
    struct kw_buf text = {0};
    int error = strcmp(kw_xml_name(root), "codes") == 0 ? kw_xml_attribute(root, "list", &text) : -EBADMSG;
    if (error == 0 && !(list->name = kw_strdup((const char *)text.data)))
        error = -ENOMEM;
    for (const struct kw_xml_element *code = kw_xml_first(root, "code"); code && error == 0; code = kw_xml_next(code, "code"))
        error = read_code(list, code, &text);
    kw_buf_clear(&text);
    if (error == 0 && list->count > 0)
        qsort(list->entries, list->count, sizeof(*list->entries), compare);
    return error;
}

static int load_file(struct kw_codes *codes, const char *path, struct kw_sha256 *hash, struct kw_fault *fault)
{
    struct kw_buf bytes = {0};
    KW_AUTO(kw_xml_freep) struct kw_xml *document = NULL;
    int error = kw_file_read(path, KW_LIMIT_CONFIG, &bytes, fault);
    if (error == 0)
        error = kw_xml_parse(kw_view_of(&bytes), KW_LIMIT_CONFIG, &document, fault);
    if (error == 0) {
        kw_sha256_add(hash, bytes.data, bytes.size);
        struct list *grown = kw_resize(codes->lists, (codes->count + 1) * sizeof(*grown));
        error = grown ? 0 : -ENOMEM;
        if (grown) {
            codes->lists = grown;
            memset(&grown[codes->count], 0, sizeof(*grown));
            error = read_list(&grown[codes->count++], document);
        }
        if (error < 0)
            kw_fail(fault, error, KW_E_CONFIG, path, "not a code list");
    } else if (fault && !fault->place[0])
        snprintf(fault->place, sizeof(fault->place), "%.127s", path);
    kw_buf_clear(&bytes);
    return error;
}

static int is_list(const struct dirent *entry)
{
    const size_t size = strlen(entry->d_name);
    return size > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + size - 4, ".xml") == 0;
}

int kw_codes_load(const char *folder, struct kw_sha256 *hash, struct kw_codes **ret_codes, struct kw_fault *fault)
{
    struct dirent **names = NULL;
    const int count = scandir(folder, &names, is_list, alphasort); /* a fixed order, for the hash */
    if (count < 0)
        return kw_fail(fault, -errno, KW_E_FILE, folder, "the code lists cannot be read");
    struct kw_codes *codes = kw_alloc(sizeof(*codes));
    int error = codes ? 0 : kw_fail(fault, -ENOMEM, KW_E_MEMORY, folder, "out of memory");
    for (int i = 0; i < count; i++) {
        char path[4096];
        if (error == 0 && (error = kw_path_join(path, sizeof(path), folder, names[i]->d_name)) < 0)
            kw_fail(fault, error, KW_E_FILE, folder, "the path is too long");
        if (error == 0)
            error = load_file(codes, path, hash, fault);
        free(names[i]);
    }
    free(names);
    if (error == 0 && count == 0)
        error = kw_fail(fault, -ENOENT, KW_E_FILE, folder, "there are no code lists");
    if (error < 0)
        kw_codes_free(codes);
    else
        *ret_codes = codes;
    return error;
}

static int compare_text(const void *key, const void *element)
{
    return strcasecmp(key, ((const struct entry *)element)->text);
}

int kw_codes_find(const struct kw_codes *codes, struct kw_view list, struct kw_view value, const char **ret_code)
{
    char text[256];
    const struct list *found = NULL;
    for (size_t i = 0; i < codes->count && !found; i++)
        if (kw_view_is(list, codes->lists[i].name))
            found = &codes->lists[i];
    if (!found)
        return -ENOENT;
    *ret_code = NULL;
    if (value.size >= sizeof(text))
        return 0;
    memcpy(text, value.data, value.size);
    text[value.size] = 0;
    const struct entry *hit = bsearch(text, found->entries, found->count, sizeof(*found->entries), compare_text);
    if (!hit)
        return 0;
    while (hit > found->entries && strcasecmp(hit[-1].text, text) == 0)
        hit--;
    *ret_code = hit->code;
    for (const struct entry *at = hit; at < found->entries + found->count && strcasecmp(at->text, text) == 0; at++)
        if (at->is_code && strcmp(at->text, text) == 0)
            *ret_code = at->code;
    return 0;
}
