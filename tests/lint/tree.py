# SPDX-License-Identifier: Apache-2.0
"""tree.py - what the lints share: the files of a tree, reading, reporting."""
import argparse
import os
import re
import subprocess
import sys

SKIPPED_FOLDERS = re.compile(r"^(build|build-.*|\.git|\.cache|__pycache__)$")


def tracked(root):
    """Paths below root, relative, sorted: git's list where there is one, else all but build folders."""
    if os.path.exists(os.path.join(root, ".git")):
        try:
            command = ["git", "-C", root, "-c", "safe.directory=*", "ls-files", "-z"]
            listed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
            return sorted(path for path in listed if path and os.path.isfile(os.path.join(root, path)))
        except (OSError, subprocess.CalledProcessError):
            pass
    paths = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not SKIPPED_FOLDERS.match(name)]
        paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(paths)


def lines_of(root, path):
    """The file's lines without their ends; None where it is not text."""
    with open(os.path.join(root, path), "rb") as file:
        data = file.read()
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return None


def main(check, description):
    """Runs check(root), which yields complaints; prints them; exit 1 when there are any."""
    parser = argparse.ArgumentParser(description=description)
    default = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser.add_argument("root", nargs="?", default=default, help="top of the tree")
    complaints = list(check(parser.parse_args().root))
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)
