/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - load on a running hub: records in batches with a full window, or checks one after the other.
 *
 * usage: bench-load --config agent.xml --from N --count N --batch N [--window N] [--chunk N] [--backfill]
 *                   [--agency FOLDER --feed ENDPOINT] submit
 *        bench-load --config agent.xml --from N --count N [--seconds N] [--pause MS] [--missing N] check
 *
 * Batches are made and signed before the clock of their chunk runs, receipts and answers are verified after it stops: both are
 * other machines' work. What is measured: CURVE both ways, the hub, its disk. A line of JSON for each chunk. SIGTERM: nothing new
 * is sent, what is under way is awaited.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"

struct options {
    const char *config, *agency, *feed;
    uint64_t from, count, batch, window, chunk, pause_ms, missing;
    double seconds;
    bool backfill;
};

struct sent { /* one message and its answer */
    struct kw_message message, answer;
    double at, latency;
    uint32_t count;
};

static volatile sig_atomic_t stopped;

static void on_term(int signal)
{
    (void)signal;
    stopped = 1;
}

/* ---- a chunk of batches ----------------------------------------------------------- */

struct chunk {
    struct sent *list;
    size_t count, next, done;
    uint64_t records, bytes, accepted;
    uint32_t under_way;
};

static void make_chunk(struct chunk *chunk, struct bench_line *line, const struct bench_records *records,
                       const struct options *options, uint64_t from, uint64_t count)
{
    *chunk = (struct chunk){.count = (count + options->batch - 1) / options->batch, .records = count};
    chunk->list = kw_alloc(chunk->count * sizeof *chunk->list);
    bench_need(chunk->list ? 0 : -ENOMEM, "memory", NULL);
    for (size_t i = 0; i < chunk->count; i++) {
        struct bench_batch batch = {0};
        uint64_t left = count - i * options->batch;
        chunk->list[i].count = (uint32_t)(left < options->batch ? left : options->batch);
        bench_batch_fill(&batch, records, from + i * options->batch, chunk->list[i].count);
        chunk->bytes += batch.bytes;
        bench_batch_sign(&batch, &line->sender, "SUBMIT", options->backfill, i, &chunk->list[i].message);
    }
}

static void send_some(struct chunk *chunk, struct bench_line *line, uint32_t window)
{
    while (!stopped && chunk->next < chunk->count) {
        struct sent *sent = &chunk->list[chunk->next];
        if (chunk->under_way && chunk->under_way + sent->count > window)
            return;
        sent->at = bench_now();
        int r = kw_send(line->intake, &sent->message);
        if (r == -EAGAIN)
            return;
        bench_need(r, "send", NULL);
        chunk->under_way += sent->count;
        chunk->next++;
    }
}

static void receive_some(struct chunk *chunk, struct bench_line *line)
{
    struct kw_message answer = {0};
    while (kw_receive(line->intake, &answer) == 0) {
        double now = bench_now();
        uint64_t number = kw_request_number(&answer);
        if (strcmp(answer.verb, "RECEIPT") != 0 || number >= chunk->next) {
            fprintf(stderr, "bench: %s: %.*s\n", answer.verb, (int)answer.header.size, (const char *)answer.header.data);
            bench_need(-EPROTO, "receipt", NULL);
        }
        struct sent *sent = &chunk->list[number];
        sent->latency = now - sent->at;
        sent->answer = answer;
        answer = (struct kw_message){0};
        chunk->under_way -= sent->count;
        chunk->done++;
    }
}

static void run_chunk(struct chunk *chunk, struct bench_line *line, uint32_t window)
{
    double heard = bench_now();
    while (chunk->done < (stopped ? chunk->next : chunk->count)) {
        size_t before = chunk->done;
        send_some(chunk, line, window);
        struct kw_poll item = {.socket = line->intake};
        int r = kw_poll(&item, 1, 100);
        bench_need(r == -EINTR ? 0 : r, "poll", NULL);
        receive_some(chunk, line);
        if (chunk->done > before)
            heard = bench_now();
        bench_need(bench_now() - heard > 60 ? -ETIMEDOUT : 0, "receipts", NULL);
    }
}

static void end_chunk(struct chunk *chunk, struct bench_line *line, double *latencies)
{
    for (size_t i = 0; i < chunk->next; i++) {
        struct sent *sent = &chunk->list[i];
        latencies[i] = 1e3 * sent->latency;
        bench_line_verify(line, "kinward/receipt/v1\n", &sent->answer);
        chunk->accepted += bench_count(&sent->answer.header, "\"outcome\":\"accepted\"");
    }
}

