/* SPDX-License-Identifier: Apache-2.0 */
/* principals.c - adding, listing and revoking principals. */
#include <errno.h>
#include <string.h>

#include "card/card.h"
#include "control/private.h"

struct change {
    struct kw_principal principal;
    struct kw_buf act;
};

static int optional_text(const struct kw_json *header, const char *name, const char *fallback, char *ret, size_t size,
                         struct kw_fault *fault)
{
    struct kw_view text = kw_view_text(fallback);
    int r = kw_json_member(header, name) ? kw_json_get_text(header, name, size - 1, &text, fault) : 0;
    if (r < 0)
        return r;
    memcpy(ret, text.data, text.size);
    ret[text.size] = 0;
    return 0;
}

static void principal_from_card(const struct kw_card *card, struct kw_principal *principal)
{
    strcpy(principal->name, card->name);
    strcpy(principal->jurisdiction, card->jurisdiction);
    snprintf(principal->contact, sizeof principal->contact, "%s", card->contact);
    memcpy(principal->curve, card->curve, sizeof principal->curve);
    memcpy(principal->sign, card->sign, sizeof principal->sign);
    memcpy(principal->box, card->box, sizeof principal->box);
    principal->has_curve = principal->has_sign = true;
    principal->has_box = card->has_box;
    snprintf(principal->log_key, sizeof principal->log_key, "%s", card->log);
    snprintf(principal->witness_key, sizeof principal->witness_key, "%s", card->witness);
    principal->added_ms = kw_clock_wall_ms();
}

static int read_card(struct kw_view text, const struct kw_json *header, struct kw_principal *principal, struct kw_fault *fault)
{
    struct kw_card card;
    struct kw_view typed;
    char fingerprint[KW_FINGERPRINT_SIZE], given[101];
    int r = kw_card_parse(text, &card, fault);
    if (r == 0)
        r = kw_json_get_text(header, "fingerprint", sizeof given - 1, &typed, fault);
    if (r < 0)
        return r;
    snprintf(given, sizeof given, "%.*s", (int)typed.size, (const char *)typed.data);
    kw_card_fingerprint(text, fingerprint);
    if (!kw_card_fingerprint_equal(fingerprint, given))
        return kw_fail(fault, -EKEYREJECTED, KW_E_KEY, "fingerprint", "the card's is %s; compare it with its owner by telephone",
                       fingerprint);
    principal_from_card(&card, principal);
    char hex[41];
    size_t digits = 0;
    for (const char *c = fingerprint; *c; c++) {
        if (*c != '-')
            hex[digits++] = *c;
    }
    return kw_hex_parse((struct kw_view){(const uint8_t *)hex, digits}, principal->fingerprint, sizeof principal->fingerprint);
}

static int read_add(struct kw_control_call *call, struct kw_principal *principal, struct kw_fault *fault)
{
    struct kw_view rest = kw_view_of(&call->request->payload), card, roles;
    char text[101];
    if (kw_take_item(&rest, &card) < 0)
        return kw_fail(fault, -EBADMSG, KW_E_FRAMES, "payload", "the card is missing");
    int r = read_card(card, call->header, principal, fault);
    if (r == 0)
        r = kw_json_get_text(call->header, "roles", sizeof text - 1, &roles, fault);
    if (r < 0)
        return r;
    snprintf(text, sizeof text, "%.*s", (int)roles.size, (const char *)roles.data);
    r = kw_roles_parse(text, &principal->roles, fault);
    if (r < 0)
        return r;
    bool agency = principal->roles & KW_ROLE_AGENCY;
    if (agency && !principal->has_box)
        return kw_fail(fault, -EINVAL, KW_E_KEY, "box", "an agency's card needs a key that alerts are sealed to");
    r = optional_text(call->header, "rules", agency ? "*" : "", principal->rules, sizeof principal->rules, fault);
    return r < 0 ? r
                 : optional_text(call->header, "jurisdictions", agency ? principal->jurisdiction : "", principal->jurisdictions,
                                 sizeof principal->jurisdictions, fault);
}

static int put_act(const char *act, const struct kw_principal *principal, const char *by, struct kw_buf *ret_json)
{
    char fingerprint[41];
    struct kw_json_out json = {.out = ret_json};
    kw_hex(fingerprint, principal->fingerprint, sizeof principal->fingerprint);
    kw_json_object(&json, NULL);
    kw_json_string(&json, "act", act);
    kw_json_string(&json, "principal", principal->name);
    kw_json_string(&json, "fingerprint", fingerprint);
    kw_json_integer(&json, "roles", principal->roles);
    kw_json_string(&json, "rules", principal->rules);
    kw_json_string(&json, "jurisdictions", principal->jurisdictions);
    kw_json_string(&json, "by", by);
    kw_json_close(&json, '}');
    return kw_json_end(&json);
}

