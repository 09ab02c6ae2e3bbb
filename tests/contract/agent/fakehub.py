# SPDX-License-Identifier: Apache-2.0
# fakehub.py - a small hub that speaks the intake side of protocol.md, keeps what it accepts, and misbehaves on demand.
import base64
import hashlib
import json
import os
import struct
import threading
import time

import nacl.signing
import zmq
import zmq.utils.z85


def items(data):
    out = []
    while data:
        (size,) = struct.unpack(">I", data[:4])
        assert len(data) >= 4 + size, "short item"
        out.append(data[4:4 + size])
        data = data[4 + size:]
    return out


def item(data):
    return struct.pack(">I", len(data)) + data


def root_of(leaves):
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\1" + root_of(leaves[:half]) + root_of(leaves[half:])).digest()


def read_key(path):
    return base64.b64decode(open(path).read().strip().split(":")[2])


def card(folder, name, endpoint_keys):
    sign, curve_public = endpoint_keys
    line = json.dumps({"kinward-card": 1, "name": name, "jurisdiction": "RO", "contact": "test",
                       "curve": base64.b64encode(curve_public).decode(), "sign": base64.b64encode(bytes(sign.verify_key)).decode(),
                       "box": None, "log": None, "witness": None, "made": "2026-01-31T12:00:00.000Z"}, separators=(",", ":"))
    signature = sign.sign(b"kinward/card/v1\n" + line.encode()).signature
    path = os.path.join(folder, "hub.card")
    with open(path, "w") as file:
        file.write(line + "\n" + base64.b64encode(signature).decode() + "\n")
    return path


