"""The results page of a check, check.html: the answer, the table of all ways, the advice, the changes of the copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.ways.taken import TakenWay
from stacks.check.ways.ways_text import HEAD, table_row

PAGE_FILE = "check.html"
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:75em;margin:2em auto;padding:0 1em;color:#222;background:#fff}"
    "table{border-collapse:collapse;margin:1em 0}th,td{border:1px solid #bbb;padding:.3em .6em;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}th{background:#eee}tr.bad td{background:#fdecea}pre{background:#f4f4f4;"
    "padding:1em;white-space:pre-wrap;overflow-wrap:anywhere}"
)


def result_page(
    answer: Sequence[str],
    ways: Sequence[TakenWay],
    numbers: Sequence[str],
    advice: Sequence[str],
    neutral: NeutralConfiguration,
    directory: Path,
) -> str:
    """Return the page. `ways` come with the worst first; `numbers` are sentences about the recycle at max-requests."""
    changes = [[c.option, c.original or "(absent)", c.replacement or "(absent)", c.why] for c in neutral.changes]
    taken = [way for way in ways if way.result.verdict != "not_taken"]
    rows = [[*table_row(way), way.way.what, way.result.reason] for way in taken]
    bad = [way.result.fails for way in taken]
    parts = [
        f"<h1>{escape(answer[0])}</h1>",
        f"<pre>{escape(chr(10).join(answer[1:]))}</pre>",
        "<h2>Every way out and back</h2>",
        _table([*HEAD, "what happens", "result"], rows, bad),
        *_not_taken([way for way in ways if way.result.verdict == "not_taken"]),
        "<h2>At max-requests</h2>",
        _list(numbers),
        *(["<h2>What to change</h2>", _list(advice)] if advice else []),
        "<h2>What the check changed in a copy of your configuration</h2>",
        _table(["option", "your value", "the check's value", "why"], changes),
        f"<p>The recordings of all runs are in {escape(str(directory))}.</p>",
    ]
    head = f"<meta charset=utf-8><title>{escape(answer[0])}</title><style>{STYLE}</style>"
    return f"<!doctype html>\n<html lang=en><head>{head}</head><body>\n" + "\n".join(parts) + "\n</body></html>\n"


def _not_taken(ways: Sequence[TakenWay]) -> list[str]:
    if not ways:
        return []
    return ["<h2>Not taken</h2>", _list(f"{taken.way.name}: {taken.result.reason}" for taken in ways)]


def _list(sentences: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], bad: Sequence[bool] = ()) -> str:
    """Return a table. `bad` tells which rows are about a failure."""
    marks = [*bad, *([False] * (len(rows) - len(bad)))]
    openings = ["<tr class=bad>" if mark else "<tr>" for mark in marks]
    body = "".join(f"{tr}{_cells(row, 'td')}</tr>\n" for tr, row in zip(openings, rows, strict=True))
    return f"<table><tr>{_cells(head, 'th')}</tr>\n{body}</table>"


def _cells(cells: Sequence[str], tag: str) -> str:
    return "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
