# SPDX-License-Identifier: Apache-2.0
# machine.py - what the kernel says of the machine and of a hub's processes.
import os
import pathlib
import platform
import subprocess


def facts(folder):
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")
    where = subprocess.run(["df", "--output=fstype,source", str(folder)], capture_output=True, text=True).stdout.splitlines()
    return {"cores": os.cpu_count(), "model": model, "kernel": platform.release(),
            "disk": " on ".join(where[1].split()) if len(where) > 1 else "?",
            "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "load": os.getloadavg()[0]}


def pids(world):
    """The hub and its children, by role."""
    found = {world.hub.pid: "hub"}
    for role, children in world.hub.children().items():
        found.update((pid, role) for pid in children)
    return found


def resident(world):
    """Bytes in memory, by role; without the pages of files, which the kernel may drop."""
    found = {}
    for pid, role in pids(world).items():
        try:
            lines = pathlib.Path("/proc/%d/status" % pid).read_text().splitlines()
        except OSError:
            continue
        kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "RssAnon"))}
        before = found.get(role, (0, 0))
        found[role] = (before[0] + 1024 * kib.get("VmRSS", 0), before[1] + 1024 * kib.get("RssAnon", 0))
    return found


class Processes:
    """CPU seconds of the hub's threads, its children and its witnesses since this was made."""

    def __init__(self, world):
        self.world = world
        self.before = self.now()

    def now(self):
        found = {}
        owners = {**pids(self.world), **{witness.pid: "witness" for witness in self.world.witnesses.values()}}
        for pid, role in owners.items():
            try:
                tasks = list(pathlib.Path("/proc/%d/task" % pid).iterdir())
            except OSError:
                continue
            for task in tasks:
                try:
                    thread, spent = (task / "comm").read_text().strip(), int((task / "schedstat").read_text().split()[0])
                except OSError:
                    continue
                name = "hub " + thread if role == "hub" else role
                found[name] = found.get(name, 0) + spent / 1e9
        return found

    def since(self):
        """A child that began meanwhile counts in full; one that ended, not at all."""
        return {name: max(0, seconds - self.before.get(name, 0)) for name, seconds in self.now().items()}
