#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client written from protocol.md alone goes the whole way: card, records, check, alert, acts, proofs."""
import concurrent.futures
import itertools
import json
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from parties import VALID, Scene, child, record, refused  # noqa: E402

import kw1  # noqa: E402
import proof as offline  # noqa: E402
from signed import Broken, fingerprint, read_card  # noqa: E402
from world import check, main, until  # noqa: E402

HERE = pathlib.Path(__file__).parent
SERIAL = itertools.count(1)


def outcomes(receipt):
    return [result["outcome"] for result in receipt["results"]]


def refer(scene, civil, border, count):
    """So many missing children are checked at a border: as many alerts."""
    numbers = [next(SERIAL) for _ in range(count)]
    receipt = civil.submit(civil.batch([child("missing-child-opened.xml", number) for number in numbers]))
    check(outcomes(receipt) == ["accepted"] * count, receipt)
    answers = [border.check(border.batch([child("document-check.xml", number)])) for number in numbers]
    check([answer["answer"] for answer in answers] == ["refer"] * count, answers)
    return receipt, answers


def every_example():
    """every example record, put into canonical form by Python, is accepted"""
    names = sorted(path.name for path in VALID.glob("*.xml") if path.name != "records.xml")
    batch = CIVIL.batch([record(name) for name in names])
    receipt = CIVIL.submit(batch)
    check(len(names) > 30 and outcomes(receipt) == ["accepted"] * len(names), list(zip(names, receipt["results"])))
    again = CIVIL.ask("SUBMIT", batch.header, batch.items)
    check(json.loads(again.raw) == receipt, "the same batch, another receipt")
    check(CIVIL.hello()["last_batch"] == batch.header["batch"], "last_batch")
    check(outcomes(CIVIL.submit(CIVIL.batch([record(names[0])]))) == ["duplicate"], "a record again")


def way():
    """a check is answered, the desk has the alert, says received, acknowledges it and tells what came of it"""
    _, (answer,) = refer(SCENE, CIVIL, BORDER, 1)
    check(len(answer["case"]) == 32 and answer["complete"], answer)
    feed = SCENE.subscribed("py-desk")
    alert = feed.take()
    check((alert.number, alert.previous, alert.envelope["type"]) == (1, "00" * 32, "alert"), alert.envelope)
    check(alert.field("case") == answer["case"] and alert.field("rule/id") == "M3" and alert.field("status") == "Actual", alert.statement)
    name = (alert.envelope["alert"], alert.envelope["revision"])
    check((alert.field("alert"), alert.field("revision")) == (name[0], str(name[1])), "envelope and statement")
    feed.received(alert.number)
    check(feed.streams()[0]["received"] == alert.number, "received")
    before = SCENE.status()["journal"]["entries"]
    feed.acknowledge(*name, "staff-17", "duty-officer")
    feed.feedback(*name, "false-positive", "duty-officer", "namesake")
    check(SCENE.status()["journal"]["entries"] == before + 2, "both acts are in the journal")
    check(feed.hello()["epoch"] == alert.epoch and feed.ping(), "HELLO and PING at the feed")


def credit():
    """credit 1 gives one item; more credit, a new subscription and another connection go on at their number, in one chain"""
    refer(SCENE, CIVIL, BORDER, 3)
    feed = SCENE.subscribed("py-desk", credit=1)
    last = until(lambda: (lambda n: n if n >= 4 else None)(feed.streams()[0]["last"]), 10, "the alerts")
    first = feed.take()
    # a heartbeat comes later than everything that is on its way
    while feed.request not in [message.request for message in feed.waiting]:
        feed.waiting.append(feed.receive(15))
    check([message.verb for message in feed.waiting] == ["HEARTBEAT"] and feed.waiting[0].header["last"] == last, "one item for one credit")
    feed.credit(2)
    second, third = feed.take(), feed.take()
    check([first.number, second.number, third.number] == [1, 2, 3], "numbers")
    feed.subscribe(first.stream, first.epoch, 2, 1, first.chain)
    check(feed.take().chain == second.chain, "again from number 2")
    other = SCENE.subscribed("py-desk", start=4, last_chain=third.chain)
    check([other.take().number for _ in range(4, last + 1)] == list(range(4, last + 1)), "from number 4 to the last one")
    wrong = SCENE.subscribed("py-desk", start=3, last_chain=bytes(32))
    try:
        wrong.take()
        check(False, "a chain that does not go on was not noticed")
    except Broken as error:
        check("fork" in str(error), error)


