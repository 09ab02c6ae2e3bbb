/* SPDX-License-Identifier: Apache-2.0 */
/* test_bytes.c - views and buffers. */
#include "base/base.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void compares_views(void **state)
{
    assert_true(kw_view_is(kw_view_text("abc"), "abc"));
    assert_false(kw_view_is(kw_view_text("abc"), "abd"));
    assert_false(kw_view_is(kw_view_text("abc"), "ab"));
    assert_true(kw_view_equal((struct kw_view){0}, kw_view_text("")));
    assert_true(kw_view_is(kw_view_text(NULL), ""));
}

static void grows_and_ends_with_nul(void **state)
{
    struct kw_buf buf = {0};
    assert_int_equal(kw_buf_append(&buf, NULL, 0), 0);
    assert_string_equal((char *)buf.data, "");
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(kw_buf_format(&buf, "%u,", i), 0);
        assert_int_equal(buf.data[buf.size], 0);
    }
    assert_int_equal(buf.size, 10 * 2 + 90 * 3 + 900 * 4);
    assert_memory_equal(buf.data + buf.size - 8, "998,999,", 8);
    kw_buf_clear(&buf);
    assert_null(buf.data);
    assert_int_equal(kw_buf_text(&buf, "again"), 0);
    assert_string_equal((char *)buf.data, "again");
    kw_buf_wipe(&buf);
    assert_int_equal(buf.size + buf.capacity, 0);
    kw_buf_clear(NULL);
    kw_buf_wipe(NULL);
}

static void refuses_absurd_sizes(void **state)
{
    struct kw_buf buf = {0};
    assert_int_equal(kw_buf_text(&buf, "x"), 0);
    assert_int_equal(kw_buf_reserve(&buf, SIZE_MAX), -ENOMEM);
    assert_int_equal(kw_buf_reserve(&buf, SIZE_MAX / 2), -ENOMEM);
    assert_string_equal((char *)buf.data, "x");
    kw_buf_clear(&buf);
}

static void survives_each_failed_allocation(void **state)
{
    for (long n = 0; n < 4; n++) {
        struct kw_buf buf = {0};
        kw_alloc_fail_after(n, false);
        int r = 0;
        for (int i = 0; i < 400 && r == 0; i++) {
            size_t before = buf.size;
            r = kw_buf_text(&buf, "0123456789");
            if (r < 0)
                assert_int_equal(buf.size, before);
        }
        kw_alloc_fail_after(-1, false);
        assert_int_equal(r, -ENOMEM);
        assert_int_equal(kw_buf_text(&buf, "still usable"), 0);
        kw_buf_clear(&buf);
    }
}

static void reads_back_what_it_wrote(void **state)
{
    struct kw_buf buf = {0};
    assert_int_equal(kw_buf_u16(&buf, 0x0102), 0);
    assert_int_equal(kw_buf_u32(&buf, 0x03040506), 0);
    assert_int_equal(kw_buf_u64(&buf, UINT64_C(0x0708090a0b0c0d0e)), 0);
    assert_int_equal(kw_put_item(&buf, "item", 4), 0);
    assert_int_equal(kw_put_item(&buf, NULL, 0), 0);
    for (uint8_t i = 0; i < 14; i++)
        assert_int_equal(buf.data[i], i + 1);

    struct kw_view rest = kw_view_of(&buf), item;
    uint16_t small;
    uint32_t middle;
    uint64_t large;
    assert_int_equal(kw_take_u16(&rest, &small), 0);
    assert_int_equal(kw_take_u32(&rest, &middle), 0);
    assert_int_equal(kw_take_u64(&rest, &large), 0);
    assert_int_equal(small, 0x0102);
    assert_int_equal(middle, 0x03040506);
    assert_true(large == UINT64_C(0x0708090a0b0c0d0e));
    assert_int_equal(kw_take_item(&rest, &item), 0);
    assert_true(kw_view_is(item, "item"));
    assert_int_equal(kw_take_item(&rest, &item), 0);
    assert_int_equal(item.size, 0);
    assert_int_equal(rest.size, 0);
    kw_buf_clear(&buf);
}

static void refuses_what_is_cut_short(void **state)
{
    static const uint8_t bytes[] = {0, 0, 0, 5, 'a', 'b', 'c', 'd'};
    struct kw_view rest = {bytes, sizeof bytes}, item = kw_view_text("kept");
    uint16_t small = 7;
    assert_int_equal(kw_take_item(&rest, &item), -EBADMSG);
    assert_int_equal(rest.size, sizeof bytes);
    assert_true(kw_view_is(item, "kept"));
    for (size_t size = 0; size < 4; size++) {
        rest = (struct kw_view){bytes, size};
        assert_int_equal(kw_take_item(&rest, &item), -EBADMSG);
    }
    rest = (struct kw_view){bytes, 1};
    assert_int_equal(kw_take_u16(&rest, &small), -EBADMSG);
    assert_int_equal(small, 7);
    assert_int_equal(kw_take(&rest, 2, &item), -EBADMSG);
    rest = (struct kw_view){0};
    assert_int_equal(kw_take(&rest, 0, &item), 0);
    assert_int_equal(item.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_views),           cmocka_unit_test(grows_and_ends_with_nul),
        cmocka_unit_test(refuses_absurd_sizes),     cmocka_unit_test(survives_each_failed_allocation),
        cmocka_unit_test(reads_back_what_it_wrote), cmocka_unit_test(refuses_what_is_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
