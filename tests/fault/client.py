# SPDX-License-Identifier: Apache-2.0
# client.py - a sender that never loses count: submits and checks as protocol.md says, repeats what has no answer, keeps what was signed.
import base64
import collections
import hashlib
import json
import pathlib
import queue
import secrets
import struct
import threading
import time

import nacl.public
import nacl.signing
import zmq

SILENCE = 6.0     # after which everything is sent again, on a new connection; a short one floods a slow hub with repetitions
PAUSE_MOST = 1.0  # between repetitions that the hub asked for


def sha256(data):
    return hashlib.sha256(data).digest()


def prefixed(text):
    return struct.pack(">H", len(text.encode())) + text.encode()


def pack(items):
    return b"".join(struct.pack(">I", len(item)) + item for item in items)


def unpack(payload):
    items = []
    while payload:
        length = struct.unpack_from(">I", payload)[0]
        items.append(payload[4:4 + length])
        payload = payload[4 + length:]
    return items


def root_of(leaves):
    """RFC 6962 §2.1."""
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + root_of(leaves[:split]) + root_of(leaves[split:]))


def key_of(path):
    return base64.b64decode(pathlib.Path(path).read_text().strip().rsplit(":", 1)[1])


class Batch:
    def __init__(self, verb, records, signer, principal, jurisdiction):
        """records: [(key, canonical bytes)], key being (registry, id, version)."""
        self.verb, self.keys, self.id = verb, [key for key, _ in records], secrets.token_bytes(16)
        leaves = [prefixed(key[1]) + prefixed(key[2]) + sha256(body) for key, body in records]
        root = root_of(leaves)
        signed = (b"kinward/origin/v1\n" + prefixed(principal) + prefixed(jurisdiction) + self.id + struct.pack(">I", len(records)) + root)
        header = {"batch": self.id.hex(), "principal": principal, "jurisdiction": jurisdiction, "count": len(records),
                  "root": base64.b64encode(root).decode(), "signature": base64.b64encode(signer.sign(signed).signature).decode()}
        self.header = json.dumps(header).encode()
        self.payload = pack([part for leaf, (_, body) in zip(leaves, records) for part in (leaf, body)])
        self.results, self.answer, self.refused = None, None, None
        self.due, self.sent, self.pause = 0, None, 0.05
        self.done = threading.Event()


class Sender(threading.Thread):
    """One principal's line. put() gives a batch whose `done` is set when the hub has signed for it, or refused it for good."""

    def __init__(self, endpoint, folder, hub_card, name, jurisdiction="KE", window=4):
        super().__init__(daemon=True)
        card = json.loads(pathlib.Path(hub_card).read_text().splitlines()[0])
        self.endpoint, self.name_, self.jurisdiction, self.window = endpoint, name, jurisdiction, window
        self.server, self.verify = base64.b64decode(card["curve"]), nacl.signing.VerifyKey(base64.b64decode(card["sign"]))
        self.curve = nacl.public.PrivateKey(key_of(pathlib.Path(folder, "keys/curve.key")))
        self.signer = nacl.signing.SigningKey(key_of(pathlib.Path(folder, "keys/origin.key")))
        self.waiting, self.queue = {}, queue.Queue()
        self.finished, self.refused = [], []  # batches, in the order of their receipts
        self.codes = collections.Counter()    # of refusals that may be repeated
        self.ended, self.heard, self.error = False, time.monotonic(), None
        self.lost = False  # set from outside: the line is known to be broken
        self.context, self.socket = zmq.Context(), None

    def put(self, records, verb="SUBMIT"):
        batch = Batch(verb, records, self.signer, self.name_, self.jurisdiction)
        self.queue.put(batch)
        return batch

    def idle(self):
        return not self.waiting and self.queue.empty()

    def end(self):
        self.ended = True
        self.join(10)

    # ---- the line ------------------------------------------------------------------------------

    def connect(self):
        if self.socket:
            self.socket.close(0)
        self.socket = self.context.socket(zmq.DEALER)
        for option, value in ((zmq.LINGER, 0), (zmq.IMMEDIATE, 1), (zmq.RECONNECT_IVL, 50), (zmq.RECONNECT_IVL_MAX, 200),
                              (zmq.CURVE_SERVERKEY, self.server), (zmq.CURVE_SECRETKEY, bytes(self.curve)),
                              (zmq.CURVE_PUBLICKEY, bytes(self.curve.public_key))):
            self.socket.setsockopt(option, value)
        self.socket.connect(self.endpoint)
        self.heard = time.monotonic()
        for batch in self.waiting.values():
            batch.sent, batch.due = None, 0

    def run(self):
        try:
            self.connect()
            while not self.ended:
                self.turn()
        except Exception as error:  # the test looks at it
            self.error = error
        finally:
            self.socket.close(0)
            self.context.term()

    def turn(self):
        while len(self.waiting) < self.window and not self.queue.empty():
            batch = self.queue.get()
            self.waiting[batch.id] = batch
        now = time.monotonic()
        for batch in list(self.waiting.values()):
            if batch.sent is None and batch.due <= now:
                self.send(batch, now)
        if self.socket.poll(20):
            self.hear(self.socket.recv_multipart())
        elif self.lost or (any(batch.sent for batch in self.waiting.values()) and time.monotonic() - self.heard > SILENCE):
            self.lost = False
            self.connect()

    def send(self, batch, now):
        try:
            self.socket.send_multipart([b"KW1", batch.verb.encode(), batch.id[:8], batch.header, batch.payload], zmq.DONTWAIT)
        except zmq.Again:
            return
        if not any(other.sent for other in self.waiting.values()):
            self.heard = now
        batch.sent = now

    def hear(self, frames):
        self.heard = time.monotonic()
        verb, request, header = frames[1], frames[2], json.loads(frames[3])
        batch = next((one for one in self.waiting.values() if one.id[:8] == request), None)
        if batch is None:
            return
        if verb == b"ERROR":
            batch.sent = None
            if header["retryable"]:
                self.codes[header["code"]] += 1
                batch.due, batch.pause = time.monotonic() + batch.pause, min(2 * batch.pause, PAUSE_MOST)
                return
            batch.refused = header["code"]
            self.refused.append(batch)
        else:
            self.take(batch, verb, header, frames)
        del self.waiting[batch.id]
        batch.done.set()

    def take(self, batch, verb, header, frames):
        tag = {b"RECEIPT": b"kinward/receipt/v1\n", b"ANSWER": b"kinward/answer/v1\n"}[verb]
        self.verify.verify(tag + frames[3], unpack(frames[4])[0])
        if header["batch"] != batch.id.hex():
            raise ValueError("an answer about another batch")
        batch.answer = header
        batch.results = header.get("results") or [{"outcome": "accepted", "position": header["position"]}]
        if len(batch.results) != len(batch.keys):
            raise ValueError("a receipt with another number of results")
        self.finished.append(batch)
