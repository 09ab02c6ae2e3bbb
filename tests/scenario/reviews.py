#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hits that wait for a person, and what later versions make of what was told."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import people  # noqa: E402
from people import adult, child  # noqa: E402
from world import Registers, check, main, until  # noqa: E402


def reviewed():
    """released reaches the desk, dismissed does not; both are in the journal and outlive a restart; twice is refused plainly"""
    with Registers() as world:
        world.open('<rule id="M3" state="review"/><rule id="P5" state="off"/>')
        one, two, three = child(), child(), child()
        for number, person in enumerate((one, two, three)):
            world.put(world.police, people.notice(person, "N-%d" % number))
            check(world.asked(people.crossing("C-%d" % number, [person])) == "refer", "refer while it waits")
        hits = world.waiting()
        check(len(hits) == 3 and world.told() == [], hits)
        shown = world.run("review", "show", hits[0]["alert"], "--config", world.hub_config).stdout
        check("notice" in shown.lower() and len(shown) > 200, shown)
        world.decide("release", hits[0])
        again = world.decide("release", hits[0], check=False)
        check(again.returncode == 1 and "does not wait for a review" in again.stderr and "(state)" in again.stderr, again)
        world.decide("dismiss", hits[1])
        again = world.decide("release", hits[1], check=False)
        check(again.returncode == 1 and "(state)" in again.stderr, again)
        strange = world.decide("release", {"alert": "00" * 16, "revision": 1}, check=False)
        check(strange.returncode == 1 and "(not-found)" in strange.stderr, strange)
        nameless = world.run("review", "release", hits[2]["alert"], "--by", "", "--reason", "", "--config", world.hub_config, check=False)
        check(nameless.returncode != 0, "a decision has somebody and a reason: %s" % nameless)
        check(len(world.told()) == 1 and len(world.waiting()) == 1, world.told())
        check(world.hub.stop() == 0, "the hub's end")
        world.start_hub()
        check(len(world.told()) == 1 and world.waiting() == [hits[2]], world.waiting())
        acts = [act for act in world.journal_acts(kinds=(3,))]
        check(sorted(act["decision"] for act in acts) == ["dismiss", "release"], acts)
        check(all(act["by"] == "staff-7" and act["reason"] == "looked at" for act in acts), acts)
        check(world.decide("dismiss", hits[0], check=False).returncode == 1, "after the restart")
        check(world.hub.stop() == 0, "the hub's end")


def decided_twice():
    """two decisions on one hit while detection is held up: the second is refused all the same"""
    with Registers() as world:
        world.open('<rule id="M3" state="review"/><rule id="P5" state="off"/>')
        one = child()
        world.put(world.police, people.notice(one, "N-1"))
        world.asked(people.crossing("C-1", [one]))
        hit = world.waiting()[0]
        check(world.hub.stop() == 0, "the hub's end")
        world.start_hub({"KINWARD_FAULT": "detect.commit:1+:stall:1000"})
        world.decide("dismiss", hit)
        again = world.decide("release", hit, check=False)
        check(again.returncode == 1 and "(state)" in again.stderr, again)
        check(world.told() == [] and len(world.journal_acts(kinds=(3,))) == 1, world.told())
        check(world.hub.stop() == 0, "the hub's end")


def corrected():
    """a corrected death, a voided registration, a closed notice, a voided check: what was told is withdrawn, what changed updated"""
    with Registers() as world:
        world.open('<rule id="P5" state="off"/>')
        dead, one, two, other = adult(), child(), child(), adult()
        world.put(world.civil, people.death(dead, "2026-07-01"), people.death(other, "2026-07-01"))
        world.put(world.police, people.notice(one, "N-1"), people.notice(two, "N-2"))
        for number, person in enumerate((dead, one, two, other)):
            check(world.asked(people.crossing("C-%d" % number, [person])) == "refer", number)
        told = world.letters(world.desk)
        check(len(told) == 4 and {one["type"] for one in told} == {"alert"}, told)

        def after(count, kind, alert, what):
            until(lambda: len(world.letters(world.desk)) == count, 15, what)
            last = world.letters(world.desk)[-1]
            check((last["type"], last["alert"], last["revision"]) == (kind, alert["alert"], 2), (what, last))

        world.put(world.civil, people.death(dead, "2026-07-05", version="2"))  # another day: still after death
        after(5, "update", told[0], "the corrected day")
        world.put(world.police, people.closing(one, "N-1", "2026-07-11"))
        after(6, "cancel", told[1], "the notice that was closed before the check")
        world.put(world.civil, people.voiding("D-" + other.number, "death", other))
        after(7, "cancel", told[3], "the death that never was")
        world.put(world.border, people.crossing("C-2", [two], version="2", status="voided"))
        after(8, "cancel", told[2], "the check that was an error")
        world.put(world.civil, people.death(dead, "2026-07-12", version="3"))  # he lived on the day of the check
        until(lambda: len(world.letters(world.desk)) == 9, 15, "the second correction")
        last = world.letters(world.desk)[-1]
        check((last["type"], last["alert"], last["revision"]) == ("cancel", told[0]["alert"], 3), last)
        check(all(one["state"] in ("cancelled", "superseded") for one in world.letters(world.desk)), world.letters(world.desk))
        check(world.hub.stop() == 0, "the hub's end")


main([reviewed, decided_twice, corrected])
