#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The connector for any JSON API against its mock: each kind of paging, and each way in which the registry may misbehave.

Whatever happens: what lies before the saved mark was emitted. That is looked at with each cursor.
"""
import datetime
import pathlib
import random
import ssl
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from driver import BUILD, SOURCE, Connector, check, main  # noqa: E402
from registries import Mock, close_all  # noqa: E402

OLD = "2026-03-04T08:%02d:%02d.250Z"
PAGINGS = {"page": {"paging": "page", "page-parameter": "page"}, "offset": {"paging": "offset", "page-parameter": "offset"},
           "next": {"paging": "next", "next": "/next"}, "cursor": {"paging": "cursor", "page-parameter": "cursor", "next": "/cursor"}}


def ms_of(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


class Watched(Connector):
    """Looks at each cursor: nothing that was changed up to its mark is missing."""

    def __init__(self, api, options, secrets, **more):
        self.api, self.broken = api, None
        super().__init__("http-poll", options, secrets, **more)

    def take(self, verb, header, payload):
        super().take(verb, header, payload)
        if verb == "DOCUMENT" and self.mark() is not None:
            missing = [key for key in self.api.keys if ms_of(key.split("@")[1]) <= self.mark() and key not in self.known]
            self.broken = self.broken or missing

    def mark(self):
        text = self.cursor.split(b"\n")[-1].split(b" ")
        return None if len(text) < 3 or int(text[1]) == -2 ** 63 else int(text[1])

    def wait(self, condition, seconds=8, what=""):
        super().wait(condition, seconds, what)
        check(not self.broken, "the mark has passed %s" % self.broken)


class Api(Mock):
    program = "http_poll.py"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.keys = []

    def put(self, count=0, items=(), at=None):
        """Registers a moment for each invented one, unless at says one for all."""
        put = []
        for number in range(count):
            moment = at or OLD % (len(self.keys) // 60, len(self.keys) % 60)
            put += self.ask("/control/put", {"count": 1, "at": moment})["put"]
            self.keys.append(put[-1]["id"] + "@" + put[-1]["version"])
        if items:
            put += self.ask("/control/put", {"items": list(items)})["put"]
            self.keys += ["%s@%s" % (one["id"], one["version"]) for one in put if one["id"]]
        return put

    def connector(self, paging="page", options=None, secrets=None, environment=None, total=False, **more):
        every = {"url": self.url + "/items", "items": "/data/items", "id": "/id", "version": "/updated", "mapping": "example", "poll": "100ms",
                 "size-parameter": "size", "page-size": "7", "since-parameter": "since", "since-field": "/updated", "overlap": "0ms",
                 **PAGINGS[paging], **({"total": "/total"} if total else {}), **(options or {})}
        return Watched(self, {name: value for name, value in every.items() if value is not None}, secrets or {},
                       environment={"KINWARD_HTTP_MS": "1500", **(environment or {})}, **more)

    def caught_up(self, connector, seconds=10):
        """All of it has come, and the mark is where the newest is."""
        connector.wait_documents(len(self.keys), seconds)
        check(sorted(connector.keys) == sorted(self.keys), connector.keys)
        newest = max(ms_of(key.split("@")[1]) for key in self.keys)
        connector.wait(lambda: connector.mark() == newest, seconds, "the mark")


def every_paging():
    """pages by number, offset, link and cursor: all items, in both orders, with and without a total; records of them are valid"""
    for paging in PAGINGS:
        for order in ("oldest", "newest"):
            api = Api("--order", order, "--beyond", "404" if order == "newest" else "empty")
            api.put(25)
            connector = api.connector(paging, total=order == "oldest")
            api.caught_up(connector)
            check(connector.stop() == 0, "exit")
    with tempfile.TemporaryDirectory(prefix="kinward-poll-") as folder:
        files = []
        for number, one in enumerate(connector.documents):
            check(one["format"] == "example", one["format"])
            files.append("%s/%03d.json" % (folder, number))
            pathlib.Path(files[-1]).write_bytes(one["document"])
        command = [str(BUILD / "kinward"), "normalize", "--connector", "http-poll", "--mapping", "example", "--jurisdiction", "KE", "--registry",
                   "ke.births"]
        made = subprocess.run(command + files + [str(SOURCE / "connectors/http-poll/samples/example.json")], capture_output=True)
        pathlib.Path(folder, "records.xml").write_bytes(made.stdout)
        valid = subprocess.run([str(BUILD / "kinward"), "validate", folder + "/records.xml"], capture_output=True, text=True)
    check(made.returncode == 0 and valid.stdout.startswith("26 records valid"), (made.stderr[-300:], valid))


def since():
    """the mark moves when all pages were read, further rounds ask from there; what changes later comes, and nothing twice"""
    api = Api()
    api.put(20)
    connector = api.connector(total=True, options={"overlap": "10s"})
    api.caught_up(connector)
    check(api.state()["asked"][0] == "", "the first round asks for everything")
    connector.wait(lambda: api.state()["asked"][-1] == "2026-03-04T08:00:09.250Z", what="overlap")
    before = connector.status()["emitted"]
    items = [{"id": key.split("@")[0], "updated": OLD % (5, 0), "child": {}} for key in api.keys[3:5]]
    api.keys = [key for key in api.keys if key not in api.keys[3:5]]
    api.put(items=items)
    connector.wait(lambda: set(api.keys) <= set(connector.keys), what="new versions")
    connector.wait(lambda: connector.mark() == ms_of(OLD % (5, 0)), what="the mark")
    check(len(connector.keys) == 22, connector.keys)
    asked = len(api.state()["asked"])
    connector.wait(lambda: len(api.state()["asked"]) > asked + 4, what="more rounds")
    documents = [one for one in connector.documents]
    check(len(documents) == 22 and before >= 20, len(documents))
    check(connector.stop() == 0, "exit")


def late_and_ahead():
    """an item with an older time than the mark's candidate is waited for; one far ahead of the clock, or without a time, moves nothing"""
    api = Api("--order", "newest")
    api.put(10)
    api.put(items=[{"id": "ahead", "updated": "2199-01-01T00:00:00Z"}])
    connector = api.connector(options={"overlap": "1h"})
    newest = ms_of(OLD % (0, 9))
    connector.wait(lambda: connector.mark() == newest, what="the mark")
    check(len(connector.keys) == 11, connector.keys)
    for number in range(5):
        api.put(1, at=OLD % (0, 30 - number))
    connector.wait(lambda: connector.mark() == ms_of(OLD % (0, 30)) and len(connector.keys) == 16, what="the mark again")
    check(connector.stop() == 0, "exit")
    api = Api()
    api.put(3)
    other = api.connector(options={"since-field": "/state"})
    other.wait(lambda: other.logged("since.unreadable") and len(other.keys) == 3, what="unreadable")
    check(other.mark() is None and set(api.state()["asked"]) == {""}, api.state()["asked"])
    check(other.stop() == 0, "exit")


