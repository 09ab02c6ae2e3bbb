/* SPDX-License-Identifier: Apache-2.0 */
/* validator_child.c - the process that parses records: no keys, no files, no network, one pipe. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "intake/intake.h"
#include "record/record.h"
#include "sandbox/sandbox.h"

#define WAIT_MS     60000
#define MEMORY_MOST (512u << 20)

struct validator_child {
    struct kw_validator *validator;
    struct kw_buf image, answer;
};

static int put_text(struct kw_buf *out, const char *text)
{
    size_t size = strlen(text);
    int r = kw_buf_u16(out, (uint16_t)size);
    return r < 0 ? r : kw_buf_append(out, text, size);
}

static int put_refusal(struct kw_buf *out, const struct kw_fault *fault)
{
    const uint8_t refused = 1;
    int r = kw_buf_append(out, &refused, 1);
    if (r == 0)
        r = kw_buf_u16(out, (uint16_t)fault->code);
    if (r == 0)
        r = kw_buf_u32(out, fault->line);
    if (r == 0)
        r = kw_buf_u32(out, fault->column);
    if (r == 0)
        r = put_text(out, fault->place);
    return r < 0 ? r : put_text(out, fault->message);
}

/* One record. Out of memory is no verdict: the process ends and the hub asks another. */
static int answer_record(struct validator_child *child, struct kw_view record, struct kw_buf *payload)
{
    struct kw_fault fault = {0};
    bool is_canonical = false;
    child->answer.size = 0;
    (void)kw_fault_point("validator.record");
    int r = kw_validate(child->validator, record, NULL, &child->image, &is_canonical, &fault);
    if (r == -EBADMSG)
        r = put_refusal(&child->answer, &fault);
    else if (r == 0) {
        const uint8_t head[2] = {0, is_canonical};
        r = kw_buf_append(&child->answer, head, sizeof(head));
        if (r == 0)
            r = kw_buf_append(&child->answer, child->image.data, child->image.size);
    }
    return r < 0 ? r : kw_put_item(payload, child->answer.data, child->answer.size);
}

/* An image is at most three times its record and a message holds KW_LIMIT_MESSAGE bytes of records, so that the answer is far
 * below KW_LIMIT_PIPE_MESSAGE. */
static int answer_request(struct validator_child *child, const struct kw_message *request, struct kw_message *answer)
{
    struct kw_view rest = kw_view_of(&request->payload), record;
    if (strcmp(request->verb, "VALIDATE") != 0)
        return -EBADMSG;
    struct kw_buf payload = answer->payload;
    kw_message_answer(answer, request, "VALIDATED");
    answer->payload = payload;
    answer->payload.size = 0;
    while (rest.size > 0) {
        int r = kw_take_item(&rest, &record);
        if (r == 0)
            r = answer_record(child, record, &answer->payload);
        if (r < 0)
            return r;
    }
    return 0;
}

static int serve(struct validator_child *child, int fd)
{
    KW_AUTO(kw_message_clear) struct kw_message request = {0};
    KW_AUTO(kw_message_clear) struct kw_message answer = {0};
    for (;;) { /* the memory of one question and its answer serves the next: they are all of one sender */
        int r = kw_pipe_receive(fd, &request, WAIT_MS);
        bool idle = r == -ETIMEDOUT;
        if (r == 0)
            r = answer_request(child, &request, &answer);
        if (r == 0)
            r = kw_pipe_send(fd, &answer, WAIT_MS);
        if (r < 0 && !idle)
            return r;
    }
}

/* What the libraries load on first use (ICU's data, parser tables) must be there before files are out of reach. */
static void warm_up(struct kw_validator *validator)
{
    static const char text[] = "<record xmlns=\"urn:kinward:record:1\" language=\"\xE0\xA6\x86\xE0\xA6\xAE\"><!-- --></record>";
    struct kw_fault fault;
    int r = kw_validate(validator, kw_view_text(text), NULL, NULL, NULL, &fault);
    (void)r; /* refused, and that is all right */
}

int kw_validator_child_main(int fd, int argc, char **argv)
{
    static const struct kw_sandbox_limits limits = {.memory_bytes = MEMORY_MOST, .descriptors = 16};
    struct validator_child child = {0};
    struct kw_fault fault = {0};
    if (argc > 1 && strcmp(argv[1], "bulk") == 0)
        kw_thread_background();
    kw_memory_keep();
    int r = kw_validator_new(&child.validator);
    if (r == 0) {
        warm_up(child.validator);
        r = kw_sandbox_enter(KW_SANDBOX_PURE, &limits, &fault);
    }
    if (r < 0)
        kw_log(KW_LOG_ERROR, "validator", "validator.start", "code=%s detail=\"%s\"", kw_code_name(fault.code), fault.message);
    else
        r = serve(&child, fd);
    kw_validator_free(child.validator);
    kw_buf_clear(&child.image);
    kw_buf_clear(&child.answer);
    return r == 0 || r == -EPIPE ? 0 : 1;
}
