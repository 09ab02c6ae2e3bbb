#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fills the disk of a hub and of its agents under load: refusals are retryable, the feed is served, space heals, nothing is lost.

Mounts small tmpfs file systems: as root, or in a namespace of its own (unshare -rm). Where neither is allowed it skips.
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import history  # noqa: E402
from load import Failure, Load, until  # noqa: E402

KIB = 1024
LEFT = (0, 40 * KIB, 200 * KIB, 600 * KIB, 1500 * KIB)  # what a full disk still has, in turn: another database meets the end first


def may_mount():
    """Here, or after starting again in a namespace; None where neither is allowed."""
    with_mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "kinward-fault"]
    place = subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip()
    try:
        if subprocess.run([*with_mount, place], capture_output=True).returncode == 0:
            subprocess.run(["umount", place], check=True)
            return True
        inside = subprocess.run(["unshare", "-rm", *with_mount, place], capture_output=True)
        return False if inside.returncode == 0 else None
    finally:
        os.rmdir(place)


def fill(folder, left):
    """A file that takes all space but so many bytes."""
    path = folder / "ballast-of-the-test"
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 64 * KIB, 4 * KIB):
            try:
                while shutil.disk_usage(folder).free >= left + size:
                    file.write(bytes(size))
            except OSError:
                pass
    return path


def fill_more(folder, left, done):
    """Some seconds for the load to fill what is left; then what it should leave next time, None when there was nothing left."""
    end = time.monotonic() + (30 if left == 0 else 3)
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
    if done() or left == 0:
        return None
    left = left // 2 if left > 8 * KIB else 0
    fill(folder, left)
    return left


def refused(load):
    return {name: sender.codes["read-only"] for name, sender in load.senders.items()}


def hub_round(load, left):
    """The hub's disk is full, then not; the lines of what was wrong."""
    before, wrong = refused(load), []
    codes = {name: sum(sender.codes.values()) for name, sender in load.senders.items()}
    data, progress = load.path("hub.ke/data"), load.progress()
    path = fill(data, left)
    try:
        while refused(load)["ke-civil"] == before["ke-civil"] and left is not None:
            left = fill_more(data, left, lambda: refused(load)["ke-civil"] > before["ke-civil"])
        if refused(load)["ke-civil"] == before["ke-civil"]:
            raise Failure("no refusal with read-only on a full disk; %d receipts since, %s, %s"
                          % (load.progress() - progress, load.status(), load.hub.err[-8:]))
        until(lambda: sum(load.senders["ke-border"].codes.values()) > codes["ke-border"], 60, "a refusal of the border post")
        fresh = load.path("fetched-%d" % time.monotonic_ns())
        shutil.copytree(load.path("desk-ke"), fresh, ignore=shutil.ignore_patterns("inbox"))
        there = load.outbox()
        got = load.run("feed", "fetch", "--config", fresh / "agency.xml", "--json", check=False,
                       environment={"KINWARD_SILENCE_MS": "15000"})
        count = len(got.stdout.splitlines())
        # exit 5: all items came, and the hub has no space to note that they did
        if got.returncode not in (0, 5) or count < there:
            wrong.append("feed while full: exit %d, %d of %d: %s" % (got.returncode, count, there, got.stderr[-300:]))
        if not load.hub.alive():
            wrong.append("the hub ended with %s: %s" % (load.hub.process.poll(), load.hub.err[-4:]))
        if load.run("status", "--config", load.hub_config, check=False).returncode != 0:
            wrong.append("no status while full")
    finally:
        path.unlink()
    done = {name: len(sender.finished) for name, sender in load.senders.items()}
    for name, sender in load.senders.items():
        until(lambda name=name, sender=sender: len(sender.finished) > done[name] + 2, 60, "receipts for %s, with space" % name)
    return wrong


def agent_round(load, name, left):
    """The disk under an agent's spool is full: its connector waits."""
    agent = load.agents[name]
    seen = sum("spool.full" in line for line in agent.err)
    path = fill(load.path(name, "spool"), left)
    try:
        until(lambda: sum("spool.full" in line for line in agent.err) > seen, 60, "a full spool")
        time.sleep(1)  # some time in that state, with files and webhooks coming
    finally:
        path.unlink()
    before = load.receipted(name)
    until(lambda: load.receipted(name) > before, 60, "receipts for %s after there was space" % name)
    return [] if agent.alive() else ["the agent %s ended: %s" % (name, agent.err[-4:])]


def world(options, mounts, rounds):
    wrong, done = [], 0
    with Load(options.seed, pace=options.pace, mounts=mounts) as load:
        load.begin()
        until(lambda: load.outbox() > 3, 60, "alerts")
        for one in rounds:
            wrong += one(load)
            done += 1
        load.settle()
        found = wrong + history.check(load.collect())
        codes = {name: dict(sender.codes) for name, sender in load.senders.items()}
        events = collections.Counter(line.split()[2] for line in load.hub.err if "read-only" in line or ".full" in line)
    return {"rounds": done, **history.counts(load.history)}, found, {**codes, "log": dict(events)}


def hub_disk(options):
    rounds = [lambda load, left=LEFT[n % len(LEFT)]: hub_round(load, left) for n in range(options.rounds)]
    return world(options, [("hub.ke/data", 64)], rounds)


def agent_disk(options):
    names = ("ke-post", "ke-crvs")
    rounds = [lambda load, n=n: agent_round(load, names[n % 2], LEFT[n % 2]) for n in range(options.rounds)]
    return world(options, [("ke-post/spool", 40), ("ke-crvs/spool", 40)], rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="full and healed, of each kind")
    parser.add_argument("--seed", type=int, default=random.randrange(10 ** 6))
    parser.add_argument("--only", choices=("hub", "agent"))
    parser.add_argument("--pace", type=float, default=2.0, help="pauses of the load, as a multiple of the shortest")
    parser.add_argument("--tap", action="store_true", help="as a test program")
    options = parser.parse_args()
    kinds = [(name, test) for name, test in (("hub", hub_disk), ("agent", agent_disk)) if options.only in (None, name)]
    here = may_mount()
    if here is False:
        os.execvp("unshare", ["unshare", "-rm", sys.executable, *sys.argv])
    if here is None:
        print("1..0 # SKIP no tmpfs may be mounted here, not even in a namespace" if options.tap else "disk: skipped, no mount")
        return
    comment, total = "# " if options.tap else "", 0
    names = ("disk", "rounds") + history.COLUMNS
    print(("1..%d\n" % len(kinds) if options.tap else "") + comment + " ".join("%10s" % name for name in names), flush=True)
    for number, (name, test) in enumerate(kinds, 1):
        try:
            line, found, codes = test(options)
            print(comment + " ".join("%10s" % {"disk": name, **line}[column] for column in names))
            print("%s%s: refused and repeated: %s" % (comment, name, codes))
        except Exception as error:  # the other kind is tried all the same
            found = ["%s: %s" % (type(error).__name__, error)]
        total += len(found)
        for text in found[:30]:
            print("%s%s: %s" % (comment, name, text.replace("\n", "\n# ")))
        if options.tap:
            print("%sok %d - a full disk of the %s: nothing is lost" % ("not " if found else "", number, name), flush=True)
    print("%sdisk: %d kinds, %d violations" % (comment, len(kinds), total))
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
