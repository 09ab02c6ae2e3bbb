#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Entries whose bytes were damaged in the journal: set aside and told, nothing behind them waits, tried again or closed."""
import contextlib
import pathlib
import sqlite3
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import people  # noqa: E402
from people import child  # noqa: E402
from world import Registers, check, main, until  # noqa: E402

MET = ("M3", "missing-child-met", "alert")


def flip(world, position):
    """Changes one byte of an entry's body, or brings it back; no hub runs."""
    with contextlib.closing(sqlite3.connect(world.path("hub.ke/data/journal.db"))) as database, database:
        body = bytearray(database.execute("SELECT body FROM entry WHERE position = ?", (position,)).fetchone()[0])
        body[len(body) // 2] ^= 1
        database.execute("UPDATE entry SET body = ? WHERE position = ?", (bytes(body), position))


def kept(world, *words, check=True):
    return world.run("quarantine", *words, "--config", world.hub_config, check=check)


def listed(world, *words):
    return world.json("quarantine", "list", *words, "--config", world.hub_config)["detection"]


def aside(world):
    told = world.settled()["detect"]
    return told["aside"], told.get("aside_newest")


def lines(world, event):
    return [line for line in world.hub.err if event in line]


def act_at(world, position):
    header, payload = world.control("RECORD-GET", {"position": position, "purpose": "test", "case": "T-1"})
    return header["kind"], payload[4:].decode()


def last_act(world):
    kind, text = act_at(world, world.status()["journal"]["entries"])
    check(kind == 6, kind)
    return text


def damaged_check():
    """a damaged check before detection saw it: set aside, what is behind is inspected; whole again, a retry tells what it would have"""
    with Registers() as world:
        world.open()
        one, two, three = child(), child(), child()
        world.put(world.police, *(people.notice(who, "N-%d" % n) for n, who in enumerate((one, two, three))))
        check(aside(world) == (0, None) and listed(world) == [], "nothing is set aside")
        check(world.hub.stop() == 0, "the hub's end")
        world.start_hub({"KINWARD_FAULT": "detect.commit:1+:stall:3600000"})
        question, other = world.file("c1.xml", people.crossing("C-1", [one])), world.file("c2.xml", people.crossing("C-2", [two]))
        before, first, second = (world.ask(world.border, path) for path in (world.file("c0.xml", people.crossing("C-0", [three])), question, other))
        check(not before["complete"] and not first["complete"] and not second["complete"], "detection stands still")
        world.hub.kill()
        flip(world, first["position"])
        world.start_hub()
        check(aside(world) == (1, first["position"]), aside(world))
        check(world.told() == [MET] * 2, "what came before and behind is inspected: %s" % world.told())
        again = world.ask(world.border, other)
        check(again["answer"] == "refer" and again["complete"] and again["position"] == second["position"], again)
        again = world.ask(world.border, question)
        check((again["answer"], again["complete"], again["position"]) == ("unknown", False, first["position"]), again)
        row = listed(world)[0]
        check((row["position"], row["kind"], row["state"], row["code"], row["attempts"]) == (first["position"], 2, "open", "corrupt", 3), row)
        check(len(lines(world, "detect.aside")) == 1 and "position=%d" % first["position"] in lines(world, "detect.aside")[0], world.hub.err)
        shown = kept(world, "show", str(first["position"]), "--detection").stdout
        check("corrupt" in shown and one.family not in shown, shown)
        check(world.hub.stop() == 0, "the hub's end")

        flip(world, first["position"])
        world.start_hub()
        check(aside(world) == (1, first["position"]), "it is not tried again by itself")
        kept(world, "retry", str(first["position"]), "--detection")
        check('"detection-retried"' in last_act(world), "the retry is an act in the journal")
        until(lambda: aside(world) == (0, None), 20, "the retry")
        check(world.told() == [MET] * 3, world.told())
        again = world.ask(world.border, question)
        check((again["answer"], again["complete"], again["position"]) == ("refer", True, first["position"]), again)
        check(listed(world) == [] and [row["state"] for row in listed(world, "--all")] == ["retried"], listed(world, "--all"))
        refused = kept(world, "retry", str(first["position"]), "--detection", check=False)
        check(refused.returncode == 1 and "(state)" in refused.stderr, refused)
        check(world.hub.stop() == 0, "the hub's end")


def damaged_notice():
    """a damaged notice: a check that meets it is unknown, one that does not is answered; a retry in vain, then closed for a reason"""
    with Registers() as world:
        world.open()
        one, two = child(), child()
        notice = world.put(world.police, people.notice(one, "N-1"))
        world.put(world.police, people.notice(two, "N-2"))
        world.settled()
        check(world.hub.stop() == 0, "the hub's end")
        flip(world, notice)
        world.start_hub()
        question = world.file("c1.xml", people.crossing("C-1", [one]))
        met = world.ask(world.border, question)
        check(met["answer"] == "unknown" and not met["complete"], met)
        check(world.asked(people.crossing("C-2", [two])) == "refer", "another child")
        check(world.told() == [MET], world.told())
        check(aside(world) == (1, met["position"]) and world.hub.alive(), aside(world))
        position = str(met["position"])
        kept(world, "retry", position, "--detection")
        until(lambda: listed(world)[0]["attempts"] == 4, 20, "the retry")
        check(world.told() == [MET] and aside(world) == (1, met["position"]), "in vain")
        for words in (["close", position, "--detection"], ["close", position, "--detection", "--reason", ""], ["close", position, "--reason", "x"],
                      ["close", "1", "--detection", "--reason", "x"]):
            check(kept(world, *words, check=False).returncode in (1, 2), words)
        kept(world, "close", position, "--detection", "--reason", "asked by telephone")
        act = last_act(world)
        check('"detection-closed"' in act and '"reason":"asked by telephone"' in act and '"by":"uid ' in act, act)
        until(lambda: aside(world) == (0, None), 20, "the closing")
        closed = listed(world, "--all")[0]
        check((closed["state"], closed["reason"]) == ("closed", "asked by telephone") and closed["by"].startswith("uid "), closed)
        check(world.hub.stop() == 0, "the hub's end")
        world.start_hub()
        check(aside(world) == (0, None) and [row["state"] for row in listed(world, "--all")] == ["closed"], "after a restart")
        check(world.hub.stop() == 0, "the hub's end")


main([damaged_check, damaged_notice])
