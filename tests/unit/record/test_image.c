/* SPDX-License-Identifier: Apache-2.0 */
/* test_image.c - reading images, and images that a captured validator might send. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "record/record.h"

static struct kw_buf image_bytes;

static int make_image(void **state)
{
    struct kw_validator *validator;
    struct kw_buf text = {0};
    struct kw_fault fault;
    char path[4096];
    (void)state;
    snprintf(path, sizeof(path), "%s/schemas/examples/valid/live-birth.xml", getenv("KINWARD_SOURCE"));
    assert_int_equal(kw_file_read(path, KW_LIMIT_RECORD, &text, NULL), 0);
    assert_int_equal(kw_validator_new(&validator), 0);
    assert_int_equal(kw_validate(validator, kw_view_of(&text), NULL, &image_bytes, NULL, &fault), 0);
    kw_validator_free(validator);
    kw_buf_clear(&text);
    return 0;
}

static int free_image(void **state)
{
    (void)state;
    kw_buf_clear(&image_bytes);
    return 0;
}

static void readers_find_what_was_written(void **state)
{
    struct kw_image image;
    struct kw_record_head head;
    (void)state;
    assert_int_equal(kw_image_open(kw_view_of(&image_bytes), &image), 0);
    assert_int_equal(kw_image_name(&image, 0), KW_N_record);
    assert_int_equal(kw_record_head(&image, &head), 0);
    assert_true(kw_view_is(head.event_type, "live_birth"));
    assert_true(kw_view_is(head.status, "registered"));
    assert_true(head.raw_hash.size == 64 && head.mapping_id.size > 0);
    assert_true(kw_view_is(kw_image_at(&image, 0, KW_PATH(KW_N_event, KW_N_date, KW_N_value)), "2019-05-07"));
    assert_true(kw_view_is(kw_image_path(&image, 0, "event/date/value"), "2019-05-07"));
    assert_true(kw_view_is(kw_image_path(&image, 0, "party/@id"), "child"));
    assert_int_equal(kw_image_path(&image, 0, "party/nothing").size, 0);
    unsigned parties = 0;
    for (kw_node party = kw_image_child(&image, 0, KW_N_party); party != KW_NONE;
         party = kw_image_next(&image, party, KW_N_party)) {
        assert_int_equal(kw_image_parent(&image, party), 0);
        assert_true(kw_image_is_attribute(&image, kw_image_child(&image, party, KW_N_id)));
        assert_false(kw_image_is_attribute(&image, kw_image_child(&image, party, KW_N_role)));
        parties++;
    }
    assert_true(parties >= 2);
    /* every node is reached once from the root */
    unsigned reached = 0;
    for (kw_node node = 0; node < image.count; node++)
        for (kw_node child = kw_image_first(&image, node); child != KW_NONE; child = kw_image_sibling(&image, child))
            reached++;
    assert_int_equal(reached, image.count - 1);
}

static void nodes_that_are_not_there_are_empty(void **state)
{
    struct kw_image image;
    (void)state;
    assert_int_equal(kw_image_open(kw_view_of(&image_bytes), &image), 0);
    const kw_node strange[] = {KW_NONE, image.count, image.count + 1};
    for (size_t i = 0; i < KW_COUNT(strange); i++) {
        assert_int_equal(kw_image_text(&image, strange[i]).size, 0);
        assert_int_equal(kw_image_first(&image, strange[i]), KW_NONE);
        assert_int_equal(kw_image_sibling(&image, strange[i]), KW_NONE);
        assert_int_equal(kw_image_parent(&image, strange[i]), KW_NONE);
        assert_int_equal(kw_image_child(&image, strange[i], KW_N_id), KW_NONE);
        assert_int_equal(kw_image_name(&image, strange[i]), KW_N_COUNT);
    }
}

static void names_go_both_ways(void **state)
{
    enum kw_name name;
    (void)state;
    for (unsigned i = 0; i < KW_N_COUNT; i++) {
        assert_true(kw_name_parse(kw_view_text(kw_name_text((enum kw_name)i)), &name));
        assert_int_equal(name, i);
    }
    assert_false(kw_name_parse(kw_view_text(""), &name));
    assert_false(kw_name_parse(kw_view_text("no-such-name"), &name));
    assert_string_equal(kw_name_text(KW_N_COUNT), "");
}

static unsigned long walk(const struct kw_image *image)
{
    unsigned long sum = 0;
    struct kw_record_head head;
    for (kw_node node = 0; node < image->count; node++) {
        struct kw_view text = kw_image_text(image, node);
        for (size_t i = 0; i < text.size; i++)
            sum += text.data[i];
        unsigned steps = 0;
        for (kw_node child = kw_image_first(image, node); child != KW_NONE; child = kw_image_sibling(image, child))
            assert_true(steps++ <= image->count);
    }
    return sum + (kw_record_head(image, &head) == 0 ? head.source_id.size : 0);
}

/* Bytes in memory of their exact size, so that the sanitizer sees one byte too far. */
static void changed_images_never_lead_out_of_bounds(void **state)
{
    uint64_t dice = 88172645463325252u;
    unsigned accepted = 0;
    uint8_t *bytes = malloc(image_bytes.size);
    (void)state;
    assert_non_null(bytes);
    for (unsigned round = 0; round < 100000; round++) {
        struct kw_image image;
        memcpy(bytes, image_bytes.data, image_bytes.size);
        for (unsigned flips = 1 + round % 4; flips > 0; flips--) {
            dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
            size_t range = round % 8 == 0 ? 24 : image_bytes.size; /* the header more often */
            bytes[dice % range] = (uint8_t)(round % 3 ? bytes[dice % range] ^ 1u << (dice >> 40) % 8 : dice >> 48);
        }
        if (kw_image_open((struct kw_view){bytes, image_bytes.size}, &image) == 0)
            accepted += walk(&image) > 0;
    }
    print_message("# %u of 100000 changed images are sound\n", accepted);
    assert_true(accepted > 100 && accepted < 99900);
    free(bytes);
}

static void every_shorter_image_is_refused(void **state)
{
    struct kw_image image;
    (void)state;
    for (size_t size = 0; size < image_bytes.size; size++) {
        uint8_t *bytes = malloc(size ? size : 1);
        assert_non_null(bytes);
        memcpy(bytes, image_bytes.data, size);
        assert_int_equal(kw_image_open((struct kw_view){bytes, size}, &image), -EBADMSG);
        free(bytes);
    }
}

static void origin_leaves_have_the_documented_bytes(void **state)
{
    static const uint8_t hash[32] = {1, 2, 3};
    struct kw_buf leaf = {0};
    (void)state;
    assert_int_equal(kw_origin_leaf(kw_view_text("ab"), kw_view_text("v"), hash, &leaf), 0);
    assert_int_equal(leaf.size, 2 + 2 + 2 + 1 + 32);
    assert_memory_equal(leaf.data, "\0\2ab\0\1v\1\2\3", 10);
    kw_buf_clear(&leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_find_what_was_written),
        cmocka_unit_test(nodes_that_are_not_there_are_empty),
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(changed_images_never_lead_out_of_bounds),
        cmocka_unit_test(every_shorter_image_is_refused),
        cmocka_unit_test(origin_leaves_have_the_documented_bytes),
    };
    return cmocka_run_group_tests(tests, make_image, free_image);
}
