#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plays OpenCRVS 1.x on 127.0.0.1: token, webhooks with challenge and signed deliveries, GraphQL search and fetch; misbehaves on demand.

Prints one JSON line {"mock":"opencrvs","port":…,"url":…} and works until it is ended. README.md says what it can be asked for.
"""
import argparse
import base64
import hashlib
import hmac
import http.client
import json
import queue
import secrets
import sys
import threading
import urllib.parse

sys.dont_write_bytecode = True
import registry  # noqa: E402
import server  # noqa: E402

TOPICS = {"birth": "BIRTH_REGISTERED", "death": "DEATH_REGISTERED"}
UNRESERVED = "-_.!~*'()"  # what encodeURIComponent leaves besides letters and digits


def signature(secret, body):
    text = "sha256:" + urllib.parse.quote(body, safe=UNRESERVED)
    return "sha256=" + hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class Mock(server.Registry):
    def __init__(self, options):
        super().__init__(options)
        self.maker = registry.Maker(options.seed)
        self.subscriptions = []
        self.bundles, self.forms, self.order = {}, {}, []  # by Composition id
        self.deliveries, self.held = [], []
        self.outgoing = queue.Queue()
        self.number = 0
        threading.Thread(target=self.deliver_all, daemon=True).start()

    # ---- registering ------------------------------------------------------------------------

    def add(self, event, moment, deliver):
        with self.lock:
            self.number += 1
            moment = moment or registry.now_text()
            kind = event.get("kind")
            if event.get("resourceType") == "Bundle":
                kind = registry.resources(event, "Task")[0]["code"]["coding"][0]["code"].lower()
            number = "%s%s%08d" % (moment[:4], kind[0].upper(), self.number)
            if kind == "marriage":
                form, identity = registry.marriage_form(event, self.maker, number, moment), None
            else:
                made = event if event.get("resourceType") == "Bundle" else registry.bundle_of(event, self.maker)
                bundle = registry.register(made, number, moment)
                form, identity = registry.search_form(bundle), bundle
            if identity:
                self.bundles[form["id"]] = identity
            self.forms[form["id"]] = (kind, moment, form)
            if form["id"] in self.order:
                self.order.remove(form["id"])
            self.order.append(form["id"])
        if deliver and kind in TOPICS:
            self.outgoing.put((TOPICS[kind], form["id"], identity))
        return {"id": form["id"], "version": moment, "kind": kind, "registrationNumber": number}

    def register(self, asked):
        events = list(asked.get("events", [])) + list(asked.get("bundles", []))
        if asked.get("bundle"):
            events.append(asked["bundle"])
        if asked.get("files"):
            events += registry.shared_bundles() or [self.maker.event("birth"), self.maker.event("birth"), self.maker.event("death")]
        kinds = asked.get("kinds", ["birth", "death"])
        events += [self.maker.event(kinds[i % len(kinds)]) for i in range(asked.get("count", 0))]
        return {"registered": [self.add(event, asked.get("at"), asked.get("deliver", True)) for event in events]}

    # ---- deliveries ----------------------------------------------------------------------------

    def deliver_all(self):
        while True:
            topic, identity, bundle = self.outgoing.get()
            one = self.take("delivery") or {}
            if one.get("do") == "drop":
                pass
            elif one.get("do") == "reorder":
                self.held.append((topic, identity, bundle))
            else:
                for _ in range(2 if one.get("do") == "duplicate" else 1):
                    self.deliver(topic, identity, bundle, one.get("do"))
                while self.held:
                    self.deliver(*self.held.pop(), None)
            self.outgoing.task_done()

    def deliver(self, topic, identity, bundle, misbehaviour):
        with self.lock:
            wanted = [one for one in self.subscriptions if one["topic"] == topic]
        for one in wanted:
            event = {"event": {"hub": {"topic": topic}, "context": [bundle]}}
            body = json.dumps({"timestamp": registry.now_text(), "id": one["id"], **event}, ensure_ascii=False, separators=(",", ":")).encode()
            signed = signature(one["secret"] if misbehaviour != "wrong-signature" else "another", body)
            for _ in range(3):  # only a failure of the network is tried again; the status is not looked at
                try:
                    status = self.post(one["callback"], body, signed, misbehaviour)
                    break
                except (OSError, http.client.HTTPException):
                    status = 0
            with self.lock:
                self.deliveries.append({"id": identity, "topic": topic, "status": status})

    def post(self, callback, body, signed, misbehaviour):
        where = urllib.parse.urlsplit(callback)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
        try:
            connection.putrequest("POST", where.path or "/")
            connection.putheader("Content-Type", "application/json")
            connection.putheader("X-Hub-Signature", signed)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            if misbehaviour == "cut":
                connection.send(body[:len(body) // 2])
                return 0
            connection.send(body)
            return connection.getresponse().status
        finally:
            connection.close()

    def subscribe(self, hub):
        """Status and answer of POST /webhooks."""
        refusal = None
        if hub.get("mode") != "subscribe":
            refusal = "hub.mode must be subscribe"
        elif hub.get("topic") not in TOPICS.values():
            refusal = "Unsupported topic"
        elif hub.get("secret") != self.options.webhook_secret:
            refusal = "hub.secret is incorrect"
        if refusal:
            return 400, {"hub": {"mode": "denied", "topic": hub.get("topic"), "reason": refusal}}
        challenge = base64.b64encode(secrets.token_bytes(24)).decode()
        where = urllib.parse.urlsplit(hub["callback"])
        query = urllib.parse.urlencode({"mode": "subscribe", "challenge": challenge, "topic": hub["topic"]})
        try:
            connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
            connection.request("GET", (where.path or "/") + "?" + query)
            answer = json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return 400, None
        if answer.get("challenge") != challenge:
            return 400, None
        with self.lock:
            self.subscriptions.append({"id": secrets.token_hex(8), "callback": hub["callback"], "createdAt": registry.now_text(),
                                       "createdBy": {"client_id": self.options.client_id}, "topic": hub["topic"], "secret": hub["secret"]})
        return 202, None

    # ---- search -----------------------------------------------------------------------------------

    def graphql(self, asked):
        name, variables = asked.get("operationName") or "", asked.get("variables") or {}
        if name == "searchEvents":
            return {"data": {"searchEvents": self.search(variables)}}
        if name.startswith("fetch") and name.endswith("Registration"):
            found = self.forms.get(variables.get("id"))
            if found and name == "fetch%sRegistration" % found[0].capitalize():
                return {"data": {name: found[2]}}
            return {"errors": [{"message": "no such record", "path": [name]}], "data": None}
        return {"errors": [{"message": "Unknown operation"}]}

    def search(self, variables):
        asked = variables.get("advancedSearchParameters") or {}
        low, high = asked.get("dateOfRegistrationStart", ""), asked.get("dateOfRegistrationEnd", "9999")
        with self.lock:
            rows = [(identity, *self.forms[identity]) for identity in self.order]
        rows = [row for row in rows if row[1] == asked.get("event", row[1]) and low <= row[2][:10] <= high]
        results = [{"id": identity, "type": kind.capitalize(), "registration": {
            "status": "REGISTERED", "registrationNumber": form["registration"]["registrationNumber"], "modifiedAt": moment}}
                   for identity, kind, moment, form in rows]
        skip, count = variables.get("skip", 0), variables.get("count", 10)
        return {"totalItems": len(results), "results": results[skip:skip + count]}


class Handler(server.Handler):
    def do(self, what, one):
        if what == "graphql-error":
            self.answer(200, {"errors": [{"message": "Something went wrong"}], "data": None})
            return True
        return super().do(what, one)

    def do_GET(self):
        mock, path = self.server.mock, urllib.parse.urlsplit(self.path).path
        if path == "/control/state":
            with mock.lock:
                self.answer(200, {"counts": mock.counts, "subscriptions": mock.subscriptions, "deliveries": mock.deliveries,
                                  "registered": len(mock.order), "waiting": mock.outgoing.unfinished_tasks + len(mock.held)})
        elif path == "/webhooks":
            mock.count("webhooks")
            if not self.misbehave("webhooks") and self.allowed():
                shown = [{name: value for name, value in one.items() if name != "secret"} for one in mock.subscriptions]
                self.answer(200, {"entries": shown})
        else:
            self.answer(404)

    def do_DELETE(self):
        identity = self.path.rsplit("/", 1)[-1]
        if self.allowed():
            with self.server.mock.lock:
                mock = self.server.mock
                mock.subscriptions = [one for one in mock.subscriptions if one["id"] != identity]
            self.answer(204)

    def do_POST(self):
        mock, where = self.server.mock, urllib.parse.urlsplit(self.path)
        body = self.body()
        try:
            asked = json.loads(body) if body else {}
        except ValueError:
            self.answer(400, {"message": "not JSON"})
            return
        if where.path == "/control/register":
            self.answer(200, mock.register(asked))
        elif where.path == "/control/misbehave":
            mock.misbehave(asked)
            self.answer(200, {})
        elif where.path == "/token":
            mock.count("token")
            self.misbehave("token") or self.token(urllib.parse.parse_qs(where.query))
        elif where.path == "/webhooks":
            mock.count("webhooks")
            if not self.misbehave("webhooks") and self.allowed():
                self.answer(*mock.subscribe(asked.get("hub", {})))
        elif where.path == "/graphql":
            mock.count("graphql")
            mock.count(asked.get("operationName", "?"))
            if not self.misbehave("graphql") and not self.misbehave(asked.get("operationName")) and self.allowed():
                self.answer(200, mock.graphql(asked))
        else:
            self.answer(404)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    server.add_options(parser)
    parser.add_argument("--webhook-secret", default="d04aec67-1ef4-467a-a5a8-fa5c89ad71ce")
    server.run("opencrvs", Mock(parser.parse_args()), Handler)


if __name__ == "__main__":
    main()
