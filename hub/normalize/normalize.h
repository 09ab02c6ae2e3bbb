/* SPDX-License-Identifier: Apache-2.0 */
/* normalize.h - a registry's document becomes common records.
 *
 * A mapping is a stylesheet (XSLT 1.0), the code lists and a disclosure
 * profile, loaded from trusted files. A document goes: raw bytes → XML
 * (JSON in the W3C json-to-xml vocabulary, CSV as rows of named cells) →
 * stylesheet with host functions → fields that the profile does not allow are
 * taken away → validation → canonical bytes. connectors/MAPPING.md is the
 * manual for whoever writes a stylesheet.
 */
#ifndef KINWARD_NORMALIZE_H
#define KINWARD_NORMALIZE_H

#include "base/base.h"

struct kw_mapping; /* one thread at a time; for any number of documents */

/* profile: path of a disclosure profile; NULL transmits every field (tests, local use). */
KW_CHECKED int kw_mapping_load(const char *stylesheet, const char *codes_folder, const char *profile,
                               struct kw_mapping **ret_mapping, struct kw_fault *fault);
void kw_mapping_free(struct kw_mapping *mapping);
void kw_mapping_freep(struct kw_mapping **mapping);
/* As the stylesheet states it in <kw:mapping id="…" version="…" format="json|csv|xml"/>. */
const char *kw_mapping_id(const struct kw_mapping *mapping);
/* SHA-256 in hex over stylesheet (with what it includes), code lists and profile: any of them changes what is sent. After the
 * version that the stylesheet states, if it states one: "1.<first 16 digits>". */
const char *kw_mapping_version(const struct kw_mapping *mapping);
const char *kw_mapping_format(const struct kw_mapping *mapping);

struct kw_normalized {      /* zero-initialised is empty; clear after use */
    struct kw_buf records;  /* canonical bytes: items for kw_take_item */
    struct kw_buf leaves;   /* the origin leaf entry of each record, in the same order: items */
    size_t count;           /* of records */
    struct kw_buf warnings; /* items: "code place", each once, never a value */
    size_t warning_count;   /* how often something was warned of: as many items or more */
};
void kw_normalized_clear(struct kw_normalized *normalized);

/* raw: one document. format: "json", "csv" (or "csv-row": a header and one record), "xml", or NULL for the mapping's own.
 * parameters: name, value, …, NULL, handed to the stylesheet (registry, jurisdiction, system, …; first-row: number of the first
 * CSV record); the host adds raw-hash, mapping-id, mapping-version, profile. A document may give no record at all. Refusals:
 * -EBADMSG with code, line and column or path, and reason; nothing of the document. */
KW_CHECKED int kw_normalize(struct kw_mapping *mapping, struct kw_view raw, const char *format, const char *const *parameters,
                            struct kw_normalized *ret_normalized, struct kw_fault *fault);

/* For whoever writes a stylesheet: a JSON object (MAPPING.md describes it) that tells of each field of the records, if fields is
 * set, what of the document it comes from, and, if unmapped is set, which values of the document nothing comes from. It has
 * values of the document. The stylesheet is run several times for each value: seconds, and -E2BIG beyond KW_LIMIT_EXPLAINED
 * values. Records are not validated. For one thread of the process only. */
KW_CHECKED int kw_explain(struct kw_mapping *mapping, struct kw_view raw, const char *format, const char *const *parameters,
                          bool fields, bool unmapped, struct kw_buf *ret_json, struct kw_fault *fault);

/* Loads whatever the libraries load on first use, by mapping an empty document of each format. Before a sandbox is entered. */
KW_CHECKED int kw_mapping_warm(struct kw_mapping *mapping, struct kw_fault *fault);

/* `kinward child mapper FOLDER CODES PROFILE`: loads every stylesheet of the folder that states a mapping, locks itself in, then
 * answers on fd. Request MAP, header {"stylesheet","format"?,"parameters":{name:value}}, payload item 0 the raw document; an
 * empty stylesheet stands for the first that can read it. Answer MAPPED, header {"mapping","version","count","warnings":[…]},
 * payload items the canonical records, then as many origin leaf entries; or REFUSED, header {"code","place","line","column",
 * "detail"}. PING is answered PONG. Ends when the pipe ends. PROFILE "-" transmits all. */
int kw_mapper_child_main(int fd, int argc, char **argv);

#endif
