/* SPDX-License-Identifier: Apache-2.0 */
/* operator.c - asking a running hub and printing what it says. */
#include "cli/operator.h"

#include <string.h>

#include "control/control.h"
#include "crypto/crypto.h"

void kw_question_start(struct kw_question *question, const char *config, const char *verb)
{
    *question = (struct kw_question){.config = config ? config : "hub.xml", .verb = verb};
    question->header.out = &question->text;
    kw_json_object(&question->header, NULL);
}

int kw_question_ask(struct kw_question *question)
{
    kw_json_close(&question->header, '}');
    int r = kw_json_end(&question->header);
    if (r == 0)
        r = kw_crypto_init();
    if (r == 0)
        r = kw_control_ask(question->config, question->verb, kw_view_of(&question->text), kw_view_of(&question->payload),
                           &question->answer, &question->fault);
    if (r == 0 && question->answer.header.size)
        r = kw_json_parse(kw_view_of(&question->answer.header), &question->json, &question->fault);
    return r;
}

void kw_question_clear(struct kw_question *question)
{
    kw_json_freep(&question->json);
    kw_message_clear(&question->answer);
    kw_buf_clear(&question->text);
    kw_buf_clear(&question->payload);
}

struct lines {
    int indent;
};

static void print_scalar(const struct kw_json *value)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_view view = kw_json_text_of(value);
    if (kw_json_type(value) == KW_JSON_TEXT)
        printf("%.*s\n", (int)view.size, (const char *)view.data);
    else if (kw_json_print(value, &text) == 0)
        printf("%s\n", (const char *)text.data);
}

static bool is_scalar(const struct kw_json *value)
{
    return kw_json_type(value) != KW_JSON_ARRAY && kw_json_type(value) != KW_JSON_OBJECT;
}

static int print_member(void *context, const char *name, struct kw_json *value)
{
    const struct lines *lines = context;
    printf("%*s%s:", lines->indent, "", name);
    if (is_scalar(value)) {
        putchar(' ');
        print_scalar(value);
    } else {
        puts(kw_json_count(value) ? "" : " none");
        kw_print_lines(value, lines->indent + 2);
    }
    return 0;
}

void kw_print_lines(const struct kw_json *value, int indent)
{
    struct lines lines = {indent};
    if (kw_json_type(value) == KW_JSON_OBJECT)
        (void)kw_json_each(value, print_member, &lines);
    for (size_t i = 0; kw_json_type(value) == KW_JSON_ARRAY && i < kw_json_count(value); i++) {
        const struct kw_json *item = kw_json_at(value, i);
        if (is_scalar(item)) {
            printf("%*s", indent, "");
            print_scalar(item);
        } else {
            kw_print_lines(item, indent);
            if (i + 1 < kw_json_count(value))
                puts("");
        }
    }
}

int kw_question_print(struct kw_question *question, bool as_json)
{
    int r = kw_question_ask(question);
    if (r < 0)
        return question->fault.code ? kw_cli_error(question->verb, &question->fault) : kw_cli_errno(question->verb, r);
    if (as_json && question->answer.header.size)
        printf("%s\n", (const char *)question->answer.header.data);
    else if (question->json)
        kw_print_lines(question->json, 0);
    return KW_EXIT_DONE;
}
