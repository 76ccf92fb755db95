"""Following a master by events: slots, ready workers, ends, hangs, a reload and the end of the master."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from contract import event_problems
from forking_master import Master, forking_master

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.observe import process_events
from stacks.observe.child import Child
from stacks.observe.follower import Follower
from stacks.observe.slots import NO_WORKER, TOO_EARLY
from stacks.run import supervisor
from tests.patience import LIMIT_S, until


class Following:
    """A follower, its lifecycle and its rows."""

    def __init__(self, master: Master) -> None:
        self.master = master
        self.lifecycle = Lifecycle()
        self.rows: list[Event] = []
        self.follower = Follower(master.pid, self.lifecycle, self._take)
        self.follower.open()

    def _take(self, row: Event) -> None:
        self.rows.append(row)
        self.lifecycle.feed(row)

    def until(self, condition: Callable[[], object]) -> None:
        end_s = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end_s, [row.to_json() for row in self.rows if row.kind != "state"]
            self.follower.step(0.05)

    def kinds(self, pid: int) -> list[str]:
        return [row.kind for row in self.rows if row.pid == pid and row.kind != "state"]

    def pid(self, slot: int) -> int:
        return self.lifecycle.current()[slot].pid

    def end(self, slot: int, status: int) -> int:
        """End the worker of a slot, and wait until its successor is ready. Return the pid of the successor."""
        former = self.pid(slot)
        self.master.tell(f"end {slot} {status}")
        self.until(lambda: self.pid(slot) != former and len(self.lifecycle.ready()) == 3)
        return self.pid(slot)


@pytest.fixture(params=["told by the kernel", "told by pidfds"])
def following(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Following]:
    if request.param == "told by pidfds":

        def refuse(_masters: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(process_events, "subscribe_to", refuse)
    with forking_master(tmp_path) as master:
        followed = Following(master)
        if request.param == "told by the kernel" and "forks" in followed.follower.unavailable:
            followed.follower.close()
            pytest.skip(followed.follower.unavailable["forks"])
        followed.until(lambda: len(followed.lifecycle.ready()) == 3)
        yield followed
        followed.follower.close()
        rows = [json.loads(row.to_json()) for row in followed.rows]
        assert [problem for row in rows for problem in event_problems(row)] == []


def test_slots_are_named_by_sockets_and_a_mule_is_no_worker(following: Following) -> None:
    pids = following.master.children()
    assert [following.pid(slot) for slot in (1, 2, 3)] == pids[:3]
    mule = pids[3]
    following.until(lambda: following.follower.children[mule].slot is not None)  # it is known after half a second
    assert following.follower.children[mule].slot == 0
    assert not set(following.kinds(mule)) & {"spawned", "respawned", "ready"}


def test_a_respawn_has_its_slot_its_times_and_the_status_of_the_end(following: Following) -> None:
    former, begin_ns = following.pid(2), time.monotonic_ns()
    successor = following.end(2, 30)
    (exited,) = [row for row in following.rows if row.kind == "exited"]
    assert (exited.pid, exited.data) == (former, {"exit_status": 30})
    episode = following.lifecycle.slot_episodes(2)[-1]
    assert (episode.pid, episode.outcome, episode.generation) == (successor, "ready", 1)
    assert episode.exited_ns is not None
    assert episode.forked_ns is not None
    assert episode.ready_ns is not None
    # A busy machine sees an end late, and pidfds know a fork to 10 ms.
    assert begin_ns < episode.exited_ns <= time.monotonic_ns()
    assert begin_ns - 10_000_000 < episode.forked_ns < episode.ready_ns <= time.monotonic_ns()


def test_the_slot_of_a_worker_does_not_depend_on_the_order_of_the_ends(following: Following) -> None:
    for slot in (3, 1, 2):
        following.master.tell(f"end {slot} 30")
    following.until(lambda: sum(row.kind == "ready" for row in following.rows) == 6)
    assert [len(following.lifecycle.workers.by_slot[slot]) for slot in (1, 2, 3)] == [2, 2, 2]


def test_workers_that_close_the_sockets_of_others_late_have_their_slots(following: Following) -> None:
    """They compute for longer than a child takes that hangs at its fork: it would get the lowest slot that is empty."""
    following.master.tell("late 1.5")
    before = following.master.children()
    following.master.tell("end 3 30")
    following.until(lambda: set(following.master.children()) - set(before))
    following.master.tell("end 1 30")
    following.until(lambda: sum(row.kind == "ready" for row in following.rows) == 5)
    following.master.tell("late 0")
    following.end(3, 30)
    following.end(1, 30)


def test_a_worker_that_closes_a_pair_between_two_reads_has_not_told_its_slot(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots, pid = following.follower.looks.naming._slots, following.pid(3)
    assert slots is not None
    assert slots.number(pid, (1, 3)) == 3
    reads = [True, False]  # the second socket of slot 1 was still there, and then both were closed
    keeps = slots._keeps
    monkeypatch.setattr(slots, "_keeps", lambda *read: reads.pop(0) if reads else keeps(*read))
    assert slots.number(pid, (1, 3)) == TOO_EARLY
    assert slots.number(pid, (1, 3)) == 3


def test_a_worker_that_hangs_at_its_fork_is_proven_to(following: Following) -> None:
    former = following.pid(1)
    following.master.tell("broken")
    following.master.tell("kill 1")
    following.until(lambda: following.pid(1) != former)
    hung = following.pid(1)
    following.until(lambda: following.lifecycle.hangs.proof(hung))
    assert following.lifecycle.starting() == [hung]
    assert following.lifecycle.slot_episodes(1)[-1].outcome == "hung_at_fork"
    (exited,) = [row for row in following.rows if row.kind == "exited"]
    assert exited.data == {"signal": signal.SIGKILL}


def test_a_worker_that_hangs_in_a_request_is_proven_to_and_its_siblings_are_not(following: Following) -> None:
    stuck = following.pid(3)
    following.master.tell("stick 3")
    following.until(lambda: following.lifecycle.deadlocks())
    assert list(following.lifecycle.deadlocks()) == [stuck]
    siblings = {following.pid(1), following.pid(2)}
    assert not [row for row in following.rows if row.kind == "state" and row.pid in siblings]


def test_a_slot_that_its_master_leaves_empty_waits_for_no_successor(following: Following) -> None:
    following.master.tell("end 2 15")
    following.until(lambda: any(row.kind == "cheaped" for row in following.rows))
    assert following.lifecycle.unreaped_s() == 0
    assert following.lifecycle.spawns_on_demand()


def reload(following: Following) -> None:
    """Let the master reload, and wait until its new workers are ready and it has forked a mule beside the old one."""
    former, count = [following.pid(slot) for slot in (1, 2, 3)], following.follower.reloads
    children = len(following.master.children())
    following.master.tell("reload")
    following.until(lambda: not set(former) & {following.pid(slot) for slot in (1, 2, 3)})
    following.until(lambda: len(following.lifecycle.ready()) == 3)
    following.until(lambda: following.follower.reloads == count + 1)
    following.until(lambda: len(following.master.children()) == children + 1)


def test_a_reload_keeps_the_pid_and_names_the_slots_anew(following: Following) -> None:
    reload(following)
    mule, *workers, _ = following.master.children()
    assert [following.pid(slot) for slot in (1, 2, 3)] == workers
    assert following.follower.children[mule].slot == 0


def test_a_young_mule_is_no_worker_of_a_master_that_starts_again(following: Following) -> None:
    """On a busy machine the follower looked at it before the master had made its sockets, and named it worker 1."""
    following.master.tell("slow 1")
    reload(following)
    reload(following)  # the mule of the first reload has not lived long enough to tell that it is no worker
    _, mule, *workers, _ = following.master.children()
    assert [following.pid(slot) for slot in (1, 2, 3)] == workers
    assert following.follower.children[mule].slot == 0


def test_workers_that_never_live_long_enough_to_tell_their_slots_are_seen(tmp_path: Path) -> None:
    with dying_workers(tmp_path) as following:
        following.until(lambda: following.lifecycle.respawns() >= 6)
        # One slot explains workers that never live at the same time. A busy machine may run the first of them so.
        following.until(lambda: {row.slot for row in following.rows if row.kind == "respawned"} >= {1, 2})
        assert {row.data["exit_status"] for row in following.rows if row.kind == "exited"} == {30}


def test_they_are_seen_also_if_the_mule_alone_has_told_of_its_sockets(tmp_path: Path) -> None:
    """The follower has learned the sockets while the master had forked no worker for a moment."""
    with dying_workers(tmp_path) as following:
        master = following.master
        os.kill(master.pid, signal.SIGSTOP)
        following.until(lambda: [child.slot for child in following.follower.children.values()] == [NO_WORKER])
        os.kill(master.pid, signal.SIGCONT)
        following.until(lambda: following.lifecycle.respawns() >= 6)


@contextmanager
def dying_workers(folder: Path) -> Iterator[Following]:
    """Yield what follows a master whose workers all end at once, and its mule."""
    with forking_master(folder) as master:
        workers = master.children()[:3]
        for command in ("dying 30", "end 1 30", "end 2 30", "end 3 30"):
            master.tell(command)
        until(lambda: not set(workers) & set(master.children()))
        following = Following(master)
        with closing(following.follower):
            yield following


def test_the_end_of_the_master_ends_the_following(following: Following) -> None:
    following.master.kill()
    following.until(lambda: following.follower.is_over)
    assert following.rows[-1].kind == "ended"


@pytest.fixture
def subreaper() -> Iterator[None]:
    """Let orphans become children of this process. The init of a machine may take a minute to reap one."""
    supervisor.become_subreaper()
    yield
    supervisor._prctl(supervisor.PR_SET_CHILD_SUBREAPER, 0)


@pytest.mark.usefixtures("subreaper")
def test_the_ends_of_workers_are_told_if_nobody_knows_how_they_ended(following: Following) -> None:
    """The master and its workers end at once, and are gone before the follower looks."""
    workers = following.master.children()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    following.master.kill()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    following.until(lambda: following.follower.is_over)
    assert {row.pid for row in following.rows if row.kind == "exited"} == set(workers[:3])


def test_a_worker_that_ended_before_its_slot_was_known_is_named_when_its_end_is_told(following: Following) -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    ended = Child(pid, following.follower.now_ns() - 2_000_000_000, 0.0)
    assert not following.follower.looks.naming.name(ended)
    assert ended.slot is None
    os.waitpid(pid, 0)


def test_workers_that_end_before_their_slots_are_known_get_slots_that_were_vacant_at_their_forks(
    following: Following,
) -> None:
    follower = following.follower
    follower.children.clear()
    follower.vacant.clear()
    for slot, exited_ns in ((7, 1), (8, 3)):
        follower.vacant[slot] = Child(70 + slot, 0, 0.0)
        follower.vacant[slot].exited_ns = exited_ns
    first, second = (Child(pid, forked_ns, 0.0) for pid, forked_ns in ((91, 2), (92, 4)))
    follower.children |= {91: first, 92: second}
    follower.looks.naming.name_ended(second)  # it ends first
    follower.looks.naming.name_ended(first)
    assert (first.slot, second.slot) == (7, 8)


def test_a_worker_that_leaves_before_its_slot_is_known_begins_its_exit_once_it_is(following: Following) -> None:
    pid, before = following.pid(2), len(following.rows)
    worker = following.follower.children[pid]
    worker.slot = None
    following.follower.looks.leaves(worker, 5)
    assert following.follower.looks.naming.name(worker)
    assert [(row.kind, row.slot) for row in following.rows[before:]] == [("spawned", 2), ("exit_begun", 0)]


def test_at_rest_it_hardly_wakes(following: Following) -> None:
    seen = [resting(following)]
    while len(seen) < 30 and not all(seen[-1]):  # a busy machine needs longer until all workers are well
        seen.append(resting(following))
    assert all(seen[-1]), seen


def resting(following: Following) -> tuple[bool, bool, bool]:
    """Follow for two seconds. Return whether there were few steps, little CPU time, and no row but the heartbeats."""
    following.rows.clear()
    begin_s, steps, cpu_s = time.monotonic(), 0, time.process_time()
    while time.monotonic() < begin_s + 2.0:
        following.follower.step(2.0)
        steps += 1
    return steps <= 4, (time.process_time() - cpu_s) / 2.0 < 0.02, {row.kind for row in following.rows} == {"heartbeat"}


def test_nothing_is_left_after_the_following(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with forking_master(tmp_path) as master:
        open_files = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            followed = Following(master)
            followed.follower.step(0.0)
            followed.follower.close()
        assert len(os.listdir("/proc/self/fd")) == open_files
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_router_listens_and_is_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOUBLE", "router")
    with forking_master(tmp_path) as master:
        followed = Following(master)
        followed.until(lambda: len(followed.lifecycle.ready()) == 3)
        assert followed.lifecycle.slots == [1, 2, 3]
        followed.follower.close()
