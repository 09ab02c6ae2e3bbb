#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator does: starting wrongly, principals, looking at records; and what may never be printed."""
import os
import pathlib
import re
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import people  # noqa: E402
from people import adult, child  # noqa: E402
from world import PROGRAM, Registers, World, check, main, until  # noqa: E402


def refused(world, what, code, config=None, text=None):
    """A start that must fail at once: one plain line with the code, none on stdout, no socket left behind."""
    hub = world.start("hub", "--config", config or world.hub_config, name="refused")
    status = hub.wait(30)
    lines = [line for line in hub.err if line.startswith("kinward: ")]
    check(status == (5 if code == "network" else 1) and hub.out == [], (what, status, hub.out, hub.err))
    check(len(lines) == 1 and lines[0].endswith("(%s)" % code), (what, hub.err))
    check(text is None or any(text in line for line in hub.err), (what, hub.err))
    check(world.path("hub.ke/run/control.sock").exists() == bool(world.hub and world.hub.alive()), what)
    return lines[0]


def wrong_starts():
    """wrong configuration, rules, policy, ports: each start is refused with a plain error, leaves nothing, and then works"""
    with World() as world:
        world.make_hub()
        whole = world.hub_config.read_text()

        def with_config(old, new, code, text=None):
            check(old in whole, old)
            world.hub_config.write_text(whole.replace(old, new, 1))
            refused(world, new, code, text=text)
            world.hub_config.write_text(whole)

        refused(world, "no file", "file", config=world.path("nowhere.xml"))
        with_config("<data ", "<dada ", "schema", "dada")
        with_config("</hub>", "", "ill-formed")
        with_config("></detect>", '><rule id="Z9" state="live"/></detect>', "config", "Z9")
        with_config("></detect>", '><rule id="M3" state="loud"/></detect>', "schema", "loud")
        with_config("></detect>", '><threshold rule="D5" name="margin_days" value="9999"/></detect>', "config", "margin_days")
        with_config("></detect>", '><threshold rule="D5" name="no_such" value="1"/></detect>', "config", "no_such")
        with_config('policy="policy"', 'policy="none"', "file", "none")
        with_config("tcp://127.0.0.1:0", "tcp://256.0.0.1:7", "network")
        policy = world.path("hub.ke/policy")
        kept = policy.read_text()
        policy.write_text("witness what\n")
        refused(world, "a policy that is none", "config", text="policy:1")
        policy.write_text(kept)
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen(1)
            port = other.getsockname()[1]
            with_config('endpoint="tcp://127.0.0.1:0"', 'endpoint="tcp://127.0.0.1:%d"' % port, "network", str(port))
            with_config('port="0"', 'port="%d"' % port, "child", "port %d cannot be served" % port)
        world.start_hub()
        kinds = until(lambda: [kind for kind, _ in world.journal(range(9))], 20, "the clock's tick")
        check(set(kinds) == {7}, "nothing else was written by the failed starts")
        check(world.hub.stop() == 0, "the hub's end")


def wrong_keys():
    """a key that others may read, or that is away, is named, and nothing starts"""
    with World() as world:
        world.make_hub()
        for name in ("curve.key", "sign.key", "vault.key", "log.key", "witness.key"):
            key = world.path("hub.ke/keys", name)
            of_signer = name in ("log.key", "witness.key")
            key.chmod(0o644)
            refused(world, name, "child" if of_signer else "secret-mode", text=name)
            key.chmod(0o600)
            key.rename(key.with_suffix(".away"))
            refused(world, name, "child" if of_signer else "file", text=name)
            key.with_suffix(".away").rename(key)
        world.start_hub()
        check(world.hub.stop() == 0, "the hub's end")


def two_hubs():
    """a second hub on the same folder is refused while the first lives, and does not disturb it"""
    with Registers() as world:
        world.open()
        text = refused(world, "a second hub", "locked")
        check("held by process %d" % world.hub.pid in text, text)
        check(world.hub.alive() and world.status()["hub"] == "hub.ke", "the first")
        world.put(world.civil, people.death(adult()))
        world.hub.kill()
        check(world.run("status", "--config", world.hub_config, check=False).returncode == 5, "no hub is there")
        world.start_hub()
        check(world.hub.stop() == 0, "the hub's end")


