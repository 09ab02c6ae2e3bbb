#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile bytes at every boundary of a running hub, over real sockets: it goes on, and gives nothing away."""
import http.client
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import people  # noqa: E402
from people import adult, child  # noqa: E402
from world import Registers, check, main, until  # noqa: E402

GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\x01CURVE" + b"\0" * 15 + b"\0" + b"\0" * 31


def address(endpoint):
    host, port = endpoint.rsplit("/", 1)[1].rsplit(":", 1)
    return host, int(port)


def connect(endpoint):
    line = socket.create_connection(address(endpoint), 5)
    line.settimeout(5)
    return line


def drained(line):
    """Everything until the other side closes, or nothing comes any more."""
    found = b""
    try:
        while True:
            more = line.recv(65536)
            if not more:
                return found
            found += more
    except OSError:
        return found


def descriptors(world):
    return len(os.listdir("/proc/%d/fd" % world.hub.pid))


def goes_on(world, number):
    """The hub does its work: a record is stored, a check answered, everybody alive."""
    check(world.hub.alive(), "the hub ended: " + "\n".join(world.hub.err[-5:]))
    one = child()
    world.put(world.police, people.notice(one, "N-%d" % number))
    answer = world.json("check", "--config", world.border, "--wait", "20",
                        world.file("q.xml", people.crossing("C-%d" % number, [one])))
    check(answer["answer"] == "refer" or not answer["complete"], answer)
    check(world.hub.alive(), "the hub ended: " + "\n".join(world.hub.err[-5:]))


def lines():
    """garbage, cut greetings, commands of monstrous length and half-open lines on intake and feed"""
    random.seed(20260712)
    with Registers() as world:
        world.open()
        goes_on(world, 1)
        before = descriptors(world)
        held = []
        for endpoint in (world.intake, world.feed):
            pieces = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 100, b"\xff" * 1000, GREETING[:11], GREETING,
                      GREETING + b"\x04\x05HELLO", GREETING + b"\x06" + struct.pack(">Q", 1 << 62) + b"x" * 1000,
                      GREETING.replace(b"CURVE", b"NULL\0") + b"\x04\x29\x05READY", GREETING + b"\x04\xc6\x05HELLO" + os.urandom(192),
                      GREETING.replace(b"CURVE", b"PLAIN") + b"\x04\x10\x05HELLO\x05admin\x03abc"]
            pieces += [random.randbytes(random.randrange(1, 4000)) for _ in range(60)]
            pieces += [GREETING + random.randbytes(random.randrange(1, 300)) for _ in range(60)]
            for piece in pieces:
                line = connect(endpoint)
                try:
                    line.sendall(piece)
                except OSError:
                    pass
                line.close()
            held += [connect(endpoint) for _ in range(100)]  # half-open: they say nothing at all
            for line in held[::3]:
                line.sendall(GREETING[:20])
        goes_on(world, 2)
        for line in held:
            line.close()
        until(lambda: descriptors(world) <= before + 6, 30, "the descriptors of dead lines are given back")
        check(world.hub.stop() == 0, "the hub's end")


def raw_http(world, data, read=True):
    with connect(world.ledger) as line:
        try:
            line.sendall(data)
        except OSError:
            pass
        return drained(line) if read else b""


