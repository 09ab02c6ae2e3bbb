#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""budgets.py - lengths: a C file 500 lines, a header 150, a function 50, a line 132 columns (tables that clang-format
leaves alone may be wider).

tests/lint/budgets.allow has one exception a line: PATH or PATH:FUNCTION, the allowed length, the reason.
"""
import os
import re

import tree

FILE, HEADER, FUNCTION, COLUMNS = 500, 150, 50, 132
NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*\(")


def read_exceptions(root):
    """{key: allowed length}, and complaints about lines without a number or a reason."""
    path = "tests/lint/budgets.allow"
    allowed, complaints = {}, []
    if not os.path.exists(os.path.join(root, path)):
        return allowed, complaints
    for number, line in enumerate(tree.lines_of(root, path), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(None, 2)
        if len(fields) < 3 or not fields[1].isdigit():
            complaints.append(f"{path}:{number}: wanted: PATH[:FUNCTION] LENGTH REASON")
        else:
            allowed[fields[0]] = int(fields[1])
    return allowed, complaints


def functions(lines):
    """(name, line of the opening brace, lines between the braces) of each function in clang-format's layout."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            yield function_name(lines, start), start, number - start - 1
            start = None


def function_name(lines, brace):
    """The name before the first parenthesis of the declaration above the brace."""
    first = brace - 2
    while first > 0 and (lines[first][:1] in (" ", "\t") or not NAME.search(lines[first])):
        first -= 1
    # an attribute in front of the name has parentheses too
    text = re.sub(r"__attribute__\s*\(\(.*?\)\)|KW_[A-Z]+\([^)]*\)", "", lines[first])
    match = NAME.search(text)
    return match.group(1) if match else "?"


def wide_lines(path, lines):
    table = False
    for number, line in enumerate(lines, 1):
        if "clang-format off" in line or "clang-format on" in line:
            table = "clang-format off" in line
        elif len(line) > COLUMNS and not table:
            yield f"{path}:{number}: {len(line)} columns, allowed are {COLUMNS}"


def check(root):
    allowed, complaints = read_exceptions(root)
    yield from complaints
    used = set()

    def over(key, length, limit):
        if length <= limit:
            return False
        used.add(key)
        return length > allowed.get(key, limit)

    for path in tree.tracked(root):
        if not path.endswith((".c", ".h")):
            continue
        lines = tree.lines_of(root, path) or []
        limit = HEADER if path.endswith(".h") else FILE
        if over(path, len(lines), limit):
            yield f"{path}: {len(lines)} lines, allowed are {allowed.get(path, limit)}"
        yield from wide_lines(path, lines)
        for name, number, length in functions(lines):
            key = f"{path}:{name}"
            if over(key, length, FUNCTION):
                yield f"{path}:{number}: {name} has {length} lines, allowed are {allowed.get(key, FUNCTION)}"
    for key in sorted(set(allowed) - used):
        yield f"tests/lint/budgets.allow: {key} is within the budget; remove its line"


if __name__ == "__main__":
    tree.main(check, __doc__)
