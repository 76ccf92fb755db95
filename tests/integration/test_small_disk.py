"""A real disk that is small: a run does not start without room, and one that fills up during a run loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stacks import catalogue
from stacks.catalogue.venvs import Venv
from stacks.lifecycle import disk_room
from stacks.lifecycle.reading import read_events
from tests.patience import LIMIT_S, until

LOAD_S = 30.0  # the load does not end when the disk is full
ARGUMENTS = "-m stacks loadtest --trials=1 --stack=threads --version=py312-2.0.30.post1".split()


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Path]]:
    """Mount a tmpfs of so many MiB, and let the commands write there."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(mib: int) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
        monkeypatch.setenv("PACK_RESULTS", str(folder / "results"))
        return folder

    yield mount
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


def test_a_run_does_not_start_without_room(disk: Callable[[int], Path], venv: Callable[[str], Venv]) -> None:
    venv("py312-2.0.30.post1")
    disk(4)
    done = subprocess.run(
        [sys.executable, *ARGUMENTS], cwd=catalogue.ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 1
    assert "a run with 2 s of load may need 18 MiB, and the disk has 4 MiB free. Free some room" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_disk_that_fills_up(disk: Callable[[int], Path], venv: Callable[[str], Venv]) -> None:
    venv("py312-2.0.30.post1")
    folder = disk(disk_room.needed_bytes(LOAD_S) // disk_room.MIB + 8)
    command = [sys.executable, *ARGUMENTS, f"--duration={LOAD_S:.0f}"]  # longer than it takes to fill the disk
    process = subprocess.Popen(command, cwd=catalogue.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until(
        lambda: any('"load_begin"' in path.read_text() for path in folder.rglob("events.jsonl")),
        "the load never began",
    )
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(4096)):
                pass
        except OSError:
            pass
    text, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    [run] = folder.rglob("run.json")
    record = json.loads(run.read_text())
    assert record["status"] == "failed"
    assert "cannot be written (No space left on device)" in record["error"]
    assert "The verdict was " in record["error"]
    assert f"Free {disk_room.mib(disk_room.needed_bytes(LOAD_S))}" in text
    assert "Traceback" not in text
    assert len(list(read_events(run.parent / "events.jsonl"))) > 10
