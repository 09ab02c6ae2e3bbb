/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.h - a running hub: its processes and threads, wired together. */
#ifndef KINWARD_DAEMON_H
#define KINWARD_DAEMON_H

#include "base/base.h"

/* Runs the hub of a configuration file until SIGTERM or SIGINT. When all endpoints are bound it prints one JSON line
 * {"ready":true,"intake":…,"feed":…,"ledger":…,"control":…} on stdout. 0 after a clean stop; -EIO when storage failed. */
KW_CHECKED int kw_hub_run(const char *config_path, struct kw_fault *fault);

#endif
