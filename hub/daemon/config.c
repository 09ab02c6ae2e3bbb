/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - hub.xml and the hub's key files. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "daemon/private.h"

static int read_rule(struct kw_hub_config *config, const struct kw_xml_element *item, struct kw_fault *fault)
{
    struct kw_rule_setting *setting = &config->settings[config->setting_count];
    char state[16];
    if (config->setting_count == KW_HUB_RULES)
        return kw_fail(fault, -E2BIG, KW_E_CONFIG, config->file.path, "more than %d rule settings", KW_HUB_RULES);
    int r = kw_config_text(&config->file, item, "id", NULL, setting->rule, sizeof setting->rule, fault);
    if (r == 0)
        r = kw_config_text(&config->file, item, "registry", "*", setting->registry, sizeof setting->registry, fault);
    if (r == 0)
        r = kw_config_text(&config->file, item, "state", NULL, state, sizeof state, fault);
    if (r < 0)
        return r;
    if (!kw_rule_state_parse(kw_view_text(state), &setting->state))
        return kw_fail(fault, -EINVAL, KW_E_CONFIG, config->file.path, "a rule's state is off, shadow, review or live");
    config->setting_count++;
    return 0;
}

static int read_threshold(struct kw_hub_config *config, const struct kw_xml_element *item, struct kw_fault *fault)
{
    struct kw_rule_parameter *parameter = &config->parameters[config->parameter_count];
    if (config->parameter_count == KW_HUB_RULES)
        return kw_fail(fault, -E2BIG, KW_E_CONFIG, config->file.path, "more than %d thresholds", KW_HUB_RULES);
    int r = kw_config_text(&config->file, item, "rule", NULL, parameter->rule, sizeof parameter->rule, fault);
    if (r == 0)
        r = kw_config_text(&config->file, item, "name", NULL, parameter->name, sizeof parameter->name, fault);
    if (r == 0)
        r = kw_config_integer(&config->file, item, "value", 0, INT32_MIN, INT32_MAX, &parameter->value, fault);
    if (r == 0)
        config->parameter_count++;
    return r;
}

static int read_detect(struct kw_hub_config *config, struct kw_fault *fault)
{
    const struct kw_xml_element *detect = kw_config_child(&config->file, "detect");
    char status[16];
    int r = kw_config_path(&config->file, detect, "pack", "", config->pack, fault);
    if (r == 0)
        r = kw_config_text(&config->file, detect, "status", "Actual", status, sizeof status, fault);
    if (r == 0)
        r = kw_config_text(&config->file, detect, "contact", config->name, config->contact, sizeof config->contact, fault);
    if (r == 0 && !kw_alert_status_parse(kw_view_text(status), &config->status))
        r = kw_fail(fault, -EINVAL, KW_E_CONFIG, config->file.path, "a status is Actual, Exercise, System or Test");
    const struct kw_xml_element *item = detect ? kw_xml_first(detect, "rule") : NULL;
    for (; r == 0 && item; item = kw_xml_next(item, "rule"))
        r = read_rule(config, item, fault);
    item = detect ? kw_xml_first(detect, "threshold") : NULL;
    for (; r == 0 && item; item = kw_xml_next(item, "threshold"))
        r = read_threshold(config, item, fault);
    return r;
}

static int read_ledger(struct kw_hub_config *config, struct kw_fault *fault)
{
    const struct kw_config *file = &config->file;
    const struct kw_xml_element *ledger = kw_config_child(file, "ledger");
    int r = kw_config_text(file, ledger, "origin", NULL, config->origin, sizeof config->origin, fault);
    if (r == 0)
        r = kw_config_path(file, ledger, "policy", NULL, config->policy, fault);
    if (r == 0)
        r = kw_config_text(file, ledger, "address", NULL, config->web_address, sizeof config->web_address, fault);
    if (r == 0)
        r = kw_config_integer(file, ledger, "port", 0, 0, 65535, &config->web_port, fault);
    return r < 0 ? r : kw_config_integer(file, ledger, "seal-ms", 1000, 50, 600000, &config->seal_ms, fault);
}

static int read_places(struct kw_hub_config *config, struct kw_fault *fault)
{
    const struct kw_config *file = &config->file;
    const struct kw_xml_element *plugins = kw_config_child(file, "plugins");
    int r = kw_config_path(file, kw_config_child(file, "keys"), "folder", NULL, config->keys, fault);
    if (r == 0)
        r = kw_config_path(file, kw_config_child(file, "data"), "folder", NULL, config->data, fault);
    if (r == 0)
        r = kw_config_path(file, kw_config_child(file, "run"), "folder", NULL, config->run, fault);
    if (r == 0)
        r = kw_config_path(file, plugins, "folder", "", config->plugins, fault);
    return r < 0 ? r : kw_config_path(file, plugins, "trust", "", config->trust, fault);
}

static int read_endpoints(struct kw_hub_config *config, struct kw_fault *fault)
{
    const struct kw_config *file = &config->file;
    const struct kw_xml_element *intake = kw_config_child(file, "intake");
    int r = kw_config_text(file, intake, "endpoint", NULL, config->intake, sizeof config->intake, fault);
    if (r == 0)
        r = kw_config_integer(file, intake, "window", 1024, 1, 1000000, &config->window, fault);
    if (r == 0)
        r = kw_config_integer(file, intake, "validators", 1, 1, 15, &config->validators, fault);
    return r < 0 ? r
                 : kw_config_text(file, kw_config_child(file, "feed"), "endpoint", NULL, config->feed, sizeof config->feed, fault);
}

int kw_hub_config_load(const char *path, struct kw_hub_config *ret_config, struct kw_fault *fault)
{
    struct kw_hub_config *config = ret_config;
    *config = (struct kw_hub_config){0};
    int r = kw_config_load(path, "hub", &config->file, fault);
    if (r < 0)
        return r;
    r = kw_config_text(&config->file, config->file.root, "name", NULL, config->name, sizeof config->name, fault);
    if (r == 0)
        r = kw_config_text(&config->file, config->file.root, "jurisdiction", NULL, config->jurisdiction,
                           sizeof config->jurisdiction, fault);
    if (r == 0)
        r = read_places(config, fault);
    if (r == 0)
        r = read_endpoints(config, fault);
    if (r == 0)
        r = read_ledger(config, fault);
    if (r == 0)
        r = read_detect(config, fault);
    if (r < 0)
        kw_hub_config_clear(config);
    return r;
}

void kw_hub_config_clear(struct kw_hub_config *config)
{
    kw_config_clear(&config->file);
}

int kw_hub_keys_load(const char *folder, struct kw_hub_keys *ret_keys, struct kw_fault *fault)
{
    char path[KW_PATH_SIZE];
    struct kw_hub_keys keys = {0};
    int r = kw_path_join(path, sizeof path, folder, "curve.key");
    if (r == 0)
        r = kw_curve_load(path, &keys.curve, fault);
    if (r == 0)
        r = kw_path_join(path, sizeof path, folder, "sign.key");
    if (r == 0)
        r = kw_sign_key_load(path, &keys.sign, fault);
    if (r == 0)
        r = kw_path_join(path, sizeof path, folder, "vault.key");
    if (r == 0)
        r = kw_secret_load(path, &keys.vault, fault);
    if (r < 0)
        kw_hub_keys_clear(&keys);
    else
        *ret_keys = keys;
    return r;
}

void kw_hub_keys_clear(struct kw_hub_keys *keys)
{
    kw_curve_clear(&keys->curve);
    kw_sign_key_freep(&keys->sign);
    kw_secret_free(keys->vault);
    keys->vault = NULL;
}
