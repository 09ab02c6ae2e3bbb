/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - an option table and texts become the settings struct of a plugin. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

const char *const kw_option_types[KW_OPTION_TYPES] = {NULL,     "text",    "url",     "path",    "output",
                                                      "secret", "integer", "boolean", "duration"};

static bool is_number(uint32_t type)
{
    return type == KINWARD_INTEGER || type == KINWARD_BOOLEAN || type == KINWARD_DURATION;
}

int kw_options_check(const char *place, const struct kinward_plugin *descriptor, struct kw_fault *fault)
{
    if (descriptor->option_count > 256 || (descriptor->option_count && !descriptor->options) || descriptor->settings_size > 65536)
        return kw_fail(fault, -EBADMSG, KW_E_PLUGIN, place, "options: wanted at most 256 and 65536 bytes of settings");
    for (uint32_t i = 0; i < descriptor->option_count; i++) {
        const struct kinward_option *option = &descriptor->options[i];
        size_t length = option->name ? strnlen(option->name, KW_NAME_SIZE) : 0;
        if (length == 0 || length >= KW_NAME_SIZE || strspn(option->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != length ||
            !option->help)
            return kw_fail(fault, -EBADMSG, KW_E_PLUGIN, place, "options: wanted name and help for each, found number %u without",
                           i);
        size_t size = is_number(option->type) ? sizeof(int64_t) : sizeof(char *);
        if (option->type == 0 || option->type >= KW_OPTION_TYPES || option->offset > descriptor->settings_size ||
            descriptor->settings_size - option->offset < size || option->offset % size)
            return kw_fail(fault, -EBADMSG, KW_E_PLUGIN, place, "option %s: wanted a known type inside the settings", option->name);
    }
    return 0;
}

/* ---- values -------------------------------------------------------------------------------- */

static int parse_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    for (size_t i = 0; i < KW_COUNT(units); i++)
        if (end > text && !errno && !strcmp(end, units[i].unit))
            return __builtin_mul_overflow((int64_t)number, units[i].ms, ret_ms) ? -ERANGE : 0;
    return -EINVAL;
}

static int parse_number(const struct kinward_option *option, const char *text, int64_t *ret_value)
{
    char *end;
    int64_t value = 0;
    errno = 0;
    if (option->type == KINWARD_BOOLEAN) {
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return -EINVAL;
        *ret_value = text[0] == 't';
        return 0;
    }
    if (option->type == KINWARD_DURATION) {
        int error = parse_duration(text, &value);
        if (error)
            return error;
    } else {
        value = strtoll(text, &end, 10);
        if (end == text || *end || errno)
            return -EINVAL;
    }
    bool bounded = option->low || option->high;
    if (value < (bounded ? option->low : 0) || (bounded && value > option->high))
        return -ERANGE;
    *ret_value = value;
    return 0;
}

static bool text_fits(const struct kinward_option *option, const char *text)
{
    size_t length = strlen(text);
    if (length > 4096)
        return false;
    if (option->type == KINWARD_PATH || option->type == KINWARD_OUTPUT)
        return text[0] == '/';
    if (option->type != KINWARD_URL)
        return true;
    return (!strncmp(text, "https://", 8) || !strncmp(text, "http://", 7)) && text[length - 1] != '/';
}

