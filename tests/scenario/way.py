#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The way of a record: two registries, a check at a border, the answer, the proof, the audit."""
import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from world import SOURCE, World, check, main, until  # noqa: E402

VALID = SOURCE / "schemas/examples/valid"


def refer():
    """a missing child is checked at a border: refer, with a case; record, check and alert are in the cosigned log"""
    with World() as world:
        world.make_hub(witnesses=2)
        world.start_hub()
        civil = world.agent("ke-civil", "KE")
        border = world.agent("ke-border", "KE", "registry", "border")
        world.agency("desk-ke", "KE")
        check([one["outcome"] for one in world.submit(civil, VALID / "live-birth.xml", VALID / "death.xml")] == ["accepted"] * 2, "births")
        check(world.submit(border, VALID / "missing-child-opened.xml")[0]["outcome"] == "accepted", "notice")
        answer = world.ask(border, VALID / "document-check.xml")
        check(answer["answer"] == "refer" and len(answer["case"]) == 32 and answer["complete"], answer)
        status = until(lambda: (lambda s: s if s["alerts"] == 1 and s["released"] == s["sealed"] else None)(world.status()["ledger"]), 15, "the log")
        check([one["state"] for one in status["witnesses"]] == ["good", "good"], status)
        audit = world.run("ledger", "audit", world.path("hub.ke/data/log"), "--policy", world.path("hub.ke/policy"))
        check(audit.returncode == 0, audit.stdout)
        check(world.hub.stop() == 0, "the hub's end: " + "\n".join(world.hub.err))


def ticks():
    """each start puts a clock tick into the journal, detection passes it, and the log has it"""
    with World() as world:
        world.make_hub()
        for starts in (1, 2):
            world.start_hub()
            until(lambda: world.status()["journal"]["entries"] >= starts, 20, "the tick")
            told = world.settled()
            found = [json.loads(text) for _, text in world.journal(kinds=(7,))]
            check(len(found) == starts and [one["at"] for one in found] == sorted(one["at"] for one in found), found)
            check(found[-1]["at"] >= told["started"][:10], (found, told))
            covered = until(lambda: (lambda log: log if log["entries"] >= told["journal"]["entries"] else None)(world.status()["ledger"]),
                            20, "the log")
            check(covered["alerts"] == 0, covered)
            check(world.hub.stop() == 0, "the hub's end: " + "\n".join(world.hub.err))


main([refer, ticks])
