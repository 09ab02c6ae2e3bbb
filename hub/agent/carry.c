/* SPDX-License-Identifier: Apache-2.0 */
/* carry.c - writing and reading the file in which a spool travels. */
#include "agent/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC     "kinward-carry/1\n"
#define HEAD_SIZE (sizeof MAGIC - 1 + 1 + 8)
#define ITEM_MOST (2u * KW_LIMIT_MESSAGE) /* a batch with its labels */

static int troubled(const struct kw_carry *carry, const char *what, struct kw_fault *fault)
{
    const int error = errno ? errno : EIO;
    return kw_fail(fault, -error, error == ENOSPC ? KW_E_READ_ONLY : KW_E_FILE, carry->path, "%s: %s", what, strerror(error));
}

static int damaged(const struct kw_carry *carry, const char *why, struct kw_fault *fault)
{
    return kw_fail(fault, -EBADMSG, KW_E_CORRUPT, carry->path, "%s", why);
}

static int no_memory(struct kw_fault *fault)
{
    return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "carry", "no memory");
}

static int set_path(struct kw_carry *carry, const char *path, struct kw_fault *fault)
{
    if ((size_t)snprintf(carry->path, sizeof carry->path, "%s", path) >= sizeof carry->path ||
        (size_t)snprintf(carry->part, sizeof carry->part, "%s.part", path) >= sizeof carry->part)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, path, "the path is too long");
    return 0;
}

static void set_key(struct kw_carry *carry, const struct kw_agent_settings *settings, uint64_t number)
{
    carry->principal = settings->name;
    kw_derive(settings->curve.secret, "kwcarry", number, carry->key);
}

/* What the next item is bound to. */
static int set_context(struct kw_carry *carry, bool last)
{
    const uint8_t kind = (uint8_t)carry->kind, end = last;
    carry->context.size = 0;
    int r = kw_buf_text(&carry->context, MAGIC);
    if (r == 0)
        r = kw_put_item(&carry->context, carry->principal, strlen(carry->principal));
    if (r == 0)
        r = kw_buf_append(&carry->context, &kind, 1);
    if (r == 0)
        r = kw_buf_u64(&carry->context, carry->items);
    return r < 0 ? r : kw_buf_append(&carry->context, &end, 1);
}

/* ---- writing ------------------------------------------------------------------------- */

static int write_head(struct kw_carry *carry, uint64_t number, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf head = {0};
    const uint8_t kind = (uint8_t)carry->kind;
    if (kw_buf_text(&head, MAGIC) < 0 || kw_buf_append(&head, &kind, 1) < 0 || kw_buf_u64(&head, number) < 0)
        return no_memory(fault);
    return fwrite(head.data, head.size, 1, carry->file) == 1 ? 0 : troubled(carry, "cannot be written", fault);
}

int kw_carry_create(const char *path, enum kw_carry_kind kind, const struct kw_agent_settings *settings, struct kw_carry *ret_carry,
                    struct kw_fault *fault)
{
    struct kw_carry carry = {.kind = kind};
    uint64_t number;
    int r = set_path(&carry, path, fault);
    if (r < 0)
        return r;
    if (access(path, F_OK) == 0)
        return kw_fail(fault, -EEXIST, KW_E_FILE, path, "is there already: name another file");
    const int fd = open(carry.part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0)
        carry.file = fdopen(fd, "w");
    if (!carry.file)
        return troubled(&carry, "cannot be made", fault);
    kw_random(&number, sizeof number);
    set_key(&carry, settings, number);
    r = write_head(&carry, number, fault);
    if (r < 0)
        kw_carry_close(&carry);
    else
        *ret_carry = carry;
    return r;
}

static int put(struct kw_carry *carry, struct kw_view item, bool last, struct kw_fault *fault)
{
    carry->sealed.size = 0;
    int r = kw_buf_u32(&carry->sealed, 0);
    if (r == 0)
        r = set_context(carry, last);
    if (r == 0)
        r = kw_encrypt(carry->key, kw_view_of(&carry->context), item, &carry->sealed);
    if (r < 0)
        return no_memory(fault);
    const size_t length = carry->sealed.size - 4;
    for (unsigned i = 0; i < 4; i++)
        carry->sealed.data[i] = (uint8_t)(length >> (24 - 8 * i));
    carry->items++;
    return fwrite(carry->sealed.data, carry->sealed.size, 1, carry->file) == 1 ? 0 : troubled(carry, "cannot be written", fault);
}

int kw_carry_put(struct kw_carry *carry, struct kw_view item, struct kw_fault *fault)
{
    return put(carry, item, false, fault);
}

