/* SPDX-License-Identifier: Apache-2.0 */
/* sample.c - a plugin for the loader's tests; SAMPLE_… make it one that is to be refused. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "kinward/plugin.h"

#ifndef SAMPLE_MAJOR
#define SAMPLE_MAJOR KINWARD_ABI_MAJOR
#endif
#ifndef SAMPLE_MINOR
#define SAMPLE_MINOR KINWARD_ABI_MINOR
#endif
#ifndef SAMPLE_NAME
#define SAMPLE_NAME "sample"
#endif
#ifndef SAMPLE_OFFSET
#define SAMPLE_OFFSET 0
#endif
#ifndef SAMPLE_SIZE
#define SAMPLE_SIZE sizeof(struct kinward_plugin)
#endif
#ifndef SAMPLE_PULL
#define SAMPLE_PULL pull
#endif

struct settings {
    const char *endpoint, *folder, *password;
    int64_t pages, strict, wait;
};

/* Leaves a trace where it was loaded: a refused file must leave none. */
__attribute__((constructor)) static void loaded(void)
{
    const char *trace = getenv("SAMPLE_TRACE");
    int fd = trace ? open(trace, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0)
        close(fd);
}

__attribute__((unused)) static kinward_verdict pull(void *self, uint32_t credit, uint32_t wait_ms)
{
    return KINWARD_IDLE;
}

static kinward_verdict create(const struct kinward_host *host, const void *settings, void **ret_self)
{
    *ret_self = NULL;
    return KINWARD_OK;
}

#define OPTION(member) .offset = offsetof(struct settings, member) + SAMPLE_OFFSET
static const struct kinward_option options[] = {
    {.name = "endpoint", .type = KINWARD_URL, .flags = KINWARD_REQUIRED, OPTION(endpoint), .help = "A server."},
    {.name = "folder", .type = KINWARD_PATH, OPTION(folder), .help = "A folder."},
    {.name = "password", .type = KINWARD_SECRET, OPTION(password), .help = "A secret."},
    {.name = "pages", .type = KINWARD_INTEGER, .fallback = "7", .low = 1, .high = 10, OPTION(pages), .help = "A number."},
    {.name = "strict", .type = KINWARD_BOOLEAN, .fallback = "false", OPTION(strict), .help = "A choice."},
    {.name = "wait", .type = KINWARD_DURATION, .fallback = "5m", OPTION(wait), .help = "A time."},
};
static const struct kinward_connector operations = {.pull = SAMPLE_PULL};

#ifndef SAMPLE_WITHOUT
KINWARD_EXPORT const struct kinward_plugin kinward_plugin = {
    .abi_major = SAMPLE_MAJOR,
    .abi_minor = SAMPLE_MINOR,
    .size = SAMPLE_SIZE,
    .kind = KINWARD_CONNECTOR,
    .capabilities = KINWARD_NETWORK | KINWARD_FOLDER,
    .operations_size = sizeof operations,
    .operations = &operations,
    .name = SAMPLE_NAME,
    .version = "1.2.0",
    .summary = "Sample.",
    .license = "Apache-2.0",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct settings),
    .create = create,
};
#else
__attribute__((unused)) static const void *const unused[] = {options, &operations, (const void *)create};
#endif
