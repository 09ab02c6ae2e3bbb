# SPDX-License-Identifier: Apache-2.0
# cast.py - who plays in the demo, and the rows that a border service writes about them. Nobody of them exists.
import csv
import datetime
import io
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mocks"))
import registry  # noqa: E402

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
TODAY = NOW.date()

# In the place of the published bundles, where those are absent: the same three events.
OWN = [
    {"kind": "birth", "child": {"given": "Amina", "family": "Testchild", "birthDate": "2019-05-07", "gender": "female"},
     "mother": {"given": "Rosa", "family": "Testchild", "birthDate": "1990-02-02", "nationalId": "1990010199"},
     "father": {"given": "Peter", "family": "Testfather", "birthDate": "1988-03-04", "nationalId": "1988030455"}},
    {"kind": "birth", "child": {"given": "Tatu", "family": "Testson", "birthDate": "2021-09-30", "gender": "male"},
     "mother": {"given": "Lena", "family": "Testson", "birthDate": "1995-11-12", "nationalId": "1995111277"}},
    {"kind": "death", "deceased": {"given": "Omari", "family": "Testelder", "birthDate": "1950-01-01", "nationalId": "1950010122"},
     "deathDate": "2024-12-02", "informant": {"given": "Edith", "family": "Testelder", "birthDate": "1952-02-02"}, "relationship": "SPOUSE"},
]

# A girl who was registered at birth, had a passport, and died.
NEEMA = {"given": "Neema", "family": "Testdaughter", "birthDate": "2017-06-15", "gender": "female", "nationalId": "2017061533"}
NEEMA_MOTHER = {"given": "Asha", "family": "Testdaughter", "birthDate": "1989-08-08", "nationalId": "1989080844"}
NEEMA_EVENTS = [
    {"kind": "birth", "child": NEEMA, "mother": NEEMA_MOTHER},
    {"kind": "death", "deceased": NEEMA, "deathDate": str(TODAY - datetime.timedelta(days=200)), "informant": NEEMA_MOTHER,
     "relationship": "MOTHER"},
]

AUNT = {"given": "Lena", "family": "Testaunt", "birthDate": "1985-04-04", "passport": "ZZ0000099"}
STRANGER = {"given": "Mark", "family": "Testunknown", "birthDate": "1981-04-30", "passport": "ZZ0000555"}
TRAVELLER = {"given": "Vera", "family": "Testtraveller", "birthDate": "1979-07-21", "passport": "ZZ0000777"}
NEVER_SEEN = {"given": "Zubeda", "family": "Testvisitor", "birthDate": "2014-02-20", "gender": "female", "passport": "XX7654321"}


def name(person):
    return "%s %s" % (person["given"], person["family"])


# ---- who was registered --------------------------------------------------------------------------


def person_of(patient):
    shown = patient["name"][0]
    found = {"given": " ".join(word for word in shown["given"] if word), "family": shown["family"]}
    for member in ("birthDate", "gender"):
        if patient.get(member):
            found[member] = patient[member]
    for one in patient.get("identifier", []):
        if one.get("type", {}).get("coding", [{}])[0].get("code") == "NATIONAL_ID":
            found["nationalId"] = one["value"]
    return found


def event_of(bundle):
    """Persons by role of a bundle of OpenCRVS, as in an event that its mock makes."""
    by_id = {part["id"]: part for part in (entry["resource"] for entry in bundle["entry"]) if "id" in part}
    found = {"kind": registry.resources(bundle, "Task")[0]["code"]["coding"][0]["code"].lower()}
    for section in registry.resources(bundle, "Composition")[0]["section"]:
        part = by_id.get(section["entry"][0]["reference"].split("/")[-1].split(":")[-1])
        if part and part["resourceType"] == "Patient" and part.get("name"):
            found[section["code"]["coding"][0]["code"].removesuffix("-details")] = person_of(part)
    return found


class Cast:
    """Two children of the registers: one with two known parents, and another one."""

    def __init__(self):
        published = registry.shared_bundles()
        events = [event_of(bundle) for bundle in published]
        self.published = bool(self.choose(events))
        self.events = events if self.published else OWN
        self.with_parents, self.other = self.choose(self.events)
        self.ask = {"files": True} if self.published else {"events": OWN}
        self.numbers = {}
        self.children = [self.with_parents["child"], self.other["child"], NEEMA]
        for number, child in enumerate(self.children, 1):
            child["passport"] = "ZZ100000%d" % number

    @staticmethod
    def choose(events):
        births = [event for event in events if event["kind"] == "birth" and "child" in event and "mother" in event]
        both = [event for event in births if "father" in event]
        rest = [event for event in births if event not in both]
        return (both[0], rest[0]) if both and rest else None

    def registered(self, answers):
        """What the registry made of these events: the registration numbers that other papers cite."""
        for event, answer in zip(self.events + NEEMA_EVENTS, answers):
            if event["kind"] == "birth":
                self.numbers[name(event["child"])] = answer["registrationNumber"]
            if event is self.with_parents:
                self.birth_id = answer["id"]

    def number(self, child):
        return self.numbers[name(child)]


# ---- rows of the border service ------------------------------------------------------------------


