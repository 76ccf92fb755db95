"""An emperor and its vassals: each vassal is watched as a master, and so are those that come later."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from forking_master import SCRIPT

from stacks.observe import proc
from stacks.watch import view
from stacks.watch.fleet import Fleet, Source
from tests.patience import until

# Its file is called `uwsgi`, and it starts masters with command lines of their own, as an emperor does.
EMPEROR = r"""
import subprocess, sys
running = {}
for line in sys.stdin:
    word, folder = line.split()
    if word == "start":
        running[folder] = subprocess.Popen([sys.executable, f"{folder}/uwsgi", "2"], stdin=subprocess.PIPE)
    else:
        vassal = running.pop(folder)
        vassal.kill()
        vassal.wait()
for vassal in running.values():
    vassal.kill()
    vassal.wait()
"""


class Emperor:
    """A process that starts and ends vassals on command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "uwsgi").write_text(EMPEROR)
        command = [sys.executable, str(folder / "uwsgi"), "--emperor", str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    def vassals(self) -> set[int]:
        """Return the masters that have forked their two workers and a mule."""
        return {pid for pid in proc.children_of(self.pid) if len(proc.children_of(pid)) == 3}

    def start(self, name: str) -> int:
        """Start a vassal. Return the pid of its master."""
        (self.folder / name).mkdir()
        (self.folder / name / "uwsgi").write_text(SCRIPT)
        before = self.vassals()
        self._tell(f"start {self.folder / name}")
        until(lambda: self.vassals() - before)
        (pid,) = self.vassals() - before
        return pid

    def stop(self, name: str) -> None:
        """End a vassal."""
        self._tell(f"stop {self.folder / name}")

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the emperor and its vassals."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


@pytest.fixture
def emperor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emperor]:
    monkeypatch.setattr("stacks.watch.fleet.FIND_S", 0.1)
    started = Emperor(tmp_path)
    try:
        yield started
    finally:
        started.close()


def test_vassals_that_are_there_and_those_that_come_are_watched(emperor: Emperor) -> None:
    one, two = emperor.start("one"), emperor.start("two")
    with Fleet(Source(pid=emperor.pid)) as fleet:
        assert set(fleet.watches) == {one, two}
        three = emperor.start("three")
        until(lambda: fleet.step(0.05) is not None and three in fleet.watches)
        emperor.stop("one")
        kinds = []
        until(lambda: kinds.extend(fleet.step(0.05)) or one not in fleet.watches)
        assert [change.master_pid for change in kinds if change.kind == view.MASTER_ENDED] == [one]
        assert set(fleet.watches) == {two, three}


def test_an_emperor_without_a_vassal_is_still_watched(emperor: Emperor) -> None:
    one = emperor.start("one")
    with Fleet(Source(pid=emperor.pid)) as fleet:
        emperor.stop("one")
        until(lambda: fleet.step(0.05) is not None and one not in fleet.watches)
        assert not fleet.is_over
        two = emperor.start("two")
        until(lambda: fleet.step(0.05) is not None and set(fleet.watches) == {two})
    with Fleet(Source(is_all=True)) as fleet:
        assert two in fleet.watches
