/* SPDX-License-Identifier: Apache-2.0 */
/* note.c - C2SP signed notes: verifier keys, parsing, signing; checkpoints and cosignatures stand on it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/internal.h"

#define KEY_HASH_SIZE 4
static const char dash[] = "\xe2\x80\x94 "; /* U+2014 and a space */

/* ---- pieces of text --------------------------------------------------------------- */

int kw_line(struct kw_view *rest, struct kw_view *ret_line)
{
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;

    if (!end)
        return -EBADMSG;
    *ret_line = (struct kw_view){rest->data, (size_t)(end - rest->data)};
    rest->size -= ret_line->size + 1;
    rest->data = end + 1;
    return 0;
}

int kw_decimal(struct kw_view text, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (text.size == 0 || text.size > 20 || (text.data[0] == '0' && text.size > 1))
        return -EBADMSG;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value))
            return -EBADMSG;
    }
    *ret_value = value;
    return 0;
}

int kw_base64_exact(struct kw_view text, uint8_t *ret_bytes, size_t size)
{
    struct kw_buf bytes = {0};
    int r = text.size == (size + 2) / 3 * 4 ? kw_base64_parse(text, &bytes) : -EBADMSG;

    if (r == 0 && bytes.size != size)
        r = -EBADMSG;
    if (r == 0)
        memcpy(ret_bytes, bytes.data, size);
    kw_buf_clear(&bytes);
    return r;
}

bool kw_view_starts(struct kw_view view, const char *text)
{
    size_t size = strlen(text);

    return view.size >= size && memcmp(view.data, text, size) == 0;
}

