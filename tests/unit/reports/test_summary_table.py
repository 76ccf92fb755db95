"""The table of a campaign in terminals of several widths: what it shows, and the notes below it."""

import io

import pytest
from results_builder import Builder, hanging, recovering, typical
from rich.console import Console

from analysis.frames.campaigns import load_campaign
from analysis.reports import summary_table, terminal
from analysis.summary.summary import summarise


def printed(summary, width=120, **more):
    file = io.StringIO()
    summary_table.show(summary, Console(file=file, width=width, highlight=False, **more))
    return file.getvalue()


@pytest.fixture
def summary(tmp_path):
    return summarise(load_campaign(typical(tmp_path / "campaign")))


def test_a_wide_terminal_shows_a_table(summary):
    lines = printed(summary, 120).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("threads "))
    assert " ".join(lines[at].split()) == "threads X hung_worker 4 of 4 100 % never 15.0 no signal,"
    second = "py312-2.0.26 2 of 2 as expected 51.0 to 100 never 8 killed after 2.5 s"
    assert " ".join(lines[at + 1].split()) == second
    assert any(" ".join(line.split()).startswith("threads ok recovers 0 of 12 0 % 0.50 s 50.0") for line in lines)


@pytest.mark.parametrize("width", [100, 120])
def test_the_table_fits(summary, width):
    text = printed(summary, width)
    assert "hang rate" in text  # the table and not the list
    assert max(map(len, text.splitlines())) <= width


def test_a_narrow_terminal_shows_a_list(summary):
    text = printed(summary, 80)
    assert "threads x py312-2.0.26\n  X hung_worker, 2 of 2 as expected\n" in text
    assert "  4 of 4 respawns hung: 100 % (51.0 to 100); respawn p50 never, p95 never\n" in text
    assert "  15.0 answered/s, 8 lost; stopped by: no signal, killed after 2.5 s\n" in text
    cells = text.split("Evidence")[0]
    assert max(map(len, cells.splitlines())) <= 80


@pytest.mark.parametrize("width", [80, 120])
def test_every_cell_is_named_whole(summary, width):
    text = printed(summary, width)
    for entry in summary["cells"]:
        assert entry["stack"] in text
        assert entry["version"] in text


def test_a_pipe_gets_the_table_without_colour(summary, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    file = io.StringIO()
    summary_table.show(summary, terminal.console(file))
    assert "hang rate" in file.getvalue()
    assert "\x1b" not in file.getvalue()


def test_a_terminal_gets_colour_and_the_same_words(summary):
    coloured = printed(summary, 120, force_terminal=True, color_system="standard")
    assert "\x1b[1;31mX hung_worker" in coloured
    assert "\x1b[32mok recovers" in coloured


def test_settings_in_the_names_are_explained_once(tmp_path):
    builder = Builder(tmp_path / "campaign")
    for stack, variant in (("work", "w1t1"), ("work-lazy", "w8t1m144d24")):
        builder.cell(stack, variant=variant)
        builder.run("recovers", recovering())
    text = printed(summarise(load_campaign(builder.write())))
    assert text.count("Settings in the names") == 1
    assert "  w8t1m144d24\n    8 workers of 1 thread, max-requests 144, max-requests-delta 24." in text


def test_evidence_is_shown_once(summary):
    text = printed(summary)
    assert text.count("take_gil") == 1
    assert "  threads x py312-2.0.26, thread-at-fork x py312-2.0.30.post1\n    take_gil <- " in text


@pytest.mark.parametrize("width", [80, 120])
def test_a_cell_that_was_not_tested_says_why(tmp_path, width):
    builder = Builder(tmp_path / "campaign")
    builder.cell("threads", "py312-2.0.26", "hung_worker", not_tested_because="no Python 3.12 was found")
    text = printed(summarise(load_campaign(builder.write())), width)
    assert "- not tested" in text
    assert "Not tested\n  threads x py312-2.0.26\n    no Python 3.12 was found\n" in text


def test_unexpected_verdicts_and_left_out_runs_are_shown(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    builder.run("hung_worker", hanging(), reason="2 workers were forked and never became ready")
    builder.cell("plain")
    (builder.run("recovers", recovering()) / "events.jsonl").unlink()
    text = printed(summarise(load_campaign(builder.write())))
    assert "UNEXPECTED" in text
    assert "0 of 1 recovers" in text
    assert "    2 workers were forked and never became ready\n" in text
    assert "- not measured" in text
    assert "events.jsonl: missing" in text.split("Left out")[1]


def test_markup_in_a_reason_is_shown_as_it_is(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    builder.run("invalid", recovering(), reason="worker [bold]1[/bold] :warning: said [/]")
    text = printed(summarise(load_campaign(builder.write())))
    assert "worker [bold]1[/bold] :warning: said [/]" in text
