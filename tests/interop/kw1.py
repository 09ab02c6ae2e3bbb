#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# kw1.py - a client of the Kinward protocol KW1, written from hub/include/kinward/protocol.md alone.
"""Kinward protocol KW1: cards, intake and feed. Section numbers are those of protocol.md."""
import argparse
import json
import os
import pathlib
import secrets
import struct
import sys
import time
import xml.etree.ElementTree as ElementTree

import nacl.bindings
import nacl.exceptions
import nacl.public
import zmq

from signed import Batch, Broken, Keys, canonical, fingerprint, make_card, pack, read_card, sha256, u64, unb64, unpack, verified

FRAME = (1 << 20) + 64  # CURVE adds 33 bytes to a frame


class Refused(Exception):
    """The hub's ERROR: a code of §9."""

    def __init__(self, code, detail="", retryable=False):
        super().__init__("%s: %s" % (code, detail))
        self.code, self.detail, self.retryable = code, detail, retryable


class Silence(Exception):
    """No answer within the time."""


# ---- messages (§1, §2) -------------------------------------------------------------------------

class Message:
    def __init__(self, frames):
        if len(frames) != 5 or frames[0] != b"KW1" or len(frames[2]) != 8:
            raise Broken("message: not five frames of KW1")
        self.verb, self.request, self.raw, self.payload = frames[1].decode(), frames[2], frames[3], frames[4]
        self.header = json.loads(self.raw)

    @property
    def items(self):
        return unpack(self.payload)


class Connection:
    """A DEALER socket with CURVE. Not for several threads."""

    def __init__(self, endpoint, keys, hub_card, principal, jurisdiction, timeout=10):
        self.keys, self.principal, self.jurisdiction, self.timeout = keys, principal, jurisdiction, timeout
        self.hub = read_card(hub_card)
        self.hub_key = unb64(self.hub["sign"])
        self.endpoint, self.socket = endpoint, None
        self.open()

    def open(self):
        """A new socket: libzmq connects no more, and says nothing, once a handshake was refused."""
        if self.socket:
            self.socket.close()
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        for option, value in ((zmq.LINGER, 0), (zmq.HEARTBEAT_IVL, 5000), (zmq.HEARTBEAT_TIMEOUT, 15000), (zmq.MAXMSGSIZE, FRAME),
                              (zmq.SNDTIMEO, 1000 * self.timeout), (zmq.CURVE_SERVERKEY, unb64(self.hub["curve"])),
                              (zmq.CURVE_SECRETKEY, bytes(self.keys.curve)), (zmq.CURVE_PUBLICKEY, bytes(self.keys.curve.public_key))):
            self.socket.setsockopt(option, value)
        self.socket.connect(self.endpoint)
        self.waiting = []  # messages nobody asked for yet: ITEM and HEARTBEAT

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.socket.close()

    def send(self, verb, header=None, items=(), request=None):
        request = request or secrets.token_bytes(8)
        raw = header if isinstance(header, bytes) else json.dumps(header or {}, separators=(",", ":"), ensure_ascii=False).encode()
        try:
            self.socket.send_multipart([b"KW1", verb.encode(), request, raw, pack(items)])
        except zmq.Again as error:
            raise Silence("no connection") from error
        return request

    def receive(self, timeout):
        if not self.socket.poll(max(0, int(timeout * 1000))):
            raise Silence("no answer")
        return Message(self.socket.recv_multipart())

    def answer(self, request):
        """The answer to a request; what else comes meanwhile waits for next()."""
        end = time.monotonic() + self.timeout
        while True:
            message = self.receive(end - time.monotonic())
            if message.request != request or message.verb in ("ITEM", "HEARTBEAT"):
                self.waiting.append(message)
            elif message.verb == "ERROR":
                raise Refused(message.header["code"], message.header.get("detail", ""), message.header["retryable"])
            else:
                return message

    def ask(self, verb, header=None, items=(), again=30):
        """The answer; what is retryable or was not answered is sent again, as it is, with growing pauses."""
        end, pause = time.monotonic() + again, 0.1
        while True:
            try:
                return self.answer(self.send(verb, header, items))
            except (Refused, Silence) as failure:
                if isinstance(failure, Refused) and not failure.retryable or time.monotonic() + pause > end:
                    raise
                if isinstance(failure, Silence):
                    self.open()
                time.sleep(pause)
                pause = min(2 * pause, 30)

    def signed(self, message, verb, tag, batch):
        """The header of a RECEIPT or ANSWER, which must be the hub's word about this batch."""
        header = message.header
        if message.verb != verb or header["batch"] != batch.header["batch"] or header["principal"] != self.principal:
            raise Broken("%s: about something else" % verb)
        if header["hub"] != self.hub["name"] or header["key"] != sha256(self.hub_key)[:4].hex():
            raise Broken("%s: by somebody else" % verb)
        if len(message.items) != 1:
            raise Broken("%s: not one signature" % verb)
        verified(self.hub_key, tag + message.raw, message.items[0], verb)
        return header

    def hello(self):
        return self.ask("HELLO").header

    def ping(self):
        return self.ask("PING").header["time"]

    def proof(self, **what):
        """position=N, or alert=…, revision=N: the text of a .tlog-proof."""
        return self.ask("PROOF", what).items[0]

    def batch(self, records, **options):
        return Batch(self.keys, self.principal, self.jurisdiction, records, **options)


