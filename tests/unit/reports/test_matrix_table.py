"""The tables of a matrix campaign: a field that was not tested is no 0, and a verdict that changed is marked."""

from __future__ import annotations

import io

import pytest
from results_builder import Builder, hanging, recovering
from rich.console import Console

from analysis.figures import verdict_grid, verdict_heatmap
from analysis.frames.campaigns import load_campaign
from analysis.reports import matrix_table
from analysis.reports.campaign_page import render
from analysis.summary.expectations import exit_code
from analysis.summary.summary import summarise

NO_WHEEL = "pyuwsgi 2.0.26 has no wheel for Python 3.13 on this kind of machine."


@pytest.fixture
def builder(tmp_path):
    made = Builder(tmp_path / "campaign")
    made.cell("threads", "py312-2.0.26", "hung_worker")
    made.run("hung_worker", hanging())
    made.cell("threads", "py312-2.0.30.post1")
    made.run("recovers", recovering())
    made.cell("threads", "py313-2.0.26", not_tested_because=NO_WHEEL)
    made.cell("threads", "py314-2.0.30.post1", not_tested_because="Python 3.14 was not found.")
    return made


def summary_of(builder):
    return summarise(load_campaign(builder.write(kind="matrix")))


def shown(summary, width=140):
    file = io.StringIO()
    matrix_table.show(summary, Console(file=file, width=width))
    return file.getvalue()


def test_every_field_says_what_it_is(builder):
    (grid,) = verdict_grid.grids_of(summary_of(builder))
    assert grid.rows == [("pyuwsgi", "3.12"), ("pyuwsgi", "3.13"), ("pyuwsgi", "3.14")]
    assert grid.pins == ["2.0.26", "2.0.30.post1"]
    text = shown(summary_of(builder))
    assert "2 of 2, 100 %" in text
    assert "0 of 6, max. 39.0 %" in text
    assert (text.count("no wheel"), text.count("not tested")) == (2, 1)
    assert "2 of 4 cells tested, 1 has no wheel: all verdicts as expected" in text
    assert "1 cell: py314-2.0.30.post1\n    Python 3.14 was not found." in text


def test_the_title_names_where_workers_hang(builder):
    (grid,) = verdict_grid.grids_of(summary_of(builder))
    assert verdict_grid.title(grid) == (
        "threads: the workers do not come back in 1 of 2 tested combinations: Python 3.12 with 2.0.26"
    )
    assert "Python 3.13 with 2.0.26: no wheel" in verdict_grid.alt_text(grid)


def test_a_missing_wheel_is_no_failure_and_a_changed_verdict_is_one(builder):
    assert exit_code(summary_of(builder)) == 0
    builder.cell("plain", "py312-2.0.26", "recovers")
    builder.run("hung_worker", hanging())
    summary = summary_of(builder)
    assert exit_code(summary) == 3
    text = shown(summary)
    assert "CHANGED: expected recovers" in text.replace("\n", " ") or "CHANGED" in text
    assert "1 verdict CHANGED" in text


def test_a_run_that_failed_is_not_measured(builder):
    builder.cell("plain", "py312-2.0.26")
    builder.run(None, status="failed", error="it broke")
    assert exit_code(summary_of(builder)) == 1


@pytest.mark.parametrize("width", [60, 100, 200])
def test_no_field_is_cut_in_a_narrow_terminal(builder, width):
    assert shown(summary_of(builder), width).count("no wheel") == 2


def test_the_picture_and_the_page_say_the_same(builder):
    summary = summary_of(builder)
    (grid,) = verdict_grid.grids_of(summary)
    texts = [text.get_text() for text in verdict_heatmap.draw(grid).axes[0].texts]
    assert "hung_worker\n2 of 2, 100 %" in texts
    assert (texts.count("no wheel"), texts.count("not tested")) == (1, 1)
    page = render(load_campaign(builder.path), summary)
    assert verdict_grid.title(grid) in page
    assert '<svg class="figure" role="img"' in page
