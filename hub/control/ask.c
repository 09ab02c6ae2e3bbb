/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - the side of the command line: finds the hub's socket and asks. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/private.h"

#define ANSWER_MS 30000

static int connect_hub(const char *hub_config, int *ret_fd, struct kw_fault *fault)
{
    struct kw_config config = {0};
    char run[KW_PATH_SIZE], path[KW_PATH_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int r = kw_config_load(hub_config, "hub", &config, fault);
    if (r == 0)
        r = kw_config_path(&config, kw_config_child(&config, "run"), "folder", NULL, run, fault);
    kw_config_clear(&config);
    if (r < 0)
        return r;
    r = kw_path_join(path, sizeof path, run, "control.sock");
    if (r < 0 || strlen(path) >= sizeof address.sun_path)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_CONFIG, run, "longer than a socket's path may be");
    strcpy(address.sun_path, path);
    KW_AUTO(kw_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return kw_fail(fault, -ECONNREFUSED, KW_E_UNAVAILABLE, path,
                       "no hub answers there; start it with: kinward hub --config %.100s", hub_config);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static int error_to_fault(const struct kw_message *answer, struct kw_fault *fault)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    enum kw_code code = KW_E_INTERNAL;
    if (kw_json_parse(kw_view_of(&answer->header), &header, NULL) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_INTERNAL, "hub", "%s", kw_code_text(KW_E_INTERNAL));
    struct kw_view detail = kw_json_text_of(kw_json_member(header, "detail"));
    (void)kw_code_parse(kw_json_text_of(kw_json_member(header, "code")), &code);
    return kw_fail(fault, -EREMOTEIO, code, "hub", "%.*s", (int)detail.size, (const char *)detail.data);
}

int kw_control_ask(const char *hub_config, const char *verb, struct kw_view header, struct kw_view payload,
                   struct kw_message *ret_answer, struct kw_fault *fault)
{
    KW_AUTO(kw_closep) int fd = -1;
    KW_AUTO(kw_message_clear) struct kw_message request = {0};
    struct kw_message answer = {0};
    int r = connect_hub(hub_config, &fd, fault);
    if (r < 0)
        return r;
    strcpy(request.verb, verb);
    r = kw_buf_append(&request.header, header.data, header.size);
    if (r == 0)
        r = kw_buf_append(&request.payload, payload.data, payload.size);
    if (r == 0)
        r = kw_pipe_send(fd, &request, ANSWER_MS);
    if (r == 0)
        r = kw_pipe_receive(fd, &answer, ANSWER_MS);
    if (r < 0)
        return kw_fail(fault, r, r == -ETIMEDOUT ? KW_E_TIMEOUT : KW_E_UNAVAILABLE, "hub", "%s", strerror(-r));
    if (strcmp(answer.verb, "OK") != 0) {
        r = error_to_fault(&answer, fault);
        kw_message_clear(&answer);
        return r;
    }
    *ret_answer = answer;
    return 0;
}
