#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An agent with three connectors: what OpenCRVS and an API of births register and a border service writes arrives at the hub, once each."""
import json
import os
import pathlib
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "agent"))
import lib  # noqa: E402
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[1] / "mocks"))
import folder as border  # noqa: E402
from registries import SECRET, Mock, close_all  # noqa: E402

CONNECTORS = """
<connector name="crvs" plugin="opencrvs" registry="ke.crvs">
<option name="auth" value="{0.url}"/><option name="gateway" value="{0.url}"/><option name="webhooks" value="{0.url}"/>
<option name="client-id" value="kinward"/><option name="listen" value="127.0.0.1:{0.hook}"/>
<option name="callback" value="http://127.0.0.1:{0.hook}/hook"/><option name="poll" value="300ms"/>
<secret name="client-secret" file="{1}/client"/><secret name="webhook-secret" file="{1}/hook"/></connector>
<connector name="border" plugin="csv" registry="ke.border">
<option name="folder" value="{1}/in"/><option name="rejects" value="{1}/rejects"/><option name="poll" value="100ms"/></connector>
<connector name="births" plugin="http-poll" registry="ke.births">
<option name="url" value="{2.url}/items"/><option name="items" value="/data/items"/><option name="id" value="/id"/>
<option name="version" value="/updated"/><option name="mapping" value="example"/><option name="paging" value="next"/>
<option name="next" value="/next"/><option name="size-parameter" value="size"/><option name="page-size" value="4"/>
<option name="since-parameter" value="since"/><option name="since-field" value="/updated"/><option name="poll" value="100ms"/></connector>"""


class Births(Mock):
    program = "http_poll.py"

    def put(self, count):
        return [one["id"] for one in self.ask("/control/put", {"count": count})["put"]]


class Registries(lib.Agent):
    def __init__(self, **options):
        self.mock, self.births = Mock(), Births()
        super().__init__(**options)
        os.mkdir(self.folder + "/in")
        for name, text in [("client", "client-secret"), ("hook", SECRET)]:
            os.chmod(self.file(name, text + "\n"), 0o600)
        self.configure(CONNECTORS.format(self.mock, self.folder, self.births))

    def begin(self):
        process = self.start(["connector", "run", "--config", self.config])
        process.lines = []
        threading.Thread(target=lambda: process.lines.extend(process.stderr), daemon=True).start()
        return process

    def await_effects(self, count, process):
        end = time.monotonic() + 20
        while len(self.hub.effects) < count and time.monotonic() < end:
            time.sleep(0.02)
        lib.check(len(self.hub.effects) == count, "%d of %d; %s" % (len(self.hub.effects), count, "".join(process.lines)[-1500:]))

    def subscribed(self):
        end = time.monotonic() + 10
        while len(self.mock.state()["subscriptions"]) < 2 and time.monotonic() < end:
            time.sleep(0.05)


def samples(agent):
    count = 0
    for sequence, name in enumerate(["checks", "consents", "documents", "notices"], 1):
        data = (lib.SOURCE / "connectors/csv/samples" / (name + ".csv")).read_bytes()
        border.put(agent.folder + "/in", name, sequence, data, len(data.splitlines()) - 1)
        count += len(data.splitlines()) - 1
    return count


def everything():
    """registered before and after the start, by webhook and by search, and every sample row of a border service"""
    agent = Registries()
    keys = agent.mock.register(count=9, kinds=["birth", "death", "marriage"], deliver=False)
    keys += agent.births.put(7)
    rows = samples(agent)
    process = agent.begin()
    agent.subscribed()
    keys += agent.mock.register(files=True, count=4)
    keys += agent.births.put(3)
    agent.await_effects(len(keys) + rows, process)
    time.sleep(1)
    agent.await_effects(len(keys) + rows, process)
    statuses = [one["status"] for one in agent.mock.state()["deliveries"]]
    lib.check(statuses and set(statuses) == {200}, statuses)
    for key in keys:
        lib.check(key.split("@")[0] in agent.hub.effects, key)
    process.send_signal(signal.SIGTERM)
    lib.check(process.wait(10) == 0, "exit")
    told = json.loads(agent.run(["agent", "status", "--config", agent.config], check=True).stdout)
    lib.check(told["quarantined"] == 0 and told["outcomes"]["accepted"] == len(keys) + rows, told)
    lib.check(not agent.hub.problems, agent.hub.problems[:3])
    agent.close()
    close_all()


def killed():
    """all connector processes killed ten times while registrations and rows come: all of them arrive, once each"""
    agent = Registries()
    process, keys, rows = agent.begin(), [], 0
    agent.subscribed()
    for turn in range(1, 11):
        keys += agent.mock.register(count=3) + agent.births.put(3)
        data = b"record_id,event,number,at\r\n" + b"".join(b"K%d-%d,document_check,C%d-%d,2026-07-12T14:05:10Z\r\n" % ((turn, n) * 2)
                                                           for n in range(5))
        border.put(agent.folder + "/in", "k%02d" % turn, turn, data, 5)
        rows += 5
        time.sleep(0.1)
        children = pathlib.Path("/proc/%d/task/%d/children" % (process.pid, process.pid)).read_text().split()
        for child in children:
            try:
                if b"connector" in pathlib.Path("/proc/%s/cmdline" % child).read_bytes().split(b"\0"):
                    os.kill(int(child), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                pass
    agent.await_effects(len(keys) + rows, process)
    lib.check(len(set(agent.hub.effects)) == len(agent.hub.effects), "twice")
    process.send_signal(signal.SIGTERM)
    lib.check(process.wait(10) == 0, "exit")
    lib.check(any("connector.ended" in line for line in process.lines), "none was killed")
    agent.close()
    close_all()


lib.main([everything, killed])
