/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - any bytes through the parsers of notes, checkpoints, proofs, leaves, policies and witness requests.
 *
 * Built with clang's fuzzer under `./dev fuzz`; otherwise a program that replays the files it is given, as a test. What must hold:
 * what a parser accepts is written again as the same bytes, and no unknown log is ever cosigned.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "ledger/witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static void try_note(struct kw_view bytes)
{
    static const struct kw_vkey vkey = {.name = "log.example", .id = {0xd8, 0x5f, 0x68, 0x74}, .type = KW_NOTE_ED25519};
    struct kw_checkpoint checkpoint;
    struct kw_buf again = {0};
    struct kw_note note;
    char origin[KW_LIMIT_NOTE + 1];

    if (kw_note_parse(bytes, &note, NULL) < 0)
        return;
    must(note.count > 0 && note.count <= KW_NOTE_LINES && note.text.size < bytes.size);
    must(kw_note_verify(&note, &vkey, NULL) <= 0); /* a key of zeros signs nothing */
    if (kw_checkpoint_parse(note.text, &checkpoint, NULL) < 0)
        return;
    memcpy(origin, checkpoint.origin.data, checkpoint.origin.size);
    origin[checkpoint.origin.size] = 0;
    must(kw_checkpoint_text(origin, checkpoint.size, checkpoint.root, &again) == 0);
    must(kw_view_equal(kw_view_of(&again), note.text));
    kw_buf_clear(&again);
}

static void try_proof(struct kw_view bytes, const struct kw_policy *policy)
{
    struct kw_proof proof = {0};
    struct kw_checkpoint checkpoint;
    struct kw_buf again = {0};
    struct kw_fault fault = {0};

    if (kw_proof_parse(bytes, &proof, &fault) < 0) {
        must(fault.code != KW_OK && fault.message[0] != 0);
        return;
    }
    must(kw_proof_write(&proof, &again) == 0);
    must(kw_view_equal(kw_view_of(&again), bytes));
    must(kw_proof_verify_entry(&proof, bytes, policy, false, &checkpoint, &fault) < 0);
    must(kw_proof_verify_record(&proof, bytes, NULL, policy, &checkpoint, &fault) < 0);
    kw_proof_clear(&proof);
    kw_buf_clear(&again);
}

static void try_leaf(struct kw_view bytes)
{
    struct kw_buf again = {0};
    struct kw_leaf leaf;

    if (kw_leaf_parse(bytes, &leaf, NULL) < 0)
        return;
    must(kw_leaf_write(&leaf, &again) == 0);
    must(kw_view_equal(kw_view_of(&again), bytes));
    kw_buf_clear(&again);
}

static void try_keys(struct kw_view bytes)
{
    struct kw_policy *policy = NULL;
    struct kw_buf again = {0};
    struct kw_vkey vkey;

    if (kw_vkey_parse(bytes, &vkey, NULL) == 0) {
        must(kw_vkey_text(&vkey, &again) == 0);
        must(kw_view_equal(kw_view_of(&again), bytes));
        kw_buf_clear(&again);
    }
    if (kw_policy_parse(bytes, &policy, NULL) == 0)
        kw_policy_free(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kw_policy *policy;
    static struct kw_witness witness; /* of no log */
    struct kw_witness_answer answer = {0};
    struct kw_view bytes = {data, size};

    if (policy == NULL)
        must(kw_crypto_init() == 0 && kw_policy_parse(kw_view_text("quorum none\n"), &policy, NULL) == 0);
    try_note(bytes);
    try_proof(bytes, policy);
    try_leaf(bytes);
    try_keys(bytes);
    must(kw_witness_add_checkpoint(&witness, bytes, 0, &answer) == 0);
    must(answer.status == 400 || answer.status == 404);
    kw_buf_clear(&answer.body);
    return 0;
}

#ifndef KINWARD_LIBFUZZER
/* Each file as it is, and cut and bent in a few fixed ways. */
static void replay(const struct kw_buf *text)
{
    uint64_t dice = 88172645463325252u;
    uint8_t *bytes = malloc(text->size + 1);

    must(bytes != NULL);
    LLVMFuzzerTestOneInput(text->data, text->size);
    for (unsigned round = 0; round < 3000; round++) {
        size_t size;

        memcpy(bytes, text->data, text->size);
        dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
        size = round % 3 || text->size == 0 ? text->size : dice % text->size;
        if (size > 0)
            bytes[(dice >> 20) % size] = (uint8_t)(dice >> 8);
        LLVMFuzzerTestOneInput(bytes, size);
    }
    free(bytes);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct kw_buf text = {0};
        struct kw_fault fault;

        if (kw_file_read(argv[i], KW_LIMIT_PROOF, &text, &fault) != 0) {
            printf("not ok 1 - %s: %s\n1..1\n", argv[i], fault.message);
            return 1;
        }
        replay(&text);
        kw_buf_clear(&text);
    }
    printf("ok 1 - %d files replayed\n1..1\n", argc - 1);
    return argc > 1 ? 0 : 1;
}
#endif
