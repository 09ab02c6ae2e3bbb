/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - what the files of this room share. */
#ifndef KINWARD_SANDBOX_PRIVATE_H
#define KINWARD_SANDBOX_PRIVATE_H

#include "sandbox/sandbox.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if !defined(SANITIZED) && defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

int kw_sandbox_set_limits(const struct kw_sandbox_limits *limits, struct kw_fault *fault);
int kw_sandbox_drop_capabilities(bool keep_low_ports, struct kw_fault *fault);
int kw_sandbox_load_filter(enum kw_sandbox profile, struct kw_fault *fault);

#endif
