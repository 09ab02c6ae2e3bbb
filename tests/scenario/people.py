# SPDX-License-Identifier: Apache-2.0
# people.py - records of invented persons, as a registry would hand them over.
import dataclasses
import itertools

NAMESPACE = "urn:kinward:record:1"
numbers = itertools.count(1)


@dataclasses.dataclass
class Person:
    given: str
    family: str
    born: str
    number: str = None    # national id
    birth: str = None     # number of the birth registration
    passport: str = None

    def party(self, name, *roles, inner="", document=False, use=None):
        identifiers = [(kind, value) for kind, value in (("national_id", self.number), ("birth_registration", self.birth),
                                                         ("passport", self.passport)) if value]
        return ('<party id="%s">%s<name%s><givenName>%s</givenName><familyName>%s</familyName></name>%s'
                "<dateOfBirth><value>%s</value></dateOfBirth>%s%s</party>"
                % (name, "".join("<role>%s</role>" % role for role in roles), ' use="%s"' % use if use else "", self.given, self.family,
                   "".join("<identifier><type>%s</type><value>%s</value><issuingCountry>KE</issuingCountry></identifier>" % pair
                           for pair in identifiers), self.born, inner,
                   "<document><type>passport</type><number>%s</number><issuingCountry>KE</issuingCountry></document>" % self.passport
                   if document else ""))

    def secrets(self):
        """What of this person may stand in no log."""
        return [word for word in (self.given, self.family, self.number, self.birth, self.passport) if word]


def child(number=None):
    n = number or next(numbers)
    return Person("Wanjiku%d" % n, "Mwatesti%d" % n, "2016-03-%02d" % (1 + n % 28), birth="2016B%06d" % n, passport="ZC%07d" % n)


def adult(number=None):
    n = number or next(numbers)
    return Person("Baraka%d" % n, "Otesti%d" % n, "1984-05-%02d" % (1 + n % 28), number="1984%06d" % n, passport="ZA%07d" % n)


def record(event, source, inner, registry="ke.civil", version="1", status="registered", date="2026-07-12", jurisdiction="KE",
           registration="", time="", place=""):
    return ('<record xmlns="%s"><sourceRecord><registry>%s</registry><system>csv</system><jurisdiction>%s</jurisdiction><id>%s</id>'
            "<version>%s</version></sourceRecord><eventType>%s</eventType><status>%s</status><event><date><value>%s</value>%s</date>%s"
            "</event>%s%s</record>" % (NAMESPACE, registry, jurisdiction, source, version, event, status, date, time, place, registration,
                                       inner))


def birth(child, mother, father=None, source=None, **more):
    def parent(person, role):
        return person.party(role, role, inner='<relationship to="child"><type>%s</type><basis>biological</basis></relationship>'
                            '<parentalAuthority over="child"><status>joint</status></parentalAuthority>' % role)
    parties = child.party("child", "child") + parent(mother, "mother") + (parent(father, "father") if father else "")
    return record("live_birth", source or "B-" + child.birth, parties, date=child.born,
                  registration="<registration><date><value>%s</value></date><number>%s</number></registration>" % (child.born, child.birth),
                  **more)


def death(person, day="2025-02-01", source=None, extra="", **more):
    return record("death", source or "D-" + person.number,
                  person.party("deceased", "deceased", inner="<dateOfDeath><value>%s</value></dateOfDeath>" % day) + extra, date=day,
                  registration="<registration><date><value>%s</value></date><number>X%s</number></registration>" % (day, person.number),
                  **more)


def crossing(source, travellers, direction="out", consent="not_asked", accompanied="with_other_adult", consent_number=None,
             event="document_check", registry="ke.border", relationship="uncle", **more):
    """travellers: persons; the first is the child, the others go along."""
    first, *others = travellers
    parties = first.party("child", "child" if others or first.birth else "document_holder", document=True, use="presented")
    for n, other in enumerate(others):
        parties += other.party("escort%d" % n, "escort", "companion", document=True, inner='<relationship to="child"><type>%s</type>'
                               "<basis>declared</basis></relationship>" % relationship)
    cited = "<consent><number>%s</number></consent>" % consent_number if consent_number else ""
    block = ("<check><reference>%s</reference><direction>%s</direction><outcome>attempted</outcome><post><id>POST-1</id></post>"
             "<destination><country>TZ</country></destination><groupSize>%d</groupSize><accompanied>%s</accompanied>"
             "<consentPresented>%s</consentPresented>%s</check>"
             % (source, direction, len(travellers), accompanied, consent, cited))
    return record(event, source, parties + block, registry=registry, place="<place><country>KE</country></place>", **more)


def notice(child, number, opened="2026-07-01", risk=False, valid_to=None, **more):
    more.setdefault("registry", "ke.police")
    return record("at_risk_opened" if risk else "missing_child_opened", number,
                  child.party("child", "subject" if risk else "missing_child", "child") +
                  "<notice><number>%s</number><kind>%s</kind><owner>Desk</owner><action>keep_safe</action><openedOn><value>%s</value></openedOn>"
                  "%s</notice>" % (number, "at_risk_abduction" if risk else "missing", opened,
                                   "<validTo><value>%s</value></validTo>" % valid_to if valid_to else ""), date=opened, **more)


def closing(child, number, closed="2026-07-20", **more):
    more.setdefault("registry", "ke.police")
    return record("missing_child_closed", number + "-closed", child.party("child", "missing_child", "child") +
                  "<notice><number>%s</number><kind>missing</kind><owner>Desk</owner><closedOn><value>%s</value></closedOn>"
                  "<closingReason>found_safe</closingReason></notice><relatedRecord><relation>notice</relation><record><id>%s</id>"
                  "</record></relatedRecord>" % (number, closed, number), date=closed, **more)


def consent(child, giver, number, escort=None, revoked=False, valid=("2026-07-01", "2026-08-30"), **more):
    more.setdefault("registry", "ke.border")
    parties = child.party("child", "child") + giver.party(
        "giver", "consent_giver", inner='<relationship to="child"><type>mother</type><basis>legal</basis></relationship>'
        '<parentalAuthority over="child"><status>joint</status></parentalAuthority>')
    if escort:
        parties += escort.party("escort", "escort", inner='<relationship to="child"><type>aunt</type><basis>declared</basis></relationship>')
    inner = ("<number>%s</number><form>notarised</form><authority>Notary 12</authority>" % number +
             ("<revokedOn><value>%s</value></revokedOn>" % valid[0] if revoked else
              "<validFrom><value>%s</value></validFrom><validTo><value>%s</value></validTo><destination>TZ</destination>" % valid))
    return record("travel_consent_revoked" if revoked else "travel_consent_granted", number + ("-R" if revoked else ""),
                  parties + "<travelConsent>%s</travelConsent>" % inner, date=valid[0], **more)


def voiding(source, event, person, **more):
    """A registration of that source id is declared void."""
    return record("registration_voided", "V-" + source, person.party("child", "subject") +
                  "<voiding><reason>duplicate</reason><voidedEventType>%s</voidedEventType></voiding><voids><id>%s</id></voids>"
                  % (event, source), **more)


def several(records):
    return '<records xmlns="%s">%s</records>' % (NAMESPACE, "".join(one.replace(' xmlns="%s"' % NAMESPACE, "") for one in records))
