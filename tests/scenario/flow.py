#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Load, restart and what cannot be processed: checks ahead of bulk, the same after a restart, quarantine."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import people  # noqa: E402
from people import adult, child  # noqa: E402
from world import Registers, World, check, main, until  # noqa: E402


def births(count, start):
    return [people.birth(child(start + n), adult(start + n)) for n in range(count)]


class Backfill(threading.Thread):
    """Submits records as history beside the test."""

    def __init__(self, world, config, *paths):
        super().__init__(daemon=True)
        self.world, self.config, self.paths, self.outcomes, self.failed = world, config, paths, [], None

    def run(self):
        try:
            self.outcomes = self.world.submit(self.config, *self.paths, options=["--backfill"], timeout=600)
        except Exception as error:  # the test reads it
            self.failed = error


def asked_until_complete(world, text):
    """On a machine that is busy with other things detection may need longer than a check waits: then it is asked again."""
    path = world.file("question.xml", text)
    return until(lambda: (lambda one: one if one["complete"] else None)(world.ask(world.border, path)), 20, "a complete answer")


def checks_first():
    """while a backfill fills the window every check is answered complete and stands within the backfill's positions"""
    with Registers() as world:
        world.open(attributes={"intake": {"window": "128"}}, environment={"KINWARD_FAULT": "journal.commit:1+:stall:100"})
        one = child()
        world.put(world.police, people.notice(one, "N-1"))
        backfill = Backfill(world, world.civil, *[world.file("history-%d.xml" % n, people.several(births(500, 10000 + 500 * n)))
                                                  for n in range(9)])
        backfill.start()
        until(lambda: backfill.failed or world.status()["journal"]["entries"] > 150, 60, "the backfill")
        answers = []
        while backfill.is_alive() and len(answers) < 6:
            answer = asked_until_complete(world, people.crossing("C-%d" % len(answers), [one if len(answers) % 2 else child()]))
            answers.append((answer, backfill.is_alive()))
        backfill.join(600)
        check(backfill.failed is None, backfill.failed)
        positions = sorted(one["position"] for one in backfill.outcomes)
        check(len(positions) == 4500 and all(one["outcome"] == "accepted" for one in backfill.outcomes), len(positions))
        check(len(set(positions)) == 4500, "positions are given once")
        during = [answer for answer, alive in answers if alive]
        check(len(during) >= 2, "answers came while it ran: %d" % len(during))
        check([answer["answer"] for answer in during] == ["refer" if n % 2 else "unknown" for n in range(len(during))], during)
        check(all(positions[0] < answer["position"] < positions[-1] for answer in during), (positions[0], positions[-1], during))
        told = world.told()
        check(told and {one[:2] for one in told} == {("M3", "missing-child-met")}, told)
        check(world.hub.stop() == 0, "the hub's end")


def stopped_validator():
    """a validator of bulk that stops in the middle holds up no check; when it is given up, all of its records come through"""
    with Registers() as world:
        world.open()
        one = child()
        world.put(world.police, people.notice(one, "N-1"))
        world.ask_text(world.border, people.crossing("C-0", [one]))  # its child is there
        file = world.file("history.xml", people.several(births(700, 20000)))
        validators = world.hub.children()["validator"]
        for pid in validators:  # both, so that the one for bulk is among them
            os.kill(pid, signal.SIGSTOP)
        backfill = Backfill(world, world.police, file)
        backfill.start()
        until(lambda: world.status()["intake"]["in_flight"] > 0, 30, "bulk in the stopped validator")
        for pid in validators:
            if pid != bulk_validator(world, validators):
                os.kill(pid, signal.SIGCONT)
        began = time.monotonic()
        answer = world.ask_text(world.border, people.crossing("C-1", [one]))
        slow = time.monotonic() - began > 3  # than the patience with a validator
        check(slow or world.status()["intake"]["validator_failures"] == 0, "bulk waits still")
        check(answer["answer"] == "refer" or not answer["complete"], answer)
        backfill.join(600)
        check(backfill.failed is None and [o["outcome"] for o in backfill.outcomes] == ["accepted"] * 700, backfill.failed)
        check(world.status()["intake"]["validator_failures"] >= 1, world.status()["intake"])
        check(world.hub.stop() == 0, "the hub's end")


