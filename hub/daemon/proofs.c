/* SPDX-License-Identifier: Apache-2.0 */
/* proofs.c - the ledger actor's parts, and proofs put together from journal, alerts and log. */
#include <errno.h>
#include <string.h>

#include "daemon/sealer.h"

static int start_signer(struct kw_sealer *sealer)
{
    const struct kw_hub_config *config = sealer->setup->config;
    char state[KW_PATH_SIZE], log_key[KW_PATH_SIZE], witness_key[KW_PATH_SIZE], witness[160];
    int r = kw_path_join(state, sizeof state, config->data, "signer");
    if (r == 0)
        r = kw_path_join(log_key, sizeof log_key, config->keys, "log.key");
    if (r == 0)
        r = kw_path_join(witness_key, sizeof witness_key, config->keys, "witness.key");
    if (r == 0)
        r = kw_dir_make(state, 0700, &sealer->fault);
    snprintf(witness, sizeof witness, "%s/witness", config->name);
    struct kw_signer_options options = {
        .state = state, .log_key = log_key, .origin = config->origin, .witness_key = witness_key, .witness_name = witness};
    return r < 0 ? r : kw_signer_start(&options, &sealer->signer, &sealer->fault);
}

/* A restored copy must not sign what the witnesses saw otherwise; witnesses that cannot be reached are not waited for. */
static int guard(struct kw_sealer *sealer)
{
    uint64_t size;
    kw_hash root;
    unsigned answers = 0;
    kw_log_root(sealer->log, &size, root);
    int r = kw_cosigner_guard(sealer->cosign, size, root, &answers, &sealer->fault);
    if (r == 0)
        kw_log(KW_LOG_NOTICE, "ledger", "start.guard", "size=%llu witnesses=%u", (unsigned long long)size, answers);
    return r;
}

int kw_sealer_open(struct kw_sealer *sealer)
{
    const struct kw_hub_config *config = sealer->setup->config;
    const uint8_t *vault = sealer->setup->keys->vault;
    struct kw_fault *fault = &sealer->fault;
    int r = kw_journal_reader_open(config->data, vault, &sealer->reader, fault);
    if (r == 0)
        r = kw_alert_reader_open(config->data, vault, &sealer->alerts, fault);
    if (r == 0)
        r = kw_policy_load(config->policy, &sealer->policy, fault);
    if (r == 0)
        r = kw_log_open(config->data, config->origin, &sealer->log, fault);
    if (r == 0)
        r = kw_cosigner_new(sealer->policy, config->origin, kw_log_folder(sealer->log), 50, &sealer->cosign, fault);
    if (r == 0)
        r = guard(sealer);
    if (r == 0)
        r = start_signer(sealer);
    if (r == 0) {
        struct kw_ledger_web_options web = {
            .address = config->web_address, .port = (uint16_t)config->web_port, .folder = kw_log_folder(sealer->log)};
        r = kw_ledger_web_start(&web, &sealer->web, fault);
    }
    if (r == 0)
        sealer->setup->web_port = kw_ledger_web_port(sealer->web);
    return r;
}

void kw_sealer_close(struct kw_sealer *sealer)
{
    kw_ledger_web_stop(sealer->web);
    kw_signer_stop(sealer->signer);
    kw_cosigner_free(sealer->cosign);
    kw_log_close(sealer->log);
    kw_policy_free(sealer->policy);
    kw_alert_reader_close(sealer->alerts);
    kw_journal_reader_close(sealer->reader);
}

/* ---- proofs --------------------------------------------------------------------- */

static int put_origin(struct kw_sealer *sealer, const struct kw_entry *entry, struct kw_origin *origin, struct kw_fault *fault)
{
    struct kw_journal_batch batch;
    struct kw_principal principal;
    uint8_t sign[KW_KEY_SIZE], digest[KW_HASH_SIZE];
    int64_t received_ms = entry->received_ms;
    uint32_t number = entry->principal, slot = entry->slot;
    uint64_t batch_number = entry->batch;
    int r = kw_journal_batch_read(sealer->reader, batch_number, &batch, fault);
    if (r < 0)
        return r;
    if (batch.leaves.size != (size_t)batch.count * KW_HASH_SIZE || slot >= batch.count)
        return kw_fail(fault, -EBADMSG, KW_E_CORRUPT, "batch", "%s", kw_code_text(KW_E_CORRUPT));
    r = kw_merkle_path((const kw_hash *)batch.leaves.data, batch.count, slot, origin->path, &origin->path_count);
    if (r < 0)
        return r;
    origin->index = slot;
    origin->count = batch.count;
    memcpy(origin->batch, batch.id, sizeof origin->batch);
    memcpy(origin->signature, batch.signature, sizeof origin->signature);
    r = kw_journal_principal(sealer->reader, number, &principal, fault);
    if (r == 0)
        r = kw_journal_principal_sign_at(sealer->reader, number, received_ms, sign, fault);
    if (r < 0)
        return r;
    strcpy(origin->principal, principal.name);
    strcpy(origin->jurisdiction, principal.jurisdiction);
    kw_sha256_of(sign, sizeof sign, digest);
    memcpy(origin->key_id, digest, sizeof origin->key_id);
    return 0;
}

int kw_sealer_proof_entry(struct kw_sealer *sealer, uint64_t position, struct kw_buf *ret_text, struct kw_fault *fault)
{
    struct kw_proof proof = {0};
    struct kw_entry entry;
    int r = kw_log_proof(sealer->log, KW_SEALED_ENTRY, position, &proof, fault);
    if (r == 0)
        r = kw_journal_read(sealer->reader, position, &entry, fault);
    if (r == 0 && entry.erased)
        r = kw_fail(fault, -ENOENT, KW_E_NOT_FOUND, "position", "the record was erased, and its proof with it");
    if (r == 0) {
        memcpy(proof.salt, entry.salt, sizeof proof.salt);
        proof.has_record = true;
        r = kw_buf_append(&proof.origin.leaf, entry.origin_leaf.data, entry.origin_leaf.size);
    }
    if (r == 0 && proof.origin.leaf.size)
        r = put_origin(sealer, &entry, &proof.origin, fault);
    if (r == 0)
        r = kw_proof_write(&proof, ret_text);
    kw_proof_clear(&proof);
    return r;
}

int kw_sealer_proof_alert(struct kw_sealer *sealer, const uint8_t alert[KW_ALERT_ID_SIZE], uint32_t revision,
                          struct kw_buf *ret_text, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf statement = {0};
    struct kw_proof proof = {0};
    uint64_t number;
    int r = kw_alert_committed(sealer->alerts, alert, revision, &number, proof.salt, &statement, fault);
    if (r < 0)
        return r;
    uint8_t salt[KW_HASH_SIZE];
    memcpy(salt, proof.salt, sizeof salt);
    r = kw_log_proof(sealer->log, KW_SEALED_ALERT, number, &proof, fault);
    if (r == 0) {
        memcpy(proof.salt, salt, sizeof salt);
        proof.has_record = true;
        r = kw_proof_write(&proof, ret_text);
    }
    kw_proof_clear(&proof);
    return r;
}
