# SPDX-License-Identifier: Apache-2.0
# driver.py - the agent's end of a connector's pipe: what a connector emits, and what it is told of it.
import json
import os
import pathlib
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

BUILD = pathlib.Path(os.environ.get("KINWARD_BUILD", "build")).resolve()
SOURCE = pathlib.Path(os.environ.get("KINWARD_SOURCE", ".")).resolve()


def check(condition, text=""):
    if not condition:
        raise AssertionError(str(text))


def item(data):
    return struct.pack(">I", len(data)) + data


def items(payload):
    found = []
    while payload:
        size = struct.unpack(">I", payload[:4])[0]
        found.append(payload[4:4 + size])
        payload = payload[4 + size:]
    return found


class Connector:
    """One run of `kinward child connector`. keep: whether a document is said to be durable (a function of it, or a bool)."""

    open = []

    def __init__(self, name, options, secrets=None, cursor=b"", credit=1000, keep=True, environment=None, known=None):
        Connector.open.append(self)
        ours, theirs = socket.socketpair()
        command = 'exec 3<&%d; exec "$0" child connector "$1"' % theirs.fileno()
        self.process = subprocess.Popen(["bash", "-c", command, str(BUILD / "kinward"), str(BUILD / "connectors" / name / (name + ".so"))],
                                        pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        theirs.close()
        self.socket, self.keep, self.cursor = ours, keep, cursor
        self.documents, self.keys, self.known, self.credit = [], [], set() if known is None else known, 0
        self.ready, self.ended, self.status_answers, self.lines = None, None, queue.Queue(), []
        self.lock = threading.Lock()
        secrets = secrets or {}
        self.send("START", {"name": name, "options": options, "secrets": list(secrets)},
                  item(cursor) + b"".join(item(value.encode()) for value in secrets.values()))
        self.add_credit(credit)
        threading.Thread(target=self.receive_all, daemon=True).start()
        threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True).start()

    def send(self, verb, header, payload=b""):
        text = json.dumps(header).encode()
        body = verb.encode().ljust(16, b"\0") + bytes(8) + struct.pack(">I", len(text)) + text + payload
        try:
            with self.lock:
                self.socket.sendall(struct.pack(">I", len(body)) + body)
        except OSError:
            pass

    def add_credit(self, count):
        self.credit += count
        self.send("CREDIT", {"n": count})

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive_all(self):
        try:
            while True:
                body = self.exactly(struct.unpack(">I", self.exactly(4))[0])
                size = struct.unpack(">I", body[24:28])[0]
                self.take(body[:16].rstrip(b"\0").decode(), json.loads(body[28:28 + size] or b"{}"), body[28 + size:])
        except (EOFError, OSError):
            pass

    def take(self, verb, header, payload):
        if verb == "READY":
            self.ready = header
        elif verb == "ENDED":
            self.ended = header
        elif verb == "STATUS":
            self.status_answers.put(header)
        elif verb == "DOCUMENT":
            document, cursor = items(payload)
            header["document"] = document
            kept = self.keep(header) if callable(self.keep) else self.keep
            if kept and document and header["key"] not in self.known:
                self.known.add(header["key"])
                self.keys.append(header["key"])
                self.documents.append(header)
            if kept and cursor:
                self.cursor = cursor
            self.send("DURABLE" if kept else "FAILED", {"token": header["token"], "code": "read-only"})

    def status(self):
        self.send("STATUS", {})
        return self.status_answers.get(timeout=5)

    def wait(self, condition, seconds=8, what=""):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.01)
        raise AssertionError("%s not in time; %d documents; %s; %s" % (what or "it was", len(self.documents), self.ended, "".join(self.lines)[-1500:]))

    def wait_documents(self, count, seconds=8):
        self.wait(lambda: len(self.documents) >= count, seconds, "%d documents" % count)

    def logged(self, event):
        return any(event in line for line in list(self.lines))

    def port(self):
        self.wait(lambda: self.ready, what="READY")
        self.wait(lambda: self.status()["port"], what="listener")
        return self.status()["port"]

    def stop(self):
        if self in Connector.open:
            Connector.open.remove(self)
        self.send("STOP", {})
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("it did not end: " + "".join(self.lines)[-500:])
        finally:
            self.socket.close()
        return code

    def kill(self):
        if self in Connector.open:
            Connector.open.remove(self)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.socket.close()


def main(tests, after=lambda: None):
    print("1..%d" % len(tests), flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        started = time.monotonic()
        try:
            test()
            print("ok %d - %s: %s" % (number, test.__name__, test.__doc__), flush=True)
        except Exception as error:  # each test has its own line
            failed += 1
            print("not ok %d - %s: %s" % (number, test.__name__, repr(error)), flush=True)
        for one in list(Connector.open):
            one.kill()
        after()
        print("# %.1f s" % (time.monotonic() - started), flush=True)
    sys.exit(1 if failed else 0)
