#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kinward connector run with a connector of the test's own: pulled and delivered documents, kills, quarantine, a full disk."""
import base64
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import nacl.signing

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lib  # noqa: E402
from lib import Agent, check, main, record  # noqa: E402

PLUGIN = os.environ.get("KINWARD_EMITTER") or os.path.join(os.environ["KINWARD_BUILD"], "tests/contract/emitter.so")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Connected(Agent):
    """An agent with one connector, in a plugin folder signed by a key of the test."""

    def __init__(self, **options):
        super().__init__(**options)
        plugins = os.path.join(self.folder, "plugins/emitter")
        os.makedirs(plugins, mode=0o755)
        shutil.copy(PLUGIN, plugins + "/emitter.so")
        os.chmod(plugins + "/emitter.so", 0o755)
        shutil.copy(lib.SOURCE / "connectors/record/record.xsl", plugins)
        key = nacl.signing.SigningKey.generate()
        line = json.dumps({"kinward-plugin": 1, "name": "emitter", "version": "1.0", "abi": "0.2", "kind": "connector",
                           "capabilities": ["listener", "folder"],
                           "sha256": hashlib.sha256(open(PLUGIN, "rb").read()).hexdigest(), "made": "2026-01-01T00:00:00.000Z",
                           "expires": "2099-01-01T00:00:00.000Z"}, separators=(",", ":"))
        signature = key.sign(b"kinward/plugin/v1\n" + line.encode()).signature
        self.file("plugins/emitter/emitter.manifest", line + "\n" + base64.b64encode(signature).decode() + "\n")
        self.file("plugins/trust", base64.b64encode(bytes(key.verify_key)).decode() + "\n")
        os.mkdir(self.folder + "/in")
        self.port = free_port()
        self.configure()

    def configure(self, extra="", limit=""):
        if not hasattr(self, "port"):
            return super().configure(extra)
        text = ('<plugins folder="{0}/plugins" trust="{0}/plugins/trust"/><connector name="one" plugin="emitter" registry="ke.test">'
                '<option name="folder" value="{0}/in"/><option name="listen" value="127.0.0.1:{1}"/></connector>')
        return super().configure(text.format(self.folder, self.port))

    def put(self, number, text=None):
        path = os.path.join(self.folder, "in/r-%06d.xml" % number)
        with open(path + ".part", "w") as file:
            file.write(text or record(number))
        os.rename(path + ".part", path)

    def begin(self, environment=None):
        process = self.start(["connector", "run", "--config", self.config], environment)
        process.lines = []
        threading.Thread(target=lambda: process.lines.extend(process.stderr), daemon=True).start()
        return process

    def deliver(self, number, text=None):
        url = "http://127.0.0.1:%d/hook?key=%d%%401" % (self.port, number)
        request = urllib.request.Request(url, data=(text or record(number)).encode(), method="POST")
        try:
            return urllib.request.urlopen(request, timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def await_listener(self):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("no listener")

    def await_effects(self, count, seconds=20):
        end = time.monotonic() + seconds
        while len(self.hub.effects) < count and time.monotonic() < end:
            time.sleep(0.02)
        check(len(self.hub.effects) >= count, "%d of %d records in the hub" % (len(self.hub.effects), count))

    def await_drained(self):
        """Everything has its receipt, too."""
        end = time.monotonic() + 10
        told = self.status()
        while told["documents"] + told["records"] + told["batches"] and time.monotonic() < end:
            time.sleep(0.1)
            told = self.status()

    def await_line(self, process, event, count=1):
        end = time.monotonic() + 60
        while sum(event in line for line in list(process.lines)) < count and time.monotonic() < end:
            time.sleep(0.02)
        check(sum(event in line for line in process.lines) >= count, "%s: %s" % (event, "".join(process.lines)[-1500:]))

    def stop(self, process):
        process.stdout.readline()  # {"ready":"agent"}
        process.send_signal(signal.SIGTERM)
        check(process.wait(10) == 0, "exit %d: %s" % (process.returncode, "".join(process.lines)[-500:]))

    def status(self):
        return json.loads(self.run(["agent", "status", "--config", self.config], check=True).stdout)


def wanted(agent, numbers):
    check(not agent.hub.problems, agent.hub.problems[:3])
    check(sorted(agent.hub.effects) == sorted("T-%d" % n for n in numbers), "%d effects" % len(agent.hub.effects))


def pulled_and_delivered():
    """both ways, in order, once each: what was delivered is not pulled again; after a restart it goes on at the cursor"""
    agent = Connected()
    for number in range(1, 101):
        agent.put(number)
    process = agent.begin()
    agent.await_effects(100)
    check(agent.hub.order == ["T-%d" % n for n in range(1, 101)], "order")
    agent.await_listener()
    check(agent.deliver(101) == 200 and agent.deliver(101) == 200, "delivered")
    agent.put(101)
    agent.put(102)
    agent.await_effects(102)
    agent.stop(process)
    agent.put(103)
    process = agent.begin()
    agent.await_effects(103)
    agent.await_drained()
    agent.stop(process)
    wanted(agent, range(1, 104))
    told = agent.status()
    check(told["documents"] + told["records"] + told["batches"] == 0 and told["outcomes"]["accepted"] == 103, told)
    agent.close()


def quarantined():
    """what the mapper refuses is kept with its code and blocks nobody; requeue gives it another try"""
    agent = Connected()
    agent.put(1)
    agent.put(2, "<record>not one</record>")
    agent.put(3)
    process = agent.begin()
    agent.await_effects(2)
    agent.stop(process)
    told = agent.status()
    check(told["quarantined"] == 1 and told["quarantined_codes"] == {"namespace": 1} or told["quarantined"] == 1, told)
    check("1 documents" in agent.run(["agent", "requeue", "--config", agent.config], check=True).stdout, "requeue")
    check(agent.status()["documents"] == 1 and agent.status()["quarantined"] == 0, agent.status())
    wanted(agent, [1, 3])
    agent.close()


def graded():
    """what the mapper warns of is counted by code and place, and the feed has a grade that says how much of it needs looking at"""
    agent = Connected()
    sheet = os.path.join(agent.folder, "plugins/emitter/record.xsl")
    text = open(sheet).read()
    warn = ("<xsl:if test=\"contains(., 'T-41') or contains(., 'T-42') or contains(., 'T-43')\">"
            "<xsl:if test=\"kw:warn('odd-code', 'party/sex')\"/></xsl:if>"
            "<xsl:if test=\"contains(., 'T-44')\"><xsl:if test=\"kw:warn('odd-code', 'event')\"/></xsl:if>")
    with open(sheet, "w") as file:
        file.write(text.replace('<xsl:copy-of select="*"/>', warn + '<xsl:copy-of select="*"/>'))
    for number in range(1, 41):
        agent.put(number)
    process = agent.begin()
    agent.await_effects(40)
    agent.await_drained()
    told = agent.status()
    check(told["mapped"] == 40 and told["mapped_warned"] == 0 and told["warnings"] == [] and told["grade"] == "A", told)
    for number in range(41, 45):
        agent.put(number)
    agent.await_effects(44)
    agent.await_drained()
    told = agent.status()
    check(told["warnings"] == [{"connector": "one", "code": "odd-code", "place": "party/sex", "documents": 3},
                               {"connector": "one", "code": "odd-code", "place": "event", "documents": 1}], told["warnings"])
    check(told["mapped_warned"] == 4 and told["grade"] == "B", told)
    agent.put(45, "<record>not one</record>")
    end = time.monotonic() + 20
    while not agent.status()["quarantined"] and time.monotonic() < end:
        time.sleep(0.05)
    told = agent.status()
    check(told["grade"] == "C" and "mapped" not in told["outcomes"], told)
    agent.stop(process)
    agent.close()


def crashing_mapper():
    """a mapper that dies on a document is started again; one that always dies costs that document and no other"""
    agent = Connected()
    for number in range(1, 8):
        agent.put(number)
    process = agent.begin({"KINWARD_FAULT": "mapper.map:3:kill"})
    agent.await_effects(7)
    agent.stop(process)
    check(any("mapper.failed" in line for line in process.lines), "it did die")
    for number in range(8, 11):
        agent.put(number)
    process = agent.begin({"KINWARD_FAULT": "mapper.map:1+:kill"})
    end = time.monotonic() + 15
    while agent.status()["quarantined"] < 3 and time.monotonic() < end:
        time.sleep(0.1)
    agent.stop(process)
    check(agent.status()["quarantined_codes"] == {"child": 3}, agent.status())
    wanted(agent, range(1, 8))
    agent.close()


def hanging():
    """a connector that does not come back from its own code is killed and started again, pulling or called: nothing is lost"""
    agent = Connected()
    agent.put(1)
    agent.put(2, "<hang/>")
    process = agent.begin({"KINWARD_HANG_MS": "800"})
    agent.await_line(process, "connector.hangs")
    agent.put(2)
    agent.put(3)
    agent.await_effects(3, 60)
    agent.await_listener()
    before = sum("connector.ended" in line for line in process.lines)
    check(agent.deliver(4, "<hang/>") == 0, "answered")
    agent.await_line(process, "connector.ended", before + 1)
    agent.await_listener()
    check(agent.deliver(4) == 200, "delivered")
    agent.await_effects(4, 60)
    agent.stop(process)
    told = [[line for line in process.lines if event in line] for event in ("connector.hangs", "connector.ended")]
    check(len(told[0]) == len(told[1]) and all("connector=one" in line for line in told[0]), told)
    check(all("status=9" in line for line in told[1]), told)
    check(agent.hub.order == ["T-%d" % n for n in range(1, 5)], agent.hub.order)
    wanted(agent, range(1, 5))
    agent.close()


def waiting():
    """a connector that waits inside the host for far longer than that is left alone"""
    agent = Connected()
    agent.put(1, "<wait/>")
    agent.put(2)
    process = agent.begin({"KINWARD_HANG_MS": "1500"})
    agent.await_effects(1, 60)
    agent.stop(process)
    check(not any("connector.hangs" in line or "connector.ended" in line for line in process.lines), process.lines)
    wanted(agent, [2])
    agent.close()


def no_hub():
    """without a line documents are taken and kept; with it they go out"""
    agent = Connected()
    agent.hub.stop()
    process = agent.begin()
    agent.await_listener()
    check([agent.deliver(n) for n in range(1, 21)] == [200] * 20, "taken")
    told = agent.status()
    check(told["documents"] + told["records"] == 20, told)
    agent.hub.start()
    agent.await_effects(20)
    agent.stop(process)
    wanted(agent, range(1, 21))
    agent.close()


def supervised():
    """beside a hub, as its child: it works the same, and ends when the hub's end of the pipe does"""
    agent = Connected()
    agent.put(1)
    ours, theirs = socket.socketpair()
    command = 'exec 3<&%d; exec "$0" child agent "$1"' % theirs.fileno()
    process = agent.keep(subprocess.Popen(["bash", "-c", command, lib.PROGRAM, agent.config], env=agent.environment(),
                                          pass_fds=[theirs.fileno()], stderr=subprocess.PIPE))
    theirs.close()
    agent.await_effects(1)
    ours.close()
    check(process.wait(5) == 0, "exit %d" % process.returncode)
    agent.close()


def killed():
    """killed 50 times, half of them at fault points, while documents come both ways: nothing answered or pulled is lost"""
    seed = int(os.environ.get("KINWARD_SEED", "0")) or random.randrange(1, 1 << 30)
    choose, points = random.Random(seed), ["document", "commit", "committed", "mapped", "sent", "receipt"]
    agent = Connected(batch_limit=7)
    delivered, number, kills, pulled, done = set(), 100000, 0, 0, False

    def sender():
        nonlocal number
        while not done:
            number += 1
            if agent.deliver(number) == 200:
                delivered.add(number)
            else:
                time.sleep(0.01)
    thread = threading.Thread(target=sender, daemon=True)
    thread.start()
    for turn in range(50):
        for _ in range(4):
            pulled += 1
            agent.put(pulled)
        fault = {"KINWARD_FAULT": "agent.%s:%d:kill" % (points[turn % 6], choose.randrange(1, 4))} if turn % 2 else None
        process = agent.begin(fault)
        try:
            process.wait(1.0 if fault else choose.uniform(0.05, 0.45))
        except subprocess.TimeoutExpired:
            process.kill()
        kills += process.wait() == -signal.SIGKILL
    done = True
    thread.join()
    process = agent.begin()
    agent.await_effects(len(delivered) + pulled)
    agent.await_drained()
    agent.stop(process)
    told = agent.status()
    print("# seed %d: %d kills, %d pulled, %d delivered, %d submits" % (seed, kills, pulled, len(delivered), agent.hub.count["SUBMIT"]))
    check(kills >= 45, "%d kills" % kills)
    check(told["documents"] + told["records"] + told["batches"] + told["quarantined"] == 0, told)
    effects = agent.hub.effects
    check(len(effects) == len(set(effects)), "an effect twice")
    lost = {"T-%d" % n for n in list(delivered) + list(range(1, pulled + 1))} - set(effects)
    check(not lost, "lost: %s" % sorted(lost)[:5])
    check(not agent.hub.problems, agent.hub.problems[:3])
    order = [int(name[2:]) for name in agent.hub.order if int(name[2:]) < 100000]
    check(order == sorted(order), "pulled documents out of order")
    agent.close()


def full_disk():
    """a full disk: a webhook is answered 503 and nothing that was answered 200 is lost; with space again it heals"""
    agent = Connected()
    spool = agent.folder + "/a/spool"
    mounted = "mount -t tmpfs -o size=24m tmpfs %s && exec %s connector run --config %s" % (spool, lib.PROGRAM, agent.config)
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        print("# no small disk: mounting is not allowed here")
        return
    agent.hub.stop()
    process = agent.keep(subprocess.Popen(["unshare", "-m", "sh", "-c", mounted], env=agent.environment(), text=True,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    process.lines = []
    threading.Thread(target=lambda: process.lines.extend(process.stderr), daemon=True).start()
    agent.await_listener()
    filler = "/proc/%d/root%s/filler" % (process.pid, spool)
    with open(filler, "wb") as file:
        try:
            while True:
                file.write(b"x" * 65536)
                file.flush()
        except OSError:
            file.truncate(max(0, file.tell() - 400000))
    kept, number, answer = set(), 0, 200
    while answer == 200 and number < 2000:
        number += 1
        answer = agent.deliver(number)
        if answer == 200:
            kept.add(number)
    check(answer == 503 and kept, "answer %d after %d" % (answer, number))
    agent.hub.start()
    os.unlink(filler)
    end = time.monotonic() + 10
    while agent.deliver(5000) != 200 and time.monotonic() < end:
        time.sleep(0.1)
    kept.add(5000)
    agent.await_effects(len(kept))
    agent.stop(process)
    check({"T-%d" % n for n in kept} <= set(agent.hub.effects), "lost")
    check(any("spool.full" in line for line in process.lines) and any("spool.healed" in line for line in process.lines), process.lines)
    check(not agent.hub.problems, agent.hub.problems[:3])
    agent.close()


def limit():
    """the configured limit of the spool: no more credit, 503, and on again when the hub has taken some"""
    agent = Connected()
    with open(agent.config) as file:
        text = file.read().replace('<spool folder="spool"/>', '<spool folder="spool" limit-mib="1"/>')
    with open(agent.config, "w") as file:
        file.write(text)
    agent.hub.stop()
    for number in range(1, 3000):
        agent.put(number)
    process = agent.begin()
    agent.await_listener()
    size, before = -1, -2
    while size != before:
        time.sleep(1)
        before, size = size, agent.status()["documents"] + agent.status()["records"]
    check(300 < size < 2999, "%d waiting" % size)
    check(agent.deliver(5000) != 200, "taken beyond the limit")
    agent.hub.start()
    agent.await_effects(2999)
    check(agent.deliver(5001) == 200, "taken again")
    agent.await_effects(3000)
    agent.stop(process)
    agent.hub.effects = [name for name in agent.hub.effects if name != "T-5000"]  # not promised, but it may have come later
    wanted(agent, list(range(1, 3000)) + [5001])
    agent.close()


def fill_without_line(agent, count):
    agent.hub.stop()
    for number in range(1, count + 1):
        agent.put(number)
    process = agent.begin()
    agent.await_listener()
    end = time.monotonic() + 60
    while agent.status()["records"] < count and time.monotonic() < end:
        time.sleep(0.05)
    return process


def carry(agent, config, *words, code=0):
    done = agent.run(["agent", words[0], "--config", config, *words[1:]])
    check(done.returncode == code, "%s: exit %d: %s%s" % (words, done.returncode, done.stdout, done.stderr))
    return done.stdout if code == 0 else done.stderr


def courier(agent):
    """An agent of the same keys, with a spool of its own."""
    shutil.copytree(agent.folder + "/a", agent.folder + "/b", ignore=shutil.ignore_patterns("spool"))
    config = agent.folder + "/b/agent.xml"
    home, agent.config = agent.config, config
    Agent.configure(agent)
    agent.config = home
    return config


def send_all(agent, config, count):
    home, agent.config = agent.config, config
    process = agent.begin()
    agent.await_effects(count)
    agent.await_drained()
    agent.stop(process)
    agent.config = home


def carried():
    """without a line: batches go to an agent of the same keys in a file, receipts come back in one; nothing leaves the spool before"""
    agent = Connected()
    process = fill_without_line(agent, 150)
    stick, back = agent.folder + "/stick.kwc", agent.folder + "/back.kwc"
    check("process" in carry(agent, agent.config, "export", "--out", stick, code=1), "beside the running agent")
    agent.stop(process)
    told = carry(agent, agent.config, "export", "--out", stick)
    check(told.endswith("batches, 150 records\n"), told)
    batches = told.split()[0]
    check(b"T-77<" not in open(stick, "rb").read() and os.stat(stick).st_mode & 0o777 == 0o600, "readable by others")
    check("is there already" in carry(agent, agent.config, "export", "--out", stick, code=1), "written over")
    there = courier(agent)
    check(carry(agent, there, "import", stick) == "%s batches, 150 records; 0 batches known before\n" % batches, "import")
    check(carry(agent, there, "import", stick) == "0 batches, 0 records; %s batches known before\n" % batches, "import again")
    agent.hub.start()
    send_all(agent, there, 150)
    wanted(agent, range(1, 151))
    check(carry(agent, there, "import", stick).startswith("0 batches, 0 records;"), "imported after they were receipted")
    check(agent.status()["records_sent"] == 150, "they left before a receipt was here")
    carry(agent, there, "export", "--receipts", "--out", back)
    told = "receipts of %s batches, 150 records; 0 not waited for\n" % batches
    check(carry(agent, agent.config, "import", back) == told, "receipts")
    check(carry(agent, agent.config, "import", back).endswith("; %s not waited for\n" % batches), "receipts again")
    state = agent.status()
    check(state["records_sent"] == 0 and state["receipts"] == int(batches) and state["outcomes"]["accepted"] == 150, state)
    sent = agent.hub.count["SUBMIT"]
    agent.put(151)
    send_all(agent, agent.config, 151)
    check(agent.hub.count["SUBMIT"] == sent + 1, "sent again")
    agent.close()


def carried_and_sent():
    """a line that comes back before the receipts: the same bytes from both places, one effect"""
    agent = Connected()
    agent.stop(fill_without_line(agent, 40))
    stick = agent.folder + "/stick.kwc"
    carry(agent, agent.config, "export", "--out", stick)
    there = courier(agent)
    carry(agent, there, "import", stick)
    agent.hub.start()
    send_all(agent, there, 40)
    send_all(agent, agent.config, 40)
    wanted(agent, range(1, 41))
    check(agent.status()["records_sent"] == 0, agent.status())
    agent.close()


def carried_damaged():
    """a file that is cut, changed, longer, or of other keys is refused with a reason; what was whole of it counts once"""
    agent = Connected()
    agent.stop(fill_without_line(agent, 30))
    stick, bad = agent.folder + "/stick.kwc", agent.folder + "/bad.kwc"
    carry(agent, agent.config, "export", "--out", stick)
    there, whole = courier(agent), open(stick, "rb").read()
    dice = random.Random(7)
    cases = [whole[:dice.randrange(len(whole))] for _ in range(8)] + [b"", whole + b"x", whole[:25] + whole[25:] + whole[25:]]
    for _ in range(12):
        changed = bytearray(whole)
        changed[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        cases.append(bytes(changed))
    for case in cases:
        open(bad, "wb").write(case)
        check("bad.kwc" in carry(agent, there, "import", bad, code=1), "accepted")
    agent.run(["init", agent.folder + "/c", "--role", "agent", "--name", "ke-test", "--jurisdiction", "KE"], check=True)
    shutil.copy(there, agent.folder + "/c/agent.xml")
    check("other keys" in carry(agent, agent.folder + "/c/agent.xml", "import", stick, code=1), "read with other keys")
    carry(agent, there, "import", stick)
    agent.hub.start()
    send_all(agent, there, 30)
    wanted(agent, range(1, 31))
    agent.close()


main([full_disk, limit, pulled_and_delivered, quarantined, graded, crashing_mapper, hanging, waiting, no_hub, supervised, killed, carried,
      carried_and_sent, carried_damaged])
