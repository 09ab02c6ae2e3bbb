# SPDX-License-Identifier: Apache-2.0
# registry.py - what the mock of OpenCRVS 1.x has registered: persons, webhook bundles, and the same events as a search gives them.
import copy
import datetime
import json
import os
import pathlib
import random
import uuid

SPECS = "http://opencrvs.org/specs/"
FAMILIES = ["Testperson", "Mockfamily", "Sampleton", "Exampleby", "Inventa"]
GIVEN = ["Neema", "Asha", "Rosa", "Lena", "Edith", "Peter", "Sami", "Juma", "Omari", "Tatu"]


def now_text(moment=None):
    moment = moment or datetime.datetime.now(datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (moment.microsecond // 1000)


def shared_bundles():
    """The real bundles beside the repository, where they are."""
    shared = os.environ.get("KINWARD_SHARED") or str(pathlib.Path(__file__).resolve().parents[3] / "shared")
    folder = pathlib.Path(shared) / "data/interop/opencrvs/classic-fhir"
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))] if folder.is_dir() else []


def resources(bundle, kind):
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def coding(system, code):
    return {"coding": [{"system": system, "code": code}]}


class Maker:
    """Invented persons; the same seed gives the same ones."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = 0

    def id(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def person(self, low, high):
        year = self.random.randrange(low, high)
        return {"given": self.random.choice(GIVEN), "family": self.random.choice(FAMILIES),
                "birthDate": "%04d-%02d-%02d" % (year, self.random.randrange(1, 13), self.random.randrange(1, 29)),
                "gender": self.random.choice(["female", "male"]), "nationalId": "%010d" % self.random.randrange(10 ** 9, 10 ** 10)}

    def event(self, kind):
        self.count += 1
        if kind == "birth":
            child = self.person(2012, 2026)
            del child["nationalId"]
            return {"kind": kind, "child": child, "mother": self.person(1975, 1995), "father": self.person(1970, 1995)}
        if kind == "death":
            return {"kind": kind, "deceased": self.person(1940, 2010), "informant": self.person(1970, 1995), "relationship": "SON",
                    "deathDate": "2026-%02d-%02d" % (self.random.randrange(1, 10), self.random.randrange(1, 29))}
        return {"kind": "marriage", "bride": self.person(1980, 2000), "groom": self.person(1980, 2000),
                "dateOfMarriage": "2026-%02d-%02d" % (self.random.randrange(1, 10), self.random.randrange(1, 29))}


# ---- the webhook's form ----------------------------------------------------------------------


def patient(identity, person):
    result = {"resourceType": "Patient", "id": identity, "active": True, "extension": [],
              "name": [{"use": "en", "given": [person["given"], ""], "family": person["family"]}]}
    for name in ("birthDate", "gender", "deceasedDateTime"):
        if person.get(name):
            result[name] = person[name]
    if person.get("nationalId"):
        result["identifier"] = [{"value": person["nationalId"], "type": coding(SPECS + "identifier-type", "NATIONAL_ID")}]
    if person.get("country"):
        result["extension"] = [{"url": "http://hl7.org/fhir/StructureDefinition/patient-nationality", "extension": [
            {"url": "code", "valueCodeableConcept": coding("urn:iso:std:iso:3166", person["country"])}]}]
        result["address"] = [{"type": "PRIMARY_ADDRESS", "line": [""] * 16, "country": person["country"]}]
    return result


def section(code, reference):
    return {"title": code, "code": coding("http://opencrvs.org/doc-sections", code), "entry": [{"reference": reference}]}


def bundle_of(event, maker):
    """A bundle as OpenCRVS makes it, still declared."""
    kind, parts, sections = event["kind"], [], []
    roles = {"birth": ["child", "mother", "father"], "death": ["deceased", "spouse", "mother", "father"]}[kind]
    patients = {}
    for role in roles:
        person = event.get(role)
        if not person:
            continue
        if role == "deceased":
            person = {**person, "deceasedDateTime": event.get("deathDate")}
        patients[role] = patient(maker.id(), person)
        parts.append(patients[role])
        sections.append(section(role + "-details", "Patient/" + patients[role]["id"]))
    informant, relationship = None, event.get("relationship", "MOTHER")
    if event.get("informant"):
        informant = patient(maker.id(), event["informant"])
        parts.append(informant)
    elif relationship.lower() in patients:
        informant = patients[relationship.lower()]
    if informant:
        related = {"resourceType": "RelatedPerson", "id": maker.id(), "patient": {"reference": "Patient/" + informant["id"]},
                   "relationship": coding("http://hl7.org/fhir/ValueSet/relatedperson-relationshiptype", relationship)}
        parts.append(related)
        sections.insert(0, section("informant-details", "RelatedPerson/" + related["id"]))
    composition = {"resourceType": "Composition", "id": event.get("id") or maker.id(), "status": "preliminary", "title": kind,
                   "identifier": {"system": "urn:ietf:rfc:3986", "value": "%sM%05d" % (kind[0].upper(), maker.count)},
                   "type": coding("http://opencrvs.org/doc-types", kind + "-declaration"), "section": sections}
    task = {"resourceType": "Task", "id": maker.id(), "status": "ready", "intent": "proposal",
            "code": coding(SPECS + "types", kind.upper()), "focus": {"reference": "Composition/" + composition["id"]},
            "identifier": [{"system": SPECS + "id/%s-tracking-id" % kind, "value": composition["identifier"]["value"]}],
            "businessStatus": coding(SPECS + "reg-status", "DECLARED"), "lastModified": now_text(), "extension": []}
    return {"resourceType": "Bundle", "type": "document",
            "entry": [{"fullUrl": "urn:uuid:" + part["id"], "resource": part} for part in [composition, task] + parts]}


def register(bundle, number, moment):
    """The registrar's act: status, registration number, a new lastModified."""
    bundle = copy.deepcopy(bundle)
    task = resources(bundle, "Task")[0]
    kind = task["code"]["coding"][0]["code"].lower()
    task["businessStatus"] = coding(SPECS + "reg-status", "REGISTERED")
    task["lastModified"] = moment
    kept = [one for one in task["identifier"] if not one["system"].endswith("-registration-number")]
    task["identifier"] = kept + [{"system": SPECS + "id/%s-registration-number" % kind, "value": number}]
    return bundle


