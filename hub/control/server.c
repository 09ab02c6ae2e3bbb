/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - the socket, who is at its other end, and which request goes where. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/private.h"

#define CONNECTIONS (KW_CONTROL_DESCRIPTORS - 1)
#define OPERATORS   32
#define REQUEST_MS  500   /* for the bytes of one request: they come from this machine, at once */
#define IDLE_MS     5000  /* for a connection that asks nothing */
#define ACTOR_MS    10000 /* for an actor's answer */

#define ALL (KW_OPERATOR_OPERATOR | KW_OPERATOR_REVIEWER | KW_OPERATOR_AUDITOR)

static const struct kw_control_verb verbs[] = {
    {"STATUS", ALL, kw_control_status},
    {"PRINCIPAL-ADD", 0, kw_control_principal_add},
    {"PRINCIPAL-LIST", ALL, kw_control_principal_list},
    {"PRINCIPAL-OFF", 0, kw_control_principal_revoke},
    {"KEPT-LIST", KW_OPERATOR_OPERATOR, kw_control_quarantine_list},
    {"KEPT-SHOW", KW_OPERATOR_OPERATOR, kw_control_quarantine_show},
    {"KEPT-CLOSE", KW_OPERATOR_OPERATOR, kw_control_quarantine_close},
    {"KEPT-RETRY", KW_OPERATOR_OPERATOR, kw_control_quarantine_retry},
    {"RECORD-GET", KW_OPERATOR_AUDITOR, kw_control_record_get},
    {"RECORD-HISTORY", KW_OPERATOR_AUDITOR, kw_control_record_history},
    {"REVIEW-LIST", KW_OPERATOR_REVIEWER, kw_control_review_list},
    {"REVIEW-SHOW", KW_OPERATOR_REVIEWER, kw_control_review_show},
    {"REVIEW-DECIDE", KW_OPERATOR_REVIEWER, kw_control_review_decide},
    {"LEDGER", ALL, kw_control_ledger},
    {"PROOF", KW_OPERATOR_AUDITOR, kw_control_proof},
};

struct kw_control_server {
    const struct kw_control_hub *hub;
    int listener, connections[CONNECTIONS];
    int64_t since_ms[CONNECTIONS];
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    struct {
        uid_t uid;
        enum kw_operator role;
    } operators[OPERATORS];
    size_t operator_count;
};

/* ---- who ------------------------------------------------------------------- */

static enum kw_operator role_named(const char *name)
{
    static const char *const names[] = {"admin", "operator", "reviewer", "auditor"};
    for (unsigned i = 0; i < KW_COUNT(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum kw_operator)(1u << i);
    }
    return 0;
}

static int read_operators(struct kw_control_server *server, const struct kw_config *config, struct kw_fault *fault)
{
    const struct kw_xml_element *control = kw_config_child(config, "control");
    const struct kw_xml_element *item = control ? kw_xml_first(control, "operator") : NULL;
    for (; item; item = kw_xml_next(item, "operator")) {
        char role[16];
        int64_t uid;
        int r = kw_config_integer(config, item, "uid", 0, 0, UINT32_MAX, &uid, fault);
        if (r == 0)
            r = kw_config_text(config, item, "role", NULL, role, sizeof role, fault);
        if (r < 0)
            return r;
        if (server->operator_count == OPERATORS)
            return kw_fail(fault, -E2BIG, KW_E_CONFIG, config->path, "more than %d operators", OPERATORS);
        server->operators[server->operator_count].uid = (uid_t)uid;
        server->operators[server->operator_count++].role = role_named(role);
    }
    return 0;
}

static enum kw_operator role_of(const struct kw_control_server *server, uid_t uid)
{
    if (uid == 0 || uid == geteuid())
        return KW_OPERATOR_ADMIN;
    for (size_t i = 0; i < server->operator_count; i++) {
        if (server->operators[i].uid == uid)
            return server->operators[i].role;
    }
    return 0;
}

/* ---- socket ------------------------------------------------------------------ */

