/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - command tables, options and their help. */
#include "cli/cli.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

#define OPTIONS_MOST 32

static void print_group_help(FILE *out, const char *path, const struct kw_command *commands)
{
    fprintf(out, "usage: %s COMMAND [OPTIONS]\n\n", path);
    for (const struct kw_command *command = commands; command->name; command++)
        fprintf(out, "  %-14s %s\n", command->name, command->help);
    fprintf(out, "\n%s COMMAND --help tells more, with an example.\n", path);
}

int kw_cli_group(const char *path, const struct kw_command *commands, int argc, char **argv)
{
    if (argc < 2) {
        print_group_help(stderr, path, commands);
        return KW_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_group_help(stdout, path, commands);
        return KW_EXIT_DONE;
    }
    for (const struct kw_command *command = commands; command->name; command++)
        if (strcmp(command->name, argv[1]) == 0)
            return command->run(argc - 1, argv + 1);
    fprintf(stderr, "%s: %s: no such command; %s --help lists them (usage)\n", path, argv[1], path);
    return KW_EXIT_USAGE;
}

static void print_help(const struct kw_usage *usage)
{
    printf("usage: %s\n\n%s\n\n", usage->synopsis, usage->summary);
    for (const struct kw_option *option = usage->options; option && option->name; option++) {
        char left[48];
        snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value_name ? " " : "",
                 option->value_name ? option->value_name : "");
        printf("  %-26s %s%s\n", left, option->help, option->required ? " (required)" : "");
    }
    printf("  %-26s %s\n\nexample:\n", "--help", "this text");
    for (const char *line = usage->example; line && *line;) {
        size_t length = strcspn(line, "\n");
        printf("  %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static bool refuse_usage(const struct kw_usage *usage, int *ret_exit, const char *what, const char *why)
{
    fprintf(stderr, "kinward: %s: %s (usage)\nusage: %s\n", what, why, usage->synopsis);
    *ret_exit = KW_EXIT_USAGE;
    return false;
}

static bool take_option(const struct kw_option *option, const char *value)
{
    if (option->flag)
        *option->flag = true;
    if (option->value)
        *option->value = value;
    if (option->list) {
        if (option->list->count == KW_CLI_LIST)
            return false;
        option->list->items[option->list->count++] = value;
    }
    return true;
}

static size_t long_options(const struct kw_usage *usage, struct option *ret_options)
{
    size_t count = 0;
    for (const struct kw_option *option = usage->options; option && option->name; option++, count++) {
        assert(count + 2 < OPTIONS_MOST);
        assert((option->value_name != NULL) == (option->flag == NULL));
        ret_options[count] =
            (struct option){option->name, option->value_name ? required_argument : no_argument, NULL, (int)count + 1};
    }
    ret_options[count] = (struct option){"help", no_argument, NULL, 'h'};
    ret_options[count + 1] = (struct option){0};
    return count;
}

bool kw_cli_options(const struct kw_usage *usage, int argc, char **argv, int *ret_first, int *ret_exit)
{
    struct option options[OPTIONS_MOST];
    bool seen[OPTIONS_MOST] = {false};
    size_t count = long_options(usage, options);
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (found == 'h') {
            print_help(usage);
            *ret_exit = KW_EXIT_DONE;
            return false;
        }
        if (found == ':')
            return refuse_usage(usage, ret_exit, argv[optind - 1], "a value is missing");
        if (found == '?')
            return refuse_usage(usage, ret_exit, argv[optind - 1], "not an option here");
        if (!take_option(&usage->options[found - 1], optarg))
            return refuse_usage(usage, ret_exit, usage->options[found - 1].name, "given too often");
        seen[found - 1] = true;
    }
    for (size_t i = 0; i < count; i++)
        if (usage->options[i].required && !seen[i])
            return refuse_usage(usage, ret_exit, usage->options[i].name, "this option is required");
    if (argc - optind < usage->least)
        return refuse_usage(usage, ret_exit, argv[0], "an operand is missing");
    if (usage->most >= 0 && argc - optind > usage->most)
        return refuse_usage(usage, ret_exit, argv[optind + usage->most], "one operand too many");
    *ret_first = optind;
    return true;
}