def bulk_validator(world, pids):
    """The one whose socket has bytes that wait for it: the other has nothing to read."""
    waiting = {}
    for pid in pids:
        inode = re.search(r"\[(\d+)\]", os.readlink("/proc/%d/fd/3" % pid)).group(1)
        found = subprocess.run(["ss", "-xn"], capture_output=True, text=True).stdout
        line = next((line for line in found.splitlines() if re.search(r"\b%s\b" % inode, line.split("*")[1] if "*" in line else "")), "")
        waiting[pid] = int(line.split()[2]) if line else 0
    return max(waiting, key=waiting.get)


def stopped_check():
    """a check whose validator stops holds up no check of another border service, and is answered itself by another validator"""
    with Registers() as world:
        world.open()
        other = world.agent("ke-seaport", "KE", "border")
        for config in (world.border, other):
            world.ask(config, world.file("first.xml", people.crossing("C-" + config.parent.name, [child()])))
        pids = world.hub.children()["validator"]
        check(len(pids) == 2, "each has its own: %s" % pids)
        os.kill(pids[0], signal.SIGSTOP)
        asked = [world.start("check", "--config", config, "--wait", "60", "--json",
                             world.file("q-%d.xml" % number, people.crossing("Q-%d" % number, [child()])))
                 for number, config in enumerate((world.border, other))]
        first = until(lambda: next((one for one in asked if not one.alive()), None), 60, "an answer")
        stuck = asked[1 - asked.index(first)]
        check(stuck.alive() and first.wait() == 0, "the one whose validator runs: %s" % first.err)
        check(stuck.wait(60) == 0, stuck.err)
        until(lambda: world.status()["intake"]["validator_failures"] == 1, 20, "the end of the stopped one")
        check(world.hub.alive() and world.hub.stop() == 0, "the hub's end")


def again_after_restart():
    """after a restart: the same epoch, positions go on, the same batch and check get the same, nothing is told twice"""
    with Registers() as world:
        world.open()
        one, dead = child(), adult()
        notice, death = people.notice(one, "N-1"), people.death(dead, "2026-07-01")
        world.put(world.police, notice)
        world.put(world.civil, death)
        question = world.file("question.xml", people.crossing("C-1", [one]))
        before = world.ask(world.border, question)
        world.ask_text(world.border, people.crossing("C-2", [dead]))
        told, entries, epoch = world.told(), len(world.stored()), world.status()["epoch"]
        check(len(told) == 2, told)
        for turn in range(3):
            check(world.hub.stop() == 0 if turn < 2 else world.hub.kill() is not None, "the hub's end")
            world.start_hub()
            check(world.status()["epoch"] == epoch and len(world.stored()) == entries, world.status())
            check([o["outcome"] for o in world.send(world.police, notice)] == ["duplicate"], "notice")
            check([o["outcome"] for o in world.send(world.civil, death)] == ["duplicate"], "death")
            after = until(lambda: (lambda one: one if one["complete"] else None)(world.ask(world.border, question)), 20, "it again")
            check((after["answer"], after["case"], after["position"]) == (before["answer"], before["case"], before["position"]),
                  (before, after))
            check(after["complete"], after)
            check(world.told() == told, "told twice: %s" % world.told())
            check(len(world.stored()) == entries, world.stored())
        last = world.status()["journal"]["entries"]
        answer = world.ask_text(world.border, people.crossing("C-3", [one]))  # the index was built again
        check(answer["answer"] == "refer" and answer["position"] > last, answer)
        check(world.hub.stop() == 0, "the hub's end")


def kept(world, *words, check=True):
    return world.run("quarantine", *words, "--config", world.hub_config, check=check)


