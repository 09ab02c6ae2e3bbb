/* SPDX-License-Identifier: Apache-2.0 */
/* principal.h - who may speak to the hub, and its settings (part of journal.h, which includes it). */
#ifndef KINWARD_JOURNAL_PRINCIPAL_H
#define KINWARD_JOURNAL_PRINCIPAL_H

#include "base/limits.h"
#include "crypto/crypto.h"

struct kw_journal;
struct kw_journal_reader;

enum kw_role { KW_ROLE_REGISTRY = 1, KW_ROLE_BORDER = 2, KW_ROLE_AGENCY = 4, KW_ROLE_AUDITOR = 8, KW_ROLE_WITNESS = 16 };

struct kw_principal {
    uint32_t number; /* dense from 1; ignored when new */
    unsigned roles;  /* enum kw_role, or-ed */
    bool revoked, has_curve, has_sign, has_box;
    char name[KW_LIMIT_PRINCIPAL + 1];
    char jurisdiction[3]; /* ISO 3166-1 alpha-2 */
    uint8_t curve[KW_KEY_SIZE], sign[KW_KEY_SIZE], box[KW_KEY_SIZE];
    char contact[257];
    char rules[257], jurisdictions[257];      /* an agency's mandate: "*", or names separated by one space; empty for others */
    char log_key[257], witness_key[257];      /* vkeys of signed-note; empty where there is none */
    uint8_t fingerprint[20];                  /* of its card */
    int64_t added_ms, rotated_ms, revoked_ms; /* 0: never */
};

const char *kw_role_name(enum kw_role role); /* "registry" */
/* A list such as "registry border" or "registry,border". -EINVAL KW_E_OPTION. */
KW_CHECKED int kw_roles_parse(const char *text, unsigned *ret_roles, struct kw_fault *fault);
/* Whether one list of an agency's mandate covers a name: "*" covers all, otherwise whole words count. */
bool kw_mandate_covers(const char *list, const char *name);

/* All writing inside kw_journal_begin … commit. Name and curve key are unique: -EEXIST KW_E_STATE. */
KW_CHECKED int kw_journal_principal_add(struct kw_journal *journal, const struct kw_principal *principal, uint32_t *ret_number,
                                        struct kw_fault *fault);
/* New keys, contact and fingerprint for the principal of that number; name, roles, jurisdiction and mandate stay. The old keys
 * are kept beside, for old signatures. -ENOENT; -EINVAL KW_E_REVOKED. */
KW_CHECKED int kw_journal_principal_rotate(struct kw_journal *journal, const struct kw_principal *principal, int64_t at_ms,
                                           struct kw_fault *fault);
KW_CHECKED int kw_journal_principal_revoke(struct kw_journal *journal, uint32_t number, int64_t at_ms, struct kw_fault *fault);

/* -ENOENT KW_E_NOT_FOUND. Revoked ones are found too: look at .revoked. */
KW_CHECKED int kw_journal_principal(struct kw_journal_reader *reader, uint32_t number, struct kw_principal *ret_principal,
                                    struct kw_fault *fault);
KW_CHECKED int kw_journal_principal_by_name(struct kw_journal_reader *reader, const char *name, struct kw_principal *ret_principal,
                                            struct kw_fault *fault);
KW_CHECKED int kw_journal_principal_by_curve(struct kw_journal_reader *reader, const uint8_t curve[KW_KEY_SIZE],
                                             struct kw_principal *ret_principal, struct kw_fault *fault);
KW_CHECKED int kw_journal_principal_list(struct kw_journal_reader *reader,
                                         int (*visit)(void *context, const struct kw_principal *principal), void *context,
                                         struct kw_fault *fault);
/* The sign key that a principal had at an instant (after rotations). */
KW_CHECKED int kw_journal_principal_sign_at(struct kw_journal_reader *reader, uint32_t number, int64_t at_ms,
                                            uint8_t ret_sign[KW_KEY_SIZE], struct kw_fault *fault);

/* Settings: short texts by name ("epoch", versions). Appends; -ENOENT. */
KW_CHECKED int kw_journal_setting(struct kw_journal_reader *reader, const char *name, struct kw_buf *ret_value,
                                  struct kw_fault *fault);
KW_CHECKED int kw_journal_setting_save(struct kw_journal *journal, const char *name, const char *value, struct kw_fault *fault);

#endif
