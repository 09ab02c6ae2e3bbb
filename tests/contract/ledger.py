#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kinward verify, ledger and witness as a user runs them; proofs, requests and cosignatures made and checked by other code."""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import nacl.signing

PROGRAM = pathlib.Path(os.environ["KINWARD_BUILD"]) / "kinward"
SAMPLE = pathlib.Path(os.environ["KINWARD_SHARED"]) / "data/ledger/sample-1000"
results = []


def check(name, good):
    results.append(good)
    print(("ok" if good else "not ok"), len(results), "-", name, flush=True)


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60)


# ---- RFC 6962, from its text ---------------------------------------------------------------------

def root_of(hashes):
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(hashes[:k]) + root_of(hashes[k:])).digest()


def consistency(old, hashes, whole=True):
    if old == len(hashes):
        return [] if whole else [root_of(hashes)]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    if old <= k:
        return consistency(old, hashes[:k], whole) + [root_of(hashes[k:])]
    return consistency(old - k, hashes[k:], False) + [root_of(hashes[:k])]


def leaf_hashes():
    data = b"".join((SAMPLE / "tile/0" / name).read_bytes() for name in ("000", "001", "002", "003.p/232"))
    return [data[i:i + 32] for i in range(0, len(data), 32)]


# ---- offline commands -------------------------------------------------------------------------------

def offline(folder):
    policy = SAMPLE / "policy"
    proofs = sorted((SAMPLE / "proofs").glob("*.tlog-proof"))
    bad = [p.name for p in proofs
           if run("verify", p, "--leaf", p.parent / (p.name.split("-")[0] + ".leaf"), "--policy", policy).returncode]
    check("all %d sample proofs verify" % len(proofs), proofs and not bad)
    proof, leaf = SAMPLE / "proofs/0-of-2.tlog-proof", SAMPLE / "proofs/0.leaf"
    check("another leaf: exit 4", run("verify", proof, "--leaf", SAMPLE / "proofs/1.leaf", "--policy", policy).returncode == 4)
    bare = folder / "bare.tlog-proof"
    bare.write_text("\n".join(line for line in proof.read_text().split("\n") if "witness" not in line))
    answer = run("verify", bare, "--leaf", leaf, "--policy", policy)
    check("cosignatures missing: exit 6", answer.returncode == 6 and "(quorum)" in answer.stderr)
    check("a proof without extra is of no record", run("verify", proof, "--record", leaf, "--policy", policy).returncode == 4)
    check("neither record nor leaf: exit 2", run("verify", proof, "--policy", policy).returncode == 2)
    check("no such file: exit 1", run("verify", folder / "none", "--leaf", leaf, "--policy", policy).returncode == 1)
    answer = json.loads(run("ledger", "audit", SAMPLE, "--policy", policy, "--json").stdout)
    check("the audit passes and counts", answer["whole"] and answer["size"] == 1000 and answer["checkpoints"] == 15)
    made = run("ledger", "proof", "500", "--log", SAMPLE)
    check("a proof from files is that of another program", made.stdout == (SAMPLE / "proofs/500-of-1000.tlog-proof").read_text())
    copy = folder / "copy"
    shutil.copytree(SAMPLE, copy)
    tile = copy / "tile/0/000.p/16"
    changed = bytearray(tile.read_bytes())
    changed[77] ^= 8
    tile.write_bytes(changed)
    answer = run("ledger", "audit", copy, "--policy", policy)
    check("the audit names the tile and the byte", answer.returncode == 4 and "tile/0/000.p/16" in answer.stderr and "(77)" in answer.stderr)
    status = run("ledger", "status", SAMPLE, "--policy", policy, "--json")
    check("status of files", status.returncode == 0 and json.loads(status.stdout)["quorum"] is True)


# ---- a witness process ----------------------------------------------------------------------------------

