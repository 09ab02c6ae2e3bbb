#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kinward submit and kinward check against a hub that misbehaves: nothing lost, nothing twice, the same bytes again."""
import json
import os
import pathlib
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lib  # noqa: E402
from lib import Agent, check, main, outcomes, record, records  # noqa: E402


def run_with(plan, count=150, **options):
    """The records arrive once each, whatever the hub does; the hub's own checks of bytes and signatures hold."""
    agent = Agent(**options)
    agent.hub.plan = list(plan)
    result = agent.submit(agent.file("r.xml", records(range(count))))
    check(result.returncode == 0, "exit %d: %s" % (result.returncode, result.stderr))
    told = outcomes(result)
    check(len(told) == count and all(line["position"] for line in told), "%d outcomes" % len(told))
    check(sorted(agent.hub.effects) == sorted("T-%d" % n for n in range(count)), "records in the hub")
    check(not agent.hub.problems, agent.hub.problems)
    agent.close()
    return agent.hub


def plain():
    """batches by count and window, in order, signed"""
    hub = run_with([], window=100, batch_limit=30)
    check(hub.count["SUBMIT"] >= 5, "batches of at most 30")
    check(hub.order == ["T-%d" % n for n in range(150)], "order")


def silence():
    """receipts that are lost, SUBMITs that are lost: repeated byte for byte"""
    hub = run_with(["silent", "lost", None, "silent"])
    check(max(hub.count.values()) > 3 and hub.count["HELLO"] >= 2, hub.count)


def forged():
    """a receipt with a wrong signature counts for nothing"""
    hub = run_with(["forged", "forged"])
    check(hub.count["SUBMIT"] >= 5, hub.count)


def busy():
    """retryable errors: again later"""
    hub = run_with(["busy", "busy", None, "busy"])
    check(hub.count["SUBMIT"] >= 6, hub.count)


def twice():
    """a receipt that comes twice has one effect"""
    run_with(["twice", "twice", "twice"])


def refused_for_good():
    """an error that is not retryable: kept and held, the rest goes on, exit 1; later it goes through"""
    agent = Agent()
    agent.hub.plan = ["forbidden"]
    result = agent.submit(agent.file("r.xml", record(1)), wait="2")
    check(result.returncode not in (0, 3), "exit %d" % result.returncode)
    check(agent.hub.effects == [], "nothing stored")
    result = agent.submit()
    check(result.returncode == 0 and agent.hub.effects == ["T-1"], "sent from the spool: %s" % result.stderr)
    check(not agent.hub.problems, agent.hub.problems)
    agent.close()


def hub_away():
    """no hub: exit 5, kept; with the hub again it goes through, and a hub that ends in the middle is found again"""
    agent = Agent()
    agent.hub.stop()
    result = agent.submit(agent.file("r.xml", records(range(10))), wait="1")
    check(result.returncode == 5, "exit %d" % result.returncode)
    agent.hub.start()
    agent.hub.plan = ["silent"]
    process = agent.start(["submit", "--config", agent.config, "--json"])
    while not agent.hub.batches:
        pass
    agent.hub.stop()
    agent.hub.start()
    out, err = process.communicate(timeout=20)
    check(process.returncode == 0, err)
    check(len(agent.hub.effects) == 10 and len(out.splitlines()) == 10, "ten records: %s" % out)
    check(not agent.hub.problems, agent.hub.problems)
    agent.close()


def rejected():
    """what the hub rejects and what conflicts is told, and kept with its bytes"""
    agent = Agent()
    agent.hub.reject = {"T-2"}
    agent.submit(agent.file("a.xml", record(3)))
    changed = record(3).replace("<status>registered</status>", "<status>amended</status>")
    result = agent.submit(agent.file("b.xml", record(2)), agent.file("c.xml", changed), agent.file("d.xml", record(4)))
    check(result.returncode == 3, "exit %d %s" % (result.returncode, result.stderr))
    told = {os.path.basename(line["record"]): line for line in outcomes(result)}
    check(told["b.xml"]["outcome"] == "rejected" and told["b.xml"]["code"] == "schema" and told["b.xml"]["place"] == "sex", told)
    check(told["c.xml"]["outcome"] == "conflict" and told["d.xml"]["outcome"] == "accepted", told)
    kept = sqlite3.connect(agent.folder + "/a/spool/submit.db").execute("SELECT outcome, code, body FROM refused").fetchall()
    check(sorted(row[:2] for row in kept) == [("conflict", "conflict"), ("rejected", "schema")], kept)
    check(all(row[2].startswith(b"<record") for row in kept), "bytes")
    agent.close()


def refused_here():
    """what is no record is refused before it leaves: exit 3, the others are sent"""
    agent = Agent()
    bad = record(5).replace("<status>registered</status>", "<status>nonsense</status>")
    result = agent.submit(agent.file("bad.xml", bad), agent.file("good.xml", record(6)), agent.file("dtd.xml", "<!DOCTYPE r><r/>"))
    check(result.returncode == 3, "exit %d" % result.returncode)
    told = {os.path.basename(line["record"]): line for line in outcomes(result)}
    check(told["bad.xml"]["code"] == "schema" and told["dtd.xml"]["code"] == "doctype", told)
    check(told["good.xml"]["outcome"] == "accepted" and agent.hub.effects == ["T-6"], told)
    check("nonsense" not in result.stdout + result.stderr, "a value was shown")
    missing = agent.submit("/nonexistent.xml")
    check(missing.returncode == 1 and "file" in missing.stderr, missing.stderr)
    agent.close()


