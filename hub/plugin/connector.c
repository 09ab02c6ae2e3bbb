/* SPDX-License-Identifier: Apache-2.0 */
/* connector.c - the process of one connector: its pipe in one thread, its pulling in another, its listener in others. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sandbox/sandbox.h"
#include "session.h"

#define WAIT_MS      1000
#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 60000

static const struct kw_sandbox_limits limits = {.memory_bytes = UINT64_C(2) << 30, .descriptors = 256};

/* ---- pulling: the thread that calls the plugin --------------------------------------------- */

static uint64_t await_credit(struct kw_instance *instance)
{
    pthread_mutex_lock(&instance->lock);
    while (instance->credit == 0 && !instance->stopping)
        pthread_cond_wait(&instance->changed, &instance->lock);
    uint64_t credit = instance->stopping ? 0 : instance->credit;
    pthread_mutex_unlock(&instance->lock);
    return credit;
}

/* After a failure: the reason is logged, and the next try waits longer. False: it cannot go on. */
static bool retry_later(struct kw_instance *instance, kinward_verdict verdict, uint32_t *wait_ms)
{
    pthread_mutex_lock(&instance->lock);
    struct kw_fault fault = instance->fault;
    instance->retries++;
    pthread_mutex_unlock(&instance->lock);
    if (verdict != KINWARD_RETRY)
        return false;
    *wait_ms = *wait_ms ? *wait_ms * 2 : RETRY_MIN_MS;
    *wait_ms = *wait_ms > RETRY_MAX_MS ? RETRY_MAX_MS : *wait_ms;
    uint32_t random, jittered; /* three quarters to all of it: many connectors do not ask together */
    kw_random(&random, sizeof random);
    jittered = *wait_ms - random % (*wait_ms / 4);
    kw_log(KW_LOG_WARNING, "connector", "connector.retry", "name=%s wait_ms=%u reason=\"%s\"", instance->name, jittered,
           fault.message);
    return instance->host.pause(instance, jittered) == KINWARD_OK;
}

static kinward_verdict call_start(struct kw_instance *instance)
{
    kw_guest_give(true);
    kinward_verdict verdict = instance->operations->start(instance->self);
    (void)kw_guest_take();
    return verdict;
}

static kinward_verdict call_pull(struct kw_instance *instance, uint64_t credit)
{
    kw_guest_give(true);
    kinward_verdict verdict = instance->operations->pull(instance->self, credit > 10000 ? 10000 : (uint32_t)credit, WAIT_MS);
    (void)kw_guest_take();
    return verdict;
}

static kinward_verdict start_plugin(struct kw_instance *instance)
{
    uint32_t wait_ms = 0;
    kinward_verdict verdict = KINWARD_OK;
    while (instance->operations->start && (verdict = call_start(instance)) != KINWARD_OK) {
        if (verdict == KINWARD_IDLE && instance->host.pause(instance, 100) == KINWARD_OK)
            continue;
        if (verdict == KINWARD_IDLE || !retry_later(instance, verdict, &wait_ms))
            return verdict;
    }
    return KINWARD_OK;
}

static uint64_t count_emitted(struct kw_instance *instance)
{
    pthread_mutex_lock(&instance->lock);
    uint64_t emitted = instance->emitted;
    pthread_mutex_unlock(&instance->lock);
    return emitted;
}

static void *pull(void *argument)
{
    struct kw_instance *instance = argument;
    uint32_t wait_ms = 0;
    uint64_t credit;
    struct kw_guest guest = {0};
    kw_guest_enter(&instance->guests, &guest);
    kinward_verdict verdict = start_plugin(instance);
    while (verdict >= KINWARD_OK && (credit = await_credit(instance)) > 0) {
        uint64_t before = count_emitted(instance);
        verdict = call_pull(instance, credit);
        if (verdict >= KINWARD_OK || count_emitted(instance) != before) /* it got on: no longer wait than at first */
            wait_ms = 0;
        if (verdict < KINWARD_OK && retry_later(instance, verdict, &wait_ms))
            verdict = KINWARD_OK;
        int64_t told_ms = kw_session_wait_ms(instance);
        if (verdict == KINWARD_IDLE) /* a pull that does not wait must not spin */
            (void)instance->host.pause(instance, told_ms > 20 ? (uint32_t)told_ms : 20);
    }
    kw_guest_leave(&instance->guests, &guest);
    pthread_mutex_lock(&instance->lock);
    instance->ended = true;
    kw_instance_signal(instance);
    pthread_mutex_unlock(&instance->lock);
    return NULL;
}

/* ---- the pipe --------------------------------------------------------------------------------- */