static int set_value(struct kw_settings *settings, uint32_t index, struct kw_view value, struct kw_fault *fault)
{
    const struct kinward_option *option = &settings->descriptor->options[index];
    KW_AUTO(kw_freep) char *text = kw_alloc(value.size + 1);
    if (!text)
        return -ENOMEM;
    memcpy(text, value.data, value.size);
    uint8_t *member = (uint8_t *)settings->memory + option->offset;
    if (strlen(text) != value.size)
        return kw_fail(fault, -EINVAL, KW_E_OPTION, option->name, "a NUL inside");
    if (is_number(option->type)) {
        int64_t number;
        int error = parse_number(option, text, &number);
        if (error == -ERANGE)
            return kw_fail(fault, error, KW_E_OPTION, option->name, "wanted %lld to %lld, found %s", (long long)option->low,
                           (long long)option->high, text);
        if (error)
            return kw_fail(fault, error, KW_E_OPTION, option->name, "not a %s", kw_option_types[option->type]);
        memcpy(member, &number, sizeof number);
        return 0;
    }
    if (!text_fits(option, text))
        return kw_fail(fault, -EINVAL, KW_E_OPTION, option->name, "not a %s", kw_option_types[option->type]);
    settings->texts[index] = text;
    text = NULL;
    memcpy(member, &settings->texts[index], sizeof(char *));
    return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

int kw_option_find(const struct kinward_plugin *descriptor, const char *name, uint32_t *ret_index)
{
    for (uint32_t i = 0; i < descriptor->option_count; i++)
        if (!strcmp(descriptor->options[i].name, name)) {
            *ret_index = i;
            return 0;
        }
    return -ENOENT;
}

struct given {
    struct kw_settings *settings;
    bool *set;
    struct kw_fault *fault;
};

static int take_given(void *context, const char *name, struct kw_json *value)
{
    struct given *given = context;
    uint32_t index;
    if (kw_option_find(given->settings->descriptor, name, &index) < 0 ||
        given->settings->descriptor->options[index].type == KINWARD_SECRET)
        return kw_fail(given->fault, -EINVAL, KW_E_OPTION, name, "there is no such option");
    if (kw_json_type(value) != KW_JSON_TEXT)
        return kw_fail(given->fault, -EINVAL, KW_E_OPTION, name, "not a text");
    given->set[index] = true;
    return set_value(given->settings, index, kw_json_text_of(value), given->fault);
}

static int take_secrets(struct kw_settings *settings, const struct kw_json *secrets, bool *set, struct kw_fault *fault)
{
    for (size_t i = 0; i < kw_json_count(secrets); i++) {
        char name[KW_NAME_SIZE];
        uint32_t index;
        struct kw_view text = kw_json_text_of(kw_json_at(secrets, i));
        snprintf(name, sizeof name, "%.*s", (int)text.size, (const char *)text.data);
        if (kw_option_find(settings->descriptor, name, &index) < 0 || settings->descriptor->options[index].type != KINWARD_SECRET)
            return kw_fail(fault, -EINVAL, KW_E_OPTION, name, "there is no such secret");
        int error = set_value(settings, index, kw_view_text("set"), fault);
        if (error)
            return error;
        set[index] = true;
    }
    return 0;
}

static int take_fallbacks(struct kw_settings *settings, const bool *set, struct kw_fault *fault)
{
    int error = 0;
    for (uint32_t i = 0; i < settings->descriptor->option_count && !error; i++) {
        const struct kinward_option *option = &settings->descriptor->options[i];
        if (set[i])
            continue;
        if (option->fallback)
            error = set_value(settings, i, kw_view_text(option->fallback), fault);
        else if (option->flags & KINWARD_REQUIRED)
            error = kw_fail(fault, -EINVAL, KW_E_OPTION, option->name, "required, but not given: %s", option->help);
    }
    return error;
}

int kw_settings_fill(const struct kinward_plugin *descriptor, const struct kw_json *options, const struct kw_json *secrets,
                     struct kw_settings *ret_settings, struct kw_fault *fault)
{
    bool set[257] = {false};
    struct kw_settings settings = {.descriptor = descriptor};
    settings.memory = kw_alloc(descriptor->settings_size + 1);
    settings.texts = kw_alloc((descriptor->option_count + 1) * sizeof *settings.texts);
    int error = settings.memory && settings.texts ? 0 : -ENOMEM;
    struct given given = {&settings, set, fault};
    if (!error && options)
        error = kw_json_each(options, take_given, &given);
    if (!error)
        error = take_secrets(&settings, secrets, set, fault);
    if (!error)
        error = take_fallbacks(&settings, set, fault);
    if (error) {
        kw_settings_clear(&settings);
        return error;
    }
    *ret_settings = settings;
    return 0;
}

void kw_settings_clear(struct kw_settings *settings)
{
    if (!settings)
        return;
    for (uint32_t i = 0; settings->texts && i < settings->descriptor->option_count; i++)
        kw_free(settings->texts[i]);
    kw_free(settings->texts);
    kw_free(settings->memory);
    *settings = (struct kw_settings){0};
}

const char *kw_settings_text(const struct kw_settings *settings, uint32_t index)
{
    return settings->texts[index];
}
