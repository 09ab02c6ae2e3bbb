#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The loader of plugins: what it refuses, with which words, and that a refused file's code never ran."""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

import nacl.signing

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "connectors"))
from driver import BUILD, Connector, check, item, main  # noqa: E402

SAMPLES = BUILD / "tests/contract"
KEY = nacl.signing.SigningKey.generate()


class Place:
    """A folder with one plugin, its manifest, a trust file and a list of seen versions."""

    def __init__(self, variant="sample", **fields):
        self.home = tempfile.TemporaryDirectory(prefix="kinward-plugin-")
        self.folder = pathlib.Path(self.home.name)
        self.file, self.manifest = self.folder / "sample.so", self.folder / "sample.manifest"
        self.trust, self.seen, self.mark = self.folder / "trust", self.folder / "seen", self.folder / "mark"
        shutil.copy(SAMPLES / (variant + ".so"), self.file)
        os.chmod(self.file, 0o755)
        self.trust.write_text("# trusted\n" + base64.b64encode(bytes(KEY.verify_key)).decode() + " tests\n")
        self.sign(**fields)

    def sign(self, key=KEY, change=None, **fields):
        line = {"kinward-plugin": 1, "name": "sample", "version": "1.5", "abi": "0.2", "kind": "connector", "capabilities": ["folder"],
                "sha256": hashlib.sha256(self.file.read_bytes()).hexdigest(), "made": "2026-01-01T00:00:00.000Z",
                "expires": "2099-01-01T00:00:00.000Z", **fields}
        text = json.dumps(line, separators=(",", ":"))
        signature = base64.b64encode(key.sign(b"kinward/plugin/v1\n" + text.encode()).signature).decode()
        self.manifest.write_text((change(text) if change else text) + "\n" + signature + "\n")

    def load(self, *more, options=None, file=None):
        """(ENDED's code, place and detail, or None when it became ready; exit code)."""
        ours, theirs = socket.socketpair()
        command = 'exec 3<&%d; exec "$0" child connector "$@"' % theirs.fileno()
        arguments = [str(file or self.file), "--trust", str(self.trust), "--seen", str(self.seen), *more]
        environment = {**os.environ, "KINWARD_SAMPLE_MARK": str(self.mark)}
        process = subprocess.Popen(["bash", "-c", command, str(BUILD / "kinward"), *arguments], pass_fds=[theirs.fileno()],
                                   stderr=subprocess.PIPE, env=environment)
        theirs.close()
        start = json.dumps({"name": "one", "options": {"folder": "/tmp"} if options is None else options, "secrets": []}).encode()
        ours.settimeout(10)
        said = self.exchange(ours, start)
        ours.close()
        try:
            process.wait(5)
        finally:
            process.kill()
        return said

    @staticmethod
    def exchange(ours, start):
        body = b"START".ljust(24, b"\0") + struct.pack(">I", len(start)) + start + item(b"")
        try:
            ours.sendall(struct.pack(">I", len(body)) + body)
        except OSError:
            pass
        data = b""
        while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
            more = ours.recv(65536)
            check(more, "it ended without a word")
            data += more
        size = struct.unpack(">I", data[28:32])[0]
        header = json.loads(data[32:32 + size])
        return {"ready": header} if data[4:20].rstrip(b"\0") == b"READY" else header

    def refused(self, *words, ran=False, **more):
        said = self.load(*more.pop("arguments", ()), **more)
        check("ready" not in said, "it was loaded")
        text = said["place"] + ": " + said["detail"]
        check(all(word in text for word in words), "%s is not all in: %s" % (words, text))
        check(self.mark.exists() == ran, "its code %s" % ("did not run" if ran else "ran"))


def good():
    """a signed plugin is loaded, and runs"""
    place = Place()
    said = place.load()
    check(said["ready"]["name"] == "sample" and said["ready"]["signed"] is True, said)
    check(place.mark.exists() and place.seen.read_text() == "sample 1.5\n", "seen")


