/* SPDX-License-Identifier: Apache-2.0 */
/* mapping.c - loads a mapping and turns documents into records with it. */
#include "normalize/private.h"

#include "base/limits.h"
#include "record/record.h"
#include "text/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INCLUDES_MOST 8

/* ---- loading ---- */

/* The stylesheet and what it includes go into the hash; the first file also states the mapping. */
static int read_sheet(struct kw_mapping *mapping, const char *path, unsigned depth, struct kw_sha256 *hash, struct kw_fault *fault);

static int attribute(const struct kw_xml_element *element, const char *name, char *ret_text, size_t size)
{
    struct kw_buf text = {0};
    int error = kw_xml_attribute(element, name, &text);
    if (error == 0 && text.size >= size)
        error = -E2BIG;
    if (error == 0)
        memcpy(ret_text, text.data ? (const char *)text.data : "", text.size + 1);
    kw_buf_clear(&text);
    return error;
}

static int read_include(struct kw_mapping *mapping, const char *path, const struct kw_xml_element *include, unsigned depth,
                        struct kw_sha256 *hash, struct kw_fault *fault)
{
    char folder[4096], file[4096], name[256];
    snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    if (depth >= INCLUDES_MOST || attribute(include, "href", name, sizeof(name)) < 0 || strchr(name, '/') ||
        kw_path_join(file, sizeof(file), slash ? folder : ".", name) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_MAPPING, path, "xsl:include of something that is no file of this folder");
    return read_sheet(mapping, file, depth + 1, hash, fault);
}

static int read_sheet(struct kw_mapping *mapping, const char *path, unsigned depth, struct kw_sha256 *hash, struct kw_fault *fault)
{
    struct kw_buf bytes = {0};
    KW_AUTO(kw_xml_freep) struct kw_xml *document = NULL;
    int error = kw_file_read(path, KW_LIMIT_CONFIG, &bytes, fault);
    if (error == 0) {
        kw_sha256_add(hash, bytes.data, bytes.size);
        error = kw_xml_parse(kw_view_of(&bytes), KW_LIMIT_CONFIG, &document, fault);
        if (error < 0 && fault)
            snprintf(fault->place, sizeof(fault->place), "%.127s", path);
    }
    kw_buf_clear(&bytes);
    if (error < 0)
        return error;
    for (const struct kw_xml_element *top = kw_xml_first(kw_xml_root(document), NULL); top && error == 0;
         top = kw_xml_next(top, NULL)) {
        const char *name = kw_xml_name(top);
        if (strcmp(name, "include") == 0 || strcmp(name, "import") == 0)
            error = read_include(mapping, path, top, depth, hash, fault);
        if (depth > 0 || strcmp(kw_xml_space(top), KW_MAPPING_SPACE) != 0 || strcmp(name, "mapping") != 0)
            continue;
        if (attribute(top, "id", mapping->id, sizeof(mapping->id)) < 0 ||
            attribute(top, "format", mapping->format, sizeof(mapping->format)) < 0)
            return kw_fail(fault, -EBADMSG, KW_E_MAPPING, path, "kw:mapping needs the attributes id and format");
        if (attribute(top, "version", mapping->version, 32) == 0)
            strcat(mapping->version, ".");
    }
    return error;
}

static int load_parts(struct kw_mapping *mapping, const char *stylesheet, const char *codes, const char *profile,
                      struct kw_sha256 *hash, struct kw_fault *fault)
{
    int error = read_sheet(mapping, stylesheet, 0, hash, fault);
    if (error == 0 && !mapping->id[0])
        error = kw_fail(fault, -ENOENT, KW_E_MAPPING, stylesheet, "the stylesheet states no kw:mapping");
    if (error == 0)
        error = kw_transform_load(stylesheet, kw_functions, kw_function_count, &mapping->transform, fault);
    if (error == 0)
        error = kw_codes_load(codes, hash, &mapping->codes, fault);
    if (error == 0 && profile)
        error = kw_profile_load(profile, hash, &mapping->profile, fault);
    if (error == 0 && (error = kw_validator_new(&mapping->validator)) < 0)
        kw_fail(fault, error, KW_E_MEMORY, stylesheet, "out of memory");
    return error;
}