static int open_listener(struct kw_control_server *server, struct kw_fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, server->path);
    (void)unlink(server->path); /* left by a hub that was killed; the folder's lock says that none is running */
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        chmod(server->path, 0666) < 0 || listen(server->listener, CONNECTIONS) < 0)
        return kw_fail(fault, -errno, KW_E_FILE, server->path, "%s", strerror(errno));
    return 0;
}

int kw_control_listen(const char *path, const struct kw_config *config, const struct kw_control_hub *hub,
                      struct kw_control_server **ret_server, struct kw_fault *fault)
{
    struct kw_control_server *server = kw_alloc(sizeof *server);
    if (!server)
        return kw_fail(fault, -ENOMEM, KW_E_MEMORY, "control", "no memory");
    server->hub = hub;
    server->listener = -1;
    for (size_t i = 0; i < CONNECTIONS; i++)
        server->connections[i] = -1;
    int r = strlen(path) < sizeof server->path
                ? 0
                : kw_fail(fault, -ENAMETOOLONG, KW_E_CONFIG, path, "longer than a socket's path may be");
    if (r == 0) {
        strcpy(server->path, path);
        r = read_operators(server, config, fault);
    }
    if (r == 0)
        r = open_listener(server, fault);
    if (r < 0)
        kw_control_close(server);
    else
        *ret_server = server;
    return r;
}

void kw_control_close(struct kw_control_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < CONNECTIONS; i++)
        kw_closep(&server->connections[i]);
    if (server->listener >= 0)
        (void)unlink(server->path);
    kw_closep(&server->listener);
    kw_free(server);
}

size_t kw_control_descriptors(const struct kw_control_server *server, struct kw_poll *ret_items)
{
    size_t count = 0;
    ret_items[count++] = (struct kw_poll){.fd = server->listener};
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (server->connections[i] >= 0)
            ret_items[count++] = (struct kw_poll){.fd = server->connections[i]};
    }
    return count;
}

static uid_t uid_of(int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid : (uid_t)-1;
}

/* Whoever asks nothing makes room for those who do: first of all who has no role here. */
static size_t free_place(struct kw_control_server *server)
{
    size_t worst = 0;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (server->connections[i] < 0)
            return i;
        bool stranger = !role_of(server, uid_of(server->connections[i]));
        bool worst_is = !role_of(server, uid_of(server->connections[worst]));
        if (stranger == worst_is ? server->since_ms[i] < server->since_ms[worst] : stranger)
            worst = i;
    }
    kw_closep(&server->connections[worst]);
    return worst;
}

static void accept_one(struct kw_control_server *server)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    size_t place = free_place(server);
    server->connections[place] = fd;
    server->since_ms[place] = kw_clock_monotonic_ms();
}

static void close_idle(struct kw_control_server *server)
{
    int64_t now = kw_clock_monotonic_ms();
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (server->connections[i] >= 0 && now - server->since_ms[i] > IDLE_MS)
            kw_closep(&server->connections[i]);
    }
}

/* ---- requests ------------------------------------------------------------------- */

static int run(struct kw_control_call *call, struct kw_fault *fault)
{
    for (size_t i = 0; i < KW_COUNT(verbs); i++) {
        if (strcmp(verbs[i].verb, call->request->verb) != 0)
            continue;
        if (!call->role || (call->role != KW_OPERATOR_ADMIN && !(verbs[i].roles & call->role)))
            return kw_fail(fault, -EACCES, KW_E_FORBIDDEN, call->operator, "%s", kw_code_text(KW_E_FORBIDDEN));
        return verbs[i].run(call, fault);
    }
    return kw_fail(fault, -EINVAL, KW_E_VERB, "verb", "%s", kw_code_text(KW_E_VERB));
}

