/* SPDX-License-Identifier: Apache-2.0 */
/* match.h - who might be whom: keys of a record, the in-memory index over them, candidates for a party.
 *
 * Keys are keyed hashes, useless without the secret (kw_derive(vault,
 * "kwmatch", 1)). Today a candidate rests on one exact key; a scoring engine
 * fills the same candidates with its own basis and bits.
 */
#ifndef KINWARD_MATCH_H
#define KINWARD_MATCH_H

#include "base/base.h"
#include "record/record.h"
#include "text/text.h"

/* ---- keys: 8 bits of kind, 56 bits of value ------------------------------ */

enum kw_match_kind {
    KW_MATCH_EVENT = 1,  /* first key of every record: the event type's number in enum kw_event; not in the index */
    KW_MATCH_RECORD = 2, /* registry and source record id: the record's own, and those that it supersedes, voids or cites */
    KW_MATCH_IDENTIFIER = 3 /* issuer, type and normal value of a person's identifier */,
    KW_MATCH_DOCUMENT = 4,  /* issuer and normal number of a document */
    KW_MATCH_NAME_BIRTH = 5 /* normal full name and full birth date of one party */
};
static inline enum kw_match_kind kw_match_key_kind(uint64_t key)
{
    return (enum kw_match_kind)(key >> 56);
}
#define KW_MATCH_BIT(kind) (1u << (kind))

#define KW_LIMIT_MATCH_KEYS 512 /* of one record */

typedef int (*kw_match_emit)(void *context, uint64_t key);

/* Every key of a record, in the order of the document, KW_MATCH_EVENT first; the same key may come twice. The journal keeps
 * them beside the entry. -E2BIG beyond KW_LIMIT_MATCH_KEYS; a non-zero answer of emit stops and is returned. */
KW_CHECKED int kw_match_keys(const struct kw_image *image, const uint8_t secret[32], kw_match_emit emit, void *context);
/* The keys of one node: a party (its identifiers, documents, names), or a document. kinds: mask of KW_MATCH_BIT. */
KW_CHECKED int kw_match_node_keys(const struct kw_image *image, kw_node node, const uint8_t secret[32], unsigned kinds,
                                  kw_match_emit emit, void *context);
/* The keys of a link element (supersedes, voids, relatedRecord, a check's consent, any RecordLink) or of what such links name
 * (travelConsent, notice): records that carry the same key are, or cite, the same record. */
KW_CHECKED int kw_match_link_keys(const struct kw_image *image, kw_node node, const uint8_t secret[32], kw_match_emit emit,
                                  void *context);
/* The key of a record by its registry and source record id, as the links of other records carry it. */
uint64_t kw_match_record_key(const uint8_t secret[32], struct kw_view registry, struct kw_view source_id);

/* The record's own link keys: by registry and source record id, and by registration number. */
KW_CHECKED int kw_match_own_keys(const struct kw_image *image, const uint8_t secret[32], kw_match_emit emit, void *context);
/* A stable handle of a party: keyed hash of its strongest value, or of its place in its record when it has none. */
KW_CHECKED int kw_match_handle(const struct kw_image *image, kw_node node, const uint8_t secret[32], uint8_t ret_handle[16]);

/* The days that a date element allows: precision, bounds and qualifier ("approximate" without bounds is a year either way,
 * "before" and "after" are open by KW_DATE_FAR). 1, or 0 when there is no date. */
#define KW_DATE_FAR 1000000
int kw_match_date(const struct kw_image *image, kw_node date, struct kw_date_range *ret_range);
int kw_match_birth(const struct kw_image *image, kw_node party, struct kw_date_range *ret_range);

/* ---- index: open addressing in many small tables, 8 bytes a slot; grows one table at a time ---- */

struct kw_match_index; /* one thread */
KW_CHECKED int kw_match_index_new(struct kw_match_index **ret_index);
void kw_match_index_free(struct kw_match_index *index);
void kw_match_index_freep(struct kw_match_index **index);
/* Adds the record at position, which is higher than every one added before (-EINVAL else). All keys or none: -ENOMEM leaves
 * the index as it was. ret_seen (may be NULL): some key was there already. */
KW_CHECKED int kw_match_index_add(struct kw_match_index *index, uint64_t position, const uint64_t *keys, size_t count,
                                  bool *ret_seen);
/* Positions that carry the key, newest first. A position may be wrong with a probability of about 2^-44 for each stored key;
 * the caller compares the records. A non-zero answer of visit stops and is returned. */
int kw_match_index_find(const struct kw_match_index *index, uint64_t key, int (*visit)(void *context, uint64_t position),
                        void *context);
size_t kw_match_index_bytes(const struct kw_match_index *index); /* resident memory */

/* ---- candidates ------------------------------------------------------------ */

struct kw_match_candidate {
    uint64_t position;
    enum kw_match_kind basis; /* the strongest key that both carry: identifier, then document, then name and birth date */
    unsigned bits;            /* evidence, log2 of the likelihood ratio */
};
struct kw_match_query {
    const struct kw_image *image;
    kw_node node;                                     /* party or document */
    const uint8_t *secret;                            /* 32 bytes */
    unsigned kinds;                                   /* mask of the bases wanted */
    bool (*wanted)(void *context, uint64_t position); /* drops positions before they are collected; may be NULL */
    void *context;
};
/* Each position once, ascending; they still have to be compared. ret_candidates: free with kw_free. */
KW_CHECKED int kw_match_find(const struct kw_match_index *index, const struct kw_match_query *query,
                             struct kw_match_candidate **ret_candidates, size_t *ret_count);

/* Two parties (or documents), by their normal values. DIFFERENT: comparable identifiers disagree, or birth dates do, or no
 * word of the names is shared. Basis 0: names alone. */
enum kw_likeness { KW_LIKE_SAME = 1, KW_LIKE_DIFFERENT, KW_LIKE_NOT_KNOWN };
struct kw_match_comparison {
    enum kw_likeness likeness;
    enum kw_match_kind basis;
    unsigned bits;
    unsigned agree; /* mask of every kind in which they have a value in common */
};
KW_CHECKED int kw_match_compare(const struct kw_image *a, kw_node a_node, const struct kw_image *b, kw_node b_node,
                                struct kw_match_comparison *ret_comparison);
/* The party of another record that is most like a node, by the kinds given alone; KW_NONE when there is none. */
KW_CHECKED int kw_match_party(const struct kw_image *image, kw_node node, const struct kw_image *other, unsigned kinds,
                              kw_node *ret_party, struct kw_match_comparison *ret_comparison);

#endif
