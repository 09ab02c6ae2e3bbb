/* SPDX-License-Identifier: Apache-2.0 */
/* witness.c - C2SP tlog-witness: the decision on an add-checkpoint request, and what was signed last. */
#include <errno.h>
#include <string.h>

#include "ledger/witness.h"

#define PROOF_LINES 63

/* ---- what was signed last ------------------------------------------------------------ */

static int hash_of(struct kw_view origin, char ret_hex[2 * KW_HASH_SIZE + 1])
{
    kw_hash hash;

    kw_sha256_of(origin.data, origin.size, hash);
    kw_hex(ret_hex, hash, sizeof hash);
    return 0;
}

int kw_signed_open(const char *state, const char *kind, const char *origin, const struct kw_vkey *vkey,
                   struct kw_signed *ret_signed, struct kw_fault *fault)
{
    struct kw_signed last = {.seen = false};
    struct kw_checkpoint checkpoint;
    char hex[2 * KW_HASH_SIZE + 1];
    struct kw_note note;
    int r;

    hash_of(kw_view_text(origin), hex);
    if (snprintf(last.path, sizeof last.path, "%s/%s-%s", state, kind, hex) >= (int)sizeof last.path)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, "state", "the folder's path is too long");
    r = kw_file_read(last.path, KW_LIMIT_NOTE, &last.note, NULL);
    if (r == -ENOENT) {
        *ret_signed = last;
        return 0;
    }
    if (r < 0)
        return kw_fail(fault, r, KW_E_FILE, last.path, "cannot be read");
    r = kw_note_parse(kw_view_of(&last.note), &note, fault);
    if (r == 0)
        r = kw_checkpoint_parse(note.text, &checkpoint, fault);
    if (r == 0 && (!kw_view_is(checkpoint.origin, origin) || kw_note_verify(&note, vkey, NULL) != 1))
        r = kw_fail(fault, -EBADMSG, KW_E_CORRUPT, last.path, "is not what this key signed for this log");
    if (r < 0) {
        kw_buf_clear(&last.note);
        return r;
    }
    last.seen = true;
    last.size = checkpoint.size;
    memcpy(last.root, checkpoint.root, KW_HASH_SIZE);
    *ret_signed = last;
    return 0;
}

int kw_signed_store(struct kw_signed *last, const struct kw_checkpoint *checkpoint, struct kw_view note, struct kw_fault *fault)
{
    struct kw_buf copy = {0};
    int r = kw_buf_append(&copy, note.data, note.size);

    if (r == 0)
        r = kw_fault_point("signer.store");
    if (r == 0)
        r = kw_file_replace(last->path, note, 0600, fault);
    if (r < 0) {
        kw_buf_clear(&copy);
        return r;
    }
    kw_buf_clear(&last->note);
    last->note = copy;
    last->seen = true;
    last->size = checkpoint->size;
    memcpy(last->root, checkpoint->root, KW_HASH_SIZE);
    return 0;
}

int kw_signed_follows(const struct kw_signed *last, const struct kw_checkpoint *checkpoint, const kw_hash *path, size_t count)
{
    static const kw_hash empty = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                                  0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};

    if (checkpoint->size == 0 && memcmp(checkpoint->root, empty, KW_HASH_SIZE) != 0)
        return -EBADMSG;
    if (!last->seen || last->size == 0)
        return count == 0 ? 0 : -EBADMSG;
    return kw_consistency_verify(last->size, checkpoint->size, last->root, checkpoint->root, path, count);
}

/* ---- the witness ------------------------------------------------------------------------ */

static struct kw_witnessed *find_log(struct kw_witness *witness, struct kw_view origin)
{
    for (size_t i = 0; i < witness->count; i++) {
        if (kw_view_is(origin, witness->logs[i].vkeys[0].name))
            return &witness->logs[i];
    }
    return NULL;
}

int kw_witness_add_log(struct kw_witness *witness, struct kw_view text, struct kw_fault *fault)
{
    struct kw_witnessed *log;
    struct kw_vkey vkey;
    int r = kw_vkey_parse(text, &vkey, fault);

    if (r < 0)
        return r;
    if (vkey.type != KW_NOTE_ED25519)
        return kw_fail(fault, -EINVAL, KW_E_KEY, vkey.name, "is not the key of a log");
    log = find_log(witness, kw_view_text(vkey.name));
    for (size_t i = 0; log && i < log->count; i++) {
        if (memcmp(log->vkeys[i].key, vkey.key, KW_KEY_SIZE) == 0)
            return 0;
    }
    if (log) {
        if (log->count == KW_COUNT(log->vkeys))
            return kw_fail(fault, -ENOSPC, KW_E_CONFIG, vkey.name, "has too many keys");
        log->vkeys[log->count++] = vkey;
        return 0;
    }
    if (witness->count == KW_WITNESSED_MAX)
        return kw_fail(fault, -ENOSPC, KW_E_CONFIG, vkey.name, "is one log too many");
    log = &witness->logs[witness->count];
    *log = (struct kw_witnessed){.vkeys = {vkey}, .count = 1};
    hash_of(kw_view_text(vkey.name), log->hash);
    r = kw_signed_open(witness->state, "witness", vkey.name, &witness->vkey, &log->last, fault);
    if (r == 0)
        witness->count++;
    return r;
}

void kw_witness_clear(struct kw_witness *witness)
{
    for (size_t i = 0; i < witness->count; i++)
        kw_buf_clear(&witness->logs[i].last.note);
    witness->count = 0;
}