/* Next code point of UTF-8 (RFC 3629), 0 at ill-formed bytes. */
static uint32_t next_code_point(struct kw_view *rest)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = rest->data[0];
    size_t width = first < 0x80 ? 1 : first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc0 ? 2 : 0;
    uint32_t point = width == 1 ? first : first & (0x7fu >> width);

    if (width == 0 || width > rest->size || first >= 0xf8)
        return 0;
    for (size_t i = 1; i < width; i++) {
        if ((rest->data[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (rest->data[i] & 0x3f);
    }
    if (point < least[width] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return 0;
    rest->data += width;
    rest->size -= width;
    return point;
}

static bool is_space(uint32_t point)
{
    return (point >= 9 && point <= 13) || point == 0x20 || point == 0x85 || point == 0xa0 || point == 0x1680 ||
           (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 || point == 0x202f || point == 0x205f ||
           point == 0x3000;
}

/* Well-formed UTF-8 without control characters but newline. */
static bool text_good(struct kw_view text)
{
    while (text.size > 0) {
        uint32_t point = next_code_point(&text);

        if (point < 0x20 && point != '\n')
            return false;
    }
    return true;
}

static bool name_good(struct kw_view name)
{
    if (name.size == 0 || name.size >= sizeof(((struct kw_vkey *)0)->name))
        return false;
    while (name.size > 0) {
        uint32_t point = next_code_point(&name);

        if (point < 0x20 || point == '+' || is_space(point))
            return false;
    }
    return true;
}

/* ---- verifier keys ------------------------------------------------------------------- */

int kw_vkey_make(const char *name, uint8_t type, const uint8_t key[KW_KEY_SIZE], struct kw_vkey *ret_vkey)
{
    struct kw_sha256 hash;
    uint8_t digest[KW_HASH_SIZE];

    if (!name_good(kw_view_text(name)))
        return -EINVAL;
    kw_sha256_start(&hash);
    kw_sha256_add(&hash, name, strlen(name));
    kw_sha256_add(&hash, "\n", 1);
    kw_sha256_add(&hash, &type, 1);
    kw_sha256_add(&hash, key, KW_KEY_SIZE);
    kw_sha256_end(&hash, digest);
    *ret_vkey = (struct kw_vkey){.type = type};
    memcpy(ret_vkey->name, name, strlen(name));
    memcpy(ret_vkey->id, digest, KEY_HASH_SIZE);
    memcpy(ret_vkey->key, key, KW_KEY_SIZE);
    return 0;
}

int kw_vkey_text(const struct kw_vkey *vkey, struct kw_buf *ret_text)
{
    uint8_t bytes[1 + KW_KEY_SIZE] = {vkey->type};
    char id[2 * KEY_HASH_SIZE + 1];
    int r;

    memcpy(bytes + 1, vkey->key, KW_KEY_SIZE);
    kw_hex(id, vkey->id, KEY_HASH_SIZE);
    r = kw_buf_format(ret_text, "%s+%s+", vkey->name, id);
    return r < 0 ? r : kw_base64(ret_text, bytes, sizeof bytes);
}

int kw_vkey_parse(struct kw_view text, struct kw_vkey *ret_vkey, struct kw_fault *fault)
{
    const uint8_t *plus = text.size > 0 ? memchr(text.data, '+', text.size) : NULL;
    size_t name_size = plus ? (size_t)(plus - text.data) : 0, head = name_size + 2 + (size_t)2 * KEY_HASH_SIZE;
    uint8_t bytes[1 + KW_KEY_SIZE];
    char name[sizeof ret_vkey->name] = {0}, id[2 * KEY_HASH_SIZE + 1];
    struct kw_vkey vkey;

    if (!plus || text.size <= head || text.data[head - 1] != '+' || name_size >= sizeof name)
        return kw_fail(fault, -EBADMSG, KW_E_KEY, "vkey", "not name+hash+key");
    memcpy(name, text.data, name_size);
    if (kw_base64_exact((struct kw_view){text.data + head, text.size - head}, bytes, sizeof bytes) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_KEY, "vkey", "not the base64 of a type and 32 bytes");
    if (bytes[0] != KW_NOTE_ED25519 && bytes[0] != KW_NOTE_COSIGNATURE)
        return kw_fail(fault, -EBADMSG, KW_E_KEY, "vkey", "type %u is neither Ed25519 nor cosignature/v1", bytes[0]);
    if (strlen(name) != name_size || kw_vkey_make(name, bytes[0], bytes + 1, &vkey) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_KEY, "vkey", "its name is no key name");
    kw_hex(id, vkey.id, KEY_HASH_SIZE);
    if (memcmp(id, plus + 1, 2 * KEY_HASH_SIZE) != 0)
        return kw_fail(fault, -EBADMSG, KW_E_KEY, "vkey", "its hash is not that of its name and key");
    *ret_vkey = vkey;
    return 0;
}

/* ---- notes ------------------------------------------------------------------------------- */

static int parse_line(struct kw_view line, struct kw_note_line *ret_line)
{
    struct kw_view rest = line;
    const uint8_t *space;
    struct kw_buf bytes = {0};
    int r;

    if (!kw_view_starts(rest, dash))
        return -EBADMSG;
    rest.data += sizeof dash - 1;
    rest.size -= sizeof dash - 1;
    space = rest.size > 0 ? memchr(rest.data, ' ', rest.size) : NULL;
    if (!space)
        return -EBADMSG;
    ret_line->line = line;
    ret_line->name = (struct kw_view){rest.data, (size_t)(space - rest.data)};
    ret_line->base64 = (struct kw_view){space + 1, rest.size - ret_line->name.size - 1};
    if (!name_good(ret_line->name))
        return -EBADMSG;
    r = kw_base64_parse(ret_line->base64, &bytes);
    if (r == 0 && bytes.size <= KEY_HASH_SIZE)
        r = -EBADMSG;
    if (r == 0)
        memcpy(ret_line->id, bytes.data, KEY_HASH_SIZE);
    kw_buf_clear(&bytes);
    return r;
}

int kw_note_parse(struct kw_view bytes, struct kw_note *ret_note, struct kw_fault *fault)
{
    struct kw_view lines;
    const uint8_t *gap = NULL;

    if (bytes.size < 3 || bytes.size > KW_LIMIT_NOTE || !text_good(bytes))
        return kw_fail(fault, -EBADMSG, KW_E_NOTE, "note", "empty, too large, not UTF-8 or with control characters");
    for (const uint8_t *at = bytes.data + bytes.size - 1; !gap && at > bytes.data; at--) {
        if (at[0] == '\n' && at[-1] == '\n')
            gap = at;
    }
    if (!gap)
        return kw_fail(fault, -EBADMSG, KW_E_NOTE, "note", "there is no empty line before signatures");
    lines = (struct kw_view){gap + 1, bytes.size - (size_t)(gap + 1 - bytes.data)};
    ret_note->text = (struct kw_view){bytes.data, (size_t)(gap - bytes.data)};
    ret_note->count = 0;
    while (lines.size > 0) {
        struct kw_view line;

        if (ret_note->count == KW_NOTE_LINES)
            return kw_fail(fault, -EBADMSG, KW_E_NOTE, "note", "more than %d signatures", KW_NOTE_LINES);
        if (kw_line(&lines, &line) < 0 || parse_line(line, &ret_note->lines[ret_note->count]) < 0)
            return kw_fail(fault, -EBADMSG, KW_E_NOTE, "note", "signature line %zu is not one", ret_note->count + 1);
        ret_note->count++;
    }
    if (ret_note->count == 0)
        return kw_fail(fault, -EBADMSG, KW_E_NOTE, "note", "there is no signature");
    return 0;
}

/* What a cosignature of time signs (tlog-cosignature, v1). */
static int cosigned_text(struct kw_view text, uint64_t time, struct kw_buf *out)
{
    int r = kw_buf_format(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time);

    return r < 0 ? r : kw_buf_append(out, text.data, text.size);
}

static int verify_line(struct kw_view text, const struct kw_note_line *line, const struct kw_vkey *vkey, uint64_t *ret_time)
{
    struct kw_buf bytes = {0}, signed_text = {0};
    struct kw_view rest;
    uint64_t time = 0;
    bool good;
    int r = kw_base64_parse(line->base64, &bytes);

    if (r < 0)
        return r;
    rest = (struct kw_view){bytes.data + KEY_HASH_SIZE, bytes.size - KEY_HASH_SIZE};
    if (vkey->type == KW_NOTE_COSIGNATURE) {
        r = kw_take_u64(&rest, &time);
        if (r == 0)
            r = cosigned_text(text, time, &signed_text);
        text = kw_view_of(&signed_text);
    }
    good = r == 0 && rest.size == KW_SIGNATURE_SIZE && kw_verify(vkey->key, text.data, text.size, rest.data);
    kw_buf_clear(&signed_text);
    kw_buf_clear(&bytes);
    if (r == -ENOMEM)
        return r;
    if (!good)
        return -EBADMSG;
    if (ret_time)
        *ret_time = time;
    return 1;
}

int kw_note_verify(const struct kw_note *note, const struct kw_vkey *vkey, uint64_t *ret_time)
{
    int found = 0;

    for (size_t i = 0; i < note->count; i++) {
        const struct kw_note_line *line = &note->lines[i];

        if (!kw_view_is(line->name, vkey->name) || memcmp(line->id, vkey->id, KEY_HASH_SIZE) != 0)
            continue;
        found = verify_line(note->text, line, vkey, ret_time);
        if (found < 0)
            return found;
    }
    return found;
}

int kw_note_sign(struct kw_view text, const struct kw_vkey *vkey, const struct kw_sign_key *key, uint64_t time, struct kw_buf *out)
{
    struct kw_buf signed_text = {0}, bytes = {0};
    uint8_t signature[KW_SIGNATURE_SIZE];
    int r = kw_buf_append(&bytes, vkey->id, KEY_HASH_SIZE);

    if (r == 0 && vkey->type == KW_NOTE_COSIGNATURE) {
        r = kw_buf_u64(&bytes, time);
        if (r == 0)
            r = cosigned_text(text, time, &signed_text);
        text = kw_view_of(&signed_text);
    }
    if (r == 0) {
        kw_sign(key, text.data, text.size, signature);
        r = kw_buf_append(&bytes, signature, sizeof signature);
    }
    if (r == 0)
        r = kw_buf_format(out, "%s%s ", dash, vkey->name);
    if (r == 0)
        r = kw_base64(out, bytes.data, bytes.size);
    if (r == 0)
        r = kw_buf_text(out, "\n");
    kw_buf_clear(&bytes);
    kw_buf_clear(&signed_text);
    return r;
}

/* ---- checkpoints ------------------------------------------------------------------------- */

int kw_checkpoint_parse(struct kw_view text, struct kw_checkpoint *ret_checkpoint, struct kw_fault *fault)
{
    struct kw_checkpoint checkpoint;
    struct kw_view size, root;

    if (kw_line(&text, &checkpoint.origin) < 0 || checkpoint.origin.size == 0 || kw_line(&text, &size) < 0 ||
        kw_decimal(size, &checkpoint.size) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_NOTE, "checkpoint", "not an origin line and a size line");
    if (kw_line(&text, &root) < 0 || kw_base64_exact(root, checkpoint.root, KW_HASH_SIZE) < 0 || text.size > 0)
        return kw_fail(fault, -EBADMSG, KW_E_NOTE, "checkpoint", "not one root line, or lines after it");
    *ret_checkpoint = checkpoint;
    return 0;
}

int kw_checkpoint_text(const char *origin, uint64_t size, const kw_hash root, struct kw_buf *ret_text)
{
    int r = kw_buf_format(ret_text, "%s\n%llu\n", origin, (unsigned long long)size);

    if (r == 0)
        r = kw_base64(ret_text, root, KW_HASH_SIZE);
    return r < 0 ? r : kw_buf_text(ret_text, "\n");
}
