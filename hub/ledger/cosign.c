/* SPDX-License-Identifier: Apache-2.0 */
/* cosign.c - asks witnesses over HTTP (C2SP tlog-witness), each from a thread of its own, so that a slow one holds up nobody. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "http/http.h"
#include "ledger/internal.h"

#define WITNESSES_MAX 64
#define CONNECT_MS    2000
#define TOTAL_MS      5000

struct worker {
    struct kw_cosigner *cosigner;
    const struct kw_policy_key *witness;
    struct kw_http_client *http;
    pthread_t thread;
    bool running, idle;
    uint64_t asked;     /* number of the round it is to work on, or worked on last */
    struct kw_buf line; /* of the current round; empty: none (yet) */
    struct kw_witness_state seen;
};
struct kw_cosigner {
    const struct kw_policy *policy;
    char origin[256], folder[1024];
    int grace_ms;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    uint64_t round;
    struct kw_buf note; /* of the round */
    struct worker workers[WITNESSES_MAX];
    size_t count;
};

/* ---- one question ------------------------------------------------------------------- */

static int compose(const struct kw_cosigner *cosigner, const struct kw_checkpoint *checkpoint, uint64_t old, struct kw_view note,
                   struct kw_buf *out)
{
    struct kw_tile_reader *reader = kw_alloc(sizeof *reader);
    kw_hash path[KW_PATH_MAX];
    size_t count = 0;
    int r = reader ? kw_buf_format(out, "old %llu\n", (unsigned long long)old) : -ENOMEM;

    if (r == 0 && old > 0 && old < checkpoint->size) {
        reader->dir = cosigner->folder;
        reader->size = checkpoint->size;
        r = kw_merkle_consistency(kw_tile_read, reader, old, checkpoint->size, path, &count);
    }
    kw_free(reader);
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = kw_base64(out, path[i], KW_HASH_SIZE);
        if (r == 0)
            r = kw_buf_text(out, "\n");
    }
    if (r == 0)
        r = kw_buf_text(out, "\n");
    return r < 0 ? r : kw_buf_append(out, note.data, note.size);
}

static int post(const struct worker *worker, const struct kw_checkpoint *checkpoint, uint64_t old, struct kw_view note,
                struct kw_http_response *response)
{
    struct kw_buf body = {0}, url = {0};
    struct kw_http_request request = {.method = "POST"};
    int r = compose(worker->cosigner, checkpoint, old, note, &body);

    if (r == 0)
        r = kw_buf_format(&url, "%s/add-checkpoint", worker->witness->url);
    if (r == 0) {
        request.url = (const char *)url.data;
        request.body = kw_view_of(&body);
        r = kw_http_send(worker->http, &request, response, NULL);
    }
    kw_buf_clear(&body);
    kw_buf_clear(&url);
    return r;
}

/* Of the answer's lines the one that is this witness's good cosignature of text. */
static int take_line(const struct worker *worker, struct kw_view text, struct kw_view answer, struct kw_buf *ret_line)
{
    struct kw_buf whole = {0};
    struct kw_note note;
    int r = kw_buf_append(&whole, text.data, text.size);

    if (r == 0)
        r = kw_buf_text(&whole, "\n");
    if (r == 0)
        r = kw_buf_append(&whole, answer.data, answer.size);
    if (r == 0)
        r = kw_note_parse(kw_view_of(&whole), &note, NULL);
    if (r == 0)
        r = kw_note_verify(&note, &worker->witness->vkey, NULL) == 1 ? -ENOENT : -EBADMSG;
    for (size_t i = 0; r == -ENOENT && i < note.count; i++) {
        if (!kw_view_is(note.lines[i].name, worker->witness->vkey.name) ||
            memcmp(note.lines[i].id, worker->witness->vkey.id, 4) != 0)
            continue;
        r = kw_buf_append(ret_line, note.lines[i].line.data, note.lines[i].line.size);
        if (r == 0)
            r = kw_buf_text(ret_line, "\n");
    }
    kw_buf_clear(&whole);
    return r;
}