def page_faults():
    """a page that comes empty, short, twice, shuffled or in place of another costs a round: the mark never passes what is missing"""
    number = 0
    for order in ("oldest", "newest"):
        for paging in ("page", "cursor"):
            for total in (False, True):
                for fault in ("drop", "short", "duplicate", "swap", "reorder"):
                    api = Api("--order", order, "--seed", str(number))
                    api.put(30)
                    api.misbehave("items", fault, after=number % 6)
                    connector = api.connector(paging, total=total, options={"poll": "50ms"})
                    connector.wait(lambda: api.count("misbehaved") == 1, what=fault)
                    api.caught_up(connector)
                    check(connector.stop() == 0, "exit")
                    api.close()
                    number += 1
    print("# %d faults" % number)


def faults_in_a_row():
    """two rounds that end too early, the first one or the second one earlier, prove nothing: what neither saw is not passed"""
    for first, second in ((1, 3), (2, 3)):
        api = Api("--order", "newest")
        api.put(30)
        api.misbehave("items", "drop", after=first)
        api.misbehave("items", "drop", after=second)  # not counted at the request that has the first one
        connector = api.connector()
        connector.wait(lambda: api.count("misbehaved") == 2, what="both")
        api.caught_up(connector)
        check(connector.stop() == 0, "exit")


def page_faults_at_random():
    """faults of pages at any place while items come and change: all of it arrives in the end"""
    choose = random.Random(random.randrange(1 << 30))
    api = Api("--order", choose.choice(["oldest", "newest"]))
    api.put(20)
    connector = api.connector(choose.choice(list(PAGINGS)), options={"poll": "50ms"})
    for _ in range(30):
        api.misbehave("items", choose.choice(["drop", "short", "duplicate", "swap", "reorder", "500", "cut"]), after=choose.randrange(4))
        api.put(choose.randrange(3))
        seen = api.count("items")
        connector.wait(lambda: api.count("items") > seen + 2, what="requests")
    api.ask("/control/misbehave", {"clear": True})
    api.caught_up(connector, 20)
    check(connector.stop() == 0, "exit")


