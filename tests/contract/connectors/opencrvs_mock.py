#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The connector for OpenCRVS 1.x against its mock: webhooks, catch-up, and each way in which the registry may misbehave."""
import http.client
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from driver import BUILD, check, main  # noqa: E402
from registries import MOCKS, SECRET, Mock, close_all  # noqa: E402
sys.path.insert(0, str(MOCKS))
import opencrvs as mock_program  # noqa: E402

VECTOR = (b'{"timestamp":"2026-01-01T00:00:00.000Z","id":"w1","event":{"hub":{"topic":"BIRTH_REGISTERED"},"context":[]}}',
          "sha256=a06ffd8aec8c4f748b8be16e6f348005e27ae93f6e1835ab89ad0a7e730cbb52")


def post(port, body, signature):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/hook", body, {"Content-Type": "application/json", **({"X-Hub-Signature": signature} if signature else {})})
    return connection.getresponse().status


def same(connector, keys):
    check(sorted(connector.keys) == sorted(keys), "%d keys, wanted %d: %s" % (len(connector.keys), len(keys), connector.ended))


def signature():
    """the published vector is accepted; another signature, none, or another byte is not"""
    check(mock_program.signature(SECRET, VECTOR[0]) == VECTOR[1], "the mock signs by another rule")
    mock = Mock()
    connector = mock.connector(hook=True)
    port = connector.port()
    check(post(port, VECTOR[0], VECTOR[1]) == 200, "vector")
    check(len(connector.documents) == 1 and connector.documents[0]["document"] == VECTOR[0], "kept as it came")
    check(post(port, VECTOR[0], VECTOR[1][:-1] + "3") == 401, "another signature")
    check(post(port, VECTOR[0], None) == 401, "no signature")
    check(post(port, VECTOR[0].replace(b"w1", b"w2"), VECTOR[1]) == 401, "another byte")
    text = '{"e":"\u0928\u093f\u092e\u093e \U0001f600 a+b c~d*(e)\'!/?"}'.encode()
    check(post(port, text, mock_program.signature(SECRET, text)) == 200, "all kinds of characters")
    check(post(port, b"no JSON", mock_program.signature(SECRET, b"no JSON")) == 400, "not JSON")
    check(len(connector.documents) == 2, connector.keys)
    check(connector.stop() == 0, "exit")


def challenge():
    """the challenge is answered as JSON, for topics that were asked for and without hub. before the names"""
    mock = Mock()
    connector = mock.connector(hook=True, options={"events": "birth"})
    port = connector.port()

    def ask(query):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/hook?" + query)
        answer = connection.getresponse()
        return answer.status, answer.read()
    status, body = ask("mode=subscribe&challenge=a%2Bb%2F%3D%22&topic=BIRTH_REGISTERED")
    check(status == 200 and json.loads(body) == {"challenge": 'a+b/="'}, body)
    check(ask("mode=subscribe&challenge=x&topic=DEATH_REGISTERED")[0] == 404, "a topic that is not wanted")
    check(ask("hub.mode=subscribe&hub.challenge=x&hub.topic=BIRTH_REGISTERED")[0] == 404, "other names")
    connector.wait(lambda: [one["topic"] for one in mock.state()["subscriptions"]] == ["BIRTH_REGISTERED"], what="one subscription")
    check(connector.stop() == 0, "exit")


def delivered_once():
    """deliveries are kept before they are answered; a duplicate and the catch-up's form of the same version are dropped"""
    mock = Mock()
    connector = mock.connector(hook=True)
    mock.subscribed(connector)
    connector.wait(lambda: mock.count("searchEvents") >= 3, what="first search")
    mock.misbehave("delivery", "duplicate", times=2)
    keys = mock.register(files=True, count=5)
    check(mock.delivered(connector, len(keys) + 2) == [200] * (len(keys) + 2), mock.state()["deliveries"])
    same(connector, keys)
    check({one["format"] for one in connector.documents} == {"webhook"} and all(one["delivered"] for one in connector.documents), "form")
    before = mock.count("searchEvents")
    connector.wait(lambda: mock.count("searchEvents") >= before + 6, what="two more searches")
    fetched = mock.count("fetchBirthRegistration") + mock.count("fetchDeathRegistration")
    check(fetched == 0, "%d fetched that were delivered" % fetched)
    known = set(connector.keys)
    check(connector.stop() == 0, "exit")
    again = mock.connector(known=known, cursor=connector.cursor)
    again.wait(lambda: mock.count("fetchBirthRegistration") + mock.count("fetchDeathRegistration") >= len(keys), what="fetched")
    time.sleep(0.2)
    check(not again.documents, "both forms of a version have one key")
    check(again.stop() == 0, "exit")


