/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c - what the hub's way costs at least: the bare calls of the same libraries for the same records, in one loop.
 *
 * usage: bench-floor FOLDER RECORDS BATCH GROUP      FOLDER is on the disk that counts
 *        bench-floor FOLDER sync                     small append and fdatasync
 *
 * One thread takes batches from a CURVE socket on loopback, and for each record: SHA-256, one-pass validation with the record's
 * image, encryption of the record's key and body, insertion into the journal's two tables; GROUP records a commit, then a word back
 * to the sender. Sender, ZeroMQ's own threads and the copying of the log are beside it, as with the hub. There is nothing of
 * signatures, batches' receipts, duplicates, match keys, detection, alerts or ledger.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "bare.h"
#include "batch.h"
#include "record/record.h"

#define WINDOW 1024 /* records on their way, as the hub's */
#define PACKED 178  /* bytes of the narrow row: 82 and 12 match keys */
#define SYNCS  300

struct keys {
    char server_public[41], server_secret[41], client_public[41], client_secret[41];
};

struct sender {
    pthread_t thread;
    const struct keys *keys;
    char endpoint[128];
    struct kw_message *messages;
    uint32_t *counts;
    size_t count;
};

static void zmq_need(int answer, const char *what)
{
    bench_need(answer < 0 ? -zmq_errno() : 0, what, NULL);
}

/* ---- the other side -------------------------------------------------------------- */

static void *send_all(void *context)
{
    struct sender *sender = context;
    void *zmq = zmq_ctx_new(), *socket = zmq_socket(zmq, ZMQ_DEALER);
    uint32_t under_way = 0, done = 0;
    zmq_need(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, sender->keys->server_public, 41), "curve");
    zmq_need(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, sender->keys->client_public, 41), "curve");
    zmq_need(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, sender->keys->client_secret, 41), "curve");
    zmq_need(zmq_connect(socket, sender->endpoint), "connect");
    for (size_t i = 0; i < sender->count; i++) {
        while (under_way && under_way + sender->counts[i] > WINDOW) {
            zmq_need(zmq_recv(socket, &done, sizeof done, 0), "receive");
            under_way -= done;
        }
        zmq_need(zmq_send(socket, sender->messages[i].header.data, sender->messages[i].header.size, ZMQ_SNDMORE), "send");
        zmq_need(zmq_send(socket, sender->messages[i].payload.data, sender->messages[i].payload.size, 0), "send");
        under_way += sender->counts[i];
    }
    while (under_way) {
        zmq_need(zmq_recv(socket, &done, sizeof done, 0), "receive");
        under_way -= done;
    }
    zmq_close(socket);
    zmq_ctx_term(zmq);
    return NULL;
}

/* ---- one loop ---------------------------------------------------------------------- */

struct floor {
    struct bench_bare bare;
    struct kw_validator *validator;
    struct kw_buf image, wrapped, body, plain;
    uint8_t vault[KW_KEY_SIZE], packed[PACKED];
    uint64_t position;
    uint8_t route[256];
    size_t route_size;
};

static void store_record(struct floor *floor, struct kw_view leaf, struct kw_view record)
{
    uint8_t hash[KW_HASH_SIZE], key[KW_KEY_SIZE];
    const struct kw_view context = {hash, sizeof hash};
    struct kw_fault fault = {0};
    bool canonical = false;
    kw_sha256_of(record.data, record.size, hash);
    bench_need(kw_validate(floor->validator, record, NULL, &floor->image, &canonical, &fault), "validate", &fault);
    bench_need(canonical ? 0 : -EBADMSG, "canonical", NULL);
    floor->wrapped.size = floor->body.size = floor->plain.size = 0;
    kw_random(key, sizeof key);
    bench_need(kw_encrypt(floor->vault, context, (struct kw_view){key, sizeof key}, &floor->wrapped), "encrypt", NULL);
    bench_need(kw_put_item(&floor->plain, record.data, record.size), "memory", NULL);
    bench_need(kw_put_item(&floor->plain, floor->image.data, floor->image.size), "memory", NULL);
    bench_need(kw_put_item(&floor->plain, leaf.data, leaf.size), "memory", NULL);
    bench_need(kw_encrypt(key, context, kw_view_of(&floor->plain), &floor->body), "encrypt", NULL);
    const struct bench_row row = {context, kw_view_of(&floor->wrapped), kw_view_of(&floor->body), {floor->packed, PACKED}};
    bench_bare_insert(&floor->bare, ++floor->position, &row);
}

/* Records of one message; 0 when none has come and wait is false. */
static uint32_t take_message(struct floor *floor, void *socket, bool wait)
{
    zmq_msg_t header, payload;
    int size = zmq_recv(socket, floor->route, sizeof floor->route, wait ? 0 : ZMQ_DONTWAIT);
    if (size < 0 && zmq_errno() == EAGAIN)
        return 0;
    zmq_need(size, "receive");
    floor->route_size = (size_t)size;
    zmq_msg_init(&header);
    zmq_msg_init(&payload);
    zmq_need(zmq_msg_recv(&header, socket, 0), "receive");
    zmq_need(zmq_msg_recv(&payload, socket, 0), "receive");
    struct kw_view rest = {zmq_msg_data(&payload), zmq_msg_size(&payload)}, leaf, record;
    uint32_t count = 0;
    for (; rest.size; count++) {
        bench_need(kw_take_item(&rest, &leaf), "item", NULL);
        bench_need(kw_take_item(&rest, &record), "item", NULL);
        store_record(floor, leaf, record);
    }
    zmq_msg_close(&header);
    zmq_msg_close(&payload);
    return count;
}

