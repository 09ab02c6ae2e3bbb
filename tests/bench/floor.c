/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c - what the libraries alone take for the same records: CURVE receive, one-pass validation, hash, encryption, SQLite.
 *
 * usage: bench-floor FOLDER COUNT BATCH GROUP
 *
 * One loop, one thread, beside ZeroMQ's own and the sender's: messages of BATCH records come over CURVE on loopback; each record
 * is validated (with canonical bytes and image), hashed, encrypted and inserted into the journal's two tables; a commit after
 * GROUP records. No signatures, no receipts, no match keys, no rules, no ledger. Then the disk: fdatasync of 4 KiB appended.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bare.h"
#include "base/limits.h"
#include "bus/bus.h"
#include "crypto/crypto.h"
#include "record/record.h"
#include "records.h"

#define FOUND 8 /* match keys of a record, about */

struct sender {
    struct kw_bus *bus;
    struct kw_curve key;
    const char *endpoint;
    const uint8_t *server;
    const struct bench_records *records;
    struct kw_message *messages;
    uint64_t count, batch;
    size_t message_count;
};

static void make_messages(struct sender *sender)
{
    sender->message_count = (sender->count + sender->batch - 1) / sender->batch;
    sender->messages = kw_alloc(sender->message_count * sizeof *sender->messages);
    bench_need(sender->messages ? 0 : -ENOMEM, "memory", NULL);
    for (uint64_t number = 0; number < sender->count; number++) {
        KW_AUTO(kw_buf_clear) struct kw_buf record = {0};
        struct kw_message *message = &sender->messages[number / sender->batch];
        strcpy(message->verb, "SUBMIT");
        bench_record_of(sender->records, number, &record);
        bench_need(kw_put_item(&message->payload, record.data, record.size), "memory", NULL);
    }
}

static void *send_all(void *argument)
{
    struct sender *sender = argument;
    struct kw_socket *dealer = NULL;
    struct kw_fault fault = {0};
    bench_need(kw_dealer_connect(sender->bus, sender->endpoint, &sender->key, sender->server, &dealer, &fault), "sender", &fault);
    for (size_t i = 0; i < sender->message_count; i++) {
        while (kw_send(dealer, &sender->messages[i]) == -EAGAIN) {
            struct kw_poll item = {.socket = dealer, .want_write = true};
            bench_need(kw_poll(&item, 1, 1000), "poll", NULL);
        }
    }
    kw_socket_close(dealer); /* what is queued leaves within the linger time; the receiver counts */
    return NULL;
}

struct floor {
    struct kw_validator *validator;
    struct bare bare;
    struct kw_buf canonical, image, plain, sealed, wrapped;
    uint8_t vault[KW_KEY_SIZE], packed[82 + 8 * FOUND];
    uint64_t done, group;
};

static void take_record(struct floor *floor, struct kw_view record)
{
    struct kw_fault fault = {0};
    bool is_canonical = false;
    uint8_t digest[KW_HASH_SIZE];
    floor->canonical.size = floor->image.size = floor->plain.size = floor->sealed.size = floor->wrapped.size = 0;
    bench_need(kw_validate(floor->validator, record, NULL, &floor->image, &is_canonical, &fault), "validate", &fault);
    bench_need(is_canonical ? 0 : -EBADMSG, "canonical", NULL);
    kw_sha256_of(record.data, record.size, digest);
    bench_need(kw_put_item(&floor->plain, record.data, record.size), "memory", NULL);
    bench_need(kw_put_item(&floor->plain, floor->image.data, floor->image.size), "memory", NULL);
    bench_need(
        kw_encrypt(floor->vault, (struct kw_view){digest, sizeof digest}, (struct kw_view){digest, sizeof digest}, &floor->wrapped),
        "encrypt", NULL);
    bench_need(kw_encrypt(floor->vault, (struct kw_view){0}, kw_view_of(&floor->plain), &floor->sealed), "encrypt", NULL);
    if (floor->done % floor->group == 0)
        bare_begin(&floor->bare);
    bare_insert(&floor->bare, ++floor->done,
                &(struct bare_row){.commitment = {digest, sizeof digest},
                                   .wrapped_key = kw_view_of(&floor->wrapped),
                                   .body = kw_view_of(&floor->sealed),
                                   .packed = {floor->packed, sizeof floor->packed}});
    if (floor->done % floor->group == 0)
        bare_commit(&floor->bare);
}

