/* SPDX-License-Identifier: Apache-2.0 */
/* test_hostile.c - images as a validator that was taken over could hand them to the core: the rules take any that intake takes. */
#include "world.h"

#include "match/match.h"
#include "record/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHILD  NAME("Amina", "Testperson") NUMBER("birth_registration", "2019B4XKQ21") BORN("2019-05-07")
#define MOTHER NAME("Rosa", "Testperson") NUMBER("national_id", "1990010199") BORN("1990-01-01")
#define HELD   "<parentalAuthority over=\"child\"><status>joint</status></parentalAuthority>"

static const struct spec specs[] = {
    {.event = "live_birth", .inner = PARTY("child", ROLE("child") CHILD) PARTY("m", ROLE("mother") MOTHER IS("mother") HELD)},
    {.event = "death", .inner = PARTY("d", ROLE("deceased") MOTHER "<dateOfDeath><value>2026-01-01</value></dateOfDeath>")},
    {.event = "missing_child_opened",
     .inner =
         PARTY("child", ROLE("missing_child") ROLE("child") CHILD) "<notice><number>N-1</number><kind>missing</kind></notice>"},
    {.event = "travel_consent_granted",
     .inner =
         PARTY("child", ROLE("child") CHILD) PARTY("g", ROLE("consent_giver") MOTHER HELD) "<travelConsent><number>T-1</number>"
                                                                                           "</travelConsent>"},
    {.event = "document_check",
     .kind = 2,
     .inner = PARTY("child", ROLE("child") CHILD PASSPORT("ZZ1")) PARTY(
         "e", ROLE("escort") MOTHER PASSPORT(
                  "ZZ2")) "<check><direction>out</direction><outcome>attempted</outcome><consentPresented>yes</consentPresented>"
                          "<consent><number>T-1</number></consent></check>"},
};

static int no_key(void *context, uint64_t key)
{
    return 0;
}

/* What intake asks of an image before it is stored. */
static bool intake_takes(struct kw_view bytes)
{
    static const uint8_t secret[32] = {1};
    struct kw_record_head head;
    struct kw_image image;
    return kw_image_open(bytes, &image) == 0 && kw_record_head(&image, &head) == 0 &&
           kw_match_keys(&image, secret, no_key, NULL) == 0;
}

static void damage(struct kw_buf *image)
{
    static const uint8_t values[] = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff};
    for (long changes = random() % 3; changes >= 0; changes--) {
        size_t at = (size_t)random() % image->size;
        image->data[at] =
            random() % 2 ? values[random() % (long)KW_COUNT(values)] : (uint8_t)(image->data[at] ^ 1u << random() % 8);
    }
}

/* An entry that cannot be inspected stops detection for good: whatever stands in the journal must go through. */
static void what_intake_takes_the_rules_take(void **state)
{
    static struct world world;
    unsigned taken = 0;
    srandom(20260712);
    for (unsigned turn = 0; turn < 6000; turn++) {
        world_start(&world, NULL);
        for (size_t i = 0; i < KW_COUNT(specs); i++)
            world_put(&world, specs[i]);
        for (size_t i = 0; i < KW_COUNT(specs); i++) {
            struct world_entry *from = &world.entries[i], *entry = &world.entries[world.count];
            *entry = (struct world_entry){.received_ms = world.now_ms, .kind = from->kind};
            assert_int_equal(kw_buf_append(&entry->image, from->image.data, from->image.size), 0);
            damage(&entry->image);
            if (!intake_takes(kw_view_of(&entry->image))) {
                kw_buf_clear(&entry->image);
                continue;
            }
            taken++;
            world.count++;
            struct kw_detect_entry subject = {.position = world.count,
                                              .kind = entry->kind,
                                              .received_ms = entry->received_ms,
                                              .image = kw_view_of(&entry->image)};
            struct kw_fault fault = {0};
            if (kw_detect_inspect(world.detector, &subject, &world.detection, &fault) < 0)
                fail_msg("turn %u, entry %zu: %s: %s", turn, i, fault.place, fault.message);
        }
        world_stop(&world);
    }
    assert_true(taken > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_intake_takes_the_rules_take)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
