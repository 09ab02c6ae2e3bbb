/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - loading and reading of configuration files. */
#include "config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

#ifndef KW_DATADIR
#define KW_DATADIR "/usr/share/kinward"
#endif
#ifndef KW_SOURCE_DIR
#define KW_SOURCE_DIR ""
#endif

static int program_folder(char *ret_path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", ret_path, size - 1);
    if (length < 0)
        return -errno;
    ret_path[length] = 0;
    char *slash = strrchr(ret_path, '/');
    if (slash)
        *slash = 0;
    return 0;
}

static int try_path(const char *folder, const char *name, char ret_path[KW_PATH_SIZE])
{
    char path[KW_PATH_SIZE];
    if (kw_path_join(path, sizeof path, folder, name) < 0 || access(path, R_OK) < 0)
        return -ENOENT;
    memcpy(ret_path, path, sizeof path);
    return 0;
}

int kw_data_path(const char *name, char ret_path[KW_PATH_SIZE])
{
    char folder[KW_PATH_SIZE], above[KW_PATH_SIZE];
    const char *chosen = getenv("KINWARD_DATA");
    if (chosen)
        return try_path(chosen, name, ret_path);
    /* build/kinward runs in place: data made by the build stands beside it, the rest in the folder above */
    if (program_folder(folder, sizeof folder) == 0 && kw_path_join(above, sizeof above, folder, "build.ninja") == 0 &&
        access(above, R_OK) == 0) {
        if (try_path(folder, name, ret_path) == 0)
            return 0;
        if (KW_SOURCE_DIR[0] && try_path(KW_SOURCE_DIR, name, ret_path) == 0)
            return 0;
        return kw_path_join(above, sizeof above, folder, "..") == 0 ? try_path(above, name, ret_path) : -ENOENT;
    }
    return try_path(KW_DATADIR, name, ret_path);
}

static int check_schema(struct kw_config *config, struct kw_fault *fault)
{
    char path[KW_PATH_SIZE];
    struct kw_schema *schema = NULL;
    if (kw_data_path("schemas/config.xsd", path) < 0)
        return kw_fail(fault, -ENOENT, KW_E_FILE, "schemas/config.xsd",
                       "not found; KINWARD_DATA names the folder that holds schemas/");
    int r = kw_schema_load(path, &schema, fault);
    if (r == 0)
        r = kw_schema_check(schema, config->document, fault);
    kw_schema_free(schema);
    return r;
}

static void put_place(const struct kw_config *config, struct kw_fault *fault)
{
    char place[sizeof fault->place];
    if (!fault)
        return;
    if (fault->line)
        snprintf(place, sizeof place, "%.90s:%u", config->path, fault->line);
    else
        snprintf(place, sizeof place, "%.100s", config->path);
    memcpy(fault->place, place, sizeof place);
}

static int split_folder(struct kw_config *config, const char *path)
{
    char real[PATH_MAX];
    if (!realpath(path, real))
        return -errno;
    if (strlen(real) >= sizeof config->path)
        return -ENAMETOOLONG;
    strcpy(config->path, real);
    strcpy(config->folder, real);
    char *slash = strrchr(config->folder, '/');
    *(slash == config->folder ? slash + 1 : slash) = 0;
    return 0;
}

int kw_config_load(const char *path, const char *root, struct kw_config *ret_config, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_config config = {0};
    int r = split_folder(&config, path);
    if (r < 0)
        return kw_fail(fault, r, KW_E_FILE, path, "cannot be opened: %s", strerror(-r));
    r = kw_file_read(path, KW_LIMIT_CONFIG, &text, fault);
    if (r < 0)
        return r;
    r = kw_xml_parse(kw_view_of(&text), KW_LIMIT_CONFIG, &config.document, fault);
    if (r == 0)
        r = check_schema(&config, fault);
    if (r < 0) {
        if (r != -ENOENT)
            put_place(&config, fault);
        kw_config_clear(&config);
        return r;
    }
    config.root = kw_xml_root(config.document);
    if (strcmp(kw_xml_name(config.root), root) != 0) {
        r = kw_fail(fault, -EINVAL, KW_E_CONFIG, path, "a <%s> configuration is wanted, this is <%s>", root,
                    kw_xml_name(config.root));
        kw_config_clear(&config);
        return r;
    }
    *ret_config = config;
    return 0;
}

void kw_config_clear(struct kw_config *config)
{
    if (!config)
        return;
    kw_xml_free(config->document);
    *config = (struct kw_config){0};
}

static int refuse(const struct kw_config *config, const struct kw_xml_element *element, const char *name, const char *why,
                  struct kw_fault *fault)
{
    char place[sizeof fault->place];
    snprintf(place, sizeof place, "%.80s:%u", config->path, kw_xml_line(element));
    return kw_fail(fault, -EINVAL, KW_E_CONFIG, place, "<%s> %s: %s", kw_xml_name(element), name, why);
}

int kw_config_text(const struct kw_config *config, const struct kw_xml_element *element, const char *name, const char *fallback,
                   char *ret_text, size_t size, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    int r = element ? kw_xml_attribute(element, name, &text) : -ENOENT;
    if (r < 0 && r != -ENOENT)
        return r;
    if (r < 0 && !fallback)
        return element ? refuse(config, element, name, "is missing", fault)
                       : kw_fail(fault, -EINVAL, KW_E_CONFIG, config->path, "%s: the element that has it is missing", name);
    const char *value = r < 0 ? fallback : text.data ? (const char *)text.data : "";
    if (strlen(value) >= size)
        return refuse(config, element, name, "is too long", fault);
    strcpy(ret_text, value);
    return 0;
}

int kw_config_path(const struct kw_config *config, const struct kw_xml_element *element, const char *name, const char *fallback,
                   char ret_path[KW_PATH_SIZE], struct kw_fault *fault)
{
    char text[KW_PATH_SIZE];
    int r = kw_config_text(config, element, name, fallback, text, sizeof text, fault);
    if (r < 0)
        return r;
    if (text[0] == '/' || !text[0]) {
        strcpy(ret_path, text);
        return 0;
    }
    return kw_path_join(ret_path, KW_PATH_SIZE, config->folder, text);
}

int kw_config_integer(const struct kw_config *config, const struct kw_xml_element *element, const char *name, int64_t fallback,
                      int64_t low, int64_t high, int64_t *ret_value, struct kw_fault *fault)
{
    char text[32], *end = NULL;
    int r = kw_config_text(config, element, name, "", text, sizeof text, fault);
    if (r < 0)
        return r;
    if (!text[0]) {
        *ret_value = fallback;
        return 0;
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || value < low || value > high)
        return refuse(config, element, name, "is not a whole number in its range", fault);
    *ret_value = value;
    return 0;
}

const struct kw_xml_element *kw_config_child(const struct kw_config *config, const char *name)
{
    return kw_xml_first(config->root, name);
}
