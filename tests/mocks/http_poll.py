#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plays an API that lists changed items, on 127.0.0.1: pages by number, offset, link or cursor; misbehaves on demand.

Prints one JSON line {"mock":"http-poll","port":…,"url":…} and works until it is ended. README.md says what it can be asked for.
"""
import argparse
import json
import random
import ssl
import sys
import urllib.parse

sys.dont_write_bytecode = True
import registry  # noqa: E402
import server  # noqa: E402


class Mock(server.Registry):
    def __init__(self, options):
        super().__init__(options)
        self.maker = registry.Maker(options.seed)
        self.random = random.Random(options.seed)
        self.items = {}  # by id, in the order of their change
        self.asked = []  # since of each request

    def put(self, asked):
        made = list(asked.get("items", []))
        for _ in range(asked.get("count", 0)):
            event = self.maker.event("birth")
            mother = {**event["mother"], "born": event["mother"]["birthDate"], "declaredBy": True}
            made.append({"id": self.maker.id(), "state": "registered", "number": "2026B%06d" % self.maker.count, "registered": "2026-03-02",
                         "office": "Ibombo District Office", "mother": mother, "father": None,
                         "child": {**event["child"], "sex": event["child"]["gender"], "born": event["child"]["birthDate"]}})
        put = []
        with self.lock:
            for item in made:
                item.setdefault("updated", asked.get("at") or registry.now_text())
                self.items.pop(item.get("id"), None)
                self.items[item.get("id")] = item
                put.append({"id": item.get("id"), "version": item["updated"]})
        return {"put": put}

    def page(self, query, what):
        """What a page is asked for, and whatever of it comes; what: the misbehaviour of this page, or None."""
        since, size = query.get("since", [""])[0], int(query.get("size", ["1000000"])[0])
        with self.lock:
            self.asked.append(since)
            rows = [item for item in self.items.values() if item["updated"] >= since]
        rows = sorted(rows, key=lambda item: item["updated"], reverse=self.options.order == "newest")
        skip = int(query.get("offset", ["0"])[0])
        if "page" in query:
            skip = (int(query["page"][0]) - 1) * size
        if "cursor" in query:
            skip = int(query["cursor"][0].removeprefix("c-"))
        total, more = len(rows), skip + size < len(rows)
        if what == "duplicate":
            skip = max(0, skip - size)
        elif what == "swap":
            skip += size
        page = rows[skip:skip + size]
        if what == "drop":
            page, more = [], False
        elif what == "short":
            page, more = page[:len(page) // 2], False
        elif what == "reorder":
            self.random.shuffle(page)
        following = "c-%d" % (skip + size) if more else None
        arguments = {"since": since, "size": size, "cursor": following}
        link = "%s/items?%s" % (self.options.links, urllib.parse.urlencode({name: value for name, value in arguments.items() if value}))
        return {"data": {"items": page}, "total": total, "cursor": following, "next": link if more else None}


class Handler(server.Handler):
    page_fault = None

    def do(self, what, one):
        if what in ("duplicate", "swap", "drop", "short", "reorder"):
            self.page_fault = what
            return False
        return super().do(what, one)

    def do_GET(self):
        mock, where = self.server.mock, urllib.parse.urlsplit(self.path)
        query, self.page_fault = server.query_of(where.query), None
        if where.path == "/control/state":
            with mock.lock:
                self.answer(200, {"counts": mock.counts, "asked": mock.asked, "items": len(mock.items)})
        elif where.path == "/items":
            mock.count("items")
            if self.misbehave("items") or (mock.options.open == "no" and not self.allowed()):
                return
            answer = mock.page(query, self.page_fault)
            beyond = mock.options.beyond == "404" and int(query.get("page", ["1"])[0]) > 1 and not answer["data"]["items"]
            self.answer(*((404, {"detail": "Invalid page."}) if beyond else (200, answer)))
        else:
            self.answer(404, {})

    def do_POST(self):
        mock, where, body = self.server.mock, urllib.parse.urlsplit(self.path), self.body()
        if where.path == "/control/put":
            self.answer(200, mock.put(json.loads(body)))
        elif where.path == "/control/misbehave":
            mock.misbehave(json.loads(body))
            self.answer(200, {})
        elif where.path == "/token":
            mock.count("token")
            self.misbehave("token") or self.token(server.query_of(where.query or body.decode()))
        else:
            self.answer(404, {})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    server.add_options(parser)
    parser.add_argument("--order", choices=["oldest", "newest"], default="oldest", help="which change comes first")
    parser.add_argument("--open", choices=["yes", "no"], default="yes", help="no: a token of /token is wanted")
    parser.add_argument("--links", default="", help="what links to the next page begin with; their path unless given")
    parser.add_argument("--beyond", choices=["empty", "404"], default="empty", help="what comes after the last numbered page")
    parser.add_argument("--tls", help="folder with server.pem and authority.pem: only clients with a certificate of that authority")
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls + "/server.pem")
        context.load_verify_locations(options.tls + "/authority.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    server.run("http-poll", Mock(options), Handler, context)


if __name__ == "__main__":
    main()