int kw_mapping_load(const char *stylesheet, const char *codes_folder, const char *profile, struct kw_mapping **ret_mapping,
                    struct kw_fault *fault)
{
    struct kw_sha256 hash;
    uint8_t digest[KW_HASH_SIZE];
    char hex[2 * KW_HASH_SIZE + 1];
    int error = kw_xml_init();
    if (error < 0)
        return kw_fail(fault, error, KW_E_INTERNAL, stylesheet, "libxml2 cannot start");
    struct kw_mapping *mapping = kw_alloc(sizeof(*mapping));
    if (!mapping)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, stylesheet, "out of memory");
    kw_sha256_start(&hash);
    error = load_parts(mapping, stylesheet, codes_folder, profile, &hash, fault);
    kw_sha256_end(&hash, digest);
    if (error < 0) {
        kw_mapping_free(mapping);
        return error;
    }
    kw_hex(hex, digest, sizeof(digest));
    const size_t stated = strlen(mapping->version);
    snprintf(mapping->version + stated, sizeof(mapping->version) - stated, "%.*s", stated > 0 ? 16 : 64, hex);
    *ret_mapping = mapping;
    return 0;
}

void kw_mapping_free(struct kw_mapping *mapping)
{
    if (!mapping)
        return;
    kw_transform_free(mapping->transform);
    kw_codes_free(mapping->codes);
    kw_profile_free(mapping->profile);
    kw_validator_free(mapping->validator);
    kw_free(mapping);
}

void kw_mapping_freep(struct kw_mapping **mapping)
{
    kw_mapping_free(*mapping);
    *mapping = NULL;
}

const char *kw_mapping_id(const struct kw_mapping *mapping)
{
    return mapping->id;
}

const char *kw_mapping_version(const struct kw_mapping *mapping)
{
    return mapping->version;
}

const char *kw_mapping_format(const struct kw_mapping *mapping)
{
    return mapping->format;
}

void kw_normalized_clear(struct kw_normalized *normalized)
{
    kw_buf_clear(&normalized->records);
    kw_buf_clear(&normalized->leaves);
    kw_buf_clear(&normalized->warnings);
    normalized->count = normalized->warning_count = 0;
}

/* ---- one document ---- */

static const char *parameter(const char *const *parameters, const char *name)
{
    for (size_t i = 0; parameters && parameters[i]; i += 2)
        if (strcmp(parameters[i], name) == 0)
            return parameters[i + 1];
    return NULL;
}

int kw_mapping_tree(const struct kw_mapping *mapping, struct kw_view raw, const char *format, const char *const *parameters,
                    struct kw_xml **ret_document, struct kw_fault *fault)
{
    if (!format)
        format = mapping->format;
    if (strcmp(format, "json") == 0)
        return kw_json_tree(raw, ret_document, fault);
    if (strcmp(format, "csv") == 0 || strcmp(format, "csv-row") == 0) {
        const char *first = parameter(parameters, "first-row");
        return kw_csv_tree(raw, first ? strtoul(first, NULL, 10) : 1, ret_document, fault);
    }
    if (strcmp(format, "xml") == 0)
        return kw_xml_parse(raw, KW_LIMIT_DOCUMENT, ret_document, fault);
    return kw_fail(fault, -EINVAL, KW_E_MAPPING, "format", "not json, csv or xml");
}

int kw_mapping_parameters(const struct kw_mapping *mapping, struct kw_view raw, const char *const *parameters,
                          struct kw_parameters *ret_parameters, struct kw_fault *fault)
{
    uint8_t digest[KW_HASH_SIZE];
    const char *const own[] = {
        "raw-hash",        ret_parameters->hash, "mapping-id", mapping->id,
        "mapping-version", mapping->version,     "profile",    mapping->profile ? kw_profile_id(mapping->profile) : ""};
    size_t count = KW_COUNT(own);
    kw_sha256_of(raw.data, raw.size, digest);
    kw_hex(ret_parameters->hash, digest, sizeof(digest));
    memcpy(ret_parameters->all, own, sizeof(own));
    for (size_t i = 0; parameters && parameters[i]; i++) {
        if (i >= 2 * KW_PARAMETERS_MOST)
            return kw_fail(fault, -E2BIG, KW_E_MAPPING, "parameters", "too many");
        ret_parameters->all[count++] = parameters[i];
    }
    ret_parameters->all[count] = NULL;
    return 0;
}

static int put_leaf(struct kw_view canonical, struct kw_view image_bytes, struct kw_normalized *normalized)
{
    struct kw_buf leaf = {0};
    struct kw_image image;
    struct kw_record_head head;
    uint8_t hash[KW_HASH_SIZE];
    kw_sha256_of(canonical.data, canonical.size, hash);
    int error = kw_image_open(image_bytes, &image);
    if (error == 0)
        error = kw_record_head(&image, &head);
    if (error == 0)
        error = kw_origin_leaf(head.source_id, head.source_version, hash, &leaf);
    if (error == 0)
        error = kw_put_item(&normalized->leaves, leaf.data, leaf.size);
    kw_buf_clear(&leaf);
    return error;
}

