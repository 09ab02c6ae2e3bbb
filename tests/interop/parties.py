# SPDX-License-Identifier: Apache-2.0
# parties.py - a hub with two witnesses, and principals whose keys, cards and messages are made by kw1.py.
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "scenario")]
try:
    import nacl.bindings  # noqa: F401
    import zmq  # noqa: F401
except ImportError as missing:
    print("1..0 # SKIP python3-%s is not installed" % ("zmq" if missing.name == "zmq" else "nacl"))
    sys.exit(0)

import kw1  # noqa: E402
import signed  # noqa: E402
from world import SOURCE, World, check  # noqa: E402

VALID = SOURCE / "schemas/examples/valid"


def record(example, *changes, source=None):
    """An example in canonical form, with parts of its text replaced, under another source id."""
    data = signed.canonical((VALID / example).read_bytes())
    for old, new in changes:
        check(old.encode() in data, "%s has no %s" % (example, old))
        data = data.replace(old.encode(), new.encode())
    return re.sub(rb"<id>[^<]*</id>", b"<id>%s</id>" % source.encode(), data, count=1) if source else data


def child(example, number):
    """An example about the child number so many: one notice or check of its own."""
    return record(example, ("ZZ0000042", "ZZ%07d" % (1000 + number)), ("2019-05-07", "2019-05-%02d" % (8 + number)),
                  source="%s-%d" % (example.split(".")[0], number))


def refused(code, call, *arguments, detail=""):
    """The call is answered with ERROR and this code."""
    try:
        got = call(*arguments)
    except kw1.Refused as refusal:
        check(refusal.code == code and detail in refusal.detail, "%s wanted, not %s" % (code, refusal))
        return refusal
    check(False, "%s wanted, not %s" % (code, got))


class Scene(World):
    def __init__(self):
        super().__init__()
        self.keys, self.connections = {}, []

    def __enter__(self):
        try:
            self.make_hub(witnesses=2)
            self.start_hub()
        except BaseException:
            self.close()
            raise
        self.hub_card = self.path(self.hub_name, "card").read_bytes()
        self.policy = self.path(self.hub_name, "policy")
        return self

    def close(self):
        for connection in self.connections:
            connection.socket.close()
        super().close()

    def party(self, name, *roles, jurisdiction="KE", keys=None):
        """Keys and card by kw1.py, made known to the hub by its operator with the fingerprint that kw1.py shows."""
        keys = self.keys[name] = keys or signed.Keys()
        self.jurisdictions[name] = jurisdiction
        card = signed.make_card(keys, name, jurisdiction, "Ministère de l'Intérieur", "agency" in roles)
        self.path(name).mkdir()
        self.path(name, "card").write_bytes(card)
        options = [word for role in roles for word in ("--role", role)]
        self.run("principal", "add", self.path(name, "card"), "--fingerprint", signed.fingerprint(card), *options,
                 "--config", self.hub_config)
        return keys

    def connect(self, kind, name, keys=None):
        endpoint = self.intake if kind is kw1.Intake else self.feed
        connection = kind(endpoint, keys or self.keys[name], self.hub_card, name, self.jurisdictions[name])
        self.connections.append(connection)
        return connection

    def intake_of(self, name, **options):
        return self.connect(kw1.Intake, name, **options)

    def feed_of(self, name, **options):
        return self.connect(kw1.Feed, name, **options)

    def subscribed(self, name, start=1, credit=100, last_chain=None):
        feed = self.feed_of(name)
        stream = feed.streams()[0]
        feed.subscribe(stream["stream"], stream["epoch"], start, credit, last_chain)
        return feed
