/* SPDX-License-Identifier: Apache-2.0 */
/* init.c - kinward init: the folder of a hub, agent, agency or witness, with its keys, configuration and card. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bus/bus.h"
#include "card/card.h"
#include "cli/cli.h"
#include "config/config.h"
#include "crypto/crypto.h"
#include "ledger/ledger.h"
#include "xml/xml.h"

struct wish { /* what the command line asked for */
    const char *role, *name, *jurisdiction, *contact, *intake, *feed, *ledger, *hub_card, *hub_endpoint;
};

struct place { /* the folder being made */
    const struct wish *wish;
    const char *dir;
    struct kw_card card;
    struct kw_sign_key *sign;
    char origin[160];
    struct kw_fault fault;
};

/* ---- files ------------------------------------------------------------------- */

static int path_of(struct place *place, const char *name, char ret_path[KW_PATH_SIZE])
{
    return kw_path_join(ret_path, KW_PATH_SIZE, place->dir, name) < 0
               ? kw_fail(&place->fault, -ENAMETOOLONG, KW_E_FILE, place->dir, "the path is too long")
               : 0;
}

static int write_file(struct place *place, const char *name, const struct kw_buf *text)
{
    char path[KW_PATH_SIZE];
    int r = path_of(place, name, path);
    return r < 0 ? r : kw_file_replace(path, kw_view_of(text), 0644, &place->fault);
}

static int make_folders(struct place *place)
{
    static const char *const wanted[][5] = {
        {"hub", "keys", "data", "run"}, {"agent", "keys", "spool"}, {"agency", "keys", "inbox"}, {"witness", "keys", "state"}};
    char path[KW_PATH_SIZE];
    int r = 0;
    for (size_t i = 0; r == 0 && i < KW_COUNT(wanted); i++) {
        if (strcmp(wanted[i][0], place->wish->role) != 0)
            continue;
        for (size_t k = 1; r == 0 && wanted[i][k]; k++) {
            r = path_of(place, wanted[i][k], path);
            if (r == 0)
                r = kw_dir_make(path, strcmp(wanted[i][k], "run") == 0 ? 0711 : 0700, &place->fault);
        }
    }
    return r;
}

/* ---- keys ---------------------------------------------------------------------- */

static int make_curve(struct place *place)
{
    char path[KW_PATH_SIZE];
    struct kw_curve curve = {0};
    int r = path_of(place, "keys/curve.key", path);
    if (r == 0)
        r = kw_curve_new(&curve);
    if (r == 0)
        r = kw_curve_save(path, &curve, &place->fault);
    if (r == 0)
        memcpy(place->card.curve, curve.public_key, sizeof place->card.curve);
    kw_curve_clear(&curve);
    return r;
}

static int make_sign(struct place *place, const char *name, struct kw_sign_key **ret_key)
{
    char path[KW_PATH_SIZE];
    struct kw_sign_key *key = NULL;
    int r = path_of(place, name, path);
    if (r == 0)
        r = kw_sign_key_new(&key);
    if (r == 0)
        r = kw_sign_key_save(path, key, &place->fault);
    if (r < 0)
        kw_sign_key_free(key);
    else
        *ret_key = key;
    return r;
}

static int make_box(struct place *place)
{
    KW_AUTO(kw_box_key_freep) struct kw_box_key *box = NULL;
    char path[KW_PATH_SIZE];
    int r = path_of(place, "keys/box.key", path);
    if (r == 0)
        r = kw_box_key_new(&box);
    if (r == 0)
        r = kw_box_key_save(path, box, &place->fault);
    if (r < 0)
        return r;
    memcpy(place->card.box, box->public_key, sizeof place->card.box);
    place->card.has_box = true;
    return 0;
}

static int make_vault(struct place *place)
{
    char path[KW_PATH_SIZE];
    uint8_t *secret = NULL;
    int r = path_of(place, "keys/vault.key", path);
    if (r == 0)
        r = kw_secret_new(&secret);
    if (r == 0)
        r = kw_secret_save(path, secret, &place->fault);
    kw_secret_free(secret);
    return r;
}