struct request {
    uint64_t old;
    kw_hash path[PROOF_LINES];
    size_t count;
    struct kw_view bytes; /* of the note */
    struct kw_note note;
    struct kw_checkpoint checkpoint;
};

static int answer(struct kw_witness_answer *ret_answer, int status, const char *why)
{
    ret_answer->status = status;
    snprintf(ret_answer->content_type, sizeof ret_answer->content_type, "text/plain; charset=utf-8");
    ret_answer->body.size = 0;
    return why ? kw_buf_text(&ret_answer->body, why) : 0;
}

static bool parse_request(struct kw_view body, struct request *request)
{
    struct kw_view line;

    if (kw_line(&body, &line) < 0 || !kw_view_starts(line, "old ") ||
        kw_decimal((struct kw_view){line.data + 4, line.size - 4}, &request->old) < 0)
        return false;
    for (request->count = 0;; request->count++) {
        if (kw_line(&body, &line) < 0)
            return false;
        if (line.size == 0)
            break;
        if (request->count == PROOF_LINES || kw_base64_exact(line, request->path[request->count], KW_HASH_SIZE) < 0)
            return false;
    }
    request->bytes = body;
    return kw_note_parse(body, &request->note, NULL) == 0 &&
           kw_checkpoint_parse(request->note.text, &request->checkpoint, NULL) == 0;
}

/* At least one of the log's keys, and none of them wrong. The lines that verified are kept for the monitoring answer. */
static bool signed_by_log(const struct kw_witnessed *log, const struct kw_note *note)
{
    bool found = false;

    for (size_t i = 0; i < log->count; i++) {
        int r = kw_note_verify(note, &log->vkeys[i], NULL);

        if (r < 0)
            return false;
        found |= r > 0;
    }
    return found;
}

/* Text, empty line, the log's own lines, our cosignature: what was checked, and nothing of strangers. */
static int compose_note(const struct kw_witnessed *log, const struct kw_note *note, struct kw_view cosignature, struct kw_buf *out)
{
    int r = kw_buf_append(out, note->text.data, note->text.size);

    if (r == 0)
        r = kw_buf_text(out, "\n");
    for (size_t i = 0; r == 0 && i < note->count; i++) {
        for (size_t j = 0; r == 0 && j < log->count; j++) {
            if (!kw_view_is(note->lines[i].name, log->vkeys[j].name) || memcmp(note->lines[i].id, log->vkeys[j].id, 4) != 0)
                continue;
            r = kw_buf_append(out, note->lines[i].line.data, note->lines[i].line.size);
            if (r == 0)
                r = kw_buf_text(out, "\n");
        }
    }
    return r < 0 ? r : kw_buf_append(out, cosignature.data, cosignature.size);
}

static int cosign(struct kw_witness *witness, struct kw_witnessed *log, const struct request *request, uint64_t now,
                  struct kw_witness_answer *ret_answer)
{
    struct kw_buf line = {0}, note = {0};
    int r = kw_note_sign(request->note.text, &witness->vkey, witness->key, now, &line);

    if (r == 0)
        r = compose_note(log, &request->note, kw_view_of(&line), &note);
    if (r == 0) {
        r = kw_signed_store(&log->last, &request->checkpoint, kw_view_of(&note), NULL);
        if (r == 0)
            r = kw_fault_point("signer.stored");
        r = r < 0 ? answer(ret_answer, 503, "the state cannot be stored\n") : answer(ret_answer, 200, (const char *)line.data);
    }
    kw_buf_clear(&line);
    kw_buf_clear(&note);
    return r;
}

int kw_witness_add_checkpoint(struct kw_witness *witness, struct kw_view body, uint64_t now, struct kw_witness_answer *ret_answer)
{
    struct request request;
    struct kw_witnessed *log;
    uint64_t last;
    int r;

    if (!parse_request(body, &request))
        return answer(ret_answer, 400, "not an old size, a proof and a checkpoint\n");
    log = find_log(witness, request.checkpoint.origin);
    if (!log)
        return answer(ret_answer, 404, "this log is not known here\n");
    if (!signed_by_log(log, &request.note))
        return answer(ret_answer, 403, "not signed by the log\n");
    if (request.old > request.checkpoint.size)
        return answer(ret_answer, 400, "the old size is larger than the checkpoint's\n");
    last = log->last.seen ? log->last.size : 0;
    if (request.old != last) {
        r = answer(ret_answer, 409, NULL);
        snprintf(ret_answer->content_type, sizeof ret_answer->content_type, "text/x.tlog.size");
        return r < 0 ? r : kw_buf_format(&ret_answer->body, "%llu\n", (unsigned long long)last);
    }
    if (kw_signed_follows(&log->last, &request.checkpoint, (const kw_hash *)request.path, request.count) < 0)
        return answer(ret_answer, 422, "the checkpoint is not proven to go on from the last one\n");
    return cosign(witness, log, &request, now, ret_answer);
}

int kw_witness_head(const struct kw_witness *witness, struct kw_view origin_hash, struct kw_witness_answer *ret_answer)
{
    for (size_t i = 0; i < witness->count; i++) {
        if (kw_view_is(origin_hash, witness->logs[i].hash) && witness->logs[i].last.seen)
            return answer(ret_answer, 200, (const char *)witness->logs[i].last.note.data);
    }
    return answer(ret_answer, 404, "nothing was cosigned for such a log\n");
}