static void receive_all(struct floor *floor, struct kw_socket *router, uint64_t count)
{
    struct kw_message message = {0};
    while (floor->done < count) {
        struct kw_poll item = {.socket = router};
        bench_need(kw_poll(&item, 1, 30000), "poll", NULL);
        bench_need(item.readable ? 0 : -ETIMEDOUT, "records", NULL);
        while (kw_receive(router, &message) == 0) {
            struct kw_view rest = kw_view_of(&message.payload), record;
            while (rest.size && kw_take_item(&rest, &record) == 0)
                take_record(floor, record);
        }
    }
    if (floor->done % floor->group)
        bare_commit(&floor->bare);
    kw_message_clear(&message);
}

static double sync_ms(const char *folder)
{
    enum { TIMES = 200 };
    static const uint8_t block[4096];
    double times[TIMES];
    char path[4096];
    snprintf(path, sizeof path, "%s/sync", folder);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    bench_need(fd < 0 ? -errno : 0, path, NULL);
    for (int i = 0; i < TIMES; i++) {
        double start = bench_now();
        bench_need(write(fd, block, sizeof block) == sizeof block && fdatasync(fd) == 0 ? 0 : -EIO, path, NULL);
        times[i] = 1e3 * (bench_now() - start);
    }
    close(fd);
    unlink(path);
    return bench_quantile(times, TIMES, 0.5);
}

static double run(struct floor *floor, struct sender *sender)
{
    struct kw_zap *zap = NULL;
    struct kw_socket *router = NULL;
    struct kw_curve key = {0};
    struct kw_fault fault = {0};
    pthread_t thread;
    bench_need(kw_bus_new(&sender->bus, &fault), "bus", &fault);
    bench_need(kw_zap_start(sender->bus, &zap, &fault), "zap", &fault);
    bench_need(kw_curve_new(&key), "key", NULL);
    bench_need(kw_curve_new(&sender->key), "key", NULL);
    bench_need(kw_zap_allow(zap, sender->key.public_key, "bench"), "zap", NULL);
    bench_need(kw_router_bind(sender->bus, "tcp://127.0.0.1:0", &key, &router, &fault), "router", &fault);
    sender->endpoint = kw_socket_endpoint(router);
    sender->server = key.public_key;
    make_messages(sender);
    double start = bench_now();
    bench_need(-pthread_create(&thread, NULL, send_all, sender), "thread", NULL);
    receive_all(floor, router, sender->count);
    double seconds = bench_now() - start;
    pthread_join(thread, NULL);
    kw_socket_close(router);
    kw_zap_stop(zap);
    kw_bus_free(sender->bus);
    kw_curve_clear(&key);
    kw_curve_clear(&sender->key);
    kw_free(sender->messages);
    return seconds;
}

int main(int argc, char **argv)
{
    char path[4096];
    struct floor floor = {0};
    struct sender sender = {0};
    if (argc != 5 || (sender.count = strtoull(argv[2], NULL, 10)) == 0 || (sender.batch = strtoull(argv[3], NULL, 10)) == 0 ||
        (floor.group = strtoull(argv[4], NULL, 10)) == 0) {
        fprintf(stderr, "bench-floor: see the head of tests/bench/floor.c\n");
        return 2;
    }
    bench_need(kw_crypto_init(), "crypto", NULL);
    bench_need(kw_validator_new(&floor.validator), "validator", NULL);
    kw_random(floor.vault, sizeof floor.vault);
    struct bench_records *records = bench_records_new(getenv("KINWARD_SOURCE") ? getenv("KINWARD_SOURCE") : ".");
    sender.records = records;
    snprintf(path, sizeof path, "%s/floor.db", argv[1]);
    bare_open(&floor.bare, path);
    double seconds = run(&floor, &sender);
    bare_close(&floor.bare);
    printf("{\"records\":%llu,\"seconds\":%.6f,\"sync_ms\":%.4f}\n", (unsigned long long)sender.count, seconds, sync_ms(argv[1]));
    bench_records_free(records);
    kw_validator_free(floor.validator);
    return 0;
}
