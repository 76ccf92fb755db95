"""--heal: only a worker that is proven to hang, only a few at once, and never again once the new one hangs as well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
from instance_views import MASTER, hang_of, instance, worker

from stacks.watch.healing import EVERY_S, PATIENCE_S, Healing
from stacks.watch.proven_process import ProvenProcess
from stacks.watch.view import CHAIN, ENDED, HUNG, MASTER_ENDED, READY, RELOADING, SERVING, STARTING, Change, WorkerView
from tests.patience import LIMIT_S


@dataclass
class Held:
    """Stands for a process that is held by a pidfd."""

    pid: int
    killed: list[int]
    error: OSError | None = None

    def kill(self) -> bool:
        if self.error is not None:
            raise self.error
        self.killed.append(self.pid)
        return True

    def close(self) -> None:
        pass


@dataclass
class Bench:
    """A healing with a clock that the test moves, and the workers that the test names."""

    workers: dict[int, WorkerView]
    said: list[str] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)
    now_s: float = 0.0
    error: OSError | None = None
    doing: str = ""
    master_hang: str = ""

    def __post_init__(self) -> None:
        self.healing = Healing(
            self.said.append,
            clock=lambda: self.now_s,
            hold=lambda pid, _master, _hung_s: Held(pid, self.killed, self.error),  # type: ignore[arg-type,return-value]
        )

    def take(self, *changes: Change, after_s: float = 0.0) -> list[int]:
        self.now_s += after_s
        view = instance(*self.workers.values(), doing=self.doing, master_hang=self.master_hang)
        self.healing.take(changes, lambda: view)
        return self.killed

    def hang(self, *slots: int, **more: object) -> list[int]:
        for slot in slots:
            self.workers[slot] = worker(slot, 10 * slot, HUNG, **more)
        return self.take(*(hang_of(self.workers[slot]) for slot in slots))

    def comes_back(self, slot: int) -> list[int]:
        self.workers[slot] = worker(slot, 10 * slot + 1, SERVING, respawns=1)
        return self.take(Change(9, READY, MASTER, 10 * slot + 1, slot))


def bench(count: int = 4, **more: object) -> Bench:
    return Bench({slot: worker(slot, 10 * slot) for slot in range(1, count + 1)}, **more)  # type: ignore[arg-type]


def test_a_worker_that_hangs_is_ended_after_a_moment_of_patience() -> None:
    it = bench()
    assert it.hang(2) == []
    assert it.take(after_s=PATIENCE_S - 0.1) == []
    assert it.take(after_s=0.2) == [20]
    assert it.take(after_s=100) == [20]
    assert it.healing.healed == 1
    assert "ended worker 20 in slot 2 with SIGKILL" in it.said[0]


@pytest.mark.parametrize("state", [SERVING, STARTING])
def test_a_worker_that_moves_again_stays(state: str) -> None:
    it = bench()
    it.hang(2)
    it.workers[2] = worker(2, 20, state)
    assert it.take(after_s=100) == []
    # A change that the picture does not confirm proves nothing.
    assert it.take(hang_of(worker(3, 30, HUNG))) == []
    assert it.take(after_s=100) == []


def test_at_most_a_quarter_is_on_its_way_back_and_at_most_one_signal_comes_in_a_while() -> None:
    it = bench(8)
    it.hang(*range(1, 9))
    assert len(it.take(after_s=PATIENCE_S)) == 1
    assert len(it.take(after_s=EVERY_S - 0.1)) == 1
    assert len(it.take(after_s=0.2)) == 2
    assert len(it.take(after_s=100)) == 2  # two of eight are on their way back
    assert len(it.comes_back(it.killed[0] // 10)) == 3
    few = bench(2)
    few.hang(1, 2)
    assert len(few.take(after_s=100)) == 1
    assert len(few.take(after_s=100)) == 1


def test_it_stops_when_the_new_worker_hangs_as_well_and_advises() -> None:
    it = bench()
    it.hang(1, 2, 3)
    it.take(after_s=PATIENCE_S)
    assert it.killed == [10]
    it.workers[1] = worker(1, 11, HUNG, respawns=1)
    it.take(hang_of(it.workers[1]))
    assert "hangs as well" in it.said[-1]
    assert "upgrade it" in it.said[-1]
    assert it.take(after_s=1000) == [10]
    assert it.healing.stopped


def test_a_worker_that_served_well_after_its_healing_is_healed_again() -> None:
    it = bench()
    it.hang(1)
    it.take(after_s=PATIENCE_S)
    it.comes_back(1)
    it.workers[1] = worker(1, 11, HUNG, respawns=1, age_s=4000.0, state_s=2.0)
    it.take(hang_of(it.workers[1]))
    assert it.take(after_s=EVERY_S) == [10, 11]


def test_a_hang_after_the_brought_worker_has_ended_well_is_a_new_one() -> None:
    it = bench()
    it.hang(1)
    it.take(after_s=PATIENCE_S)
    it.take(Change(8, ENDED, MASTER, 10, 1))  # the end that the healing made
    it.comes_back(1)
    it.take(Change(9, ENDED, MASTER, 11, 1))  # it served, and recycled
    it.workers[1] = worker(1, 12, HUNG, respawns=2)
    it.take(hang_of(it.workers[1]))
    assert not it.healing.stopped
    assert it.take(after_s=EVERY_S) == [10, 12]


@pytest.mark.parametrize("more", [{"doing": RELOADING}, {"doing": CHAIN}, {"master_hang": "it waits for ever"}])
def test_it_waits_while_the_master_would_fork_no_other_worker(more: dict[str, str]) -> None:
    it = bench(**more)
    it.hang(1)
    assert it.take(after_s=100) == []
    it.doing = it.master_hang = ""
    assert it.take(after_s=1) == [10]


def test_without_permission_or_a_master_it_stops_with_a_sentence() -> None:
    it = bench(error=PermissionError(1, "Operation not permitted"))
    it.hang(1, 2)
    assert it.take(after_s=100) == []
    assert len(it.said) == 1
    assert "may not send signals" in it.said[0]
    ended = bench()
    ended.hang(1)
    ended.take(Change(1, MASTER_ENDED, MASTER))
    assert ended.take(after_s=100) == []


# -- real processes -------------------------------------------------------------------------------


@pytest.fixture
def child() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_child_of_the_master_gets_sigkill_and_once_it_has_ended_nobody_does(child: subprocess.Popen[bytes]) -> None:
    process = ProvenProcess(child.pid, os.getpid(), 0.0)
    assert process.kill()
    assert child.wait(LIMIT_S) == -signal.SIGKILL
    assert not process.kill()  # its number may belong to another process now
    process.close()
    with pytest.raises(ProcessLookupError):
        ProvenProcess(child.pid, os.getpid(), 0.0)


def test_another_process_is_refused(child: subprocess.Popen[bytes]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ValueError, match="no child of the master"):
        ProvenProcess(child.pid, 1, 0.0)
    with pytest.raises(ValueError, match="younger than the hang"):
        ProvenProcess(child.pid, os.getpid(), 3600.0)
    assert len(os.listdir("/proc/self/fd")) == before
    assert child.poll() is None
    child.kill()
    child.wait(LIMIT_S)
