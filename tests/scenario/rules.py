#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the rules make of records on their way through a hub: alerts, silence, reviews, updates, withdrawals."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import people  # noqa: E402
from people import adult, child  # noqa: E402
from world import Registers, check, main, until  # noqa: E402


LIVE_P5_ONLY = '<rule id="*" state="off"/><rule id="P5" state="live"/>'


def after_death():
    """D5: a paper used after its holder's registered death is told at once; the margin, an estate copy and a namesake are not"""
    with Registers() as world:
        world.open()
        dead, alive, namesake = adult(), adult(), adult()
        world.put(world.civil, people.death(dead, "2026-07-01"), people.death(namesake, "2026-07-01"))
        check(world.asked(people.crossing("C-1", [dead])) == "refer", "used after death")
        check(world.asked(people.crossing("C-2", [alive])) != "refer", "alive")
        check(world.asked(people.crossing("C-3", [dead], date="2026-07-02")) != "refer", "within the margin of a day")
        check(world.told() == [("D5", "document-used-after-death", "alert")], world.told())
        other = people.Person(namesake.given, namesake.family, "1950-01-01", number="1950999999", passport="ZN0000001")
        check(world.asked(people.crossing("C-4", [other])) != "refer", "a namesake of another age")
        estate = people.record("document_issued", "DOC-9", dead.party("holder", "document_holder", document=True) +
                               "<documentEvent><purpose>estate</purpose></documentEvent>", registry="ke.passports", date="2026-07-10")
        issued = estate.replace("<documentEvent><purpose>estate</purpose></documentEvent>", "").replace("DOC-9", "DOC-10")
        world.put(world.border, estate)
        check(len(world.told()) == 1, "a copy for the estate: %s" % world.told())
        world.put(world.border, issued)
        check(world.told()[1:] == [("D5", "document-issued-after-death", "update")], "the same dead person, the same alert: %s" % world.told())
        check(world.hub.stop() == 0, "the hub's end")


def leaving():
    """P5: a child leaves with a stranger against the consent on file: told; with its mother, or a good consent: not"""
    with Registers() as world:
        world.open(LIVE_P5_ONLY)
        one, two, mother, stranger, aunt = child(), child(), adult(), adult(), adult()
        world.put(world.civil, people.birth(one, mother), people.birth(two, mother))
        world.put(world.border, people.consent(one, mother, "T-1", aunt), people.consent(two, mother, "T-2", aunt),
                  people.consent(two, mother, "T-2", revoked=True))
        check(world.asked(people.crossing("C-1", [one, mother], consent="not_asked", relationship="mother")) != "refer", "mother")
        check(world.asked(people.crossing("C-2", [one, aunt], consent="yes", consent_number="T-1", relationship="aunt")) != "refer",
              "with a consent")
        check(world.asked(people.crossing("C-3", [one, stranger], direction="in", consent="no")) != "refer", "enters")
        check(world.told() == [], world.told())
        check(world.asked(people.crossing("C-5", [two, aunt], consent="yes", consent_number="T-2", relationship="aunt")) == "refer",
              "revoked")
        told = world.told()
        check([one[:2] for one in told] == [("P5", "consent-revoked")], told)
        check(world.asked(people.crossing("C-6", [one, stranger], consent="yes", consent_number="T-1")) == "refer", "other escort")
        check(world.hub.stop() == 0, "the hub's end")


def missing():
    """M3: a notice met, before and after it came, is told; one that is closed, one of another child, a risk on entry: not"""
    with Registers() as world:
        world.open('<rule id="*" state="off"/><rule id="M3" state="live"/>')
        one, two, three, four = child(), child(), child(), child()
        world.put(world.police, people.notice(one, "N-1"), people.notice(two, "N-2"), people.closing(two, "N-2", "2026-07-05"),
                  people.notice(three, "N-3", risk=True))
        check(world.asked(people.crossing("C-1", [one])) == "refer", "open")
        check(world.asked(people.crossing("C-2", [two])) != "refer", "closed")
        check(world.asked(people.crossing("C-3", [three], direction="in")) != "refer", "a risk of removal, on entry")
        check(world.asked(people.crossing("C-4", [four])) == "unknown", "nobody's")
        check(world.told() == [("M3", "missing-child-met", "alert")], world.told())
        check(world.asked(people.crossing("C-5", [three])) == "refer", "at risk, leaving")
        world.put(world.police, people.notice(four, "N-4"))  # the child went through before anybody missed it
        until(lambda: len(world.told()) == 3, 15, "a late alert")
        check(sorted(one[1] for one in world.told()) == ["at-risk-child-met", "missing-child-met", "missing-child-met"], world.told())
        check(world.hub.stop() == 0, "the hub's end")


def border_csv(one, number):
    return ("record_id,version,event,at,number,direction,outcome,post_id,child_given,child_family,child_birth_date,child_document_type,"
            "child_document_number,child_document_country\r\n"
            "%s,1,document_check,2026-07-12T14:05:10+03:00,%s,out,attempted,P-1,%s,%s,%s,passport,%s,KE\r\n"
            % (number, number, one.given, one.family, one.born, one.passport)).encode()


