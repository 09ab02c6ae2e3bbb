/* SPDX-License-Identifier: Apache-2.0 */
/* audit.c - every file of a log must be of a known kind and right: the list of files, checkpoints, proofs, leaves, keys. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger/audit.h"

#define FILES_MAX (16u << 20)
#define DEPTH_MAX 16

/* ---- the list of files -------------------------------------------------------------- */

static int add_file(struct audit *audit, const char *path)
{
    if (audit->file_count == audit->file_room) {
        size_t room = audit->file_room ? audit->file_room * 2 : 256;
        struct audit_file *files = room <= FILES_MAX ? kw_resize(audit->files, room * sizeof *files) : NULL;

        if (!files)
            return kw_fail(audit->fault, -ENOMEM, KW_E_MEMORY, audit->dir, "too many files");
        audit->files = files;
        audit->file_room = room;
    }
    audit->files[audit->file_count] = (struct audit_file){kw_strdup(path), false};
    if (!audit->files[audit->file_count].path)
        return kw_fail(audit->fault, -ENOMEM, KW_E_MEMORY, audit->dir, "no memory for the list of files");
    audit->file_count++;
    return 0;
}

static int list_folder(struct audit *audit, const char *below, unsigned depth);

static int list_entry(struct audit *audit, const char *below, const char *name, unsigned depth)
{
    char path[1024], whole[4096];
    struct stat status;

    if (snprintf(path, sizeof path, "%s%s%s", below, *below ? "/" : "", name) >= (int)sizeof path ||
        kw_path_join(whole, sizeof whole, audit->dir, path) < 0)
        return kw_fail(audit->fault, -EBADMSG, KW_E_FILE, below, "a path below it is too long");
    if (lstat(whole, &status) < 0)
        return kw_fail(audit->fault, -errno, KW_E_FILE, path, "cannot be looked at: %s", strerror(errno));
    if (S_ISDIR(status.st_mode))
        return list_folder(audit, path, depth + 1);
    if (!S_ISREG(status.st_mode))
        return kw_fail(audit->fault, -EBADMSG, KW_E_FILE, path, "is neither a file nor a folder");
    return add_file(audit, path);
}

static int list_folder(struct audit *audit, const char *below, unsigned depth)
{
    char whole[4096];
    struct dirent *entry;
    DIR *dir;
    int r = 0;

    if (depth > DEPTH_MAX || kw_path_join(whole, sizeof whole, audit->dir, *below ? below : ".") < 0)
        return kw_fail(audit->fault, -EBADMSG, KW_E_FILE, below, "is nested too deep");
    dir = opendir(whole);
    if (!dir)
        return kw_fail(audit->fault, -errno, KW_E_FILE, *below ? below : audit->dir, "cannot be listed: %s", strerror(errno));
    while (r == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = list_entry(audit, below, entry->d_name, depth);
    }
    closedir(dir);
    return r;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct audit_file *)a)->path, ((const struct audit_file *)b)->path);
}

