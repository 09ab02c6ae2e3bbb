/* SPDX-License-Identifier: Apache-2.0 */
/* web.h - what the tests see of the ledger's web process. */
#ifndef KINWARD_LEDGER_WEB_H
#define KINWARD_LEDGER_WEB_H

#include "ledger/internal.h"

bool kw_web_tile_path(const char *path);

#endif
