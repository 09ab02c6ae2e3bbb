#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# proof.py - verifies a .tlog-proof offline, written from hub/include/kinward/ledger.md and the C2SP formats it names.
"""Verifies a .tlog-proof of Kinward offline. Section numbers are those of ledger.md."""
import base64
import binascii
import hashlib
import hmac
import pathlib
import re
import struct
import sys

import nacl.exceptions
import nacl.signing

LOG, COSIGNATURE = 1, 4


class False_(Exception):
    """The proof does not show what it should."""


class Pending(Exception):
    """Nothing is wrong, but cosignatures are missing."""


def need(condition, what):
    if not condition:
        raise False_(what)


def sha256(data):
    return hashlib.sha256(data).digest()


def unb64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise False_("not base64") from error
    need(base64.b64encode(data).decode() == text, "base64 that is not canonical")
    return data


def decimal(text):
    need(re.fullmatch(r"0|[1-9][0-9]{0,18}", text), "not a decimal number")
    return int(text)


def signed(key, message, signature):
    try:
        nacl.signing.VerifyKey(key).verify(message, signature)
    except (nacl.exceptions.BadSignatureError, nacl.exceptions.ValueError, ValueError):
        return False
    return True


def inclusion(leaf, index, size, path):
    """The root to which a path leads (RFC 9162 §2.1.3.2)."""
    need(index < size, "index not in the tree")
    index, last, root = index, size - 1, sha256(b"\0" + leaf)
    for hash_ in path:
        need(last > 0, "a path that is too long")
        if index & 1 or index == last:
            root = sha256(b"\1" + hash_ + root)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            root = sha256(b"\1" + root + hash_)
        index, last = index >> 1, last >> 1
    need(last == 0, "a path that is too short")
    return root


# ---- keys, policies, notes (C2SP signed-note, tlog-policy, tlog-cosignature) ------------------------

class Key:
    """name+<key hash, hex>+<base64 of type ‖ key>"""

    def __init__(self, vkey):
        self.name, digest, data = vkey.split("+", 2)
        data = unb64(data)
        need(len(data) == 33 and data[0] in (LOG, COSIGNATURE), "a key of an unknown type")
        self.type, self.key = data[0], data[1:]
        self.id = sha256(self.name.encode() + b"\n" + data)[:4]
        need(digest == self.id.hex(), "a key hash that is not the key's")

    def verifies(self, text, signature):
        if self.type == LOG:
            return len(signature) == 64 and signed(self.key, text, signature)
        return len(signature) == 72 and signed(
            self.key, b"cosignature/v1\ntime %d\n" % struct.unpack_from(">Q", signature)[0] + text, signature[8:])


class Policy:
    def __init__(self, text):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        for line in text.splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "log":
                self.logs.append(Key(words[1]))
            elif words[0] == "witness":
                self.witnesses[words[1]] = Key(words[2])
            elif words[0] == "group":
                members = words[3:]
                wanted = {"any": 1, "all": len(members)}.get(words[2]) or decimal(words[2])
                self.groups[words[1]] = (wanted, members)
            elif words[0] == "quorum":
                self.quorum = words[1]
            else:
                raise False_("policy: an unknown line")
        need(self.quorum, "policy: no quorum")

    def met(self, name, cosigned):
        if name == "none":
            return True
        if name in self.witnesses:
            return name in cosigned
        wanted, members = self.groups[name]
        return sum(self.met(member, cosigned) for member in members) >= wanted


def checkpoint(note, policy):
    """Size and root of a checkpoint that satisfies the policy."""
    text, middle, lines = note.rpartition("\n\n")
    need(middle and lines.endswith("\n"), "checkpoint: no signatures")
    text += "\n"
    body = text.split("\n")
    need(len(body) == 4, "checkpoint: not three lines")
    logged, cosigned = False, set()
    for line in lines[:-1].split("\n"):
        match = re.fullmatch("\u2014 ([^ +]+) ([^ ]+)", line)
        need(match, "checkpoint: a line that is no signature")
        data = unb64(match.group(2))
        need(len(data) > 4, "checkpoint: a short signature")
        known = [(None, key) for key in policy.logs] + list(policy.witnesses.items())
        for witness, key in known:
            if key.name == match.group(1) and key.id == data[:4]:
                need(key.verifies(text.encode(), data[4:]), "checkpoint: a wrong signature of " + key.name)
                if witness is None:
                    logged = logged or key.name == body[0]
                else:
                    cosigned.add(witness)
    need(logged, "checkpoint: not signed by a log of the policy")
    size, root = decimal(body[1]), unb64(body[2])
    need(len(root) == 32, "checkpoint: no root")
    return size, root, policy.met(policy.quorum, cosigned)


