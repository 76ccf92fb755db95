"""What a person sees of a campaign: a table on a terminal, lines in a log, and how much time is left."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from stacks.campaign.campaign import Campaign
from stacks.campaign.plan import Asked, order, plan
from stacks.campaign.progress import FIRST_GUESS_S, MARKS, Progress, mark, render, time_left_s
from stacks.catalogue import load


@pytest.fixture
def made(tmp_path: Path) -> Campaign:
    """The default plan, of which two cells cannot be tested."""
    numbers, cells, scenario = plan(load(), Asked())
    campaign = Campaign(numbers, Asked(), cells, scenario, results=tmp_path)
    campaign.not_tested = {3: "no network", 5: "no Python 3.11"}
    runs = order(cells, numbers.trials, numbers.seed)
    campaign.runs = [run for run in runs if run[0] not in campaign.not_tested]
    return campaign


def ended(made: Campaign, index: int, verdict: str, respawns: int = 20, hung: int = 0) -> None:
    counts = {"respawns": respawns, "hung": hung, "hung_initial": 0}
    record = {"status": "done", "verdict": verdict, "counts": counts, "run_id": f"run-{index}", "duration_s": 2.5}
    made.done.append((index, record))


def drawn(made: Campaign, now: float = 0.0) -> list[str]:
    console = Console(file=io.StringIO(), record=True, width=120)
    console.print(render(made, now))
    return console.export_text().splitlines()


def test_time_left_is_guessed_first_and_then_the_mean_of_what_was_seen(made: Campaign) -> None:
    count = len(made.runs)
    assert time_left_s(made, made.began + 9) == FIRST_GUESS_S * count
    for index in range(4):
        ended(made, index, "recovers")
    assert time_left_s(made, made.began + 20) == pytest.approx(5.0 * (count - 4))
    made.done = made.done * (count // 4) + made.done[: count % 4]
    assert time_left_s(made, made.began + 20) == 0


def test_a_row_a_cell_with_what_is_known_so_far(made: Campaign) -> None:
    ended(made, 0, "hung_worker", 16, 16)
    ended(made, 0, "invalid", 3)
    ended(made, 1, "recovers")
    running = SimpleNamespace(index=1, ended=False, phase="loading", respawns=5, hung=1)
    over = SimpleNamespace(index=2, ended=True, phase="done", respawns=99, hung=9)
    made.active = [running, over]
    lines = drawn(made, made.began + 30)
    assert lines[0].split() == ["cell", "runs", "respawns", "hung", "now"]
    assert len(lines) == 1 + len(made.cells) + 1
    assert lines[1].split() == ["py312-2.0.26", "threads", "✗?·", "19", "16"]
    assert lines[2].split() == ["py312-2.0.26", "threads-lazy", "✓··", "25", "1", "loading"]
    assert lines[4].split()[-2:] == ["not", "tested"]
    assert lines[-1] == "3 of 18 runs, about 150 s left".ljust(len(lines[-1]))


def test_a_log_gets_one_line_a_run_with_its_verdict_or_its_error(made: Campaign) -> None:
    console = Console(file=io.StringIO(), record=True, width=60)
    progress = Progress(console)
    with progress:
        progress.update(made)
        ended(made, 0, "hung_worker", 16, 15)
        progress.finished(made, *made.done[0])
        failed = {"status": "failed", "error": "no [such] app", "run_id": "run-x", "verdict": None}
        progress.finished(made, 1, failed)
    assert console.export_text().splitlines() == [
        "[1/18] run-0: hung_worker (16 respawns, 15 hung, 2.5 s)",
        "[1/18] run-x: failed: no [such] app (0 respawns, 0 hung, 0.0 s)",
    ]


def test_a_terminal_shows_the_table_and_keeps_only_failures(made: Campaign) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    progress = Progress(console)
    with progress:
        progress.update(made)
        ended(made, 0, "recovers")
        progress.finished(made, *made.done[0])
        progress.finished(made, 1, {"status": "failed", "error": "why", "run_id": "run-x", "verdict": None})
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "respawns" in written
    assert "run-x: failed: why" in written
    assert "run-0: recovers" not in written


def test_every_hang_and_crash_has_the_same_sign_and_health_another() -> None:
    signs = {verdict: mark(verdict) for verdict in ("recovers", "invalid", "throttled", "hung_exit", "crash_loop")}
    assert signs["hung_exit"] == signs["crash_loop"] == ("✗", "red")
    assert len(set(signs.values())) == 4
    assert mark(None) == MARKS["invalid"]
