/* SPDX-License-Identifier: Apache-2.0 */
/* card.h - cards: how principals tell each other their public keys (protocol.md §3). */
#ifndef KINWARD_CARD_H
#define KINWARD_CARD_H

#include "base/base.h"
#include "base/limits.h"
#include "crypto/crypto.h"

#define KW_CARD_LIMIT       4096u
#define KW_FINGERPRINT_SIZE 50 /* ten groups of four, nine hyphens, NUL */
#define KW_VKEY_SIZE        256

struct kw_card {
    char name[KW_LIMIT_PRINCIPAL + 1];
    char jurisdiction[3]; /* ISO 3166-1 alpha-2 */
    char contact[201];
    uint8_t curve[KW_KEY_SIZE], sign[KW_KEY_SIZE], box[KW_KEY_SIZE];
    bool has_box;
    char log[KW_VKEY_SIZE], witness[KW_VKEY_SIZE]; /* vkey texts; empty: none */
    char made[KW_TIME_SIZE];
};

/* A principal's name: 3 to 64 characters of a-z, 0-9, '.', '-', beginning and ending with a letter or digit. */
bool kw_card_name_valid(struct kw_view name);
bool kw_card_jurisdiction_valid(struct kw_view code); /* two capital letters */
/* The two lines of a card, signed by key, which must be the card's `sign`. Appends. */
KW_CHECKED int kw_card_print(const struct kw_card *card, const struct kw_sign_key *key, struct kw_buf *ret_text);
/* Parses and checks the signature. -EBADMSG with the member at fault, -EKEYREJECTED when the signature is wrong. */
KW_CHECKED int kw_card_parse(struct kw_view text, struct kw_card *ret_card, struct kw_fault *fault);
KW_CHECKED int kw_card_load(const char *path, struct kw_card *ret_card, struct kw_fault *fault);
/* Fingerprint of a card's text (of its first line), for comparison by telephone. */
void kw_card_fingerprint(struct kw_view text, char ret_fingerprint[KW_FINGERPRINT_SIZE]);
/* Compares with what a person typed: case and anything that is no hex digit do not matter. */
bool kw_card_fingerprint_equal(const char *fingerprint, const char *typed);

#endif