# ---- proofs (§3) -------------------------------------------------------------------------------

class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, length):
        need(len(self.data) >= length, "extra: cut off")
        piece, self.data = self.data[:length], self.data[length:]
        return piece

    def number(self, length):
        return int.from_bytes(self.take(length), "big")

    def sized(self):
        return self.take(self.number(2))

    def hashes(self, count):
        return [self.take(32) for _ in range(count)]


class Extra:
    def __init__(self, data):
        reader = Reader(data)
        need(reader.number(1) == 1, "extra: another version")
        self.entry, self.k, self.position = reader.take(45), reader.number(1), reader.number(4)
        need(4 <= self.k <= 16, "extra: k")
        self.path, self.salt, self.leaf = reader.hashes(self.k), reader.take(32), reader.sized()
        if self.leaf:
            self.index, self.count = reader.number(4), reader.number(4)
            m = reader.number(1)
            need(m <= 16, "extra: m")
            self.origin_path = reader.hashes(m)
            self.principal, self.jurisdiction = reader.sized(), reader.sized()
            self.batch, self.signature, self.key = reader.take(16), reader.take(64), reader.take(4)
        need(not reader.data, "extra: more than it should hold")

    def origin(self, record, card):
        """Step 1: the sender signed exactly this record."""
        need(self.leaf[-32:] == sha256(record), "origin leaf: of another record")
        if card is None:
            return
        need(sha256(card)[:4] == self.key, "origin: by another key")
        root = inclusion(self.leaf, self.index, self.count, self.origin_path)
        statement = b"kinward/origin/v1\n" + b"".join(struct.pack(">H", len(part)) + part for part in (self.principal, self.jurisdiction))
        need(signed(card, statement + self.batch + struct.pack(">I", self.count) + root, self.signature), "origin: the signature is wrong")

    def sealed(self, record):
        """Steps 2 and 3: the record is in the batch that the entry names."""
        digest = sha256(b"\1" + struct.pack(">I", len(record)) + record + self.leaf)
        commitment = hmac.new(self.salt, b"kinward/commit/v1" + digest, hashlib.sha256).digest()
        version, kind, flags = struct.unpack_from(">BBH", self.entry)
        need((version, kind, flags) == (1, 1, 0) and self.entry[12] == self.k, "entry: no batch of this size")
        need(inclusion(commitment, self.position, 1 << self.k, self.path) == self.entry[13:], "the record is not in the batch")


def verify(proof, record, policy, card=None):
    """Returns the checkpoint's size, or raises False_ or Pending. card: the sender's public Ed25519 key (records only)."""
    try:
        text = proof.decode()
        head, _, note = text.partition("\n\n")
        lines = head.split("\n")
        need(lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("extra ") and lines[2].startswith("index "), "not a proof")
        extra, index = Extra(unb64(lines[1][6:])), decimal(lines[2][6:])
        path = [unb64(line) for line in lines[3:]]
        need(all(len(hash_) == 32 for hash_ in path), "a hash that is not 32 bytes")
        if extra.leaf:
            extra.origin(record, card)
        extra.sealed(record)
        size, root, met = checkpoint(note, Policy(policy))
        need(inclusion(extra.entry, index, size, path) == root, "the entry is not in the log")
    except (UnicodeDecodeError, IndexError, ValueError, KeyError) as error:
        raise False_("not a proof: %s" % type(error).__name__) from error
    if not met:
        raise Pending("cosignatures are missing")
    return size


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit("usage: proof.py PROOF RECORD POLICY [CARD of the sender]")
    proof, record, policy = (pathlib.Path(name).read_bytes() for name in sys.argv[1:4])
    card = None
    if len(sys.argv) == 5:
        card = unb64(re.search(r'"sign":"([^"]+)"', pathlib.Path(sys.argv[4]).read_text()).group(1))
    try:
        print("good: in the log of %d entries" % verify(proof, record, policy.decode(), card))
    except False_ as error:
        print("false: %s" % error)
        sys.exit(4)
    except Pending as error:
        print("pending: %s" % error)
        sys.exit(6)


if __name__ == "__main__":
    main()
