/* SPDX-License-Identifier: Apache-2.0 */
/* test_json.c - strict JSON: the JSONTestSuite corpus, limits, readers, the stream writer. */
#include "json/json.h"

#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct kw_fault *fault)
{
    struct kw_json *value = NULL;
    const int error = kw_json_parse(kw_view_text(text), &value, fault);
    kw_json_free(value);
    return error;
}

/* Accepted by RFC 8259, refused here on purpose: a name twice has no meaning, NUL ends a C string. */
static bool refused_on_purpose(const char *name)
{
    return strcmp(name, "y_object_duplicated_key.json") == 0 || strcmp(name, "y_object_duplicated_key_and_value.json") == 0 ||
           strcmp(name, "y_object_escaped_null_in_key.json") == 0 || strcmp(name, "y_string_null_escape.json") == 0;
}

static void corpus(void **state)
{
    char folder[512], path[1024];
    snprintf(folder, sizeof(folder), "%s/data/hostile/json/JSONTestSuite/test_parsing", getenv("KINWARD_SHARED"));
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("# skipped: %s is absent\n", folder);
        skip();
    }
    int accepted = 0, refused = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        struct kw_buf bytes = {0};
        struct kw_json *value = NULL;
        struct kw_fault fault = {0};
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        assert_int_equal(kw_file_read(path, 1 << 20, &bytes, NULL), 0);
        const int error = kw_json_parse(kw_view_of(&bytes), &value, &fault);
        if (entry->d_name[0] == 'y' && (error == 0) == refused_on_purpose(entry->d_name))
            fail_msg("%s: %d %s", entry->d_name, error, fault.message);
        if (entry->d_name[0] == 'n' && error == 0)
            fail_msg("%s was accepted", entry->d_name);
        if (error < 0)
            assert_true(fault.code != KW_OK && fault.message[0]);
        error < 0 ? refused++ : accepted++;
        kw_json_free(value);
        kw_buf_clear(&bytes);
    }
    closedir(dir);
    print_message("# %d accepted, %d refused\n", accepted, refused);
    assert_true(accepted >= 90 && refused >= 190);
}

