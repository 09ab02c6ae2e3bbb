# SPDX-License-Identifier: Apache-2.0
# lib.py - folders, records and runs of the program for the tests of the agent.
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("KINWARD_SOURCE", "."))
PROGRAM = str(pathlib.Path(os.environ.get("KINWARD_BUILD", "build")) / "kinward")
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import fakehub  # noqa: E402

BASE = (SOURCE / "schemas/examples/valid/document-lost.xml").read_text()
CHECK = SOURCE / "schemas/examples/valid/document-check.xml"


def record(number, version="1"):
    text = re.sub(r"<id>[^<]*</id>", "<id>T-%d</id>" % number, BASE, count=1)
    return re.sub(r"<version>[^<]*</version>", "<version>%s</version>" % version, text, count=1)


def records(numbers):
    bodies = [re.sub(r"<\?xml[^>]*\?>\s*", "", record(n)).replace(' xmlns="urn:kinward:record:1"', "") for n in numbers]
    return '<records xmlns="urn:kinward:record:1">%s</records>' % "".join(bodies)


class Agent:
    open = []  # a test that fails in the middle leaves nothing running

    def __init__(self, **hub_options):
        Agent.open.append(self)
        self.processes = []
        self.home = tempfile.TemporaryDirectory(prefix="kinward-agent-")
        self.folder = self.home.name
        self.run(["init", self.folder + "/a", "--role", "agent", "--name", "ke-test", "--jurisdiction", "KE"], check=True)
        self.hub = fakehub.FakeHub(self.folder, self.origin_public(), **hub_options)
        self.hub.start()
        self.config = self.folder + "/a/agent.xml"
        self.configure()

    def origin_public(self):
        import base64
        line = open(self.folder + "/a/card").readline()
        return base64.b64decode(json.loads(line)["sign"])

    def configure(self, extra=""):
        with open(self.config, "w") as file:
            file.write('<agent xmlns="urn:kinward:config:1" name="ke-test" jurisdiction="KE"><keys folder="keys"/>'
                       '<hub endpoint="%s" card="%s"/><spool folder="spool"/>%s</agent>\n' % (self.hub.endpoint, self.hub.card, extra))

    def environment(self, more=None):
        return {**os.environ, "KINWARD_SILENCE_MS": "300", **(more or {})}

    def run(self, arguments, check=False, environment=None, timeout=60):
        return subprocess.run([PROGRAM] + arguments, env=self.environment(environment), text=True, capture_output=True,
                              check=check, timeout=timeout)

    def start(self, arguments, environment=None):
        return self.keep(subprocess.Popen([PROGRAM] + arguments, env=self.environment(environment), text=True,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE))

    def keep(self, process):
        self.processes.append(process)
        return process

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def submit(self, *files, environment=None, wait="5", options=()):
        return self.run(["submit", "--config", self.config, "--json", "--wait", wait, *options, *files], environment=environment)

    def close(self):
        Agent.open.remove(self)
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if not self.hub.stopping:
            self.hub.stop()
        self.home.cleanup()


def outcomes(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def main(tests):
    print("1..%d" % len(tests))
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test()
            print("ok %d - %s" % (number, test.__doc__))
        except Exception as error:
            failed += 1
            print("not ok %d - %s" % (number, test.__doc__))
            print("# %s: %s" % (type(error).__name__, str(error).replace("\n", "\n# ")))
        for agent in list(Agent.open):
            agent.close()
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
