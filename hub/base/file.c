/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - whole files read and replaced, folders, locks. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int file_fault(struct kw_fault *fault, int error, const char *path, const char *what)
{
    bool full = error == ENOSPC || error == EDQUOT;
    return kw_fail(fault, -error,
                   full              ? KW_E_READ_ONLY
                   : error == ENOMEM ? KW_E_MEMORY
                                     : KW_E_FILE,
                   path, "%s: %s", what, strerror(error));
}

/* A credential of systemd is shown to its service through an ACL, which stat reports as group bits. */
static bool is_system_credential(const char *path)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t length = folder ? strlen(folder) : 0;
    return length > 0 && strncmp(path, folder, length) == 0 && path[length] == '/' && !strstr(path + length, "..");
}

static int check_secret(const char *path, const struct stat *status, struct kw_fault *fault)
{
    mode_t forbidden = is_system_credential(path) ? S_IRWXO | S_IWGRP : S_IRWXO | S_IRWXG;
    if (!S_ISREG(status->st_mode))
        return kw_fail(fault, -EINVAL, KW_E_FILE, path, "a secret must be a regular file");
    if (status->st_mode & forbidden)
        return kw_fail(fault, -EPERM, KW_E_SECRET_MODE, path, "mode is %04o; wanted 0600", (unsigned)status->st_mode & 07777);
    if (status->st_uid != geteuid() && status->st_uid != 0)
        return kw_fail(fault, -EPERM, KW_E_SECRET_MODE, path, "belongs to another user");
    return 0;
}

static int read_all(int fd, const char *path, size_t first, size_t limit, struct kw_buf *bytes, struct kw_fault *fault)
{
    size_t chunk = first < limit ? first + 1 : limit + 1; /* one more than allowed shows that there is more */
    for (;;) {
        if (kw_buf_reserve(bytes, chunk) < 0)
            return file_fault(fault, ENOMEM, path, "cannot read");
        ssize_t got = read(fd, bytes->data + bytes->size, chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_fault(fault, errno, path, "cannot read");
        if (got == 0)
            break;
        bytes->size += (size_t)got;
        if (bytes->size > limit)
            return kw_fail(fault, -EFBIG, KW_E_TOO_LARGE, path, "larger than %zu bytes", limit);
        chunk = limit - bytes->size < 65536 ? limit - bytes->size + 1 : 65536;
    }
    bytes->data[bytes->size] = 0;
    return 0;
}

static int read_file(const char *path, size_t limit, bool secret, struct kw_buf *ret_bytes, struct kw_fault *fault)
{
    KW_AUTO(kw_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return file_fault(fault, errno, path, "cannot open");

    struct stat status;
    if (fstat(fd, &status) < 0)
        return file_fault(fault, errno, path, "cannot stat");
    if (S_ISDIR(status.st_mode))
        return file_fault(fault, EISDIR, path, "cannot read");
    int r = secret ? check_secret(path, &status, fault) : 0;
    if (r < 0)
        return r;

    /* the whole size at once, so that no outgrown copy of a secret stays behind in memory */
    struct kw_buf bytes = {0};
    size_t first = S_ISREG(status.st_mode) ? (size_t)status.st_size : 4095;
    r = read_all(fd, path, first, limit, &bytes, fault);
    if (r < 0) {
        kw_buf_wipe(&bytes);
        return r;
    }
    kw_buf_wipe(ret_bytes);
    *ret_bytes = bytes;
    return 0;
}

int kw_file_read(const char *path, size_t limit, struct kw_buf *ret_bytes, struct kw_fault *fault)
{
    return read_file(path, limit, false, ret_bytes, fault);
}

int kw_file_read_secret(const char *path, size_t limit, struct kw_buf *ret_bytes, struct kw_fault *fault)
{
    return read_file(path, limit, true, ret_bytes, fault);
}

static int sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof folder)
        return -ENAMETOOLONG;
    memcpy(folder, path, length);
    folder[length] = 0;
    KW_AUTO(kw_closep) int fd = open(length ? folder : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    /* some file systems have no fsync of a folder; there it is durable with the rename */
    return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

/* The name is fixed, so that the next writer clears away what a killed one left; the lock keeps a second writer out. */
static int open_temporary(const char *path, mode_t mode)
{
    for (;;) {
        KW_AUTO(kw_closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
            return -errno;
        while (flock(fd, LOCK_EX) < 0)
            if (errno != EINTR)
                return -errno;
        struct stat opened, named;
        if (fstat(fd, &opened) < 0)
            return -errno;
        if (stat(path, &named) < 0 || opened.st_ino != named.st_ino || opened.st_dev != named.st_dev)
            continue; /* the writer before us has renamed it */
        if (ftruncate(fd, 0) < 0 || fchmod(fd, mode) < 0)
            return -errno;
        int taken = fd;
        fd = -1;
        return taken;
    }
}

static int write_all(int fd, struct kw_view bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes.data += written;
        bytes.size -= (size_t)written;
    }
    return 0;
}

int kw_file_replace(const char *path, struct kw_view bytes, mode_t mode, struct kw_fault *fault)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= (int)sizeof temporary)
        return file_fault(fault, ENAMETOOLONG, path, "cannot write");

    KW_AUTO(kw_closep) int fd = open_temporary(temporary, mode);
    if (fd < 0)
        return file_fault(fault, -fd, path, "cannot create");
    int r = write_all(fd, bytes);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0) {
        unlink(temporary);
        return file_fault(fault, -r, path, "cannot write");
    }
    r = sync_folder_of(path);
    return r < 0 ? file_fault(fault, -r, path, "cannot sync the folder") : 0;
}