static int apply_add(struct kw_journal *journal, void *context, struct kw_fault *fault)
{
    struct change *change = context;
    int r = kw_journal_principal_add(journal, &change->principal, &change->principal.number, fault);
    return r < 0 ? r : kw_control_act(journal, kw_view_of(&change->act), fault);
}

static int apply_revoke(struct kw_journal *journal, void *context, struct kw_fault *fault)
{
    struct change *change = context;
    int r = kw_journal_principal_revoke(journal, change->principal.number, kw_clock_wall_ms(), fault);
    return r < 0 ? r : kw_control_act(journal, kw_view_of(&change->act), fault);
}

/* Everybody who decides by principals reads them anew before the operator has an answer. */
static int tell_actors(struct kw_control_call *call, struct kw_fault *fault)
{
    struct kw_socket *const pipes[] = {call->hub->intake, call->hub->feed, call->hub->detect};
    for (size_t i = 0; i < KW_COUNT(pipes); i++) {
        int r = kw_control_actor(pipes[i], "PRINCIPALS", (struct kw_view){0}, NULL, fault);
        if (r < 0)
            return r;
    }
    return 0;
}

int kw_control_principal_add(struct kw_control_call *call, struct kw_fault *fault)
{
    struct change change = {0};
    int r = read_add(call, &change.principal, fault);
    if (r == 0)
        r = put_act("principal-added", &change.principal, call->operator, & change.act);
    if (r == 0)
        r = kw_control_change(call, apply_add, &change, fault);
    if (r == 0)
        r = tell_actors(call, fault);
    if (r == 0)
        r = kw_zap_allow(call->hub->zap, change.principal.curve, change.principal.name);
    kw_buf_clear(&change.act);
    if (r < 0)
        return fault->code ? r : kw_fail(fault, r, KW_E_INTERNAL, "principal", "%s", kw_code_text(KW_E_INTERNAL));
    struct kw_json_out json = {.out = &call->answer->header};
    kw_json_object(&json, NULL);
    kw_json_string(&json, "principal", change.principal.name);
    kw_json_integer(&json, "number", change.principal.number);
    kw_json_close(&json, '}');
    return kw_json_end(&json);
}

int kw_control_principal_revoke(struct kw_control_call *call, struct kw_fault *fault)
{
    struct change change = {0};
    struct kw_view name;
    char text[KW_LIMIT_PRINCIPAL + 1];
    int r = kw_json_get_text(call->header, "principal", KW_LIMIT_PRINCIPAL, &name, fault);
    if (r < 0)
        return r;
    snprintf(text, sizeof text, "%.*s", (int)name.size, (const char *)name.data);
    r = kw_journal_principal_by_name(call->hub->reader, text, &change.principal, fault);
    if (r == 0)
        r = put_act("principal-revoked", &change.principal, call->operator, & change.act);
    if (r == 0)
        r = kw_control_change(call, apply_revoke, &change, fault);
    if (r == 0)
        r = kw_zap_deny(call->hub->zap, change.principal.curve);
    if (r == 0)
        r = tell_actors(call, fault);
    kw_buf_clear(&change.act);
    return r < 0 && !fault->code ? kw_fail(fault, r, KW_E_INTERNAL, "principal", "%s", kw_code_text(KW_E_INTERNAL)) : r;
}

static int put_principal(void *context, const struct kw_principal *principal)
{
    struct kw_json_out *json = context;
    char fingerprint[41];
    kw_hex(fingerprint, principal->fingerprint, sizeof principal->fingerprint);
    kw_json_object(json, NULL);
    kw_json_integer(json, "number", principal->number);
    kw_json_string(json, "name", principal->name);
    kw_json_string(json, "jurisdiction", principal->jurisdiction);
    kw_json_array(json, "roles");
    for (unsigned role = 1; role <= KW_ROLE_WITNESS; role <<= 1) {
        if (principal->roles & role)
            kw_json_string(json, NULL, kw_role_name((enum kw_role)role));
    }
    kw_json_close(json, ']');
    kw_json_string(json, "rules", principal->rules);
    kw_json_string(json, "jurisdictions", principal->jurisdictions);
    kw_json_string(json, "contact", principal->contact);
    kw_json_string(json, "fingerprint", fingerprint);
    kw_json_boolean(json, "revoked", principal->revoked);
    kw_json_close(json, '}');
    return 0;
}

int kw_control_principal_list(struct kw_control_call *call, struct kw_fault *fault)
{
    struct kw_json_out json = {.out = &call->answer->header};
    kw_json_object(&json, NULL);
    kw_json_array(&json, "principals");
    int r = kw_journal_principal_list(call->hub->reader, put_principal, &json, fault);
    kw_json_close(&json, ']');
    kw_json_close(&json, '}');
    return r < 0 ? r : kw_json_end(&json);
}