/* 409 tells the size it has; the proof is made again from there, once. Its state goes to ret_seen. */
static int ask(const struct worker *worker, struct kw_view note_bytes, struct kw_buf *ret_line, struct kw_witness_state *ret_seen)
{
    struct kw_http_response response = {0};
    struct kw_checkpoint checkpoint;
    struct kw_view size_line, rest;
    struct kw_note note;
    uint64_t size = 0;
    int r = kw_note_parse(note_bytes, &note, NULL);

    if (r == 0)
        r = kw_checkpoint_parse(note.text, &checkpoint, NULL);
    if (r == 0)
        r = post(worker, &checkpoint, ret_seen->size <= checkpoint.size ? ret_seen->size : 0, note_bytes, &response);
    rest = kw_view_of(&response.body);
    if (r == 0 && response.status == 409 && kw_line(&rest, &size_line) == 0 && kw_decimal(size_line, &size) == 0) {
        ret_seen->size = size;
        r = size > checkpoint.size ? -EOVERFLOW : post(worker, &checkpoint, size, note_bytes, &response);
    }
    if (r == 0)
        r = response.status == 200 ? take_line(worker, note.text, kw_view_of(&response.body), ret_line) : -EBADMSG;
    ret_seen->state = r == 0            ? KW_WITNESS_GOOD
                      : r == -EOVERFLOW ? KW_WITNESS_AHEAD
                      : r == -EBADMSG   ? KW_WITNESS_REFUSED
                                        : KW_WITNESS_UNREACHABLE;
    if (r == 0)
        ret_seen->size = checkpoint.size;
    kw_http_response_clear(&response);
    return r;
}

/* ---- threads -------------------------------------------------------------------------- */

static void note_state(struct worker *worker, const struct kw_witness_state *seen)
{
    if (worker->seen.state != seen->state)
        worker->seen.since_ms = kw_clock_monotonic_ms();
    worker->seen.state = seen->state;
    worker->seen.size = seen->size;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct kw_cosigner *cosigner = worker->cosigner;

    pthread_mutex_lock(&cosigner->lock);
    while (!cosigner->stopping) {
        struct kw_witness_state seen = worker->seen;
        struct kw_buf note = {0}, line = {0};
        int r;

        if (worker->asked == cosigner->round) {
            worker->idle = true;
            pthread_cond_wait(&cosigner->changed, &cosigner->lock);
            continue;
        }
        worker->asked = cosigner->round;
        worker->idle = false;
        r = kw_buf_append(&note, cosigner->note.data, cosigner->note.size);
        pthread_mutex_unlock(&cosigner->lock);
        if (r == 0)
            r = ask(worker, kw_view_of(&note), &line, &seen);
        pthread_mutex_lock(&cosigner->lock);
        note_state(worker, &seen);
        worker->line.size = 0;
        if (r == 0 && worker->asked == cosigner->round)
            (void)!kw_buf_append(&worker->line, line.data, line.size); /* without memory: as if it had not answered */
        worker->idle = true;
        kw_buf_clear(&note);
        kw_buf_clear(&line);
        pthread_cond_broadcast(&cosigner->changed);
    }
    pthread_mutex_unlock(&cosigner->lock);
    return NULL;
}

/* "https://host:8443/prefix" → "host:8443" */
static int host_of(const char *url, char *ret_host, size_t size)
{
    const char *start = strstr(url, "://");
    size_t length = start ? strcspn(start + 3, "/") : 0;

    if (length == 0 || length >= size)
        return -EINVAL;
    memcpy(ret_host, start + 3, length);
    ret_host[length] = 0;
    return 0;
}