static void free_chunk(struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i++) {
        kw_message_clear(&chunk->list[i].message);
        kw_message_clear(&chunk->list[i].answer);
    }
    kw_free(chunk->list);
}

/* ---- what ends a chunk: a missing child's notice, its check, the alert ------------------ */

/* The notice goes with the chunk's records; the check that meets it is answered when detection has passed them all, and the alert
 * then stands in the agency's stream. */
static void make_end(struct bench_line *line, const struct bench_records *records, uint64_t from, uint64_t last,
                     struct kw_message *ret_notice, struct kw_message *ret_check)
{
    struct bench_batch batch = {0};
    uint64_t child = bench_birth_before(last);
    bench_batch_add(&batch, records, BENCH_NOTICE, from, child);
    bench_batch_sign(&batch, &line->sender, "SUBMIT", false, 1, ret_notice);
    bench_batch_add(&batch, records, BENCH_CHECK, (UINT64_C(1) << 40) + from, child);
    bench_batch_sign(&batch, &line->sender, "CHECK", false, 2, ret_check);
}

static void submit_chunk(struct bench_line *line, const struct bench_records *records, const struct options *options, uint64_t from,
                         uint64_t count)
{
    struct chunk chunk;
    struct kw_message notice = {0}, check = {0}, answer = {0};
    uint32_t window = options->window ? (uint32_t)options->window : line->window;
    make_chunk(&chunk, line, records, options, from, count);
    double *latencies = kw_alloc(chunk.count * sizeof *latencies);
    bench_need(latencies ? 0 : -ENOMEM, "memory", NULL);
    make_end(line, records, from, from + count - 1, &notice, &check);
    if (line->feed)
        bench_line_ask(line, &notice, "RECEIPT", &answer);
    double start = bench_now();
    run_chunk(&chunk, line, window);
    double receipted = bench_now() - start, evaluated = 0, alerted = 0;
    if (line->feed) {
        bench_line_ask(line, &check, "ANSWER", &answer);
        evaluated = bench_now() - start;
        bench_need(bench_count(&answer.header, "\"answer\":\"refer\"") == 1 ? 0 : -EPROTO, "the check's answer", NULL);
        bench_line_item(line);
        alerted = bench_now() - start;
    }
    end_chunk(&chunk, line, latencies);
    uint64_t records_done = 0;
    for (size_t i = 0; i < chunk.next; i++)
        records_done += chunk.list[i].count;
    double p50 = bench_quantile(latencies, chunk.next, 0.5), p99 = bench_quantile(latencies, chunk.next, 0.99);
    printf(
        "{\"from\":%llu,\"records\":%llu,\"accepted\":%llu,\"bytes\":%llu,\"batch\":%llu,\"receipted_s\":%.6f,\"evaluated_s\":%.6f,"
        "\"alerted_s\":%.6f,\"p50_ms\":%.4f,\"p99_ms\":%.4f}\n",
        (unsigned long long)from, (unsigned long long)records_done, (unsigned long long)chunk.accepted,
        (unsigned long long)chunk.bytes, (unsigned long long)options->batch, receipted, evaluated, alerted, p50, p99);
    fflush(stdout);
    kw_message_clear(&notice);
    kw_message_clear(&check);
    kw_message_clear(&answer);
    kw_free(latencies);
    free_chunk(&chunk);
}

static void submit(struct bench_line *line, const struct bench_records *records, const struct options *options)
{
    for (uint64_t done = 0; done < options->count && !stopped;) {
        uint64_t count = options->count - done < options->chunk ? options->count - done : options->chunk;
        submit_chunk(line, records, options, options->from + done, count);
        done += count;
    }
}

/* ---- checks ------------------------------------------------------------------------------------ */

static uint64_t child_of(const struct options *options, uint64_t index)
{
    return options->from + index / 6 * 10 + index % 6; /* births only */
}

static void open_notices(struct bench_line *line, const struct bench_records *records, const struct options *options)
{
    struct bench_batch batch = {0};
    struct kw_message message = {0}, answer = {0};
    for (uint64_t i = 0; options->missing && i < options->count; i += options->missing) {
        bench_batch_add(&batch, records, BENCH_NOTICE, (UINT64_C(1) << 32) + child_of(options, i), child_of(options, i));
        if (batch.count < 128 && i + options->missing < options->count)
            continue;
        bench_batch_sign(&batch, &line->sender, "SUBMIT", false, 1, &message);
        bench_line_ask(line, &message, "RECEIPT", &answer);
    }
    kw_message_clear(&answer);
}

