"""Finds the processes that a command has started, also those that outlive it, by a variable of their environment."""

from __future__ import annotations

import os
from pathlib import Path

from stacks.observe import proc


def processes_with(name: str, value: str) -> list[int]:
    """Return the living processes whose environment has this variable with this value, except this process."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if f"{name}={value}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(int(pid))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid() and proc.is_alive(pid)]