static int start_worker(struct kw_cosigner *cosigner, const struct kw_policy_key *witness, struct kw_fault *fault)
{
    struct worker *worker = &cosigner->workers[cosigner->count];
    char host[256];
    const char *const hosts[] = {host, NULL};
    struct kw_http_options options = {.hosts = hosts, .connect_ms = CONNECT_MS, .total_ms = TOTAL_MS, .body_limit = KW_LIMIT_NOTE};
    int r;

    if (host_of(witness->url, host, sizeof host) < 0)
        return kw_fail(fault, -EINVAL, KW_E_CONFIG, witness->name, "its address is no URL");
    options.plain = strncmp(witness->url, "http://", 7) == 0;
    *worker = (struct worker){.cosigner = cosigner, .witness = witness, .idle = true, .seen = {.name = witness->name}};
    r = kw_http_client_new(&options, &worker->http, fault);
    if (r < 0)
        return r;
    cosigner->count++;
    r = -pthread_create(&worker->thread, NULL, work, worker);
    if (r < 0)
        return kw_fail(fault, r, KW_E_INTERNAL, witness->name, "no thread");
    worker->running = true;
    return 0;
}

int kw_cosigner_new(const struct kw_policy *policy, const char *origin, const char *folder, int grace_ms,
                    struct kw_cosigner **ret_cosigner, struct kw_fault *fault)
{
    struct kw_cosigner *cosigner = kw_alloc(sizeof *cosigner);
    const struct kw_policy_key *witness;
    pthread_condattr_t attributes;
    int r = 0;

    if (!cosigner)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "cosigner", "no memory");
    pthread_mutex_init(&cosigner->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&cosigner->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    cosigner->policy = policy;
    cosigner->grace_ms = grace_ms;
    if (snprintf(cosigner->folder, sizeof cosigner->folder, "%s", folder) >= (int)sizeof cosigner->folder ||
        snprintf(cosigner->origin, sizeof cosigner->origin, "%s", origin) >= (int)sizeof cosigner->origin)
        r = kw_fail(fault, -ENAMETOOLONG, KW_E_CONFIG, "cosigner", "folder or origin is too long");
    for (size_t i = 0; r == 0 && (witness = kw_policy_witness(policy, i)) != NULL; i++) {
        if (witness->url)
            r = start_worker(cosigner, witness, fault);
    }
    if (r < 0) {
        kw_cosigner_free(cosigner);
        return r;
    }
    *ret_cosigner = cosigner;
    return 0;
}

void kw_cosigner_free(struct kw_cosigner *cosigner)
{
    if (!cosigner)
        return;
    pthread_mutex_lock(&cosigner->lock);
    cosigner->stopping = true;
    pthread_cond_broadcast(&cosigner->changed);
    pthread_mutex_unlock(&cosigner->lock);
    for (size_t i = 0; i < cosigner->count; i++) {
        kw_http_cancel(cosigner->workers[i].http);
        if (cosigner->workers[i].running)
            pthread_join(cosigner->workers[i].thread, NULL);
        kw_http_client_free(cosigner->workers[i].http);
        kw_buf_clear(&cosigner->workers[i].line);
    }
    kw_buf_clear(&cosigner->note);
    pthread_cond_destroy(&cosigner->changed);
    pthread_mutex_destroy(&cosigner->lock);
    kw_free(cosigner);
}

/* ---- a round ---------------------------------------------------------------------------- */

/* The note with the lines that came so far; 0 when the quorum is there, -EAGAIN when not. */
static int collect(struct kw_cosigner *cosigner, struct kw_buf *note, bool *ret_all, struct kw_fault *fault)
{
    struct kw_checkpoint checkpoint;
    int r;

    note->size = 0;
    *ret_all = true;
    r = kw_buf_append(note, cosigner->note.data, cosigner->note.size);
    for (size_t i = 0; r == 0 && i < cosigner->count; i++) {
        struct worker *worker = &cosigner->workers[i];

        *ret_all &= worker->idle && worker->asked == cosigner->round;
        r = kw_buf_append(note, worker->line.data, worker->line.size);
    }
    return r < 0 ? r : kw_policy_check(cosigner->policy, kw_view_of(note), true, &checkpoint, fault);
}

static void wait_until(struct kw_cosigner *cosigner, int64_t until_ms)
{
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};

    pthread_cond_timedwait(&cosigner->changed, &cosigner->lock, &until);
}

int kw_cosigner_run(struct kw_cosigner *cosigner, struct kw_view note, int timeout_ms, struct kw_buf *ret_note,
                    struct kw_fault *fault)
{
    int64_t now = kw_clock_monotonic_ms(), until = now + timeout_ms;
    bool all = false, met = false;
    int r;

