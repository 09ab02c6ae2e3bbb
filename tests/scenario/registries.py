#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real connectors between mock registries and a hub, remote and under its supervision: everything arrives, once."""
import os
import pathlib
import signal
import socket
import sys
import json
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "mocks"))
import folder  # noqa: E402
from world import Registers, check, main, until  # noqa: E402

SECRET = "d04aec67-1ef4-467a-a5a8-fa5c89ad71ce"
CONNECTORS = """
<connector name="crvs" plugin="opencrvs" registry="ke.crvs">
<option name="auth" value="{url}"/><option name="gateway" value="{url}"/><option name="webhooks" value="{url}"/>
<option name="client-id" value="kinward"/><option name="listen" value="127.0.0.1:{hook}"/>
<option name="callback" value="http://127.0.0.1:{hook}/hook"/><option name="poll" value="300ms"/>
<secret name="client-secret" file="{secrets}/client"/><secret name="webhook-secret" file="{secrets}/hook"/></connector>
<connector name="border" plugin="csv" registry="ke.border">
<option name="folder" value="{watched}"/><option name="poll" value="100ms"/></connector>"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Country(Registers):
    """A hub, an OpenCRVS and a border service's folder, with an agent for both."""

    def begin(self):
        self.environment["KINWARD_HTTP_MS"] = "1500"
        self.open()
        self.crvs = self.mock("opencrvs.py").ready["url"]
        self.watched = self.path("out")
        self.watched.mkdir()
        self.keys, self.files = set(), 0
        for name, text in (("client", "client-secret"), ("hook", SECRET)):
            self.file(name, text + "\n").chmod(0o600)
        self.agent_config = self.configure_agent("ke-border", CONNECTORS.format(url=self.crvs, hook=free_port(), secrets=self.folder,
                                                                                watched=self.watched))
        return self

    def tell(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        return json.load(urllib.request.urlopen(self.crvs + path, data=data, timeout=10))

    def register(self, **asked):
        for one in self.tell("/control/register", asked)["registered"]:
            self.keys.add(("ke.crvs", one["id"], one["version"]))

    def misbehave(self, on, do, **more):
        self.tell("/control/misbehave", {"on": on, "do": do, **more})

    def rows(self, count=5):
        self.files += 1
        name = "rows-%03d" % self.files
        data = "record_id,version,event,at,number\r\n" + "".join(
            "%s-%d,1,document_check,2026-07-12T14:05:10+03:00,%s-%d\r\n" % (name, n, name, n) for n in range(count))
        folder.put(self.watched, name, self.files, data.encode(), count)
        self.keys |= {("ke.border", "%s-%d" % (name, n), "1") for n in range(count)}

    def subscribed(self):
        until(lambda: len(self.tell("/control/state")["subscriptions"]) == 2, 30, "the subscriptions")

    def accepted(self):
        return self.status()["journal"]["entries"]

    def arrived(self, seconds=60):
        """Waits until all is there; then nothing is there twice, or in another form."""
        try:
            until(lambda: self.keys <= set(self.stored_quickly()), seconds, "all records")
        except AssertionError as error:
            missing = sorted(self.keys - set(self.stored()))
            raise AssertionError("%s; %d of %d missing: %s" % (error, len(missing), len(self.keys), missing[:3]))
        stored = self.stored()
        check(len(stored) == len(set(stored)), "stored twice: %s" % [one for one in stored if stored.count(one) > 1][:3])
        check(set(stored) == self.keys, "nobody registered: %s" % sorted(set(stored) - self.keys)[:3])
        outcomes = self.status()["intake"]["outcomes"]
        check(not outcomes.get("conflict") and not outcomes.get("rejected") and not outcomes.get("quarantined"), outcomes)

    def stored_quickly(self):
        """Looks into the journal only when it may hold everything: each look is an entry itself."""
        counts = self.status()["intake"]["outcomes"]
        fresh = counts.get("accepted", 0) + getattr(self, "before", 0)
        return self.stored() if fresh >= len(self.keys) else ()

    def restart_hub(self, kill=False):
        self.before = getattr(self, "before", 0) + self.status()["intake"]["outcomes"].get("accepted", 0)
        check(self.hub.kill() is not None if kill else self.hub.stop() == 0, self.hub.err[-3:])
        self.start_hub()


def remote():
    """an agent over TCP, its registry misbehaving in every way, agent and hub started again in between: all of it, once"""
    with Country() as world:
        world.begin()
        world.register(count=6, kinds=["birth", "death", "marriage"], deliver=False)
        agent = world.start("connector", "run", "--config", world.agent_config)
        world.subscribed()
        world.register(files=True, count=4, kinds=["birth", "death"])
        world.rows()
        world.arrived()
        for on, do, more in (("graphql", "expire", {}), ("graphql", "429", {"retry_after": 1}), ("graphql", "500", {}),
                             ("graphql", "cut", {}), ("graphql", "html", {}), ("delivery", "duplicate", {}),
                             ("delivery", "wrong-signature", {}), ("delivery", "drop", {}), ("delivery", "cut", {}), ("token", "500", {})):
            world.misbehave(on, do, **more)
            world.register(count=2, kinds=["birth", "death"])
        world.misbehave("graphql", "hang", seconds=3)
        world.register(count=2, kinds=["birth", "death"], deliver=False)
        world.rows()
        check(agent.stop() == 0, agent.err[-3:])
        world.register(count=3, kinds=["birth", "death"], deliver=False)  # nobody listens
        world.rows()
        agent = world.start("connector", "run", "--config", world.agent_config)
        world.restart_hub()
        world.register(count=3, kinds=["birth", "death"])
        world.arrived()
        agent.kill()
        world.rows()
        agent = world.start("connector", "run", "--config", world.agent_config)
        world.restart_hub(kill=True)
        world.rows()
        world.arrived()
        told = json.loads(world.run("agent", "status", "--config", world.agent_config).stdout)
        check(told["quarantined"] == 0, told)
        check(agent.stop() == 0, agent.err[-3:])
        check(world.hub.stop() == 0, "the hub's end")


def supervised():
    """an agent beside the hub: started by it, started again when it is killed, shown in the status, ended with it"""
    with Country() as world:
        world.begin()
        check(world.hub.stop() == 0, "the hub's end")
        text = world.hub_config.read_text()
        world.hub_config.write_text(text.replace("</hub>", '<connector config="%s"/></hub>' % world.agent_config))
        world.start_hub()
        world.subscribed()

        def child():
            found = world.status()["children"]
            check(len(found) == 1 and found[0]["config"] == str(world.agent_config), found)
            return found[0]
        check(child()["running"] and child()["restarts"] == 0, child())
        world.register(count=4, kinds=["birth", "death"])
        world.rows()
        world.arrived()
        for turn in (1, 2, 3):
            pid = world.hub.children()["agent"][0]
            world.register(count=2, kinds=["birth", "death"], deliver=turn == 1)
            world.rows()
            os.kill(pid, signal.SIGKILL)
            until(lambda: child()["restarts"] >= turn and child()["running"], 30, "another agent")
            check(world.hub.children()["agent"][0] != pid, "another process")
        world.arrived()
        pids = [pid for pids in world.hub.children().values() for pid in pids]
        check(world.hub.stop() == 0, "the hub's end")
        check(not [pid for pid in pids if pathlib.Path("/proc/%d" % pid).exists()], "no child is left")
        world.register(count=2, kinds=["birth"], deliver=False)
        world.before = 10 ** 6  # look at once
        world.start_hub()
        world.arrived()
        check(world.hub.stop() == 0, "the hub's end")


def stopped():
    """connectors that were stopped are killed and started again: what was registered meanwhile arrives, once"""
    with Country() as world:
        world.begin()
        agent = world.start("connector", "run", "--config", world.agent_config, environment={"KINWARD_HANG_MS": "2000"})
        world.subscribed()
        world.register(count=3, kinds=["birth", "death"])
        world.rows()
        world.arrived()
        before = agent.children()["connector"]
        check(len(before) == 2, before)
        for pid in before:
            os.kill(pid, signal.SIGSTOP)
        world.register(count=3, kinds=["birth", "death"], deliver=False)
        world.rows()
        world.arrived()
        after = agent.children()["connector"]
        check(len(after) == 2 and not set(after) & set(before), (before, after))
        for name in ("crvs", "border"):
            check(any("connector.hangs" in line and "connector=" + name in line for line in agent.err), agent.err[-5:])
        check(agent.stop() == 0, agent.err[-3:])
        check(world.hub.stop() == 0, "the hub's end")


main([remote, supervised, stopped])