class Witness:
    def __init__(self, folder):
        self.folder = folder / "witness"
        made = run("init", self.folder, "--role", "witness", "--name", "wit-a", "--jurisdiction", "RO", "--ledger", "127.0.0.1:0")
        assert made.returncode == 0, made.stderr
        config = self.folder / "witness.xml"
        log = (SAMPLE / "policy").read_text().split()[1]
        config.write_text(config.read_text().replace("</witness>", '  <log vkey="%s"/>\n</witness>' % log))
        self.vkey = json.loads((self.folder / "card").read_text().split("\n")[0])["witness"]
        self.start()

    def start(self):
        self.process = subprocess.Popen([PROGRAM, "witness", "--config", self.folder / "witness.xml"], stdout=subprocess.PIPE)
        ready = json.loads(self.process.stdout.readline())
        assert ready["ready"] is True
        self.address = ready["http"]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(10)
        self.process.stdout.close()
        return code

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.address, timeout=10)
        connection.request(method, path, body)
        answer = connection.getresponse()
        result = answer.status, answer.headers["Content-Type"], answer.read()
        connection.close()
        return result

    def add(self, old, size, hashes, proof=None):
        lines = consistency(old, hashes[:size]) if proof is None and 0 < old < size else proof or []
        note = (SAMPLE / ("checkpoint.%d" % size)).read_bytes()
        body = b"old %d\n" % old + b"".join(base64.b64encode(line) + b"\n" for line in lines) + b"\n" + note
        return self.ask("POST", "/add-checkpoint", body)

    def verifies(self, size, line):
        """Does the cosignature line verify under the vkey of the witness's card (tlog-cosignature v1)?"""
        name, blob = line.decode().rstrip("\n").split(" ")[1:]
        signature, key = base64.b64decode(blob), base64.b64decode(self.vkey.split("+", 2)[2])
        text = (SAMPLE / ("checkpoint.%d" % size)).read_bytes().split(b"\n\n")[0] + b"\n"
        time = int.from_bytes(signature[4:12], "big")
        message = b"cosignature/v1\ntime %d\n" % time + text
        nacl.signing.VerifyKey(key[1:]).verify(message, signature[12:])
        wanted = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
        return name == self.vkey.split("+")[0] and key[0] == 4 and signature[:4] == wanted and len(signature) == 76


def witness(folder):
    hashes, log = leaf_hashes(), Witness(folder)
    try:
        status, kind, body = log.add(0, 4, hashes)
        check("first checkpoint: 200 and a cosignature", status == 200 and log.verifies(4, body))
        check("409 tells the size", log.add(0, 8, hashes) == (409, "text/x.tlog.size", b"4\n"))
        check("422 on a wrong proof", log.add(4, 8, hashes, [hashes[0]])[0] == 422)
        status, kind, body = log.add(4, 257, hashes)
        check("a proven one: 200", status == 200 and log.verifies(257, body))
        check("400 on no request", log.ask("POST", "/add-checkpoint", b"x")[0] == 400)
        foreign = (SAMPLE / "checkpoint.512").read_bytes().replace(b"ledger.example/hub-a", b"ledger.example/hub-z")
        check("404 on another origin", log.ask("POST", "/add-checkpoint", b"old 0\n\n" + foreign)[0] == 404)
        own = b"\n".join(line for line in (SAMPLE / "checkpoint.512").read_bytes().split(b"\n") if b"hub-a 8bF" not in line)
        check("403 without the log's signature", log.ask("POST", "/add-checkpoint", b"old 257\n\n" + own)[0] == 403)
        check("ended by SIGTERM", log.end() == 0)
        log.start()
        check("it remembers", log.add(0, 512, hashes) == (409, "text/x.tlog.size", b"257\n"))
        log.end(signal.SIGKILL)
        log.start()
        status, kind, body = log.add(257, 1000, hashes)
        check("and goes on after a kill", status == 200 and log.verifies(1000, body))
        head = log.ask("GET", "/%s/checkpoint" % hashlib.sha256(b"ledger.example/hub-a").hexdigest())
        check("monitoring shows the last one", head[0] == 200 and body in head[2] and b"\n1000\n" in head[2])
        status, kind, body = log.add(1000, 1000, hashes)
        check("the same again: cosigned again", status == 200 and log.verifies(1000, body))
    finally:
        log.end(signal.SIGKILL)


def main():
    if not SAMPLE.is_dir():
        print("1..0 # SKIP no", SAMPLE)
        return 0
    with tempfile.TemporaryDirectory(prefix="kinward-ledger-") as folder:
        offline(pathlib.Path(folder))
        witness(pathlib.Path(folder))
    print("1..%d" % len(results))
    return 0 if all(results) else 1


sys.exit(main())
