/* SPDX-License-Identifier: Apache-2.0 */
/* test_people.c - principals, settings, rejections and the quarantine. */
#include "fixture.h"

static struct kw_principal agency(const char *name, uint8_t key)
{
    struct kw_principal principal = {.roles = KW_ROLE_AGENCY | KW_ROLE_AUDITOR,
                                     .jurisdiction = "RO",
                                     .contact = "desk",
                                     .rules = "D5 P5",
                                     .jurisdictions = "RO MD",
                                     .has_curve = true,
                                     .has_sign = true,
                                     .added_ms = 100,
                                     .log_key = "log+key",
                                     .witness_key = ""};
    snprintf(principal.name, sizeof(principal.name), "%s", name);
    memset(principal.curve, key, sizeof(principal.curve));
    memset(principal.sign, key + 1, sizeof(principal.sign));
    memset(principal.fingerprint, key, sizeof(principal.fingerprint));
    return principal;
}

static int count_one(void *context, const struct kw_principal *principal)
{
    assert_int_equal(principal->number, ++*(unsigned *)context);
    return 0;
}

static void principals_are_added_found_and_revoked(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = open_reader();
    struct kw_principal one = agency("desk", 1), two = agency("second", 9), found;
    struct kw_fault fault = {0};
    uint32_t number = 0;
    unsigned seen = 0;
    begin(journal);
    assert_int_equal(kw_journal_principal_add(journal, &one, &number, NULL), 0);
    assert_int_equal(number, 1);
    assert_int_equal(kw_journal_principal_add(journal, &one, &number, &fault), -EEXIST);
    assert_int_equal(fault.code, KW_E_STATE);
    two.has_curve = two.has_sign = false;
    assert_int_equal(kw_journal_principal_add(journal, &two, &number, NULL), 0);
    assert_int_equal(number, 2);
    commit(journal);
    assert_int_equal(kw_journal_principal(reader, 1, &found, NULL), 0);
    one.number = 1;
    assert_memory_equal(&found, &one, sizeof(one));
    assert_int_equal(kw_journal_principal_by_name(reader, "second", &found, NULL), 0);
    assert_true(found.number == 2 && !found.has_curve);
    assert_int_equal(kw_journal_principal_by_curve(reader, one.curve, &found, NULL), 0);
    assert_int_equal(found.number, 1);
    assert_int_equal(kw_journal_principal_by_name(reader, "nobody", &found, &fault), -ENOENT);
    assert_int_equal(fault.code, KW_E_NOT_FOUND);
    assert_int_equal(kw_journal_principal_list(reader, count_one, &seen, NULL), 0);
    assert_int_equal(seen, 2);
    begin(journal);
    assert_int_equal(kw_journal_principal_revoke(journal, 1, 500, NULL), 0);
    assert_int_equal(kw_journal_principal_revoke(journal, 3, 500, NULL), -ENOENT);
    commit(journal);
    assert_int_equal(kw_journal_principal_by_curve(reader, one.curve, &found, NULL), 0);
    assert_true(found.revoked && found.revoked_ms == 500);
}

