"""Where and from which source a run was made: what a reader must know before comparing two of them."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

GIT_LIMIT_S = 5.0


def host() -> dict[str, Any]:
    """Hostname, kernel, CPU model, cores usable by this process and memory in KiB."""
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
    """The commit of the pack itself and whether its files differ from it; None where that is unknown."""

    def ask(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=GIT_LIMIT_S, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    status = ask("status", "--porcelain")
    return {"commit": ask("rev-parse", "HEAD"), "dirty": None if status is None else bool(status)}


def clock() -> dict[str, int]:
    """One moment on both clocks, so that monotonic rows can be placed in wall time."""
    return {"monotonic_ns": time.monotonic_ns(), "unix_ns": time.time_ns()}
