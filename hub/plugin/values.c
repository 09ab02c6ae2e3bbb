/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - host services over values: JSON, encodings, hashes, signatures. */
#include <errno.h>
#include <string.h>

#include "private.h"

/* A plugin's struct kinward_json is our struct kw_json; neither side looks into the other's. */
static struct kw_json *in(const struct kinward_json *value)
{
    return (struct kw_json *)(void *)value;
}
static struct kinward_json *out_of(struct kw_json *value)
{
    return (struct kinward_json *)(void *)value;
}

static kinward_verdict json_parse(void *context, struct kinward_view text, struct kinward_json **ret_root)
{
    struct kw_instance *instance = context;
    struct kw_fault fault = {0};
    struct kw_json *root = NULL;
    int error = kw_json_parse(kw_view_in(text), &root, &fault);
    if (error)
        return instance->host.fail(context, error == -ENOMEM ? KINWARD_RETRY : KINWARD_REJECT,
                                   "not strict JSON: line %u, column %u", fault.line, fault.column);
    *ret_root = out_of(root);
    return KINWARD_OK;
}

static void json_free(void *context, struct kinward_json *root)
{
    kw_json_free(in(root));
}

static struct kinward_json *json_member(void *context, const struct kinward_json *value, const char *name)
{
    return value && kw_json_type(in(value)) == KW_JSON_OBJECT ? out_of(kw_json_member(in(value), name)) : NULL;
}

static bool is_array(const struct kinward_json *value)
{
    return value && kw_json_type(in(value)) == KW_JSON_ARRAY;
}

static struct kinward_json *json_at(void *context, const struct kinward_json *value, size_t index)
{
    return is_array(value) && index < kw_json_count(in(value)) ? out_of(kw_json_at(in(value), index)) : NULL;
}

static size_t json_count(void *context, const struct kinward_json *value)
{
    return is_array(value) ? kw_json_count(in(value)) : 0;
}

static struct kinward_view json_text(void *context, const struct kinward_json *value)
{
    return value ? kw_view_out(kw_json_text_of(in(value))) : (struct kinward_view){0};
}

static int json_integer(void *context, const struct kinward_json *value, int64_t *ret_value)
{
    return value && kw_json_integer_of(in(value), ret_value) == 0;
}

static kinward_verdict give(struct kw_buf *bytes, int error, const struct kinward_out *out)
{
    kinward_verdict verdict = error == -ENOMEM ? KINWARD_RETRY : error ? KINWARD_REJECT : KINWARD_OK;
    if (!error && bytes->size)
        verdict = out->write(out->context, bytes->data, bytes->size);
    kw_buf_clear(bytes);
    return verdict;
}

static kinward_verdict json_quote(void *context, struct kinward_view text, const struct kinward_out *out)
{
    struct kw_buf bytes = {0};
    struct kw_json_out json = {.out = &bytes};
    kw_json_text(&json, NULL, kw_view_in(text));
    return give(&bytes, kw_json_end(&json), out);
}

static kinward_verdict base64(void *context, struct kinward_view bytes, const struct kinward_out *out)
{
    struct kw_buf text = {0};
    return give(&text, kw_base64(&text, bytes.data, bytes.size), out);
}

static kinward_verdict json_print(void *context, const struct kinward_json *value, const struct kinward_out *out)
{
    struct kw_buf text = {0};
    return give(&text, value ? kw_json_print(in(value), &text) : -EINVAL, out);
}

static kinward_verdict base64_parse(void *context, struct kinward_view text, const struct kinward_out *out)
{
    struct kw_buf bytes = {0};
    return give(&bytes, kw_base64_parse(kw_view_in(text), &bytes), out);
}

static kinward_verdict uri_component(void *context, struct kinward_view text, const struct kinward_out *out)
{
    struct kw_buf encoded = {0};
    return give(&encoded, kw_uri_component(kw_view_in(text), &encoded), out);
}

static void sha256(void *context, struct kinward_view bytes, uint8_t ret_digest[32])
{
    kw_sha256_of(bytes.data, bytes.size, ret_digest);
}

static void hmac_sha256(void *context, struct kinward_view key, struct kinward_view bytes, uint8_t ret_tag[32])
{
    kw_hmac_sha256(kw_view_in(key), kw_view_in(bytes), (struct kw_view){0}, ret_tag);
}

static int equal(void *context, struct kinward_view a, struct kinward_view b)
{
    return a.size == b.size && (a.size == 0 || kw_equal_secret(a.data, b.data, a.size));
}

static kinward_verdict jws_verify(void *context, struct kinward_view compact, struct kinward_view public_key_pem,
                                  const struct kinward_out *payload)
{
    struct kw_instance *instance = context;
    struct kw_fault fault = {0};
    struct kw_buf bytes = {0};
    int error = kw_jws_verify(kw_view_in(compact), kw_view_in(public_key_pem), &bytes, &fault);
    if (error && error != -ENOMEM)
        return instance->host.fail(context, KINWARD_REJECT, "the token is not good: %s", fault.message);
    return give(&bytes, error, payload);
}

void kw_services_values(struct kinward_host *host)
{
    host->json_parse = json_parse;
    host->json_free = json_free;
    host->json_member = json_member;
    host->json_at = json_at;
    host->json_count = json_count;
    host->json_text = json_text;
    host->json_integer = json_integer;
    host->json_quote = json_quote;
    host->base64 = base64;
    host->base64_parse = base64_parse;
    host->uri_component = uri_component;
    host->sha256 = sha256;
    host->hmac_sha256 = hmac_sha256;
    host->equal = equal;
    host->jws_verify = jws_verify;
    host->json_print = json_print;
}
