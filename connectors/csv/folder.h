/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h - the manifests of a watched folder, by their sequence. */
#ifndef CSV_FOLDER_H
#define CSV_FOLDER_H

#include "kinward/host.h"

#define FILE_NAME 200

struct manifest {
    char name[FILE_NAME]; /* of the manifest */
    char file[FILE_NAME]; /* of the CSV file */
    int64_t modified_ms;
    uint64_t size;
    int64_t sequence, rows; /* sequence 0: it could not be read */
    uint8_t sha256[32];
};

struct folder { /* zero-initialise */
    struct manifest *manifests;
    size_t count, capacity;
};

/* Looks at the folder again; only new and changed manifests are read. */
kinward_verdict folder_look(struct folder *folder, const struct kinward_host *host, const char *path);
/* The manifest of this sequence, or NULL. ret_later: one of a later sequence; ret_unread: one that is no manifest. */
const struct manifest *folder_find(const struct folder *folder, int64_t sequence, const struct manifest **ret_later,
                                   const struct manifest **ret_unread);
void folder_clear(struct folder *folder);

#endif
