#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The history checker: what was sent, receipted, present, expected, delivered and received must agree. Alone it tests itself."""
import collections
import copy
import dataclasses
import hashlib
import sys

COLUMNS = ("sent", "receipted", "present", "expected", "delivered", "received", "lost")


@dataclasses.dataclass
class Receipt:
    """One line of one receipt. key: (registry, id, version), or None where the sender's spool keeps positions only."""
    sender: str
    batch: str
    slot: int
    key: tuple
    outcome: str
    position: int


@dataclasses.dataclass
class Item:
    """One item of an agency's stream, as a new inbox got it from number 1 on; positions: of the records that its facts name."""
    number: int
    previous: bytes
    chain: bytes
    envelope: bytes
    body: bytes
    alert: str
    rule: str
    positions: frozenset


@dataclasses.dataclass
class History:
    sent: dict = dataclasses.field(default_factory=dict)        # key: sender
    receipts: list = dataclasses.field(default_factory=list)
    present: dict = dataclasses.field(default_factory=dict)     # key: (outcome of asking for it again, its positions)
    entries: list = dataclasses.field(default_factory=list)     # (position, is a record or a check) as the journal numbers them
    log: dict = dataclasses.field(default_factory=dict)         # entries, sealed, released; audit: its exit code
    expected: dict = dataclasses.field(default_factory=dict)    # name of a situation: (rule, keys of the records that make it)
    delivered: list = dataclasses.field(default_factory=list)
    outbox: int = 0                                             # last number of the stream, as the hub says
    received: dict = dataclasses.field(default_factory=dict)    # number: chain hash, in the inbox that was killed
    confirmed: int = 0                                          # as the hub says
    waiting: dict = dataclasses.field(default_factory=dict)     # name of a queue that should be empty: how many
    lost: set = dataclasses.field(default_factory=set)


def chain_of(previous, number, envelope, body):
    """protocol.md §6."""
    inner = hashlib.sha256(envelope).digest() + hashlib.sha256(body).digest()
    return hashlib.sha256(b"kinward/item/v1\n" + previous + number.to_bytes(8, "big") + inner).digest()


# ---- the rules, each a generator of violations ---------------------------------------------------


def positions(history):
    return {key: found[1][0] for key, found in history.present.items() if len(found[1]) == 1}


def presence(history):
    """All that was sent is there, once, and was there before it was asked for again."""
    for key in history.sent:
        outcome, found = history.present.get(key, ("not asked for", []))
        if outcome != "duplicate" or not found:
            history.lost.add(key)
            yield "lost: %s sent by %s is not there (%s)" % (key, history.sent[key], outcome)
        elif len(found) != 1:
            yield "double: %s stands at %s" % (key, found)
    by_position = collections.defaultdict(list)
    for key, position in positions(history).items():
        by_position[position].append(key)
    for position, keys in by_position.items():
        if len(keys) != 1:
            yield "shared: position %d is that of %s" % (position, keys)


def receipts(history):
    """Each receipt is true: its record is there, at its position; and each record was accepted once."""
    where = positions(history)
    at = {position: key for key, position in where.items()}
    accepted, seen, kept = collections.Counter(), set(), collections.Counter()
    for one in history.receipts:
        key = one.key or at.get(one.position)
        if (one.batch, one.slot) in seen:
            yield "receipt twice: batch %s record %d" % (one.batch, one.slot)
        seen.add((one.batch, one.slot))
        if one.outcome not in ("accepted", "duplicate", "quarantined"):
            yield "refused: %s by %s: %s" % (key, one.sender, one.outcome)
        elif one.outcome == "quarantined":
            # kept by the hub and put in later; a spool's receipt does not say which record that was
            accepted[key] += 1 if key else 0
            kept[one.sender] += 0 if key else 1
        elif key is None or where.get(key) != one.position:
            history.lost.add(key or (one.sender, one.position))
            yield "receipt for another: %s of %s says %s, there it is %s" % (key, one.sender, one.position, where.get(key))
        else:
            accepted[key] += one.outcome == "accepted"
    for key, sender in history.sent.items():
        if accepted[key] == 0 and kept[sender]:
            kept[sender] -= 1
        elif accepted[key] != 1:
            yield "accepted %d times: %s" % (accepted[key], key)


