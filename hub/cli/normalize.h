/* SPDX-License-Identifier: Apache-2.0 */
/* normalize.h - what the files of kinward normalize share. */
#ifndef KINWARD_CLI_NORMALIZE_H
#define KINWARD_CLI_NORMALIZE_H

#include "cli/cli.h"

/* Prints what kw_explain found, as it is or readable, and returns an exit code. path: of the document. */
int kw_cli_explanation(const char *path, struct kw_buf *json, bool as_json);

#endif
