/* SPDX-License-Identifier: Apache-2.0 */
/* child.c - the mapper process: loads its mappings, locks itself in, answers on its pipe. */
#include "normalize/private.h"

#include "base/limits.h"
#include "bus/bus.h"
#include "json/json.h"
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHEETS_MOST     16
#define PARAMETERS_MOST 24
#define MEMORY_MOST     (1u << 30)
#define WAIT_MS         (3600 * 1000)

struct sheet {
    char name[64]; /* file name without .xsl */
    struct kw_mapping *mapping;
};

struct mapper {
    struct sheet sheets[SHEETS_MOST];
    size_t count;
};

static void mapper_clear(struct mapper *mapper)
{
    for (size_t i = 0; i < mapper->count; i++)
        kw_mapping_free(mapper->sheets[i].mapping);
}

/* ---- loading ---- */

static int is_sheet(const struct dirent *entry)
{
    const size_t size = strlen(entry->d_name);
    return size > 4 && size < 64 && entry->d_name[0] != '.' && strcmp(entry->d_name + size - 4, ".xsl") == 0;
}

static int load_sheet(struct mapper *mapper, const char *folder, const char *name, const char *codes, const char *profile,
                      struct kw_fault *fault)
{
    char path[4096];
    struct sheet *sheet = &mapper->sheets[mapper->count];
    if (kw_path_join(path, sizeof(path), folder, name) < 0)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, folder, "the path is too long");
    const int error = kw_mapping_load(path, codes, profile, &sheet->mapping, fault);
    if (error == -ENOENT && fault->code == KW_E_MAPPING)
        return 0; /* a part that others include */
    if (error < 0)
        return error;
    snprintf(sheet->name, sizeof(sheet->name), "%.*s", (int)strlen(name) - 4, name);
    mapper->count++;
    return kw_mapping_warm(sheet->mapping, fault);
}

static int load_folder(struct mapper *mapper, const char *folder, const char *codes, const char *profile, struct kw_fault *fault)
{
    struct dirent **names = NULL;
    const int count = scandir(folder, &names, is_sheet, alphasort);
    if (count < 0)
        return kw_fail(fault, -errno, KW_E_FILE, folder, "the connector's folder cannot be read");
    int error = 0;
    for (int i = 0; i < count; i++) {
        if (error == 0 && mapper->count == SHEETS_MOST)
            error = kw_fail(fault, -E2BIG, KW_E_MAPPING, folder, "more than %d stylesheets", SHEETS_MOST);
        if (error == 0)
            error = load_sheet(mapper, folder, names[i]->d_name, codes, profile, fault);
        free(names[i]);
    }
    free(names);
    if (error == 0 && mapper->count == 0)
        error = kw_fail(fault, -ENOENT, KW_E_MAPPING, folder, "no stylesheet that states a mapping");
    return error;
}

/* ---- answering ---- */

struct parameters {
    const char *list[2 * PARAMETERS_MOST + 1];
    size_t count;
};

static int add_parameter(void *context, const char *name, struct kw_json *value)
{
    struct parameters *parameters = context;
    if (parameters->count >= 2 * PARAMETERS_MOST || kw_json_type(value) != KW_JSON_TEXT)
        return -EBADMSG;
    parameters->list[parameters->count++] = name;
    parameters->list[parameters->count++] = (const char *)kw_json_text_of(value).data;
    return 0;
}

struct job {
    struct kw_view stylesheet, raw, format;
    struct parameters parameters;
};

/* The named stylesheet, or without a name the first that makes something of the document; the last refusal is told. */
static int normalize(const struct mapper *mapper, const struct job *job, const struct kw_mapping **ret_mapping,
                     struct kw_normalized *ret_normalized, struct kw_fault *fault)
{
    const char *format = job->format.size > 0 ? (const char *)job->format.data : NULL;
    int error = kw_fail(fault, -ENOENT, KW_E_MAPPING, "stylesheet", "there is no such stylesheet");
    for (size_t i = 0; i < mapper->count && error < 0; i++) {
        if (job->stylesheet.size > 0 && !kw_view_is(job->stylesheet, mapper->sheets[i].name))
            continue;
        error = kw_normalize(mapper->sheets[i].mapping, job->raw, format, job->parameters.list, ret_normalized, fault);
        *ret_mapping = mapper->sheets[i].mapping;
    }
    return error;
}

