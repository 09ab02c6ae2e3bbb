/* SPDX-License-Identifier: Apache-2.0 */
/* agency.c - reading agency.xml, and the keys and the hub's card that it names. */
#include <errno.h>
#include <string.h>

#include "feed/feed.h"

static int key_path(const char *folder, const char *name, char ret_path[KW_PATH_SIZE], struct kw_fault *fault)
{
    if (kw_path_join(ret_path, KW_PATH_SIZE, folder, name) < 0)
        return kw_fail(fault, -ENAMETOOLONG, KW_E_FILE, folder, "the path is too long");
    return 0;
}

static int read_keys(struct kw_agency *agency, struct kw_fault *fault)
{
    const struct kw_config *file = &agency->file;
    char folder[KW_PATH_SIZE], path[KW_PATH_SIZE];
    int r = kw_config_path(file, kw_config_child(file, "hub"), "card", NULL, path, fault);
    if (r == 0)
        r = kw_card_load(path, &agency->hub, fault);
    if (r == 0)
        r = kw_config_path(file, kw_config_child(file, "keys"), "folder", NULL, folder, fault);
    if (r == 0)
        r = key_path(folder, "box.key", path, fault);
    if (r == 0)
        r = kw_box_key_load(path, &agency->box, fault);
    if (r == 0)
        r = key_path(folder, "curve.key", path, fault);
    return r < 0 ? r : kw_curve_load(path, &agency->curve, fault);
}

static int read_language(struct kw_agency *agency, struct kw_fault *fault)
{
    char name[64];
    int r = kw_config_text(&agency->file, agency->file.root, "language", "en", agency->language, sizeof agency->language, fault);
    if (r < 0)
        return r;
    for (const char *c = agency->language; *c; c++) {
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '-'))
            return kw_fail(fault, -EINVAL, KW_E_CONFIG, "language", "must be a language code such as en");
    }
    snprintf(name, sizeof name, "schemas/messages/%s.xml", agency->language);
    if (kw_data_path(name, agency->catalogue) < 0)
        return kw_fail(fault, -ENOENT, KW_E_CONFIG, "language", "there is no message catalogue %s", name);
    return 0;
}

int kw_agency_load(const char *path, struct kw_agency *ret_agency, struct kw_fault *fault)
{
    struct kw_agency *agency = ret_agency; /* large: filled in place, cleared on failure */
    *agency = (struct kw_agency){0};
    if (kw_crypto_init() < 0)
        return kw_fail(fault, -EIO, KW_E_INTERNAL, "libsodium", "cannot start");
    int r = kw_xml_init();
    if (r == 0)
        r = kw_config_load(path, "agency", &agency->file, fault);
    if (r < 0)
        return r;
    const struct kw_config *file = &agency->file;
    r = kw_config_text(file, file->root, "name", NULL, agency->name, sizeof agency->name, fault);
    if (r == 0)
        r = kw_config_text(file, kw_config_child(file, "hub"), "endpoint", NULL, agency->endpoint, sizeof agency->endpoint, fault);
    if (r == 0)
        r = kw_config_path(file, kw_config_child(file, "inbox"), "folder", NULL, agency->inbox, fault);
    if (r == 0)
        r = read_language(agency, fault);
    if (r == 0)
        r = read_keys(agency, fault);
    if (r < 0)
        kw_agency_clear(agency);
    return r;
}

void kw_agency_clear(struct kw_agency *agency)
{
    if (!agency)
        return;
    kw_config_clear(&agency->file);
    kw_box_key_free(agency->box);
    kw_curve_clear(&agency->curve);
    *agency = (struct kw_agency){0};
}
