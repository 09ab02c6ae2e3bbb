/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h - watching a transformation (private to hub/xml). */
#ifndef KINWARD_XML_TRACE_H
#define KINWARD_XML_TRACE_H

#include "xml/document.h"

#include <libxslt/xsltInternals.h>

KW_CHECKED int kw_trace_begin(struct kw_trace **ret_trace);
KW_CHECKED int kw_trace_end(struct kw_trace *trace, bool complete);

#endif