struct process {
    struct kw_instance instance;
    struct kw_pipe *pipe;
    int fd;
    bool stop, thread_runs;
    bool asked; /* a PING has no PONG yet */
    int answer; /* exit status */
    pthread_t thread;
};

static int answer_fault(struct process *process, const struct kw_fault *fault)
{
    struct kw_message message = {.verb = "ENDED"};
    struct kw_json_out out = {.out = &message.header};
    kw_json_object(&out, NULL);
    kw_json_string(&out, "code", kw_code_name(fault->code));
    kw_json_string(&out, "place", fault->place);
    kw_json_string(&out, "detail", fault->message);
    kw_json_close(&out, '}');
    int error = kw_json_end(&out);
    if (!error)
        error = kw_pipe_put(process->pipe, &message);
    kw_message_clear(&message);
    return error;
}

static int put_status(struct process *process, const char *verb)
{
    struct kw_instance *instance = &process->instance;
    struct kw_message message = {0};
    struct kw_json_out out = {.out = &message.header};
    strcpy(message.verb, verb);
    uint64_t waiting = 0;
    pthread_mutex_lock(&instance->lock);
    for (struct kw_pending *pending = instance->pending; pending; pending = pending->next)
        waiting++;
    kw_json_object(&out, NULL);
    kw_json_string(&out, "name", instance->plugin->descriptor.name);
    kw_json_string(&out, "version", instance->plugin->descriptor.version);
    kw_json_boolean(&out, "signed", instance->plugin->is_signed);
    kw_json_integer(&out, "port", instance->port);
    kw_json_integer(&out, "emitted", (int64_t)instance->emitted);
    kw_json_integer(&out, "durable", (int64_t)instance->durable);
    kw_json_integer(&out, "failed", (int64_t)instance->failed);
    kw_json_integer(&out, "credit", (int64_t)instance->credit);
    kw_json_integer(&out, "waiting", (int64_t)waiting);
    kw_json_integer(&out, "retries", (int64_t)instance->retries);
    kw_json_close(&out, '}');
    pthread_mutex_unlock(&instance->lock);
    int error = kw_json_end(&out);
    if (!error)
        error = kw_pipe_put(process->pipe, &message);
    kw_message_clear(&message);
    return error;
}

/* When the pipe has no room, later: what waits in it is moved first. */
static int answer_ping(struct process *process)
{
    struct kw_message message = {.verb = "PONG"};
    int64_t away_ms = kw_guests_away_ms(&process->instance.guests);
    int error = kw_buf_format(&message.header, "{\"away_ms\":%lld}", (long long)away_ms);
    if (!error)
        error = kw_pipe_put(process->pipe, &message);
    kw_message_clear(&message);
    process->asked = error == -EAGAIN;
    return process->asked ? 0 : error;
}

static void add_credit(struct kw_instance *instance, int64_t more)
{
    pthread_mutex_lock(&instance->lock);
    instance->credit += (uint64_t)more;
    pthread_cond_broadcast(&instance->changed);
    pthread_mutex_unlock(&instance->lock);
}

/* DURABLE or FAILED. True: a pulled document was not kept, so that this process must begin again from the saved cursor. */
static bool settle(struct kw_instance *instance, uint64_t token, bool kept)
{
    bool again = false;
    pthread_mutex_lock(&instance->lock);
    struct kw_pending **link = &instance->pending;
    while (*link && (*link)->token != token)
        link = &(*link)->next;
    struct kw_pending *found = *link;
    if (found) {
        *link = found->next;
        again = !kept && !found->call;
        instance->durable += kept;
        instance->failed += !kept;
        if (found->call) {
            found->call->waiting--;
            found->call->failed = found->call->failed || !kept;
            again = false;
        }
        kw_free(found);
        pthread_cond_broadcast(&instance->changed);
    }
    pthread_mutex_unlock(&instance->lock);
    return again;
}

static int take_message(struct process *process, const struct kw_message *message)
{
    struct kw_json *header = NULL;
    struct kw_fault fault = {0};
    int64_t number = 0;
    if (!strcmp(message->verb, "STOP")) {
        process->stop = true;
        return 0;
    }
    if (!strcmp(message->verb, "PING")) {
        process->asked = true;
        return 0;
    }
    if (!strcmp(message->verb, "STATUS"))
        return put_status(process, "STATUS");
    int error = kw_json_parse(kw_view_of(&message->header), &header, &fault);
    bool credit = !strcmp(message->verb, "CREDIT"), kept = !strcmp(message->verb, "DURABLE");
    if (!error && !credit && !kept && strcmp(message->verb, "FAILED") != 0)
        error = -EBADMSG;
    if (!error)
        error = kw_json_get_integer(header, credit ? "n" : "token", 0, INT64_MAX, &number, &fault);
    kw_json_free(header);
    if (!error && credit)
        add_credit(&process->instance, number);
    else if (!error && settle(&process->instance, (uint64_t)number, kept))
        error = kw_fail(&process->instance.fault, -EIO, KW_E_UNAVAILABLE, process->instance.name, "a pulled document was not kept");
    return error;
}