def quarantined_by(fault, world, count=5):
    world.start_hub({"KINWARD_FAULT": "validator.record:3:" + fault})
    civil = world.agent("ke-civil", "KE")
    texts = births(count, 40000)
    outcomes = [one["outcome"] for one in world.send(civil, *texts)]
    wanted = ["accepted"] * count
    wanted[2] = "quarantined"
    check(outcomes == wanted, outcomes)
    listed = world.json("quarantine", "list", "--config", world.hub_config)["quarantine"]
    check(len(listed) == 1 and listed[0]["state"] == "open" and listed[0]["slot"] == 2 and listed[0]["attempts"] == 2, listed)
    shown = kept(world, "show", listed[0]["number"]).stdout
    check("Wanjiku40002" in shown and "<record" in shown, "the body is kept: %s" % shown[:200])
    return civil, texts, str(listed[0]["number"])


def quarantine_crash():
    """a record that kills the validator is tried twice, then kept with its body; the others go through; closing needs a reason"""
    with World() as world:
        world.make_hub()
        civil, texts, number = quarantined_by("kill", world)
        for words in (["close", number], ["close", number, "--reason", ""]):
            check(kept(world, *words, check=False).returncode in (1, 2), words)
        check(kept(world, "show", "99", check=False).returncode == 1, "there is no 99")
        check(world.hub.stop() == 0, "the hub's end")
        world.start_hub()  # without the fault
        kept(world, "retry", number)
        until(lambda: world.status()["journal"]["quarantine_open"] == 0, 15, "the retry")
        settled = world.json("quarantine", "list", "--all", "--config", world.hub_config)["quarantine"][0]
        check(settled["state"] == "retried" and settled["reason"] == "accepted", settled)
        check([one["outcome"] for one in world.send(civil, *texts)] == ["duplicate"] * 5, "all five are there")
        again = kept(world, "retry", number, check=False)
        check("state" in again.stdout + again.stderr, again)
        acts = [act["act"] for act in world.journal_acts(kinds=(6,))]
        check(acts.count("quarantine-shown") == 1 and acts.count("quarantine-retried") == 2, acts)
        check(world.hub.stop() == 0, "the hub's end")


def quarantine_hang():
    """a record over which the validator hangs is given up and kept, and can be closed with a reason that stays on record"""
    with World() as world:
        world.make_hub()
        civil, texts, number = quarantined_by("stall:60000", world)
        kept(world, "retry", number)  # the third of its child, which hangs again; the first of the next one
        until(lambda: world.status()["journal"]["quarantine_open"] == 0, 20, "the retry")
        check(world.status()["intake"]["validator_failures"] == 3, "one batch, however often it was sent: %s" % world.status()["intake"])
        check(kept(world, "close", number, "--reason", "sent again", check=False).returncode == 1, "it is settled already")
        check([one["outcome"] for one in world.send(civil, *texts[:2])] == ["duplicate"] * 2, "duplicates")
        check(world.hub.stop() == 0, "the hub's end")


def quarantine_closed():
    """what is closed stays closed: listed with its reason, not to be retried, in the journal as an act"""
    with World() as world:
        world.make_hub()
        _, _, number = quarantined_by("kill", world, 4)
        kept(world, "close", number, "--reason", "the registry sent it anew")
        settled = world.json("quarantine", "list", "--all", "--config", world.hub_config)["quarantine"][0]
        check(settled["state"] == "closed" and settled["reason"] == "the registry sent it anew", settled)
        check(world.json("quarantine", "list", "--config", world.hub_config)["quarantine"] == [], "open ones")
        check(kept(world, "close", number, "--reason", "twice", check=False).returncode == 1, "twice")
        closed = [act for act in world.journal_acts(kinds=(6,)) if act["act"] == "quarantine-closed"]
        check(len(closed) == 1 and closed[0]["reason"] == "the registry sent it anew", closed)
        check(world.hub.stop() == 0, "the hub's end")


main([checks_first, stopped_validator, stopped_check, again_after_restart, quarantine_crash, quarantine_hang, quarantine_closed])