def table(rows):
    columns = list(dict.fromkeys(column for row in rows for column in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def days(count):
    return str(TODAY + datetime.timedelta(days=count))


def person(prefix, who, *members):
    columns = {"given": "given", "family": "family", "sex": "gender", "birth_date": "birthDate", "national_id": "nationalId"}
    row = {"%s_%s" % (prefix, column): who.get(columns[column], "") for column in ("given", "family", "birth_date") + members}
    if "passport" in who:
        row.update({prefix + "_document_type": "passport", prefix + "_document_number": who["passport"],
                    prefix + "_document_country": "KE"})
    return row


def documents(cast):
    found = []
    for number, child in enumerate(cast.children, 1):
        row = {"record_id": "DOC-%d" % number, "event": "document_issued", "at": days(-300), "document_type": "passport",
               "document_number": child["passport"], "document_country": "KE", "document_authority": "Passport Office",
               "document_issued_on": days(-300), "document_expires_on": days(1500), "birth_registration_number": cast.number(child)}
        holder = {column: value for column, value in person("holder", child, "sex", "national_id").items() if "_document_" not in column}
        found.append({**row, **holder, "holder_birth_registration": cast.number(child)})
    return found


def consents(cast):
    child, event = cast.with_parents["child"], cast.with_parents
    row = {"record_id": "TC-1", "event": "travel_consent_granted", "at": days(-10), "number": "TC-1", "consent_form": "notarised",
           "authority": "Notary 12, Ibombo", "valid_from": days(-5), "valid_to": days(30), "destinations": "TZ;UG", "uses": "multiple",
           "purpose": "family", "any_companion": "no", "child_birth_registration": cast.number(child), **person("child", child, "sex")}
    for number, role in enumerate(("mother", "father"), 1):
        row.update({**person("giver%d" % number, event[role], "national_id"), "giver%d_relationship" % number: role,
                    "giver%d_authority" % number: "joint"})
    return [{**row, **person("escort", AUNT), "escort_relationship": "aunt"}]


def notices(cast):
    child = cast.other["child"]
    return [{"record_id": "MC-1", "event": "missing_child_opened", "at": days(-1), "number": "MC-1", "kind": "missing",
             "owner": "Child protection desk, Ibombo", "owner_id": "desk-ibombo", "owner_phone": "+254700000001", "action": "keep_safe",
             "opened_on": days(-1), "last_seen_on": days(-2), "last_seen_at": "Ibombo market", "last_seen_country": "KE",
             "suspected_destinations": "TZ", "reporter_may_be_danger": "no", "child_birth_registration": cast.number(child),
             **person("child", child, "sex")}]


def crossings(count):
    """Yesterday's crossings of adults, as a border service sends them once a day."""
    return [{"record_id": "X-%05d" % n, "event": "border_crossing", "at": "%sT%02d:%02d:00+03:00" % (days(-1), 6 + n % 14, n % 60),
             "place_country": "KE", "place_type": "border_crossing", "post_id": "NMA-1", "number": "X-%05d" % n,
             "direction": ("in", "out")[n % 2], "outcome": "allowed", "transport": "road",
             "holder_given": "Traveller", "holder_family": "Testcrossing %d" % n, "holder_birth_date": "19%02d-03-04" % (60 + n % 40),
             "holder_document_type": "passport", "holder_document_number": "ZY%07d" % n, "holder_document_country": "KE"}
            for n in range(1, count + 1)]


def check_row(number, child, escort, relationship, **more):
    return {"record_id": "CHK-%d" % number, "version": "1", "event": "document_check", "at": NOW.isoformat(), "place_country": "KE",
            "place_type": "airport", "post_id": "NBO-T1", "post_name": "Terminal 1, departures", "number": "CHK-%d" % number,
            "direction": "out", "outcome": "attempted", "transport": "air", "accompanied": "with_other_adult",
            **person("child", child, "sex"), **person("escort", escort), "escort_relationship": relationship, **more}


class Check:
    """One traveller at the border: what the officer sees, and what the registers make of it."""

    def __init__(self, row, seen, because, answer, rule=None):
        self.row, self.seen, self.because, self.answer, self.rule = row, seen, because, answer, rule
        self.given = None  # what the hub answered


def checks(cast):
    a, b = cast.with_parents["child"], cast.other["child"]
    mother = cast.with_parents["mother"]
    return [
        Check(check_row(1, a, mother, "mother", accompanied="with_parent", destination_country="TZ", consent_presented="not_asked"),
              "%s leaves for Tanzania with his mother" if a.get("gender") == "male" else "%s leaves for Tanzania with her mother",
              "one registered child, a registered parent along, nothing against it", "known"),
        Check(check_row(2, NEVER_SEEN, TRAVELLER, "aunt", destination_country="GB", consent_presented="yes"),
              "%s leaves for Britain with an aunt", "no register here knows this child: that is no accusation", "unknown"),
        Check(check_row(3, a, STRANGER, "uncle", destination_country="TZ", consent_presented="yes", consent_number="TC-1"),
              "%s leaves for Tanzania with a man who shows consent TC-1", "the parents gave TC-1 to an aunt, not to him", "refer", "P5"),
        Check(check_row(4, b, TRAVELLER, "aunt", destination_country="TZ", consent_presented="yes"),
              "%s leaves for Tanzania with a woman", "a missing-child notice has been open since yesterday", "refer", "M3"),
        Check(check_row(5, NEEMA, NEEMA_MOTHER, "mother", accompanied="with_parent", destination_country="AE",
                        consent_presented="not_asked"),
              "%s, says the passport, leaves for the Emirates with her mother", "the girl this passport was issued to is dead", "refer", "D5"),
    ]


def check_file(check):
    return table([check.row])


def who(check):
    return check.row["child_given"] + " " + check.row["child_family"]
