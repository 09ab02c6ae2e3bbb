#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent is killed at each of its fault points and at random moments: nothing spooled is lost, nothing has a second effect."""
import os
import pathlib
import random
import re
import signal
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lib import Agent, check, main, outcomes, records  # noqa: E402

POINTS = ["agent.commit", "agent.committed", "agent.mapped", "agent.sent", "agent.receipt"]
AT_POINTS = 20
AT_RANDOM = 30


def spooled(agent):
    """The ids of the records that are durable in the spool: they must arrive, whatever happens from now on."""
    path = agent.folder + "/a/spool/submit.db"
    if not os.path.exists(path):
        return set()
    with sqlite3.connect("file:%s?mode=ro" % path, uri=True) as store:
        try:
            rows = store.execute("SELECT body FROM document UNION ALL SELECT body FROM record UNION ALL SELECT payload FROM batch")
        except sqlite3.OperationalError:  # killed before the first table was there
            return set()
        return {name.decode() for row in rows for name in re.findall(rb"T-\d+", row[0])}


def killed_run(agent, number, environment=None, after=None):
    """One submit of 12 records in three files that may die. True: it was killed."""
    base = number * 100
    files = [agent.file("%d-%d.xml" % (number, part), records(range(base + 4 * part, base + 4 * part + 4))) for part in range(3)]
    process = agent.start(["submit", "--config", agent.config, "--json", "--wait", "5", *files], environment)
    if after is not None:
        time.sleep(after)
        process.kill()
    out, err = process.communicate(timeout=20)
    check(process.returncode in (0, -signal.SIGKILL), "exit %d: %s" % (process.returncode, err))
    if process.returncode != 0:
        agent.promised |= spooled(agent)
    return process.returncode != 0


def finish(agent, numbers, deaths):
    """After the last death one more run sends what is left; then each file is given again, as a ministry would."""
    for attempt in range(2):
        for number in numbers if attempt else [None]:
            names = [] if number is None else [os.path.join(agent.folder, "%d-%d.xml" % (number, part)) for part in range(3)]
            result = agent.submit(*names)
            check(result.returncode == 0, "exit %d %s" % (result.returncode, result.stderr))
        if not attempt:
            check(not spooled(agent), "the spool is empty when submit says so")
            lost = agent.promised - set(agent.hub.effects)
            check(not lost, "spooled and lost: %s" % sorted(lost)[:5])
    check(not agent.hub.problems, agent.hub.problems[:3])
    wanted = sorted("T-%d" % (number * 100 + n) for number in numbers for n in range(12))
    check(sorted(agent.hub.effects) == wanted, "%d effects, %d wanted" % (len(agent.hub.effects), len(wanted)))
    print("# %d kills, %d records in the spool then, %d batches, %d submits, %d records" % (deaths, len(agent.promised), len(agent.hub.batches), agent.hub.count["SUBMIT"], len(wanted)))


def receipted_before(agent, number):
    """Every record of a run that ended well is in the hub: a promise made to the caller."""
    check(all("T-%d" % (number * 100 + n) in agent.hub.effects for n in range(12)), "told as accepted, but not there")


def at_points():
    """kill at fault points"""
    agent = Agent(batch_limit=5)
    agent.promised = set()
    deaths = 0
    for number in range(AT_POINTS):
        point = POINTS[number % len(POINTS)]
        fault = "%s:%d:kill" % (point, 1 + number // len(POINTS) % 3)
        if killed_run(agent, number, {"KINWARD_FAULT": fault}):
            deaths += 1
        else:
            receipted_before(agent, number)
    check(deaths >= AT_POINTS * 3 // 4, "%d of %d faults happened" % (deaths, AT_POINTS))
    finish(agent, range(AT_POINTS), deaths)
    agent.close()


def at_random():
    """kill at random moments"""
    seed = int(os.environ.get("KINWARD_SEED", "0")) or random.randrange(1, 1 << 30)
    print("# seed %d" % seed)
    choose = random.Random(seed)
    agent = Agent(batch_limit=5)
    agent.promised = set()
    agent.hub.delay = 0.01
    deaths = 0
    for number in range(AT_RANDOM):
        if killed_run(agent, number, after=choose.uniform(0.02, 0.25)):
            deaths += 1
        else:
            receipted_before(agent, number)
    check(deaths >= AT_RANDOM // 3, "%d of %d were killed in time" % (deaths, AT_RANDOM))
    finish(agent, range(AT_RANDOM), deaths)
    agent.close()


main([at_points, at_random])
