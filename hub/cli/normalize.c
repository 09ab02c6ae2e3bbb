/* SPDX-License-Identifier: Apache-2.0 */
/* normalize.c - kinward normalize: raw documents of a registry to common records, without a hub. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "cli/normalize.h"
#include "config/config.h"
#include "normalize/normalize.h"

#define SHEETS_MOST 16
#define SPACE       " xmlns=\"urn:kinward:record:1\""

struct run {
    struct kw_mapping *mappings[SHEETS_MOST];
    size_t count;
    const char *format;
    const char *parameters[7];
    bool explain, unmapped, json;
    struct kw_buf records; /* items */
    size_t record_count;
};

/* ---- which stylesheets ---- */

static int is_sheet(const struct dirent *entry)
{
    const size_t size = strlen(entry->d_name);
    return size > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + size - 4, ".xsl") == 0;
}

static int load(struct run *run, const char *path, const char *codes, const char *profile, bool needed, struct kw_fault *fault)
{
    if (run->count == SHEETS_MOST)
        return kw_fail(fault, -E2BIG, KW_E_MAPPING, path, "too many stylesheets");
    const int error = kw_mapping_load(path, codes, profile, &run->mappings[run->count], fault);
    if (error == 0)
        run->count++;
    return error == -ENOENT && fault->code == KW_E_MAPPING && !needed ? 0 : error; /* a part that others include */
}

static int load_folder(struct run *run, const char *folder, const char *codes, const char *profile, struct kw_fault *fault)
{
    struct dirent **names = NULL;
    char path[4096];
    int error = 0;
    const int count = scandir(folder, &names, is_sheet, alphasort);
    if (count < 0)
        return kw_fail(fault, -errno, KW_E_FILE, folder, "%s", strerror(errno));
    for (int i = 0; i < count; i++) {
        if (error == 0 && (error = kw_path_join(path, sizeof(path), folder, names[i]->d_name)) < 0)
            kw_fail(fault, error, KW_E_FILE, folder, "the path is too long");
        if (error == 0)
            error = load(run, path, codes, profile, false, fault);
        free(names[i]);
    }
    free(names);
    if (error == 0 && run->count == 0)
        error = kw_fail(fault, -ENOENT, KW_E_MAPPING, folder, "the connector has no stylesheet");
    return error;
}

/* mapping: a path, or the bare name of a stylesheet of the connector. */
static int load_all(struct run *run, const char *connector, const char *mapping, const char *profile, struct kw_fault *fault)
{
    char folder[KW_PATH_SIZE], codes[KW_PATH_SIZE], path[KW_PATH_SIZE], name[256];
    snprintf(name, sizeof(name), "connectors/%s", connector);
    if (strchr(connector, '/') || kw_data_path(name, folder) < 0)
        return kw_fail(fault, -ENOENT, KW_E_USAGE, "--connector", "there is no such connector");
    if (kw_data_path("schemas/codes", codes) < 0)
        return kw_fail(fault, -ENOENT, KW_E_FILE, "schemas/codes", "the code lists are not installed");
    if (!mapping)
        return load_folder(run, folder, codes, profile, fault);
    if (strchr(mapping, '/') || strchr(mapping, '.'))
        return load(run, mapping, codes, profile, true, fault);
    snprintf(name, sizeof(name), "%.200s.xsl", mapping);
    if (kw_path_join(path, sizeof(path), folder, name) < 0)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, folder, "the path is too long");
    return load(run, path, codes, profile, true, fault);
}

/* ---- one file ---- */

static void print_warnings(const char *path, const struct kw_normalized *normalized)
{
    struct kw_view rest = kw_view_of(&normalized->warnings), warning;
    while (rest.size > 0 && kw_take_item(&rest, &warning) == 0)
        fprintf(stderr, "kinward: %s: warning: %.*s\n", path, (int)warning.size, (const char *)warning.data);
}