    pthread_mutex_lock(&cosigner->lock);
    cosigner->note.size = 0;
    r = kw_buf_append(&cosigner->note, note.data, note.size);
    cosigner->round++;
    for (size_t i = 0; i < cosigner->count; i++)
        cosigner->workers[i].line.size = 0;
    pthread_cond_broadcast(&cosigner->changed);
    while (r == 0) {
        r = collect(cosigner, ret_note, &all, fault);
        now = kw_clock_monotonic_ms();
        if (r == 0 && !met) {
            met = true;
            until = now + cosigner->grace_ms < until ? now + cosigner->grace_ms : until;
        }
        if ((r < 0 && r != -EAGAIN) || all || now >= until)
            break;
        wait_until(cosigner, until);
        r = 0;
    }
    pthread_mutex_unlock(&cosigner->lock);
    return r;
}

bool kw_cosigner_witness(struct kw_cosigner *cosigner, size_t index, struct kw_witness_state *ret_state)
{
    if (index >= cosigner->count)
        return false;
    pthread_mutex_lock(&cosigner->lock);
    *ret_state = cosigner->workers[index].seen;
    pthread_mutex_unlock(&cosigner->lock);
    return true;
}

/* ---- the guard ---------------------------------------------------------------------------- */

/* 1 and the checkpoint that this witness cosigned last; 0 when it never did; negative when it cannot be asked. */
static int fetch_head(const struct worker *worker, struct kw_checkpoint *ret_checkpoint, struct kw_fault *fault)
{
    struct kw_http_response response = {0};
    struct kw_http_request request = {.method = "GET"};
    char hex[2 * KW_HASH_SIZE + 1];
    struct kw_buf url = {0};
    struct kw_note note;
    kw_hash hash;
    int r;

    kw_sha256_of(worker->cosigner->origin, strlen(worker->cosigner->origin), hash);
    kw_hex(hex, hash, sizeof hash);
    r = kw_buf_format(&url, "%s/%s/checkpoint", worker->witness->url, hex);
    request.url = (const char *)url.data;
    if (r == 0)
        r = kw_http_send(worker->http, &request, &response, fault);
    if (r == 0 && response.status == 200) {
        r = kw_note_parse(kw_view_of(&response.body), &note, fault);
        if (r == 0)
            r = kw_checkpoint_parse(note.text, ret_checkpoint, fault);
        if (r == 0) /* its cosignature counts; a stranger in between cannot stop the log with a made-up head */
            r = kw_note_verify(&note, &worker->witness->vkey, NULL) == 1 &&
                        kw_view_is(ret_checkpoint->origin, worker->cosigner->origin)
                    ? 1
                    : -EBADMSG;
        ret_checkpoint->origin = (struct kw_view){0};
    } else if (r == 0) {
        r = response.status == 404 ? 0 : -EIO;
    }
    kw_http_response_clear(&response);
    kw_buf_clear(&url);
    return r;
}

int kw_cosigner_guard(struct kw_cosigner *cosigner, uint64_t size, const kw_hash root, unsigned *ret_answers,
                      struct kw_fault *fault)
{
    unsigned answers = 0;

    for (size_t i = 0; i < cosigner->count; i++) {
        const struct worker *worker = &cosigner->workers[i];
        struct kw_checkpoint head;
        int r = fetch_head(worker, &head, NULL);

        if (r < 0)
            continue;
        answers++;
        if (r == 1 && head.size > size)
            return kw_fail(fault, -EBADMSG, KW_E_FORK, worker->witness->name,
                           "saw this log at size %llu; here it ends at %llu: a restored copy must not sign",
                           (unsigned long long)head.size, (unsigned long long)size);
        if (r == 1 && head.size == size && memcmp(head.root, root, KW_HASH_SIZE) != 0)
            return kw_fail(fault, -EBADMSG, KW_E_FORK, worker->witness->name, "saw another root at size %llu",
                           (unsigned long long)size);
    }
    *ret_answers = answers;
    return 0;
}
