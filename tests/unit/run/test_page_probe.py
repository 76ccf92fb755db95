"""The probe and the load: which pages are refused at once, and for which pages the load decides."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rows import at, generation, lifecycle, looks, row

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.verdict import Judgement, judge
from stacks.run import page_probe
from stacks.run.errors import CannotMeasure
from stacks.run.page_probe import PATIENCE_S, PageProbe
from stacks.run.probe import LIMIT_S, Answer

QUICK = Answer(200, 3, 0.01)
CLOSED = Answer(error="RemoteDisconnected: closed", latency_s=0.02)
LATE = Answer(error="TimeoutError: timed out", latency_s=LIMIT_S)
HANGS = [row(0, "load_begin", source="observer", window_s=4.0), *looks(100, 0.2, 2.2, "futex")]
DIES = [row(0.2, "exited", 100, source="exits", exit_status=1), row(0.9, "died", 100, 1, text="died", last_line="why")]


class Clock:
    """A run in which time passes only while somebody waits. The answer and the rows come at their times."""

    def __init__(self, rows: list[Any], answer: Answer | None, answer_s: float) -> None:
        self.now_s = 0.0
        self.waits: list[float] = []
        self._rows, self._answer, self._answer_s = sorted(rows, key=lambda r: r.t_ns), answer, answer_s
        self.lifecycle: Lifecycle = lifecycle(generation(100, t=-1.0))
        self.observer = SimpleNamespace(lifecycle=self.lifecycle, until=self._until, exit_code=None)
        self.wanted_respawns = 1

    @property
    def answer(self) -> Answer | None:
        return self._answer if self.now_s >= self._answer_s else None

    def is_certain(self) -> bool:
        return self.lifecycle.is_outage()

    def until(self, _phase: str, condition: Callable[[], bool], limit_s: float) -> bool:
        return self._until(condition, limit_s)

    def _until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        begin = self.now_s
        while not condition() and self.now_s < begin + limit_s:
            self.now_s = round(self.now_s + 0.05, 2)
            while self._rows and self._rows[0].t_ns <= at(self.now_s):
                self.lifecycle.feed(self._rows.pop(0))
        self.waits.append(round(self.now_s - begin, 2))
        return condition()

    def judgement(self) -> Judgement:
        return judge(self.lifecycle, self.wanted_respawns, finished=True)


@pytest.fixture
def probing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[PageProbe, Clock]]:
    """Return a function that sends the probe of a run with these rows and this answer."""

    def begin(rows: list[Any] | None = None, answer: Answer | None = None, answer_s: float = 0.0) -> Any:
        clock = Clock(rows or [], answer, answer_s)
        monkeypatch.setattr(page_probe.time, "monotonic_ns", lambda: at(clock.now_s))
        monkeypatch.setattr(page_probe, "Probe", lambda _port, _path: SimpleNamespace(start=lambda: None))
        probe = PageProbe(clock, 0, "/page")  # type: ignore[arg-type]
        monkeypatch.setattr(PageProbe, "answer", property(lambda _self: clock.answer))
        return probe, clock

    return begin


def test_a_quick_page_is_measured(probing: Callable[..., Any]) -> None:
    probe, clock = probing(answer=QUICK, answer_s=0.05)
    probe.wait()
    assert clock.waits == [0.05]
    assert not probe.is_refused()
    assert probe.conclude(clock.judgement()) == clock.judgement()
    assert probe.record()["status"] == 200


def test_a_page_that_hangs_every_worker_gets_its_verdict(probing: Callable[..., Any]) -> None:
    probe, clock = probing(HANGS, LATE, LIMIT_S)
    probe.wait()
    assert clock.waits == [PATIENCE_S]
    clock._until(lambda: False, 1.4)  # the load
    judgement = clock.judgement()
    assert judgement.verdict == "hung_request"
    assert probe.conclude(judgement) is judgement
    assert clock.now_s < LIMIT_S
    assert probe.record()["error"] == "no answer when the run had its verdict"


def test_the_proof_of_a_hang_ends_the_wait(probing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_probe, "PATIENCE_S", 5.0)
    probe, clock = probing(HANGS, LATE, LIMIT_S)
    probe.wait()
    assert clock.waits[0] < 1.5


def test_a_slow_page_is_measured(probing: Callable[..., Any]) -> None:
    probe, clock = probing(answer=Answer(200, 3, 3.0), answer_s=3.0)
    probe.wait()
    assert clock.now_s == PATIENCE_S
    assert not probe.is_refused()
    probe.conclude(clock.judgement())
    assert clock.now_s == 3.0  # the answer is waited for, because it could be too slow


def test_a_page_without_an_answer_in_time_is_refused_after_the_load(probing: Callable[..., Any]) -> None:
    probe, clock = probing(answer=LATE, answer_s=LIMIT_S)
    probe.wait()
    assert not probe.is_refused()
    with pytest.raises(CannotMeasure, match="not answered within 6 s"):
        probe.conclude(clock.judgement())
    assert probe.is_refused()


@pytest.mark.parametrize(("answer", "says"), [(CLOSED, "raises"), (Answer(500, 3, 0.1), "answers 500")])
def test_a_page_that_fails_is_refused_before_the_load(probing: Callable[..., Any], answer: Answer, says: str) -> None:
    probe, _ = probing(answer=answer, answer_s=0.1)
    with pytest.raises(CannotMeasure, match=says):
        probe.wait()


def test_a_worker_that_ends_in_the_request_lets_the_load_decide(probing: Callable[..., Any]) -> None:
    probe, clock = probing(DIES, CLOSED, 0.1)
    probe.wait()
    assert not probe.is_refused()
    clock._until(lambda: False, 1.0)
    loop = Judgement("crash_loop", "they died", 20, 0, 0, None)
    assert probe.conclude(loop) is loop
    with pytest.raises(CannotMeasure, match=r"ended with exit code 1. The last line that it wrote: why"):
        probe.conclude(clock.judgement())


def test_a_worker_that_ended_by_chance_does_not_refuse_a_page_that_recovers(probing: Callable[..., Any]) -> None:
    back = [
        row(1.0, "load_begin", source="observer", window_s=2.0),
        row(1.1, "respawned", 101, 1),
        row(1.2, "ready", 101),
    ]
    probe, clock = probing([*DIES, *back], CLOSED, 0.1)
    probe.wait()
    clock._until(lambda: False, 2.0)
    assert probe.conclude(clock.judgement()).verdict == "recovers"
