# SPDX-License-Identifier: Apache-2.0
# world.py - a hub with its witnesses, registries and agencies as processes in one folder, on free loopback ports.
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
SOURCE = pathlib.Path(os.environ.get("KINWARD_SOURCE") or pathlib.Path(__file__).resolve().parents[2]).resolve()
BUILD = pathlib.Path(os.environ.get("KINWARD_BUILD") or SOURCE / "build").resolve()
PROGRAM = str(BUILD / "kinward")
CONFIG = 'xmlns="urn:kinward:config:1"'
PATIENCE = 4  # sanitizers on a busy machine take that much longer than a plain build on an idle one
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from people import several  # noqa: E402


class Failure(AssertionError):
    pass


def check(condition, what=""):
    if not condition:
        raise Failure(str(what))


def until(condition, seconds=20, what="it"):
    """What condition gives, as soon as that is true. Only a failure takes longer on a machine that is quick."""
    end = time.monotonic() + PATIENCE * seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failure("%s did not happen within %g s" % (what, seconds))
        time.sleep(0.02)


class Process:
    """A program in the foreground; its lines are kept, its first JSON line is `ready`."""

    def __init__(self, arguments, environment=None, name=None):
        self.name = name or pathlib.Path(arguments[0]).name
        self.out, self.err, self.ready = [], [], None
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                        errors="replace", env={**os.environ, **(environment or {})})
        self.threads = [threading.Thread(target=self.collect, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for thread in self.threads:
            thread.start()

    def collect(self, stream, lines):
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def wait_ready(self, seconds=30):
        def first():
            if self.out:
                return self.out[0]
            if not self.alive():
                self.threads[1].join(2)
                raise Failure("%s ended with %d: %s" % (self.name, self.process.returncode, "\n".join(self.err[-5:])))
            return None
        self.ready = json.loads(until(first, seconds, "the first line of " + self.name))
        return self

    def wait(self, seconds=30):
        self.process.wait(PATIENCE * seconds)
        for thread in self.threads:
            thread.join(5)
        return self.process.returncode

    def stop(self, seconds=30):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        if self.alive():
            self.process.kill()
        return self.wait()

    def children(self):
        """Process ids by role: {"validator": [1, 2], …}."""
        found = {}
        try:
            pids = pathlib.Path("/proc/%d/task/%d/children" % (self.pid, self.pid)).read_text().split()
            for task in pathlib.Path("/proc/%d/task" % self.pid).iterdir():
                pids += (task / "children").read_text().split()
        except OSError:
            return found
        for pid in dict.fromkeys(pids):
            try:
                words = pathlib.Path("/proc/%s/cmdline" % pid).read_bytes().split(b"\0")
            except OSError:
                continue
            if len(words) > 2 and words[1] == b"child":
                found.setdefault(words[2].decode(), []).append(int(pid))
        return found


class World:
    """Everything in one temporary folder, ended and removed by close(), or at the end of a `with`."""

    def __init__(self, environment=None, folder=None):
        self.home = None if folder else tempfile.TemporaryDirectory(prefix="kinward-world-")
        self.folder = pathlib.Path(folder or self.home.name)
        self.environment = {"KINWARD_SILENCE_MS": "1000", **(environment or {})}
        self.processes, self.jurisdictions, self.hub_options = [], {}, {}
        self.fingerprints, self.seen_fingerprints = {}, {}  # by name: as the owner was told it, as the operator saw it
        self.hub = None

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.close()

    # ---- programs ------------------------------------------------------------------------------

    def run(self, *arguments, check=True, timeout=120, environment=None):
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
                              env={**os.environ, **self.environment, **(environment or {})})
        if check and done.returncode != 0:
            raise Failure("kinward %s: exit %d: %s" % (" ".join(map(str, arguments)), done.returncode, (done.stderr or done.stdout)[-600:]))
        return done

    def json(self, *arguments, **options):
        return json.loads(self.run(*arguments, "--json", **options).stdout)

    def start(self, *arguments, program=PROGRAM, environment=None, name=None):
        process = Process([program, *map(str, arguments)], {**self.environment, **(environment or {})}, name or str(arguments[0]))
        self.processes.append(process)
        return process

    def mock(self, script, *arguments):
        return self.start(SOURCE / "tests/mocks" / script, *arguments, program="/usr/bin/python3", name=script).wait_ready()

    def close(self):
        for process in reversed(self.processes):
            if process.alive():
                process.process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.processes = []
        if self.home:
            self.home.cleanup()

    # ---- places --------------------------------------------------------------------------------

    def path(self, *parts):
        return self.folder.joinpath(*parts)

    def init(self, name, role, jurisdiction, *more):
        """The folder of one party; its card is beside its keys. Answers its fingerprint."""
        out = self.run("init", self.path(name), "--role", role, "--name", name, "--jurisdiction", jurisdiction, *more).stdout
        self.jurisdictions[name] = jurisdiction
        self.fingerprints[name] = out.split("fingerprint ")[-1].strip()
        return self.fingerprints[name]

    def card(self, name):
        return json.loads(self.path(name, "card").read_text().splitlines()[0])

    def start_witness(self, name, jurisdiction, log_vkey):
        config = self.path(name, "witness.xml")
        if not config.exists():
            self.init(name, "witness", jurisdiction, "--ledger", "127.0.0.1:0")
            config.write_text(re.sub(r"<!--.*?-->", '<log vkey="%s"/>' % log_vkey, config.read_text(), flags=re.S))
        witness = self.start("witness", "--config", config, name=name).wait_ready()
        # another start takes the same port, which the hub's policy names
        port = re.search(r":(\d+)", json.dumps(witness.ready)).group(1)
        config.write_text(re.sub(r'port="\d+"', 'port="%s"' % port, config.read_text()))
        return witness

    def make_hub(self, name="hub.ke", jurisdiction="KE", witnesses=0, quorum=None, detect="", attributes=None, extra=""):
        """A hub's folder with its witnesses running. detect: children of <detect>; attributes: of elements, by name."""
        self.hub_name = name
        self.init(name, "hub", jurisdiction, "--intake", "tcp://127.0.0.1:0", "--feed", "tcp://127.0.0.1:0", "--ledger", "127.0.0.1:0")
        self.hub_config = self.path(name, "hub.xml")
        self.witnesses = {}
        policy = self.path(name, "policy")
        lines = ["log " + self.card(name)["log"]]
        for number in range(witnesses):
            other = "witness-%d" % (number + 1)
            witness = self.start_witness(other, "KE", self.card(name)["log"])
            self.witnesses[other] = witness
            url = "http://127.0.0.1:%s" % re.search(r":(\d+)", json.dumps(witness.ready)).group(1)
            lines.append("witness w%d %s %s" % (number + 1, self.card(other)["witness"], url))
        if witnesses:
            names = " ".join("w%d" % (n + 1) for n in range(witnesses))
            lines += ["group all %s %s" % (quorum or "all", names), "quorum all"]
        else:
            lines.append("quorum none")
        policy.write_text("\n".join(lines) + "\n")
        text = self.hub_config.read_text()
        text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.S)
        text = re.sub(r'<detect ([^>]*)/>', r'<detect \1>%s</detect>%s' % (detect, extra), text)
        for element, more in (attributes or {}).items():
            for attribute, value in more.items():
                text = re.sub(r'(<%s [^>]*?)\s%s="[^"]*"' % (element, attribute), r"\1", text)
                text = re.sub(r"<%s\b" % element, '<%s %s="%s"' % (element, attribute, value), text)
        self.hub_config.write_text(text)
        return self.hub_config

    def start_hub(self, environment=None, wait=True):
        """Starts the hub; from its first start on it keeps the ports it was given."""
        self.hub = self.start("hub", "--config", self.hub_config, environment=environment, name=self.hub_name)
        if not wait:
            return self.hub
        ready = self.hub.wait_ready().ready
        self.intake, self.feed, self.ledger = ready["intake"], ready["feed"], ready["ledger"]
        text = self.hub_config.read_text()
        text = re.sub(r'(<intake [^>]*endpoint=)"[^"]*"', r'\1"%s"' % self.intake, text)
        text = re.sub(r'(<feed [^>]*endpoint=)"[^"]*"', r'\1"%s"' % self.feed, text)
        text = re.sub(r'port="0"', 'port="%s"' % self.ledger.rsplit(":", 1)[1], text)
        self.hub_config.write_text(text)
        return self.hub

    def status(self):
        return self.json("status", "--config", self.hub_config)

    def add(self, name, *roles, more=()):
        """Makes a principal known to the running hub, as its operator would."""
        card = self.path(name, "card")
        shown = self.run("card", "show", card).stdout
        fingerprint = re.search(r"(?:[0-9a-f]{4}-){9}[0-9a-f]{4}", shown).group(0)
        self.seen_fingerprints[name] = fingerprint
        arguments = [word for role in roles for word in ("--role", role)]
        return self.run("principal", "add", card, "--fingerprint", fingerprint, *arguments, *more, "--config", self.hub_config)

    def agent(self, name, jurisdiction, *roles):
        """A registry's side: its folder, known to the hub. Answers its configuration file."""
        self.init(name, "agent", jurisdiction, "--hub", self.intake, "--hub-card", self.path(self.hub_name, "card"))
        self.add(name, *(roles or ("registry",)))
        return self.path(name, "agent.xml")

    def configure_agent(self, name, inner, profile=None):
        """Puts <connector> elements into an agent's configuration, with the build tree's plugins."""
        config = self.path(name, "agent.xml")
        disclosure = '<disclosure profile="%s"/>' % profile if profile else ""
        config.write_text('<agent %s name="%s" jurisdiction="%s"><keys folder="keys"/><hub endpoint="%s" card="%s"/>'
                          '<spool folder="spool"/>%s<plugins folder="%s" trust="%s"/>%s</agent>\n'
                          % (CONFIG, name, self.jurisdictions[name], self.intake, self.path(self.hub_name, "card"), disclosure,
                             BUILD / "connectors", BUILD / "plugin-trust", inner))
        return config

    def agency(self, name, jurisdiction, *mandate):
        self.init(name, "agency", jurisdiction, "--hub", self.feed, "--hub-card", self.path(self.hub_name, "card"))
        self.add(name, "agency", more=mandate)
        return self.path(name, "agency.xml")

    # ---- records -------------------------------------------------------------------------------

    def file(self, name, text):
        path = self.path(name)
        path.write_text(text)
        return path

    def send(self, config, *texts, **options):
        """Submits records given as text, in one file of their own. Their outcomes, in order."""
        self.sent = getattr(self, "sent", 0) + 1
        whole = texts[0] if len(texts) == 1 else several(texts)
        return self.submit(config, self.file("sent-%d.xml" % self.sent, whole), **options)

    def put(self, config, *texts, **options):
        """As send; all of them must be accepted. The position of the last one."""
        found = self.send(config, *texts, **options)
        wanted = {"accepted", "remapped"}
        if len(found) != len(texts) or any(one["outcome"] not in wanted for one in found):
            raise Failure("not accepted: %s" % found)
        return found[-1]["position"]

    def ask_text(self, config, text, **options):
        self.sent = getattr(self, "sent", 0) + 1
        return self.ask(config, self.file("sent-%d.xml" % self.sent, text), **options)

    def settled(self):
        """Waits until detection has seen the whole journal, so that what it would say is said."""
        def passed():
            told = self.status()
            return told if told["detect"]["position"] == told["journal"]["entries"] else None
        return until(passed, 30, "detection")

    def letters(self, config, check=True):
        """Everything that an agency has got, oldest first, after fetching what there is."""
        self.settled()
        self.run("feed", "fetch", "--config", config, "--wait", "10", check=check)
        return sorted(self.json("feed", "list", "--all", "--config", config), key=lambda one: one["number"])

    def control(self, verb, header):
        """One question to the hub's own socket, without the program between: (header, payload) of its answer."""
        text = json.dumps(header).encode()
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(20)
            line.connect(str(self.path(self.hub_name, "run/control.sock")))
            line.sendall(struct.pack(">I16s8sI", 28 + len(text), verb.encode(), b"", len(text)) + text)
            data = b""
            while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
                more = line.recv(1 << 16)
                if not more:
                    raise Failure("%s: no answer" % verb)
                data += more
        size = struct.unpack(">I", data[28:32])[0]
        if data[4:20].rstrip(b"\0") != b"OK":
            raise Failure("%s: %s" % (verb, data[32:32 + size].decode()))
        return json.loads(data[32:32 + size] or b"{}"), data[32 + size:]

    def journal(self, kinds):
        """Entries as (kind, text): records 1, checks 2, reviews 3, feedback 4, acknowledgements 5, administration 6, ticks 7."""
        found = []
        for position in range(1, self.status()["journal"]["entries"] + 1):
            header, payload = self.control("RECORD-GET", {"position": position, "purpose": "test", "case": "T-1"})
            if header["kind"] in kinds:
                found.append((header["kind"], payload[4:].decode()))
        return found

    def journal_acts(self, kinds=(3, 4, 5, 6)):
        return [json.loads(text) for _, text in self.journal(kinds)]

    def stored(self):
        """(registry, source id, version) of every record in the journal, in its order."""
        pattern = re.compile(r"<sourceRecord><registry>([^<]*)</registry>.*?<id>([^<]*)</id>(?:<version>([^<]*)</version>)?", re.S)
        return [pattern.search(text).groups() for _, text in self.journal((1, 2))]

    def submit(self, config, *files, options=(), check=True, timeout=120):
        """Outcomes, one a record: {"record","outcome","position",…}."""
        done = self.run("submit", "--config", config, "--json", *options, *files, check=check, timeout=timeout)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def ask(self, config, path, check=True):
        """A check at a border: {"answer","case","complete","position",…}."""
        return self.json("check", "--config", config, path, "--wait", "30", check=check)