def restart():
    """after a restart of the hub the same batch has the same receipt, byte for byte, and a subscription goes on"""
    batch = CIVIL.batch([record("marriage.xml", source="restart-1")])
    first = CIVIL.ask("SUBMIT", batch.header, batch.items)
    feed = SCENE.subscribed("py-desk")
    alert = feed.take()
    check(SCENE.hub.stop() == 0, "the hub's end: " + "\n".join(SCENE.hub.err))
    SCENE.start_hub()
    again = SCENE.intake_of("py-civil").ask("SUBMIT", batch.header, batch.items)
    check((again.raw, again.payload) == (first.raw, first.payload), "another receipt")
    feed = SCENE.subscribed("py-desk", start=2, last_chain=alert.chain)
    check(feed.take().number == 2, "from number 2")


# ---- proofs ------------------------------------------------------------------------------------

def kinward_verdict(name, proof, data, card=None):
    """Exit code of `kinward verify`: 0 good, 4 false, 6 pending."""
    files = SCENE.path(name + ".tlog-proof"), SCENE.path(name + ".record")
    files[0].write_bytes(proof)
    files[1].write_bytes(data)
    return SCENE.run("verify", files[0], "--record", files[1], "--policy", SCENE.policy, *(["--card", card] if card else []), check=False).returncode


def verdict(proof, data, policy, card=None):
    """The same of proof.py."""
    try:
        offline.verify(proof, data, policy, card)
        return 0
    except offline.False_:
        return 4
    except offline.Pending:
        return 6


def flips(data, step=1):
    for at in range(0, len(data), step):
        yield at, data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:]


def proofs():
    """proofs of a record, a check and an alert hold offline for proof.py and kinward verify; each flipped byte is refused by both"""
    data = record("marriage.xml", source="proof-1")
    batch = [data] + [record("divorce.xml", source="proof-%d" % n) for n in range(2, 6)]
    position = CIVIL.submit(CIVIL.batch(batch))["results"][0]["position"]
    _, (answer,) = refer(SCENE, CIVIL, BORDER, 1)
    checked = child("document-check.xml", next(SERIAL) - 1)
    feed = SCENE.subscribed("py-desk")
    last = until(lambda: (lambda n: n if n > 4 else None)(feed.streams()[0]["last"]), 10, "the alert")
    alert = [feed.take() for _ in range(last)][-1]
    name = {"alert": alert.envelope["alert"], "revision": alert.envelope["revision"]}
    cases = (("record", CIVIL.proof(position=position), data, "py-civil"),
             ("check", BORDER.proof(position=answer["position"]), checked, "py-border"),
             ("alert", feed.proof(**name), alert.statement, None))
    check(AUDITOR.proof(position=position).split(b"\n\n")[0].split(b"\n")[1] == cases[0][1].split(b"\n\n")[0].split(b"\n")[1], "an auditor's proof")
    policy = SCENE.policy.read_text()
    for what, proof, shown, sender in cases:
        card = bytes(SCENE.keys[sender].sign.verify_key) if sender else None
        file = SCENE.path(sender, "card") if sender else None
        check(verdict(proof, shown, policy, card) == 0, what + ": proof.py")
        check(kinward_verdict(what, proof, shown, file) == 0, what + ": kinward verify")
        check(verdict(proof, shown + b"\n", policy, card) == 4, what + ": one byte more")
        bad = [(proof, other, "record byte %d" % at) for at, other in flips(shown)]
        bad += [(other, shown, "proof byte %d" % at) for at, other in flips(proof)]
        wrong = [verdict(one, other, policy, card) for one, other, _ in bad]
        check([place for code, (_, _, place) in zip(wrong, bad) if code == 0] == [], what + ": proof.py takes flips")
        # a process for each: all of one proof, samples of the others
        chosen = range(0, len(shown), 61), range(len(shown), len(bad), 1 if what == "record" else 61)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            codes = pool.map(lambda at: (at, kinward_verdict("%s-%d" % (what, at), *bad[at][:2], file)), itertools.chain(*chosen))
            differ = [(bad[at][2], code, wrong[at]) for at, code in codes if code != wrong[at]]
        check(differ == [], "%s: kinward verify and proof.py differ: %s" % (what, differ))
    check(verdict(cases[0][1], data, policy.replace("quorum all", "quorum other")) == 4, "a quorum that the policy does not name")


