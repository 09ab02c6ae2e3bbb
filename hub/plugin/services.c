/* SPDX-License-Identifier: Apache-2.0 */
/* services.c - host services of a running instance: log, clock, secrets, cursor, emitting, folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session.h"

#define PATH_FILES    65536
#define SESSION_STATE 80 /* at most, in front of a cursor */

__attribute__((format(printf, 4, 5))) static void log_event(void *context, int level, const char *event, const char *format, ...)
{
    struct kw_instance *instance = context;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    level = level < KW_LOG_ERROR ? KW_LOG_ERROR : level > KW_LOG_DEBUG ? KW_LOG_DEBUG : level;
    kw_log((enum kw_log_level)level, "connector", event, "name=%s %s", instance->name, text);
}

__attribute__((format(printf, 3, 4))) static kinward_verdict fail(void *context, kinward_verdict verdict, const char *format, ...)
{
    struct kw_instance *instance = context;
    char text[sizeof instance->fault.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&instance->lock);
    kw_fail(&instance->fault, -EIO, verdict == KINWARD_RETRY ? KW_E_UNAVAILABLE : KW_E_PLUGIN, instance->name, "%s", text);
    pthread_mutex_unlock(&instance->lock);
    return verdict;
}

static int64_t now_ms(void *context)
{
    return kw_clock_wall_ms();
}
static int64_t elapsed_ms(void *context)
{
    return kw_clock_monotonic_ms();
}

static void wait_until(struct kw_instance *instance, int64_t end_ms)
{
    struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
    pthread_cond_clockwait(&instance->changed, &instance->lock, CLOCK_MONOTONIC, &end);
}

static kinward_verdict pause_ms(void *context, uint32_t ms)
{
    struct kw_instance *instance = context;
    int64_t end = kw_clock_monotonic_ms() + ms;
    const bool taken = kw_guest_take();
    pthread_mutex_lock(&instance->lock);
    while (!instance->stopping && kw_clock_monotonic_ms() < end)
        wait_until(instance, end);
    bool stopping = instance->stopping;
    pthread_mutex_unlock(&instance->lock);
    kw_guest_give(taken);
    return stopping ? KINWARD_IDLE : KINWARD_OK;
}

static kinward_verdict time_parse(void *context, struct kinward_view text, int64_t *ret_ms)
{
    return kw_time_parse(kw_view_in(text), ret_ms) < 0 ? KINWARD_REJECT : KINWARD_OK;
}

static void time_format(void *context, int64_t ms, char ret_text[25])
{
    kw_time_format(ms, ret_text);
}

struct kw_view kw_instance_secret(const struct kw_instance *instance, const char *name)
{
    for (size_t i = 0; i < instance->secret_count; i++)
        if (!strcmp(instance->secrets[i].name, name))
            return kw_view_of(&instance->secrets[i].value);
    return (struct kw_view){0};
}

static kinward_verdict secret(void *context, const char *option, const struct kinward_out *out)
{
    struct kw_view value = kw_instance_secret(context, option);
    return value.size ? out->write(out->context, value.data, value.size)
                      : fail(context, KINWARD_REJECT, "the secret %s is not set", option);
}

static kinward_verdict cursor(void *context, const struct kinward_out *out)
{
    struct kw_instance *instance = context;
    return instance->cursor.size ? out->write(out->context, instance->cursor.data, instance->cursor.size) : KINWARD_OK;
}

/* ---- emitting ------------------------------------------------------------------------------ */

void kw_instance_signal(struct kw_instance *instance)
{
    const uint64_t one = 1;
    ssize_t done = write(instance->wake, &one, sizeof one);
    (void)done; /* a full counter wakes, too */
}

static int make_message(const struct kinward_document *document, struct kw_view cursor, uint64_t token, bool delivered,
                        struct kw_message *ret_message)
{
    strcpy(ret_message->verb, "DOCUMENT");
    struct kw_json_out out = {.out = &ret_message->header};
    kw_json_object(&out, NULL);
    kw_json_integer(&out, "token", (int64_t)token);
    kw_json_string(&out, "format", document->format ? document->format : "");
    kw_json_text(&out, "key", kw_view_in(document->key));
    kw_json_boolean(&out, "delivered", delivered);
    kw_json_close(&out, '}');
    int error = kw_json_end(&out);
    if (!error)
        error = kw_put_item(&ret_message->payload, document->bytes.data, document->bytes.size);
    return error ? error : kw_put_item(&ret_message->payload, cursor.data, cursor.size);
}

