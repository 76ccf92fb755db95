"""The private directory of a run: it stays while its owner lives, and the next start removes that of a dead owner."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stacks.run import private_directory

ROOT = Path(__file__).resolve().parents[3]
# An owner whose child outlives it for as long as its stdin is open. A program that it executes does not own anything.
OWNER = """
import os, subprocess, sys
from stacks.run import private_directory
print(private_directory.make(), flush=True)
if len(sys.argv) > 1 and os.fork():
    os._exit(0)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temp folder of the test's own, here and in its processes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture
def owner() -> Iterator[Callable[..., tuple[subprocess.Popen[str], Path]]]:
    """A function that starts an owner. It returns the process and its directory."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def test_a_directory_is_short_closed_to_others_and_removed(temporary: Path) -> None:
    directory = private_directory.make()
    assert directory.parent == temporary
    assert len(directory.name) < 16
    assert directory.stat().st_mode & 0o777 == 0o700
    (directory / "0.sock").touch()
    private_directory.remove(directory)
    assert list(temporary.iterdir()) == []
    private_directory.remove(directory)


def test_a_directory_stays_while_its_owner_lives(owner: Callable) -> None:
    _, first = owner()
    _, second = owner()
    private_directory.remove_stale()
    assert first.is_dir()
    assert second.is_dir()


def test_the_next_start_removes_the_directory_of_a_killed_owner(owner: Callable) -> None:
    process, directory = owner()
    process.kill()
    process.wait()
    assert directory.is_dir()
    _, another = owner()
    assert not directory.exists()
    assert another.is_dir()


def test_a_directory_stays_while_a_child_of_its_owner_lives(owner: Callable) -> None:
    """The guard makes the directory, and the observer uses it after the guard was killed."""
    process, directory = owner("fork")
    process.wait()
    private_directory.remove_stale()
    assert directory.is_dir()
    assert process.stdin is not None
    process.stdin.close()
    assert process.stdout is not None
    process.stdout.read()  # until the child has ended
    private_directory.remove_stale()
    assert not directory.exists()


def test_what_another_program_made_is_never_removed(temporary: Path, owner: Callable) -> None:
    """Neither a directory without the owner's file, nor one that a link points to."""
    (temporary / "pack-age").mkdir()
    (temporary / "pack-file").touch()
    process, directory = owner()
    moved = directory.rename(temporary / "elsewhere")
    (temporary / "pack-link").symlink_to(moved)
    process.kill()
    process.wait()
    private_directory.remove_stale()
    assert sorted(path.name for path in temporary.iterdir()) == ["elsewhere", "pack-age", "pack-file", "pack-link"]
