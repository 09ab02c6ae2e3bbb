/* SPDX-License-Identifier: Apache-2.0 */
/* principal.c - kinward card and kinward principal: who is known to a hub, by which keys. */
#include <string.h>

#include "card/card.h"
#include "cli/operator.h"
#include "config/config.h"

static int card_show(int argc, char **argv)
{
    bool as_json = false;
    const struct kw_option options[] = {{.name = "json", .help = "as JSON", .flag = &as_json}, {0}};
    const struct kw_usage usage = {.synopsis = "kinward card show FILE [--json]",
                                   .summary = "Checks a card's signature and shows its fingerprint, to be compared by telephone.",
                                   .example = "kinward card show partner.card",
                                   .options = options,
                                   .least = 1,
                                   .most = 1};
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_fault fault = {0};
    struct kw_card card;
    char fingerprint[KW_FINGERPRINT_SIZE];
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    int r = kw_crypto_init();
    if (r == 0)
        r = kw_file_read(argv[first], KW_CARD_LIMIT, &text, &fault);
    if (r == 0)
        r = kw_card_parse(kw_view_of(&text), &card, &fault);
    if (r < 0)
        return kw_cli_error(argv[first], &fault);
    kw_card_fingerprint(kw_view_of(&text), fingerprint);
    if (as_json) {
        const char *end = strchr((const char *)text.data, '\n');
        printf("{\"fingerprint\":\"%s\",\"card\":%.*s}\n", fingerprint, (int)(end - (const char *)text.data),
               (const char *)text.data);
    } else {
        printf("name: %s\njurisdiction: %s\ncontact: %s\nmade: %s\nfingerprint: %s\n", card.name, card.jurisdiction, card.contact,
               card.made, fingerprint);
        if (card.log[0])
            printf("log: %s\n", card.log);
        if (card.witness[0])
            printf("witness: %s\n", card.witness);
    }
    return KW_EXIT_DONE;
}

static int card_export(int argc, char **argv)
{
    const char *out = NULL;
    const struct kw_option options[] = {
        {.name = "out", .value_name = "FILE", .help = "write there in place of standard output", .value = &out}, {0}};
    const struct kw_usage usage = {.synopsis = "kinward card export DIR [--out FILE]",
                                   .summary = "Gives out the card of a folder made by kinward init: public keys, signed.",
                                   .example = "kinward card export /srv/kinward --out hub.card",
                                   .options = options,
                                   .least = 1,
                                   .most = 1};
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_fault fault = {0};
    char path[KW_PATH_SIZE];
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    int r = kw_path_join(path, sizeof path, argv[first], "card");
    if (r == 0)
        r = kw_file_read(path, KW_CARD_LIMIT, &text, &fault);
    if (r == 0 && out)
        r = kw_file_replace(out, kw_view_of(&text), 0644, &fault);
    if (r < 0)
        return kw_cli_error("card", &fault);
    if (!out)
        fputs((const char *)text.data, stdout);
    return KW_EXIT_DONE;
}

int kw_cmd_card(int argc, char **argv)
{
    static const struct kw_command commands[] = {
        {"export", card_export, "print the card of a folder"}, {"show", card_show, "check a card and show its fingerprint"}, {0}};
    return kw_cli_group("kinward card", commands, argc, argv);
}

static int join(const struct kw_cli_list *items, struct kw_buf *ret_text)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < items->count; i++)
        r = kw_buf_format(ret_text, "%s%s", i ? " " : "", items->items[i]);
    return r;
}

static int principal_add(int argc, char **argv)
{
    const char *config = NULL, *fingerprint = NULL, *rules = NULL, *jurisdictions = NULL;
    struct kw_cli_list roles = {0};
    const struct kw_option options[] = {
        {.name = "fingerprint",
         .value_name = "HEX",
         .help = "as its owner read it to you",
         .value = &fingerprint,
         .required = true},
        {.name = "role",
         .value_name = "ROLE",
         .help = "registry, border, agency, auditor or witness; may stand several times",
         .list = &roles,
         .required = true},
        {.name = "rules",
         .value_name = "LIST",
         .help = "agency: rules of its mandate, such as \"D5 P5 M3\" (all)",
         .value = &rules},
        {.name = "jurisdictions",
         .value_name = "LIST",
         .help = "agency: jurisdictions of its mandate (its own)",
         .value = &jurisdictions},
        {.name = "config", .value_name = "FILE", .help = "of the running hub (hub.xml)", .value = &config},
        {0}};
    const struct kw_usage usage = {.synopsis = "kinward principal add CARD --fingerprint HEX --role ROLE [--config hub.xml]",
                                   .summary = "Makes a card's owner known to a running hub.",
                                   .example =
                                       "kinward principal add registry.card --fingerprint 1f2e-… --role registry --config hub.xml",
                                   .options = options,
                                   .least = 1,
                                   .most = 1};
    KW_AUTO(kw_buf_clear) struct kw_buf card = {0}, list = {0};
    struct kw_question question;
    int first, code, r = 0;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    r = join(&roles, &list);
    kw_question_start(&question, config, "PRINCIPAL-ADD");
    kw_json_string(&question.header, "fingerprint", fingerprint);
    kw_json_string(&question.header, "roles", (const char *)list.data);
    if (rules)
        kw_json_string(&question.header, "rules", rules);
    if (jurisdictions)
        kw_json_string(&question.header, "jurisdictions", jurisdictions);
    if (r == 0)
        r = kw_file_read(argv[first], KW_CARD_LIMIT, &card, &question.fault);
    if (r == 0)
        r = kw_put_item(&question.payload, card.data, card.size);
    code = r < 0 ? kw_cli_error(argv[first], &question.fault) : kw_question_print(&question, false);
    kw_question_clear(&question);
    return code;
}

static int principal_list(int argc, char **argv)
{
    const char *config = NULL;
    bool as_json = false;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = "of the running hub (hub.xml)", .value = &config},
        {.name = "json", .help = "as JSON", .flag = &as_json},
        {0}};
    const struct kw_usage usage = {.synopsis = "kinward principal list [--config hub.xml] [--json]",
                                   .summary = "Lists who is known to a running hub.",
                                   .example = "kinward principal list --config hub.xml",
                                   .options = options};
    struct kw_question question;
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    kw_question_start(&question, config, "PRINCIPAL-LIST");
    code = kw_question_print(&question, as_json);
    kw_question_clear(&question);
    return code;
}

static int principal_revoke(int argc, char **argv)
{
    const char *config = NULL;
    const struct kw_option options[] = {
        {.name = "config", .value_name = "FILE", .help = "of the running hub (hub.xml)", .value = &config}, {0}};
    const struct kw_usage usage = {.synopsis = "kinward principal revoke NAME [--config hub.xml]",
                                   .summary = "Refuses a principal from its next message on.",
                                   .example = "kinward principal revoke lost-laptop --config hub.xml",
                                   .options = options,
                                   .least = 1,
                                   .most = 1};
    struct kw_question question;
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    kw_question_start(&question, config, "PRINCIPAL-OFF");
    kw_json_string(&question.header, "principal", argv[first]);
    code = kw_question_print(&question, false);
    kw_question_clear(&question);
    return code;
}

int kw_cmd_principal(int argc, char **argv)
{
    static const struct kw_command commands[] = {{"add", principal_add, "make a card's owner known, after comparing fingerprints"},
                                                 {"list", principal_list, "who is known"},
                                                 {"revoke", principal_revoke, "refuse a principal from now on"},
                                                 {0}};
    return kw_cli_group("kinward principal", commands, argc, argv);
}
