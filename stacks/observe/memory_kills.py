"""Counts the processes that the kernel has killed in the memory cgroup of this process, because memory was full.

A process cannot learn who has sent it a SIGKILL. But the cgroup counts those that the kernel has killed, in version 2
(memory.events) as in version 1 (memory.oom_control), also when the memory of the whole machine was full.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from stacks.lifecycle.counted import counted

CGROUPS, OWN_CGROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
NO_LIMIT = 1 << 60  # version 1 writes a number near 1 << 63 for it
UNKNOWN = "if nobody did that, the memory of the machine or of its cgroup was full (dmesg tells)"


class FileNames(NamedTuple):
    """The files of a memory cgroup. `cache` is the line of memory.stat with the cache that the kernel can drop."""

    kills: str
    limit: str
    use: str
    cache: str


VERSIONS = (
    FileNames("memory.events", "memory.max", "memory.current", "inactive_file"),
    FileNames("memory.oom_control", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


class MemoryKills:
    """Counts from the moment when it is made."""

    def __init__(self, cgroups: Path = CGROUPS, own_cgroups: Path = OWN_CGROUPS) -> None:
        folder, names = memory_cgroup(cgroups, own_cgroups)
        self._count = folder / names.kills if folder else None
        self._limit = folder / names.limit if folder else None
        self._before = self._read()

    def _read(self) -> int:
        match = re.search(r"^oom_kill (\d+)$", read(self._count), re.MULTILINE)
        return int(match[1]) if match is not None else 0

    def sentence(self) -> str:
        """Say how many processes the kernel has killed since this object was made. Empty if there was none."""
        kills = self._read() - self._before
        if kills <= 0:
            return ""
        limit = read(self._limit).strip()
        has_limit = limit.isdecimal() and int(limit) < NO_LIMIT
        of = f"the memory limit of its cgroup, {int(limit) >> 20} MiB, was" if has_limit else "the memory was"
        return (
            f"The kernel has killed {counted(kills, 'process', 'processes')} meanwhile, because {of} used up: "
            "allow more memory, or take fewer users and workers."
        )

    def cause(self) -> str:
        """Return the most likely cause of a SIGKILL, to go behind a semicolon. It ends without a full stop."""
        sentence = self.sentence().rstrip(".")
        return sentence[:1].lower() + sentence[1:] or UNKNOWN


def memory_cgroup(cgroups: Path = CGROUPS, own_cgroups: Path = OWN_CGROUPS) -> tuple[Path | None, FileNames]:
    """Return the folder of this process's memory cgroup, None without one, and the names of its files."""
    for line in read(own_cgroups).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        root = cgroups / "memory" if controllers else cgroups
        # A container may see the path of its cgroup on the host, and no other cgroup than its own.
        for folder in (root / path.lstrip("/"), root):
            for names in VERSIONS:
                if (folder / names.kills).exists():
                    return folder, names
    return None, VERSIONS[0]


def read(path: Path | None) -> str:
    """Return the text of a file of the kernel; '' if there is none."""
    try:
        return path.read_text() if path is not None else ""
    except OSError:
        return ""
