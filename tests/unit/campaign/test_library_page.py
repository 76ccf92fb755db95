"""The page of the libraries: what it says of verdicts, rates, times, threads and items, and what it advises."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from contract import problems_below
from results_builder import Builder, Story, hanging, recovering
from rich.console import Console

from stacks.campaign import library_report, library_words
from stacks.campaign.library_advice import HOOKS, advice
from stacks.campaign.library_page import page
from stacks.campaign.library_report import PAGE, write_page
from stacks.campaign.library_results import LibraryResult, LibraryRun, lost_threads, read_results
from stacks.catalogue.libraries import MODES, load_libraries
from stacks.lifecycle.exit_crashes import ExitCrashes
from stacks.lifecycle.records import RecordError

LISTED = load_libraries()
TIMER, LISTENER, APSCHEDULER = "stdlib_timer", "stdlib_queue_listener", "apscheduler_background"
NEVER_ENDS = {"stop": {"signal": "KILL", "seconds": 2.5, "tried": [], "left_behind": []}}


def library_run(verdict: str = "recovers", **more: Any) -> LibraryRun:
    values: dict[str, Any] = {"reason": "", "trials": 32, "hung": 0, "hung_first": 0, "respawns_s": (1.0,)}
    values |= {"master_threads": 1, "items": None, "lost_threads": None, "looked_late": False}
    return LibraryRun(verdict, **(values | more))


def result(*runs: LibraryRun, mode: str = "preforking") -> LibraryResult:
    return LibraryResult(TIMER, mode, (), "py312-2.0.30.post1", runs=list(runs))


def items(live: tuple[int, int], left: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """The items of a run.json: (arrived, sent) of the workers that lived on, and of those that left."""
    everything = {"arrived": live[0] + left[0], "sent": live[1] + left[1]}
    return everything | {"lived_on": {"arrived": live[0], "sent": live[1]}, "by_worker": {}}


HEALTHY, HUNG = result(library_run()), result(library_run("hung_worker", hung=4))
SLOW = result(library_run(respawns_s=(31.0, 30.0)))
LOST, DELIVERED = result(library_run(items=items((0, 16)))), result(library_run(items=items((16, 16), (0, 320))))
CRASHED = result(library_run(exits=ExitCrashes(30, 32)))
JUDGED_BY_NOBODY = result(library_run("invalid"))


# -- what to set ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modes", "sentence"),
    [
        ((HEALTHY, HEALTHY, HEALTHY), "nothing needed"),
        ((HEALTHY, None, None), "nothing needed"),
        ((HUNG, HEALTHY, HEALTHY), "lazy-apps or py-call-uwsgi-fork-hooks"),
        ((HUNG, HEALTHY, HUNG), "lazy-apps; with py-call-uwsgi-fork-hooks workers hang"),
        ((HEALTHY, HUNG, HUNG), "nothing needed"),
        ((CRASHED, HEALTHY, CRASHED), "lazy-apps; with py-call-uwsgi-fork-hooks workers crash at their exit"),
        ((SLOW, HEALTHY, None), "lazy-apps; py-call-uwsgi-fork-hooks is not measured"),
        ((LOST, DELIVERED, LOST), "lazy-apps; with py-call-uwsgi-fork-hooks items are lost"),
        ((LOST, SLOW, DELIVERED), "py-call-uwsgi-fork-hooks; with lazy-apps recycles are slow"),
        (
            (HUNG, HUNG, LOST),
            f"neither helps: with lazy-apps workers hang, with {HOOKS} items are lost",
        ),
        ((HUNG, HUNG, None), "not measured what helps"),
        ((None, HEALTHY, HEALTHY), "not measured"),
        ((JUDGED_BY_NOBODY, HEALTHY, HEALTHY), "not measured"),
    ],
)
def test_what_to_set_follows_from_the_verdicts(modes: tuple[LibraryResult | None, ...], sentence: str) -> None:
    assert advice(*modes) == sentence


# -- words ----------------------------------------------------------------------------------------


def test_not_measured_differs_from_not_judged_and_from_zero() -> None:
    for absent in (None, result()):
        assert library_words.verdict(absent) == "not measured"
        assert library_words.seconds(absent) == "not measured"
        assert library_words.threads(absent) == "not measured"
        assert library_words.items(absent) == "not measured"
        assert library_words.lost_threads(absent) == "not measured"
        assert library_words.numbers(absent) == ""
    assert library_words.verdict(JUDGED_BY_NOBODY) == "not judged"
    assert library_words.numbers(HEALTHY) == "0 of 32"
    assert library_words.seconds(result(library_run(respawns_s=()))) == "no recycle"
    assert library_words.seconds(result(library_run(respawns_s=(float("inf"),)))) == "never"
    assert library_words.lost_threads(result(library_run(lost_threads=()))) == "none"
    assert library_words.items(LOST) == "0 of 16"


def test_a_rate_between_0_and_1_has_its_interval_and_the_runs_that_show_it() -> None:
    rare = result(library_run(), library_run("hung_worker", hung=2, hung_first=1, trials=33), library_run("invalid"))
    assert library_words.verdict(rare) == "hung_worker in 1 of 2 runs"
    assert library_words.numbers(rare) == "2 of 65 (1), 0.85 to 11 %"
    every = result(library_run("hung_request", hung=8, hung_first=8, trials=8))
    assert (library_words.verdict(every), library_words.numbers(every)) == ("hung_request", "8 of 8 (8)")


def test_the_severest_verdict_is_the_one_of_the_cell_and_recycles_have_the_median_of_all_runs() -> None:
    both = result(library_run("hung_exit", respawns_s=(1.0, 2.0)), library_run("hung_worker", respawns_s=(4.0,)))
    assert both.verdict == "hung_worker"
    assert library_words.seconds(both) == "2.0 s"


def test_a_thread_that_no_worker_has_is_lost() -> None:
    rows = [
        ("burn", 1, 0, ""),
        ("send", 1, 0, "posthog"),
        ("pool", 2, 3, ""),
        ("native", 1, None, ""),
        ("own", 0, 4, ""),
    ]
    names = ("thread", "in_master", "in_workers", "package")
    threads = [dict(zip(names, row, strict=True)) for row in rows]
    record = {"threads": threads, "workers": 4, "answered": True, "reason": ""}
    assert lost_threads(record) == ("burn", "send (posthog)")
    assert lost_threads(None) is None
    assert lost_threads(record | {"reason": "no py-spy"}) is None
    assert lost_threads(record | {"workers": 0}) is None


# -- from the files of a campaign -----------------------------------------------------------------


def hangs_at_its_exit() -> Story:
    """Two workers leave: one hangs on a lock at its exit and was of the first generation, the other comes back."""
    story = Story()
    story.add(-1.5, "master", 900)
    first, second = story.first(1), story.first(2)
    story.respawn(2, second, 0.2)
    story.add(0.3, "exit_begun", first)
    for t in (0.4, 1.4, 2.6):
        story.add(t, "state", first, ticks=2, switches=int(10 * t), tasks=[["S", "futex"]])
    return story


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    """A campaign with three libraries: one that hangs rarely, one that loses its items, one that hangs at its exit."""
    builder = Builder(tmp_path / "campaign")
    ready: dict[str, Any] = {"at_ready": {"pss_kib": 1, "master_threads": 2}, "python_full": "3.12.1"}
    for mode, stack in MODES.items():
        builder.cell(stack, variant=TIMER, expected="hung_worker", also_expected=["recovers"])
        builder.run("recovers", recovering(), **ready)
        if mode == "preforking":
            builder.run("hung_worker", hanging(), **ready)
            builder.run(None, status="interrupted", error="interrupted", **ready)
    builder.cell(variant=LISTENER)
    builder.run("recovers", recovering(), items=items((0, 9), (0, 90)), **ready)
    builder.cell("threads-lazy", variant=LISTENER, not_tested_because="no wheel")
    builder.cell(variant=APSCHEDULER, packages=["apscheduler==3.11.3"], expected="hung_exit")
    builder.run("hung_exit", hangs_at_its_exit(), **ready, **NEVER_ENDS)
    return builder.write(kind="libraries")


def test_the_builders_campaign_is_as_the_schemas_describe(campaign: Path) -> None:
    assert problems_below(campaign) == []


def test_every_hung_worker_counts_whichever_way_it_hangs(campaign: Path) -> None:
    results = read_results([campaign])
    timer = results.of(TIMER, "preforking")
    assert timer is not None
    assert dict(timer.verdicts) == {"hung_worker": 1, "recovers": 1}
    assert timer.counts == (2, 8, 0)
    exits = results.of(APSCHEDULER, "preforking")
    assert exits is not None
    assert exits.counts == (1, 2, 1)
    assert results.of(APSCHEDULER, "lazy-apps") is None
    assert (results.servers, len(results.hosts)) == (["pyuwsgi 2.0.30.post1 on Python 3.12.1"], 1)


def test_runs_of_several_campaigns_count_together(campaign: Path) -> None:
    timer = read_results([campaign, campaign]).of(TIMER, "preforking")
    assert timer is not None
    assert timer.counts == (4, 16, 0)


def test_the_page_has_its_tables_and_says_when_with_what_and_where(campaign: Path) -> None:
    text = page(read_results([campaign]), LISTED)
    assert "Measured 1970-01-01: pyuwsgi 2.0.30.post1 on Python 3.12.1; 2 cores, Xeon, Linux 6.1. 6 runs of 6" in text
    assert (
        f"| [{TIMER}](apps/libraries/{TIMER}.py): standard library "
        "| **hung_worker in 1 of 2 runs** 2 of 8 (0), 7.1 to 59 % "
        "| recovers 0 of 6 | recovers 0 of 6 | lazy-apps or py-call-uwsgi-fork-hooks |"
    ) in text
    assert "| recovers 0 of 6, **items are lost** | not measured | not measured | not measured what helps |" in text
    assert f"| [{APSCHEDULER}](apps/libraries/{APSCHEDULER}.py): apscheduler 3.11.3 | **hung_exit** 1 of 2 (1)" in text
    assert f"| {TIMER} | 0.5 s | 0.5 s | 0.5 s | 2 | 2 | 2 |" in text
    missing = "not measured | not measured | not measured | not measured"
    assert f"| {LISTENER} | 0 of 9 | 0 of 90 | {missing} |" in text
    assert "polars" not in text
    assert "numba 0.68.1" in text
    assert "[jax-ml/jax#18989](https://github.com/jax-ml/jax/issues/18989)" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("| [")}
    assert widths == {6}


def test_the_names_of_lost_threads_are_a_column_where_a_run_has_them(campaign: Path) -> None:
    results = read_results([campaign])
    assert "threads that only the master has" not in page(results, LISTED)
    timer = results.of(TIMER, "preforking")
    assert timer is not None
    timer.runs.append(library_run(lost_threads=("Thread-1", "sender (posthog)")))
    row = f"| {TIMER} | 0.5 s | 0.5 s | 0.5 s | 2 | 2 | 2 | "
    assert row + "Thread-1, sender (posthog) |" in page(results, LISTED)
    timer.runs.append(library_run(lost_threads=("Thread-1",), looked_late=True))  # the other is started at a request
    assert row + "Thread-1 |" in page(results, LISTED)


def test_the_page_is_written_beside_the_results_and_only_on_request_to_the_pack(
    campaign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(library_report, "PAGE", tmp_path / "LIBRARIES.md")
    path = write_page([campaign], LISTED, is_for_pack=False)
    assert path == campaign / "libraries.md"
    (link,) = set(re.findall(rf"\]\((\S+{TIMER}\.py)\)", path.read_text()))
    assert (campaign / link).is_file()
    assert not (tmp_path / "LIBRARIES.md").exists()
    assert write_page([campaign], LISTED, is_for_pack=True) == tmp_path / "LIBRARIES.md"
    out = capsys.readouterr().out
    assert f"{LISTENER} " in out
    assert "not measured" in out


def test_the_terminal_shows_each_library_in_one_line(campaign: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    console.print(library_report.table(read_results([campaign]), LISTED))
    assert isinstance(console.file, io.StringIO)
    lines = [line for line in console.file.getvalue().splitlines() if line.startswith(TIMER)]
    assert len(lines) == 1
    assert lines[0].rstrip().endswith("lazy-apps or py-call-uwsgi-fork-hooks")


def test_a_campaign_of_another_kind_or_without_a_verdict_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="not of `libraries`"):
        read_results([Builder(tmp_path / "one").write()])
    builder = Builder(tmp_path / "two")
    builder.cell(variant=TIMER)
    with pytest.raises(RecordError, match="no page to make"):
        page(read_results([builder.write(kind="libraries")]), LISTED)


# -- the page of the pack -------------------------------------------------------------------------


def table_of_verdicts() -> dict[str, list[str]]:
    """The first table of stacks/LIBRARIES.md, by the name of the library."""
    rows = re.findall(r"^\| \[(\w+)\]\(\S+\): (.*) \|$", PAGE.read_text(), re.MULTILINE)
    return {name: row.split(" | ") for name, row in rows}


def test_each_verdict_on_the_page_of_the_pack_is_one_that_libraries_toml_says_was_seen() -> None:
    rows = table_of_verdicts()
    assert set(rows) == set(LISTED.libraries)
    for name, (packages, *fields) in rows.items():
        library = LISTED.libraries[name]
        assert packages == (", ".join(library.packages).replace("==", " ") or "standard library")
        for mode, field in zip(MODES, fields, strict=False):
            seen = re.match(r"\**([a-z_]+)", field)
            assert seen is not None, field
            allowed = {library.expected[mode], *library.also.get(mode, ()), "not"}  # "not measured" is no verdict
            assert seen[1] in allowed, (name, mode, field)
