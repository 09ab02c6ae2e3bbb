/* SPDX-License-Identifier: Apache-2.0 */
/* packs.c - the rule pack of a hub, through the loader. */
#include <errno.h>
#include <unistd.h>

#include "daemon/private.h"

static int find_pack(const struct kw_hub_config *config, char ret_path[KW_PATH_SIZE], struct kw_fault *fault)
{
    static const char usual[] = "rules-child-protection";
    char name[2 * sizeof usual + 8];
    if (config->pack[0])
        return kw_plugin_find(config->pack, ret_path, KW_PATH_SIZE, fault);
    snprintf(name, sizeof name, "%s/%s.so", usual, usual);
    if (config->plugins[0] && kw_path_join(ret_path, KW_PATH_SIZE, config->plugins, name) == 0 && access(ret_path, R_OK) == 0)
        return 0;
    return kw_plugin_find(usual, ret_path, KW_PATH_SIZE, fault);
}

int kw_hub_pack_load(const struct kw_hub_config *config, const struct kinward_rule_pack **ret_pack, struct kw_fault *fault)
{
    static struct kw_plugin *loaded; /* its code stays for the life of the process; so does what describes it */
    char path[KW_PATH_SIZE], seen[KW_PATH_SIZE];
    const struct kw_plugin_policy policy = {
        .trust_file = config->trust[0] ? config->trust : NULL, .seen_file = seen, .kind = KINWARD_RULES};
    struct kw_plugin *plugin = NULL;
    const void *operations = NULL;
    int r = kw_path_join(seen, sizeof seen, config->data, "plugins-seen");
    if (r < 0)
        return kw_fail(fault, r, KW_E_FILE, config->data, "the path is too long");
    r = find_pack(config, path, fault);
    if (r == 0)
        r = kw_plugin_load(path, &policy, &plugin, fault);
    if (r == 0 && kw_plugin_operations(plugin, sizeof(struct kinward_rule_pack), &operations) < 0)
        r = kw_fail(fault, -EBADMSG, KW_E_PLUGIN, path, "operations: wanted %zu bytes, found %u", sizeof(struct kinward_rule_pack),
                    kw_plugin_descriptor(plugin)->operations_size);
    const struct kinward_rule_pack *pack = operations;
    if (r == 0 && (pack->major != KINWARD_RULES_MAJOR || pack->minor > KINWARD_RULES_MINOR))
        r = kw_fail(fault, -EBADMSG, KW_E_PLUGIN, path, "rules: wanted %u.%u, found %u.%u", KINWARD_RULES_MAJOR,
                    KINWARD_RULES_MINOR, pack->major, pack->minor);
    if (r < 0) {
        kw_plugin_free(plugin);
        return r;
    }
    kw_plugin_free(loaded);
    loaded = plugin;
    *ret_pack = pack;
    return 0;
}
