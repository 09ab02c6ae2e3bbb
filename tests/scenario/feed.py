#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An agency's desk: alerts fetched, followed, read, acknowledged, proven; the hub restarted; hostile text; exit codes."""
import json
import os
import pathlib
import pty
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from world import PROGRAM, SOURCE, World, check, main, until  # noqa: E402

VALID = SOURCE / "schemas/examples/valid"


def desk(world, witnesses=1, contact=None):
    """A hub with a border service and an agency; gives a function that runs `kinward feed`."""
    world.make_hub(witnesses=witnesses)
    if contact:
        text = world.hub_config.read_text()
        world.hub_config.write_text(text.replace('<detect contact="hub.ke"', '<detect contact="%s"' % contact))
    world.start_hub()
    world.border = world.agent("ke-border", "KE", "registry", "border")
    world.agency_config = world.agency("desk-ke", "KE")

    def feed(command, *arguments, code=0):
        done = world.run("feed", command, "--config", world.agency_config, *arguments, check=False)
        check(done.returncode == code, "feed %s: exit %d, not %d: %s" % (command, done.returncode, code, done.stderr or done.stdout[-300:]))
        return done

    return feed


def missing_child(world):
    world.submit(world.border, VALID / "missing-child-opened.xml")
    check(world.ask(world.border, VALID / "document-check.xml")["answer"] == "refer")


def follow(world, *arguments):
    return world.start("feed", "follow", "--config", world.agency_config, *arguments, name="follow")


def day():
    """an alert is followed, listed, shown, acknowledged, reported on, and proven offline"""
    with World() as world:
        feed = desk(world)
        check(json.loads(feed("list", "--json").stdout) == [], "nothing yet")
        running = follow(world, "--json")
        missing_child(world)
        line = json.loads(until(lambda: running.out, 15, "a line")[0])
        check(line["number"] == 1 and line["rule"] == "M3" and line["type"] == "alert" and line["stream"] == "desk-ke", line)
        check("items.lock" in feed("fetch", code=1).stderr, "a second client")
        name = line["alert"][:8]
        feed("ack", name, "--by", "D-117", "--role", "duty-officer")  # beside the client that runs
        feed("feedback", name + ".1", "--outcome", "child-safe", "--role", "investigator")
        check(running.stop() == 0, running.err)
        check(feed("fetch").stdout == "0 new\n", "all is here")
        row = json.loads(feed("list", "--json").stdout)[0]
        check(row["state"] == "active" and row["acknowledged"] and row["title"].startswith("check meets"), row)
        text = feed("show", "1").stdout
        check("WHAT TO DO" in text and "acknowledged at" in text and "by D-117" in text and "child-safe" in text, text)
        whole = json.loads(feed("show", line["alert"], "--format", "json").stdout)
        check(whole["statement"] == feed("show", "1", "--format", "xml").stdout and whole["feedback"][0]["outcome"] == "child-safe", whole)
        state = json.loads(feed("status", "--json").stdout)
        check(state["line"] == "up" and state["last"] == state["confirmed"] == state["hub_last"] == 1, state)
        proof, record = world.path("a.tlog-proof"), world.path("a.xml")
        until(lambda: world.run("feed", "proof", name, "--config", world.agency_config, "--out", proof, "--statement", record,
                                "--leaf", world.path("leaf"), check=False).returncode == 0, 20, "the proof")
        world.hub.stop()
        policy = world.path("hub.ke/policy")
        check("verified" in world.run("verify", proof, "--record", record, "--policy", policy).stdout)
        check("verified" in world.run("verify", proof, "--leaf", world.path("leaf"), "--policy", policy).stdout)
        record.write_text(record.read_text().replace("Rescue", "Rescua"))
        check(world.run("verify", proof, "--record", record, "--policy", policy, check=False).returncode == 4, "a changed statement")
        feed("fetch", "--wait", "1", code=5)
        check(json.loads(feed("status", "--json", code=5).stdout)["line"] == "down", "the hub is down")


