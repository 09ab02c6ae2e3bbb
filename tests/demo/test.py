#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo itself: its last line, its end when it is interrupted, and an account that does not close when something is missing."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
from account import Account  # noqa: E402
from world import check, main, until  # noqa: E402

LAST = re.compile(r"demo: (\d+) records accepted, 5 checks answered, 3 alerts delivered, 9 proofs verified, 0 lost")


def start(folder, **environment):
    return subprocess.Popen([str(HERE / "run"), "--records", "30"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": folder, **environment})


def started_in(folder):
    """Process ids whose command line names the folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and folder.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def ends_well(**environment):
    with tempfile.TemporaryDirectory(prefix="kinward-demo-test-") as folder:
        process = start(folder, **environment)
        out, err = process.communicate(timeout=150)
        match = LAST.fullmatch(out.splitlines()[-1])
        check(process.returncode == 0 and match and int(match.group(1)) == 190, (process.returncode, out[-400:], err[-400:]))
        check(not os.listdir(folder) and not started_in(folder), "something was left")
        return out


def whole():
    """every act holds, the last line says so, nothing is left behind"""
    out = ends_well()
    check("EXERCISE - NO REAL CASE" in out and "caught" in out and "\033" not in out, "the alert, the audit, no colours in a file")


def own_persons():
    """without the published bundles it plays with its own persons"""
    check("Amina Testchild" in ends_well(KINWARD_SHARED="/nonexistent"), "the own persons")


def interrupted():
    """interrupted in the middle, it ends what it started and removes its folder"""
    with tempfile.TemporaryDirectory(prefix="kinward-demo-test-") as folder:
        process = start(folder)
        until(lambda: len(started_in(folder)) > 5, 60, "the processes")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
        check(process.returncode == 130 and "interrupted in act" in err and "demo: " not in out, (process.returncode, err[-400:]))
        check(not os.listdir(folder) and not started_in(folder), "something was left")


def closed_account():
    account = Account()
    account.sent_by, account.receipts = {"one": 10, "two": 5}, {"one": {"accepted": 10}, "two": {"accepted": 5}}
    account.checks_asked = account.checks_answered = account.alerts_expected = account.alerts_delivered = 2
    account.proofs_expected = account.proofs_verified = 4
    account.hub, account.desk = {"intake": {"outcomes": {"accepted": 17}}}, {"last": 2, "hub_last": 2, "confirmed": 2}
    return account


def account():
    """the account closes only when every count agrees"""
    check(closed_account().held(), "a closed account")
    for name, value, lost in [("receipts", {"one": {"accepted": 9}, "two": {"accepted": 5}}, 1), ("checks_answered", 1, 1),
                              ("receipts", {"one": {"accepted": 9, "conflict": 1}, "two": {"accepted": 5}}, 0),
                              ("alerts_delivered", 1, 1), ("proofs_verified", 3, 0), ("waiting", 1, 0),
                              ("hub", {"intake": {"outcomes": {"accepted": 16}}}, 0), ("desk", {"last": 2, "hub_last": 3, "confirmed": 2}, 0)]:
        one = closed_account()
        setattr(one, name, value)
        check(not one.held() and one.lost() == lost and one.summary().endswith(", %d lost" % lost), (name, one.summary()))


main([whole, own_persons, interrupted, account])
