"""Processor time, as the kernel counts it (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Elapsed:
    """How long something took, and who was busy with it, in seconds."""

    seconds: float = 0.0
    server_cpu: float = 0.0
    # All that was neither the server nor this process and its children: how quiet the machine was.
    other_cpu: float = 0.0

    def figures(self, rows: int) -> dict[str, float]:
        """Return what it took to write that many rows."""
        return {
            "rows/s": rows / self.seconds,
            "server CPU us/row": self.server_cpu / rows * 1e6,
            "cores used by others": self.other_cpu / self.seconds,
        }


@contextmanager
def stopwatch(server_pid: int) -> Iterator[Elapsed]:
    """Measure the time between entering and leaving."""
    elapsed = Elapsed()
    server, own, machine = server_cpu(server_pid), own_cpu(), machine_cpu()
    started = time.perf_counter()
    yield elapsed
    elapsed.seconds = time.perf_counter() - started
    elapsed.server_cpu = server_cpu(server_pid) - server
    elapsed.other_cpu = machine_cpu() - machine - elapsed.server_cpu - (own_cpu() - own)


def server_cpu(postmaster: int) -> float:
    """Return the processor seconds of a PostgreSQL server so far.

    That is the postmaster, its children, and its former children, whose time the kernel adds to
    the postmaster's when they have ended.
    """
    while True:
        times = _times(postmaster)
        children = sum(_times(pid).own for pid in _children(postmaster))
        # A child that ended meanwhile may have been counted twice, or not at all.
        if _times(postmaster).former_children == times.former_children:
            return times.own + times.former_children + children


def own_cpu() -> float:
    """Return the processor seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def machine_cpu() -> float:
    """Return the processor seconds that all processes together have used since the start."""
    user, nice, system, _, _, irq, softirq, *_ = _first_line(Path("/proc/stat")).split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / TICKS_PER_SECOND


def peak_memory_bytes() -> int:
    """Return the most memory that this process has had.

    Not `ru_maxrss`: that remembers the parent's memory from before `exec`.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no line VmHWM")


class _Times(NamedTuple):
    """Processor seconds of one process; none if it is gone."""

    parent: int = 0
    own: float = 0.0
    former_children: float = 0.0


def _times(pid: int) -> _Times:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return _Times()
    # The name in parentheses may have spaces in it; the numbers come after it.
    fields = stat.rpartition(")")[2].split()
    utime, stime, children_utime, children_stime = (
        int(ticks) / TICKS_PER_SECOND for ticks in fields[11:15]
    )
    return _Times(int(fields[1]), utime + stime, children_utime + children_stime)


def _children(parent: int) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _times(pid).parent == parent]


def _first_line(path: Path) -> str:
    with path.open() as file:
        return file.readline()
