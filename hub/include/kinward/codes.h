/* SPDX-License-Identifier: Apache-2.0 */
/* codes.h - the closed list of codes that Kinward answers with.
 *
 * KW_CODE(identifier, name on the wire, retryable, sentence). Append only.
 */
#ifndef KINWARD_CODES_H
#define KINWARD_CODES_H

/* clang-format off */
#define KW_CODES(KW_CODE) \
    KW_CODE(KW_OK,                   "ok",                   0, "Done.") \
    /* per record: outcomes of SUBMIT and CHECK */ \
    KW_CODE(KW_ACCEPTED,             "accepted",             0, "Stored durably.") \
    KW_CODE(KW_DUPLICATE,            "duplicate",            0, "This version with this content is stored already.") \
    KW_CODE(KW_REMAPPED,             "remapped",             0, "The same source content under a newer mapping; it supersedes the stored one.") \
    KW_CODE(KW_CONFLICT,             "conflict",             0, "This source id and version is stored with another content; the stored one stays.") \
    KW_CODE(KW_QUARANTINED,          "quarantined",          0, "Kept, encrypted, for an operator: Kinward could not process it.") \
    /* per record: reasons of a rejection */ \
    KW_CODE(KW_E_EMPTY,              "empty",                0, "There are no bytes.") \
    KW_CODE(KW_E_TOO_LARGE,          "too-large",            0, "Larger than the limit.") \
    KW_CODE(KW_E_ENCODING,           "encoding",             0, "Not well-formed UTF-8, or another encoding is declared.") \
    KW_CODE(KW_E_ILL_FORMED,         "ill-formed",           0, "Not well-formed XML.") \
    KW_CODE(KW_E_DOCTYPE,            "doctype",              0, "A document type declaration is never accepted.") \
    KW_CODE(KW_E_TOO_DEEP,           "too-deep",             0, "Nested deeper, or more attributes, than the limit.") \
    KW_CODE(KW_E_NAMESPACE,          "namespace",            0, "An element or attribute stands in a namespace that is not the record's.") \
    KW_CODE(KW_E_SCHEMA,             "schema",               0, "Not valid against the schema.") \
    KW_CODE(KW_E_NOT_CANONICAL,      "not-canonical",        0, "Valid, but not in the canonical form that hashes and signatures are over.") \
    KW_CODE(KW_E_NOT_NFC,            "not-nfc",              0, "Text is not in Unicode normalisation form C.") \
    KW_CODE(KW_E_SEVERAL,            "several-records",      0, "One record is wanted here, not <records>.") \
    KW_CODE(KW_E_WRONG_EVENT,        "wrong-event",          0, "This event type is not taken by this verb.") \
    KW_CODE(KW_E_JURISDICTION,       "foreign-jurisdiction", 0, "The record speaks for a jurisdiction that is not the sender's.") \
    KW_CODE(KW_E_ORIGIN,             "origin-mismatch",      0, "Source id, version or hash differ from the signed origin leaf.") \
    /* per message */ \
    KW_CODE(KW_E_UNAUTHENTICATED,    "unauthenticated",      0, "The transport gave no identity.") \
    KW_CODE(KW_E_FORBIDDEN,          "forbidden",            0, "This principal's role does not allow it.") \
    KW_CODE(KW_E_REVOKED,            "revoked",              0, "This principal was revoked.") \
    KW_CODE(KW_E_VERSION,            "version",              0, "The protocol version is not spoken here.") \
    KW_CODE(KW_E_FRAMES,             "frames",               0, "The frames are not those of a message.") \
    KW_CODE(KW_E_VERB,               "unknown-verb",         0, "The verb is not known at this endpoint.") \
    KW_CODE(KW_E_HEADER,             "bad-header",           0, "A header field is missing, of another type or out of range.") \
    KW_CODE(KW_E_SIGNATURE,          "bad-signature",        0, "The signature does not verify.") \
    KW_CODE(KW_E_BATCH,              "batch-mismatch",       0, "Count, items or Merkle root of the batch do not agree.") \
    KW_CODE(KW_E_BATCH_REUSED,       "batch-reused",         0, "This batch id was used with another content.") \
    KW_CODE(KW_E_NOT_FOUND,          "not-found",            0, "There is no such thing here.") \
    KW_CODE(KW_E_STREAM,             "stream",               0, "The stream, epoch or number does not exist.") \
    KW_CODE(KW_E_STATE,              "state",                0, "Not possible in the present state.") \
    KW_CODE(KW_E_WINDOW,             "window-full",          1, "The intake window is full; send again when receipts have come.") \
    KW_CODE(KW_E_BUSY,               "busy",                 1, "Too much at once; send again later.") \
    KW_CODE(KW_E_READ_ONLY,          "read-only",            1, "The disk is full; nothing is stored until there is space.") \
    KW_CODE(KW_E_TIMEOUT,            "timeout",              1, "No answer in time.") \
    KW_CODE(KW_E_UNAVAILABLE,        "unavailable",          1, "A part of the hub is restarting; send again later.") \
    KW_CODE(KW_E_PENDING,            "pending",              1, "Not yet: cosignatures are awaited.") \
    KW_CODE(KW_E_INTERNAL,           "internal",             1, "A fault in Kinward; the operator's log has it.") \
    /* local: configuration, files, plugins, verification */ \
    KW_CODE(KW_E_USAGE,              "usage",                0, "The command line is not understood.") \
    KW_CODE(KW_E_CONFIG,             "config",               0, "The configuration is not valid.") \
    KW_CODE(KW_E_FILE,               "file",                 0, "A file cannot be read or written.") \
    KW_CODE(KW_E_SECRET_MODE,        "secret-mode",          0, "A secret's file may be read by others than its owner.") \
    KW_CODE(KW_E_LOCKED,             "locked",               0, "Another process holds it.") \
    KW_CODE(KW_E_MEMORY,             "memory",               1, "Out of memory.") \
    KW_CODE(KW_E_JSON,               "json",                 0, "Not strict JSON, or a field is missing or of another type.") \
    KW_CODE(KW_E_STORE,              "store",                0, "The database refused.") \
    KW_CODE(KW_E_CORRUPT,            "corrupt",              0, "Stored bytes are not what was written.") \
    KW_CODE(KW_E_KEY,                "key",                  0, "A key is missing, malformed or not the expected one.") \
    KW_CODE(KW_E_DECRYPT,            "decrypt",              0, "Decryption failed: other key or changed bytes.") \
    KW_CODE(KW_E_PLUGIN,             "plugin",               0, "The plugin was refused.") \
    KW_CODE(KW_E_MANIFEST,           "manifest",             0, "The plugin's manifest is missing, changed, expired or not signed by a trusted key.") \
    KW_CODE(KW_E_OPTION,             "option",               0, "An option is missing, unknown or out of range.") \
    KW_CODE(KW_E_MAPPING,            "mapping",              0, "The mapping could not turn the document into a record.") \
    KW_CODE(KW_E_NOTE,               "note",                 0, "Not a signed note, or a known key's signature is wrong.") \
    KW_CODE(KW_E_PROOF,              "proof",                0, "The proof does not lead to the signed root.") \
    KW_CODE(KW_E_QUORUM,             "quorum",               0, "The policy's quorum of cosignatures is not met.") \
    KW_CODE(KW_E_FORK,               "fork",                 0, "Two histories were signed.") \
    KW_CODE(KW_E_TILE,               "tile",                 0, "A tile is missing, of another size or not what its entries hash to.") \
    KW_CODE(KW_E_NETWORK,            "network",              1, "The other side could not be reached or broke off.") \
    KW_CODE(KW_E_HTTP,               "http",                 1, "The other side answered with an HTTP error.") \
    KW_CODE(KW_E_CHILD,              "child",                1, "A child process crashed, hung or exceeded its limits.")
/* clang-format on */

enum kw_code {
#define KW_CODE(identifier, name, retryable, sentence) identifier,
    KW_CODES(KW_CODE)
#undef KW_CODE
        KW_CODE_COUNT
};

#endif
