/* SPDX-License-Identifier: Apache-2.0 */
/* test_validator_child.c - the validator process over its pipe, inside its sandbox. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "intake/intake.h"
#include "record/record.h"

struct child {
    pid_t pid;
    int fd;
};

static int start(void **state)
{
    struct child *child = calloc(1, sizeof(*child));
    int ends[2];
    assert_non_null(child);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    child->pid = fork();
    if (child->pid == 0) {
        char role[] = "validator";
        char *argv[] = {role, NULL};
        close(ends[0]);
        _exit(kw_validator_child_main(ends[1], 1, argv));
    }
    close(ends[1]);
    child->fd = ends[0];
    *state = child;
    return 0;
}

static int stop(void **state)
{
    struct child *child = *state;
    if (child->fd >= 0)
        close(child->fd);
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    free(child);
    return 0;
}

static void load(struct kw_buf *text, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/schemas/examples/%s", getenv("KINWARD_SOURCE"), name);
    assert_int_equal(kw_file_read(path, KW_LIMIT_RECORD, text, NULL), 0);
}

static void ask(struct child *child, const struct kw_view *records, size_t count, struct kw_message *ret_answer)
{
    struct kw_message request = {.verb = "VALIDATE"};
    kw_request_set(&request, 42);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(kw_put_item(&request.payload, records[i].data, records[i].size), 0);
    assert_int_equal(kw_pipe_send(child->fd, &request, 5000), 0);
    assert_int_equal(kw_pipe_receive(child->fd, ret_answer, 10000), 0);
    kw_message_clear(&request);
    assert_string_equal(ret_answer->verb, "VALIDATED");
    assert_int_equal(kw_request_number(ret_answer), 42);
}

static void expect_image(struct kw_view *rest, bool canonical, const char *event)
{
    struct kw_view item;
    struct kw_image image;
    struct kw_record_head head;
    assert_int_equal(kw_take_item(rest, &item), 0);
    assert_true(item.size > 2);
    assert_int_equal(item.data[0], 0);
    assert_int_equal(item.data[1], canonical);
    assert_int_equal(kw_image_open((struct kw_view){item.data + 2, item.size - 2}, &image), 0);
    assert_int_equal(kw_record_head(&image, &head), 0);
    assert_true(kw_view_is(head.event_type, event));
}

static void expect_refusal(struct kw_view *rest, enum kw_code wanted)
{
    struct kw_view item, part;
    uint16_t code, size;
    uint32_t line, column;
    assert_int_equal(kw_take_item(rest, &item), 0);
    assert_int_equal(kw_take(&item, 1, &part), 0);
    assert_int_equal(part.data[0], 1);
    assert_int_equal(kw_take_u16(&item, &code), 0);
    assert_int_equal(code, wanted);
    assert_int_equal(kw_take_u32(&item, &line), 0);
    assert_int_equal(kw_take_u32(&item, &column), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kw_take_u16(&item, &size), 0);
        assert_int_equal(kw_take(&item, size, &part), 0);
    }
    assert_true(part.size > 0);
    assert_int_equal(item.size, 0);
}

static void one_bad_record_leaves_the_rest(void **state)
{
    struct kw_buf birth = {0}, death = {0}, bad = {0}, canonical = {0};
    struct kw_validator *validator;
    load(&birth, "valid/live-birth.xml");
    load(&death, "valid/death.xml");
    load(&bad, "invalid/sex-number.xml");
    assert_int_equal(kw_validator_new(&validator), 0);
    assert_int_equal(kw_validate(validator, kw_view_of(&birth), &canonical, NULL, NULL, NULL), 0);
    const struct kw_view records[] = {kw_view_of(&canonical), kw_view_of(&bad),
                                      kw_view_text("<!DOCTYPE x [<!ENTITY e \"x\">]><x/>"), kw_view_of(&death)};
    for (int round = 0; round < 50; round++) {
        struct kw_message answer = {0};
        ask(*state, records, KW_COUNT(records), &answer);
        struct kw_view rest = kw_view_of(&answer.payload);
        expect_image(&rest, true, "live_birth");
        expect_refusal(&rest, KW_E_SCHEMA);
        expect_refusal(&rest, KW_E_DOCTYPE);
        expect_image(&rest, false, "death");
        assert_int_equal(rest.size, 0);
        kw_message_clear(&answer);
    }
    kw_validator_free(validator);
    kw_buf_clear(&birth);
    kw_buf_clear(&death);
    kw_buf_clear(&bad);
    kw_buf_clear(&canonical);
}

static void a_full_batch_is_answered(void **state)
{
    struct kw_buf birth = {0};
    struct kw_view records[KW_LIMIT_BATCH] = {{0}};
    struct kw_message answer = {0};
    load(&birth, "valid/border-crossing.xml");
    size_t count = KW_LIMIT_MESSAGE / (birth.size + 4) < KW_LIMIT_BATCH ? KW_LIMIT_MESSAGE / (birth.size + 4) : KW_LIMIT_BATCH;
    for (size_t i = 0; i < count; i++)
        records[i] = kw_view_of(&birth);
    ask(*state, records, count, &answer);
    struct kw_view rest = kw_view_of(&answer.payload);
    for (size_t i = 0; i < count; i++)
        expect_image(&rest, false, "border_crossing");
    kw_message_clear(&answer);
    kw_buf_clear(&birth);
}

static int exit_code(struct child *child)
{
    int status = 0;
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    child->pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void ends_with_its_parent(void **state)
{
    struct child *child = *state;
    close(child->fd);
    child->fd = -1;
    assert_int_equal(exit_code(child), 0);
}

static void another_verb_ends_it(void **state)
{
    struct child *child = *state;
    struct kw_message request = {.verb = "SUBMIT"};
    assert_int_equal(kw_pipe_send(child->fd, &request, 5000), 0);
    assert_int_equal(exit_code(child), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_bad_record_leaves_the_rest, start, stop),
        cmocka_unit_test_setup_teardown(a_full_batch_is_answered, start, stop),
        cmocka_unit_test_setup_teardown(ends_with_its_parent, start, stop),
        cmocka_unit_test_setup_teardown(another_verb_ends_it, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
