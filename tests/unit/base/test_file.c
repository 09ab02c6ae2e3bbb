/* SPDX-License-Identifier: Apache-2.0 */
/* test_file.c - files, folders and locks, in a temporary folder. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/kinward-file-XXXXXX";

static const char *at(const char *name)
{
    static char path[PATH_MAX];
    assert_int_equal(kw_path_join(path, sizeof path, folder, name), 0);
    return path;
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void replaces_and_reads(void **state)
{
    struct kw_fault fault = {0};
    struct kw_buf bytes = {0};
    struct stat status;
    assert_int_equal(kw_file_replace(at("a"), kw_view_text("first, longer"), 0640, &fault), 0);
    assert_int_equal(stat(at("a"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(kw_file_replace(at("a"), kw_view_text("second"), 0600, &fault), 0);
    assert_int_equal(kw_file_read(at("a"), 6, &bytes, &fault), 0);
    assert_string_equal((char *)bytes.data, "second");
    assert_int_equal(kw_file_read(at("a"), 5, &bytes, &fault), -EFBIG);
    assert_int_equal(fault.code, KW_E_TOO_LARGE);
    assert_string_equal((char *)bytes.data, "second"); /* untouched by the refusal */
    assert_int_equal(kw_file_read(at("none"), 10, &bytes, &fault), -ENOENT);
    assert_string_equal(fault.place, at("none"));
    assert_int_equal(kw_file_read(folder, 10, &bytes, &fault), -EISDIR);
    assert_int_equal(kw_file_replace(at("empty"), (struct kw_view){0}, 0600, &fault), 0);
    assert_int_equal(kw_file_read(at("empty"), 10, &bytes, &fault), 0);
    assert_int_equal(bytes.size, 0);
    assert_non_null(bytes.data);
    assert_int_equal(kw_file_read("/proc/self/status", 65536, &bytes, &fault), 0); /* its size is said to be 0 */
    assert_true(bytes.size > 100);
    kw_buf_clear(&bytes);
}

static void leaves_the_old_file_when_it_cannot_write(void **state)
{
    struct kw_fault fault = {0};
    struct kw_buf bytes = {0};
    assert_int_equal(kw_file_replace(at("old"), kw_view_text("old"), 0600, &fault), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit small = {2, 2};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
        _exit(kw_file_replace(at("old"), kw_view_text("newer"), 0600, NULL) == -EFBIG ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(pid, &result, 0), pid);
    assert_int_equal(result, 0);
    assert_int_equal(kw_file_read(at("old"), 100, &bytes, &fault), 0);
    assert_string_equal((char *)bytes.data, "old");
    assert_int_equal(access(at("old.tmp"), F_OK), -1);

    /* what a killed writer left is cleared away */
    int fd = open(at("old.tmp"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "a long rest of a killed writer", 30), 30);
    close(fd);
    assert_int_equal(kw_file_replace(at("old"), kw_view_text("new"), 0600, &fault), 0);
    assert_int_equal(kw_file_read(at("old"), 100, &bytes, &fault), 0);
    assert_string_equal((char *)bytes.data, "new");
    assert_int_equal(kw_file_replace(at("no/such/folder"), kw_view_text("x"), 0600, &fault), -ENOENT);
    kw_buf_clear(&bytes);
}

static void refuses_open_secrets(void **state)
{
    struct kw_fault fault = {0};
    struct kw_buf bytes = {0};
    static const mode_t refused[] = {0604, 0640, 0644, 0610, 0602};
    assert_int_equal(kw_file_replace(at("key"), kw_view_text("key"), 0600, &fault), 0);
    assert_int_equal(kw_file_read_secret(at("key"), 100, &bytes, &fault), 0);
    assert_string_equal((char *)bytes.data, "key");
    for (size_t i = 0; i < KW_COUNT(refused); i++) {
        assert_int_equal(chmod(at("key"), refused[i]), 0);
        assert_int_equal(kw_file_read_secret(at("key"), 100, &bytes, &fault), -EPERM);
        assert_int_equal(fault.code, KW_E_SECRET_MODE);
    }
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    assert_int_equal(chmod(at("key"), 0440), 0);
    assert_int_equal(kw_file_read_secret(at("key"), 100, &bytes, &fault), 0);
    assert_int_equal(chmod(at("key"), 0444), 0);
    assert_int_equal(kw_file_read_secret(at("key"), 100, &bytes, &fault), -EPERM);
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(kw_file_read_secret("/dev/null", 100, &bytes, &fault), -EINVAL);
    kw_buf_wipe(&bytes);
}

static void reads_nothing_without_memory(void **state)
{
    struct kw_fault fault = {0};
    struct kw_buf bytes = {0};
    kw_alloc_fail_after(0, true);
    assert_int_equal(kw_file_read("/proc/self/status", 65536, &bytes, &fault), -ENOMEM);
    kw_alloc_fail_after(-1, false);
    assert_int_equal(fault.code, KW_E_MEMORY);
    assert_null(bytes.data);
}

static void makes_folders(void **state)
{
    struct kw_fault fault = {0};
    assert_int_equal(kw_dir_make(at("x/y//z/"), 0700, &fault), 0);
    assert_int_equal(access(at("x/y/z"), F_OK), 0);
    assert_int_equal(kw_dir_make(at("x/y/z"), 0700, &fault), 0);
    assert_int_equal(kw_dir_make("/", 0700, &fault), 0);
    assert_int_equal(kw_file_replace(at("x/file"), kw_view_text("x"), 0600, &fault), 0);
    assert_int_equal(kw_dir_make(at("x/file"), 0700, &fault), -ENOTDIR);
    assert_int_equal(kw_dir_make(at("x/file/below"), 0700, &fault), -ENOTDIR);
    assert_int_equal(kw_dir_make("", 0700, &fault), -EINVAL);
}

static void joins_paths(void **state)
{
    char path[8];
    assert_int_equal(kw_path_join(path, sizeof path, "a", "b"), 0);
    assert_string_equal(path, "a/b");
    assert_int_equal(kw_path_join(path, sizeof path, "a/", "b"), 0);
    assert_string_equal(path, "a/b");
    assert_int_equal(kw_path_join(path, sizeof path, "a", "/b"), 0);
    assert_string_equal(path, "/b");
    assert_int_equal(kw_path_join(path, sizeof path, "", "b"), 0);
    assert_string_equal(path, "b");
    assert_int_equal(kw_path_join(path, sizeof path, "abcd", "efg"), -ENAMETOOLONG);
    assert_string_equal(path, "b");
    assert_int_equal(kw_path_join(path, sizeof path, "abc", "efg"), 0);
}

static void locks_out_a_second_process(void **state)
{
    struct kw_fault fault = {0};
    int fd = -1;
    assert_int_equal(kw_lock_take(at("lock"), &fd, &fault), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char wanted[64];
        int second = -1, r = kw_lock_take(at("lock"), &second, &fault);
        snprintf(wanted, sizeof wanted, "held by process %ld", (long)getppid());
        _exit(r == -EBUSY && second == -1 && fault.code == KW_E_LOCKED && strcmp(fault.message, wanted) == 0 ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(pid, &result, 0), pid);
    assert_int_equal(result, 0);
    close(fd);
    assert_int_equal(kw_lock_take(at("lock"), &fd, &fault), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces_and_reads),
        cmocka_unit_test(leaves_the_old_file_when_it_cannot_write),
        cmocka_unit_test(refuses_open_secrets),
        cmocka_unit_test(reads_nothing_without_memory),
        cmocka_unit_test(makes_folders),
        cmocka_unit_test(joins_paths),
        cmocka_unit_test(locks_out_a_second_process),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