def resumed():
    """killed again and again within a page: it goes on at that page; all of it, each once"""
    for paging in PAGINGS:
        api, known, cursor, page, seen, kills = Api(), set(), b"", 0, [], 0
        choose = random.Random(random.randrange(1 << 30))
        api.put(60)
        while len(seen) < 60 and kills < 60:
            connector = api.connector(paging, known=known, cursor=cursor, credit=choose.randrange(8, 20), options={"poll": "1h"})
            try:
                connector.wait(lambda: len(connector.documents) >= min(3, 60 - len(seen)), 3)
            except AssertionError:
                check(not connector.broken, connector.broken)
            connector.kill()
            seen += connector.keys
            cursor, kills, before, page = connector.cursor, kills + 1, page, int((connector.cursor.split(b" ") + [b"0"] * 3)[2])
            check(page >= before or len(seen) == 60, "the round ended with %d of 60" % len(seen))
        check(sorted(seen) == sorted(api.keys), "%d of 60 after %d kills" % (len(seen), kills))
        check(api.count("items") < 60 / 7 + 6 * kills, "%d requests for %d kills" % (api.count("items"), kills))
        last = api.connector(paging, known=known, cursor=cursor)
        last.wait(lambda: last.mark() == ms_of(OLD % (0, 59)), what="the mark")
        check(not last.keys, last.keys)
        check(last.stop() == 0, "exit")
        print("# %s: %d kills, %d requests" % (paging, kills, api.count("items")))


def refused_by_the_agent():
    """what the agent could not keep is emitted again by the next process"""
    api, refused = Api(), []
    api.put(15)

    def keep(header):
        if header["key"] == api.keys[9] and not refused:
            refused.append(header["key"])
        return not refused
    connector = api.connector(keep=keep)
    connector.wait(lambda: connector.process.poll() is not None, what="end")
    again = api.connector(known=connector.known, cursor=connector.cursor)
    again.wait(lambda: set(api.keys) <= again.known, what="the rest")
    check(len(connector.keys) + len(again.keys) == 15 and refused, (connector.keys, again.keys))
    check(again.stop() == 0, "exit")


def misbehaving():
    """a token that ends, 429, 500, a redirect, an HTML page, a cut body and no answer at all cost time and nothing else"""
    api = Api("--open", "no")
    api.put(40)
    for number, what in enumerate(["expire", "429", "500", "redirect", "html", "cut", "hang"]):
        api.misbehave("items", what, after=1 if number == 0 else 0, **({"seconds": 3} if what == "hang" else {}))
    api.misbehave("token", "500")
    connector = api.connector(options={"authentication": "oauth2", "auth": api.url, "client-id": "kinward"},
                              secrets={"client-secret": "not this one", "client-secret-next": "client-secret"},
                              environment={"KINWARD_HTTP_MS": "600"})
    api.caught_up(connector, 30)
    check(api.count("misbehaved") == 8, api.state()["counts"])
    check(connector.logged("told.to.wait") and connector.logged("secret.accepted"), connector.lines)
    check(connector.logged("secret=client-secret-next") and not connector.logged("not this one"), "which one")
    check(connector.status()["retries"] >= 6 and connector.process.poll() is None, connector.status())
    check(connector.stop() == 0, "exit")


def one_host():
    """a link to another host is not followed, nothing is lost, and the reason is said; a link of the same host is, absolute or not"""
    api = Api("--links", "http://localhost:1")
    api.put(10)
    connector = api.connector("next")
    connector.wait(lambda: connector.logged("not one of the same host"), what="reason")
    check(len(connector.keys) == 7 and connector.mark() is None, connector.keys)
    check(connector.stop() == 0, "exit")
    for links in ("http://127.0.0.1:1", "//127.0.0.1", "http://127.0.0.1@localhost:1", "items"):
        other = Api("--links", links)
        other.put(10)
        again = other.connector("next")
        again.wait(lambda: again.logged("not one of the same host"), what=links)
        check(again.stop() == 0, "exit")


def odd_answers():
    """an answer without the array is no data; an item without an id is emitted all the same, for the mapping to refuse"""
    api = Api()
    api.put(3)
    api.put(items=[{"updated": OLD % (1, 0), "child": {}}, {"id": 77, "updated": OLD % (1, 1)}, {"id": "", "updated": OLD % (1, 2)}])
    connector = api.connector()
    connector.wait_documents(6)
    odd = [key for key in connector.keys if key not in api.keys]
    check(len(odd) == 2 and all(key.endswith("@1") for key in odd) and connector.logged("item.without.id"), connector.keys)
    check(connector.stop() == 0, "exit")
    other = api.connector(options={"items": "/rows"})
    other.wait(lambda: other.logged("no array at /rows"), what="reason")
    check(not other.keys and other.stop() == 0, other.keys)
    bare = api.connector(options={"version": None})
    bare.wait_documents(6)
    check(all(len(key.split("@")[1]) in (1, 32) for key in bare.keys), bare.keys)
    check(bare.stop() == 0, "exit")


