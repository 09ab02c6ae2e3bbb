/* SPDX-License-Identifier: Apache-2.0 */
/* kinward/events.h - event types of the common record as numbers, for rule packs and for keys that are stored. */
#ifndef KINWARD_EVENTS_H
#define KINWARD_EVENTS_H

/* Event types of the record. Numbers are stored: append only, below 64. */
#define KINWARD_EVENTS(EVENT)                                                                                                      \
    EVENT(1, LIVE_BIRTH, "live_birth")                                                                                             \
    EVENT(2, FOETAL_DEATH, "foetal_death")                                                                                         \
    EVENT(3, DEATH, "death")                                                                                                       \
    EVENT(4, MARRIAGE, "marriage")                                                                                                 \
    EVENT(5, DIVORCE, "divorce")                                                                                                   \
    EVENT(6, ADOPTION, "adoption")                                                                                                 \
    EVENT(7, ADOPTION_REVOKED, "adoption_revoked")                                                                                 \
    EVENT(8, LEGITIMATION, "legitimation")                                                                                         \
    EVENT(9, RECOGNITION, "recognition")                                                                                           \
    EVENT(10, ANNULMENT, "annulment")                                                                                              \
    EVENT(11, SEPARATION, "separation")                                                                                            \
    EVENT(12, NAME_CHANGE, "name_change")                                                                                          \
    EVENT(13, SEX_CHANGE, "sex_change")                                                                                            \
    EVENT(14, GUARDIANSHIP_GRANTED, "guardianship_granted")                                                                        \
    EVENT(15, GUARDIANSHIP_ENDED, "guardianship_ended")                                                                            \
    EVENT(16, CUSTODY_ORDER, "custody_order")                                                                                      \
    EVENT(17, FOUNDLING, "foundling")                                                                                              \
    EVENT(18, TRAVEL_CONSENT_GRANTED, "travel_consent_granted")                                                                    \
    EVENT(19, TRAVEL_CONSENT_REVOKED, "travel_consent_revoked")                                                                    \
    EVENT(20, DOCUMENT_ISSUED, "document_issued")                                                                                  \
    EVENT(21, DOCUMENT_RENEWED, "document_renewed")                                                                                \
    EVENT(22, DOCUMENT_LOST, "document_lost")                                                                                      \
    EVENT(23, DOCUMENT_STOLEN, "document_stolen")                                                                                  \
    EVENT(24, DOCUMENT_REVOKED, "document_revoked")                                                                                \
    EVENT(25, DOCUMENT_CHECK, "document_check")                                                                                    \
    EVENT(26, BORDER_CROSSING, "border_crossing")                                                                                  \
    EVENT(27, MISSING_CHILD_OPENED, "missing_child_opened")                                                                        \
    EVENT(28, MISSING_CHILD_CLOSED, "missing_child_closed")                                                                        \
    EVENT(29, AT_RISK_OPENED, "at_risk_opened")                                                                                    \
    EVENT(30, AT_RISK_CLOSED, "at_risk_closed")                                                                                    \
    EVENT(31, REGISTRATION_VOIDED, "registration_voided")

enum kinward_event {
    KINWARD_EVENT_OTHER = 0,
#define KINWARD_EVENT(number, name, text) KINWARD_EVENT_##name = number,
    KINWARD_EVENTS(KINWARD_EVENT)
#undef KINWARD_EVENT
};
#define KINWARD_EVENT_BIT(name) (1ull << KINWARD_EVENT_##name)

#endif
