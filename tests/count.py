#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts test cases in meson's logs and prints, as the last line, `N passed, N failed, N skipped`.

A program that speaks TAP counts by its test lines, any other one as a single case. A program that ended badly
without saying which case failed (crash, time-out) adds one failure. Exit 1 when something failed or nothing ran.
"""
import argparse
import json
import os
import re
import sys

TEST_LINE = re.compile(r"^(not )?ok\b(?: +\d+)?[^#]*(?:# *(SKIP)\b.*)?", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)(?: *# *SKIP\b.*)?", re.IGNORECASE)
GOOD = ("OK", "EXPECTEDFAIL")


def count_tap(lines):
    """(passed, failed, skipped) of a TAP output, or None where there is no plan."""
    plans = [match for match in map(PLAN.match, lines) if match]
    if not plans:
        return None
    passed = failed = skipped = 0
    for line in lines:
        match = TEST_LINE.match(line)
        if not match:
            continue
        if match.group(2):
            skipped += 1
        elif match.group(1):
            failed += 1
        else:
            passed += 1
    missing = int(plans[-1].group(1)) - passed - failed - skipped
    if int(plans[-1].group(1)) == 0:
        skipped += 1
    return passed, failed + max(missing, 0), skipped


def count_program(entry):
    result = entry["result"]
    counted = count_tap((entry.get("stdout") or "").splitlines())
    if counted is None:
        if result == "SKIP":
            return 0, 0, 1
        return (1, 0, 0) if result in GOOD else (0, 1, 0)
    passed, failed, skipped = counted
    if failed == 0 and result not in GOOD + ("SKIP",):
        failed = 1
    return passed, failed, skipped


def count_folder(folder):
    total = [0, 0, 0]
    bad = []
    try:
        with open(os.path.join(folder, "meson-logs", "testlog.json"), encoding="utf-8") as log:
            entries = [json.loads(line) for line in log if line.strip()]
    except OSError:
        entries = []
    for entry in entries:
        counted = count_program(entry)
        total = [a + b for a, b in zip(total, counted)]
        if counted[1]:
            bad.append(f"{folder}: {entry['name']}: {counted[1]} failed ({entry['result']})")
    return total, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broken", type=int, default=0, help="failures that no log knows, such as builds")
    parser.add_argument("folders", nargs="+", help="build folders")
    arguments = parser.parse_args()
    total = [0, arguments.broken, 0]
    for folder in arguments.folders:
        counted, bad = count_folder(folder)
        total = [a + b for a, b in zip(total, counted)]
        for line in bad:
            print(line)
        print(f"{folder}: {counted[0]} passed, {counted[1]} failed, {counted[2]} skipped")
    passed, failed, skipped = total
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
