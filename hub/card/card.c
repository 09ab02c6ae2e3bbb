/* SPDX-License-Identifier: Apache-2.0 */
/* card.c - writing, reading and checking of cards. */
#include "card/card.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "json/json.h"

static const char domain[] = "kinward/card/v1\n";

static bool is_name_character(uint8_t c, bool edge)
{
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return true;
    return !edge && (c == '.' || c == '-');
}

bool kw_card_name_valid(struct kw_view name)
{
    if (name.size < 3 || name.size > KW_LIMIT_PRINCIPAL)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        if (!is_name_character(name.data[i], i == 0 || i + 1 == name.size))
            return false;
    }
    return true;
}

bool kw_card_jurisdiction_valid(struct kw_view code)
{
    return code.size == 2 && code.data[0] >= 'A' && code.data[0] <= 'Z' && code.data[1] >= 'A' && code.data[1] <= 'Z';
}

static void vkey_or_null(struct kw_json_out *json, const char *name, const char *vkey)
{
    if (vkey[0])
        kw_json_string(json, name, vkey);
    else
        kw_json_null(json, name);
}

static int print_line(const struct kw_card *card, struct kw_buf *line)
{
    struct kw_json_out json = {.out = line};
    kw_json_object(&json, NULL);
    kw_json_integer(&json, "kinward-card", 1);
    kw_json_string(&json, "name", card->name);
    kw_json_string(&json, "jurisdiction", card->jurisdiction);
    kw_json_string(&json, "contact", card->contact);
    kw_json_base64(&json, "curve", card->curve, sizeof card->curve);
    kw_json_base64(&json, "sign", card->sign, sizeof card->sign);
    if (card->has_box)
        kw_json_base64(&json, "box", card->box, sizeof card->box);
    else
        kw_json_null(&json, "box");
    vkey_or_null(&json, "log", card->log);
    vkey_or_null(&json, "witness", card->witness);
    kw_json_string(&json, "made", card->made);
    kw_json_close(&json, '}');
    return kw_json_end(&json);
}

static int signed_bytes(struct kw_view line, struct kw_buf *ret_bytes)
{
    int r = kw_buf_text(ret_bytes, domain);
    return r < 0 ? r : kw_buf_append(ret_bytes, line.data, line.size);
}

int kw_card_print(const struct kw_card *card, const struct kw_sign_key *key, struct kw_buf *ret_text)
{
    KW_AUTO(kw_buf_clear) struct kw_buf line = {0}, bytes = {0};
    uint8_t signature[KW_SIGNATURE_SIZE];
    int r = print_line(card, &line);
    if (r == 0)
        r = signed_bytes(kw_view_of(&line), &bytes);
    if (r < 0)
        return r;
    kw_sign(key, bytes.data, bytes.size, signature);
    r = kw_buf_text(&line, "\n");
    if (r == 0)
        r = kw_base64(&line, signature, sizeof signature);
    if (r == 0)
        r = kw_buf_text(&line, "\n");
    return r < 0 ? r : kw_buf_append(ret_text, line.data, line.size);
}

static struct kw_view first_line(struct kw_view text)
{
    const uint8_t *end = text.size ? memchr(text.data, '\n', text.size) : NULL;
    return (struct kw_view){text.data, end ? (size_t)(end - text.data) : text.size};
}

static int copy_text(const struct kw_json *card, const char *name, char *ret, size_t size, bool nullable, struct kw_fault *fault)
{
    struct kw_view text = {0};
    const struct kw_json *member = kw_json_member(card, name);
    if (nullable && (!member || kw_json_type(member) == KW_JSON_NULL)) {
        ret[0] = 0;
        return 0;
    }
    int r = kw_json_get_text(card, name, size - 1, &text, fault);
    if (r < 0)
        return r;
    memcpy(ret, text.data, text.size);
    ret[text.size] = 0;
    return 0;
}