static void print_refusal(const char *path, const struct kw_mapping *mapping, const struct kw_fault *fault)
{
    fprintf(stderr, "kinward: %s: %s:", path, kw_mapping_id(mapping));
    if (fault->line)
        fprintf(stderr, " %u:%u:", fault->line, fault->column);
    if (fault->place[0])
        fprintf(stderr, " %s:", fault->place);
    fprintf(stderr, " %s (%s)\n", fault->message, kw_code_name(fault->code));
}

/* By the first stylesheet that makes something of it. */
static int explain_file(struct run *run, const char *path)
{
    KW_AUTO(kw_buf_clear) struct kw_buf raw = {0}, answer = {0};
    struct kw_fault read_fault = {0}, faults[SHEETS_MOST] = {0};
    if (kw_file_read(path, KW_LIMIT_DOCUMENT, &raw, &read_fault) != 0)
        return kw_cli_error(path, &read_fault);
    for (size_t i = 0; i < run->count; i++) {
        answer.size = 0;
        if (kw_explain(run->mappings[i], kw_view_of(&raw), run->format, run->parameters, run->explain, run->unmapped, &answer,
                       &faults[i]) == 0)
            return kw_cli_explanation(path, &answer, run->json);
    }
    for (size_t i = 0; i < run->count; i++)
        print_refusal(path, run->mappings[i], &faults[i]);
    return KW_EXIT_REFUSED;
}

/* The first stylesheet that makes a record of it is the right one: each tells its own kind of document from others. */
static int normalize_file(struct run *run, const char *path)
{
    KW_AUTO(kw_buf_clear) struct kw_buf raw = {0};
    struct kw_fault read_fault = {0}, faults[SHEETS_MOST] = {0};
    if (kw_file_read(path, KW_LIMIT_DOCUMENT, &raw, &read_fault) != 0)
        return kw_cli_error(path, &read_fault);
    for (size_t i = 0; i < run->count; i++) {
        struct kw_normalized normalized = {0};
        const char *format = run->format ? run->format : kw_mapping_format(run->mappings[i]);
        int error = kw_normalize(run->mappings[i], kw_view_of(&raw), format, run->parameters, &normalized, &faults[i]);
        if (error < 0)
            continue;
        if (normalized.count == 0)
            fprintf(stderr, "kinward: %s: there is nothing to record in it\n", path);
        print_warnings(path, &normalized);
        error = kw_buf_append(&run->records, normalized.records.data, normalized.records.size);
        run->record_count += normalized.count;
        kw_normalized_clear(&normalized);
        return error < 0 ? kw_cli_errno(path, error) : KW_EXIT_DONE;
    }
    for (size_t i = 0; i < run->count; i++)
        print_refusal(path, run->mappings[i], &faults[i]);
    return KW_EXIT_REFUSED;
}

static void print_records(const struct run *run)
{
    struct kw_view rest = kw_view_of(&run->records), record;
    const size_t head = strlen("<record" SPACE);
    if (run->record_count > 1)
        printf("<records" SPACE ">\n");
    while (rest.size > 0 && kw_take_item(&rest, &record) == 0) {
        const bool inside = run->record_count > 1 && record.size > head && memcmp(record.data, "<record" SPACE, head) == 0;
        const size_t skip = inside ? head : 0;
        printf("%s%.*s\n", inside ? "<record" : "", (int)(record.size - skip), (const char *)record.data + skip);
    }
    if (run->record_count > 1)
        printf("</records>\n");
}

static int normalize_all(struct run *run, int count, char **paths)
{
    struct kw_progress progress = {.label = "normalize"};
    int worst = KW_EXIT_DONE;
    for (int i = 0; i < count; i++) {
        const int code = run->explain || run->unmapped ? explain_file(run, paths[i]) : normalize_file(run, paths[i]);
        if (worst == KW_EXIT_DONE || code == KW_EXIT_FAILED)
            worst = code != KW_EXIT_DONE ? code : worst;
        kw_progress_update(&progress, (uint64_t)i + 1, (uint64_t)count);
    }
    kw_progress_end(&progress);
    print_records(run);
    return worst;
}

