"""Reads events.jsonl of a run as episodes, through the same lifecycle that judged the run while it ran."""

from __future__ import annotations

from pathlib import Path

from analysis.frames.columns import EPISODE_COLUMNS
from stacks.lifecycle.episode import Episode
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import RecordError, read_events


def episode_row(episode: Episode, watched_until_ns: int, first_response_ns: int | None) -> dict[str, object]:
    """Return one row of the episodes frame, without `run_id` and `run_key`."""
    fields = {name: getattr(episode, name) for name in EPISODE_COLUMNS if hasattr(episode, name)}
    return fields | {"watched_until_ns": watched_until_ns, "first_response_ns": first_response_ns}


def read_episodes(path: Path) -> tuple[list[Episode], int]:
    """Return the episodes of an events file, and the moment (ns) until which they were watched.

    Raises RecordError, which names the file and what to do.
    """
    try:
        lifecycle = Lifecycle.of(read_events(path))
        return lifecycle.episodes(), lifecycle.stop_ns or lifecycle.now_ns
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(
            f"{path}: holds a row that makes no sense ({type(error).__name__}: {error}); "
            "the file is damaged. The run is left out; repeat it, or delete its directory."
        ) from error