def web():
    """path traversal, garbage, huge headers and bodies, and many connections on the ledger's web port: no byte but the log's"""
    with Registers() as world:
        world.open(witnesses=0)
        goes_on(world, 1)
        secrets = [world.path("hub.ke/keys", name).read_bytes() for name in ("sign.key", "vault.key", "log.key")]
        paths = ["/../keys/sign.key", "/tile/../../keys/sign.key", "/tile/../../../keys/sign.key", "/tile/0/../../../../keys/vault.key",
                 "/%2e%2e/%2e%2e/keys/sign.key", "/tile/%2e%2e/%2e%2e/keys/sign.key", "/tile/..%2f..%2fkeys%2fsign.key", "//etc/passwd",
                 "/tile/0/000%00.key", "/tile/0/x001/../000", "/tile/99999999999999999999/000", "/tile/0/000.p/999", "/tile/-1/000",
                 "/checkpoint/../../journal.db", "/../journal.db", "/journal.db", "/tile/0/" + "x001/" * 2000 + "000", "/" + "A" * 100000,
                 "\\..\\keys", "/tile/0/000?../../keys/sign.key", "/.", "/..", "/tile", "/tile/", "/add-checkpoint/../keys/sign.key"]
        for path in paths:
            answer = raw_http(world, ("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path).encode())
            check(not any(secret in answer for secret in secrets) and b"SQLite format" not in answer and b"root:" not in answer, path)
            check(not answer or answer.split()[1] in (b"400", b"404", b"403", b"405", b"413", b"414", b"431"), (path[:80], answer[:80]))
        for data in (b"\0" * 5000, os.urandom(5000), b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n"
                     b"Content-Length: 99999999999\r\n\r\nabc", b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                     b"\r\nFFFFFFFFFFFFFFFF\r\nx", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                     b"GET /checkpoint HTTP/1.1\r\nX: " + b"y" * 200000 + b"\r\n\r\n",
                     b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\n\r\n\xff\0\xff\0\xff\0\xff\0\n",
                     b"DELETE /checkpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
            raw_http(world, data, read=data.endswith(b"\r\n\r\n") and b"close" in data)
        body = b"old 0\n" + b"A" * 60 + b"\n" * 3000
        post = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        check(raw_http(world, post).split()[1][:1] == b"4", "a checkpoint that is none")
        held = [connect(world.ledger) for _ in range(300)]
        for line in held[::2]:
            line.sendall(b"GET /checkpoint HTTP/1.1\r\nHost")
        goes_on(world, 2)
        for line in held:
            line.close()

        def served():
            try:
                line = http.client.HTTPConnection(*address(world.ledger), timeout=5)
                line.request("GET", "/checkpoint")
                return line.getresponse().read().startswith(b"hub.ke/")
            except OSError:
                return False
        until(served, 30, "the checkpoint again")
        check(world.hub.stop() == 0, "the hub's end")


def control_socket(world):
    line = socket.socket(socket.AF_UNIX)
    line.connect(str(world.path("hub.ke/run/control.sock")))
    line.settimeout(5)
    return line


def control():
    """garbage, half messages, idle and hanging connections on the operators' socket: the next operator is answered"""
    random.seed(7)
    with Registers() as world:
        world.open()
        verb = b"STATUS".ljust(16, b"\0")
        pieces = [b"\0" * 4, b"\xff" * 64, struct.pack(">I", 28) + verb + b"\0" * 8 + struct.pack(">I", 0xffffffff),
                  struct.pack(">I", 28 + 5) + b"RECORD-GET\0\0\0\0\0\0" + b"\0" * 8 + struct.pack(">I", 5) + b"{\"po",
                  struct.pack(">I", 28) + b"no verb at all!!" + b"\0" * 8 + b"\0" * 4, struct.pack(">I", 7 << 20) + verb + b"\0" * 8]
        for header in (b"[]", b"{", b"{}", b"null", b'{"position":-1}', b'{"position":1e99}', b'{"number":"1"}', b"[" * 5000,
                       b'{"position":1,"purpose":"\\u0000","case":"x"}'):
            for name in (b"RECORD-GET", b"RECORD-HISTORY", b"KEPT-SHOW", b"KEPT-CLOSE", b"KEPT-RETRY", b"REVIEW-SHOW", b"REVIEW-DECIDE",
                         b"PRINCIPAL-ADD", b"PRINCIPAL-OFF", b"PROOF", b"LEDGER"):
                pieces.append(struct.pack(">I", 28 + len(header)) + name.ljust(16, b"\0") + b"\0" * 8 + struct.pack(">I", len(header)) +
                              header)
        pieces += [random.randbytes(random.randrange(1, 500)) for _ in range(30)]
        for piece in pieces:
            with control_socket(world) as line:
                try:
                    line.sendall(piece)
                    line.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # shut before all of it was sent: that is an answer, too
                drained(line)
        check(world.hub.alive(), world.hub.err[-5:])
        held = [control_socket(world) for _ in range(40)]  # more than there are places, and none asks anything
        check(world.status()["hub"] == "hub.ke", "an operator is answered all the same")
        for line in held[-3:]:
            try:
                line.sendall(b"\0\0")
            except OSError:
                pass
        check(world.status()["hub"] == "hub.ke", "and beside half a question")
        until(lambda: not any(open_still(line) for line in held), 20, "the end of idle connections")
        if os.geteuid() == 0:
            strangers(world)
        goes_on(world, 1)
        check(world.hub.stop() == 0, "the hub's end")


def open_still(line):
    try:
        line.setblocking(False)
        return line.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def strangers(world):
    """A user without a role who holds as many connections as he can does not keep an operator out."""
    for one in (world.folder, world.path("hub.ke")):
        os.chmod(one, 0o755)
    code = ("import socket,sys,time\nlines=[]\nfor n in range(60):\n s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); lines.append(s)\n"
            "print('held',flush=True)\nsys.stdin.read()")
    other = subprocess.Popen(["/usr/bin/python3", "-c", code, str(world.path("hub.ke/run/control.sock"))], stdout=subprocess.PIPE,
                             stdin=subprocess.PIPE, user=65534, group=65534, extra_groups=[])
    try:
        check(other.stdout.readline() == b"held\n", "the stranger's connections")
        for _ in range(5):
            check(world.status()["hub"] == "hub.ke", "an operator beside a stranger")
    finally:
        other.communicate(b"")


def flood():
    """many checks at once, of one border service over many lines: each is answered, or said to be late"""
    with Registers() as world:
        world.open()
        asked = [subprocess.Popen([*world_check(world, n)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for n in range(24)]
        for one in asked:
            out, err = one.communicate(timeout=60)
            check(one.returncode in (0, 5), (out, err))
        goes_on(world, 1)
        check(world.hub.stop() == 0, "the hub's end")


def world_check(world, number):
    from world import PROGRAM
    path = world.file("flood-%d.xml" % number, people.crossing("F-%d" % number, [child(), adult()]))
    return [PROGRAM, "check", "--config", str(world.border), str(path), "--json", "--wait", "20"]


main([lines, web, control, flood])