static int load_and_run(struct run *run, const char *connector, const char *mapping, const char *profile, int count, char **paths)
{
    char path[KW_PATH_SIZE];
    struct kw_fault fault = {0};
    int error = 0;
    if (!profile && kw_data_path("schemas/profiles/default.xml", path) < 0)
        error = kw_fail(&fault, -ENOENT, KW_E_FILE, "schemas/profiles", "the default profile is not installed");
    else if (!profile)
        profile = path;
    if (error == 0)
        error = load_all(run, connector, mapping, strcmp(profile, "none") == 0 ? NULL : profile, &fault);
    const int code = error < 0 ? kw_cli_error(connector, &fault) : normalize_all(run, count, paths);
    for (size_t i = 0; i < run->count; i++)
        kw_mapping_free(run->mappings[i]);
    kw_buf_clear(&run->records);
    return code;
}

static struct {
    const char *connector, *mapping, *format, *jurisdiction, *registry, *profile;
    bool explain, unmapped, json;
} asked = {.jurisdiction = "ZZ"};

static const struct kw_option options[] = {
    {.name = "connector",
     .value_name = "NAME",
     .help = "whose stylesheets: a folder of connectors/",
     .value = &asked.connector,
     .required = true},
    {.name = "mapping",
     .value_name = "FILE.xsl",
     .help = "one stylesheet: a file, or its bare name in the connector's folder",
     .value = &asked.mapping},
    {.name = "format", .value_name = "F", .help = "json, csv or xml; the stylesheet's own otherwise", .value = &asked.format},
    {.name = "jurisdiction",
     .value_name = "CC",
     .help = "country of the registry, ISO 3166-1; ZZ where none is given",
     .value = &asked.jurisdiction},
    {.name = "registry",
     .value_name = "NAME",
     .help = "name of the registry; the connector's where none is given",
     .value = &asked.registry},
    {.name = "explain",
     .help = "what of the document each field comes from, through what, and who wrote it",
     .flag = &asked.explain},
    {.name = "unmapped", .help = "what of the document no field comes from", .flag = &asked.unmapped},
    {.name = "json", .help = "with these two: for programs, one JSON object a document", .flag = &asked.json},
    {.name = "profile", .value_name = "FILE", .help = "disclosure profile; \"none\" keeps every field", .value = &asked.profile},
    {0},
};

static const struct kw_usage usage = {
    .synopsis = "kinward normalize --connector NAME [--mapping FILE.xsl] [--explain] [--unmapped [--json]] FILE…",
    .summary = "Turns documents of a registry into common records on stdout: one as it is, several in <records>. No hub is\n"
               "needed. Warnings (unknown codes, dates kept as written) go to stderr, without values. --explain and\n"
               "--unmapped print what the stylesheet does with a document in place of its records, values included; they\n"
               "change each value and run the stylesheet again, which takes seconds.",
    .example = "kinward normalize --connector opencrvs --jurisdiction KE bundle.json > birth.xml\n"
               "kinward normalize --connector csv --jurisdiction KE checks.csv | kinward validate /dev/stdin\n"
               "kinward normalize --connector opencrvs --explain --unmapped bundle.json | less",
    .options = options,
    .least = 1,
    .most = -1,
};

int kw_cmd_normalize(int argc, char **argv)
{
    int first, code;
    struct kw_fault fault;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    if (asked.json && !asked.explain && !asked.unmapped) {
        kw_fail(&fault, -EINVAL, KW_E_USAGE, "--json", "goes with --explain or --unmapped");
        return kw_cli_error("normalize", &fault);
    }
    struct run run = {
        .format = asked.format,
        .parameters = {"registry", asked.registry ? asked.registry : asked.connector, "jurisdiction", asked.jurisdiction, NULL},
        .explain = asked.explain,
        .unmapped = asked.unmapped,
        .json = asked.json};
    return load_and_run(&run, asked.connector, asked.mapping, asked.profile, argc - first, argv + first);
}
