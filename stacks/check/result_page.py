"""The page of a check, `report.html`: the answer, the table of all ways, the advice, the changes of the copy.

It is one file without scripts, which needs no other file, in the form of the other pages of the pack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stacks import console
from stacks.check.answer import INDENT
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.ways.taken import TakenWay
from stacks.check.ways.ways_text import HEAD, table_row

PAGE_FILE = "report.html"
TEMPLATES = (Path(__file__).parent / "templates", Path(console.__file__).parent)
MARKS = {"recovers": ("good", "ok"), "throttled": ("warn", "!"), "invalid": ("none", "?")}
BAD = ("bad", "X")


@dataclass(frozen=True)
class Block:
    """A part of the answer: a sentence, or lines to paste."""

    text: str
    is_code: bool


def result_page(
    answer: Sequence[str],
    ways: Sequence[TakenWay],
    numbers: Sequence[str],
    advice: Sequence[str],
    neutral: NeutralConfiguration,
    directory: Path,
    *,
    is_bad: bool,
) -> str:
    """Return the page. `ways` come with the worst first; `numbers` are sentences about the recycle at max-requests."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(PAGE_FILE).render(
        title=answer[0],
        meta=directory.name,
        is_bad=is_bad,
        blocks=list(_blocks(answer[1:])),
        head=HEAD,
        taken=[_row(way) for way in ways if way.result.verdict != "not_taken"],
        left=[{"name": w.way.name, "reason": w.result.reason} for w in ways if w.result.verdict == "not_taken"],
        numbers=[line.strip() for line in numbers],
        advice=advice,
        changes=[[c.option, c.original or "(absent)", c.replacement or "(absent)", c.why] for c in neutral.changes],
        directory=directory,
    )


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Yield the lines as sentences; neighbouring lines to paste are one block."""
    for is_code, group in groupby(lines, lambda line: line.startswith(INDENT)):
        if is_code:
            yield Block("\n".join(line.removeprefix(INDENT) for line in group), True)
        else:
            yield from (Block(line, False) for line in group)


def _row(taken: TakenWay) -> dict[str, Any]:
    result = taken.result
    tone, mark = MARKS.get(result.verdict, BAD)
    return {"cells": table_row(taken), "what": taken.way.what, "reason": result.reason, "tone": tone, "mark": mark}
