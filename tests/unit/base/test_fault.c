/* SPDX-License-Identifier: Apache-2.0 */
/* test_fault.c - reasons and codes. */
#include "base/base.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void fills_and_returns_the_error(void **state)
{
    struct kw_fault fault = {.line = 7};
    assert_int_equal(kw_fail(&fault, -EBADMSG, KW_E_SCHEMA, "birthDate", "%d is not %s", 3, "four"), -EBADMSG);
    assert_int_equal(fault.code, KW_E_SCHEMA);
    assert_int_equal(fault.line, 0);
    assert_string_equal(fault.place, "birthDate");
    assert_string_equal(fault.message, "3 is not four");
    assert_int_equal(kw_fail(NULL, -EIO, KW_E_FILE, "x", "y"), -EIO);
    assert_int_equal(kw_fail(&fault, -EIO, KW_E_FILE, NULL, "in %s", fault.place), -EIO);
    assert_string_equal(fault.place, "");
    assert_string_equal(fault.message, "in birthDate");
}

static void cuts_between_characters(void **state)
{
    struct kw_fault fault;
    char place[200], message[400];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(place, 'x', shift);
        memset(message, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof place; i += 3)
            memcpy(place + i, "€", 4); /* three bytes and the NUL */
        for (size_t i = shift; i + 5 < sizeof message; i += 4)
            memcpy(message + i, "𝄞", 5);
        kw_fail(&fault, -EIO, KW_E_FILE, place, "%s", message);
        size_t length = strlen(fault.place);
        assert_int_equal((length - shift) % 3, 0);
        assert_in_range(length, sizeof fault.place - 3, sizeof fault.place - 1);
        length = strlen(fault.message);
        assert_int_equal((length - shift) % 4, 0);
        assert_in_range(length, sizeof fault.message - 4, sizeof fault.message - 1);
    }
    /* what just fits is not cut */
    memset(place, 'x', 124);
    memcpy(place + 124, "€", 4);
    kw_fail(&fault, -EIO, KW_E_FILE, place, "y");
    assert_int_equal(strlen(fault.place), 127);
}

static void names_each_code_once(void **state)
{
    for (unsigned i = 0; i < KW_CODE_COUNT; i++) {
        enum kw_code found;
        assert_true(kw_code_parse(kw_view_text(kw_code_name((enum kw_code)i)), &found));
        assert_int_equal(found, i);
        assert_true(strlen(kw_code_text((enum kw_code)i)) > 3);
    }
    enum kw_code kept = KW_E_TILE;
    assert_false(kw_code_parse(kw_view_text("no-such-code"), &kept));
    assert_int_equal(kept, KW_E_TILE);
    assert_true(kw_code_retryable(KW_E_BUSY));
    assert_false(kw_code_retryable(KW_E_SCHEMA));
    assert_string_equal(kw_code_name((enum kw_code)9999), "internal");
    assert_string_equal(kw_code_name((enum kw_code) - 1), "internal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_and_returns_the_error),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(names_each_code_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
