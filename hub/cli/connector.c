/* SPDX-License-Identifier: Apache-2.0 */
/* connector.c - kinward connector: what concerns connectors as such. */
#include <errno.h>
#include <string.h>

#include "bus/bus.h"
#include "cli/cli.h"
#include "json/json.h"
#include "plugin/plugin.h"

#define PATH_MOST 1024

static void print_text(const struct kw_json *plugin, const char *label, const char *name)
{
    struct kw_view text = kw_json_text_of(kw_json_member(plugin, name));
    printf("%-13s %.*s\n", label, (int)text.size, (const char *)text.data);
}

static void print_capabilities(const struct kw_json *plugin)
{
    const struct kw_json *list = kw_json_member(plugin, "capabilities");
    printf("%-13s", "may use");
    for (size_t i = 0; i < kw_json_count(list); i++) {
        struct kw_view text = kw_json_text_of(kw_json_at(list, i));
        printf("%s %.*s", i ? "," : "", (int)text.size, (const char *)text.data);
    }
    puts(kw_json_count(list) ? "" : " nothing");
}

static void print_options(const struct kw_json *plugin)
{
    const struct kw_json *list = kw_json_member(plugin, "options");
    if (kw_json_count(list))
        puts("options");
    for (size_t i = 0; i < kw_json_count(list); i++) {
        const struct kw_json *option = kw_json_at(list, i);
        struct kw_view name = kw_json_text_of(kw_json_member(option, "name")),
                       type = kw_json_text_of(kw_json_member(option, "type"));
        struct kw_view help = kw_json_text_of(kw_json_member(option, "help")),
                       usual = kw_json_text_of(kw_json_member(option, "default"));
        printf("  %-16.*s %-8.*s %.*s", (int)name.size, (const char *)name.data, (int)type.size, (const char *)type.data,
               (int)help.size, (const char *)help.data);
        if (kw_json_true(option, "required"))
            printf(" (required)");
        else if (usual.size)
            printf(" (%.*s unless given)", (int)usual.size, (const char *)usual.data);
        puts("");
    }
}

static void print_plugin(const struct kw_json *plugin)
{
    print_text(plugin, "name", "name");
    print_text(plugin, "version", "version");
    print_text(plugin, "kind", "kind");
    print_text(plugin, "ABI", "abi");
    print_text(plugin, "summary", "summary");
    print_text(plugin, "license", "license");
    print_capabilities(plugin);
    print_text(plugin, "file", "file");
    print_text(plugin, "SHA-256", "sha256");
    print_text(plugin, "manifest", "manifest");
    print_options(plugin);
}

static int inspect(int argc, char **argv)
{
    const char *trust = NULL;
    bool as_json = false;
    const struct kw_option options[] = {{.name = "trust",
                                         .value_name = "FILE",
                                         .help = "public keys that may sign; the installation's unless given",
                                         .value = &trust},
                                        {.name = "json", .help = "as JSON", .flag = &as_json},
                                        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward connector inspect NAME|FILE [--trust FILE] [--json]",
        .summary = "Shows what a plugin says of itself: kind, capabilities, options, and whether its manifest is good.\n"
                   "It is loaded in a process without keys, network or writing; none of its operations is called.",
        .example = "kinward connector inspect opencrvs",
        .options = options,
        .least = 1,
        .most = 1};
    KW_AUTO(kw_buf_clear) struct kw_buf json = {0};
    KW_AUTO(kw_json_freep) struct kw_json *plugin = NULL;
    struct kw_fault fault = {0};
    char path[PATH_MOST];
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    const struct kw_plugin_policy policy = {.trust_file = trust};
    int r = kw_plugin_find(argv[first], path, sizeof path, &fault);
    if (r == 0)
        r = kw_plugin_inspect(path, &policy, &json, &fault);
    if (r == 0)
        r = kw_json_parse(kw_view_of(&json), &plugin, &fault);
    if (r < 0)
        return kw_cli_error(argv[first], &fault);
    if (as_json)
        printf("%.*s\n", (int)json.size, (const char *)json.data);
    else
        print_plugin(plugin);
    return KW_EXIT_DONE;
}

/* One line of the list. A plugin that cannot be inspected is listed, too, with the reason. */
static void print_line(const char *path, bool as_json)
{
    KW_AUTO(kw_buf_clear) struct kw_buf json = {0};
    KW_AUTO(kw_json_freep) struct kw_json *plugin = NULL;
    struct kw_fault fault = {0};
    int r = kw_plugin_inspect(path, NULL, &json, &fault);
    if (r == 0)
        r = kw_json_parse(kw_view_of(&json), &plugin, &fault);
    if (r == 0 && as_json) {
        printf("%.*s\n", (int)json.size, (const char *)json.data);
    } else if (r == 0) {
        struct kw_view name = kw_json_text_of(kw_json_member(plugin, "name")),
                       version = kw_json_text_of(kw_json_member(plugin, "version"));
        struct kw_view kind = kw_json_text_of(kw_json_member(plugin, "kind")),
                       summary = kw_json_text_of(kw_json_member(plugin, "summary"));
        bool good = kw_view_is(kw_json_text_of(kw_json_member(plugin, "manifest")), "ok");
        printf("%-24.*s %-8.*s %-10.*s %-9s %.*s\n", (int)name.size, (const char *)name.data, (int)version.size,
               (const char *)version.data, (int)kind.size, (const char *)kind.data, good ? "trusted" : "untrusted",
               (int)summary.size, (const char *)summary.data);
    } else {
        (void)kw_cli_error(path, &fault);
    }
}

static int list(int argc, char **argv)
{
    bool as_json = false;
    const struct kw_option options[] = {{.name = "json", .help = "a JSON object a line", .flag = &as_json}, {0}};
    const struct kw_usage usage = {.synopsis = "kinward connector list [--json]",
                                   .summary = "Lists the installed plugins: connectors, rule packs and others.",
                                   .example = "kinward connector list",
                                   .options = options};
    KW_AUTO(kw_buf_clear) struct kw_buf paths = {0};
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    int r = kw_plugin_list(&paths);
    if (r < 0)
        return kw_cli_errno("connector", r);
    struct kw_view rest = kw_view_of(&paths), item;
    while (rest.size && kw_take_item(&rest, &item) == 0) {
        char path[PATH_MOST];
        snprintf(path, sizeof path, "%.*s", (int)item.size, (const char *)item.data);
        print_line(path, as_json);
    }
    return KW_EXIT_DONE;
}

int kw_cmd_connector(int argc, char **argv)
{
    static const struct kw_command commands[] = {
        {"run", kw_cmd_connector_run, "run an agent with its connectors"},
        {"list", list, "the installed ones, and other plugins"},
        {"inspect", inspect, "what one says of itself, and whether it may be loaded"},
        {NULL, NULL, NULL},
    };
    return kw_cli_group("kinward connector", commands, argc, argv);
}