def catch_up():
    """what no webhook told of is found page by page, marriages too; a new version later; records of it are valid"""
    mock = Mock()
    keys = mock.register(count=25, kinds=["birth", "death", "marriage"], deliver=False, at="2026-03-04T08:15:30.250Z")
    keys += mock.register(count=4, kinds=["birth", "marriage"], deliver=False)
    connector = mock.connector(options={"since": "2026-01-15", "page-size": "4", "window": "60"})
    connector.wait_documents(len(keys))
    same(connector, keys)
    check({one["format"] for one in connector.documents} == {"search"} and not any(one["delivered"] for one in connector.documents), "form")
    identity = keys[-2].split("@")[0]
    later = mock.register(events=[{"kind": "birth", "id": identity, "child": {"given": "Neema", "family": "Testperson"}}], deliver=False)
    connector.wait_documents(len(keys) + 1)
    check(connector.keys[-1] == later[0], connector.keys[-1])
    with tempfile.TemporaryDirectory(prefix="kinward-opencrvs-") as folder:
        files = []
        for number, one in enumerate(connector.documents):
            files.append("%s/%03d.json" % (folder, number))
            pathlib.Path(files[-1]).write_bytes(one["document"])
        command = [str(BUILD / "kinward"), "normalize", "--connector", "opencrvs", "--mapping", "search", "--jurisdiction", "KE", "--registry",
                   "ke.crvs"]
        made = subprocess.run(command + files, capture_output=True)
        pathlib.Path(folder, "records.xml").write_bytes(made.stdout)
        valid = subprocess.run([str(BUILD / "kinward"), "validate", folder + "/records.xml"], capture_output=True, text=True)
    check(made.returncode == 0 and valid.stdout.startswith("%d records valid" % (len(keys) + 1)), (made.stderr[-200:], valid))
    check(connector.stop() == 0, "exit")


def resumed():
    """killed again and again, the catch-up goes on where its cursor says: all of it, without beginning anew"""
    mock, known, cursor, seen, kills = Mock(), set(), b"", [], 0
    choose = random.Random(random.randrange(1 << 30))
    keys = mock.register(count=60, deliver=False)
    while len(seen) < len(keys) and kills < 40:
        connector = mock.connector(options={"page-size": "7"}, known=known, cursor=cursor, credit=choose.randrange(3, 15))
        try:
            connector.wait(lambda: len(connector.documents) >= min(3, len(keys) - len(seen)), 3)
        except AssertionError:
            pass
        time.sleep(choose.uniform(0, 0.03))
        connector.kill()
        time.sleep(0.05)
        seen += connector.keys
        cursor, kills = connector.cursor, kills + 1
    check(sorted(seen) == sorted(keys), "%d of %d after %d kills" % (len(seen), len(keys), kills))
    fetched = mock.count("fetchBirthRegistration") + mock.count("fetchDeathRegistration")
    check(fetched < len(keys) + 15 * kills, "%d fetched" % fetched)
    print("# %d kills, %d fetched for %d" % (kills, fetched, len(keys)))


def token():
    """a token is renewed when it ends in the middle; a wrong client secret is said and tried again, never logged"""
    mock = Mock()
    keys = mock.register(count=12, deliver=False)
    mock.misbehave("fetchBirthRegistration", "expire", after=2, times=1)
    mock.misbehave("fetchDeathRegistration", "expire", after=3, times=1)
    connector = mock.connector()
    connector.wait_documents(12)
    same(connector, keys)
    check(mock.count("token") == 3, mock.state()["counts"])
    check(connector.stop() == 0, "exit")
    wrong = mock.connector(secrets={"client-secret": "not-the-one"})
    wrong.wait(lambda: wrong.logged("client id or secret are not good"), what="reason")
    check(not wrong.logged("not-the-one"), "the secret stands in the log")
    check(wrong.stop() == 0, "exit")


