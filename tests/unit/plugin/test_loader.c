/* SPDX-License-Identifier: Apache-2.0 */
/* test_loader.c - what is loaded and what is refused, in which order, and with which words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "plugin/private.h"

#define DAY_MS INT64_C(86400000)

static char folder[64], plugin[128], manifest[128], trust[128], seen[128], trace[128];
static struct kw_sign_key *key, *stranger;

static void write_text(const char *path, struct kw_view bytes, mode_t mode)
{
    assert_int_equal(kw_file_replace(path, bytes, mode, NULL), 0);
}

/* Puts the sample under a name of its own, so that each test loads a file of its own. */
static void take_sample(const char *name)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    char path[600];
    snprintf(path, sizeof path, "%s/tests/unit/plugin/sample-%s.so", getenv("KINWARD_BUILD"), name);
    assert_int_equal(kw_file_read(path, 64 << 20, &bytes, NULL), 0);
    write_text(plugin, kw_view_of(&bytes), 0644);
}

static struct kw_manifest manifest_of_plugin(void)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    struct kw_manifest made = {.name = "sample",
                               .version = "1.2.0",
                               .abi = "0.2",
                               .kind = "connector",
                               .capabilities = KINWARD_NETWORK | KINWARD_FOLDER,
                               .made_ms = kw_clock_wall_ms() - DAY_MS,
                               .expires_ms = kw_clock_wall_ms() + DAY_MS};
    assert_int_equal(kw_file_read(plugin, 64 << 20, &bytes, NULL), 0);
    kw_sha256_of(bytes.data, bytes.size, made.sha256);
    return made;
}

static void sign_as(const struct kw_manifest *made, const struct kw_sign_key *with)
{
    assert_int_equal(kw_manifest_write(manifest, made, with, NULL), 0);
}

static int set_up(void **state)
{
    KW_AUTO(kw_buf_clear) struct kw_buf line = {0};
    strcpy(folder, "/tmp/kinward-plugin-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(plugin, sizeof plugin, "%s/sample.so", folder);
    snprintf(manifest, sizeof manifest, "%s/sample.manifest", folder);
    snprintf(trust, sizeof trust, "%s/trust", folder);
    snprintf(seen, sizeof seen, "%s/seen", folder);
    snprintf(trace, sizeof trace, "%s/trace", folder);
    assert_int_equal(kw_sign_key_new(&key), 0);
    assert_int_equal(kw_sign_key_new(&stranger), 0);
    assert_int_equal(kw_buf_text(&line, "# trusted\n"), 0);
    assert_int_equal(kw_base64(&line, key->public_key, KW_KEY_SIZE), 0);
    assert_int_equal(kw_buf_text(&line, " of a test\n"), 0);
    write_text(trust, kw_view_of(&line), 0644);
    take_sample("good");
    setenv("SAMPLE_TRACE", trace, 1);
    struct kw_manifest made = manifest_of_plugin();
    sign_as(&made, key);
    return 0;
}

static int tear_down(void **state)
{
    const char *const paths[] = {plugin, manifest, trust, seen, trace};
    for (size_t i = 0; i < KW_COUNT(paths); i++)
        unlink(paths[i]);
    rmdir(folder);
    kw_sign_key_freep(&key);
    kw_sign_key_freep(&stranger);
    return 0;
}

static int load(const struct kw_plugin_policy *policy, struct kw_fault *fault)
{
    struct kw_plugin *loaded = NULL;
    int error = kw_plugin_load(plugin, policy, &loaded, fault);
    assert_true((error == 0) == (loaded != NULL));
    kw_plugin_free(loaded);
    return error;
}

static bool was_run(void)
{
    return access(trace, F_OK) == 0;
}

/* Refused with these words, before or after its constructors ran. */
static void refused(int error, const char *words, bool ran)
{
    const struct kw_plugin_policy policy = {.trust_file = trust, .seen_file = seen};
    struct kw_fault fault = {0};
    assert_int_equal(load(&policy, &fault), error);
    if (!strstr(fault.message, words))
        fail_msg("wanted \"%s\", found \"%s\"", words, fault.message);
    assert_true(fault.place[0]);
    assert_int_equal(was_run(), ran);
}

static void a_signed_plugin_is_loaded(void **state)
{
    const struct kw_plugin_policy policy = {.trust_file = trust, .seen_file = seen, .kind = KINWARD_CONNECTOR};
    struct kw_plugin *loaded = NULL;
    const void *operations = NULL;
    assert_int_equal(kw_plugin_load(plugin, &policy, &loaded, NULL), 0);
    assert_true(kw_plugin_signed(loaded));
    assert_true(was_run());
    assert_string_equal(kw_plugin_descriptor(loaded)->name, "sample");
    assert_int_equal(kw_plugin_operations(loaded, sizeof(struct kinward_connector), &operations), 0);
    assert_non_null(((const struct kinward_connector *)operations)->pull);
    assert_int_equal(kw_plugin_operations(loaded, sizeof(struct kinward_connector) + 1, &operations), -ENOTSUP);
    kw_plugin_free(loaded);
}

static void a_changed_file_is_refused_before_it_runs(void **state)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    assert_int_equal(kw_file_read(plugin, 64 << 20, &bytes, NULL), 0);
    bytes.data[bytes.size - 1] ^= 1;
    write_text(plugin, kw_view_of(&bytes), 0644);
    refused(-EKEYREJECTED, "sha256: wanted", false);
}