def csv_rows(folder_module, watched, name, sequence, count=1):
    data = ("record_id,version,event,at,number\r\n" + "".join("%s-%d,1,document_check,2026-07-12T14:05:10+03:00,%s-%d\r\n"
                                                                % (name, n, name, n) for n in range(count))).encode()
    folder_module.put(watched, name, sequence, data, count)


def principals():
    """a wrong fingerprint, another role, another jurisdiction, a principal that was revoked while its line stands"""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "mocks"))
    import folder
    with Registers() as world:
        world.open()
        world.init("ke-late", "agent", "KE", "--hub", world.intake, "--hub-card", world.path("hub.ke/card"))
        add = ["principal", "add", world.path("ke-late/card"), "--role", "registry", "--config", world.hub_config]
        wrong = world.run(*add, "--fingerprint", "0000-" * 9 + "0000", check=False)
        check(wrong.returncode == 1 and "(key)" in wrong.stderr, wrong)
        late = world.path("ke-late/agent.xml")
        entries = world.status()["journal"]["entries"]
        check(world.send(late, people.death(adult()), options=["--wait", "1"], check=False) == [], "not known yet")
        world.add("ke-late", "registry")
        check([one["outcome"] for one in world.send(late, people.death(adult()))][-1] == "accepted", "known now")
        asked = world.run("check", "--config", late, "--wait", "30", world.file("q.xml", people.crossing("C-1", [child()])), check=False)
        check(asked.returncode == 1 and "(forbidden)" in asked.stderr, asked)
        foreign = world.agent("tz-civil", "TZ")
        sent = world.send(foreign, people.death(adult()), check=False)
        check([one.get("code") for one in sent] == ["foreign-jurisdiction"], sent)
        check([one["outcome"] for one in world.send(foreign, people.death(adult(), jurisdiction="TZ"))] == ["accepted"], "its own")
        listed = {one["name"]: one for one in world.json("principal", "list", "--config", world.hub_config)["principals"]}
        check(listed["ke-late"]["roles"] == ["registry"] and listed["tz-civil"]["jurisdiction"] == "TZ", listed)
        check(listed["ke-border"]["roles"] == ["registry", "border"] and not listed["ke-border"]["revoked"], listed)
        watched = world.path("out")
        watched.mkdir()
        config = world.configure_agent("ke-late", '<connector name="border" plugin="csv" registry="ke.late"><option name="folder" '
                                       'value="%s"/><option name="poll" value="100ms"/></connector>' % watched)
        agent = world.start("connector", "run", "--config", config)
        csv_rows(folder, watched, "a", 1)
        accepted = world.status()["intake"]["outcomes"]["accepted"]
        until(lambda: world.status()["intake"]["outcomes"]["accepted"] == accepted + 1, 20, "a row")
        world.run("principal", "revoke", "ke-late", "--config", world.hub_config)
        entries = world.status()["journal"]["entries"]
        csv_rows(folder, watched, "b", 2)
        until(lambda: world.status()["intake"]["outcomes"].get("revoked"), 20, "the refusal")
        check(world.status()["journal"]["entries"] == entries, "nothing of the revoked one is stored")
        check(world.send(late, people.death(adult()), options=["--wait", "1"], check=False) == [], "no new line either")
        check(any("hub.refused code=revoked" in line for line in agent.err), agent.err)
        again = world.run("principal", "revoke", "ke-late", "--config", world.hub_config, check=False)
        check(again.returncode == 1 and "(" in again.stderr, again)
        check(agent.stop() == 0, agent.err)
        check(world.hub.stop() == 0, "the hub's end")
        world.start_hub()
        check(world.send(late, people.death(adult()), options=["--wait", "1"], check=False) == [], "nor after a restart")
        listed = {one["name"]: one for one in world.json("principal", "list", "--config", world.hub_config)["principals"]}
        check(listed["ke-late"]["revoked"], listed["ke-late"])
        check(world.hub.stop() == 0, "the hub's end")


def door():
    """a hub whose doorkeeper is gone lets nobody in any more: it ends and says so, to be started again"""
    with World() as world:
        world.make_hub()
        world.start_hub({"KINWARD_FAULT": "zap.serve:12:fail"})
        civil = world.agent("ke-civil", "KE")
        until(lambda: world.send(civil, people.death(adult()), options=["--wait", "1"], check=False) == [] and not world.hub.alive(), 60,
              "the end of the hub")
        check(world.hub.wait(5) != 0 and any("part.ended" in line for line in world.hub.err), world.hub.err[-3:])