def journal(history):
    """Positions are dense, and hold no record that nobody sent."""
    for number, (position, _) in enumerate(history.entries, 1):
        if position != number:
            yield "hole: entry %d of the journal has position %d" % (number, position)
            break
    records = sum(1 for _, is_record in history.entries if is_record)
    if records != len(history.sent):
        yield "journal: %d records, %d were sent" % (records, len(history.sent))
    kinds = dict(history.entries)
    for key, position in positions(history).items():
        if not kinds.get(position):
            yield "journal: no record at position %d of %s" % (position, key)


def log(history):
    """Everything in the journal is in the cosigned log, and the log is whole."""
    if history.log.get("audit") != 0:
        yield "audit: exit %s%s" % (history.log.get("audit"), history.log.get("told", ""))
    if history.log.get("entries") != len(history.entries):
        yield "log: covers %s of %d entries" % (history.log.get("entries"), len(history.entries))
    if history.log.get("released") != history.log.get("sealed"):
        yield "log: %s of %s released" % (history.log.get("released"), history.log.get("sealed"))


def alerts(history):
    """Each situation has one alert with its facts, and none has one that was not there."""
    where, known = positions(history), set()
    for name, (rule, keys) in history.expected.items():
        wanted = {where.get(key) for key in keys}
        found = {item.alert for item in history.delivered if item.rule == rule and wanted <= item.positions}
        known |= found
        if not found:
            history.lost.add(name)
            yield "alert missing: %s of %s" % (rule, name)
        elif len(found) > 1:
            yield "alert double: %s of %s: %s" % (rule, name, sorted(found))
    for alert in {item.alert for item in history.delivered} - known:
        yield "alert of nothing: %s" % alert


def stream(history):
    """The stream has no gap, its chain holds, and the agency has every item and has said so."""
    previous = bytes(32)
    for number, item in enumerate(history.delivered, 1):
        if item.number != number:
            yield "gap: item %d is number %d" % (number, item.number)
            break
        if item.previous != previous or item.chain != chain_of(previous, number, item.envelope, item.body):
            yield "chain: broken at %d" % number
            break
        previous = item.chain
    if len(history.delivered) != history.outbox:
        yield "stream: %d items of %d" % (len(history.delivered), history.outbox)
    for item in history.delivered:
        if item.number not in history.received:
            history.lost.add(("item", item.number))
            yield "not received: item %d" % item.number
        elif history.received[item.number] != item.chain:
            yield "fork: item %d was received with another chain" % item.number
    for number in history.received:
        if number > history.outbox:
            yield "received and gone: item %d" % number
    if history.confirmed != history.outbox:
        yield "confirmed %d of %d" % (history.confirmed, history.outbox)


def queues(history):
    for name, count in history.waiting.items():
        if count:
            yield "still waiting: %d in %s" % (count, name)


RULES = (presence, receipts, journal, log, alerts, stream, queues)


def check(history):
    """All violations, as lines."""
    history.lost = set()
    return [line for rule in RULES for line in rule(history)]


def counts(history):
    """The columns of the table; call check() first."""
    there = sum(1 for key in history.sent if history.present.get(key, ("", []))[0] == "duplicate")
    return {"sent": len(history.sent), "receipted": len({(one.batch, one.slot) for one in history.receipts}), "present": there,
            "expected": len(history.expected), "delivered": len(history.delivered), "received": len(history.received),
            "lost": len(history.lost)}


# ---- its own test -----------------------------------------------------------------------------------


