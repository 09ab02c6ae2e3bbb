# SPDX-License-Identifier: Apache-2.0
# signed.py - what a client makes and signs: byte strings, keys, cards, canonical records, batches (protocol.md §3 and §4).
import base64
import hashlib
import json
import os
import pathlib
import secrets
import struct
import time
import unicodedata
import xml.etree.ElementTree as ElementTree

import nacl.exceptions
import nacl.public
import nacl.signing

RECORD = "urn:kinward:record:1"


class Broken(Exception):
    """What came is not what the protocol promises: a wrong signature, a gap, a fork."""


# ---- bytes -------------------------------------------------------------------------------------

def sha256(data):
    return hashlib.sha256(data).digest()


def u16(number):
    return struct.pack(">H", number)


def u32(number):
    return struct.pack(">I", number)


def u64(number):
    return struct.pack(">Q", number)


def prefixed(text):
    """u16 length ‖ bytes"""
    data = text.encode()
    return u16(len(data)) + data


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


def pack(items):
    return b"".join(u32(len(item)) + item for item in items)


def unpack(payload):
    items, at = [], 0
    while at < len(payload):
        if len(payload) - at < 4:
            raise Broken("payload: an item is cut off")
        length = struct.unpack_from(">I", payload, at)[0]
        at += 4
        if length > len(payload) - at:
            raise Broken("payload: an item is cut off")
        items.append(payload[at:at + length])
        at += length
    return items


def merkle_root(leaves):
    """RFC 6962 §2.1 over leaf values."""
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + merkle_root(leaves[:split]) + merkle_root(leaves[split:]))


def verified(key, message, signature, what):
    try:
        nacl.signing.VerifyKey(key).verify(message, signature)
    except (nacl.exceptions.BadSignatureError, ValueError) as error:
        raise Broken(what + ": the signature does not verify") from error


# ---- keys and cards (§3) -----------------------------------------------------------------------

class Keys:
    """Three secret keys of 32 bytes: curve (transport), sign (origin), box (what alerts are sealed to; agencies)."""

    def __init__(self, curve=None, sign=None, box=None):
        self.curve = nacl.public.PrivateKey(curve or secrets.token_bytes(32))
        self.sign = nacl.signing.SigningKey(sign or secrets.token_bytes(32))
        self.box = nacl.public.PrivateKey(box or secrets.token_bytes(32))

    def save(self, path):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"curve": bytes(self.curve).hex(), "sign": bytes(self.sign).hex(), "box": bytes(self.box).hex()}, file)

    @classmethod
    def load(cls, path):
        return cls(**{name: bytes.fromhex(value) for name, value in json.loads(pathlib.Path(path).read_text()).items()})


def make_card(keys, name, jurisdiction, contact, agency=False):
    """The two lines of a card."""
    line = json.dumps({
        "kinward-card": 1, "name": name, "jurisdiction": jurisdiction, "contact": contact,
        "curve": b64(bytes(keys.curve.public_key)), "sign": b64(bytes(keys.sign.verify_key)),
        "box": b64(bytes(keys.box.public_key)) if agency else None, "log": None, "witness": None,
        "made": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())}, separators=(",", ":"), ensure_ascii=False).encode()
    return line + b"\n" + base64.b64encode(keys.sign.sign(b"kinward/card/v1\n" + line).signature) + b"\n"


def read_card(card):
    """The members of a card whose own signature is good."""
    line, signature = card.split(b"\n")[:2]
    members = json.loads(line)
    if members.get("kinward-card") != 1:
        raise Broken("card: not a card of version 1")
    verified(unb64(members["sign"]), b"kinward/card/v1\n" + line, unb64(signature), "card")
    return members


def fingerprint(card):
    text = sha256(card.split(b"\n")[0])[:20].hex()
    return "-".join(text[at:at + 4] for at in range(0, 40, 4))


# ---- records (§4) ------------------------------------------------------------------------------

def canonical(document):
    """Canonical bytes of a record: each text in NFC, no white space between elements, one default namespace, C14N."""
    if b"<!DOCTYPE" in document:
        raise Broken("record: a document type declaration")
    root = ElementTree.fromstring(document)
    for element in root.iter():
        namespace, _, element.tag = element.tag[1:].rpartition("}")
        if namespace != RECORD:
            raise Broken("record: another namespace")
        for child in element:
            child.tail = None
        element.text = None if len(element) or not element.text else unicodedata.normalize("NFC", element.text)
        for name in element.keys():
            element.set(name, unicodedata.normalize("NFC", element.get(name)))
    root.set("xmlns", RECORD)
    return ElementTree.canonicalize(ElementTree.tostring(root, encoding="unicode")).encode()


def origin_leaf(record):
    """Source id, source version and hash of a canonical record."""
    source = ElementTree.fromstring(record).find("{%s}sourceRecord" % RECORD)
    return (prefixed(source.findtext("{%s}id" % RECORD)) + prefixed(source.findtext("{%s}version" % RECORD)) + sha256(record))


class Batch:
    """Records signed by their sender. Kept by the sender until the receipt is there, and sent again as it is."""

    def __init__(self, keys, principal, jurisdiction, records, leaves=None, identity=None, backfill=False):
        self.identity = identity or secrets.token_bytes(16)
        leaves = leaves or [origin_leaf(record) for record in records]
        root = merkle_root(leaves)
        statement = (b"kinward/origin/v1\n" + prefixed(principal) + prefixed(jurisdiction) + self.identity + u32(len(records)) + root)
        self.header = {"batch": self.identity.hex(), "principal": principal, "jurisdiction": jurisdiction, "count": len(records),
                       "root": b64(root), "signature": b64(keys.sign.sign(statement).signature)}
        if backfill:
            self.header["backfill"] = True
        self.items = [item for pair in zip(leaves, records) for item in pair]
