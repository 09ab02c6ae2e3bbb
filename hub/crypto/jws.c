/* SPDX-License-Identifier: Apache-2.0 */
/* jws.c - compact JWS (RFC 7515) with RS256 or EdDSA. The key's type says which; the header must agree. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "crypto/crypto.h"

/* The header is untrusted JSON of which two members matter: `alg`, which must be `wanted`, and `crit`, which is refused
 * (RFC 7515 §4.1.11). Walks the tokens at depth 1; escapes inside a member's name count as another name. */
struct header_walk {
    struct kw_view text, key;
    size_t at;
    int depth;
    bool after_colon, bad, found;
};

static struct kw_view take_string(struct header_walk *walk)
{
    size_t start = ++walk->at;

    while (walk->at < walk->text.size && walk->text.data[walk->at] != '"')
        walk->at += walk->text.data[walk->at] == '\\' ? 2 : 1;
    if (walk->at >= walk->text.size) {
        walk->bad = true;
        return (struct kw_view){0};
    }
    return (struct kw_view){walk->text.data + start, walk->at - start};
}

static void on_string(struct header_walk *walk, const char *wanted)
{
    struct kw_view string = take_string(walk);

    if (walk->depth != 1)
        return;
    if (!walk->after_colon) {
        walk->key = string;
        walk->bad |= kw_view_is(string, "crit") || memchr(string.data ? string.data : (const uint8_t *)"", '\\', string.size);
    } else if (kw_view_is(walk->key, "alg")) {
        walk->bad |= walk->found || !kw_view_is(string, wanted);
        walk->found = true;
    }
}

static bool header_says(struct kw_view text, const char *wanted)
{
    struct header_walk walk = {.text = text};

    if (text.size < 2 || text.data[0] != '{' || text.data[text.size - 1] != '}')
        return false;
    for (; walk.at < text.size && !walk.bad; walk.at++) {
        uint8_t c = text.data[walk.at];

        if (c == '"') {
            on_string(&walk, wanted);
        } else if (c == '{' || c == '[') {
            walk.depth++;
        } else if (c == '}' || c == ']') {
            walk.depth--;
            walk.bad |= walk.depth < 0 || (walk.depth == 0 && walk.at + 1 != text.size);
        } else if (c == ':' && walk.depth == 1) {
            walk.after_colon = true;
        } else if (c == ',' && walk.depth == 1) {
            walk.after_colon = false;
        }
    }
    return !walk.bad && walk.found && walk.depth == 0;
}

static int key_read(struct kw_view pem, EVP_PKEY **ret_key, const char **ret_algorithm, struct kw_fault *fault)
{
    BIO *bio = pem.size <= INT32_MAX ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048) {
        *ret_algorithm = "RS256";
    } else if (key && EVP_PKEY_is_a(key, "ED25519")) {
        *ret_algorithm = "EdDSA";
    } else {
        EVP_PKEY_free(key);
        return kw_fail(fault, -EINVAL, KW_E_KEY, "public key", "not a PEM public key of RSA with at least 2048 bits, or Ed25519");
    }
    *ret_key = key;
    return 0;
}

static bool signature_good(EVP_PKEY *key, const char *algorithm, struct kw_view data, struct kw_view signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context &&
                EVP_DigestVerifyInit(context, NULL, strcmp(algorithm, "RS256") == 0 ? EVP_sha256() : NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, signature.data, signature.size, data.data, data.size) == 1;

    EVP_MD_CTX_free(context);
    return good;
}

int kw_jws_verify(struct kw_view compact, struct kw_view public_key_pem, struct kw_buf *ret_payload, struct kw_fault *fault)
{
    struct kw_buf header = {0}, signature = {0}, payload = {0};
    const uint8_t *end = compact.data + compact.size, *dot = NULL, *last = NULL;
    const char *algorithm = NULL;
    EVP_PKEY *key = NULL;
    int r = key_read(public_key_pem, &key, &algorithm, fault);

    if (r < 0)
        return r;
    dot = compact.size ? memchr(compact.data, '.', compact.size) : NULL;
    last = dot ? memchr(dot + 1, '.', (size_t)(end - dot - 1)) : NULL;
    if (!last || memchr(last + 1, '.', (size_t)(end - last - 1))) {
        r = kw_fail(fault, -EBADMSG, KW_E_SIGNATURE, "token", "not three parts");
        goto out;
    }
    r = kw_base64url_parse((struct kw_view){compact.data, (size_t)(dot - compact.data)}, &header);
    if (r == 0)
        r = kw_base64url_parse((struct kw_view){dot + 1, (size_t)(last - dot - 1)}, &payload);
    if (r == 0)
        r = kw_base64url_parse((struct kw_view){last + 1, (size_t)(end - last - 1)}, &signature);
    if (r < 0)
        r = kw_fail(fault, r, KW_E_SIGNATURE, "token", "a part is not base64url");
    else if (!header_says(kw_view_of(&header), algorithm))
        r = kw_fail(fault, -EBADMSG, KW_E_SIGNATURE, "token", "its header does not say %s, or has crit", algorithm);
    else if (!signature_good(key, algorithm, (struct kw_view){compact.data, (size_t)(last - compact.data)}, kw_view_of(&signature)))
        r = kw_fail(fault, -EKEYREJECTED, KW_E_SIGNATURE, "token", "the signature does not verify");
    else
        r = kw_buf_append(ret_payload, payload.data, payload.size);
out:
    EVP_PKEY_free(key);
    kw_buf_clear(&header);
    kw_buf_clear(&payload);
    kw_buf_clear(&signature);
    return r;
}