static void a_changed_manifest_is_refused(void **state)
{
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    assert_int_equal(kw_file_read(manifest, 65536, &bytes, NULL), 0);
    char *version = strstr((char *)bytes.data, "1.2.0");
    assert_non_null(version);
    *version = '2';
    write_text(manifest, kw_view_of(&bytes), 0644);
    refused(-EKEYREJECTED, "signature: wanted one by a trusted key", false);
    write_text(manifest, kw_view_text("{}\n"), 0644);
    refused(-EBADMSG, "wanted two lines", false);
    write_text(manifest, kw_view_text("{}\nAAAA\n"), 0644);
    refused(-EBADMSG, "signature: wanted 64 bytes", false);
}

static void a_strangers_signature_is_refused(void **state)
{
    struct kw_manifest made = manifest_of_plugin();
    sign_as(&made, stranger);
    refused(-EKEYREJECTED, "signature: wanted one by a trusted key", false);
    sign_as(&made, key);
    unlink(trust); /* nobody is trusted */
    refused(-EKEYREJECTED, "signature", false);
}

static void an_expired_manifest_is_refused(void **state)
{
    struct kw_manifest made = manifest_of_plugin();
    made.expires_ms = kw_clock_wall_ms() - 1;
    sign_as(&made, key);
    refused(-EKEYEXPIRED, "expires: wanted later than", false);
}

static void without_a_manifest_only_dev_loads(void **state)
{
    struct kw_fault fault = {0};
    struct kw_plugin *loaded = NULL;
    struct kw_plugin_policy policy = {.trust_file = trust, .dev = true};
    unlink(manifest);
    refused(-ENOENT, "wanted a manifest, found none", false);
    assert_int_equal(kw_plugin_load(plugin, &policy, &loaded, &fault), 0);
    assert_false(kw_plugin_signed(loaded));
    kw_plugin_free(loaded);
    struct kw_manifest made = manifest_of_plugin(); /* a manifest that is there must be good, --dev or not */
    sign_as(&made, stranger);
    assert_int_equal(load(&policy, &fault), -EKEYREJECTED);
}

static void a_file_that_others_may_write_is_refused(void **state)
{
    assert_int_equal(chmod(plugin, 0664), 0);
    refused(-EACCES, "mode: wanted no writing for group and others, found 0664", false);
    assert_int_equal(chmod(plugin, 0646), 0);
    refused(-EACCES, "found 0646", false);
}

static void a_file_of_another_owner_is_refused(void **state)
{
    if (chown(plugin, 12345, (gid_t)-1) < 0) {
        print_message("skipped: needs the right to give files away\n");
        skip();
    }
    refused(-EACCES, "found 12345", false);
}

static void what_is_no_file_is_refused(void **state)
{
    unlink(plugin);
    refused(-ENOENT, "No such file", false);
    assert_int_equal(mkdir(plugin, 0755), 0);
    refused(-EACCES, "type: wanted a regular file", false);
    rmdir(plugin);
}