static void limits(void **state)
{
    struct kw_fault fault;
    char deep[2 * KW_LIMIT_DEPTH + 8];
    memset(deep, '[', KW_LIMIT_DEPTH);
    memset(deep + KW_LIMIT_DEPTH, ']', KW_LIMIT_DEPTH);
    deep[2 * KW_LIMIT_DEPTH] = 0;
    assert_int_equal(parse(deep, &fault), 0);
    memset(deep, '[', KW_LIMIT_DEPTH + 1);
    memset(deep + KW_LIMIT_DEPTH + 1, ']', KW_LIMIT_DEPTH + 1);
    deep[2 * KW_LIMIT_DEPTH + 2] = 0;
    assert_int_equal(parse(deep, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_TOO_DEEP);

    const size_t count = KW_LIMIT_JSON_VALUES + 10;
    char *many = malloc(2 * count + 3);
    size_t at = 0;
    many[at++] = '[';
    for (size_t i = 0; i < count; i++)
        many[at++] = '1', many[at++] = i + 1 < count ? ',' : ']';
    many[at] = 0;
    assert_int_equal(parse(many, &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_TOO_LARGE);
    free(many);

    assert_int_equal(parse("", &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_EMPTY);
    assert_int_equal(parse("{\"secretname\":\n  [1, secretvalue]}", &fault), -EBADMSG);
    assert_int_equal(fault.line, 2);
    assert_null(strstr(fault.message, "secret"));
    assert_int_equal(parse("{\"a\":1,\"a\":1}", &fault), -EBADMSG);
    assert_int_equal(parse("[\"\\u0000\"]", &fault), -EBADMSG);
    assert_int_equal(parse("99999999999999999999", &fault), -EBADMSG);
    assert_int_equal(parse("[\"\xff\"]", &fault), -EBADMSG);
    assert_int_equal(fault.code, KW_E_ENCODING);
}

static void headers_are_objects(void **state)
{
    static const char *const cases[] = {"", "{", "[]", "1", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}", "{}{}", "{\"a\":\"\\u0000\"}"};
    struct kw_json *root = NULL;
    struct kw_fault fault;
    bool value = true;
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        assert_int_equal(kw_json_parse_header(kw_view_text(cases[i]), &root, &fault), -EBADMSG);
        assert_int_equal(fault.code, KW_E_HEADER);
        assert_string_equal(fault.place, "header");
        assert_null(root);
    }
    assert_int_equal(kw_json_parse_header(kw_view_text("{\"t\":true,\"f\":false,\"one\":1,\"null\":null}"), &root, &fault), 0);
    assert_int_equal(kw_json_get_boolean(root, "none", &value, &fault), 0);
    assert_false(value);
    assert_int_equal(kw_json_get_boolean(root, "t", &value, &fault), 0);
    assert_true(value);
    assert_int_equal(kw_json_get_boolean(root, "f", &value, &fault), 0);
    assert_false(value);
    assert_int_equal(kw_json_get_boolean(root, "one", &value, &fault), -EBADMSG);
    assert_int_equal(kw_json_get_boolean(root, "null", &value, &fault), -EBADMSG);
    assert_string_equal(fault.place, "null");
    kw_json_free(root);
}

static int collect(void *context, const char *name, struct kw_json *value)
{
    return kw_buf_text(context, name);
}

static void reading(void **state)
{
    struct kw_json *root;
    struct kw_fault fault;
    struct kw_view text;
    int64_t number;
    uint8_t bytes[4] = {9, 9, 9, 9};
    assert_int_equal(
        kw_json_parse(kw_view_text("{\"z\":\"t\",\"b\":-5,\"a\":[1,2.5,null,true,1e2],\"h\":\"00ff10\",\"s\":\"AP8Q\"}"), &root,
                      &fault),
        0);
    struct kw_buf names = {0};
    assert_int_equal(kw_json_each(root, collect, &names), 0);
    assert_string_equal((char *)names.data, "zbahs");
    assert_int_equal(kw_json_get_text(root, "z", 1, &text, &fault), 0);
    assert_true(kw_view_is(text, "t"));
    assert_int_equal(kw_json_get_text(root, "z", 0, &text, &fault), -EBADMSG);
    assert_int_equal(kw_json_get_text(root, "b", 9, &text, &fault), -EBADMSG);
    assert_string_equal(fault.place, "b");
    assert_int_equal(kw_json_get_integer(root, "b", -5, 0, &number, &fault), 0);
    assert_int_equal(number, -5);
    assert_int_equal(kw_json_get_integer(root, "b", -4, 0, &number, &fault), -EBADMSG);
    assert_int_equal(kw_json_get_integer(root, "none", 0, 1, &number, &fault), -EBADMSG);
    assert_int_equal(kw_json_get_hex(root, "h", bytes, 3, &fault), 0);
    assert_memory_equal(bytes, "\x00\xff\x10\x09", 4);
    memset(bytes, 9, 4);
    assert_int_equal(kw_json_get_base64(root, "s", bytes, 3, &fault), 0);
    assert_memory_equal(bytes, "\x00\xff\x10\x09", 4);
    assert_int_equal(kw_json_get_base64(root, "s", bytes, 2, &fault), -EBADMSG);
    assert_int_equal(kw_json_get_hex(root, "s", bytes, 2, &fault), -EBADMSG);
    const struct kw_json *array = kw_json_member(root, "a");
    assert_int_equal(kw_json_count(array), 5);
    assert_int_equal(kw_json_type(kw_json_at(array, 2)), KW_JSON_NULL);
    names.size = 0;
    assert_int_equal(kw_json_number_text(kw_json_at(array, 1), &names), 0);
    assert_string_equal((char *)names.data, "2.5");
    assert_null(kw_json_at(array, 5));
    names.size = 0;
    assert_int_equal(kw_json_print(root, &names), 0);
    assert_non_null(strstr((char *)names.data, "\"a\":[1,2.5,null,true,100.0]"));
    kw_buf_clear(&names);
    kw_json_free(root);
}

static void base64_is_strict(void **state)
{
    static const char *const bad[] = {"AA=A", "AB==", "A===", "AA=", "AA==\\n", "A-==", "====", "AAAA", ""};
    uint8_t byte;
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        char text[64];
        struct kw_json *root;
        snprintf(text, sizeof(text), "{\"v\":\"%s\"}", bad[i]);
        assert_int_equal(kw_json_parse(kw_view_text(text), &root, NULL), 0);
        if (kw_json_get_base64(root, "v", &byte, 1, NULL) == 0)
            fail_msg("accepted %s", bad[i]);
        kw_json_free(root);
    }
}

static void writing(void **state)
{
    struct kw_buf out = {0};
    struct kw_json_out json = {.out = &out};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "a\"b", "x\\y\n\x01 \xc3\xa9");
    kw_json_array(&json, "list");
    kw_json_integer(&json, NULL, INT64_MIN);
    kw_json_boolean(&json, NULL, true);
    kw_json_null(&json, NULL);
    kw_json_object(&json, NULL);
    kw_json_close(&json, '}');
    kw_json_close(&json, ']');
    kw_json_hex(&json, "h", "\x00\xab", 2);
    kw_json_base64(&json, "b1", "\x00", 1);
    kw_json_base64(&json, "b2", "\x00\xff", 2);
    kw_json_base64(&json, "b3", "\x00\xff\x10", 3);
    kw_json_close(&json, '}');
    assert_int_equal(kw_json_end(&json), 0);
    assert_string_equal((char *)out.data, "{\"a\\\"b\":\"x\\\\y\\n\\u0001 \xc3\xa9\",\"list\":[-9223372036854775808,true,null,{}],"
                                          "\"h\":\"00ab\",\"b1\":\"AA==\",\"b2\":\"AP8=\",\"b3\":\"AP8Q\"}");
    struct kw_json *back;
    assert_int_equal(kw_json_parse(kw_view_of(&out), &back, NULL), 0);
    kw_json_free(back);
    kw_buf_clear(&out);

    static const char *const bad[] = {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xf0\x80\x80\x80"};
    for (size_t i = 0; i < KW_COUNT(bad); i++) {
        struct kw_json_out refuse = {.out = &out};
        kw_json_string(&refuse, NULL, bad[i]);
        assert_int_equal(kw_json_end(&refuse), -EILSEQ);
    }
    struct kw_json_out open = {.out = &out};
    kw_json_object(&open, NULL);
    assert_int_equal(kw_json_end(&open), -EINVAL);
    kw_buf_clear(&out);
}

static void memory_failures(void **state)
{
    for (long n = 0; n < 200; n++) {
        struct kw_json *value = NULL;
        struct kw_fault fault;
        kw_alloc_fail_after(n, false);
        const int error = kw_json_parse(kw_view_text("{\"a\":[1,2,{\"b\":\"text\"}],\"c\":1.5}"), &value, &fault);
        kw_alloc_fail_after(-1, false);
        kw_json_free(value);
        if (error == 0)
            return;
    }
    fail_msg("never succeeded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_objects),
        cmocka_unit_test(corpus),
        cmocka_unit_test(limits),
        cmocka_unit_test(reading),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(writing),
        cmocka_unit_test(memory_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