def told_to_wait():
    """429 with Retry-After is kept to: no request before"""
    mock = Mock()
    keys = mock.register(count=4, deliver=False)
    mock.misbehave("fetchDeathRegistration", "429", retry_after=2)
    connector = mock.connector()
    connector.wait(lambda: connector.logged("told.to.wait"), what="429")
    before, started = mock.count("graphql"), time.monotonic()
    connector.wait(lambda: mock.count("graphql") > before, what="after")
    check(time.monotonic() - started > 1.5, "%.1f s" % (time.monotonic() - started))
    connector.wait_documents(4)
    same(connector, keys)
    check(connector.stop() == 0, "exit")


def misbehaving():
    """500, a cut body, an HTML page, a redirect, a GraphQL error and no answer at all cost time and nothing else"""
    mock = Mock()
    keys = mock.register(count=10, deliver=False)
    for number, what in enumerate(["500", "cut", "html", "redirect", "graphql-error"]):
        mock.misbehave("fetchBirthRegistration" if number % 2 else "fetchDeathRegistration", what, after=number // 2)
    mock.misbehave("searchEvents", "500")
    mock.misbehave("searchEvents", "hang", seconds=5, after=2)
    mock.misbehave("token", "html")
    connector = mock.connector(environment={"KINWARD_HTTP_MS": "600"})
    connector.wait_documents(10, 20)
    same(connector, keys)
    connector.wait(lambda: mock.count("misbehaved") == 8, 10, "all of them")
    check(connector.status()["retries"] >= 6 and connector.process.poll() is None, connector.status())
    check(connector.stop() == 0, "exit")


def unreadable():
    """a registration that the gateway never gives is put aside, visibly, and the others come"""
    mock = Mock()
    keys = mock.register(count=6, kinds=["birth"], deliver=False)
    mock.misbehave("fetchBirthRegistration", "graphql-error", after=2, times=3)
    connector = mock.connector(options={"poll": "1h"})
    connector.wait_documents(6, 10)
    odd = [key for key in connector.keys if key not in keys]
    check(len(odd) == 1 and "@unread-" in odd[0] and len(set(connector.keys) & set(keys)) == 5, connector.keys)
    check(connector.stop() == 0, "exit")


def missed_deliveries():
    """deliveries that are dropped, cut, signed wrongly, out of order or not kept: the search finds what is missing"""
    mock = Mock()
    refuse = [3]

    def keep(header):
        if header["delivered"] and header["key"] not in connector.known and refuse[0] > 0:
            refuse[0] -= 1
            return False
        return True
    connector = mock.connector(hook=True, keep=keep, options={"poll": "500ms"})
    mock.subscribed(connector)
    for what in ["drop", "cut", "wrong-signature", "reorder"]:
        mock.misbehave("delivery", what)
    keys = mock.register(count=12)
    connector.wait_documents(12, 10)
    same(connector, keys)
    status = mock.delivered(connector, 10)
    check(401 in status and status.count(503) == 3, status)
    check(connector.stop() == 0, "exit")


def limit():
    """the limit of requests in a day is kept, over restarts, too"""
    mock = Mock()
    mock.register(count=20, deliver=False)
    connector = mock.connector(options={"daily-limit": "9"})
    connector.wait(lambda: connector.logged("daily.limit"), what="limit")
    time.sleep(0.3)
    check(mock.count("graphql") == 9, mock.count("graphql"))
    connector.kill()
    again = mock.connector(options={"daily-limit": "11"}, cursor=connector.cursor, known=connector.known)
    again.wait(lambda: again.logged("daily.limit"), what="limit")
    check(mock.count("graphql") <= 12, mock.count("graphql"))
    check(again.stop() == 0, "exit")


def subscription_lost():
    """a subscription that somebody deleted is made again"""
    mock = Mock()
    connector = mock.connector(hook=True)
    mock.subscribed(connector)
    first = mock.state()["subscriptions"][0]["id"]
    answer = urllib.request.urlopen(mock.url + "/token?client_id=kinward&client_secret=client-secret&grant_type=client_credentials", data=b"")
    bearer = {"Authorization": "Bearer " + json.load(answer)["access_token"]}
    urllib.request.urlopen(urllib.request.Request(mock.url + "/webhooks/" + first, method="DELETE", headers=bearer))
    mock.subscribed(connector)
    check(first not in [one["id"] for one in mock.state()["subscriptions"]], "deleted")
    check(connector.stop() == 0, "exit")


main([signature, challenge, delivered_once, catch_up, resumed, token, told_to_wait, misbehaving, unreadable, missed_deliveries, limit,
      subscription_lost], close_all)
