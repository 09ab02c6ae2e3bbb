# SPDX-License-Identifier: Apache-2.0
# registries.py - runs a mock for a test, and a connector towards it.
import json
import pathlib
import socket
import subprocess
import sys
import urllib.request

from driver import Connector

MOCKS = pathlib.Path(__file__).parents[2] / "mocks"
SECRET = "d04aec67-1ef4-467a-a5a8-fa5c89ad71ce"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Mock:
    open = []
    program = "opencrvs.py"
    context = None  # of TLS

    def __init__(self, *arguments):
        Mock.open.append(self)
        self.process = subprocess.Popen([sys.executable, str(MOCKS / self.program), *arguments], stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stdout.readline())["url"]
        self.hook = free_port()

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        return json.load(urllib.request.urlopen(self.url + path, data=data, timeout=10, context=self.context))

    def register(self, **asked):
        return [one["id"] + "@" + one["version"] for one in self.ask("/control/register", asked)["registered"]]

    def misbehave(self, on, do, **more):
        self.ask("/control/misbehave", {"on": on, "do": do, **more})

    def state(self):
        return self.ask("/control/state")

    def count(self, name):
        return self.state()["counts"].get(name, 0)

    def connector(self, hook=False, environment=None, **more):
        options = {"auth": self.url, "gateway": self.url, "client-id": "kinward", "poll": "200ms", **more.pop("options", {})}
        secrets = {"client-secret": "client-secret", **more.pop("secrets", {})}
        if hook:
            options.update({"webhooks": self.url, "listen": "127.0.0.1:%d" % self.hook, "callback": "http://127.0.0.1:%d/hook" % self.hook})
            secrets["webhook-secret"] = SECRET
        return Connector("opencrvs", options, secrets, environment={"KINWARD_HTTP_MS": "1500", **(environment or {})}, **more)

    def subscribed(self, connector):
        connector.wait(lambda: len(self.state()["subscriptions"]) == 2, what="subscriptions")

    def delivered(self, connector, count):
        connector.wait(lambda: len(self.state()["deliveries"]) >= count, what="deliveries")
        return [one["status"] for one in self.state()["deliveries"]]

    def close(self):
        Mock.open.remove(self)
        self.process.kill()
        self.process.wait()


def close_all():
    for one in list(Mock.open):
        one.close()