def pending():
    """a proof without its cosignatures is pending, not false"""
    position = CIVIL.submit(CIVIL.batch([record("marriage.xml", source="pending-1")]))["results"][0]["position"]
    proof, data = CIVIL.proof(position=position), record("marriage.xml", source="pending-1")
    lines = proof.decode().split("\n")
    without = "\n".join(line for line in lines if not line.startswith("\u2014 witness-1/")).encode()
    check(without != proof and verdict(without, data, SCENE.policy.read_text()) == 6, "proof.py")
    check(kinward_verdict("pending", without, data) == 6, "kinward verify")


# ---- the command line ----------------------------------------------------------------------------

def tool(script, *arguments, code=0):
    done = subprocess.run([sys.executable, HERE / script, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    check(done.returncode == code, "%s: exit %d: %s" % (arguments[0], done.returncode, done.stderr))
    return done.stdout


def known(name, *roles, options=()):
    """A party by the command line alone."""
    shown = json.loads(tool("kw1.py", "card", SCENE.path(name), "--name", name, "--jurisdiction", "KE", *options))["fingerprint"]
    card = SCENE.path(name, "card")
    check(shown in SCENE.run("card", "show", card).stdout and shown == fingerprint(card.read_bytes()), "fingerprint")
    check(read_card(card.read_bytes())["name"] == name, "card")
    SCENE.run("principal", "add", card, "--fingerprint", shown, *[word for role in roles for word in ("--role", role)], "--config", SCENE.hub_config)


def command_line():
    """kw1.py and proof.py as commands: card, submit, check, follow, acknowledge, feedback, proof"""
    known("cmd-border", "registry", "border")
    known("cmd-desk", "agency", options=["--agency"])
    number = next(SERIAL)
    files = {}
    for example in ("missing-child-opened.xml", "document-check.xml"):
        files[example] = SCENE.path("cmd-" + example)
        files[example].write_bytes(child(example, number))
    hub = ["--hub-card", SCENE.path(SCENE.hub_name, "card"), "--endpoint"]
    border = [SCENE.path("cmd-border"), *hub, SCENE.intake]
    desk = [SCENE.path("cmd-desk"), *hub, SCENE.feed]
    receipt = json.loads(tool("kw1.py", "submit", *border, files["missing-child-opened.xml"]))
    check(outcomes(receipt) == ["accepted"], receipt)
    answer = json.loads(tool("kw1.py", "check", *border, files["document-check.xml"]))
    check(answer["answer"] == "refer", answer)
    envelope = json.loads(tool("kw1.py", "follow", *desk, "--count", 1))
    about = ["--alert", envelope["alert"], "--revision", envelope["revision"], "--role", "duty-officer"]
    check(SCENE.path("cmd-desk/inbox/%s.1.xml" % envelope["alert"]).exists(), "the inbox")
    tool("kw1.py", "acknowledge", *desk, *about, "--by", "staff-4")
    tool("kw1.py", "feedback", *desk, *about, "--outcome", "child-safe")
    tool("kw1.py", "feedback", *desk, *about, "--outcome", "fine", code=1)
    proof = SCENE.path("cmd.tlog-proof")
    proof.write_text(tool("kw1.py", "proof", *border, "--position", answer["position"]))
    arguments = [proof, files["document-check.xml"], SCENE.policy, SCENE.path("cmd-border", "card")]
    check(tool("proof.py", *arguments).startswith("good"), "proof.py")
    tool("proof.py", proof, files["missing-child-opened.xml"], *arguments[2:], code=4)
    check(json.loads(tool("kw1.py", "hello", *border))["version"] == "KW1", "hello")


def mandate():
    """an agency of another country gets no alert that is not in its mandate"""
    feed = SCENE.subscribed("py-desk")
    alert = feed.take()
    other = SCENE.feed_of("py-desk-tz")
    check(other.streams()[0]["last"] == 0, "an alert of another country")
    name = {"alert": alert.envelope["alert"], "revision": alert.envelope["revision"]}
    refused("not-found", lambda: other.proof(**name))


with Scene() as SCENE:
    SCENE.party("py-civil", "registry")
    SCENE.party("py-border", "registry", "border")
    SCENE.party("py-desk", "agency")
    SCENE.party("py-desk-tz", "agency", jurisdiction="TZ")
    SCENE.party("py-auditor", "auditor")
    CIVIL, BORDER, AUDITOR = (SCENE.intake_of(name) for name in ("py-civil", "py-border", "py-auditor"))
    main([way, credit, every_example, mandate, proofs, pending, command_line, restart])
