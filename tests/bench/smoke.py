#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A short run of the benchmark: it works, counts what it sends, and refuses what it cannot measure. No figure is judged."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "scenario"))
from world import BUILD, SOURCE, World, check, main  # noqa: E402

RUN = str(HERE / "run")


def run(*arguments):
    return subprocess.run([RUN, *arguments], capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL)


def short():
    """two sizes: all that was sent is accepted and counted, each figure is there, the folder is gone"""
    with tempfile.TemporaryDirectory(prefix="kinward-bench-") as folder:
        report = pathlib.Path(folder, "figures.json")
        done = run("--quick", "--quiet", "--sizes", "1000,3000", "--folder", folder, "--json", str(report))
        check(done.returncode == 0, done.stderr[-1500:])
        check(os.listdir(folder) == ["figures.json"], os.listdir(folder))
        found = json.loads(report.read_text())
    check(found["sent"] > 3000 + 200 + 64 * 200, found["sent"])
    check(found["checks"] == 2 + 200 + found["backfill"]["checks"], found["checks"])
    check([size["stored"] for size in found["sizes"]] == [1000, 3000], found["sizes"])
    for size in found["sizes"]:
        check(size["rate"] > 0 and size["index"] > 0 and size["evaluated_s"] >= size["receipted_s"], size)
        check(size["alerted_s"] >= size["evaluated_s"] and size["resident"]["hub"][0] > size["index"], size)
        check(2000 <= size["bytes"] / size["records"] <= 3000, "records of %d bytes" % (size["bytes"] / size["records"]))
    check([floor["rate"] > 0 and floor["sync"]["p50_ms"] > 0 for floor in found["floor"]] == [True, True], found["floor"])
    for figure in (*found["receipts"].values(), found["alone"], found["backfill"]):
        check(0 < figure["p50_ms"] <= figure["p99_ms"], figure)
    judged = [row for row in done.stdout.splitlines() if row.endswith(("  holds", "  does not hold"))]
    for line in ("ratio to the floor", "rate at 3000", "receipt p50 at batch 1", "check p99 during", "memory beyond the index"):
        check(sum(row.startswith(line) for row in judged) == 1, line + "\n" + done.stdout)


def refusals():
    """sizes that are no numbers, or not increasing, and a folder that is too small are refused before anything starts"""
    for sizes in ("many", "3000,1000", "10"):
        check(run("--sizes", sizes).returncode == 2, sizes)
    done = run("--sizes", "100000000")
    check(done.returncode == 1 and "GB are needed" in done.stderr, done.stderr)


def wrong():
    """a batch signed with another key is no figure but a failure"""
    with World() as world:
        world.make_hub()
        world.start_hub()
        config = world.agent("ke-civil", "KE")
        other = world.agent("ke-other", "KE")
        key = pathlib.Path(other).parent / "keys/origin.key"
        (pathlib.Path(config).parent / "keys/origin.key").write_bytes(key.read_bytes())
        environment = {**os.environ, "KINWARD_SOURCE": str(SOURCE), "KINWARD_DATA": str(SOURCE)}
        program = str(BUILD / "tests/bench/bench-load")
        done = subprocess.run([program, "--config", str(config), "--count", "10", "submit"], capture_output=True, text=True,
                              timeout=60, env=environment)
        check(done.returncode == 1 and "bad-signature" in done.stderr, done.stderr)


main([short, refusals, wrong])
