/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - growing texts, for connectors; out of memory is KINWARD_RETRY. */
#ifndef CONNECTOR_TEXT_H
#define CONNECTOR_TEXT_H

#include "kinward/host.h"

struct text { /* NUL-terminated; zero-initialised: empty */
    char *data;
    size_t size, capacity;
};
void text_clear(struct text *text);
void text_start(struct text *text); /* empties it, keeps the memory */
kinward_verdict text_add(struct text *text, const char *more);
struct kinward_out text_out(struct text *text); /* appends */
struct kinward_view view_of(const char *text);
struct kinward_view text_view(const struct text *text);

#endif