def killed():
    """client and hub are killed; the follower goes on by itself, each alert is told once from its number on, none is lost"""
    with World() as world:
        feed = desk(world)
        running = follow(world)
        missing_child(world)
        until(lambda: running.out, 15, "the alert")
        world.hub.kill()
        world.start_hub()
        world.submit(world.border, VALID / "missing-child-closed.xml")
        until(lambda: len(running.out) == 2, 10, "the cancel, sooner than the silence, of %s %s" % (running.out, running.err))
        check(" cancel " in running.out[1], running.out)
        running.kill()
        again = follow(world, "--from", "2", "--json")
        check(json.loads(until(lambda: again.out, 10, "number 2")[0])["number"] == 2, again.out)
        check(again.stop() == 0, again.err)
        rows = json.loads(feed("list", "--all", "--json").stdout)
        check([row["state"] for row in rows] == ["cancelled", "cancelled"], rows)
        check(json.loads(feed("list", "--active", "--json").stdout) == [], "none is active")
        check("CANCELLED" in feed("show", rows[0]["alert"][:8] + ".1").stdout.splitlines()[0], "what became of it comes first")


def hostile():
    """control bytes and turned directions from a statement reach no terminal; the bytes of the proof stay as they are"""
    with World() as world:
        feed = desk(world, contact="desk&#x9b;31m&#x202e;gnp&#x7f;")
        missing_child(world)
        until(lambda: feed("fetch").stdout != "0 new\n", 15, "the alert")
        for form in ("text", "json"):
            done = subprocess.run([PROGRAM, "feed", "show", "1", "--format", form, "--config", world.agency_config], capture_output=True)
            check(done.returncode == 0 and b"31m" in done.stdout, done)
            check(not any(bad in done.stdout for bad in (b"\xc2\x9b", b"\xe2\x80\xae", b"\x7f", b"\x1b")), (form, done.stdout))
        check("\x9b31m\u202egnp\x7f" in json.loads(feed("show", "1", "--format", "json").stdout)["statement"], "escaped, not lost")
        check("\x9b31m\u202egnp\x7f" in feed("show", "1", "--format", "xml").stdout, "its own bytes")
        master, slave = pty.openpty()
        shown = subprocess.Popen([PROGRAM, "feed", "show", "1", "--format", "xml", "--config", world.agency_config], stdout=slave)
        os.close(slave)
        seen = b""
        try:
            while piece := os.read(master, 65536):
                seen += piece
        except OSError:
            pass  # the other end is closed
        os.close(master)
        check(shown.wait(10) == 0 and b"31m" in seen and b"\xc2\x9b" not in seen and b"\xe2\x80\xae" not in seen, seen)


def refused():
    """usage, what is not there, and cosignatures that are awaited have their exit codes"""
    with World() as world:
        feed = desk(world)
        for witness in world.witnesses.values():
            witness.kill()
        missing_child(world)
        until(lambda: feed("fetch").stdout != "0 new\n", 15, "the alert")
        feed("proof", "1", code=6)
        check("text, json and xml" in feed("show", "1", "--format", "cap", code=2).stderr)
        feed("show", "99", code=1)
        feed("show", "xyz", code=2)
        feed("ack", "1", "--by", "Some Name", "--role", "x", code=2)
        feed("feedback", "1", "--outcome", "false-positive", "--role", "x", code=2)
        feed("feedback", "1", "--outcome", "unheard-of", "--role", "x", code=2)
        card = world.path("hub.ke", "card")
        other = world.init("hub.kf", "hub", "KE", "--ledger", "127.0.0.1:0") and world.path("hub.kf", "card")
        right, wrong = json.loads(card.read_text().splitlines()[0]), json.loads(other.read_text().splitlines()[0])
        check(right["sign"] != wrong["sign"])
        text = world.agency_config.read_text()
        world.agency_config.write_text(re.sub(r' card="[^"]*"', ' card="%s"' % other, text))
        check("another stream or hub" in feed("fetch", code=1).stderr, "another hub's card")


main([day, killed, hostile, refused])
