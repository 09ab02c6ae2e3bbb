#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each refusal of protocol.md, met by a client: its code, and that nothing else suffers."""
import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from parties import VALID, Scene, child, record, refused  # noqa: E402

import kw1  # noqa: E402
import zmq  # noqa: E402
import zmq.utils.monitor  # noqa: E402
from signed import Batch, Keys, b64, origin_leaf, pack, prefixed, sha256  # noqa: E402
from world import check, main, until  # noqa: E402


def leaf(data, source="anything"):
    return prefixed(source) + prefixed("1") + sha256(data)


def counts():
    return SCENE.status()["intake"]["outcomes"]


def faulty():
    """Code, bytes and origin leaf of records that are each wrong in one way."""
    good = record("marriage.xml", source="faulty")
    several = record("records.xml")
    raw = (VALID / "marriage.xml").read_bytes()
    foreign = record("marriage.xml", ("<jurisdiction>KE", "<jurisdiction>TZ"))
    decomposed = good.replace(b"<givenName>", "<givenName>E\u0301".encode(), 1)
    large = good.replace(b"<givenName>", b"<givenName>" + b"A" * (256 << 10), 1)
    invalid = good.replace(b"<eventType>marriage<", b"<eventType>wedding<")
    other = good.replace(b"urn:kinward:record:1", b"urn:example:other")
    return (("not-canonical", raw, leaf(raw)),
            ("not-canonical", b'<?xml version="1.0"?>\n' + good, origin_leaf(good)[:-32] + sha256(b'<?xml version="1.0"?>\n' + good)),
            ("not-canonical", good.replace(b"<eventType>", b"<!-- --><eventType>"), None),
            ("schema", invalid, None),
            ("doctype", b"<!DOCTYPE record>" + good, leaf(b"<!DOCTYPE record>" + good)),
            ("foreign-jurisdiction", foreign, None),
            ("origin-mismatch", good, leaf(good)),
            ("origin-mismatch", good, origin_leaf(good)[:-32] + bytes(32)),
            ("several-records", several, leaf(several)),
            ("too-large", large, leaf(large)),
            ("empty", b"", leaf(b"")),
            ("ill-formed", good[:-1], leaf(good[:-1])),
            ("encoding", good + b"\xff", leaf(good + b"\xff")),
            ("not-nfc", decomposed, None),
            ("namespace", other, leaf(other)))


def records():
    """a record at fault is rejected with its code and its place, is counted, and costs the others of its batch nothing"""
    for number, (code, bad, its_leaf) in enumerate(faulty()):
        before = counts()
        good = [record("marriage.xml", source="among-%d-%d" % (number, n)) for n in range(19)]
        data = good[:7] + [bad] + good[7:]
        leaves = [origin_leaf(one) for one in good]
        leaves.insert(7, its_leaf or origin_leaf(bad))
        results = CIVIL.submit(CIVIL.batch(data, leaves=leaves))["results"]
        check([one["outcome"] for one in results] == ["accepted"] * 7 + ["rejected"] + ["accepted"] * 12, (code, results))
        check(results[7]["code"] == code and "position" not in results[7], (code, results[7]))
        now = counts()
        check(now.get(code, 0) == before.get(code, 0) + 1 and now["accepted"] == before.get("accepted", 0) + 19, (code, before, now))