/* A key of the ledger: name is the vkey's, file the key's. */
static int make_ledger_key(struct place *place, const char *file, const char *name, uint8_t type, char ret_vkey[KW_VKEY_SIZE])
{
    KW_AUTO(kw_sign_key_freep) struct kw_sign_key *key = NULL;
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_vkey vkey;
    int r = make_sign(place, file, &key);
    if (r == 0)
        r = kw_vkey_make(name, type, key->public_key, &vkey);
    if (r == 0)
        r = kw_vkey_text(&vkey, &text);
    if (r == 0 && text.size >= KW_VKEY_SIZE)
        r = -EMSGSIZE;
    if (r == 0)
        memcpy(ret_vkey, text.data, text.size + 1);
    return r;
}

static int make_keys(struct place *place)
{
    const char *role = place->wish->role;
    char witness[160];
    snprintf(witness, sizeof witness, "%s/witness", place->wish->name);
    bool hub = strcmp(role, "hub") == 0;
    int r = strcmp(role, "witness") == 0 ? 0 : make_curve(place);
    if (r == 0)
        r = make_sign(place, strcmp(role, "agent") == 0 ? "keys/origin.key" : "keys/sign.key", &place->sign);
    if (r == 0 && strcmp(role, "agency") == 0)
        r = make_box(place);
    if (r == 0 && hub)
        r = make_vault(place);
    if (r == 0 && hub)
        r = make_ledger_key(place, "keys/log.key", place->origin, KW_NOTE_ED25519, place->card.log);
    if (r == 0 && (hub || strcmp(role, "witness") == 0))
        r = make_ledger_key(place, "keys/witness.key", witness, KW_NOTE_COSIGNATURE, place->card.witness);
    if (r == 0)
        memcpy(place->card.sign, place->sign->public_key, sizeof place->card.sign);
    return r < 0 && !place->fault.code ? kw_fail(&place->fault, r, KW_E_KEY, "keys", "cannot be made: %s", strerror(-r)) : r;
}

/* ---- configuration ---------------------------------------------------------------- */

static int split_address(const char *text, char *ret_address, size_t size, unsigned *ret_port)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    if (!colon || (size_t)(colon - text) >= size)
        return -EINVAL;
    memcpy(ret_address, text, (size_t)(colon - text));
    ret_address[colon - text] = 0;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end || port > 65535)
        return -EINVAL;
    *ret_port = (unsigned)port;
    return 0;
}

/* name="value", with what XML needs escaped. */
static int put_attribute(struct kw_buf *text, const char *name, const char *value)
{
    int r = kw_buf_format(text, " %s=\"", name);
    if (r == 0)
        r = kw_xml_escape(text, kw_view_text(value), true);
    return r < 0 ? r : kw_buf_text(text, "\"");
}

static int put_hub(struct place *place, struct kw_buf *text)
{
    const struct wish *wish = place->wish;
    char address[64];
    unsigned port;
    if (split_address(wish->ledger, address, sizeof address, &port) < 0)
        return kw_fail(&place->fault, -EINVAL, KW_E_USAGE, "--ledger", "must be ADDRESS:PORT");
    int r = kw_buf_format(text,
                          "<hub xmlns=\"urn:kinward:config:1\" name=\"%s\" jurisdiction=\"%s\">\n"
                          "  <keys folder=\"keys\"/>\n  <data folder=\"data\"/>\n  <run folder=\"run\"/>\n  <intake",
                          wish->name, wish->jurisdiction);
    if (r == 0)
        r = put_attribute(text, "endpoint", wish->intake);
    if (r == 0)
        r = kw_buf_text(text, "/>\n  <feed");
    if (r == 0)
        r = put_attribute(text, "endpoint", wish->feed);
    if (r == 0)
        r = kw_buf_format(text, "/>\n  <ledger origin=\"%s\" policy=\"policy\"", place->origin);
    if (r == 0)
        r = put_attribute(text, "address", address);
    if (r == 0)
        r = kw_buf_format(text,
                          " port=\"%u\"/>\n"
                          "  <!-- rules are live unless a state is given: off, shadow, review or live -->\n"
                          "  <detect",
                          port);
    if (r == 0)
        r = put_attribute(text, "contact", wish->contact[0] ? wish->contact : wish->name);
    return r < 0 ? r : kw_buf_text(text, "/>\n</hub>\n");
}

static int put_policy(struct place *place)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    int r = kw_buf_format(&text, "log %s\nquorum none\n", place->card.log);
    return r < 0 ? r : write_file(place, "policy", &text);
}

