"""The kernel's count of the processes that it has killed for memory, in both versions of cgroups."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.observe.memory_kills import UNKNOWN, MemoryKills

VERSION_2 = ("0::/app\n", "app", "memory.events", "low 0\noom 3\noom_kill {}\noom_group_kill 0\n", "memory.max")
VERSION_1 = (
    "5:devices:/\n4:memory:/app\n0::/other\n",
    "memory/app",
    "memory.oom_control",
    "under_oom 0\noom_kill {}\n",
    "memory.limit_in_bytes",
)


class Cgroup:
    """A directory that looks like the cgroup of a process."""

    def __init__(self, root: Path, own: str, folder: str, count: str, lines: str, limit: str) -> None:
        self._root, self._own, self._lines = root / "cgroups", root / "own", lines
        self._own.write_text(own)
        self._folder = self._root / folder
        self._folder.mkdir(parents=True)
        self._count, self._limit = self._folder / count, self._folder / limit
        self.set(0)

    def set(self, kills: int, limit: str = str(200 << 20)) -> None:
        self._count.write_text(self._lines.format(kills))
        self._limit.write_text(f"{limit}\n")

    def kills(self) -> MemoryKills:
        return MemoryKills(self._root, self._own)


@pytest.mark.parametrize("version", [VERSION_2, VERSION_1])
def test_kills_since_the_begin_are_told_with_the_limit(version: tuple[str, ...], tmp_path: Path) -> None:
    cgroup = Cgroup(tmp_path, *version)
    cgroup.set(4)
    kills = cgroup.kills()
    assert (kills.sentence(), kills.cause()) == ("", UNKNOWN)
    cgroup.set(6)
    assert kills.sentence().startswith("The kernel has killed 2 processes meanwhile, because the memory limit of its")
    assert "200 MiB" in kills.cause()
    assert kills.cause().startswith("the kernel has killed 2 processes")


@pytest.mark.parametrize("limit", ["max", str((1 << 63) - 4096)])
def test_without_a_limit_the_memory_of_the_machine_was_full(limit: str, tmp_path: Path) -> None:
    cgroup = Cgroup(tmp_path, *VERSION_2)
    kills = cgroup.kills()
    cgroup.set(1, limit)
    assert "killed 1 process meanwhile, because the memory was used up" in kills.sentence()


def test_in_a_container_the_own_cgroup_is_the_root(tmp_path: Path) -> None:
    _, _, *names = VERSION_2
    cgroup = Cgroup(tmp_path, "0::/kubepods/pod7/abc\n", ".", *names)
    kills = cgroup.kills()
    cgroup.set(1)
    assert "1 process" in kills.sentence()


def test_a_kernel_that_does_not_count_says_nothing(tmp_path: Path) -> None:
    assert MemoryKills(tmp_path, tmp_path / "missing").cause() == UNKNOWN