def repetitions():
    """duplicate, conflict and remapped; the same batch has the same receipt; its id with other bytes is batch-reused"""
    first = record("live-birth.xml", source="again")
    batch = CIVIL.batch([first])
    receipt = CIVIL.ask("SUBMIT", batch.header, batch.items)
    position = json.loads(receipt.raw)["results"][0]["position"]
    again = CIVIL.ask("SUBMIT", batch.header, batch.items)
    check((again.raw, again.payload) == (receipt.raw, receipt.payload), "another receipt")

    def one(data):
        return CIVIL.submit(CIVIL.batch([data]))["results"][0]

    before = counts()
    check(one(first) == {"outcome": "duplicate", "position": position}, "duplicate")
    mapping = b"<mapping><id>opencrvs-bundle</id><version>1</version></mapping>"
    check(mapping in first, "the example has a mapping")
    newer = first.replace(mapping, mapping.replace(b"<version>1", b"<version>2")).replace(b"3120", b"3121")
    remapped = one(newer)
    check(remapped["outcome"] == "remapped" and remapped["position"] > position, remapped)
    check(one(first.replace(b"3120", b"3122")) == {"outcome": "conflict"}, "conflict")
    now = counts()
    check(all(now[code] == before.get(code, 0) + 1 for code in ("duplicate", "remapped", "conflict")), (before, now))
    refused("batch-reused", CIVIL.submit, CIVIL.batch([newer], identity=batch.identity))
    refused("batch-reused", CIVIL.submit, CIVIL.batch([first], identity=batch.identity, backfill=True))
    # the id is the sender's own: another's batch of the same id is another batch
    check(BORDER.submit(BORDER.batch([record("marriage.xml", source="theirs")], identity=batch.identity))["results"][0]["outcome"] == "accepted", "ids")


def batches():
    """what a batch says about itself must hold: signature, root, count, items, sender"""
    data = record("divorce.xml", source="batches")
    good = CIVIL.batch([data])

    def sent(items=good.items, **changes):
        header = {name: value for name, value in {**good.header, **changes}.items() if value is not None}
        return lambda: CIVIL.ask("SUBMIT", header, items)

    refused("bad-signature", sent(signature=b64(bytes(64))))
    refused("bad-signature", sent(**Batch(Keys(), "py-civil", "KE", [data], identity=good.identity).header))
    other_id = CIVIL.batch([data])
    refused("bad-signature", sent(batch=other_id.header["batch"]))
    refused("batch-mismatch", sent(root=b64(bytes(32))))
    refused("batch-mismatch", sent(count=2))
    refused("batch-mismatch", sent(items=good.items[:1]))
    refused("batch-mismatch", sent(items=good.items * 2))
    refused("batch-mismatch", sent(items=[]))
    refused("batch-mismatch", sent(items=[good.items[0] + b"x", data]))
    refused("forbidden", sent(principal="py-border"), detail="principal")
    refused("foreign-jurisdiction", sent(jurisdiction="TZ"))
    request = CIVIL.send("PING")
    CIVIL.answer(request)
    CIVIL.socket.send_multipart([b"KW1", b"SUBMIT", b"cut off.", json.dumps(good.header).encode(), pack(good.items)[:-1]])
    refused("batch-mismatch", CIVIL.answer, b"cut off.")
    check(CIVIL.submit(good)["results"][0]["outcome"] == "accepted", "the good one, after all of them")


def headers():
    """a header member that is missing, of another type or out of range, a name twice, no object: bad-header"""
    good = CIVIL.batch([record("divorce.xml", source="headers")])
    for name, values in (("batch", (None, "00", good.header["batch"].upper(), 7)), ("count", (None, 0, 513, -1, "1", 1.5, True)),
                         ("root", (None, "", "*", b64(bytes(31)), 1)), ("signature", (None, b64(bytes(65)), [])),
                         ("principal", (None, 3)), ("jurisdiction", (None, {})), ("backfill", (1, "true", None))):
        for value in values:
            header = {**good.header, name: value}
            if value is None and name != "backfill":
                del header[name]
            refused("bad-header", CIVIL.ask, "SUBMIT", header, good.items, detail=name)
    text = json.dumps(good.header)
    for raw in (b"", b"[]", b"7", b"{", b"{}{}", b'{"a":1,"a":2}', b'{"a":"\xff"}', b'{"a":"\\u0000"}', b'{"a":' * 200 + b"1" + b"}" * 200):
        for verb in ("HELLO", "PING", "PROOF", "SUBMIT"):
            refused("bad-header", CIVIL.ask, verb, raw)
    refused("bad-header", CIVIL.ask, "SUBMIT", ('{"count":1,' + text[1:]).encode(), good.items)
    for position in (0, -1, "1", 1.5, None, 1 << 63):
        refused("bad-header", CIVIL.ask, "PROOF", {"position": position})
    check(CIVIL.ask("PING", {"unknown": [1, {"member": None}]}).verb == "PONG", "unknown members")


