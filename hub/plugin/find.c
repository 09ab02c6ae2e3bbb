/* SPDX-License-Identifier: Apache-2.0 */
/* find.c - where plugins lie: beside the program in a build tree, or installed. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "sandbox/sandbox.h"

static const char *const folders[] = {"connectors", "plugins", "../lib/kinward/connectors", "../lib/kinward/plugins"};

static int folder_path(size_t index, char *ret_path, size_t size)
{
    const char *program = kw_program_path(), *slash = strrchr(program, '/');
    int written = snprintf(ret_path, size, "%.*s/%s", slash ? (int)(slash - program) : 0, program, folders[index]);
    return written < 0 || (size_t)written >= size ? -ENAMETOOLONG : 0;
}

/* FOLDER/NAME/NAME.so */
static int plugin_path(size_t index, const char *name, char *ret_path, size_t size)
{
    char folder[KW_PATH_SIZE];
    int error = folder_path(index, folder, sizeof folder);
    int written = error ? 0 : snprintf(ret_path, size, "%s/%s/%s.so", folder, name, name);
    return error ? error : written < 0 || (size_t)written >= size ? -ENAMETOOLONG : 0;
}

int kw_plugin_find(const char *name_or_path, char *ret_path, size_t size, struct kw_fault *fault)
{
    if (strchr(name_or_path, '/')) {
        int written = snprintf(ret_path, size, "%s", name_or_path);
        return written < 0 || (size_t)written >= size ? -ENAMETOOLONG : 0;
    }
    for (size_t i = 0; i < KW_COUNT(folders); i++) {
        char path[KW_PATH_SIZE];
        if (!plugin_path(i, name_or_path, path, sizeof path) && !access(path, R_OK) && strlen(path) < size) {
            strcpy(ret_path, path);
            return 0;
        }
    }
    return kw_fail(fault, -ENOENT, KW_E_PLUGIN, name_or_path, "no plugin of this name is installed");
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the folder's plugins, sorted. */
static int list_folder(size_t index, struct kw_buf *ret_paths)
{
    char folder[KW_PATH_SIZE], path[KW_PATH_SIZE];
    char *names[256];
    size_t count = 0;
    int error = folder_path(index, folder, sizeof folder);
    DIR *dir = error ? NULL : opendir(folder);
    if (!dir)
        return error;
    for (struct dirent *entry; !error && count < KW_COUNT(names) && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || plugin_path(index, entry->d_name, path, sizeof path) || access(path, R_OK) < 0)
            continue;
        names[count] = kw_strdup(entry->d_name);
        error = names[count] ? 0 : -ENOMEM;
        count += !error;
    }
    closedir(dir);
    qsort(names, count, sizeof *names, compare);
    for (size_t i = 0; i < count; i++) {
        if (!error && !(error = plugin_path(index, names[i], path, sizeof path)))
            error = kw_put_item(ret_paths, path, strlen(path));
        kw_free(names[i]);
    }
    return error;
}

int kw_plugin_list(struct kw_buf *ret_paths)
{
    int error = 0;
    for (size_t i = 0; i < KW_COUNT(folders) && !error; i++)
        error = list_folder(i, ret_paths);
    return error;
}