def unknown_parameter():
    """an API that does not know the page's parameter gives the same page for ever: said, and the mark stays"""
    api = Api()
    api.put(10)
    connector = api.connector(options={"page-parameter": "seite"})
    connector.wait(lambda: connector.logged("page.repeated") and api.count("items") > 6, what="reason")
    check(len(connector.keys) == 7 and connector.mark() is None, connector.keys)
    check(connector.stop() == 0, "exit")


def daily_limit():
    """the limit of requests in a day is kept, over restarts, too"""
    api = Api()
    api.put(30)
    connector = api.connector(options={"daily-limit": "3"})
    connector.wait(lambda: connector.logged("daily.limit"), what="limit")
    check(api.count("items") == 3 and len(connector.keys) == 21, connector.keys)
    connector.kill()
    again = api.connector(options={"daily-limit": "4"}, cursor=connector.cursor, known=connector.known)
    again.wait(lambda: again.logged("daily.limit"), what="limit")
    check(api.count("items") == 4 and len(again.keys) == 7, (api.count("items"), again.keys))
    check(again.stop() == 0, "exit")


def options():
    """options that do not fit together end it at once, with a reason"""
    api = Api()
    for more, reason in [({"paging": "pages"}, "paging"), ({"since-format": "iso"}, "since-format"), ({"page-parameter": None}, "page-parameter"),
                         ({"paging": "next", "next": None}, "next"), ({"since-field": None}, "since-field"), ({"id": "id"}, "JSON Pointer"),
                         ({"since": "yesterday"}, "since"), ({"authentication": "oauth2"}, "auth"), ({"mapping": None}, "mapping")]:
        connector = api.connector(options=more)
        connector.wait(lambda: connector.ended, what=reason)
        check(reason in connector.ended["detail"] + connector.ended["place"], (more, connector.ended))
        connector.kill()
    bad = api.connector(cursor=b"2 of another kind")
    bad.wait(lambda: bad.ended, what="cursor")
    check("cursor" in bad.ended["detail"], bad.ended)


def certificates(folder):
    """An authority, and a server and a client that it vouches for."""
    def run(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)
    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "authority.key", "-out", "authority.pem",
        "-subj", "/CN=Test authority", "-days", "2")
    for name, subject in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj",
            "/CN=" + name)
        (folder / "extension").write_text(subject)
        run("x509", "-req", "-in", name + ".csr", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-out", name + ".crt",
            "-days", "2", "-extfile", "extension")
        (folder / (name + ".pem")).write_text((folder / (name + ".crt")).read_text() + (folder / (name + ".key")).read_text())


def client_certificate():
    """TLS with a certificate on both sides: no data without the client's, or from a server that no trusted authority vouches for"""
    with tempfile.TemporaryDirectory(prefix="kinward-tls-") as name:
        folder = pathlib.Path(name)
        certificates(folder)
        context = ssl.create_default_context(cafile=name + "/authority.pem")
        context.load_cert_chain(name + "/client.pem")
        Api.context = context
        try:
            api = Api("--tls", name)
            api.put(9)
            secrets = {"tls-authorities": (folder / "authority.pem").read_text(), "tls-certificate": (folder / "client.crt").read_text(),
                       "tls-key": (folder / "client.key").read_text()}
            for missing in (["tls-certificate", "tls-key"], ["tls-authorities"]):
                refused = api.connector(secrets={name: value for name, value in secrets.items() if name not in missing})
                refused.wait(lambda: refused.logged("connector.retry"), what="refusal")
                check(not refused.keys, refused.keys)
                check(refused.stop() == 0, "exit")
            check(api.count("items") == 0, "asked without")
            connector = api.connector(secrets=secrets)
            api.caught_up(connector)
            check(connector.stop() == 0, "exit")
        finally:
            Api.context = None


main([every_paging, since, late_and_ahead, page_faults, faults_in_a_row, page_faults_at_random, resumed, refused_by_the_agent, misbehaving,
      one_host, odd_answers, unknown_parameter, daily_limit, options, client_certificate], close_all)