/* Moves what the plugin's threads have queued to the pipe. */
static int move_outgoing(struct process *process)
{
    struct kw_instance *instance = &process->instance;
    int error = 0;
    pthread_mutex_lock(&instance->lock);
    struct kw_outgoing *outgoing;
    while ((outgoing = instance->outgoing) && !(error = kw_pipe_put(process->pipe, &outgoing->message))) {
        instance->outgoing = outgoing->next;
        if (!instance->outgoing)
            instance->outgoing_end = &instance->outgoing;
        kw_message_clear(&outgoing->message);
        kw_free(outgoing);
    }
    pthread_mutex_unlock(&instance->lock);
    return error == -EAGAIN ? 0 : error;
}

static int serve(struct process *process)
{
    struct kw_instance *instance = &process->instance;
    struct kw_message message = {0};
    int error = 0;
    while (!error && !process->stop) {
        struct kw_poll items[] = {{.fd = process->fd, .want_write = kw_pipe_queued(process->pipe) > 0}, {.fd = instance->wake}};
        error = kw_poll(items, KW_COUNT(items), -1);
        error = error == -EINTR ? 0 : error;
        uint64_t count;
        if (!error && items[1].readable && read(instance->wake, &count, sizeof count) < 0)
            error = errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (!error)
            error = kw_pipe_flush(process->pipe);
        error = error == -EAGAIN ? 0 : error;
        while (!error && !process->stop && !(error = kw_pipe_get(process->pipe, &message)))
            error = take_message(process, &message);
        error = error == -EAGAIN ? 0 : error;
        if (!error && process->asked)
            error = answer_ping(process);
        if (!error)
            error = move_outgoing(process);
        pthread_mutex_lock(&instance->lock);
        bool ended = instance->ended && !instance->outgoing;
        pthread_mutex_unlock(&instance->lock);
        if (!error && ended && !process->stop)
            error = -ESHUTDOWN;
    }
    kw_message_clear(&message);
    return error;
}

/* ---- life ---------------------------------------------------------------------------------------- */

static int take_secret_values(struct kw_instance *instance, const struct kw_json *names, struct kw_view *rest)
{
    int error = 0;
    for (size_t i = 0; i < kw_json_count(names) && !error; i++) {
        struct kw_secret_value *secret = &instance->secrets[instance->secret_count];
        struct kw_view name = kw_json_text_of(kw_json_at(names, i)), value;
        if (instance->secret_count == KW_COUNT(instance->secrets))
            return -E2BIG;
        snprintf(secret->name, sizeof secret->name, "%.*s", (int)name.size, (const char *)name.data);
        error = kw_take_item(rest, &value);
        if (!error)
            error = kw_buf_append(&secret->value, value.data, value.size);
        instance->secret_count += !error;
    }
    return error;
}

static int take_start(struct process *process, const struct kw_message *message, struct kw_fault *fault)
{
    struct kw_instance *instance = &process->instance;
    struct kw_json *header = NULL;
    struct kw_view rest = kw_view_of(&message->payload), cursor, name;
    if (strcmp(message->verb, "START") != 0)
        return kw_fail(fault, -EBADMSG, KW_E_VERB, "pipe", "wanted START first");
    int error = kw_json_parse(kw_view_of(&message->header), &header, fault);
    if (!error)
        error = kw_json_get_text(header, "name", sizeof instance->name - 1, &name, fault);
    if (!error)
        snprintf(instance->name, sizeof instance->name, "%.*s", (int)name.size, (const char *)name.data);
    const struct kw_json *secrets = kw_json_member(header, "secrets");
    if (!error)
        error =
            kw_settings_fill(&instance->plugin->descriptor, kw_json_member(header, "options"), secrets, &instance->settings, fault);
    if (!error && (error = kw_take_item(&rest, &cursor)))
        kw_fail(fault, error, KW_E_FRAMES, "cursor", "missing");
    if (!error)
        error = kw_buf_append(&instance->cursor, cursor.data, cursor.size);
    if (!error && (error = take_secret_values(instance, secrets, &rest)))
        kw_fail(fault, error, KW_E_FRAMES, "secrets", "fewer values than names, or too many");
    kw_json_free(header);
    return error;
}