int kw_instance_enqueue(struct kw_instance *instance, struct kw_call *call, const struct kinward_document *document)
{
    KW_AUTO(kw_buf_clear) struct kw_buf state = {0};
    struct kw_view cursor = kw_view_in(document->cursor);
    if (instance->session && (cursor.size || !document->bytes.size)) {
        int error = kw_session_cursor(instance->session, document->cursor, &state);
        if (error)
            return error;
        cursor = kw_view_of(&state);
    }
    struct kw_outgoing *outgoing = kw_alloc(sizeof *outgoing);
    struct kw_pending *pending = kw_alloc(sizeof *pending);
    uint64_t token = instance->next_token + 1;
    int error = outgoing && pending ? make_message(document, cursor, token, call != NULL, &outgoing->message) : -ENOMEM;
    if (error) {
        if (outgoing)
            kw_message_clear(&outgoing->message);
        kw_free(outgoing);
        kw_free(pending);
        return error;
    }
    *pending = (struct kw_pending){.token = token, .call = call, .next = instance->pending};
    instance->pending = pending;
    *instance->outgoing_end = outgoing;
    instance->outgoing_end = &outgoing->next;
    instance->next_token = token;
    instance->emitted++;
    if (call)
        call->waiting++;
    kw_instance_signal(instance);
    return 0;
}

static kinward_verdict emit(void *context, const struct kinward_call *call, const struct kinward_document *document)
{
    struct kw_instance *instance = context;
    struct kw_call *own = (struct kw_call *)call;
    bool counts = document->bytes.size > 0;
    if (document->bytes.size > KW_LIMIT_DOCUMENT - (64 << 10) ||
        document->cursor.size > KINWARD_CURSOR_MAX - (instance->session ? SESSION_STATE : 0) ||
        document->key.size > KW_LIMIT_SOURCE_ID + KW_LIMIT_SOURCE_VERSION + 1)
        return fail(context, KINWARD_REJECT, "a document, key or cursor is larger than the limit");
    const bool guest = kw_guest_take();
    pthread_mutex_lock(&instance->lock);
    while (counts && instance->credit == 0 && !instance->stopping && (!own || kw_clock_monotonic_ms() < own->end_ms))
        wait_until(instance, own ? own->end_ms : kw_clock_monotonic_ms() + 10000);
    bool taken = !instance->stopping && (!counts || instance->credit > 0);
    int error = taken ? kw_instance_enqueue(instance, own, document) : 0;
    if (taken && !error && counts)
        instance->credit--;
    while (taken && !error && own && own->waiting > 0 && !own->failed && !instance->stopping &&
           kw_clock_monotonic_ms() < own->end_ms)
        wait_until(instance, own->end_ms);
    taken = taken && (!own || error || (own->waiting == 0 && !own->failed));
    pthread_mutex_unlock(&instance->lock);
    kw_guest_give(guest);
    return error ? KINWARD_RETRY : taken ? KINWARD_OK : KINWARD_IDLE;
}

/* ---- folders --------------------------------------------------------------------------------- */

static bool is_option(const struct kw_instance *instance, uint32_t type, const char *value)
{
    const struct kinward_plugin *descriptor = instance->settings.descriptor;
    for (uint32_t i = 0; i < descriptor->option_count; i++) {
        const char *text = kw_settings_text(&instance->settings, i);
        if (descriptor->options[i].type == type && text && !strcmp(text, value))
            return true;
    }
    return false;
}