def by_csv():
    """M3 and D5 by way of a border service's CSV folder: notice and checks as rows, alerts at the desk"""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "mocks"))
    import folder
    with Registers() as world:
        world.open()
        one, two, dead = child(), child(), adult()
        watched = world.path("out")
        watched.mkdir()
        world.put(world.civil, people.death(dead, "2026-07-01"))
        config = world.configure_agent("ke-border", '<connector name="border" plugin="csv" registry="ke.border"><option name="folder" '
                                       'value="%s"/><option name="poll" value="100ms"/></connector>' % watched)
        agent = world.start("connector", "run", "--config", config)
        notice = ("record_id,event,at,number,kind,owner,opened_on,child_given,child_family,child_birth_date,child_document_type,"
                  "child_document_number,child_document_country\r\nN-9,missing_child_opened,2026-07-09,N-9,missing,Desk,2026-07-09,"
                  "%s,%s,%s,passport,%s,KE\r\n" % (one.given, one.family, one.born, one.passport)).encode()
        for sequence, (name, data) in enumerate([("a", notice), ("b", border_csv(one, "C-1")), ("c", border_csv(two, "C-2")),
                                                 ("d", border_csv(dead, "C-3"))], 1):
            folder.put(watched, name, sequence, data, 1)
        until(lambda: world.status()["intake"]["outcomes"].get("accepted") == 5, 30, "four rows")
        until(lambda: len(world.told()) == 2, 15, "two alerts")
        check(sorted(one[:2] for one in world.told()) == [("D5", "document-used-after-death"), ("M3", "missing-child-met")], world.told())
        check(agent.stop() == 0, agent.err)
        check(world.hub.stop() == 0, "the hub's end")


def history():
    """a backfill never tells a live desk: its hits wait for review; the same things live are told"""
    with Registers() as world:
        world.open()
        one, two, dead = child(), child(), adult()
        old = [people.notice(one, "N-1"), people.crossing("C-1", [one]), people.death(dead, "2026-07-01"),
               people.crossing("C-2", [dead])]
        outcomes = [outcome["outcome"] for outcome in world.send(world.border, *old, options=["--backfill"])]
        check(outcomes == ["accepted"] * 4, outcomes)
        waiting = world.waiting()
        check(sorted(one["rule"] for one in waiting) == ["D5", "M3"] and all(one["backfill"] for one in waiting), waiting)
        check(world.told() == [], world.told())
        world.put(world.police, people.notice(two, "N-2"))
        world.put(world.border, people.crossing("C-3", [two]))
        check(world.told() == [("M3", "missing-child-met", "alert")], world.told())
        check(world.asked(people.crossing("C-4", [one])) == "refer", "a check now, against a notice of the backfill")
        check(len(world.told()) == 2, world.told())
        check(world.hub.stop() == 0, "the hub's end")


def unregistered():
    """what a registry has not registered proves nothing in tier A: it waits for a person; a voided or draft one says nothing"""
    with Registers() as world:
        world.open()
        declared, waiting, draft, one = adult(), adult(), adult(), child()
        world.put(world.civil, people.death(declared, "2026-07-01", status="declared"),
                  people.death(waiting, "2026-07-01", status="validated"), people.death(draft, "2026-07-01", status="draft"))
        for number, person in enumerate((declared, waiting, draft)):
            world.asked(people.crossing("C-%d" % number, [person]))
        hits = world.waiting()
        check([one["rule"] for one in hits] == ["D5", "D5"], hits)
        check(world.told() == [], world.told())
        world.put(world.police, people.notice(one, "N-1", status="declared"))
        world.asked(people.crossing("C-9", [one]))
        check([one["rule"] for one in world.waiting()].count("M3") == 1 and world.told() == [], world.waiting())
        registered = people.death(declared, "2026-07-01", version="2")
        world.put(world.civil, registered)  # the later version proves what the first one only declared
        until(lambda: world.told(), 15, "the alert")
        check(world.told() == [("D5", "document-used-after-death", "alert")], world.told())
        check(world.hub.stop() == 0, "the hub's end")


def states():
    """off, shadow, review and live, for each registry by itself"""
    with Registers() as world:
        world.open('<rule id="*" state="off"/><rule id="M3" state="shadow"/><rule id="M3" registry="ke.border-review" state="review"/>'
                   '<rule id="M3" registry="ke.border-live" state="live"/><rule id="M3" registry="ke.border-off" state="off"/>')
        children = {}
        for number, state in enumerate(("off", "shadow", "review", "live"), 1):
            children[state] = one = child()
            world.put(world.police, people.notice(one, "N-%d" % number))
            answer = world.asked(people.crossing("C-%d" % number, [one], registry="ke.border-" + state))
            check((answer == "refer") == (state in ("review", "live")), (state, answer))
        check([one["registry"] for one in world.waiting()] == ["ke.border-review"], world.waiting())
        check(world.told() == [("M3", "missing-child-met", "alert")], world.told())
        check(world.status()["detect"]["hits"] == 3, "a shadow hit is counted: %s" % world.status()["detect"])
        check(world.hub.stop() == 0, "the hub's end")


main([after_death, leaving, missing, by_csv, history, unregistered, states])