static int write_mapped(const struct kw_mapping *mapping, struct kw_normalized *normalized, struct kw_message *answer)
{
    struct kw_json_out json = {.out = &answer->header};
    struct kw_view rest = kw_view_of(&normalized->warnings), warning;
    kw_json_object(&json, NULL);
    kw_json_string(&json, "mapping", kw_mapping_id(mapping));
    kw_json_string(&json, "version", kw_mapping_version(mapping));
    kw_json_integer(&json, "count", (int64_t)normalized->count);
    kw_json_array(&json, "warnings");
    while (rest.size > 0 && kw_take_item(&rest, &warning) == 0)
        kw_json_text(&json, NULL, warning);
    kw_json_close(&json, ']');
    kw_json_integer(&json, "warning_count", (int64_t)normalized->warning_count);
    kw_json_close(&json, '}');
    answer->payload = normalized->records;
    normalized->records = (struct kw_buf){0};
    const int error = kw_json_end(&json);
    return error < 0 ? error : kw_buf_append(&answer->payload, normalized->leaves.data, normalized->leaves.size);
}

static int write_refused(const struct kw_fault *fault, struct kw_message *answer)
{
    struct kw_json_out json = {.out = &answer->header};
    snprintf(answer->verb, sizeof(answer->verb), "REFUSED");
    kw_json_object(&json, NULL);
    kw_json_string(&json, "code", kw_code_name(fault->code));
    kw_json_string(&json, "place", fault->place);
    kw_json_integer(&json, "line", fault->line);
    kw_json_integer(&json, "column", fault->column);
    kw_json_string(&json, "detail", fault->message);
    kw_json_close(&json, '}');
    return kw_json_end(&json);
}

static int read_job(const struct kw_message *request, const struct kw_json *header, struct job *job, struct kw_fault *fault)
{
    struct kw_view rest = kw_view_of(&request->payload);
    const struct kw_json *given = kw_json_member(header, "parameters");
    const int error = kw_json_get_text(header, "stylesheet", 64, &job->stylesheet, fault);
    if (error < 0)
        return error;
    if (given && kw_json_each(given, add_parameter, &job->parameters) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_HEADER, "parameters", "too many, or not texts");
    if (kw_take_item(&rest, &job->raw) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_FRAMES, "payload", "the document is missing");
    job->format = kw_json_text_of(kw_json_member(header, "format"));
    return 0;
}

static int map(const struct mapper *mapper, const struct kw_message *request, struct kw_message *answer)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    const struct kw_mapping *mapping = NULL;
    struct kw_fault fault = {0};
    struct kw_normalized normalized = {0};
    struct job job = {0};
    int error = kw_json_parse(kw_view_of(&request->header), &header, &fault);
    if (error == 0)
        error = read_job(request, header, &job, &fault);
    (void)kw_fault_point("mapper.map");
    if (error == 0)
        error = normalize(mapper, &job, &mapping, &normalized, &fault);
    error = error == 0 ? write_mapped(mapping, &normalized, answer) : write_refused(&fault, answer);
    kw_normalized_clear(&normalized);
    return error;
}

static int serve(const struct mapper *mapper, int fd)
{
    for (;;) {
        struct kw_message request = {0}, answer = {0};
        int error = kw_pipe_receive(fd, &request, WAIT_MS);
        if (error == -ETIMEDOUT) {
            kw_message_clear(&request);
            continue;
        }
        const bool is_map = error == 0 && strcmp(request.verb, "MAP") == 0;
        if (error == 0 && !is_map && strcmp(request.verb, "PING") != 0)
            error = -EBADMSG;
        if (error == 0)
            kw_message_answer(&answer, &request, is_map ? "MAPPED" : "PONG");
        if (error == 0 && is_map)
            error = map(mapper, &request, &answer);
        if (error == 0)
            error = kw_pipe_send(fd, &answer, WAIT_MS);
        kw_message_clear(&request);
        kw_message_clear(&answer);
        if (error < 0)
            return error;
    }
}

int kw_mapper_child_main(int fd, int argc, char **argv)
{
    static const struct kw_sandbox_limits limits = {.memory_bytes = MEMORY_MOST, .descriptors = 16};
    struct mapper mapper = {0};
    struct kw_fault fault = {0};
    int error = -EINVAL;
    if (argc != 4) { /* argv[0] is the role */
        kw_log(KW_LOG_ERROR, "mapper", "mapper.usage", "arguments=%d", argc);
        return 2;
    }
    error = load_folder(&mapper, argv[1], argv[2], strcmp(argv[3], "-") == 0 ? NULL : argv[3], &fault);
    if (error == 0)
        error = kw_sandbox_enter(KW_SANDBOX_PURE, &limits, &fault);
    if (error < 0)
        kw_log(KW_LOG_ERROR, "mapper", "mapper.start", "code=%s place=%s detail=\"%s\"", kw_code_name(fault.code), fault.place,
               fault.message);
    else
        error = serve(&mapper, fd);
    mapper_clear(&mapper);
    return error == 0 || error == -EPIPE ? 0 : 1;
}
