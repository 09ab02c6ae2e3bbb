/* SPDX-License-Identifier: Apache-2.0 */
/* test_child.c - the mapper process behind its pipe, locked in. */
#include "normalize/normalize.h"

#include "bus/bus.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SHEET                                                                                                                      \
    "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform' xmlns:kw='urn:kinward:mapping:1'"              \
    " xmlns:j='http://www.w3.org/2005/xpath-functions' xmlns='urn:kinward:record:1' exclude-result-prefixes='kw j'>"               \
    "<kw:mapping id='m' format='json'/><xsl:param name='registry'/><xsl:template match='/j:map'>"                                  \
    "<xsl:if test=\"j:string[@key='file']\"><xsl:value-of select=\"document('/etc/hostname')\"/></xsl:if><record><sourceRecord>"   \
    "<registry><xsl:value-of select='$registry'/></registry><system>s</system><jurisdiction>KE</jurisdiction><id>1</id>"           \
    "<version>1</version></sourceRecord><eventType>live_birth</eventType><status>declared</status><event><date>"                   \
    "<xsl:copy-of select=\"kw:date(j:string[@key='on'], 'ethiopic')\"/></date></event><party id='c'><role>child</role>"            \
    "<name script='{kw:script(j:string[@key=\"name\"])}'><fullName><xsl:value-of select=\"kw:upper(j:string[@key='name'])\"/>"     \
    "</fullName></name><xsl:copy-of select=\"kw:coded('sex','sex',j:string[@key='sex'])\"/></party></record></xsl:template>"       \
    "</xsl:stylesheet>"

static char folder[] = "/tmp/kw-child-XXXXXX";
static char sheet[64];
static pid_t child;
static int fd = -1;

static void ask(const char *verb, const char *header, const char *document, struct kw_message *answer)
{
    static uint64_t number;
    struct kw_message request = {0};
    snprintf(request.verb, sizeof(request.verb), "%s", verb);
    kw_request_set(&request, ++number);
    assert_int_equal(kw_buf_text(&request.header, header), 0);
    if (document)
        assert_int_equal(kw_put_item(&request.payload, document, strlen(document)), 0);
    assert_int_equal(kw_pipe_send(fd, &request, 5000), 0);
    memset(answer, 0, sizeof(*answer));
    assert_int_equal(kw_pipe_receive(fd, answer, 20000), 0);
    assert_int_equal(kw_request_number(answer), number);
    kw_message_clear(&request);
}

static void maps(void **state)
{
    struct kw_message answer;
    struct kw_view rest, record, leaf;
    ask("PING", "{}", NULL, &answer);
    assert_string_equal(answer.verb, "PONG");
    kw_message_clear(&answer);
    for (int i = 0; i < 3; i++) {
        ask("MAP", "{\"stylesheet\":\"sheet\",\"parameters\":{\"registry\":\"reg\"}}",
            "{\"on\":\"2012-01-01\",\"name\":\"\u0436\u0443\u043a \u6f22\",\"sex\":\"both\"}", &answer);
        if (strcmp(answer.verb, "MAPPED") != 0)
            fail_msg("%s %s", answer.verb, (char *)answer.header.data);
        assert_non_null(strstr((char *)answer.header.data, "\"count\":1"));
        assert_non_null(strstr((char *)answer.header.data, "unknown-code sex"));
        rest = kw_view_of(&answer.payload);
        assert_int_equal(kw_take_item(&rest, &record), 0);
        assert_int_equal(kw_take_item(&rest, &leaf), 0); /* lengths and texts of id and version, and the hash */
        assert_int_equal(rest.size, 0);
        assert_int_equal(leaf.size, 2 + 1 + 2 + 1 + 32);
        assert_non_null(memmem(record.data, record.size, "<value>2019-09-12</value>", 25));
        assert_non_null(memmem(record.data, record.size, "\u0416\u0423\u041a", 6));
        kw_message_clear(&answer);
    }
}

static void refuses(void **state)
{
    static const struct {
        const char *header, *document, *code;
    } bad[] = {
        {"{\"stylesheet\":\"sheet\"}", "{\"secretword\":", "\"code\":\"json\""},
        {"{\"stylesheet\":\"none\"}", "{}", "\"code\":\"mapping\""},
        {"{\"stylesheet\":\"sheet\",\"parameters\":{\"a\":1}}", "{}", "\"code\":\"bad-header\""},
        {"{\"stylesheet\":\"sheet\"}", NULL, "\"code\":\"frames\""},
        {"not json", "{}", "\"code\":\"json\""},
        {"{\"stylesheet\":\"sheet\"}", "{\"file\":\"x\"}", "\"code\":\"mapping\""},
        {"{\"stylesheet\":\"sheet\"}", "{\"on\":\"2012\"}", "\"code\":\"schema\""},
        /* cut in the middle of a character, the path must still be text */
        {"{\"stylesheet\":\"sheet\"}", "{\"xéééééééééééééééééééééééééééééééééééééééééééééééééééééééééé\":\"\\u0001\"}",
         "\"code\":\"encoding\""},
    };
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        struct kw_message answer;
        ask("MAP", bad[i].header, bad[i].document, &answer);
        if (strcmp(answer.verb, "REFUSED") != 0 || !strstr((char *)answer.header.data, bad[i].code))
            fail_msg("case %zu: %s %s", i, answer.verb, (char *)answer.header.data);
        assert_null(strstr((char *)answer.header.data, "secretword"));
        kw_message_clear(&answer);
    }
}

static int start(void **state)
{
    int pair[2];
    char codes[512];
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(folder) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    snprintf(sheet, sizeof(sheet), "%s/sheet.xsl", folder);
    snprintf(codes, sizeof(codes), "%s/schemas/codes", getenv("KINWARD_SOURCE"));
    FILE *file = fopen(sheet, "w");
    fputs(SHEET, file);
    fclose(file);
    child = fork();
    if (child == 0) {
        char role[] = "mapper", all[] = "-", *arguments[] = {role, folder, codes, all, NULL};
        close(pair[0]);
        _exit(kw_mapper_child_main(pair[1], 4, arguments));
    }
    close(pair[1]);
    fd = pair[0];
    return child > 0 ? 0 : -1;
}

/* The mapper ends by itself, and well, when its pipe does. */
static int end(void **state)
{
    int status = -1;
    close(fd);
    waitpid(child, &status, 0);
    unlink(sheet);
    rmdir(folder);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(maps), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, start, end);
}
