/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - RFC 4180 records of a file, one after the other, with what is wrong with them. */
#ifndef CSV_ROWS_H
#define CSV_ROWS_H

#include <stdbool.h>

#include "kinward/host.h"

#define ROW_MAX (256u << 10) /* bytes of one record */

struct rows { /* begin with rows_open */
    const struct kinward_host *host;
    const char *folder, *name;
    uint64_t offset; /* in the file, of buffer[0] */
    uint64_t line;   /* of the next record, from 1 */
    size_t begin, end;
    bool at_end;
    uint8_t buffer[ROW_MAX + 4];
};

struct row {
    struct kinward_view bytes; /* without the line's end; good until the next call */
    uint64_t line;             /* where it begins */
    uint64_t next;             /* offset of the following record */
    unsigned cells;
    const char *code; /* NULL: well-formed. "quote", "text" (no UTF-8, or a control character), "size" */
    unsigned column;  /* with code: number of the cell, from 1 */
};

/* At offset 0 a byte order mark is passed over. */
void rows_open(struct rows *rows, const struct kinward_host *host, const char *folder, const char *name, uint64_t offset,
               uint64_t line);
/* The next record; empty lines are passed over. OK, IDLE at the end of the file, RETRY when it cannot be read. After an ill-formed
 * record it goes on with the next line. */
kinward_verdict rows_next(struct rows *rows, struct row *ret_row);

#endif
