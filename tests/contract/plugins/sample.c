/* SPDX-License-Identifier: Apache-2.0 */
/* sample.c - a connector that does nothing, in variants (SAMPLE_…) that the loader must refuse. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "kinward/plugin.h"

#ifndef SAMPLE_VERSION
#define SAMPLE_VERSION "1.5"
#endif

struct settings {
    const char *folder;
    int64_t number, duration;
};

/* Leaves a mark, if it may, so that a test sees whether loading got so far. */
__attribute__((constructor)) static void mark(void)
{
    const char *path = getenv("KINWARD_SAMPLE_MARK");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0)
        close(fd);
}

static kinward_verdict create(const struct kinward_host *host, const void *settings, void **ret_self)
{
    (void)host;
    (void)settings;
    static int self;
    *ret_self = &self;
    return KINWARD_OK;
}

static kinward_verdict pull(void *self, uint32_t credit, uint32_t wait_ms)
{
    (void)self;
    (void)credit;
    (void)wait_ms;
    return KINWARD_IDLE;
}

static const struct kinward_option options[] = {
    {.name = "folder",
     .type = KINWARD_PATH,
     .flags = KINWARD_REQUIRED,
     .offset = offsetof(struct settings, folder),
     .help = "A folder."},
    {.name = "number",
     .type = KINWARD_INTEGER,
     .fallback = "7",
     .offset = offsetof(struct settings, number),
     .low = 1,
     .high = 9,
     .help = "A number."},
    {.name = "duration",
     .type = KINWARD_DURATION,
     .fallback = "10s",
#ifdef SAMPLE_OPTION
     .offset = sizeof(struct settings),
#else
     .offset = offsetof(struct settings, duration),
#endif
     .help = "A duration."},
};
static const struct kinward_connector operations = {
#ifndef SAMPLE_OPERATIONS
    .pull = pull
#else
    .start = NULL
#endif
};

#ifdef SAMPLE_OPERATIONS
kinward_verdict (*sample_unused)(void *, uint32_t, uint32_t) = pull;
#endif

#ifdef SAMPLE_SYMBOL
extern const struct kinward_plugin sample_plugin;
KINWARD_EXPORT const struct kinward_plugin sample_plugin = {
#else
KINWARD_EXPORT const struct kinward_plugin kinward_plugin = {
#endif
#ifdef SAMPLE_ABI
    .abi_major = KINWARD_ABI_MAJOR,
    .abi_minor = 99,
    .size = (uint32_t)sizeof(struct kinward_plugin),
#else
    KINWARD_PLUGIN_HEADER,
#endif
    .kind = KINWARD_CONNECTOR,
    .capabilities = KINWARD_FOLDER,
    .operations_size = sizeof operations,
    .operations = &operations,
    .name = "sample",
    .version = SAMPLE_VERSION,
    .summary = "Nothing, for tests.",
    .license = "Apache-2.0",
    .options = options,
    .option_count = 3,
    .settings_size = sizeof(struct settings),
    .create = create,
};