static int take_record(struct kw_mapping *mapping, const struct kw_xml_element *element, struct kw_normalized *normalized,
                       struct kw_fault *fault)
{
    KW_AUTO(kw_xml_freep) struct kw_xml *record = NULL;
    struct kw_buf text = {0}, canonical = {0}, image = {0};
    int error = kw_xml_copy(element, &record);
    if (error == 0 && mapping->profile)
        kw_profile_apply(mapping->profile, record);
    if (error == 0)
        error = kw_xml_canonical(record, &text);
    if (error < 0)
        kw_fail(fault, error, KW_E_MEMORY, "", "out of memory");
    else
        error = kw_validate(mapping->validator, kw_view_of(&text), &canonical, &image, NULL, fault);
    if (error == 0 && ((error = kw_put_item(&normalized->records, canonical.data, canonical.size)) < 0 ||
                       (error = put_leaf(kw_view_of(&canonical), kw_view_of(&image), normalized)) < 0))
        kw_fail(fault, error, KW_E_MEMORY, "", "out of memory");
    normalized->count += error == 0;
    kw_buf_clear(&text);
    kw_buf_clear(&canonical);
    kw_buf_clear(&image);
    return error;
}

static int take_records(struct kw_mapping *mapping, const struct kw_xml *result, struct kw_normalized *normalized,
                        struct kw_fault *fault)
{
    const struct kw_xml_element *root = kw_xml_root(result);
    int error = 0;
    if (strcmp(kw_xml_space(root), KW_RECORD_SPACE) != 0)
        return kw_fail(fault, -EBADMSG, KW_E_NAMESPACE, kw_xml_name(root), "the stylesheet made an element that is no record");
    if (strcmp(kw_xml_name(root), "records") != 0)
        return take_record(mapping, root, normalized, fault);
    for (const struct kw_xml_element *record = kw_xml_first(root, NULL); record && error == 0; record = kw_xml_next(record, NULL))
        error = take_record(mapping, record, normalized, fault);
    return error;
}

static int run(struct kw_mapping *mapping, const struct kw_xml *document, const char *const *parameters, struct kw_view raw,
               struct kw_normalized *normalized, struct kw_fault *fault)
{
    KW_AUTO(kw_xml_freep) struct kw_xml *result = NULL;
    struct kw_calls calls = {.codes = mapping->codes, .normalized = normalized};
    struct kw_parameters all;
    int error = kw_mapping_parameters(mapping, raw, parameters, &all, fault);
    if (error < 0)
        return error;
    error = kw_transform_run(mapping->transform, document, all.all, &calls, &result, fault);
    if (error == -ENODATA)
        return 0; /* the stylesheet says: nothing here to record */
    if (error == 0 && calls.error < 0)
        error = kw_fail(fault, calls.error, KW_E_MEMORY, "", "out of memory");
    return error < 0 ? error : take_records(mapping, result, normalized, fault);
}

int kw_normalize(struct kw_mapping *mapping, struct kw_view raw, const char *format, const char *const *parameters,
                 struct kw_normalized *ret_normalized, struct kw_fault *fault)
{
    KW_AUTO(kw_xml_freep) struct kw_xml *document = NULL;
    struct kw_normalized normalized = {0};
    int error = kw_mapping_tree(mapping, raw, format, parameters, &document, fault);
    if (error == 0)
        error = run(mapping, document, parameters, raw, &normalized, fault);
    if (error < 0) {
        kw_normalized_clear(&normalized);
        return error == -ENOMEM ? error : -EBADMSG;
    }
    *ret_normalized = normalized;
    return 0;
}

int kw_mapping_warm(struct kw_mapping *mapping, struct kw_fault *fault)
{
    static const char *const samples[][2] = {{"json", "{}"}, {"csv", "a\n1\n"}, {"xml", "<a/>"}};
    int error = kw_text_preload();
    if (error < 0)
        return kw_fail(fault, error, KW_E_INTERNAL, mapping->id, "ICU cannot start");
    for (size_t i = 0; i < KW_COUNT(samples); i++) {
        struct kw_normalized nothing = {0};
        /* Whether a stylesheet refuses an empty document is all the same here. */
        if (kw_normalize(mapping, kw_view_text(samples[i][1]), samples[i][0], NULL, &nothing, NULL) == 0)
            kw_normalized_clear(&nothing);
    }
    return 0;
}
