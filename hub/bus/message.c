/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - the message itself: clearing, answering, request ids. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "private.h"

void kw_message_clear(struct kw_message *message)
{
    if (!message)
        return;
    kw_buf_clear(&message->header);
    kw_buf_clear(&message->payload);
    *message = (struct kw_message){0};
}

void kw_message_answer(struct kw_message *ret_answer, const struct kw_message *request, const char *verb)
{
    assert(kw_verb_valid(verb, strlen(verb)));
    *ret_answer = (struct kw_message){0};
    strcpy(ret_answer->verb, verb);
    memcpy(ret_answer->request, request->request, sizeof ret_answer->request);
    memcpy(ret_answer->route, request->route, request->route_size);
    ret_answer->route_size = request->route_size;
}

/* Quoted for JSON; what is not printable ASCII becomes '?'. */
static int put_quoted(struct kw_buf *out, const char *text)
{
    int error = kw_buf_append(out, "\"", 1);
    for (; *text && !error; text++) {
        if (*text == '"' || *text == '\\')
            error = kw_buf_append(out, "\\", 1);
        if (!error)
            error = kw_buf_append(out, *text < ' ' || *text > '~' ? "?" : text, 1);
    }
    return error ? error : kw_buf_append(out, "\"", 1);
}

int kw_message_error(struct kw_message *ret_answer, const struct kw_message *request, enum kw_code code, const char *detail)
{
    struct kw_buf header = {0};
    int error = kw_buf_format(&header, "{\"code\":\"%s\",\"detail\":", kw_code_name(code));
    if (!error)
        error = put_quoted(&header, detail && *detail ? detail : kw_code_text(code));
    if (!error)
        error = kw_buf_format(&header, ",\"retryable\":%s}", kw_code_retryable(code) ? "true" : "false");
    if (error) {
        kw_buf_clear(&header);
        return error;
    }
    kw_message_answer(ret_answer, request, "ERROR");
    ret_answer->header = header;
    return 0;
}

uint64_t kw_request_number(const struct kw_message *message)
{
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof message->request; i++)
        number = number << 8 | message->request[i];
    return number;
}

void kw_request_set(struct kw_message *message, uint64_t number)
{
    for (size_t i = sizeof message->request; i-- > 0; number >>= 8)
        message->request[i] = (uint8_t)number;
}

bool kw_verb_valid(const void *text, size_t size)
{
    const uint8_t *bytes = text;
    if (size == 0 || size >= KW_VERB_SIZE)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!(bytes[i] >= 'A' && bytes[i] <= 'Z') && !(bytes[i] >= '0' && bytes[i] <= '9') && bytes[i] != '-')
            return false;
    return true;
}
