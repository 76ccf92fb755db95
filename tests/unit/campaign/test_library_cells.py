"""The cells of `libraries`: which ones the command line asks for, what is expected of them, and what is resumed."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.campaign.campaign import Campaign
from stacks.campaign.libraries import LIBRARIES, campaign, describe, unfinished
from stacks.campaign.library_cells import LibraryOptions, library_cells
from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import APPS, UsageError, load, venvs
from stacks.catalogue.libraries import MODES, load_libraries
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import CAMPAIGN_FILE, RUN_FILE, SCHEMA, write_json
from stacks.run.run_directory import START_LIMIT_S

KNOWN, LISTED = load(), load_libraries()


def cells(**options: object) -> list[object]:
    return library_cells(KNOWN, LISTED, LibraryOptions(**options))[1]  # type: ignore[arg-type, return-value]


def test_every_library_runs_in_every_mode_with_its_own_app_and_packages() -> None:
    plan, every, scenario = library_cells(KNOWN, LISTED, LibraryOptions())
    assert len(every) == 3 * len(LISTED.libraries)
    assert Counter(cell.stack.name for cell in every) == dict.fromkeys(MODES.values(), len(LISTED.libraries))
    assert len({cell.name for cell in every}) == len(every)
    assert (plan.workers, plan.max_requests, scenario.stem) == (8, 10, plan.scenario)
    for cell in every:
        assert (APPS / cell.stack.app).stem == cell.variant
        assert cell.stack.packages == LISTED.libraries[cell.variant].packages
        assert cell.version.id == LISTED.plan.version


def test_a_hang_gets_more_runs_and_a_rare_one_more_respawns_and_two_verdicts() -> None:
    hanging, healthy = cells(name="stdlib_thread_pool", mode="preforking,lazy-apps")
    assert (hanging.expected, hanging.trials, healthy.expected, healthy.trials) == ("hung_request", 3, "recovers", 1)
    assert (hanging.also_expected, hanging.overrides) == ((), {})
    rare, _, _ = cells(name="stdlib_timer")
    assert (rare.expected, rare.also_expected, rare.trials) == ("hung_worker", ("recovers",), 3)
    assert rare.overrides == {"respawns": LISTED.plan.rare_respawns}
    assert {cell.trials for cell in cells(name="stdlib", trials=2)} == {2}


def test_an_app_that_needs_the_sink_gets_one() -> None:
    (cell,) = cells(name="stdlib_queue_listener", mode="lazy-apps")
    assert cell.overrides["sink"] == "items"


@pytest.mark.parametrize(("cpus", "limit_s"), [({0, 1}, 4 * START_LIMIT_S), (set(range(16)), START_LIMIT_S)])
def test_with_lazy_apps_the_workers_may_import_the_library_all_at_once(
    monkeypatch: pytest.MonkeyPatch, cpus: set[int], limit_s: float
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cpus)
    limits = {cell.stack.name: cell.overrides.get("start_limit_s") for cell in cells(name="scikit_learn_kmeans")}
    assert limits == {"threads": None, "threads-lazy": limit_s, "fork-hooks": None}


def test_a_library_whose_requests_take_long_has_a_window_of_its_own() -> None:
    (cell,) = cells(name="scikit_learn_kmeans", mode="lazy-apps")
    assert cell.overrides["duration_s"] > LISTED.plan.duration_s


def test_at_a_version_with_a_defect_of_the_stack_its_verdict_is_expected() -> None:
    preforking, lazy, hooks = cells(name="stdlib_timer", version="py312-2.0.26")
    assert [cell.expected for cell in (preforking, lazy, hooks)] == ["hung_worker", "hung_worker", "hung_master"]
    assert (preforking.also_expected, preforking.causes[0].name) == ((), "thread-state")


def test_the_first_word_of_a_name_is_enough() -> None:
    names = {cell.variant for cell in cells(name="apscheduler, opentelemetry")}
    assert names == {"apscheduler_background", "opentelemetry_metrics", "opentelemetry_spans"}


def test_another_pin_replaces_that_of_the_package_and_of_those_released_with_it() -> None:
    assert {cell.stack.packages for cell in cells(name="apscheduler", pin="3.10.4")} == {("apscheduler==3.10.4",)}
    spans = cells(name="opentelemetry_spans", pin="1.40.0")[0]
    assert [package.partition("==")[2] for package in spans.stack.packages] == ["1.40.0", "1.40.0"]
    pyarrow = cells(name="pyarrow_table", pin="25.0.0")[0]
    assert pyarrow.stack.packages[0] == "pyarrow==25.0.0"
    assert pyarrow.stack.packages[1].startswith("numpy==2")


@pytest.mark.parametrize(
    ("options", "errors"),
    [
        (
            {"name": "apshceduler", "mode": "lazy", "version": "3.12", "trials": 0},
            ["no library apshceduler", "no mode lazy; the modes are", "no version 3.12", "TRIALS: 0 is not between"],
        ),
        ({"name": "stdlib_timer", "pin": "1.0"}, ["PIN: name one library that is not of the standard library"]),
        ({"pin": "1.0"}, ["PIN: name one library"]),
        ({"name": "apscheduler", "pin": ">=3"}, ["PIN: >=3 is no exact version; write it like apscheduler==3."]),
    ],
)
def test_every_mistake_of_the_command_line_is_an_error_at_once(options: dict[str, object], errors: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        cells(**options)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(errors)
    assert all(line.startswith(error) for line, error in zip(lines, errors, strict=True)), lines


def test_the_dry_run_names_the_libraries_and_counts_the_runs() -> None:
    text = describe(campaign(KNOWN, LISTED, LibraryOptions(name="stdlib_thread_pool,polars", trials=2)))
    assert text.startswith("2 libraries at py312-2.0.30.post1, 2 environments:\n  stdlib_thread_pool ")
    assert "polars==" in text
    assert "6 cells; 12 runs of about " in text


# -- what is resumed ------------------------------------------------------------------------------


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """A campaign of one library that was interrupted after its first run."""

    def ensure(python: str, package: str, pin: str, _beside: tuple[str, ...] = ()) -> venvs.Venv:
        return venvs.Venv(tmp_path, tmp_path / "python", tmp_path / "uwsgi", f"{python}.1", pin)

    monkeypatch.setattr(venvs, "ensure", ensure)
    one = make(tmp_path, LibraryOptions(name="apscheduler"))
    one.prepare()
    directory = one.directory / one.run_id(*one.runs[0])
    directory.mkdir()
    write_json(directory / RUN_FILE, {"schema": SCHEMA, "status": "done", "verdict": "recovers"})
    one.status = "interrupted"
    one.write()
    os.close(one._lock)
    return one


def make(tmp_path: Path, options: LibraryOptions, resumed: Path | None = None) -> Campaign:
    plan, own, scenario = library_cells(KNOWN, LISTED, options)
    results = tmp_path / "results"
    return Campaign(plan, PlanOptions(), own, scenario, kind=LIBRARIES, resumed=resumed, results=results)


def test_an_interrupted_campaign_goes_on_where_it_stopped(started: Campaign, tmp_path: Path) -> None:
    directory = unfinished(started.plan, started.cells, started.results)
    assert directory == started.directory
    again = make(tmp_path, LibraryOptions(name="apscheduler"), directory)
    again.prepare()
    assert (again.runs, again.earlier_runs) == (started.runs[1:], 1)
    record = read_json(directory / CAMPAIGN_FILE)
    assert [cell["packages"] for cell in record["cells"]] == [["apscheduler==3.11.3"]] * 3
    assert record["kind"] == LIBRARIES


@pytest.mark.parametrize(
    "options", [{"name": "polars"}, {"pin": "3.10.4"}, {"version": "py313-2.0.30.post1"}, {"mode": "lazy-apps"}]
)
def test_a_campaign_of_another_library_pin_version_or_mode_is_not_resumed(
    started: Campaign, options: dict[str, str]
) -> None:
    plan, own, _ = library_cells(KNOWN, LISTED, replace(LibraryOptions(name="apscheduler"), **options))
    assert unfinished(plan, own, started.results) is None


def test_a_campaign_that_is_done_is_not_resumed(started: Campaign) -> None:
    started.status = "done"
    started.write()
    assert unfinished(started.plan, started.cells, started.results) is None