/* Everything up to the plugin's own first step; from here on the process is locked in. */
static int begin(struct process *process, struct kw_fault *fault)
{
    struct kw_instance *instance = &process->instance;
    struct kw_message message = {0};
    const void *operations = NULL;
    int error = kw_pipe_receive(process->fd, &message, 30000);
    error = error ? kw_fail(fault, error, KW_E_CHILD, "pipe", "no START") : take_start(process, &message, fault);
    kw_buf_wipe(&message.payload);
    kw_message_clear(&message);
    if (!error)
        error = kw_outputs_open(instance, fault);
    if (!error)
        error = kw_exchange_open(instance, fault);
    if (!error)
        error = kw_sandbox_enter(KW_SANDBOX_NETWORK, &limits, fault);
    if (!error && (error = kw_plugin_operations(instance->plugin, sizeof *instance->operations, &operations)))
        kw_fail(fault, error, KW_E_PLUGIN, instance->name, "its operations are of another size");
    if (error)
        return error;
    instance->operations = operations;
    kw_services_fill(instance);
    kinward_verdict verdict = instance->plugin->descriptor.create(&instance->host, instance->settings.memory, &instance->self);
    if (verdict != KINWARD_OK)
        return kw_fail(fault, -EIO, KW_E_PLUGIN, instance->name, "%s",
                       instance->fault.message[0] ? instance->fault.message : "it could not be created");
    error = -pthread_create(&process->thread, NULL, pull, instance);
    process->thread_runs = !error;
    return error ? kw_fail(fault, error, KW_E_INTERNAL, instance->name, "no thread") : 0;
}

static void end(struct process *process)
{
    struct kw_instance *instance = &process->instance;
    pthread_mutex_lock(&instance->lock);
    instance->stopping = true;
    pthread_cond_broadcast(&instance->changed);
    pthread_mutex_unlock(&instance->lock);
    kw_exchange_cancel(instance);
    if (process->thread_runs && instance->operations->cancel)
        instance->operations->cancel(instance->self);
    if (process->thread_runs)
        pthread_join(process->thread, NULL);
    kw_http_server_stop(instance->server); /* before the instance that its handlers use */
    instance->server = NULL;
    if (instance->self && instance->plugin->descriptor.destroy)
        instance->plugin->descriptor.destroy(instance->self);
    kw_exchange_close(instance);
}

static int run(struct process *process, struct kw_fault *fault)
{
    struct kw_instance *instance = &process->instance;
    int error = begin(process, fault);
    if (!error)
        error = put_status(process, "READY");
    if (!error)
        error = serve(process);
    if (error && !fault->message[0]) {
        pthread_mutex_lock(&instance->lock);
        *fault = instance->fault;
        pthread_mutex_unlock(&instance->lock);
        if (!fault->message[0])
            kw_fail(fault, error, KW_E_CHILD, instance->name, "%s", strerror(-error));
    }
    return error;
}

static int parse_arguments(int argc, char **argv, const char **ret_file, struct kw_plugin_policy *ret_policy)
{
    *ret_policy = (struct kw_plugin_policy){.kind = KINWARD_CONNECTOR};
    *ret_file = argc > 1 ? argv[1] : NULL;
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--dev"))
            ret_policy->dev = true;
        else if (!strcmp(argv[i], "--trust") && i + 1 < argc)
            ret_policy->trust_file = argv[++i];
        else if (!strcmp(argv[i], "--seen") && i + 1 < argc)
            ret_policy->seen_file = argv[++i];
        else
            return -EINVAL;
    }
    return *ret_file ? 0 : -EINVAL;
}

int kw_connector_child_main(int fd, int argc, char **argv)
{
    static struct process process; /* one a program */
    struct kw_instance *instance = &process.instance;
    struct kw_plugin_policy policy;
    struct kw_fault fault = {0};
    const char *file;
    process.fd = fd;
    pthread_mutex_init(&instance->lock, NULL);
    pthread_cond_init(&instance->changed, NULL);
    pthread_mutex_init(&instance->guests.lock, NULL);
    instance->outgoing_end = &instance->outgoing;
    instance->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (instance->wake < 0 || kw_crypto_init() < 0 || kw_pipe_new(fd, &process.pipe) < 0)
        return 1;
    int error = parse_arguments(argc, argv, &file, &policy);
    error = error ? kw_fail(&fault, error, KW_E_USAGE, "connector", "FILE [--trust FILE] [--seen FILE] [--dev]")
                  : kw_plugin_load(file, &policy, &instance->plugin, &fault);
    if (!error)
        error = run(&process, &fault);
    bool gone = error == -EPIPE;
    if (error && !gone)
        (void)answer_fault(&process, &fault);
    end(&process);
    for (int i = 0; i < 50 && !gone && kw_pipe_flush(process.pipe) == -EAGAIN; i++)
        usleep(10000);
    return error && !gone ? 1 : 0;
}
