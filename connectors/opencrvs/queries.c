/* SPDX-License-Identifier: Apache-2.0 */
/* queries.c - the GraphQL operations of OpenCRVS 1.x that the catch-up uses, and the names of its events. */
#include <stddef.h>

#include "opencrvs.h"

const char *const event_names[EVENTS] = {"birth", "death", "marriage"};
const char *const event_topics[EVENTS] = {"BIRTH_REGISTERED", "DEATH_REGISTERED", NULL};
const char *const fetch_names[EVENTS] = {"fetchBirthRegistration", "fetchDeathRegistration", "fetchMarriageRegistration"};

const char search_query[] =
    "query searchEvents($advancedSearchParameters: AdvancedSearchParametersInput!, $sort: String, $count: Int, $skip: Int) { "
    "searchEvents(advancedSearchParameters: $advancedSearchParameters, sort: $sort, count: $count, skip: $skip) { "
    "totalItems results { id type registration { status registrationNumber modifiedAt } } } }";

#define NAMES "name { use firstNames middleName familyName } "
#define PLACE "line district state city postalCode country "
#define PERSON                                                                                                                     \
    "{ id " NAMES "birthDate gender nationality identifier { id type otherType } address { type " PLACE                            \
    "} maritalStatus occupation "                                                                                                  \
    "educationalAttainment telecom { use system value } detailsExist reasonNotApplying ageOfIndividualInYears "                    \
    "exactDateOfBirthUnknown dateOfMarriage multipleBirth "
#define RELATED  "{ id relationship otherRelationship individual " PERSON "} } "
#define LOCATION "eventLocation { id type name address { " PLACE "} } "
#define REGISTRATION                                                                                                               \
    "registration { id informantType otherInformantType contact contactRelationship contactPhoneNumber contactEmail type "         \
    "trackingId "                                                                                                                  \
    "registrationNumber attachments { type contentType subject } status { type timestamp office { name alias address { district "  \
    "state } } user { id name { use firstNames familyName } role } } } "
#define BEGIN(kind) "query fetch" kind "Registration($id: ID!) { fetch" kind "Registration(id: $id) { __typename id "

const char *const fetch_queries[EVENTS] = {
    BEGIN("Birth") "child " PERSON "} mother " PERSON "} father " PERSON "} informant " RELATED REGISTRATION LOCATION
                   "attendantAtBirth otherAttendantAtBirth weightAtBirth birthType childrenBornAliveToMother foetalDeathsToMother "
                   "lastPreviousLiveBirth questionnaire { fieldId value } createdAt } }",
    BEGIN("Death") "deceased " PERSON "deceased { deceased deathDate } } spouse " PERSON "} mother " PERSON "} father " PERSON
                   "} informant " RELATED REGISTRATION LOCATION
                   "mannerOfDeath causeOfDeathEstablished causeOfDeathMethod causeOfDeath deathDescription "
                   "maleDependentsOfDeceased femaleDependentsOfDeceased questionnaire { fieldId value } createdAt } }",
    BEGIN("Marriage") "bride " PERSON "marriedLastName } groom " PERSON "marriedLastName } witnessOne " RELATED
                      "witnessTwo " RELATED "informant " RELATED REGISTRATION LOCATION
                      "typeOfMarriage questionnaire { fieldId value } createdAt } }",
};
