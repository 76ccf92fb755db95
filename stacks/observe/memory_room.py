"""Tells how much memory new processes can have."""

from __future__ import annotations

import math
import re
from pathlib import Path

from stacks.observe.memory_kills import CGROUPS, OWN_CGROUPS, memory_cgroup, read

MEMINFO = Path("/proc/meminfo")


def available_mib(meminfo: Path = MEMINFO, cgroups: Path = CGROUPS, own_cgroups: Path = OWN_CGROUPS) -> float:
    """Return the memory that the kernel can give to new processes, within the limit of this process's cgroup."""
    machine = re.search(r"^MemAvailable: +(\d+) kB$", read(meminfo), re.MULTILINE)
    room = int(machine[1]) / 1024 if machine else math.inf
    folder, names = memory_cgroup(cgroups, own_cgroups)
    if folder is None:
        return room
    limit, use = read(folder / names.limit).strip(), read(folder / names.use).strip()
    if not (limit.isdecimal() and use.isdecimal()):  # no limit, or the root of all cgroups
        return room
    cache = re.search(rf"^{names.cache} (\d+)$", read(folder / "memory.stat"), re.MULTILINE)
    free = int(limit) - int(use) + (int(cache[1]) if cache else 0)
    return min(room, free / (1 << 20))
