"""Describes where and from which commit a run was made. A reader needs this before he compares two runs."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

GIT_LIMIT_S = 5.0


def host() -> dict[str, Any]:
    """Return hostname, kernel, architecture, CPU model, cores that this process may use, and memory in KiB."""
    cpu = memory = ""
    for line in _lines("/proc/cpuinfo"):
        if line.startswith(("model name", "Model")):
            cpu = line.split(":", 1)[1].strip()
            break
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal"):
            memory = line.split()[1]
    return {
        "hostname": platform.node(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_kib": int(memory or 0),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []


def git(root: Path) -> dict[str, Any]:
    """Return the commit of the pack in `root`, and whether its files differ from it. A value is None if unknown.

    It is unknown where `root` is not the top of a clone: an installed pack may lie somewhere in another repository.
    """

    def output(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=GIT_LIMIT_S, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    top = output("rev-parse", "--show-toplevel")
    if top is None or Path(top) != root.resolve():
        return {"commit": None, "dirty": None}
    status = output("status", "--porcelain")
    return {"commit": output("rev-parse", "HEAD"), "dirty": None if status is None else bool(status)}


def clock() -> dict[str, int]:
    """Read both clocks at one moment. With this pair, a reader can convert monotonic times into wall-clock times."""
    return {"monotonic_ns": time.monotonic_ns(), "unix_ns": time.time_ns()}
