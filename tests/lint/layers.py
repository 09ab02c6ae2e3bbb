#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""layers.py - who may include what: third-party headers in one room each, arrows between rooms one way."""
import os
import re

import tree

# A room may include rooms of the groups before its own.
GROUPS = [
    ["base"],
    ["crypto", "xml", "json", "text", "bus", "http", "store", "sandbox"],
    ["record", "card", "config"],
    ["plugin", "normalize", "journal", "ledger", "match"],
    ["detect"],
    ["alert"],
    ["agent", "intake", "feed", "control"],
    ["daemon"],
    ["cli"],
]
# Inside a group only these know each other.
WITHIN = {("bus", "crypto"), ("http", "crypto"), ("card", "record"), ("config", "record")}

THIRD_PARTY = [
    (r"sodium(/|\.h)", "crypto"),
    (r"openssl/", "crypto"),
    (r"libxml/|libxslt/|libexslt/", "xml"),
    (r"jansson(_config)?\.h", "json"),
    (r"unicode/", "text"),
    (r"zmq(_utils)?\.h", "bus"),
    (r"curl/", "http"),
    (r"microhttpd\.h", "http"),
    (r"sqlite3(ext)?\.h", "store"),
    (r"(linux/)?seccomp\.h", "sandbox"),
    (r"(linux/)?landlock\.h", "sandbox"),
    (r"dlfcn\.h", "plugin"),
]
# The C library and the kernel; a header that is neither here nor above is unknown.
SYSTEM = re.compile(
    r"^((sys|linux|netinet|arpa|net|asm)/[a-z0-9_/]+|assert|complex|ctype|dirent|elf|endian|errno|error|fcntl|fenv|float|fnmatch|getopt"
    r"|glob|grp|inttypes|iso646|langinfo|libgen|limits|link|locale|malloc|math|netdb|poll|pthread|pwd|regex|sched|search|semaphore"
    r"|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|tar"
    r"|termios|tgmath|threads|time|uchar|unistd|utime|wchar|wctype)\.h$"
)
ALWAYS_IN_PLUGIN_HEADERS = {"stddef.h", "stdint.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
RANK = {room: rank for rank, group in enumerate(GROUPS) for room in group}


def room_of_third_party(header):
    for pattern, room in THIRD_PARTY:
        if re.match(pattern, header):
            return room
    return None


def check_system(where, room, header):
    owner = room_of_third_party(header)
    if owner and owner != room:
        yield f"{where}: <{header}> belongs to the room {owner}"
    elif not owner and not SYSTEM.match(header):
        yield f"{where}: <{header}> is not known to tests/lint/layers.py"


def check_arrow(where, room, header):
    """A quoted include in a room: its own, the plugin ABI, or the public header of an earlier room."""
    if header.startswith("kinward/"):
        return
    other, _, name = header.partition("/")
    if not name or other == room:
        return
    if other not in RANK:
        yield f'{where}: "{header}" names no room'
    elif RANK[other] > RANK[room] or (RANK[other] == RANK[room] and (room, other) not in WITHIN):
        yield f'{where}: the arrow from {room} to {other} points backwards'
    elif name != other + ".h" and header != "base/limits.h":
        yield f'{where}: "{header}" is private to the room {other}'


def check_room(root, path, where, kind, header):
    room = path.split("/")[1]
    if room == "include":
        if kind == "<" and header not in ALWAYS_IN_PLUGIN_HEADERS:
            yield f"{where}: the plugin ABI includes only stddef.h and stdint.h"
        elif kind == '"' and not header.startswith("kinward/"):
            yield f'{where}: "{header}" from inside, in the plugin ABI'
    elif room not in RANK:
        yield f"{where}: hub/{room} is not a room of tests/lint/layers.py"
    elif kind == "<":
        yield from check_system(where, room, header)
    else:
        yield from check_arrow(where, room, header)


def check_plugin(root, path, where, kind, header):
    beside = os.path.join(root, os.path.dirname(path), header)
    shared = path.startswith("connectors/") and header.startswith("common/") and os.path.exists(os.path.join(root, "connectors", header))
    if kind == "<":
        yield from check_system(where, None, header)
    elif not re.match(r"^kinward/[a-z_]+\.h$", header) and not shared and not ("/" not in header and os.path.exists(beside)):
        yield f'{where}: a plugin includes kinward/*.h only, not "{header}"'


def check_test(root, path, where, kind, header):
    """Tests may use any library, but look into the private headers of the room they test only."""
    parts = path.split("/")
    tested = parts[2] if parts[1] in ("unit", "contract") and len(parts) > 3 else None
    if parts[1] == "fuzz":
        tested = parts[-1].removesuffix(".c")
    other, _, name = header.partition("/")
    if kind == '"' and other in RANK and other != tested and name != other + ".h" and header != "base/limits.h":
        if os.path.exists(os.path.join(root, "hub", header)):
            yield f'{where}: "{header}" is private to the room {other}'


CHECKS = {"hub": check_room, "plugins": check_plugin, "connectors": check_plugin, "tests": check_test}


def check(root):
    for path in tree.tracked(root):
        checked = CHECKS.get(path.split("/")[0])
        if not checked or not path.endswith((".c", ".h")):
            continue
        for number, line in enumerate(tree.lines_of(root, path) or [], 1):
            match = INCLUDE.match(line)
            if match:
                yield from checked(root, path, f"{path}:{number}", match.group(1), match.group(2))


if __name__ == "__main__":
    tree.main(check, __doc__)