# ---- the search's form -------------------------------------------------------------------------


def searched_person(found):
    if not found:
        return None
    names = [{"use": name.get("use", "en"), "firstNames": " ".join(part for part in name.get("given", []) if part), "middleName": "",
              "familyName": name.get("family", "")} for name in found.get("name", [])]
    identifiers = [{"id": one.get("value", ""), "type": one["type"]["coding"][0]["code"], "otherType": ""}
                   for one in found.get("identifier", []) if one.get("type", {}).get("coding")]
    nationality = [part["valueCodeableConcept"]["coding"][0]["code"] for one in found.get("extension", [])
                   if one.get("url", "").endswith("patient-nationality") for part in one.get("extension", []) if part.get("url") == "code"]
    address = [{name: one.get(name, "") for name in ("type", "line", "district", "state", "city", "postalCode", "country")}
               for one in found.get("address", [])]
    return {"id": found["id"], "name": names, "birthDate": found.get("birthDate"), "gender": found.get("gender"),
            "identifier": identifiers, "nationality": nationality or None, "address": address or None, "maritalStatus": None,
            "occupation": "", "detailsExist": True, "reasonNotApplying": None, "ageOfIndividualInYears": None}


def state(kind, moment):
    return {"type": kind, "timestamp": moment, "comments": None, "office": {"name": "Mock District Office", "alias": []}}


def registration_of(kind, identity, moment, declared, number, tracking, informant):
    return {"id": identity, "informantType": informant, "otherInformantType": "", "contact": informant, "type": kind.upper(),
            "trackingId": tracking, "registrationNumber": number, "duplicates": None, "attachments": [], "certificates": None,
            "status": [state("REGISTERED", moment), state("DECLARED", declared)]}


def search_form(bundle):
    """What fetchBirthRegistration or fetchDeathRegistration gives for a registered bundle."""
    composition, task = resources(bundle, "Composition")[0], resources(bundle, "Task")[0]
    kind = task["code"]["coding"][0]["code"].lower()
    by_id = {part["id"]: part for part in (entry["resource"] for entry in bundle["entry"]) if "id" in part}
    patients, informant = {}, None
    for part in composition["section"]:
        code, target = part["code"]["coding"][0]["code"], by_id.get(part["entry"][0]["reference"].split("/")[-1].split(":")[-1])
        if code == "informant-details" and target and target.get("patient"):
            shown = by_id.get(target["patient"]["reference"].split("/")[-1].split(":")[-1])
            informant = {"id": target["id"], "relationship": target["relationship"]["coding"][0]["code"], "otherRelationship": "",
                         "individual": searched_person(shown)}
        elif target and target["resourceType"] == "Patient":
            patients[code.removesuffix("-details")] = target
    identifiers = {one["system"].rsplit("/", 1)[-1]: one["value"] for one in task["identifier"]}
    result = {"__typename": kind.capitalize() + "Registration", "id": composition["id"], "informant": informant,
              "mother": searched_person(patients.get("mother")), "father": searched_person(patients.get("father")),
              "registration": registration_of(kind, task["id"], task["lastModified"], task["lastModified"][:10] + "T00:00:00.000Z",
                                              identifiers.get(kind + "-registration-number"), identifiers.get(kind + "-tracking-id"),
                                              informant["relationship"] if informant else "")}
    if kind == "birth":
        result["child"] = searched_person(patients.get("child"))
    else:
        result["spouse"] = searched_person(patients.get("spouse"))
        result["deceased"] = searched_person(patients.get("deceased"))
        result["deceased"]["deceased"] = {"deceased": True, "deathDate": patients["deceased"].get("deceasedDateTime")}
    return result


def marriage_form(event, maker, number, moment):
    """Marriages come by search only."""
    result = {"__typename": "MarriageRegistration", "id": event.get("id") or maker.id(), "informant": None, "witnessOne": None, "witnessTwo": None,
              "registration": registration_of("marriage", maker.id(), moment, moment[:10] + "T00:00:00.000Z", number,
                                              "MM%05d" % maker.count, "BRIDE")}
    for role in ("bride", "groom"):
        result[role] = searched_person(patient(maker.id(), event[role]))
        result[role]["dateOfMarriage"] = event["dateOfMarriage"]
    return result