static int sync_folder(const struct kw_carry *carry, struct kw_fault *fault)
{
    char folder[KW_PATH_SIZE];
    const char *slash = strrchr(carry->path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - carry->path) + 1 : 1, slash ? carry->path : ".");
    KW_AUTO(kw_closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* a stick's file system may not know how to sync a folder */
    return fd < 0 || (fsync(fd) < 0 && errno != EINVAL) ? troubled(carry, "its folder cannot be synced", fault) : 0;
}

int kw_carry_finish(struct kw_carry *carry, struct kw_fault *fault)
{
    int r = put(carry, (struct kw_view){0}, true, fault);
    if (r == 0 && (fflush(carry->file) != 0 || fsync(fileno(carry->file)) < 0))
        r = troubled(carry, "cannot be written", fault);
    if (r == 0 && rename(carry->part, carry->path) < 0)
        r = troubled(carry, "cannot be named", fault);
    if (r < 0)
        return r;
    carry->part[0] = 0;
    return sync_folder(carry, fault);
}

/* ---- reading --------------------------------------------------------------------------- */

int kw_carry_open(const char *path, const struct kw_agent_settings *settings, struct kw_carry *ret_carry, struct kw_fault *fault)
{
    struct kw_carry carry = {0};
    uint8_t head[HEAD_SIZE];
    struct kw_view rest = {head, sizeof head}, magic, kind;
    uint64_t number;
    int r = set_path(&carry, path, fault);
    if (r < 0)
        return r;
    carry.part[0] = 0;
    carry.file = fopen(path, "re");
    if (!carry.file)
        return troubled(&carry, "cannot be opened", fault);
    if (fread(head, sizeof head, 1, carry.file) != 1 || kw_take(&rest, sizeof MAGIC - 1, &magic) < 0 ||
        memcmp(magic.data, MAGIC, magic.size) != 0 || kw_take(&rest, 1, &kind) < 0 || kw_take_u64(&rest, &number) < 0 ||
        kind.data[0] < KW_CARRY_BATCHES || kind.data[0] > KW_CARRY_RECEIPTS) {
        kw_carry_close(&carry);
        return kw_fail(fault, -EBADMSG, KW_E_CORRUPT, path, "is not a file of kinward agent export");
    }
    carry.kind = (enum kw_carry_kind)kind.data[0];
    set_key(&carry, settings, number);
    *ret_carry = carry;
    return 0;
}

static int read_sealed(struct kw_carry *carry, struct kw_fault *fault)
{
    uint8_t size[4];
    uint32_t length;
    if (fread(size, sizeof size, 1, carry->file) != 1)
        return damaged(carry, "it ends too early: copy it again", fault);
    struct kw_view rest = {size, sizeof size};
    if (kw_take_u32(&rest, &length) < 0 || length > ITEM_MOST)
        return damaged(carry, "it is damaged: copy it again", fault);
    carry->sealed.size = 0;
    if (kw_buf_reserve(&carry->sealed, length) < 0)
        return no_memory(fault);
    if (length && fread(carry->sealed.data, length, 1, carry->file) != 1)
        return damaged(carry, "it ends too early: copy it again", fault);
    carry->sealed.size = length;
    return 0;
}

int kw_carry_next(struct kw_carry *carry, struct kw_buf *ret_item, struct kw_fault *fault)
{
    int r = read_sealed(carry, fault);
    bool last = false;
    for (int i = 0; r == 0 && i < 2; i++) {
        last = i == 1;
        ret_item->size = 0;
        if (set_context(carry, last) < 0)
            return no_memory(fault);
        r = kw_decrypt(carry->key, kw_view_of(&carry->context), kw_view_of(&carry->sealed), ret_item);
        if (r == 0)
            break;
        if (r == -EKEYREJECTED)
            r = last ? damaged(carry, "it is damaged, or of an agent with other keys", fault) : 0;
    }
    if (r < 0)
        return r == -ENOMEM ? no_memory(fault) : r;
    carry->items++;
    if (!last)
        return 0;
    return fgetc(carry->file) == EOF ? -ENODATA : damaged(carry, "something follows its end", fault);
}

void kw_carry_close(struct kw_carry *carry)
{
    if (!carry || !carry->file)
        return;
    fclose(carry->file);
    if (carry->part[0])
        (void)unlink(carry->part);
    kw_wipe(carry->key, sizeof carry->key);
    kw_buf_clear(&carry->sealed);
    kw_buf_clear(&carry->context);
    *carry = (struct kw_carry){0};
}
