/* SPDX-License-Identifier: Apache-2.0 */
/* validator.c - any bytes through the validator, and any bytes as a record image.
 *
 * Built with clang's fuzzer under `./dev fuzz`; otherwise a program that replays the files it is given, as a test. What must hold:
 * a valid record's canonical form is its own canonical form, and its image opens; an image that opens can be walked.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

/* A sum of all that can be read, so that nothing is optimised away. */
static unsigned long walk_image(struct kw_view bytes)
{
    struct kw_image image;
    struct kw_record_head head;
    unsigned long sum = 0;
    if (kw_image_open(bytes, &image) != 0)
        return 0;
    for (kw_node node = 0; node < image.count; node++) {
        struct kw_view text = kw_image_text(&image, node);
        for (size_t i = 0; i < text.size; i++)
            sum += text.data[i];
        uint32_t steps = 0;
        for (kw_node child = kw_image_first(&image, node); child != KW_NONE; child = kw_image_sibling(&image, child))
            must(steps++ < image.count);
    }
    return sum + (kw_record_head(&image, &head) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kw_validator *validator;
    static volatile unsigned long seen;
    unsigned long sum = 0;
    struct kw_view text = {data, size};
    struct kw_buf canonical = {0}, again = {0}, image = {0};
    struct kw_fault fault = {0};
    bool is_canonical;
    if (validator == NULL)
        must(kw_validator_new(&validator) == 0);
    sum += walk_image(text);
    if (kw_validate(validator, text, &canonical, &image, NULL, &fault) == 0) {
        struct kw_image opened;
        must(kw_image_open(kw_view_of(&image), &opened) == 0);
        sum += walk_image(kw_view_of(&image));
        must(kw_validate(validator, kw_view_of(&canonical), &again, NULL, &is_canonical, &fault) == 0 && is_canonical);
    } else
        must(fault.code != KW_OK && fault.message[0] != 0);
    must(kw_validate_file(validator, text, NULL, NULL, &fault) <= 0);
    seen = seen + sum;
    kw_buf_clear(&canonical);
    kw_buf_clear(&again);
    kw_buf_clear(&image);
    return 0;
}

#ifndef KINWARD_LIBFUZZER
/* Each file as it is, and cut and bent in a few fixed ways. */
static void replay(const struct kw_buf *text)
{
    uint64_t dice = 88172645463325252u;
    uint8_t *bytes = malloc(text->size + 1);
    must(bytes != NULL);
    LLVMFuzzerTestOneInput(text->data, text->size);
    for (unsigned round = 0; round < 300; round++) {
        memcpy(bytes, text->data, text->size);
        dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
        size_t size = round % 3 || text->size == 0 ? text->size : dice % text->size;
        if (size > 0)
            bytes[(dice >> 20) % size] = (uint8_t)(dice >> 8);
        LLVMFuzzerTestOneInput(bytes, size);
    }
    free(bytes);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct kw_buf text = {0};
        struct kw_fault fault;
        if (kw_file_read(argv[i], KW_LIMIT_RECORD, &text, &fault) != 0) {
            printf("not ok 1 - %s: %s\n1..1\n", argv[i], fault.message);
            return 1;
        }
        replay(&text);
        kw_buf_clear(&text);
    }
    printf("ok 1 - %d files replayed\n1..1\n", argc - 1);
    return argc > 1 ? 0 : 1;
}
#endif
