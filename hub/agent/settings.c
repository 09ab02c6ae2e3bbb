/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - reading agent.xml. */
#include "agent/settings.h"

#include <errno.h>
#include <string.h>

#define MIB        (1u << 20)
#define LIMIT_MIB  4096 /* of the spool, where the configuration says nothing */
#define LIMIT_MOST 1048576

static int read_places(struct kw_agent_settings *settings, struct kw_fault *fault)
{
    const struct kw_config *file = &settings->file;
    const struct kw_xml_element *disclosure = kw_config_child(file, "disclosure"), *plugins = kw_config_child(file, "plugins");
    int64_t limit;
    int r = kw_config_path(file, kw_config_child(file, "spool"), "folder", NULL, settings->spool, fault);
    if (r == 0)
        r = kw_config_integer(file, kw_config_child(file, "spool"), "limit-mib", LIMIT_MIB, 1, LIMIT_MOST, &limit, fault);
    if (r < 0)
        return r;
    settings->spool_limit = (uint64_t)limit * MIB;
    if (disclosure)
        r = kw_config_path(file, disclosure, "profile", NULL, settings->profile, fault);
    else if (kw_data_path("schemas/profiles/default.xml", settings->profile) < 0)
        r = kw_fail(fault, -ENOENT, KW_E_FILE, "schemas/profiles/default.xml", "the default disclosure profile is not installed");
    if (r == 0 && kw_data_path("schemas/codes", settings->codes) < 0)
        r = kw_fail(fault, -ENOENT, KW_E_FILE, "schemas/codes", "the code lists are not installed");
    if (r == 0 && plugins)
        r = kw_config_path(file, plugins, "folder", NULL, settings->plugins, fault);
    if (r == 0 && plugins)
        r = kw_config_path(file, plugins, "trust", NULL, settings->trust, fault);
    return r;
}

static int read_connectors(struct kw_agent_settings *settings, struct kw_fault *fault)
{
    const struct kw_config *file = &settings->file;
    for (const struct kw_xml_element *item = kw_xml_first(file->root, "connector"); item; item = kw_xml_next(item, "connector")) {
        if (settings->connector_count == KW_AGENT_CONNECTORS)
            return kw_fail(fault, -E2BIG, KW_E_CONFIG, file->path, "more than %d connectors", KW_AGENT_CONNECTORS);
        struct kw_connector_settings *connector = &settings->connectors[settings->connector_count];
        connector->element = item;
        int r = kw_config_text(file, item, "name", NULL, connector->name, sizeof connector->name, fault);
        if (r == 0)
            r = kw_config_text(file, item, "plugin", NULL, connector->plugin, sizeof connector->plugin, fault);
        if (r == 0)
            r = kw_config_text(file, item, "registry", NULL, connector->registry, sizeof connector->registry, fault);
        if (r == 0)
            r = kw_config_text(file, item, "system", connector->plugin, connector->system, sizeof connector->system, fault);
        char backfill[8];
        if (r == 0)
            r = kw_config_text(file, item, "backfill", "false", backfill, sizeof backfill, fault);
        if (r < 0)
            return r;
        if (kw_agent_settings_connector(settings, connector->name))
            return kw_fail(fault, -EINVAL, KW_E_CONFIG, file->path, "two connectors have the name %.60s", connector->name);
        connector->backfill = strcmp(backfill, "true") == 0;
        settings->connector_count++;
    }
    return 0;
}

static int read_keys(struct kw_agent_settings *settings, struct kw_fault *fault)
{
    const struct kw_config *file = &settings->file;
    char folder[KW_PATH_SIZE], path[KW_PATH_SIZE];
    int r = kw_config_path(file, kw_config_child(file, "hub"), "card", NULL, path, fault);
    if (r == 0)
        r = kw_card_load(path, &settings->hub, fault);
    if (r == 0)
        r = kw_config_path(file, kw_config_child(file, "keys"), "folder", NULL, folder, fault);
    if (r == 0 && kw_path_join(path, sizeof path, folder, "origin.key") < 0)
        r = kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, folder, "the path is too long");
    if (r == 0)
        r = kw_sign_key_load(path, &settings->origin, fault);
    if (r == 0 && kw_path_join(path, sizeof path, folder, "curve.key") < 0)
        r = kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, folder, "the path is too long");
    return r < 0 ? r : kw_curve_load(path, &settings->curve, fault);
}

int kw_agent_settings_load(const char *path, bool keys, struct kw_agent_settings *ret_settings, struct kw_fault *fault)
{
    struct kw_agent_settings *settings = ret_settings; /* large: filled in place, cleared on failure */
    *settings = (struct kw_agent_settings){0};
    int r = kw_config_load(path, "agent", &settings->file, fault);
    if (r < 0)
        return r;
    const struct kw_config *file = &settings->file;
    r = kw_config_text(file, file->root, "name", NULL, settings->name, sizeof settings->name, fault);
    if (r == 0)
        r = kw_config_text(file, file->root, "jurisdiction", NULL, settings->jurisdiction, sizeof settings->jurisdiction, fault);
    if (r == 0)
        r = kw_config_text(file, kw_config_child(file, "hub"), "endpoint", NULL, settings->endpoint, sizeof settings->endpoint,
                           fault);
    if (r == 0)
        r = read_places(settings, fault);
    if (r == 0)
        r = read_connectors(settings, fault);
    if (r == 0 && keys)
        r = read_keys(settings, fault);
    if (r < 0)
        kw_agent_settings_clear(settings);
    return r;
}

void kw_agent_settings_clear(struct kw_agent_settings *settings)
{
    if (!settings)
        return;
    kw_config_clear(&settings->file);
    kw_sign_key_free(settings->origin);
    kw_curve_clear(&settings->curve);
    *settings = (struct kw_agent_settings){0};
}

const struct kw_connector_settings *kw_agent_settings_connector(const struct kw_agent_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->connector_count; i++) {
        if (strcmp(settings->connectors[i].name, name) == 0)
            return &settings->connectors[i];
    }
    return NULL;
}
