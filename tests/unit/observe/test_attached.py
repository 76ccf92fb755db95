"""Observing a uWSGI that the pack did not start: its children fill the slots; the collector says which are ready."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.observe import children, proc
from stacks.observe.attached import AttachedObserver
from stacks.observe.collectors import Context
from stacks.run.attached_instance import UNWATCHED

MASTER = 10


class World:
    """Stands for /proc: the children of MASTER, their waits, and their exit statuses."""

    def __init__(self) -> None:
        self.waits: dict[int, list[str]] = {}
        self.connected: set[int] = set()
        self.statuses: dict[int, int] = {}

    def fork(self, pid: int, *waits: str) -> None:
        self.waits[pid] = list(waits)

    def end(self, pid: int, status: int) -> None:
        del self.waits[pid]
        self.statuses[pid] = status


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    fake = World()
    monkeypatch.setattr(proc, "children_of", lambda pid: list(fake.waits) if pid == MASTER else [])
    monkeypatch.setattr(proc, "is_alive", lambda pid: pid in fake.waits)
    monkeypatch.setattr(proc, "tasks", lambda pid: [("S", wait) for wait in fake.waits.get(pid, [])])
    monkeypatch.setattr(proc, "holds_connection", lambda pid, _port: pid in fake.connected)
    monkeypatch.setattr(proc, "exit_status", fake.statuses.get)
    return fake


class Watching:
    """The collector `children`, and a lifecycle that takes its rows in."""

    def __init__(self, directory: Path) -> None:
        self.lifecycle = Lifecycle()
        self.now_ns = 0
        context = Context(
            directory, MASTER, 80, 0, self.lifecycle, lambda *_: None, lambda *_: None, clock=lambda: self.now_ns
        )
        self.children = children.Collector(context)

    def feed(self, event: Event) -> None:
        self.lifecycle.feed(event)
        self.children.on_event(event)

    def look(self) -> None:
        self.now_ns += 100_000_000
        for event in self.children.sample():
            self.feed(event)

    def exited(self, pid: int, **data: int) -> None:
        self.feed(Event(self.now_ns + 1, "exits", "exited", pid, data=dict(data)))

    def outcomes(self) -> list[tuple[int, int, str]]:
        return [(e.slot, e.generation, e.outcome) for e in self.lifecycle.episodes()]


@pytest.fixture
def watching(world: World, tmp_path: Path) -> Watching:
    world.fork(11, "do_epoll_wait")
    world.fork(12, "futex", "do_epoll_wait")
    watcher = Watching(tmp_path)
    for _ in range(2):  # the first look finds them, the second one sees that they are ready
        watcher.look()
    return watcher


def test_a_worker_that_waits_for_a_connection_or_holds_one_is_ready(watching: Watching, world: World) -> None:
    assert watching.lifecycle.masters.pid == MASTER
    assert watching.outcomes() == [(1, 0, "ready"), (2, 0, "ready")]
    world.end(11, 0)
    watching.exited(11)
    world.fork(13, "futex-timed")
    watching.look()
    assert watching.lifecycle.starting() == [13]
    world.connected.add(13)  # it is busy, so it never waits for a connection, but it holds one
    watching.look()
    assert watching.outcomes() == [(1, 0, "ready"), (1, 1, "ready"), (2, 0, "ready")]


def test_a_worker_that_ends_well_was_ready_even_if_no_look_saw_it_wait(watching: Watching, world: World) -> None:
    world.end(11, 0)
    watching.exited(11)
    world.fork(13, "running")
    watching.look()
    world.end(13, 30 << 8)  # UWSGI_END_CODE
    watching.exited(13)
    watching.look()
    (episode,) = [e for e in watching.lifecycle.episodes() if e.pid == 13]
    assert episode.outcome == "ready"
    assert episode.forked_ns is not None
    assert episode.ready_ns is not None
    assert episode.forked_ns < episode.ready_ns


def test_the_kernel_reports_workers_that_come_and_end_between_two_looks(watching: Watching, world: World) -> None:
    for pid in (11, 12):
        world.end(pid, 30 << 8)
        watching.exited(pid, exit_status=30)
    for t_ns, kind, pid in ((5, "forked", 13), (6, "forked", 14), (7, "exited", 13), (8, "exited", 14)):
        data = {"exit_status": 30} if kind == "exited" else {}
        watching.feed(Event(watching.now_ns + t_ns, "kernel", kind, pid, data=data))
    watching.look()
    workers = [(e.slot, e.pid, e.outcome) for e in watching.lifecycle.episodes() if e.generation == 1]
    assert workers == [(1, 13, "ready"), (2, 14, "ready")]


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_worker_that_a_look_finds_before_the_kernels_row_counts_once(
    watching: Watching, world: World, has_ended: bool
) -> None:
    world.end(11, 30 << 8)
    watching.exited(11)
    forked = Event(watching.now_ns + 2, "kernel", "forked", 13)
    world.fork(13, "do_epoll_wait")
    watching.look()
    if has_ended:  # the row of its pidfd comes first
        world.end(13, 30 << 8)
        watching.exited(13)
    watching.feed(forked)
    watching.look()
    workers = [(e.slot, e.generation, e.outcome) for e in watching.lifecycle.episodes() if e.pid == 13]
    assert workers == [(1, 1, "ready")]


@pytest.mark.parametrize("data", [{}, {"exit_status": 22}, {"signal": 11}])
def test_a_worker_that_ends_badly_has_crashed(watching: Watching, world: World, data: dict[str, int]) -> None:
    world.end(12, 30 << 8)
    watching.exited(12)
    world.fork(13, "running")
    watching.look()
    world.end(13, 22 << 8)
    watching.exited(13, **data)
    watching.look()
    assert (2, 1, "crashed") in watching.outcomes()


def test_without_a_master_only_the_load_is_recorded(tmp_path: Path) -> None:
    observer = AttachedObserver(tmp_path, 0, 1)
    try:
        assert [collector.name for collector in observer.collectors] == ["usage"]
        observer.step(0)
        assert observer.exit_code is None
        assert observer.pids() == []
    finally:
        observer.close()
    assert UNWATCHED