class Intake(Connection):
    """§5"""

    def submit(self, batch):
        """The receipt: {"results": [{"outcome", "position" or "code", …}], …}."""
        header = self.signed(self.ask("SUBMIT", batch.header, batch.items), "RECEIPT", b"kinward/receipt/v1\n", batch)
        if len(header["results"]) != batch.header["count"]:
            raise Broken("RECEIPT: not one result for each record")
        return header

    def check(self, batch):
        """The answer: {"answer", "case", "complete", "position", …}."""
        header = self.signed(self.ask("CHECK", batch.header, batch.items), "ANSWER", b"kinward/answer/v1\n", batch)
        if header["answer"] not in ("known", "refer", "unknown"):
            raise Broken("ANSWER: an unknown answer")
        return header


# ---- the feed (§6) -----------------------------------------------------------------------------

class Alert:
    """An item, verified and opened. Use its statement only when its number is the next one: see Feed.take()."""

    def __init__(self, message, keys, hub_key):
        header, items = message.header, message.items
        if len(items) != 4:
            raise Broken("ITEM: not four items")
        self.stream, self.epoch, self.number, self.previous = (header[name] for name in ("stream", "epoch", "number", "previous"))
        verified(hub_key, b"kinward/envelope/v1\n" + items[0], items[1], "envelope")
        self.envelope = json.loads(items[0])
        if self.envelope["v"] != 1 or self.envelope["key"] != sha256(hub_key)[:4].hex():
            raise Broken("envelope: of another version or by another key")
        self.chain = sha256(b"kinward/item/v1\n" + bytes.fromhex(self.previous) + u64(self.number) + sha256(items[0]) + sha256(items[3]))
        try:
            key = nacl.public.SealedBox(keys.box).decrypt(items[2])
            inside = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(items[3][24:], b"kinward/alert/v1", items[3][:24], key)
        except nacl.exceptions.CryptoError as error:
            raise Broken("statement: it does not open") from error
        length = struct.unpack_from(">I", inside)[0]
        self.statement = inside[4:4 + length]
        if len(self.statement) != length or any(inside[4 + length:]):
            raise Broken("statement: length and filling do not agree")
        if sha256(self.statement).hex() != self.envelope["digest"]:
            raise Broken("statement: not what the envelope says")

    def field(self, path):
        return ElementTree.fromstring(self.statement).findtext("/".join("{urn:kinward:alert:1}" + name for name in path.split("/")))


class Feed(Connection):
    """§6. `chain` maps numbers to chain hashes; a client that starts again gives the last one it stored."""

    def streams(self):
        return self.ask("STREAMS").header["streams"]

    def subscribe(self, stream, epoch, start, credit, last_chain=None):
        self.where = {"stream": stream, "epoch": epoch}
        self.next, self.chain = start, {start - 1: last_chain or (bytes(32) if start == 1 else None)}
        # what still waits belongs to the subscription before
        self.waiting.clear()
        answer = self.answer(self.send("SUBSCRIBE", {**self.where, "from": start, "credit": credit}))
        self.request, self.last = answer.request, answer.header["last"]
        self.waiting = [message for message in self.waiting if message.request == self.request]
        return answer.header

    def credit(self, credit):
        self.send("CREDIT", {"stream": self.where["stream"], "credit": credit})

    def take(self, timeout=15):
        """The next alert, in order. Repetitions are ignored, gaps and forks are an error, Silence is a dead line."""
        while True:
            message = self.waiting.pop(0) if self.waiting else self.receive(timeout)
            if message.request != self.request:
                continue
            if message.verb == "ERROR":
                raise Refused(message.header["code"], message.header.get("detail", ""), message.header["retryable"])
            if message.header["stream"] != self.where["stream"] or message.header["epoch"] != self.where["epoch"]:
                raise Broken("another stream or epoch than asked for")
            if message.verb == "HEARTBEAT":
                self.last = message.header["last"]
                continue
            alert = Alert(message, self.keys, self.hub_key)
            before = self.chain.get(alert.number - 1)
            if before is not None and before.hex() != alert.previous or self.chain.get(alert.number, alert.chain) != alert.chain:
                raise Broken("a fork: another chain hash for a known number")
            if alert.number < self.next:
                continue
            if alert.number > self.next:
                raise Broken("a gap: number %d is missing" % self.next)
            self.chain[alert.number], self.next = alert.chain, alert.number + 1
            return alert

    def received(self, number):
        self.ask("RECEIVED", {**self.where, "upto": number})

    def acknowledge(self, alert, revision, by, role):
        self.ask("ACKNOWLEDGE", {"alert": alert, "revision": revision, "by": by, "role": role})

    def feedback(self, alert, revision, outcome, role, cause=None):
        self.ask("FEEDBACK", {"alert": alert, "revision": revision, "outcome": outcome, "role": role, **({"cause": cause} if cause else {})})


# ---- command line ------------------------------------------------------------------------------