def disclose(agent, paths):
    always = ["sourceRecord/", "eventType", "status", "event/", "document/", "documentEvent/"]
    text = "".join('<allow path="%s"/>' % path for path in always + paths)
    name = agent.file("profile.xml", '<profile xmlns="urn:kinward:profile:1" id="test">%s</profile>' % text)
    agent.configure('<disclosure profile="%s"/>' % name)


def profile():
    """what the disclosure profile does not allow never reaches the hub"""
    agent = Agent()
    text = record(7)
    check("<fullName>" in text or "<givenName>" in text, "the sample has a name")
    disclose(agent, ["party/role", "party/identifier/"])
    seen = []
    store = agent.hub.store
    agent.hub.store = lambda leaf, body: (seen.append(body), store(leaf, body))[1]
    result = agent.submit(agent.file("r.xml", text))
    check(result.returncode == 0, result.stdout + result.stderr)
    check(seen and b"<name" not in seen[0] and b"<eventType>" in seen[0], seen)
    agent.close()


def bytes_limit():
    """no payload is larger than 900 KiB"""
    agent = Agent(batch_limit=512, window=4096)
    disclose(agent, ["party/", "note"])
    note = "<note>%s</note>" % ("x" * 3900)
    result = agent.submit(agent.file("r.xml", records(range(120)).replace("</record>", note * 3 + "</record>")))
    check(result.returncode == 0 and len(agent.hub.effects) == 120, "%s %s" % (result.returncode, result.stdout[-300:]))
    check(300000 < agent.hub.largest <= 900 * 1024, agent.hub.largest)
    agent.close()


def one_check():
    """check: the three answers, each exit 0; the record is read by the mapper and the answer's signature verified"""
    agent = Agent()
    for answer in ("known", "unknown", "refer"):
        agent.hub.batches.clear()
        agent.hub.answer = answer
        result = agent.run(["check", "--config", agent.config, "--json", str(lib.CHECK)])
        check(result.returncode == 0, result.stderr)
        told = json.loads(result.stdout)
        check(told["answer"] == answer and (told["case"] is not None) == (answer == "refer"), told)
    check(not agent.hub.problems, agent.hub.problems)
    agent.close()


def check_again():
    """check: a lost answer is asked for again with the same bytes; silence is exit 5 within its time; forgery is exit 4"""
    agent = Agent()
    agent.hub.plan = ["silent", "busy"]
    result = agent.run(["check", "--config", agent.config, str(lib.CHECK)])
    check(result.returncode == 0 and agent.hub.count["CHECK"] == 3, "%s %s" % (result.stderr, agent.hub.count))
    check(len(agent.hub.batches) == 1 and not agent.hub.problems, agent.hub.problems)
    agent.hub.always = "lost"
    result = agent.run(["check", "--config", agent.config, "--wait", "1", str(lib.CHECK)], timeout=4)
    check(result.returncode == 5, "exit %d %s" % (result.returncode, result.stderr))
    agent.hub.always = "forged"
    result = agent.run(["check", "--config", agent.config, str(lib.CHECK)])
    check(result.returncode == 4, "exit %d %s" % (result.returncode, result.stderr))
    agent.hub.always = "forbidden"
    result = agent.run(["check", "--config", agent.config, str(lib.CHECK)])
    check(result.returncode == 1, "exit %d %s" % (result.returncode, result.stderr))
    agent.close()


def raw_documents():
    """--connector: a registry's own documents through its mapping, with the registry of the configuration"""
    agent = Agent()
    agent.configure('<connector name="civil" plugin="opencrvs" registry="ke.civil"/>')
    samples = sorted((lib.SOURCE / "connectors/opencrvs/samples").glob("*.json"))
    check(samples, "samples")
    store, bodies = agent.hub.store, []
    agent.hub.store = lambda leaf, body: (bodies.append(body), store(leaf, body))[1]
    result = agent.submit(*map(str, samples), options=["--connector", "opencrvs"])
    check(result.returncode == 0 and bodies, "%d %s" % (result.returncode, result.stdout + result.stderr))
    check(all(b"<registry>ke.civil</registry>" in body and b"<jurisdiction>KE</jurisdiction>" in body for body in bodies), bodies[0])
    result = agent.submit(options=["--connector", "none"])
    check(result.returncode == 2, "exit %d" % result.returncode)
    agent.close()


def restored():
    """a hub of another epoch: what it had signed for since is told as an error of the log"""
    agent = Agent()
    agent.submit(agent.file("a.xml", records(range(3))))
    last = agent.hub.last
    agent.submit(agent.file("b.xml", records(range(3, 8))))
    agent.hub.epoch, agent.hub.last = 2, last
    result = agent.submit(agent.file("c.xml", record(9)))
    check("hub.restored epoch=2 before=1 records=5" in result.stderr, result.stderr)
    check("hub.restored" not in agent.submit(agent.file("d.xml", record(10))).stderr, "told once")
    agent.close()


main([raw_documents, restored, plain, silence, forged, busy, twice, refused_for_good, hub_away, rejected, refused_here, profile, bytes_limit, one_check,
      check_again])