def frames():
    """five frames, version, verb and request id as they should be: frames, version, unknown-verb"""
    def sent(*parts):
        CIVIL.socket.send_multipart(list(parts))
        answer = CIVIL.receive(10)
        check(answer.verb == "ERROR" and answer.header["retryable"] is False and answer.payload == b"", answer.verb)
        return answer.header["code"], answer.request

    request, unread = b"request.", bytes(8)
    check(sent(b"KW1", b"PING", request, b"{}") == ("frames", request), "four frames")
    check(sent(b"KW1", b"PING", request, b"{}", b"", b"") == ("frames", request), "six frames")
    check(sent(b"KW1") == ("frames", unread), "one frame")
    check(sent(b"", b"KW1", b"PING", request, b"{}", b"") == ("frames", unread), "a delimiter")
    check(sent(b"KW1", b"PING", b"request", b"{}", b"") == ("frames", unread), "a short request id")
    for verb in (b"", b"ping", b"P" * 16, b"PI NG"):
        check(sent(b"KW1", verb, request, b"{}", b"") == ("frames", unread), verb)
    check(sent(b"KW1", b"PING", request, b'{"a":"' + b"x" * (64 << 10) + b'"}', b"") == ("frames", request), "a header over 64 KiB")
    check(sent(b"KW2", b"PING", request, b"{}", b"") == ("version", unread), "KW2")
    check(sent(b"KW10", b"PING", request, b"{}", b"", b"more") == ("version", unread), "KW10")
    check(sent(b"HTTP", b"PING", request, b"{}", b"") == ("frames", unread), "something else")
    for verb in ("DANCE", "RECEIPT", "STREAMS", "SUBSCRIBE"):
        refused("unknown-verb", CIVIL.ask, verb)
    for verb in ("SUBMIT", "CHECK", "ITEM"):
        refused("unknown-verb", DESK.ask, verb)
    check(CIVIL.ping() and DESK.ping(), "the connections stand")


def checks():
    """a check at fault is answered with its own code; only a border asks; the same check again has the same answer"""
    refused("forbidden", CIVIL.check, CIVIL.batch([record("document-check.xml", source="by a registry")]))
    refused("wrong-event", BORDER.check, BORDER.batch([record("marriage.xml", source="no check")]))
    refused("bad-header", BORDER.check, BORDER.batch([record("document-check.xml"), record("border-crossing.xml")]), detail="count")
    refused("schema", BORDER.check, BORDER.batch([record("document-check.xml", ("<direction>out", "<direction>up"))]))
    refused("foreign-jurisdiction", BORDER.check, BORDER.batch([record("document-check.xml", ("<jurisdiction>KE", "<jurisdiction>TZ"))]))
    stranger = child("document-check.xml", 9)
    batch = BORDER.batch([stranger])
    first, again, other = BORDER.check(batch), BORDER.check(batch), BORDER.check(BORDER.batch([stranger]))
    check(first["answer"] == "unknown" and first["case"] is None and first["complete"], first)
    check([(one["position"], one["answer"]) for one in (again, other)] == [(first["position"], "unknown")] * 2, (first, again, other))
    refused("batch-reused", BORDER.submit, batch)
    refused("conflict", BORDER.check, BORDER.batch([stranger.replace(b"ZZ 101", b"ZZ 102")]))
    crossing = record("border-crossing.xml", source="not asked about")
    BORDER.submit(BORDER.batch([crossing]))
    late = BORDER.check(BORDER.batch([crossing]))
    check(late["answer"] == "unknown" and not late["complete"], late)
    CIVIL.submit(CIVIL.batch([record("live-birth.xml", source="known")]))
    known = BORDER.check(BORDER.batch([record("document-check.xml", source="known")]))
    check(known["answer"] == "known" and known["case"] is None, known)