static int put_client(struct place *place, const char *folder, struct kw_buf *text)
{
    const struct wish *wish = place->wish;
    int r = kw_buf_format(text,
                          "<%s xmlns=\"urn:kinward:config:1\" name=\"%s\" jurisdiction=\"%s\">\n"
                          "  <keys folder=\"keys\"/>\n  <hub",
                          wish->role, wish->name, wish->jurisdiction);
    if (r == 0)
        r = put_attribute(text, "endpoint", wish->hub_endpoint);
    return r < 0 ? r : kw_buf_format(text, " card=\"hub.card\"/>\n  <%s folder=\"%s\"/>\n</%s>\n", folder, folder, wish->role);
}

static int put_witness(struct place *place, struct kw_buf *text)
{
    const struct wish *wish = place->wish;
    char address[64];
    unsigned port;
    if (split_address(wish->ledger, address, sizeof address, &port) < 0)
        return kw_fail(&place->fault, -EINVAL, KW_E_USAGE, "--ledger", "must be ADDRESS:PORT");
    return kw_buf_format(text,
                         "<witness xmlns=\"urn:kinward:config:1\" name=\"%s/witness\" jurisdiction=\"%s\">\n"
                         "  <keys folder=\"keys\"/>\n  <state folder=\"state\"/>\n  <listen address=\"%s\" port=\"%u\"/>\n"
                         "  <!-- one line for each log to cosign: <log vkey=\"…\"/>, from the hub's card -->\n</witness>\n",
                         wish->name, wish->jurisdiction, address, port);
}

static int put_config(struct place *place)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    char name[32];
    const char *role = place->wish->role;
    int r;
    snprintf(name, sizeof name, "%s.xml", role);
    if (strcmp(role, "hub") == 0)
        r = put_hub(place, &text);
    else if (strcmp(role, "witness") == 0)
        r = put_witness(place, &text);
    else
        r = put_client(place, strcmp(role, "agent") == 0 ? "spool" : "inbox", &text);
    if (r == 0)
        r = write_file(place, name, &text);
    return r == 0 && strcmp(role, "hub") == 0 ? put_policy(place) : r;
}

/* The hub's card is copied into the folder; its fingerprint is shown, to be compared. */
static int put_hub_card(struct place *place)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    struct kw_card card;
    char fingerprint[KW_FINGERPRINT_SIZE];
    if (!place->wish->hub_card)
        return 0;
    int r = kw_file_read(place->wish->hub_card, KW_CARD_LIMIT, &text, &place->fault);
    if (r == 0)
        r = kw_card_parse(kw_view_of(&text), &card, &place->fault);
    if (r == 0)
        r = write_file(place, "hub.card", &text);
    if (r < 0)
        return r;
    kw_card_fingerprint(kw_view_of(&text), fingerprint);
    printf("hub: %s of %s\nfingerprint %s\n", card.name, card.jurisdiction, fingerprint);
    return 0;
}

static int put_card(struct place *place)
{
    KW_AUTO(kw_buf_clear) struct kw_buf text = {0};
    char fingerprint[KW_FINGERPRINT_SIZE];
    int r = kw_card_print(&place->card, place->sign, &text);
    if (r == 0)
        r = write_file(place, "card", &text);
    if (r < 0)
        return r;
    kw_card_fingerprint(kw_view_of(&text), fingerprint);
    printf("%s: %s %s of %s\nfingerprint %s\n", place->dir, place->wish->role, place->card.name, place->card.jurisdiction,
           fingerprint);
    return 0;
}

/* ---- the command ---------------------------------------------------------------------- */

static int check_wish(const struct wish *wish, struct kw_fault *fault)
{
    static const char *const roles[] = {"hub", "agent", "agency", "witness"};
    bool known = false;
    for (size_t i = 0; i < KW_COUNT(roles); i++)
        known |= strcmp(wish->role, roles[i]) == 0;
    if (!known)
        return kw_fail(fault, -EINVAL, KW_E_USAGE, "--role", "must be hub, agent, agency or witness");
    if (!kw_card_name_valid(kw_view_text(wish->name)))
        return kw_fail(fault, -EINVAL, KW_E_USAGE, "--name", "must be 3 to 64 characters of a-z, 0-9, '.' and '-'");
    if (!kw_card_jurisdiction_valid(kw_view_text(wish->jurisdiction)))
        return kw_fail(fault, -EINVAL, KW_E_USAGE, "--jurisdiction", "must be an ISO 3166-1 alpha-2 code");
    return 0;
}