size_t kw_audit_find(const struct audit *audit, const char *path)
{
    size_t low = 0, high = audit->file_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(audit->files[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool kw_audit_take(struct audit *audit, const char *path)
{
    size_t at = kw_audit_find(audit, path);

    if (at == audit->file_count || strcmp(audit->files[at].path, path) != 0)
        return false;
    audit->files[at].checked = true;
    return true;
}

int kw_audit_read(const struct audit *audit, const char *path, struct kw_buf *ret_bytes)
{
    char whole[4096];
    int r = kw_path_join(whole, sizeof whole, audit->dir, path);

    if (r == 0)
        r = kw_file_read(whole, KW_TILE_BUNDLE_MAX, ret_bytes, audit->fault);
    if (r < 0 && audit->fault)
        snprintf(audit->fault->place, sizeof audit->fault->place, "%s", path);
    return r;
}

/* ---- signed heads --------------------------------------------------------------------- */

static int bad(struct audit *audit, const char *path, const char *why)
{
    return kw_fail(audit->fault, -EBADMSG, KW_E_FILE, path, "%s", why);
}

/* Says in which file the fault is. */
static int at_file(struct audit *audit, const char *path, int error)
{
    char message[sizeof audit->fault->message], place[sizeof audit->fault->place];

    if (error < 0 && audit->fault) {
        snprintf(place, sizeof place, "%s", audit->fault->place);
        snprintf(message, sizeof message, "%s", audit->fault->message);
        kw_fail(audit->fault, error, audit->fault->code, path, "%s: %s", place, message);
    }
    return error;
}

static int add_head(struct audit *audit, const char *path, const struct kw_checkpoint *checkpoint)
{
    char origin[sizeof audit->counts.origin];

    snprintf(origin, sizeof origin, "%.*s", (int)checkpoint->origin.size, (const char *)checkpoint->origin.data);
    if (!*audit->counts.origin)
        memcpy(audit->counts.origin, origin, sizeof origin);
    if (strcmp(audit->counts.origin, origin) != 0)
        return bad(audit, path, "is a checkpoint of another log");
    if (audit->head_count == audit->head_room) {
        size_t room = audit->head_room ? audit->head_room * 2 : 64;
        struct audit_head *heads = kw_resize(audit->heads, room * sizeof *heads);

        if (!heads)
            return kw_fail(audit->fault, -ENOMEM, KW_E_MEMORY, audit->dir, "no memory for the checkpoints");
        audit->heads = heads;
        audit->head_room = room;
    }
    audit->heads[audit->head_count] = (struct audit_head){.size = checkpoint->size, .path = path};
    memcpy(audit->heads[audit->head_count++].root, checkpoint->root, KW_HASH_SIZE);
    return 0;
}

static int compare_heads(const void *a, const void *b)
{
    const struct audit_head *x = a, *y = b;

    return x->size < y->size ? -1 : x->size > y->size;
}

static int check_checkpoint(struct audit *audit, const char *path)
{
    struct kw_checkpoint checkpoint;
    struct kw_buf bytes = {0};
    uint64_t named = 0;
    int r = kw_audit_read(audit, path, &bytes);

    if (r == 0)
        r = at_file(audit, path, kw_policy_check(audit->policy, kw_view_of(&bytes), true, &checkpoint, audit->fault));
    if (r == 0 && path[10] == '.' && (kw_decimal(kw_view_text(path + 11), &named) < 0 || named != checkpoint.size))
        r = bad(audit, path, "its name does not say its size");
    if (r == 0)
        r = add_head(audit, path, &checkpoint);
    if (r == 0 && path[10] == 0)
        audit->counts.size = checkpoint.size;
    audit->counts.checkpoints++;
    kw_buf_clear(&bytes);
    return r == -EAGAIN ? -EBADMSG : r;
}

/* ---- proofs, leaves, policy, keys --------------------------------------------------------- */

/* proofs/<index>-of-<size>.tlog-proof: its head now, the entry when the entries are known. */
static int check_proof(struct audit *audit, const char *path, bool entries_known)
{
    struct kw_buf bytes = {0}, entry = {0};
    struct kw_checkpoint checkpoint = {0};
    struct kw_proof proof = {0};
    char name[128];
    int r = kw_audit_read(audit, path, &bytes);

    if (r == 0)
        r = at_file(audit, path, kw_proof_parse(kw_view_of(&bytes), &proof, audit->fault));
    if (r == 0)
        r = at_file(audit, path, kw_policy_check(audit->policy, kw_view_of(&proof.checkpoint), true, &checkpoint, audit->fault));
    if (r == 0) {
        snprintf(name, sizeof name, "proofs/%llu-of-%llu.tlog-proof", (unsigned long long)proof.index,
                 (unsigned long long)checkpoint.size);
        if (strcmp(name, path) != 0)
            r = bad(audit, path, "its name does not say its index and size");
    }
    if (r == 0 && !entries_known) {
        r = add_head(audit, path, &checkpoint);
    } else if (r == 0) {
        r = kw_audit_entry(audit, proof.index, &entry);
        r = r < 0
                ? bad(audit, path, "the log has no such entry")
                : at_file(audit, path, kw_proof_verify_entry(&proof, kw_view_of(&entry), audit->policy, true, NULL, audit->fault));
        audit->counts.proofs++;
    }
    kw_proof_clear(&proof);
    kw_buf_clear(&bytes);
    kw_buf_clear(&entry);
    return r == -EAGAIN ? -EBADMSG : r;
}

/* proofs/<index>.leaf: the bytes of an entry. */
static int check_leaf(struct audit *audit, const char *path)
{
    struct kw_view name = kw_view_text(path + strlen("proofs/"));
    struct kw_buf bytes = {0}, entry = {0};
    uint64_t index = 0;
    int r;

    name.size -= strlen(".leaf");
    if (kw_decimal(name, &index) < 0 || kw_audit_entry(audit, index, &entry) < 0)
        return bad(audit, path, "the log has no such entry");
    r = kw_audit_read(audit, path, &bytes);
    if (r == 0 && !kw_view_equal(kw_view_of(&bytes), kw_view_of(&entry)))
        r = bad(audit, path, "is not the entry of that index");
    audit->counts.leaves++;
    kw_buf_clear(&bytes);
    kw_buf_clear(&entry);
    return r;
}

/* keys/<name>.seed: a secret that does not belong here, but when it does lie here it is that of a key of the policy. */
static int check_seed(struct audit *audit, const char *path)
{
    struct kw_buf bytes = {0};
    struct kw_sign_key *key = NULL;
    const struct kw_policy_key *known;
    uint8_t seed[32];
    char hex[65];
    bool found = false;
    int r = kw_audit_read(audit, path, &bytes);

    if (r == 0 && (bytes.size != 65 || bytes.data[64] != '\n' || kw_hex_parse((struct kw_view){bytes.data, 64}, seed, 32) < 0))
        r = bad(audit, path, "is not a line of 64 hex digits");
    if (r == 0) {
        kw_hex(hex, seed, sizeof seed);
        r = memcmp(hex, bytes.data, 64) != 0 ? bad(audit, path, "is not in lower case") : kw_sign_key_from_seed(seed, &key);
    }
    for (size_t i = 0; r == 0 && (known = kw_policy_log(audit->policy, i)) != NULL; i++)
        found |= memcmp(known->vkey.key, key->public_key, KW_KEY_SIZE) == 0;
    for (size_t i = 0; r == 0 && (known = kw_policy_witness(audit->policy, i)) != NULL; i++)
        found |= memcmp(known->vkey.key, key->public_key, KW_KEY_SIZE) == 0;
    if (r == 0 && !found)
        r = bad(audit, path, "is the seed of no key of the policy");
    kw_sign_key_free(key);
    kw_wipe(seed, sizeof seed);
    kw_wipe(hex, sizeof hex);
    kw_buf_wipe(&bytes);
    return r;
}

static int check_policy(struct audit *audit, const char *path)
{
    struct kw_buf bytes = {0};
    int r = kw_audit_read(audit, path, &bytes);

    if (r == 0 && !kw_view_equal(kw_view_of(&bytes), audit->policy_bytes))
        r = bad(audit, path, "is not the policy given");
    kw_buf_clear(&bytes);
    return r;
}

static bool ends_with(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);

    return length > tail && strcmp(path + length - tail, suffix) == 0;
}

static bool starts_with(const char *path, const char *start)
{
    return strncmp(path, start, strlen(start)) == 0;
}

/* Heads first (entries_known false), then what stands on the entries. Tiles are taken by kw_audit_tiles in between. */
static int check_file(struct audit *audit, struct audit_file *file, bool entries_known)
{
    const char *path = file->path;
    int r;

    if (starts_with(path, "proofs/") && ends_with(path, ".tlog-proof"))
        r = check_proof(audit, path, entries_known);
    else if (starts_with(path, "proofs/") && ends_with(path, ".leaf"))
        r = entries_known ? check_leaf(audit, path) : 0;
    else if (entries_known)
        return 0;
    else if (strcmp(path, "checkpoint") == 0 || starts_with(path, "checkpoint."))
        r = check_checkpoint(audit, path);
    else if (strcmp(path, "policy") == 0)
        r = check_policy(audit, path);
    else if (starts_with(path, "keys/") && ends_with(path, ".seed"))
        r = check_seed(audit, path);
    else if (starts_with(path, "tile/"))
        return 0;
    else
        return bad(audit, path, "is no file of a log");
    if (starts_with(path, "keys/") || strcmp(path, "policy") == 0)
        audit->counts.others++;
    file->checked = true;
    return r;
}

static int run(struct audit *audit)
{
    int r = list_folder(audit, "", 0);

    if (r < 0)
        return r;
    qsort(audit->files, audit->file_count, sizeof *audit->files, compare_files);
    if (!kw_audit_take(audit, "checkpoint"))
        return bad(audit, "checkpoint", "is missing");
    for (size_t i = 0; r == 0 && i < audit->file_count; i++)
        r = check_file(audit, &audit->files[i], false);
    if (r < 0)
        return r;
    qsort(audit->heads, audit->head_count, sizeof *audit->heads, compare_heads);
    if (audit->heads[audit->head_count - 1].size > audit->counts.size)
        return bad(audit, audit->heads[audit->head_count - 1].path, "is of a larger log than `checkpoint`");
    r = kw_audit_tiles(audit);
    for (size_t i = 0; r == 0 && i < audit->file_count; i++)
        r = check_file(audit, &audit->files[i], true);
    for (size_t i = 0; r == 0 && i < audit->file_count; i++) {
        if (!audit->files[i].checked)
            r = bad(audit, audit->files[i].path, "is no tile of a log of this size");
    }
    return r;
}

int kw_ledger_audit(const char *dir, const struct kw_policy *policy, struct kw_view policy_bytes,
                    void (*progress)(void *context, uint64_t done, uint64_t total), void *context, struct kw_audit *ret_audit,
                    struct kw_fault *fault)
{
    struct kw_fault unused;
    struct audit audit = {.dir = dir,
                          .policy = policy,
                          .policy_bytes = policy_bytes,
                          .progress = progress,
                          .context = context,
                          .fault = fault ? fault : &unused};
    int r = run(&audit);

    for (size_t i = 0; i < audit.file_count; i++)
        kw_free(audit.files[i].path);
    kw_free(audit.files);
    kw_free(audit.heads);
    if (r == 0)
        *ret_audit = audit.counts;
    return r;
}