def roles():
    """each role at each endpoint: forbidden, and proofs of others' records are not-found"""
    data = [record("divorce.xml", source="roles")]
    position = CIVIL.submit(CIVIL.batch(data))["results"][0]["position"]
    for other in ("py-desk", "py-auditor"):
        connection = SCENE.intake_of(other)
        refused("forbidden", connection.submit, connection.batch(data))
        refused("forbidden", connection.check, connection.batch(data))
    for verb in ("HELLO", "PING", "STREAMS", "SUBSCRIBE", "RECEIVED"):
        refused("forbidden", SCENE.feed_of("py-civil").ask, verb)
    refused("not-found", lambda: BORDER.proof(position=position))
    refused("not-found", lambda: AUDITOR.proof(position=position + 1000000))
    check(AUDITOR.proof(position=position).startswith(b"c2sp.org/tlog-proof@v1\n"), "an auditor's proof")


def subscriptions():
    """SUBSCRIBE, CREDIT, RECEIVED, ACKNOWLEDGE and FEEDBACK out of range: stream, bad-header, state, not-found"""
    CIVIL.submit(CIVIL.batch([child("missing-child-opened.xml", 1)]))
    check(BORDER.check(BORDER.batch([child("document-check.xml", 1)]))["answer"] == "refer", "no alert")
    where = {"stream": "py-desk", "epoch": DESK.streams()[0]["epoch"]}
    last = until(lambda: DESK.streams()[0]["last"], 10, "the alert")

    def ask(verb, **header):
        return lambda: DESK.ask(verb, {**where, **header})

    for header in ({"stream": "py-other"}, {"stream": ""}, {"epoch": 99}, {"from": last + 2}):
        refused("stream", ask("SUBSCRIBE", **{"from": 1, "credit": 1, **header}))
    for header in ({"stream": 1}, {"epoch": "1"}, {"from": 0}, {"from": "1"}, {"credit": 0}, {"credit": 1001}, {"credit": 1.5}):
        refused("bad-header", ask("SUBSCRIBE", **{"from": 1, "credit": 1, **header}), detail=next(iter(header)))
    refused("bad-header", ask("SUBSCRIBE", **{"from": 1}), detail="credit")
    refused("state", ask("CREDIT", credit=1))
    refused("stream", ask("CREDIT", credit=1, stream="py-other"))
    refused("bad-header", ask("CREDIT", credit=1001))
    for header in ({"upto": last + 1}, {"upto": last, "epoch": 99}, {"upto": last, "stream": "py-other"}):
        refused("stream", ask("RECEIVED", **header))
    refused("bad-header", ask("RECEIVED", upto="1"))
    check(DESK.streams()[0]["received"] == 0, "nothing of that was a receipt")
    feed = SCENE.subscribed("py-desk")
    alert = feed.take().envelope
    name = (alert["alert"], alert["revision"])
    for one, wrong in ((OTHER_DESK, name), (DESK, (name[0], 99)), (DESK, ("00" * 16, 1))):
        refused("not-found", one.acknowledge, *wrong, "staff-1", "officer")
        refused("not-found", one.feedback, *wrong, "child-safe", "officer")
        refused("not-found", one.ask, "PROOF", {"alert": wrong[0], "revision": wrong[1]})
    for by, role in (("", "officer"), ("Jane Doe", "officer"), ("staff-1", ""), ("x" * 65, "officer")):
        refused("bad-header", DESK.acknowledge, *name, by, role)
    refused("bad-header", DESK.feedback, *name, "fine", "officer", detail="outcome")
    refused("bad-header", DESK.feedback, *name, "false-positive", "officer", detail="cause")


