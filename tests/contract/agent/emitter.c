/* SPDX-License-Identifier: Apache-2.0 */
/* emitter.c - a connector for tests: pulls r-000001.xml, r-000002.xml, … of a folder in order, and takes records over HTTP.
 *
 * "<hang/>" in place of a record: it never comes back from there. "<wait/>": it waits in the host, and goes on with the next.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kinward/plugin.h"

#define WAIT_MS 4000

struct settings {
    const char *folder, *listen;
};

struct emitter {
    const struct kinward_host *host;
    const struct settings *settings;
    uint64_t next;
};

struct bytes {
    uint8_t data[65536];
    size_t size;
};

static kinward_verdict keep(void *context, const void *data, size_t size)
{
    struct bytes *bytes = context;
    if (size > sizeof bytes->data - bytes->size)
        return KINWARD_REJECT;
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return KINWARD_OK;
}

static kinward_verdict create(const struct kinward_host *host, const void *settings, void **ret_self)
{
    struct emitter *emitter = calloc(1, sizeof *emitter);
    struct bytes *cursor = calloc(1, sizeof *cursor);
    if (!emitter || !cursor) {
        free(emitter);
        free(cursor);
        return KINWARD_RETRY;
    }
    emitter->host = host;
    emitter->settings = settings;
    const struct kinward_out out = {cursor, keep};
    const kinward_verdict verdict = host->cursor(host->instance, &out);
    emitter->next = strtoull((const char *)cursor->data, NULL, 10) + 1;
    free(cursor);
    *ret_self = emitter;
    return verdict;
}

static void destroy(void *self)
{
    free(self);
}

static int says(struct kinward_view text, const char *word)
{
    return text.size >= strlen(word) && !memcmp(text.data, word, strlen(word));
}

/* Asking the host for the time is no sign of getting on. */
static void hang(const struct kinward_host *host)
{
    while (host->elapsed_ms(host->instance) >= 0)
        usleep(10000);
}

static int32_t called(void *context, const struct kinward_call *call, const struct kinward_out *body)
{
    struct emitter *emitter = context;
    const struct kinward_host *host = emitter->host;
    const char *key = host->argument(host->instance, call, "key");
    const struct kinward_document document = {
        .size = sizeof document, .bytes = call->body, .format = "record", .key = {(const uint8_t *)key, key ? strlen(key) : 0}};
    (void)body;
    if (says(call->body, "<hang/>"))
        hang(host);
    return host->emit(host->instance, call, &document) == KINWARD_OK ? 200 : 503;
}

static kinward_verdict start(void *self)
{
    struct emitter *emitter = self;
    uint16_t port;
    if (!emitter->settings->listen)
        return KINWARD_OK;
    return emitter->host->listen(emitter->host->instance, emitter->settings->listen, called, emitter, &port);
}

static kinward_verdict pull(void *self, uint32_t credit, uint32_t wait_ms)
{
    struct emitter *emitter = self;
    const struct kinward_host *host = emitter->host;
    kinward_verdict verdict = KINWARD_IDLE;
    (void)wait_ms;
    for (uint32_t i = 0; i < credit; i++) {
        static struct bytes bytes;
        char name[32], cursor[32], key[48];
        bytes.size = 0;
        snprintf(name, sizeof name, "r-%06" PRIu64 ".xml", emitter->next);
        snprintf(cursor, sizeof cursor, "%" PRIu64, emitter->next);
        snprintf(key, sizeof key, "%" PRIu64 "@1", emitter->next);
        const struct kinward_out out = {&bytes, keep};
        if (host->read(host->instance, emitter->settings->folder, name, 0, sizeof bytes.data, &out) != KINWARD_OK ||
            bytes.size == 0)
            break;
        const struct kinward_document document = {.size = sizeof document,
                                                  .bytes = {bytes.data, bytes.size},
                                                  .format = "record",
                                                  .key = {(const uint8_t *)key, strlen(key)},
                                                  .cursor = {(const uint8_t *)cursor, strlen(cursor)}};
        if (says(document.bytes, "<hang/>"))
            hang(host);
        if (says(document.bytes, "<wait/>")) {
            emitter->next += host->pause(host->instance, WAIT_MS) == KINWARD_OK;
            return KINWARD_IDLE;
        }
        const kinward_verdict emitted = host->emit(host->instance, NULL, &document);
        if (emitted != KINWARD_OK)
            return emitted;
        emitter->next++;
        verdict = KINWARD_OK;
    }
    return verdict;
}

static const struct kinward_option options[] = {
    {.name = "folder",
     .type = KINWARD_PATH,
     .flags = KINWARD_REQUIRED,
     .offset = offsetof(struct settings, folder),
     .help = "Records."},
    {.name = "listen", .type = KINWARD_TEXT, .offset = offsetof(struct settings, listen), .help = "Address and port."},
};
static const struct kinward_connector operations = {.start = start, .pull = pull};

KINWARD_EXPORT const struct kinward_plugin kinward_plugin = {
    KINWARD_PLUGIN_HEADER,
    .kind = KINWARD_CONNECTOR,
    .capabilities = KINWARD_FOLDER | KINWARD_LISTENER,
    .operations_size = sizeof operations,
    .operations = &operations,
    .name = "emitter",
    .version = "1.0",
    .summary = "Records of a folder and over HTTP, for tests.",
    .license = "Apache-2.0",
    .options = options,
    .option_count = 2,
    .settings_size = sizeof(struct settings),
    .create = create,
    .destroy = destroy,
};
