# SPDX-License-Identifier: Apache-2.0
# figures.py - the table that ./dev bench prints: what was measured, what is wanted, whether it holds.
MIB = 1 << 20


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def holds(good):
    return "holds" if good else "does not hold"


def head(found):
    machine = found["machine"]
    floor = found["floor"]
    yield "machine    %(cores)d cores, %(model)s, kernel %(kernel)s, disk %(disk)s, load before %(load).1f" % machine
    yield "records    %d sent and accepted, %d checks answered, %.0f bytes each on the wire, %.0f s in all" % (
        found["sent"], found["checks"], found["sizes"][-1]["bytes"] / found["sizes"][-1]["records"], found["seconds"])
    yield "one sync   p50 %.2f and %.2f ms, p99 %.2f and %.2f ms (4 KiB appended and fdatasync, first and last)" % (
        floor[0]["sync"]["p50_ms"], floor[-1]["sync"]["p50_ms"], floor[0]["sync"]["p99_ms"], floor[-1]["sync"]["p99_ms"])
    yield "floor      %.0f and %.0f records/s, %.1f us CPU each in its loop (first and last)" % (
        floor[0]["rate"], floor[-1]["rate"], mean(figure["cpu_us"] for figure in floor))
    yield ""


def sizes(found):
    floor = mean(figure["rate"] for figure in found["floor"])
    floor_cpu = mean(figure["all_cpu_us"] for figure in found["floor"])
    yield "%9s | %9s %9s %6s | %8s %8s | %9s %9s %9s | %s" % (
        "stored", "records/s", "floor", "ratio", "us CPU", "floor", "hub MiB", "children", "index", "hub without index, MiB")
    for figure in found["sizes"]:
        children = sum(pair[0] for role, pair in figure["resident"].items() if role != "hub")
        hub = figure["resident"]["hub"][0]
        yield "%9d | %9.0f %9.0f %6.2f | %8.1f %8.1f | %9.1f %9.1f %9.1f | %.1f" % (
            figure["stored"], figure["rate"], floor, figure["rate"] / floor, sum(figure["cpu_us"].values()), floor_cpu, hub / MIB,
            children / MIB, figure["index"] / MIB, (hub - figure["index"]) / MIB)
    yield "           records/s: first byte sent to the alert about the last record in the agency's stream; us CPU a record: hub,"
    yield "           its children and two witnesses, against the whole floor program with its sender; index as in kinward status"
    yield ""


def threads(found):
    cpu = found["sizes"][-1]["cpu_us"]
    parts = sorted(((us, name) for name, us in cpu.items() if us >= 0.5), reverse=True)
    yield "us CPU a record, at %d: " % found["sizes"][-1]["stored"] + ", ".join("%s %.1f" % (name, us) for us, name in parts)
    yield ""


def latencies(found):
    yield "%-34s %9s %9s" % ("milliseconds", "p50", "p99")
    for batch, figure in found["receipts"].items():
        yield "%-34s %9.2f %9.2f" % ("submit to receipt, batch %s" % batch, figure["p50_ms"], figure["p99_ms"])
    alone, backfill = found["alone"], found["backfill"]
    yield "%-34s %9.2f %9.2f" % ("check to answer, alone", alone["p50_ms"], alone["p99_ms"])
    yield "%-34s %9.2f %9.2f   beside %.0f records/s" % (
        "check to answer, during a backfill", backfill["p50_ms"], backfill["p99_ms"], backfill["beside"])
    yield ""


def wanted(found):
    rows, floor = found["sizes"], mean(figure["rate"] for figure in found["floor"])
    ratio = min(figure["rate"] for figure in rows) / floor
    yield "%-58s %8s   %s" % ("wanted", "is", "")
    yield "%-58s %8.2f   %s" % ("ratio to the floor >= 0.5, at each size", ratio, holds(ratio >= 0.5))
    if len(rows) > 1:
        kept = rows[-1]["rate"] / rows[0]["rate"]
        question = "rate at %d >= 0.7 of that at %d" % (rows[-1]["stored"], rows[0]["stored"])
        yield "%-58s %8.2f   %s" % (question, kept, holds(kept >= 0.7))
    syncs = found["receipts"][1]["p50_ms"] / mean(figure["sync"]["p50_ms"] for figure in found["floor"])
    yield "%-58s %8.1f   %s" % ("receipt p50 at batch 1 <= 3 syncs of the same disk", syncs, holds(syncs <= 3))
    late = found["backfill"]["p99_ms"]
    yield "%-58s %8.1f   %s" % ("check p99 during a backfill <= 50 ms", late, holds(late <= 50))
    if len(rows) > 1:
        beyond = [(figure["resident"]["hub"][0] - figure["index"]) / MIB for figure in rows]
        grown = beyond[-1] - beyond[0]
        yield "%-58s %8.1f   %s" % ("memory beyond the index flat: MiB more from first to last", grown, holds(grown <= 32))


def table(found):
    for part in (head, sizes, threads, latencies, wanted):
        yield from part(found)