def make(options):
    """makes keys and card in FOLDER; prints the fingerprint to read out by telephone"""
    folder = pathlib.Path(options.folder)
    folder.mkdir(mode=0o700)
    keys = Keys()
    keys.save(folder / "keys.json")
    card = make_card(keys, options.name, options.jurisdiction, options.contact, options.agency)
    (folder / "card").write_bytes(card)
    return {"fingerprint": fingerprint(card)}


def connect(kind, options):
    folder = pathlib.Path(options.folder)
    own = read_card((folder / "card").read_bytes())
    return kind(options.endpoint, Keys.load(folder / "keys.json"), pathlib.Path(options.hub_card).read_bytes(), own["name"], own["jurisdiction"])


def submit(options):
    """submits records; prints the receipt"""
    with connect(Intake, options) as intake:
        records = [canonical(pathlib.Path(name).read_bytes()) for name in options.file]
        return intake.submit(intake.batch(records, backfill=options.backfill))


def check(options):
    """asks about one child at a border; prints the answer"""
    with connect(Intake, options) as intake:
        return intake.check(intake.batch([canonical(pathlib.Path(options.file).read_bytes())]))


def proof(options):
    """prints the proof of a record by its position"""
    with connect(Intake, options) as intake:
        return intake.proof(position=options.position).decode()


def hello(options):
    """prints what the hub says about itself"""
    with connect(Intake, options) as intake:
        return intake.hello()


def follow(options):
    """stores alerts as files in FOLDER/inbox and prints their envelopes; goes on where it stopped"""
    inbox = pathlib.Path(options.folder, "inbox")
    inbox.mkdir(exist_ok=True)
    with connect(Feed, options) as feed:
        stream = feed.streams()[0]
        place = inbox / ("%s.%d.last" % (stream["stream"], stream["epoch"]))
        last = json.loads(place.read_text()) if place.exists() else {"number": 0, "chain": bytes(32).hex()}
        number, chain, left = last["number"], bytes.fromhex(last["chain"]), options.count
        while left != 0:
            try:
                feed.subscribe(stream["stream"], stream["epoch"], number + 1, options.credit, chain)
                while left != 0:
                    alert = feed.take()
                    number, chain, left = alert.number, alert.chain, left and left - 1
                    keep(inbox, place, alert)
                    feed.received(number)
                    feed.credit(1)
                    print(json.dumps({"number": number, **alert.envelope}), flush=True)
            except Silence:
                feed.open()


def keep(inbox, place, alert):
    """The alert first, then how far we are: what is stored twice is the same."""
    store(inbox / ("%s.%d.xml" % (alert.envelope["alert"], alert.envelope["revision"])), alert.statement)
    store(place, json.dumps({"number": alert.number, "chain": alert.chain.hex()}).encode())


def store(path, data):
    """On stable storage under its name, or not at all."""
    new = path.with_name(path.name + ".new")
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def acknowledge(options):
    """says that a person has taken an alert"""
    with connect(Feed, options) as feed:
        feed.acknowledge(options.alert, options.revision, options.by, options.role)


def feedback(options):
    """says what came of an alert"""
    with connect(Feed, options) as feed:
        feed.feedback(options.alert, options.revision, options.outcome, options.role, options.cause)


def parser():
    top = argparse.ArgumentParser(description=__doc__, epilog="example: kw1.py card desk --name desk-ke --jurisdiction KE --agency")
    commands = top.add_subparsers(dest="command", required=True)

    def command(run, name, *arguments, hub=True):
        one = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        one.set_defaults(run=run)
        one.add_argument("folder", help="keys and card of this client")
        if hub:
            one.add_argument("--endpoint", required=True, help="tcp://HOST:PORT of the hub's intake or feed")
            one.add_argument("--hub-card", required=True, help="the hub's card")
        for names, more in arguments:
            one.add_argument(*names.split(), **more)

    alert = [("--alert", {"required": True}), ("--revision", {"type": int, "required": True}), ("--role", {"required": True})]
    command(make, "card", ("--name", {"required": True}), ("--jurisdiction", {"required": True}), ("--contact", {"default": "the operator"}),
            ("--agency", {"action": "store_true", "help": "with a box key, to receive alerts"}), hub=False)
    command(hello, "hello")
    command(submit, "submit", ("--backfill", {"action": "store_true"}), ("file", {"nargs": "+"}))
    command(check, "check", ("file", {}))
    command(proof, "proof", ("--position", {"type": int, "required": True}))
    command(follow, "follow", ("--credit", {"type": int, "default": 100}), ("--count", {"type": int, "help": "end after so many"}))
    command(acknowledge, "acknowledge", *alert, ("--by", {"required": True, "help": "a staff reference, no name"}))
    command(feedback, "feedback", *alert, ("--outcome", {"required": True}), ("--cause", {}))
    return top


def main():
    options = parser().parse_args()
    try:
        result = options.run(options)
    except (Refused, Broken, Silence, OSError) as error:
        sys.exit("kw1.py: %s" % error)
    if result is not None:
        print(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False), end="" if isinstance(result, str) else "\n")


if __name__ == "__main__":
    main()
