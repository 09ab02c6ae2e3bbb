/* SPDX-License-Identifier: Apache-2.0 */
/* dates.h - what is read of a date before it is known whether there is such a day. */
#ifndef KINWARD_NORMALIZE_DATES_H
#define KINWARD_NORMALIZE_DATES_H

#include "normalize/private.h"

struct kw_date_reading {
    int year, month, day; /* 0: not known */
    char time[20], offset[8];
    bool several; /* day and month could be either way round */
};

struct kw_date_hint {
    bool day_first, month_first, gregorian_months;
    const char *calendar; /* of the record; NULL: gregorian */
    const char *library;  /* as kw_date_span calls it; NULL with a calendar: one that nothing can be made of */
};

/* text is changed. false: not a date. */
bool kw_date_fields(char *text, const struct kw_date_hint *hint, struct kw_date_reading *reading);

#endif