class FakeHub:
    """What it has accepted stays across stop() and start(), as a hub's journal would."""

    def __init__(self, folder, origin_public=None, window=1024, batch_limit=64):
        self.sign = nacl.signing.SigningKey.generate()
        public, secret = zmq.curve_keypair()
        self.public, self.secret = public, secret
        self.card = card(folder, "hub-a", (self.sign, zmq.utils.z85.decode(public)))
        self.origin = nacl.signing.VerifyKey(origin_public) if origin_public else None
        self.window, self.batch_limit = window, batch_limit
        self.port = 0
        self.lock = threading.Lock()
        self.batches = {}     # id -> (digest, receipt header, signature)
        self.records = {}     # (source id, version) -> position
        self.hashes = {}      # the same -> record hash
        self.effects = []     # one entry for each record that was stored
        self.problems = []
        self.seen = {}        # id -> set of (header, payload) digests: all must be one
        self.count = {"HELLO": 0, "SUBMIT": 0, "CHECK": 0}
        self.order = []
        self.largest = 0
        self.plan = []        # misbehaviour, one word for each coming SUBMIT or CHECK
        self.always = None
        self.reject = set()   # source ids to be rejected
        self.answer = "unknown"
        self.delay = 0
        self.last = None
        self.epoch = 1
        self.thread = None

    def start(self):
        self.stopping = False
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.curve_server = True
        self.router.curve_publickey, self.router.curve_secretkey = self.public, self.secret
        self.router.linger = 0
        for _ in range(50):
            try:
                self.router.bind("tcp://127.0.0.1:%s" % (self.port or "*"))
                break
            except zmq.ZMQError:
                time.sleep(0.05)
        self.endpoint = self.router.last_endpoint.decode().rstrip("\0")
        self.port = int(self.endpoint.rsplit(":", 1)[1])
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping = True
        self.thread.join()
        self.router.close()
        self.context.term()

    def loop(self):
        while not self.stopping:
            if self.router.poll(50):
                frames = self.router.recv_multipart()
                try:
                    self.handle(*frames)
                except Exception as error:  # a broken promise of the agent's is a finding
                    self.problems.append("%s: %r" % (type(error).__name__, error))

    def send(self, route, request, verb, header, payload=b""):
        self.router.send_multipart([route, b"KW1", verb, request, header, payload])

    def error(self, route, request, code, retryable):
        self.send(route, request, b"ERROR", json.dumps({"code": code, "detail": "on demand", "retryable": retryable}).encode())

    def handle(self, route, version, verb, request, header, payload):
        assert version == b"KW1" and len(request) == 8
        self.count[verb.decode()] += 1
        if verb == b"HELLO":
            self.send(route, request, b"HELLO", json.dumps({
                "version": "KW1", "hub": "hub-a", "epoch": self.epoch, "window": self.window, "batch_limit": self.batch_limit,
                "last_batch": self.last, "time": "2026-01-31T12:00:00.000Z"}).encode())
            return
        action = self.plan.pop(0) if self.plan else self.always
        if action == "busy":
            return self.error(route, request, "busy", True)
        if action == "forbidden":
            return self.error(route, request, "bad-header", False)
        if action == "lost":
            return
        if self.delay:
            time.sleep(self.delay)
        with self.lock:
            answer, signature = self.take(verb, header, payload)
        if action == "silent":
            return
        if action == "forged":
            signature = nacl.signing.SigningKey.generate().sign(b"x").signature
        reply = b"RECEIPT" if verb == b"SUBMIT" else b"ANSWER"
        self.send(route, request, reply, answer, item(signature))
        if action == "twice":
            self.send(route, request, reply, answer, item(signature))

    def take(self, verb, header, payload):
        head = json.loads(header)
        batch = head["batch"]
        digest = hashlib.sha256(verb + header + payload).hexdigest()
        self.seen.setdefault(batch, set()).add(digest)
        assert len(self.seen[batch]) == 1, "a repeated batch has other bytes"
        self.largest = max(self.largest, len(payload))
        if batch in self.batches:
            return self.batches[batch]
        parts = items(payload)
        assert len(parts) == 2 * head["count"] and 1 <= head["count"] <= self.batch_limit
        leaves, records = parts[0::2], parts[1::2]
        root = root_of(leaves)
        assert base64.b64decode(head["root"]) == root
        principal, jurisdiction = head["principal"].encode(), head["jurisdiction"].encode()
        signed = (b"kinward/origin/v1\n" + struct.pack(">H", len(principal)) + principal + struct.pack(">H", len(jurisdiction)) +
                  jurisdiction + bytes.fromhex(batch) + struct.pack(">I", head["count"]) + root)
        if self.origin:
            self.origin.verify(signed, base64.b64decode(head["signature"]))
        results = [self.store(leaf, record) for leaf, record in zip(leaves, records)]
        common = {"batch": batch, "principal": head["principal"], "hub": "hub-a", "epoch": 1, "at": "2026-01-31T12:00:00.000Z",
                  "key": hashlib.sha256(bytes(self.sign.verify_key)).hexdigest()[:8]}
        if verb == b"SUBMIT":
            answer = json.dumps(dict(common, results=results)).encode()
            domain = b"kinward/receipt/v1\n"
        else:
            case = os.urandom(16).hex() if self.answer == "refer" else None
            answer = json.dumps(dict(common, position=results[0].get("position", 1), answer=self.answer, case=case,
                                     complete=True)).encode()
            domain = b"kinward/answer/v1\n"
        self.batches[batch] = (answer, self.sign.sign(domain + answer).signature)
        self.last = batch
        return self.batches[batch]

    def store(self, leaf, record):
        size, = struct.unpack(">H", leaf[:2])
        source = leaf[2:2 + size].decode()
        more, = struct.unpack(">H", leaf[2 + size:4 + size])
        version = leaf[4 + size:4 + size + more].decode()
        assert leaf[4 + size + more:] == hashlib.sha256(record).digest(), "leaf of another record"
        assert record.startswith(b'<record xmlns="urn:kinward:record:1"')
        if source in self.reject:
            return {"outcome": "rejected", "code": "schema", "place": "sex", "line": 1, "column": 9}
        key = (source, version)
        if key in self.records:
            same = self.hashes[key] == leaf[-32:]
            return {"outcome": "duplicate", "position": self.records[key]} if same else {"outcome": "conflict"}
        self.records[key] = len(self.records) + 1
        self.hashes[key] = leaf[-32:]
        self.effects.append(source)
        self.order.append(source)
        return {"outcome": "accepted", "position": self.records[key]}