static void old_sign_keys_are_known_after_rotations(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    struct kw_journal_reader *reader = kw_journal_self(journal);
    struct kw_principal one = agency("desk", 1), next = agency("other name", 11), found;
    struct kw_fault fault = {0};
    uint8_t sign[KW_KEY_SIZE];
    uint32_t number;
    begin(journal);
    assert_int_equal(kw_journal_principal_add(journal, &one, &number, NULL), 0);
    next.number = number;
    next.roles = KW_ROLE_BORDER;
    assert_int_equal(kw_journal_principal_rotate(journal, &next, 1000, NULL), 0);
    struct kw_principal last = agency("desk", 21);
    last.number = number;
    last.roles = KW_ROLE_WITNESS;
    assert_int_equal(kw_journal_principal_rotate(journal, &last, 2000, NULL), 0);
    commit(journal);
    assert_int_equal(kw_journal_principal(reader, number, &found, NULL), 0);
    assert_string_equal(found.name, "desk");
    assert_int_equal(found.roles, one.roles);
    assert_memory_equal(found.curve, last.curve, KW_KEY_SIZE);
    assert_int_equal(found.rotated_ms, 2000);
    static const struct {
        int64_t at;
        uint8_t key;
    } times[] = {{0, 2}, {999, 2}, {1000, 12}, {1999, 12}, {2000, 22}, {9999, 22}};
    for (size_t i = 0; i < KW_COUNT(times); i++) {
        assert_int_equal(kw_journal_principal_sign_at(reader, number, times[i].at, sign, NULL), 0);
        assert_int_equal(sign[0], times[i].key);
    }
    begin(journal);
    assert_int_equal(kw_journal_principal_revoke(journal, number, 3000, NULL), 0);
    assert_int_equal(kw_journal_principal_rotate(journal, &next, 4000, &fault), -EINVAL);
    assert_int_equal(fault.code, KW_E_REVOKED);
    commit(journal);
}

static void mandates_and_roles_are_read_strictly(void **state)
{
    unsigned roles = 0;
    assert_true(kw_mandate_covers("D5 P5", "D5") && kw_mandate_covers("D5 P5", "P5"));
    assert_false(kw_mandate_covers("D5 P5", "D") || kw_mandate_covers("D5 P5", "M3") || kw_mandate_covers("D5 P5", ""));
    assert_true(kw_mandate_covers("*", "M3"));
    assert_false(kw_mandate_covers("", "M3"));
    assert_int_equal(kw_roles_parse("registry, border", &roles, NULL), 0);
    assert_int_equal(roles, KW_ROLE_REGISTRY | KW_ROLE_BORDER);
    assert_int_equal(kw_roles_parse("registry,king", &roles, NULL), -EINVAL);
    assert_int_equal(kw_roles_parse(" ", &roles, NULL), -EINVAL);
    assert_string_equal(kw_role_name(KW_ROLE_WITNESS), "witness");
}

static void settings_are_kept(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    KW_AUTO(kw_buf_clear) struct kw_buf value = {0};
    begin(journal);
    assert_int_equal(kw_journal_setting_save(journal, "epoch", "1", NULL), 0);
    assert_int_equal(kw_journal_setting_save(journal, "epoch", "22", NULL), 0);
    commit(journal);
    check_memory(&journal);
    assert_int_equal(kw_journal_setting(kw_journal_self(journal), "epoch", &value, NULL), 0);
    assert_true(kw_view_is(kw_view_of(&value), "22"));
    assert_int_equal(kw_journal_setting(kw_journal_self(journal), "era", &value, NULL), -ENOENT);
}

static struct kw_refusal refusal(uint32_t slot)
{
    return (struct kw_refusal){.kind = KW_ENTRY_CHECK,
                               .principal = 4,
                               .slot = slot,
                               .flags = KW_ENTRY_BACKFILL,
                               .batch = 8,
                               .code = KW_E_CHILD,
                               .at_ms = 77,
                               .place = "validator",
                               .hash = {5},
                               .attempts = 3,
                               .body = kw_view_text("<record>kept</record>"),
                               .origin_leaf = kw_view_text("leaf")};
}

static int see_refusal(void *context, const struct kw_refusal *refusal)
{
    unsigned *seen = context;
    assert_int_equal(refusal->principal, 4);
    assert_int_equal(refusal->code, KW_E_CHILD);
    assert_string_equal(refusal->place, "validator");
    assert_int_equal(refusal->at_ms, 77);
    *seen = *seen * 10 + (unsigned)refusal->number;
    return 0;
}

static int see_hash(void *context, const struct kw_refusal *refusal)
{
    assert_int_equal(refusal->hash[0], 5);
    return see_refusal(context, refusal);
}

