#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills one kind of process again and again under load, at random moments and inside its commits, then checks the whole history.

Prints a line of counts for each target. Exit code 0 only when nothing was lost, doubled or invented.
"""
import argparse
import os
import pathlib
import random
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import history  # noqa: E402
from load import Failure, Load, until  # noqa: E402

# Fault points that kill a process inside what it must not do by halves; the number of the pass is random.
POINTS = {
    "hub": ["journal.append", "journal.commit", "store.commit", "store.committed", "detect.commit", "intake.append", "ledger.seal",
            "ledger.signed", "ledger.published", "ledger.release", "ledger.released", "ledger.tile"],
    "agent": ["agent.document", "agent.commit", "agent.committed", "agent.mapped", "agent.sent", "agent.receipt", "store.commit",
              "store.committed"],
    "witness": ["signer.store", "signer.stored"],
    "agency": ["store.commit", "store.committed"],
}
TARGETS = ("hub", "agent", "connector", "mapper", "validator", "signer", "ledger-web", "witness", "agency")
PARENT = {"connector": "agent", "mapper": "agent", "validator": "hub", "signer": "hub", "ledger-web": "hub"}
HANGS = ("mapper", "validator", "signer", "connector")
REFRESH = 5      # kills of a child after which its parent is started anew: the wait before its next start doubles with each failure
HANG = 8.0       # seconds that a child stands still, unless it is given up before
OWN_END = 4.0    # seconds in which a process has to reach its fault point, before it is killed as it stands


class Subject:
    """A process that is killed and started again; armed: it has a fault point and is about to die by itself."""

    def __init__(self, get, start):
        self.get, self.start, self.armed = get, start, False

    def restart(self, environment):
        self.armed = bool(environment)
        self.start(environment)


def subjects(load, kind):
    def witness(name):
        return Subject(lambda: load.witnesses[name], lambda more: load.restart_witness(name, more))

    def agent(name):
        return Subject(lambda: load.agents[name], lambda more: load.start_agent(name, environment=more, wait=not more))
    return {"hub": [Subject(lambda: load.hub, lambda more: load.start_hub(environment=more, wait=not more))],
            "agent": [agent(name) for name in load.agents],
            "witness": [witness(name) for name in load.witnesses],
            "agency": [Subject(lambda: load.follow, load.start_follow)]}[kind]


class Run:
    def __init__(self, target, load, choose):
        self.target, self.load, self.choose = target, load, choose
        self.kills = self.inside = self.hangs = 0
        self.subjects = subjects(load, PARENT.get(target, target))
        self.deaths = []  # processes that ended by themselves

    def moved(self, seconds=1.0):
        """Load has gone on since; no later than that: a dead agent or agency is no reason to wait for ever."""
        before, end = self.load.progress(), time.monotonic() + seconds
        while self.load.progress() <= before and time.monotonic() < end:
            time.sleep(0.02)

    # ---- whole processes ------------------------------------------------------------------------

    def await_own_end(self, process):
        end = time.monotonic() + OWN_END
        while process.alive() and time.monotonic() < end:
            time.sleep(0.01)
        self.inside += not process.alive()

    def await_moment(self, process):
        """Some time under load, or, now and then, none: the start is a moment, too."""
        if self.choose.random() < 0.8:
            self.moved()
            time.sleep(self.choose.random() * 0.3)
        else:
            time.sleep(self.choose.random() * 0.1)
        if not process.alive():
            self.died(process)

    def died(self, process):
        self.deaths.append("%s ended by itself with %s: %s" % (process.name, process.process.poll(), " / ".join(process.err[-4:])))

    def kill_process(self):
        subject = self.subjects[self.kills % len(self.subjects)]
        process = subject.get()
        # a witness stores in its signer child, which dies at the fault point; the witness itself lives on
        (self.await_own_end if subject.armed and self.target != "witness" else self.await_moment)(process)
        process.kill()
        self.kills += 1
        points = POINTS[self.target]
        armed = self.choose.random() < 0.5
        subject.restart({"KINWARD_FAULT": "%s:%d:kill" % (self.choose.choice(points), self.choose.randint(1, 12))} if armed else {})

    # ---- children --------------------------------------------------------------------------------

    def child(self):
        """Process id of a child of this kind, as soon as there is one."""
        subject = self.subjects[self.kills % len(self.subjects)]
        return until(lambda: subject.get().children().get(self.target), 30, "a %s" % self.target)[0]

    def kill_child(self):
        if self.kills % REFRESH == REFRESH - 1:
            for subject in self.subjects:
                if subject.get().stop() != 0:
                    self.died(subject.get())
                subject.restart({})
        pid = self.child()
        self.moved()
        time.sleep(self.choose.random() * 0.2)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills += 1

    def hang_child(self):
        """A child that stands still is given up by its parent, or goes on when it is let."""
        pid = self.child()
        try:
            os.kill(pid, signal.SIGSTOP)
            end = time.monotonic() + HANG
            while time.monotonic() < end and os.path.exists("/proc/%d" % pid):
                time.sleep(0.05)
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
        self.hangs += 1

    # ---- all of it -----------------------------------------------------------------------------------

    def run(self, kills, hangs):
        self.moved(10)
        while self.kills < kills:
            (self.kill_child if self.target in PARENT else self.kill_process)()
        while self.target in HANGS and self.hangs < hangs:
            self.hang_child()
        for subject in self.subjects:
            process = subject.get()
            if subject.armed or not process.alive():
                process.kill()
                subject.restart({})
        others = [self.load.hub, self.load.follow, *self.load.agents.values(), *self.load.witnesses.values()]
        for process in others:
            if not process.alive():
                self.died(process)


def one_world(targets, options):
    """Kills these, one kind after the other, in one world; the line of the table, and the violations."""
    choose = random.Random("%d %s" % (options.seed, targets))
    with Load(options.seed, pace=options.pace) as load:
        load.begin()
        runs = [Run(target, load, choose) for target in targets]
        for run in runs:
            run.run(options.kills, options.hangs)
        load.settle()
        found = history.check(load.collect())
        total = {name: sum(getattr(run, name) for run in runs) for name in ("kills", "inside", "hangs")}
        name = "+".join(targets) if len(targets) < 3 else "all %d" % len(targets)
        line = {"target": name, **total, **history.counts(load.history)}
        found += [death for run in runs for death in run.deaths]
        if total["kills"] < options.kills * len(targets):
            found.append("only %d kills" % total["kills"])
        return line, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="of each target")
    parser.add_argument("--hangs", type=int, default=3, help="of the children that may hang")
    parser.add_argument("--seed", type=int, default=random.randrange(10 ** 6), help="of the moments; printed")
    parser.add_argument("--only", action="append", choices=TARGETS, help="this target; may be repeated")
    parser.add_argument("--pace", type=float, default=4.0, help="pauses of the load, as a multiple of the shortest")
    parser.add_argument("--together", action="store_true", help="all in one world, and one check at its end")
    parser.add_argument("--tap", action="store_true", help="as a test program")
    options = parser.parse_args()
    targets = options.only or list(TARGETS)
    worlds = [targets] if options.together else [[target] for target in targets]
    names = ("target", "kills", "inside", "hangs") + history.COLUMNS
    comment = "# " if options.tap else ""
    print(("1..%d\n" % len(worlds) if options.tap else "") + "%sseed %d" % (comment, options.seed))
    print(comment + " ".join("%10s" % name for name in names), flush=True)
    total = 0
    for number, world in enumerate(worlds, 1):
        try:
            line, found = one_world(world, options)
            print(comment + " ".join("%10s" % line[name] for name in names), flush=True)
        except Exception as error:  # the other targets are tried all the same
            found = ["%s: %s" % (type(error).__name__, error)]
        total += len(found)
        for text in found[:30]:
            print("%s%s: %s" % (comment, world[0], text.replace("\n", "\n# ")))
        if options.tap:
            print("%sok %d - %s, killed %d times each: nothing is lost"
                  % ("not " if found else "", number, ", ".join(world), options.kills), flush=True)
    print("%skill: %d targets, %d violations" % (comment, len(targets), total))
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