static uint64_t run(struct floor *floor, void *socket, uint64_t records, uint32_t group)
{
    uint64_t done = 0, commits = 0;
    while (done < records) {
        uint32_t taken = 0, more = 1;
        bench_bare_begin(&floor->bare);
        while (taken < group && more) {
            more = take_message(floor, socket, taken == 0);
            taken += more;
        }
        bench_bare_commit(&floor->bare);
        commits++;
        done += taken;
        zmq_need(zmq_send(socket, floor->route, floor->route_size, ZMQ_SNDMORE), "send");
        zmq_need(zmq_send(socket, &taken, sizeof taken, 0), "send");
    }
    return commits;
}

static double cpu_of(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void make_messages(struct sender *sender, uint64_t records, uint32_t batch)
{
    struct bench_records *templates = bench_records_new(getenv("KINWARD_SOURCE") ? getenv("KINWARD_SOURCE") : ".");
    struct kw_sign_key *key = NULL;
    bench_need(kw_sign_key_new(&key), "key", NULL);
    const struct bench_sender identity = {"ke-civil", "KE", key};
    sender->count = (records + batch - 1) / batch;
    sender->messages = kw_alloc(sender->count * sizeof *sender->messages);
    sender->counts = kw_alloc(sender->count * sizeof *sender->counts);
    bench_need(sender->messages && sender->counts ? 0 : -ENOMEM, "memory", NULL);
    for (size_t i = 0; i < sender->count; i++) {
        struct bench_batch made = {0};
        uint64_t left = records - i * batch;
        sender->counts[i] = (uint32_t)(left < batch ? left : batch);
        bench_batch_fill(&made, templates, i * batch, sender->counts[i]);
        bench_batch_sign(&made, &identity, "SUBMIT", false, i, &sender->messages[i]);
    }
    kw_sign_key_free(key);
    bench_records_free(templates);
}

static void measure(const char *folder, uint64_t records, uint32_t batch, uint32_t group)
{
    struct keys keys;
    struct sender sender = {.keys = &keys};
    struct floor floor = {.position = 0};
    char path[4096];
    int yes = 1;
    size_t size = sizeof sender.endpoint;
    zmq_need(zmq_curve_keypair(keys.server_public, keys.server_secret), "keys");
    zmq_need(zmq_curve_keypair(keys.client_public, keys.client_secret), "keys");
    void *zmq = zmq_ctx_new(), *socket = zmq_socket(zmq, ZMQ_ROUTER);
    zmq_need(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes), "curve");
    zmq_need(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys.server_secret, 41), "curve");
    zmq_need(zmq_bind(socket, "tcp://127.0.0.1:*"), "bind");
    zmq_need(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, sender.endpoint, &size), "endpoint");
    make_messages(&sender, records, batch);
    snprintf(path, sizeof path, "%s/floor.db", folder);
    bench_bare_open(&floor.bare, path);
    bench_need(kw_validator_new(&floor.validator), "validator", NULL);
    kw_random(floor.packed, sizeof floor.packed);
    double start = bench_now(), cpu = cpu_of(CLOCK_THREAD_CPUTIME_ID), all = cpu_of(CLOCK_PROCESS_CPUTIME_ID);
    bench_need(-pthread_create(&sender.thread, NULL, send_all, &sender), "thread", NULL);
    uint64_t commits = run(&floor, socket, records, group);
    double seconds = bench_now() - start;
    cpu = cpu_of(CLOCK_THREAD_CPUTIME_ID) - cpu;
    all = cpu_of(CLOCK_PROCESS_CPUTIME_ID) - all;
    pthread_join(sender.thread, NULL);
    printf("{\"records\":%llu,\"seconds\":%.6f,\"cpu_us\":%.2f,\"all_cpu_us\":%.2f,\"commits\":%llu}\n",
           (unsigned long long)records, seconds, 1e6 * cpu / (double)records, 1e6 * all / (double)records,
           (unsigned long long)commits);
    zmq_close(socket);
    zmq_ctx_term(zmq);
    bench_bare_close(&floor.bare);
    unlink(path);
}

static void measure_sync(const char *folder)
{
    char path[4096];
    static uint8_t bytes[4096];
    double each[SYNCS];
    snprintf(path, sizeof path, "%s/sync", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    bench_need(fd < 0 ? -errno : 0, path, NULL);
    for (int i = 0; i < SYNCS; i++) {
        double start = bench_now();
        bench_need(write(fd, bytes, sizeof bytes) < 0 || fdatasync(fd) < 0 ? -errno : 0, path, NULL);
        each[i] = 1e3 * (bench_now() - start);
    }
    double p50 = bench_quantile(each, SYNCS, 0.5), p99 = bench_quantile(each, SYNCS, 0.99);
    printf("{\"syncs\":%d,\"p50_ms\":%.4f,\"p99_ms\":%.4f}\n", SYNCS, p50, p99);
    close(fd);
    unlink(path);
}

int main(int argc, char **argv)
{
    if (argc != 5 && !(argc == 3 && strcmp(argv[2], "sync") == 0)) {
        fprintf(stderr, "usage: bench-floor FOLDER RECORDS BATCH GROUP | FOLDER sync\n");
        return 2;
    }
    bench_need(kw_crypto_init(), "crypto", NULL);
    if (argc == 3)
        measure_sync(argv[1]);
    else
        measure(argv[1], strtoull(argv[2], NULL, 10), (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]));
    return 0;
}
