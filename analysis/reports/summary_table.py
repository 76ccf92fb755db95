"""Prints the summary of a campaign in the terminal: a table if it fits, otherwise the same words as a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from analysis.reports.summary_notes import notes
from analysis.reports.terminal import STYLES, console
from analysis.summary import campaign_words, verdict_words, wording
from analysis.summary.expectations import is_unexpected
from analysis.summary.left_out_words import left_out_line

GAPS = (2, 1)  # columns of space between the table's columns: the wider one if it fits
WIDER_THAN_ANY = 10_000  # columns, to measure the table as if the terminal had no edge


def show(summary: dict[str, Any], to: Console | None = None) -> None:
    """Print the answer, the cells and the notes on `to` (default: stdout)."""
    to = to or console()
    to.print(Text(campaign_words.answer(summary)))
    to.print(Text(left_out_line(summary["left_out"], summary["damaged"]), "yellow"))
    unlimited = to.options.update(width=WIDER_THAN_ANY)
    tables = [_table(summary["cells"], gap) for gap in GAPS]
    fitting = [table for table in tables if Measurement.get(to, unlimited, table).maximum <= to.width]
    if fitting:
        to.print(fitting[0], "")
    else:
        for entry in summary["cells"]:
            to.print(*_list_item(entry), sep="\n")
    for heading, rows in notes(summary):
        if rows:
            to.print(Text(heading, "bold"))
            for name, text in rows:
                # The terminal itself wraps these lines: a line break of ours would split a path.
                to.print(Text(f"  {name}\n    {text}"), soft_wrap=True)
            to.print()


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
            _lines(_verdict(entry), *_expectation(entry).split(": "), *_generator_mark(entry)),
            _lines(wording.hung_of(entry), wording.hung_at_start(entry)),
            _lines(wording.hang_rate(entry), wording.hang_interval(entry)),
            _lines(wording.respawn_time(entry, "respawn_s_p50"), wording.respawn_time(entry, "respawn_s_p95")),
            _lines(wording.number(entry["answered_rps"]), wording.number(entry["requests_lost"])),
            wording.stop(entry).replace(", ", ",\n", 1),
        )
    return table


def _list_item(entry: dict[str, Any]) -> Iterator[Text]:
    """The lines for one cell where the table is too wide for the terminal."""
    yield Text(wording.cell_name(entry), "bold")
    yield Text("  ").append(_verdict(entry)).append(", ").append(_expectation(entry))
    if entry["runs"]:
        p50, p95 = (wording.respawn_time(entry, name) for name in ("respawn_s_p50", "respawn_s_p95"))
        interval = wording.hang_interval(entry)
        rate = wording.hang_rate(entry) + (f" ({interval})" if interval else "")
        yield Text(f"  {wording.hung_of(entry)} respawns hung: {rate}; respawn p50 {p50}, p95 {p95}")
        load = f"{wording.number(entry['answered_rps'])} answered/s, {wording.number(entry['requests_lost'])} lost"
        yield Text(f"  {load}; stopped by: {wording.stop(entry)}")
        yield from (Text("  ").append(mark) for mark in _generator_mark(entry))
    yield Text("")


def _verdict(entry: dict[str, Any]) -> Text:
    sign, tone = verdict_words.mark(entry["verdict"])
    return Text(f"{sign} {verdict_words.verdict_word(entry)}", STYLES[tone])


def _expectation(entry: dict[str, Any]) -> Text:
    style = "bold red" if is_unexpected(entry) else "dim" if entry["as_expected"] else "yellow"
    return Text(verdict_words.expectation(entry), style)


def _generator_mark(entry: dict[str, Any]) -> list[Text]:
    return [Text("! generator-limited", "yellow")] if wording.generator_warning(entry) else []


def _lines(*parts: str | Text) -> Text:
    return Text("\n").join([Text(part) if isinstance(part, str) else part for part in parts])
