#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""worlds.py - is a row measured in each of the four worlds, and only in those that are in force?

    tests/bench/worlds.py BENCH

Exit status 0 if it is, 1 if not, 77 if the system does not show it. It runs the benchmark BENCH on a short row and observes
its load: /proc shows whether the loops run, in their class, each on a core of its own, and how much CPU time they use.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

ROW = "turns"
CORES = len(os.sched_getaffinity(0))
FAST = ["--quick", "--without", "C\\+\\+|nsync|Abseil|raw", "--repetitions", "2", "--filter", f"^{ROW}$"]


def fail(text):
    sys.exit(f"worlds: {text}")


def start(bench, world, *more):
    return subprocess.Popen([bench, *FAST, "--worlds", world, *more], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)


def stat(pid):
    """The fields of /proc/PID/stat behind the name, or None if there is no such process (any more)."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields


def loops_of(pid, patience_s=30.0):
    """The loops that this benchmark has started, or fewer when the time is over."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            loops = [int(c) for c in children if pathlib.Path(f"/proc/{c}/comm").read_text() == "bench-load\n"]
        except OSError:
            continue
        if len(loops) == CORES:
            return loops
        time.sleep(0.001)
    return []


def check_load(bench, world, policy):
    """Sees the loops of a world, while it measures."""
    process = start(bench, world, "--seconds", "0.1")
    loops = loops_of(process.pid)
    if not loops:
        fail(f"{world}: no loop on each core")
    time.sleep(0.05)
    cores = set()
    before = {pid: stat(pid) for pid in loops}
    for pid in loops:
        if os.sched_getscheduler(pid) != policy:
            fail(f"{world}: a loop has the wrong scheduling class")
        cores |= os.sched_getaffinity(pid)
        if len(os.sched_getaffinity(pid)) != 1:
            fail(f"{world}: a loop is not pinned")
    if len(cores) != CORES:
        fail(f"{world}: two loops are on one core")
    time.sleep(0.4)
    for pid in loops:
        after = stat(pid)
        if before[pid] is None or after is None:
            fail(f"{world}: a loop has ended too early")
        # In ticks of 10 ms. A loop of the idle class may get nothing beside threads that spin.
        if world == "busy" and int(after[11]) + int(after[12]) <= int(before[pid][11]) + int(before[pid][12]):
            fail(f"{world}: a loop has not used CPU time")
    process.communicate()
    if any(stat(pid) for pid in loops):
        fail(f"{world}: a loop outlives its world")


def check_report(bench):
    """Each world has figures of this library, and says how much the load used."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "bench.tsv"
        process = start(bench, "idle,awake,busy,one-core", "--output", str(path))
        process.communicate()
        if process.returncode != 0:
            fail(f"exit status {process.returncode}")
        lines = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]
    rows = [dict(zip(lines[0], line)) for line in lines[1:]]
    for world in ("idle", "awake", "busy", "one-core"):
        mine = [r for r in rows if r["world"] == world and r["candidate"] == "condvar" and r["metric"] == "time"]
        if len(mine) != 1 or float(mine[0]["median"]) <= 0:
            fail(f"{world}: it was not measured")
        load = float(mine[0]["load"])
        if world == "busy" and load <= 0:
            fail(f"busy: the load used {load} of the cores' time")
        if world in ("idle", "one-core") and load != 0:
            fail(f"{world}: there was a load")
    if not any(r["world"] == "idle" and r["metric"] == "cpu" for r in rows):
        fail("no CPU time")


def check_broken(bench, world):
    """A world whose load ends too early is not reported."""
    process = start(bench, world, "--seconds", "0.1")
    loops = loops_of(process.pid)
    if not loops:
        fail(f"{world}: no loop on each core")
    time.sleep(0.2)
    os.kill(loops[0], signal.SIGKILL)
    said = process.communicate()[0]
    if process.returncode != 0 or f"{ROW}, {world}: not measured: a loop has ended" not in said:
        fail(f"{world}: reported although a loop had ended: exit status {process.returncode}, {said}")


def check_orphans(bench):
    """The loops do not outlive a benchmark that is killed."""
    process = start(bench, "busy", "--seconds", "0.1")
    loops = loops_of(process.pid)
    if not loops:
        fail("busy: no loop on each core")
    process.kill()
    process.communicate()
    end = time.monotonic() + 5
    while any(stat(pid) for pid in loops):
        if time.monotonic() > end:
            fail("a loop outlives a killed benchmark")
        time.sleep(0.01)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: worlds BENCH")
    bench = sys.argv[1]
    if not pathlib.Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists():
        print("this system does not list a process's children in /proc")
        sys.exit(77)
    check_report(bench)
    check_load(bench, "awake", os.SCHED_IDLE)
    check_load(bench, "busy", os.SCHED_OTHER)
    check_broken(bench, "busy")
    check_orphans(bench)
    print("ok")


main()