struct found {
    char *name;
    uint64_t size;
    int64_t modified_ms;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

static int look_at(int folder, const char *name, const char *suffix, struct found *ret_found)
{
    struct stat status;
    size_t length = strlen(name), end = strlen(suffix);
    if (length < end || strcmp(name + length - end, suffix) != 0 || name[0] == '.' ||
        fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
        return 0;
    ret_found->name = kw_strdup(name);
    ret_found->size = (uint64_t)status.st_size;
    ret_found->modified_ms = status.st_mtim.tv_sec * INT64_C(1000) + status.st_mtim.tv_nsec / 1000000;
    return ret_found->name ? 1 : -ENOMEM;
}

static int collect(DIR *dir, const char *suffix, struct found **ret_found, size_t *ret_count)
{
    const bool taken = kw_guest_take();
    struct found *found = NULL;
    size_t count = 0, capacity = 0;
    int error = 0;
    for (struct dirent *entry; !error && count < PATH_FILES && (entry = readdir(dir));) {
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            struct found *larger = kw_resize(found, capacity * sizeof *found);
            if (!larger) {
                error = -ENOMEM;
                break;
            }
            found = larger;
        }
        int one = look_at(dirfd(dir), entry->d_name, suffix, &found[count]);
        count += one > 0;
        error = one < 0 ? one : 0;
    }
    *ret_found = found;
    *ret_count = count;
    kw_guest_give(taken);
    return error;
}

static kinward_verdict folder(void *context, const char *path, const char *suffix,
                              int (*visit)(void *visit_context, const char *name, uint64_t size, int64_t modified_ms),
                              void *visit_context)
{
    struct found *found = NULL;
    size_t count = 0;
    if (!is_option(context, KINWARD_PATH, path))
        return fail(context, KINWARD_REJECT, "only folders of the options may be read");
    DIR *dir = opendir(path);
    if (!dir)
        return fail(context, KINWARD_RETRY, "%s: %s", path, strerror(errno));
    int error = collect(dir, suffix, &found, &count);
    closedir(dir);
    if (count > 0)
        qsort(found, count, sizeof *found, compare);
    bool stop = error;
    for (size_t i = 0; i < count; i++) {
        stop = stop || visit(visit_context, found[i].name, found[i].size, found[i].modified_ms) != 0;
        kw_free(found[i].name);
    }
    kw_free(found);
    return error ? KINWARD_RETRY : KINWARD_OK;
}

static kinward_verdict read_open(void *context, int fd, uint64_t offset, size_t limit, const struct kinward_out *out)
{
    uint8_t chunk[65536];
    while (limit > 0) {
        const bool taken = kw_guest_take();
        ssize_t got = pread(fd, chunk, limit < sizeof chunk ? limit : sizeof chunk, (off_t)offset);
        kw_guest_give(taken);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(context, KINWARD_RETRY, "a file cannot be read: %s", strerror(errno));
        if (got == 0)
            break;
        kinward_verdict verdict = out->write(out->context, chunk, (size_t)got);
        if (verdict != KINWARD_OK)
            return verdict;
        offset += (uint64_t)got;
        limit -= (size_t)got;
    }
    return KINWARD_OK;
}

static kinward_verdict read_file(void *context, const char *path, const char *name, uint64_t offset, size_t limit,
                                 const struct kinward_out *out)
{
    char whole[KW_PATH_SIZE];
    if (!is_option(context, KINWARD_PATH, path) || strchr(name, '/') || kw_path_join(whole, sizeof whole, path, name) < 0)
        return fail(context, KINWARD_REJECT, "only files of folders of the options may be read");
    int fd = open(whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return fail(context, KINWARD_RETRY, "%s: %s", whole, strerror(errno));
    kinward_verdict verdict = read_open(context, fd, offset, limit, out);
    close(fd);
    return verdict;
}

static kinward_verdict add_to_hash(void *context, const void *data, size_t size)
{
    kw_sha256_add(context, data, size);
    return KINWARD_OK;
}

static kinward_verdict digest(void *context, const char *path, const char *name, uint8_t ret_sha256[32])
{
    struct kw_sha256 hash;
    const struct kinward_out out = {&hash, add_to_hash};
    kw_sha256_start(&hash);
    kinward_verdict verdict = read_file(context, path, name, 0, SIZE_MAX, &out);
    if (verdict == KINWARD_OK)
        kw_sha256_end(&hash, ret_sha256);
    return verdict;
}

static kinward_verdict append(void *context, const char *option, struct kinward_view bytes)
{
    struct kw_instance *instance = context;
    for (size_t i = 0; i < instance->output_count; i++) {
        if (strcmp(instance->outputs[i].name, option) != 0)
            continue;
        const bool taken = kw_guest_take();
        ssize_t done;
        do
            done = write(instance->outputs[i].fd, bytes.data, bytes.size);
        while (done < 0 && errno == EINTR);
        kw_guest_give(taken);
        if (done != (ssize_t)bytes.size)
            return fail(context, KINWARD_RETRY, "the file of option %s cannot be written: %s", option, strerror(errno));
        return KINWARD_OK;
    }
    return KINWARD_IDLE; /* the option is not set */
}

/* Opened before the process locks itself in: afterwards it may write only to what is open. */
int kw_outputs_open(struct kw_instance *instance, struct kw_fault *fault)
{
    const struct kinward_plugin *descriptor = instance->settings.descriptor;
    for (uint32_t i = 0; i < descriptor->option_count; i++) {
        const char *path = kw_settings_text(&instance->settings, i);
        if (descriptor->options[i].type != KINWARD_OUTPUT || !path)
            continue;
        if (instance->output_count == KW_COUNT(instance->outputs))
            return kw_fail(fault, -E2BIG, KW_E_OPTION, descriptor->options[i].name, "more outputs than are possible");
        struct kw_output *output = &instance->outputs[instance->output_count];
        snprintf(output->name, sizeof output->name, "%s", descriptor->options[i].name);
        output->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (output->fd < 0)
            return kw_fail(fault, -errno, KW_E_FILE, path, "%s", strerror(errno));
        instance->output_count++;
    }
    return 0;
}

void kw_services_fill(struct kw_instance *instance)
{
    instance->host = (struct kinward_host){.size = sizeof instance->host,
                                           .abi_minor = KINWARD_ABI_MINOR,
                                           .instance = instance,
                                           .log = log_event,
                                           .fail = fail,
                                           .now_ms = now_ms,
                                           .elapsed_ms = elapsed_ms,
                                           .pause = pause_ms,
                                           .time_parse = time_parse,
                                           .time_format = time_format,
                                           .secret = secret,
                                           .cursor = cursor,
                                           .emit = emit,
                                           .folder = folder,
                                           .read = read_file,
                                           .digest = digest,
                                           .append = append};
    kw_services_exchange(&instance->host);
    kw_services_session(&instance->host);
    kw_services_values(&instance->host);
}
