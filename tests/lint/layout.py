#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""layout.py - C files are laid out as clang-format with the repository's style does it."""
import subprocess

import tree


def check(root):
    paths = [path for path in tree.tracked(root) if path.endswith((".c", ".h"))]
    for first in range(0, len(paths), 100):
        command = ["clang-format", "--dry-run", "-Werror", "--ferror-limit=1"] + paths[first : first + 100]
        ended = subprocess.run(command, cwd=root, stderr=subprocess.PIPE, check=False)
        complaints = [line for line in ended.stderr.decode().splitlines() if "error:" in line]
        yield from complaints
        if ended.returncode and not complaints:
            yield ended.stderr.decode().strip() or "clang-format failed"


if __name__ == "__main__":
    tree.main(check, __doc__)