static void answer_request(struct kw_control_server *server, int fd, const struct kw_message *request)
{
    KW_AUTO(kw_json_freep) struct kw_json *header = NULL;
    struct kw_message answer = {0};
    struct kw_fault fault = {0};
    struct kw_control_call call = {.hub = server->hub, .request = request, .answer = &answer};
    kw_message_answer(&answer, request, "OK");
    call.role = role_of(server, uid_of(fd));
    snprintf(call.operator, sizeof call.operator, "uid %u", (unsigned)uid_of(fd));
    int r = request->header.size ? kw_json_parse(kw_view_of(&request->header), &header, &fault) : 0;
    call.header = header;
    if (r == 0)
        r = run(&call, &fault);
    if (r < 0) {
        char detail[sizeof fault.place + sizeof fault.message + 3];
        snprintf(detail, sizeof detail, "%s: %s", fault.place, fault.message);
        kw_message_clear(&answer);
        if (kw_message_error(&answer, request, fault.code ? fault.code : KW_E_INTERNAL, detail) < 0)
            return;
    }
    (void)!kw_pipe_send(fd, &answer, REQUEST_MS); /* the asker is gone: nobody to tell */
    kw_message_clear(&answer);
}

static void serve_one(struct kw_control_server *server, int fd)
{
    struct kw_message request = {0};
    if (kw_pipe_receive(fd, &request, REQUEST_MS) == 0)
        answer_request(server, fd, &request);
    kw_message_clear(&request);
    for (size_t k = 0; k < CONNECTIONS; k++) {
        if (server->connections[k] == fd)
            kw_closep(&server->connections[k]);
    }
}

void kw_control_serve(struct kw_control_server *server, const struct kw_poll *items, size_t count)
{
    bool asked = false;
    for (size_t i = 0; i < count; i++) {
        if (items[i].fd == server->listener)
            asked = items[i].readable;
        else if (items[i].readable)
            serve_one(server, items[i].fd);
    }
    close_idle(server);
    if (asked) /* last: it may close a connection of items */
        accept_one(server);
}

/* ---- what the requests share ------------------------------------------------------ */

int kw_control_change(struct kw_control_call *call, int (*apply)(struct kw_journal *, void *, struct kw_fault *), void *context,
                      struct kw_fault *fault)
{
    struct kw_apply change = {.apply = apply, .context = context};
    int r = kw_apply_wait(call->hub->writer, &change, ACTOR_MS);
    if (r < 0 && change.fault.code)
        *fault = change.fault;
    else if (r < 0)
        kw_fail(fault, r, KW_E_UNAVAILABLE, "journal", "%s", kw_code_text(KW_E_UNAVAILABLE));
    return r;
}

int kw_control_act(struct kw_journal *journal, struct kw_view json, struct kw_fault *fault)
{
    enum kw_code outcome;
    uint64_t position;
    struct kw_entry_new entry = {.kind = KW_ENTRY_ACT, .received_ms = kw_clock_wall_ms(), .record = json};
    return kw_journal_append(journal, &entry, &outcome, &position, fault);
}

int kw_control_actor(struct kw_socket *pipe, const char *verb, struct kw_view payload, struct kw_message *ret_answer,
                     struct kw_fault *fault)
{
    int64_t deadline = kw_clock_monotonic_ms() + ACTOR_MS;
    struct kw_message message = {0};
    static uint64_t last; /* of the main thread: an answer that came too late answers no other question */
    const uint64_t number = ++last;
    strcpy(message.verb, verb);
    kw_request_set(&message, number);
    int r = kw_buf_append(&message.payload, payload.data, payload.size);
    if (r == 0)
        r = kw_send(pipe, &message);
    while (r == 0) {
        r = kw_receive(pipe, &message);
        if (r == 0 && (strcmp(message.verb, "ERROR") == 0 || strcmp(message.verb, "ENDED") == 0))
            r = -EPIPE;
        if (r == 0 && strcmp(message.verb, verb) == 0 && kw_request_number(&message) == number)
            break;
        if (r == -EAGAIN) {
            int64_t left = deadline - kw_clock_monotonic_ms();
            r = left <= 0 ? -ETIMEDOUT : kw_poll(&(struct kw_poll){.socket = pipe}, 1, (int)left);
            r = r == -EINTR ? 0 : r;
        }
    }
    if (r == 0 && ret_answer) {
        *ret_answer = message;
        message = (struct kw_message){0};
    }
    kw_message_clear(&message);
    return r < 0 ? kw_fail(fault, r, KW_E_UNAVAILABLE, verb, "%s", kw_code_text(KW_E_UNAVAILABLE)) : 0;
}
