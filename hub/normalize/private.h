/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - what the files of this room share. */
#ifndef KINWARD_NORMALIZE_PRIVATE_H
#define KINWARD_NORMALIZE_PRIVATE_H

#include "crypto/crypto.h"
#include "normalize/normalize.h"
#include "xml/xml.h"

#define KW_RECORD_SPACE    "urn:kinward:record:1"
#define KW_PROFILE_SPACE   "urn:kinward:profile:1"
#define KW_MAPPING_SPACE   "urn:kinward:mapping:1"
#define KW_JSON_SPACE      "http://www.w3.org/2005/xpath-functions"
#define KW_WARNINGS_LISTED 64

/* ---- raw documents as trees ---- */

KW_CHECKED int kw_json_tree(struct kw_view raw, struct kw_xml **ret_document, struct kw_fault *fault);
/* RFC 4180; the first record has the names. first_row: number of the first record after it, 1 unless the rows are cut from a
 * longer file. */
KW_CHECKED int kw_csv_tree(struct kw_view raw, unsigned long first_row, struct kw_xml **ret_document, struct kw_fault *fault);

/* ---- code lists ---- */

struct kw_codes;
/* Adds what it read to hash. */
KW_CHECKED int kw_codes_load(const char *folder, struct kw_sha256 *hash, struct kw_codes **ret_codes, struct kw_fault *fault);
void kw_codes_free(struct kw_codes *codes);
/* Exact code, else code or synonym without regard to ASCII case. NULL: not in the list. -ENOENT: no such list. */
KW_CHECKED int kw_codes_find(const struct kw_codes *codes, struct kw_view list, struct kw_view value, const char **ret_code);

/* ---- disclosure profile ---- */

struct kw_profile;
KW_CHECKED int kw_profile_load(const char *path, struct kw_sha256 *hash, struct kw_profile **ret_profile, struct kw_fault *fault);
void kw_profile_free(struct kw_profile *profile);
const char *kw_profile_id(const struct kw_profile *profile);
/* Takes away every element of the record that no path allows. */
void kw_profile_apply(const struct kw_profile *profile, struct kw_xml *record);
/* Whether an element without parts stays; path: from the record, without it ("event/date/value"). */
bool kw_profile_keeps(const struct kw_profile *profile, const char *path);

/* ---- a mapping at work ---- */

struct kw_mapping {
    struct kw_transform *transform;
    struct kw_codes *codes;
    struct kw_profile *profile; /* NULL: all fields */
    struct kw_validator *validator;
    char id[64], version[96], format[8];
};
#define KW_PARAMETERS_MOST 32
struct kw_parameters { /* of one run: the caller's and the host's */
    const char *all[2 * KW_PARAMETERS_MOST + 9];
    char hash[2 * KW_HASH_SIZE + 1];
};
KW_CHECKED int kw_mapping_tree(const struct kw_mapping *mapping, struct kw_view raw, const char *format,
                               const char *const *parameters, struct kw_xml **ret_document, struct kw_fault *fault);
/* ret_parameters points into itself. */
KW_CHECKED int kw_mapping_parameters(const struct kw_mapping *mapping, struct kw_view raw, const char *const *parameters,
                                     struct kw_parameters *ret_parameters, struct kw_fault *fault);

/* ---- host functions ---- */

struct kw_calls { /* context of the host functions for one document */
    const struct kw_codes *codes;
    struct kw_normalized *normalized;
    int error;
    void *watcher;         /* of whoever explains a mapping */
    struct kw_buf *recent; /* NULL, or where the warnings of one call are put: items */
};
extern const struct kw_host_function kw_functions[];
extern const size_t kw_function_count;
/* place: a list's or function's name, never a value. */
void kw_warn(struct kw_calls *calls, const char *code, struct kw_view place);

/* ---- dates ---- */

/* Appends the children of a date element for what text says. hint: words from dmy, mdy and the calendars of the record; may be
 * empty. ret_warning: NULL, or a static word where something of the text could not be expressed. */
KW_CHECKED int kw_date_read(struct kw_view text, struct kw_view hint, struct kw_buf *ret_children, const char **ret_warning);
/* The children for someone who is number units (years, months, days) old on day at ("2024-05-01"; else only the age is kept). */
KW_CHECKED int kw_date_from_age(struct kw_view number, struct kw_view unit, struct kw_view at, struct kw_buf *ret_children,
                                const char **ret_warning);

/* ---- identifiers ---- */

/* Appends what a machine-readable zone says (lines parted by any white space, or put together), as elements for a stylesheet;
 * MAPPING.md names them. at: day of reading, which settles centuries; may be empty. Nothing for what is no such zone. */
KW_CHECKED int kw_mrz_read(struct kw_view lines, struct kw_view at, struct kw_buf *ret_elements, const char **ret_warning);
/* Whether value ends with its right check digit. scheme: icao9303, luhn, verhoeff, mod11-2, mod11-10, mod97-10, else -EINVAL. */
KW_CHECKED int kw_check_digit(struct kw_view scheme, struct kw_view value, bool *ret_holds);
/* text of A-Z, 0-9 and <. */
char kw_icao_check(const char *text, size_t size);

#endif