# ---- who gets a session --------------------------------------------------------------------------

def session(endpoint, **options):
    """True when a handshake succeeds, False when it is refused or cut."""
    connection = zmq.Context.instance().socket(zmq.DEALER)
    monitor = connection.get_monitor_socket()
    try:
        connection.setsockopt(zmq.LINGER, 0)
        for option, value in options.items():
            connection.setsockopt(getattr(zmq, option), value)
        connection.connect(endpoint)
        connection.send_multipart([b"KW1", b"PING", b"request.", b"{}", b""])
        while monitor.poll(20000):
            event = zmq.utils.monitor.recv_monitor_message(monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return connection.poll(10000) != 0
            if event in (zmq.EVENT_DISCONNECTED, zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                         zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL):
                return False
        check(False, "the handshake did not end")
    finally:
        # before the reader goes: an event that nobody takes would stop the thread that serves all lines
        connection.disable_monitor()
        connection.close()


def curve(keys, server=None):
    return {"CURVE_SECRETKEY": bytes(keys.curve), "CURVE_PUBLICKEY": bytes(keys.curve.public_key), "CURVE_SERVERKEY": server or SERVER}


def sessions():
    """no session without CURVE, with an unknown key, or for another hub's key"""
    for endpoint in (SCENE.intake, SCENE.feed):
        check(session(endpoint, **curve(SCENE.keys["py-civil" if endpoint == SCENE.intake else "py-desk"])), "a known key")
        check(not session(endpoint), "without CURVE")
        check(not session(endpoint, PLAIN_USERNAME=b"py-civil", PLAIN_PASSWORD=b"secret"), "with PLAIN")
        check(not session(endpoint, **curve(Keys())), "an unknown key")
        check(not session(endpoint, **curve(SCENE.keys["py-civil"], bytes(Keys().curve.public_key))), "a man in the middle")
    keys, SCENE.jurisdictions["py-late"] = Keys(), "KE"
    early = SCENE.intake_of("py-late", keys=keys)
    early.timeout = 1
    try:
        early.ask("PING", again=0)
        check(False, "an answer before the card was added")
    except kw1.Silence:
        SCENE.party("py-late", "registry", keys=keys)
    check(early.ping(), "on a new socket once the card is added")


def revoked():
    """a revoked principal is refused at its next message, its subscription ends, and it gets no session again"""
    for name, role in (("py-lost", "registry"), ("py-lost-desk", "agency")):
        SCENE.party(name, role)
    lost, batch = SCENE.intake_of("py-lost"), None
    batch = lost.batch([record("divorce.xml", source="lost")])
    check(lost.submit(batch)["results"][0]["outcome"] == "accepted", "before")
    feed = SCENE.subscribed("py-lost-desk")
    for name in ("py-lost", "py-lost-desk"):
        SCENE.run("principal", "revoke", name, "--config", SCENE.hub_config)
    refused("revoked", lost.ping)
    refused("revoked", lost.submit, batch)
    refused("revoked", feed.take)
    refused("revoked", feed.streams)
    check(not session(SCENE.intake, **curve(SCENE.keys["py-lost"])), "a new session")
    check(CIVIL.ping(), "the others")


with Scene() as SCENE:
    for party in (("py-civil", "registry"), ("py-border", "registry", "border"), ("py-desk", "agency"), ("py-auditor", "auditor")):
        SCENE.party(*party)
    SCENE.party("py-desk-tz", "agency", jurisdiction="TZ")
    CIVIL, BORDER, AUDITOR = (SCENE.intake_of(name) for name in ("py-civil", "py-border", "py-auditor"))
    DESK, OTHER_DESK = SCENE.feed_of("py-desk"), SCENE.feed_of("py-desk-tz")
    SERVER = kw1.unb64(DESK.hub["curve"])
    main([records, repetitions, batches, headers, frames, checks, roles, subscriptions, sessions, revoked])
