"""The way runner: it takes one way after another, holds between them, and stops at one that does not end."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rows import MASTER, at, generation, leave, looks, row

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.run.reporter import Reporter
from stacks.run.way_runner import HOLD_S, WayRunner


def way(name: str, trigger: str, wants: str, limit_s: float = 10.0) -> dict[str, Any]:
    return {"way": name, "trigger": f"{trigger}, after 0 s", "wants": wants, "limit_s": limit_s}


@dataclass
class Bench:
    """A runner with two workers that serve. `rows` are what it emits; signals go nowhere."""

    directory: Path
    ways: list[dict[str, Any]]
    now: float = 1.0
    rows: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    signals: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lifecycle = Lifecycle()
        self.feed(*generation(11, 12), row(0.5, "load_begin", source="observer"))
        self.reporter = Reporter()
        self.runner = WayRunner(
            self.ways,
            self.directory,
            lambda: MASTER,
            self.lifecycle,
            self._emit,
            self.reporter,
            lambda: self.now,
            lambda pid, number: self.signals.append((pid, number)),
        )

    def _emit(self, kind: str, **data: Any) -> None:
        self.rows.append((kind, data))
        self.feed(row(self.now, kind, source="observer", **data))

    def feed(self, *rows: Any) -> None:
        for event in rows:
            self.lifecycle.feed(event)

    def step(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.lifecycle.now_ns = max(self.lifecycle.now_ns, at(self.now))
        self.runner.step()

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.rows]

    def replace(self, slot: int, old: int, new: int) -> None:
        t = self.now - 0.01  # the exit takes 7 ms
        self.feed(*leave(old, t), row(self.now, "respawned", new, slot), row(self.now, "ready", new))


def test_a_way_ends_when_every_old_worker_is_replaced_and_that_has_held_for_a_while(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [way("hup", "signal HUP", "all"), way("term", "signal TERM", "all")])
    bench.step()
    bench.step()
    kind, data = bench.rows[0]
    assert (kind, data["way"], data["wants"], data["pids"]) == ("asked", "hup", "all", [11, 12])
    assert bench.signals == [(MASTER, signal.SIGHUP)]
    assert bench.reporter.way == "hup"
    bench.replace(1, 11, 13)
    bench.step(HOLD_S * 2)
    assert bench.kinds() == ["asked"]
    bench.replace(2, 12, 14)
    bench.step()
    bench.step(HOLD_S / 2)
    assert bench.kinds() == ["asked"]
    bench.step(HOLD_S / 2)
    assert bench.kinds() == ["asked", "way_ended"]
    assert bench.rows[1][1]["ended"]
    assert bench.rows[1][1]["done_ns"] == at(bench.now - HOLD_S)
    assert bench.runner.left == 1
    bench.step()
    bench.step()
    assert bench.rows[2][1]["way"] == "term"


def test_a_way_that_wants_one_worker_waits_only_for_the_one_that_was_signalled(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [way("worker-kill", "kill KILL worker", "one")])
    bench.step()
    bench.step()
    (pid, number), *_ = bench.signals
    assert number == signal.SIGKILL
    assert bench.rows[0][1]["pids"] == [pid]
    bench.replace({11: 1, 12: 2}[pid], pid, 15)
    bench.step()
    bench.step(HOLD_S)
    assert bench.runner.left == 0


def test_a_worker_less_and_a_worker_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [way("cheaper", "fifo -", "fewer"), way("cheaper", "fifo +", "more")])
    bench.step()
    bench.step()
    assert bench.rows[0][1]["pids"] == [11, 12]
    bench.feed(*leave(11, bench.now), row(bench.now + 0.1, "cheaped", slot=1))
    bench.step(HOLD_S)
    bench.step(HOLD_S)
    assert bench.kinds() == ["asked", "way_ended"]
    bench.step()
    bench.step()
    assert bench.rows[2][1]["pids"] == [12]
    bench.feed(row(bench.now, "respawned", 13, 1), row(bench.now, "ready", 13))
    bench.step(HOLD_S / 10)
    bench.step(HOLD_S)
    assert bench.kinds() == ["asked", "way_ended"] * 2
    assert all(data["ended"] for kind, data in bench.rows if kind == "way_ended")


def test_a_way_that_does_not_end_is_the_last_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [way("hup", "signal HUP", "all", 3.0), way("int", "signal INT", "end")])
    bench.step()
    bench.step()
    bench.step(2.9)
    assert bench.kinds() == ["asked"]
    bench.step(0.2)
    assert bench.kinds() == ["asked", "way_ended"]
    assert (bench.rows[1][1]["ended"], bench.rows[1][1]["done_ns"]) == (False, 0)
    assert bench.runner.left == 0


def test_the_time_in_which_the_master_gets_no_cpu_is_added_to_the_limit(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [way("hup", "signal HUP", "all", 3.0)])
    bench.feed(*looks(MASTER, 0.6, 0.9, "running", state="R"))  # before the way
    bench.step()
    bench.step()
    bench.feed(*looks(MASTER, 1.1, 3.1, "running", state="R"))
    bench.step(4.8)
    assert bench.kinds() == ["asked"]
    bench.step(0.6)
    assert bench.kinds() == ["asked", "way_ended"]


def test_a_worker_that_is_on_its_way_keeps_the_next_way_waiting(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [way("hup", "signal HUP", "all")])
    bench.feed(*leave(12, 0.9))
    bench.step(1.0)
    bench.step(1.0)
    assert bench.rows == []


def test_the_end_of_the_instance_is_not_for_the_runner_to_tell(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [way("int", "signal INT", "end", 3.0)])
    bench.step()
    bench.step()
    bench.step(2.0)
    assert (bench.kinds(), bench.runner.left) == (["asked"], 1)
