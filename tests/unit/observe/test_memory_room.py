"""The memory that new processes can have, with and without a limit of the cgroup."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.observe.memory_room import available_mib

MIB = 1 << 20
LIMITED = {"memory.events": "oom_kill 0", "memory.max": 512 * MIB, "memory.current": 200 * MIB}


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {}, 8000),
        ("0::/\n", LIMITED, 312),
        ("0::/\n", LIMITED | {"memory.stat": f"anon 1\ninactive_file {88 * MIB}"}, 400),
        ("0::/\n", LIMITED | {"memory.max": "max"}, 8000),
        (
            "4:memory:/app\n",
            {
                "memory/app/memory.oom_control": "oom_kill 0",
                "memory/app/memory.limit_in_bytes": 300 * MIB,
                "memory/app/memory.usage_in_bytes": 100 * MIB,
            },
            200,
        ),
    ],
)
def test_the_smaller_of_machine_and_cgroup_counts(
    own: str, files: dict[str, object], expected: float, tmp_path: Path
) -> None:
    meminfo, own_cgroups = tmp_path / "meminfo", tmp_path / "own"
    meminfo.write_text(f"MemTotal:       99999999 kB\nMemAvailable:    {8000 * 1024} kB\n")
    own_cgroups.write_text(own)
    for name, text in files.items():
        path = tmp_path / "cgroups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    assert available_mib(meminfo, tmp_path / "cgroups", own_cgroups) == expected