static void rejections_keep_cause_and_hash(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = open_reader();
    unsigned seen = 0;
    begin(journal);
    for (uint32_t i = 0; i < 4; i++) {
        struct kw_refusal it = refusal(i);
        assert_int_equal(kw_journal_reject(journal, &it, NULL), 0);
        if (i == 2) {
            kw_journal_rollback(journal);
            begin(journal);
        }
    }
    struct kw_refusal it = refusal(9);
    assert_int_equal(kw_journal_reject(journal, &it, NULL), 0);
    commit(journal);
    assert_int_equal(kw_journal_rejected_list(reader, 0, 10, see_hash, &seen, NULL), 0);
    assert_int_equal(seen, 12);
}

static void the_quarantine_is_left_only_with_a_reason(void **state)
{
    KW_AUTO(kw_journal_closep) struct kw_journal *journal = open_journal();
    KW_AUTO(kw_journal_reader_closep) struct kw_journal_reader *reader = open_reader();
    struct kw_fault fault = {0};
    struct kw_refusal it, back;
    uint64_t number;
    unsigned seen = 0;
    begin(journal);
    for (uint32_t i = 0; i < 3; i++) {
        it = refusal(i);
        assert_int_equal(kw_journal_quarantine(journal, &it, &number, NULL), 0);
        assert_int_equal(number, i + 1);
    }
    assert_int_equal(kw_journal_quarantine_attempt(journal, 2, NULL), 0);
    commit(journal);
    assert_int_equal(kw_journal_quarantine_show(reader, 2, &back, NULL), 0);
    assert_true(kw_view_equal(back.body, it.body) && kw_view_equal(back.origin_leaf, it.origin_leaf));
    assert_true(back.attempts == 4 && back.kind == KW_ENTRY_CHECK && back.flags == KW_ENTRY_BACKFILL && back.batch == 8);
    begin(journal);
    assert_int_equal(kw_journal_quarantine_settle(journal, 2, KW_QUARANTINE_CLOSED, "op", "", 9, &fault), -EINVAL);
    assert_int_equal(fault.code, KW_E_STATE);
    assert_int_equal(kw_journal_quarantine_settle(journal, 7, KW_QUARANTINE_CLOSED, "op", "why", 9, &fault), -ENOENT);
    assert_int_equal(kw_journal_quarantine_settle(journal, 2, KW_QUARANTINE_CLOSED, "op", "a copy", 9, NULL), 0);
    assert_int_equal(kw_journal_quarantine_settle(journal, 3, KW_QUARANTINE_RETRIED, "op", "again", 9, NULL), 0);
    assert_int_equal(kw_journal_quarantine_settle(journal, 2, KW_QUARANTINE_RETRIED, "op", "again", 9, &fault), -EINVAL);
    assert_int_equal(kw_journal_quarantine_attempt(journal, 2, &fault), -EINVAL);
    commit(journal);
    assert_int_equal(kw_journal_quarantine_show(reader, 2, &back, NULL), 0);
    assert_int_equal(back.state, KW_QUARANTINE_CLOSED);
    assert_string_equal(back.closed_by, "op");
    assert_string_equal(back.reason, "a copy");
    assert_int_equal(back.closed_ms, 9);
    assert_int_equal(kw_journal_quarantine_list(reader, true, 0, 10, see_refusal, &seen, NULL), 0);
    assert_int_equal(seen, 1);
    assert_int_equal(kw_journal_quarantine_list(reader, false, 1, 10, see_refusal, &seen, NULL), 0);
    assert_int_equal(seen, 123);
    struct kw_journal_counts counts;
    assert_int_equal(kw_journal_count(reader, &counts, NULL), 0);
    assert_true(counts.quarantined == 3 && counts.quarantine_open == 1);
    assert_int_equal(kw_journal_quarantine_show(reader, 4, &back, &fault), -ENOENT);
    check_memory(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(principals_are_added_found_and_revoked),
        IN_SCRATCH(old_sign_keys_are_known_after_rotations),
        IN_SCRATCH(settings_are_kept),
        cmocka_unit_test(mandates_and_roles_are_read_strictly),
        IN_SCRATCH(rejections_keep_cause_and_hash),
        IN_SCRATCH(the_quarantine_is_left_only_with_a_reason),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