static int make_one(const char *path, mode_t mode)
{
    struct stat status;
    if (mkdir(path, mode) == 0)
        return sync_folder_of(path);
    int error = errno;
    if (stat(path, &status) < 0)
        return -error;
    return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int kw_dir_make(const char *path, mode_t mode, struct kw_fault *fault)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (length == 0 || length >= sizeof part)
        return file_fault(fault, length ? ENAMETOOLONG : EINVAL, path, "cannot make the folder");

    for (size_t i = 1; i <= length; i++) {
        if (i < length && path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        int r = make_one(part, mode);
        if (r < 0)
            return file_fault(fault, -r, part, "cannot make the folder");
    }
    return 0;
}

int kw_path_join(char *ret_path, size_t size, const char *dir, const char *name)
{
    char joined[PATH_MAX];
    size_t length = strlen(dir);
    int written;
    if (name[0] == '/' || length == 0)
        written = snprintf(joined, sizeof joined, "%s", name);
    else
        written = snprintf(joined, sizeof joined, "%s%s%s", dir, dir[length - 1] == '/' ? "" : "/", name);
    if (written < 0 || (size_t)written >= sizeof joined || (size_t)written >= size)
        return -ENAMETOOLONG;
    memcpy(ret_path, joined, (size_t)written + 1);
    return 0;
}

int kw_lock_take(const char *path, int *ret_fd, struct kw_fault *fault)
{
    KW_AUTO(kw_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return file_fault(fault, errno, path, "cannot open the lock");

    char holder[24] = "";
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int error = errno;
        if (error != EWOULDBLOCK)
            return file_fault(fault, error, path, "cannot lock");
        ssize_t got = pread(fd, holder, sizeof holder - 1, 0);
        long pid = got > 0 ? strtol(holder, NULL, 10) : 0;
        return kw_fail(fault, -EBUSY, KW_E_LOCKED, path, "held by process %ld", pid);
    }
    int length = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, holder, (size_t)length, 0) != length)
        return file_fault(fault, errno ? errno : EIO, path, "cannot write the lock");
    *ret_fd = fd;
    fd = -1;
    return 0;
}
