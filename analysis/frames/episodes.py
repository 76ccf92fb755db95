"""Reads events.jsonl of a run as episodes, through the same lifecycle that judged the run while it ran."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis.frames.columns import EPISODE_COLUMNS
from stacks.lifecycle.episode import Episode
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.reading import LEFT_OUT, read_rows
from stacks.lifecycle.records import RecordError
from stacks.lifecycle.verdict import judge

COUNTS = ("verdict", "respawns", "hung", "hung_initial")  # of run.json's `counts`


def episode_row(episode: Episode, watched_until_ns: int, first_response_ns: int | None) -> dict[str, object]:
    """Return one row of the episodes frame, without `run_id` and `run_key`."""
    fields = {name: getattr(episode, name) for name in EPISODE_COLUMNS if hasattr(episode, name)}
    return fields | {"watched_until_ns": watched_until_ns, "first_response_ns": first_response_ns}


def read_episodes(path: Path, run: dict[str, Any]) -> tuple[list[Episode], int, list[str]]:
    """Return the episodes of an events file, the moment (ns) until which they were watched, and what was left out.

    A row that cannot be read is left out if the others still give the verdict and the counts of run.json, `run`: the
    row then told nothing that a report needs. Otherwise, and if the rows make no sense, it raises RecordError, which
    names the file and what to do.
    """
    rows, damaged = read_rows(path)
    try:
        lifecycle = Lifecycle.of(rows)
        if damaged and not _gives_counts(lifecycle, run):
            raise RecordError(damaged[0])
        return lifecycle.episodes(), lifecycle.stop_ns or lifecycle.now_ns, [_row_left_out(text) for text in damaged]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RecordError(
            f"{path}: holds a row that makes no sense ({type(error).__name__}: {error}); "
            f"the file is damaged. {LEFT_OUT}"
        ) from error


def _gives_counts(lifecycle: Lifecycle, run: dict[str, Any]) -> bool:
    """Return True if the rows give the verdict and the counts that the run itself has recorded."""
    counts, wanted = run.get("counts"), (run.get("plan") or {}).get("respawns")
    if not counts or wanted is None:
        return False
    found = asdict(judge(lifecycle, wanted, finished=True))
    return all(found[name] == counts.get(name) for name in COUNTS) and found["verdict"] == run["verdict"]


def _row_left_out(text: str) -> str:
    return text.removesuffix(LEFT_OUT) + "The row is left out; the others give the same verdict and counts."
