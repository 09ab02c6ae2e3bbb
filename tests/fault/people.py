# SPDX-License-Identifier: Apache-2.0
# people.py - invented children and adults, each with names and numbers of their own, and canonical records about them.
import itertools
import threading

REGISTRY = {"civil": "ke.civil", "border": "ke.border", "post": "ke.post", "crvs": "ke.crvs"}
HEADER = ("record_id,version,event,at,number,kind,owner,opened_on,place_country,direction,outcome,child_given,child_family,child_sex,"
          "child_birth_date,child_document_type,child_document_number,child_document_country,escort_full_name,escort_national_id,"
          "escort_national_id_country\n")


def word(number):
    """A name that no other number has."""
    text = ""
    for _ in range(6):
        number, digit = divmod(number, 20)
        text += "bcdfghjklmnprstvwxyz"[digit] + "aeiou"[digit % 5]
    return text.capitalize()


class Numbers:
    def __init__(self):
        self.counter, self.lock = itertools.count(1), threading.Lock()

    def next(self):
        with self.lock:
            return next(self.counter)


def born(number):
    return "20%02d-%02d-%02d" % (12 + number % 10, 1 + number % 12, 1 + number % 28)


def record(registry, identity, event, day, inner, moment=""):
    body = ('<record xmlns="urn:kinward:record:1"><sourceRecord><registry>%s</registry><system>csv</system><jurisdiction>KE</jurisdiction>'
            '<id>%s</id><version>1</version></sourceRecord><eventType>%s</eventType><status>registered</status><event><date>'
            '<value>%s</value>%s</date>%s</event>%s</record>'
            % (registry, identity, event, day, moment, "<place><country>KE</country></place>" if event == "document_check" else "", inner))
    return (registry, identity, "1"), body.encode()


def child(number, roles):
    return ('<party id="child">%s<name><givenName>%s</givenName><familyName>%s</familyName></name><identifier><type>passport</type><value>'
            'ZZ%07d</value><issuingCountry>KE</issuingCountry></identifier><sex>female</sex><dateOfBirth><value>%s</value></dateOfBirth>'
            '</party>' % ("".join("<role>%s</role>" % role for role in roles), word(number), word(number + 7000000), number, born(number)))


def birth(number):
    inner = ('<party id="child"><role>child</role><name><givenName>%s</givenName><familyName>%s</familyName></name><sex>male</sex>'
             '<dateOfBirth><value>%s</value></dateOfBirth></party>' % (word(number), word(number + 7000000), born(number)))
    return record(REGISTRY["civil"], "B-%d" % number, "live_birth", born(number), inner)


def notice(number):
    inner = child(number, ["missing_child", "child"]) + (
        '<notice><number>MC-%d</number><kind>missing</kind><owner>Desk</owner><action>keep_safe</action><openedOn><value>2026-07-09</value>'
        '</openedOn></notice>' % number)
    return record(REGISTRY["border"], "MC-%d" % number, "missing_child_opened", "2026-07-09", inner)


def check(number, dead=None):
    """A check of that child; dead: national id of the man who goes with it."""
    escort = "" if dead is None else (
        '<party id="escort"><role>escort</role><identifier><type>national_id</type><value>%s</value><issuingCountry>KE</issuingCountry>'
        '</identifier></party>' % dead)
    inner = child(number, ["child"]) + escort + "<check><direction>out</direction><outcome>attempted</outcome></check>"
    return record(REGISTRY["border"], "CHK-%d" % number, "document_check", "2026-07-12", inner,
                  "<time>14:05:10</time><offset>+03:00</offset>")


def rows(number, dead=None):
    """Two rows of a border post's file: the notice, and the check that meets it."""
    person = "%s,%s,F,%s,passport,ZZ%07d,KE" % (word(number), word(number + 7000000), born(number), number)
    man = ",%s,KE" % dead if dead else ",,"
    return ["N-%d,1,missing_child_opened,2026-07-09,N-%d,missing,desk,2026-07-09,,,,%s,,,\n" % (number, number, person),
            "C-%d,1,document_check,2026-07-12T14:05:10+03:00,C-%d,,,,KE,out,attempted,%s,%s\n" % (number, number, person, man)]


def dead_man(number):
    return {"given": word(number), "family": word(number + 7000000), "birthDate": "19%02d-%02d-%02d" % (40 + number % 40, 1 + number % 12,
            1 + number % 28), "gender": "male", "nationalId": "%010d" % (5 * 10 ** 9 + number)}
