# SPDX-License-Identifier: Apache-2.0
# parties.py - the demo's processes and files: hub, witnesses, the two registries with their agents, the desk.
import json
import re
import socket
import time
import urllib.request

import cast
from world import Failure, World, check, until

WEBHOOK_SECRET = "d04aec67-1ef4-467a-a5a8-fa5c89ad71ce"
OPENCRVS = """<connector name="crvs" plugin="opencrvs" registry="ke.crvs">
<option name="auth" value="{url}"/><option name="gateway" value="{url}"/><option name="webhooks" value="{url}"/>
<option name="client-id" value="kinward"/><option name="listen" value="127.0.0.1:{hook}"/>
<option name="callback" value="http://127.0.0.1:{hook}/hook"/><option name="poll" value="2s"/>
<option name="page-size" value="200"/><option name="daily-limit" value="200000"/>
<secret name="client-secret" file="{secrets}/client"/><secret name="webhook-secret" file="{secrets}/hook"/></connector>"""
CSV = """<connector name="border" plugin="csv" registry="ke.border"><option name="folder" value="{0}/in"/>
<option name="rejects" value="{0}/rejects.csv"/><option name="poll" value="200ms"/></connector>"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Parties:
    def __init__(self, folder):
        self.folder = folder
        # the clients' patience is theirs again, not that of a test in a hurry
        self.world = World({"KINWARD_SILENCE_MS": "15000"}, folder)
        self.proofs = folder / "proofs"
        self.proofs.mkdir()
        self.started = []
        self.border = self.agency = self.follow = None

    # ---- making and ending ---------------------------------------------------------------------------

    def start_hub(self):
        self.world.make_hub(witnesses=2, attributes={"detect": {"status": "Exercise", "contact": "hub.ke, duty telephone"}})
        self.world.start_hub()
        self.policy = self.world.path("hub.ke/policy")

    def join(self, name):
        """Makes a party and adds its card to the hub. Answers its fingerprint as its owner and as the operator see it."""
        world = self.world
        if name == "desk-ke":
            self.agency = world.agency(name, "KE", "--rules", "D5 M3 P5")
        else:
            world.agent(name, "KE", *(["registry", "border"] if name == "ke-border" else ["registry"]))
        return world.fingerprints[name], world.seen_fingerprints[name]

    def start_registry(self):
        self.url = self.world.mock("opencrvs.py").ready["url"]

    def start_agents(self):
        world = self.world
        self.inbox = world.path("ke-border/in")
        self.inbox.mkdir()
        secrets = world.path("ke-civil/secrets")
        secrets.mkdir()
        for name, text in [("client", "client-secret"), ("hook", WEBHOOK_SECRET)]:
            path = secrets / name
            path.touch(0o600)
            path.write_text(text + "\n")
        civil = world.configure_agent("ke-civil", OPENCRVS.format(url=self.url, hook=free_port(), secrets=secrets))
        self.border = world.configure_agent("ke-border", CSV.format(world.path("ke-border")))
        for name, config in [("ke-civil", civil), ("ke-border", self.border)]:
            world.start("connector", "run", "--config", config, name=name).wait_ready()
        until(lambda: len(self.ask_mock("/control/state")["subscriptions"]) == 2, 20, "the subscription to webhooks")
        self.follow = world.start("feed", "follow", "--config", self.agency, "--json", name="desk-ke")

    def close_all_processes(self):
        self.started += self.world.processes
        self.world.close()

    def close(self):
        self.close_all_processes()

    def write_logs(self):
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        for number, process in enumerate(self.started, 1):
            (logs / ("%02d-%s.log" % (number, process.name))).write_text("\n".join(process.out + process.err) + "\n")

    def short(self, text):
        """Paths as seen from the demo's folder."""
        return text.replace(str(self.folder) + "/", "")

    # ---- registries ------------------------------------------------------------------------------------

    def ask_mock(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.url + path, data=data, timeout=60) as answer:
            return json.load(answer)

    def register(self, **asked):
        return self.ask_mock("/control/register", asked)["registered"]

    def accepted_by_hub(self):
        return self.world.status()["intake"]["outcomes"].get("accepted", 0)

    def agent_status(self, name):
        return json.loads(self.world.run("agent", "status", "--config", self.world.path(name, "agent.xml")).stdout)

    # ---- border ------------------------------------------------------------------------------------------

    def record_of(self, one):
        """The common record of a check, made from the border service's row by the connector's stylesheet."""
        number = one.row["number"].lower()
        rows = self.folder / (number + ".csv")
        rows.write_bytes(cast.check_file(one))
        made = self.world.run("normalize", "--connector", "csv", "--jurisdiction", "KE", "--registry", "ke.border", rows)
        one.path = self.folder / (number + ".xml")
        one.path.write_text(made.stdout)
        return one.path

    def ask(self, path):
        """The hub's answer; the patience is for a machine that is busy with other things."""
        return self.world.json("check", "--config", self.border, "--wait", "10", path)

    # ---- desk --------------------------------------------------------------------------------------------

    def alert_arrives(self, number):
        """The alert of that number, as soon as the desk's client has stored it and says so."""
        until(lambda: len(self.follow.out) >= number, 10, "alert %d at the desk" % number)
        return json.loads(self.follow.out[number - 1])

    def desk_off_line(self):
        check(self.follow.stop() == 0, "kinward feed follow ended badly")

    def feed(self, *words):
        return self.world.run("feed", *words, "--config", self.agency).stdout

    # ---- auditor -------------------------------------------------------------------------------------------

    def patient(self, *words, seconds=30):
        """Runs a command again while it says that cosignatures are awaited (exit 6)."""
        end = time.monotonic() + seconds
        while True:
            done = self.world.run(*words, check=False)
            if done.returncode == 0:
                return done
            if done.returncode != 6 or time.monotonic() > end:
                raise Failure("kinward %s: %s" % (words[0], done.stderr.strip()))
            time.sleep(0.1)

    def birth_record(self, actors):
        """(position, sender, file) of the story's first birth record, as the hub hands it out for a stated purpose."""
        reason = ["--purpose", "audit", "--case", "demo", "--config", self.world.hub_config]
        history = self.world.json("record", "history", actors.birth_id, "--registry", "ke.crvs", *reason)
        position = history["positions"][-1]
        path = self.folder / "birth.xml"
        self.world.run("record", "get", position, "--out", path, *reason)
        return position, "ke-civil", path