static void a_manifest_of_other_claims_is_refused(void **state)
{
    struct kw_manifest made = manifest_of_plugin();
    strcpy(made.version, "1.3.0");
    sign_as(&made, key);
    refused(-EBADMSG, "version: wanted 1.3.0, found 1.2.0", true);
    made = manifest_of_plugin();
    made.capabilities = KINWARD_NETWORK; /* the plugin wants more than was signed */
    sign_as(&made, key);
    refused(-EBADMSG, "capabilities: wanted 0x1, found 0x5", true);
    made = manifest_of_plugin();
    strcpy(made.name, "other");
    sign_as(&made, key);
    refused(-EBADMSG, "name: wanted other, found sample", true);
}

static void an_older_version_than_before_is_refused(void **state)
{
    write_text(seen, kw_view_text("other 9.9\nsample 1.10.0\n"), 0600);
    refused(-ESTALE, "at least 1.10.0", true);
    write_text(seen, kw_view_text("other 9.9\nsample 1.1.9\n"), 0600);
    const struct kw_plugin_policy policy = {.trust_file = trust, .seen_file = seen};
    assert_int_equal(load(&policy, NULL), 0);
    KW_AUTO(kw_buf_clear) struct kw_buf bytes = {0};
    assert_int_equal(kw_file_read(seen, 65536, &bytes, NULL), 0);
    assert_string_equal((char *)bytes.data, "other 9.9\nsample 1.2.0\n");
}

static void another_kind_than_wanted_is_refused(void **state)
{
    const struct kw_plugin_policy policy = {.trust_file = trust, .kind = KINWARD_SINK};
    struct kw_fault fault = {0};
    assert_int_equal(load(&policy, &fault), -EBADMSG);
    assert_non_null(strstr(fault.message, "kind: wanted sink, found connector"));
}

static void a_descriptor_that_does_not_fit_is_refused(void **state)
{
    static const struct {
        const char *sample, *words;
    } cases[] = {
        {"other-major", "abi: wanted 0.2, found 9.2"},
        {"other-minor", "abi: wanted 0.2, found 0.9"},
        {"bad-name", "name: wanted a-z"},
        {"bad-option", "option endpoint"},
        {"bad-size", "size: wanted"},
        {"no-pull", "operations: wanted all mandatory ones"},
        {"no-symbol", "symbol: wanted kinward_plugin, found none"},
    };
    for (size_t i = 0; i < KW_COUNT(cases); i++) {
        take_sample(cases[i].sample);
        struct kw_manifest made = manifest_of_plugin();
        sign_as(&made, key);
        unlink(trace);
        refused(-EBADMSG, cases[i].words, true);
    }
}

static void two_files_in_turn_are_not_mixed_up(void **state)
{
    const struct kw_plugin_policy policy = {.dev = true, .trust_file = trust};
    struct kw_fault fault = {0};
    unlink(manifest);
    for (int i = 0; i < 4; i++) { /* each through its own descriptor, which stays open */
        take_sample(i % 2 ? "other-major" : "good");
        assert_int_equal(load(&policy, &fault), i % 2 ? -EBADMSG : 0);
    }
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_signed_plugin_is_loaded),
        IN_FOLDER(a_changed_file_is_refused_before_it_runs),
        IN_FOLDER(a_changed_manifest_is_refused),
        IN_FOLDER(a_strangers_signature_is_refused),
        IN_FOLDER(an_expired_manifest_is_refused),
        IN_FOLDER(without_a_manifest_only_dev_loads),
        IN_FOLDER(a_file_that_others_may_write_is_refused),
        IN_FOLDER(a_file_of_another_owner_is_refused),
        IN_FOLDER(what_is_no_file_is_refused),
        IN_FOLDER(a_manifest_of_other_claims_is_refused),
        IN_FOLDER(an_older_version_than_before_is_refused),
        IN_FOLDER(another_kind_than_wanted_is_refused),
        IN_FOLDER(a_descriptor_that_does_not_fit_is_refused),
        IN_FOLDER(two_files_in_turn_are_not_mixed_up),
    };
    if (kw_crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("plugin loader", tests, NULL, NULL);
}