class Registers(World):
    """A hub with a civil registry, a border service, a police desk and an agency."""

    def open(self, detect="", environment=None, **options):
        self.make_hub(detect=detect, **options)
        self.start_hub(environment)
        self.civil = self.agent("ke-civil", "KE")
        self.border = self.agent("ke-border", "KE", "registry", "border")
        self.police = self.agent("ke-police", "KE")
        self.desk = self.agency("desk-ke", "KE")
        return self

    def told(self):
        """What the desk was told, as (rule, reason, type)."""
        return [(one["rule"], one["reason"], one["type"]) for one in self.letters(self.desk)]

    def waiting(self):
        self.settled()
        return self.json("review", "list", "--config", self.hub_config)["review"]

    def decide(self, word, one, **options):
        return self.run("review", word, "%s.%d" % (one["alert"], one["revision"]), "--by", "staff-7", "--reason", "looked at",
                        "--config", self.hub_config, **options)

    def asked(self, text):
        """Checks at the border: the answer, asked again where detection needed longer than a check waits."""
        answer = until(lambda: (lambda one: one if one["complete"] else None)(self.ask_text(self.border, text)), 20, "an answer")
        check((answer["case"] is not None) == (answer["answer"] == "refer"), answer)
        return answer["answer"]


def main(tests):
    """Runs functions as a TAP program; the docstring of each names it. Arguments choose some by their names."""
    if len(sys.argv) > 1:
        tests = [test for test in tests if test.__name__ in sys.argv[1:]]
    print("1..%d" % len(tests), flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test()
            print("ok %d - %s" % (number, test.__doc__), flush=True)
        except Exception as error:  # whatever it was, the others still run
            failed += 1
            print("not ok %d - %s" % (number, test.__doc__))
            print("# %s: %s" % (type(error).__name__, str(error).replace("\n", "\n# ")), flush=True)
    sys.exit(1 if failed else 0)