static void check(struct bench_line *line, const struct bench_records *records, const struct options *options)
{
    struct sent *list = kw_alloc(options->count * sizeof *list);
    double *latencies = kw_alloc(options->count * sizeof *latencies);
    unsigned known = 0, refer = 0, incomplete = 0;
    uint64_t done = 0, worst = 0;
    bench_need(list && latencies ? 0 : -ENOMEM, "memory", NULL);
    open_notices(line, records, options);
    for (uint64_t i = 0; i < options->count; i++) {
        struct bench_batch batch = {0};
        bench_batch_add(&batch, records, BENCH_CHECK, child_of(options, i), child_of(options, i));
        bench_batch_sign(&batch, &line->sender, "CHECK", false, i, &list[i].message);
    }
    double start = bench_now();
    for (; done < options->count && !stopped && (options->seconds <= 0 || bench_now() - start < options->seconds); done++) {
        list[done].at = bench_now();
        bench_line_ask(line, &list[done].message, "ANSWER", &list[done].answer);
        latencies[done] = 1e3 * (bench_now() - list[done].at);
        worst = latencies[done] > latencies[worst] ? done : worst;
        if (options->pause_ms)
            usleep((useconds_t)options->pause_ms * 1000);
    }
    double worst_ms = done ? latencies[worst] : 0, seconds = bench_now() - start;
    for (uint64_t i = 0; i < options->count; i++) {
        if (i < done)
            bench_line_verify(line, "kinward/answer/v1\n", &list[i].answer);
        known += bench_count(&list[i].answer.header, "\"answer\":\"known\"");
        refer += bench_count(&list[i].answer.header, "\"answer\":\"refer\"");
        incomplete += bench_count(&list[i].answer.header, "\"complete\":false");
        kw_message_clear(&list[i].message);
        kw_message_clear(&list[i].answer);
    }
    double p50 = bench_quantile(latencies, done, 0.5), p99 = bench_quantile(latencies, done, 0.99);
    printf("{\"checks\":%llu,\"seconds\":%.3f,\"known\":%u,\"refer\":%u,\"incomplete\":%u,\"p50_ms\":%.4f,\"p99_ms\":%.4f,"
           "\"worst_ms\":%.4f}\n",
           (unsigned long long)done, seconds, known, refer, incomplete, p50, p99, worst_ms);
    kw_free(list);
    kw_free(latencies);
}

/* ---- options -------------------------------------------------------------------------------------- */

static const struct option known_options[] = {
    {"config", 1, NULL, 'c'},
    {"agency", 1, NULL, 'a'},
    {"feed", 1, NULL, 'e'},
    {"from", 1, NULL, 'f'},
    {"count", 1, NULL, 'n'},
    {"batch", 1, NULL, 'b'},
    {"window", 1, NULL, 'w'},
    {"chunk", 1, NULL, 'k'},
    {"pause", 1, NULL, 'p'},
    {"missing", 1, NULL, 'm'},
    {"seconds", 1, NULL, 's'},
    {"backfill", 0, NULL, 'h'},
    {0},
};

static bool read_options(int argc, char **argv, struct options *options)
{
    int option;
    *options = (struct options){.count = 1000, .batch = 64, .chunk = 40000};
    while ((option = getopt_long(argc, argv, "", known_options, NULL)) >= 0) {
        uint64_t number = optarg ? strtoull(optarg, NULL, 10) : 0;
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 'a':
            options->agency = optarg;
            break;
        case 'e':
            options->feed = optarg;
            break;
        case 'f':
            options->from = number;
            break;
        case 'n':
            options->count = number;
            break;
        case 'b':
            options->batch = number;
            break;
        case 'w':
            options->window = number;
            break;
        case 'k':
            options->chunk = number;
            break;
        case 'p':
            options->pause_ms = number;
            break;
        case 'm':
            options->missing = number;
            break;
        case 's':
            options->seconds = strtod(optarg, NULL);
            break;
        case 'h':
            options->backfill = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc - 1 && options->config && options->batch && options->chunk && options->count &&
           !options->agency == !options->feed;
}

int main(int argc, char **argv)
{
    struct options options;
    struct bench_line line;
    bool checks = argc > 1 && strcmp(argv[argc - 1], "check") == 0;
    if (!read_options(argc, argv, &options) || (!checks && strcmp(argv[argc - 1], "submit") != 0)) {
        fprintf(stderr, "bench-load: see the head of tests/bench/load.c\n");
        return 2;
    }
    signal(SIGTERM, on_term);
    struct bench_records *records = bench_records_new(getenv("KINWARD_SOURCE") ? getenv("KINWARD_SOURCE") : ".");
    bench_line_open(&line, options.config, options.agency, options.feed);
    if (checks)
        check(&line, records, &options);
    else
        submit(&line, records, &options);
    bench_line_close(&line);
    bench_records_free(records);
    return 0;
}