def good():
    """A small history in which nothing is wrong: three records, a check, an alert."""
    history = History(sent={("civil", "R%d" % n, "1"): "civil" for n in range(1, 5)}, outbox=2, confirmed=2)
    for n, key in enumerate(history.sent, 1):
        history.receipts.append(Receipt("civil", "b%d" % (n // 2), n, key if n != 3 else None, "accepted", n + 1))
        history.present[key] = ("duplicate", [n + 1])
    history.entries = [(1, False)] + [(n, True) for n in range(2, 6)]
    history.log = {"entries": 5, "sealed": 3, "released": 3, "audit": 0}
    history.expected = {"child 1": ("M3", [("civil", "R1", "1"), ("civil", "R2", "1")]), "man 1": ("D5", [("civil", "R4", "1")])}
    previous = bytes(32)
    for number, (alert, rule, at) in enumerate((("aa", "M3", {2, 3}), ("bb", "D5", {5})), 1):
        chain = chain_of(previous, number, b"envelope", b"body")
        history.delivered.append(Item(number, previous, chain, b"envelope", b"body", alert, rule, frozenset(at)))
        history.received[number] = previous = chain
    history.waiting = {"spool": 0}
    return history


def bad():
    """What can go wrong, each made in a copy of the good one: (name, change, what the checker must say)."""
    first, second = ("civil", "R1", "1"), ("civil", "R2", "1")

    def change(name, value):
        return lambda h: setattr(h, name, value)

    def item(number, /, **more):
        def apply(h):
            h.delivered[number - 1] = dataclasses.replace(h.delivered[number - 1], **more)
        return apply

    def receipt(number, /, **more):
        def apply(h):
            h.receipts[number - 1] = dataclasses.replace(h.receipts[number - 1], **more)
        return apply
    return [
        ("lost though receipted", lambda h: h.present.__setitem__(first, ("accepted", [9])), "lost"),
        ("lost and never asked for", lambda h: h.present.pop(first), "lost"),
        ("never receipted", lambda h: h.receipts.pop(0), "accepted 0 times"),
        ("present twice", lambda h: h.present.__setitem__(first, ("duplicate", [2, 6])), "double"),
        ("accepted twice", lambda h: h.receipts.append(Receipt("civil", "b9", 1, first, "accepted", 2)), "accepted 2 times"),
        ("one batch receipted twice", lambda h: h.receipts.append(copy.copy(h.receipts[0])), "receipt twice"),
        ("two records at one position", lambda h: h.present.__setitem__(first, ("duplicate", [3])), "shared"),
        ("receipt for another position", receipt(1, position=5), "receipt for another"),
        ("spool's receipt for nothing", receipt(3, position=77), "receipt for another"),
        ("conflict", receipt(2, outcome="conflict"), "refused"),
        ("rejected", receipt(2, outcome="rejected"), "refused"),
        ("hole in the journal", lambda h: h.entries.pop(2), "hole"),
        ("a record nobody sent", lambda h: h.entries.append((6, True)), "journal: 5 records"),
        ("an act where a record should be", lambda h: h.entries.__setitem__(1, (2, False)), "no record at position"),
        ("log behind", lambda h: h.log.update(entries=4), "log: covers"),
        ("log not released", lambda h: h.log.update(released=2), "released"),
        ("log broken", lambda h: h.log.update(audit=4), "audit"),
        ("alert missing", lambda h: (h.delivered.pop(), h.received.pop(2), setattr(h, "outbox", 1), setattr(h, "confirmed", 1)),
         "alert missing"),
        ("alert with another record", item(1, positions=frozenset({2, 5})), "alert missing"),
        ("alert by another rule", item(2, rule="M3"), "alert missing"),
        ("alert of nothing", lambda h: h.expected.pop("man 1"), "alert of nothing"),
        ("one situation, two alerts", item(2, rule="M3", positions=frozenset({2, 3})), "alert double"),
        ("hole in the stream", item(2, number=3), "gap"),
        ("chain broken", item(2, body=b"another"), "chain"),
        ("item not received", lambda h: h.received.pop(1), "not received"),
        ("item received otherwise", lambda h: h.received.__setitem__(1, bytes(32)), "fork"),
        ("received, then gone from the hub", lambda h: h.received.__setitem__(3, bytes(32)), "received and gone"),
        ("stream shorter than the hub says", change("outbox", 3), "stream"),
        ("not confirmed", change("confirmed", 1), "confirmed"),
        ("spool not empty", change("waiting", {"spool": 2}), "still waiting"),
        ("two records exchanged", lambda h: (h.present.__setitem__(first, ("duplicate", [3])),
                                             h.present.__setitem__(second, ("duplicate", [2]))), "receipt for another"),
    ]


def self_test():
    cases = bad()
    print("1..%d" % (len(cases) + 1))
    failed = check(good()) != []
    print("%sok 1 - a good history has no violation" % ("not " if failed else ""))
    for number, (name, change, wanted) in enumerate(cases, 2):
        history = good()
        change(history)
        found = check(history)
        caught = any(line.startswith(wanted) or wanted in line for line in found)
        failed |= not caught
        print("%sok %d - caught: %s" % ("" if caught else "not ", number, name))
        if not caught:
            print("# " + "; ".join(found))
    sys.exit(failed)


if __name__ == "__main__":
    self_test()
