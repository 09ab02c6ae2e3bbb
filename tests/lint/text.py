#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""text.py - every file: licence line first, what it is for second, nothing left open, no package registry's host name."""
import re

import tree

LICENCE = "SPDX-License-Identifier: Apache-2.0"
# Put together here, so that this file does not fail its own test.
OPEN = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "HA" + "CK"]) + r")\b")
HOSTS = [
    ("deb", "debian", "org"),
    ("security", "debian", "org"),
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("yarnpkg", "com"),
    ("crates", "io"),
    ("rubygems", "org"),
    ("proxy", "golang", "org"),
    ("docker", "io"),
    ("ghcr", "io"),
    ("quay", "io"),
    ("maven", "org"),
    ("packagist", "org"),
    ("archive", "ubuntu", "com"),
]
HOST = re.compile(r"(?<![\w-])(?:[\w-]+\.)*(?:" + "|".join(r"\.".join(map(re.escape, host)) for host in HOSTS) + r")(?![\w-])")
WITH_LICENCE = re.compile(r"(\.(c|h|py|sh|xsd|xsl|rnc|supp)|(^|/)(meson\.build|meson_options\.txt|\.clang-tidy))$")
BEFORE_LICENCE = re.compile(r"^(#!|<\?xml )")


def check_head(path, lines):
    shebang = bool(lines) and lines[0].startswith("#!")
    if not WITH_LICENCE.search(path) and not shebang:
        return
    first = 1 if lines and BEFORE_LICENCE.match(lines[0]) else 0
    # in XML the licence may stand in a comment that opens on the line before
    head = lines[first : first + 2] if path.endswith((".xsd", ".xsl")) else lines[first : first + 1]
    if not any(LICENCE in line for line in head):
        yield f"{path}:{first + 1}: the first line is not the SPDX line"
    elif path.endswith((".c", ".h")) and not (len(lines) > 1 and re.match(r"^/\* \S", lines[1])):
        yield f"{path}:2: no comment that says what the file is for"


def check(root):
    for path in tree.tracked(root):
        lines = tree.lines_of(root, path)
        if lines is None or path == "LICENSE":
            continue
        yield from check_head(path, lines)
        for number, line in enumerate(lines, 1):
            match = OPEN.search(line)
            if match:
                yield f"{path}:{number}: {match.group(0)}: finish it or leave it out"
            if HOST.search(line):
                yield f"{path}:{number}: host name of a package registry"
            if path.endswith((".c", ".h", ".py", "meson.build")) and line != line.rstrip():
                yield f"{path}:{number}: blanks at the end of the line"


if __name__ == "__main__":
    tree.main(check, __doc__)
