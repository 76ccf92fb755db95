"""The words for the fields of an entry of summary.json."""

import io
import json

import pytest
from results_builder import recovering, typical

from analysis.frames.campaigns import load_campaign
from analysis.reports.campaign_page import render
from analysis.reports.summary_table import show
from analysis.reports.terminal import console
from analysis.summary import wording
from analysis.summary.expectations import exit_code
from analysis.summary.summary import summarise
from stacks.run.parquet import write_requests, write_samples


def summary_of(builder):
    return summarise(load_campaign(builder.write()))


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ("KILL", "no signal, killed after 2.5 s"),
        (None, "ended by itself"),
        ("", "ended by itself"),
        ("TERM", "TERM after 2.5 s"),
    ],
)
def test_the_stop_signal_in_words(builder, signal, words):
    builder.cell()
    builder.run("recovers", recovering(), stop={"signal": signal, "seconds": 2.5})
    assert wording.stop(summary_of(builder)["cells"][0]) == words


def test_a_recording_has_neither_requests_nor_a_stop(builder):
    builder.cell()
    write_requests(builder.run("recovers", recovering(), stop={}))  # no request
    (entry,) = summary_of(builder)["cells"]
    assert (wording.stop(entry), entry["answered_rps"], entry["requests_lost"]) == ("-", None, None)


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0"), (1, "100"), (0.0004, "<0.1"), (0.9996, ">99.9"), (0.0295, "2.9"), (0.5, "50.0")]
)
def test_percent_is_0_or_100_only_if_the_share_is_0_or_1(share, words):
    assert wording.percent(share) == words


def test_the_name_of_a_cell_includes_its_variant(builder):
    for variant in ("w1t1", "w2t1"):
        builder.cell("work", variant=variant)
    names = [wording.cell_name(entry) for entry in summary_of(builder)["cells"]]
    assert names == ["work w1t1 x py312-2.0.30.post1", "work w2t1 x py312-2.0.30.post1"]


def test_arrivals_that_could_not_start_are_a_warning_also_without_samples(builder):
    story = recovering()
    story.request(0.5, 0.0, "missed")
    builder.cell()
    builder.run(story=story)
    (cell,) = summary_of(builder)["cells"]
    assert "the generator could not start 1 arrivals" in wording.generator_warning(cell)


def test_a_run_that_the_generator_limited_is_a_warning_of_its_cell_only(tmp_path):
    path = typical(tmp_path / "campaign")
    busy = next(path.glob("*/run.json")).parent
    begin_ns = json.loads((busy / "run.json").read_text())["load"]["begin_ns"]
    ticks = [(begin_ns + s * 1_000_000_000, "locust", 0, 7, 97 * s, 0, 0, 1, "", 0) for s in range(3)]
    write_samples(busy, ticks)
    summary = summarise(load_campaign(path))
    (warned,) = [cell for cell in summary["cells"] if cell["generator_limited"]]
    assert busy.name.startswith(f"{warned['stack']}")
    assert "1 of 2 runs" in wording.generator_warning(warned)
    assert "0.97 of the one core" in wording.generator_warning(warned)
    assert exit_code(summary) == 0
    shown = io.StringIO()
    show(summary, console(shown))
    assert "! generator-limited" in shown.getvalue()
    assert "answered/s is what Locust could send" in shown.getvalue()
    assert "Warnings" in render(load_campaign(path), summary)
