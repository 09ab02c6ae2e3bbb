/* SPDX-License-Identifier: Apache-2.0 */
/* desk.h - what the commands of kinward feed share: the opened inbox, looking alerts up, words. */
#ifndef KINWARD_CLI_DESK_H
#define KINWARD_CLI_DESK_H

#include "cli/cli.h"
#include "feed/feed.h"
#include "json/json.h"

struct kw_desk {
    const char *what; /* "feed list", for errors */
    struct kw_agency agency;
    struct kw_inbox *inbox; /* NULL: nothing was fetched yet */
    struct kw_xml *words;   /* the message catalogue */
    struct kw_fault fault;
};
/* Reads the configuration, the keys and the catalogue; inbox: opens it for reading, too. False: told, leave with *ret_exit. */
bool kw_desk_open(struct kw_desk *desk, const char *what, const char *config, bool inbox, int *ret_exit);
void kw_desk_close(struct kw_desk *desk);
int kw_desk_error(struct kw_desk *desk, int error); /* the exit code: what cannot be verified is 4, whatever its code */

/* NUMBER, ALERT or ALERT.REVISION, where ALERT is an id or its beginning, at least four digits, when no other begins so. Without a
 * revision the newest one. Fills desk->fault. */
KW_CHECKED int kw_desk_find(struct kw_desk *desk, const char *text, struct kw_inbox_row *ret_row);

struct kw_letters { /* zero-initialised is empty; clear after use */
    struct kw_letter *items;
    struct kw_alert_message *messages; /* of each */
    struct kw_alert_message *chains;   /* the same by alert: those of one alert stand together */
    size_t count, capacity;
    uint64_t refused; /* stored items that do not open: told on stderr */
};
/* Opened items of one alert, or of all (NULL), in order; statements are dropped unless kept. Of an alert's revision that came
 * again after a restore of the hub, the later one. */
KW_CHECKED int kw_desk_letters(struct kw_desk *desk, const uint8_t *alert, bool keep, struct kw_letters *ret_letters);
void kw_letters_clear(struct kw_letters *letters);
const char *kw_letters_state(const struct kw_letters *letters, size_t index);
bool kw_letters_newest(const struct kw_letters *letters, size_t index); /* the newest revision of its alert */

/* What the rule is called, from the catalogue; else its id. Appends. */
KW_CHECKED int kw_desk_title(const struct kw_desk *desk, const struct kw_letter *letter, struct kw_buf *ret_text);
/* The members of one letter: what a machine needs to know about it. */
void kw_desk_members(const struct kw_desk *desk, const struct kw_letter *letter, struct kw_json_out *json);

/* ---- the commands of other files ---- */
int kw_feed_list(int argc, char **argv);
int kw_feed_show(int argc, char **argv);
int kw_feed_ack(int argc, char **argv);
int kw_feed_tell(int argc, char **argv); /* kinward feed feedback */
int kw_feed_prove(int argc, char **argv);

#endif