def looks():
    """records are shown for a purpose and a case only, each look is in the journal first; unprivileged users get nothing"""
    with Registers() as world:
        world.open()
        dead = adult()
        first = world.put(world.civil, people.death(dead))
        second = world.put(world.civil, people.death(dead, "2025-02-02", version="2"))
        get = ["record", "get", first, "--config", world.hub_config]
        for words in ([], ["--purpose", "audit"], ["--case", "7"], ["--purpose", "", "--case", ""]):
            done = world.run(*get, *words, check=False)
            check(done.returncode in (1, 2) and dead.family not in done.stdout, (words, done))
        done = world.run(*get, "--purpose", "audit", "--case", "7")
        check(dead.family in done.stdout, done)
        history = ["record", "history", "D-" + dead.number, "--registry", "ke.civil", "--config", world.hub_config, "--json"]
        check(world.run(*history, check=False).returncode == 2, "without a purpose")
        told = world.run(*history, "--purpose", "court order", "--case", "8").stdout
        check("[%d,%d]" % (first, second) in told.replace(" ", ""), told)
        acts = [(act["positions"], act["purpose"], act["case"], act["by"]) for act in world.journal_acts(kinds=(6,))
                if act["act"] == "record-shown"]
        check(acts[:2] == [([first], "audit", "7", "uid 0"), ([first, second], "court order", "8", "uid 0")] or os.geteuid(), acts[:2])
        check(world.run(*get[:2], 99999, *get[3:], "--purpose", "x", "--case", "y", check=False).returncode == 1, "no such position")
        if os.geteuid() == 0:
            for one in (world.folder, world.path("hub.ke"), world.path("hub.ke/hub.xml")):
                os.chmod(one, 0o755)
            for words in (["status"], ["record", "get", str(first), "--purpose", "p", "--case", "c"], ["principal", "list"]):
                done = subprocess.run([PROGRAM, *words, "--config", str(world.hub_config)], capture_output=True, text=True, user=65534,
                                      group=65534, extra_groups=[], timeout=30)
                check(done.returncode == 1 and "(forbidden)" in done.stderr and not done.stdout, (words, done))
        check(world.hub.stop() == 0, "the hub's end")


def silent():
    """no line of any process, no status, no error names a person: checks, alerts, conflicts, rejections, quarantine"""
    with Registers() as world:
        world.open(environment={"KINWARD_FAULT": "validator.record:5:kill"})
        persons = [child(), child(), adult(), adult()]
        one, two, dead, other = persons
        spoken = [world.run("status", "--config", world.hub_config).stdout]
        world.put(world.police, people.notice(one, "N-1"), people.notice(two, "N-2"))
        world.put(world.civil, people.death(dead), people.birth(two, other))
        for number, travellers in enumerate(([one, other], [two, other], [dead])):
            world.ask_text(world.border, people.crossing("C-%d" % number, travellers))
        for text in (people.death(dead, "2025-03-03"), people.death(dead, source="<b/>"), people.death(dead, status=dead.family),
                     people.death(other, jurisdiction="TZ"), people.crossing("C-9", [one]).replace("<role>child</role>", "")):
            done = world.run("submit", "--config", world.civil, "--json", world.file("bad.xml", text), check=False)
            spoken.append(done.stderr)
        world.send(world.police, *[people.birth(child(), adult()) for _ in range(4)], people.birth(one, other))
        world.told()
        for words in (["quarantine", "list"], ["review", "list"], ["principal", "list"], ["status", "--json"]):
            spoken.append(world.run(*words, "--config", world.hub_config).stdout)
        check(world.hub.stop() == 0, "the hub's end")
        for process in world.processes:
            spoken += process.err + process.out
        check(any("validator.failed" in line for line in spoken), "a validator was to fail")
        for person in persons:
            for word in person.secrets():
                found = [line for line in spoken if re.search(r"\b%s\b" % re.escape(word), line)]
                check(not found, (word, found[:2]))


main([wrong_starts, wrong_keys, two_hubs, principals, door, looks, silent])
