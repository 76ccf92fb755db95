"""The summary in a terminal: a table where it fits, otherwise the same words as a list."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import IO, Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from analysis.summary import campaign_words, verdict_words, wording
from analysis.summary.expectations import is_unexpected

STYLES = {"good": "green", "warn": "yellow", "bad": "bold red", "none": "dim"}
PIPED_WIDTH = 120  # a pipe has no width; CI logs show this many columns without wrapping


def console(file: IO[str] | None = None) -> Console:
    """A console on `file`, as wide as the table likes it where nobody says how wide it is."""
    file = file or sys.stdout
    known = file.isatty() or "COLUMNS" in os.environ
    return Console(file=file, width=None if known else PIPED_WIDTH, highlight=False, emoji=False)


def _verdict(entry: dict[str, Any]) -> Text:
    sign, tone = verdict_words.mark(entry["verdict"])
    return Text(f"{sign} {verdict_words.verdict_word(entry)}", STYLES[tone])


def _expectation(entry: dict[str, Any]) -> Text:
    style = "bold red" if is_unexpected(entry) else "dim" if entry["as_expected"] else "yellow"
    return Text(verdict_words.expectation(entry), style)


def _generator(entry: dict[str, Any]) -> list[Text]:
    return [Text("! generator-limited", "yellow")] if wording.generator_warning(entry) else []


def _lines(*parts: str | Text) -> Text:
    return Text("\n").join([Text(part) if isinstance(part, str) else part for part in parts])


def _table(cells: list[dict[str, Any]], gap: int) -> Table:
    table = Table(box=None, padding=(0, gap, 1, 0), pad_edge=False, header_style="bold")
    for heading in ("stack\nversion", "verdict\nruns"):
        table.add_column(heading)
    for heading in ("hung of\nrespawns", "hang rate\n95 % interval", "respawn\np50\np95", "answered/s\nlost"):
        table.add_column(heading, justify="right")
    table.add_column("stopped by")
    for entry in cells:
        table.add_row(
            _lines(wording.stack_name(entry), entry["version"]),
            _lines(_verdict(entry), *_expectation(entry).split(": "), *_generator(entry)),
            _lines(wording.hung_of(entry), wording.hung_at_start(entry)),
            _lines(wording.hang_rate(entry), wording.hang_interval(entry)),
            _lines(wording.respawn_time(entry, "respawn_s_p50"), wording.respawn_time(entry, "respawn_s_p95")),
            _lines(wording.number(entry["answered_rps"]), wording.number(entry["requests_lost"])),
            wording.stop(entry).replace(", ", ",\n", 1),
        )
    return table


def _listed(entry: dict[str, Any]) -> Iterator[Text]:
    """One cell where the table is too wide for the terminal."""
    yield Text(wording.cell_name(entry), "bold")
    yield Text("  ").append(_verdict(entry)).append(", ").append(_expectation(entry))
    if entry["runs"]:
        p50, p95 = (wording.respawn_time(entry, name) for name in ("respawn_s_p50", "respawn_s_p95"))
        interval = wording.hang_interval(entry)
        rate = wording.hang_rate(entry) + (f" ({interval})" if interval else "")
        yield Text(f"  {wording.hung_of(entry)} respawns hung: {rate}; respawn p50 {p50}, p95 {p95}")
        load = f"{wording.number(entry['answered_rps'])} answered/s, {wording.number(entry['requests_lost'])} lost"
        yield Text(f"  {load}; stopped by: {wording.stop(entry)}")
        yield from (Text("  ").append(mark) for mark in _generator(entry))
    yield Text("")


def notes(summary: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Below the cells: what was not measured, what surprised, and what proves the hangs."""
    cells = summary["cells"]
    untested = [(wording.cell_name(c), c["not_tested_because"]) for c in cells if c["not_tested_because"]]
    odd = [c for c in cells if not c["as_expected"] and not c["not_tested_because"]]
    yield "Not tested", untested
    yield "Not as expected, or not measured", [(wording.cell_name(c), c["reason"] or "no run of it ended") for c in odd]
    yield "Warnings", [(wording.cell_name(c), warning) for c in cells if (warning := wording.generator_warning(c))]
    yield "Left out", [(row["run_id"], row["reason"]) for row in summary["left_out"]]
    causes = campaign_words.causes(summary)
    yield "What is behind it, and what helps", [(", ".join(names), text) for text, names in causes]
    yield "Evidence", [(", ".join(names), text) for text, names in campaign_words.evidence_groups(summary)]


def show(summary: dict[str, Any], to: Console | None = None) -> None:
    """Print the answer, the cells and the notes."""
    to = to or console()
    to.print(Text(campaign_words.answer(summary)), "", sep="\n")
    boundless = to.options.update(width=10_000)
    tables = [_table(summary["cells"], gap) for gap in (2, 1)]
    fitting = [table for table in tables if Measurement.get(to, boundless, table).maximum <= to.width]
    if fitting:
        to.print(fitting[0], "")
    else:
        for entry in summary["cells"]:
            to.print(*_listed(entry), sep="\n")
    for title, rows in notes(summary):
        if rows:
            to.print(Text(title, "bold"))
            for name, text in rows:
                # Wrapping a path would break it, so that is left to the terminal.
                to.print(Text(f"  {name}\n    {text}"), soft_wrap=True)
            to.print()