static int read_members(const struct kw_json *json, struct kw_card *card, struct kw_fault *fault)
{
    int64_t version;
    int64_t made;
    int r = kw_json_get_integer(json, "kinward-card", 1, 1, &version, fault);
    if (r == 0)
        r = copy_text(json, "name", card->name, sizeof card->name, false, fault);
    if (r == 0)
        r = copy_text(json, "jurisdiction", card->jurisdiction, sizeof card->jurisdiction, false, fault);
    if (r == 0)
        r = copy_text(json, "contact", card->contact, sizeof card->contact, false, fault);
    if (r == 0)
        r = copy_text(json, "log", card->log, sizeof card->log, true, fault);
    if (r == 0)
        r = copy_text(json, "witness", card->witness, sizeof card->witness, true, fault);
    if (r == 0)
        r = copy_text(json, "made", card->made, sizeof card->made, false, fault);
    if (r == 0)
        r = kw_json_get_base64(json, "curve", card->curve, sizeof card->curve, fault);
    if (r == 0)
        r = kw_json_get_base64(json, "sign", card->sign, sizeof card->sign, fault);
    const struct kw_json *box = kw_json_member(json, "box");
    card->has_box = box && kw_json_type(box) != KW_JSON_NULL;
    if (r == 0 && card->has_box)
        r = kw_json_get_base64(json, "box", card->box, sizeof card->box, fault);
    if (r < 0)
        return r;
    if (!kw_card_name_valid(kw_view_text(card->name)))
        return kw_fail(fault, -EBADMSG, KW_E_JSON, "name", "must be 3 to 64 characters of a-z, 0-9, '.' and '-'");
    if (!kw_card_jurisdiction_valid(kw_view_text(card->jurisdiction)))
        return kw_fail(fault, -EBADMSG, KW_E_JSON, "jurisdiction", "must be an ISO 3166-1 alpha-2 code");
    if (kw_time_parse(kw_view_text(card->made), &made) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_JSON, "made", "must be an RFC 3339 time");
    return 0;
}

static int check_signature(struct kw_view line, struct kw_view rest, const struct kw_card *card, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf signature = {0}, bytes = {0};
    while (rest.size && (rest.data[rest.size - 1] == '\n' || rest.data[rest.size - 1] == '\r'))
        rest.size--;
    if (kw_base64_parse(rest, &signature) < 0 || signature.size != KW_SIGNATURE_SIZE)
        return kw_fail(fault, -EBADMSG, KW_E_SIGNATURE, "line 2", "must be one base64 Ed25519 signature");
    int r = signed_bytes(line, &bytes);
    if (r < 0)
        return r;
    if (!kw_verify(card->sign, bytes.data, bytes.size, signature.data))
        return kw_fail(fault, -EKEYREJECTED, KW_E_SIGNATURE, "line 2", "the card is not signed by its own key");
    return 0;
}

int kw_card_parse(struct kw_view text, struct kw_card *ret_card, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *json = NULL;
    struct kw_card card = {0};
    struct kw_view line = first_line(text);
    if (text.size > KW_CARD_LIMIT)
        return kw_fail(fault, -EMSGSIZE, KW_E_TOO_LARGE, "card", "larger than %u bytes", KW_CARD_LIMIT);
    if (line.size == text.size)
        return kw_fail(fault, -EBADMSG, KW_E_SIGNATURE, "line 2", "there is no signature");
    int r = kw_json_parse(line, &json, fault);
    if (r == 0)
        r = read_members(json, &card, fault);
    if (r == 0)
        r = check_signature(line, (struct kw_view){line.data + line.size + 1, text.size - line.size - 1}, &card, fault);
    if (r == 0)
        *ret_card = card;
    return r;
}

int kw_card_load(const char *path, struct kw_card *ret_card, struct kw_fault *fault)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    int r = kw_file_read(path, KW_CARD_LIMIT, &text, fault);
    return r < 0 ? r : kw_card_parse(kw_view_of(&text), ret_card, fault);
}

void kw_card_fingerprint(struct kw_view text, char ret_fingerprint[KW_FINGERPRINT_SIZE])
{
    uint8_t digest[KW_HASH_SIZE];
    char hex[41];
    struct kw_view line = first_line(text);
    kw_sha256_of(line.data, line.size, digest);
    kw_hex(hex, digest, 20);
    for (size_t group = 0; group < 10; group++) {
        memcpy(ret_fingerprint + 5 * group, hex + 4 * group, 4);
        ret_fingerprint[5 * group + 4] = group == 9 ? 0 : '-';
    }
}

static int next_digit(const char **text)
{
    while (**text && !isxdigit((unsigned char)**text))
        (*text)++;
    return **text ? tolower((unsigned char)*(*text)++) : 0;
}

bool kw_card_fingerprint_equal(const char *fingerprint, const char *typed)
{
    for (;;) {
        int a = next_digit(&fingerprint), b = next_digit(&typed);
        if (a != b)
            return false;
        if (!a)
            return true;
    }
}
