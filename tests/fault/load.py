# SPDX-License-Identifier: Apache-2.0
# load.py - a world under load: two registries with agents, a bulk sender, a border post, an agency; and its history when all is quiet.
import concurrent.futures
import contextlib
import json
import pathlib
import random
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario"), str(HERE.parent / "mocks")]
import folder as watched  # noqa: E402
import people  # noqa: E402
from client import Sender  # noqa: E402
from history import History, Item, Receipt, chain_of  # noqa: E402
from world import Failure, World, until  # noqa: E402

ALERT = "{urn:kinward:alert:1}"
SECRETS = {"client-secret": "client-secret", "webhook-secret": "d04aec67-1ef4-467a-a5a8-fa5c89ad71ce"}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def rows_of(path, question):
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=10)) as database:
        return database.execute(question).fetchall()


class Load(World):
    def __init__(self, seed, pace=1.0, mounts=()):
        # repetitions come with a new connection, not by impatience: a loaded machine would drown in them
        super().__init__({"KINWARD_SILENCE_MS": "6000"})
        self.random, self.numbers, self.pace = random.Random(seed), people.Numbers(), pace
        self.history, self.lock = History(), threading.Lock()
        self.threads, self.ended, self.errors = [], threading.Event(), []
        self.dead, self.registered, self.rows, self.files = [], [], 0, 0
        self.agents, self.follow, self.mounted = {}, None, []
        self.make_hub(witnesses=2)
        for place, mebibytes in mounts:  # a small disk of its own for hub.ke/data or an agent's spool
            self.mount(place, mebibytes)
        self.start_hub()
        self.make_crvs()
        self.make_post()
        self.senders = {}
        for name, roles in (("ke-civil", ("registry",)), ("ke-border", ("registry", "border"))):
            self.agent(name, "KE", *roles)
            self.senders[name] = Sender(self.intake, self.path(name), self.path(self.hub_name, "card"), name)
            self.senders[name].start()
        self.agency("desk-ke", "KE")
        self.start_follow()

    def mount(self, place, mebibytes):
        path = self.path(place)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=%dm" % mebibytes, "kinward-fault", str(path)], check=True)
        self.mounted.append(path)

    def close(self):
        for sender in getattr(self, "senders", {}).values():
            sender.end()
        for process in reversed(self.processes):
            process.stop()
        for path in self.mounted:
            subprocess.run(["umount", str(path)], check=True)
        super().close()

    # ---- parties -----------------------------------------------------------------------------------

    def make_crvs(self):
        self.mock_url = self.mock("opencrvs.py").ready["url"]
        self.agent("ke-crvs", "KE")
        self.path("ke-crvs", "secrets").mkdir()
        for name, value in SECRETS.items():
            secret = self.path("ke-crvs", "secrets", name)
            secret.write_text(value)
            secret.chmod(0o600)
        port = free_port()
        options = {"auth": self.mock_url, "gateway": self.mock_url, "webhooks": self.mock_url, "client-id": "kinward", "poll": "500ms",
                   "listen": "127.0.0.1:%d" % port, "callback": "http://127.0.0.1:%d/hook" % port, "daily-limit": "100000000"}
        inner = "".join('<option name="%s" value="%s"/>' % pair for pair in options.items())
        inner += "".join('<secret name="%s" file="secrets/%s"/>' % (name, name) for name in SECRETS)
        self.configure_agent("ke-crvs", '<connector name="crvs" plugin="opencrvs" registry="ke.crvs">%s</connector>' % inner)
        self.start_agent("ke-crvs")

    def make_post(self):
        self.agent("ke-post", "KE", "registry", "border")
        self.path("out").mkdir()
        self.configure_agent("ke-post", '<connector name="post" plugin="csv" registry="ke.post"><option name="folder" value="%s"/>'
                             '<option name="poll" value="100ms"/></connector>' % self.path("out"))
        self.start_agent("ke-post")

    def start_agent(self, name, environment=None, wait=True):
        self.agents[name] = self.start("connector", "run", "--config", self.path(name, "agent.xml"), name=name, environment=environment)
        if wait:
            self.agents[name].wait_ready()
        return self.agents[name]

    def start_follow(self, environment=None):
        # between two heartbeats there is nothing to hear
        self.follow = self.start("feed", "follow", "--config", self.path("desk-ke", "agency.xml"), "--json", name="follow",
                                 environment={"KINWARD_SILENCE_MS": "15000", **(environment or {})})
        return self.follow

    def start_hub(self, environment=None, wait=True):
        hub = super().start_hub(environment, wait)
        for sender in getattr(self, "senders", {}).values():
            sender.lost = True
        return hub

    def restart_witness(self, name, environment):
        self.witnesses[name] = self.start("witness", "--config", self.path(name, "witness.xml"), name=name, environment=environment)
        if not environment:
            self.witnesses[name].wait_ready()

    def ask_mock(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.mock_url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    # ---- load --------------------------------------------------------------------------------------

    def begin(self):
        loops = [(self.load_civil, 0.02), (self.load_border, 0.03), (self.load_crvs, 0.4), (self.load_post, 0.4)]
        for loop, pause in loops:
            thread = threading.Thread(target=self.repeat, args=(loop, pause * self.pace), daemon=True)
            self.threads.append(thread)
            thread.start()

    def repeat(self, loop, pause):
        try:
            while not self.ended.wait(pause):
                loop()
        except Exception as error:  # told by settle()
            self.errors.append(error)

    def send(self, name, records, verb="SUBMIT"):
        with self.lock:
            for key, _ in records:
                self.history.sent[key] = name
        return self.senders[name].put(records, verb)

    def expect(self, rule, *keys):
        with self.lock:
            self.history.expected["%s %s" % (rule, keys[0][1])] = (rule, keys)

    def wait_for(self, batch):
        while not batch.done.wait(0.1) and not self.ended.is_set():
            pass
        return batch.done.is_set()

    def load_civil(self):
        batches = [self.send("ke-civil", [people.birth(self.numbers.next()) for _ in range(8)]) for _ in range(3)]
        for batch in batches:
            if not self.wait_for(batch):
                return

    def load_border(self):
        """A child is reported missing and checked; with a dead man's number now and then. A check goes alone and ahead."""
        number, dead = self.numbers.next(), None
        notice = people.notice(number)
        if not self.wait_for(self.send("ke-border", [notice])):
            return
        if self.dead and self.random.random() < 0.5:
            dead = self.dead.pop()
        check = people.check(number, dead and dead[1])
        self.expect("M3", notice[0], check[0])
        if dead:
            self.expect("D5", check[0], dead[0])
        self.wait_for(self.send("ke-border", [check], "CHECK"))

    def load_crvs(self):
        number = self.numbers.next()
        man = people.dead_man(number)
        death = {"kind": "death", "deceased": man, "deathDate": "2026-03-01", "relationship": "SON",
                 "informant": {**people.dead_man(self.numbers.next()), "given": "Informant"}}
        answer = self.ask_mock("/control/register", {"events": [death], "count": 2, "kinds": ["birth", "marriage"]})["registered"]
        with self.lock:
            for one in answer:
                key = ("ke.crvs", one["id"], one["version"])
                self.history.sent[key] = "ke-crvs"
                self.registered.append(key)
        self.dead.append((("ke.crvs", answer[0]["id"], answer[0]["version"]), man["nationalId"]))

    def load_post(self):
        lines = []
        for _ in range(2):
            number = self.numbers.next()
            lines += people.rows(number)
            keys = [("ke.post", "%s-%d" % (letter, number), "1") for letter in "NC"]
            with self.lock:
                for key in keys:
                    self.history.sent[key] = "ke-post"
            self.expect("M3", *keys)
        self.files += 1
        self.rows += len(lines)
        watched.put(self.path("out"), "f%06d" % self.files, self.files, (people.HEADER + "".join(lines)).encode(), len(lines), pause=0.005)

    # ---- quiet ---------------------------------------------------------------------------------------

    def receipted(self, name):
        """Records that an agent has receipts for; of no more than the last 10,000 batches, as it keeps them."""
        return sum(row[0] for row in rows_of(self.path(name, "spool/spool.db"), "SELECT count FROM receipt"))

    def progress(self):
        """Grows whenever anything is receipted or received."""
        done = sum(len(sender.finished) for sender in self.senders.values())
        with contextlib.suppress(sqlite3.Error):
            done += sum(self.receipted(name) for name in self.agents)
        return done + len(self.follow.out)

    def spools_empty(self):
        wanted = {"ke-crvs": len(self.registered), "ke-post": self.rows}
        return all(self.receipted(name) >= wanted[name] for name in self.agents)

    def stop_load(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)
        if self.errors:
            raise self.errors[0]

    def settle(self, seconds=120):
        """Everything comes to rest; what was quarantined is put in again, as an operator would."""
        self.stop_load()
        for name, agent in list(self.agents.items()):
            status = self.json_of("agent", "status", "--config", self.path(name, "agent.xml"))
            if status["quarantined"]:
                agent.stop()
                self.run("agent", "requeue", "--config", self.path(name, "agent.xml"))
                self.start_agent(name)
        try:
            until(lambda: self.broken() or all(sender.idle() for sender in self.senders.values()), seconds, "the last receipt of the senders")
        except Failure as failure:
            raise Failure("%s: %s; hub: %s; log: %s" % (failure, {name: (len(sender.waiting), sender.queue.qsize(), dict(sender.codes),
                          sender.error) for name, sender in self.senders.items()}, self.status(), self.hub.err[-8:])) from failure
        until(self.spools_empty, seconds, "the last receipt of the agents")
        for one in self.json("quarantine", "list", "--config", self.hub_config)["quarantine"]:
            self.run("quarantine", "retry", one["number"], "--config", self.hub_config)
        self.ask_again()

        def quiet():
            status = self.status()
            log, last = status["ledger"], self.outbox()
            return (status["detect"]["position"] == status["journal"]["entries"] == log["entries"] and log["released"] == log["sealed"]
                    and self.confirmed() == last) and status
        return until(quiet, seconds, "a quiet hub")

    def broken(self):
        for sender in self.senders.values():
            if sender.error:
                raise sender.error
        return False

    def json_of(self, *arguments):
        return json.loads(self.run(*arguments).stdout)

    def outbox(self):
        return rows_of(self.path(self.hub_name, "data/detect.db"), "SELECT coalesce(max(number), 0) FROM outbox")[0][0]

    def confirmed(self):
        return rows_of(self.path(self.hub_name, "data/detect.db"), "SELECT coalesce(max(received), 0) FROM stream")[0][0]

    def ask_again(self):
        """Each record once more, in other batches: what is there is a duplicate at its position."""
        again = []
        for name, sender in self.senders.items():
            taken = [(batch, [body for body in self.bodies(batch)]) for batch in list(sender.finished)]
            pairs = [pair for batch, bodies in taken for pair in zip(batch.keys, bodies) if batch.verb == "SUBMIT"]
            again += [sender.put(pairs[at:at + 128]) for at in range(0, len(pairs), 128)]
            again += [sender.put([(batch.keys[0], bodies[0])], "CHECK") for batch, bodies in taken if batch.verb == "CHECK"]
        self.again = set(batch.id for batch in again)
        until(lambda: self.broken() or all(batch.done.is_set() for batch in again), 300, "the answer about each record")
        for batch in again:
            for key, result in zip(batch.keys, batch.results or [{"outcome": batch.refused}] * len(batch.keys)):
                outcome = "duplicate" if batch.verb == "CHECK" and batch.results else result["outcome"]
                self.history.present[key] = (outcome, [result["position"]] if "position" in result else [])

    @staticmethod
    def bodies(batch):
        from client import unpack
        return unpack(batch.payload)[1::2]

    # ---- history ---------------------------------------------------------------------------------------

    def collect(self):
        """The history, when it is quiet."""
        history = self.history
        for name, sender in self.senders.items():
            for batch in sender.finished:
                if batch.id not in self.again:
                    history.receipts += [Receipt(name, batch.id.hex(), slot, key, result["outcome"], result.get("position", 0))
                                         for slot, (key, result) in enumerate(zip(batch.keys, batch.results))]
            for batch in sender.refused:
                history.receipts += [Receipt(name, batch.id.hex(), slot, key, batch.refused, 0) for slot, key in enumerate(batch.keys)]
        for name in self.agents:
            for identity, header in rows_of(self.path(name, "spool/spool.db"), "SELECT batch, header FROM receipt"):
                history.receipts += [Receipt(name, identity.hex(), slot, None, result["outcome"], result.get("position", 0))
                                     for slot, result in enumerate(json.loads(header)["results"])]
            status = self.json_of("agent", "status", "--config", self.path(name, "agent.xml"))
            history.waiting.update({"%s of %s" % (queue, name): status[queue] for queue in ("documents", "records", "batches", "quarantined")})
        self.look_up()
        records = "SELECT position, kind IN (1, 2) FROM entry ORDER BY position"
        history.entries = [(position, bool(kind)) for position, kind in rows_of(self.path(self.hub_name, "data/journal.db"), records)]
        status = until(lambda: (lambda s: s if s["entries"] >= len(history.entries) and s["released"] == s["sealed"] else None)(
            self.status()["ledger"]), 60, "the log of everything")
        audit = self.run("ledger", "audit", self.path(self.hub_name, "data/log"), "--policy", self.path(self.hub_name, "policy"), check=False)
        told = "" if audit.returncode == 0 else ": " + (audit.stderr or audit.stdout)[-400:]
        history.log = {**{name: status[name] for name in ("entries", "sealed", "released")}, "audit": audit.returncode, "told": told}
        self.collect_alerts()
        return history

    def look_up(self):
        """What came by an agent, by the operator's question for a record's history."""
        def ask(key):
            return self.json("record", "history", key[1], "--registry", key[0], "--purpose", "fault test", "--case", "1", "--config",
                             self.hub_config)["positions"]
        keys = [key for key, name in self.history.sent.items() if name in self.agents]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for key, positions in zip(keys, pool.map(ask, keys)):
                self.history.present[key] = ("duplicate" if positions else "not-found", positions)

    def collect_alerts(self):
        """The whole stream once more into a new inbox, and what the killed one has."""
        history, fresh = self.history, self.path("fresh")
        shutil.copytree(self.path("desk-ke"), fresh, ignore=shutil.ignore_patterns("inbox"))
        self.run("feed", "fetch", "--config", fresh / "agency.xml", timeout=300, environment={"KINWARD_SILENCE_MS": "15000"})
        question = "SELECT number, previous, chain, envelope, body, hex(alert) FROM item ORDER BY number"
        items = rows_of(fresh / "inbox/items.db", question)

        def show(item):
            return self.run("feed", "show", item[0], "--format", "xml", "--config", fresh / "agency.xml").stdout
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            texts = list(pool.map(show, items))
        for (number, previous, chain, envelope, body, alert), text in zip(items, texts):
            statement = ElementTree.fromstring(text)
            places = frozenset(int(fact.findtext(ALERT + "record")) for fact in statement.iter(ALERT + "fact"))
            history.delivered.append(Item(number, previous, chain, envelope, body, alert, statement.findtext(ALERT + "rule/" + ALERT + "id"),
                                          places))
        history.received = dict(rows_of(self.path("desk-ke/inbox/items.db"), "SELECT number, chain FROM item"))
        history.outbox, history.confirmed = self.outbox(), self.confirmed()


__all__ = ["Load", "Failure", "until", "chain_of", "time"]
