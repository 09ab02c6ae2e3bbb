/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory.c - allocation and its planned failures. */
#include "base/base.h"

#include <fcntl.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void gives_zeroed_memory(void **state)
{
    uint8_t *memory = kw_alloc(100);
    assert_non_null(memory);
    for (int i = 0; i < 100; i++)
        assert_int_equal(memory[i], 0);
    memory = kw_resize(memory, 4000);
    assert_non_null(memory);
    kw_free(memory);
    kw_free(NULL);
    KW_AUTO(kw_freep) void *none = kw_alloc(0);
    assert_non_null(none);
}

static void fails_the_nth_once(void **state)
{
    kw_alloc_fail_after(2, false);
    void *first = kw_alloc(1);
    char *second = kw_strdup("second");
    assert_non_null(first);
    assert_string_equal(second, "second");
    assert_null(kw_resize(first, 10)); /* first stays valid */
    void *grown = kw_resize(first, 10);
    assert_non_null(grown);
    kw_free(grown);
    kw_free(second);
}

static void fails_for_ever_until_switched_off(void **state)
{
    kw_alloc_fail_after(1, true);
    KW_AUTO(kw_freep) char *good = kw_strdup("x");
    assert_non_null(good);
    for (int i = 0; i < 5; i++) {
        assert_null(kw_alloc(1));
        assert_null(kw_strdup("y"));
    }
    kw_alloc_fail_after(-1, false);
    KW_AUTO(kw_freep) char *after = kw_strdup("z");
    assert_non_null(after);
}

static void cleans_up(void **state)
{
    char *text = kw_strdup("x");
    kw_freep(&text);
    assert_null(text);
    kw_freep(&text);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), copy = fd;
    assert_true(fd >= 0);
    kw_closep(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(fcntl(copy, F_GETFD), -1);
    kw_closep(&fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_memory),
        cmocka_unit_test(fails_the_nth_once),
        cmocka_unit_test(fails_for_ever_until_switched_off),
        cmocka_unit_test(cleans_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