def digest():
    """another file than the manifest's is not loaded: both digests are said"""
    place = Place()
    wanted = hashlib.sha256(place.file.read_bytes()).hexdigest()
    data = bytearray(place.file.read_bytes())
    data[len(data) // 2] ^= 1
    place.file.write_bytes(data)
    place.refused(str(place.file), "sha256", "wanted " + wanted, "found " + hashlib.sha256(data).hexdigest())


def signature():
    """no manifest, one by another key, one that was changed, an empty trust file, a cut one"""
    place = Place()
    place.sign(key=nacl.signing.SigningKey.generate())
    place.refused(str(place.manifest), "signature", "trusted key")
    place.sign(change=lambda text: text.replace("2099", "2199"))
    place.refused(str(place.manifest), "signature")
    place.sign()
    place.manifest.write_text(place.manifest.read_text()[:-20])
    place.refused(str(place.manifest), "signature")
    place.sign()
    trust = place.trust.read_text()
    place.trust.write_text("")
    place.refused(str(place.manifest), "signature")
    place.trust.write_text(trust)
    place.manifest.unlink()
    place.refused(str(place.manifest), "manifest", "none")


def unsigned():
    """without a manifest it is loaded for development only, and says so"""
    place = Place()
    place.manifest.unlink()
    said = place.load("--dev")
    check(said["ready"]["signed"] is False, said)
    place.sign(key=nacl.signing.SigningKey.generate())
    place.mark.unlink()
    place.refused("signature", arguments=["--dev"])


def expired():
    """an expired manifest"""
    place = Place()
    place.sign(expires="2020-01-01T00:00:00.000Z")
    place.refused(str(place.manifest), "expires", "found 2020-01-01")


def fields():
    """each field of the manifest that is not the descriptor's"""
    for field, value, found in [("name", "other", "sample"), ("version", "1.4", "1.5"), ("abi", "0.3", "0.2"), ("kind", "sink", "connector"),
                                ("capabilities", [], "0x4")]:
        place = Place()
        place.sign(**{field: value})
        place.refused(str(place.file), field, "wanted " + ("0x0" if value == [] else value), "found " + found, ran=True)


def descriptors():
    """another ABI, no symbol, an option outside of the settings, an operation that is missing, another kind"""
    Place("sample-abi", abi="0.99").refused("abi", "wanted 0.2", "found 0.99", ran=True)
    Place("sample-symbol").refused("symbol", "wanted kinward_plugin", "found none", ran=True)
    Place("sample-option").refused("option duration", ran=True)
    Place("sample-operations").refused("operations", "one missing", ran=True)
    rules = Place()
    shutil.copy(BUILD / "plugins/rules-child-protection/rules-child-protection.so", rules.file)
    rules.sign(name="rules-child-protection", version="0.1.0", kind="rules", capabilities=[])
    rules.refused("kind", "wanted connector", "found rules")


def older():
    """a version older than one that was used before; the same and a newer one are taken"""
    place = Place()
    check("ready" in place.load() and "ready" in place.load(), "the same again")
    newer = Place("sample-newer", version="1.10")
    newer.seen = place.seen
    check("ready" in newer.load(), "newer")
    place.mark.unlink()
    place.refused("version", "wanted at least 1.10", "found 1.5", ran=True)


def files():
    """a file that others may write, that another owns, that is no file, that is not there"""
    place = Place()
    os.chmod(place.file, 0o775)
    place.refused(str(place.file), "mode", "found 0775")
    os.chmod(place.file, 0o755)
    if os.geteuid() == 0:
        os.chown(place.file, 12345, 12345)
        place.refused(str(place.file), "owner", "found 12345")
        os.chown(place.file, 0, 0)
    os.mkfifo(place.folder / "fifo.so")
    place.refused("type", "regular file", file=place.folder / "fifo.so")
    place.refused(str(place.folder / "none.so"), file=place.folder / "none.so")


def options():
    """options that are unknown, missing, of another type or out of range are named"""
    place = Place()
    for given, words in [({"folder": "/tmp", "colour": "red"}, ["colour", "no such option"]), ({}, ["folder", "required"]),
                         ({"folder": "tmp"}, ["folder", "not a path"]), ({"folder": "/tmp", "number": "10"}, ["number", "1 to 9", "found 10"]),
                         ({"folder": "/tmp", "number": "x"}, ["number", "not a integer"]),
                         ({"folder": "/tmp", "duration": "10 years"}, ["duration", "not a duration"])]:
        place.refused(*words, options=given, ran=True)


def inspected():
    """inspect shows a plugin whose manifest is bad, with the reason, and lets its code write nothing"""
    place = Place()
    place.sign(key=nacl.signing.SigningKey.generate())
    environment = {**os.environ, "KINWARD_SAMPLE_MARK": str(place.mark)}
    command = [str(BUILD / "kinward"), "connector", "inspect", str(place.file), "--trust", str(place.trust), "--json"]
    told = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    check(told["name"] == "sample" and told["capabilities"] == ["folder"] and len(told["options"]) == 3, told)
    check("signature" in told["manifest"] and not place.mark.exists(), told["manifest"])
    place.sign()
    told = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    check(told["manifest"] == "ok" and not place.mark.exists(), told)
    bad = subprocess.run(command[:3] + [str(SAMPLES / "sample-abi.so")], capture_output=True, text=True)
    check(bad.returncode != 0 and "abi: wanted 0.2, found 0.99" in bad.stderr, bad)


def signed_by_command():
    """kinward plugin key and sign make what the loader takes; the build tree's plugins are signed"""
    place = Place()
    place.manifest.unlink()
    program, key = str(BUILD / "kinward"), str(place.folder / "key")
    subprocess.run([program, "plugin", "key", key, "--trust", str(place.trust)], check=True)
    check(os.stat(key).st_mode & 0o777 == 0o600, "the key may be read by others")
    subprocess.run([program, "plugin", "sign", str(place.file), "--key", key, "--days", "1"], check=True)
    check(place.load()["ready"]["signed"], "signed")
    listed = subprocess.run([program, "connector", "list", "--json"], capture_output=True, check=True, text=True).stdout.splitlines()
    found = {one["name"]: one["manifest"] for one in map(json.loads, listed)}
    check(found == {"csv": "ok", "http-poll": "ok", "opencrvs": "ok", "rules-child-protection": "ok"}, found)
    check(not Connector.open, "nothing is left running")


main([good, digest, signature, unsigned, expired, fields, descriptors, older, files, options, inspected, signed_by_command])