static int make(struct place *place)
{
    const struct wish *wish = place->wish;
    time_t now = time(NULL);
    struct tm day;
    gmtime_r(&now, &day);
    snprintf(place->origin, sizeof place->origin, "%s/%c%c/%d", wish->name, wish->jurisdiction[0] | 32, wish->jurisdiction[1] | 32,
             day.tm_year + 1900);
    snprintf(place->card.name, sizeof place->card.name, "%s", wish->name);
    snprintf(place->card.jurisdiction, sizeof place->card.jurisdiction, "%s", wish->jurisdiction);
    snprintf(place->card.contact, sizeof place->card.contact, "%s", wish->contact);
    kw_time_format(kw_clock_wall_ms(), place->card.made);
    int r = kw_dir_make(place->dir, 0755, &place->fault);
    if (r == 0)
        r = put_hub_card(place);
    if (r == 0)
        r = make_folders(place);
    if (r == 0)
        r = make_keys(place);
    if (r == 0)
        r = put_config(place);
    return r == 0 ? put_card(place) : r;
}

static bool occupied(const char *dir)
{
    char path[KW_PATH_SIZE];
    return kw_path_join(path, sizeof path, dir, "keys") == 0 && access(path, F_OK) == 0;
}

int kw_cmd_init(int argc, char **argv)
{
    struct wish wish = {
        .contact = "", .intake = "tcp://127.0.0.1:7701", .feed = "tcp://127.0.0.1:7702", .ledger = "127.0.0.1:7704"};
    const struct kw_option options[] = {
        {"role", "ROLE", "hub, agent (a registry's side), agency (a desk's side) or witness", NULL, &wish.role, NULL, true},
        {"name", "NAME", "the principal's name: a-z, 0-9, '.' and '-'", NULL, &wish.name, NULL, true},
        {"jurisdiction", "CC", "ISO 3166-1 alpha-2 code that it speaks for", NULL, &wish.jurisdiction, NULL, true},
        {"contact", "TEXT", "whom to ask, on its card and on a hub's alerts", NULL, &wish.contact, NULL, false},
        {"intake", "ENDPOINT", "hub: where records come in (tcp://127.0.0.1:7701)", NULL, &wish.intake, NULL, false},
        {"feed", "ENDPOINT", "hub: where alerts go out (tcp://127.0.0.1:7702)", NULL, &wish.feed, NULL, false},
        {"ledger", "ADDRESS:PORT", "hub, witness: HTTP (127.0.0.1:7704)", NULL, &wish.ledger, NULL, false},
        {"hub", "ENDPOINT", "agent, agency: the hub's endpoint", NULL, &wish.hub_endpoint, NULL, false},
        {"hub-card", "FILE", "agent, agency: the hub's card, which is copied into the folder as hub.card", NULL, &wish.hub_card,
         NULL, false},
        {0}};
    const struct kw_usage usage = {.synopsis = "kinward init DIR --role ROLE --name NAME --jurisdiction CC",
                                   .summary = "Makes the folder of a hub, agent, agency or witness: keys, configuration and card.",
                                   .example = "kinward init /srv/kinward --role hub --name hub.example --jurisdiction KE",
                                   .options = options,
                                   .least = 1,
                                   .most = 1};
    int first, code;
    if (!kw_cli_options(&usage, argc, argv, &first, &code))
        return code;
    struct place place = {.wish = &wish, .dir = argv[first]};
    if (!wish.hub_endpoint)
        wish.hub_endpoint = strcmp(wish.role, "agency") == 0 ? wish.feed : wish.intake;
    int r = check_wish(&wish, &place.fault);
    if (r == 0 && occupied(argv[first]))
        r = kw_fail(&place.fault, -EEXIST, KW_E_STATE, argv[first], "has keys already; keys are never overwritten");
    if (r == 0)
        r = kw_crypto_init();
    if (r == 0)
        r = make(&place);
    kw_sign_key_free(place.sign);
    return r < 0 ? kw_cli_error("init", &place.fault) : KW_EXIT_DONE;
}
