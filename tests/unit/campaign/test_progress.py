"""How a campaign is shown: a table on a terminal, lines in a log, and the time that is left."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from stacks.campaign.campaign import Campaign
from stacks.campaign.plan import make_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.progress import Progress, prepared
from stacks.campaign.progress_table import MARKS, mark, render, time_left_s
from stacks.campaign.run_order import run_order
from stacks.catalogue import load
from stacks.observe import proc


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    """A campaign with the default plan. Two of its cells cannot be tested."""
    plan, cells, scenario = make_plan(load(), PlanOptions())
    campaign = Campaign(plan, PlanOptions(), cells, scenario, results=tmp_path)
    campaign.not_tested = {3: "no network", 5: "no Python 3.11"}
    runs = run_order(cells, plan.trials, plan.seed)
    campaign.runs = [run for run in runs if run[0] not in campaign.not_tested]
    return campaign


def end_run(campaign: Campaign, index: int, verdict: str, respawns: int = 20, hung: int = 0, first: int = 0) -> None:
    counts = {"respawns": respawns, "hung": hung, "hung_initial": first}
    record = {"status": "done", "verdict": verdict, "counts": counts, "run_id": f"run-{index}", "duration_s": 2.5}
    campaign.done.append((index, record))


def drawn_lines(campaign: Campaign, now_s: float = 0.0) -> list[str]:
    console = Console(file=io.StringIO(), record=True, width=120)
    console.print(render(campaign, now_s))
    return console.export_text().splitlines()


def test_the_time_left_follows_from_the_mean_and_never_climbs(campaign: Campaign) -> None:
    count = len(campaign.runs)
    assert time_left_s(campaign, campaign.began_s + 9) is None
    for index in range(4):
        end_run(campaign, index, "recovers")
    campaign.last_end_s = campaign.began_s + 20
    shown = [time_left_s(campaign, campaign.began_s + 20 + second) for second in range(5)]
    assert shown == pytest.approx([5.0 * (count - 4) - second for second in range(5)])
    end_run(campaign, 4, "recovers")
    campaign.last_end_s = campaign.began_s + 60  # a slow run: the mean has doubled, and the time does not climb
    assert time_left_s(campaign, campaign.began_s + 60) == shown[-1]
    campaign.done = campaign.done * (count // 5) + campaign.done[: count % 5]
    assert time_left_s(campaign, campaign.began_s + 61) == 0


def test_each_cell_has_a_row_with_its_counts_so_far(campaign: Campaign) -> None:
    end_run(campaign, 0, "hung_worker", 16, 16)
    end_run(campaign, 0, "invalid", 3)
    end_run(campaign, 1, "recovers")
    running = SimpleNamespace(index=1, has_ended=False, phase="loading", respawns=5, hung=1)
    over = SimpleNamespace(index=2, has_ended=True, phase="done", respawns=99, hung=9)
    campaign.active = [running, over]
    campaign.last_end_s = campaign.began_s + 30
    lines = drawn_lines(campaign, campaign.began_s + 30)
    assert lines[0].split() == ["cell", "runs", "respawns", "hung", "now"]
    assert len(lines) == 1 + len(campaign.cells) + 1
    assert lines[1].split() == ["py312-2.0.26", "threads", "✗?·", "19", "16"]
    assert lines[2].split() == ["py312-2.0.26", "threads-lazy", "✓··", "25", "1", "loading"]
    assert lines[4].split()[-2:] == ["not", "tested"]
    assert lines[-1] == "3 of 18 runs, about 150 s left".ljust(len(lines[-1]))


def test_a_log_has_one_line_for_each_run_with_its_verdict_or_its_error(campaign: Campaign) -> None:
    console = Console(file=io.StringIO(), record=True, width=60)
    progress = Progress(console)
    with progress:
        progress.update(campaign)
        end_run(campaign, 0, "hung_worker", 16, 15, 8)
        progress.run_ended(campaign, *campaign.done[0])
        failed = {"status": "failed", "error": "no [such] app", "run_id": "run-x", "verdict": None}
        progress.run_ended(campaign, 1, failed)
    assert console.export_text().splitlines() == [
        "[1/18] run-0: hung_worker (23 of 24 workers hung at the fork, 2.5 s)",
        "[1/18] run-x: failed: no [such] app (0 of 0 workers hung at the fork, 0.0 s)",
    ]


def test_a_terminal_shows_the_table_and_keeps_only_the_lines_of_failures(campaign: Campaign) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    progress = Progress(console)
    with progress:
        progress.update(campaign)
        end_run(campaign, 0, "recovers")
        progress.run_ended(campaign, *campaign.done[0])
        progress.run_ended(campaign, 1, {"status": "failed", "error": "why", "run_id": "run-x", "verdict": None})
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "respawns" in written
    assert "run-x: failed: why" in written
    assert "run-0: recovers" not in written


def test_all_hangs_and_crashes_have_one_sign_and_health_has_another() -> None:
    signs = {verdict: mark(verdict) for verdict in ("recovers", "invalid", "throttled", "hung_exit", "crash_loop")}
    assert signs["hung_exit"] == signs["crash_loop"] == ("✗", "red")
    assert len(set(signs.values())) == 4
    assert mark(None) == MARKS["invalid"]


@pytest.mark.parametrize("interrupted", ["while the environments are made", "in a run"])
def test_the_fork_servers_end_with_the_runs_also_after_an_interrupt(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, interrupted: str
) -> None:
    pids: set[int] = set()

    def prepare(_report: object) -> None:
        assert campaign.servers is not None
        pids.update(campaign.servers.pids)
        assert all(map(proc.is_alive, pids))
        if interrupted != "in a run":
            raise KeyboardInterrupt

    monkeypatch.setattr(campaign, "prepare", prepare)
    with pytest.raises(KeyboardInterrupt), prepared(campaign, Console(file=io.StringIO())):
        raise KeyboardInterrupt
    assert len(pids) == 2
    assert not any(map(proc.is_alive, pids))
