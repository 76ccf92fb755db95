"""The fixed window of a plan: when the load begins, and what makes it longer or shorter."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from stacks.lifecycle.records import REQUEST_COLUMNS
from stacks.run.answer_count import AnswerCount, Counts
from stacks.run.errors import Interrupted
from stacks.run.load_window import QUIET_S, SLOW_QUIET_S, PlannedWindow, ProbedWindow

DURATION_S, WANTED = 2.0, 20


def window(turn_fd: int = -1, answers: list[int] | None = None, errors: int = 0, **plan: int) -> PlannedWindow:
    """A window. `answers` are the counts of answered requests, one a look, beside the requests with `errors`."""
    counts = (Counts(count + errors, count) for count in answers or [])
    numbers = {"duration_s": DURATION_S, "limit_s": 90.0, **plan}
    return PlannedWindow(numbers, turn_fd, lambda: next(counts, Counts(errors, 0)))


def live(
    respawns: int = 0,
    undecided: int = 0,
    *,
    is_certain: bool = False,
    is_slow: bool = False,
    exit_code: int | None = None,
    verdict: str | None = None,
) -> object:
    """A run whose load began at 100 s."""
    lifecycle = SimpleNamespace(
        load_begin_ns=100 * 10**9,
        respawns=lambda: respawns,
        undecided=lambda: undecided,
        slow_recycle=lambda wanted: (wanted == WANTED and is_slow) or None,
    )
    sent: list[str] = []
    return SimpleNamespace(
        observer=SimpleNamespace(lifecycle=lifecycle),
        load=SimpleNamespace(exit_code=exit_code, send=sent.append),
        sent=sent,
        judgement=SimpleNamespace(verdict=verdict),
        wanted_respawns=WANTED,
        is_certain=lambda: is_certain,
    )


@pytest.mark.parametrize(
    ("run", "has_triggers_left", "after_s", "is_over"),
    [
        (live(respawns=WANTED), False, DURATION_S - 0.1, False),  # the window is fixed
        (live(respawns=WANTED), False, DURATION_S + 0.1, True),
        (live(respawns=WANTED), True, DURATION_S + 0.1, False),  # triggers are left
        (live(is_certain=True), True, 0.1, True),  # more load cannot change the verdict
        (live(exit_code=1), False, 0.1, True),  # Locust has ended
        (live(undecided=1), False, DURATION_S + QUIET_S, False),  # a worker is on its way
        (live(undecided=1, is_slow=True), False, DURATION_S + 0.1, True),  # and the others would come too late
        (live(undecided=1, is_slow=True), False, DURATION_S - 0.1, False),
        (live(), False, QUIET_S - 0.1, False),  # a respawn may still come
        (live(), False, QUIET_S + 0.1, True),
    ],
)
def test_the_load_lasts_the_window_and_longer_while_respawns_are_missing(
    monkeypatch: pytest.MonkeyPatch, run: object, has_triggers_left: bool, after_s: float, is_over: bool
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100 + after_s)
    assert window().is_over(run, has_triggers_left=has_triggers_left) is is_over  # type: ignore[arg-type]


def test_the_load_of_a_remedy_ends_at_the_first_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100.5)
    hangs, healthy = live(verdict="hung_worker"), live()
    assert not window().is_over(hangs, has_triggers_left=False)  # type: ignore[arg-type]
    assert not window(ends_at_hang=True).is_over(healthy, has_triggers_left=False)  # type: ignore[arg-type]
    assert window(ends_at_hang=True).is_over(hangs, has_triggers_left=False)  # type: ignore[arg-type]
    assert (hangs.sent, healthy.sent) == (["kill"], [])  # type: ignore[attr-defined]


def test_every_respawn_extends_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = window()
    answers = []
    for after_s, respawns in ((4.0, 1), (4.0 + QUIET_S - 0.1, 1), (4.0 + QUIET_S, 2), (4.0 + 2 * QUIET_S, 2)):
        monkeypatch.setattr(time, "monotonic", lambda after_s=after_s: 100 + after_s)
        answers.append(planned.is_over(live(respawns), has_triggers_left=False))  # type: ignore[arg-type]
    assert answers == [False, False, False, True]


@pytest.mark.parametrize(("after_s", "is_over"), [(9.9, False), (10.1, True)])
def test_a_plan_may_have_its_own_time_without_a_respawn(
    monkeypatch: pytest.MonkeyPatch, after_s: float, is_over: bool
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100 + after_s)
    planned = window(quiet_s=10, workers=8, max_requests=0)
    assert planned.is_over(live(), has_triggers_left=False) is is_over  # type: ignore[arg-type]
    assert planned.is_over(live(respawns=WANTED), has_triggers_left=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("after_s", "answers", "is_over"),
    [
        (6.0, 17, False),  # 80 answers are due, and come within 30 s
        (6.0, 16, True),  # that is too slow
        (5.0, 80, True),  # a worker has given its 10 answers, and has not left
        (15.0, 79, False),
        (QUIET_S - 0.1, 0, False),
    ],
)
def test_a_slow_app_has_time_until_a_worker_has_reached_max_requests(
    monkeypatch: pytest.MonkeyPatch, after_s: float, answers: int, is_over: bool
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100 + after_s)
    planned = window(answers=[answers], workers=8, max_requests=10)
    assert planned.is_over(live(), has_triggers_left=False) is is_over  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("after_s", "errors", "is_over"),
    [(QUIET_S, 0, False), (SLOW_QUIET_S - 0.1, 0, False), (SLOW_QUIET_S + 0.1, 0, True), (QUIET_S + 0.1, 1, True)],
)
def test_a_load_of_which_no_request_has_ended_is_late(
    monkeypatch: pytest.MonkeyPatch, after_s: float, errors: int, is_over: bool
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100 + after_s)
    planned = window(errors=errors, workers=8, max_requests=10)
    assert planned.is_over(live(), has_triggers_left=False) is is_over  # type: ignore[arg-type]


def test_the_answers_since_the_newest_respawn_count(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = window(answers=[100, 150, 180], workers=8, max_requests=10)
    over = []
    for after_s in (4.0, 4.0 + QUIET_S, 4.0 + QUIET_S + 1):
        monkeypatch.setattr(time, "monotonic", lambda after_s=after_s: 100 + after_s)
        over.append(planned.is_over(live(respawns=1), has_triggers_left=False))  # type: ignore[arg-type]
    assert over == [False, False, True]


def test_answers_are_counted_as_they_are_written(tmp_path: Path) -> None:
    def line(error: str) -> str:
        return "\t".join(f"{error}" if name == "error" else "1" for name in REQUEST_COLUMNS) + "\n"

    count = AnswerCount(tmp_path)
    assert count.read() == Counts(0, 0)
    with (tmp_path / "requests-7.tsv").open("w", encoding="utf-8") as part:
        part.write("\t".join(REQUEST_COLUMNS) + "\n" + line("") + line("timeout") + line("")[:5])
        part.flush()
        assert count.read() == Counts(2, 1)
        part.write(line("")[5:] + line(""))
        part.flush()
        assert (count.read(), count.read()) == (Counts(4, 3), Counts(4, 3))
    head = "\t".join(REQUEST_COLUMNS) + "\n"
    (tmp_path / "requests-8.tsv").write_text(head + line(""), encoding="utf-8")
    assert count.read() == Counts(5, 4)


def test_the_load_begins_with_a_line_of_the_campaign_and_not_when_the_campaign_has_ended() -> None:
    read_end, write_end = os.pipe()
    try:
        planned = window(read_end)
        assert not planned.may_begin()
        with pytest.raises(Interrupted):
            planned.begin()
        os.write(write_end, b"go\n")
        assert planned.may_begin()
        assert not planned.begin()  # there are no further senders
        os.close(write_end)
        assert planned.may_begin()
        with pytest.raises(Interrupted):
            planned.begin()
    finally:
        os.close(read_end)


@pytest.mark.parametrize("is_refused", [True, False])
def test_the_load_of_a_page_that_the_probe_refuses_ends_at_once(
    monkeypatch: pytest.MonkeyPatch, is_refused: bool
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100.1)
    sent: list[str] = []
    run = live()
    run.load.send = sent.append  # type: ignore[attr-defined]
    probed = ProbedWindow(window(), SimpleNamespace(is_refused=lambda: is_refused))  # type: ignore[arg-type]
    assert probed.is_over(run, has_triggers_left=False) is is_refused  # type: ignore[arg-type]
    assert sent == ["kill"] * is_refused
    assert (probed.limit_s, probed.window_s(0, 1)) == (90.0, DURATION_S)
