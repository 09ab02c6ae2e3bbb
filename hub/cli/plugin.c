/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - kinward plugin: keys and manifests, by which an installation knows the plugins that it may load. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "crypto/crypto.h"
#include "plugin/plugin.h"

#define DAYS_MOST 3660

static int key(int argc, char **argv)
{
    const char *trust = NULL;
    const struct kw_option options[] = {
        {.name = "trust", .value_name = "FILE", .help = "write the public key to this file", .value = &trust, .required = true},
        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward plugin key FILE --trust FILE",
        .summary = "Makes a key that signs plugins, unless the file is there already, and writes its public key to a trust file.\n"
                   "Keep the key off the machines that load plugins; they need the trust file only.",
        .example = "kinward plugin key plugins.key --trust plugin-trust",
        .options = options,
        .least = 1,
        .most = 1,
    };
    struct kw_fault fault = {0};
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    return kw_plugin_key(argv[first], trust, &fault) < 0 ? kw_cli_error(argv[first], &fault) : KW_EXIT_DONE;
}

static int sign(int argc, char **argv)
{
    const char *key_file = NULL, *days = "366";
    const struct kw_option options[] = {
        {.name = "key", .value_name = "FILE", .help = "made by kinward plugin key", .value = &key_file, .required = true},
        {.name = "days", .value_name = "N", .help = "how long the manifest is good; 366 unless given", .value = &days},
        {0}};
    const struct kw_usage usage = {
        .synopsis = "kinward plugin sign FILE… --key FILE [--days N]",
        .summary = "Writes the signed manifest of each plugin beside it: NAME.manifest for NAME.so, with its name, version, ABI,\n"
                   "kind, capabilities, SHA-256 and expiry. Look at it with kinward connector inspect before.",
        .example = "kinward plugin sign connectors/mine/mine.so --key plugins.key",
        .options = options,
        .least = 1,
        .most = -1,
    };
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    char *end;
    long number = strtol(days, &end, 10);
    if (end == days || *end || number < 1 || number > DAYS_MOST) {
        fprintf(stderr, "kinward: --days: wanted 1 to %d (usage)\n", DAYS_MOST);
        return KW_EXIT_USAGE;
    }
    for (int i = first; i < argc; i++) {
        struct kw_fault fault = {0};
        if (kw_plugin_sign(argv[i], key_file, (int)number, &fault) < 0)
            return kw_cli_error(argv[i], &fault);
    }
    return KW_EXIT_DONE;
}

int kw_cmd_plugin(int argc, char **argv)
{
    static const struct kw_command commands[] = {
        {"key", key, "make a key that signs plugins"},
        {"sign", sign, "write the signed manifest of a plugin"},
        {NULL, NULL, NULL},
    };
    int r = kw_crypto_init();
    return r < 0 ? kw_cli_errno("plugin", r) : kw_cli_group("kinward plugin", commands, argc, argv);
}
